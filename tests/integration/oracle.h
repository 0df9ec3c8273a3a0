/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the right answers are: straight OpenSSL EVP on private memory, apart from all of Pluton's
 * code. AES-256, SHA-256, and HMAC and HKDF on that. Failures of OpenSSL itself abort.
 */
#ifndef PLUTON_TESTS_ORACLE_H
#define PLUTON_TESTS_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ORACLE_KEY_SIZE = 32,
	ORACLE_BLOCK_SIZE = 16,
	ORACLE_IV_SIZE = 12,
	ORACLE_TAG_SIZE = 16,
	ORACLE_DIGEST_SIZE = 32,
};

/* Everything of a GCM message but its data. */
struct oracle_gcm {
	uint8_t key[ORACLE_KEY_SIZE];
	uint8_t iv[ORACLE_IV_SIZE];
	uint8_t aad[128];
	size_t aad_length;
	uint8_t tag[ORACLE_TAG_SIZE];
};

/* Encrypts `length` bytes and sets the tag. */
void oracle_gcm_encrypt(struct oracle_gcm *message, const uint8_t *input, size_t length,
			uint8_t *output);

/* Decrypts; false: the tag does not match, and *output is void. */
bool oracle_gcm_decrypt(const struct oracle_gcm *message, const uint8_t *input, size_t length,
			uint8_t *output);

void oracle_ctr(const uint8_t key[ORACLE_KEY_SIZE], const uint8_t counter[ORACLE_BLOCK_SIZE],
		const uint8_t *input, size_t length, uint8_t *output);

void oracle_digest(const uint8_t *input, size_t length, uint8_t digest[ORACLE_DIGEST_SIZE]);

/* HMAC-SHA-256. */
void oracle_hmac(const uint8_t key[ORACLE_KEY_SIZE], const uint8_t *input, size_t length,
		 uint8_t mac[ORACLE_DIGEST_SIZE]);

/* HKDF-SHA-256 without a salt. */
void oracle_hkdf(const uint8_t key[ORACLE_KEY_SIZE], const uint8_t *info, size_t info_length,
		 uint8_t *output, size_t length);

/* Bytes that look like nothing in particular, the same for the same seed. */
void oracle_fill(uint8_t *bytes, size_t length, uint32_t seed);

#endif
