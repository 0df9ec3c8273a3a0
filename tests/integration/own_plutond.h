/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plutond of the test's own that it can kill and start again: own directory, own configuration,
 * own state, which outlives a kill.
 */
#ifndef PLUTON_TESTS_OWN_PLUTOND_H
#define PLUTON_TESTS_OWN_PLUTOND_H

#include <sys/types.h>

struct own_plutond {
	char directory[64];
	char address[96]; /* for pluton_open */
	int notify_fd;	  /* where the daemon says that it is ready */
	pid_t pid;	  /* 0: none runs */
};

/* With this text as its plutond.conf. */
void own_plutond_begin(struct own_plutond *own, const char *config);

/* Returns when it is ready. */
void own_plutond_start(struct own_plutond *own);

/* Returns when it is gone: at once with SIGKILL, in order with SIGTERM. */
void own_plutond_stop(struct own_plutond *own, int signal);

/* Stops it and removes the directory. */
void own_plutond_end(struct own_plutond *own);

#endif
