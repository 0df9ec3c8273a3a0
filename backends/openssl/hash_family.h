/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files behind hash.h share: functions that have a context in common are a family.
 */
#ifndef PLUTON_OPENSSL_HASH_FAMILY_H
#define PLUTON_OPENSSL_HASH_FAMILY_H

#include "backends/openssl/hash.h"

#define HASH_STATE_VERSION 2u

/* How every written state begins. */
enum hash_state_field {
	HASH_STATE_VERSION_AT = 0,
	HASH_STATE_ALGORITHM_AT = 1,
	HASH_STATE_BUFFERED_AT = 2, /* bytes of the last, incomplete block */
	HASH_STATE_ZERO_AT = 3,
	HASH_STATE_REST_AT = 4,
};

struct hash_family {
	void (*update)(union hash_state *state, const uint8_t *buf, size_t len);
	/* How many bytes were hashed, and may be in all. */
	uint64_t (*length)(const union hash_state *state);
	uint64_t length_max;
	/* What hash_write_state and hash_read_state leave to the family. */
	void (*write_rest)(const struct hash *hash, union hash_state *state,
			   uint8_t bytes[HASH_STATE_SIZE]);
	int (*read_rest)(const struct hash *hash, union hash_state *state,
			 const uint8_t bytes[HASH_STATE_SIZE]);
};

struct hash {
	enum digest_algorithm algorithm;
	size_t block_size; /* bytes; HMAC wants to know (FIPS 198-1) */
	const struct hash_family *family;
	void (*begin)(union hash_state *state);
	void (*end)(union hash_state *state, uint8_t *ret_digest);
};

extern const struct hash hash_sha1, hash_sha224, hash_sha256, hash_sha384, hash_sha512;
extern const struct hash hash_sha3_256, hash_sha3_384, hash_sha3_512;

#endif
