/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process's pair of rings in shared memory (docs/protocol.md section 10), and which of them the
 * loop looks at for a moment before it sleeps. Records are the channel's business.
 *
 * Everything here is the daemon's own: the memory, which can neither shrink nor grow, and the
 * eventfd that a process wakes us with. That one is never read or written here, because the process
 * shares its flags and could make either block: each ring of it is an edge for epoll. We wake a
 * process with a record on its socket, whose sending it cannot make block.
 */
#ifndef PLUTON_RINGS_H
#define PLUTON_RINGS_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "daemon/kernel/process.h"
#include "daemon/kernel/ring.h"
#include "daemon/kernel/spin.h"

#define RINGS_EVENT_COST 64u /* libevent's map entry; tests/unit/costs_test.c */
#define RINGS_DESCRIPTORS 2  /* that a process is given */
#define SPINNER_RINGS_MAX 8u /* looked at together */
#define SPINNER_LOOK_US 2u   /* until others get a look */

struct rings {
	struct process *process;
	struct event event; /* of the doorbell */
	struct ring requests;
	struct ring answers;
	void *memory;
	size_t size; /* bytes of it */
	int doorbell;
	uint32_t charge;
	uint32_t barrier; /* how far to take requests before the socket's next record */
	bool published;	  /* answers, since somebody looked whether to wake the process */
	bool blocked;	  /* no request is taken until a RETURN found room */
	bool may_spin;	  /* the process may run while we do */
	bool looked_at;	  /* by the spinner */
};

/* A ring that was used a moment ago, and is looked at instead of waiting for its doorbell. */
struct spinner {
	struct spin spin;
	struct rings *rings[SPINNER_RINGS_MAX];
	unsigned count;
	unsigned next;	    /* to be looked at first */
	uint64_t since_us;  /* something came, or somebody joined */
	uint64_t rested_us; /* a ring's doorbell was armed; 0: a request has come since */
};

/*
 * In the process's arena and on its book, and its memory on its user's. `on_doorbell` gets the
 * process. *ret_memory is the memfd for the process, to be closed. With a sentence in kernel->why:
 * -PLUTON_EBUSY: windows_per_user, or descriptors are scarce. -PLUTON_ENOMEM.
 */
int rings_make(struct process *process, struct event_base *base, event_callback_fn on_doorbell,
	       struct rings **ret, int *ret_memory);
void rings_free(struct rings *rings);

/* false: this event loop cannot tell one doorbell from the next. */
bool rings_possible(const struct event_base *base);

/* The doorbell's handler runs in the next pass, as if it had been rung. */
void rings_turn_again(struct rings *rings);

/* --- the spinner ----------------------------------------------------------------------------- */

/* true: it is looked at, and nobody has to ring. */
bool spinner_join(struct spinner *spinner, struct rings *rings, uint64_t now_us);
void spinner_leave(struct spinner *spinner, struct rings *rings);

/* The ring's doorbell is armed; and a doorbell has brought a request. */
void spinner_rested(struct spinner *spinner, uint64_t now_us);
void spinner_woken(struct spinner *spinner, uint64_t now_us);

/*
 * Looks for SPINNER_LOOK_US at most. The one that has a request, or NULL. *ret_over: none had for
 * so long that everybody should rest.
 */
struct rings *spinner_look(struct spinner *spinner, bool *ret_over);

#endif
