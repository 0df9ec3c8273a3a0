/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a disk can do to the files engine: be full, read-only or closed to it, and hold files that
 * are not what they were. All of it is an error with a sentence that names the file; nothing of it
 * is taken for a missing area, or overwritten.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/nv/bench.h"
#include "tests/suite.h"

#define FILE_SIZE_MAX 1024u
#define NOBODY 65534u

static struct nv_bench bench;
static struct nv_status status;

/* --- files ----------------------------------------------------------------------------------- */

struct file {
	uint8_t bytes[FILE_SIZE_MAX];
	size_t size;
};

static void load(const char *path, struct file *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ret->size = (size_t)read(fd, ret->bytes, sizeof(ret->bytes));
	close(fd);
}

static void store(const char *path, const struct file *file)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, file->bytes, file->size) != (ssize_t)file->size)
		abort();
	close(fd);
}

static bool same(const char *path, const struct file *file)
{
	struct file now;

	load(path, &now);
	return now.size == file->size && memcmp(now.bytes, file->bytes, now.size) == 0;
}

/* Every action that reads or replaces the data of Alice's area a is refused, with a sentence. */
static void expect_refused(const char *why)
{
	struct nv_list_of_changes changes = {0};
	char byte;

	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", 0, &byte, 1), -PLUTON_EFAIL);
	if (!strstr(bench.why, why))
		printf("# \"%s\" instead of \"%s\"\n", bench.why, why);
	CU_ASSERT_PTR_NOT_NULL(strstr(bench.why, why));
	CU_ASSERT_PTR_NOT_NULL(strstr(bench.why, nv_bench_path(&bench, ALICE, "a")));
	CU_ASSERT_PTR_NOT_NULL(strstr(bench.why, "; "));
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "new"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(nv_write(&bench, ALICE, "a", 0, "x", 1), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(nv_delete(&bench, ALICE, "a"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "a", NV_LOCK_WRITE), -PLUTON_EFAIL);
	nv_changes_put(&changes, "b", "new");
	nv_changes_delete(&changes, "a");
	CU_ASSERT_EQUAL(nv_commit(&bench, ALICE, &changes), -PLUTON_EFAIL);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "b", "good"));
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "c", "another"), 0);
}

static void open_with_two(char path[256], struct file *ret)
{
	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "data!"), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "b", "good"), 0);
	snprintf(path, 256, "%s", nv_bench_path(&bench, ALICE, "a"));
	load(path, ret);
	CU_ASSERT_EQUAL(ret->size, 261);
}

static void test_a_file_with_any_bit_changed_is_refused_and_left_alone(void)
{
	struct file good;
	char path[256];

	open_with_two(path, &good);
	for (size_t at = 0; at < good.size; at++) {
		struct file bad = good;

		bad.bytes[at] ^= (uint8_t)(1u << at % 8);
		store(path, &bad);
		expect_refused(at >= 8 && at < 12 && bad.bytes[at] ? "newer Pluton" : "damaged");
		CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "a", 1),
				at < 256 ? -PLUTON_EFAIL : -PLUTON_EALREADY);
		CU_ASSERT_TRUE(same(path, &bad));
	}
	store(path, &good);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "data!"));
	nv_bench_close(&bench);
}

static void test_a_file_that_is_too_short_or_too_long_is_refused_and_left_alone(void)
{
	struct file good;
	char path[256];

	open_with_two(path, &good);
	for (size_t size = 0; size <= good.size + 1; size++) {
		struct file bad = good;

		if (size == good.size)
			continue;
		bad.size = size;
		store(path, &bad);
		expect_refused("damaged");
		CU_ASSERT_TRUE(same(path, &bad));
	}
	nv_bench_close(&bench);
}

static void test_a_file_of_a_newer_version_is_refused_and_says_which(void)
{
	struct file good, newer = {.bytes = "PLUTONNV\x02", .size = 300};
	char path[256];

	open_with_two(path, &good);
	store(path, &newer);
	expect_refused("written by a newer Pluton (format 2, this one knows 1); install that one");
	CU_ASSERT_TRUE(same(path, &newer));
	nv_bench_close(&bench);
}

static void test_a_damaged_area_is_listed_as_damaged_and_counts(void)
{
	struct nv_status rows[3];
	struct file good, bad = {.bytes = "not an area", .size = 1000};
	char path[256];

	open_with_two(path, &good);
	store(path, &bad);
	CU_ASSERT_EQUAL(nv_list(&bench, ALICE, 0, rows, 3), 2);
	CU_ASSERT_STRING_EQUAL(rows[0].name, "a");
	CU_ASSERT_EQUAL(rows[0].locks, NV_DAMAGED);
	CU_ASSERT_EQUAL(rows[1].locks, 0);
	bench.quota.areas = 2;
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "c", "x"), -PLUTON_ENOMEM);
	bench.quota = (struct nv_quota){64, 1024, 1005};
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "c", "xy"), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "c", "x"), 0);
	nv_bench_close(&bench);
}

