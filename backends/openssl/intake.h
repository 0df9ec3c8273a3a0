/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task that takes in a message and gives nothing out meanwhile: what digests and MACs have in
 * common. Lent memory is absorbed where it lies, on the loop in slices or on a worker; else the
 * message is pulled through the host's chunk.
 */
#ifndef PLUTON_OPENSSL_INTAKE_H
#define PLUTON_OPENSSL_INTAKE_H

#include "backends/openssl/task.h"

struct intake;

/* The HIL's half. The intake is the first member of its operation. */
struct intake_type {
	/* The client's pull_input, and its lend_input or NULL where it has none. */
	ssize_t (*pull)(struct intake *intake, uint8_t *buf, size_t len, size_t cursor);
	const uint8_t *(*lend)(struct intake *intake, size_t cursor, size_t *ret_len);
	/*
	 * Takes bytes in, each read once: the client can change them at any moment. 0 or a
	 * negative error. Any thread that holds the operation.
	 */
	int (*absorb)(struct intake *intake, const uint8_t *buf, size_t len);
};

struct intake {
	struct task task; /* first */
	const struct intake_type *type;
	size_t length;	     /* bytes of the message */
	size_t cursor;	     /* bytes taken and absorbed */
	const uint8_t *lent; /* the client's memory at the cursor */
	size_t lent_length;
};

/* The intake of a task's callbacks. */
static inline struct intake *intake_of_task(struct task *task)
{
	return TASK_OWNER(task, struct intake);
}

/* After task_begin: a message of `length` bytes. */
void intake_begin(struct intake *intake, size_t length);

/* From advance: TASK_DONE once all was absorbed, another enum task_progress, or an error. */
int intake_take(struct intake *intake);

#endif
