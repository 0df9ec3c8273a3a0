/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chip's end of the native link (docs/chip-link.md): octets in, octets out. Freestanding: no
 * allocation, no clock, no operating system; of libc only memcpy, memmove, memset and memcmp.
 *
 * A port of it to a board feeds firmware_take with what the UART received and sends what it says;
 * it brings eight random octets at each reset.
 */
#ifndef PLUTON_FIRMWARE_FIRMWARE_H
#define PLUTON_FIRMWARE_FIRMWARE_H

#include "backends/chip/firmware/units.h"

struct firmware {
	struct frame_parser parser;
	uint8_t boot[WIRE_NONCE_SIZE];
	uint8_t session[WIRE_NONCE_SIZE];
	bool greeted;
	uint16_t sequence;		/* of the last command that was executed */
	uint8_t stored[FRAME_WIRE_MAX]; /* its answer, as it is sent again */
	size_t stored_length;
	uint8_t notice[FRAME_WIRE_MAX]; /* WAIT, STRANGER: they are not stored */
	struct digest_unit digest;
	struct aes_unit aes;
	struct answer answer;
	uint32_t executed; /* commands, each counted once; repeated ones are not */
};

/* A reset: nothing is under way, no session is open. */
void firmware_reset(struct firmware *firmware, const uint8_t boot[WIRE_NONCE_SIZE]);

/*
 * Takes one octet from the line. Returns how many octets are to be sent, 0 for none; *ret_octets
 * is where they lie until the next call.
 */
size_t firmware_take(struct firmware *firmware, uint8_t octet, const uint8_t **ret_octets);

/* A WAIT for the command that was executed last, for who sends its answer late. */
size_t firmware_wait(struct firmware *firmware, const uint8_t **ret_octets);

#endif
