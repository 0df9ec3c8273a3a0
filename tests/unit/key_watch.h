/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a key stays behind: in memory that libcrypto frees, and in what an engine keeps.
 */
#ifndef PLUTON_TESTS_KEY_WATCH_H
#define PLUTON_TESTS_KEY_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_WATCH_SIZE 16u /* bytes by which it is known */

/* Before anything else that uses libcrypto. */
void key_watch_install(void);

/* From here on the first KEY_WATCH_SIZE bytes of `key` are looked for. */
void key_watch_begin(const uint8_t *key);

/* true: libcrypto has freed memory with the key in it. */
bool key_watch_found(void);

bool key_watch_holds(const void *memory, size_t size);

#endif
