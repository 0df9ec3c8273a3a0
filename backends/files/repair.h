/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is owed after a failure or a cut: something that was begun and must be finished, or taken
 * back, before anything else happens to the owner's areas.
 */
#ifndef PLUTON_FILES_REPAIR_H
#define PLUTON_FILES_REPAIR_H

#include "backends/files/journal.h"

enum repair_kind {
	REPAIR_NOTHING = 0,
	REPAIR_FINISH,	/* the commit of this ticket is decided */
	REPAIR_FORGET,	/* the commit of this ticket failed, but its journal may still be there */
	REPAIR_RESTORE, /* the area's old file is to be put back */
	REPAIR_REMOVE,	/* the area's file is to be removed: there was none */
};

struct repair {
	enum repair_kind kind;
	uint64_t ticket;
	char owner[NV_OWNER_MAX + 8];
	char name[NV_NAME_MAX + 8]; /* of the area, where it is one */
};

/* -PLUTON_EFAIL: it is still owed. */
int repair_make(struct disk *disk, const struct place *place, const struct repair *repair,
		struct scratch *scratch);

/*
 * At the start: completes the commits that are decided, then removes everything else that was being
 * prepared. For each commit that could not be completed `owe` is called. Tickets below *ret_ticket
 * may be in use. -PLUTON_EFAIL, with a sentence: nothing may be touched before somebody has looked.
 */
int repair_all(struct disk *disk, struct scratch *scratch,
	       int (*owe)(void *context, const struct repair *repair), void *context,
	       uint64_t *ret_ticket);

#endif
