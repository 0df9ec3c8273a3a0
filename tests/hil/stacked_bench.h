/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stacked engines on a bench, and below them, each behind a checker and an arbiter, engines of
 * another bench's maker.
 */
#ifndef PLUTON_TESTS_HIL_STACKED_BENCH_H
#define PLUTON_TESTS_HIL_STACKED_BENCH_H

#include "tests/hil/behaviours.h"

/* behaviours_main on what stands on that maker's engines; `name` is the suite's. */
int stacked_bench_main(int argc, char **argv, const char *name, const struct bench_maker *below);

#endif
