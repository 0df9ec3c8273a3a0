/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folders in which definitions lie, and which of them there are.
 */
#ifndef PLUTON_APPS_FOLDERS_H
#define PLUTON_APPS_FOLDERS_H

#include "backends/apps/definition.h"

/* Said of a folder that is not used, and why: "PATH: what is wrong; what to do". */
typedef void (*folders_complain_fn)(void *context, const char *sentence);

/*
 * Reads every NAME.conf of `folders` (ended by NULL); of two with one name that of the first folder
 * wins. A folder that others could have written to is left out, one that is missing is none.
 * `trusted` is one more user to whom a folder may belong. *ret is an array in name order, the
 * caller's to free, with the definitions, which the caller holds. -PLUTON_ENOMEM.
 */
int folders_read(const char *const *folders, uint32_t trusted, folders_complain_fn complain,
		 void *context, struct definition ***ret, size_t *ret_count);

#endif
