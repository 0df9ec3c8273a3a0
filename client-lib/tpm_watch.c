/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epoll behind pluton_tpm_get_fd. The rule a newcomer would break first: a descriptor leaves
 * the epoll before it is closed, or its number may come back as something else.
 */
#include "client-lib/tpm_watch.h"

#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <pluton/error.h>

#define AFTER_MAX_MS ((uint64_t)24 * 3600 * 1000)

void watch_init(struct tpm_watch *watch)
{
	*watch = (struct tpm_watch){-1, -1, -1};
}

void watch_close(struct tpm_watch *watch)
{
	if (watch->timer_fd >= 0)
		close(watch->timer_fd);
	if (watch->epoll_fd >= 0)
		close(watch->epoll_fd);
	watch_init(watch);
}

int watch_open(struct tpm_watch *watch)
{
	if (watch->epoll_fd < 0)
		watch->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return watch->epoll_fd < 0 ? -PLUTON_ENOMEM : watch->epoll_fd;
}

void watch_forget(struct tpm_watch *watch)
{
	if (watch->fd >= 0)
		(void)epoll_ctl(watch->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->fd = -1;
}

static int set_timer(struct tpm_watch *watch, uint64_t after_ms)
{
	struct itimerspec when = {0};
	struct epoll_event event = {.events = EPOLLIN};

	if (after_ms == UINT64_MAX && watch->timer_fd < 0)
		return 0;
	if (watch->timer_fd < 0) {
		watch->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		if (watch->timer_fd < 0 ||
		    epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, watch->timer_fd, &event) < 0)
			return -PLUTON_ENOMEM;
	}
	if (after_ms > AFTER_MAX_MS && after_ms != UINT64_MAX)
		after_ms = AFTER_MAX_MS;
	if (after_ms != UINT64_MAX) {
		/* all zeroes would switch it off; setting it also takes back an earlier expiry */
		when.it_value.tv_sec = (time_t)(after_ms / 1000);
		when.it_value.tv_nsec = (long)(after_ms % 1000) * 1000000 + 1;
	}
	return timerfd_settime(watch->timer_fd, 0, &when, NULL) < 0 ? -PLUTON_ENOMEM : 0;
}

int watch_set(struct tpm_watch *watch, int fd, short events, uint64_t after_ms)
{
	struct epoll_event event = {0};

	if (watch->epoll_fd < 0)
		return 0;
	watch_forget(watch);
	if (events & POLLIN)
		event.events |= EPOLLIN;
	if (events & POLLOUT)
		event.events |= EPOLLOUT;
	if (fd >= 0 && epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -PLUTON_ENOMEM;
	watch->fd = fd;
	return set_timer(watch, after_ms);
}
