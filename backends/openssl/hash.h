/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash functions whose running state can be written down and read back: EVP cannot do that. A
 * further algorithm is a line in hash.c's table and a member of the union.
 */
#ifndef PLUTON_OPENSSL_HASH_H
#define PLUTON_OPENSSL_HASH_H

#include <openssl/sha.h>

#include "hil/digest.h"

/* Bytes of a written state, the same for all algorithms. */
#define HASH_STATE_SIZE 108u

union hash_state {
	SHA256_CTX sha256;
};

struct hash {
	enum digest_algorithm algorithm;
	void (*begin)(union hash_state *state);
	/* -PLUTON_ESIZE: the message gets longer than the algorithm allows; nothing is changed. */
	int (*check_room)(const union hash_state *state, size_t len);
	void (*update)(union hash_state *state, const uint8_t *buf, size_t len);
	void (*end)(union hash_state *state, uint8_t *ret_digest);
	void (*write_state)(const union hash_state *state, uint8_t ret_bytes[HASH_STATE_SIZE]);
	/* -PLUTON_EINVAL: no state that write_state can have made. */
	int (*read_state)(union hash_state *state, const uint8_t bytes[HASH_STATE_SIZE]);
};

/* NULL: there is none for this algorithm. */
const struct hash *hash_find(enum digest_algorithm algorithm);

/* Bit 1 << algorithm for each there is. */
uint32_t hash_algorithms(void);

#endif
