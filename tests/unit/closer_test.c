/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients send is closed without the loop waiting for it. A lingering socket makes the last
 * close wait for a minute: where the loop's thread does it, the alarm ends this program.
 */
#include "daemon/frontends/closer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bare.h"
#include "tests/guests.h"
#include "tests/suite.h"

#define LINGER_S 60
#define ALARM_S 30

static const struct record add = {.header = {.type = RECORD_WINDOW_ADD, .op_id = 9}};
static const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = 9}};

/* A connected TCP socket on loopback whose close waits for a peer that never reads. */
static int lingering_socket(int *ret_peer)
{
	const struct linger linger = {1, LINGER_S};
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int listening = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	static char bytes[65536];

	if (bind(listening, (struct sockaddr *)&address, size) < 0 || listen(listening, 1) < 0 ||
	    getsockname(listening, (struct sockaddr *)&address, &size) < 0 ||
	    connect(fd, (struct sockaddr *)&address, size) < 0)
		abort();
	*ret_peer = accept(listening, NULL, NULL);
	close(listening);
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	return fd;
}

static void assert_served(int fd)
{
	struct record record = rig_operation(1, RIG_RNG, 1);

	rig_out(&record, 0, 32);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, NULL), 0);
}

static void test_a_memfd_is_closed_at_once_and_needs_no_thread(void)
{
	struct closer closer = CLOSER_NONE;
	int fd = bare_memfd(4096, 0);

	CU_ASSERT_TRUE(closer_take(&closer, fd));
	CU_ASSERT_EQUAL(close(fd), -1);
	CU_ASSERT_EQUAL(closer.queue, -1);
	closer_close(&closer);
}

static void test_anything_else_is_closed_by_a_thread(void)
{
	struct closer closer = CLOSER_NONE;
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
	CU_ASSERT_FALSE(closer_take(&closer, fd));
	CU_ASSERT_EQUAL(closer.abandoned, 1);
	CU_ASSERT_EQUAL(close(fd), 0);
	close(ends[0]);
	closer_close(&closer);
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
	TEST(test_a_memfd_is_closed_at_once_and_needs_no_thread),
	TEST(test_anything_else_is_closed_by_a_thread),
	TEST(test_a_full_queue_leaves_the_descriptor_open_and_counts),
	TEST(test_a_lingering_socket_as_a_window_delays_nobody),
	TEST(test_a_lingering_socket_in_an_unread_record_delays_nobody),
	TEST(test_an_empty_record_does_not_hide_what_comes_after_it),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "closer", tests, TESTS_COUNT(tests));
}
