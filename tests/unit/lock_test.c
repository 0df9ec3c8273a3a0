/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks: one holder at a time, who is named; what a dead holder left behind holds nobody off.
 * Locks belong to open files, so that two attempts in one process conflict as two processes do.
 */
#include "daemon/lock.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pluton/error.h>

#include "tests/suite.h"

static char directory[64];
static char state[128];
static char socket_path[128];
static struct lock lock;
static struct lock_error error;

static void set_up(void)
{
	strcpy(directory, "/tmp/pluton-lock-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
	snprintf(state, sizeof(state), "%s/state", directory);
	snprintf(socket_path, sizeof(socket_path), "%s/run/pluton.sock", directory);
	lock = LOCK_NONE;
	memset(&error, 0, sizeof(error));
}

static void tear_down(void)
{
	char command[256];

	lock_release(&lock);
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	CU_ASSERT_EQUAL(system(command), 0);
}

static bool message_has(const char *part)
{
	return strstr(error.message, part) != NULL;
}

static mode_t mode_of(const char *path)
{
	struct stat status = {0};

	CU_ASSERT_EQUAL(stat(path, &status), 0);
	return status.st_mode & 07777;
}

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	fputs(text, out);
	fclose(out);
}

/* --- the state directory --------------------------------------------------------------------- */

static void test_a_missing_state_directory_is_made_for_us_alone(void)
{
	mode_t before = umask(0);

	set_up();
	CU_ASSERT_EQUAL(lock_state(state, &lock, &error), 0);
	CU_ASSERT_EQUAL(mode_of(state), 0700);
	umask(before);
	tear_down();
}

