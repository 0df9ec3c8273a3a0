/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from outside, made fit for a log that people read on terminals.
 */
#ifndef PLUTON_BACKENDS_ESCAPE_H
#define PLUTON_BACKENDS_ESCAPE_H

#include <stddef.h>
#include <stdint.h>

#define ESCAPE_GROWTH 4u /* bytes of output for one of input, at most */

/*
 * Copies `len` bytes to `out`, which has room for len * ESCAPE_GROWTH + 1, and terminates it. Each
 * byte of a control character, of a character that moves or reorders what stands around it, and of
 * what is not UTF-8 (RFC 3629) becomes \xNN. Returns the length.
 */
size_t escape_text(const uint8_t *text, size_t len, char *out);

#endif
