/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpluton's TPM against a fake one: that each command runs once or is reported, whatever becomes
 * of app and daemon, and that nothing a hostile app sends harms its client.
 */
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pluton/tpm.h>

#include "client-lib/connection.h"
#include "tests/suite.h"
#include "tests/unit/fake_tpm.h"

#define SHORT_MS 20 /* a limit that a test waits out */

static struct fake_tpm fake;
static struct pluton_tpm *tpm;
static char message[256];
static uint8_t command[PLUTON_TPM_COMMAND_MAX + 1];
static uint8_t response[PLUTON_TPM_RESPONSE_MAX];
static size_t response_size;

/* --- a TPM for each test --------------------------------------------------------------------- */

static void begin(void)
{
	fake_tpm_begin(&fake);
	CU_ASSERT_EQUAL_FATAL(pluton_tpm_open(fake.address, NULL, &tpm, message, sizeof(message)),
			      0);
}

static void end(void)
{
	pluton_tpm_close(tpm);
	tpm = NULL;
	fake_tpm_end(&fake);
}

/* One command, of which the response says that `count` have run. */
static int run(void)
{
	fake_tpm_command(command, 14, 0);
	response_size = sizeof(response);
	memset(response, 0, sizeof(response));
	return pluton_tpm_transmit(tpm, command, 14, response, &response_size);
}

static void check_ran(unsigned count)
{
	CU_ASSERT_EQUAL(run(), 0);
	CU_ASSERT_EQUAL(response_size, FAKE_TPM_RESPONSE_MIN);
	CU_ASSERT_EQUAL(fake_tpm_rc(response), 0);
	CU_ASSERT_EQUAL(fake_tpm_count(response), count);
	CU_ASSERT_EQUAL(fake_tpm_executed(&fake), count);
}

static int send_one(void)
{
	fake_tpm_command(command, 14, 0);
	return pluton_tpm_send(tpm, command, 14);
}

static int receive(int timeout_ms)
{
	const void *bytes;
	int r = pluton_tpm_receive(tpm, timeout_ms, &bytes, &response_size);

	if (r == 0)
		memcpy(response, bytes, response_size);
	return r;
}

static bool says(const char *words)
{
	return strstr(pluton_tpm_error_message(tpm), words) != NULL;
}

static unsigned open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

/* --- opening --------------------------------------------------------------------------------- */

static void test_opening_leaves_one_descriptor(void)
{
	unsigned before;

	fake_tpm_begin(&fake);
	before = open_descriptors();
	CU_ASSERT_EQUAL(pluton_tpm_open(fake.address, "tpm0", &tpm, message, sizeof(message)), 0);
	/* two with the app's end; plutond's end goes once it sees that we are gone */
	while (open_descriptors() != before + 2)
		sched_yield();
	check_ran(1);
	end();
}

static void test_where_nobody_listens_opening_fails_at_once_and_names_the_address(void)
{
	fake_tpm_begin(&fake);
	fake_tpm_deafen(&fake);
	tpm = (struct pluton_tpm *)&fake;
	CU_ASSERT_EQUAL(pluton_tpm_open(fake.address, NULL, &tpm, message, sizeof(message)),
			-PLUTON_EOFF);
	CU_ASSERT_PTR_NULL(tpm);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, fake.address));
	CU_ASSERT_EQUAL(pluton_tpm_open(fake.address, NULL, &tpm, NULL, 0), -PLUTON_EOFF);
	fake_tpm_end(&fake);
}

static void test_what_is_no_address_or_name_is_refused(void)
{
	static const char name_of_32[] = "tpm012345678901234567890123456ab";

	CU_ASSERT_EQUAL(sizeof(name_of_32), 33);
	CU_ASSERT_EQUAL(pluton_tpm_open("tcp:x", NULL, &tpm, message, sizeof(message)),
			-PLUTON_EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "unix:PATH"));
	CU_ASSERT_EQUAL(pluton_tpm_open(NULL, "", &tpm, message, sizeof(message)), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_tpm_open(NULL, name_of_32, &tpm, message, sizeof(message)),
			-PLUTON_EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "31"));
	fake_tpm_begin(&fake);
	CU_ASSERT_EQUAL(
		pluton_tpm_open(fake.address, name_of_32 + 1, &tpm, message, sizeof(message)),
		-PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(fake_tpm_asked(&fake), 1);
	fake_tpm_end(&fake);
}

static void test_what_plutond_says_about_the_app_is_what_opening_says(void)
{
	static const struct {
		enum fake_broker how;
		int error;
	} cases[] = {
		{BROKER_NO_DEVICE, -PLUTON_ENODEVICE}, {BROKER_FAILS, -PLUTON_EFAIL},
		{BROKER_IS_BUSY, -PLUTON_EBUSY},       {BROKER_GIVES_NONE, -PLUTON_EBADRVAL},
		{BROKER_NOISE, -PLUTON_EBADRVAL},      {BROKER_GIVES_FULL, -PLUTON_EBUSY},
	};

	fake_tpm_begin(&fake);
	for (size_t i = 0; i < TESTS_COUNT(cases); i++) {
		fake_tpm_broker(&fake, cases[i].how, 0);
		message[0] = '\0';
		CU_ASSERT_EQUAL(pluton_tpm_open(fake.address, NULL, &tpm, message, sizeof(message)),
				cases[i].error);
		CU_ASSERT(message[0] != '\0');
		CU_ASSERT_EQUAL(fake_tpm_asked(&fake), i + 1);
	}
	fake_tpm_end(&fake);
}

static void test_an_app_that_dies_as_it_is_greeted_is_asked_for_again(void)
{
	fake_tpm_begin(&fake);
	fake_tpm_broker(&fake, BROKER_GIVES_DEAD, 2);
	CU_ASSERT_EQUAL_FATAL(pluton_tpm_open(fake.address, NULL, &tpm, message, sizeof(message)),
			      0);
	CU_ASSERT_EQUAL(fake_tpm_asked(&fake), 3);
	check_ran(1);
	end();
}

static int try_open(void)
{
	message[0] = '\0';
	return pluton_tpm_open(fake.address, NULL, &tpm, message, sizeof(message));
}

static void test_an_app_that_dies_whenever_it_is_greeted_is_no_daemon_to_start(void)
{
	fake_tpm_begin(&fake);
	setenv("PLUTON_TPM_RECONNECT_MS", "0", 1);
	fake_tpm_broker(&fake, BROKER_GIVES_DEAD, 0);
	CU_ASSERT_EQUAL(try_open(), -PLUTON_EFAIL);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "did not come up in 1000 ms"));
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "the TPM tpm0 closed the connection"));
	CU_ASSERT(fake_tpm_asked(&fake) > 1);
	unsetenv("PLUTON_TPM_RECONNECT_MS");
	fake_tpm_end(&fake);
}

