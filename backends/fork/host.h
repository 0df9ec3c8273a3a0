/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all apps of one engine share: where things are, whom to tell, and who closes descriptors.
 */
#ifndef PLUTON_FORK_HOST_H
#define PLUTON_FORK_HOST_H

#include "backends/apps/roster.h"
#include "backends/fork/fdstore.h"
#include "backends/fork/fork.h"

struct fork_host {
	struct roster roster;
	char *socket; /* plutond's */
	char *notify; /* the path of our own */
	char *runs;   /* the folder of the run files */
	char *bus;    /* PLUTON_BUS for apps */
	char *program_folders[PLACE_FOLDERS_MAX + 1];
	struct fdstore_closer closer;
	/* Listens to all that was said until now. */
	void (*listen)(struct fork_host *host);
	/* After something has happened to an app, and those who wait for it were told. */
	void (*changed)(struct fork_host *host);
};

/* Fills in the paths; the roster has its place already. -PLUTON_ENOMEM. */
int host_find_paths(struct fork_host *host, const struct fork_options *options);
void host_free_paths(struct fork_host *host);

/* Puts a sentence into an app's reason and returns -PLUTON_EFAIL. */
int host_fail(char *reason, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
