/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state/apps/NAME.run: which Linux process is the app, so that a plutond that comes after one that
 * was killed finds it and does not start a second. A pid alone is no identity: its start time and
 * the machine's boot go with it, and the user whom it was started as.
 */
#ifndef PLUTON_FORK_RUNFILE_H
#define PLUTON_FORK_RUNFILE_H

#include <sys/types.h>

/* Negative errno. The folder is made if it is missing. */
int runfile_write(const char *folder, const char *name, pid_t pid, uid_t uid);

struct runfile_process {
	pid_t pid;
	int pidfd; /* the caller's */
	uid_t uid;
};

/* 1: it still runs. 0: there is none. Negative errno: that cannot be told now. */
int runfile_find(const char *folder, const char *name, struct runfile_process *ret);

void runfile_remove(const char *folder, const char *name);

/* Calls fn for every name that has a file. */
void runfile_each(const char *folder, void (*fn)(void *context, const char *name), void *context);

#endif
