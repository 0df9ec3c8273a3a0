/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every list is rows of fixed layout, a bounded number for each command: word 0 says where to
 * begin, the answer says how many rows there are and where to go on (0: that was all).
 */
#include "daemon/manager.h"

#include <config.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client-lib/rows.h"
#include "daemon/kernel/operation.h"
#include "daemon/log.h"
#include "daemon/machine.h"

#define SLOT_ROWS 0u
#define SLOT_ENGINE 0u
#define WORD_FIRST 0u
#define WORD_LEVEL 0u
#define WORD_ROOM 0u
#define ROWS_PER_COMMAND 64u /* so that nobody else waits long */
#define ROW_SIZE_MAX 256u

static struct machine *machine_of(const struct operation *op)
{
	return (struct machine *)(void *)op->process->kernel;
}

static struct trace *trace_of(const struct operation *op)
{
	return &machine_of(op)->trace;
}

static void copy_text(char *text, size_t size, const char *from)
{
	snprintf(text, size, "%s", from);
}

/* --- one row each ---------------------------------------------------------------------------- */

/*
 * Fills in the row at `index` or after it, and returns the index to go on with; 0: there is none.
 */
typedef uint32_t (*row_fn)(const struct operation *op, uint32_t index, void *row);

static uint32_t capsule_row(const struct operation *op, uint32_t index, void *out)
{
	struct kernel *kernel = op->process->kernel;
	const struct driver *driver;
	struct pluton_capsule_row *row = out;

	if (index >= kernel->driver_count)
		return 0;
	driver = &kernel->drivers[index];
	copy_text(row->name, sizeof(row->name), driver->capsule->name);
	copy_text(row->interface, sizeof(row->interface), driver->capsule->interface);
	row->driver = driver->capsule->driver;
	row->commands = (uint32_t)driver->capsule->command_count;
	row->grant_size = (uint32_t)(driver->grants ? driver->grant_bytes / driver->grants
						    : driver->capsule->grant_size);
	row->grants = driver->grants;
	row->state_size = (uint32_t)driver->capsule->state_size;
	row->allowed = process_allowed(op->process, driver);
	row->operations = driver->operations;
	row->refusals = driver->refusals;
	return index + 1;
}

static uint32_t engine_row(const struct operation *op, uint32_t index, void *out)
{
	const struct engines *engines = &machine_of(op)->engines;
	uint32_t kind = index / HIL_ENGINES_MAX, priority = index % HIL_ENGINES_MAX;
	struct pluton_engine_row *row = out;
	struct arbiter_account account;
	const struct arbiter *arbiter;

	while (kind < HIL_KINDS && priority >= engines->ports[kind].count) {
		kind++;
		priority = 0;
	}
	if (kind >= HIL_KINDS)
		return 0;
	arbiter = &engines->arbiters[kind][priority];
	copy_text(row->name, sizeof(row->name), arbiter->engine->name);
	copy_text(row->hil, sizeof(row->hil), hil_name(kind));
	row->priority = priority;
	row->concurrency = arbiter->engine->absent ? 0 : arbiter->engine->concurrency;
	arbiter_measure(arbiter, &account);
	row->busy = account.holders;
	row->waiting = account.waiting;
	row->grants = account.grants;
	row->expirations = account.expirations;
	return kind * HIL_ENGINES_MAX + priority + 1;
}

/* Root and the daemon's own user see all, others their own. */
static bool may_see(const struct operation *op, const struct process *process)
{
	uint32_t uid = op->process->who.uid;

	return uid == 0 || uid == geteuid() || uid == process->who.uid;
}

static void fill_process_row(const struct process *process, struct pluton_process_row *row)
{
	struct process_account account;

	process_measure(process, &account);
	copy_text(row->command, sizeof(row->command), process->who.command);
	row->index = process->id.index;
	row->generation = process->id.generation;
	row->pid = process->who.pid;
	row->uid = process->who.uid;
	row->gid = process->who.gid;
	row->operations = account.operations;
	row->grants = account.grants;
	row->windows = account.windows;
	row->window_bytes = account.window_bytes;
	row->arena_taken = account.taken;
	row->arena_limit = process->arena.limit;
	row->requests = process->requests;
	row->refusals = process->refusals;
	row->dying = process->dying;
	row->ring_bytes = account.ring_bytes;
}