static void test_a_full_tpm_is_what_it_says(void)
{
	fake_tpm_begin(&fake);
	fake_tpm_broker(&fake, BROKER_GIVES_FULL, 1);
	CU_ASSERT_EQUAL(try_open(), -PLUTON_EBUSY);
	CU_ASSERT_STRING_EQUAL(message, "the fake does not want to");
	fake_tpm_set(&fake, &fake.refuses_attach, PLUTON_EBUSY);
	CU_ASSERT_EQUAL(try_open(), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(fake_tpm_asked(&fake), 2);
	fake_tpm_end(&fake);
}

static void test_an_app_that_does_not_start_is_named_where_plutond_says_nothing(void)
{
	fake_tpm_begin(&fake);
	fake_tpm_broker(&fake, BROKER_FAILS, 1);
	CU_ASSERT_EQUAL(try_open(), -PLUTON_EFAIL);
	CU_ASSERT_STRING_EQUAL(message,
			       "the app tpm0 did not start; see pluton-cli app status tpm0");
	fake_tpm_broker(&fake, BROKER_IS_BUSY, 1);
	CU_ASSERT_EQUAL(try_open(), -PLUTON_EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "the app tpm0 took no connection in time"));
	fake_tpm_broker(&fake, BROKER_NO_DEVICE, 1);
	CU_ASSERT_EQUAL(try_open(), -PLUTON_ENODEVICE);
	CU_ASSERT_STRING_EQUAL(message, "the fake does not want to");
	fake_tpm_end(&fake);
}

static void test_an_app_that_is_no_tpm_is_called_that(void)
{
	static const uint32_t errors[] = {PLUTON_ENODEVICE, PLUTON_ENOSUPPORT, PLUTON_EINVAL};

	fake_tpm_begin(&fake);
	fake_tpm_broker(&fake, BROKER_GIVES_NOISE, 1);
	CU_ASSERT_EQUAL(try_open(), -PLUTON_EBADRVAL);
	CU_ASSERT_PTR_EQUAL(strstr(message, "tpm0 is no TPM: it sent garbage"), message);
	for (size_t i = 0; i < TESTS_COUNT(errors); i++) {
		fake_tpm_set(&fake, &fake.refuses_attach, errors[i]);
		CU_ASSERT_EQUAL(try_open(), -(int)errors[i]);
		CU_ASSERT_STRING_EQUAL(message, "tpm0 is no TPM: the fake does not want to");
	}
	fake_tpm_end(&fake);
}

static void close_all(const int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
}

static void test_a_plutond_that_never_greets_is_given_up(void)
{
	int fd;

	fake_tpm_begin(&fake);
	setenv("PLUTON_TPM_RECONNECT_MS", "0", 1);
	CU_ASSERT_EQUAL(fake_tpm_occupy(&fake, &fd, 1), 1);
	CU_ASSERT_EQUAL(try_open(), -PLUTON_EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, fake.address));
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "took the connection and says nothing"));
	close(fd);
	unsetenv("PLUTON_TPM_RECONNECT_MS");
	fake_tpm_end(&fake);
}

static void test_a_plutond_that_stops_after_its_greeting_is_given_up(void)
{
	fake_tpm_begin(&fake);
	setenv("PLUTON_TPM_RECONNECT_MS", "0", 1);
	fake_tpm_broker(&fake, BROKER_SILENT, 0);
	CU_ASSERT_EQUAL(try_open(), -PLUTON_EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "says nothing"));
	CU_ASSERT_EQUAL(fake_tpm_asked(&fake), 1);
	CU_ASSERT_EQUAL(fake_tpm_calls(&fake), 1);
	unsetenv("PLUTON_TPM_RECONNECT_MS");
	fake_tpm_end(&fake);
}

static void test_a_plutond_that_stops_before_its_greeting_is_followed_by_the_next(void)
{
	fake_tpm_begin(&fake);
	fake_tpm_set(&fake, &fake.cut_offs, OPEN_TRIES - 1);
	CU_ASSERT_EQUAL_FATAL(try_open(), 0);
	CU_ASSERT_EQUAL(fake_tpm_asked(&fake), 1);
	check_ran(1);
	end();
}

static void test_a_plutond_that_ends_after_its_greeting_is_followed_by_the_next(void)
{
	fake_tpm_begin(&fake);
	fake_tpm_set(&fake, &fake.departures, 1);
	CU_ASSERT_EQUAL_FATAL(try_open(), 0);
	CU_ASSERT_EQUAL(fake_tpm_asked(&fake), 1);
	check_ran(1);
	end();
}

static void test_a_plutond_that_ends_when_it_was_asked_is_asked_once_more(void)
{
	fake_tpm_begin(&fake);
	fake_tpm_broker(&fake, BROKER_HANGS_UP, 1);
	CU_ASSERT_EQUAL_FATAL(try_open(), 0);
	CU_ASSERT_EQUAL(fake_tpm_asked(&fake), 2);
	pluton_tpm_close(tpm);
	fake_tpm_broker(&fake, BROKER_HANGS_UP, 0);
	CU_ASSERT_EQUAL(try_open(), -PLUTON_EOFF);
	CU_ASSERT_STRING_EQUAL(message, "the daemon closed the connection");
	CU_ASSERT_EQUAL(fake_tpm_asked(&fake), 4);
	fake_tpm_end(&fake);
}

static void test_a_plutond_that_never_comes_to_its_greeting_is_given_up(void)
{
	fake_tpm_begin(&fake);
	fake_tpm_set(&fake, &fake.cut_offs, 100);
	CU_ASSERT_EQUAL(try_open(), -PLUTON_EOFF);
	CU_ASSERT_STRING_EQUAL(message, "the daemon closed the connection");
	CU_ASSERT_EQUAL(fake_tpm_asked(&fake), 0);
	CU_ASSERT_EQUAL(fake.cut_offs, 100 - OPEN_TRIES);
	fake_tpm_end(&fake);
}

static void test_an_app_that_starts_slowly_is_waited_for_while_plutond_lives(void)
{
	fake_tpm_begin(&fake);
	setenv("PLUTON_TPM_RECONNECT_MS", "0", 1);
	fake_tpm_broker(&fake, BROKER_SLOW, 0);
	CU_ASSERT_EQUAL_FATAL(try_open(), 0);
	CU_ASSERT_EQUAL(fake_tpm_asked(&fake), 1);
	CU_ASSERT_EQUAL(fake_tpm_calls(&fake), FAKE_TPM_SLOWNESS);
	check_ran(1);
	unsetenv("PLUTON_TPM_RECONNECT_MS");
	end();
}

