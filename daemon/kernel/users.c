/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An entry whose last process left keeps its place in the probe, and goes to the next user who
 * comes by.
 */
#include "daemon/kernel/users.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pluton/error.h"

static uint32_t hash(uint32_t uid, const char *app)
{
	while (*app)
		uid = uid * 31 + (uint8_t)*app++;
	return uid * 2654435769u; /* Knuth's multiplicative hash: uids come in runs */
}

static bool is_it(const struct user *user, uint32_t uid, const char *app)
{
	return user->processes && user->uid == uid && strcmp(user->app, app) == 0;
}

int users_open(struct users *users, uint32_t users_max)
{
	uint32_t entries = 16;

	while (entries < users_max * 2u)
		entries *= 2;
	users->mask = entries - 1;
	users->entries = calloc(entries, sizeof(*users->entries));
	return users->entries ? 0 : -PLUTON_ENOMEM;
}

void users_close(struct users *users)
{
	free(users->entries);
	*users = (struct users){0};
}

/* The user's entry, or where it would go: the first free one of its probe. */
static struct user *probe(const struct users *users, uint32_t uid, const char *app)
{
	struct user *free_entry = NULL;

	for (uint32_t i = 0; i <= users->mask; i++) {
		struct user *user = &users->entries[(hash(uid, app) + i) & users->mask];

		if (is_it(user, uid, app))
			return user;
		if (!user->processes && !free_entry)
			free_entry = user;
		if (!user->used)
			break;
	}
	return free_entry;
}

struct user *users_find(const struct users *users, uint32_t uid, const char *app)
{
	struct user *user = probe(users, uid, app);

	return user && user->processes ? user : NULL;
}

struct user *users_enter(struct users *users, uint32_t uid, const char *app)
{
	struct user *user = probe(users, uid, app);

	if (!user->processes) {
		*user = (struct user){.uid = uid, .used = 1};
		snprintf(user->app, sizeof(user->app), "%s", app);
	}
	user->processes++;
	return user;
}

void users_leave(struct user *user)
{
	user->processes--;
}

uint32_t users_places(const struct users *users)
{
	return users->mask + 1;
}

uint32_t users_place(const struct users *users, const struct user *user)
{
	return (uint32_t)(user - users->entries);
}
