/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine is plutond's own, opened as plutond opens it, but never listens.
 */
#include "bench/residents.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/program.h"
#include "daemon/kernel/process.h"
#include "daemon/kernel/request.h"
#include "daemon/kernel/upcall.h"
#include "daemon/kernel/window.h"
#include "daemon/log.h"

static size_t answers_ready;
static uint64_t copied;

static void upcalls_ready(struct process *process)
{
	(void)process;
	answers_ready++;
}

static void closing(struct process *process)
{
	(void)process;
}

static const struct frontend frontend = {
	.name = "bench", .upcalls_ready = upcalls_ready, .closing = closing};

static void count_copies(void *context, enum kernel_step reached, const struct step *step)
{
	(void)context;
	if ((reached == STEP_PULL || reached == STEP_PUSH) && step->length > 64)
		copied += step->length;
}

/* --- the machine -------------------------------------------------------------------------------
 */

static void set(struct config *config, const char *section, const char *key, const char *value)
{
	struct config_error error;

	if (config_set(config, section, key, value, "bench", &error) < 0)
		program_fail("%s", error.message);
}

void residents_open(struct residents *residents, const struct capsule *const *more)
{
	struct config_error error;
	char processes[16];

	*residents = (struct residents){0};
	log_set_level(PLUTON_LOG_OFF);
	if (config_load("/dev/null", false, &residents->config, &error) < 0)
		program_fail("%s", error.message);
	snprintf(processes, sizeof(processes), "%u", RESIDENTS_MAX);
	set(residents->config, "daemon", "state", "/nonexistent/pluton");
	set(residents->config, "kernel", "processes_max", processes);
	set(residents->config, "kernel", "pool", "16M");
	if (machine_open_private(residents->config, &residents->machine) < 0)
		program_fail("no machine");
	for (; *more; more++) {
		if (machine_register(residents->machine, *more) < 0)
			program_fail("no capsule %s", (*more)->name);
	}
}

void residents_close(struct residents *residents)
{
	residents_settle(residents, 0);
	machine_close(residents->machine);
	config_free(residents->config);
}

/* --- clients -----------------------------------------------------------------------------------
 */

static int make_memory(uint8_t **ret_memory)
{
	int fd = memfd_create("resident", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, RESIDENT_WINDOW) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0)
		program_fail("no window");
	*ret_memory = mmap(NULL, RESIDENT_WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (*ret_memory == MAP_FAILED)
		program_fail("no memory for a window");
	return fd;
}

/* Each is a user of its own, as on a chip. */
static void arrive(struct residents *residents)
{
	struct resident *client = &residents->clients[residents->count];
	const struct credentials who = {.uid = (uint32_t)residents->count + 1,
					.gid = (uint32_t)residents->count + 1,
					.pid = (uint32_t)getpid(),
					.allowed = UINT64_MAX};
	int fd;

	if (process_make(&residents->machine->kernel, &frontend, &who, &client->process) < 0)
		program_fail("no place for client %zu: %s", residents->count,
			     residents->machine->kernel.why);
	fd = make_memory(&client->window);
	if (window_add(client->process, fd, &client->number) < 0)
		program_fail("a window is refused: %s", residents->machine->kernel.why);
	close(fd);
	memset(client->window, 0x5a, RESIDENT_WINDOW);
	residents->count++;
}

static void leave(struct residents *residents)
{
	struct resident *client = &residents->clients[--residents->count];

	process_kill(client->process);
	munmap(client->window, RESIDENT_WINDOW);
}

void residents_settle(struct residents *residents, size_t count)
{
	while (residents->count < count)
		arrive(residents);
	while (residents->count > count)
		leave(residents);
}

/* --- asking ------------------------------------------------------------------------------------
 */

void residents_range(struct record *record, unsigned slot, const struct resident *client,
		     uint32_t offset, uint32_t length)
{
	record->operation.ranges[slot] = (struct record_range){client->number, offset, length};
	if (record->operation.range_count <= slot)
		record->operation.range_count = (uint16_t)(slot + 1);
}

void residents_submit(struct residents *residents, size_t first, size_t count, request_fn request)
{
	answers_ready = 0;
	for (size_t i = first; i < first + count; i++) {
		struct resident *client = &residents->clients[i];
		struct record record = {.header = {.type = RECORD_OPERATION, .op_id = 1}};

		request(client, &record);
		if (request_submit(client->process, &record) < 0)
			program_fail("refused: %s", residents->machine->kernel.why);
	}
}

static void take_answer(struct resident *client)
{
	struct record answer;

	if (!upcall_peek(client->process, &answer) || answer.upcall.words[0] != 0)
		program_fail("an operation failed");
	client->stream = answer.upcall.words[1];
	upcall_sent(client->process);
}

void residents_answer(struct residents *residents, size_t first, size_t count)
{
	struct kernel *kernel = &residents->machine->kernel;

	while (answers_ready < count) {
		if (deferred_queue_run(&kernel->deferred, 64) == 0)
			program_fail("nothing goes on");
	}
	for (size_t i = first; i < first + count; i++)
		take_answer(&residents->clients[i]);
}

void residents_ask(struct residents *residents, size_t first, size_t count, request_fn request)
{
	residents_submit(residents, first, count, request);
	residents_answer(residents, first, count);
}

/* --- counting ----------------------------------------------------------------------------------
 */

struct residents_memory residents_measure(const struct residents *residents)
{
	struct residents_memory memory = {.taken = residents->machine->kernel.pool.taken};

	for (size_t i = 0; i < residents->count; i++) {
		arena_for_each (&residents->clients[i].process->arena, block) {
			if (block->kind != BLOCK_GRANT)
				continue;
			memory.grants_taken += block_cost(block);
			memory.grants_used += block->size;
		}
	}
	return memory;
}

uint64_t residents_copied(struct residents *residents)
{
	uint64_t bytes = copied;

	(void)residents;
	copied = 0;
	return bytes;
}

void residents_count(struct residents *residents, bool on)
{
	residents->machine->kernel.step = (struct step_hook){on ? count_copies : NULL, NULL};
}
