/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's end of a channel in raw records, for clients that are a process or a thread of their
 * own. It blocks until an answer comes, and uses system calls only: a forked child may use it.
 */
#ifndef PLUTON_TESTS_WIRE_H
#define PLUTON_TESTS_WIRE_H

#include "daemon/kernel/record.h"
#include "tests/rig_rings.h"

struct wire {
	int fd;
	struct rig_rings rings; /* where PLUTON_TEST_RINGS is set, from the greeting on */
	uint8_t received[RECORD_SIZE_MAX];
};

/*
 * Connects a wire; *ret_daemon_end is for channel_adopt, in the thread that runs the machine.
 * Aborts on failure, as all of the rig does.
 */
void wire_open(struct wire *wire, int *ret_daemon_end);

/* The next record, which points into the wire: 0, or -PLUTON_EOFF when the daemon has closed it. */
int wire_receive(struct wire *wire, struct record *ret);

/* Sends without waiting for anything but room. */
void wire_send(struct wire *wire, const struct record *record, int descriptor);

/* Each returns the status in the answer: 0 or a negative error; -PLUTON_EOFF as above. */
int wire_greet(struct wire *wire);
int wire_greet_with_rings(struct wire *wire);
int wire_perform(struct wire *wire, const struct record *operation, struct record *ret_answer);
int wire_call(struct wire *wire, uint32_t driver, uint32_t class, uint32_t number,
	      const uint32_t args[4]);
int wire_window(struct wire *wire, int memfd, uint32_t *ret_window);

/* The record of a raw system call. */
struct record wire_call_record(uint32_t op_id, uint32_t driver, uint32_t class, uint32_t number,
			       const uint32_t args[4]);

/*
 * Says EXIT and reads until the daemon has closed the connection: until then the client lives,
 * whatever the daemon does.
 */
void wire_exit(struct wire *wire);

/* A memfd of `size` bytes that cannot shrink, mapped for writing at *ret_memory. */
int wire_memory(size_t size, uint8_t **ret_memory);

/* A memfd with this content that can never change. */
int wire_sealed(const uint8_t *content, size_t size);

#endif
