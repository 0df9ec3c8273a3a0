/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app.d: what a file says, what a wrong one is told, and which folders are believed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/apps/folders.h"
#include "tests/suite.h"

#define HASH "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"

static char folder[64];
static char complaint[512];
static unsigned complaints;

static void make_folder(void)
{
	umask(022); /* files that a group can write are not believed */
	strcpy(folder, "/tmp/app-definition-XXXXXX");
	if (!mkdtemp(folder))
		abort();
	complaint[0] = '\0';
	complaints = 0;
}

static void remove_folder(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	if (system(command) != 0)
		abort();
}

static void write_file(const char *name, const char *text)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

static struct definition *read_text(const char *text)
{
	char path[160];

	make_folder();
	write_file("x.conf", text);
	snprintf(path, sizeof(path), "%s/x.conf", folder);
	return definition_read("x", path, 0);
}

static void give_back(struct definition *definition)
{
	definition_release(definition);
	remove_folder();
}

static void assert_problem(const char *text, unsigned line, const char *part)
{
	struct definition *definition = read_text(text);

	CU_ASSERT_EQUAL(definition->problem_line, line);
	CU_ASSERT_PTR_NOT_NULL(strstr(definition->problem, part));
	if (definition->problem_line != line || !strstr(definition->problem, part))
		fprintf(stderr, "line %u: %s\n", definition->problem_line, definition->problem);
	give_back(definition);
}

/* --- one file -------------------------------------------------------------------------------- */

static void test_every_key_is_read(void)
{
	struct definition *definition = read_text(
		"[app]\ndescription = a thing\nexec = /bin/thing --name \"a b\" '' c\"d\"e\n"
		"sha256 = " HASH "\nsecurity_version = 7\ndrivers = nvmem, rng\nuser = nobody\n"
		"restart = always\nstart = boot\nmemory_max = 64M\nstart_timeout = 3s\n"
		"stop_timeout = 4s\nwatchdog = 500ms\nrestart_delay = 20\nrestart_delay_max = 1m\n"
		"fd_store_max = 16\nunit = thing@1.service\nactivation = /run/thing\n");

	CU_ASSERT_STRING_EQUAL(definition->problem, "");
	CU_ASSERT_STRING_EQUAL(definition->unit, "thing@1.service");
	CU_ASSERT_STRING_EQUAL(definition->activation, "/run/thing");
	CU_ASSERT_STRING_EQUAL(definition->description, "a thing");
	CU_ASSERT_STRING_EQUAL(definition->arguments[0], "/bin/thing");
	CU_ASSERT_STRING_EQUAL(definition->arguments[1], "--name");
	CU_ASSERT_STRING_EQUAL(definition->arguments[2], "a b");
	CU_ASSERT_STRING_EQUAL(definition->arguments[3], "");
	CU_ASSERT_STRING_EQUAL(definition->arguments[4], "cde");
	CU_ASSERT_PTR_NULL(definition->arguments[5]);
	CU_ASSERT_TRUE(definition->hashed);
	CU_ASSERT_EQUAL(definition->sha256[0], 0x01);
	CU_ASSERT_EQUAL(definition->sha256[15], 0xef);
	CU_ASSERT_EQUAL(definition->sha256[23], 0xef);
	CU_ASSERT_EQUAL(definition->security_version, 7);
	CU_ASSERT_STRING_EQUAL(definition->drivers, "nvmem,rng");
	CU_ASSERT_STRING_EQUAL(definition->user, "nobody");
	CU_ASSERT_EQUAL(definition->restart, DEFINITION_RESTART_ALWAYS);
	CU_ASSERT_EQUAL(definition->start, DEFINITION_START_BOOT);
	CU_ASSERT_EQUAL(definition->memory_max, 64u << 20);
	CU_ASSERT_EQUAL(definition->start_timeout_ms, 3000);
	CU_ASSERT_EQUAL(definition->stop_timeout_ms, 4000);
	CU_ASSERT_EQUAL(definition->watchdog_ms, 500);
	CU_ASSERT_EQUAL(definition->restart_delay_ms, 20);
	CU_ASSERT_EQUAL(definition->restart_delay_max_ms, 60000);
	CU_ASSERT_EQUAL(definition->fd_store_max, 16);
	give_back(definition);
}

