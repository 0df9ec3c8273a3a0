/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's end of the native link (docs/chip-link.md): sessions, sequence numbers, time limits,
 * repeats. It opens nothing and waits for nothing: whoever has the line brings octets in, takes
 * them out, and says what time it is.
 *
 * One request is on the line at a time; others wait in the order they came. Requests are answered
 * exactly once, and never before link_submit has returned.
 */
#ifndef PLUTON_CHIP_LINK_H
#define PLUTON_CHIP_LINK_H

#include <sys/types.h>

#include "backends/chip/backoff.h"
#include "backends/chip/frame.h"
#include "backends/chip/wire.h"

/* What a chip said of itself in its HELLO, checked. */
struct chip_caps {
	uint8_t boot[WIRE_NONCE_SIZE];
	size_t buffer; /* octets of data in one frame, 64..FRAME_DATA_MAX */
	uint32_t digests;
	uint32_t aes_modes;
	uint32_t aes_stream_modes;
	uint32_t aes_key_sizes;
	size_t length_max;
	size_t aad_max;
	size_t digest_state;
	size_t aes_state;
};

/* Embedded in who asks; stays, with its data, until it was answered. */
struct link_request {
	struct link_request *next;
	uint8_t type; /* WIRE_BEGIN, WIRE_PUT, WIRE_GET, WIRE_ABORT */
	uint8_t unit;
	uint8_t item;
	uint16_t length;
	const uint8_t *data;
	bool hurried; /* nobody wants its answer any more: a WAIT is not believed */
	/* 0, or the chip's error, or -PLUTON_EFAIL (no answer), or -PLUTON_ENODEVICE (gone). */
	void (*answered)(struct link_request *request, int result, const uint8_t *data,
			 size_t length);
};

struct link_options {
	uint64_t timeout_ms;  /* for one answer, before it is asked for again */
	unsigned retries;     /* how often that is done; then it has failed */
	uint64_t patience_ms; /* for how long in all WAIT is believed */
	unsigned backoff_max_ms;
	void *context;
	/* Puts octets on the line, all or none; what is lost there is asked for again. */
	void (*send)(void *context, const uint8_t *octets, size_t length);
	uint64_t (*now_ms)(void *context); /* monotonic */
	void (*random)(void *context, uint8_t *octets, size_t length);
	void (*up)(void *context, const struct chip_caps *caps);
	void (*down)(void *context, const char *why); /* after all requests were answered */
	/* Something is wrong that a person can do something about; NULL: nobody wants to know. */
	void (*trouble)(void *context, const char *what);
};

/* What came from the line since it is greeted. */
enum link_heard {
	LINK_HEARD_NOTHING = 0,
	LINK_HEARD_OCTETS,  /* and no frame of a chip's */
	LINK_HEARD_REFUSAL, /* it speaks no version that was offered */
	LINK_HEARD_UNFIT,   /* it greets, and what it says of itself cannot be */
};

enum link_state {
	LINK_CLOSED = 0, /* there is no line */
	LINK_GREETING,	 /* nobody has answered our HELLO yet */
	LINK_UP,
	LINK_RESYNCING, /* an answer never came */
};

struct link {
	struct link_options options;
	enum link_state state;
	enum link_heard heard;
	struct backoff backoff;
	struct frame_parser parser;
	struct chip_caps caps;	   /* valid from up to down */
	uint32_t generation;	   /* what was under way in an older one is lost */
	struct link_request *head; /* on the line, if `asking`; then those that wait */
	struct link_request **tail;
	bool asking;
	uint8_t session[WIRE_NONCE_SIZE];
	uint16_t sequence; /* of the frame on the line */
	uint8_t wire[FRAME_WIRE_MAX];
	size_t wire_length;
	unsigned sent;	      /* how often */
	size_t unasked;	      /* octets that have come since */
	uint64_t since_ms;    /* when it was sent first */
	uint64_t deadline_ms; /* 0: nothing is waited for */
	struct {
		uint64_t frames_out;
		uint64_t frames_in;
		uint64_t repeats;
		uint64_t stale; /* answers to what nobody waits for */
		uint64_t resyncs;
	} counters;
};

void link_init(struct link *link, const struct link_options *options);

/* There is a line now: begins to greet. */
void link_connect(struct link *link);

/* The line is gone: all requests are answered with -PLUTON_ENODEVICE. */
void link_disconnect(struct link *link);

void link_receive(struct link *link, const uint8_t *octets, size_t length);

/* To be called at link_deadline, CLOCK_MONOTONIC in ms; 0: there is none. */
void link_tick(struct link *link);
uint64_t link_deadline(const struct link *link);

/*
 * Octets without end have come and no answer among them: this is no chip, or one that has gone mad,
 * and it would keep the loop busy. Whoever has the line hangs up.
 */
bool link_babbles(const struct link *link);

/* Whether something is on the line, or waits for it. */
bool link_busy(const struct link *link);

/*
 * -PLUTON_ENODEVICE: the chip is not there, or is not any more as it was in this generation (it was
 * reset, or lost what it was doing). Then `answered` will not be called.
 */
int link_submit(struct link *link, struct link_request *request, uint32_t generation);

#endif
