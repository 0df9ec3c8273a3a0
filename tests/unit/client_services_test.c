/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpluton's calls for alarms, the console, NV memory and apps, against a fake daemon: what they
 * ask for, what becomes of answers, and descriptors that a daemon sends rightly and wrongly.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pluton/alarm.h>
#include <pluton/app.h>
#include <pluton/console.h>
#include <pluton/nv.h>

#include "client-lib/connection.h"
#include "tests/suite.h"
#include "tests/unit/fake_daemon.h"

static struct fake_daemon fake;
static struct pluton *pluton;

/* The test changes `fake` between these two. */
static void prepare(void)
{
	fake_daemon_init(&fake);
	fake.descriptors = 1;
	fake.lines_max = 100;
}

static void serve(void)
{
	fake_daemon_serve(&fake);
	CU_ASSERT_EQUAL_FATAL(connection_open(fake.client_fd, &pluton, NULL, 0), 0);
}

static void begin(void)
{
	prepare();
	serve();
}

static void end(void)
{
	fake_daemon_end(&fake);
	pluton_close(pluton);
	pluton = NULL;
}

static unsigned open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

/* --- alarms ---------------------------------------------------------------------------------- */

static unsigned alarms;
static int alarm_status;
static uint64_t alarm_us;
static uint32_t alarm_missed;

static void note_alarm(struct pluton *of, int status, uint64_t now_us, uint32_t missed,
		       void *userdata)
{
	CU_ASSERT_PTR_EQUAL(of, pluton);
	CU_ASSERT_PTR_EQUAL(userdata, &alarms);
	alarms++;
	alarm_status = status;
	alarm_us = now_us;
	alarm_missed = missed;
}

static uint64_t fake_time(uint32_t low)
{
	return (uint64_t)FAKE_TIME_HIGH << 32 | low;
}

static void test_now_has_both_halves_of_the_time(void)
{
	uint64_t now_us = 0;

	begin();
	CU_ASSERT_EQUAL(pluton_alarm_now(pluton, &now_us), 0);
	CU_ASSERT_EQUAL(now_us, fake_time(0));
	CU_ASSERT_EQUAL(pluton_alarm_sleep(pluton, 3), 0);
	end();
}

static void test_an_alarm_tells_when_it_expired(void)
{
	pluton_operation_id id = 0;

	alarms = 0;
	begin();
	CU_ASSERT_EQUAL(pluton_alarm_after(pluton, 70, note_alarm, &alarms, &id), 0);
	CU_ASSERT_NOT_EQUAL(id, 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(alarms, 1);
	CU_ASSERT_EQUAL(alarm_status, 0);
	CU_ASSERT_EQUAL(alarm_us, fake_time(70));
	end();
}

static void test_a_cancelled_alarm_calls_with_cancel_and_no_time(void)
{
	pluton_operation_id id;

	alarms = 0;
	begin();
	CU_ASSERT_EQUAL(pluton_alarm_after(pluton, FAKE_NEVER_MS, note_alarm, &alarms, &id), 0);
	CU_ASSERT_EQUAL(pluton_cancel(pluton, id), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(alarms, 1);
	CU_ASSERT_EQUAL(alarm_status, -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(alarm_us, 0);
	end();
}

/* The fake's every(n): n upcalls, the i-th of which stands for i + 1 expirations. */
static void test_no_expiration_of_a_periodic_alarm_goes_uncounted(void)
{
	unsigned expirations = 0;
	pluton_operation_id id;

	alarms = 0;
	begin();
	CU_ASSERT_EQUAL(pluton_alarm_every(pluton, 5, note_alarm, &alarms, &id), 0);
	while (expirations < 1 + 2 + 3 + 4 + 5) {
		CU_ASSERT_EQUAL_FATAL(pluton_yield_wait(pluton), 0);
		CU_ASSERT_EQUAL_FATAL(alarm_status, 0);
		expirations += 1 + alarm_missed;
	}
	CU_ASSERT_EQUAL(expirations, 15);
	CU_ASSERT_EQUAL(alarm_us, fake_time(4));
	CU_ASSERT_EQUAL(pluton_cancel(pluton, id), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(alarm_status, -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(pluton_cancel(pluton, id), -PLUTON_EINVAL);
	end();
}

/* Three upcalls come before anybody looks. */
static void test_expirations_that_came_together_are_one_call(void)
{
	static const uint32_t missed[] = {0, 2, 1};
	pluton_operation_id id;

	alarms = 0;
	prepare();
	fake_welcome(&fake);
	CU_ASSERT_EQUAL_FATAL(connection_open(fake.client_fd, &pluton, NULL, 0), 0);
	CU_ASSERT_EQUAL(pluton_alarm_every(pluton, 5, note_alarm, &alarms, &id), 0);
	for (size_t i = 0; i < TESTS_COUNT(missed); i++) {
		const struct record upcall = {
			.header = {.type = RECORD_UPCALL, .flags = RECORD_MORE, .op_id = id},
			.upcall = {.words = {0, (uint32_t)i, 0}, .missed = missed[i]}};

		fake_send(&fake, &upcall);
	}
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 1);
	CU_ASSERT_EQUAL(alarms, 1);
	CU_ASSERT_EQUAL(alarm_missed, 0 + 2 + 1 + 2);
	CU_ASSERT_EQUAL(alarm_us, 2);
	end();
}

static void test_a_period_of_nothing_is_refused_here(void)
{
	begin();
	CU_ASSERT_EQUAL(pluton_alarm_every(pluton, 0, note_alarm, &alarms, NULL), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_timer_periodic(pluton, 0, 0), -PLUTON_EINVAL);
	end();
	CU_ASSERT_EQUAL(fake.operations, 0);
}

static void test_closing_with_alarms_and_accepts_under_way_leaks_nothing(void)
{
	begin();
	CU_ASSERT_EQUAL(pluton_alarm_after(pluton, FAKE_NEVER_MS, note_alarm, &alarms, NULL), 0);
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, 3, FAKE_NEVER_MS), 0);
	CU_ASSERT_EQUAL(pluton_alarm_every(pluton, 3, note_alarm, &alarms, NULL), 0);
	end();
}

/* --- timers ---------------------------------------------------------------------------------- */

static void test_there_are_as_many_timers_as_the_header_says(void)
{
	uint32_t missed;

	begin();
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, PLUTON_TIMERS_MAX - 1, 0), 0);
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, PLUTON_TIMERS_MAX, 0), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_timer_periodic(pluton, PLUTON_TIMERS_MAX, 1), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_timer_cancel(pluton, PLUTON_TIMERS_MAX), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_timer_missed(pluton, PLUTON_TIMERS_MAX, &missed), -PLUTON_EINVAL);
	end();
}

