/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digest of a file of any size, for hash and for what signs digests. Fails as cli/failure.h
 * says.
 */
#ifndef PLUTON_CLI_HASH_H
#define PLUTON_CLI_HASH_H

#include <pluton/digest.h>

#include "cli/session.h"

/* Of the file, or of standard input for "-"; `name` is the algorithm's, for messages. */
int hash_file(struct session *session, const char *name, const char *path,
	      unsigned char ret_digest[PLUTON_DIGEST_SIZE_MAX]);

#endif
