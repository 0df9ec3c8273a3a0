/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upcalls: answers on their way to a process. The slot for one is part of its operation, reserved
 * when that is accepted, so none is ever dropped for want of room (Tock drops, and then
 * yield-wait-for hangs).
 */
#ifndef PLUTON_UPCALL_H
#define PLUTON_UPCALL_H

#include "daemon/kernel/operation.h"

/* Queues the operation's answer, if it is not queued yet, and tells the frontend. */
void upcall_post(struct operation *op);

/*
 * The oldest upcall as a record whose pointers are valid until upcall_sent; false: none. Asking
 * again gives the same one.
 */
bool upcall_peek(const struct process *process, struct record *ret_record);

/*
 * The descriptor that goes with what upcall_peek gives; -1: none. It stays the operation's until
 * the record was sent: then the frontend takes it, closes it, and calls upcall_sent.
 */
int upcall_descriptor(const struct process *process);
int upcall_take_descriptor(struct process *process);

/* The descriptor cannot be sent: the answer becomes -PLUTON_EBUSY without it. */
void upcall_withhold(struct process *process);

/* The one that upcall_peek gave has been delivered: its operation goes on, or is freed. */
void upcall_sent(struct process *process);

/* Takes a standing operation's upcall back (subscribe cancels what is pending). */
void upcall_withdraw(struct operation *op);

#endif
