/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts and failures at every step of every change: a process that is killed there, a disk that
 * fails there once, and one that fails from there on. What is read back is exactly what was before
 * the change, or exactly what is after it, and what was answered is true.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/nv/bench.h"
#include "tests/suite.h"

#define STEPS_MAX 200u
#define STATE_SIZE 1024u

static struct nv_bench bench;

/* --- scenes ---------------------------------------------------------------------------------- */

static void prepare_nothing(void)
{
}

static void prepare_areas(void)
{
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "old a"), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "b", "old b"), 0);
}

static int make_first(void)
{
	return nv_put_text(&bench, ALICE, "a", "the first");
}

static int define_another(void)
{
	return nv_define(&bench, ALICE, "c", 10);
}

static int replace(void)
{
	return nv_put_text(&bench, ALICE, "a", "new a");
}

static int write_into(void)
{
	return nv_write(&bench, ALICE, "a", 0, "new", 3);
}

static int remove_one(void)
{
	return nv_delete(&bench, ALICE, "a");
}

static int lock_for_good(void)
{
	return nv_lock(&bench, ALICE, "a", NV_LOCK_WRITE);
}

static int commit_three(void)
{
	struct nv_list_of_changes changes = {0};

	nv_changes_put(&changes, "a", "new a");
	nv_changes_delete(&changes, "b");
	nv_changes_put(&changes, "c", "new c");
	return nv_commit(&bench, ALICE, &changes);
}

static int commit_first_two(void)
{
	struct nv_list_of_changes changes = {0};

	nv_changes_put(&changes, "a", "new a");
	nv_changes_put(&changes, "b", "new b");
	return nv_commit(&bench, ALICE, &changes);
}

static const struct scene {
	const char *name;
	void (*prepare)(void);
	int (*change)(void);
} scenes[] = {
	{"the first area of all", prepare_nothing, make_first},
	{"another area", prepare_areas, define_another},
	{"an area replaced", prepare_areas, replace},
	{"an area written into", prepare_areas, write_into},
	{"an area deleted", prepare_areas, remove_one},
	{"an area locked", prepare_areas, lock_for_good},
	{"a commit", prepare_areas, commit_three},
	{"a commit of the first areas", prepare_nothing, commit_first_two},
};

/* --- what is there --------------------------------------------------------------------------- */

