/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of rows that a driver answers in pages: as many rows as travel in one record at a time.
 * The daemon says where the next page begins.
 */
#ifndef PLUTON_CLIENT_LIST_H
#define PLUTON_CLIENT_LIST_H

#include <stddef.h>
#include <stdint.h>

struct pluton;
struct row_layout;

/* Rows as the caller gets them. */
struct list {
	const struct row_layout *layout;
	uint8_t *rows;
	size_t count;
	size_t room;
};

/*
 * Asks `command` of `driver`, whose word 0 is the first row wanted, whose slot 0 is room for rows
 * and whose answer is how many there are and where the next page begins (0: nowhere). list->layout
 * is set; rows and count are filled in, and the caller frees rows, never NULL, with free().
 * Nothing is to be freed after a failure.
 */
int list_get(struct pluton *pluton, uint32_t driver, uint32_t command, struct list *list);

#endif
