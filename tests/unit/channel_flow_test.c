/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who does not read, who floods, and who is one too many: the others do not notice.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bare.h"
#include "tests/guests.h"
#include "tests/puppet.h"
#include "tests/suite.h"

static struct record answer;

static void open_machine(const char *const *settings)
{
	guests_open(settings);
	puppet_register(rig.kernel);
}

static struct record good(uint32_t op_id)
{
	return rig_operation(op_id, PUPPET_DRIVER, PUPPET_CALL);
}

/* --- who does not read ------------------------------------------------------------------------ */

/* Sends until the daemon takes no more; returns how many records went. */
static unsigned fill(int fd, struct record (*make)(uint32_t number))
{
	unsigned sent = 0;

	for (unsigned refused = 0; refused < 3; refused++) {
		struct record record = make(sent + 1);

		while (rig_try_send(fd, &record)) {
			refused = 0;
			record = make(++sent + 1);
		}
		guests_turn();
	}
	return sent;
}

static unsigned drain(int fd)
{
	unsigned received = 0;

	for (unsigned idle = 0; idle < 3; idle++) {
		while (guest_read(fd, &answer)) {
			received++;
			idle = 0;
		}
		guests_turn();
	}
	return received;
}

static struct record make_unknown_command(uint32_t number)
{
	struct record record = good(number);

	record.operation.command = 99;
	return record;
}

static struct record make_with_output(uint32_t number)
{
	struct record record = good(number);

	rig_out(&record, PUPPET_OUT, 512);
	return record;
}

static struct record make_raw_call(uint32_t number)
{
	return (struct record){.header = {.type = RECORD_CALL, .op_id = number},
			       .call = {.class = CLASS_MEMOP, .number = MEMOP_USED}};
}

/* It sends all it can and reads nothing, then reads: one answer for each record. */
static void assert_gets_all_answers(struct record (*make)(uint32_t number))
{
	unsigned sent;
	int fd;

	open_machine(NULL);
	fd = guest_connect();
	sent = fill(fd, make);
	CU_ASSERT(sent > 20);
	CU_ASSERT_EQUAL(drain(fd), sent);
	CU_ASSERT_TRUE(rig_try_send(fd, &(struct record){.header = {.type = RECORD_CANCEL}}));
	guests_close();
}

static void test_who_reads_late_gets_every_refusal(void)
{
	assert_gets_all_answers(make_unknown_command);
}

static void test_who_reads_late_gets_every_answer(void)
{
	assert_gets_all_answers(make_with_output);
}

static void test_who_reads_late_gets_every_return_of_raw_calls(void)
{
	assert_gets_all_answers(make_raw_call);
}

static void test_what_waits_for_one_that_does_not_read_is_bounded(void)
{
	const struct process *process;
	int fd;

	open_machine(NULL);
	fd = guest_connect();
	process = rig_last_process(&rig);
	fill(fd, make_with_output);
	CU_ASSERT(process->arena.taken <= process->arena.limit);
	/* At most operations_per_process answers, each in its own operation. */
	CU_ASSERT(process->arena.taken < 512 + 16 * (512 + 512));
	guests_check_books();
	guests_close();
}

static void test_one_that_does_not_read_holds_up_nobody(void)
{
	int fd, other;

	open_machine(NULL);
	fd = guest_connect();
	other = guest_connect();
	fill(fd, make_with_output);
	for (uint32_t i = 1; i <= 100; i++) {
		struct record record = good(i);

		CU_ASSERT_EQUAL(rig_perform(&rig, other, &record, NULL), 0);
	}
	guests_close();
}

static void test_one_that_does_not_read_keeps_no_operation_running(void)
{
	int fd;

	open_machine(NULL);
	fd = guest_connect();
	fill(fd, make_with_output);
	CU_ASSERT_EQUAL(rig.kernel->running, 0);
	CU_ASSERT_PTR_NULL(rig.kernel->deferred.head); /* and the loop may sleep */
	guests_close();
}

/* How many handlers run while nobody does anything. */
static uint64_t handlers_of_a_few_passes(void)
{
	const uint64_t *histogram = rig.machine->loop.histogram;
	uint64_t sum = 0;

	for (unsigned i = 0; i < LOOP_BUCKETS; i++)
		sum -= histogram[i];
	guests_turn();
	for (unsigned i = 0; i < LOOP_BUCKETS; i++)
		sum += histogram[i];
	return sum;
}

