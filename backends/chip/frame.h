/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of the native link (docs/chip-link.md), the same on both ends of the line: a header,
 * data, CRC-32, with octet stuffing between flags. Freestanding: no allocation, of libc only mem*.
 */
#ifndef PLUTON_CHIP_FRAME_H
#define PLUTON_CHIP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_FLAG 0x7eu
#define FRAME_ESCAPE 0x7du
#define FRAME_ESCAPE_BIT 0x20u

#define FRAME_HEADER_SIZE 8u
#define FRAME_DATA_MAX 256u
#define FRAME_CRC_SIZE 4u
#define FRAME_MAX (FRAME_HEADER_SIZE + FRAME_DATA_MAX + FRAME_CRC_SIZE)
#define FRAME_WIRE_MAX (2 * FRAME_MAX + 2) /* with every octet escaped, and both flags */

/* One frame, taken apart. Little-endian on the wire, in this order. */
struct frame {
	uint8_t type;	/* enum wire_type */
	uint8_t unit;	/* enum wire_unit */
	uint8_t item;	/* enum wire_item */
	uint8_t status; /* of an answer: 0 or an error number of TRD104 */
	uint16_t sequence;
	uint16_t length; /* of data, 0..FRAME_DATA_MAX */
	const uint8_t *data;
};

struct frame_parser {
	uint8_t octets[FRAME_MAX];
	size_t filled;
	bool escaped; /* the last octet was FRAME_ESCAPE */
	bool lost;    /* too long or broken: nothing counts until the next flag */
	uint32_t refused;
};

uint32_t frame_crc(const uint8_t *octets, size_t length);

/* Bytes put into `wire`. The frame's length is at most FRAME_DATA_MAX. */
size_t frame_encode(const struct frame *frame, uint8_t wire[FRAME_WIRE_MAX]);

/*
 * Takes one octet. true: it ended a frame whose CRC is right, and *ret_frame is that; its data lie
 * in the parser until the next octet. What is no such frame is counted in `refused`. Zeroed memory
 * is a parser.
 */
bool frame_parse(struct frame_parser *parser, uint8_t octet, struct frame *ret_frame);

/* Little-endian numbers, as everything on this wire. */
void frame_put16(uint8_t *at, uint16_t value);
void frame_put32(uint8_t *at, uint32_t value);
void frame_put64(uint8_t *at, uint64_t value);
uint16_t frame_get16(const uint8_t *at);
uint32_t frame_get32(const uint8_t *at);
uint64_t frame_get64(const uint8_t *at);

#endif
