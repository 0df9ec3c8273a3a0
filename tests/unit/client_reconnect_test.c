/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpluton when the daemon goes away: what is repeated, what is lost, and that every loss is told
 * once. The fake daemon hangs up instead of serving a request, or is ended and begun again.
 */
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <pluton/aes.h>
#include <pluton/alarm.h>
#include <pluton/app.h>
#include <pluton/console.h>
#include <pluton/digest.h>
#include <pluton/manager.h>
#include <pluton/nv.h>
#include <pluton/random.h>

#include "client-lib/connection.h"
#include "tests/suite.h"
#include "tests/unit/fake_daemon.h"

#define MIB ((size_t)1 << 20)

static struct fake_daemon fake;
static struct pluton *pluton;
static char directory[sizeof("/tmp/reconnect_test.XXXXXX")];
static char path[sizeof(directory) + 8];
static char address[sizeof(path) + 8];

static void begin(void)
{
	strcpy(directory, "/tmp/reconnect_test.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/sock", directory);
	snprintf(address, sizeof(address), "unix:%s", path);
	memset(&fake, 0, sizeof(fake));
	fake.descriptors = 1;
	fake.lines_max = 100;
	fake_daemon_listen(&fake, path);
	CU_ASSERT_EQUAL_FATAL(pluton_open(address, &pluton), 0);
}

static void close_and_remove(void)
{
	pluton_close(pluton);
	pluton = NULL;
	unlink(path);
	rmdir(directory);
}

static void end(void)
{
	fake_daemon_end(&fake);
	close_and_remove();
}

static void restart(void)
{
	fake_daemon_end(&fake);
	fake_daemon_listen(&fake, path);
}

static bool works(void)
{
	uint8_t bytes[8] = {0};

	return pluton_random(pluton, bytes, sizeof(bytes)) == 0 && bytes[7] == 0xa5;
}

static bool said(const char *text)
{
	return strstr(pluton_error_message(pluton), text) != NULL;
}

static unsigned open_descriptors(void)
{
	DIR *list = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(list))
		count++;
	closedir(list);
	return count;
}

static struct pluton_request plain(uint32_t command, uint32_t word)
{
	return (struct pluton_request){.driver = FAKE_DRIVER, .command = command, .words[0] = word};
}

static int hold(pluton_answer_fn function, void *userdata)
{
	struct pluton_request request = plain(FAKE_HOLD, 0);

	return pluton_submit(pluton, &request, function, userdata, NULL);
}

static unsigned offs; /* answers that said -PLUTON_EOFF */

static void note_off(struct pluton *of, int status, const uint32_t words[3], void *userdata)
{
	(void)words;
	(void)userdata;
	CU_ASSERT_PTR_EQUAL(of, pluton);
	CU_ASSERT_EQUAL(status, -PLUTON_EOFF);
	offs++;
}

/* A socket at `path` that nobody serves yet. */
static int listen_by_hand(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	unlink(path);
	memcpy(name.sun_path, path, strlen(path) + 1);
	CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	CU_ASSERT_EQUAL(listen(fd, 0), 0);
	return fd;
}

/* --- opening --------------------------------------------------------------------------------- */

/* Opens another one, beside that of begin. */
static int open_other(struct pluton **ret, char *message, size_t size)
{
	fake_hang_up(&fake); /* it serves one after the other */
	fake.connections = 0;
	return pluton_open_explained(address, ret, message, size);
}

static void test_who_is_cut_off_before_the_greeting_finds_the_next_daemon(void)
{
	struct pluton *other;

	for (unsigned times = 1; times < OPEN_TRIES; times++) {
		begin();
		fake.cut_offs = times;
		CU_ASSERT_EQUAL_FATAL(open_other(&other, NULL, 0), 0);
		CU_ASSERT_EQUAL(fake.connections, times + 1);
		pluton_close(other);
		end();
	}
}

static void test_who_is_cut_off_again_and_again_is_told_so(void)
{
	struct pluton *other = pluton;
	char message[128] = "";

	begin();
	fake.cut_offs = 100;
	CU_ASSERT_EQUAL(open_other(&other, message, sizeof(message)), -PLUTON_EOFF);
	CU_ASSERT_PTR_NULL(other);
	CU_ASSERT_STRING_EQUAL(message, "the daemon closed the connection");
	CU_ASSERT_EQUAL(fake.connections, OPEN_TRIES);
	end();
}

/* Whatever the error in it is. */
static void test_who_is_turned_away_with_a_sentence_is_not_tried_again(void)
{
	static const uint32_t errors[] = {PLUTON_EFAIL, PLUTON_EOFF, PLUTON_ENODEVICE};
	struct pluton *other;
	char message[128];

	for (size_t i = 0; i < TESTS_COUNT(errors); i++) {
		begin();
		fake.greeting_refusal = errors[i];
		CU_ASSERT_EQUAL(open_other(&other, message, sizeof(message)), -(int)errors[i]);
		CU_ASSERT_PTR_NOT_NULL(strstr(message, "the fake daemon"));
		CU_ASSERT_EQUAL(fake.connections, 1);
		end();
	}
}

/* As one that has its socket to itself. */
static void *cut_off_and_leave(void *arg)
{
	int listen_fd = *(int *)arg;
	int fd = accept(listen_fd, NULL, NULL);

	unlink(path);
	close(listen_fd);
	close(fd);
	return NULL;
}

static void test_a_daemon_that_is_gone_after_it_cut_off_is_not_waited_for(void)
{
	struct pluton *other;
	char message[128];
	pthread_t thread;
	int fd;

	begin();
	fake_daemon_end(&fake);
	fd = listen_by_hand();
	CU_ASSERT_EQUAL(pthread_create(&thread, NULL, cut_off_and_leave, &fd), 0);
	CU_ASSERT_EQUAL(pluton_open_explained(address, &other, message, sizeof(message)),
			-PLUTON_EOFF);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "nobody listens"));
	pthread_join(thread, NULL);
	close_and_remove();
}

