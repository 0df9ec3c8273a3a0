/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hmac and cmac capsules as processes see them: MACs made and verified, in one shot and as
 * streams, cut, wrong, refused, cancelled. Known answers: RFC 4231 and NIST SP 800-38B.
 */
#include <string.h>
#include <sys/mman.h>

#include "tests/guests.h"
#include "tests/suite.h"

enum { MAC = 1, VERIFY, BEGIN, UPDATE, FINISH, FINISH_VERIFY, ABORT };
enum { SLOT_KEY = 0, SLOT_INPUT = 1, SLOT_MAC = 2 };

#define LARGE (1024u * 1024)

static struct record answer;
static uint8_t inline_bytes[RECORD_INLINE_LIMIT];

/* One algorithm of each capsule, with an example of its standard. */
struct example {
	uint32_t driver;
	uint32_t algorithm;
	const uint8_t *key;
	uint16_t key_size;
	const void *message;
	uint16_t length;
	uint8_t size; /* of the MAC */
	uint8_t mac[32];
};

static const uint8_t aes_key[] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
				  0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
static const uint8_t aes_message[] = {0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d,
				      0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a, 0xae, 0x2d, 0x8a, 0x57,
				      0x1e, 0x03, 0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf,
				      0x8e, 0x51, 0x30, 0xc8, 0x1c, 0x46, 0xa3, 0x5c, 0xe4, 0x11};

static const struct example examples[] = {
	{RIG_HMAC,
	 3,
	 (const uint8_t *)"Jefe",
	 4,
	 "what do ya want for nothing?",
	 28,
	 32,
	 {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
	  0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
	  0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43}},
	{RIG_CMAC,
	 24,
	 aes_key,
	 sizeof(aes_key),
	 aes_message,
	 sizeof(aes_message),
	 16,
	 {0xdf, 0xa6, 0x67, 0x47, 0xde, 0x9a, 0xe6, 0x30, 0x30, 0xca, 0x32, 0x61, 0x14, 0x97, 0xc8,
	  0x27}},
};
#define EXAMPLES (sizeof(examples) / sizeof(examples[0]))

static int perform(int fd, const struct record *record)
{
	return rig_perform(&rig, fd, record, &answer);
}

static bool answer_is(const struct example *example, size_t size)
{
	return answer.upcall.output_length == size && answer.upcall.words[1] == size &&
	       memcmp(answer.upcall.output, example->mac, size) == 0;
}

static struct record keyed(const struct example *example, uint32_t command)
{
	struct record record = rig_operation(1, example->driver, command);

	record.operation.words[0] = example->algorithm;
	rig_in(&record, SLOT_KEY, inline_bytes, example->key, example->key_size);
	return record;
}

static struct record message_of(const struct example *example, uint32_t command)
{
	struct record record = keyed(example, command);

	rig_in(&record, SLOT_INPUT, inline_bytes, example->message, example->length);
	return record;
}

static int make(int fd, const struct example *example, uint16_t room)
{
	struct record record = message_of(example, MAC);

	rig_out(&record, SLOT_MAC, room);
	return perform(fd, &record);
}

static int verify(int fd, const struct example *example, const uint8_t *mac, uint16_t size)
{
	struct record record = message_of(example, VERIFY);

	rig_in(&record, SLOT_MAC, inline_bytes, mac, size);
	return perform(fd, &record);
}

/* --- in one shot ------------------------------------------------------------------------------ */

static void for_each(void (*check)(int fd, const struct example *example))
{
	guests_open(NULL);
	for (size_t i = 0; i < EXAMPLES; i++)
		check(guest_connect(), &examples[i]);
	guests_close();
}

#define EACH(test, check)                                                                          \
	static void test(void)                                                                     \
	{                                                                                          \
		for_each(check);                                                                   \
	}

static void a_mac_is_that_of_the_standard(int fd, const struct example *example)
{
	CU_ASSERT_EQUAL(make(fd, example, example->size), 0);
	CU_ASSERT_TRUE(answer_is(example, example->size));
}
EACH(test_a_mac_is_that_of_the_standard, a_mac_is_that_of_the_standard)

static void room_for_less_gets_the_leftmost_bytes(int fd, const struct example *example)
{
	for (uint16_t room = 4; room <= example->size; room++) {
		CU_ASSERT_EQUAL(make(fd, example, room), 0);
		CU_ASSERT_TRUE(answer_is(example, room));
	}
	CU_ASSERT_EQUAL(make(fd, example, 3), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(make(fd, example, 64), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], example->size);
}
EACH(test_room_for_less_gets_the_leftmost_bytes, room_for_less_gets_the_leftmost_bytes)

