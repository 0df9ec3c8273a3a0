/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli status: the daemon's own row, a line for each field, who starts apps, and the apps.
 */
#include <pluton/app.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/app_rows.h"
#include "cli/failure.h"
#include "cli/level.h"
#include "cli/noun.h"
#include "cli/selftest_rows.h"
#include "cli/table.h"
#include "cli/text.h"

static const char *bus_word(uint64_t state)
{
	static const char *const words[] = {
		[PLUTON_BUS_OFF] = "off",
		[PLUTON_BUS_AWAY] = "away",
		[PLUTON_BUS_CONNECTING] = "connecting",
		[PLUTON_BUS_SERVING] = "serving",
	};

	return state < sizeof(words) / sizeof(words[0]) ? words[state] : "unknown";
}

static const struct column columns[] = {
	{"version", "version", COLUMN_PLAIN, NULL},
	{"pid", "pid", COLUMN_PLAIN, NULL},
	{"uptime_ms", "up for", COLUMN_MILLISECONDS, NULL},
	{"system", "the system's", COLUMN_FLAG, NULL},
	{"bus", "D-Bus", COLUMN_WORD, bus_word},
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
	       "\"Longest handler\" is the longest that anything held up everybody else.\n"
	       "\"The system's\" is the plutond that the machine runs for all, by --system.\n"
	       "\"D-Bus\" is off, away (the daemon tries again), connecting or serving.\n",
	.children = session_options,
};

/* What the daemon says of itself. */
struct report {
	struct pluton_status status;
	struct pluton_engine_row *engines;
	size_t engine_count;
	struct pluton_selftest_row *tests;
	size_t test_count;
	struct pluton_app_row *apps; /* NULL: they are not ours to see */
	size_t app_count;
};

static bool starts_apps(const struct pluton_engine_row *engine)
{
	return strcmp(engine->hil, "app") == 0;
}

static struct json_object *json_app_backends(const struct report *report)
{
	struct json_object *names = json_object_new_array();

	for (size_t i = 0; i < report->engine_count; i++) {
		if (starts_apps(&report->engines[i]))
			json_object_array_add(names, json_text(report->engines[i].name));
	}
	return names;
}

static struct json_object *json_selftests(const struct report *report)
{
	struct json_object *counts = json_object_new_object();

	for (uint32_t state = PLUTON_SELFTEST_UNTESTED; state <= PLUTON_SELFTEST_ABSENT; state++)
		json_object_object_add(counts, selftest_state_word(state),
				       json_object_new_uint64(selftest_count(
					       report->tests, report->test_count, state)));
	return counts;
}

static int print_json(const struct report *report)
{
	struct json_object *object = table_json_row(&table, &report->status);

	json_object_object_add(object, "selftests", json_selftests(report));
	json_object_object_add(object, "app_backends", json_app_backends(report));
	if (report->apps)
		json_object_object_add(object, "apps",
				       table_json(&app_rows, report->apps, report->app_count));
	return json_print(object);
}

/* In the column of the values above it. */
static void print_app_backends(const struct report *report)
{
	const char *before = "";

	printf("%-*s  ", TABLE_TITLE_WIDTH, "apps are started by");
	for (size_t i = 0; i < report->engine_count; i++) {
		if (!starts_apps(&report->engines[i]))
			continue;
		text_printable(report->engines[i].name);
		printf("%s%s", before, report->engines[i].name);
		before = ", ";
	}
	printf("%s\n", *before ? "" : "nobody");
}

/* How many algorithms are in which state; then those that fail. */
static void print_selftests(const struct report *report)
{
	const char *before = "";

	printf("%-*s  ", TABLE_TITLE_WIDTH, "self tests");
	for (uint32_t state = PLUTON_SELFTEST_UNTESTED; state <= PLUTON_SELFTEST_ABSENT; state++) {
		size_t count = selftest_count(report->tests, report->test_count, state);

		if (count) {
			printf("%s%zu %s", before, count, selftest_state_word(state));
			before = ", ";
		}
	}
	printf("%s\n", *before ? "" : "none");
}

static void print_failures(const struct report *report)
{
	const char *before = "\n";

	for (size_t i = 0; i < report->test_count; i++) {
		struct pluton_selftest_row *row = &report->tests[i];

		if (row->state != PLUTON_SELFTEST_FAILED)
			continue;
		text_printable(row->algorithm);
		text_printable(row->engine);
		text_printable(row->why);
		printf("%sThe self test of %s of engine %s failed: it %s. It is refused.\n", before,
		       row->algorithm, row->engine, row->why);
		before = "";
	}
}

static int print_text(const struct report *report)
{
	const struct pluton_status *status = &report->status;

	table_print_row(&table, status);
	print_app_backends(report);
	print_selftests(report);
	print_failures(report);
	if (status->bus == PLUTON_BUS_AWAY)
		printf("\nIt is not on the bus, and tries again; %s says why.\n",
		       status->system ? "journalctl -u plutond" : "its log");
	if (report->app_count == 0)
		return CLI_DONE;
	putchar('\n');
	table_print(&app_rows, report->apps, report->app_count);
	return CLI_DONE;
}

static int ask(struct session *session, struct report *report)
{
	int r = pluton_get_status(session->pluton, &report->status);

	if (r < 0)
		return session_failed(session, r, "cannot ask for the status", NULL);
	r = pluton_list_engines(session->pluton, &report->engines, &report->engine_count);
	if (r < 0)
		return session_failed(session, r, "cannot list", "engines");
	r = pluton_list_selftests(session->pluton, &report->tests, &report->test_count);
	if (r < 0)
		return session_failed(session, r, "cannot list", "self tests");
	/* Who may not use the app capsule, or has none, sees the daemon alone. */
	r = pluton_app_list(session->pluton, &report->apps, &report->app_count);
	if (r < 0 && r != -PLUTON_ENODEVICE && r != -PLUTON_ENOSUPPORT)
		return session_failed(session, r, "cannot list", "apps");
	return CLI_DONE;
}

int noun_status(struct session *session, int argc, char **argv)
{
	struct report report = {0};
	int status = session_parse(&argp, argc, argv, session);

	if (status == CLI_DONE)
		status = session_open(session);
	if (status == CLI_DONE)
		status = ask(session, &report);
	if (status == CLI_DONE)
		status = session->json ? print_json(&report) : print_text(&report);
	free(report.engines);
	free(report.tests);
	free(report.apps);
	return status;
}
