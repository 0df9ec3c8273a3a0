/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arbiter: turns between owners, order within an owner, and what death, withdrawal and
 * deadlines do to both.
 */
#include "hil/arbiter.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/suite.h"

#define OWNERS_MAX 200u
#define LOG_MAX 256u
#define FOR_EVER UINT64_MAX

static struct deferred_queue queue;
static struct hil_engine engine;
static struct arbiter arbiter;
static struct hil_owner owners[OWNERS_MAX];
static bool dead[OWNERS_MAX];

/* Who was granted, in order. */
static struct hil_waiter *granted_log[LOG_MAX];
static size_t granted_count;
static size_t expired_count;

static struct hil_owner *find_owner(void *context, uint32_t index)
{
	CU_ASSERT_PTR_EQUAL(context, owners);
	return dead[index] ? NULL : &owners[index];
}

static void note_grant(struct hil_waiter *waiter)
{
	CU_ASSERT_EQUAL(waiter->state, HIL_HOLDING);
	granted_log[granted_count++ % LOG_MAX] = waiter;
}

static void note_expiry(struct hil_waiter *waiter)
{
	CU_ASSERT_EQUAL(waiter->state, HIL_HOLDING);
	expired_count++;
}

static void open_arbiter(unsigned concurrency, uint64_t deadline_ms)
{
	deferred_queue_init(&queue);
	engine = (struct hil_engine){
		.name = "test", .level = HIL_LEVEL_AES, .concurrency = concurrency};
	for (uint32_t i = 0; i < OWNERS_MAX; i++) {
		owners[i] = (struct hil_owner){.index = i, .party = i};
		dead[i] = false;
	}
	granted_count = expired_count = 0;
	CU_ASSERT_EQUAL_FATAL(arbiter_init(&arbiter, &engine, &queue, OWNERS_MAX, OWNERS_MAX,
					   deadline_ms, find_owner, owners),
			      0);
}

static void ask(struct hil_waiter *waiter, uint32_t owner)
{
	*waiter = (struct hil_waiter){.granted = note_grant, .expired = note_expiry};
	CU_ASSERT_EQUAL(arbiter_request(&engine, waiter, &owners[owner], NULL), 0);
	CU_ASSERT_EQUAL(waiter->state, HIL_WAITING);
}

static void run_loop(void)
{
	while (deferred_queue_run(&queue, 16))
		;
}

/* Releases every holder as it comes until nobody waits. */
static void serve_all(void)
{
	run_loop();
	for (size_t i = 0; i < granted_count; i++) {
		arbiter_release(granted_log[i]);
		run_loop();
	}
}

static bool is_marked(uint32_t index)
{
	return arbiter.bits[index / 64] >> (index % 64) & 1;
}

static void test_a_grant_comes_from_a_deferred_call_and_not_from_the_request(void)
{
	struct hil_waiter waiter;

	open_arbiter(1, 0);
	ask(&waiter, 3);
	CU_ASSERT_EQUAL(granted_count, 0);
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 1);
	CU_ASSERT_EQUAL(arbiter.holders, 1);
	CU_ASSERT_EQUAL(arbiter.grants, 1);
	arbiter_close(&arbiter);
}

static void test_a_release_does_not_grant_before_the_loop_runs(void)
{
	struct hil_waiter first, second;

	open_arbiter(1, 0);
	ask(&first, 1);
	ask(&second, 2);
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 1);
	arbiter_release(&first);
	CU_ASSERT_EQUAL(first.state, HIL_IDLE);
	CU_ASSERT_EQUAL(granted_count, 1);
	run_loop();
	CU_ASSERT_PTR_EQUAL(granted_log[1], &second);
	arbiter_close(&arbiter);
}

static void test_one_owner_is_served_first_come_first_served(void)
{
	struct hil_waiter waiters[10];

	open_arbiter(1, 0);
	for (int i = 0; i < 10; i++)
		ask(&waiters[i], 7);
	serve_all();
	CU_ASSERT_EQUAL(granted_count, 10);
	for (int i = 0; i < 10; i++)
		CU_ASSERT_PTR_EQUAL(granted_log[i], &waiters[i]);
	arbiter_close(&arbiter);
}

