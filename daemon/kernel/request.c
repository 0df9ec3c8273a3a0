/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a record to a running operation: everything about a request is checked here, against the
 * capsule's command table, before the capsule runs. The sentences go to whoever wrote the client.
 */
#include <string.h>

#include "daemon/kernel/request.h"
#include "daemon/kernel/window.h"

static const struct command *find_command(const struct capsule *capsule, uint32_t number)
{
	for (size_t i = 0; i < capsule->command_count; i++) {
		if (capsule->commands[i].number == number)
			return &capsule->commands[i];
	}
	return NULL;
}

int request_driver(struct process *process, uint32_t number, struct driver **ret_driver)
{
	struct kernel *kernel = process->kernel;
	struct driver *driver = kernel_driver(kernel, number);

	if (!driver)
		return kernel_refuse(kernel, -PLUTON_ENODEVICE, "there is no driver 0x%x", number);
	if (!process_allowed(process, driver))
		return kernel_refuse(kernel, -PLUTON_ENODEVICE,
				     "user %u may not use %s: see [access] in plutond.conf",
				     process->who.uid, driver->capsule->name);
	*ret_driver = driver;
	return 0;
}

int request_command(struct kernel *kernel, const struct driver *driver, uint32_t number,
		    const struct command **ret_command)
{
	const struct command *command = find_command(driver->capsule, number);

	if (!command)
		return kernel_refuse(kernel, -PLUTON_ENOSUPPORT, "%s has no command %u",
				     driver->capsule->name, number);
	*ret_command = command;
	return 0;
}

/* --- ranges ---------------------------------------------------------------------------------- */

/* Inline bytes that came are for reading, the rest of window 0 is for the answer. */
static bool inside_inline(const struct operation *op, const struct record_range *range,
			  bool writable)
{
	uint64_t first = writable ? op->inline_length : 0;
	uint64_t end = op->inline_length + (writable ? op->output_length : 0u);

	return op->op_id != 0 && range->offset >= first &&
	       (uint64_t)range->offset + range->length <= end;
}

static bool inside_window(const struct operation *op, const struct record_range *range,
			  bool writable)
{
	const struct window *window = window_find(op->process, range->window);

	return window && (uint64_t)range->offset + range->length <= window->size &&
	       !(writable && window->sealed);
}

int operation_set_range(struct operation *op, unsigned slot, const struct record_range *range,
			bool writable)
{
	bool inside = range->window == RECORD_WINDOW_INLINE ? inside_inline(op, range, writable)
							    : inside_window(op, range, writable);

	if (range->length && !inside)
		return kernel_refuse(op->process->kernel, -PLUTON_EINVAL,
				     "slot %u: %u bytes at %u are not inside window %u%s", slot,
				     range->length, range->offset, range->window,
				     writable ? " for writing" : "");
	op->ranges[slot] = range->length ? *range : (struct record_range){0};
	op->writable &= (uint8_t) ~(1u << slot);
	op->writable |= (uint8_t)(writable << slot);
	return 0;
}

static bool overlap(const struct record_range *a, const struct record_range *b)
{
	return a->length && b->length && a->window == b->window &&
	       (uint64_t)a->offset < (uint64_t)b->offset + b->length &&
	       (uint64_t)b->offset < (uint64_t)a->offset + a->length;
}

/* Memory that is written may be nothing else as well: engines read and write in any order. */
static int check_overlaps(const struct operation *op, const struct command *command)
{
	for (unsigned i = 0; i < CAPSULE_SLOTS_MAX; i++) {
		for (unsigned j = 0; j < CAPSULE_SLOTS_MAX; j++) {
			if (i != j && command->slots[i].access == SLOT_RW &&
			    command->slots[j].name && overlap(&op->ranges[i], &op->ranges[j]))
				return kernel_refuse(op->process->kernel, -PLUTON_EINVAL,
						     "slots %s and %s overlap",
						     command->slots[i].name,
						     command->slots[j].name);
		}
	}
	return 0;
}

/* --- the command table ----------------------------------------------------------------------- */

const char *enum_name_of(const struct enum_name *names, uint32_t value)
{
	for (; names->name; names++) {
		if (names->value == value)
			return names->name;
	}
	return NULL;
}

static int check_word(const struct operation *op, const struct command *command, unsigned i)
{
	static const struct command_word unused;
	const struct command_word *word = i < CAPSULE_WORDS_MAX ? &command->words[i] : &unused;

	if (!word->name && op->words[i] != 0)
		return kernel_refuse(op->process->kernel, -PLUTON_EINVAL,
				     "word %u of %s is %u, must be 0", i, command->name,
				     op->words[i]);
	if (word->names && !enum_name_of(word->names, op->words[i]))
		return kernel_refuse(op->process->kernel, -PLUTON_EINVAL, "%u is no %s of %s",
				     op->words[i], word->name, command->name);
	return 0;
}

