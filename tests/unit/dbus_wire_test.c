/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay in front of sd-bus: byte for byte what the bus sent, in messages, with the descriptors
 * of each; but no foreign descriptor, no body over the limit, and no endless header.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/frontends/dbus_wire.h"
#include "tests/suite.h"

#define BODY_MAX 4096u

static const char lines[] = "DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n";

static struct dbus_wire wire;
static struct closer closer;
static int bus_fd, read_fd, write_fd;
static char folder[] = "/tmp/pluton-wire-XXXXXX", path[64];

static int listen_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, name, sizeof(address.sun_path) - 1);
	unlink(name);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, 1), 0);
	return fd;
}

static void turn(void)
{
	while (dbus_wire_relay(&wire) == 1)
		;
}

/* What sd-bus gets; false: something else than `bytes`. */
static bool came(const void *bytes, size_t size)
{
	static char got[1 << 17];
	size_t at = 0;

	while (at < size) {
		ssize_t n = recv(read_fd, got + at, sizeof(got) - at, MSG_DONTWAIT);

		if (n < 0 && dbus_wire_relay(&wire) != 1)
			break;
		at += n > 0 ? (size_t)n : 0;
	}
	return at == size && memcmp(got, bytes, size) == 0;
}

static bool nothing_came(void)
{
	char byte;

	turn();
	return recv(read_fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void wire_up(void)
{
	char address[128];
	int listener;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(strcpy(folder, "/tmp/pluton-wire-XXXXXX")));
	snprintf(path, sizeof(path), "%s/bus", folder);
	snprintf(address, sizeof(address), "unix:path=%s,guid=00", path);
	listener = listen_at(path);
	closer = CLOSER_WITH(1);
	wire.body_max = BODY_MAX;
	CU_ASSERT_EQUAL_FATAL(dbus_wire_open(&wire, address, &closer, &read_fd, &write_fd), 0);
	bus_fd = accept(listener, NULL, NULL);
	CU_ASSERT_FATAL(bus_fd >= 0);
	close(listener);
}

static void authenticate(void)
{
	CU_ASSERT_EQUAL(send(bus_fd, lines, sizeof(lines) - 1, 0), (ssize_t)sizeof(lines) - 1);
	CU_ASSERT(came(lines, sizeof(lines) - 1));
}

static void wire_down(void)
{
	dbus_wire_close(&wire);
	closer_close(&closer);
	close(read_fd);
	close(write_fd);
	close(bus_fd);
	unlink(path);
	rmdir(folder);
}

/* A message of zeros with a plausible header; its size. */
static size_t make_message(uint8_t *bytes, uint32_t fields, uint32_t body)
{
	size_t size = 16 + (fields + 7) / 8 * 8 + body;

	memset(bytes, 0, size);
	bytes[0] = 'l';
	bytes[1] = 1;
	bytes[3] = 1;
	memcpy(bytes + 4, &body, sizeof(body));
	memcpy(bytes + 12, &fields, sizeof(fields));
	memset(bytes + 16, 0x5a, size - 16);
	return size;
}

static void send_with(const void *bytes, size_t size, const int *fds, size_t count)
{
	struct iovec vector = {(void *)(uintptr_t)bytes, size};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = {0};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *rights = (void *)control;

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
	CU_ASSERT_EQUAL(sendmsg(bus_fd, &message, 0), (ssize_t)size);
}

/* Reads what sd-bus would, and the descriptors with it. */
static ssize_t receive(void *bytes, size_t size, int fds[4], size_t *ret_count)
{
	struct iovec vector = {bytes, size};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(read_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

	*ret_count = 0;
	if (n > 0 && rights) {
		*ret_count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(rights), *ret_count * sizeof(int));
	}
	return n;
}

static void test_authentication_and_messages_come_as_they_were_sent(void)
{
	static uint8_t bytes[16 + 128 + BODY_MAX];
	size_t size;

	wire_up();
	authenticate();
	for (uint32_t body = 0; body <= BODY_MAX; body += BODY_MAX / 4) {
		size = make_message(bytes, 100 + body % 7, body);
		CU_ASSERT_EQUAL(send(bus_fd, bytes, size, 0), (ssize_t)size);
		CU_ASSERT(came(bytes, size));
		CU_ASSERT_EQUAL(wire.size, size);
	}
	wire_down();
}

static void test_a_message_in_single_bytes_is_the_same_message(void)
{
	uint8_t bytes[256];
	size_t size = make_message(bytes, 40, 60);

	wire_up();
	for (size_t i = 0; i < sizeof(lines) - 1; i++) {
		send(bus_fd, &lines[i], 1, 0);
		CU_ASSERT(came(&lines[i], 1));
	}
	for (size_t i = 0; i < size; i++) {
		send(bus_fd, bytes + i, 1, 0);
		turn();
	}
	CU_ASSERT(came(bytes, size));
	CU_ASSERT(nothing_came());
	wire_down();
}

static void test_a_body_over_the_limit_is_left_out_and_the_next_message_is_whole(void)
{
	static uint8_t bytes[16 + 128 + 100 * BODY_MAX], expected[144];
	size_t size;

	wire_up();
	authenticate();
	for (uint32_t body = BODY_MAX + 1; body < 30 * BODY_MAX; body += 10 * BODY_MAX) {
		size = make_message(bytes, 128, body);
		memcpy(expected, bytes, sizeof(expected));
		memset(expected + 4, 0, 4);
		CU_ASSERT_EQUAL(send(bus_fd, bytes, size, 0), (ssize_t)size);
		CU_ASSERT(came(expected, sizeof(expected)));
		CU_ASSERT(nothing_came());
		CU_ASSERT_EQUAL(wire.size, sizeof(expected));
	}
	size = make_message(bytes, 8, BODY_MAX);
	send(bus_fd, bytes, size, 0);
	CU_ASSERT(came(bytes, size));
	wire_down();
}

static void test_an_endless_header_is_left_out_with_all_that_follows(void)
{
	static uint8_t bytes[16 + 2 * DBUS_WIRE_FIELDS_MAX];
	size_t size;

	wire_up();
	authenticate();
	size = make_message(bytes, DBUS_WIRE_FIELDS_MAX + 1, 50);
	CU_ASSERT_EQUAL(send(bus_fd, bytes, size, 0), (ssize_t)size);
	CU_ASSERT(nothing_came());
	size = make_message(bytes, DBUS_WIRE_FIELDS_MAX, 50);
	CU_ASSERT_EQUAL(send(bus_fd, bytes, size, 0), (ssize_t)size);
	CU_ASSERT(came(bytes, size));
	wire_down();
}

static void test_lengths_that_overflow_are_only_long(void)
{
	uint8_t bytes[16];

	wire_up();
	authenticate();
	make_message(bytes, 0, 0);
	memset(bytes + 4, 0xff, 4);
	memset(bytes + 12, 0xff, 4);
	send(bus_fd, bytes, sizeof(bytes), 0);
	CU_ASSERT(nothing_came());
	CU_ASSERT(wire.left > UINT32_MAX);
	wire_down();
}

static void test_memory_is_handed_on_and_anything_else_is_not(void)
{
	uint8_t bytes[64], got[64];
	int fds[2], ends[2], received[4];
	size_t count, size = make_message(bytes, 8, 8);
	struct stat memory, other, null;

	wire_up();
	authenticate();
	fds[0] = memfd_create("wire", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CU_ASSERT_EQUAL(pipe2(ends, O_CLOEXEC), 0);
	fds[1] = ends[1];
	send_with(bytes, size, fds, 2);
	CU_ASSERT_EQUAL(dbus_wire_relay(&wire), 1);
	CU_ASSERT_EQUAL_FATAL(receive(got, sizeof(got), received, &count), 16);
	CU_ASSERT_EQUAL_FATAL(count, 2);
	CU_ASSERT_EQUAL(fstat(received[0], &other) | fstat(fds[0], &memory), 0);
	CU_ASSERT_EQUAL(other.st_ino, memory.st_ino);
	CU_ASSERT_EQUAL(fstat(received[1], &other) | stat("/dev/null", &null), 0);
	CU_ASSERT_EQUAL(other.st_rdev, null.st_rdev);
	CU_ASSERT_EQUAL(wire.later_count, 1);
	CU_ASSERT_EQUAL(dbus_wire_relay(&wire), 1);
	dbus_wire_settle(&wire);
	CU_ASSERT_EQUAL(wire.later_count, 0);
	close(ends[1]);
	CU_ASSERT_EQUAL(read(ends[0], got, 1), 0); /* waits until a thread has closed it */
	close(ends[0]);
	close(fds[0]);
	close(received[0]);
	close(received[1]);
	wire_down();
}

static void test_descriptors_stay_with_their_message(void)
{
	uint8_t bytes[64], got[256];
	size_t size = make_message(bytes, 8, 8), count;
	int fd = memfd_create("wire", MFD_CLOEXEC), received[4];

	wire_up();
	authenticate();
	send(bus_fd, bytes, size, 0);
	send_with(bytes, size, &fd, 1);
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(dbus_wire_relay(&wire), 1);
		CU_ASSERT_EQUAL(receive(got, sizeof(got), received, &count), 16);
		CU_ASSERT_EQUAL(count, i);
		CU_ASSERT_EQUAL(dbus_wire_relay(&wire), 1);
		CU_ASSERT_EQUAL(recv(read_fd, got, sizeof(got), MSG_DONTWAIT), 16);
	}
	close(received[0]);
	close(fd);
	wire_down();
}

/* One message with `count` memfds, as sd-bus would get it; all must be memory. */
static void pass_memory(int fd, size_t count)
{
	uint8_t bytes[32], got[64];
	size_t size = make_message(bytes, 0, 8), came_with;
	int fds[4] = {fd, fd, fd, fd}, received[4];

	send_with(bytes, size, fds, count);
	dbus_wire_relay(&wire);
	CU_ASSERT_EQUAL(receive(got, sizeof(got), received, &came_with), 16);
	CU_ASSERT_EQUAL(came_with, count);
	for (size_t i = 0; i < came_with; i++) {
		CU_ASSERT(fcntl(received[i], F_GET_SEALS) >= 0);
		close(received[i]);
	}
	dbus_wire_settle(&wire); /* not before it has come as a whole */
	CU_ASSERT_EQUAL(wire.later_count, wire.kept_count + count);
	dbus_wire_relay(&wire);
	recv(read_fd, got, sizeof(got), MSG_DONTWAIT);
}

static void test_however_much_is_kept_the_memory_of_the_next_message_comes_through(void)
{
	int fd = memfd_create("wire", MFD_CLOEXEC);
	uint32_t keep = 0;
	unsigned kept = 0;

	wire_up();
	authenticate();
	for (pass_memory(fd, 3); dbus_wire_keep(&wire, &keep); pass_memory(fd, 3))
		CU_ASSERT_EQUAL_FATAL(wire.kept_count, kept += 3);
	CU_ASSERT_EQUAL(kept, DBUS_WIRE_KEPT / 3 * 3);
	for (unsigned i = 0; i < DBUS_WIRE_LATER; i++) {
		dbus_wire_settle(&wire);
		CU_ASSERT_EQUAL(wire.later_count, kept);
		pass_memory(fd, 4);
	}
	dbus_wire_settle(&wire);
	pass_memory(fd, DBUS_WIRE_KEPT - kept);
	CU_ASSERT_TRUE(dbus_wire_keep(&wire, &keep)); /* up to the limit */
	pass_memory(fd, 0);
	CU_ASSERT_TRUE(dbus_wire_keep(&wire, &keep));
	pass_memory(fd, 1);
	CU_ASSERT_FALSE(dbus_wire_keep(&wire, &keep));
	close(fd);
	wire_down();
}

static void test_a_message_that_is_kept_keeps_its_own_descriptors_and_no_others(void)
{
	int fd = memfd_create("wire", MFD_CLOEXEC);
	uint32_t one, other;

	wire_up();
	authenticate();
	pass_memory(fd, 1);
	CU_ASSERT_TRUE(dbus_wire_keep(&wire, &one));
	pass_memory(fd, 3);
	CU_ASSERT_TRUE(dbus_wire_keep(&wire, &other));
	pass_memory(fd, 4);
	dbus_wire_settle(&wire);
	CU_ASSERT_EQUAL(wire.later_count, 4);
	pass_memory(fd, 2);
	dbus_wire_release(&wire, one);
	CU_ASSERT_EQUAL(wire.later_count, 5);
	dbus_wire_settle(&wire);
	CU_ASSERT_EQUAL(wire.later_count, 3);
	dbus_wire_release(&wire, one);
	CU_ASSERT_EQUAL(wire.later_count, 3);
	dbus_wire_release(&wire, other);
	CU_ASSERT_EQUAL(wire.later_count, 0);
	CU_ASSERT_EQUAL(wire.kept_count, 0);
	close(fd);
	wire_down();
}

static void test_the_end_of_the_bus_is_noticed(void)
{
	wire_up();
	CU_ASSERT_EQUAL(dbus_wire_relay(&wire), 0);
	shutdown(bus_fd, SHUT_RDWR);
	CU_ASSERT(dbus_wire_relay(&wire) < 0);
	wire_down();
}

static int try_address(const char *address)
{
	int r = dbus_wire_open(&wire, address, &closer, &read_fd, &write_fd);

	if (r < 0)
		return r;
	dbus_wire_close(&wire);
	close(read_fd);
	close(write_fd);
	return 0;
}

static void test_addresses_are_read_as_the_specification_has_them(void)
{
	char address[256];
	int listener;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(strcpy(folder, "/tmp/pluton-wire-XXXXXX")));
	snprintf(path, sizeof(path), "%s/a b,c", folder);
	listener = listen_at(path);
	snprintf(address, sizeof(address), "unix:guid=1,path=%s/a%%20b%%2Cc", folder);
	CU_ASSERT_EQUAL(try_address(address), 0);
	snprintf(address, sizeof(address), "tcp:host=x;unix:path=%s/none;unix:path=%s/a%%20b%%2cc",
		 folder, folder);
	CU_ASSERT_EQUAL(try_address(address), 0);
	snprintf(address, sizeof(address), "unix:path=%s/none", folder);
	CU_ASSERT_EQUAL(try_address(address), -ENOENT);
	CU_ASSERT_EQUAL(try_address("unix:abstract=pluton-wire-test-nobody"), -ECONNREFUSED);
	close(listener);
	unlink(path);
	rmdir(folder);
}

