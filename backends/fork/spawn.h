/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a fork to the app's program. plutond has threads, so that between fork and exec nothing may
 * be called but what signal-safety(7) lists: all that the child needs is prepared before.
 *
 * The child waits at a gate until spawn_go: if plutond dies before it has noted the child where the
 * next plutond looks, the child ends, and nobody runs twice.
 */
#ifndef PLUTON_FORK_SPAWN_H
#define PLUTON_FORK_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SPAWN_GROUPS_MAX 64

struct spawn {
	int program; /* descriptor */
	const char *path;
	bool by_descriptor_only; /* it was checked: nothing but the descriptor's file may run */
	char *const *arguments;
	char *const *environment;
	char *listen_pid, *watchdog_pid; /* where the child's pid goes, 12 bytes; NULL: nowhere */
	const int *stored;		 /* descriptors that become 3, 4, … */
	unsigned stored_count;
	uint64_t memory_max; /* bytes; 0: no limit */
	bool change_user;
	uid_t uid;
	gid_t gid;
	gid_t groups[SPAWN_GROUPS_MAX];
	size_t group_count;
};

/* What came of it. */
struct spawned {
	pid_t pid;
	int pidfd;
	int gate; /* opens at spawn_go; then tells why nothing was executed */
	uid_t uid;
};

/* Negative errno. */
int spawn_start(const struct spawn *spawn, struct spawned *ret);
void spawn_go(const struct spawned *spawned);

/* Instead of spawn_go: ends the child, which has run nothing yet, and leaves nothing of it. */
void spawn_abandon(struct spawned *spawned);

/* Of a child that has ended: what kept it from running the program, and the errno. NULL: it ran. */
const char *spawn_failure(const struct spawned *spawned, int *ret_errno);

#endif
