/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything a process can do with the daemon, in short scenes. They are played by a forked child,
 * so they use system calls only; kill_test.c kills the child at every step of each.
 */
#ifndef PLUTON_TESTS_SCENARIOS_H
#define PLUTON_TESTS_SCENARIOS_H

#include "tests/integration/wire.h"

struct scenario {
	const char *name;
	int (*play)(struct wire *wire); /* on a greeted wire; 0: every answer was right */
};

#define SCENARIOS_MAX 32u

extern const struct scenario scenarios[];
extern const unsigned scenario_count;

#endif
