/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random bytes that stop being random while they are given out: the health tests of SP 800-90B at
 * their cutoffs, and the self test before a generator whose every byte a test chooses.
 */
#include <string.h>

#include "hil/arbiter.h"
#include "hil/rng-health.h"
#include "hil/rng.h"
#include "hil/selftest.h"
#include "tests/suite.h"

#define STREAM_MAX 8192u
#define CLIENTS 2u
#define DEADLINE_MS 1000u

/* A number's bits mixed (splitmix64's finalizer): good enough to be random here. */
static uint8_t good_byte(size_t at)
{
	uint64_t z = (at + 1) * 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint8_t)(z ^ z >> 31);
}

/* --- a generator ----------------------------------------------------------------------------- */

struct generator_operation {
	struct rng_client *client; /* NULL: free */
	size_t length;
	size_t cursor;
	bool cancelled;
};

/* Gives `script`, and then good bytes again. */
static struct generator {
	struct rng_engine engine;
	struct deferred_call call;
	size_t piece; /* bytes of one push */
	bool lies;    /* done says 0 whatever the client said */
	size_t given;
	uint8_t script[STREAM_MAX];
	size_t script_length;
	size_t script_at;
	struct generator_operation operations[CLIENTS];
} generator;

static uint8_t byte_at(size_t ahead)
{
	size_t at = generator.script_at + ahead;

	return at < generator.script_length ? generator.script[at]
					    : good_byte(generator.given + ahead);
}

static void advance(size_t count)
{
	generator.script_at += count;
	generator.given += count;
}

/* One push; true: it is over, with *ret. */
static bool push_piece(struct generator_operation *op, int *ret)
{
	uint8_t piece[STREAM_MAX];
	size_t left = op->length - op->cursor,
	       len = left < generator.piece ? left : generator.piece;
	ssize_t n;

	*ret = op->cancelled ? -PLUTON_ECANCEL : 0;
	if (op->cancelled || len == 0)
		return true;
	for (size_t i = 0; i < len; i++)
		piece[i] = byte_at(i);
	n = hil_count(op->client->ops->push_output(op->client, piece, len, op->cursor), len);
	if (n < 0) {
		*ret = generator.lies ? 0 : (int)n;
		return true;
	}
	advance((size_t)n);
	op->cursor += (size_t)n;
	return false;
}

/* Each operation has a push in turn. */
static void generate(struct deferred_call *call)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		struct generator_operation *op = &generator.operations[i];
		struct rng_client *client = op->client;
		int result;

		if (!client)
			continue;
		deferred_call_set(call);
		if (!push_piece(op, &result))
			continue;
		op->client = NULL;
		client->ops->done(client, result);
	}
}

static int start(struct rng_engine *engine, const struct rng_request *request,
		 struct rng_client *client)
{
	int r = rng_check(&engine->head, request);

	for (unsigned i = 0; i < CLIENTS && r == 0; i++) {
		if (generator.operations[i].client)
			continue;
		generator.operations[i] =
			(struct generator_operation){.client = client, .length = request->length};
		deferred_call_set(&generator.call);
		return 0;
	}
	return r < 0 ? r : -PLUTON_EBUSY;
}

static int cancel(struct rng_engine *engine, struct rng_client *client)
{
	(void)engine;
	for (unsigned i = 0; i < CLIENTS; i++) {
		if (client && generator.operations[i].client == client) {
			generator.operations[i].cancelled = true;
			return 0;
		}
	}
	return -PLUTON_EINVAL;
}

static const struct rng_engine_ops ops = {.start = start, .cancel = cancel};

/* --- a client -------------------------------------------------------------------------------- */

struct taker {
	struct rng_client client;
	size_t most; /* bytes it takes at once; 0: all */
	int failure; /* the answer to every push; 0: none */
	uint8_t bytes[STREAM_MAX];
	size_t taken;
	size_t offered; /* bytes of the last push */
	unsigned dones;
	int result;
};
static struct taker takers[CLIENTS];
static struct taker *const taker = &takers[0];

static ssize_t take(struct rng_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	struct taker *of = (struct taker *)(void *)client;
	size_t count = of->most && of->most < len ? of->most : len;

	CU_ASSERT_EQUAL(cursor, of->taken);
	of->offered = len;
	if (of->failure)
		return of->failure;
	memcpy(of->bytes + of->taken, buf, count);
	of->taken += count;
	return (ssize_t)count;
}

static void taken(struct rng_client *client, int result)
{
	struct taker *of = (struct taker *)(void *)client;

	of->dones++;
	of->result = result;
}

