/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpluton against a fake daemon: that requests reach it as the headers promise, that callbacks
 * run where they may, and that nothing a hostile daemon sends harms its client.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <pluton/aes.h>
#include <pluton/digest.h>
#include <pluton/manager.h>
#include <pluton/random.h>

#include "client-lib/connection.h"
#include "tests/suite.h"
#include "tests/unit/fake_daemon.h"

#define FIRST_ID 1025u /* serial 1, entry 0 */
#define MIB ((size_t)1 << 20)

static struct fake_daemon fake;
static struct pluton *pluton;

/* --- a connection for each test -------------------------------------------------------------- */

static void begin_serving(void)
{
	fake_daemon_init(&fake);
	fake_daemon_serve(&fake);
	CU_ASSERT_EQUAL_FATAL(connection_open(fake.client_fd, &pluton, NULL, 0), 0);
}

/* The test plays the daemon. */
static void begin_by_hand(void)
{
	fake_daemon_init(&fake);
	fake_welcome(&fake);
	CU_ASSERT_EQUAL_FATAL(connection_open(fake.client_fd, &pluton, NULL, 0), 0);
}

static void end(void)
{
	fake_daemon_end(&fake);
	pluton_close(pluton);
	pluton = NULL;
}

static uint8_t *bytes_of(size_t size, unsigned seed)
{
	uint8_t *bytes = malloc(size);

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251 + seed);
	return bytes;
}

static struct pluton_request invert(const void *in, void *out, size_t length)
{
	return (struct pluton_request){
		.driver = FAKE_DRIVER,
		.command = FAKE_INVERT,
		.slots[0] = {.in = in, .length = length},
		.slots[1] = {.out = out, .length = length},
	};
}

static bool inverted(const uint8_t *in, const uint8_t *out, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (out[i] + in[i] != 0xff)
			return false;
	}
	return true;
}

static struct pluton_request plain(uint32_t command, uint32_t word)
{
	return (struct pluton_request){.driver = FAKE_DRIVER, .command = command, .words[0] = word};
}

/* --- opening --------------------------------------------------------------------------------- */

static void test_the_address_is_the_argument_then_the_environment_then_the_built_in(void)
{
	unsetenv("PLUTON_ADDRESS");
	CU_ASSERT_STRING_EQUAL(pluton_default_address(NULL), "unix:/run/pluton/pluton.sock");
	setenv("PLUTON_ADDRESS", "unix:/elsewhere", 1);
	CU_ASSERT_STRING_EQUAL(pluton_default_address(NULL), "unix:/elsewhere");
	CU_ASSERT_STRING_EQUAL(pluton_default_address("unix:/here"), "unix:/here");
	setenv("PLUTON_ADDRESS", "", 1);
	CU_ASSERT_STRING_EQUAL(pluton_default_address(NULL), "unix:/run/pluton/pluton.sock");
	CU_ASSERT_STRING_EQUAL(pluton_default_address(""), "");
	unsetenv("PLUTON_ADDRESS");
}

static void test_what_is_no_address_is_refused_with_the_form_of_one(void)
{
	static const char *const wrong[] = {"", "unix:", "/run/x", "tcp:localhost", "unix"};
	char message[CONNECTION_MESSAGE_SIZE];

	for (size_t i = 0; i < TESTS_COUNT(wrong); i++) {
		pluton = (struct pluton *)&fake;
		CU_ASSERT_EQUAL(pluton_open_explained(wrong[i], &pluton, message, sizeof(message)),
				-PLUTON_EINVAL);
		CU_ASSERT_PTR_NULL(pluton);
		CU_ASSERT_PTR_NOT_NULL(strstr(message, "unix:PATH"));
		CU_ASSERT_EQUAL(pluton_open(wrong[i], &pluton), -PLUTON_EINVAL);
	}
}

static void test_a_path_longer_than_sockets_have_is_refused(void)
{
	char address[300] = "unix:/", message[CONNECTION_MESSAGE_SIZE];

	memset(address + 6, 'x', sizeof(address) - 7);
	CU_ASSERT_EQUAL(pluton_open_explained(address, &pluton, message, sizeof(message)),
			-PLUTON_EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "107"));
}

static void test_nobody_at_the_address_is_said_with_the_address(void)
{
	char message[CONNECTION_MESSAGE_SIZE];

	CU_ASSERT_EQUAL(
		pluton_open_explained("unix:/nonexistent/sock", &pluton, message, sizeof(message)),
		-PLUTON_EOFF);
	CU_ASSERT_STRING_EQUAL(message, "nobody listens at unix:/nonexistent/sock");
	CU_ASSERT_PTR_NULL(pluton);
	CU_ASSERT_EQUAL(pluton_open_explained("unix:/nonexistent/sock", &pluton, message, 7),
			-PLUTON_EOFF);
	CU_ASSERT_STRING_EQUAL(message, "nobody");
}

/* Binds a socket of `type` in a fresh directory, and asks pluton_open what it thinks. */
static int open_other(int type, char *message)
{
	char directory[] = "/tmp/client_test.XXXXXX",
	     address[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 8];
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	int r;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/sock", directory);
	snprintf(address, sizeof(address), "unix:%s", name.sun_path);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	if (type != SOCK_SEQPACKET)
		CU_ASSERT_EQUAL(listen(fd, 1), 0);
	r = pluton_open_explained(address, &pluton, message, CONNECTION_MESSAGE_SIZE);
	close(fd);
	unlink(name.sun_path);
	rmdir(directory);
	return r;
}

static void test_a_socket_that_nobody_serves_is_nobody(void)
{
	char message[CONNECTION_MESSAGE_SIZE];

	CU_ASSERT_EQUAL(open_other(SOCK_SEQPACKET, message), -PLUTON_EOFF);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "nobody listens"));
}

static void test_a_stream_socket_is_not_plutond(void)
{
	char message[CONNECTION_MESSAGE_SIZE];

	CU_ASSERT_EQUAL(open_other(SOCK_STREAM, message), -PLUTON_EOFF);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "not plutond"));
}

static void test_the_greeting_gives_the_limits(void)
{
	struct pluton_limits limits;

	begin_serving();
	pluton_get_limits(pluton, &limits);
	CU_ASSERT_EQUAL(limits.daemon_pid, 4711);
	CU_ASSERT_EQUAL(limits.inline_max, FAKE_INLINE_MAX);
	CU_ASSERT_EQUAL(limits.operations_max, FAKE_OPERATIONS_MAX);
	CU_ASSERT_EQUAL(limits.process_index, 3);
	CU_ASSERT_EQUAL(limits.process_generation, 5);
	CU_ASSERT_STRING_EQUAL(pluton_error_message(pluton), "");
	CU_ASSERT_STRING_EQUAL(pluton_error_message(NULL), "");
	end();
}

static int greet_with(const struct record *record, char *message)
{
	int r;

	fake_daemon_init(&fake);
	fake_send(&fake, record);
	close(fake.fd);
	pluton = (struct pluton *)&fake;
	r = connection_open(fake.client_fd, &pluton, message, CONNECTION_MESSAGE_SIZE);
	CU_ASSERT_PTR_NULL(pluton);
	return r;
}

static void test_a_refused_greeting_says_why_even_if_the_daemon_hung_up(void)
{
	static const char text[] = "no room: 3 processes";
	const struct record refusal = {
		.header = {.type = RECORD_RETURN},
		.ret = {.words = {PLUTON_ENOMEM}, .text_length = sizeof(text) - 1, .text = text},
	};
	char message[CONNECTION_MESSAGE_SIZE];

	CU_ASSERT_EQUAL(greet_with(&refusal, message), -PLUTON_ENOMEM);
	CU_ASSERT_STRING_EQUAL(message, text);
}

static void test_a_greeting_that_makes_no_sense_is_refused(void)
{
	static const struct record_welcome wrong[] = {
		{.version = 2, .operations_max = 1},
		{.version = 1, .features = 2, .operations_max = 1},
		{.version = 1, .inline_max = RECORD_INLINE_LIMIT + 1, .operations_max = 1},
		{.version = 1, .operations_max = 0},
	};
	char message[CONNECTION_MESSAGE_SIZE];

	for (size_t i = 0; i < TESTS_COUNT(wrong); i++) {
		struct record welcome = {.header = {.type = RECORD_WELCOME}, .welcome = wrong[i]};

		CU_ASSERT_EQUAL(greet_with(&welcome, message), -PLUTON_EBADRVAL);
	}
}

static void test_anything_but_a_greeting_is_refused(void)
{
	static const struct record wrong[] = {
		{.header = {.type = RECORD_UPCALL}},
		{.header = {.type = RECORD_RETURN}, .ret = {.variant = VARIANT_SUCCESS}},
		{.header = {.type = RECORD_RETURN}, .ret = {.variant = VARIANT_FAILURE}},
		{.header = {.type = RECORD_HELLO}},
	};
	char message[CONNECTION_MESSAGE_SIZE];

	for (size_t i = 0; i < TESTS_COUNT(wrong); i++)
		CU_ASSERT_EQUAL(greet_with(&wrong[i], message), -PLUTON_EBADRVAL);
}

static void test_a_daemon_that_hangs_up_at_once_is_off(void)
{
	char message[CONNECTION_MESSAGE_SIZE];

	fake_daemon_init(&fake);
	close(fake.fd);
	CU_ASSERT_EQUAL(connection_open(fake.client_fd, &pluton, message, CONNECTION_MESSAGE_SIZE),
			-PLUTON_EOFF);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "closed"));
}

/* --- where data travels ---------------------------------------------------------------------- */

static void check_invert(size_t length, uint32_t places)
{
	uint8_t *in = bytes_of(length, 1), *out = bytes_of(length, 2);
	struct pluton_request request = invert(in, out, length);
	uint32_t words[3];

	CU_ASSERT_EQUAL(pluton_perform(pluton, &request, words), 0);
	CU_ASSERT(inverted(in, out, length));
	CU_ASSERT_EQUAL(words[1], places);
	free(in);
	free(out);
}

static void test_what_fits_travels_in_the_record(void)
{
	begin_serving();
	check_invert(1, FAKE_INLINE << 4 | FAKE_INLINE);
	check_invert(FAKE_INLINE_MAX / 2, FAKE_INLINE << 4 | FAKE_INLINE);
	end();
	CU_ASSERT_EQUAL(fake.windows_added, 0);
}

static void test_what_does_not_fit_travels_through_a_window(void)
{
	begin_serving();
	check_invert(FAKE_INLINE_MAX / 2 + 1, FAKE_WINDOW << 4 | FAKE_WINDOW);
	check_invert(100000, FAKE_WINDOW << 4 | FAKE_WINDOW);
	end();
	CU_ASSERT_EQUAL(fake.windows_added, 1);
}

