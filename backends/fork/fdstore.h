/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors that an app leaves with plutond, so that what is behind them outlives the app: the
 * FDSTORE of sd_notify(3). They are handed back at the next start in the order in which they came.
 */
#ifndef PLUTON_FORK_FDSTORE_H
#define PLUTON_FORK_FDSTORE_H

#include <stdbool.h>
#include <stddef.h>

#include "backends/apps/definition.h"

#define FDSTORE_NAME_MAX 63u /* bytes; sd_notify allows 255, but nobody needs them */

/* Whoever sent a descriptor decides how long closing it takes: that is left to others. */
struct fdstore_closer {
	void (*close)(void *context, int fd);
	void *context;
};

struct fdstore {
	struct {
		int fd;
		char name[FDSTORE_NAME_MAX + 1];
	} entries[DEFINITION_STORE_MAX];
	unsigned count;
};

/* true: it is a name (printable ASCII without ':'). */
bool fdstore_is_name(const char *name, size_t length);

/*
 * Keeps `fd`, which is the store's then, whatever is returned. One that is stored under this name
 * already is replaced by its like. -PLUTON_EBUSY: `max` are stored.
 */
int fdstore_add(struct fdstore *store, int fd, const char *name, unsigned max,
		const struct fdstore_closer *closer);
void fdstore_remove(struct fdstore *store, const char *name, const struct fdstore_closer *closer);
void fdstore_empty(struct fdstore *store, const struct fdstore_closer *closer);

#endif
