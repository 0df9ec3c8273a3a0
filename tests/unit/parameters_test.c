/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A capsule's parameters come from the section of the configuration that is called as the capsule.
 * The one here is called "kernel", whose keys there always are.
 */
#include <stdlib.h>

#include "tests/guests.h"
#include "tests/suite.h"

#define DRIVER 0x90007u

static uint64_t seen[CAPSULE_PARAMETERS_MAX + 2];

static int note(struct operation *op)
{
	for (unsigned i = 0; i < CAPSULE_PARAMETERS_MAX + 2; i++)
		seen[i] = op_parameter(op, i);
	op_done(op, 0, 0, 0);
	return 0;
}

static const struct command commands[] = {{.number = 1, .name = "Note", .doc = "", .run = note}};

static struct capsule capsule_with(const char *name)
{
	return (struct capsule){
		.name = "kernel",
		.interface = "Kernel",
		.doc = "",
		.driver = DRIVER,
		.commands = commands,
		.command_count = 1,
		.parameters = {"windows_per_process", "window_max", "greeting_timeout", "pool",
			       name},
	};
}

static void look(void)
{
	const struct record record = rig_operation(1, DRIVER, 1);
	int fd = guest_connect();

	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, NULL), 0);
	guest_leave(fd);
}

static void reload(const char *key, const char *value)
{
	struct config *fresh;
	struct config_error error;
	size_t changes;

	if (config_load("/dev/null", false, &fresh, &error) < 0 ||
	    config_set(fresh, "kernel", key, value, "test", &error) < 0)
		abort();
	CU_ASSERT_EQUAL(machine_reload(rig.machine, fresh, &changes, &error), 0);
	config_free(fresh);
}

static void test_values_come_in_the_order_of_their_names(void)
{
	static const char *const settings[] = {"kernel.window_max=5M", "kernel.greeting_timeout=7s",
					       NULL};
	const struct capsule capsule = capsule_with(NULL);

	guests_open(settings);
	CU_ASSERT_EQUAL_FATAL(machine_register(rig.machine, &capsule), 0);
	look();
	CU_ASSERT_EQUAL(seen[0], 8);
	CU_ASSERT_EQUAL(seen[1], 5u << 20);
	CU_ASSERT_EQUAL(seen[2], 7000);
	for (unsigned i = 4; i < CAPSULE_PARAMETERS_MAX + 2; i++)
		CU_ASSERT_EQUAL(seen[i], 0);
	guests_close();
}

static void test_a_reload_holds_at_once_where_the_key_says_so(void)
{
	const struct capsule capsule = capsule_with(NULL);
	uint64_t pool;

	guests_open(NULL);
	CU_ASSERT_EQUAL_FATAL(machine_register(rig.machine, &capsule), 0);
	look();
	pool = seen[3];
	reload("window_max", "3M");
	look();
	CU_ASSERT_EQUAL(seen[1], 3u << 20);
	reload("pool", "100M"); /* needs a restart; and window_max is the default's again */
	look();
	CU_ASSERT_EQUAL(seen[1], 64u << 20);
	CU_ASSERT_EQUAL(seen[3], pool);
	guests_close();
}

static void test_a_parameter_that_the_configuration_lacks_is_refused(void)
{
	const struct capsule unknown = capsule_with("no_such_key"), text = capsule_with("profile");

	guests_open(NULL);
	CU_ASSERT_EQUAL(machine_register(rig.machine, &unknown), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(machine_register(rig.machine, &text), -PLUTON_EINVAL);
	CU_ASSERT_PTR_NULL(kernel_driver(rig.kernel, DRIVER));
	guests_close();
}

static void test_numbers_of_the_configuration_are_found_by_name(void)
{
	struct config *config;
	struct config_error error;
	uint64_t value = 77;

	if (config_load("/dev/null", false, &config, &error) < 0)
		abort();
	CU_ASSERT_EQUAL(config_number(config, "kernel", "inline_max", &value), 0);
	CU_ASSERT_EQUAL(value, 1024);
	CU_ASSERT_EQUAL(config_number(config, "kernel", "engine_deadline", &value), 0);
	CU_ASSERT_EQUAL(value, 30000);
	CU_ASSERT_EQUAL(config_number(config, "kernel", "window_max", &value), 0);
	CU_ASSERT_EQUAL(value, 64u << 20);
	CU_ASSERT_EQUAL(config_number(config, "hil", "checker", &value), 0);
	CU_ASSERT_EQUAL(value, 0);
	value = 77;
	CU_ASSERT_EQUAL(config_number(config, "daemon", "socket", &value), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(config_number(config, "daemon", "inline_max", &value), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(value, 77);
	config_free(config);
}

static const struct test tests[] = {
	TEST(test_values_come_in_the_order_of_their_names),
	TEST(test_a_reload_holds_at_once_where_the_key_says_so),
	TEST(test_a_parameter_that_the_configuration_lacks_is_refused),
	TEST(test_numbers_of_the_configuration_are_found_by_name),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "parameters", tests, TESTS_COUNT(tests));
}
