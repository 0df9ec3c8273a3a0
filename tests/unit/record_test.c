/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records: bytes written out by hand are what the document promises; everything else is refused.
 */
#include <stdlib.h>
#include <string.h>

#include <pluton/error.h>

#include "daemon/kernel/record.h"
#include "tests/suite.h"

/* A copy of exactly `size` bytes, so that a sanitizer sees any byte read past the end. */
static int decode(const uint8_t *bytes, size_t size, struct record *ret)
{
	uint8_t *exact = malloc(size ? size : 1);
	int r;

	memcpy(exact, bytes, size);
	r = record_decode(exact, size, ret);
	free(exact);
	return r;
}

static size_t encode(const struct record *record, uint8_t *bytes)
{
	int r = record_encode(record, bytes, RECORD_SIZE_MAX);

	CU_ASSERT_FATAL(r > 0);
	return (size_t)r;
}

static void put16(uint8_t *to, unsigned value)
{
	to[0] = (uint8_t)value;
	to[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *to, uint32_t value)
{
	put16(to, value & 0xffff);
	put16(to + 2, value >> 16);
}

/* --- one of each type ------------------------------------------------------------------------ */

static const uint8_t payload[] = "payload, sixteen";

static const struct record samples[] = {
	{.header = {.type = RECORD_HELLO}, .hello = {1, 2}},
	{.header = {.type = RECORD_WELCOME}, .welcome = {1, 2, 3, 4, 5, 6, 7, 8, 9}},
	{.header = {.type = RECORD_OPERATION, .op_id = 7, .driver = 0x40006},
	 .operation = {.command = 1,
		       .words = {2, 3, 4, 5},
		       .inline_length = 16,
		       .output_length = 32,
		       .range_count = 2,
		       .ranges = {{0, 0, 16}, {3, 64, 0xffffffff}},
		       .inline_bytes = payload}},
	{.header = {.type = RECORD_CALL, .op_id = 9, .driver = 0x40001},
	 .call = {.class = CLASS_ALLOW_RW, .number = 2, .args = {3, 4, 5, 6}}},
	{.header = {.type = RECORD_CANCEL, .op_id = 7}},
	{.header = {.type = RECORD_WINDOW_ADD, .op_id = 8}},
	{.header = {.type = RECORD_WINDOW_REMOVE, .op_id = 8}, .window = {3}},
	{.header = {.type = RECORD_RETURN, .op_id = 7, .driver = 0x40001},
	 .ret = {.variant = VARIANT_SUCCESS_3U32,
		 .words = {1, 2, 0xfffffffe},
		 .text_length = 7,
		 .text = "refused"}},
	{.header = {.type = RECORD_UPCALL, .flags = RECORD_MORE, .op_id = 7, .driver = 0x40001},
	 .upcall = {.number = 1,
		    .words = {2, 3, 4},
		    .missed = 5,
		    .subscription = 6,
		    .output_length = 16,
		    .output = payload}},
};
#define SAMPLES TESTS_COUNT(samples)

static void test_every_type_comes_back_byte_for_byte(void)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		uint8_t first[RECORD_SIZE_MAX], second[RECORD_SIZE_MAX];
		size_t size = encode(&samples[i], first);
		struct record record;

		memset(second, 0xee, sizeof(second));
		CU_ASSERT_EQUAL_FATAL(record_decode(first, size, &record), 0);
		CU_ASSERT_EQUAL(record.header.type, samples[i].header.type);
		CU_ASSERT_EQUAL(record.header.size, size);
		CU_ASSERT_EQUAL(encode(&record, second), size);
		CU_ASSERT_EQUAL(memcmp(first, second, size), 0);
	}
}

static void test_every_truncation_of_every_type_is_refused(void)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		uint8_t bytes[RECORD_SIZE_MAX];
		size_t size = encode(&samples[i], bytes);
		struct record record;

		for (size_t cut = 0; cut < size; cut++) {
			if (cut >= 8) /* and says so itself */
				put32(bytes + 4, (uint32_t)cut);
			CU_ASSERT_EQUAL(decode(bytes, cut, &record), -PLUTON_ESIZE);
		}
	}
}

static void test_every_type_with_a_byte_too_many_is_refused(void)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		uint8_t bytes[RECORD_SIZE_MAX + 1] = {0};
		size_t size = encode(&samples[i], bytes);
		struct record record;

		put32(bytes + 4, (uint32_t)size + 1);
		CU_ASSERT_EQUAL(decode(bytes, size + 1, &record), -PLUTON_ESIZE);
	}
}

