/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One descriptor to poll for something that changes its descriptor and its times: an epoll that
 * holds what is to be waited for now. It stays the same while connections come and go, so a caller
 * who keeps it (TCTI poll handles are kept) never polls one that is closed.
 */
#ifndef PLUTON_CLIENT_TPM_WATCH_H
#define PLUTON_CLIENT_TPM_WATCH_H

#include <stdint.h>

struct tpm_watch {
	int epoll_fd; /* -1: nobody polls, and nothing here costs anything */
	int timer_fd; /* -1: none was needed yet */
	int fd;	      /* in it now; -1: none */
};

void watch_init(struct tpm_watch *watch);
void watch_close(struct tpm_watch *watch);

/* Makes the descriptor, if it is not there yet, and returns it. -PLUTON_ENOMEM. */
int watch_open(struct tpm_watch *watch);

/* The descriptor may be closed now; watch_set tells what took its place. */
void watch_forget(struct tpm_watch *watch);

/*
 * From now on it becomes readable by `events` of `fd` (-1: none) and when `after_ms` have passed
 * (UINT64_MAX: never). Nothing without a watch_open. -PLUTON_ENOMEM: the kernel has no room.
 */
int watch_set(struct tpm_watch *watch, int fd, short events, uint64_t after_ms);

#endif