static const struct rng_client_ops taker_ops = {.push_output = take, .done = taken};

/* --- the stand ------------------------------------------------------------------------------- */

static struct deferred_queue deferred;
static struct hil_owner own;
static struct arbiter arbiter;
static struct hil_engine *gate;
static struct hil_watcher stacked; /* as of an engine that stands on it */
static unsigned judged, changes;

static struct hil_owner *find_owner(void *context, uint32_t index)
{
	(void)context;
	(void)index;
	return &own;
}

static void on_judged(void *context, struct hil_engine *engine, unsigned algorithm)
{
	(void)context;
	(void)engine;
	CU_ASSERT_EQUAL(algorithm, 0);
	judged++;
}

static void on_changed(struct hil_watcher *watcher)
{
	(void)watcher;
	changes++;
}

static void drain(void)
{
	while (deferred_queue_run(&deferred, 64))
		;
}

static struct selftest_result known(void)
{
	struct selftest_result result = {0};

	CU_ASSERT_TRUE_FATAL(selftest_look(gate, 0, &result));
	return result;
}

static void test_it(void)
{
	selftest_begin(gate);
	drain();
}

static void stand_open(void)
{
	const struct selftest_options options = {
		.deferred = &deferred, .owner = &own, .judged = on_judged};

	memset(&generator, 0, sizeof(generator));
	deferred_queue_init(&deferred);
	own = (struct hil_owner){0};
	generator.piece = STREAM_MAX;
	generator.engine = (struct rng_engine){.head = {.name = "dice",
							.kind = HIL_RNG,
							.level = HIL_LEVEL_RNG,
							.concurrency = CLIENTS},
					       .caps = {.request_max = STREAM_MAX},
					       .ops = &ops};
	deferred_call_init(&generator.call, &deferred, generate);
	CU_ASSERT_EQUAL_FATAL(selftest_open(&generator.engine.head, &options, &gate), 0);
	CU_ASSERT_EQUAL_FATAL(
		arbiter_init(&arbiter, gate, &deferred, 1, 1, DEADLINE_MS, find_owner, NULL), 0);
	test_it();
	CU_ASSERT_EQUAL_FATAL(known().state, SELFTEST_PASSED);
	stacked = (struct hil_watcher){.changed = on_changed};
	hil_engine_watch(gate, &stacked);
	judged = changes = 0;
}

static void stand_close(void)
{
	CU_ASSERT_FALSE(selftest_busy(gate));
	arbiter_close(&arbiter);
	selftest_close(gate);
	deferred_call_drop(&generator.call);
}

/* What the generator gives next: good bytes, then `value` so many times, then good ones. */
static void script(size_t before, uint8_t value, size_t times)
{
	uint8_t *bytes = generator.script;

	generator.script_at = 0;
	generator.script_length = before + times;
	for (size_t i = 0; i < before; i++)
		bytes[i] = good_byte(generator.given + i);
	if (before > 0 && bytes[before - 1] == value)
		bytes[before - 1] ^= 0xff;
	memset(bytes + before, value, times);
}

static int begin(struct taker *of, size_t length)
{
	const struct rng_request request = {.length = length};
	struct rng_engine *engine = (struct rng_engine *)(void *)gate;

	*of = (struct taker){.client = {&taker_ops}, .most = of->most, .failure = of->failure};
	return engine->ops->start(engine, &request, &of->client);
}

static int ask(size_t length)
{
	int r = begin(taker, length);

	if (r < 0)
		return r;
	drain();
	CU_ASSERT_EQUAL(taker->dones, 1);
	return taker->result;
}

