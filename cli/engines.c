/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli engines: what the services are made with, and whether it passes its self tests.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/noun.h"
#include "cli/selftest_rows.h"

/* A row of the daemon's, and what its self tests come to. */
struct shown {
	struct pluton_engine_row engine;
	char selftest[PLUTON_NAME_SIZE];
};

#define FIELDS_MAX 16u

static const struct column columns[] = {
	{"hil", "HIL", COLUMN_PLAIN, NULL},
	{"name", "NAME", COLUMN_PLAIN, NULL},
	{"priority", "PRIORITY", COLUMN_PLAIN, NULL},
	{"concurrency", "AT-ONCE", COLUMN_PLAIN, NULL},
	{"busy", "BUSY", COLUMN_PLAIN, NULL},
	{"waiting", "WAITING", COLUMN_PLAIN, NULL},
	{"grants", "TURNS", COLUMN_PLAIN, NULL},
	{"expirations", "EXPIRED", COLUMN_PLAIN, NULL},
	{"selftest", "SELF-TEST", COLUMN_PLAIN, NULL},
};

static const struct argp argp = {
	.parser = session_parse_only,
	.doc = "Lists the engines: the implementations behind the services.\v"
	       "HIL is the interface an engine implements, PRIORITY 0 is asked first. It takes\n"
	       "AT-ONCE operations; BUSY are under way and WAITING programs wait for their turn.\n"
	       "AT-ONCE 0: its device is not there, and the next engine is asked.\n"
	       "TURNS were given since the start, of which EXPIRED passed their deadline.\n"
	       "SELF-TEST is what `pluton-cli selftest --list' has of its algorithms.\n",
	.children = session_options,
};

static struct shown *join(const struct pluton_engine_row *engines, size_t engine_count,
			  const struct pluton_selftest_row *tests, size_t test_count)
{
	struct shown *shown = calloc(engine_count ? engine_count : 1, sizeof(*shown));

	for (size_t i = 0; shown && i < engine_count; i++) {
		shown[i].engine = engines[i];
		selftest_sum_up(tests, test_count, engines[i].name, engines[i].hil,
				shown[i].selftest);
	}
	return shown;
}

static int print(const struct session *session, const struct shown *rows, size_t count)
{
	struct row_field fields[FIELDS_MAX] = {{0}};
	const struct row_layout layout = {"engine", sizeof(*rows), fields,
					  row_engine.field_count + 1};
	const struct table table = {&layout, columns, sizeof(columns) / sizeof(columns[0])};

	if (layout.field_count > FIELDS_MAX)
		abort();
	memcpy(fields, row_engine.fields, row_engine.field_count * sizeof(fields[0]));
	fields[row_engine.field_count] =
		(struct row_field){"selftest", "what its self tests come to",
				   offsetof(struct shown, selftest), PLUTON_NAME_SIZE, ROW_TEXT};
	if (session->json)
		return json_print_member("engines", table_json(&table, rows, count));
	table_print(&table, rows, count);
	return CLI_DONE;
}

int noun_engines(struct session *session, int argc, char **argv)
{
	struct pluton_engine_row *engines = NULL;
	struct pluton_selftest_row *tests = NULL;
	size_t engine_count = 0, test_count = 0;
	struct shown *shown = NULL;
	int r, status = session_parse(&argp, argc, argv, session);

	if (status == CLI_DONE)
		status = session_open(session);
	if (status != CLI_DONE)
		return status;
	r = pluton_list_engines(session->pluton, &engines, &engine_count);
	if (r == 0)
		r = pluton_list_selftests(session->pluton, &tests, &test_count);
	if (r == 0)
		shown = join(engines, engine_count, tests, test_count);
	if (r < 0)
		status = session_failed(session, r, "cannot list", "engines");
	else
		status = shown ? print(session, shown, engine_count)
			       : fail_pluton(-PLUTON_ENOMEM, "cannot list engines, no memory");
	free(engines);
	free(tests);
	free(shown);
	return status;
}
