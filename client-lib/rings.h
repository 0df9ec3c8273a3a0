/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of the rings (docs/protocol.md section 10): asked for once a connection is
 * busy, and gone with it. Whoever has none uses the socket.
 *
 * The rule a newcomer would break first: whoever returns to the user has armed the doorbell, or an
 * event loop sleeps beside an answer. rings_rest does that.
 */
#ifndef PLUTON_CLIENT_RINGS_H
#define PLUTON_CLIENT_RINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pluton/pluton.h>

#include "daemon/kernel/ring.h"
#include "daemon/kernel/spin.h"

/* Operations by the socket before rings are worth their setting up. */
#define RINGS_AFTER 16u

struct rings {
	void *memory; /* NULL: none, the socket is used */
	size_t size;  /* bytes of it */
	int doorbell;
	struct ring requests;
	struct ring answers;
	struct spin spin;
	bool may_spin;
	bool asked;	     /* for them, on this connection: once is enough */
	bool offered;	     /* in the greeting */
	bool corked;	     /* what is put in stays unseen until somebody waits */
	bool unseen;	     /* and there is such */
	bool armed;	     /* the daemon rings for an answer */
	unsigned operations; /* on this connection, until there are rings */
	/* lives longer than a connection */
	bool off;	/* by the user */
	bool forbidden; /* by PLUTON_RINGS */
	bool early;	/* the same */
};

/* What the environment says. */
void rings_init(struct rings *rings);

/* Gives them back; the connection is over or about to be. */
void rings_close(struct rings *rings);

/* The next connection starts without. */
void rings_forget(struct rings *rings);

/* One operation more: asks for rings if it is time, and goes on without if there are none. */
void rings_count_operation(struct pluton *pluton);

/* The descriptors of a RETURN to RINGS_OPEN; takes both in every case. -PLUTON_EBADRVAL, … */
int rings_take_over(struct pluton *pluton, uint32_t size, int memory, int doorbell);

static inline bool rings_open(const struct rings *rings)
{
	return rings->memory != NULL;
}

/*
 * Puts a record in: 1, with the index behind it in *ret_end; 0: no room; negative: what ended the
 * connection. rings_push lets the daemon see it, and wakes it.
 */
int rings_put(struct pluton *pluton, const void *record, size_t size, uint32_t *ret_end);
void rings_push(struct rings *rings);

/* From now on the daemon wakes us for room. true: there is room already. */
bool rings_await_room(struct rings *rings, size_t size);

/* true: the daemon has taken what ends at that index, so it may have been done. */
bool rings_was_taken(const struct rings *rings, uint32_t end);

/* One record into pluton->in: its size; 0: none there; negative: what ended the connection. */
int rings_take(struct pluton *pluton);

/* From now on the daemon wakes us. true: an answer is there already, and it does not. */
bool rings_rest(struct rings *rings);

/* Looks for an answer for a while, if that is worth it. true: one is there. */
bool rings_look(struct rings *rings);

/* CLOCK_MONOTONIC. */
uint64_t rings_now_us(void);

/* A DOORBELL came. */
void rings_rung(struct rings *rings);

#endif