static void test_a_size_field_that_disagrees_with_the_message_is_refused(void)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		uint8_t bytes[RECORD_SIZE_MAX + 1] = {0};
		size_t size = encode(&samples[i], bytes);
		struct record record;

		put32(bytes + 4, (uint32_t)size - 1);
		CU_ASSERT_EQUAL(decode(bytes, size, &record), -PLUTON_ESIZE);
		put32(bytes + 4, 0xffffffff);
		CU_ASSERT_EQUAL(decode(bytes, size, &record), -PLUTON_ESIZE);
		put32(bytes + 4, (uint32_t)size);
		CU_ASSERT_EQUAL(decode(bytes, size + 1, &record), -PLUTON_ESIZE);
	}
}

static void test_encoding_into_one_byte_too_few_is_refused(void)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		uint8_t bytes[RECORD_SIZE_MAX];
		size_t size = encode(&samples[i], bytes);

		CU_ASSERT_EQUAL(record_encode(&samples[i], bytes, size), (int)size);
		CU_ASSERT_EQUAL(record_encode(&samples[i], bytes, size - 1), -PLUTON_ESIZE);
		CU_ASSERT_EQUAL(record_encode(&samples[i], bytes, 0), -PLUTON_ESIZE);
	}
}

/* --- the bytes that docs/protocol.md promises ------------------------------------------------ */

static void test_a_hello_has_the_documented_bytes(void)
{
	static const uint8_t wanted[] = {1, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0,
					 0, 0, 0, 0, 1,	 0, 0, 0, 0, 0, 0, 0};
	const struct record hello = {.header = {.type = RECORD_HELLO}, .hello = {.version = 1}};
	uint8_t bytes[RECORD_SIZE_MAX];

	CU_ASSERT_EQUAL_FATAL(encode(&hello, bytes), sizeof(wanted));
	CU_ASSERT_EQUAL(memcmp(bytes, wanted, sizeof(wanted)), 0);
}

static void test_a_welcome_has_the_documented_fields(void)
{
	uint8_t bytes[52] = {128, 0, 0, 0, 52};
	struct record record;

	for (uint32_t i = 0; i < 9; i++)
		put32(bytes + 16 + 4 * i, 0x01020304 + i);
	CU_ASSERT_EQUAL_FATAL(decode(bytes, sizeof(bytes), &record), 0);
	CU_ASSERT_EQUAL(record.welcome.version, 0x01020304);
	CU_ASSERT_EQUAL(record.welcome.features, 0x01020305);
	CU_ASSERT_EQUAL(record.welcome.pid, 0x01020306);
	CU_ASSERT_EQUAL(record.welcome.process_index, 0x01020307);
	CU_ASSERT_EQUAL(record.welcome.process_generation, 0x01020308);
	CU_ASSERT_EQUAL(record.welcome.inline_max, 0x01020309);
	CU_ASSERT_EQUAL(record.welcome.operations_max, 0x0102030a);
	CU_ASSERT_EQUAL(record.welcome.windows_max, 0x0102030b);
	CU_ASSERT_EQUAL(record.welcome.window_size_max, 0x0102030c);
}

/* An operation of two ranges and three inline bytes, by hand. */
static size_t operation_bytes(uint8_t *bytes)
{
	memset(bytes, 0, 75);
	put16(bytes, RECORD_OPERATION);
	put32(bytes + 4, 75);
	put32(bytes + 8, 0x11223344);
	put32(bytes + 12, 0x40006);
	put32(bytes + 16, 2);
	for (uint32_t i = 0; i < 4; i++)
		put32(bytes + 20 + 4 * i, 0x100 + i);
	put16(bytes + 36, 3);
	put16(bytes + 38, 0x0506);
	put16(bytes + 40, 2);
	put32(bytes + 60, 9);
	put32(bytes + 64, 8);
	put32(bytes + 68, 7);
	memcpy(bytes + 72, "abc", 3);
	return 75;
}

static void test_an_operation_has_the_documented_fields(void)
{
	uint8_t bytes[80];
	struct record record;

	CU_ASSERT_EQUAL_FATAL(record_decode(bytes, operation_bytes(bytes), &record), 0);
	CU_ASSERT_EQUAL(record.header.op_id, 0x11223344);
	CU_ASSERT_EQUAL(record.header.driver, 0x40006);
	CU_ASSERT_EQUAL(record.operation.command, 2);
	CU_ASSERT_EQUAL(record.operation.words[0], 0x100);
	CU_ASSERT_EQUAL(record.operation.words[3], 0x103);
	CU_ASSERT_EQUAL(record.operation.inline_length, 3);
	CU_ASSERT_EQUAL(record.operation.output_length, 0x0506);
	CU_ASSERT_EQUAL(record.operation.range_count, 2);
	CU_ASSERT_EQUAL(record.operation.ranges[0].length, 0);
	CU_ASSERT_EQUAL(record.operation.ranges[1].window, 9);
	CU_ASSERT_EQUAL(record.operation.ranges[1].offset, 8);
	CU_ASSERT_EQUAL(record.operation.ranges[1].length, 7);
	CU_ASSERT_PTR_EQUAL(record.operation.inline_bytes, bytes + 72);
}

