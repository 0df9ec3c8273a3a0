/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manager through the channel: what it says is what the kernel counts, to whom it may say it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client-lib/rows.h"
#include "daemon/kernel/grant.h"
#include "daemon/log.h"
#include "svc/table.h"
#include "tests/guests.h"
#include "tests/puppet.h"
#include "tests/suite.h"

enum { STATUS = 1, CAPSULES, ENGINES, PROCESSES, LIMITS, SET_LOG_LEVEL };
enum { SELF_TESTS = 12, SELF_TEST = 13 };

#define STRANGER 54321u /* neither root nor, surely, who runs this test */
#define ROOM 4096u	/* inline_max */

static struct record answer;

/* Lists in one piece: more rows than the usual inline_max has room for. */
static const char *const long_lists[] = {"kernel.inline_max=4096", NULL};

static void open_machine(void)
{
	guests_open(long_lists);
	puppet_register(rig.kernel);
}

static int ask(int fd, uint32_t command, uint32_t word, uint16_t room)
{
	struct record record = rig_operation(1, RIG_MANAGER, command);

	record.operation.words[0] = word;
	if (room)
		rig_out(&record, 0, room);
	return rig_perform(&rig, fd, &record, &answer);
}

static uint32_t rows(void)
{
	return answer.upcall.words[1];
}

static uint32_t next(void)
{
	return answer.upcall.words[2];
}

static void decode(const struct row_layout *layout, uint32_t at, void *row)
{
	CU_ASSERT_EQUAL_FATAL(row_decode(layout, answer.upcall.output + at * layout->size, row), 0);
}

static void test_status_says_what_the_kernel_counts(void)
{
	struct pluton_status status;
	int fd;

	open_machine();
	fd = guest_connect();
	guest_connect();
	CU_ASSERT_EQUAL(ask(fd, STATUS, 0, 144), 0);
	decode(&row_status, 0, &status);
	CU_ASSERT_EQUAL(status.pid, (uint32_t)getpid());
	CU_ASSERT_EQUAL(status.processes, 2);
	CU_ASSERT_EQUAL(status.processes_max, rig.kernel->limits.processes_max - 1);
	CU_ASSERT_EQUAL(status.pool_size, rig.kernel->limits.pool);
	CU_ASSERT_EQUAL(status.pool_committed, 2 * rig.kernel->limits.arena_min);
	CU_ASSERT_EQUAL(status.log_level, PLUTON_LOG_OFF);
	CU_ASSERT_EQUAL(status.refusals, 0);
	guests_close();
}

