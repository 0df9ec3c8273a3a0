/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alarms, console, NV memory and apps through libpluton and a plutond whose limits are small: each
 * call, synchronous and not, and each limit at its value and one beyond.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pluton/alarm.h>
#include <pluton/app.h>
#include <pluton/console.h>
#include <pluton/manager.h>
#include <pluton/nv.h>

#include "tests/integration/own_client.h"
#include "tests/suite.h"

#define AREA_MAX 65536u
#define AREAS 20u

static const char config[] = "[console]\nburst = 3\nlines_per_minute = 1\n"
			     "[nvmem]\nareas_per_owner = 20\nbytes_per_owner = 256K\n"
			     "area_max = 64K\n";

static void begin(void)
{
	own_client_begin(config);
}

/* --- alarms ---------------------------------------------------------------------------------- */

struct rings {
	unsigned count;
	unsigned expirations;
	int status;
	uint64_t now_us;
};

static void note_ring(struct pluton *of, int status, uint64_t now_us, uint32_t missed,
		      void *userdata)
{
	struct rings *rings = userdata;

	CU_ASSERT_PTR_EQUAL(of, pluton);
	rings->count++;
	rings->status = status;
	if (status == 0) {
		rings->now_us = now_us;
		rings->expirations += 1 + missed;
	}
}

static void test_sleeping_takes_its_time_by_the_daemons_clock(void)
{
	uint64_t before, after;

	begin();
	CU_ASSERT_EQUAL(pluton_alarm_now(pluton, &before), 0);
	CU_ASSERT_EQUAL(pluton_alarm_sleep(pluton, 0), 0);
	CU_ASSERT_EQUAL(pluton_alarm_sleep(pluton, 7), 0);
	CU_ASSERT_EQUAL(pluton_alarm_now(pluton, &after), 0);
	CU_ASSERT(after - before >= 7000);
	own_client_end();
}

static void test_alarms_come_in_the_order_of_their_times(void)
{
	struct rings late = {0}, early = {0};

	begin();
	CU_ASSERT_EQUAL(pluton_alarm_after(pluton, 30, note_ring, &late, NULL), 0);
	CU_ASSERT_EQUAL(pluton_alarm_after(pluton, 1, note_ring, &early, NULL), 0);
	while (late.count == 0)
		CU_ASSERT_EQUAL_FATAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(early.count, 1);
	CU_ASSERT(early.now_us < late.now_us);
	own_client_end();
}

/* Whoever does not look for a while is told how often he was called. */
static void test_a_periodic_alarm_counts_what_nobody_fetched(void)
{
	struct rings rings = {0};
	struct pluton *clock;
	pluton_operation_id id;

	begin();
	CU_ASSERT_EQUAL_FATAL(pluton_open(own.address, &clock), 0);
	CU_ASSERT_EQUAL(pluton_alarm_every(pluton, 1, note_ring, &rings, &id), 0);
	CU_ASSERT_EQUAL(pluton_alarm_sleep(clock, 30), 0);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 1);
	CU_ASSERT_EQUAL(rings.count, 1);
	CU_ASSERT(rings.expirations >= 20);
	CU_ASSERT_EQUAL(pluton_cancel(pluton, id), 0);
	while (rings.status == 0)
		CU_ASSERT_EQUAL_FATAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(rings.status, -PLUTON_ECANCEL);
	pluton_close(clock);
	own_client_end();
}

static void test_more_alarms_than_operations_are_busy(void)
{
	struct pluton_limits limits;

	begin();
	pluton_get_limits(pluton, &limits);
	for (uint32_t i = 0; i < limits.operations_max; i++)
		CU_ASSERT_EQUAL(pluton_alarm_after(pluton, 1000000, note_ring, NULL, NULL), 0);
	CU_ASSERT_EQUAL(pluton_alarm_after(pluton, 1, note_ring, NULL, NULL), -PLUTON_EBUSY);
	own_client_end();
}

