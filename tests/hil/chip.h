/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test engine that behaves like a small chip: one operation at a time on each HIL, one callback
 * at a time, a buffer of at most 256 bytes, and time passing between any two steps. Between
 * callbacks it keeps that buffer, what it could export as state, and where it is; nothing else.
 */
#ifndef PLUTON_TESTS_HIL_CHIP_H
#define PLUTON_TESTS_HIL_CHIP_H

#include "daemon/kernel/deferred.h"
#include "hil/hwkey.h"

#define CHIP_BUFFER_SIZE 256u
#define CHIP_KEY_SLOTS 6u
#define CHIP_KEY_SIZE_MAX HWKEY_SECRET_MAX

/* Flash memory, for the keys of slots: it outlives the chip's power. */
struct chip_kept_key {
	struct hwkey_name name; /* number 0: there is none */
	struct hwkey_attributes attributes;
	uint8_t key[CHIP_KEY_SIZE_MAX];
	uint8_t seal[32]; /* of all before it */
};
struct chip_flash {
	struct chip_kept_key keys[CHIP_KEY_SLOTS];
	int failure; /* not 0: it cannot be written any more */
};

struct chip_options {
	struct deferred_queue *deferred;
	size_t buffer;		  /* bytes used of the buffer, 1..CHIP_BUFFER_SIZE */
	unsigned delay;		  /* deferred calls that pass between two steps */
	struct chip_flash *flash; /* NULL: it keeps no keys */
};

struct chip;

/* -PLUTON_ENOMEM. */
int chip_open(const struct chip_options *options, struct chip **ret_chip);
void chip_close(struct chip *chip);

struct hil_engine *chip_engine(struct chip *chip, enum hil_kind kind);

/* The `step`-th step from now on ends its operation with `error`; 0: none does. */
void chip_fail_at(struct chip *chip, unsigned step, int error);

#endif
