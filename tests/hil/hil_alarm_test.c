/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HIL contract for alarms: the same behaviours on the fake clock and on the system's, through
 * the checker, and the checker's word on engines that break a rule. On the system's clock a test
 * waits for the event itself.
 */
#include <event2/event.h>
#include <string.h>

#include "backends/clock/clock.h"
#include "hil/alarm.h"
#include "tests/fake_clock.h"
#include "tests/hil/bench.h"
#include "tests/hil/broken_alarm.h"
#include "tests/suite.h"

#define HOUR_US UINT64_C(3600000000)

static struct fake_clock fake;
static bool is_real;

/* --- engines ---------------------------------------------------------------------------------- */

static struct event_base *base;
static struct backend_environment environment;

static int open_fake(struct bench *bench)
{
	fake_clock_open(&fake, &bench->deferred);
	bench->inner[HIL_ALARM] = &fake.engine.head;
	return 0;
}

static void close_fake(struct bench *bench)
{
	(void)bench;
	fake_clock_close(&fake);
}

static int open_real(struct bench *bench)
{
	struct backend_instance *instance;
	int r;

	base = event_base_new();
	environment = (struct backend_environment){.deferred = &bench->deferred, .base = base};
	r = clock_backend_open(&environment, &instance);
	if (r < 0)
		return r;
	bench->backend = instance;
	bench->inner[HIL_ALARM] = instance->engines[HIL_ALARM];
	return 0;
}

static void close_real(struct bench *bench)
{
	clock_backend_close(bench->backend);
	event_base_free(base);
}

static enum hil_rule rule_in_use;

static int open_broken(struct bench *bench)
{
	struct broken_alarm *broken;
	int r;

	fake_clock_open(&fake, &bench->deferred);
	r = broken_alarm_open(rule_in_use, &fake, &bench->deferred, &broken);
	if (r < 0)
		return r;
	bench->backend = broken;
	bench->inner[HIL_ALARM] = broken_alarm_engine(broken);
	return 0;
}

static void close_broken(struct bench *bench)
{
	broken_alarm_close(bench->backend);
	fake_clock_close(&fake);
}

static const struct bench_maker fake_maker = {
	.name = "fake clock", .open = open_fake, .close = close_fake};
static const struct bench_maker real_maker = {
	.name = "system clock", .open = open_real, .close = close_real};
static const struct bench_maker broken_maker = {
	.name = "broken", .open = open_broken, .close = close_broken};

/* --- the client ------------------------------------------------------------------------------- */

static struct {
	struct bench bench;
	struct alarm_engine *engine;
	unsigned fires;
	uint64_t fired_us; /* the last */
	bool calling;	   /* inside set or disarm */
	bool firing;	   /* inside fired */
	uint64_t again_us; /* fired sets the alarm so much later, `again` times */
	unsigned again;
} at;

static int set_alarm(uint64_t when_us);

static uint64_t now(void)
{
	return at.engine->ops->now_us(at.engine);
}

static void fired(void *driver)
{
	EXPECT(driver == &at);
	EXPECT(!at.calling && !at.firing);
	at.firing = true;
	at.fires++;
	at.fired_us = now();
	if (at.again) {
		at.again--;
		EXPECT(set_alarm(now() + at.again_us) == 0);
	}
	at.firing = false;
}

static int set_alarm(uint64_t when_us)
{
	static const struct alarm_client_ops ops = {.fired = fired};
	int r;

	at.calling = true;
	r = at.engine->ops->set(at.engine, when_us, &ops, &at);
	at.calling = false;
	return r;
}

static void disarm(void)
{
	at.calling = true;
	at.engine->ops->disarm(at.engine);
	at.calling = false;
}

static uint64_t armed(void)
{
	return at.engine->ops->armed_us(at.engine);
}

static void open_bench(void)
{
	memset(&at, 0, sizeof(at));
	bench_open(&at.bench);
	at.engine = (struct alarm_engine *)(void *)bench_engine(&at.bench, HIL_ALARM);
}

static void close_bench(void)
{
	bench_close(&at.bench);
}

/* Until it has fired so often; then until nothing is left to do. */
static void turn(unsigned fires)
{
	do {
		if (is_real)
			event_base_loop(base,
					EVLOOP_ONCE | (at.fires < fires ? 0 : EVLOOP_NONBLOCK));
		while (bench_turn(&at.bench, 64))
			;
	} while (is_real && at.fires < fires);
	EXPECT(at.fires == fires);
}

