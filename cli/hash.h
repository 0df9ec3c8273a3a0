/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digest of a file of any size, made by the daemon. Fails as cli/failure.h says.
 */
#ifndef PLUTON_CLI_HASH_H
#define PLUTON_CLI_HASH_H

#include "cli/session.h"

/*
 * `name` is one that pluton_digest_by_name knows; `digest` has room for PLUTON_DIGEST_SIZE_MAX
 * bytes. "-" is standard input.
 */
int hash_file(struct session *session, const char *name, const char *path, void *digest);

#endif
