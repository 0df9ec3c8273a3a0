/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenSSL backend: opening, where work is done, rng and digest. AES: openssl_aes_test.c.
 */
#include <dirent.h>
#include <nettle/sha2.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/openssl/hash.h"
#include "backends/openssl/memory.h"
#include "tests/suite.h"
#include "tests/unit/openssl_machine.h"

#define LONG_MESSAGE (1024u * 1024 + 17)

/* --- opening -----------------------------------------------------------------------------------
 */

static void test_the_table_names_the_backend_and_nothing_else(void)
{
	CU_ASSERT_PTR_EQUAL(backend_find("openssl"), &backend_table[0]);
	CU_ASSERT_PTR_NULL(backend_find("openss"));
	CU_ASSERT_PTR_NULL(backend_find(""));
}

static void test_it_opens_from_the_table_with_an_engine_for_each_crypto_hil(void)
{
	struct deferred_queue deferred;
	struct interrupt_queue interrupts;
	struct backend_environment environment = {.deferred = &deferred,
						  .interrupts = &interrupts,
						  .aead_scratch = 4096,
						  .workers = 1};
	struct backend_instance *instance;

	deferred_queue_init(&deferred);
	CU_ASSERT_EQUAL_FATAL(interrupt_queue_init(&interrupts), 0);
	CU_ASSERT_EQUAL_FATAL(backend_table[0].open(&environment, &instance), 0);
	CU_ASSERT_PTR_EQUAL(instance->backend, &backend_table[0]);
	for (unsigned i = 0; i < HIL_KINDS; i++) {
		if (i == HIL_ALARM || i == HIL_CONSOLE || i == HIL_NV || i == HIL_APP)
			continue;
		CU_ASSERT_PTR_NOT_NULL_FATAL(instance->engines[i]);
		CU_ASSERT_EQUAL(instance->engines[i]->kind, i);
		CU_ASSERT(instance->engines[i]->concurrency <= HIL_CONCURRENCY_MAX);
	}
	instance->backend->close(instance);
	interrupt_queue_close(&interrupts);
}

/* As in plutond: nothing in this program has used libcrypto before the backend was opened. */
static void test_libcrypto_wipes_what_it_frees_once_the_backend_was_open(void)
{
	CRYPTO_free_fn in_use = NULL;

	test_it_opens_from_the_table_with_an_engine_for_each_crypto_hil();
	CRYPTO_get_mem_functions(NULL, NULL, &in_use);
	CU_ASSERT_PTR_EQUAL(in_use, memory_give_back);
}

static void test_without_a_provider_there_is_no_device(void)
{
	struct deferred_queue deferred;
	struct interrupt_queue interrupts;
	struct backend_environment environment = {.deferred = &deferred,
						  .interrupts = &interrupts,
						  .aead_scratch = 4096,
						  .workers = 1};
	struct openssl_options options = {OPENSSL_EXECUTION_AUTO, 0, "provider=missing"};
	struct backend_instance *instance = NULL;

	deferred_queue_init(&deferred);
	CU_ASSERT_EQUAL_FATAL(interrupt_queue_init(&interrupts), 0);
	CU_ASSERT_EQUAL(openssl_open_with(&environment, &options, &instance), -PLUTON_ENODEVICE);
	CU_ASSERT_PTR_NULL(instance);
	interrupt_queue_close(&interrupts);
}

/* SigBlk of a thread of this process, from /proc. */
static unsigned long long blocked_signals(const char *thread)
{
	unsigned long long blocked = 0;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", thread);
	file = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "SigBlk:", 7) == 0)
			blocked = strtoull(line + 7, NULL, 16);
	}
	fclose(file);
	return blocked;
}

static unsigned threads_that_block_sigterm(void)
{
	unsigned count = 0;
	DIR *directory = opendir("/proc/self/task");

	CU_ASSERT_PTR_NOT_NULL_FATAL(directory);
	for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
		if (entry->d_name[0] != '.' && blocked_signals(entry->d_name) >> 14 & 1)
			count++;
	}
	closedir(directory);
	return count;
}

