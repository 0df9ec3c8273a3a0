/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self test of elliptic curves. ECDSA has a random part, so what was signed is verified; all
 * else is known, also that a signature of something else is refused.
 */
#include "hil/known-ecc.h"
#include "hil/selftest-half.h"

SELFTEST_PULLS(ecc, pull_input, KNOWN_INPUT)
SELFTEST_PULLS_WHOLE(ecc, pull_key, KNOWN_KEY)
SELFTEST_PULLS_WHOLE(ecc, pull_public, KNOWN_PUBLIC)
SELFTEST_PULLS_WHOLE(ecc, pull_signature, KNOWN_TAG)
SELFTEST_PUSHES_WHOLE(ecc, push_output, KNOWN_OUTPUT)
SELFTEST_KEYS(ecc)
SELFTEST_ENGINE(ecc)

static const struct ecc_client_ops client_ops = {
	.pull_input = pull_input,
	.pull_key = pull_key,
	.pull_public = pull_public,
	.pull_signature = pull_signature,
	.push_key = push_output,
	.push_public = push_output,
	.push_signature = push_output,
	.push_secret = push_output,
	.done = ecc_over,
};

/* Signatures, and agreements; of length 0 what the curve has not. */
struct ecc_answer {
	struct known key;
	struct known public;
	struct known message; /* or its digest */
	struct known signature;
	struct known agree_key;
	struct known agree_peer;
	struct known secret;
};

#define PRIME_ANSWER(name)                                                                         \
	{                                                                                          \
		KNOWN(name##_key), KNOWN(name##_public), KNOWN(name##_digest),                     \
			KNOWN(name##_signature), KNOWN(name##_agree_key),                          \
			KNOWN(name##_agree_peer), KNOWN(name##_secret)                             \
	}

static const struct ecc_answer answers[ECC_CURVES] = {
	[ECC_P256] = PRIME_ANSWER(p256),
	[ECC_P384] = PRIME_ANSWER(p384),
	[ECC_P521] = PRIME_ANSWER(p521),
	[ECC_ED25519] = {.key = KNOWN(ed25519_key),
			 .public = KNOWN(ed25519_public),
			 .message = KNOWN(ed25519_message),
			 .signature = KNOWN(ed25519_signature)},
	[ECC_X25519] = {.key = KNOWN(x25519_key),
			.public = KNOWN(x25519_public),
			.agree_key = KNOWN(x25519_key),
			.agree_peer = KNOWN(x25519_peer),
			.secret = KNOWN(x25519_secret)},
};

static const char *const names[] = {
	[ECC_P256] = "p256",	   [ECC_P384] = "p384",	    [ECC_P521] = "p521",
	[ECC_ED25519] = "ed25519", [ECC_X25519] = "x25519",
};

/* --- the kind -------------------------------------------------------------------------------- */

static unsigned algorithm_of(const void *request)
{
	return ((const struct ecc_request *)request)->curve;
}

static uint32_t offered(const struct hil_engine *engine)
{
	return ((const struct ecc_engine *)(const void *)engine)->caps.curves;
}

static void sign(struct selftest_run *run, const struct ecc_answer *answer)
{
	run->items[KNOWN_KEY] = answer->key;
	run->items[KNOWN_INPUT] = answer->message;
	run->items[KNOWN_OUTPUT] = answer->signature;
	run->keeps = ecc_is_prime_curve(run->request.ecc.curve);
}

static void verify(struct selftest_run *run, const struct ecc_answer *answer)
{
	run->items[KNOWN_PUBLIC] = answer->public;
	run->items[KNOWN_INPUT] = answer->message;
	run->items[KNOWN_TAG] = answer->signature;
}

static void verify_own(struct selftest_run *run, const struct ecc_answer *answer)
{
	verify(run, answer);
	run->items[KNOWN_TAG] = (struct known){run->kept, run->kept_length};
}

/* By another key, which is the one for agreements or the signature's own first half. */
static void verify_forged(struct selftest_run *run, const struct ecc_answer *answer)
{
	verify(run, answer);
	run->items[KNOWN_INPUT].bytes = answer->public.bytes;
	run->expected = -PLUTON_EINVAL;
}

static void make_public(struct selftest_run *run, const struct ecc_answer *answer)
{
	run->items[KNOWN_KEY] = answer->key;
	run->items[KNOWN_OUTPUT] = answer->public;
}

static void agree(struct selftest_run *run, const struct ecc_answer *answer)
{
	run->items[KNOWN_KEY] = answer->agree_key;
	run->items[KNOWN_PUBLIC] = answer->agree_peer;
	run->items[KNOWN_OUTPUT] = answer->secret;
}

static const struct ecc_step_kind {
	enum ecc_action action;
	void (*fill_in)(struct selftest_run *run, const struct ecc_answer *answer);
	bool prime_only;
} steps[] = {
	{ECC_PUBLIC, make_public, false},   {ECC_VERIFY, verify, false},
	{ECC_VERIFY, verify_forged, false}, {ECC_SIGN, sign, false},
	{ECC_VERIFY, verify_own, true},	    {ECC_AGREE, agree, false},
};

static enum known_step prepare(struct selftest_run *run, unsigned algorithm, unsigned step)
{
	const struct ecc_answer *answer = &answers[algorithm];

	if (step >= sizeof(steps) / sizeof(steps[0]))
		return KNOWN_END;
	if (steps[step].prime_only && !run->kept_length)
		return KNOWN_SKIP;
	run->client.ecc.ops = &client_ops;
	run->request.ecc.curve = algorithm;
	run->request.ecc.action = steps[step].action;
	steps[step].fill_in(run, answer);
	run->request.ecc.length = run->items[KNOWN_INPUT].length;
	return KNOWN_ASK;
}

static const char *why(struct ecc_engine *engine)
{
	struct ecc_engine *inner = (struct ecc_engine *)(void *)selftest_inner(&engine->head);

	return inner->ops->why(inner);
}

SELFTEST_KIND_WITH(ecc, selftest_ecc_kind, in_slot, .why = why)
