/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of sha256sum(1) and its siblings, which their --check reads.
 */
#ifndef PLUTON_CLI_CHECKSUM_H
#define PLUTON_CLI_CHECKSUM_H

/* "DIGITS  FILE"; it begins with a backslash where the name has escapes. */
void checksum_print(const char *digits, const char *file);

/* "FILE: OK", as their --check says it. */
void checksum_print_ok(const char *file);

#endif
