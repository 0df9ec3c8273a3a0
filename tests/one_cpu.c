/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One at a time: nobody begins twice.
 */
#include "tests/one_cpu.h"

#include <sched.h>
#include <stddef.h>
#include <stdlib.h>

static cpu_set_t before;

int one_cpu_begin(void)
{
	cpu_set_t one;
	size_t first = 0;

	if (sched_getaffinity(0, sizeof(before), &before) < 0)
		abort();
	while (!CPU_ISSET(first, &before))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		abort();
	return CPU_COUNT(&before);
}

void one_cpu_end(void)
{
	if (sched_setaffinity(0, sizeof(before), &before) < 0)
		abort();
}
