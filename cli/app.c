/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli app: the programs that plutond starts, such as the TPM.
 */
#include <pluton/app.h>
#include <stdlib.h>

#include "cli/app_rows.h"
#include "cli/failure.h"
#include "cli/noun.h"
#include "cli/verbs.h"
#include "cli/view.h"
#include "cli/words.h"

static int list(struct pluton *pluton, void **ret_rows, size_t *ret_count)
{
	struct pluton_app_row *rows = NULL;
	int r = pluton_app_list(pluton, &rows, ret_count);

	*ret_rows = rows;
	return r;
}

static int run_list(struct session *session, int argc, char **argv)
{
	const struct view view = {
		.name = "apps",
		.doc = "Lists the apps: programs that plutond starts and that serve others.\v"
		       "STARTS counts since plutond's own start, FAILURES the ends in a row that\n"
		       "nobody asked for. A waiting app is started again by itself.\n",
		.table = app_rows,
		.list = list,
	};

	return view_run(&view, session, argc, argv);
}

static int run_status(struct session *session, int argc, char **argv)
{
	static const struct words_form form = {
		.args_doc = "NAME",
		.doc = "Shows the state of the app NAME, and how it ended last.",
		.names = {"the app's name, NAME,"},
		.required = 1,
	};
	struct pluton_app_row row;
	struct words words;
	int r, status = words_open(&form, session, argc, argv, &words);

	if (status != CLI_DONE)
		return status;
	r = pluton_app_status(session->pluton, words.word[0], &row);
	if (r < 0)
		return session_failed(session, r, "cannot show the app", words.word[0]);
	if (session->json)
		return json_print(table_json_row(&app_rows, &row));
	table_print_row(&app_rows, &row);
	return CLI_DONE;
}

/* --- what changes it ------------------------------------------------------------------------- */

static int change(struct session *session, int argc, char **argv, const struct words_form *form,
		  int (*call)(struct pluton *pluton, const char *name), const char *what)
{
	struct words words;
	int r, status = words_open(form, session, argc, argv, &words);

	if (status != CLI_DONE)
		return status;
	r = call(session->pluton, words.word[0]);
	return r < 0 ? session_failed(session, r, what, words.word[0]) : CLI_DONE;
}

static int run_start(struct session *session, int argc, char **argv)
{
	static const struct words_form form = {
		.args_doc = "NAME",
		.doc = "Starts the app NAME, and waits until it is ready. For root and the "
		       "daemon's own user.",
		.names = {"the app's name, NAME,"},
		.required = 1,
	};

	return change(session, argc, argv, &form, pluton_app_start, "cannot start");
}

static int run_stop(struct session *session, int argc, char **argv)
{
	static const struct words_form form = {
		.args_doc = "NAME",
		.doc = "Stops the app NAME, and waits until it is gone. For a TPM this is a "
		       "power-off: its PCRs begin anew. For root and the daemon's own user.",
		.names = {"the app's name, NAME,"},
		.required = 1,
	};

	return change(session, argc, argv, &form, pluton_app_stop, "cannot stop");
}

static int run_restart(struct session *session, int argc, char **argv)
{
	static const struct words_form form = {
		.args_doc = "NAME",
		.doc = "Starts the app NAME anew; it goes on where it was, and so do its clients. "
		       "For root and the daemon's own user.",
		.names = {"the app's name, NAME,"},
		.required = 1,
	};

	return change(session, argc, argv, &form, pluton_app_restart, "cannot restart");
}

static const struct verb verbs[] = {
	{"list", "", "All of them", run_list},
	{"status", "NAME", "One of them", run_status},
	{"start", "NAME", "Starts it", run_start},
	{"stop", "NAME", "Stops it; a TPM's power-off", run_stop},
	{"restart", "NAME", "Starts it anew, where it was", run_restart},
};

static const struct verbs app = {
	.kind = "verb",
	.doc = "Shows, starts and stops apps: programs that plutond starts, such as the TPM.\v"
	       "Examples:\n"
	       "  pluton-cli app list\n"
	       "  pluton-cli app restart tpm0\n",
	.table = verbs,
	.count = sizeof(verbs) / sizeof(verbs[0]),
};

int noun_app(struct session *session, int argc, char **argv)
{
	return verbs_run(&app, session, argc, argv);
}