static void test_status_counts_operations_refusals_and_upcalls(void)
{
	struct pluton_status status;
	int fd;

	open_machine();
	fd = guest_connect();
	CU_ASSERT_EQUAL(ask(fd, 99, 0, 0), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(ask(fd, STATUS, 0, 144), 0);
	CU_ASSERT_EQUAL(ask(fd, STATUS, 0, 144), 0);
	decode(&row_status, 0, &status);
	CU_ASSERT_EQUAL(status.operations, 1); /* the one before this */
	CU_ASSERT_EQUAL(status.refusals, 1);
	CU_ASSERT_EQUAL(status.upcalls, 1);
	guests_close();
}

static void test_status_with_too_little_room_is_size(void)
{
	int fd;

	open_machine();
	fd = guest_connect();
	CU_ASSERT_EQUAL(ask(fd, STATUS, 0, 135), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(ask(fd, STATUS, 0, 0), -PLUTON_ESIZE);
	guests_close();
}

/* Those of the table, between the manager and the puppet. */
static uint32_t count_table(void)
{
	uint32_t count = 0;

	while (capsule_table[count])
		count++;
	return count;
}

/* The manager, the table, and last the puppet: more rows than one answer holds. */
static void test_capsules_lists_all_in_their_order(void)
{
	uint32_t last = 1 + count_table(), i = 0, first = 0;
	struct pluton_capsule_row row;
	int fd;

	open_machine();
	fd = guest_connect();
	do {
		CU_ASSERT_EQUAL_FATAL(ask(fd, CAPSULES, first, ROOM), 0);
		first = next();
		for (uint32_t at = 0; at < rows(); at++, i++) {
			const char *name = i == 0 ? "manager" : "puppet";

			decode(&row_capsule, at, &row);
			CU_ASSERT_STRING_EQUAL(
				row.name, i > 0 && i < last ? capsule_table[i - 1]->name : name);
			CU_ASSERT_EQUAL(row.allowed, 1);
		}
	} while (first != 0 && i <= last);
	CU_ASSERT_EQUAL(i, last + 1);
	CU_ASSERT_EQUAL(row.driver, PUPPET_DRIVER);
	CU_ASSERT_EQUAL(row.grant_size, PUPPET_GRANT_SIZE);
	guests_close();
}

static int touch(void *grant, void *arg)
{
	(void)grant;
	(void)arg;
	return 0;
}

static void test_capsules_counts_live_grants(void)
{
	struct pluton_capsule_row row;
	int fd;

	open_machine();
	fd = guest_connect();
	for (uint32_t i = 0; i < 3; i++)
		grant_enter(puppet.driver, rig_last_process(&rig)->id, i, true, touch, NULL);
	CU_ASSERT_EQUAL(ask(fd, CAPSULES, 1 + count_table(), 104), 0);
	decode(&row_capsule, 0, &row);
	CU_ASSERT_EQUAL(row.grants, 3);
	guests_close();
}

static void test_engines_lists_one_for_each_hil(void)
{
	struct pluton_engine_row row;
	uint32_t listed = 0;
	int fd;

	open_machine();
	fd = guest_connect();
	CU_ASSERT_EQUAL(ask(fd, ENGINES, 0, ROOM), 0);
	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		if (rig.machine->engines.ports[kind].count == 0)
			continue;
		decode(&row_engine, listed++, &row);
		CU_ASSERT_STRING_EQUAL(row.hil, hil_name(kind));
		CU_ASSERT_STRING_EQUAL(row.name, rig.machine->engines.ports[kind].engines[0]->name);
		CU_ASSERT_EQUAL(row.priority, 0);
	}
	CU_ASSERT_EQUAL(rows(), listed);
	CU_ASSERT(listed >= 3);
	guests_close();
}

static void test_lists_go_on_where_the_room_ended(void)
{
	static const uint32_t lists[] = {CAPSULES, ENGINES, PROCESSES, LIMITS};
	int fd;

	open_machine();
	fd = guest_connect();
	guest_connect();
	for (unsigned i = 0; i < 4; i++) {
		uint32_t first = 0, one_by_one = 0;

		do {
			CU_ASSERT_EQUAL_FATAL(ask(fd, lists[i], first, 112), 0);
			one_by_one += rows();
			first = next();
		} while (first && one_by_one < 100);
		CU_ASSERT_EQUAL(ask(fd, lists[i], 0, ROOM), 0);
		CU_ASSERT(next() != 0 || one_by_one == rows());
		CU_ASSERT(one_by_one >= 2);
	}
	guests_close();
}

static void test_lists_that_begin_past_the_end_are_empty(void)
{
	const uint32_t firsts[] = {2 + count_table(), 64, 65, 20000, 0x7fffffff, UINT32_MAX};
	int fd;

	open_machine();
	fd = guest_connect();
	for (uint32_t list = CAPSULES; list <= PROCESSES; list++) {
		for (unsigned i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
			if (list == ENGINES && i == 0)
				continue; /* another HIL's place */
			CU_ASSERT_EQUAL(ask(fd, list, firsts[i], ROOM), 0);
			CU_ASSERT_EQUAL(rows(), 0);
			CU_ASSERT_EQUAL(next(), 0);
		}
	}
	CU_ASSERT_EQUAL(ask(fd, LIMITS, UINT32_MAX, ROOM), 0);
	CU_ASSERT_EQUAL(rows(), 0);
	guests_close();
}

static void test_a_list_with_no_room_for_a_row_is_size(void)
{
	int fd;

	open_machine();
	fd = guest_connect();
	CU_ASSERT_EQUAL(ask(fd, PROCESSES, 0, 111), -PLUTON_ESIZE);
	guests_close();
}

static void test_processes_says_what_each_holds_to_the_byte(void)
{
	struct pluton_process_row row;
	struct process *process;
	int fd;

	open_machine();
	fd = guest_connect();
	guest_connect();
	process = rig_last_process(&rig);
	grant_enter(puppet.driver, process->id, 0, true, touch, NULL);
	process->refusals = 3;
	CU_ASSERT_EQUAL(ask(fd, PROCESSES, process->id.index, 112), 0);
	decode(&row_process, 0, &row);
	CU_ASSERT_EQUAL(row.index, process->id.index);
	CU_ASSERT_EQUAL(row.generation, process->id.generation);
	CU_ASSERT_EQUAL(row.pid, (uint32_t)getpid());
	CU_ASSERT_EQUAL(row.uid, geteuid());
	CU_ASSERT_EQUAL(row.arena_taken, process->arena.taken);
	CU_ASSERT_EQUAL(row.arena_limit, rig.kernel->limits.arena_limit);
	CU_ASSERT_EQUAL(row.grants, 1);
	CU_ASSERT_EQUAL(row.operations, 0);
	CU_ASSERT_EQUAL(row.refusals, 3);
	CU_ASSERT_EQUAL(row.dying, 0);
	guests_close();
}

static void test_a_dying_process_is_listed_as_such(void)
{
	struct record hold = rig_operation(1, PUPPET_DRIVER, PUPPET_CALL);
	struct pluton_process_row row;
	int fd, dying;

	open_machine();
	fd = guest_connect();
	dying = guest_connect();
	puppet.run = puppet_hold;
	rig_send(dying, &hold, -1);
	guests_turn();
	guest_leave(dying);
	guests_turn();
	CU_ASSERT_EQUAL(ask(fd, PROCESSES, 0, ROOM), 0);
	CU_ASSERT_EQUAL(rows(), 2);
	decode(&row_process, 1, &row);
	CU_ASSERT_EQUAL(row.dying, 1);
	CU_ASSERT_EQUAL(row.operations, 1);
	puppet_end_all();
	guests_close();
}

static void test_a_list_gives_a_bounded_number_of_rows_at_a_time(void)
{
	struct record record = rig_operation(1, RIG_MANAGER, PROCESSES);
	uint8_t *memory;
	int fd;

	open_machine();
	fd = guest_connect();
	for (unsigned i = 1; i < 70; i++)
		guest_connect();
	rig_range(&record, 0, rig_window(&rig, fd, 65536, &memory), 0, 65536);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, &answer), 0);
	CU_ASSERT_EQUAL(rows(), 64);
	record.operation.words[0] = next();
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, &answer), 0);
	CU_ASSERT_EQUAL(rows(), 6);
	CU_ASSERT_EQUAL(next(), 0);
	munmap(memory, 65536);
	guests_close();
}

