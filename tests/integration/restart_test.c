/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that lives on while plutond is killed and started again under it: what it may rely on
 * and what it is told. client_reconnect_test has the same with a daemon that dies at a chosen step.
 */
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <openssl/evp.h>

#include <pluton/alarm.h>
#include <pluton/console.h>
#include <pluton/digest.h>
#include <pluton/manager.h>
#include <pluton/nv.h>
#include <pluton/random.h>

#include "tests/integration/own_plutond.h"
#include "tests/suite.h"

#define MIB ((size_t)1 << 20)
#define KILLS 6

static struct own_plutond own;
static struct pluton *pluton;

static void begin(void)
{
	own_plutond_begin(&own, "");
	CU_ASSERT_EQUAL_FATAL(pluton_open(own.address, &pluton), 0);
	/* Only a hang takes so long; a machine under load does not. */
	CU_ASSERT_EQUAL(pluton_set_reconnect(pluton, 120000), 0);
}

static void end(void)
{
	pluton_close(pluton);
	pluton = NULL;
	own_plutond_end(&own);
}

static void restart(int signal)
{
	own_plutond_stop(&own, signal);
	own_plutond_start(&own);
}

static bool works(void)
{
	uint8_t bytes[32] = {0};

	return pluton_random(pluton, bytes, sizeof(bytes)) == 0;
}

static void test_calls_go_on_across_kills_and_restarts(void)
{
	begin();
	for (unsigned i = 0; i < KILLS; i++) {
		restart(i % 2 == 0 ? SIGKILL : SIGTERM);
		CU_ASSERT(works());
	}
	end();
}

/* The daemon dies with the thread that started it, so it is the client that gets another one. */
static void *call(void *ret_worked)
{
	*(bool *)ret_worked = works();
	return NULL;
}

static void test_a_call_waits_while_there_is_no_daemon(void)
{
	bool worked = false;
	pthread_t thread;

	begin();
	own_plutond_stop(&own, SIGKILL);
	CU_ASSERT_EQUAL(pthread_create(&thread, NULL, call, &worked), 0);
	own_plutond_start(&own);
	pthread_join(thread, NULL);
	CU_ASSERT(worked);
	end();
}

static void test_shared_memory_holds_its_contents_and_is_used_in_place_again(void)
{
	uint8_t digest[32], wanted[32], *bytes;
	struct pluton_digest_request request = {.algorithm = PLUTON_SHA256,
						.length = 3 * MIB,
						.digest = digest,
						.digest_size = sizeof(digest)};
	uint32_t windows = 0;

	begin();
	bytes = pluton_alloc(pluton, 3 * MIB);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	for (size_t i = 0; i < 3 * MIB; i++)
		bytes[i] = (uint8_t)(i / 7);
	request.input = bytes;
	EVP_Digest(bytes, 3 * MIB, wanted, NULL, EVP_sha256(), NULL);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(pluton_digest(pluton, &request), 0);
		CU_ASSERT_EQUAL(memcmp(digest, wanted, 32), 0);
		restart(SIGKILL);
	}
	CU_ASSERT(works());
	CU_ASSERT_EQUAL(pluton_memop(pluton, PLUTON_MEMOP_WINDOWS, 0, &windows), 0);
	CU_ASSERT_EQUAL(windows, 1);
	end();
}

