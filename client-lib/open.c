/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an address to a greeted connection. Nothing is known about the other side yet: whatever
 * goes wrong here gets a sentence that a person can act on.
 */
#include "client-lib/connection.h"

#include <errno.h>
#include <poll.h>
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

/* true: systemd runs this machine, and would run the system's plutond for who connects. */
static bool is_system_service(const char *address)
{
	return strcmp(address, ADDRESS_BUILT_IN) == 0 && access("/run/systemd/system", F_OK) == 0;
}

static int explain_connect(const char *address, const struct explanation *to)
{
	switch (errno) {
	case ENOENT:
	case ECONNREFUSED:
		return explain(to, -PLUTON_EOFF, "nobody listens at %s%s", address,
			       is_system_service(address) ? "; systemctl start plutond.socket"
							  : "");
	case EACCES:
	case EPERM:
		return explain(to, -PLUTON_ENODEVICE,
			       "user %u may not connect to %s; look at the permissions of the "
			       "socket (socket_mode in plutond.conf(5)) and of its folders",
			       geteuid(), address);
	case EPROTOTYPE:
		return explain(to, -PLUTON_EOFF, "what listens at %s is not plutond", address);
	case EAGAIN:
		return explain(to, -PLUTON_EBUSY,
			       "plutond at %s is busy: its queue of connections is full", address);
	case ENOMEM:
	case ENOBUFS:
		return explain(to, -PLUTON_ENOMEM, "cannot connect to %s: %s", address,
			       strerror(errno));
	default:
		return explain(to, -PLUTON_EOFF, "cannot connect to %s: %s", address,
			       strerror(errno));
	}
}

/* Of connecting, where the listener's queue is full, and of receiving. 0: as long as it takes. */
static int set_timeouts(int fd, int timeout_ms)
{
	const struct timeval timeout = {.tv_sec = timeout_ms / 1000,
					.tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
		return -PLUTON_EOFF;
	return 0;
}

int open_socket(const char *address, int timeout_ms, char *message, size_t message_size)
{
	const struct explanation to = {message, message_size};
	struct sockaddr_un name;
	int fd, r;

	r = parse_address(address, &name, &to);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return explain(&to, -PLUTON_ENOMEM, "no socket: %s", strerror(errno));
	r = timeout_ms > 0 ? set_timeouts(fd, timeout_ms) : 0;
	while (r == 0) {
		if (connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0)
			return fd;
		if (errno != EINTR)
			break;
	}
	r = explain_connect(address, &to);
	close(fd);
	return r;
}

int open_settled(struct pluton *pluton)
{
	if (set_timeouts(pluton->fd, 0) < 0)
		return connection_fail(pluton, -PLUTON_EOFF, "a socket's options: %s",
				       strerror(errno));
	pluton->deadline_ms = 0;
	return 0;
}

/* Whoever serves the socket next is there already, or on its way: it is the socket that waits. */
bool open_again(bool cut_off, unsigned tries)
{
	if (!cut_off || tries >= OPEN_TRIES)
		return false;
	(void)poll(NULL, 0, 1 << tries);
	return true;
}

int connection_greet(struct pluton *pluton, int timeout_ms)
{
	const struct record hello = {
		.header = {.type = RECORD_HELLO},
		.hello = {.version = RECORD_VERSION,
			  .features = pluton->rings.forbidden ? 0 : FEATURE_RINGS},
	};
	int r;

	pluton->greeted = false;
	pluton->cut_off = false;
	pluton->deadline_ms = timeout_ms > 0 ? connection_now_ms() + (uint64_t)timeout_ms : 0;
	r = connection_send(pluton, &hello);
	while (r == 0 && !pluton->greeted)
		r = connection_wait(pluton);
	return r;
}

/* Takes `fd` in every case. */
static struct pluton *new_connection(int fd)
{
	struct pluton *pluton = calloc(1, sizeof(*pluton));

	if (!pluton) {
		close(fd);
		return NULL;
	}
	pluton->fd = fd;
	pluton->in_fds[0] = -1;
	pluton->in_fds[1] = -1;
	rings_init(&pluton->rings);
	pluton->reconnect.connection = 1;
	pluton->due.tail = &pluton->due.head;
	return pluton;
}

int connection_begin(int fd, struct pluton **ret, char *message, size_t message_size)
{
	const struct explanation to = {message, message_size};
	const struct record hello = {
		.header = {.type = RECORD_HELLO},
		.hello = {.version = RECORD_VERSION},
	};

	*ret = new_connection(fd);
	if (!*ret)
		return explain(&to, -PLUTON_ENOMEM, "no memory for a connection");
	(*ret)->rings.forbidden = true;	     /* an app has none */
	(void)connection_send(*ret, &hello); /* if nobody is there, receiving finds out */
	return 0;
}

/* As connection_open. */
static int open_over(int fd, struct pluton **ret, const struct explanation *to, bool *ret_cut_off)
{
	struct pluton *pluton = new_connection(fd);
	int r;

	*ret = NULL;
	if (!pluton)
		return explain(to, -PLUTON_ENOMEM, "no memory for a connection");
	r = connection_greet(pluton, 0);
	*ret_cut_off = pluton->cut_off;
	if (r < 0) {
		explain(to, r, "%s", pluton->message);
		pluton_close(pluton);
		return r;
	}
	*ret = pluton;
	return 0;
}

int connection_open(int fd, struct pluton **ret, char *message, size_t message_size)
{
	const struct explanation to = {message, message_size};
	bool cut_off;

	return open_over(fd, ret, &to, &cut_off);
}

/* To whoever listens there; who is cut off has met one that stops, and is to find the next. */
static int open_at(const char *address, struct pluton **ret, const struct explanation *to)
{
	unsigned tries = 0;
	bool cut_off;
	int r;

	do {
		cut_off = false;
		r = open_socket(address, 0, to->text, to->size);
		if (r >= 0)
			r = open_over(r, ret, to, &cut_off);
	} while (open_again(cut_off, ++tries));
	return r;
}

/* From now on it is made again when it is lost. */
static int remember(struct pluton *pluton, const char *address)
{
	pluton->reconnect.address = strdup(address);
	pluton->reconnect.timeout_ms = RECONNECT_TIMEOUT_MS;
	pluton->loop = loop_new();
	return pluton->reconnect.address && pluton->loop ? 0 : -PLUTON_ENOMEM;
}

int pluton_open_explained(const char *address, struct pluton **ret, char *message,
			  size_t message_size)
{
	const struct explanation to = {message, message_size};
	int r;

	*ret = NULL;
	address = pluton_default_address(address);
	r = open_at(address, ret, &to);
	if (r < 0 || remember(*ret, address) == 0)
		return r;
	pluton_close(*ret);
	*ret = NULL;
	return explain(&to, -PLUTON_ENOMEM, "no memory for an address");
}

int pluton_open(const char *address, struct pluton **ret)
{
	return pluton_open_explained(address, ret, NULL, 0);
}
