/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: the line on a terminal, the entry in the journal, levels, and how little a client that
 * causes the same line again and again can make of it. stderr is a memfd while a line is written.
 */
#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/kernel/record.h"
#include "tests/suite.h"

/* --- catching stderr ------------------------------------------------------------------------- */

static char caught[65536];
static int kept_stderr;
static int caught_fd;

static void catch_stderr(void)
{
	fflush(stderr);
	kept_stderr = dup(STDERR_FILENO);
	caught_fd = memfd_create("stderr", MFD_CLOEXEC);
	CU_ASSERT_FATAL(kept_stderr >= 0 && caught_fd >= 0);
	dup2(caught_fd, STDERR_FILENO);
	log_open(PLUTON_LOG_INFO);
}

static void release_stderr(void)
{
	ssize_t n = pread(caught_fd, caught, sizeof(caught) - 1, 0);

	dup2(kept_stderr, STDERR_FILENO);
	close(kept_stderr);
	close(caught_fd);
	caught[n > 0 ? n : 0] = '\0';
}

static unsigned count_lines(void)
{
	unsigned lines = 0;

	for (const char *c = caught; *c; c++)
		lines += *c == '\n';
	return lines;
}

/* The caught text is one line: "plutond[PID] " and this. */
static void check_line(const char *rest)
{
	char wanted[1024];

	snprintf(wanted, sizeof(wanted), "plutond[%d] %s\n", (int)getpid(), rest);
	CU_ASSERT_STRING_EQUAL(caught, wanted);
}

/* --- lines ----------------------------------------------------------------------------------- */

static void test_a_line_has_pid_level_message_and_fields(void)
{
	catch_stderr();
	log_event(PLUTON_LOG_WARNING,
		  LOG_FIELDS(LOG_PROCESS(3, 1), LOG_NUMBER("uid", 1000), LOG_TEXT("driver", "aes")),
		  "refused %d", 7);
	release_stderr();
	check_line("warning: refused 7 (process=3.1 uid=1000 driver=aes)");
}

static void test_a_line_without_fields_has_no_parentheses(void)
{
	catch_stderr();
	log_event(PLUTON_LOG_INFO, LOG_NO_FIELDS, "ready");
	release_stderr();
	check_line("info: ready");
}

