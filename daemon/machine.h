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
#include "daemon/frontends/dbus.h"
#include "daemon/kernel/kernel.h"
#include "daemon/kernel/loop.h"
#include "daemon/selftests.h"
#include "daemon/trace.h"

/* Who hears of what happens to the machine. Each may be NULL. */
struct machine_observer {
	void (*reload)(void *context);	 /* SIGHUP */
	void (*stopping)(void *context); /* SIGTERM or SIGINT, the first; apps are asked to end */
	void (*bus_changed)(void *context, const char *trouble); /* NULL: it is on the bus */
	/* A self test failed, or passed after that. NULL: none is failed now. */
	void (*selftest_judged)(void *context, const char *trouble);
	void *context;
};

/* The socket in the file system. */
struct machine_socket {
	int fd;	   /* the machine's, from machine_open on */
	bool ours; /* made by us, and so removed; else the service manager's */
};

struct machine {
	struct kernel kernel; /* the manager finds the machine by it */
	struct config *config;
	bool listening;	       /* at config->socket */
	bool owns_socket;      /* and removes it */
	bool ending;	       /* asked to stop: apps first */
	unsigned apps_running; /* while ending: backends of which some still run */
	struct loop loop;
	struct engines engines;
	struct channel channel;
	struct dbus *dbus; /* NULL: on no bus */
	struct trace trace;
	struct selftests selftests;
	struct access_entry *rules;
	struct event terminate, interrupt, hangup;
	struct event suppressed; /* tells of log lines that were held back */
	struct machine_observer observer;
	uint64_t started_ms; /* CLOCK_MONOTONIC */
};

/*
 * Everything up at config->socket. The configuration must stay, and where the socket is ours the
 * lock on it (daemon/lock.h) be held until machine_close returns. The observer may be called from
 * here on, and then has *ret. -PLUTON_EINVAL: the configuration is wrong in a way that only shows
 * here; otherwise what failed. The reason has been logged, by log_start_failed.
 */
int machine_open(struct config *config, struct machine_socket socket,
		 const struct machine_observer *observer, struct machine **ret);

/* The same without socket and signals: for tests, which connect by machine_connect. */
int machine_open_private(struct config *config, struct machine **ret);

/*
 * Makes a capsule reachable, with the ports and the parameters that its table names; opening does
 * so for all of svc/table.c. As kernel_register; -PLUTON_EINVAL also: the configuration lacks a
 * parameter. The reason has been logged.
 */
int machine_register(struct machine *machine, const struct capsule *capsule);

/*
 * Removes the socket if it is ours, cancels what is under way, says goodbye to all processes,
 * wipes, frees. Signals are ignored from then on.
 */
void machine_close(struct machine *machine);

/*
 * Starts the apps that start at boot, and serves until machine_stop, or until SIGTERM or SIGINT and
 * all apps have stopped; a second signal kills them.
 */
void machine_run(struct machine *machine);
void machine_stop(struct machine *machine);

/*
 * Moves what changed from `fresh` into the configuration and puts it into force. All of `fresh` is
 * checked first: after -PLUTON_EINVAL (a capsule there is not) or -PLUTON_ENOMEM, with *ret_error
 * saying what, nothing has changed. *ret_changes: keys that were moved; those that need a restart
 * are not, and are warned of. What processes got when they connected stays theirs: arena_limit, and
 * every capsule they may use, even if [access] no longer says so. All other limits hold for
 * everybody at once: nothing is taken away, but no more is given. `fresh` is then good only for
 * config_free.
 */
int machine_reload(struct machine *machine, struct config *fresh, size_t *ret_changes,
		   struct config_error *ret_error);

/* A connected descriptor of a process that is served from now on; -1 on failure. */
int machine_connect(struct machine *machine);

#endif
