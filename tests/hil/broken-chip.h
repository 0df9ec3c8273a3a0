/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of one HIL's behaviours on a test chip whose engine of that HIL breaks a rule: each is the
 * behaviours until the first violation, which must be of that rule. They are made of broken-half.h.
 */
#ifndef PLUTON_TESTS_HIL_BROKEN_CHIP_H
#define PLUTON_TESTS_HIL_BROKEN_CHIP_H

#include <stdlib.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/broken-half.h"
#include "tests/hil/chip.h"

#define BROKEN_ON_CHIP(hil)                                                                        \
	BROKEN_SABOTAGE(hil)                                                                       \
	static const struct sabotage *sabotage_in_use;                                             \
	struct broken {                                                                            \
		struct hil##_engine engine;                                                        \
		struct hil##_client client;                                                        \
		struct hil##_client_ops ops;                                                       \
		const struct sabotage *sabotage;                                                   \
		struct chip *chip;                                                                 \
		struct hil##_engine *inner;                                                        \
		struct hil##_client *outer;                                                        \
		struct hil##_request request;                                                      \
	};                                                                                         \
	BROKEN_OF(struct broken, hil)

/* Needs break_engine. */
#define BROKEN_SUITE(hil, hil_kind)                                                                \
	static int open_broken(struct bench *bench)                                                \
	{                                                                                          \
		const struct chip_options options = {.deferred = &bench->deferred,                 \
						     .buffer = CHIP_BUFFER_SIZE};                  \
		struct broken *broken = calloc(1, sizeof(*broken));                                \
                                                                                                   \
		if (!broken || chip_open(&options, &broken->chip) < 0)                             \
			abort();                                                                   \
		break_engine(broken, chip_engine(broken->chip, hil_kind), sabotage_in_use);        \
		bench->backend = broken;                                                           \
		bench->inner[hil_kind] = &broken->engine.head;                                     \
		return 0;                                                                          \
	}                                                                                          \
	static void close_broken(struct bench *bench)                                              \
	{                                                                                          \
		struct broken *broken = bench->backend;                                            \
                                                                                                   \
		chip_close(broken->chip);                                                          \
		free(broken);                                                                      \
	}                                                                                          \
	static const struct bench_maker maker = {                                                  \
		.name = "hil " #hil " broken",                                                     \
		.open = open_broken,                                                               \
		.close = close_broken,                                                             \
	};                                                                                         \
	static void run_suite(const struct sabotage *sabotage, struct bench_trial *trial)          \
	{                                                                                          \
		sabotage_in_use = sabotage;                                                        \
		behaviours_try(&maker, hil##_behaviours, trial);                                   \
	}                                                                                          \
	static void test_the_same_##hil##_engine_passes_when_it_breaks_nothing(void)               \
	{                                                                                          \
		static const struct sabotage none;                                                 \
		struct bench_trial trial;                                                          \
                                                                                                   \
		run_suite(&none, &trial);                                                          \
		CU_ASSERT_EQUAL(trial.violations, 0);                                              \
		CU_ASSERT_EQUAL(trial.failures, 0);                                                \
	}

/* clang-format off */
#define BREAKS(test, rule, ...)                                                                    \
	static void test(void)                                                                     \
	{                                                                                          \
		static const struct sabotage sabotage = {__VA_ARGS__};                             \
		struct bench_trial trial;                                                          \
                                                                                                   \
		run_suite(&sabotage, &trial);                                                      \
		bench_trial_expect(&trial, rule);                                                  \
	}
/* clang-format on */

#endif