static void test_what_is_not_said_has_its_default(void)
{
	struct definition *definition = read_text("[app]\nexec = thing\n");

	CU_ASSERT_STRING_EQUAL(definition->problem, "");
	CU_ASSERT_FALSE(definition->hashed);
	CU_ASSERT_STRING_EQUAL(definition->drivers, "");
	CU_ASSERT_STRING_EQUAL(definition->user, "");
	CU_ASSERT_EQUAL(definition->restart, DEFINITION_RESTART_ON_FAILURE);
	CU_ASSERT_EQUAL(definition->start, DEFINITION_START_ON_DEMAND);
	CU_ASSERT_EQUAL(definition->memory_max, 0);
	CU_ASSERT_EQUAL(definition->start_timeout_ms, 10000);
	CU_ASSERT_EQUAL(definition->stop_timeout_ms, 10000);
	CU_ASSERT_EQUAL(definition->watchdog_ms, 0);
	CU_ASSERT_EQUAL(definition->restart_delay_ms, 100);
	CU_ASSERT_EQUAL(definition->restart_delay_max_ms, 30000);
	CU_ASSERT_EQUAL(definition->fd_store_max, 4);
	CU_ASSERT_STRING_EQUAL(definition->unit, "");
	CU_ASSERT_STRING_EQUAL(definition->activation, "");
	give_back(definition);
}

static void test_what_is_wrong_is_told_with_its_line_and_what_to_write(void)
{
	assert_problem("[app]\n\nexec = a\nexce = b\n", 4, "no key exce; pluton-app.conf(5)");
	assert_problem("exec = a\n", 1, "no section []; write [app]");
	assert_problem("[app]\nexec = a\n[service]\nx = y\n", 4, "no section [service]");
	assert_problem("[app]\nnonsense\n", 2, "neither [SECTION] nor KEY = VALUE");
	assert_problem("[app]\nexec = a/b\n", 2, "exec: \"a/b\" is not a value");
	assert_problem("[app]\nexec =\n", 2, "exec: \"\" is not a value");
	assert_problem("[app]\nexec = a 'b\n", 2, "exec: \"a 'b\" is not a value");
	assert_problem("[app]\nexec = ''\n", 2, "exec");
	assert_problem("[app]\nexec = a\nsha256 = 12\n", 3, "64 hexadecimal digits");
	assert_problem("[app]\nexec = a\nsha256 = g" HASH "\n", 3, "64 hexadecimal digits");
	assert_problem("[app]\nexec = a\ndrivers = rng,,aes\n", 3, "names of capsules");
	assert_problem("[app]\nexec = a\nrestart = yes\n", 3, "write always, on-failure or no");
	assert_problem("[app]\nexec = a\nstart = now\n", 3, "write boot, on-demand or manual");
	assert_problem("[app]\nexec = a\nwatchdog = soon\n", 3, "write ms, s, m or h");
	assert_problem("[app]\nexec = a\nrestart_delay = 2s\nrestart_delay_max = 1s\n", 0,
		       "over restart_delay_max");
}

static void test_values_are_taken_at_their_limits_and_refused_beyond(void)
{
	static const char *const good[] = {
		"memory_max = 0",	"memory_max = 1M",	  "memory_max = 16384G",
		"start_timeout = 10ms", "start_timeout = 1h",	  "stop_timeout = 10",
		"watchdog = 0",		"watchdog = 10ms",	  "watchdog = 60m",
		"restart_delay = 1",	"restart_delay_max = 1h", "fd_store_max = 0",
		"fd_store_max = 16",	"security_version = 0",	  "security_version = 4294967295",
	};
	static const char *const bad[] = {
		"memory_max = 1023K",
		"memory_max = 16385G",
		"start_timeout = 9ms",
		"start_timeout = 3600001",
		"stop_timeout = 0",
		"watchdog = 9",
		"watchdog = 61m",
		"restart_delay = 0",
		"restart_delay_max = 61m",
		"fd_store_max = 17",
		"security_version = 4294967296",
		"fd_store_max = -1",
	};
	char text[128];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct definition *definition;

		snprintf(text, sizeof(text), "[app]\nexec = a\n%s\n", good[i]);
		definition = read_text(text);
		CU_ASSERT_STRING_EQUAL(definition->problem, "");
		give_back(definition);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "[app]\nexec = a\n%s\n", bad[i]);
		assert_problem(text, 3, "is not a value of it");
	}
}

