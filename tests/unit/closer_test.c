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
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/kernel/window.h"
#include "tests/bare.h"
#include "tests/guests.h"
#include "tests/lingering.h"
#include "tests/suite.h"

#define ALARM_S 30
#define PAGE 4096u
#define MANY 10000u /* descriptors: more than a pipe would hold as jobs */

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

		closer_take(&closer, fd);
		CU_ASSERT_FALSE(is_open(fd));
	}
	CU_ASSERT_PTR_NULL(closer.queue);
	closer_close(&closer);
}

static void test_a_memfd_with_more_in_memory_is_closed_by_a_thread(void)
{
	struct closer closer = CLOSER_WITH(1);
	int fd = memfd_with((size_t)1 << 30, CLOSER_QUICK_BYTES + PAGE);

	alarm(ALARM_S);
	closer_take(&closer, fd);
	CU_ASSERT_PTR_NOT_NULL(closer.queue);
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
	CU_ASSERT_PTR_NULL(closer.queue);
	closer_unmap(&closer, more, CLOSER_QUICK_BYTES + PAGE);
	CU_ASSERT_PTR_NOT_NULL(closer.queue);
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
	closer_take(&closer, ends[1]);
	other = (struct pollfd){.fd = ends[0]};
	CU_ASSERT_EQUAL(poll(&other, 1, ALARM_S * 1000), 1);
	CU_ASSERT_TRUE(other.revents & POLLHUP);
	close(ends[0]);
	closer_close(&closer);
}

/* Keeps all threads of the closer busy until the peers are closed. */
static void hang(struct closer *closer, int peers[])
{
	for (unsigned i = 0; i < closer->threads; i++)
		closer_take(closer, lingering_socket(&peers[i]));
	while (closer_waiting(closer))
		sched_yield();
}

static void let_go(const int peers[], unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		close(peers[i]);
	wait_for_closers();
}

/* How many writers of the pipe are still open is told by its end. */
static bool has_ended(int pipe_end)
{
	struct pollfd end = {.fd = pipe_end};

	return poll(&end, 1, 0) == 1 && end.revents & POLLHUP;
}

static void test_behind_threads_that_hang_any_number_of_descriptors_waits_and_none_is_lost(void)
{
	struct closer closer = CLOSER_WITH(2);
	unsigned taken = 0;
	int peers[2], ends[2], fd;
	struct rlimit before, more;

	alarm(ALARM_S);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
	more = (struct rlimit){before.rlim_max < MANY ? before.rlim_max : MANY, before.rlim_max};
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &more), 0);
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	hang(&closer, peers);
	while ((fd = dup(ends[1])) >= 0) {
		closer_take(&closer, fd);
		taken++;
	}
	CU_ASSERT(taken > more.rlim_cur - 100);
	CU_ASSERT_EQUAL(closer_waiting(&closer), taken);
	close(ends[1]);
	CU_ASSERT_FALSE(has_ended(ends[0]));
	let_go(peers, 2);
	CU_ASSERT_EQUAL(closer_waiting(&closer), 0);
	CU_ASSERT_TRUE(has_ended(ends[0]));
	CU_ASSERT_EQUAL(closer.handed_over, taken + 2);
	close(ends[0]);
	closer_close(&closer);
	setrlimit(RLIMIT_NOFILE, &before);
	alarm(0);
}

static void test_a_number_beyond_the_limit_of_the_beginning_is_taken_too(void)
{
	struct closer closer = CLOSER_WITH(1);
	struct rlimit before, less;
	int peer, ends[2], high;

	alarm(ALARM_S);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
	less = (struct rlimit){64, before.rlim_max};
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &less), 0);
	hang(&closer, &peer);
	setrlimit(RLIMIT_NOFILE, &before);
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	high = fcntl(ends[1], F_DUPFD_CLOEXEC, 900);
	CU_ASSERT_FATAL(high >= 900);
	closer_take(&closer, high);
	closer_take(&closer, ends[1]);
	CU_ASSERT_EQUAL(closer_waiting(&closer), 2);
	let_go(&peer, 1);
	CU_ASSERT_TRUE(has_ended(ends[0]));
	close(ends[0]);
	closer_close(&closer);
	alarm(0);
}

static void test_what_waits_is_closed_after_the_closer_is_gone_too(void)
{
	struct closer closer = CLOSER_WITH(1);
	int peer, ends[2];

	alarm(ALARM_S);
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	hang(&closer, &peer);
	closer_take(&closer, ends[1]);
	closer_close(&closer);
	CU_ASSERT_FALSE(has_ended(ends[0]));
	let_go(&peer, 1);
	CU_ASSERT_TRUE(has_ended(ends[0]));
	close(ends[0]);
	alarm(0);
}

static void test_without_a_thread_what_waits_is_closed_in_the_end(void)
{
	struct closer closer = CLOSER_WITH(0);
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	closer_take(&closer, ends[1]);
	CU_ASSERT_EQUAL(closer_waiting(&closer), 1);
	CU_ASSERT_FALSE(has_ended(ends[0]));
	closer_close(&closer);
	CU_ASSERT_TRUE(has_ended(ends[0]));
	CU_ASSERT_EQUAL(closer_under_way(), 0);
	close(ends[0]);
}