static void test_other_users_see_only_their_own_processes(void)
{
	struct pluton_process_row row;
	uint32_t index;
	int fd;

	open_machine();
	guest_connect();
	fd = guest_connect();
	rig_last_process(&rig)->who.uid = STRANGER;
	index = rig_last_process(&rig)->id.index;
	CU_ASSERT_EQUAL(ask(fd, PROCESSES, 0, ROOM), 0);
	CU_ASSERT_EQUAL(rows(), 1);
	decode(&row_process, 0, &row);
	CU_ASSERT_EQUAL(row.index, index);
	guests_close();
}

static void test_limits_has_the_names_of_the_configuration(void)
{
	struct pluton_limit_row row;
	bool seen = false;
	int fd;

	open_machine();
	fd = guest_connect();
	CU_ASSERT_EQUAL(ask(fd, LIMITS, 0, ROOM), 0);
	for (uint32_t i = 0; i < rows(); i++) {
		decode(&row_limit, i, &row);
		if (strcmp(row.name, "operations_per_process") == 0) {
			CU_ASSERT_EQUAL(row.value, rig.kernel->limits.operations_per_process);
			seen = true;
		}
	}
	CU_ASSERT_TRUE(seen);
	guests_close();
}

/* The value of a limit, wherever in the list it is; UINT64_MAX: it is not there. */
static uint64_t limit_named(int fd, const char *name)
{
	struct pluton_limit_row row;
	uint32_t first = 0;

	do {
		CU_ASSERT_EQUAL_FATAL(ask(fd, LIMITS, first, ROOM), 0);
		first = next();
		for (uint32_t i = 0; i < rows(); i++) {
			decode(&row_limit, i, &row);
			if (strcmp(row.name, name) == 0)
				return row.value;
		}
	} while (first != 0);
	return UINT64_MAX;
}

