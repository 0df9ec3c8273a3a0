/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receiving and reading, without believing: who sent it is looked at by who calls.
 */
#include "backends/fork/notify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX 4096u /* bytes that are read of one; what is behind them is not looked at */
#define DEFAULT_NAME "stored"

static int bind_at(int fd, const char *path, mode_t mode)
{
	static const int on = 1;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return -EEXIST;
	(void)unlink(path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(path, mode) < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

int notify_open(const char *path, mode_t mode)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = fd < 0 ? -errno : bind_at(fd, path, mode);

	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

static void read_line(const char *line, struct notification *ret)
{
	static const char fd_name[] = "FDNAME=";

	if (strcmp(line, "READY=1") == 0)
		ret->ready = true;
	else if (strcmp(line, "STOPPING=1") == 0)
		ret->stopping = true;
	else if (strcmp(line, "WATCHDOG=1") == 0)
		ret->alive = true;
	else if (strcmp(line, "WATCHDOG=trigger") == 0)
		ret->trigger = true;
	else if (strcmp(line, "FDSTORE=1") == 0)
		ret->store = true;
	else if (strcmp(line, "FDSTOREREMOVE=1") == 0)
		ret->remove = true;
	else if (strncmp(line, fd_name, strlen(fd_name)) == 0) {
		line += strlen(fd_name);
		snprintf(ret->name, sizeof(ret->name), "%s",
			 fdstore_is_name(line, strlen(line)) ? line : "");
	}
}

static void read_lines(char *text, struct notification *ret)
{
	char *rest = text;

	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
		read_line(line, ret);
}

static void read_control(struct msghdr *message, struct notification *ret)
{
	struct ucred sender;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&sender, CMSG_DATA(c), sizeof(sender));
			ret->pid = sender.pid;
		}
		if (c->cmsg_type == SCM_RIGHTS) {
			ret->count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(ret->descriptors, CMSG_DATA(c), ret->count * sizeof(int));
		}
	}
}

int notify_receive(int fd, struct notification *ret)
{
	char text[MESSAGE_MAX + 1];
	struct iovec bytes = {text, MESSAGE_MAX};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(NOTIFY_DESCRIPTORS_MAX * sizeof(int)) +
			   CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct msghdr message = {.msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return 0;
	*ret = (struct notification){.name = DEFAULT_NAME};
	read_control(&message, ret);
	text[n] = '\0';
	read_lines(text, ret);
	return 1;
}
