/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One user asks for as much slow work as there can be: keys of RSA and passwords of the most
 * rounds. Whoever asks for little, or for one slow thing, has it as if the other were not there.
 * Counted in turns and grants; nothing here looks at a clock.
 */
#include <stdint.h>
#include <string.h>

#include "hil/arbiter.h"
#include "tests/guests.h"
#include "tests/suite.h"

#define FLOODER 4001u
#define MODEST 4002u
#define FLOOD 8u /* of either kind: operations_per_process together */
#define ROUNDS 10000000u
#define REQUESTS 40u
#define FOR_EVER UINT64_MAX

enum { RSA_COMMAND_GENERATE = 1, KDF_COMMAND_PBKDF2 = 6, WHOLE = 1 };
enum { SHA256 = 3 };

static const char *const wide[] = {"kernel.inline_max=8192", NULL};

static struct record answer;
static uint8_t inline_bytes[RECORD_INLINE_LIMIT];

/* --- what is asked for ------------------------------------------------------------------------ */

static struct record generation(uint32_t op_id, uint32_t bits)
{
	struct record record = rig_operation(op_id, RIG_RSA, RSA_COMMAND_GENERATE);

	record.operation.words[0] = bits;
	rig_out(&record, 0, (uint16_t)(bits / 8 * 9 / 2 + 8));
	return record;
}

static struct record stretching(uint32_t op_id, uint32_t rounds)
{
	struct record record = rig_operation(op_id, RIG_KDF, KDF_COMMAND_PBKDF2);

	record.operation.words[0] = SHA256;
	record.operation.words[1] = rounds;
	rig_in(&record, 0, inline_bytes, "password", 8);
	rig_out(&record, 4, 32);
	return record;
}

static struct record hashing(uint32_t op_id)
{
	struct record record = rig_operation(op_id, RIG_DIGEST, WHOLE);

	record.operation.words[0] = SHA256;
	rig_in(&record, 0, inline_bytes, "abc", 3);
	rig_out(&record, 1, 32);
	return record;
}

static struct record drawing(uint32_t op_id)
{
	struct record record = rig_operation(op_id, RIG_RNG, WHOLE);

	rig_out(&record, 0, 32);
	return record;
}

/* Keys have the even numbers, passwords the odd ones. */
static void flood(int fd)
{
	for (uint32_t i = 0; i < FLOOD; i++) {
		struct record key = generation(2 * i + 2, 4096);
		struct record password = stretching(2 * i + 1, ROUNDS);

		rig_send(fd, &key, -1);
		rig_send(fd, &password, -1);
	}
	rig_hear(&rig, fd);
}

static void cancel(int fd, uint32_t op_id)
{
	const struct record record = {.header = {.type = RECORD_CANCEL, .op_id = op_id}};

	rig_send(fd, &record, -1);
}

/* How many of all that was asked for ended otherwise. */
static unsigned cancel_the_flood(int fd)
{
	unsigned others = 0;

	for (uint32_t op_id = 1; op_id <= 2 * FLOOD; op_id++)
		cancel(fd, op_id);
	for (uint32_t i = 0; i < 2 * FLOOD; i++) {
		CU_ASSERT_TRUE_FATAL(rig_receive(&rig, fd, &answer));
		others += rig_status(&answer) != -PLUTON_ECANCEL;
	}
	return others;
}

/* --- turns ------------------------------------------------------------------------------------ */

/* Of one process: how often others had a turn while it waited for its own. */
static struct {
	uint32_t index;
	bool waits;
	unsigned asked;
	unsigned between;
} watched;

static void watch(void *context, enum kernel_step reached, const struct step *step)
{
	bool mine = step->process.index == watched.index;

	(void)context;
	if (mine && reached == STEP_ENGINE_REQUESTED) {
		watched.waits = true;
		watched.asked++;
	}
	if (reached == STEP_ENGINE_GRANTED && mine)
		watched.waits = false;
	else if (reached == STEP_ENGINE_GRANTED && watched.waits)
		watched.between++;
}

static void watch_last(void)
{
	watched.index = rig_last_process(&rig)->id.index;
	watched.waits = false;
	watched.asked = watched.between = 0;
	rig.kernel->step = (struct step_hook){watch, NULL};
}

static struct arbiter *arbiter_of(enum hil_kind kind)
{
	return rig.machine->engines.ports[kind].engines[0]->arbiter;
}

/* --- the tests -------------------------------------------------------------------------------- */

static void test_small_requests_of_another_user_wait_for_nothing_of_the_flood(void)
{
	int flooder, modest;

	guests_open(wide);
	flooder = guest_connect_as(FLOODER);
	modest = guest_connect_as(MODEST);
	watch_last();
	flood(flooder);
	for (uint32_t i = 0; i < REQUESTS; i++) {
		struct record record = i % 3 == 0   ? hashing(i + 1)
				       : i % 3 == 1 ? drawing(i + 1)
						    : stretching(i + 1, 1000);

		CU_ASSERT_EQUAL(rig_perform(&rig, modest, &record, &answer), 0);
		CU_ASSERT_EQUAL(answer.header.op_id, i + 1);
	}
	CU_ASSERT_EQUAL(watched.asked, REQUESTS);
	/* While the first one waited the flood's own first turns may have come. */
	CU_ASSERT(watched.between <= 3);
	rig.kernel->step = (struct step_hook){0};
	cancel_the_flood(flooder);
	guests_close();
}