static void test_a_return_has_the_documented_fields(void)
{
	uint8_t bytes[50] = {129, 0, 0, 0, 50};
	struct record record;

	put32(bytes + 16, VARIANT_SUCCESS_2U32);
	put32(bytes + 20, 5);
	put32(bytes + 28, 6);
	put16(bytes + 32, 2);
	memcpy(bytes + 48, "no", 2);
	CU_ASSERT_EQUAL_FATAL(record_decode(bytes, sizeof(bytes), &record), 0);
	CU_ASSERT_EQUAL(record.ret.variant, VARIANT_SUCCESS_2U32);
	CU_ASSERT_EQUAL(record.ret.words[0], 5);
	CU_ASSERT_EQUAL(record.ret.words[2], 6);
	CU_ASSERT_EQUAL(record.ret.text_length, 2);
	CU_ASSERT_PTR_EQUAL(record.ret.text, bytes + 48);
}

static void test_an_upcall_has_the_documented_fields(void)
{
	uint8_t bytes[49] = {130, 0, 1, 0, 49};
	struct record record;

	put32(bytes + 16, 1);
	put32(bytes + 20, 2);
	put32(bytes + 28, 4);
	put32(bytes + 32, 5);
	put32(bytes + 36, 6);
	put16(bytes + 40, 1);
	CU_ASSERT_EQUAL_FATAL(record_decode(bytes, sizeof(bytes), &record), 0);
	CU_ASSERT_EQUAL(record.header.flags, RECORD_MORE);
	CU_ASSERT_EQUAL(record.upcall.number, 1);
	CU_ASSERT_EQUAL(record.upcall.words[0], 2);
	CU_ASSERT_EQUAL(record.upcall.words[2], 4);
	CU_ASSERT_EQUAL(record.upcall.missed, 5);
	CU_ASSERT_EQUAL(record.upcall.subscription, 6);
	CU_ASSERT_EQUAL(record.upcall.output_length, 1);
	CU_ASSERT_PTR_EQUAL(record.upcall.output, bytes + 48);
}

/* --- what is wrong with a record ------------------------------------------------------------- */

static void test_a_cancel_names_an_operation_or_a_driver_and_not_both(void)
{
	const struct record standing = {.header = {.type = RECORD_CANCEL, .driver = 0x40001}};
	const struct record both = {
		.header = {.type = RECORD_CANCEL, .op_id = 7, .driver = 0x40001}};
	uint8_t bytes[RECORD_HEADER_SIZE];
	struct record record;

	CU_ASSERT_EQUAL(decode(bytes, encode(&standing, bytes), &record), 0);
	CU_ASSERT_EQUAL(record.header.driver, 0x40001);
	CU_ASSERT_EQUAL(decode(bytes, encode(&both, bytes), &record), -PLUTON_EINVAL);
}

static void test_reserved_bytes_must_be_zero(void)
{
	/* which sample, which byte */
	static const size_t reserved[][2] = {
		{2, 42}, {2, 43}, {2, 44}, {2, 47}, {7, 34}, {7, 36}, {7, 40},
		{7, 47}, {8, 42}, {8, 44}, {8, 47}, {0, 8},  {0, 12}, {1, 8},
		{1, 12}, {4, 12}, {5, 12}, {6, 12}, {5, 16}, {5, 19},
	};

	for (size_t i = 0; i < TESTS_COUNT(reserved); i++) {
		uint8_t bytes[RECORD_SIZE_MAX];
		size_t size = encode(&samples[reserved[i][0]], bytes);
		struct record record;

		bytes[reserved[i][1]] = 1;
		CU_ASSERT_EQUAL(decode(bytes, size, &record), -PLUTON_EINVAL);
	}
}

static void test_unknown_flags_are_refused(void)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		uint8_t bytes[RECORD_SIZE_MAX];
		size_t size = encode(&samples[i], bytes);
		struct record record;

		for (unsigned bit = 0; bit < 16; bit++) {
			bool known =
				samples[i].header.type == RECORD_UPCALL && 1u << bit == RECORD_MORE;

			put16(bytes + 2, 1u << bit);
			CU_ASSERT_EQUAL(decode(bytes, size, &record), known ? 0 : -PLUTON_EINVAL);
		}
	}
}