struct crowd {
	int fds[64];
	unsigned count;
};

static void *leave(void *arg)
{
	const struct crowd *crowd = arg;

	close_all(crowd->fds, crowd->count);
	return NULL;
}

static void test_a_queue_before_plutond_is_waited_for(void)
{
	struct crowd crowd;
	pthread_t thread;

	fake_tpm_begin(&fake);
	crowd.count = fake_tpm_occupy(&fake, crowd.fds, TESTS_COUNT(crowd.fds));
	CU_ASSERT_FATAL(crowd.count < TESTS_COUNT(crowd.fds));
	setenv("PLUTON_TPM_RECONNECT_MS", "0", 1);
	CU_ASSERT_EQUAL(try_open(), -PLUTON_EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "queue of connections is full"));
	unsetenv("PLUTON_TPM_RECONNECT_MS");
	CU_ASSERT_EQUAL(pthread_create(&thread, NULL, leave, &crowd), 0);
	CU_ASSERT_EQUAL_FATAL(try_open(), 0);
	pthread_join(thread, NULL);
	check_ran(1);
	end();
}

static void test_an_app_that_takes_too_short_records_is_refused(void)
{
	fake_tpm_begin(&fake);
	fake_tpm_set(&fake, &fake.inline_max, PLUTON_TPM_COMMAND_MAX + PLUTON_TPM_RESPONSE_MAX - 1);
	CU_ASSERT_EQUAL(pluton_tpm_open(fake.address, NULL, &tpm, message, sizeof(message)),
			-PLUTON_EBADRVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "8191"));
	fake_tpm_set(&fake, &fake.inline_max, PLUTON_TPM_COMMAND_MAX + PLUTON_TPM_RESPONSE_MAX);
	CU_ASSERT_EQUAL(pluton_tpm_open(fake.address, NULL, &tpm, message, sizeof(message)), 0);
	end();
}

static void test_a_limit_in_the_environment_is_a_number(void)
{
	static const char *const wrong[] = {"x", "10s", "-1", " 1", "2147483648", "99999999999999"};

	fake_tpm_begin(&fake);
	for (size_t i = 0; i < TESTS_COUNT(wrong); i++) {
		setenv("PLUTON_TPM_RECONNECT_MS", wrong[i], 1);
		CU_ASSERT_EQUAL(pluton_tpm_open(fake.address, NULL, &tpm, message, sizeof(message)),
				-PLUTON_EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(message, "PLUTON_TPM_RECONNECT_MS"));
	}
	setenv("PLUTON_TPM_RECONNECT_MS", "0", 1);
	CU_ASSERT_EQUAL(pluton_tpm_open(fake.address, NULL, &tpm, message, sizeof(message)), 0);
	unsetenv("PLUTON_TPM_RECONNECT_MS");
	fake_tpm_crash(&fake);
	CU_ASSERT_EQUAL(run(), -PLUTON_EOFF);
	CU_ASSERT(says("in 0 ms"));
	end();
}

/* --- commands -------------------------------------------------------------------------------- */

static void test_commands_have_10_to_4096_bytes(void)
{
	static const struct {
		uint32_t size;
		int result;
	} cases[] = {
		{0, -PLUTON_ESIZE}, {9, -PLUTON_ESIZE}, {10, 0}, {4096, 0}, {4097, -PLUTON_ESIZE}};

	begin();
	for (size_t i = 0; i < TESTS_COUNT(cases); i++) {
		fake_tpm_command(command, cases[i].size < 10 ? 10 : cases[i].size, 0);
		response_size = sizeof(response);
		CU_ASSERT_EQUAL(
			pluton_tpm_transmit(tpm, command, cases[i].size, response, &response_size),
			cases[i].result);
	}
	CU_ASSERT_EQUAL(fake_tpm_executed(&fake), 2);
	end();
}

static void test_responses_up_to_4096_bytes_come_whole(void)
{
	static const uint32_t sizes[] = {FAKE_TPM_RESPONSE_MIN, 1000, 4095, 4096};

	begin();
	for (size_t i = 0; i < TESTS_COUNT(sizes); i++) {
		fake_tpm_command(command, 4096, sizes[i]);
		response_size = sizeof(response);
		memset(response, 0, sizeof(response));
		CU_ASSERT_EQUAL(pluton_tpm_transmit(tpm, command, 4096, response, &response_size),
				0);
		CU_ASSERT_EQUAL(response_size, sizes[i]);
		CU_ASSERT(sizes[i] == FAKE_TPM_RESPONSE_MIN || response[sizes[i] - 1] == 0xc3);
	}
	end();
}

