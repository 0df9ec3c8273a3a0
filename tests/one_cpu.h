/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test program on one CPU for a while, as on a machine that has no more. Who it starts then has
 * only that one too.
 */
#ifndef PLUTON_TESTS_ONE_CPU_H
#define PLUTON_TESTS_ONE_CPU_H

/* The first that this thread may run on. Returns how many it could. Aborts. */
int one_cpu_begin(void);

/* All of them again. */
void one_cpu_end(void);

#endif
