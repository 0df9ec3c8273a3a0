/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers that are withdrawn (ALLOW of length 0 on a live op_id) in every capsule that moves bytes:
 * each slot of a request, after each step of its way. There is one answer, which is success where
 * the bytes had been moved or lent before, and SIZE otherwise; nothing is left behind, and the same
 * process goes on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hil/checker.h"
#include "tests/guests.h"
#include "tests/suite.h"

#define SLOTS 6u
#define STEPS_MAX 60u /* deferred calls; longer ways end there */
#define SLOT_ROOM 512u
#define RIG_NVMEM 0x50001u

static struct record answer;

/* A request that succeeds if it is left alone. */
struct request {
	const char *name;
	uint32_t driver;
	uint32_t command;
	uint32_t words[2];
	uint16_t sizes[SLOTS]; /* 0: not used */
	uint8_t writable;      /* bits */
	uint8_t read_at_once;  /* bits: before the capsule returns, so never too late */
};

static const struct request requests[] = {
	{"rng", RIG_RNG, 1, {0}, {64}, 1, 0},
	{"digest", RIG_DIGEST, 1, {3}, {100, 32}, 2, 0},
	{"aes gcm", RIG_AES, 1, {4}, {32, 12, 20, 64, 64, 16}, 1 << 4 | 1 << 5, 0},
	{"aes ctr", RIG_AES, 1, {3}, {32, 16, 0, 64, 64}, 1 << 4, 0},
	{"aes ccm", RIG_AES, 1, {5}, {32, 12, 20, 64, 64, 16}, 1 << 4 | 1 << 5, 0},
	{"aes cbc", RIG_AES, 1, {2}, {32, 16, 0, 64, 64}, 1 << 4, 0},
	{"hmac", RIG_HMAC, 1, {3}, {32, 100, 32}, 1 << 2, 0},
	{"cmac", RIG_CMAC, 1, {24}, {16, 100, 16}, 1 << 2, 0},
	{"ecc generate", RIG_ECC, 1, {1}, {32, 64}, 3, 0},
	{"ecc public", RIG_ECC, 2, {1}, {32, 64}, 2, 0},
	{"ecc sign", RIG_ECC, 3, {1}, {32, 0, 32, 64}, 1 << 3, 0},
	{"ecc sign ed25519", RIG_ECC, 3, {4}, {32, 0, 100, 64}, 1 << 3, 0},
	{"ecc agree x25519", RIG_ECC, 5, {5}, {32, 32, 0, 0, 32}, 1 << 4, 0},
	{"rsa encrypt", RIG_RSA, 4, {1}, {264, 0, 0, 32, 256}, 1 << 4, 0},
	{"kdf hkdf", RIG_KDF, 1, {3}, {32, 20, 0, 30, 70}, 1 << 4, 0},
	{"kdf counter", RIG_KDF, 4, {3}, {32, 0, 20, 30, 70}, 1 << 4, 0},
	{"kdf pbkdf2", RIG_KDF, 6, {3, 50}, {32, 20, 0, 0, 70}, 1 << 4, 0},
	{"nvmem put", RIG_NVMEM, 5, {0}, {4, 100}, 0, 1},
};
#define REQUESTS TESTS_COUNT(requests)

/* --- what goes in ---------------------------------------------------------------------------- */

static char state[] = "/tmp/pluton-withdrawn-XXXXXX";
static uint8_t *memory;
static uint32_t window;

/* Bytes that are a key of any kind, a scalar of any curve, a name; an RSA modulus where one is. */
static void fill(const struct request *request)
{
	memset(memory, 'a', SLOTS * SLOT_ROOM);
	if (request->driver != RIG_RSA)
		return;
	memset(memory, 0xc1, 256); /* odd, and of 2048 bits */
	memset(memory + 256, 0, 8);
	memory[256 + 5] = memory[256 + 7] = 1; /* 65537 */
}

static struct record record_of(const struct request *request, uint32_t op_id)
{
	struct record record = rig_operation(op_id, request->driver, request->command);

	memcpy(record.operation.words, request->words, sizeof(request->words));
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		if (request->sizes[slot])
			rig_range(&record, slot, window, slot * SLOT_ROOM, request->sizes[slot]);
	}
	return record;
}

