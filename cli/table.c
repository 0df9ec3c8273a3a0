/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two passes over the cells for people: one for the widths, one to print. A cell is made anew in
 * each; tables are small.
 */
#include "cli/table.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/failure.h"
#include "cli/text.h"

#define CELL_SIZE 128 /* bytes; more than any text of a row and any number */
#define GAP 2	      /* blanks between columns */

struct cell {
	char text[CELL_SIZE];
};

static const struct row_field *field_of(const struct table *table, const struct column *column)
{
	for (size_t i = 0; i < table->layout->field_count; i++) {
		if (strcmp(table->layout->fields[i].name, column->field) == 0)
			return &table->layout->fields[i];
	}
	abort(); /* a view names a field that is not there */
}

static const void *row_at(const struct table *table, const void *rows, size_t index)
{
	return (const char *)rows + index * table->layout->size;
}

static void print_date(uint64_t seconds, char *text)
{
	time_t time = (time_t)seconds;
	struct tm date;

	if (seconds == 0 || !gmtime_r(&time, &date) ||
	    strftime(text, CELL_SIZE, "%Y-%m-%d %H:%M:%S UTC", &date) == 0)
		snprintf(text, CELL_SIZE, "unknown");
}

static void number_cell(const struct column *column, uint64_t number, struct cell *cell)
{
	char *text = cell->text;

	switch (column->kind) {
	case COLUMN_PLAIN:
		snprintf(text, CELL_SIZE, "%" PRIu64, number);
		break;
	case COLUMN_HEX:
		snprintf(text, CELL_SIZE, "0x%" PRIx64, number);
		break;
	case COLUMN_FLAG:
		snprintf(text, CELL_SIZE, "%s", number ? "yes" : "no");
		break;
	case COLUMN_WORD:
		snprintf(text, CELL_SIZE, "%s", column->word(number));
		break;
	case COLUMN_DATE:
		print_date(number, text);
		break;
	case COLUMN_MILLISECONDS:
		snprintf(text, CELL_SIZE, "%" PRIu64 ".%03u s", number / 1000,
			 (unsigned)(number % 1000));
		break;
	}
}

static struct cell cell_of(const struct table *table, const struct column *column, const void *row)
{
	const struct row_field *field = field_of(table, column);
	struct cell cell;

	if (field->type == ROW_TEXT) {
		snprintf(cell.text, CELL_SIZE, "%s", row_text(field, row));
		text_printable(cell.text);
	} else {
		number_cell(column, row_number(field, row), &cell);
	}
	return cell;
}

static bool is_right_aligned(const struct table *table, const struct column *column)
{
	return field_of(table, column)->type != ROW_TEXT && column->kind != COLUMN_FLAG &&
	       column->kind != COLUMN_WORD;
}

static size_t width_of(const struct table *table, const struct column *column, const void *rows,
		       size_t count)
{
	size_t width = text_width(column->title);

	for (size_t i = 0; i < count; i++) {
		struct cell cell = cell_of(table, column, row_at(table, rows, i));
		size_t cell_width = text_width(cell.text);

		width = cell_width > width ? cell_width : width;
	}
	return width;
}

/* One line of cells; row NULL is the header. */
static void print_line(const struct table *table, const size_t *widths, const void *row)
{
	for (size_t i = 0; i < table->column_count; i++) {
		const struct column *column = &table->columns[i];
		struct cell cell = {{0}};
		bool last = i + 1 == table->column_count;
		int blanks;

		if (row)
			cell = cell_of(table, column, row);
		else
			snprintf(cell.text, CELL_SIZE, "%s", column->title);
		blanks = (int)(widths[i] - text_width(cell.text));
		if (is_right_aligned(table, column))
			printf("%*s%s", blanks, "", cell.text);
		else
			printf("%s%*s", cell.text, last ? 0 : blanks, "");
		printf("%*s", last ? 0 : GAP, "");
	}
	putchar('\n');
}

void table_print(const struct table *table, const void *rows, size_t count)
{
	size_t *widths = calloc(table->column_count, sizeof(*widths));

	if (!widths)
		return;
	for (size_t i = 0; i < table->column_count; i++)
		widths[i] = width_of(table, &table->columns[i], rows, count);
	print_line(table, widths, NULL);
	for (size_t i = 0; i < count; i++)
		print_line(table, widths, row_at(table, rows, i));
	free(widths);
}

void table_print_row(const struct table *table, const void *row)
{
	for (size_t i = 0; i < table->column_count; i++) {
		struct cell cell = cell_of(table, &table->columns[i], row);

		printf("%-*s  %s\n", TABLE_TITLE_WIDTH, table->columns[i].title, cell.text);
	}
}

/* NULL: people are not shown this field. */
static const struct column *column_of(const struct table *table, const struct row_field *field)
{
	for (size_t i = 0; i < table->column_count; i++) {
		if (strcmp(table->columns[i].field, field->name) == 0)
			return &table->columns[i];
	}
	return NULL;
}

static struct json_object *json_field(const struct table *table, const struct row_field *field,
				      const void *row)
{
	const struct column *column = column_of(table, field);
	uint64_t number;

	if (field->type == ROW_TEXT)
		return json_text(row_text(field, row));
	number = row_number(field, row);
	switch (column ? column->kind : COLUMN_PLAIN) {
	case COLUMN_FLAG:
		return json_object_new_boolean(number != 0);
	case COLUMN_WORD:
		return json_object_new_string(column->word(number));
	default:
		return json_object_new_uint64(number);
	}
}

struct json_object *table_json_row(const struct table *table, const void *row)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < table->layout->field_count; i++) {
		const struct row_field *field = &table->layout->fields[i];

		json_object_object_add(object, field->name, json_field(table, field, row));
	}
	return object;
}

struct json_object *table_json(const struct table *table, const void *rows, size_t count)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < count; i++)
		json_object_array_add(array, table_json_row(table, row_at(table, rows, i)));
	return array;
}
