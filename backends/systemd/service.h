/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One app's life as a service of systemd's: asked to come, seen when it connects, asked to stop.
 * systemd starts and kills it; we only know what we see.
 */
#ifndef PLUTON_SYSTEMD_SERVICE_H
#define PLUTON_SYSTEMD_SERVICE_H

#include <event2/event_struct.h>

#include "backends/apps/roster.h"

enum service_wish {
	WISH_NONE,
	WISH_STOP,
	WISH_RESTART,
};

struct service {
	struct roster_entry entry;   /* first: the roster knows it by this */
	struct definition *in_force; /* of what runs, or is being started */
	enum service_wish wish;	     /* while it is APP_STOPPING */
	bool again;		     /* somebody asked for it while it was being stopped */
	bool due;		     /* systemd may start it without a further word of ours */
	bool restart_said;	     /* to the process that is to stop: it may have heeded that */
	int connection;		     /* to its unit's socket; -1: none */
	struct event hung_up;	     /* that connection */
	struct event deadline;	     /* for its coming or its end */
	struct event retry;	     /* to connect, while systemd tidies up after its end */
	unsigned flushes;	     /* how often systemd may still hang up because of an end */
	pid_t pid;		     /* 0: it is not there */
	uid_t uid;
	int pidfd;
	struct event ended;
	uint64_t came_ms;
};

/* How the roster makes services and asks for them. */
extern const struct roster_ops service_ops;

/* The unit whose processes are this app's now; NULL: nobody's are. */
const char *service_unit(const struct service *service);

bool service_process_lives(int pidfd);

/* Sees at once that its process has ended, if it has. */
void service_notice_end(struct service *service);

/*
 * A living process of its unit is here, which `pidfd` is: taken. true: it is the app itself. The
 * first one is, until it ends.
 */
bool service_meet(struct service *service, pid_t pid, uid_t uid, int pidfd);

#endif
