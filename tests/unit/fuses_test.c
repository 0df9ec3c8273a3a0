/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of the device secret. Cuts and failures at every system call of its making: the process
 * dies there, the call fails once or from there on, and the power goes, which takes all with it
 * that was not synchronised. A later start then has a whole secret, the one that was given out if
 * one was. And what is not as it should be is refused with what to do, and left as it is.
 */
#include "backends/fuses/fuses.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pluton/error.h"
#include "tests/suite.h"

#define CALLS_MAX 64u
#define SECRET_AT 32u

/* --- the system calls ------------------------------------------------------------------------ */

enum call {
	CALL_OPEN = 0,
	CALL_OPENAT,
	CALL_READ,
	CALL_WRITE,
	CALL_FDATASYNC,
	CALL_FSYNC,
	CALL_LINKAT,
	CALL_UNLINKAT,
	CALL_FSTAT,
	CALL_FSTATAT,
	CALL_GETRANDOM,
	CALL_CLOSE,
	CALLS,
};

/* In memory that a child shares with who looks at what it left. */
static struct world {
	unsigned count; /* of calls, since it was armed */
	enum call calls[CALLS_MAX];
	unsigned die_at; /* before that call, from 1; 0: never */
	unsigned fail_at;
	bool fails_on; /* and from there on */
	bool halves;   /* a write takes half, and no error */
	/* What a cut would take with it. */
	bool has_new, has_synced_new, has_link, has_synced_link;
	bool gave; /* a secret was given out: this one */
	uint8_t secret[FUSES_SECRET_SIZE];
} * world;

static bool armed;

static bool fails(enum call call)
{
	if (!armed)
		return false;
	if (world->count < CALLS_MAX)
		world->calls[world->count] = call;
	world->count++;
	if (world->count == world->die_at)
		kill(getpid(), SIGKILL);
	if (!world->fail_at || world->halves || call == CALL_CLOSE)
		return false;
	errno = EIO;
	return world->count == world->fail_at || (world->fails_on && world->count > world->fail_at);
}

/* clang-format off */
#define WRAPPED(type, name, parameters) \
	type __real_##name parameters; \
	type __wrap_##name parameters; \
	type __wrap_##name parameters
/* clang-format on */

WRAPPED(int, open, (const char *path, int flags))
{
	return fails(CALL_OPEN) ? -1 : __real_open(path, flags);
}

WRAPPED(int, openat, (int folder, const char *path, int flags, mode_t mode))
{
	if (fails(CALL_OPENAT))
		return -1;
	if (armed && flags & O_CREAT)
		world->has_new = true;
	return __real_openat(folder, path, flags, mode);
}

WRAPPED(ssize_t, read, (int fd, void *buf, size_t size))
{
	return fails(CALL_READ) ? -1 : __real_read(fd, buf, size);
}

WRAPPED(ssize_t, write, (int fd, const void *buf, size_t size))
{
	if (fails(CALL_WRITE))
		return -1;
	if (armed && world->halves && world->count == world->fail_at)
		size /= 2;
	return __real_write(fd, buf, size);
}

WRAPPED(int, fdatasync, (int fd))
{
	if (fails(CALL_FDATASYNC))
		return -1;
	world->has_synced_new = world->has_synced_new || armed;
	return __real_fdatasync(fd);
}

WRAPPED(int, fsync, (int fd))
{
	if (fails(CALL_FSYNC))
		return -1;
	world->has_synced_link = world->has_link;
	return __real_fsync(fd);
}

WRAPPED(int, linkat, (int from, const char *old, int to, const char *path, int flags))
{
	if (fails(CALL_LINKAT))
		return -1;
	world->has_link = world->has_link || armed;
	return __real_linkat(from, old, to, path, flags);
}

WRAPPED(int, unlinkat, (int folder, const char *path, int flags))
{
	return fails(CALL_UNLINKAT) ? -1 : __real_unlinkat(folder, path, flags);
}

WRAPPED(int, fstat, (int fd, struct stat *status))
{
	return fails(CALL_FSTAT) ? -1 : __real_fstat(fd, status);
}

WRAPPED(int, fstatat, (int folder, const char *path, struct stat *status, int flags))
{
	return fails(CALL_FSTATAT) ? -1 : __real_fstatat(folder, path, status, flags);
}