static void test_owners_are_served_in_turn_however_much_one_asks(void)
{
	struct hil_waiter greedy[10], modest[2];

	open_arbiter(1, 0);
	for (int i = 0; i < 10; i++)
		ask(&greedy[i], 5);
	ask(&modest[0], 100);
	ask(&modest[1], 2);
	serve_all();
	CU_ASSERT_EQUAL(granted_count, 12);
	CU_ASSERT_PTR_EQUAL(granted_log[0], &modest[1]); /* owner 2 is the first in turn */
	CU_ASSERT_PTR_EQUAL(granted_log[1], &greedy[0]);
	CU_ASSERT_PTR_EQUAL(granted_log[2], &modest[0]);
	CU_ASSERT_PTR_EQUAL(granted_log[3], &greedy[1]);
	arbiter_close(&arbiter);
}

static void test_an_owner_that_asks_again_at_once_waits_for_the_others(void)
{
	struct hil_waiter a, b;

	open_arbiter(1, 0);
	ask(&a, 1);
	ask(&b, 2);
	run_loop();
	for (int i = 0; i < 20; i++) {
		struct hil_waiter *holder = granted_log[granted_count - 1];

		arbiter_release(holder);
		ask(holder, holder == &a ? 1 : 2);
		run_loop();
		CU_ASSERT_PTR_EQUAL(granted_log[granted_count - 1], holder == &a ? &b : &a);
	}
	arbiter_close(&arbiter);
}

static void test_every_owner_of_the_whole_table_gets_its_turn(void)
{
	static struct hil_waiter waiters[OWNERS_MAX];

	open_arbiter(1, 0);
	for (uint32_t i = 0; i < OWNERS_MAX; i++)
		ask(&waiters[i], OWNERS_MAX - 1 - i);
	serve_all();
	CU_ASSERT_EQUAL(granted_count, OWNERS_MAX);
	for (uint32_t i = 0; i < OWNERS_MAX; i++) {
		CU_ASSERT_EQUAL(granted_log[i]->owner->index, i);
		CU_ASSERT_FALSE(is_marked(i));
	}
	arbiter_close(&arbiter);
}

static void test_as_many_hold_at_once_as_the_engine_takes(void)
{
	struct hil_waiter waiters[6];

	open_arbiter(4, 0);
	for (uint32_t i = 0; i < 6; i++)
		ask(&waiters[i], i);
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 4);
	CU_ASSERT_EQUAL(arbiter.holders, 4);
	arbiter_release(&waiters[2]);
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 5);
	CU_ASSERT_EQUAL(arbiter.holders, 4);
	serve_all();
	CU_ASSERT_EQUAL(granted_count, 6);
	CU_ASSERT_EQUAL(arbiter.holders, 0);
	arbiter_close(&arbiter);
}

static void test_each_run_of_the_loop_grants_once(void)
{
	struct hil_waiter waiters[4];

	open_arbiter(4, 0);
	for (uint32_t i = 0; i < 4; i++)
		ask(&waiters[i], i);
	for (size_t i = 1; i <= 4; i++) {
		deferred_queue_run(&queue, 1);
		CU_ASSERT_EQUAL(granted_count, i);
	}
	arbiter_close(&arbiter);
}

static void release_at_once(struct hil_waiter *waiter)
{
	note_grant(waiter);
	arbiter_release(waiter);
}

static void test_a_holder_may_release_from_granted(void)
{
	struct hil_waiter waiters[3];

	open_arbiter(1, 0);
	for (uint32_t i = 0; i < 3; i++) {
		ask(&waiters[i], i);
		waiters[i].granted = release_at_once;
	}
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 3);
	CU_ASSERT_EQUAL(arbiter.holders, 0);
	arbiter_close(&arbiter);
}

