/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framing as in the D-Bus specification, "Message Format" and "Authentication Protocol". Only
 * memfds are handed on; in the place of any other descriptor sd-bus gets /dev/null, which is
 * refused like any descriptor that is no memory. A thread closes the original.
 */
#include "daemon/frontends/dbus_wire.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define AUTHENTICATION_LINES 3u /* DATA, OK, AGREE_UNIX_FD: sd-bus asks in a fixed order */

/* --- addresses ------------------------------------------------------------------------------- */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The value up to a comma, without its %xx; its length, or -EINVAL. */
static int read_value(const char *text, size_t length, char *ret, size_t room)
{
	size_t at = 0;

	for (size_t i = 0; i < length && text[i] != ','; i++) {
		char c = text[i];

		if (c == '%') {
			int high = i + 2 < length ? hex_value(text[i + 1]) : -1;
			int low = high >= 0 ? hex_value(text[i + 2]) : -1;

			if (low < 0)
				return -EINVAL;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (at == room)
			return -ENAMETOOLONG;
		ret[at++] = c;
	}
	return (int)at;
}

static const char *find_key(const char *pairs, size_t length, const char *key)
{
	size_t size = strlen(key);

	for (const char *at = pairs, *end = pairs + length; at < end;) {
		const char *comma = memchr(at, ',', (size_t)(end - at));

		if ((size_t)(end - at) >= size && memcmp(at, key, size) == 0)
			return at + size;
		at = comma ? comma + 1 : end;
	}
	return NULL;
}

static int parse_address(const char *text, size_t length, struct sockaddr_un *ret,
			 socklen_t *ret_size)
{
	static const char prefix[] = "unix:";
	const size_t skip = sizeof(prefix) - 1;
	const char *path, *abstract, *value;
	int n;

	if (length < skip || memcmp(text, prefix, skip) != 0)
		return -EPROTONOSUPPORT;
	path = find_key(text + skip, length - skip, "path=");
	abstract = find_key(text + skip, length - skip, "abstract=");
	value = path ? path : abstract;
	if (!value)
		return -EPROTONOSUPPORT;
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = read_value(value, (size_t)(text + length - value), ret->sun_path + !path,
		       sizeof(ret->sun_path) - 1);
	if (n <= 0)
		return n < 0 ? n : -EINVAL;
	*ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n + 1);
	return 0;
}

static int connect_one(const char *text, size_t length)
{
	struct sockaddr_un address;
	socklen_t size;
	int r = parse_address(text, length, &address, &size);
	int fd = r < 0 ? r : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (r < 0)
		return r;
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, size) == 0)
		return fd;
	r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

static int connect_any(const char *address)
{
	int r = -EPROTONOSUPPORT;

	while (*address) {
		size_t length = strcspn(address, ";");

		r = connect_one(address, length);
		if (r >= 0)
			return r;
		address += length + (address[length] == ';');
	}
	return r;
}

const char *dbus_wire_address(const char *bus, char *buffer, size_t size)
{
	const char *folder = getenv("XDG_RUNTIME_DIR"), *set;

	if (strcmp(bus, "system") == 0) {
		set = getenv("DBUS_SYSTEM_BUS_ADDRESS");
		return set && *set ? set : "unix:path=/run/dbus/system_bus_socket";
	}
	if (strcmp(bus, "session") != 0)
		return bus;
	set = getenv("DBUS_SESSION_BUS_ADDRESS");
	if (set && *set)
		return set;
	snprintf(buffer, size, "unix:path=%s/bus", folder ? folder : "/run/user/0");
	return buffer;
}

int dbus_wire_open(struct dbus_wire *wire, const char *address, struct closer *closer,
		   int *ret_read_fd, int *ret_write_fd)
{
	int pair[2], fd = connect_any(address), copy;

	if (fd < 0)
		return fd;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		int error = -errno;

		close(fd);
		if (copy >= 0)
			close(copy);
		return error;
	}
	wire->bus_fd = fd;
	wire->feed_fd = pair[1];
	wire->closer = closer;
	wire->lines = AUTHENTICATION_LINES;
	wire->size = wire->left = wire->left_out = 0;
	wire->have = 0;
	wire->later_count = wire->kept_count = 0;
	*ret_read_fd = pair[0];
	*ret_write_fd = copy;
	return 0;
}