static int check_slot(const struct operation *op, const struct command *command, unsigned i)
{
	const struct command_slot *slot = &command->slots[i];
	struct kernel *kernel = op->process->kernel;
	uint32_t length = op->ranges[i].length;

	if (!slot->name) {
		/* A standing operation may still hold what another command needs. */
		if (length && op->op_id != 0)
			return kernel_refuse(kernel, -PLUTON_EINVAL, "%s has no slot %u",
					     command->name, i);
		return 0;
	}
	if (!length && slot->optional)
		return 0;
	if (length < slot->min && !slot->max)
		return kernel_refuse(kernel, -PLUTON_ESIZE, "%s has %u bytes, needs at least %u",
				     slot->name, length, slot->min);
	if (length < slot->min || (slot->max && length > slot->max))
		return kernel_refuse(kernel, -PLUTON_ESIZE, "%s has %u bytes, needs %u to %u",
				     slot->name, length, slot->min, slot->max);
	if (slot->access == SLOT_RW && !(op->writable >> i & 1))
		return kernel_refuse(kernel, -PLUTON_EINVAL, "%s must be shared for writing",
				     slot->name);
	return 0;
}

int operation_check(const struct operation *op, const struct command *command)
{
	int r = 0;

	for (unsigned i = 0; i < RECORD_WORDS && r == 0; i++)
		r = check_word(op, command, i);
	for (unsigned i = 0; i < CAPSULE_SLOTS_MAX && r == 0; i++)
		r = check_slot(op, command, i);
	return r < 0 ? r : check_overlaps(op, command);
}

/* --- submission ------------------------------------------------------------------------------ */

static uint32_t count_of_records(const struct process *process)
{
	uint32_t count = 0;

	for (const struct operation *op = process->operations; op; op = op->next)
		count += op->op_id != 0;
	return count;
}

static int check_room(struct process *process, const struct record *record)
{
	const struct kernel_limits *limits = &process->kernel->limits;
	uint32_t inline_size = record->operation.inline_length + record->operation.output_length;

	if (record->header.op_id == 0)
		return kernel_refuse(process->kernel, -PLUTON_EINVAL,
				     "op_id 0 is the standing operation's");
	if (operation_find(process, record->header.op_id))
		return kernel_refuse(process->kernel, -PLUTON_EALREADY, "op_id %u is in use",
				     record->header.op_id);
	if (inline_size > limits->inline_max)
		return kernel_refuse(process->kernel, -PLUTON_ESIZE,
				     "%u inline bytes, inline_max is %u", inline_size,
				     limits->inline_max);
	if (count_of_records(process) >= limits->operations_per_process)
		return kernel_refuse(process->kernel, -PLUTON_EBUSY,
				     "%u operations are under way, operations_per_process",
				     limits->operations_per_process);
	return 0;
}

static int fill_in(struct operation *op, const struct record *record, const struct command *command)
{
	const struct record_operation *asked = &record->operation;
	int r = 0;

	op->op_id = record->header.op_id;
	op->inline_length = asked->inline_length;
	op->output_length = asked->output_length;
	memcpy(op->words, asked->words, sizeof(op->words));
	if (asked->inline_length)
		memcpy(operation_inline(op), asked->inline_bytes, asked->inline_length);
	for (unsigned i = 0; i < asked->range_count && r == 0; i++)
		r = operation_set_range(op, i, &asked->ranges[i],
					command->slots[i].access == SLOT_RW);
	return r;
}

static int submit_to(struct process *process, struct driver *driver, const struct record *record)
{
	const struct command *command;
	struct operation *op;
	int r = request_command(process->kernel, driver, record->operation.command, &command);

	if (r < 0)
		return r;
	r = check_room(process, record);
	if (r < 0)
		return r;
	op = operation_make(process, driver,
			    record->operation.inline_length + record->operation.output_length);
	if (!op)
		return kernel_refuse(process->kernel, -PLUTON_ENOMEM,
				     "no memory for the operation under arena_limit (%zu)",
				     process->arena.limit);
	r = fill_in(op, record, command);
	if (r == 0)
		r = operation_check(op, command);
	if (r == 0)
		r = operation_run(op, command);
	if (r < 0)
		operation_free(op);
	return r;
}

int request_submit(struct process *process, const struct record *record)
{
	struct driver *driver = NULL;
	int r;

	process->kernel->why[0] = '\0';
	r = request_driver(process, record->header.driver, &driver);
	if (r == 0)
		r = submit_to(process, driver, record);
	if (r < 0)
		request_refused(process, driver);
	return r;
}

struct operation *request_find(struct process *process, const struct record_header *header)
{
	const struct driver *driver = kernel_driver(process->kernel, header->driver);

	if (header->op_id != 0)
		return operation_find(process, header->op_id);
	return driver ? operation_find_standing(process, driver) : NULL;
}

void request_refused(struct process *process, struct driver *driver)
{
	process->kernel->counters.refusals++;
	process->refusals += process->refusals < UINT32_MAX;
	if (driver)
		driver->refusals++;
}
