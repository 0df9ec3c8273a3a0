/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants: made on first use, zeroed, private, entered once at a time, gone with their process.
 */
#include "daemon/kernel/grant.h"

#include <string.h>

#include "daemon/kernel/request.h"
#include "daemon/kernel/poison.h"
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

static int enter(uint32_t instance, bool create, grant_fn fn, void *arg)
{
	return grant_enter(puppet.driver, process->id, instance, create, fn, arg);
}

static int read_first(void *grant, void *arg)
{
	memcpy(arg, grant, sizeof(int));
	return 0;
}

static int write_first(void *grant, void *arg)
{
	memcpy(grant, arg, sizeof(int));
	return 0;
}

static int count_visit(void *grant, void *arg)
{
	(void)grant;
	++*(int *)arg;
	return 0;
}

static int write_number(uint32_t instance, int number)
{
	return enter(instance, true, write_first, &number);
}

static int read_number(uint32_t instance)
{
	int number = -1;

	enter(instance, false, read_first, &number);
	return number;
}

static int check_zero(void *grant, void *arg)
{
	const uint8_t *bytes = grant;

	(void)arg;
	for (size_t i = 0; i < PUPPET_GRANT_SIZE; i++) {
		if (bytes[i])
			return -PLUTON_EFAIL;
	}
	memset(grant, 0xff, PUPPET_GRANT_SIZE);
	return 7;
}

static void test_a_grant_is_zeroed_when_it_is_made(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(enter(0, true, check_zero, NULL), 7);
	CU_ASSERT_EQUAL(grant_free(puppet.driver, process->id, 0), 0);
	CU_ASSERT_EQUAL(enter(0, true, check_zero, NULL), 7);
	bare_close(&bare);
}

static void test_entering_returns_what_the_function_returned(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(enter(0, true, check_zero, NULL), 7);
	CU_ASSERT_EQUAL(enter(0, true, check_zero, NULL), -PLUTON_EFAIL);
	bare_close(&bare);
}

static void test_a_grant_keeps_what_was_written_until_it_is_freed(void)
{
	open_kernel();
	write_number(3, 42);
	CU_ASSERT_EQUAL(read_number(3), 42);
	grant_free(puppet.driver, process->id, 3);
	CU_ASSERT_EQUAL(enter(3, false, count_visit, NULL), -PLUTON_ERESERVE);
	bare_close(&bare);
}

