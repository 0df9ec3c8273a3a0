/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the HIL suite cannot see of the OpenSSL backend's key derivation: that many rounds go to
 * the workers in pieces, between which others have their turn, that a cancel waits for no more than
 * one of them, and that no key is left behind.
 */
#include <malloc.h>
#include <string.h>

#include "backends/openssl/hash.h"
#include "hil/kdf.h"
#include "tests/suite.h"
#include "tests/unit/key_watch.h"
#include "tests/unit/openssl_machine.h"

#define MANY 3000000u /* rounds: seconds under a sanitizer */

struct kdf_test_client {
	struct kdf_client client;
	struct kdf_request request;
	unsigned dones;
	int result;
	size_t fail_at; /* bytes of output after which it wants no more; 0: never */
	uint8_t key[32];
	uint8_t output[200];
};

static struct kdf_test_client *of(struct kdf_client *client)
{
	return (struct kdf_test_client *)(void *)client;
}

static int pull_text(struct kdf_client *client, uint8_t *bytes, size_t len)
{
	(void)client;
	memset(bytes, 0x5a, len);
	return 0;
}

static int pull_key(struct kdf_client *client, uint8_t *key, size_t len)
{
	memcpy(key, of(client)->key, len);
	return 0;
}

static ssize_t push_output(struct kdf_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	if (of(client)->fail_at && cursor + len > of(client)->fail_at)
		return -PLUTON_ENOACK;
	memcpy(of(client)->output + cursor, buf, len);
	return (ssize_t)len;
}

static void done(struct kdf_client *client, int result)
{
	of(client)->dones++;
	of(client)->result = result;
}

static const struct kdf_client_ops client_ops = {pull_text, pull_key,	 pull_text,
						 pull_text, push_output, done};

static struct kdf_test_client client_of(enum kdf_method method, enum mac_algorithm prf)
{
	bool salted = method == KDF_HKDF || method == KDF_HKDF_EXTRACT || method == KDF_PBKDF2;
	bool informed = method != KDF_HKDF_EXTRACT && method != KDF_PBKDF2;
	struct kdf_test_client client = {
		.client.ops = &client_ops,
		.request = {.method = method,
			    .prf = prf,
			    .key_size = 32,
			    .salt_length = salted ? 16 : 0,
			    .label_length = method == KDF_COUNTER ? 16 : 0,
			    .info_length = informed ? 16 : 0,
			    .iterations = method == KDF_PBKDF2 ? 5000 : 0,
			    .length = method == KDF_HKDF_EXTRACT ? kdf_block_size(prf) : 200},
	};

	fill(client.key, sizeof(client.key), 77);
	return client;
}

static struct kdf_engine *engine_of(const struct machine *machine)
{
	return (struct kdf_engine *)(void *)machine->checkers[HIL_KDF];
}

static void start(struct machine *machine, struct kdf_test_client *client)
{
	struct kdf_engine *engine = engine_of(machine);

	client->dones = 0;
	CU_ASSERT_EQUAL_FATAL(engine->ops->start(engine, &client->request, &client->client), 0);
}

static int run(struct machine *machine, struct kdf_test_client *client)
{
	start(machine, client);
	machine_run(machine, &client->dones);
	return client->result;
}

static struct kdf_test_client long_client(void)
{
	struct kdf_test_client client = client_of(KDF_PBKDF2, MAC_HMAC_SHA256);

	client.request.iterations = MANY;
	client.request.length = 32;
	return client;
}

/* --- many rounds ------------------------------------------------------------------------------ */

static void test_rounds_are_done_in_slices_or_in_pieces_on_workers_alike(void)
{
	uint8_t first[200];

	for (size_t e = 0; e < EXECUTIONS; e++) {
		struct kdf_test_client client = client_of(KDF_PBKDF2, MAC_HMAC_SHA512);
		enum openssl_execution execution = executions[e].execution;
		bool on_worker = execution == OPENSSL_EXECUTION_WORKER ||
				 execution == OPENSSL_EXECUTION_AUTO;
		struct machine machine;

		machine_open(&machine, &executions[e], NULL);
		CU_ASSERT_EQUAL(run(&machine, &client), 0);
		CU_ASSERT_EQUAL(machine.interrupts_taken >= 3 * 4, on_worker); /* 4 blocks */
		CU_ASSERT(execution != OPENSSL_EXECUTION_SLICED || machine.calls > 100);
		if (e == 0)
			memcpy(first, client.output, sizeof(first));
		CU_ASSERT_EQUAL(memcmp(first, client.output, sizeof(first)), 0);
		machine_close(&machine);
	}
}

/* A few rounds are not worth a worker. */
static void test_few_rounds_are_done_on_the_loop(void)
{
	struct kdf_test_client client = client_of(KDF_PBKDF2, MAC_HMAC_SHA256);
	struct machine machine;

	client.request.iterations = 50;
	machine_open(&machine, &executions[0], NULL);
	CU_ASSERT_EQUAL(run(&machine, &client), 0);
	CU_ASSERT_EQUAL(machine.interrupts_taken, 0);
	machine_close(&machine);
}

