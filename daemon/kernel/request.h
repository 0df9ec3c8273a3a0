/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ways in which a process asks for something, checked against the command tables: one
 * record that carries everything (request.c), and TRD104's raw calls (trd104.c).
 */
#ifndef PLUTON_REQUEST_H
#define PLUTON_REQUEST_H

#include "daemon/kernel/operation.h"
#include "daemon/kernel/record.h"

/* An OPERATION record. 0: its answer will be an upcall. Negative: refused, kernel->why says why. */
int request_submit(struct process *process, const struct record *record);

/*
 * A CALL record of any class but EXIT and YIELD. Fills in *ret, its text pointing to kernel->why.
 * With an op_id in the record, ALLOW works on that live operation.
 */
void trd104_call(struct process *process, const struct record *record, struct record_return *ret);

/* Parts that both use; with a sentence. -PLUTON_ENODEVICE; -PLUTON_ENOSUPPORT. */
int request_driver(struct process *process, uint32_t number, struct driver **ret_driver);
int request_command(struct kernel *kernel, const struct driver *driver, uint32_t number,
		    const struct command **ret_command);

/*
 * The operation that a header speaks of: that of its op_id, or with op_id 0 the standing one of its
 * driver. NULL: none.
 */
struct operation *request_find(struct process *process, const struct record_header *header);

/* Counts a refusal; driver may be NULL. */
void request_refused(struct process *process, struct driver *driver);

#endif
