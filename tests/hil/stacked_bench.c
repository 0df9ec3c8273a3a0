/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bench shows the stacked engines alone. Below them, and hidden from the behaviours: the
 * digest engine, and another stacked HMAC for key derivation, so that three levels stand on one
 * engine.
 */
#include "tests/hil/stacked_bench.h"

#include "backends/stacked/stacked.h"

#define OWNERS_MAX 8u
#define ALL_KINDS ((1u << HIL_KINDS) - 1) /* HIL_KINDS, for any, is none that lacks */

static const struct bench_maker *below_in_use;
static struct backend_environment environment;
static struct backend_instance *stacked; /* on the bench */
static struct backend_instance *middle;	 /* its HMAC is below */
static struct hil_port ports[HIL_KINDS];
static struct arbiter arbiters[HIL_KINDS];
static struct hil_owner *owners[OWNERS_MAX];
static uint32_t owner_count;

static int add_owner(void *context, struct hil_owner *owner)
{
	(void)context;
	*owner = (struct hil_owner){.index = owner_count, .party = owner_count};
	owners[owner_count++] = owner;
	return 0;
}

static struct hil_owner *find_owner(void *context, uint32_t index)
{
	(void)context;
	return owners[index];
}

static int open_arbiter(struct bench *bench, struct hil_engine *engine)
{
	return arbiter_init(&arbiters[engine->kind], engine, &bench->deferred, OWNERS_MAX,
			    OWNERS_MAX, 0, find_owner, NULL);
}

/* An engine goes below. */
static int put_below(struct bench *bench, struct hil_engine *inner)
{
	struct hil_engine *engine;
	int r = bench_check_engine(bench, inner, &engine);

	if (r < 0)
		return r;
	ports[inner->kind] = (struct hil_port){inner->kind, 1, {engine}};
	return open_arbiter(bench, engine);
}

static int open_levels(struct bench *bench)
{
	int r = put_below(bench, bench->inner[HIL_DIGEST]);

	if (r == 0)
		r = stacked_open(&environment, &middle);
	if (r < 0)
		return r;
	middle->join(middle, HIL_HMAC, ports);
	r = put_below(bench, middle->engines[HIL_HMAC]);
	return r == 0 ? stacked_open(&environment, &stacked) : r;
}

static int open_stacked(struct bench *bench)
{
	int r = below_in_use->open(bench);

	environment = (struct backend_environment){
		.deferred = &bench->deferred,
		.interrupts = &bench->interrupts,
		.add_owner = add_owner,
		.pbkdf2_rounds_max = UINT64_MAX,
	};
	owner_count = 0;
	if (r == 0)
		r = open_levels(bench);
	for (unsigned kind = 0; r == 0 && kind < HIL_KINDS; kind++) {
		bench->inner[kind] = NULL;
		if (!stacked->engines[kind] || below_in_use->lacks & 1u << kind)
			continue;
		bench->inner[kind] = stacked->engines[kind];
		stacked->join(stacked, (enum hil_kind)kind, ports);
	}
	return r;
}

static void close_stacked(struct bench *bench)
{
	struct hil_engine *below[HIL_KINDS];

	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		below[kind] = ports[kind].count ? ports[kind].engines[0] : NULL;
		ports[kind].count = 0;
		if (!below[kind])
			continue;
		EXPECT(arbiters[kind].holders == 0 && arbiters[kind].marked == 0);
		EXPECT(checker_settle(below[kind]) == 0);
		arbiter_close(&arbiters[kind]);
	}
	stacked_close(stacked);
	stacked_close(middle);
	below_in_use->close(bench);
	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		if (below[kind])
			checker_close(below[kind]);
	}
}

int stacked_bench_main(int argc, char **argv, const char *name, const struct bench_maker *below)
{
	struct bench_maker maker = *below;

	below_in_use = below;
	maker.name = name;
	maker.open = open_stacked;
	maker.close = close_stacked;
	maker.lacks |= ALL_KINDS & ~(1u << HIL_HMAC | 1u << HIL_KDF);
	return behaviours_main(argc, argv, &maker);
}
