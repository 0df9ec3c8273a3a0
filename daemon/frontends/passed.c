/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking a listening socket over, and sending away who waits in it when we cannot start. There is
 * no kernel then, and no loop: nothing here may need one, or wait.
 */
#include "daemon/frontends/passed.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <pluton/error.h>

#include "daemon/kernel/record.h"

#define GUESTS_MAX 4096u /* turned away at most: who comes again and again does not keep us */
#define RECORDS_MAX 64u	 /* of one guest that are read, to be thrown away */
#define WANTED "pass one ListenSequentialPacket= socket, see plutond.socket"

/* --- what it is ------------------------------------------------------------------------------ */

__attribute__((format(printf, 3, 4))) static int fail(char *why, size_t size, const char *format,
						      ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, size, format, args);
	va_end(args);
	return -PLUTON_EINVAL;
}

static const char *describe_file(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "a file (ListenSpecial=, or kept by a service)";
	case S_IFIFO:
		return "a pipe (ListenFIFO=)";
	case S_IFCHR:
	case S_IFBLK:
		return "a device (ListenSpecial=)";
	default:
		return "no socket";
	}
}

static const char *describe_socket(int fd)
{
	if (sd_is_socket(fd, AF_UNIX, 0, -1) <= 0)
		return "a socket, but of no Unix domain";
	if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, -1) > 0)
		return "a stream socket (ListenStream=)";
	if (sd_is_socket(fd, AF_UNIX, SOCK_DGRAM, -1) > 0)
		return "a datagram socket (ListenDatagram=)";
	if (sd_is_socket(fd, AF_UNIX, 0, 0) > 0)
		return "a socket that does not listen (Accept=yes)";
	return "a socket without a path";
}

static const char *describe(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return "closed";
	return S_ISSOCK(status.st_mode) ? describe_socket(fd) : describe_file(status.st_mode);
}

/* "": it has none that a program could connect to. */
static void read_path(int fd, char path[PASSED_PATH_SIZE])
{
	struct sockaddr_un address = {0};
	socklen_t size = sizeof(address);

	path[0] = '\0';
	if (getsockname(fd, (struct sockaddr *)&address, &size) == 0 && address.sun_path[0] == '/')
		snprintf(path, PASSED_PATH_SIZE, "%.*s", (int)sizeof(address.sun_path),
			 address.sun_path);
}

/* --- taking it over -------------------------------------------------------------------------- */

/* Accepting must not wait. A service manager shares it and makes it so itself, as a rule. */
static void stop_waiting(int fd)
{
	int flags = sd_is_socket(fd, AF_UNSPEC, 0, 1) > 0 ? fcntl(fd, F_GETFL) : O_NONBLOCK;

	if (flags >= 0 && !(flags & O_NONBLOCK))
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static int check(const struct passed *passed, char *why, size_t size)
{
	int fd = SD_LISTEN_FDS_START;

	if (passed->count > 1)
		return fail(why, size, "%d descriptors were passed (LISTEN_FDS); " WANTED,
			    passed->count);
	if (sd_is_socket_unix(fd, SOCK_SEQPACKET, 1, NULL, 0) <= 0 || !passed->path[0])
		return fail(why, size, "what was passed (LISTEN_FDS) is %s; " WANTED, describe(fd));
	return 0;
}

int passed_take(struct passed *ret, char *ret_why, size_t size)
{
	int count = sd_listen_fds(1);

	*ret = (struct passed){0};
	if (count < 0)
		return fail(ret_why, size, "LISTEN_FDS cannot be read: %s", strerror(-count));
	if (count == 0)
		return 0;
	ret->count = count;
	for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; fd++)
		stop_waiting(fd);
	read_path(SD_LISTEN_FDS_START, ret->path);
	return check(ret, ret_why, size);
}

int passed_open(const struct passed *passed)
{
	return passed->count > 0 ? fcntl(SD_LISTEN_FDS_START, F_DUPFD_CLOEXEC, 3) : -1;
}

void passed_close(struct passed *passed)
{
	for (int i = 0; i < passed->count; i++)
		close(SD_LISTEN_FDS_START + i);
	passed->count = 0;
}

/* --- turning away ---------------------------------------------------------------------------- */

/* To those who may not know the reason. */
static const char for_others[] = "plutond cannot start; the administrator finds the reason with: "
				 "journalctl -u plutond";
static_assert(sizeof(for_others) <= RECORD_TEXT_MAX, "it is sent whole");

/* What the configuration says, or where things are, is for who may read it anyway. */
static bool may_know(int fd)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
	       (who.uid == 0 || who.uid == geteuid());
}

/* The end of a long reason is left out, and not the place where all of it stands. */
static void write_reason(const char *reason, char *text, size_t size)
{
	static const char before[] = "plutond cannot start: ";
	static const char behind[] = "; see journalctl -u plutond";
	int room = (int)(size - sizeof(before) - sizeof(behind));
	int length = (int)strlen(reason);

	if (length <= room)
		snprintf(text, size, "%s%s%s", before, reason, behind);
	else
		snprintf(text, size, "%s%.*s...%s", before, room - 3, reason, behind);
}

static int write_record(const char *text, uint8_t *bytes, size_t size)
{
	const struct record record = {.header = {.type = RECORD_RETURN},
				      .ret = {.variant = VARIANT_FAILURE,
					      .words = {PLUTON_EFAIL},
					      .text = text,
					      .text_length = (uint16_t)strlen(text)}};

	return record_encode(&record, bytes, size);
}

/* What it had sent is read: hanging up on something unread, it would get an error first. */
static void send_away(int fd, const char *text)
{
	uint8_t bytes[RECORD_SIZE_MAX];
	int size = write_record(text, bytes, sizeof(bytes));
	char start;
	unsigned i = 0;

	if (size > 0)
		(void)send(fd, bytes, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fd, SHUT_RDWR);
	while (i < RECORDS_MAX && recv(fd, &start, sizeof(start), MSG_DONTWAIT) > 0)
		i++;
	close(fd);
}

void passed_turn_away(const struct passed *passed, const char *reason)
{
	char text[RECORD_TEXT_MAX];

	write_reason(reason, text, sizeof(text));
	for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + passed->count; fd++) {
		for (unsigned i = 0; i < GUESTS_MAX; i++) {
			int guest = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

			if (guest < 0)
				break; /* nobody is left, or it does not listen */
			send_away(guest, may_know(guest) ? text : for_others);
		}
	}
}
