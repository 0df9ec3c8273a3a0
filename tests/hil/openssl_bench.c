/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens the OpenSSL backend for a bench: a small scratch, so that tests can exceed it, and a fake
 * store for the keys of slots.
 */
#include "tests/hil/openssl_bench.h"

#include <stdio.h>
#include <string.h>

#include "tests/key_store.h"

static const struct openssl_options *options_in_use;
static struct backend_environment environment;
static struct key_store store;

static int open_openssl(struct bench *bench)
{
	struct backend_instance *instance;
	int r;

	environment = (struct backend_environment){
		.deferred = &bench->deferred,
		.interrupts = &bench->interrupts,
		.aead_scratch = 4200,
		.pbkdf2_rounds_max = 200000,
		.workers = 2,
	};
	r = key_store_open(&store, &environment);
	if (r < 0)
		return r;
	r = openssl_open_with(&environment, options_in_use, &instance);
	if (r < 0) {
		key_store_close(&store);
		return r;
	}
	while (!instance->settled(instance) && deferred_queue_run(&bench->deferred, 1) > 0)
		;
	bench->backend = instance;
	for (unsigned kind = 0; kind < HIL_KINDS; kind++)
		bench->inner[kind] = instance->engines[kind];
	return 0;
}

static void close_openssl(struct bench *bench)
{
	openssl_close(bench->backend);
	key_store_close(&store);
}

/* --- what keeps keys -------------------------------------------------------------------------- */

static void format(void)
{
	memset(&store, 0, sizeof(store));
}

static void damage(const char *owner, uint32_t number)
{
	char name[sizeof(store.areas[0].name)];
	struct key_area *area;

	snprintf(name, sizeof(name), "%s.%u", owner, number);
	area = key_store_find(&store, name);
	if (area)
		area->bytes[area->length / 2] ^= 0x01;
}

static void fail(int error)
{
	store.failure = error;
}

struct bench_maker openssl_bench_maker(const char *name, const struct openssl_options *options)
{
	static const struct bench_store keys = {format, damage, fail};

	options_in_use = options;
	return (struct bench_maker){
		.name = name,
		.open = open_openssl,
		.close = close_openssl,
		.has_workers = true,
		.lends = true,
		.opens_sealed = true,
		.store = &keys,
	};
}

int openssl_bench_main(int argc, char **argv, const char *name,
		       const struct openssl_options *options)
{
	const struct bench_maker maker = openssl_bench_maker(name, options);

	return behaviours_main(argc, argv, &maker);
}
