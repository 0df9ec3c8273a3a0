/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept so that a lost connection can be made again: where to, and what was lost with it.
 *
 * The rule a newcomer would break first: what is due stays due. Making the connection again takes
 * no callback out of the queue and runs none.
 */
#ifndef PLUTON_CLIENT_RECONNECT_H
#define PLUTON_CLIENT_RECONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include <pluton/pluton.h>

#define RECONNECT_TIMEOUT_MS 5000 /* unless pluton_set_reconnect says another */

/* Something that waits for its turn to run; what it belongs to begins with it or holds it. */
struct due {
	struct due *next;
	/* Takes it apart and runs the user's function; false: there was none to run. */
	bool (*run)(struct pluton *pluton, struct due *due);
};

struct reconnect {
	char *address;	     /* NULL: a lost connection stays lost */
	int timeout_ms;	     /* as pluton_set_reconnect; 0: likewise */
	uint32_t connection; /* counts them, from 1 */
	bool trying;	     /* one is being made: whatever ends that ends nothing else */
	bool told;	     /* dispatch or a yield has returned -PLUTON_EOFF for this loss */
	bool raw_used;	     /* raw calls were made on this connection */
	bool raw_lost;	     /* ... and on one that is gone, and nobody has been told */
	unsigned pause_ms;   /* between tries of an event loop */
	uint64_t next_try_ms;
	struct due again; /* function, once the connection is there again */
	bool again_due;
	pluton_reconnected_fn function;
	void *userdata;
};

/* true: the connection is gone, and whoever needs it makes it again. */
bool reconnect_wanted(const struct pluton *pluton);

/* What the end of the connection took along. */
void reconnect_lost(struct pluton *pluton);

/*
 * 0: there is a connection, the old one or a new one; else what ended it, or why there is none.
 * Tries for as long as pluton_set_reconnect says, or once.
 */
int reconnect_wait(struct pluton *pluton);
int reconnect_try(struct pluton *pluton);

/*
 * For an event loop, where there is no connection: -PLUTON_EOFF once for each loss, else tries
 * when it is time for that. 0: there is one now, or the descriptor will say when to call again.
 */
int reconnect_dispatch(struct pluton *pluton);

/* The same for a yield, which waits or not. */
int reconnect_yield(struct pluton *pluton, bool wait);

/* Before a raw call: -PLUTON_EOFF once if subscriptions and allows are lost; else as wait. */
int reconnect_raw(struct pluton *pluton);

/* -PLUTON_EOFF, with a sentence: the connection was lost during a raw call. */
int reconnect_raw_lost(struct pluton *pluton);

/* true: that connection is lost, and there is another or may be one. */
bool reconnect_since(const struct pluton *pluton, uint32_t connection);

void reconnect_close(struct pluton *pluton);

#endif
