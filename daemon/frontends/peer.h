/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end of a connected Unix socket, and what they may use.
 */
#ifndef PLUTON_PEER_H
#define PLUTON_PEER_H

#include "daemon/kernel/access.h"
#include "daemon/kernel/process.h"

/* -PLUTON_EFAIL, with a sentence in kernel->why: the socket does not tell, or not all groups. */
int peer_identify(struct kernel *kernel, const struct access_entry *rules, size_t rule_count,
		  int fd, struct credentials *ret);

#endif
