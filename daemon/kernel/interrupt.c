/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A locked list and an eventfd. The lock is held for pointer moves only, never while a handler
 * runs.
 */
#include "daemon/kernel/interrupt.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pluton/error.h"

int interrupt_queue_init(struct interrupt_queue *queue)
{
	*queue = (struct interrupt_queue){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (queue->fd < 0)
		return -PLUTON_ENOMEM;
	queue->tail = &queue->head;
	if (pthread_mutex_init(&queue->lock, NULL) != 0) {
		close(queue->fd);
		return -PLUTON_ENOMEM;
	}
	return 0;
}

void interrupt_queue_close(struct interrupt_queue *queue)
{
	close(queue->fd);
	pthread_mutex_destroy(&queue->lock);
}

void interrupt_raise(struct interrupt_queue *queue, struct interrupt *interrupt)
{
	bool first = false;

	pthread_mutex_lock(&queue->lock);
	if (!interrupt->raised) {
		first = !queue->head;
		interrupt->raised = true;
		interrupt->next = NULL;
		*queue->tail = interrupt;
		queue->tail = &interrupt->next;
	}
	pthread_mutex_unlock(&queue->lock);
	/* A full counter (EAGAIN) is readable too: nothing is lost. */
	if (first && eventfd_write(queue->fd, 1) < 0)
		return;
}

static struct interrupt *take_all(struct interrupt_queue *queue)
{
	struct interrupt *list;

	pthread_mutex_lock(&queue->lock);
	list = queue->head;
	queue->head = NULL;
	queue->tail = &queue->head;
	pthread_mutex_unlock(&queue->lock);
	return list;
}

static struct interrupt *lower(struct interrupt_queue *queue, struct interrupt *interrupt)
{
	struct interrupt *next;

	pthread_mutex_lock(&queue->lock);
	next = interrupt->next;
	interrupt->raised = false;
	pthread_mutex_unlock(&queue->lock);
	return next;
}

size_t interrupt_queue_run(struct interrupt_queue *queue)
{
	eventfd_t count;
	size_t ran = 0;

	if (eventfd_read(queue->fd, &count) < 0)
		count = 0; /* nothing was raised: the list is empty too */
	for (struct interrupt *i = take_all(queue); i;) {
		struct interrupt *next = lower(queue, i);

		i->run(i);
		ran++;
		i = next;
	}
	return ran;
}