static void test_limits_has_every_parameter_of_every_capsule_after_its_name(void)
{
	unsigned parameters = 0;
	char name[64];
	int fd;

	open_machine();
	fd = guest_connect();
	for (size_t i = 0; i < rig.kernel->driver_count; i++) {
		const struct driver *driver = &rig.kernel->drivers[i];

		for (unsigned j = 0; j < kernel_count_parameters(driver->capsule); j++) {
			snprintf(name, sizeof(name), "%s.%s", driver->capsule->name,
				 driver->capsule->parameters[j]);
			CU_ASSERT(strlen(name) < PLUTON_NAME_SIZE);
			CU_ASSERT_EQUAL(limit_named(fd, name), driver->parameters[j]);
			parameters++;
		}
	}
	CU_ASSERT(parameters > 0);
	CU_ASSERT_EQUAL(limit_named(fd, "nvmem.area_max"), 1u << 20);
	CU_ASSERT_EQUAL(limit_named(fd, "nvmem."), UINT64_MAX);
	guests_close();
}

static void test_the_daemons_own_user_sets_the_log_level(void)
{
	int fd;

	open_machine();
	fd = guest_connect();
	CU_ASSERT_EQUAL(ask(fd, SET_LOG_LEVEL, PLUTON_LOG_ERROR, 0), 0);
	CU_ASSERT_EQUAL(log_get_level(), PLUTON_LOG_ERROR);
	CU_ASSERT_EQUAL(ask(fd, SET_LOG_LEVEL, 6, 0), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(log_get_level(), PLUTON_LOG_ERROR);
	log_set_level(PLUTON_LOG_OFF);
	guests_close();
}

static void test_other_users_do_not_set_the_log_level(void)
{
	int fd;

	open_machine();
	fd = guest_connect();
	rig_last_process(&rig)->who.uid = STRANGER;
	CU_ASSERT_EQUAL(ask(fd, SET_LOG_LEVEL, PLUTON_LOG_TRACE, 0), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(log_get_level(), PLUTON_LOG_OFF);
	guests_close();
}

static void test_nothing_is_known_of_algorithms_before_somebody_asks_or_uses_them(void)
{
	struct pluton_selftest_row row;
	int fd;

	open_machine();
	fd = guest_connect();
	CU_ASSERT_EQUAL(ask(fd, SELF_TESTS, 0, ROOM), 0);
	CU_ASSERT_TRUE_FATAL(rows() > 20);
	decode(&row_selftest, 0, &row);
	CU_ASSERT_STRING_EQUAL(row.engine, "openssl");
	CU_ASSERT_STRING_EQUAL(row.hil, "rng");
	CU_ASSERT_STRING_EQUAL(row.algorithm, "random");
	CU_ASSERT_EQUAL(row.state, PLUTON_SELFTEST_UNTESTED);
	CU_ASSERT_EQUAL(row.runs, 0);
	guests_close();
}

static void test_the_daemons_own_user_has_everything_tested_and_is_told_how_much_passed(void)
{
	struct record record = rig_operation(1, RIG_MANAGER, SELF_TEST);
	struct pluton_selftest_row row;
	uint32_t passed;
	int fd;

	open_machine();
	fd = guest_connect();
	rig_send(fd, &record, -1);
	do
		loop_pass(&rig.machine->loop, true);
	while (rig.machine->selftests.waiting || !guest_has_answer(fd));
	CU_ASSERT_TRUE_FATAL(guest_read(fd, &answer));
	passed = answer.upcall.words[1];
	CU_ASSERT_TRUE(passed > 20);
	CU_ASSERT_EQUAL(answer.upcall.words[2], 0);
	CU_ASSERT_EQUAL(rig.machine->selftests.waiting, 0);
	CU_ASSERT_EQUAL(ask(fd, SELF_TESTS, 0, ROOM), 0);
	for (uint32_t i = 0; i < rows(); i++) {
		decode(&row_selftest, i, &row);
		CU_ASSERT_EQUAL(row.state, PLUTON_SELFTEST_PASSED);
		CU_ASSERT_EQUAL(row.runs, 1);
	}
	guests_close();
}

static void test_self_tests_of_no_engine_are_inval_and_of_others_users_nosupport(void)
{
	struct record record = rig_operation(1, RIG_MANAGER, SELF_TEST);
	uint8_t name[6];
	int fd;

	open_machine();
	fd = guest_connect();
	rig_in(&record, 0, name, "abacus", 6);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, &answer), -PLUTON_EINVAL);
	rig_last_process(&rig)->who.uid = STRANGER;
	CU_ASSERT_EQUAL(ask(fd, SELF_TEST, 0, 0), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(rig.machine->selftests.waiting, 0);
	guests_close();
}

static void test_who_dies_while_his_self_tests_are_made_is_forgotten(void)
{
	struct record record = rig_operation(1, RIG_MANAGER, SELF_TEST);
	int fd;

	open_machine();
	fd = guest_connect();
	rig_send(fd, &record, -1);
	guests_turn();
	guest_leave(fd);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig.machine->selftests.waiting, 0);
	guests_close();
}