static void test_a_waiter_that_waits_or_holds_already_is_told_so(void)
{
	struct hil_waiter waiter;

	open_arbiter(1, 0);
	ask(&waiter, 1);
	CU_ASSERT_EQUAL(arbiter_request(&engine, &waiter, &owners[1], NULL), -PLUTON_EALREADY);
	run_loop();
	CU_ASSERT_EQUAL(arbiter_request(&engine, &waiter, &owners[1], NULL), -PLUTON_EALREADY);
	CU_ASSERT_EQUAL(granted_count, 1);
	arbiter_close(&arbiter);
}

static void test_releasing_an_idle_or_waiting_waiter_changes_nothing(void)
{
	struct hil_waiter idle = {.state = HIL_IDLE}, holder, waiting;

	open_arbiter(1, 0);
	arbiter_release(&idle);
	ask(&holder, 1);
	ask(&waiting, 2);
	run_loop();
	arbiter_release(&waiting);
	CU_ASSERT_EQUAL(waiting.state, HIL_WAITING);
	CU_ASSERT_EQUAL(arbiter.holders, 1);
	serve_all();
	CU_ASSERT_EQUAL(granted_count, 2);
	arbiter_release(&holder);
	CU_ASSERT_EQUAL(arbiter.holders, 0);
	arbiter_close(&arbiter);
}

/* --- withdrawing ----------------------------------------------------------------------------- */

static void test_a_withdrawn_request_is_not_granted_and_the_order_stays(void)
{
	struct hil_waiter waiters[5];

	open_arbiter(1, 0);
	for (int i = 0; i < 5; i++)
		ask(&waiters[i], 9);
	CU_ASSERT_TRUE(arbiter_withdraw(&waiters[0]));
	CU_ASSERT_TRUE(arbiter_withdraw(&waiters[2]));
	CU_ASSERT_TRUE(arbiter_withdraw(&waiters[4]));
	serve_all();
	CU_ASSERT_EQUAL(granted_count, 2);
	CU_ASSERT_PTR_EQUAL(granted_log[0], &waiters[1]);
	CU_ASSERT_PTR_EQUAL(granted_log[1], &waiters[3]);
	arbiter_close(&arbiter);
}

static void test_withdrawing_the_last_request_clears_the_owners_bit(void)
{
	struct hil_waiter a, b;

	open_arbiter(1, 0);
	ask(&a, 65);
	ask(&b, 65);
	CU_ASSERT_TRUE(is_marked(65));
	arbiter_withdraw(&a);
	CU_ASSERT_TRUE(is_marked(65));
	arbiter_withdraw(&b);
	CU_ASSERT_FALSE(is_marked(65));
	CU_ASSERT_PTR_NULL(owners[65].waiting);
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 0);
	arbiter_close(&arbiter);
}

static void test_a_holder_and_an_idle_waiter_cannot_withdraw(void)
{
	struct hil_waiter holder, idle = {.state = HIL_IDLE};

	open_arbiter(1, 0);
	ask(&holder, 1);
	run_loop();
	CU_ASSERT_FALSE(arbiter_withdraw(&holder));
	CU_ASSERT_EQUAL(holder.state, HIL_HOLDING);
	CU_ASSERT_FALSE(arbiter_withdraw(&idle));
	arbiter_close(&arbiter);
}

static void test_a_withdrawn_waiter_may_ask_again(void)
{
	struct hil_waiter waiter;

	open_arbiter(1, 0);
	ask(&waiter, 1);
	arbiter_withdraw(&waiter);
	ask(&waiter, 1);
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 1);
	arbiter_close(&arbiter);
}

/* --- death ----------------------------------------------------------------------------------- */

static void test_what_a_dead_owner_waited_for_goes_to_the_next(void)
{
	struct hil_waiter doomed[2], other;

	open_arbiter(1, 0);
	ask(&doomed[0], 1);
	ask(&doomed[1], 1);
	ask(&other, 2);
	dead[1] = true;
	owners[1].waiting = NULL; /* its arena is gone */
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 1);
	CU_ASSERT_PTR_EQUAL(granted_log[0], &other);
	CU_ASSERT_FALSE(is_marked(1));
	arbiter_close(&arbiter);
}