static uint32_t process_row(const struct operation *op, uint32_t index, void *out)
{
	const struct kernel *kernel = op->process->kernel;
	const struct process *process = kernel_next_process(kernel, index);

	while (process && !may_see(op, process))
		process = kernel_next_process(kernel, process->id.index + 1);
	if (!process)
		return 0;
	fill_process_row(process, out);
	return process->id.index + 1;
}

/* The capsules' parameters in a row, as "CAPSULE.PARAMETER". */
static bool parameter_row(const struct kernel *kernel, uint32_t index, struct pluton_limit_row *row)
{
	for (size_t i = 0; i < kernel->driver_count; i++) {
		const struct driver *driver = &kernel->drivers[i];
		unsigned count = kernel_count_parameters(driver->capsule);

		if (index < count) {
			snprintf(row->name, sizeof(row->name), "%s.%s", driver->capsule->name,
				 driver->capsule->parameters[index]);
			row->value = driver->parameters[index];
			return true;
		}
		index -= count;
	}
	return false;
}

static uint32_t limit_row(const struct operation *op, uint32_t index, void *out)
{
	const struct kernel_limits *limits = &op->process->kernel->limits;
	const struct machine *machine = machine_of(op);
	const struct {
		const char *name;
		uint64_t value;
	} table[] = {
		{"pool", limits->pool},
		{"processes_max", limits->processes_max - 1},
		{"processes_per_user", limits->processes_per_user},
		{"arena_min", limits->arena_min},
		{"arena_limit", limits->arena_limit},
		{"operations_per_process", limits->operations_per_process},
		{"grants_per_capsule", limits->grants_per_capsule},
		{"windows_per_process", limits->windows_per_process},
		{"window_max", limits->window_max},
		{"windows_per_user", limits->windows_per_user},
		{"ring_size", limits->ring_size},
		{"inline_max", limits->inline_max},
		{"records_per_pass", machine->channel.records_per_pass},
		{"deferred_budget", limits->deferred_budget},
		{"engine_deadline_ms", limits->engine_deadline_ms},
		{"greeting_timeout_ms", limits->greeting_timeout_ms},
		{"aead_scratch", machine->engines.environment.aead_scratch},
		{"pbkdf2_rounds_max", machine->engines.environment.pbkdf2_rounds_max},
		{"workers", machine->engines.environment.workers},
	};
	const uint32_t count = sizeof(table) / sizeof(table[0]);
	struct pluton_limit_row *row = out;

	if (index >= count)
		return parameter_row(op->process->kernel, index - count, row) ? index + 1 : 0;
	copy_text(row->name, sizeof(row->name), table[index].name);
	row->value = table[index].value;
	return index + 1;
}

static uint32_t handler_row(const struct operation *op, uint32_t index, void *out)
{
	const struct loop_handler *handlers = machine_of(op)->loop.handlers, *handler;
	struct pluton_handler_row *row = out;

	if (index >= LOOP_HANDLERS || !handlers[index].name)
		return 0;
	handler = &handlers[index];
	copy_text(row->name, sizeof(row->name), handler->name);
	row->calls = handler->calls;
	row->total_us = handler->total_us;
	row->longest_us = handler->longest_us;
	row->late = handler->late;
	return index + 1;
}

static uint32_t selftest_row(const struct operation *op, uint32_t index, void *out)
{
	return selftests_row(machine_of(op), index, out);
}

/* All capsules' commands in a row. */
static uint32_t command_row(const struct operation *op, uint32_t index, void *out)
{
	const struct kernel *kernel = op->process->kernel;
	struct pluton_command_row *row = out;
	uint32_t at = index;

	for (size_t i = 0; i < kernel->driver_count; i++) {
		const struct capsule *capsule = kernel->drivers[i].capsule;

		if (at < capsule->command_count) {
			copy_text(row->name, sizeof(row->name), capsule->commands[at].name);
			row->driver = capsule->driver;
			row->number = capsule->commands[at].number;
			return index + 1;
		}
		at -= (uint32_t)capsule->command_count;
	}
	return 0;
}

/* --- commands -------------------------------------------------------------------------------- */