static void test_a_second_holder_of_a_state_directory_is_refused_and_told_of_the_first(void)
{
	struct lock second = LOCK_NONE;
	char holder[64];

	set_up();
	CU_ASSERT_EQUAL(lock_state(state, &lock, &error), 0);
	CU_ASSERT_EQUAL(lock_state(state, &second, &error), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(second.fd, -1);
	snprintf(holder, sizeof(holder), "process %d (", (int)getpid());
	CU_ASSERT_TRUE(message_has(holder));
	CU_ASSERT_TRUE(message_has("lock_test"));
	CU_ASSERT_TRUE(message_has(state));
	tear_down();
}

static void test_a_released_lock_can_be_taken_again(void)
{
	set_up();
	CU_ASSERT_EQUAL(lock_state(state, &lock, &error), 0);
	lock_release(&lock);
	lock_release(&lock);
	CU_ASSERT_EQUAL(lock_state(state, &lock, &error), 0);
	tear_down();
}

static void test_a_lock_ends_with_its_process(void)
{
	int status;
	pid_t child;

	set_up();
	child = fork();
	if (child == 0) {
		if (lock_state(state, &lock, &error) == 0)
			raise(SIGKILL);
		_exit(1);
	}
	waitpid(child, &status, 0);
	CU_ASSERT_TRUE(WIFSIGNALED(status));
	CU_ASSERT_EQUAL(lock_state(state, &lock, &error), 0);
	tear_down();
}

static void test_a_file_left_behind_with_a_living_pid_holds_nobody_off(void)
{
	char file[160];
	char text[64] = "";
	FILE *in;

	set_up();
	CU_ASSERT_EQUAL_FATAL(mkdir(state, 0700), 0);
	snprintf(file, sizeof(file), "%s/lock", state);
	write_file(file, "1\nmore than a pid\n");
	CU_ASSERT_EQUAL(lock_state(state, &lock, &error), 0);
	in = fopen(file, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	CU_ASSERT_PTR_NOT_NULL(fgets(text, sizeof(text), in));
	CU_ASSERT_EQUAL(atoi(text), getpid());
	CU_ASSERT_PTR_NULL(fgets(text, sizeof(text), in));
	fclose(in);
	tear_down();
}

static void test_a_holder_without_a_pid_in_the_file_is_still_refused(void)
{
	struct lock second = LOCK_NONE;
	char file[160];

	set_up();
	CU_ASSERT_EQUAL(lock_state(state, &lock, &error), 0);
	snprintf(file, sizeof(file), "%s/lock", state);
	write_file(file, "");
	CU_ASSERT_EQUAL(lock_state(state, &second, &error), -PLUTON_EBUSY);
	CU_ASSERT_TRUE(message_has("another process holds this state directory"));
	tear_down();
}

static void test_a_state_directory_that_others_can_write_is_refused(void)
{
	set_up();
	CU_ASSERT_EQUAL_FATAL(mkdir(state, 0700), 0);
	chmod(state, 0770);
	CU_ASSERT_EQUAL(lock_state(state, &lock, &error), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(message_has("others can write there (mode 0770)"));
	chmod(state, 0702);
	CU_ASSERT_EQUAL(lock_state(state, &lock, &error), -PLUTON_EINVAL);
	chmod(state, 0755);
	CU_ASSERT_EQUAL(lock_state(state, &lock, &error), 0);
	tear_down();
}

static void test_a_state_directory_of_another_user_is_refused(void)
{
	if (geteuid() != 0)
		suite_skip("only root can give a directory away");
	set_up();
	CU_ASSERT_EQUAL_FATAL(mkdir(state, 0700), 0);
	CU_ASSERT_EQUAL_FATAL(chown(state, 12345, 0), 0);
	CU_ASSERT_EQUAL(lock_state(state, &lock, &error), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(message_has("belongs to uid 12345"));
	tear_down();
}

static void test_a_file_in_place_of_the_state_directory_is_refused(void)
{
	set_up();
	write_file(state, "");
	CU_ASSERT_EQUAL(lock_state(state, &lock, &error), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(message_has("is no directory"));
	tear_down();
}

static void test_a_state_directory_without_a_parent_is_refused(void)
{
	char deep[160];

	set_up();
	snprintf(deep, sizeof(deep), "%s/a/b", state);
	CU_ASSERT_EQUAL(lock_state(deep, &lock, &error), -PLUTON_EFAIL);
	CU_ASSERT_TRUE(message_has("cannot be made: No such file"));
	tear_down();
}

static void test_a_lock_file_that_is_a_link_is_not_followed(void)
{
	char file[160];
	char target[160];

	set_up();
	CU_ASSERT_EQUAL_FATAL(mkdir(state, 0700), 0);
	snprintf(file, sizeof(file), "%s/lock", state);
	snprintf(target, sizeof(target), "%s/precious", directory);
	write_file(target, "kept");
	CU_ASSERT_EQUAL_FATAL(symlink(target, file), 0);
	CU_ASSERT_EQUAL(lock_state(state, &lock, &error), -PLUTON_EFAIL);
	tear_down();
}

static void test_a_state_directory_in_which_nothing_can_be_written_is_refused_and_stays_free(void)
{
	struct rlimit before, none;
	char probe[160];

	set_up();
	CU_ASSERT_EQUAL_FATAL(mkdir(state, 0700), 0);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){0, before.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &none), 0);
	CU_ASSERT_EQUAL(lock_state(state, &lock, &error), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	CU_ASSERT_TRUE(message_has("nothing can be written there: File too large; make room"));
	CU_ASSERT_EQUAL(lock.fd, -1);
	snprintf(probe, sizeof(probe), "%s/probe", state);
	CU_ASSERT_NOT_EQUAL(access(probe, F_OK), 0);
	CU_ASSERT_EQUAL(lock_state(state, &lock, &error), 0);
	CU_ASSERT_NOT_EQUAL(access(probe, F_OK), 0);
	tear_down();
}

static void test_a_probe_that_a_killed_daemon_left_is_in_nobodys_way(void)
{
	char probe[160];

	set_up();
	CU_ASSERT_EQUAL_FATAL(mkdir(state, 0700), 0);
	snprintf(probe, sizeof(probe), "%s/probe", state);
	write_file(probe, "half of it");
	CU_ASSERT_EQUAL(lock_state(state, &lock, &error), 0);
	CU_ASSERT_NOT_EQUAL(access(probe, F_OK), 0);
	tear_down();
}

/* --- the socket ------------------------------------------------------------------------------ */

static void test_a_missing_directory_of_the_socket_is_made_for_everybody_to_enter(void)
{
	char parent[160];
	mode_t before = umask(077);

	set_up();
	snprintf(parent, sizeof(parent), "%s/run", directory);
	CU_ASSERT_EQUAL(lock_socket(socket_path, &lock, &error), 0);
	CU_ASSERT_EQUAL(mode_of(parent), 0755);
	umask(before);
	tear_down();
}

static void test_a_second_holder_of_a_socket_is_refused_and_told_of_the_first(void)
{
	struct lock second = LOCK_NONE;
	char holder[64];

	set_up();
	CU_ASSERT_EQUAL(lock_socket(socket_path, &lock, &error), 0);
	CU_ASSERT_EQUAL(lock_socket(socket_path, &second, &error), -PLUTON_EBUSY);
	snprintf(holder, sizeof(holder), "process %d (", (int)getpid());
	CU_ASSERT_TRUE(message_has(holder));
	CU_ASSERT_TRUE(message_has("holds this socket"));
	tear_down();
}

static void test_two_sockets_in_one_directory_do_not_meet(void)
{
	struct lock second = LOCK_NONE;
	char other[160];

	set_up();
	snprintf(other, sizeof(other), "%s/run/other.sock", directory);
	CU_ASSERT_EQUAL(lock_socket(socket_path, &lock, &error), 0);
	CU_ASSERT_EQUAL(lock_socket(other, &second, &error), 0);
	lock_release(&second);
	tear_down();
}

static void test_the_lock_is_not_inherited_by_a_program_that_is_started(void)
{
	set_up();
	CU_ASSERT_EQUAL(lock_socket(socket_path, &lock, &error), 0);
	CU_ASSERT_EQUAL(system("test -z \"$(ls -l /proc/self/fd | grep sock.lock)\""), 0);
	tear_down();
}

static const struct test tests[] = {
	TEST(test_a_missing_state_directory_is_made_for_us_alone),
	TEST(test_a_second_holder_of_a_state_directory_is_refused_and_told_of_the_first),
	TEST(test_a_released_lock_can_be_taken_again),
	TEST(test_a_lock_ends_with_its_process),
	TEST(test_a_file_left_behind_with_a_living_pid_holds_nobody_off),
	TEST(test_a_holder_without_a_pid_in_the_file_is_still_refused),
	TEST(test_a_state_directory_that_others_can_write_is_refused),
	TEST(test_a_state_directory_of_another_user_is_refused),
	TEST(test_a_file_in_place_of_the_state_directory_is_refused),
	TEST(test_a_state_directory_without_a_parent_is_refused),
	TEST(test_a_lock_file_that_is_a_link_is_not_followed),
	TEST(test_a_state_directory_in_which_nothing_can_be_written_is_refused_and_stays_free),
	TEST(test_a_probe_that_a_killed_daemon_left_is_in_nobodys_way),
	TEST(test_a_missing_directory_of_the_socket_is_made_for_everybody_to_enter),
	TEST(test_a_second_holder_of_a_socket_is_refused_and_told_of_the_first),
	TEST(test_two_sockets_in_one_directory_do_not_meet),
	TEST(test_the_lock_is_not_inherited_by_a_program_that_is_started),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "lock", tests, TESTS_COUNT(tests));
}
