/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that other programs chose (file names, /proc/PID/comm), made fit to print: a process may
 * call itself by an escape sequence.
 */
#ifndef PLUTON_CLI_TEXT_H
#define PLUTON_CLI_TEXT_H

#include <stddef.h>

/* In place: every byte of a control character or of what is not UTF-8 becomes '?'. NULL is fine. */
void text_printable(char *text);

/* In place: every byte of what is not UTF-8 becomes '?'. Control characters stay (for JSON). */
void text_utf8(char *text);

/* How many characters, not bytes, of UTF-8. */
size_t text_width(const char *text);

#endif
