/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every command of pluton-cli has: the common options and, once asked for, the connection.
 */
#ifndef PLUTON_CLI_SESSION_H
#define PLUTON_CLI_SESSION_H

#include <argp.h>
#include <pluton/pluton.h>
#include <stdbool.h>
#include <stdint.h>

struct session {
	const char *address; /* NULL: the library's default */
	bool json;
	bool quiet;
	struct pluton *pluton; /* NULL until session_open */
};

/*
 * The common options, for the `children` of a command's argp. The command's parser hands on its
 * session at ARGP_KEY_INIT: state->child_inputs[0] = session.
 */
extern const struct argp_child session_options[];

/* A whole argp parser, for a command without options or arguments; its input is the session. */
error_t session_parse_only(int key, char *argument, struct argp_state *state);

/* Parses a command's line. Does not return after --help, --version or an unknown option. */
int session_parse(const struct argp *argp, int argc, char **argv, void *input);

/* Connects. */
int session_open(struct session *session);
void session_close(struct session *session);

/*
 * A call on the connection failed with `error`: "WHAT, VALUE: why, what to do (ENAME)", with the
 * daemon's own sentence where it sent one. `value` NULL: there is none. Returns the status.
 */
int session_failed(const struct session *session, int error, const char *what, const char *value);

/* The daemon's limit `name`, as `pluton-cli limits` shows it. */
int session_limit(const struct session *session, const char *name, uint64_t *ret_value);

#endif
