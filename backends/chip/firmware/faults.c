/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/chip/firmware/faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[FAULTS] = {
	[FAULT_DROP] = "drop",	     [FAULT_CORRUPT] = "corrupt", [FAULT_DUPLICATE] = "duplicate",
	[FAULT_GARBAGE] = "garbage", [FAULT_DELAY] = "delay",	  [FAULT_REBOOT] = "reboot",
};

static bool is_name(const char *name, const char *text, size_t length)
{
	return strlen(name) == length && memcmp(name, text, length) == 0;
}

static bool set(struct faults *faults, const char *name, size_t length, uint32_t value)
{
	for (size_t i = 0; i < FAULTS; i++) {
		if (is_name(names[i], name, length)) {
			faults->one_in[i] = value;
			return true;
		}
	}
	if (is_name("delay_ms", name, length)) {
		faults->delay_ms = value;
		return true;
	}
	if (is_name("seed", name, length)) {
		faults->random = value + UINT64_C(0x9e3779b97f4a7c15);
		return true;
	}
	return false;
}

bool faults_parse(const char *text, struct faults *ret_faults)
{
	*ret_faults = (struct faults){.delay_ms = 20, .random = UINT64_C(0x9e3779b97f4a7c15)};
	while (text && *text) {
		size_t length = strcspn(text, "=");
		char *end;
		unsigned long value;

		if (text[length] != '=' || text[length + 1] < '0' || text[length + 1] > '9')
			return false;
		errno = 0;
		value = strtoul(text + length + 1, &end, 10);
		if (errno || value > UINT32_MAX || (*end != ',' && *end != '\0') ||
		    !set(ret_faults, text, length, (uint32_t)value))
			return false;
		text = *end ? end + 1 : end;
	}
	return true;
}

/* xorshift64 (Marsaglia, 2003): nothing here needs a better one. */
uint32_t faults_random(struct faults *faults, uint32_t below)
{
	faults->random ^= faults->random << 13;
	faults->random ^= faults->random >> 7;
	faults->random ^= faults->random << 17;
	return (uint32_t)(faults->random >> 32) % below;
}

bool faults_roll(struct faults *faults, enum fault fault)
{
	return faults->one_in[fault] && faults_random(faults, faults->one_in[fault]) == 0;
}
