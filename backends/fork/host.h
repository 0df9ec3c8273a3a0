/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all apps of one engine share: where things are, whom to tell, and who closes descriptors.
 */
#ifndef PLUTON_FORK_HOST_H
#define PLUTON_FORK_HOST_H

#include "backends/fork/fdstore.h"
#include "backends/table.h"
#include "daemon/config.h"

#define HOST_FOLDERS_MAX CONFIG_APP_FOLDERS_MAX

struct app;

/* What happens to an app, for those who wait for it. */
enum app_event {
	APP_RUNS,	/* it said that it is ready */
	APP_STARTS_NOT, /* an attempt to start it failed, or it ended before it was ready */
	APP_ENDED,	/* as it was asked to */
	APP_OVERTAKEN,	/* it is being stopped: whoever waits for its start waits in vain */
};

struct fork_host {
	const struct backend_environment *environment;
	char *socket; /* plutond's */
	char *notify; /* the path of our own */
	char *runs;   /* the folder of the run files */
	char *bus;    /* PLUTON_BUS for apps */
	char *own_folder;
	char *libraries; /* where libpluton is in a build tree; NULL: installed */
	char *definition_folders[HOST_FOLDERS_MAX + 1];
	char *program_folders[HOST_FOLDERS_MAX + 1];
	uint32_t own_uid; /* of our program's file: whose build tree it is */
	struct fdstore_closer closer;
	bool closing;	     /* nothing is started any more */
	const char *trouble; /* why no app can be started; NULL: none */
	/* Listens to all that was said until now. */
	void (*listen)(struct fork_host *host);
	void (*changed)(struct fork_host *host, struct app *app, enum app_event event);
};

/* One line in the daemon's log. `app` and `pid` may be NULL and 0. */
void host_say(const struct fork_host *host, enum pluton_log_level level, const char *app,
	      uint32_t pid, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Puts a sentence into an app's reason and returns -PLUTON_EFAIL. */
int host_fail(char *reason, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t host_now_ms(void);

#endif
