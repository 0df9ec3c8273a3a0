/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console capsule on the journal engine as processes see it: who speaks, how much, and what
 * becomes of hostile text. Lines are caught where they would go to the log, and time stands still
 * until a test lets it pass.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/journal/allowance.h"
#include "hil/checker.h"
#include "hil/console.h"
#include "tests/fake_clock.h"
#include "tests/guests.h"
#include "tests/suite.h"

#define CONSOLE 0x1u
#define MINUTE_US UINT64_C(60000000)

enum { WRITE = 1 };
enum { SLOT_LINE = 0 };
enum { PORT_CONSOLE, PORT_CLOCK };

static struct fake_clock clock_under_test;
static struct record answer;
static uint8_t inline_bytes[RECORD_INLINE_LIMIT];

/* What came out, last. */
static struct {
	unsigned lines;
	enum console_level level;
	struct console_speaker speaker;
	char text[CONSOLE_LINE_MAX * 4 + 1];
} caught;

static void catch_line(enum console_level level, const struct console_speaker *speaker,
		       const char *text)
{
	caught.lines++;
	caught.level = level;
	caught.speaker = *speaker;
	snprintf(caught.text, sizeof(caught.text), "%s", text);
}

static struct driver *driver(void)
{
	return kernel_driver(rig.kernel, CONSOLE);
}

static void open_console(const char *const *settings)
{
	guests_open(settings);
	memset(&caught, 0, sizeof(caught));
	rig.machine->engines.environment.emit = catch_line;
	fake_clock_open(&clock_under_test, &rig.kernel->deferred);
	clock_under_test.engine.head.arbiter = driver()->ports[PORT_CLOCK].engines[0]->arbiter;
	driver()->ports[PORT_CLOCK].engines[0] = &clock_under_test.engine.head;
}

static void close_console(void)
{
	fake_clock_close(&clock_under_test);
	guests_close();
}

static void pass_us(uint64_t us)
{
	fake_clock_pass(&clock_under_test, us);
}

static struct record line_record(uint32_t op_id, const void *text, size_t length)
{
	struct record record = rig_operation(op_id, CONSOLE, WRITE);

	record.operation.words[0] = CONSOLE_INFO;
	rig_in(&record, SLOT_LINE, inline_bytes, text, (uint16_t)length);
	return record;
}

static int write_bytes(int fd, const void *text, size_t length)
{
	const struct record record = line_record(1, text, length);

	return rig_perform(&rig, fd, &record, &answer);
}

static int write_line(int fd, const char *text)
{
	return write_bytes(fd, text, strlen(text));
}

/* --- a line ----------------------------------------------------------------------------------- */

static void test_a_line_comes_out_with_its_level_and_who_wrote_it(void)
{
	struct process *process;
	int fd;

	open_console(NULL);
	fd = guest_connect();
	process = rig_last_process(&rig);
	CU_ASSERT_EQUAL(write_line(fd, "Grüße from the guest"), 0);
	CU_ASSERT_EQUAL(caught.lines, 1);
	CU_ASSERT_STRING_EQUAL(caught.text, "Grüße from the guest");
	CU_ASSERT_EQUAL(caught.level, CONSOLE_INFO);
	CU_ASSERT_EQUAL(caught.speaker.uid, getuid());
	CU_ASSERT_EQUAL(caught.speaker.gid, getgid());
	CU_ASSERT_EQUAL(caught.speaker.pid, (uint32_t)getpid());
	CU_ASSERT_EQUAL(caught.speaker.process_index, process->id.index);
	CU_ASSERT_EQUAL(caught.speaker.process_generation, process->id.generation);
	CU_ASSERT_STRING_EQUAL(caught.speaker.command, process->who.command);
	CU_ASSERT_STRING_EQUAL(caught.speaker.app, "");
	CU_ASSERT_EQUAL(caught.speaker.suppressed, 0);
	close_console();
}

static void test_an_apps_line_has_the_apps_name(void)
{
	int fd;

	open_console(NULL);
	fd = guest_connect();
	snprintf(rig_last_process(&rig)->who.app, sizeof(caught.speaker.app), "tpm0");
	CU_ASSERT_EQUAL(write_line(fd, "started"), 0);
	CU_ASSERT_STRING_EQUAL(caught.speaker.app, "tpm0");
	close_console();
}

