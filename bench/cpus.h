/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placement. Where two processes that talk run decides more than what they do: every round trip
 * is measured with both on one CPU and with one on each of two.
 */
#ifndef PLUTON_BENCH_CPUS_H
#define PLUTON_BENCH_CPUS_H

#include <stdbool.h>

#define CPU_ANY (-1)

struct placement {
	const char *name;
	int client; /* CPUs */
	int server;
};

#define PLACEMENTS 2

/* All on one CPU, client and server on two; the CPUs that this process may use. */
void cpus_placements(struct placement ret[PLACEMENTS]);

/* false: there is but one CPU. */
bool cpus_possible(const struct placement *placement);

/* This thread, and what it forks from now on. CPU_ANY: as it was when the program began. */
void cpus_pin(int cpu);

#endif
