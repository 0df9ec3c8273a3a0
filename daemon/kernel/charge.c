/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A charge is a block that remembers the object, its declared cost and how to release it.
 */
#include "daemon/kernel/charge.h"

struct charged {
	const struct hil_charge *charge;
	void *object;
	uint32_t handle;
};

static struct process *process_of(struct hil_owner *owner)
{
	return (struct process *)(void *)((char *)owner - offsetof(struct process, owner));
}

static struct charged *charged_of(struct block *block)
{
	return block->kind == BLOCK_CHARGE ? block_payload(block) : NULL;
}

static struct charged *find(struct process *process, const struct hil_charge *charge,
			    uint32_t handle)
{
	arena_for_each (&process->arena, block) {
		struct charged *charged = charged_of(block);

		if (charged && charged->charge == charge && charged->handle == handle)
			return charged;
	}
	return NULL;
}

/* Never one that was used before (in 2^32): a stale handle must find nothing. */
static uint32_t new_handle(struct process *process)
{
	struct kernel *kernel = process->kernel;

	if (++kernel->charge_handle == 0)
		kernel->charge_handle = 1;
	return kernel->charge_handle;
}

static void drop(struct process *process, struct charged *charged)
{
	charged->charge->release(charged->object);
	arena_uncharge(&process->arena, charged->charge->cost);
	arena_give(&process->arena, charged);
}

int hil_charge_take(struct hil_owner *owner, const struct hil_charge *charge, void *object,
		    uint32_t *ret_handle)
{
	struct process *process = process_of(owner);
	uint32_t handle = new_handle(process);
	struct charged *charged;

	/* The dead make nothing new: their charges have been or will be dropped for good. */
	if (process->dying || arena_charge(&process->arena, charge->cost) < 0)
		return -PLUTON_ENOMEM;
	charged = arena_take(&process->arena, BLOCK_CHARGE, sizeof(*charged));
	if (!charged) {
		arena_uncharge(&process->arena, charge->cost);
		return -PLUTON_ENOMEM;
	}
	*charged = (struct charged){charge, object, handle};
	*ret_handle = handle;
	step_reached(&process->kernel->step, STEP_CHARGE_TAKEN, process->id);
	return 0;
}

void *hil_charge_find(struct hil_owner *owner, const struct hil_charge *charge, uint32_t handle)
{
	struct charged *charged = find(process_of(owner), charge, handle);

	return charged ? charged->object : NULL;
}

void hil_charge_drop(struct hil_owner *owner, const struct hil_charge *charge, uint32_t handle)
{
	struct process *process = process_of(owner);
	struct charged *charged = find(process, charge, handle);

	if (charged)
		drop(process, charged);
}

size_t charge_cost(const struct block *block)
{
	const struct charged *charged = (const void *)(block + 1);

	return charged->charge->cost;
}

static struct charged *any(struct process *process)
{
	arena_for_each (&process->arena, block) {
		if (block->kind == BLOCK_CHARGE)
			return charged_of(block);
	}
	return NULL;
}

void charge_drop_all(struct process *process)
{
	for (struct charged *charged = any(process); charged; charged = any(process))
		drop(process, charged);
}
