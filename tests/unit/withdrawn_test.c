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
#include "hil/hwkey.h"
#include "tests/guests.h"
#include "tests/rsa_material.h"
#include "tests/suite.h"

#define SLOTS 6u
#define STEPS_MAX 60u /* deferred calls; longer ways end there */
#define SLOT_ROOM 2560u
#define RIG_NVMEM 0x50001u
#define RIG_CONSOLE 0x1u
#define RIG_APP 0x80000002u
#define RIG_HWKEY 0x80000007u

/* Slots of keys; what a request makes is in the last one, and goes before the next. */
enum { KEY_AES = 1, KEY_SECRET, KEY_RSA, KEY_CURVE, KEY_WRAPPED, KEY_MADE };
#define ENCRYPTS (HWKEY_ENCRYPT | HWKEY_WRAPS)

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
	void (*fill)(void);    /* what is not all 'a' */
};

static uint8_t *memory;
static uint32_t window;

static uint8_t *slot_of(unsigned slot)
{
	return memory + slot * SLOT_ROOM;
}

/* A modulus of 2048 bits, odd, and 65537. */
static void fill_public(void)
{
	memset(memory, 0xc1, 256);
	memset(memory + 256, 0, 8);
	memory[256 + 5] = memory[256 + 7] = 1;
}

static void fill_private(void)
{
	rsa_test_key(memory);
}

static void fill_attributes(uint32_t type, uint32_t usage, uint32_t size)
{
	const uint32_t words[4] = {type, usage, HWKEY_THIS_BOOT, size};

	memcpy(memory, words, sizeof(words));
}

static void fill_secret(void)
{
	fill_attributes(HWKEY_SECRET, HWKEY_MAC | HWKEY_AGREE, 32);
}

static void fill_rsa(void)
{
	fill_attributes(HWKEY_RSA2048, HWKEY_SIGN | HWKEY_DECRYPT, 0);
	rsa_test_key(slot_of(1));
}

static void fill_curve(void)
{
	fill_attributes(HWKEY_P256, HWKEY_SIGN | HWKEY_AGREE, 0);
}

/* As KEY_AES wraps KEY_WRAPPED. */
static uint8_t wrapped[40];

static void fill_wrapped(void)
{
	fill_secret();
	memcpy(slot_of(1), wrapped, sizeof(wrapped));
}

static const struct request requests[] = {
	{"rng", RIG_RNG, 1, {0}, {64}, 1, 0, NULL},
	{"digest", RIG_DIGEST, 1, {3}, {100, 32}, 2, 0, NULL},
	{"aes gcm", RIG_AES, 1, {4}, {32, 12, 20, 64, 64, 16}, 1 << 4 | 1 << 5, 0, NULL},
	{"aes ctr", RIG_AES, 1, {3}, {32, 16, 0, 64, 64}, 1 << 4, 0, NULL},
	{"aes ccm", RIG_AES, 1, {5}, {32, 12, 20, 64, 64, 16}, 1 << 4 | 1 << 5, 0, NULL},
	{"aes cbc", RIG_AES, 1, {2}, {32, 16, 0, 64, 64}, 1 << 4, 0, NULL},
	{"hmac", RIG_HMAC, 1, {3}, {32, 100, 32}, 1 << 2, 0, NULL},
	{"cmac", RIG_CMAC, 1, {24}, {16, 100, 16}, 1 << 2, 0, NULL},
	{"ecc generate", RIG_ECC, 1, {1}, {32, 64}, 3, 0, NULL},
	{"ecc public", RIG_ECC, 2, {1}, {32, 64}, 2, 0, NULL},
	{"ecc sign", RIG_ECC, 3, {1}, {32, 0, 32, 64}, 1 << 3, 0, NULL},
	{"ecc sign ed25519", RIG_ECC, 3, {4}, {32, 0, 100, 64}, 1 << 3, 0, NULL},
	{"ecc agree x25519", RIG_ECC, 5, {5}, {32, 32, 0, 0, 32}, 1 << 4, 0, NULL},
	{"rsa encrypt", RIG_RSA, 4, {1}, {264, 0, 0, 32, 256}, 1 << 4, 0, fill_public},
	{"rsa sign", RIG_RSA, 2, {2, 3}, {1160, 0, 0, 32, 0, 256}, 1 << 5, 0, fill_private},
	{"rsa sign with d alone",
	 RIG_RSA,
	 2,
	 {1, 3},
	 {520, 0, 0, 32, 0, 256},
	 1 << 5,
	 0,
	 fill_private},
	{"rsa decrypt", RIG_RSA, 5, {1}, {1160, 0, 0, 256, 256}, 1 << 4, 0, fill_private},
	{"rsa private", RIG_RSA, 7, {0}, {1160, 0, 0, 256, 256}, 1 << 4, 0, fill_private},
	{"rsa private by slot", RIG_RSA, 7, {KEY_RSA}, {0, 0, 0, 256, 256}, 1 << 4, 0, NULL},
	{"rsa sign by slot", RIG_RSA, 9, {KEY_RSA, 3}, {0, 0, 0, 32, 0, 256}, 1 << 5, 0, NULL},
	{"rsa decrypt by slot", RIG_RSA, 10, {KEY_RSA}, {0, 0, 0, 256, 256}, 1 << 4, 0, NULL},
	{"kdf hkdf", RIG_KDF, 1, {3}, {32, 20, 0, 30, 70}, 1 << 4, 0, NULL},
	{"kdf counter", RIG_KDF, 4, {3}, {32, 0, 20, 30, 70}, 1 << 4, 0, NULL},
	{"kdf pbkdf2", RIG_KDF, 6, {3, 50}, {32, 20, 0, 0, 70}, 1 << 4, 0, NULL},
	{"kdf hkdf by slot", RIG_KDF, 1, {3, KEY_SECRET}, {0, 20, 0, 30, 70}, 1 << 4, 0, NULL},
	{"kdf counter by slot", RIG_KDF, 4, {3, KEY_SECRET}, {0, 0, 20, 30, 70}, 1 << 4, 0, NULL},
	{"hmac by slot", RIG_HMAC, 1, {3, KEY_SECRET}, {0, 100, 32}, 1 << 2, 0, NULL},
	{"aes fresh", RIG_AES, 9, {4}, {32, 12, 20, 64, 64, 16}, 1 << 1 | 1 << 4 | 1 << 5, 0, NULL},
	{"aes fresh by slot",
	 RIG_AES,
	 9,
	 {4, KEY_AES},
	 {0, 12, 20, 64, 64, 16},
	 1 << 1 | 1 << 4 | 1 << 5,
	 0,
	 NULL},
	{"hwkey generate", RIG_HWKEY, 1, {KEY_MADE}, {16}, 0, 1, fill_curve},
	{"hwkey import", RIG_HWKEY, 2, {KEY_MADE}, {16, 32}, 0, 1, fill_secret},
	{"hwkey import rsa", RIG_HWKEY, 2, {KEY_MADE}, {16, 1160}, 0, 1, fill_rsa},
	{"hwkey derive", RIG_HWKEY, 3, {KEY_MADE}, {16, 30}, 0, 1, fill_secret},
	{"hwkey wrap", RIG_HWKEY, 4, {KEY_WRAPPED, KEY_AES}, {0, 40}, 2, 0, NULL},
	{"hwkey unwrap", RIG_HWKEY, 5, {KEY_MADE, KEY_AES}, {16, 40}, 0, 1, fill_wrapped},
	{"hwkey public", RIG_HWKEY, 7, {KEY_CURVE}, {0, 64}, 2, 0, NULL},
	{"hwkey status", RIG_HWKEY, 8, {KEY_CURVE}, {0, 24}, 2, 2, NULL},
	{"hwkey list", RIG_HWKEY, 9, {0}, {96}, 1, 1, NULL},
	{"nvmem put", RIG_NVMEM, 5, {0}, {4, 100}, 0, 1, NULL},
	{"nvmem read", RIG_NVMEM, 3, {0}, {4, 100}, 2, 1, NULL},
	{"nvmem write", RIG_NVMEM, 4, {0}, {4, 100}, 0, 1, NULL},
	{"nvmem status", RIG_NVMEM, 8, {0}, {4, 88}, 2, 1, NULL},
	{"console", RIG_CONSOLE, 1, {7}, {20}, 0, 0, NULL},
	{"app list", RIG_APP, 1, {0}, {160}, 1, 1, NULL},
	{"manager status", RIG_MANAGER, 1, {0}, {144}, 1, 1, NULL},
};
#define REQUESTS TESTS_COUNT(requests)

