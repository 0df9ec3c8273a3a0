/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures of the rig itself abort: a test on top of a broken rig says nothing.
 */
#include "tests/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/log.h"

/* Never that of a daemon on this machine; a test that keeps something names a folder of its own. */
#define NO_STATE "daemon.state=/nonexistent/pluton"

#define PATIENCE 20000 /* idle passes of 1 ms before the rig gives up on an answer */

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "rig: %s: %s\n", what, strerror(errno));
	abort();
}

static void apply(struct config *config, const char *setting)
{
	struct config_error error;
	char section[32], key[48];
	const char *value = strchr(setting, '=');
	int matched = sscanf(setting, "%31[^.].%47[^=]=", section, key);

	require(value && matched == 2, setting);
	if (config_set(config, section, key, value + 1, "test", &error) < 0) {
		fprintf(stderr, "rig: %s\n", error.message);
		abort();
	}
}

void rig_open(struct rig *rig, const char *const *settings)
{
	struct config_error error;

	memset(rig, 0, sizeof(*rig));
	log_set_level(PLUTON_LOG_OFF);
	require(config_load("/dev/null", false, &rig->config, &error) == 0, "config");
	apply(rig->config, NO_STATE);
	for (; settings && *settings; settings++)
		apply(rig->config, *settings);
	require(machine_open_private(rig->config, &rig->machine) == 0, "machine");
	rig->kernel = &rig->machine->kernel;
}

void rig_close(struct rig *rig)
{
	machine_close(rig->machine);
	config_free(rig->config);
}

/* --- rings ------------------------------------------------------------------------------------ */

/* By the descriptor's number. Tests close theirs without a word: the next owner has a new entry. */
static struct rig_rings all_rings[1024];

static struct rig_rings *entry_of(int fd)
{
	return &all_rings[(size_t)fd % (sizeof(all_rings) / sizeof(all_rings[0]))];
}

struct rig_rings *rig_rings_of(int fd)
{
	return entry_of(fd)->memory && entry_of(fd)->fd == fd ? entry_of(fd) : NULL;
}

void rig_forget_rings(int fd)
{
	rig_rings_unmap(entry_of(fd));
}

int rig_open_rings(struct rig *rig, int fd)
{
	const struct record ask = {.header = {.type = RECORD_RINGS_OPEN}};
	struct record answer;

	rig_send(fd, &ask, -1);
	require(rig_receive(rig, fd, &answer), "rings");
	return rig_status(&answer);
}

/* Two descriptors come with nothing else. */
static void map_rings(int fd, const uint8_t *bytes, size_t size, const int fds[2])
{
	struct record record;

	require(record_decode(bytes, size, &record) == 0 && rig_status(&record) == 0, "rings");
	rig_rings_unmap(entry_of(fd));
	entry_of(fd)->fd = fd;
	rig_rings_map(entry_of(fd), record.ret.words[0], fds[0], fds[1]);
}

int rig_connect_raw(struct rig *rig)
{
	int fd = machine_connect(rig->machine);

	require(fd >= 0, "connect");
	rig_forget_rings(fd);
	return fd;
}

int rig_connect(struct rig *rig)
{
	const struct record hello = {
		.header = {.type = RECORD_HELLO},
		.hello = {.version = RECORD_VERSION, .features = rig_rings_features()}};
	struct record answer;
	int fd = rig_connect_raw(rig);

	rig_send(fd, &hello, -1);
	require(rig_receive(rig, fd, &answer) && answer.header.type == RECORD_WELCOME, "greeting");
	if (rig_rings_wanted())
		require(rig_open_rings(rig, fd) == 0, "rings");
	return fd;
}

struct process *rig_last_process(struct rig *rig)
{
	uint32_t hint = rig->kernel->slot_hint;
	uint32_t last = hint > 1 ? hint - 1 : rig->kernel->limits.processes_max - 1;

	return rig->kernel->slots[last].process;
}

void rig_send_bytes(int fd, const void *bytes, size_t size)
{
	require(send(fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size, "send");
}

void rig_send(int fd, const struct record *record, int descriptor)
{
	uint8_t bytes[RECORD_SIZE_MAX];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	int size = record_encode(record, bytes, sizeof(bytes));
	struct iovec vector = {bytes, (size_t)size};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

	require(size > 0, "encode");
	if (descriptor < 0 && rig_rings_of(fd)) {
		require(rig_rings_put(rig_rings_of(fd), bytes, (size_t)size), "room in the ring");
		return;
	}
	if (descriptor >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &descriptor, sizeof(int));
	}
	require(sendmsg(fd, &message, MSG_NOSIGNAL) == size, "sendmsg");
}