static void test_an_owner_at_a_dead_ones_index_that_asked_nothing_gets_nothing(void)
{
	struct hil_waiter doomed, other;

	open_arbiter(1, 0);
	ask(&doomed, 1);
	ask(&other, 2);
	owners[1] = (struct hil_owner){.index = 1, .party = 1}; /* the next process at this index */
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 1);
	CU_ASSERT_PTR_EQUAL(granted_log[0], &other);
	CU_ASSERT_FALSE(is_marked(1));
	arbiter_close(&arbiter);
}

static void test_a_dead_holder_keeps_the_engine_until_it_is_done(void)
{
	struct hil_waiter holder, other;

	open_arbiter(1, 0);
	ask(&holder, 1);
	run_loop();
	ask(&other, 2);
	dead[1] = true;
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 1);
	arbiter_release(&holder);
	run_loop();
	CU_ASSERT_PTR_EQUAL(granted_log[1], &other);
	arbiter_close(&arbiter);
}

/* --- parties --------------------------------------------------------------------------------- */

/* Owners first..first + count - 1 are one party's. */
static void join_party(uint32_t party, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++)
		owners[i].party = party;
}

static void test_a_party_of_many_owners_gets_no_more_turns_than_one_of_one(void)
{
	struct hil_waiter many[60], one[3];

	open_arbiter(1, 0);
	join_party(10, 10, 60);
	for (uint32_t i = 0; i < 60; i++)
		ask(&many[i], 10 + i);
	for (unsigned i = 0; i < 3; i++)
		ask(&one[i], 100);
	serve_all();
	CU_ASSERT_EQUAL(granted_count, 63);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_PTR_EQUAL(granted_log[2 * i + 1], &one[i]);
	arbiter_close(&arbiter);
}

static void test_a_partys_own_owners_are_served_in_turn(void)
{
	struct hil_waiter greedy[10], modest[2];

	open_arbiter(1, 0);
	join_party(5, 5, 3);
	for (unsigned i = 0; i < 10; i++)
		ask(&greedy[i], 5);
	ask(&modest[0], 6);
	ask(&modest[1], 7);
	serve_all();
	CU_ASSERT_EQUAL(granted_count, 12);
	CU_ASSERT_PTR_EQUAL(granted_log[0], &greedy[0]);
	CU_ASSERT_PTR_EQUAL(granted_log[1], &modest[0]);
	CU_ASSERT_PTR_EQUAL(granted_log[2], &modest[1]);
	CU_ASSERT_PTR_EQUAL(granted_log[3], &greedy[1]);
	arbiter_close(&arbiter);
}

static void test_an_owner_in_the_middle_of_its_party_may_withdraw(void)
{
	struct hil_waiter waiters[5];

	open_arbiter(1, 0);
	join_party(0, 0, 5);
	for (uint32_t i = 0; i < 5; i++)
		ask(&waiters[i], i);
	CU_ASSERT_TRUE(arbiter_withdraw(&waiters[2]));
	CU_ASSERT_TRUE(arbiter_withdraw(&waiters[0]));
	CU_ASSERT_TRUE(arbiter_withdraw(&waiters[4]));
	CU_ASSERT_EQUAL(arbiter.marked, 2);
	serve_all();
	CU_ASSERT_EQUAL(granted_count, 2);
	CU_ASSERT_PTR_EQUAL(granted_log[0], &waiters[1]);
	CU_ASSERT_PTR_EQUAL(granted_log[1], &waiters[3]);
	CU_ASSERT_FALSE(is_marked(0));
	arbiter_close(&arbiter);
}

