/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files engine through the contract checker: what every action does, refuses and keeps, at each
 * limit and beyond it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/nv/bench.h"
#include "tests/suite.h"

static struct nv_bench bench;
static struct nv_status status;

static uint32_t generation(const char *owner, const char *name)
{
	CU_ASSERT_EQUAL(nv_status(&bench, owner, name, &status), 0);
	return status.generation;
}

/* --- areas ----------------------------------------------------------------------------------- */

static void test_an_area_that_was_never_made_does_not_exist(void)
{
	char byte;

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", 0, &byte, 1), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(nv_write(&bench, ALICE, "a", 0, "x", 1), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(nv_delete(&bench, ALICE, "a"), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(nv_status(&bench, ALICE, "a", &status), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "a", NV_LOCK_WRITE), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "a", NV_LOCK_READ_BOOT), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(nv_list(&bench, ALICE, 0, &status, 1), 0);
	nv_bench_close(&bench);
}

static void test_nothing_is_on_the_disk_before_the_first_area(void)
{
	char byte;

	nv_bench_open(&bench, NULL);
	nv_read(&bench, ALICE, "a", 0, &byte, 1);
	nv_list(&bench, ALICE, 0, &status, 1);
	CU_ASSERT_NOT_EQUAL(access(nv_bench_path(&bench, NULL, NULL), F_OK), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "x"), 0);
	CU_ASSERT_EQUAL(access(nv_bench_path(&bench, ALICE, "a"), F_OK), 0);
	nv_bench_close(&bench);
}

static void test_files_and_folders_are_for_the_daemon_alone(void)
{
	mode_t before = umask(0);
	struct stat file;

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "x"), 0);
	CU_ASSERT_EQUAL(stat(nv_bench_path(&bench, ALICE, "a"), &file), 0);
	CU_ASSERT_EQUAL(file.st_mode & 07777, 0600);
	CU_ASSERT_EQUAL(stat(nv_bench_path(&bench, ALICE, NULL), &file), 0);
	CU_ASSERT_EQUAL(file.st_mode & 07777, 0700);
	CU_ASSERT_EQUAL(stat(nv_bench_path(&bench, NULL, NULL), &file), 0);
	CU_ASSERT_EQUAL(file.st_mode & 07777, 0700);
	nv_bench_close(&bench);
	umask(before);
}

static void test_an_area_is_made_empty_and_only_once(void)
{
	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "a", 100), 0);
	CU_ASSERT_EQUAL(nv_status(&bench, ALICE, "a", &status), 0);
	CU_ASSERT_STRING_EQUAL(status.name, "a");
	CU_ASSERT_EQUAL(status.capacity, 100);
	CU_ASSERT_EQUAL(status.length, 0);
	CU_ASSERT_EQUAL(status.locks, 0);
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "a", 100), -PLUTON_EALREADY);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", ""));
	nv_bench_close(&bench);
}

static void test_an_area_of_no_capacity_holds_nothing(void)
{
	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "a", 0), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", ""));
	CU_ASSERT_EQUAL(nv_write(&bench, ALICE, "a", 0, "x", 1), -PLUTON_ESIZE);
	nv_bench_close(&bench);
}

static void test_a_deleted_area_is_gone_and_can_be_made_again(void)
{
	uint32_t before;

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "secret"), 0);
	before = generation(ALICE, "a");
	CU_ASSERT_EQUAL(nv_delete(&bench, ALICE, "a"), 0);
	CU_ASSERT_EQUAL(nv_status(&bench, ALICE, "a", &status), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "a", 100), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", ""));
	CU_ASSERT_NOT_EQUAL(generation(ALICE, "a"), before);
	nv_bench_close(&bench);
}

/* --- reading and writing --------------------------------------------------------------------- */

static void test_a_write_changes_its_bytes_and_no_others(void)
{
	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "a", 10), 0);
	CU_ASSERT_EQUAL(nv_write(&bench, ALICE, "a", 0, "0123456789", 10), 0);
	CU_ASSERT_EQUAL(nv_write(&bench, ALICE, "a", 3, "xyz", 3), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "012xyz6789"));
	nv_bench_close(&bench);
}

static void test_a_gap_before_a_write_reads_as_zeros(void)
{
	char data[8];

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "b", "other bytes that were read before"), 0);
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "a", 100), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "b", "other bytes that were read before"));
	CU_ASSERT_EQUAL(nv_write(&bench, ALICE, "a", 5, "xyz", 3), 0);
	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", 0, data, 8), 8);
	CU_ASSERT_EQUAL(memcmp(data, "\0\0\0\0\0xyz", 8), 0);
	nv_bench_close(&bench);
}