static void test_workers_block_signals_and_the_loop_does_not(void)
{
	struct machine machine;
	char self[24];

	machine_open(&machine, &executions[0], NULL);
	/* A joined thread of an earlier test may still be listed: not exactly as many. */
	CU_ASSERT(threads_that_block_sigterm() >= machine.environment.workers);
	snprintf(self, sizeof(self), "%d", getpid());
	CU_ASSERT_EQUAL(blocked_signals(self) >> 14 & 1, 0);
	machine_close(&machine);
}

/* --- rng ---------------------------------------------------------------------------------------
 */

static void test_random_bytes_come_in_the_length_asked_for(void)
{
	static const size_t lengths[] = {1, 2, 32, 4095, 4096, 4097, 100000};
	uint8_t *output = malloc(100001);
	struct rng_test_client client = {.output = output};
	struct machine machine;

	for (size_t e = 0; e < EXECUTIONS; e++) {
		machine_open(&machine, &executions[e], NULL);
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			output[lengths[i]] = 0xa5;
			CU_ASSERT_EQUAL(rng_test_run(&machine, &client, lengths[i]), 0);
			CU_ASSERT_EQUAL(client.outcome.pushed, lengths[i]);
			CU_ASSERT_EQUAL(output[lengths[i]], 0xa5);
		}
		machine_close(&machine);
	}
	free(output);
}

static void test_two_random_requests_have_nothing_in_common(void)
{
	uint8_t first[64] = {0}, second[64] = {0};
	struct rng_test_client client = {.output = first};
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	CU_ASSERT_EQUAL(rng_test_run(&machine, &client, sizeof(first)), 0);
	client.output = second;
	CU_ASSERT_EQUAL(rng_test_run(&machine, &client, sizeof(second)), 0);
	for (size_t i = 0; i + 8 <= sizeof(first); i += 8)
		CU_ASSERT_NOT_EQUAL(memcmp(first + i, second + i, 8), 0);
	machine_close(&machine);
}

static void test_no_random_bytes_are_done_without_a_push(void)
{
	struct rng_test_client client = {0};
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	CU_ASSERT_EQUAL(rng_test_run(&machine, &client, 0), 0);
	CU_ASSERT_EQUAL(client.outcome.callbacks, 0);
	machine_close(&machine);
}

static void test_too_many_random_bytes_are_refused_in_start(void)
{
	struct rng_test_client client = {0};
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	CU_ASSERT_EQUAL(
		rng_test_run(&machine, &client, machine_rng(&machine)->caps.request_max + 1),
		-PLUTON_ESIZE);
	machine_close(&machine);
}

static void test_a_client_that_takes_random_bytes_one_by_one_gets_them_all(void)
{
	uint8_t output[5000] = {0};
	struct rng_test_client client = {.output = output, .manners.most = 1};
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	CU_ASSERT_EQUAL(rng_test_run(&machine, &client, sizeof(output)), 0);
	CU_ASSERT_EQUAL(client.outcome.callbacks, sizeof(output));
	machine_close(&machine);
}

static void test_an_error_of_a_random_push_is_what_done_reports(void)
{
	uint8_t output[20000];
	struct rng_test_client client = {
		.output = output,
		.manners = {.fail_at = 3, .failure = -PLUTON_ENOACK},
	};
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	CU_ASSERT_EQUAL(rng_test_run(&machine, &client, sizeof(output)), -PLUTON_ENOACK);
	CU_ASSERT_EQUAL(client.outcome.callbacks, 3);
	machine_close(&machine);
}

