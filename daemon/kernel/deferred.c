/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of deferred calls. A call is taken out before it runs, so that it may set itself again.
 */
#include "daemon/kernel/deferred.h"

void deferred_queue_init(struct deferred_queue *queue)
{
	queue->head = NULL;
	queue->tail = &queue->head;
}

void deferred_call_init(struct deferred_call *call, struct deferred_queue *queue,
			void (*run)(struct deferred_call *call))
{
	*call = (struct deferred_call){.queue = queue, .run = run};
}

void deferred_call_set(struct deferred_call *call)
{
	if (call->queued)
		return;
	call->queued = true;
	call->next = NULL;
	*call->queue->tail = call;
	call->queue->tail = &call->next;
}

static void take_out(struct deferred_queue *queue, struct deferred_call **link)
{
	struct deferred_call *call = *link;

	*link = call->next;
	if (!call->next)
		queue->tail = link;
	call->next = NULL;
	call->queued = false;
}

void deferred_call_drop(struct deferred_call *call)
{
	if (!call->queued)
		return;
	for (struct deferred_call **link = &call->queue->head; *link; link = &(*link)->next) {
		if (*link == call) {
			take_out(call->queue, link);
			return;
		}
	}
}

size_t deferred_queue_run(struct deferred_queue *queue, size_t budget)
{
	size_t ran = 0;

	while (queue->head && ran < budget) {
		struct deferred_call *call = queue->head;

		take_out(queue, &queue->head);
		call->run(call);
		ran++;
	}
	return ran;
}