static void test_a_write_up_to_the_capacity_and_not_beyond(void)
{
	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "a", 4), 0);
	CU_ASSERT_EQUAL(nv_write(&bench, ALICE, "a", 3, "x", 1), 0);
	CU_ASSERT_EQUAL(nv_write(&bench, ALICE, "a", 3, "xx", 2), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(nv_write(&bench, ALICE, "a", 4, "x", 1), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(nv_write(&bench, ALICE, "a", UINT32_MAX, "x", 1), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(nv_status(&bench, ALICE, "a", &status), 0);
	CU_ASSERT_EQUAL(status.length, 4);
	nv_bench_close(&bench);
}

static void test_a_read_ends_where_the_data_ends(void)
{
	char data[16];

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "0123456789"), 0);
	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", 8, data, 16), 2);
	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", 10, data, 16), 0);
	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", 11, data, 16), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", UINT32_MAX, data, 16), -PLUTON_ESIZE);
	nv_bench_close(&bench);
}

static void test_a_read_of_4096_bytes_and_no_more(void)
{
	static char data[4097];

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put(&bench, ALICE, "a", data, sizeof(data)), 0);
	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", 0, data, 4096), 4096);
	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", 0, data, 4097), -PLUTON_ESIZE);
	nv_bench_close(&bench);
}

static void test_every_change_of_the_data_gives_another_generation(void)
{
	uint32_t seen[4];

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "x"), 0);
	seen[0] = generation(ALICE, "a");
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "x"), 0);
	seen[1] = generation(ALICE, "a");
	CU_ASSERT_EQUAL(nv_write(&bench, ALICE, "a", 0, "x", 1), 0);
	seen[2] = generation(ALICE, "a");
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "a", NV_LOCK_WRITE), 0);
	seen[3] = generation(ALICE, "a");
	CU_ASSERT(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2]);
	CU_ASSERT_EQUAL(seen[2], seen[3]);
	nv_bench_close(&bench);
}

static void test_all_of_it_is_there_after_a_restart(void)
{
	uint32_t before;

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "a", 100), 0);
	CU_ASSERT_EQUAL(nv_write(&bench, ALICE, "a", 0, "kept", 4), 0);
	before = generation(ALICE, "a");
	nv_bench_stop(&bench);
	nv_bench_start(&bench);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "kept"));
	CU_ASSERT_EQUAL(generation(ALICE, "a"), before);
	CU_ASSERT_EQUAL(status.capacity, 100);
	nv_bench_close(&bench);
}

/* --- put ------------------------------------------------------------------------------------- */

static void test_put_makes_replaces_and_enlarges(void)
{
	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "first"), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "first"));
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "longer than first"), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "longer than first"));
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "x"), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "x"));
	CU_ASSERT_EQUAL(nv_status(&bench, ALICE, "a", &status), 0);
	CU_ASSERT_EQUAL(status.capacity, 17);
	nv_bench_close(&bench);
}

static void test_put_of_no_bytes_makes_an_empty_area(void)
{
	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put(&bench, ALICE, "a", NULL, 0), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", ""));
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "x"), 0);
	CU_ASSERT_EQUAL(nv_put(&bench, ALICE, "a", NULL, 0), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", ""));
	nv_bench_close(&bench);
}

static void test_input_in_any_pieces_is_the_same(void)
{
	static const size_t pieces[] = {1, 2, 7, 4095, 4096, 65535, 65536, 65537, 0};
	static uint8_t data[200000], back[4096];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	nv_bench_open(&bench, NULL);
	for (unsigned i = 0; i < TESTS_COUNT(pieces); i++) {
		struct nv_request request = nv_request(&bench, NV_PUT, ALICE, "a");
		struct nv_test_client client = {.input = data, .piece = pieces[i]};

		request.length = sizeof(data) - i;
		CU_ASSERT_EQUAL(nv_client_start(&bench, &client, &request), 0);
		CU_ASSERT_EQUAL(nv_client_finish(&client), 0);
		CU_ASSERT_EQUAL(client.answer.status.length, sizeof(data) - i);
		for (uint32_t at = 0; at < sizeof(data) - i; at += sizeof(back)) {
			ssize_t n = nv_read(&bench, ALICE, "a", at, back, sizeof(back));

			CU_ASSERT(n > 0 && memcmp(back, data + at, (size_t)n) == 0);
		}
	}
	nv_bench_close(&bench);
}

/* --- quotas ---------------------------------------------------------------------------------- */

static void test_as_many_areas_as_the_quota_says_and_no_more(void)
{
	nv_bench_open(&bench, NULL);
	bench.quota.areas = 3;
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "a", 1), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "b", "x"), 0);
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "c", 1), 0);
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "d", 1), -PLUTON_ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(bench.why, "areas_per_owner allows 3"));
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "d", "x"), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "b", "y"), 0);
	CU_ASSERT_EQUAL(nv_delete(&bench, ALICE, "a"), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "d", "x"), 0);
	CU_ASSERT_EQUAL(nv_define(&bench, BOB, "a", 1), 0);
	nv_bench_close(&bench);
}

static void test_as_many_bytes_as_the_quota_says_and_no_more(void)
{
	nv_bench_open(&bench, NULL);
	bench.quota.total_bytes = 100;
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "a", 60), 0);
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "b", 41), -PLUTON_ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(bench.why, "bytes_per_owner allows 100"));
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "b", 40), 0);
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "c", 0), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "c", "x"), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "b", "as long as there is room"), 0);
	CU_ASSERT_EQUAL(nv_define(&bench, BOB, "b", 100), 0);
	nv_bench_close(&bench);
}