static void check_failed(const char *why)
{
	const struct rng_request request = {.length = 1};
	unsigned given = (unsigned)generator.given;
	const char *sentence = gate->gate->refusal(gate);

	CU_ASSERT_EQUAL(known().state, SELFTEST_FAILED);
	CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(known().why, why));
	CU_ASSERT_PTR_NOT_NULL_FATAL(sentence);
	CU_ASSERT_PTR_NOT_NULL(strstr(sentence, "random of engine dice failed its self test: it "));
	CU_ASSERT_PTR_NOT_NULL(strstr(sentence, why));
	CU_ASSERT_PTR_NULL(gate->gate->refusal(gate));
	CU_ASSERT_EQUAL(judged, 1);
	CU_ASSERT_EQUAL(changes, 1);
	CU_ASSERT_EQUAL(known().failures, 1);
	CU_ASSERT_EQUAL(ask(1), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(gate->gate->admit(gate, &request), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(generator.given, given);
}

/* --- the tests themselves -------------------------------------------------------------------- */

/* How likely so many of a window's bytes, or more, have one of 256 values. */
static long double chance_of(unsigned times)
{
	long double chance = 0, term = 1;

	for (unsigned i = 0; i < RNG_HEALTH_WINDOW; i++)
		term *= 255.0L / 256;
	for (unsigned k = 0; k < RNG_HEALTH_WINDOW; k++) {
		chance += k >= times ? term : 0;
		term *= (long double)(RNG_HEALTH_WINDOW - k) / (k + 1) / 255;
	}
	return chance;
}

/* C = 1 + critbinom(…): above critbinom there is no more than the chance. */
static void test_the_cutoffs_are_those_of_a_false_alarm_in_two_to_the_60(void)
{
	const long double chance = 1.0L / (UINT64_C(1) << 60);

	CU_ASSERT_EQUAL(RNG_HEALTH_REPEATS, 1 + (60 + 7) / 8);
	CU_ASSERT_EQUAL(RNG_HEALTH_WINDOW, 512);
	CU_ASSERT_TRUE(chance_of(RNG_HEALTH_PROPORTION) <= chance);
	CU_ASSERT_TRUE(chance_of(RNG_HEALTH_PROPORTION - 1) > chance);
}

static void test_the_repetition_count_is_cut_off_at_nine_wherever_pieces_end(void)
{
	uint8_t bytes[64];

	for (size_t first = 0; first <= sizeof(bytes) - RNG_HEALTH_REPEATS; first++) {
		for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
			for (size_t times = RNG_HEALTH_REPEATS - 1; times <= RNG_HEALTH_REPEATS;
			     times++) {
				struct rng_health health = {0};
				bool found;

				for (size_t i = 0; i < sizeof(bytes); i++)
					bytes[i] = (uint8_t)(i + 1);
				memset(bytes + first, 0, times);
				found = rng_health_look(&health, bytes, cut) ||
					rng_health_look(&health, bytes + cut, sizeof(bytes) - cut);
				CU_ASSERT_EQUAL(found, times == RNG_HEALTH_REPEATS);
			}
		}
	}
}

/* A window whose first byte comes `times` times, never twice in a row. */
static void fill_window(uint8_t *bytes, size_t times)
{
	for (size_t i = 0; i < RNG_HEALTH_WINDOW; i++)
		bytes[i] = i % 2 ? (uint8_t)(1 + i % 251) : (uint8_t)(1 + i % 249);
	for (size_t i = 0; i < times; i++)
		bytes[i * 20] = 0;
}

static void test_the_adaptive_proportion_is_cut_off_at_25_of_a_window_wherever_pieces_end(void)
{
	uint8_t windows[3 * RNG_HEALTH_WINDOW];

	for (size_t cut = 0; cut <= sizeof(windows); cut += 7) {
		for (size_t times = RNG_HEALTH_PROPORTION - 1; times <= RNG_HEALTH_PROPORTION;
		     times++) {
			struct rng_health health = {0};
			const char *fault;

			fill_window(windows, 1);
			fill_window(windows + RNG_HEALTH_WINDOW, RNG_HEALTH_PROPORTION - 1);
			fill_window(windows + 2 * RNG_HEALTH_WINDOW, times);
			fault = rng_health_look(&health, windows, cut);
			if (!fault)
				fault = rng_health_look(&health, windows + cut,
							sizeof(windows) - cut);
			CU_ASSERT_EQUAL(fault != NULL, times == RNG_HEALTH_PROPORTION);
			CU_ASSERT_TRUE(!fault || strstr(fault, "4.4.2"));
		}
	}
}

/* --- what clients are given ------------------------------------------------------------------- */

