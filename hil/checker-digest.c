/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for digests: each callback asks, passes on, and tells.
 */
#include "hil/checker-half.h"

CHECKER_OF_CLIENT(digest)
CHECKER_PULLS(digest, pull_input, CALL_PULL_INPUT)
CHECKER_LENDS(digest, lend_input, CALL_LEND_INPUT, const uint8_t *)
CHECKER_PUSHES_WHOLE(digest, push_digest, CALL_PUSH_DIGEST)
CHECKER_PULLS_WHOLE(digest, pull_state, CALL_PULL_STATE)
CHECKER_PUSHES_WHOLE(digest, push_state, CALL_PUSH_STATE)
CHECKER_ENDS(digest)

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

CHECKER_TYPE(digest)

void checker_digest_open(struct checker *checker)
{
	static const struct digest_engine_ops ops = {.start = start, .cancel = cancel};

	checker->engine.digest = *inner_of(checker);
	checker->engine.digest.ops = &ops;
}
