/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rings in the hands of somebody who keeps no rule: indices, sizes and bytes that change at any
 * moment, doorbells without end, and nobody at the other side. Whoever does it is closed or waits;
 * a neighbour gets every answer, and nothing is left behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bare.h"
#include "tests/guests.h"
#include "tests/one_cpu.h"
#include "tests/puppet.h"
#include "tests/suite.h"

static struct record answer;
static int neighbour;

static void open_machine(const char *const *settings)
{
	guests_open(settings);
	puppet_register(rig.kernel);
	neighbour = guest_connect();
}

static void greet(int fd, uint32_t features)
{
	const struct record hello = {.header = {.type = RECORD_HELLO},
				     .hello = {.version = RECORD_VERSION, .features = features}};

	rig_send(fd, &hello, -1);
	CU_ASSERT_TRUE_FATAL(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL_FATAL(answer.header.type, RECORD_WELCOME);
}

/* A process with rings. */
static int connect_with_rings(void)
{
	int fd = guest_connect_raw();

	greet(fd, FEATURE_RINGS);
	CU_ASSERT_EQUAL_FATAL(rig_open_rings(&rig, fd), 0);
	return fd;
}

static struct record good(uint32_t op_id)
{
	return rig_operation(op_id, PUPPET_DRIVER, PUPPET_CALL);
}

static void assert_neighbour_is_served(void)
{
	for (uint32_t i = 1; i <= 20; i++) {
		const struct record record = good(i);

		CU_ASSERT_EQUAL(rig_perform(&rig, neighbour, &record, NULL), 0);
	}
}

/* Its connection is closed, all of it is gone, and nobody else has noticed. */
static void assert_is_let_go(int fd)
{
	CU_ASSERT_TRUE(rig_is_closed(&rig, fd));
	CU_ASSERT_EQUAL(rig.kernel->processes, 1);
	assert_neighbour_is_served();
	guests_check_books();
}

static void assert_serves(int fd, uint32_t op_id)
{
	const struct record record = good(op_id);

	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, &answer), 0);
	CU_ASSERT_EQUAL(answer.header.op_id, op_id);
}

/* --- opening --------------------------------------------------------------------------------- */

static void test_rings_that_were_not_agreed_on_are_refused(void)
{
	int fd;

	open_machine(NULL);
	fd = guest_connect_raw();
	greet(fd, 0);
	CU_ASSERT_EQUAL(rig_open_rings(&rig, fd), -PLUTON_ENOSUPPORT);
	assert_serves(fd, 1);
	guests_close();
}

static void test_a_second_pair_of_rings_is_refused(void)
{
	int fd;

	open_machine(NULL);
	fd = connect_with_rings();
	CU_ASSERT_EQUAL(rig_open_rings(&rig, fd), -PLUTON_EALREADY);
	assert_serves(fd, 1);
	guests_close();
}

static void test_a_machine_without_rings_agrees_on_none(void)
{
	static const char *const settings[] = {"kernel.ring_size=0", NULL};
	int fd;

	if (rig_rings_wanted())
		suite_skip("its neighbour would have rings");
	open_machine(settings);
	fd = guest_connect_raw();
	greet(fd, FEATURE_RINGS);
	CU_ASSERT_EQUAL(answer.welcome.features, 0);
	CU_ASSERT_EQUAL(rig_open_rings(&rig, fd), -PLUTON_ENOSUPPORT);
	assert_serves(fd, 1);
	guests_close();
}

static void test_the_size_is_rounded_down_to_a_power_of_two(void)
{
	static const char *const settings[] = {"kernel.ring_size=100K", NULL};

	open_machine(settings);
	CU_ASSERT_EQUAL(rig_rings_of(connect_with_rings())->requests.size, 65536);
	guests_close();
}

static void test_over_windows_per_user_there_are_no_rings_and_the_socket_goes_on(void)
{
	static const char *const settings[] = {"kernel.window_max=4K",
					       "kernel.windows_per_user=80K", NULL};
	int fds[3];

	if (rig_rings_wanted())
		suite_skip("its neighbour would have rings");
	open_machine(settings);
	for (unsigned i = 0; i < 3; i++) {
		fds[i] = guest_connect_raw();
		greet(fds[i], FEATURE_RINGS);
		CU_ASSERT_EQUAL(rig_open_rings(&rig, fds[i]), i < 2 ? 0 : -PLUTON_EBUSY);
		assert_serves(fds[i], 1);
	}
	guest_leave(fds[0]);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig_open_rings(&rig, fds[2]), 0);
	guests_close();
}

