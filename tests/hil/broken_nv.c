/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broken nv engines. Each is a short function in the place of one callback, of start or of
 * done; the table below says which one breaks which rule.
 */
#include "tests/hil/broken_nv.h"

#include <stdlib.h>

#include "tests/hil/broken-half.h"

struct broken_nv {
	struct nv_engine engine;
	struct nv_client client; /* the good engine's */
	struct nv_client_ops ops;
	const struct sabotage *sabotage;
	struct nv_engine *inner;
	struct nv_client *outer; /* the operation under way */
	struct nv_request request;
};

BROKEN_SABOTAGE(nv)
BROKEN_OF(struct broken_nv, nv)

/* --- passing on, as it should be ------------------------------------------------------------- */

BROKEN_PASSES(nv, pull_input, uint8_t *)
BROKEN_PASSES(nv, push_output, const uint8_t *)

static void done(struct nv_client *client, int result, const struct nv_answer *answer)
{
	struct nv_client *outer = of_client(client)->outer;

	outer->ops->done(outer, result, answer);
}

static const struct nv_client_ops good_ops = {
	.pull_input = pull_input, .push_output = push_output, .done = done};

BROKEN_STARTS(nv)
BROKEN_EXPLAINS(nv)

/* --- rules 1 and 2 --------------------------------------------------------------------------- */

static int start_and_pull_at_once(struct nv_engine *engine, const struct nv_request *request,
				  struct nv_client *client)
{
	uint8_t byte;
	int r = start(engine, request, client);

	if (r == 0)
		client->ops->pull_input(client, &byte, 1, 0);
	return r;
}

static void done_twice(struct nv_client *client, int result, const struct nv_answer *answer)
{
	done(client, result, answer);
	done(client, result, answer);
}

static void alter_done_twice(struct nv_client_ops *ops)
{
	ops->done = done_twice;
}

static void done_and_pull(struct nv_client *client, int result, const struct nv_answer *answer)
{
	uint8_t byte;

	done(client, result, answer);
	pull_input(client, &byte, 1, 0);
}

static void alter_callback_after_done(struct nv_client_ops *ops)
{
	ops->done = done_and_pull;
}

/* --- rules 4 and 5 --------------------------------------------------------------------------- */

BROKEN_OVERLONG_COUNT(nv)
BROKEN_WRONG_CURSOR(nv)

static void done_after_a_look(struct nv_client *client, int result, const struct nv_answer *answer)
{
	const struct nv_request *request = &of_client(client)->request;
	uint8_t byte;

	if (request->action == NV_PUT && request->length == 0)
		pull_input(client, &byte, 1, 0);
	done(client, result, answer);
}

static void alter_empty_pull(struct nv_client_ops *ops)
{
	ops->done = done_after_a_look;
}

BROKEN_PULLED_TWICE(nv)

/* The answer speaks of more than was pushed. */
static void done_with_too_much(struct nv_client *client, int result, const struct nv_answer *answer)
{
	struct nv_answer boast = {0};

	if (answer)
		boast = *answer;
	boast.length += of_client(client)->request.action == NV_READ;
	done(client, result, answer ? &boast : NULL);
}

static void alter_incomplete(struct nv_client_ops *ops)
{
	ops->done = done_with_too_much;
}

/* --- rules 6, 12 and 13 ---------------------------------------------------------------------- */

static void done_without_the_reason(struct nv_client *client, int result,
				    const struct nv_answer *answer)
{
	done(client, result == -PLUTON_ENOACK ? -PLUTON_EFAIL : result, answer);
}

static void alter_error_not_reported(struct nv_client_ops *ops)
{
	ops->done = done_without_the_reason;
}

/* The engine takes more than these say: it does not look at them. */
static void alter_caps_with_a_shorter_read(struct nv_caps *caps)
{
	caps->read_max--;
}

static void done_unless_cancelled(struct nv_client *client, int result,
				  const struct nv_answer *answer)
{
	if (result != -PLUTON_ECANCEL)
		done(client, result, answer);
}

static void alter_done_missing(struct nv_client_ops *ops)
{
	ops->done = done_unless_cancelled;
}

/* --- the table ------------------------------------------------------------------------------- */

static const struct sabotage sabotages[HIL_RULES + 1] = {
	[HIL_SYNCHRONOUS_CALLBACK] = {.start = start_and_pull_at_once},
	[HIL_DONE_TWICE] = {.alter_ops = alter_done_twice},
	[HIL_CALLBACK_AFTER_DONE] = {.alter_ops = alter_callback_after_done},
	[HIL_OVERLONG_COUNT] = {.alter_ops = alter_overlong_count},
	[HIL_WRONG_CURSOR] = {.alter_ops = alter_wrong_cursor},
	[HIL_EMPTY_PULL] = {.alter_ops = alter_empty_pull},
	[HIL_PULLED_TWICE] = {.alter_ops = alter_pulled_twice},
	[HIL_INCOMPLETE] = {.alter_ops = alter_incomplete},
	[HIL_ERROR_NOT_REPORTED] = {.alter_ops = alter_error_not_reported},
	[HIL_BAD_SIZE] = {.alter_caps = alter_caps_with_a_shorter_read},
	[HIL_DONE_MISSING] = {.alter_ops = alter_done_missing},
	[HIL_RULES] = {.start = start}, /* breaks none */
};

BROKEN_ENGINE(struct broken_nv, nv, .why = why)
BROKEN_OPENS(broken_nv, nv)