static void test_a_party_holds_no_more_than_its_share_and_the_rest_is_for_others(void)
{
	struct hil_waiter many[20], other;

	open_arbiter(8, 0);
	engine.share = 2;
	join_party(1, 1, 20);
	for (uint32_t i = 0; i < 20; i++)
		ask(&many[i], 1 + i);
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 2);
	ask(&other, 100);
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 3);
	CU_ASSERT_PTR_EQUAL(granted_log[2], &other);
	arbiter_release(&many[0]);
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 4);
	CU_ASSERT_PTR_EQUAL(granted_log[3], &many[2]);
	serve_all();
	CU_ASSERT_EQUAL(granted_count, 21);
	CU_ASSERT_EQUAL(arbiter.holders, 0);
	arbiter_close(&arbiter);
}

static void test_a_dead_holder_still_counts_to_its_partys_share(void)
{
	struct hil_waiter holder, next;

	open_arbiter(8, 0);
	engine.share = 1;
	join_party(1, 1, 2);
	ask(&holder, 1);
	run_loop();
	dead[1] = true;
	owners[1] = (struct hil_owner){.index = 1, .party = 7}; /* the next process there */
	ask(&next, 2);
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 1);
	arbiter_release(&holder);
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 2);
	arbiter_close(&arbiter);
}

static void test_an_owner_at_a_dead_ones_index_waits_in_its_own_party(void)
{
	struct hil_waiter doomed, other, heir;

	open_arbiter(1, 0);
	join_party(1, 1, 2);
	ask(&doomed, 1);
	ask(&other, 2);
	owners[1] = (struct hil_owner){.index = 1, .party = 9};
	ask(&heir, 1);
	CU_ASSERT_EQUAL(arbiter.marked, 2);
	CU_ASSERT_TRUE(is_marked(9));
	serve_all();
	CU_ASSERT_EQUAL(granted_count, 2);
	CU_ASSERT_PTR_EQUAL(granted_log[0], &other);
	CU_ASSERT_PTR_EQUAL(granted_log[1], &heir);
	arbiter_close(&arbiter);
}

/* --- deadlines ------------------------------------------------------------------------------- */

static void test_a_holder_past_its_deadline_is_told_once_and_stays_the_holder(void)
{
	struct hil_waiter holder, other;

	open_arbiter(1, 1000);
	ask(&holder, 1);
	ask(&other, 2);
	run_loop();
	CU_ASSERT(holder.deadline_ms >= 1000);
	arbiter_expire(&arbiter, holder.deadline_ms - 1);
	CU_ASSERT_EQUAL(expired_count, 0);
	arbiter_expire(&arbiter, holder.deadline_ms);
	arbiter_expire(&arbiter, FOR_EVER);
	CU_ASSERT_EQUAL(expired_count, 1);
	CU_ASSERT_EQUAL(arbiter.expirations, 1);
	CU_ASSERT_EQUAL(holder.state, HIL_HOLDING);
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 1);
	serve_all();
	CU_ASSERT_EQUAL(granted_count, 2);
	arbiter_close(&arbiter);
}

static void test_without_a_deadline_nobody_expires(void)
{
	struct hil_waiter holder;

	open_arbiter(1, 0);
	ask(&holder, 1);
	run_loop();
	arbiter_expire(&arbiter, FOR_EVER);
	CU_ASSERT_EQUAL(expired_count, 0);
	arbiter_close(&arbiter);
}

static void test_who_only_waits_does_not_expire(void)
{
	struct hil_waiter holder, waiting;

	open_arbiter(1, 1000);
	ask(&holder, 1);
	ask(&waiting, 2);
	run_loop();
	arbiter_expire(&arbiter, FOR_EVER);
	CU_ASSERT_EQUAL(expired_count, 1);
	CU_ASSERT_EQUAL(waiting.state, HIL_WAITING);
	arbiter_close(&arbiter);
}

static void release_when_expired(struct hil_waiter *waiter)
{
	expired_count++;
	arbiter_release(waiter);
}

static void test_a_holder_may_release_from_expired(void)
{
	struct hil_waiter holders[3];

	open_arbiter(3, 1000);
	for (uint32_t i = 0; i < 3; i++) {
		ask(&holders[i], i);
		holders[i].expired = release_when_expired;
	}
	run_loop();
	arbiter_expire(&arbiter, FOR_EVER);
	CU_ASSERT_EQUAL(expired_count, 3);
	CU_ASSERT_EQUAL(arbiter.holders, 0);
	arbiter_close(&arbiter);
}