static void test_a_generator_that_sticks_fails_at_the_cutoff_in_pushes_of_one_byte(void)
{
	stand_open();
	generator.piece = 1;
	script(1000, 0x5a, RNG_HEALTH_REPEATS);
	CU_ASSERT_EQUAL(ask(2000), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(taker->taken, 1000 + RNG_HEALTH_REPEATS - 1);
	check_failed("4.4.1");
	stand_close();
}

static void test_one_less_is_what_good_generators_give_now_and_then(void)
{
	stand_open();
	generator.piece = 1;
	script(1000, 0x5a, RNG_HEALTH_REPEATS - 1);
	CU_ASSERT_EQUAL(ask(2000), 0);
	CU_ASSERT_EQUAL(taker->taken, 2000);
	CU_ASSERT_EQUAL(memcmp(taker->bytes, generator.script, 1000), 0);
	CU_ASSERT_EQUAL(known().state, SELFTEST_PASSED);
	CU_ASSERT_EQUAL(judged, 0);
	stand_close();
}

static void test_nothing_of_the_push_that_fails_reaches_the_client(void)
{
	stand_open();
	generator.piece = 512;
	script(1000, 0x5a, 100);
	CU_ASSERT_EQUAL(ask(2000), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(taker->taken, 512);
	CU_ASSERT_EQUAL(taker->offered, 512);
	check_failed("4.4.1");
	stand_close();
}

static void test_a_generator_that_leans_to_one_byte_fails_at_the_cutoff(void)
{
	for (size_t times = RNG_HEALTH_PROPORTION - 1; times <= RNG_HEALTH_PROPORTION; times++) {
		stand_open();
		generator.piece = 1;
		fill_window(generator.script, times);
		generator.script_length = RNG_HEALTH_WINDOW;
		generator.script_at = 0;
		if (times < RNG_HEALTH_PROPORTION) {
			CU_ASSERT_EQUAL(ask(RNG_HEALTH_WINDOW), 0);
		} else {
			CU_ASSERT_EQUAL(ask(RNG_HEALTH_WINDOW), -PLUTON_EFAIL);
			CU_ASSERT_EQUAL(taker->taken, (RNG_HEALTH_PROPORTION - 1) * 20);
			check_failed("4.4.2");
		}
		stand_close();
	}
}

static void test_the_tests_go_on_from_one_request_to_the_next(void)
{
	stand_open();
	script(10, 0x5a, RNG_HEALTH_REPEATS);
	CU_ASSERT_EQUAL(ask(10 + RNG_HEALTH_REPEATS - 1), 0);
	CU_ASSERT_EQUAL(ask(1), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(taker->taken, 0);
	check_failed("4.4.1");
	stand_close();
}

static void test_what_a_client_leaves_and_is_pushed_again_counts_once(void)
{
	stand_open();
	taker->most = 3;
	generator.piece = 8;
	script(1, 0x5a, RNG_HEALTH_REPEATS - 1);
	CU_ASSERT_EQUAL(ask(100), 0);
	CU_ASSERT_EQUAL(taker->taken, 100);
	script(1, 0x5a, RNG_HEALTH_REPEATS);
	CU_ASSERT_EQUAL(ask(100), -PLUTON_EFAIL);
	CU_ASSERT_TRUE(taker->taken <= RNG_HEALTH_REPEATS);
	check_failed("4.4.1");
	taker->most = 0;
	stand_close();
}

static void test_what_a_client_refuses_was_given_to_nobody_and_does_not_count(void)
{
	stand_open();
	taker->failure = -PLUTON_ESIZE;
	script(0, 0x5a, RNG_HEALTH_REPEATS - 1);
	CU_ASSERT_EQUAL(ask(RNG_HEALTH_REPEATS - 1), -PLUTON_ESIZE);
	taker->failure = 0;
	generator.script_at = 0;
	CU_ASSERT_EQUAL(ask(RNG_HEALTH_REPEATS - 1), 0);
	CU_ASSERT_EQUAL(known().state, SELFTEST_PASSED);
	stand_close();
}

static void test_others_who_are_being_served_get_nothing_more_either(void)
{
	stand_open();
	generator.piece = 4;
	script(0, 0x5a, 100);
	CU_ASSERT_EQUAL(begin(&takers[0], 1000), 0);
	CU_ASSERT_EQUAL(begin(&takers[1], 1000), 0);
	drain();
	for (unsigned i = 0; i < CLIENTS; i++) {
		CU_ASSERT_EQUAL(takers[i].dones, 1);
		CU_ASSERT_EQUAL(takers[i].result, -PLUTON_EFAIL);
		CU_ASSERT_EQUAL(takers[i].taken, 4);
	}
	check_failed("4.4.1");
	stand_close();
}

static void test_an_engine_that_takes_no_refusal_has_not_done_it_anyway(void)
{
	stand_open();
	generator.lies = true;
	script(0, 0x5a, 100);
	CU_ASSERT_EQUAL(ask(100), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(taker->taken, 0);
	stand_close();
}

static void test_a_test_that_passes_brings_it_back_with_counts_from_zero(void)
{
	stand_open();
	script(0, 0x5a, 2 * RNG_HEALTH_REPEATS - 1);
	generator.piece = 1;
	CU_ASSERT_EQUAL(ask(100), -PLUTON_EFAIL);
	check_failed("4.4.1");
	generator.script_length = 0;
	test_it();
	CU_ASSERT_EQUAL(known().state, SELFTEST_PASSED);
	CU_ASSERT_EQUAL(judged, 2);
	CU_ASSERT_EQUAL(changes, 2);
	script(0, 0x5a, RNG_HEALTH_REPEATS - 1);
	CU_ASSERT_EQUAL(ask(100), 0);
	stand_close();
}

static void test_one_that_still_sticks_is_not_brought_back(void)
{
	stand_open();
	script(0, 0x5a, STREAM_MAX);
	CU_ASSERT_EQUAL(ask(100), -PLUTON_EFAIL);
	test_it();
	CU_ASSERT_EQUAL(known().state, SELFTEST_FAILED);
	CU_ASSERT_EQUAL(known().failures, 2);
	stand_close();
}

static void test_a_test_under_way_does_not_pass_what_fails_meanwhile(void)
{
	stand_open();
	generator.piece = 1;
	CU_ASSERT_EQUAL(begin(taker, 100), 0);
	selftest_begin(gate);
	/* The client's pushes and the test's take turns, and the client's are those that stick. */
	while (!generator.operations[1].client)
		deferred_queue_run(&deferred, 1);
	generator.script_at = 0;
	generator.script_length = 4 * RNG_HEALTH_REPEATS;
	for (size_t i = 0; i < generator.script_length; i++)
		generator.script[i] = i % 2 ? good_byte(i) : 0x5a;
	drain();
	CU_ASSERT_EQUAL(taker->result, -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(known().state, SELFTEST_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(known().why, "4.4.1"));
	stand_close();
}

static void test_a_cancel_reaches_the_generator(void)
{
	struct rng_engine *engine;

	stand_open();
	engine = (struct rng_engine *)(void *)gate;
	generator.piece = 1;
	CU_ASSERT_EQUAL(begin(taker, 100), 0);
	CU_ASSERT_EQUAL(engine->ops->cancel(engine, &taker->client), 0);
	CU_ASSERT_EQUAL(engine->ops->cancel(engine, &takers[1].client), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(engine->ops->cancel(engine, NULL), -PLUTON_EINVAL);
	drain();
	CU_ASSERT_EQUAL(taker->result, -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(known().state, SELFTEST_PASSED);
	stand_close();
}

static void test_what_the_generator_refuses_is_refused(void)
{
	stand_open();
	CU_ASSERT_EQUAL(ask(STREAM_MAX + 1), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(begin(&takers[0], 100), 0);
	CU_ASSERT_EQUAL(begin(&takers[1], 100), 0);
	CU_ASSERT_EQUAL(generator.engine.ops->start(&generator.engine,
						    &(const struct rng_request){.length = 1},
						    &takers[1].client),
			-PLUTON_EBUSY);
	drain();
	CU_ASSERT_EQUAL(takers[0].result + takers[1].result, 0);
	stand_close();
}

static const struct test tests[] = {
	TEST(test_the_cutoffs_are_those_of_a_false_alarm_in_two_to_the_60),
	TEST(test_the_repetition_count_is_cut_off_at_nine_wherever_pieces_end),
	TEST(test_the_adaptive_proportion_is_cut_off_at_25_of_a_window_wherever_pieces_end),
	TEST(test_a_generator_that_sticks_fails_at_the_cutoff_in_pushes_of_one_byte),
	TEST(test_one_less_is_what_good_generators_give_now_and_then),
	TEST(test_nothing_of_the_push_that_fails_reaches_the_client),
	TEST(test_a_generator_that_leans_to_one_byte_fails_at_the_cutoff),
	TEST(test_the_tests_go_on_from_one_request_to_the_next),
	TEST(test_what_a_client_leaves_and_is_pushed_again_counts_once),
	TEST(test_what_a_client_refuses_was_given_to_nobody_and_does_not_count),
	TEST(test_others_who_are_being_served_get_nothing_more_either),
	TEST(test_an_engine_that_takes_no_refusal_has_not_done_it_anyway),
	TEST(test_a_test_that_passes_brings_it_back_with_counts_from_zero),
	TEST(test_one_that_still_sticks_is_not_brought_back),
	TEST(test_a_test_under_way_does_not_pass_what_fails_meanwhile),
	TEST(test_a_cancel_reaches_the_generator),
	TEST(test_what_the_generator_refuses_is_refused),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "hil rng health", tests, TESTS_COUNT(tests));
}
