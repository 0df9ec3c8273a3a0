/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What requests to the aes capsule have in common, for the files of the modes.
 */
#ifndef PLUTON_CLIENT_AES_REQUEST_H
#define PLUTON_CLIENT_AES_REQUEST_H

#include <pluton/aes.h>

#include "client-lib/connection.h"

enum aes_command {
	AES_COMMAND_ENCRYPT = 1,
	AES_COMMAND_DECRYPT = 2,
	AES_COMMAND_BEGIN = 3,
	AES_COMMAND_UPDATE = 4,
	AES_COMMAND_FINISH = 5,
	AES_COMMAND_ABORT = 6,
	AES_COMMAND_BEGIN_ENCRYPT = 7,
	AES_COMMAND_BEGIN_DECRYPT = 8,
	AES_COMMAND_ENCRYPT_FRESH = 9,
};

enum aes_slot {
	AES_SLOT_KEY = 0,
	AES_SLOT_IV = 1,
	AES_SLOT_AAD = 2,
	AES_SLOT_INPUT = 3,
	AES_SLOT_OUTPUT = 4,
	AES_SLOT_TAG = 5,
};

/* The commands' name for CTR whose counter has 32 bits; PLUTON_AES_CTR is that with 128. */
#define AES_MODE_CTR32 6u

#define AES_BLOCK_SIZE 16u
#define AES_PIECE_SIZE ((size_t)1 << 20) /* of ordinary memory in one request; whole blocks */

static inline struct pluton_slot aes_in(const void *bytes, size_t length)
{
	return (struct pluton_slot){.in = bytes, .length = length};
}

static inline struct pluton_slot aes_out(void *bytes, size_t length)
{
	return (struct pluton_slot){.out = bytes, .length = length};
}

/* Bytes, or the number of a slot: 0, -PLUTON_ESIZE or -PLUTON_EINVAL. */
int aes_check_key(struct pluton *pluton, const void *key, size_t size, uint32_t key_slot);

/* -PLUTON_EINVAL: a counter has 32 or 128 bits. */
int aes_check_ctr_bits(struct pluton *pluton, unsigned bits);
uint32_t aes_ctr_mode(unsigned bits);

/* How much of a message goes into one request: all of it where nothing is copied. */
size_t aes_piece(const struct pluton *pluton, const void *input, const void *output, size_t length);

#endif
