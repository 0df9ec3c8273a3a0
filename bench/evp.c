/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every step's result is looked at: a baseline that failed would be a fast one.
 */
#include "bench/evp.h"

#include "bench/program.h"

#define TAG_SIZE 16

static void expect(int ok, const char *what)
{
	if (ok != 1)
		program_fail("OpenSSL: %s failed", what);
}

void evp_open(struct evp *evp)
{
	*evp = (struct evp){
		.cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL),
		.hash = EVP_MD_fetch(NULL, "SHA256", NULL),
		.encrypt = EVP_CIPHER_CTX_new(),
		.decrypt = EVP_CIPHER_CTX_new(),
		.digest = EVP_MD_CTX_new(),
	};
	expect(evp->cipher && evp->hash, "fetching");
	expect(evp->encrypt && evp->decrypt && evp->digest, "allocating");
	expect(EVP_EncryptInit_ex2(evp->encrypt, evp->cipher, NULL, NULL, NULL), "EncryptInit");
	expect(EVP_DecryptInit_ex2(evp->decrypt, evp->cipher, NULL, NULL, NULL), "DecryptInit");
	expect(EVP_DigestInit_ex2(evp->digest, evp->hash, NULL), "DigestInit");
}

void evp_close(struct evp *evp)
{
	EVP_MD_CTX_free(evp->digest);
	EVP_CIPHER_CTX_free(evp->decrypt);
	EVP_CIPHER_CTX_free(evp->encrypt);
	EVP_MD_free(evp->hash);
	EVP_CIPHER_free(evp->cipher);
}

void evp_encrypt(struct evp *evp, const unsigned char *key, const unsigned char *iv,
		 const unsigned char *input, unsigned char *output, size_t length,
		 unsigned char *tag)
{
	int n;

	expect(EVP_EncryptInit_ex2(evp->encrypt, NULL, key, iv, NULL), "EncryptInit");
	expect(EVP_EncryptUpdate(evp->encrypt, output, &n, input, (int)length), "EncryptUpdate");
	expect(EVP_EncryptFinal_ex(evp->encrypt, output + n, &n), "EncryptFinal");
	expect(EVP_CIPHER_CTX_ctrl(evp->encrypt, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag), "GET_TAG");
}

void evp_decrypt(struct evp *evp, const unsigned char *key, const unsigned char *iv,
		 const unsigned char *input, unsigned char *output, size_t length,
		 unsigned char *tag)
{
	int n;

	expect(EVP_DecryptInit_ex2(evp->decrypt, NULL, key, iv, NULL), "DecryptInit");
	expect(EVP_DecryptUpdate(evp->decrypt, output, &n, input, (int)length), "DecryptUpdate");
	expect(EVP_CIPHER_CTX_ctrl(evp->decrypt, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag), "SET_TAG");
	expect(EVP_DecryptFinal_ex(evp->decrypt, output + n, &n), "DecryptFinal");
}

void evp_digest(struct evp *evp, const unsigned char *input, size_t length, unsigned char *digest)
{
	expect(EVP_DigestInit_ex2(evp->digest, NULL, NULL), "DigestInit");
	expect(EVP_DigestUpdate(evp->digest, input, length), "DigestUpdate");
	expect(EVP_DigestFinal_ex(evp->digest, digest, NULL), "DigestFinal");
}
