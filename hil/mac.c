/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MAC requests: whether they are well formed, and whether an engine's capabilities allow them. The
 * same answers for hil_select, for the engines and for the checker.
 */
#include "hil/mac.h"

#include <assert.h>

#define AES_BLOCK_SIZE 16u

static_assert((unsigned)DIGEST_ALGORITHMS <= (unsigned)MAC_CMAC_AES, "HMAC's numbers end there");
static_assert(MAC_ALGORITHMS <= 32, "an algorithm is a bit of caps");
static_assert(HMAC_STATE_MAX <= HIL_STATE_MAX && CMAC_STATE_MAX <= HIL_STATE_MAX, "any HIL's");

size_t mac_size(uint32_t algorithm)
{
	return algorithm == MAC_CMAC_AES ? AES_BLOCK_SIZE : digest_size(algorithm);
}

static int check_algorithm(const struct mac_caps *caps, const struct mac_request *request)
{
	if (!mac_size(request->algorithm) || !(caps->algorithms & (1u << request->algorithm)))
		return -PLUTON_ENOSUPPORT;
	if ((unsigned)request->phase > HIL_ONE_SHOT)
		return -PLUTON_ENOSUPPORT;
	return request->phase != HIL_ONE_SHOT && caps->state_bytes == 0 ? -PLUTON_ENOSUPPORT : 0;
}

int mac_check_key_size(uint32_t algorithm, size_t size, size_t hmac_max, uint32_t aes_sizes)
{
	if (algorithm != MAC_CMAC_AES)
		return size == 0 || size > hmac_max ? -PLUTON_ESIZE : 0;
	if (size != 16 && size != 24 && size != 32)
		return -PLUTON_ESIZE;
	return aes_sizes & (1u << (size / 8)) ? 0 : -PLUTON_ENOSUPPORT;
}

static int check_key(const struct mac_caps *caps, const struct mac_request *request)
{
	if (request->key.kind == HIL_KEY_SLOT)
		return caps->key_slots ? 0 : -PLUTON_ENOSUPPORT;
	if (request->key.kind != HIL_KEY_BYTES)
		return -PLUTON_ENOSUPPORT;
	return mac_check_key_size(request->algorithm, request->key_size, caps->key_size_max,
				  caps->key_sizes);
}

static int check_sizes(const struct mac_caps *caps, const struct mac_request *request)
{
	if (request->length > caps->length_max)
		return -PLUTON_ESIZE;
	if (!(request->phase & HIL_LAST))
		return 0;
	return request->mac_size < MAC_SIZE_MIN || request->mac_size > mac_size(request->algorithm)
		       ? -PLUTON_ESIZE
		       : 0;
}

int mac_check(const struct hil_engine *engine, const void *mac_request)
{
	const struct mac_caps *caps = &((const struct mac_engine *)(const void *)engine)->caps;
	const struct mac_request *request = mac_request;
	int r;

	if (engine->absent)
		return -PLUTON_ENODEVICE;
	if (!hil_reaches(engine, &request->key))
		return -PLUTON_ENOSUPPORT;
	r = check_algorithm(caps, request);
	if (r == 0)
		r = check_key(caps, request);
	return r == 0 ? check_sizes(caps, request) : r;
}