static void test_an_asynchronous_call_is_not_lost_to_a_daemon_that_stops(void)
{
	uint8_t byte;

	begin();
	fake.cut_offs = OPEN_TRIES - 1;
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(pluton_random_async(pluton, &byte, 1, NULL, NULL, NULL), 0);
	CU_ASSERT_EQUAL(fake.cut_offs, 0);
	fake.cut_offs = 100;
	fake_hang_up(&fake);
	while (pluton_dispatch(pluton) >= 0)
		poll(&(struct pollfd){pluton_get_fd(pluton), POLLIN, 0}, 1, -1);
	CU_ASSERT_EQUAL(pluton_random_async(pluton, &byte, 1, NULL, NULL, NULL), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(fake.cut_offs, 100 - OPEN_TRIES);
	end();
}

/* --- synchronous calls ----------------------------------------------------------------------- */

static void test_a_call_after_a_restart_finds_the_new_daemon(void)
{
	struct pluton_limits limits;

	begin();
	fake_hang_up(&fake);
	CU_ASSERT(works());
	restart();
	CU_ASSERT(works());
	pluton_get_limits(pluton, &limits);
	CU_ASSERT_EQUAL(limits.daemon_pid, 4711 + 2);
	end();
}

/* The limits of connecting end with it. */
static void test_a_new_connection_waits_for_answers_as_long_as_the_old_one(void)
{
	struct timeval timeout = {1, 1};
	socklen_t size = sizeof(timeout);

	begin();
	fake_hang_up(&fake);
	CU_ASSERT(works());
	CU_ASSERT_EQUAL(getsockopt(pluton->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &size), 0);
	CU_ASSERT(timeout.tv_sec == 0 && timeout.tv_usec == 0);
	CU_ASSERT_EQUAL(pluton->deadline_ms, 0);
	end();
}

/* `call` is answered by the daemon that comes after the one which had it. */
static void check_repeated(int (*call)(void))
{
	begin();
	CU_ASSERT(works());
	fake.crash_at = 1;
	CU_ASSERT_EQUAL(call(), 0);
	CU_ASSERT_EQUAL(fake.crash_at, 0);
	CU_ASSERT(works());
	end();
}

static int call_random(void)
{
	return works() ? 0 : -1;
}

static int call_digest(void)
{
	uint8_t digest[32];
	const struct pluton_digest_request request = {.algorithm = PLUTON_SHA256,
						      .input = "abc",
						      .length = 3,
						      .digest = digest,
						      .digest_size = 32};

	return pluton_digest(pluton, &request);
}

static int call_gcm(void)
{
	uint8_t key[16] = {0}, iv[12] = {0}, out[3], tag[16];
	const struct pluton_aes_gcm_request request = {.key = key,
						       .key_size = 16,
						       .iv = iv,
						       .input = "abc",
						       .output = out,
						       .length = 3,
						       .tag = tag};

	return pluton_aes_gcm_encrypt(pluton, &request);
}

static int call_ctr(void)
{
	uint8_t key[16] = {0}, ctr[16] = {0}, out[3];
	const struct pluton_aes_ctr_request request = {.key = key,
						       .key_size = 16,
						       .ctr = ctr,
						       .ctr_bits = 128,
						       .input = "abc",
						       .output = out,
						       .length = 3};

	return pluton_aes_ctr(pluton, &request);
}

static int call_now(void)
{
	uint64_t now_us;

	return pluton_alarm_now(pluton, &now_us);
}

static int call_put(void)
{
	return pluton_nv_put(pluton, "area", "value", 5);
}

static int call_connect(void)
{
	int fd, r = pluton_app_connect(pluton, "app1", &fd);

	if (r == 0)
		close(fd);
	return r;
}

static void test_what_is_harmless_is_repeated(void)
{
	check_repeated(call_random);
	check_repeated(call_digest);
	check_repeated(call_gcm);
	check_repeated(call_ctr);
	check_repeated(call_now);
	check_repeated(call_put);
	check_repeated(call_connect);
}

static void test_memory_is_asked_for_again_once(void)
{
	begin();
	CU_ASSERT_EQUAL(pluton_alloc_error(pluton), 0);
	fake.window_crashes = 2;
	CU_ASSERT_PTR_NULL(pluton_alloc(pluton, 1));
	CU_ASSERT_EQUAL(pluton_alloc_error(pluton), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(fake.window_crashes, 0);
	fake.window_crashes = 1;
	CU_ASSERT_PTR_NOT_NULL(pluton_alloc(pluton, 1));
	CU_ASSERT_EQUAL(pluton_alloc_error(pluton), 0);
	end();
}

static void test_what_is_repeated_is_repeated_once(void)
{
	uint8_t byte;

	begin();
	fake.crash_every = true;
	for (unsigned i = 0; i < 2; i++) {
		fake.operations = 0;
		CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_EOFF);
		CU_ASSERT_EQUAL(fake.operations, 2);
	}
	fake.crash_every = false;
	CU_ASSERT(works());
	end();
}

static void test_what_is_not_harmless_is_left_to_the_caller(void)
{
	begin();
	CU_ASSERT_EQUAL(pluton_console_write(pluton, PLUTON_CONSOLE_INFO, "a", 1), 0);
	fake.crash_at = 1;
	CU_ASSERT_EQUAL(pluton_console_write(pluton, PLUTON_CONSOLE_INFO, "b", 1), -PLUTON_EOFF);
	CU_ASSERT(said("may or may not have been done"));
	CU_ASSERT_EQUAL(pluton_console_write(pluton, PLUTON_CONSOLE_INFO, "c", 1), 0);
	fake.crash_at = 1;
	CU_ASSERT_EQUAL(pluton_nv_define(pluton, "area", 1), -PLUTON_EOFF);
	fake.crash_at = 1;
	CU_ASSERT_EQUAL(pluton_app_restart(pluton, "app1"), -PLUTON_EOFF);
	end();
	CU_ASSERT_EQUAL(fake.lines, 2);
	CU_ASSERT_EQUAL(fake.controlled, 0);
}

/* Nobody had it, so it may be done for the first time. */
static void test_what_no_daemon_has_seen_is_done_whatever_it_is(void)
{
	begin();
	restart();
	CU_ASSERT_EQUAL(pluton_console_write(pluton, PLUTON_CONSOLE_INFO, "a", 1), 0);
	restart();
	CU_ASSERT_EQUAL(pluton_nv_define(pluton, "area", 1), 0);
	restart();
	CU_ASSERT_EQUAL(pluton_app_stop(pluton, "app1"), 0);
	end();
	CU_ASSERT_EQUAL(fake.lines, 1);
	CU_ASSERT_EQUAL(fake.controlled, 4);
}

static void test_a_raw_operation_is_never_repeated(void)
{
	struct pluton_request request = plain(FAKE_ERROR, 0);

	begin();
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(pluton_perform(pluton, &request, NULL), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(pluton_perform(pluton, &request, NULL), 0);
	end();
	CU_ASSERT_EQUAL(fake.operations, 1);
}

static void test_nobody_there_is_off_after_the_time_and_no_end(void)
{
	uint8_t byte;

	begin();
	fake_daemon_end(&fake);
	CU_ASSERT_EQUAL(pluton_set_reconnect(pluton, 20), 0);
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_EOFF);
	CU_ASSERT(said("nobody listens at unix:/"));
	CU_ASSERT_EQUAL(pluton_random_async(pluton, &byte, 1, NULL, NULL, NULL), -PLUTON_EOFF);
	CU_ASSERT_PTR_NULL(pluton_alloc(pluton, 1));
	unlink(path);
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_EOFF);
	fake_daemon_listen(&fake, path);
	CU_ASSERT(works());
	end();
}