static void test_a_response_without_room_is_lost_and_the_next_one_is_not(void)
{
	begin();
	fake_tpm_command(command, 14, 100);
	response_size = 99;
	CU_ASSERT_EQUAL(pluton_tpm_transmit(tpm, command, 14, response, &response_size),
			-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(response_size, 99);
	CU_ASSERT(says("100"));
	response_size = 100;
	CU_ASSERT_EQUAL(pluton_tpm_transmit(tpm, command, 14, response, &response_size), 0);
	CU_ASSERT_EQUAL(fake_tpm_count(response), 2);
	end();
}

static void test_until_a_response_was_received_only_receive_and_cancel_go(void)
{
	struct pluton_tpm_info info;
	bool cancelled;

	begin();
	fake_tpm_next(&fake, ACT_HOLD);
	CU_ASSERT_EQUAL(send_one(), 0);
	CU_ASSERT_EQUAL(send_one(), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(pluton_tpm_set_locality(tpm, 1), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(pluton_tpm_get_info(tpm, &info), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(pluton_tpm_cancel_running(tpm, &cancelled), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(pluton_tpm_cancel(tpm), 0);
	CU_ASSERT_EQUAL(receive(PLUTON_TPM_FOREVER), 0);
	CU_ASSERT_EQUAL(fake_tpm_rc(response), FAKE_RC_CANCELED);
	check_ran(1);
	end();
}

static void test_receive_waits_as_long_as_it_is_told(void)
{
	begin();
	CU_ASSERT_EQUAL(receive(0), -PLUTON_EALREADY);
	fake_tpm_next(&fake, ACT_HOLD);
	CU_ASSERT_EQUAL(send_one(), 0);
	CU_ASSERT_EQUAL(receive(0), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(receive(5), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(pluton_tpm_cancel(tpm), 0);
	CU_ASSERT_EQUAL(receive(60000), 0);
	end();
}

static void test_a_response_is_kept_until_the_next_command(void)
{
	struct pluton_tpm_info info;

	begin();
	CU_ASSERT_EQUAL(send_one(), 0);
	CU_ASSERT_EQUAL(receive(PLUTON_TPM_FOREVER), 0);
	memset(response, 0, sizeof(response));
	CU_ASSERT_EQUAL(receive(0), 0);
	CU_ASSERT_EQUAL(fake_tpm_count(response), 1);
	CU_ASSERT_EQUAL(pluton_tpm_get_info(tpm, &info), 0);
	CU_ASSERT_EQUAL(pluton_tpm_set_locality(tpm, 9), -PLUTON_EINVAL);
	memset(response, 0, sizeof(response));
	CU_ASSERT_EQUAL(receive(0), 0);
	CU_ASSERT_EQUAL(fake_tpm_count(response), 1);
	end();
}

static void test_a_refused_command_uses_no_number(void)
{
	begin();
	check_ran(1);
	fake_tpm_next(&fake, ACT_REFUSE);
	CU_ASSERT_EQUAL(run(), -PLUTON_ENOMEM);
	CU_ASSERT(says("the fake does not want to"));
	fake_tpm_next(&fake, ACT_FAIL);
	CU_ASSERT_EQUAL(run(), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(receive(0), -PLUTON_ENOMEM);
	check_ran(2); /* the fake stops the test if a number is left out */
	fake_tpm_next(&fake, ACT_REFUSE);
	CU_ASSERT_EQUAL(run(), -PLUTON_ENOMEM);
	fake_tpm_crash(&fake);
	check_ran(3);
	end();
}

/* Else a caller who waits for ever is told for ever that it is not there yet. */
static void test_an_app_that_says_busy_is_not_taken_for_one_that_has_no_answer_yet(void)
{
	begin();
	check_ran(1);
	fake_tpm_next(&fake, ACT_REFUSE_BUSY);
	CU_ASSERT_EQUAL(run(), -PLUTON_EFAIL);
	CU_ASSERT(says("the fake does not want to"));
	check_ran(2);
	end();
}

static void test_a_refused_repetition_does_not_give_its_response_to_the_next_command(void)
{
	begin();
	check_ran(1);
	fake_tpm_set(&fake, &fake.repeat_refusals, 1);
	fake_tpm_next(&fake, ACT_DIE_AFTER);
	CU_ASSERT_EQUAL(run(), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(fake_tpm_executed(&fake), 2);
	check_ran(3);
	/* not accepted at its first sending, and refused at its second: its number is free */
	fake_tpm_next(&fake, ACT_DIE_BEFORE);
	fake_tpm_next(&fake, ACT_REFUSE);
	CU_ASSERT_EQUAL(run(), -PLUTON_ENOMEM);
	check_ran(4);
	end();
}

static void test_info_tells_about_the_tpm(void)
{
	struct pluton_tpm_info info;
	bool cancelled = false;

	begin();
	check_ran(1);
	CU_ASSERT_EQUAL(pluton_tpm_get_info(tpm, &info), 0);
	CU_ASSERT_STRING_EQUAL(info.library, "fake 1");
	CU_ASSERT_EQUAL(info.commands, 1);
	CU_ASSERT_EQUAL(pluton_tpm_cancel_running(tpm, &cancelled), 0);
	CU_ASSERT_TRUE(cancelled);
	end();
}

static void test_closing_does_not_wait_for_a_command(void)
{
	begin();
	fake_tpm_next(&fake, ACT_HOLD);
	CU_ASSERT_EQUAL(send_one(), 0);
	end();
	pluton_tpm_close(NULL);
	CU_ASSERT_STRING_EQUAL(pluton_tpm_error_message(NULL), "");
}

/* --- polling --------------------------------------------------------------------------------- */

/* As an event loop does: never waits in receive. */
static int poll_for_response(void)
{
	int r;

	while ((r = receive(0)) == -PLUTON_EBUSY) {
		struct pollfd poll_fd = {.fd = pluton_tpm_get_fd(tpm),
					 .events = pluton_tpm_get_events(tpm)};

		CU_ASSERT_EQUAL(poll(&poll_fd, 1, -1), 1);
		CU_ASSERT_EQUAL(poll_fd.revents & POLLNVAL, 0);
		(void)fake_tpm_asked(
			&fake); /* whoever dies as he answers has the lock until then */
	}
	return r;
}

static void test_the_descriptor_says_when_to_receive(void)
{
	begin();
	for (unsigned i = 1; i <= 3; i++) {
		CU_ASSERT_EQUAL(send_one(), 0);
		CU_ASSERT_EQUAL(poll_for_response(), 0);
		CU_ASSERT_EQUAL(fake_tpm_count(response), i);
	}
	end();
}

static void test_the_descriptor_sleeps_while_nothing_is_under_way(void)
{
	struct pollfd poll_fd;

	begin();
	poll_fd = (struct pollfd){.fd = pluton_tpm_get_fd(tpm), .events = POLLIN};
	CU_ASSERT_EQUAL(poll(&poll_fd, 1, 0), 0);
	fake_tpm_crash(&fake);
	CU_ASSERT_EQUAL(poll(&poll_fd, 1, 5), 0);
	CU_ASSERT_EQUAL(send_one(), 0);
	CU_ASSERT_EQUAL(poll_for_response(), 0);
	CU_ASSERT_EQUAL(poll(&poll_fd, 1, 5), 0);
	end();
}

static void test_the_descriptor_stays_the_same_while_the_connection_is_lost(void)
{
	int fd;

	begin();
	fd = pluton_tpm_get_fd(tpm);
	fake_tpm_broker(&fake, BROKER_IS_BUSY, 3);
	fake_tpm_next(&fake, ACT_DIE_AFTER);
	CU_ASSERT_EQUAL(send_one(), 0);
	CU_ASSERT_EQUAL(poll_for_response(), 0);
	CU_ASSERT_EQUAL(fake_tpm_count(response), 1);
	CU_ASSERT_EQUAL(fake_tpm_executed(&fake), 1);
	CU_ASSERT_EQUAL(fake_tpm_asked(&fake), 5);
	CU_ASSERT_EQUAL(pluton_tpm_get_fd(tpm), fd);
	end();
}

static void test_who_polls_is_woken_when_the_limit_is_over(void)
{
	begin();
	check_ran(1);
	pluton_tpm_set_reconnect_limit(tpm, SHORT_MS);
	fake_tpm_broker(&fake, BROKER_SILENT, 0);
	fake_tpm_crash(&fake);
	CU_ASSERT_EQUAL(send_one(), 0);
	CU_ASSERT_EQUAL(poll_for_response(), -PLUTON_EOFF);
	pluton_tpm_set_reconnect_limit(tpm, 0);
	CU_ASSERT_EQUAL(send_one(), 0);
	CU_ASSERT_EQUAL(poll_for_response(), -PLUTON_EOFF);
	end();
}

/* --- the connection is lost ------------------------------------------------------------------ */

static void test_a_command_that_was_not_accepted_runs_once_it_can(void)
{
	begin();
	check_ran(1);
	fake_tpm_next(&fake, ACT_DIE_BEFORE);
	check_ran(2);
	check_ran(3);
	end();
}

static void test_a_command_that_ran_and_whose_response_was_lost_gets_the_stored_one(void)
{
	begin();
	fake_tpm_next(&fake, ACT_DIE_AFTER);
	check_ran(1);
	CU_ASSERT_EQUAL(fake_tpm_served(&fake), 2);
	check_ran(2);
	end();
}

static void test_a_command_that_was_interrupted_ends_with_retry(void)
{
	begin();
	fake_tpm_next(&fake, ACT_DIE_MIDWAY);
	CU_ASSERT_EQUAL(run(), 0);
	CU_ASSERT_EQUAL(fake_tpm_rc(response), FAKE_RC_RETRY);
	CU_ASSERT_EQUAL(fake_tpm_executed(&fake), 0);
	check_ran(1);
	end();
}

static void test_an_app_that_dies_again_and_again_runs_the_command_once(void)
{
	begin();
	check_ran(1);
	fake_tpm_next(&fake, ACT_DIE_BEFORE);
	fake_tpm_next(&fake, ACT_DIE_BEFORE);
	fake_tpm_next(&fake, ACT_DIE_AFTER);
	check_ran(2);
	end();
}

static void test_a_command_that_kills_the_app_is_given_up(void)
{
	begin();
	check_ran(1);
	for (int i = 0; i < 8; i++)
		fake_tpm_next(&fake, ACT_DIE_BEFORE);
	CU_ASSERT_EQUAL(run(), -PLUTON_EOFF);
	CU_ASSERT(says("8 times"));
	CU_ASSERT_EQUAL(fake_tpm_served(&fake), 9);
	check_ran(2); /* with the number that was never used */
	end();
}

static void test_a_loss_between_commands_is_not_noticed(void)
{
	begin();
	check_ran(1);
	fake_tpm_crash(&fake);
	check_ran(2);
	fake_tpm_next(&fake, ACT_ANSWER_AND_DIE);
	check_ran(3);
	check_ran(4);
	end();
}

static void test_an_attach_whose_answer_is_lost_is_made_again(void)
{
	begin();
	check_ran(1);
	fake_tpm_set(&fake, &fake.attach_deaths, 3);
	fake_tpm_next(&fake, ACT_DIE_AFTER);
	check_ran(2);
	CU_ASSERT_EQUAL(fake_tpm_asked(&fake), 5);
	end();
}

static void test_an_app_that_dies_as_its_channel_comes_up_is_asked_for_another(void)
{
	begin();
	check_ran(1);
	fake_tpm_set(&fake, &fake.locality_last_words, 2);
	fake_tpm_crash(&fake);
	CU_ASSERT_EQUAL(send_one(), 0);
	CU_ASSERT_EQUAL(poll_for_response(), 0);
	CU_ASSERT_EQUAL(fake_tpm_count(response), 2);
	CU_ASSERT_EQUAL(fake_tpm_asked(&fake), 4);
	end();
}

static void test_a_tpm_that_was_switched_off_fails_one_command_and_says_so(void)
{
	static const enum fake_act acts[] = {ACT_OFF_BEFORE, ACT_OFF_AFTER};
	unsigned ran = 0;

	begin();
	for (size_t i = 0; i < TESTS_COUNT(acts); i++) {
		check_ran(++ran);
		fake_tpm_next(&fake, acts[i]);
		CU_ASSERT_EQUAL(run(), -PLUTON_EOFF);
		CU_ASSERT(says("switched off"));
		CU_ASSERT(says("is not known"));
		ran += acts[i] == ACT_OFF_AFTER;
		CU_ASSERT_EQUAL(fake_tpm_executed(&fake), ran);
		check_ran(++ran);
	}
	end();
}

static void test_even_the_first_command_is_not_run_again_after_a_power_off(void)
{
	begin();
	fake_tpm_next(&fake, ACT_OFF_AFTER);
	CU_ASSERT_EQUAL(run(), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(fake_tpm_executed(&fake), 1);
	check_ran(2);
	end();
}

static void test_a_power_off_between_commands_fails_the_next_command_and_nothing_else(void)
{
	struct pluton_tpm_info info;

	begin();
	check_ran(1);
	fake_tpm_power_off(&fake);
	CU_ASSERT_EQUAL(pluton_tpm_get_info(tpm, &info), 0);
	CU_ASSERT_EQUAL(pluton_tpm_set_locality(tpm, 1), 0);
	CU_ASSERT_EQUAL(run(), -PLUTON_EOFF);
	CU_ASSERT(says("switched off"));
	CU_ASSERT(!says("is not known"));
	CU_ASSERT_EQUAL(fake_tpm_executed(&fake), 1);
	check_ran(2);
	end();
}

static void test_a_power_off_before_the_first_command_takes_nothing_away(void)
{
	begin();
	fake_tpm_power_off(&fake);
	check_ran(1);
	end();
}

static void test_the_locality_holds_over_crashes_and_power_offs(void)
{
	begin();
	CU_ASSERT_EQUAL(pluton_tpm_set_locality(tpm, FAKE_TPM_LOCALITY_MAX), 0);
	CU_ASSERT_EQUAL(pluton_tpm_set_locality(tpm, FAKE_TPM_LOCALITY_MAX + 1), -PLUTON_EINVAL);
	check_ran(1);
	CU_ASSERT_EQUAL(fake_tpm_locality(response), FAKE_TPM_LOCALITY_MAX);
	fake_tpm_crash(&fake);
	check_ran(2);
	CU_ASSERT_EQUAL(fake_tpm_locality(response), FAKE_TPM_LOCALITY_MAX);
	fake_tpm_power_off(&fake);
	CU_ASSERT_EQUAL(run(), -PLUTON_EOFF);
	check_ran(3);
	CU_ASSERT_EQUAL(fake_tpm_locality(response), FAKE_TPM_LOCALITY_MAX);
	CU_ASSERT_EQUAL(pluton_tpm_set_locality(tpm, 0), 0);
	check_ran(4);
	CU_ASSERT_EQUAL(fake_tpm_locality(response), 0);
	end();
}

static void test_a_locality_whose_answer_was_lost_is_not_in_force(void)
{
	begin();
	check_ran(1);
	pluton_tpm_set_reconnect_limit(tpm, SHORT_MS);
	fake_tpm_set(&fake, &fake.locality_deaths, 1);
	fake_tpm_broker(&fake, BROKER_SILENT, 0);
	CU_ASSERT_EQUAL(pluton_tpm_set_locality(tpm, 2), -PLUTON_EOFF);
	fake_tpm_broker(&fake, BROKER_GIVES, 0);
	pluton_tpm_set_reconnect_limit(tpm, PLUTON_TPM_RECONNECT_MS);
	check_ran(2);
	CU_ASSERT_EQUAL(fake_tpm_locality(response), 0);
	end();
}

static void test_a_command_waits_for_plutond_to_come_back(void)
{
	begin();
	check_ran(1);
	fake_tpm_deafen(&fake);
	fake_tpm_next(&fake, ACT_DIE_AFTER);
	CU_ASSERT_EQUAL(send_one(), 0);
	CU_ASSERT_EQUAL(receive(SHORT_MS), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(receive(0), -PLUTON_EBUSY);
	fake_tpm_hear(&fake);
	CU_ASSERT_EQUAL(receive(PLUTON_TPM_FOREVER), 0);
	CU_ASSERT_EQUAL(fake_tpm_count(response), 2);
	CU_ASSERT_EQUAL(fake_tpm_executed(&fake), 2);
	end();
}

/* The number of a command that was given up is used again if, and only if, it was never used. */
static void test_a_command_that_was_given_up_does_not_confuse_the_next(void)
{
	static const enum fake_act acts[] = {ACT_DIE_BEFORE, ACT_DIE_AFTER, ACT_DIE_MIDWAY};
	unsigned ran = 0;

	begin();
	pluton_tpm_set_reconnect_limit(tpm, SHORT_MS);
	for (size_t i = 0; i < TESTS_COUNT(acts); i++) {
		check_ran(++ran);
		fake_tpm_deafen(&fake);
		fake_tpm_next(&fake, acts[i]);
		CU_ASSERT_EQUAL(run(), -PLUTON_EOFF);
		CU_ASSERT(says("did not come back in 20 ms: nobody listens at unix:"));
		ran += acts[i] == ACT_DIE_AFTER;
		CU_ASSERT_EQUAL(run(), -PLUTON_EOFF);
		fake_tpm_hear(&fake);
		check_ran(++ran);
	}
	end();
}

static void test_without_a_limit_nothing_is_tried_again(void)
{
	begin();
	pluton_tpm_set_reconnect_limit(tpm, 0);
	check_ran(1);
	fake_tpm_crash(&fake);
	CU_ASSERT_EQUAL(run(), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(fake_tpm_asked(&fake), 1);
	pluton_tpm_set_reconnect_limit(tpm, PLUTON_TPM_RECONNECT_MS);
	check_ran(2);
	end();
}

static void test_plutond_may_fail_a_few_times_before_it_gives_the_channel(void)
{
	static const enum fake_broker ways[] = {BROKER_FAILS, BROKER_IS_BUSY, BROKER_HANGS_UP,
						BROKER_GIVES_DEAD};

	begin();
	for (unsigned i = 0; i < TESTS_COUNT(ways); i++) {
		fake_tpm_crash(&fake);
		fake_tpm_broker(&fake, ways[i], 2);
		check_ran(i + 1);
	}
	CU_ASSERT_EQUAL(fake_tpm_asked(&fake), 1 + 3 * TESTS_COUNT(ways));
	end();
}

static void test_an_instance_that_is_gone_is_not_waited_for(void)
{
	begin();
	check_ran(1);
	fake_tpm_crash(&fake);
	fake_tpm_broker(&fake, BROKER_NO_DEVICE, 1);
	CU_ASSERT_EQUAL(run(), -PLUTON_EOFF);
	CU_ASSERT(says("the fake does not want to"));
	CU_ASSERT_EQUAL(fake_tpm_asked(&fake), 2);
	check_ran(2);
	end();
}

static void test_a_plutond_that_says_nothing_is_waited_for_until_the_limit(void)
{
	begin();
	check_ran(1);
	pluton_tpm_set_reconnect_limit(tpm, SHORT_MS);
	fake_tpm_crash(&fake);
	fake_tpm_broker(&fake, BROKER_SILENT, 1);
	CU_ASSERT_EQUAL(run(), -PLUTON_EOFF);
	CU_ASSERT(says("did not come back in 20 ms"));
	check_ran(2);
	end();
}

/* --- hostile apps ---------------------------------------------------------------------------- */

static void test_what_no_tpm_says_ends_the_connection_for_good(void)
{
	static const enum fake_act acts[] = {
		ACT_SAY_LONG,  ACT_SAY_SHORT,	  ACT_SAY_OTHERWISE,
		ACT_SAY_NOISE, ACT_SAY_OVERSIZED, ACT_SAY_DESCRIPTOR,
	};
	struct pluton_tpm_info info;

	for (size_t i = 0; i < TESTS_COUNT(acts); i++) {
		begin();
		fake_tpm_next(&fake, acts[i]);
		CU_ASSERT_EQUAL(run(), -PLUTON_EBADRVAL);
		CU_ASSERT(*pluton_tpm_error_message(tpm) != '\0');
		CU_ASSERT_EQUAL(run(), -PLUTON_EBADRVAL);
		CU_ASSERT_EQUAL(pluton_tpm_get_info(tpm, &info), -PLUTON_EBADRVAL);
		CU_ASSERT_EQUAL(pluton_tpm_cancel(tpm), -PLUTON_EALREADY);
		CU_ASSERT_EQUAL(fake_tpm_served(&fake), 1);
		end();
	}
}

static void test_a_second_answer_ends_the_connection_at_the_next_command(void)
{
	begin();
	fake_tpm_next(&fake, ACT_SAY_TWICE);
	CU_ASSERT_EQUAL(send_one(), 0);
	/* with the first answer, if both are there by then */
	(void)receive(PLUTON_TPM_FOREVER);
	CU_ASSERT_EQUAL(run(), -PLUTON_EBADRVAL);
	CU_ASSERT_EQUAL(run(), -PLUTON_EBADRVAL);
	end();
}

static void test_an_app_that_has_lost_count_is_not_believed(void)
{
	static const uint32_t lasts[] = {1, 4, UINT32_MAX};

	for (size_t i = 0; i < TESTS_COUNT(lasts); i++) {
		begin();
		check_ran(1);
		check_ran(2);
		check_ran(3);
		fake_tpm_set(&fake, &fake.attach_last, lasts[i]);
		fake_tpm_crash(&fake);
		CU_ASSERT_EQUAL(run(), -PLUTON_EBADRVAL);
		CU_ASSERT(says("the last one sent was 3"));
		CU_ASSERT_EQUAL(fake_tpm_executed(&fake), 3);
		CU_ASSERT_EQUAL(run(), -PLUTON_EBADRVAL);
		end();
	}
}

/* --- cancel ---------------------------------------------------------------------------------- */

static void *cancel_when_there_is_something(void *arg)
{
	unsigned *times = arg;

	for (unsigned i = 0; i < *times; i++) {
		while (pluton_tpm_cancel(tpm) < 0)
			sched_yield();
	}
	return NULL;
}

static void test_another_thread_cancels_what_this_one_waits_for(void)
{
	unsigned times = 1;
	pthread_t thread;

	begin();
	for (unsigned i = 1; i <= 20; i++) {
		fake_tpm_next(&fake, ACT_HOLD);
		CU_ASSERT_EQUAL(
			pthread_create(&thread, NULL, cancel_when_there_is_something, &times), 0);
		CU_ASSERT_EQUAL(run(), 0);
		CU_ASSERT_EQUAL(fake_tpm_rc(response), FAKE_RC_CANCELED);
		pthread_join(thread, NULL);
		CU_ASSERT_EQUAL(fake_tpm_cancels(&fake), i);
	}
	end();
}

static void *cancel_until_told(void *arg)
{
	bool *stop = arg;

	while (!__atomic_load_n(stop, __ATOMIC_RELAXED)) {
		(void)pluton_tpm_cancel(tpm);
		sched_yield();
	}
	return NULL;
}

static void test_a_thread_may_cancel_while_connections_come_and_go(void)
{
	bool stop = false;
	pthread_t thread;

	begin();
	CU_ASSERT_EQUAL(pthread_create(&thread, NULL, cancel_until_told, &stop), 0);
	for (unsigned i = 1; i <= 20; i++) {
		fake_tpm_next(&fake, i % 2 ? ACT_DIE_AFTER : ACT_RUN);
		check_ran(i);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	end();
}

static void test_without_a_command_there_is_nothing_to_cancel(void)
{
	begin();
	CU_ASSERT_EQUAL(pluton_tpm_cancel(tpm), -PLUTON_EALREADY);
	check_ran(1);
	CU_ASSERT_EQUAL(pluton_tpm_cancel(tpm), -PLUTON_EALREADY);
	end();
}

static void test_cancelling_twice_asks_once(void)
{
	begin();
	fake_tpm_next(&fake, ACT_HOLD);
	CU_ASSERT_EQUAL(send_one(), 0);
	CU_ASSERT_EQUAL(pluton_tpm_cancel(tpm), 0);
	CU_ASSERT_EQUAL(pluton_tpm_cancel(tpm), 0);
	CU_ASSERT_EQUAL(receive(PLUTON_TPM_FOREVER), 0);
	/* the fake, which holds again, takes a left-over CANCEL for a broken promise */
	fake_tpm_next(&fake, ACT_HOLD);
	CU_ASSERT_EQUAL(send_one(), 0);
	CU_ASSERT_EQUAL(receive(5), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(fake_tpm_cancels(&fake), 1);
	CU_ASSERT_EQUAL(pluton_tpm_cancel(tpm), 0);
	CU_ASSERT_EQUAL(receive(PLUTON_TPM_FOREVER), 0);
	end();
}

static void test_a_cancel_during_a_loss_is_sent_once_the_command_is(void)
{
	begin();
	check_ran(1);
	fake_tpm_crash(&fake);
	fake_tpm_deafen(&fake);
	fake_tpm_next(&fake, ACT_HOLD);
	CU_ASSERT_EQUAL(send_one(), 0);
	CU_ASSERT_EQUAL(receive(5), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(pluton_tpm_cancel(tpm), 0);
	fake_tpm_hear(&fake);
	CU_ASSERT_EQUAL(receive(PLUTON_TPM_FOREVER), 0);
	CU_ASSERT_EQUAL(fake_tpm_rc(response), FAKE_RC_CANCELED);
	end();
}

static void test_a_cancel_that_finds_no_room_is_sent_once_there_is_some(void)
{
	begin();
	check_ran(1);
	fake_tpm_set(&fake, &fake.client_room, 2300); /* one command's, as the kernel counts */
	fake_tpm_set(&fake, &fake.reads_not, 1);
	fake_tpm_next(&fake, ACT_HOLD);
	fake_tpm_crash(&fake);
	fake_tpm_deafen(&fake);
	fake_tpm_command(command, PLUTON_TPM_COMMAND_MAX, 0);
	CU_ASSERT_EQUAL(pluton_tpm_send(tpm, command, PLUTON_TPM_COMMAND_MAX), 0);
	CU_ASSERT_EQUAL(pluton_tpm_cancel(tpm), 0);
	fake_tpm_hear(&fake);
	do {
		CU_ASSERT_EQUAL_FATAL(receive(1), -PLUTON_EBUSY);
	} while (fake_tpm_unread(&fake) == 0);
	fake_tpm_set(&fake, &fake.reads_not, 0);
	CU_ASSERT_EQUAL(receive(60000), 0);
	CU_ASSERT_EQUAL(fake_tpm_rc(response), FAKE_RC_CANCELED);
	CU_ASSERT_EQUAL(fake_tpm_cancels(&fake), 1);
	end();
}

static void test_a_cancel_does_not_overtake_its_command(void)
{
	fake_tpm_begin(&fake);
	fake_tpm_set(&fake, &fake.keeps_client_end, 1);
	CU_ASSERT_EQUAL_FATAL(try_open(), 0);
	fake_tpm_set(&fake, &fake.reads_not, 1);
	fake_tpm_fill(&fake);
	fake_tpm_next(&fake, ACT_HOLD);
	CU_ASSERT_EQUAL(send_one(), 0);
	fake_tpm_set(&fake, &fake.reads_not, 0);
	fake_tpm_wait_for_room(&fake);
	CU_ASSERT_EQUAL(pluton_tpm_cancel(tpm), 0); /* the command itself has not gone yet */
	CU_ASSERT_EQUAL(receive(60000), 0);
	CU_ASSERT_EQUAL(fake_tpm_rc(response), FAKE_RC_CANCELED);
	CU_ASSERT_EQUAL(fake_tpm_cancels(&fake), 1);
	end();
}

/* --- another process ------------------------------------------------------------------------- */

/* 0, or the line that finds fault with what a child has of its parent's connection. */
static int use_as_a_child(void)
{
	struct pluton_tpm_info info;
	bool cancelled;

#define REFUSED(call)                                                                              \
	if ((call) != -PLUTON_EOFF || !says("must open its own"))                                  \
	return __LINE__
	REFUSED(receive(0));
	REFUSED(send_one());
	REFUSED(run());
	REFUSED(pluton_tpm_set_locality(tpm, 1));
	REFUSED(pluton_tpm_get_info(tpm, &info));
	REFUSED(pluton_tpm_cancel_running(tpm, &cancelled));
	REFUSED(pluton_tpm_get_fd(tpm));
#undef REFUSED
	if (pluton_tpm_cancel(tpm) != -PLUTON_EOFF)
		return __LINE__;
	pluton_tpm_close(tpm);
	return 0;
}

static void check_child(void)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		status = use_as_a_child();
		if (status != 0)
			fprintf(stderr, "in the child: line %d\n", status);
		_exit(status != 0);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
}

static void test_a_child_gets_nothing_of_its_parents_connection_and_takes_nothing_away(void)
{
	begin();
	CU_ASSERT(pluton_tpm_get_fd(tpm) >= 0);
	check_child();
	check_ran(1);
	check_child();
	fake_tpm_next(&fake, ACT_HOLD);
	CU_ASSERT_EQUAL(send_one(), 0);
	check_child();
	CU_ASSERT_EQUAL(fake_tpm_cancels(&fake), 0);
	CU_ASSERT_EQUAL(pluton_tpm_cancel(tpm), 0);
	CU_ASSERT_EQUAL(poll_for_response(), 0);
	CU_ASSERT_EQUAL(fake_tpm_rc(response), FAKE_RC_CANCELED);
	check_child();
	check_ran(2);
	end();
}

static const struct test tests[] = {
	TEST(test_opening_leaves_one_descriptor),
	TEST(test_where_nobody_listens_opening_fails_at_once_and_names_the_address),
	TEST(test_what_is_no_address_or_name_is_refused),
	TEST(test_what_plutond_says_about_the_app_is_what_opening_says),
	TEST(test_an_app_that_dies_as_it_is_greeted_is_asked_for_again),
	TEST(test_an_app_that_dies_whenever_it_is_greeted_is_no_daemon_to_start),
	TEST(test_a_full_tpm_is_what_it_says),
	TEST(test_an_app_that_does_not_start_is_named_where_plutond_says_nothing),
	TEST(test_an_app_that_is_no_tpm_is_called_that),
	TEST(test_a_plutond_that_never_greets_is_given_up),
	TEST(test_a_plutond_that_stops_after_its_greeting_is_given_up),
	TEST(test_a_plutond_that_stops_before_its_greeting_is_followed_by_the_next),
	TEST(test_a_plutond_that_ends_after_its_greeting_is_followed_by_the_next),
	TEST(test_a_plutond_that_ends_when_it_was_asked_is_asked_once_more),
	TEST(test_a_plutond_that_never_comes_to_its_greeting_is_given_up),
	TEST(test_an_app_that_starts_slowly_is_waited_for_while_plutond_lives),
	TEST(test_a_queue_before_plutond_is_waited_for),
	TEST(test_an_app_that_takes_too_short_records_is_refused),
	TEST(test_a_limit_in_the_environment_is_a_number),
	TEST(test_commands_have_10_to_4096_bytes),
	TEST(test_responses_up_to_4096_bytes_come_whole),
	TEST(test_a_response_without_room_is_lost_and_the_next_one_is_not),
	TEST(test_until_a_response_was_received_only_receive_and_cancel_go),
	TEST(test_receive_waits_as_long_as_it_is_told),
	TEST(test_a_response_is_kept_until_the_next_command),
	TEST(test_a_refused_command_uses_no_number),
	TEST(test_an_app_that_says_busy_is_not_taken_for_one_that_has_no_answer_yet),
	TEST(test_a_refused_repetition_does_not_give_its_response_to_the_next_command),
	TEST(test_info_tells_about_the_tpm),
	TEST(test_closing_does_not_wait_for_a_command),
	TEST(test_the_descriptor_says_when_to_receive),
	TEST(test_the_descriptor_sleeps_while_nothing_is_under_way),
	TEST(test_the_descriptor_stays_the_same_while_the_connection_is_lost),
	TEST(test_who_polls_is_woken_when_the_limit_is_over),
	TEST(test_a_command_that_was_not_accepted_runs_once_it_can),
	TEST(test_a_command_that_ran_and_whose_response_was_lost_gets_the_stored_one),
	TEST(test_a_command_that_was_interrupted_ends_with_retry),
	TEST(test_an_app_that_dies_again_and_again_runs_the_command_once),
	TEST(test_a_command_that_kills_the_app_is_given_up),
	TEST(test_a_loss_between_commands_is_not_noticed),
	TEST(test_an_attach_whose_answer_is_lost_is_made_again),
	TEST(test_an_app_that_dies_as_its_channel_comes_up_is_asked_for_another),
	TEST(test_a_tpm_that_was_switched_off_fails_one_command_and_says_so),
	TEST(test_even_the_first_command_is_not_run_again_after_a_power_off),
	TEST(test_a_power_off_between_commands_fails_the_next_command_and_nothing_else),
	TEST(test_a_power_off_before_the_first_command_takes_nothing_away),
	TEST(test_the_locality_holds_over_crashes_and_power_offs),
	TEST(test_a_locality_whose_answer_was_lost_is_not_in_force),
	TEST(test_a_command_waits_for_plutond_to_come_back),
	TEST(test_a_command_that_was_given_up_does_not_confuse_the_next),
	TEST(test_without_a_limit_nothing_is_tried_again),
	TEST(test_plutond_may_fail_a_few_times_before_it_gives_the_channel),
	TEST(test_an_instance_that_is_gone_is_not_waited_for),
	TEST(test_a_plutond_that_says_nothing_is_waited_for_until_the_limit),
	TEST(test_what_no_tpm_says_ends_the_connection_for_good),
	TEST(test_a_second_answer_ends_the_connection_at_the_next_command),
	TEST(test_an_app_that_has_lost_count_is_not_believed),
	TEST(test_another_thread_cancels_what_this_one_waits_for),
	TEST(test_a_thread_may_cancel_while_connections_come_and_go),
	TEST(test_without_a_command_there_is_nothing_to_cancel),
	TEST(test_cancelling_twice_asks_once),
	TEST(test_a_cancel_during_a_loss_is_sent_once_the_command_is),
	TEST(test_a_cancel_that_finds_no_room_is_sent_once_there_is_some),
	TEST(test_a_cancel_does_not_overtake_its_command),
	TEST(test_a_child_gets_nothing_of_its_parents_connection_and_takes_nothing_away),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "tpm", tests, TESTS_COUNT(tests));
}
