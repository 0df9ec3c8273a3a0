/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC (FIPS 198-1) on hash functions whose state can be written down: that of a stream is the
 * inner hash and then the outer one, each as hash.h writes it. It has the key's part in it and no
 * key.
 */
#include <assert.h>
#include <string.h>

#include "backends/openssl/engines.h"
#include "backends/openssl/mac_operation.h"

#define HMAC_LENGTH_MAX ((size_t)1 << 30)
#define HMAC_SLICE (32u * 1024) /* as digests */
#define BLOCK_MAX 144u		/* of SHA3-224; all others have less */

#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

static_assert(2 * HASH_STATE_SIZE == HMAC_STATE_MAX, "what a stream's grant has room for");

/* The key, filled up with zeros to a block. A long one is hashed first. */
static void fit_key(const struct hash *hash, const uint8_t *key, size_t size,
		    uint8_t ret_block[BLOCK_MAX])
{
	union hash_state state;

	memset(ret_block, 0, BLOCK_MAX);
	if (size <= hash_block_size(hash)) {
		memcpy(ret_block, key, size);
		return;
	}
	hash_begin(hash, &state);
	hash_update(hash, &state, key, size);
	hash_end(hash, &state, ret_block);
	explicit_bzero(&state, sizeof(state));
}

/* A hash over the key, masked. */
static void begin_with(const struct hash *hash, union hash_state *state, const uint8_t *block,
		       uint8_t pad)
{
	uint8_t padded[BLOCK_MAX];
	size_t size = hash_block_size(hash);

	for (size_t i = 0; i < size; i++)
		padded[i] = block[i] ^ pad;
	hash_begin(hash, state);
	hash_update(hash, state, padded, size);
	explicit_bzero(padded, sizeof(padded));
}

void hmac_begin(struct hmac *hmac, const struct hash *hash, const uint8_t *key, size_t size)
{
	uint8_t block[BLOCK_MAX];

	hmac->hash = hash;
	fit_key(hash, key, size, block);
	begin_with(hash, &hmac->inner, block, INNER_PAD);
	begin_with(hash, &hmac->outer, block, OUTER_PAD);
	explicit_bzero(block, sizeof(block));
}

void hmac_update(struct hmac *hmac, const uint8_t *buf, size_t len)
{
	hash_update(hmac->hash, &hmac->inner, buf, len);
}

void hmac_end(struct hmac *hmac, uint8_t *ret_mac)
{
	uint8_t digest[DIGEST_SIZE_MAX];

	hash_end(hmac->hash, &hmac->inner, digest);
	hash_update(hmac->hash, &hmac->outer, digest, digest_size(hash_algorithm(hmac->hash)));
	hash_end(hmac->hash, &hmac->outer, ret_mac);
	explicit_bzero(digest, sizeof(digest));
}

/* --- the engine ------------------------------------------------------------------------------- */

static int check_room(const struct mac_operation *op)
{
	return hash_check_room(op->hmac.hash, &op->hmac.inner, op->request.length);
}

static int set_key(struct mac_operation *op, const uint8_t *key)
{
	hmac_begin(&op->hmac, hash_find((enum digest_algorithm)op->request.algorithm), key,
		   op->request.key_size);
	return check_room(op);
}

static int read_state(struct mac_operation *op, const uint8_t *bytes, const uint8_t *slot_key)
{
	uint8_t block[BLOCK_MAX];
	int r;

	op->hmac.hash = hash_find((enum digest_algorithm)op->request.algorithm);
	r = hash_read_state(op->hmac.hash, &op->hmac.inner, bytes);
	if (r == 0 && slot_key) {
		fit_key(op->hmac.hash, slot_key, op->request.key_size, block);
		begin_with(op->hmac.hash, &op->hmac.outer, block, OUTER_PAD);
		explicit_bzero(block, sizeof(block));
	} else if (r == 0) {
		r = hash_read_state(op->hmac.hash, &op->hmac.outer, bytes + HASH_STATE_SIZE);
	}
	return r < 0 ? r : check_room(op);
}

static void write_state(struct mac_operation *op, uint8_t *ret_bytes)
{
	hash_write_state(op->hmac.hash, &op->hmac.inner, ret_bytes);
	if (op->request.key.kind == HIL_KEY_SLOT)
		memset(ret_bytes + HASH_STATE_SIZE, 0, HASH_STATE_SIZE); /* no MAC without it */
	else
		hash_write_state(op->hmac.hash, &op->hmac.outer, ret_bytes + HASH_STATE_SIZE);
}

static int absorb(struct intake *intake, const uint8_t *buf, size_t len)
{
	hmac_update(&mac_of_intake(intake)->hmac, buf, len);
	return 0;
}

static int end(struct mac_operation *op, uint8_t *ret_mac)
{
	hmac_end(&op->hmac, ret_mac);
	return 0;
}

static const struct mac_method method = {
	.caps = {.key_size_max = HMAC_KEY_SIZE_MAX,
		 .length_max = HMAC_LENGTH_MAX,
		 .state_bytes = HMAC_STATE_MAX},
	.kind = HIL_HMAC,
	.level = HIL_LEVEL_HMAC,
	.slice = HMAC_SLICE,
	.absorb = absorb,
	.set_key = set_key,
	.read_state = read_state,
	.write_state = write_state,
	.end = end,
};

int hmac_engine_open(struct task_host *host, struct hil_engine **ret_engine)
{
	struct mac_unit *unit;
	int r = mac_unit_open(host, &method, &unit);

	if (r < 0)
		return r;
	unit->engine.caps.algorithms = hash_algorithms(); /* the same numbers */
	*ret_engine = &unit->engine.head;
	return 0;
}
