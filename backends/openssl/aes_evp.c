/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contexts of OpenSSL's ciphers, of which the modes are made.
 *
 * OpenSSL's padding is off: ECB and CBC keep an incomplete block in the context until its rest
 * comes, so what comes out of one piece is up to 15 bytes less or more than what went in.
 */
#include "backends/openssl/aes_operation.h"
#include "backends/openssl/failure.h"

int aes_ciphers_fetch(struct aes_unit *unit, const char *properties)
{
	static const char *const names[AES_CIPHER_KINDS][3] = {
		[AES_CIPHER_CTR] = {"AES-128-CTR", "AES-192-CTR", "AES-256-CTR"},
		[AES_CIPHER_GCM] = {"AES-128-GCM", "AES-192-GCM", "AES-256-GCM"},
		[AES_CIPHER_ECB] = {"AES-128-ECB", "AES-192-ECB", "AES-256-ECB"},
		[AES_CIPHER_CBC] = {"AES-128-CBC", "AES-192-CBC", "AES-256-CBC"},
	};

	for (size_t kind = 0; kind < AES_CIPHER_KINDS; kind++) {
		for (size_t i = 0; i < 3; i++) {
			unit->ciphers[kind][i] = EVP_CIPHER_fetch(NULL, names[kind][i], properties);
			if (!unit->ciphers[kind][i])
				return crypto_failed(-PLUTON_ENODEVICE);
		}
	}
	return 0;
}

void aes_ciphers_free(struct aes_unit *unit)
{
	for (size_t kind = 0; kind < AES_CIPHER_KINDS; kind++) {
		for (size_t i = 0; i < 3; i++)
			EVP_CIPHER_free(unit->ciphers[kind][i]);
	}
}

int aes_evp_begin(struct aes_operation *op, EVP_CIPHER_CTX *context, enum aes_cipher_kind kind,
		  bool encrypt, const uint8_t *iv)
{
	const EVP_CIPHER *cipher = op->unit->ciphers[kind][op->request.key_size / 8 - 2];
	bool has_blocks = kind == AES_CIPHER_ECB || kind == AES_CIPHER_CBC;

	if (EVP_CipherInit_ex2(context, cipher, op->key, iv, encrypt, NULL) == 1 &&
	    (!has_blocks || EVP_CIPHER_CTX_set_padding(context, 0) == 1))
		return 0;
	return crypto_failed(-PLUTON_EFAIL);
}

ssize_t aes_evp_update(EVP_CIPHER_CTX *context, uint8_t *out, const uint8_t *in, size_t len)
{
	int made = 0;

	if (EVP_CipherUpdate(context, out, &made, in, (int)len) == 1)
		return made;
	return crypto_failed(-PLUTON_EFAIL);
}

int aes_evp_chain(EVP_CIPHER_CTX *context, uint8_t ret_block[AES_BLOCK_SIZE])
{
	if (EVP_CIPHER_CTX_get_updated_iv(context, ret_block, AES_BLOCK_SIZE) == 1)
		return 0;
	return crypto_failed(-PLUTON_EFAIL);
}
