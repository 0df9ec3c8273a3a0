/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows: which descriptors are taken, and what a capsule reaches through them.
 */
#include "daemon/kernel/window.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/kernel/request.h"
#include "tests/bare.h"
#include "tests/rig.h"
#include "tests/suite.h"

#define PAGE 4096u

static struct bare bare;
static struct process *process;

static void open_kernel(void)
{
	bare_open(&bare, NULL);
	process = bare_process(&bare, 1000);
}

static int add(int fd)
{
	uint32_t number = 0;

	return bare_window(process, fd, &number);
}

static int add_sized(size_t size)
{
	return add(bare_memfd(size, F_SEAL_SHRINK));
}

static uint32_t window_of(int fd)
{
	uint32_t number = 0;

	CU_ASSERT_EQUAL_FATAL(bare_window(process, fd, &number), 0);
	return number;
}

static bool why_says(const char *words)
{
	return strstr(bare.kernel.why, words) != NULL;
}

/* --- what is taken ---------------------------------------------------------------------------- */

static void test_a_memfd_that_cannot_shrink_is_taken_and_mapped(void)
{
	int fd = bare_memfd(PAGE, F_SEAL_SHRINK), copy = dup(fd);
	const struct window *window;
	uint8_t byte = 77;

	open_kernel();
	window = window_find(process, window_of(fd));
	CU_ASSERT_PTR_NOT_NULL_FATAL(window);
	CU_ASSERT_EQUAL(window->size, PAGE);
	CU_ASSERT_FALSE(window->sealed);
	CU_ASSERT_EQUAL(pwrite(copy, &byte, 1, PAGE - 1), 1);
	CU_ASSERT_EQUAL(window->memory[PAGE - 1], 77);
	close(copy);
	bare_close(&bare);
}

static void test_numbers_begin_at_one_and_the_lowest_free_is_next(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(window_of(bare_memfd(PAGE, F_SEAL_SHRINK)), 1);
	CU_ASSERT_EQUAL(window_of(bare_memfd(PAGE, F_SEAL_SHRINK)), 2);
	CU_ASSERT_EQUAL(window_of(bare_memfd(PAGE, F_SEAL_SHRINK)), 3);
	CU_ASSERT_EQUAL(window_remove(process, 2), 0);
	CU_ASSERT_EQUAL(window_of(bare_memfd(PAGE, F_SEAL_SHRINK)), 2);
	bare_close(&bare);
}

static void test_the_descriptor_stays_the_callers_whether_it_was_taken_or_not(void)
{
	uint32_t number;
	int fd = bare_memfd(PAGE, F_SEAL_SHRINK), refused = bare_memfd(PAGE, 0);

	open_kernel();
	CU_ASSERT_EQUAL(window_add(process, fd, &number), 0);
	CU_ASSERT_EQUAL(window_add(process, refused, &number), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(close(fd), 0);
	CU_ASSERT_EQUAL(close(refused), 0);
	bare_close(&bare);
}

static void test_a_memfd_sealed_against_writing_is_taken_for_reading(void)
{
	const struct window *window;
	uint8_t byte = 5;
	int fd = bare_memfd(PAGE, 0);

	open_kernel();
	CU_ASSERT_EQUAL(pwrite(fd, &byte, 1, 10), 1);
	CU_ASSERT_EQUAL(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE), 0);
	window = window_find(process, window_of(fd));
	CU_ASSERT_PTR_NOT_NULL_FATAL(window);
	CU_ASSERT_TRUE(window->sealed);
	CU_ASSERT_EQUAL(window->memory[10], 5);
	bare_close(&bare);
}

/* Before Linux 6.7 a write-sealed memfd that is open for writing cannot be mapped shared at all. */
static void test_a_sealed_memfd_is_mapped_in_the_way_older_kernels_allow(void)
{
	char line[256];
	const struct window *window;
	uintptr_t start;
	bool is_private = false;
	FILE *maps = fopen("/proc/self/maps", "re");

	open_kernel();
	window = window_find(process, window_of(bare_memfd(PAGE, F_SEAL_SHRINK | F_SEAL_WRITE)));
	while (maps && window && fgets(line, sizeof(line), maps)) {
		char flags[5];

		if (sscanf(line, "%lx-%*x %4s", &start, flags) == 2 &&
		    start == (uintptr_t)window->memory)
			is_private = strcmp(flags, "r--p") == 0;
	}
	CU_ASSERT_TRUE(is_private);
	if (maps)
		fclose(maps);
	bare_close(&bare);
}

