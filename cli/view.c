/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parse, connect, list, print: the same for every view.
 */
#include "cli/view.h"

#include <stdlib.h>

#include "cli/failure.h"

int view_run(const struct view *view, struct session *session, int argc, char **argv)
{
	const struct argp argp = {
		.parser = session_parse_only, .doc = view->doc, .children = session_options};
	void *rows = NULL;
	size_t count = 0;
	int r, status = session_parse(&argp, argc, argv, session);

	if (status == CLI_DONE)
		status = session_open(session);
	if (status != CLI_DONE)
		return status;
	r = view->list(session->pluton, &rows, &count);
	if (r < 0)
		return session_failed(session, r, "cannot list", view->name);
	if (session->json)
		status = json_print_member(view->name, table_json(&view->table, rows, count));
	else
		table_print(&view->table, rows, count);
	free(rows);
	return status;
}