static void test_a_file_of_another_owner_or_name_is_refused(void)
{
	char path[256], other[256];
	struct file good, his;

	open_with_two(path, &good);
	CU_ASSERT_EQUAL(nv_put_text(&bench, BOB, "a", "his"), 0);
	load(nv_bench_path(&bench, BOB, "a"), &his);
	store(path, &his);
	expect_refused("another area's file");
	snprintf(other, sizeof(other), "%s", nv_bench_path(&bench, ALICE, "b"));
	load(other, &his);
	store(path, &his);
	expect_refused("another area's file");
	nv_bench_close(&bench);
}

static void test_links_folders_and_pipes_are_refused_and_not_followed(void)
{
	struct file good;
	char path[256], other[256];

	open_with_two(path, &good);
	snprintf(other, sizeof(other), "%s/outside", bench.state);
	CU_ASSERT_EQUAL(rename(path, other), 0);
	CU_ASSERT_EQUAL(symlink(other, path), 0);
	expect_refused("cannot be opened");
	CU_ASSERT_TRUE(same(other, &good));
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	expect_refused("is no file");
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	expect_refused("is no file");
	nv_bench_close(&bench);
}

static void test_files_that_others_could_have_written_are_refused(void)
{
	struct file good;
	char path[256];

	open_with_two(path, &good);
	CU_ASSERT_EQUAL(chmod(path, 0620), 0);
	expect_refused("others can write it");
	CU_ASSERT_EQUAL(chmod(path, 0602), 0);
	expect_refused("others can write it");
	CU_ASSERT_EQUAL(chmod(path, 0640), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "data!"));
	if (geteuid() == 0) {
		CU_ASSERT_EQUAL(chown(path, NOBODY, NOBODY), 0);
		expect_refused("belongs to uid 65534, the daemon runs as uid 0");
	}
	nv_bench_close(&bench);
}

static void test_folders_that_others_can_write_are_refused(void)
{
	struct file good;
	char path[256], byte;

	open_with_two(path, &good);
	CU_ASSERT_EQUAL(chmod(nv_bench_path(&bench, ALICE, NULL), 0770), 0);
	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", 0, &byte, 1), -PLUTON_EFAIL);
	CU_ASSERT_PTR_NOT_NULL(strstr(bench.why, "others can write there (mode 0770)"));
	CU_ASSERT_EQUAL(nv_put_text(&bench, BOB, "a", "his"), 0);
	CU_ASSERT_EQUAL(chmod(nv_bench_path(&bench, NULL, NULL), 0777), 0);
	CU_ASSERT_EQUAL(nv_read(&bench, BOB, "a", 0, &byte, 1), -PLUTON_EFAIL);
	nv_bench_close(&bench);
}

static void test_a_folder_that_is_a_link_is_refused_and_not_followed(void)
{
	char folder[256], outside[256], byte;

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, BOB, "a", "his"), 0);
	snprintf(folder, sizeof(folder), "%s", nv_bench_path(&bench, ALICE, NULL));
	snprintf(outside, sizeof(outside), "%s", nv_bench_path(&bench, BOB, NULL));
	CU_ASSERT_EQUAL(symlink(outside, folder), 0);
	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", 0, &byte, 1), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "hers"), -PLUTON_EFAIL);
	CU_ASSERT_TRUE(nv_holds(&bench, BOB, "a", "his"));
	nv_bench_close(&bench);
}

/* --- journals -------------------------------------------------------------------------------- */

static void start_with_journal(const struct file *journal, char path[256])
{
	struct file good;

	open_with_two(path, &good);
	nv_bench_stop(&bench);
	snprintf(path, 256, "%s", nv_bench_path(&bench, ".new", "0000000000000007.commit"));
	store(path, journal);
	nv_bench_start(&bench);
}

static void expect_all_refused(const struct file *journal, const char *path, const char *why)
{
	char byte;

	CU_ASSERT_EQUAL(bench.reports, 1);
	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", 0, &byte, 1), -PLUTON_EFAIL);
	CU_ASSERT_PTR_NOT_NULL(strstr(bench.why, why));
	CU_ASSERT_PTR_NOT_NULL(strstr(bench.why, path));
	CU_ASSERT_EQUAL(nv_put_text(&bench, BOB, "a", "x"), -PLUTON_EFAIL);
	CU_ASSERT_TRUE(same(path, journal));
	nv_bench_stop(&bench);
	CU_ASSERT_EQUAL(unlink(path), 0);
	nv_bench_start(&bench);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "data!"));
	nv_bench_close(&bench);
}

