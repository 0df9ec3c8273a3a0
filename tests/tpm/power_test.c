/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manufacture, power off and on, crash and resume: what goes on, what is lost, what is refused.
 */
#include "tests/tpm/orders.h"

#include <string.h>
#include <sys/socket.h>

#include "tests/suite.h"

#define SOMEBODY 1000u

static void run(struct rig_client *client, const struct order *order)
{
	uint32_t code = order_run(client, order);

	CU_ASSERT_EQUAL(code, TPM_RC_SUCCESS);
	if (code != 0)
		printf("# code 0x%x\n", code);
}

static void read_pcr(struct rig_client *client, uint8_t ret[32])
{
	struct order order;

	order_pcr_read(&order, 16);
	run(client, &order);
	CU_ASSERT_FATAL(client->size >= TPM_HEADER_SIZE + 32);
	memcpy(ret, client->bytes + client->size - 32, 32);
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

static struct pluton_tpm_info get_info(struct rig_client *client)
{
	struct pluton_tpm_info info = {0};

	rig_submit(client, TPM_INFO, 0, NULL, 0, sizeof(info));
	CU_ASSERT_EQUAL_FATAL(rig_receive(client), 0);
	CU_ASSERT_EQUAL_FATAL(client->size, sizeof(info));
	memcpy(&info, client->bytes, sizeof(info));
	return info;
}

static void define_and_increment(struct rig_client *client)
{
	struct order order;

	order_nv_define_counter(&order);
	run(client, &order);
	order_nv_increment(&order);
	run(client, &order);
}

static uint64_t read_counter(struct rig_client *client)
{
	struct order order;

	order_nv_read_counter(&order);
	run(client, &order);
	return order_counter(client);
}

/* --- the first start ------------------------------------------------------------------------- */

static void test_first_start_manufactures_and_is_started_up_for_its_clients(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;
	struct pluton_tpm_info info;

	rig_open(&rig);
	rig_start(&rig);
	CU_ASSERT_TRUE(atomic_load(&rig.shared->stores) > 0);
	CU_ASSERT_FALSE(rig_attach(&rig, &client, SOMEBODY, NULL));
	order_get_random(&order, 16);
	run(&client, &order);
	CU_ASSERT_EQUAL(client.size, 12 + 16);
	info = get_info(&client);
	CU_ASSERT_EQUAL(info.connections, 1);
	CU_ASSERT_EQUAL(info.commands, 1);
	CU_ASSERT_EQUAL(info.resumes, 0);
	CU_ASSERT_TRUE(info.manufactured > 1700000000);
	CU_ASSERT_STRING_EQUAL(info.instance, "test");
	rig_hang_up(&client);
	rig_close(&rig);
}

static void test_nobody_is_served_before_the_manufactured_state_is_durable(void)
{
	struct rig rig;
	uint8_t ready;

	rig_open(&rig);
	atomic_store(&rig.shared->store, RIG_FAILS);
	/* rig_start waits for READY, so let go of it from the outside */
	rig_begin(&rig);
	rig_await(&rig.shared->attempts, 3);
	CU_ASSERT_EQUAL(recv(rig.link, &ready, 1, MSG_DONTWAIT), -1);
	atomic_store(&rig.shared->store, RIG_STORES);
	rig_await_ready(&rig);
	rig_close(&rig);
}

/* --- off and on ------------------------------------------------------------------------------ */

static void test_stop_and_start_without_snapshot_is_a_power_cycle(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;
	uint8_t pcr[32];
	uint64_t counter;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	define_and_increment(&client);
	counter = read_counter(&client);
	order_pcr_extend(&order, 16, 7);
	run(&client, &order);
	read_pcr(&client, pcr);
	CU_ASSERT_FALSE(is_zero(pcr, sizeof(pcr)));
	CU_ASSERT_EQUAL(rig_stop(&rig), 0);
	rig_hang_up(&client);

	rig_lose_snapshot(&rig);
	rig_start(&rig);
	CU_ASSERT_FALSE(rig_attach(&rig, &client, SOMEBODY, client.token));
	read_pcr(&client, pcr);
	CU_ASSERT_TRUE(is_zero(pcr, sizeof(pcr)));
	CU_ASSERT_EQUAL(read_counter(&client), counter);
	CU_ASSERT_EQUAL(get_info(&client).resumes, 0);
	rig_hang_up(&client);
	rig_close(&rig);
}

static void test_stop_and_start_with_snapshot_is_a_restart_that_keeps_everything(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;
	uint8_t before[32];
	uint8_t after[32];
	uint32_t handle;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	order_pcr_extend(&order, 16, 7);
	run(&client, &order);
	read_pcr(&client, before);
	order_create_ecc(&order);
	run(&client, &order);
	handle = order_handle(&client);
	CU_ASSERT_EQUAL(rig_stop(&rig), 0);
	rig_hang_up(&client);

	rig_start(&rig);
	CU_ASSERT_TRUE(rig_attach(&rig, &client, SOMEBODY, client.token));
	read_pcr(&client, after);
	CU_ASSERT_EQUAL(memcmp(before, after, sizeof(after)), 0);
	order_read_public(&order, handle);
	run(&client, &order);
	CU_ASSERT_EQUAL(get_info(&client).resumes, 1);
	rig_hang_up(&client);
	rig_close(&rig);
}

/* --- crash ----------------------------------------------------------------------------------- */

static void test_killed_tpm_goes_on_with_pcrs_nv_objects_and_counts(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;
	uint8_t before[32];
	uint8_t after[32];
	uint64_t counter;
	uint32_t handle;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	define_and_increment(&client);
	counter = read_counter(&client);
	order_pcr_extend(&order, 16, 9);
	run(&client, &order);
	read_pcr(&client, before);
	order_create_ecc(&order);
	run(&client, &order);
	handle = order_handle(&client);
	rig_kill(&rig);
	rig_hang_up(&client);

	rig_start(&rig);
	CU_ASSERT_TRUE(rig_attach(&rig, &client, SOMEBODY, client.token));
	read_pcr(&client, after);
	CU_ASSERT_EQUAL(memcmp(before, after, sizeof(after)), 0);
	CU_ASSERT_EQUAL(read_counter(&client), counter);
	order_read_public(&order, handle);
	run(&client, &order);
	CU_ASSERT_TRUE(get_info(&client).commands >= 8);
	rig_hang_up(&client);
	rig_close(&rig);
}

static void test_no_random_bytes_repeat_after_a_hundred_kills(void)
{
	enum { KILLS = 100, SIZE = 16 };
	static uint8_t seen[KILLS][SIZE];
	struct rig rig;
	struct rig_client client;
	struct order order;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	order_get_random(&order, SIZE);
	for (unsigned i = 0; i < KILLS; i++) {
		run(&client, &order);
		memcpy(seen[i], client.bytes + 12, SIZE);
		rig_kill(&rig);
		rig_hang_up(&client);
		rig_start(&rig);
		CU_ASSERT_TRUE(rig_attach(&rig, &client, SOMEBODY, client.token));
	}
	for (unsigned i = 0; i < KILLS; i++) {
		for (unsigned j = i + 1; j < KILLS; j++)
			CU_ASSERT_NOT_EQUAL(memcmp(seen[i], seen[j], SIZE), 0);
	}
	rig_hang_up(&client);
	rig_close(&rig);
}

/* TPM_PT_LOCKOUT_COUNTER, of TPM_CAP_TPM_PROPERTIES. */
static uint32_t lockout_counter(struct rig_client *client)
{
	struct order order;

	order_get_capability(&order, 6, 0x20e, 1);
	run(client, &order);
	return tpm_get32(client->bytes + client->size - 4);
}

/* An index with dictionary attack protection, whose authorization is used: daUsed is set. */
static void use_protected_auth(struct rig_client *client)
{
	static const uint8_t define[] = {0x80, 0x02, 0, 0, 0, 45, 0,	0, 0x01, 0x2a, 0x40, 0,
					 0,    1,    0, 0, 0, 9,  0x40, 0, 0,	 9,    0,    0,
					 1,    0,    0, 0, 0, 0,  14,	1, 0x50, 0,    5,    0,
					 11,   0,    4, 0, 4, 0,  0,	0, 8};
	static const uint8_t write[] = {
		0x80, 0x02, 0, 0, 0, 43, 0, 0, 0x01, 0x37, 1, 0x50, 0, 5, 1, 0x50, 0, 5, 0, 0, 0, 9,
		0x40, 0,    0, 9, 0, 0,	 1, 0, 0,    0,	   8, 1,    2, 3, 4, 5,	   6, 7, 8, 0, 0};
	uint32_t code = rig_run(client, define, sizeof(define));

	CU_ASSERT_EQUAL(code, TPM_RC_SUCCESS);
	code = rig_run(client, write, sizeof(write));
	CU_ASSERT_EQUAL(code, TPM_RC_RETRY); /* the first one after Startup says so */
	code = rig_run(client, write, sizeof(write));
	CU_ASSERT_EQUAL(code, TPM_RC_SUCCESS);
}

static void test_kill_does_not_count_as_a_failed_authorization(void)
{
	struct rig rig;
	struct rig_client client;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	use_protected_auth(&client);
	CU_ASSERT_EQUAL(lockout_counter(&client), 0);
	for (unsigned i = 0; i < 3; i++) {
		rig_kill(&rig);
		rig_hang_up(&client);
		rig_start(&rig);
		rig_attach(&rig, &client, SOMEBODY, client.token);
	}
	CU_ASSERT_EQUAL(lockout_counter(&client), 0);
	CU_ASSERT_EQUAL(rig_stop(&rig), 0);
	rig_hang_up(&client);
	rig_lose_snapshot(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	CU_ASSERT_EQUAL(lockout_counter(&client), 0);

	/* the test can fail: without the snapshot a kill is a power cut, and that counts */
	{
		static const uint8_t write[] = {0x80, 0x02, 0, 0, 0,	43, 0, 0, 0x01, 0x37, 1,
						0x50, 0,    5, 1, 0x50, 0,  5, 0, 0,	0,    9,
						0x40, 0,    0, 9, 0,	0,  1, 0, 0,	0,    8,
						1,    2,    3, 4, 5,	6,  7, 8, 0,	0};

		(void)rig_run(&client, write, sizeof(write));
	}
	rig_kill(&rig);
	rig_hang_up(&client);
	rig_lose_snapshot(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	CU_ASSERT_EQUAL(lockout_counter(&client), 1);
	rig_hang_up(&client);
	rig_close(&rig);
}

/* --- replay ---------------------------------------------------------------------------------- */

static void test_repeated_number_gets_the_stored_response_also_after_a_kill(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;
	uint8_t before[12 + 16];
	uint32_t sequence;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	define_and_increment(&client);
	order_get_random(&order, 16);
	run(&client, &order);
	memcpy(before, client.bytes, sizeof(before));
	sequence = client.sequence;
	rig_kill(&rig);
	rig_hang_up(&client);

	rig_start(&rig);
	CU_ASSERT_TRUE(rig_attach(&rig, &client, SOMEBODY, client.token));
	CU_ASSERT_EQUAL(client.sequence, sequence);
	client.sequence--;
	order_nv_increment(&order); /* the bytes are not looked at */
	run(&client, &order);
	CU_ASSERT_EQUAL(memcmp(before, client.bytes, sizeof(before)), 0);
	CU_ASSERT_EQUAL(read_counter(&client), 1);
	rig_hang_up(&client);
	rig_close(&rig);
}

static void test_command_cut_off_by_a_kill_is_answered_with_retry_and_its_number_is_used(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	order_create_rsa(&order, 3072);
	order_send(&client, &order);
	/* it runs when another client is told that it may be cancelled, which it is not */
	{
		struct rig_client other;
		bool runs = false;

		rig_attach(&rig, &other, 2000, NULL);
		while (!runs)
			runs = get_info(&other).commands == 1;
		rig_hang_up(&other);
	}
	rig_kill(&rig);
	rig_hang_up(&client);

	rig_start(&rig);
	CU_ASSERT_TRUE(rig_attach(&rig, &client, SOMEBODY, client.token));
	CU_ASSERT_EQUAL(client.sequence, 1);
	client.sequence--;
	CU_ASSERT_EQUAL(order_run(&client, &order), TPM_RC_RETRY);
	order_get_random(&order, 4);
	run(&client, &order);
	rig_hang_up(&client);
	rig_close(&rig);
}

static void test_numbers_out_of_order_are_refused(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	order_get_random(&order, 4);
	for (uint32_t number = 0; number < 4; number += 2) { /* 0 and 2: 1 comes first */
		client.sequence = number - 1;
		order_send(&client, &order);
		CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_EINVAL);
	}
	client.sequence = 0;
	run(&client, &order);
	client.sequence = 2;
	order_send(&client, &order);
	CU_ASSERT_EQUAL(rig_receive(&client), -PLUTON_EINVAL);
	rig_hang_up(&client);
	rig_close(&rig);
}

/* --- tokens ---------------------------------------------------------------------------------- */

static void test_token_of_another_user_or_a_closed_connection_begins_anew(void)
{
	struct rig rig;
	struct rig_client client;
	struct rig_client other;

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	CU_ASSERT_FALSE(rig_attach(&rig, &other, SOMEBODY, client.token)); /* in use */
	rig_hang_up(&other);
	rig_kill(&rig);
	rig_hang_up(&client);
	rig_start(&rig);
	CU_ASSERT_FALSE(rig_attach(&rig, &other, SOMEBODY + 1, client.token));
	CU_ASSERT_TRUE(rig_attach(&rig, &client, SOMEBODY, client.token));
	rig_hang_up(&other);
	CU_ASSERT_FALSE(rig_attach(&rig, &other, SOMEBODY, client.token)); /* taken again */
	rig_hang_up(&client);
	rig_hang_up(&other);
	rig_close(&rig);
}

/* --- pairing and refusal --------------------------------------------------------------------- */

static void test_snapshot_of_another_history_is_dropped_as_a_power_loss(void)
{
	struct rig rig;
	struct rig_client client;
	struct order order;
	uint8_t pcr[32];

	rig_open(&rig);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	order_nv_define_plain(&order);
	run(&client, &order);
	order_pcr_extend(&order, 16, 1);
	run(&client, &order);
	order_nv_write_plain(&order, 1);
	run(&client, &order);
	order_nv_write_plain(&order, 2);
	run(&client, &order);
	rig_kill(&rig);
	rig_hang_up(&client);

	rig_restore_first_area(&rig);
	rig_start(&rig);
	CU_ASSERT_FALSE(rig_attach(&rig, &client, SOMEBODY, client.token));
	read_pcr(&client, pcr);
	CU_ASSERT_TRUE(is_zero(pcr, sizeof(pcr)));
	CU_ASSERT_EQUAL(get_info(&client).resumes, 0);
	rig_hang_up(&client);
	rig_close(&rig);
}

static void test_snapshot_without_its_permanent_state_is_dropped_and_a_new_tpm_made(void)
{
	struct rig rig;
	struct rig_client client;

	rig_open(&rig);
	rig_start(&rig);
	rig_kill(&rig);
	atomic_store(&rig.shared->current, -1);
	rig_start(&rig);
	rig_attach(&rig, &client, SOMEBODY, NULL);
	CU_ASSERT_EQUAL(get_info(&client).resumes, 0);
	rig_hang_up(&client);
	rig_close(&rig);
}

static void check_refused_and_untouched(struct rig *rig)
{
	static uint8_t before[PERMANENT_MAX];
	int current = atomic_load(&rig->shared->current);
	unsigned attempts = atomic_load(&rig->shared->attempts);

	memcpy(before, rig->shared->areas[current], rig->shared->sizes[current]);
	CU_ASSERT_EQUAL(rig_start_refused(rig), 78);
	CU_ASSERT_EQUAL(atomic_load(&rig->shared->attempts), attempts);
	CU_ASSERT_EQUAL(atomic_load(&rig->shared->current), current);
	CU_ASSERT_EQUAL(memcmp(before, rig->shared->areas[current], rig->shared->sizes[current]),
			0);
}

/* The area as the TPM wrote it, for the test to spoil; its blob comes after the header. */
static uint8_t *make_area(struct rig *rig)
{
	rig_open(rig);
	rig_start(rig);
	CU_ASSERT_EQUAL(rig_stop(rig), 0);
	rig_lose_snapshot(rig);
	return rig->shared->areas[atomic_load(&rig->shared->current)];
}

static void seal_again(struct rig *rig, uint8_t *area)
{
	struct permanent permanent = {
		.generation = permanent_generation(area),
		.length = (uint32_t)(rig->shared->sizes[atomic_load(&rig->shared->current)] -
				     PERMANENT_HEADER_SIZE),
	};

	CU_ASSERT_TRUE(permanent_seal(area, &permanent) > 0);
}

static void test_permanent_state_of_a_newer_libtpms_is_refused_and_untouched(void)
{
	struct rig rig;
	uint8_t *area = make_area(&rig);

	/* the blob begins with its version and, behind a magic of 4 bytes, the least that reads it
	 */
	tpm_put16(area + PERMANENT_HEADER_SIZE, 999);
	tpm_put16(area + PERMANENT_HEADER_SIZE + 6, 999);
	seal_again(&rig, area);
	check_refused_and_untouched(&rig);
	rig_close(&rig);
}

static void test_permanent_state_that_libtpms_cannot_read_is_refused_and_untouched(void)
{
	struct rig rig;
	uint8_t *area = make_area(&rig);

	area[PERMANENT_HEADER_SIZE + 3] ^= 1; /* of the magic */
	seal_again(&rig, area);
	check_refused_and_untouched(&rig);
	rig_close(&rig);
}

static void test_permanent_state_of_a_newer_pluton_is_refused_and_untouched(void)
{
	struct rig rig;
	uint8_t *area = make_area(&rig);

	area[8] = 2;
	check_refused_and_untouched(&rig);
	rig_close(&rig);
}

static void test_damaged_permanent_state_is_refused_wherever_a_bit_is_flipped(void)
{
	struct rig rig;
	uint8_t *area = make_area(&rig);
	size_t size = rig.shared->sizes[atomic_load(&rig.shared->current)];

	for (size_t i = 0; i < size; i += i < PERMANENT_HEADER_SIZE ? 7 : 131) {
		area[i] ^= 0x10;
		check_refused_and_untouched(&rig);
		area[i] ^= 0x10;
	}
	for (size_t cut = 1; cut < size; cut *= 4) {
		rig.shared->sizes[atomic_load(&rig.shared->current)] = size - cut;
		check_refused_and_untouched(&rig);
	}
	rig.shared->sizes[atomic_load(&rig.shared->current)] = size;
	rig_start(&rig); /* the test can fail */
	rig_close(&rig);
}

static const struct test tests[] = {
	TEST(test_first_start_manufactures_and_is_started_up_for_its_clients),
	TEST(test_nobody_is_served_before_the_manufactured_state_is_durable),
	TEST(test_stop_and_start_without_snapshot_is_a_power_cycle),
	TEST(test_stop_and_start_with_snapshot_is_a_restart_that_keeps_everything),
	TEST(test_killed_tpm_goes_on_with_pcrs_nv_objects_and_counts),
	TEST(test_no_random_bytes_repeat_after_a_hundred_kills),
	TEST(test_kill_does_not_count_as_a_failed_authorization),
	TEST(test_repeated_number_gets_the_stored_response_also_after_a_kill),
	TEST(test_command_cut_off_by_a_kill_is_answered_with_retry_and_its_number_is_used),
	TEST(test_numbers_out_of_order_are_refused),
	TEST(test_token_of_another_user_or_a_closed_connection_begins_anew),
	TEST(test_snapshot_of_another_history_is_dropped_as_a_power_loss),
	TEST(test_snapshot_without_its_permanent_state_is_dropped_and_a_new_tpm_made),
	TEST(test_permanent_state_of_a_newer_libtpms_is_refused_and_untouched),
	TEST(test_permanent_state_that_libtpms_cannot_read_is_refused_and_untouched),
	TEST(test_permanent_state_of_a_newer_pluton_is_refused_and_untouched),
	TEST(test_damaged_permanent_state_is_refused_wherever_a_bit_is_flipped),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "tpm_power", tests, TESTS_COUNT(tests));
}
