/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors on the wire: one on WINDOW_ADD and none anywhere else; whatever comes is closed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bare.h"
#include "tests/guests.h"
#include "tests/puppet.h"
#include "tests/suite.h"

#define DESCRIPTORS_MAX 253 /* of one message, SCM_MAX_FD */

static struct record answer;
static const struct record add = {.header = {.type = RECORD_WINDOW_ADD, .op_id = 9}};

static void open_machine(void)
{
	guests_open(NULL);
	puppet_register(rig.kernel);
}

static unsigned descriptors(void)
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

/* Sends the bytes with `count` copies of the descriptor. */
static void send_with(int fd, const void *bytes, size_t size, int descriptor, unsigned count)
{
	static union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	} control;
	struct iovec vector = {(void *)(uintptr_t)bytes, size};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = CMSG_SPACE(count * sizeof(int))};

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(count * sizeof(int));
	for (unsigned i = 0; i < count; i++)
		memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &descriptor,
		       sizeof(descriptor));
	CU_ASSERT_EQUAL_FATAL(sendmsg(fd, &message, MSG_NOSIGNAL), (ssize_t)size);
}

static void send_record_with(int fd, const struct record *record, int descriptor, unsigned count)
{
	uint8_t bytes[RECORD_SIZE_MAX];
	int size = record_encode(record, bytes, sizeof(bytes));

	CU_ASSERT_FATAL(size > 0);
	send_with(fd, bytes, (size_t)size, descriptor, count);
}

/* Gives a window away and says what came of it; the descriptor is closed here. */
static int offer(int fd, int descriptor)
{
	CU_ASSERT_FATAL(descriptor >= 0);
	send_record_with(fd, &add, descriptor, 1);
	close(descriptor);
	CU_ASSERT_TRUE_FATAL(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(answer.header.op_id, 9);
	return rig_status(&answer);
}

static void assert_alive(int fd)
{
	const struct record next = rig_operation(4242, PUPPET_DRIVER, PUPPET_CALL);

	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &next, NULL), 0);
}

static void test_a_good_memfd_becomes_a_window_with_a_number(void)
{
	int fd;

	open_machine();
	fd = guest_connect();
	CU_ASSERT_EQUAL(offer(fd, bare_memfd(4096, F_SEAL_SHRINK)), 0);
	CU_ASSERT_EQUAL(answer.ret.variant, VARIANT_SUCCESS_U32);
	CU_ASSERT_EQUAL(answer.ret.words[0], 1);
	guests_close();
}