static void test_an_area_as_large_as_the_quota_says_and_no_larger(void)
{
	static uint8_t data[1025];

	nv_bench_open(&bench, NULL);
	bench.quota.area_bytes = 1024;
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "a", 1025), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "a", 1024), 0);
	CU_ASSERT_EQUAL(nv_put(&bench, ALICE, "b", data, 1025), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(nv_put(&bench, ALICE, "b", data, 1024), 0);
	nv_bench_close(&bench);
}

static void test_an_area_as_large_as_the_engine_takes_and_no_larger(void)
{
	static uint8_t data[FILES_AREA_MAX + 1];

	nv_bench_open(&bench, NULL);
	bench.quota.area_bytes = UINT32_MAX;
	data[FILES_AREA_MAX - 1] = 'x';
	CU_ASSERT_EQUAL(nv_put(&bench, ALICE, "a", data, FILES_AREA_MAX + 1), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "a", FILES_AREA_MAX + 1), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(nv_put(&bench, ALICE, "a", data, FILES_AREA_MAX), 0);
	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", FILES_AREA_MAX - 1, data, 10), 1);
	CU_ASSERT_EQUAL(data[0], 'x');
	nv_bench_close(&bench);
}

static void test_a_lowered_quota_takes_nothing_away(void)
{
	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "0123456789"), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "b", "0123456789"), 0);
	bench.quota = (struct nv_quota){1, 10, 10};
	CU_ASSERT_EQUAL(nv_write(&bench, ALICE, "a", 0, "x", 1), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "b", "y"), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "x123456789"));
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "c", ""), -PLUTON_ENOMEM);
	nv_bench_close(&bench);
}

/* --- names and owners ------------------------------------------------------------------------ */

static void test_names_of_64_bytes_and_no_longer_ones(void)
{
	char name[NV_NAME_MAX + 2];

	nv_bench_open(&bench, NULL);
	memset(name, 'n', sizeof(name));
	name[NV_NAME_MAX] = '\0';
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, name, "x"), 0);
	CU_ASSERT_EQUAL(nv_status(&bench, ALICE, name, &status), 0);
	CU_ASSERT_STRING_EQUAL(status.name, name);
	name[NV_NAME_MAX] = 'n';
	name[NV_NAME_MAX + 1] = '\0';
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, name, "x"), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "", "x"), -PLUTON_EINVAL);
	nv_bench_close(&bench);
}

static void test_names_cannot_leave_their_folder(void)
{
	static const char *const names[] = {".",	"..", "../x", "a/b",  "/etc/passwd",
					    ".new",	".a", "a b",  "a\n",  "a\\",
					    "\xc3\xa4", "a*", "a:b",  "a%2f", "a\x7f"};

	nv_bench_open(&bench, NULL);
	for (unsigned i = 0; i < TESTS_COUNT(names); i++) {
		CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, names[i], "x"), -PLUTON_EINVAL);
		CU_ASSERT_EQUAL(nv_put_text(&bench, names[i], "a", "x"), -PLUTON_EINVAL);
	}
	CU_ASSERT_FALSE(nv_name_valid("a\0b", 3));
	CU_ASSERT_TRUE(nv_name_valid("A-z_0.9", 7));
	nv_bench_close(&bench);
}

static void test_owners_of_40_bytes_and_no_longer_ones(void)
{
	char owner[NV_OWNER_MAX + 2];

	nv_bench_open(&bench, NULL);
	memset(owner, 'o', sizeof(owner));
	owner[NV_OWNER_MAX] = '\0';
	CU_ASSERT_EQUAL(nv_put_text(&bench, owner, "a", "x"), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, owner, "a", "x"));
	owner[NV_OWNER_MAX] = 'o';
	owner[NV_OWNER_MAX + 1] = '\0';
	CU_ASSERT_EQUAL(nv_put_text(&bench, owner, "a", "x"), -PLUTON_EINVAL);
	nv_bench_close(&bench);
}

static void test_owners_have_areas_of_the_same_name(void)
{
	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "hers"), 0);
	CU_ASSERT_EQUAL(nv_status(&bench, BOB, "a", &status), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(nv_put_text(&bench, BOB, "a", "his"), 0);
	CU_ASSERT_EQUAL(nv_delete(&bench, BOB, "a"), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "hers"));
	nv_bench_close(&bench);
}

static void test_actions_and_locks_that_are_none_are_inval(void)
{
	struct nv_request request;
	struct nv_test_client client = {0};

	nv_bench_open(&bench, NULL);
	request = nv_request(&bench, 0, ALICE, "a");
	CU_ASSERT_EQUAL(nv_client_start(&bench, &client, &request), -PLUTON_EINVAL);
	request = nv_request(&bench, NV_LIST + 1, ALICE, "a");
	CU_ASSERT_EQUAL(nv_client_start(&bench, &client, &request), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "a", 0), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "a", 3), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "a", 8), -PLUTON_EINVAL);
	nv_bench_close(&bench);
}