static void test_waiting_returns_the_timer_that_expired_and_then_that_none_runs(void)
{
	uint32_t mask = 0;

	begin();
	CU_ASSERT_EQUAL(pluton_timer_wait(pluton, &mask), -PLUTON_EALREADY);
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, 5, 1), 0);
	CU_ASSERT_EQUAL(pluton_timer_wait(pluton, &mask), 0);
	CU_ASSERT_EQUAL(mask, 1u << 5);
	CU_ASSERT_EQUAL(pluton_timer_wait(pluton, &mask), -PLUTON_EALREADY);
	end();
}

static void test_polling_does_not_wait_and_tells_once(void)
{
	uint32_t mask = 77;

	begin();
	CU_ASSERT_EQUAL(pluton_timer_poll(pluton, &mask), 0);
	CU_ASSERT_EQUAL(mask, 0);
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, 1, FAKE_NEVER_MS), 0);
	CU_ASSERT_EQUAL(pluton_timer_poll(pluton, &mask), 0);
	CU_ASSERT_EQUAL(mask, 0);
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, 2, 0), 0);
	while (mask == 0)
		CU_ASSERT_EQUAL_FATAL(pluton_timer_poll(pluton, &mask), 0);
	CU_ASSERT_EQUAL(mask, 1u << 2);
	CU_ASSERT_EQUAL(pluton_timer_poll(pluton, &mask), 0);
	CU_ASSERT_EQUAL(mask, 0);
	end();
}

static void test_missed_expirations_are_those_that_no_wait_fetched(void)
{
	uint32_t mask, missed = 0;
	uint64_t now_us;

	begin();
	CU_ASSERT_EQUAL(pluton_timer_periodic(pluton, 0, 3), 0);
	/* Its answer comes behind the three upcalls, of 1 + 2 + 3 expirations. */
	CU_ASSERT_EQUAL(pluton_alarm_now(pluton, &now_us), 0);
	CU_ASSERT_EQUAL(pluton_timer_wait(pluton, &mask), 0);
	CU_ASSERT_EQUAL(mask, 1);
	CU_ASSERT_EQUAL(pluton_timer_missed(pluton, 0, &missed), 0);
	CU_ASSERT_EQUAL(missed, 5);
	CU_ASSERT_EQUAL(pluton_timer_missed(pluton, 0, &missed), 0);
	CU_ASSERT_EQUAL(missed, 0);
	end();
}

static void test_a_timer_that_is_started_again_is_a_new_one(void)
{
	uint32_t mask, missed;
	uint64_t now_us;

	begin();
	CU_ASSERT_EQUAL(pluton_timer_periodic(pluton, 0, 4), 0);
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, 0, FAKE_NEVER_MS), 0);
	/* What the first one still says, its end included, is nothing to the second. */
	CU_ASSERT_EQUAL(pluton_alarm_now(pluton, &now_us), 0);
	CU_ASSERT_EQUAL(pluton_timer_poll(pluton, &mask), 0);
	CU_ASSERT_EQUAL(mask, 0);
	CU_ASSERT_EQUAL(pluton_timer_missed(pluton, 0, &missed), 0);
	CU_ASSERT_EQUAL(missed, 0);
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, 0, 1), 0);
	CU_ASSERT_EQUAL(pluton_timer_wait(pluton, &mask), 0);
	CU_ASSERT_EQUAL(mask, 1);
	/* One that has expired, and nobody has looked. */
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, 0, 0), 0);
	CU_ASSERT_EQUAL(pluton_alarm_now(pluton, &now_us), 0);
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, 0, FAKE_NEVER_MS), 0);
	CU_ASSERT_EQUAL(pluton_timer_poll(pluton, &mask), 0);
	CU_ASSERT_EQUAL(mask, 0);
	end();
}

static void test_a_cancelled_timer_forgets_what_it_had(void)
{
	uint32_t mask;
	uint64_t now_us;

	begin();
	CU_ASSERT_EQUAL(pluton_timer_cancel(pluton, 4), 0);
	CU_ASSERT_EQUAL(pluton_timer_periodic(pluton, 4, 2), 0);
	CU_ASSERT_EQUAL(pluton_alarm_now(pluton, &now_us), 0);
	CU_ASSERT_EQUAL(pluton_timer_cancel(pluton, 4), 0);
	CU_ASSERT_EQUAL(pluton_timer_wait(pluton, &mask), -PLUTON_EALREADY);
	end();
}

static void test_more_timers_than_operations_are_busy_and_harm_no_other(void)
{
	uint32_t mask;

	begin();
	for (unsigned i = 0; i < FAKE_OPERATIONS_MAX; i++)
		CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, i, FAKE_NEVER_MS), 0);
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, 0, 0), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, FAKE_OPERATIONS_MAX, 0), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(pluton_timer_cancel(pluton, 1), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0); /* its place is free now */
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, 6, 0), 0);
	CU_ASSERT_EQUAL(pluton_timer_wait(pluton, &mask), 0);
	CU_ASSERT_EQUAL(mask, 1u << 6);
	end();
}

/* --- console --------------------------------------------------------------------------------- */

static void test_a_line_arrives_with_its_level(void)
{
	begin();
	CU_ASSERT_EQUAL(pluton_console_write(pluton, PLUTON_CONSOLE_NOTICE, "one line", 8), 0);
	end();
	CU_ASSERT_EQUAL(fake.line_level, 5);
	CU_ASSERT_EQUAL(fake.line_length, 8);
	CU_ASSERT_EQUAL(memcmp(fake.line, "one line", 8), 0);
}

