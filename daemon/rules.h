/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The [access] section, from names to the kernel's driver masks.
 */
#ifndef PLUTON_RULES_H
#define PLUTON_RULES_H

#include "daemon/config.h"
#include "daemon/kernel/access.h"
#include "daemon/kernel/kernel.h"

/*
 * The caller frees *ret. -PLUTON_EINVAL: a capsule there is not; -PLUTON_ENOMEM; *ret_error says
 * what and where. Who may use anything may use the manager too: what it shows and does it checks
 * itself.
 */
int rules_make(const struct config *config, const struct kernel *kernel, struct access_entry **ret,
	       size_t *ret_count, struct config_error *ret_error);

/* What somebody can do who may use nothing, as words for `channel.advice`. */
void rules_advise(const struct config *config, char *text, size_t size);

/*
 * The mask of a list of names with commas between ("": nobody), and the manager's. -PLUTON_EINVAL:
 * *ret_unknown, not terminated, is no capsule.
 */
int rules_mask(const struct kernel *kernel, const char *list, uint64_t *ret,
	       const char **ret_unknown, size_t *ret_length);

#endif
