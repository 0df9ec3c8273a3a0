/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits that a client can reach, at the limit and one beyond: every slot of every command of every
 * capsule by the command tables, and then the longest parts of a request through its engine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/kernel/operation.h"
#include "daemon/kernel/request.h"
#include "hil/ecc.h"
#include "hil/hwkey.h"
#include "hil/kdf.h"
#include "tests/guests.h"
#include "tests/suite.h"

#define MEMORY (64u * 1024)
#define RIG_HWKEY 0x80000007u

static struct record answer;
static uint8_t *memory;
static uint32_t window;

/* --- tables ----------------------------------------------------------------------------------- */

/* The shortest request that a command takes; ranges lie one behind the other. */
static struct operation shortest(struct driver *driver, const struct command *command)
{
	struct operation op = {
		.process = rig_last_process(&rig), .driver = driver, .op_id = 1, .writable = 0xff};

	for (unsigned i = 0; i < CAPSULE_WORDS_MAX; i++) {
		if (command->words[i].names)
			op.words[i] = command->words[i].names[0].value;
	}
	for (unsigned i = 0; i < CAPSULE_SLOTS_MAX; i++) {
		if (command->slots[i].name)
			op.ranges[i] = (struct record_range){
				.window = 1, .offset = i << 20, .length = command->slots[i].min};
	}
	return op;
}

static int check_length(const struct operation *shortest, const struct command *command,
			unsigned slot, uint32_t length)
{
	struct operation op = *shortest;

	op.ranges[slot].length = length;
	return operation_check(&op, command);
}

/* How many limits it has above. */
static unsigned check_slot(const struct operation *op, const struct command *command, unsigned i)
{
	const struct command_slot *slot = &command->slots[i];
	bool right = check_length(op, command, i, slot->min) == 0;

	if (slot->min > 1)
		right = right && check_length(op, command, i, slot->min - 1) == -PLUTON_ESIZE;
	right = right && check_length(op, command, i, 0) == (slot->optional ? 0 : -PLUTON_ESIZE);
	if (slot->max)
		right = right && check_length(op, command, i, slot->max) == 0 &&
			check_length(op, command, i, slot->max + 1) == -PLUTON_ESIZE;
	if (!right)
		printf("# %s %s\n", command->name, slot->name);
	CU_ASSERT_TRUE(right);
	return slot->max != 0;
}

static void test_every_slot_of_every_command_is_refused_one_byte_beyond_its_limits(void)
{
	unsigned limits = 0;

	guests_open(NULL);
	guest_connect();
	for (unsigned d = 0; d < rig.kernel->driver_count; d++) {
		struct driver *driver = &rig.kernel->drivers[d];

		for (size_t c = 0; c < driver->capsule->command_count; c++) {
			const struct command *command = &driver->capsule->commands[c];
			struct operation op = shortest(driver, command);

			for (unsigned i = 0; i < CAPSULE_SLOTS_MAX; i++) {
				if (command->slots[i].name)
					limits += check_slot(&op, command, i);
			}
		}
	}
	CU_ASSERT(limits > 50);
	guests_close();
}

/* --- requests --------------------------------------------------------------------------------- */

/* A request whose slots have these lengths; `at` is how much longer one of them may be. */
struct request {
	const char *name;
	uint32_t driver;
	uint32_t command;
	uint32_t words[2];
	uint32_t sizes[6];
	unsigned slot; /* that is at its limit */
};

static const struct request requests[] = {
	{"kdf key", RIG_KDF, 1, {3}, {KDF_KEY_SIZE_MAX, 20, 0, 30, 70}, 0},
	{"kdf salt", RIG_KDF, 1, {3}, {32, KDF_SALT_MAX, 0, 30, 70}, 1},
	{"kdf label", RIG_KDF, 4, {3}, {32, 0, KDF_LABEL_MAX, 30, 70}, 2},
	{"kdf info", RIG_KDF, 1, {3}, {32, 20, 0, KDF_INFO_MAX, 70}, 3},
	{"kdf context", RIG_KDF, 4, {3}, {32, 0, 20, KDF_INFO_MAX, 70}, 3},
	{"kdf fixed", RIG_KDF, 5, {3}, {32, 0, 0, KDF_INFO_MAX, 70}, 3},
	{"hkdf output", RIG_KDF, 1, {3}, {32, 20, 0, 30, 255 * 32}, 4},
	{"counter output", RIG_KDF, 4, {3}, {32, 0, 20, 30, KDF_LENGTH_MAX}, 4},
	{"password", RIG_KDF, 6, {3, 1}, {KDF_KEY_SIZE_MAX, 20, 0, 0, 70}, 0},
	{"oaep label", RIG_RSA, 4, {3, 3}, {264, 0, 1024, 20, 256}, 2},
	{"oaep message", RIG_RSA, 4, {3, 3}, {264, 0, 0, 256 - 2 * 32 - 2, 256}, 3},
	{"pkcs1 message", RIG_RSA, 4, {1, 0}, {264, 0, 0, 256 - 11, 256}, 3},
	{"ed25519 message", RIG_ECC, 3, {4}, {32, 0, ECC_MESSAGE_MAX, 64}, 2},
	{"derived from", RIG_HWKEY, 3, {9}, {16, HWKEY_INPUT_MAX}, 1},
	{"secret", RIG_HWKEY, 2, {9}, {16, HWKEY_SECRET_MAX}, 1},
};

