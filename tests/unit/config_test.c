/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: defaults, the types, what is refused and how, conf.d, profiles, reloading.
 * Every test has a directory of its own, with plutond.conf in it as `path`.
 */
#include "daemon/config.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config_keys.h"
#include "tests/suite.h"

static char directory[64];
static char path[128];
static struct config *config;
static struct config_error error;
static bool has_pluton_group;
static size_t pluton_group_size; /* bytes of its entry */

/* --- the fixture ----------------------------------------------------------------------------- */

/* In place of libc's: what groups there are is not this machine's business. */
int getgrnam_r(const char *name, struct group *group, char *buffer, size_t size,
	       struct group **result)
{
	bool is_pluton = strcmp(name, "pluton") == 0 && has_pluton_group;

	(void)buffer;
	*result = NULL;
	if (is_pluton && size < pluton_group_size)
		return ERANGE;
	*group = (struct group){.gr_gid = is_pluton ? 987 : 0};
	*result = is_pluton || strcmp(name, "root") == 0 ? group : NULL;
	return 0;
}

static void set_up(void)
{
	has_pluton_group = true;
	pluton_group_size = 100;
	strcpy(directory, "/tmp/pluton-config-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/plutond.conf", directory);
	config = NULL;
	memset(&error, 0, sizeof(error));
}

static void tear_down(void)
{
	char command[256];

	config_free(config);
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	CU_ASSERT_EQUAL(system(command), 0);
}

static void write_bytes(const char *name, const void *bytes, size_t length)
{
	char file[256];
	FILE *out;

	snprintf(file, sizeof(file), "%s/%s", directory, name);
	out = fopen(file, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT_EQUAL(fwrite(bytes, 1, length, out), length);
	fclose(out);
}

static void write_text(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static void make_conf_d(mode_t mode)
{
	char file[256];

	snprintf(file, sizeof(file), "%s/conf.d", directory);
	CU_ASSERT_EQUAL_FATAL(mkdir(file, 0755), 0);
	CU_ASSERT_EQUAL_FATAL(chmod(file, mode), 0);
}

static int load(void)
{
	int r = config_load(path, false, &config, &error);

	if (r < 0)
		printf("# %s\n", error.message);
	return r;
}

static int load_for_system(const char *text)
{
	int r;

	write_text("plutond.conf", text);
	r = config_load(path, true, &config, &error);
	if (r < 0)
		printf("# %s\n", error.message);
	return r;
}

static void load_well(const char *text)
{
	set_up();
	write_text("plutond.conf", text);
	CU_ASSERT_EQUAL_FATAL(load(), 0);
}

static bool message_has(const char *part)
{
	return strstr(error.message, part) != NULL;
}

/* The file is refused at this line of plutond.conf, and the message has both parts. */
static void check_refused(const char *text, unsigned line, const char *part, const char *other)
{
	char where[160];

	set_up();
	write_text("plutond.conf", text);
	CU_ASSERT_EQUAL(load(), -PLUTON_EINVAL);
	CU_ASSERT_PTR_NULL(config);
	snprintf(where, sizeof(where), "%s:%u: ", path, line);
	CU_ASSERT_TRUE(strncmp(error.message, where, strlen(where)) == 0);
	CU_ASSERT_TRUE(message_has(part));
	CU_ASSERT_TRUE(message_has(other));
	tear_down();
}

/* --- what is there without a file ------------------------------------------------------------ */

static void test_an_empty_file_gives_the_defaults(void)
{
	load_well("");
	CU_ASSERT_STRING_EQUAL(config->socket, "/run/pluton/pluton.sock");
	CU_ASSERT_EQUAL(config->socket_mode, 0666);
	CU_ASSERT_STRING_EQUAL(config->state, "/var/lib/pluton");
	CU_ASSERT_EQUAL(config->log_level, PLUTON_LOG_INFO);
	CU_ASSERT_EQUAL(config->profile, CONFIG_PROFILE_DEFAULT);
	CU_ASSERT_EQUAL(config->pool, 64u << 20);
	CU_ASSERT_EQUAL(config->processes_max, 16384);
	CU_ASSERT_EQUAL(config->processes_per_user, 10240);
	CU_ASSERT_EQUAL(config->arena_min, 4096);
	CU_ASSERT_EQUAL(config->arena_limit, 65536);
	CU_ASSERT_EQUAL(config->operations_per_process, 16);
	CU_ASSERT_EQUAL(config->grants_per_capsule, 16);
	CU_ASSERT_EQUAL(config->windows_per_process, 8);
	CU_ASSERT_EQUAL(config->window_max, 64u << 20);
	CU_ASSERT_EQUAL(config->windows_per_user, 1u << 30);
	tear_down();
}

static void test_an_empty_file_gives_the_defaults_of_loop_and_engines(void)
{
	load_well("");
	CU_ASSERT_EQUAL(config->inline_max, 1024);
	CU_ASSERT_EQUAL(config->records_per_pass, 16);
	CU_ASSERT_EQUAL(config->deferred_budget, 64);
	CU_ASSERT_EQUAL(config->engine_deadline_ms, 30000);
	CU_ASSERT_STRING_EQUAL(config->rng, "openssl");
	CU_ASSERT_STRING_EQUAL(config->digest, "openssl");
	CU_ASSERT_STRING_EQUAL(config->aes, "openssl");
	CU_ASSERT_STRING_EQUAL(config->hmac, "openssl");
	CU_ASSERT_STRING_EQUAL(config->cmac, "openssl");
	CU_ASSERT_EQUAL(config->aead_scratch, 1u << 20);
	CU_ASSERT_EQUAL(config->workers, 2);
	CU_ASSERT_FALSE(config->checker);
	tear_down();
}

static void test_without_access_section_everybody_may_use_everything(void)
{
	load_well("");
	CU_ASSERT_EQUAL_FATAL(config->access_rule_count, 1);
	CU_ASSERT_EQUAL(config->access_rules[0].kind, ACCESS_DEFAULT);
	CU_ASSERT_STRING_EQUAL(config->access_rules[0].text, "all");
	tear_down();
}

static void test_a_named_file_that_is_missing_is_an_error(void)
{
	set_up();
	CU_ASSERT_EQUAL(load(), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(message_has(path));
	CU_ASSERT_TRUE(message_has("No such file"));
	tear_down();
}

static void test_the_default_file_may_be_missing(void)
{
	if (access(CONFIG_DEFAULT_PATH, F_OK) == 0)
		suite_skip("this machine has a configuration of its own");
	set_up();
	CU_ASSERT_EQUAL(config_load(NULL, false, &config, &error), 0);
	tear_down();
}

static void test_a_directory_in_place_of_the_file_is_an_error(void)
{
	set_up();
	CU_ASSERT_EQUAL_FATAL(mkdir(path, 0755), 0);
	CU_ASSERT_EQUAL(load(), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(message_has("Is a directory"));
	tear_down();
}

static void test_an_unreadable_file_is_an_error(void)
{
	bool is_root = geteuid() == 0;

	set_up();
	write_text("plutond.conf", "");
	CU_ASSERT_EQUAL_FATAL(chmod(path, 0), 0);
	CU_ASSERT_EQUAL_FATAL(chmod(directory, 0755), 0);
	if (is_root) /* root could read it */
		CU_ASSERT_EQUAL_FATAL(seteuid(65534), 0);
	CU_ASSERT_EQUAL(load(), -PLUTON_EINVAL);
	if (is_root)
		CU_ASSERT_EQUAL_FATAL(seteuid(0), 0);
	CU_ASSERT_TRUE(message_has("Permission denied"));
	tear_down();
}

/* --- types ----------------------------------------------------------------------------------- */

static void test_sizes_take_bytes_and_k_m_g(void)
{
	load_well("[kernel]\npool = 1G\narena_min=2048\narena_limit = 128K\nwindow_max = 3M\n");
	CU_ASSERT_EQUAL(config->pool, 1u << 30);
	CU_ASSERT_EQUAL(config->arena_min, 2048);
	CU_ASSERT_EQUAL(config->arena_limit, 128u << 10);
	CU_ASSERT_EQUAL(config->window_max, 3u << 20);
	tear_down();
}

static void test_durations_take_ms_s_m_h_and_plain_milliseconds(void)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} cases[] = {{"250", 250}, {"250ms", 250}, {"2s", 2000}, {"3m", 180000}, {"1h", 3600000}};
	char text[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "[kernel]\nengine_deadline = %s\n", cases[i].text);
		load_well(text);
		CU_ASSERT_EQUAL(config->engine_deadline_ms, cases[i].ms);
		tear_down();
	}
}

static void test_bools_take_six_words_and_two_digits(void)
{
	static const char *const words[] = {"no", "yes", "off", "on", "false", "true", "0", "1"};
	char text[64];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(text, sizeof(text), "[hil]\nchecker = %s\n", words[i]);
		load_well(text);
		CU_ASSERT_EQUAL(config->checker, i % 2 == 1);
		tear_down();
	}
}

