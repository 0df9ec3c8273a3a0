/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes of digests and of their blocks (FIPS 180-4, FIPS 202) and what an engine's capabilities
 * allow. The same answer for hil_select, for the engines and for the checker.
 */
#include "hil/digest.h"

size_t digest_size(uint32_t algorithm)
{
	static const uint8_t sizes[DIGEST_ALGORITHMS] = {
		[DIGEST_SHA1] = 20,	[DIGEST_SHA224] = 28,	[DIGEST_SHA256] = 32,
		[DIGEST_SHA384] = 48,	[DIGEST_SHA512] = 64,	[DIGEST_SHA3_256] = 32,
		[DIGEST_SHA3_384] = 48, [DIGEST_SHA3_512] = 64,
	};

	return algorithm < DIGEST_ALGORITHMS ? sizes[algorithm] : 0;
}

size_t digest_block_size(uint32_t algorithm)
{
	static const uint8_t sizes[DIGEST_ALGORITHMS] = {
		[DIGEST_SHA1] = 64,	 [DIGEST_SHA224] = 64,	 [DIGEST_SHA256] = 64,
		[DIGEST_SHA384] = 128,	 [DIGEST_SHA512] = 128,	 [DIGEST_SHA3_256] = 136,
		[DIGEST_SHA3_384] = 104, [DIGEST_SHA3_512] = 72,
	};

	return algorithm < DIGEST_ALGORITHMS ? sizes[algorithm] : 0;
}

int digest_check(const struct hil_engine *engine, const void *digest_request)
{
	const struct digest_caps *caps = &((const struct digest_engine *)engine)->caps;
	const struct digest_request *request = digest_request;

	if (engine->absent)
		return -PLUTON_ENODEVICE;
	if (!digest_size(request->algorithm) || !(caps->algorithms & (1u << request->algorithm)))
		return -PLUTON_ENOSUPPORT;
	if ((unsigned)request->phase > HIL_ONE_SHOT)
		return -PLUTON_ENOSUPPORT;
	if (request->phase != HIL_ONE_SHOT && caps->state_bytes == 0)
		return -PLUTON_ENOSUPPORT;
	return request->length > caps->length_max ? -PLUTON_ESIZE : 0;
}
