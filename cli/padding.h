/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The padding of PKCS#7 (RFC 5652, section 6.3) for blocks of 16 bytes: 1 to 16 bytes, each of
 * which says how many they are.
 */
#ifndef PLUTON_CLI_PADDING_H
#define PLUTON_CLI_PADDING_H

#include <stdbool.h>
#include <stddef.h>

#define PADDING_BLOCK 16u
#define PADDING_MAX PADDING_BLOCK /* bytes that are added at most */

/* Pads the `length` last bytes of a message in place; the new length. */
size_t padding_add(void *bytes, size_t length);

/* The length without the padding. False: there is none, or a wrong one. */
bool padding_remove(const void *bytes, size_t length, size_t *ret_length);

#endif
