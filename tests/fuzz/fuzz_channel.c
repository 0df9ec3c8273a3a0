/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole daemon, and two processes that send it anything, in any order, with and without a window.
 * Whatever they did: once they are gone, the pool is back to the byte.
 *
 * The input is a sequence of messages: a byte that says who sends and whether a memfd goes with it,
 * two bytes of length, the message.
 */
#include <unistd.h>

#include "tests/fuzz/fuzz_daemon.h"

#define FROM_SECOND 1u
#define WITH_MEMFD 2u
/* In the first byte of the input: the second process never said hello. */
#define BEFORE_GREETING 4u

/* Sends the message at *bytes and returns what it took, 0 at the end. */
static size_t send_next(const int processes[2], const uint8_t *bytes, size_t size)
{
	size_t length;

	if (size < 3)
		return 0;
	length = bytes[1] | (size_t)bytes[2] << 8;
	length = length < size - 3 ? length : size - 3;
	length = length < FUZZ_MESSAGE_MAX ? length : FUZZ_MESSAGE_MAX;
	fuzz_send(processes[bytes[0] & FROM_SECOND], bytes + 3, length, bytes[0] & WITH_MEMFD);
	return 3 + length;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct rig *rig = fuzz_daemon();
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
	fuzz_check_forgotten(rig);
	return 0;
}