static void test_timers_expire_are_missed_and_are_started_again(void)
{
	uint32_t mask = 0, missed = 0;
	struct pluton *clock;

	begin();
	CU_ASSERT_EQUAL_FATAL(pluton_open(own.address, &clock), 0);
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, 0, 1), 0);
	CU_ASSERT_EQUAL(pluton_timer_periodic(pluton, 7, 1), 0);
	CU_ASSERT_EQUAL(pluton_alarm_sleep(clock, 25), 0);
	CU_ASSERT_EQUAL(pluton_timer_poll(pluton, &mask), 0);
	CU_ASSERT_EQUAL(mask, 0x81);
	CU_ASSERT_EQUAL(pluton_timer_missed(pluton, 7, &missed), 0);
	CU_ASSERT(missed >= 10);
	CU_ASSERT_EQUAL(pluton_timer_missed(pluton, 0, &missed), 0);
	CU_ASSERT_EQUAL(missed, 0);
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, 7, 1), 0);
	CU_ASSERT_EQUAL(pluton_timer_wait(pluton, &mask), 0);
	CU_ASSERT_EQUAL(mask, 0x80);
	CU_ASSERT_EQUAL(pluton_timer_wait(pluton, &mask), -PLUTON_EALREADY);
	CU_ASSERT_EQUAL(pluton_timer_poll(pluton, &mask), 0);
	CU_ASSERT_EQUAL(mask, 0);
	pluton_close(clock);
	own_client_end();
}

/* --- console --------------------------------------------------------------------------------- */

