/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/chip/firmware/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* At no moment is there no link or half a one. */
static int replace_link(const struct pty *pty)
{
	char temporary[PATH_MAX];
	struct stat stat;

	if (lstat(pty->link, &stat) == 0 && !S_ISLNK(stat.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	if (snprintf(temporary, sizeof(temporary), "%s.%d", pty->link, (int)getpid()) >=
	    (int)sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (symlink(pty->name, temporary) < 0)
		return -1;
	if (rename(temporary, pty->link) < 0) {
		int saved = errno;

		unlink(temporary);
		errno = saved;
		return -1;
	}
	return 0;
}

static int prepare(struct pty *pty)
{
	struct termios termios;

	if (grantpt(pty->fd) < 0 || unlockpt(pty->fd) < 0 ||
	    ptsname_r(pty->fd, pty->name, sizeof(pty->name)) != 0)
		return -1;
	if (tcgetattr(pty->fd, &termios) < 0)
		return -1;
	cfmakeraw(&termios);
	if (tcsetattr(pty->fd, TCSANOW, &termios) < 0)
		return -1;
	return replace_link(pty);
}

int pty_open(struct pty *pty, const char *link)
{
	pty->link = link;
	pty->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (pty->fd < 0)
		return -1;
	if (prepare(pty) < 0) {
		int saved = errno;

		close(pty->fd);
		errno = saved;
		return -1;
	}
	return 0;
}

void pty_close(struct pty *pty)
{
	char name[PATH_MAX];
	ssize_t n = readlink(pty->link, name, sizeof(name) - 1);

	if (n > 0 && (size_t)n == strlen(pty->name) && memcmp(name, pty->name, (size_t)n) == 0)
		unlink(pty->link);
	close(pty->fd);
}