static void assert_unit(const char *unit, bool good)
{
	char text[400];
	struct definition *definition;

	snprintf(text, sizeof(text), "[app]\nunit = %s\n", unit);
	if (!good) {
		assert_problem(text, 2, "a unit of systemd's that ends in .service");
		return;
	}
	definition = read_text(text);
	CU_ASSERT_STRING_EQUAL(definition->problem, "");
	CU_ASSERT_STRING_EQUAL(definition->unit, unit);
	give_back(definition);
}

static void test_a_unit_is_the_name_of_a_service_and_no_template(void)
{
	assert_unit("a.service", true);
	assert_unit("pluton-tpmd@tpm0.service", true);
	assert_unit("a@b@c.service", true);
	assert_unit("a:b-c_d.e\\x2d@f.service", true);
	assert_unit("", false);
	assert_unit(".service", false);
	assert_unit("a", false);
	assert_unit("a.socket", false);
	assert_unit("a.service.socket", false);
	assert_unit("a@.service", false);
	assert_unit("@a.service", false);
	assert_unit("a/b.service", false);
	assert_unit("a b.service", false);
	assert_unit("a@b/c.service", false);
}

static void test_an_activation_socket_has_an_absolute_path_of_107_bytes_and_not_108(void)
{
	char text[160] = "[app]\nactivation = /", *path = strchr(text, '/');
	struct definition *definition;

	memset(path + 1, 'a', 106);
	definition = read_text(text);
	CU_ASSERT_STRING_EQUAL(definition->problem, "");
	CU_ASSERT_EQUAL(strlen(definition->activation), 107);
	give_back(definition);
	path[107] = 'a';
	assert_problem(text, 2, "begins with / and has at most 107 bytes");
	assert_problem("[app]\nactivation = run/a\n", 2, "begins with /");
	assert_problem("[app]\nactivation =\n", 2, "begins with /");
}

typedef void (*require_fn)(struct definition *definition);

static void assert_required(require_fn require, const char *text, const char *part)
{
	struct definition *definition = read_text(text);

	CU_ASSERT_STRING_EQUAL(definition->problem, "");
	require(definition);
	CU_ASSERT_EQUAL(definition->problem_line, 0);
	if (*part)
		CU_ASSERT_PTR_NOT_NULL(strstr(definition->problem, part));
	if (!*part)
		CU_ASSERT_STRING_EQUAL(definition->problem, "");
	give_back(definition);
}

static void test_one_to_be_forked_must_have_a_program(void)
{
	assert_required(definition_require_program, "[app]\nexec = a\n", "");
	assert_required(definition_require_program, "", "exec is missing; write exec = PROGRAM");
	assert_required(definition_require_program, "[app]\nunit = a.service\nactivation = /a\n",
			"exec is missing; write exec = PROGRAM");
}

static void test_a_service_must_have_a_unit_and_an_activation_socket(void)
{
	assert_required(definition_require_unit, "[app]\nunit = a.service\nactivation = /a\n", "");
	assert_required(definition_require_unit, "[app]\nexec = a\n",
			"unit and activation are missing");
	assert_required(definition_require_unit, "[app]\nactivation = /a\n",
			"unit is missing; write unit = NAME.service");
	assert_required(definition_require_unit, "[app]\nunit = a.service\n",
			"activation is missing; write activation = PATH");
}

static void test_a_program_has_64_words_and_not_65(void)
{
	char text[256] = "[app]\nexec = a";
	struct definition *definition;

	for (int i = 0; i < 63; i++)
		strcat(text, " b");
	definition = read_text(text);
	CU_ASSERT_STRING_EQUAL(definition->problem, "");
	CU_ASSERT_PTR_NOT_NULL(definition->arguments[63]);
	CU_ASSERT_PTR_NULL(definition->arguments[64]);
	give_back(definition);
	strcat(text, " b");
	assert_problem(text, 2, "at most 64");
}

static void test_two_that_say_the_same_are_equal(void)
{
	struct definition *a = read_text("[app]\nexec = a b\nwatchdog = 1s\n");
	struct definition *same, *other, *unit;
	char path[160];

	snprintf(path, sizeof(path), "%s/x.conf", folder);
	write_file("x.conf", "[app]\nwatchdog = 1000\nexec = a   b\n");
	same = definition_read("x", path, 0);
	write_file("x.conf", "[app]\nwatchdog = 1000\nexec = a   b c\n");
	other = definition_read("x", path, 0);
	write_file("x.conf", "[app]\nwatchdog = 1000\nexec = a b\nunit = a.service\n");
	unit = definition_read("x", path, 0);
	CU_ASSERT_FALSE(definition_equal(a, unit));
	definition_release(unit);
	CU_ASSERT_TRUE(definition_equal(a, same));
	CU_ASSERT_FALSE(definition_equal(a, other));
	definition_release(same);
	definition_release(other);
	give_back(a);
}

