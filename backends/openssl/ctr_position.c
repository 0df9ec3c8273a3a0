/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counter arithmetic on the two halves of the block; the upper half matters for 128 bits only.
 */
#include "backends/openssl/ctr_position.h"

#include <endian.h>
#include <string.h>

static uint64_t half(const struct ctr_position *position, size_t at)
{
	uint64_t value;

	memcpy(&value, position->block + at, sizeof(value));
	return be64toh(value);
}

static void set_half(struct ctr_position *position, size_t at, uint64_t value)
{
	value = htobe64(value);
	memcpy(position->block + at, &value, sizeof(value));
}

/* Blocks behind the present one; UINT64_MAX stands for that many and more. */
static uint64_t blocks_behind(const struct ctr_position *position)
{
	uint64_t low = half(position, 8);

	if (position->bits == 32)
		return UINT32_MAX - (low & UINT32_MAX);
	return half(position, 0) == UINT64_MAX ? UINT64_MAX - low : UINT64_MAX;
}

bool ctr_position_has_room(const struct ctr_position *position, size_t bytes)
{
	size_t here = AES_BLOCK_SIZE - position->offset;
	size_t beyond;

	if (bytes <= here)
		return true;
	beyond = bytes - here;
	return beyond / AES_BLOCK_SIZE + (beyond % AES_BLOCK_SIZE != 0) <= blocks_behind(position);
}

static void add_blocks(struct ctr_position *position, uint64_t blocks)
{
	uint64_t low = half(position, 8);

	/* For 32 bits nothing leaves them: there was room. */
	set_half(position, 8, low + blocks);
	if (low + blocks < low)
		set_half(position, 0, half(position, 0) + 1);
}

void ctr_position_advance(struct ctr_position *position, size_t bytes)
{
	size_t here = AES_BLOCK_SIZE - position->offset;
	uint64_t blocks;

	if (bytes < here) {
		position->offset += bytes;
		return;
	}
	blocks = 1 + (bytes - here) / AES_BLOCK_SIZE;
	position->offset = (bytes - here) % AES_BLOCK_SIZE;
	if (position->offset == 0 && blocks - 1 == blocks_behind(position)) {
		blocks--;
		position->offset = AES_BLOCK_SIZE;
	}
	add_blocks(position, blocks);
}

bool ctr_position_is_sound(const struct ctr_position *position)
{
	if (position->bits != 32 && position->bits != 128)
		return false;
	return position->offset < AES_BLOCK_SIZE ||
	       (position->offset == AES_BLOCK_SIZE && blocks_behind(position) == 0);
}