static void test_lines_up_to_the_burst_are_taken_and_the_next_is_busy(void)
{
	char line[PLUTON_CONSOLE_LINE_MAX + 1];
	struct pluton *other;
	int status = 1;

	memset(line, 'x', sizeof(line));
	begin();
	CU_ASSERT_EQUAL(pluton_console_write(pluton, PLUTON_CONSOLE_DEBUG, line, 1025),
			-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_console_write(pluton, 2, line, 1), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_console_write(pluton, 8, line, 1), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_console_write(pluton, PLUTON_CONSOLE_DEBUG, line, 1024), 0);
	CU_ASSERT_EQUAL(pluton_console_write(pluton, PLUTON_CONSOLE_DEBUG, "\x1b[2J\n\xff", 6), 0);
	CU_ASSERT_EQUAL(pluton_console_write_async(pluton, PLUTON_CONSOLE_DEBUG, line, 1, note,
						   &status, NULL),
			0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_EQUAL(pluton_console_write(pluton, PLUTON_CONSOLE_ERROR, line, 1), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL_FATAL(pluton_open(own.address, &other), 0);
	/* The same user: a new connection is no new burst. */
	CU_ASSERT_EQUAL(pluton_console_write(other, PLUTON_CONSOLE_DEBUG, line, 1), -PLUTON_EBUSY);
	pluton_close(other);
	own_client_end();
}

/* --- NV memory ------------------------------------------------------------------------------- */

static uint8_t *pattern(size_t size, unsigned seed)
{
	uint8_t *bytes = malloc(size + 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 11 + i / 253 + seed);
	return bytes;
}

static void check_get(const char *name, const uint8_t *wanted, size_t size)
{
	size_t length;
	void *data;

	CU_ASSERT_EQUAL_FATAL(pluton_nv_get(pluton, name, &data, &length), 0);
	CU_ASSERT_EQUAL(length, size);
	CU_ASSERT_EQUAL(memcmp(data, wanted, size), 0);
	free(data);
}

static void test_what_is_put_is_got_up_to_the_longest_area(void)
{
	static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 8192, AREA_MAX - 1, AREA_MAX};
	uint8_t *bytes = pattern(AREA_MAX + 1, 1);
	int status = 1;

	begin();
	for (size_t i = 0; i < TESTS_COUNT(sizes); i++) {
		CU_ASSERT_EQUAL(pluton_nv_put(pluton, "area", bytes + i % 2, sizes[i]), 0);
		check_get("area", bytes + i % 2, sizes[i]);
	}
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, "area", bytes, AREA_MAX + 1), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(
		pluton_nv_put_async(pluton, "area", bytes, AREA_MAX + 1, note, &status, NULL), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(status, -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_nv_put_async(pluton, "async", bytes, 9, note, &status, NULL), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(status, 0);
	check_get("async", bytes, 9);
	own_client_end();
	free(bytes);
}

static void test_areas_are_defined_written_read_and_deleted(void)
{
	uint8_t *bytes = pattern(AREA_MAX, 3), *back = malloc(AREA_MAX);
	struct pluton_nv_row row;
	size_t length;

	begin();
	CU_ASSERT_EQUAL(pluton_nv_define(pluton, "a", AREA_MAX + 1), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_nv_define(pluton, "a", AREA_MAX), 0);
	CU_ASSERT_EQUAL(pluton_nv_define(pluton, "a", AREA_MAX), -PLUTON_EALREADY);
	CU_ASSERT_EQUAL(pluton_nv_write(pluton, "a", 1000, bytes, AREA_MAX - 999), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_nv_write(pluton, "a", 1000, bytes, AREA_MAX - 1000), 0);
	CU_ASSERT_EQUAL(pluton_nv_read(pluton, "a", 0, back, AREA_MAX, &length), 0);
	CU_ASSERT_EQUAL(length, AREA_MAX);
	CU_ASSERT_EQUAL(back[999], 0);
	CU_ASSERT_EQUAL(memcmp(back + 1000, bytes, AREA_MAX - 1000), 0);
	CU_ASSERT_EQUAL(pluton_nv_read(pluton, "a", AREA_MAX, back, 5, &length), 0);
	CU_ASSERT_EQUAL(length, 0);
	CU_ASSERT_EQUAL(pluton_nv_read(pluton, "a", AREA_MAX + 1, back, 5, &length), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_nv_status(pluton, "a", &row), 0);
	CU_ASSERT_EQUAL(row.capacity, AREA_MAX);
	CU_ASSERT_EQUAL(row.length, AREA_MAX);
	CU_ASSERT_EQUAL(pluton_nv_delete(pluton, "a"), 0);
	CU_ASSERT_EQUAL(pluton_nv_status(pluton, "a", &row), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_nv_read(pluton, "a", 0, back, 5, &length), -PLUTON_ENODEVICE);
	own_client_end();
	free(bytes);
	free(back);
}

static void test_areas_need_not_be_waited_for(void)
{
	uint8_t *bytes = pattern(AREA_MAX, 7), *back = malloc(PLUTON_NV_READ_MAX);
	struct pluton_nv_change changes[] = {{"b", bytes, 5000}, {"a", NULL, 0}};
	struct pluton_nv_row row;
	size_t length;

	begin();
	CU_ASSERT_EQUAL(ENDED(pluton_nv_define_async, "a", AREA_MAX + 1), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_define_async, "a", AREA_MAX), 0);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_write_async, "a", 0, bytes, AREA_MAX), 0);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_write_async, "a", 1, bytes, AREA_MAX), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_read_async, "a", 60000, back, PLUTON_NV_READ_MAX, &length),
			0);
	CU_ASSERT_EQUAL(length, PLUTON_NV_READ_MAX);
	CU_ASSERT_EQUAL(memcmp(back, bytes + 60000, length), 0);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_read_async, "a", AREA_MAX - 5, back, 9, &length), 0);
	CU_ASSERT_EQUAL(length, 5);
	CU_ASSERT_EQUAL(memcmp(back, bytes + AREA_MAX - 5, 5), 0);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_status_async, "a", &row), 0);
	CU_ASSERT_EQUAL(row.length, AREA_MAX);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_commit_async, changes, 2), 0);
	check_get("b", bytes, 5000);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_status_async, "a", &row), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_lock_async, "b", PLUTON_NV_LOCK_READ_BOOT), 0);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_read_async, "b", 0, back, 1, &length), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_delete_async, "b"), 0);
	CU_ASSERT_EQUAL(ENDED(pluton_nv_delete_async, "b"), -PLUTON_ENODEVICE);
	own_client_end();
	free(bytes);
	free(back);
}

