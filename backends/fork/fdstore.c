/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list so short that it is searched from the front.
 */
#include "backends/fork/fdstore.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool fdstore_is_name(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (name[i] <= ' ' || name[i] > '~' || name[i] == ':')
			return false;
	}
	return length > 0 && length <= FDSTORE_NAME_MAX;
}

static bool is_same_file(int a, int b)
{
	struct stat left, right;

	return fstat(a, &left) == 0 && fstat(b, &right) == 0 && left.st_dev == right.st_dev &&
	       left.st_ino == right.st_ino;
}

int fdstore_add(struct fdstore *store, int fd, const char *name, unsigned max,
		const struct fdstore_closer *closer)
{
	for (unsigned i = 0; i < store->count; i++) {
		if (strcmp(store->entries[i].name, name) == 0 &&
		    is_same_file(store->entries[i].fd, fd)) {
			closer->close(closer->context, store->entries[i].fd);
			store->entries[i].fd = fd;
			return 0;
		}
	}
	if (store->count >= max || store->count == DEFINITION_STORE_MAX) {
		closer->close(closer->context, fd);
		return -PLUTON_EBUSY;
	}
	store->entries[store->count].fd = fd;
	snprintf(store->entries[store->count].name, sizeof(store->entries[0].name), "%s", name);
	store->count++;
	return 0;
}

static void remove_at(struct fdstore *store, unsigned at, const struct fdstore_closer *closer)
{
	closer->close(closer->context, store->entries[at].fd);
	store->count--;
	memmove(&store->entries[at], &store->entries[at + 1],
		(store->count - at) * sizeof(store->entries[0]));
}

void fdstore_remove(struct fdstore *store, const char *name, const struct fdstore_closer *closer)
{
	for (unsigned i = store->count; i > 0; i--) {
		if (strcmp(store->entries[i - 1].name, name) == 0)
			remove_at(store, i - 1, closer);
	}
}

void fdstore_empty(struct fdstore *store, const struct fdstore_closer *closer)
{
	while (store->count > 0)
		remove_at(store, store->count - 1, closer);
}
