/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a `struct pluton`: the socket, the records that wait to be sent, and the callbacks
 * that are due.
 *
 * The rule a newcomer would break first: taking in a record never runs a callback. It makes the
 * callback due; only pluton_dispatch, the yields and synchronous calls run what is due.
 */
#ifndef PLUTON_CLIENT_CONNECTION_H
#define PLUTON_CLIENT_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pluton/pluton.h>

#include "client-lib/loop.h"
#include "client-lib/memory.h"
#include "client-lib/operation.h"
#include "client-lib/reconnect.h"
#include "client-lib/rings.h"
#include "client-lib/trd104.h"
#include "daemon/kernel/record.h"

#define OUTGOING_MAX 64u	     /* records that may wait for room in the socket */
#define OPEN_TRIES 5u		     /* for one connection, where they are cut off */
#define CONNECTION_FDS_MAX 2	     /* that come with one record */
#define CONNECTION_MESSAGE_SIZE 256u /* bytes of a sentence, terminator included */

struct due_queue {
	struct due *head;
	struct due **tail;
};

/* A record that the socket had no room for. */
struct outgoing {
	struct outgoing *next;
	int fd; /* goes with it, owned by the caller who waits; or -1 */
	size_t size;
	uint8_t bytes[];
};

/* The one record that may be waiting for its RETURN. */
struct exchange {
	bool waiting;
	bool rings; /* it brings them */
	uint32_t driver;
	struct pluton_return answer;
};

struct timers;

struct pluton {
	int fd;
	int error;    /* 0, or what ended the connection */
	bool greeted; /* WELCOME has come */
	bool cut_off; /* it ended before that, without a word: as a daemon that stops does */
	bool unsent;  /* the last record found nobody at the other end */
	bool by_ring; /* the last record went that way, up to this index */
	uint32_t ring_end;
	uint64_t deadline_ms;	/* of waiting; 0: none */
	uint32_t streams_begun; /* by whatever function, modulo 2^32 */
	struct pluton_limits limits;
	struct due_queue due;
	struct outgoing *outgoing;
	unsigned outgoing_count;
	struct exchange exchange;
	struct pending_table pending;
	struct memory memory;
	struct trd104 trd104;
	struct reconnect reconnect;
	struct rings rings;
	struct loop *loop;		/* NULL: lost is lost, and what is polled is the socket */
	struct timers *timers;		/* NULL until the first is started */
	int in_fds[CONNECTION_FDS_MAX]; /* came with the record that is taken in; -1: none */
	bool in_lost;			/* some did, and this process had no number free for them */
	char message[CONNECTION_MESSAGE_SIZE];
	uint8_t in[RECORD_SIZE_MAX];  /* the record that is being taken in */
	uint8_t out[RECORD_SIZE_MAX]; /* the record that is being sent */
};

/*
 * A connection over a connected SEQPACKET socket, greeting included. Takes `fd` in every case.
 * `message` (may be NULL) gets a sentence on failure. Errors as pluton_open.
 */
int connection_open(int fd, struct pluton **ret, char *message, size_t message_size);

/* HELLO and WELCOME, waiting for at most so long; 0: as long as it takes. Errors as pluton_open. */
int connection_greet(struct pluton *pluton, int timeout_ms);

/*
 * A socket connected to `address`, which waits at most so long when it connects and receives (0:
 * as long as it takes), until open_settled. Errors and message as pluton_open_explained, and
 * -PLUTON_EBUSY: the time was over, and connecting still had to wait for others.
 */
int open_socket(const char *address, int timeout_ms, char *message, size_t message_size);
int open_settled(struct pluton *pluton);

/* true: try number `tries`, from 1, was cut off, and after a pause in here the next one is due. */
bool open_again(bool cut_off, unsigned tries);

/* CLOCK_MONOTONIC. */
uint64_t connection_now_ms(void);

/*
 * The same without waiting: HELLO is sent, and the greeting is taken in like any other record
 * (`greeted`); an operation may be submitted then.
 */
int connection_begin(int fd, struct pluton **ret, char *message, size_t message_size);

/*
 * Ends the connection with `error`; everything under way becomes due with it. Returns error. Only
 * -PLUTON_EOFF may be mended (reconnect.h).
 */
int connection_fail(struct pluton *pluton, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Notes a sentence for pluton_error_message and returns `error`. */
int connection_refuse(struct pluton *pluton, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* For a request that names a key slot: -PLUTON_EINVAL if it has a key as well. */
int connection_check_slot(struct pluton *pluton, const void *key, size_t key_size);

/* Notes the daemon's own sentence, or the error's where there is none. */
void connection_quote(struct pluton *pluton, int error, const char *text, size_t length);

/*
 * Sends a record, or keeps it until the socket has room. -PLUTON_EBUSY: OUTGOING_MAX are kept.
 * A peer that is gone is no error here: receiving finds out, after what it sent last.
 */
int connection_send(struct pluton *pluton, const struct record *record);

/* Sends a record (with a descriptor, or -1) and waits for its RETURN: 0 or the failure in it. */
int connection_exchange(struct pluton *pluton, const struct record *record, int fd,
			struct pluton_return *ret);

/* Sends what waits and takes in what is there, without waiting. 0 or what ended the connection. */
int connection_turn(struct pluton *pluton);

/* Waits until something happened on the socket and deals with it. 0 or as above. */
int connection_wait(struct pluton *pluton);

/* Waits until all records are sent. */
int connection_flush(struct pluton *pluton);

/* Runs what is due now, not what that makes due. Says how many functions ran. */
int connection_run_due(struct pluton *pluton);

void due_push(struct pluton *pluton, struct due *due);

/* Takes the first one out and runs it. false: nothing is due. *ret_ran: a function ran. */
bool due_run(struct pluton *pluton, bool *ret_ran);

#endif