WRAPPED(ssize_t, getrandom, (void *buf, size_t size, unsigned flags))
{
	return fails(CALL_GETRANDOM) ? -1 : __real_getrandom(buf, size, flags);
}

WRAPPED(int, close, (int fd))
{
	(void)fails(CALL_CLOSE);
	return __real_close(fd);
}

/* --- a state folder --------------------------------------------------------------------------- */

static char state[64];
static struct fuses_file fuses;

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", state, name);
	return path;
}

static void open_folder(void)
{
	snprintf(state, sizeof(state), "/tmp/pluton-fuses-XXXXXX");
	if (!mkdtemp(state))
		abort();
	if (!world)
		world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (world == MAP_FAILED)
		abort();
	*world = (struct world){0};
}

static void close_folder(void)
{
	static const char *const names[] = {"fuses", "fuses.new", "nv/hwkey", "nv",
					    FUSES_CREDENTIAL};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (unlink(path_of(names[i])) < 0)
			rmdir(path_of(names[i]));
	}
	CU_ASSERT_EQUAL(rmdir(state), 0);
}

static bool is_there(const char *name)
{
	struct stat status;

	return lstat(path_of(name), &status) == 0;
}

static int start_with(const char *credentials, uint8_t *ret_secret)
{
	fuses_file_init(&fuses, state, credentials);
	return fuses.fuses.ops->read_secret(&fuses.fuses, ret_secret);
}

static int start(uint8_t *ret_secret)
{
	return start_with(NULL, ret_secret);
}

static const char *why(void)
{
	return fuses.fuses.ops->why(&fuses.fuses);
}

static size_t look(const char *name, uint8_t *ret_bytes, size_t size)
{
	int fd = open(path_of(name), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, ret_bytes, size);

	if (fd >= 0)
		close(fd);
	return n < 0 ? 0 : (size_t)n;
}

static void put(const char *name, const uint8_t *bytes, size_t size, mode_t mode)
{
	FILE *file = fopen(path_of(name), "wbe");

	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0 ||
	    chmod(path_of(name), mode) < 0)
		abort();
}

/* --- cuts and failures ------------------------------------------------------------------------ */

/* A start with that fate, of which nothing but the folder and `world` is left. */
static void start_elsewhere(struct world fate)
{
	pid_t pid;

	world->count = 0;
	world->die_at = fate.die_at;
	world->fail_at = fate.fail_at;
	world->fails_on = fate.fails_on;
	world->halves = fate.halves;
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0) {
		uint8_t secret[FUSES_SECRET_SIZE];

		armed = true;
		if (start(secret) == 0) {
			memcpy(world->secret, secret, sizeof(secret));
			world->gave = true;
		}
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* The disk has what was synchronised, and of the rest as little as it may. */
static void cut_the_power(void)
{
	if (world->has_new && !world->has_synced_new && is_there("fuses.new"))
		CU_ASSERT_EQUAL(truncate(path_of("fuses.new"), FUSES_FILE_SIZE / 3), 0);
	if (world->has_link && !world->has_synced_new)
		CU_ASSERT_EQUAL(truncate(path_of("fuses"), FUSES_FILE_SIZE / 3), 0);
	if (world->has_link && !world->has_synced_link)
		unlink(path_of("fuses"));
	world->has_link = world->has_link && world->has_synced_link;
}

/* Two starts give the same whole secret: the one that was given out, if one was. */
static void expect_whole(const char *what, unsigned at)
{
	uint8_t secret[FUSES_SECRET_SIZE], again[FUSES_SECRET_SIZE], image[FUSES_FILE_SIZE + 1];
	bool right = start(secret) == 0 && start(again) == 0 &&
		     memcmp(secret, again, sizeof(secret)) == 0 &&
		     (!world->gave || memcmp(secret, world->secret, sizeof(secret)) == 0) &&
		     look("fuses", image, sizeof(image)) == FUSES_FILE_SIZE &&
		     memcmp(image + SECRET_AT, secret, sizeof(secret)) == 0 &&
		     !is_there("fuses.new");

	if (!right)
		printf("# %s, call %u: %s\n", what, at, why());
	CU_ASSERT(right);
}

/* How many calls a first start makes, and which; `world` has them. */
static unsigned count_calls(void)
{
	unsigned count;

	open_folder();
	start_elsewhere((struct world){0});
	CU_ASSERT_TRUE(world->gave);
	CU_ASSERT(world->count > 0 && world->count < CALLS_MAX);
	count = world->count;
	close_folder();
	return count;
}

static void test_every_call_of_a_first_start_is_met(void)
{
	static const enum call needed[] = {CALL_OPEN,  CALL_OPENAT,    CALL_FSTATAT, CALL_GETRANDOM,
					   CALL_WRITE, CALL_FDATASYNC, CALL_LINKAT,  CALL_FSYNC,
					   CALL_CLOSE, CALL_UNLINKAT};
	unsigned count = count_calls();

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		bool met = false;

		for (unsigned at = 0; at < count; at++)
			met = met || world->calls[at] == needed[i];
		CU_ASSERT_TRUE(met);
	}
}