static void let_pass(uint64_t us, unsigned fires)
{
	if (!is_real)
		fake_clock_pass(&fake, us);
	turn(fires);
}

/* A due alarm is on its way to the client, which has not been called yet. */
static void set_out(void)
{
	EXPECT(set_alarm(now()) == 0);
	if (is_real)
		event_base_loop(base, EVLOOP_ONCE);
}

/* --- behaviours ------------------------------------------------------------------------------- */

static void it_fires_once_and_not_before_its_time(void)
{
	uint64_t when;

	open_bench();
	when = now() + 2000;
	EXPECT(set_alarm(when) == 0);
	let_pass(1999, is_real);
	let_pass(1, 1);
	EXPECT(at.fired_us >= when);
	let_pass(10000, 1);
	close_bench();
}

static void a_time_that_has_passed_fires_at_once_from_the_loop(void)
{
	static const uint64_t ago[] = {0, 1, 1000};

	open_bench();
	for (unsigned i = 0; i < 3; i++) {
		EXPECT(set_alarm(now() - ago[i]) == 0);
		EXPECT(at.fires == i);
		turn(i + 1);
	}
	EXPECT(set_alarm(0) == 0);
	turn(4);
	close_bench();
}

static void the_farthest_time_does_not_come(void)
{
	open_bench();
	EXPECT(set_alarm(UINT64_MAX - 1) == 0);
	EXPECT(armed() == UINT64_MAX - 1);
	let_pass(HOUR_US, 0);
	close_bench();
}

static void setting_again_moves_the_alarm(void)
{
	open_bench();
	EXPECT(set_alarm(now() + HOUR_US) == 0);
	EXPECT(set_alarm(now() + 1000) == 0);
	let_pass(1000, 1);
	EXPECT(set_alarm(now()) == 0);
	EXPECT(set_alarm(now() + HOUR_US) == 0);
	turn(1);
	close_bench();
}

static void setting_again_takes_back_what_is_on_its_way(void)
{
	open_bench();
	set_out();
	EXPECT(set_alarm(now() + HOUR_US) == 0);
	turn(0);
	set_out();
	EXPECT(set_alarm(now()) == 0);
	turn(1);
	close_bench();
}

static void nothing_fires_after_disarm(void)
{
	open_bench();
	EXPECT(set_alarm(now() + 1000) == 0);
	disarm();
	let_pass(2000, 0);
	EXPECT(set_alarm(now()) == 0);
	disarm();
	turn(0);
	set_out();
	disarm();
	turn(0);
	disarm();
	EXPECT(set_alarm(now()) == 0);
	turn(1);
	close_bench();
}

static void it_knows_what_it_is_set_to(void)
{
	uint64_t when;

	open_bench();
	when = now() + 1000;
	EXPECT(armed() == UINT64_MAX);
	EXPECT(set_alarm(when) == 0);
	EXPECT(armed() == when);
	let_pass(1000, 1);
	EXPECT(armed() == UINT64_MAX);
	EXPECT(set_alarm(now() + HOUR_US) == 0);
	disarm();
	EXPECT(armed() == UINT64_MAX);
	close_bench();
}

static void it_may_be_set_from_fired(void)
{
	open_bench();
	at.again = 3;
	at.again_us = 500;
	EXPECT(set_alarm(now() + 500) == 0);
	for (unsigned i = 1; i <= 4; i++)
		let_pass(500, is_real ? 4 : i);
	close_bench();
}

static void it_may_be_set_to_a_passed_time_from_fired(void)
{
	open_bench();
	at.again = 3;
	EXPECT(set_alarm(now()) == 0);
	turn(4);
	close_bench();
}

static void its_clock_never_goes_back(void)
{
	uint64_t before, later;

	open_bench();
	before = now();
	for (unsigned i = 0; i < 1000; i++) {
		later = now();
		EXPECT(later >= before);
		before = later;
	}
	close_bench();
}

/* Only the fake can fail. */
static void what_could_not_be_set_does_not_fire(void)
{
	open_bench();
	EXPECT(set_alarm(now() + 1000) == 0);
	fake.set_error = -PLUTON_ENODEVICE;
	EXPECT(set_alarm(now()) == -PLUTON_ENODEVICE);
	EXPECT(armed() == UINT64_MAX);
	let_pass(2000, 0);
	fake.set_error = 0;
	EXPECT(set_alarm(now()) == 0);
	turn(1);
	close_bench();
}

