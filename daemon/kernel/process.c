/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process table, and how a process ends. Its struct is the first block of its own arena.
 */
#include "daemon/kernel/process.h"

#include "daemon/kernel/charge.h"
#include "daemon/kernel/grant.h"
#include "daemon/kernel/operation.h"
#include "daemon/kernel/upcall.h"
#include "daemon/kernel/window.h"

static uint32_t free_slot(struct kernel *kernel)
{
	for (uint32_t tried = 1; tried < kernel->limits.processes_max; tried++) {
		uint32_t index = kernel->slot_hint;

		kernel->slot_hint = index + 1 < kernel->limits.processes_max ? index + 1 : 1;
		if (!kernel->slots[index].process)
			return index;
	}
	return 0;
}

static int check_room(struct kernel *kernel, uint32_t uid)
{
	const struct user *user = users_find(&kernel->users, uid, "");

	if (kernel->processes + 1 >= kernel->limits.processes_max)
		return kernel_refuse(kernel, -PLUTON_ENOMEM,
				     "%u processes are connected, processes_max",
				     kernel->processes);
	if (user && user->processes >= kernel->limits.processes_per_user)
		return kernel_refuse(kernel, -PLUTON_ENOMEM,
				     "user %u has %u processes connected, processes_per_user", uid,
				     user->processes);
	return 0;
}

/* The arena begins on the stack and moves into its own first block. */
static struct process *make_in_arena(struct kernel *kernel, const struct frontend *frontend)
{
	struct arena arena;
	struct process *process;

	if (arena_open(&arena, &kernel->pool, kernel->limits.arena_min,
		       kernel->limits.arena_limit) < 0)
		return NULL;
	process = arena_take(&arena, BLOCK_PROCESS, sizeof(*process));
	if (!process || arena_charge(&arena, frontend->cost) < 0) {
		arena_close(&arena);
		return NULL;
	}
	process->arena = arena;
	process->frontend_state = arena_take(&process->arena, BLOCK_FRONTEND, frontend->state_size);
	if (!process->frontend_state) {
		arena_close(&process->arena);
		return NULL;
	}
	return process;
}

int process_make(struct kernel *kernel, const struct frontend *frontend,
		 const struct credentials *who, struct process **ret_process)
{
	int r = check_room(kernel, who->uid);
	struct process *process = r < 0 ? NULL : make_in_arena(kernel, frontend);
	uint32_t index;

	if (!process) {
		kernel->counters.processes_refused++;
		return r < 0 ? r
			     : kernel_refuse(
				       kernel, -PLUTON_ENOMEM,
				       "the pool cannot promise arena_min (%zu bytes) to one more",
				       kernel->limits.arena_min);
	}
	index = free_slot(kernel);
	kernel->slots[index].process = process;
	kernel->slots[index].generation++;
	kernel->live[index / 64] |= UINT64_C(1) << index % 64;
	kernel->processes++;
	process->kernel = kernel;
	process->id = (struct process_id){index, kernel->slots[index].generation};
	process->owner.index = index;
	process->who = *who;
	process->user = users_enter(&kernel->users, who->uid, "");
	process->owner.party =
		users_place(&kernel->parties, users_enter(&kernel->parties, who->uid, who->app));
	process->frontend = frontend;
	*ret_process = process;
	step_reached(&kernel->step, STEP_PROCESS_MADE, process->id);
	return 0;
}

uint32_t process_index(const struct process *process)
{
	return process->id.index;
}

struct process *process_find(struct kernel *kernel, struct process_id id)
{
	struct process *process =
		id.index < kernel->limits.processes_max ? kernel->slots[id.index].process : NULL;

	if (!process || process->dying || process->id.generation != id.generation)
		return NULL;
	return process;
}

bool process_allowed(const struct process *process, const struct driver *driver)
{
	return process->who.allowed >> driver->index & 1;
}

void process_kill(struct process *process)
{
	if (process->dying)
		return;
	process->dying = true;
	process->ending = true;
	process->frontend->closing(process);
	process->upcalls = NULL;
	operation_cancel_all(process);
	grant_free_all(process);
	process->ending = false;
	process_reap(process);
}

void process_reap(struct process *process)
{
	struct kernel *kernel = process->kernel;

	if (!process->dying || process->ending || process->operations)
		return;
	step_reached(&kernel->step, STEP_PROCESS_GONE, process->id);
	charge_drop_all(process);
	window_remove_all(process);
	users_leave(process->user);
	users_leave(&kernel->parties.entries[process->owner.party]);
	kernel->slots[process->id.index].process = NULL;
	kernel->live[process->id.index / 64] &= ~(UINT64_C(1) << process->id.index % 64);
	kernel->processes--;
	arena_close(&process->arena);
}

void process_measure(const struct process *process, struct process_account *ret)
{
	struct process_account account = {.taken = process->frontend->cost};

	arena_for_each (&process->arena, block) {
		account.taken += block_cost(block);
		account.operations += block->kind == BLOCK_OPERATION;
		account.grants += block->kind == BLOCK_GRANT;
		if (block->kind == BLOCK_CHARGE)
			account.taken += charge_cost(block);
	}
	window_measure(process, &account.windows, &account.window_bytes);
	if (process->frontend->ring_bytes)
		account.ring_bytes = process->frontend->ring_bytes(process);
	*ret = account;
}