static void test_one_that_does_not_read_does_not_keep_the_loop_awake(void)
{
	uint64_t before;
	int fd;

	open_machine(NULL);
	fd = guest_connect();
	guests_turn();
	before = handlers_of_a_few_passes();
	fill(fd, make_with_output);
	CU_ASSERT_EQUAL(handlers_of_a_few_passes(), before);
	guests_close();
}

/* Room in the socket for a few answers only, and nothing else to wake the daemon. */
static void test_answers_that_found_no_room_follow_when_there_is_some(void)
{
	const struct record greeting = {.header = {.type = RECORD_HELLO},
					.hello = {.version = RECORD_VERSION}};
	int pair[2], little = 1;

	open_machine(NULL);
	puppet.run = puppet_hold;
	CU_ASSERT_EQUAL_FATAL(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
	CU_ASSERT_EQUAL_FATAL(channel_adopt(&rig.machine->channel, pair[0]), 0);
	guest_adopt(pair[1]);
	rig_send(pair[1], &greeting, -1);
	CU_ASSERT_TRUE(rig_receive(&rig, pair[1], &answer));
	for (uint32_t i = 1; i <= 16; i++) {
		struct record record = make_with_output(i);

		rig_send(pair[1], &record, -1);
	}
	guests_turn();
	puppet_end_all();
	guests_turn();
	CU_ASSERT_PTR_NOT_NULL(rig_last_process(&rig)->upcalls);
	CU_ASSERT_EQUAL(drain(pair[1]), 16);
	guests_close();
}

static void test_one_that_does_not_read_and_hangs_up_leaves_nothing(void)
{
	int fd;

	open_machine(NULL);
	fd = guest_connect();
	fill(fd, make_with_output);
	guest_leave(fd);
	guests_turn();
	CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	CU_ASSERT_EQUAL(rig.kernel->pool.taken, 0);
	guests_close();
}

static void test_one_that_shuts_down_reading_is_let_go(void)
{
	struct record record = good(1);
	int fd;

	open_machine(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(shutdown(fd, SHUT_RD), 0);
	rig_send(fd, &record, -1);
	guests_turn();
	CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	guests_close();
}

static void test_one_that_shuts_down_writing_is_let_go(void)
{
	int fd;

	open_machine(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(shutdown(fd, SHUT_WR), 0);
	guests_turn();
	CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	guests_close();
}

/* --- who floods ------------------------------------------------------------------------------- */

static void test_records_per_pass_bounds_what_one_gets_before_the_next(void)
{
	static const char *const settings[] = {"kernel.records_per_pass=4", NULL};
	struct process *flooding, *modest;
	struct record record = good(1);
	int flood, other;

	open_machine(settings);
	flood = guest_connect();
	flooding = rig_last_process(&rig);
	other = guest_connect();
	modest = rig_last_process(&rig);
	while (rig_try_send(flood, &record))
		record = good(record.header.op_id + 1);
	rig_send(other, &record, -1);
	loop_pass(&rig.machine->loop, false);
	CU_ASSERT_EQUAL(flooding->requests, 4);
	CU_ASSERT_EQUAL(modest->requests, 1);
	drain(flood);
	guests_close();
}

static void test_refusals_of_a_flood_are_counted(void)
{
	unsigned sent;
	int fd;

	open_machine(NULL);
	fd = guest_connect();
	sent = fill(fd, make_unknown_command);
	drain(fd);
	CU_ASSERT_EQUAL(rig_last_process(&rig)->refusals, sent);
	CU_ASSERT_EQUAL(rig.kernel->counters.refusals, sent);
	guests_close();
}

/* --- limits over the wire --------------------------------------------------------------------- */

static void test_operations_per_process_over_the_wire(void)
{
	static const char *const settings[] = {"kernel.operations_per_process=3", NULL};
	int fd;

	open_machine(settings);
	puppet.run = puppet_hold;
	fd = guest_connect();
	for (uint32_t i = 1; i <= 4; i++) {
		struct record record = good(i);

		rig_send(fd, &record, -1);
	}
	guests_turn();
	CU_ASSERT_EQUAL(puppet.held_count, 3);
	CU_ASSERT_TRUE(guest_read(fd, &answer));
	CU_ASSERT_EQUAL(answer.header.op_id, 4);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EBUSY);
	CU_ASSERT_TRUE(rig_says(&answer, "operations_per_process"));
	puppet_end_all();
	CU_ASSERT_EQUAL(drain(fd), 3);
	guests_close();
}

static void test_inline_max_over_the_wire(void)
{
	static const char *const settings[] = {"kernel.inline_max=64", NULL};
	struct record record = good(1);
	int fd;

	open_machine(settings);
	fd = guest_connect();
	rig_out(&record, PUPPET_OUT, 64);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, NULL), 0);
	record = good(1);
	rig_out(&record, PUPPET_OUT, 65);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, &answer), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, "inline_max"));
	guests_close();
}

