/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the manager (client-lib/rows.h) as aligned columns or as JSON. JSON has every field of a
 * row under its own name; people see the columns that a view names.
 */
#ifndef PLUTON_CLI_TABLE_H
#define PLUTON_CLI_TABLE_H

#include <stddef.h>

#include "cli/json.h"
#include "client-lib/rows.h"

/* What a number stands for. */
enum column_kind {
	COLUMN_PLAIN, /* itself, or text */
	COLUMN_HEX,   /* a number in JSON */
	COLUMN_FLAG,  /* yes or no; a boolean in JSON */
	COLUMN_WORD,  /* a number with a name, which stands in JSON too */
	COLUMN_DATE,  /* seconds since 1970, which stand in JSON; 0: unknown */
	COLUMN_MILLISECONDS,
};

struct column {
	const char *field; /* a name in the layout */
	const char *title;
	enum column_kind kind;
	const char *(*word)(uint64_t number); /* COLUMN_WORD: its name */
};

struct table {
	const struct row_layout *layout;
	const struct column *columns;
	size_t column_count;
};

/* To stdout, with a header: texts to the left, numbers to the right. */
void table_print(const struct table *table, const void *rows, size_t count);

#define TABLE_TITLE_WIDTH 22

/* To stdout: one row, a line for each column, whose value stands after that width and two blanks.
 */
void table_print_row(const struct table *table, const void *row);

/* The caller owns what these return. */
struct json_object *table_json(const struct table *table, const void *rows, size_t count);
struct json_object *table_json_row(const struct table *table, const void *row);

#endif
