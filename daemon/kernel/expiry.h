/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time limits: of operations (op_expire) and of processes (their frontend's `expire`). About once
 * a second, while there is any, every process is looked at, a few in each deferred call.
 *
 * The rule a newcomer would break first: whoever has a time limit is counted in `timed`. The loop
 * has no timer otherwise, and an idle daemon sleeps.
 */
#ifndef PLUTON_EXPIRY_H
#define PLUTON_EXPIRY_H

#include <stdint.h>

#include "daemon/kernel/deferred.h"

struct kernel;

struct expiry {
	uint32_t timed; /* operations and processes that have a limit now */
	struct deferred_call look;
	uint64_t now_ms; /* of the look under way */
	uint32_t next;	 /* and the process that it goes on with */
};

void expiry_init(struct kernel *kernel);

/* Begins a look, with limits up to now_ms (CLOCK_MONOTONIC) over; deferred calls do the rest. */
void expiry_look(struct kernel *kernel, uint64_t now_ms);

#endif