static void test_a_line_has_1_to_1024_bytes(void)
{
	char line[PLUTON_CONSOLE_LINE_MAX + 1];

	memset(line, 'x', sizeof(line));
	begin();
	CU_ASSERT_EQUAL(pluton_console_write(pluton, PLUTON_CONSOLE_INFO, line, sizeof(line)),
			-PLUTON_ESIZE);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "1025"));
	CU_ASSERT_EQUAL(pluton_console_write(pluton, PLUTON_CONSOLE_INFO, line, 0), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_console_write_async(pluton, PLUTON_CONSOLE_INFO, line, sizeof(line),
						   NULL, NULL, NULL),
			-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_console_write(pluton, PLUTON_CONSOLE_INFO, line, 1024), 0);
	end();
	CU_ASSERT_EQUAL(fake.lines, 1);
	CU_ASSERT_EQUAL(fake.line_length, 1024);
}

static void note_done(struct pluton *of, int status, void *userdata)
{
	(void)of;
	*(int *)userdata = status;
}

static void test_a_line_over_the_rate_is_busy(void)
{
	int status = 1;

	prepare();
	fake.lines_max = 1;
	serve();
	CU_ASSERT_EQUAL(pluton_console_write_async(pluton, PLUTON_CONSOLE_DEBUG, "a", 1, note_done,
						   &status, NULL),
			0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_EQUAL(pluton_console_write(pluton, PLUTON_CONSOLE_ERROR, "b", 1), -PLUTON_EBUSY);
	end();
	CU_ASSERT_EQUAL(fake.line[0], 'a');
}

/* --- NV memory ------------------------------------------------------------------------------- */

static void fill(uint8_t *bytes, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 5 + i / 257 + seed);
}

static void check_get(const char *name, const uint8_t *wanted, size_t size)
{
	void *data = NULL;
	size_t length = 77;

	CU_ASSERT_EQUAL_FATAL(pluton_nv_get(pluton, name, &data, &length), 0);
	CU_ASSERT_PTR_NOT_NULL(data);
	CU_ASSERT_EQUAL(length, size);
	CU_ASSERT_EQUAL(memcmp(data, wanted, size), 0);
	free(data);
}

static void test_what_is_put_is_got_at_every_length(void)
{
	static const size_t sizes[] = {0, 1, 1000, 4095, 4096, 4097, 8192, 8193, 40000};
	uint8_t *bytes = malloc(40000);

	begin();
	for (size_t i = 0; i < TESTS_COUNT(sizes); i++) {
		fill(bytes, sizes[i], (unsigned)i);
		CU_ASSERT_EQUAL(pluton_nv_put(pluton, "area", bytes, sizes[i]), 0);
		check_get("area", bytes, sizes[i]);
	}
	end();
	free(bytes);
}

static void test_parts_are_written_and_read(void)
{
	uint8_t bytes[9000], back[9000] = {0};
	size_t length = 0;

	fill(bytes, sizeof(bytes), 1);
	begin();
	CU_ASSERT_EQUAL(pluton_nv_define(pluton, "area", 9000), 0);
	CU_ASSERT_EQUAL(pluton_nv_define(pluton, "area", 9000), -PLUTON_EALREADY);
	CU_ASSERT_EQUAL(pluton_nv_write(pluton, "area", 100, bytes + 100, 8900), 0);
	CU_ASSERT_EQUAL(pluton_nv_write(pluton, "area", 101, bytes, 8900), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_nv_write(pluton, "area", 0, bytes, 0), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_nv_read(pluton, "area", 200, back, sizeof(back), &length), 0);
	CU_ASSERT_EQUAL(length, 8800);
	CU_ASSERT_EQUAL(memcmp(back, bytes + 200, 8800), 0);
	CU_ASSERT_EQUAL(pluton_nv_read(pluton, "area", 9000, back, 1, &length), 0);
	CU_ASSERT_EQUAL(length, 0);
	CU_ASSERT_EQUAL(pluton_nv_read(pluton, "area", 9001, back, 1, &length), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_nv_read(pluton, "area", 0, back, 0, &length), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_nv_read(pluton, "area", 1, back, SIZE_MAX, NULL), -PLUTON_ESIZE);
	end();
}

static void test_names_have_1_to_64_bytes(void)
{
	struct pluton_nv_row row;
	char name[66];
	void *data;
	size_t length;

	memset(name, 'n', 65);
	name[65] = '\0';
	begin();
	CU_ASSERT_EQUAL(pluton_nv_define(pluton, name, 10), -PLUTON_EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "65"));
	CU_ASSERT_EQUAL(pluton_nv_define(pluton, "", 10), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_nv_define(pluton, NULL, 10), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_nv_get(pluton, name, &data, &length), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, name, "x", 1), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_nv_put_async(pluton, name, "x", 1, NULL, NULL, NULL),
			-PLUTON_EINVAL);
	name[64] = '\0';
	CU_ASSERT_EQUAL(pluton_nv_define(pluton, name, 10), 0);
	CU_ASSERT_EQUAL(pluton_nv_status(pluton, name, &row), 0);
	CU_ASSERT_STRING_EQUAL(row.name, name);
	end();
}

static void test_status_lock_and_deletion_reach_their_area(void)
{
	struct pluton_nv_row row;

	begin();
	CU_ASSERT_EQUAL(pluton_nv_status(pluton, "a", &row), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, "a", "abc", 3), 0);
	CU_ASSERT_EQUAL(pluton_nv_lock(pluton, "a", PLUTON_NV_LOCK_WRITE), 0);
	CU_ASSERT_EQUAL(pluton_nv_status(pluton, "a", &row), 0);
	CU_ASSERT_EQUAL(row.length, 3);
	CU_ASSERT_EQUAL(row.locks, PLUTON_NV_LOCK_WRITE);
	CU_ASSERT_EQUAL(pluton_nv_delete(pluton, "a"), 0);
	CU_ASSERT_EQUAL(pluton_nv_delete(pluton, "a"), -PLUTON_ENODEVICE);
	end();
}

static void test_a_list_of_areas_comes_in_pages(void)
{
	struct pluton_nv_row *rows = NULL;
	char name[8] = "a";
	size_t count = 77;

	begin();
	CU_ASSERT_EQUAL(pluton_nv_list(pluton, &rows, &count), 0);
	CU_ASSERT_EQUAL(count, 0);
	CU_ASSERT_PTR_NOT_NULL(rows);
	free(rows);
	for (unsigned i = 0; i < FAKE_AREAS_MAX; i++) {
		name[1] = (char)('a' + i);
		CU_ASSERT_EQUAL(pluton_nv_put(pluton, name, name, 2), 0);
	}
	CU_ASSERT_EQUAL(pluton_nv_list(pluton, &rows, &count), 0);
	CU_ASSERT_EQUAL_FATAL(count, FAKE_AREAS_MAX);
	for (unsigned i = 0; i < FAKE_AREAS_MAX; i++)
		CU_ASSERT_EQUAL(rows[i].name[1], (char)('a' + i));
	free(rows);
	end();
}