static void test_other_addresses_are_refused(void)
{
	char address[300] = "unix:path=/";

	CU_ASSERT_EQUAL(try_address(""), -EPROTONOSUPPORT);
	CU_ASSERT_EQUAL(try_address("tcp:host=localhost,port=1"), -EPROTONOSUPPORT);
	CU_ASSERT_EQUAL(try_address("unixexec:path=/bin/true"), -EPROTONOSUPPORT);
	CU_ASSERT_EQUAL(try_address("unix:runtime=yes"), -EPROTONOSUPPORT);
	CU_ASSERT_EQUAL(try_address("unix:path="), -EINVAL);
	CU_ASSERT_EQUAL(try_address("unix:path=/%2"), -EINVAL);
	CU_ASSERT_EQUAL(try_address("unix:path=/%zz"), -EINVAL);
	memset(address + 11, 'a', sizeof(address) - 12);
	CU_ASSERT_EQUAL(try_address(address), -ENAMETOOLONG);
}

static const struct test tests[] = {
	TEST(test_authentication_and_messages_come_as_they_were_sent),
	TEST(test_a_message_in_single_bytes_is_the_same_message),
	TEST(test_a_body_over_the_limit_is_left_out_and_the_next_message_is_whole),
	TEST(test_an_endless_header_is_left_out_with_all_that_follows),
	TEST(test_lengths_that_overflow_are_only_long),
	TEST(test_memory_is_handed_on_and_anything_else_is_not),
	TEST(test_descriptors_stay_with_their_message),
	TEST(test_however_much_is_kept_the_memory_of_the_next_message_comes_through),
	TEST(test_a_message_that_is_kept_keeps_its_own_descriptors_and_no_others),
	TEST(test_the_end_of_the_bus_is_noticed),
	TEST(test_addresses_are_read_as_the_specification_has_them),
	TEST(test_other_addresses_are_refused),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "dbus_wire", tests, TESTS_COUNT(tests));
}
