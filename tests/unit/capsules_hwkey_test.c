/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hwkey capsule as processes see it, on an engine that does what each test says: what it asks
 * of the engine, what it answers, each refusal with its sentence, rows and their pages, and
 * requests that are cancelled, or whose buffers are withdrawn. The fake has the real engine's place
 * and turns.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hil/hwkey.h"
#include "tests/guests.h"
#include "tests/suite.h"

enum { GENERATE = 1, IMPORT, DERIVE, WRAP, UNWRAP, DELETE, PUBLIC, STATUS, LIST };
enum { ATTRIBUTES = 0, ROWS = 0, BYTES = 1 };

#define SLOTS_PER_OWNER 5u
#define FAKES 16u /* operations under way */
#define SENTENCE "the engine's own sentence"

static const char *const few[] = {"hwkey.slots_per_owner=5", NULL};

static struct record answer;
static uint8_t inline_bytes[RECORD_INLINE_LIMIT];
static uint8_t key[64] = "a key that is known to the tests";

/* --- the engine ------------------------------------------------------------------------------- */

struct fake_slot {
	uint32_t number;
	int state; /* what find says */
	struct hwkey_attributes attributes;
};

static struct {
	struct hwkey_engine *engine;
	struct deferred_call call;
	struct hwkey_client *clients[FAKES]; /* under way, in their order */
	struct hwkey_request requests[FAKES];
	struct hwkey_request request; /* the last one */
	unsigned under_way;
	unsigned starts;
	unsigned cancels;
	bool holds;
	int result;
	uint8_t input[HWKEY_WRAPPED_MAX];
	size_t pulled;
	struct fake_slot slots[100];
	unsigned slot_count;
	uint32_t unused;
	unsigned asked_unused;
} fake;

static int move(struct hwkey_client *client, const struct hwkey_request *request)
{
	static const uint8_t output[HWKEY_WRAPPED_MAX] = "what comes out";
	bool pulls = hwkey_fills(request->action);
	size_t cursor = 0;

	while (cursor < request->length) {
		size_t left = request->length - cursor;
		ssize_t n =
			pulls ? client->ops->pull_input(client, fake.input + cursor, left, cursor)
			      : client->ops->push_output(client, output + cursor, left, cursor);

		n = hil_count(n, left);
		if (n < 0)
			return (int)n;
		cursor += (size_t)n;
	}
	fake.pulled = pulls ? cursor : 0;
	return fake.result;
}

static void run(struct deferred_call *call)
{
	struct hwkey_client *client = fake.clients[0];
	const struct hwkey_request request = fake.requests[0];

	if (fake.holds || fake.under_way == 0)
		return;
	fake.under_way--;
	memmove(fake.clients, fake.clients + 1, fake.under_way * sizeof(fake.clients[0]));
	memmove(fake.requests, fake.requests + 1, fake.under_way * sizeof(request));
	if (fake.under_way > 0)
		deferred_call_set(call);
	client->ops->done(client, move(client, &request));
}

static int fake_start(struct hwkey_engine *engine, const struct hwkey_request *request,
		      struct hwkey_client *client)
{
	int r = hwkey_check(&engine->head, request);

	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_FATAL(fake.under_way < FAKES);
	fake.starts++;
	fake.request = *request;
	fake.clients[fake.under_way] = client;
	fake.requests[fake.under_way++] = *request;
	deferred_call_set(&fake.call);
	return r;
}

/* Whatever is held ends, this one as a cancelled one does. */
static int fake_cancel(struct hwkey_engine *engine, struct hwkey_client *client)
{
	(void)engine;
	(void)client;
	fake.cancels++;
	fake.result = -PLUTON_ECANCEL;
	fake.holds = false;
	deferred_call_set(&fake.call);
	return 0;
}

static const char *fake_why(struct hwkey_engine *engine)
{
	(void)engine;
	return SENTENCE;
}

static int fake_find(struct hwkey_engine *engine, const struct hwkey_name *name,
		     struct hwkey_about *ret)
{
	(void)engine;
	for (unsigned i = 0; i < fake.slot_count; i++) {
		if (fake.slots[i].number != name->number)
			continue;
		if (fake.slots[i].state == 0)
			ret->attributes = fake.slots[i].attributes;
		return fake.slots[i].state;
	}
	return -PLUTON_ENODEVICE;
}

