/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The baseline: OpenSSL in this process, as fast as a program that does it right would: algorithms
 * are fetched once and contexts reused. Each message has its own key, as each of Pluton's has, so
 * the contexts are given the key again.
 */
#ifndef PLUTON_BENCH_EVP_H
#define PLUTON_BENCH_EVP_H

#include <openssl/evp.h>
#include <stddef.h>

#define EVP_KEY_SIZE 32u /* bytes of every key */

/* One algorithm; of the members those that it needs. */
struct evp {
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *encrypt;
	EVP_CIPHER_CTX *decrypt;
	EVP_MD *hash;
	EVP_MD_CTX *digest;
	EVP_MAC *mac;
	EVP_MAC_CTX *mac_context;
};

/* By OpenSSL's names; the AEADs have an IV of 12 bytes and a tag of 16. */
void evp_open_cipher(struct evp *evp, const char *name);
void evp_open_hash(struct evp *evp, const char *name);
/* "HMAC" with "digest", "SHA256"; "CMAC" with "cipher", "AES-256-CBC". */
void evp_open_mac(struct evp *evp, const char *name, const char *parameter, const char *value);
void evp_close(struct evp *evp);

/* Whole blocks for ECB and CBC. The tag is NULL, or that of an AEAD: in for decryption, else out.
 */
void evp_encrypt(struct evp *evp, const unsigned char *key, const unsigned char *iv,
		 const unsigned char *input, unsigned char *output, size_t length,
		 unsigned char *tag);
void evp_decrypt(struct evp *evp, const unsigned char *key, const unsigned char *iv,
		 const unsigned char *input, unsigned char *output, size_t length,
		 unsigned char *tag);
void evp_digest(struct evp *evp, const unsigned char *input, size_t length, unsigned char *digest);
void evp_mac(struct evp *evp, const unsigned char *key, const unsigned char *input, size_t length,
	     unsigned char *mac);

#endif
