/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for what the self tests know.
 */
#include "cli/selftest_rows.h"

#include <stdio.h>
#include <string.h>

const char *selftest_state_word(uint64_t state)
{
	static const char *const words[] = {
		[PLUTON_SELFTEST_UNTESTED] = "untested", [PLUTON_SELFTEST_RUNNING] = "running",
		[PLUTON_SELFTEST_PASSED] = "passed",	 [PLUTON_SELFTEST_FAILED] = "failed",
		[PLUTON_SELFTEST_ABSENT] = "absent",
	};

	return state < sizeof(words) / sizeof(words[0]) ? words[state] : "unknown";
}

static const struct column columns[] = {
	{"hil", "HIL", COLUMN_PLAIN, NULL},
	{"engine", "ENGINE", COLUMN_PLAIN, NULL},
	{"algorithm", "ALGORITHM", COLUMN_PLAIN, NULL},
	{"state", "STATE", COLUMN_WORD, selftest_state_word},
	{"runs", "TESTS", COLUMN_PLAIN, NULL},
	{"failures", "FAILED", COLUMN_PLAIN, NULL},
	{"why", "WHY", COLUMN_PLAIN, NULL},
};
const struct table selftest_rows = {&row_selftest, columns, sizeof(columns) / sizeof(columns[0])};

size_t selftest_count(const struct pluton_selftest_row *rows, size_t count, uint32_t state)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += rows[i].state == state;
	return found;
}

/* The worst first: that is what one wants to know. */
static const uint32_t order[] = {PLUTON_SELFTEST_FAILED, PLUTON_SELFTEST_RUNNING,
				 PLUTON_SELFTEST_UNTESTED, PLUTON_SELFTEST_ABSENT,
				 PLUTON_SELFTEST_PASSED};

void selftest_sum_up(const struct pluton_selftest_row *rows, size_t count, const char *engine,
		     const char *hil, char *ret)
{
	size_t found[PLUTON_SELFTEST_ABSENT + 1] = {0};

	snprintf(ret, PLUTON_NAME_SIZE, "-");
	for (size_t i = 0; i < count; i++) {
		if (strcmp(rows[i].engine, engine) == 0 && strcmp(rows[i].hil, hil) == 0 &&
		    rows[i].state <= PLUTON_SELFTEST_ABSENT)
			found[rows[i].state]++;
	}
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		uint32_t state = order[i];
		bool is_all = state == PLUTON_SELFTEST_PASSED || state == PLUTON_SELFTEST_ABSENT;

		if (!found[state])
			continue;
		if (is_all)
			snprintf(ret, PLUTON_NAME_SIZE, "%s", selftest_state_word(state));
		else
			snprintf(ret, PLUTON_NAME_SIZE, "%zu %s", found[state],
				 selftest_state_word(state));
		return;
	}
}
