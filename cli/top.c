/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli top: who held the daemon's event loop, the longest first.
 */
#include <stdlib.h>

#include "cli/noun.h"
#include "cli/view.h"

static const struct column columns[] = {
	{"name", "HANDLER", COLUMN_PLAIN, NULL},
	{"calls", "CALLS", COLUMN_PLAIN, NULL},
	{"total_us", "TOTAL-US", COLUMN_PLAIN, NULL},
	{"longest_us", "LONGEST-US", COLUMN_PLAIN, NULL},
	{"late", "OVER-100-US", COLUMN_PLAIN, NULL},
};

static int by_longest(const void *a, const void *b)
{
	const struct pluton_handler_row *left = a, *right = b;

	return (left->longest_us < right->longest_us) - (left->longest_us > right->longest_us);
}

static int list(struct pluton *pluton, void **ret_rows, size_t *ret_count)
{
	struct pluton_handler_row *rows = NULL;
	int r = pluton_list_handlers(pluton, &rows, ret_count);

	if (r == 0)
		qsort(rows, *ret_count, sizeof(*rows), by_longest);
	*ret_rows = rows;
	return r;
}

static const struct view view = {
	.name = "handlers",
	.doc = "Shows what held the daemon's event loop, the longest first.\v"
	       "While one handler runs, everybody else waits. CALLS and TOTAL-US count since the\n"
	       "start; OVER-100-US is how many calls were longer than a handler should be.\n",
	.table = {&row_handler, columns, sizeof(columns) / sizeof(columns[0])},
	.list = list,
};

int noun_top(struct session *session, int argc, char **argv)
{
	return view_run(&view, session, argc, argv);
}
