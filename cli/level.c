/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers are pluton/manager.h's.
 */
#include "cli/level.h"

#include <stddef.h>
#include <string.h>

static const char *const names[] = {
	[PLUTON_LOG_OFF] = "off",   [PLUTON_LOG_ERROR] = "error", [PLUTON_LOG_WARNING] = "warning",
	[PLUTON_LOG_INFO] = "info", [PLUTON_LOG_DEBUG] = "debug", [PLUTON_LOG_TRACE] = "trace",
};

#define COUNT (sizeof(names) / sizeof(names[0]))

const char *level_name(uint64_t level)
{
	return level < COUNT ? names[level] : "unknown";
}

bool level_by_name(const char *name, enum pluton_log_level *ret)
{
	for (size_t i = 0; i < COUNT; i++) {
		if (strcmp(names[i], name) == 0) {
			*ret = (enum pluton_log_level)i;
			return true;
		}
	}
	return false;
}