static void test_levels_are_those_of_the_table_and_no_others(void)
{
	struct record record;
	int fd;

	open_console(NULL);
	fd = guest_connect();
	for (uint32_t level = 0; level < 10; level++) {
		bool known = level >= CONSOLE_ERROR && level <= CONSOLE_DEBUG;

		record = line_record(1, "x", 1);
		record.operation.words[0] = level;
		CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, &answer),
				known ? 0 : -PLUTON_EINVAL);
		CU_ASSERT(!known || caught.level == level);
	}
	CU_ASSERT_EQUAL(caught.lines, 5);
	close_console();
}

static void test_a_line_has_from_one_to_1024_bytes(void)
{
	struct record record = rig_operation(1, CONSOLE, WRITE);
	uint8_t *memory;
	uint32_t window;
	int fd;

	open_console(NULL);
	fd = guest_connect();
	record.operation.words[0] = CONSOLE_INFO;
	window = rig_window(&rig, fd, 4096, &memory);
	memset(memory, 'a', 4096);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, &answer), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(write_line(fd, "x"), 0);
	rig_range(&record, SLOT_LINE, window, 1, CONSOLE_LINE_MAX);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, &answer), 0);
	CU_ASSERT_EQUAL(strlen(caught.text), CONSOLE_LINE_MAX);
	rig_range(&record, SLOT_LINE, window, 1, CONSOLE_LINE_MAX + 1);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, &answer), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(caught.lines, 2);
	munmap(memory, 4096);
	close_console();
}

static void test_a_line_by_raw_calls(void)
{
	const uint32_t level[4] = {CONSOLE_WARNING};
	uint32_t range[4] = {0, 0, 3, 0};
	uint8_t *memory;
	int fd;

	open_console(NULL);
	fd = guest_connect();
	range[0] = rig_window(&rig, fd, 4096, &memory);
	memcpy(memory, "abc", 3);
	CU_ASSERT_EQUAL(rig_call(&rig, fd, CONSOLE, CLASS_ALLOW_RO, 0, range, NULL), 0);
	CU_ASSERT_EQUAL(rig_call(&rig, fd, CONSOLE, CLASS_COMMAND, WRITE, level, NULL), 0);
	rig_settle(&rig);
	CU_ASSERT_STRING_EQUAL(caught.text, "abc");
	CU_ASSERT_EQUAL(caught.level, CONSOLE_WARNING);
	munmap(memory, 4096);
	close_console();
}

static void test_hostile_text_is_one_harmless_line(void)
{
	static const char text[] = "a\nplutond[1] error: b\r\0PRIORITY=0\x1b[2J\xff\xc2\x9b";
	int fd;

	open_console(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(write_bytes(fd, text, sizeof(text) - 1), 0);
	CU_ASSERT_EQUAL(caught.lines, 1);
	CU_ASSERT_STRING_EQUAL(caught.text, "a\\x0aplutond[1] error: b\\x0d\\x00PRIORITY=0"
					    "\\x1b[2J\\xff\\xc2\\x9b");
	close_console();
}

/* --- the rate --------------------------------------------------------------------------------- */

static const char *const slow[] = {"console.burst=3", "console.lines_per_minute=7", NULL};

static unsigned write_until_busy(int fd)
{
	unsigned lines = 0;

	while (write_line(fd, "x") == 0)
		lines++;
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EBUSY);
	return lines;
}

static void test_the_burst_is_exact_and_one_line_more_is_busy(void)
{
	int fd;

	open_console(slow);
	fd = guest_connect();
	CU_ASSERT_EQUAL(write_until_busy(fd), 3);
	CU_ASSERT_TRUE(rig_says(&answer, "3 at once, then 7 a minute"));
	CU_ASSERT_EQUAL(caught.lines, 3);
	close_console();
}

/* A line comes back every 60 s / 7 = 8571428.57 µs. */
static void test_a_line_comes_back_at_its_time_and_not_a_microsecond_before(void)
{
	int fd;

	open_console(slow);
	fd = guest_connect();
	CU_ASSERT_EQUAL(write_until_busy(fd), 3);
	pass_us(8571428);
	CU_ASSERT_EQUAL(write_line(fd, "x"), -PLUTON_EBUSY);
	pass_us(1);
	CU_ASSERT_EQUAL(write_line(fd, "x"), 0);
	CU_ASSERT_EQUAL(write_line(fd, "x"), -PLUTON_EBUSY);
	close_console();
}