static uint32_t fake_next(struct hwkey_engine *engine, const char *owner, uint32_t after)
{
	char mine[64];

	(void)engine;
	snprintf(mine, sizeof(mine), "uid-%u", getuid());
	CU_ASSERT_STRING_EQUAL(owner, mine);
	for (unsigned i = 0; i < fake.slot_count; i++) {
		if (fake.slots[i].number > after)
			return fake.slots[i].number;
	}
	return 0;
}

static uint32_t fake_unused(struct hwkey_engine *engine, const char *owner)
{
	(void)engine;
	(void)owner;
	fake.asked_unused++;
	return fake.unused;
}

static void add_slot(uint32_t number, int state, enum hwkey_type type, uint32_t policy)
{
	fake.slots[fake.slot_count++] =
		(struct fake_slot){number, state, {type, HWKEY_SIGN, policy, hwkey_size(type)}};
}

static int open_fake(const char *const *settings)
{
	static const struct hwkey_engine_ops ops = {fake_start, fake_cancel, fake_why,
						    fake_find,	fake_next,   fake_unused};
	struct hil_port *port;

	guests_open(settings);
	port = &rig.machine->engines.ports[HIL_HWKEY];
	CU_ASSERT_FATAL(port->count == 1);
	memset(&fake, 0, sizeof(fake));
	fake.unused = 1;
	fake.engine = (struct hwkey_engine *)(void *)port->engines[0];
	fake.engine->ops = &ops;
	fake.engine->caps.derived_types = 1u << HWKEY_AES128;
	if (fake.engine->head.absent)
		hil_engine_set_absent(&fake.engine->head, false);
	deferred_call_init(&fake.call, &rig.kernel->deferred, run);
	return guest_connect();
}

/* --- requests --------------------------------------------------------------------------------- */

static int perform(int fd, const struct record *record)
{
	return rig_perform(&rig, fd, record, &answer);
}

static void put(uint8_t *bytes, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

static struct record filling(uint32_t command, uint32_t number, enum hwkey_type type, uint32_t size)
{
	struct record record = rig_operation(1, RIG_HWKEY, command);
	uint8_t attributes[HWKEY_ATTRIBUTES_SIZE];
	uint32_t usage = type == HWKEY_SECRET || type <= HWKEY_AES256 ? HWKEY_MAC : HWKEY_SIGN;

	put(attributes, type);
	put(attributes + 4, usage);
	put(attributes + 8, HWKEY_NEVER_EXPORTED);
	put(attributes + 12, size);
	record.operation.words[0] = number;
	rig_in(&record, ATTRIBUTES, inline_bytes, attributes, sizeof(attributes));
	return record;
}

static struct record filling_with(uint32_t command, uint32_t number, enum hwkey_type type,
				  uint32_t size, uint16_t length)
{
	struct record record = filling(command, number, type, size);

	rig_in(&record, BYTES, inline_bytes, key, length);
	return record;
}

static struct record using(uint32_t command, uint32_t number, uint16_t room)
{
	struct record record = rig_operation(1, RIG_HWKEY, command);

	record.operation.words[0] = number;
	if (room)
		rig_out(&record, command == LIST ? ROWS : BYTES, room);
	return record;
}

/* The last request's, as the engine got it. */
static void expect_request(enum hwkey_action action, uint32_t number, size_t length)
{
	char mine[64];

	snprintf(mine, sizeof(mine), "uid-%u", getuid());
	CU_ASSERT_EQUAL(fake.request.action, action);
	CU_ASSERT_STRING_EQUAL(fake.request.name.owner, mine);
	CU_ASSERT_EQUAL(fake.request.name.number, number);
	CU_ASSERT_EQUAL(fake.request.slots_per_owner, SLOTS_PER_OWNER);
	CU_ASSERT_EQUAL(fake.request.length, length);
}

static void expect_attributes(enum hwkey_type type, uint32_t usage, size_t size)
{
	CU_ASSERT_EQUAL(fake.request.attributes.type, type);
	CU_ASSERT_EQUAL(fake.request.attributes.usage, usage);
	CU_ASSERT_EQUAL(fake.request.attributes.policy, HWKEY_NEVER_EXPORTED);
	CU_ASSERT_EQUAL(fake.request.attributes.size, size);
}

static void expect_refused(int fd, struct record record, int error, const char *sentence)
{
	unsigned starts = fake.starts;

	CU_ASSERT_EQUAL(perform(fd, &record), error);
	CU_ASSERT_TRUE(rig_says(&answer, sentence));
	CU_ASSERT_EQUAL(fake.starts, starts);
}

/* --- what it asks and answers ------------------------------------------------------------------
 */

static void test_what_fills_a_slot_says_who_where_and_what_and_is_answered_with_the_number(void)
{
	int fd = open_fake(few);
	struct record record = filling(GENERATE, 7, HWKEY_P256, 0);

	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 7);
	expect_request(HWKEY_GENERATE, 7, 0);
	expect_attributes(HWKEY_P256, HWKEY_SIGN, 32);
	record = filling_with(IMPORT, 8, HWKEY_SECRET, 0, 40);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 8);
	expect_request(HWKEY_IMPORT, 8, 40);
	expect_attributes(HWKEY_SECRET, HWKEY_MAC, 40);
	CU_ASSERT_EQUAL(fake.pulled, 40);
	CU_ASSERT_EQUAL(memcmp(fake.input, key, 40), 0);
	record = filling_with(DERIVE, 9, HWKEY_AES128, 16, 3);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	expect_request(HWKEY_DERIVE, 9, 3);
	expect_attributes(HWKEY_AES128, HWKEY_MAC, 16);
	record = filling_with(UNWRAP, 10, HWKEY_AES256, 0, 40);
	record.operation.words[1] = 4;
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 10);
	expect_request(HWKEY_UNWRAP, 10, 40);
	expect_attributes(HWKEY_AES256, HWKEY_MAC, 32);
	CU_ASSERT_EQUAL(fake.request.wrapping, 4);
	guests_close();
}

