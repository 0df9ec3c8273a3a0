/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers are turned round for OSSL_PARAM, which has them in the machine's order.
 */
#include "bench/evp_keys.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <string.h>

#include "bench/program.h"

#define INPUT_SIZE 32u

static void expect(int ok, const char *what)
{
	if (ok != 1)
		program_fail("OpenSSL: %s failed", what);
}

static void turn(unsigned char *to, const unsigned char *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = from[size - 1 - i];
}

static const struct {
	const char *type, *group;
} curves[] = {
	[PLUTON_P256] = {"EC", "P-256"},    [PLUTON_P384] = {"EC", "P-384"},
	[PLUTON_P521] = {"EC", "P-521"},    [PLUTON_ED25519] = {"ED25519", NULL},
	[PLUTON_X25519] = {"X25519", NULL},
};

static EVP_PKEY *from_parameters(const char *type, int selection, OSSL_PARAM *parameters)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	expect(context && EVP_PKEY_fromdata_init(context) == 1 &&
		       EVP_PKEY_fromdata(context, &key, selection, parameters) == 1,
	       "a key");
	EVP_PKEY_CTX_free(context);
	return key;
}

static OSSL_PARAM group_of(enum pluton_ecc_curve curve)
{
	return OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						(char *)(uintptr_t)curves[curve].group, 0);
}

EVP_PKEY *evp_ecc_private(const struct pluton_ecc_private *key)
{
	unsigned char number[PLUTON_ECC_KEY_MAX];
	size_t size = pluton_ecc_key_size(key->curve);
	OSSL_PARAM parameters[3];

	if (!curves[key->curve].group)
		return EVP_PKEY_new_raw_private_key_ex(NULL, curves[key->curve].type, NULL,
						       key->bytes, size);
	turn(number, key->bytes, size);
	parameters[0] = group_of(key->curve);
	parameters[1] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, number, size);
	parameters[2] = OSSL_PARAM_construct_end();
	return from_parameters("EC", EVP_PKEY_KEYPAIR, parameters);
}

EVP_PKEY *evp_ecc_public(const struct pluton_ecc_public *key)
{
	unsigned char point[1 + PLUTON_ECC_PUBLIC_MAX] = {4};
	size_t size = pluton_ecc_public_size(key->curve);
	OSSL_PARAM parameters[3];

	if (!curves[key->curve].group)
		return EVP_PKEY_new_raw_public_key_ex(NULL, curves[key->curve].type, NULL,
						      key->bytes, size);
	memcpy(point + 1, key->bytes, size);
	parameters[0] = group_of(key->curve);
	parameters[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + size);
	parameters[2] = OSSL_PARAM_construct_end();
	return from_parameters("EC", EVP_PKEY_PUBLIC_KEY, parameters);
}

EVP_PKEY *evp_rsa(const struct pluton_rsa_key *key, int selection)
{
	unsigned char numbers[8][PLUTON_RSA_SIZE_MAX];
	size_t half = key->size / 2;
	const struct {
		const char *name;
		const unsigned char *bytes;
		size_t size;
	} parts[] = {
		{OSSL_PKEY_PARAM_RSA_N, key->modulus, key->size},
		{OSSL_PKEY_PARAM_RSA_D, key->private_exponent, key->size},
		{OSSL_PKEY_PARAM_RSA_FACTOR1, key->prime1, half},
		{OSSL_PKEY_PARAM_RSA_FACTOR2, key->prime2, half},
		{OSSL_PKEY_PARAM_RSA_EXPONENT1, key->exponent1, half},
		{OSSL_PKEY_PARAM_RSA_EXPONENT2, key->exponent2, half},
		{OSSL_PKEY_PARAM_RSA_COEFFICIENT1, key->coefficient, half},
	};
	size_t count = selection == EVP_PKEY_KEYPAIR ? sizeof(parts) / sizeof(parts[0]) : 1;
	unsigned long exponent = key->exponent;
	OSSL_PARAM parameters[9];

	for (size_t i = 0; i < count; i++) {
		turn(numbers[i], parts[i].bytes, parts[i].size);
		parameters[i] = OSSL_PARAM_construct_BN(parts[i].name, numbers[i], parts[i].size);
	}
	parameters[count] = OSSL_PARAM_construct_ulong(OSSL_PKEY_PARAM_RSA_E, &exponent);
	parameters[count + 1] = OSSL_PARAM_construct_end();
	return from_parameters("RSA", selection, parameters);
}

