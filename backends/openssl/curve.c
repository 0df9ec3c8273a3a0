/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One EVP_PKEY for each use. Private keys go into OpenSSL by a parameter that lies on the stack:
 * OSSL_PARAM_BLD would free its copy without wiping it.
 *
 * ECDSA's nonces are OpenSSL's: from its private random generator, the key and the digest
 * together, so that a bad generator alone does not repeat one. Two signatures of a digest differ.
 */
#include "backends/openssl/curve.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <string.h>

#include "backends/openssl/failure.h"
#include "pluton/error.h"

#define DER_SIGNATURE_MAX 160u /* of ECDSA on P-521: 139 */
#define POINT_UNCOMPRESSED 0x04

static const struct {
	const char *type;  /* OpenSSL's key type */
	const char *group; /* of type EC */
	int nid;
} names[ECC_CURVES] = {
	[ECC_P256] = {"EC", "P-256", NID_X9_62_prime256v1},
	[ECC_P384] = {"EC", "P-384", NID_secp384r1},
	[ECC_P521] = {"EC", "P-521", NID_secp521r1},
	[ECC_ED25519] = {"ED25519", NULL, NID_undef},
	[ECC_X25519] = {"X25519", NULL, NID_undef},
};

static int failed(void)
{
	return crypto_failed(-PLUTON_EFAIL);
}

/* The parts are at fault, unless there was no memory to find out. */
static int invalid(struct curve_parts *parts, const char *why)
{
	int r = crypto_failed(-PLUTON_EINVAL);

	if (r == -PLUTON_EINVAL)
		parts->why = why;
	return r;
}

/* --- keys ------------------------------------------------------------------------------------ */

static EVP_PKEY *from_parameters(const struct curve_parts *parts, int selection,
				 OSSL_PARAM *parameters)
{
	EVP_PKEY_CTX *context =
		EVP_PKEY_CTX_new_from_name(NULL, names[parts->curve].type, parts->properties);
	EVP_PKEY *key = NULL;

	if (context && EVP_PKEY_fromdata_init(context) == 1 &&
	    EVP_PKEY_fromdata(context, &key, selection, parameters) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

static OSSL_PARAM group_of(const struct curve_parts *parts)
{
	return OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						(char *)(uintptr_t)names[parts->curve].group, 0);
}

/* OpenSSL takes numbers in the machine's order. */
static void swap(uint8_t *ret_native, const uint8_t *big, size_t size)
{
	for (size_t i = 0; i < size; i++)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		ret_native[i] = big[size - 1 - i];
#else
		ret_native[i] = big[i];
#endif
}

static EVP_PKEY *prime_private(const struct curve_parts *parts)
{
	uint8_t number[ECC_KEY_SIZE_MAX];
	size_t size = ecc_key_size(parts->curve);
	OSSL_PARAM parameters[] = {
		group_of(parts),
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, number, size),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *key;

	swap(number, parts->key, size);
	key = from_parameters(parts, EVP_PKEY_KEYPAIR, parameters);
	explicit_bzero(number, sizeof(number));
	return key;
}

/* NULL also for what is no point: OpenSSL looks when it takes the coordinates. */
static EVP_PKEY *prime_public(const struct curve_parts *parts)
{
	uint8_t point[1 + ECC_PUBLIC_SIZE_MAX] = {POINT_UNCOMPRESSED};
	size_t size = ecc_public_size(parts->curve);
	OSSL_PARAM parameters[] = {
		group_of(parts),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + size),
		OSSL_PARAM_construct_end(),
	};

	memcpy(point + 1, parts->public, size);
	return from_parameters(parts, EVP_PKEY_PUBLIC_KEY, parameters);
}

static EVP_PKEY *take_private(const struct curve_parts *parts)
{
	if (ecc_is_prime_curve(parts->curve))
		return prime_private(parts);
	return EVP_PKEY_new_raw_private_key_ex(NULL, names[parts->curve].type, parts->properties,
					       parts->key, ecc_key_size(parts->curve));
}

static EVP_PKEY *take_public(const struct curve_parts *parts)
{
	if (ecc_is_prime_curve(parts->curve))
		return prime_public(parts);
	return EVP_PKEY_new_raw_public_key_ex(NULL, names[parts->curve].type, parts->properties,
					      parts->public, ecc_public_size(parts->curve));
}

static bool give_prime(struct curve_parts *parts, const EVP_PKEY *key)
{
	uint8_t point[1 + ECC_PUBLIC_SIZE_MAX];
	size_t length = 0, size = ecc_public_size(parts->curve);
	BIGNUM *number = NULL;
	bool given = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
		     BN_bn2binpad(number, parts->key, (int)ecc_key_size(parts->curve)) > 0 &&
		     EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point,
						     sizeof(point), &length) == 1 &&
		     length == 1 + size && point[0] == POINT_UNCOMPRESSED;

	if (given)
		memcpy(parts->public, point + 1, size);
	BN_clear_free(number);
	return given;
}

