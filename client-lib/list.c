/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of rows, page by page. The daemon is not trusted with our memory: it cannot make a list
 * longer than ROWS_MAX, nor one that never ends.
 */
#include "client-lib/list.h"

#include <stdlib.h>

#include "client-lib/connection.h"
#include "client-lib/rows.h"

#define ROWS_MAX 65536u /* of one list */
#define SLOT_ROWS 0

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

/* One page; request->words[0] becomes where the next begins, 0 at the end. */
static int add_page(struct pluton *pluton, struct pluton_request *request, struct list *list)
{
	uint8_t wire[RECORD_INLINE_LIMIT];
	size_t size = list->layout->size;
	size_t fit = pluton->limits.inline_max / size;
	uint32_t first = request->words[0];
	uint32_t words[3];
	int r;

	if (fit == 0)
		fit = 1;
	request->slots[SLOT_ROWS] = (struct pluton_slot){.out = wire, .length = fit * size};
	r = operation_perform(pluton, request, REPEAT_ALWAYS, words);
	if (r < 0)
		return r;
	if (words[1] > fit || (words[2] != 0 && words[2] <= first))
		return connection_fail(pluton, -PLUTON_EBADRVAL, "a list that makes no sense");
	request->words[0] = words[2];
	return add_rows(pluton, list, wire, words[1]);
}

/* 1: all pages. 0: the daemon was restarted between two of them. */
static int get_pages(struct pluton *pluton, struct pluton_request *request, struct list *list)
{
	uint32_t connection = 0;
	int r;

	do {
		r = add_page(pluton, request, list);
		if (r < 0)
			return r;
		if (connection != 0 && connection != pluton->reconnect.connection)
			return 0;
		connection = pluton->reconnect.connection;
	} while (request->words[0] != 0);
	return 1;
}

int list_get(struct pluton *pluton, uint32_t driver, uint32_t command, struct list *list)
{
	int r = make_room(pluton, list, 1);

	while (r == 0) {
		struct pluton_request request = {.driver = driver, .command = command};

		list->count = 0;
		r = get_pages(pluton, &request, list);
	}
	if (r < 0)
		free(list->rows);
	return r < 0 ? r : 0;
}
