/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the numbers of a trace stand for, as the daemon's lists say.
 */
#ifndef PLUTON_CLI_TRACE_NAMES_H
#define PLUTON_CLI_TRACE_NAMES_H

#include <pluton/manager.h>
#include <pluton/trace.h>

#include "cli/json.h"
#include "cli/session.h"

/* Zeroed memory has no names. */
struct trace_names {
	struct pluton_capsule_row *capsules;
	struct pluton_command_row *commands;
	struct pluton_engine_row *engines;
	struct pluton_handler_row *handlers;
	struct pluton_process_row *processes; /* all that were ever seen, the latest last */
	size_t capsule_count, command_count, engine_count, handler_count, process_count;
};

/* One step with its names; NULL where there is none, or it is not known. */
struct trace_step {
	const struct pluton_trace_row *row;
	const char *name;
	bool is_memory;
	const struct pluton_capsule_row *capsule;
	const struct pluton_command_row *command;
	const struct pluton_engine_row *engine;
	const struct pluton_handler_row *handler;
	const struct pluton_process_row *process;
};

/* Asks the daemon anew. Returns a status. */
int trace_names_refresh(struct trace_names *names, struct session *session);
void trace_names_free(struct trace_names *names);

/* Whether the row's process and handler have names. */
bool trace_names_knows(const struct trace_names *names, const struct pluton_trace_row *row);

/* The row is older than the lists: a process that they do not have is gone, and is called "?". */
void trace_names_settle(struct trace_names *names, const struct pluton_trace_row *row);

bool trace_names_has(const struct trace_names *names, const char *capsule);

void trace_names_step(const struct trace_names *names, const struct pluton_trace_row *row,
		      struct trace_step *ret);

/* The caller owns it; NULL: no memory. */
struct json_object *trace_step_json(const struct trace_step *step);
struct json_object *trace_step_error(const struct trace_step *step); /* "EINVAL" */

#endif
