/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker threads: they take work off the loop and come back with an interrupt.
 *
 * Work belongs to the worker from submit until its interrupt runs; nobody else touches it then,
 * but for `cancelled`. A worker touches only lent memory and its own.
 */
#ifndef PLUTON_BACKENDS_WORKER_H
#define PLUTON_BACKENDS_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/kernel/interrupt.h"

/* Bytes until others have a turn, and until `cancelled` is looked at. */
#define WORK_SLICE (64u * 1024)

/* What run returns besides a result: there is more to do. */
#define WORK_MORE 1

/* Embedded in what is worked on. */
struct work {
	struct work *next;
	/* On a worker thread. After WORK_MORE again, behind all that waits by then. */
	int (*run)(struct work *work);
	int result; /* what run returned last; WORK_MORE only where it was cancelled */
	atomic_bool cancelled;
	struct interrupt finished; /* on the loop's thread */
};

struct worker_pool {
	struct interrupt_queue *interrupts;
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	struct work *head; /* oldest first */
	struct work **tail;
	bool closing;
	unsigned count;
	pthread_t *threads;
};

/* -PLUTON_ENOMEM: no memory or no threads. The pool must not move. */
int worker_pool_open(struct worker_pool *pool, struct interrupt_queue *interrupts, unsigned count);

/* Joins the threads. Nothing may be under way. Zeroed memory is fine too. */
void worker_pool_close(struct worker_pool *pool);

/* work->run and work->finished.run are set. */
void worker_pool_submit(struct worker_pool *pool, struct work *work);

/* For run, after a slice: the error, or whether there is more. */
static inline int work_goes_on(int r, bool more)
{
	return r < 0 ? r : more ? WORK_MORE : 0;
}

#endif
