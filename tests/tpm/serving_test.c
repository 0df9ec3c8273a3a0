/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients beside each other: whose is what, who waits for whom, cancelling, and responses that wait
 * for durability.
 */
#include "tests/tpm/orders.h"

#include <string.h>

#include "tests/suite.h"

#define SOMEBODY 1000u
#define OTHER 2000u

static void run(struct rig_client *client, const struct order *order)
{
	uint32_t code = order_run(client, order);

	CU_ASSERT_EQUAL(code, TPM_RC_SUCCESS);
	if (code != 0)
		printf("# code 0x%x\n", code);
}

static struct pluton_tpm_info get_info(struct rig_client *client)
{
	struct pluton_tpm_info info = {0};

	rig_submit(client, TPM_INFO, 0, NULL, 0, sizeof(info));
	CU_ASSERT_EQUAL_FATAL(rig_receive(client), 0);
	memcpy(&info, client->bytes, sizeof(info));
	return info;
}

/* Returns when the TPM has begun command number `count` of all. */
static void await_command(struct rig_client *other, uint64_t count)
{
	while (get_info(other).commands < count)
		;
}

/* What others see of it: the handles of a kind that are there. */
static uint32_t count_handles(struct rig_client *client, uint32_t first)
{
	struct order order;

	order_get_capability(&order, 1, first, 32);
	run(client, &order);
	return tpm_get32(client->bytes + 15);
}

#define TRANSIENT_FIRST 0x80000000u
#define LOADED_SESSION_FIRST 0x02000000u
#define SAVED_SESSION_FIRST 0x03000000u

/* A long command runs; `other` is attached too. */
static void begin_long(struct rig *rig, struct rig_client *client, struct rig_client *other,
		       uint32_t other_uid)
{
	struct order order;

	rig_open(rig);
	rig_start(rig);
	rig_attach(rig, client, SOMEBODY, NULL);
	rig_attach(rig, other, other_uid, NULL);
	/*
	 * A prime search is a matter of luck: one that ends before it is cancelled says nothing,
	 * and 3072 bits take some 100 ms.
	 */
	order_create_rsa(&order, 3072);
	order_send(client, &order);
	await_command(other, 1);
}

/*
 * What an attempt wants to interrupt may have ended by itself: then it returns false, and another
 * one is made. Never in time in so many attempts is a failure.
 */
static void until_in_time(bool (*attempt)(void))
{
	for (unsigned i = 0; i < 10; i++) {
		if (attempt())
			return;
	}
	CU_FAIL("it was never interrupted");
}

/* --- whose is what --------------------------------------------------------------------------- */

static void test_objects_and_sessions_of_a_connection_are_flushed_when_it_closes(void)
{
	struct rig rig;
	struct rig_client client;
	struct rig_client other;
	struct order order;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	rig_attach(&rig, &other, OTHER, NULL);
	order_create_ecc(&order);
	run(&client, &order);
	run(&client, &order);
	run(&other, &order); /* the third, and there is room for three */
	order_start_session(&order);
	run(&client, &order);
	CU_ASSERT_EQUAL(count_handles(&client, TRANSIENT_FIRST), 2);
	CU_ASSERT_EQUAL(count_handles(&client, LOADED_SESSION_FIRST), 1);
	CU_ASSERT_EQUAL(count_handles(&other, TRANSIENT_FIRST), 1); /* nobody else's are shown */
	CU_ASSERT_EQUAL(count_handles(&other, LOADED_SESSION_FIRST), 0);
	rig_hang_up(&client);
	while (get_info(&other).connections > 1)
		;
	for (unsigned i = 0; i < 3; i++) /* all the sessions there is room for */
		run(&other, &order);
	order_create_ecc(&order);
	run(&other, &order);
	run(&other, &order); /* and the third object again */
	rig_hang_up(&other);
	rig_close(&rig);
}

static void test_hundred_connections_that_forget_to_flush_do_not_fill_the_tpm(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;

	rig_open(&rig);
	rig_start(&rig);
	order_create_ecc(&order);
	for (unsigned i = 0; i < 100; i++) {
		rig_attach(&rig, &client, SOMEBODY, NULL);
		run(&client, &order);
		rig_hang_up(&client);
	}
	rig_close(&rig);
}