static int write_row(struct operation *op, const struct row_layout *layout, uint32_t at,
		     const void *row)
{
	uint8_t wire[ROW_SIZE_MAX];
	ssize_t n;

	row_encode(layout, row, wire);
	n = op_write(op, SLOT_ROWS, at * layout->size, wire, layout->size);
	return n == (ssize_t)layout->size ? 0 : -PLUTON_ESIZE;
}

static int list(struct operation *op, const struct row_layout *layout, row_fn fill)
{
	_Alignas(uint64_t) uint8_t row[ROW_SIZE_MAX];
	uint32_t room = (uint32_t)(op_length(op, SLOT_ROWS) / layout->size);
	uint32_t next = op_word(op, WORD_FIRST), count = 0;

	if (!room)
		return op_refuse(op, -PLUTON_ESIZE, "one row has %zu bytes, there is room for %zu",
				 layout->size, op_length(op, SLOT_ROWS));
	for (; count < room && count < ROWS_PER_COMMAND; count++) {
		uint32_t after;

		memset(row, 0, sizeof(row));
		after = fill(op, next, row);
		if (!after) {
			next = 0;
			break;
		}
		if (write_row(op, layout, count, row) < 0)
			return -PLUTON_ESIZE;
		next = after;
	}
	if (next != 0 && fill(op, next, row) == 0)
		next = 0; /* the last row fitted exactly */
	op_done(op, 0, count, next);
	return 0;
}

static int capsules(struct operation *op)
{
	return list(op, &row_capsule, capsule_row);
}

static int engines(struct operation *op)
{
	return list(op, &row_engine, engine_row);
}

static int processes(struct operation *op)
{
	return list(op, &row_process, process_row);
}

static int limits(struct operation *op)
{
	return list(op, &row_limit, limit_row);
}

static int handlers(struct operation *op)
{
	return list(op, &row_handler, handler_row);
}

static int commands_of_all(struct operation *op)
{
	return list(op, &row_command, command_row);
}

static int self_tests(struct operation *op)
{
	return list(op, &row_selftest, selftest_row);
}

static int self_test(struct operation *op)
{
	if (!op_administers(op))
		return op_refuse(op, -PLUTON_ENOSUPPORT,
				 "only root and the daemon's own user ask for self tests, not user "
				 "%u%s",
				 op->process->who.uid,
				 op->process->who.confined ? ", which an app runs as" : "");
	return selftests_run(machine_of(op), op, SLOT_ENGINE);
}

static int begin_trace(struct operation *op)
{
	return trace_begin(trace_of(op), op, op_word(op, WORD_ROOM));
}

static int read_trace(struct operation *op)
{
	return trace_read(trace_of(op), op, SLOT_ROWS);
}

static int end_trace(struct operation *op)
{
	return trace_end(trace_of(op), op);
}

/* The two commands that wait. */
static void cancel(struct operation *op)
{
	if (op->command->number == MANAGER_SELF_TEST)
		selftests_cancel(machine_of(op), op);
	else
		trace_cancel(trace_of(op), op);
}

static int status(struct operation *op)
{
	struct kernel *kernel = op->process->kernel;
	const struct machine *machine = machine_of(op);
	struct pluton_status row = {
		.version = PACKAGE_VERSION,
		.pid = (uint32_t)getpid(),
		.log_level = log_get_level(),
		.uptime_ms = loop_now_us() / 1000 - machine->started_ms,
		.processes = kernel->processes,
		.processes_max = kernel->limits.processes_max - 1,
		.pool_size = kernel->pool.size,
		.pool_taken = kernel->pool.taken,
		.pool_committed = kernel->pool.committed,
		.operations = kernel->counters.operations,
		.refusals = kernel->counters.refusals,
		.upcalls = kernel->counters.upcalls,
		.grant_reentries = kernel->counters.grant_reentries,
		.processes_refused = kernel->counters.processes_refused,
		.loop_passes = machine->loop.passes,
		.handler_longest_us = machine->loop.longest_us,
		.system = machine->config->system,
		.bus = dbus_bus_state(machine->dbus),
	};

	if (write_row(op, &row_status, 0, &row) < 0)
		return op_refuse(op, -PLUTON_ESIZE, "the status has %zu bytes", row_status.size);
	op_done(op, 0, 0, 0);
	return 0;
}