static void append(char *state, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(char *state, const char *format, ...)
{
	size_t used = strlen(state);
	va_list args;

	va_start(args, format);
	vsnprintf(state + used, STATE_SIZE - used, format, args);
	va_end(args);
}

/* All areas with their data and locks; what cannot be read shows as its error. */
static void describe(char state[STATE_SIZE])
{
	struct nv_status rows[8];
	int count = nv_list(&bench, ALICE, 0, rows, 8);

	state[0] = '\0';
	if (count < 0)
		append(state, "list %d", count);
	for (int i = 0; i < count; i++) {
		char data[64] = {0};
		ssize_t n = nv_read(&bench, ALICE, rows[i].name, 0, data, sizeof(data) - 1);

		append(state, "%s (%u, %u): %d \"%s\"; ", rows[i].name, rows[i].capacity,
		       rows[i].locks, (int)n, data);
	}
}

static unsigned count_prepared(void)
{
	DIR *folder = opendir(nv_bench_path(&bench, ".new", NULL));
	unsigned count = 0;

	if (!folder)
		return 0;
	for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(folder);
	return count;
}

struct outcome {
	char before[STATE_SIZE];
	char after[STATE_SIZE];
};

/* --- the hook -------------------------------------------------------------------------------- */

/* What happens at the steps of one change. One operation runs at a time, so one worker is here. */
struct fate {
	bool armed;
	enum files_step steps[STEPS_MAX];
	unsigned count;
	unsigned kill_at; /* from 1; 0: never */
	unsigned fail_at; /* the same, with EIO */
	bool fails_on;	  /* and from there on */
};

static struct fate fate;

static int meet(void *context, enum files_step step)
{
	(void)context;
	if (!fate.armed)
		return 0;
	if (fate.count < STEPS_MAX)
		fate.steps[fate.count] = step;
	fate.count++;
	if (fate.count == fate.kill_at)
		kill(getpid(), SIGKILL);
	if (fate.fail_at &&
	    (fate.count == fate.fail_at || (fate.fails_on && fate.count > fate.fail_at)))
		return EIO;
	return 0;
}

static const struct files_hook hook = {meet, NULL};

static void open_scene(const struct scene *scene)
{
	fate = (struct fate){0};
	nv_bench_open(&bench, &hook);
	scene->prepare();
	nv_bench_stop(&bench); /* a first change after a start has more steps */
	nv_bench_start(&bench);
}

/* The scene as it should be; its steps are in `fate` afterwards. */
static void play(const struct scene *scene, struct outcome *ret)
{
	open_scene(scene);
	describe(ret->before);
	fate.armed = true;
	CU_ASSERT_EQUAL(scene->change(), 0);
	fate.armed = false;
	CU_ASSERT(fate.count > 0 && fate.count < STEPS_MAX);
	describe(ret->after);
	CU_ASSERT_STRING_NOT_EQUAL(ret->before, ret->after);
	CU_ASSERT_EQUAL(count_prepared(), 0);
	nv_bench_close(&bench);
}

static bool is_before(const struct outcome *outcome, const char *state)
{
	return strcmp(state, outcome->before) == 0;
}

static bool is_after(const struct outcome *outcome, const char *state)
{
	return strcmp(state, outcome->after) == 0;
}

static void expect(bool condition, const struct scene *scene, unsigned at, const char *state)
{
	if (!condition)
		printf("# %s, step %u: %s\n", scene->name, at, state);
	CU_ASSERT(condition);
}

/* --- killed ---------------------------------------------------------------------------------- */

/* In a child: opens the engine on the folder, begins the change and does not live to its end. */
static __attribute__((noreturn)) void die(const struct scene *scene, const struct fate *wanted)
{
	nv_bench_start(&bench);
	fate = *wanted;
	fate.armed = true;
	scene->change();
	_exit(0);
}

static void kill_once(const struct scene *scene, const struct outcome *outcome, struct fate wanted)
{
	char state[STATE_SIZE];
	int status;
	pid_t pid;

	open_scene(scene);
	nv_bench_stop(&bench);
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0)
		die(scene, &wanted);
	waitpid(pid, &status, 0);
	nv_bench_start(&bench);
	describe(state);
	expect(is_before(outcome, state) || is_after(outcome, state), scene, wanted.kill_at, state);
	/* After a failure there may be nothing left to do that it could be killed at. */
	expect((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || wanted.fail_at, scene,
	       wanted.kill_at, "it lived");
	CU_ASSERT_EQUAL(count_prepared(), 0);
	CU_ASSERT_EQUAL(scene->prepare == prepare_areas ? nv_put_text(&bench, ALICE, "b", "x") : 0,
			0);
	nv_bench_close(&bench);
}

/* Before every system call of that kind, in every scene. */
static void kill_before(enum files_step step)
{
	unsigned kills = 0;

	for (unsigned i = 0; i < TESTS_COUNT(scenes); i++) {
		struct outcome outcome;
		struct fate seen;

		play(&scenes[i], &outcome);
		seen = fate;
		for (unsigned at = 1; at <= seen.count; at++) {
			if (seen.steps[at - 1] != step)
				continue;
			kill_once(&scenes[i], &outcome, (struct fate){.kill_at = at});
			kills++;
		}
	}
	CU_ASSERT(kills > 0);
}

/* clang-format off */
#define FOR_EACH_STEP(at)                           \
	at(make_folder, FILES_STEP_MAKE_FOLDER)     \
	at(make_file, FILES_STEP_MAKE_FILE)         \
	at(write, FILES_STEP_WRITE)                 \
	at(sync_file, FILES_STEP_SYNC_FILE)         \
	at(keep_old, FILES_STEP_KEEP_OLD)           \
	at(put_in_place, FILES_STEP_PUT_IN_PLACE)   \
	at(sync_folder, FILES_STEP_SYNC_FOLDER)     \
	at(remove, FILES_STEP_REMOVE)

#define DEFINE_TEST(name, step)                     \
	static void test_killed_before_##name(void) \
	{                                           \
		kill_before(step);                  \
	}
#define LIST_TEST(name, step) TEST(test_killed_before_##name),
/* clang-format on */

FOR_EACH_STEP(DEFINE_TEST)

/* Only a failure leads there: the sync after the new file took its place. */
static void test_killed_before_take_back(void)
{
	unsigned kills = 0;

	for (unsigned i = 0; i < TESTS_COUNT(scenes); i++) {
		struct outcome outcome;
		struct fate seen;

		play(&scenes[i], &outcome);
		seen = fate;
		for (unsigned at = 2; at <= seen.count; at++) {
			if (seen.steps[at - 2] != FILES_STEP_PUT_IN_PLACE ||
			    seen.steps[at - 1] != FILES_STEP_SYNC_FOLDER)
				continue;
			kill_once(&scenes[i], &outcome,
				  (struct fate){.fail_at = at, .kill_at = at + 1});
			kills++;
		}
	}
	CU_ASSERT(kills > 0);
}

static void test_every_step_has_a_name_and_a_test(void)
{
	static const enum files_step listed[] = {
#define LIST_STEP(name, step) step,
		FOR_EACH_STEP(LIST_STEP) FILES_STEP_TAKE_BACK};

	CU_ASSERT_EQUAL(TESTS_COUNT(listed), FILES_STEPS);
	for (unsigned step = 0; step < FILES_STEPS; step++) {
		bool found = false;

		for (unsigned i = 0; i < TESTS_COUNT(listed); i++)
			found |= listed[i] == step;
		CU_ASSERT_TRUE(found);
		CU_ASSERT_PTR_NOT_NULL(files_step_name(step));
	}
	CU_ASSERT_PTR_NULL(files_step_name(FILES_STEPS));
}

/* --- a recovery that is cut itself ----------------------------------------------------------- */

/* In a child: only opens the engine, which completes what is there, and is killed on the way. */
static bool kill_recovery(unsigned at)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (pid == 0) {
		fate = (struct fate){.armed = true, .kill_at = at};
		nv_bench_start(&bench);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status);
}

