/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records from anywhere: what can be decoded stays inside its bytes, and encodes to itself again.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/kernel/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	uint8_t again[RECORD_SIZE_MAX];
	struct record record;
	int written;

	if (record_decode(bytes, size, &record) < 0)
		return 0;
	written = record_encode(&record, again, sizeof(again));
	if (written != (int)size || memcmp(again, bytes, size) != 0)
		abort();
	return 0;
}
