/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole daemon, and two processes that send it anything, in any order, with and without a window.
 * Whatever they did: once they are gone, the pool is back to the byte.
 *
 * The input is a sequence of messages: a byte that says who sends and whether a memfd goes with it,
 * two bytes of length, the message.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/rig.h"

#define FROM_SECOND 1u
#define WITH_MEMFD 2u
#define BEFORE_GREETING                                                                            \
	4u /* in the first byte of the input: the second process never said hello                  \
	    */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int make_memfd(void)
{
	int fd = memfd_create("window", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, 8192) < 0)
		abort();
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);
	return fd;
}

static void send_message(int to, const uint8_t *bytes, size_t size, int descriptor)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	uint8_t copy[RECORD_SIZE_MAX + 16];
	struct iovec vector = {copy, size};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

	memcpy(copy, bytes, size);
	if (descriptor >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &descriptor, sizeof(int));
	}
	sendmsg(to, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Sends the message at *bytes and returns what it took, 0 at the end. */
static size_t send_next(const int processes[2], const uint8_t *bytes, size_t size)
{
	size_t length;
	int descriptor;

	if (size < 3)
		return 0;
	length = bytes[1] | (size_t)bytes[2] << 8;
	length = length < size - 3 ? length : size - 3;
	length = length < RECORD_SIZE_MAX + 16 ? length : RECORD_SIZE_MAX + 16;
	descriptor = bytes[0] & WITH_MEMFD ? make_memfd() : -1;
	send_message(processes[bytes[0] & FROM_SECOND], bytes + 3, length, descriptor);
	if (descriptor >= 0)
		close(descriptor);
	return 3 + length;
}

/* One daemon for all inputs: whoever breaks it for the next one is found out by the next one. */
static struct rig *daemon_of_all(void)
{
	static const char *const small[] = {"kernel.processes_max=4", "hil.workers=1", NULL};
	static struct rig rig;

	if (!rig.kernel)
		rig_open(&rig, small);
	return &rig;
}

static void check_forgotten(struct rig *rig)
{
	rig_settle(rig);
	if (rig->kernel->processes != 0 || rig->kernel->pool.taken != 0 ||
	    rig->kernel->pool.committed != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct rig *rig = daemon_of_all();
	int processes[2];
	size_t used;

	if (size < 1)
		return 0;
	processes[0] = rig_connect(rig);
	processes[1] = bytes[0] & BEFORE_GREETING ? rig_connect_raw(rig) : rig_connect(rig);
	while ((used = send_next(processes, bytes, size)) > 0) {
		bytes += used;
		size -= used;
		rig_turn(rig);
	}
	close(processes[0]);
	close(processes[1]);
	check_forgotten(rig);
	return 0;
}
