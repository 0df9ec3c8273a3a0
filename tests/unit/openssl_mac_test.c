/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the HIL suite cannot see of the OpenSSL backend's MACs: that a state from elsewhere is
 * refused, that workers do long messages, and that no key is left behind.
 */
#include <malloc.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "backends/openssl/mac_operation.h"
#include "tests/suite.h"
#include "tests/unit/key_watch.h"
#include "tests/unit/openssl_machine.h"

#define LENGTH_MAX (600u * 1024)

/* Lends what it has, if it lends; the MAC is not looked at. */
struct mac_test_client {
	struct mac_client client;
	struct mac_client_ops ops;
	struct mac_request request;
	unsigned dones;
	unsigned inputs; /* pulls and lends */
	int result;
	uint8_t key[32];
	uint8_t mac[MAC_SIZE_MAX];
	uint8_t state[HIL_STATE_MAX];
};

static uint8_t message[LENGTH_MAX];

static struct mac_test_client *of(struct mac_client *client)
{
	return (struct mac_test_client *)(void *)client;
}

static ssize_t pull_input(struct mac_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	of(client)->inputs++;
	memcpy(buf, message + cursor, len);
	return (ssize_t)len;
}

static const uint8_t *lend_input(struct mac_client *client, size_t cursor, size_t *ret_len)
{
	of(client)->inputs++;
	*ret_len = of(client)->request.length - cursor;
	return message + cursor;
}

static int pull_key(struct mac_client *client, uint8_t *key, size_t len)
{
	memcpy(key, of(client)->key, len);
	return 0;
}

static int push_mac(struct mac_client *client, const uint8_t *mac, size_t len)
{
	memcpy(of(client)->mac, mac, len);
	return 0;
}

static int pull_mac(struct mac_client *client, uint8_t *mac, size_t len)
{
	memcpy(mac, of(client)->mac, len);
	return 0;
}

static int pull_state(struct mac_client *client, uint8_t *state, size_t len)
{
	memcpy(state, of(client)->state, len);
	return 0;
}

static int push_state(struct mac_client *client, const uint8_t *state, size_t len)
{
	memcpy(of(client)->state, state, len);
	return 0;
}

static void done(struct mac_client *client, int result)
{
	of(client)->dones++;
	of(client)->result = result;
}

static struct mac_test_client client_of(enum mac_algorithm algorithm, bool lends)
{
	struct mac_test_client client = {
		.ops = {pull_input, lends ? lend_input : NULL, pull_key, push_mac, pull_mac,
			pull_state, push_state, done},
		.request = {.algorithm = algorithm,
			    .key_size = 32,
			    .mac_size = mac_size(algorithm)},
	};

	fill(client.key, sizeof(client.key), 77);
	return client;
}

static struct mac_engine *engine_of(struct machine *machine, enum mac_algorithm algorithm)
{
	enum hil_kind kind = algorithm == MAC_CMAC_AES ? HIL_CMAC : HIL_HMAC;

	return (struct mac_engine *)(void *)machine->checkers[kind];
}

static int run(struct machine *machine, struct mac_test_client *client, enum hil_phase phase,
	       size_t length)
{
	struct mac_engine *engine = engine_of(machine, client->request.algorithm);
	int r;

	client->client.ops = &client->ops;
	client->request.phase = phase;
	client->request.length = length;
	client->dones = client->inputs = 0;
	r = engine->ops->start(engine, &client->request, &client->client);
	if (r < 0)
		return r;
	machine_run(machine, &client->dones);
	return client->result;
}

static const enum mac_algorithm algorithms[] = {MAC_HMAC_SHA1, MAC_HMAC_SHA256, MAC_HMAC_SHA512,
						MAC_HMAC_SHA3_256, MAC_CMAC_AES};
#define ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

/* --- states ----------------------------------------------------------------------------------- */

