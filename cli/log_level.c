/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli log-level: shows it, or sets it until the daemon ends.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/failure.h"
#include "cli/json.h"
#include "cli/level.h"
#include "cli/noun.h"

struct arguments {
	struct session *session;
	bool given;
	enum pluton_log_level level;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = arguments->session;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->given)
			exit(fail_usage("one argument too many, %s, see `%s --help'", argument,
					state->name));
		if (!level_by_name(argument, &arguments->level))
			exit(fail_usage("no such log level, %s, use " LEVEL_NAMES, argument));
		arguments->given = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.parser = parse,
	.args_doc = "[LEVEL]",
	.doc = "Shows how much the daemon writes into its log, or sets it to LEVEL: " LEVEL_NAMES
	       ".\v"
	       "Only root and the daemon's own user may set it. It holds until the daemon ends;\n"
	       "log_level in plutond.conf is for good.\n",
	.children = session_options,
};

static int set(struct session *session, enum pluton_log_level level)
{
	int r = pluton_set_log_level(session->pluton, level);

	if (r == -PLUTON_ENOSUPPORT)
		return fail_pluton(r,
				   "you may not set the log level, %s, do it as root or as the "
				   "daemon's user",
				   level_name(level));
	if (r < 0)
		return session_failed(session, r, "cannot set the log level", level_name(level));
	return CLI_DONE;
}

static int show(struct session *session)
{
	struct pluton_status row;
	int r = pluton_get_status(session->pluton, &row);

	if (r < 0)
		return session_failed(session, r, "cannot ask for the log level", NULL);
	if (session->json)
		return json_print_member("log_level",
					 json_object_new_string(level_name(row.log_level)));
	puts(level_name(row.log_level));
	return CLI_DONE;
}

int noun_log_level(struct session *session, int argc, char **argv)
{
	struct arguments arguments = {.session = session};
	int status = session_parse(&argp, argc, argv, &arguments);

	if (status == CLI_DONE)
		status = session_open(session);
	if (status != CLI_DONE)
		return status;
	if (arguments.given)
		return set(session, arguments.level);
	return show(session);
}
