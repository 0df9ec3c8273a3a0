/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libcrypto makes is looked at before anybody gets it, new key pairs above all: its calls that
 * give out what it made are wrapped here (-Wl,--wrap), and give something else where a test wants
 * that.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <string.h>

#include "backends/openssl/curve.h"
#include "backends/openssl/rsa_run.h"
#include "tests/suite.h"

#define SIZE 256u

static const char *spoilt; /* OpenSSL's name of the part; NULL: none */

static bool is_spoilt(const char *name)
{
	return spoilt && strcmp(name, spoilt) == 0;
}

int __real_EVP_PKEY_get_params(const EVP_PKEY *key, OSSL_PARAM params[]);
int __wrap_EVP_PKEY_get_params(const EVP_PKEY *key, OSSL_PARAM params[]);
int __wrap_EVP_PKEY_get_params(const EVP_PKEY *key, OSSL_PARAM params[])
{
	int r = __real_EVP_PKEY_get_params(key, params);

	for (OSSL_PARAM *param = params; param->key; param++) {
		if (is_spoilt(param->key))
			((uint8_t *)param->data)[param->data_size / 2] ^= 0x10;
	}
	return r;
}

/* The public key of the pair before: a point of the curve, but another one. */
static void exchange(uint8_t *public, size_t length)
{
	static uint8_t before[1 + ECC_PUBLIC_SIZE_MAX];
	uint8_t now[sizeof(before)];

	memcpy(now, public, length);
	if (spoilt)
		memcpy(public, before, length);
	memcpy(before, now, length);
}

int __real_EVP_PKEY_get_octet_string_param(const EVP_PKEY *key, const char *name, uint8_t *buf,
					   size_t size, size_t *ret_length);
int __wrap_EVP_PKEY_get_octet_string_param(const EVP_PKEY *key, const char *name, uint8_t *buf,
					   size_t size, size_t *ret_length);
int __wrap_EVP_PKEY_get_octet_string_param(const EVP_PKEY *key, const char *name, uint8_t *buf,
					   size_t size, size_t *ret_length)
{
	int r = __real_EVP_PKEY_get_octet_string_param(key, name, buf, size, ret_length);

	exchange(buf, *ret_length);
	return r;
}

int __real_EVP_PKEY_get_raw_public_key(const EVP_PKEY *key, uint8_t *public, size_t *ret_length);
int __wrap_EVP_PKEY_get_raw_public_key(const EVP_PKEY *key, uint8_t *public, size_t *ret_length);
int __wrap_EVP_PKEY_get_raw_public_key(const EVP_PKEY *key, uint8_t *public, size_t *ret_length)
{
	int r = __real_EVP_PKEY_get_raw_public_key(key, public, ret_length);

	exchange(public, *ret_length);
	return r;
}

static bool has_no_memory; /* for the encoding of a signature */

int __real_EVP_PKEY_sign(EVP_PKEY_CTX *context, uint8_t *signature, size_t *length,
			 const uint8_t *digest, size_t size);
int __wrap_EVP_PKEY_sign(EVP_PKEY_CTX *context, uint8_t *signature, size_t *length,
			 const uint8_t *digest, size_t size);
int __wrap_EVP_PKEY_sign(EVP_PKEY_CTX *context, uint8_t *signature, size_t *length,
			 const uint8_t *digest, size_t size)
{
	static const uint8_t older[] = {0x30, 6, 2, 1, 1, 2, 1, 1}; /* left on the stack */

	if (!has_no_memory)
		return __real_EVP_PKEY_sign(context, signature, length, digest, size);
	memcpy(signature, older, sizeof(older));
	*length = 0xffffffff; /* as libcrypto 3.0 has it then, and says 1 */
	return 1;
}

static bool is_wiped(const uint8_t *bytes, size_t size)
{
	static const uint8_t zeros[RSA_KEY_MAX];

	return memcmp(bytes, zeros, size) == 0;
}

/* --- RSA -------------------------------------------------------------------------------------- */

static struct rsa_job job;

static int generate(void)
{
	static const atomic_bool cancelled;

	job = (struct rsa_job){.request = {.action = RSA_GENERATE,
					   .size = SIZE,
					   .crt = true,
					   .exponent = RSA_EXPONENT_MIN},
			       .cancelled = &cancelled};
	return rsa_run(&job);
}

static const char *const parts[] = {
	OSSL_PKEY_PARAM_RSA_N,	       OSSL_PKEY_PARAM_RSA_E,
	OSSL_PKEY_PARAM_RSA_D,	       OSSL_PKEY_PARAM_RSA_FACTOR1,
	OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
	OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

static void test_a_new_rsa_key_with_any_wrong_part_is_given_to_nobody(void)
{
	for (size_t i = 0; i < TESTS_COUNT(parts); i++) {
		spoilt = parts[i];
		CU_ASSERT_EQUAL(generate(), -PLUTON_EFAIL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(job.why);
		CU_ASSERT_STRING_EQUAL(job.why, "a wrong key was made, and is given to nobody");
		CU_ASSERT_TRUE(is_wiped(job.key, sizeof(job.key)));
		spoilt = NULL;
	}
	CU_ASSERT_EQUAL(generate(), 0);
	CU_ASSERT_FALSE(is_wiped(job.key, SIZE));
}

/* --- curves ----------------------------------------------------------------------------------- */

static void test_a_new_pair_of_any_curve_with_another_public_key_is_given_to_nobody(void)
{
	for (enum ecc_curve curve = ECC_P256; curve < ECC_CURVES; curve++) {
		struct curve_parts pair = {.curve = curve};

		CU_ASSERT_EQUAL(curve_generate(&pair), 0);
		CU_ASSERT_FALSE(is_wiped(pair.key, ecc_key_size(curve)));
		pair = (struct curve_parts){.curve = curve};
		spoilt = "the public key";
		CU_ASSERT_EQUAL(curve_generate(&pair), -PLUTON_EFAIL);
		spoilt = NULL;
		CU_ASSERT_PTR_NOT_NULL_FATAL(pair.why);
		CU_ASSERT_STRING_EQUAL(pair.why, "a wrong key was made, and is given to nobody");
		CU_ASSERT_TRUE(is_wiped(pair.key, sizeof(pair.key)));
		CU_ASSERT_EQUAL(curve_generate(&pair), 0);
	}
}

static void test_a_signature_that_was_never_encoded_is_none(void)
{
	static const uint8_t digest[32];
	struct curve_parts pair = {.curve = ECC_P256, .input = digest, .length = sizeof(digest)};

	CU_ASSERT_EQUAL(curve_generate(&pair), 0);
	has_no_memory = true;
	CU_ASSERT_EQUAL(curve_sign(&pair), -PLUTON_EFAIL);
	has_no_memory = false;
	CU_ASSERT_EQUAL(curve_sign(&pair), 0);
	CU_ASSERT_EQUAL(curve_verify(&pair), 0);
}

static const struct test tests[] = {
	TEST(test_a_new_rsa_key_with_any_wrong_part_is_given_to_nobody),
	TEST(test_a_new_pair_of_any_curve_with_another_public_key_is_given_to_nobody),
	TEST(test_a_signature_that_was_never_encoded_is_none),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "openssl pairs", tests, TESTS_COUNT(tests));
}