static void test_small_slots_travel_in_the_record_beside_large_ones(void)
{
	uint8_t *in = bytes_of(5000, 1), *out = bytes_of(5000, 2), key[32] = {0}, tag[16];
	struct pluton_request request = invert(in, out, 5000);
	uint32_t words[3];

	request.slots[5] = (struct pluton_slot){.in = key, .length = sizeof(key)};
	request.slots[7] = (struct pluton_slot){.out = tag, .length = sizeof(tag)};
	begin_serving();
	CU_ASSERT_EQUAL(pluton_perform(pluton, &request, words), 0);
	CU_ASSERT_EQUAL(words[1], FAKE_WINDOW | FAKE_WINDOW << 4 | FAKE_INLINE << 20 |
					  (uint32_t)FAKE_INLINE << 28);
	CU_ASSERT(inverted(in, out, 5000));
	end();
	free(in);
	free(out);
}

static void test_an_empty_slot_is_absent(void)
{
	begin_serving();
	check_invert(0, 0);
	end();
}

static void test_memory_from_pluton_alloc_is_used_in_place(void)
{
	begin_serving();
	uint8_t *in = pluton_alloc(pluton, 64), *out = pluton_alloc(pluton, 64);
	struct pluton_request request = invert(in + 3, out + 5, 40);
	uint32_t words[3];

	memset(in, 0x0f, 64);
	CU_ASSERT_EQUAL(pluton_perform(pluton, &request, words), 0);
	CU_ASSERT_EQUAL(words[1], FAKE_WINDOW << 4 | FAKE_WINDOW);
	CU_ASSERT_EQUAL(out[4], 0);
	CU_ASSERT_EQUAL(out[5], 0xf0);
	CU_ASSERT_EQUAL(out[44], 0xf0);
	CU_ASSERT_EQUAL(out[45], 0);
	end();
	CU_ASSERT_EQUAL(fake.windows_added, 1);
}

static void test_memory_that_only_begins_in_pluton_alloc_is_copied(void)
{
	begin_serving();
	uint8_t *first = pluton_alloc(pluton, 64), *second = pluton_alloc(pluton, 64), out[128];
	struct pluton_request request = invert(first, out, 128);
	uint32_t words[3];

	CU_ASSERT_PTR_EQUAL_FATAL(second, first + 64);
	CU_ASSERT_EQUAL(pluton_perform(pluton, &request, words), 0);
	CU_ASSERT_EQUAL(words[1], FAKE_INLINE << 4 | FAKE_INLINE);
	end();
}

static void test_shared_memory_that_carried_data_is_zero_afterwards(void)
{
	begin_serving();
	check_invert(5000, FAKE_WINDOW << 4 | FAKE_WINDOW);
	const uint8_t *bytes = pluton_alloc(pluton, 200000);

	for (size_t i = 0; i < 200000; i++)
		CU_ASSERT_EQUAL_FATAL(bytes[i], 0);
	end();
	CU_ASSERT_EQUAL(fake.windows_added, 1);
}

static void test_unused_windows_beyond_what_is_kept_are_given_back(void)
{
	void *memory[4];

	begin_serving();
	for (int i = 0; i < 4; i++)
		memory[i] = pluton_alloc(pluton, 7 * MIB);
	for (int i = 0; i < 4; i++)
		pluton_free(pluton, memory[i]);
	check_invert(1000, FAKE_WINDOW << 4 | FAKE_WINDOW);
	end();
	CU_ASSERT(fake.windows_added >= 4);
	CU_ASSERT(fake.windows_live <= 3); /* 16 MiB, and perhaps a small one */
}

/* What was sent before an exchange was answered before it. */
static void settle_removals(void)
{
	uint32_t value;

	CU_ASSERT_EQUAL(pluton_memop(pluton, PLUTON_MEMOP_WINDOWS, 0, &value), 0);
}

static void test_a_window_that_the_daemon_keeps_is_counted_and_removed_later(void)
{
	struct pluton_range range;
	void *memory[FAKE_WINDOWS_MAX];

	begin_serving();
	for (unsigned i = 0; i < FAKE_WINDOWS_MAX; i++)
		memory[i] = pluton_alloc(pluton, FAKE_WINDOW_SIZE_MAX);
	CU_ASSERT_EQUAL(pluton_range_of(pluton, memory[3], 10, &range), 0);
	CU_ASSERT_EQUAL(pluton_allow_ro(pluton, FAKE_DRIVER, 0, &range, NULL), 0);
	for (unsigned i = 3; i > 0; i--) /* of equal windows the newest goes first */
		pluton_free(pluton, memory[i]);
	settle_removals();
	CU_ASSERT_EQUAL(fake.windows_kept, 1);
	CU_ASSERT_EQUAL(fake.windows_live, FAKE_WINDOWS_MAX);
	CU_ASSERT_EQUAL(pluton->memory.window_count, FAKE_WINDOWS_MAX);

	range = (struct pluton_range){0};
	CU_ASSERT_EQUAL(pluton_allow_ro(pluton, FAKE_DRIVER, 0, &range, NULL), 0);
	pluton_free(pluton, memory[0]);
	settle_removals();
	CU_ASSERT_EQUAL(fake.windows_kept, 1);
	CU_ASSERT_EQUAL(fake.windows_live, 2);
	CU_ASSERT_EQUAL(pluton->memory.window_count, 2);
	end();
}

static void test_the_same_large_request_again_makes_no_new_window(void)
{
	unsigned added;

	begin_serving();
	check_invert(6 * MIB + 1, FAKE_WINDOW << 4 | FAKE_WINDOW);
	added = fake.windows_added;
	for (int i = 0; i < 3; i++)
		check_invert(6 * MIB + 1, FAKE_WINDOW << 4 | FAKE_WINDOW);
	end();
	CU_ASSERT_EQUAL(fake.windows_added, added);
}

static void test_a_slot_of_exactly_one_window_fits_and_one_byte_more_does_not(void)
{
	uint8_t *in = bytes_of(FAKE_WINDOW_SIZE_MAX + 1, 1);
	uint8_t *out = bytes_of(FAKE_WINDOW_SIZE_MAX + 1, 2);
	struct pluton_request request = invert(in, out, FAKE_WINDOW_SIZE_MAX + 1);

	begin_serving();
	CU_ASSERT_EQUAL(pluton_perform(pluton, &request, NULL), -PLUTON_ESIZE);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "8388608"));
	end();
	begin_serving();
	check_invert(FAKE_WINDOW_SIZE_MAX, FAKE_WINDOW << 4 | FAKE_WINDOW);
	end();
	free(in);
	free(out);
}

static void test_without_windows_small_requests_still_work(void)
{
	uint8_t in[2000] = {0}, out[2000];
	struct pluton_request request = invert(in, out, sizeof(in));

	fake_daemon_init(&fake);
	fake.window_refusal = PLUTON_ENOMEM;
	fake_daemon_serve(&fake);
	CU_ASSERT_EQUAL_FATAL(connection_open(fake.client_fd, &pluton, NULL, 0), 0);
	CU_ASSERT_EQUAL(pluton_perform(pluton, &request, NULL), -PLUTON_ENOMEM);
	CU_ASSERT_STRING_EQUAL(pluton_error_message(pluton), "the fake daemon?does not want to");
	CU_ASSERT_PTR_NULL(pluton_alloc(pluton, 1));
	CU_ASSERT_EQUAL(pluton_alloc_error(pluton), -PLUTON_ENOMEM);
	check_invert(100, FAKE_INLINE << 4 | FAKE_INLINE);
	end();
}

static void test_when_all_windows_are_taken_the_next_is_refused_here(void)
{
	void *held[FAKE_WINDOWS_MAX];

	begin_serving();
	for (unsigned i = 0; i < FAKE_WINDOWS_MAX; i++) {
		held[i] = pluton_alloc(pluton, FAKE_WINDOW_SIZE_MAX);
		CU_ASSERT_PTR_NOT_NULL(held[i]);
	}
	CU_ASSERT_PTR_NULL(pluton_alloc(pluton, 1));
	CU_ASSERT_EQUAL(pluton_alloc_error(pluton), -PLUTON_ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "all 4 windows"));
	pluton_free(pluton, held[2]);
	CU_ASSERT_PTR_NOT_NULL(pluton_alloc(pluton, 1));
	end();
}

/* --- shared memory --------------------------------------------------------------------------- */

static void test_allocated_memory_is_aligned_zero_and_apart(void)
{
	uint8_t *memory[20];

	begin_serving();
	for (size_t i = 0; i < 20; i++) {
		memory[i] = pluton_alloc(pluton, i * 100 + 1);
		CU_ASSERT_PTR_NOT_NULL_FATAL(memory[i]);
		CU_ASSERT_EQUAL((uintptr_t)memory[i] % 64, 0);
		for (size_t j = 0; j < i * 100 + 1; j++)
			CU_ASSERT_EQUAL(memory[i][j], 0);
		memset(memory[i], (int)i + 1, i * 100 + 1);
	}
	for (size_t i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(memory[i][0], i + 1);
		CU_ASSERT_EQUAL(memory[i][i * 100], i + 1);
	}
	end();
}

static void test_freed_memory_is_zero_when_it_comes_again(void)
{
	uint8_t *memory[3];

	begin_serving();
	for (size_t i = 0; i < 3; i++) {
		memory[i] = pluton_alloc(pluton, 1000);
		memset(memory[i], 0xff, 1000);
	}
	pluton_free(pluton, memory[1]);
	pluton_free(pluton, memory[0]);
	pluton_free(pluton, memory[2]);
	uint8_t *again = pluton_alloc(pluton, 3000);

	CU_ASSERT_PTR_EQUAL(again, memory[0]);
	for (size_t i = 0; i < 3000; i++)
		CU_ASSERT_EQUAL(again[i], 0);
	pluton_free(pluton, NULL);
	end();
}

