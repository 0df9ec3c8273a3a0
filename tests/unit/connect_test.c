/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two operations are given the two ends of a connection. Whatever happens to one of them before it
 * was sent its end, no descriptor stays behind and the other end shows a hang-up.
 */
#include <dirent.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/kernel/request.h"
#include "daemon/kernel/upcall.h"
#include "tests/bare.h"
#include "tests/guests.h"
#include "tests/lingering.h"
#include "tests/suite.h"

#define ALARM_S 30
#define IN_FLIGHT 100 /* descriptors, and fewer than this is the limit */

static struct bare bare;
static struct process *first, *second;
static struct record answer;

static unsigned count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	if (!directory)
		abort();
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static bool hung_up(int fd)
{
	struct pollfd end = {.fd = fd, .events = POLLIN};

	return poll(&end, 1, 0) == 1 && end.revents & POLLHUP;
}

static void assert_talk(int a, int b)
{
	char text[8] = "";

	CU_ASSERT_EQUAL(send(a, "to b", 5, MSG_NOSIGNAL), 5);
	CU_ASSERT_EQUAL(recv(b, text, sizeof(text), MSG_DONTWAIT), 5);
	CU_ASSERT_STRING_EQUAL(text, "to b");
	CU_ASSERT_EQUAL(send(b, "to a", 5, MSG_NOSIGNAL), 5);
	CU_ASSERT_EQUAL(recv(a, text, sizeof(text), MSG_DONTWAIT), 5);
	CU_ASSERT_STRING_EQUAL(text, "to a");
}

/* --- in the kernel ---------------------------------------------------------------------------- */

static int submit(struct process *process, uint32_t op_id)
{
	const struct record record = rig_operation(op_id, PUPPET_DRIVER, PUPPET_GIVE);

	return request_submit(process, &record);
}

/* Two processes with an operation each, held and connected. */
static void open_pair(void)
{
	bare_open(&bare, NULL);
	first = bare_process(&bare, 1000);
	second = bare_process(&bare, 1001);
	puppet.run = puppet_hold;
	puppet.cancel = puppet_end_cancelled;
	CU_ASSERT_EQUAL_FATAL(submit(first, 1), 0);
	CU_ASSERT_EQUAL_FATAL(submit(second, 1), 0);
	CU_ASSERT_EQUAL_FATAL(op_connect(puppet.held[0], puppet.held[1]), 0);
}

/* The answer's status; the descriptor that came with it, or -1. */
static int fetch(struct process *process, int *ret_fd)
{
	*ret_fd = -1;
	if (!upcall_peek(process, &answer))
		return -PLUTON_EOFF;
	*ret_fd = upcall_take_descriptor(process);
	upcall_sent(process);
	return rig_status(&answer);
}

/* The second process has its end still, and nobody is at the other. */
static void assert_second_is_alone(unsigned descriptors_before)
{
	int fd;

	puppet_end_all();
	CU_ASSERT_EQUAL(fetch(second, &fd), 0);
	CU_ASSERT_TRUE(hung_up(fd));
	close(fd);
	bare_close(&bare);
	CU_ASSERT_EQUAL(count_descriptors(), descriptors_before);
}

static void test_each_answer_takes_one_end_and_they_talk(void)
{
	unsigned before = count_descriptors();
	int a, b;

	open_pair();
	puppet_end_all();
	CU_ASSERT_TRUE(upcall_descriptor(first) >= 0);
	CU_ASSERT_EQUAL(upcall_descriptor(first), first->operations->descriptor);
	CU_ASSERT_EQUAL(fetch(first, &a), 0);
	CU_ASSERT_EQUAL(fetch(second, &b), 0);
	assert_talk(a, b);
	close(a);
	CU_ASSERT_TRUE(hung_up(b));
	close(b);
	bare_close(&bare);
	CU_ASSERT_EQUAL(count_descriptors(), before);
}

static void test_an_answer_without_a_descriptor_says_so(void)
{
	const struct record record = rig_operation(1, PUPPET_DRIVER, PUPPET_CALL);

	bare_open(&bare, NULL);
	first = bare_process(&bare, 1000);
	CU_ASSERT_EQUAL(upcall_descriptor(first), -1);
	CU_ASSERT_EQUAL(request_submit(first, &record), 0);
	CU_ASSERT_EQUAL(upcall_descriptor(first), -1);
	bare_close(&bare);
}

