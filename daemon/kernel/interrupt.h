/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupts: how a worker thread, the only thing here that is not on the loop's thread, says that
 * it is done. interrupt_raise is the one function of the kernel that any thread may call.
 */
#ifndef PLUTON_INTERRUPT_H
#define PLUTON_INTERRUPT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* Embedded in its owner; must stay until it has run. */
struct interrupt {
	struct interrupt *next;
	void (*run)(struct interrupt *interrupt); /* on the loop's thread */
	bool raised;
};

struct interrupt_queue {
	pthread_mutex_t lock;
	struct interrupt *head;
	struct interrupt **tail;
	int fd; /* an eventfd: readable while something is raised */
};

/* -PLUTON_ENOMEM: no descriptor to be had. */
int interrupt_queue_init(struct interrupt_queue *queue);
void interrupt_queue_close(struct interrupt_queue *queue);

/* Any thread. Raising one that is raised already does nothing. */
void interrupt_raise(struct interrupt_queue *queue, struct interrupt *interrupt);

/* Loop thread: clears the descriptor, runs all that were raised, returns how many. */
size_t interrupt_queue_run(struct interrupt_queue *queue);

#endif
