/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between byte strings and nettle's points, scalars and big numbers.
 */
#include "tests/hil/curves.h"

/* nettle has a struct of the name of our enum. */
#define ecc_curve nettle_curve
#include <gmp.h>
#include <nettle/bignum.h>
#include <nettle/curve25519.h>
#include <nettle/dsa.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecc.h>
#include <nettle/ecdsa.h>
#include <nettle/eddsa.h>
#undef ecc_curve
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

#include "tests/hil/cipher.h"

static const struct nettle_curve *nettle_of(enum ecc_curve curve)
{
	switch (curve) {
	case ECC_P256:
		return nettle_get_secp_256r1();
	case ECC_P384:
		return nettle_get_secp_384r1();
	default:
		return nettle_get_secp_521r1();
	}
}

/* Each returns whether what it made is valid; it is to be cleared either way. */
static bool take_scalar(enum ecc_curve curve, const uint8_t *key, struct ecc_scalar *ret)
{
	mpz_t number;
	bool valid;

	nettle_mpz_init_set_str_256_u(number, ecc_key_size(curve), key);
	ecc_scalar_init(ret, nettle_of(curve));
	valid = ecc_scalar_set(ret, number) == 1;
	mpz_clear(number);
	return valid;
}

static bool take_point(enum ecc_curve curve, const uint8_t *public, struct ecc_point *ret)
{
	size_t size = ecc_public_size(curve) / 2;
	mpz_t x, y;
	bool valid;

	nettle_mpz_init_set_str_256_u(x, size, public);
	nettle_mpz_init_set_str_256_u(y, size, public + size);
	ecc_point_init(ret, nettle_of(curve));
	valid = ecc_point_set(ret, x, y) == 1;
	mpz_clear(x);
	mpz_clear(y);
	return valid;
}

/* x, and y if there is room for it. */
static void give_point(enum ecc_curve curve, const struct ecc_point *point, uint8_t *ret_x,
		       uint8_t *ret_y)
{
	size_t size = ecc_public_size(curve) / 2;
	mpz_t x, y;

	mpz_init(x);
	mpz_init(y);
	ecc_point_get(point, x, y);
	nettle_mpz_get_str_256(size, ret_x, x);
	if (ret_y)
		nettle_mpz_get_str_256(size, ret_y, y);
	mpz_clear(x);
	mpz_clear(y);
}

/* nettle_random_func */
static void count(void *context, size_t length, uint8_t *ret)
{
	static const uint8_t key[16] = "curves for tests", ctr[16];
	static struct cipher generator;

	(void)context;
	if (generator.key_size == 0) {
		cipher_init(&generator, key, sizeof(key));
		cipher_set_ctr(&generator, ctr, 128);
	}
	memset(ret, 0, length);
	cipher_crypt(&generator, ret, length);
}

bool curves_key_is_valid(enum ecc_curve curve, const uint8_t *key)
{
	struct ecc_scalar scalar;
	bool valid;

	if (!ecc_is_prime_curve(curve))
		return true;
	valid = take_scalar(curve, key, &scalar);
	ecc_scalar_clear(&scalar);
	return valid;
}

bool curves_point_is_valid(enum ecc_curve curve, const uint8_t *public)
{
	struct ecc_point point;
	bool valid;

	if (!ecc_is_prime_curve(curve))
		return true;
	valid = take_point(curve, public, &point);
	ecc_point_clear(&point);
	return valid;
}

void curves_generate(enum ecc_curve curve, uint8_t *ret_key)
{
	do {
		count(NULL, ecc_key_size(curve), ret_key);
		if (curve == ECC_P521)
			ret_key[0] &= 1;
	} while (!curves_key_is_valid(curve, ret_key));
}

void curves_public(enum ecc_curve curve, const uint8_t *key, uint8_t *ret_public)
{
	struct ecc_scalar scalar;
	struct ecc_point point;

	if (curve == ECC_ED25519) {
		ed25519_sha512_public_key(ret_public, key);
		return;
	}
	if (curve == ECC_X25519) {
		curve25519_mul_g(ret_public, key);
		return;
	}
	take_scalar(curve, key, &scalar);
	ecc_point_init(&point, nettle_of(curve));
	ecc_point_mul_g(&point, &scalar);
	give_point(curve, &point, ret_public, ret_public + ecc_public_size(curve) / 2);
	ecc_point_clear(&point);
	ecc_scalar_clear(&scalar);
}

