/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for digests: each callback asks, passes on, and tells.
 */
#include "hil/checker-core.h"

static struct checker_slot *of_client(struct digest_client *client)
{
	return (struct checker_slot *)(void *)client;
}

static ssize_t pull_input(struct digest_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct checker_slot *slot = of_client(client);
	struct digest_client *outer = slot->outer;

	if (!checker_may_move(slot, CALL_PULL_INPUT, len, cursor))
		return -PLUTON_EFAIL;
	return checker_moved(slot, CALL_PULL_INPUT, len,
			     outer->ops->pull_input(outer, buf, len, cursor));
}

static const uint8_t *lend_input(struct digest_client *client, size_t cursor, size_t *ret_len)
{
	struct checker_slot *slot = of_client(client);
	struct digest_client *outer = slot->outer;
	const uint8_t *memory;

	if (!checker_may_lend(slot, CALL_LEND_INPUT, cursor))
		return NULL;
	memory = outer->ops->lend_input(outer, cursor, ret_len);
	checker_lent(slot, CALL_LEND_INPUT, cursor, memory, ret_len);
	return memory;
}

static int push_digest(struct digest_client *client, const uint8_t *digest, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct digest_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PUSH_DIGEST, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PUSH_DIGEST,
				   outer->ops->push_digest(outer, digest, len));
}

static int pull_state(struct digest_client *client, uint8_t *state, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct digest_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PULL_STATE, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PULL_STATE,
				   outer->ops->pull_state(outer, state, len));
}

static int push_state(struct digest_client *client, const uint8_t *state, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct digest_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PUSH_STATE, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PUSH_STATE,
				   outer->ops->push_state(outer, state, len));
}

static void done(struct digest_client *client, int result)
{
	checker_done(of_client(client), result);
}

static void attach(struct checker_slot *slot)
{
	const struct digest_client *outer = slot->outer;

	slot->ops.digest = (struct digest_client_ops){
		.pull_input = pull_input,
		.lend_input = outer->ops->lend_input ? lend_input : NULL,
		.push_digest = push_digest,
		.pull_state = pull_state,
		.push_state = push_state,
		.done = done,
	};
	slot->client.digest.ops = &slot->ops.digest;
}

static struct digest_engine *inner_of(const struct checker *checker)
{
	return (struct digest_engine *)(void *)checker->inner;
}

static void prepare(struct checker_slot *slot, const void *digest_request)
{
	const struct digest_request *request = digest_request;
	size_t state_bytes = inner_of(slot->checker)->caps.state_bytes;
	size_t n = 0;

	if (!(request->phase & HIL_FIRST))
		slot->steps[n++] = STEP_STATE_IN;
	if (request->length)
		slot->steps[n++] = STEP_INPUT;
	slot->steps[n] = request->phase & HIL_LAST ? STEP_DIGEST : STEP_STATE_OUT;
	slot->input.length = request->length;
	slot->whole[CALL_PUSH_DIGEST] = digest_size(request->algorithm);
	slot->whole[CALL_PULL_STATE] = state_bytes;
	slot->whole[CALL_PUSH_STATE] = state_bytes;
}

static int start_inner(struct checker_slot *slot, const void *request)
{
	struct digest_engine *inner = inner_of(slot->checker);

	return inner->ops->start(inner, request, &slot->client.digest);
}

static int cancel_inner(struct checker_slot *slot)
{
	struct digest_engine *inner = inner_of(slot->checker);

	return inner->ops->cancel(inner, &slot->client.digest);
}

static void done_outer(void *digest_client, int result)
{
	struct digest_client *outer = digest_client;

	outer->ops->done(outer, result);
}

const struct checker_type checker_digest_type = {
	.check = digest_check,
	.attach = attach,
	.prepare = prepare,
	.start = start_inner,
	.cancel = cancel_inner,
	.done = done_outer,
};

static int start(struct digest_engine *engine, const struct digest_request *request,
		 struct digest_client *client)
{
	return checker_start((struct checker *)(void *)engine, request, client);
}

static int cancel(struct digest_engine *engine, struct digest_client *client)
{
	return checker_cancel((struct checker *)(void *)engine, client);
}

void checker_digest_open(struct checker *checker)
{
	static const struct digest_engine_ops ops = {.start = start, .cancel = cancel};

	checker->engine.digest = *inner_of(checker);
	checker->engine.digest.ops = &ops;
}
