/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console: one line, one operation.
 */
#include <pluton/console.h>

#include "client-lib/connection.h"

#define COMMAND_WRITE 1u
#define SLOT_LINE 0

/* In words of this call; the daemon would speak of a slot. */
static int check_length(struct pluton *pluton, size_t length)
{
	if (length >= 1 && length <= PLUTON_CONSOLE_LINE_MAX)
		return 0;
	return connection_refuse(pluton, -PLUTON_ESIZE, "a line of %zu bytes: 1 to %d are taken",
				 length, PLUTON_CONSOLE_LINE_MAX);
}

static struct pluton_request write_request(enum pluton_console_level level, const char *text,
					   size_t length)
{
	return (struct pluton_request){
		.driver = PLUTON_DRIVER_CONSOLE,
		.command = COMMAND_WRITE,
		.words[0] = level,
		.slots[SLOT_LINE] = {.in = text, .length = length},
	};
}

int pluton_console_write(struct pluton *pluton, enum pluton_console_level level, const char *text,
			 size_t length)
{
	struct pluton_request request = write_request(level, text, length);
	int r = check_length(pluton, length);

	return r < 0 ? r : operation_perform(pluton, &request, REPEAT_UNSENT, NULL);
}

int pluton_console_write_async(struct pluton *pluton, enum pluton_console_level level,
			       const char *text, size_t length, pluton_done_fn done, void *userdata,
			       pluton_operation_id *ret_id)
{
	const struct completion completion = {.done = done, .userdata = userdata};
	struct pluton_request request = write_request(level, text, length);
	int r = check_length(pluton, length);

	return r < 0 ? r : operation_submit(pluton, &request, &completion, ret_id);
}