static void test_killed_before_any_call_the_next_start_has_a_whole_secret(void)
{
	unsigned count = count_calls();

	for (unsigned at = 1; at <= count; at++) {
		open_folder();
		start_elsewhere((struct world){.die_at = at});
		CU_ASSERT_FALSE(world->gave);
		expect_whole("killed", at);
		close_folder();
	}
}

static void test_a_power_cut_before_any_call_leaves_a_whole_secret_or_none(void)
{
	unsigned count = count_calls();

	for (unsigned at = 1; at <= count + 1; at++) {
		open_folder();
		start_elsewhere((struct world){.die_at = at});
		CU_ASSERT_EQUAL(world->gave, at > count);
		cut_the_power();
		expect_whole("power", at);
		close_folder();
	}
}

/* Killed, started anew, and only then the power goes: what was given out in between stays. */
static void test_a_secret_that_was_given_out_lasts_whoever_burnt_it(void)
{
	unsigned count = count_calls();

	for (unsigned at = 1; at <= count; at++) {
		open_folder();
		start_elsewhere((struct world){.die_at = at});
		start_elsewhere((struct world){0});
		CU_ASSERT_TRUE(world->gave);
		cut_the_power();
		expect_whole("power after a second start", at);
		close_folder();
	}
}

static void check_failures(struct world fate, const char *what)
{
	unsigned count = count_calls();

	for (fate.fail_at = 1; fate.fail_at <= count; fate.fail_at++) {
		open_folder();
		start_elsewhere(fate);
		expect_whole(what, fate.fail_at);
		cut_the_power();
		expect_whole(what, fate.fail_at);
		close_folder();
	}
}

static void test_a_call_that_fails_once_leaves_a_whole_secret_or_none(void)
{
	check_failures((struct world){0}, "fails");
}

static void test_calls_that_fail_from_one_on_leave_a_whole_secret_or_none(void)
{
	check_failures((struct world){.fails_on = true}, "fails on");
}

static void test_a_short_write_is_no_secret(void)
{
	unsigned count = count_calls();

	for (unsigned at = 1; at <= count; at++) {
		bool is_write = world->calls[at - 1] == CALL_WRITE;

		open_folder();
		start_elsewhere((struct world){.fail_at = at, .halves = true});
		CU_ASSERT_EQUAL(world->gave, !is_write);
		expect_whole("a short write", at);
		close_folder();
		count_calls();
	}
}

/* A read that fails is no reason to burn anew. */
static void test_a_call_that_fails_at_a_later_start_changes_nothing(void)
{
	uint8_t before[FUSES_FILE_SIZE], after[FUSES_FILE_SIZE];
	unsigned count;

	open_folder();
	start_elsewhere((struct world){0});
	CU_ASSERT_EQUAL(look("fuses", before, sizeof(before)), FUSES_FILE_SIZE);
	start_elsewhere((struct world){0});
	count = world->count;
	for (unsigned at = 1; at <= 2 * count; at++) {
		start_elsewhere((struct world){.fail_at = (at + 1) / 2, .fails_on = at & 1});
		CU_ASSERT_EQUAL(look("fuses", after, sizeof(after)), FUSES_FILE_SIZE);
		CU_ASSERT_EQUAL(memcmp(before, after, sizeof(before)), 0);
		CU_ASSERT_FALSE(is_there("fuses.new"));
	}
	expect_whole("later", 0);
	close_folder();
}

/* --- what is refused -------------------------------------------------------------------------- */