static void test_a_minute_of_asking_gives_exactly_the_lines_of_a_minute(void)
{
	unsigned lines = 0;
	int fd;

	open_console(slow);
	fd = guest_connect();
	CU_ASSERT_EQUAL(write_until_busy(fd), 3);
	for (unsigned i = 0; i < 600; i++) {
		pass_us(MINUTE_US / 600);
		lines += write_line(fd, "x") == 0;
	}
	CU_ASSERT_EQUAL(lines, 7);
	CU_ASSERT_EQUAL(caught.lines, 10);
	close_console();
}

static void test_a_long_silence_gives_back_the_burst_and_no_more(void)
{
	int fd;

	open_console(slow);
	fd = guest_connect();
	write_until_busy(fd);
	pass_us(UINT64_C(1) << 61); /* what it pays back does not fit into 64 bits */
	CU_ASSERT_EQUAL(write_until_busy(fd), 3);
	close_console();
}

static void test_what_was_suppressed_is_told_once_with_the_next_line(void)
{
	int fd;

	open_console(slow);
	fd = guest_connect();
	CU_ASSERT_EQUAL(write_until_busy(fd), 3);
	CU_ASSERT_EQUAL(write_line(fd, "x"), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(caught.speaker.suppressed, 0);
	pass_us(MINUTE_US);
	CU_ASSERT_EQUAL(write_line(fd, "x"), 0);
	CU_ASSERT_EQUAL(caught.speaker.suppressed, 2);
	CU_ASSERT_EQUAL(write_line(fd, "x"), 0);
	CU_ASSERT_EQUAL(caught.speaker.suppressed, 0);
	close_console();
}

/* Both records are read before the engine gets its turn: cancel reaches a line that waits. */
static void test_a_line_that_failed_leaves_what_was_suppressed_to_the_next(void)
{
	const struct record withdraw = {
		.header = {.type = RECORD_CALL, .op_id = 1, .driver = CONSOLE},
		.call = {.class = CLASS_ALLOW_RO, .number = SLOT_LINE}};
	struct record record = rig_operation(1, CONSOLE, WRITE);
	uint8_t *memory;
	uint32_t window;
	int fd;

	open_console(slow);
	fd = guest_connect();
	window = rig_window(&rig, fd, 4096, &memory);
	write_until_busy(fd);
	pass_us(MINUTE_US);
	record.operation.words[0] = CONSOLE_INFO;
	rig_range(&record, SLOT_LINE, window, 0, 10);
	rig_send(fd, &record, -1);
	rig_send(fd, &withdraw, -1);
	rig_hear(&rig, fd);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_RETURN);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_UPCALL);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(caught.lines, 3);
	CU_ASSERT_EQUAL(write_line(fd, "x"), 0);
	CU_ASSERT_EQUAL(caught.speaker.suppressed, 1);
	munmap(memory, 4096);
	close_console();
}

/* A process of some app or user. */
static int connect_as(uint32_t uid, const char *app)
{
	int fd = guest_connect();
	struct credentials *who = &rig_last_process(&rig)->who;

	who->uid = uid;
	snprintf(who->app, sizeof(who->app), "%s", app);
	return fd;
}

static void test_a_users_processes_share_one_rate(void)
{
	int first, second;

	open_console(slow);
	first = connect_as(1000, "");
	second = connect_as(1000, "");
	CU_ASSERT_EQUAL(write_line(first, "x"), 0);
	CU_ASSERT_EQUAL(write_until_busy(second), 2);
	CU_ASSERT_EQUAL(write_until_busy(first), 0);
	close_console();
}

static void test_a_new_connection_is_no_new_burst(void)
{
	unsigned lines = 0;

	open_console(slow);
	for (unsigned i = 0; i < 50; i++) {
		int fd = connect_as(1000, "");

		lines += write_until_busy(fd);
		guest_leave(fd);
		rig_settle(&rig);
		CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	}
	CU_ASSERT_EQUAL(lines, 3);
	pass_us(MINUTE_US);
	CU_ASSERT_EQUAL(write_line(connect_as(1000, ""), "x"), 0);
	CU_ASSERT_EQUAL(caught.speaker.suppressed, 50);
	close_console();
}

