/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watching the daemon work: every step of every operation, with its time, as it happens.
 * Threads and common errors: pluton/pluton.h.
 *
 * Only root and the daemon's own user may trace, one program at a time. What the tracing program
 * itself asks for is not shown. Never payload, keys or anything else that is in a client's memory:
 * sizes and places only. While nobody traces, a step costs the daemon one predictable branch.
 */
#ifndef PLUTON_TRACE_H
#define PLUTON_TRACE_H

#include <pluton/pluton.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* One step. Numbers that do not apply are 0. */
struct pluton_trace_row {
	uint64_t time_ns; /* CLOCK_MONOTONIC; of the end, where the step has a length in time */
	uint64_t length;  /* pull, push, lend: bytes that were moved or lent; handler-ran:
			     microseconds */
	uint64_t offset;  /* pull, push, lend: bytes into the slot */
	uint32_t step;	  /* pluton_trace_step_name() */
	uint32_t process_index; /* 0: the daemon itself */
	uint32_t process_generation;
	uint32_t driver;  /* number of the capsule */
	uint32_t command; /* its number in the capsule */
	uint32_t op_id;	  /* as the client chose it; unique among what it has under way */
	uint32_t slot;	  /* pull, push, lend: of the operation */
	uint32_t engine;  /* 1 and up: the place among pluton_list_engines of what it waits for or
			     has */
	uint32_t status;  /* operation-done, operation-refused: a PLUTON_E…; 0: none */
	uint32_t handler; /* handler-ran: 1 and up, its place among pluton_list_handlers */
};

/* A command of a capsule. */
struct pluton_command_row {
	char name[32];
	uint32_t driver; /* the capsule's number */
	uint32_t number;
};

/* "pull"; NULL for a number that is none. */
const char *pluton_trace_step_name(uint32_t step);

/*
 * From now on steps are kept, at most `room` (1024 to 1048576) that were not read yet; what comes
 * beyond is counted as lost. -PLUTON_ENOSUPPORT: neither root nor the daemon's own user, or an app.
 * -PLUTON_EBUSY: another program traces. -PLUTON_EALREADY: this one does. -PLUTON_ENOMEM.
 */
int pluton_trace_begin(struct pluton *pluton, uint32_t room);

/*
 * Waits for steps and takes the oldest, up to `max`, at most 1024 at once. *ret_lost: how many were
 * lost since the last time; they were newer than the rows returned then, and older than these.
 * -PLUTON_EINVAL: nothing is traced. -PLUTON_ECANCEL: pluton_trace_end was called meanwhile.
 */
int pluton_trace_read(struct pluton *pluton, struct pluton_trace_row *rows, size_t max,
		      size_t *ret_count, uint32_t *ret_lost);

/* `rows` must stay until `function` runs, and hold `count` rows then if status is 0. */
typedef void (*pluton_trace_fn)(struct pluton *pluton, int status, size_t count, uint32_t lost,
				void *userdata);
int pluton_trace_read_async(struct pluton *pluton, struct pluton_trace_row *rows, size_t max,
			    pluton_trace_fn function, void *userdata, pluton_operation_id *ret_id);

/* As the end of the connection does too. -PLUTON_EINVAL: nothing is traced. */
int pluton_trace_end(struct pluton *pluton);

/* All commands of all capsules. The caller frees *ret_rows with free(). */
int pluton_list_commands(struct pluton *pluton, struct pluton_command_row **ret_rows,
			 size_t *ret_count);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
