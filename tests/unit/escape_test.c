/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a program's bytes on their way into the log.
 */
#include "backends/journal/escape.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/suite.h"

static char out[4096];

static const char *escaped(const char *text, size_t length)
{
	size_t n;

	memset(out, 'x', sizeof(out));
	n = escape_text((const uint8_t *)text, length, out);
	CU_ASSERT_EQUAL(n, strlen(out));
	return out;
}

struct example {
	const char *text;
	const char *escaped;
};

static void check_all(const struct example *examples, size_t count)
{
	for (size_t i = 0; i < count; i++)
		CU_ASSERT_STRING_EQUAL(escaped(examples[i].text, strlen(examples[i].text)),
				       examples[i].escaped);
}

static void test_text_stays_as_it_is(void)
{
	static const struct example examples[] = {
		{"plain ~!\"\\ text", "plain ~!\"\\ text"},
		{"Grüße, Ελλάδα, 中文, 😀", "Grüße, Ελλάδα, 中文, 😀"},
		{"\xc2\xa0", "\xc2\xa0"}, /* the first after the C1 controls */
		{"\xdf\xbf\xe0\xa0\x80", "\xdf\xbf\xe0\xa0\x80"},
		{"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"}, /* around surrogates */
		{"\xf0\x90\x80\x80\xf4\x8f\xbf\xbd", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbd"},
	};

	check_all(examples, TESTS_COUNT(examples));
}

static void test_every_control_byte_is_escaped(void)
{
	char wanted[8];

	for (unsigned byte = 0; byte < 0x80; byte++) {
		char text = (char)byte;

		if (byte < 0x20 || byte == 0x7f)
			snprintf(wanted, sizeof(wanted), "\\x%02x", byte);
		else
			snprintf(wanted, sizeof(wanted), "%c", byte);
		CU_ASSERT_STRING_EQUAL(escaped(&text, 1), wanted);
	}
}

static void test_characters_that_end_lines_or_turn_them_round_are_escaped(void)
{
	static const struct example examples[] = {
		{"\xc2\x80\xc2\x85\xc2\x9b\xc2\x9f", "\\xc2\\x80\\xc2\\x85\\xc2\\x9b\\xc2\\x9f"},
		{"\xe2\x80\xa8", "\\xe2\\x80\\xa8"}, /* line separator */
		{"\xe2\x80\xa9", "\\xe2\\x80\\xa9"}, /* paragraph separator */
		{"\xe2\x80\xae", "\\xe2\\x80\\xae"}, /* right-to-left override */
		{"\xe2\x81\xa6", "\\xe2\\x81\\xa6"}, /* left-to-right isolate */
		{"\xe2\x80\x8f", "\\xe2\\x80\\x8f"}, /* right-to-left mark */
		{"\xd8\x9c", "\\xd8\\x9c"},	     /* Arabic letter mark */
		{"\xef\xbb\xbf", "\\xef\\xbb\\xbf"}, /* byte order mark */
	};

	check_all(examples, TESTS_COUNT(examples));
}

static void test_what_is_not_utf8_is_escaped_byte_by_byte(void)
{
	static const struct example examples[] = {
		{"a\xff\xfe", "a\\xff\\xfe"},
		{"\x80z", "\\x80z"},			      /* a continuation alone */
		{"\xc0\x8a", "\\xc0\\x8a"},		      /* an overlong newline, in two */
		{"\xe0\x80\x8a", "\\xe0\\x80\\x8a"},	      /* in three */
		{"\xf0\x80\x80\x8a", "\\xf0\\x80\\x80\\x8a"}, /* and in four bytes */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},	      /* a surrogate */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* past the last */
		{"\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"},
		{"\xe2\x82\nx", "\\xe2\\x82\\x0ax"},	 /* cut off by a newline */
		{"\xe2\x82\xe2\x82\xac", "\\xe2\\x82€"}, /* by another character */
	};

	check_all(examples, TESTS_COUNT(examples));
}

static void test_a_character_cut_off_by_the_end_is_escaped(void)
{
	CU_ASSERT_STRING_EQUAL(escaped("\xf0\x9f\x98\x80", 1), "\\xf0");
	CU_ASSERT_STRING_EQUAL(escaped("\xf0\x9f\x98\x80", 3), "\\xf0\\x9f\\x98");
	CU_ASSERT_STRING_EQUAL(escaped("\xf0\x9f\x98\x80", 4), "\xf0\x9f\x98\x80");
	CU_ASSERT_STRING_EQUAL(escaped("", 0), "");
}

static void test_whatever_comes_it_grows_by_four_at_most_and_has_no_control_byte(void)
{
	uint32_t state = 1;

	for (unsigned round = 0; round < 2000; round++) {
		char text[64];

		for (size_t i = 0; i < sizeof(text); i++) {
			state = state * 1664525u + 1013904223u;
			text[i] = (char)(state >> 24);
		}
		CU_ASSERT(strlen(escaped(text, sizeof(text))) <= sizeof(text) * ESCAPE_GROWTH);
		for (const char *c = out; *c; c++)
			CU_ASSERT((unsigned char)*c >= 0x20 && *c != 0x7f);
		CU_ASSERT_EQUAL(out[sizeof(text) * ESCAPE_GROWTH + 1], 'x');
	}
}

static const struct test tests[] = {
	TEST(test_text_stays_as_it_is),
	TEST(test_every_control_byte_is_escaped),
	TEST(test_characters_that_end_lines_or_turn_them_round_are_escaped),
	TEST(test_what_is_not_utf8_is_escaped_byte_by_byte),
	TEST(test_a_character_cut_off_by_the_end_is_escaped),
	TEST(test_whatever_comes_it_grows_by_four_at_most_and_has_no_control_byte),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "escape", tests, TESTS_COUNT(tests));
}
