/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a commit: which prepared files become which areas, and which areas go. From the
 * moment that it has its last name on the disk, the commit is decided and will be completed.
 *
 * What one operation prepares in STATE/nv/.new is called TICKET.SUFFIX, where no two operations
 * since the start have the same ticket.
 */
#ifndef PLUTON_FILES_JOURNAL_H
#define PLUTON_FILES_JOURNAL_H

#include "backends/files/area.h"

#define JOURNAL_VERSION 1u
#define JOURNAL_SUFFIX_PREPARED "journal" /* not in force yet */
#define JOURNAL_SUFFIX "commit"

struct journal_entry {
	enum nv_change_kind kind;
	char name[NV_NAME_MAX + 8];
	uint8_t digest[AREA_DIGEST_SIZE]; /* of the prepared file; zeros for a deletion */
};

struct journal {
	char owner[NV_OWNER_MAX + 8];
	unsigned count;
	struct journal_entry entries[NV_CHANGES_MAX]; /* the i-th one's file is TICKET.i */
};

struct prepared_name {
	char text[40];
};
struct prepared_name prepared_name(uint64_t ticket, const char *suffix);
struct prepared_name prepared_data(uint64_t ticket, unsigned index);

/*
 * Puts it into force; the prepared files are there. -PLUTON_EFAIL: it is not in force, but with
 * *ret_doubt the disk may show it again after a power cut, until journal_forget has succeeded.
 */
int journal_store(struct disk *disk, const struct place *place, uint64_t ticket,
		  const struct journal *journal, bool *ret_doubt);

/* -PLUTON_ENODEVICE: there is none. -PLUTON_EFAIL: it cannot be read. */
int journal_load(struct disk *disk, const struct place *place, uint64_t ticket,
		 struct journal *ret);

/*
 * Does what it says, as far as that is not done yet, and removes it.  -PLUTON_EFAIL: not all of it
 * could be done; to be called again.
 */
int journal_apply(struct disk *disk, const struct place *place, uint64_t ticket,
		  const struct journal *journal, struct scratch *scratch);

/* Removes one that is not to be applied, durably. -PLUTON_EFAIL. */
int journal_forget(struct disk *disk, const struct place *place, uint64_t ticket);

#endif