static void test_a_size_that_is_no_multiple_of_a_page_is_kept_exactly(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(window_find(process, window_of(bare_memfd(100, F_SEAL_SHRINK)))->size, 100);
	bare_close(&bare);
}

/* --- what is refused -------------------------------------------------------------------------- */

static void test_a_memfd_without_seals_is_refused(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(add(bare_memfd(PAGE, 0)), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(why_says("F_SEAL_SHRINK"));
	bare_close(&bare);
}

static void test_a_memfd_with_every_seal_but_shrink_is_refused(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(add(bare_memfd(PAGE, F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)),
			-PLUTON_EINVAL);
	CU_ASSERT_TRUE(why_says("F_SEAL_SHRINK"));
	bare_close(&bare);
}

static void test_a_memfd_that_cannot_be_sealed_is_refused(void)
{
	int fd = memfd_create("plain", MFD_CLOEXEC);

	open_kernel();
	CU_ASSERT_EQUAL(ftruncate(fd, PAGE), 0);
	CU_ASSERT_EQUAL(add(fd), -PLUTON_EINVAL);
	bare_close(&bare);
}

static void test_a_pipe_is_refused(void)
{
	int ends[2];

	open_kernel();
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	CU_ASSERT_EQUAL(add(ends[0]), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(why_says("memfd"));
	close(ends[1]);
	bare_close(&bare);
}

static void test_a_regular_file_is_refused(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(add(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(why_says("memfd"));
	bare_close(&bare);
}

static void test_a_file_on_tmpfs_is_refused(void)
{
	char path[] = "/dev/shm/pluton-window-XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0)
		suite_skip("no /dev/shm to write to");
	unlink(path);
	open_kernel();
	CU_ASSERT_EQUAL(ftruncate(fd, PAGE), 0);
	CU_ASSERT_EQUAL(add(fd), -PLUTON_EINVAL);
	bare_close(&bare);
}

static void test_a_device_is_refused(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(add(open("/dev/zero", O_RDWR | O_CLOEXEC)), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(add(open("/dev/null", O_RDWR | O_CLOEXEC)), -PLUTON_EINVAL);
	bare_close(&bare);
}

static void test_huge_pages_are_refused(void)
{
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);

	if (fd < 0)
		suite_skip("this system has no huge pages");
	open_kernel();
	CU_ASSERT_EQUAL(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	CU_ASSERT_EQUAL(add(fd), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(why_says("ordinary pages"));
	bare_close(&bare);
}

static int reopen(int fd, int flags)
{
	char path[40];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, flags | O_CLOEXEC);
	close(fd);
	return again;
}

static void test_a_memfd_open_for_reading_only_is_refused(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(add(reopen(bare_memfd(PAGE, F_SEAL_SHRINK), O_RDONLY)), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(why_says("reading and writing"));
	bare_close(&bare);
}

static void test_a_sealed_memfd_open_for_reading_only_is_taken(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(add(reopen(bare_memfd(PAGE, F_SEAL_SHRINK | F_SEAL_WRITE), O_RDONLY)), 0);
	bare_close(&bare);
}

static void test_a_memfd_that_is_only_a_path_is_refused(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(add(reopen(bare_memfd(PAGE, F_SEAL_SHRINK), O_PATH)), -PLUTON_EINVAL);
	bare_close(&bare);
}

static void test_an_empty_memfd_is_refused(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(add_sized(0), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(why_says("empty"));
	bare_close(&bare);
}

static void test_window_max_can_be_reached_and_not_passed(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(add_sized(bare.kernel.limits.window_max), 0);
	CU_ASSERT_EQUAL(add_sized(bare.kernel.limits.window_max + 1), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(why_says("window_max"));
	bare_close(&bare);
}

static void test_a_size_of_more_than_32_bits_is_not_cut_off(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(add_sized(((size_t)1 << 32) + PAGE), -PLUTON_ESIZE);
	bare_close(&bare);
}

static void test_windows_per_process_can_be_reached_and_not_passed(void)
{
	open_kernel();
	for (uint32_t i = 0; i < bare.kernel.limits.windows_per_process; i++)
		CU_ASSERT_EQUAL(add_sized(PAGE), 0);
	CU_ASSERT_EQUAL(add_sized(PAGE), -PLUTON_EBUSY);
	CU_ASSERT_TRUE(why_says("windows_per_process"));
	bare_close(&bare);
}

/* The table has WINDOWS_MAX places whatever the configuration says. */
static void test_a_limit_over_the_table_stays_inside_the_table(void)
{
	struct kernel_limits limits = bare_limits();

	limits.windows_per_process = 64;
	bare_open(&bare, &limits);
	process = bare_process(&bare, 1000);
	for (uint32_t i = 0; i < WINDOWS_MAX; i++)
		CU_ASSERT_EQUAL(add_sized(PAGE), 0);
	CU_ASSERT_EQUAL(add_sized(PAGE), -PLUTON_EBUSY);
	bare_close(&bare);
}

static void test_windows_per_user_adds_up_over_processes_and_not_over_users(void)
{
	size_t quarter;

	open_kernel();
	quarter = bare.kernel.limits.windows_per_user / 4;
	for (unsigned i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(add_sized(quarter), 0);
	process = bare_process(&bare, 1000);
	for (unsigned i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(add_sized(quarter), 0);
	CU_ASSERT_EQUAL(add_sized(1), -PLUTON_EBUSY);
	CU_ASSERT_TRUE(why_says("windows_per_user"));
	process = bare_process(&bare, 1001);
	CU_ASSERT_EQUAL(add_sized(quarter), 0);
	bare_close(&bare);
}

static void test_without_memory_for_the_table_a_window_is_nomem(void)
{
	open_kernel();
	arena_charge(&process->arena, process->arena.limit - process->arena.taken);
	CU_ASSERT_EQUAL(add_sized(PAGE), -PLUTON_ENOMEM);
	CU_ASSERT_PTR_NULL(process->windows);
	bare_close(&bare);
}

/* --- removing --------------------------------------------------------------------------------- */

static void test_removing_what_is_not_there_is_inval(void)
{
	open_kernel();
	CU_ASSERT_EQUAL(window_remove(process, 1), -PLUTON_EINVAL);
	window_of(bare_memfd(PAGE, F_SEAL_SHRINK));
	CU_ASSERT_EQUAL(window_remove(process, 0), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(window_remove(process, 2), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(window_remove(process, WINDOWS_MAX + 1), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(window_remove(process, UINT32_MAX), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(window_remove(process, 1), 0);
	CU_ASSERT_EQUAL(window_remove(process, 1), -PLUTON_EINVAL);
	bare_close(&bare);
}

static void test_a_window_that_an_operation_names_cannot_be_removed(void)
{
	struct record record = rig_operation(1, PUPPET_DRIVER, PUPPET_CALL), answer;
	uint32_t window;

	open_kernel();
	puppet.run = puppet_hold;
	window = window_of(bare_memfd(PAGE, F_SEAL_SHRINK));
	rig_range(&record, PUPPET_IN, window, 0, 1);
	CU_ASSERT_EQUAL(request_submit(process, &record), 0);
	CU_ASSERT_EQUAL(window_remove(process, window), -PLUTON_EBUSY);
	puppet_end(0, 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(window_remove(process, window), 0);
	bare_close(&bare);
}

static int withdraw(uint32_t op_id, uint32_t slot)
{
	struct record record = {
		.header = {.type = RECORD_CALL, .op_id = op_id, .driver = PUPPET_DRIVER},
		.call = {.class = CLASS_ALLOW_RO, .number = slot}};
	struct record_return ret;

	trd104_call(process, &record, &ret);
	return ret.variant >= VARIANT_SUCCESS ? 0 : -(int)ret.words[0];
}

static void test_a_window_that_was_lent_cannot_be_removed_though_its_range_was_withdrawn(void)
{
	struct record record = rig_operation(1, PUPPET_DRIVER, PUPPET_CALL), answer;
	const uint8_t *lent;
	uint32_t window;
	size_t length;

	open_kernel();
	puppet.run = puppet_hold;
	window = window_of(bare_memfd(PAGE, F_SEAL_SHRINK));
	rig_range(&record, PUPPET_IN, window, 0, PAGE);
	CU_ASSERT_EQUAL(request_submit(process, &record), 0);
	lent = op_lend_ro(puppet.held[0], PUPPET_IN, 0, &length);
	CU_ASSERT_EQUAL(withdraw(1, PUPPET_IN), 0);
	CU_ASSERT_EQUAL(window_remove(process, window), -PLUTON_EBUSY);
	CU_ASSERT(lent && lent[PAGE - 1] == 0);
	puppet_end(0, 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(window_remove(process, window), 0);
	bare_close(&bare);
}

static void test_a_withdrawn_range_that_was_never_lent_frees_its_window(void)
{
	struct record record = rig_operation(1, PUPPET_DRIVER, PUPPET_CALL);
	uint32_t window;
	uint8_t byte;

	open_kernel();
	puppet.run = puppet_hold;
	window = window_of(bare_memfd(PAGE, F_SEAL_SHRINK));
	rig_range(&record, PUPPET_IN, window, 0, PAGE);
	CU_ASSERT_EQUAL(request_submit(process, &record), 0);
	CU_ASSERT_EQUAL(withdraw(1, PUPPET_IN), 0);
	CU_ASSERT_EQUAL(window_remove(process, window), 0);
	CU_ASSERT_EQUAL(op_read(puppet.held[0], PUPPET_IN, 0, &byte, 1), -PLUTON_ESIZE);
	bare_close(&bare);
}

static void test_a_lend_of_a_standing_operation_ends_with_its_command(void)
{
	const uint32_t range[4] = {1, 0, PAGE, 0}, none[4] = {0};
	struct record answer;
	size_t length;

	open_kernel();
	puppet.run = puppet_hold;
	CU_ASSERT_EQUAL(window_of(bare_memfd(PAGE, F_SEAL_SHRINK)), 1);
	bare_call(process, CLASS_ALLOW_RO, PUPPET_IN, range, NULL);
	CU_ASSERT_EQUAL(bare_call(process, CLASS_COMMAND, PUPPET_CALL, NULL, NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(op_lend_ro(puppet.held[0], PUPPET_IN, 0, &length));
	bare_call(process, CLASS_ALLOW_RO, PUPPET_IN, none, NULL);
	CU_ASSERT_EQUAL(window_remove(process, 1), -PLUTON_EBUSY);
	puppet_end(0, 0);
	CU_ASSERT_TRUE(bare_fetch(process, &answer));
	CU_ASSERT_EQUAL(window_remove(process, 1), 0);
	bare_close(&bare);
}

/* mincore answers for mapped memory only. */
static bool is_mapped(void *memory)
{
	unsigned char resident;

	return mincore(memory, PAGE, &resident) == 0;
}

static void test_windows_are_unmapped_when_they_are_removed_and_at_death(void)
{
	uint8_t *first, *second;

	open_kernel();
	first = window_find(process, window_of(bare_memfd(PAGE, F_SEAL_SHRINK)))->memory;
	second = window_find(process, window_of(bare_memfd(PAGE, F_SEAL_SHRINK)))->memory;
	CU_ASSERT(is_mapped(first) && is_mapped(second));
	CU_ASSERT_EQUAL(window_remove(process, 1), 0);
	CU_ASSERT(!is_mapped(first) && is_mapped(second));
	process_kill(process);
	CU_ASSERT_FALSE(is_mapped(second));
	bare_close(&bare);
}

/* --- reaching --------------------------------------------------------------------------------- */

static void test_inline_bytes_are_never_lent(void)
{
	struct record record = rig_operation(1, PUPPET_DRIVER, PUPPET_CALL);
	uint8_t bytes[4];
	size_t length;

	open_kernel();
	puppet.run = puppet_hold;
	rig_in(&record, PUPPET_IN, bytes, "1234", 4);
	rig_out(&record, PUPPET_OUT, 4);
	CU_ASSERT_EQUAL(request_submit(process, &record), 0);
	CU_ASSERT_PTR_NULL(op_lend_ro(puppet.held[0], PUPPET_IN, 0, &length));
	CU_ASSERT_PTR_NULL(op_lend_rw(puppet.held[0], PUPPET_OUT, 0, &length));
	bare_close(&bare);
}

static struct operation *hold_ranges(uint32_t in, uint32_t out)
{
	struct record record = rig_operation(1, PUPPET_DRIVER, PUPPET_CALL);

	puppet.run = puppet_hold;
	rig_range(&record, PUPPET_IN, in, 100, 50);
	rig_range(&record, PUPPET_OUT, out, 200, 50);
	CU_ASSERT_EQUAL_FATAL(request_submit(process, &record), 0);
	return puppet.held[0];
}

static void test_lending_gives_the_rest_of_the_range_and_nothing_more(void)
{
	struct operation *op;
	const struct window *window;
	uint32_t number;
	size_t length = 0;

	open_kernel();
	number = window_of(bare_memfd(PAGE, F_SEAL_SHRINK));
	window = window_find(process, number);
	op = hold_ranges(number, number);
	CU_ASSERT_PTR_EQUAL(op_lend_ro(op, PUPPET_IN, 20, &length), window->memory + 120);
	CU_ASSERT_EQUAL(length, 30);
	CU_ASSERT_PTR_EQUAL(op_lend_rw(op, PUPPET_OUT, 49, &length), window->memory + 249);
	CU_ASSERT_EQUAL(length, 1);
	CU_ASSERT_PTR_NULL(op_lend_ro(op, PUPPET_IN, 50, &length));
	CU_ASSERT_PTR_NULL(op_lend_rw(op, PUPPET_OUT, SIZE_MAX, &length));
	bare_close(&bare);
}

static void test_a_read_only_slot_is_neither_written_nor_lent_for_writing(void)
{
	struct operation *op;
	uint32_t number;
	size_t length;

	open_kernel();
	number = window_of(bare_memfd(PAGE, F_SEAL_SHRINK));
	op = hold_ranges(number, number);
	CU_ASSERT_PTR_NULL(op_lend_rw(op, PUPPET_IN, 0, &length));
	CU_ASSERT_EQUAL(op_write(op, PUPPET_IN, 0, "x", 1), -PLUTON_EINVAL);
	bare_close(&bare);
}

static void test_a_slot_number_out_of_the_table_reaches_nothing(void)
{
	struct operation *op;
	uint32_t number;
	uint8_t byte;
	size_t length;

	open_kernel();
	number = window_of(bare_memfd(PAGE, F_SEAL_SHRINK));
	op = hold_ranges(number, number);
	for (unsigned slot = RECORD_RANGES_MAX; slot < 200; slot += 31) {
		CU_ASSERT_EQUAL(op_length(op, slot), 0);
		CU_ASSERT(op_read(op, slot, 0, &byte, 1) < 0);
		CU_ASSERT(op_write(op, slot, 0, &byte, 1) < 0);
		CU_ASSERT_PTR_NULL(op_lend_ro(op, slot, 0, &length));
		CU_ASSERT_PTR_NULL(op_lend_rw(op, slot, 0, &length));
		CU_ASSERT_FALSE(op_sealed(op, slot));
	}
	bare_close(&bare);
}

static void test_a_slot_is_sealed_if_its_window_is(void)
{
	struct operation *op;
	uint32_t open_window, sealed;

	open_kernel();
	open_window = window_of(bare_memfd(PAGE, F_SEAL_SHRINK));
	sealed = window_of(bare_memfd(PAGE, F_SEAL_SHRINK | F_SEAL_WRITE));
	op = hold_ranges(sealed, open_window);
	CU_ASSERT_TRUE(op_sealed(op, PUPPET_IN));
	CU_ASSERT_FALSE(op_sealed(op, PUPPET_OUT));
	bare_close(&bare);
}

static void test_output_into_a_sealed_window_is_refused(void)
{
	struct record record = rig_operation(1, PUPPET_DRIVER, PUPPET_CALL);
	uint32_t sealed;

	open_kernel();
	sealed = window_of(bare_memfd(PAGE, F_SEAL_SHRINK | F_SEAL_WRITE));
	rig_range(&record, PUPPET_IN, sealed, 0, 8);
	rig_range(&record, PUPPET_OUT, sealed, 8, 8);
	CU_ASSERT_EQUAL(request_submit(process, &record), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(why_says("for writing"));
	bare_close(&bare);
}

static void test_reading_and_writing_reach_exactly_the_range(void)
{
	struct operation *op;
	const struct window *window;
	uint32_t number;
	uint8_t bytes[64];

	open_kernel();
	number = window_of(bare_memfd(PAGE, F_SEAL_SHRINK));
	window = window_find(process, number);
	memset(window->memory, 1, PAGE);
	op = hold_ranges(number, number);
	memset(bytes, 2, sizeof(bytes));
	CU_ASSERT_EQUAL(op_write(op, PUPPET_OUT, 0, bytes, sizeof(bytes)), 50);
	CU_ASSERT(window->memory[199] == 1 && window->memory[200] == 2);
	CU_ASSERT(window->memory[249] == 2 && window->memory[250] == 1);
	CU_ASSERT_EQUAL(op_read(op, PUPPET_IN, 40, bytes, sizeof(bytes)), 10);
	CU_ASSERT(bytes[9] == 1 && bytes[10] == 2);
	CU_ASSERT_EQUAL(op_read(op, PUPPET_IN, 50, bytes, 1), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(op_read_all(op, PUPPET_IN, bytes, 51), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(op_write_all(op, PUPPET_OUT, bytes, 51), -PLUTON_ESIZE);
	bare_close(&bare);
}

static const struct test tests[] = {
	TEST(test_a_memfd_that_cannot_shrink_is_taken_and_mapped),
	TEST(test_numbers_begin_at_one_and_the_lowest_free_is_next),
	TEST(test_the_descriptor_stays_the_callers_whether_it_was_taken_or_not),
	TEST(test_a_memfd_sealed_against_writing_is_taken_for_reading),
	TEST(test_a_sealed_memfd_is_mapped_in_the_way_older_kernels_allow),
	TEST(test_a_size_that_is_no_multiple_of_a_page_is_kept_exactly),
	TEST(test_a_memfd_without_seals_is_refused),
	TEST(test_a_memfd_with_every_seal_but_shrink_is_refused),
	TEST(test_a_memfd_that_cannot_be_sealed_is_refused),
	TEST(test_a_pipe_is_refused),
	TEST(test_a_regular_file_is_refused),
	TEST(test_a_file_on_tmpfs_is_refused),
	TEST(test_a_device_is_refused),
	TEST(test_huge_pages_are_refused),
	TEST(test_a_memfd_open_for_reading_only_is_refused),
	TEST(test_a_sealed_memfd_open_for_reading_only_is_taken),
	TEST(test_a_memfd_that_is_only_a_path_is_refused),
	TEST(test_an_empty_memfd_is_refused),
	TEST(test_window_max_can_be_reached_and_not_passed),
	TEST(test_a_size_of_more_than_32_bits_is_not_cut_off),
	TEST(test_windows_per_process_can_be_reached_and_not_passed),
	TEST(test_a_limit_over_the_table_stays_inside_the_table),
	TEST(test_windows_per_user_adds_up_over_processes_and_not_over_users),
	TEST(test_without_memory_for_the_table_a_window_is_nomem),
	TEST(test_removing_what_is_not_there_is_inval),
	TEST(test_a_window_that_an_operation_names_cannot_be_removed),
	TEST(test_a_window_that_was_lent_cannot_be_removed_though_its_range_was_withdrawn),
	TEST(test_a_withdrawn_range_that_was_never_lent_frees_its_window),
	TEST(test_a_lend_of_a_standing_operation_ends_with_its_command),
	TEST(test_windows_are_unmapped_when_they_are_removed_and_at_death),
	TEST(test_inline_bytes_are_never_lent),
	TEST(test_lending_gives_the_rest_of_the_range_and_nothing_more),
	TEST(test_a_read_only_slot_is_neither_written_nor_lent_for_writing),
	TEST(test_a_slot_number_out_of_the_table_reaches_nothing),
	TEST(test_a_slot_is_sealed_if_its_window_is),
	TEST(test_output_into_a_sealed_window_is_refused),
	TEST(test_reading_and_writing_reach_exactly_the_range),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "window", tests, TESTS_COUNT(tests));
}
