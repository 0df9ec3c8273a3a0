/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli limits: what the daemon holds its clients to, by the names of plutond.conf(5).
 */
#include <stdlib.h>

#include "cli/failure.h"
#include "cli/noun.h"
#include "cli/table.h"

static const struct column columns[] = {
	{"name", "LIMIT", COLUMN_PLAIN, NULL},
	{"value", "VALUE", COLUMN_PLAIN, NULL},
};
static const struct table table = {&row_limit, columns, sizeof(columns) / sizeof(columns[0])};

static const struct argp argp = {
	.parser = session_parse_only,
	.doc = "Lists the limits that are in force, sizes in bytes. plutond.conf(5) explains "
	       "them.",
	.children = session_options,
};

/* An object with a member for each limit, as a program wants to look them up. */
static struct json_object *by_name(const struct pluton_limit_row *rows, size_t count)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < count; i++)
		json_object_object_add(object, rows[i].name, json_object_new_uint64(rows[i].value));
	return object;
}

int noun_limits(struct session *session, int argc, char **argv)
{
	struct pluton_limit_row *rows = NULL;
	size_t count = 0;
	int r, status = session_parse(&argp, argc, argv, session);

	if (status == CLI_DONE)
		status = session_open(session);
	if (status != CLI_DONE)
		return status;
	r = pluton_list_limits(session->pluton, &rows, &count);
	if (r < 0)
		return session_failed(session, r, "cannot list", "limits");
	if (session->json)
		status = json_print_member("limits", by_name(rows, count));
	else
		table_print(&table, rows, count);
	free(rows);
	return status;
}
