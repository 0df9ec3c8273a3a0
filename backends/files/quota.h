/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an owner may have, checked against what is there.
 */
#ifndef PLUTON_FILES_QUOTA_H
#define PLUTON_FILES_QUOTA_H

#include "backends/files/change.h"

/* -PLUTON_ENOMEM, with a sentence: the owner would have more than the quota after the changes. */
int quota_check(struct disk *disk, const struct place *place, const char *owner,
		const struct nv_quota *quota, const struct change *changes, unsigned count);

#endif