static void test_a_damaged_journal_stops_everything_until_somebody_has_looked(void)
{
	static const struct file journal = {.bytes = "PLUTONNJ\x01", .size = 1000};
	char path[256];

	start_with_journal(&journal, path);
	expect_all_refused(&journal, path, "the journal of a commit is damaged");
}

static void test_a_journal_of_a_newer_version_stops_everything(void)
{
	static const struct file journal = {.bytes = "PLUTONNJ\x02", .size = 20};
	char path[256];

	start_with_journal(&journal, path);
	expect_all_refused(&journal, path, "a newer Pluton has not completed this commit");
}

/* --- full ------------------------------------------------------------------------------------ */

static void limit_files(rlim_t size)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
}

static void test_a_file_for_which_there_is_no_room_leaves_the_old_one(void)
{
	char text[128];
	int r;

	signal(SIGXFSZ, SIG_IGN);
	memset(text, 'x', sizeof(text));
	text[127] = '\0';
	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "old"), 0);
	for (rlim_t room = 0; room <= 256 + 127; room += 383 / 8) {
		limit_files(room);
		r = nv_put_text(&bench, ALICE, "a", text);
		limit_files(RLIM_INFINITY);
		CU_ASSERT_EQUAL(r, -PLUTON_EFAIL);
		CU_ASSERT_PTR_NOT_NULL(strstr(bench.why, "make room on that disk"));
		CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "old"));
	}
	limit_files(256 + 127);
	r = nv_put_text(&bench, ALICE, "a", text);
	limit_files(RLIM_INFINITY);
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", text));
	nv_bench_close(&bench);
}

/* Runs `play` in a child with a small disk of its own, if there may be one; true: all went well. */
static bool on_a_small_disk(bool (*play)(void))
{
	int result;
	pid_t pid;

	nv_bench_open(&bench, NULL);
	nv_bench_stop(&bench);
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("nv", bench.state, "tmpfs", 0, "size=64k,mode=0700") < 0)
			_exit(77);
		nv_bench_start(&bench);
		_exit(play() ? 0 : 1);
	}
	waitpid(pid, &result, 0);
	nv_bench_start(&bench);
	nv_bench_close(&bench);
	if (WIFEXITED(result) && WEXITSTATUS(result) == 77)
		suite_skip("this user may not mount");
	return WIFEXITED(result) && WEXITSTATUS(result) == 0;
}

static bool fill_up(void)
{
	static char data[4097], name[8];
	unsigned made = 0;
	int r = 0;

	memset(data, 'd', 4096);
	while (r == 0 && made < 100) {
		snprintf(name, sizeof(name), "n%u", made++);
		r = nv_put_text(&bench, ALICE, name, data);
	}
	if (r != -PLUTON_EFAIL || made < 3 || !strstr(bench.why, "No space left on device"))
		return false;
	if (nv_status(&bench, ALICE, name, &status) != -PLUTON_ENODEVICE)
		return false;
	if (nv_put_text(&bench, ALICE, "n0", "changed") != -PLUTON_EFAIL &&
	    !nv_holds(&bench, ALICE, "n0", "changed"))
		return false;
	for (unsigned i = 1; i < made - 1; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		if (!nv_holds(&bench, ALICE, name, data))
			return false;
	}
	/* What a deletion gives back can be used. */
	return nv_delete(&bench, ALICE, "n1") == 0 &&
	       nv_put_text(&bench, ALICE, "again", data) == 0;
}

static void test_a_full_disk_loses_nothing_and_works_again_when_there_is_room(void)
{
	CU_ASSERT_TRUE(on_a_small_disk(fill_up));
}

static bool become_read_only(void)
{
	struct nv_list_of_changes changes = {0};
	char byte;

	nv_changes_put(&changes, "a", "new");
	nv_changes_put(&changes, "b", "new");
	if (nv_put_text(&bench, ALICE, "a", "old") < 0 ||
	    mount(NULL, bench.state, NULL, MS_REMOUNT | MS_RDONLY, "size=64k") < 0)
		return false;
	return nv_put_text(&bench, ALICE, "a", "new") == -PLUTON_EFAIL &&
	       strstr(bench.why, "mount it for writing") &&
	       nv_delete(&bench, ALICE, "a") == -PLUTON_EFAIL &&
	       nv_commit(&bench, ALICE, &changes) == -PLUTON_EFAIL &&
	       nv_put_text(&bench, BOB, "a", "new") == -PLUTON_EFAIL &&
	       nv_read(&bench, BOB, "a", 0, &byte, 1) == -PLUTON_ENODEVICE &&
	       nv_holds(&bench, ALICE, "a", "old") &&
	       mount(NULL, bench.state, NULL, MS_REMOUNT, "size=64k") == 0 &&
	       nv_put_text(&bench, ALICE, "a", "new") == 0;
}

