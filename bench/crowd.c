/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process of the crowd connects its clients one after the other, says so, and waits.
 */
#include "bench/crowd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/program.h"

#define SPARE_DESCRIPTORS 64u

bool crowd_fits(size_t clients)
{
	struct rlimit limit;
	size_t own = clients < CROWD_PER_PROCESS ? clients : CROWD_PER_PROCESS;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return false;
	if (limit.rlim_cur < own + SPARE_DESCRIPTORS) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	/* The daemon raises its own limit as far as it may. */
	return limit.rlim_cur >= own + SPARE_DESCRIPTORS &&
	       limit.rlim_max >= clients + SPARE_DESCRIPTORS;
}

static void live(const char *address, size_t first, size_t clients, crowd_habit habit, int ready_fd)
{
	char message[256], byte = 0;

	for (size_t i = 0; i < clients; i++) {
		struct pluton *pluton;

		if (pluton_open_explained(address, &pluton, message, sizeof(message)) < 0)
			program_fail("client %zu: %s", first + i, message);
		if (habit)
			habit(pluton, first + i);
		/* it stays connected until this process ends */
	}
	if (write(ready_fd, &byte, 1) != 1)
		_exit(1);
	close(ready_fd);
	for (;;)
		(void)pause();
}

static pid_t start_process(const char *address, size_t first, size_t clients, crowd_habit habit,
			   const int ready[2])
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		program_fail("fork: %s", strerror(errno));
	if (pid > 0)
		return pid;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	close(ready[0]);
	live(address, first, clients, habit, ready[1]);
	_exit(1);
}

/* The pipe ends early if one of them fails. */
static void await(const struct crowd *crowd, int ready_fd)
{
	char byte;

	for (size_t i = 0; i < crowd->processes; i++) {
		if (read(ready_fd, &byte, 1) != 1)
			program_fail("a crowd did not come up");
	}
}

void crowd_start(struct crowd *crowd, const char *address, size_t clients, crowd_habit habit)
{
	int ready[2];

	if (clients > CROWD_PROCESSES_MAX * CROWD_PER_PROCESS)
		program_fail("a crowd of %zu is too large", clients);
	if (pipe2(ready, O_CLOEXEC) < 0)
		program_fail("pipe: %s", strerror(errno));
	crowd->processes = 0;
	for (size_t first = 0; first < clients; first += CROWD_PER_PROCESS) {
		size_t left = clients - first;

		crowd->pids[crowd->processes++] = start_process(
			address, first, left < CROWD_PER_PROCESS ? left : CROWD_PER_PROCESS, habit,
			ready);
	}
	close(ready[1]);
	await(crowd, ready[0]);
	close(ready[0]);
}

void crowd_end(struct crowd *crowd)
{
	for (size_t i = 0; i < crowd->processes; i++) {
		(void)kill(crowd->pids[i], SIGKILL);
		(void)waitpid(crowd->pids[i], NULL, 0);
	}
}
