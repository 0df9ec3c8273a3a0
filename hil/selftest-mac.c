/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self tests of message authentication codes: one is made, verified, and a wrong one refused.
 */
#include "hil/known-mac.h"
#include "hil/selftest-half.h"

SELFTEST_PULLS(mac, pull_input, KNOWN_INPUT)
SELFTEST_PULLS_WHOLE(mac, pull_key, KNOWN_KEY)
SELFTEST_PULLS_WHOLE(mac, pull_mac, KNOWN_TAG)
SELFTEST_PUSHES_WHOLE(mac, push_mac, KNOWN_OUTPUT)
SELFTEST_KEYS(mac)
SELFTEST_ENGINE(mac)

static const struct mac_client_ops client_ops = {
	.pull_input = pull_input,
	.pull_key = pull_key,
	.pull_mac = pull_mac,
	.push_mac = push_mac,
	.done = mac_over,
};

struct mac_answer {
	struct known key;
	struct known message;
	struct known mac;
};

#define ANSWER_OF_JEFE(array)                                                                      \
	{                                                                                          \
		KNOWN(jefe), KNOWN(jefe_asks), KNOWN(array)                                        \
	}
#define ANSWER_OF_SAMPLE(array)                                                                    \
	{                                                                                          \
		{ascending, sizeof(array)}, KNOWN(sample), KNOWN(array)                            \
	}

static const struct mac_answer hmacs[DIGEST_ALGORITHMS] = {
	[MAC_HMAC_SHA1] = ANSWER_OF_JEFE(hmac_sha1),
	[MAC_HMAC_SHA224] = ANSWER_OF_JEFE(hmac_sha224),
	[MAC_HMAC_SHA256] = ANSWER_OF_JEFE(hmac_sha256),
	[MAC_HMAC_SHA384] = ANSWER_OF_JEFE(hmac_sha384),
	[MAC_HMAC_SHA512] = ANSWER_OF_JEFE(hmac_sha512),
	[MAC_HMAC_SHA3_256] = ANSWER_OF_SAMPLE(hmac_sha3_256),
	[MAC_HMAC_SHA3_384] = ANSWER_OF_SAMPLE(hmac_sha3_384),
	[MAC_HMAC_SHA3_512] = ANSWER_OF_SAMPLE(hmac_sha3_512),
};

#define CMACS 3u
static const struct mac_answer cmacs[CMACS] = {
	{KNOWN(cmac_key128), KNOWN(cmac_message), KNOWN(cmac_mac128)},
	{KNOWN(cmac_key192), KNOWN(cmac_message), KNOWN(cmac_mac192)},
	{KNOWN(cmac_key256), KNOWN(cmac_message), KNOWN(cmac_mac256)},
};

static const char *const names[] = {
	[MAC_HMAC_SHA1] = "hmac-sha1",	       [MAC_HMAC_SHA224] = "hmac-sha224",
	[MAC_HMAC_SHA256] = "hmac-sha256",     [MAC_HMAC_SHA384] = "hmac-sha384",
	[MAC_HMAC_SHA512] = "hmac-sha512",     [MAC_HMAC_SHA3_256] = "hmac-sha3-256",
	[MAC_HMAC_SHA3_384] = "hmac-sha3-384", [MAC_HMAC_SHA3_512] = "hmac-sha3-512",
	[MAC_CMAC_AES] = "cmac-aes",
};

/* --- the kinds ------------------------------------------------------------------------------- */

static unsigned algorithm_of(const void *request)
{
	return ((const struct mac_request *)request)->algorithm;
}

static uint32_t offered(const struct hil_engine *engine)
{
	return ((const struct mac_engine *)(const void *)engine)->caps.algorithms;
}

enum { MAKE = 0, VERIFY, VERIFY_WRONG, MAC_STEPS };

/* A wrong MAC is the message's beginning. */
static enum known_step ask(struct selftest_run *run, unsigned algorithm,
			   const struct mac_answer *answer, unsigned step)
{
	run->client.mac.ops = &client_ops;
	run->request.mac = (struct mac_request){
		.algorithm = algorithm,
		.phase = HIL_ONE_SHOT,
		.key_size = answer->key.length,
		.length = answer->message.length,
		.verify = step != MAKE,
		.mac_size = answer->mac.length,
	};
	run->items[KNOWN_KEY] = answer->key;
	run->items[KNOWN_INPUT] = answer->message;
	if (step == MAKE)
		run->items[KNOWN_OUTPUT] = answer->mac;
	if (step == VERIFY)
		run->items[KNOWN_TAG] = answer->mac;
	if (step == VERIFY_WRONG) {
		run->request.mac.mac_size = MAC_SIZE_MIN;
		run->items[KNOWN_TAG] = (struct known){answer->message.bytes, MAC_SIZE_MIN};
		run->expected = -PLUTON_EINVAL;
	}
	return KNOWN_ASK;
}

static enum known_step prepare(struct selftest_run *run, unsigned algorithm, unsigned step)
{
	if (algorithm == MAC_CMAC_AES)
		return step < CMACS * MAC_STEPS
			       ? ask(run, algorithm, &cmacs[step / MAC_STEPS], step % MAC_STEPS)
			       : KNOWN_END;
	return step < MAC_STEPS ? ask(run, algorithm, &hmacs[algorithm], step) : KNOWN_END;
}

SELFTEST_KIND(mac, selftest_mac_kind, in_slot)
