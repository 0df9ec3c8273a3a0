/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for AES: each callback asks, passes on, and tells.
 */
#include "hil/checker-core.h"

static struct checker_slot *of_client(struct aes_client *client)
{
	return (struct checker_slot *)(void *)client;
}

static ssize_t pull_input(struct aes_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct checker_slot *slot = of_client(client);
	struct aes_client *outer = slot->outer;

	if (!checker_may_move(slot, CALL_PULL_INPUT, len, cursor))
		return -PLUTON_EFAIL;
	return checker_moved(slot, CALL_PULL_INPUT, len,
			     outer->ops->pull_input(outer, buf, len, cursor));
}

static ssize_t push_output(struct aes_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	struct checker_slot *slot = of_client(client);
	struct aes_client *outer = slot->outer;

	if (!checker_may_move(slot, CALL_PUSH_OUTPUT, len, cursor))
		return -PLUTON_EFAIL;
	return checker_moved(slot, CALL_PUSH_OUTPUT, len,
			     outer->ops->push_output(outer, buf, len, cursor));
}

static ssize_t pull_aad(struct aes_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct checker_slot *slot = of_client(client);
	struct aes_client *outer = slot->outer;

	if (!checker_may_move(slot, CALL_PULL_AAD, len, cursor))
		return -PLUTON_EFAIL;
	return checker_moved(slot, CALL_PULL_AAD, len,
			     outer->ops->pull_aad(outer, buf, len, cursor));
}

static const uint8_t *lend_input(struct aes_client *client, size_t cursor, size_t *ret_len)
{
	struct checker_slot *slot = of_client(client);
	struct aes_client *outer = slot->outer;
	const uint8_t *memory;

	if (!checker_may_lend(slot, CALL_LEND_INPUT, cursor))
		return NULL;
	memory = outer->ops->lend_input(outer, cursor, ret_len);
	checker_lent(slot, CALL_LEND_INPUT, cursor, memory, ret_len);
	return memory;
}

static uint8_t *lend_output(struct aes_client *client, size_t cursor, size_t *ret_len)
{
	struct checker_slot *slot = of_client(client);
	struct aes_client *outer = slot->outer;
	uint8_t *memory;

	if (!checker_may_lend(slot, CALL_LEND_OUTPUT, cursor))
		return NULL;
	memory = outer->ops->lend_output(outer, cursor, ret_len);
	checker_lent(slot, CALL_LEND_OUTPUT, cursor, memory, ret_len);
	return memory;
}

static int pull_key(struct aes_client *client, uint8_t *key, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct aes_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PULL_KEY, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PULL_KEY, outer->ops->pull_key(outer, key, len));
}

static int pull_iv(struct aes_client *client, uint8_t *iv, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct aes_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PULL_IV, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PULL_IV, outer->ops->pull_iv(outer, iv, len));
}

static int pull_ctr(struct aes_client *client, uint8_t *ctr, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct aes_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PULL_CTR, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PULL_CTR, outer->ops->pull_ctr(outer, ctr, len));
}

static int pull_tag(struct aes_client *client, uint8_t *tag, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct aes_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PULL_TAG, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PULL_TAG, outer->ops->pull_tag(outer, tag, len));
}

static int pull_state(struct aes_client *client, uint8_t *state, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct aes_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PULL_STATE, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PULL_STATE,
				   outer->ops->pull_state(outer, state, len));
}

static int push_iv(struct aes_client *client, const uint8_t *iv, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct aes_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PUSH_IV, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PUSH_IV, outer->ops->push_iv(outer, iv, len));
}

static int push_tag(struct aes_client *client, const uint8_t *tag, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct aes_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PUSH_TAG, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PUSH_TAG, outer->ops->push_tag(outer, tag, len));
}

static int push_state(struct aes_client *client, const uint8_t *state, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct aes_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PUSH_STATE, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PUSH_STATE,
				   outer->ops->push_state(outer, state, len));
}

static void done(struct aes_client *client, int result)
{
	checker_done(of_client(client), result);
}