static void prepare_disturbed(unsigned disturbances, uint32_t length)
{
	prepare();
	fake.disturbances = disturbances;
	fake.disturbed_length = length;
	fake.areas[0] = (struct fake_area){.row = {"area", .capacity = 40000, .length = 10000}};
	serve();
}

static bool all_equal(const uint8_t *bytes, size_t length)
{
	for (size_t i = 1; i < length; i++) {
		if (bytes[i] != bytes[0])
			return false;
	}
	return true;
}

/* The fake's writer leaves all bytes the same, so that a mixture shows. */
static void test_reading_while_somebody_writes_gives_one_state(void)
{
	static const uint32_t lengths[] = {10000, 20000, 4096, 5, 0};
	uint8_t back[40000];
	size_t length;
	void *data;

	for (size_t i = 0; i < TESTS_COUNT(lengths); i++) {
		prepare_disturbed(5, lengths[i]);
		CU_ASSERT_EQUAL(pluton_nv_get(pluton, "area", &data, &length), 0);
		CU_ASSERT_EQUAL(length, lengths[i]);
		CU_ASSERT(all_equal(data, length));
		free(data);
		end();
		prepare_disturbed(5, lengths[i]);
		CU_ASSERT_EQUAL(pluton_nv_read(pluton, "area", 0, back, 40000, &length), 0);
		CU_ASSERT_EQUAL(length, lengths[i]);
		CU_ASSERT(all_equal(back, length));
		end();
	}
}

/* Between its state and the first read. */
static void test_an_area_that_grows_meanwhile_is_got_whole(void)
{
	size_t length;
	void *data;

	prepare_disturbed(1, 20000);
	CU_ASSERT_EQUAL(pluton_nv_get(pluton, "area", &data, &length), 0);
	CU_ASSERT_EQUAL(length, 20000);
	free(data);
	end();
}

static void test_an_area_that_never_stands_still_is_busy(void)
{
	uint8_t back[10000];
	size_t length = 77;
	void *data = back;

	prepare_disturbed(1000000, 10000);
	CU_ASSERT_EQUAL(pluton_nv_read(pluton, "area", 0, back, 10000, &length), -PLUTON_EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "area"));
	CU_ASSERT_EQUAL(pluton_nv_get(pluton, "area", &data, &length), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(length, 77);
	CU_ASSERT_PTR_EQUAL(data, back);
	end();
}

static void test_an_area_that_vanishes_meanwhile_is_gone(void)
{
	uint8_t back[10000];

	prepare_disturbed(1, 100); /* the second piece is behind the end: read again */
	CU_ASSERT_EQUAL(pluton_nv_read(pluton, "area", 4096, back, 10000 - 4096, NULL),
			-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_nv_read(pluton, "other", 0, back, 10, NULL), -PLUTON_ENODEVICE);
	end();
}

static void test_a_commit_carries_puts_and_deletions(void)
{
	uint8_t large[5000];
	const struct pluton_nv_change changes[] = {
		{"new", "12345", 5},
		{"old", NULL, 0},
		{"empty", "", 0},
		{"large", large, sizeof(large)},
	};
	struct pluton_nv_row row;

	fill(large, sizeof(large), 9);
	begin();
	CU_ASSERT_EQUAL(pluton_nv_commit(pluton, changes, 4), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_nv_status(pluton, "new", &row), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, "old", "x", 1), 0);
	CU_ASSERT_EQUAL(pluton_nv_commit(pluton, changes, 4), 0);
	check_get("new", (const uint8_t *)"12345", 5);
	check_get("large", large, sizeof(large));
	CU_ASSERT_EQUAL(pluton_nv_status(pluton, "empty", &row), 0);
	CU_ASSERT_EQUAL(row.length, 0);
	CU_ASSERT_EQUAL(pluton_nv_status(pluton, "old", &row), -PLUTON_ENODEVICE);
	end();
}

static void test_a_commit_has_1_to_16_sound_changes(void)
{
	struct pluton_nv_change changes[PLUTON_NV_CHANGES_MAX + 1];
	static char names[PLUTON_NV_CHANGES_MAX + 1][4];

	begin();
	for (unsigned i = 0; i <= PLUTON_NV_CHANGES_MAX; i++) {
		names[i][0] = (char)('a' + i);
		changes[i] = (struct pluton_nv_change){names[i], "x", 1};
	}
	CU_ASSERT_EQUAL(pluton_nv_commit(pluton, changes, 17), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_nv_commit(pluton, changes, 0), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_nv_commit(pluton, changes, 16), 0);
	changes[3] = (struct pluton_nv_change){"d", NULL, 1};
	CU_ASSERT_EQUAL(pluton_nv_commit(pluton, changes, 4), -PLUTON_EINVAL);
	changes[3] = (struct pluton_nv_change){"", "x", 1};
	CU_ASSERT_EQUAL(pluton_nv_commit(pluton, changes, 4), -PLUTON_EINVAL);
	changes[3] = (struct pluton_nv_change){"d", "x", SIZE_MAX};
	CU_ASSERT_EQUAL(pluton_nv_commit(pluton, changes, 4), -PLUTON_ESIZE);
	changes[2] = changes[3] = (struct pluton_nv_change){"d", "x", FAKE_WINDOW_SIZE_MAX};
	CU_ASSERT_EQUAL(pluton_nv_commit(pluton, changes, 4), -PLUTON_ESIZE);
	end();
	CU_ASSERT_EQUAL(fake.operations, 1);
}

static void test_an_asynchronous_put_takes_its_data_at_once(void)
{
	char data[] = "secret";
	int status = 1;

	begin();
	CU_ASSERT_EQUAL(pluton_nv_put_async(pluton, "a", data, 6, note_done, &status, NULL), 0);
	memset(data, 0, sizeof(data));
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(status, 0);
	check_get("a", (const uint8_t *)"secret", 6);
	end();
}

/* --- NV memory without waiting --------------------------------------------------------------- */

