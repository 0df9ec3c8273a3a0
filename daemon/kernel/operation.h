/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations: a command with its words, its allow table and the capsule's state for it. The one
 * thing a capsule sees; daemon/kernel/capsule.h has its side.
 *
 * An operation is made from one record (request.c), or is the standing operation of a process and
 * a driver, which the raw system calls of TRD104 fill in call by call (trd104.c). Nothing else in
 * the daemon can tell the two apart.
 */
#ifndef PLUTON_OPERATION_H
#define PLUTON_OPERATION_H

#include "daemon/kernel/process.h"
#include "daemon/kernel/record.h"

enum operation_state {
	OPERATION_IDLE = 0, /* a standing operation between commands */
	OPERATION_RUNNING,  /* the capsule has it: op_done will come */
	OPERATION_ANSWERED, /* its last upcall waits to be fetched */
};

#define OPERATION_WHY_MIN 112u /* bytes of a sentence that any operation has room for */

struct operation {
	struct operation *next;	       /* in process->operations */
	struct operation *next_upcall; /* in process->upcalls */
	struct process *process;
	struct driver *driver;
	const struct command *command; /* NULL for an idle standing operation */
	void (*granted)(struct operation *op);
	uint64_t expires_ms; /* CLOCK_MONOTONIC; 0: no limit. expiry.h */
	struct hil_waiter waiter;
	struct record_range ranges[RECORD_RANGES_MAX];
	uint32_t op_id; /* 0: the standing operation */
	uint32_t words[RECORD_WORDS];
	/* the answer's slot, reserved from the start */
	uint32_t upcall_words[RECORD_RETURN_WORDS];
	uint32_t missed;
	uint32_t subscription; /* standing: the token of its upcall; 0: the Null Upcall */
	int descriptor;	       /* goes with a successful answer; -1: none */
	uint16_t inline_length;
	uint16_t output_length;
	uint16_t why_length; /* bytes of a sentence about the failure, where the state was */
	uint8_t writable;    /* bit per slot: shared for writing */
	uint8_t lent;	     /* bit per window - 1: memory of it was lent out */
	uint8_t state;
	bool upcall_pending;
	bool more; /* the pending upcall is not the last */
	bool cancelled;
	bool expired; /* and that is why it was cancelled */

	/* then: the capsule's state, then the inline bytes, then the output bytes */
};

/* The record's own bytes: inline_length that came, then output_length that go back. */
uint8_t *operation_inline(struct operation *op);

/* Why it failed: op->why_length bytes, not terminated. */
const char *operation_why(const struct operation *op);

/*
 * What a gate says of the -PLUTON_EFAIL that a capsule just got from one of its engines; NULL: no
 * gate refused. The capsule need not know of gates.
 */
const char *operation_gate_refusal(const struct operation *op);

/* Looks for an op_id that is not 0; NULL: none. */
struct operation *operation_find(struct process *process, uint32_t op_id);

/* NULL: the process never made a raw call to that driver. */
struct operation *operation_find_standing(struct process *process, const struct driver *driver);

/*
 * An empty operation in the arena, linked to its process, counted against nothing yet.
 * NULL: no room in the arena.
 */
struct operation *operation_make(struct process *process, struct driver *driver,
				 size_t inline_size);

/* Unlinks and frees it, and reaps its process if that was the last thing that held it. */
void operation_free(struct operation *op);

/* Back to idle, its state wiped: a standing operation that was answered or refused. */
void operation_reset(struct operation *op);

/* Puts one range into the table. With a sentence: -PLUTON_EINVAL: not in a window. */
int operation_set_range(struct operation *op, unsigned slot, const struct record_range *range,
			bool writable);

/*
 * Checks what stands in the operation against `command`'s entry. With a sentence: -PLUTON_EINVAL:
 * a word, slot, access or overlap that is not allowed. -PLUTON_ESIZE: a slot missing or too short
 * or too long.
 */
int operation_check(const struct operation *op, const struct command *command);

/*
 * Gives it to the capsule. 0: it runs, or even ended already. Negative: refused, with a sentence if
 * there is one; the operation is as it was before.
 */
int operation_run(struct operation *op, const struct command *command);

/* Closes the descriptor that would have gone with the answer, if there is one. */
void operation_drop_descriptor(struct operation *op);

/* Asks for an early end. The answer still comes. */
void operation_cancel(struct operation *op);

/* For a dying process: cancels what runs and frees what does not. */
void operation_cancel_all(struct process *process);

bool operation_uses_window(const struct process *process, uint32_t number);

/* Tells whoever watches the kernel's steps: the operation has come this far. */
static inline void operation_step(const struct operation *op, enum kernel_step reached)
{
	STEP_REACHED(&op->process->kernel->step, reached, .process = op->process->id, .op = op);
}

#endif
