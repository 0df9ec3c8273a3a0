/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of commands against what the TPM says of itself, and the parsing of hostile commands.
 */
#include "apps/tpm/commands.h"
#include "apps/tpm/library.h"

#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

/* TPMA_CC, Part 2 section 8.9. */
#define CC_CODE 0xffffu
#define CC_FLUSHED (1u << 24)
#define CC_HANDLES(attributes) ((attributes) >> 25 & 7)
#define CC_MAKES_HANDLE (1u << 28)
#define CC_VENDOR (1u << 29)

static int keep_nothing(void *context, const uint8_t *blob, size_t size)
{
	uint8_t **kept = context;

	free(*kept);
	*kept = malloc(size + sizeof(size_t));
	memcpy(*kept, &size, sizeof(size));
	memcpy(*kept + sizeof(size), blob, size);
	return 0;
}

static const uint8_t *kept_before(void *context, size_t *ret_size)
{
	uint8_t **kept = context;

	if (!*kept)
		return NULL;
	memcpy(ret_size, *kept, sizeof(*ret_size));
	return *kept + sizeof(*ret_size);
}

static uint8_t *kept_blob;

static void start_library(void)
{
	const struct library_keeper keeper = {keep_nothing, kept_before, &kept_blob};
	const struct library_blob none = {0};
	uint8_t startup[] = {0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x44, 0, 0};
	enum library_outcome outcome;
	const uint8_t *response;
	size_t size;

	CU_ASSERT_EQUAL_FATAL(library_start(&keeper, none, none, &outcome), 0);
	CU_ASSERT_EQUAL(outcome, LIBRARY_MANUFACTURED);
	CU_ASSERT_EQUAL_FATAL(library_process(startup, sizeof(startup), 0, &response, &size), 0);
	CU_ASSERT_EQUAL_FATAL(tpm_code(response, size), TPM_RC_SUCCESS);
}

static void stop_library(void)
{
	library_stop();
	free(kept_blob);
	kept_blob = NULL;
}

static void check_attributes(uint32_t attributes)
{
	const struct command *command = command_find(attributes & CC_CODE);

	if (attributes & CC_VENDOR)
		return;
	CU_ASSERT_PTR_NOT_NULL(command);
	if (!command) {
		printf("# 0x%x is not in the table\n", attributes & CC_CODE);
		return;
	}
	CU_ASSERT_EQUAL(command->handles, CC_HANDLES(attributes));
	CU_ASSERT_EQUAL(!!(command->flags & COMMAND_MAKES_HANDLE),
			!!(attributes & CC_MAKES_HANDLE));
	CU_ASSERT_EQUAL(!!(command->flags & COMMAND_FLUSHES), !!(attributes & CC_FLUSHED));
}

static void test_table_says_of_each_command_what_the_tpm_says(void)
{
	uint32_t first = 0x11f;
	unsigned seen = 0;
	bool more = true;

	start_library();
	while (more) {
		uint8_t command[22] = {0x80, 1, 0, 0, 0, 22, 0, 0, 1, 0x7a, 0, 0, 0, 2};
		const uint8_t *response;
		uint32_t count;
		size_t size;

		tpm_put32(command + 14, first);
		tpm_put32(command + 18, 16);
		CU_ASSERT_EQUAL_FATAL(
			library_process(command, sizeof(command), 0, &response, &size), 0);
		CU_ASSERT_EQUAL_FATAL(tpm_code(response, size), TPM_RC_SUCCESS);
		count = tpm_get32(response + 15);
		more = response[10] != 0;
		for (uint32_t i = 0; i < count; i++) {
			uint32_t attributes = tpm_get32(response + 19 + 4 * i);

			check_attributes(attributes);
			first = (attributes & (CC_CODE | CC_VENDOR)) + 1;
			seen++;
		}
	}
	CU_ASSERT_TRUE(seen > 90);
	stop_library();
}

