/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digits by arithmetic instead of a table: no memory access depends on a key.
 */
#include "cli/hex.h"

#include <stdint.h>

/* All ones if low <= value <= high, else 0. Values are below 256. */
static unsigned in_range(unsigned value, unsigned low, unsigned high)
{
	return (((value - low) | (high - value)) >> 8 & 1) - 1;
}

static char digit_of(unsigned nibble)
{
	unsigned is_letter = (9 - nibble) >> 8 & 1;

	return (char)('0' + nibble + is_letter * ('a' - '0' - 10));
}

/* 0 to 15, or 256 for what is no digit. */
static unsigned nibble_of(unsigned digit)
{
	unsigned lower = digit | 0x20;
	unsigned is_figure = in_range(digit, '0', '9');
	unsigned is_letter = in_range(lower, 'a', 'f');

	return (is_figure & (digit - '0')) | (is_letter & (lower - 'a' + 10)) |
	       (~(is_figure | is_letter) & 256);
}

void hex_encode(const void *bytes, size_t length, char *text)
{
	const uint8_t *from = bytes;

	for (size_t i = 0; i < length; i++) {
		*text++ = digit_of(from[i] >> 4);
		*text++ = digit_of(from[i] & 15);
	}
}

bool hex_decode(const char *text, size_t length, void *ret_bytes)
{
	uint8_t *to = ret_bytes;
	unsigned wrong = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned high = nibble_of((unsigned char)text[2 * i]);
		unsigned low = nibble_of((unsigned char)text[2 * i + 1]);

		wrong |= (high | low) & 256;
		to[i] = (uint8_t)((high << 4) | (low & 15));
	}
	return wrong == 0;
}
