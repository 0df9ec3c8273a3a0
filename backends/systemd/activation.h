/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket of an app's unit: systemd listens there until somebody connects, and then the app
 * does. A connection without a word means "come". Nothing here waits.
 */
#ifndef PLUTON_SYSTEMD_ACTIVATION_H
#define PLUTON_SYSTEMD_ACTIVATION_H

#include <stdbool.h>

#define ACTIVATION_STOP "stop"
#define ACTIVATION_RESTART "restart" /* and systemd keeps what the app stored */

/* A connection, or a negative errno: -EAGAIN if too many wait there already. */
int activation_connect(const char *path);

/* Says one word. 0, or a negative errno. */
int activation_say(int fd, const char *word);

/* Reads, of what nobody should say there, at most one message. true: the other side has gone. */
bool activation_has_ended(int fd);

#endif