/* clang-format off */
#define BEHAVIOURS(apply)                                                                          \
	apply(it_fires_once_and_not_before_its_time)                                               \
	apply(a_time_that_has_passed_fires_at_once_from_the_loop)                                  \
	apply(the_farthest_time_does_not_come)                                                     \
	apply(setting_again_moves_the_alarm)                                                       \
	apply(setting_again_takes_back_what_is_on_its_way)                                         \
	apply(nothing_fires_after_disarm)                                                          \
	apply(it_knows_what_it_is_set_to)                                                          \
	apply(it_may_be_set_from_fired)                                                            \
	apply(it_may_be_set_to_a_passed_time_from_fired)                                           \
	apply(its_clock_never_goes_back)
/* clang-format on */

static void use(const struct bench_maker *maker)
{
	is_real = maker == &real_maker;
	bench_use(maker);
}

/* clang-format off */
#define ON_BOTH(behaviour)                                                                         \
	static void test_on_the_fake_clock_##behaviour(void)                                       \
	{                                                                                          \
		use(&fake_maker);                                                                  \
		behaviour();                                                                       \
	}                                                                                          \
	static void test_on_the_system_clock_##behaviour(void)                                     \
	{                                                                                          \
		use(&real_maker);                                                                  \
		behaviour();                                                                       \
	}
BEHAVIOURS(ON_BOTH)
/* clang-format on */

static void test_what_could_not_be_set_does_not_fire(void)
{
	use(&fake_maker);
	what_could_not_be_set_does_not_fire();
}

/* --- broken engines --------------------------------------------------------------------------- */

/* clang-format off */
#define LISTED(behaviour) TEST(behaviour),
/* clang-format on */

static void run_all(enum hil_rule rule, struct bench_trial *trial)
{
	/* clang-format off */
	static const struct test behaviours[] = {
		BEHAVIOURS(LISTED) TEST(what_could_not_be_set_does_not_fire),
	};
	/* clang-format on */

	rule_in_use = rule;
	use(&broken_maker);
	bench_trial_begin(trial);
	for (size_t i = 0; i < TESTS_COUNT(behaviours) && trial->violations == 0; i++)
		behaviours[i].run();
	bench_trial_end();
}

static void expect_caught(enum hil_rule rule)
{
	struct bench_trial trial;

	run_all(rule, &trial);
	CU_ASSERT(trial.violations > 0);
	CU_ASSERT_STRING_EQUAL(checker_rule_name(trial.first), checker_rule_name(rule));
	CU_ASSERT_EQUAL(trial.violations, trial.of_first);
}

/* clang-format off */
#define RULES(apply)                                                                               \
	apply(SYNCHRONOUS_CALLBACK) apply(NESTED_CALLBACK) apply(WRONG_THREAD)                     \
	apply(START_FAILED_CALLBACK) apply(DONE_TWICE) apply(CALLBACK_AFTER_DONE)                  \
	apply(WRONG_CURSOR) apply(INCOMPLETE) apply(STATE_MISSING) apply(DONE_MISSING)
#define CATCHES(rule)                                                                              \
	static void test_an_alarm_that_breaks_##rule##_is_caught_by_that_name(void)                \
	{                                                                                          \
		expect_caught(HIL_##rule);                                                         \
	}
RULES(CATCHES)
/* clang-format on */

static void test_the_same_engine_passes_when_it_breaks_nothing(void)
{
	struct bench_trial trial;

	run_all(HIL_RULES, &trial);
	CU_ASSERT_EQUAL(trial.violations, 0);
	CU_ASSERT_EQUAL(trial.failures, 0);
}

/* clang-format off */
#define CATCHES_TEST(rule) TEST(test_an_alarm_that_breaks_##rule##_is_caught_by_that_name),
/* clang-format on */

/* clang-format off */
#define BOTH_TESTS(behaviour)                                                                      \
	TEST(test_on_the_fake_clock_##behaviour), TEST(test_on_the_system_clock_##behaviour),

static const struct test tests[] = {
	BEHAVIOURS(BOTH_TESTS)
	TEST(test_what_could_not_be_set_does_not_fire),
	RULES(CATCHES_TEST)
	TEST(test_the_same_engine_passes_when_it_breaks_nothing),
};
/* clang-format on */

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "hil alarm", tests, TESTS_COUNT(tests));
}