static uint32_t place_of(unsigned slot)
{
	return slot * MEMORY;
}

static void fill(const struct request *request, unsigned beyond)
{
	const uint32_t secret[4] = {HWKEY_SECRET, HWKEY_MAC, HWKEY_THIS_BOOT,
				    request->command == 3 ? 32 : request->sizes[1] + beyond};

	memset(memory, 'a', 6 * MEMORY);
	if (request->driver == RIG_HWKEY)
		memcpy(memory, secret, sizeof(secret));
	if (request->driver != RIG_RSA)
		return;
	memset(memory, 0xc1, 256); /* a modulus, odd, and 65537 */
	memset(memory + 256, 0, 8);
	memory[256 + 5] = memory[256 + 7] = 1;
}

static int perform(int fd, const struct request *request, unsigned beyond)
{
	struct record record = rig_operation(1, request->driver, request->command);

	fill(request, beyond);
	memcpy(record.operation.words, request->words, sizeof(request->words));
	for (unsigned i = 0; i < 6; i++) {
		uint32_t size = request->sizes[i] + (i == request->slot ? beyond : 0);

		if (size)
			rig_range(&record, i, window, place_of(i), size);
	}
	return rig_perform(&rig, fd, &record, &answer);
}

static void delete_key(int fd)
{
	struct record record = rig_operation(2, RIG_HWKEY, 6);

	record.operation.words[0] = 9;
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, &answer), 0);
}

static char state[64]; /* keys need a device secret */

static int open_window(void)
{
	char setting[96];
	int fd;

	snprintf(state, sizeof(state), "/tmp/pluton-limits-XXXXXX");
	snprintf(setting, sizeof(setting), "daemon.state=%s", mkdtemp(state));
	guests_open((const char *const[]){setting, "hil.checker=yes", NULL});
	fd = guest_connect();
	window = rig_window(&rig, fd, 6 * MEMORY, &memory);
	return fd;
}

static void close_window(void)
{
	char command[96];

	munmap(memory, 6 * MEMORY);
	guests_close();
	snprintf(command, sizeof(command), "rm -r %s", state);
	CU_ASSERT_EQUAL(system(command), 0);
}

static void test_the_longest_part_of_a_request_is_taken_and_one_byte_more_is_size(void)
{
	int fd = open_window();

	for (size_t i = 0; i < TESTS_COUNT(requests); i++) {
		int at = perform(fd, &requests[i], 0), beyond;

		if (at == 0 && requests[i].driver == RIG_HWKEY)
			delete_key(fd);
		beyond = perform(fd, &requests[i], 1);
		if (at != 0 || beyond != -PLUTON_ESIZE)
			printf("# %s: %d, and one more: %d\n", requests[i].name, at, beyond);
		CU_ASSERT_EQUAL(at, 0);
		CU_ASSERT_EQUAL(beyond, -PLUTON_ESIZE);
	}
	close_window();
}

static void test_key_slots_have_numbers_up_to_65535(void)
{
	struct request request = requests[TESTS_COUNT(requests) - 1];
	struct record record = rig_operation(2, RIG_HWKEY, 6);
	int fd = open_window();

	request.words[0] = HWKEY_NUMBER_MAX;
	CU_ASSERT_EQUAL(perform(fd, &request, 0), 0);
	record.operation.words[0] = HWKEY_NUMBER_MAX;
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, &answer), 0);
	request.words[0] = HWKEY_NUMBER_MAX + 1;
	CU_ASSERT_TRUE(perform(fd, &request, 0) < 0);
	CU_ASSERT_TRUE(rig_says(&answer, "65535"));
	close_window();
}

static const struct test tests[] = {
	TEST(test_every_slot_of_every_command_is_refused_one_byte_beyond_its_limits),
	TEST(test_the_longest_part_of_a_request_is_taken_and_one_byte_more_is_size),
	TEST(test_key_slots_have_numbers_up_to_65535),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "limits", tests, TESTS_COUNT(tests));
}
