/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of the channel: their layout and nothing else.
 *
 * A record is what one SEQPACKET message or one ring entry carries: little-endian, fields at fixed
 * offsets, and only then inline bytes. docs/protocol.md is the manual. The daemon, the apps and
 * libpluton share this file; it allocates nothing and keeps nothing.
 *
 * The rule a newcomer would break first: a record is decoded from private memory. Copy it out of
 * a socket or ring once, then decode the copy.
 */
#ifndef PLUTON_RECORD_H
#define PLUTON_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_VERSION 1u	  /* the one protocol version there is */
#define RECORD_RANGES_MAX 8u	  /* entries of an allow table */
#define RECORD_WORDS 4u		  /* argument words of an operation */
#define RECORD_RETURN_WORDS 3u	  /* words of a return and of an upcall */
#define RECORD_TEXT_MAX 160u	  /* bytes of the sentence that explains a refusal */
#define RECORD_INLINE_LIMIT 8192u /* no configuration allows more inline bytes than this */
#define RECORD_WINDOW_INLINE 0u	  /* the window number of the record's own bytes */

#define RECORD_HEADER_SIZE 16u
#define RECORD_FIXED_SIZE 48u /* operation, return and upcall: bytes before ranges or inline */
#define RECORD_RANGE_SIZE 12u
#define RECORD_SIZE_MAX                                                                            \
	(RECORD_FIXED_SIZE + RECORD_RANGES_MAX * RECORD_RANGE_SIZE + RECORD_INLINE_LIMIT)

enum record_type {
	/* from the process */
	RECORD_HELLO = 1,
	RECORD_OPERATION = 2,
	RECORD_CALL = 3,
	RECORD_CANCEL = 4,
	RECORD_WINDOW_ADD = 5,
	RECORD_WINDOW_REMOVE = 6,
	RECORD_RINGS_OPEN = 7,
	/* from the kernel */
	RECORD_WELCOME = 128,
	RECORD_RETURN = 129,
	RECORD_UPCALL = 130,
	RECORD_DOORBELL = 131, /* look into the ring of answers */
};

/* What HELLO asks for and WELCOME agrees to. */
enum record_feature {
	FEATURE_RINGS = 1, /* RINGS_OPEN may follow */
};

enum record_flags {
	RECORD_MORE = 1, /* upcall: the operation lives on, more upcalls follow */
};

/* System call classes, numbered as in TRD104 section 4. Yield lives in the library. */
enum record_class {
	CLASS_YIELD = 0,
	CLASS_SUBSCRIBE = 1,
	CLASS_COMMAND = 2,
	CLASS_ALLOW_RW = 3,
	CLASS_ALLOW_RO = 4,
	CLASS_MEMOP = 5,
	CLASS_EXIT = 6,
};

/* Return variants, numbered as in TRD104 section 3.3. */
enum record_variant {
	VARIANT_FAILURE = 0,
	VARIANT_FAILURE_U32 = 1,
	VARIANT_FAILURE_2U32 = 2,
	VARIANT_SUCCESS = 128,
	VARIANT_SUCCESS_U32 = 129,
	VARIANT_SUCCESS_2U32 = 130,
	VARIANT_SUCCESS_3U32 = 132, /* all fit into a byte */
};

/* Read-only accounting by memop; other numbers are NOSUPPORT. */
enum record_memop {
	MEMOP_LIMIT = 0x100,   /* bytes this process may take */
	MEMOP_USED = 0x101,    /* bytes it has taken */
	MEMOP_WINDOWS = 0x102, /* windows it has */
};

struct record_range {
	uint32_t window; /* RECORD_WINDOW_INLINE, or a number WINDOW_ADD returned */
	uint32_t offset; /* bytes from the window's start */
	uint32_t length; /* bytes; 0 is an absent range */
};

struct record_header {
	uint16_t type;
	uint16_t flags;
	uint32_t size; /* bytes of the whole record */
	uint32_t op_id;
	uint32_t driver;
};

struct record_hello {
	uint32_t version;
	uint32_t features; /* enum record_feature: what the process would use */
};

struct record_welcome {
	uint32_t version;
	uint32_t features;	/* what of them there is */
	uint32_t pid;		/* the daemon's */
	uint32_t process_index; /* who the kernel says the process is */
	uint32_t process_generation;
	uint32_t inline_max;	  /* bytes, sent and returned together */
	uint32_t operations_max;  /* operations one process may have at once */
	uint32_t windows_max;	  /* windows one process may have */
	uint32_t window_size_max; /* bytes of one window */
};

/*
 * An operation: a command with its allow table. Window 0 is `inline_length` bytes sent here
 * followed by `output_length` bytes that come back with the answer: ro ranges of window 0 lie in
 * the first part, rw ranges in the second.
 */
struct record_operation {
	uint32_t command;
	uint32_t words[RECORD_WORDS];
	uint16_t inline_length;
	uint16_t output_length;
	uint16_t range_count;
	struct record_range ranges[RECORD_RANGES_MAX];
	const uint8_t *inline_bytes; /* into the buffer that was decoded */
};

struct record_call {
	uint32_t class;
	uint32_t number;
	uint32_t args[4];
};

struct record_window {
	uint32_t window; /* WINDOW_REMOVE: which; WINDOW_ADD: 0 */
};

struct record_return {
	uint32_t variant;
	uint32_t words[RECORD_RETURN_WORDS];
	uint16_t text_length;
	const char *text; /* not terminated; for a person */
};

struct record_upcall {
	uint32_t number;
	uint32_t words[RECORD_RETURN_WORDS];
	uint32_t missed;
	uint32_t subscription; /* of a standing operation's upcall; else 0 */
	uint16_t output_length;
	const uint8_t *output;
};

struct record {
	struct record_header header;
	union {
		struct record_hello hello;
		struct record_welcome welcome;
		struct record_operation operation;
		struct record_call call;
		struct record_window window;
		struct record_return ret;
		struct record_upcall upcall;
	};
};

/*
 * Decodes `size` bytes at `bytes` into *ret, whose pointers then point into `bytes`.
 * -PLUTON_ESIZE: shorter than its type needs, or its size fields disagree with `size`.
 * -PLUTON_ENOSUPPORT: no such type. -PLUTON_EINVAL: a field that must be 0 is not, or too many
 * ranges. On failure *ret holds the header if there were bytes for one, else zeroes.
 */
int record_decode(const void *bytes, size_t size, struct record *ret);

/*
 * Encodes *record into `bytes` of `capacity`, fills in header.size and returns that size, or
 * -PLUTON_ESIZE if it does not fit and -PLUTON_ENOSUPPORT for an unknown type.
 */
int record_encode(const struct record *record, void *bytes, size_t capacity);

#endif
