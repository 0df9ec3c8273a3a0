/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A word of the command line with a table of what may follow: pluton-cli and its nouns, a noun and
 * its verbs. Parses the common options up to the next word, and hands on.
 */
#ifndef PLUTON_CLI_VERBS_H
#define PLUTON_CLI_VERBS_H

#include <stddef.h>

#include "cli/session.h"

/* argv[0] is the command's full name ("pluton-cli aes encrypt"), for its argp. */
struct verb {
	const char *name;
	const char *arguments; /* "N [--raw]" */
	const char *summary;
	int (*run)(struct session *session, int argc, char **argv);
};

struct verbs {
	const char *kind; /* what its words are: "noun" */
	const char *doc;  /* argp's: what it is for, \v, examples */
	const struct verb *table;
	size_t count;
};

int verbs_run(const struct verbs *verbs, struct session *session, int argc, char **argv);

#endif