static bool busy(const struct rig *rig)
{
	return rig->kernel->deferred.head || rig->kernel->running;
}

bool rig_try_send(int fd, const struct record *record)
{
	uint8_t bytes[RECORD_SIZE_MAX];
	int size = record_encode(record, bytes, sizeof(bytes));

	require(size > 0, "encode");
	if (rig_rings_of(fd))
		return rig_rings_put(rig_rings_of(fd), bytes, (size_t)size);
	return send(fd, bytes, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL) == size;
}

/* A doorbell says nothing that we do not see ourselves. */
static void take_doorbells(int fd)
{
	uint8_t bytes[RECORD_HEADER_SIZE];
	struct record record;

	while (recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT) == sizeof(bytes) &&
	       record_decode(bytes, sizeof(bytes), &record) == 0 &&
	       record.header.type == RECORD_DOORBELL) {
		(void)recv(fd, bytes, sizeof(bytes), 0);
		(void)ring_await_record(&rig_rings_of(fd)->answers);
	}
}

bool rig_has_answer(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	if (rig_rings_of(fd)) {
		if (ring_has_record(&rig_rings_of(fd)->answers))
			return true;
		take_doorbells(fd);
	}
	return poll(&poll_fd, 1, 0) == 1;
}

void rig_turn(struct rig *rig)
{
	struct pollfd worker = {.fd = rig->kernel->interrupts.fd, .events = POLLIN};

	if (!rig->kernel->deferred.head && rig->kernel->running)
		poll(&worker, 1, 1);
	loop_pass(&rig->machine->loop, false);
}

void *rig_run(void *argument)
{
	struct rig *rig = argument;

	while (rig->kernel->processes > 0)
		loop_pass(&rig->machine->loop, true);
	return NULL;
}

/* As recv of a record; a second descriptor is that of rings, or would be a bug of the daemon. */
static ssize_t receive_with(struct rig *rig, int fd, int *ret_descriptor)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec vector = {rig->received, sizeof(rig->received)};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	int fds[2];
	ssize_t n;

	*ret_descriptor = -1;
	if (rig_rings_of(fd)) {
		n = (ssize_t)rig_rings_take(rig_rings_of(fd), rig->received, sizeof(rig->received));
		if (n > 0)
			return n;
	}
	n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	if (n < 0 || !message.msg_controllen)
		return n;
	if (control.align.cmsg_len == CMSG_LEN(2 * sizeof(int))) {
		memcpy(fds, CMSG_DATA(&control.align), sizeof(fds));
		map_rings(fd, rig->received, (size_t)n, fds);
		return n;
	}
	require(control.align.cmsg_type == SCM_RIGHTS &&
			control.align.cmsg_len == CMSG_LEN(sizeof(int)),
		"one descriptor");
	memcpy(ret_descriptor, CMSG_DATA(&control.align), sizeof(int));
	return n;
}

ssize_t rig_take(int fd, void *bytes, size_t capacity)
{
	struct rig_rings *rings = rig_rings_of(fd);
	size_t taken = rings ? rig_rings_take(rings, bytes, capacity) : 0;

	if (taken > 0)
		return (ssize_t)taken;
	if (rings)
		take_doorbells(fd);
	return recv(fd, bytes, capacity, MSG_DONTWAIT);
}

bool rig_receive_with(struct rig *rig, int fd, struct record *ret, int *ret_descriptor)
{
	ssize_t n;

	/* Three passes when nothing is known to be under way: accept, read, answer. */
	for (int idle = 0, turns = 0; !rig_has_answer(fd) && idle < 3 && turns < PATIENCE;
	     turns++) {
		idle = busy(rig) ? 0 : idle + 1;
		rig_turn(rig);
	}
	if (!rig_has_answer(fd))
		return false;
	n = receive_with(rig, fd, ret_descriptor);
	return n > 0 && record_decode(rig->received, (size_t)n, ret) == 0;
}

bool rig_receive(struct rig *rig, int fd, struct record *ret)
{
	int descriptor;
	bool received = rig_receive_with(rig, fd, ret, &descriptor);

	if (received)
		require(descriptor < 0, "no descriptor");
	return received;
}

void rig_settle(struct rig *rig)
{
	for (int idle = 0, turns = 0; idle < 3 && turns < PATIENCE; turns++) {
		idle = busy(rig) ? 0 : idle + 1;
		rig_turn(rig);
	}
	require(!busy(rig), "an operation never ends");
}