static void test_the_socket_mode_is_octal(void)
{
	load_well("[daemon]\nsocket_mode = 0640\n");
	CU_ASSERT_EQUAL(config->socket_mode, 0640);
	tear_down();
}

static void test_every_log_level_is_understood(void)
{
	static const char *const names[] = {"off", "error", "warning", "info", "debug", "trace"};
	char text[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text), "[daemon]\nlog_level = %s\n", names[i]);
		load_well(text);
		CU_ASSERT_EQUAL(config->log_level, i);
		tear_down();
	}
}

static void test_a_list_of_backends_loses_its_blanks(void)
{
	const char *cursor;
	const char *name;

	load_well("[hil]\nrng = chip , openssl\n");
	CU_ASSERT_STRING_EQUAL(config->rng, "chip,openssl");
	cursor = config->rng;
	CU_ASSERT_EQUAL(config_list_next(&cursor, &name), 4);
	CU_ASSERT_TRUE(strncmp(name, "chip", 4) == 0);
	CU_ASSERT_EQUAL(config_list_next(&cursor, &name), 7);
	CU_ASSERT_TRUE(strncmp(name, "openssl", 7) == 0);
	CU_ASSERT_EQUAL(config_list_next(&cursor, &name), 0);
	tear_down();
}

static void test_comments_blank_lines_and_indentation_are_free(void)
{
	load_well(
		"; one\n# two\n\n[kernel]\n\tpool = 2M ; three\n\t  processes_max = 7\r\n"
		"  # a comment can be longer than any line of values, as long as it needs to be to "
		"say what it has to say, and nobody will ask for less of it, not even here, where "
		"there is nothing more to be said\n"
		"inline_max = 512");
	CU_ASSERT_EQUAL(config->pool, 2u << 20);
	CU_ASSERT_EQUAL(config->processes_max, 7);
	CU_ASSERT_EQUAL(config->inline_max, 512);
	tear_down();
}

static void test_a_later_line_wins(void)
{
	load_well("[hil]\nworkers = 3\n[daemon]\n[hil]\nworkers = 4\n");
	CU_ASSERT_EQUAL(config->workers, 4);
	tear_down();
}