/* --- list ------------------------------------------------------------------------------------ */

static void test_a_list_is_in_the_order_of_names_and_goes_on_where_it_ended(void)
{
	struct nv_status rows[8];

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "c", "ccc"), 0);
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "a", 5), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "B", "b"), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, BOB, "x", "his"), 0);
	CU_ASSERT_EQUAL(nv_list(&bench, ALICE, 0, rows, 8), 3);
	CU_ASSERT_STRING_EQUAL(rows[0].name, "B");
	CU_ASSERT_STRING_EQUAL(rows[1].name, "a");
	CU_ASSERT_STRING_EQUAL(rows[2].name, "c");
	CU_ASSERT(rows[1].capacity == 5 && rows[1].length == 0);
	CU_ASSERT(rows[2].capacity == 3 && rows[2].length == 3);
	CU_ASSERT_EQUAL(nv_list(&bench, ALICE, 0, rows, 2), 2);
	CU_ASSERT_EQUAL(nv_list(&bench, ALICE, 2, rows, 2), 1);
	CU_ASSERT_STRING_EQUAL(rows[0].name, "c");
	CU_ASSERT_EQUAL(nv_list(&bench, ALICE, 3, rows, 2), 0);
	CU_ASSERT_EQUAL(nv_list(&bench, ALICE, UINT32_MAX, rows, 2), 0);
	nv_bench_close(&bench);
}

static void test_thousands_of_areas_are_listed_and_cost_a_start_nothing(void)
{
	static struct nv_status rows[2001];
	static char from[256];
	char name[16];

	nv_bench_open(&bench, NULL);
	bench.quota.areas = 4096;
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "x"), 0);
	snprintf(from, sizeof(from), "%s", nv_bench_path(&bench, ALICE, "a"));
	for (unsigned i = 0; i < 2000; i++) {
		/* Files of another area: each is listed as damaged, and no start reads them. */
		snprintf(name, sizeof(name), "n%04u", i);
		CU_ASSERT_EQUAL(link(from, nv_bench_path(&bench, ALICE, name)), 0);
	}
	nv_bench_stop(&bench);
	nv_bench_start(&bench);
	CU_ASSERT_EQUAL(bench.reports, 0);
	CU_ASSERT_EQUAL(nv_list(&bench, ALICE, 0, rows, 2001), 2001);
	CU_ASSERT_EQUAL(rows[0].locks, 0);
	CU_ASSERT_STRING_EQUAL(rows[2000].name, "n1999");
	CU_ASSERT_EQUAL(rows[2000].locks, NV_DAMAGED);
	nv_bench_close(&bench);
}

/* --- locks ----------------------------------------------------------------------------------- */

static void test_a_lock_against_writing_until_restart(void)
{
	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "x"), 0);
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "a", NV_LOCK_WRITE_BOOT), 0);
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "a", NV_LOCK_WRITE_BOOT), 0);
	CU_ASSERT_EQUAL(nv_status(&bench, ALICE, "a", &status), 0);
	CU_ASSERT_EQUAL(status.locks, NV_LOCK_WRITE_BOOT);
	CU_ASSERT_EQUAL(nv_write(&bench, ALICE, "a", 0, "y", 1), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "y"), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(nv_delete(&bench, ALICE, "a"), -PLUTON_ERESERVE);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "x"));
	nv_bench_stop(&bench);
	nv_bench_start(&bench);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "y"), 0);
	nv_bench_close(&bench);
}

static void test_a_lock_against_writing_for_good(void)
{
	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "x"), 0);
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "a", NV_LOCK_WRITE), 0);
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "a", NV_LOCK_WRITE), 0);
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(nv_status(&bench, ALICE, "a", &status), 0);
		CU_ASSERT_EQUAL(status.locks, NV_LOCK_WRITE);
		CU_ASSERT_EQUAL(nv_write(&bench, ALICE, "a", 0, "y", 1), -PLUTON_ERESERVE);
		CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "y"), -PLUTON_ERESERVE);
		CU_ASSERT_EQUAL(nv_delete(&bench, ALICE, "a"), -PLUTON_ERESERVE);
		CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "x"));
		nv_bench_stop(&bench);
		nv_bench_start(&bench);
	}
	nv_bench_close(&bench);
}

static void test_a_lock_against_reading_until_restart(void)
{
	char byte;

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "x"), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, BOB, "a", "his"), 0);
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "a", NV_LOCK_READ_BOOT), 0);
	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", 0, &byte, 1), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "y"), 0);
	CU_ASSERT_EQUAL(nv_read(&bench, ALICE, "a", 0, &byte, 1), -PLUTON_ERESERVE);
	CU_ASSERT_TRUE(nv_holds(&bench, BOB, "a", "his"));
	nv_bench_stop(&bench);
	nv_bench_start(&bench);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "y"));
	nv_bench_close(&bench);
}