static void test_a_grant_that_is_not_there_is_reserve_and_not_made(void)
{
	struct arena before;

	open_kernel();
	before = process->arena;
	CU_ASSERT_EQUAL(enter(0, false, count_visit, NULL), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(before.taken, process->arena.taken);
	bare_close(&bare);
}

static void test_instances_are_apart(void)
{
	open_kernel();
	write_number(0, 10);
	write_number(1, 11);
	CU_ASSERT_EQUAL(read_number(0), 10);
	CU_ASSERT_EQUAL(read_number(1), 11);
	bare_close(&bare);
}

static void test_grants_of_other_processes_are_out_of_reach(void)
{
	struct process *other;
	int number = -1;

	open_kernel();
	other = bare_process(&bare, 1000);
	write_number(0, 10);
	CU_ASSERT_EQUAL(grant_enter(puppet.driver, other->id, 0, false, read_first, &number),
			-PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(grant_free(puppet.driver, other->id, 0), 0);
	CU_ASSERT_EQUAL(read_number(0), 10);
	bare_close(&bare);
}

static void test_grants_of_other_capsules_are_out_of_reach(void)
{
	static const struct capsule second = {
		.name = "second", .interface = "Second", .doc = "", .driver = 7, .grant_size = 8};
	struct driver *driver;
	int number = -1;

	open_kernel();
	CU_ASSERT_EQUAL_FATAL(kernel_register(&bare.kernel, &second, NULL, &driver), 0);
	write_number(0, 10);
	CU_ASSERT_EQUAL(grant_enter(driver, process->id, 0, false, read_first, &number),
			-PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(driver->grants, 0);
	CU_ASSERT_EQUAL(puppet.driver->grants, 1);
	bare_close(&bare);
}

static int enter_again(void *grant, void *arg)
{
	(void)grant;
	*(int *)arg = enter(0, true, count_visit, arg);
	return 0;
}

static void test_second_enter_of_a_grant_is_refused_and_counted(void)
{
	int inner = 0;

	open_kernel();
	CU_ASSERT_EQUAL(enter(0, true, enter_again, &inner), 0);
	CU_ASSERT_EQUAL(inner, -PLUTON_EALREADY);
	CU_ASSERT_EQUAL(bare.kernel.counters.grant_reentries, 1);
	bare_close(&bare);
}

static void test_second_enter_of_a_grant_is_reported_with_the_capsules_name(void)
{
	int inner = 0;

	open_kernel();
	enter(0, true, enter_again, &inner);
	CU_ASSERT_EQUAL(bare.reports, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(bare.report, "puppet"));
	bare_close(&bare);
}

static void test_after_a_refused_second_enter_the_grant_can_be_entered(void)
{
	int inner = 0, visits = 0;

	open_kernel();
	enter(0, true, enter_again, &inner);
	CU_ASSERT_EQUAL(enter(0, true, count_visit, &visits), 0);
	CU_ASSERT_EQUAL(visits, 1);
	bare_close(&bare);
}

static int enter_another(void *grant, void *arg)
{
	(void)grant;
	return enter(1, true, count_visit, arg);
}

static void test_inside_one_grant_another_may_be_entered(void)
{
	int visits = 0;

	open_kernel();
	CU_ASSERT_EQUAL(enter(0, true, enter_another, &visits), 0);
	CU_ASSERT_EQUAL(visits, 1);
	CU_ASSERT_EQUAL(bare.kernel.counters.grant_reentries, 0);
	bare_close(&bare);
}

static int free_self(void *grant, void *arg)
{
	*(int *)arg = grant_free(puppet.driver, process->id, 0);
	return *(uint8_t *)grant; /* still ours */
}

static void test_an_entered_grant_cannot_be_freed(void)
{
	int r = 0;

	open_kernel();
	CU_ASSERT_EQUAL(enter(0, true, free_self, &r), 0);
	CU_ASSERT_EQUAL(r, -PLUTON_EALREADY);
	CU_ASSERT_EQUAL(grant_free(puppet.driver, process->id, 0), 0);
	bare_close(&bare);
}

static void test_freeing_what_is_not_there_does_nothing(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(grant_free(puppet.driver, process->id, 5), 0);
	bare_close(&bare);
}

static void test_an_exhausted_arena_is_nomem_to_that_process_alone(void)
{
	struct process *other;
	uint32_t instance;
	int visits = 0;

	open_kernel();
	other = bare_process(&bare, 1000);
	CU_ASSERT_EQUAL(arena_charge(&process->arena, process->arena.limit - process->arena.taken),
			0);
	CU_ASSERT_EQUAL(enter(0, true, count_visit, &visits), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(grant_new(puppet.driver, process->id, PUPPET_GRANT_SIZE, &instance,
				  count_visit, &visits),
			-PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(grant_enter(puppet.driver, other->id, 0, true, count_visit, &visits), 0);
	CU_ASSERT_EQUAL(visits, 1);
	bare_close(&bare);
}

static void test_new_grants_get_the_lowest_free_instance(void)
{
	uint32_t a = 9, b = 9, c = 9;
	int visits = 0;

	open_kernel();
	grant_new(puppet.driver, process->id, PUPPET_GRANT_SIZE, &a, count_visit, &visits);
	grant_new(puppet.driver, process->id, PUPPET_GRANT_SIZE, &b, count_visit, &visits);
	CU_ASSERT(a == 0 && b == 1);
	grant_free(puppet.driver, process->id, 0);
	grant_new(puppet.driver, process->id, PUPPET_GRANT_SIZE, &c, count_visit, &visits);
	CU_ASSERT_EQUAL(c, 0);
	bare_close(&bare);
}

static void test_grants_per_capsule_can_be_reached_and_not_passed(void)
{
	uint32_t instance;
	int visits = 0;

	open_kernel();
	for (uint32_t i = 0; i < bare.kernel.limits.grants_per_capsule; i++)
		CU_ASSERT_EQUAL(grant_new(puppet.driver, process->id, PUPPET_GRANT_SIZE, &instance,
					  count_visit, &visits),
				0);
	CU_ASSERT_EQUAL(grant_new(puppet.driver, process->id, PUPPET_GRANT_SIZE, &instance,
				  count_visit, &visits),
			-PLUTON_EBUSY);
	CU_ASSERT_EQUAL(enter(bare.kernel.limits.grants_per_capsule, true, count_visit, &visits),
			-PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(puppet.driver->grants, bare.kernel.limits.grants_per_capsule);
	bare_close(&bare);
}

static void test_a_grant_takes_what_it_needs_and_never_more_than_was_declared(void)
{
	size_t before, small;
	uint32_t instance;
	int visits = 0;

	open_kernel();
	before = process->arena.taken;
	CU_ASSERT_EQUAL(grant_new(puppet.driver, process->id, 8, &instance, count_visit, &visits),
			0);
	small = process->arena.taken - before;
	CU_ASSERT_EQUAL(puppet.driver->grant_bytes, 8);
	CU_ASSERT_EQUAL(write_number(7, 70), 0);
	CU_ASSERT_EQUAL(process->arena.taken - before - small,
			small + (PUPPET_GRANT_SIZE - 8 + 15) / 16 * 16);
	CU_ASSERT_EQUAL(puppet.driver->grant_bytes, 8 + PUPPET_GRANT_SIZE);
	CU_ASSERT_EQUAL(grant_new(puppet.driver, process->id, PUPPET_GRANT_SIZE + 1, &instance,
				  count_visit, &visits),
			-PLUTON_ESIZE);
	grant_free(puppet.driver, process->id, instance);
	grant_free(puppet.driver, process->id, 7);
	CU_ASSERT_EQUAL(process->arena.taken, before);
	CU_ASSERT_EQUAL(puppet.driver->grant_bytes, 0);
	bare_close(&bare);
}

/* The configuration may be reloaded while streams are open. */
static void test_a_lowered_limit_leaves_the_grants_there_are_in_reach(void)
{
	open_kernel();
	write_number(9, 90);
	bare.kernel.limits.grants_per_capsule = 4;
	CU_ASSERT_EQUAL(read_number(9), 90);
	CU_ASSERT_EQUAL(write_number(8, 80), -PLUTON_ERESERVE);
	bare_close(&bare);
}

static void test_each_visits_existing_grants_of_all_processes_and_makes_none(void)
{
	struct process *other;
	int visits = 0, number = 1;

	open_kernel();
	other = bare_process(&bare, 1001);
	bare_process(&bare, 1002);
	write_number(0, 1);
	write_number(1, 1);
	grant_enter(puppet.driver, other->id, 0, true, write_first, &number);
	CU_ASSERT_EQUAL(grant_each(puppet.driver, count_visit, &visits), 0);
	CU_ASSERT_EQUAL(visits, 3);
	CU_ASSERT_EQUAL(puppet.driver->grants, 3);
	bare_close(&bare);
}

static int stop_at_second(void *grant, void *arg)
{
	(void)grant;
	return ++*(int *)arg == 2 ? 5 : 0;
}

static void test_each_stops_at_the_first_answer_that_is_not_zero(void)
{
	int visits = 0;

	open_kernel();
	for (uint32_t i = 0; i < 4; i++)
		write_number(i, 1);
	CU_ASSERT_EQUAL(grant_each(puppet.driver, stop_at_second, &visits), 5);
	CU_ASSERT_EQUAL(visits, 2);
	bare_close(&bare);
}

static int free_neighbours(void *grant, void *arg)
{
	(void)grant;
	++*(int *)arg;
	for (uint32_t i = 0; i < 4; i++)
		grant_free(puppet.driver, process->id, i);
	return 0;
}

static void test_while_each_visits_one_the_others_may_be_freed(void)
{
	int visits = 0;

	open_kernel();
	for (uint32_t i = 0; i < 4; i++)
		write_number(i, 1);
	CU_ASSERT_EQUAL(grant_each(puppet.driver, free_neighbours, &visits), 0);
	CU_ASSERT_EQUAL(visits, 1);
	CU_ASSERT_EQUAL(puppet.driver->grants, 1);
	bare_close(&bare);
}

static void test_a_stale_process_id_reaches_no_grant(void)
{
	struct process_id stale;
	int visits = 0;

	open_kernel();
	stale = process->id;
	write_number(0, 1);
	process_kill(process);
	CU_ASSERT_EQUAL(grant_enter(puppet.driver, stale, 0, true, count_visit, &visits),
			-PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(grant_free(puppet.driver, stale, 0), 0);
	CU_ASSERT_EQUAL(visits, 0);
	bare_close(&bare);
}

static void test_a_dying_process_has_no_grants_any_more(void)
{
	struct record record = rig_operation(1, PUPPET_DRIVER, PUPPET_CALL);
	int visits = 0;

	open_kernel();
	puppet.run = puppet_hold;
	write_number(0, 1);
	CU_ASSERT_EQUAL(request_submit(process, &record), 0);
	process_kill(process);
	CU_ASSERT_EQUAL(bare.kernel.processes, 1); /* the capsule has its operation still */
	CU_ASSERT_EQUAL(puppet.driver->grants, 0);
	CU_ASSERT_EQUAL(grant_each(puppet.driver, count_visit, &visits), 0);
	CU_ASSERT_EQUAL(enter(0, true, count_visit, &visits), -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(visits, 0);
	bare_close(&bare);
}

static int keep_pointer(void *grant, void *arg)
{
	*(void **)arg = grant;
	return 0;
}

static void test_outside_its_enter_a_grant_is_poisoned_in_sanitizer_builds(void)
{
#ifdef MEMORY_POISON_WORKS
	void *kept = NULL;

	open_kernel();
	enter(0, true, keep_pointer, &kept);
	CU_ASSERT_PTR_EQUAL(__asan_region_is_poisoned(kept, PUPPET_GRANT_SIZE), kept);
	CU_ASSERT_TRUE(__asan_address_is_poisoned((char *)kept + PUPPET_GRANT_SIZE - 1));
	bare_close(&bare);
#else
	(void)keep_pointer;
	suite_skip("only AddressSanitizer sees it");
#endif
}

static const struct test tests[] = {
	TEST(test_a_grant_is_zeroed_when_it_is_made),
	TEST(test_entering_returns_what_the_function_returned),
	TEST(test_a_grant_keeps_what_was_written_until_it_is_freed),
	TEST(test_a_grant_that_is_not_there_is_reserve_and_not_made),
	TEST(test_instances_are_apart),
	TEST(test_grants_of_other_processes_are_out_of_reach),
	TEST(test_grants_of_other_capsules_are_out_of_reach),
	TEST(test_second_enter_of_a_grant_is_refused_and_counted),
	TEST(test_second_enter_of_a_grant_is_reported_with_the_capsules_name),
	TEST(test_after_a_refused_second_enter_the_grant_can_be_entered),
	TEST(test_inside_one_grant_another_may_be_entered),
	TEST(test_an_entered_grant_cannot_be_freed),
	TEST(test_freeing_what_is_not_there_does_nothing),
	TEST(test_an_exhausted_arena_is_nomem_to_that_process_alone),
	TEST(test_new_grants_get_the_lowest_free_instance),
	TEST(test_grants_per_capsule_can_be_reached_and_not_passed),
	TEST(test_a_grant_takes_what_it_needs_and_never_more_than_was_declared),
	TEST(test_a_lowered_limit_leaves_the_grants_there_are_in_reach),
	TEST(test_each_visits_existing_grants_of_all_processes_and_makes_none),
	TEST(test_each_stops_at_the_first_answer_that_is_not_zero),
	TEST(test_while_each_visits_one_the_others_may_be_freed),
	TEST(test_a_stale_process_id_reaches_no_grant),
	TEST(test_a_dying_process_has_no_grants_any_more),
	TEST(test_outside_its_enter_a_grant_is_poisoned_in_sanitizer_builds),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "grant", tests, TESTS_COUNT(tests));
}
