/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks that hold until the daemon starts again: in memory, and nowhere else. There is never one
 * for an area that is not there, so there are no more of them than areas. Loop thread only.
 */
#ifndef PLUTON_FILES_BOOT_LOCKS_H
#define PLUTON_FILES_BOOT_LOCKS_H

#include <stdint.h>

#define BOOT_LOCK_BUCKETS 256u

struct boot_lock;

/* Zeroed memory is an empty one. */
struct boot_locks {
	struct boot_lock *buckets[BOOT_LOCK_BUCKETS];
};

/* enum nv_lock, or-ed; 0: none. */
uint32_t boot_locks_find(const struct boot_locks *locks, const char *owner, const char *name);

/* -PLUTON_ENOMEM. */
int boot_locks_add(struct boot_locks *locks, const char *owner, const char *name, uint32_t lock);

/* The area is gone. */
void boot_locks_forget(struct boot_locks *locks, const char *owner, const char *name);

void boot_locks_close(struct boot_locks *locks);

#endif
