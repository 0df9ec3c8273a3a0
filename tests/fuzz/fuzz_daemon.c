/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures abort: that is what a fuzzer reports.
 */
#include "tests/fuzz/fuzz_daemon.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS_MAX 20000u /* a ring holds 1024 records */

struct rig *fuzz_daemon(void)
{
	static const char *const small[] = {"kernel.processes_max=4", "hil.workers=1", NULL};
	static struct rig rig;

	if (!rig.kernel)
		rig_open(&rig, small);
	return &rig;
}

static int make_memfd(void)
{
	int fd = memfd_create("window", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, 8192) < 0)
		abort();
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);
	return fd;
}

void fuzz_send(int to, const uint8_t *bytes, size_t size, bool with_memfd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	uint8_t copy[FUZZ_MESSAGE_MAX];
	struct iovec vector = {copy, size};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	int memfd = with_memfd ? make_memfd() : -1;

	memcpy(copy, bytes, size);
	if (memfd >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &memfd, sizeof(int));
	}
	sendmsg(to, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (memfd >= 0)
		close(memfd);
}

/* What lies in a ring comes before the end of its socket, some records a pass. */
void fuzz_await_processes(struct rig *rig, uint32_t count)
{
	for (unsigned turns = 0; rig->kernel->processes != count; turns++) {
		if (turns == TURNS_MAX)
			abort();
		rig_turn(rig);
	}
	rig_settle(rig);
}

void fuzz_check_forgotten(struct rig *rig)
{
	fuzz_await_processes(rig, 0);
	if (rig->kernel->pool.taken != 0 || rig->kernel->pool.committed != 0)
		abort();
}
