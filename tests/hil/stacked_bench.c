/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is below is hidden from the behaviours: the bench shows the stacked engines alone.
 */
#include "tests/hil/stacked_bench.h"

#include "backends/stacked/stacked.h"

#define OWNERS_MAX 4u

static const struct bench_maker *below_in_use;
static struct backend_environment environment;
static struct backend_instance *stacked;
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

/* An engine goes below: into the ports, and out of the bench. */
static int take_below(struct bench *bench, enum hil_kind kind)
{
	struct hil_engine *engine;
	int r = bench_check_engine(bench, bench->inner[kind], &engine);

	if (r < 0)
		return r;
	ports[kind] = (struct hil_port){kind, 1, {engine}};
	return open_arbiter(bench, engine);
}

static int open_stacked(struct bench *bench)
{
	enum hil_kind below;
	int r = below_in_use->open(bench);

	environment = (struct backend_environment){
		.deferred = &bench->deferred,
		.interrupts = &bench->interrupts,
		.add_owner = add_owner,
	};
	owner_count = 0;
	if (r == 0)
		r = take_below(bench, HIL_DIGEST);
	if (r == 0)
		r = stacked_open(&environment, &stacked);
	for (unsigned kind = 0; r == 0 && kind < HIL_KINDS; kind++) {
		bench->inner[kind] = stacked->engines[kind];
		if (stacked->engines[kind])
			r = stacked->join(stacked, (enum hil_kind)kind, ports, &below);
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
	maker.lacks = ((1u << HIL_KINDS) - 1) & ~(1u << HIL_HMAC); /* "any" is not lacked */
	return behaviours_main(argc, argv, &maker);
}
