/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 is decoded here in full: a lenient decoder would pass an overlong newline that the next
 * reader is lenient enough to obey.
 */
#include "backends/journal/escape.h"

#include <stdbool.h>
#include <string.h>

#define CODE_POINT_MAX 0x10ffffu

struct range {
	uint32_t first;
	uint32_t last;
};

static bool is_in(const struct range *ranges, size_t count, uint32_t code_point)
{
	for (size_t i = 0; i < count; i++) {
		if (code_point >= ranges[i].first && code_point <= ranges[i].last)
			return true;
	}
	return false;
}

/* What could end the line, move the cursor, or show the line as another than it is. */
static bool is_harmful(uint32_t code_point)
{
	static const struct range harmful[] = {
		{0x00, 0x1f},	  /* C0 controls */
		{0x7f, 0x9f},	  /* delete, and the C1 controls: 9b is as good as ESC [ */
		{0x61c, 0x61c},	  /* Arabic letter mark */
		{0x200e, 0x200f}, /* left-to-right and right-to-left mark */
		{0x2028, 0x202e}, /* line and paragraph separator, embeddings, overrides */
		{0x2066, 0x2069}, /* isolates */
		{0xfeff, 0xfeff}, /* byte order mark */
	};

	return is_in(harmful, sizeof(harmful) / sizeof(harmful[0]), code_point);
}

/* Bytes of the sequence that begins with this one; 0: none does. */
static size_t sequence_size(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

static bool is_character(uint32_t code_point, size_t size)
{
	static const uint32_t shortest[] = {0, 0, 0x80, 0x800, 0x10000};

	return code_point >= shortest[size] && code_point <= CODE_POINT_MAX &&
	       (code_point < 0xd800 || code_point > 0xdfff);
}

/* Bytes of the character at `text`; 0: there is none that may be shown. */
static size_t shown(const uint8_t *text, size_t len)
{
	static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t size = sequence_size(text[0]);
	uint32_t code_point;

	if (size == 0 || size > len)
		return 0;
	code_point = text[0] & lead_bits[size];
	for (size_t i = 1; i < size; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code_point = code_point << 6 | (text[i] & 0x3f);
	}
	return is_character(code_point, size) && !is_harmful(code_point) ? size : 0;
}

static size_t escape_byte(uint8_t byte, char *out)
{
	static const char digits[] = "0123456789abcdef";

	out[0] = '\\';
	out[1] = 'x';
	out[2] = digits[byte >> 4];
	out[3] = digits[byte & 15];
	return ESCAPE_GROWTH;
}

size_t escape_text(const uint8_t *text, size_t len, char *out)
{
	size_t length = 0;

	for (size_t at = 0; at < len;) {
		size_t size = shown(text + at, len - at);

		if (size == 0) {
			length += escape_byte(text[at++], out + length);
			continue;
		}
		memcpy(out + length, text + at, size);
		length += size;
		at += size;
	}
	out[length] = '\0';
	return length;
}