static int async_status;
static unsigned async_done;

static void note_async(struct pluton *of, int status, void *userdata)
{
	CU_ASSERT_PTR_EQUAL(of, pluton);
	CU_ASSERT_PTR_EQUAL(userdata, &async_done);
	async_status = status;
	async_done++;
}

/* Of a call that returned `r`: how it ends. */
static int ended(int r)
{
	unsigned before = async_done;

	CU_ASSERT_EQUAL_FATAL(r, 0);
	CU_ASSERT_EQUAL(async_done, before);
	while (async_done == before)
		CU_ASSERT_EQUAL_FATAL(pluton_yield_wait(pluton), 0);
	return async_status;
}

#define ENDED(call, ...) ended(call(pluton, __VA_ARGS__, note_async, &async_done, NULL))

static void test_areas_are_made_changed_and_deleted_without_waiting(void)
{
	struct pluton_nv_row row;
	char data[] = "abc";

	begin();
	CU_ASSERT_EQUAL(ENDED(pluton_nv_define_async, "a", 100), 0);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_define_async, "a", 100), -PLUTON_EALREADY);
	CU_ASSERT_EQUAL(
		pluton_nv_write_async(pluton, "a", 2, data, 3, note_async, &async_done, NULL), 0);
	memset(data, 0, sizeof(data)); /* it was taken */
	CU_ASSERT_EQUAL(ended(0), 0);
	check_get("a", (const uint8_t *)"\0\0abc", 5);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_write_async, "a", 98, "abc", 3), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_lock_async, "a", PLUTON_NV_LOCK_WRITE_BOOT), 0);
	CU_ASSERT_EQUAL(pluton_nv_status(pluton, "a", &row), 0);
	CU_ASSERT_EQUAL(row.capacity, 100);
	CU_ASSERT_EQUAL(row.locks, PLUTON_NV_LOCK_WRITE_BOOT);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_delete_async, "a"), 0);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_delete_async, "a"), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_lock_async, "a", PLUTON_NV_LOCK_WRITE), -PLUTON_ENODEVICE);
	end();
}

static void test_one_read_without_waiting_takes_1_to_4096_bytes(void)
{
	uint8_t bytes[PLUTON_NV_READ_MAX + 1], back[PLUTON_NV_READ_MAX + 1] = {0};
	size_t length = 77;

	fill(bytes, sizeof(bytes), 3);
	begin();
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, "a", bytes, sizeof(bytes)), 0);
	CU_ASSERT_EQUAL(pluton_nv_read_async(pluton, "a", 0, back, PLUTON_NV_READ_MAX + 1, &length,
					     note_async, &async_done, NULL),
			-PLUTON_ESIZE);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "4097"));
	CU_ASSERT_EQUAL(pluton_nv_read_async(pluton, "a", 0, back, 0, &length, NULL, NULL, NULL),
			-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_nv_read_async(pluton, "a", 0, NULL, 9, &length, NULL, NULL, NULL),
			-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_read_async, "a", 4098, back, 9, &length), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_read_async, "b", 0, back, 9, &length), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(length, 77);
	CU_ASSERT_EQUAL(back[0], 0);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_read_async, "a", 1, back, PLUTON_NV_READ_MAX, &length), 0);
	CU_ASSERT_EQUAL(length, PLUTON_NV_READ_MAX);
	CU_ASSERT_EQUAL(memcmp(back, bytes + 1, PLUTON_NV_READ_MAX), 0);
	CU_ASSERT_EQUAL(back[PLUTON_NV_READ_MAX], 0);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_read_async, "a", 4090, back, 100, &length), 0);
	CU_ASSERT_EQUAL(length, 7);
	CU_ASSERT_EQUAL(memcmp(back, bytes + 4090, 7), 0);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_read_async, "a", 0, back, 1, NULL), 0);
	end();
}

/* The daemon has read more than there is room for, or so it says. */
static void test_a_read_of_more_than_was_asked_for_closes_the_connection(void)
{
	uint8_t back[8];
	const struct record answer = {
		.header = {.type = RECORD_UPCALL, .op_id = 1025},
		.upcall = {.words = {0, 9, 1}, .output_length = 8, .output = back}};
	size_t length = 77;

	prepare();
	fake_welcome(&fake);
	CU_ASSERT_EQUAL_FATAL(connection_open(fake.client_fd, &pluton, NULL, 0), 0);
	memset(back, 1, sizeof(back));
	CU_ASSERT_EQUAL(pluton_nv_read_async(pluton, "a", 0, back, 8, &length, note_async,
					     &async_done, NULL),
			0);
	fake_send(&fake, &answer);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 1);
	CU_ASSERT_EQUAL(async_status, -PLUTON_EBADRVAL);
	CU_ASSERT_EQUAL(length, 77);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), -PLUTON_EBADRVAL);
	end();
}

static struct pluton_nv_row late_row;

static void note_late_row(struct pluton *of, int status, void *userdata)
{
	(void)userdata;
	CU_ASSERT_PTR_EQUAL(of, pluton);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_EQUAL(late_row.length, 3); /* filled in before */
	CU_ASSERT_STRING_EQUAL(late_row.name, "a");
	async_done++;
}

static void test_a_state_is_there_when_its_function_runs(void)
{
	struct pluton_nv_row row = {.length = 77};

	begin();
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, "a", "abc", 3), 0);
	memset(&late_row, 0, sizeof(late_row));
	CU_ASSERT_EQUAL(
		ended(pluton_nv_status_async(pluton, "a", &late_row, note_late_row, NULL, NULL)),
		async_status);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_status_async, "b", &row), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(row.length, 77);
	end();
}

static void test_a_commit_without_waiting_takes_its_changes_at_once(void)
{
	char value[] = "12345";
	uint8_t *large = malloc(30000);
	struct pluton_nv_change changes[] = {
		{"new", value, 5}, {"large", large, 30000}, {"old", NULL, 0}};

	fill(large, 30000, 4);
	begin();
	CU_ASSERT_EQUAL(ENDED(pluton_nv_commit_async, changes, 3), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, "old", "x", 1), 0);
	CU_ASSERT_EQUAL(pluton_nv_commit_async(pluton, changes, 3, note_async, &async_done, NULL),
			0);
	memset(value, 0, sizeof(value));
	memset(changes, 0, sizeof(changes));
	memset(large, 0, 30000);
	CU_ASSERT_EQUAL(ended(0), 0);
	fill(large, 30000, 4);
	check_get("new", (const uint8_t *)"12345", 5);
	check_get("large", large, 30000);
	CU_ASSERT_EQUAL(pluton_nv_commit_async(pluton, changes, 0, NULL, NULL, NULL),
			-PLUTON_EINVAL);
	end();
	free(large);
}

