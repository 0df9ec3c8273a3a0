/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self test of RSA, with a key of 2048 bits: an algorithm is a padding and what it is for. Keys
 * are made with the arithmetic that "rsa" tests. What has a random part is undone again.
 */
#include "hil/known-rsa.h"
#include "hil/selftest-half.h"

#define SIZE 256u

enum rsa_algorithm {
	RSA_TEST_RAW = 0,
	RSA_TEST_PKCS1_SIGNATURE,
	RSA_TEST_PKCS1_ENCRYPTION,
	RSA_TEST_PSS,
	RSA_TEST_OAEP,
	RSA_TESTS,
};

static const char *const names[] = {
	[RSA_TEST_RAW] = "rsa",
	[RSA_TEST_PKCS1_SIGNATURE] = "rsa-pkcs1-signature",
	[RSA_TEST_PKCS1_ENCRYPTION] = "rsa-pkcs1-encryption",
	[RSA_TEST_PSS] = "rsa-pss",
	[RSA_TEST_OAEP] = "rsa-oaep",
};

static int pull_part(struct rsa_client *client, enum rsa_part part, uint8_t *number, size_t len)
{
	struct selftest_run *run = (struct selftest_run *)(void *)client;
	const struct known *key = &run->items[KNOWN_KEY];
	size_t offset = rsa_part_offset(part, SIZE);

	if (offset + len > key->length || len != rsa_part_size(part, SIZE))
		return -PLUTON_EFAIL;
	return known_pull_at(run, KNOWN_KEY, number, len, offset) == (ssize_t)len ? 0
										  : -PLUTON_EFAIL;
}

SELFTEST_PULLS(rsa, pull_label, KNOWN_AAD)
SELFTEST_PULLS(rsa, pull_input, KNOWN_INPUT)
SELFTEST_PUSHES(rsa, push_output, KNOWN_OUTPUT)
SELFTEST_PULLS_WHOLE(rsa, pull_signature, KNOWN_TAG)
SELFTEST_KEYS(rsa)
SELFTEST_ENGINE(rsa)

static const struct rsa_client_ops client_ops = {
	.pull_part = pull_part,
	.pull_label = pull_label,
	.pull_input = pull_input,
	.push_output = push_output,
	.pull_signature = pull_signature,
	.done = rsa_over,
};

/* Where `input` is empty it is what was kept; where `output` is, it is kept. */
struct rsa_answer {
	enum rsa_algorithm algorithm;
	enum rsa_action action;
	bool crt;
	struct known key;
	struct known label;
	struct known input;
	struct known output; /* or the signature to be verified */
	int expected;
};

#define NONE                                                                                       \
	{                                                                                          \
		0                                                                                  \
	}

static const struct rsa_answer answers[] = {
	{RSA_TEST_RAW, RSA_PRIVATE, true, KNOWN(rsa_key), NONE, KNOWN(two), KNOWN(root_of_two), 0},
	{RSA_TEST_RAW, RSA_PUBLIC, false, KNOWN(rsa_key), NONE, KNOWN(root_of_two), KNOWN(two), 0},

	{RSA_TEST_PKCS1_SIGNATURE, RSA_SIGN, true, KNOWN(rsa_key), NONE, KNOWN(abc_digest),
	 KNOWN(pkcs1_signature), 0},
	{RSA_TEST_PKCS1_SIGNATURE, RSA_VERIFY, false, KNOWN(cavp_pkcs1_key), NONE,
	 KNOWN(cavp_pkcs1_digest), KNOWN(cavp_pkcs1_signature), 0},
	{RSA_TEST_PKCS1_SIGNATURE, RSA_VERIFY, false, KNOWN(cavp_pkcs1_key), NONE,
	 KNOWN(abc_digest), KNOWN(cavp_pkcs1_signature), -PLUTON_EINVAL},

	{RSA_TEST_PSS, RSA_SIGN, true, KNOWN(rsa_key), NONE, KNOWN(abc_digest),
	 KNOWN(pss_signature), 0},
	{RSA_TEST_PSS, RSA_VERIFY, false, KNOWN(cavp_pss_key), NONE, KNOWN(cavp_pss_digest),
	 KNOWN(cavp_pss_signature), 0},
	{RSA_TEST_PSS, RSA_VERIFY, false, KNOWN(cavp_pss_key), NONE, KNOWN(abc_digest),
	 KNOWN(cavp_pss_signature), -PLUTON_EINVAL},

	{RSA_TEST_PKCS1_ENCRYPTION, RSA_DECRYPT, true, KNOWN(rsa_key), NONE, KNOWN(pkcs1_text),
	 KNOWN(pkcs1_message), 0},
	{RSA_TEST_PKCS1_ENCRYPTION, RSA_DECRYPT, true, KNOWN(rsa_key), NONE,
	 KNOWN(pkcs1_wrong_text), KNOWN(pkcs1_wrong_message), 0},
	{RSA_TEST_PKCS1_ENCRYPTION, RSA_ENCRYPT, false, KNOWN(rsa_key), NONE, KNOWN(hello), NONE,
	 0},
	{RSA_TEST_PKCS1_ENCRYPTION, RSA_DECRYPT, true, KNOWN(rsa_key), NONE, NONE, KNOWN(hello), 0},

	{RSA_TEST_OAEP, RSA_DECRYPT, true, KNOWN(rsa_key), KNOWN(label), KNOWN(oaep_text),
	 KNOWN(hello), 0},
	{RSA_TEST_OAEP, RSA_DECRYPT, true, KNOWN(rsa_key), NONE, KNOWN(oaep_text), NONE,
	 -PLUTON_EINVAL},
	{RSA_TEST_OAEP, RSA_ENCRYPT, false, KNOWN(rsa_key), KNOWN(label), KNOWN(hello), NONE, 0},
	{RSA_TEST_OAEP, RSA_DECRYPT, true, KNOWN(rsa_key), KNOWN(label), NONE, KNOWN(hello), 0},
};

