/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the self tests know, as `selftest`, `engines` and `status` show it.
 */
#ifndef PLUTON_CLI_SELFTEST_ROWS_H
#define PLUTON_CLI_SELFTEST_ROWS_H

#include "cli/session.h"
#include "cli/table.h"

extern const struct table selftest_rows;

/* "passed" */
const char *selftest_state_word(uint64_t state);

/* How many of the rows are in a state. */
size_t selftest_count(const struct pluton_selftest_row *rows, size_t count, uint32_t state);

/*
 * What an engine's rows come to, into room for PLUTON_NAME_SIZE: "passed", "3 failed", "2
 * untested", "absent", or "-" for one without self tests.
 */
void selftest_sum_up(const struct pluton_selftest_row *rows, size_t count, const char *engine,
		     const char *hil, char *ret);

#endif