static void test_an_operation_that_fails_closes_its_end(void)
{
	unsigned before = count_descriptors();
	int fd;

	open_pair();
	puppet_end(0, -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(fetch(first, &fd), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(fd, -1);
	assert_second_is_alone(before);
}

static void test_an_operation_that_is_cancelled_closes_its_end(void)
{
	unsigned before = count_descriptors();
	int fd;

	open_pair();
	operation_cancel(puppet.held[0]);
	CU_ASSERT_EQUAL(fetch(first, &fd), -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(fd, -1);
	assert_second_is_alone(before);
}

static void test_a_process_that_dies_with_its_operation_running_closes_its_end(void)
{
	unsigned before = count_descriptors();

	open_pair();
	process_kill(first);
	assert_second_is_alone(before);
}

static void test_a_process_that_dies_before_it_was_answered_closes_its_end(void)
{
	unsigned before = count_descriptors();

	open_pair();
	puppet_end(0, 0);
	process_kill(first);
	assert_second_is_alone(before);
}

/* The capsule cannot cancel: the operation ends when the process is long gone. */
static void test_an_answer_for_the_dead_closes_its_end(void)
{
	unsigned before = count_descriptors();

	open_pair();
	puppet.cancel = NULL;
	process_kill(first);
	puppet_end(0, 0);
	assert_second_is_alone(before);
}

static int connect_and_refuse(struct operation *op)
{
	CU_ASSERT_EQUAL(op_connect(op, puppet.held[0]), 0);
	return puppet_refuse(op);
}

static void test_a_capsule_that_connects_and_then_refuses_leaves_nothing(void)
{
	unsigned before = count_descriptors();

	bare_open(&bare, NULL);
	first = bare_process(&bare, 1000);
	second = bare_process(&bare, 1001);
	puppet.run = puppet_hold;
	CU_ASSERT_EQUAL(submit(second, 1), 0);
	puppet.run = connect_and_refuse;
	CU_ASSERT_EQUAL(submit(first, 1), -PLUTON_EFAIL);
	assert_second_is_alone(before);
}

static void test_a_standing_operation_takes_its_end_in_the_same_way(void)
{
	int a, b;

	bare_open(&bare, NULL);
	first = bare_process(&bare, 1000);
	second = bare_process(&bare, 1001);
	puppet.run = puppet_hold;
	CU_ASSERT_EQUAL(bare_call(first, CLASS_COMMAND, PUPPET_GIVE, NULL, NULL), 0);
	CU_ASSERT_EQUAL(submit(second, 1), 0);
	CU_ASSERT_EQUAL(op_connect(puppet.held[0], puppet.held[1]), 0);
	puppet_end_all();
	CU_ASSERT_EQUAL(fetch(first, &a), 0);
	CU_ASSERT_EQUAL(answer.header.op_id, 0);
	CU_ASSERT_EQUAL(fetch(second, &b), 0);
	assert_talk(a, b);
	close(a);
	close(b);
	/* And again, with nothing left of the first time. */
	puppet.run = puppet_refuse;
	CU_ASSERT_EQUAL(bare_call(first, CLASS_COMMAND, PUPPET_GIVE, NULL, NULL), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(upcall_descriptor(first), -1);
	bare_close(&bare);
}

static void test_subscribing_again_closes_the_end_that_waited(void)
{
	const uint32_t token[4] = {8};
	unsigned before = count_descriptors();

	bare_open(&bare, NULL);
	first = bare_process(&bare, 1000);
	second = bare_process(&bare, 1001);
	puppet.run = puppet_hold;
	CU_ASSERT_EQUAL(bare_call(first, CLASS_COMMAND, PUPPET_GIVE, NULL, NULL), 0);
	CU_ASSERT_EQUAL(submit(second, 1), 0);
	CU_ASSERT_EQUAL(op_connect(puppet.held[0], puppet.held[1]), 0);
	puppet_end(0, 0);
	CU_ASSERT_EQUAL(bare_call(first, CLASS_SUBSCRIBE, 0, token, NULL), 0);
	CU_ASSERT_FALSE(upcall_peek(first, &answer));
	assert_second_is_alone(before);
}

static void test_a_success_without_the_descriptor_is_a_failure_and_reported(void)
{
	int fd;

	bare_open(&bare, NULL);
	first = bare_process(&bare, 1000);
	puppet.run = puppet_answer;
	CU_ASSERT_EQUAL(submit(first, 1), 0);
	CU_ASSERT_EQUAL(fetch(first, &fd), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 0);
	CU_ASSERT_EQUAL(bare.reports, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(bare.report, "puppet ended Give"));
	bare_close(&bare);
}

static void test_what_cannot_be_connected_is_refused_and_reported(void)
{
	const struct record call = rig_operation(3, PUPPET_DRIVER, PUPPET_CALL);
	unsigned before;

	open_pair();
	CU_ASSERT_EQUAL(submit(first, 2), 0);
	CU_ASSERT_EQUAL(request_submit(first, &call), 0);
	before = count_descriptors();
	CU_ASSERT_EQUAL(op_connect(puppet.held[2], puppet.held[2]), -PLUTON_EINVAL); /* itself */
	CU_ASSERT_EQUAL(op_connect(puppet.held[2], puppet.held[0]), -PLUTON_EINVAL); /* has one */
	CU_ASSERT_EQUAL(op_connect(puppet.held[3], puppet.held[2]), -PLUTON_EINVAL); /* no gives */
	CU_ASSERT_EQUAL(bare.reports, 3);
	CU_ASSERT_EQUAL(count_descriptors(), before);
	bare_close(&bare);
}

static void test_without_descriptors_left_connecting_is_busy(void)
{
	struct rlimit limit, none;

	bare_open(&bare, NULL);
	first = bare_process(&bare, 1000);
	puppet.run = puppet_hold;
	CU_ASSERT_EQUAL(submit(first, 1), 0);
	CU_ASSERT_EQUAL(submit(first, 2), 0);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){0, limit.rlim_max};
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &none), 0);
	CU_ASSERT_EQUAL(op_connect(puppet.held[0], puppet.held[1]), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CU_ASSERT_EQUAL(op_connect(puppet.held[0], puppet.held[1]), 0);
	bare_close(&bare);
}

static void test_an_end_that_cannot_be_sent_is_withheld_and_the_answer_busy(void)
{
	unsigned before = count_descriptors();
	int fd;

	open_pair();
	puppet_end(0, 0);
	CU_ASSERT_TRUE(upcall_peek(first, &answer));
	upcall_withhold(first);
	CU_ASSERT_EQUAL(fetch(first, &fd), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(fd, -1);
	CU_ASSERT(answer.upcall.words[1] == 0 && answer.upcall.words[2] == 0);
	assert_second_is_alone(before);
}

/* --- over the wire ---------------------------------------------------------------------------- */

/* Holds the first and connects the second with it. */
static int introduce(struct operation *op)
{
	puppet_hold(op);
	if (puppet.held_count == 2) {
		CU_ASSERT_EQUAL(op_connect(puppet.held[0], puppet.held[1]), 0);
		puppet_end_all();
	}
	return 0;
}

static void open_machine(void)
{
	guests_open(NULL);
	puppet_register(rig.kernel);
	puppet.run = introduce;
	puppet.cancel = puppet_end_cancelled;
}

static void ask(int fd)
{
	const struct record record = rig_operation(1, PUPPET_DRIVER, PUPPET_GIVE);

	rig_send(fd, &record, -1);
	guests_turn();
}

static int receive(int fd)
{
	int descriptor = -1;

	CU_ASSERT_TRUE_FATAL(rig_receive_with(&rig, fd, &answer, &descriptor));
	CU_ASSERT_EQUAL(answer.header.type, RECORD_UPCALL);
	return descriptor;
}

static void settle_closers(void)
{
	while (closer_under_way())
		sched_yield();
}

static void test_two_processes_are_connected_and_the_daemon_keeps_no_end(void)
{
	int one, other, a, b;
	unsigned before;

	open_machine();
	one = guest_connect();
	other = guest_connect();
	for (int i = 0; i < 2; i++) {
		before = count_descriptors();
		ask(one);
		ask(other);
		a = receive(one);
		CU_ASSERT_EQUAL(rig_status(&answer), 0);
		b = receive(other);
		assert_talk(a, b);
		close(a);
		settle_closers();
		CU_ASSERT_TRUE(hung_up(b));
		close(b);
	}
	CU_ASSERT_EQUAL(count_descriptors(), before);
	guests_close();
}

/* Fills the way to a process that does not read, so that nothing more can be sent. */
static void block(int fd, uint32_t *ret_op_id)
{
	struct process *process = rig_last_process(&rig);
	int (*run)(struct operation *) = puppet.run;

	puppet.run = puppet_answer;
	for (*ret_op_id = 1000; !process->upcalls; (*ret_op_id)++) {
		const struct record record = rig_operation(*ret_op_id, PUPPET_DRIVER, PUPPET_CALL);

		rig_send(fd, &record, -1);
		guests_turn();
	}
	puppet.run = run;
}

static void test_a_blocked_answer_keeps_its_end_until_it_is_read(void)
{
	uint32_t blocked_until;
	int one, other, a, b;

	open_machine();
	one = guest_connect();
	other = guest_connect();
	block(other, &blocked_until);
	ask(other);
	ask(one);
	a = receive(one);
	for (uint32_t i = 1000; i < blocked_until; i++)
		CU_ASSERT_EQUAL(receive(other), -1);
	b = receive(other);
	CU_ASSERT_EQUAL(answer.header.op_id, 1);
	assert_talk(a, b);
	close(a);
	close(b);
	guests_close();
}

static void test_a_process_that_dies_with_its_answer_blocked_leaves_no_end(void)
{
	uint32_t blocked_until;
	int one, other, a;

	open_machine();
	one = guest_connect();
	other = guest_connect();
	block(other, &blocked_until);
	ask(other);
	ask(one);
	a = receive(one);
	CU_ASSERT_FALSE(hung_up(a));
	guest_leave(other);
	rig_settle(&rig);
	CU_ASSERT_TRUE(hung_up(a));
	close(a);
	guests_close();
}

/* What the other side has put into an end that nobody was given is not closed on the loop. */
static void test_a_lingering_socket_in_an_end_that_was_not_sent_delays_nobody(void)
{
	const struct record any = {.header = {.type = RECORD_CANCEL}};
	uint32_t blocked_until;
	int one, other, a, peer, lingering;

	alarm(ALARM_S);
	open_machine();
	one = guest_connect();
	other = guest_connect();
	block(other, &blocked_until);
	ask(other);
	ask(one);
	a = receive(one);
	lingering = lingering_socket(&peer);
	rig_send(a, &any, lingering);
	close(lingering);
	guest_leave(other);
	rig_settle(&rig);
	CU_ASSERT_TRUE(hung_up(a));
	close(a);
	guests_close();
	close(peer);
	alarm(0);
}

/* Linux counts descriptors under way by user, but not for those who administer the machine. */
static void set_exempt(bool exempt)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];
	const uint32_t mask = 1u << CAP_SYS_ADMIN | 1u << CAP_SYS_RESOURCE;

	CU_ASSERT_EQUAL_FATAL(syscall(SYS_capget, &header, sets), 0);
	if (exempt)
		sets[0].effective |= mask & sets[0].permitted;
	else
		sets[0].effective &= ~mask;
	CU_ASSERT_EQUAL_FATAL(syscall(SYS_capset, &header, sets), 0);
}

static void send_many(int fd, int descriptor)
{
	static union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(IN_FLIGHT * sizeof(int))];
	} control;
	struct iovec vector = {"", 1};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(IN_FLIGHT * sizeof(int));
	for (unsigned i = 0; i < IN_FLIGHT; i++)
		memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &descriptor,
		       sizeof(descriptor));
	CU_ASSERT_EQUAL_FATAL(sendmsg(fd, &message, MSG_NOSIGNAL), 1);
}

