/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshot file: what a kill at every single instruction leaves, and files that are not ours.
 */
#include "apps/tpm/snapshot.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pluton/error.h>

#include "tests/suite.h"

#define VOLATILE_SIZE 200u
#define ENTRY 3u

/* State number n, in which everything says n. */
static void fill_state(struct snapshot_state *state, uint8_t volatile_state[VOLATILE_SIZE],
		       uint64_t n)
{
	*state = (struct snapshot_state){.permanent_generation = n, .commands = n};
	memset(volatile_state, (int)n, VOLATILE_SIZE);
}

static void commit(struct snapshot *snapshot, uint64_t n)
{
	uint8_t volatile_state[VOLATILE_SIZE];
	struct snapshot_state state;

	fill_state(&state, volatile_state, n);
	CU_ASSERT_EQUAL(snapshot_commit(snapshot, &state, volatile_state, VOLATILE_SIZE), 0);
}

static void stage(struct snapshot *snapshot, uint32_t n, enum snapshot_when when)
{
	const struct snapshot_entry entry = {
		.in_use = 1, .uid = 1000, .sequence = n, .response_size = 50};
	uint8_t response[50];

	memset(response, (int)n, sizeof(response));
	snapshot_accept(snapshot, ENTRY, n);
	snapshot_put_entry(snapshot, ENTRY, when, &entry, response);
}

static uint64_t state_number(const struct snapshot *snapshot)
{
	const struct snapshot_state *state = snapshot_state(snapshot);
	uint32_t length;
	const uint8_t *bytes = snapshot_volatile(snapshot, &length);

	CU_ASSERT_EQUAL_FATAL(length, VOLATILE_SIZE);
	CU_ASSERT_EQUAL(state->commands, state->permanent_generation);
	for (uint32_t i = 0; i < length; i++)
		CU_ASSERT_EQUAL(bytes[i], (uint8_t)state->commands);
	return state->commands;
}

static uint32_t entry_number(const struct snapshot *snapshot)
{
	const struct snapshot_entry *entry = snapshot_entry(snapshot, ENTRY);
	const uint8_t *response = snapshot_response(snapshot, ENTRY);

	CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
	for (uint32_t i = 0; i < entry->response_size; i++)
		CU_ASSERT_EQUAL(response[i], (uint8_t)entry->sequence);
	return entry->sequence;
}

static struct snapshot *make(void)
{
	struct snapshot *snapshot;

	CU_ASSERT_EQUAL_FATAL(snapshot_create(&snapshot), 0);
	return snapshot;
}

static struct snapshot *open_again(int fd)
{
	struct snapshot *snapshot = NULL;
	const char *why;

	CU_ASSERT_EQUAL_FATAL(snapshot_open(fd, &snapshot, &why), 0);
	return snapshot;
}

static struct snapshot *reopen(struct snapshot *snapshot)
{
	int fd = dup(snapshot_fd(snapshot));

	snapshot_close(snapshot);
	return open_again(fd);
}

/* --- what is kept ---------------------------------------------------------------------------- */

static void test_what_was_committed_last_is_found_again(void)
{
	struct snapshot *snapshot = make();

	for (uint32_t n = 1; n < 6; n++) {
		stage(snapshot, n, SNAPSHOT_COMMIT);
		commit(snapshot, n);
		snapshot = reopen(snapshot);
		CU_ASSERT_EQUAL(state_number(snapshot), n);
		CU_ASSERT_EQUAL(entry_number(snapshot), n);
	}
	snapshot_close(snapshot);
}

static void test_response_without_its_commit_never_was_but_its_number_is_accepted(void)
{
	struct snapshot *snapshot = make();

	stage(snapshot, 1, SNAPSHOT_COMMIT);
	commit(snapshot, 1);
	stage(snapshot, 2, SNAPSHOT_COMMIT);
	CU_ASSERT_EQUAL(entry_number(snapshot), 2);
	snapshot = reopen(snapshot);
	CU_ASSERT_EQUAL(entry_number(snapshot), 1);
	CU_ASSERT_EQUAL(snapshot_accepted(snapshot, ENTRY), 2);
	/* the same generation comes again, and must not make it valid */
	commit(snapshot, 7);
	snapshot = reopen(snapshot);
	CU_ASSERT_EQUAL(state_number(snapshot), 7);
	CU_ASSERT_EQUAL(entry_number(snapshot), 1);
	snapshot_close(snapshot);
}

static void test_response_staged_twice_before_a_commit_leaves_the_one_in_use_alone(void)
{
	struct snapshot *snapshot = make();

	stage(snapshot, 1, SNAPSHOT_COMMIT);
	commit(snapshot, 1);
	stage(snapshot, 2, SNAPSHOT_COMMIT);
	stage(snapshot, 3, SNAPSHOT_COMMIT);
	snapshot = reopen(snapshot);
	CU_ASSERT_EQUAL(entry_number(snapshot), 1);
	snapshot_close(snapshot);
}

