/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine of AES-CMAC. What a stream exports:
 *
 *   0 version (1)   1 algorithm   2 key size   3 bytes of carry   4..7 zero
 *   8 chain   24 carry, then zeros   40 key, then zeros; of a slot's key only zeros
 */
#include <assert.h>
#include <string.h>

#include "backends/openssl/engines.h"
#include "backends/openssl/mac_operation.h"

#define CMAC_LENGTH_MAX ((size_t)1 << 30)
#define CMAC_SLICE (32u * 1024) /* about 30 µs with the AES instructions: CBC is serial */

#define STATE_VERSION 1u

enum state_field {
	STATE_VERSION_AT = 0,
	STATE_ALGORITHM_AT = 1,
	STATE_KEY_SIZE_AT = 2,
	STATE_CARRIED_AT = 3,
	STATE_ZERO_AT = 4,
	STATE_CHAIN_AT = 8,
	STATE_CARRY_AT = STATE_CHAIN_AT + CMAC_BLOCK_SIZE,
	STATE_KEY_AT = STATE_CARRY_AT + CMAC_BLOCK_SIZE,
	STATE_SIZE = STATE_KEY_AT + CMAC_KEY_SIZE_MAX,
};
static_assert(STATE_SIZE <= CMAC_STATE_MAX, "a state fits a grant's field");

/* --- an operation ----------------------------------------------------------------------------- */

static int set_key(struct mac_operation *op, const uint8_t *key)
{
	memcpy(op->cmac.key, key, op->request.key_size);
	op->cmac.key_size = op->request.key_size;
	return cmac_begin(&op->cmac, &op->cipher);
}

static int absorb(struct intake *intake, const uint8_t *buf, size_t len)
{
	struct mac_operation *op = mac_of_intake(intake);

	return cmac_update(&op->cmac, &op->cipher, buf, len);
}

static int end(struct mac_operation *op, uint8_t *ret_mac)
{
	return cmac_end(&op->cmac, &op->cipher, ret_mac);
}

/* --- what a stream exports -------------------------------------------------------------------- */

static void write_state(struct mac_operation *op, uint8_t *ret_state)
{
	const struct cmac *cmac = &op->cmac;

	memset(ret_state, 0, STATE_SIZE);
	ret_state[STATE_VERSION_AT] = STATE_VERSION;
	ret_state[STATE_ALGORITHM_AT] = (uint8_t)op->request.algorithm;
	ret_state[STATE_KEY_SIZE_AT] = (uint8_t)op->request.key_size;
	ret_state[STATE_CARRIED_AT] = (uint8_t)cmac->carried;
	memcpy(ret_state + STATE_CHAIN_AT, cmac->chain, CMAC_BLOCK_SIZE);
	memcpy(ret_state + STATE_CARRY_AT, cmac->carry, cmac->carried);
	if (op->request.key.kind == HIL_KEY_BYTES)
		memcpy(ret_state + STATE_KEY_AT, cmac->key, op->request.key_size);
}

/* Before the first block there is no chain. */
static bool is_sound(const struct mac_request *request, const uint8_t *state)
{
	size_t carried = state[STATE_CARRIED_AT];

	return state[STATE_VERSION_AT] == STATE_VERSION &&
	       state[STATE_ALGORITHM_AT] == request->algorithm &&
	       state[STATE_KEY_SIZE_AT] == request->key_size && carried <= CMAC_BLOCK_SIZE &&
	       hash_all_zero(state + STATE_ZERO_AT, STATE_CHAIN_AT - STATE_ZERO_AT) &&
	       (carried > 0 || hash_all_zero(state + STATE_CHAIN_AT, CMAC_BLOCK_SIZE)) &&
	       hash_all_zero(state + STATE_CARRY_AT + carried, CMAC_BLOCK_SIZE - carried) &&
	       hash_all_zero(state + STATE_KEY_AT + request->key_size,
			     CMAC_KEY_SIZE_MAX - request->key_size);
}

static int read_state(struct mac_operation *op, const uint8_t *state, const uint8_t *slot_key)
{
	struct cmac *cmac = &op->cmac;

	if (!is_sound(&op->request, state))
		return -PLUTON_EINVAL;
	cmac->carried = state[STATE_CARRIED_AT];
	memcpy(cmac->chain, state + STATE_CHAIN_AT, CMAC_BLOCK_SIZE);
	memcpy(cmac->carry, state + STATE_CARRY_AT, cmac->carried);
	memcpy(cmac->key, slot_key ? slot_key : state + STATE_KEY_AT, op->request.key_size);
	cmac->key_size = op->request.key_size;
	return cmac_begin(cmac, &op->cipher);
}

/* --- the engine ------------------------------------------------------------------------------- */

static const struct mac_method method = {
	.caps = {.algorithms = 1u << MAC_CMAC_AES,
		 .key_sizes = 1u << 2 | 1u << 3 | 1u << 4,
		 .length_max = CMAC_LENGTH_MAX,
		 .state_bytes = STATE_SIZE},
	.kind = HIL_CMAC,
	.level = HIL_LEVEL_CMAC,
	.slice = CMAC_SLICE,
	.absorb = absorb,
	.set_key = set_key,
	.read_state = read_state,
	.write_state = write_state,
	.end = end,
};

int cmac_engine_open(struct task_host *host, struct hil_engine **ret_engine)
{
	struct mac_unit *unit;
	int r = mac_unit_open(host, &method, &unit);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < TASKS_PER_ENGINE; i++)
		r = cmac_cipher_open(&unit->operations[i].cipher, host->options.properties);
	if (r < 0) {
		mac_unit_close(unit);
		return r;
	}
	*ret_engine = &unit->engine.head;
	return 0;
}