EVP_PKEY *evp_generate(const char *type, const char *group, size_t bits)
{
	EVP_PKEY *key = bits	? EVP_PKEY_Q_keygen(NULL, NULL, type, bits)
			: group ? EVP_PKEY_Q_keygen(NULL, NULL, type, group)
				: EVP_PKEY_Q_keygen(NULL, NULL, type);

	expect(key != NULL, "generation");
	return key;
}

/* --- operations --------------------------------------------------------------------------------
 */

static bool signs_messages(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "ED25519");
}

static EVP_PKEY_CTX *context_of(EVP_PKEY *key, int (*init)(EVP_PKEY_CTX *context), int padding)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	expect(context && init(context) == 1, "a context");
	if (!padding)
		return context;
	expect(EVP_PKEY_CTX_set_rsa_padding(context, padding), "padding");
	if (padding == RSA_PKCS1_OAEP_PADDING)
		expect(EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()), "hash");
	else
		expect(EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()), "hash");
	return context;
}

static void sign_message(EVP_PKEY *key, const unsigned char *input, unsigned char *ret_signature,
			 size_t *ret_size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	expect(context && EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) == 1 &&
		       EVP_DigestSign(context, ret_signature, ret_size, input, INPUT_SIZE) == 1,
	       "a signature");
	EVP_MD_CTX_free(context);
}

void evp_sign(EVP_PKEY *key, int padding, const unsigned char *input, unsigned char *ret_signature,
	      size_t *ret_size)
{
	EVP_PKEY_CTX *context;

	if (signs_messages(key)) {
		sign_message(key, input, ret_signature, ret_size);
	} else {
		context = context_of(key, EVP_PKEY_sign_init, padding);
		expect(EVP_PKEY_sign(context, ret_signature, ret_size, input, INPUT_SIZE),
		       "a signature");
		EVP_PKEY_CTX_free(context);
	}
	EVP_PKEY_free(key);
}

static void verify_message(EVP_PKEY *key, const unsigned char *input,
			   const unsigned char *signature, size_t size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	expect(context &&
		       EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) == 1 &&
		       EVP_DigestVerify(context, signature, size, input, INPUT_SIZE) == 1,
	       "a verification");
	EVP_MD_CTX_free(context);
}

void evp_verify(EVP_PKEY *key, int padding, const unsigned char *input,
		const unsigned char *signature, size_t size)
{
	EVP_PKEY_CTX *context;

	if (signs_messages(key)) {
		verify_message(key, input, signature, size);
	} else {
		context = context_of(key, EVP_PKEY_verify_init, padding);
		expect(EVP_PKEY_verify(context, signature, size, input, INPUT_SIZE),
		       "a verification");
		EVP_PKEY_CTX_free(context);
	}
	EVP_PKEY_free(key);
}

void evp_agree(EVP_PKEY *key, EVP_PKEY *peer, unsigned char *ret_secret)
{
	EVP_PKEY_CTX *context = context_of(key, EVP_PKEY_derive_init, 0);
	size_t size = PLUTON_ECC_SECRET_MAX;

	expect(EVP_PKEY_derive_set_peer(context, peer), "a peer");
	expect(EVP_PKEY_derive(context, ret_secret, &size), "an agreement");
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(key);
}

void evp_oaep_encrypt(EVP_PKEY *key, const unsigned char *input, unsigned char *ret_output)
{
	EVP_PKEY_CTX *context = context_of(key, EVP_PKEY_encrypt_init, RSA_PKCS1_OAEP_PADDING);
	size_t size = PLUTON_RSA_SIZE_MAX;

	expect(EVP_PKEY_encrypt(context, ret_output, &size, input, INPUT_SIZE), "encryption");
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
}

void evp_oaep_decrypt(EVP_PKEY *key, const unsigned char *input, size_t size,
		      unsigned char *ret_output)
{
	EVP_PKEY_CTX *context = context_of(key, EVP_PKEY_decrypt_init, RSA_PKCS1_OAEP_PADDING);
	size_t made = PLUTON_RSA_SIZE_MAX;

	expect(EVP_PKEY_decrypt(context, ret_output, &made, input, size), "decryption");
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
}