static void a_right_mac_is_verified_and_a_wrong_one_is_inval(int fd, const struct example *example)
{
	uint8_t mac[65];

	memcpy(mac, example->mac, sizeof(example->mac));
	for (uint16_t size = 4; size <= example->size; size++) {
		CU_ASSERT_EQUAL(verify(fd, example, mac, size), 0);
		mac[size - 1] ^= 0x80;
		CU_ASSERT_EQUAL(verify(fd, example, mac, size), -PLUTON_EINVAL);
		mac[size - 1] ^= 0x80;
	}
	CU_ASSERT_EQUAL(verify(fd, example, mac, 3), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(verify(fd, example, mac, (uint16_t)(example->size + 1)), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, "at most"));
	CU_ASSERT_EQUAL(verify(fd, example, mac, 65), -PLUTON_ESIZE);
}
EACH(test_a_right_mac_is_verified_and_a_wrong_one_is_inval,
     a_right_mac_is_verified_and_a_wrong_one_is_inval)

static void a_mac_from_window_to_window(int fd, const struct example *example)
{
	struct record record = rig_operation(1, example->driver, MAC);
	uint8_t *memory;
	uint32_t window = rig_window(&rig, fd, 4096, &memory);

	memcpy(memory + 7, example->key, example->key_size);
	memcpy(memory + 4095 - example->length, example->message, example->length);
	record.operation.words[0] = example->algorithm;
	rig_range(&record, SLOT_KEY, window, 7, example->key_size);
	rig_range(&record, SLOT_INPUT, window, 4095u - example->length, example->length);
	rig_range(&record, SLOT_MAC, window, 1000, example->size);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_EQUAL(memcmp(memory + 1000, example->mac, example->size), 0);
	CU_ASSERT_EQUAL(memory[1000 + example->size], 0);
	munmap(memory, 4096);
}
EACH(test_a_mac_from_window_to_window, a_mac_from_window_to_window)

static void an_algorithm_of_the_other_or_none_is_inval(int fd, const struct example *example)
{
	static const uint32_t wrong[] = {0, 9, 23, 25, UINT32_MAX};
	struct example other = *example;

	for (unsigned i = 0; i <= 5; i++) {
		other.algorithm = i < 5 ? wrong[i] : example->driver == RIG_HMAC ? 24 : 3;
		CU_ASSERT_EQUAL(make(fd, &other, 16), -PLUTON_EINVAL);
		CU_ASSERT_TRUE(rig_says(&answer, "algorithm"));
	}
}
EACH(test_an_algorithm_of_the_other_or_none_is_inval, an_algorithm_of_the_other_or_none_is_inval)

static void test_keys_of_sizes_that_none_has_are_size(void)
{
	static const uint8_t zeros[1025];
	struct example example = examples[1];
	struct record record;
	int fd;

	guests_open((const char *const[]){"kernel.inline_max=2048", NULL});
	fd = guest_connect();
	example.key = zeros;
	example.key_size = 17;
	CU_ASSERT_EQUAL(make(fd, &example, 16), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, "16, 24 or 32"));
	example = examples[0];
	example.key = zeros;
	example.key_size = 1024;
	CU_ASSERT_EQUAL(make(fd, &example, 16), 0);
	example.key_size = 1025;
	CU_ASSERT_EQUAL(make(fd, &example, 16), -PLUTON_ESIZE);
	record = rig_operation(1, RIG_HMAC, MAC);
	record.operation.words[0] = 3;
	rig_out(&record, SLOT_MAC, 32);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, "key"));
	guests_close();
}

/* --- streams ---------------------------------------------------------------------------------- */

static uint32_t begin(int fd, const struct example *example)
{
	const struct record record = keyed(example, BEGIN);

	CU_ASSERT_EQUAL_FATAL(perform(fd, &record), 0);
	return answer.upcall.words[1];
}

static int update(int fd, const struct example *example, uint32_t stream, uint16_t at,
		  uint16_t length)
{
	struct record record = rig_operation(1, example->driver, UPDATE);

	record.operation.words[0] = stream;
	if (length)
		rig_in(&record, SLOT_INPUT, inline_bytes, (const uint8_t *)example->message + at,
		       length);
	return perform(fd, &record);
}

