/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line to a chip: a tty, raw, ours alone, on the daemon's event loop. Found by its path; when
 * it goes it is looked for again, ever more seldom, until it is there (backoff.h). It has no timer:
 * whoever opened it says what time it is.
 */
#ifndef PLUTON_CHIP_TRANSPORT_H
#define PLUTON_CHIP_TRANSPORT_H

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/chip/backoff.h"

#define TRANSPORT_OUT_MAX 2048u

struct transport_options {
	struct event_base *base;
	const char *path; /* stays */
	unsigned backoff_max_ms;
	void *context;
	uint64_t (*now_ms)(void *context); /* monotonic */
	void (*connected)(void *context);
	void (*received)(void *context, const uint8_t *octets, size_t length);
	void (*gone)(void *context); /* only after connected; never from inside transport_send */
	/* Why the path cannot be used; once, until it could or there is another reason. */
	void (*failed)(void *context, const char *why);
};

struct transport {
	struct transport_options options;
	int fd; /* -1: there is none */
	struct event readable;
	struct event writable;
	struct backoff backoff;
	uint64_t look_ms; /* when to look for it again; 0: not */
	const char *told; /* `failed` was called with this reason; NULL: it was not */
	uint8_t out[TRANSPORT_OUT_MAX];
	size_t out_length; /* what the tty has not taken yet */
};

/* Opens the path now, or as soon as it is there. The transport must not move. */
void transport_open(struct transport *transport, const struct transport_options *options);
void transport_close(struct transport *transport);

/* Gives up a line that is there, as if it had gone by itself. */
void transport_lose(struct transport *transport);

/* To be called at transport_deadline; 0: there is none. */
void transport_tick(struct transport *transport);
uint64_t transport_deadline(const struct transport *transport);

/* All of them or, where the line is stuck or memory is short, not all: some are lost then. */
void transport_send(struct transport *transport, const uint8_t *octets, size_t length);

#endif
