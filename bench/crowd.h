/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many connected clients, in processes of their own.
 */
#ifndef PLUTON_BENCH_CROWD_H
#define PLUTON_BENCH_CROWD_H

#include <pluton/pluton.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CROWD_PER_PROCESS 1000u /* clients */
#define CROWD_PROCESSES_MAX 16u

/* What the client with this number in the crowd does once it is connected. */
typedef void (*crowd_habit)(struct pluton *pluton, size_t number);

struct crowd {
	size_t processes;
	pid_t pids[CROWD_PROCESSES_MAX];
};

/* false: RLIMIT_NOFILE does not allow it, here or in a daemon that is started from here. */
bool crowd_fits(size_t clients);

/* Connects them and waits until all have done what they do. */
void crowd_start(struct crowd *crowd, const char *address, size_t clients, crowd_habit habit);

/* They are gone; the daemon may not have noticed yet. */
void crowd_end(struct crowd *crowd);

#endif
