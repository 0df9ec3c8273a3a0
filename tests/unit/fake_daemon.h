/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon for libpluton's tests, at the other end of a socketpair: either the test sends what it
 * likes by hand, or a thread serves with the simplest algorithms that still show every mistake in
 * placing and cutting data.
 */
#ifndef PLUTON_TESTS_FAKE_DAEMON_H
#define PLUTON_TESTS_FAKE_DAEMON_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <pluton/pluton.h>

#include "daemon/kernel/record.h"

#define FAKE_INLINE_MAX 1024u
#define FAKE_OPERATIONS_MAX 4u
#define FAKE_WINDOWS_MAX 4u
#define FAKE_WINDOW_SIZE_MAX (8u << 20)

/* Commands of FAKE_DRIVER. */
#define FAKE_DRIVER 0x90000001u
enum fake_command {
	FAKE_INVERT = 1, /* slot 1 := slot 0 with every bit flipped; word 1: how slots came */
	FAKE_ERROR = 2,	 /* fails with word 0, by an upcall */
	FAKE_REFUSE = 3, /* fails with word 0, by a return with a text */
	FAKE_HOLD = 4,	 /* answered with CANCEL when cancelled */
	FAKE_MORE = 5,	 /* word 0 upcalls with MORE, then the answer */
};

/* Word 1 of FAKE_INVERT's answer: a nibble for each slot. */
enum fake_place {
	FAKE_ABSENT = 0,
	FAKE_INLINE = 1,
	FAKE_WINDOW = 2,
};

struct fake_window {
	uint8_t *bytes;
	uint32_t size;
};

struct fake_daemon {
	int fd;
	int client_fd;
	pthread_t thread;
	bool serving;
	struct fake_window windows[256]; /* by number; never given out again */
	unsigned windows_added;
	unsigned windows_live; /* at the end: those the client never removed */
	unsigned windows_kept; /* removals refused: the standing operation has a range there */
	unsigned operations;
	uint32_t window_refusal;   /* this error for every WINDOW_ADD; 0: accept */
	uint32_t stream_sum;	   /* of the one digest stream there is */
	uint32_t subscription;	   /* of FAKE_DRIVER */
	struct record_range allow; /* of FAKE_DRIVER's slot 0 */
	uint32_t lists;		   /* rows that a list of limits has */
};

/* A socketpair; nothing is sent. */
void fake_daemon_init(struct fake_daemon *fake);

/* Serves from now on, greeting included, until the client closes. */
void fake_daemon_serve(struct fake_daemon *fake);

/* Closes this end and waits for the thread. The client's end belongs to the client. */
void fake_daemon_end(struct fake_daemon *fake);

/* By hand. */
void fake_send(const struct fake_daemon *fake, const struct record *record);
void fake_send_bytes(const struct fake_daemon *fake, const void *bytes, size_t size);
void fake_send_fd(const struct fake_daemon *fake, const struct record *record, int fd);
void fake_welcome(const struct fake_daemon *fake);

#endif
