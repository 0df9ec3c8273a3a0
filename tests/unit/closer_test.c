/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients send is closed without the loop waiting for it. A lingering socket makes the last
 * close wait for a minute: where the loop's thread does it, the alarm ends this program.
 */
#include "daemon/frontends/closer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/kernel/window.h"
#include "tests/bare.h"
#include "tests/guests.h"
#include "tests/lingering.h"
#include "tests/suite.h"

#define ALARM_S 30
#define PAGE 4096u

static const struct record add = {.header = {.type = RECORD_WINDOW_ADD, .op_id = 9}};
static const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = 9}};

static void assert_served(int fd)
{
	struct record record = rig_operation(1, RIG_RNG, 1);

	rig_out(&record, 0, 32);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, NULL), 0);
}

/* A memfd of that size with so many bytes of it in memory. */
static int memfd_with(size_t size, size_t in_memory)
{
	int fd = bare_memfd(size, F_SEAL_SHRINK);

	if (in_memory && fallocate(fd, 0, 0, (off_t)in_memory) < 0)
		abort();
	return fd;
}

static void wait_for_closers(void)
{
	while (closer_under_way())
		sched_yield();
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static bool is_mapped(void *memory)
{
	return msync(memory, PAGE, MS_ASYNC) == 0 || errno != ENOMEM;
}

static void *map(int fd, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		abort();
	close(fd);
	return memory;
}

static void test_a_memfd_with_little_in_memory_is_closed_at_once(void)
{
	static const size_t in_memory[] = {0, PAGE, CLOSER_QUICK_BYTES};
	struct closer closer = CLOSER_WITH(1);

	for (unsigned i = 0; i < 3; i++) {
		int fd = memfd_with((size_t)1 << 30, in_memory[i]);

		CU_ASSERT_TRUE(closer_take(&closer, fd));
		CU_ASSERT_FALSE(is_open(fd));
	}
	CU_ASSERT_EQUAL(closer.queue, -1);
	closer_close(&closer);
}

static void test_a_memfd_with_more_in_memory_is_closed_by_a_thread(void)
{
	struct closer closer = CLOSER_WITH(1);
	int fd = memfd_with((size_t)1 << 30, CLOSER_QUICK_BYTES + PAGE);

	alarm(ALARM_S);
	CU_ASSERT_TRUE(closer_take(&closer, fd));
	CU_ASSERT_NOT_EQUAL(closer.queue, -1);
	wait_for_closers();
	CU_ASSERT_FALSE(is_open(fd));
	closer_close(&closer);
	alarm(0);
}

static void test_little_memory_is_unmapped_at_once_and_more_by_a_thread(void)
{
	struct closer closer = CLOSER_WITH(1);
	void *little = map(memfd_with(CLOSER_QUICK_BYTES, 0), CLOSER_QUICK_BYTES);
	void *more = map(memfd_with(CLOSER_QUICK_BYTES + PAGE, 0), CLOSER_QUICK_BYTES + PAGE);

	alarm(ALARM_S);
	closer_unmap(&closer, little, CLOSER_QUICK_BYTES);
	CU_ASSERT_FALSE(is_mapped(little));
	CU_ASSERT_EQUAL(closer.queue, -1);
	closer_unmap(&closer, more, CLOSER_QUICK_BYTES + PAGE);
	CU_ASSERT_NOT_EQUAL(closer.queue, -1);
	wait_for_closers();
	CU_ASSERT_FALSE(is_mapped(more));
	closer_close(&closer);
	alarm(0);
}

static void test_anything_else_is_closed_by_a_thread(void)
{
	struct closer closer = CLOSER_WITH(2);
	struct pollfd other;
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	CU_ASSERT_TRUE(closer_take(&closer, ends[1]));
	other = (struct pollfd){.fd = ends[0]};
	CU_ASSERT_EQUAL(poll(&other, 1, ALARM_S * 1000), 1);
	CU_ASSERT_TRUE(other.revents & POLLHUP);
	close(ends[0]);
	closer_close(&closer);
}

static void test_a_full_queue_leaves_the_descriptor_open_and_counts(void)
{
	struct closer closer;
	int ends[2], fd = dup(STDERR_FILENO);

	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_NONBLOCK), 0);
	while (write(ends[1], &fd, sizeof(fd)) > 0)
		;
	closer = (struct closer){.queue = ends[1]};
	wait_for_closers();
	CU_ASSERT_FALSE(closer_take(&closer, fd));
	CU_ASSERT_EQUAL(closer.abandoned, 1);
	CU_ASSERT_EQUAL(close(fd), 0);
	CU_ASSERT_EQUAL(closer_under_way(), 0);
	close(ends[0]);
	closer_close(&closer);
}

static void test_with_a_full_queue_memory_is_unmapped_at_once(void)
{
	void *memory = map(memfd_with(2 * CLOSER_QUICK_BYTES, 0), 2 * CLOSER_QUICK_BYTES);
	struct closer closer;
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_NONBLOCK), 0);
	while (write(ends[1], "x", 1) > 0)
		;
	closer = (struct closer){.queue = ends[1]};
	closer_unmap(&closer, memory, 2 * CLOSER_QUICK_BYTES);
	CU_ASSERT_FALSE(is_mapped(memory));
	CU_ASSERT_EQUAL(closer.abandoned, 0);
	close(ends[0]);
	closer_close(&closer);
}