/* --- slow work ------------------------------------------------------------------------------- */

static struct arbiter slow_arbiter;

static void open_with_slow(unsigned concurrency, unsigned slow, uint64_t deadline_ms)
{
	open_arbiter(concurrency, deadline_ms);
	engine.slow = slow;
	CU_ASSERT_EQUAL_FATAL(arbiter_init_slow(&slow_arbiter, &arbiter), 0);
}

static void ask_slow(struct hil_waiter *waiter, uint32_t owner)
{
	*waiter = (struct hil_waiter){.granted = note_grant, .expired = note_expiry};
	CU_ASSERT_EQUAL(arbiter_request_slow(&engine, waiter, &owners[owner], NULL), 0);
}

static void test_slow_work_of_one_party_leaves_the_next_turn_to_another(void)
{
	struct hil_waiter first[4], second;

	open_with_slow(8, 1, 0);
	for (unsigned i = 0; i < 4; i++)
		ask_slow(&first[i], 1);
	run_loop();
	ask_slow(&second, 2);
	serve_all();
	CU_ASSERT_EQUAL(granted_count, 5);
	CU_ASSERT_PTR_EQUAL(granted_log[0], &first[0]);
	CU_ASSERT_PTR_EQUAL(granted_log[1], &second);
	CU_ASSERT_PTR_EQUAL(granted_log[2], &first[1]);
	arbiter_close(&arbiter);
}

static void test_one_party_does_one_slow_thing_at_a_time(void)
{
	struct hil_waiter first[2], second;

	open_with_slow(8, 2, 0);
	ask_slow(&first[0], 1);
	ask_slow(&first[1], 1);
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 1);
	ask_slow(&second, 2);
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 2);
	CU_ASSERT_PTR_EQUAL(granted_log[1], &second);
	serve_all();
	arbiter_close(&arbiter);
}

/* However long the others take, it has all of its own time. */
static void test_the_deadline_of_slow_work_begins_with_its_turn(void)
{
	struct hil_waiter first, second;

	open_with_slow(8, 1, 1000);
	ask_slow(&first, 1);
	ask_slow(&second, 2);
	run_loop();
	arbiter_expire(&arbiter, FOR_EVER);
	CU_ASSERT_EQUAL(expired_count, 1);
	CU_ASSERT_EQUAL(second.state, HIL_WAITING);
	arbiter_release(&first);
	run_loop();
	CU_ASSERT_EQUAL(second.state, HIL_HOLDING);
	CU_ASSERT(second.deadline_ms >= first.deadline_ms + 1000);
	arbiter_expire(&arbiter, second.deadline_ms - 1);
	CU_ASSERT_EQUAL(expired_count, 1);
	arbiter_expire(&arbiter, second.deadline_ms);
	CU_ASSERT_EQUAL(expired_count, 2);
	arbiter_release(&second);
	arbiter_close(&arbiter);
}

static void test_slow_work_and_quick_work_do_not_wait_for_each_other(void)
{
	struct hil_waiter slow[6], quick[6];

	open_with_slow(4, 1, 0);
	for (unsigned i = 0; i < 6; i++)
		ask_slow(&slow[i], i);
	for (unsigned i = 0; i < 6; i++)
		ask(&quick[i], i);
	run_loop();
	CU_ASSERT_EQUAL(slow_arbiter.holders, 1);
	CU_ASSERT_EQUAL(arbiter.holders, 3);
	for (unsigned i = 0; i < 3; i++)
		arbiter_release(&quick[i]);
	run_loop();
	for (unsigned i = 3; i < 6; i++)
		CU_ASSERT_EQUAL(quick[i].state, HIL_HOLDING);
	CU_ASSERT_EQUAL(slow_arbiter.holders, 1);
	arbiter_release(&slow[0]);
	run_loop();
	CU_ASSERT_EQUAL(slow[1].state, HIL_HOLDING);
	CU_ASSERT_EQUAL(arbiter.holders, 3);
	serve_all();
	arbiter_close(&arbiter);
}

