/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that change the disk. Nobody else in this folder makes one: a call without its step
 * would be a cut that no test makes.
 */
#include "backends/files/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const step_names[FILES_STEPS] = {
	[FILES_STEP_MAKE_FOLDER] = "make-folder",
	[FILES_STEP_MAKE_FILE] = "make-file",
	[FILES_STEP_WRITE] = "write",
	[FILES_STEP_SYNC_FILE] = "sync-file",
	[FILES_STEP_KEEP_OLD] = "keep-old",
	[FILES_STEP_PUT_IN_PLACE] = "put-in-place",
	[FILES_STEP_SYNC_FOLDER] = "sync-folder",
	[FILES_STEP_TAKE_BACK] = "take-back",
	[FILES_STEP_REMOVE] = "remove",
};

const char *files_step_name(enum files_step step)
{
	return (unsigned)step < FILES_STEPS ? step_names[step] : NULL;
}

/* --- sentences ------------------------------------------------------------------------------- */

int disk_refuse(struct disk *disk, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(disk->why, sizeof(disk->why), format, args);
	va_end(args);
	return error;
}

static const char *advice(int number)
{
	switch (number) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return "make room on that disk";
	case EROFS:
		return "mount it for writing";
	case EACCES:
	case EPERM:
		return "give the daemon's user access to it";
	case ELOOP:
	case ENOTDIR:
	case EISDIR:
		return "put the right kind of file back, or restore it from a backup";
	case EIO:
		return "check the disk";
	default:
		return "check what is there";
	}
}

int disk_fail(struct disk *disk, const char *folder, const char *name, const char *what)
{
	int number = errno;

	return disk_refuse(disk, -PLUTON_EFAIL, "%.200s/nv%s%s%s%s: %s: %s; %s",
			   disk->options->state, folder ? "/" : "", folder ? folder : "",
			   name ? "/" : "", name ? name : "", what, strerror(number),
			   advice(number));
}

/* --- system calls ---------------------------------------------------------------------------- */

static int reach(const struct disk *disk, enum files_step step)
{
	const struct files_hook *hook = &disk->options->hook;
	int number = hook->run ? hook->run(hook->context, step) : 0;

	if (number == 0)
		return 0;
	errno = number;
	return -1;
}

int disk_make_folder(struct disk *disk, int parent, const char *name)
{
	return reach(disk, FILES_STEP_MAKE_FOLDER) < 0 ? -1 : mkdirat(parent, name, 0700);
}

int disk_make_file(struct disk *disk, int folder, const char *name)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

	return reach(disk, FILES_STEP_MAKE_FILE) < 0 ? -1 : openat(folder, name, flags, 0600);
}

int disk_write(struct disk *disk, int fd, const void *bytes, size_t size)
{
	const uint8_t *from = bytes;

	while (size) {
		ssize_t n = reach(disk, FILES_STEP_WRITE) < 0 ? -1 : write(fd, from, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		from += n;
		size -= (size_t)n;
	}
	return 0;
}

int disk_sync_file(struct disk *disk, int fd)
{
	return reach(disk, FILES_STEP_SYNC_FILE) < 0 ? -1 : fdatasync(fd);
}

int disk_sync_folder(struct disk *disk, int fd)
{
	return reach(disk, FILES_STEP_SYNC_FOLDER) < 0 ? -1 : fsync(fd);
}

int disk_link(struct disk *disk, int from, const char *name, int to, const char *new_name)
{
	return reach(disk, FILES_STEP_KEEP_OLD) < 0 ? -1 : linkat(from, name, to, new_name, 0);
}

int disk_rename(struct disk *disk, enum files_step step, int from, const char *name, int to,
		const char *new_name)
{
	return reach(disk, step) < 0 ? -1 : renameat(from, name, to, new_name);
}

int disk_remove(struct disk *disk, int folder, const char *name)
{
	return reach(disk, FILES_STEP_REMOVE) < 0 ? -1 : unlinkat(folder, name, 0);
}

int disk_remove_folder(struct disk *disk, int parent, const char *name)
{
	return reach(disk, FILES_STEP_REMOVE) < 0 ? -1 : unlinkat(parent, name, AT_REMOVEDIR);
}
