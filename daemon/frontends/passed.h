/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listening socket that a service manager made and passes to us: sd_listen_fds(3),
 * systemd.socket(5). It stays the manager's: who comes after us finds those who wait in it.
 */
#ifndef PLUTON_PASSED_H
#define PLUTON_PASSED_H

#include <stddef.h>

#define PASSED_PATH_SIZE 109u /* a socket's path, terminated */

struct passed {
	int count; /* of descriptors; 0: nothing was passed */
	char path[PASSED_PATH_SIZE];
};

/*
 * Takes what was passed, and takes the word of it out of the environment. -PLUTON_EINVAL: it is not
 * one listening SEQPACKET socket with a path; ret_why says what it is and what to do.
 */
int passed_take(struct passed *ret, char *ret_why, size_t size);

/* A descriptor of the socket for channel_open, which closes it; ours stays. -1: none is left. */
int passed_open(const struct passed *passed);

/*
 * We do not start: whoever waits is told so, and the service manager has no reason to start us once
 * more for the same ones. Root and our own user get the reason, which may name what others may not
 * read; others hear who finds it. Nobody is waited for.
 */
void passed_turn_away(const struct passed *passed, const char *reason);

/* No one can be turned away any more. */
void passed_close(struct passed *passed);

#endif
