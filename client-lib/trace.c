/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracer's commands. A trace belongs to one connection: none of them is repeated on another.
 */
#include <pluton/trace.h>

#include <stdlib.h>
#include <string.h>

#include "client-lib/connection.h"
#include "client-lib/list.h"
#include "client-lib/operation.h"
#include "client-lib/rows.h"
#include "daemon/kernel/steps.h"

enum {
	COMMAND_COMMANDS = 8,
	COMMAND_BEGIN = 9,
	COMMAND_READ = 10,
	COMMAND_END = 11,
};

#define SLOT_ROWS 0
#define ROWS_PER_READ 1024u /* the daemon's limit for one request */

const char *pluton_trace_step_name(uint32_t step)
{
	return step < KERNEL_STEPS ? kernel_step_name((enum kernel_step)step) : NULL;
}

int pluton_list_commands(struct pluton *pluton, struct pluton_command_row **ret_rows,
			 size_t *ret_count)
{
	struct list list = {.layout = &row_command};
	int r = list_get(pluton, PLUTON_DRIVER_MANAGER, COMMAND_COMMANDS, &list);

	if (r < 0)
		return r;
	*ret_rows = (struct pluton_command_row *)(void *)list.rows;
	*ret_count = list.count;
	return 0;
}

int pluton_trace_begin(struct pluton *pluton, uint32_t room)
{
	const struct pluton_request request = {
		.driver = PLUTON_DRIVER_MANAGER, .command = COMMAND_BEGIN, .words[0] = room};

	return operation_perform(pluton, &request, REPEAT_NEVER, NULL);
}

int pluton_trace_end(struct pluton *pluton)
{
	const struct pluton_request request = {.driver = PLUTON_DRIVER_MANAGER,
					       .command = COMMAND_END};

	return operation_perform(pluton, &request, REPEAT_NEVER, NULL);
}

/* --- reading --------------------------------------------------------------------------------- */

/* The rows come into the caller's own memory: no wire byte of theirs is a secret. */
static struct pluton_request read_request(struct pluton_trace_row *rows, size_t max)
{
	return (struct pluton_request){
		.driver = PLUTON_DRIVER_MANAGER,
		.command = COMMAND_READ,
		.slots[SLOT_ROWS] = {.out = rows,
				     .length = (max < ROWS_PER_READ ? max : ROWS_PER_READ) *
					       sizeof(*rows)},
	};
}

static int take_rows(struct pluton *pluton, struct pluton_trace_row *rows, size_t max,
		     const struct answer *answer)
{
	if (answer->status < 0)
		return answer->status;
	if (answer->words[1] > max)
		return connection_fail(pluton, -PLUTON_EBADRVAL,
				       "more rows than there is room for");
	for (size_t i = 0; i < answer->words[1]; i++) {
		struct pluton_trace_row row;

		if (row_decode(&row_trace, &rows[i], &row) < 0)
			return connection_fail(pluton, -PLUTON_EBADRVAL, "a row makes no sense");
		rows[i] = row;
	}
	return 0;
}

int pluton_trace_read(struct pluton *pluton, struct pluton_trace_row *rows, size_t max,
		      size_t *ret_count, uint32_t *ret_lost)
{
	const struct pluton_request request = read_request(rows, max);
	struct answer answer;
	int r = operation_perform_answer(pluton, &request, REPEAT_NEVER, &answer);

	if (r == 0)
		r = take_rows(pluton, rows, max, &answer);
	if (r < 0)
		return r;
	*ret_count = answer.words[1];
	*ret_lost = answer.words[2];
	return 0;
}

struct reading {
	struct pluton_trace_row *rows;
	size_t max;
	pluton_trace_fn function;
	void *userdata;
};

static void told(struct pluton *pluton, const struct answer *answer, void *userdata)
{
	struct reading reading = *(struct reading *)userdata;
	int r = take_rows(pluton, reading.rows, reading.max, answer);

	free(userdata);
	if (reading.function)
		reading.function(pluton, r, r < 0 ? 0 : answer->words[1],
				 r < 0 ? 0 : answer->words[2], reading.userdata);
}

int pluton_trace_read_async(struct pluton *pluton, struct pluton_trace_row *rows, size_t max,
			    pluton_trace_fn function, void *userdata, pluton_operation_id *ret_id)
{
	const struct pluton_request request = read_request(rows, max);
	struct reading *reading = malloc(sizeof(*reading));
	const struct completion completion = {.told = told, .drop = free, .userdata = reading};
	int r;

	if (!reading)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for a read");
	*reading = (struct reading){rows, max, function, userdata};
	r = operation_submit(pluton, &request, &completion, ret_id);
	if (r < 0)
		free(reading);
	return r;
}
