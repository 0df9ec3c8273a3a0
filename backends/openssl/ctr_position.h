/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a CTR stream stands: a counter block and how much of its key stream is used up.
 *
 * The counter is the last `bits` bits of the block, big-endian. It carries within them and never
 * wraps: the last legal block is the one whose counter is all ones. Once that block is used up the
 * position stays on it with an offset of 16, and there is room for nothing more.
 */
#ifndef PLUTON_OPENSSL_CTR_POSITION_H
#define PLUTON_OPENSSL_CTR_POSITION_H

#include "hil/aes.h"

struct ctr_position {
	uint8_t block[AES_BLOCK_SIZE];
	size_t offset; /* bytes of its key stream used, 0..15, or 16 behind the last block */
	unsigned bits; /* 32 or 128 */
};

/* Whether `bytes` more fit before the counter would wrap. */
bool ctr_position_has_room(const struct ctr_position *position, size_t bytes);

/* Goes on by `bytes`, for which there is room. */
void ctr_position_advance(struct ctr_position *position, size_t bytes);

/* Whether the offset is one that advance can have left. */
bool ctr_position_is_sound(const struct ctr_position *position);

#endif
