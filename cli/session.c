/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Common options, the connection, and what an error of it means to a person. Commands connect
 * after their line was parsed, so that a wrong line is status 2 with or without a daemon.
 */
#include "cli/session.h"

#include <pluton/manager.h>
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"

#define MESSAGE_SIZE 512 /* bytes */

/* Whatever the noun. ERESERVE is a stream that was lost on the way. */
static const struct advice general[] = {
	{PLUTON_EBUSY, NULL, "try again when other requests are done"},
	{PLUTON_EOFF, NULL, "start plutond and try again"},
	{PLUTON_ERESERVE, NULL, "try again"},
	{PLUTON_EINVAL, "key slot", "see `pluton-cli key list'"},
	{PLUTON_EINVAL, NULL, "correct it and try again"},
	{PLUTON_ESIZE, "_", "see `pluton-cli limits'"}, /* limits have such names */
	{PLUTON_ESIZE, NULL, "give another size"},
	{PLUTON_ECANCEL, NULL, "try again"},
	{PLUTON_ENOMEM, NULL, "end other clients, or raise the limits in plutond.conf"},
	{PLUTON_ENOSUPPORT, "only root", NULL},
	{PLUTON_ENOSUPPORT, NULL, "see `pluton-cli capsules' and `pluton-cli engines'"},
	{PLUTON_ENODEVICE, "may use nothing", NULL},
	{PLUTON_ENODEVICE, "key slot", "see `pluton-cli key list'"},
	{PLUTON_ENODEVICE, NULL, "see `pluton-cli capsules' and `pluton-cli engines'"},
	{PLUTON_EUNINSTALLED, NULL, "see `pluton-cli engines'"},
	{PLUTON_ENOACK, NULL, "see `pluton-cli engines'"},
	{PLUTON_EBADRVAL, NULL, "install plutond and pluton-cli of one version"},
	{0, NULL, "see the daemon's log"},
};

static const struct advice *find_advice(const struct advice *list, int error, const char *why)
{
	while (list->error && (list->error != -error || (list->part && !strstr(why, list->part))))
		list++;
	return list;
}

/* true: there is nothing to add. */
static bool says_what_to_do(const char *why)
{
	return strstr(why, "; ");
}

/* NULL: `why` says it itself. */
static const char *advice_for(const struct session *session, int error, const char *why)
{
	const struct advice *own =
		session->advice ? find_advice(session->advice, error, why) : NULL;

	if (says_what_to_do(why))
		return NULL;
	return own && own->error ? own->text : find_advice(general, error, why)->text;
}

static const struct argp_option options[] = {
	{"address", 'a', "ADDRESS", 0,
	 "Talk to the daemon at ADDRESS, which is unix:PATH (default: $PLUTON_ADDRESS, else "
	 "unix:/run/pluton/pluton.sock)",
	 0},
	{"json", 'j', NULL, 0, "Print one JSON object", 0},
	{"quiet", 'q', NULL, 0, "Show no progress bar", 0},
	{0},
};

static error_t parse_common(int key, char *argument, struct argp_state *state)
{
	struct session *session = state->input;

	switch (key) {
	case 'a':
		session->address = argument;
		return 0;
	case 'j':
		session->json = true;
		return 0;
	case 'q':
		session->quiet = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp common = {.options = options, .parser = parse_common};

const struct argp_child session_options[] = {{&common, 0, "For every command:", 9}, {0}};

error_t session_parse_only(int key, char *argument, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->input;
		return 0;
	case ARGP_KEY_ARG:
		exit(fail_usage("one argument too many, %s, see `%s --help'", argument,
				state->name));
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int session_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	error_t error = argp_parse(argp, argc, argv, 0, NULL, input);

	return error ? fail_system(error, "cannot read the command line, %s", strerror(error))
		     : CLI_DONE;
}

int session_open(struct session *session)
{
	char why[MESSAGE_SIZE] = "";
	int r = pluton_open_explained(session->address, &session->pluton, why, sizeof(why));

	switch (r) {
	case 0:
		return CLI_DONE;
	case -PLUTON_EOFF:
		return fail_pluton(r, "%s%s", why,
				   says_what_to_do(why) ? ""
							: ", start plutond, or run the command in "
							  "`pluton-run -- ...'");
	case -PLUTON_ENODEVICE: /* who asks is not let in */
		return fail_pluton(r, "%s", why);
	case -PLUTON_EINVAL:
		return fail_usage("%s, correct --address or PLUTON_ADDRESS", why);
	default:
		return session_explain(session, r, "no connection", NULL, why);
	}
}

void session_close(struct session *session)
{
	pluton_close(session->pluton);
	session->pluton = NULL;
}

int session_failed(const struct session *session, int error, const char *what, const char *value)
{
	return session_explain(session, error, what, value, pluton_error_message(session->pluton));
}

int session_explain(const struct session *session, int error, const char *what, const char *value,
		    const char *why)
{
	const char *advice;

	if (*why == '\0')
		why = pluton_error_text(error);
	advice = advice_for(session, error, why);
	return fail_pluton(error, "%s%s%s: %s%s%s", what, value ? ", " : "", value ? value : "",
			   why, advice ? ", " : "", advice ? advice : "");
}

int session_limit(const struct session *session, const char *name, uint64_t *ret_value)
{
	struct pluton_limit_row *rows = NULL;
	size_t count = 0, i = 0;
	int r = pluton_list_limits(session->pluton, &rows, &count);

	if (r < 0)
		return session_failed(session, r, "cannot ask for a limit", name);
	while (i < count && strcmp(rows[i].name, name) != 0)
		i++;
	if (i < count)
		*ret_value = rows[i].value;
	free(rows);
	if (i == count)
		return fail_pluton(-PLUTON_ENOSUPPORT,
				   "the daemon names no such limit, %s, install plutond and "
				   "pluton-cli of one version",
				   name);
	return CLI_DONE;
}