static void test_ranges_are_known_inside_one_allocation_only(void)
{
	struct pluton_range range = {.length = 1234}, inner;
	uint8_t ours[10];

	begin_serving();
	uint8_t *memory = pluton_alloc(pluton, 128);

	CU_ASSERT_EQUAL(pluton_range_of(pluton, ours, 10, &range), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_range_of(pluton, memory + 128, 1, &range), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_range_of(pluton, memory, 129, &range), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_range_of(pluton, memory + 1, SIZE_MAX, &range), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(range.length, 1234);
	CU_ASSERT_EQUAL(pluton_range_of(pluton, memory, 128, &range), 0);
	CU_ASSERT_EQUAL(pluton_range_of(pluton, memory + 100, 28, &inner), 0);
	CU_ASSERT_EQUAL(inner.window, range.window);
	CU_ASSERT_EQUAL(inner.offset, range.offset + 100);
	pluton_free(pluton, memory);
	CU_ASSERT_EQUAL(pluton_range_of(pluton, memory, 1, &range), -PLUTON_EINVAL);
	end();
}

static void test_nothing_and_too_much_cannot_be_allocated(void)
{
	begin_serving();
	CU_ASSERT_PTR_NULL(pluton_alloc(pluton, 0));
	CU_ASSERT_PTR_NULL(pluton_alloc(pluton, FAKE_WINDOW_SIZE_MAX + 1));
	CU_ASSERT_PTR_NULL(pluton_alloc(pluton, SIZE_MAX));
	CU_ASSERT_EQUAL(pluton_alloc_error(pluton), -PLUTON_ESIZE);
	end();
}

/* --- requests that are wrong ----------------------------------------------------------------- */

static void test_a_slot_is_read_or_written_and_lies_somewhere(void)
{
	uint8_t byte = 0;
	struct pluton_request both = {.slots[2] = {.in = &byte, .out = &byte, .length = 1}};
	struct pluton_request nowhere = {.slots[2] = {.length = 1}};

	begin_serving();
	CU_ASSERT_EQUAL(pluton_perform(pluton, &both, NULL), -PLUTON_EINVAL);
	CU_ASSERT_STRING_EQUAL(pluton_error_message(pluton), "slot 2 is both read and written");
	CU_ASSERT_EQUAL(pluton_perform(pluton, &nowhere, NULL), -PLUTON_EINVAL);
	end();
	CU_ASSERT_EQUAL(fake.operations, 0);
}

static void test_a_refusal_comes_with_the_daemons_sentence_made_printable(void)
{
	struct pluton_request request = plain(FAKE_REFUSE, PLUTON_ENOSUPPORT);

	begin_serving();
	CU_ASSERT_EQUAL(pluton_perform(pluton, &request, NULL), -PLUTON_ENOSUPPORT);
	CU_ASSERT_STRING_EQUAL(pluton_error_message(pluton), "the fake daemon?does not want to");
	end();
}

static void test_a_failure_gives_every_error_and_leaves_outputs_alone(void)
{
	uint8_t out[16];

	begin_serving();
	for (int error = 1; error < PLUTON_EBADRVAL; error++) {
		struct pluton_request request = plain(FAKE_ERROR, (uint32_t)error);

		memset(out, 0x55, sizeof(out));
		request.slots[1] = (struct pluton_slot){.out = out, .length = sizeof(out)};
		CU_ASSERT_EQUAL(pluton_perform(pluton, &request, NULL), -error);
		CU_ASSERT_EQUAL(out[0], 0x55);
		CU_ASSERT_EQUAL(out[15], 0x55);
	}
	CU_ASSERT_STRING_EQUAL(pluton_error_message(pluton), "an unknown error");
	end();
}

/* --- asynchronous ---------------------------------------------------------------------------- */

static int done_count;
static int done_status;

static void note_done(struct pluton *of, int status, void *userdata)
{
	CU_ASSERT_PTR_EQUAL(of, pluton);
	CU_ASSERT_PTR_EQUAL(userdata, &done_count);
	done_count++;
	done_status = status;
}

static void note_answer(struct pluton *of, int status, const uint32_t words[3], void *userdata)
{
	(void)words;
	note_done(of, status, userdata);
}

static void wait_done(int count)
{
	while (done_count < count) {
		struct pollfd fd = {.fd = pluton_get_fd(pluton),
				    .events = pluton_get_events(pluton)};

		CU_ASSERT_EQUAL_FATAL(poll(&fd, 1, 10000), 1);
		CU_ASSERT_FATAL(pluton_dispatch(pluton) >= 0);
	}
}

static pluton_operation_id submit(const struct pluton_request *request)
{
	pluton_operation_id id = 0;

	CU_ASSERT_EQUAL(pluton_submit(pluton, request, note_answer, &done_count, &id), 0);
	CU_ASSERT_NOT_EQUAL(id, 0);
	return id;
}

static void test_callbacks_run_from_dispatch_and_only_from_there(void)
{
	uint8_t out[8] = {0};

	done_count = 0;
	begin_serving();
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 0);
	CU_ASSERT_EQUAL(pluton_random_async(pluton, out, 8, note_done, &done_count, NULL), 0);
	CU_ASSERT_EQUAL(done_count, 0);
	wait_done(1);
	CU_ASSERT_EQUAL(done_status, 0);
	CU_ASSERT_EQUAL(out[7], 0xa5);
	end();
}

static void test_one_more_than_operations_max_is_busy(void)
{
	struct pluton_request hold = plain(FAKE_HOLD, 0);
	pluton_operation_id ids[FAKE_OPERATIONS_MAX];

	done_count = 0;
	begin_serving();
	for (unsigned i = 0; i < FAKE_OPERATIONS_MAX; i++)
		ids[i] = submit(&hold);
	CU_ASSERT_EQUAL(pluton_submit(pluton, &hold, note_answer, NULL, NULL), -PLUTON_EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "4 operations"));
	CU_ASSERT_EQUAL(pluton_cancel(pluton, ids[1]), 0);
	wait_done(1);
	CU_ASSERT_EQUAL(done_status, -PLUTON_ECANCEL);
	(void)submit(&hold);
	end();
}

static void test_cancelling_twice_asks_once_and_afterwards_finds_nothing(void)
{
	struct pluton_request hold = plain(FAKE_HOLD, 0);

	done_count = 0;
	begin_serving();
	pluton_operation_id id = submit(&hold);

	CU_ASSERT_EQUAL(pluton_cancel(pluton, id), 0);
	CU_ASSERT_EQUAL(pluton_cancel(pluton, id), 0);
	wait_done(1);
	CU_ASSERT_EQUAL(pluton_cancel(pluton, id), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_cancel(pluton, 0), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_cancel(pluton, 0xffffffff), -PLUTON_EINVAL);
	check_invert(1, FAKE_INLINE << 4 | FAKE_INLINE);
	end();
}

static void test_cancelling_what_is_already_answered_changes_nothing(void)
{
	struct pluton_request ask = plain(FAKE_ERROR, 0);
	struct pluton_return answer;

	done_count = 0;
	begin_serving();
	pluton_operation_id id = submit(&ask);

	/* a raw call takes in what came before its return, and runs nothing */
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 0, 0, 0, &answer), 0);
	CU_ASSERT_EQUAL(done_count, 0);
	CU_ASSERT_EQUAL(pluton_get_events(pluton), POLLIN | POLLOUT);
	CU_ASSERT_EQUAL(pluton_cancel(pluton, id), 0);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 1);
	CU_ASSERT_EQUAL(done_status, 0);
	CU_ASSERT_EQUAL(pluton_get_events(pluton), POLLIN);
	end();
}

static void submit_again(struct pluton *of, int status, const uint32_t words[3], void *userdata)
{
	struct pluton_request ask = plain(FAKE_ERROR, 0);

	note_answer(of, status, words, userdata);
	if (done_count < 100)
		CU_ASSERT_EQUAL(pluton_submit(of, &ask, submit_again, userdata, NULL), 0);
}

static void test_a_callback_may_start_the_next(void)
{
	struct pluton_request ask = plain(FAKE_ERROR, 0);

	done_count = 0;
	begin_serving();
	for (unsigned i = 0; i < FAKE_OPERATIONS_MAX; i++)
		CU_ASSERT_EQUAL(pluton_submit(pluton, &ask, submit_again, &done_count, NULL), 0);
	wait_done(100);
	end();
	CU_ASSERT(fake.operations >= 100);
}

static void perform_inside(struct pluton *of, int status, const uint32_t words[3], void *userdata)
{
	check_invert(2000, FAKE_WINDOW << 4 | FAKE_WINDOW);
	note_answer(of, status, words, userdata);
}

static void test_a_callback_may_wait_for_another_request(void)
{
	struct pluton_request ask = plain(FAKE_ERROR, 0);

	done_count = 0;
	begin_serving();
	CU_ASSERT_EQUAL(pluton_submit(pluton, &ask, perform_inside, &done_count, NULL), 0);
	wait_done(1);
	end();
}

static void test_other_callbacks_run_while_a_synchronous_call_waits(void)
{
	struct pluton_request ask = plain(FAKE_ERROR, 0);

	done_count = 0;
	begin_serving();
	(void)submit(&ask);
	check_invert(1, FAKE_INLINE << 4 | FAKE_INLINE);
	CU_ASSERT_EQUAL(done_count, 1);
	end();
}

static void test_closing_runs_no_callback(void)
{
	struct pluton_request ask = plain(FAKE_ERROR, 0), hold = plain(FAKE_HOLD, 0);
	struct pluton_return answer;
	uint8_t big[5000] = {0};

	done_count = 0;
	begin_serving();
	(void)submit(&ask);
	hold.slots[0] = (struct pluton_slot){.in = big, .length = sizeof(big)};
	(void)submit(&hold);
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 3, 0, 0, &answer), 0);
	end();
	CU_ASSERT_EQUAL(done_count, 0);
	pluton_close(NULL);
}

static void test_upcalls_that_say_more_run_the_function_and_keep_the_operation(void)
{
	struct pluton_request request = plain(FAKE_MORE, 3);

	done_count = 0;
	begin_serving();
	(void)submit(&request);
	check_invert(1, FAKE_INLINE << 4 | FAKE_INLINE);
	CU_ASSERT(done_count >= 2); /* those that were not fetched yet count as one */
	CU_ASSERT(done_count <= 4);
	end();
}

static void test_inputs_are_taken_before_submit_returns(void)
{
	uint8_t *in = bytes_of(3000, 1), *copy = bytes_of(3000, 1), *out = bytes_of(3000, 0);
	struct pluton_request request = invert(in, out, 3000);

	done_count = 0;
	begin_serving();
	(void)submit(&request);
	memset(in, 0, 3000);
	wait_done(1);
	CU_ASSERT(inverted(copy, out, 3000));
	end();
	free(in);
	free(copy);
	free(out);
}

/* --- a daemon that does not read ------------------------------------------------------------- */

