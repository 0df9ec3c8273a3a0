/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One context for each call: nothing carries over from one answer to the next.
 */
#include "tests/integration/oracle.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <stdlib.h>

static void require(int result)
{
	if (result != 1)
		abort();
}

static EVP_CIPHER_CTX *begin_gcm(const struct oracle_gcm *message, int encrypt)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int length = 0;

	require(EVP_CipherInit_ex2(context, EVP_aes_256_gcm(), message->key, message->iv, encrypt,
				   NULL));
	require(EVP_CipherUpdate(context, NULL, &length, message->aad, (int)message->aad_length));
	return context;
}

void oracle_gcm_encrypt(struct oracle_gcm *message, const uint8_t *input, size_t length,
			uint8_t *output)
{
	EVP_CIPHER_CTX *context = begin_gcm(message, 1);
	int made = 0;

	require(EVP_CipherUpdate(context, output, &made, input, (int)length));
	require(EVP_CipherFinal_ex(context, output + made, &made));
	require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, ORACLE_TAG_SIZE, message->tag));
	EVP_CIPHER_CTX_free(context);
}

bool oracle_gcm_decrypt(const struct oracle_gcm *message, const uint8_t *input, size_t length,
			uint8_t *output)
{
	EVP_CIPHER_CTX *context = begin_gcm(message, 0);
	struct oracle_gcm copy = *message;
	int made = 0, verified;

	require(EVP_CipherUpdate(context, output, &made, input, (int)length));
	require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, ORACLE_TAG_SIZE, copy.tag));
	verified = EVP_CipherFinal_ex(context, output + made, &made);
	EVP_CIPHER_CTX_free(context);
	return verified == 1;
}

void oracle_ctr(const uint8_t key[ORACLE_KEY_SIZE], const uint8_t counter[ORACLE_BLOCK_SIZE],
		const uint8_t *input, size_t length, uint8_t *output)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int made = 0;

	require(EVP_EncryptInit_ex2(context, EVP_aes_256_ctr(), key, counter, NULL));
	require(EVP_EncryptUpdate(context, output, &made, input, (int)length));
	EVP_CIPHER_CTX_free(context);
}

void oracle_digest(const uint8_t *input, size_t length, uint8_t digest[ORACLE_DIGEST_SIZE])
{
	require(EVP_Digest(input, length, digest, NULL, EVP_sha256(), NULL));
}

void oracle_fill(uint8_t *bytes, size_t length, uint32_t seed)
{
	for (size_t i = 0; i < length; i++) {
		seed = seed * 1664525u + 1013904223u;
		bytes[i] = (uint8_t)(seed >> 24);
	}
}

void oracle_hmac(const uint8_t key[ORACLE_KEY_SIZE], const uint8_t *input, size_t length,
		 uint8_t mac[ORACLE_DIGEST_SIZE])
{
	if (!HMAC(EVP_sha256(), key, ORACLE_KEY_SIZE, input, length, mac, NULL))
		abort();
}

void oracle_hkdf(const uint8_t key[ORACLE_KEY_SIZE], const uint8_t *info, size_t info_length,
		 uint8_t *output, size_t length)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);

	require(EVP_PKEY_derive_init(context));
	require(EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()));
	require(EVP_PKEY_CTX_set1_hkdf_key(context, key, ORACLE_KEY_SIZE));
	require(EVP_PKEY_CTX_add1_hkdf_info(context, info, (int)info_length));
	require(EVP_PKEY_derive(context, output, &length));
	EVP_PKEY_CTX_free(context);
}
