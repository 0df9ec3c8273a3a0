/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self test of hash functions.
 */
#include "hil/known-digest.h"
#include "hil/selftest-half.h"

SELFTEST_PULLS(digest, pull_input, KNOWN_INPUT)
SELFTEST_PUSHES_WHOLE(digest, push_digest, KNOWN_OUTPUT)
SELFTEST_ENGINE(digest)

static const struct digest_client_ops client_ops = {
	.pull_input = pull_input,
	.push_digest = push_digest,
	.done = digest_over,
};

static const struct known message = KNOWN(abc);

static const struct known digests[DIGEST_ALGORITHMS] = {
	[DIGEST_SHA1] = KNOWN(sha1_abc),	 [DIGEST_SHA224] = KNOWN(sha224_abc),
	[DIGEST_SHA256] = KNOWN(sha256_abc),	 [DIGEST_SHA384] = KNOWN(sha384_abc),
	[DIGEST_SHA512] = KNOWN(sha512_abc),	 [DIGEST_SHA3_256] = KNOWN(sha3_256_abc),
	[DIGEST_SHA3_384] = KNOWN(sha3_384_abc), [DIGEST_SHA3_512] = KNOWN(sha3_512_abc),
};

static const char *const names[] = {
	[DIGEST_SHA1] = "sha1",		[DIGEST_SHA224] = "sha224",
	[DIGEST_SHA256] = "sha256",	[DIGEST_SHA384] = "sha384",
	[DIGEST_SHA512] = "sha512",	[DIGEST_SHA3_256] = "sha3-256",
	[DIGEST_SHA3_384] = "sha3-384", [DIGEST_SHA3_512] = "sha3-512",
};

/* --- the kind -------------------------------------------------------------------------------- */

static unsigned algorithm_of(const void *request)
{
	return ((const struct digest_request *)request)->algorithm;
}

static uint32_t offered(const struct hil_engine *engine)
{
	return ((const struct digest_engine *)(const void *)engine)->caps.algorithms;
}

static enum known_step prepare(struct selftest_run *run, unsigned algorithm, unsigned step)
{
	if (step > 0)
		return KNOWN_END;
	run->client.digest.ops = &client_ops;
	run->request.digest = (struct digest_request){
		.algorithm = algorithm, .phase = HIL_ONE_SHOT, .length = message.length};
	run->items[KNOWN_INPUT] = message;
	run->items[KNOWN_OUTPUT] = digests[algorithm];
	return KNOWN_ASK;
}

SELFTEST_KIND(digest, selftest_digest_kind, NULL)
