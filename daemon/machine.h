/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine: kernel, capsules, engines, loop and frontends put together as the configuration
 * says. This is the one place that knows all of them.
 */
#ifndef PLUTON_MACHINE_H
#define PLUTON_MACHINE_H

#include "daemon/config.h"
#include "daemon/engines.h"
#include "daemon/frontends/channel.h"
#include "daemon/kernel/kernel.h"
#include "daemon/kernel/loop.h"

struct machine {
	struct kernel kernel; /* the manager finds the machine by it */
	struct config *config;
	struct loop loop;
	struct engines engines;
	struct channel channel;
	struct access_entry *rules;
	struct event terminate, interrupt, hangup;
	void (*on_reload)(void *context);
	void *reload_context;
	uint64_t started_ms; /* CLOCK_MONOTONIC */
};

/*
 * Everything up and listening. The configuration must stay. -PLUTON_EINVAL: it is wrong in a way
 * that only shows here; otherwise what failed. The reason has been logged.
 */
int machine_open(struct config *config, struct machine **ret);

/* The same without socket and signals: for tests, which connect by machine_connect. */
int machine_open_private(struct config *config, struct machine **ret);

/* Cancels what is under way, says goodbye to all processes, wipes and frees. */
void machine_close(struct machine *machine);

/* SIGHUP calls this. */
void machine_on_reload(struct machine *machine, void (*fn)(void *context), void *context);

/* Serves until SIGTERM, SIGINT or machine_stop. 0. */
int machine_run(struct machine *machine);
void machine_stop(struct machine *machine);

/* Puts changed keys of the configuration into force; processes that are connected keep theirs. */
void machine_reload(struct machine *machine);

/* A connected descriptor of a process that is served from now on; -1 on failure. */
int machine_connect(struct machine *machine);

#endif
