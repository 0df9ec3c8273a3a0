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

/* What to do about an error. */
struct advice {
	int error;	  /* a PLUTON_E…; 0 ends a list */
	const char *part; /* where the sentence about the error has this in it; NULL: always */
	const char *text;
};

struct session {
	const char *address; /* NULL: the library's default */
	bool json;
	bool quiet;
	struct pluton *pluton;	     /* NULL until session_open */
	const struct advice *advice; /* the noun's own, which comes first; NULL: none */
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
 *
 * A sentence with "; " in it says itself what to do: no advice follows.
 */
int session_failed(const struct session *session, int error, const char *what, const char *value);

/* The same, about another connection than the session's: `why` is its sentence, "" if none. */
int session_explain(const struct session *session, int error, const char *what, const char *value,
		    const char *why);

/* The daemon's limit `name`, as `pluton-cli limits` shows it. */
int session_limit(const struct session *session, const char *name, uint64_t *ret_value);

#endif
