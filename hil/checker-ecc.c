/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for elliptic curves: what is signed is never lent.
 */
#include "hil/checker-half.h"

CHECKER_OF_CLIENT(ecc)
CHECKER_PULLS(ecc, pull_input, CALL_PULL_INPUT)

/* What is signed is never lent: two passes over it would be two messages under one nonce. */
static const uint8_t *lend_input(struct ecc_client *client, size_t cursor, size_t *ret_len)
{
	struct checker_slot *slot = of_client(client);
	struct ecc_client *outer = slot->outer;
	const uint8_t *memory;

	if (slot->signs)
		checker_violation(slot, HIL_READ_TWICE, "lend_input of what is signed");
	if (!checker_may_lend(slot, CALL_LEND_INPUT, cursor))
		return NULL;
	memory = outer->ops->lend_input(outer, cursor, ret_len);
	checker_lent(slot, CALL_LEND_INPUT, cursor, memory, ret_len);
	return memory;
}

/* Everything else moves whole, in or out. */
CHECKER_PULLS_WHOLE(ecc, pull_key, CALL_PULL_KEY)
CHECKER_PULLS_WHOLE(ecc, pull_public, CALL_PULL_PUBLIC)
CHECKER_PULLS_WHOLE(ecc, pull_signature, CALL_PULL_SIGNATURE)
CHECKER_PUSHES_WHOLE(ecc, push_key, CALL_PUSH_KEY)
CHECKER_PUSHES_WHOLE(ecc, push_public, CALL_PUSH_PUBLIC)
CHECKER_PUSHES_WHOLE(ecc, push_signature, CALL_PUSH_SIGNATURE)
CHECKER_PUSHES_WHOLE(ecc, push_secret, CALL_PUSH_SECRET)
CHECKER_ENDS(ecc)

static void attach(struct checker_slot *slot)
{
	const struct ecc_client *outer = slot->outer;

	slot->ops.ecc = (struct ecc_client_ops){
		.pull_input = pull_input,
		.lend_input = outer->ops->lend_input ? lend_input : NULL,
		.pull_key = pull_key,
		.pull_public = pull_public,
		.pull_signature = pull_signature,
		.push_key = push_key,
		.push_public = push_public,
		.push_signature = push_signature,
		.push_secret = push_secret,
		.done = done,
	};
	slot->client.ecc.ops = &slot->ops.ecc;
}

static void prepare_steps(struct checker_slot *slot, const struct ecc_request *request)
{
	static const enum checker_step step_of[] = {
		[ECC_STEP_END] = STEP_END,
		[ECC_STEP_KEY_IN] = STEP_KEY,
		[ECC_STEP_KEY_OUT] = STEP_KEY_OUT,
		[ECC_STEP_PUBLIC_IN] = STEP_PUBLIC_IN,
		[ECC_STEP_PUBLIC_OUT] = STEP_PUBLIC_OUT,
		[ECC_STEP_SIGNATURE_IN] = STEP_SIGNATURE_IN,
		[ECC_STEP_SIGNATURE_OUT] = STEP_SIGNATURE_OUT,
		[ECC_STEP_SECRET_OUT] = STEP_SECRET_OUT,
		[ECC_STEP_INPUT] = STEP_INPUT,
	};
	enum ecc_step steps[ECC_STEPS_MAX];
	size_t n = 0;

	ecc_steps(request, steps);
	do {
		slot->steps[n] = step_of[steps[n]];
	} while (steps[n++] != ECC_STEP_END);
}

static void prepare(struct checker_slot *slot, const void *ecc_request)
{
	const struct ecc_request *request = ecc_request;

	prepare_steps(slot, request);
	slot->input.length = request->length;
	slot->slot_key = request->key.kind == HIL_KEY_SLOT;
	slot->signs = request->action == ECC_SIGN;
	slot->whole[CALL_PULL_KEY] = slot->whole[CALL_PUSH_KEY] = ecc_key_size(request->curve);
	slot->whole[CALL_PULL_PUBLIC] = slot->whole[CALL_PUSH_PUBLIC] =
		ecc_public_size(request->curve);
	slot->whole[CALL_PULL_SIGNATURE] = slot->whole[CALL_PUSH_SIGNATURE] =
		ecc_signature_size(request->curve);
	slot->whole[CALL_PUSH_SECRET] = ecc_secret_size(request->curve);
}

CHECKER_TYPE(ecc)

static const char *why(struct ecc_engine *engine)
{
	struct ecc_engine *inner = inner_of((struct checker *)(void *)engine);

	return inner->ops->why(inner);
}

void checker_ecc_open(struct checker *checker)
{
	static const struct ecc_engine_ops ops = {start, cancel, why};

	checker->engine.ecc = *inner_of(checker);
	checker->engine.ecc.ops = &ops;
}