static void test_another_user_and_an_app_have_their_own_rate(void)
{
	int loud, quiet, app, other_app;

	open_console(slow);
	loud = connect_as(1000, "");
	quiet = connect_as(1001, "");
	app = connect_as(1000, "tpm0");
	other_app = connect_as(1000, "tpm1");
	CU_ASSERT_EQUAL(write_until_busy(loud), 3);
	CU_ASSERT_EQUAL(write_until_busy(quiet), 3);
	CU_ASSERT_EQUAL(write_until_busy(app), 3);
	CU_ASSERT_EQUAL(write_until_busy(other_app), 3);
	pass_us(MINUTE_US);
	CU_ASSERT_EQUAL(write_line(quiet, "x"), 0);
	CU_ASSERT_EQUAL(caught.speaker.suppressed, 1);
	close_console();
}

/* The rates of apps are kept by name alone: it may run as another user after a restart. */
static void test_an_app_is_the_same_whoever_it_runs_as(void)
{
	open_console(slow);
	CU_ASSERT_EQUAL(write_until_busy(connect_as(1000, "tpm0")), 3);
	CU_ASSERT_EQUAL(write_until_busy(connect_as(1001, "tpm0")), 0);
	close_console();
}

/* As many users as the engine remembers, each with a line that is not paid back. */
static void test_when_all_places_are_taken_a_stranger_waits_and_nobody_gets_a_new_burst(void)
{
	uint32_t uid = 0;
	int fd, stranger;

	open_console(slow);
	fd = connect_as(0, "");
	stranger = connect_as(5000, "");
	rig_last_process(&rig)->who.uid = 5000;
	for (; uid < ALLOWANCES_MAX; uid++) {
		pass_us(1);
		rig_last_process(&rig)->who.uid = uid;
		CU_ASSERT_EQUAL(write_line(stranger, "x"), 0);
	}
	rig_last_process(&rig)->who.uid = 5000;
	CU_ASSERT_EQUAL(write_line(stranger, "x"), -PLUTON_EBUSY);
	CU_ASSERT_TRUE(rig_says(&answer, "too many others"));
	CU_ASSERT_EQUAL(write_until_busy(fd), 2);
	/* User 0 owes three lines, user 1 just one: that is paid back first. */
	pass_us(8571429);
	CU_ASSERT_EQUAL(write_line(stranger, "x"), 0);
	CU_ASSERT_EQUAL(write_until_busy(fd), 1);
	close_console();
}

static void test_a_changed_rate_holds_at_once(void)
{
	const uint64_t more[] = {5, 60}, less[] = {1, 60};
	int fd;

	open_console(slow);
	fd = guest_connect();
	CU_ASSERT_EQUAL(write_until_busy(fd), 3);
	kernel_set_parameters(driver(), more);
	CU_ASSERT_EQUAL(write_until_busy(fd), 2);
	kernel_set_parameters(driver(), less);
	pass_us(4 * MINUTE_US / 60);
	CU_ASSERT_EQUAL(write_line(fd, "x"), -PLUTON_EBUSY);
	pass_us(MINUTE_US / 60);
	CU_ASSERT_EQUAL(write_until_busy(fd), 1);
	close_console();
}

/* --- without an engine, cancelled, dying ------------------------------------------------------ */

static void test_without_an_engine_there_is_no_device(void)
{
	int fd;

	open_console(NULL);
	fd = guest_connect();
	driver()->ports[PORT_CONSOLE].count = 0;
	CU_ASSERT_EQUAL(write_line(fd, "x"), -PLUTON_ENODEVICE);
	CU_ASSERT_TRUE(rig_says(&answer, "no console engine"));
	driver()->ports[PORT_CONSOLE].count = 1;
	driver()->ports[PORT_CLOCK].count = 0;
	CU_ASSERT_EQUAL(write_line(fd, "x"), -PLUTON_ENODEVICE);
	CU_ASSERT_TRUE(rig_says(&answer, "no clock"));
	close_console();
}

