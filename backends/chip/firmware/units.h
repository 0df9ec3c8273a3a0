/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The units of the chip: each takes one command at a time and has its answer ready when it returns.
 * Freestanding. What a unit keeps between two commands is its struct and nothing else; zeroed
 * memory is a unit with nothing under way.
 */
#ifndef PLUTON_FIRMWARE_UNITS_H
#define PLUTON_FIRMWARE_UNITS_H

#include "backends/chip/firmware/aes.h"
#include "backends/chip/firmware/sha256.h"
#include "backends/chip/frame.h"
#include "backends/chip/wire.h"

/* An answer in the making; status 0 and no data to begin with. */
struct answer {
	uint8_t status; /* error number of TRD104 */
	uint16_t length;
	uint8_t data[FRAME_DATA_MAX];
};

/* --- digest ---------------------------------------------------------------------------------- */

/* Exported as it lies: whoever exports it is who takes it back. */
struct digest_state {
	struct sha256 sha256;
	uint32_t kind;
	uint32_t zero;
};

struct digest_unit {
	struct digest_state state;
	bool begun;
	bool wants_state;
	bool last;
};

void digest_unit_take(struct digest_unit *unit, const struct frame *command,
		      struct answer *ret_answer);

/* --- AES ------------------------------------------------------------------------------------- */

struct aes_state {
	uint64_t aad_taken; /* octets */
	uint64_t crypted;
	uint64_t hashed;
	uint8_t key[32];
	uint8_t counter[16]; /* of the next block of key stream */
	uint8_t stream[16];  /* the block of key stream that was made last */
	uint8_t iv[16];	     /* GCM: twelve octets and a counter of 1 */
	uint8_t hash[16];
	uint8_t mode;
	uint8_t direction;
	uint8_t key_size;
	uint8_t counter_bits;
	uint8_t spent; /* the counter has come round: there is no next block */
	uint8_t kind[3];
};

struct aes_unit {
	struct aes_state state;
	struct aes_schedule schedule;
	uint8_t subkey[16];
	uint8_t tag[16];
	uint64_t aad_length;
	uint64_t length; /* of this start's input */
	uint64_t taken;
	uint64_t given; /* of the second pass */
	uint32_t wants; /* bit 1 << item: what must still be put before input */
	bool begun;
	bool last;
	bool verified;
};

void aes_unit_take(struct aes_unit *unit, const struct frame *command, struct answer *ret_answer);

#endif
