/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books are checked at every close: a test that leaves a byte behind fails.
 */
#include "tests/bare.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/kernel/request.h"
#include "daemon/kernel/upcall.h"
#include "daemon/kernel/window.h"
#include "tests/suite.h"

static struct bare *bare_of(const struct process *process)
{
	return (struct bare *)(void *)process->kernel;
}

static void upcalls_ready(struct process *process)
{
	bare_of(process)->ready++;
}

static void closing(struct process *process)
{
	bare_of(process)->closed++;
}

static const struct frontend frontend = {
	.name = "bare",
	.state_size = 16,
	.cost = BARE_FRONTEND_COST,
	.upcalls_ready = upcalls_ready,
	.closing = closing,
};

static void report(void *context, const struct process_id *process, const char *message)
{
	struct bare *bare = context;

	(void)process;
	bare->reports++;
	snprintf(bare->report, sizeof(bare->report), "%s", message);
}

struct kernel_limits bare_limits(void)
{
	return (struct kernel_limits){
		.pool = 256 * 1024,
		.processes_max = 9,
		.processes_per_user = 4,
		.arena_min = 4096,
		.arena_limit = 65536,
		.operations_per_process = 16,
		.grants_per_capsule = 16,
		.windows_per_process = 8,
		.window_max = 1024 * 1024,
		.windows_per_user = 4 * 1024 * 1024,
		.inline_max = 1024,
		.deferred_budget = 64,
		.engine_deadline_ms = 30000,
		.greeting_timeout_ms = 10000,
	};
}

void bare_open(struct bare *bare, const struct kernel_limits *limits)
{
	const struct kernel_limits usual = bare_limits();

	memset(bare, 0, sizeof(*bare));
	if (kernel_open(&bare->kernel, limits ? limits : &usual) < 0)
		abort();
	bare->kernel.report = report;
	bare->kernel.report_context = bare;
	puppet_register(&bare->kernel);
}

void bare_close(struct bare *bare)
{
	kernel_for_each_process (&bare->kernel, process)
		process_kill(process);
	puppet_end_all();
	CU_ASSERT_EQUAL(bare->kernel.processes, 0);
	CU_ASSERT_EQUAL(bare->kernel.running, 0);
	CU_ASSERT_EQUAL(bare->kernel.pool.taken, 0);
	CU_ASSERT_EQUAL(bare->kernel.pool.committed, 0);
	kernel_close(&bare->kernel);
}

int bare_try_process(struct bare *bare, uint32_t uid, struct process **ret_process)
{
	const struct credentials who = {
		.uid = uid, .gid = uid, .pid = (uint32_t)getpid(), .allowed = UINT64_MAX};

	return process_make(&bare->kernel, &frontend, &who, ret_process);
}

struct process *bare_process(struct bare *bare, uint32_t uid)
{
	struct process *process;

	if (bare_try_process(bare, uid, &process) < 0)
		abort();
	return process;
}

bool bare_fetch(struct process *process, struct record *ret)
{
	struct bare *bare = bare_of(process);

	if (!upcall_peek(process, ret))
		return false;
	if (ret->upcall.output_length)
		memcpy(bare->output, ret->upcall.output, ret->upcall.output_length);
	ret->upcall.output = bare->output;
	upcall_sent(process);
	return true;
}

int bare_call(struct process *process, uint32_t class, uint32_t number, const uint32_t args[4],
	      struct record_return *ret)
{
	struct record record = {.header = {.type = RECORD_CALL, .driver = PUPPET_DRIVER},
				.call = {.class = class, .number = number}};
	struct record_return answer;

	if (args)
		memcpy(record.call.args, args, sizeof(record.call.args));
	trd104_call(process, &record, &answer);
	if (ret)
		*ret = answer;
	return answer.variant < VARIANT_SUCCESS ? -(int)answer.words[0] : 0;
}

void bare_check_books(struct bare *bare)
{
	size_t taken = 0, committed = 0;

	kernel_for_each_process (&bare->kernel, process) {
		struct process_account account;

		process_measure(process, &account);
		CU_ASSERT_EQUAL(account.taken, process->arena.taken);
		taken += account.taken;
		committed += account.taken > process->arena.promise ? account.taken
								    : process->arena.promise;
	}
	CU_ASSERT_EQUAL(bare->kernel.pool.taken, taken);
	CU_ASSERT_EQUAL(bare->kernel.pool.committed, committed);
}

int bare_memfd(size_t size, int seals)
{
	int fd = memfd_create("bare", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
		abort();
	return fd;
}

int bare_window(struct process *process, int fd, uint32_t *ret_number)
{
	int r = window_add(process, fd, ret_number);

	close(fd);
	return r;
}
