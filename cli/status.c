/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli status: the daemon's own row, a line for each field, and the apps that it runs.
 */
#include <pluton/app.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/app_rows.h"
#include "cli/failure.h"
#include "cli/level.h"
#include "cli/noun.h"
#include "cli/table.h"

static const struct column columns[] = {
	{"version", "version", COLUMN_PLAIN, NULL},
	{"pid", "pid", COLUMN_PLAIN, NULL},
	{"uptime_ms", "up for", COLUMN_MILLISECONDS, NULL},
	{"log_level", "log level", COLUMN_WORD, level_name},
	{"processes", "processes", COLUMN_PLAIN, NULL},
	{"processes_max", "processes at most", COLUMN_PLAIN, NULL},
	{"processes_refused", "processes refused", COLUMN_PLAIN, NULL},
	{"pool_size", "pool bytes", COLUMN_PLAIN, NULL},
	{"pool_taken", "pool bytes taken", COLUMN_PLAIN, NULL},
	{"pool_committed", "pool bytes promised", COLUMN_PLAIN, NULL},
	{"operations", "operations", COLUMN_PLAIN, NULL},
	{"refusals", "operations refused", COLUMN_PLAIN, NULL},
	{"upcalls", "upcalls", COLUMN_PLAIN, NULL},
	{"grant_reentries", "grant re-entries", COLUMN_PLAIN, NULL},
	{"loop_passes", "loop passes", COLUMN_PLAIN, NULL},
	{"handler_longest_us", "longest handler, us", COLUMN_PLAIN, NULL},
};
static const struct table table = {&row_status, columns, sizeof(columns) / sizeof(columns[0])};

static const struct argp argp = {
	.parser = session_parse_only,
	.doc = "Shows the daemon's version, process id, memory and counters, and its apps.\v"
	       "\"Promised\" counts what programs have taken or may still take without asking.\n"
	       "\"Longest handler\" is the longest that anything held up everybody else.\n",
	.children = session_options,
};

/* `apps` NULL: they are not ours to see. */
static int print(const struct session *session, const struct pluton_status *row,
		 const struct pluton_app_row *apps, size_t app_count)
{
	struct json_object *object;

	if (!session->json) {
		table_print_row(&table, row);
		if (app_count > 0)
			putchar('\n');
		if (app_count > 0)
			table_print(&app_rows, apps, app_count);
		return CLI_DONE;
	}
	object = table_json_row(&table, row);
	if (apps)
		json_object_object_add(object, "apps", table_json(&app_rows, apps, app_count));
	return json_print(object);
}

int noun_status(struct session *session, int argc, char **argv)
{
	struct pluton_app_row *apps = NULL;
	struct pluton_status row;
	size_t app_count = 0;
	int r, status = session_parse(&argp, argc, argv, session);

	if (status == CLI_DONE)
		status = session_open(session);
	if (status != CLI_DONE)
		return status;
	r = pluton_get_status(session->pluton, &row);
	if (r < 0)
		return session_failed(session, r, "cannot ask for the status", NULL);
	/* Who may not use the app capsule, or has none, sees the daemon alone. */
	r = pluton_app_list(session->pluton, &apps, &app_count);
	if (r < 0 && r != -PLUTON_ENODEVICE && r != -PLUTON_ENOSUPPORT)
		return session_failed(session, r, "cannot list", "apps");
	status = print(session, &row, apps, app_count);
	free(apps);
	return status;
}
