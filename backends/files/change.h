/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of areas, one or several at once, such that a cut between any two system calls leaves
 * what was before or what is after. What fails is taken back; where even that fails, a repair is
 * owed, and nothing else may touch the owner's areas before it has succeeded.
 */
#ifndef PLUTON_FILES_CHANGE_H
#define PLUTON_FILES_CHANGE_H

#include "backends/files/repair.h"

/* One area's change. */
struct change {
	const char *name;
	bool exists; /* before */
	bool removes;
	struct area before;  /* if it exists */
	struct area after;   /* unless it is removed */
	const uint8_t *data; /* after.length bytes */
};

/*
 * Carries out all of them, or none. The folders are there. -PLUTON_EFAIL, with a sentence.
 * *ret_repair says what is owed, whatever is returned; 0 means durable in any case.
 * `scratch` is used for more than one change only.
 */
int change_make(struct disk *disk, const struct place *place, const char *owner, uint64_t ticket,
		struct change *changes, unsigned count, struct scratch *scratch,
		struct repair *ret_repair);

#endif