/* The stream has had a message of 69 bytes. */
static void check_field(struct machine *machine, enum mac_algorithm algorithm, size_t field)
{
	struct mac_test_client client = client_of(algorithm, false);

	CU_ASSERT_EQUAL(run(machine, &client, HIL_FIRST, 69), 0);
	client.state[field] ^= 0x81;
	CU_ASSERT_EQUAL(run(machine, &client, HIL_LAST, 10), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(client.inputs, 0);
}

static void test_a_state_with_a_wrong_field_is_refused_before_any_pull(void)
{
	/* version, algorithm, count of the last block, the zero, padding of the chaining value, the
	 * length, padding of the block; of the inner hash and of the outer one */
	static const size_t of_hash[] = {0, 1, 2, 3, 36, 67, 68, 75, 76 + 6, HASH_STATE_SIZE - 1};
	/* version, algorithm, key size, bytes of carry (it has 5), the zeros, padding of the carry
	 */
	static const size_t of_cmac[] = {0, 1, 2, 3, 4, 7, 24 + 5, 24 + 15};
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	for (size_t i = 0; i < sizeof(of_hash) / sizeof(of_hash[0]); i++) {
		check_field(&machine, MAC_HMAC_SHA256, of_hash[i]);
		check_field(&machine, MAC_HMAC_SHA256, HASH_STATE_SIZE + of_hash[i]);
	}
	for (size_t i = 0; i < sizeof(of_cmac) / sizeof(of_cmac[0]); i++)
		check_field(&machine, MAC_CMAC_AES, of_cmac[i]);
	machine_close(&machine);
}

static void test_a_state_of_another_algorithm_or_key_size_is_refused(void)
{
	struct mac_test_client client = client_of(MAC_HMAC_SHA256, false);
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	CU_ASSERT_EQUAL(run(&machine, &client, HIL_FIRST, 69), 0);
	client.request.algorithm = MAC_HMAC_SHA512;
	CU_ASSERT_EQUAL(run(&machine, &client, HIL_LAST, 10), -PLUTON_EINVAL);
	client = client_of(MAC_CMAC_AES, false);
	CU_ASSERT_EQUAL(run(&machine, &client, HIL_FIRST, 69), 0);
	client.request.key_size = 16;
	CU_ASSERT_EQUAL(run(&machine, &client, HIL_LAST, 10), -PLUTON_EINVAL);
	machine_close(&machine);
}

/* A chain without a block before it. */
static void test_a_cmac_state_of_nothing_with_a_chain_is_refused(void)
{
	struct mac_test_client client = client_of(MAC_CMAC_AES, false);
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	CU_ASSERT_EQUAL(run(&machine, &client, HIL_FIRST, 0), 0);
	client.state[8] ^= 1;
	CU_ASSERT_EQUAL(run(&machine, &client, HIL_LAST, 10), -PLUTON_EINVAL);
	machine_close(&machine);
}

static void test_an_hmac_of_more_than_2_to_the_64_bits_is_refused_before_any_pull(void)
{
	/* 2^61 - 64 bytes so far, the key's block among them */
	static const uint8_t length[8] = {0xc0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f};
	struct mac_test_client client = client_of(MAC_HMAC_SHA256, false);
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	CU_ASSERT_EQUAL(run(&machine, &client, HIL_FIRST, 0), 0);
	memcpy(client.state + 68, length, sizeof(length));
	CU_ASSERT_EQUAL(run(&machine, &client, HIL_LAST, 64), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(client.inputs, 0);
	CU_ASSERT_EQUAL(run(&machine, &client, HIL_LAST, 63), 0);
	machine_close(&machine);
}

/* --- workers and slices ----------------------------------------------------------------------- */

static void test_a_long_lent_message_is_done_in_slices_or_on_a_worker_alike(void)
{
	for (size_t i = 0; i < ALGORITHMS; i++) {
		uint8_t first[MAC_SIZE_MAX];

		for (size_t e = 0; e < EXECUTIONS; e++) {
			struct mac_test_client client = client_of(algorithms[i], true);
			bool on_worker = executions[e].execution == OPENSSL_EXECUTION_WORKER ||
					 executions[e].execution == OPENSSL_EXECUTION_AUTO;
			struct machine machine;

			machine_open(&machine, &executions[e], NULL);
			CU_ASSERT_EQUAL(run(&machine, &client, HIL_ONE_SHOT, LENGTH_MAX), 0);
			CU_ASSERT_EQUAL(machine.interrupts_taken > 0, on_worker);
			CU_ASSERT(executions[e].execution != OPENSSL_EXECUTION_SLICED ||
				  machine.calls > 10);
			if (e == 0)
				memcpy(first, client.mac, sizeof(first));
			CU_ASSERT_EQUAL(memcmp(first, client.mac, client.request.mac_size), 0);
			machine_close(&machine);
		}
	}
}

/* Keeps the only worker until both messages stand in line. */
static sem_t gate;

static int stand_in_the_gate(struct work *work)
{
	(void)work;
	while (sem_wait(&gate) < 0)
		;
	return 0;
}

static void leave_the_gate(struct interrupt *interrupt)
{
	(void)interrupt;
}

static void have_one_worker(struct backend_environment *environment)
{
	environment->workers = 1;
}

static unsigned order;

static void note_order(struct mac_client *client, int result)
{
	of(client)->dones = ++order;
	of(client)->result = result;
}

static void start_noting_order(struct machine *machine, struct mac_test_client *client,
			       size_t length)
{
	struct mac_engine *engine = engine_of(machine, client->request.algorithm);

	client->ops.done = note_order;
	client->client.ops = &client->ops;
	client->request.phase = HIL_ONE_SHOT;
	client->request.length = length;
	CU_ASSERT_EQUAL(engine->ops->start(engine, &client->request, &client->client), 0);
}

static void test_a_long_message_gives_the_worker_to_others_after_each_slice(void)
{
	const struct openssl_options on_workers = {.execution = OPENSSL_EXECUTION_WORKER};

	for (size_t i = 0; i < ALGORITHMS; i++) {
		struct mac_test_client longer = client_of(algorithms[i], true);
		struct mac_test_client shorter = client_of(algorithms[i], true);
		struct work work = {.run = stand_in_the_gate, .finished.run = leave_the_gate};
		struct machine machine;
		struct mac_unit *unit;

		machine_open(&machine, &on_workers, have_one_worker);
		unit = (struct mac_unit *)(void *)machine.instance
			       ->engines[engine_of(&machine, algorithms[i])->head.kind];
		CU_ASSERT_EQUAL(sem_init(&gate, 0, 0), 0);
		order = 0;
		worker_pool_submit(&unit->operations[0].intake.task.host->workers, &work);
		start_noting_order(&machine, &longer, LENGTH_MAX);
		start_noting_order(&machine, &shorter, WORK_SLICE);
		while (deferred_queue_run(&machine.deferred, 1) > 0)
			;
		sem_post(&gate);
		machine_run(&machine, &longer.dones);
		CU_ASSERT_EQUAL(shorter.dones, 1);
		CU_ASSERT_EQUAL(longer.dones, 2);
		CU_ASSERT_EQUAL(longer.result, 0);
		CU_ASSERT_EQUAL(shorter.result, 0);
		machine_close(&machine);
		sem_destroy(&gate);
	}
}

/* --- what is left behind ---------------------------------------------------------------------- */

/* Idle operations hold nothing at all from their client on, and so neither key nor chain. */
static bool is_wiped(const struct mac_unit *unit)
{
	for (size_t i = 0; i < TASKS_PER_ENGINE; i++) {
		const struct mac_operation *op = &unit->operations[i];
		const uint8_t *at = (const uint8_t *)&op->client;

		if (!hash_all_zero(at, sizeof(*op) - offsetof(struct mac_operation, client)))
			return false;
	}
	return !key_watch_holds(unit, sizeof(*unit));
}

static bool nothing_is_left(const struct machine *machine)
{
	const struct backend_instance *instance = machine->instance;
	const void *hmac = instance->engines[HIL_HMAC], *cmac = instance->engines[HIL_CMAC];

	return !key_watch_found() && is_wiped(hmac) && is_wiped(cmac) &&
	       !key_watch_holds(instance, malloc_usable_size((void *)(uintptr_t)instance));
}

static void check_left(struct machine *machine, struct mac_test_client *client)
{
	CU_ASSERT_EQUAL(run(machine, client, HIL_ONE_SHOT, 5000), 0);
	CU_ASSERT_TRUE(nothing_is_left(machine));
	client->request.verify = true;
	CU_ASSERT_EQUAL(run(machine, client, HIL_ONE_SHOT, 5000), 0);
	CU_ASSERT_TRUE(nothing_is_left(machine));
	client->mac[2] ^= 1;
	CU_ASSERT_EQUAL(run(machine, client, HIL_ONE_SHOT, 5000), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(nothing_is_left(machine));
	CU_ASSERT_EQUAL(run(machine, client, HIL_FIRST, 5000), 0);
	CU_ASSERT_TRUE(nothing_is_left(machine));
	client->state[0] ^= 1;
	CU_ASSERT_EQUAL(run(machine, client, HIL_MIDDLE, 5000), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(nothing_is_left(machine));
}

static void test_nothing_of_a_key_is_left_behind_however_a_mac_ends(void)
{
	for (size_t i = 0; i < ALGORITHMS; i++) {
		for (size_t e = 0; e < EXECUTIONS; e++) {
			struct mac_test_client client = client_of(algorithms[i], e & 1);
			struct machine machine;

			key_watch_begin(client.key);
			machine_open(&machine, &executions[e], NULL);
			check_left(&machine, &client);
			machine_close(&machine);
		}
	}
}

static const struct test tests[] = {
	TEST(test_a_state_with_a_wrong_field_is_refused_before_any_pull),
	TEST(test_a_state_of_another_algorithm_or_key_size_is_refused),
	TEST(test_a_cmac_state_of_nothing_with_a_chain_is_refused),
	TEST(test_an_hmac_of_more_than_2_to_the_64_bits_is_refused_before_any_pull),
	TEST(test_a_long_lent_message_is_done_in_slices_or_on_a_worker_alike),
	TEST(test_a_long_message_gives_the_worker_to_others_after_each_slice),
	TEST(test_nothing_of_a_key_is_left_behind_however_a_mac_ends),
};

int main(int argc, char **argv)
{
	key_watch_install();
	fill(message, sizeof(message), 1);
	return suite_main(argc, argv, "openssl mac", tests, TESTS_COUNT(tests));
}
