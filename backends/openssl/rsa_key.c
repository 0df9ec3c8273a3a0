/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA keys between our parts and libcrypto's objects. Numbers go through arrays of ours, which are
 * wiped, because OSSL_PARAM_free wipes nothing.
 */
#include "backends/openssl/rsa_key.h"

#include <assert.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <string.h>

#include "backends/openssl/failure.h"

static const char *const names[RSA_PARTS] = {
	[RSA_N] = OSSL_PKEY_PARAM_RSA_N,	  [RSA_E] = OSSL_PKEY_PARAM_RSA_E,
	[RSA_D] = OSSL_PKEY_PARAM_RSA_D,	  [RSA_P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
	[RSA_Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,	  [RSA_DP] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
	[RSA_DQ] = OSSL_PKEY_PARAM_RSA_EXPONENT2, [RSA_QINV] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

/* OSSL_PARAM has numbers in the machine's own order. */
static void turn(uint8_t *to, const uint8_t *from, size_t len)
{
	static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are turned round");
	for (size_t i = 0; i < len; i++)
		to[i] = from[len - 1 - i];
}

/* As many parameters as parts, and the end; `native` has RSA_KEY_MAX bytes. */
static void describe(const struct rsa_job *job, unsigned count, uint8_t *native, OSSL_PARAM *params)
{
	size_t size = job->request.size;

	for (unsigned i = 0; i < count; i++) {
		enum rsa_part part = (enum rsa_part)i;

		params[i] = OSSL_PARAM_construct_BN(names[i], native + rsa_part_offset(part, size),
						    rsa_part_size(part, size));
	}
	params[count] = OSSL_PARAM_construct_end();
}

/* --- loading ---------------------------------------------------------------------------------- */

/* p * q = n: what else may be wrong with the parts shows in the result, which is checked. */
static int check_primes(struct rsa_job *job)
{
	int half = (int)job->request.size / 2;
	BN_CTX *context = BN_CTX_secure_new();
	BIGNUM *p = BN_bin2bn(rsa_job_part(job, RSA_P), half, NULL);
	BIGNUM *q = BN_bin2bn(rsa_job_part(job, RSA_Q), half, NULL);
	BIGNUM *n = BN_bin2bn(rsa_job_part(job, RSA_N), 2 * half, NULL);
	BIGNUM *product = BN_new();
	int r = 0;

	if (!context || !p || !q || !n || !product || BN_mul(product, p, q, context) != 1)
		r = crypto_failed(-PLUTON_ENOMEM);
	else if (BN_cmp(product, n) != 0)
		r = rsa_job_failed(job, "the primes of the key do not multiply to its modulus");
	BN_clear_free(p);
	BN_clear_free(q);
	BN_clear_free(product);
	BN_free(n);
	BN_CTX_free(context);
	return r;
}

static int from_parts(struct rsa_job *job, EVP_PKEY_CTX *context, unsigned count, EVP_PKEY **ret)
{
	int selection = count > RSA_D ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
	uint8_t native[RSA_KEY_MAX];
	OSSL_PARAM params[RSA_PARTS + 1];
	int r = 0;

	for (unsigned i = 0; i < count; i++) {
		enum rsa_part part = (enum rsa_part)i;

		turn(native + rsa_part_offset(part, job->request.size), rsa_job_part(job, part),
		     rsa_part_size(part, job->request.size));
	}
	describe(job, count, native, params);
	if (EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, ret, selection, params) != 1)
		r = rsa_job_failed(job, "the key makes no sense");
	explicit_bzero(native, sizeof(native));
	return r;
}

int rsa_key_load(struct rsa_job *job, EVP_PKEY **ret_key)
{
	unsigned count = rsa_part_count(&job->request);
	EVP_PKEY_CTX *context;
	int r = 0;

	job->why = rsa_public_fault(rsa_job_part(job, RSA_N), job->request.size,
				    rsa_job_part(job, RSA_E));
	if (job->why)
		return -PLUTON_EINVAL;
	if (count > RSA_P)
		r = check_primes(job);
	if (r < 0)
		return r;
	context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	if (!context)
		return rsa_job_failed(job, "libcrypto has no RSA");
	r = from_parts(job, context, count, ret_key);
	EVP_PKEY_CTX_free(context);
	return r;
}

/* --- judging ---------------------------------------------------------------------------------- */

static BIGNUM *number_of(struct rsa_job *job, enum rsa_part part)
{
	return BN_bin2bn(rsa_job_part(job, part), (int)rsa_part_size(part, job->request.size),
			 NULL);
}

/* d modulo a prime less one. */
static int check_exponent(struct rsa_job *job, BN_CTX *context, enum rsa_part prime,
			  enum rsa_part exponent)
{
	BIGNUM *d = number_of(job, RSA_D), *less = number_of(job, prime);
	BIGNUM *right = BN_secure_new(), *given = number_of(job, exponent);
	int r = 0;

	if (!d || !less || !right || !given || BN_sub_word(less, 1) != 1 ||
	    BN_mod(right, d, less, context) != 1)
		r = crypto_failed(-PLUTON_ENOMEM);
	else if (BN_cmp(right, given) != 0)
		r = rsa_job_failed(job, RSA_KEY_FAULT);
	BN_clear_free(d);
	BN_clear_free(less);
	BN_clear_free(right);
	BN_clear_free(given);
	return r;
}

/* q times qInv is 1 modulo p. */
static int check_coefficient(struct rsa_job *job, BN_CTX *context)
{
	BIGNUM *p = number_of(job, RSA_P), *q = number_of(job, RSA_Q);
	BIGNUM *product = BN_secure_new(), *inverse = number_of(job, RSA_QINV);
	int r = 0;

	if (!p || !q || !product || !inverse || BN_mod_mul(product, q, inverse, p, context) != 1)
		r = crypto_failed(-PLUTON_ENOMEM);
	else if (!BN_is_one(product) || BN_cmp(inverse, p) >= 0)
		r = rsa_job_failed(job, RSA_KEY_FAULT);
	BN_clear_free(p);
	BN_clear_free(q);
	BN_clear_free(product);
	BN_clear_free(inverse);
	return r;
}

/* Where a part for the remainders is wrong, libcrypto quietly takes d in its place, and the other
 * way round: that a result is right says nothing of the rest. */
int rsa_key_judge(struct rsa_job *job)
{
	BN_CTX *context = BN_CTX_secure_new();
	int r = context ? 0 : crypto_failed(-PLUTON_ENOMEM);

	if (r == 0)
		r = check_exponent(job, context, RSA_P, RSA_DP);
	if (r == 0)
		r = check_exponent(job, context, RSA_Q, RSA_DQ);
	if (r == 0)
		r = check_coefficient(job, context);
	BN_CTX_free(context);
	return r;
}

/* --- generating ------------------------------------------------------------------------------- */

/* libcrypto asks after every candidate for a prime and every round of its test. */
static int may_go_on(EVP_PKEY_CTX *context)
{
	const struct rsa_job *job = EVP_PKEY_CTX_get_app_data(context);

	return !atomic_load(job->cancelled);
}

static bool set_up(struct rsa_job *job, EVP_PKEY_CTX *context)
{
	BIGNUM *exponent = BN_new();
	bool fine = exponent && BN_set_word(exponent, job->request.exponent) == 1;

	static_assert(sizeof(BN_ULONG) >= sizeof(job->request.exponent), "it is one word");
	fine = fine && EVP_PKEY_keygen_init(context) == 1;
	fine = fine && EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)job->request.size * 8) == 1 &&
	       EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, exponent) == 1;
	BN_free(exponent);
	EVP_PKEY_CTX_set_app_data(context, job);
	EVP_PKEY_CTX_set_cb(context, may_go_on);
	return fine;
}

