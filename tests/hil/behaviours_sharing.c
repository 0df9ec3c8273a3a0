/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours of engines that are used by several clients, or by one again and again.
 */
#include <string.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/charges.h"
#include "tests/hil/scenarios.h"

static struct material materials[HIL_CONCURRENCY_MAX + 1];
static struct client clients[HIL_CONCURRENCY_MAX + 1];

/* As many as it takes, each with a key of its own. */
static unsigned start_all(const struct bench *bench)
{
	unsigned count = bench_engine(bench, HIL_AES)->concurrency;

	for (unsigned i = 0; i < count; i++) {
		material_gcm_encrypt(&materials[i], &clients[i], i, 500 + i);
		materials[i].key[0] = (uint8_t)i;
		material_expect_aead(&materials[i], &clients[i]);
		clients[i].lends_input = i & 1;
		clients[i].lends_output = i & 2;
		EXPECT(client_start(&clients[i], bench_engine(bench, HIL_AES)) == 0);
	}
	return count;
}

static void finish_all(struct bench *bench, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		bench_finish(bench, &clients[i]);
		EXPECT(clients[i].dones == 1 && clients[i].result == 0);
		EXPECT(material_came_out(&materials[i], &clients[i]));
	}
}

static void test_operations_at_the_same_time_do_not_mix(void)
{
	struct bench bench;

	bench_open(&bench);
	finish_all(&bench, start_all(&bench));
	bench_close(&bench);
}

static void test_one_operation_over_concurrency_is_busy_until_one_is_done(void)
{
	struct bench bench;
	unsigned count;

	bench_open(&bench);
	count = start_all(&bench);
	material_ctr(&materials[count], &clients[count], 50);
	EXPECT(client_start(&clients[count], bench_engine(&bench, HIL_AES)) == -PLUTON_EBUSY);
	finish_all(&bench, count);
	EXPECT(clients[count].callbacks == 0 && clients[count].dones == 0);
	EXPECT(bench_run(&bench, &clients[count]) == 0);
	EXPECT(material_came_out(&materials[count], &clients[count]));
	bench_close(&bench);
}

static void test_digests_over_concurrency_are_busy_until_one_is_done(void)
{
	struct bench bench;
	unsigned count;

	bench_open(&bench);
	count = bench_engine(&bench, HIL_DIGEST)->concurrency;
	for (unsigned i = 0; i <= count; i++) {
		material_digest(&materials[i], &clients[i], 300 + i);
		EXPECT(client_start(&clients[i], bench_engine(&bench, HIL_DIGEST)) ==
		       (i < count ? 0 : -PLUTON_EBUSY));
	}
	for (unsigned i = 0; i < count; i++) {
		bench_finish(&bench, &clients[i]);
		EXPECT(clients[i].result == 0 && clients[i].dones == 1);
		EXPECT(!memcmp(clients[i].result_digest, materials[i].expected, 32));
	}
	EXPECT(bench_run(&bench, &clients[count]) == 0);
	bench_close(&bench);
}

static void test_cancel_of_one_operation_leaves_the_others_alone(void)
{
	struct bench bench;
	unsigned count;

	bench_open(&bench);
	count = start_all(&bench);
	EXPECT(client_cancel(&clients[0]) == 0);
	bench_finish(&bench, &clients[0]);
	EXPECT(clients[0].dones == 1);
	EXPECT(clients[0].result == 0 || clients[0].result == -PLUTON_ECANCEL);
	for (unsigned i = 1; i < count; i++) {
		bench_finish(&bench, &clients[i]);
		EXPECT(clients[i].result == 0);
		EXPECT(material_came_out(&materials[i], &clients[i]));
	}
	bench_close(&bench);
}

/* --- starting from done ---------------------------------------------------------------------- */

#define RESTARTS 5u

static unsigned restarts;

static void start_again(struct client *client)
{
	EXPECT(client->result == 0);
	if (restarts == 0)
		return;
	restarts--;
	EXPECT(client_start(client, client->engine) == 0);
}

static void test_a_client_may_start_again_from_done(void)
{
	struct bench bench;

	bench_open(&bench);
	for (const struct scenario *scenario = scenarios; scenario->name; scenario++) {
		if (!scenario_fits(scenario, &bench) || strstr(scenario->name, ", "))
			continue;
		scenario_set_up(scenario, &bench, &materials[0], &clients[0], false);
		clients[0].on_done = start_again;
		restarts = RESTARTS;
		EXPECT(client_start(&clients[0], bench_engine(&bench, scenario->kind)) == 0);
		for (unsigned i = 0; i <= RESTARTS; i++)
			bench_finish(&bench, &clients[0]);
		EXPECT(restarts == 0 && clients[0].dones == 1);
	}
	bench_close(&bench);
}

/* --- the request and what is kept ------------------------------------------------------------ */