/* --- what is refused ------------------------------------------------------------------------- */

static void test_an_unknown_key_is_refused_with_its_line(void)
{
	check_refused("[kernel]\n\npoool = 1M\n", 3, "poool", "[kernel]");
}

static void test_a_key_of_another_section_is_refused(void)
{
	check_refused("[daemon]\npool = 1M\n", 2, "pool", "[daemon]");
}

static void test_an_unknown_section_is_refused(void)
{
	check_refused("[kernal]\npool = 1M\n", 2, "[kernal]", "[kernel]");
}

static void test_a_key_above_all_sections_is_refused(void)
{
	check_refused("pool = 1M\n", 1, "no section", "[kernel]");
}

static void test_a_key_that_inih_would_cut_off_is_refused(void)
{
	check_refused("[access]\nuser.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = all\n",
		      2, "too long", "user.aaaa");
}

static void test_a_line_without_a_value_is_refused(void)
{
	check_refused("[kernel]\npool\n", 2, "KEY = VALUE", "[SECTION]");
}

static void test_an_unfinished_section_is_refused(void)
{
	check_refused("[kernel\npool = 1M\n", 1, "KEY = VALUE", "[SECTION]");
}

static void test_a_line_that_is_too_long_is_refused(void)
{
	char text[400];
	int length = snprintf(text, sizeof(text), "[hil]\nrng = ");

	memset(text + length, 'a', 300);
	strcpy(text + length + 300, "\n");
	check_refused(text, 2, "longer than", "bytes");
}

static void test_the_first_of_two_errors_is_told(void)
{
	check_refused("[kernel]\nfirst\npool = x\n", 2, "KEY = VALUE", "");
	check_refused("[kernel]\npool = x\nsecond\n", 2, "\"x\"", "pool");
	check_refused("[kernel]\npool = x\narena_min = y\n", 2, "\"x\"", "pool");
}

static void test_wrong_sizes_are_refused(void)
{
	static const char *const wrong[] = {"",
					    "x",
					    "12Q",
					    "1 M",
					    "-1",
					    "+5M",
					    "1.5M",
					    "0x40",
					    "1MB",
					    "M",
					    "99999999999999999999",
					    "18014398509481984K"};
	char text[64];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "[kernel]\npool = %s\n", wrong[i]);
		check_refused(text, 2, "kernel.pool", "bytes, K, M or G, from 64K to 4G");
	}
}

static void test_values_out_of_range_are_refused_with_the_range(void)
{
	check_refused("[kernel]\npool = 63K\n", 2, "\"63K\" is out of range", "from 64K to 4G");
	check_refused("[kernel]\npool = 5G\n", 2, "\"5G\" is out of range", "from 64K to 4G");
	check_refused("[kernel]\ninline_max = 8193\n", 2, "out of range", "from 64 to 8192");
	check_refused("[hil]\nworkers = 0\n", 2, "out of range", "from 1 to 16");
	check_refused("[kernel]\nengine_deadline = 99ms\n", 2, "out of range", "from 100ms to 1h");
	check_refused("[daemon]\nsocket_mode = 1777\n", 2, "out of range", "0777");
}

static void test_wrong_words_are_refused(void)
{
	check_refused("[daemon]\nlog_level = loud\n", 2, "\"loud\"", "trace");
	check_refused("[kernel]\nprofile = tpm\n", 2, "\"tpm\"", "default or pluton");
	check_refused("[hil]\nchecker = maybe\n", 2, "\"maybe\"", "yes or no");
	check_refused("[daemon]\nsocket_mode = 0o66\n", 2, "\"0o66\"", "octal");
	check_refused("[daemon]\nsocket_mode = 888\n", 2, "\"888\"", "octal");
	check_refused("[kernel]\nprocesses_max = 1K\n", 2, "\"1K\"", "a number");
	check_refused("[kernel]\nengine_deadline = 5 days\n", 2, "\"5 days\"", "ms, s, m or h");
}

static void test_wrong_paths_are_refused(void)
{
	char text[256] = "[daemon]\nsocket = /";

	check_refused("[daemon]\nstate = lib/pluton\n", 2, "\"lib/pluton\"", "begins with /");
	check_refused("[daemon]\nsocket = \n", 2, "\"\"", "begins with /");
	memset(text + strlen(text), 'a', 107);
	check_refused(text, 2, "socket", "at most 107 bytes");
}

static void test_folders_are_absolute_paths_or_default(void)
{
	load_well("[app]\nfolders = /etc/my apps/app.d ,default,\t/srv/a\n");
	CU_ASSERT_STRING_EQUAL(config->app_folders, "/etc/my apps/app.d,default,/srv/a");
	tear_down();
}

static void test_there_may_be_eight_folders_of_which_default_is_two(void)
{
	load_well("[app]\nfolders = /1,/2,/3,/4,/5,/6,/7,/8\n");
	tear_down();
	load_well("[app]\nfolders = /1,/2,/3,/4,/5,/6,default\n");
	tear_down();
	check_refused("[app]\nfolders = /1,/2,/3,/4,/5,/6,/7,/8,/9\n", 2, "app.folders",
		      "at most 8, of which default is two");
	check_refused("[app]\nfolders = /1,/2,/3,/4,/5,/6,/7,default\n", 2, "app.folders",
		      "at most 8, of which default is two");
}

