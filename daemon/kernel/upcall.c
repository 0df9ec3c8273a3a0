/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of upcalls of a process: a list through its operations, oldest first.
 */
#include "daemon/kernel/upcall.h"

void upcall_post(struct operation *op)
{
	struct process *process = op->process;
	struct operation **link = &process->upcalls;

	if (!op->upcall_pending) {
		while (*link)
			link = &(*link)->next_upcall;
		op->next_upcall = NULL;
		op->upcall_pending = true;
		*link = op;
	}
	STEP_REACHED(&process->kernel->step, STEP_UPCALL_POSTED, .process = process->id, .op = op);
	process->frontend->upcalls_ready(process);
}

bool upcall_peek(const struct process *process, struct record *ret_record)
{
	struct operation *op = process->upcalls;

	if (!op)
		return false;
	*ret_record = (struct record){
		.header = {.type = RECORD_UPCALL,
			   .flags = op->more ? RECORD_MORE : 0,
			   .op_id = op->op_id,
			   .driver = op->driver->capsule->driver},
		.upcall = {.words = {op->upcall_words[0], op->upcall_words[1], op->upcall_words[2]},
			   .missed = op->missed,
			   .subscription = op->subscription},
	};
	if (op->upcall_words[0] == 0) {
		ret_record->upcall.output_length = op->output_length;
		ret_record->upcall.output = operation_inline(op) + op->inline_length;
	} else {
		ret_record->upcall.output_length = op->why_length;
		ret_record->upcall.output = (const uint8_t *)operation_why(op);
	}
	return true;
}

int upcall_descriptor(const struct process *process)
{
	return process->upcalls ? process->upcalls->descriptor : -1;
}

int upcall_take_descriptor(struct process *process)
{
	int fd = process->upcalls->descriptor;

	process->upcalls->descriptor = -1;
	return fd;
}

void upcall_withhold(struct process *process)
{
	struct operation *op = process->upcalls;

	operation_drop_descriptor(op);
	op->why_length = 0;
	op->upcall_words[0] = PLUTON_EBUSY;
	op->upcall_words[1] = 0;
	op->upcall_words[2] = 0;
}

void upcall_sent(struct process *process)
{
	struct operation *op = process->upcalls;

	process->upcalls = op->next_upcall;
	op->upcall_pending = false;
	op->missed = 0;
	process->kernel->counters.upcalls++;
	STEP_REACHED(&process->kernel->step, STEP_UPCALL_SENT, .process = process->id, .op = op);
	if (op->state != OPERATION_ANSWERED)
		return;
	if (op->op_id == 0)
		operation_reset(op);
	else
		operation_free(op);
}

void upcall_withdraw(struct operation *op)
{
	struct operation **link = &op->process->upcalls;

	if (!op->upcall_pending)
		return;
	while (*link != op)
		link = &(*link)->next_upcall;
	*link = op->next_upcall;
	op->upcall_pending = false;
	op->missed = 0;
	if (op->state == OPERATION_ANSWERED)
		operation_reset(op);
}