static int finish(int fd, const struct example *example, uint32_t stream, uint16_t room)
{
	struct record record = rig_operation(1, example->driver, FINISH);

	record.operation.words[0] = stream;
	rig_out(&record, SLOT_MAC, room);
	return perform(fd, &record);
}

static int finish_verify(int fd, const struct example *example, uint32_t stream, const uint8_t *mac,
			 uint16_t size)
{
	struct record record = rig_operation(1, example->driver, FINISH_VERIFY);

	record.operation.words[0] = stream;
	rig_in(&record, SLOT_MAC, inline_bytes, mac, size);
	return perform(fd, &record);
}

static int abort_stream(int fd, const struct example *example, uint32_t stream)
{
	struct record record = rig_operation(1, example->driver, ABORT);

	record.operation.words[0] = stream;
	return perform(fd, &record);
}

static size_t taken(void)
{
	return rig_last_process(&rig)->arena.taken;
}

static uint32_t begin_and_update(int fd, const struct example *example)
{
	uint32_t stream = begin(fd, example);

	CU_ASSERT_EQUAL(update(fd, example, stream, 0, 1), 0);
	CU_ASSERT_EQUAL(update(fd, example, stream, 1, 0), 0);
	CU_ASSERT_EQUAL(update(fd, example, stream, 1, (uint16_t)(example->length - 1)), 0);
	return stream;
}

