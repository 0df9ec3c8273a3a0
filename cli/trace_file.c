/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON Array Format of the Trace Event Format document: one event a line. Operations and turns
 * at engines overlap on one track, so they are async events ("b" to "e"); what the engines move is
 * an instant ("i"), and the loop's handlers, one after the other, are complete events ("X").
 */
#include "cli/trace_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/output.h"
#include "daemon/kernel/steps.h"

/* Groups of tracks: the format's processes. */
enum group {
	GROUP_CLIENTS = 1,
	GROUP_CAPSULES,
	GROUP_ENGINES,
	GROUP_LOOP,
};

#define LOOP_TRACK 1

struct trace_file {
	struct output output;
	const struct trace_names *names;
	size_t processes_named;
	bool failed;	     /* something could not be written, and it was said why */
	bool begun;	     /* an event is there: the next one needs a comma */
	uint64_t handled_ns; /* until then the loop's handlers are in the file */
};

/* --- writing --------------------------------------------------------------------------------- */

static int write_event(struct trace_file *file, struct json_object *event)
{
	const char *text =
		event ? json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN) : NULL;
	int r = text ? CLI_DONE : fail_system(ENOMEM, "no memory for a trace");

	if (r == CLI_DONE && file->begun)
		r = output_write(&file->output, ",\n", 2);
	if (r == CLI_DONE)
		r = output_write(&file->output, text, strlen(text));
	file->begun = true;
	file->failed |= r != CLI_DONE;
	json_object_put(event);
	return r;
}

static struct json_object *new_event(const char *phase, const char *name, enum group group,
				     uint32_t track)
{
	struct json_object *event = json_object_new_object();

	if (!event)
		return NULL;
	json_add_text(event, "ph", phase);
	json_add_text(event, "name", name);
	json_add_number(event, "pid", group);
	json_add_number(event, "tid", track);
	return event;
}

/* Microseconds with three places, as the format wants them. */
static void add_time(struct json_object *event, const char *key, uint64_t time_ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64 ".%03" PRIu64, time_ns / 1000, time_ns % 1000);
	json_object_object_add(event, key, json_object_new_double_s((double)time_ns / 1000, text));
}

/* --- names of tracks ------------------------------------------------------------------------- */

static int name_track(struct trace_file *file, const char *what, enum group group, uint32_t track,
		      const char *name)
{
	struct json_object *event = new_event("M", what, group, track);
	struct json_object *arguments = json_object_new_object();

	if (!event || !arguments) {
		json_object_put(event);
		json_object_put(arguments);
		return write_event(file, NULL);
	}
	json_add_text(arguments, "name", name);
	json_object_object_add(event, "args", arguments);
	return write_event(file, event);
}

static int name_groups(struct trace_file *file)
{
	static const char *const groups[] = {[GROUP_CLIENTS] = "clients",
					     [GROUP_CAPSULES] = "capsules",
					     [GROUP_ENGINES] = "engines",
					     [GROUP_LOOP] = "plutond"};
	int r = CLI_DONE;

	for (enum group group = GROUP_CLIENTS; group <= GROUP_LOOP && r == CLI_DONE; group++)
		r = name_track(file, "process_name", group, 0, groups[group]);
	return r == CLI_DONE ? name_track(file, "thread_name", GROUP_LOOP, LOOP_TRACK, "event loop")
			     : r;
}

static int name_services(struct trace_file *file)
{
	const struct trace_names *names = file->names;
	char text[80];
	int r = CLI_DONE;

	for (size_t i = 0; i < names->capsule_count && r == CLI_DONE; i++)
		r = name_track(file, "thread_name", GROUP_CAPSULES, names->capsules[i].driver,
			       names->capsules[i].name);
	for (size_t i = 0; i < names->engine_count && r == CLI_DONE; i++) {
		snprintf(text, sizeof(text), "%s/%s", names->engines[i].hil,
			 names->engines[i].name);
		r = name_track(file, "thread_name", GROUP_ENGINES, (uint32_t)i + 1, text);
	}
	return r;
}

/* Indexes are used again: the latest program has the name. */
static int name_processes(struct trace_file *file)
{
	int r = CLI_DONE;

	while (file->processes_named < file->names->process_count && r == CLI_DONE) {
		const struct pluton_process_row *process =
			&file->names->processes[file->processes_named++];
		char text[80];

		snprintf(text, sizeof(text),
			 "%s (process %" PRIu32 ".%" PRIu32 ", pid %" PRIu32 ")", process->command,
			 process->index, process->generation, process->pid);
		r = name_track(file, "thread_name", GROUP_CLIENTS, process->index, text);
	}
	return r;
}

/* --- events ---------------------------------------------------------------------------------- */

static void operation_name(const struct trace_step *step, char *text, size_t size)
{
	snprintf(text, size, "%s.%s", step->capsule ? step->capsule->name : "?",
		 step->command ? step->command->name : "?");
}