static void test_what_uses_a_slot_asks_for_its_length_and_is_answered_with_it(void)
{
	int fd = open_fake(few);
	struct record record;

	add_slot(3, 0, HWKEY_P256, 0);
	record = using(WRAP, 3, 64);
	record.operation.words[1] = 4;
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	expect_request(HWKEY_WRAP, 3, 40);
	CU_ASSERT_EQUAL(fake.request.wrapping, 4);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 40);
	CU_ASSERT_EQUAL(memcmp(answer.upcall.output, "what comes out", 14), 0);
	record = using(PUBLIC, 3, 64);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	expect_request(HWKEY_PUBLIC, 3, 64);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 64);
	record = using(DELETE, 3, 0);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	expect_request(HWKEY_DELETE, 3, 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 0);
	guests_close();
}

static void test_number_0_is_the_lowest_that_is_free_when_the_engine_is_asked(void)
{
	int fd = open_fake(few);
	struct record record = filling(GENERATE, 0, HWKEY_P256, 0);

	fake.unused = 12;
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 12);
	expect_request(HWKEY_GENERATE, 12, 0);
	record = filling(GENERATE, 5, HWKEY_P256, 0);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_EQUAL(fake.asked_unused, 1);
	guests_close();
}

static void test_what_the_engine_says_of_a_failure_is_passed_on(void)
{
	static const int errors[] = {-PLUTON_EALREADY, -PLUTON_ENOMEM, -PLUTON_EINVAL,
				     -PLUTON_EFAIL, -PLUTON_ENODEVICE};
	int fd = open_fake(few);
	struct record record = filling(GENERATE, 7, HWKEY_P256, 0);

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		fake.result = errors[i];
		CU_ASSERT_EQUAL(perform(fd, &record), errors[i]);
		CU_ASSERT_TRUE(rig_says(&answer, SENTENCE));
	}
	guests_close();
}

/* --- what it refuses ---------------------------------------------------------------------------
 */

