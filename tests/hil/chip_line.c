/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hil/chip_line.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- pluton-chipd ---------------------------------------------------------------------------- */

static void run_chipd(const struct chipd *chipd, const char *faults, int out)
{
	const char *build = getenv("PLUTON_BUILD");
	char program[4096];

	snprintf(program, sizeof(program), "%s/pluton-chipd", build ? build : ".");
	dup2(out, STDOUT_FILENO);
	execl(program, "pluton-chipd", "--pty", chipd->path, faults ? "--faults" : NULL, faults,
	      NULL);
	_exit(127);
}

void chipd_start(struct chipd *chipd, const char *faults)
{
	int ends[2];
	char line[256];

	if (!*chipd->folder) {
		strcpy(chipd->folder, "/tmp/pluton-chip-XXXXXX");
		if (!mkdtemp(chipd->folder))
			CU_FAIL_FATAL("no folder");
		snprintf(chipd->path, sizeof(chipd->path), "%s/line", chipd->folder);
	}
	if (pipe(ends) < 0)
		CU_FAIL_FATAL("no pipe");
	chipd->pid = fork();
	if (chipd->pid == 0)
		run_chipd(chipd, faults, ends[1]);
	close(ends[1]);
	if (read(ends[0], line, sizeof(line)) <= 0)
		CU_FAIL_FATAL("pluton-chipd did not start");
	close(ends[0]);
}

static void end(struct chipd *chipd, int number)
{
	if (chipd->pid) {
		kill(chipd->pid, number);
		waitpid(chipd->pid, NULL, 0);
	}
	chipd->pid = 0;
}

void chipd_kill(struct chipd *chipd)
{
	end(chipd, SIGKILL);
}

void chipd_end(struct chipd *chipd)
{
	end(chipd, SIGTERM);
	unlink(chipd->path);
	rmdir(chipd->folder);
	*chipd->folder = '\0';
}

/* --- the bench ------------------------------------------------------------------------------- */

static struct event_base *base;
static struct backend_environment environment;

struct event_base *chip_line_base(void)
{
	if (!base)
		base = event_base_new();
	return base;
}

void chip_line_until(struct bench *bench, bool there)
{
	while (bench->inner[HIL_DIGEST]->absent == there) {
		deferred_queue_run(&bench->deferred, 64);
		event_base_loop(base, EVLOOP_ONCE);
	}
}

static bool hurries;

void chip_line_hurry(bool hurry)
{
	hurries = hurry;
}

int chip_line_open(struct bench *bench, const char *device)
{
	const struct chip_options options = {
		.device = device,
		.timeout_ms = hurries ? 20 : 5000,
		.retries = hurries ? 100 : 3,
		.backoff_max_ms = hurries ? 1 : BACKOFF_MAX_MS,
	};
	struct backend_instance *instance;
	int r;

	environment = (struct backend_environment){
		.deferred = &bench->deferred,
		.interrupts = &bench->interrupts,
		.aead_scratch = CHIP_LINE_SCRATCH,
		.workers = 1,
		.base = chip_line_base(),
	};
	r = chip_backend_open_with(&environment, &options, &instance);
	if (r < 0)
		return r;
	bench->backend = instance;
	for (unsigned kind = 0; kind < HIL_KINDS; kind++)
		bench->inner[kind] = instance->engines[kind];
	chip_line_until(bench, true);
	return 0;
}

void chip_line_close(struct bench *bench)
{
	chip_backend_close(bench->backend);
}

/* The line is silent unless something was asked. */
static bool wait_for_line(struct bench *bench)
{
	if (!link_busy(chip_backend_link(bench->backend)))
		return false;
	event_base_loop(base, EVLOOP_ONCE);
	return true;
}

static const char *path;

static int open_path(struct bench *bench)
{
	return chip_line_open(bench, path);
}

struct bench_maker chip_line_maker(const char *name, const struct chipd *chipd)
{
	path = chipd->path;
	return (struct bench_maker){
		.name = name,
		.open = open_path,
		.close = chip_line_close,
		.opens_sealed = true,
		.lacks = ~(1u << HIL_DIGEST | 1u << HIL_AES | 1u << HIL_KINDS),
		.lacks_modes = 1u << AES_ECB | 1u << AES_CBC | 1u << AES_CCM,
		.wait = wait_for_line,
	};
}