static void test_a_read_only_disk_is_read_and_changes_are_refused(void)
{
	CU_ASSERT_TRUE(on_a_small_disk(become_read_only));
}

/* --- closed ---------------------------------------------------------------------------------- */

static bool close_folders(void)
{
	char folder[256];

	nv_bench_start(&bench);
	if (nv_put_text(&bench, ALICE, "a", "old") < 0)
		return false;
	snprintf(folder, sizeof(folder), "%s", nv_bench_path(&bench, ".new", NULL));
	if (chmod(folder, 0500) < 0 || nv_put_text(&bench, ALICE, "a", "new") != -PLUTON_EFAIL ||
	    !strstr(bench.why, "give the daemon's user access to it") ||
	    !nv_holds(&bench, ALICE, "a", "old") || chmod(folder, 0700) < 0)
		return false;
	snprintf(folder, sizeof(folder), "%s", nv_bench_path(&bench, ALICE, NULL));
	if (chmod(folder, 0500) < 0 || nv_put_text(&bench, ALICE, "a", "new") != -PLUTON_EFAIL ||
	    nv_delete(&bench, ALICE, "a") != -PLUTON_EFAIL ||
	    !nv_holds(&bench, ALICE, "a", "old") || chmod(folder, 0000) < 0)
		return false;
	return nv_status(&bench, ALICE, "a", &status) == -PLUTON_EFAIL &&
	       chmod(folder, 0700) == 0 && nv_put_text(&bench, ALICE, "a", "new") == 0;
}

/* As a user for whom permissions mean something. */
static void test_folders_that_are_closed_to_the_daemon_are_errors_and_lose_nothing(void)
{
	int result;
	pid_t pid;

	nv_bench_open(&bench, NULL);
	nv_bench_stop(&bench);
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0) {
		if (geteuid() == 0 && (chown(bench.state, NOBODY, NOBODY) < 0 ||
				       setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
				       setresuid(NOBODY, NOBODY, NOBODY) < 0))
			_exit(77);
		_exit(close_folders() ? 0 : 1);
	}
	waitpid(pid, &result, 0);
	CU_ASSERT(WIFEXITED(result) && WEXITSTATUS(result) == 0);
	if (geteuid() == 0)
		CU_ASSERT_EQUAL(chown(nv_bench_path(&bench, NULL, NULL), 0, 0), 0);
	nv_bench_start(&bench);
	nv_bench_close(&bench);
}

static void test_a_state_folder_that_is_gone_is_an_error_with_a_sentence(void)
{
	char byte;

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(rmdir(bench.state), 0);
	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", 0, &byte, 1), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "x"), -PLUTON_EFAIL);
	CU_ASSERT_PTR_NOT_NULL(strstr(bench.why, bench.state));
	CU_ASSERT_EQUAL(mkdir(bench.state, 0700), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "x"), 0);
	nv_bench_close(&bench);
}

static const struct test tests[] = {
	TEST(test_a_file_with_any_bit_changed_is_refused_and_left_alone),
	TEST(test_a_file_that_is_too_short_or_too_long_is_refused_and_left_alone),
	TEST(test_a_file_of_a_newer_version_is_refused_and_says_which),
	TEST(test_a_damaged_area_is_listed_as_damaged_and_counts),
	TEST(test_a_file_of_another_owner_or_name_is_refused),
	TEST(test_links_folders_and_pipes_are_refused_and_not_followed),
	TEST(test_files_that_others_could_have_written_are_refused),
	TEST(test_folders_that_others_can_write_are_refused),
	TEST(test_a_folder_that_is_a_link_is_refused_and_not_followed),
	TEST(test_a_damaged_journal_stops_everything_until_somebody_has_looked),
	TEST(test_a_journal_of_a_newer_version_stops_everything),
	TEST(test_a_file_for_which_there_is_no_room_leaves_the_old_one),
	TEST(test_a_full_disk_loses_nothing_and_works_again_when_there_is_room),
	TEST(test_a_read_only_disk_is_read_and_changes_are_refused),
	TEST(test_folders_that_are_closed_to_the_daemon_are_errors_and_lose_nothing),
	TEST(test_a_state_folder_that_is_gone_is_an_error_with_a_sentence),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "nv disk", tests, TESTS_COUNT(tests));
}
