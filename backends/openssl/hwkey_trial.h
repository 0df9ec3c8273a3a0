/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HWKEY_TRY: what is done to slots' keys, with keys that anybody may know.
 */
#ifndef PLUTON_OPENSSL_HWKEY_TRIAL_H
#define PLUTON_OPENSSL_HWKEY_TRIAL_H

#include "backends/openssl/hwkey_record.h"

#define TRIAL_INPUT_MAX (HWKEY_TRY_SECRET + RECORD_SIZE_MAX)

/* What trials there are, for caps. */
#define TRIALS                                                                                     \
	(1u << HWKEY_TRY_WRAP | 1u << HWKEY_TRY_UNWRAP | 1u << HWKEY_TRY_DERIVE |                  \
	 1u << HWKEY_TRY_SEAL | 1u << HWKEY_TRY_OPEN)

/*
 * A request that hwkey_check takes; request->length bytes in, request->output_length out. What the
 * functions of hwkey_record.h return. No slot is looked at, and no fuse.
 */
int trial_run(const struct hwkey_request *request, const uint8_t *input,
	      uint8_t ret_output[RECORD_SIZE_MAX]);

#endif