static void leave_decided_commit(const struct scene *scene, unsigned last_put)
{
	pid_t pid;

	open_scene(scene);
	nv_bench_stop(&bench);
	pid = fork();
	if (pid == 0)
		die(scene, &(struct fate){.kill_at = last_put});
	waitpid(pid, NULL, 0);
	fate = (struct fate){0};
}

static void test_a_recovery_that_is_killed_anywhere_is_completed_by_the_next(void)
{
	const struct scene *scene = &scenes[6];
	struct outcome outcome;
	char state[STATE_SIZE];
	unsigned last_put = 0;
	bool killed = true;

	play(scene, &outcome);
	for (unsigned i = 0; i < fate.count; i++) {
		if (fate.steps[i] == FILES_STEP_PUT_IN_PLACE)
			last_put = i + 1;
	}
	for (unsigned at = 1; killed; at++) {
		CU_ASSERT_FATAL(at < STEPS_MAX);
		leave_decided_commit(scene, last_put);
		killed = kill_recovery(at);
		nv_bench_start(&bench);
		describe(state);
		expect(is_after(&outcome, state), scene, at, state);
		CU_ASSERT_EQUAL(count_prepared(), 0);
		nv_bench_close(&bench);
	}
}

/* --- failing --------------------------------------------------------------------------------- */

/* An error means that nothing was changed, 0 that all was, now and after a restart. */
static void fail_once(const struct scene *scene, const struct outcome *outcome, unsigned at)
{
	char state[STATE_SIZE];
	int r;

	open_scene(scene);
	fate = (struct fate){.armed = true, .fail_at = at};
	r = scene->change();
	fate.armed = false;
	CU_ASSERT(r == 0 || r == -PLUTON_EFAIL);
	CU_ASSERT(r == 0 || strstr(bench.why, bench.state) != NULL);
	CU_ASSERT(r == 0 || bench.reports == 1);
	describe(state);
	expect(r == 0 ? is_after(outcome, state) : is_before(outcome, state), scene, at, state);
	nv_bench_stop(&bench);
	nv_bench_start(&bench);
	describe(state);
	expect(r == 0 ? is_after(outcome, state) : is_before(outcome, state), scene, at, state);
	CU_ASSERT_EQUAL(count_prepared(), 0);
	nv_bench_close(&bench);
}

static void test_a_disk_that_fails_once_at_any_step_loses_nothing(void)
{
	for (unsigned i = 0; i < TESTS_COUNT(scenes); i++) {
		struct outcome outcome;
		unsigned steps;

		play(&scenes[i], &outcome);
		steps = fate.count;
		for (unsigned at = 1; at <= steps; at++)
			fail_once(&scenes[i], &outcome, at);
	}
}

/* While it fails nothing wrong is shown; once it works again, what was answered is true. */
static void fail_from(const struct scene *scene, const struct outcome *outcome, unsigned at)
{
	char state[STATE_SIZE];
	int r;

	open_scene(scene);
	fate = (struct fate){.armed = true, .fail_at = at, .fails_on = true};
	r = scene->change();
	CU_ASSERT(r == 0 || r == -PLUTON_EFAIL);
	describe(state);
	if (strcmp(state, "list -1") != 0)
		expect(r == 0 ? is_after(outcome, state) : is_before(outcome, state), scene, at,
		       state);
	fate.armed = false;
	for (unsigned i = 0; i < 2; i++) {
		describe(state);
		expect(r == 0 ? is_after(outcome, state) : is_before(outcome, state), scene, at,
		       state);
		nv_bench_stop(&bench);
		nv_bench_start(&bench);
	}
	CU_ASSERT_EQUAL(count_prepared(), 0);
	nv_bench_close(&bench);
}

