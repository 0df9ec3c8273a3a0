/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli ps: the connected programs and what the daemon keeps for each.
 */
#include "cli/noun.h"
#include "cli/view.h"

static const struct column columns[] = {
	{"index", "INDEX", COLUMN_PLAIN, NULL},
	{"generation", "GEN", COLUMN_PLAIN, NULL},
	{"pid", "PID", COLUMN_PLAIN, NULL},
	{"uid", "UID", COLUMN_PLAIN, NULL},
	{"operations", "OPS", COLUMN_PLAIN, NULL},
	{"requests", "REQUESTS", COLUMN_PLAIN, NULL},
	{"refusals", "REFUSALS", COLUMN_PLAIN, NULL},
	{"grants", "GRANTS", COLUMN_PLAIN, NULL},
	{"windows", "WINDOWS", COLUMN_PLAIN, NULL},
	{"window_bytes", "WINDOW-BYTES", COLUMN_PLAIN, NULL},
	{"ring_bytes", "RING-BYTES", COLUMN_PLAIN, NULL},
	{"arena_taken", "ARENA-BYTES", COLUMN_PLAIN, NULL},
	{"arena_limit", "ARENA-LIMIT", COLUMN_PLAIN, NULL},
	{"dying", "DYING", COLUMN_FLAG, NULL},
	{"command", "COMMAND", COLUMN_PLAIN, NULL},
};

static int list(struct pluton *pluton, void **ret_rows, size_t *ret_count)
{
	struct pluton_process_row *rows = NULL;
	int r = pluton_list_processes(pluton, &rows, ret_count);

	*ret_rows = rows;
	return r;
}

static const struct view view = {
	.name = "processes",
	.doc = "Lists the programs connected to the daemon: your own, or all if you are root or "
	       "the daemon's user.\v"
	       "INDEX and GEN are a connection's id. OPS are under way now; ARENA-BYTES is all\n"
	       "that the daemon keeps for the program, WINDOW-BYTES the memory it shares, "
	       "RING-BYTES\n"
	       "that of its rings: 0 if its requests go by the socket. A DYING one is gone, but "
	       "an\n"
	       "engine still holds memory of it.\n",
	.table = {&row_process, columns, sizeof(columns) / sizeof(columns[0])},
	.list = list,
};

int noun_ps(struct session *session, int argc, char **argv)
{
	return view_run(&view, session, argc, argv);
}