static void test_the_largest_record_there_can_be_is_served(void)
{
	static const char *const settings[] = {"kernel.inline_max=8192", NULL};
	static uint8_t inline_bytes[RECORD_INLINE_LIMIT], zeroes[RECORD_INLINE_LIMIT];
	struct record record = good(1);
	int fd;

	open_machine(settings);
	fd = guest_connect();
	rig_in(&record, PUPPET_IN, inline_bytes, zeroes, RECORD_INLINE_LIMIT);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, NULL), 0);
	record = good(2);
	rig_out(&record, PUPPET_OUT, RECORD_INLINE_LIMIT);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, &answer), 0);
	CU_ASSERT_EQUAL(answer.upcall.output_length, RECORD_INLINE_LIMIT);
	guests_close();
}

static void test_arena_limit_over_the_wire(void)
{
	static const char *const settings[] = {"kernel.arena_limit=4K", NULL};
	struct record record;
	int fd;

	open_machine(settings);
	puppet.run = puppet_hold;
	fd = guest_connect();
	for (uint32_t i = 1; i <= 16; i++) {
		record = good(i);
		rig_out(&record, PUPPET_OUT, 1024);
		rig_send(fd, &record, -1);
	}
	guests_turn();
	CU_ASSERT(puppet.held_count == 2);
	CU_ASSERT(rig_last_process(&rig)->arena.taken <= 4096);
	CU_ASSERT_TRUE(guest_read(fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ENOMEM);
	CU_ASSERT_TRUE(rig_says(&answer, "arena_limit"));
	puppet_end_all();
	drain(fd);
	guests_close();
}

/* Offers one end of a new pair to the channel and reads what it says on the other. */
static int connect_one_too_many(void)
{
	int pair[2];

	CU_ASSERT_EQUAL_FATAL(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	guest_adopt(pair[1]);
	CU_ASSERT(channel_adopt(&rig.machine->channel, pair[0]) < 0);
	CU_ASSERT_TRUE(guest_read(pair[1], &answer));
	CU_ASSERT_EQUAL(recv(pair[1], &pair[0], 1, 0), 0);
	return rig_status(&answer);
}

static void test_one_process_too_many_is_told_why_and_hung_up_on(void)
{
	static const char *const settings[] = {"kernel.processes_max=3", NULL};

	open_machine(settings);
	for (unsigned i = 0; i < 3; i++)
		guest_connect();
	CU_ASSERT_EQUAL(connect_one_too_many(), -PLUTON_ENOMEM);
	CU_ASSERT_TRUE(rig_says(&answer, "processes_max"));
	guests_close();
}

static void test_one_process_of_a_user_too_many_is_told_why(void)
{
	static const char *const settings[] = {"kernel.processes_per_user=2", NULL};

	open_machine(settings);
	guest_connect();
	guest_connect();
	CU_ASSERT_EQUAL(connect_one_too_many(), -PLUTON_ENOMEM);
	CU_ASSERT_TRUE(rig_says(&answer, "processes_per_user"));
	guests_close();
}

static void test_a_process_that_the_pool_cannot_promise_for_is_told_why(void)
{
	static const char *const settings[] = {"kernel.pool=64K", "kernel.arena_min=16K", NULL};

	open_machine(settings);
	for (unsigned i = 0; i < 4; i++)
		guest_connect();
	CU_ASSERT_EQUAL(connect_one_too_many(), -PLUTON_ENOMEM);
	CU_ASSERT_TRUE(rig_says(&answer, "arena_min"));
	guests_close();
}

static void test_one_that_takes_all_memory_leaves_the_others_their_promise(void)
{
	static const char *const settings[] = {"kernel.pool=64K", "kernel.arena_limit=64K",
					       "kernel.operations_per_process=64", NULL};
	int greedy, others[4];

	open_machine(settings);
	greedy = guest_connect();
	for (unsigned i = 0; i < 4; i++)
		others[i] = guest_connect();
	puppet.run = puppet_hold;
	for (uint32_t i = 1; i <= 64; i++) {
		struct record record = good(i);

		rig_out(&record, PUPPET_OUT, 1024);
		rig_send(greedy, &record, -1);
	}
	guests_turn();
	CU_ASSERT(puppet.held_count > 20 && puppet.held_count < 64);
	CU_ASSERT(rig.kernel->pool.size - rig.kernel->pool.committed < 1500);
	puppet.run = puppet_answer;
	for (unsigned i = 0; i < 4; i++) {
		struct record record = good(1);

		rig_out(&record, PUPPET_OUT, 1024);
		rig_send(others[i], &record, -1);
		guests_turn();
		CU_ASSERT_TRUE(guest_read(others[i], &answer));
		CU_ASSERT_EQUAL(rig_status(&answer), 0);
	}
	guests_check_books();
	puppet_end_all();
	guests_close();
}

/* --- a real socket ---------------------------------------------------------------------------- */

static struct bare bare;
static struct loop loop;
static struct channel channel;
static char directory[64];
static struct sockaddr_un address;

static void open_channel(void)
{
	static const struct access_entry everybody = {ACCESS_EVERYBODY, 0, UINT64_MAX};

	snprintf(directory, sizeof(directory), "/tmp/pluton-flow-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
	address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
	bare_open(&bare, NULL);
	CU_ASSERT_EQUAL_FATAL(loop_open(&loop, &bare.kernel), 0);
	CU_ASSERT_EQUAL_FATAL(
		channel_open(&channel, &loop, channel_listen(address.sun_path, 0600), 16), 0);
	channel.rules = &everybody;
	channel.rule_count = 1;
}

static void close_channel(void)
{
	channel_close(&channel);
	loop_close(&loop);
	bare_close(&bare);
	unlink(address.sun_path);
	rmdir(directory);
}

static int connect_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	CU_ASSERT_EQUAL_FATAL(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool hung_up(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void test_connections_come_through_the_listening_socket(void)
{
	int fd;

	open_channel();
	fd = connect_socket();
	loop_pass(&loop, true);
	CU_ASSERT_EQUAL(bare.kernel.processes, 1);
	close(fd);
	loop_pass(&loop, true);
	CU_ASSERT_EQUAL(bare.kernel.processes, 0);
	close_channel();
}

static unsigned identified;

/* Takes longer than a pass may. */
static void identify_slowly(void *context, struct credentials *who, bool certain)
{
	uint64_t end = loop_now_us() + 1000;

	(void)context;
	(void)who;
	(void)certain;
	while (loop_now_us() < end)
		;
	identified++;
}

static void test_who_connects_makes_nobody_wait_for_all_who_connect_with_him(void)
{
	int fds[3];

	open_channel();
	channel.identify_app = identify_slowly;
	identified = 0;
	for (unsigned i = 0; i < TESTS_COUNT(fds); i++)
		fds[i] = connect_socket();
	for (unsigned i = 0; i < TESTS_COUNT(fds); i++) {
		CU_ASSERT_EQUAL(identified, i);
		loop_pass(&loop, true);
	}
	CU_ASSERT_EQUAL(identified, TESTS_COUNT(fds));
	CU_ASSERT_EQUAL(bare.kernel.processes, TESTS_COUNT(fds));
	for (unsigned i = 0; i < TESTS_COUNT(fds); i++)
		close(fds[i]);
	close_channel();
}

/* The descriptor limit is lowered to what is open now, so that the next accept fails. */
static void test_without_descriptors_a_connection_is_hung_up_on_and_the_loop_sleeps(void)
{
	struct rlimit before, now;
	int fd, lowest;

	open_channel();
	fd = connect_socket();
	lowest = dup(fd);
	close(lowest);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
	now = (struct rlimit){(rlim_t)lowest, before.rlim_max};
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &now), 0);
	loop_pass(&loop, true);
	setrlimit(RLIMIT_NOFILE, &before);
	CU_ASSERT_TRUE(hung_up(fd));
	CU_ASSERT_EQUAL(bare.kernel.processes, 0);
	CU_ASSERT_EQUAL(bare.kernel.counters.processes_refused, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(bare.report, "LimitNOFILE"));
	close(fd);
	fd = connect_socket();
	loop_pass(&loop, true);
	CU_ASSERT_EQUAL(bare.kernel.processes, 1);
	close(fd);
	close_channel();
}

/* The stranger has a descriptor in a record, so its connection is closed only by a thread. */
static void test_while_what_was_hung_up_on_waits_to_be_closed_the_loop_sleeps(void)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL}};
	struct rlimit before, now;
	int fd, other, lowest;

	alarm(30);
	open_channel();
	channel.closer = CLOSER_WITH(0);
	fd = connect_socket();
	other = connect_socket();
	rig_send(fd, &cancel, STDERR_FILENO);
	lowest = dup(fd);
	close(lowest);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
	now = (struct rlimit){(rlim_t)lowest, before.rlim_max};
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &now), 0);
	for (unsigned i = 0; i < 5; i++)
		loop_pass(&loop, false);
	CU_ASSERT_TRUE(hung_up(fd));
	CU_ASSERT_EQUAL(closer_waiting(&channel.closer), 1);
	CU_ASSERT_EQUAL(bare.kernel.counters.processes_refused, 1);
	setrlimit(RLIMIT_NOFILE, &before);
	while (!bare.kernel.processes)
		loop_pass(&loop, true);
	CU_ASSERT_EQUAL(bare.kernel.counters.processes_refused, 1);
	close(fd);
	close(other);
	close_channel();
	alarm(0);
}