static void test_saved_session_is_kept_when_its_connection_closes_and_goes_on_elsewhere(void)
{
	struct rig rig;
	struct rig_client client;
	struct rig_client other;
	struct order order;
	uint8_t context[TPM_BUFFER_SIZE];
	size_t size;
	uint32_t session;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	rig_attach(&rig, &other, SOMEBODY, NULL);
	order_start_session(&order);
	run(&client, &order);
	session = order_handle(&client);
	order_context_save(&order, session);
	run(&client, &order);
	size = client.size - TPM_HEADER_SIZE;
	memcpy(context, client.bytes + TPM_HEADER_SIZE, size);
	rig_hang_up(&client);
	while (get_info(&other).connections > 1)
		;
	CU_ASSERT_EQUAL(count_handles(&other, SAVED_SESSION_FIRST), 1);
	order_context_load(&order, context, size);
	run(&other, &order);
	CU_ASSERT_EQUAL(order_handle(&other), session);
	rig_hang_up(&other);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	while (get_info(&client).connections > 1)
		;
	CU_ASSERT_EQUAL(count_handles(&client, LOADED_SESSION_FIRST), 0);
	CU_ASSERT_EQUAL(count_handles(&client, SAVED_SESSION_FIRST), 0);
	rig_hang_up(&client);
	rig_close(&rig);
}

static void test_handles_of_another_connection_are_as_if_not_loaded(void)
{
	struct rig rig;
	struct rig_client client;
	struct rig_client other;
	struct order order;
	uint32_t object;
	uint32_t session;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	rig_attach(&rig, &other, SOMEBODY, NULL);
	order_create_ecc(&order);
	run(&client, &order);
	object = order_handle(&client);
	order_start_session(&order);
	run(&client, &order);
	session = order_handle(&client);

	order_read_public(&order, object);
	CU_ASSERT_EQUAL(order_run(&other, &order), TPM_RC_REFERENCE_H0);
	order_read_public(&order, object + 1); /* what the TPM itself says of none */
	CU_ASSERT_EQUAL(order_run(&other, &order), TPM_RC_REFERENCE_H0);
	order_random_with_session(&order, session, TPMA_SESSION_CONTINUE);
	CU_ASSERT_EQUAL(order_run(&other, &order), TPM_RC_REFERENCE_S0);
	order_flush(&order, session);
	CU_ASSERT_EQUAL(order_run(&other, &order), TPM_RC_HANDLE_P1);
	order_flush(&order, object + 1);
	CU_ASSERT_EQUAL(order_run(&other, &order), TPM_RC_HANDLE_P1);
	order_read_public(&order, object);
	run(&client, &order);
	order_flush(&order, session);
	run(&client, &order);
	rig_hang_up(&client);
	rig_hang_up(&other);
	rig_close(&rig);
}

static void test_connections_that_do_not_come_back_after_a_crash_keep_nothing_from_the_others(void)
{
	struct rig rig;
	struct rig_client client;
	struct rig_client other;
	struct order order;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	order_create_ecc(&order);
	for (unsigned i = 0; i < 3; i++) /* all there is room for */
		run(&client, &order);
	rig_kill(&rig);
	rig_hang_up(&client);
	rig_start(&rig);
	rig_attach(&rig, &other, OTHER, NULL);
	CU_ASSERT_NOT_EQUAL(order_run(&other, &order), TPM_RC_SUCCESS); /* it is waited for */
	atomic_store(&rig.shared->expire, true);
	while (order_run(&other, &order) != TPM_RC_SUCCESS)
		;
	CU_ASSERT_FALSE(rig_attach(&rig, &client, SOMEBODY, client.token));
	rig_hang_up(&client);
	rig_hang_up(&other);
	rig_close(&rig);
}

/* --- cancelling ------------------------------------------------------------------------------ */

static bool attempt_to_cancel(void)
{
	struct rig rig;
	struct rig_client client;
	struct rig_client other;
	struct order order;
	bool cancelled;

	begin_long(&rig, &client, &other, OTHER);
	rig_cancel(&client, client.op_id);
	cancelled = rig_response(&client) == TPM_RC_CANCELED;
	CU_ASSERT_EQUAL(get_info(&other).cancelled, cancelled);
	CU_ASSERT_EQUAL(count_handles(&other, TRANSIENT_FIRST), !cancelled);
	order_create_ecc(&order); /* and nothing after it is cancelled */
	run(&client, &order);
	rig_hang_up(&client);
	rig_hang_up(&other);
	rig_close(&rig);
	return cancelled;
}

static void test_cancel_ends_an_rsa_creation(void)
{
	until_in_time(attempt_to_cancel);
}

