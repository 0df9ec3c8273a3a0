/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-run's D-Bus bus: a dbus-daemon that nobody else uses. Failing, these say why on stderr.
 */
#ifndef PLUTON_CLI_RUN_BUS_H
#define PLUTON_CLI_RUN_BUS_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/run_signals.h"

struct run_bus {
	pid_t pid;     /* 0: not running */
	char *address; /* "unix:path=..." */
	char *config;
	char *log; /* what it had to say */
};

/* Starts it in `folder` and waits until programs can connect. All zero before. */
bool run_bus_start(struct run_bus *bus, const char *folder, const struct run_signals *signals);

/* For COMMAND: the bus is its session bus, and its system bus. */
bool run_bus_set_environment(const struct run_bus *bus);

/* Ends it, if it was started, and forgets it. */
void run_bus_stop(struct run_bus *bus);

#endif
