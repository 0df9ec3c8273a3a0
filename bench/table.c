/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts are ours: nothing in them needs to be escaped for JSON. Widths count characters of UTF-8.
 */
#include "bench/table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static int characters(const char *text)
{
	int count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static void print_padded(const char *text, int width)
{
	int room = abs(width) - characters(text);

	if (room < 0)
		room = 0;
	if (width > 0)
		printf("%*s%s", room, "", text);
	else
		printf("%s%*s", text, room, "");
}

static void print_cell(const struct column *column, const struct cell *cell)
{
	char text[32];

	snprintf(text, sizeof(text), "%.*f", column->digits, cell->number);
	print_padded(cell->text ? cell->text : text, column->width);
}

static void print_json(const struct table *table, const struct cell *cells)
{
	printf("{\"bench\":\"%s\",\"table\":\"%s\"", table->program->name, table->title);
	for (size_t i = 0; i < table->count; i++) {
		if (cells[i].text)
			printf(",\"%s\":\"%s\"", table->columns[i].key, cells[i].text);
		else
			printf(",\"%s\":%.9g", table->columns[i].key, cells[i].number);
	}
	printf("}\n");
}

void table_begin(const struct table *table)
{
	if (table->program->json)
		return;
	printf("\n%s\n", table->title);
	for (size_t i = 0; i < table->count; i++) {
		printf("%s", i ? "  " : "");
		print_padded(table->columns[i].heading, table->columns[i].width);
	}
	printf("\n");
}

void table_row(const struct table *table, const struct cell *cells, size_t count)
{
	assert(count == table->count);
	if (table->program->json) {
		print_json(table, cells);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		printf("%s", i ? "  " : "");
		print_cell(&table->columns[i], &cells[i]);
	}
	printf("\n");
}