static uint8_t sound[FUSES_FILE_SIZE + 1];

/* A folder with fuses that are as they should be. */
static void open_burnt(void)
{
	uint8_t secret[FUSES_SECRET_SIZE];

	open_folder();
	CU_ASSERT_EQUAL_FATAL(start(secret), 0);
	CU_ASSERT_EQUAL(look("fuses", sound, sizeof(sound)), FUSES_FILE_SIZE);
}

static void expect_refused(const char *sentence)
{
	uint8_t secret[FUSES_SECRET_SIZE] = {0}, before[512], after[512];
	static const uint8_t zeros[FUSES_SECRET_SIZE];
	size_t size = look("fuses", before, sizeof(before));

	CU_ASSERT_EQUAL(start(secret), -PLUTON_EFAIL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why(), sentence));
	if (!strstr(why(), sentence))
		printf("# %s\n", why());
	CU_ASSERT_EQUAL(memcmp(secret, zeros, sizeof(secret)), 0);
	CU_ASSERT_EQUAL(look("fuses", after, sizeof(after)), size);
	CU_ASSERT_EQUAL(memcmp(before, after, size), 0);
	CU_ASSERT_FALSE(is_there("fuses.new"));
}

static void test_a_file_of_any_other_length_is_refused_and_left(void)
{
	static const size_t sizes[] = {0, 1, 31, 64, 96, FUSES_FILE_SIZE - 1};

	open_burnt();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		put("fuses", sound, sizes[i], 0600);
		expect_refused("is damaged (it is too short); put it back from a backup");
	}
	put("fuses", sound, FUSES_FILE_SIZE + 1, 0600);
	expect_refused("is damaged (it is too long)");
	close_folder();
}

/* Fuses do not go back to 0, and of each pair only one is burnt. */
static void test_any_bit_that_is_another_is_seen(void)
{
	uint8_t image[FUSES_FILE_SIZE];

	open_burnt();
	for (size_t bit = 0; bit < 8 * FUSES_FILE_SIZE; bit++) {
		memcpy(image, sound, sizeof(image));
		image[bit / 8] ^= (uint8_t)(1u << bit % 8);
		put("fuses", image, sizeof(image), 0600);
		expect_refused("is damaged (bits were changed)");
	}
	memset(image, 0, sizeof(image));
	put("fuses", image, sizeof(image), 0600);
	expect_refused("bits were changed");
	memset(image, 0xff, sizeof(image));
	put("fuses", image, sizeof(image), 0600);
	expect_refused("bits were changed");
	close_folder();
}

static void test_a_file_that_others_can_get_at_is_refused(void)
{
	static const mode_t modes[] = {0644, 0640, 0604, 0620, 0601, 0666, 0777};
	char said[32];

	open_burnt();
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		CU_ASSERT_EQUAL(chmod(path_of("fuses"), modes[i]), 0);
		snprintf(said, sizeof(said), "(mode %04o); chmod 0600", (unsigned)modes[i]);
		expect_refused(said);
	}
	CU_ASSERT_EQUAL(chmod(path_of("fuses"), 0400), 0);
	CU_ASSERT_EQUAL(start(sound), 0);
	close_folder();
}

static void test_what_is_no_file_is_refused(void)
{
	open_burnt();
	CU_ASSERT_EQUAL(unlink(path_of("fuses")), 0);
	put("elsewhere", sound, FUSES_FILE_SIZE, 0600);
	CU_ASSERT_EQUAL(symlink("elsewhere", path_of("fuses")), 0);
	expect_refused("cannot be opened (Too many levels of symbolic links)");
	CU_ASSERT_EQUAL(unlink(path_of("fuses")), 0);
	CU_ASSERT_EQUAL(symlink("nowhere", path_of("fuses")), 0);
	expect_refused("cannot be opened");
	CU_ASSERT_EQUAL(unlink(path_of("fuses")), 0);
	CU_ASSERT_EQUAL(mkdir(path_of("fuses"), 0700), 0);
	expect_refused("is no file");
	CU_ASSERT_EQUAL(rmdir(path_of("fuses")), 0);
	CU_ASSERT_EQUAL(mkfifo(path_of("fuses"), 0600), 0);
	expect_refused("is no file"); /* and nobody waits for its other end */
	CU_ASSERT_EQUAL(unlink(path_of("elsewhere")), 0);
	close_folder();
}