/* --- what goes in ---------------------------------------------------------------------------- */

static char state[] = "/tmp/pluton-withdrawn-XXXXXX";

/* Bytes that are a key of most kinds, a scalar of any curve, a name. */
static void fill(const struct request *request)
{
	memset(memory, 'a', SLOTS * SLOT_ROOM);
	if (request->fill)
		request->fill();
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

/* A request that makes a key has an empty slot for it again. */
static void take_back(int fd, const struct request *request)
{
	struct record record = rig_operation(8, RIG_HWKEY, 6);

	if (request->driver != RIG_HWKEY || request->words[0] != KEY_MADE)
		return;
	record.operation.words[0] = KEY_MADE;
	rig_perform(&rig, fd, &record, &answer);
}

static bool works(int fd, const struct request *request)
{
	struct record record = record_of(request, 7);
	bool did;

	fill(request);
	did = rig_perform(&rig, fd, &record, &answer) == 0;
	take_back(fd, request);
	return did;
}

static void make_key(int fd, uint32_t slot, void (*attributes)(void), uint16_t size)
{
	struct request request = {"", RIG_HWKEY, 2, {slot}, {16, size}, 0, 0, attributes};

	CU_ASSERT_TRUE(works(fd, &request));
}

static void fill_aes(void)
{
	fill_attributes(HWKEY_AES256, ENCRYPTS, 0);
}

static void make_keys(int fd)
{
	struct request wraps = {"", RIG_HWKEY, 4, {KEY_WRAPPED, KEY_AES}, {0, 40}, 2, 0, NULL};

	make_key(fd, KEY_AES, fill_aes, 32);
	make_key(fd, KEY_SECRET, fill_secret, 32);
	make_key(fd, KEY_RSA, fill_rsa, RSA_TEST_KEY_SIZE);
	make_key(fd, KEY_CURVE, fill_curve, 32);
	make_key(fd, KEY_WRAPPED, fill_secret, 32);
	CU_ASSERT_TRUE(works(fd, &wraps));
	memcpy(wrapped, slot_of(1), sizeof(wrapped));
}

static void withdraw_everywhere(int fd, const struct request *request, unsigned slot)
{
	size_t before = rig.kernel->pool.taken;
	unsigned refused = 0;

	for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
		int status = withdraw_after(fd, request, slot, steps);

		take_back(fd, request);
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
	guests_open((const char *const[]){setting, "hil.checker=yes", "hil.hwkey=openssl",
					  "console.burst=10000", NULL});
	fd = guest_connect();
	window = rig_window(&rig, fd, SLOTS * SLOT_ROOM, &memory);
	make_keys(fd);
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
