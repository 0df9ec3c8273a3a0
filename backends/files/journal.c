/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing, reading and carrying out journals. Order is everything here: prepared files, then the
 * journal, then its name, then the areas' names, then its removal, and between each two of them the
 * folder is synced.
 */
#include "backends/files/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t magic[8] = {'P', 'L', 'U', 'T', 'O', 'N', 'N', 'J'};

/* Numbers are little-endian. An entry: kind, three zeros, name, digest. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 8,
	AT_COUNT = 12,
	AT_OWNER = 16,
	AT_ENTRIES = 64,
	IN_ENTRY_NAME = 4,
	IN_ENTRY_DIGEST = 76,
	ENTRY_SIZE = 108,
	AT_DIGEST = AT_ENTRIES + (int)NV_CHANGES_MAX * ENTRY_SIZE,
	JOURNAL_SIZE = AT_DIGEST + (int)AREA_DIGEST_SIZE,
};

struct prepared_name prepared_name(uint64_t ticket, const char *suffix)
{
	struct prepared_name name;

	snprintf(name.text, sizeof(name.text), "%016" PRIx64 ".%.16s", ticket, suffix);
	return name;
}

struct prepared_name prepared_data(uint64_t ticket, unsigned index)
{
	char suffix[12];

	snprintf(suffix, sizeof(suffix), "%u", index);
	return prepared_name(ticket, suffix);
}

/* --- bytes ----------------------------------------------------------------------------------- */

static void encode(const struct journal *journal, uint8_t bytes[JOURNAL_SIZE])
{
	memset(bytes, 0, JOURNAL_SIZE);
	memcpy(bytes + AT_MAGIC, magic, sizeof(magic));
	bytes[AT_VERSION] = JOURNAL_VERSION;
	bytes[AT_COUNT] = (uint8_t)journal->count;
	memcpy(bytes + AT_OWNER, journal->owner, sizeof(journal->owner));
	for (unsigned i = 0; i < journal->count; i++) {
		uint8_t *entry = bytes + AT_ENTRIES + i * ENTRY_SIZE;

		entry[0] = (uint8_t)journal->entries[i].kind;
		memcpy(entry + IN_ENTRY_NAME, journal->entries[i].name,
		       sizeof(journal->entries[i].name));
		memcpy(entry + IN_ENTRY_DIGEST, journal->entries[i].digest, AREA_DIGEST_SIZE);
	}
}

static bool is_name(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	return length < size && nv_name_valid(text, length);
}

/* The digest says that these bytes are ours; that names are names is checked all the same. */
static bool decode(const uint8_t bytes[JOURNAL_SIZE], struct journal *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->count = bytes[AT_COUNT];
	memcpy(ret->owner, bytes + AT_OWNER, sizeof(ret->owner));
	if (ret->count < 1 || ret->count > NV_CHANGES_MAX ||
	    !is_name(ret->owner, sizeof(ret->owner)))
		return false;
	for (unsigned i = 0; i < ret->count; i++) {
		const uint8_t *from = bytes + AT_ENTRIES + i * ENTRY_SIZE;
		struct journal_entry *entry = &ret->entries[i];

		entry->kind = from[0];
		memcpy(entry->name, from + IN_ENTRY_NAME, sizeof(entry->name));
		memcpy(entry->digest, from + IN_ENTRY_DIGEST, AREA_DIGEST_SIZE);
		if ((entry->kind != NV_CHANGE_PUT && entry->kind != NV_CHANGE_DELETE) ||
		    !is_name(entry->name, sizeof(entry->name)))
			return false;
	}
	return true;
}

/* --- making ---------------------------------------------------------------------------------- */

static int write_file(struct disk *disk, int fd, const struct journal *journal)
{
	uint8_t bytes[JOURNAL_SIZE];

	encode(journal, bytes);
	if (!area_hash(bytes, AT_DIGEST, bytes + AT_DIGEST)) {
		errno = ENOSYS;
		return -1;
	}
	return disk_write(disk, fd, bytes, sizeof(bytes)) < 0 ? -1 : disk_sync_file(disk, fd);
}

static int prepare(struct disk *disk, const struct place *place, const char *name,
		   const struct journal *journal)
{
	int fd = disk_make_file(disk, place->new, name);
	int r = 0;

	if (fd < 0)
		return disk_fail(disk, PLACE_NEW, name, "cannot be made");
	if (write_file(disk, fd, journal) < 0 || disk_sync_folder(disk, place->new) < 0) {
		r = disk_fail(disk, PLACE_NEW, name, "cannot be written");
		disk_remove(disk, place->new, name);
	}
	close(fd);
	return r;
}

int journal_store(struct disk *disk, const struct place *place, uint64_t ticket,
		  const struct journal *journal, bool *ret_doubt)
{
	struct prepared_name prepared = prepared_name(ticket, JOURNAL_SUFFIX_PREPARED);
	struct prepared_name final = prepared_name(ticket, JOURNAL_SUFFIX);
	struct disk undo = *disk;
	int r = prepare(disk, place, prepared.text, journal);

	*ret_doubt = false;
	if (r < 0)
		return r;
	if (disk_rename(disk, FILES_STEP_PUT_IN_PLACE, place->new, prepared.text, place->new,
			final.text) < 0) {
		r = disk_fail(disk, PLACE_NEW, final.text, "cannot be put in place");
		disk_remove(disk, place->new, prepared.text);
		return r;
	}
	if (disk_sync_folder(disk, place->new) == 0)
		return 0;
	r = disk_fail(disk, PLACE_NEW, final.text, "cannot be made to last");
	*ret_doubt = journal_forget(&undo, place, ticket) < 0;
	return r;
}

