/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon is and does. A list comes in pages of as many rows as travel in one record; the
 * daemon says where the next page begins.
 */
#include <pluton/manager.h>

#include <stdlib.h>
#include <string.h>

#include "client-lib/connection.h"
#include "client-lib/rows.h"

enum {
	COMMAND_STATUS = 1,
	COMMAND_CAPSULES = 2,
	COMMAND_ENGINES = 3,
	COMMAND_PROCESSES = 4,
	COMMAND_LIMITS = 5,
	COMMAND_SET_LOG_LEVEL = 6,
	COMMAND_HANDLERS = 7,
};

#define SLOT_ROWS 0
#define ROWS_MAX 65536u /* of one list */

/* Rows as the caller gets them. */
struct list {
	const struct row_layout *layout;
	uint8_t *rows;
	size_t count;
	size_t room;
};

static struct pluton_request manager_request(uint32_t command, uint32_t word)
{
	return (struct pluton_request){
		.driver = PLUTON_DRIVER_MANAGER,
		.command = command,
		.words[0] = word,
	};
}

int pluton_get_status(struct pluton *pluton, struct pluton_status *ret)
{
	struct pluton_request request = manager_request(COMMAND_STATUS, 0);
	uint8_t wire[sizeof(struct pluton_status)];
	struct pluton_status status;
	int r;

	request.slots[SLOT_ROWS] = (struct pluton_slot){.out = wire, .length = sizeof(wire)};
	r = pluton_perform(pluton, &request, NULL);
	if (r < 0)
		return r;
	if (row_decode(&row_status, wire, &status) < 0)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "the status makes no sense");
	*ret = status;
	return 0;
}

int pluton_set_log_level(struct pluton *pluton, enum pluton_log_level level)
{
	struct pluton_request request = manager_request(COMMAND_SET_LOG_LEVEL, level);

	return pluton_perform(pluton, &request, NULL);
}

/* --- lists ----------------------------------------------------------------------------------- */

static int make_room(struct pluton *pluton, struct list *list, size_t rows)
{
	size_t room = list->room > 0 ? list->room : 16;
	uint8_t *larger;

	if (rows > ROWS_MAX)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "a list of more than %u rows",
				       ROWS_MAX);
	while (room < rows)
		room *= 2;
	if (room == list->room)
		return 0;
	larger = realloc(list->rows, room * list->layout->size);
	if (!larger)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for %zu rows", room);
	list->rows = larger;
	list->room = room;
	return 0;
}

static int add_rows(struct pluton *pluton, struct list *list, const uint8_t *wire, size_t count)
{
	size_t size = list->layout->size;
	int r = make_room(pluton, list, list->count + count);

	for (size_t i = 0; i < count && r == 0; i++) {
		r = row_decode(list->layout, wire + i * size, list->rows + list->count * size);
		if (r < 0)
			return connection_fail(pluton, r, "a row makes no sense");
		list->count++;
	}
	return r;
}

/* One page; *first becomes where the next begins, 0 at the end. */
static int add_page(struct pluton *pluton, uint32_t command, struct list *list, uint32_t *first)
{
	uint8_t wire[RECORD_INLINE_LIMIT];
	struct pluton_request request = manager_request(command, *first);
	size_t size = list->layout->size;
	size_t fit = pluton->limits.inline_max / size;
	uint32_t words[3];
	int r;

	if (fit == 0)
		fit = 1;
	request.slots[SLOT_ROWS] = (struct pluton_slot){.out = wire, .length = fit * size};
	r = pluton_perform(pluton, &request, words);
	if (r < 0)
		return r;
	if (words[1] > fit || (words[2] != 0 && words[2] <= *first))
		return connection_fail(pluton, -PLUTON_EBADRVAL, "a list that makes no sense");
	*first = words[2];
	return add_rows(pluton, list, wire, words[1]);
}

/* What callers free() is never NULL, even for an empty list. */
static int get_list(struct pluton *pluton, uint32_t command, struct list *list)
{
	uint32_t first = 0;
	int r = make_room(pluton, list, 1);

	do {
		if (r == 0)
			r = add_page(pluton, command, list, &first);
	} while (r == 0 && first != 0);
	if (r < 0)
		free(list->rows);
	return r;
}

int pluton_list_capsules(struct pluton *pluton, struct pluton_capsule_row **ret_rows,
			 size_t *ret_count)
{
	struct list list = {.layout = &row_capsule};
	int r = get_list(pluton, COMMAND_CAPSULES, &list);

	if (r < 0)
		return r;
	*ret_rows = (struct pluton_capsule_row *)(void *)list.rows;
	*ret_count = list.count;
	return 0;
}

int pluton_list_engines(struct pluton *pluton, struct pluton_engine_row **ret_rows,
			size_t *ret_count)
{
	struct list list = {.layout = &row_engine};
	int r = get_list(pluton, COMMAND_ENGINES, &list);

	if (r < 0)
		return r;
	*ret_rows = (struct pluton_engine_row *)(void *)list.rows;
	*ret_count = list.count;
	return 0;
}

int pluton_list_processes(struct pluton *pluton, struct pluton_process_row **ret_rows,
			  size_t *ret_count)
{
	struct list list = {.layout = &row_process};
	int r = get_list(pluton, COMMAND_PROCESSES, &list);

	if (r < 0)
		return r;
	*ret_rows = (struct pluton_process_row *)(void *)list.rows;
	*ret_count = list.count;
	return 0;
}

int pluton_list_handlers(struct pluton *pluton, struct pluton_handler_row **ret_rows,
			 size_t *ret_count)
{
	struct list list = {.layout = &row_handler};
	int r = get_list(pluton, COMMAND_HANDLERS, &list);

	if (r < 0)
		return r;
	*ret_rows = (struct pluton_handler_row *)(void *)list.rows;
	*ret_count = list.count;
	return 0;
}

int pluton_list_limits(struct pluton *pluton, struct pluton_limit_row **ret_rows, size_t *ret_count)
{
	struct list list = {.layout = &row_limit};
	int r = get_list(pluton, COMMAND_LIMITS, &list);

	if (r < 0)
		return r;
	*ret_rows = (struct pluton_limit_row *)(void *)list.rows;
	*ret_count = list.count;
	return 0;
}