static void test_table_is_in_the_order_of_its_codes_and_finds_each(void)
{
	size_t count;
	const struct command *table = command_table(&count);

	for (size_t i = 0; i < count; i++) {
		CU_ASSERT_TRUE(i == 0 || table[i - 1].code < table[i].code);
		CU_ASSERT_PTR_EQUAL(command_find(table[i].code), &table[i]);
	}
	CU_ASSERT_PTR_NULL(command_find(0));
	CU_ASSERT_PTR_NULL(command_find(0x11e));
	CU_ASSERT_PTR_NULL(command_find(0x20000000));
	CU_ASSERT_PTR_NULL(command_find(UINT32_MAX));
}

/* PolicySecret: two handles, one authorization, parameters of 4 bytes. */
static const uint8_t sample[] = {
	0x80, 2, 0, 0, 0,    35, 0, 0, 1, 0x51, 0x40, 0, 0, 1, 3, 0, 0, 0, /* handles */
	0,    0, 0, 9, 0x40, 0,	 0, 9, 0, 0,	1,    0, 0,		   /* authorization */
	1,    2, 3, 4,
};

static void test_parts_of_a_command_are_found(void)
{
	struct command_parts parts;
	struct command_auth auth;
	const uint8_t *at;
	size_t left;

	CU_ASSERT_TRUE(command_parse(sample, sizeof(sample), &parts));
	CU_ASSERT_STRING_EQUAL(parts.command->name, "PolicySecret");
	CU_ASSERT_TRUE(parts.sessions);
	CU_ASSERT_EQUAL(parts.handles[0], 0x40000001);
	CU_ASSERT_EQUAL(parts.handles[1], 0x03000000);
	CU_ASSERT_EQUAL(parts.parameters_size, 4);
	CU_ASSERT_EQUAL(parts.parameters[0], 1);
	at = parts.auth;
	left = parts.auth_size;
	CU_ASSERT_TRUE(command_next_auth(&at, &left, &auth));
	CU_ASSERT_EQUAL(auth.handle, 0x40000009);
	CU_ASSERT_EQUAL(auth.attributes, 1);
	CU_ASSERT_FALSE(command_next_auth(&at, &left, &auth));
}

static void test_cut_off_and_lying_commands_are_not_read_past_their_end(void)
{
	for (size_t size = 0; size <= sizeof(sample); size++) {
		uint8_t *copy = malloc(size ? size : 1); /* a sanitizer sees its end */
		struct command_parts parts;
		struct command_auth auth;

		memcpy(copy, sample, size);
		if (size >= 6)
			tpm_put32(copy + 2, (uint32_t)size);
		if (command_parse(copy, size, &parts)) {
			const uint8_t *at = parts.auth;
			size_t left = parts.auth_size;

			while (command_next_auth(&at, &left, &auth))
				;
			CU_ASSERT_TRUE(parts.parameters + parts.parameters_size == copy + size);
		} else {
			CU_ASSERT_TRUE(size < sizeof(sample));
		}
		free(copy);
	}
}

static void test_every_value_of_every_byte_is_survived(void)
{
	for (size_t i = 0; i < sizeof(sample); i++) {
		for (unsigned value = 0; value < 256; value++) {
			uint8_t *copy = malloc(sizeof(sample));
			struct command_parts parts;
			struct command_auth auth;

			memcpy(copy, sample, sizeof(sample));
			copy[i] = (uint8_t)value;
			if (command_parse(copy, sizeof(sample), &parts)) {
				const uint8_t *at = parts.auth;
				size_t left = parts.auth_size;

				while (command_next_auth(&at, &left, &auth))
					;
			}
			free(copy);
		}
	}
	CU_PASS("no sanitizer complained");
}

static const struct test tests[] = {
	TEST(test_table_says_of_each_command_what_the_tpm_says),
	TEST(test_table_is_in_the_order_of_its_codes_and_finds_each),
	TEST(test_parts_of_a_command_are_found),
	TEST(test_cut_off_and_lying_commands_are_not_read_past_their_end),
	TEST(test_every_value_of_every_byte_is_survived),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "tpm_commands", tests, TESTS_COUNT(tests));
}
