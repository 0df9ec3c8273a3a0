/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring of rows that the kernel's hook fills and the tracing program empties. Full, it loses the
 * newest and counts them: what came before a burst explains it. The ring is the daemon's memory and
 * is there only while somebody traces, who is root or the daemon's own user.
 */
#include "daemon/trace.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client-lib/rows.h"
#include "daemon/engines.h"
#include "daemon/kernel/loop.h"

static bool is_owner(const struct trace *trace, struct process_id id)
{
	return trace->owner.index != 0 && id.index == trace->owner.index &&
	       id.generation == trace->owner.generation;
}

static void stop(struct trace *trace)
{
	trace->kernel->step = (struct step_hook){0};
	free(trace->rows);
	trace->rows = NULL;
	trace->owner = (struct process_id){0};
	trace->over = false;
	deferred_call_drop(&trace->wake);
}

/* --- rows in --------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The place among pluton_list_engines, from 1. */
static uint32_t engine_number(const struct engines *engines, const struct arbiter *arbiter)
{
	uint32_t number = 1;

	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		for (unsigned i = 0; i < engines->ports[kind].count; i++, number++) {
			if (engines->arbiters[kind][i].engine == arbiter->engine)
				return number;
		}
	}
	return 0;
}

static uint32_t handler_number(const struct loop *loop, const char *name)
{
	for (uint32_t i = 0; i < LOOP_HANDLERS; i++) {
		if (loop->handlers[i].name == name)
			return i + 1;
	}
	return 0;
}

static void describe_operation(const struct trace *trace, const struct operation *op,
			       struct pluton_trace_row *row)
{
	row->driver = op->driver->capsule->driver;
	row->op_id = op->op_id;
	if (op->command)
		row->command = op->command->number;
	if (op->waiter.state != HIL_IDLE)
		row->engine = engine_number(trace->engines, op->waiter.arbiter);
}

/* The loop's handlers run for the tracing program too: they alone are no reason to wake it. */
static bool is_worth_it(uint32_t step)
{
	return step != STEP_HANDLER_RAN;
}

static bool is_full(const struct trace *trace)
{
	return trace->next - trace->first == trace->room;
}

/* Or there is no room for what would be: then what is there has to make way. */
static bool has_news(const struct trace *trace)
{
	return trace->worth > 0 || is_full(trace);
}

static void add(struct trace *trace, enum kernel_step reached, const struct step *step)
{
	struct pluton_trace_row *row;

	if (is_full(trace)) {
		trace->lost += trace->lost < UINT32_MAX;
		return;
	}
	row = &trace->rows[trace->next++ % trace->room];
	*row = (struct pluton_trace_row){.time_ns = now_ns(),
					 .length = step->length,
					 .offset = step->offset,
					 .step = reached,
					 .process_index = step->process.index,
					 .process_generation = step->process.generation,
					 .slot = step->slot,
					 .status = step->error};
	if (step->op)
		describe_operation(trace, step->op, row);
	if (step->handler)
		row->handler = handler_number(trace->loop, step->handler);
	trace->worth += is_worth_it(reached);
}

static void on_step(void *context, enum kernel_step reached, const struct step *step)
{
	struct trace *trace = context;

	if (is_owner(trace, step->process)) {
		if (reached == STEP_PROCESS_GONE) {
			trace->over = true;
			deferred_call_set(&trace->wake);
		}
		return;
	}
	add(trace, reached, step);
	if (trace->reader && has_news(trace))
		deferred_call_set(&trace->wake);
}

/* --- rows out -------------------------------------------------------------------------------- */

static uint32_t smallest(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t least = a < b ? a : b;

	return (uint32_t)(least < c ? least : c);
}