static void test_locks_add_up_and_are_listed(void)
{
	struct nv_status rows[2];

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "x"), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "b", "x"), 0);
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "b", NV_LOCK_READ_BOOT), 0);
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "b", NV_LOCK_WRITE_BOOT), 0);
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "b", NV_LOCK_WRITE), 0);
	CU_ASSERT_EQUAL(nv_list(&bench, ALICE, 0, rows, 2), 2);
	CU_ASSERT_EQUAL(rows[0].locks, 0);
	CU_ASSERT_EQUAL(rows[1].locks, NV_LOCK_READ_BOOT | NV_LOCK_WRITE_BOOT | NV_LOCK_WRITE);
	nv_bench_close(&bench);
}

static void test_a_new_area_does_not_inherit_the_lock_of_a_deleted_one(void)
{
	struct nv_list_of_changes changes = {0};

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "x"), 0);
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "a", NV_LOCK_READ_BOOT), 0);
	CU_ASSERT_EQUAL(nv_delete(&bench, ALICE, "a"), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "new"), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "new"));
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "a", NV_LOCK_READ_BOOT), 0);
	nv_changes_delete(&changes, "a");
	CU_ASSERT_EQUAL(nv_commit(&bench, ALICE, &changes), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "newer"), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "newer"));
	nv_bench_close(&bench);
}

/* --- commit ---------------------------------------------------------------------------------- */

static void test_a_commit_puts_and_deletes(void)
{
	struct nv_list_of_changes changes = {0};

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "old a"), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "b", "old b"), 0);
	nv_changes_put(&changes, "a", "new a, longer");
	nv_changes_delete(&changes, "b");
	nv_changes_put(&changes, "c", "");
	CU_ASSERT_EQUAL(nv_commit(&bench, ALICE, &changes), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "new a, longer"));
	CU_ASSERT_EQUAL(nv_status(&bench, ALICE, "b", &status), -PLUTON_ENODEVICE);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "c", ""));
	nv_bench_close(&bench);
}

static void expect_nothing_changed(void)
{
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "old a"));
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "b", "old b"));
	CU_ASSERT_EQUAL(nv_status(&bench, ALICE, "c", &status), -PLUTON_ENODEVICE);
}

static void open_for_commits(void)
{
	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "old a"), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "b", "old b"), 0);
}

static void test_a_commit_with_one_change_that_is_refused_changes_nothing(void)
{
	struct nv_list_of_changes locked = {0}, missing = {0}, full = {0}, large = {0};

	open_for_commits();
	nv_changes_put(&locked, "c", "new");
	nv_changes_put(&locked, "a", "new");
	CU_ASSERT_EQUAL(nv_lock(&bench, ALICE, "a", NV_LOCK_WRITE_BOOT), 0);
	CU_ASSERT_EQUAL(nv_commit(&bench, ALICE, &locked), -PLUTON_ERESERVE);
	expect_nothing_changed();
	nv_changes_put(&missing, "c", "new");
	nv_changes_delete(&missing, "d");
	CU_ASSERT_EQUAL(nv_commit(&bench, ALICE, &missing), -PLUTON_ENODEVICE);
	expect_nothing_changed();
	bench.quota.areas = 3;
	nv_changes_put(&full, "c", "new");
	nv_changes_put(&full, "d", "new");
	CU_ASSERT_EQUAL(nv_commit(&bench, ALICE, &full), -PLUTON_ENOMEM);
	expect_nothing_changed();
	bench.quota.area_bytes = 5;
	nv_changes_put(&large, "c", "123456");
	nv_changes_put(&large, "b", "x");
	CU_ASSERT_EQUAL(nv_commit(&bench, ALICE, &large), -PLUTON_ESIZE);
	expect_nothing_changed();
	nv_bench_close(&bench);
}

static void test_a_commit_at_the_quota_may_exchange_areas(void)
{
	struct nv_list_of_changes changes = {0};

	open_for_commits();
	bench.quota.areas = 2;
	bench.quota.total_bytes = 10;
	nv_changes_put(&changes, "c", "new c");
	nv_changes_delete(&changes, "a");
	CU_ASSERT_EQUAL(nv_commit(&bench, ALICE, &changes), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "c", "new c"));
	nv_bench_close(&bench);
}

static void test_a_commit_of_16_changes_and_no_more(void)
{
	struct nv_list_of_changes changes = {0};
	char name[2] = {0};

	nv_bench_open(&bench, NULL);
	for (unsigned i = 0; i < NV_CHANGES_MAX; i++) {
		name[0] = (char)('a' + i);
		nv_changes_put(&changes, name, name);
	}
	CU_ASSERT_EQUAL(nv_commit(&bench, ALICE, &changes), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "p", "p"));
	nv_changes_put(&changes, "q", "q");
	CU_ASSERT_EQUAL(nv_commit(&bench, ALICE, &changes), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(nv_status(&bench, ALICE, "q", &status), -PLUTON_ENODEVICE);
	nv_bench_close(&bench);
}