static void test_response_that_is_valid_now_needs_no_commit(void)
{
	struct snapshot *snapshot = make();

	commit(snapshot, 1);
	for (uint32_t n = 1; n < 5; n++) {
		stage(snapshot, n, SNAPSHOT_NOW);
		snapshot = reopen(snapshot);
		CU_ASSERT_EQUAL(entry_number(snapshot), n);
	}
	snapshot_close(snapshot);
}

static void test_spare_permanent_state_is_the_one_that_no_slot_in_use_refers_to(void)
{
	struct snapshot *snapshot = make();
	uint8_t bytes[VOLATILE_SIZE];
	struct snapshot_state state;

	for (uint64_t n = 1; n < 5; n++) {
		uint32_t spare = snapshot_spare(snapshot);

		fill_state(&state, bytes, n);
		state.permanent_index = spare;
		CU_ASSERT_EQUAL(snapshot_commit(snapshot, &state, bytes, sizeof(bytes)), 0);
		CU_ASSERT_NOT_EQUAL(snapshot_spare(snapshot), spare);
	}
	snapshot_close(snapshot);
}

static void test_volatile_state_is_taken_up_to_its_limit(void)
{
	static uint8_t bytes[SNAPSHOT_VOLATILE_MAX + 1];
	struct snapshot *snapshot = make();
	const struct snapshot_state state = {0};
	uint32_t length;

	CU_ASSERT_EQUAL(snapshot_commit(snapshot, &state, bytes, SNAPSHOT_VOLATILE_MAX), 0);
	CU_ASSERT_EQUAL(snapshot_commit(snapshot, &state, bytes, SNAPSHOT_VOLATILE_MAX + 1),
			-PLUTON_ESIZE);
	snapshot_volatile(snapshot, &length);
	CU_ASSERT_EQUAL(length, SNAPSHOT_VOLATILE_MAX);
	snapshot_close(snapshot);
}

static void test_last_entry_there_is_room_for_is_found_again(void)
{
	struct snapshot *snapshot = make();
	const struct snapshot_entry entry = {.in_use = 1, .sequence = 9};

	commit(snapshot, 1);
	snapshot_put_entry(snapshot, SNAPSHOT_ENTRIES_MAX - 1, SNAPSHOT_NOW, &entry, NULL);
	snapshot = reopen(snapshot);
	CU_ASSERT_EQUAL(snapshot_entry(snapshot, SNAPSHOT_ENTRIES_MAX - 1)->sequence, 9);
	CU_ASSERT_PTR_NULL(snapshot_entry(snapshot, 0));
	snapshot_close(snapshot);
}

/* --- a kill at every instruction ------------------------------------------------------------- */

/* One command's worth of writing, between two stops for the tracer. */
__attribute__((noreturn)) static void write_traced(struct snapshot *snapshot)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	stage(snapshot, 2, SNAPSHOT_COMMIT);
	commit(snapshot, 2);
	_exit(0);
}

/* What a new process would find if the old one had died now. The copy is as sealed as the file. */
static void check_as_found(struct snapshot *copy_of, int copy, bool *was_new)
{
	static uint8_t bytes[1 << 16];
	off_t at = 0;
	struct snapshot *found;
	ssize_t n;
	off_t end = 150 << 10; /* header and slots */

	for (; at < end; at += n) {
		n = pread(snapshot_fd(copy_of), bytes, sizeof(bytes), at);
		CU_ASSERT_TRUE_FATAL(n > 0 && pwrite(copy, bytes, (size_t)n, at) == n);
	}
	at = lseek(snapshot_fd(copy_of), 1 << 20, SEEK_DATA); /* the entries: behind the images */
	CU_ASSERT_TRUE_FATAL(at > 0);
	n = pread(snapshot_fd(copy_of), bytes, sizeof(bytes), at);
	CU_ASSERT_TRUE_FATAL(n > 0 && pwrite(copy, bytes, (size_t)n, at) == n);
	found = open_again(dup(copy));
	if (state_number(found) == 2) {
		*was_new = true;
		CU_ASSERT_EQUAL(entry_number(found), 2);
		CU_ASSERT_EQUAL(snapshot_accepted(found, ENTRY), 2);
	} else {
		CU_ASSERT_FALSE(*was_new); /* it does not go back */
		CU_ASSERT_EQUAL(state_number(found), 1);
		CU_ASSERT_EQUAL(entry_number(found), 1);
	}
	snapshot_close(found);
}