static void test_without_room_in_the_arena_there_are_no_rings(void)
{
	static const char *const settings[] = {"kernel.arena_min=1K", "kernel.arena_limit=4K",
					       NULL};
	struct process *process;
	size_t before;
	int fd;

	open_machine(settings);
	fd = guest_connect_raw();
	greet(fd, FEATURE_RINGS);
	process = rig_last_process(&rig);
	process->arena.limit = process->arena.taken + 400;
	before = process->arena.taken;
	CU_ASSERT_EQUAL(rig_open_rings(&rig, fd), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(process->arena.taken, before);
	CU_ASSERT_EQUAL(process->user->window_bytes,
			rig_rings_wanted() ? rig_rings_of(neighbour)->size : 0);
	process->arena.limit = 4096;
	assert_serves(fd, 1);
	guests_close();
}

/* The limit of descriptors whose last quarter begins with number `first`. */
static rlim_t limit_with_last_quarter(rlim_t first)
{
	rlim_t limit = first;

	while (limit - limit / 4 < first)
		limit++;
	return limit;
}

static void test_rings_leave_the_last_quarter_of_descriptors(void)
{
	struct rlimit before, few;
	int fd, memory, doorbell;

	open_machine(NULL);
	fd = guest_connect_raw();
	greet(fd, FEATURE_RINGS);
	memory = dup(fd); /* the numbers that these will have */
	doorbell = dup(fd);
	close(memory);
	close(doorbell);
	CU_ASSERT_EQUAL(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = limit_with_last_quarter((rlim_t)doorbell);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &few), 0);
	CU_ASSERT_EQUAL(rig_open_rings(&rig, fd), -PLUTON_EBUSY);
	guests_check_books();
	assert_serves(fd, 1);
	few.rlim_cur = limit_with_last_quarter((rlim_t)doorbell + 1);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &few), 0);
	CU_ASSERT_EQUAL(rig_open_rings(&rig, fd), 0);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
	guests_close();
}

static void test_rings_are_on_the_books_and_off_them_again(void)
{
	struct process_account account;
	struct user *user;
	uint64_t before;
	int fd;

	open_machine(NULL);
	user = rig_last_process(&rig)->user;
	before = user->window_bytes;
	fd = connect_with_rings();
	process_measure(rig_last_process(&rig), &account);
	CU_ASSERT_EQUAL(account.ring_bytes, RING_MEMORY_SIZE(16384));
	CU_ASSERT_EQUAL(account.taken, rig_last_process(&rig)->arena.taken);
	CU_ASSERT_EQUAL(user->window_bytes, before + RING_MEMORY_SIZE(16384));
	guest_leave(fd);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(user->window_bytes, before);
	guests_close();
}

/* --- what goes by them ----------------------------------------------------------------------- */

static void test_records_of_all_kinds_are_answered_by_the_ring(void)
{
	const uint32_t none[4] = {0};
	struct record_return ret;
	uint8_t inline_bytes[16];
	struct record record;
	int fd;

	open_machine(NULL);
	puppet.run = puppet_copy;
	fd = connect_with_rings();
	for (uint32_t i = 1; i < 2000; i++) { /* around the end of the ring, many times */
		record = good(i);
		rig_in(&record, PUPPET_IN, inline_bytes, "0123456789abcdef", 1 + i % 16);
		rig_out(&record, PUPPET_OUT, (uint16_t)(1 + i % 16));
		CU_ASSERT_EQUAL_FATAL(rig_perform(&rig, fd, &record, &answer), 0);
		CU_ASSERT_EQUAL(answer.upcall.output_length, 1 + i % 16);
		CU_ASSERT_EQUAL(memcmp(answer.upcall.output, "0123456789abcdef", 1 + i % 16), 0);
	}
	CU_ASSERT_EQUAL(rig_call(&rig, fd, 0, CLASS_MEMOP, MEMOP_WINDOWS, none, &ret), 0);
	record = good(7);
	record.operation.command = 99;
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, NULL), -PLUTON_ENOSUPPORT);
	guests_close();
}

