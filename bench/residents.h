/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plutond's machine inside this program, and its clients: processes, each with a window of its own,
 * that ask without a socket. What is measured is what happens between a request's record and its
 * answer: kernel, capsule, engine.
 */
#ifndef PLUTON_BENCH_RESIDENTS_H
#define PLUTON_BENCH_RESIDENTS_H

#include <stdint.h>

#include "daemon/config.h"
#include "daemon/kernel/record.h"
#include "daemon/machine.h"

#define RESIDENT_MESSAGE 4096u /* bytes of a client's message */
#define RESIDENTS_MAX 1000u

/* Where things lie in a client's window. */
#define RESIDENT_INPUT 0u
#define RESIDENT_OUTPUT RESIDENT_MESSAGE
#define RESIDENT_RESULT (2u * RESIDENT_MESSAGE) /* a tag or a digest */
#define RESIDENT_WINDOW (3u * RESIDENT_MESSAGE)

struct resident {
	struct process *process;
	uint8_t *window; /* our side */
	uint32_t number; /* the kernel's */
	uint32_t stream; /* what the last answer's first word was */
};

struct residents {
	struct config *config;
	struct machine *machine;
	size_t count;
	struct resident clients[RESIDENTS_MAX];
};

/* Capsules besides plutond's own, ended by NULL. */
void residents_open(struct residents *residents, const struct capsule *const *more);
void residents_close(struct residents *residents);

/* Come until there are `count`; or the last ones go. */
void residents_settle(struct residents *residents, size_t count);

/* What a client asks. */
typedef void (*request_fn)(const struct resident *client, struct record *record);

/* All of `count` clients from `first` on ask before the first is answered. */
void residents_ask(struct residents *residents, size_t first, size_t count, request_fn request);
/* The same in its two halves. */
void residents_submit(struct residents *residents, size_t first, size_t count, request_fn request);
void residents_answer(struct residents *residents, size_t first, size_t count);

/* The next slot's range of the client's window. */
void residents_range(struct record *record, unsigned slot, const struct resident *client,
		     uint32_t offset, uint32_t length);

/* What clients made the machine take from its pool, and of it what grants have and use. */
struct residents_memory {
	size_t taken;
	size_t grants_taken;
	size_t grants_used;
};
struct residents_memory residents_measure(const struct residents *residents);

/* Bytes that capsules copied from and to windows since the last time; lent ones are none. */
uint64_t residents_copied(struct residents *residents);
/* Copies are counted only while this is on: it costs time. */
void residents_count(struct residents *residents, bool on);

#endif
