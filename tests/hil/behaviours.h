/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HIL contract suite: one table of behaviours, run on every engine through the checker. A test
 * program for an engine is a bench_maker and a call of behaviours_main.
 */
#ifndef PLUTON_TESTS_HIL_BEHAVIOURS_H
#define PLUTON_TESTS_HIL_BEHAVIOURS_H

#include "tests/hil/bench.h"
#include "tests/suite.h"

struct behaviour {
	const char *name;
	void (*run)(void);
	enum hil_kind kind;	   /* the HIL it needs; HIL_KINDS: any */
	bool needs_failing_engine; /* bench_maker.fail_at */
	uint32_t modes;		   /* of AES that it needs, bit 1 << mode; CTR and GCM all have */
};

/* clang-format off */
#define BEHAVIOUR(kind, function) {#function, function, kind, false, 0}
#define BEHAVIOUR_OF_AES(modes, function) {#function, function, HIL_AES, false, modes}
/* clang-format on */

/* Each ends with a NULL name. */
extern const struct behaviour rng_behaviours[];
extern const struct behaviour digest_behaviours[];
extern const struct behaviour ctr_behaviours[];
extern const struct behaviour blocks_behaviours[];
extern const struct behaviour aead_behaviours[];
extern const struct behaviour gcm_behaviours[];
extern const struct behaviour ccm_behaviours[];
extern const struct behaviour mac_behaviours[];
extern const struct behaviour refusal_behaviours[];
extern const struct behaviour trouble_behaviours[];
extern const struct behaviour sharing_behaviours[];
extern const struct behaviour vector_behaviours[];
extern const struct behaviour nist_behaviours[];
extern const struct behaviour ecc_behaviours[];
extern const struct behaviour rsa_behaviours[];
extern const struct behaviour kdf_behaviours[];
extern const struct behaviour hwkey_behaviours[];

/* suite_main with all behaviours that this maker's engines can show. */
int behaviours_main(int argc, char **argv, const struct bench_maker *maker);

/* Runs the table on this maker's engines until a rule is violated. */
void behaviours_try(const struct bench_maker *maker, const struct behaviour *table,
		    struct bench_trial *trial);

/* Sizes at which engines change their ways; 0 (the whole message) ends the list. */
#define CHUNKINGS 13u
extern const size_t chunkings[CHUNKINGS];

#endif
