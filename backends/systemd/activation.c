/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect(2) of a Unix socket that does not block is over when it returns.
 */
#include "backends/systemd/activation.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int activation_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	int fd, r;

	if (length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int activation_say(int fd, const char *word)
{
	return send(fd, word, strlen(word), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

enum activation_end activation_look(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, sizeof(byte), MSG_DONTWAIT);

	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return ACTIVATION_GOES_ON;
	/* ECONNRESET: unix_release_sock of the kernel tells so of what was not read. */
	return n == 0 ? ACTIVATION_HUNG_UP : ACTIVATION_UNHEARD;
}