static void test_the_request_is_copied_by_start(void)
{
	struct bench bench;

	bench_open(&bench);
	material_gcm_encrypt(&materials[0], &clients[0], 20, 300);
	EXPECT(client_start(&clients[0], bench_engine(&bench, HIL_AES)) == 0);
	memset(&clients[0].aes_request, 0xff, sizeof(clients[0].aes_request));
	bench_finish(&bench, &clients[0]);
	EXPECT(clients[0].result == 0);
	EXPECT(clients[0].pushed == 300);
	EXPECT(!memcmp(clients[0].tag, materials[0].tag, sizeof(materials[0].tag)));
	bench_close(&bench);
}

static void test_a_stream_holds_no_engine_between_its_starts(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		material_gcm_encrypt(&materials[i], &clients[i], i, 60);
		materials[i].key[0] = (uint8_t)i;
		material_expect_aead(&materials[i], &clients[i]);
		clients[i].aes_request.phase = HIL_FIRST;
		clients[i].aes_request.length = 20 + i;
		EXPECT(bench_run(&bench, &clients[i]) == 0);
	}
	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++) {
		clients[i].aes_request.phase = HIL_LAST;
		clients[i].aes_request.aad_length = 0;
		clients[i].aes_request.length = 40 - i;
		clients[i].input += 20 + i;
		clients[i].output += 20 + i;
		EXPECT(bench_run(&bench, &clients[i]) == 0);
		EXPECT(material_came_out(&materials[i], &clients[i]));
	}
	EXPECT(charges_taken() == 0);
	bench_close(&bench);
}

static void test_an_owner_over_its_limit_gets_nomem_or_its_stream(void)
{
	struct bench bench;
	int r;

	bench_open(&bench);
	charges_refuse(true);
	material_gcm_encrypt(&materials[0], &clients[0], 20, 60);
	clients[0].aes_request.phase = HIL_FIRST;
	r = bench_run(&bench, &clients[0]);
	EXPECT(r == 0 || r == -PLUTON_ENOMEM);
	charges_refuse(false);
	EXPECT(charges_taken() == 0);
	bench_close(&bench);
}

static void forget(const struct bench *bench, const struct client *client)
{
	struct aes_engine *engine = (struct aes_engine *)(void *)bench_engine(bench, HIL_AES);

	if (engine->ops->forget)
		engine->ops->forget(engine, bench_owner(), client->state, engine->caps.state_bytes);
}

static void test_a_stream_that_is_given_up_leaves_nothing_behind(void)
{
	struct bench bench;

	bench_open(&bench);
	material_gcm_encrypt(&materials[0], &clients[0], 20, 60);
	clients[0].aes_request.phase = HIL_FIRST;
	EXPECT(bench_run(&bench, &clients[0]) == 0);
	forget(&bench, &clients[0]);
	EXPECT(charges_taken() == 0);
	forget(&bench, &clients[0]);
	EXPECT(charges_taken() == 0);
	material_gcm_encrypt(&materials[0], &clients[0], 20, 60);
	EXPECT(bench_run(&bench, &clients[0]) == 0);
	EXPECT(material_came_out(&materials[0], &clients[0]));
	bench_close(&bench);
}

static void test_giving_up_one_stream_leaves_another_alone(void)
{
	struct bench bench;

	bench_open(&bench);
	for (int i = 0; i < 2; i++) {
		material_gcm_encrypt(&materials[i], &clients[i], 20, 60);
		clients[i].aes_request.phase = HIL_FIRST;
		clients[i].aes_request.length = 30;
		EXPECT(bench_run(&bench, &clients[i]) == 0);
	}
	forget(&bench, &clients[0]);
	forget(&bench, &clients[0]);
	clients[1].aes_request.phase = HIL_LAST;
	clients[1].aes_request.aad_length = 0;
	clients[1].input += 30;
	clients[1].output += 30;
	EXPECT(bench_run(&bench, &clients[1]) == 0);
	EXPECT(material_came_out(&materials[1], &clients[1]));
	EXPECT(charges_taken() == 0);
	bench_close(&bench);
}

const struct behaviour sharing_behaviours[] = {
	BEHAVIOUR(HIL_AES, test_operations_at_the_same_time_do_not_mix),
	BEHAVIOUR(HIL_AES, test_one_operation_over_concurrency_is_busy_until_one_is_done),
	BEHAVIOUR(HIL_DIGEST, test_digests_over_concurrency_are_busy_until_one_is_done),
	BEHAVIOUR(HIL_AES, test_cancel_of_one_operation_leaves_the_others_alone),
	BEHAVIOUR(HIL_KINDS, test_a_client_may_start_again_from_done),
	BEHAVIOUR(HIL_AES, test_the_request_is_copied_by_start),
	BEHAVIOUR(HIL_AES, test_a_stream_holds_no_engine_between_its_starts),
	BEHAVIOUR(HIL_AES, test_an_owner_over_its_limit_gets_nomem_or_its_stream),
	BEHAVIOUR(HIL_AES, test_a_stream_that_is_given_up_leaves_nothing_behind),
	BEHAVIOUR(HIL_AES, test_giving_up_one_stream_leaves_another_alone),
	{NULL, NULL, HIL_KINDS, false, 0},
};