/* --- the relay ------------------------------------------------------------------------------- */

/* The descriptors of one receive, and later of one send. */
struct cargo {
	size_t length; /* of the control bytes; 0: no descriptors */
	_Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(DBUS_WIRE_DESCRIPTORS *
								  sizeof(int))];
};

/*
 * What a number in a message names for sd-bus: never the last descriptor of something foreign.
 * There is room for the memory of a message that came as the bus sends them: in one piece.
 */
static int harmless(struct dbus_wire *wire, int fd)
{
	bool is_memory = fcntl(fd, F_GET_SEALS) >= 0 && wire->later_count < DBUS_WIRE_LATER;
	int copy =
		is_memory ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (is_memory && copy >= 0)
		wire->later[wire->later_count++] = (struct dbus_wire_later){.fd = fd};
	else
		closer_take(wire->closer, fd);
	return copy;
}

/* What is left moves up. */
static void close_later(struct dbus_wire *wire, uint32_t keep)
{
	unsigned left = 0;

	for (unsigned i = 0; i < wire->later_count; i++) {
		if (wire->later[i].keep == keep)
			closer_take(wire->closer, wire->later[i].fd);
		else
			wire->later[left++] = wire->later[i];
	}
	wire->later_count = left;
}

void dbus_wire_settle(struct dbus_wire *wire)
{
	if (!wire->left && !wire->have && wire->later_count > wire->kept_count)
		close_later(wire, 0);
}

bool dbus_wire_keep(struct dbus_wire *wire, uint32_t *ret_keep)
{
	if (wire->later_count > DBUS_WIRE_KEPT)
		return false;
	*ret_keep = ++wire->last_keep ? wire->last_keep : ++wire->last_keep;
	for (unsigned i = wire->kept_count; i < wire->later_count; i++)
		wire->later[i].keep = *ret_keep;
	wire->kept_count = wire->later_count;
	return true;
}

void dbus_wire_release(struct dbus_wire *wire, uint32_t keep)
{
	unsigned before = wire->later_count;

	close_later(wire, keep);
	wire->kept_count -= before - wire->later_count;
}

static bool replace_foreign(struct dbus_wire *wire, struct cmsghdr *rights)
{
	size_t count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	bool whole = true;

	for (size_t i = 0; i < count; i++) {
		unsigned char *at = CMSG_DATA(rights) + i * sizeof(int);
		int fd;

		memcpy(&fd, at, sizeof(fd));
		fd = harmless(wire, fd);
		whole = whole && fd >= 0;
		memcpy(at, &fd, sizeof(fd));
	}
	return whole;
}

static void close_all(struct cargo *cargo)
{
	struct cmsghdr *rights = (void *)cargo->control;
	size_t count = cargo->length ? (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(rights) + i * sizeof(int), sizeof(fd));
		if (fd >= 0)
			close(fd);
	}
}

/* Bytes that came; 0: none now. Negative: the bus is gone. */
static ssize_t take(struct dbus_wire *wire, void *bytes, size_t size, struct cargo *ret_cargo)
{
	struct iovec vector = {bytes, size};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = ret_cargo->control,
				 .msg_controllen = sizeof(ret_cargo->control)};
	ssize_t n = recvmsg(wire->bus_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *rights;

	ret_cargo->length = 0;
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -ECONNRESET;
	rights = CMSG_FIRSTHDR(&message);
	if (!rights || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS)
		return n;
	ret_cargo->length = message.msg_controllen;
	if (replace_foreign(wire, rights) && !(message.msg_flags & MSG_CTRUNC))
		return n;
	/* No descriptors left: sd-bus misses those of the message and drops it. */
	close_all(ret_cargo);
	ret_cargo->length = 0;
	return n;
}

