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

#define READ_SIZE 1024u

static uint64_t now_ms(const struct transport *transport)
{
	return transport->options.now_ms(transport->options.context);
}

/* --- losing it ------------------------------------------------------------------------------- */

static void forget_unsent(struct transport *transport)
{
	explicit_bzero(transport->out, sizeof(transport->out));
	transport->out_length = 0;
}

/* Unsent octets are thrown away: to close a tty can wait for them half a minute. */
static void let_go(int fd)
{
	tcflush(fd, TCIOFLUSH);
	ioctl(fd, TIOCNXCL);
	close(fd);
}

static void drop(struct transport *transport)
{
	event_del(&transport->readable);
	event_del(&transport->writable);
	let_go(transport->fd);
	transport->fd = -1;
	forget_unsent(transport);
}

void transport_lose(struct transport *transport)
{
	if (transport->fd < 0)
		return;
	drop(transport);
	transport->look_ms = backoff_lost(&transport->backoff, now_ms(transport));
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
		transport_lose(transport);
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
	/* Half a frame is a lost one, which is asked for again. */
	if (transport->out_length > 0 && event_add(&transport->writable, NULL) < 0)
		forget_unsent(transport);
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

/* NULL, or why not; then the descriptor is closed. */
static const char *seize(int fd)
{
	const char *why;

	if (!isatty(fd)) {
		close(fd);
		return "it is no tty";
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || ioctl(fd, TIOCEXCL) < 0) {
		close(fd); /* and nothing else: it is the other one's */
		return "another program has it";
	}
	why = set_raw(fd);
	if (why)
		let_go(fd);
	return why;
}

static const char *watch(struct transport *transport, int fd)
{
	event_assign(&transport->readable, transport->options.base, fd, EV_READ | EV_PERSIST,
		     on_readable, transport);
	event_assign(&transport->writable, transport->options.base, fd, EV_WRITE, on_writable,
		     transport);
	if (event_add(&transport->readable, NULL) == 0)
		return NULL;
	let_go(fd);
	return "no memory to wait for it";
}

static const char *open_path(struct transport *transport)
{
	const char *why;
	int fd = open(transport->options.path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == EBUSY ? "another program has it" : strerrordesc_np(errno);
	why = seize(fd);
	if (!why)
		why = watch(transport, fd);
	if (!why)
		transport->fd = fd;
	return why;
}

static void look(struct transport *transport)
{
	const char *why = open_path(transport);

	if (!why) {
		transport->told = NULL;
		transport->look_ms = 0;
		backoff_came(&transport->backoff, now_ms(transport));
		transport->options.connected(transport->options.context);
		return;
	}
	transport->look_ms = backoff_failed(&transport->backoff, now_ms(transport));
	if (transport->told != why)
		transport->options.failed(transport->options.context, why);
	transport->told = why;
}

void transport_tick(struct transport *transport)
{
	if (transport->look_ms && now_ms(transport) >= transport->look_ms)
		look(transport);
}

uint64_t transport_deadline(const struct transport *transport)
{
	return transport->look_ms;
}

void transport_open(struct transport *transport, const struct transport_options *options)
{
	*transport = (struct transport){
		.options = *options, .backoff.max_ms = options->backoff_max_ms, .fd = -1};
	look(transport);
}

void transport_close(struct transport *transport)
{
	transport->look_ms = 0;
	if (transport->fd >= 0)
		drop(transport);
}
