/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock backend around its engine: opening, closing, and which clock it is. What the engine
 * does is in tests/hil/hil_alarm_test.c.
 */
#include "backends/clock/clock.h"

#include <dirent.h>
#include <event2/event.h>
#include <time.h>

#include "hil/alarm.h"
#include "tests/suite.h"

static struct deferred_queue deferred;
static struct event_base *base;
static struct backend_environment environment;
static struct backend_instance *instance;
static struct alarm_engine *engine;

static void open_clock(void)
{
	deferred_queue_init(&deferred);
	base = event_base_new();
	environment = (struct backend_environment){.deferred = &deferred, .base = base};
	CU_ASSERT_EQUAL_FATAL(backend_find("clock")->open(&environment, &instance), 0);
	engine = (struct alarm_engine *)(void *)instance->engines[HIL_ALARM];
}

static void close_clock(void)
{
	instance->backend->close(instance);
	event_base_free(base);
}

static unsigned count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static void fired(void *driver)
{
	(*(unsigned *)driver)++;
}

static const struct alarm_client_ops client_ops = {.fired = fired};

static void test_it_opens_from_the_table_with_an_alarm_and_nothing_else(void)
{
	open_clock();
	CU_ASSERT_PTR_EQUAL(instance->backend, backend_find("clock"));
	for (unsigned kind = 0; kind < HIL_KINDS; kind++)
		CU_ASSERT_EQUAL(instance->engines[kind] != NULL, kind == HIL_ALARM);
	CU_ASSERT_STRING_EQUAL(engine->head.name, "clock");
	CU_ASSERT_EQUAL(engine->head.kind, HIL_ALARM);
	CU_ASSERT_EQUAL(engine->head.level, HIL_LEVEL_ALARM);
	close_clock();
}

static void test_without_a_loop_there_is_no_device(void)
{
	const struct backend_environment without = {.deferred = &deferred};

	instance = NULL;
	CU_ASSERT_EQUAL(clock_backend_open(&without, &instance), -PLUTON_ENODEVICE);
	CU_ASSERT_PTR_NULL(instance);
}

static void test_it_is_the_clock_that_goes_on_in_suspend(void)
{
	struct timespec before, after;
	uint64_t now;

	open_clock();
	clock_gettime(CLOCK_BOOTTIME, &before);
	now = engine->ops->now_us(engine);
	clock_gettime(CLOCK_BOOTTIME, &after);
	CU_ASSERT(now >= (uint64_t)before.tv_sec * 1000000 + (uint64_t)before.tv_nsec / 1000);
	CU_ASSERT(now <= (uint64_t)after.tv_sec * 1000000 + (uint64_t)after.tv_nsec / 1000);
	close_clock();
}

static void test_closing_it_while_an_alarm_is_set_or_on_its_way_leaves_nothing(void)
{
	unsigned descriptors = count_descriptors();
	unsigned fires = 0;

	open_clock();
	engine->ops->set(engine, engine->ops->now_us(engine), &client_ops, &fires);
	event_base_loop(base, EVLOOP_ONCE);
	CU_ASSERT_PTR_NOT_NULL(deferred.head);
	close_clock();
	CU_ASSERT_PTR_NULL(deferred.head);
	CU_ASSERT_EQUAL(fires, 0);
	open_clock();
	engine->ops->set(engine, UINT64_MAX - 1, &client_ops, &fires);
	close_clock();
	CU_ASSERT_EQUAL(count_descriptors(), descriptors);
}

static const struct test tests[] = {
	TEST(test_it_opens_from_the_table_with_an_alarm_and_nothing_else),
	TEST(test_without_a_loop_there_is_no_device),
	TEST(test_it_is_the_clock_that_goes_on_in_suspend),
	TEST(test_closing_it_while_an_alarm_is_set_or_on_its_way_leaves_nothing),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "clock", tests, TESTS_COUNT(tests));
}