static void test_a_malformed_record_of_the_right_length_is_refused_and_no_more(void)
{
	uint8_t bytes[RECORD_FIXED_SIZE] = {RECORD_OPERATION, 0, 0, 0, RECORD_FIXED_SIZE};
	int fd;

	open_machine(NULL);
	fd = connect_with_rings();
	bytes[42] = 1; /* reserved */
	CU_ASSERT_TRUE(rig_rings_put(rig_rings_of(fd), bytes, sizeof(bytes)));
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EINVAL);
	assert_serves(fd, 1);
	guests_close();
}

static void test_a_request_stays_in_no_shared_memory(void)
{
	static const uint8_t secret[16] = "a planted secret";
	uint8_t inline_bytes[16];
	struct rig_rings *rings;
	struct record record;
	int fd;

	open_machine(NULL);
	puppet.run = puppet_copy;
	fd = connect_with_rings();
	rings = rig_rings_of(fd);
	record = good(1);
	rig_in(&record, PUPPET_IN, inline_bytes, secret, sizeof(secret));
	rig_out(&record, PUPPET_OUT, sizeof(secret));
	rig_send(fd, &record, -1);
	CU_ASSERT_PTR_NOT_NULL(memmem(rings->memory, rings->size, secret, sizeof(secret)));
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_PTR_NULL(memmem(rings->memory, rings->size, secret, sizeof(secret)));
	guests_close();
}

static void check_order(int fd, uint32_t windows)
{
	const struct record ask = {.header = {.type = RECORD_CALL},
				   .call = {.class = CLASS_MEMOP, .number = MEMOP_WINDOWS}};
	const struct record add = {.header = {.type = RECORD_WINDOW_ADD, .op_id = 5}};
	int memfd = bare_memfd(4096, F_SEAL_SHRINK);

	for (unsigned i = 0; i < 10; i++)
		rig_send(fd, &ask, -1);
	rig_send(fd, &add, memfd);
	for (unsigned i = 0; i < 10; i++) {
		CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
		CU_ASSERT_EQUAL(answer.ret.words[0], windows);
	}
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(answer.header.op_id, 5);
	CU_ASSERT_EQUAL(rig_status(&answer), 0);
	close(memfd);
	rig_settle(&rig); /* so that the doorbell is the first to be heard next time */
}

/* What came by the socket comes after what was in the ring before, and not later than that. */
static void test_a_record_by_the_socket_comes_after_those_in_the_ring(void)
{
	/* And where a pass ends before anybody knows whether the socket has more. */
	static const char *const some[] = {"kernel.records_per_pass=4", NULL};
	static const char *const one[] = {"kernel.records_per_pass=1", NULL};
	static const char *const *const settings[] = {some, one};

	for (unsigned i = 0; i < TESTS_COUNT(settings); i++) {
		int fd;

		open_machine(settings[i]);
		fd = connect_with_rings();
		for (uint32_t n = 0; n < 5; n++)
			check_order(fd, n);
		guests_close();
	}
}

/* --- words that make no sense ---------------------------------------------------------------- */

enum word { REQUESTS_TAIL, ANSWERS_HEAD };

static void write_word(int fd, enum word word, uint32_t value)
{
	struct rig_rings *rings = rig_rings_of(fd);

	atomic_store(word == REQUESTS_TAIL ? rings->requests.tail : rings->answers.head, value);
	rig_rings_ring(rings);
}

static void test_an_index_of_requests_that_makes_no_sense_ends_the_connection(void)
{
	/* beyond the ring, backwards, not whole records */
	static const uint32_t steps[] = {16384 + 16, 0x80000000u, (uint32_t)-16, 8, 1, UINT32_MAX};

	open_machine(NULL);
	for (unsigned i = 0; i < TESTS_COUNT(steps); i++) {
		int fd = connect_with_rings();

		assert_serves(fd, 1);
		write_word(fd, REQUESTS_TAIL, rig_rings_of(fd)->requests.mine + steps[i]);
		assert_is_let_go(fd);
	}
	guests_close();
}

