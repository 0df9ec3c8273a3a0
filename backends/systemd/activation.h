/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket of an app's unit: systemd listens there until somebody connects, and then the app
 * does. A connection without a word means "come". Nothing here waits.
 */
#ifndef PLUTON_SYSTEMD_ACTIVATION_H
#define PLUTON_SYSTEMD_ACTIVATION_H

#define ACTIVATION_STOP "stop"
#define ACTIVATION_RESTART "restart" /* and systemd keeps what the app stored */

/* A connection, or a negative errno: -EAGAIN if too many wait there already. */
int activation_connect(const char *path);

/* Says one word. 0, or a negative errno. */
int activation_say(int fd, const char *word);

enum activation_end {
	ACTIVATION_GOES_ON,
	ACTIVATION_HUNG_UP, /* by who had read all that was said */
	ACTIVATION_UNHEARD, /* hung up on with a word unread: by systemd, or before it was read */
};

/* Reads, of what nobody should say there, at most one message. Tells an end once. */
enum activation_end activation_look(int fd);

#endif
