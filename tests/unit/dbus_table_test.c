/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces built from command tables: signatures, names, memfd methods, and what sd-bus itself
 * makes of the vtable.
 */
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "daemon/frontends/dbus_introspect.h"
#include "daemon/frontends/dbus_table.h"
#include "tests/puppet.h"
#include "tests/suite.h"

static struct dbus_interface interface;

static const struct dbus_method *method_named(const char *name)
{
	for (size_t i = 0; i < interface.method_count; i++) {
		if (strcmp(interface.methods[i].name, name) == 0)
			return &interface.methods[i];
	}
	return NULL;
}

/* The method has these signatures, and these names with commas between. */
static void assert_method(const char *name, const char *takes, const char *answers,
			  const char *names)
{
	const struct dbus_method *method = method_named(name);
	char joined[sizeof(method->names)] = "";

	CU_ASSERT_PTR_NOT_NULL_FATAL(method);
	CU_ASSERT_STRING_EQUAL(method->takes, takes);
	CU_ASSERT_STRING_EQUAL(method->answers, answers);
	for (size_t at = 0; at < method->names_size; at += strlen(method->names + at) + 1) {
		strcat(joined, at ? "," : "");
		strcat(joined, method->names + at);
	}
	CU_ASSERT_STRING_EQUAL(joined, names);
}

static int do_nothing(struct operation *op)
{
	(void)op;
	return 0;
}

/* A capsule with one command. */
static int open_with(const struct command *command, const struct dbus_view *views)
{
	static struct command copy;
	static struct capsule capsule = {
		.name = "one", .interface = "One", .doc = "", .driver = 7, .command_count = 1};

	copy = *command;
	copy.number = 1;
	copy.run = do_nothing;
	capsule.commands = &copy;
	return dbus_interface_open(&interface, &capsule, views, NULL);
}

static void test_words_come_first_and_then_slots(void)
{
	CU_ASSERT_EQUAL_FATAL(dbus_interface_open(&interface, &puppet_capsule, NULL, NULL), 0);
	assert_method("Strict", "suayayu", "ay", "kind,second,key,data,result_length,result");
	dbus_interface_close(&interface);
}

static void test_a_slot_without_a_limit_makes_a_memfd_method(void)
{
	CU_ASSERT_EQUAL_FATAL(dbus_interface_open(&interface, &puppet_capsule, NULL, NULL), 0);
	assert_method("StrictMemfd", "suay(htt)u", "ay",
		      "kind,second,key,data,result_length,result");
	CU_ASSERT_EQUAL(method_named("StrictMemfd")->windows, 1u << STRICT_DATA);
	CU_ASSERT_EQUAL(method_named("Strict")->windows, 0);
	CU_ASSERT_PTR_NULL(method_named("GiveMemfd"));
	dbus_interface_close(&interface);
}

static void test_the_limit_from_which_on_there_is_a_memfd_method_is_exact(void)
{
	struct command command = {.name = "Do",
				  .slots = {{"data", SLOT_RO, 1, DBUS_BULK, true, ""}}};

	CU_ASSERT_EQUAL_FATAL(open_with(&command, NULL), 0);
	CU_ASSERT_PTR_NULL(method_named("DoMemfd"));
	dbus_interface_close(&interface);
	command.slots[0].max = DBUS_BULK + 1;
	CU_ASSERT_EQUAL_FATAL(open_with(&command, NULL), 0);
	assert_method("DoMemfd", "(htt)", "", "data");
	dbus_interface_close(&interface);
}

static void test_a_repeating_command_answers_with_its_number_and_can_be_cancelled(void)
{
	CU_ASSERT_EQUAL_FATAL(dbus_interface_open(&interface, &puppet_capsule, NULL, NULL), 0);
	CU_ASSERT(interface.repeats);
	assert_method("Call", "uuayu", "u", "first,second,in,out_length,operation");
	assert_method("Cancel", "u", "", "operation");
	CU_ASSERT_EQUAL(method_named("Cancel")->kind, DBUS_CANCEL);
	dbus_interface_close(&interface);
}

static void test_a_command_that_gives_answers_with_a_descriptor(void)
{
	CU_ASSERT_EQUAL_FATAL(dbus_interface_open(&interface, &puppet_capsule, NULL, NULL), 0);
	assert_method("Give", "u", "h", "first,one_end_of_it");
	dbus_interface_close(&interface);
}