static void test_slow_work_that_waits_can_be_withdrawn_and_both_are_counted(void)
{
	struct hil_waiter slow[2], quick;
	struct arbiter_account account;

	open_with_slow(4, 1, 0);
	ask_slow(&slow[0], 1);
	ask_slow(&slow[1], 1);
	ask(&quick, 1);
	run_loop();
	arbiter_measure(&arbiter, &account);
	CU_ASSERT(account.holders == 2 && account.waiting == 1 && account.grants == 2);
	CU_ASSERT_TRUE(arbiter_withdraw(&slow[1]));
	CU_ASSERT_FALSE(arbiter_withdraw(&slow[0]));
	arbiter_measure(&arbiter, &account);
	CU_ASSERT_EQUAL(account.waiting, 0);
	CU_ASSERT_PTR_NULL(owners[1].waiting);
	serve_all();
	arbiter_close(&arbiter);
}

static void test_an_engine_without_places_for_slow_work_has_one_line_for_all(void)
{
	struct hil_waiter slow, quick;

	open_arbiter(1, 0);
	ask_slow(&slow, 1);
	ask(&quick, 1);
	run_loop();
	CU_ASSERT(slow.state == HIL_HOLDING && quick.state == HIL_WAITING);
	serve_all();
	engine.slow = 1;
	CU_ASSERT_EQUAL(arbiter_init_slow(&slow_arbiter, &arbiter), -PLUTON_EINVAL);
	CU_ASSERT_PTR_NULL(arbiter.slow);
	arbiter_close(&arbiter);
}

/* --- several arbiters and levels ------------------------------------------------------------- */

struct second {
	struct hil_engine engine;
	struct arbiter arbiter;
};

static void open_second(struct second *second, enum hil_level level)
{
	second->engine = (struct hil_engine){.name = "second", .level = level, .concurrency = 1};
	CU_ASSERT_EQUAL_FATAL(arbiter_init(&second->arbiter, &second->engine, &queue, OWNERS_MAX,
					   OWNERS_MAX, 0, find_owner, owners),
			      0);
}

static void test_an_owner_may_wait_at_two_arbiters_without_mixing_them(void)
{
	struct hil_waiter here[2], there[2];
	struct second second;

	open_arbiter(1, 0);
	open_second(&second, HIL_LEVEL_RNG);
	for (int i = 0; i < 2; i++) {
		ask(&here[i], 4);
		there[i] = (struct hil_waiter){.granted = note_grant};
		arbiter_request(&second.engine, &there[i], &owners[4], NULL);
	}
	run_loop();
	CU_ASSERT_EQUAL(granted_count, 2);
	CU_ASSERT_EQUAL(here[0].state, HIL_HOLDING);
	CU_ASSERT_EQUAL(there[0].state, HIL_HOLDING);
	CU_ASSERT_TRUE(arbiter_withdraw(&here[1]));
	CU_ASSERT_FALSE(is_marked(4));
	arbiter_release(&there[0]);
	run_loop();
	CU_ASSERT_EQUAL(there[1].state, HIL_HOLDING);
	arbiter_close(&second.arbiter);
	arbiter_close(&arbiter);
}

static void test_a_holder_may_ask_for_a_lower_level(void)
{
	struct hil_waiter holder, inner = {.granted = note_grant};
	struct second second;

	open_arbiter(1, 0);
	open_second(&second, HIL_LEVEL_RNG);
	ask(&holder, 1);
	run_loop();
	CU_ASSERT_EQUAL(arbiter_request(&second.engine, &inner, &owners[1], &engine), 0);
	run_loop();
	CU_ASSERT_EQUAL(inner.state, HIL_HOLDING);
	arbiter_close(&second.arbiter);
	arbiter_close(&arbiter);
}