static void test_records_wait_until_a_full_socket_has_room(void)
{
	uint8_t in[900], out[4][100];
	int size = 1;

	done_count = 0;
	memset(in, 1, sizeof(in));
	begin_by_hand();
	CU_ASSERT_EQUAL(
		setsockopt(pluton_get_fd(pluton), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	for (size_t i = 0; i < 4; i++) {
		struct pluton_request request = plain(FAKE_ERROR, 0);

		request.slots[0] = (struct pluton_slot){.in = in, .length = sizeof(in)};
		request.slots[1] = (struct pluton_slot){.out = out[i], .length = 100};
		(void)submit(&request);
	}
	CU_ASSERT(pluton->outgoing_count > 0);
	CU_ASSERT_EQUAL(pluton_get_events(pluton), POLLIN | POLLOUT);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 0);
	CU_ASSERT_EQUAL(recv(fake.fd, in, sizeof(in), 0), 24); /* HELLO, answered already */
	fake_daemon_serve(&fake);
	wait_done(4);
	CU_ASSERT_EQUAL(done_status, 0);
	CU_ASSERT_EQUAL(pluton->outgoing_count, 0);
	end();
	CU_ASSERT_EQUAL(fake.operations, 4);
}

static void test_a_window_waits_for_room_in_a_full_socket_too(void)
{
	uint8_t filler[1000] = {0};
	int size = 1;

	done_count = 0;
	fake_daemon_init(&fake);
	fake_daemon_serve(&fake);
	CU_ASSERT_EQUAL(setsockopt(fake.client_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	CU_ASSERT_EQUAL_FATAL(connection_open(fake.client_fd, &pluton, NULL, 0), 0);
	for (unsigned i = 0; i < 50; i++) {
		struct pluton_request request = plain(FAKE_ERROR, 0);

		request.slots[0] = (struct pluton_slot){.in = filler, .length = sizeof(filler)};
		if (i % 4 < 3)
			(void)submit(&request);
		if (i % 4 == 3)
			check_invert(1500, FAKE_WINDOW << 4 | FAKE_WINDOW);
		if (i == 25)
			CU_ASSERT_PTR_NOT_NULL(pluton_alloc(pluton, 7 * MIB));
		(void)pluton_dispatch(pluton);
		wait_done((int)(i - i / 4) - 2);
	}
	end();
}

static void test_what_waits_for_room_is_bounded(void)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = 1}};
	unsigned kept = 0;
	int r;

	begin_by_hand();
	do {
		r = connection_send(pluton, &cancel);
		kept += r == 0;
	} while (r == 0 && kept < 100000);
	CU_ASSERT_EQUAL(r, -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(pluton->outgoing_count, OUTGOING_MAX);
	CU_ASSERT_EQUAL(pluton->error, 0);
	end();
}

/* --- a hostile daemon ------------------------------------------------------------------------ */

/* With one operation under way that has 8 bytes of output: sends it, and says how it ended. */
static int answer_with(const struct record *record)
{
	uint8_t out[8];
	struct pluton_request request = plain(FAKE_HOLD, 0);
	int r;

	done_count = 0;
	done_status = 0;
	request.slots[1] = (struct pluton_slot){.out = out, .length = sizeof(out)};
	begin_by_hand();
	CU_ASSERT_EQUAL(submit(&request), FIRST_ID);
	memset(out, 0x55, sizeof(out));
	if (record)
		fake_send(&fake, record);
	else
		shutdown(fake.fd, SHUT_RDWR);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 1);
	CU_ASSERT_EQUAL(done_count, 1);
	CU_ASSERT_EQUAL(out[0], 0x55);
	r = done_status;
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), r);
	CU_ASSERT_EQUAL(pluton_submit(pluton, &request, note_answer, NULL, NULL), r);
	CU_ASSERT(strlen(pluton_error_message(pluton)) > 0);
	end();
	return r;
}

static void test_a_daemon_that_closes_ends_what_is_under_way_with_off(void)
{
	CU_ASSERT_EQUAL(answer_with(NULL), -PLUTON_EOFF);
}

static void test_wrong_answers_close_the_connection(void)
{
	static const uint8_t output[RECORD_TEXT_MAX + 1];
	static const struct record wrong[] = {
		/* to nobody */
		{.header = {.type = RECORD_UPCALL, .op_id = FIRST_ID + 1},
		 .upcall = {.output_length = 8, .output = output}},
		{.header = {.type = RECORD_UPCALL, .op_id = 1},
		 .upcall = {.output_length = 8, .output = output}},
		{.header = {.type = RECORD_UPCALL, .op_id = 0xffffffff},
		 .upcall = {.output_length = 8, .output = output}},
		{.header = {.type = RECORD_RETURN, .op_id = FIRST_ID + 1024},
		 .ret = {.words = {1}}},
		{.header = {.type = RECORD_RETURN}, .ret = {.words = {1}}},
		{.header = {.type = RECORD_RETURN, .op_id = MEMORY_REMOVAL_ID},
		 .ret = {.variant = VARIANT_SUCCESS}},
		/* with the wrong number, output or error */
		{.header = {.type = RECORD_UPCALL, .op_id = FIRST_ID},
		 .upcall = {.number = 1, .output_length = 8, .output = output}},
		{.header = {.type = RECORD_UPCALL, .op_id = FIRST_ID},
		 .upcall = {.output_length = 9, .output = output}},
		{.header = {.type = RECORD_UPCALL, .op_id = FIRST_ID},
		 .upcall = {.output_length = 7, .output = output}},
		{.header = {.type = RECORD_UPCALL, .op_id = FIRST_ID}},
		{.header = {.type = RECORD_UPCALL, .op_id = FIRST_ID},
		 .upcall = {.words = {6}, .output_length = sizeof(output), .output = output}},
		{.header = {.type = RECORD_UPCALL, .op_id = FIRST_ID},
		 .upcall = {.words = {PLUTON_EBADRVAL}}},
		{.header = {.type = RECORD_UPCALL, .op_id = FIRST_ID},
		 .upcall = {.words = {0x80000000}}},
		/* returns that are none */
		{.header = {.type = RECORD_RETURN, .op_id = FIRST_ID}, .ret = {.words = {0}}},
		{.header = {.type = RECORD_RETURN, .op_id = FIRST_ID},
		 .ret = {.words = {PLUTON_EBADRVAL}}},
		{.header = {.type = RECORD_RETURN, .op_id = FIRST_ID},
		 .ret = {.variant = VARIANT_SUCCESS}},
		/* what only processes send */
		{.header = {.type = RECORD_HELLO}},
		{.header = {.type = RECORD_CANCEL, .op_id = FIRST_ID}},
		{.header = {.type = RECORD_OPERATION, .op_id = FIRST_ID}},
		{.header = {.type = RECORD_WINDOW_ADD}},
		/* a second greeting */
		{.header = {.type = RECORD_WELCOME}, .welcome = {.version = 1}},
		/* an upcall of a standing operation with bytes */
		{.header = {.type = RECORD_UPCALL},
		 .upcall = {.output_length = 8, .output = output}},
	};

	for (size_t i = 0; i < TESTS_COUNT(wrong); i++)
		CU_ASSERT_EQUAL(answer_with(&wrong[i]), -PLUTON_EBADRVAL);
}