static void test_what_is_no_name_is_refused_without_waiting_too(void)
{
	const struct pluton_nv_change change = {"", "x", 1};
	struct pluton_nv_row row;
	uint8_t byte;

	begin();
	CU_ASSERT_EQUAL(pluton_nv_define_async(pluton, "", 1, NULL, NULL, NULL), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_nv_delete_async(pluton, "", NULL, NULL, NULL), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_nv_lock_async(pluton, "", 1, NULL, NULL, NULL), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_nv_read_async(pluton, "", 0, &byte, 1, NULL, NULL, NULL, NULL),
			-PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_nv_write_async(pluton, "", 0, "x", 1, NULL, NULL, NULL),
			-PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_nv_write_async(pluton, "a", 0, "x", 0, NULL, NULL, NULL),
			-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_nv_status_async(pluton, "", &row, NULL, NULL, NULL), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_nv_commit_async(pluton, &change, 1, NULL, NULL, NULL),
			-PLUTON_EINVAL);
	end();
	CU_ASSERT_EQUAL(fake.operations, 0);
}

/* With the daemon gone, and with nobody who wants to know; nothing is leaked. */
static void test_what_the_daemons_end_cuts_off_is_off_and_writes_nothing(void)
{
	struct pluton_nv_row row = {.length = 77};
	size_t length = 77;
	uint8_t byte = 77;

	prepare();
	fake_welcome(&fake);
	CU_ASSERT_EQUAL_FATAL(connection_open(fake.client_fd, &pluton, NULL, 0), 0);
	async_done = 0;
	CU_ASSERT_EQUAL(pluton_nv_read_async(pluton, "a", 0, &byte, 1, &length, note_async,
					     &async_done, NULL),
			0);
	CU_ASSERT_EQUAL(pluton_nv_status_async(pluton, "a", &row, note_async, &async_done, NULL),
			0);
	CU_ASSERT_EQUAL(pluton_app_connect_async(pluton, "app1", NULL, NULL, NULL), 0);
	fake_daemon_end(&fake);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 3);
	CU_ASSERT_EQUAL(async_done, 2);
	CU_ASSERT_EQUAL(async_status, -PLUTON_EOFF);
	CU_ASSERT(length == 77 && byte == 77 && row.length == 77);
	pluton_close(pluton);
}

static void test_closing_with_reads_states_and_connects_under_way_leaks_nothing(void)
{
	struct pluton_nv_row row;
	uint8_t byte;

	prepare();
	fake_welcome(&fake);
	CU_ASSERT_EQUAL_FATAL(connection_open(fake.client_fd, &pluton, NULL, 0), 0);
	CU_ASSERT_EQUAL(pluton_nv_read_async(pluton, "a", 0, &byte, 1, NULL, NULL, NULL, NULL), 0);
	CU_ASSERT_EQUAL(pluton_nv_status_async(pluton, "a", &row, NULL, NULL, NULL), 0);
	CU_ASSERT_EQUAL(pluton_app_connect_async(pluton, "app1", NULL, NULL, NULL), 0);
	end();
}

/* --- apps ------------------------------------------------------------------------------------ */

static void test_apps_are_listed_and_found_by_name(void)
{
	struct pluton_app_row *rows, row;
	size_t count;

	begin();
	CU_ASSERT_EQUAL(pluton_app_list(pluton, &rows, &count), 0);
	CU_ASSERT_EQUAL_FATAL(count, FAKE_APPS);
	CU_ASSERT_STRING_EQUAL(rows[FAKE_APPS - 1].name, "app13");
	CU_ASSERT_STRING_EQUAL(rows[1].reason, "exit status 1");
	free(rows);
	CU_ASSERT_EQUAL(pluton_app_status(pluton, "app1", &row), 0);
	CU_ASSERT_EQUAL(row.pid, 101);
	CU_ASSERT_EQUAL(row.state, PLUTON_APP_RUNNING);
	CU_ASSERT_EQUAL(pluton_app_status(pluton, "app2", &row), -PLUTON_ENODEVICE);
	end();
}

static void test_start_stop_and_restart_are_different_commands(void)
{
	begin();
	CU_ASSERT_EQUAL(pluton_app_start(pluton, "app1"), 0);
	end();
	CU_ASSERT_EQUAL(fake.controlled, 3);
	begin();
	CU_ASSERT_EQUAL(pluton_app_stop(pluton, "app1"), 0);
	end();
	CU_ASSERT_EQUAL(fake.controlled, 4);
	begin();
	CU_ASSERT_EQUAL(pluton_app_restart(pluton, "app1"), 0);
	end();
	CU_ASSERT_EQUAL(fake.controlled, 5);
}

