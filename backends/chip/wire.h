/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers of the native link, version 1: docs/chip-link.md in C. Both ends include it; what a
 * chip sends and stores out there must never be renumbered.
 */
#ifndef PLUTON_CHIP_WIRE_H
#define PLUTON_CHIP_WIRE_H

#define WIRE_VERSION 1u
#define WIRE_MAGIC "PLUTONLK" /* without its NUL: eight octets */
#define WIRE_MAGIC_SIZE 8u
#define WIRE_NONCE_SIZE 8u

enum wire_type {
	WIRE_HELLO = 0x01,    /* opens a session */
	WIRE_RESYNC = 0x02,   /* the same session again, with nothing under way */
	WIRE_ABORT = 0x03,    /* the unit forgets what it was doing */
	WIRE_BEGIN = 0x10,    /* the unit forgets, and begins */
	WIRE_PUT = 0x11,      /* host to chip: item */
	WIRE_GET = 0x12,      /* chip to host: item */
	WIRE_WAIT = 0x40,     /* chip: alive, the answer to this sequence number comes later */
	WIRE_STRANGER = 0x41, /* chip: there is no session, say HELLO */
	WIRE_ANSWER = 0x80,   /* or'ed to the type of what is answered */
};

enum wire_unit {
	WIRE_UNIT_LINK = 0,
	WIRE_UNIT_DIGEST = 1,
	WIRE_UNIT_AES = 2,
	WIRE_UNITS,
};

enum wire_item {
	WIRE_ITEM_NONE = 0,
	WIRE_ITEM_INPUT = 1,
	WIRE_ITEM_AGAIN = 2, /* input once more, after its tag was found right */
	WIRE_ITEM_KEY = 3,
	WIRE_ITEM_IV = 4,
	WIRE_ITEM_COUNTER = 5,
	WIRE_ITEM_AAD = 6,
	WIRE_ITEM_TAG = 7,
	WIRE_ITEM_DIGEST = 8,
	WIRE_ITEM_STATE = 9,
};

/* The numbers of hil/digest.h, hil/aes.h and hil/contract.h that firmware needs of them. */
#define WIRE_SHA256 3u
#define WIRE_AES_CTR 3u
#define WIRE_AES_GCM 4u
#define WIRE_ENCRYPT 1u
#define WIRE_DECRYPT 2u
#define WIRE_FIRST 1u
#define WIRE_LAST 2u

/* HELLO: magic, lowest and highest version, two octets of 0, the session's nonce. */
#define WIRE_HELLO_SIZE (WIRE_MAGIC_SIZE + 4u + WIRE_NONCE_SIZE)
#define WIRE_HELLO_VERSION_MIN 8u
#define WIRE_HELLO_VERSION_MAX 9u
#define WIRE_HELLO_SESSION 12u

/* Its answer; a later version may add octets at the end. */
#define WIRE_CAPS_VERSION 8u	   /* u8 */
#define WIRE_CAPS_BUFFER 10u	   /* u16: octets of data in one frame, 64..256 */
#define WIRE_CAPS_SESSION 12u	   /* the host's nonce, given back */
#define WIRE_CAPS_BOOT 20u	   /* another one after each reset of the chip */
#define WIRE_CAPS_DIGESTS 28u	   /* u32, bit 1 << algorithm (hil/digest.h) */
#define WIRE_CAPS_AES_MODES 32u	   /* u32, bit 1 << mode (hil/aes.h) */
#define WIRE_CAPS_AES_STREAMS 36u  /* u32, of those, the ones it does in several starts */
#define WIRE_CAPS_AES_KEYS 40u	   /* u32, bit 1 << octets / 8 */
#define WIRE_CAPS_LENGTH_MAX 44u   /* u32, of the input of one start */
#define WIRE_CAPS_AAD_MAX 48u	   /* u32 */
#define WIRE_CAPS_DIGEST_STATE 52u /* u16, 0: one-shot only */
#define WIRE_CAPS_AES_STATE 54u	   /* u16, 0: one-shot only */
#define WIRE_CAPS_SIZE 56u

/* BEGIN of a digest: algorithm, phase (enum hil_phase), two octets of 0. */
#define WIRE_BEGIN_DIGEST_SIZE 4u

/* BEGIN of AES: mode, direction, phase, octets of key, bits of counter, 3 of 0, two lengths. */
#define WIRE_BEGIN_AES_AAD_LENGTH 8u /* u64 */
#define WIRE_BEGIN_AES_LENGTH 16u    /* u64 */
#define WIRE_BEGIN_AES_SIZE 24u

#endif
