/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broken nv engines. Each is a short function in the place of one callback, of start or of
 * done; the table below says which one breaks which rule.
 */
#include "tests/hil/broken_nv.h"

#include <stdlib.h>
#include <string.h>

struct broken_nv {
	struct nv_engine engine;
	struct nv_client client; /* the good engine's */
	struct nv_client_ops ops;
	const struct sabotage *sabotage;
	struct nv_engine *inner;
	struct nv_client *outer; /* the operation under way */
	struct nv_request request;
};

struct sabotage {
	void (*alter_ops)(struct nv_client_ops *ops);
	void (*alter_caps)(struct nv_caps *caps);
	int (*start)(struct nv_engine *engine, const struct nv_request *request,
		     struct nv_client *client);
};

static struct broken_nv *of_client(struct nv_client *client)
{
	return (struct broken_nv *)(void *)((char *)client - offsetof(struct broken_nv, client));
}

static struct broken_nv *of_engine(struct nv_engine *engine)
{
	return (struct broken_nv *)(void *)engine;
}

/* --- passing on, as it should be ------------------------------------------------------------- */

static ssize_t pull_input(struct nv_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct nv_client *outer = of_client(client)->outer;

	return outer->ops->pull_input(outer, buf, len, cursor);
}

static ssize_t push_output(struct nv_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	struct nv_client *outer = of_client(client)->outer;

	return outer->ops->push_output(outer, buf, len, cursor);
}

static void done(struct nv_client *client, int result, const struct nv_answer *answer)
{
	struct nv_client *outer = of_client(client)->outer;

	outer->ops->done(outer, result, answer);
}

static const struct nv_client_ops good_ops = {
	.pull_input = pull_input, .push_output = push_output, .done = done};

static int start(struct nv_engine *engine, const struct nv_request *request,
		 struct nv_client *client)
{
	struct broken_nv *broken = of_engine(engine);
	int r = broken->inner->ops->start(broken->inner, request, &broken->client);

	if (r < 0)
		return r;
	broken->outer = client;
	broken->request = *request;
	return 0;
}

static int cancel(struct nv_engine *engine, struct nv_client *client)
{
	struct broken_nv *broken = of_engine(engine);

	(void)client;
	return broken->inner->ops->cancel(broken->inner, &broken->client);
}

static const char *why(struct nv_engine *engine)
{
	struct broken_nv *broken = of_engine(engine);

	return broken->inner->ops->why(broken->inner);
}

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

/* Takes any answer for all it asked for. */
static ssize_t pull_input_unchecked(struct nv_client *client, uint8_t *buf, size_t len,
				    size_t cursor)
{
	ssize_t n = pull_input(client, buf, len, cursor);

	return n == 0 || n > (ssize_t)len ? (ssize_t)len : n;
}

static void alter_overlong_count(struct nv_client_ops *ops)
{
	ops->pull_input = pull_input_unchecked;
}

static ssize_t push_output_ahead(struct nv_client *client, const uint8_t *buf, size_t len,
				 size_t cursor)
{
	return push_output(client, buf, len, cursor + 1);
}

static void alter_wrong_cursor(struct nv_client_ops *ops)
{
	ops->push_output = push_output_ahead;
}

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

static ssize_t pull_input_twice(struct nv_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	ssize_t n = pull_input(client, buf, len, cursor);

	return n > 0 ? pull_input(client, buf, (size_t)n, cursor) : n;
}

static void alter_pulled_twice(struct nv_client_ops *ops)
{
	ops->pull_input = pull_input_twice;
}

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

static bool is_empty(const struct sabotage *sabotage)
{
	return !sabotage->alter_ops && !sabotage->alter_caps && !sabotage->start;
}

/* Through the table, so that each engine's ops are const. */
static int start_as_told(struct nv_engine *engine, const struct nv_request *request,
			 struct nv_client *client)
{
	const struct sabotage *sabotage = of_engine(engine)->sabotage;

	return sabotage->start ? sabotage->start(engine, request, client)
			       : start(engine, request, client);
}

int broken_nv_open(enum hil_rule rule, struct nv_engine *inner, struct broken_nv **ret_broken)
{
	static const struct nv_engine_ops ops = {
		.start = start_as_told, .cancel = cancel, .why = why};
	struct broken_nv *broken;

	if ((unsigned)rule > HIL_RULES || is_empty(&sabotages[rule]))
		return -PLUTON_ENOSUPPORT;
	broken = calloc(1, sizeof(*broken));
	if (!broken)
		return -PLUTON_ENOMEM;
	broken->sabotage = &sabotages[rule];
	broken->inner = inner;
	broken->engine = *inner;
	broken->engine.head.name = "broken";
	broken->engine.ops = &ops;
	broken->ops = good_ops;
	broken->client.ops = &broken->ops;
	if (broken->sabotage->alter_ops)
		broken->sabotage->alter_ops(&broken->ops);
	if (broken->sabotage->alter_caps)
		broken->sabotage->alter_caps(&broken->engine.caps);
	*ret_broken = broken;
	return 0;
}

void broken_nv_close(struct broken_nv *broken)
{
	free(broken);
}

struct hil_engine *broken_nv_engine(struct broken_nv *broken)
{
	return &broken->engine.head;
}
