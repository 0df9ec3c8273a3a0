/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line, "PID STARTTIME BOOTID". It need not survive a power cut: nor does the process.
 */
#include "backends/fork/runfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SUFFIX ".run"
#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_SIZE 48
#define LINE_SIZE 128

struct identity {
	pid_t pid;
	uint64_t start_time; /* field 22 of proc(5)'s /proc/PID/stat */
	char boot[BOOT_ID_SIZE];
};

static int read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);
	int r = n < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return r;
}

/* The name in field 2 may hold blanks and brackets: the last bracket ends it. */
static int read_start_time(pid_t pid, uint64_t *ret)
{
	char path[64], text[1024];
	const char *at;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	r = read_text(path, text, sizeof(text));
	at = r < 0 ? NULL : strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return r < 0 ? r : -EINVAL;
	*ret = strtoull(at + 1, NULL, 10);
	return 0;
}

static int read_boot(char boot[BOOT_ID_SIZE])
{
	int r = read_text(BOOT_ID, boot, BOOT_ID_SIZE);

	boot[strcspn(boot, "\n")] = '\0';
	return r;
}

static void path_of(const char *folder, const char *name, const char *suffix, char *path,
		    size_t size)
{
	snprintf(path, size, "%s/%s%s", folder, name, suffix);
}

static int write_file(const char *path, const char *text, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ssize_t n = fd < 0 ? -1 : write(fd, text, length);
	int r = n < 0 ? -errno : n == (ssize_t)length ? 0 : -ENOSPC;

	if (fd >= 0)
		close(fd);
	return r;
}

int runfile_write(const char *folder, const char *name, pid_t pid)
{
	char path[PATH_MAX], fresh[PATH_MAX], line[LINE_SIZE], boot[BOOT_ID_SIZE];
	uint64_t start_time;
	int r = read_start_time(pid, &start_time), length;

	if (r == 0)
		r = read_boot(boot);
	if (r == 0 && mkdir(folder, 0700) < 0 && errno != EEXIST)
		r = -errno;
	if (r < 0)
		return r;
	path_of(folder, name, SUFFIX, path, sizeof(path));
	path_of(folder, name, SUFFIX ".new", fresh, sizeof(fresh));
	length = snprintf(line, sizeof(line), "%d %" PRIu64 " %s\n", (int)pid, start_time, boot);
	r = write_file(fresh, line, (size_t)length);
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	return r;
}

static bool read_identity(const char *folder, const char *name, struct identity *ret)
{
	char path[PATH_MAX], line[LINE_SIZE];
	int pid;

	path_of(folder, name, SUFFIX, path, sizeof(path));
	if (read_text(path, line, sizeof(line)) < 0 ||
	    sscanf(line, "%d %" SCNu64 " %47s", &pid, &ret->start_time, ret->boot) != 3 || pid <= 1)
		return false;
	ret->pid = pid;
	return true;
}

/* Asked with the pidfd open: if it is the process now, then the pidfd is the process. */
static bool is_it(const struct identity *identity, int pidfd)
{
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	char boot[BOOT_ID_SIZE];
	uint64_t start_time;

	return read_boot(boot) == 0 && strcmp(boot, identity->boot) == 0 &&
	       read_start_time(identity->pid, &start_time) == 0 &&
	       start_time == identity->start_time && poll(&ended, 1, 0) == 0;
}

pid_t runfile_find(const char *folder, const char *name, int *ret_pidfd)
{
	struct identity identity;
	int pidfd;

	if (!read_identity(folder, name, &identity))
		return 0;
	pidfd = (int)syscall(SYS_pidfd_open, identity.pid, 0);
	if (pidfd >= 0 && is_it(&identity, pidfd)) {
		*ret_pidfd = pidfd;
		return identity.pid;
	}
	if (pidfd >= 0)
		close(pidfd);
	runfile_remove(folder, name);
	return 0;
}

void runfile_remove(const char *folder, const char *name)
{
	char path[PATH_MAX];

	path_of(folder, name, SUFFIX, path, sizeof(path));
	(void)unlink(path);
}

void runfile_each(const char *folder, void (*fn)(void *context, const char *name), void *context)
{
	DIR *directory = opendir(folder);
	const struct dirent *entry;
	char name[NAME_MAX + 1];

	while (directory && (entry = readdir(directory))) {
		size_t length = strlen(entry->d_name);

		if (length <= strlen(SUFFIX) ||
		    strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) != 0)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(length - strlen(SUFFIX)), entry->d_name);
		fn(context, name);
	}
	if (directory)
		closedir(directory);
}