static void test_a_result_of_one_size_needs_no_length(void)
{
	struct command command = {.name = "Do", .slots = {{"tag", SLOT_RW, 16, 16, false, ""}}};

	CU_ASSERT_EQUAL_FATAL(open_with(&command, NULL), 0);
	assert_method("Do", "", "ay", "tag");
	dbus_interface_close(&interface);
	command.slots[0].optional = true;
	CU_ASSERT_EQUAL_FATAL(open_with(&command, NULL), 0);
	assert_method("Do", "u", "ay", "tag_length,tag");
	dbus_interface_close(&interface);
}

static void test_names_for_people_become_names_for_programs(void)
{
	const struct command command = {.name = "Do",
					.answers = {"bytes of it", "next, 0: no more"},
					.slots = {{"bytes_of_it", SLOT_RW, 1, 9, false, ""}}};
	const struct command clash = {.name = "Do",
				      .answers = {"rows", "next"},
				      .slots = {{"rows", SLOT_RW, 1, 9, false, ""}}};

	CU_ASSERT_EQUAL_FATAL(open_with(&command, NULL), 0);
	assert_method("Do", "u", "ayuu", "bytes_of_it_length,bytes_of_it,bytes_of_it_2,next");
	dbus_interface_close(&interface);
	CU_ASSERT_EQUAL_FATAL(open_with(&clash, NULL), 0);
	assert_method("Do", "u", "ayuu", "rows_length,rows,rows_2,next");
	dbus_interface_close(&interface);
}

static void test_a_view_shows_rows_instead_of_bytes(void)
{
	const struct command list = {.name = "All",
				     .answers = {"rows", "next"},
				     .words = {{"first", NULL, ""}},
				     .slots = {{"rows", SLOT_RW, 1, 0, false, ""}}};
	const struct command one = {
		.name = "All",
		.slots = {{"name", SLOT_RO, 1, 64, false, ""}, {"row", SLOT_RW, 1, 0, false, ""}}};
	struct dbus_view views[] = {{"Two", "All", "Wrong", "things", &row_limit, 0, 64, false},
				    {"One", "All", "List", "things", &row_limit, 0, 64, false},
				    {0}};

	CU_ASSERT_EQUAL_FATAL(open_with(&list, views), 0);
	CU_ASSERT_EQUAL(interface.method_count, 1);
	assert_method("List", "", "aa{sv}", "things");
	dbus_interface_close(&interface);
	views[1].paged = true;
	CU_ASSERT_EQUAL_FATAL(open_with(&list, views), 0);
	assert_method("List", "u", "aa{sv}u", "first,things,next");
	dbus_interface_close(&interface);
	views[1] = (struct dbus_view){"One", "All", "Get", "thing", &row_limit, 1, 1, false};
	CU_ASSERT_EQUAL_FATAL(open_with(&one, views), 0);
	assert_method("Get", "ay", "a{sv}", "name,thing");
	dbus_interface_close(&interface);
}

static void test_what_cannot_be_a_name_is_refused(void)
{
	static char longest[300];
	struct command command = {.name = "no blank"};

	CU_ASSERT_EQUAL(open_with(&command, NULL), -PLUTON_EINVAL);
	memset(longest, 'a', sizeof(longest) - 1);
	command.name = longest;
	CU_ASSERT_EQUAL(open_with(&command, NULL), -PLUTON_EINVAL);
	command.name = "Do";
	for (unsigned i = 0; i < CAPSULE_SLOTS_MAX; i++)
		command.slots[i] = (struct command_slot){longest, SLOT_RO, 1, 1, false, ""};
	CU_ASSERT_EQUAL(open_with(&command, NULL), -PLUTON_EINVAL);
}

static int handle(sd_bus_message *message, void *context, sd_bus_error *error)
{
	(void)message;
	(void)context;
	(void)error;
	return 0;
}

