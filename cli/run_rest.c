/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only our own children are signalled, and only we wait for them: no pid here can be another's.
 */
#include "cli/run_rest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ASKED_MS 2000  /* from SIGTERM to SIGKILL */
#define KILLED_MS 5000 /* for what hangs in the kernel */

void run_rest_adopt(void)
{
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static bool is_known(pid_t pid, const pid_t *known, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (known[i] == pid)
			return true;
	}
	return false;
}

void run_rest_reap(const pid_t *known, size_t count)
{
	siginfo_t info;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0 ||
		    is_known(info.si_pid, known, count))
			return;
		(void)waitpid(info.si_pid, NULL, WNOHANG);
	}
}

/* Field 4 of proc(5)'s /proc/PID/stat; the name before it may hold anything. */
static bool is_child(const char *pid)
{
	char path[64], text[512];
	const char *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strrchr(text, ')');
	return at && strlen(at) > 4 && strtol(at + 4, NULL, 10) == (long)getpid();
}

static void signal_all(int number)
{
	DIR *directory = opendir("/proc");
	const struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !is_child(entry->d_name))
			continue;
		(void)kill((pid_t)strtol(entry->d_name, NULL, 10), number);
	}
	if (directory)
		(void)closedir(directory);
}

static int left_ms(uint64_t deadline_ms)
{
	uint64_t now = run_now_ms();

	return now < deadline_ms ? (int)(deadline_ms - now) : 0;
}

/* true: there is no child left. Whatever a child leaves behind is a child too, and is told. */
static bool end_by(int number, uint64_t within_ms, const struct run_signals *signals)
{
	uint64_t deadline_ms = run_now_ms() + within_ms;
	struct pollfd fd = {.fd = signals->fd, .events = POLLIN};
	struct run_signal signal;

	for (;;) {
		pid_t pid;

		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0 && errno == ECHILD)
			return true;
		if (run_now_ms() >= deadline_ms)
			return false;
		signal_all(number);
		(void)poll(&fd, 1, left_ms(deadline_ms));
		while (run_signals_next(signals, &signal))
			; /* it is the end already */
	}
}

void run_rest_end(const struct run_signals *signals)
{
	if (!end_by(SIGTERM, ASKED_MS, signals) && !end_by(SIGKILL, KILLED_MS, signals))
		fprintf(stderr,
			"pluton-run: a process does not end, though killed, after %d s, "
			"look for it with ps (ETIMEDOUT)\n",
			KILLED_MS / 1000);
}
