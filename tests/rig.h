/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole plutond inside a test program, and processes that talk to it in raw records. Everything
 * runs in the test's own thread: rig_receive turns the daemon's loop until a record comes.
 */
#ifndef PLUTON_TESTS_RIG_H
#define PLUTON_TESTS_RIG_H

#include <sys/types.h>

#include "daemon/kernel/process.h"
#include "daemon/kernel/record.h"
#include "daemon/machine.h"
#include "tests/rig_rings.h"

#define RIG_RNG 0x40001u
#define RIG_DIGEST 0x40005u
#define RIG_AES 0x40006u
#define RIG_HMAC 0x40003u
#define RIG_CMAC 0x80000003u
#define RIG_ECC 0x80000005u
#define RIG_RSA 0x80000004u
#define RIG_KDF 0x80000006u
#define RIG_HWKEY 0x80000007u
#define RIG_MANAGER 0x80000001u

struct rig {
	struct config *config;
	struct machine *machine;
	struct kernel *kernel; /* the machine's */
	uint8_t received[RECORD_SIZE_MAX];
};

/*
 * A machine with the default configuration, but a state folder that does not exist, and then
 * `settings`: "kernel.pool=512K", … ended by NULL; or NULL for none. Aborts the program if that
 * does not work.
 */
void rig_open(struct rig *rig, const char *const *settings);
void rig_close(struct rig *rig);

/*
 * A connected process that has been greeted; the descriptor is the test's. With rings, where
 * PLUTON_TEST_RINGS is set: then all but malformed bytes and descriptors goes by them.
 */
int rig_connect(struct rig *rig);

/* The same, before the greeting. */
int rig_connect_raw(struct rig *rig);

/* The kernel's side of the process that connected last, NULL if it is gone. */
struct process *rig_last_process(struct rig *rig);

/* The rings of a process that has them; NULL: it has none. */
struct rig_rings *rig_rings_of(int fd);

/* The descriptor's number is somebody else's now. */
void rig_forget_rings(int fd);

/* Asks for them. 0 or the negative error. */
int rig_open_rings(struct rig *rig, int fd);

/* Sends; `descriptor` goes with it unless it is -1. */
void rig_send(int fd, const struct record *record, int descriptor);
void rig_send_bytes(int fd, const void *bytes, size_t size);

/* By the ring, if it has one, or by the socket. false: there is no room now. */
bool rig_try_send(int fd, const struct record *record);

/* Whether a record or the end is there to be read, now. */
bool rig_has_answer(int fd);

/* Takes the record that is there, into `bytes`: its size; 0: the end; -1: there is none. */
ssize_t rig_take(int fd, void *bytes, size_t capacity);

/*
 * The next record, decoded; pointers are into rig->received and good until the next call.
 * false: nothing came although the daemon has nothing left to do, or the connection is closed.
 */
bool rig_receive(struct rig *rig, int fd, struct record *ret);

/* The same with the descriptor that came along, which is the test's then; -1: none. */
bool rig_receive_with(struct rig *rig, int fd, struct record *ret, int *ret_descriptor);

/* One pass of the loop; waits a moment if only a worker can bring something new. */
void rig_turn(struct rig *rig);

/*
 * Lets the daemon read all that was sent on this descriptor, and do no deferred call meanwhile:
 * what records say together is then known before an engine has its turn. How many records one pass
 * reads depends on the time they take.
 */
void rig_hear(struct rig *rig, int fd);

/* Turns the loop until nothing is left to do: no deferred call, no operation running. */
void rig_settle(struct rig *rig);

/* true: the daemon has closed this connection. */
bool rig_is_closed(struct rig *rig, int fd);

/* An operation record without ranges and inline bytes; the tests fill in the rest. */
struct record rig_operation(uint32_t op_id, uint32_t driver, uint32_t command);

/* Appends inline input as the record's next slot; `slot` must be the next free one or higher. */
void rig_in(struct record *record, unsigned slot, uint8_t inline_bytes[], const void *bytes,
	    uint16_t length);

/* Appends inline output room as `slot`; after all rig_in. */
void rig_out(struct record *record, unsigned slot, uint16_t length);

/* Names part of a window as `slot`. */
void rig_range(struct record *record, unsigned slot, uint32_t window, uint32_t offset,
	       uint32_t length);

/* What an answer says: 0 or a negative error. */
int rig_status(const struct record *answer);

/* Whether these words are in what the answer says of an error, or gives out as text. */
bool rig_says(const struct record *answer, const char *words);

/* Sends it, receives the answer, and returns its status: 0 or a negative error. */
int rig_perform(struct rig *rig, int fd, const struct record *operation, struct record *ret_answer);

/*
 * A sealed memfd of `size` bytes, mapped here at *ret_memory and added as a window, whose number it
 * returns. The test unmaps.
 */
uint32_t rig_window(struct rig *rig, int fd, size_t size, uint8_t **ret_memory);

/* A raw system call; returns 0 or the negative error. */
int rig_call(struct rig *rig, int fd, uint32_t driver, uint32_t class, uint32_t number,
	     const uint32_t args[4], struct record_return *ret);

#endif