static void test_cancel_of_another_operation_is_ignored(void)
{
	struct rig rig;
	struct rig_client client;
	struct rig_client other;

	begin_long(&rig, &client, &other, OTHER);
	rig_cancel(&client, client.op_id + 1);
	rig_cancel(&client, 0);
	rig_cancel(&other, client.op_id);
	CU_ASSERT_NOT_EQUAL(rig_response(&client), TPM_RC_CANCELED);
	CU_ASSERT_EQUAL(atomic_load(&rig.shared->cancels), 0);
	rig_hang_up(&client);
	rig_hang_up(&other);
	rig_close(&rig);
}

static bool cancel_running(struct rig_client *client)
{
	rig_submit(client, TPM_CANCEL_RUNNING, 0, NULL, 0, 0);
	CU_ASSERT_EQUAL(rig_receive(client), 0);
	return client->words[1];
}

static bool attempt_to_cancel_from_fresh_connection(void)
{
	struct rig rig;
	struct rig_client client;
	struct rig_client other;
	struct rig_client fresh;
	bool cancelled;

	begin_long(&rig, &client, &other, OTHER);
	rig_attach(&rig, &fresh, SOMEBODY, NULL);
	cancelled = cancel_running(&fresh);
	if (!cancelled)
		CU_ASSERT_TRUE(rig_has_answer(&client)); /* it had ended before */
	cancelled &= rig_response(&client) == TPM_RC_CANCELED;
	rig_hang_up(&client);
	rig_hang_up(&other);
	rig_hang_up(&fresh);
	rig_close(&rig);
	return cancelled;
}

static void test_same_user_cancels_from_a_connection_made_while_the_command_runs(void)
{
	until_in_time(attempt_to_cancel_from_fresh_connection);
}

static bool attempt_to_cancel_as_others(void)
{
	struct rig rig;
	struct rig_client client;
	struct rig_client other;
	struct rig_client root;
	bool cancelled;

	begin_long(&rig, &client, &other, OTHER);
	rig_attach(&rig, &root, 0, NULL);
	CU_ASSERT_FALSE(cancel_running(&other));
	CU_ASSERT_EQUAL(atomic_load(&rig.shared->cancels), 0);
	cancelled = cancel_running(&root) && rig_response(&client) == TPM_RC_CANCELED;
	rig_hang_up(&client);
	rig_hang_up(&other);
	rig_hang_up(&root);
	rig_close(&rig);
	return cancelled;
}

static void test_root_cancels_anybodys_and_another_user_nobodys(void)
{
	until_in_time(attempt_to_cancel_as_others);
}

static void test_nothing_runs_and_nothing_is_cancelled(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	CU_ASSERT_FALSE(cancel_running(&client));
	rig_cancel(&client, 1);
	order_create_ecc(&order);
	run(&client, &order);
	CU_ASSERT_EQUAL(atomic_load(&rig.shared->cancels), 0);
	rig_hang_up(&client);
	rig_close(&rig);
}

static bool attempt_to_hang_up(void)
{
	struct rig rig;
	struct rig_client client;
	struct rig_client other;
	struct order order;
	bool cancelled;

	begin_long(&rig, &client, &other, OTHER);
	rig_hang_up(&client);
	order_get_random(&order, 8);
	run(&other, &order); /* waits until the long one has ended */
	while (get_info(&other).connections > 1)
		;
	CU_ASSERT_EQUAL(count_handles(&other, TRANSIENT_FIRST), 0);
	cancelled = atomic_load(&rig.shared->cancels) > 0;
	rig_hang_up(&other);
	rig_close(&rig);
	return cancelled;
}

static void test_client_that_hangs_up_takes_its_long_command_with_it(void)
{
	until_in_time(attempt_to_hang_up);
}

static bool attempt_to_cancel_who_waits(void)
{
	struct rig rig;
	struct rig_client client;
	struct rig_client other;
	struct order order;
	bool cancelled;
	bool extended = false;

	begin_long(&rig, &client, &other, OTHER);
	order_pcr_extend(&order, 16, 1);
	order_send(&other, &order);
	rig_cancel(&other, other.op_id);
	cancelled = rig_response(&other) == TPM_RC_CANCELED;
	CU_ASSERT_EQUAL(rig_response(&client), TPM_RC_SUCCESS);
	order_pcr_read(&order, 16);
	run(&other, &order);
	for (size_t i = 1; i <= 32; i++)
		extended |= other.bytes[other.size - i] != 0;
	CU_ASSERT_NOT_EQUAL(extended, cancelled);
	rig_hang_up(&client);
	rig_hang_up(&other);
	rig_close(&rig);
	return cancelled;
}

