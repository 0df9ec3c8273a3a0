/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bus has a configuration of its own: one user, no service that it could start, nothing of the
 * system's. It says on a pipe when it listens. Its own words go to a file, for it warns of things
 * that are no matter here, and pluton-run prints nothing where all is well.
 */
#include "cli/run_bus.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "dbus-daemon"
#define READY_AFTER_MS 30000
#define READY_FD 3
#define EXIT_NO_PROGRAM 127

static const char configuration[] =
	"<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
	" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
	"<busconfig>\n"
	" <type>session</type>\n"
	" <listen>%s</listen>\n"
	" <auth>EXTERNAL</auth>\n"
	" <policy context=\"default\">\n"
	"  <allow send_destination=\"*\"/>\n"
	"  <allow receive_sender=\"*\"/>\n"
	"  <allow own=\"*\"/>\n"
	" </policy>\n"
	"</busconfig>\n";

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr("-_/.", c) != NULL;
}

/* As the D-Bus specification has it; what is left needs no escape in XML either. */
static char *make_address(const char *folder)
{
	static const char prefix[] = "unix:path=", name[] = "/bus";
	char *address = malloc(sizeof(prefix) + 3 * strlen(folder) + sizeof(name)), *at = address;

	if (!address)
		return NULL;
	at = stpcpy(at, prefix);
	for (const char *c = folder; *c; c++) {
		if (is_plain(*c))
			*at++ = *c;
		else
			at += sprintf(at, "%%%02x", (unsigned char)*c);
	}
	strcpy(at, name);
	return address;
}

static bool write_configuration(const struct run_bus *bus)
{
	int fd = open(bus->config, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	bool written;

	if (!file)
		return false;
	written = fprintf(file, configuration, bus->address) > 0;
	return fclose(file) == 0 && written;
}

static bool prepare(struct run_bus *bus, const char *folder)
{
	bus->address = make_address(folder);
	if (asprintf(&bus->config, "%s/bus.conf", folder) < 0)
		bus->config = NULL;
	if (asprintf(&bus->log, "%s/bus.log", folder) < 0)
		bus->log = NULL;
	return bus->address && bus->config && bus->log && write_configuration(bus);
}

/* In the child. The pipe may be any number, and those below it are taken. */
static bool redirect(const struct run_bus *bus, int ready)
{
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	int log = open(bus->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (nowhere < 0 || log < 0 || dup2(nowhere, STDIN_FILENO) < 0 ||
	    dup2(nowhere, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		return false;
	if (ready == READY_FD ? fcntl(ready, F_SETFD, 0) < 0 : dup2(ready, READY_FD) < 0)
		return false;
	return close_range(READY_FD + 1, ~0u, 0) == 0;
}

static void exec_bus(const struct run_bus *bus, const struct run_signals *signals, int ready,
		     pid_t parent)
{
	run_signals_give_back(signals);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || !redirect(bus, ready))
		_exit(EXIT_FAILURE);
	(void)setsid();
	execlp(PROGRAM, PROGRAM, "--nofork", "--nopidfile", "--nosyslog", "--print-address=3",
	       "--config-file", bus->config, (char *)NULL);
	_exit(EXIT_NO_PROGRAM);
}

/* It writes its address and keeps the pipe open; a pipe that closes first says that it ended. */
static bool is_ready(int ready)
{
	struct pollfd waited = {.fd = ready, .events = POLLIN};
	char byte;

	return poll(&waited, 1, READY_AFTER_MS) == 1 && read(ready, &byte, 1) == 1;
}

static void explain(struct run_bus *bus)
{
	char said[512] = "";
	int status = 0, fd;
	ssize_t n;

	(void)kill(bus->pid, SIGKILL);
	(void)waitpid(bus->pid, &status, 0);
	bus->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_PROGRAM) {
		fprintf(stderr, "pluton-run: no bus, " PROGRAM " is not there, install it (the "
				"package dbus-daemon) or leave out --dbus (ENOENT)\n");
		return;
	}
	fd = open(bus->log, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, said, sizeof(said) - 1);
	said[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		(void)close(fd);
	fprintf(stderr, "pluton-run: no bus, " PROGRAM " did not start, it said (EFAIL): %s\n",
		said);
}

static bool launch(struct run_bus *bus, const struct run_signals *signals)
{
	pid_t parent = getpid();
	int ends[2];
	bool ready;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	bus->pid = fork();
	if (bus->pid == 0)
		exec_bus(bus, signals, ends[1], parent);
	(void)close(ends[1]);
	ready = bus->pid > 0 && is_ready(ends[0]);
	(void)close(ends[0]);
	if (!ready && bus->pid > 0)
		explain(bus);
	return ready;
}

bool run_bus_start(struct run_bus *bus, const char *folder, const struct run_signals *signals)
{
	if (prepare(bus, folder))
		return launch(bus, signals);
	fprintf(stderr, "pluton-run: no bus, in %s: %s, make room (%s)\n", folder, strerror(errno),
		strerrorname_np(errno));
	return false;
}

bool run_bus_set_environment(const struct run_bus *bus)
{
	return !bus->pid || (setenv("DBUS_SESSION_BUS_ADDRESS", bus->address, 1) == 0 &&
			     setenv("DBUS_SYSTEM_BUS_ADDRESS", bus->address, 1) == 0);
}

void run_bus_stop(struct run_bus *bus)
{
	if (bus->pid > 0) {
		/* It has nothing to save, and nobody is on it any more. */
		(void)kill(bus->pid, SIGKILL);
		(void)waitpid(bus->pid, NULL, 0);
	}
	free(bus->address);
	free(bus->config);
	free(bus->log);
	*bus = (struct run_bus){0};
}
