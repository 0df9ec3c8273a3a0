/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service manager's end of sd_notify(3): datagrams of KEY=VALUE lines, with the sender's
 * credentials and perhaps descriptors. Anybody who reaches the socket may send anything.
 */
#ifndef PLUTON_FORK_NOTIFY_H
#define PLUTON_FORK_NOTIFY_H

#include <stdbool.h>
#include <sys/types.h>

#include "backends/fork/fdstore.h"

#define NOTIFY_DESCRIPTORS_MAX 253u /* SCM_MAX_FD: so that Linux never has to close one itself */

/* What one datagram says, as far as we understand it. */
struct notification {
	pid_t pid; /* of the sender, as Linux says; 0: it does not */
	bool ready;
	bool stopping;
	bool alive;   /* WATCHDOG=1 */
	bool trigger; /* WATCHDOG=trigger: it wants to be taken for hanging */
	bool store;
	bool remove;
	char name[FDSTORE_NAME_MAX + 1]; /* "stored" unless it says another; "": no name at all */
	int descriptors[NOTIFY_DESCRIPTORS_MAX]; /* whoever receives must dispose of all */
	unsigned count;
};

/* A bound socket at `path`, in place of a stale one, for everybody of that mode. Negative errno. */
int notify_open(const char *path, mode_t mode);

/* 1: *ret is the next. 0: there is none now. */
int notify_receive(int fd, struct notification *ret);

#endif
