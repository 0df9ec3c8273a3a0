/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-3 (FIPS 202) by nettle: OpenSSL 3.0 keeps its Keccak to itself, and the state of an
 * EVP_MD_CTX cannot be exported.
 *
 * The rest of a written state: 4 the 25 lanes, little-endian, with the incomplete block absorbed
 * already. Read back, that block is zeros, which change nothing when they are absorbed again.
 */
#include <assert.h>
#include <endian.h>
#include <string.h>

#include "backends/openssl/hash_family.h"

#define LANES 25u

static_assert(sizeof(((struct sha3_state *)NULL)->a) == LANES * sizeof(uint64_t), "Keccak-f[1600]");
static_assert(HASH_STATE_REST_AT + LANES * sizeof(uint64_t) <= HASH_STATE_SIZE, "it fits");

/* A message has no greatest length. */
static uint64_t length(const union hash_state *state)
{
	(void)state;
	return 0;
}

/* A lane of the block, of which there are `len` bytes. */
static uint64_t block_lane(const uint8_t *block, size_t lane, size_t len)
{
	size_t at = lane * sizeof(uint64_t);
	uint64_t value = 0;

	if (at < len)
		memcpy(&value, block + at, len - at < sizeof(value) ? len - at : sizeof(value));
	return le64toh(value);
}

static void write_lanes(const struct sha3_state *keccak, const uint8_t *block, unsigned buffered,
			uint8_t bytes[HASH_STATE_SIZE])
{
	bytes[HASH_STATE_BUFFERED_AT] = (uint8_t)buffered;
	for (size_t i = 0; i < LANES; i++) {
		uint64_t lane = htole64(keccak->a[i] ^ block_lane(block, i, buffered));

		memcpy(bytes + HASH_STATE_REST_AT + i * sizeof(lane), &lane, sizeof(lane));
	}
}

static void read_lanes(struct sha3_state *keccak, const uint8_t bytes[HASH_STATE_SIZE])
{
	for (size_t i = 0; i < LANES; i++) {
		uint64_t lane;

		memcpy(&lane, bytes + HASH_STATE_REST_AT + i * sizeof(lane), sizeof(lane));
		keccak->a[i] = le64toh(lane);
	}
}

/* nettle has a context for each digest size, which differ in their block alone. */
#define SHA3(bits)                                                                                 \
	static void sha3_##bits##_begin(union hash_state *state)                                   \
	{                                                                                          \
		sha3_##bits##_init(&state->sha3_##bits);                                           \
	}                                                                                          \
	static void sha3_##bits##_add(union hash_state *state, const uint8_t *buf, size_t len)     \
	{                                                                                          \
		sha3_##bits##_update(&state->sha3_##bits, len, buf);                               \
	}                                                                                          \
	static void sha3_##bits##_end(union hash_state *state, uint8_t *ret_digest)                \
	{                                                                                          \
		sha3_##bits##_digest(&state->sha3_##bits, (bits) / 8, ret_digest);                 \
	}                                                                                          \
	static void sha3_##bits##_write(const struct hash *hash, union hash_state *state,          \
					uint8_t bytes[HASH_STATE_SIZE])                            \
	{                                                                                          \
		(void)hash;                                                                        \
		write_lanes(&state->sha3_##bits.state, state->sha3_##bits.block,                   \
			    state->sha3_##bits.index, bytes);                                      \
	}                                                                                          \
	static int sha3_##bits##_read(const struct hash *hash, union hash_state *state,            \
				      const uint8_t bytes[HASH_STATE_SIZE])                        \
	{                                                                                          \
		hash->begin(state);                                                                \
		read_lanes(&state->sha3_##bits.state, bytes);                                      \
		memset(state->sha3_##bits.block, 0, sizeof(state->sha3_##bits.block));             \
		state->sha3_##bits.index = bytes[HASH_STATE_BUFFERED_AT];                          \
		return 0;                                                                          \
	}                                                                                          \
	static const struct hash_family sha3_##bits##_family = {                                   \
		sha3_##bits##_add, length, UINT64_MAX, sha3_##bits##_write, sha3_##bits##_read};   \
	const struct hash hash_sha3_##bits = {DIGEST_SHA3_##bits, SHA3_##bits##_BLOCK_SIZE,        \
					      &sha3_##bits##_family, sha3_##bits##_begin,          \
					      sha3_##bits##_end}

SHA3(256);
SHA3(384);
SHA3(512);
