/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal backend around its engine, and a program's line all the way to stderr. What the
 * engine does is in tests/hil/hil_console_test.c, entries of the journal are in
 * tests/unit/log_test.c.
 */
#include "backends/journal/journal.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/log.h"
#include "hil/console.h"
#include "tests/guests.h"
#include "tests/suite.h"

#define CONSOLE 0x1u

/* --- the backend ------------------------------------------------------------------------------ */

static struct deferred_queue deferred;
static unsigned emitted;

static void emit(enum console_level level, const struct console_speaker *speaker, const char *text)
{
	(void)level;
	(void)speaker;
	(void)text;
	emitted++;
}

static void test_it_opens_from_the_table_with_a_console_and_nothing_else(void)
{
	const struct backend_environment environment = {.deferred = &deferred, .emit = emit};
	const struct backend *backend = backend_find("journal");
	struct backend_instance *instance;

	CU_ASSERT_PTR_NOT_NULL_FATAL(backend);
	deferred_queue_init(&deferred);
	CU_ASSERT_EQUAL_FATAL(backend->open(&environment, &instance), 0);
	CU_ASSERT_PTR_EQUAL(instance->backend, backend);
	for (unsigned kind = 0; kind < HIL_KINDS; kind++)
		CU_ASSERT_EQUAL(instance->engines[kind] != NULL, kind == HIL_CONSOLE);
	CU_ASSERT_STRING_EQUAL(instance->engines[HIL_CONSOLE]->name, "journal");
	CU_ASSERT_EQUAL(instance->engines[HIL_CONSOLE]->kind, HIL_CONSOLE);
	backend->close(instance);
}

static void test_without_a_log_there_is_no_device(void)
{
	const struct backend_environment environment = {.deferred = &deferred};
	struct backend_instance *instance = NULL;

	CU_ASSERT_EQUAL(journal_open(&environment, &instance), -PLUTON_ENODEVICE);
	CU_ASSERT_PTR_NULL(instance);
}

static void test_closing_it_with_a_line_under_way_leaves_nothing(void)
{
	const struct backend_environment environment = {.deferred = &deferred, .emit = emit};
	const struct console_request request = {.level = CONSOLE_INFO, .length = 1};
	struct console_client client = {NULL};
	struct backend_instance *instance;
	struct console_engine *engine;

	deferred_queue_init(&deferred);
	CU_ASSERT_EQUAL_FATAL(journal_open(&environment, &instance), 0);
	engine = (struct console_engine *)(void *)instance->engines[HIL_CONSOLE];
	CU_ASSERT_EQUAL(engine->ops->start(engine, &request, &client), 0);
	journal_close(instance);
	CU_ASSERT_PTR_NULL(deferred.head);
	CU_ASSERT_EQUAL(emitted, 0);
}

/* --- a line on stderr ------------------------------------------------------------------------- */

static char caught[65536];
static int kept_stderr;
static int caught_fd;
static int guest;

static void open_daemon(void)
{
	fflush(stderr);
	kept_stderr = dup(STDERR_FILENO);
	caught_fd = memfd_create("stderr", MFD_CLOEXEC);
	CU_ASSERT_FATAL(kept_stderr >= 0 && caught_fd >= 0);
	guests_open(NULL);
	guest = guest_connect();
	dup2(caught_fd, STDERR_FILENO);
	log_open(PLUTON_LOG_INFO);
}

static void close_daemon(void)
{
	ssize_t n = pread(caught_fd, caught, sizeof(caught) - 1, 0);

	dup2(kept_stderr, STDERR_FILENO);
	close(kept_stderr);
	close(caught_fd);
	caught[n > 0 ? n : 0] = '\0';
	log_set_level(PLUTON_LOG_OFF);
	guests_close();
}

static int write_line(uint32_t level, const char *text)
{
	static uint8_t inline_bytes[RECORD_INLINE_LIMIT];
	struct record record = rig_operation(1, CONSOLE, 1);

	record.operation.words[0] = level;
	rig_in(&record, 0, inline_bytes, text, (uint16_t)strlen(text));
	return rig_perform(&rig, guest, &record, NULL);
}

static unsigned count_lines(void)
{
	unsigned lines = 0;

	for (const char *c = caught; *c; c++)
		lines += *c == '\n';
	return lines;
}

static void test_a_programs_line_is_one_line_with_who_wrote_it(void)
{
	const struct process *process;
	char wanted[512];

	open_daemon();
	process = rig_last_process(&rig);
	snprintf(wanted, sizeof(wanted),
		 "plutond[%d] notice: Grüße\\x0aplutond[1] error: none (process=%u.%u uid=%u "
		 "gid=%u pid=%d command=%s)\n",
		 (int)getpid(), process->id.index, process->id.generation, getuid(), getgid(),
		 (int)getpid(), process->who.command);
	CU_ASSERT_EQUAL(write_line(CONSOLE_NOTICE, "Grüße\nplutond[1] error: none"), 0);
	close_daemon();
	CU_ASSERT_STRING_EQUAL(caught, wanted);
}

static void test_an_apps_line_and_what_was_suppressed_are_told(void)
{
	static const uint64_t parameters[] = {1, 60000};
	struct process *process;

	open_daemon();
	kernel_set_parameters(kernel_driver(rig.kernel, CONSOLE), parameters);
	process = rig_last_process(&rig);
	snprintf(process->who.app, sizeof(process->who.app), "tpm0");
	CU_ASSERT_EQUAL(write_line(CONSOLE_INFO, "one"), 0);
	/* Until the clock has paid for the next. */
	while (write_line(CONSOLE_INFO, "next") != 0 || !strstr(caught, "suppressed")) {
		ssize_t n = pread(caught_fd, caught, sizeof(caught) - 1, 0);

		caught[n > 0 ? n : 0] = '\0';
	}
	close_daemon();
	CU_ASSERT_PTR_NOT_NULL(strstr(caught, "app=tpm0)\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(caught, "app=tpm0 suppressed="));
}

static void test_lines_below_the_log_level_are_not_shown(void)
{
	open_daemon();
	log_set_level(PLUTON_LOG_WARNING);
	for (uint32_t level = CONSOLE_ERROR; level <= CONSOLE_DEBUG; level++)
		CU_ASSERT_EQUAL(write_line(level, "line"), 0);
	log_set_level(PLUTON_LOG_INFO);
	for (uint32_t level = CONSOLE_ERROR; level <= CONSOLE_DEBUG; level++)
		CU_ASSERT_EQUAL(write_line(level, "line"), 0);
	close_daemon();
	CU_ASSERT_EQUAL(count_lines(), 2 + 4);
	CU_ASSERT_PTR_NULL(strstr(caught, "debug"));
}

static const struct test tests[] = {
	TEST(test_it_opens_from_the_table_with_a_console_and_nothing_else),
	TEST(test_without_a_log_there_is_no_device),
	TEST(test_closing_it_with_a_line_under_way_leaves_nothing),
	TEST(test_a_programs_line_is_one_line_with_who_wrote_it),
	TEST(test_an_apps_line_and_what_was_suppressed_are_told),
	TEST(test_lines_below_the_log_level_are_not_shown),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "journal", tests, TESTS_COUNT(tests));
}