/*
 * Twenty requests, of which some are taken; then their end is `step` further for as long as it
 * takes the daemon to hear of a record by the socket, and back again.
 */
static int connect_and_retreat(uint32_t step)
{
	const struct record ask = {.header = {.type = RECORD_CALL},
				   .call = {.class = CLASS_MEMOP, .number = MEMOP_WINDOWS}};
	const struct record add = {.header = {.type = RECORD_WINDOW_ADD, .op_id = 5}};
	int fd = connect_with_rings(), memfd = bare_memfd(4096, F_SEAL_SHRINK);
	struct ring *requests = &rig_rings_of(fd)->requests;

	for (unsigned i = 0; i < 20; i++)
		rig_send(fd, &ask, -1);
	loop_pass(&rig.machine->loop, false);
	CU_ASSERT(atomic_load(requests->head) != requests->mine);
	rig_send(fd, &add, memfd);
	atomic_store(requests->tail, requests->mine + step);
	loop_pass(&rig.machine->loop, false);
	CU_ASSERT(atomic_load(requests->head) != requests->mine);
	atomic_store(requests->tail, requests->mine);
	close(memfd);
	return fd;
}

static void test_an_index_that_goes_back_keeps_nobody_from_the_socket(void)
{
	static const char *const settings[] = {"kernel.records_per_pass=4", NULL};
	static const uint32_t steps[] = {64, 0x40000000u}; /* within the ring, and far beyond */

	open_machine(settings);
	for (unsigned i = 0; i < TESTS_COUNT(steps); i++) {
		int fd = connect_and_retreat(steps[i]);

		guests_turn();
		assert_neighbour_is_served();
		guest_leave(fd);
		guests_turn();
		CU_ASSERT_EQUAL(rig.kernel->processes, 1);
	}
	guests_close();
}

/* Fills the ring of answers, which is when the daemon looks at it. */
static void fill_answers(int fd)
{
	uint32_t op_id = 1;

	for (unsigned refused = 0; refused < 3; refused++) {
		struct record record = good(op_id);

		rig_out(&record, PUPPET_OUT, 512);
		for (; rig_try_send(fd, &record); record.header.op_id = ++op_id)
			refused = 0;
		guests_turn();
	}
}

static void test_an_index_of_answers_that_makes_no_sense_ends_the_connection(void)
{
	static const uint32_t steps[] = {(uint32_t)-16, 8, 0x80000000u, 16384 + 16};

	open_machine(NULL);
	for (unsigned i = 0; i < TESTS_COUNT(steps); i++) {
		int fd = connect_with_rings();

		fill_answers(fd);
		write_word(fd, ANSWERS_HEAD, rig_rings_of(fd)->answers.mine + steps[i]);
		assert_is_let_go(fd);
	}
	guests_close();
}

static void test_a_record_of_no_possible_size_ends_the_connection(void)
{
	static const uint32_t sizes[] = {0,	     1,		 15, 17, 64, RECORD_SIZE_MAX + 1,
					 UINT32_MAX, 0x80000000u};

	open_machine(NULL);
	for (unsigned i = 0; i < TESTS_COUNT(sizes); i++) {
		uint8_t bytes[16] = {RECORD_CANCEL};
		int fd = connect_with_rings();

		memcpy(bytes + 4, &sizes[i], 4);
		CU_ASSERT_TRUE(rig_rings_put(rig_rings_of(fd), bytes, sizeof(bytes)));
		assert_is_let_go(fd);
	}
	guests_close();
}

/* All of it is there, and it is not written behind what there is for a record. */
static void test_a_record_longer_than_any_ends_the_connection(void)
{
	static uint8_t bytes[RECORD_SIZE_MAX + 512] = {RECORD_CANCEL};

	open_machine(NULL);
	for (uint32_t size = RECORD_SIZE_MAX + 1; size < sizeof(bytes); size += 100) {
		int fd = connect_with_rings();

		memcpy(bytes + 4, &size, 4);
		CU_ASSERT_TRUE(rig_rings_put(rig_rings_of(fd), bytes, size));
		assert_is_let_go(fd);
	}
	guests_close();
}