static void test_wrong_kinds_of_descriptors_are_refused_with_a_reason(void)
{
	int ends[2], fd;

	open_machine();
	fd = guest_connect();
	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
	CU_ASSERT_EQUAL(offer(fd, ends[0]), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(rig_says(&answer, "memfd"));
	CU_ASSERT_EQUAL(offer(fd, ends[1]), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(offer(fd, open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(offer(fd, open("/dev/zero", O_RDWR | O_CLOEXEC)), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(offer(fd, open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(offer(fd, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), -PLUTON_EINVAL);
	assert_alive(fd);
	guests_close();
}

static void test_unsealed_empty_and_oversized_memfds_are_refused_with_a_reason(void)
{
	static const char *const settings[] = {"kernel.window_max=1M", NULL};
	int fd;

	guests_open(settings);
	puppet_register(rig.kernel);
	fd = guest_connect();
	CU_ASSERT_EQUAL(offer(fd, bare_memfd(4096, 0)), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(rig_says(&answer, "F_SEAL_SHRINK"));
	CU_ASSERT_EQUAL(offer(fd, bare_memfd(0, F_SEAL_SHRINK)), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, "empty"));
	CU_ASSERT_EQUAL(offer(fd, bare_memfd((1 << 20) + 1, F_SEAL_SHRINK)), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, "window_max"));
	CU_ASSERT_EQUAL(offer(fd, bare_memfd(1 << 20, F_SEAL_SHRINK)), 0);
	guests_close();
}

/* Its own socket, and the other end of another guest's. */
static void test_a_descriptor_of_the_channel_itself_is_refused(void)
{
	int fd, other;

	open_machine();
	fd = guest_connect();
	other = guest_connect();
	CU_ASSERT_EQUAL(offer(fd, dup(fd)), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(offer(fd, dup(other)), -PLUTON_EINVAL);
	assert_alive(fd);
	assert_alive(other);
	guests_close();
}

static void test_a_window_without_a_descriptor_is_refused(void)
{
	int fd;

	open_machine();
	fd = guest_connect();
	rig_send(fd, &add, -1);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(rig_says(&answer, "exactly one descriptor"));
	guests_close();
}

static void test_several_descriptors_are_refused_and_all_closed(void)
{
	static const unsigned counts[] = {2, 3, 4, 5, 6, 17, DESCRIPTORS_MAX};
	unsigned before;
	int fd, memfd;

	open_machine();
	fd = guest_connect();
	memfd = bare_memfd(4096, F_SEAL_SHRINK);
	assert_alive(fd);
	before = descriptors();
	for (unsigned i = 0; i < TESTS_COUNT(counts); i++) {
		send_record_with(fd, &add, memfd, counts[i]);
		CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
		CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EINVAL);
		CU_ASSERT_TRUE(rig_says(&answer, "exactly one descriptor"));
		CU_ASSERT_EQUAL(descriptors(), before);
	}
	CU_ASSERT_PTR_NULL(rig_last_process(&rig)->windows);
	close(memfd);
	guests_close();
}

static void test_descriptors_on_other_records_are_refused_and_closed(void)
{
	const struct record records[] = {
		{.header = {.type = RECORD_HELLO}, .hello = {.version = RECORD_VERSION}},
		rig_operation(1, PUPPET_DRIVER, PUPPET_CALL),
		{.header = {.type = RECORD_CALL, .driver = PUPPET_DRIVER},
		 .call = {.class = CLASS_COMMAND}},
		{.header = {.type = RECORD_CALL}, .call = {.class = CLASS_EXIT}},
		{.header = {.type = RECORD_CANCEL, .op_id = 1}},
		{.header = {.type = RECORD_WINDOW_REMOVE}, .window = {1}},
	};
	unsigned before;
	int fd, memfd;

	open_machine();
	fd = guest_connect();
	memfd = bare_memfd(4096, F_SEAL_SHRINK);
	assert_alive(fd);
	before = descriptors();
	for (unsigned i = 0; i < TESTS_COUNT(records); i++) {
		send_record_with(fd, &records[i], memfd, 1);
		CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
		CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EINVAL);
		CU_ASSERT_TRUE(rig_says(&answer, "only a window"));
	}
	CU_ASSERT_EQUAL(descriptors(), before);
	CU_ASSERT_EQUAL(puppet.runs, 1);
	close(memfd);
	guests_close();
}

static void test_a_greeting_with_a_descriptor_is_no_greeting(void)
{
	const struct record greeting = {.header = {.type = RECORD_HELLO},
					.hello = {.version = RECORD_VERSION}};
	int fd, memfd = bare_memfd(4096, F_SEAL_SHRINK);

	open_machine();
	fd = guest_connect_raw();
	send_record_with(fd, &greeting, memfd, 1);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EINVAL);
	rig_send(fd, &greeting, -1);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_WELCOME);
	close(memfd);
	guests_close();
}

static void test_a_window_before_the_greeting_is_refused_and_closed(void)
{
	unsigned before;
	int fd, memfd = bare_memfd(4096, F_SEAL_SHRINK);

	open_machine();
	fd = guest_connect_raw();
	before = descriptors();
	send_record_with(fd, &add, memfd, 1);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(descriptors(), before);
	CU_ASSERT_PTR_NULL(rig_last_process(&rig)->windows);
	close(memfd);
	guests_close();
}

static void test_descriptors_on_garbage_are_closed(void)
{
	unsigned before;
	int fd, memfd = bare_memfd(4096, F_SEAL_SHRINK);

	open_machine();
	fd = guest_connect();
	assert_alive(fd);
	before = descriptors();
	send_with(fd, "garbage", 7, memfd, 1);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(descriptors(), before);
	close(memfd);
	guests_close();
}

static void test_a_descriptor_without_bytes_is_closed_and_refused(void)
{
	unsigned before;
	int fd, memfd = bare_memfd(4096, F_SEAL_SHRINK);

	open_machine();
	fd = guest_connect();
	assert_alive(fd);
	before = descriptors();
	send_with(fd, "", 0, memfd, 1);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(descriptors(), before);
	close(memfd);
	guests_close();
}

static void test_an_idle_process_costs_one_descriptor(void)
{
	unsigned before;
	int fd;

	if (rig_rings_wanted())
		suite_skip("a process that has rings is not idle");
	open_machine();
	before = descriptors();
	fd = guest_connect();
	CU_ASSERT_EQUAL(descriptors(), before + 2); /* the test has the other end */
	CU_ASSERT_EQUAL(offer(fd, bare_memfd(4096, F_SEAL_SHRINK)), 0);
	CU_ASSERT_EQUAL(descriptors(), before + 2);
	guests_close();
}

static int remove_window(int fd, uint32_t number)
{
	const struct record record = {.header = {.type = RECORD_WINDOW_REMOVE, .op_id = 9},
				      .window = {number}};

	rig_send(fd, &record, -1);
	CU_ASSERT_TRUE_FATAL(rig_receive(&rig, fd, &answer));
	return rig_status(&answer);
}

static void test_windows_are_removed_by_number_and_only_once(void)
{
	int fd;

	open_machine();
	fd = guest_connect();
	CU_ASSERT_EQUAL(offer(fd, bare_memfd(4096, F_SEAL_SHRINK)), 0);
	CU_ASSERT_EQUAL(remove_window(fd, 0), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(remove_window(fd, 2), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(remove_window(fd, 1), 0);
	CU_ASSERT_EQUAL(remove_window(fd, 1), -PLUTON_EINVAL);
	guests_close();
}

static void test_windows_per_process_over_the_wire(void)
{
	static const char *const settings[] = {"kernel.windows_per_process=2", NULL};
	int fd, other;

	guests_open(settings);
	fd = guest_connect();
	other = guest_connect();
	CU_ASSERT_EQUAL(offer(fd, bare_memfd(4096, F_SEAL_SHRINK)), 0);
	CU_ASSERT_EQUAL(offer(fd, bare_memfd(4096, F_SEAL_SHRINK)), 0);
	CU_ASSERT_EQUAL(offer(fd, bare_memfd(4096, F_SEAL_SHRINK)), -PLUTON_EBUSY);
	CU_ASSERT_TRUE(rig_says(&answer, "windows_per_process"));
	CU_ASSERT_EQUAL(offer(other, bare_memfd(4096, F_SEAL_SHRINK)), 0);
	guests_close();
}

static const struct test tests[] = {
	TEST(test_a_good_memfd_becomes_a_window_with_a_number),
	TEST(test_wrong_kinds_of_descriptors_are_refused_with_a_reason),
	TEST(test_unsealed_empty_and_oversized_memfds_are_refused_with_a_reason),
	TEST(test_a_descriptor_of_the_channel_itself_is_refused),
	TEST(test_a_window_without_a_descriptor_is_refused),
	TEST(test_several_descriptors_are_refused_and_all_closed),
	TEST(test_descriptors_on_other_records_are_refused_and_closed),
	TEST(test_a_greeting_with_a_descriptor_is_no_greeting),
	TEST(test_a_window_before_the_greeting_is_refused_and_closed),
	TEST(test_descriptors_on_garbage_are_closed),
	TEST(test_a_descriptor_without_bytes_is_closed_and_refused),
	TEST(test_an_idle_process_costs_one_descriptor),
	TEST(test_windows_are_removed_by_number_and_only_once),
	TEST(test_windows_per_process_over_the_wire),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "channel descriptors", tests, TESTS_COUNT(tests));
}
