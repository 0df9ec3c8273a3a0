/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a round trip is compared with: two processes that pass the same number of bytes back and
 * forth over a SEQPACKET socket and do nothing else.
 */
#ifndef PLUTON_BENCH_PINGPONG_H
#define PLUTON_BENCH_PINGPONG_H

#include <stdbool.h>
#include <sys/types.h>

struct pingpong {
	int fd;
	pid_t peer;
};

/* A peer on a CPU; with `epoll` it waits as an event loop does, else it just receives. */
void pingpong_start(struct pingpong *pingpong, int cpu, bool epoll);
void pingpong_stop(struct pingpong *pingpong);

/* One round trip; context is the pingpong. */
void pingpong_run(void *context);

#endif
