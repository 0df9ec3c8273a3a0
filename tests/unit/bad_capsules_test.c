/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two capsules that break the rules of grants, inside a whole daemon. What breaks the rules of
 * linking is in tests/capsules/test_isolation.py.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/kernel/poison.h"
#include "tests/guests.h"
#include "tests/suite.h"

#ifdef MEMORY_POISON_WORKS
#include <sanitizer/common_interface_defs.h>
#endif

extern const struct capsule keeps_pointer_capsule;
extern const struct capsule enters_twice_capsule;

static char reported[256];
static unsigned reports;

static void note_report(void *context, const struct process_id *process, const char *message)
{
	(void)context;
	(void)process;
	reports++;
	snprintf(reported, sizeof(reported), "%s", message);
}

/* A daemon with that capsule; runs its one command and gives the answer's status and word 1. */
static int run_capsule(const struct capsule *capsule, uint32_t *ret_word)
{
	struct record record = rig_operation(1, capsule->driver, 1), answer;
	struct driver *driver;
	int r;

	guests_open(NULL);
	reports = 0;
	rig.kernel->report = note_report;
	CU_ASSERT_EQUAL_FATAL(kernel_register(rig.kernel, capsule, NULL, &driver), 0);
	r = rig_perform(&rig, guest_connect(), &record, &answer);
	*ret_word = r == 0 ? answer.upcall.words[1] : 0;
	return r;
}

static void test_a_capsule_that_enters_twice_gets_the_error(void)
{
	uint32_t word;

	CU_ASSERT_EQUAL(run_capsule(&enters_twice_capsule, &word), 0);
	CU_ASSERT_EQUAL(word, PLUTON_EALREADY);
	guests_close();
}

static void test_a_capsule_that_enters_twice_is_counted_and_reported_by_name(void)
{
	uint32_t word;

	run_capsule(&enters_twice_capsule, &word);
	CU_ASSERT_EQUAL(rig.kernel->counters.grant_reentries, 1);
	CU_ASSERT_EQUAL(reports, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(reported, "enters_twice"));
	guests_close();
}

#ifdef MEMORY_POISON_WORKS
/* In a process of its own, whose last words go to `output`. */
static void run_and_die(int output)
{
	uint32_t word;

	dup2(output, STDERR_FILENO);
	__sanitizer_set_report_fd((void *)(intptr_t)STDERR_FILENO);
	run_capsule(&keeps_pointer_capsule, &word);
	_exit(0); /* it lived */
}

static size_t read_all(int fd, char *text, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while (length < size - 1 && (n = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = '\0';
	return length;
}

static void test_a_capsule_that_keeps_a_grant_pointer_dies_in_sanitizer_builds(void)
{
	static char text[65536];
	int ends[2], status = 0;
	pid_t child;

	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	child = fork();
	if (child == 0)
		run_and_die(ends[1]);
	close(ends[1]);
	read_all(ends[0], text, sizeof(text));
	close(ends[0]);
	CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
	CU_ASSERT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "use-after-poison"));
}
#else
static void test_a_capsule_that_keeps_a_grant_pointer_dies_in_sanitizer_builds(void)
{
	suite_skip("this build has no AddressSanitizer");
}
#endif

static const struct test tests[] = {
	TEST(test_a_capsule_that_enters_twice_gets_the_error),
	TEST(test_a_capsule_that_enters_twice_is_counted_and_reported_by_name),
	TEST(test_a_capsule_that_keeps_a_grant_pointer_dies_in_sanitizer_builds),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "bad capsules", tests, TESTS_COUNT(tests));
}
