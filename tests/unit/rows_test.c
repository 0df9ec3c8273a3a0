/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of answers: the tables of fields cover the structs of the public headers exactly.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/rows.h"
#include "tests/suite.h"

static const struct row_layout *const layouts[] = {
	&row_status,   &row_capsule, &row_engine, &row_process, &row_limit,    &row_handler,
	&row_selftest, &row_nv,	     &row_hwkey,  &row_app,	&row_app_peer, &row_tpm_info,
};

/* Bytes behind the fields: these two rows have a `reserved`. */
static size_t reserved(const struct row_layout *layout)
{
	return layout == &row_app_peer || layout == &row_selftest ? 4 : 0;
}

static void test_fields_follow_one_another_without_a_gap(void)
{
	for (size_t i = 0; i < TESTS_COUNT(layouts); i++) {
		size_t end = 0;

		for (size_t j = 0; j < layouts[i]->field_count; j++) {
			CU_ASSERT_EQUAL(layouts[i]->fields[j].offset, end);
			end += layouts[i]->fields[j].size;
		}
		CU_ASSERT_EQUAL(end, layouts[i]->size - reserved(layouts[i]));
	}
}

static void test_types_agree_with_sizes(void)
{
	for (size_t i = 0; i < TESTS_COUNT(layouts); i++) {
		for (size_t j = 0; j < layouts[i]->field_count; j++) {
			const struct row_field *field = &layouts[i]->fields[j];

			if (field->type != ROW_TEXT)
				CU_ASSERT_EQUAL(field->size, field->type == ROW_U32 ? 4 : 8);
			CU_ASSERT_PTR_NOT_NULL(field->doc);
		}
	}
}

static void test_numbers_are_little_endian_at_their_offsets(void)
{
	const struct pluton_limit_row row = {.name = "window_max", .value = 0x0102030405060708};
	uint8_t wire[40];

	row_encode(&row_limit, &row, wire);
	CU_ASSERT_STRING_EQUAL((const char *)wire, "window_max");
	CU_ASSERT_EQUAL(wire[32], 8);
	CU_ASSERT_EQUAL(wire[39], 1);
}

static void test_every_row_comes_back(void)
{
	for (size_t i = 0; i < TESTS_COUNT(layouts); i++) {
		uint8_t row[256], wire[256], back[256];

		for (size_t j = 0; j < sizeof(row); j++)
			row[j] = (uint8_t)(j + 1);
		for (size_t j = 0; j < layouts[i]->field_count; j++) {
			const struct row_field *field = &layouts[i]->fields[j];

			if (field->type == ROW_TEXT)
				memset(row + field->offset + 5, 0, field->size - 5u);
		}
		memset(row + layouts[i]->size - reserved(layouts[i]), 0, reserved(layouts[i]));
		row_encode(layouts[i], row, wire);
		CU_ASSERT_EQUAL(row_decode(layouts[i], wire, back), 0);
		CU_ASSERT_EQUAL(memcmp(row, back, layouts[i]->size), 0);
	}
}

static void test_what_lies_behind_the_end_of_a_text_is_not_sent(void)
{
	struct pluton_limit_row row = {.value = 1};
	uint8_t wire[40];

	memset(row.name, 'x', sizeof(row.name));
	row.name[2] = '\0';
	row_encode(&row_limit, &row, wire);
	for (size_t i = 2; i < PLUTON_NAME_SIZE; i++)
		CU_ASSERT_EQUAL(wire[i], 0);
}

static void test_a_text_that_fills_its_field_is_cut_by_one_byte(void)
{
	struct pluton_limit_row row = {.value = 1}, back;
	uint8_t wire[40];

	memset(row.name, 'x', sizeof(row.name));
	row_encode(&row_limit, &row, wire);
	CU_ASSERT_EQUAL(row_decode(&row_limit, wire, &back), 0);
	CU_ASSERT_EQUAL(strlen(back.name), PLUTON_NAME_SIZE - 1);
}

static void test_a_text_without_an_end_is_refused(void)
{
	struct pluton_limit_row back;
	uint8_t wire[40];

	memset(wire, 'x', sizeof(wire));
	CU_ASSERT_EQUAL(row_decode(&row_limit, wire, &back), -PLUTON_EBADRVAL);
}

static void test_fields_give_their_values(void)
{
	const struct pluton_process_row row = {
		.command = "sleep", .pid = 7, .arena_limit = 1ull << 40};
	const struct row_field *fields = row_process.fields;

	for (size_t i = 0; i < row_process.field_count; i++) {
		if (strcmp(fields[i].name, "command") == 0) {
			CU_ASSERT_STRING_EQUAL(row_text(&fields[i], &row), "sleep");
			CU_ASSERT_EQUAL(row_number(&fields[i], &row), 0);
		} else if (strcmp(fields[i].name, "pid") == 0) {
			CU_ASSERT_EQUAL(row_number(&fields[i], &row), 7);
			CU_ASSERT_PTR_NULL(row_text(&fields[i], &row));
		} else if (strcmp(fields[i].name, "arena_limit") == 0) {
			CU_ASSERT_EQUAL(row_number(&fields[i], &row), 1ull << 40);
		}
	}
}

static void test_every_error_has_a_name_and_a_sentence(void)
{
	for (int error = 0; error <= 13; error++) {
		CU_ASSERT_STRING_NOT_EQUAL(pluton_error_name(error), "UNKNOWN");
		CU_ASSERT_PTR_EQUAL(pluton_error_name(error), pluton_error_name(-error));
		CU_ASSERT(strlen(pluton_error_text(error)) > 0);
	}
	CU_ASSERT_STRING_EQUAL(pluton_error_name(-PLUTON_EINVAL), "INVAL");
	CU_ASSERT_STRING_EQUAL(pluton_error_name(PLUTON_EBADRVAL), "BADRVAL");
	CU_ASSERT_STRING_EQUAL(pluton_error_name(14), "UNKNOWN");
	CU_ASSERT_STRING_EQUAL(pluton_error_name(INT32_MIN), "UNKNOWN");
	CU_ASSERT_PTR_NOT_NULL(pluton_error_text(INT32_MIN));
}

static const struct test tests[] = {
	TEST(test_fields_follow_one_another_without_a_gap),
	TEST(test_types_agree_with_sizes),
	TEST(test_numbers_are_little_endian_at_their_offsets),
	TEST(test_every_row_comes_back),
	TEST(test_what_lies_behind_the_end_of_a_text_is_not_sent),
	TEST(test_a_text_that_fills_its_field_is_cut_by_one_byte),
	TEST(test_a_text_without_an_end_is_refused),
	TEST(test_fields_give_their_values),
	TEST(test_every_error_has_a_name_and_a_sentence),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "rows", tests, TESTS_COUNT(tests));
}