/* `phase` "b" or "e" of what is known by its operation. */
static int add_span(struct trace_file *file, const struct trace_step *step, const char *phase,
		    const char *category, enum group group, uint32_t track)
{
	const struct pluton_trace_row *row = step->row;
	struct json_object *event;
	char name[80], id[64];

	operation_name(step, name, sizeof(name));
	snprintf(id, sizeof(id), "%" PRIu32 ".%" PRIu32 ".%" PRIu32 ".%" PRIx32, row->process_index,
		 row->process_generation, row->op_id, row->driver);
	event = new_event(phase, name, group, track);
	if (!event)
		return write_event(file, NULL);
	json_add_text(event, "cat", category);
	json_add_text(event, "id", id);
	add_time(event, "ts", row->time_ns);
	if (row->status) {
		struct json_object *arguments = json_object_new_object();

		json_object_object_add(arguments, "error", trace_step_error(step));
		json_object_object_add(event, "args", arguments);
	}
	return write_event(file, event);
}

static void add_place(struct json_object *event, const struct pluton_trace_row *row)
{
	struct json_object *arguments = json_object_new_object();

	if (!arguments)
		return;
	json_add_number(arguments, "slot", row->slot);
	json_add_number(arguments, "offset", row->offset);
	json_add_number(arguments, "bytes", row->length);
	json_add_number(arguments, "op_id", row->op_id);
	json_object_object_add(event, "args", arguments);
}

static int add_instant(struct trace_file *file, const struct trace_step *step)
{
	const struct pluton_trace_row *row = step->row;
	struct json_object *event =
		step->is_memory ? new_event("i", step->name, GROUP_CAPSULES, row->driver)
				: new_event("i", step->name, GROUP_CLIENTS, row->process_index);

	if (!event)
		return write_event(file, NULL);
	json_add_text(event, "s", "t");
	add_time(event, "ts", row->time_ns);
	if (step->is_memory)
		add_place(event, row);
	return write_event(file, event);
}

/*
 * The row has the end to the nanosecond and whole microseconds of length. Complete events of one
 * track must not overlap by so much as what that rounds.
 */
static int add_handler(struct trace_file *file, const struct trace_step *step)
{
	uint64_t end = step->row->time_ns, start = end - step->row->length * 1000;
	struct json_object *event =
		new_event("X", step->handler ? step->handler->name : "?", GROUP_LOOP, LOOP_TRACK);

	if (!event)
		return write_event(file, NULL);
	if (start < file->handled_ns)
		start = file->handled_ns;
	file->handled_ns = end;
	add_time(event, "ts", start);
	add_time(event, "dur", end - start);
	return write_event(file, event);
}

/* On the client's track and on its capsule's. */
static int add_operation(struct trace_file *file, const struct trace_step *step, const char *phase)
{
	int r = add_span(file, step, phase, "operation", GROUP_CLIENTS, step->row->process_index);

	return r == CLI_DONE
		       ? add_span(file, step, phase, "capsule", GROUP_CAPSULES, step->row->driver)
		       : r;
}

int trace_file_add(struct trace_file *file, const struct trace_step *step)
{
	int r = name_processes(file);

	if (r != CLI_DONE)
		return r;
	switch (step->row->step) {
	case STEP_OPERATION_ACCEPTED:
		return add_operation(file, step, "b");
	case STEP_OPERATION_DONE:
	case STEP_OPERATION_REFUSED:
		return add_operation(file, step, "e");
	case STEP_ENGINE_GRANTED:
		return add_span(file, step, "b", "engine", GROUP_ENGINES, step->row->engine);
	case STEP_ENGINE_RELEASED:
		return add_span(file, step, "e", "engine", GROUP_ENGINES, step->row->engine);
	case STEP_HANDLER_RAN:
		return add_handler(file, step);
	default:
		return add_instant(file, step);
	}
}

/* --- the file -------------------------------------------------------------------------------- */

static int begin_file(struct trace_file *file, const char *path)
{
	int r = output_open(&file->output, path);

	if (r == CLI_DONE)
		r = output_write(&file->output, "[\n", 2);
	if (r == CLI_DONE)
		r = name_groups(file);
	return r == CLI_DONE ? name_services(file) : r;
}

static int end_file(struct trace_file *file)
{
	int r = output_write(&file->output, "\n]\n", 3);

	return r == CLI_DONE ? output_commit(&file->output) : r;
}

int trace_file_open(const char *path, const struct trace_names *names, struct trace_file **ret)
{
	struct trace_file *file = calloc(1, sizeof(*file));
	int r;

	if (!file)
		return fail_system(ENOMEM, "no memory for a trace");
	file->names = names;
	r = begin_file(file, path);
	if (r == CLI_DONE)
		*ret = file;
	else
		(void)trace_file_close(file, false);
	return r;
}

int trace_file_close(struct trace_file *file, bool commit)
{
	int r = CLI_DONE;

	if (!file)
		return CLI_DONE;
	if (commit && !file->failed)
		r = end_file(file);
	output_close(&file->output);
	free(file);
	return r;
}