static void test_cancel_of_a_command_that_waits_its_turn_keeps_it_from_running(void)
{
	until_in_time(attempt_to_cancel_who_waits);
}

static bool attempt_to_stop(void)
{
	struct rig rig;
	struct rig_client client;
	struct rig_client other;
	bool cancelled;

	begin_long(&rig, &client, &other, OTHER);
	CU_ASSERT_EQUAL(rig_stop(&rig), 0);
	cancelled = atomic_load(&rig.shared->cancels) > 0;
	rig_hang_up(&client);
	rig_hang_up(&other);
	rig_close(&rig);
	return cancelled;
}

static void test_stop_cancels_a_long_command_and_ends_in_order(void)
{
	until_in_time(attempt_to_stop);
}

static void test_clients_take_turns(void)
{
	enum { CLIENTS = 4 };
	struct rig rig;
	struct rig_client clients[CLIENTS];
	struct rig_client first;
	struct rig_client observer;
	struct order order;

	begin_long(&rig, &first, &observer, OTHER);
	order_get_random(&order, 8);
	for (unsigned i = 0; i < CLIENTS; i++) {
		rig_attach(&rig, &clients[i], SOMEBODY, NULL);
		order_send(&clients[i], &order);
	}
	rig_cancel(&first, first.op_id);
	(void)rig_response(&first);
	for (unsigned i = 0; i < CLIENTS; i++) {
		CU_ASSERT_EQUAL(rig_response(&clients[i]), TPM_RC_SUCCESS);
		rig_hang_up(&clients[i]);
	}
	rig_hang_up(&first);
	rig_hang_up(&observer);
	rig_close(&rig);
}

/* --- durability ------------------------------------------------------------------------------ */

static void test_response_to_a_change_of_nv_leaves_when_it_is_durable(void)
{
	struct rig rig;
	struct rig_client client;
	struct rig_client other;
	struct order order;
	unsigned stores;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	rig_attach(&rig, &other, OTHER, NULL);
	atomic_store(&rig.shared->store, RIG_FAILS);
	stores = atomic_load(&rig.shared->stores);
	order_nv_define_counter(&order);
	order_send(&client, &order);
	rig_await(&rig.shared->attempts, stores + 5); /* tried again and again */
	CU_ASSERT_FALSE(rig_has_answer(&client));

	/* who does not touch NV goes on */
	order_get_random(&order, 8);
	run(&other, &order);
	order_pcr_extend(&order, 16, 3);
	run(&other, &order);
	/* who is told of it waits too */
	order_nv_read_counter(&order);
	order_send(&other, &order);
	rig_submit(&other, TPM_SET_LOCALITY, 1, NULL, 0, 0); /* answered first */
	CU_ASSERT_EQUAL(rig_receive(&other), -PLUTON_EBUSY);

	atomic_store(&rig.shared->store, RIG_STORES);
	CU_ASSERT_EQUAL(rig_response(&client), TPM_RC_SUCCESS);
	CU_ASSERT_EQUAL(rig_response(&other), 0x14a); /* TPM_RC_NV_UNINITIALIZED */
	order_nv_increment(&order); /* libtpms was never told that a store failed */
	run(&client, &order);
	rig_hang_up(&client);
	rig_hang_up(&other);
	rig_close(&rig);
}

static void test_changes_made_meanwhile_are_stored_together_and_all_answered(void)
{
	enum { CLIENTS = 6 };
	struct rig rig;
	struct rig_client clients[CLIENTS];
	struct order order;
	uint64_t commits;
	unsigned stores;

	rig_open(&rig);
	rig_start(&rig);
	for (unsigned i = 0; i < CLIENTS; i++)
		rig_attach(&rig, &clients[i], SOMEBODY, NULL);
	order_nv_define_counter(&order);
	run(&clients[0], &order);
	order_nv_increment(&order);
	run(&clients[0], &order);
	commits = get_info(&clients[0]).nv_commits;
	stores = atomic_load(&rig.shared->stores);
	atomic_store(&rig.shared->store, RIG_HOLDS);
	for (unsigned i = 0; i < CLIENTS; i++)
		order_send(&clients[i], &order);
	while (get_info(&clients[0]).nv_commits < commits + CLIENTS)
		;
	atomic_store(&rig.shared->store, RIG_STORES);
	for (unsigned i = 0; i < CLIENTS; i++)
		CU_ASSERT_EQUAL(rig_response(&clients[i]), TPM_RC_SUCCESS);
	CU_ASSERT_EQUAL(atomic_load(&rig.shared->stores), stores + 1);
	order_nv_read_counter(&order);
	run(&clients[0], &order);
	CU_ASSERT_EQUAL(order_counter(&clients[0]), CLIENTS + 1);
	for (unsigned i = 0; i < CLIENTS; i++)
		rig_hang_up(&clients[i]);
	rig_close(&rig);
}

