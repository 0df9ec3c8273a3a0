/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end of a connected Unix socket, and what they may use.
 */
#ifndef PLUTON_PEER_H
#define PLUTON_PEER_H

#include <sys/socket.h>

#include "daemon/kernel/access.h"
#include "daemon/kernel/process.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

/* -PLUTON_EFAIL, with a sentence in kernel->why: the socket does not tell, or not all groups. */
int peer_identify(struct kernel *kernel, const struct access_entry *rules, size_t rule_count,
		  int fd, struct credentials *ret);

/*
 * false: whoever connected has ended, and its pid may be somebody else's by now. Linux before 6.5
 * cannot tell; then true.
 */
bool peer_lives(int fd);

/* Of a phrase that fits into a refusal's sentence, behind who is refused; with terminator. */
#define PEER_ADVICE_SIZE 122u

/*
 * -PLUTON_ENODEVICE, with a sentence in kernel->why that ends in `advice`: they may use nothing.
 * Whoever refuses them counts that.
 */
int peer_check_access(struct kernel *kernel, const struct access_entry *rules, size_t rule_count,
		      const char *advice, const struct credentials *who);

/* What the process is called now; a name for people, nothing depends on it. Terminated. */
void peer_command_name(pid_t pid, char text[16]);

#endif
