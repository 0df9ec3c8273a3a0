/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second implementation of AES's modes for tests: nettle's AES block function; chaining,
 * counters, CBC-MAC (SP 800-38C) and GHASH (SP 800-38D section 6.3, one bit at a time) done here.
 * Small and slow.
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
	uint64_t hashed;  /* bytes of data in the hash */
	uint64_t aad_length;
	uint32_t key_size;
	uint32_t ctr_bits;
	uint8_t ctr[16];  /* of the first block of data */
	uint8_t hash[16]; /* GHASH or CBC-MAC so far; CBC: the last block of ciphertext */
	uint32_t aad_closed;
	uint32_t is_ccm;
};

void cipher_init(struct cipher *cipher, const uint8_t *key, size_t key_size);
void cipher_set_ctr(struct cipher *cipher, const uint8_t ctr[16], unsigned ctr_bits);
void cipher_set_cbc_iv(struct cipher *cipher, const uint8_t iv[16]);
void cipher_set_gcm_iv(struct cipher *cipher, const uint8_t iv[12]);

struct cipher_ccm {
	size_t iv_size, tag_size; /* bytes, as the next two */
	size_t aad_length, length;
};
void cipher_set_ccm_iv(struct cipher *cipher, const uint8_t *iv, const struct cipher_ccm *about);

/* Whether `length` bytes more fit before the counter wraps. */
bool cipher_has_room(const struct cipher *cipher, uint64_t length);

/* Encrypts or decrypts in place. */
void cipher_crypt(struct cipher *cipher, uint8_t *buf, size_t len);

/* Whole blocks in place. */
void cipher_ecb(const struct cipher *cipher, bool encrypts, uint8_t *buf, size_t len);
void cipher_cbc(struct cipher *cipher, bool encrypts, uint8_t *buf, size_t len);

/* GCM and CCM: AAD, then data in place, then the tag; of CCM's the first tag_size bytes. */
void cipher_hash_aad(struct cipher *cipher, const uint8_t *aad, size_t len);
void cipher_seal(struct cipher *cipher, uint8_t *buf, size_t len);
void cipher_open(struct cipher *cipher, uint8_t *buf, size_t len);
void cipher_tag(struct cipher *cipher, uint8_t tag[16]);

#endif
