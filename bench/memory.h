/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much memory a process has, as the system counts it.
 */
#ifndef PLUTON_BENCH_MEMORY_H
#define PLUTON_BENCH_MEMORY_H

#include <sys/types.h>

struct memory {
	const char *kind; /* "PSS", or "RSS" where only that may be seen */
	long kib;
};

/*
 * plutond lets nobody but root look at its mappings: then the proportional set size, shared pages
 * divided by who shares them. To others the resident set size, shared libraries included.
 */
struct memory memory_of(pid_t pid);

#endif