static void test_what_is_no_name_is_refused(void)
{
	static const char *const wrong[] = {".a", "a/b", "..", "a b", "a\n", "\xc3\xa4"};
	char name[66];

	memset(name, 'n', 65);
	name[65] = '\0';
	begin();
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, name, "x", 1), -PLUTON_EINVAL);
	name[64] = '\0';
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, name, "x", 1), 0);
	check_get(name, (const uint8_t *)"x", 1);
	for (size_t i = 0; i < TESTS_COUNT(wrong); i++) {
		CU_ASSERT_EQUAL(pluton_nv_put(pluton, wrong[i], "x", 1), -PLUTON_EINVAL);
		CU_ASSERT(said("letters, digits"));
	}
	own_client_end();
}

static void test_a_list_has_every_area_and_the_quota_ends_it(void)
{
	struct pluton_nv_row *rows;
	char name[16];
	size_t count;

	begin();
	for (unsigned i = 0; i < AREAS; i++) {
		snprintf(name, sizeof(name), "area%02u", AREAS - 1 - i);
		CU_ASSERT_EQUAL(pluton_nv_put(pluton, name, name, 6), 0);
	}
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, "one-more", "x", 1), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(pluton_nv_list(pluton, &rows, &count), 0);
	CU_ASSERT_EQUAL_FATAL(count, AREAS);
	for (unsigned i = 0; i < AREAS; i++) {
		snprintf(name, sizeof(name), "area%02u", i);
		CU_ASSERT_STRING_EQUAL(rows[i].name, name);
	}
	free(rows);
	own_client_end();
}

static void test_a_commit_is_all_or_nothing(void)
{
	uint8_t *bytes = pattern(AREA_MAX + 1, 5);
	struct pluton_nv_change changes[PLUTON_NV_CHANGES_MAX] = {
		{"one", bytes, 5000}, {"two", "", 0}, {"gone", NULL, 0}};
	static char names[PLUTON_NV_CHANGES_MAX][8];
	struct pluton_nv_row row;

	begin();
	CU_ASSERT_EQUAL(pluton_nv_commit(pluton, changes, 3), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_nv_status(pluton, "one", &row), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, "gone", "x", 1), 0);
	CU_ASSERT_EQUAL(pluton_nv_commit(pluton, changes, 3), 0);
	check_get("one", bytes, 5000);
	check_get("two", bytes, 0);
	CU_ASSERT_EQUAL(pluton_nv_status(pluton, "gone", &row), -PLUTON_ENODEVICE);
	changes[2] = changes[0];
	CU_ASSERT_EQUAL(pluton_nv_commit(pluton, changes, 3), -PLUTON_EINVAL); /* one twice */
	changes[2] = (struct pluton_nv_change){"three", bytes, AREA_MAX + 1};
	CU_ASSERT_EQUAL(pluton_nv_commit(pluton, changes, 3), -PLUTON_ESIZE);
	for (unsigned i = 0; i < PLUTON_NV_CHANGES_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "c%u", i);
		changes[i] = (struct pluton_nv_change){names[i], bytes + i, 100};
	}
	CU_ASSERT_EQUAL(pluton_nv_commit(pluton, changes, PLUTON_NV_CHANGES_MAX), 0);
	check_get("c15", bytes + 15, 100);
	own_client_end();
	free(bytes);
}

