/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key derivation requests: whether they are well formed, and whether an engine's capabilities allow
 * them. The same answers for hil_select, for the engines and for the checker.
 */
#include "hil/kdf.h"

#include <assert.h>

static_assert((uint64_t)KDF_LENGTH_MAX * 8 <= UINT32_MAX, "L has 32 bits");
static_assert(KDF_LENGTH_MAX >= KDF_HKDF_BLOCKS_MAX * MAC_SIZE_MAX, "HKDF has its own limit");

/* What a method has besides its key and its output. */
static const struct {
	bool salt, label, info, iterations;
} methods[KDF_METHODS] = {
	[KDF_HKDF] = {.salt = true, .info = true},
	[KDF_HKDF_EXTRACT] = {.salt = true},
	[KDF_HKDF_EXPAND] = {.info = true},
	[KDF_COUNTER] = {.label = true, .info = true},
	[KDF_COUNTER_FIXED] = {.info = true},
	[KDF_PBKDF2] = {.salt = true, .iterations = true},
};

size_t kdf_block_size(uint32_t prf)
{
	return mac_size(prf);
}

size_t kdf_length_max(enum kdf_method method, uint32_t prf)
{
	if (method == KDF_HKDF_EXTRACT)
		return kdf_block_size(prf);
	if (method == KDF_HKDF || method == KDF_HKDF_EXPAND)
		return KDF_HKDF_BLOCKS_MAX * kdf_block_size(prf);
	return KDF_LENGTH_MAX;
}

uint64_t kdf_rounds(const struct kdf_request *request)
{
	size_t block = kdf_block_size(request->prf);

	if (!block)
		return 0;
	return (uint64_t)request->iterations * ((request->length + block - 1) / block);
}

bool kdf_is_slow(const void *kdf_request)
{
	return kdf_rounds(kdf_request) >= KDF_SLOW_ROUNDS;
}

static int check_prf(const struct kdf_caps *caps, const struct kdf_request *request)
{
	unsigned method = request->method;

	if (method == 0 || method >= KDF_METHODS || !kdf_block_size(request->prf))
		return -PLUTON_ENOSUPPORT;
	return caps->prfs[method] & (1u << request->prf) ? 0 : -PLUTON_ENOSUPPORT;
}

static int check_key(const struct kdf_caps *caps, const struct kdf_request *request)
{
	if (request->key.kind == HIL_KEY_SLOT)
		return caps->key_slots ? 0 : -PLUTON_ENOSUPPORT;
	if (request->key.kind != HIL_KEY_BYTES)
		return -PLUTON_ENOSUPPORT;
	return mac_check_key_size(request->prf, request->key_size, caps->key_size_max,
				  caps->key_sizes);
}

static bool fits(bool has, size_t length, size_t max)
{
	return length <= (has ? max : 0);
}

static bool has_good_iterations(const struct kdf_caps *caps, const struct kdf_request *request)
{
	if (!methods[request->method].iterations)
		return request->iterations == 0;
	return request->iterations > 0 && kdf_rounds(request) <= caps->rounds_max;
}

static bool has_good_length(const struct kdf_caps *caps, const struct kdf_request *request)
{
	size_t max = kdf_length_max(request->method, request->prf);

	if (request->method == KDF_HKDF_EXTRACT)
		return request->length == max;
	return request->length > 0 && request->length <= max && request->length <= caps->length_max;
}

static bool has_good_sizes(const struct kdf_caps *caps, const struct kdf_request *request)
{
	return fits(methods[request->method].salt, request->salt_length, caps->salt_max) &&
	       fits(methods[request->method].label, request->label_length, caps->label_max) &&
	       fits(methods[request->method].info, request->info_length, caps->info_max) &&
	       has_good_length(caps, request) && has_good_iterations(caps, request);
}

int kdf_check(const struct hil_engine *engine, const void *kdf_request)
{
	const struct kdf_caps *caps = &((const struct kdf_engine *)(const void *)engine)->caps;
	const struct kdf_request *request = kdf_request;
	int r;

	if (engine->absent)
		return -PLUTON_ENODEVICE;
	r = check_prf(caps, request);
	if (r == 0 && !hil_reaches(engine, &request->key))
		r = -PLUTON_ENOSUPPORT;
	if (r == 0)
		r = check_key(caps, request);
	if (r < 0)
		return r;
	return has_good_sizes(caps, request) ? 0 : -PLUTON_ESIZE;
}
