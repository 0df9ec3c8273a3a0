/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The named steps an operation goes through in the kernel, and a hook that sees each one.
 *
 * The hook is what the tracer listens to, and how the tests kill a process at every step. Without
 * one a step costs one predictable branch. A hook may look at the process but must not free it.
 */
#ifndef PLUTON_STEPS_H
#define PLUTON_STEPS_H

#include "daemon/kernel/capsule.h"

enum kernel_step {
	STEP_PROCESS_MADE,
	STEP_RECORD_RECEIVED,
	STEP_WINDOW_ADDED,
	STEP_OPERATION_MADE,
	STEP_OPERATION_ACCEPTED,
	STEP_ENGINE_REQUESTED,
	STEP_ENGINE_GRANTED,
	STEP_GRANT_MADE,
	STEP_GRANT_ENTERED,
	STEP_MEMORY_READ,
	STEP_MEMORY_WRITTEN,
	STEP_MEMORY_LENT,
	STEP_CHARGE_TAKEN,
	STEP_ENGINE_RELEASED,
	STEP_OPERATION_DONE,
	STEP_UPCALL_POSTED,
	STEP_UPCALL_SENT,
	STEP_GRANT_FREED,
	KERNEL_STEPS,
};

/* "operation-made"; NULL for a number that is none. */
const char *kernel_step_name(enum kernel_step step);

struct step_hook {
	void (*run)(void *context, enum kernel_step step, struct process_id process);
	void *context;
};

static inline void step_reached(const struct step_hook *hook, enum kernel_step step,
				struct process_id process)
{
	if (__builtin_expect(hook->run != NULL, 0))
		hook->run(hook->context, step, process);
}

#endif
