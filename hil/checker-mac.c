/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract checker for MACs, of HMAC and of CMAC: each callback asks, passes on, and tells.
 */
#include "hil/checker-core.h"

static struct checker_slot *of_client(struct mac_client *client)
{
	return (struct checker_slot *)(void *)client;
}

static ssize_t pull_input(struct mac_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct checker_slot *slot = of_client(client);
	struct mac_client *outer = slot->outer;

	if (!checker_may_move(slot, CALL_PULL_INPUT, len, cursor))
		return -PLUTON_EFAIL;
	return checker_moved(slot, CALL_PULL_INPUT, len,
			     outer->ops->pull_input(outer, buf, len, cursor));
}

static const uint8_t *lend_input(struct mac_client *client, size_t cursor, size_t *ret_len)
{
	struct checker_slot *slot = of_client(client);
	struct mac_client *outer = slot->outer;
	const uint8_t *memory;

	if (!checker_may_lend(slot, CALL_LEND_INPUT, cursor))
		return NULL;
	memory = outer->ops->lend_input(outer, cursor, ret_len);
	checker_lent(slot, CALL_LEND_INPUT, cursor, memory, ret_len);
	return memory;
}

static int pull_key(struct mac_client *client, uint8_t *key, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct mac_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PULL_KEY, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PULL_KEY, outer->ops->pull_key(outer, key, len));
}

static int push_mac(struct mac_client *client, const uint8_t *mac, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct mac_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PUSH_MAC, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PUSH_MAC, outer->ops->push_mac(outer, mac, len));
}

static int pull_mac(struct mac_client *client, uint8_t *mac, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct mac_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PULL_MAC, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PULL_MAC, outer->ops->pull_mac(outer, mac, len));
}

static int pull_state(struct mac_client *client, uint8_t *state, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct mac_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PULL_STATE, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PULL_STATE,
				   outer->ops->pull_state(outer, state, len));
}

static int push_state(struct mac_client *client, const uint8_t *state, size_t len)
{
	struct checker_slot *slot = of_client(client);
	struct mac_client *outer = slot->outer;

	if (!checker_may_move_whole(slot, CALL_PUSH_STATE, len))
		return -PLUTON_EFAIL;
	return checker_moved_whole(slot, CALL_PUSH_STATE,
				   outer->ops->push_state(outer, state, len));
}

static void done(struct mac_client *client, int result)
{
	checker_done(of_client(client), result);
}

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

static struct mac_engine *inner_of(const struct checker *checker)
{
	return (struct mac_engine *)(void *)checker->inner;
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

static int start_inner(struct checker_slot *slot, const void *request)
{
	struct mac_engine *inner = inner_of(slot->checker);

	return inner->ops->start(inner, request, &slot->client.mac);
}

static int cancel_inner(struct checker_slot *slot)
{
	struct mac_engine *inner = inner_of(slot->checker);

	return inner->ops->cancel(inner, &slot->client.mac);
}

static void done_outer(void *mac_client, int result)
{
	struct mac_client *outer = mac_client;

	outer->ops->done(outer, result);
}

const struct checker_type checker_mac_type = {
	.check = mac_check,
	.attach = attach,
	.prepare = prepare,
	.start = start_inner,
	.cancel = cancel_inner,
	.done = done_outer,
};

static int start(struct mac_engine *engine, const struct mac_request *request,
		 struct mac_client *client)
{
	return checker_start((struct checker *)(void *)engine, request, client);
}

static int cancel(struct mac_engine *engine, struct mac_client *client)
{
	return checker_cancel((struct checker *)(void *)engine, client);
}

void checker_mac_open(struct checker *checker)
{
	static const struct mac_engine_ops ops = {.start = start, .cancel = cancel};

	checker->engine.mac = *inner_of(checker);
	checker->engine.mac.ops = &ops;
}
