/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test chip on a bench, with all of its buffer.
 */
#ifndef PLUTON_TESTS_HIL_CHIP_BENCH_H
#define PLUTON_TESTS_HIL_CHIP_BENCH_H

#include "tests/hil/behaviours.h"

extern const struct bench_maker chip_bench_maker;

#endif
