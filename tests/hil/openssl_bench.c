/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens the OpenSSL backend for a bench: a small scratch, so that tests can exceed it.
 */
#include "tests/hil/openssl_bench.h"

static const struct openssl_options *options_in_use;
static struct backend_environment environment;

static int open_openssl(struct bench *bench)
{
	struct backend_instance *instance;
	int r;

	environment = (struct backend_environment){
		.deferred = &bench->deferred,
		.interrupts = &bench->interrupts,
		.aead_scratch = 4200,
		.workers = 2,
	};
	r = openssl_open_with(&environment, options_in_use, &instance);
	if (r < 0)
		return r;
	bench->backend = instance;
	for (unsigned kind = 0; kind < HIL_KINDS; kind++)
		bench->inner[kind] = instance->engines[kind];
	return 0;
}

static void close_openssl(struct bench *bench)
{
	openssl_close(bench->backend);
}

struct bench_maker openssl_bench_maker(const char *name, const struct openssl_options *options)
{
	options_in_use = options;
	return (struct bench_maker){
		.name = name,
		.open = open_openssl,
		.close = close_openssl,
		.has_workers = true,
		.lends = true,
		.opens_sealed = true,
	};
}

int openssl_bench_main(int argc, char **argv, const char *name,
		       const struct openssl_options *options)
{
	const struct bench_maker maker = openssl_bench_maker(name, options);

	return behaviours_main(argc, argv, &maker);
}