static void test_a_random_push_that_takes_none_or_too_much_ends_with_size(void)
{
	uint8_t output[100];
	struct rng_test_client client = {
		.output = output,
		.manners = {.fail_at = 1, .overlong = true},
	};
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	CU_ASSERT_EQUAL(rng_test_run(&machine, &client, sizeof(output)), -PLUTON_ESIZE);
	client.manners.failure = -1;
	CU_ASSERT_EQUAL(rng_test_run(&machine, &client, sizeof(output)), -PLUTON_ESIZE);
	machine_close(&machine);
}

/* --- digest: results ---------------------------------------------------------------------------
 */

static void reference_sha256(const uint8_t *input, size_t len, uint8_t digest[32])
{
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, len, input);
	sha256_digest(&context, 32, digest);
}

static void test_sha256_of_abc_and_of_nothing_are_those_of_fips_180_4(void)
{
	static const uint8_t abc[32] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
		0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
		0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
	};
	static const uint8_t nothing[32] = {
		0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
		0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
		0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
	};
	struct digest_test_client client = {.input = (const uint8_t *)"abc", .length = 3};
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	CU_ASSERT_EQUAL(digest_test_run(&machine, &client, HIL_ONE_SHOT), 0);
	CU_ASSERT_EQUAL(memcmp(client.digest, abc, 32), 0);
	client.length = 0;
	CU_ASSERT_EQUAL(digest_test_run(&machine, &client, HIL_ONE_SHOT), 0);
	CU_ASSERT_EQUAL(memcmp(client.digest, nothing, 32), 0);
	CU_ASSERT_EQUAL(client.outcome.pulled, 0);
	machine_close(&machine);
}

static const size_t message_lengths[] = {0,  1,	   55,	 56,   63,    64,
					 65, 4095, 4096, 4097, 70000, LONG_MESSAGE};
#define MESSAGE_LENGTHS (sizeof(message_lengths) / sizeof(message_lengths[0]))

/* One-shot, every execution, every length: equal to another implementation's. */
static void check_digests(const struct manners *manners)
{
	uint8_t *message = malloc(LONG_MESSAGE);
	struct digest_test_client client = {.input = message, .manners = *manners};
	struct machine machine;
	uint8_t expected[32];

	fill(message, LONG_MESSAGE, 1);
	for (size_t e = 0; e < EXECUTIONS; e++) {
		machine_open(&machine, &executions[e], NULL);
		for (size_t i = 0; i < MESSAGE_LENGTHS; i++) {
			client.length = message_lengths[i];
			reference_sha256(message, client.length, expected);
			CU_ASSERT_EQUAL(digest_test_run(&machine, &client, HIL_ONE_SHOT), 0);
			CU_ASSERT_EQUAL(memcmp(client.digest, expected, 32), 0);
			CU_ASSERT_EQUAL(client.outcome.pulled, client.length);
			CU_ASSERT_EQUAL(client.digests, 1);
		}
		machine_close(&machine);
	}
	free(message);
}

static void test_digests_of_pulled_messages_agree_with_nettle(void)
{
	check_digests(&(struct manners){0});
}

static void test_digests_of_messages_pulled_in_odd_pieces_agree_with_nettle(void)
{
	check_digests(&(struct manners){.most = 61});
}

static void test_digests_of_lent_messages_agree_with_nettle(void)
{
	check_digests(&(struct manners){.lends_input = true});
}

static void test_digests_of_messages_lent_in_pieces_agree_with_nettle(void)
{
	check_digests(&(struct manners){.lends_input = true, .lend_most = 30001});
}

/* --- digest: streams ---------------------------------------------------------------------------
 */

