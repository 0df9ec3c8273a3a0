/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of log levels, for pluton-cli and pluton-run.
 */
#ifndef PLUTON_CLI_LEVEL_H
#define PLUTON_CLI_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

#include <pluton/manager.h>

#define LEVEL_NAMES "off, error, warning, info, debug or trace"

/* "unknown" for a number without a name. */
const char *level_name(uint64_t level);

/* False: no such name. */
bool level_by_name(const char *name, enum pluton_log_level *ret);

#endif