static void test_while_half_of_all_descriptors_hang_nobody_new_is_let_in(void)
{
	int ends[2], fd;

	alarm(30);
	open_channel();
	channel.closer = CLOSER_WITH(0);
	channel.waiting_full = 2;
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	closer_take(&channel.closer, ends[0]);
	fd = connect_socket();
	loop_pass(&loop, true);
	CU_ASSERT_EQUAL(bare.kernel.processes, 1);
	closer_take(&channel.closer, ends[1]);
	CU_ASSERT_TRUE(channel_is_full(&channel));
	close(fd);
	fd = connect_socket();
	for (unsigned i = 0; i < 5; i++)
		loop_pass(&loop, false);
	CU_ASSERT_EQUAL(bare.kernel.processes, 0);
	CU_ASSERT_FALSE(hung_up(fd));
	CU_ASSERT_PTR_NOT_NULL(strstr(bare.report, "connections wait: 2 descriptors"));
	closer_close(&channel.closer);
	while (!bare.kernel.processes)
		loop_pass(&loop, true);
	close(fd);
	close_channel();
	alarm(0);
}

static void test_a_path_too_long_for_a_socket_is_refused(void)
{
	char path[200];

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	CU_ASSERT_EQUAL(channel_listen(path, 0600), -ENAMETOOLONG);
}