static void test_a_thread_that_hangs_is_under_way(void)
{
	struct closer closer = CLOSER_WITH(2);
	int peer, ends[2];
	struct pollfd other;

	alarm(ALARM_S);
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	CU_ASSERT_TRUE(closer_take(&closer, lingering_socket(&peer)));
	CU_ASSERT_TRUE(closer_take(&closer, ends[1]));
	other = (struct pollfd){.fd = ends[0]};
	CU_ASSERT_EQUAL(poll(&other, 1, ALARM_S * 1000), 1);
	CU_ASSERT_TRUE(closer_under_way() >= 1);
	close(peer);
	wait_for_closers();
	close(ends[0]);
	closer_close(&closer);
	alarm(0);
}

/* --- in the channel --------------------------------------------------------------------------- */

static void test_an_accepted_window_is_closed_at_once_whatever_is_in_memory(void)
{
	const size_t size = 4 * CLOSER_QUICK_BYTES;
	struct record answer;
	int fd, memfd = memfd_with(size, size);

	guests_open(NULL);
	fd = guest_connect();
	rig_send(fd, &add, memfd);
	close(memfd);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), 0);
	CU_ASSERT_EQUAL(rig.machine->channel.closer.queue, -1);
	CU_ASSERT_EQUAL(rig.machine->channel.own.queue, -1);
	guests_close();
}

static void test_a_refused_memfd_full_of_pages_is_closed_by_a_thread(void)
{
	struct record answer;
	int fd, memfd = bare_memfd(PAGE, 0);

	CU_ASSERT_EQUAL_FATAL(fallocate(memfd, 0, 0, 2 * CLOSER_QUICK_BYTES), 0);
	guests_open(NULL);
	fd = guest_connect();
	rig_send(fd, &add, memfd); /* not sealed */
	close(memfd);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EINVAL);
	CU_ASSERT_NOT_EQUAL(rig.machine->channel.closer.queue, -1);
	guests_close();
}

static void test_the_windows_of_the_dead_are_unmapped_by_a_thread(void)
{
	const size_t size = 4 * CLOSER_QUICK_BYTES;
	struct record answer;
	uint8_t *memory;
	int fd, memfd = memfd_with(size, size);

	alarm(ALARM_S);
	guests_open(NULL);
	fd = guest_connect();
	rig_send(fd, &add, memfd);
	close(memfd);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	memory = rig_last_process(&rig)->windows->windows[0].memory;
	CU_ASSERT_TRUE(is_mapped(memory));
	guest_leave(fd);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	CU_ASSERT_NOT_EQUAL(rig.machine->channel.own.queue, -1);
	wait_for_closers();
	CU_ASSERT_FALSE(is_mapped(memory));
	guests_close();
	alarm(0);
}

static void test_a_lingering_socket_as_a_window_delays_nobody(void)
{
	int hostile, other, socket_fd, peer;

	alarm(ALARM_S);
	guests_open(NULL);
	hostile = guest_connect();
	other = guest_connect();
	socket_fd = lingering_socket(&peer);
	rig_send(hostile, &add, socket_fd);
	close(socket_fd);
	assert_served(other);
	guests_close();
	close(peer);
	alarm(0);
}

/* Killed with a record unread: the descriptor in it would be closed with the connection. */
static void hang_up_with_unread(int hostile, const struct record *record, int count)
{
	int peers[4], socket_fd;

	for (int i = 0; i < count; i++) {
		socket_fd = lingering_socket(&peers[i]);
		rig_send(hostile, record, socket_fd);
		close(socket_fd);
	}
	process_kill(rig_last_process(&rig));
	for (int i = 0; i < count; i++)
		close(peers[i]);
}

static void test_a_lingering_socket_in_an_unread_record_delays_nobody(void)
{
	int hostile, other;

	alarm(ALARM_S);
	guests_open(NULL);
	other = guest_connect();
	hostile = guest_connect();
	hang_up_with_unread(hostile, &cancel, 3);
	assert_served(other);
	guests_close();
	alarm(0);
}

static void test_an_empty_record_does_not_hide_what_comes_after_it(void)
{
	int hostile, other;

	alarm(ALARM_S);
	guests_open(NULL);
	other = guest_connect();
	hostile = guest_connect();
	CU_ASSERT_EQUAL(send(hostile, "", 0, 0), 0);
	hang_up_with_unread(hostile, &cancel, 2);
	assert_served(other);
	guests_close();
	alarm(0);
}

static const struct test tests[] = {
	TEST(test_a_memfd_with_little_in_memory_is_closed_at_once),
	TEST(test_a_memfd_with_more_in_memory_is_closed_by_a_thread),
	TEST(test_little_memory_is_unmapped_at_once_and_more_by_a_thread),
	TEST(test_anything_else_is_closed_by_a_thread),
	TEST(test_a_full_queue_leaves_the_descriptor_open_and_counts),
	TEST(test_with_a_full_queue_memory_is_unmapped_at_once),
	TEST(test_a_thread_that_hangs_is_under_way),
	TEST(test_an_accepted_window_is_closed_at_once_whatever_is_in_memory),
	TEST(test_a_refused_memfd_full_of_pages_is_closed_by_a_thread),
	TEST(test_the_windows_of_the_dead_are_unmapped_by_a_thread),
	TEST(test_a_lingering_socket_as_a_window_delays_nobody),
	TEST(test_a_lingering_socket_in_an_unread_record_delays_nobody),
	TEST(test_an_empty_record_does_not_hide_what_comes_after_it),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "closer", tests, TESTS_COUNT(tests));
}