/* Killed with a change that is not stored, or stored and not said so: the client is told all. */
static void check_kill_with_pending_change(enum rig_store store)
{
	struct rig rig;
	struct rig_client client;
	struct order order;
	uint64_t before;
	uint64_t commits;
	uint32_t sequence;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	order_nv_define_counter(&order);
	run(&client, &order);
	order_nv_increment(&order);
	run(&client, &order);
	order_nv_read_counter(&order);
	run(&client, &order);
	before = order_counter(&client);
	commits = get_info(&client).nv_commits;
	atomic_store(&rig.shared->store, (int)store);
	order_nv_increment(&order);
	order_send(&client, &order);
	sequence = client.sequence;
	while (get_info(&client).nv_commits == commits)
		;
	rig_kill(&rig);
	rig_hang_up(&client);
	atomic_store(&rig.shared->store, RIG_STORES);
	rig_start(&rig);
	CU_ASSERT_TRUE(rig_attach(&rig, &client, SOMEBODY, client.token));
	CU_ASSERT_EQUAL(client.sequence, sequence);
	client.sequence--;
	run(&client, &order); /* the response, or RETRY; here it is the response */
	order_nv_read_counter(&order);
	run(&client, &order);
	CU_ASSERT_EQUAL(order_counter(&client), before + 1);
	rig_hang_up(&client);
	rig_close(&rig);
}

static void test_kill_before_a_change_is_stored_does_not_lose_or_repeat_it(void)
{
	check_kill_with_pending_change(RIG_HOLDS);
}

static void test_kill_after_a_change_is_stored_and_before_we_know_does_not_unpair(void)
{
	check_kill_with_pending_change(RIG_LOSES_ANSWER);
}

static void test_stop_waits_for_the_last_state_and_says_if_it_cannot_be_stored(void)
{
	struct rig rig;

	rig_open(&rig);
	rig_start(&rig);
	atomic_store(&rig.shared->store, RIG_FAILS);
	CU_ASSERT_EQUAL(rig_stop(&rig), 1);
	rig_close(&rig);
}

static const struct test tests[] = {
	TEST(test_objects_and_sessions_of_a_connection_are_flushed_when_it_closes),
	TEST(test_hundred_connections_that_forget_to_flush_do_not_fill_the_tpm),
	TEST(test_saved_session_is_kept_when_its_connection_closes_and_goes_on_elsewhere),
	TEST(test_handles_of_another_connection_are_as_if_not_loaded),
	TEST(test_connections_that_do_not_come_back_after_a_crash_keep_nothing_from_the_others),
	TEST(test_cancel_ends_an_rsa_creation),
	TEST(test_cancel_of_another_operation_is_ignored),
	TEST(test_same_user_cancels_from_a_connection_made_while_the_command_runs),
	TEST(test_root_cancels_anybodys_and_another_user_nobodys),
	TEST(test_nothing_runs_and_nothing_is_cancelled),
	TEST(test_client_that_hangs_up_takes_its_long_command_with_it),
	TEST(test_cancel_of_a_command_that_waits_its_turn_keeps_it_from_running),
	TEST(test_stop_cancels_a_long_command_and_ends_in_order),
	TEST(test_clients_take_turns),
	TEST(test_response_to_a_change_of_nv_leaves_when_it_is_durable),
	TEST(test_changes_made_meanwhile_are_stored_together_and_all_answered),
	TEST(test_kill_before_a_change_is_stored_does_not_lose_or_repeat_it),
	TEST(test_kill_after_a_change_is_stored_and_before_we_know_does_not_unpair),
	TEST(test_stop_waits_for_the_last_state_and_says_if_it_cannot_be_stored),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "tpm_serving", tests, TESTS_COUNT(tests));
}
