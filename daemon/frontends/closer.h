/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closing what a client sent. The last close of a foreign descriptor can take as long as the client
 * likes (a lingering socket, a file system of its own), so it never happens on the loop's thread.
 */
#ifndef PLUTON_CLOSER_H
#define PLUTON_CLOSER_H

#include <stdbool.h>
#include <stdint.h>

struct closer {
	int queue;	    /* write end of the threads' pipe; -1 until the first descriptor */
	uint64_t abandoned; /* left open, because the queue was full */
};

#define CLOSER_NONE ((struct closer){.queue = -1})

/*
 * Takes the descriptor. A memfd is closed at once, which cannot block; anything else by a thread.
 * false: the queue is full, or there is no thread to be had, and the descriptor stays open.
 */
bool closer_take(struct closer *closer, int fd);

/* The threads end when they have closed what is queued; nobody waits for them. */
void closer_close(struct closer *closer);

#endif
