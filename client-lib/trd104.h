/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the raw calls keep: subscriptions, and upcalls that came and were not run yet.
 *
 * The rule a newcomer would break first: an upcall belongs to the subscription that it was sent
 * under. One with another token than the current one is dropped.
 */
#ifndef PLUTON_CLIENT_TRD104_H
#define PLUTON_CLIENT_TRD104_H

#include <pluton/pluton.h>

struct record;
struct subscription;

/* Upcalls that may wait to be run: raw calls are refused from the first on, the second is fatal. */
#define UPCALLS_SOFT_MAX 128u
#define UPCALLS_MAX 256u

struct trd104 {
	struct subscription *subscriptions;
	uint32_t token;	      /* the last one given out */
	unsigned upcalls_due; /* in the queue of the connection */
};

/* An UPCALL of a standing operation. 0 or what ended the connection. */
int trd104_upcall(struct pluton *pluton, const struct record *record);

/* The connection is gone, and all subscriptions with it; upcalls that came still run. */
void trd104_lost(struct pluton *pluton);

void trd104_close(struct pluton *pluton);

#endif
