/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The baseline for keys: OpenSSL in this process, a key object made from its parts for each
 * operation, because each of Pluton's requests brings its key, too.
 */
#ifndef PLUTON_BENCH_EVP_KEYS_H
#define PLUTON_BENCH_EVP_KEYS_H

#include <openssl/evp.h>
#include <pluton/ecc.h>
#include <pluton/rsa.h>

EVP_PKEY *evp_ecc_private(const struct pluton_ecc_private *key);
EVP_PKEY *evp_ecc_public(const struct pluton_ecc_public *key);
/* All parts, or modulus and exponent. */
EVP_PKEY *evp_rsa(const struct pluton_rsa_key *key, int selection);
EVP_PKEY *evp_generate(const char *type, const char *group, size_t bits);

/*
 * Each frees the key. ECDSA signs a digest of 32 bytes, Ed25519 a message of as many, RSA a SHA-256
 * digest; padding is RSA_PKCS1_PADDING …, 0 for curves.
 */
void evp_sign(EVP_PKEY *key, int padding, const unsigned char *input, unsigned char *ret_signature,
	      size_t *ret_size);
void evp_verify(EVP_PKEY *key, int padding, const unsigned char *input,
		const unsigned char *signature, size_t size);
void evp_agree(EVP_PKEY *key, EVP_PKEY *peer, unsigned char *ret_secret);
/* OAEP with SHA-256, 32 bytes. */
void evp_oaep_encrypt(EVP_PKEY *key, const unsigned char *input, unsigned char *ret_output);
void evp_oaep_decrypt(EVP_PKEY *key, const unsigned char *input, size_t size,
		      unsigned char *ret_output);

#endif
