/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for AES: each callback asks, passes on, and tells.
 */
#include "hil/checker-half.h"

CHECKER_OF_CLIENT(aes)
CHECKER_PULLS(aes, pull_input, CALL_PULL_INPUT)
CHECKER_PUSHES(aes, push_output, CALL_PUSH_OUTPUT)
CHECKER_PULLS(aes, pull_aad, CALL_PULL_AAD)
CHECKER_LENDS(aes, lend_input, CALL_LEND_INPUT, const uint8_t *)
CHECKER_LENDS(aes, lend_output, CALL_LEND_OUTPUT, uint8_t *)
CHECKER_PULLS_WHOLE(aes, pull_key, CALL_PULL_KEY)
CHECKER_PULLS_WHOLE(aes, pull_iv, CALL_PULL_IV)
CHECKER_PULLS_WHOLE(aes, pull_ctr, CALL_PULL_CTR)
CHECKER_PULLS_WHOLE(aes, pull_tag, CALL_PULL_TAG)
CHECKER_PUSHES_WHOLE(aes, push_iv, CALL_PUSH_IV)
CHECKER_PUSHES_WHOLE(aes, push_tag, CALL_PUSH_TAG)
CHECKER_PULLS_WHOLE(aes, pull_state, CALL_PULL_STATE)
CHECKER_PUSHES_WHOLE(aes, push_state, CALL_PUSH_STATE)
CHECKER_ENDS(aes)

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
	slot->whole[CALL_PULL_KEY] = request->key_size;
	slot->whole[CALL_PULL_IV] = slot->whole[CALL_PUSH_IV] = request->iv_size;
	slot->whole[CALL_PULL_CTR] = AES_BLOCK_SIZE;
	slot->whole[CALL_PULL_TAG] = slot->whole[CALL_PUSH_TAG] = request->tag_size;
	slot->whole[CALL_PULL_STATE] = slot->whole[CALL_PUSH_STATE] = state_bytes;
}

CHECKER_TYPE(aes)

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