static void attach(struct checker_slot *slot)
{
	const struct aes_client *outer = slot->outer;

	slot->ops.aes = (struct aes_client_ops){
		.pull_input = pull_input,
		.push_output = push_output,
		.pull_aad = pull_aad,
		.lend_input = outer->ops->lend_input ? lend_input : NULL,
		.lend_output = outer->ops->lend_output ? lend_output : NULL,
		.pull_key = pull_key,
		.pull_iv = pull_iv,
		.pull_ctr = pull_ctr,
		.pull_tag = pull_tag,
		.push_iv = push_iv,
		.push_tag = push_tag,
		.pull_state = pull_state,
		.push_state = push_state,
		.done = done,
	};
	slot->client.aes.ops = &slot->ops.aes;
}

static struct aes_engine *inner_of(const struct checker *checker)
{
	return (struct aes_engine *)(void *)checker->inner;
}

static void prepare_steps(struct checker_slot *slot, const struct aes_request *request)
{
	static const enum checker_step step_of[] = {
		[AES_STEP_END] = STEP_END,
		[AES_STEP_KEY] = STEP_KEY,
		[AES_STEP_IV_IN] = STEP_IV_IN,
		[AES_STEP_IV_OUT] = STEP_IV_OUT,
		[AES_STEP_CTR] = STEP_CTR,
		[AES_STEP_AAD] = STEP_AAD,
		[AES_STEP_TAG_IN] = STEP_TAG_IN,
		[AES_STEP_DATA] = STEP_DATA,
		[AES_STEP_INPUT] = STEP_INPUT,
		[AES_STEP_OUTPUT] = STEP_OUTPUT,
		[AES_STEP_TAG_OUT] = STEP_TAG_OUT,
		[AES_STEP_STATE_IN] = STEP_STATE_IN,
		[AES_STEP_STATE_OUT] = STEP_STATE_OUT,
	};
	enum aes_step steps[AES_STEPS_MAX];
	size_t n = 0;

	aes_steps(request, steps);
	do {
		slot->steps[n] = step_of[steps[n]];
	} while (steps[n++] != AES_STEP_END);
}

static void prepare(struct checker_slot *slot, const void *aes_request)
{
	const struct aes_request *request = aes_request;
	size_t state_bytes = inner_of(slot->checker)->caps.state_bytes;

	prepare_steps(slot, request);
	slot->input.length = slot->output.length = request->length;
	slot->aad.length = request->aad_length;
	slot->slot_key = request->key.kind == HIL_KEY_SLOT;
	slot->verifies = aes_is_aead(request->mode) && request->direction == AES_DECRYPT;
	slot->sealed = request->input_sealed;
	slot->whole[CALL_PULL_KEY] = request->key_size;
	slot->whole[CALL_PULL_IV] = slot->whole[CALL_PUSH_IV] = request->iv_size;
	slot->whole[CALL_PULL_CTR] = AES_BLOCK_SIZE;
	slot->whole[CALL_PULL_TAG] = slot->whole[CALL_PUSH_TAG] = request->tag_size;
	slot->whole[CALL_PULL_STATE] = slot->whole[CALL_PUSH_STATE] = state_bytes;
}

static int start_inner(struct checker_slot *slot, const void *request)
{
	struct aes_engine *inner = inner_of(slot->checker);

	return inner->ops->start(inner, request, &slot->client.aes);
}

static int cancel_inner(struct checker_slot *slot)
{
	struct aes_engine *inner = inner_of(slot->checker);

	return inner->ops->cancel(inner, &slot->client.aes);
}

static void done_outer(void *aes_client, int result)
{
	struct aes_client *outer = aes_client;

	outer->ops->done(outer, result);
}

const struct checker_type checker_aes_type = {
	.check = aes_check,
	.attach = attach,
	.prepare = prepare,
	.start = start_inner,
	.cancel = cancel_inner,
	.done = done_outer,
};

static int start(struct aes_engine *engine, const struct aes_request *request,
		 struct aes_client *client)
{
	return checker_start((struct checker *)(void *)engine, request, client);
}

static int cancel(struct aes_engine *engine, struct aes_client *client)
{
	return checker_cancel((struct checker *)(void *)engine, client);
}

/* Between two starts nothing of the stream is the checker's: what it stands for is the engine's. */
static void forget(struct aes_engine *engine, struct hil_owner *owner, const uint8_t *state,
		   size_t len)
{
	struct aes_engine *inner = inner_of((struct checker *)(void *)engine);

	if (inner->ops->forget)
		inner->ops->forget(inner, owner, state, len);
}

void checker_aes_open(struct checker *checker)
{
	static const struct aes_engine_ops ops = {start, cancel, forget};

	checker->engine.aes = *inner_of(checker);
	checker->engine.aes.ops = &ops;
}