static void test_with_too_many_descriptors_under_way_the_answer_is_busy(void)
{
	struct rlimit limit, low;
	int one, other, hoard[2];

	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = (struct rlimit){IN_FLIGHT / 2, limit.rlim_max};
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, hoard), 0);
	open_machine();
	one = guest_connect();
	other = guest_connect();
	send_many(hoard[0], hoard[0]);
	set_exempt(false);
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &low), 0);
	ask(one);
	ask(other);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
	set_exempt(true);
	CU_ASSERT_EQUAL(receive(one), -1);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(receive(other), -1);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EBUSY);
	close(hoard[0]);
	close(hoard[1]);
	guests_close();
}

static const struct test tests[] = {
	TEST(test_each_answer_takes_one_end_and_they_talk),
	TEST(test_an_answer_without_a_descriptor_says_so),
	TEST(test_an_operation_that_fails_closes_its_end),
	TEST(test_an_operation_that_is_cancelled_closes_its_end),
	TEST(test_a_process_that_dies_with_its_operation_running_closes_its_end),
	TEST(test_a_process_that_dies_before_it_was_answered_closes_its_end),
	TEST(test_an_answer_for_the_dead_closes_its_end),
	TEST(test_a_capsule_that_connects_and_then_refuses_leaves_nothing),
	TEST(test_a_standing_operation_takes_its_end_in_the_same_way),
	TEST(test_subscribing_again_closes_the_end_that_waited),
	TEST(test_a_success_without_the_descriptor_is_a_failure_and_reported),
	TEST(test_what_cannot_be_connected_is_refused_and_reported),
	TEST(test_without_descriptors_left_connecting_is_busy),
	TEST(test_an_end_that_cannot_be_sent_is_withheld_and_the_answer_busy),
	TEST(test_two_processes_are_connected_and_the_daemon_keeps_no_end),
	TEST(test_a_blocked_answer_keeps_its_end_until_it_is_read),
	TEST(test_a_process_that_dies_with_its_answer_blocked_leaves_no_end),
	TEST(test_a_lingering_socket_in_an_end_that_was_not_sent_delays_nobody),
	TEST(test_with_too_many_descriptors_under_way_the_answer_is_busy),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "connect", tests, TESTS_COUNT(tests));
}
