/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The suite itself: a failure must be seen by whoever reads the TAP or the exit status, or every
 * other test means nothing. The program runs itself again as a suite of deliberate failures.
 */
#include "tests/suite.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the inner suite: what it prints is looked at below -------------------------------------- */

static void passes(void)
{
	CU_ASSERT_TRUE(true);
}

static void fails_twice(void)
{
	CU_ASSERT_EQUAL(1, 2);
	CU_ASSERT_TRUE(false);
}

static void ends_at_a_fatal_failure(void)
{
	CU_ASSERT_TRUE_FATAL(false);
	puts("after the end");
}

static void is_skipped(void)
{
	suite_skip("no such hardware");
}

static void fails_before_a_skip(void)
{
	CU_ASSERT_TRUE(false);
	suite_skip("too late");
}

static void dies(void)
{
	_exit(0);
}

static const struct test inner_tests[] = {
	TEST(passes),	  TEST(fails_twice),	     TEST(ends_at_a_fatal_failure),
	TEST(is_skipped), TEST(fails_before_a_skip), TEST(dies),
};

/* --- running it ------------------------------------------------------------------------------ */

static char output[8192];

/* Exit status of the inner suite, run with the names of `names`. */
static int run_inner(const char *names)
{
	char command[256];
	FILE *inner;

	snprintf(command, sizeof(command), "SUITE_INNER=1 exec /proc/%d/exe %s", (int)getpid(),
		 names);
	inner = popen(command, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(inner);
	output[fread(output, 1, sizeof(output) - 1, inner)] = '\0';
	return WEXITSTATUS(pclose(inner));
}

static bool printed(const char *text)
{
	return strstr(output, text) != NULL;
}

/* --- the tests ------------------------------------------------------------------------------- */

static void test_a_suite_that_passes_says_so_and_ends_with_0(void)
{
	CU_ASSERT_EQUAL(run_inner("passes"), 0);
	CU_ASSERT_STRING_EQUAL(output, "1..1\nok 1 - inner: passes\n");
}

static void test_a_failure_is_not_ok_with_every_failed_assertion_and_ends_with_1(void)
{
	CU_ASSERT_EQUAL(run_inner("passes fails_twice"), 1);
	CU_ASSERT_TRUE(printed("1..2\nok 1 - inner: passes\nnot ok 2 - inner: fails_twice\n# "));
	CU_ASSERT_TRUE(printed("suite_test.c:"));
	CU_ASSERT_TRUE(printed("CU_ASSERT_EQUAL(1,2)\n"));
	CU_ASSERT_TRUE(printed("CU_ASSERT_TRUE(false)\n"));
}

static void test_a_fatal_failure_ends_its_test_and_no_other(void)
{
	CU_ASSERT_EQUAL(run_inner("ends is_skipped"), 1);
	CU_ASSERT_TRUE(printed("not ok 1 - inner: ends_at_a_fatal_failure\n"));
	CU_ASSERT_FALSE(printed("after the end"));
	CU_ASSERT_TRUE(printed("ok 2 - inner: is_skipped"));
}

static void test_a_skipped_test_says_why_and_does_not_fail(void)
{
	CU_ASSERT_EQUAL(run_inner("is_skipped"), 0);
	CU_ASSERT_STRING_EQUAL(output, "1..1\nok 1 - inner: is_skipped # SKIP no such hardware\n");
}

static void test_a_test_that_failed_before_it_was_skipped_has_failed(void)
{
	CU_ASSERT_EQUAL(run_inner("fails_before_a_skip"), 1);
	CU_ASSERT_TRUE(printed("not ok 1 - inner: fails_before_a_skip\n"));
	CU_ASSERT_FALSE(printed("# SKIP"));
}

static void test_a_program_that_dies_leaves_a_plan_that_is_not_kept(void)
{
	run_inner("passes dies");
	CU_ASSERT_STRING_EQUAL(output, "1..2\nok 1 - inner: passes\n");
}

static void test_a_name_that_fits_no_test_is_a_failure(void)
{
	CU_ASSERT_EQUAL(run_inner("nothing_like_it"), 1);
	CU_ASSERT_STRING_EQUAL(output, "1..0\n");
}

static const struct test tests[] = {
	TEST(test_a_suite_that_passes_says_so_and_ends_with_0),
	TEST(test_a_failure_is_not_ok_with_every_failed_assertion_and_ends_with_1),
	TEST(test_a_fatal_failure_ends_its_test_and_no_other),
	TEST(test_a_skipped_test_says_why_and_does_not_fail),
	TEST(test_a_test_that_failed_before_it_was_skipped_has_failed),
	TEST(test_a_program_that_dies_leaves_a_plan_that_is_not_kept),
	TEST(test_a_name_that_fits_no_test_is_a_failure),
};

int main(int argc, char **argv)
{
	if (getenv("SUITE_INNER"))
		return suite_main(argc, argv, "inner", inner_tests, TESTS_COUNT(inner_tests));
	return suite_main(argc, argv, "suite", tests, TESTS_COUNT(tests));
}
