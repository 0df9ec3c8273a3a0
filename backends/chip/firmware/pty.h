/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pseudo-terminal with a name of our choice.
 */
#ifndef PLUTON_FIRMWARE_PTY_H
#define PLUTON_FIRMWARE_PTY_H

#include <limits.h>

struct pty {
	int fd;		     /* our end; does not block */
	const char *link;    /* the symbolic link, as it was given */
	char name[PATH_MAX]; /* what it points to: the other end */
};

/*
 * Makes one, and `link` point to it; a symbolic link that is there already is replaced. 0, or -1
 * with errno.
 */
int pty_open(struct pty *pty, const char *link);

/* Removes the link unless it points to another one by now. */
void pty_close(struct pty *pty);

#endif
