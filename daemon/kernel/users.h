/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each user has connected, for the limits per user: a count that is kept, because walking all
 * processes for every window would let one client slow down all. The same table with an app beside
 * the uid knows the parties that take turns at engines.
 */
#ifndef PLUTON_USERS_H
#define PLUTON_USERS_H

#include <stddef.h>
#include <stdint.h>

struct user {
	uint32_t uid;
	uint32_t processes; /* 0: the entry is free, but may be inside another one's probe */
	uint64_t window_bytes;
	uint32_t used; /* 1: was ever in use */
	char app[32];  /* terminated; "": none */
};

/* A hash table with linear probing, at most half full of live entries. */
struct users {
	struct user *entries;
	uint32_t mask; /* entries - 1, a power of two - 1 */
};

/* Room for `users_max` users at once. -PLUTON_ENOMEM. */
int users_open(struct users *users, uint32_t users_max);
void users_close(struct users *users);

/* NULL: nobody of that user and app is connected. `app` is "" where apps do not matter. */
struct user *users_find(const struct users *users, uint32_t uid, const char *app);

/* One process more; made if it is the first. Never fails within users_max. */
struct user *users_enter(struct users *users, uint32_t uid, const char *app);

/* How many places the table has, and which one is whose while one of its processes is there. */
uint32_t users_places(const struct users *users);
uint32_t users_place(const struct users *users, const struct user *user);

/* One process less. */
void users_leave(struct user *user);

#endif