static void test_without_an_engine_every_command_says_so(void)
{
	struct record records[LIST + 1];
	struct record answered;
	int fd = open_fake(few);
	struct hil_port *port = &kernel_driver(rig.kernel, RIG_HWKEY)->ports[0];

	for (uint32_t command = GENERATE; command <= LIST; command++) {
		if (command == GENERATE)
			records[command] = filling(command, 1, HWKEY_P256, 0);
		else if (command == IMPORT || command == DERIVE || command == UNWRAP)
			records[command] = filling_with(command, 1, HWKEY_AES128, 0, 16);
		else
			records[command] = using(command, 1, command == DELETE ? 0 : 64);
		hil_engine_set_absent(&fake.engine->head, true);
		CU_ASSERT_EQUAL(rig_perform(&rig, fd, &records[command], &answered),
				-PLUTON_ENODEVICE);
		CU_ASSERT_TRUE(rig_says(&answered, "the hardware keys cannot be read: plutond's "
						   "log says why"));
	}
	port->count = 0;
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &records[LIST], &answered), -PLUTON_ENODEVICE);
	CU_ASSERT_TRUE(
		rig_says(&answered, "there are no hardware keys: see hil.hwkey in plutond.conf"));
	port->count = 1;
	guests_close();
}

static void test_numbers_types_and_attributes_that_cannot_be_are_refused_with_a_sentence(void)
{
	int fd = open_fake(few);
	struct record record = filling(GENERATE, HWKEY_NUMBER_MAX, HWKEY_P256, 0);

	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	expect_refused(fd, filling(GENERATE, HWKEY_NUMBER_MAX + 1, HWKEY_P256, 0), -PLUTON_EINVAL,
		       "key slots have numbers up to 65535, not 65536");
	expect_refused(fd, filling(GENERATE, 1, HWKEY_TYPES, 32), -PLUTON_ENOSUPPORT,
		       "no hwkey engine has keys of this type");
	expect_refused(fd, filling_with(DERIVE, 1, HWKEY_P256, 0, 4), -PLUTON_ENOSUPPORT,
		       "keys of this type cannot be derived");
	record = filling(GENERATE, 1, HWKEY_P256, 0);
	inline_bytes[4] = 0;
	expect_refused(fd, record, -PLUTON_EINVAL, "a key without a usage could not be used");
	inline_bytes[4] = HWKEY_WRAPS;
	expect_refused(fd, record, -PLUTON_EINVAL, "a key of this type has no such usage");
	inline_bytes[4] = HWKEY_SIGN;
	inline_bytes[8] = HWKEY_ENGINE_IV;
	expect_refused(fd, record, -PLUTON_EINVAL, "only AES keys have IVs");
	guests_close();
}

static void test_sizes_that_a_key_has_not_are_size_with_the_one_that_is_wrong(void)
{
	int fd = open_fake(few);

	expect_refused(fd, filling(GENERATE, 1, HWKEY_P256, 33), -PLUTON_ESIZE,
		       "a key of this type has 32 bytes, not 33");
	expect_refused(fd, filling(GENERATE, 1, HWKEY_SECRET, 0), -PLUTON_ESIZE,
		       "a secret has 1 to 128 bytes, not 0");
	expect_refused(fd, filling(GENERATE, 1, HWKEY_SECRET, 129), -PLUTON_ESIZE,
		       "a secret has 1 to 128 bytes, not 129");
	expect_refused(fd, filling_with(IMPORT, 1, HWKEY_AES128, 0, 17), -PLUTON_ESIZE,
		       "a key of this type has 16 bytes, not 17");
	expect_refused(fd, filling_with(IMPORT, 1, HWKEY_AES128, 17, 16), -PLUTON_ESIZE,
		       "a key of this type has 16 bytes, not 17");
	expect_refused(fd, filling_with(IMPORT, 1, HWKEY_AES128, 16, 17), -PLUTON_ESIZE,
		       "the key has 17 bytes, its attributes say 16");
	expect_refused(fd, filling_with(IMPORT, 1, HWKEY_SECRET, 20, 21), -PLUTON_ESIZE,
		       "the key has 21 bytes, its attributes say 20");
	expect_refused(fd, filling_with(DERIVE, 1, HWKEY_AES128, 15, 4), -PLUTON_ESIZE,
		       "a key of this type has 16 bytes, not 15");
	expect_refused(fd, filling_with(UNWRAP, 1, HWKEY_AES128, 0, 32), -PLUTON_ESIZE,
		       "a wrapped key of 16 bytes has 24 bytes, not 32");
	guests_close();
}