static void test_kill_at_every_instruction_leaves_all_of_before_or_all_of_after(void)
{
	struct snapshot *snapshot = make();
	struct snapshot *copy = make();
	bool was_new = false;
	unsigned steps = 0;
	int status;
	pid_t child;

	stage(snapshot, 1, SNAPSHOT_COMMIT);
	commit(snapshot, 1);
	child = fork();
	CU_ASSERT_TRUE_FATAL(child >= 0);
	if (child == 0)
		write_traced(snapshot);
	CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
	if (!WIFSTOPPED(status)) {
		snapshot_close(snapshot);
		snapshot_close(copy);
		suite_skip("this system does not let us trace our own child");
	}
	check_as_found(snapshot, snapshot_fd(copy), &was_new);
	while (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) == 0 &&
	       waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		steps++;
		check_as_found(snapshot, snapshot_fd(copy), &was_new);
	}
	check_as_found(snapshot, snapshot_fd(copy), &was_new);
	CU_ASSERT_TRUE(was_new);
	CU_ASSERT_TRUE(steps > 1000);
	printf("# %u instructions\n", steps);
	snapshot_close(snapshot);
	snapshot_close(copy);
}

/* --- files that are not ours ----------------------------------------------------------------- */

static void check_refused(int fd)
{
	struct snapshot *snapshot;
	const char *why = NULL;

	CU_ASSERT_EQUAL(snapshot_open(fd, &snapshot, &why), -PLUTON_EINVAL);
	CU_ASSERT_PTR_NOT_NULL(why);
}

static void test_descriptors_that_are_no_sealed_memfd_of_ours_are_refused(void)
{
	int plain = memfd_create("plain", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int small = memfd_create("small", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	check_refused(open("/dev/null", O_RDWR | O_CLOEXEC));
	CU_ASSERT_EQUAL(ftruncate(plain, 1 << 24), 0);
	check_refused(plain);
	CU_ASSERT_EQUAL(ftruncate(small, 4096), 0);
	CU_ASSERT_EQUAL(fcntl(small, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	check_refused(small);
}

static void test_snapshot_in_which_nothing_was_committed_is_refused(void)
{
	struct snapshot *snapshot = make();
	int fd = dup(snapshot_fd(snapshot));

	snapshot_close(snapshot);
	check_refused(fd);
}

static void test_no_flipped_bit_makes_a_state_that_never_was(void)
{
	struct snapshot *snapshot = make();
	struct snapshot *found;
	const char *why;
	uint8_t byte;
	int fd;

	stage(snapshot, 1, SNAPSHOT_COMMIT);
	commit(snapshot, 1);
	fd = dup(snapshot_fd(snapshot));
	for (off_t at = 0; at < 70000; at += at < 8192 ? 1 : 997) {
		CU_ASSERT_EQUAL_FATAL(pread(fd, &byte, 1, at), 1);
		byte ^= 4;
		CU_ASSERT_EQUAL_FATAL(pwrite(fd, &byte, 1, at), 1);
		if (snapshot_open(dup(fd), &found, &why) == 0) {
			CU_ASSERT_EQUAL(state_number(found), 1);
			snapshot_close(found);
		}
		byte ^= 4;
		CU_ASSERT_EQUAL_FATAL(pwrite(fd, &byte, 1, at), 1);
	}
	close(fd);
	snapshot_close(snapshot);
}

static void test_snapshot_cannot_be_shrunk_under_us(void)
{
	struct snapshot *snapshot = make();

	CU_ASSERT_EQUAL(ftruncate(snapshot_fd(snapshot), 0), -1);
	CU_ASSERT_EQUAL(ftruncate(snapshot_fd(snapshot), 1 << 30), -1);
	snapshot_close(snapshot);
}

static const struct test tests[] = {
	TEST(test_what_was_committed_last_is_found_again),
	TEST(test_response_without_its_commit_never_was_but_its_number_is_accepted),
	TEST(test_response_staged_twice_before_a_commit_leaves_the_one_in_use_alone),
	TEST(test_response_that_is_valid_now_needs_no_commit),
	TEST(test_spare_permanent_state_is_the_one_that_no_slot_in_use_refers_to),
	TEST(test_volatile_state_is_taken_up_to_its_limit),
	TEST(test_last_entry_there_is_room_for_is_found_again),
	TEST(test_kill_at_every_instruction_leaves_all_of_before_or_all_of_after),
	TEST(test_descriptors_that_are_no_sealed_memfd_of_ours_are_refused),
	TEST(test_snapshot_in_which_nothing_was_committed_is_refused),
	TEST(test_no_flipped_bit_makes_a_state_that_never_was),
	TEST(test_snapshot_cannot_be_shrunk_under_us),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "tpm_snapshot", tests, TESTS_COUNT(tests));
}