static void test_who_may_use_anything_may_ask_the_manager_too(void)
{
	static const char *const settings[] = {"access.default=digest", "kernel.inline_max=4096",
					       NULL};
	struct record record = rig_operation(1, RIG_RNG, 1);
	struct pluton_capsule_row row;
	int fd;

	guests_open(settings);
	fd = guest_connect();
	rig_out(&record, 0, 8);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, NULL), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(ask(fd, CAPSULES, 0, ROOM), 0);
	decode(&row_capsule, 0, &row);
	CU_ASSERT_EQUAL(row.allowed, 1);
	decode(&row_capsule, 1, &row);
	CU_ASSERT_EQUAL(row.allowed, 0);
	guests_close();
}

static const struct test tests[] = {
	TEST(test_status_says_what_the_kernel_counts),
	TEST(test_status_counts_operations_refusals_and_upcalls),
	TEST(test_status_with_too_little_room_is_size),
	TEST(test_capsules_lists_all_in_their_order),
	TEST(test_capsules_counts_live_grants),
	TEST(test_engines_lists_one_for_each_hil),
	TEST(test_lists_go_on_where_the_room_ended),
	TEST(test_lists_that_begin_past_the_end_are_empty),
	TEST(test_a_list_with_no_room_for_a_row_is_size),
	TEST(test_processes_says_what_each_holds_to_the_byte),
	TEST(test_a_dying_process_is_listed_as_such),
	TEST(test_a_list_gives_a_bounded_number_of_rows_at_a_time),
	TEST(test_other_users_see_only_their_own_processes),
	TEST(test_limits_has_the_names_of_the_configuration),
	TEST(test_limits_has_every_parameter_of_every_capsule_after_its_name),
	TEST(test_the_daemons_own_user_sets_the_log_level),
	TEST(test_other_users_do_not_set_the_log_level),
	TEST(test_nothing_is_known_of_algorithms_before_somebody_asks_or_uses_them),
	TEST(test_the_daemons_own_user_has_everything_tested_and_is_told_how_much_passed),
	TEST(test_self_tests_of_no_engine_are_inval_and_of_others_users_nosupport),
	TEST(test_who_dies_while_his_self_tests_are_made_is_forgotten),
	TEST(test_who_may_use_anything_may_ask_the_manager_too),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "manager", tests, TESTS_COUNT(tests));
}