static void test_as_many_mappings_wait_as_there_is_room_for_and_one_more_is_unmapped_at_once(void)
{
	const size_t size = 2 * CLOSER_QUICK_BYTES;
	struct closer closer = CLOSER_WITH(1);
	void *memory[CLOSER_MAPPINGS + 1];
	int peer;

	alarm(ALARM_S);
	hang(&closer, &peer);
	for (unsigned i = 0; i <= CLOSER_MAPPINGS; i++) {
		memory[i] = map(memfd_with(size, 0), size);
		closer_unmap(&closer, memory[i], size);
		CU_ASSERT_EQUAL(is_mapped(memory[i]), i < CLOSER_MAPPINGS);
	}
	CU_ASSERT_EQUAL(closer_waiting(&closer), CLOSER_MAPPINGS);
	let_go(&peer, 1);
	for (unsigned i = 0; i <= CLOSER_MAPPINGS; i++)
		CU_ASSERT_FALSE(is_mapped(memory[i]));
	closer_close(&closer);
	alarm(0);
}

static void test_a_thread_that_hangs_is_under_way(void)
{
	struct closer closer = CLOSER_WITH(2);
	int peer, ends[2];
	struct pollfd other;

	alarm(ALARM_S);
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	closer_take(&closer, lingering_socket(&peer));
	closer_take(&closer, ends[1]);
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
	CU_ASSERT_PTR_NULL(rig.machine->channel.closer.queue);
	CU_ASSERT_PTR_NULL(rig.machine->channel.own.queue);
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
	CU_ASSERT_PTR_NOT_NULL(rig.machine->channel.closer.queue);
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
	CU_ASSERT_PTR_NOT_NULL(rig.machine->channel.own.queue);
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

static void send_pipe_end(int fd, int pipe_end)
{
	rig_send(fd, &cancel, pipe_end);
	close(pipe_end);
}

/* One place in the queue for all that it holds, and no work for the loop. */
static void test_a_connection_with_something_unread_is_closed_with_all_of_it_by_a_thread(void)
{
	struct closer *closer;
	int peers[4], first[2], second[2], hostile;

	alarm(ALARM_S);
	guests_open(NULL);
	closer = &rig.machine->channel.closer;
	hang(closer, peers);
	hostile = guest_connect();
	CU_ASSERT_EQUAL_FATAL(pipe(first) | pipe(second), 0);
	send_pipe_end(hostile, first[1]);
	send_pipe_end(hostile, second[1]);
	process_kill(rig_last_process(&rig));
	CU_ASSERT_EQUAL(closer_waiting(closer), 1);
	CU_ASSERT_TRUE(rig_is_closed(&rig, hostile)); /* shut down at once */
	CU_ASSERT_FALSE(has_ended(first[0]));
	let_go(peers, closer->threads);
	CU_ASSERT_TRUE(has_ended(first[0]));
	CU_ASSERT_TRUE(has_ended(second[0]));
	close(first[0]);
	close(second[0]);
	guests_close();
	alarm(0);
}

static void test_a_connection_with_nothing_unread_is_closed_at_once(void)
{
	const struct record unread_there = rig_operation(1, RIG_RNG, 9999);
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	rig_send(fd, &unread_there, -1); /* and its answer: an error at our end */
	guests_turn();
	guest_leave(fd);
	process_kill(rig_last_process(&rig));
	CU_ASSERT_PTR_NULL(rig.machine->channel.closer.queue);
	guests_close();
}

static void test_who_goes_on_sending_what_hangs_is_let_go_and_others_stay(void)
{
	struct record answer;
	struct closer *closer;
	int peers[4], hostile, other, memfd, ends[2];

	alarm(ALARM_S);
	guests_open(NULL);
	closer = &rig.machine->channel.closer;
	hang(closer, peers);
	rig.machine->channel.waiting_max = 2;
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	other = guest_connect();
	hostile = guest_connect();
	for (unsigned i = 1; i <= 3; i++) {
		rig_send(hostile, &cancel, ends[1]);
		guests_turn();
		CU_ASSERT_EQUAL(closer_waiting(closer), i);
		CU_ASSERT_EQUAL(rig.kernel->processes, i <= 2 ? 2 : 1);
	}
	CU_ASSERT_TRUE(rig_receive(&rig, hostile, &answer));
	memfd = bare_memfd(PAGE, 0);
	rig_send(other, &add, memfd); /* refused, but closed at once */
	CU_ASSERT_TRUE(rig_receive(&rig, other, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EINVAL);
	close(memfd);
	assert_served(other);
	let_go(peers, closer->threads);
	close(ends[0]);
	close(ends[1]);
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
	TEST(test_behind_threads_that_hang_any_number_of_descriptors_waits_and_none_is_lost),
	TEST(test_a_number_beyond_the_limit_of_the_beginning_is_taken_too),
	TEST(test_what_waits_is_closed_after_the_closer_is_gone_too),
	TEST(test_without_a_thread_what_waits_is_closed_in_the_end),
	TEST(test_as_many_mappings_wait_as_there_is_room_for_and_one_more_is_unmapped_at_once),
	TEST(test_a_thread_that_hangs_is_under_way),
	TEST(test_an_accepted_window_is_closed_at_once_whatever_is_in_memory),
	TEST(test_a_refused_memfd_full_of_pages_is_closed_by_a_thread),
	TEST(test_the_windows_of_the_dead_are_unmapped_by_a_thread),
	TEST(test_a_lingering_socket_as_a_window_delays_nobody),
	TEST(test_a_lingering_socket_in_an_unread_record_delays_nobody),
	TEST(test_a_connection_with_something_unread_is_closed_with_all_of_it_by_a_thread),
	TEST(test_a_connection_with_nothing_unread_is_closed_at_once),
	TEST(test_who_goes_on_sending_what_hangs_is_let_go_and_others_stay),
	TEST(test_an_empty_record_does_not_hide_what_comes_after_it),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "closer", tests, TESTS_COUNT(tests));
}
