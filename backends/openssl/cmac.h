/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-CMAC (NIST SP 800-38B) on private memory. All return 0 or a negative error.
 */
#ifndef PLUTON_OPENSSL_CMAC_H
#define PLUTON_OPENSSL_CMAC_H

#include <openssl/evp.h>

#include "hil/mac.h"

#define CMAC_BLOCK_SIZE 16u /* of AES */

/* What libcrypto keeps for one CMAC at a time. Zeroed memory is one that is closed. */
struct cmac_cipher {
	EVP_CIPHER *ciphers[3]; /* of 128, 192, 256 bits */
	EVP_CIPHER_CTX *context;
};

struct cmac {
	uint8_t key[CMAC_KEY_SIZE_MAX];
	size_t key_size;
	uint8_t chain[CMAC_BLOCK_SIZE]; /* the last ciphertext block */
	/* What is not encrypted yet. The last block is treated apart, so even a whole one waits. */
	uint8_t carry[CMAC_BLOCK_SIZE];
	size_t carried;
};

/* -PLUTON_ENODEVICE: no provider has the cipher. -PLUTON_ENOMEM. To be closed in any case. */
int cmac_cipher_open(struct cmac_cipher *cipher, const char *properties);
/* Forgets the key. */
void cmac_cipher_reset(struct cmac_cipher *cipher);
void cmac_cipher_close(struct cmac_cipher *cipher);

/* A message begins, or goes on from a chain and a carry: key and key_size are in *cmac already. */
int cmac_begin(const struct cmac *cmac, struct cmac_cipher *cipher);
int cmac_update(struct cmac *cmac, struct cmac_cipher *cipher, const uint8_t *buf, size_t len);
/* Writes CMAC_BLOCK_SIZE bytes. */
int cmac_end(struct cmac *cmac, struct cmac_cipher *cipher, uint8_t *ret_mac);

#endif
