/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self tests of key derivation: an algorithm is what a method is of (HKDF with both its halves,
 * both layouts of the counter mode, PBKDF2), with one pseudorandom function.
 */
#include <assert.h>
#include <string.h>

#include "hil/known-kdf.h"
#include "hil/selftest-half.h"

enum family { OF_HKDF = 0, OF_COUNTER, OF_PBKDF2, FAMILIES };

/* Each hash function's HMAC by the hash's number, and CMAC. */
#define PRFS (DIGEST_ALGORITHMS + 1u)
#define PRF_CMAC (PRFS - 1u)
static_assert(FAMILIES * PRFS <= SELFTEST_ALGORITHMS, "there is a number for each");

SELFTEST_PULLS_WHOLE(kdf, pull_salt, KNOWN_IV)
SELFTEST_PULLS_WHOLE(kdf, pull_key, KNOWN_KEY)
SELFTEST_PULLS_WHOLE(kdf, pull_label, KNOWN_AAD)
SELFTEST_PULLS_WHOLE(kdf, pull_info, KNOWN_INPUT)
SELFTEST_PUSHES(kdf, push_output, KNOWN_OUTPUT)
SELFTEST_KEYS(kdf)
SELFTEST_ENGINE(kdf)

static const struct kdf_client_ops client_ops = {
	.pull_salt = pull_salt,
	.pull_key = pull_key,
	.pull_label = pull_label,
	.pull_info = pull_info,
	.push_output = push_output,
	.done = kdf_over,
};

/* --- the answers ------------------------------------------------------------------------------ */

