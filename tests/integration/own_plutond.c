/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plutond of the test's own. Readiness is what the daemon notifies, never a guess; what goes
 * wrong here ends the program.
 */
#include "tests/integration/own_plutond.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_SIZE 128

static void must(int holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(EXIT_FAILURE);
}

static void path_of(const struct own_plutond *own, const char *name, char *ret)
{
	snprintf(ret, PATH_SIZE, "%s/%s", own->directory, name);
}

static void bind_notify(struct own_plutond *own)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	snprintf(name.sun_path, sizeof(name.sun_path), "%s/notify", own->directory);
	own->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	must(bind(own->notify_fd, (struct sockaddr *)&name, sizeof(name)) == 0, name.sun_path);
}

static void write_config(const struct own_plutond *own, const char *text)
{
	char path[PATH_SIZE];
	FILE *file;

	path_of(own, "plutond.conf", path);
	file = fopen(path, "we");
	must(file && fputs(text, file) >= 0 && fclose(file) == 0, path);
}

void own_plutond_begin(struct own_plutond *own, const char *config)
{
	*own = (struct own_plutond){.directory = "/tmp/pluton-own.XXXXXX"};
	must(mkdtemp(own->directory) != NULL, "mkdtemp");
	snprintf(own->address, sizeof(own->address), "unix:%s/sock", own->directory);
	bind_notify(own);
	write_config(own, config);
	own_plutond_start(own);
}

static void become_plutond(const struct own_plutond *own)
{
	const char *build = getenv("PLUTON_BUILD");
	char config[PATH_SIZE], state[PATH_SIZE], listen[PATH_SIZE], notify[PATH_SIZE];
	char program[4096];

	path_of(own, "plutond.conf", config);
	path_of(own, "state", state);
	path_of(own, "sock", listen);
	path_of(own, "notify", notify);
	snprintf(program, sizeof(program), "%s/plutond", build ? build : ".");
	setenv("NOTIFY_SOCKET", notify, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execl(program, program, "--config", config, "--state", state, "--listen", listen,
	      "--log-level", "error", (char *)NULL);
	perror(program);
	_exit(EXIT_FAILURE);
}

void own_plutond_start(struct own_plutond *own)
{
	char message[256] = "";
	ssize_t n;

	own->pid = fork();
	must(own->pid >= 0, "fork");
	if (own->pid == 0)
		become_plutond(own);
	do {
		n = recv(own->notify_fd, message, sizeof(message) - 1, 0);
		must(n >= 0, "recv");
		message[n] = '\0';
	} while (!strstr(message, "READY=1"));
}

void own_plutond_stop(struct own_plutond *own, int signal)
{
	if (own->pid == 0)
		return;
	kill(own->pid, signal);
	must(waitpid(own->pid, NULL, 0) == own->pid, "waitpid");
	own->pid = 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

void own_plutond_end(struct own_plutond *own)
{
	own_plutond_stop(own, SIGTERM);
	close(own->notify_fd);
	must(nftw(own->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0, own->directory);
}