static void test_of_a_flood_one_slow_thing_of_each_kind_is_done_at_a_time(void)
{
	int flooder;

	guests_open(wide);
	flooder = guest_connect_as(FLOODER);
	flood(flooder);
	guests_turn();
	CU_ASSERT_EQUAL(arbiter_of(HIL_RSA)->slow->holders, 1);
	CU_ASSERT_EQUAL(arbiter_of(HIL_KDF)->slow->holders, 1);
	CU_ASSERT_EQUAL(arbiter_of(HIL_RSA)->holders, 0);
	CU_ASSERT_EQUAL(arbiter_of(HIL_KDF)->holders, 0);
	cancel_the_flood(flooder);
	guests_close();
}

static void test_a_cancelled_flood_ends_at_once_but_for_what_may_have_been_done(void)
{
	int flooder;

	guests_open(wide);
	flooder = guest_connect_as(FLOODER);
	flood(flooder);
	guests_turn();
	CU_ASSERT(cancel_the_flood(flooder) <= 2);
	guests_close();
}

static void test_a_key_of_another_user_is_made_after_one_of_the_flood_and_not_after_all(void)
{
	struct record record;
	unsigned before = 0;
	int flooder, modest;

	guests_open(wide);
	flooder = guest_connect_as(FLOODER);
	modest = guest_connect_as(MODEST);
	for (uint32_t i = 1; i <= 4; i++) {
		record = generation(i, 2048);
		rig_send(flooder, &record, -1);
	}
	rig_hear(&rig, flooder);
	record = generation(9, 2048);
	rig_send(modest, &record, -1);
	rig_hear(&rig, modest);
	CU_ASSERT_TRUE(rig_receive(&rig, modest, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), 0);
	while (guest_has_answer(flooder) && rig_receive(&rig, flooder, &answer))
		before++;
	CU_ASSERT_EQUAL(before, 1);
	for (; before < 4; before++) {
		CU_ASSERT_TRUE(rig_receive(&rig, flooder, &answer));
		CU_ASSERT_EQUAL(rig_status(&answer), 0);
	}
	guests_close();
}

/* The clock is the test's: all deadlines that run have passed. */
static void test_a_key_does_not_fail_because_anothers_took_too_long(void)
{
	struct record slow = generation(1, 4096), record = generation(9, 2048);
	int flooder, modest;

	guests_open(wide);
	flooder = guest_connect_as(FLOODER);
	modest = guest_connect_as(MODEST);
	CU_ASSERT_EQUAL(rig_perform(&rig, modest, &record, &answer), 0); /* tested is what it is */
	rig_send(flooder, &slow, -1);
	rig_hear(&rig, flooder);
	rig_send(modest, &record, -1);
	rig_hear(&rig, modest);
	guests_turn();
	arbiter_expire(arbiter_of(HIL_RSA), FOR_EVER);
	CU_ASSERT_TRUE(rig_receive(&rig, flooder, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ECANCEL);
	CU_ASSERT_TRUE(rig_receive(&rig, modest, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), 0);
	guests_close();
}

static void test_a_flooder_that_dies_leaves_the_engines_to_others(void)
{
	struct record record = generation(9, 2048), password = stretching(10, 1000000);
	int flooder, modest;

	guests_open(wide);
	flooder = guest_connect_as(FLOODER);
	modest = guest_connect_as(MODEST);
	flood(flooder);
	guests_turn();
	guest_leave(flooder);
	CU_ASSERT_EQUAL(rig_perform(&rig, modest, &record, &answer), 0);
	CU_ASSERT_EQUAL(rig_perform(&rig, modest, &password, &answer), 0);
	CU_ASSERT_EQUAL(arbiter_of(HIL_RSA)->slow->marked, 0);
	CU_ASSERT_EQUAL(arbiter_of(HIL_KDF)->slow->marked, 0);
	guests_close();
}

static const struct test tests[] = {
	TEST(test_small_requests_of_another_user_wait_for_nothing_of_the_flood),
	TEST(test_of_a_flood_one_slow_thing_of_each_kind_is_done_at_a_time),
	TEST(test_a_cancelled_flood_ends_at_once_but_for_what_may_have_been_done),
	TEST(test_a_key_of_another_user_is_made_after_one_of_the_flood_and_not_after_all),
	TEST(test_a_key_does_not_fail_because_anothers_took_too_long),
	TEST(test_a_flooder_that_dies_leaves_the_engines_to_others),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "flood", tests, TESTS_COUNT(tests));
}
