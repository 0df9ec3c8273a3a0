/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access: which user and group may use which drivers.
 */
#ifndef PLUTON_ACCESS_H
#define PLUTON_ACCESS_H

#include <stddef.h>
#include <stdint.h>

struct access_entry {
	enum { ACCESS_EVERYBODY = 0, ACCESS_ONE_USER, ACCESS_ONE_GROUP } kind;
	uint32_t id;	  /* uid or gid */
	uint64_t drivers; /* bit 1 << driver index */
};

/*
 * The drivers somebody may use: the user's rule where there is one, else all that the rules of
 * their groups allow together, else the default rule, else none.
 */
uint64_t access_mask(const struct access_entry *rules, size_t rule_count, uint32_t uid,
		     const uint32_t *gids, size_t gid_count);

#endif