static void deliver(struct trace *trace, struct operation *op, unsigned slot)
{
	uint8_t wire[sizeof(struct pluton_trace_row)];
	uint32_t count = smallest(trace->next - trace->first, op_length(op, slot) / sizeof(wire),
				  TRACE_ROWS_PER_READ);
	uint32_t lost = trace->lost;

	for (uint32_t i = 0; i < count; i++) {
		const struct pluton_trace_row *row = &trace->rows[(trace->first + i) % trace->room];

		row_encode(&row_trace, row, wire);
		trace->worth -= is_worth_it(row->step);
		if (op_write(op, slot, i * sizeof(wire), wire, sizeof(wire)) !=
		    (ssize_t)sizeof(wire)) {
			op_done(op, -PLUTON_ESIZE, 0, 0); /* the range was withdrawn */
			return;
		}
	}
	trace->first += count;
	trace->lost = 0;
	op_done(op, 0, count, lost);
}

static void on_wake(struct deferred_call *call)
{
	struct trace *trace = (struct trace *)(void *)((char *)call - offsetof(struct trace, wake));
	struct operation *reader = trace->reader;

	if (trace->over) {
		stop(trace);
		return;
	}
	if (!reader || !has_news(trace))
		return;
	trace->reader = NULL;
	deliver(trace, reader, 0);
}

/* --- commands -------------------------------------------------------------------------------- */

int trace_begin(struct trace *trace, struct operation *op, uint32_t room)
{
	if (!op_administers(op))
		return op_refuse(op, -PLUTON_ENOSUPPORT,
				 "only root and the daemon's own user trace what others do");
	if (is_owner(trace, op_process(op)))
		return op_refuse(op, -PLUTON_EALREADY, "this program traces already");
	if (trace->kernel->step.run)
		return op_refuse(op, -PLUTON_EBUSY, "process %u.%u traces; one at a time",
				 trace->owner.index, trace->owner.generation);
	if (room < TRACE_ROOM_MIN || room > TRACE_ROOM_MAX)
		return op_refuse(op, -PLUTON_EINVAL, "room for %u steps, give %u to %u", room,
				 TRACE_ROOM_MIN, TRACE_ROOM_MAX);
	trace->rows = calloc(room, sizeof(*trace->rows));
	if (!trace->rows)
		return op_refuse(op, -PLUTON_ENOMEM, "no memory for %u steps, give less", room);
	trace->owner = op_process(op);
	trace->first = trace->next = 0;
	trace->room = room;
	trace->lost = trace->worth = 0;
	trace->kernel->step = (struct step_hook){on_step, trace};
	op_done(op, 0, 0, 0);
	return 0;
}

static int check_owner(const struct trace *trace, struct operation *op)
{
	if (is_owner(trace, op_process(op)))
		return 0;
	return op_refuse(op, -PLUTON_EINVAL, "this program traces nothing: begin first");
}

int trace_read(struct trace *trace, struct operation *op, unsigned slot)
{
	int r = check_owner(trace, op);

	if (r == 0 && trace->reader)
		r = op_refuse(op, -PLUTON_EBUSY, "another read waits");
	if (r == 0 && op_length(op, slot) < sizeof(struct pluton_trace_row))
		r = op_refuse(op, -PLUTON_ESIZE, "one row has %zu bytes, there is room for %zu",
			      sizeof(struct pluton_trace_row), op_length(op, slot));
	if (r < 0)
		return r;
	if (has_news(trace))
		deliver(trace, op, slot);
	else
		trace->reader = op;
	return 0;
}

void trace_cancel(struct trace *trace, struct operation *op)
{
	if (trace->reader != op)
		return;
	trace->reader = NULL;
	op_done(op, -PLUTON_ECANCEL, 0, 0);
}

int trace_end(struct trace *trace, struct operation *op)
{
	int r = check_owner(trace, op);

	if (r < 0)
		return r;
	if (trace->reader)
		trace_cancel(trace, trace->reader);
	stop(trace);
	op_done(op, 0, 0, 0);
	return 0;
}

/* --- itself ---------------------------------------------------------------------------------- */

void trace_open(struct trace *trace, struct kernel *kernel, const struct engines *engines,
		const struct loop *loop)
{
	*trace = (struct trace){.kernel = kernel, .engines = engines, .loop = loop};
	deferred_call_init(&trace->wake, &kernel->deferred, on_wake);
}

void trace_close(struct trace *trace)
{
	if (trace->rows)
		stop(trace);
}
