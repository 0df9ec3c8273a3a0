/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a C test program is written: a table of named functions, run by CUnit, reported as TAP.
 *
 *	static void test_a_thing_does_this(void)
 *	{
 *		CU_ASSERT_EQUAL(thing(), 0);
 *	}
 *	static const struct test tests[] = {TEST(test_a_thing_does_this)};
 *	int main(int argc, char **argv)
 *	{
 *		return suite_main(argc, argv, "thing", tests, TESTS_COUNT(tests));
 *	}
 *
 * With arguments, only the tests whose names contain one of them are run. A test that takes more
 * than five minutes is taken for hanging and ends the program; SIGALRM is the suite's.
 */
#ifndef PLUTON_TESTS_SUITE_H
#define PLUTON_TESTS_SUITE_H

#include <CUnit/CUnit.h>
#include <stddef.h>

struct test {
	const char *name;
	void (*run)(void);
};

/* clang-format off */
#define TEST(function) {#function, function}
/* clang-format on */
#define TESTS_COUNT(tests) (sizeof(tests) / sizeof((tests)[0]))

/*
 * Runs them in the order of the table and prints TAP: "ok N - suite: name", or "not ok" followed by
 * one "#" line for each failed assertion. Returns an exit status: 0 if all passed and at least one
 * ran.
 */
int suite_main(int argc, char **argv, const char *suite, const struct test *tests, size_t count);

/* Ends the running test as skipped, with a reason (TAP "# SKIP"). Does not return. */
void suite_skip(const char *reason) __attribute__((noreturn));

#endif