void rig_hear(struct rig *rig, int fd)
{
	uint32_t budget = rig->kernel->limits.deferred_budget;
	int unread = 1;

	rig->kernel->limits.deferred_budget = 0;
	for (int turns = 0; unread > 0 && turns < PATIENCE; turns++) {
		loop_pass(&rig->machine->loop, false);
		require(ioctl(fd, SIOCOUTQ, &unread) == 0, "SIOCOUTQ");
	}
	require(unread == 0, "the daemon does not read");
	rig->kernel->limits.deferred_budget = budget;
}

bool rig_is_closed(struct rig *rig, int fd)
{
	char byte;

	rig_settle(rig);
	if (rig_rings_of(fd))
		take_doorbells(fd);
	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

struct record rig_operation(uint32_t op_id, uint32_t driver, uint32_t command)
{
	return (struct record){
		.header = {.type = RECORD_OPERATION, .op_id = op_id, .driver = driver},
		.operation = {.command = command}};
}

void rig_range(struct record *record, unsigned slot, uint32_t window, uint32_t offset,
	       uint32_t length)
{
	struct record_operation *operation = &record->operation;

	operation->ranges[slot] = (struct record_range){window, offset, length};
	if (operation->range_count <= slot)
		operation->range_count = (uint16_t)(slot + 1);
}

void rig_in(struct record *record, unsigned slot, uint8_t inline_bytes[], const void *bytes,
	    uint16_t length)
{
	struct record_operation *operation = &record->operation;

	memcpy(inline_bytes + operation->inline_length, bytes, length);
	operation->inline_bytes = inline_bytes;
	rig_range(record, slot, RECORD_WINDOW_INLINE, operation->inline_length, length);
	operation->inline_length = (uint16_t)(operation->inline_length + length);
}

void rig_out(struct record *record, unsigned slot, uint16_t length)
{
	struct record_operation *operation = &record->operation;

	rig_range(record, slot, RECORD_WINDOW_INLINE,
		  (uint32_t)operation->inline_length + operation->output_length, length);
	operation->output_length = (uint16_t)(operation->output_length + length);
}

int rig_status(const struct record *answer)
{
	if (answer->header.type == RECORD_UPCALL)
		return -(int)answer->upcall.words[0];
	if (answer->header.type == RECORD_RETURN && answer->ret.variant < VARIANT_SUCCESS)
		return -(int)answer->ret.words[0];
	return answer->header.type == RECORD_RETURN ? 0 : -PLUTON_EBADRVAL;
}

bool rig_says(const struct record *answer, const char *words)
{
	char text[RECORD_SIZE_MAX + 1] = {0};

	if (answer->header.type == RECORD_RETURN)
		memcpy(text, answer->ret.text, answer->ret.text_length);
	else if (answer->header.type == RECORD_UPCALL)
		memcpy(text, answer->upcall.output, answer->upcall.output_length);
	return strstr(text, words) != NULL;
}

int rig_perform(struct rig *rig, int fd, const struct record *operation, struct record *ret_answer)
{
	struct record answer;

	rig_send(fd, operation, -1);
	if (!rig_receive(rig, fd, ret_answer ? ret_answer : &answer))
		return -PLUTON_EOFF;
	return rig_status(ret_answer ? ret_answer : &answer);
}

uint32_t rig_window(struct rig *rig, int fd, size_t size, uint8_t **ret_memory)
{
	const struct record add = {.header = {.type = RECORD_WINDOW_ADD}};
	int memfd = memfd_create("rig", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct record answer;

	require(memfd >= 0 && ftruncate(memfd, (off_t)size) == 0 &&
			fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK) == 0,
		"memfd");
	*ret_memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	require(*ret_memory != MAP_FAILED, "mmap");
	rig_send(fd, &add, memfd);
	close(memfd);
	require(rig_receive(rig, fd, &answer) && rig_status(&answer) == 0, "window");
	return answer.ret.words[0];
}

int rig_call(struct rig *rig, int fd, uint32_t driver, uint32_t class, uint32_t number,
	     const uint32_t args[4], struct record_return *ret)
{
	struct record call = {.header = {.type = RECORD_CALL, .driver = driver},
			      .call = {.class = class, .number = number}};
	struct record answer;

	if (args)
		memcpy(call.call.args, args, sizeof(call.call.args));
	rig_send(fd, &call, -1);
	if (!rig_receive(rig, fd, &answer))
		return -PLUTON_EOFF;
	if (ret)
		*ret = answer.ret;
	return rig_status(&answer);
}