static void a_stream_in_pieces_gives_the_mac_of_the_whole(int fd, const struct example *example)
{
	size_t before = taken();
	uint32_t stream = begin_and_update(fd, example);

	CU_ASSERT(taken() > before);
	CU_ASSERT_EQUAL(finish(fd, example, stream, example->size), 0);
	CU_ASSERT_TRUE(answer_is(example, example->size));
	CU_ASSERT_EQUAL(taken(), before);
	CU_ASSERT_EQUAL(update(fd, example, stream, 0, 1), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(abort_stream(fd, example, stream), -PLUTON_ERESERVE);
}
EACH(test_a_stream_in_pieces_gives_the_mac_of_the_whole_and_is_gone_to_the_byte,
     a_stream_in_pieces_gives_the_mac_of_the_whole)

static void a_stream_is_verified_once(int fd, const struct example *example)
{
	uint8_t wrong[4];
	size_t before = taken();
	uint32_t stream = begin_and_update(fd, example);

	memcpy(wrong, example->mac, sizeof(wrong));
	CU_ASSERT_EQUAL(finish_verify(fd, example, stream, example->mac, example->size), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 0);
	stream = begin_and_update(fd, example);
	wrong[3] ^= 1;
	CU_ASSERT_EQUAL(finish_verify(fd, example, stream, wrong, 4), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(finish_verify(fd, example, stream, example->mac, 4), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(taken(), before);
}
EACH(test_a_stream_is_verified_once_rightly_or_not, a_stream_is_verified_once)

static void a_finish_that_is_refused_leaves_the_stream_open(int fd, const struct example *example)
{
	uint32_t stream = begin_and_update(fd, example);
	uint8_t mac[64] = {0};

	CU_ASSERT_EQUAL(finish(fd, example, stream, 3), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(finish_verify(fd, example, stream, mac, 64), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(finish(fd, example, stream, example->size), 0);
	CU_ASSERT_TRUE(answer_is(example, example->size));
}
EACH(test_a_finish_that_is_refused_leaves_the_stream_open,
     a_finish_that_is_refused_leaves_the_stream_open)

static void an_aborted_stream_is_gone_to_the_byte(int fd, const struct example *example)
{
	size_t before = taken();
	uint32_t stream = begin_and_update(fd, example);

	CU_ASSERT_EQUAL(abort_stream(fd, example, stream), 0);
	CU_ASSERT_EQUAL(taken(), before);
	CU_ASSERT_EQUAL(finish(fd, example, stream, 16), -PLUTON_ERESERVE);
	CU_ASSERT_TRUE(rig_says(&answer, "not open"));
}
EACH(test_an_aborted_stream_is_gone_to_the_byte, an_aborted_stream_is_gone_to_the_byte)

static void test_the_stream_of_one_capsule_is_not_the_others(void)
{
	uint32_t stream;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	stream = begin(fd, &examples[0]);
	CU_ASSERT_EQUAL(update(fd, &examples[1], stream, 0, 1), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(finish(fd, &examples[0], stream, 32), 0);
	guests_close();
}

/* HMAC's state is twice a running hash; nobody else's stream pays for it. */
static void test_a_stream_takes_as_much_as_its_own_hil_needs(void)
{
	struct record record = rig_operation(1, RIG_DIGEST, 2);
	size_t before, cmac, digest;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	before = taken();
	begin(fd, &examples[1]);
	cmac = taken() - before;
	record.operation.words[0] = 3;
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	digest = taken() - before - cmac;
	begin(fd, &examples[0]);
	CU_ASSERT(cmac < digest);
	CU_ASSERT(digest < taken() - before - cmac - digest);
	guests_close();
}

/* --- cancelling ------------------------------------------------------------------------------- */

static const char *const one_call_a_pass[] = {"kernel.deferred_budget=1", NULL};

/* true: the answer was there before the cancel. */
static bool cancel_after(const struct example *example, unsigned passes)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = 1}};
	struct record record = keyed(example, MAC);
	uint8_t *memory;
	uint32_t window;
	bool before;
	int fd;

	guests_open(one_call_a_pass);
	fd = guest_connect();
	window = rig_window(&rig, fd, LARGE, &memory);
	rig_range(&record, SLOT_INPUT, window, 0, LARGE);
	rig_out(&record, SLOT_MAC, 16);
	rig_send(fd, &record, -1);
	for (unsigned i = 0; i < passes; i++)
		loop_pass(&rig.machine->loop, false);
	before = guest_has_answer(fd);
	rig_send(fd, &cancel, -1);
	rig_settle(&rig);
	CU_ASSERT_TRUE(guest_read(fd, &answer));
	CU_ASSERT(rig_status(&answer) == -PLUTON_ECANCEL || rig_status(&answer) == 0);
	CU_ASSERT(!before || rig_status(&answer) == 0);
	CU_ASSERT_FALSE(guest_has_answer(fd));
	CU_ASSERT_EQUAL(make(fd, example, example->size), 0);
	CU_ASSERT_TRUE(answer_is(example, example->size));
	munmap(memory, LARGE);
	guests_close();
	return before;
}

static void test_cancelled_at_any_moment_it_has_exactly_one_answer(void)
{
	for (size_t i = 0; i < EXAMPLES; i++) {
		unsigned passes = 0;

		while (passes < 100 && !cancel_after(&examples[i], passes))
			passes++;
		CU_ASSERT(passes > 2);
	}
}

/* The input is withdrawn before the engine reads it. */
static void a_failed_update_ends_its_stream(int fd, const struct example *example)
{
	struct record record = rig_operation(1, example->driver, UPDATE);
	const struct record withdraw = {
		.header = {.type = RECORD_CALL, .op_id = 1, .driver = example->driver},
		.call = {.class = CLASS_ALLOW_RO, .number = SLOT_INPUT}};
	uint8_t *memory;
	uint32_t window = rig_window(&rig, fd, 4096, &memory);
	size_t before = taken();
	uint32_t stream = begin(fd, example);

	record.operation.words[0] = stream;
	rig_range(&record, SLOT_INPUT, window, 0, 100);
	rig_send(fd, &record, -1);
	rig_send(fd, &withdraw, -1);
	rig_hear(&rig, fd);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_RETURN);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_UPCALL);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(update(fd, example, stream, 0, 1), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(taken(), before);
	munmap(memory, 4096);
}
EACH(test_a_failed_update_ends_its_stream, a_failed_update_ends_its_stream)

static const struct test tests[] = {
	TEST(test_a_mac_is_that_of_the_standard),
	TEST(test_room_for_less_gets_the_leftmost_bytes),
	TEST(test_a_right_mac_is_verified_and_a_wrong_one_is_inval),
	TEST(test_a_mac_from_window_to_window),
	TEST(test_an_algorithm_of_the_other_or_none_is_inval),
	TEST(test_keys_of_sizes_that_none_has_are_size),
	TEST(test_a_stream_in_pieces_gives_the_mac_of_the_whole_and_is_gone_to_the_byte),
	TEST(test_a_stream_is_verified_once_rightly_or_not),
	TEST(test_a_finish_that_is_refused_leaves_the_stream_open),
	TEST(test_an_aborted_stream_is_gone_to_the_byte),
	TEST(test_the_stream_of_one_capsule_is_not_the_others),
	TEST(test_a_stream_takes_as_much_as_its_own_hil_needs),
	TEST(test_cancelled_at_any_moment_it_has_exactly_one_answer),
	TEST(test_a_failed_update_ends_its_stream),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "capsules mac", tests, TESTS_COUNT(tests));
}
