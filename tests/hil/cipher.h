/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second implementation of AES-CTR and AES-GCM for tests: nettle's AES block function, counters
 * and GHASH (SP 800-38D section 6.3, one bit at a time) done here. Small and slow.
 */
#ifndef PLUTON_TESTS_HIL_CIPHER_H
#define PLUTON_TESTS_HIL_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stream under way; the whole of it, so that it is also an engine's exported state. */
struct cipher {
	uint8_t key[32];
	uint64_t crypted; /* bytes that went through the key stream */
	uint64_t hashed;  /* bytes of ciphertext in the hash */
	uint64_t aad_length;
	uint32_t key_size;
	uint32_t ctr_bits;
	uint8_t ctr[16];  /* of the first block of data */
	uint8_t hash[16]; /* GHASH so far */
	uint32_t aad_closed;
	uint32_t reserved; /* no padding: it is compared and copied */
};

void cipher_init(struct cipher *cipher, const uint8_t *key, size_t key_size);
void cipher_set_ctr(struct cipher *cipher, const uint8_t ctr[16], unsigned ctr_bits);
void cipher_set_gcm_iv(struct cipher *cipher, const uint8_t iv[12]);

/* Whether `length` bytes more fit before the counter wraps. */
bool cipher_has_room(const struct cipher *cipher, uint64_t length);

/* Encrypts or decrypts in place. */
void cipher_crypt(struct cipher *cipher, uint8_t *buf, size_t len);

/* GHASH of AAD, then of ciphertext, then the tag. */
void cipher_hash_aad(struct cipher *cipher, const uint8_t *aad, size_t len);
void cipher_hash_data(struct cipher *cipher, const uint8_t *ciphertext, size_t len);
void cipher_tag(struct cipher *cipher, uint8_t tag[16]);

#endif
