/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel alone, with the puppet capsule and a frontend that does nothing: tests call it directly,
 * without a channel, a loop or an engine. tests/rig.h is the whole daemon.
 */
#ifndef PLUTON_TESTS_BARE_H
#define PLUTON_TESTS_BARE_H

#include "daemon/kernel/process.h"
#include "daemon/kernel/record.h"
#include "tests/puppet.h"

#define BARE_FRONTEND_COST 48u

struct bare {
	struct kernel kernel; /* first: the frontend finds the rest by it */
	unsigned ready;	      /* how often upcalls_ready was called */
	unsigned closed;      /* and closing */
	unsigned reports;
	char report[256]; /* the last */
	uint8_t output[RECORD_INLINE_LIMIT];
};

/* 256 KiB of pool, 8 processes, 4 of one user, else as configured by default. */
struct kernel_limits bare_limits(void);

/* Aborts if it does not work. */
void bare_open(struct bare *bare, const struct kernel_limits *limits);

/* Kills whoever is left and asserts that the pool is back to the exact byte. */
void bare_close(struct bare *bare);

/* A process of that user which may use every driver. Aborts if there is no room. */
struct process *bare_process(struct bare *bare, uint32_t uid);

/* The same where it may be refused. */
int bare_try_process(struct bare *bare, uint32_t uid, struct process **ret_process);

/* Fetches the oldest upcall, its output copied to bare->output. false: there is none. */
bool bare_fetch(struct process *process, struct record *ret);

/* A raw call: 0 or the negative error. ret may be NULL. */
int bare_call(struct process *process, uint32_t class, uint32_t number, const uint32_t args[4],
	      struct record_return *ret);

/* Walks every process and asserts that the books say the same. */
void bare_check_books(struct bare *bare);

/* A memfd of that size with these seals. */
int bare_memfd(size_t size, int seals);

/* window_add, and closes the descriptor. */
int bare_window(struct process *process, int fd, uint32_t *ret_number);

#endif
