/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One operation of each shape there is: HIL, mode, direction, place in a stream. For behaviours
 * that must hold for all of them, at every callback.
 */
#ifndef PLUTON_TESTS_HIL_SCENARIOS_H
#define PLUTON_TESTS_HIL_SCENARIOS_H

#include "tests/hil/material.h"

struct scenario {
	const char *name;
	enum hil_kind kind;
	/* Leaves the client ready for client_start; runs what comes before it in a stream. */
	void (*set_up)(struct bench *bench, struct material *material, struct client *client);
	/* What the engine must offer: AES, bits 1 << mode; KDF, of PRFs; RSA, paddings of
	 * decryption; hwkey, types to be derived. */
	uint32_t needs;
};

/* Ends with a NULL name. */
extern const struct scenario scenarios[];

/* The scenarios that this bench has an engine for. */
bool scenario_fits(const struct scenario *scenario, const struct bench *bench);

/* set_up, then small pieces, and lends if asked. */
void scenario_set_up(const struct scenario *scenario, struct bench *bench,
		     struct material *material, struct client *client, bool lends);

#endif
