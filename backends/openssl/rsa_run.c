/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each action computes. The exponentiations with a private key are libcrypto's: blinded, by
 * the Chinese remainder theorem where the key has its parts. The rule a newcomer would break first:
 * whatever one gives is checked with the public exponent before it goes anywhere.
 */
#include "backends/openssl/rsa_run.h"

#include <openssl/rsa.h>
#include <string.h>

#include "backends/openssl/failure.h"
#include "backends/openssl/rsa_key.h"
#include "backends/openssl/rsa_unpad.h"

/* --- exponentiation --------------------------------------------------------------------------- */

typedef int (*init_fn)(EVP_PKEY_CTX *context);
typedef int (*crypt_fn)(EVP_PKEY_CTX *context, unsigned char *out, size_t *outlen,
			const unsigned char *in, size_t inlen);

/* Without padding: number to number, both as long as the modulus. */
static bool exponentiate(const struct rsa_job *job, EVP_PKEY *key, init_fn init, crypt_fn crypt,
			 const uint8_t *in, uint8_t *out)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	size_t size = job->request.size;
	bool fine = context && init(context) == 1 &&
		    EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1 &&
		    crypt(context, out, &size, in, size) == 1 && size == job->request.size;

	EVP_PKEY_CTX_free(context);
	return fine;
}

static int check_range(struct rsa_job *job, const uint8_t *number)
{
	if (memcmp(number, rsa_job_part(job, RSA_N), job->request.size) < 0)
		return 0;
	job->why = "the input is not smaller than the modulus";
	return -PLUTON_EINVAL;
}

static int public_power(struct rsa_job *job, EVP_PKEY *key, const uint8_t *in, uint8_t *out)
{
	int r = check_range(job, in);

	if (r == 0 && !exponentiate(job, key, EVP_PKEY_encrypt_init, EVP_PKEY_encrypt, in, out))
		r = rsa_job_failed(job, RSA_KEY_FAULT);
	return r;
}

/* `out` is wiped unless it is right. */
static int private_power(struct rsa_job *job, EVP_PKEY *key, const uint8_t *in, uint8_t *out)
{
	uint8_t back[RSA_SIZE_MAX];
	int r = check_range(job, in);

	if (r < 0)
		return r;
	if (!exponentiate(job, key, EVP_PKEY_decrypt_init, EVP_PKEY_decrypt, in, out) ||
	    !exponentiate(job, key, EVP_PKEY_encrypt_init, EVP_PKEY_encrypt, out, back) ||
	    memcmp(in, back, job->request.size) != 0) {
		explicit_bzero(out, job->request.size);
		r = rsa_job_failed(job, RSA_KEY_FAULT);
	}
	explicit_bzero(back, sizeof(back));
	return r;
}

/* --- padding ---------------------------------------------------------------------------------- */

static bool set_pss(const struct rsa_request *request, EVP_PKEY_CTX *context)
{
	int salt =
		request->salt_size == RSA_SALT_ANY ? RSA_PSS_SALTLEN_AUTO : (int)request->salt_size;

	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_signature_md(context, rsa_hash(request->hash)) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(context, rsa_hash(request->mgf_hash)) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt) == 1;
}

static bool set_oaep(const struct rsa_job *job, EVP_PKEY_CTX *context)
{
	const struct rsa_request *request = &job->request;
	size_t length = request->label_length;
	void *label;

	if (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(context, rsa_hash(request->hash)) != 1 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md(context, rsa_hash(request->mgf_hash)) != 1)
		return false;
	if (length == 0)
		return true;
	label = OPENSSL_memdup(job->label, length);
	if (label && EVP_PKEY_CTX_set0_rsa_oaep_label(context, label, (int)length) == 1)
		return true;
	OPENSSL_free(label);
	return false;
}

static bool set_padding(const struct rsa_job *job, EVP_PKEY_CTX *context)
{
	const struct rsa_request *request = &job->request;

	switch (request->padding) {
	case RSA_PSS:
		return set_pss(request, context);
	case RSA_OAEP:
		return set_oaep(job, context);
	case RSA_PKCS1:
		return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
		       (request->hash == 0 ||
			EVP_PKEY_CTX_set_signature_md(context, rsa_hash(request->hash)) == 1);
	default:
		return false;
	}
}

/* --- actions ---------------------------------------------------------------------------------- */