static int set_log_level(struct operation *op)
{
	if (!op_administers(op))
		return op_refuse(
			op, -PLUTON_ENOSUPPORT,
			"only root and the daemon's own user set the log level, not user %u%s",
			op->process->who.uid,
			op->process->who.confined ? ", which an app runs as" : "");
	log_set_level(op_word(op, WORD_LEVEL));
	op_done(op, 0, 0, 0);
	return 0;
}

static const struct enum_name levels[] = {
	{PLUTON_LOG_OFF, "off"},
	{PLUTON_LOG_ERROR, "error"},
	{PLUTON_LOG_WARNING, "warning"},
	{PLUTON_LOG_INFO, "info"},
	{PLUTON_LOG_DEBUG, "debug"},
	{PLUTON_LOG_TRACE, "trace"},
	{0, NULL},
};

/* clang-format off */
#define LIST(number_, name_, doc_, run_)                                                           \
	{                                                                                          \
		.number = (number_), .name = (name_), .doc = (doc_),                               \
		.answers = {"rows", "first of the next command, 0: no more"},                      \
		.words = {[WORD_FIRST] = {"first", NULL, "0, or as the last answer said"}},        \
		.slots = {[SLOT_ROWS] = {"rows", SLOT_RW, 1, 0, false, "as many rows as fit"}},    \
		.run = (run_),                                                                     \
	}
/* clang-format on */

static const struct command commands[] = {
	{
		.number = 1,
		.name = "Status",
		.doc = "the daemon's state, one status row",
		.slots = {[SLOT_ROWS] = {"row", SLOT_RW, 1, 0, false, "gets the row"}},
		.run = status,
	},
	LIST(2, "Capsules", "capsule rows", capsules),
	LIST(3, "Engines", "engine rows", engines),
	LIST(4, "Processes", "process rows, those of other users only for root", processes),
	LIST(5, "Limits", "limit rows; a capsule's parameter is called CAPSULE.PARAMETER", limits),
	{
		.number = 6,
		.name = "SetLogLevel",
		.doc = "sets the log level; root and the daemon's own user only",
		.words = {[WORD_LEVEL] = {"level", levels, "from then on"}},
		.run = set_log_level,
	},
	LIST(7, "Handlers", "handler rows: what held the event loop, and how long", handlers),
	LIST(8, "Commands", "command rows: the commands of all capsules", commands_of_all),
	{
		.number = 9,
		.name = "TraceBegin",
		.doc = "keeps every step from now on for TraceRead; root and the daemon's own user "
		       "only, one "
		       "program at a time",
		.words = {[WORD_ROOM] = {"room", NULL, "steps that are kept until they are read"}},
		.run = begin_trace,
	},
	{
		.number = 10,
		.name = "TraceRead",
		.doc = "trace rows, the oldest first; waits until there is one",
		.answers = {"rows", "steps that were lost since the last answer"},
		.slots = {[SLOT_ROWS] = {"rows", SLOT_RW, 1, 0, false, "as many rows as fit"}},
		.waits = true,
		.run = read_trace,
	},
	{
		.number = 11,
		.name = "TraceEnd",
		.doc = "keeps no steps any more, and forgets those that were not read",
		.run = end_trace,
	},
	LIST(12, "SelfTests", "self test rows: what is known of each algorithm", self_tests),
	{
		.number = MANAGER_SELF_TEST,
		.name = "SelfTest",
		.doc = "tests all algorithms of the engines of that name, and waits; root and the "
		       "daemon's own user only",
		.answers = {"algorithms that passed", "algorithms that failed"},
		.slots = {[SLOT_ENGINE] = {"engine", SLOT_RO, 1, PLUTON_NAME_SIZE - 1, true,
					   "an engine's name; absent: all engines"}},
		.waits = true,
		.run = self_test,
	},
};

const struct capsule manager_capsule = {
	.name = "manager",
	.interface = "Manager",
	.doc = "The daemon itself: state, lists, log level, trace.",
	.driver = PLUTON_DRIVER_MANAGER,
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.state_size = MANAGER_STATE_SIZE,
	.cancel = cancel,
};