/* The rings that a daemon gives, and the daemon's own mapping of them. */
static void *open_rings(void)
{
	int fd = memfd_create("rings", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *memory;

	CU_ASSERT_EQUAL_FATAL(ftruncate(fd, RING_MEMORY_SIZE(RING_SIZE_MIN)), 0);
	CU_ASSERT_EQUAL_FATAL(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	memory = mmap(NULL, RING_MEMORY_SIZE(RING_SIZE_MIN), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		      0);
	CU_ASSERT_PTR_NOT_EQUAL_FATAL(memory, MAP_FAILED);
	CU_ASSERT_EQUAL_FATAL(rings_take_over(pluton, RING_SIZE_MIN, fd, eventfd(0, EFD_CLOEXEC)),
			      0);
	return memory;
}

/* What the client sends next finds no room, and an index that makes no sense. */
static void break_requests(void *memory)
{
	struct ring requests;

	ring_open_requests(&requests, memory, RING_SIZE_MIN);
	atomic_store(requests.head, RING_ALIGNMENT / 2);
	pluton->rings.requests.mine = RING_SIZE_MIN;
}

static void answer_by_ring(void *memory, const struct record *record)
{
	uint8_t bytes[RECORD_SIZE_MAX];
	int size = record_encode(record, bytes, sizeof(bytes));
	struct ring answers;

	ring_open_answers(&answers, memory, RING_SIZE_MIN);
	CU_ASSERT_FATAL(size > 0);
	CU_ASSERT_EQUAL_FATAL(ring_put(&answers, bytes, (size_t)size), 1);
	ring_publish(&answers);
}

static void *alloc_by_hand(size_t size, uint32_t window)
{
	const struct record added = {
		.header = {.type = RECORD_RETURN},
		.ret = {.variant = VARIANT_SUCCESS_U32, .words = {window}},
	};
	void *memory;

	fake_send(&fake, &added);
	memory = pluton_alloc(pluton, size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
	return memory;
}

struct told {
	unsigned count;
	int status;
};

static void note_outcome(struct pluton *of, int status, const uint32_t words[3], void *userdata)
{
	struct told *told = userdata;

	(void)of;
	(void)words;
	told->count++;
	told->status = status;
}

/*
 * The answer leaves more unused than is kept, a window is to go, and telling the daemon so finds
 * out: by then the answered one's blocks are given back, of which the second is part of another.
 */
static void test_a_ring_found_broken_by_an_answer_tells_every_operation_once(void)
{
	const struct record answer = {.header = {.type = RECORD_UPCALL, .op_id = FIRST_ID}};
	uint8_t *in = bytes_of(FAKE_WINDOW_SIZE_MAX, 1), *out = bytes_of(FAKE_WINDOW_SIZE_MAX, 2);
	struct pluton_request request = invert(in, out, FAKE_WINDOW_SIZE_MAX);
	struct pluton_request hold = plain(FAKE_HOLD, 0);
	struct told answered = {0}, held = {0};
	void *first, *second, *before, *rings;

	request.slots[1].length -= 64;
	begin_by_hand();
	first = alloc_by_hand(FAKE_WINDOW_SIZE_MAX, 1);
	second = alloc_by_hand(FAKE_WINDOW_SIZE_MAX, 2);
	pluton_free(pluton, first);
	before = pluton_alloc(pluton, 64);
	CU_ASSERT_PTR_EQUAL(before, first);
	pluton_free(pluton, second);
	CU_ASSERT_EQUAL(pluton_submit(pluton, &request, note_outcome, &answered, NULL), 0);
	CU_ASSERT_EQUAL(pluton_submit(pluton, &hold, note_outcome, &held, NULL), 0);
	pluton_free(pluton, before);
	pluton_free(pluton, alloc_by_hand(FAKE_WINDOW_SIZE_MAX, 3));

	rings = open_rings();
	break_requests(rings);
	answer_by_ring(rings, &answer);
	(void)pluton_dispatch(pluton);
	CU_ASSERT_EQUAL(answered.count, 1);
	CU_ASSERT_EQUAL(answered.status, 0);
	CU_ASSERT_EQUAL(held.count, 1);
	CU_ASSERT_EQUAL(held.status, -PLUTON_EBADRVAL);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), -PLUTON_EBADRVAL);
	CU_ASSERT_STRING_EQUAL(pluton_error_message(pluton), "the daemon broke the ring");
	munmap(rings, RING_MEMORY_SIZE(RING_SIZE_MIN));
	end();
	free(in);
	free(out);
}

/* A failure with a sentence of this length. */
static void check_sentence(uint16_t length)
{
	uint8_t text[RECORD_TEXT_MAX];
	const struct record answer = {
		.header = {.type = RECORD_UPCALL, .op_id = FIRST_ID},
		.upcall = {.words = {PLUTON_EFAIL}, .output_length = length, .output = text}};
	struct pluton_request request = plain(FAKE_HOLD, 0);

	memset(text, 'x', sizeof(text));
	text[1] = '\n';
	begin_by_hand();
	(void)submit(&request);
	fake_send(&fake, &answer);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 1);
	CU_ASSERT_EQUAL(done_status, -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(strlen(pluton_error_message(pluton)), length);
	CU_ASSERT_EQUAL(memcmp(pluton_error_message(pluton), "x?xx", 4), 0);
	end();
}

static void test_a_failure_comes_with_the_daemons_sentence_made_printable(void)
{
	check_sentence(4);
	check_sentence(RECORD_TEXT_MAX);
}

static void note_told(struct pluton *of, const struct answer *answer, void *userdata)
{
	note_done(of, answer->status, userdata);
}

/* Two outputs of 8 bytes; the answer has `length` of them all. */
static void check_short_output(uint16_t length)
{
	const struct completion completion = {
		.told = note_told, .userdata = &done_count, .short_output = true};
	static const uint8_t output[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
	const struct record answer = {.header = {.type = RECORD_UPCALL, .op_id = FIRST_ID},
				      .upcall = {.output_length = length, .output = output}};
	struct pluton_request request = plain(FAKE_HOLD, 0);
	uint8_t out[16];

	memset(out, 0x55, sizeof(out));
	request.slots[0] = (struct pluton_slot){.out = out, .length = 8};
	request.slots[1] = (struct pluton_slot){.out = out + 8, .length = 8};
	begin_by_hand();
	CU_ASSERT_EQUAL(operation_submit(pluton, &request, &completion, NULL), 0);
	fake_send(&fake, &answer);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 1);
	CU_ASSERT_EQUAL(done_status, 0);
	for (unsigned i = 0; i < sizeof(out); i++)
		CU_ASSERT_EQUAL(out[i], i < length ? i + 1 : 0x55);
	end();
}

static void test_what_a_short_answer_leaves_out_of_the_output_is_not_written(void)
{
	for (uint16_t length = 0; length <= 16; length++)
		check_short_output(length);
}

/* An answer to somebody who was not promised a short one, and would read what nobody wrote. */
static int random_with_output_of(uint16_t length, uint8_t *bytes, size_t size)
{
	static const uint8_t output[32];
	const struct record answer = {.header = {.type = RECORD_UPCALL, .op_id = FIRST_ID},
				      .upcall = {.output_length = length, .output = output}};
	int r;

	begin_by_hand();
	fake_send(&fake, &answer);
	r = pluton_random(pluton, bytes, size);
	end();
	return r;
}

static void test_an_output_of_another_length_than_asked_for_closes_the_connection(void)
{
	uint8_t bytes[32];

	CU_ASSERT_EQUAL(random_with_output_of(32, bytes, 32), 0);
	for (uint16_t length = 0; length < 32; length++)
		CU_ASSERT_EQUAL(random_with_output_of(length, bytes, 32), -PLUTON_EBADRVAL);
	CU_ASSERT_EQUAL(random_with_output_of(32, bytes, 31), -PLUTON_EBADRVAL);
}

/* As a row would come that is decoded from the stack. */
static void test_a_row_that_did_not_come_is_no_row(void)
{
	static const struct record nothing = {.header = {.type = RECORD_UPCALL, .op_id = FIRST_ID}};
	struct pluton_status status;

	begin_by_hand();
	fake_send(&fake, &nothing);
	CU_ASSERT_EQUAL(pluton_get_status(pluton, &status), -PLUTON_EBADRVAL);
	end();
}

static void test_bytes_that_are_no_record_close_the_connection(void)
{
	static const uint8_t junk[RECORD_SIZE_MAX + 100] = {130, 0, 0, 0, 48};
	static const size_t sizes[] = {1, 15, 16, 47, 49, RECORD_SIZE_MAX, sizeof(junk)};
	struct pluton_return answer;

	for (size_t i = 0; i < TESTS_COUNT(sizes); i++) {
		begin_by_hand();
		fake_send_bytes(&fake, junk, sizes[i]);
		CU_ASSERT_EQUAL(pluton_dispatch(pluton), -PLUTON_EBADRVAL);
		CU_ASSERT_EQUAL(pluton_command(pluton, 1, 0, 0, 0, &answer), -PLUTON_EBADRVAL);
		CU_ASSERT_PTR_NULL(pluton_alloc(pluton, 10));
		end();
	}
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

static void test_a_descriptor_from_the_daemon_is_not_taken(void)
{
	const struct record upcall = {.header = {.type = RECORD_UPCALL}};

	begin_by_hand();
	unsigned before = open_descriptors();

	fake_send_fd(&fake, &upcall, STDERR_FILENO);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), -PLUTON_EBADRVAL);
	CU_ASSERT_EQUAL(open_descriptors(), before);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "descriptor"));
	end();
}

static void test_a_flood_of_upcalls_is_cut_off(void)
{
	const struct record upcall = {.header = {.type = RECORD_UPCALL, .driver = 1}};
	bool ran = true;

	begin_by_hand();
	for (unsigned i = 0; i < 50; i++)
		fake_send(&fake, &upcall);
	CU_ASSERT_EQUAL(pluton_yield_no_wait(pluton, &ran), 0);
	CU_ASSERT_FALSE(ran); /* nobody subscribed: they are dropped */
	for (unsigned i = 0; i <= UPCALLS_MAX; i++) {
		fake_send(&fake, &upcall);
		(void)connection_turn(pluton);
	}
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), -PLUTON_EBADRVAL);
	end();
}

static void test_a_daemon_that_closes_while_a_window_is_made_is_off(void)
{
	uint8_t in[2000] = {0}, out[2000];
	struct pluton_request request = invert(in, out, sizeof(in));

	begin_by_hand();
	shutdown(fake.fd, SHUT_RDWR);
	CU_ASSERT_EQUAL(pluton_perform(pluton, &request, NULL), -PLUTON_EOFF);
	end();
}

static void test_wrong_returns_close_the_connection(void)
{
	static const struct record wrong[] = {
		{.header = {.type = RECORD_RETURN, .driver = FAKE_DRIVER},
		 .ret = {.variant = VARIANT_FAILURE, .words = {0}}},
		{.header = {.type = RECORD_RETURN, .driver = FAKE_DRIVER},
		 .ret = {.variant = VARIANT_FAILURE, .words = {PLUTON_EBADRVAL}}},
		{.header = {.type = RECORD_RETURN, .driver = FAKE_DRIVER}, .ret = {.variant = 3}},
		{.header = {.type = RECORD_RETURN, .driver = FAKE_DRIVER}, .ret = {.variant = 131}},
		{.header = {.type = RECORD_RETURN, .driver = FAKE_DRIVER},
		 .ret = {.variant = 0xffffffff}},
		{.header = {.type = RECORD_RETURN, .driver = FAKE_DRIVER + 1},
		 .ret = {.variant = VARIANT_SUCCESS}},
	};

	for (size_t i = 0; i < TESTS_COUNT(wrong); i++) {
		struct pluton_return answer;
		int r;

		begin_by_hand();
		fake_send(&fake, &wrong[i]);
		r = pluton_command(pluton, FAKE_DRIVER, 1, 0, 0, &answer);
		CU_ASSERT_EQUAL(r, -PLUTON_EBADRVAL);
		CU_ASSERT_EQUAL(pluton_dispatch(pluton), -PLUTON_EBADRVAL);
		end();
	}
}

static void test_a_window_number_that_is_none_closes_the_connection(void)
{
	static const struct record wrong[] = {
		{.header = {.type = RECORD_RETURN},
		 .ret = {.variant = VARIANT_SUCCESS_U32, .words = {0}}},
		{.header = {.type = RECORD_RETURN}, .ret = {.variant = VARIANT_SUCCESS}},
	};

	for (size_t i = 0; i < TESTS_COUNT(wrong); i++) {
		begin_by_hand();
		fake_send(&fake, &wrong[i]);
		CU_ASSERT_PTR_NULL(pluton_alloc(pluton, 100));
		CU_ASSERT_EQUAL(pluton_alloc_error(pluton), -PLUTON_EBADRVAL);
		CU_ASSERT_EQUAL(pluton_dispatch(pluton), -PLUTON_EBADRVAL);
		end();
	}
}

/* --- raw calls and yields -------------------------------------------------------------------- */

static uint32_t upcall_words[300];
static unsigned upcall_count;

static void note_upcall(struct pluton *of, const uint32_t words[3], void *userdata)
{
	(void)of;
	CU_ASSERT_PTR_EQUAL(userdata, upcall_words);
	upcall_words[upcall_count++] = words[1];
}

static void test_a_raw_command_returns_its_words_and_runs_nothing(void)
{
	struct pluton_return answer;

	upcall_count = 0;
	begin_serving();
	CU_ASSERT_EQUAL(pluton_subscribe(pluton, FAKE_DRIVER, 0, note_upcall, upcall_words), 0);
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 2, 10, 20, &answer), 0);
	CU_ASSERT_EQUAL(answer.variant, VARIANT_SUCCESS_2U32);
	CU_ASSERT_EQUAL(answer.words[0], 10);
	CU_ASSERT_EQUAL(answer.words[1], 20);
	CU_ASSERT_EQUAL(upcall_count, 0);
	CU_ASSERT_EQUAL(pluton_command(pluton, 0x777, 0, 0, 0, &answer), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(answer.words[0], PLUTON_ENODEVICE);
	end();
}

static void test_yield_no_wait_runs_at_most_one(void)
{
	struct pluton_return answer;
	bool ran = true;

	upcall_count = 0;
	begin_serving();
	CU_ASSERT_EQUAL(pluton_yield_no_wait(pluton, &ran), 0);
	CU_ASSERT_FALSE(ran);
	CU_ASSERT_EQUAL(pluton_subscribe(pluton, FAKE_DRIVER, 0, note_upcall, upcall_words), 0);
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 2, 0, 0, &answer), 0);
	CU_ASSERT_EQUAL(pluton_yield_no_wait(pluton, &ran), 0);
	CU_ASSERT_TRUE(ran);
	CU_ASSERT_EQUAL(upcall_count, 1);
	end();
}