static void test_locks_hold_against_their_owner(void)
{
	uint8_t byte;

	begin();
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, "a", "x", 1), 0);
	CU_ASSERT_EQUAL(pluton_nv_lock(pluton, "a", 8), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_nv_lock(pluton, "b", PLUTON_NV_LOCK_WRITE), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_nv_lock(pluton, "a", PLUTON_NV_LOCK_WRITE), 0);
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, "a", "y", 1), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(pluton_nv_write(pluton, "a", 0, "y", 1), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(pluton_nv_delete(pluton, "a"), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(pluton_nv_read(pluton, "a", 0, &byte, 1, NULL), 0);
	CU_ASSERT_EQUAL(byte, 'x');
	CU_ASSERT_EQUAL(pluton_nv_lock(pluton, "a", PLUTON_NV_LOCK_READ_BOOT), 0);
	CU_ASSERT_EQUAL(pluton_nv_read(pluton, "a", 0, &byte, 1, NULL), -PLUTON_ERESERVE);
	own_client_end();
}

static atomic_bool reading;
static sem_t starts;

/*
 * With each read begin two writes, of uniform values, in turn short and long; who writes for ever
 * may be faster than any reader. Returns NULL if all were taken.
 */
static void *write_values(void *failure)
{
	struct pluton *writer;
	uint8_t bytes[20000];
	int r = pluton_open(own.address, &writer);

	for (unsigned i = 0; reading && r == 0; i++) {
		if (i % 2 == 0)
			sem_wait(&starts);
		memset(bytes, (int)(i & 0xff), sizeof(bytes));
		r = pluton_nv_put(writer, "a", bytes, i % 3 == 0 ? 9000 : sizeof(bytes));
	}
	pluton_close(writer);
	return r == 0 ? NULL : failure;
}

static bool is_value(const uint8_t *bytes, size_t length)
{
	if (length != 0 && length != 9000 && length != 20000)
		return false;
	for (size_t i = 1; i < length; i++) {
		if (bytes[i] != bytes[0])
			return false;
	}
	return true;
}

static void test_reading_while_somebody_writes_gives_one_state(void)
{
	pthread_t thread;
	uint8_t *back = malloc(20000);
	void *data, *result = NULL;
	size_t length;

	begin();
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, "a", "", 0), 0);
	reading = true;
	CU_ASSERT_EQUAL(sem_init(&starts, 0, 0), 0);
	CU_ASSERT_EQUAL(pthread_create(&thread, NULL, write_values, &own), 0);
	for (unsigned i = 0; i < 100; i++) {
		sem_post(&starts);
		CU_ASSERT_EQUAL(pluton_nv_get(pluton, "a", &data, &length), 0);
		CU_ASSERT(is_value(data, length));
		free(data);
		sem_post(&starts);
		CU_ASSERT_EQUAL(pluton_nv_read(pluton, "a", 0, back, 20000, &length), 0);
		CU_ASSERT(is_value(back, length));
	}
	reading = false;
	sem_post(&starts);
	pthread_join(thread, &result);
	sem_destroy(&starts);
	CU_ASSERT_PTR_NULL(result);
	own_client_end();
	free(back);
}

/* --- apps ------------------------------------------------------------------------------------ */