static void pass(unsigned count)
{
	while (count--)
		loop_pass(&rig.machine->loop, false);
}

static const char *const one_call_a_pass[] = {"kernel.deferred_budget=1", NULL};

/* true: the answer was there before the cancel. */
static bool cancel_after(unsigned passes)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = 1}};
	struct record record;
	bool before;
	int fd;

	open_console(one_call_a_pass);
	fd = guest_connect();
	record = line_record(1, "x", 1);
	rig_send(fd, &record, -1);
	pass(passes);
	before = guest_has_answer(fd);
	rig_send(fd, &cancel, -1);
	rig_settle(&rig);
	CU_ASSERT_TRUE(guest_read(fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), caught.lines ? 0 : -PLUTON_ECANCEL);
	CU_ASSERT_FALSE(guest_has_answer(fd));
	CU_ASSERT_EQUAL(write_line(fd, "y"), 0);
	close_console();
	return before;
}

static void test_cancelled_at_any_moment_it_has_one_answer_which_is_true(void)
{
	unsigned passes = 0;

	while (passes < 100 && !cancel_after(passes))
		passes++;
	CU_ASSERT(passes > 2 && passes < 100);
}

static void test_dying_at_any_moment_leaves_nothing(void)
{
	for (unsigned passes = 0; passes < 12; passes++) {
		struct record record;
		int fd;

		open_console(one_call_a_pass);
		fd = guest_connect();
		record = line_record(1, "x", 1);
		rig_send(fd, &record, -1);
		pass(passes);
		guest_leave(fd);
		rig_settle(&rig);
		CU_ASSERT_EQUAL(rig.kernel->pool.taken, 0);
		CU_ASSERT(caught.lines <= 1);
		close_console();
	}
}

static const char *const wide[] = {"console.burst=40", NULL};

static void test_many_processes_at_once_each_get_their_line_out(void)
{
	enum { CROWD = 40 };
	int fds[CROWD];

	open_console(wide);
	for (unsigned i = 0; i < CROWD; i++) {
		struct record record = line_record(1, "x", 1);

		fds[i] = guest_connect();
		rig_send(fds[i], &record, -1);
	}
	for (unsigned i = 0; i < CROWD; i++) {
		CU_ASSERT_TRUE(rig_receive(&rig, fds[i], &answer));
		CU_ASSERT_EQUAL(rig_status(&answer), 0);
	}
	CU_ASSERT_EQUAL(caught.lines, CROWD);
	close_console();
}

static const struct test tests[] = {
	TEST(test_a_line_comes_out_with_its_level_and_who_wrote_it),
	TEST(test_an_apps_line_has_the_apps_name),
	TEST(test_levels_are_those_of_the_table_and_no_others),
	TEST(test_a_line_has_from_one_to_1024_bytes),
	TEST(test_a_line_by_raw_calls),
	TEST(test_hostile_text_is_one_harmless_line),
	TEST(test_the_burst_is_exact_and_one_line_more_is_busy),
	TEST(test_a_line_comes_back_at_its_time_and_not_a_microsecond_before),
	TEST(test_a_minute_of_asking_gives_exactly_the_lines_of_a_minute),
	TEST(test_a_long_silence_gives_back_the_burst_and_no_more),
	TEST(test_what_was_suppressed_is_told_once_with_the_next_line),
	TEST(test_a_line_that_failed_leaves_what_was_suppressed_to_the_next),
	TEST(test_a_users_processes_share_one_rate),
	TEST(test_a_new_connection_is_no_new_burst),
	TEST(test_another_user_and_an_app_have_their_own_rate),
	TEST(test_an_app_is_the_same_whoever_it_runs_as),
	TEST(test_when_all_places_are_taken_a_stranger_waits_and_nobody_gets_a_new_burst),
	TEST(test_a_changed_rate_holds_at_once),
	TEST(test_without_an_engine_there_is_no_device),
	TEST(test_cancelled_at_any_moment_it_has_one_answer_which_is_true),
	TEST(test_dying_at_any_moment_leaves_nothing),
	TEST(test_many_processes_at_once_each_get_their_line_out),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "console", tests, TESTS_COUNT(tests));
}