/* sd-bus checks every signature, and that each argument has exactly one name. */
static void assert_accepted(void)
{
	sd_bus *bus = NULL;
	sd_bus_slot *slot = NULL;

	CU_ASSERT_EQUAL_FATAL(dbus_interface_build(&interface, handle, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(sd_bus_new(&bus), 0);
	CU_ASSERT(sd_bus_add_object_vtable(bus, &slot, DBUS_PATH, interface.name, interface.vtable,
					   interface.methods) >= 0);
	sd_bus_slot_unref(slot);
	sd_bus_unref(bus);
	dbus_interface_close(&interface);
}

static void test_sd_bus_takes_what_is_built(void)
{
	static const char names[] = "channel";
	const struct command bare = {.name = "Do"};

	CU_ASSERT_EQUAL_FATAL(dbus_interface_open(&interface, &puppet_capsule, NULL, NULL), 0);
	CU_ASSERT_EQUAL(dbus_interface_add(&interface, DBUS_CONNECT, "Connect", "", "h", names,
					   sizeof(names)),
			0);
	assert_accepted();
	CU_ASSERT_EQUAL_FATAL(open_with(&bare, NULL), 0);
	assert_accepted();
}

static void test_methods_are_wiped_and_open_to_all(void)
{
	unsigned methods = 0;

	CU_ASSERT_EQUAL_FATAL(dbus_interface_open(&interface, &puppet_capsule, NULL, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(dbus_interface_build(&interface, handle, NULL), 0);
	for (const sd_bus_vtable *entry = interface.vtable; entry->type != _SD_BUS_VTABLE_END;
	     entry++) {
		if (entry->type != _SD_BUS_VTABLE_METHOD)
			continue;
		methods++;
		CU_ASSERT(entry->flags & SD_BUS_VTABLE_SENSITIVE);
		CU_ASSERT(entry->flags & SD_BUS_VTABLE_UNPRIVILEGED);
	}
	CU_ASSERT_EQUAL(methods, interface.method_count);
	dbus_interface_close(&interface);
}

static int read_version(sd_bus *bus, const char *path, const char *name, const char *property,
			sd_bus_message *reply, void *context, sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)name;
	(void)property;
	(void)reply;
	(void)context;
	(void)error;
	return 0;
}

static void test_the_introspection_says_what_the_vtable_says(void)
{
	static const char method[] =
		"  <method name=\"StrictMemfd\">\n"
		"   <arg type=\"s\" name=\"kind\" direction=\"in\"/>\n"
		"   <arg type=\"u\" name=\"second\" direction=\"in\"/>\n"
		"   <arg type=\"ay\" name=\"key\" direction=\"in\"/>\n"
		"   <arg type=\"(htt)\" name=\"data\" direction=\"in\"/>\n"
		"   <arg type=\"u\" name=\"result_length\" direction=\"in\"/>\n"
		"   <arg type=\"ay\" name=\"result\" direction=\"out\"/>\n"
		"  </method>\n",
			  signal[] = "  <signal name=\"Upcall\">\n"
				     "   <arg type=\"u\" name=\"operation\"/>\n"
				     "   <arg type=\"i\" name=\"status\"/>\n"
				     "   <arg type=\"u\" name=\"word1\"/>\n"
				     "   <arg type=\"u\" name=\"word2\"/>\n"
				     "   <arg type=\"u\" name=\"missed\"/>\n"
				     "   <arg type=\"b\" name=\"more\"/>\n"
				     "  </signal>\n",
			  rows[] = "   <arg type=\"aa{sv}\" name=\"things\" direction=\"out\"/>\n"
				   "   <arg type=\"h\" name=\"channel\" direction=\"out\"/>\n",
			  names[] = "things\0channel";
	char *text;

	CU_ASSERT_EQUAL_FATAL(dbus_interface_open(&interface, &puppet_capsule, NULL, NULL), 0);
	CU_ASSERT_EQUAL(dbus_interface_add(&interface, DBUS_CONNECT, "Things", "", "aa{sv}h", names,
					   sizeof(names)),
			0);
	interface.repeats = true;
	CU_ASSERT_EQUAL_FATAL(dbus_interface_build(&interface, handle, read_version), 0);
	text = dbus_introspect(&interface, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, method));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, signal));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, rows));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, "  <property name=\"Version\" type=\"s\" access=\"read\">\n"));
	free(text);
	dbus_interface_close(&interface);
}

static const struct test tests[] = {
	TEST(test_words_come_first_and_then_slots),
	TEST(test_a_slot_without_a_limit_makes_a_memfd_method),
	TEST(test_the_limit_from_which_on_there_is_a_memfd_method_is_exact),
	TEST(test_a_repeating_command_answers_with_its_number_and_can_be_cancelled),
	TEST(test_a_command_that_gives_answers_with_a_descriptor),
	TEST(test_a_result_of_one_size_needs_no_length),
	TEST(test_names_for_people_become_names_for_programs),
	TEST(test_a_view_shows_rows_instead_of_bytes),
	TEST(test_what_cannot_be_a_name_is_refused),
	TEST(test_sd_bus_takes_what_is_built),
	TEST(test_methods_are_wiped_and_open_to_all),
	TEST(test_the_introspection_says_what_the_vtable_says),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "dbus_table", tests, TESTS_COUNT(tests));
}