void curves_sign(enum ecc_curve curve, const uint8_t *key, const uint8_t *input, size_t length,
		 uint8_t *ret_signature)
{
	size_t size = ecc_key_size(curve);
	uint8_t public[ED25519_KEY_SIZE];
	struct dsa_signature pair;
	struct ecc_scalar scalar;

	if (curve == ECC_ED25519) {
		ed25519_sha512_public_key(public, key);
		ed25519_sha512_sign(public, key, length, input, ret_signature);
		return;
	}
	take_scalar(curve, key, &scalar);
	dsa_signature_init(&pair);
	ecdsa_sign(&scalar, NULL, count, length, input, &pair);
	nettle_mpz_get_str_256(size, ret_signature, pair.r);
	nettle_mpz_get_str_256(size, ret_signature + size, pair.s);
	dsa_signature_clear(&pair);
	ecc_scalar_clear(&scalar);
}

bool curves_verify(enum ecc_curve curve, const uint8_t *public, const uint8_t *signature,
		   const uint8_t *input, size_t length)
{
	size_t size = ecc_key_size(curve);
	struct dsa_signature pair;
	struct ecc_point point;
	bool valid;

	if (curve == ECC_ED25519)
		return ed25519_sha512_verify(public, length, input, signature) == 1;
	valid = take_point(curve, public, &point);
	dsa_signature_init(&pair);
	nettle_mpz_set_str_256_u(pair.r, size, signature);
	nettle_mpz_set_str_256_u(pair.s, size, signature + size);
	valid = valid && ecdsa_verify(&point, length, input, &pair) == 1;
	dsa_signature_clear(&pair);
	ecc_point_clear(&point);
	return valid;
}

static bool agree_x25519(const uint8_t *key, const uint8_t *public, uint8_t *ret_secret)
{
	static const uint8_t zeros[CURVE25519_SIZE];

	curve25519_mul(ret_secret, key, public);
	return memcmp(ret_secret, zeros, sizeof(zeros)) != 0;
}

bool curves_agree(enum ecc_curve curve, const uint8_t *key, const uint8_t *public,
		  uint8_t *ret_secret)
{
	struct ecc_scalar scalar;
	struct ecc_point point;

	if (curve == ECC_X25519)
		return agree_x25519(key, public, ret_secret);
	take_scalar(curve, key, &scalar);
	take_point(curve, public, &point);
	ecc_point_mul(&point, &scalar, &point);
	give_point(curve, &point, ret_secret, NULL);
	ecc_point_clear(&point);
	ecc_scalar_clear(&scalar);
	return true;
}

/* --- OpenSSL ---------------------------------------------------------------------------------- */

static EVP_PKEY *openssl_key(enum ecc_curve curve, const uint8_t *public)
{
	static const char *const groups[] = {
		[ECC_P256] = "P-256", [ECC_P384] = "P-384", [ECC_P521] = "P-521"};
	uint8_t point[1 + ECC_PUBLIC_SIZE_MAX] = {4};
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 (char *)(uintptr_t)groups[curve], 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point,
						  1 + ecc_public_size(curve)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	memcpy(point + 1, public, ecc_public_size(curve));
	EVP_PKEY_fromdata_init(context);
	EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
	EVP_PKEY_CTX_free(context);
	return key;
}

bool curves_verify_by_openssl(enum ecc_curve curve, const uint8_t *public, const uint8_t *signature,
			      const uint8_t *digest, size_t length)
{
	int size = (int)ecc_key_size(curve);
	EVP_PKEY *key = openssl_key(curve, public);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	ECDSA_SIG *pair = ECDSA_SIG_new();
	uint8_t *der = NULL;
	int der_length;
	bool valid;

	ECDSA_SIG_set0(pair, BN_bin2bn(signature, size, NULL),
		       BN_bin2bn(signature + size, size, NULL));
	der_length = i2d_ECDSA_SIG(pair, &der);
	valid = key && der_length > 0 && EVP_PKEY_verify_init(context) == 1 &&
		EVP_PKEY_verify(context, der, (size_t)der_length, digest, length) == 1;
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
	return valid;
}
