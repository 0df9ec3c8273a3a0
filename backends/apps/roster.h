/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The apps of one engine, in name order, and the requests that wait for them: all of an engine for
 * apps but how one is started, stopped and recognised.
 */
#ifndef PLUTON_APPS_ROSTER_H
#define PLUTON_APPS_ROSTER_H

#include <sys/time.h>

#include "backends/apps/definition.h"
#include "backends/apps/place.h"
#include "backends/table.h"
#include "hil/app.h"

/* What happens to an app, for those who wait for it. */
enum app_event {
	APP_RUNS,	/* it is ready */
	APP_STARTS_NOT, /* an attempt to start it failed, or it ended before it was ready */
	APP_ENDED,	/* as it was asked to */
	APP_ENDS_NOT,	/* though it was asked to: it runs on */
	APP_OVERTAKEN,	/* it is being stopped: whoever waits for its start waits in vain */
};

struct roster;

/* What the roster knows of an app; the engine's own struct begins with it. */
struct roster_entry {
	struct roster *roster;
	struct definition *definition; /* for the next start */
	bool gone;		       /* its file is: it is not started again */
	enum app_state state;
	char reason[APP_REASON_MAX + 1];
	uint32_t starts;
	uint32_t failures;
	uint64_t since_ms;
	uint64_t not_before_ms; /* the back-off */
};

struct roster_ops {
	/* Begins with roster_enter. NULL: no memory. */
	struct roster_entry *(*make)(struct roster *roster, struct definition *definition);
	/* Ends with roster_leave. */
	void (*free)(struct roster_entry *entry);
	/* Complains of a definition that this engine can do nothing with. */
	void (*check)(struct definition *definition);
	/* What is asked for; roster_tell tells what came of it, perhaps before they return. */
	void (*start)(struct roster_entry *entry);  /* at once, whatever was */
	void (*demand)(struct roster_entry *entry); /* not before its back-off is over */
	void (*stop)(struct roster_entry *entry);
	void (*restart)(struct roster_entry *entry);
	uint32_t (*pid)(const struct roster_entry *entry); /* 0: it does not run */
};

/* A request that waits, or whose answer is on its way. */
struct roster_request {
	struct app_client *client; /* NULL: free */
	struct roster_entry *entry;
	enum app_action action;
	bool settled;
	int result;
};

struct roster {
	struct app_engine engine;
	const struct roster_ops *ops;
	const struct backend_environment *environment;
	struct place place;
	struct roster_entry **entries; /* in name order */
	size_t count;
	struct roster_request requests[HIL_CONCURRENCY_MAX];
	struct deferred_call answer;
	bool closing;	     /* nothing is started any more */
	const char *trouble; /* why no app can be started; NULL: none */
};

/* --- for the engine -------------------------------------------------------------------------- */

/* Without apps. `name` is the engine's; roster_free is due also after an error. -PLUTON_ENOMEM. */
int roster_init(struct roster *roster, const char *name,
		const struct backend_environment *environment, const char *const *folders,
		const struct roster_ops *ops);
void roster_free(struct roster *roster); /* and all apps */

/* Reads the definitions, and keeps, makes and frees apps after them. -PLUTON_ENOMEM. */
int roster_read(struct roster *roster);

/* Starts, at boot, those that start then. */
void roster_begin(struct roster *roster);

/* NULL: no such app. */
struct roster_entry *roster_find(const struct roster *roster, const char *name);

/* One line in the daemon's log. `app` and `pid` may be NULL and 0. */
void roster_say(const struct roster *roster, enum pluton_log_level level, const char *app,
		uint32_t pid, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* --- for an app ------------------------------------------------------------------------------ */

void roster_enter(struct roster_entry *entry, struct roster *roster, struct definition *definition);
void roster_leave(struct roster_entry *entry);
void roster_set_state(struct roster_entry *entry, enum app_state state);

/* Settles the requests that the event means something to. */
void roster_tell(struct roster_entry *entry, enum app_event event);

/* false: it cannot be started, and its reason says why. */
bool roster_may_start(struct roster_entry *entry);

/* false: not for a client; its reason says why. */
bool roster_may_demand(struct roster_entry *entry);

/* How long to wait after as many failures in a row. */
uint64_t roster_back_off_ms(const struct roster_entry *entry, const struct definition *definition);

/* An administrator asks: what was wrong before does not count. */
void roster_forgive(struct roster_entry *entry);

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t roster_now_ms(void);
struct timeval roster_after(uint64_t ms); /* for a timer */

#endif
