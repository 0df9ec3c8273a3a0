/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every step's result is looked at: a baseline that failed would be a fast one.
 */
#include "bench/evp.h"

#include <openssl/params.h>

#include "bench/program.h"

#define TAG_SIZE 16

static void expect(int ok, const char *what)
{
	if (ok != 1)
		program_fail("OpenSSL: %s failed", what);
}

void evp_open_cipher(struct evp *evp, const char *name)
{
	*evp = (struct evp){
		.cipher = EVP_CIPHER_fetch(NULL, name, NULL),
		.encrypt = EVP_CIPHER_CTX_new(),
		.decrypt = EVP_CIPHER_CTX_new(),
	};
	expect(evp->cipher && evp->encrypt && evp->decrypt, name);
	expect(EVP_EncryptInit_ex2(evp->encrypt, evp->cipher, NULL, NULL, NULL), "EncryptInit");
	expect(EVP_DecryptInit_ex2(evp->decrypt, evp->cipher, NULL, NULL, NULL), "DecryptInit");
	if (EVP_CIPHER_get_mode(evp->cipher) != EVP_CIPH_CCM_MODE)
		return;
	expect(EVP_CIPHER_CTX_ctrl(evp->encrypt, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL), "SET_IVLEN");
	expect(EVP_CIPHER_CTX_ctrl(evp->decrypt, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL), "SET_IVLEN");
	expect(EVP_CIPHER_CTX_ctrl(evp->encrypt, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, NULL), "SET_TAG");
}

void evp_open_hash(struct evp *evp, const char *name)
{
	*evp = (struct evp){.hash = EVP_MD_fetch(NULL, name, NULL), .digest = EVP_MD_CTX_new()};
	expect(evp->hash && evp->digest, name);
	expect(EVP_DigestInit_ex2(evp->digest, evp->hash, NULL), "DigestInit");
}

void evp_open_mac(struct evp *evp, const char *name, const char *parameter, const char *value)
{
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(parameter, (char *)(uintptr_t)value, 0),
		OSSL_PARAM_construct_end(),
	};

	*evp = (struct evp){.mac = EVP_MAC_fetch(NULL, name, NULL)};
	expect(evp->mac != NULL, name);
	evp->mac_context = EVP_MAC_CTX_new(evp->mac);
	expect(evp->mac_context && EVP_MAC_CTX_set_params(evp->mac_context, parameters), value);
}

void evp_close(struct evp *evp)
{
	EVP_MD_CTX_free(evp->digest);
	EVP_MD_free(evp->hash);
	EVP_CIPHER_CTX_free(evp->decrypt);
	EVP_CIPHER_CTX_free(evp->encrypt);
	EVP_CIPHER_free(evp->cipher);
	EVP_MAC_CTX_free(evp->mac_context);
	EVP_MAC_free(evp->mac);
}

/* CCM must know the length first, and gives all at once. */
static void tell_length(const struct evp *evp, EVP_CIPHER_CTX *context, size_t length)
{
	int n;

	if (EVP_CIPHER_get_mode(evp->cipher) == EVP_CIPH_CCM_MODE)
		expect(EVP_CipherUpdate(context, NULL, &n, NULL, (int)length), "its length");
}

void evp_encrypt(struct evp *evp, const unsigned char *key, const unsigned char *iv,
		 const unsigned char *input, unsigned char *output, size_t length,
		 unsigned char *tag)
{
	int n;

	expect(EVP_EncryptInit_ex2(evp->encrypt, NULL, key, iv, NULL), "EncryptInit");
	expect(EVP_CIPHER_CTX_set_padding(evp->encrypt, 0), "padding");
	tell_length(evp, evp->encrypt, length);
	expect(EVP_EncryptUpdate(evp->encrypt, output, &n, input, (int)length), "EncryptUpdate");
	expect(EVP_EncryptFinal_ex(evp->encrypt, output + n, &n), "EncryptFinal");
	if (tag)
		expect(EVP_CIPHER_CTX_ctrl(evp->encrypt, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag),
		       "GET_TAG");
}

void evp_decrypt(struct evp *evp, const unsigned char *key, const unsigned char *iv,
		 const unsigned char *input, unsigned char *output, size_t length,
		 unsigned char *tag)
{
	int n;

	if (tag)
		expect(EVP_CIPHER_CTX_ctrl(evp->decrypt, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag),
		       "SET_TAG");
	expect(EVP_DecryptInit_ex2(evp->decrypt, NULL, key, iv, NULL), "DecryptInit");
	expect(EVP_CIPHER_CTX_set_padding(evp->decrypt, 0), "padding");
	tell_length(evp, evp->decrypt, length);
	expect(EVP_DecryptUpdate(evp->decrypt, output, &n, input, (int)length), "DecryptUpdate");
	/* CCM has compared its tag by now */
	if (EVP_CIPHER_get_mode(evp->cipher) != EVP_CIPH_CCM_MODE)
		expect(EVP_DecryptFinal_ex(evp->decrypt, output + n, &n), "DecryptFinal");
}

void evp_digest(struct evp *evp, const unsigned char *input, size_t length, unsigned char *digest)
{
	expect(EVP_DigestInit_ex2(evp->digest, NULL, NULL), "DigestInit");
	expect(EVP_DigestUpdate(evp->digest, input, length), "DigestUpdate");
	expect(EVP_DigestFinal_ex(evp->digest, digest, NULL), "DigestFinal");
}

void evp_mac(struct evp *evp, const unsigned char *key, const unsigned char *input, size_t length,
	     unsigned char *mac)
{
	size_t size;

	expect(EVP_MAC_init(evp->mac_context, key, EVP_KEY_SIZE, NULL), "MAC_init");
	expect(EVP_MAC_update(evp->mac_context, input, length), "MAC_update");
	expect(EVP_MAC_final(evp->mac_context, mac, &size, EVP_MAX_MD_SIZE), "MAC_final");
}