static void test_slots_that_are_empty_damaged_busy_or_unopened_are_refused_with_a_sentence(void)
{
	static const uint32_t commands[] = {WRAP, PUBLIC, DELETE, STATUS};
	int fd = open_fake(few);

	add_slot(2, -PLUTON_EBUSY, HWKEY_P256, 0);
	add_slot(3, -PLUTON_EFAIL, HWKEY_P256, 0);
	add_slot(4, -PLUTON_ENOMEM, HWKEY_P256, 0);
	for (size_t i = 0; i < 4; i++) {
		uint16_t room = commands[i] == DELETE ? 0 : 64;

		expect_refused(fd, using(commands[i], 1, room), -PLUTON_ENODEVICE,
			       "key slot 1 is empty: there is no such key of yours");
		expect_refused(fd, using(commands[i], 2, room), -PLUTON_EBUSY,
			       "key slot 2 is being filled or emptied: try again");
		if (commands[i] == WRAP || commands[i] == PUBLIC)
			expect_refused(fd, using(commands[i], 3, room), -PLUTON_EFAIL,
				       "key slot 3 is damaged");
		if (commands[i] != STATUS)
			expect_refused(fd, using(commands[i], 4, room), -PLUTON_ENOMEM,
				       "key slot 4 was not opened when plutond started, but it "
				       "is kept; see plutond's log, and start it again");
	}
	expect_refused(fd, using(WRAP, 0, 64), -PLUTON_ENODEVICE, "key slot 0 is empty");
	guests_close();
}

static void test_a_damaged_slot_can_be_deleted(void)
{
	int fd = open_fake(few);
	struct record record = using(DELETE, 3, 0);

	add_slot(3, -PLUTON_EFAIL, HWKEY_P256, 0);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	expect_request(HWKEY_DELETE, 3, 0);
	guests_close();
}

static void test_rooms_that_are_too_small_are_size_with_both_numbers(void)
{
	int fd = open_fake(few);

	add_slot(3, 0, HWKEY_P256, 0);
	add_slot(4, 0, HWKEY_AES128, 0);
	expect_refused(fd, using(WRAP, 3, 39), -PLUTON_ESIZE,
		       "the wrapped key has 40 bytes, there is room for 39");
	expect_refused(fd, using(PUBLIC, 3, 63), -PLUTON_ESIZE,
		       "the public key has 64 bytes, there is room for 63");
	expect_refused(fd, using(PUBLIC, 4, 64), -PLUTON_EINVAL, "key slot 4 has no public part");
	guests_close();
}

/* --- rows ---------------------------------------------------------------------------------------
 */

static uint32_t get(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static void expect_row(const uint8_t *row, const struct fake_slot *slot)
{
	uint8_t right[HWKEY_ROW_SIZE];
	const struct hwkey_attributes nothing = {0};

	hwkey_row_encode(slot->number, slot->state ? &nothing : &slot->attributes, slot->state != 0,
			 right);
	CU_ASSERT_EQUAL(memcmp(row, right, sizeof(right)), 0);
}

static void test_a_row_says_what_is_in_a_slot_or_that_it_is_damaged(void)
{
	int fd = open_fake(few);
	struct record record = using(STATUS, 3, HWKEY_ROW_SIZE);

	add_slot(3, 0, HWKEY_P384, HWKEY_THIS_BOOT);
	add_slot(4, -PLUTON_EFAIL, HWKEY_P384, 0);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_EQUAL(get(answer.upcall.output), 3);
	CU_ASSERT_EQUAL(get(answer.upcall.output + 4), HWKEY_P384);
	expect_row(answer.upcall.output, &fake.slots[0]);
	record = using(STATUS, 4, HWKEY_ROW_SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	expect_row(answer.upcall.output, &fake.slots[1]);
	fake.slots[1].state = -PLUTON_ENOMEM; /* it is there, and cannot be read */
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	expect_row(answer.upcall.output, &fake.slots[1]);
	guests_close();
}

/* Rows, and the first of the next command. */
static void expect_page(int fd, uint32_t first, uint16_t room, uint32_t rows, uint32_t next)
{
	struct record record = using(LIST, first, room);

	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], rows);
	CU_ASSERT_EQUAL(answer.upcall.words[2], next);
}

