/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who owns what: each command that makes, saves, loads or ends something, and who may name it.
 */
#include "apps/tpm/objects.h"

#include <string.h>

#include "tests/suite.h"
#include "tests/tpm/orders.h"

#define OBJECT 0x80000000u
#define HMAC_SESSION 0x02000000u
#define SAME_SAVED 0x03000000u

static const struct object_user a = {1, 1000};
static const struct object_user b = {2, 2000};
static const struct object_user same_user_as_a = {3, 1000};
static const struct object_user root = {4, 0};

static void parse(const struct order *order, struct command_parts *ret)
{
	CU_ASSERT_TRUE_FATAL(command_parse(order->bytes, order->size, ret));
}

/* The command succeeded, with a handle in its response if `handle` is not 0. */
static void did(struct objects *objects, struct object_user user, const struct order *order,
		uint32_t handle)
{
	uint8_t response[TPM_HEADER_SIZE + 4];
	struct command_parts parts;

	parse(order, &parts);
	tpm_error_response(TPM_RC_SUCCESS, response);
	tpm_put32(response + TPM_HEADER_SIZE, handle);
	objects_note(objects, user, &parts, response, handle ? 14 : 10);
}

static uint32_t check(const struct objects *objects, struct object_user user,
		      const struct order *order)
{
	struct command_parts parts;

	parse(order, &parts);
	return objects_check(objects, user, &parts);
}

static unsigned count_of(const struct objects *objects, uint16_t owner)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < objects->count; i++)
		count += objects->rows[i].owner == owner;
	return count;
}

static void test_whoever_makes_a_thing_owns_it(void)
{
	void (*const makers[])(struct order *) = {order_create_ecc, order_start_session,
						  order_hash_start};

	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		struct objects objects = {0};
		struct order order;
		uint32_t handle;

		makers[i](&order);
		did(&objects, a, &order, i == 1 ? HMAC_SESSION : OBJECT);
		CU_ASSERT_TRUE(objects_next(&objects, a.owner, &handle));
		CU_ASSERT_EQUAL(handle, i == 1 ? HMAC_SESSION : OBJECT);
		CU_ASSERT_FALSE(objects_next(&objects, b.owner, &handle));
	}
}

static void test_failed_commands_change_nothing(void)
{
	struct objects objects = {0};
	struct command_parts parts;
	uint8_t response[TPM_HEADER_SIZE];
	struct order order;

	order_create_ecc(&order);
	parse(&order, &parts);
	tpm_error_response(TPM_RC_RETRY, response);
	objects_note(&objects, a, &parts, response, sizeof(response));
	CU_ASSERT_EQUAL(objects.count, 0);
}

static void test_others_cannot_name_use_or_flush_it(void)
{
	struct objects objects = {0};
	struct order order;

	order_create_ecc(&order);
	did(&objects, a, &order, OBJECT);
	order_start_session(&order);
	did(&objects, a, &order, HMAC_SESSION);

	order_read_public(&order, OBJECT);
	CU_ASSERT_EQUAL(check(&objects, a, &order), TPM_RC_SUCCESS);
	CU_ASSERT_EQUAL(check(&objects, b, &order), TPM_RC_REFERENCE_H0);
	CU_ASSERT_EQUAL(check(&objects, root, &order), TPM_RC_REFERENCE_H0);
	order_flush(&order, OBJECT);
	CU_ASSERT_EQUAL(check(&objects, b, &order), TPM_RC_HANDLE_P1);
	order_flush(&order, HMAC_SESSION);
	CU_ASSERT_EQUAL(check(&objects, same_user_as_a, &order), TPM_RC_HANDLE_P1);
	CU_ASSERT_EQUAL(check(&objects, a, &order), TPM_RC_SUCCESS);
	order_random_with_session(&order, HMAC_SESSION, TPMA_SESSION_CONTINUE);
	CU_ASSERT_EQUAL(check(&objects, a, &order), TPM_RC_SUCCESS);
	CU_ASSERT_EQUAL(check(&objects, b, &order), TPM_RC_REFERENCE_S0);
	order_context_save(&order, HMAC_SESSION);
	CU_ASSERT_EQUAL(check(&objects, b, &order), TPM_RC_REFERENCE_H0);
}

