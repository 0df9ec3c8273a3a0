/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and making folders. Each one is opened from its parent's descriptor and never through a
 * link, so that nothing outside can be reached, whatever stands on the disk.
 */
#include "backends/files/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_folder(int parent, const char *name)
{
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int open_state(const struct disk *disk)
{
	return open(disk->options->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int check_ours(struct disk *disk, int fd, const char *name)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return disk_fail(disk, name, NULL, "cannot be looked at");
	if (status.st_uid != geteuid())
		return disk_refuse(disk, -PLUTON_EFAIL,
				   "%.200s/nv%s%s: belongs to uid %u, the daemon runs as uid %u; "
				   "chown it",
				   disk->options->state, name ? "/" : "", name ? name : "",
				   (unsigned)status.st_uid, (unsigned)geteuid());
	if (status.st_mode & (S_IWGRP | S_IWOTH))
		return disk_refuse(disk, -PLUTON_EFAIL,
				   "%.200s/nv%s%s: others can write there (mode %04o); chmod go-w "
				   "it, and see whether the areas are still yours",
				   disk->options->state, name ? "/" : "", name ? name : "",
				   (unsigned)status.st_mode & 07777);
	return 0;
}

/* 0 with *ret_fd -1: it is not there. `name` is NULL for nv itself. */
static int open_checked(struct disk *disk, int parent, const char *name, int *ret_fd)
{
	int fd = open_folder(parent, name ? name : "nv");

	if (fd < 0)
		return errno == ENOENT ? 0 : disk_fail(disk, name, NULL, "cannot be opened");
	*ret_fd = fd;
	return check_ours(disk, fd, name);
}

int place_open(struct disk *disk, const char *owner, struct place *ret)
{
	int state = open_state(disk);
	int r;

	*ret = PLACE_NOWHERE;
	if (state < 0)
		return errno == ENOENT ? 0 : disk_fail(disk, NULL, NULL, "cannot be opened");
	r = open_checked(disk, state, NULL, &ret->nv);
	close(state);
	if (r == 0 && ret->nv >= 0)
		r = open_checked(disk, ret->nv, PLACE_NEW, &ret->new);
	if (r == 0 && ret->nv >= 0 && owner)
		r = open_checked(disk, ret->nv, owner, &ret->owner);
	return r;
}

void place_close(struct place *place)
{
	if (place->owner >= 0)
		close(place->owner);
	if (place->new >= 0)
		close(place->new);
	if (place->nv >= 0)
		close(place->nv);
	*place = PLACE_NOWHERE;
}

/* One that was made is either durable or gone again. */
static int make_folder(struct disk *disk, int parent, const char *name, int *fd)
{
	const char *path = name ? name : "nv";

	if (*fd >= 0)
		return 0;
	if (disk_make_folder(disk, parent, path) == 0) {
		if (disk_sync_folder(disk, parent) < 0) {
			int r = disk_fail(disk, name, NULL, "cannot be made to last");

			disk_remove_folder(disk, parent, path);
			return r;
		}
	} else if (errno != EEXIST) {
		return disk_fail(disk, name, NULL, "cannot be made");
	}
	return open_checked(disk, parent, name, fd);
}

static int make_nv(struct disk *disk, struct place *place)
{
	int state, r;

	if (place->nv >= 0)
		return 0;
	state = open_state(disk);
	if (state < 0)
		return disk_fail(disk, NULL, NULL, "the folder above cannot be opened");
	r = make_folder(disk, state, NULL, &place->nv);
	close(state);
	return r;
}

int place_make(struct disk *disk, const char *owner, struct place *place)
{
	int r = make_nv(disk, place);

	if (r == 0)
		r = make_folder(disk, place->nv, PLACE_NEW, &place->new);
	if (r == 0)
		r = make_folder(disk, place->nv, owner, &place->owner);
	return r;
}

int place_settle(struct disk *disk, const struct place *place)
{
	int state = open_state(disk), r = -1;

	if (state >= 0)
		r = disk_sync_folder(disk, state);
	if (r == 0)
		r = disk_sync_folder(disk, place->nv);
	if (r < 0)
		r = disk_fail(disk, NULL, NULL, "cannot be made to last");
	if (state >= 0)
		close(state);
	return r;
}

static int visit_entries(struct disk *disk, DIR *stream, const char *folder,
			 int (*visit)(void *context, const char *name), void *context)
{
	int r = 0;

	while (r == 0) {
		const struct dirent *entry;

		errno = 0;
		entry = readdir(stream);
		if (!entry)
			return errno ? disk_fail(disk, folder, NULL, "cannot be read") : 0;
		r = visit(context, entry->d_name);
	}
	return r;
}

int place_each(struct disk *disk, int parent, const char *folder,
	       int (*visit)(void *context, const char *name), void *context)
{
	int fd = dup(parent), r;
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream) {
		r = disk_fail(disk, folder, NULL, "cannot be read");
		if (fd >= 0)
			close(fd);
		return r;
	}
	rewinddir(stream); /* the position is shared with the descriptor it was made from */
	r = visit_entries(disk, stream, folder, visit, context);
	closedir(stream);
	return r;
}
