/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours of engines whose client answers with an error, nothing or too much, or cancels: at
 * every single callback and loop step of every scenario.
 */
#include <stdio.h>

#include "tests/hil/behaviours.h"
#include "tests/hil/charges.h"
#include "tests/hil/scenarios.h"

#define CALLBACKS_MAX 2000u /* more than any scenario has */

static struct material m;
static struct client client;

/* What must hold once the trouble happened. */
typedef void (*judge_fn)(int result);

/* Runs the scenario once with trouble at the k-th callback; false: it has no k-th callback. */
static bool run_once(struct bench *bench, const struct scenario *scenario, bool lends, unsigned k,
		     enum trouble trouble, judge_fn judge)
{
	int r;

	scenario_set_up(scenario, bench, &m, &client, lends);
	client.trouble = trouble;
	client.trouble_at = k;
	client.trouble_error = -PLUTON_ENOACK;
	r = bench_run(bench, &client);
	if (client.troubled)
		judge(r);
	else
		EXPECT(r == 0);
	charges_drop_all();
	return client.callbacks >= k && k < CALLBACKS_MAX;
}

/* A key that is made in its slot, or goes from it, is nothing that the client could give or take.
 */
static bool moves(void)
{
	return client.kind != HIL_HWKEY || client.hwkey_request.length > 0;
}

static void at_every_callback(enum trouble trouble, judge_fn judge)
{
	struct bench bench;

	bench_open(&bench);
	for (const struct scenario *scenario = scenarios; scenario->name; scenario++) {
		for (int lends = 0; lends < 2 && scenario_fits(scenario, &bench); lends++) {
			unsigned k = 1;

			while (run_once(&bench, scenario, lends, k, trouble, judge))
				k++;
			EXPECT(k > 1 || !moves());
		}
	}
	bench_close(&bench);
}

static void expect_the_error(int result)
{
	EXPECT(result == -PLUTON_ENOACK);
	EXPECT(client.callbacks == client.trouble_at);
}

static void test_an_error_of_any_callback_ends_the_operation_at_once_and_is_reported(void)
{
	at_every_callback(TROUBLE_ERROR, expect_the_error);
}

static void expect_size(int result)
{
	EXPECT(result == -PLUTON_ESIZE);
	EXPECT(client.callbacks == client.trouble_at);
}

static void test_an_answer_of_no_bytes_at_any_callback_is_size(void)
{
	at_every_callback(TROUBLE_ZERO, expect_size);
}

static void test_an_answer_of_too_many_bytes_at_any_callback_is_size(void)
{
	at_every_callback(TROUBLE_TOO_MUCH, expect_size);
}

static void expect_one_end(int result)
{
	EXPECT(client.trouble_answer == 0);
	EXPECT(result == 0 || result == -PLUTON_ECANCEL);
}

static void test_cancel_inside_any_callback_leads_to_one_done(void)
{
	at_every_callback(TROUBLE_CANCEL, expect_one_end);
}

/* --- cancel between the steps ---------------------------------------------------------------- */

/* Cancels after `turns` deferred calls; false: the operation was over before. */
static bool cancel_after(struct bench *bench, const struct scenario *scenario, bool lends,
			 unsigned turns)
{
	bool was_under_way;

	scenario_set_up(scenario, bench, &m, &client, lends);
	EXPECT(client_start(&client, bench_engine(bench, scenario->kind)) == 0);
	for (unsigned i = 0; i < turns && client.dones == 0; i++)
		bench_turn(bench, 1);
	was_under_way = client.dones == 0;
	EXPECT(client_cancel(&client) == (was_under_way ? 0 : -PLUTON_EINVAL));
	if (was_under_way)
		EXPECT(client_cancel(&client) == 0 || client.dones == 1);
	bench_finish(bench, &client);
	EXPECT(client.dones == 1);
	EXPECT(client.result == 0 || client.result == -PLUTON_ECANCEL);
	charges_drop_all();
	return was_under_way && turns < CALLBACKS_MAX;
}

