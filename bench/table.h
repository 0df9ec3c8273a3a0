/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table that is printed row by row as the figures come, or as JSON lines.
 */
#ifndef PLUTON_BENCH_TABLE_H
#define PLUTON_BENCH_TABLE_H

#include <stddef.h>

#include "bench/program.h"

struct column {
	const char *heading;
	const char *key; /* in JSON */
	int width;	 /* characters; negative: to the left */
	int digits;	 /* of numbers, behind the point */
};

struct table {
	const struct program *program;
	const char *title;
	const struct column *columns;
	size_t count;
};

struct cell {
	const char *text; /* NULL: the number */
	double number;
};

#define TEXT(string)                                                                               \
	(struct cell)                                                                              \
	{                                                                                          \
		.text = (string)                                                                   \
	}
#define NUMBER(value)                                                                              \
	(struct cell)                                                                              \
	{                                                                                          \
		.number = (double)(value)                                                          \
	}
#define NOTHING TEXT("")

/* Title and headings. */
void table_begin(const struct table *table);

/* As many cells as the table has columns. */
void table_row(const struct table *table, const struct cell *cells, size_t count);

#define TABLE_ROW(table, ...)                                                                      \
	table_row((table), (const struct cell[]){__VA_ARGS__},                                     \
		  sizeof((const struct cell[]){__VA_ARGS__}) / sizeof(struct cell))

#endif