static int verify_signature(struct rsa_job *job, EVP_PKEY *key, const uint8_t *signature,
			    const char *why)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	int r = 0;

	if (!context || EVP_PKEY_verify_init(context) != 1 || !set_padding(job, context) ||
	    EVP_PKEY_verify(context, signature, job->request.size, job->input,
			    job->request.length) != 1)
		r = rsa_job_failed(job, why);
	EVP_PKEY_CTX_free(context);
	return r;
}

static int verify(struct rsa_job *job, EVP_PKEY *key)
{
	return verify_signature(job, key, job->signature,
				"the signature does not match; its key, hash, padding or message "
				"is another, or it was changed");
}

static int sign(struct rsa_job *job, EVP_PKEY *key)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	size_t size = sizeof(job->output);
	int r = 0;

	if (!context || EVP_PKEY_sign_init(context) != 1 || !set_padding(job, context) ||
	    EVP_PKEY_sign(context, job->output, &size, job->input, job->request.length) != 1 ||
	    size != job->request.size)
		r = rsa_job_failed(job, RSA_KEY_FAULT);
	EVP_PKEY_CTX_free(context);
	if (r == 0)
		r = verify_signature(job, key, job->output, RSA_KEY_FAULT);
	job->output_length = job->request.size;
	return r;
}

static int encrypt(struct rsa_job *job, EVP_PKEY *key)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	size_t size = sizeof(job->output);
	int r = 0;

	if (!context || EVP_PKEY_encrypt_init(context) != 1 || !set_padding(job, context) ||
	    EVP_PKEY_encrypt(context, job->output, &size, job->input, job->request.length) != 1 ||
	    size != job->request.size)
		r = rsa_job_failed(job, "libcrypto does not encrypt with this key");
	EVP_PKEY_CTX_free(context);
	job->output_length = job->request.size;
	return r;
}

static int decrypt(struct rsa_job *job, EVP_PKEY *key)
{
	uint8_t encoded[RSA_SIZE_MAX];
	int r = private_power(job, key, job->input, encoded);

	if (r == 0)
		r = job->request.padding == RSA_OAEP ? rsa_unpad_oaep(job, encoded)
						     : rsa_unpad_pkcs1(job, encoded);
	explicit_bzero(encoded, sizeof(encoded));
	return r;
}

static int raise_public(struct rsa_job *job, EVP_PKEY *key)
{
	job->output_length = job->request.size;
	return public_power(job, key, job->input, job->output);
}

static int raise_private(struct rsa_job *job, EVP_PKEY *key)
{
	job->output_length = job->request.size;
	return private_power(job, key, job->input, job->output);
}

/* A new pair has to stand a test before anybody gets it (FIPS 140-3, IG 10.3.A). */
static int check_pair(struct rsa_job *job)
{
	static const uint8_t two[RSA_SIZE_MAX] = {[RSA_SIZE_MAX - 1] = 2};
	uint8_t power[RSA_SIZE_MAX];
	EVP_PKEY *key = NULL;
	int r = rsa_key_load(job, &key);

	if (r == 0)
		r = private_power(job, key, two + sizeof(two) - job->request.size, power);
	if (r == 0)
		r = rsa_key_judge(job);
	EVP_PKEY_free(key);
	explicit_bzero(power, sizeof(power));
	return r;
}

/* A key that does not stand the test is nobody's fault but ours. */
static int generate(struct rsa_job *job)
{
	int r = rsa_key_generate(job);

	if (r < 0)
		return r;
	r = check_pair(job);
	if (r == -PLUTON_EINVAL) {
		job->why = "a wrong key was made, and is given to nobody";
		r = -PLUTON_EFAIL;
	}
	if (r < 0)
		explicit_bzero(job->key, sizeof(job->key));
	return r;
}

static int run(struct rsa_job *job)
{
	static int (*const actions[RSA_ACTIONS])(struct rsa_job * job, EVP_PKEY * key) = {
		[RSA_SIGN] = sign,	 [RSA_VERIFY] = verify,	      [RSA_ENCRYPT] = encrypt,
		[RSA_DECRYPT] = decrypt, [RSA_PUBLIC] = raise_public, [RSA_PRIVATE] = raise_private,
	};
	EVP_PKEY *key = NULL;
	int r;

	if (job->request.action == RSA_GENERATE)
		return generate(job);
	r = rsa_key_load(job, &key);
	if (r == 0)
		r = actions[job->request.action](job, key);
	EVP_PKEY_free(key);
	return r;
}

/* An older error of this thread is not this job's, and this job's is no later one's. */
int rsa_run(struct rsa_job *job)
{
	int r;

	crypto_forget_failures();
	r = run(job);
	crypto_forget_failures();
	return r;
}
