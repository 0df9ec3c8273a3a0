/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether looking again is better than sleeping. A wake-up across CPUs takes tens of microseconds,
 * so who expects the next record of a ring sooner looks for it for a while; who looked in vain
 * looks less, and soon not at all. The daemon and libpluton share this file.
 */
#ifndef PLUTON_SPIN_H
#define PLUTON_SPIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SPIN_MAX_US 50u	   /* of one wait */
#define SPIN_SHORT_US 200u /* a sleep so short would not have been one, had we looked */
#define SPIN_HINTS 8u	   /* short sleeps in a row, until looking is tried again */

/* All zeroes: not now, but it may come to it. */
struct spin {
	uint32_t limit_us; /* for how long to look; 0: sleep at once */
	uint32_t hints;	   /* short sleeps in a row */
};

/* It came while we looked; it did not; we slept for so long until it came. */
void spin_found(struct spin *spin);
void spin_missed(struct spin *spin);
void spin_slept(struct spin *spin, uint64_t slept_us);

/*
 * true: we and that process may run on two CPUs at once, by what sched_getaffinity says of both.
 * On one CPU looking only keeps the other side from working.
 */
bool spin_has_two_cpus(pid_t other);

/* Between two looks. */
static inline void spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#endif
}

#endif
