/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes: who gets in, what they are promised, and how they end at any moment.
 */
#include "daemon/kernel/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "daemon/kernel/charge.h"
#include "daemon/kernel/request.h"
#include "daemon/kernel/upcall.h"
#include "daemon/kernel/window.h"
#include "tests/bare.h"
#include "tests/rig.h"
#include "tests/suite.h"

static struct bare bare;
static struct process *process;

static void open_kernel(void)
{
	bare_open(&bare, NULL);
	process = bare_process(&bare, 1000);
}

static int submit(uint32_t op_id)
{
	struct record record = rig_operation(op_id, PUPPET_DRIVER, PUPPET_CALL);

	return request_submit(process, &record);
}

static int ignore(void *grant, void *arg)
{
	(void)grant;
	(void)arg;
	return 0;
}

/* --- getting in ------------------------------------------------------------------------------- */

static void test_processes_max_can_be_reached_and_not_passed(void)
{
	struct process *one_more;

	bare_open(&bare, NULL);
	for (uint32_t i = 0; i + 1 < bare.kernel.limits.processes_max; i++)
		bare_process(&bare, 1000 + i);
	CU_ASSERT_EQUAL(bare_try_process(&bare, 2000, &one_more), -PLUTON_ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(bare.kernel.why, "processes_max"));
	CU_ASSERT_EQUAL(bare.kernel.counters.processes_refused, 1);
	bare_close(&bare);
}

static void test_processes_per_user_can_be_reached_and_not_passed(void)
{
	struct process *one_more;

	bare_open(&bare, NULL);
	for (uint32_t i = 0; i < bare.kernel.limits.processes_per_user; i++)
		bare_process(&bare, 1000);
	CU_ASSERT_EQUAL(bare_try_process(&bare, 1000, &one_more), -PLUTON_ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(bare.kernel.why, "processes_per_user"));
	CU_ASSERT_EQUAL(bare_try_process(&bare, 1001, &one_more), 0);
	bare_close(&bare);
}

static struct process *process_of_app(uint32_t uid, const char *app)
{
	struct process *parent = bare_process(&bare, 1), *made;
	struct credentials who = parent->who;

	who.uid = uid;
	snprintf(who.app, sizeof(who.app), "%s", app);
	CU_ASSERT_EQUAL_FATAL(process_make(&bare.kernel, parent->frontend, &who, &made), 0);
	process_kill(parent);
	return made;
}

static void test_a_users_processes_are_one_party_at_engines_and_an_app_is_another(void)
{
	struct process *same, *other, *app, *same_app, *other_app;
	uint32_t party;

	open_kernel();
	same = bare_process(&bare, 1000);
	other = bare_process(&bare, 1001);
	app = process_of_app(1000, "tpm0");
	same_app = process_of_app(1000, "tpm0");
	party = process->owner.party;
	CU_ASSERT_EQUAL(same->owner.party, party);
	CU_ASSERT_NOT_EQUAL(other->owner.party, party);
	CU_ASSERT_NOT_EQUAL(app->owner.party, party);
	CU_ASSERT_EQUAL(same_app->owner.party, app->owner.party);
	CU_ASSERT_EQUAL(bare.kernel.parties.entries[party].processes, 2);
	process_kill(same);
	CU_ASSERT_EQUAL(bare.kernel.parties.entries[party].processes, 1);
	other_app = process_of_app(1000, "tpm1");
	CU_ASSERT_NOT_EQUAL(other_app->owner.party, app->owner.party);
	bare_close(&bare);
}

static void test_a_place_in_the_table_is_free_again_after_a_death(void)
{
	struct process *first, *one_more;

	bare_open(&bare, NULL);
	first = bare_process(&bare, 1000);
	for (uint32_t i = 1; i + 1 < bare.kernel.limits.processes_max; i++)
		bare_process(&bare, 1000 + i);
	process_kill(first);
	CU_ASSERT_EQUAL(bare_try_process(&bare, 2000, &one_more), 0);
	bare_close(&bare);
}

static void test_a_promise_that_cannot_be_kept_refuses_the_process(void)
{
	struct kernel_limits limits = bare_limits();
	struct process *one_more;

	limits.pool = 3 * limits.arena_min;
	bare_open(&bare, &limits);
	for (uint32_t i = 0; i < 3; i++)
		bare_process(&bare, 1000);
	CU_ASSERT_EQUAL(bare_try_process(&bare, 1000, &one_more), -PLUTON_ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(bare.kernel.why, "arena_min"));
	bare_close(&bare);
}