static void test_wrong_folders_are_refused(void)
{
	static const char *const wrong[] = {"",	   "/",	     "app.d",	   "/a,",
					    ",/a", "/a,,/b", "/a,defaults"};
	char text[64];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "[app]\nfolders = %s\n", wrong[i]);
		check_refused(text, 2, "app.folders", "paths that begin with /, or default");
	}
}

static void test_a_bus_is_a_word_or_an_address(void)
{
	static const char *const good[] = {"off", "session", "system", "unix:path=/run/bus"};
	static const char *const wrong[] = {"", "on", "tcp:host=a", "/run/bus"};
	char text[64];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "[dbus]\nbus = %s\n", good[i]);
		load_well(text);
		CU_ASSERT_STRING_EQUAL(config->bus, good[i]);
		tear_down();
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "[dbus]\nbus = %s\n", wrong[i]);
		check_refused(text, 2, "dbus.bus", "begins with unix:");
	}
}

static void test_wrong_lists_are_refused(void)
{
	static const char *const wrong[] = {"",	   ",",	   "a,",  ",a", "a,,b",
					    "a b", "Chip", "a;b", "a/b"};
	char text[64];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "[hil]\nrng = %s\n", wrong[i]);
		check_refused(text, 2, "hil.rng", "names with commas");
	}
}