static void *begin_again(void *unused)
{
	(void)unused;
	fake_daemon_listen(&fake, path);
	return NULL;
}

static void test_a_call_waits_for_a_daemon_that_is_about_to_come(void)
{
	pthread_t thread;

	begin();
	fake_daemon_end(&fake);
	CU_ASSERT_EQUAL(pluton_set_reconnect(pluton, 120000), 0);
	CU_ASSERT_EQUAL(pthread_create(&thread, NULL, begin_again, NULL), 0);
	CU_ASSERT(works());
	pthread_join(thread, NULL);
	end();
}

static void test_without_reconnecting_a_lost_connection_stays_lost(void)
{
	uint8_t byte;

	begin();
	CU_ASSERT_EQUAL(pluton_set_reconnect(pluton, -1), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_set_reconnect(pluton, 0), 0);
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), -PLUTON_EOFF);
	end();
}

static void test_a_connection_over_a_given_descriptor_is_not_made_again(void)
{
	uint8_t byte;

	memset(&fake, 0, sizeof(fake));
	fake_daemon_init(&fake);
	fake_daemon_serve(&fake);
	CU_ASSERT_EQUAL_FATAL(connection_open(fake.client_fd, &pluton, NULL, 0), 0);
	CU_ASSERT_EQUAL(pluton_set_reconnect(pluton, 10000), 0);
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_EOFF);
	fake_daemon_end(&fake);
	pluton_close(pluton);
}

static void test_who_has_exited_does_not_come_back(void)
{
	uint8_t byte;

	begin();
	CU_ASSERT_EQUAL(pluton_exit(pluton, 0), 0);
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_EOFF);
	end();
}

static void test_a_refused_greeting_is_told_and_tried_again_by_the_next_call(void)
{
	uint8_t byte;

	begin();
	fake.greeting_refusal = PLUTON_ENOMEM;
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_ENOMEM);
	CU_ASSERT(said("the fake daemon"));
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_ENOMEM);
	fake.greeting_refusal = 0;
	CU_ASSERT(works());
	end();
}

/* Another try would not change what somebody may use. */
static void test_who_may_use_nothing_any_more_is_told_so_and_stays_out(void)
{
	uint8_t byte;

	begin();
	fake.greeting_refusal = PLUTON_ENODEVICE;
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_ENODEVICE);
	CU_ASSERT(said("the fake daemon"));
	fake.greeting_refusal = 0;
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_ENODEVICE);
	CU_ASSERT(said("the fake daemon"));
	end();
}

/* As plutond's is for a moment, when it makes its socket anew. */
static void test_a_socket_that_nobody_may_connect_to_is_waited_for(void)
{
	bool is_root = geteuid() == 0;
	uint8_t byte;

	begin();
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(chmod(path, 0), 0);
	CU_ASSERT_EQUAL(pluton_set_reconnect(pluton, 50), 0);
	if (is_root) /* root could connect */
		CU_ASSERT_EQUAL_FATAL(seteuid(65534), 0);
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_EOFF);
	if (is_root)
		CU_ASSERT_EQUAL_FATAL(seteuid(0), 0);
	CU_ASSERT(said("may not connect"));
	CU_ASSERT_EQUAL(chmod(path, 0700), 0);
	CU_ASSERT(works());
	end();
}

/* The kernel takes connections for a socket that listens; nobody ever answers. */
static void test_a_daemon_that_does_not_greet_is_given_up(void)
{
	uint8_t byte;
	int fd;

	begin();
	fake_daemon_end(&fake);
	fd = listen_by_hand();
	CU_ASSERT_EQUAL(pluton_set_reconnect(pluton, 50), 0);
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_EOFF);
	/* Now its queue is full: the same while connecting. */
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_EOFF);
	close(fd);
	close_and_remove();
}

static void test_a_protocol_breach_is_not_mended(void)
{
	uint8_t byte;
	int fd;

	begin();
	fake.descriptors = 0;
	CU_ASSERT_EQUAL(pluton_app_connect(pluton, "app1", &fd), -PLUTON_EBADRVAL);
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_EBADRVAL);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), -PLUTON_EBADRVAL);
	end();
}

static void test_a_mistake_is_told_although_the_connection_is_lost(void)
{
	begin();
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(hold(note_off, NULL), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(pluton_nv_define(pluton, "", 1), -PLUTON_EINVAL);
	CU_ASSERT(said("an area's name"));
	end();
}

/* --- longer calls ---------------------------------------------------------------------------- */

static void check_digest_crash(unsigned at)
{
	uint8_t *bytes = malloc(3 * MIB), digest[32] = {0}, wanted[32] = {0};
	struct pluton_digest_request request = {.algorithm = PLUTON_SHA256,
						.input = bytes,
						.length = 3 * MIB,
						.digest = wanted,
						.digest_size = 32};

	for (size_t i = 0; i < 3 * MIB; i++)
		bytes[i] = (uint8_t)(i * 3 + i / 4096);
	begin();
	CU_ASSERT_EQUAL(pluton_digest(pluton, &request), 0);
	request.digest = digest;
	fake.crash_at = at;
	CU_ASSERT_EQUAL(pluton_digest(pluton, &request), 0);
	CU_ASSERT_EQUAL(fake.crash_at, 0);
	CU_ASSERT_EQUAL(memcmp(digest, wanted, 32), 0);
	end();
	free(bytes);
}

static void test_a_long_message_is_hashed_from_the_beginning_again(void)
{
	for (unsigned at = 1; at <= 5; at++) /* begin, three updates, finish */
		check_digest_crash(at);
}

/* At its window, which comes before the operation, and at the operation. */
static void test_a_sealed_message_is_decrypted_across_a_restart(void)
{
	uint8_t key[16] = {0}, iv[12] = {0}, tag[16], *in = calloc(1, 2 * MIB);
	uint8_t *out = malloc(2 * MIB), *back = malloc(2 * MIB);
	struct pluton_aes_gcm_request request = {.key = key,
						 .key_size = 16,
						 .iv = iv,
						 .input = in,
						 .output = out,
						 .length = 2 * MIB,
						 .tag = tag};

	begin();
	CU_ASSERT_EQUAL(pluton_aes_gcm_encrypt(pluton, &request), 0);
	request.input = out;
	request.output = back;
	fake.crash_at = 1;
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &request), 0);
	CU_ASSERT_EQUAL(fake.crash_at, 0);
	CU_ASSERT_EQUAL(memcmp(back, in, 2 * MIB), 0);
	fake_hang_up(&fake);
	memset(back, 1, 2 * MIB);
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &request), 0);
	CU_ASSERT_EQUAL(memcmp(back, in, 2 * MIB), 0);
	end();
	free(in);
	free(out);
	free(back);
}

