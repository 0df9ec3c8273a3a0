/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The named steps an operation goes through in the kernel, and a hook that sees each one. Their
 * numbers are part of the channel protocol (the manager's TraceRead): never renumber.
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
	STEP_PULL,
	STEP_PUSH,
	STEP_LEND,
	STEP_CHARGE_TAKEN,
	STEP_ENGINE_RELEASED,
	STEP_OPERATION_DONE,
	STEP_UPCALL_POSTED,
	STEP_UPCALL_SENT,
	STEP_GRANT_FREED,
	STEP_OPERATION_REFUSED, /* by its capsule, after it was accepted */
	STEP_PROCESS_GONE,
	STEP_HANDLER_RAN, /* of the loop's, for nobody in particular */
	KERNEL_STEPS,
};

/* "operation-made"; NULL for a number that is none. */
const char *kernel_step_name(enum kernel_step step);

/* Whom and what a step is about. Never what is in a client's memory. */
struct step {
	struct process_id process;  /* zeros: nobody */
	const struct operation *op; /* NULL: none */
	const char *handler;	    /* STEP_HANDLER_RAN: its name in the loop's table */
	uint64_t offset;	    /* STEP_PULL, _PUSH, _LEND: bytes into the slot */
	uint64_t length; /* STEP_PULL, _PUSH, _LEND: bytes; STEP_HANDLER_RAN: microseconds */
	uint32_t slot;
	uint32_t error; /* STEP_OPERATION_REFUSED and _DONE: a PLUTON_E…, 0: none */
};

struct step_hook {
	void (*run)(void *context, enum kernel_step reached, const struct step *step);
	void *context;
};

#define STEP_REACHED(hook, reached, ...)                                                           \
	do {                                                                                       \
		const struct step_hook *hook_ = (hook);                                            \
		if (__builtin_expect(hook_->run != NULL, 0))                                       \
			hook_->run(hook_->context, (reached), &(const struct step){__VA_ARGS__});  \
	} while (0)

static inline void step_reached(const struct step_hook *hook, enum kernel_step reached,
				struct process_id process)
{
	STEP_REACHED(hook, reached, .process = process);
}

#endif
