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

#include <pluton/console.h>
#include <pluton/nv.h>
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

#define FAKE_FDS_MAX 3u
#define FAKE_TIME_HIGH 9u      /* the upper half of every time it tells */
#define FAKE_NEVER_MS 1000000u /* an alarm after this or more does not come */
#define FAKE_APPS 14u	       /* "app0" ... of which it answers for "app1" */
#define FAKE_AREAS_MAX 24u

struct fake_area {
	struct pluton_nv_row row; /* without a name: free */
	uint8_t data[40000];
};

#define FAKE_SCRATCH_MAX (1u << 20) /* decryption of more needs a sealed window */

struct fake_window {
	uint8_t *bytes;
	uint32_t size;
	bool sealed;
};

struct fake_daemon {
	_Atomic int fd;
	int listen_fd;		   /* 0: it serves one end of a pair */
	_Atomic unsigned crash_at; /* instead of serving the n-th operation from now; 0: never */
	_Atomic bool crash_every;  /* instead of serving any */
	_Atomic unsigned cut_offs; /* so many who connect are hung up on without a word */
	_Atomic unsigned window_crashes; /* ... or when they want to share a window */
	_Atomic unsigned connections;
	uint32_t restarts;
	_Atomic uint32_t operations_max;   /* 0: FAKE_OPERATIONS_MAX */
	_Atomic uint32_t greeting_refusal; /* this error for every HELLO; 0: accept */
	int client_fd;
	pthread_t thread;
	bool serving;
	struct fake_window windows[256]; /* by number; never given out again */
	_Atomic unsigned windows_added;
	unsigned windows_live; /* at the end: those the client never removed */
	unsigned windows_kept; /* removals refused: the standing operation has a range there */
	_Atomic unsigned operations;
	_Atomic uint32_t window_refusal; /* this error for every WINDOW_ADD; 0: accept */
	uint32_t stream_sum;		 /* of the one digest stream there is */
	uint32_t subscription;		 /* of FAKE_DRIVER */
	struct record_range allow;	 /* of FAKE_DRIVER's slot 0 */
	uint32_t lists; /* rows that a list of limits has: from 1000 * restarts on */
	uint8_t line[PLUTON_CONSOLE_LINE_MAX];
	uint32_t line_length, line_level;
	unsigned lines, lines_max; /* BUSY from the lines_max-th on */
	struct fake_area areas[FAKE_AREAS_MAX];
	unsigned disturbances; /* reads and states after which somebody writes */
	uint32_t disturbed_length;
	_Atomic uint32_t scratch;	  /* 0: FAKE_SCRATCH_MAX */
	_Atomic unsigned sealed_messages; /* decrypted */
	unsigned descriptors;		  /* that come with a channel; should be 1 */
	bool endless_rows;		  /* rows of apps and clients have no end */
	uint32_t controlled;		  /* the last command about an app */
};

/* A socketpair; nothing is sent. */
void fake_daemon_init(struct fake_daemon *fake);

/* Serves from now on, greeting included, until the client closes. */
void fake_daemon_serve(struct fake_daemon *fake);

/*
 * Serves whoever connects to `path`, one after the other, and is another daemon to each: restarted,
 * so to say. Its thread is alone with *fake.
 */
void fake_daemon_listen(struct fake_daemon *fake, const char *path);

/* Whoever is connected is connected no more. */
void fake_hang_up(struct fake_daemon *fake);

/* Closes this end and waits for the thread. The client's end belongs to the client. */
void fake_daemon_end(struct fake_daemon *fake);

/* By hand. */
void fake_send(const struct fake_daemon *fake, const struct record *record);
void fake_send_bytes(const struct fake_daemon *fake, const void *bytes, size_t size);
void fake_send_fd(const struct fake_daemon *fake, const struct record *record, int fd);
void fake_send_fds(const struct fake_daemon *fake, const struct record *record, const int *fds,
		   size_t count);
void fake_welcome(const struct fake_daemon *fake);

#endif