/* One byte of a good list of two changes set to something else. */
static void test_malformed_lists_of_changes_change_nothing(void)
{
	static const struct {
		size_t at;
		uint8_t value;
	} faults[] = {
		{0, 0},			       /* kind */
		{0, 3},	  {0, 2},	       /* a deletion with data */
		{1, 0},			       /* no name */
		{1, 65},		       /* too long a name */
		{1, 255}, {2, 1},	       /* what must be 0 */
		{3, 1},	  {4, 4},	       /* data length: the next change is out of step */
		{4, 2},	  {7, 255},	       /* and far beyond the end */
		{8, '.'},		       /* no name */
		{8, '/'}, {8, 0},   {20, 'c'}, /* the same name twice */
	};
	struct nv_list_of_changes good = {0}, empty = {0};

	open_for_commits();
	nv_changes_put(&good, "c", "new");
	nv_changes_put(&good, "a", "new");
	CU_ASSERT_EQUAL(good.bytes[20], 'a');
	for (unsigned i = 0; i < TESTS_COUNT(faults); i++) {
		struct nv_list_of_changes bad = good;

		bad.bytes[faults[i].at] = faults[i].value;
		CU_ASSERT_EQUAL(nv_commit(&bench, ALICE, &bad), -PLUTON_EINVAL);
		expect_nothing_changed();
	}
	CU_ASSERT_EQUAL(nv_commit(&bench, ALICE, &empty), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(nv_commit(&bench, ALICE, &good), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "c", "new"));
	nv_bench_close(&bench);
}

static void test_a_list_of_changes_that_is_cut_short_anywhere_changes_nothing(void)
{
	struct nv_list_of_changes good = {0};

	open_for_commits();
	nv_changes_put(&good, "c", "new");
	nv_changes_put(&good, "a", "new");
	for (size_t length = 0; length < good.length; length++) {
		struct nv_list_of_changes bad = good;

		bad.length = length;
		if (length == 12) /* exactly the first change */
			continue;
		CU_ASSERT_EQUAL(nv_commit(&bench, ALICE, &bad), -PLUTON_EINVAL);
		expect_nothing_changed();
	}
	nv_bench_close(&bench);
}

/* --- clients --------------------------------------------------------------------------------- */

static void test_a_client_that_fails_at_any_callback_changes_nothing(void)
{
	static const ssize_t failures[] = {-PLUTON_ENOACK, -PLUTON_ESIZE, 0, 4096};

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "0123456789"), 0);
	for (unsigned at = 1; at <= 10; at++) {
		for (unsigned i = 0; i < TESTS_COUNT(failures); i++) {
			struct nv_request request = nv_request(&bench, NV_PUT, ALICE, "a");
			struct nv_test_client client = {.input = (const uint8_t *)"abcdefghij",
							.piece = 1,
							.fail_at = at,
							.failure = failures[i]};

			request.length = 10;
			CU_ASSERT_EQUAL(nv_client_start(&bench, &client, &request), 0);
			CU_ASSERT_EQUAL(nv_client_finish(&client),
					failures[i] < 0 ? failures[i] : -PLUTON_ESIZE);
			CU_ASSERT_EQUAL(client.callbacks, at);
		}
	}
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "0123456789"));
	nv_bench_close(&bench);
}

static void test_a_client_that_cannot_take_what_is_read_is_told_so(void)
{
	uint8_t output[10];

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "0123456789"), 0);
	for (unsigned at = 1; at <= 10; at++) {
		struct nv_request request = nv_request(&bench, NV_READ, ALICE, "a");
		struct nv_test_client client = {
			.output = output, .piece = 1, .fail_at = at, .failure = -PLUTON_ENOACK};

		request.length = 10;
		CU_ASSERT_EQUAL(nv_client_start(&bench, &client, &request), 0);
		CU_ASSERT_EQUAL(nv_client_finish(&client), -PLUTON_ENOACK);
	}
	nv_bench_close(&bench);
}

/* Before or after, with one done, whatever it was in the middle of. */
static void test_a_put_that_is_cancelled_anywhere_is_done_once_and_whole_or_not_at_all(void)
{
	nv_bench_open(&bench, NULL);
	for (unsigned steps = 0; steps < 20; steps++) {
		struct nv_request request = nv_request(&bench, NV_PUT, ALICE, "a");
		struct nv_test_client client = {.input = (const uint8_t *)"after", .piece = 1};
		int r;

		CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "before"), 0);
		request.length = 5;
		CU_ASSERT_EQUAL(nv_client_start(&bench, &client, &request), 0);
		for (unsigned i = 0; i < steps && client.dones == 0; i++) {
			if (!nv_bench_step(&bench))
				nv_bench_wait(&bench);
		}
		if (client.dones == 0)
			CU_ASSERT_EQUAL(bench.engine->ops->cancel(bench.engine, &client.client), 0);
		r = nv_client_finish(&client);
		CU_ASSERT(r == 0 || r == -PLUTON_ECANCEL);
		CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", r == 0 ? "after" : "before"));
		CU_ASSERT_EQUAL(bench.engine->ops->cancel(bench.engine, &client.client),
				-PLUTON_EINVAL);
	}
	nv_bench_close(&bench);
}