static void test_rows_come_in_pages_and_what_is_busy_is_left_out(void)
{
	int fd = open_fake(few);

	add_slot(2, 0, HWKEY_P256, 0);
	add_slot(5, -PLUTON_EBUSY, HWKEY_P256, 0);
	add_slot(6, -PLUTON_EFAIL, HWKEY_P256, 0);
	add_slot(HWKEY_NUMBER_MAX, 0, HWKEY_AES128, 0);
	expect_page(fd, 0, 4 * HWKEY_ROW_SIZE, 3, 0);
	expect_row(answer.upcall.output, &fake.slots[0]);
	expect_row(answer.upcall.output + HWKEY_ROW_SIZE, &fake.slots[2]);
	expect_row(answer.upcall.output + 2 * HWKEY_ROW_SIZE, &fake.slots[3]);
	expect_page(fd, 0, HWKEY_ROW_SIZE, 1, 3);
	expect_page(fd, 3, 2 * HWKEY_ROW_SIZE - 1, 1, 7);
	expect_row(answer.upcall.output, &fake.slots[2]);
	expect_page(fd, 7, HWKEY_ROW_SIZE, 1, HWKEY_NUMBER_MAX + 1);
	expect_page(fd, HWKEY_NUMBER_MAX + 1, HWKEY_ROW_SIZE, 0, 0);
	expect_page(fd, UINT32_MAX, HWKEY_ROW_SIZE, 0, 0);
	guests_close();
}

static void test_one_list_has_sixty_four_rows_at_most(void)
{
	struct record record = using(LIST, 0, 0);
	int fd = open_fake(few);
	uint8_t *memory;
	uint32_t window;

	for (uint32_t number = 1; number <= 100; number++)
		add_slot(number, 0, HWKEY_P256, 0);
	window = rig_window(&rig, fd, 4096, &memory);
	rig_range(&record, ROWS, window, 0, 4096);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 64);
	CU_ASSERT_EQUAL(answer.upcall.words[2], 65);
	expect_row(memory + 63 * HWKEY_ROW_SIZE, &fake.slots[63]);
	record.operation.words[0] = 65;
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 36);
	CU_ASSERT_EQUAL(answer.upcall.words[2], 0);
	expect_row(memory, &fake.slots[64]);
	munmap(memory, 4096);
	guests_close();
}

/* --- cancelled and withdrawn --------------------------------------------------------------------
 */

static void cancel(int fd, uint32_t op_id)
{
	const struct record record = {.header = {.type = RECORD_CANCEL, .op_id = op_id}};

	rig_send(fd, &record, -1);
}

static void hold(int fd, uint32_t op_id)
{
	struct record record = filling(GENERATE, op_id, HWKEY_P256, 0);

	fake.holds = true;
	record.header.op_id = op_id;
	rig_send(fd, &record, -1);
	for (unsigned i = 0; i < 4; i++)
		guests_turn();
}

static void test_a_cancel_is_passed_on_to_the_engine_and_its_answer_back(void)
{
	int fd = open_fake(few);

	hold(fd, 3);
	CU_ASSERT_EQUAL(fake.starts, 1);
	cancel(fd, 3);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(answer.header.op_id, 3);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(fake.cancels, 1);
	guests_close();
}

static void test_what_waits_for_its_turn_is_cancelled_without_the_engine(void)
{
	int fd = open_fake(few);
	uint32_t places = fake.engine->head.share;

	CU_ASSERT(places > 0);
	for (uint32_t i = 1; i <= places + 1; i++)
		hold(fd, i);
	CU_ASSERT_EQUAL(fake.starts, places);
	cancel(fd, places + 1);
	for (unsigned i = 0; i < 4; i++)
		guests_turn();
	CU_ASSERT_TRUE_FATAL(guest_read(fd, &answer));
	CU_ASSERT_EQUAL(answer.header.op_id, places + 1);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(fake.cancels, 0);
	CU_ASSERT_EQUAL(fake.starts, places);
	fake.holds = false;
	deferred_call_set(&fake.call);
	for (uint32_t i = 1; i <= places; i++) {
		CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
		CU_ASSERT_EQUAL(rig_status(&answer), 0);
		CU_ASSERT_EQUAL(answer.upcall.words[1], i);
	}
	guests_close();
}