static void test_a_list_is_of_one_daemon(void)
{
	struct pluton_limit_row *rows;
	size_t count;

	for (unsigned at = 1; at <= 3; at++) {
		begin();
		fake.lists = 60; /* three pages */
		fake.crash_at = at;
		CU_ASSERT_EQUAL(pluton_list_limits(pluton, &rows, &count), 0);
		CU_ASSERT_EQUAL(fake.crash_at, 0);
		CU_ASSERT_EQUAL_FATAL(count, 60);
		for (unsigned i = 0; i < 60; i++)
			CU_ASSERT_EQUAL(rows[i].value, 1000 + i); /* all of the second's */
		free(rows);
		end();
	}
}

static void test_nv_data_is_read_whole_across_a_restart(void)
{
	uint8_t bytes[10000];
	void *data;
	size_t length;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i / 100);
	for (unsigned at = 1; at <= 4; at++) { /* status, three reads */
		begin();
		CU_ASSERT_EQUAL(pluton_nv_put(pluton, "area", bytes, sizeof(bytes)), 0);
		fake.crash_at = at;
		CU_ASSERT_EQUAL_FATAL(pluton_nv_get(pluton, "area", &data, &length), 0);
		CU_ASSERT_EQUAL(fake.crash_at, 0);
		CU_ASSERT_EQUAL(length, sizeof(bytes));
		CU_ASSERT_EQUAL(memcmp(data, bytes, length), 0);
		free(data);
		end();
	}
}

