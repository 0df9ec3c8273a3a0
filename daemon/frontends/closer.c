/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipe of jobs and a few detached threads, started with the first job: clients that share little
 * and well never have them. The threads outlive the closer, so they know nothing of it.
 */
#include "daemon/frontends/closer.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES 512u /* what st_blocks counts in */

struct job {
	void *memory; /* NULL: close fd */
	size_t size;
	intptr_t fd;
};

/* Written and read whole, by any number of threads. */
static_assert(sizeof(struct job) <= PIPE_BUF, "a job is written in one piece");

static _Atomic uint32_t under_way;

static void *serve(void *argument)
{
	int queue = (int)(intptr_t)argument;
	struct job job;

	while (read(queue, &job, sizeof(job)) == (ssize_t)sizeof(job)) {
		if (job.memory)
			munmap(job.memory, job.size);
		else
			close((int)job.fd);
		atomic_fetch_sub(&under_way, 1);
	}
	close(queue);
	return NULL;
}

static bool start_thread(int queue)
{
	pthread_t thread;
	/* dup and not F_DUPFD_CLOEXEC, which ThreadSanitizer does not see to be the same pipe. */
	int own = dup(queue);

	if (own < 0)
		return false;
	if (fcntl(own, F_SETFD, FD_CLOEXEC) < 0 ||
	    pthread_create(&thread, NULL, serve, (void *)(intptr_t)own) != 0) {
		close(own);
		return false;
	}
	pthread_detach(thread);
	return true;
}

static void start(struct closer *closer)
{
	sigset_t all, before;
	unsigned started = 0;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	/* The loop's thread gets all signals. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned i = 0; i < closer->threads; i++)
		started += start_thread(ends[0]);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(ends[0]);
	if (!started || fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0) {
		close(ends[1]);
		return;
	}
	closer->queue = ends[1];
}

static bool hand_over(struct closer *closer, const struct job *job)
{
	if (closer->queue < 0)
		start(closer);
	atomic_fetch_add(&under_way, 1);
	if (closer->queue >= 0 && write(closer->queue, job, sizeof(*job)) == (ssize_t)sizeof(*job))
		return true;
	atomic_fetch_sub(&under_way, 1);
	return false;
}

/* Seals first: only memory has them, so no foreign file system is asked for the rest. */
static bool closes_quickly(int fd)
{
	struct stat st;

	return fcntl(fd, F_GET_SEALS) >= 0 && fstat(fd, &st) == 0 &&
	       (uint64_t)st.st_blocks * BLOCK_BYTES <= CLOSER_QUICK_BYTES;
}

bool closer_take(struct closer *closer, int fd)
{
	if (closes_quickly(fd)) {
		close(fd);
		return true;
	}
	if (hand_over(closer, &(struct job){.fd = fd}))
		return true;
	closer->abandoned++;
	return false;
}

void closer_unmap(struct closer *closer, void *memory, size_t size)
{
	const struct job job = {.memory = memory, .size = size};

	if (size <= CLOSER_QUICK_BYTES || !hand_over(closer, &job))
		munmap(memory, size);
}

uint32_t closer_under_way(void)
{
	return atomic_load(&under_way);
}

void closer_close(struct closer *closer)
{
	if (closer->queue >= 0)
		close(closer->queue);
	closer->queue = -1;
}
