/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is owed after a failure, and after a cut. Every repair can be tried again and again.
 */
#include "backends/files/repair.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- one repair ------------------------------------------------------------------------------ */

static int finish(struct disk *disk, const struct place *place, const struct repair *repair,
		  struct scratch *scratch)
{
	struct journal journal;
	int r = journal_load(disk, place, repair->ticket, &journal);

	if (r == 0)
		return journal_apply(disk, place, repair->ticket, &journal, scratch);
	/* All was done but for the last sync. */
	return r == -PLUTON_ENODEVICE ? journal_forget(disk, place, repair->ticket) : r;
}

static int restore(struct disk *disk, const struct place *place, const struct repair *repair)
{
	struct prepared_name old = prepared_name(repair->ticket, "old");

	/* Missing: it is back in its place already. */
	if (disk_rename(disk, FILES_STEP_TAKE_BACK, place->new, old.text, place->owner,
			repair->name) < 0 &&
	    errno != ENOENT)
		return disk_fail(disk, repair->owner, repair->name, "cannot be put back");
	return 0;
}

static int drop(struct disk *disk, const struct place *place, const struct repair *repair)
{
	if (disk_remove(disk, place->owner, repair->name) < 0 && errno != ENOENT)
		return disk_fail(disk, repair->owner, repair->name, "cannot be removed");
	return 0;
}

/* What a commit that failed had prepared: needed as long as its journal may come back. */
static void drop_prepared(struct disk *disk, const struct place *place, uint64_t ticket)
{
	for (unsigned i = 0; i < NV_CHANGES_MAX; i++)
		disk_remove(disk, place->new, prepared_data(ticket, i).text);
}

static int forget(struct disk *disk, const struct place *place, const struct repair *repair)
{
	int r = journal_forget(disk, place, repair->ticket);

	if (r == 0)
		drop_prepared(disk, place, repair->ticket);
	return r;
}

int repair_make(struct disk *disk, const struct place *place, const struct repair *repair,
		struct scratch *scratch)
{
	int r = 0;

	if (place->owner < 0 || place->new < 0)
		return disk_refuse(disk, -PLUTON_EFAIL,
				   "%.200s/nv: folders are gone while a change is unfinished; put "
				   "them back",
				   disk->options->state);
	switch (repair->kind) {
	case REPAIR_NOTHING:
		return 0;
	case REPAIR_FINISH:
		return finish(disk, place, repair, scratch);
	case REPAIR_FORGET:
		return forget(disk, place, repair);
	case REPAIR_RESTORE:
		r = restore(disk, place, repair);
		break;
	case REPAIR_REMOVE:
		r = drop(disk, place, repair);
		break;
	}
	if (r == 0 && disk_sync_folder(disk, place->owner) < 0)
		r = disk_fail(disk, repair->owner, repair->name, "cannot be made to last");
	return r;
}

/* --- at the start ---------------------------------------------------------------------------- */

struct recovery {
	struct disk *disk;
	struct place place; /* without an owner */
	struct scratch *scratch;
	int (*owe)(void *context, const struct repair *repair);
	void *context;
	uint64_t ticket;	       /* the next that is free */
	uint64_t kept[NV_CHANGES_MAX]; /* of commits that are still owed */
	unsigned kept_count;
};

static bool parse_prepared(const char *name, uint64_t *ret_ticket, const char **ret_suffix)
{
	char *end;

	if (strspn(name, "0123456789abcdef") != 16 || name[16] != '.')
		return false;
	*ret_ticket = strtoull(name, &end, 16);
	*ret_suffix = end + 1;
	return true;
}

static int complete(struct recovery *recovery, const struct journal *journal, uint64_t ticket)
{
	struct repair repair = {.kind = REPAIR_FINISH, .ticket = ticket};
	struct place place;
	int r;

	memcpy(repair.owner, journal->owner, sizeof(repair.owner));
	r = place_open(recovery->disk, journal->owner, &place);
	if (r == 0)
		r = repair_make(recovery->disk, &place, &repair, recovery->scratch);
	place_close(&place);
	if (r == 0)
		return 0;
	if (recovery->kept_count == NV_CHANGES_MAX)
		return r;
	recovery->kept[recovery->kept_count++] = ticket;
	return recovery->owe(recovery->context, &repair);
}

static int visit_journal(void *context, const char *name)
{
	struct recovery *recovery = context;
	struct journal journal;
	const char *suffix;
	uint64_t ticket;
	int r;

	if (!parse_prepared(name, &ticket, &suffix))
		return 0;
	if (ticket >= recovery->ticket)
		recovery->ticket = ticket + 1;
	if (strcmp(suffix, JOURNAL_SUFFIX) != 0)
		return 0;
	r = journal_load(recovery->disk, &recovery->place, ticket, &journal);
	return r < 0 ? r : complete(recovery, &journal, ticket);
}

static bool is_kept(const struct recovery *recovery, uint64_t ticket)
{
	for (unsigned i = 0; i < recovery->kept_count; i++) {
		if (recovery->kept[i] == ticket)
			return true;
	}
	return false;
}

/* It would be tried again at the next start: a failure here harms nobody. */
static int visit_leftover(void *context, const char *name)
{
	struct recovery *recovery = context;
	struct disk undo = *recovery->disk;
	const char *suffix;
	uint64_t ticket;

	if (parse_prepared(name, &ticket, &suffix) && !is_kept(recovery, ticket))
		disk_remove(&undo, recovery->place.new, name);
	return 0;
}

int repair_all(struct disk *disk, struct scratch *scratch,
	       int (*owe)(void *context, const struct repair *repair), void *context,
	       uint64_t *ret_ticket)
{
	struct recovery recovery = {
		.disk = disk, .scratch = scratch, .owe = owe, .context = context, .ticket = 1};
	int r = place_open(disk, NULL, &recovery.place);

	if (r == 0 && recovery.place.new >= 0) {
		r = place_each(disk, recovery.place.new, PLACE_NEW, visit_journal, &recovery);
		if (r == 0)
			r = place_each(disk, recovery.place.new, PLACE_NEW, visit_leftover,
				       &recovery);
	}
	place_close(&recovery.place);
	*ret_ticket = recovery.ticket;
	return r;
}
