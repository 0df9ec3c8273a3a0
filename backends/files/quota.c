/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an owner has, counted from the headers whenever something is to be added: a number kept
 * beside the files could be wrong.
 */
#include "backends/files/quota.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

struct count {
	struct disk *disk;
	const struct place *place;
	const char *owner;
	uint32_t areas;
	uint64_t bytes;
};

/* One that cannot be read still takes its place: as much as its file has. */
static uint64_t damaged_bytes(const struct count *count, const char *name)
{
	struct stat status;

	if (fstatat(count->place->owner, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return (uint64_t)status.st_size;
}

static int count_area(void *context, const char *name)
{
	struct count *count = context;
	struct disk quiet = *count->disk;
	struct area area;

	count->areas++;
	if (area_load(&quiet, count->place->owner, name, count->owner, name, &area, NULL) == 0)
		count->bytes += area.capacity;
	else
		count->bytes += damaged_bytes(count, name);
	return 0;
}

static void count_changes(struct count *count, const struct change *changes, unsigned number)
{
	for (unsigned i = 0; i < number; i++) {
		if (changes[i].exists) {
			count->areas--;
			count->bytes -= changes[i].before.capacity;
		}
		if (!changes[i].removes) {
			count->areas++;
			count->bytes += changes[i].after.capacity;
		}
	}
}

int quota_check(struct disk *disk, const struct place *place, const char *owner,
		const struct nv_quota *quota, const struct change *changes, unsigned count)
{
	struct count before = {.disk = disk, .place = place, .owner = owner}, after;
	int r = areas_each(disk, place->owner, owner, count_area, &before);

	if (r < 0)
		return r;
	after = before;
	count_changes(&after, changes, count);
	if (after.areas > before.areas && after.areas > quota->areas)
		return disk_refuse(disk, -PLUTON_ENOMEM,
				   "%s would have %u areas, areas_per_owner allows %u", owner,
				   after.areas, quota->areas);
	if (after.bytes > before.bytes && after.bytes > quota->total_bytes)
		return disk_refuse(disk, -PLUTON_ENOMEM,
				   "%s would have %" PRIu64 " bytes of areas, bytes_per_owner "
				   "allows %" PRIu64,
				   owner, after.bytes, quota->total_bytes);
	return 0;
}