/* --- reading --------------------------------------------------------------------------------- */

static int refuse(struct disk *disk, const char *file, const char *what)
{
	return disk_refuse(disk, -PLUTON_EFAIL, "%.200s/nv/" PLACE_NEW "/%s: %s",
			   disk->options->state, file, what);
}

static int check(struct disk *disk, const char *file, const uint8_t *bytes, ssize_t size,
		 struct journal *ret)
{
	uint8_t digest[AREA_DIGEST_SIZE];

	if (size >= AT_COUNT && memcmp(bytes + AT_MAGIC, magic, sizeof(magic)) == 0 &&
	    bytes[AT_VERSION] > JOURNAL_VERSION)
		return refuse(disk, file,
			      "a newer Pluton has not completed this commit; start that one");
	if (size == JOURNAL_SIZE && bytes[AT_VERSION] == JOURNAL_VERSION &&
	    area_hash(bytes, AT_DIGEST, digest) &&
	    memcmp(digest, bytes + AT_DIGEST, sizeof(digest)) == 0 && decode(bytes, ret))
		return 0;
	return refuse(disk, file,
		      "the journal of a commit is damaged; restore the folder nv from a backup, or "
		      "move the journal away and accept that half of a commit was lost");
}

int journal_load(struct disk *disk, const struct place *place, uint64_t ticket, struct journal *ret)
{
	struct prepared_name name = prepared_name(ticket, JOURNAL_SUFFIX);
	uint8_t bytes[JOURNAL_SIZE + 1];
	ssize_t size;
	int fd;

	fd = openat(place->new, name.text, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return -PLUTON_ENODEVICE;
	if (fd < 0)
		return disk_fail(disk, PLACE_NEW, name.text, "cannot be opened");
	size = read(fd, bytes, sizeof(bytes));
	close(fd);
	if (size < 0)
		return disk_fail(disk, PLACE_NEW, name.text, "cannot be read");
	return check(disk, name.text, bytes, size, ret);
}

/* --- carrying out ---------------------------------------------------------------------------- */

/* The area has the content that was prepared: it was renamed before. */
static bool is_applied(struct disk *disk, const struct place *place, const struct journal *journal,
		       const struct journal_entry *entry)
{
	struct area area;

	return area_load(disk, place->owner, entry->name, journal->owner, entry->name, &area,
			 NULL) == 0 &&
	       memcmp(area.digest, entry->digest, sizeof(entry->digest)) == 0;
}

static int apply_put(struct disk *disk, const struct place *place, uint64_t ticket,
		     const struct journal *journal, unsigned index, struct scratch *scratch)
{
	const struct journal_entry *entry = &journal->entries[index];
	struct prepared_name file = prepared_data(ticket, index);
	struct area area;
	int r = area_load(disk, place->new, file.text, journal->owner, entry->name, &area, scratch);

	if (r == -PLUTON_ENODEVICE && is_applied(disk, place, journal, entry))
		return 0;
	if (r == -PLUTON_ENODEVICE ||
	    (r == 0 && memcmp(area.digest, entry->digest, sizeof(entry->digest)) != 0))
		return refuse(disk, file.text,
			      "belongs to an unfinished commit and is not what it was; restore the "
			      "folder nv from a backup");
	if (r < 0)
		return r;
	if (disk_rename(disk, FILES_STEP_PUT_IN_PLACE, place->new, file.text, place->owner,
			entry->name) < 0)
		return disk_fail(disk, journal->owner, entry->name, "cannot be put in place");
	return 0;
}

static int apply_delete(struct disk *disk, const struct place *place, const struct journal *journal,
			const struct journal_entry *entry)
{
	if (disk_remove(disk, place->owner, entry->name) == 0 || errno == ENOENT)
		return 0;
	return disk_fail(disk, journal->owner, entry->name, "cannot be removed");
}

int journal_apply(struct disk *disk, const struct place *place, uint64_t ticket,
		  const struct journal *journal, struct scratch *scratch)
{
	int r = 0;

	for (unsigned i = 0; i < journal->count && r == 0; i++)
		r = journal->entries[i].kind == NV_CHANGE_PUT
			    ? apply_put(disk, place, ticket, journal, i, scratch)
			    : apply_delete(disk, place, journal, &journal->entries[i]);
	if (r == 0 && disk_sync_folder(disk, place->owner) < 0)
		r = disk_fail(disk, journal->owner, NULL, "cannot be made to last");
	return r < 0 ? r : journal_forget(disk, place, ticket);
}

int journal_forget(struct disk *disk, const struct place *place, uint64_t ticket)
{
	struct prepared_name name = prepared_name(ticket, JOURNAL_SUFFIX);

	if (disk_remove(disk, place->new, name.text) < 0 && errno != ENOENT)
		return disk_fail(disk, PLACE_NEW, name.text, "cannot be removed");
	if (disk_sync_folder(disk, place->new) < 0)
		return disk_fail(disk, PLACE_NEW, name.text, "cannot be removed for good");
	return 0;
}
