/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening, driving and judging. The loop here is plutond's in small: deferred calls first, then
 * the interrupts of worker threads.
 */
#include "tests/hil/bench.h"

#include <CUnit/CUnit.h>
#include <CUnit/TestRun.h>
#include <poll.h>
#include <stdio.h>

#include "tests/hil/charges.h"

/* How long a worker may take before the test gives up on it; no test depends on the value. */
#define WORKER_PATIENCE_MS 60000

static const struct bench_maker *maker_in_use;
static struct bench_trial *trial_under_way;
static struct hil_owner owner = {.index = 1};

void bench_use(const struct bench_maker *maker)
{
	maker_in_use = maker;
}

void bench_trial_begin(struct bench_trial *trial)
{
	*trial = (struct bench_trial){0};
	trial_under_way = trial;
}

void bench_trial_end(void)
{
	trial_under_way = NULL;
}

void bench_trial_expect(const struct bench_trial *trial, enum hil_rule rule)
{
	CU_ASSERT(trial->violations > 0);
	CU_ASSERT_STRING_EQUAL(checker_rule_name(trial->first), checker_rule_name(rule));
}

void bench_expect(bool met, const char *what, const char *file, unsigned line)
{
	if (trial_under_way)
		trial_under_way->failures += !met;
	else
		CU_assertImplementation(met, line, what, file, "", CU_FALSE);
}

static void note(enum hil_rule rule)
{
	if (trial_under_way->violations++ == 0)
		trial_under_way->first = rule;
	trial_under_way->of_first += rule == trial_under_way->first;
}

static void violated(void *context, enum hil_rule rule, const char *engine, const char *sentence)
{
	char text[256];

	(void)context;
	if (trial_under_way) {
		note(rule);
		return;
	}
	snprintf(text, sizeof(text), "%s: %s: %s", checker_rule_name(rule), engine, sentence);
	CU_assertImplementation(CU_FALSE, __LINE__, text, __FILE__, "", CU_FALSE);
}

int bench_check_engine(struct bench *bench, struct hil_engine *inner,
		       struct hil_engine **ret_engine)
{
	const struct checker_options options = {.deferred = &bench->deferred, .report = violated};

	return checker_open(inner, &options, ret_engine);
}

static void check_engines(struct bench *bench)
{
	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		if (bench->inner[kind] &&
		    bench_check_engine(bench, bench->inner[kind], &bench->engines[kind]) < 0)
			CU_FAIL_FATAL("no checker");
	}
}

static void switch_on(struct bench *bench)
{
	*bench = (struct bench){.maker = maker_in_use};
	deferred_queue_init(&bench->deferred);
	if (interrupt_queue_init(&bench->interrupts) < 0)
		CU_FAIL_FATAL("no interrupts");
	if (bench->maker->open(bench) < 0)
		CU_FAIL_FATAL("no engine");
	check_engines(bench);
}

void bench_open(struct bench *bench)
{
	if (maker_in_use->store)
		maker_in_use->store->format();
	switch_on(bench);
}

void bench_close(struct bench *bench)
{
	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		if (bench->engines[kind])
			checker_settle(bench->engines[kind]);
	}
	charges_drop_all();
	bench->maker->close(bench);
	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		if (bench->engines[kind])
			checker_close(bench->engines[kind]);
	}
	interrupt_queue_close(&bench->interrupts);
}

void bench_restart(struct bench *bench)
{
	bench_close(bench);
	switch_on(bench);
}

struct hil_engine *bench_engine(const struct bench *bench, enum hil_kind kind)
{
	return bench->engines[kind];
}

const struct aes_caps *bench_aes_caps(const struct bench *bench)
{
	return &((const struct aes_engine *)(const void *)bench->engines[HIL_AES])->caps;
}

const struct digest_caps *bench_digest_caps(const struct bench *bench)
{
	return &((const struct digest_engine *)(const void *)bench->engines[HIL_DIGEST])->caps;
}

const struct mac_caps *bench_mac_caps(const struct bench *bench, enum hil_kind kind)
{
	return &((const struct mac_engine *)(const void *)bench->engines[kind])->caps;
}

const struct rng_caps *bench_rng_caps(const struct bench *bench)
{
	return &((const struct rng_engine *)(const void *)bench->engines[HIL_RNG])->caps;
}

const struct ecc_caps *bench_ecc_caps(const struct bench *bench)
{
	return &((const struct ecc_engine *)(const void *)bench->engines[HIL_ECC])->caps;
}

const struct rsa_caps *bench_rsa_caps(const struct bench *bench)
{
	return &((const struct rsa_engine *)(const void *)bench->engines[HIL_RSA])->caps;
}

const struct kdf_caps *bench_kdf_caps(const struct bench *bench)
{
	return &((const struct kdf_engine *)(const void *)bench->engines[HIL_KDF])->caps;
}

const struct hwkey_caps *bench_hwkey_caps(const struct bench *bench)
{
	return &((const struct hwkey_engine *)(const void *)bench->engines[HIL_HWKEY])->caps;
}

static bool wait_for_interrupt(struct bench *bench, int timeout_ms)
{
	struct pollfd pollfd = {.fd = bench->interrupts.fd, .events = POLLIN};

	return poll(&pollfd, 1, timeout_ms) == 1 && interrupt_queue_run(&bench->interrupts) > 0;
}

bool bench_turn(struct bench *bench, size_t budget)
{
	size_t ran = deferred_queue_run(&bench->deferred, budget);

	if (wait_for_interrupt(bench, 0) || ran > 0)
		return true;
	return bench->maker->wait && bench->maker->wait(bench);
}

void bench_finish(struct bench *bench, const struct client *client)
{
	int patience_ms = bench->maker->has_workers ? WORKER_PATIENCE_MS : 0;

	do {
		while (bench_turn(bench, 64))
			;
	} while (client->dones == 0 && wait_for_interrupt(bench, patience_ms));
	while (bench_turn(bench, 64))
		;
	if (client->dones == 0)
		checker_settle(client->engine);
}

int bench_run(struct bench *bench, struct client *client)
{
	int r = client_start(client, bench_engine(bench, client->kind));

	EXPECT(client->callbacks == 0 && client->dones == 0);
	if (r < 0) {
		while (bench_turn(bench, 64))
			;
		EXPECT(client->callbacks == 0 && client->dones == 0);
		return r;
	}
	bench_finish(bench, client);
	EXPECT(client->dones == 1);
	return client->result;
}

struct hil_owner *bench_owner(void)
{
	return &owner;
}