/* --- folders --------------------------------------------------------------------------------- */

static void complain(void *context, const char *sentence)
{
	(void)context;
	complaints++;
	snprintf(complaint, sizeof(complaint), "%s", sentence);
}

static struct definition **found;
static size_t found_count;

static void read_all(const char *const *folders)
{
	CU_ASSERT_EQUAL_FATAL(folders_read(folders, 0, complain, NULL, &found, &found_count), 0);
}

static void forget_all(void)
{
	while (found_count > 0)
		definition_release(found[--found_count]);
	free(found);
	remove_folder();
}

static void test_definitions_come_in_the_order_of_their_names(void)
{
	make_folder();
	write_file("b.conf", "[app]\nexec = b\n");
	write_file("a.conf", "[app]\nexec = a\n");
	write_file("c.conf", "broken\n");
	write_file("notes.txt", "");
	write_file(".hidden.conf", "");
	read_all((const char *const[]){folder, NULL});
	CU_ASSERT_EQUAL_FATAL(found_count, 3);
	CU_ASSERT_STRING_EQUAL(found[0]->name, "a");
	CU_ASSERT_STRING_EQUAL(found[1]->name, "b");
	CU_ASSERT_STRING_EQUAL(found[2]->name, "c");
	CU_ASSERT_STRING_EQUAL(found[1]->problem, "");
	CU_ASSERT_STRING_NOT_EQUAL(found[2]->problem, "");
	CU_ASSERT_EQUAL(complaints, 0);
	forget_all();
}

static void test_of_two_with_one_name_the_first_folder_wins(void)
{
	char first[80], second[80];

	make_folder();
	snprintf(first, sizeof(first), "%s/first", folder);
	snprintf(second, sizeof(second), "%s/second", folder);
	mkdir(first, 0755);
	mkdir(second, 0755);
	write_file("first/a.conf", "[app]\nexec = ours\n");
	write_file("second/a.conf", "[app]\nexec = theirs\n");
	write_file("second/b.conf", "[app]\nexec = b\n");
	read_all((const char *const[]){"/nonexistent/app.d", first, second, NULL});
	CU_ASSERT_EQUAL_FATAL(found_count, 2);
	CU_ASSERT_STRING_EQUAL(found[0]->arguments[0], "ours");
	CU_ASSERT_STRING_EQUAL(found[1]->name, "b");
	forget_all();
}

static void test_names_have_31_bytes_and_not_32(void)
{
	make_folder();
	write_file("a23456789012345678901234567890x.conf", "[app]\nexec = a\n");
	write_file("a23456789012345678901234567890xy.conf", "[app]\nexec = a\n");
	read_all((const char *const[]){folder, NULL});
	CU_ASSERT_EQUAL(found_count, 1);
	CU_ASSERT_EQUAL(complaints, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint, "xy.conf: is no name of an app"));
	forget_all();
}

static void test_names_with_other_letters_are_left_out_and_told(void)
{
	make_folder();
	write_file("a b.conf", "[app]\nexec = a\n");
	write_file("-a.conf", "[app]\nexec = a\n");
	write_file("a@1.conf", "[app]\nexec = a\n");
	write_file("A-b_9.conf", "[app]\nexec = a\n");
	read_all((const char *const[]){folder, NULL});
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT_STRING_EQUAL(found[0]->name, "A-b_9");
	CU_ASSERT_EQUAL(complaints, 3);
	forget_all();
}

static void test_a_folder_that_everybody_can_write_is_left_out(void)
{
	make_folder();
	write_file("a.conf", "[app]\nexec = a\n");
	chmod(folder, 0777);
	read_all((const char *const[]){folder, NULL});
	CU_ASSERT_EQUAL(found_count, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint, "everybody can write there (mode 0777)"));
	forget_all();
}

