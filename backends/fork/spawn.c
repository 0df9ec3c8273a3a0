/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child's way, step by step in `steps`. Everything from become_app on is async-signal-safe:
 * system calls only, no memory, no locks, no stdio.
 */
#include "backends/fork/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_STORED 3
#define ABOVE_ALL 64 /* descriptors that the child keeps to itself are moved here and up */
#define EXIT_NOT_RUN 127

/* What the child works with. */
struct child {
	const struct spawn *spawn;
	int gate;
	int program;
	int stored[ABOVE_ALL];
};

/* The child's word when it could not go on. */
struct failure {
	uint32_t step;
	int32_t number;
};

/* The bare call: libc keeps two signals to itself, which an ancestor may have us ignore. */
static int reset_signals(struct child *child)
{
	static const unsigned long by_default[8]; /* the kernel's struct sigaction: SIG_DFL */
	sigset_t none;

	(void)child;
	for (int number = 1; number < NSIG; number++)
		(void)syscall(SYS_rt_sigaction, number, by_default, NULL, NSIG / 8);
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

static int leave_session(struct child *child)
{
	(void)child;
	umask(077);
	return setsid() < 0 || chdir("/") < 0 ? -1 : 0;
}

static int move_up(int *fd)
{
	*fd = fcntl(*fd, F_DUPFD_CLOEXEC, ABOVE_ALL);
	return *fd;
}

/* Out of the way of 0, 1, 2 and of the numbers that the stored ones get. */
static int keep_own_descriptors(struct child *child)
{
	if (move_up(&child->gate) < 0 || move_up(&child->program) < 0)
		return -1;
	for (unsigned i = 0; i < child->spawn->stored_count; i++) {
		if (move_up(&child->stored[i]) < 0)
			return -1;
	}
	return 0;
}

static int set_standard_descriptors(struct child *child)
{
	int nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)child;
	return nowhere < 0 || dup2(nowhere, STDIN_FILENO) < 0 ||
			       dup2(STDERR_FILENO, STDOUT_FILENO) < 0
		       ? -1
		       : 0;
}

static int set_stored_descriptors(struct child *child)
{
	unsigned count = child->spawn->stored_count;

	for (unsigned i = 0; i < count; i++) {
		if (dup2(child->stored[i], FIRST_STORED + (int)i) < 0)
			return -1;
	}
	return (int)syscall(SYS_close_range, FIRST_STORED + count, ~0u, CLOSE_RANGE_CLOEXEC);
}

static int limit_memory(struct child *child)
{
	struct rlimit limit = {child->spawn->memory_max, child->spawn->memory_max};

	return child->spawn->memory_max ? setrlimit(RLIMIT_AS, &limit) : 0;
}

/* The bare calls: libc's would have other threads follow, of which there are none here. */
static int change_user(struct child *child)
{
	const struct spawn *spawn = child->spawn;

	if (!spawn->change_user)
		return 0;
	return syscall(SYS_setgroups, spawn->group_count, spawn->groups) < 0 ||
			       syscall(SYS_setresgid, spawn->gid, spawn->gid, spawn->gid) < 0 ||
			       syscall(SYS_setresuid, spawn->uid, spawn->uid, spawn->uid) < 0
		       ? -1
		       : 0;
}

static int give_up_privileges(struct child *child)
{
	(void)child;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void write_number(char *to, pid_t pid)
{
	char digits[12];
	int count = 0;

	for (; pid > 0; pid /= 10)
		digits[count++] = (char)('0' + pid % 10);
	while (count > 0)
		*to++ = digits[--count];
	*to = '\0';
}

static int tell_pid(struct child *child)
{
	if (child->spawn->listen_pid)
		write_number(child->spawn->listen_pid, getpid());
	if (child->spawn->watchdog_pid)
		write_number(child->spawn->watchdog_pid, getpid());
	return 0;
}

/* A script cannot be run by a descriptor that its interpreter does not get: by its path then. */
static int execute(struct child *child)
{
	const struct spawn *spawn = child->spawn;

	(void)syscall(SYS_execveat, child->program, "", spawn->arguments, spawn->environment,
		      AT_EMPTY_PATH);
	if (errno == ENOENT && !spawn->by_descriptor_only)
		(void)execve(spawn->path, spawn->arguments, spawn->environment);
	return -1;
}

static const struct {
	int (*take)(struct child *child);
	const char *name;
} steps[] = {
	{reset_signals, "signals"},
	{leave_session, "a session"},
	{keep_own_descriptors, "descriptors"},
	{set_standard_descriptors, "/dev/null"},
	{set_stored_descriptors, "stored descriptors"},
	{limit_memory, "memory_max"},
	{change_user, "user"},
	{give_up_privileges, "no_new_privs"},
	{tell_pid, "its pid"},
	{execute, "exec"},
};

static void become_app(struct child *child) __attribute__((noreturn));

static void become_app(struct child *child)
{
	struct failure failure = {0};
	char go;

	if (recv(child->gate, &go, 1, 0) != 1)
		_exit(EXIT_NOT_RUN);
	while (failure.step < sizeof(steps) / sizeof(steps[0]) &&
	       steps[failure.step].take(child) == 0)
		failure.step++;
	failure.number = errno;
	(void)send(child->gate, &failure, sizeof(failure), MSG_NOSIGNAL);
	_exit(EXIT_NOT_RUN);
}

/* With all signals blocked: a handler of the daemon's must not run in the child. */
static pid_t fork_quietly(struct child *child, int ours)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0) {
		close(ours);
		become_app(child);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* It waits at its gate, so that this does not take long. */
static void end_child(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int watch(const struct spawn *spawn, pid_t pid, int gate, struct spawned *ret)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), r = -errno;

	if (pidfd < 0) {
		end_child(pid);
		return r;
	}
	*ret = (struct spawned){.pid = pid,
				.pidfd = pidfd,
				.gate = gate,
				.uid = spawn->change_user ? spawn->uid : geteuid()};
	return 0;
}

int spawn_start(const struct spawn *spawn, struct spawned *ret)
{
	struct child child = {.spawn = spawn, .program = spawn->program};
	int pair[2], r;
	pid_t pid;

	if (spawn->stored_count > ABOVE_ALL - FIRST_STORED)
		return -E2BIG;
	memcpy(child.stored, spawn->stored, spawn->stored_count * sizeof(int));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	child.gate = pair[1];
	pid = fork_quietly(&child, pair[0]);
	r = pid < 0 ? -errno : watch(spawn, pid, pair[0], ret);
	close(pair[1]);
	if (r < 0)
		close(pair[0]);
	return r;
}

void spawn_go(const struct spawned *spawned)
{
	(void)send(spawned->gate, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void spawn_abandon(struct spawned *spawned)
{
	end_child(spawned->pid);
	close(spawned->gate);
	close(spawned->pidfd);
	*spawned = (struct spawned){.pidfd = -1, .gate = -1};
}

const char *spawn_failure(const struct spawned *spawned, int *ret_errno)
{
	struct failure failure;
	ssize_t n = spawned->gate < 0
			    ? 0
			    : recv(spawned->gate, &failure, sizeof(failure), MSG_DONTWAIT);

	if (n != sizeof(failure) || failure.step >= sizeof(steps) / sizeof(steps[0]))
		return NULL;
	*ret_errno = failure.number;
	return steps[failure.step].name;
}