static void test_a_place_where_no_socket_can_be_is_refused(void)
{
	CU_ASSERT_EQUAL(channel_listen("/proc/self/nowhere/socket", 0600), -ENOENT);
}

static const struct test tests[] = {
	TEST(test_who_reads_late_gets_every_refusal),
	TEST(test_who_reads_late_gets_every_answer),
	TEST(test_who_reads_late_gets_every_return_of_raw_calls),
	TEST(test_what_waits_for_one_that_does_not_read_is_bounded),
	TEST(test_one_that_does_not_read_holds_up_nobody),
	TEST(test_one_that_does_not_read_keeps_no_operation_running),
	TEST(test_one_that_does_not_read_does_not_keep_the_loop_awake),
	TEST(test_answers_that_found_no_room_follow_when_there_is_some),
	TEST(test_one_that_does_not_read_and_hangs_up_leaves_nothing),
	TEST(test_one_that_shuts_down_reading_is_let_go),
	TEST(test_one_that_shuts_down_writing_is_let_go),
	TEST(test_records_per_pass_bounds_what_one_gets_before_the_next),
	TEST(test_refusals_of_a_flood_are_counted),
	TEST(test_operations_per_process_over_the_wire),
	TEST(test_inline_max_over_the_wire),
	TEST(test_the_largest_record_there_can_be_is_served),
	TEST(test_arena_limit_over_the_wire),
	TEST(test_one_process_too_many_is_told_why_and_hung_up_on),
	TEST(test_one_process_of_a_user_too_many_is_told_why),
	TEST(test_a_process_that_the_pool_cannot_promise_for_is_told_why),
	TEST(test_one_that_takes_all_memory_leaves_the_others_their_promise),
	TEST(test_connections_come_through_the_listening_socket),
	TEST(test_who_connects_makes_nobody_wait_for_all_who_connect_with_him),
	TEST(test_without_descriptors_a_connection_is_hung_up_on_and_the_loop_sleeps),
	TEST(test_while_what_was_hung_up_on_waits_to_be_closed_the_loop_sleeps),
	TEST(test_while_half_of_all_descriptors_hang_nobody_new_is_let_in),
	TEST(test_a_path_too_long_for_a_socket_is_refused),
	TEST(test_a_place_where_no_socket_can_be_is_refused),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "channel flow", tests, TESTS_COUNT(tests));
}
