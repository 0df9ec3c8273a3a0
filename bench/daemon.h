/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A private plutond of this build tree, started and stopped as pluton-run does it.
 */
#ifndef PLUTON_BENCH_DAEMON_H
#define PLUTON_BENCH_DAEMON_H

#include <pluton/pluton.h>

#include "cli/run_daemon.h"
#include "cli/run_folder.h"

struct daemon {
	struct daemon *next; /* of those to stop at exit */
	struct run_daemon run;
	struct run_folder folder;
	char address[128];
	double ready_ms; /* from before fork to READY=1 */
};

/* With the default configuration, on a CPU (cpus.h). Must stay where it is until it is stopped. */
void daemon_start(struct daemon *daemon, int cpu);
void daemon_stop(struct daemon *daemon);

struct pluton *daemon_connect(const struct daemon *daemon);

/* Fails, naming what was tried, for a negative r. */
void daemon_expect(int r, const struct pluton *pluton, const char *what);

#endif