static void test_streams_are_gone_and_never_taken_for_new_ones(void)
{
	struct pluton_digest_stream old, young;
	struct pluton_aes_stream cipher;
	uint8_t digest[32];

	begin();
	CU_ASSERT_EQUAL(pluton_digest_begin(pluton, PLUTON_SHA256, &old), 0);
	CU_ASSERT_EQUAL(pluton_digest_update(pluton, &old, "abc", 3), 0);
	cipher = (struct pluton_aes_stream){.id = old.id, .connection = old.connection};
	fake.crash_at = 1;
	CU_ASSERT_EQUAL(pluton_digest_update(pluton, &old, "abc", 3), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(pluton_digest_update(pluton, &old, "abc", 3), -PLUTON_ERESERVE);
	CU_ASSERT(said("begin again"));
	CU_ASSERT_EQUAL(pluton_digest_begin(pluton, PLUTON_SHA256, &young), 0);
	CU_ASSERT_EQUAL(young.id, old.id);
	CU_ASSERT_EQUAL(pluton_digest_update(pluton, &old, "abc", 3), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(pluton_digest_update_async(pluton, &old, "abc", 3, NULL, NULL, NULL),
			-PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(pluton_digest_finish(pluton, &old, digest, 32), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(pluton_digest_abort(pluton, &old), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(pluton_aes_update(pluton, &cipher, "abc", digest, 3), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(
		pluton_aes_update_async(pluton, &cipher, "abc", digest, 3, NULL, NULL, NULL),
		-PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(pluton_aes_finish(pluton, &cipher, NULL), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(pluton_aes_abort(pluton, &cipher), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(pluton_digest_finish(pluton, &young, digest, 32), 0);
	end();
}

/* --- memory ---------------------------------------------------------------------------------- */

static bool inverts_in_place(uint8_t *in, uint8_t *out, size_t length)
{
	const struct pluton_request request = {.driver = FAKE_DRIVER,
					       .command = FAKE_INVERT,
					       .slots[0] = {.in = in, .length = length},
					       .slots[1] = {.out = out, .length = length}};
	uint32_t words[3];

	if (pluton_perform(pluton, &request, words) < 0)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (out[i] + in[i] != 0xff)
			return false;
	}
	return words[1] == (FAKE_WINDOW | FAKE_WINDOW << 4);
}

static void test_shared_memory_stays_and_is_shared_again(void)
{
	struct pluton_range before, after;
	uint8_t *in, *out;

	begin();
	in = pluton_alloc(pluton, 1000);
	out = pluton_alloc(pluton, 2 * MIB); /* in another window */
	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	memset(in, 7, 1000);
	CU_ASSERT_EQUAL(pluton_range_of(pluton, in, 1000, &before), 0);
	restart();
	CU_ASSERT(works());
	CU_ASSERT_EQUAL(in[999], 7);
	CU_ASSERT_EQUAL(pluton_range_of(pluton, in, 1000, &after), 0);
	CU_ASSERT_NOT_EQUAL(before.window, after.window);
	CU_ASSERT(inverts_in_place(in, out, 1000));
	CU_ASSERT_EQUAL(fake.windows_added, 4);
	pluton_free(pluton, in);
	pluton_free(pluton, out);
	CU_ASSERT_PTR_NOT_NULL(pluton_alloc(pluton, 10));
	end();
}

/* More than is kept, so that the daemon was asked to forget one and never answered. */
static void test_windows_on_their_way_back_are_gone_with_the_daemon(void)
{
	void *memory[3];

	begin();
	for (unsigned i = 0; i < TESTS_COUNT(memory); i++)
		memory[i] = pluton_alloc(pluton, FAKE_WINDOW_SIZE_MAX);
	fake_hang_up(&fake);
	for (unsigned i = 0; i < TESTS_COUNT(memory); i++)
		pluton_free(pluton, memory[i]);
	CU_ASSERT_PTR_NOT_NULL(pluton->memory.leaving);
	CU_ASSERT(works());
	CU_ASSERT_PTR_NULL(pluton->memory.leaving);
	CU_ASSERT_EQUAL(pluton->memory.window_count, 0);
	CU_ASSERT_EQUAL(pluton->memory.bytes, 0);
	end();
}

static void test_windows_that_nobody_uses_are_not_shared_again(void)
{
	begin();
	pluton_free(pluton, pluton_alloc(pluton, 1000));
	CU_ASSERT_EQUAL(fake.windows_added, 1);
	restart();
	CU_ASSERT(works());
	CU_ASSERT_EQUAL(fake.windows_added, 1);
	end();
}

static void test_reconnecting_leaks_no_descriptor(void)
{
	unsigned before;

	begin();
	CU_ASSERT_PTR_NOT_NULL(pluton_alloc(pluton, 1000));
	CU_ASSERT(works());
	before = open_descriptors();
	for (unsigned i = 0; i < 5; i++) {
		fake_hang_up(&fake);
		CU_ASSERT(works());
	}
	CU_ASSERT_EQUAL(open_descriptors(), before);
	end();
}

static void test_a_daemon_that_does_not_take_the_memory_is_told_until_it_is_freed(void)
{
	uint8_t byte;
	void *memory;

	begin();
	memory = pluton_alloc(pluton, 1000);
	fake.window_refusal = PLUTON_EBUSY;
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_ENOMEM);
	CU_ASSERT(said("the fake daemon"));
	pluton_free(pluton, memory);
	CU_ASSERT(works());
	end();
}

static void test_memory_shared_while_reconnecting_was_off_keeps_it_off(void)
{
	uint8_t byte;
	void *memory;

	begin();
	CU_ASSERT_EQUAL(pluton_set_reconnect(pluton, 0), 0);
	memory = pluton_alloc(pluton, 1000);
	CU_ASSERT_EQUAL(pluton_set_reconnect(pluton, 30), 0);
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(pluton_random(pluton, &byte, 1), -PLUTON_EOFF);
	CU_ASSERT(said("memory was shared"));
	pluton_free(pluton, memory);
	CU_ASSERT(works());
	end();
}

/* The daemon may only have hung up, and its engine be at work in the window still. */
static void test_memory_of_a_lost_operation_is_not_given_to_another(void)
{
	struct pluton_request request = plain(FAKE_HOLD, 0);
	uint8_t *large = calloc(1, 100000), *shared;
	unsigned windows;

	begin();
	shared = pluton_alloc(pluton, 1000); /* keeps the window that the request's copy is in */
	request.slots[0] = (struct pluton_slot){.in = large, .length = 100000};
	CU_ASSERT_EQUAL(pluton_submit(pluton, &request, NULL, NULL, NULL), 0);
	CU_ASSERT_EQUAL(fake.windows_added, 1);
	fake_hang_up(&fake);
	CU_ASSERT(works());
	windows = fake.windows_added;
	CU_ASSERT_PTR_NOT_NULL(pluton_alloc(pluton, 1000));
	CU_ASSERT_EQUAL(fake.windows_added, windows + 1);
	CU_ASSERT_EQUAL(shared[0], 0);
	end();
	free(large);
}

/* --- raw calls ------------------------------------------------------------------------------- */

static unsigned upcalls;

static void note_upcall(struct pluton *of, const uint32_t words[3], void *userdata)
{
	(void)of;
	(void)words;
	(void)userdata;
	upcalls++;
}

static void test_the_next_raw_call_tells_once_that_subscriptions_are_lost(void)
{
	struct pluton_return ret;
	uint32_t value;

	begin();
	CU_ASSERT_EQUAL(pluton_subscribe(pluton, FAKE_DRIVER, 0, note_upcall, NULL), 0);
	restart();
	CU_ASSERT(works()); /* notices */
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 0, 1, 2, &ret), -PLUTON_EOFF);
	CU_ASSERT(said("subscribe and allow again"));
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 0, 1, 2, &ret), 0);
	restart();
	CU_ASSERT_EQUAL(pluton_memop(pluton, 5, 0, &value), -PLUTON_EOFF); /* notices itself */
	CU_ASSERT(said("subscribe and allow again"));
	CU_ASSERT_EQUAL(pluton_memop(pluton, 5, 0, &value), 0);
	end();
}

static void test_without_raw_calls_before_the_first_one_works(void)
{
	uint32_t value = 0;

	begin();
	restart();
	CU_ASSERT(works());
	CU_ASSERT_EQUAL(pluton_memop(pluton, 5, 0, &value), 0);
	CU_ASSERT_EQUAL(value, 5);
	end();
}

static void test_upcalls_that_came_before_run_and_later_ones_do_not(void)
{
	struct pluton_return ret;
	uint32_t words[3];
	bool ran;

	upcalls = 0;
	begin();
	CU_ASSERT_EQUAL(pluton_subscribe(pluton, FAKE_DRIVER, 0, note_upcall, NULL), 0);
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 2, 0, 0, &ret), 0);
	while (pluton->trd104.upcalls_due < 3)
		CU_ASSERT_EQUAL_FATAL(connection_wait(pluton), 0);
	restart();
	CU_ASSERT(works());
	CU_ASSERT_EQUAL(upcalls, 3);
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 2, 0, 0, &ret), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 2, 0, 0, &ret), 0);
	CU_ASSERT_EQUAL(pluton_yield_no_wait(pluton, &ran), 0);
	CU_ASSERT_FALSE(ran);
	CU_ASSERT_EQUAL(upcalls, 3);
	/* Nobody is subscribed there: such upcalls are for who waits for them. */
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 1, 0, 0, &ret), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait_for(pluton, FAKE_DRIVER, 0, words), 0);
	end();
}

static void test_a_yield_that_told_of_the_loss_spares_the_next_raw_call(void)
{
	struct pluton_return ret;
	uint32_t words[3];

	begin();
	CU_ASSERT_EQUAL(pluton_subscribe(pluton, FAKE_DRIVER, 0, note_upcall, NULL), 0);
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(pluton_yield_wait_for(pluton, FAKE_DRIVER, 0, words), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(pluton_subscribe(pluton, FAKE_DRIVER, 0, note_upcall, NULL), 0);
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 1, 0, 0, &ret), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait_for(pluton, FAKE_DRIVER, 0, words), 0);
	end();
}