static void test_a_hash_may_be_cut_anywhere(void)
{
	uint8_t message[200], expected[32];
	struct digest_test_client client = {0};
	struct machine machine;

	fill(message, sizeof(message), 2);
	reference_sha256(message, sizeof(message), expected);
	machine_open(&machine, &executions[0], NULL);
	for (size_t a = 0; a <= sizeof(message); a += 3) {
		size_t b = a + (sizeof(message) - a) / 2;

		client.input = message;
		client.length = a;
		CU_ASSERT_EQUAL(digest_test_run(&machine, &client, HIL_FIRST), 0);
		client.input = message + a;
		client.length = b - a;
		CU_ASSERT_EQUAL(digest_test_run(&machine, &client, HIL_MIDDLE), 0);
		CU_ASSERT_EQUAL(client.states, 1);
		CU_ASSERT_EQUAL(client.digests, 0);
		client.input = message + b;
		client.length = sizeof(message) - b;
		CU_ASSERT_EQUAL(digest_test_run(&machine, &client, HIL_LAST), 0);
		CU_ASSERT_EQUAL(memcmp(client.digest, expected, 32), 0);
	}
	machine_close(&machine);
}

static void test_two_hash_streams_do_not_disturb_each_other(void)
{
	uint8_t message[300], expected[2][32];
	struct digest_test_client clients[2] = {0};
	struct machine machine;

	fill(message, sizeof(message), 3);
	reference_sha256(message, 150, expected[0]);
	reference_sha256(message + 150, 150, expected[1]);
	machine_open(&machine, &executions[0], NULL);
	for (size_t at = 0; at < 150; at += 50) {
		for (size_t i = 0; i < 2; i++) {
			clients[i].input = message + 150 * i + at;
			clients[i].length = 50;
			CU_ASSERT_EQUAL(digest_test_run(&machine, &clients[i],
							at == 0	    ? HIL_FIRST
							: at == 100 ? HIL_LAST
								    : HIL_MIDDLE),
					0);
		}
	}
	CU_ASSERT_EQUAL(memcmp(clients[0].digest, expected[0], 32), 0);
	CU_ASSERT_EQUAL(memcmp(clients[1].digest, expected[1], 32), 0);
	machine_close(&machine);
}

/* The state after `length` bytes. */
static void make_state(struct machine *machine, struct digest_test_client *client, size_t length)
{
	static const uint8_t message[128];

	*client = (struct digest_test_client){.input = message, .length = length};
	CU_ASSERT_EQUAL(digest_test_run(machine, client, HIL_FIRST), 0);
}

static void test_a_hash_state_with_a_wrong_field_is_refused(void)
{
	/* version, algorithm, count of the last block, the zero, padding of the chaining value, the
	 * length, padding of the block */
	static const size_t fields[] = {0, 1, 2, 3, 36, 67, 68, 75, 76 + 5, HASH_STATE_SIZE - 1};
	struct digest_test_client client;
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		make_state(&machine, &client, 69);
		client.state[fields[i]] ^= 0x81;
		CU_ASSERT_EQUAL(digest_test_run(&machine, &client, HIL_LAST), -PLUTON_EINVAL);
		CU_ASSERT_EQUAL(client.outcome.pulled, 0);
		CU_ASSERT_EQUAL(client.digests, 0);
	}
	machine_close(&machine);
}

