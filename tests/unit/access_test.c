/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may use what: user before groups before default.
 */
#include "daemon/kernel/access.h"
#include "tests/suite.h"

#define USER 1000u
#define GROUP 100u
#define OTHER 200u

static const struct access_entry everybody = {ACCESS_EVERYBODY, 0, 0x1};
static const struct access_entry user = {ACCESS_ONE_USER, USER, 0x2};
static const struct access_entry group = {ACCESS_ONE_GROUP, GROUP, 0x4};
static const struct access_entry other_group = {ACCESS_ONE_GROUP, OTHER, 0x8};

static void test_without_rules_nobody_may_use_anything(void)
{
	CU_ASSERT_EQUAL(access_mask(NULL, 0, USER, NULL, 0), 0);
}

static void test_the_default_rule_is_for_whom_no_other_names(void)
{
	const struct access_entry rules[] = {everybody, user, group};
	const uint32_t gids[] = {OTHER};

	CU_ASSERT_EQUAL(access_mask(rules, 3, USER + 1, gids, 1), 0x1);
}

static void test_a_user_rule_wins_over_groups_and_default(void)
{
	const struct access_entry rules[] = {everybody, group, user};
	const uint32_t gids[] = {GROUP};

	CU_ASSERT_EQUAL(access_mask(rules, 3, USER, gids, 1), 0x2);
}

static void test_a_group_rule_wins_over_the_default(void)
{
	const struct access_entry rules[] = {group, everybody};
	const uint32_t gids[] = {GROUP};

	CU_ASSERT_EQUAL(access_mask(rules, 2, USER + 1, gids, 1), 0x4);
}

static void test_the_rules_of_several_groups_add_up(void)
{
	const struct access_entry rules[] = {everybody, group, other_group};
	const uint32_t gids[] = {OTHER, 7, GROUP};

	CU_ASSERT_EQUAL(access_mask(rules, 3, USER + 1, gids, 3), 0xc);
}

static void test_a_group_rule_that_allows_nothing_is_not_the_default(void)
{
	const struct access_entry none = {ACCESS_ONE_GROUP, GROUP, 0};
	const struct access_entry rules[] = {everybody, none};
	const uint32_t gids[] = {GROUP};

	CU_ASSERT_EQUAL(access_mask(rules, 2, USER, gids, 1), 0);
}

static void test_a_user_rule_that_allows_nothing_shuts_out_also_from_groups(void)
{
	const struct access_entry none = {ACCESS_ONE_USER, USER, 0};
	const struct access_entry rules[] = {everybody, group, none};
	const uint32_t gids[] = {GROUP};

	CU_ASSERT_EQUAL(access_mask(rules, 3, USER, gids, 1), 0);
}

static void test_a_uid_is_not_taken_for_a_gid(void)
{
	const struct access_entry rules[] = {{ACCESS_ONE_GROUP, USER, 0x4}};

	CU_ASSERT_EQUAL(access_mask(rules, 1, USER, NULL, 0), 0);
}

static const struct test tests[] = {
	TEST(test_without_rules_nobody_may_use_anything),
	TEST(test_the_default_rule_is_for_whom_no_other_names),
	TEST(test_a_user_rule_wins_over_groups_and_default),
	TEST(test_a_group_rule_wins_over_the_default),
	TEST(test_the_rules_of_several_groups_add_up),
	TEST(test_a_group_rule_that_allows_nothing_is_not_the_default),
	TEST(test_a_user_rule_that_allows_nothing_shuts_out_also_from_groups),
	TEST(test_a_uid_is_not_taken_for_a_gid),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "access", tests, TESTS_COUNT(tests));
}
