/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants: a capsule's state for a process, in that process's arena, reached only through a function
 * that runs on it. After Tock's kernel/src/grant.rs; entering twice is an error here and not a
 * panic. In sanitizer builds a grant is poisoned while it is not entered.
 */
#include "daemon/kernel/grant.h"

#include "daemon/kernel/poison.h"

/* The pool hands out memory of 16-byte steps, so whole shadow granules belong to the grant. */
static void seal(struct block *block)
{
	memory_poison(block_payload(block), block->size);
}

static void unseal(struct block *block)
{
	memory_unpoison(block_payload(block), block->size);
}

static struct block *find(struct process *process, const struct driver *driver, uint32_t instance)
{
	arena_for_each (&process->arena, block) {
		if (block->kind == BLOCK_GRANT && block->driver == driver->index &&
		    block->instance == instance)
			return block;
	}
	return NULL;
}

static struct block *make(struct process *process, struct driver *driver, uint32_t instance,
			  size_t size)
{
	size_t whole = (size + 7) & ~(size_t)7; /* what poison can seal */
	void *grant = arena_take(&process->arena, BLOCK_GRANT, whole);
	struct block *block;

	if (!grant)
		return NULL;
	block = block_of(grant);
	block->driver = (uint16_t)driver->index;
	block->instance = (uint16_t)instance;
	driver->grants++;
	driver->grant_bytes += block->size;
	seal(block);
	step_reached(&process->kernel->step, STEP_GRANT_MADE, process->id);
	return block;
}

static void release(struct process *process, struct block *block)
{
	struct driver *driver = &process->kernel->drivers[block->driver];

	driver->grants--;
	driver->grant_bytes -= block->size;
	unseal(block);
	arena_give(&process->arena, block_payload(block));
}

static int enter(struct process *process, const struct driver *driver, struct block *block,
		 grant_fn fn, void *arg)
{
	int r;

	if (block->entered) {
		process->kernel->counters.grant_reentries++;
		kernel_report(process->kernel, &process->id,
			      "capsule %s entered a grant that it is in already: refused",
			      driver->capsule->name);
		return -PLUTON_EALREADY;
	}
	block->entered = 1;
	unseal(block);
	step_reached(&process->kernel->step, STEP_GRANT_ENTERED, process->id);
	r = fn(block_payload(block), arg);
	seal(block);
	block->entered = 0;
	return r;
}

int grant_enter(struct driver *driver, struct process_id id, uint32_t instance, bool create,
		grant_fn fn, void *arg)
{
	struct process *process = process_find(driver->kernel, id);
	struct block *block;

	if (!process)
		return -PLUTON_ECANCEL;
	block = find(process, driver, instance);
	if (!block && (!create || instance >= driver->kernel->limits.grants_per_capsule))
		return -PLUTON_ERESERVE;
	if (!block)
		block = make(process, driver, instance, driver->capsule->grant_size);
	return block ? enter(process, driver, block, fn, arg) : -PLUTON_ENOMEM;
}

int grant_new(struct driver *driver, struct process_id id, size_t size, uint32_t *ret_instance,
	      grant_fn fn, void *arg)
{
	struct process *process = process_find(driver->kernel, id);
	struct block *block;
	uint32_t instance = 0;

	if (!process)
		return -PLUTON_ECANCEL;
	if (size > driver->capsule->grant_size)
		return -PLUTON_ESIZE;
	while (find(process, driver, instance))
		instance++;
	if (instance >= driver->kernel->limits.grants_per_capsule)
		return -PLUTON_EBUSY;
	block = make(process, driver, instance, size);
	if (!block)
		return -PLUTON_ENOMEM;
	*ret_instance = instance;
	return enter(process, driver, block, fn, arg);
}

int grant_free(struct driver *driver, struct process_id id, uint32_t instance)
{
	struct process *process = process_find(driver->kernel, id);
	struct block *block = process ? find(process, driver, instance) : NULL;

	if (!block)
		return 0;
	if (block->entered)
		return -PLUTON_EALREADY;
	release(process, block);
	step_reached(&driver->kernel->step, STEP_GRANT_FREED, id);
	return 0;
}

static int enter_all_of(struct process *process, const struct driver *driver, grant_fn fn,
			void *arg)
{
	int r = 0;

	/* `next` is read after fn: an entered grant cannot be freed, its neighbour can. */
	for (struct block *block = process->arena.blocks; block && r == 0; block = block->next) {
		if (block->kind == BLOCK_GRANT && block->driver == driver->index)
			r = enter(process, driver, block, fn, arg);
	}
	return r;
}

int grant_each(struct driver *driver, grant_fn fn, void *arg)
{
	int r = 0;

	kernel_for_each_process (driver->kernel, process) {
		if (!process->dying && r == 0)
			r = enter_all_of(process, driver, fn, arg);
	}
	return r;
}

static struct block *any(struct process *process)
{
	arena_for_each (&process->arena, block) {
		if (block->kind == BLOCK_GRANT)
			return block;
	}
	return NULL;
}

void grant_free_all(struct process *process)
{
	for (struct block *block = any(process); block; block = any(process))
		release(process, block);
}
