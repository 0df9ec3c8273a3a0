/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows: memory that a process shares with us, as a sealed memfd. This is the DRAM bridge.
 *
 * The rule a newcomer would break first: the process can change every byte at any moment. Read a
 * byte once; never look again at what was checked.
 */
#ifndef PLUTON_WINDOW_H
#define PLUTON_WINDOW_H

#include "daemon/kernel/process.h"

#define WINDOWS_MAX 8u

struct window {
	uint8_t *memory; /* NULL: free */
	uint32_t size;	 /* bytes; can never shrink (F_SEAL_SHRINK) */
	bool sealed;	 /* F_SEAL_WRITE: mapped read-only, can never change */
};

/* Number n is at index n - 1; 0 is the record's own bytes. */
struct window_table {
	struct window windows[WINDOWS_MAX];
};

/*
 * Maps the memfd; `fd` stays the caller's. With a sentence in kernel->why:
 * -PLUTON_EINVAL: not a memfd as we need it. -PLUTON_ESIZE: empty, or over window_max.
 * -PLUTON_EBUSY: windows_per_process, or windows_per_user bytes. -PLUTON_ENOMEM.
 */
int window_add(struct process *process, int fd, uint32_t *ret_number);

/* -PLUTON_EINVAL: no such window. -PLUTON_EBUSY: an operation still refers to it. */
int window_remove(struct process *process, uint32_t number);

void window_remove_all(struct process *process);

/* NULL: no such window. */
const struct window *window_find(const struct process *process, uint32_t number);

void window_measure(const struct process *process, uint32_t *ret_count, uint64_t *ret_bytes);

#endif
