/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli status: the daemon's own row, a line for each field.
 */
#include "cli/failure.h"
#include "cli/noun.h"
#include "cli/table.h"

static const struct column columns[] = {
	{"version", "version", COLUMN_PLAIN},
	{"pid", "pid", COLUMN_PLAIN},
	{"uptime_ms", "up for", COLUMN_MILLISECONDS},
	{"log_level", "log level", COLUMN_LEVEL},
	{"processes", "processes", COLUMN_PLAIN},
	{"processes_max", "processes at most", COLUMN_PLAIN},
	{"processes_refused", "processes refused", COLUMN_PLAIN},
	{"pool_size", "pool bytes", COLUMN_PLAIN},
	{"pool_taken", "pool bytes taken", COLUMN_PLAIN},
	{"pool_committed", "pool bytes promised", COLUMN_PLAIN},
	{"operations", "operations", COLUMN_PLAIN},
	{"refusals", "operations refused", COLUMN_PLAIN},
	{"upcalls", "upcalls", COLUMN_PLAIN},
	{"grant_reentries", "grant re-entries", COLUMN_PLAIN},
	{"loop_passes", "loop passes", COLUMN_PLAIN},
	{"handler_longest_us", "longest handler, us", COLUMN_PLAIN},
};
static const struct table table = {&row_status, columns, sizeof(columns) / sizeof(columns[0])};

static const struct argp argp = {
	.parser = session_parse_only,
	.doc = "Shows the daemon's version, process id, memory and counters.\v"
	       "\"Promised\" counts what programs have taken or may still take without asking.\n"
	       "\"Longest handler\" is the longest that anything held up everybody else.\n",
	.children = session_options,
};

int noun_status(struct session *session, int argc, char **argv)
{
	struct pluton_status row;
	int r, status = session_parse(&argp, argc, argv, session);

	if (status == CLI_DONE)
		status = session_open(session);
	if (status != CLI_DONE)
		return status;
	r = pluton_get_status(session->pluton, &row);
	if (r < 0)
		return session_failed(session, r, "cannot ask for the status", NULL);
	if (session->json)
		return json_print(table_json_row(&table, &row));
	table_print_row(&table, &row);
	return CLI_DONE;
}
