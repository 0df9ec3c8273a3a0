/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Affinity is inherited: a daemon is placed by pinning ourselves while it is started.
 */
#include "bench/cpus.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "bench/program.h"

static cpu_set_t inherited;
static bool known;

static void look(void)
{
	if (!known && sched_getaffinity(0, sizeof(inherited), &inherited) < 0)
		program_fail("sched_getaffinity: %s", strerror(errno));
	known = true;
}

static int next_cpu(int after)
{
	for (int cpu = after + 1; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET((size_t)cpu, &inherited))
			return cpu;
	}
	return CPU_ANY;
}

void cpus_placements(struct placement ret[PLACEMENTS])
{
	int first, second;

	look();
	first = next_cpu(-1);
	second = next_cpu(first);
	ret[0] = (struct placement){"all on one CPU", first, first};
	ret[1] = (struct placement){"client and server on two CPUs", first, second};
}

bool cpus_possible(const struct placement *placement)
{
	return placement->client != CPU_ANY && placement->server != CPU_ANY;
}

void cpus_pin(int cpu)
{
	cpu_set_t set;

	look();
	set = inherited;
	if (cpu != CPU_ANY) {
		CPU_ZERO(&set);
		CPU_SET((size_t)cpu, &set);
	}
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		program_fail("sched_setaffinity: %s", strerror(errno));
}