/* Asks for `level` while holding an engine of HIL_LEVEL_AES, in a child: it may not survive. */
static int signal_of_asking_for(enum hil_level level)
{
	struct hil_waiter holder, inner = {.granted = note_grant};
	struct second second;
	int status = 0;
	pid_t child;

	open_arbiter(1, 0);
	open_second(&second, level);
	ask(&holder, 1);
	run_loop();
	child = fork();
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		signal(SIGABRT, SIG_DFL);
		arbiter_request(&second.engine, &inner, &owners[1], &engine);
		_exit(0);
	}
	waitpid(child, &status, 0);
	arbiter_close(&second.arbiter);
	arbiter_close(&arbiter);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_a_holder_that_asks_for_the_same_or_a_higher_level_aborts(void)
{
	CU_ASSERT_EQUAL(signal_of_asking_for(HIL_LEVEL_AES), SIGABRT);
	CU_ASSERT_EQUAL(signal_of_asking_for(HIL_LEVEL_STORAGE), SIGABRT);
	CU_ASSERT_EQUAL(signal_of_asking_for(HIL_LEVEL_RNG), 0);
}

static const struct test tests[] = {
	TEST(test_a_grant_comes_from_a_deferred_call_and_not_from_the_request),
	TEST(test_a_release_does_not_grant_before_the_loop_runs),
	TEST(test_one_owner_is_served_first_come_first_served),
	TEST(test_owners_are_served_in_turn_however_much_one_asks),
	TEST(test_an_owner_that_asks_again_at_once_waits_for_the_others),
	TEST(test_every_owner_of_the_whole_table_gets_its_turn),
	TEST(test_as_many_hold_at_once_as_the_engine_takes),
	TEST(test_each_run_of_the_loop_grants_once),
	TEST(test_a_holder_may_release_from_granted),
	TEST(test_a_waiter_that_waits_or_holds_already_is_told_so),
	TEST(test_releasing_an_idle_or_waiting_waiter_changes_nothing),
	TEST(test_a_withdrawn_request_is_not_granted_and_the_order_stays),
	TEST(test_withdrawing_the_last_request_clears_the_owners_bit),
	TEST(test_a_holder_and_an_idle_waiter_cannot_withdraw),
	TEST(test_a_withdrawn_waiter_may_ask_again),
	TEST(test_what_a_dead_owner_waited_for_goes_to_the_next),
	TEST(test_an_owner_at_a_dead_ones_index_that_asked_nothing_gets_nothing),
	TEST(test_a_dead_holder_keeps_the_engine_until_it_is_done),
	TEST(test_a_party_of_many_owners_gets_no_more_turns_than_one_of_one),
	TEST(test_a_partys_own_owners_are_served_in_turn),
	TEST(test_an_owner_in_the_middle_of_its_party_may_withdraw),
	TEST(test_a_party_holds_no_more_than_its_share_and_the_rest_is_for_others),
	TEST(test_a_dead_holder_still_counts_to_its_partys_share),
	TEST(test_an_owner_at_a_dead_ones_index_waits_in_its_own_party),
	TEST(test_a_holder_past_its_deadline_is_told_once_and_stays_the_holder),
	TEST(test_without_a_deadline_nobody_expires),
	TEST(test_who_only_waits_does_not_expire),
	TEST(test_a_holder_may_release_from_expired),
	TEST(test_slow_work_of_one_party_leaves_the_next_turn_to_another),
	TEST(test_one_party_does_one_slow_thing_at_a_time),
	TEST(test_the_deadline_of_slow_work_begins_with_its_turn),
	TEST(test_slow_work_and_quick_work_do_not_wait_for_each_other),
	TEST(test_slow_work_that_waits_can_be_withdrawn_and_both_are_counted),
	TEST(test_an_engine_without_places_for_slow_work_has_one_line_for_all),
	TEST(test_an_owner_may_wait_at_two_arbiters_without_mixing_them),
	TEST(test_a_holder_may_ask_for_a_lower_level),
	TEST(test_a_holder_that_asks_for_the_same_or_a_higher_level_aborts),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "arbiter", tests, TESTS_COUNT(tests));
}