static struct record withdrawal(const struct request *request, unsigned slot)
{
	bool writable = request->writable >> slot & 1;

	return (struct record){
		.header = {.type = RECORD_CALL, .op_id = 1, .driver = request->driver},
		.call = {.class = writable ? CLASS_ALLOW_RW : CLASS_ALLOW_RO, .number = slot}};
}

static uint64_t violations(void)
{
	uint64_t count = 0;

	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		const struct hil_port *port = &rig.machine->engines.ports[kind];

		for (unsigned i = 0; i < port->count; i++)
			count += checker_violations(port->engines[i]);
	}
	return count;
}

/* --- one way --------------------------------------------------------------------------------- */

/* So many deferred calls, one after the other; fewer where a worker is waited for. */
static void step(unsigned count)
{
	while (count-- > 0)
		deferred_queue_run(&rig.kernel->deferred, 1);
}

/* The answer, behind that of the withdrawal if there is one. */
static int status_of(int fd)
{
	unsigned upcalls = 0;
	int status = -PLUTON_EBADRVAL;

	rig_settle(&rig);
	while (guest_has_answer(fd) && guest_read(fd, &answer)) {
		if (answer.header.type == RECORD_UPCALL) {
			upcalls++;
			status = rig_status(&answer);
		}
	}
	CU_ASSERT_EQUAL(upcalls, 1);
	return status;
}

static int withdraw_after(int fd, const struct request *request, unsigned slot, unsigned steps)
{
	struct record record = record_of(request, 1), call = withdrawal(request, slot);

	fill(request);
	rig_send(fd, &record, -1);
	rig_hear(&rig, fd);
	step(steps);
	rig_send(fd, &call, -1);
	rig_hear(&rig, fd);
	return status_of(fd);
}

static bool works(int fd, const struct request *request)
{
	struct record record = record_of(request, 7);

	fill(request);
	return rig_perform(&rig, fd, &record, &answer) == 0;
}

static void withdraw_everywhere(int fd, const struct request *request, unsigned slot)
{
	size_t before = rig.kernel->pool.taken;
	unsigned refused = 0;

	for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
		int status = withdraw_after(fd, request, slot, steps);

		CU_ASSERT(status == 0 || status == -PLUTON_ESIZE);
		refused += status == -PLUTON_ESIZE;
		if (steps == 0 && !(request->read_at_once >> slot & 1))
			CU_ASSERT_EQUAL(status, -PLUTON_ESIZE);
		if (status == 0 && steps > 10)
			break;
	}
	CU_ASSERT_EQUAL(refused == 0, request->read_at_once >> slot & 1);
	CU_ASSERT_EQUAL(rig.kernel->pool.taken, before);
	CU_ASSERT_TRUE(works(fd, request));
}

static void test_a_slot_withdrawn_after_any_step_is_moved_already_or_size(void)
{
	char setting[64];
	int fd;

	snprintf(setting, sizeof(setting), "daemon.state=%s", mkdtemp(state));
	guests_open((const char *const[]){setting, "hil.checker=yes", NULL});
	fd = guest_connect();
	window = rig_window(&rig, fd, SLOTS * SLOT_ROOM, &memory);
	for (size_t i = 0; i < REQUESTS; i++) {
		if (!works(fd, &requests[i])) {
			printf("# %s does not work\n", requests[i].name);
			CU_FAIL("a request that should work");
			continue;
		}
		for (unsigned slot = 0; slot < SLOTS; slot++) {
			if (requests[i].sizes[slot])
				withdraw_everywhere(fd, &requests[i], slot);
		}
	}
	CU_ASSERT_EQUAL(violations(), 0);
	munmap(memory, SLOTS * SLOT_ROOM);
	guests_close();
	snprintf(setting, sizeof(setting), "rm -r %s", state);
	CU_ASSERT_EQUAL(system(setting), 0);
}

static const struct test tests[] = {
	TEST(test_a_slot_withdrawn_after_any_step_is_moved_already_or_size),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "withdrawn", tests, TESTS_COUNT(tests));
}