static void test_a_client_that_dies_leaves_the_engine_nothing_to_answer(void)
{
	int fd = open_fake(few);

	hold(fd, 3);
	guest_leave(fd);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(fake.cancels, 1);
	CU_ASSERT_EQUAL(fake.under_way, 0);
	guests_close(); /* all is accounted for */
}

/* The slot is of length 0 from now on; its operation is under way. */
static void withdraw(int fd, unsigned slot, bool writable)
{
	const struct record record = {
		.header = {.type = RECORD_CALL, .op_id = 1, .driver = RIG_HWKEY},
		.call = {.class = writable ? CLASS_ALLOW_RW : CLASS_ALLOW_RO, .number = slot}};

	rig_send(fd, &record, -1);
	rig_hear(&rig, fd);
}

static int status_after_withdrawing(int fd, const struct record *record, unsigned slot,
				    bool writable)
{
	int status = 1;

	rig_send(fd, record, -1);
	rig_hear(&rig, fd);
	withdraw(fd, slot, writable);
	rig_settle(&rig);
	while (guest_has_answer(fd) && guest_read(fd, &answer)) {
		if (answer.header.type == RECORD_UPCALL)
			status = rig_status(&answer);
	}
	return status;
}

static void test_bytes_that_are_withdrawn_before_their_turn_are_size(void)
{
	int fd = open_fake(few);
	struct record record;
	uint8_t *memory;
	uint32_t window = rig_window(&rig, fd, 4096, &memory);

	add_slot(3, 0, HWKEY_P256, 0);
	memset(memory, 0, 4096);
	put(memory, HWKEY_AES128);
	put(memory + 4, HWKEY_MAC);
	record = using(IMPORT, 1, 0);
	rig_range(&record, ATTRIBUTES, window, 0, HWKEY_ATTRIBUTES_SIZE);
	rig_range(&record, BYTES, window, 100, 16);
	CU_ASSERT_EQUAL(status_after_withdrawing(fd, &record, BYTES, false), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(status_after_withdrawing(fd, &record, ATTRIBUTES, false), 0);
	record = using(PUBLIC, 3, 0);
	rig_range(&record, BYTES, window, 200, 64);
	CU_ASSERT_EQUAL(status_after_withdrawing(fd, &record, BYTES, true), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(memory[200], 0);
	munmap(memory, 4096);
	guests_close();
}

static const struct test tests[] = {
	TEST(test_what_fills_a_slot_says_who_where_and_what_and_is_answered_with_the_number),
	TEST(test_what_uses_a_slot_asks_for_its_length_and_is_answered_with_it),
	TEST(test_number_0_is_the_lowest_that_is_free_when_the_engine_is_asked),
	TEST(test_what_the_engine_says_of_a_failure_is_passed_on),
	TEST(test_without_an_engine_every_command_says_so),
	TEST(test_numbers_types_and_attributes_that_cannot_be_are_refused_with_a_sentence),
	TEST(test_sizes_that_a_key_has_not_are_size_with_the_one_that_is_wrong),
	TEST(test_slots_that_are_empty_damaged_busy_or_unopened_are_refused_with_a_sentence),
	TEST(test_a_damaged_slot_can_be_deleted),
	TEST(test_rooms_that_are_too_small_are_size_with_both_numbers),
	TEST(test_a_row_says_what_is_in_a_slot_or_that_it_is_damaged),
	TEST(test_rows_come_in_pages_and_what_is_busy_is_left_out),
	TEST(test_one_list_has_sixty_four_rows_at_most),
	TEST(test_a_cancel_is_passed_on_to_the_engine_and_its_answer_back),
	TEST(test_what_waits_for_its_turn_is_cancelled_without_the_engine),
	TEST(test_a_client_that_dies_leaves_the_engine_nothing_to_answer),
	TEST(test_bytes_that_are_withdrawn_before_their_turn_are_size),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "capsules hwkey", tests, TESTS_COUNT(tests));
}
