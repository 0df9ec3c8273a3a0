/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closing what a client sent, and unmapping what it shared. The last close of a foreign descriptor
 * can take as long as the client likes (a lingering socket, a file system of its own), and even
 * memory takes its time: gigabytes of pages are freed by whoever closes or unmaps them last. So
 * neither happens on the loop's thread, unless it is certain to be quick.
 */
#ifndef PLUTON_CLOSER_H
#define PLUTON_CLOSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOSER_QUICK_BYTES (256u * 1024u) /* pages that are freed within some 20 µs */

struct closer {
	unsigned threads;
	int queue;	    /* write end of the threads' pipe; -1 until something takes long */
	uint64_t abandoned; /* not taken, because the queue was full */
};

/* With how many threads. One that hangs keeps its thread. */
#define CLOSER_WITH(count) ((struct closer){.threads = (count), .queue = -1})

/*
 * Takes the descriptor. A memfd that has at most CLOSER_QUICK_BYTES in pages is closed at once,
 * anything else by a thread. false: the queue is full, or there is no thread to be had; the
 * descriptor is open and the caller's.
 */
bool closer_take(struct closer *closer, int fd);

/* Unmaps memory of a memfd: a little at once, also where there is no thread; more by a thread. */
void closer_unmap(struct closer *closer, void *memory, size_t size);

/*
 * How much the closers of this program have taken and their threads not finished. Anybody may ask,
 * also after closer_close.
 */
uint32_t closer_under_way(void);

/* The threads end when they have finished what is queued; nobody waits for them. */
void closer_close(struct closer *closer);

#endif
