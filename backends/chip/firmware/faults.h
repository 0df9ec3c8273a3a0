/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes wrong on a line and in a chip, on purpose: one in so many frames, by a generator of
 * numbers that a seed makes the same each time.
 */
#ifndef PLUTON_FIRMWARE_FAULTS_H
#define PLUTON_FIRMWARE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault {
	FAULT_DROP = 0,	 /* the frame is lost */
	FAULT_CORRUPT,	 /* one of its octets is another */
	FAULT_DUPLICATE, /* it comes twice */
	FAULT_GARBAGE,	 /* octets that are no frame come before it */
	FAULT_DELAY,	 /* its answer comes late, and WAIT before it */
	FAULT_REBOOT,	 /* the chip is reset before it is executed */
	FAULTS,
};

struct faults {
	uint32_t one_in[FAULTS]; /* 0: never */
	uint32_t delay_ms;
	uint64_t random;
};

/*
 * "drop=50,corrupt=50,seed=7": names of faults and how seldom they come, delay_ms and seed. false:
 * it is nothing of the kind. NULL: no faults.
 */
bool faults_parse(const char *text, struct faults *ret_faults);

/* Whether the fault comes now. */
bool faults_roll(struct faults *faults, enum fault fault);

/* 0..below - 1 */
uint32_t faults_random(struct faults *faults, uint32_t below);

#endif
