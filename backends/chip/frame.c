/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octet stuffing as in RFC 1662 section 4.2, with CRC-32 (IEEE 802.3, as zlib's crc32) in place of
 * its FCS. The rule a newcomer would break first: everything that comes from the line is checked
 * against the buffer before it is put there.
 */
#include "backends/chip/frame.h"

#include <string.h>

void frame_put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

void frame_put32(uint8_t *at, uint32_t value)
{
	frame_put16(at, (uint16_t)value);
	frame_put16(at + 2, (uint16_t)(value >> 16));
}

void frame_put64(uint8_t *at, uint64_t value)
{
	frame_put32(at, (uint32_t)value);
	frame_put32(at + 4, (uint32_t)(value >> 32));
}

uint16_t frame_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

uint32_t frame_get32(const uint8_t *at)
{
	return frame_get16(at) | (uint32_t)frame_get16(at + 2) << 16;
}

uint64_t frame_get64(const uint8_t *at)
{
	return frame_get32(at) | (uint64_t)frame_get32(at + 4) << 32;
}

static uint32_t crc_octet(uint32_t crc, uint8_t octet)
{
	crc ^= octet;
	for (unsigned bit = 0; bit < 8; bit++)
		crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
	return crc;
}

uint32_t frame_crc(const uint8_t *octets, size_t length)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < length; i++)
		crc = crc_octet(crc, octets[i]);
	return ~crc;
}

/* --- sending --------------------------------------------------------------------------------- */

static size_t stuff(uint8_t *wire, const uint8_t *octets, size_t length)
{
	size_t n = 0;

	for (size_t i = 0; i < length; i++) {
		if (octets[i] == FRAME_FLAG || octets[i] == FRAME_ESCAPE) {
			wire[n++] = FRAME_ESCAPE;
			wire[n++] = octets[i] ^ FRAME_ESCAPE_BIT;
		} else {
			wire[n++] = octets[i];
		}
	}
	return n;
}

/* The CRC goes over header and data, so it is carried from one to the other. */
size_t frame_encode(const struct frame *frame, uint8_t wire[FRAME_WIRE_MAX])
{
	uint8_t header[FRAME_HEADER_SIZE] = {frame->type, frame->unit, frame->item, frame->status};
	uint8_t trailer[FRAME_CRC_SIZE];
	uint32_t crc = ~0u;
	size_t n = 0;

	frame_put16(header + 4, frame->sequence);
	frame_put16(header + 6, frame->length);
	for (size_t i = 0; i < sizeof(header); i++)
		crc = crc_octet(crc, header[i]);
	for (size_t i = 0; i < frame->length; i++)
		crc = crc_octet(crc, frame->data[i]);
	frame_put32(trailer, ~crc);
	wire[n++] = FRAME_FLAG;
	n += stuff(wire + n, header, sizeof(header));
	n += stuff(wire + n, frame->data, frame->length);
	n += stuff(wire + n, trailer, sizeof(trailer));
	wire[n++] = FRAME_FLAG;
	return n;
}

/* --- receiving ------------------------------------------------------------------------------- */

static bool take_apart(const struct frame_parser *parser, struct frame *ret_frame)
{
	const uint8_t *octets = parser->octets;
	size_t body = parser->filled - FRAME_CRC_SIZE;

	if (parser->escaped || parser->filled < FRAME_HEADER_SIZE + FRAME_CRC_SIZE)
		return false;
	if (frame_get16(octets + 6) != body - FRAME_HEADER_SIZE)
		return false;
	if (frame_crc(octets, body) != frame_get32(octets + body))
		return false;
	*ret_frame = (struct frame){
		.type = octets[0],
		.unit = octets[1],
		.item = octets[2],
		.status = octets[3],
		.sequence = frame_get16(octets + 4),
		.length = frame_get16(octets + 6),
		.data = octets + FRAME_HEADER_SIZE,
	};
	return true;
}

/* Flags stand before and after a frame, so two in a row are no frame. */
static bool end_frame(struct frame_parser *parser, struct frame *ret_frame)
{
	bool empty = parser->filled == 0 && !parser->escaped && !parser->lost;
	bool whole = !empty && !parser->lost && take_apart(parser, ret_frame);

	parser->refused += !empty && !whole;
	parser->filled = 0;
	parser->escaped = false;
	parser->lost = false;
	return whole;
}

bool frame_parse(struct frame_parser *parser, uint8_t octet, struct frame *ret_frame)
{
	if (octet == FRAME_FLAG)
		return end_frame(parser, ret_frame);
	if (parser->lost)
		return false;
	if (octet == FRAME_ESCAPE && !parser->escaped) {
		parser->escaped = true;
		return false;
	}
	if (parser->filled == sizeof(parser->octets)) {
		parser->lost = true;
		return false;
	}
	parser->octets[parser->filled++] =
		parser->escaped ? (uint8_t)(octet ^ FRAME_ESCAPE_BIT) : octet;
	parser->escaped = false;
	return false;
}