static void test_an_app_that_nobody_defined_is_not_there(void)
{
	char name[PLUTON_APP_NAME_MAX + 2];
	struct pluton_app_row row;
	int fd = 77;

	memset(name, 'a', sizeof(name));
	name[PLUTON_APP_NAME_MAX + 1] = '\0';
	begin();
	CU_ASSERT_EQUAL(pluton_app_connect(pluton, "no-such-app", &fd), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_app_connect(pluton, name, &fd), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_app_connect(pluton, name + 1, &fd), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(fd, 77);
	CU_ASSERT_EQUAL(pluton_app_status(pluton, "no-such-app", &row), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_app_start(pluton, "no-such-app"), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_app_stop(pluton, "no-such-app"), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_app_restart(pluton, "no-such-app"), -PLUTON_ENODEVICE);
	own_client_end();
}

static void note_channel(struct pluton *of, int status, int fd, void *userdata)
{
	CU_ASSERT_EQUAL(fd >= 0, status == 0);
	if (fd >= 0)
		close(fd);
	note(of, status, userdata);
}

static void test_apps_need_not_be_waited_for(void)
{
	struct pluton_app_row *rows, row;
	size_t count;

	begin();
	CU_ASSERT_EQUAL_FATAL(pluton_app_list(pluton, &rows, &count), 0);
	CU_ASSERT_FATAL(count > 0);
	CU_ASSERT_EQUAL(ENDED(pluton_app_status_async, rows[0].name, &row), 0);
	CU_ASSERT_STRING_EQUAL(row.name, rows[0].name);
	free(rows);
	CU_ASSERT_EQUAL(ENDED(pluton_app_status_async, "no-such-app", &row), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(ENDED(pluton_app_start_async, "no-such-app"), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(ENDED(pluton_app_restart_async, "no-such-app"), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(ENDED(pluton_app_start_async, "counter"), 0);
	CU_ASSERT_EQUAL(ended(pluton_app_connect_async(pluton, "counter", note_channel,
						       ended_status(), NULL)),
			0);
	CU_ASSERT_EQUAL(ENDED(pluton_app_restart_async, "counter"), 0);
	CU_ASSERT_EQUAL(ENDED(pluton_app_stop_async, "counter"), 0);
	CU_ASSERT_EQUAL(ENDED(pluton_app_status_async, "counter", &row), 0);
	CU_ASSERT_EQUAL(row.state, PLUTON_APP_STOPPED);
	CU_ASSERT_EQUAL(ended(pluton_app_connect_async(pluton, "no-such-app", note_channel,
						       ended_status(), NULL)),
			-PLUTON_ENODEVICE);
	own_client_end();
}

static void test_who_is_no_app_accepts_nobody(void)
{
	struct pluton_app_peer peer;
	int fd = 77;

	begin();
	CU_ASSERT_EQUAL(pluton_app_accept(pluton, &fd, &peer), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(fd, 77);
	own_client_end();
}

static void test_apps_are_listed_as_their_states_say(void)
{
	struct pluton_app_row *rows, row;
	size_t count;

	begin();
	CU_ASSERT_EQUAL_FATAL(pluton_app_list(pluton, &rows, &count), 0);
	for (size_t i = 0; i < count; i++) {
		CU_ASSERT_EQUAL(pluton_app_status(pluton, rows[i].name, &row), 0);
		CU_ASSERT_STRING_EQUAL(row.name, rows[i].name);
		CU_ASSERT(row.state <= PLUTON_APP_FAILED);
	}
	free(rows);
	own_client_end();
}

static const struct test tests[] = {
	TEST(test_sleeping_takes_its_time_by_the_daemons_clock),
	TEST(test_alarms_come_in_the_order_of_their_times),
	TEST(test_a_periodic_alarm_counts_what_nobody_fetched),
	TEST(test_more_alarms_than_operations_are_busy),
	TEST(test_timers_expire_are_missed_and_are_started_again),
	TEST(test_lines_up_to_the_burst_are_taken_and_the_next_is_busy),
	TEST(test_what_is_put_is_got_up_to_the_longest_area),
	TEST(test_areas_are_defined_written_read_and_deleted),
	TEST(test_areas_need_not_be_waited_for),
	TEST(test_what_is_no_name_is_refused),
	TEST(test_a_list_has_every_area_and_the_quota_ends_it),
	TEST(test_a_commit_is_all_or_nothing),
	TEST(test_locks_hold_against_their_owner),
	TEST(test_reading_while_somebody_writes_gives_one_state),
	TEST(test_an_app_that_nobody_defined_is_not_there),
	TEST(test_apps_need_not_be_waited_for),
	TEST(test_who_is_no_app_accepts_nobody),
	TEST(test_apps_are_listed_as_their_states_say),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "services", tests, TESTS_COUNT(tests));
}