static void test_yield_wait_returns_after_exactly_one_in_order(void)
{
	struct pluton_return answer;

	upcall_count = 0;
	begin_serving();
	CU_ASSERT_EQUAL(pluton_subscribe(pluton, FAKE_DRIVER, 0, note_upcall, upcall_words), 0);
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 3, 0, 0, &answer), 0);
	for (unsigned i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
		CU_ASSERT_EQUAL(upcall_count, i + 1);
		CU_ASSERT_EQUAL(upcall_words[i], i);
	}
	end();
}

static void test_yield_wait_for_returns_the_words_and_leaves_the_rest_in_order(void)
{
	struct pluton_request ask = plain(FAKE_ERROR, 0);
	struct pluton_return answer;
	uint32_t words[3];

	upcall_count = 0;
	done_count = 0;
	begin_serving();
	(void)submit(&ask);
	/* nobody subscribed: only wait_for sees these */
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 2, 0, 0, &answer), 0);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(pluton_yield_wait_for(pluton, FAKE_DRIVER, 0, words), 0);
		CU_ASSERT_EQUAL(words[1], i);
	}
	CU_ASSERT_EQUAL(done_count, 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(done_count, 1);
	end();
}

static void test_an_upcall_nobody_subscribed_to_does_not_end_a_wait(void)
{
	struct pluton_request ask = plain(FAKE_ERROR, 0);
	struct pluton_return answer;

	done_count = 0;
	begin_serving();
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 2, 0, 0, &answer), 0);
	(void)submit(&ask);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(done_count, 1);
	end();
}

static void refuse_upcall(struct pluton *of, const uint32_t words[3], void *userdata)
{
	(void)of;
	(void)words;
	(void)userdata;
	CU_FAIL("an upcall of an old subscription ran");
}

static void test_subscribing_cancels_what_is_pending(void)
{
	struct pluton_return answer;
	bool ran;

	upcall_count = 0;
	begin_serving();
	CU_ASSERT_EQUAL(pluton_subscribe(pluton, FAKE_DRIVER, 0, refuse_upcall, NULL), 0);
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 3, 0, 0, &answer), 0);
	/* the last one of them, and one more that the fake daemon sends too late, are on the way */
	CU_ASSERT_EQUAL(pluton_subscribe(pluton, FAKE_DRIVER, 0, note_upcall, upcall_words), 0);
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 1, 0, 0, &answer), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(upcall_count, 2);
	CU_ASSERT_EQUAL(pluton_subscribe(pluton, FAKE_DRIVER, 0, NULL, NULL), 0);
	CU_ASSERT_EQUAL(pluton_yield_no_wait(pluton, &ran), 0);
	CU_ASSERT_FALSE(ran);
	end();
}

static void test_an_upcall_of_another_subscription_is_dropped(void)
{
	struct record upcall = {.header = {.type = RECORD_UPCALL, .driver = FAKE_DRIVER},
				.upcall = {.subscription = 7}};
	bool ran;

	begin_by_hand();
	fake_send(&fake, &upcall);
	CU_ASSERT_EQUAL(pluton_yield_no_wait(pluton, &ran), 0);
	CU_ASSERT_FALSE(ran);
	CU_ASSERT_EQUAL(pluton->trd104.upcalls_due, 0);
	end();
}

static void test_raw_calls_are_busy_while_too_many_upcalls_wait(void)
{
	struct pluton_return answer;

	upcall_count = 0;
	begin_serving();
	CU_ASSERT_EQUAL(pluton_subscribe(pluton, FAKE_DRIVER, 0, note_upcall, upcall_words), 0);
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, UPCALLS_SOFT_MAX, 0, 0, &answer), 0);
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 1, 0, 0, &answer), -PLUTON_EBUSY);
	while (upcall_count < UPCALLS_SOFT_MAX + 1)
		CU_ASSERT_EQUAL_FATAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(pluton_command(pluton, FAKE_DRIVER, 1, 0, 0, &answer), 0);
	end();
}

static void test_allow_shares_a_range_and_returns_the_one_before(void)
{
	struct pluton_range first, old = {9, 9, 9};
	const struct pluton_range none = {0};

	begin_serving();
	CU_ASSERT_EQUAL(pluton_range_of(pluton, pluton_alloc(pluton, 100), 100, &first), 0);
	CU_ASSERT_EQUAL(pluton_allow_ro(pluton, FAKE_DRIVER, 0, &first, &old), 0);
	CU_ASSERT_EQUAL(old.length, 0);
	CU_ASSERT_EQUAL(pluton_allow_rw(pluton, FAKE_DRIVER, 0, &none, &old), 0);
	CU_ASSERT_EQUAL(old.window, first.window);
	CU_ASSERT_EQUAL(old.length, 100);
	CU_ASSERT_EQUAL(pluton_allow_rw(pluton, FAKE_DRIVER, 0, &none, NULL), 0);
	end();
}

static void test_memop_returns_its_value(void)
{
	uint32_t value;

	begin_serving();
	CU_ASSERT_EQUAL(pluton_memop(pluton, PLUTON_MEMOP_USED, 0, &value), 0);
	CU_ASSERT_EQUAL(value, PLUTON_MEMOP_USED);
	end();
}

static void test_exit_tells_the_daemon_and_ends_the_connection(void)
{
	uint8_t bytes[RECORD_SIZE_MAX];
	struct record record;
	ssize_t n;

	begin_by_hand();
	CU_ASSERT_EQUAL(pluton_exit(pluton, 42), 0);
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(recv(fake.fd, bytes, sizeof(bytes), 0), 24); /* HELLO */
	n = recv(fake.fd, bytes, sizeof(bytes), 0);
	CU_ASSERT_EQUAL_FATAL(record_decode(bytes, (size_t)n, &record), 0);
	CU_ASSERT_EQUAL(record.call.class, CLASS_EXIT);
	CU_ASSERT_EQUAL(record.call.args[0], 42);
	CU_ASSERT_EQUAL(recv(fake.fd, bytes, sizeof(bytes), 0), 0);
	end();
}

/* --- services -------------------------------------------------------------------------------- */

static void test_random_of_any_length_comes_in_pieces(void)
{
	uint8_t *bytes = bytes_of(3 * MIB + 10, 0);

	bytes[3 * MIB + 9] = 7;
	begin_serving();
	CU_ASSERT_EQUAL(pluton_random(pluton, bytes, 0), 0);
	CU_ASSERT_EQUAL(pluton_random(pluton, bytes, 3 * MIB + 9), 0);
	for (size_t i = 0; i < 3 * MIB + 9; i++)
		CU_ASSERT_EQUAL_FATAL(bytes[i], 0xa5);
	CU_ASSERT_EQUAL(bytes[3 * MIB + 9], 7);
	end();
	CU_ASSERT_EQUAL(fake.operations, 4);
	free(bytes);
}

static uint32_t digest_of(const uint8_t *bytes, size_t length)
{
	uint32_t value = 0;

	for (size_t i = 0; i < length; i++)
		value = value * 31 + bytes[i];
	return value;
}

static void check_digest(const uint8_t *bytes, size_t length, unsigned operations)
{
	uint8_t digest[32];
	uint32_t wanted = digest_of(bytes, length);
	const struct pluton_digest_request request = {
		.algorithm = PLUTON_SHA256,
		.input = bytes,
		.length = length,
		.digest = digest,
		.digest_size = sizeof(digest),
	};

	begin_serving();
	CU_ASSERT_EQUAL(pluton_digest(pluton, &request), 0);
	CU_ASSERT_EQUAL(memcmp(digest, &wanted, 4), 0);
	end();
	CU_ASSERT_EQUAL(fake.operations, operations);
}

static void test_a_long_message_is_hashed_in_pieces_and_a_short_one_at_once(void)
{
	uint8_t *bytes = bytes_of(2 * MIB + 5, 3);

	check_digest(bytes, 0, 1);
	check_digest(bytes, 17, 1);
	check_digest(bytes, MIB, 1);
	check_digest(bytes, MIB + 1, 4);
	check_digest(bytes, 2 * MIB + 5, 5);
	free(bytes);
}

static int try_begin(enum pluton_aes_mode mode, unsigned bits, size_t aad_length)
{
	uint8_t bytes[16] = {0};
	struct pluton_aes_stream stream;
	const struct pluton_aes_begin_request request = {.mode = mode,
							 .direction = PLUTON_AES_ENCRYPT,
							 .key = bytes,
							 .key_size = sizeof(bytes),
							 .iv = bytes,
							 .ctr_bits = bits,
							 .aad = bytes,
							 .aad_length = aad_length};

	return pluton_aes_begin(pluton, &request, &stream);
}

