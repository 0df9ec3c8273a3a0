/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for one thing that may take seconds, and showing on a terminal how long it has taken. An
 * ending signal ends it in the daemon too, where the connection's end cancels it.
 */
#ifndef PLUTON_CLI_WAITING_H
#define PLUTON_CLI_WAITING_H

#include "cli/session.h"

/* Zeroed; what libpluton's function was started with, and waiting_done. */
struct waiting {
	bool done;
	int result;
};

/* A pluton_done_fn; `waiting` is its userdata. */
void waiting_done(struct pluton *pluton, int status, void *waiting);

/*
 * `started`: what the function that starts it returned. Returns that if it is an error, else what
 * it ended with. `what` it does: "making a key".
 */
int waiting_end(const struct session *session, const struct waiting *waiting, int started,
		const char *what);

#endif
