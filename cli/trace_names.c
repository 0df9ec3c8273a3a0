/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of the daemon, kept. Processes are remembered when they have gone: steps of theirs may come
 * later than the list without them.
 */
#include "cli/trace_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/text.h"
#include "daemon/kernel/steps.h"

/* The latest first: an index is used again. */
static struct pluton_process_row *find_process(const struct trace_names *names, uint32_t index,
					       uint32_t generation)
{
	for (size_t i = names->process_count; i > 0; i--) {
		struct pluton_process_row *process = &names->processes[i - 1];

		if (process->index == index && process->generation == generation)
			return process;
	}
	return NULL;
}

static const struct pluton_capsule_row *find_capsule(const struct trace_names *names,
						     uint32_t driver)
{
	for (size_t i = 0; i < names->capsule_count; i++) {
		if (names->capsules[i].driver == driver)
			return &names->capsules[i];
	}
	return NULL;
}

static const struct pluton_command_row *find_command(const struct trace_names *names,
						     uint32_t driver, uint32_t number)
{
	for (size_t i = 0; i < names->command_count; i++) {
		const struct pluton_command_row *command = &names->commands[i];

		if (command->driver == driver && command->number == number)
			return command;
	}
	return NULL;
}

/* --- asking ---------------------------------------------------------------------------------- */

static int remember(struct trace_names *names, const struct pluton_process_row *process)
{
	struct pluton_process_row *larger;

	if (find_process(names, process->index, process->generation))
		return 0;
	larger = reallocarray(names->processes, names->process_count + 1, sizeof(*larger));
	if (!larger)
		return -PLUTON_ENOMEM;
	names->processes = larger;
	larger[names->process_count] = *process;
	text_printable(larger[names->process_count++].command);
	return 0;
}

static int refresh_processes(struct trace_names *names, struct pluton *pluton)
{
	struct pluton_process_row *rows = NULL;
	size_t count = 0;
	int r = pluton_list_processes(pluton, &rows, &count);

	for (size_t i = 0; i < count && r == 0; i++)
		r = remember(names, &rows[i]);
	free(rows);
	return r;
}

static void forget_lists(struct trace_names *names)
{
	free(names->capsules);
	free(names->commands);
	free(names->engines);
	free(names->handlers);
	names->capsules = NULL;
	names->commands = NULL;
	names->engines = NULL;
	names->handlers = NULL;
	names->capsule_count = names->command_count = 0;
	names->engine_count = names->handler_count = 0;
}

int trace_names_refresh(struct trace_names *names, struct session *session)
{
	struct pluton *pluton = session->pluton;
	int r;

	forget_lists(names);
	r = pluton_list_capsules(pluton, &names->capsules, &names->capsule_count);
	if (r == 0)
		r = pluton_list_commands(pluton, &names->commands, &names->command_count);
	if (r == 0)
		r = pluton_list_engines(pluton, &names->engines, &names->engine_count);
	if (r == 0)
		r = pluton_list_handlers(pluton, &names->handlers, &names->handler_count);
	if (r == 0)
		r = refresh_processes(names, pluton);
	return r < 0 ? session_failed(session, r, "cannot list what is traced", NULL) : CLI_DONE;
}

void trace_names_free(struct trace_names *names)
{
	forget_lists(names);
	free(names->processes);
}

/* --- looking up ------------------------------------------------------------------------------ */

bool trace_names_has(const struct trace_names *names, const char *capsule)
{
	for (size_t i = 0; i < names->capsule_count; i++) {
		if (strcmp(names->capsules[i].name, capsule) == 0)
			return true;
	}
	return false;
}

bool trace_names_knows(const struct trace_names *names, const struct pluton_trace_row *row)
{
	if (row->handler > names->handler_count)
		return false;
	return !row->process_index ||
	       find_process(names, row->process_index, row->process_generation);
}

void trace_names_settle(struct trace_names *names, const struct pluton_trace_row *row)
{
	const struct pluton_process_row unknown = {
		.command = "?", .index = row->process_index, .generation = row->process_generation};

	if (row->process_index)
		(void)remember(names, &unknown); /* without memory it is asked for once more */
}

void trace_names_step(const struct trace_names *names, const struct pluton_trace_row *row,
		      struct trace_step *ret)
{
	const char *name = pluton_trace_step_name(row->step);

	*ret = (struct trace_step){
		.row = row,
		.name = name ? name : "?",
		.is_memory = row->step == STEP_MEMORY_READ || row->step == STEP_MEMORY_WRITTEN ||
			     row->step == STEP_MEMORY_LENT,
		.process = find_process(names, row->process_index, row->process_generation),
	};
	if (row->driver) {
		ret->capsule = find_capsule(names, row->driver);
		ret->command = find_command(names, row->driver, row->command);
	}
	if (row->engine && row->engine <= names->engine_count)
		ret->engine = &names->engines[row->engine - 1];
	if (row->handler && row->handler <= names->handler_count)
		ret->handler = &names->handlers[row->handler - 1];
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void add_operation(struct json_object *object, const struct trace_step *step)
{
	json_add_text(object, "capsule", step->capsule->name);
	if (step->command)
		json_add_text(object, "command", step->command->name);
	json_add_number(object, "op_id", step->row->op_id);
}

static void add_process(struct json_object *object, const struct trace_step *step)
{
	json_add_number(object, "process_index", step->row->process_index);
	json_add_number(object, "process_generation", step->row->process_generation);
	if (step->process) {
		json_add_text(object, "program", step->process->command);
		json_add_number(object, "pid", step->process->pid);
	}
}

struct json_object *trace_step_error(const struct trace_step *step)
{
	char text[32];

	snprintf(text, sizeof(text), "E%s", pluton_error_name(-(int)step->row->status));
	return json_text(text);
}

struct json_object *trace_step_json(const struct trace_step *step)
{
	struct json_object *object = json_object_new_object();

	if (!object)
		return NULL;
	json_add_number(object, "time_ns", step->row->time_ns);
	json_add_text(object, "step", step->name);
	if (step->row->process_index)
		add_process(object, step);
	if (step->capsule)
		add_operation(object, step);
	if (step->is_memory) {
		json_add_number(object, "slot", step->row->slot);
		json_add_number(object, "offset", step->row->offset);
		json_add_number(object, "bytes", step->row->length);
	}
	if (step->engine) {
		json_add_text(object, "engine", step->engine->name);
		json_add_text(object, "hil", step->engine->hil);
	}
	if (step->handler) {
		json_add_text(object, "handler", step->handler->name);
		json_add_number(object, "us", step->row->length);
	}
	if (step->row->status)
		json_object_object_add(object, "error", trace_step_error(step));
	return object;
}