static void test_a_cancel_inside_any_callback_leads_to_one_done(void)
{
	uint8_t output[10];

	nv_bench_open(&bench, NULL);
	for (unsigned at = 1; at <= 10; at++) {
		struct nv_request put = nv_request(&bench, NV_PUT, ALICE, "a");
		struct nv_request read = nv_request(&bench, NV_READ, ALICE, "a");
		struct nv_test_client client = {.input = (const uint8_t *)"after67890",
						.output = output,
						.piece = 1,
						.cancel_at = at};

		CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "before7890"), 0);
		put.length = read.length = 10;
		CU_ASSERT_EQUAL(nv_client_start(&bench, &client, &put), 0);
		CU_ASSERT_EQUAL(nv_client_finish(&client), -PLUTON_ECANCEL);
		CU_ASSERT_EQUAL(nv_client_start(&bench, &client, &read), 0);
		CU_ASSERT_EQUAL(nv_client_finish(&client), -PLUTON_ECANCEL);
		CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "before7890"));
	}
	nv_bench_close(&bench);
}

static void test_a_large_put_that_fails_at_its_end_changes_nothing(void)
{
	static uint8_t data[1024 * 1024];

	nv_bench_open(&bench, NULL);
	for (unsigned i = 0; i < 2; i++) {
		struct nv_request request = nv_request(&bench, NV_PUT, ALICE, "a");
		struct nv_test_client client = {
			.input = data, .piece = 65536, .fail_at = 16, .failure = -PLUTON_ENOACK};

		request.length = sizeof(data);
		CU_ASSERT_EQUAL(nv_client_start(&bench, &client, &request), 0);
		CU_ASSERT_EQUAL(nv_client_finish(&client), -PLUTON_ENOACK);
		CU_ASSERT_EQUAL(nv_status(&bench, ALICE, "a", &status), -PLUTON_ENODEVICE);
	}
	nv_bench_close(&bench);
}

/* --- many at once ---------------------------------------------------------------------------- */

#define MANY 8u

static void test_as_many_operations_at_once_as_concurrency_says(void)
{
	struct nv_test_client clients[MANY + 1] = {0};
	struct nv_request request;

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL_FATAL(bench.engine->head.concurrency, MANY);
	request = nv_request(&bench, NV_PUT, ALICE, "a");
	request.length = 1;
	for (unsigned i = 0; i < MANY; i++) {
		clients[i].input = (const uint8_t *)"x";
		CU_ASSERT_EQUAL(nv_client_start(&bench, &clients[i], &request), 0);
	}
	CU_ASSERT_EQUAL(nv_client_start(&bench, &clients[MANY], &request), -PLUTON_EBUSY);
	for (unsigned i = 0; i < MANY; i++)
		CU_ASSERT_EQUAL(nv_client_finish(&clients[i]), 0);
	nv_bench_close(&bench);
}

/* Each adds a byte behind the one before: none is lost only if they come one after the other. */
static void test_changes_of_one_owner_are_made_in_their_order(void)
{
	struct nv_test_client clients[MANY] = {0};

	nv_bench_open(&bench, NULL);
	CU_ASSERT_EQUAL(nv_define(&bench, ALICE, "a", MANY), 0);
	for (unsigned i = 0; i < MANY; i++) {
		struct nv_request request = nv_request(&bench, NV_WRITE, ALICE, "a");

		request.offset = i;
		request.length = 1;
		clients[i].input = (const uint8_t *)"abcdefgh" + i;
		CU_ASSERT_EQUAL(nv_client_start(&bench, &clients[i], &request), 0);
	}
	for (unsigned i = 0; i < MANY; i++) {
		CU_ASSERT_EQUAL(nv_client_finish(&clients[i]), 0);
		CU_ASSERT_EQUAL(clients[i].answer.status.length, i + 1);
	}
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "abcdefgh"));
	nv_bench_close(&bench);
}