static bool give_raw_public(struct curve_parts *parts, const EVP_PKEY *key)
{
	size_t size = ecc_public_size(parts->curve);

	return EVP_PKEY_get_raw_public_key(key, parts->public, &size) == 1;
}

static bool give_raw(struct curve_parts *parts, const EVP_PKEY *key)
{
	size_t size = ecc_key_size(parts->curve);

	return EVP_PKEY_get_raw_private_key(key, parts->key, &size) == 1 &&
	       give_raw_public(parts, key);
}

/* EVP has no way from a private number to its point. */
static bool multiply_base(struct curve_parts *parts)
{
	uint8_t point[1 + ECC_PUBLIC_SIZE_MAX];
	size_t size = ecc_public_size(parts->curve);
	EC_GROUP *group =
		EC_GROUP_new_by_curve_name_ex(NULL, parts->properties, names[parts->curve].nid);
	EC_POINT *product = group ? EC_POINT_new(group) : NULL;
	BIGNUM *number = BN_secure_new();
	BN_CTX *context = BN_CTX_secure_new();
	bool done;

	if (number)
		BN_set_flags(number, BN_FLG_CONSTTIME);
	done = product && number && context &&
	       BN_bin2bn(parts->key, (int)ecc_key_size(parts->curve), number) &&
	       EC_POINT_mul(group, product, number, NULL, NULL, context) == 1 &&
	       EC_POINT_point2oct(group, product, POINT_CONVERSION_UNCOMPRESSED, point,
				  sizeof(point), context) == 1 + size;
	if (done)
		memcpy(parts->public, point + 1, size);
	BN_CTX_free(context);
	BN_clear_free(number);
	EC_POINT_clear_free(product);
	EC_GROUP_free(group);
	return done;
}

static bool raw_public(struct curve_parts *parts)
{
	EVP_PKEY *key = take_private(parts);
	bool done = key && give_raw_public(parts, key);

	EVP_PKEY_free(key);
	return done;
}

int curve_public(struct curve_parts *parts)
{
	bool prime = ecc_is_prime_curve(parts->curve);

	return (prime ? multiply_base(parts) : raw_public(parts)) ? 0 : failed();
}

int curve_check_public(struct curve_parts *parts)
{
	const char *fault = ecc_public_fault(parts->curve, parts->public);
	EVP_PKEY *key = fault ? NULL : take_public(parts);

	EVP_PKEY_free(key);
	return key ? 0 : invalid(parts, fault ? fault : ECC_NO_POINT);
}

/* --- ECDSA ----------------------------------------------------------------------------------- */

/* OpenSSL's signatures are SEQUENCE { r INTEGER, s INTEGER }. */
static bool from_der(struct curve_parts *parts, const uint8_t *der, size_t length)
{
	int size = (int)ecc_key_size(parts->curve);
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)length);
	bool fits = pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), parts->signature, size) == size &&
		    BN_bn2binpad(ECDSA_SIG_get0_s(pair), parts->signature + size, size) == size;

	ECDSA_SIG_free(pair);
	return fits;
}

/* The length; 0: no memory. */
static size_t to_der(const struct curve_parts *parts, uint8_t der[DER_SIGNATURE_MAX])
{
	int size = (int)ecc_key_size(parts->curve), length = 0;
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(parts->signature, size, NULL);
	BIGNUM *s = BN_bin2bn(parts->signature + size, size, NULL);

	if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
		length = i2d_ECDSA_SIG(pair, &der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(pair);
	return length > 0 ? (size_t)length : 0;
}

/*
 * Without memory for the encoding, libcrypto 3.0 says 1, and as the length 4294967295: then nothing
 * is in `der`.
 */
static bool sign_digest(struct curve_parts *parts, EVP_PKEY *key)
{
	uint8_t der[DER_SIGNATURE_MAX] = {0};
	size_t length = sizeof(der);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, parts->properties);
	bool done = context && EVP_PKEY_sign_init(context) == 1 &&
		    EVP_PKEY_sign(context, der, &length, parts->input, parts->length) == 1 &&
		    length <= sizeof(der) && from_der(parts, der, length);

	EVP_PKEY_CTX_free(context);
	return done;
}

static bool verify_digest(const struct curve_parts *parts, EVP_PKEY *key)
{
	uint8_t der[DER_SIGNATURE_MAX];
	size_t length = to_der(parts, der);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, parts->properties);
	bool matches = length > 0 && context && EVP_PKEY_verify_init(context) == 1 &&
		       EVP_PKEY_verify(context, der, length, parts->input, parts->length) == 1;

	EVP_PKEY_CTX_free(context);
	return matches;
}

/* --- Ed25519 --------------------------------------------------------------------------------- */