static void test_a_zero_byte_is_refused(void)
{
	set_up();
	write_bytes("plutond.conf", "[hil]\n\0workers = 1\n", 20);
	CU_ASSERT_EQUAL(load(), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(message_has("zero byte"));
	tear_down();
}

static void test_a_file_of_more_than_a_mebibyte_is_refused(void)
{
	size_t size = (1u << 20) + 1;
	char *bytes = malloc(size);

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	set_up();
	memset(bytes, '\n', size);
	write_bytes("plutond.conf", bytes, size);
	free(bytes);
	CU_ASSERT_EQUAL(load(), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(message_has("larger than 1M"));
	tear_down();
}

static void test_a_silent_chip_must_be_given_up_before_its_operation_is_cancelled(void)
{
	check_refused("[hil]\ndigest = chip, openssl\n[chip]\ntimeout = 10s\nretries = 2\n", 4,
		      "these 30000ms", "engine_deadline, 30000ms");
	check_refused("[hil]\naes = openssl,chip\n[chip]\nretries = 30\n", 4, "chip.retries",
		      "these 31000ms");
	check_refused("[hil]\naes = chip\n[kernel]\nengine_deadline = 4s\n", 4,
		      "kernel.engine_deadline", "these 4000ms");
	load_well("[hil]\naes = chip\n[kernel]\nengine_deadline = 4001ms\n");
	tear_down();
	load_well("[kernel]\nengine_deadline = 4s\n[hil]\naes = openssl\n"); /* nobody has one */
	tear_down();
}

static void test_limits_that_contradict_each_other_are_refused(void)
{
	check_refused("[kernel]\narena_min = 8K\narena_limit = 4K\n", 3, "arena_limit",
		      "arena_min");
	check_refused("[kernel]\npool = 64K\narena_limit = 1M\n", 2, "pool", "arena_limit");
	check_refused("[kernel]\nwindow_max = 64M\nwindows_per_user = 1M\n", 3, "windows_per_user",
		      "window_max");
}

static void test_random_bytes_never_crash_it(void)
{
	unsigned char bytes[512];
	uint32_t seed = 1;

	for (int round = 0; round < 200; round++) {
		static const char likely[] = "[]=\n#; \tkernelpool1MKaccess.userdefault,\xff\x80\r";

		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 1664525u + 1013904223u;
			bytes[i] = (unsigned char)likely[(seed >> 16) % (sizeof(likely) - 1)];
		}
		set_up();
		write_bytes("plutond.conf", bytes, sizeof(bytes));
		CU_ASSERT_EQUAL(config_load(path, false, &config, &error), -PLUTON_EINVAL);
		CU_ASSERT_TRUE(message_has(":"));
		tear_down();
	}
}

/* --- conf.d ---------------------------------------------------------------------------------- */

static void test_conf_d_is_read_after_the_file_in_order_of_names(void)
{
	set_up();
	make_conf_d(0755);
	write_text("plutond.conf", "[hil]\nworkers = 2\naes = main\n");
	write_text("conf.d/20-b.conf", "[hil]\nworkers = 5\n");
	write_text("conf.d/10-a.conf", "[hil]\nworkers = 4\nrng = ten\n");
	write_text("conf.d/30-c.conf.disabled", "[hil]\nworkers = 6\n");
	CU_ASSERT_EQUAL_FATAL(load(), 0);
	CU_ASSERT_EQUAL(config->workers, 5);
	CU_ASSERT_STRING_EQUAL(config->rng, "ten");
	CU_ASSERT_STRING_EQUAL(config->aes, "main");
	tear_down();
}

static void test_an_error_in_conf_d_names_that_file(void)
{
	set_up();
	make_conf_d(0755);
	write_text("plutond.conf", "[hil]\nworkers = 2\n");
	write_text("conf.d/x.conf", "[hil]\n\n\nworkers = two\n");
	CU_ASSERT_EQUAL(load(), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(message_has("conf.d/x.conf:4: hil.workers"));
	tear_down();
}

static void test_a_dangling_link_in_conf_d_is_an_error(void)
{
	char file[256];

	set_up();
	make_conf_d(0755);
	write_text("plutond.conf", "");
	snprintf(file, sizeof(file), "%s/conf.d/x.conf", directory);
	CU_ASSERT_EQUAL_FATAL(symlink("/nonexistent", file), 0);
	CU_ASSERT_EQUAL(load(), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(message_has("conf.d/x.conf: cannot be read"));
	tear_down();
}

static void test_a_conf_d_that_everybody_can_write_is_refused(void)
{
	set_up();
	make_conf_d(0777);
	write_text("plutond.conf", "");
	CU_ASSERT_EQUAL(load(), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(message_has("everybody can write there (mode 0777)"));
	tear_down();
}

static void test_a_conf_d_of_another_user_is_refused(void)
{
	char file[256];

	if (geteuid() != 0)
		suite_skip("only root can give a directory away");
	set_up();
	make_conf_d(0755);
	write_text("plutond.conf", "");
	snprintf(file, sizeof(file), "%s/conf.d", directory);
	CU_ASSERT_EQUAL_FATAL(chown(file, 12345, 0), 0);
	CU_ASSERT_EQUAL(load(), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(message_has("belongs to uid 12345"));
	tear_down();
}

/* --- profiles -------------------------------------------------------------------------------- */

static void test_the_pluton_profile_sets_the_memory_of_the_chip(void)
{
	load_well("[kernel]\nprofile = pluton\n");
	CU_ASSERT_EQUAL(config->pool, 512u << 10);
	CU_ASSERT_EQUAL(config->processes_max, 64);
	CU_ASSERT_EQUAL(config->arena_limit, 65536);
	tear_down();
}

static void test_a_key_that_is_given_beats_the_profile(void)
{
	load_well("[kernel]\npool = 1M\nprofile = pluton\n");
	CU_ASSERT_EQUAL(config->pool, 1u << 20);
	CU_ASSERT_EQUAL(config->processes_max, 64);
	tear_down();
}

static void test_the_pluton_profile_is_checked_against_other_limits(void)
{
	check_refused("[kernel]\nprofile = pluton\npool = 64K\narena_limit = 1M\n", 3, "pool",
		      "arena_limit");
}

/* --- access ---------------------------------------------------------------------------------- */

static void test_access_rules_name_users_groups_and_the_rest(void)
{
	load_well("[access]\nuser.root = all\ngroup.root = rng, digest\ndefault = none\n");
	CU_ASSERT_EQUAL_FATAL(config->access_rule_count, 3);
	CU_ASSERT_EQUAL(config->access_rules[0].kind, ACCESS_DEFAULT);
	CU_ASSERT_STRING_EQUAL(config->access_rules[0].text, "none");
	CU_ASSERT_EQUAL(config->access_rules[0].line, 4);
	CU_ASSERT_EQUAL(config->access_rules[1].kind, ACCESS_USER);
	CU_ASSERT_EQUAL(config->access_rules[1].id, 0);
	CU_ASSERT_EQUAL(config->access_rules[2].kind, ACCESS_GROUP);
	CU_ASSERT_STRING_EQUAL(config->access_rules[2].text, "rng,digest");
	CU_ASSERT_STRING_EQUAL(config->access_rules[2].file, path);
	CU_ASSERT_EQUAL(config->access_rules[2].line, 3);
	tear_down();
}

static void test_access_takes_numbers_for_users_without_a_name(void)
{
	load_well("[access]\nuser.54321 = aes\n");
	CU_ASSERT_EQUAL_FATAL(config->access_rule_count, 2);
	CU_ASSERT_EQUAL(config->access_rules[1].id, 54321);
	tear_down();
}

static void test_a_later_rule_for_the_same_user_replaces_the_earlier(void)
{
	load_well("[access]\nuser.root = aes\nuser.0 = rng\n");
	CU_ASSERT_EQUAL_FATAL(config->access_rule_count, 2);
	CU_ASSERT_STRING_EQUAL(config->access_rules[1].text, "rng");
	CU_ASSERT_STRING_EQUAL(config->access_rules[1].key, "user.0");
	tear_down();
}

static void test_unknown_users_and_groups_are_refused(void)
{
	check_refused("[access]\nuser.no-such-user = all\n", 2, "user.no-such-user", "no user");
	check_refused("[access]\ngroup.no-such-group = all\n", 2, "group.no-such-group",
		      "no group");
	check_refused("[access]\nuser. = all\n", 2, "access.user.", "no user");
	check_refused("[access]\nuser.-1 = all\n", 2, "user.-1", "no user");
	check_refused("[access]\nuser.4294967295 = all\n", 2, "user.4294967295", "no user");
}

static void test_wrong_access_lines_are_refused(void)
{
	check_refused("[access]\nroot = all\n", 2, "access.root", "user.NAME");
	check_refused("[access]\ndefault = all, aes\n", 2, "\"all, aes\"", "all, none");
	check_refused("[access]\ndefault = aes,none\n", 2, "\"aes,none\"", "all, none");
	check_refused("[access]\ndefault = \n", 2, "access.default", "all, none");
}

/* --- options --------------------------------------------------------------------------------- */

static void test_an_option_beats_the_file_and_is_named_in_errors(void)
{
	load_well("[daemon]\nstate = /a\n");
	CU_ASSERT_EQUAL(config_set(config, "daemon", "state", "/b", "--state", &error), 0);
	CU_ASSERT_STRING_EQUAL(config->state, "/b");
	CU_ASSERT_EQUAL(config_set(config, "daemon", "log_level", "x", "--log-level", &error),
			-PLUTON_EINVAL);
	CU_ASSERT_TRUE(strncmp(error.message, "--log-level: daemon.log_level: \"x\"", 34) == 0);
	CU_ASSERT_EQUAL(config->log_level, PLUTON_LOG_INFO);
	tear_down();
}

static void test_a_complaint_names_the_line_that_set_the_key(void)
{
	char where[160];

	load_well("[hil]\n\nrng = chip\n");
	CU_ASSERT_EQUAL(config_complain(config, "hil", "rng", &error, "no backend %s", "chip"),
			-PLUTON_EINVAL);
	snprintf(where, sizeof(where), "%s:3: hil.rng: no backend chip", path);
	CU_ASSERT_STRING_EQUAL(error.message, where);
	config_complain(config, "hil", "aes", &error, "no backend");
	CU_ASSERT_STRING_EQUAL(error.message, "default: hil.aes: no backend");
	tear_down();
}

/* --- the system's service --------------------------------------------------------------------- */

static const struct access_rule *rule_of(const char *key)
{
	for (size_t i = 0; config && i < config->access_rule_count; i++) {
		if (strcmp(config->access_rules[i].key, key) == 0)
			return &config->access_rules[i];
	}
	return NULL;
}

static const char *text_of(const char *key)
{
	const struct access_rule *rule = rule_of(key);

	return rule ? rule->text : NULL;
}

static void test_the_system_s_service_is_on_the_bus_and_has_systemd_start_apps(void)
{
	set_up();
	CU_ASSERT_EQUAL_FATAL(load_for_system(""), 0);
	CU_ASSERT_STRING_EQUAL(config->bus, "system");
	CU_ASSERT_STRING_EQUAL(config->app, "systemd");
	CU_ASSERT_STRING_EQUAL(config->state, "/var/lib/pluton");
	tear_down();
}

static void test_the_system_s_service_is_for_root_and_its_group(void)
{
	set_up();
	CU_ASSERT_EQUAL_FATAL(load_for_system(""), 0);
	CU_ASSERT_EQUAL_FATAL(config->access_rule_count, 3);
	CU_ASSERT_EQUAL(config->access_rules[0].kind, ACCESS_DEFAULT);
	CU_ASSERT_STRING_EQUAL(text_of("default"), "none");
	CU_ASSERT_STRING_EQUAL_FATAL(text_of("user.root"), "all");
	CU_ASSERT_EQUAL(rule_of("user.root")->id, 0);
	CU_ASSERT_STRING_EQUAL_FATAL(text_of("group.pluton"), "all");
	CU_ASSERT_EQUAL(rule_of("group.pluton")->id, 987);
	tear_down();
}

static void test_a_file_beats_the_defaults_of_the_system_s_service(void)
{
	set_up();
	CU_ASSERT_EQUAL_FATAL(load_for_system("[hil]\napp = fork\n[dbus]\nbus = off\n"
					      "[access]\ndefault = rng\nuser.0 = aes\n"
					      "group.pluton = digest\n"),
			      0);
	CU_ASSERT_STRING_EQUAL(config->bus, "off");
	CU_ASSERT_STRING_EQUAL(config->app, "fork");
	CU_ASSERT_EQUAL(config->access_rule_count, 3);
	CU_ASSERT_STRING_EQUAL(text_of("default"), "rng");
	CU_ASSERT_STRING_EQUAL(text_of("user.0"), "aes");
	CU_ASSERT_STRING_EQUAL(text_of("group.pluton"), "digest");
	tear_down();
}

static void test_a_file_can_name_the_service_s_group_by_its_number(void)
{
	set_up();
	CU_ASSERT_EQUAL_FATAL(load_for_system("[access]\ngroup.987 = none\n"), 0);
	CU_ASSERT_EQUAL(config->access_rule_count, 3);
	CU_ASSERT_STRING_EQUAL(text_of("group.987"), "none");
	tear_down();
}

static void test_a_group_with_very_many_members_is_found(void)
{
	set_up();
	pluton_group_size = 1000000;
	CU_ASSERT_EQUAL_FATAL(load_for_system(""), 0);
	CU_ASSERT_EQUAL(rule_of("group.pluton")->id, 987);
	tear_down();
}

static void test_without_the_service_s_group_it_is_said_how_to_make_it_and_how_to_do_without(void)
{
	set_up();
	has_pluton_group = false;
	CU_ASSERT_EQUAL(load_for_system(""), -PLUTON_EINVAL);
	CU_ASSERT_PTR_NULL(config);
	CU_ASSERT_TRUE(message_has("--system"));
	CU_ASSERT_TRUE(message_has("there is no group pluton"));
	CU_ASSERT_TRUE(message_has("systemd-sysusers"));
	CU_ASSERT_TRUE(message_has("addgroup --system pluton"));
	CU_ASSERT_TRUE(message_has("group.pluton = none"));
	tear_down();
}

static void test_a_file_can_do_without_the_service_s_group(void)
{
	set_up();
	has_pluton_group = false;
	CU_ASSERT_EQUAL_FATAL(load_for_system("[access]\ngroup.pluton = none\n"), 0);
	CU_ASSERT_STRING_EQUAL(text_of("group.pluton"), "none");
	CU_ASSERT_EQUAL(rule_of("group.pluton")->id, UINT32_MAX); /* nobody is in it */
	tear_down();
}

static void test_a_file_that_gives_something_to_a_missing_group_is_refused(void)
{
	set_up();
	has_pluton_group = false;
	CU_ASSERT_EQUAL(load_for_system("[access]\ngroup.pluton = rng\n"), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(message_has("plutond.conf:2: "));
	CU_ASSERT_TRUE(message_has("there is no group pluton"));
	tear_down();
}

static void test_only_the_system_s_service_needs_its_group_or_knows_it(void)
{
	set_up();
	has_pluton_group = false;
	write_text("plutond.conf", "");
	CU_ASSERT_EQUAL_FATAL(load(), 0);
	CU_ASSERT_EQUAL(config->access_rule_count, 1);
	config_free(config);
	config = NULL;
	write_text("plutond.conf", "[access]\ngroup.pluton = none\n");
	CU_ASSERT_EQUAL(load(), -PLUTON_EINVAL);
	tear_down();
}

static void test_a_complaint_about_a_default_of_the_service_names_the_option(void)
{
	set_up();
	CU_ASSERT_EQUAL_FATAL(load_for_system(""), 0);
	config_complain(config, "hil", "app", &error, "no such backend");
	CU_ASSERT_STRING_EQUAL(error.message, "--system: hil.app: no such backend");
	tear_down();
}

/* --- reloading ------------------------------------------------------------------------------- */

static char restart_keys[256];

static void note_restart(const char *key, void *context)
{
	(void)context;
	strcat(restart_keys, key);
	strcat(restart_keys, " ");
}

static size_t reload_with(const char *text)
{
	struct config *fresh = NULL;
	size_t moved;

	restart_keys[0] = '\0';
	write_text("plutond.conf", text);
	CU_ASSERT_EQUAL_FATAL(config_load(path, false, &fresh, &error), 0);
	moved = config_reloadable_changes(config, fresh, note_restart, NULL);
	config_free(fresh);
	return moved;
}

static void test_reloading_the_same_file_changes_nothing(void)
{
	load_well("[kernel]\npool = 1M\n[access]\nuser.root = aes\n");
	CU_ASSERT_EQUAL(reload_with("[kernel]\npool = 1024K\n[access]\nuser.0 = aes\n"), 0);
	CU_ASSERT_STRING_EQUAL(restart_keys, "");
	tear_down();
}

static void test_reloading_takes_over_what_can_change(void)
{
	load_well("");
	CU_ASSERT_EQUAL(reload_with("[daemon]\nlog_level = debug\n"
				    "[kernel]\noperations_per_process = 3\n"
				    "[access]\ndefault = none\nuser.root = all\n"),
			3);
	CU_ASSERT_STRING_EQUAL(restart_keys, "");
	CU_ASSERT_EQUAL(config->log_level, PLUTON_LOG_DEBUG);
	CU_ASSERT_EQUAL(config->operations_per_process, 3);
	CU_ASSERT_EQUAL_FATAL(config->access_rule_count, 2);
	CU_ASSERT_STRING_EQUAL(config->access_rules[0].text, "none");
	tear_down();
}

static void test_reloading_reports_what_needs_a_restart(void)
{
	load_well("");
	CU_ASSERT_EQUAL(reload_with("[daemon]\nsocket = /x\n[kernel]\npool = 1M\n"), 0);
	CU_ASSERT_STRING_EQUAL(restart_keys, "daemon.socket kernel.pool ");
	CU_ASSERT_STRING_EQUAL(config->socket, "/run/pluton/pluton.sock");
	CU_ASSERT_EQUAL(config->pool, 64u << 20);
	tear_down();
}

/* --- printing -------------------------------------------------------------------------------- */

static void dump_into_file(const struct config *from)
{
	FILE *out = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT_EQUAL(config_dump(from, out), 0);
	fclose(out);
}

static void test_a_dump_can_be_read_again_and_means_the_same(void)
{
	struct config *again = NULL;

	load_well("[daemon]\nsocket_mode = 0600\nlog_level = trace\n"
		  "[kernel]\nprofile = pluton\nengine_deadline = 1500ms\narena_limit = 5000\n"
		  "[hil]\nchecker = yes\nrng = a, b\n"
		  "[access]\ndefault = none\ngroup.root = aes, rng\n");
	dump_into_file(config);
	CU_ASSERT_EQUAL_FATAL(config_load(path, false, &again, &error), 0);
	for (const struct config_key *key = config_keys; key->name; key++)
		CU_ASSERT_TRUE(config_key_equal(key, config, again));
	CU_ASSERT_TRUE(config_access_equal(config, again));
	config_free(again);
	tear_down();
}

static void test_a_dump_says_where_a_value_was_set(void)
{
	char buf[16384];
	FILE *in;

	load_well("[hil]\nworkers = 3\n");
	dump_into_file(config);
	in = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	buf[fread(buf, 1, sizeof(buf) - 1, in)] = '\0';
	fclose(in);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf, "/plutond.conf:2\nworkers = 3\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf, "# Default: 64M\npool = 64M\n"));
	tear_down();
}

/* What a dump of `config` says, in `path` afterwards too. */
static const char *dumped(void)
{
	static char buf[16384];
	FILE *in;

	dump_into_file(config);
	in = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	buf[fread(buf, 1, sizeof(buf) - 1, in)] = '\0';
	fclose(in);
	return buf;
}

static void test_a_dump_for_the_system_says_what_comes_from_the_option(void)
{
	const char *text;

	set_up();
	CU_ASSERT_EQUAL_FATAL(load_for_system("[dbus]\nbus = session\n"), 0);
	text = dumped();
	CU_ASSERT_PTR_NOT_NULL(strstr(
		text,
		"# Default: systemd; fork without --system\n# Set by --system\napp = systemd"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "# Default: system; off without --system\n# Set at "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "# Set by --system\ndefault = none\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "# Set by --system\nuser.root = all\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "# Set by --system\ngroup.pluton = all\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, "# Default: none; all for user.root and group.pluton\n"));
	tear_down();
}

static void test_a_dump_for_the_system_can_be_read_again_and_means_the_same(void)
{
	struct config *again = NULL;

	set_up();
	has_pluton_group = false;
	CU_ASSERT_EQUAL_FATAL(load_for_system("[access]\ngroup.pluton = none\n"), 0);
	dump_into_file(config);
	CU_ASSERT_EQUAL_FATAL(config_load(path, true, &again, &error), 0);
	CU_ASSERT_EQUAL(config_reloadable_changes(config, again, note_restart, NULL), 0);
	config_free(again);
	tear_down();
}

static void test_a_dump_into_a_full_device_fails(void)
{
	FILE *full = fopen("/dev/full", "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(full);
	load_well("");
	CU_ASSERT_EQUAL(config_dump(config, full), -PLUTON_EFAIL);
	fclose(full);
	tear_down();
}

static const struct test tests[] = {
	TEST(test_an_empty_file_gives_the_defaults),
	TEST(test_an_empty_file_gives_the_defaults_of_loop_and_engines),
	TEST(test_without_access_section_everybody_may_use_everything),
	TEST(test_a_named_file_that_is_missing_is_an_error),
	TEST(test_the_default_file_may_be_missing),
	TEST(test_a_directory_in_place_of_the_file_is_an_error),
	TEST(test_an_unreadable_file_is_an_error),
	TEST(test_sizes_take_bytes_and_k_m_g),
	TEST(test_durations_take_ms_s_m_h_and_plain_milliseconds),
	TEST(test_bools_take_six_words_and_two_digits),
	TEST(test_the_socket_mode_is_octal),
	TEST(test_every_log_level_is_understood),
	TEST(test_a_list_of_backends_loses_its_blanks),
	TEST(test_comments_blank_lines_and_indentation_are_free),
	TEST(test_a_later_line_wins),
	TEST(test_an_unknown_key_is_refused_with_its_line),
	TEST(test_a_key_of_another_section_is_refused),
	TEST(test_an_unknown_section_is_refused),
	TEST(test_a_key_above_all_sections_is_refused),
	TEST(test_a_key_that_inih_would_cut_off_is_refused),
	TEST(test_a_line_without_a_value_is_refused),
	TEST(test_an_unfinished_section_is_refused),
	TEST(test_a_line_that_is_too_long_is_refused),
	TEST(test_the_first_of_two_errors_is_told),
	TEST(test_wrong_sizes_are_refused),
	TEST(test_values_out_of_range_are_refused_with_the_range),
	TEST(test_wrong_words_are_refused),
	TEST(test_wrong_paths_are_refused),
	TEST(test_folders_are_absolute_paths_or_default),
	TEST(test_there_may_be_eight_folders_of_which_default_is_two),
	TEST(test_wrong_folders_are_refused),
	TEST(test_a_bus_is_a_word_or_an_address),
	TEST(test_wrong_lists_are_refused),
	TEST(test_a_zero_byte_is_refused),
	TEST(test_a_file_of_more_than_a_mebibyte_is_refused),
	TEST(test_a_silent_chip_must_be_given_up_before_its_operation_is_cancelled),
	TEST(test_limits_that_contradict_each_other_are_refused),
	TEST(test_random_bytes_never_crash_it),
	TEST(test_conf_d_is_read_after_the_file_in_order_of_names),
	TEST(test_an_error_in_conf_d_names_that_file),
	TEST(test_a_dangling_link_in_conf_d_is_an_error),
	TEST(test_a_conf_d_that_everybody_can_write_is_refused),
	TEST(test_a_conf_d_of_another_user_is_refused),
	TEST(test_the_pluton_profile_sets_the_memory_of_the_chip),
	TEST(test_a_key_that_is_given_beats_the_profile),
	TEST(test_the_pluton_profile_is_checked_against_other_limits),
	TEST(test_access_rules_name_users_groups_and_the_rest),
	TEST(test_access_takes_numbers_for_users_without_a_name),
	TEST(test_a_later_rule_for_the_same_user_replaces_the_earlier),
	TEST(test_unknown_users_and_groups_are_refused),
	TEST(test_wrong_access_lines_are_refused),
	TEST(test_the_system_s_service_is_on_the_bus_and_has_systemd_start_apps),
	TEST(test_the_system_s_service_is_for_root_and_its_group),
	TEST(test_a_file_beats_the_defaults_of_the_system_s_service),
	TEST(test_a_file_can_name_the_service_s_group_by_its_number),
	TEST(test_a_group_with_very_many_members_is_found),
	TEST(test_without_the_service_s_group_it_is_said_how_to_make_it_and_how_to_do_without),
	TEST(test_a_file_can_do_without_the_service_s_group),
	TEST(test_a_file_that_gives_something_to_a_missing_group_is_refused),
	TEST(test_only_the_system_s_service_needs_its_group_or_knows_it),
	TEST(test_a_complaint_about_a_default_of_the_service_names_the_option),
	TEST(test_an_option_beats_the_file_and_is_named_in_errors),
	TEST(test_a_complaint_names_the_line_that_set_the_key),
	TEST(test_reloading_the_same_file_changes_nothing),
	TEST(test_reloading_takes_over_what_can_change),
	TEST(test_reloading_reports_what_needs_a_restart),
	TEST(test_a_dump_can_be_read_again_and_means_the_same),
	TEST(test_a_dump_says_where_a_value_was_set),
	TEST(test_a_dump_for_the_system_says_what_comes_from_the_option),
	TEST(test_a_dump_for_the_system_can_be_read_again_and_means_the_same),
	TEST(test_a_dump_into_a_full_device_fails),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "config", tests, TESTS_COUNT(tests));
}