static void test_what_does_not_go_with_a_streams_mode_is_refused_here(void)
{
	begin_serving();
	CU_ASSERT_EQUAL(try_begin(PLUTON_AES_CTR, 0, 0), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(try_begin(PLUTON_AES_CTR, 64, 0), -PLUTON_EINVAL);
	CU_ASSERT_STRING_EQUAL(pluton_error_message(pluton), "a counter of 64 bits: 32 or 128");
	CU_ASSERT_EQUAL(try_begin(PLUTON_AES_CTR, 128, 1), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(try_begin(PLUTON_AES_GCM, 128, 0), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(try_begin(PLUTON_AES_CBC, 0, 1), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(try_begin(PLUTON_AES_ECB, 128, 0), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(try_begin(PLUTON_AES_CCM, 0, 0), -PLUTON_ENOSUPPORT);
	end();
	CU_ASSERT_EQUAL(fake.operations, 0);
}

static void test_a_long_message_in_shared_memory_is_hashed_at_once(void)
{
	uint8_t digest[32];
	struct pluton_digest_request request = {
		.algorithm = PLUTON_SHA256,
		.length = 3 * MIB,
		.digest = digest,
		.digest_size = sizeof(digest),
	};

	begin_serving();
	request.input = pluton_alloc(pluton, 3 * MIB);
	CU_ASSERT_EQUAL(pluton_digest(pluton, &request), 0);
	end();
	CU_ASSERT_EQUAL(fake.operations, 1);
}

static void test_digests_are_checked_before_anybody_is_asked(void)
{
	uint8_t digest[32];
	struct pluton_digest_request request = {
		.algorithm = PLUTON_SHA256, .digest = digest, .digest_size = 31};
	struct pluton_digest_stream stream;

	begin_serving();
	CU_ASSERT_EQUAL(pluton_digest(pluton, &request), -PLUTON_ESIZE);
	CU_ASSERT_STRING_EQUAL(pluton_error_message(pluton),
			       "room for 31 bytes, the digest has 32");
	request.algorithm = (enum pluton_digest_algorithm)99;
	CU_ASSERT_EQUAL(pluton_digest(pluton, &request), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(pluton_digest_begin(pluton, request.algorithm, &stream),
			-PLUTON_ENOSUPPORT);
	end();
	CU_ASSERT_EQUAL(fake.operations, 0);
}

static void test_digest_names_and_sizes_agree(void)
{
	CU_ASSERT_EQUAL(pluton_digest_by_name("sha256"), PLUTON_SHA256);
	CU_ASSERT_EQUAL(pluton_digest_by_name("sha3-512"), PLUTON_SHA3_512);
	CU_ASSERT_EQUAL(pluton_digest_by_name("SHA256"), 0);
	CU_ASSERT_EQUAL(pluton_digest_by_name(""), 0);
	CU_ASSERT_EQUAL(pluton_digest_size(PLUTON_SHA384), 48);
	CU_ASSERT_EQUAL(pluton_digest_size((enum pluton_digest_algorithm)0), 0);
}

static void test_a_digest_stream_hashes_across_updates(void)
{
	uint8_t digest[32], *bytes = bytes_of(MIB + 100, 3);
	uint32_t wanted = digest_of(bytes, MIB + 100);
	struct pluton_digest_stream stream;

	begin_serving();
	CU_ASSERT_EQUAL(pluton_digest_begin(pluton, PLUTON_SHA256, &stream), 0);
	CU_ASSERT_EQUAL(stream.id, 77);
	CU_ASSERT_EQUAL(pluton_digest_update(pluton, &stream, bytes, 10), 0);
	CU_ASSERT_EQUAL(pluton_digest_update(pluton, &stream, NULL, 0), 0);
	CU_ASSERT_EQUAL(pluton_digest_update(pluton, &stream, bytes + 10, MIB + 90), 0);
	CU_ASSERT_EQUAL(pluton_digest_finish(pluton, &stream, digest, 3), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_digest_finish(pluton, &stream, digest, 32), 0);
	CU_ASSERT_EQUAL(memcmp(digest, &wanted, 4), 0);
	end();
	free(bytes);
}

/* One counter block after another, as SP 800-38A has it, a byte at a time. */
static void ctr_reference(uint8_t *out, const uint8_t *in, size_t length, const uint8_t *start,
			  unsigned bits)
{
	uint8_t block[16];

	memcpy(block, start, 16);
	for (size_t i = 0; i < length; i++) {
		out[i] = in[i] ^ block[i % 16];
		if (i % 16 < 15)
			continue;
		for (unsigned j = 16; j > 16 - bits / 8 && ++block[j - 1] == 0;)
			j--;
	}
}

static void check_ctr(const uint8_t start[16], unsigned bits, size_t length)
{
	uint8_t *in = bytes_of(length, 1), *out = bytes_of(length, 2),
		*wanted = bytes_of(length, 3);
	const uint8_t key[16] = {0};
	const struct pluton_aes_ctr_request request = {.key = key,
						       .key_size = 16,
						       .ctr = start,
						       .ctr_bits = bits,
						       .input = in,
						       .output = out,
						       .length = length};

	begin_serving();
	CU_ASSERT_EQUAL(pluton_aes_ctr(pluton, &request), 0);
	ctr_reference(wanted, in, length, start, bits);
	CU_ASSERT_EQUAL(memcmp(out, wanted, length), 0);
	end();
	free(in);
	free(out);
	free(wanted);
}

static void test_ctr_in_pieces_counts_on_across_every_carry(void)
{
	/* each crosses a carry between the first and the second piece of 65536 blocks */
	static const uint8_t starts[][16] = {
		{0},
		{[14] = 0xff, [15] = 0xff},
		{[12] = 0x7f, 0xff, 0xff, 0xff},
		{[11] = 0x12, 0xff, 0xff, 0x00, 0x01},
		{[8] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe},
		{[0] = 0x12, [7] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80, 0x00},
	};

	for (size_t i = 0; i < TESTS_COUNT(starts); i++)
		check_ctr(starts[i], 128, 2 * MIB + 33);
	check_ctr(starts[0], 32, MIB + 1);
	check_ctr(starts[2], 32, 2 * MIB + 33);
	check_ctr(starts[0], 128, 0);
}

static int try_ctr(const uint8_t start[16], unsigned bits, size_t key_size, size_t length)
{
	static uint8_t in[100], out[100];
	const struct pluton_aes_ctr_request request = {.key = in,
						       .key_size = key_size,
						       .ctr = start,
						       .ctr_bits = bits,
						       .input = in,
						       .output = out,
						       .length = length};

	return pluton_aes_ctr(pluton, &request);
}

static void test_a_counter_that_would_start_over_is_refused(void)
{
	const uint8_t last32[16] = {[12] = 0xff, 0xff, 0xff, 0xff};
	uint8_t last128[16];

	memset(last128, 0xff, 16);
	begin_serving();
	CU_ASSERT_EQUAL(try_ctr(last32, 32, 16, 16), 0);
	CU_ASSERT_EQUAL(try_ctr(last32, 32, 16, 17), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(try_ctr(last32, 128, 16, 17), 0);
	CU_ASSERT_EQUAL(try_ctr(last128, 128, 16, 16), 0);
	CU_ASSERT_EQUAL(try_ctr(last128, 128, 16, 17), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(try_ctr(last128, 128, 16, 0), 0);
	CU_ASSERT_EQUAL(try_ctr(last32, 64, 16, 1), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(try_ctr(last32, 128, 17, 1), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(try_ctr(NULL, 128, 16, 1), -PLUTON_EINVAL);
	end();
}

static void test_gcm_seals_and_opens_and_says_when_a_tag_is_wrong(void)
{
	uint8_t *in = bytes_of(2 * MIB, 1), *out = bytes_of(2 * MIB, 2),
		*back = bytes_of(2 * MIB, 3);
	uint8_t key[32] = {0}, iv[12] = {0}, tag[16];
	struct pluton_aes_gcm_request request = {.key = key,
						 .key_size = 32,
						 .iv = iv,
						 .input = in,
						 .output = out,
						 .length = 2 * MIB,
						 .tag = tag};

	begin_serving();
	CU_ASSERT_EQUAL(pluton_aes_gcm_encrypt(pluton, &request), 0);
	CU_ASSERT(inverted(in, out, 2 * MIB));
	request.input = out;
	request.output = back;
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &request), 0);
	CU_ASSERT_EQUAL(memcmp(in, back, 2 * MIB), 0);
	memset(back, 0x55, 2 * MIB);
	tag[0] ^= 1;
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &request), -PLUTON_EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "tag does not match"));
	for (size_t i = 0; i < 2 * MIB; i++)
		CU_ASSERT_EQUAL_FATAL(back[i], 0x55);
	request.key_size = 33;
	CU_ASSERT_EQUAL(pluton_aes_gcm_encrypt(pluton, &request), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt_async(pluton, &request, note_done, NULL, NULL),
			-PLUTON_ESIZE);
	end();
	free(in);
	free(out);
	free(back);
}

/* Encrypts, and decrypts at the limit of the fake's scratch and beyond; says how. */
static unsigned sealed_for(size_t length, uint32_t scratch, bool shared)
{
	uint8_t key[32] = {0}, iv[12] = {0}, tag[16], *plain_text = bytes_of(length, 1);
	uint8_t *back = calloc(1, length), *in = malloc(length);
	struct pluton_aes_gcm_request request = {.key = key,
						 .key_size = 32,
						 .iv = iv,
						 .input = plain_text,
						 .output = in,
						 .length = length,
						 .tag = tag};
	unsigned count;

	begin_serving();
	fake.scratch = scratch;
	CU_ASSERT_EQUAL(pluton_aes_gcm_encrypt(pluton, &request), 0);
	request.input = in;
	if (shared)
		request.input = memcpy(pluton_alloc(pluton, length), in, length);
	request.output = back;
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &request), 0);
	CU_ASSERT_EQUAL(memcmp(back, plain_text, length), 0);
	tag[0] ^= 1;
	memset(back, 0x55, length);
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &request), -PLUTON_EINVAL);
	CU_ASSERT(back[0] == 0x55 && back[length - 1] == 0x55);
	count = fake.sealed_messages;
	/* The windows that served them are gone, so that these do not run out. */
	for (unsigned i = 0; i < 2 * FAKE_WINDOWS_MAX; i++)
		CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &request), -PLUTON_EINVAL);
	end();
	free(plain_text);
	free(back);
	free(in);
	return count;
}

static void test_a_message_beyond_the_scratch_is_decrypted_from_a_sealed_window(void)
{
	CU_ASSERT_EQUAL(sealed_for(MIB, 0, false), 0);
	CU_ASSERT_EQUAL(sealed_for(MIB + 1, 0, false), 2);
	CU_ASSERT_EQUAL(sealed_for(MIB + 1, 0, true), 2);
	CU_ASSERT_EQUAL(sealed_for(4096, 4096, false), 0);
	CU_ASSERT_EQUAL(sealed_for(4097, 4096, false), 2);
}

static void test_sealed_decryption_is_refused_only_beyond_a_window(void)
{
	uint8_t key[32] = {0}, iv[12] = {0}, tag[16];
	uint8_t *bytes = calloc(1, FAKE_WINDOW_SIZE_MAX + 1);
	uint8_t *out = calloc(1, FAKE_WINDOW_SIZE_MAX + 1);
	struct pluton_aes_gcm_request request = {.key = key,
						 .key_size = 32,
						 .iv = iv,
						 .input = bytes,
						 .output = out,
						 .length = FAKE_WINDOW_SIZE_MAX,
						 .tag = tag};

	begin_serving();
	CU_ASSERT_EQUAL(pluton_aes_gcm_encrypt(pluton, &request), 0);
	request.input = out;
	request.output = bytes;
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &request), 0);
	request.length++;
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &request), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt_async(pluton, &request, NULL, NULL, NULL),
			-PLUTON_ESIZE);
	request.length = FAKE_WINDOW_SIZE_MAX;
	request.key_size = 31;
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &request), -PLUTON_ESIZE);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "31"));
	end();
	free(bytes);
	free(out);
}

static void note_status(struct pluton *of, int status, void *userdata)
{
	(void)of;
	*(int *)userdata = status;
}

