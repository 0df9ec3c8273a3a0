/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for MACs, of HMAC and of CMAC: each callback asks, passes on, and tells.
 */
#include "hil/checker-half.h"

CHECKER_OF_CLIENT(mac)
CHECKER_PULLS(mac, pull_input, CALL_PULL_INPUT)
CHECKER_LENDS(mac, lend_input, CALL_LEND_INPUT, const uint8_t *)
CHECKER_PULLS_WHOLE(mac, pull_key, CALL_PULL_KEY)
CHECKER_PUSHES_WHOLE(mac, push_mac, CALL_PUSH_MAC)
CHECKER_PULLS_WHOLE(mac, pull_mac, CALL_PULL_MAC)
CHECKER_PULLS_WHOLE(mac, pull_state, CALL_PULL_STATE)
CHECKER_PUSHES_WHOLE(mac, push_state, CALL_PUSH_STATE)
CHECKER_ENDS(mac)

static void attach(struct checker_slot *slot)
{
	const struct mac_client *outer = slot->outer;

	slot->ops.mac = (struct mac_client_ops){
		.pull_input = pull_input,
		.lend_input = outer->ops->lend_input ? lend_input : NULL,
		.pull_key = pull_key,
		.push_mac = push_mac,
		.pull_mac = pull_mac,
		.pull_state = pull_state,
		.push_state = push_state,
		.done = done,
	};
	slot->client.mac.ops = &slot->ops.mac;
}

static void prepare(struct checker_slot *slot, const void *mac_request)
{
	const struct mac_request *request = mac_request;
	size_t state_bytes = inner_of(slot->checker)->caps.state_bytes;
	size_t n = 0;

	if (!(request->phase & HIL_FIRST))
		slot->steps[n++] = STEP_STATE_IN;
	else if (request->key.kind == HIL_KEY_BYTES)
		slot->steps[n++] = STEP_KEY;
	if (request->length)
		slot->steps[n++] = STEP_INPUT;
	if (!(request->phase & HIL_LAST))
		slot->steps[n] = STEP_STATE_OUT;
	else
		slot->steps[n] = request->verify ? STEP_MAC_IN : STEP_MAC_OUT;
	slot->input.length = request->length;
	slot->slot_key = request->key.kind == HIL_KEY_SLOT;
	slot->whole[CALL_PULL_KEY] = request->key_size;
	slot->whole[CALL_PUSH_MAC] = slot->whole[CALL_PULL_MAC] = request->mac_size;
	slot->whole[CALL_PULL_STATE] = slot->whole[CALL_PUSH_STATE] = state_bytes;
}

CHECKER_TYPE(mac)

void checker_mac_open(struct checker *checker)
{
	static const struct mac_engine_ops ops = {.start = start, .cancel = cancel};

	checker->engine.mac = *inner_of(checker);
	checker->engine.mac.ops = &ops;
}
