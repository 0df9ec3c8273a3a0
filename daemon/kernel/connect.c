/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two processes are introduced to each other: one end of a socket pair for each operation. The
 * rule a newcomer would break first: until the frontend has sent an end it is the operation's, and
 * is closed with it.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/kernel/operation.h"

static bool can_take_end(const struct operation *op)
{
	return op->state == OPERATION_RUNNING && op->command->gives && op->descriptor < 0;
}

int op_connect(struct operation *a, struct operation *b)
{
	int ends[2];

	if (a == b || !can_take_end(a) || !can_take_end(b)) {
		kernel_report(a->process->kernel, &a->process->id,
			      "capsule %s connects operations that cannot be connected: it is "
			      "refused",
			      a->driver->capsule->name);
		return -PLUTON_EINVAL;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -PLUTON_EBUSY;
	a->descriptor = ends[0];
	b->descriptor = ends[1];
	return 0;
}

void operation_drop_descriptor(struct operation *op)
{
	const struct kernel *kernel = op->process->kernel;
	int fd = op->descriptor;

	if (fd < 0)
		return;
	op->descriptor = -1;
	if (kernel->hang_up)
		kernel->hang_up(kernel->disposal_context, fd);
	else
		close(fd);
}