static void test_a_disk_that_fails_from_any_step_on_shows_nothing_wrong_and_loses_nothing(void)
{
	for (unsigned i = 0; i < TESTS_COUNT(scenes); i++) {
		struct outcome outcome;
		unsigned steps;

		play(&scenes[i], &outcome);
		steps = fate.count;
		for (unsigned at = 1; at <= steps; at++)
			fail_from(&scenes[i], &outcome, at);
	}
}

/* The daemon ends while the disk still fails, and starts while it still fails. */
static void restart_while_failing(const struct scene *scene, const struct outcome *outcome,
				  unsigned at)
{
	char state[STATE_SIZE];

	open_scene(scene);
	fate = (struct fate){.armed = true, .fail_at = at, .fails_on = true};
	scene->change();
	nv_bench_stop(&bench);
	nv_bench_start(&bench);
	describe(state);
	if (strcmp(state, "list -1") != 0)
		expect(is_before(outcome, state) || is_after(outcome, state), scene, at, state);
	fate.armed = false;
	describe(state);
	expect(is_before(outcome, state) || is_after(outcome, state), scene, at, state);
	nv_bench_stop(&bench);
	nv_bench_start(&bench);
	CU_ASSERT_EQUAL(count_prepared(), 0);
	nv_bench_close(&bench);
}

static void test_a_restart_while_the_disk_fails_leaves_before_or_after(void)
{
	for (unsigned i = 0; i < TESTS_COUNT(scenes); i++) {
		struct outcome outcome;
		unsigned steps;

		play(&scenes[i], &outcome);
		steps = fate.count;
		for (unsigned at = 1; at <= steps; at++)
			restart_while_failing(&scenes[i], &outcome, at);
	}
}

static void test_what_one_owner_is_owed_does_not_hold_up_another(void)
{
	struct outcome outcome;
	unsigned at = 0;
	char byte;

	play(&scenes[2], &outcome);
	while (fate.steps[at] != FILES_STEP_PUT_IN_PLACE)
		at++;
	open_scene(&scenes[2]);
	CU_ASSERT_EQUAL(nv_put_text(&bench, BOB, "a", "his"), 0);
	/* The sync after it; his put was the first change, which has two steps more. */
	fate = (struct fate){.armed = true, .fail_at = at + 2 - 2, .fails_on = true};
	CU_ASSERT_EQUAL(replace(), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", 0, &byte, 1), -PLUTON_EFAIL);
	CU_ASSERT_TRUE(nv_holds(&bench, BOB, "a", "his"));
	nv_bench_close(&bench);
}

/* --- order ----------------------------------------------------------------------------------- */

static void name_steps(char text[STATE_SIZE])
{
	text[0] = '\0';
	for (unsigned i = 0; i < fate.count; i++)
		append(text, "%s%s", i ? " " : "", files_step_name(fate.steps[i]));
}

/* No kill shows a sync that is missing or comes too late: the system survives the process. */
static void test_nothing_takes_its_place_before_it_is_on_the_disk(void)
{
	struct outcome outcome;
	char steps[STATE_SIZE];

	play(&scenes[2], &outcome);
	name_steps(steps);
	CU_ASSERT_STRING_EQUAL(steps, "sync-folder sync-folder make-file write write sync-file "
				      "keep-old put-in-place sync-folder remove");
	play(&scenes[6], &outcome);
	name_steps(steps);
	CU_ASSERT_STRING_EQUAL(steps, "sync-folder sync-folder "
				      "make-file write write sync-file "
				      "make-file write write sync-file "
				      "make-file write sync-file sync-folder "
				      "put-in-place sync-folder "
				      "put-in-place remove put-in-place sync-folder "
				      "remove sync-folder");
}

static const struct test tests[] = {
	FOR_EACH_STEP(LIST_TEST) TEST(test_killed_before_take_back),
	TEST(test_every_step_has_a_name_and_a_test),
	TEST(test_a_recovery_that_is_killed_anywhere_is_completed_by_the_next),
	TEST(test_a_disk_that_fails_once_at_any_step_loses_nothing),
	TEST(test_a_disk_that_fails_from_any_step_on_shows_nothing_wrong_and_loses_nothing),
	TEST(test_a_restart_while_the_disk_fails_leaves_before_or_after),
	TEST(test_what_one_owner_is_owed_does_not_hold_up_another),
	TEST(test_nothing_takes_its_place_before_it_is_on_the_disk),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "nv cut", tests, TESTS_COUNT(tests));
}
