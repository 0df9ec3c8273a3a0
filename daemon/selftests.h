/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self tests of all engines as the machine sees them: begun when it serves, begun again for who
 * asks, told of in the log and to the observer where they fail. hil/selftest.h has what they are.
 */
#ifndef PLUTON_SELFTESTS_H
#define PLUTON_SELFTESTS_H

#include <pluton/manager.h>
#include <stdbool.h>
#include <stdint.h>

#include "hil/selftest.h"

struct machine;
struct operation;

#define SELFTESTS_TROUBLE_SIZE 128u

struct selftests {
	struct machine *machine;
	struct selftest_options options; /* for engines_open */
	struct hil_owner owner;		 /* the daemon itself, with turns of its own */
	unsigned waiting;		 /* operations of selftests_run */
	bool troubled;			 /* the observer was told of failures */
	bool untold;			 /* there is something new to tell him */
};

/* The kernel is open, the engines are not. -PLUTON_ENOMEM. */
int selftests_init(struct machine *machine);

/* All that can be tested now, in the background. */
void selftests_begin(struct machine *machine);

/* Ends what is under way, turning the loop until it has; nothing else is. */
void selftests_end(struct machine *machine);

/*
 * A command of the manager: tests the engines whose name is in `slot`, or all where that is empty,
 * and answers how many algorithms passed and failed. -PLUTON_EINVAL: there is no such engine.
 */
int selftests_run(struct machine *machine, struct operation *op, unsigned slot);
void selftests_cancel(struct machine *machine, struct operation *op);

/* Fills in the row at `index` or after it, and returns the index to go on with; 0: there is none.
 */
uint32_t selftests_row(const struct machine *machine, uint32_t index,
		       struct pluton_selftest_row *ret);

#endif