static void test_a_stream_is_gone_with_its_daemon(void)
{
	struct pluton_digest_stream old, young;
	uint8_t digest[32], wanted[32];

	begin();
	CU_ASSERT_EQUAL(pluton_digest_begin(pluton, PLUTON_SHA256, &old), 0);
	CU_ASSERT_EQUAL(pluton_digest_update(pluton, &old, "abc", 3), 0);
	restart(SIGKILL);
	CU_ASSERT(works());
	CU_ASSERT_EQUAL(pluton_digest_begin(pluton, PLUTON_SHA256, &young), 0);
	CU_ASSERT_EQUAL(pluton_digest_update(pluton, &old, "abc", 3), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(pluton_digest_update(pluton, &young, "xyz", 3), 0);
	CU_ASSERT_EQUAL(pluton_digest_finish(pluton, &young, digest, 32), 0);
	EVP_Digest("xyz", 3, wanted, NULL, EVP_sha256(), NULL);
	CU_ASSERT_EQUAL(memcmp(digest, wanted, 32), 0);
	end();
}

/* --- NV memory ------------------------------------------------------------------------------- */

#define VALUES 2000u

/* The value of the n-th put: n, as often as fits. */
static bool put_numbered(uint32_t number)
{
	uint32_t value[VALUES];

	for (size_t i = 0; i < VALUES; i++)
		value[i] = number;
	return pluton_nv_put(pluton, "counted", value, sizeof(value)) == 0;
}

static bool is_numbered(uint32_t number)
{
	uint32_t *values = NULL;
	void *data;
	size_t length;
	bool equal;

	if (pluton_nv_get(pluton, "counted", &data, &length) < 0)
		return false;
	values = data;
	equal = length == VALUES * sizeof(*values);
	for (size_t i = 0; equal && i < VALUES; i++)
		equal = values[i] == number;
	free(data);
	return equal;
}

static atomic_bool killing;
static sem_t rounds; /* that have ended */

/* Returns NULL if every put that returned was there. */
static void *put_and_get(void *failure)
{
	for (uint32_t number = 1; killing; number++) {
		if (!put_numbered(number) || !is_numbered(number)) {
			sem_post(&rounds);
			return failure;
		}
		sem_post(&rounds);
	}
	return NULL;
}

/* A call is made again once: no two kills in one round. */
static void wait_for_a_round(void)
{
	while (sem_trywait(&rounds) == 0)
		;
	sem_wait(&rounds);
}

static void test_a_put_that_returned_is_there_whoever_was_killed_meanwhile(void)
{
	void *result = NULL;
	pthread_t thread;

	begin();
	killing = true;
	CU_ASSERT_EQUAL(sem_init(&rounds, 0, 0), 0);
	CU_ASSERT_EQUAL(pthread_create(&thread, NULL, put_and_get, &own), 0);
	for (unsigned i = 0; i < KILLS * 3 && pthread_tryjoin_np(thread, &result) != 0; i++) {
		wait_for_a_round();
		restart(SIGKILL);
	}
	killing = false;
	if (!result)
		pthread_join(thread, &result);
	CU_ASSERT_PTR_NULL(result);
	sem_destroy(&rounds);
	end();
}

static void test_locks_until_restart_end_with_the_daemon_and_others_do_not(void)
{
	struct pluton_nv_row row;
	uint8_t byte;

	begin();
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, "boot", "1", 1), 0);
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, "ever", "2", 1), 0);
	CU_ASSERT_EQUAL(pluton_nv_lock(pluton, "boot", PLUTON_NV_LOCK_WRITE_BOOT), 0);
	CU_ASSERT_EQUAL(pluton_nv_lock(pluton, "boot", PLUTON_NV_LOCK_READ_BOOT), 0);
	CU_ASSERT_EQUAL(pluton_nv_lock(pluton, "ever", PLUTON_NV_LOCK_WRITE), 0);
	CU_ASSERT_EQUAL(pluton_nv_read(pluton, "boot", 0, &byte, 1, NULL), -PLUTON_ERESERVE);
	restart(SIGKILL);
	CU_ASSERT_EQUAL(pluton_nv_read(pluton, "boot", 0, &byte, 1, NULL), 0);
	CU_ASSERT_EQUAL(byte, '1');
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, "boot", "3", 1), 0);
	CU_ASSERT_EQUAL(pluton_nv_put(pluton, "ever", "4", 1), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(pluton_nv_status(pluton, "ever", &row), 0);
	CU_ASSERT_EQUAL(row.locks, PLUTON_NV_LOCK_WRITE);
	end();
}

/* --- alarms and event loops ------------------------------------------------------------------ */

static unsigned alarms;
static int alarm_status;

static void note_alarm(struct pluton *of, int status, uint64_t now_us, uint32_t missed,
		       void *userdata)
{
	(void)of;
	(void)now_us;
	(void)missed;
	(void)userdata;
	alarms++;
	alarm_status = status;
}

static void test_a_periodic_alarm_ends_with_the_daemon(void)
{
	uint32_t mask;

	begin();
	alarms = 0;
	CU_ASSERT_EQUAL(pluton_alarm_every(pluton, 1, note_alarm, NULL, NULL), 0);
	while (alarms < 3)
		CU_ASSERT_EQUAL_FATAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(pluton_timer_periodic(pluton, 2, 1000000), 0);
	CU_ASSERT(works()); /* both are under way */
	restart(SIGKILL);
	CU_ASSERT_EQUAL(pluton_timer_wait(pluton, &mask), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(alarm_status, -PLUTON_EOFF);
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, 2, 1), 0);
	CU_ASSERT_EQUAL(pluton_timer_wait(pluton, &mask), 0);
	end();
}

static unsigned reconnections;