/* All at once: sd-bus has read what came before, and a chunk always fits into an empty socket. */
static int give(struct dbus_wire *wire, const void *bytes, size_t size, struct cargo *cargo)
{
	struct iovec vector = {(void *)(uintptr_t)bytes, size};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = cargo->length ? cargo->control : NULL,
				 .msg_controllen = cargo->length};
	ssize_t n = sendmsg(wire->feed_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

	close_all(cargo);
	return n == (ssize_t)size ? 1 : -ECONNRESET;
}

static int relay_authentication(struct dbus_wire *wire)
{
	struct cargo cargo;
	ssize_t n = take(wire, wire->chunk, sizeof(wire->chunk), &cargo);

	for (ssize_t i = 0; i < n && wire->lines; i++)
		wire->lines -= wire->chunk[i] == '\n';
	return n <= 0 ? (int)n : give(wire, wire->chunk, (size_t)n, &cargo);
}

static uint32_t header_number(const struct dbus_wire *wire, size_t offset)
{
	uint32_t number;

	memcpy(&number, wire->header + offset, sizeof(number));
	return wire->header[0] == 'B' ? be32toh(number) : le32toh(number);
}

/*
 * A message's length from its header. What is over body_max comes without its body, so that it can
 * be answered. false: with so many header fields it is nobody's call, and nothing of it is handed
 * on.
 */
static bool begin_message(struct dbus_wire *wire)
{
	uint64_t body = header_number(wire, 4), fields = header_number(wire, 12);

	fields = (fields + 7) / 8 * 8;
	wire->left = fields + body;
	wire->left_out = fields > DBUS_WIRE_FIELDS_MAX ? wire->left
			 : body > wire->body_max       ? body
						       : 0;
	wire->size = DBUS_WIRE_HEADER + wire->left - wire->left_out;
	if (wire->left_out)
		memset(wire->header + 4, 0, sizeof(uint32_t));
	return fields <= DBUS_WIRE_FIELDS_MAX;
}

static int relay_header(struct dbus_wire *wire)
{
	struct cargo cargo;
	ssize_t n = take(wire, wire->header + wire->have, DBUS_WIRE_HEADER - wire->have, &cargo);

	if (n <= 0)
		return (int)n;
	wire->have += (uint8_t)n;
	if (wire->have < DBUS_WIRE_HEADER) {
		/* Descriptors come with the first byte, and the bus sends headers whole. */
		close_all(&cargo);
		return cargo.length ? -EBADMSG : 1;
	}
	wire->have = 0;
	if (begin_message(wire))
		return give(wire, wire->header, DBUS_WIRE_HEADER, &cargo);
	close_all(&cargo);
	return 1;
}

static int relay_rest(struct dbus_wire *wire)
{
	uint64_t wanted = wire->left > wire->left_out ? wire->left - wire->left_out : wire->left;
	struct cargo cargo;
	ssize_t n =
		take(wire, wire->chunk,
		     wanted < sizeof(wire->chunk) ? (size_t)wanted : sizeof(wire->chunk), &cargo);
	int r = 1;

	if (n <= 0)
		return (int)n;
	if (wire->left > wire->left_out)
		r = give(wire, wire->chunk, (size_t)n, &cargo);
	else
		close_all(&cargo);
	explicit_bzero(wire->chunk, (size_t)n);
	wire->left -= (uint64_t)n;
	if (wire->left < wire->left_out)
		wire->left_out = wire->left;
	return r;
}

int dbus_wire_relay(struct dbus_wire *wire)
{
	if (wire->lines)
		return relay_authentication(wire);
	return wire->left ? relay_rest(wire) : relay_header(wire);
}

void dbus_wire_close(struct dbus_wire *wire)
{
	if (wire->feed_fd < 0)
		return;
	while (wire->later_count)
		closer_take(wire->closer, wire->later[--wire->later_count].fd);
	wire->kept_count = 0;
	close(wire->feed_fd);
	close(wire->bus_fd);
	wire->feed_fd = wire->bus_fd = -1;
}