static bool sign_message(struct curve_parts *parts, EVP_PKEY *key)
{
	size_t length = ecc_signature_size(parts->curve);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool done = context &&
		    EVP_DigestSignInit_ex(context, NULL, NULL, NULL, parts->properties, key,
					  NULL) == 1 &&
		    EVP_DigestSign(context, parts->signature, &length, parts->input,
				   parts->length) == 1;

	EVP_MD_CTX_free(context);
	return done;
}

static bool verify_message(const struct curve_parts *parts, EVP_PKEY *key)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool matches = context &&
		       EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, parts->properties, key,
					       NULL) == 1 &&
		       EVP_DigestVerify(context, parts->signature, ecc_signature_size(parts->curve),
					parts->input, parts->length) == 1;

	EVP_MD_CTX_free(context);
	return matches;
}

/* --- both ------------------------------------------------------------------------------------ */

int curve_sign(struct curve_parts *parts)
{
	EVP_PKEY *key = take_private(parts);
	bool prime = ecc_is_prime_curve(parts->curve);
	bool done = key && (prime ? sign_digest(parts, key) : sign_message(parts, key));

	EVP_PKEY_free(key);
	return done ? 0 : failed();
}

int curve_verify(struct curve_parts *parts)
{
	EVP_PKEY *key = take_public(parts);
	bool prime = ecc_is_prime_curve(parts->curve);
	bool matches = key && (prime ? verify_digest(parts, key) : verify_message(parts, key));
	bool is_point = key;

	EVP_PKEY_free(key);
	if (!is_point)
		return invalid(parts, ECC_NO_POINT);
	return matches ? 0 : invalid(parts, ECC_NO_MATCH);
}

static bool derive(struct curve_parts *parts, EVP_PKEY *key, EVP_PKEY *peer)
{
	size_t length = ecc_secret_size(parts->curve);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, parts->properties);
	/* The point was checked when it was taken, and the cofactor is 1: nothing is left to. */
	bool done = context && EVP_PKEY_derive_init(context) == 1 &&
		    EVP_PKEY_derive_set_peer_ex(context, peer, 0) == 1 &&
		    EVP_PKEY_derive(context, parts->secret, &length) == 1 &&
		    length == ecc_secret_size(parts->curve);

	EVP_PKEY_CTX_free(context);
	return done;
}

/* OpenSSL refuses an X25519 secret of zeros, and has no other reason to refuse one. */
int curve_agree(struct curve_parts *parts)
{
	EVP_PKEY *key = take_private(parts), *peer = take_public(parts);
	bool have = key && peer, done = have && derive(parts, key, peer);

	EVP_PKEY_free(key);
	EVP_PKEY_free(peer);
	if (have && !done && parts->curve == ECC_X25519)
		return invalid(parts, ECC_ZERO_SECRET);
	return done ? 0 : failed();
}

/* --- generating ------------------------------------------------------------------------------- */

static bool make_pair(struct curve_parts *parts)
{
	bool prime = ecc_is_prime_curve(parts->curve);
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, parts->properties, names[parts->curve].type,
					  names[parts->curve].group);
	bool given = key && (prime ? give_prime(parts, key) : give_raw(parts, key));

	EVP_PKEY_free(key);
	return given;
}

static int check_agreement(struct curve_parts *pair)
{
	uint8_t public[ECC_PUBLIC_SIZE_MAX];
	size_t size = ecc_public_size(pair->curve);
	int r;

	memcpy(public, pair->public, size);
	r = curve_public(pair);
	return r == 0 && memcmp(public, pair->public, size) != 0 ? -PLUTON_EINVAL : r;
}

static int check_signature(struct curve_parts *pair)
{
	static const uint8_t digest[32] = {1};
	int r;

	pair->input = digest;
	pair->length = sizeof(digest);
	r = curve_sign(pair);
	return r < 0 ? r : curve_verify(pair);
}

/*
 * A new pair has to stand a test before anybody gets it (FIPS 140-3, IG 10.3.A): it verifies what
 * it signed, and where it signs nothing, its public key is made again.
 */
static int check_pair(const struct curve_parts *parts)
{
	struct curve_parts pair = *parts;
	int r = parts->curve == ECC_X25519 ? check_agreement(&pair) : check_signature(&pair);

	explicit_bzero(&pair, sizeof(pair));
	return r;
}

int curve_generate(struct curve_parts *parts)
{
	int r = make_pair(parts) ? check_pair(parts) : failed();

	if (r == -PLUTON_EINVAL) {
		parts->why = "a wrong key was made, and is given to nobody";
		r = -PLUTON_EFAIL;
	}
	if (r < 0)
		explicit_bzero(parts->key, sizeof(parts->key));
	return r;
}

int curve_available(enum ecc_curve curve, const char *properties)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, names[curve].type, properties);

	EVP_PKEY_CTX_free(context);
	return context ? 0 : crypto_failed(-PLUTON_ENODEVICE);
}
