/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-counter, an example of an app: it counts visits, and the count outlives it, plutond and
 * the power. A client that connects to the app "counter" gets a line, and is hung up on:
 *
 *	visit 3 of sh (pid 512, uid 1000), 81.2 s after the secure processor's clock began
 *
 * All it needs is libpluton; it can be killed at any moment.
 */
#include <inttypes.h>
#include <poll.h>
#include <pluton/alarm.h>
#include <pluton/app.h>
#include <pluton/nv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define AREA "visits"
#define GUESTS 2    /* while one is answered, the next can come */
#define ORPHAN_S 30 /* without plutond for so long, nobody will come any more */

/* A place for a client. */
struct guest {
	struct counter *counter;
	bool awaited;
	int fd; /* -1: nobody came yet */
	struct pluton_app_peer peer;
};

struct counter {
	struct pluton *pluton;
	struct guest guests[GUESTS];
	time_t lost; /* when plutond went away; 0: it is there */
};

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* sd_notify(3), as far as an app needs it: the same under plutond and under systemd. */
static void notify(const char *what)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (path && strlen(path) < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, strlen(path));
		if (*path == '@')
			address.sun_path[0] = '\0';
		(void)sendto(fd, what, strlen(what), MSG_NOSIGNAL, (struct sockaddr *)&address,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
	}
	close(fd);
}

/* --- the count ------------------------------------------------------------------------------- */

/* One more, and only when it is safe on the disk. */
static int count_visit(struct pluton *pluton, uint64_t *ret)
{
	uint64_t visits = 0;
	void *data = NULL;
	size_t length = 0;
	int r = pluton_nv_get(pluton, AREA, &data, &length);

	if (r == 0 && length == sizeof(visits))
		memcpy(&visits, data, sizeof(visits));
	free(data);
	if (r < 0 && r != -PLUTON_ENODEVICE)
		return r;
	visits++;
	r = pluton_nv_put(pluton, AREA, &visits, sizeof(visits));
	if (r == 0)
		*ret = visits;
	return r;
}

static void answer(struct pluton *pluton, const struct guest *guest)
{
	const struct pluton_app_peer *peer = &guest->peer;
	uint64_t visits = 0, now_us = 0;
	char line[256];
	int r = count_visit(pluton, &visits);

	if (r == 0)
		r = pluton_alarm_now(pluton, &now_us);
	if (r < 0)
		snprintf(line, sizeof(line), "not counted: %s (%s)\n", pluton_error_message(pluton),
			 pluton_error_name(r));
	else
		snprintf(line, sizeof(line),
			 "visit %" PRIu64 " of %s (pid %" PRIu32 ", uid %" PRIu32
			 "), %.1f s after the secure processor's clock began\n",
			 visits, *peer->app ? peer->app : peer->command, peer->pid, peer->uid,
			 (double)now_us / 1e6);
	(void)send(guest->fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* --- guests ---------------------------------------------------------------------------------- */

/* Answering waits for plutond, which a callback should not: the main loop does. */
static void on_accepted(struct pluton *pluton, int status, int fd,
			const struct pluton_app_peer *peer, void *userdata)
{
	struct guest *guest = userdata;

	(void)pluton;
	guest->awaited = false;
	if (status == 0) {
		guest->fd = fd;
		guest->peer = *peer;
	} else if (status != -PLUTON_EOFF) { /* which begin sees to */
		exit(EXIT_FAILURE);	     /* and be started again */
	}
}

static void await_guest(struct guest *guest)
{
	int r;

	if (guest->awaited || guest->fd >= 0)
		return;
	guest->awaited = true;
	r = pluton_app_accept_async(guest->counter->pluton, on_accepted, guest, NULL);
	if (r < 0)
		on_accepted(guest->counter->pluton, r, -1, NULL, guest);
}

/* Also after plutond was started again: it knows us by our pid. */
static void begin(struct pluton *pluton, void *userdata)
{
	struct counter *counter = userdata;

	(void)pluton;
	counter->lost = 0;
	for (int i = 0; i < GUESTS; i++)
		await_guest(&counter->guests[i]);
	notify("READY=1");
}

static void serve(struct counter *counter)
{
	struct pollfd fd = {.fd = pluton_get_fd(counter->pluton),
			    .events = pluton_get_events(counter->pluton)};
	int r;

	(void)poll(&fd, 1, 1000);
	r = pluton_dispatch(counter->pluton);
	if (r == -PLUTON_EOFF)
		counter->lost = now_s();
	else if (r < 0)
		exit(EXIT_FAILURE);
	for (int i = 0; i < GUESTS; i++) {
		struct guest *guest = &counter->guests[i];

		if (guest->fd < 0)
			continue;
		answer(counter->pluton, guest);
		close(guest->fd);
		guest->fd = -1;
		await_guest(guest);
	}
}

int main(void)
{
	struct counter counter = {0};
	char why[256];
	int r = pluton_open_explained(NULL, &counter.pluton, why, sizeof(why));

	if (r < 0) {
		fprintf(stderr, "pluton-counter: %s (%s)\n", why, pluton_error_name(r));
		return EXIT_FAILURE;
	}
	for (int i = 0; i < GUESTS; i++)
		counter.guests[i] = (struct guest){.counter = &counter, .fd = -1};
	pluton_on_reconnect(counter.pluton, begin, &counter);
	begin(counter.pluton, &counter);
	while (!counter.lost || now_s() - counter.lost < ORPHAN_S)
		serve(&counter);
	pluton_close(counter.pluton);
	return EXIT_FAILURE;
}
