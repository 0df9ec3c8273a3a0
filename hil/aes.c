/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES requests: whether they are well formed, whether an engine's capabilities allow them, and
 * which callbacks they lead to. The same answers for hil_select, for the engines and for the
 * checker: the tables of hil/aes.h are code here and nowhere else.
 */
#include "hil/aes.h"

/* NIST SP 800-38D section 5.2.1.1: 2^39 - 256 bits of plaintext, 2^64 - 1 bits of AAD. */
#define GCM_LENGTH_MAX ((UINT64_C(1) << 36) - 32)
#define GCM_AAD_MAX ((UINT64_C(1) << 61) - 1)
/* A 32-bit counter gives this many bytes of key stream before it wraps. */
#define CTR32_LENGTH_MAX (UINT64_C(1) << 36)

bool aes_is_aead(enum aes_mode mode)
{
	return mode == AES_GCM || mode == AES_CCM;
}

static bool is_aead_decryption(const struct aes_request *request)
{
	return aes_is_aead(request->mode) && request->direction == AES_DECRYPT;
}

static bool is_key_size(size_t key_size)
{
	return key_size == 16 || key_size == 24 || key_size == 32;
}

static int check_mode(const struct aes_caps *caps, const struct aes_request *request)
{
	unsigned mode = request->mode;

	if (mode < AES_ECB || mode >= AES_MODES || !(caps->modes & (1u << mode)))
		return -PLUTON_ENOSUPPORT;
	if (request->direction != AES_ENCRYPT && request->direction != AES_DECRYPT)
		return -PLUTON_ENOSUPPORT;
	if ((unsigned)request->phase > HIL_ONE_SHOT)
		return -PLUTON_ENOSUPPORT;
	if (request->phase == HIL_ONE_SHOT)
		return 0;
	if (!(caps->stream_modes & (1u << mode)) || is_aead_decryption(request) || mode == AES_CCM)
		return -PLUTON_ENOSUPPORT;
	return 0;
}

static int check_key(const struct aes_caps *caps, const struct aes_request *request)
{
	if (request->key.kind != HIL_KEY_BYTES &&
	    (request->key.kind != HIL_KEY_SLOT || !caps->key_slots))
		return -PLUTON_ENOSUPPORT;
	if (!is_key_size(request->key_size))
		return -PLUTON_ESIZE;
	return caps->key_sizes & (1u << (request->key_size / 8)) ? 0 : -PLUTON_ENOSUPPORT;
}

static int check_iv(const struct aes_caps *caps, const struct aes_request *request)
{
	size_t min = 0, max = 0;

	if (!(request->phase & HIL_FIRST))
		return 0;
	if (request->engine_iv &&
	    (!caps->engine_iv || request->direction != AES_ENCRYPT || request->mode != AES_GCM))
		return -PLUTON_ENOSUPPORT;
	if (request->mode == AES_CBC)
		min = max = AES_BLOCK_SIZE;
	if (request->mode == AES_GCM)
		min = max = AES_GCM_IV_SIZE;
	if (request->mode == AES_CCM) {
		min = AES_CCM_IV_SIZE_MIN;
		max = AES_CCM_IV_SIZE_MAX;
	}
	return request->iv_size < min || request->iv_size > max ? -PLUTON_ESIZE : 0;
}

static int check_tag(const struct aes_caps *caps, const struct aes_request *request)
{
	(void)caps;
	if (!aes_is_aead(request->mode))
		return request->tag_size == 0 ? 0 : -PLUTON_ESIZE;
	return aes_is_tag_size(request->mode, request->tag_size) ? 0 : -PLUTON_ESIZE;
}

static int check_aad(const struct aes_caps *caps, const struct aes_request *request)
{
	if (request->aad_length == 0)
		return 0;
	if (!aes_is_aead(request->mode) || !(request->phase & HIL_FIRST))
		return -PLUTON_ESIZE;
	if (request->aad_length > caps->aad_max || request->aad_length > GCM_AAD_MAX)
		return -PLUTON_ESIZE;
	return 0;
}

/* SP 800-38C section A.1: the length has 15 - iv_size bytes in the first block. */
static bool fits_ccm(const struct aes_request *request)
{
	size_t length_bits = 8 * (15 - request->iv_size);

	return length_bits >= 64 || (uint64_t)request->length >> length_bits == 0;
}

static bool fits_mode(const struct aes_request *request)
{
	switch (request->mode) {
	case AES_ECB:
	case AES_CBC:
		return request->length % AES_BLOCK_SIZE == 0;
	case AES_CTR:
		if (request->ctr_bits == 32)
			return request->length <= CTR32_LENGTH_MAX;
		return request->ctr_bits == 128;
	case AES_GCM:
		return request->length <= GCM_LENGTH_MAX;
	case AES_CCM:
		return fits_ccm(request);
	default:
		return false;
	}
}

static int check_length(const struct aes_caps *caps, const struct aes_request *request)
{
	if (request->length > caps->length_max || !fits_mode(request))
		return -PLUTON_ESIZE;
	if (is_aead_decryption(request) && request->length > caps->aead_scratch &&
	    !request->input_sealed)
		return -PLUTON_ESIZE;
	return 0;
}

int aes_check(const struct hil_engine *engine, const void *aes_request)
{
	const struct aes_caps *caps = &((const struct aes_engine *)engine)->caps;
	const struct aes_request *request = aes_request;
	int (*const checks[])(const struct aes_caps *, const struct aes_request *) = {
		check_mode, check_key, check_iv, check_tag, check_aad, check_length,
	};

	if (engine->absent)
		return -PLUTON_ENODEVICE;
	if (!hil_reaches(engine, &request->key))
		return -PLUTON_ENOSUPPORT;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		int r = checks[i](caps, request);

		if (r < 0)
			return r;
	}
	return 0;
}

static enum aes_step iv_step(const struct aes_request *request)
{
	if (request->mode == AES_ECB)
		return AES_STEP_END;
	if (request->mode == AES_CTR)
		return AES_STEP_CTR;
	return request->engine_iv ? AES_STEP_IV_OUT : AES_STEP_IV_IN;
}

static size_t first_steps(const struct aes_request *request, enum aes_step *steps)
{
	size_t n = 0;

	if (!(request->phase & HIL_FIRST)) {
		steps[n++] = AES_STEP_STATE_IN;
		return n;
	}
	if (request->key.kind == HIL_KEY_BYTES)
		steps[n++] = AES_STEP_KEY;
	if (iv_step(request) != AES_STEP_END)
		steps[n++] = iv_step(request);
	if (request->aad_length)
		steps[n++] = AES_STEP_AAD;
	return n;
}

void aes_steps(const struct aes_request *request, enum aes_step ret_steps[AES_STEPS_MAX])
{
	size_t n = first_steps(request, ret_steps);

	if (is_aead_decryption(request)) {
		ret_steps[n++] = AES_STEP_TAG_IN;
		if (request->length) {
			ret_steps[n++] = AES_STEP_INPUT;
			ret_steps[n++] = AES_STEP_OUTPUT;
		}
	} else if (request->length) {
		ret_steps[n++] = AES_STEP_DATA;
	}
	if (!(request->phase & HIL_LAST))
		ret_steps[n++] = AES_STEP_STATE_OUT;
	else if (aes_is_aead(request->mode) && request->direction == AES_ENCRYPT)
		ret_steps[n++] = AES_STEP_TAG_OUT;
	ret_steps[n] = AES_STEP_END;
}
