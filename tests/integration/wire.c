/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing here may allocate or lock: a child forked from a program with threads runs it.
 */
#include "tests/integration/wire.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/rig.h"

void wire_open(struct wire *wire, int *ret_daemon_end)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
		abort();
	*ret_daemon_end = pair[0];
	wire->fd = pair[1];
	rig_forget_rings(wire->fd);
	wire->rings.memory = NULL;
}

/* What the socket brings: a doorbell is none of the caller's business. */
static ssize_t receive(struct wire *wire, int fds[2])
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec vector = {wire->received, sizeof(wire->received)};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(wire->fd, &message, MSG_CMSG_CLOEXEC);

	if (n > 0 && message.msg_controllen > 0)
		memcpy(fds, CMSG_DATA(&control.align), 2 * sizeof(int));
	return n;
}

int wire_receive(struct wire *wire, struct record *ret)
{
	struct rig_rings *rings = wire->rings.memory ? &wire->rings : NULL;
	int fds[2] = {-1, -1};
	ssize_t n;
	int r;

	do {
		n = rings ? (ssize_t)rig_rings_take(rings, wire->received, sizeof(wire->received))
			  : 0;
		if (n == 0 && rings && ring_await_record(&rings->answers))
			continue;
		if (n == 0)
			n = receive(wire, fds);
		if (n <= 0)
			return -PLUTON_EOFF;
		r = record_decode(wire->received, (size_t)n, ret);
		if (fds[0] >= 0)
			rig_rings_map(&wire->rings, ret->ret.words[0], fds[0], fds[1]);
	} while (n == 0 || (r == 0 && ret->header.type == RECORD_DOORBELL));
	return r;
}

void wire_send(struct wire *wire, const struct record *record, int descriptor)
{
	uint8_t bytes[RECORD_SIZE_MAX];
	int size = record_encode(record, bytes, sizeof(bytes));

	if (!wire->rings.memory || descriptor >= 0)
		rig_send(wire->fd, record, descriptor);
	else if (!rig_rings_put(&wire->rings, bytes, (size_t)size))
		abort(); /* nobody here has so much under way */
}

static int ask(struct wire *wire, const struct record *record, int descriptor,
	       struct record *ret_answer)
{
	int r;

	wire_send(wire, record, descriptor);
	r = wire_receive(wire, ret_answer);
	return r < 0 ? r : rig_status(ret_answer);
}

static int greet(struct wire *wire, uint32_t features)
{
	const struct record hello = {.header = {.type = RECORD_HELLO},
				     .hello = {.version = RECORD_VERSION, .features = features}};
	const struct record ask_rings = {.header = {.type = RECORD_RINGS_OPEN}};
	struct record answer;
	int r;

	rig_send(wire->fd, &hello, -1);
	r = wire_receive(wire, &answer);
	if (r == 0 && answer.header.type != RECORD_WELCOME)
		return -PLUTON_EFAIL;
	return r == 0 && features ? ask(wire, &ask_rings, -1, &answer) : r;
}

int wire_greet(struct wire *wire)
{
	return greet(wire, rig_rings_features());
}

int wire_greet_with_rings(struct wire *wire)
{
	return greet(wire, FEATURE_RINGS);
}

int wire_perform(struct wire *wire, const struct record *operation, struct record *ret_answer)
{
	struct record answer;

	return ask(wire, operation, -1, ret_answer ? ret_answer : &answer);
}

struct record wire_call_record(uint32_t op_id, uint32_t driver, uint32_t class, uint32_t number,
			       const uint32_t args[4])
{
	struct record record = {.header = {.type = RECORD_CALL, .op_id = op_id, .driver = driver},
				.call = {.class = class, .number = number}};

	if (args)
		memcpy(record.call.args, args, sizeof(record.call.args));
	return record;
}

int wire_call(struct wire *wire, uint32_t driver, uint32_t class, uint32_t number,
	      const uint32_t args[4])
{
	const struct record record = wire_call_record(0, driver, class, number, args);
	struct record answer;

	return ask(wire, &record, -1, &answer);
}

int wire_window(struct wire *wire, int memfd, uint32_t *ret_window)
{
	const struct record add = {.header = {.type = RECORD_WINDOW_ADD}};
	struct record answer;
	int r = ask(wire, &add, memfd, &answer);

	if (r == 0)
		*ret_window = answer.ret.words[0];
	return r;
}

void wire_exit(struct wire *wire)
{
	const struct record bye = wire_call_record(0, 0, CLASS_EXIT, 0, NULL);
	struct record record;

	wire_send(wire, &bye, -1);
	while (wire_receive(wire, &record) != -PLUTON_EOFF)
		continue;
	close(wire->fd);
	rig_rings_unmap(&wire->rings);
}

int wire_memory(size_t size, uint8_t **ret_memory)
{
	int memfd = memfd_create("wire", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (memfd < 0 || ftruncate(memfd, (off_t)size) < 0 ||
	    fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK) < 0)
		abort();
	*ret_memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (*ret_memory == MAP_FAILED)
		abort();
	return memfd;
}

int wire_sealed(const uint8_t *content, size_t size)
{
	int memfd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (memfd < 0 || write(memfd, content, size) != (ssize_t)size ||
	    fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		abort();
	return memfd;
}