static void test_a_folder_of_another_user_is_left_out(void)
{
	if (geteuid() != 0)
		suite_skip("only root can give a folder away");
	make_folder();
	write_file("a.conf", "[app]\nexec = a\n");
	CU_ASSERT_EQUAL(chown(folder, 54321, 0), 0);
	read_all((const char *const[]){folder, NULL});
	CU_ASSERT_EQUAL(found_count, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint, "belongs to uid 54321"));
	forget_all();
}

/* Of a file with that owner and mode; "": it was believed. */
static const char *problem_of(uid_t owner, gid_t group, mode_t mode, uint32_t trusted)
{
	static char problem[DEFINITION_PROBLEM_SIZE];
	struct definition *definition;
	char path[160];

	make_folder();
	write_file("x.conf", "[app]\nexec = a\ndrivers = rng\n");
	snprintf(path, sizeof(path), "%s/x.conf", folder);
	if (chown(path, owner, group) < 0 || chmod(path, mode) < 0)
		abort();
	definition = definition_read("x", path, trusted);
	snprintf(problem, sizeof(problem), "%s", definition->problem);
	CU_ASSERT_EQUAL(definition->arguments != NULL, problem[0] == '\0');
	CU_ASSERT_STRING_EQUAL(definition->drivers, problem[0] ? "" : "rng");
	give_back(definition);
	return problem;
}

static void assert_in(const char *problem, const char *part)
{
	CU_ASSERT_PTR_NOT_NULL(strstr(problem, part));
}

static void test_a_file_that_others_can_write_is_not_believed(void)
{
	uid_t own = geteuid();
	gid_t group = getegid() ? getegid() : 54321; /* root can give it away */

	CU_ASSERT_STRING_EQUAL(problem_of(own, group, 0644, 0), "");
	CU_ASSERT_STRING_EQUAL(problem_of(own, group, 0600, 0), "");
	assert_in(problem_of(own, group, 0646, 0), "others can write it (mode 0646); chmod go-w");
	assert_in(problem_of(own, group, 0664, 0), "others can write it (mode 0664); chmod go-w");
}

static void test_a_file_is_believed_of_root_ourselves_and_the_build_trees_owner(void)
{
	if (geteuid() != 0)
		suite_skip("only root can give a file away");
	CU_ASSERT_STRING_EQUAL(problem_of(0, 0, 0664, 0), ""); /* root's group */
	assert_in(problem_of(0, 0, 0666, 0), "others can write it");
	assert_in(problem_of(54321, 0, 0644, 0), "belongs to uid 54321, who could change it");
	CU_ASSERT_STRING_EQUAL(problem_of(54321, 0, 0644, 54321), "");
}

static void test_what_is_no_file_is_not_read(void)
{
	struct definition *definition;
	char path[160];

	make_folder();
	snprintf(path, sizeof(path), "%s/x.conf", folder);
	CU_ASSERT_EQUAL(mkfifo(path, 0644), 0); /* nobody writes: reading would hang */
	definition = definition_read("x", path, 0);
	assert_in(definition->problem, "is no file");
	give_back(definition);
}

static const struct test tests[] = {
	TEST(test_every_key_is_read),
	TEST(test_what_is_not_said_has_its_default),
	TEST(test_what_is_wrong_is_told_with_its_line_and_what_to_write),
	TEST(test_values_are_taken_at_their_limits_and_refused_beyond),
	TEST(test_a_unit_is_the_name_of_a_service_and_no_template),
	TEST(test_an_activation_socket_has_an_absolute_path_of_107_bytes_and_not_108),
	TEST(test_one_to_be_forked_must_have_a_program),
	TEST(test_a_service_must_have_a_unit_and_an_activation_socket),
	TEST(test_a_program_has_64_words_and_not_65),
	TEST(test_two_that_say_the_same_are_equal),
	TEST(test_definitions_come_in_the_order_of_their_names),
	TEST(test_of_two_with_one_name_the_first_folder_wins),
	TEST(test_names_have_31_bytes_and_not_32),
	TEST(test_names_with_other_letters_are_left_out_and_told),
	TEST(test_a_folder_that_everybody_can_write_is_left_out),
	TEST(test_a_folder_of_another_user_is_left_out),
	TEST(test_a_file_that_others_can_write_is_not_believed),
	TEST(test_a_file_is_believed_of_root_ourselves_and_the_build_trees_owner),
	TEST(test_what_is_no_file_is_not_read),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "app definition", tests, TESTS_COUNT(tests));
}
