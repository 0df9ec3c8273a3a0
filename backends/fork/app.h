/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One app's life: started, watched, started again, stopped. Everything happens in the loop; nothing
 * here waits for a process.
 */
#ifndef PLUTON_FORK_APP_H
#define PLUTON_FORK_APP_H

#include <event2/event_struct.h>

#include "backends/fork/host.h"
#include "backends/fork/notify.h"
#include "backends/fork/program.h"
#include "backends/fork/spawn.h"

/* Why a process that ends does. */
enum app_cause {
	CAUSE_ITSELF,
	CAUSE_STOPPED,	 /* asked to */
	CAUSE_RESTARTED, /* asked to, and is started again at once */
	CAUSE_LATE,	 /* not ready in time */
	CAUSE_HUNG,	 /* the watchdog */
};

struct app {
	struct roster_entry entry; /* first: the roster knows it by this */
	struct fork_host *host;
	struct definition *in_force; /* what the process was started with */
	bool unsure;		     /* an earlier plutond's process may still run */
	enum app_cause cause;
	bool again; /* somebody asked for it while it was being stopped */
	bool ready; /* this process has said so */
	bool store_was_full;
	bool adopted;		/* an earlier plutond's child */
	struct spawned process; /* pid 0: none */
	struct event ended;
	struct event timer; /* what it is for depends on the state */
	struct program program;
	struct deferred_call check; /* of the program's hash */
	struct fdstore store;
	uint64_t ready_ms;
};

/* Holds the definition. NULL: no memory. */
struct app *app_make(struct fork_host *host, struct definition *definition);

/* Kills what still runs, and frees. */
void app_free(struct app *app);

/* Takes the process of an earlier plutond, if it still runs. */
void app_adopt(struct app *app);

/* What is asked for. The roster is told what came of it, perhaps before they return. */
void app_start(struct app *app);  /* at once, whatever was */
void app_demand(struct app *app); /* not before its back-off is over */
void app_stop(struct app *app);	  /* and forgets what it had stored */
void app_restart(struct app *app);

/* SIGKILL: for the daemon's own end. */
void app_kill(struct app *app);

/* Takes the notification's descriptors, setting them to -1. */
void app_notified(struct app *app, struct notification *notification);

/* true: this process is the app; nobody else can have that pid meanwhile. */
bool app_is(const struct app *app, pid_t pid);

/* true: this process is in the app's session, as the app is, and all that it forked and did not
 * leave. */
bool app_has_in_session(const struct app *app, pid_t pid);

#endif
