/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of bench/crypto. Each measures on a daemon that runs, in a placement that is set up,
 * what the command line chose.
 */
#ifndef PLUTON_BENCH_CRYPTO_PARTS_H
#define PLUTON_BENCH_CRYPTO_PARTS_H

#include "bench/cpus.h"
#include "bench/daemon.h"
#include "bench/table.h"

struct crypto_bench {
	const struct program *program;
	const struct placement *placement;
	const struct daemon *daemon;
};

/* crypto_data.c: digests, MACs and AES, by length. */
void crypto_measure_data(const struct crypto_bench *bench);

/* crypto_keys.c: elliptic curves and RSA, an operation each. */
void crypto_measure_keys(const struct crypto_bench *bench);

/* crypto_loads.c: what a chip is asked for, two clients, and one who makes others wait. */
void crypto_measure_loads(const struct crypto_bench *bench);

/* Room for "TITLE, PLACEMENT". */
struct crypto_table {
	struct table table;
	char title[128];
};

/* crypto_table.c: prints title and headings. false: the table was not chosen. */
bool crypto_begin(const struct crypto_bench *bench, struct crypto_table *table, const char *title,
		  const struct column *columns, size_t count);

#endif
