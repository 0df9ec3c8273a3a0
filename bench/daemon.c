/* SPDX-License-Identifier: Apache-2.0 */
/*
 * However the program ends, its daemons are stopped and their folders removed.
 */
#include "bench/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/cpus.h"
#include "bench/program.h"
#include "bench/race.h"

static struct daemon *running;
static pid_t owner;

static void stop_all(void)
{
	while (running && getpid() == owner)
		daemon_stop(running);
}

static void remember(struct daemon *daemon)
{
	if (!owner && atexit(stop_all) != 0)
		program_fail("atexit");
	owner = getpid();
	daemon->next = running;
	running = daemon;
}

static void forget(struct daemon *daemon)
{
	struct daemon **link = &running;

	while (*link != daemon)
		link = &(*link)->next;
	*link = daemon->next;
}

void daemon_start(struct daemon *daemon, int cpu)
{
	uint64_t start;
	int signal;

	*daemon = (struct daemon){.run = {.program = BUILD_FOLDER "/plutond", .notify_fd = -1}};
	if (access(daemon->run.program, X_OK) < 0)
		program_fail("no %s: make", daemon->run.program);
	if (!run_folder_make(&daemon->folder))
		exit(EXIT_FAILURE); /* it has said why */
	remember(daemon);
	daemon->run.socket = daemon->folder.socket;
	daemon->run.notify = daemon->folder.notify;
	daemon->run.config = daemon->folder.config;
	daemon->run.state = daemon->folder.state;
	daemon->run.log_level = "error";
	snprintf(daemon->address, sizeof(daemon->address), "unix:%s", daemon->folder.socket);
	cpus_pin(cpu);
	start = race_now_ns();
	if (!run_daemon_start(&daemon->run, program_signals()) ||
	    !run_daemon_await(&daemon->run, program_signals(), &signal))
		exit(EXIT_FAILURE);
	daemon->ready_ms = (double)(race_now_ns() - start) / 1e6;
	cpus_pin(CPU_ANY);
}

void daemon_stop(struct daemon *daemon)
{
	forget(daemon);
	run_daemon_stop(&daemon->run, program_signals());
	run_folder_remove(&daemon->folder);
	run_folder_free(&daemon->folder);
}

struct pluton *daemon_connect(const struct daemon *daemon)
{
	struct pluton *pluton;
	char message[256];

	if (pluton_open_explained(daemon->address, &pluton, message, sizeof(message)) < 0)
		program_fail("%s", message);
	return pluton;
}

void daemon_expect(int r, const struct pluton *pluton, const char *what)
{
	if (r < 0)
		program_fail("%s: %s (%s)", what, pluton_error_message(pluton),
			     pluton_error_name(r));
}