#define OF_HASHES(array)                                                                           \
	[MAC_HMAC_SHA1] = KNOWN(array##_sha1), [MAC_HMAC_SHA224] = KNOWN(array##_sha224),          \
	[MAC_HMAC_SHA256] = KNOWN(array##_sha256), [MAC_HMAC_SHA384] = KNOWN(array##_sha384),      \
	[MAC_HMAC_SHA512] = KNOWN(array##_sha512), [MAC_HMAC_SHA3_256] = KNOWN(array##_sha3_256),  \
	[MAC_HMAC_SHA3_384] = KNOWN(array##_sha3_384),                                             \
	[MAC_HMAC_SHA3_512] = KNOWN(array##_sha3_512)

static const struct known prks[PRFS] = {OF_HASHES(hkdf_prk)};
static const struct known okms[PRFS] = {OF_HASHES(hkdf_okm)};
static const struct known counters[PRFS] = {OF_HASHES(counter)};
static const struct known labelled[PRFS] = {OF_HASHES(labelled), [PRF_CMAC] = KNOWN(labelled_cmac)};
static const struct known pbkdf2s[PRFS] = {OF_HASHES(pbkdf2)};

/* An answer's items; those that are not named are empty. */
struct kdf_answer {
	enum kdf_method method; /* 0: none */
	uint32_t iterations;
	struct known items[KNOWN_ITEMS];
};

static struct kdf_answer answer_hkdf(unsigned prf, unsigned step)
{
	const struct kdf_answer answers[] = {
		{KDF_HKDF,
		 0,
		 {[KNOWN_KEY] = KNOWN(hkdf_key),
		  [KNOWN_IV] = KNOWN(hkdf_salt),
		  [KNOWN_INPUT] = KNOWN(hkdf_info),
		  [KNOWN_OUTPUT] = okms[prf]}},
		{KDF_HKDF_EXTRACT,
		 0,
		 {[KNOWN_KEY] = KNOWN(hkdf_key),
		  [KNOWN_IV] = KNOWN(hkdf_salt),
		  [KNOWN_OUTPUT] = prks[prf]}},
		{KDF_HKDF_EXPAND,
		 0,
		 {[KNOWN_KEY] = prks[prf],
		  [KNOWN_INPUT] = KNOWN(hkdf_info),
		  [KNOWN_OUTPUT] = okms[prf]}},
	};

	return step < 3 ? answers[step] : (struct kdf_answer){0};
}

#define CMAC_KEYS 3u

/* Fixed input; CMAC's with each size of key. */
static struct kdf_answer answer_fixed(unsigned prf, unsigned step)
{
	static const struct kdf_answer cmacs[CMAC_KEYS] = {
		{KDF_COUNTER_FIXED,
		 0,
		 {[KNOWN_KEY] = KNOWN(cmac_counter_key128),
		  [KNOWN_INPUT] = KNOWN(cmac_counter_fixed128),
		  [KNOWN_OUTPUT] = KNOWN(cmac_counter128)}},
		{KDF_COUNTER_FIXED,
		 0,
		 {[KNOWN_KEY] = KNOWN(cmac_counter_key192),
		  [KNOWN_INPUT] = KNOWN(cmac_counter_fixed192),
		  [KNOWN_OUTPUT] = KNOWN(cmac_counter192)}},
		{KDF_COUNTER_FIXED,
		 0,
		 {[KNOWN_KEY] = KNOWN(cmac_counter_key256),
		  [KNOWN_INPUT] = KNOWN(cmac_counter_fixed256),
		  [KNOWN_OUTPUT] = KNOWN(cmac_counter256)}},
	};

	if (prf == PRF_CMAC)
		return cmacs[step];
	return (struct kdf_answer){KDF_COUNTER_FIXED,
				   0,
				   {[KNOWN_KEY] = KNOWN(counter_key),
				    [KNOWN_INPUT] = KNOWN(counter_fixed),
				    [KNOWN_OUTPUT] = counters[prf]}};
}

static struct kdf_answer answer_counter(unsigned prf, unsigned step)
{
	static const struct known key = KNOWN(counter_key), cmac_key = KNOWN(cmac_counter_key128);
	unsigned fixed = prf == PRF_CMAC ? CMAC_KEYS : 1;

	if (step > fixed)
		return (struct kdf_answer){0};
	if (step < fixed)
		return answer_fixed(prf, step);
	return (struct kdf_answer){KDF_COUNTER,
				   0,
				   {[KNOWN_KEY] = prf == PRF_CMAC ? cmac_key : key,
				    [KNOWN_AAD] = KNOWN(counter_label),
				    [KNOWN_INPUT] = KNOWN(counter_context),
				    [KNOWN_OUTPUT] = labelled[prf]}};
}

static struct kdf_answer answer_pbkdf2(unsigned prf, unsigned step)
{
	static const struct kdf_answer of_scrypt = {KDF_PBKDF2,
						    1,
						    {[KNOWN_KEY] = KNOWN(passwd),
						     [KNOWN_IV] = KNOWN(password_salt),
						     [KNOWN_OUTPUT] = KNOWN(pbkdf2_rfc7914)}};

	if (step == 1 && prf == MAC_HMAC_SHA256)
		return of_scrypt;
	if (step > 0)
		return (struct kdf_answer){0};
	return (struct kdf_answer){KDF_PBKDF2,
				   2,
				   {[KNOWN_KEY] = KNOWN(password),
				    [KNOWN_IV] = KNOWN(password_salt),
				    [KNOWN_OUTPUT] = pbkdf2s[prf]}};
}

/* --- the kind --------------------------------------------------------------------------------- */

#define AT(family, prf) [(family)*PRFS + (prf)]
#define NAMES(family, name)                                                                        \
	AT(family, MAC_HMAC_SHA1) = name "-sha1", AT(family, MAC_HMAC_SHA224) = name "-sha224",    \
		   AT(family, MAC_HMAC_SHA256) = name "-sha256",                                   \
		   AT(family, MAC_HMAC_SHA384) = name "-sha384",                                   \
		   AT(family, MAC_HMAC_SHA512) = name "-sha512",                                   \
		   AT(family, MAC_HMAC_SHA3_256) = name "-sha3-256",                               \
		   AT(family, MAC_HMAC_SHA3_384) = name "-sha3-384",                               \
		   AT(family, MAC_HMAC_SHA3_512) = name "-sha3-512"

static const char *const names[FAMILIES * PRFS] = {
	NAMES(OF_HKDF, "hkdf"),
	NAMES(OF_COUNTER, "sp800-108"),
	AT(OF_COUNTER, PRF_CMAC) = "sp800-108-cmac-aes",
	NAMES(OF_PBKDF2, "pbkdf2"),
};

static enum family family_of(enum kdf_method method)
{
	if (method == KDF_PBKDF2)
		return OF_PBKDF2;
	return method == KDF_COUNTER || method == KDF_COUNTER_FIXED ? OF_COUNTER : OF_HKDF;
}

static unsigned algorithm_of(const void *request)
{
	const struct kdf_request *kdf = request;
	unsigned prf = kdf->prf == MAC_CMAC_AES ? PRF_CMAC : kdf->prf;

	return family_of(kdf->method) * PRFS + prf;
}

static uint32_t offered(const struct hil_engine *engine)
{
	const struct kdf_caps *caps = &((const struct kdf_engine *)(const void *)engine)->caps;
	uint32_t found = 0;

	for (enum kdf_method method = KDF_HKDF; method < KDF_METHODS; method++) {
		uint32_t prfs = caps->prfs[method] & ((1u << DIGEST_ALGORITHMS) - 1);

		if (caps->prfs[method] >> MAC_CMAC_AES & 1)
			prfs |= 1u << PRF_CMAC;
		found |= prfs << family_of(method) * PRFS;
	}
	return found;
}

static enum known_step prepare(struct selftest_run *run, unsigned algorithm, unsigned step)
{
	static struct kdf_answer (*const families[FAMILIES])(unsigned prf, unsigned step) = {
		[OF_HKDF] = answer_hkdf,
		[OF_COUNTER] = answer_counter,
		[OF_PBKDF2] = answer_pbkdf2,
	};
	unsigned prf = algorithm % PRFS;
	const struct kdf_answer answer = families[algorithm / PRFS](prf, step);

	if (!answer.method)
		return KNOWN_END;
	run->client.kdf.ops = &client_ops;
	memcpy(run->items, answer.items, sizeof(run->items));
	run->request.kdf = (struct kdf_request){
		.method = answer.method,
		.prf = prf == PRF_CMAC ? MAC_CMAC_AES : (enum mac_algorithm)prf,
		.key_size = answer.items[KNOWN_KEY].length,
		.salt_length = answer.items[KNOWN_IV].length,
		.label_length = answer.items[KNOWN_AAD].length,
		.info_length = answer.items[KNOWN_INPUT].length,
		.iterations = answer.iterations,
		.length = answer.items[KNOWN_OUTPUT].length,
	};
	return KNOWN_ASK;
}

SELFTEST_KIND(kdf, selftest_kdf_kind, in_slot)