static void test_an_app_of_a_wrong_name_is_not_there(void)
{
	char name[PLUTON_APP_NAME_MAX + 2];
	int fd = 77;

	memset(name, 'a', sizeof(name));
	name[PLUTON_APP_NAME_MAX + 1] = '\0';
	begin();
	CU_ASSERT_EQUAL(pluton_app_connect(pluton, name, &fd), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_app_connect(pluton, "", &fd), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_app_connect(pluton, NULL, &fd), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_app_start(pluton, name), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_app_connect(pluton, name + 1, &fd), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(fd, 77);
	end();
	CU_ASSERT_EQUAL(fake.operations, 1);
}

/* The other end has said hello. */
static bool says_hello(int fd)
{
	char text[8];

	return recv(fd, text, sizeof(text), 0) == 5 && memcmp(text, "hello", 5) == 0;
}

static void test_connecting_gives_a_channel(void)
{
	int fd = -1;

	begin();
	CU_ASSERT_EQUAL(pluton_app_connect(pluton, "app1", &fd), 0);
	CU_ASSERT(says_hello(fd));
	close(fd);
	end();
}

static int connect_status;
static int connect_fd;

static void note_connect(struct pluton *of, int status, int fd, void *userdata)
{
	CU_ASSERT_PTR_EQUAL(of, pluton);
	CU_ASSERT_PTR_EQUAL(userdata, &connect_fd);
	connect_status = status;
	connect_fd = fd;
}

static void test_connecting_without_waiting_gives_a_channel_to_its_function(void)
{
	char name[] = "app1";

	begin();
	CU_ASSERT_EQUAL(pluton_app_connect_async(pluton, name, note_connect, &connect_fd, NULL), 0);
	name[0] = 'x';
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(connect_status, 0);
	CU_ASSERT(says_hello(connect_fd));
	close(connect_fd);
	CU_ASSERT_EQUAL(pluton_app_connect_async(pluton, name, note_connect, &connect_fd, NULL), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(connect_status, -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(connect_fd, -1);
	CU_ASSERT_EQUAL(pluton_app_connect_async(pluton, "", note_connect, NULL, NULL),
			-PLUTON_ENODEVICE);
	end();
}

static void test_a_channel_that_no_function_takes_is_closed(void)
{
	unsigned before = open_descriptors();
	uint64_t now_us;

	begin();
	CU_ASSERT_EQUAL(pluton_app_connect_async(pluton, "app1", NULL, NULL, NULL), 0);
	CU_ASSERT_EQUAL(pluton_alarm_now(pluton, &now_us), 0); /* its answer came before */
	CU_ASSERT_EQUAL(pluton_app_connect_async(pluton, "app1", note_connect, &connect_fd, NULL),
			0);
	while (!pluton->due.head)
		CU_ASSERT_EQUAL_FATAL(connection_wait(pluton), 0);
	end(); /* the second is due */
	CU_ASSERT_EQUAL(open_descriptors(), before);
}

static void check_control(int r, uint32_t command)
{
	CU_ASSERT_EQUAL(ended(r), 0);
	end();
	CU_ASSERT_EQUAL(fake.controlled, command);
}

static void test_start_stop_and_restart_need_not_be_waited_for(void)
{
	begin();
	check_control(pluton_app_start_async(pluton, "app1", note_async, &async_done, NULL), 3);
	begin();
	check_control(pluton_app_stop_async(pluton, "app1", note_async, &async_done, NULL), 4);
	begin();
	check_control(pluton_app_restart_async(pluton, "app1", note_async, &async_done, NULL), 5);
	begin();
	CU_ASSERT_EQUAL(ENDED(pluton_app_start_async, "app2"), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_app_stop_async(pluton, "", NULL, NULL, NULL), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_app_restart_async(pluton, NULL, NULL, NULL, NULL),
			-PLUTON_ENODEVICE);
	end();
}

static void test_an_apps_state_need_not_be_waited_for(void)
{
	struct pluton_app_row row = {.pid = 77};

	begin();
	CU_ASSERT_EQUAL(ENDED(pluton_app_status_async, "app2", &row), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_app_status_async(pluton, "", &row, NULL, NULL, NULL),
			-PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(row.pid, 77);
	CU_ASSERT_EQUAL(ENDED(pluton_app_status_async, "app1", &row), 0);
	CU_ASSERT_EQUAL(row.pid, 101);
	CU_ASSERT_STRING_EQUAL(row.reason, "exit status 1");
	end();
	prepare();
	fake.endless_rows = true;
	serve();
	row.pid = 77;
	CU_ASSERT_EQUAL(ENDED(pluton_app_status_async, "app1", &row), -PLUTON_EBADRVAL);
	CU_ASSERT_EQUAL(row.pid, 77);
	end();
}

static int accept_status;
static int accept_fd;
static struct pluton_app_peer accept_peer;
static unsigned accepts;

static void note_accept(struct pluton *of, int status, int fd, const struct pluton_app_peer *peer,
			void *userdata)
{
	(void)userdata;
	CU_ASSERT_PTR_EQUAL(of, pluton);
	accept_status = status;
	accept_fd = fd;
	accept_peer = *peer;
	accepts++;
}

static void test_accepting_gives_a_channel_and_who_is_there(void)
{
	struct pluton_app_peer peer;
	int fd = -1;

	accepts = 0;
	begin();
	CU_ASSERT_EQUAL(pluton_app_accept(pluton, &fd, &peer), 0);
	CU_ASSERT(says_hello(fd));
	CU_ASSERT_STRING_EQUAL(peer.command, "tpm2_getrandom");
	CU_ASSERT_EQUAL(peer.uid, 1000);
	close(fd);
	CU_ASSERT_EQUAL(pluton_app_accept_async(pluton, note_accept, NULL, NULL), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(accepts, 1);
	CU_ASSERT_EQUAL(accept_status, 0);
	CU_ASSERT(says_hello(accept_fd));
	CU_ASSERT_EQUAL(accept_peer.pid, 77);
	close(accept_fd);
	end();
}

/* What a client asks for and never takes. */
static void test_channels_that_nobody_takes_are_closed(void)
{
	unsigned before = open_descriptors();
	uint64_t now_us;

	begin();
	CU_ASSERT_EQUAL(pluton_app_accept_async(pluton, NULL, NULL, NULL), 0);
	CU_ASSERT_EQUAL(pluton_app_accept_async(pluton, NULL, NULL, NULL), 0);
	CU_ASSERT_EQUAL(pluton_alarm_now(pluton, &now_us), 0); /* both functions were due before */
	CU_ASSERT_EQUAL(pluton_app_accept_async(pluton, note_accept, NULL, NULL), 0);
	while (!pluton->due.head)
		CU_ASSERT_EQUAL_FATAL(connection_wait(pluton), 0);
	end(); /* and one is due */
	CU_ASSERT_EQUAL(open_descriptors(), before);
}

static void check_connect_with(unsigned descriptors)
{
	unsigned before = open_descriptors();
	int fd = 77;

	prepare();
	fake.descriptors = descriptors;
	serve();
	CU_ASSERT_EQUAL(pluton_app_connect(pluton, "app1", &fd), -PLUTON_EBADRVAL);
	CU_ASSERT_EQUAL(fd, 77);
	CU_ASSERT_EQUAL(pluton_app_connect(pluton, "app1", &fd), -PLUTON_EBADRVAL);
	end();
	CU_ASSERT_EQUAL(open_descriptors(), before);
}

static void test_a_channel_is_exactly_one_descriptor(void)
{
	check_connect_with(0);
	check_connect_with(2);
	check_connect_with(3);
}

static void test_a_channel_from_a_client_without_a_sound_row_is_closed(void)
{
	unsigned before = open_descriptors();
	struct pluton_app_peer peer;
	struct pluton_app_row row;
	int fd = 77;

	accepts = 0;
	prepare();
	fake.endless_rows = true;
	serve();
	CU_ASSERT_EQUAL(pluton_app_accept_async(pluton, note_accept, NULL, NULL), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(accept_status, -PLUTON_EBADRVAL);
	CU_ASSERT_EQUAL(accept_fd, -1);
	CU_ASSERT_EQUAL(pluton_app_accept(pluton, &fd, &peer), -PLUTON_EBADRVAL);
	end();
	prepare();
	fake.endless_rows = true;
	serve();
	CU_ASSERT_EQUAL(pluton_app_status(pluton, "app1", &row), -PLUTON_EBADRVAL);
	end();
	CU_ASSERT_EQUAL(open_descriptors(), before);
}

/* Whatever number is free is used up. */
static void limit_descriptors(const struct rlimit *before)
{
	struct rlimit now = *before;
	int next = dup(0);

	close(next);
	now.rlim_cur = (rlim_t)next;
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &now), 0);
}

static void test_a_process_without_a_free_descriptor_is_told_so_and_goes_on(void)
{
	struct rlimit before;
	int fd = 77;

	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
	accepts = 0;
	begin();
	/* The fake's thread has what it needs before we have nothing. */
	CU_ASSERT_EQUAL(pluton_app_accept_async(pluton, note_accept, NULL, NULL), 0);
	while (recv(pluton_get_fd(pluton), &fd, 1, MSG_PEEK) != 1)
		;
	limit_descriptors(&before);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 1);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
	CU_ASSERT_EQUAL(accept_status, -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(accept_fd, -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "descriptor"));
	CU_ASSERT_EQUAL(pluton_app_connect(pluton, "app1", &fd), 0);
	CU_ASSERT(says_hello(fd));
	close(fd);
	end();
}

/* A raw request for a channel has nobody to give the descriptor to. */
static void test_a_descriptor_for_a_raw_request_is_closed_and_ends_the_connection(void)
{
	const struct pluton_request request = {
		.driver = PLUTON_DRIVER_APP, .command = 6, .slots[0] = {.in = "app1", .length = 4}};
	unsigned before = open_descriptors();

	begin();
	CU_ASSERT_EQUAL(pluton_perform(pluton, &request, NULL), -PLUTON_EBADRVAL);
	end();
	CU_ASSERT_EQUAL(open_descriptors(), before);
}

static const struct test tests[] = {
	TEST(test_now_has_both_halves_of_the_time),
	TEST(test_an_alarm_tells_when_it_expired),
	TEST(test_a_cancelled_alarm_calls_with_cancel_and_no_time),
	TEST(test_no_expiration_of_a_periodic_alarm_goes_uncounted),
	TEST(test_expirations_that_came_together_are_one_call),
	TEST(test_a_period_of_nothing_is_refused_here),
	TEST(test_closing_with_alarms_and_accepts_under_way_leaks_nothing),
	TEST(test_there_are_as_many_timers_as_the_header_says),
	TEST(test_waiting_returns_the_timer_that_expired_and_then_that_none_runs),
	TEST(test_polling_does_not_wait_and_tells_once),
	TEST(test_missed_expirations_are_those_that_no_wait_fetched),
	TEST(test_a_timer_that_is_started_again_is_a_new_one),
	TEST(test_a_cancelled_timer_forgets_what_it_had),
	TEST(test_more_timers_than_operations_are_busy_and_harm_no_other),
	TEST(test_a_line_arrives_with_its_level),
	TEST(test_a_line_has_1_to_1024_bytes),
	TEST(test_a_line_over_the_rate_is_busy),
	TEST(test_what_is_put_is_got_at_every_length),
	TEST(test_parts_are_written_and_read),
	TEST(test_names_have_1_to_64_bytes),
	TEST(test_status_lock_and_deletion_reach_their_area),
	TEST(test_a_list_of_areas_comes_in_pages),
	TEST(test_reading_while_somebody_writes_gives_one_state),
	TEST(test_an_area_that_grows_meanwhile_is_got_whole),
	TEST(test_an_area_that_never_stands_still_is_busy),
	TEST(test_an_area_that_vanishes_meanwhile_is_gone),
	TEST(test_a_commit_carries_puts_and_deletions),
	TEST(test_a_commit_has_1_to_16_sound_changes),
	TEST(test_an_asynchronous_put_takes_its_data_at_once),
	TEST(test_areas_are_made_changed_and_deleted_without_waiting),
	TEST(test_one_read_without_waiting_takes_1_to_4096_bytes),
	TEST(test_a_read_of_more_than_was_asked_for_closes_the_connection),
	TEST(test_a_state_is_there_when_its_function_runs),
	TEST(test_a_commit_without_waiting_takes_its_changes_at_once),
	TEST(test_what_is_no_name_is_refused_without_waiting_too),
	TEST(test_what_the_daemons_end_cuts_off_is_off_and_writes_nothing),
	TEST(test_closing_with_reads_states_and_connects_under_way_leaks_nothing),
	TEST(test_apps_are_listed_and_found_by_name),
	TEST(test_start_stop_and_restart_are_different_commands),
	TEST(test_an_app_of_a_wrong_name_is_not_there),
	TEST(test_connecting_gives_a_channel),
	TEST(test_connecting_without_waiting_gives_a_channel_to_its_function),
	TEST(test_a_channel_that_no_function_takes_is_closed),
	TEST(test_start_stop_and_restart_need_not_be_waited_for),
	TEST(test_an_apps_state_need_not_be_waited_for),
	TEST(test_accepting_gives_a_channel_and_who_is_there),
	TEST(test_channels_that_nobody_takes_are_closed),
	TEST(test_a_channel_is_exactly_one_descriptor),
	TEST(test_a_channel_from_a_client_without_a_sound_row_is_closed),
	TEST(test_a_process_without_a_free_descriptor_is_told_so_and_goes_on),
	TEST(test_a_descriptor_for_a_raw_request_is_closed_and_ends_the_connection),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "client services", tests, TESTS_COUNT(tests));
}
