/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tty. The rule a newcomer would break first: a read of nothing, a hang-up or an error means
 * that the device is gone, and then its descriptor is closed at once. Kept open it would be
 * readable for ever, and the device would come back under another number.
 */
#include "backends/chip/transport.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define RETRY_MIN_MS 50u
#define RETRY_MAX_MS 3000u
#define READ_SIZE 1024u

static void look_again_later(struct transport *transport)
{
	const struct timeval in = {.tv_sec = transport->retry_ms / 1000,
				   .tv_usec = transport->retry_ms % 1000 * 1000};

	event_add(&transport->retry, &in);
	transport->retry_ms *= 2;
	if (transport->retry_ms > RETRY_MAX_MS)
		transport->retry_ms = RETRY_MAX_MS;
}

/* --- losing it ------------------------------------------------------------------------------- */

/* Unsent octets are thrown away: to close a tty can wait for them half a minute. */
static void drop(struct transport *transport)
{
	event_del(&transport->readable);
	event_del(&transport->writable);
	tcflush(transport->fd, TCIOFLUSH);
	ioctl(transport->fd, TIOCNXCL);
	close(transport->fd);
	transport->fd = -1;
	explicit_bzero(transport->out, sizeof(transport->out));
	transport->out_length = 0;
}

static void lose(struct transport *transport)
{
	drop(transport);
	transport->retry_ms = RETRY_MIN_MS;
	look_again_later(transport);
	transport->options.gone(transport->options.context);
}

/* --- octets ---------------------------------------------------------------------------------- */

static void on_readable(evutil_socket_t fd, short events, void *context)
{
	struct transport *transport = context;
	uint8_t octets[READ_SIZE];
	ssize_t n = read(fd, octets, sizeof(octets));

	(void)events;
	if (n > 0)
		transport->options.received(transport->options.context, octets, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		lose(transport);
	explicit_bzero(octets, n > 0 ? (size_t)n : 0);
}

static void flush(struct transport *transport)
{
	ssize_t n = write(transport->fd, transport->out, transport->out_length);

	if (n < 0)
		n = 0; /* that it is gone, reading will tell */
	transport->out_length -= (size_t)n;
	memmove(transport->out, transport->out + n, transport->out_length);
	explicit_bzero(transport->out + transport->out_length, (size_t)n);
	if (transport->out_length > 0)
		event_add(&transport->writable, NULL);
}

static void on_writable(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	flush(context);
}

void transport_send(struct transport *transport, const uint8_t *octets, size_t length)
{
	bool stuck = transport->out_length > 0;

	if (transport->fd < 0 || length > sizeof(transport->out) - transport->out_length)
		return;
	memcpy(transport->out + transport->out_length, octets, length);
	transport->out_length += length;
	if (!stuck)
		flush(transport);
}

/* --- finding it ------------------------------------------------------------------------------ */

static const char *set_raw(int fd)
{
	struct termios termios;

	if (tcgetattr(fd, &termios) < 0)
		return "it is no tty";
	cfmakeraw(&termios);
	termios.c_cflag |= CLOCAL | CREAD;
	termios.c_cflag &= ~(tcflag_t)(CRTSCTS | CSTOPB | HUPCL);
	termios.c_cc[VMIN] = 1; /* on a descriptor that does not block; a read of 0 is a hang-up */
	termios.c_cc[VTIME] = 0;
	cfsetspeed(&termios, B115200);
	if (tcsetattr(fd, TCSANOW, &termios) < 0)
		return "it cannot be made raw";
	tcflush(fd, TCIOFLUSH);
	return NULL;
}

/* NULL, or why not. */
static const char *seize(int fd)
{
	if (!isatty(fd))
		return "it is no tty";
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || ioctl(fd, TIOCEXCL) < 0)
		return "another program has it";
	return set_raw(fd);
}

static const char *open_path(struct transport *transport)
{
	const char *why;
	int fd = open(transport->options.path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == EBUSY ? "another program has it" : strerror(errno);
	why = seize(fd);
	if (why) {
		close(fd);
		return why;
	}
	transport->fd = fd;
	return NULL;
}

static void look(struct transport *transport)
{
	const char *why = open_path(transport);

	if (why) {
		if (!transport->told)
			transport->options.failed(transport->options.context, why);
		transport->told = true;
		look_again_later(transport);
		return;
	}
	transport->told = false;
	transport->retry_ms = RETRY_MIN_MS;
	event_assign(&transport->readable, transport->options.base, transport->fd,
		     EV_READ | EV_PERSIST, on_readable, transport);
	event_assign(&transport->writable, transport->options.base, transport->fd, EV_WRITE,
		     on_writable, transport);
	event_add(&transport->readable, NULL);
	transport->options.connected(transport->options.context);
}

static void on_retry(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	look(context);
}

void transport_open(struct transport *transport, const struct transport_options *options)
{
	*transport = (struct transport){.options = *options, .fd = -1, .retry_ms = RETRY_MIN_MS};
	evtimer_assign(&transport->retry, options->base, on_retry, transport);
	look(transport);
}

void transport_close(struct transport *transport)
{
	event_del(&transport->retry);
	if (transport->fd >= 0)
		drop(transport);
}