static void test_memory_cannot_be_cut_and_holes_end_the_connection(void)
{
	struct rig_rings *rings;
	int fd;

	open_machine(NULL);
	fd = connect_with_rings();
	rings = rig_rings_of(fd);
	assert_serves(fd, 1);
	CU_ASSERT_EQUAL(ftruncate(rings->memfd, 0), -1);
	CU_ASSERT_EQUAL(ftruncate(rings->memfd, 1 << 30), -1);
	CU_ASSERT_EQUAL(fcntl(rings->memfd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	assert_serves(fd, 2);
	CU_ASSERT_EQUAL(fallocate(rings->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				  (off_t)rings->size),
			0);
	rig_rings_ring(rings);
	assert_is_let_go(fd);
	guests_close();
}

static void test_flags_of_any_value_harm_nobody(void)
{
	static const uint32_t values[] = {0, 1, 2, UINT32_MAX};
	struct rig_rings *rings;
	int fd;

	open_machine(NULL);
	fd = connect_with_rings();
	rings = rig_rings_of(fd);
	for (unsigned i = 0; i < 4 * 4 * 4; i++) {
		const struct record record = good(i + 1);
		uint8_t bytes[RECORD_FIXED_SIZE];

		CU_ASSERT_EQUAL(record_encode(&record, bytes, sizeof(bytes)), sizeof(bytes));
		atomic_store(rings->requests.bell, values[i % 4]);
		atomic_store(rings->requests.room, values[i / 4 % 4]);
		atomic_store(rings->answers.room, values[i / 16]);
		CU_ASSERT_EQUAL(ring_put(&rings->requests, bytes, sizeof(bytes)), 1);
		ring_publish(&rings->requests);
		rig_rings_ring(rings);
		CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	}
	assert_neighbour_is_served();
	guests_close();
}

/* --- doorbells ------------------------------------------------------------------------------- */

/* Whoever holds the eventfd can fill it, and make everybody who reads or writes it wait. */
static void test_a_doorbell_that_blocks_blocks_nobody_but_its_owner(void)
{
	const uint64_t all = UINT64_MAX - 1;
	struct rig_rings *rings;
	uint64_t count;
	int fd;

	open_machine(NULL);
	fd = connect_with_rings();
	rings = rig_rings_of(fd);
	CU_ASSERT_EQUAL(read(rings->doorbell, &count, sizeof(count)), sizeof(count));
	CU_ASSERT_EQUAL(fcntl(rings->doorbell, F_SETFL, 0), 0); /* it is the daemon's as well */
	rig_rings_ring(rings);
	guests_turn();
	CU_ASSERT_EQUAL(read(rings->doorbell, &count, sizeof(count)), sizeof(count));
	CU_ASSERT_EQUAL(write(rings->doorbell, &all, sizeof(all)), sizeof(all));
	assert_neighbour_is_served();
	CU_ASSERT_EQUAL(rig.kernel->processes, 2);
	guests_close();
}

static void test_who_takes_the_doorbell_away_waits_alone(void)
{
	struct rig_rings *rings;
	struct record record = good(1);
	uint64_t count;
	int fd;

	open_machine(NULL);
	fd = connect_with_rings();
	rings = rig_rings_of(fd);
	guests_turn();
	while (rig_try_send(fd, &record))
		record.header.op_id++;
	CU_ASSERT_EQUAL(read(rings->doorbell, &count, sizeof(count)), sizeof(count));
	assert_neighbour_is_served();
	rig_rings_ring(rings);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	guests_close();
}

/* One that rings and never asks for anything. */
struct ringer {
	struct rig_rings *rings;
	atomic_bool stop;
};

static void *ring_on(void *context)
{
	struct ringer *ringer = context;

	while (!atomic_load(&ringer->stop))
		rig_rings_ring(ringer->rings);
	return NULL;
}

static void test_doorbells_without_end_hold_up_nobody(void)
{
	struct ringer ringer = {0};
	pthread_t thread;
	int fd;

	open_machine(NULL);
	fd = connect_with_rings();
	ringer.rings = rig_rings_of(fd);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, ring_on, &ringer), 0);
	for (unsigned i = 0; i < 50; i++)
		assert_neighbour_is_served();
	assert_serves(fd, 1);
	atomic_store(&ringer.stop, true);
	pthread_join(thread, NULL);
	guests_close();
}