static void test_a_hash_of_more_than_2_to_the_64_bits_is_refused_before_any_pull(void)
{
	/* 2^61 - 64 bytes so far */
	static const uint8_t length[8] = {0xc0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f};
	struct digest_test_client client;
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	make_state(&machine, &client, 0);
	memcpy(client.state + 68, length, sizeof(length));
	client.length = 64;
	CU_ASSERT_EQUAL(digest_test_run(&machine, &client, HIL_LAST), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(client.outcome.pulled, 0);
	client.length = 63;
	CU_ASSERT_EQUAL(digest_test_run(&machine, &client, HIL_LAST), 0);
	machine_close(&machine);
}

/* --- digest: refusals, errors, cancel ----------------------------------------------------------
 */

static void test_an_algorithm_that_is_not_offered_is_refused(void)
{
	struct digest_test_client client = {0};
	struct machine machine;
	struct digest_request request = {0, HIL_ONE_SHOT, 0};

	machine_open(&machine, &executions[0], NULL);
	digest_test_client_arm(&client);
	CU_ASSERT_EQUAL(machine_digest(&machine)->ops->start(machine_digest(&machine), &request,
							     &client.client),
			-PLUTON_ENOSUPPORT);
	machine_close(&machine);
}

static void test_each_failing_callback_of_a_hash_is_what_done_reports(void)
{
	static const uint8_t message[9000];
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	for (unsigned n = 1;; n++) {
		struct digest_test_client client = {
			.input = message,
			.length = sizeof(message),
			.manners = {.fail_at = n, .failure = -PLUTON_ENOACK},
		};
		int r = digest_test_run(&machine, &client, HIL_ONE_SHOT);

		if (client.outcome.callbacks < n) {
			CU_ASSERT_EQUAL(r, 0);
			CU_ASSERT_EQUAL(n, 5); /* three pulls and the digest were there to fail */
			break;
		}
		CU_ASSERT_EQUAL(r, -PLUTON_ENOACK);
		CU_ASSERT_EQUAL(client.outcome.callbacks, n);
	}
	machine_close(&machine);
}

static void test_a_ninth_operation_is_busy_and_fits_when_one_is_done(void)
{
	static const uint8_t message[10];
	struct digest_test_client clients[9] = {0};
	struct digest_request request = {DIGEST_SHA256, HIL_ONE_SHOT, sizeof(message)};
	struct machine machine;
	struct digest_engine *engine;

	machine_open(&machine, &executions[0], NULL);
	engine = machine_digest(&machine);
	CU_ASSERT_EQUAL(engine->head.concurrency, 8);
	for (size_t i = 0; i < 8; i++) {
		clients[i].input = message;
		clients[i].length = sizeof(message);
		digest_test_client_arm(&clients[i]);
		CU_ASSERT_EQUAL(engine->ops->start(engine, &request, &clients[i].client), 0);
	}
	digest_test_client_arm(&clients[8]);
	clients[8].input = message;
	clients[8].length = sizeof(message);
	CU_ASSERT_EQUAL(engine->ops->start(engine, &request, &clients[8].client), -PLUTON_EBUSY);
	machine_run(&machine, &clients[0].outcome.done);
	CU_ASSERT_EQUAL(engine->ops->start(engine, &request, &clients[8].client), 0);
	for (size_t i = 0; i < 9; i++)
		machine_run(&machine, &clients[i].outcome.done);
	machine_close(&machine);
}

/* Cancels after `steps` turns of the loop, and sees exactly one done. */
static void check_cancelled_digest(const struct openssl_options *options, unsigned steps)
{
	uint8_t *message = calloc(1, LONG_MESSAGE);
	struct digest_test_client client = {
		.input = message,
		.length = LONG_MESSAGE,
		.manners.lends_input = true,
	};
	struct digest_request request = {DIGEST_SHA256, HIL_ONE_SHOT, LONG_MESSAGE};
	struct machine machine;
	struct digest_engine *engine;

	machine_open(&machine, options, NULL);
	engine = machine_digest(&machine);
	digest_test_client_arm(&client);
	CU_ASSERT_EQUAL(engine->ops->start(engine, &request, &client.client), 0);
	while (steps-- > 0)
		machine_step(&machine);
	CU_ASSERT_EQUAL(client.outcome.done, 0);
	CU_ASSERT_EQUAL(engine->ops->cancel(engine, &client.client), 0);
	CU_ASSERT_EQUAL(client.outcome.done, 0);
	machine_run(&machine, &client.outcome.done);
	CU_ASSERT_EQUAL(client.outcome.result, -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(client.digests, 0);
	CU_ASSERT_EQUAL(engine->ops->cancel(engine, &client.client), -PLUTON_EINVAL);
	machine_close(&machine);
	free(message);
}

static void test_a_hash_can_be_cancelled_before_it_began(void)
{
	for (size_t e = 0; e < EXECUTIONS; e++)
		check_cancelled_digest(&executions[e], 0);
}

static void test_a_hash_can_be_cancelled_between_slices_and_on_a_worker(void)
{
	check_cancelled_digest(&executions[2], 3);
	check_cancelled_digest(&executions[3], 1);
}

/* --- where work is done ------------------------------------------------------------------------
 */

static bool waited_for;

static bool tell_waited_for(void *context)
{
	(void)context;
	return waited_for;
}

static void ask_waited_for(struct backend_environment *environment)
{
	environment->others_wait = tell_waited_for;
}

/* How often a worker came back for one lent message. */
static size_t trips_to_a_worker(struct machine *machine, size_t length)
{
	uint8_t *message = calloc(1, length);
	struct digest_test_client client = {
		.input = message,
		.length = length,
		.manners.lends_input = true,
	};
	size_t before = machine->interrupts_taken;

	CU_ASSERT_EQUAL(digest_test_run(machine, &client, HIL_ONE_SHOT), 0);
	free(message);
	return machine->interrupts_taken - before;
}

static void test_work_stays_on_the_loop_while_nobody_waits_for_it(void)
{
	struct machine machine;

	waited_for = false;
	machine_open(&machine, &executions[0], ask_waited_for);
	CU_ASSERT_EQUAL(trips_to_a_worker(&machine, LONG_MESSAGE), 0);
	machine_close(&machine);
}

static void test_long_work_goes_to_a_worker_when_others_wait(void)
{
	struct machine machine;

	waited_for = true;
	machine_open(&machine, &executions[0], ask_waited_for);
	CU_ASSERT_EQUAL(trips_to_a_worker(&machine, OPENSSL_WORKER_BYTES_WAITED_FOR), 1);
	CU_ASSERT_EQUAL(trips_to_a_worker(&machine, OPENSSL_WORKER_BYTES_WAITED_FOR - 1), 0);
	machine_close(&machine);
}

static void begin_to_wait(struct machine *machine)
{
	waited_for = machine->calls >= 3;
}

static void test_work_moves_to_a_worker_when_others_begin_to_wait(void)
{
	struct machine machine;

	waited_for = false;
	machine_open(&machine, &executions[0], ask_waited_for);
	machine.after_call = begin_to_wait;
	CU_ASSERT_EQUAL(trips_to_a_worker(&machine, LONG_MESSAGE), 1);
	CU_ASSERT(machine.calls >= 4);
	machine_close(&machine);
}

static void test_where_nobody_can_say_the_length_decides(void)
{
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	CU_ASSERT_EQUAL(trips_to_a_worker(&machine, OPENSSL_WORKER_BYTES_UNKNOWN), 1);
	CU_ASSERT_EQUAL(trips_to_a_worker(&machine, OPENSSL_WORKER_BYTES_UNKNOWN - 1), 0);
	machine_close(&machine);
}

static void test_what_is_not_lent_stays_on_the_loop(void)
{
	uint8_t *message = calloc(1, LONG_MESSAGE);
	struct digest_test_client client = {.input = message, .length = LONG_MESSAGE};
	struct machine machine;

	machine_open(&machine, &executions[3], NULL);
	CU_ASSERT_EQUAL(digest_test_run(&machine, &client, HIL_ONE_SHOT), 0);
	CU_ASSERT_EQUAL(machine.interrupts_taken, 0);
	machine_close(&machine);
	free(message);
}

static size_t most_in_one_call;

static void measure_call(struct machine *machine)
{
	struct outcome *outcome = machine->context;

	if (outcome->pulled + outcome->pushed > most_in_one_call)
		most_in_one_call = outcome->pulled + outcome->pushed;
	outcome->pulled = outcome->pushed = 0;
}

static void test_one_deferred_call_moves_a_bounded_number_of_bytes(void)
{
	uint8_t *message = calloc(1, LONG_MESSAGE);
	struct digest_test_client digest = {.input = message, .length = LONG_MESSAGE};
	struct rng_test_client rng = {.output = message};
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	machine.after_call = measure_call;
	machine.context = &digest.outcome;
	most_in_one_call = 0;
	CU_ASSERT_EQUAL(digest_test_run(&machine, &digest, HIL_ONE_SHOT), 0);
	CU_ASSERT(most_in_one_call > 0 && most_in_one_call <= 64 * 1024);
	machine.context = &rng.outcome;
	most_in_one_call = 0;
	CU_ASSERT_EQUAL(rng_test_run(&machine, &rng, 1024 * 1024), 0);
	CU_ASSERT(most_in_one_call > 0 && most_in_one_call <= 64 * 1024);
	machine_close(&machine);
	free(message);
}

static void test_a_client_of_single_bytes_does_not_hold_the_loop(void)
{
	static const uint8_t message[3000];
	struct digest_test_client client = {
		.input = message,
		.length = sizeof(message),
		.manners.most = 1,
	};
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	CU_ASSERT_EQUAL(digest_test_run(&machine, &client, HIL_ONE_SHOT), 0);
	CU_ASSERT(machine.calls > 10);
	machine_close(&machine);
}

static const struct test tests[] = {
	TEST(test_the_table_names_the_backend_and_nothing_else),
	TEST(test_it_opens_from_the_table_with_an_engine_for_each_crypto_hil),
	TEST(test_libcrypto_wipes_what_it_frees_once_the_backend_was_open),
	TEST(test_without_a_provider_there_is_no_device),
	TEST(test_workers_block_signals_and_the_loop_does_not),
	TEST(test_random_bytes_come_in_the_length_asked_for),
	TEST(test_two_random_requests_have_nothing_in_common),
	TEST(test_no_random_bytes_are_done_without_a_push),
	TEST(test_too_many_random_bytes_are_refused_in_start),
	TEST(test_a_client_that_takes_random_bytes_one_by_one_gets_them_all),
	TEST(test_an_error_of_a_random_push_is_what_done_reports),
	TEST(test_a_random_push_that_takes_none_or_too_much_ends_with_size),
	TEST(test_sha256_of_abc_and_of_nothing_are_those_of_fips_180_4),
	TEST(test_digests_of_pulled_messages_agree_with_nettle),
	TEST(test_digests_of_messages_pulled_in_odd_pieces_agree_with_nettle),
	TEST(test_digests_of_lent_messages_agree_with_nettle),
	TEST(test_digests_of_messages_lent_in_pieces_agree_with_nettle),
	TEST(test_a_hash_may_be_cut_anywhere),
	TEST(test_two_hash_streams_do_not_disturb_each_other),
	TEST(test_a_hash_state_with_a_wrong_field_is_refused),
	TEST(test_a_hash_of_more_than_2_to_the_64_bits_is_refused_before_any_pull),
	TEST(test_an_algorithm_that_is_not_offered_is_refused),
	TEST(test_each_failing_callback_of_a_hash_is_what_done_reports),
	TEST(test_a_ninth_operation_is_busy_and_fits_when_one_is_done),
	TEST(test_a_hash_can_be_cancelled_before_it_began),
	TEST(test_a_hash_can_be_cancelled_between_slices_and_on_a_worker),
	TEST(test_work_stays_on_the_loop_while_nobody_waits_for_it),
	TEST(test_long_work_goes_to_a_worker_when_others_wait),
	TEST(test_work_moves_to_a_worker_when_others_begin_to_wait),
	TEST(test_where_nobody_can_say_the_length_decides),
	TEST(test_what_is_not_lent_stays_on_the_loop),
	TEST(test_one_deferred_call_moves_a_bounded_number_of_bytes),
	TEST(test_a_client_of_single_bytes_does_not_hold_the_loop),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "openssl", tests, TESTS_COUNT(tests));
}
