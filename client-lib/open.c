/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an address to a greeted connection. Nothing is known about the other side yet: whatever
 * goes wrong here gets a sentence that a person can act on.
 */
#include "client-lib/connection.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ADDRESS_SCHEME "unix:"
#define ADDRESS_BUILT_IN "unix:/run/pluton/pluton.sock"

/* Where the sentence about a failure goes; may have no room at all. */
struct explanation {
	char *text;
	size_t size;
};

__attribute__((format(printf, 3, 4))) static int explain(const struct explanation *to, int error,
							 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (to->size > 0)
		vsnprintf(to->text, to->size, format, args);
	va_end(args);
	return error;
}

const char *pluton_default_address(const char *address)
{
	if (address)
		return address;
	address = secure_getenv("PLUTON_ADDRESS");
	return address && *address ? address : ADDRESS_BUILT_IN;
}

static int parse_address(const char *address, struct sockaddr_un *ret, const struct explanation *to)
{
	const char *path = address + strlen(ADDRESS_SCHEME);

	if (strncmp(address, ADDRESS_SCHEME, strlen(ADDRESS_SCHEME)) != 0 || *path == '\0')
		return explain(to, -PLUTON_EINVAL, "not an address: \"%s\"; write unix:PATH",
			       address);
	if (strlen(path) >= sizeof(ret->sun_path))
		return explain(to, -PLUTON_EINVAL,
			       "a path of %zu bytes, a socket's has at most %zu: %s", strlen(path),
			       sizeof(ret->sun_path) - 1, path);
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path, path, strlen(path) + 1);
	return 0;
}

static int explain_connect(const char *address, const struct explanation *to)
{
	switch (errno) {
	case ENOENT:
	case ECONNREFUSED:
		return explain(to, -PLUTON_EOFF, "nobody listens at %s", address);
	case EPROTOTYPE:
		return explain(to, -PLUTON_EOFF, "what listens at %s is not plutond", address);
	case ENOMEM:
	case ENOBUFS:
		return explain(to, -PLUTON_ENOMEM, "cannot connect to %s: %s", address,
			       strerror(errno));
	default:
		return explain(to, -PLUTON_EOFF, "cannot connect to %s: %s", address,
			       strerror(errno));
	}
}

static int connect_to(const char *address, const struct explanation *to)
{
	struct sockaddr_un name;
	int fd, r;

	r = parse_address(address, &name, to);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return explain(to, -PLUTON_ENOMEM, "no socket: %s", strerror(errno));
	do {
		r = connect(fd, (const struct sockaddr *)&name, sizeof(name));
	} while (r < 0 && errno == EINTR);
	if (r == 0)
		return fd;
	r = explain_connect(address, to);
	close(fd);
	return r;
}

static int greet(struct pluton *pluton)
{
	const struct record hello = {
		.header = {.type = RECORD_HELLO},
		.hello = {.version = RECORD_VERSION},
	};
	int r = connection_send(pluton, &hello);

	while (r == 0 && !pluton->greeted)
		r = connection_wait(pluton);
	return r;
}

int connection_open(int fd, struct pluton **ret, char *message, size_t message_size)
{
	const struct explanation to = {message, message_size};
	struct pluton *pluton = calloc(1, sizeof(*pluton));
	int r;

	*ret = NULL;
	if (!pluton) {
		close(fd);
		return explain(&to, -PLUTON_ENOMEM, "no memory for a connection");
	}
	pluton->fd = fd;
	pluton->due.tail = &pluton->due.head;
	r = greet(pluton);
	if (r < 0) {
		explain(&to, r, "%s", pluton->message);
		pluton_close(pluton);
		return r;
	}
	*ret = pluton;
	return 0;
}

int pluton_open_explained(const char *address, struct pluton **ret, char *message,
			  size_t message_size)
{
	const struct explanation to = {message, message_size};
	int fd = connect_to(pluton_default_address(address), &to);

	*ret = NULL;
	return fd < 0 ? fd : connection_open(fd, ret, message, message_size);
}

int pluton_open(const char *address, struct pluton **ret)
{
	return pluton_open_explained(address, ret, NULL, 0);
}
