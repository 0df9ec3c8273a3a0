/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a random number generator's capabilities allow. The same answer for hil_select, for the
 * engines and for the checker: an engine must not have an opinion of its own.
 */
#include "hil/rng.h"

int rng_check(const struct hil_engine *engine, const void *rng_request)
{
	const struct rng_caps *caps = &((const struct rng_engine *)engine)->caps;
	const struct rng_request *request = rng_request;

	if (engine->absent)
		return -PLUTON_ENODEVICE;
	return request->length > caps->request_max ? -PLUTON_ESIZE : 0;
}