static void test_another_owners_file_is_refused(void)
{
	open_burnt();
	if (geteuid() != 0) {
		suite_skip("only root gives files away");
	} else {
		CU_ASSERT_EQUAL(chown(path_of("fuses"), 65534, 65534), 0);
		expect_refused("belongs to uid 65534");
	}
	close_folder();
}

static void test_no_others_are_burnt_where_keys_are_kept(void)
{
	open_burnt();
	CU_ASSERT_EQUAL(unlink(path_of("fuses")), 0);
	CU_ASSERT_EQUAL(mkdir(path_of("nv"), 0700), 0);
	CU_ASSERT_EQUAL(mkdir(path_of("nv/hwkey"), 0700), 0);
	expect_refused("is gone, but keys are kept");
	CU_ASSERT_FALSE(is_there("fuses"));
	close_folder();
}

static void test_a_state_folder_that_is_not_there_is_said(void)
{
	open_folder();
	CU_ASSERT_EQUAL(rmdir(state), 0);
	expect_refused("the folder above cannot be opened");
	CU_ASSERT_EQUAL(mkdir(state, 0700), 0);
	close_folder();
}

static void test_a_credential_of_32_bytes_comes_first_and_no_other_is_taken(void)
{
	static const size_t sizes[] = {0, 1, 31, 33, 64, 4096};
	uint8_t bytes[4096], secret[FUSES_SECRET_SIZE] = {0};

	open_burnt();
	memset(bytes, 0x5a, sizeof(bytes));
	CU_ASSERT_EQUAL(start_with(state, secret), 0); /* there is none */
	CU_ASSERT_EQUAL(memcmp(secret, sound + SECRET_AT, sizeof(secret)), 0);
	put(FUSES_CREDENTIAL, bytes, FUSES_SECRET_SIZE, 0400);
	CU_ASSERT_EQUAL(start_with(state, secret), 0);
	CU_ASSERT_EQUAL(memcmp(secret, bytes, sizeof(secret)), 0);
	CU_ASSERT_EQUAL(unlink(path_of(FUSES_CREDENTIAL)), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		put(FUSES_CREDENTIAL, bytes, sizes[i], 0600);
		CU_ASSERT_EQUAL(start_with(state, secret), -PLUTON_EFAIL);
		CU_ASSERT_PTR_NOT_NULL(strstr(why(), "bytes instead of 32"));
	}
	CU_ASSERT_EQUAL(unlink(path_of(FUSES_CREDENTIAL)), 0);
	CU_ASSERT_EQUAL(mkdir(path_of(FUSES_CREDENTIAL), 0700), 0);
	CU_ASSERT_EQUAL(start_with(state, secret), -PLUTON_EFAIL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why(), "the credential"));
	CU_ASSERT_EQUAL(look("fuses", bytes, sizeof(bytes)), FUSES_FILE_SIZE);
	CU_ASSERT_EQUAL(memcmp(bytes, sound, FUSES_FILE_SIZE), 0);
	close_folder();
}

static const struct test tests[] = {
	TEST(test_every_call_of_a_first_start_is_met),
	TEST(test_killed_before_any_call_the_next_start_has_a_whole_secret),
	TEST(test_a_power_cut_before_any_call_leaves_a_whole_secret_or_none),
	TEST(test_a_secret_that_was_given_out_lasts_whoever_burnt_it),
	TEST(test_a_call_that_fails_once_leaves_a_whole_secret_or_none),
	TEST(test_calls_that_fail_from_one_on_leave_a_whole_secret_or_none),
	TEST(test_a_short_write_is_no_secret),
	TEST(test_a_call_that_fails_at_a_later_start_changes_nothing),
	TEST(test_a_file_of_any_other_length_is_refused_and_left),
	TEST(test_any_bit_that_is_another_is_seen),
	TEST(test_a_file_that_others_can_get_at_is_refused),
	TEST(test_what_is_no_file_is_refused),
	TEST(test_another_owners_file_is_refused),
	TEST(test_no_others_are_burnt_where_keys_are_kept),
	TEST(test_a_state_folder_that_is_not_there_is_said),
	TEST(test_a_credential_of_32_bytes_comes_first_and_no_other_is_taken),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "fuses", tests, TESTS_COUNT(tests));
}
