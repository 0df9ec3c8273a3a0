/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folders of one owner, open: STATE/nv, STATE/nv/.new where files are prepared, and
 * STATE/nv/OWNER. They are used only if nobody but the daemon's user can write there.
 */
#ifndef PLUTON_FILES_PLACE_H
#define PLUTON_FILES_PLACE_H

#include "backends/files/disk.h"

#define PLACE_NEW ".new" /* no owner is called so */

struct place {
	int nv; /* -1: not there */
	int new;
	int owner;
};
#define PLACE_NOWHERE ((struct place){-1, -1, -1})

/*
 * Opens what is there. -PLUTON_EFAIL: it is not to be used, with a sentence. `owner` NULL: only
 * the other two. Must be closed in any case.
 */
int place_open(struct disk *disk, const char *owner, struct place *ret);
void place_close(struct place *place);

/* Makes what is missing, and sees to it that all of it survives a power cut. -PLUTON_EFAIL. */
int place_make(struct disk *disk, const char *owner, struct place *place);

/* The first change after a start: what an earlier run made may not be on the disk yet. */
int place_settle(struct disk *disk, const struct place *place);

/*
 * Calls `visit` with every name in an open folder, called `name` in sentences. -PLUTON_EFAIL, or
 * what visit returned other than 0.
 */
int place_each(struct disk *disk, int folder, const char *name,
	       int (*visit)(void *context, const char *entry), void *context);

#endif
