/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipe of descriptor numbers and a few detached threads, started when the first client sends
 * something that is no memfd: a well-behaved system never has them.
 */
#include "daemon/frontends/closer.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define CLOSER_THREADS 4

static void *serve(void *argument)
{
	int queue = (int)(intptr_t)argument;
	int fd;

	/* Numbers are written and read whole: four bytes are far below PIPE_BUF. */
	while (read(queue, &fd, sizeof(fd)) == (ssize_t)sizeof(fd))
		close(fd);
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
	for (unsigned i = 0; i < CLOSER_THREADS; i++)
		started += start_thread(ends[0]);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(ends[0]);
	if (!started || fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0) {
		close(ends[1]);
		return;
	}
	closer->queue = ends[1];
}

bool closer_take(struct closer *closer, int fd)
{
	if (fcntl(fd, F_GET_SEALS) >= 0) {
		close(fd);
		return true;
	}
	if (closer->queue < 0)
		start(closer);
	if (closer->queue >= 0 && write(closer->queue, &fd, sizeof(fd)) == (ssize_t)sizeof(fd))
		return true;
	closer->abandoned++;
	return false;
}

void closer_close(struct closer *closer)
{
	if (closer->queue >= 0)
		close(closer->queue);
	closer->queue = -1;
}
