/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self test of AES: each mode with each size of key, both ways; and a tag that was forged.
 */
#include "hil/known-aes.h"
#include "hil/selftest-half.h"

SELFTEST_PULLS(aes, pull_input, KNOWN_INPUT)
SELFTEST_PUSHES(aes, push_output, KNOWN_OUTPUT)
SELFTEST_PULLS(aes, pull_aad, KNOWN_AAD)
SELFTEST_PULLS_WHOLE(aes, pull_key, KNOWN_KEY)
SELFTEST_PULLS_WHOLE(aes, pull_iv, KNOWN_IV)
SELFTEST_PULLS_WHOLE(aes, pull_tag, KNOWN_TAG)
SELFTEST_PUSHES_WHOLE(aes, push_tag, KNOWN_TAG_OUTPUT)
SELFTEST_KEYS(aes)
SELFTEST_ENGINE(aes)

static const struct aes_client_ops client_ops = {
	.pull_input = pull_input,
	.push_output = push_output,
	.pull_aad = pull_aad,
	.pull_key = pull_key,
	.pull_iv = pull_iv,
	.pull_ctr = pull_iv,
	.pull_tag = pull_tag,
	.push_tag = push_tag,
	.done = aes_over,
};

struct aes_answer {
	enum aes_mode mode;
	struct known key;
	struct known iv; /* or the counter block */
	struct known aad;
	struct known plain;
	struct known cipher;
	struct known tag;
};

#define NONE                                                                                       \
	{                                                                                          \
		0                                                                                  \
	}
#define CCM_ANSWER(bits)                                                                           \
	{                                                                                          \
		AES_CCM, KNOWN(ccm_key##bits), KNOWN(ccm_iv##bits), KNOWN(ccm_aad##bits),          \
			KNOWN(ccm_text##bits), KNOWN(ccm##bits), KNOWN(ccm_tag##bits)              \
	}
/* The key of GCM's 192 bits is the beginning of that of 256. */
#define GCM_ANSWER(bits)                                                                           \
	{                                                                                          \
		AES_GCM, {gcm_key, (bits) / 8}, KNOWN(gcm_iv), KNOWN(gcm_aad), KNOWN(gcm_text),    \
			KNOWN(gcm##bits), KNOWN(gcm_tag##bits)                                     \
	}

static const struct aes_answer answers[] = {
	{AES_ECB, KNOWN(key128), NONE, NONE, KNOWN(blocks), KNOWN(ecb128), NONE},
	{AES_ECB, KNOWN(key192), NONE, NONE, KNOWN(blocks), KNOWN(ecb192), NONE},
	{AES_ECB, KNOWN(key256), NONE, NONE, KNOWN(blocks), KNOWN(ecb256), NONE},
	{AES_CBC, KNOWN(key128), KNOWN(cbc_iv), NONE, KNOWN(blocks), KNOWN(cbc128), NONE},
	{AES_CBC, KNOWN(key192), KNOWN(cbc_iv), NONE, KNOWN(blocks), KNOWN(cbc192), NONE},
	{AES_CBC, KNOWN(key256), KNOWN(cbc_iv), NONE, KNOWN(blocks), KNOWN(cbc256), NONE},
	{AES_CTR, KNOWN(key128), KNOWN(ctr_block), NONE, KNOWN(blocks), KNOWN(ctr128), NONE},
	{AES_CTR, KNOWN(key192), KNOWN(ctr_block), NONE, KNOWN(blocks), KNOWN(ctr192), NONE},
	{AES_CTR, KNOWN(key256), KNOWN(ctr_block), NONE, KNOWN(blocks), KNOWN(ctr256), NONE},
	GCM_ANSWER(128),
	GCM_ANSWER(192),
	GCM_ANSWER(256),
	CCM_ANSWER(128),
	CCM_ANSWER(192),
	CCM_ANSWER(256),
};

#define ANSWERS (sizeof(answers) / sizeof(answers[0]))

static const char *const names[] = {
	[AES_ECB] = "aes-ecb", [AES_CBC] = "aes-cbc", [AES_CTR] = "aes-ctr",
	[AES_GCM] = "aes-gcm", [AES_CCM] = "aes-ccm",
};

/* --- the kind -------------------------------------------------------------------------------- */

static unsigned algorithm_of(const void *request)
{
	return ((const struct aes_request *)request)->mode;
}

static uint32_t offered(const struct hil_engine *engine)
{
	return ((const struct aes_engine *)(const void *)engine)->caps.modes;
}

enum { ENCRYPT = 0, DECRYPT, DECRYPT_FORGED, AES_TEST_STEPS };

static void describe(struct aes_request *request, const struct aes_answer *answer)
{
	*request = (struct aes_request){
		.mode = answer->mode,
		.direction = AES_ENCRYPT,
		.phase = HIL_ONE_SHOT,
		.key_size = answer->key.length,
		.iv_size = answer->mode == AES_CTR ? 0 : answer->iv.length,
		.tag_size = answer->tag.length,
		.ctr_bits = answer->mode == AES_CTR ? 128 : 0,
		.aad_length = answer->aad.length,
		.length = answer->plain.length,
	};
}

static void fill_in(struct selftest_run *run, const struct aes_answer *answer, unsigned step)
{
	run->items[KNOWN_KEY] = answer->key;
	run->items[KNOWN_IV] = answer->iv;
	run->items[KNOWN_AAD] = answer->aad;
	if (step == ENCRYPT) {
		run->items[KNOWN_INPUT] = answer->plain;
		run->items[KNOWN_OUTPUT] = answer->cipher;
		run->items[KNOWN_TAG_OUTPUT] = answer->tag;
		return;
	}
	run->request.aes.direction = AES_DECRYPT;
	run->items[KNOWN_INPUT] = answer->cipher;
	run->items[KNOWN_OUTPUT] = answer->plain;
	run->items[KNOWN_TAG] = answer->tag;
	if (step == DECRYPT_FORGED) {
		run->items[KNOWN_TAG].bytes = forged;
		run->expected = -PLUTON_EINVAL;
	}
}

static enum known_step prepare(struct selftest_run *run, unsigned algorithm, unsigned step)
{
	const struct aes_answer *answer = &answers[step / AES_TEST_STEPS];

	if (step / AES_TEST_STEPS >= ANSWERS)
		return KNOWN_END;
	step %= AES_TEST_STEPS;
	if (answer->mode != algorithm || (step == DECRYPT_FORGED && !answer->tag.length))
		return KNOWN_SKIP;
	run->client.aes.ops = &client_ops;
	describe(&run->request.aes, answer);
	fill_in(run, answer, step);
	return KNOWN_ASK;
}

/* Between two starts nothing of a stream is kept here. */
static void forget(struct aes_engine *engine, struct hil_owner *owner, const uint8_t *state,
		   size_t len)
{
	struct aes_engine *inner = (struct aes_engine *)(void *)selftest_inner(&engine->head);

	if (inner->ops->forget)
		inner->ops->forget(inner, owner, state, len);
}

SELFTEST_KIND_WITH(aes, selftest_aes_kind, in_slot, .forget = forget)
