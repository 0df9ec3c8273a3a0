/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli selftest: makes the self tests again, and shows what came of them.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/noun.h"
#include "cli/selftest_rows.h"

#define ENGINES_MAX 16u

struct arguments {
	struct session *session; /* first: session_parse_only's */
	const char *engines[ENGINES_MAX];
	size_t count;
	bool list;
};

static const struct argp_option options[] = {
	{"list", 'l', NULL, 0, "Test nothing, show what is known", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = arguments->session;
		return 0;
	case 'l':
		arguments->list = true;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->count == ENGINES_MAX)
			exit(fail_usage("too many engines, %s, name at most %u", argument,
					ENGINES_MAX));
		arguments->engines[arguments->count++] = argument;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[ENGINE...]",
	.doc = "Tests every algorithm of the engines called ENGINE, or of all engines, with "
	       "answers that are known, and shows what came of it.\v"
	       "An algorithm that fails is refused until it passes; all others are served.\n"
	       "The daemon tests everything by itself when it starts, and an engine whose device\n"
	       "comes back. Only root and the daemon's own user may ask for it; everybody may "
	       "--list.\n"
	       "The exit status is 1 if an algorithm is failed.\n",
	.children = session_options,
};

static int test(struct session *session, const char *engine)
{
	int r = pluton_selftest(session->pluton, engine, NULL, NULL);

	if (r == -PLUTON_ENOSUPPORT)
		return fail_pluton(r, "you may not ask for self tests, do it as root or as the "
				      "daemon's user, or see what is known with --list");
	if (r < 0)
		return session_failed(session, r, "cannot test", engine ? engine : "the engines");
	return CLI_DONE;
}

static int test_all(const struct arguments *arguments)
{
	int status = CLI_DONE;

	if (arguments->count == 0)
		return test(arguments->session, NULL);
	for (size_t i = 0; i < arguments->count && status == CLI_DONE; i++)
		status = test(arguments->session, arguments->engines[i]);
	return status;
}

static bool is_meant(const struct arguments *arguments, const char *engine)
{
	for (size_t i = 0; i < arguments->count; i++) {
		if (strcmp(arguments->engines[i], engine) == 0)
			return true;
	}
	return arguments->count == 0;
}

/* Leaves the rows that are meant. */
static size_t keep_meant(const struct arguments *arguments, struct pluton_selftest_row *rows,
			 size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (is_meant(arguments, rows[i].engine))
			rows[kept++] = rows[i];
	}
	return kept;
}

static int show(const struct arguments *arguments)
{
	struct session *session = arguments->session;
	struct pluton_selftest_row *rows = NULL;
	size_t count = 0;
	int r = pluton_list_selftests(session->pluton, &rows, &count), status = CLI_DONE;

	if (r < 0)
		return session_failed(session, r, "cannot list", "self tests");
	count = keep_meant(arguments, rows, count);
	if (session->json)
		status = json_print_member("selftests", table_json(&selftest_rows, rows, count));
	else
		table_print(&selftest_rows, rows, count);
	if (status == CLI_DONE && selftest_count(rows, count, PLUTON_SELFTEST_FAILED))
		status = CLI_REFUSED;
	free(rows);
	return status;
}

int noun_selftest(struct session *session, int argc, char **argv)
{
	struct arguments arguments = {.session = session};
	int status = session_parse(&argp, argc, argv, &arguments);

	if (status == CLI_DONE)
		status = session_open(session);
	if (status == CLI_DONE && !arguments.list)
		status = test_all(&arguments);
	return status == CLI_DONE ? show(&arguments) : status;
}
