/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No list of limits: that would tie arenas together. The process table is walked by index, so
 * whoever ends between two calls is simply not there any more.
 */
#include "daemon/kernel/expiry.h"

#include "daemon/kernel/loop.h"
#include "daemon/kernel/operation.h"

#define LOOKS_PER_CALL 64u /* processes that have nothing to end: some microseconds */
#define ENDS_PER_CALL 4u   /* and that have */

/* --- operations ------------------------------------------------------------------------------ */

void op_expire(struct operation *op, uint32_t after_ms)
{
	struct expiry *expiry = &op->process->kernel->expiry;

	if (op->expires_ms)
		expiry->timed--;
	op->expires_ms = 0;
	if (after_ms == 0 || op->state != OPERATION_RUNNING)
		return;
	op->expires_ms = loop_now_us() / 1000u + after_ms;
	expiry->timed++;
}

bool op_expired(const struct operation *op)
{
	return op->expired;
}

static struct operation *find_over(const struct process *process, uint64_t now_ms)
{
	for (struct operation *op = process->operations; op; op = op->next) {
		if (op->expires_ms && op->expires_ms <= now_ms)
			return op;
	}
	return NULL;
}

/* One that was cancelled before ends as that. */
static void end(struct operation *op)
{
	op_expire(op, 0);
	op->expired = !op->cancelled;
	operation_cancel(op);
}

/* --- the look -------------------------------------------------------------------------------- */

/* true: something was over. The process may be gone. */
static bool look_at(struct process *process, uint64_t now_ms)
{
	struct operation *op;
	bool any = false;

	if (process->dying)
		return false;
	if (process->frontend->expire && process->frontend->expire(process, now_ms))
		return true;
	while ((op = find_over(process, now_ms))) {
		end(op);
		any = true;
	}
	return any;
}

static void on_look(struct deferred_call *call)
{
	struct kernel *kernel =
		(struct kernel *)(void *)((char *)call - offsetof(struct kernel, expiry.look));
	struct expiry *expiry = &kernel->expiry;
	struct process *process = NULL;
	unsigned ends = 0;

	for (unsigned i = 0; i < LOOKS_PER_CALL && ends < ENDS_PER_CALL && expiry->timed; i++) {
		process = expiry->next < kernel->limits.processes_max
				  ? kernel_next_process(kernel, expiry->next)
				  : NULL;
		if (!process)
			return;
		expiry->next = process_index(process) + 1;
		ends += look_at(process, expiry->now_ms);
	}
	if (expiry->timed)
		deferred_call_set(call);
}

void expiry_init(struct kernel *kernel)
{
	deferred_call_init(&kernel->expiry.look, &kernel->deferred, on_look);
}

void expiry_look(struct kernel *kernel, uint64_t now_ms)
{
	struct expiry *expiry = &kernel->expiry;

	if (!expiry->timed || expiry->look.queued)
		return;
	expiry->now_ms = now_ms;
	expiry->next = 1;
	deferred_call_set(&expiry->look);
}