/* Of 1500 pieces at most those that both workers have are done. */
static void test_a_cancel_waits_for_one_piece_at_most(void)
{
	static const size_t ways[] = {0, 2, 3}; /* automatic, sliced, on workers */

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct kdf_test_client client = long_client();
		struct machine machine;
		size_t before;

		machine_open(&machine, &executions[ways[i]], NULL);
		start(&machine, &client);
		for (unsigned steps = 0; steps < 9 && client.dones == 0; steps++)
			machine_step(&machine);
		before = machine.interrupts_taken + machine.calls;
		CU_ASSERT_EQUAL(
			engine_of(&machine)->ops->cancel(engine_of(&machine), &client.client), 0);
		machine_run(&machine, &client.dones);
		CU_ASSERT_EQUAL(client.result, -PLUTON_ECANCEL);
		CU_ASSERT(machine.interrupts_taken + machine.calls - before <= 2);
		machine_close(&machine);
	}
}

/* As many passwords as there are workers do not keep a digest from one of them. */
static void test_other_work_has_its_turn_between_two_pieces(void)
{
	static uint8_t message[600u * 1024];
	struct kdf_test_client clients[4];
	struct digest_test_client digest = {
		.manners.lends_input = true, .input = message, .length = sizeof(message)};
	struct machine machine;

	machine_open(&machine, &executions[3], NULL);
	for (unsigned i = 0; i < 4; i++) {
		clients[i] = long_client();
		if (i >= 2) /* both places for slow work are taken */
			clients[i].request.iterations = KDF_SLOW_ROUNDS - 1;
		start(&machine, &clients[i]);
	}
	for (unsigned steps = 0; steps < 20; steps++)
		machine_step(&machine);
	CU_ASSERT_EQUAL(digest_test_run(&machine, &digest, HIL_ONE_SHOT), 0);
	for (unsigned i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(clients[i].dones, 0);
		engine_of(&machine)->ops->cancel(engine_of(&machine), &clients[i].client);
		machine_run(&machine, &clients[i].dones);
	}
	machine_close(&machine);
}

static void test_one_password_too_many_of_many_rounds_is_busy_until_one_is_done(void)
{
	struct kdf_test_client clients[3], shorter = client_of(KDF_PBKDF2, MAC_HMAC_SHA256);
	struct machine machine;
	struct kdf_engine *engine;

	machine_open(&machine, &executions[3], NULL);
	engine = engine_of(&machine);
	for (unsigned i = 0; i < 3; i++) {
		clients[i] = long_client();
		clients[i].request.iterations = KDF_SLOW_ROUNDS;
		CU_ASSERT_EQUAL(engine->ops->start(engine, &clients[i].request, &clients[i].client),
				i < 2 ? 0 : -PLUTON_EBUSY);
	}
	CU_ASSERT_EQUAL(run(&machine, &shorter), 0);
	engine->ops->cancel(engine, &clients[0].client);
	machine_run(&machine, &clients[0].dones);
	start(&machine, &clients[2]);
	for (unsigned i = 1; i < 3; i++) {
		engine->ops->cancel(engine, &clients[i].client);
		machine_run(&machine, &clients[i].dones);
	}
	machine_close(&machine);
}

/* --- what is left behind ---------------------------------------------------------------------- */

static bool nothing_is_left(const struct machine *machine)
{
	void *engine = machine->instance->engines[HIL_KDF], *instance = machine->instance;

	return !key_watch_found() && !key_watch_holds(engine, malloc_usable_size(engine)) &&
	       !key_watch_holds(instance, malloc_usable_size(instance));
}

static void check_left(struct machine *machine, struct kdf_test_client *client)
{
	CU_ASSERT_EQUAL(run(machine, client), 0);
	CU_ASSERT_TRUE(nothing_is_left(machine));
	key_watch_begin(client->output); /* what came out is as secret */
	CU_ASSERT_EQUAL(run(machine, client), 0);
	CU_ASSERT_TRUE(nothing_is_left(machine));
	client->fail_at = 1;
	CU_ASSERT_EQUAL(run(machine, client), -PLUTON_ENOACK);
	CU_ASSERT_TRUE(nothing_is_left(machine));
	start(machine, client);
	machine_step(machine);
	if (client->dones == 0)
		engine_of(machine)->ops->cancel(engine_of(machine), &client->client);
	machine_run(machine, &client->dones);
	CU_ASSERT_TRUE(nothing_is_left(machine));
}

static void test_nothing_of_a_key_is_left_behind_however_a_derivation_ends(void)
{
	for (unsigned method = 1; method < KDF_METHODS; method++) {
		for (size_t e = 0; e < EXECUTIONS; e++) {
			bool takes_cmac = method == KDF_COUNTER || method == KDF_COUNTER_FIXED;
			struct kdf_test_client client =
				client_of((enum kdf_method)method,
					  takes_cmac && e & 1 ? MAC_CMAC_AES : MAC_HMAC_SHA256);
			struct machine machine;

			key_watch_begin(client.key);
			machine_open(&machine, &executions[e], NULL);
			check_left(&machine, &client);
			machine_close(&machine);
		}
	}
}

static const struct test tests[] = {
	TEST(test_rounds_are_done_in_slices_or_in_pieces_on_workers_alike),
	TEST(test_few_rounds_are_done_on_the_loop),
	TEST(test_a_cancel_waits_for_one_piece_at_most),
	TEST(test_other_work_has_its_turn_between_two_pieces),
	TEST(test_one_password_too_many_of_many_rounds_is_busy_until_one_is_done),
	TEST(test_nothing_of_a_key_is_left_behind_however_a_derivation_ends),
};

int main(int argc, char **argv)
{
	key_watch_install();
	return suite_main(argc, argv, "openssl kdf", tests, TESTS_COUNT(tests));
}