/* Getting parameters is a success, too, where some of them are not known. */
static bool has_all(const OSSL_PARAM *params)
{
	for (unsigned i = 0; i < RSA_PARTS; i++) {
		if (!OSSL_PARAM_modified(&params[i]))
			return false;
	}
	return true;
}

static int to_parts(struct rsa_job *job, EVP_PKEY *key)
{
	uint8_t native[RSA_KEY_MAX] = {0};
	OSSL_PARAM params[RSA_PARTS + 1];
	int r = 0;

	describe(job, RSA_PARTS, native, params);
	if (EVP_PKEY_get_params(key, params) != 1 || !has_all(params))
		r = rsa_job_failed(job, "libcrypto does not give out the key that it made");
	for (unsigned i = 0; r == 0 && i < RSA_PARTS; i++) {
		enum rsa_part part = (enum rsa_part)i;

		turn(rsa_job_part(job, part), native + rsa_part_offset(part, job->request.size),
		     rsa_part_size(part, job->request.size));
	}
	explicit_bzero(native, sizeof(native));
	return r;
}

int rsa_key_generate(struct rsa_job *job)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;
	int r = 0;

	if (!context || !set_up(job, context) || EVP_PKEY_generate(context, &key) != 1)
		r = rsa_job_failed(job, "libcrypto made no key");
	if (atomic_load(job->cancelled)) /* also where it was too late for libcrypto */
		r = -PLUTON_ECANCEL;
	if (r == 0)
		r = to_parts(job, key);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(context);
	return r;
}