static void test_cancel_at_any_step_leads_to_one_done(void)
{
	struct bench bench;

	bench_open(&bench);
	for (const struct scenario *scenario = scenarios; scenario->name; scenario++) {
		for (int lends = 0; lends < 2 && scenario_fits(scenario, &bench); lends++) {
			unsigned turns = 0;

			while (cancel_after(&bench, scenario, lends, turns))
				turns++;
		}
	}
	bench_close(&bench);
}

/* The engine itself is asked: the checker would answer for it. */
static void test_cancel_of_what_is_not_under_way_is_inval(void)
{
	struct bench bench;

	bench_open(&bench);
	for (const struct scenario *scenario = scenarios; scenario->name; scenario++) {
		if (!scenario_fits(scenario, &bench))
			continue;
		scenario_set_up(scenario, &bench, &m, &client, false);
		client.engine = bench.inner[scenario->kind];
		EXPECT(client_cancel(&client) == -PLUTON_EINVAL);
		client.engine = bench.engines[scenario->kind];
		EXPECT(client_cancel(&client) == -PLUTON_EINVAL);
	}
	bench_close(&bench);
}

static void test_after_any_cancel_the_next_operation_is_right(void)
{
	struct bench bench;

	bench_open(&bench);
	for (unsigned turns = 0; turns < 20; turns++) {
		material_gcm_encrypt(&m, &client, 20, 300);
		EXPECT(client_start(&client, bench_engine(&bench, HIL_AES)) == 0);
		for (unsigned i = 0; i < turns && client.dones == 0; i++)
			bench_turn(&bench, 1);
		client_cancel(&client);
		bench_finish(&bench, &client);
		material_gcm_encrypt(&m, &client, 20, 300);
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_came_out(&m, &client));
	}
	bench_close(&bench);
}

/* --- a failing engine ------------------------------------------------------------------------ */

static bool fails_at(struct bench *bench, const struct scenario *scenario, unsigned step)
{
	int r;

	scenario_set_up(scenario, bench, &m, &client, false);
	bench->maker->fail_at(bench, step, -PLUTON_ENODEVICE);
	r = bench_run(bench, &client);
	EXPECT(r == 0 || r == -PLUTON_ENODEVICE);
	bench->maker->fail_at(bench, 0, 0);
	return r < 0 && step < CALLBACKS_MAX;
}

static void test_a_failure_of_the_engine_at_any_step_is_reported_and_over(void)
{
	struct bench bench;

	bench_open(&bench);
	for (const struct scenario *scenario = scenarios; scenario->name; scenario++) {
		unsigned step = 1;

		if (!scenario_fits(scenario, &bench))
			continue;
		while (fails_at(&bench, scenario, step))
			step++;
		EXPECT(step > 2);
		scenario_set_up(scenario, &bench, &m, &client, false);
		EXPECT(bench_run(&bench, &client) == 0);
	}
	bench_close(&bench);
}

const struct behaviour trouble_behaviours[] = {
	BEHAVIOUR(HIL_KINDS,
		  test_an_error_of_any_callback_ends_the_operation_at_once_and_is_reported),
	BEHAVIOUR(HIL_KINDS, test_an_answer_of_no_bytes_at_any_callback_is_size),
	BEHAVIOUR(HIL_KINDS, test_an_answer_of_too_many_bytes_at_any_callback_is_size),
	BEHAVIOUR(HIL_KINDS, test_cancel_inside_any_callback_leads_to_one_done),
	BEHAVIOUR(HIL_KINDS, test_cancel_at_any_step_leads_to_one_done),
	BEHAVIOUR(HIL_KINDS, test_cancel_of_what_is_not_under_way_is_inval),
	BEHAVIOUR(HIL_AES, test_after_any_cancel_the_next_operation_is_right),
	{"test_a_failure_of_the_engine_at_any_step_is_reported_and_over",
	 test_a_failure_of_the_engine_at_any_step_is_reported_and_over, HIL_KINDS, true, 0},
	{NULL, NULL, HIL_KINDS, false, 0},
};