/* As a program does that wants to be woken for ever. */
static void start_alarm(struct pluton *of, void *userdata)
{
	(void)userdata;
	CU_ASSERT_EQUAL(pluton_alarm_every(of, 1, note_alarm, NULL, NULL), 0);
	reconnections++;
}

static int turn_loop(void)
{
	struct pollfd fd = {.fd = pluton_get_fd(pluton), .events = pluton_get_events(pluton)};

	CU_ASSERT_EQUAL_FATAL(poll(&fd, 1, 120000), 1);
	return pluton_dispatch(pluton);
}

static void test_an_event_loop_goes_on_across_kills(void)
{
	unsigned losses = 0;

	begin();
	reconnections = 0;
	pluton_on_reconnect(pluton, start_alarm, NULL);
	start_alarm(pluton, NULL);
	for (unsigned i = 1; i <= 3; i++) {
		alarms = 0;
		alarm_status = 0;
		while (alarms < 3 || alarm_status < 0)
			losses += turn_loop() == -PLUTON_EOFF;
		CU_ASSERT_EQUAL(reconnections, i);
		CU_ASSERT_EQUAL(losses, i - 1);
		own_plutond_stop(&own, SIGKILL);
		while (losses < i)
			losses += turn_loop() == -PLUTON_EOFF;
		own_plutond_start(&own);
	}
	end();
}

/* Registered once. */
static int turn_epoll(int epoll_fd)
{
	struct epoll_event event;

	CU_ASSERT_EQUAL_FATAL(epoll_wait(epoll_fd, &event, 1, 120000), 1);
	return pluton_dispatch(pluton);
}

static void test_an_epoll_loop_goes_on_across_kills(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	unsigned losses = 0;

	begin();
	reconnections = 0;
	CU_ASSERT_EQUAL(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pluton_get_fd(pluton), &event), 0);
	pluton_on_reconnect(pluton, start_alarm, NULL);
	start_alarm(pluton, NULL);
	for (unsigned i = 1; i <= 3; i++) {
		alarms = 0;
		alarm_status = 0;
		while (alarms < 3 || alarm_status < 0)
			losses += turn_epoll(epoll_fd) == -PLUTON_EOFF;
		CU_ASSERT_EQUAL(reconnections, i);
		own_plutond_stop(&own, SIGKILL);
		while (losses < i)
			losses += turn_epoll(epoll_fd) == -PLUTON_EOFF;
		own_plutond_start(&own);
	}
	close(epoll_fd);
	end();
}

static void count_upcall(struct pluton *of, const uint32_t words[3], void *userdata)
{
	(void)of;
	(void)words;
	++*(unsigned *)userdata;
}

static void test_raw_state_is_lost_and_told_once(void)
{
	struct pluton_return ret;
	unsigned upcalls = 0;

	begin();
	CU_ASSERT_EQUAL(pluton_subscribe(pluton, PLUTON_DRIVER_ALARM, 0, count_upcall, &upcalls),
			0);
	CU_ASSERT_EQUAL(pluton_command(pluton, PLUTON_DRIVER_ALARM, 2, 1, 0, &ret), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(upcalls, 1);
	restart(SIGKILL);
	CU_ASSERT(works());
	CU_ASSERT_EQUAL(pluton_command(pluton, PLUTON_DRIVER_ALARM, 2, 1, 0, &ret), -PLUTON_EOFF);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "subscribe and allow again"));
	CU_ASSERT_EQUAL(pluton_subscribe(pluton, PLUTON_DRIVER_ALARM, 0, count_upcall, &upcalls),
			0);
	CU_ASSERT_EQUAL(pluton_command(pluton, PLUTON_DRIVER_ALARM, 2, 1, 0, &ret), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(upcalls, 2);
	end();
}

static const struct test tests[] = {
	TEST(test_calls_go_on_across_kills_and_restarts),
	TEST(test_a_call_waits_while_there_is_no_daemon),
	TEST(test_shared_memory_holds_its_contents_and_is_used_in_place_again),
	TEST(test_a_stream_is_gone_with_its_daemon),
	TEST(test_a_put_that_returned_is_there_whoever_was_killed_meanwhile),
	TEST(test_locks_until_restart_end_with_the_daemon_and_others_do_not),
	TEST(test_a_periodic_alarm_ends_with_the_daemon),
	TEST(test_an_event_loop_goes_on_across_kills),
	TEST(test_an_epoll_loop_goes_on_across_kills),
	TEST(test_raw_state_is_lost_and_told_once),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "restart", tests, TESTS_COUNT(tests));
}
