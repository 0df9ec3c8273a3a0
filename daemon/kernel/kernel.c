/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing a kernel, registering capsules, and the sentences it says.
 */
#include "daemon/kernel/kernel.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/kernel/operation.h"

static int open_tables(struct kernel *kernel)
{
	size_t processes = kernel->limits.processes_max;

	kernel->slots = calloc(processes, sizeof(*kernel->slots));
	kernel->live = calloc((processes + 63) / 64, sizeof(*kernel->live));
	if (!kernel->slots || !kernel->live)
		return -PLUTON_ENOMEM;
	if (users_open(&kernel->users, kernel->limits.processes_max) < 0)
		return -PLUTON_ENOMEM;
	return users_open(&kernel->parties, kernel->limits.processes_max);
}

static void close_tables(struct kernel *kernel)
{
	users_close(&kernel->parties);
	users_close(&kernel->users);
	free(kernel->live);
	free(kernel->slots);
}

int kernel_open(struct kernel *kernel, const struct kernel_limits *limits)
{
	*kernel = (struct kernel){.limits = *limits, .slot_hint = 1};
	deferred_queue_init(&kernel->deferred);
	expiry_init(kernel);
	if (open_tables(kernel) < 0) {
		close_tables(kernel);
		return -PLUTON_ENOMEM;
	}
	kernel->own.party = users_places(&kernel->parties);
	if (pool_open(&kernel->pool, limits->pool) < 0) {
		close_tables(kernel);
		return -PLUTON_ENOMEM;
	}
	if (interrupt_queue_init(&kernel->interrupts) < 0) {
		pool_close(&kernel->pool);
		close_tables(kernel);
		return -PLUTON_ENOMEM;
	}
	return 0;
}

void kernel_close(struct kernel *kernel)
{
	interrupt_queue_close(&kernel->interrupts);
	pool_close(&kernel->pool);
	close_tables(kernel);
	*kernel = (struct kernel){0};
}

/* One that repeats ends when it is cancelled, and each answer that gives needs something new. */
static bool sound_answers(const struct capsule *capsule, const struct command *command)
{
	if (command->repeats)
		return capsule->cancel && !command->gives;
	return !command->gives || *command->gives;
}

static bool sound_command(const struct capsule *capsule, const struct command *command)
{
	if (command->number == 0 || !command->name || !command->run ||
	    !sound_answers(capsule, command))
		return false;
	for (unsigned i = 0; i < CAPSULE_SLOTS_MAX; i++) {
		const struct command_slot *slot = &command->slots[i];

		if (slot->name && slot->access != SLOT_RO && slot->access != SLOT_RW)
			return false;
		if (slot->max && slot->max < slot->min)
			return false;
	}
	return true;
}

static bool sound(const struct capsule *capsule)
{
	size_t operation = sizeof(struct operation) + capsule->state_size + RECORD_INLINE_LIMIT;

	if (!capsule->name || !capsule->interface || capsule->ports > 4 ||
	    operation + 64 > POOL_BLOCK_MAX || capsule->grant_size + 64 > POOL_BLOCK_MAX ||
	    capsule->parameters[CAPSULE_PARAMETERS_MAX])
		return false;
	for (size_t i = 0; i < capsule->command_count; i++) {
		if (!sound_command(capsule, &capsule->commands[i]))
			return false;
	}
	return true;
}

static bool is_taken(struct kernel *kernel, const struct capsule *capsule)
{
	for (unsigned i = 0; i < kernel->driver_count; i++) {
		const struct capsule *other = kernel->drivers[i].capsule;

		if (other->driver == capsule->driver || strcmp(other->name, capsule->name) == 0)
			return true;
	}
	return false;
}

int kernel_register(struct kernel *kernel, const struct capsule *capsule,
		    const struct hil_port *ports, struct driver **ret_driver)
{
	struct driver *driver = &kernel->drivers[kernel->driver_count];

	if (!sound(capsule))
		return -PLUTON_EINVAL;
	if (is_taken(kernel, capsule))
		return -PLUTON_EALREADY;
	if (kernel->driver_count == KERNEL_DRIVERS_MAX)
		return -PLUTON_ENOMEM;
	*driver = (struct driver){
		.kernel = kernel, .capsule = capsule, .index = kernel->driver_count};
	for (unsigned i = 0; i < capsule->ports; i++)
		driver->ports[i] = ports[i];
	kernel->driver_count++;
	*ret_driver = driver;
	return 0;
}

unsigned kernel_count_parameters(const struct capsule *capsule)
{
	unsigned count = 0;

	while (count < CAPSULE_PARAMETERS_MAX && capsule->parameters[count])
		count++;
	return count;
}

void kernel_set_parameters(struct driver *driver, const uint64_t *values)
{
	memcpy(driver->parameters, values,
	       kernel_count_parameters(driver->capsule) * sizeof(*values));
}

struct driver *kernel_driver(struct kernel *kernel, uint32_t number)
{
	for (unsigned i = 0; i < kernel->driver_count; i++) {
		if (kernel->drivers[i].capsule->driver == number)
			return &kernel->drivers[i];
	}
	return NULL;
}

struct process *kernel_next_process(const struct kernel *kernel, uint32_t index)
{
	uint32_t words = (kernel->limits.processes_max + 63) / 64;
	uint64_t mask = UINT64_MAX << (index % 64);

	for (uint32_t word = index / 64; word < words; word++) {
		uint64_t bits = kernel->live[word] & mask;

		if (bits)
			return kernel->slots[word * 64 + (uint32_t)__builtin_ctzll(bits)].process;
		mask = UINT64_MAX;
	}
	return NULL;
}

bool kernel_others_wait(void *context)
{
	const struct kernel *kernel = context;

	return kernel->running > 1;
}

struct hil_owner *kernel_find_owner(void *context, uint32_t index)
{
	struct kernel *kernel = context;
	struct process *process =
		index < kernel->limits.processes_max ? kernel->slots[index].process : NULL;

	if (index == 0)
		return &kernel->own;
	return process ? &process->owner : NULL;
}

/* Behind those of the table. */
uint32_t kernel_parties(const struct kernel *kernel)
{
	return kernel->own.party + 1;
}

int kernel_refuse(struct kernel *kernel, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(kernel->why, sizeof(kernel->why), format, args);
	va_end(args);
	return error;
}

int op_refuse(struct operation *op, int error, const char *format, ...)
{
	struct kernel *kernel = op->process->kernel;
	va_list args;

	va_start(args, format);
	vsnprintf(kernel->why, sizeof(kernel->why), format, args);
	va_end(args);
	return error;
}

void kernel_report(struct kernel *kernel, const struct process_id *process, const char *format, ...)
{
	char message[256];
	va_list args;

	if (!kernel->report)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	kernel->report(kernel->report_context, process, message);
}