static void test_unknown_types_are_refused_whatever_their_length(void)
{
	uint8_t bytes[RECORD_SIZE_MAX] = {0};
	struct record record;

	for (unsigned type = 0; type <= 0xffff; type++) {
		if ((type >= 1 && type <= 7) || (type >= 128 && type <= 131))
			continue;
		put16(bytes, type);
		put32(bytes + 4, 16);
		CU_ASSERT_EQUAL(record_decode(bytes, 16, &record), -PLUTON_ENOSUPPORT);
		CU_ASSERT_EQUAL(record.header.type, type);
	}
	record.header.type = 99;
	CU_ASSERT_EQUAL(record_encode(&record, bytes, sizeof(bytes)), -PLUTON_ENOSUPPORT);
}

static void test_more_than_eight_ranges_are_refused(void)
{
	uint8_t bytes[RECORD_SIZE_MAX] = {0};
	struct record record = samples[2];

	put16(bytes, RECORD_OPERATION);
	put16(bytes + 40, 9);
	put32(bytes + 4, 48 + 9 * 12);
	CU_ASSERT_EQUAL(decode(bytes, 48 + 9 * 12, &record), -PLUTON_EINVAL);
	put16(bytes + 40, 0xffff);
	CU_ASSERT_EQUAL(decode(bytes, 48 + 9 * 12, &record), -PLUTON_EINVAL);
	record = samples[2];
	record.operation.range_count = 9;
	CU_ASSERT_EQUAL(record_encode(&record, bytes, sizeof(bytes)), -PLUTON_ESIZE);
}

static void test_eight_ranges_and_all_inline_bytes_are_the_largest_record(void)
{
	static const uint8_t inline_bytes[RECORD_INLINE_LIMIT];
	struct record record = samples[2];
	uint8_t bytes[RECORD_SIZE_MAX];

	record.operation.range_count = RECORD_RANGES_MAX;
	record.operation.inline_length = RECORD_INLINE_LIMIT;
	record.operation.output_length = 0;
	record.operation.inline_bytes = inline_bytes;
	CU_ASSERT_EQUAL_FATAL(encode(&record, bytes), RECORD_SIZE_MAX);
	CU_ASSERT_EQUAL(decode(bytes, sizeof(bytes), &record), 0);
	CU_ASSERT_EQUAL(record.operation.inline_length, RECORD_INLINE_LIMIT);
}

static void test_inline_bytes_both_ways_share_one_limit(void)
{
	struct record record = samples[2], back;
	uint8_t bytes[RECORD_SIZE_MAX];
	size_t size;

	record.operation.output_length = RECORD_INLINE_LIMIT - 16;
	size = encode(&record, bytes);
	CU_ASSERT_EQUAL(decode(bytes, size, &back), 0);
	put16(bytes + 38, RECORD_INLINE_LIMIT - 15);
	CU_ASSERT_EQUAL(decode(bytes, size, &back), -PLUTON_ESIZE);
	put16(bytes + 38, 0xffff);
	CU_ASSERT_EQUAL(decode(bytes, size, &back), -PLUTON_ESIZE);
	record.operation.output_length = RECORD_INLINE_LIMIT - 15;
	CU_ASSERT_EQUAL(record_encode(&record, bytes, sizeof(bytes)), -PLUTON_ESIZE);
}

static void test_counts_inside_an_operation_must_add_up(void)
{
	uint8_t bytes[80];
	size_t size = operation_bytes(bytes);
	struct record record;

	put16(bytes + 36, 4); /* one inline byte that is not there */
	CU_ASSERT_EQUAL(decode(bytes, size, &record), -PLUTON_ESIZE);
	put16(bytes + 36, 2); /* one that nobody announced */
	CU_ASSERT_EQUAL(decode(bytes, size, &record), -PLUTON_ESIZE);
	put16(bytes + 36, 3);
	put16(bytes + 40, 3); /* a range that is not there */
	CU_ASSERT_EQUAL(decode(bytes, size, &record), -PLUTON_ESIZE);
	put16(bytes + 40, 1);
	CU_ASSERT_EQUAL(decode(bytes, size, &record), -PLUTON_ESIZE);
	put16(bytes + 40, 1); /* but 12 + 3 bytes may as well be inline */
	put16(bytes + 36, 15);
	CU_ASSERT_EQUAL(decode(bytes, size, &record), 0);
}

