/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channel frontend: processes that connect to the daemon's own SEQPACKET socket.
 */
#ifndef PLUTON_CHANNEL_H
#define PLUTON_CHANNEL_H

#include <sys/types.h>

#include "daemon/frontends/closer.h"
#include "daemon/frontends/peer.h"
#include "daemon/frontends/rings.h"
#include "daemon/kernel/access.h"
#include "daemon/kernel/loop.h"
#include "daemon/kernel/process.h"
#include "daemon/kernel/record.h"

struct channel {
	struct kernel *kernel;
	struct loop *loop;
	struct event listening;
	struct event resume; /* listens again, when it had to stop */
	int listen_fd;
	int spare_fd; /* given up for a moment to refuse a connection when descriptors run out */
	struct closer closer; /* of what processes sent */
	struct closer own;    /* of what it never hangs on: windows, sockets that were handed out */
	/* Of what waits in `closer`: from here on who adds to it is disconnected, … */
	uint32_t waiting_max;
	uint32_t waiting_full; /* … and here nobody can add anything */
	unsigned records_per_pass;
	struct spinner spinner;
	const struct access_entry *rules;
	size_t rule_count;
	char advice[PEER_ADVICE_SIZE]; /* for who may use nothing */
	/*
	 * Sets what else is known of a living process if it is an app or an app forked it: its
	 * name, and what it may use. Asked when one comes; NULL: nobody is an app. `certain`: who
	 * connected lives, so that the pid is no other's; else nobody is known as an app.
	 */
	void (*identify_app)(void *context, struct credentials *who, bool certain);
	void *app_context;
	uint8_t buffer[RECORD_SIZE_MAX]; /* one record on its way in or out, wiped after use */
};

/*
 * Serves `listen_fd`, a listening SEQPACKET socket, which the channel owns from then on.
 * -PLUTON_ENOMEM. Rules may be replaced at any time; they hold for processes that connect later.
 */
int channel_open(struct channel *channel, struct loop *loop, int listen_fd,
		 unsigned records_per_pass);
void channel_close(struct channel *channel);

/*
 * true: half of all descriptors wait to be closed behind some that hang. Whoever takes in more from
 * strangers waits until it is false again.
 */
bool channel_is_full(const struct channel *channel);

/* A connected descriptor as if it had been accepted; owned from then on. For hand-overs. */
int channel_adopt(struct channel *channel, int fd);

/* The same where somebody else knows who is at the other end. */
int channel_adopt_as(struct channel *channel, int fd, const struct credentials *who);

/*
 * A listening socket at `path` with that mode, in place of a stale one. Negative errno; -EEXIST:
 * something else than a socket is there, and stays.
 */
int channel_listen(const char *path, unsigned mode);

#endif