/* A disk that hangs for one owner: its worker sits in the hook until the test lets it go. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool closed;
	bool reached;
};

static int wait_at_gate(void *context, enum files_step step)
{
	struct gate *gate = context;

	if (step != FILES_STEP_SYNC_FILE)
		return 0;
	pthread_mutex_lock(&gate->lock);
	gate->reached = gate->closed;
	pthread_cond_broadcast(&gate->changed);
	while (gate->closed)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
	return 0;
}

static void set_gate(struct gate *gate, bool closed)
{
	pthread_mutex_lock(&gate->lock);
	gate->closed = closed;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

static void test_a_disk_that_hangs_for_one_holds_up_neither_the_loop_nor_reads_of_others(void)
{
	struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};
	const struct files_hook hook = {wait_at_gate, &gate};
	struct nv_test_client slow = {.input = (const uint8_t *)"new"}, behind = slow;
	struct nv_request request;

	nv_bench_open(&bench, &hook);
	CU_ASSERT_EQUAL(nv_put_text(&bench, ALICE, "a", "old"), 0);
	CU_ASSERT_EQUAL(nv_put_text(&bench, BOB, "b", "his"), 0);
	set_gate(&gate, true);
	request = nv_request(&bench, NV_PUT, ALICE, "a");
	request.length = 3;
	CU_ASSERT_EQUAL(nv_client_start(&bench, &slow, &request), 0);
	CU_ASSERT_EQUAL(nv_client_start(&bench, &behind, &request), 0);
	while (nv_bench_step(&bench))
		;
	pthread_mutex_lock(&gate.lock);
	while (!gate.reached)
		pthread_cond_wait(&gate.changed, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
	CU_ASSERT_TRUE(nv_holds(&bench, BOB, "b", "his"));
	CU_ASSERT_EQUAL(slow.dones + behind.dones, 0);
	CU_ASSERT_EQUAL(bench.engine->ops->cancel(bench.engine, &behind.client), 0);
	CU_ASSERT_EQUAL(nv_client_finish(&behind), -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(bench.engine->ops->cancel(bench.engine, &slow.client), 0);
	while (nv_bench_step(&bench))
		;
	CU_ASSERT_EQUAL(slow.dones, 0);
	set_gate(&gate, false);
	CU_ASSERT_EQUAL(nv_client_finish(&slow), 0);
	CU_ASSERT_TRUE(nv_holds(&bench, ALICE, "a", "new"));
	nv_bench_close(&bench);
}

static const struct test tests[] = {
	TEST(test_an_area_that_was_never_made_does_not_exist),
	TEST(test_nothing_is_on_the_disk_before_the_first_area),
	TEST(test_files_and_folders_are_for_the_daemon_alone),
	TEST(test_an_area_is_made_empty_and_only_once),
	TEST(test_an_area_of_no_capacity_holds_nothing),
	TEST(test_a_deleted_area_is_gone_and_can_be_made_again),
	TEST(test_a_write_changes_its_bytes_and_no_others),
	TEST(test_a_gap_before_a_write_reads_as_zeros),
	TEST(test_a_write_up_to_the_capacity_and_not_beyond),
	TEST(test_a_read_ends_where_the_data_ends),
	TEST(test_a_read_of_4096_bytes_and_no_more),
	TEST(test_every_change_of_the_data_gives_another_generation),
	TEST(test_all_of_it_is_there_after_a_restart),
	TEST(test_put_makes_replaces_and_enlarges),
	TEST(test_put_of_no_bytes_makes_an_empty_area),
	TEST(test_input_in_any_pieces_is_the_same),
	TEST(test_as_many_areas_as_the_quota_says_and_no_more),
	TEST(test_as_many_bytes_as_the_quota_says_and_no_more),
	TEST(test_an_area_as_large_as_the_quota_says_and_no_larger),
	TEST(test_an_area_as_large_as_the_engine_takes_and_no_larger),
	TEST(test_a_lowered_quota_takes_nothing_away),
	TEST(test_names_of_64_bytes_and_no_longer_ones),
	TEST(test_names_cannot_leave_their_folder),
	TEST(test_owners_of_40_bytes_and_no_longer_ones),
	TEST(test_owners_have_areas_of_the_same_name),
	TEST(test_actions_and_locks_that_are_none_are_inval),
	TEST(test_a_list_is_in_the_order_of_names_and_goes_on_where_it_ended),
	TEST(test_thousands_of_areas_are_listed_and_cost_a_start_nothing),
	TEST(test_a_lock_against_writing_until_restart),
	TEST(test_a_lock_against_writing_for_good),
	TEST(test_a_lock_against_reading_until_restart),
	TEST(test_locks_add_up_and_are_listed),
	TEST(test_a_new_area_does_not_inherit_the_lock_of_a_deleted_one),
	TEST(test_a_commit_puts_and_deletes),
	TEST(test_a_commit_with_one_change_that_is_refused_changes_nothing),
	TEST(test_a_commit_at_the_quota_may_exchange_areas),
	TEST(test_a_commit_of_16_changes_and_no_more),
	TEST(test_malformed_lists_of_changes_change_nothing),
	TEST(test_a_list_of_changes_that_is_cut_short_anywhere_changes_nothing),
	TEST(test_a_client_that_fails_at_any_callback_changes_nothing),
	TEST(test_a_client_that_cannot_take_what_is_read_is_told_so),
	TEST(test_a_put_that_is_cancelled_anywhere_is_done_once_and_whole_or_not_at_all),
	TEST(test_a_cancel_inside_any_callback_leads_to_one_done),
	TEST(test_a_large_put_that_fails_at_its_end_changes_nothing),
	TEST(test_as_many_operations_at_once_as_concurrency_says),
	TEST(test_changes_of_one_owner_are_made_in_their_order),
	TEST(test_a_disk_that_hangs_for_one_holds_up_neither_the_loop_nor_reads_of_others),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "nv engine", tests, TESTS_COUNT(tests));
}
