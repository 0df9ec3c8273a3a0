/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hexadecimal, in constant time per digit: keys pass through it.
 */
#ifndef PLUTON_CLI_HEX_H
#define PLUTON_CLI_HEX_H

#include <stdbool.h>
#include <stddef.h>

/* 2 * length lower-case digits at `text`, without a terminator. */
void hex_encode(const void *bytes, size_t length, char *text);

/* `length` bytes from 2 * length digits of either case. False: another character is among them. */
bool hex_decode(const char *text, size_t length, void *ret_bytes);

#endif