static void test_a_text_or_an_output_over_its_limit_is_refused(void)
{
	struct record text = samples[7], output = samples[8];
	uint8_t bytes[RECORD_SIZE_MAX] = {0};

	text.ret.text_length = RECORD_TEXT_MAX + 1;
	CU_ASSERT_EQUAL(record_encode(&text, bytes, sizeof(bytes)), -PLUTON_ESIZE);
	put16(bytes, RECORD_RETURN);
	put32(bytes + 4, 48 + RECORD_TEXT_MAX + 1);
	put16(bytes + 32, RECORD_TEXT_MAX + 1);
	CU_ASSERT_EQUAL(decode(bytes, 48 + RECORD_TEXT_MAX + 1, &text), -PLUTON_ESIZE);
	output.upcall.output_length = RECORD_INLINE_LIMIT + 1;
	CU_ASSERT_EQUAL(record_encode(&output, bytes, sizeof(bytes)), -PLUTON_ESIZE);
	memset(bytes, 0, sizeof(bytes));
	put16(bytes, RECORD_UPCALL);
	put32(bytes + 4, 48 + RECORD_INLINE_LIMIT + 1);
	put16(bytes + 40, RECORD_INLINE_LIMIT + 1);
	CU_ASSERT_EQUAL(decode(bytes, 48 + RECORD_INLINE_LIMIT + 1, &output), -PLUTON_ESIZE);
}

/* --- what a failure leaves ------------------------------------------------------------------- */

static void test_a_failure_leaves_the_header_and_nothing_else(void)
{
	uint8_t bytes[80];
	size_t size = operation_bytes(bytes);
	struct record record;

	bytes[44] = 1;
	memset(&record, 0xee, sizeof(record));
	CU_ASSERT_EQUAL(decode(bytes, size, &record), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(record.header.op_id, 0x11223344);
	CU_ASSERT_EQUAL(record.operation.command, 0);
	CU_ASSERT_PTR_NULL(record.operation.inline_bytes);
}

static void test_less_than_a_header_leaves_zeroes(void)
{
	uint8_t bytes[80];
	struct record record;

	(void)operation_bytes(bytes);
	memset(&record, 0xee, sizeof(record));
	CU_ASSERT_EQUAL(decode(bytes, 15, &record), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(record.header.type, 0);
	CU_ASSERT_EQUAL(record.header.op_id, 0);
	CU_ASSERT_EQUAL(decode(bytes, 0, &record), -PLUTON_ESIZE);
}

static void test_random_bytes_never_decode_past_their_end(void)
{
	uint32_t state = 1;

	for (unsigned round = 0; round < 20000; round++) {
		uint8_t bytes[160];
		size_t size;
		struct record record;

		for (size_t i = 0; i < sizeof(bytes); i++) {
			state = state * 1664525u + 1013904223u;
			bytes[i] = state >> 28 ? 0 : (uint8_t)(state >> 20);
		}
		size = state >> 8 & 0x7f;
		put16(bytes, samples[state % SAMPLES].header.type);
		put32(bytes + 4, (uint32_t)size);
		(void)decode(bytes, size, &record);
	}
}

static const struct test tests[] = {
	TEST(test_every_type_comes_back_byte_for_byte),
	TEST(test_every_truncation_of_every_type_is_refused),
	TEST(test_every_type_with_a_byte_too_many_is_refused),
	TEST(test_a_size_field_that_disagrees_with_the_message_is_refused),
	TEST(test_encoding_into_one_byte_too_few_is_refused),
	TEST(test_a_hello_has_the_documented_bytes),
	TEST(test_a_welcome_has_the_documented_fields),
	TEST(test_an_operation_has_the_documented_fields),
	TEST(test_a_return_has_the_documented_fields),
	TEST(test_an_upcall_has_the_documented_fields),
	TEST(test_reserved_bytes_must_be_zero),
	TEST(test_unknown_flags_are_refused),
	TEST(test_unknown_types_are_refused_whatever_their_length),
	TEST(test_more_than_eight_ranges_are_refused),
	TEST(test_eight_ranges_and_all_inline_bytes_are_the_largest_record),
	TEST(test_inline_bytes_both_ways_share_one_limit),
	TEST(test_counts_inside_an_operation_must_add_up),
	TEST(test_a_text_or_an_output_over_its_limit_is_refused),
	TEST(test_a_failure_leaves_the_header_and_nothing_else),
	TEST(test_less_than_a_header_leaves_zeroes),
	TEST(test_random_bytes_never_decode_past_their_end),
	TEST(test_a_cancel_names_an_operation_or_a_driver_and_not_both),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "record", tests, TESTS_COUNT(tests));
}