static void test_what_nobody_has_made_is_left_to_the_tpm(void)
{
	struct objects objects = {0};
	struct order order;

	order_read_public(&order, OBJECT + 1);
	CU_ASSERT_EQUAL(check(&objects, a, &order), TPM_RC_SUCCESS);
	order_read_public(&order, 0x81000001); /* persistent: everybody's */
	CU_ASSERT_EQUAL(check(&objects, a, &order), TPM_RC_SUCCESS);
}

static void test_flushed_completed_and_ended_things_are_nobodys(void)
{
	struct objects objects = {0};
	struct order order;

	order_create_ecc(&order);
	did(&objects, a, &order, OBJECT);
	order_flush(&order, OBJECT);
	did(&objects, a, &order, 0);
	CU_ASSERT_EQUAL(objects.count, 0);

	order_hash_start(&order);
	did(&objects, a, &order, OBJECT);
	order_sequence_complete(&order, OBJECT);
	did(&objects, a, &order, 0);
	CU_ASSERT_EQUAL(objects.count, 0);

	order_start_session(&order);
	did(&objects, a, &order, HMAC_SESSION);
	order_random_with_session(&order, HMAC_SESSION, TPMA_SESSION_CONTINUE);
	did(&objects, a, &order, 0);
	CU_ASSERT_EQUAL(objects.count, 1);
	order_random_with_session(&order, HMAC_SESSION, 0);
	did(&objects, a, &order, 0);
	CU_ASSERT_EQUAL(objects.count, 0);
}

static void test_event_sequence_complete_ends_the_sequence_not_the_pcr(void)
{
	static const uint8_t parameters[] = {0,	   0, 0, 16, 0x80, 0, 0, 0, 0, 0, 0, 9,
					     0x40, 0, 0, 9,  0,	   0, 1, 0, 0, 0, 0};
	struct objects objects = {0};
	struct order order;

	order_hash_start(&order);
	did(&objects, a, &order, OBJECT);
	order_plain(&order, TPM_CC_EVENT_SEQUENCE_COMPLETE, parameters, sizeof(parameters));
	tpm_put16(order.bytes, TPM_ST_SESSIONS);
	did(&objects, a, &order, 0);
	CU_ASSERT_EQUAL(objects.count, 0);
}

static void test_saved_session_outlives_its_connection_and_goes_to_who_loads_it(void)
{
	struct objects objects = {0};
	struct order order;
	uint32_t handle;

	order_start_session(&order);
	did(&objects, a, &order, HMAC_SESSION);
	order_context_save(&order, HMAC_SESSION);
	did(&objects, a, &order, 0);
	CU_ASSERT_FALSE(objects_next(&objects, a.owner, &handle));
	objects_leave(&objects, a.owner);
	CU_ASSERT_EQUAL(objects.count, 1);
	CU_ASSERT_EQUAL(count_of(&objects, OBJECTS_NOBODY), 1);

	order_flush(&order, SAME_SAVED);
	CU_ASSERT_EQUAL(check(&objects, b, &order), TPM_RC_HANDLE_P1);
	CU_ASSERT_EQUAL(check(&objects, same_user_as_a, &order), TPM_RC_SUCCESS);
	CU_ASSERT_EQUAL(check(&objects, root, &order), TPM_RC_SUCCESS);

	order_context_load(&order, (const uint8_t *)"context", 7);
	did(&objects, same_user_as_a, &order, HMAC_SESSION);
	CU_ASSERT_EQUAL(objects.count, 1);
	CU_ASSERT_TRUE(objects_next(&objects, same_user_as_a.owner, &handle));
	objects_leave(&objects, same_user_as_a.owner);
	CU_ASSERT_EQUAL(objects.count, 0);
}

static void test_context_of_an_object_leaves_it_loaded(void)
{
	struct objects objects = {0};
	struct order order;
	uint32_t handle;

	order_create_ecc(&order);
	did(&objects, a, &order, OBJECT);
	order_context_save(&order, OBJECT);
	did(&objects, a, &order, 0);
	CU_ASSERT_TRUE(objects_next(&objects, a.owner, &handle));
}

static void test_handle_that_the_tpm_gives_again_belongs_to_whom_it_is_given(void)
{
	struct objects objects = {0};
	struct order order;
	uint32_t handle;

	order_create_ecc(&order);
	did(&objects, a, &order, OBJECT); /* then TPM2_Clear, say, which tells us nothing */
	did(&objects, b, &order, OBJECT);
	CU_ASSERT_FALSE(objects_next(&objects, a.owner, &handle));
	CU_ASSERT_TRUE(objects_next(&objects, b.owner, &handle));
}

