/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table with chains.
 */
#include "backends/files/boot_locks.h"

#include <stdlib.h>
#include <string.h>

#include "hil/nv.h"

struct boot_lock {
	struct boot_lock *next;
	char owner[NV_OWNER_MAX + 8];
	char name[NV_NAME_MAX + 8];
	uint32_t locks;
};

/* FNV-1a. Whoever makes names collide slows down nobody but who has locks in the same bucket. */
static uint32_t hash(uint32_t value, const char *text)
{
	for (; *text; text++)
		value = (value ^ (uint8_t)*text) * 16777619u;
	return value;
}

static unsigned bucket_of(const char *owner, const char *name)
{
	return hash(hash(2166136261u, owner), name) % BOOT_LOCK_BUCKETS;
}

static bool is(const struct boot_lock *lock, const char *owner, const char *name)
{
	return strcmp(lock->owner, owner) == 0 && strcmp(lock->name, name) == 0;
}

uint32_t boot_locks_find(const struct boot_locks *locks, const char *owner, const char *name)
{
	const struct boot_lock *lock = locks->buckets[bucket_of(owner, name)];

	while (lock && !is(lock, owner, name))
		lock = lock->next;
	return lock ? lock->locks : 0;
}

int boot_locks_add(struct boot_locks *locks, const char *owner, const char *name, uint32_t lock)
{
	struct boot_lock **bucket = &locks->buckets[bucket_of(owner, name)], *found = *bucket;

	while (found && !is(found, owner, name))
		found = found->next;
	if (!found) {
		found = calloc(1, sizeof(*found));
		if (!found)
			return -PLUTON_ENOMEM;
		memcpy(found->owner, owner, strlen(owner));
		memcpy(found->name, name, strlen(name));
		found->next = *bucket;
		*bucket = found;
	}
	found->locks |= lock;
	return 0;
}

void boot_locks_forget(struct boot_locks *locks, const char *owner, const char *name)
{
	struct boot_lock **link = &locks->buckets[bucket_of(owner, name)], *lock;

	while (*link && !is(*link, owner, name))
		link = &(*link)->next;
	lock = *link;
	if (!lock)
		return;
	*link = lock->next;
	free(lock);
}

void boot_locks_close(struct boot_locks *locks)
{
	for (unsigned i = 0; i < BOOT_LOCK_BUCKETS; i++) {
		while (locks->buckets[i]) {
			struct boot_lock *lock = locks->buckets[i];

			locks->buckets[i] = lock->next;
			free(lock);
		}
	}
}
