/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of hash functions. A written state begins alike for all of them:
 *   0 version (2)   1 algorithm   2 bytes in the last, incomplete block   3 zero   4 the family's
 */
#include "backends/openssl/hash.h"

#include <assert.h>
#include <string.h>

#include "backends/openssl/hash_family.h"

static_assert(HASH_STATE_SIZE <= DIGEST_STATE_MAX, "a state fits a grant's field");

static const struct hash *const hashes[] = {
	&hash_sha1,   &hash_sha224,   &hash_sha256,   &hash_sha384,
	&hash_sha512, &hash_sha3_256, &hash_sha3_384, &hash_sha3_512,
};

const struct hash *hash_find(enum digest_algorithm algorithm)
{
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		if (hashes[i]->algorithm == algorithm)
			return hashes[i];
	}
	return NULL;
}

uint32_t hash_algorithms(void)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		bits |= 1u << hashes[i]->algorithm;
	return bits;
}

enum digest_algorithm hash_algorithm(const struct hash *hash)
{
	return hash->algorithm;
}

size_t hash_block_size(const struct hash *hash)
{
	return hash->block_size;
}

/* --- hashing --------------------------------------------------------------------------------- */

void hash_begin(const struct hash *hash, union hash_state *state)
{
	hash->begin(state);
}

int hash_check_room(const struct hash *hash, const union hash_state *state, size_t len)
{
	const struct hash_family *family = hash->family;

	return len > family->length_max - family->length(state) ? -PLUTON_ESIZE : 0;
}

void hash_update(const struct hash *hash, union hash_state *state, const uint8_t *buf, size_t len)
{
	hash->family->update(state, buf, len);
}

void hash_end(const struct hash *hash, union hash_state *state, uint8_t *ret_digest)
{
	hash->end(state, ret_digest);
}

/* --- written states -------------------------------------------------------------------------- */

bool hash_all_zero(const uint8_t *bytes, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= bytes[i];
	return any == 0;
}

void hash_write_state(const struct hash *hash, union hash_state *state,
		      uint8_t bytes[HASH_STATE_SIZE])
{
	memset(bytes, 0, HASH_STATE_SIZE);
	bytes[HASH_STATE_VERSION_AT] = HASH_STATE_VERSION;
	bytes[HASH_STATE_ALGORITHM_AT] = (uint8_t)hash->algorithm;
	hash->family->write_rest(hash, state, bytes);
}

int hash_read_state(const struct hash *hash, union hash_state *state,
		    const uint8_t bytes[HASH_STATE_SIZE])
{
	if (bytes[HASH_STATE_VERSION_AT] != HASH_STATE_VERSION ||
	    bytes[HASH_STATE_ALGORITHM_AT] != hash->algorithm || bytes[HASH_STATE_ZERO_AT] != 0 ||
	    bytes[HASH_STATE_BUFFERED_AT] >= hash->block_size)
		return -PLUTON_EINVAL;
	return hash->family->read_rest(hash, state, bytes);
}
