/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closing what a client sent, and unmapping what it shared. The last close of a foreign descriptor
 * can take as long as the client likes (a lingering socket, a file system of its own), and even
 * memory takes its time: gigabytes of pages are freed by whoever closes or unmaps them last. So
 * neither happens on the loop's thread, unless it is certain to be quick.
 */
#ifndef PLUTON_CLOSER_H
#define PLUTON_CLOSER_H

#include <stddef.h>
#include <stdint.h>

#define CLOSER_QUICK_BYTES (256u * 1024u) /* pages that are freed within some 20 µs */
#define CLOSER_MAPPINGS 512u		  /* that wait; of descriptors, any number does */

struct closer {
	unsigned threads;
	uint64_t handed_over;	    /* what was not closed or unmapped at once */
	struct closer_queue *queue; /* NULL until something takes long */
};

/* With how many threads. One that hangs keeps its thread. */
#define CLOSER_WITH(count) ((struct closer){.threads = (count)})

/*
 * Takes the descriptor, always. A memfd that has at most CLOSER_QUICK_BYTES in pages is closed at
 * once; anything else by a thread, before which it may have to wait for others that hang.
 */
void closer_take(struct closer *closer, int fd);

/* Unmaps memory of a memfd: a little at once, and also with CLOSER_MAPPINGS; more by a thread. */
void closer_unmap(struct closer *closer, void *memory, size_t size);

/* How much waits for a thread: as long as it does, its descriptors are open. */
uint32_t closer_waiting(const struct closer *closer);

/*
 * How much the closers of this program have taken and their threads not finished. Anybody may ask,
 * also after closer_close.
 */
uint32_t closer_under_way(void);

/* The threads end when they have finished what waits; nobody waits for them. */
void closer_close(struct closer *closer);

#endif
