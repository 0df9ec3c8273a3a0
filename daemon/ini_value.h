/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as they are written in ini files: numbers, sizes, durations, lists of names. The rule a
 * newcomer would break first: what is read is the whole text, without blanks and signs, or nothing.
 */
#ifndef PLUTON_INI_VALUE_H
#define PLUTON_INI_VALUE_H

#include <stddef.h>
#include <stdint.h>

#define INI_VALUE_SIZE 32 /* enough for what ini_size_text and ini_duration_text write */

/* -PLUTON_EINVAL: not one, or too large; *ret is undefined then. */
int ini_number(const char *text, int base, uint64_t *ret);
int ini_size(const char *text, uint64_t *ret);	   /* bytes, or with K, M, G */
int ini_duration(const char *text, uint64_t *ret); /* to milliseconds; with ms, s, m, h */

/* As they would be written, with the largest unit that is exact. */
const char *ini_size_text(uint64_t bytes, char buf[INI_VALUE_SIZE]);
const char *ini_duration_text(uint64_t ms, char buf[INI_VALUE_SIZE]);

/*
 * Copies a comma separated list of names (a-z, 0-9, "-", "_") without its blanks. -PLUTON_EINVAL:
 * empty, or something else stands between two commas. -PLUTON_ENOMEM.
 */
int ini_list_copy(const char *text, char **ret);

#endif