/* --- who does not read ----------------------------------------------------------------------- */

static void test_who_reads_no_answers_waits_with_what_it_has_and_gets_all_of_it(void)
{
	const struct process *process;
	unsigned sent = 0, received = 0;
	struct record record = good(1);
	int fd;

	open_machine(NULL);
	fd = connect_with_rings();
	process = rig_last_process(&rig);
	rig_out(&record, PUPPET_OUT, 512);
	for (unsigned refused = 0; refused < 3; refused++) {
		for (; rig_try_send(fd, &record); record.header.op_id = ++sent + 1)
			refused = 0;
		guests_turn();
	}
	CU_ASSERT(process->arena.taken <= process->arena.limit);
	CU_ASSERT_PTR_NULL(rig.kernel->deferred.head);
	assert_neighbour_is_served();
	while (rig_receive(&rig, fd, &answer))
		received++;
	CU_ASSERT_EQUAL(received, sent);
	assert_serves(fd, 4711);
	guests_close();
}

static void test_who_hangs_up_while_answers_wait_leaves_nothing(void)
{
	int fd;

	open_machine(NULL);
	fd = connect_with_rings();
	fill_answers(fd);
	guest_leave(fd);
	guests_turn();
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig.kernel->processes, 1);
	guests_close();
}

static void test_who_hangs_up_with_operations_under_way_leaves_nothing(void)
{
	int fd;

	open_machine(NULL);
	puppet.run = puppet_hold;
	puppet.cancel = puppet_end_cancelled;
	fd = connect_with_rings();
	for (uint32_t i = 1; i <= 20; i++) {
		const struct record record = good(i);

		rig_send(fd, &record, -1);
	}
	guests_turn();
	CU_ASSERT_EQUAL(puppet.held_count, 16);
	guest_leave(fd);
	guests_turn();
	CU_ASSERT_EQUAL(rig.kernel->processes, 1);
	puppet.run = NULL;
	assert_neighbour_is_served();
	guests_close();
}

/* The mapping outlives the socket: whoever inherited it goes on, and nobody listens. */
static void leave_and_go_on(int fd)
{
	struct rig_rings rings = *rig_rings_of(fd);
	uint8_t bytes[RECORD_FIXED_SIZE];
	struct record record = good(1);

	rig_rings_of(fd)->memory = NULL;
	CU_ASSERT_EQUAL(record_encode(&record, bytes, sizeof(bytes)), sizeof(bytes));
	guest_leave(fd);
	for (unsigned i = 0; i < 64 && rig.kernel->processes > 1; i++) {
		while (ring_put(&rings.requests, bytes, sizeof(bytes)) == 1)
			ring_publish(&rings.requests);
		rig_rings_ring(&rings);
		loop_pass(&rig.machine->loop, false);
		loop_pass(&rig.machine->loop, false);
	}
	CU_ASSERT_EQUAL(rig.kernel->processes, 1);
	rig_rings_unmap(&rings);
}

static void test_requests_after_hanging_up_keep_nothing_alive(void)
{
	open_machine(NULL);
	leave_and_go_on(connect_with_rings());
	guests_close();
}

static void test_nor_do_they_after_an_index_that_was_far_ahead_for_a_moment(void)
{
	static const char *const settings[] = {"kernel.records_per_pass=4", NULL};

	open_machine(settings);
	leave_and_go_on(connect_and_retreat(0x40000000u));
	guests_close();
}

/* --- who floods ------------------------------------------------------------------------------ */

static uint64_t seen(const struct process *process)
{
	return process->requests + process->refusals;
}

static void test_records_per_pass_holds_for_rings_and_sockets_alike(void)
{
	static const char *const settings[] = {"kernel.records_per_pass=4", NULL};
	struct process *floods[2], *modest;
	struct record record = good(1);
	int fds[2], other;

	if (rig_rings_wanted())
		suite_skip("one of them is to have none");
	open_machine(settings);
	for (unsigned i = 0; i < 2; i++) {
		fds[i] = connect_with_rings();
		floods[i] = rig_last_process(&rig);
	}
	other = guest_connect();
	modest = rig_last_process(&rig);
	guests_turn();
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned n = 0; n < 100 && rig_try_send(fds[i], &record); n++)
			record.header.op_id++;
	}
	for (unsigned n = 0; n < 100 && rig_try_send(other, &record); n++)
		record.header.op_id++;
	/* On a busy machine a pass may end before its fourth record. */
	for (unsigned pass = 1; seen(modest) < 100 && pass < 1000; pass++) {
		loop_pass(&rig.machine->loop, false);
		CU_ASSERT(seen(floods[0]) <= 4 * pass);
		CU_ASSERT(seen(floods[1]) <= 4 * pass);
	}
	CU_ASSERT_EQUAL(seen(modest), 100);
	CU_ASSERT(seen(floods[0]) > 0);
	CU_ASSERT(seen(floods[1]) > 0);
	guests_close();
}