static void test_a_refused_process_leaves_nothing_behind(void)
{
	struct kernel_limits limits = bare_limits();
	struct process *one_more;
	struct pool before;

	limits.pool = 2 * limits.arena_min - 1;
	bare_open(&bare, &limits);
	bare_process(&bare, 1000);
	before = bare.kernel.pool;
	CU_ASSERT(bare_try_process(&bare, 1000, &one_more) < 0);
	CU_ASSERT_EQUAL(before.taken, bare.kernel.pool.taken);
	CU_ASSERT_EQUAL(before.committed, bare.kernel.pool.committed);
	CU_ASSERT_EQUAL(bare.kernel.processes, 1);
	bare_close(&bare);
}

static void test_an_arena_too_small_for_the_frontend_refuses_the_process(void)
{
	struct kernel_limits limits = bare_limits();
	struct process *one_more;

	limits.arena_min = 64;
	limits.arena_limit = 128;
	bare_open(&bare, &limits);
	CU_ASSERT_EQUAL(bare_try_process(&bare, 1000, &one_more), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(bare.kernel.pool.taken, 0);
	CU_ASSERT_EQUAL(bare.kernel.pool.committed, 0);
	bare_close(&bare);
}

/* --- identity --------------------------------------------------------------------------------- */

static void test_a_process_is_found_by_its_id(void)
{
	open_kernel();
	CU_ASSERT_PTR_EQUAL(process_find(&bare.kernel, process->id), process);
	bare_close(&bare);
}

static void test_index_zero_is_nobody(void)
{
	open_kernel();
	CU_ASSERT_NOT_EQUAL(process->id.index, 0);
	CU_ASSERT_PTR_NULL(process_find(&bare.kernel, (struct process_id){0, 0}));
	bare_close(&bare);
}

static void test_an_index_out_of_range_is_nobody(void)
{
	open_kernel();
	CU_ASSERT_PTR_NULL(process_find(&bare.kernel, (struct process_id){UINT32_MAX, 1}));
	CU_ASSERT_PTR_NULL(
		process_find(&bare.kernel, (struct process_id){bare_limits().processes_max, 1}));
	bare_close(&bare);
}

static void test_a_stale_id_never_reaches_the_next_process_at_its_index(void)
{
	struct process_id stale;

	open_kernel();
	stale = process->id;
	process_kill(process);
	for (uint32_t i = 0; i < bare.kernel.limits.processes_max; i++) {
		process = bare_process(&bare, 1000);
		CU_ASSERT_PTR_NULL(process_find(&bare.kernel, stale));
		if (process->id.index == stale.index)
			CU_ASSERT_NOT_EQUAL(process->id.generation, stale.generation);
		process_kill(process);
	}
	bare_close(&bare);
}

static void test_an_owner_is_found_only_while_its_process_is_there(void)
{
	uint32_t index;

	open_kernel();
	index = process->id.index;
	CU_ASSERT_PTR_EQUAL(kernel_find_owner(&bare.kernel, index), &process->owner);
	process_kill(process);
	CU_ASSERT_PTR_NULL(kernel_find_owner(&bare.kernel, index));
	CU_ASSERT_PTR_NULL(kernel_find_owner(&bare.kernel, UINT32_MAX));
	bare_close(&bare);
}

static void test_a_driver_outside_the_access_mask_does_not_exist_for_a_process(void)
{
	open_kernel();
	process->who.allowed = ~(UINT64_C(1) << puppet.driver->index);
	CU_ASSERT_EQUAL(submit(1), -PLUTON_ENODEVICE);
	CU_ASSERT_PTR_NOT_NULL(strstr(bare.kernel.why, "[access]"));
	CU_ASSERT_EQUAL(puppet.runs, 0);
	bare_close(&bare);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void test_killing_an_idle_process_gives_everything_back(void)
{
	open_kernel();
	process_kill(process);
	CU_ASSERT_EQUAL(bare.closed, 1);
	CU_ASSERT_EQUAL(bare.kernel.processes, 0);
	CU_ASSERT_EQUAL(bare.kernel.pool.taken, 0);
	CU_ASSERT_EQUAL(bare.kernel.pool.committed, 0);
	bare_close(&bare);
}

static void test_a_process_with_work_under_way_stays_until_the_work_ends(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	submit(1);
	process_kill(process);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	CU_ASSERT_TRUE(process->dying);
	CU_ASSERT_EQUAL(bare.kernel.processes, 1);
	puppet_end(0, 0);
	CU_ASSERT_EQUAL(bare.kernel.processes, 0);
	CU_ASSERT_EQUAL(bare.kernel.pool.taken, 0);
	bare_close(&bare);
}

static void test_killing_twice_is_killing_once(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	submit(1);
	process_kill(process);
	process_kill(process);
	CU_ASSERT_EQUAL(bare.closed, 1);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	bare_close(&bare);
}

static void test_a_dying_process_is_found_by_nobody(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	submit(1);
	process_kill(process);
	CU_ASSERT_PTR_NULL(process_find(&bare.kernel, process->id));
	bare_close(&bare);
}

static void test_capsules_that_end_at_once_when_cancelled_do_not_delay_a_death(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	puppet.cancel = puppet_end_cancelled;
	for (uint32_t i = 1; i <= 16; i++)
		CU_ASSERT_EQUAL(submit(i), 0);
	process_kill(process);
	CU_ASSERT_EQUAL(puppet.held_count, 0);
	CU_ASSERT_EQUAL(bare.kernel.processes, 0);
	bare_close(&bare);
}

/* One capsule may end a neighbour's operation while its own is cancelled. */
static void end_all_held(struct operation *op)
{
	(void)op;
	puppet_end_all();
}

static void test_a_cancel_that_ends_several_operations_is_survived(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	puppet.cancel = end_all_held;
	for (uint32_t i = 1; i <= 5; i++)
		submit(i);
	process_kill(process);
	CU_ASSERT_EQUAL(bare.kernel.processes, 0);
	bare_close(&bare);
}

static void test_operations_that_end_in_any_order_after_a_death_free_it_once(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	for (uint32_t i = 1; i <= 3; i++)
		submit(i);
	process_kill(process);
	puppet_end(1, 0);
	puppet_end(1, -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(bare.kernel.processes, 1);
	puppet_end(0, -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(bare.kernel.processes, 0);
	bare_close(&bare);
}

static void test_answers_that_nobody_fetched_go_with_the_process(void)
{
	open_kernel();
	for (uint32_t i = 1; i <= 16; i++)
		submit(i);
	CU_ASSERT_PTR_NOT_NULL(process->upcalls);
	process_kill(process);
	CU_ASSERT_EQUAL(bare.kernel.processes, 0);
	CU_ASSERT_EQUAL(bare.kernel.counters.upcalls, 0);
	bare_close(&bare);
}

static void test_a_dying_process_has_no_answers_to_fetch(void)
{
	struct record answer;

	open_kernel();
	submit(1);
	puppet.run = puppet_hold;
	submit(2);
	process_kill(process);
	CU_ASSERT_EQUAL(bare.kernel.processes, 1);
	CU_ASSERT_FALSE(upcall_peek(process, &answer));
	bare_close(&bare);
}

static void test_an_operation_cancelled_before_is_not_cancelled_again_at_death(void)
{
	open_kernel();
	puppet.run = puppet_hold;
	submit(1);
	operation_cancel(puppet.held[0]);
	process_kill(process);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	bare_close(&bare);
}

static int read_and_write(struct operation *op)
{
	uint8_t byte = 1;

	CU_ASSERT_EQUAL(op_read(op, PUPPET_IN, 0, &byte, 1), -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(op_write(op, PUPPET_OUT, 0, &byte, 1), -PLUTON_ECANCEL);
	return 0;
}

static void test_the_memory_of_a_dead_process_is_out_of_reach_for_capsules(void)
{
	struct record record = rig_operation(1, PUPPET_DRIVER, PUPPET_CALL);
	uint8_t bytes[8];

	open_kernel();
	puppet.run = puppet_hold;
	rig_in(&record, PUPPET_IN, bytes, "1234", 4);
	rig_out(&record, PUPPET_OUT, 4);
	CU_ASSERT_EQUAL(request_submit(process, &record), 0);
	process_kill(process);
	read_and_write(puppet.held[0]);
	bare_close(&bare);
}

static void test_lent_memory_stays_mapped_until_the_last_operation_ends(void)
{
	struct record record = rig_operation(1, PUPPET_DRIVER, PUPPET_CALL);
	const uint8_t *lent;
	uint32_t window;
	size_t length;

	open_kernel();
	puppet.run = puppet_hold;
	CU_ASSERT_EQUAL_FATAL(bare_window(process, bare_memfd(4096, F_SEAL_SHRINK), &window), 0);
	rig_range(&record, PUPPET_IN, window, 0, 4096);
	CU_ASSERT_EQUAL_FATAL(request_submit(process, &record), 0);
	lent = op_lend_ro(puppet.held[0], PUPPET_IN, 0, &length);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lent);
	process_kill(process);
	CU_ASSERT_EQUAL(lent[4095], 0);
	CU_ASSERT_PTR_NULL(op_lend_ro(puppet.held[0], PUPPET_IN, 0, &length));
	bare_close(&bare);
}

static unsigned released;

static void count_release(void *object)
{
	(void)object;
	released++;
}

static const struct hil_charge charge = {"test object", 500, count_release};

static void test_charges_are_released_once_at_death(void)
{
	uint32_t handle;

	open_kernel();
	released = 0;
	CU_ASSERT_EQUAL(hil_charge_take(&process->owner, &charge, &bare, &handle), 0);
	process_kill(process);
	CU_ASSERT_EQUAL(released, 1);
	bare_close(&bare);
}

static void test_charges_of_a_dying_process_stay_while_an_engine_works_for_it(void)
{
	uint32_t handle;

	open_kernel();
	released = 0;
	puppet.run = puppet_hold;
	submit(1);
	hil_charge_take(&process->owner, &charge, &bare, &handle);
	process_kill(process);
	CU_ASSERT_EQUAL(released, 0);
	CU_ASSERT_PTR_EQUAL(hil_charge_find(&process->owner, &charge, handle), &bare);
	CU_ASSERT_EQUAL(hil_charge_take(&process->owner, &charge, &bare, &handle), -PLUTON_ENOMEM);
	puppet_end(0, 0);
	CU_ASSERT_EQUAL(released, 1);
	bare_close(&bare);
}

static void test_a_charge_is_on_the_process_and_its_handle_reaches_it_until_dropped(void)
{
	struct process_account account;
	size_t before;
	uint32_t handle;

	open_kernel();
	released = 0;
	before = process->arena.taken;
	CU_ASSERT_EQUAL(hil_charge_take(&process->owner, &charge, &bare, &handle), 0);
	CU_ASSERT_NOT_EQUAL(handle, 0);
	CU_ASSERT(process->arena.taken >= before + charge.cost);
	process_measure(process, &account);
	CU_ASSERT_EQUAL(account.taken, process->arena.taken);
	hil_charge_drop(&process->owner, &charge, handle);
	hil_charge_drop(&process->owner, &charge, handle);
	CU_ASSERT_EQUAL(released, 1);
	CU_ASSERT_PTR_NULL(hil_charge_find(&process->owner, &charge, handle));
	CU_ASSERT_EQUAL(process->arena.taken, before);
	bare_close(&bare);
}

static void test_a_charge_over_the_limit_is_nomem_and_changes_nothing(void)
{
	uint32_t handle;
	size_t before;

	open_kernel();
	/* Room for the object and not for the note about it. */
	arena_charge(&process->arena,
		     process->arena.limit - process->arena.taken - charge.cost - 16);
	before = process->arena.taken;
	CU_ASSERT_EQUAL(hil_charge_take(&process->owner, &charge, &bare, &handle), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(process->arena.taken, before);
	bare_close(&bare);
}

static void test_a_charge_handle_of_another_process_finds_nothing(void)
{
	struct process *other;
	uint32_t handle;

	open_kernel();
	other = bare_process(&bare, 1000);
	hil_charge_take(&process->owner, &charge, &bare, &handle);
	CU_ASSERT_PTR_NULL(hil_charge_find(&other->owner, &charge, handle));
	bare_close(&bare);
}

static void test_a_charge_handle_of_another_kind_finds_nothing(void)
{
	static const struct hil_charge other_kind = {"other object", 500, count_release};
	uint32_t handle;

	open_kernel();
	hil_charge_take(&process->owner, &charge, &bare, &handle);
	CU_ASSERT_PTR_NULL(hil_charge_find(&process->owner, &other_kind, handle));
	bare_close(&bare);
}

static void test_an_account_is_what_was_counted(void)
{
	struct process_account account;
	uint32_t window;

	open_kernel();
	puppet.run = puppet_hold;
	submit(1);
	submit(2);
	grant_enter(puppet.driver, process->id, 0, true, ignore, NULL);
	bare_window(process, bare_memfd(8192, F_SEAL_SHRINK), &window);
	process_measure(process, &account);
	CU_ASSERT_EQUAL(account.operations, 2);
	CU_ASSERT_EQUAL(account.grants, 1);
	CU_ASSERT_EQUAL(account.windows, 1);
	CU_ASSERT_EQUAL(account.window_bytes, 8192);
	bare_check_books(&bare);
	bare_close(&bare);
}

static void take_all_there_is(struct process *greedy)
{
	while (arena_take(&greedy->arena, BLOCK_GRANT, 4000))
		;
	while (arena_take(&greedy->arena, BLOCK_GRANT, 1))
		;
}

static void test_one_that_takes_all_it_can_leaves_every_other_its_promise(void)
{
	struct kernel_limits limits = bare_limits();
	struct process *others[3];

	limits.pool = 64 * 1024;
	limits.arena_limit = 1024 * 1024;
	bare_open(&bare, &limits);
	process = bare_process(&bare, 1000);
	for (unsigned i = 0; i < 3; i++)
		others[i] = bare_process(&bare, 1001);
	take_all_there_is(process);
	CU_ASSERT(process->arena.taken > limits.pool - 3 * limits.arena_min - 64);
	for (unsigned i = 0; i < 3; i++) {
		take_all_there_is(others[i]);
		CU_ASSERT(others[i]->arena.taken > limits.arena_min - 64);
	}
	bare_check_books(&bare);
	bare_close(&bare);
}

static const struct test tests[] = {
	TEST(test_processes_max_can_be_reached_and_not_passed),
	TEST(test_processes_per_user_can_be_reached_and_not_passed),
	TEST(test_a_users_processes_are_one_party_at_engines_and_an_app_is_another),
	TEST(test_a_place_in_the_table_is_free_again_after_a_death),
	TEST(test_a_promise_that_cannot_be_kept_refuses_the_process),
	TEST(test_a_refused_process_leaves_nothing_behind),
	TEST(test_an_arena_too_small_for_the_frontend_refuses_the_process),
	TEST(test_a_process_is_found_by_its_id),
	TEST(test_index_zero_is_nobody),
	TEST(test_an_index_out_of_range_is_nobody),
	TEST(test_a_stale_id_never_reaches_the_next_process_at_its_index),
	TEST(test_an_owner_is_found_only_while_its_process_is_there),
	TEST(test_a_driver_outside_the_access_mask_does_not_exist_for_a_process),
	TEST(test_killing_an_idle_process_gives_everything_back),
	TEST(test_a_process_with_work_under_way_stays_until_the_work_ends),
	TEST(test_killing_twice_is_killing_once),
	TEST(test_a_dying_process_is_found_by_nobody),
	TEST(test_capsules_that_end_at_once_when_cancelled_do_not_delay_a_death),
	TEST(test_a_cancel_that_ends_several_operations_is_survived),
	TEST(test_operations_that_end_in_any_order_after_a_death_free_it_once),
	TEST(test_answers_that_nobody_fetched_go_with_the_process),
	TEST(test_a_dying_process_has_no_answers_to_fetch),
	TEST(test_an_operation_cancelled_before_is_not_cancelled_again_at_death),
	TEST(test_the_memory_of_a_dead_process_is_out_of_reach_for_capsules),
	TEST(test_lent_memory_stays_mapped_until_the_last_operation_ends),
	TEST(test_charges_are_released_once_at_death),
	TEST(test_charges_of_a_dying_process_stay_while_an_engine_works_for_it),
	TEST(test_a_charge_is_on_the_process_and_its_handle_reaches_it_until_dropped),
	TEST(test_a_charge_over_the_limit_is_nomem_and_changes_nothing),
	TEST(test_a_charge_handle_of_another_process_finds_nothing),
	TEST(test_a_charge_handle_of_another_kind_finds_nothing),
	TEST(test_an_account_is_what_was_counted),
	TEST(test_one_that_takes_all_it_can_leaves_every_other_its_promise),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "process", tests, TESTS_COUNT(tests));
}