#define ANSWERS (sizeof(answers) / sizeof(answers[0]))

/* --- the kind -------------------------------------------------------------------------------- */

static bool is_signature(enum rsa_action action)
{
	return action == RSA_SIGN || action == RSA_VERIFY;
}

static unsigned algorithm_of(const void *rsa_request)
{
	const struct rsa_request *request = rsa_request;

	switch (request->padding) {
	case RSA_PKCS1:
		return is_signature(request->action) ? RSA_TEST_PKCS1_SIGNATURE
						     : RSA_TEST_PKCS1_ENCRYPTION;
	case RSA_PSS:
		return RSA_TEST_PSS;
	case RSA_OAEP:
		return RSA_TEST_OAEP;
	default:
		return RSA_TEST_RAW;
	}
}

static uint32_t offered(const struct hil_engine *engine)
{
	const struct rsa_caps *caps = &((const struct rsa_engine *)(const void *)engine)->caps;
	uint32_t bits = 0;

	for (enum rsa_action action = RSA_GENERATE; action < RSA_ACTIONS; action++) {
		for (enum rsa_padding padding = RSA_BARE; padding < RSA_PADDINGS; padding++) {
			const struct rsa_request request = {.action = action, .padding = padding};

			if (caps->paddings[action] >> padding & 1)
				bits |= 1u << algorithm_of(&request);
		}
	}
	return bits;
}

static void describe(struct rsa_request *request, const struct rsa_answer *answer)
{
	static const enum rsa_padding paddings[] = {
		[RSA_TEST_RAW] = RSA_BARE,
		[RSA_TEST_PKCS1_SIGNATURE] = RSA_PKCS1,
		[RSA_TEST_PKCS1_ENCRYPTION] = RSA_PKCS1,
		[RSA_TEST_PSS] = RSA_PSS,
		[RSA_TEST_OAEP] = RSA_OAEP,
	};
	bool hashed =
		answer->algorithm != RSA_TEST_RAW && answer->algorithm != RSA_TEST_PKCS1_ENCRYPTION;
	bool masked = answer->algorithm == RSA_TEST_PSS || answer->algorithm == RSA_TEST_OAEP;

	*request = (struct rsa_request){
		.action = answer->action,
		.size = SIZE,
		.crt = answer->crt,
		.padding = paddings[answer->algorithm],
		.hash = hashed ? DIGEST_SHA256 : 0,
		.mgf_hash = masked ? DIGEST_SHA256 : 0,
		.label_length = answer->label.length,
	};
}

static void fill_in(struct selftest_run *run, const struct rsa_answer *answer)
{
	run->expected = answer->expected;
	run->items[KNOWN_KEY] = answer->key;
	run->items[KNOWN_AAD] = answer->label;
	run->items[KNOWN_INPUT] = answer->input;
	if (!answer->input.length)
		run->items[KNOWN_INPUT] = (struct known){run->kept, run->kept_length};
	run->request.rsa.length = run->items[KNOWN_INPUT].length;
	if (answer->action == RSA_VERIFY)
		run->items[KNOWN_TAG] = answer->output;
	else
		run->items[KNOWN_OUTPUT] = answer->output;
	run->keeps = answer->action == RSA_ENCRYPT;
}

/* What was not kept is of no length, which check refuses. */
static enum known_step prepare(struct selftest_run *run, unsigned algorithm, unsigned step)
{
	if (step >= ANSWERS)
		return KNOWN_END;
	if (answers[step].algorithm != algorithm)
		return KNOWN_SKIP;
	run->client.rsa.ops = &client_ops;
	describe(&run->request.rsa, &answers[step]);
	fill_in(run, &answers[step]);
	return KNOWN_ASK;
}

static const char *why(struct rsa_engine *engine)
{
	struct rsa_engine *inner = (struct rsa_engine *)(void *)selftest_inner(&engine->head);

	return inner->ops->why(inner);
}

SELFTEST_KIND_WITH(rsa, selftest_rsa_kind, in_slot, .why = why)
