/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The most specific rule decides: user, then groups, then default.
 */
#include "daemon/kernel/access.h"

#include <stdbool.h>

static bool in_groups(uint32_t gid, const uint32_t *gids, size_t gid_count)
{
	for (size_t i = 0; i < gid_count; i++) {
		if (gids[i] == gid)
			return true;
	}
	return false;
}

uint64_t access_mask(const struct access_entry *rules, size_t rule_count, uint32_t uid,
		     const uint32_t *gids, size_t gid_count)
{
	uint64_t by_groups = 0, by_default = 0;
	bool has_group = false;

	for (size_t i = 0; i < rule_count; i++) {
		const struct access_entry *rule = &rules[i];

		if (rule->kind == ACCESS_ONE_USER && rule->id == uid)
			return rule->drivers;
		if (rule->kind == ACCESS_ONE_GROUP && in_groups(rule->id, gids, gid_count)) {
			by_groups |= rule->drivers;
			has_group = true;
		}
		if (rule->kind == ACCESS_EVERYBODY)
			by_default = rule->drivers;
	}
	return has_group ? by_groups : by_default;
}
