/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4) by OpenSSL's SHA256_* calls. They are deprecated in favour of EVP, but an
 * EVP_MD_CTX cannot be exported, and these run the same assembler. Nothing else here may use
 * deprecated calls.
 *
 * A written state, little-endian:
 *   0 version (1)   1 algorithm   2 bytes in the last, incomplete block   3 zero
 *   4 H0..H7, 32 bits each   36 message bytes so far, 64 bits   44 the incomplete block, then zeros
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "backends/openssl/hash.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#define STATE_VERSION 1u
#define BLOCK_SIZE ((size_t)SHA256_CBLOCK)
#define MESSAGE_MAX (UINT64_MAX / 8) /* its length in bits is a 64-bit number */

enum state_field {
	STATE_VERSION_AT = 0,
	STATE_ALGORITHM_AT = 1,
	STATE_BUFFERED_AT = 2,
	STATE_ZERO_AT = 3,
	STATE_CHAIN_AT = 4,
	STATE_LENGTH_AT = 36,
	STATE_BLOCK_AT = 44,
};
static_assert(STATE_BLOCK_AT + SHA256_CBLOCK == HASH_STATE_SIZE, "layout of a written state");
static_assert(HASH_STATE_SIZE <= HIL_STATE_MAX, "a state fits a grant's field");

static void sha256_begin(union hash_state *state)
{
	SHA256_Init(&state->sha256);
}

static uint64_t sha256_length(const SHA256_CTX *context)
{
	return ((uint64_t)context->Nh << 32 | context->Nl) / 8;
}

static int sha256_check_room(const union hash_state *state, size_t len)
{
	return len > MESSAGE_MAX - sha256_length(&state->sha256) ? -PLUTON_ESIZE : 0;
}

static void sha256_update(union hash_state *state, const uint8_t *buf, size_t len)
{
	SHA256_Update(&state->sha256, buf, len);
}

static void sha256_end(union hash_state *state, uint8_t *ret_digest)
{
	SHA256_Final(ret_digest, &state->sha256);
}

static void sha256_write_state(const union hash_state *state, uint8_t bytes[HASH_STATE_SIZE])
{
	const SHA256_CTX *context = &state->sha256;
	uint64_t length = htole64(sha256_length(context));

	memset(bytes, 0, HASH_STATE_SIZE);
	bytes[STATE_VERSION_AT] = STATE_VERSION;
	bytes[STATE_ALGORITHM_AT] = DIGEST_SHA256;
	bytes[STATE_BUFFERED_AT] = (uint8_t)context->num;
	for (size_t i = 0; i < 8; i++) {
		uint32_t word = htole32(context->h[i]);

		memcpy(bytes + STATE_CHAIN_AT + 4 * i, &word, sizeof(word));
	}
	memcpy(bytes + STATE_LENGTH_AT, &length, sizeof(length));
	memcpy(bytes + STATE_BLOCK_AT, context->data, context->num);
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= bytes[i];
	return any == 0;
}

static bool sha256_state_is_sound(const uint8_t bytes[HASH_STATE_SIZE], uint64_t length)
{
	size_t buffered = bytes[STATE_BUFFERED_AT];

	return bytes[STATE_VERSION_AT] == STATE_VERSION &&
	       bytes[STATE_ALGORITHM_AT] == DIGEST_SHA256 && bytes[STATE_ZERO_AT] == 0 &&
	       length <= MESSAGE_MAX && buffered == length % BLOCK_SIZE &&
	       all_zero(bytes + STATE_BLOCK_AT + buffered, BLOCK_SIZE - buffered);
}

static int sha256_read_state(union hash_state *state, const uint8_t bytes[HASH_STATE_SIZE])
{
	SHA256_CTX *context = &state->sha256;
	uint64_t length;

	memcpy(&length, bytes + STATE_LENGTH_AT, sizeof(length));
	length = le64toh(length);
	if (!sha256_state_is_sound(bytes, length))
		return -PLUTON_EINVAL;
	SHA256_Init(context);
	for (size_t i = 0; i < 8; i++) {
		uint32_t word;

		memcpy(&word, bytes + STATE_CHAIN_AT + 4 * i, sizeof(word));
		context->h[i] = le32toh(word);
	}
	context->Nl = (uint32_t)(length * 8);
	context->Nh = (uint32_t)(length >> 29);
	context->num = bytes[STATE_BUFFERED_AT];
	memcpy(context->data, bytes + STATE_BLOCK_AT, context->num);
	return 0;
}

static const struct hash hashes[] = {
	{DIGEST_SHA256, sha256_begin, sha256_check_room, sha256_update, sha256_end,
	 sha256_write_state, sha256_read_state},
};

const struct hash *hash_find(enum digest_algorithm algorithm)
{
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		if (hashes[i].algorithm == algorithm)
			return &hashes[i];
	}
	return NULL;
}

uint32_t hash_algorithms(void)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		bits |= 1u << hashes[i].algorithm;
	return bits;
}
