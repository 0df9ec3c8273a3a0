/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash functions whose running state can be written down and read back: EVP cannot do that. A
 * further algorithm is a line in hash.c's table, and what its family's file says of it.
 */
#ifndef PLUTON_OPENSSL_HASH_H
#define PLUTON_OPENSSL_HASH_H

#include <nettle/sha3.h>
#include <openssl/sha.h>

#include "hil/digest.h"

/* Bytes of a written state, the same for all algorithms. */
#define HASH_STATE_SIZE 204u

union hash_state {
	SHA_CTX sha1;
	SHA256_CTX sha256; /* and SHA-224 */
	SHA512_CTX sha512; /* and SHA-384 */
	struct sha3_256_ctx sha3_256;
	struct sha3_384_ctx sha3_384;
	struct sha3_512_ctx sha3_512;
};

struct hash;

/* NULL: there is none for this algorithm. */
const struct hash *hash_find(enum digest_algorithm algorithm);

/* Bit 1 << algorithm for each there is. */
uint32_t hash_algorithms(void);

enum digest_algorithm hash_algorithm(const struct hash *hash);
size_t hash_block_size(const struct hash *hash);

void hash_begin(const struct hash *hash, union hash_state *state);
/* -PLUTON_ESIZE: the message gets longer than the algorithm allows; nothing is changed. */
int hash_check_room(const struct hash *hash, const union hash_state *state, size_t len);
void hash_update(const struct hash *hash, union hash_state *state, const uint8_t *buf, size_t len);
/* Writes digest_size(algorithm) bytes. */
void hash_end(const struct hash *hash, union hash_state *state, uint8_t *ret_digest);

void hash_write_state(const struct hash *hash, union hash_state *state,
		      uint8_t ret_bytes[HASH_STATE_SIZE]);
/* -PLUTON_EINVAL: no state that hash_write_state can have made for this algorithm. */
int hash_read_state(const struct hash *hash, union hash_state *state,
		    const uint8_t bytes[HASH_STATE_SIZE]);

/* Of a state's unused bytes; takes no longer where one is not zero. */
bool hash_all_zero(const uint8_t *bytes, size_t len);

#endif
