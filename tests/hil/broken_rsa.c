/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broken rsa engines. Each is a short function in the place of one callback, of start or of
 * done; the table below says which one breaks which rule.
 */
#include "tests/hil/broken_rsa.h"

#include <stdlib.h>
#include <string.h>

#include "tests/hil/broken-half.h"

struct broken_rsa {
	struct rsa_engine engine;
	struct rsa_client client; /* the good engine's */
	struct rsa_client_ops ops;
	const struct sabotage *sabotage;
	struct rsa_engine *inner;
	struct rsa_client *outer; /* the operation under way */
	struct rsa_request request;
};

BROKEN_SABOTAGE(rsa)
BROKEN_OF(struct broken_rsa, rsa)

/* --- passing on, as it should be ------------------------------------------------------------- */

static int pull_part(struct rsa_client *client, enum rsa_part part, uint8_t *number, size_t len)
{
	struct rsa_client *outer = of_client(client)->outer;

	return outer->ops->pull_part(outer, part, number, len);
}

static int push_part(struct rsa_client *client, enum rsa_part part, const uint8_t *number,
		     size_t len)
{
	struct rsa_client *outer = of_client(client)->outer;

	return outer->ops->push_part(outer, part, number, len);
}

BROKEN_PASSES(rsa, pull_label, uint8_t *)
BROKEN_PASSES(rsa, pull_input, uint8_t *)
BROKEN_PASSES(rsa, push_output, const uint8_t *)
BROKEN_PASSES_WHOLE(rsa, pull_signature, uint8_t *)
BROKEN_PASSES_DONE(rsa)

static const struct rsa_client_ops good_ops = {
	.pull_part = pull_part,
	.push_part = push_part,
	.pull_label = pull_label,
	.pull_input = pull_input,
	.push_output = push_output,
	.pull_signature = pull_signature,
	.done = done,
};

BROKEN_STARTS(rsa)
BROKEN_EXPLAINS(rsa)

/* --- rules 1 and 2 --------------------------------------------------------------------------- */

static int start_and_pull_at_once(struct rsa_engine *engine, const struct rsa_request *request,
				  struct rsa_client *client)
{
	uint8_t modulus[RSA_SIZE_MAX];
	int r = start(engine, request, client);

	if (r == 0)
		client->ops->pull_part(client, RSA_N, modulus, request->size);
	return r;
}

BROKEN_DONE_TWICE(rsa)

static void done_and_push(struct rsa_client *client, int result)
{
	static const uint8_t byte;

	done(client, result);
	push_output(client, &byte, 1, 0);
}

static void alter_callback_after_done(struct rsa_client_ops *ops)
{
	ops->done = done_and_push;
}

/* --- rule 4 ---------------------------------------------------------------------------------- */

/* The exponent before the modulus. */
static int pull_part_swapped(struct rsa_client *client, enum rsa_part part, uint8_t *number,
			     size_t len)
{
	uint8_t exponent[RSA_EXPONENT_SIZE];

	if (part == RSA_N)
		pull_part(client, RSA_E, exponent, sizeof(exponent));
	return pull_part(client, part, number, len);
}

static void alter_wrong_step(struct rsa_client_ops *ops)
{
	ops->pull_part = pull_part_swapped;
}

static int pull_part_short(struct rsa_client *client, enum rsa_part part, uint8_t *number,
			   size_t len)
{
	return pull_part(client, part, number, part == RSA_N ? len : len - 1);
}

static void alter_not_whole(struct rsa_client_ops *ops)
{
	ops->pull_part = pull_part_short;
}

BROKEN_OVERLONG_COUNT(rsa)
BROKEN_WRONG_CURSOR(rsa)

/* --- rules 5 and 6 --------------------------------------------------------------------------- */

BROKEN_PULLED_TWICE(rsa)

/* Keeps the last piece of a signature to itself. */
static ssize_t push_output_but_the_end(struct rsa_client *client, const uint8_t *buf, size_t len,
				       size_t cursor)
{
	if (cursor + len == of_client(client)->request.size)
		return (ssize_t)len;
	return push_output(client, buf, len, cursor);
}

static void alter_incomplete(struct rsa_client_ops *ops)
{
	ops->push_output = push_output_but_the_end;
}

BROKEN_ERROR_NOT_REPORTED(rsa)

/* --- rules 8 and 9 --------------------------------------------------------------------------- */

static int pull_private_part_twice(struct rsa_client *client, enum rsa_part part, uint8_t *number,
				   size_t len)
{
	int r = pull_part(client, part, number, len);

	return r == 0 && part == RSA_D ? pull_part(client, part, number, len) : r;
}

static void alter_read_twice(struct rsa_client_ops *ops)
{
	ops->pull_part = pull_private_part_twice;
}

BROKEN_KEY_CROSSED(rsa)

/* --- rules 11 to 13 -------------------------------------------------------------------------- */

/* The engine takes more than these say: it does not look at them. */
static void alter_caps_without_2048(struct rsa_caps *caps)
{
	caps->sizes[RSA_SIGN] &= ~(1u << 2);
}

static void alter_caps_with_a_shorter_salt(struct rsa_caps *caps)
{
	caps->salt_max = 31;
}

BROKEN_DONE_MISSING(rsa)

/* --- the table ------------------------------------------------------------------------------- */

static const struct sabotage sabotages[HIL_RULES + 1] = {
	[HIL_SYNCHRONOUS_CALLBACK] = {.start = start_and_pull_at_once},
	[HIL_DONE_TWICE] = {.alter_ops = alter_done_twice},
	[HIL_CALLBACK_AFTER_DONE] = {.alter_ops = alter_callback_after_done},
	[HIL_OVERLONG_COUNT] = {.alter_ops = alter_overlong_count},
	[HIL_WRONG_CURSOR] = {.alter_ops = alter_wrong_cursor},
	[HIL_NOT_WHOLE] = {.alter_ops = alter_not_whole},
	[HIL_WRONG_STEP] = {.alter_ops = alter_wrong_step},
	[HIL_PULLED_TWICE] = {.alter_ops = alter_pulled_twice},
	[HIL_INCOMPLETE] = {.alter_ops = alter_incomplete},
	[HIL_ERROR_NOT_REPORTED] = {.alter_ops = alter_error_not_reported},
	[HIL_READ_TWICE] = {.alter_ops = alter_read_twice},
	[HIL_KEY_CROSSED] = {.alter_caps = alter_caps_with_slots, .start = start_without_slots},
	[HIL_CAPS_IGNORED] = {.alter_caps = alter_caps_without_2048},
	[HIL_BAD_SIZE] = {.alter_caps = alter_caps_with_a_shorter_salt},
	[HIL_DONE_MISSING] = {.alter_ops = alter_done_missing},
	[HIL_RULES] = {.start = start}, /* breaks none */
};

BROKEN_ENGINE(struct broken_rsa, rsa, .why = why)
BROKEN_OPENS(broken_rsa, rsa)
