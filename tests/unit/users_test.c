/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of users: counts per uid that stay right however users come and go.
 */
#include "daemon/kernel/users.h"

#include "pluton/error.h"
#include "tests/suite.h"

static struct users users;

static void test_a_user_is_there_while_one_of_its_processes_is(void)
{
	CU_ASSERT_EQUAL_FATAL(users_open(&users, 4), 0);
	CU_ASSERT_PTR_NULL(users_find(&users, 1000, ""));
	struct user *user = users_enter(&users, 1000, "");

	CU_ASSERT_PTR_EQUAL(users_enter(&users, 1000, ""), user);
	CU_ASSERT_EQUAL(user->processes, 2);
	users_leave(user);
	CU_ASSERT_PTR_EQUAL(users_find(&users, 1000, ""), user);
	users_leave(user);
	CU_ASSERT_PTR_NULL(users_find(&users, 1000, ""));
	users_close(&users);
}

static void test_a_user_who_comes_again_begins_at_nothing(void)
{
	CU_ASSERT_EQUAL_FATAL(users_open(&users, 4), 0);
	struct user *user = users_enter(&users, 7, "");

	user->window_bytes = 4096;
	users_leave(user);
	CU_ASSERT_EQUAL(users_enter(&users, 7, "")->window_bytes, 0);
	users_close(&users);
}

static void test_users_are_kept_apart_when_the_table_is_as_full_as_it_gets(void)
{
	enum { USERS = 500 };

	CU_ASSERT_EQUAL_FATAL(users_open(&users, USERS), 0);
	for (uint32_t uid = 0; uid < USERS; uid++)
		users_enter(&users, uid * 65536u, "")->window_bytes = uid;
	for (uint32_t uid = 0; uid < USERS; uid++)
		CU_ASSERT_EQUAL(users_find(&users, uid * 65536u, "")->window_bytes, uid);
	users_close(&users);
}

static void test_leaving_does_not_hide_those_further_along_the_probe(void)
{
	enum { USERS = 300 };

	CU_ASSERT_EQUAL_FATAL(users_open(&users, USERS), 0);
	for (uint32_t uid = 0; uid < USERS; uid++)
		users_enter(&users, uid, "");
	for (uint32_t uid = 0; uid < USERS; uid += 2)
		users_leave(users_find(&users, uid, ""));
	for (uint32_t uid = 0; uid < USERS; uid++)
		CU_ASSERT_EQUAL(users_find(&users, uid, "") != NULL, uid % 2 == 1);
	users_close(&users);
}

static void test_more_users_than_entries_may_pass_one_after_another(void)
{
	CU_ASSERT_EQUAL_FATAL(users_open(&users, 4), 0);
	for (uint32_t uid = 0; uid < 1000; uid++) {
		struct user *user = users_enter(&users, uid, "");

		CU_ASSERT_PTR_NOT_NULL_FATAL(user);
		CU_ASSERT_EQUAL(user->processes, 1);
		users_leave(user);
	}
	users_close(&users);
}

static void test_an_app_and_its_user_and_another_app_are_three(void)
{
	CU_ASSERT_EQUAL_FATAL(users_open(&users, 8), 0);
	struct user *user = users_enter(&users, 7, "");
	struct user *app = users_enter(&users, 7, "tpm0");
	struct user *other = users_enter(&users, 7, "tpm1");

	CU_ASSERT(user != app && app != other && user != other);
	CU_ASSERT_PTR_EQUAL(users_enter(&users, 7, "tpm0"), app);
	CU_ASSERT_PTR_EQUAL(users_find(&users, 7, ""), user);
	CU_ASSERT_PTR_NULL(users_find(&users, 8, "tpm0"));
	CU_ASSERT(users_place(&users, app) < users_places(&users));
	CU_ASSERT(users_place(&users, app) != users_place(&users, other));
	users_close(&users);
}

static const struct test tests[] = {
	TEST(test_a_user_is_there_while_one_of_its_processes_is),
	TEST(test_a_user_who_comes_again_begins_at_nothing),
	TEST(test_users_are_kept_apart_when_the_table_is_as_full_as_it_gets),
	TEST(test_leaving_does_not_hide_those_further_along_the_probe),
	TEST(test_an_app_and_its_user_and_another_app_are_three),
	TEST(test_more_users_than_entries_may_pass_one_after_another),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "users", tests, TESTS_COUNT(tests));
}
