/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One change: the new file is prepared, the old one gets a second name, the new one takes its
 * place, the folder is synced. Several: a journal first.
 */
#include "backends/files/change.h"

#include <string.h>

static void owe(struct repair *ret, enum repair_kind kind, uint64_t ticket, const char *owner,
		const char *name)
{
	*ret = (struct repair){.kind = kind, .ticket = ticket};
	memcpy(ret->owner, owner, strlen(owner));
	if (name)
		memcpy(ret->name, name, strlen(name));
}

/* --- one area -------------------------------------------------------------------------------- */

/* A single change, and under which names its files are. */
struct swap {
	struct disk *disk;
	const struct place *place;
	const char *owner;
	const struct change *change;
	struct prepared_name fresh;
	struct prepared_name old;
};

/* Under its second name; a deletion leaves it only that one. */
static int keep_old(const struct swap *swap)
{
	const char *name = swap->change->name;

	if (!swap->change->exists || swap->change->removes)
		return 0;
	if (disk_link(swap->disk, swap->place->owner, name, swap->place->new, swap->old.text) == 0)
		return 0;
	return disk_fail(swap->disk, swap->owner, name, "cannot be kept for the case of a failure");
}

static int put_in_place(const struct swap *swap)
{
	const struct place *place = swap->place;
	const char *name = swap->change->name;
	int r;

	if (swap->change->removes)
		r = disk_rename(swap->disk, FILES_STEP_PUT_IN_PLACE, place->owner, name, place->new,
				swap->old.text);
	else
		r = disk_rename(swap->disk, FILES_STEP_PUT_IN_PLACE, place->new, swap->fresh.text,
				place->owner, name);
	return r == 0 ? 0 : disk_fail(swap->disk, swap->owner, name, "cannot be put in place");
}

static int put_back(struct disk *disk, const struct place *place, const char *old, const char *name)
{
	return disk_rename(disk, FILES_STEP_TAKE_BACK, place->new, old, place->owner, name);
}

/* After a sync that failed: as if nothing had been. Keeps the sentence about that failure. */
static void take_back(const struct swap *swap, uint64_t ticket, struct repair *ret_repair)
{
	const struct change *change = swap->change;
	struct disk undo = *swap->disk;
	int r;

	if (change->exists)
		r = put_back(&undo, swap->place, swap->old.text, change->name);
	else
		r = disk_remove(&undo, swap->place->owner, change->name);
	if (r < 0 || disk_sync_folder(&undo, swap->place->owner) < 0)
		owe(ret_repair, change->exists ? REPAIR_RESTORE : REPAIR_REMOVE, ticket,
		    swap->owner, change->name);
}

static int swap_files(const struct swap *swap, uint64_t ticket, struct repair *ret_repair)
{
	int r = keep_old(swap);
	bool keeps = r == 0 && swap->change->exists;

	if (r == 0)
		r = put_in_place(swap);
	if (r < 0) {
		if (keeps && !swap->change->removes)
			disk_remove(swap->disk, swap->place->new, swap->old.text);
		return r;
	}
	if (disk_sync_folder(swap->disk, swap->place->owner) < 0) {
		r = disk_fail(swap->disk, swap->owner, swap->change->name,
			      "cannot be made to last");
		take_back(swap, ticket, ret_repair);
	} else if (keeps) {
		disk_remove(swap->disk, swap->place->new, swap->old.text);
	}
	return r;
}

static int make_one(struct disk *disk, const struct place *place, const char *owner,
		    uint64_t ticket, struct change *change, struct repair *ret_repair)
{
	const struct swap swap = {.disk = disk,
				  .place = place,
				  .owner = owner,
				  .change = change,
				  .fresh = prepared_data(ticket, 0),
				  .old = prepared_name(ticket, "old")};
	int r = 0;

	if (!change->removes)
		r = area_store(disk, place->new, swap.fresh.text, owner, change->name,
			       &change->after, change->data);
	if (r < 0)
		return r;
	r = swap_files(&swap, ticket, ret_repair);
	if (r < 0 && !change->removes) {
		struct disk undo = *disk;

		disk_remove(&undo, place->new, swap.fresh.text); /* if it is still there */
	}
	return r;
}

/* --- several --------------------------------------------------------------------------------- */

static void drop_prepared(const struct disk *disk, const struct place *place, uint64_t ticket,
			  const struct change *changes, unsigned count)
{
	struct disk undo = *disk;

	for (unsigned i = 0; i < count; i++) {
		if (!changes[i].removes)
			disk_remove(&undo, place->new, prepared_data(ticket, i).text);
	}
}

static int prepare_all(struct disk *disk, const struct place *place, const char *owner,
		       uint64_t ticket, struct change *changes, unsigned count, struct journal *ret)
{
	*ret = (struct journal){.count = count};
	memcpy(ret->owner, owner, strlen(owner));
	for (unsigned i = 0; i < count; i++) {
		struct change *change = &changes[i];
		struct journal_entry *entry = &ret->entries[i];
		int r = 0;

		entry->kind = change->removes ? NV_CHANGE_DELETE : NV_CHANGE_PUT;
		memcpy(entry->name, change->name, strlen(change->name));
		if (!change->removes)
			r = area_store(disk, place->new, prepared_data(ticket, i).text, owner,
				       change->name, &change->after, change->data);
		if (r < 0) {
			drop_prepared(disk, place, ticket, changes, i);
			return r;
		}
		memcpy(entry->digest, change->after.digest, sizeof(entry->digest));
	}
	return 0;
}

static int make_several(struct disk *disk, const struct place *place, const char *owner,
			uint64_t ticket, struct change *changes, unsigned count,
			struct scratch *scratch, struct repair *ret_repair)
{
	struct journal journal;
	bool doubt = false;
	int r = prepare_all(disk, place, owner, ticket, changes, count, &journal);

	if (r < 0)
		return r;
	r = journal_store(disk, place, ticket, &journal, &doubt);
	if (doubt)
		owe(ret_repair, REPAIR_FORGET, ticket, owner, NULL);
	else if (r < 0)
		drop_prepared(disk, place, ticket, changes, count);
	if (r < 0)
		return r;
	/* It is decided now. What fails from here on is done later. */
	if (journal_apply(disk, place, ticket, &journal, scratch) < 0)
		owe(ret_repair, REPAIR_FINISH, ticket, owner, NULL);
	return 0;
}

int change_make(struct disk *disk, const struct place *place, const char *owner, uint64_t ticket,
		struct change *changes, unsigned count, struct scratch *scratch,
		struct repair *ret_repair)
{
	*ret_repair = (struct repair){.kind = REPAIR_NOTHING};
	if (count == 1)
		return make_one(disk, place, owner, ticket, changes, ret_repair);
	return make_several(disk, place, owner, ticket, changes, count, scratch, ret_repair);
}