static void test_yields_tell_a_loss_once_and_after_the_callbacks(void)
{
	bool ran = false;

	offs = 0;
	begin();
	CU_ASSERT_EQUAL(hold(note_off, NULL), 0);
	CU_ASSERT_EQUAL(hold(note_off, NULL), 0);
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(pluton_yield_no_wait(pluton, &ran), 0);
	CU_ASSERT_TRUE(ran);
	CU_ASSERT_EQUAL(offs, 2);
	CU_ASSERT_EQUAL(pluton_yield_no_wait(pluton, &ran), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(pluton_yield_no_wait(pluton, &ran), 0);
	CU_ASSERT_FALSE(ran);
	CU_ASSERT(works());
	end();
}

/* --- event loops ----------------------------------------------------------------------------- */

static unsigned reconnections;

static void note_reconnected(struct pluton *of, void *userdata)
{
	CU_ASSERT_PTR_EQUAL(of, pluton);
	CU_ASSERT_PTR_EQUAL(userdata, &reconnections);
	CU_ASSERT_EQUAL(hold(note_off, NULL), 0); /* what it is for */
	reconnections++;
}

static int turn_loop(void)
{
	struct pollfd fd = {.fd = pluton_get_fd(pluton), .events = pluton_get_events(pluton)};

	CU_ASSERT_EQUAL_FATAL(poll(&fd, 1, 60000), 1);
	return pluton_dispatch(pluton);
}

static void test_dispatch_tells_a_loss_once_and_connects_again(void)
{
	int fd;

	offs = 0;
	reconnections = 0;
	begin();
	fd = pluton_get_fd(pluton);
	pluton_on_reconnect(pluton, note_reconnected, &reconnections);
	CU_ASSERT_EQUAL(hold(note_off, NULL), 0);
	CU_ASSERT_EQUAL(hold(note_off, NULL), 0);
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(turn_loop(), 2);
	CU_ASSERT_EQUAL(offs, 2);
	CU_ASSERT_EQUAL(turn_loop(), -PLUTON_EOFF);
	while (reconnections == 0)
		CU_ASSERT_FATAL(turn_loop() >= 0);
	CU_ASSERT_EQUAL(pluton_get_fd(pluton), fd);
	CU_ASSERT(works());
	CU_ASSERT_EQUAL(reconnections, 1);
	end();
}

static void test_dispatch_ends_with_the_sentence_for_who_may_use_nothing_any_more(void)
{
	int r = 0;

	begin();
	(void)pluton_get_fd(pluton);
	fake.greeting_refusal = PLUTON_ENODEVICE;
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(turn_loop(), -PLUTON_EOFF);
	while (r >= 0)
		r = turn_loop();
	CU_ASSERT_EQUAL(r, -PLUTON_ENODEVICE);
	CU_ASSERT(said("the fake daemon"));
	fake.greeting_refusal = 0;
	CU_ASSERT_EQUAL(turn_loop(), -PLUTON_ENODEVICE);
	end();
}

/* The kernel's list of what an epoll has in it; a dead socket there would never let it wait. */
static bool waits_for_socket(int epoll_fd)
{
	char name[64], line[128];
	bool found = false;
	FILE *info;
	int fd;

	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", epoll_fd);
	info = fopen(name, "re");
	CU_ASSERT_PTR_NOT_NULL_FATAL(info);
	while (fgets(line, sizeof(line), info))
		found = found || (sscanf(line, "tfd: %d", &fd) == 1 && fd == pluton->fd);
	fclose(info);
	return found;
}

static void test_polling_without_a_daemon_waits_for_the_next_try(void)
{
	int fd;

	reconnections = 0;
	begin();
	fd = pluton_get_fd(pluton);
	pluton_on_reconnect(pluton, note_reconnected, &reconnections);
	fake_daemon_end(&fake);
	CU_ASSERT_EQUAL(turn_loop(), -PLUTON_EOFF);
	for (unsigned i = 0; i < 4; i++) {
		CU_ASSERT_FALSE(waits_for_socket(fd));
		CU_ASSERT_EQUAL(pluton_get_events(pluton), POLLIN);
		CU_ASSERT_EQUAL(turn_loop(), 0);
		CU_ASSERT_EQUAL(pluton_dispatch(pluton), 0);
	}
	CU_ASSERT_EQUAL(hold(note_off, NULL), -PLUTON_EOFF);
	fake_daemon_listen(&fake, path);
	while (reconnections == 0)
		CU_ASSERT_FATAL(turn_loop() >= 0);
	CU_ASSERT(waits_for_socket(fd));
	CU_ASSERT(works());
	end();
}

static void test_a_call_may_connect_before_the_event_loop_does(void)
{
	reconnections = 0;
	begin();
	pluton_on_reconnect(pluton, note_reconnected, &reconnections);
	fake_daemon_end(&fake);
	CU_ASSERT_EQUAL(turn_loop(), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(turn_loop(), 0);
	fake_daemon_listen(&fake, path);
	CU_ASSERT(works());
	CU_ASSERT_EQUAL(reconnections, 1); /* ran as others do while a call waits */
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 0);
	end();
}

/* --- event loops by epoll -------------------------------------------------------------------- */

static int epoll_fd;

/* Registered once, and nothing is asked again. */
static void begin_epoll(void)
{
	struct epoll_event event = {.events = EPOLLIN};

	offs = 0;
	reconnections = 0;
	begin();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	CU_ASSERT_FATAL(epoll_fd >= 0);
	CU_ASSERT_EQUAL(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pluton_get_fd(pluton), &event), 0);
}

static void end_epoll(void)
{
	close(epoll_fd);
	end();
}

static int turn_epoll(void)
{
	struct epoll_event event;

	CU_ASSERT_EQUAL_FATAL(epoll_wait(epoll_fd, &event, 1, 60000), 1);
	return pluton_dispatch(pluton);
}

static bool has_nothing_to_do(void)
{
	struct epoll_event event;

	return epoll_wait(epoll_fd, &event, 1, 0) == 0;
}

static void note_success(struct pluton *of, int status, void *userdata)
{
	CU_ASSERT_PTR_EQUAL(of, pluton);
	CU_ASSERT_EQUAL(status, 0);
	++*(unsigned *)userdata;
}

static bool works_by_epoll(void)
{
	unsigned answers = 0;
	uint8_t byte = 0;

	CU_ASSERT_EQUAL(pluton_random_async(pluton, &byte, 1, note_success, &answers, NULL), 0);
	while (answers == 0)
		CU_ASSERT_FATAL(turn_epoll() >= 0);
	return byte == 0xa5;
}

static void test_an_epoll_that_is_told_once_goes_on_across_restarts(void)
{
	begin_epoll();
	pluton_on_reconnect(pluton, note_reconnected, &reconnections);
	CU_ASSERT(works_by_epoll());
	for (unsigned i = 1; i <= 3; i++) {
		fake_hang_up(&fake);
		while (turn_epoll() != -PLUTON_EOFF)
			;
		while (reconnections < i)
			CU_ASSERT_FATAL(turn_epoll() >= 0);
		CU_ASSERT(works_by_epoll());
		CU_ASSERT(has_nothing_to_do());
	}
	CU_ASSERT_EQUAL(offs, 2); /* of the operation that each of the functions began */
	end_epoll();
}

/* Without a function nothing is due; answers must wake the loop all the same. */
static void test_an_epoll_goes_on_without_a_function(void)
{
	uint32_t connection;

	begin_epoll();
	connection = pluton->reconnect.connection;
	restart();
	CU_ASSERT_EQUAL(turn_epoll(), -PLUTON_EOFF);
	while (pluton->reconnect.connection == connection)
		CU_ASSERT_FATAL(turn_epoll() >= 0);
	CU_ASSERT(works_by_epoll());
	end_epoll();
}

