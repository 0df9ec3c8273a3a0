/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon is a session of its own, so that a Ctrl-C meant for COMMAND does not reach it, and it
 * dies with pluton-run. Readiness is sd_notify(3)'s protocol: datagrams of lines, among them
 * READY=1.
 */
#include "cli/run_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_AFTER_MS 30000
#define STOPPED_AFTER_MS 20000 /* it stops its apps first, each within stop_timeout, 10 s */
#define KILLED_AFTER_MS 60000  /* for what hangs in the kernel */

static bool is_program(const char *path)
{
	struct stat st;

	return access(path, X_OK) == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static char *named_by_user(const char *name)
{
	char *path = realpath(name, NULL);

	if (path && is_program(path))
		return path;
	free(path);
	fprintf(stderr, "pluton-run: no program, PLUTON_DAEMON=%s, correct or unset it (ENOENT)\n",
		name);
	return NULL;
}

char *run_daemon_find(const char *own_folder)
{
	/* In a build tree, installed wherever it was moved to, installed. */
	const char *const places[][2] = {
		{own_folder, "/plutond"}, {own_folder, "/../sbin/plutond"}, {SBINDIR, "/plutond"}};
	const char *name = getenv("PLUTON_DAEMON");
	char *path;

	if (name && *name)
		return named_by_user(name);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (asprintf(&path, "%s%s", places[i][0], places[i][1]) < 0)
			return NULL;
		if (is_program(path))
			return path;
		free(path);
	}
	fprintf(stderr,
		"pluton-run: no plutond, in %s or " SBINDIR ", install it or set PLUTON_DAEMON "
		"(ENOENT)\n",
		own_folder);
	return NULL;
}

static int notify_open(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* Standard input from nowhere; whatever it prints is ours to print: on stderr. */
static bool redirect(void)
{
	int nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return nowhere >= 0 && dup2(nowhere, STDIN_FILENO) >= 0 &&
	       dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 && close_range(3, ~0u, 0) == 0;
}

/* In the child. */
static void exec_daemon(const struct run_daemon *daemon, const struct run_signals *signals,
			pid_t parent)
{
	run_signals_give_back(signals);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EXIT_FAILURE);
	(void)setsid();
	if (redirect() && setenv("NOTIFY_SOCKET", daemon->notify, 1) == 0 &&
	    unsetenv("LISTEN_FDS") == 0 && unsetenv("LISTEN_PID") == 0 &&
	    unsetenv("WATCHDOG_USEC") == 0 && chdir("/") == 0)
		execl(daemon->program, daemon->program, "--config", daemon->config, "--state",
		      daemon->state, "--listen", daemon->socket, "--log-level", daemon->log_level,
		      daemon->bus ? "--bus" : (char *)NULL, daemon->bus, (char *)NULL);
	fprintf(stderr, "pluton-run: cannot run, %s: %s, reinstall it (%s)\n", daemon->program,
		strerror(errno), strerrorname_np(errno));
	_exit(EXIT_FAILURE);
}

bool run_daemon_start(struct run_daemon *daemon, const struct run_signals *signals)
{
	pid_t parent = getpid(), pid;

	daemon->notify_fd = notify_open(daemon->notify);
	pid = daemon->notify_fd < 0 ? -1 : fork();
	if (pid < 0) {
		fprintf(stderr, "pluton-run: cannot start, %s: %s, try again (%s)\n",
			daemon->program, strerror(errno), strerrorname_np(errno));
		return false;
	}
	if (pid == 0)
		exec_daemon(daemon, signals, parent);
	daemon->pid = pid;
	return true;
}

static bool is_ready_message(char *message)
{
	char *rest = message;

	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		if (strcmp(line, "READY=1") == 0)
			return true;
	}
	return false;
}

/* Reads all that it said: where nobody reads, sd_notify blocks the daemon in the end. */
static void hear(struct run_daemon *daemon)
{
	char message[4096];
	ssize_t length;

	while ((length = recv(daemon->notify_fd, message, sizeof(message) - 1, 0)) >= 0) {
		message[length] = '\0';
		if (is_ready_message(message))
			daemon->ready = true;
	}
}

void run_daemon_wait(struct run_daemon *daemon, const struct run_signals *signals, int timeout_ms)
{
	struct pollfd fds[] = {{.fd = signals->fd, .events = POLLIN},
			       {.fd = daemon->notify_fd, .events = POLLIN}};

	(void)poll(fds, 2, timeout_ms);
	hear(daemon);
}

static int left_ms(uint64_t deadline_ms)
{
	uint64_t now = run_now_ms();

	return now < deadline_ms ? (int)(deadline_ms - now) : 0;
}

bool run_daemon_await(struct run_daemon *daemon, const struct run_signals *signals, int *ret_signal)
{
	uint64_t deadline_ms = run_now_ms() + READY_AFTER_MS;
	struct run_signal signal;

	*ret_signal = 0;
	while (left_ms(deadline_ms) > 0) {
		run_daemon_wait(daemon, signals, left_ms(deadline_ms));
		while (run_signals_next(signals, &signal)) {
			if (signal.number != SIGCHLD)
				*ret_signal = signal.number;
		}
		if (daemon->ready || *ret_signal)
			return !*ret_signal;
		run_daemon_reap(daemon, "before it was ready");
		if (daemon->pid == 0)
			return false;
	}
	fprintf(stderr,
		"pluton-run: plutond is not ready, after %d s, see its log with --log-level debug "
		"(ETIMEDOUT)\n",
		READY_AFTER_MS / 1000);
	return false;
}

void run_daemon_reap(struct run_daemon *daemon, const char *when)
{
	int status;

	if (daemon->pid == 0 || waitpid(daemon->pid, &status, WNOHANG) != daemon->pid)
		return;
	daemon->pid = 0;
	if (WIFSIGNALED(status))
		fprintf(stderr, "pluton-run: plutond ended %s, by signal %d (%s), %s (EOFF)\n",
			when, WTERMSIG(status), sigdescr_np(WTERMSIG(status)),
			"see its log with --log-level debug");
	else
		fprintf(stderr, "pluton-run: plutond ended %s, with status %d, %s (EOFF)\n", when,
			WEXITSTATUS(status), "see above, or its log with --log-level debug");
}

static bool has_ended(struct run_daemon *daemon, const struct run_signals *signals,
		      uint64_t within_ms)
{
	uint64_t deadline_ms = run_now_ms() + within_ms;
	struct run_signal signal;

	while (waitpid(daemon->pid, NULL, WNOHANG) != daemon->pid) {
		if (left_ms(deadline_ms) == 0)
			return false;
		run_daemon_wait(daemon, signals, left_ms(deadline_ms));
		while (run_signals_next(signals, &signal))
			; /* it is being stopped already */
	}
	return true;
}

void run_daemon_stop(struct run_daemon *daemon, const struct run_signals *signals)
{
	if (daemon->pid > 0) {
		(void)kill(daemon->pid, SIGTERM);
		if (!has_ended(daemon, signals, STOPPED_AFTER_MS)) {
			fprintf(stderr,
				"pluton-run: plutond does not stop, after %d s, killed it; see its "
				"log with --log-level debug (ETIMEDOUT)\n",
				STOPPED_AFTER_MS / 1000);
			(void)kill(daemon->pid, SIGKILL);
			(void)has_ended(daemon, signals, KILLED_AFTER_MS);
		}
		daemon->pid = 0;
	}
	if (daemon->notify_fd >= 0)
		(void)close(daemon->notify_fd);
	daemon->notify_fd = -1;
}