static void test_sealed_decryption_need_not_wait(void)
{
	uint8_t key[32] = {0}, iv[12] = {0}, tag[16], *in = bytes_of(2 * MIB, 3);
	uint8_t *out = malloc(2 * MIB), *back = malloc(2 * MIB);
	struct pluton_aes_gcm_request request = {.key = key,
						 .key_size = 32,
						 .iv = iv,
						 .input = in,
						 .output = out,
						 .length = 2 * MIB,
						 .tag = tag};
	int status = 1;

	begin_serving();
	CU_ASSERT_EQUAL(pluton_aes_gcm_encrypt(pluton, &request), 0);
	request.input = out;
	request.output = back;
	for (unsigned i = 0; i < 2 * FAKE_WINDOWS_MAX; i++) {
		CU_ASSERT_EQUAL(
			pluton_aes_gcm_decrypt_async(pluton, &request, note_status, &status, NULL),
			0);
		CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
		CU_ASSERT_EQUAL(status, 0);
		CU_ASSERT_EQUAL(memcmp(back, in, 2 * MIB), 0);
	}
	tag[0] ^= 1;
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt_async(pluton, &request, note_status, &status, NULL),
			0);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(status, -PLUTON_EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "tag"));
	/* closed in the middle */
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt_async(pluton, &request, note_status, &status, NULL),
			0);
	end();
	CU_ASSERT_EQUAL(status, -PLUTON_EINVAL);
	free(in);
	free(out);
	free(back);
}

static void test_several_gcm_messages_are_under_way_at_once(void)
{
	uint8_t key[16] = {0}, iv[12] = {0}, tags[4][16], *in = bytes_of(4000, 1), out[4][4000];

	done_count = 0;
	begin_serving();
	for (size_t i = 0; i < 4; i++) {
		const struct pluton_aes_gcm_request request = {.key = key,
							       .key_size = 16,
							       .iv = iv,
							       .input = in,
							       .output = out[i],
							       .length = 1000 * (i + 1),
							       .tag = tags[i]};

		CU_ASSERT_EQUAL(pluton_aes_gcm_encrypt_async(pluton, &request, note_done,
							     &done_count, NULL),
				0);
	}
	wait_done(4);
	for (size_t i = 0; i < 4; i++)
		CU_ASSERT(inverted(in, out[i], 1000 * (i + 1)));
	end();
	free(in);
}

/* --- lists ----------------------------------------------------------------------------------- */

static void check_list(uint32_t rows)
{
	struct pluton_limit_row *list = NULL;
	size_t count = 1234;

	fake_daemon_init(&fake);
	fake.lists = rows;
	fake_daemon_serve(&fake);
	CU_ASSERT_EQUAL_FATAL(connection_open(fake.client_fd, &pluton, NULL, 0), 0);
	CU_ASSERT_EQUAL(pluton_list_limits(pluton, &list, &count), 0);
	CU_ASSERT_EQUAL(count, rows);
	CU_ASSERT_PTR_NOT_NULL_FATAL(list);
	for (uint32_t i = 0; i < rows; i++)
		CU_ASSERT_EQUAL(list[i].value, i);
	free(list);
	end();
}

static void test_lists_of_any_length_arrive_whole(void)
{
	check_list(0);
	check_list(1);
	check_list(FAKE_INLINE_MAX / 40);
	check_list(FAKE_INLINE_MAX / 40 + 1);
	check_list(1000);
}

static void test_lists_that_make_no_sense_close_the_connection(void)
{
	/* more rows than fit; a next page that is this one */
	static const uint32_t wrong[][2] = {{26, 0}, {0xffffffff, 0}, {25, 25}};
	static const uint8_t rows[25 * 40];

	for (size_t i = 0; i < TESTS_COUNT(wrong); i++) {
		struct record upcall = {
			.header = {.type = RECORD_UPCALL, .op_id = FIRST_ID},
			.upcall = {.words = {0, wrong[i][0], wrong[i][1]},
				   .output_length = sizeof(rows),
				   .output = rows},
		};
		struct pluton_limit_row *list = NULL;
		size_t count;

		begin_by_hand();
		fake_send(&fake, &upcall);
		upcall.header.op_id += 1024; /* the second page, where there is one */
		fake_send(&fake, &upcall);
		CU_ASSERT_EQUAL(pluton_list_limits(pluton, &list, &count), -PLUTON_EBADRVAL);
		CU_ASSERT_PTR_NULL(list);
		end();
	}
}

static void test_a_status_without_an_end_closes_the_connection(void)
{
	uint8_t row[144];
	const struct record upcall = {
		.header = {.type = RECORD_UPCALL, .op_id = FIRST_ID},
		.upcall = {.output_length = sizeof(row), .output = row},
	};
	struct pluton_status status;

	memset(row, 'x', sizeof(row));
	begin_by_hand();
	fake_send(&fake, &upcall);
	CU_ASSERT_EQUAL(pluton_get_status(pluton, &status), -PLUTON_EBADRVAL);
	end();
}

static const struct test tests[] = {
	TEST(test_the_address_is_the_argument_then_the_environment_then_the_built_in),
	TEST(test_what_is_no_address_is_refused_with_the_form_of_one),
	TEST(test_a_path_longer_than_sockets_have_is_refused),
	TEST(test_nobody_at_the_address_is_said_with_the_address),
	TEST(test_a_socket_that_nobody_serves_is_nobody),
	TEST(test_a_stream_socket_is_not_plutond),
	TEST(test_the_greeting_gives_the_limits),
	TEST(test_a_refused_greeting_says_why_even_if_the_daemon_hung_up),
	TEST(test_a_greeting_that_makes_no_sense_is_refused),
	TEST(test_anything_but_a_greeting_is_refused),
	TEST(test_a_daemon_that_hangs_up_at_once_is_off),
	TEST(test_what_fits_travels_in_the_record),
	TEST(test_what_does_not_fit_travels_through_a_window),
	TEST(test_small_slots_travel_in_the_record_beside_large_ones),
	TEST(test_an_empty_slot_is_absent),
	TEST(test_memory_from_pluton_alloc_is_used_in_place),
	TEST(test_memory_that_only_begins_in_pluton_alloc_is_copied),
	TEST(test_shared_memory_that_carried_data_is_zero_afterwards),
	TEST(test_unused_windows_beyond_what_is_kept_are_given_back),
	TEST(test_a_window_that_the_daemon_keeps_is_counted_and_removed_later),
	TEST(test_the_same_large_request_again_makes_no_new_window),
	TEST(test_a_slot_of_exactly_one_window_fits_and_one_byte_more_does_not),
	TEST(test_without_windows_small_requests_still_work),
	TEST(test_when_all_windows_are_taken_the_next_is_refused_here),
	TEST(test_allocated_memory_is_aligned_zero_and_apart),
	TEST(test_freed_memory_is_zero_when_it_comes_again),
	TEST(test_ranges_are_known_inside_one_allocation_only),
	TEST(test_nothing_and_too_much_cannot_be_allocated),
	TEST(test_a_slot_is_read_or_written_and_lies_somewhere),
	TEST(test_a_refusal_comes_with_the_daemons_sentence_made_printable),
	TEST(test_a_failure_gives_every_error_and_leaves_outputs_alone),
	TEST(test_callbacks_run_from_dispatch_and_only_from_there),
	TEST(test_one_more_than_operations_max_is_busy),
	TEST(test_cancelling_twice_asks_once_and_afterwards_finds_nothing),
	TEST(test_cancelling_what_is_already_answered_changes_nothing),
	TEST(test_a_callback_may_start_the_next),
	TEST(test_a_callback_may_wait_for_another_request),
	TEST(test_other_callbacks_run_while_a_synchronous_call_waits),
	TEST(test_closing_runs_no_callback),
	TEST(test_upcalls_that_say_more_run_the_function_and_keep_the_operation),
	TEST(test_inputs_are_taken_before_submit_returns),
	TEST(test_records_wait_until_a_full_socket_has_room),
	TEST(test_a_window_waits_for_room_in_a_full_socket_too),
	TEST(test_what_waits_for_room_is_bounded),
	TEST(test_a_daemon_that_closes_ends_what_is_under_way_with_off),
	TEST(test_wrong_answers_close_the_connection),
	TEST(test_a_ring_found_broken_by_an_answer_tells_every_operation_once),
	TEST(test_a_failure_comes_with_the_daemons_sentence_made_printable),
	TEST(test_what_a_short_answer_leaves_out_of_the_output_is_not_written),
	TEST(test_an_output_of_another_length_than_asked_for_closes_the_connection),
	TEST(test_a_row_that_did_not_come_is_no_row),
	TEST(test_bytes_that_are_no_record_close_the_connection),
	TEST(test_a_descriptor_from_the_daemon_is_not_taken),
	TEST(test_a_flood_of_upcalls_is_cut_off),
	TEST(test_a_daemon_that_closes_while_a_window_is_made_is_off),
	TEST(test_wrong_returns_close_the_connection),
	TEST(test_a_window_number_that_is_none_closes_the_connection),
	TEST(test_a_raw_command_returns_its_words_and_runs_nothing),
	TEST(test_yield_no_wait_runs_at_most_one),
	TEST(test_yield_wait_returns_after_exactly_one_in_order),
	TEST(test_yield_wait_for_returns_the_words_and_leaves_the_rest_in_order),
	TEST(test_an_upcall_nobody_subscribed_to_does_not_end_a_wait),
	TEST(test_subscribing_cancels_what_is_pending),
	TEST(test_an_upcall_of_another_subscription_is_dropped),
	TEST(test_raw_calls_are_busy_while_too_many_upcalls_wait),
	TEST(test_allow_shares_a_range_and_returns_the_one_before),
	TEST(test_memop_returns_its_value),
	TEST(test_exit_tells_the_daemon_and_ends_the_connection),
	TEST(test_random_of_any_length_comes_in_pieces),
	TEST(test_a_long_message_is_hashed_in_pieces_and_a_short_one_at_once),
	TEST(test_a_long_message_in_shared_memory_is_hashed_at_once),
	TEST(test_digests_are_checked_before_anybody_is_asked),
	TEST(test_digest_names_and_sizes_agree),
	TEST(test_a_digest_stream_hashes_across_updates),
	TEST(test_what_does_not_go_with_a_streams_mode_is_refused_here),
	TEST(test_ctr_in_pieces_counts_on_across_every_carry),
	TEST(test_a_counter_that_would_start_over_is_refused),
	TEST(test_gcm_seals_and_opens_and_says_when_a_tag_is_wrong),
	TEST(test_a_message_beyond_the_scratch_is_decrypted_from_a_sealed_window),
	TEST(test_sealed_decryption_is_refused_only_beyond_a_window),
	TEST(test_sealed_decryption_need_not_wait),
	TEST(test_several_gcm_messages_are_under_way_at_once),
	TEST(test_lists_of_any_length_arrive_whole),
	TEST(test_lists_that_make_no_sense_close_the_connection),
	TEST(test_a_status_without_an_end_closes_the_connection),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "client", tests, TESTS_COUNT(tests));
}
