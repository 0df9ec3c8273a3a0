/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A noun that only shows a list of the daemon: capsules, engines, ps.
 */
#ifndef PLUTON_CLI_VIEW_H
#define PLUTON_CLI_VIEW_H

#include "cli/session.h"
#include "cli/table.h"

struct view {
	const char *name; /* the array's name in JSON */
	const char *doc;  /* for --help */
	struct table table;
	/* One of the pluton_list_… functions. */
	int (*list)(struct pluton *pluton, void **ret_rows, size_t *ret_count);
};

int view_run(const struct view *view, struct session *session, int argc, char **argv);

#endif
