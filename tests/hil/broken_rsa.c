/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broken rsa engines. Each is a short function in the place of one callback, of start or of
 * done; the table below says which one breaks which rule.
 */
#include "tests/hil/broken_rsa.h"

#include <stdlib.h>
#include <string.h>

struct broken_rsa {
	struct rsa_engine engine;
	struct rsa_client client; /* the good engine's */
	struct rsa_client_ops ops;
	const struct sabotage *sabotage;
	struct rsa_engine *inner;
	struct rsa_client *outer; /* the operation under way */
	struct rsa_request request;
};

struct sabotage {
	void (*alter_ops)(struct rsa_client_ops *ops);
	void (*alter_caps)(struct rsa_caps *caps);
	int (*start)(struct rsa_engine *engine, const struct rsa_request *request,
		     struct rsa_client *client);
};

static struct broken_rsa *of_client(struct rsa_client *client)
{
	return (struct broken_rsa *)(void *)((char *)client - offsetof(struct broken_rsa, client));
}

static struct broken_rsa *of_engine(struct rsa_engine *engine)
{
	return (struct broken_rsa *)(void *)engine;
}

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

static ssize_t pull_label(struct rsa_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct rsa_client *outer = of_client(client)->outer;

	return outer->ops->pull_label(outer, buf, len, cursor);
}

static ssize_t pull_input(struct rsa_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct rsa_client *outer = of_client(client)->outer;

	return outer->ops->pull_input(outer, buf, len, cursor);
}

static ssize_t push_output(struct rsa_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	struct rsa_client *outer = of_client(client)->outer;

	return outer->ops->push_output(outer, buf, len, cursor);
}

static int pull_signature(struct rsa_client *client, uint8_t *signature, size_t len)
{
	struct rsa_client *outer = of_client(client)->outer;

	return outer->ops->pull_signature(outer, signature, len);
}

static void done(struct rsa_client *client, int result)
{
	struct rsa_client *outer = of_client(client)->outer;

	outer->ops->done(outer, result);
}

static const struct rsa_client_ops good_ops = {
	.pull_part = pull_part,
	.push_part = push_part,
	.pull_label = pull_label,
	.pull_input = pull_input,
	.push_output = push_output,
	.pull_signature = pull_signature,
	.done = done,
};

static int start(struct rsa_engine *engine, const struct rsa_request *request,
		 struct rsa_client *client)
{
	struct broken_rsa *broken = of_engine(engine);
	int r = broken->inner->ops->start(broken->inner, request, &broken->client);

	if (r < 0)
		return r;
	broken->outer = client;
	broken->request = *request;
	return 0;
}

static int cancel(struct rsa_engine *engine, struct rsa_client *client)
{
	struct broken_rsa *broken = of_engine(engine);

	(void)client;
	return broken->inner->ops->cancel(broken->inner, &broken->client);
}

static const char *why(struct rsa_engine *engine)
{
	struct broken_rsa *broken = of_engine(engine);

	return broken->inner->ops->why(broken->inner);
}

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

static void done_twice(struct rsa_client *client, int result)
{
	done(client, result);
	done(client, result);
}

static void alter_done_twice(struct rsa_client_ops *ops)
{
	ops->done = done_twice;
}

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

static ssize_t pull_input_unchecked(struct rsa_client *client, uint8_t *buf, size_t len,
				    size_t cursor)
{
	ssize_t n = pull_input(client, buf, len, cursor);

	return n == 0 || n > (ssize_t)len ? (ssize_t)len : n;
}

static void alter_overlong_count(struct rsa_client_ops *ops)
{
	ops->pull_input = pull_input_unchecked;
}

static ssize_t push_output_ahead(struct rsa_client *client, const uint8_t *buf, size_t len,
				 size_t cursor)
{
	return push_output(client, buf, len, cursor + 1);
}

static void alter_wrong_cursor(struct rsa_client_ops *ops)
{
	ops->push_output = push_output_ahead;
}

/* --- rules 5 and 6 --------------------------------------------------------------------------- */

static ssize_t pull_input_twice(struct rsa_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	ssize_t n = pull_input(client, buf, len, cursor);

	return n > 0 ? pull_input(client, buf, (size_t)n, cursor) : n;
}

static void alter_pulled_twice(struct rsa_client_ops *ops)
{
	ops->pull_input = pull_input_twice;
}

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

static void done_without_the_reason(struct rsa_client *client, int result)
{
	done(client, result == -PLUTON_ENOACK ? -PLUTON_EFAIL : result);
}

static void alter_error_not_reported(struct rsa_client_ops *ops)
{
	ops->done = done_without_the_reason;
}

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

/* Takes the key of a slot for one that can be pulled. */
static int start_without_slots(struct rsa_engine *engine, const struct rsa_request *request,
			       struct rsa_client *client)
{
	struct rsa_request as_bytes = *request;

	as_bytes.key.kind = HIL_KEY_BYTES;
	return start(engine, &as_bytes, client);
}

static void alter_caps_with_slots(struct rsa_caps *caps)
{
	caps->key_slots = true;
}

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

static void done_unless_cancelled(struct rsa_client *client, int result)
{
	if (result != -PLUTON_ECANCEL)
		done(client, result);
}

static void alter_done_missing(struct rsa_client_ops *ops)
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

static bool is_empty(const struct sabotage *sabotage)
{
	return !sabotage->alter_ops && !sabotage->alter_caps && !sabotage->start;
}

/* Through the table, so that each engine's ops are const. */
static int start_as_told(struct rsa_engine *engine, const struct rsa_request *request,
			 struct rsa_client *client)
{
	const struct sabotage *sabotage = of_engine(engine)->sabotage;

	return sabotage->start ? sabotage->start(engine, request, client)
			       : start(engine, request, client);
}

int broken_rsa_open(enum hil_rule rule, struct rsa_engine *inner, struct broken_rsa **ret_broken)
{
	static const struct rsa_engine_ops ops = {
		.start = start_as_told, .cancel = cancel, .why = why};
	struct broken_rsa *broken;

	if ((unsigned)rule > HIL_RULES || is_empty(&sabotages[rule]))
		return -PLUTON_ENOSUPPORT;
	broken = calloc(1, sizeof(*broken));
	if (!broken)
		return -PLUTON_ENOMEM;
	broken->sabotage = &sabotages[rule];
	broken->inner = inner;
	broken->engine = *inner;
	broken->engine.head.name = "broken";
	broken->engine.head.concurrency = 1;
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

void broken_rsa_close(struct broken_rsa *broken)
{
	free(broken);
}

struct hil_engine *broken_rsa_engine(struct broken_rsa *broken)
{
	return &broken->engine.head;
}
