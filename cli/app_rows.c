/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns of an app's row; JSON has all of its fields.
 */
#include "cli/app_rows.h"

#include <pluton/app.h>

static const char *state_word(uint64_t state)
{
	static const char *const words[] = {
		[PLUTON_APP_STOPPED] = "stopped", [PLUTON_APP_STARTING] = "starting",
		[PLUTON_APP_RUNNING] = "running", [PLUTON_APP_STOPPING] = "stopping",
		[PLUTON_APP_WAITING] = "waiting", [PLUTON_APP_FAILED] = "failed",
	};

	return state < sizeof(words) / sizeof(words[0]) ? words[state] : "unknown";
}

static const struct column columns[] = {
	{"name", "NAME", COLUMN_PLAIN, NULL},	    {"state", "STATE", COLUMN_WORD, state_word},
	{"pid", "PID", COLUMN_PLAIN, NULL},	    {"since_ms", "FOR", COLUMN_MILLISECONDS, NULL},
	{"starts", "STARTS", COLUMN_PLAIN, NULL},   {"failures", "FAILURES", COLUMN_PLAIN, NULL},
	{"reason", "LAST END", COLUMN_PLAIN, NULL},
};

const struct table app_rows = {&row_app, columns, sizeof(columns) / sizeof(columns[0])};
