/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the sizes that pluton_random(32) sends and gets.
 */
#include "bench/pingpong.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/cpus.h"
#include "bench/program.h"
#include "daemon/kernel/record.h"

#define REQUEST_SIZE (RECORD_FIXED_SIZE + RECORD_RANGE_SIZE)
#define ANSWER_SIZE (RECORD_FIXED_SIZE + 32)

static int epoll_of(int fd)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		_exit(1);
	return epoll_fd;
}

static void serve(int fd, bool epoll)
{
	char bytes[RECORD_SIZE_MAX] = {0};
	int epoll_fd = epoll ? epoll_of(fd) : -1;
	struct epoll_event event;

	do {
		while (epoll && epoll_wait(epoll_fd, &event, 1, -1) < 1)
			;
	} while (recv(fd, bytes, sizeof(bytes), 0) > 0 &&
		 send(fd, bytes, ANSWER_SIZE, MSG_NOSIGNAL) == ANSWER_SIZE);
	_exit(0);
}

void pingpong_start(struct pingpong *pingpong, int cpu, bool epoll)
{
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		program_fail("socketpair: %s", strerror(errno));
	pingpong->peer = fork();
	if (pingpong->peer < 0)
		program_fail("fork: %s", strerror(errno));
	if (pingpong->peer == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
			_exit(1);
		close(pair[0]);
		cpus_pin(cpu);
		serve(pair[1], epoll);
	}
	close(pair[1]);
	pingpong->fd = pair[0];
}

void pingpong_stop(struct pingpong *pingpong)
{
	close(pingpong->fd);
	(void)waitpid(pingpong->peer, NULL, 0);
}

void pingpong_run(void *context)
{
	const struct pingpong *pingpong = context;
	char bytes[RECORD_SIZE_MAX] = {0};

	if (send(pingpong->fd, bytes, REQUEST_SIZE, MSG_NOSIGNAL) != REQUEST_SIZE ||
	    recv(pingpong->fd, bytes, sizeof(bytes), 0) != ANSWER_SIZE)
		program_fail("the ping-pong's peer is gone");
}
