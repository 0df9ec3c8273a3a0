/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suite.h on CUnit: CUnit counts assertions and catches the fatal ones, this prints TAP.
 * Every line leaves at once: a test may fork, and a child must not repeat what waits in a buffer.
 */
#include "tests/suite.h"

#include <CUnit/TestRun.h>
#include <setjmp.h>
#include <stdarg.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_S 300 /* only a test that hangs runs so long, even under a sanitizer */

/* CUnit's handlers carry no argument, hence one run's state is here. */
static struct {
	const char *suite;
	const char *running;
	unsigned done;
	unsigned failed;
	const char *skip_reason; /* of the running test; NULL: it was not skipped */
} run;

__attribute__((format(printf, 1, 2))) static void print_line(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static void print_failures(const struct CU_FailureRecord *failure, const struct CU_Test *test)
{
	for (; failure; failure = failure->pNext) {
		if (failure->pTest == test)
			print_line("# %s:%u: %s", failure->strFileName, failure->uiLineNumber,
				   failure->strCondition);
	}
}

/* A plan without its last results is a failure for whoever reads the TAP; this says why. */
static void on_alarm(int number)
{
	static const char why[] = " hangs\n";

	(void)number;
	if (write(STDOUT_FILENO, "# ", 2) < 0 ||
	    write(STDOUT_FILENO, run.running, strlen(run.running)) < 0 ||
	    write(STDOUT_FILENO, why, sizeof(why) - 1) < 0)
		_exit(1);
	abort();
}

static void test_started(const CU_pTest test, const CU_pSuite suite)
{
	(void)suite;
	run.running = test->pName;
	run.skip_reason = NULL;
	alarm(PATIENCE_S);
}

static void test_completed(const CU_pTest test, const CU_pSuite suite,
			   const CU_pFailureRecord failures)
{
	(void)suite;
	alarm(0);
	run.done++;
	if (failures) {
		run.failed++;
		print_line("not ok %u - %s: %s", run.done, run.suite, test->pName);
		print_failures(failures, test);
	} else if (run.skip_reason) {
		print_line("ok %u - %s: %s # SKIP %s", run.done, run.suite, test->pName,
			   run.skip_reason);
	} else {
		print_line("ok %u - %s: %s", run.done, run.suite, test->pName);
	}
}

void suite_skip(const char *reason)
{
	run.skip_reason = reason;
	longjmp(*CU_get_current_test()->pJumpBuf, 1);
}

static bool is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strstr(name, argv[i]))
			return true;
	}
	return argc < 2;
}

static unsigned add_wanted(CU_pSuite suite, int argc, char **argv, const struct test *tests,
			   size_t count)
{
	unsigned added = 0;

	for (size_t i = 0; i < count; i++) {
		if (!is_wanted(tests[i].name, argc, argv))
			continue;
		if (!CU_add_test(suite, tests[i].name, tests[i].run))
			return 0;
		added++;
	}
	return added;
}

int suite_main(int argc, char **argv, const char *name, const struct test *tests, size_t count)
{
	unsigned wanted;
	CU_pSuite suite;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	suite = CU_add_suite(name, NULL, NULL);
	wanted = suite ? add_wanted(suite, argc, argv, tests, count) : 0;
	run.suite = name;
	print_line("1..%u", wanted);
	signal(SIGALRM, on_alarm);
	CU_set_test_start_handler(test_started);
	CU_set_test_complete_handler(test_completed);
	CU_run_all_tests();
	CU_cleanup_registry();
	return wanted > 0 && run.done == wanted && run.failed == 0 ? 0 : 1;
}
