/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The disk as this backend uses it: each system call that changes something, with its step before
 * it, and the sentence about one that failed. Worker threads only, but for recovery at open.
 */
#ifndef PLUTON_FILES_DISK_H
#define PLUTON_FILES_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "backends/files/files.h"

#define DISK_WHY_SIZE 512u

/* One operation's own. */
struct disk {
	const struct files_options *options;
	char why[DISK_WHY_SIZE]; /* of the last failure; "": none */
};

/* Notes the sentence and returns `error`. */
int disk_refuse(struct disk *disk, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Notes "STATE/nv/FOLDER/NAME: WHAT: what errno says; what to do" and returns -PLUTON_EFAIL.
 * NULL for what is not part of the path.
 */
int disk_fail(struct disk *disk, const char *folder, const char *name, const char *what);

/* As their system calls, with errno; retried after EINTR. Files are 0600, folders 0700. */
int disk_make_folder(struct disk *disk, int parent, const char *name);
int disk_make_file(struct disk *disk, int folder, const char *name);
int disk_write(struct disk *disk, int fd, const void *bytes, size_t size); /* all of it */
int disk_sync_file(struct disk *disk, int fd);
int disk_sync_folder(struct disk *disk, int fd);
int disk_link(struct disk *disk, int from, const char *name, int to, const char *new_name);
int disk_rename(struct disk *disk, enum files_step step, int from, const char *name, int to,
		const char *new_name);
int disk_remove(struct disk *disk, int folder, const char *name);
int disk_remove_folder(struct disk *disk, int parent, const char *name);

#endif