/* --- looking before sleeping ----------------------------------------------------------------- */

static void test_a_loop_that_looks_for_requests_goes_to_sleep_in_the_end(void)
{
	struct spinner *spinner;
	struct loop *loop;
	int fd;

	open_machine(NULL);
	loop = &rig.machine->loop;
	spinner = &rig.machine->channel.spinner;
	fd = connect_with_rings();
	spin_found(&spinner->spin); /* so it was worth it before */
	assert_serves(fd, 1);
	while (loop->linger(loop->linger_context)) /* bounded by its own limit */
		continue;
	CU_ASSERT_EQUAL(spinner->count, 0);
	CU_ASSERT_EQUAL(atomic_load(rig_rings_of(fd)->requests.bell), 1);
	assert_serves(fd, 2);
	guests_close();
}

/* Looking would keep the one that it is done for from working. */
static void test_on_one_cpu_the_loop_looks_for_nothing_and_sleeps_at_once(void)
{
	struct spinner *spinner;
	struct loop *loop;
	int fd;

	one_cpu_begin();
	open_machine(NULL);
	loop = &rig.machine->loop;
	spinner = &rig.machine->channel.spinner;
	fd = connect_with_rings();
	for (uint32_t i = 1; i <= 50; i++) {
		spin_found(&spinner->spin); /* so it would be worth it */
		assert_serves(fd, i);
		CU_ASSERT_EQUAL(spinner->count, 0);
		CU_ASSERT_FALSE(loop->linger(loop->linger_context));
		CU_ASSERT_EQUAL(atomic_load(rig_rings_of(fd)->requests.bell), 1);
	}
	one_cpu_end();
	guests_close();
}

static void test_one_that_dies_while_it_is_looked_at_is_looked_at_no_more(void)
{
	struct spinner *spinner;
	int fd;

	open_machine(NULL);
	spinner = &rig.machine->channel.spinner;
	fd = connect_with_rings();
	spin_found(&spinner->spin);
	assert_serves(fd, 1);
	guest_leave(fd);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(spinner->count, 0);
	assert_neighbour_is_served();
	guests_close();
}

/* --- bytes that change ----------------------------------------------------------------------- */

/* Writes into the ring's records, and sometimes into its indices, until it is told to stop. */
struct saboteur {
	struct rig_rings *rings;
	atomic_bool stop;
	bool indices;
	unsigned seed;
};

static void *spoil(void *context)
{
	struct saboteur *saboteur = context;
	struct rig_rings *rings = saboteur->rings;
	uint32_t random = saboteur->seed;

	while (!atomic_load(&saboteur->stop)) {
		volatile uint8_t *bytes = rings->memory;
		size_t at;

		random = random * 1664525u + 1013904223u;
		at = saboteur->indices
			     ? random >> 8 & 511 & ~3u
			     : RING_HEADER_SIZE +
				       (random >> 8) % (uint32_t)(rings->size - RING_HEADER_SIZE);
		bytes[at] = (uint8_t)(random >> 24);
	}
	return NULL;
}

