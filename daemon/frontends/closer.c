/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue and a few detached threads, started with the first job: clients that share little and
 * well never have them. The threads outlive the closer, so they know only the queue, which goes
 * with the last of them. The rule a newcomer would break first: nothing that was taken is given
 * back or forgotten, whatever hangs, because every client could then use up all descriptors.
 */
#include "daemon/frontends/closer.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES 512u      /* what st_blocks counts in */
#define LINKS_AT_FIRST 65536u /* at most; only those used cost memory */

struct mapping {
	void *memory;
	size_t size;
};

/* Descriptors wait in a list that is never full: an open one has its place at its own number. */
struct closer_queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	unsigned threads;
	unsigned idle; /* threads that wait for a job */
	bool ending;   /* the closer is gone */
	uint32_t waiting;
	int first, last; /* -1: none */
	int *links;	 /* of a descriptor that waits: the next one, or -1 */
	size_t link_count;
	struct mapping mappings[CLOSER_MAPPINGS];
	unsigned mapping_count;
};

struct job {
	struct mapping mapping;
	int fd; /* -1: unmap */
};

static _Atomic uint32_t under_way;

/* --- the queue, with its lock held ------------------------------------------------------------ */

static bool has_link(struct closer_queue *queue, int fd)
{
	size_t wanted = (size_t)fd + 1;
	int *links;

	if (wanted <= queue->link_count)
		return true;
	wanted = wanted > 2 * queue->link_count ? wanted : 2 * queue->link_count;
	links = reallocarray(queue->links, wanted, sizeof(*links));
	if (!links)
		return false;
	queue->links = links;
	queue->link_count = wanted;
	return true;
}

static bool put_descriptor(struct closer_queue *queue, int fd)
{
	if (!has_link(queue, fd))
		return false;
	queue->links[fd] = -1;
	if (queue->first < 0)
		queue->first = fd;
	else
		queue->links[queue->last] = fd;
	queue->last = fd;
	return true;
}

static bool put(struct closer_queue *queue, const struct job *job)
{
	if (job->fd >= 0 && !put_descriptor(queue, job->fd))
		return false;
	if (job->fd < 0 && queue->mapping_count == CLOSER_MAPPINGS)
		return false;
	if (job->fd < 0)
		queue->mappings[queue->mapping_count++] = job->mapping;
	queue->waiting++;
	return true;
}

/* false: nothing waits. */
static bool get(struct closer_queue *queue, struct job *ret)
{
	if (!queue->waiting)
		return false;
	queue->waiting--;
	*ret = (struct job){.fd = queue->first};
	if (ret->fd >= 0)
		queue->first = queue->links[ret->fd];
	else
		ret->mapping = queue->mappings[--queue->mapping_count];
	return true;
}

static void free_queue(struct closer_queue *queue)
{
	pthread_mutex_destroy(&queue->lock);
	pthread_cond_destroy(&queue->filled);
	free(queue->links);
	free(queue);
}

/* --- threads ---------------------------------------------------------------------------------- */

static void finish(const struct job *job)
{
	if (job->fd >= 0)
		close(job->fd);
	else
		munmap(job->mapping.memory, job->mapping.size);
	atomic_fetch_sub(&under_way, 1);
}

/* Waits for one. false: there will be none. */
static bool next_job(struct closer_queue *queue, struct job *ret)
{
	bool found;

	pthread_mutex_lock(&queue->lock);
	queue->idle++;
	while (!(found = get(queue, ret)) && !queue->ending)
		pthread_cond_wait(&queue->filled, &queue->lock);
	queue->idle--;
	pthread_mutex_unlock(&queue->lock);
	return found;
}

static void *serve(void *argument)
{
	struct closer_queue *queue = argument;
	struct job job;
	bool last;

	while (next_job(queue, &job))
		finish(&job);
	pthread_mutex_lock(&queue->lock);
	last = --queue->threads == 0;
	pthread_mutex_unlock(&queue->lock);
	if (last)
		free_queue(queue);
	return NULL;
}

/* Those that are missing: all at first, and later what could not be had then. */
static void start_threads(struct closer_queue *queue, unsigned wanted)
{
	sigset_t all, before;
	pthread_t thread;

	/* The loop's thread gets all signals. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (queue->threads < wanted && pthread_create(&thread, NULL, serve, queue) == 0) {
		pthread_detach(thread);
		queue->threads++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static struct closer_queue *make_queue(void)
{
	struct closer_queue *queue = calloc(1, sizeof(*queue));
	struct rlimit descriptors;

	if (!queue)
		return NULL;
	getrlimit(RLIMIT_NOFILE, &descriptors);
	queue->link_count = descriptors.rlim_cur < LINKS_AT_FIRST ? (size_t)descriptors.rlim_cur
								  : LINKS_AT_FIRST;
	queue->links = malloc((queue->link_count + 1) * sizeof(*queue->links));
	queue->first = -1;
	if (!queue->links) {
		free(queue);
		return NULL;
	}
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->filled, NULL);
	return queue;
}

/* --- the loop's side -------------------------------------------------------------------------- */

/* false: there is no memory to remember it, or of mappings there are too many. */
static bool hand_over(struct closer *closer, const struct job *job)
{
	struct closer_queue *queue = closer->queue;
	bool taken;

	if (!queue)
		queue = closer->queue = make_queue();
	if (!queue)
		return false;
	atomic_fetch_add(&under_way, 1);
	pthread_mutex_lock(&queue->lock);
	if (queue->threads < closer->threads)
		start_threads(queue, closer->threads);
	taken = put(queue, job);
	if (taken && queue->idle)
		pthread_cond_signal(&queue->filled);
	pthread_mutex_unlock(&queue->lock);
	if (!taken)
		atomic_fetch_sub(&under_way, 1);
	closer->handed_over += taken;
	return taken;
}

/* Seals first: only memory has them, so no foreign file system is asked for the rest. */
static bool closes_quickly(int fd)
{
	struct stat st;

	return fcntl(fd, F_GET_SEALS) >= 0 && fstat(fd, &st) == 0 &&
	       (uint64_t)st.st_blocks * BLOCK_BYTES <= CLOSER_QUICK_BYTES;
}

/* Without memory to remember it waiting is better than losing it. */
void closer_take(struct closer *closer, int fd)
{
	if (closes_quickly(fd) || !hand_over(closer, &(struct job){.fd = fd}))
		close(fd);
}

void closer_unmap(struct closer *closer, void *memory, size_t size)
{
	const struct job job = {.mapping = {memory, size}, .fd = -1};

	if (size <= CLOSER_QUICK_BYTES || !hand_over(closer, &job))
		munmap(memory, size);
}

uint32_t closer_waiting(const struct closer *closer)
{
	uint32_t waiting;

	if (!closer->queue)
		return 0;
	pthread_mutex_lock(&closer->queue->lock);
	waiting = closer->queue->waiting;
	pthread_mutex_unlock(&closer->queue->lock);
	return waiting;
}

uint32_t closer_under_way(void)
{
	return atomic_load(&under_way);
}

void closer_close(struct closer *closer)
{
	struct closer_queue *queue = closer->queue;
	struct job job;
	bool alone;

	closer->queue = NULL;
	if (!queue)
		return;
	pthread_mutex_lock(&queue->lock);
	queue->ending = true;
	alone = queue->threads == 0;
	pthread_cond_broadcast(&queue->filled);
	pthread_mutex_unlock(&queue->lock);
	if (!alone)
		return;
	/* There was never a thread to be had. */
	while (get(queue, &job))
		finish(&job);
	free_queue(queue);
}