/* The loop is not asked: the call finds the loss and mends it, and leaves the function due. */
static void test_a_call_that_reconnects_wakes_an_epoll_for_the_function(void)
{
	struct pluton_request request = plain(FAKE_HOLD, 0);

	begin_epoll();
	pluton_on_reconnect(pluton, note_reconnected, &reconnections);
	fake_daemon_end(&fake);
	CU_ASSERT_EQUAL(turn_epoll(), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(turn_epoll(), 0);
	fake_daemon_listen(&fake, path);
	CU_ASSERT_EQUAL(pluton_submit(pluton, &request, NULL, NULL, NULL), 0);
	CU_ASSERT_EQUAL(reconnections, 0);
	CU_ASSERT_EQUAL(turn_epoll(), 1);
	CU_ASSERT_EQUAL(reconnections, 1);
	CU_ASSERT(works_by_epoll());
	end_epoll();
}

/* Each leaves an answer due that came while it waited for its own. */
static void test_what_other_calls_leave_due_wakes_an_epoll(void)
{
	unsigned answers = 0;
	uint8_t byte;
	uint32_t value;
	bool ran;

	begin_epoll();
	CU_ASSERT_EQUAL(pluton_random_async(pluton, &byte, 1, note_success, &answers, NULL), 0);
	CU_ASSERT_EQUAL(pluton_memop(pluton, 5, 0, &value), 0);
	CU_ASSERT_EQUAL(answers, 0);
	CU_ASSERT_EQUAL(turn_epoll(), 1);
	CU_ASSERT(has_nothing_to_do());
	CU_ASSERT_EQUAL(pluton_random_async(pluton, &byte, 1, note_success, &answers, NULL), 0);
	CU_ASSERT_EQUAL(pluton_random_async(pluton, &byte, 1, note_success, &answers, NULL), 0);
	CU_ASSERT_EQUAL(pluton_memop(pluton, 5, 0, &value), 0);
	CU_ASSERT_EQUAL(pluton_yield_no_wait(pluton, &ran), 0);
	CU_ASSERT_EQUAL(answers, 2);
	CU_ASSERT_EQUAL(turn_epoll(), 1);
	CU_ASSERT_EQUAL(answers, 3);
	end_epoll();
}

/* Records that had no room are sent when there is some; no answer comes that would wake us. */
static void test_room_in_the_socket_wakes_an_epoll(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct pluton_request request = plain(FAKE_HOLD, 0);
	uint8_t bytes[1000] = {0};
	int size = 1;

	fake_daemon_init(&fake);
	fake_welcome(&fake);
	CU_ASSERT_EQUAL_FATAL(connection_open(fake.client_fd, &pluton, NULL, 0), 0);
	pluton->loop = loop_new();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	CU_ASSERT_EQUAL(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pluton_get_fd(pluton), &event), 0);
	CU_ASSERT_EQUAL(setsockopt(pluton->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	request.slots[0] = (struct pluton_slot){.in = bytes, .length = sizeof(bytes)};
	for (unsigned i = 0; i < FAKE_OPERATIONS_MAX; i++)
		CU_ASSERT_EQUAL(pluton_submit(pluton, &request, NULL, NULL, NULL), 0);
	CU_ASSERT(pluton->outgoing_count > 0);
	CU_ASSERT(has_nothing_to_do());
	CU_ASSERT_EQUAL(recv(fake.fd, bytes, sizeof(bytes), 0), 24); /* HELLO, answered already */
	fake_daemon_serve(&fake);
	while (pluton->outgoing_count > 0)
		CU_ASSERT_EQUAL_FATAL(turn_epoll(), 0);
	CU_ASSERT(has_nothing_to_do());
	close(epoll_fd);
	fake_daemon_end(&fake);
	pluton_close(pluton);
	pluton = NULL;
}

/* The descriptor of a connection that is over for good says so as long as it is there. */
static void test_an_end_that_is_not_mended_keeps_an_epoll_awake(void)
{
	begin_epoll();
	CU_ASSERT_EQUAL(pluton_set_reconnect(pluton, 10), 0);
	fake_daemon_end(&fake);
	CU_ASSERT_EQUAL(turn_epoll(), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(pluton_set_reconnect(pluton, 0), 0);
	CU_ASSERT_EQUAL(turn_epoll(), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(turn_epoll(), -PLUTON_EOFF);
	close(epoll_fd);
	close_and_remove();
}

static void test_polling_a_connection_leaks_no_descriptor(void)
{
	unsigned before = open_descriptors();

	begin_epoll();
	fake_daemon_end(&fake);
	CU_ASSERT_EQUAL(turn_epoll(), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(turn_epoll(), 0); /* now there is a timer as well */
	close(epoll_fd);
	close_and_remove();
	CU_ASSERT_EQUAL(open_descriptors(), before);
}

static void test_without_a_free_descriptor_there_is_none_to_poll(void)
{
	struct rlimit before, now;
	int next;

	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
	begin();
	CU_ASSERT(works()); /* the fake has what it needs */
	next = dup(0);
	close(next);
	now = before;
	now.rlim_cur = (rlim_t)next;
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &now), 0);
	CU_ASSERT_EQUAL(pluton_get_fd(pluton), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
	CU_ASSERT(pluton_get_fd(pluton) >= 0);
	end();
}

/* --- callbacks ------------------------------------------------------------------------------- */

static void call_inside(struct pluton *of, int status, const uint32_t words[3], void *userdata)
{
	(void)of;
	(void)words;
	(void)userdata;
	CU_ASSERT_EQUAL(status, -PLUTON_EOFF);
	CU_ASSERT(works());
}

static void test_a_callback_that_reconnects_costs_no_other_callback(void)
{
	offs = 0;
	begin();
	CU_ASSERT_EQUAL(hold(call_inside, NULL), 0);
	CU_ASSERT_EQUAL(hold(note_off, NULL), 0);
	CU_ASSERT_EQUAL(hold(note_off, NULL), 0);
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	/* works() inside waited and so ran the other two */
	CU_ASSERT_EQUAL(offs, 2);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 0);
	end();
}

/* The answer of the outer call is due while an inner one connects again. */
static void test_a_call_is_repeated_even_if_a_callback_reconnected_first(void)
{
	begin();
	CU_ASSERT_EQUAL(hold(call_inside, NULL), 0);
	fake.crash_at = 2; /* the one that is held counts if the fake has not seen it yet */
	CU_ASSERT(works());
	CU_ASSERT(works());
	end();
}

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

static void test_periodic_alarms_and_timers_end_with_off(void)
{
	uint32_t mask;

	alarms = 0;
	begin();
	CU_ASSERT_EQUAL(pluton_alarm_every(pluton, 1, note_alarm, NULL, NULL), 0);
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, 3, FAKE_NEVER_MS), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(alarms, 1);
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(pluton_timer_wait(pluton, &mask), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(alarms, 2);
	CU_ASSERT_EQUAL(alarm_status, -PLUTON_EOFF);
	CU_ASSERT_EQUAL(pluton_timer_wait(pluton, &mask), -PLUTON_EALREADY);
	CU_ASSERT_EQUAL(pluton_timer_oneshot(pluton, 3, 0), 0);
	CU_ASSERT_EQUAL(pluton_timer_wait(pluton, &mask), 0);
	CU_ASSERT_EQUAL(mask, 1u << 3);
	end();
}

static void test_the_new_daemons_limits_hold(void)
{
	offs = 0;
	begin();
	for (unsigned i = 0; i < FAKE_OPERATIONS_MAX; i++)
		CU_ASSERT_EQUAL(hold(note_off, NULL), 0);
	fake.operations_max = 2;
	fake_hang_up(&fake);
	while (offs < FAKE_OPERATIONS_MAX - 1)
		CU_ASSERT_EQUAL_FATAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT(works()); /* with one callback due, the table stays what it is */
	CU_ASSERT_EQUAL(offs, FAKE_OPERATIONS_MAX);
	CU_ASSERT_EQUAL(hold(note_off, NULL), 0);
	CU_ASSERT_EQUAL(hold(note_off, NULL), 0);
	CU_ASSERT_EQUAL(hold(note_off, NULL), -PLUTON_EBUSY);
	fake.operations_max = FAKE_OPERATIONS_MAX + 2;
	fake_hang_up(&fake);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	for (unsigned i = 0; i < FAKE_OPERATIONS_MAX + 2; i++)
		CU_ASSERT_EQUAL(hold(NULL, NULL), 0);
	CU_ASSERT_EQUAL(hold(NULL, NULL), -PLUTON_EBUSY);
	end();
}

static const struct test tests[] = {
	TEST(test_who_is_cut_off_before_the_greeting_finds_the_next_daemon),
	TEST(test_who_is_cut_off_again_and_again_is_told_so),
	TEST(test_who_is_turned_away_with_a_sentence_is_not_tried_again),
	TEST(test_a_daemon_that_is_gone_after_it_cut_off_is_not_waited_for),
	TEST(test_an_asynchronous_call_is_not_lost_to_a_daemon_that_stops),
	TEST(test_a_call_after_a_restart_finds_the_new_daemon),
	TEST(test_a_new_connection_waits_for_answers_as_long_as_the_old_one),
	TEST(test_what_is_harmless_is_repeated),
	TEST(test_memory_is_asked_for_again_once),
	TEST(test_what_is_repeated_is_repeated_once),
	TEST(test_what_is_not_harmless_is_left_to_the_caller),
	TEST(test_what_no_daemon_has_seen_is_done_whatever_it_is),
	TEST(test_a_raw_operation_is_never_repeated),
	TEST(test_nobody_there_is_off_after_the_time_and_no_end),
	TEST(test_a_call_waits_for_a_daemon_that_is_about_to_come),
	TEST(test_without_reconnecting_a_lost_connection_stays_lost),
	TEST(test_a_connection_over_a_given_descriptor_is_not_made_again),
	TEST(test_who_has_exited_does_not_come_back),
	TEST(test_a_refused_greeting_is_told_and_tried_again_by_the_next_call),
	TEST(test_who_may_use_nothing_any_more_is_told_so_and_stays_out),
	TEST(test_a_socket_that_nobody_may_connect_to_is_waited_for),
	TEST(test_a_daemon_that_does_not_greet_is_given_up),
	TEST(test_a_protocol_breach_is_not_mended),
	TEST(test_a_mistake_is_told_although_the_connection_is_lost),
	TEST(test_a_long_message_is_hashed_from_the_beginning_again),
	TEST(test_a_sealed_message_is_decrypted_across_a_restart),
	TEST(test_a_list_is_of_one_daemon),
	TEST(test_nv_data_is_read_whole_across_a_restart),
	TEST(test_streams_are_gone_and_never_taken_for_new_ones),
	TEST(test_shared_memory_stays_and_is_shared_again),
	TEST(test_windows_on_their_way_back_are_gone_with_the_daemon),
	TEST(test_windows_that_nobody_uses_are_not_shared_again),
	TEST(test_reconnecting_leaks_no_descriptor),
	TEST(test_a_daemon_that_does_not_take_the_memory_is_told_until_it_is_freed),
	TEST(test_memory_shared_while_reconnecting_was_off_keeps_it_off),
	TEST(test_memory_of_a_lost_operation_is_not_given_to_another),
	TEST(test_the_next_raw_call_tells_once_that_subscriptions_are_lost),
	TEST(test_without_raw_calls_before_the_first_one_works),
	TEST(test_upcalls_that_came_before_run_and_later_ones_do_not),
	TEST(test_a_yield_that_told_of_the_loss_spares_the_next_raw_call),
	TEST(test_yields_tell_a_loss_once_and_after_the_callbacks),
	TEST(test_dispatch_tells_a_loss_once_and_connects_again),
	TEST(test_dispatch_ends_with_the_sentence_for_who_may_use_nothing_any_more),
	TEST(test_polling_without_a_daemon_waits_for_the_next_try),
	TEST(test_a_call_may_connect_before_the_event_loop_does),
	TEST(test_an_epoll_that_is_told_once_goes_on_across_restarts),
	TEST(test_an_epoll_goes_on_without_a_function),
	TEST(test_a_call_that_reconnects_wakes_an_epoll_for_the_function),
	TEST(test_what_other_calls_leave_due_wakes_an_epoll),
	TEST(test_room_in_the_socket_wakes_an_epoll),
	TEST(test_an_end_that_is_not_mended_keeps_an_epoll_awake),
	TEST(test_polling_a_connection_leaks_no_descriptor),
	TEST(test_without_a_free_descriptor_there_is_none_to_poll),
	TEST(test_a_callback_that_reconnects_costs_no_other_callback),
	TEST(test_a_call_is_repeated_even_if_a_callback_reconnected_first),
	TEST(test_periodic_alarms_and_timers_end_with_off),
	TEST(test_the_new_daemons_limits_hold),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "client reconnect", tests, TESTS_COUNT(tests));
}
