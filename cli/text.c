/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 by the table of RFC 3629, section 4, independent of the locale. A string's end is never
 * passed, because its zero byte is no continuation byte.
 */
#include "cli/text.h"

#include <stdbool.h>

struct lead {
	unsigned char first, last; /* lead bytes */
	unsigned char low, high;   /* of the second byte */
	unsigned char length;	   /* bytes of the whole character */
};

static const struct lead leads[] = {
	{0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
	{0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
	{0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

static bool is_continuation(unsigned char byte)
{
	return (byte & 0xC0) == 0x80;
}

static bool follows(const struct lead *lead, const unsigned char *at)
{
	if (at[1] < lead->low || at[1] > lead->high)
		return false;
	for (size_t i = 2; i < lead->length; i++) {
		if (!is_continuation(at[i]))
			return false;
	}
	return true;
}

/* Bytes of the character at `at`; 0 if there is none. */
static size_t character_length(const unsigned char *at)
{
	if (at[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
		if (at[0] >= leads[i].first && at[0] <= leads[i].last)
			return follows(&leads[i], at) ? leads[i].length : 0;
	}
	return 0;
}

/* C0, DEL, and C1, which is U+0080 to U+009F. */
static bool is_control(const unsigned char *at)
{
	return at[0] < 0x20 || at[0] == 0x7F || (at[0] == 0xC2 && at[1] < 0xA0);
}

void text_printable(char *text)
{
	text_utf8(text);
	for (char *at = text; at && *at; at++) {
		unsigned char *byte = (unsigned char *)at;

		if (!is_control(byte))
			continue;
		if (*byte == 0xC2)
			byte[1] = '?';
		*byte = '?';
	}
}

void text_utf8(char *text)
{
	unsigned char *at = (unsigned char *)text;

	while (at && *at) {
		size_t length = character_length(at);

		if (length == 0)
			*at = '?';
		at += length ? length : 1;
	}
}

size_t text_width(const char *text)
{
	size_t width = 0;

	for (const char *at = text; *at; at++)
		width += !is_continuation((unsigned char)*at);
	return width;
}