static void sabotage(bool indices, unsigned seed)
{
	struct saboteur saboteur = {.indices = indices, .seed = seed};
	struct rig_rings copy;
	pthread_t thread;
	int fd = connect_with_rings();

	copy = *rig_rings_of(fd);
	copy.memory = mmap(NULL, copy.size, PROT_READ | PROT_WRITE, MAP_SHARED, copy.memfd, 0);
	CU_ASSERT_NOT_EQUAL_FATAL(copy.memory, MAP_FAILED);
	saboteur.rings = &copy;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, spoil, &saboteur), 0);
	for (uint32_t i = 1; i <= 200 && !rig_is_closed(&rig, fd); i++) {
		uint8_t bytes[RECORD_SIZE_MAX], inline_bytes[512] = {0};
		struct record record = good(i);
		int size;

		rig_in(&record, PUPPET_IN, inline_bytes, inline_bytes, (uint16_t)(1 + i % 500));
		size = record_encode(&record, bytes, sizeof(bytes));
		if (ring_put(&rig_rings_of(fd)->requests, bytes, (size_t)size) == 1)
			ring_publish(&rig_rings_of(fd)->requests);
		rig_rings_ring(&copy);
		guests_turn();
		while (ring_take(&rig_rings_of(fd)->answers, bytes, sizeof(bytes)) > 0)
			continue;
	}
	atomic_store(&saboteur.stop, true);
	pthread_join(thread, NULL);
	munmap(copy.memory, copy.size);
	assert_neighbour_is_served();
	guest_leave(fd);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig.kernel->processes, 1);
	guests_check_books();
}

static void test_records_that_change_while_they_are_read_harm_nobody(void)
{
	open_machine(NULL);
	for (unsigned seed = 1; seed <= 20; seed++)
		sabotage(false, seed);
	guests_close();
}

static void test_indices_that_change_all_the_time_harm_nobody(void)
{
	open_machine(NULL);
	for (unsigned seed = 1; seed <= 20; seed++)
		sabotage(true, seed);
	guests_close();
}

static const struct test tests[] = {
	TEST(test_rings_that_were_not_agreed_on_are_refused),
	TEST(test_a_second_pair_of_rings_is_refused),
	TEST(test_a_machine_without_rings_agrees_on_none),
	TEST(test_the_size_is_rounded_down_to_a_power_of_two),
	TEST(test_over_windows_per_user_there_are_no_rings_and_the_socket_goes_on),
	TEST(test_without_room_in_the_arena_there_are_no_rings),
	TEST(test_rings_leave_the_last_quarter_of_descriptors),
	TEST(test_rings_are_on_the_books_and_off_them_again),
	TEST(test_records_of_all_kinds_are_answered_by_the_ring),
	TEST(test_a_malformed_record_of_the_right_length_is_refused_and_no_more),
	TEST(test_a_request_stays_in_no_shared_memory),
	TEST(test_a_record_by_the_socket_comes_after_those_in_the_ring),
	TEST(test_an_index_of_requests_that_makes_no_sense_ends_the_connection),
	TEST(test_an_index_that_goes_back_keeps_nobody_from_the_socket),
	TEST(test_an_index_of_answers_that_makes_no_sense_ends_the_connection),
	TEST(test_a_record_of_no_possible_size_ends_the_connection),
	TEST(test_a_record_longer_than_any_ends_the_connection),
	TEST(test_memory_cannot_be_cut_and_holes_end_the_connection),
	TEST(test_flags_of_any_value_harm_nobody),
	TEST(test_a_doorbell_that_blocks_blocks_nobody_but_its_owner),
	TEST(test_who_takes_the_doorbell_away_waits_alone),
	TEST(test_doorbells_without_end_hold_up_nobody),
	TEST(test_who_reads_no_answers_waits_with_what_it_has_and_gets_all_of_it),
	TEST(test_who_hangs_up_while_answers_wait_leaves_nothing),
	TEST(test_who_hangs_up_with_operations_under_way_leaves_nothing),
	TEST(test_requests_after_hanging_up_keep_nothing_alive),
	TEST(test_nor_do_they_after_an_index_that_was_far_ahead_for_a_moment),
	TEST(test_records_per_pass_holds_for_rings_and_sockets_alike),
	TEST(test_a_loop_that_looks_for_requests_goes_to_sleep_in_the_end),
	TEST(test_on_one_cpu_the_loop_looks_for_nothing_and_sleeps_at_once),
	TEST(test_one_that_dies_while_it_is_looked_at_is_looked_at_no_more),
	TEST(test_records_that_change_while_they_are_read_harm_nobody),
	TEST(test_indices_that_change_all_the_time_harm_nobody),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "rings", tests, TESTS_COUNT(tests));
}
