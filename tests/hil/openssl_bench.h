/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenSSL backend on a bench, in one of its ways of working.
 */
#ifndef PLUTON_TESTS_HIL_OPENSSL_BENCH_H
#define PLUTON_TESTS_HIL_OPENSSL_BENCH_H

#include "backends/openssl/openssl.h"
#include "tests/hil/behaviours.h"

/* The options stay valid as long as benches are opened. */
struct bench_maker openssl_bench_maker(const char *name, const struct openssl_options *options);

/* behaviours_main with OpenSSL's engines. */
/* Of the backend with these options, which must stay. */
struct bench_maker openssl_bench_maker(const char *name, const struct openssl_options *options);

int openssl_bench_main(int argc, char **argv, const char *name,
		       const struct openssl_options *options);

#endif
