/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One queue, a few threads. They block every signal, so that the loop's thread gets them all.
 *
 * The rule a newcomer would break first: who has a megabyte to hash does not keep a thread from
 * who has a signature to make. Long work gives it back after each slice.
 */
#include "backends/worker.h"

#include <signal.h>
#include <stdlib.h>

#include "pluton/error.h"

/* The oldest work there is; waits for some. NULL: the pool is closing. */
static struct work *take(struct worker_pool *pool)
{
	struct work *work;

	pthread_mutex_lock(&pool->lock);
	while (!pool->head && !pool->closing)
		pthread_cond_wait(&pool->wanted, &pool->lock);
	work = pool->head;
	if (work) {
		pool->head = work->next;
		if (!pool->head)
			pool->tail = &pool->head;
	}
	pthread_mutex_unlock(&pool->lock);
	return work;
}

/* With the lock held. */
static void append(struct worker_pool *pool, struct work *work)
{
	work->next = NULL;
	*pool->tail = work;
	pool->tail = &work->next;
}

/* Nobody has to be woken: this thread takes the next work, and who else waits has its own. */
static void put_back(struct worker_pool *pool, struct work *work)
{
	pthread_mutex_lock(&pool->lock);
	append(pool, work);
	pthread_mutex_unlock(&pool->lock);
}

static void *serve(void *argument)
{
	struct worker_pool *pool = argument;

	for (struct work *work = take(pool); work; work = take(pool)) {
		work->result = work->run(work);
		if (work->result == WORK_MORE && !atomic_load(&work->cancelled))
			put_back(pool, work);
		else
			interrupt_raise(pool->interrupts, &work->finished);
	}
	return NULL;
}

void worker_pool_submit(struct worker_pool *pool, struct work *work)
{
	work->result = 0;
	pthread_mutex_lock(&pool->lock);
	append(pool, work);
	pthread_cond_signal(&pool->wanted);
	pthread_mutex_unlock(&pool->lock);
}

static int start_worker(struct worker_pool *pool)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&pool->threads[pool->count], NULL, serve, pool);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0)
		return -PLUTON_ENOMEM;
	pool->count++;
	return 0;
}

/* Locks that cannot be made are as threads that cannot: there is no memory for them. */
static int open_queue(struct worker_pool *pool)
{
	pool->tail = &pool->head;
	if (pthread_mutex_init(&pool->lock, NULL) != 0)
		return -PLUTON_ENOMEM;
	if (pthread_cond_init(&pool->wanted, NULL) != 0) {
		pthread_mutex_destroy(&pool->lock);
		return -PLUTON_ENOMEM;
	}
	return 0;
}

int worker_pool_open(struct worker_pool *pool, struct interrupt_queue *interrupts, unsigned count)
{
	*pool = (struct worker_pool){.interrupts = interrupts};
	pool->threads = calloc(count, sizeof(*pool->threads));
	if (!pool->threads)
		return -PLUTON_ENOMEM;
	if (open_queue(pool) < 0) {
		free(pool->threads);
		*pool = (struct worker_pool){0};
		return -PLUTON_ENOMEM;
	}
	while (pool->count < count) {
		int r = start_worker(pool);

		if (r < 0) {
			worker_pool_close(pool);
			return r;
		}
	}
	return 0;
}

void worker_pool_close(struct worker_pool *pool)
{
	if (!pool->threads)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->closing = true;
	pthread_cond_broadcast(&pool->wanted);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->count; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->wanted);
	pthread_mutex_destroy(&pool->lock);
	free(pool->threads);
	*pool = (struct worker_pool){0};
}
