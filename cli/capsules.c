/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli capsules: the services of the daemon.
 */
#include "cli/noun.h"
#include "cli/view.h"

static const struct column columns[] = {
	{"name", "NAME", COLUMN_PLAIN, NULL},
	{"interface", "INTERFACE", COLUMN_PLAIN, NULL},
	{"driver", "DRIVER", COLUMN_HEX, NULL},
	{"allowed", "ALLOWED", COLUMN_FLAG, NULL},
	{"commands", "COMMANDS", COLUMN_PLAIN, NULL},
	{"grants", "GRANTS", COLUMN_PLAIN, NULL},
	{"grant_size", "GRANT-BYTES", COLUMN_PLAIN, NULL},
	{"state_size", "STATE-BYTES", COLUMN_PLAIN, NULL},
	{"operations", "OPERATIONS", COLUMN_PLAIN, NULL},
	{"refusals", "REFUSALS", COLUMN_PLAIN, NULL},
};

static int list(struct pluton *pluton, void **ret_rows, size_t *ret_count)
{
	struct pluton_capsule_row *rows = NULL;
	int r = pluton_list_capsules(pluton, &rows, ret_count);

	*ret_rows = rows;
	return r;
}

static const struct view view = {
	.name = "capsules",
	.doc = "Lists the capsules: the services that the daemon offers.\v"
	       "ALLOWED says whether you may use it. GRANTS are the clients' states in it, of\n"
	       "GRANT-BYTES each, on average (at most, where there is none); STATE-BYTES is\n"
	       "what one operation needs.\n",
	.table = {&row_capsule, columns, sizeof(columns) / sizeof(columns[0])},
	.list = list,
};

int noun_capsules(struct session *session, int argc, char **argv)
{
	return view_run(&view, session, argc, argv);
}
