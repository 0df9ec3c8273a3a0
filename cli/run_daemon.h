/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-run's plutond: found, started, awaited, stopped. Failing, these say why on stderr.
 */
#ifndef PLUTON_CLI_RUN_DAEMON_H
#define PLUTON_CLI_RUN_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/run_signals.h"

struct run_daemon {
	const char *program; /* absolute */
	const char *socket;
	const char *notify; /* path of the readiness socket */
	const char *config;
	const char *state;
	const char *log_level;
	const char *bus; /* its address; NULL: none */

	int notify_fd;
	pid_t pid; /* 0: not running */
	bool ready;
};

/*
 * The plutond to start: $PLUTON_DAEMON, else the one in `own_folder` (a build tree) or beside it in
 * sbin, else the installed one. The caller frees it. NULL: there is none.
 */
char *run_daemon_find(const char *own_folder);

bool run_daemon_start(struct run_daemon *daemon, const struct run_signals *signals);

/*
 * Waits until it is ready. False: it ended, took too long, or a signal came, which is then in
 * *ret_signal (else 0).
 */
bool run_daemon_await(struct run_daemon *daemon, const struct run_signals *signals,
		      int *ret_signal);

/* Until a signal, or word from the daemon; timeout_ms -1: for ever. */
void run_daemon_wait(struct run_daemon *daemon, const struct run_signals *signals, int timeout_ms);

/* It may have ended: if so, says how. */
void run_daemon_reap(struct run_daemon *daemon, const char *when);

/* Asks it to end, and makes it. */
void run_daemon_stop(struct run_daemon *daemon, const struct run_signals *signals);

#endif
