/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What we are compared with: OpenSSL in the caller's own process, as fast as its interface goes:
 * algorithms fetched once, contexts reused, AES rekeyed for each message.
 */
#ifndef PLUTON_BENCH_EVP_H
#define PLUTON_BENCH_EVP_H

#include <openssl/evp.h>

struct evp {
	EVP_CIPHER *cipher; /* AES-256-GCM */
	EVP_MD *hash;	    /* SHA-256 */
	EVP_CIPHER_CTX *encrypt;
	EVP_CIPHER_CTX *decrypt;
	EVP_MD_CTX *digest;
};

void evp_open(struct evp *evp);
void evp_close(struct evp *evp);

/* Of one message; they fail the program. */
void evp_encrypt(struct evp *evp, const unsigned char *key, const unsigned char *iv,
		 const unsigned char *input, unsigned char *output, size_t length,
		 unsigned char *tag);
void evp_decrypt(struct evp *evp, const unsigned char *key, const unsigned char *iv,
		 const unsigned char *input, unsigned char *output, size_t length,
		 unsigned char *tag);
void evp_digest(struct evp *evp, const unsigned char *input, size_t length, unsigned char *digest);

#endif