static void test_a_message_id_is_not_shown_on_a_terminal(void)
{
	catch_stderr();
	log_event(PLUTON_LOG_INFO, LOG_FIELDS(LOG_MESSAGE_ID(LOG_ID_STARTED)), "ready");
	log_event(PLUTON_LOG_INFO, LOG_FIELDS(LOG_MESSAGE_ID(LOG_ID_STARTED), LOG_NUMBER("uid", 1)),
		  "ready");
	release_stderr();
	CU_ASSERT_PTR_NULL(strstr(caught, LOG_ID_STARTED));
	CU_ASSERT_PTR_NOT_NULL(strstr(caught, "info: ready\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(caught, "info: ready (uid=1)\n"));
}

static void test_a_client_cannot_forge_lines_or_move_the_cursor(void)
{
	catch_stderr();
	log_event(PLUTON_LOG_INFO, LOG_FIELDS(LOG_TEXT("command", "a\nplutond[1]\x1b[2J\x9b")),
		  "%s", "b\r\n\x7f");
	release_stderr();
	check_line("info: b\\x0d\\x0a\\x7f (command=a\\x0aplutond[1]\\x1b[2J\\x9b)");
}

static void test_long_messages_and_values_are_cut_off(void)
{
	char text[4096];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	catch_stderr();
	log_event(PLUTON_LOG_INFO, LOG_FIELDS(LOG_TEXT("one", text), LOG_TEXT("two", text)), "%s",
		  text);
	release_stderr();
	CU_ASSERT_EQUAL(count_lines(), 1);
	CU_ASSERT_TRUE(strlen(caught) < 2048);
}

static void test_more_fields_than_fit_are_left_out(void)
{
	struct log_field fields[LOG_FIELDS_MAX + 2];

	for (size_t i = 0; i < LOG_FIELDS_MAX + 2; i++)
		fields[i] = LOG_NUMBER("n", i);
	catch_stderr();
	log_event(PLUTON_LOG_INFO, fields, LOG_FIELDS_MAX + 2, "many");
	release_stderr();
	CU_ASSERT_PTR_NOT_NULL(strstr(caught, "n=7"));
	CU_ASSERT_PTR_NULL(strstr(caught, "n=8"));
}

static void test_why_a_start_failed_is_kept_for_who_waits_even_if_nothing_is_logged(void)
{
	CU_ASSERT_STRING_EQUAL(log_start_failure(), "");
	catch_stderr();
	log_set_level(PLUTON_LOG_OFF);
	log_start_failed(LOG_NO_FIELDS, "no %s", "room");
	release_stderr();
	CU_ASSERT_STRING_EQUAL(caught, "");
	catch_stderr();
	log_start_failed(LOG_FIELDS(LOG_TEXT("socket", "/s")), "and so on");
	release_stderr();
	check_line("error: and so on (socket=/s)");
	CU_ASSERT_STRING_EQUAL(log_start_failure(), "no room");
}

static void test_logging_keeps_errno(void)
{
	catch_stderr();
	close(STDERR_FILENO);
	errno = ENOTTY;
	log_event(PLUTON_LOG_ERROR, LOG_NO_FIELDS, "nobody reads this");
	CU_ASSERT_EQUAL(errno, ENOTTY);
	release_stderr();
}

/* --- a reader that does not read ------------------------------------------------------------- */

static int full_pipe;

/* As catch_stderr, but it is a pipe in which there is no room. */
static void catch_in_full_pipe(void)
{
	static const char page[4096];
	int ends[2];

	fflush(stderr);
	kept_stderr = dup(STDERR_FILENO);
	CU_ASSERT_FATAL(kept_stderr >= 0 && pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
	while (write(ends[1], page, sizeof(page)) > 0)
		;
	fcntl(ends[1], F_SETFL, 0); /* blocking, as a shared stderr is */
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	full_pipe = ends[0];
	log_open(PLUTON_LOG_INFO);
}

/* What came since the last time is in `caught`. */
static void read_pipe(void)
{
	ssize_t n;

	do {
		n = read(full_pipe, caught, sizeof(caught) - 1);
	} while (n > 0 && caught[0] == '\0');
	caught[n > 0 ? n : 0] = '\0';
}

static void release_pipe(void)
{
	dup2(kept_stderr, STDERR_FILENO);
	close(kept_stderr);
	close(full_pipe);
}

static void test_a_reader_that_does_not_read_costs_lines_and_is_told_how_many(void)
{
	catch_in_full_pipe();
	alarm(30); /* who waits for the reader, waits for ever */
	log_event(PLUTON_LOG_INFO, LOG_NO_FIELDS, "dropped");
	log_event(PLUTON_LOG_INFO, LOG_NO_FIELDS, "dropped");
	alarm(0);
	read_pipe();
	CU_ASSERT_STRING_EQUAL(caught, "");
	log_event(PLUTON_LOG_INFO, LOG_NO_FIELDS, "first");
	log_event(PLUTON_LOG_INFO, LOG_NO_FIELDS, "second");
	read_pipe();
	release_pipe();
	CU_ASSERT_EQUAL(count_lines(), 3);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(caught, "warning: 2 lines are missing here: stderr did not take them\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(caught, "info: second\n"));
	CU_ASSERT_PTR_NULL(strstr(caught, "dropped"));
}

static void test_the_end_tells_of_dropped_lines_if_there_is_room(void)
{
	catch_in_full_pipe();
	log_event(PLUTON_LOG_INFO, LOG_NO_FIELDS, "dropped");
	log_close();
	read_pipe();
	CU_ASSERT_STRING_EQUAL(caught, "");
	log_close();
	read_pipe();
	CU_ASSERT_PTR_NOT_NULL(strstr(caught, "1 lines are missing here"));
	log_close();
	read_pipe();
	release_pipe();
	CU_ASSERT_STRING_EQUAL(caught, "");
}

static void test_stderr_stays_as_blocking_as_it_was(void)
{
	catch_stderr();
	log_event(PLUTON_LOG_INFO, LOG_NO_FIELDS, "x");
	CU_ASSERT_EQUAL(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
	release_stderr();
}

/* --- levels ---------------------------------------------------------------------------------- */

static void test_only_the_wanted_levels_are_written(void)
{
	for (int wanted = PLUTON_LOG_OFF; wanted <= PLUTON_LOG_TRACE; wanted++) {
		catch_stderr();
		log_set_level((enum pluton_log_level)wanted);
		for (int level = PLUTON_LOG_OFF; level <= PLUTON_LOG_TRACE; level++)
			log_event((enum pluton_log_level)level, LOG_NO_FIELDS, "x");
		release_stderr();
		CU_ASSERT_EQUAL(count_lines(), (unsigned)wanted);
	}
}

static void test_level_names_go_both_ways(void)
{
	for (int i = PLUTON_LOG_OFF; i <= PLUTON_LOG_TRACE; i++) {
		enum pluton_log_level level = PLUTON_LOG_OFF;

		CU_ASSERT_EQUAL(log_level_parse(log_level_name((enum pluton_log_level)i), &level),
				0);
		CU_ASSERT_EQUAL((int)level, i);
	}
}

static void test_a_level_that_does_not_exist_has_no_name_and_is_not_set(void)
{
	enum pluton_log_level level = PLUTON_LOG_DEBUG;

	CU_ASSERT_PTR_NULL(log_level_name((enum pluton_log_level)6));
	CU_ASSERT_EQUAL(log_level_parse("verbose", &level), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(level, PLUTON_LOG_DEBUG);
	log_set_level(PLUTON_LOG_INFO);
	log_set_level((enum pluton_log_level)6);
	CU_ASSERT_EQUAL(log_get_level(), PLUTON_LOG_INFO);
}

/* --- the journal ----------------------------------------------------------------------------- */

static bool entry_has(const struct log_entry *entry, const char *wanted)
{
	for (int i = 0; i < entry->count; i++) {
		if (entry->iov[i].iov_len == strlen(wanted) &&
		    memcmp(entry->iov[i].iov_base, wanted, entry->iov[i].iov_len) == 0)
			return true;
	}
	return false;
}

static void test_a_journal_entry_has_structured_fields(void)
{
	struct log_entry entry;

	log_compose(&entry, PLUTON_LOG_WARNING,
		    LOG_FIELDS(LOG_MESSAGE_ID(LOG_ID_RELOAD_FAILED), LOG_PROCESS(3, 1),
			       LOG_NUMBER("uid", 1000), LOG_TEXT("log-level", "x\ny")),
		    "refused");
	CU_ASSERT_EQUAL(entry.count, 6);
	CU_ASSERT_TRUE(entry_has(&entry, "MESSAGE=refused"));
	CU_ASSERT_TRUE(entry_has(&entry, "PRIORITY=4"));
	CU_ASSERT_TRUE(entry_has(&entry, "MESSAGE_ID=" LOG_ID_RELOAD_FAILED));
	CU_ASSERT_TRUE(entry_has(&entry, "PLUTON_PROCESS=3.1"));
	CU_ASSERT_TRUE(entry_has(&entry, "PLUTON_UID=1000"));
	CU_ASSERT_TRUE(entry_has(&entry, "PLUTON_LOG_LEVEL=x\\x0ay"));
}

static void test_priorities_are_those_of_syslog(void)
{
	static const char *const wanted[] = {NULL,	   "PRIORITY=3", "PRIORITY=4",
					     "PRIORITY=6", "PRIORITY=7", "PRIORITY=7"};
	struct log_entry entry;

	for (int level = PLUTON_LOG_ERROR; level <= PLUTON_LOG_TRACE; level++) {
		log_compose(&entry, (enum pluton_log_level)level, LOG_NO_FIELDS, "x");
		CU_ASSERT_TRUE(entry_has(&entry, wanted[level]));
	}
}

/* --- what programs write ---------------------------------------------------------------------- */

static void test_a_programs_line_keeps_its_characters_and_has_its_priority(void)
{
	struct log_entry entry;

	log_compose_text(&entry, 5, LOG_FIELDS(LOG_NUMBER("uid", 7), LOG_TEXT("app", "a\nb")),
			 "Grüße\\x0a");
	CU_ASSERT_EQUAL(entry.count, 4);
	CU_ASSERT_TRUE(entry_has(&entry, "MESSAGE=Grüße\\x0a"));
	CU_ASSERT_TRUE(entry_has(&entry, "PRIORITY=5"));
	CU_ASSERT_TRUE(entry_has(&entry, "PLUTON_UID=7"));
	CU_ASSERT_TRUE(entry_has(&entry, "PLUTON_APP=a\\x0ab"));
}

static void test_a_programs_line_of_any_length_is_whole_in_the_journal(void)
{
	char text[LOG_TEXT_MAX + 2], wanted[sizeof("MESSAGE=") + LOG_TEXT_MAX];
	struct log_entry entry;

	memset(text, 'a', sizeof(text));
	for (size_t length = LOG_TEXT_MAX; length <= LOG_TEXT_MAX + 1; length++) {
		text[length] = '\0';
		snprintf(wanted, sizeof(wanted), "MESSAGE=%.*s", (int)LOG_TEXT_MAX, text);
		log_compose_text(&entry, 6, LOG_NO_FIELDS, text);
		CU_ASSERT_TRUE(entry_has(&entry, wanted));
		text[length] = 'a';
	}
}

static void test_a_programs_line_on_stderr_is_cut_off_between_characters(void)
{
	char text[LOG_TEXT_SIZE + 8];

	for (size_t at = 0; at < sizeof(text); at++)
		text[at] = at % 2 ? '\xa4' : '\xc3'; /* "ä" and "ä" and … */
	text[sizeof(text) - 2] = '\0';
	catch_stderr();
	log_text(6, LOG_FIELDS(LOG_NUMBER("uid", 7)), text);
	log_text(6, LOG_FIELDS(LOG_NUMBER("uid", 7)), text + 1);
	release_stderr();
	CU_ASSERT_EQUAL(count_lines(), 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(caught, "\xc3\xa4 (uid=7)\n"));
	CU_ASSERT_PTR_NULL(strstr(caught, "\xc3 (uid=7)\n"));
}

static void test_priorities_that_do_not_exist_are_not_written(void)
{
	catch_stderr();
	for (int priority = -1; priority < 10; priority++)
		log_text(priority, LOG_NO_FIELDS, "x");
	release_stderr();
	CU_ASSERT_EQUAL(count_lines(), 4); /* error, warning, notice, info; debug is not wanted */
}

/* --- a journal behind stderr ------------------------------------------------------------------ */

/* A journal of our own at the place where libsystemd looks for it; only this process sees it. */
static int open_own_journal(void)
{
	struct sockaddr_un address = {AF_UNIX, "/run/systemd/journal/socket"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0 || mkdir("/run/systemd", 0755) < 0 ||
	    mkdir("/run/systemd/journal", 0755) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return fd;
}

static void set_journal_stream(void)
{
	struct stat status;
	char text[64];

	fstat(STDERR_FILENO, &status);
	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino);
	setenv("JOURNAL_STREAM", text, 1);
}

/* Exit status of the child: 0 the journal got the entry, 77 there can be no journal here. */
static int log_to_own_journal(void)
{
	char entry[1024];
	ssize_t n;
	int fd = open_own_journal();

	if (fd < 0)
		return 77;
	set_journal_stream();
	log_open(PLUTON_LOG_INFO);
	log_event(PLUTON_LOG_INFO, LOG_FIELDS(LOG_NUMBER("uid", 7)), "into the journal");
	n = recv(fd, entry, sizeof(entry) - 1, MSG_DONTWAIT);
	if (n < 0)
		return 1;
	entry[n] = '\0';
	if (!strstr(entry, "MESSAGE=into the journal\n") || !strstr(entry, "PLUTON_UID=7\n") ||
	    !strstr(entry, "PRIORITY=6\n"))
		return 2;
	log_text(5, LOG_FIELDS(LOG_TEXT("app", "tpm0")), "Grüße");
	n = recv(fd, entry, sizeof(entry) - 1, MSG_DONTWAIT);
	if (n < 0)
		return 3;
	entry[n] = '\0';
	return strstr(entry, "MESSAGE=Grüße\n") && strstr(entry, "PLUTON_APP=tpm0\n") &&
			       strstr(entry, "PRIORITY=5\n")
		       ? 0
		       : 4;
}

static void test_with_a_journal_behind_stderr_entries_go_there(void)
{
	int status;
	pid_t child;

	catch_stderr();
	child = fork();
	if (child == 0)
		_exit(log_to_own_journal());
	waitpid(child, &status, 0);
	release_stderr();
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		suite_skip("a mount namespace of its own is not allowed here");
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_STRING_EQUAL(caught, "");
}

static void test_a_journal_stream_that_is_not_stderr_is_ignored(void)
{
	setenv("JOURNAL_STREAM", "1:1", 1);
	catch_stderr();
	log_event(PLUTON_LOG_INFO, LOG_NO_FIELDS, "x");
	release_stderr();
	setenv("JOURNAL_STREAM", "nonsense", 1);
	catch_stderr();
	log_event(PLUTON_LOG_INFO, LOG_NO_FIELDS, "x");
	release_stderr();
	unsetenv("JOURNAL_STREAM");
	check_line("info: x");
}

/* --- allowances ------------------------------------------------------------------------------ */

static unsigned take_many(struct log_limit *limit, unsigned times, uint64_t now_ms)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < times; i++)
		taken += log_limit_take(limit, now_ms);
	return taken;
}

static void test_an_allowance_is_a_burst_and_then_one_line_a_time(void)
{
	struct log_limit limit = {0};

	CU_ASSERT_EQUAL(take_many(&limit, 100, 1000), LOG_BURST);
	CU_ASSERT_EQUAL(take_many(&limit, 100, 1000 + LOG_REFILL_MS - 1), 0);
	CU_ASSERT_EQUAL(take_many(&limit, 100, 1000 + LOG_REFILL_MS), 1);
	CU_ASSERT_EQUAL(take_many(&limit, 100, 1000 + 4 * LOG_REFILL_MS), 3);
}

static void test_an_allowance_never_grows_beyond_the_burst(void)
{
	struct log_limit limit = {0};

	CU_ASSERT_EQUAL(take_many(&limit, 1, 0), 1);
	CU_ASSERT_EQUAL(take_many(&limit, 100, 1000 * (uint64_t)LOG_REFILL_MS), LOG_BURST);
}

static void provoke(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		log_event_limited(PLUTON_LOG_INFO, LOG_NO_FIELDS, "garbage %u", i);
}

static void test_a_flood_prints_a_burst_and_the_end_tells_of_the_rest(void)
{
	catch_stderr();
	provoke(1000);
	log_tick();
	CU_ASSERT_EQUAL(lseek(caught_fd, 0, SEEK_CUR) > 0, 1);
	log_close();
	release_stderr();
	CU_ASSERT_EQUAL(count_lines(), LOG_BURST + 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(caught, "info: garbage 9\n"));
	CU_ASSERT_PTR_NULL(strstr(caught, "info: garbage 10\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(caught, "info: 990 more suppressed, the last: garbage 999\n"));
}

/* As long as a refusal can be, with what stands before it. */
static void test_the_last_of_those_suppressed_is_told_whole(void)
{
	char long_one[RECORD_TEXT_MAX + 64];

	memset(long_one, 'x', sizeof(long_one) - 1);
	memcpy(long_one + sizeof(long_one) - sizeof(" end"), " end", sizeof(" end"));
	catch_stderr();
	for (unsigned i = 0; i < LOG_BURST + 1; i++)
		log_event_limited(PLUTON_LOG_INFO, LOG_NO_FIELDS, "%s", long_one);
	log_close();
	release_stderr();
	CU_ASSERT_PTR_NOT_NULL(strstr(caught, "1 more suppressed, the last: xxx"));
	CU_ASSERT_PTR_NOT_NULL(strstr(strstr(caught, "suppressed"), long_one));
}

static void test_call_sites_have_allowances_of_their_own(void)
{
	catch_stderr();
	for (unsigned i = 0; i < 100; i++) {
		log_event_limited(PLUTON_LOG_INFO, LOG_NO_FIELDS, "one");
		log_event_limited(PLUTON_LOG_INFO, LOG_NO_FIELDS, "other");
	}
	log_close();
	release_stderr();
	CU_ASSERT_EQUAL(count_lines(), 2 * LOG_BURST + 2);
}

static void test_what_the_level_hides_costs_no_allowance(void)
{
	catch_stderr();
	log_set_level(PLUTON_LOG_WARNING);
	for (unsigned i = 0; i < 100; i++)
		log_event_limited(PLUTON_LOG_INFO, LOG_NO_FIELDS, "hidden");
	log_close();
	release_stderr();
	CU_ASSERT_STRING_EQUAL(caught, "");
}

static void test_suppressed_lines_are_told_when_the_allowance_is_back(void)
{
	struct log_limit limit = {0};

	catch_stderr();
	for (unsigned i = 0; i < LOG_BURST + 5; i++)
		log_event_within(&limit, PLUTON_LOG_INFO, LOG_NO_FIELDS, "again");
	limit.spent_ms = 0; /* as if time had passed */
	log_event_within(&limit, PLUTON_LOG_INFO, LOG_NO_FIELDS, "again");
	limit.suppressed = 3;
	log_tick();
	log_tick();
	release_stderr();
	CU_ASSERT_EQUAL(count_lines(), LOG_BURST + 3);
	CU_ASSERT_PTR_NOT_NULL(strstr(caught, "5 more suppressed, the last: again\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(caught, "3 more suppressed, the last: again\n"));
	CU_ASSERT_FALSE(limit.listed);
}

static const struct test tests[] = {
	TEST(test_a_line_has_pid_level_message_and_fields),
	TEST(test_a_line_without_fields_has_no_parentheses),
	TEST(test_a_message_id_is_not_shown_on_a_terminal),
	TEST(test_a_client_cannot_forge_lines_or_move_the_cursor),
	TEST(test_long_messages_and_values_are_cut_off),
	TEST(test_more_fields_than_fit_are_left_out),
	TEST(test_why_a_start_failed_is_kept_for_who_waits_even_if_nothing_is_logged),
	TEST(test_logging_keeps_errno),
	TEST(test_a_reader_that_does_not_read_costs_lines_and_is_told_how_many),
	TEST(test_the_end_tells_of_dropped_lines_if_there_is_room),
	TEST(test_stderr_stays_as_blocking_as_it_was),
	TEST(test_only_the_wanted_levels_are_written),
	TEST(test_level_names_go_both_ways),
	TEST(test_a_level_that_does_not_exist_has_no_name_and_is_not_set),
	TEST(test_a_journal_entry_has_structured_fields),
	TEST(test_priorities_are_those_of_syslog),
	TEST(test_a_programs_line_keeps_its_characters_and_has_its_priority),
	TEST(test_a_programs_line_of_any_length_is_whole_in_the_journal),
	TEST(test_a_programs_line_on_stderr_is_cut_off_between_characters),
	TEST(test_priorities_that_do_not_exist_are_not_written),
	TEST(test_with_a_journal_behind_stderr_entries_go_there),
	TEST(test_a_journal_stream_that_is_not_stderr_is_ignored),
	TEST(test_an_allowance_is_a_burst_and_then_one_line_a_time),
	TEST(test_an_allowance_never_grows_beyond_the_burst),
	TEST(test_a_flood_prints_a_burst_and_the_end_tells_of_the_rest),
	TEST(test_the_last_of_those_suppressed_is_told_whole),
	TEST(test_call_sites_have_allowances_of_their_own),
	TEST(test_what_the_level_hides_costs_no_allowance),
	TEST(test_suppressed_lines_are_told_when_the_allowance_is_back),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "log", tests, TESTS_COUNT(tests));
}
