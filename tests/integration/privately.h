/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For a test program that is the client of a daemon of its own.
 */
#ifndef PLUTON_TESTS_PRIVATELY_H
#define PLUTON_TESTS_PRIVATELY_H

#include "tests/suite.h"

/* suite_main under pluton-run, as whose child the program begins once more. */
int privately_main(int argc, char **argv, const char *name, const struct test *tests, size_t count);

#endif