static void test_more_handles_than_there_are_rows_do_no_harm(void)
{
	struct objects objects = {0};
	struct order order;

	order_create_ecc(&order);
	for (uint32_t i = 0; i < OBJECTS_MAX + 2; i++)
		did(&objects, a, &order, OBJECT + i);
	CU_ASSERT_EQUAL(objects.count, OBJECTS_MAX);
}

/* A response of TPM2_GetCapability with these handles; returns its size. */
static size_t list_of(const uint32_t *handles, uint32_t count, uint8_t *response)
{
	size_t size = 19 + 4 * (size_t)count;

	tpm_error_response(TPM_RC_SUCCESS, response);
	tpm_put32(response + 2, (uint32_t)size);
	response[10] = 0;
	tpm_put32(response + 11, 1); /* TPM_CAP_HANDLES */
	tpm_put32(response + 15, count);
	for (uint32_t i = 0; i < count; i++)
		tpm_put32(response + 19 + 4 * (size_t)i, handles[i]);
	return size;
}

static void assert_list(const struct objects *objects, struct object_user user,
			const uint32_t *handles, uint32_t count, const uint32_t *expected,
			uint32_t expected_count)
{
	uint8_t response[128], wanted[128];
	size_t size = objects_hide(objects, user, response, list_of(handles, count, response));

	CU_ASSERT_EQUAL_FATAL(size, list_of(expected, expected_count, wanted));
	CU_ASSERT_EQUAL(memcmp(response, wanted, size), 0);
}

static void test_a_list_of_handles_has_ones_own_and_what_is_nobodys(void)
{
	static const uint32_t all[] = {OBJECT, OBJECT + 1, 0x81000001, HMAC_SESSION};
	struct objects objects = {0};
	struct order order;

	order_create_ecc(&order);
	did(&objects, a, &order, OBJECT);
	did(&objects, b, &order, OBJECT + 1);
	order_start_session(&order);
	did(&objects, b, &order, HMAC_SESSION);
	assert_list(&objects, a, all, 4, (const uint32_t[]){OBJECT, 0x81000001}, 2);
	assert_list(&objects, b, all, 4, (const uint32_t[]){OBJECT + 1, 0x81000001, HMAC_SESSION},
		    3);
	assert_list(&objects, root, all, 4, (const uint32_t[]){0x81000001}, 1);
}

static void test_what_is_no_list_of_handles_stays_as_it_is(void)
{
	static const uint32_t all[] = {OBJECT};
	struct objects objects = {0};
	uint8_t response[128], before[128];
	struct order order;
	size_t size = list_of(all, 1, response);

	order_create_ecc(&order);
	did(&objects, a, &order, OBJECT);
	response[14] = 6; /* another capability */
	memcpy(before, response, size);
	CU_ASSERT_EQUAL(objects_hide(&objects, b, response, size), size);
	CU_ASSERT_EQUAL(memcmp(response, before, size), 0);
	size = list_of(all, 1, response);
	tpm_put16(response, TPM_ST_SESSIONS);
	CU_ASSERT_EQUAL(objects_hide(&objects, b, response, size), size);
	size = list_of(all, 1, response);
	tpm_put32(response + 15, UINT32_MAX); /* more than there are */
	CU_ASSERT_EQUAL(objects_hide(&objects, b, response, size), size);
}

static const struct test tests[] = {
	TEST(test_a_list_of_handles_has_ones_own_and_what_is_nobodys),
	TEST(test_what_is_no_list_of_handles_stays_as_it_is),
	TEST(test_whoever_makes_a_thing_owns_it),
	TEST(test_failed_commands_change_nothing),
	TEST(test_others_cannot_name_use_or_flush_it),
	TEST(test_what_nobody_has_made_is_left_to_the_tpm),
	TEST(test_flushed_completed_and_ended_things_are_nobodys),
	TEST(test_event_sequence_complete_ends_the_sequence_not_the_pcr),
	TEST(test_saved_session_outlives_its_connection_and_goes_to_who_loads_it),
	TEST(test_context_of_an_object_leaves_it_loaded),
	TEST(test_handle_that_the_tpm_gives_again_belongs_to_whom_it_is_given),
	TEST(test_more_handles_than_there_are_rows_do_no_harm),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "tpm_objects", tests, TESTS_COUNT(tests));
}
