/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line, "PID STARTTIME BOOTID UID". The rule a newcomer would break first: an error is no proof
 * that nothing runs. The file need not survive a power cut: nor does the process.
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
	uid_t uid;
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

int runfile_write(const char *folder, const char *name, pid_t pid, uid_t uid)
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
	length = snprintf(line, sizeof(line), "%d %" PRIu64 " %s %u\n", (int)pid, start_time, boot,
			  (unsigned)uid);
	r = write_file(fresh, line, (size_t)length);
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	return r;
}

/* 0: there is none, or what is there is nothing that we wrote. */
static int read_identity(const char *folder, const char *name, struct identity *ret)
{
	char path[PATH_MAX], line[LINE_SIZE];
	unsigned uid;
	int pid, r;

	path_of(folder, name, SUFFIX, path, sizeof(path));
	r = read_text(path, line, sizeof(line));
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (sscanf(line, "%d %" SCNu64 " %47s %u", &pid, &ret->start_time, ret->boot, &uid) != 4 ||
	    pid <= 1)
		return 0;
	ret->pid = pid;
	ret->uid = uid;
	return 1;
}

/*
 * Asked with the pidfd open: if it is the process now, then the pidfd is the process. 1, 0, or a
 * negative errno.
 */
static int is_it(const struct identity *identity, int pidfd)
{
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	uint64_t start_time;
	int r = read_start_time(identity->pid, &start_time);

	if (poll(&ended, 1, 0) != 0)
		return 0; /* which is also why its start time may be unknown */
	return r < 0 ? r : start_time == identity->start_time;
}

/* Another boot's processes are gone, whatever has their pids now. */
static int is_of_this_boot(const struct identity *identity)
{
	char boot[BOOT_ID_SIZE];
	int r = read_boot(boot);

	return r < 0 ? r : strcmp(boot, identity->boot) == 0;
}

static int open_process(const struct identity *identity, int *ret_pidfd)
{
	int pidfd = (int)syscall(SYS_pidfd_open, identity->pid, 0), r;

	if (pidfd < 0) /* the last two: it is a thread's number by now */
		return errno == ESRCH || errno == EINVAL || errno == ENOENT ? 0 : -errno;
	r = is_it(identity, pidfd);
	if (r > 0)
		*ret_pidfd = pidfd;
	else
		close(pidfd);
	return r;
}

int runfile_find(const char *folder, const char *name, struct runfile_process *ret)
{
	struct identity identity;
	int r = read_identity(folder, name, &identity), pidfd = -1;

	if (r > 0)
		r = is_of_this_boot(&identity);
	if (r > 0)
		r = open_process(&identity, &pidfd);
	if (r > 0)
		*ret = (struct runfile_process){identity.pid, pidfd, identity.uid};
	else if (r == 0)
		runfile_remove(folder, name);
	return r;
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
