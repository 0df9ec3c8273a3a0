/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The health tests of NIST SP 800-90B, section 4.4, on bytes that claim to be random: repetition
 * count (4.4.1) and adaptive proportion (4.4.2). They find a generator that sticks or leans far to
 * one value, and nothing finer.
 *
 * H, the entropy claimed, is 8 bits for each byte: what an rng engine gives out is a generator's
 * output and not a noise source's. A, the chance that bytes of a good generator fail, is 2^-60:
 * these are looked at all the time, and one in 2^40, as SP 800-90B has it for noise sources, would
 * come up every few weeks where megabytes are taken each second.
 */
#ifndef PLUTON_HIL_RNG_HEALTH_H
#define PLUTON_HIL_RNG_HEALTH_H

#include <stddef.h>
#include <stdint.h>

/* 4.4.1: C = 1 + ceil(-log2(A) / H) = 1 + ceil(60 / 8). So many equal ones in a row fail. */
#define RNG_HEALTH_REPEATS 9u

/* 4.4.2, step 1, for what is not binary; the first byte of a window counts. */
#define RNG_HEALTH_WINDOW 512u

/*
 * C = 1 + critbinom(W, 2^-H, 1 - A) = 1 + critbinom(512, 1/256, 1 - 2^-60). So many of the window's
 * first one fail.
 */
#define RNG_HEALTH_PROPORTION 25u

/* As the tests go on, from piece to piece; zeroed memory is the beginning. */
struct rng_health {
	uint8_t last;
	unsigned repeats; /* of the last, with itself; 0: there was none */
	uint8_t first;	  /* of the window */
	unsigned at;	  /* bytes of the window that there were */
	unsigned found;	  /* of them, those like the first */
};

/*
 * NULL, or what is wrong, as the end of a sentence: "repeats one byte …". Then there is nothing to
 * go on with.
 */
const char *rng_health_look(struct rng_health *health, const uint8_t *bytes, size_t count);

#endif
