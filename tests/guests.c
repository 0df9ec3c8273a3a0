/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who opens a connection here need not close it: a test that leaves a byte behind fails at its end.
 */
#include "tests/guests.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/suite.h"

#define GUESTS_MAX 256u
#define PATIENCE_MS 5000
#define TURNS 8 /* accept, read, run, answer, and as many again */

struct rig rig;

static int guests[GUESTS_MAX];
static unsigned count;

void guests_open(const char *const *settings)
{
	count = 0;
	rig_open(&rig, settings);
}

static int keep(int fd)
{
	if (count == GUESTS_MAX)
		abort();
	guests[count++] = fd;
	return fd;
}

int guest_adopt(int fd)
{
	rig_forget_rings(fd);
	return keep(fd);
}

int guest_connect(void)
{
	return keep(rig_connect(&rig));
}

int guest_connect_as(uint32_t uid)
{
	int fd = guest_connect();
	struct process *process = rig_last_process(&rig);
	struct users *parties = &rig.kernel->parties;

	users_leave(&parties->entries[process->owner.party]);
	process->owner.party = users_place(parties, users_enter(parties, uid, ""));
	return fd;
}

int guest_connect_raw(void)
{
	return keep(rig_connect_raw(&rig));
}

void guest_leave(int fd)
{
	for (unsigned i = 0; i < count; i++) {
		if (guests[i] == fd) {
			close(fd);
			guests[i] = guests[--count];
			return;
		}
	}
	abort();
}

void guests_turn(void)
{
	for (int i = 0; i < TURNS; i++)
		loop_pass(&rig.machine->loop, false);
}

bool guest_has_answer(int fd)
{
	return rig_has_answer(fd);
}

bool guest_read(int fd, struct record *ret)
{
	ssize_t n = rig_take(fd, rig.received, sizeof(rig.received));

	return n > 0 && record_decode(rig.received, (size_t)n, ret) == 0;
}

void guests_check_books(void)
{
	size_t taken = 0;

	kernel_for_each_process (rig.kernel, process) {
		struct process_account account;

		process_measure(process, &account);
		CU_ASSERT_EQUAL(account.taken, process->arena.taken);
		taken += account.taken;
	}
	CU_ASSERT_EQUAL(rig.kernel->pool.taken, taken);
}

void guests_close(void)
{
	guests_check_books();
	while (count)
		guest_leave(guests[count - 1]);
	rig_settle(&rig);
	/* A copy of a guest's end that was sent to the daemon is closed by a thread. */
	for (int i = 0; rig.kernel->processes && i < PATIENCE_MS; i++) {
		poll(NULL, 0, 1);
		guests_turn();
	}
	CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	CU_ASSERT_EQUAL(rig.kernel->running, 0);
	CU_ASSERT_EQUAL(rig.kernel->pool.taken, 0);
	CU_ASSERT_EQUAL(rig.kernel->pool.committed, 0);
	rig_close(&rig);
}
