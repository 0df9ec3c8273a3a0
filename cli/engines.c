/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli engines: what the services are made with.
 */
#include "cli/noun.h"
#include "cli/view.h"

static const struct column columns[] = {
	{"hil", "HIL", COLUMN_PLAIN, NULL},
	{"name", "NAME", COLUMN_PLAIN, NULL},
	{"priority", "PRIORITY", COLUMN_PLAIN, NULL},
	{"concurrency", "AT-ONCE", COLUMN_PLAIN, NULL},
	{"busy", "BUSY", COLUMN_PLAIN, NULL},
	{"waiting", "WAITING", COLUMN_PLAIN, NULL},
	{"grants", "TURNS", COLUMN_PLAIN, NULL},
	{"expirations", "EXPIRED", COLUMN_PLAIN, NULL},
};

static int list(struct pluton *pluton, void **ret_rows, size_t *ret_count)
{
	struct pluton_engine_row *rows = NULL;
	int r = pluton_list_engines(pluton, &rows, ret_count);

	*ret_rows = rows;
	return r;
}

static const struct view view = {
	.name = "engines",
	.doc = "Lists the engines: the implementations behind the services.\v"
	       "HIL is the interface an engine implements, PRIORITY 0 is asked first. It takes\n"
	       "AT-ONCE operations; BUSY are under way and WAITING programs wait for their turn.\n"
	       "AT-ONCE 0: its device is not there, and the next engine is asked.\n"
	       "TURNS were given since the start, of which EXPIRED passed their deadline.\n",
	.table = {&row_engine, columns, sizeof(columns) / sizeof(columns[0])},
	.list = list,
};

int noun_engines(struct session *session, int argc, char **argv)
{
	return view_run(&view, session, argc, argv);
}
