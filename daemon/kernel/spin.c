/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In vain at most 2 * SPIN_MAX_US are spent, and then nothing until SPIN_HINTS sleeps in a row were
 * short. One long sleep and it is over at once: who is idle has no spinning to pay for.
 */
#include "daemon/kernel/spin.h"

#include <sched.h>
#include <stddef.h>

void spin_found(struct spin *spin)
{
	spin->limit_us = SPIN_MAX_US;
	spin->hints = 0;
}

void spin_missed(struct spin *spin)
{
	spin->limit_us /= 2;
}

void spin_slept(struct spin *spin, uint64_t slept_us)
{
	if (slept_us > SPIN_SHORT_US) {
		*spin = (struct spin){0};
		return;
	}
	if (++spin->hints < SPIN_HINTS)
		return;
	*spin = (struct spin){.limit_us = SPIN_MAX_US};
}

bool spin_has_two_cpus(pid_t other)
{
	cpu_set_t ours, theirs;

	/* On more CPUs than a set has room for there are two. */
	if (sched_getaffinity(0, sizeof(ours), &ours) < 0)
		return true;
	/* Who they are may not be known here: then we count ours alone. */
	if (other > 0 && sched_getaffinity(other, sizeof(theirs), &theirs) == 0)
		CPU_OR(&ours, &ours, &theirs);
	return CPU_COUNT(&ours) > 1;
}
