/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The RSA engine on OpenSSL, apart from what every engine must do (tests/hil): that no key stays
 * behind however an operation ends, and that an error is that of its own operation.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <openssl/err.h>
#include <string.h>

#include "backends/openssl/rsa_run.h"
#include "tests/rsa_material.h"
#include "tests/suite.h"
#include "tests/unit/openssl_machine.h"

#define WINDOW 12u /* bytes of a key in a row that nothing else has */

/* Has the test key, and fails at a chosen callback. */
static struct part_client {
	struct rsa_client client;
	uint8_t key[RSA_TEST_KEY_SIZE];
	uint8_t input[RSA_TEST_SIZE];
	uint8_t output[RSA_TEST_SIZE];
	unsigned callbacks;
	unsigned fail_at;
	unsigned dones;
	int result;
} part;

static struct machine machine;

/* --- the client ------------------------------------------------------------------------------ */

static int next(void)
{
	return ++part.callbacks == part.fail_at ? -PLUTON_ENOACK : 0;
}

static int pull_part(struct rsa_client *client, enum rsa_part which, uint8_t *number, size_t len)
{
	(void)client;
	memcpy(number, part.key + rsa_part_offset(which, RSA_TEST_SIZE), len);
	return next();
}

static int push_part(struct rsa_client *client, enum rsa_part which, const uint8_t *number,
		     size_t len)
{
	(void)client;
	memcpy(part.key + rsa_part_offset(which, RSA_TEST_SIZE), number, len);
	return next();
}

static ssize_t pull_input(struct rsa_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	(void)client;
	memcpy(buf, part.input + cursor, len);
	return next() < 0 ? -PLUTON_ENOACK : (ssize_t)len;
}

static ssize_t push_output(struct rsa_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	(void)client;
	memcpy(part.output + cursor, buf, len);
	return next() < 0 ? -PLUTON_ENOACK : (ssize_t)len;
}

static void done(struct rsa_client *client, int result)
{
	(void)client;
	part.dones++;
	part.result = result;
}

static const struct rsa_client_ops ops = {
	.pull_part = pull_part,
	.push_part = push_part,
	.pull_input = pull_input,
	.push_output = push_output,
	.done = done,
};

static struct rsa_engine *engine(void)
{
	return (struct rsa_engine *)(void *)machine.checkers[HIL_RSA];
}

/* Of the test key, unless one is made: 2 to the power of d. */
static void start(enum rsa_action action, unsigned fail_at)
{
	const struct rsa_request request = {
		.action = action,
		.size = RSA_TEST_SIZE,
		.crt = action == RSA_PRIVATE,
		.exponent = action == RSA_GENERATE ? RSA_EXPONENT_MIN : 0,
		.length = action == RSA_PRIVATE ? RSA_TEST_SIZE : 0,
	};

	memset(&part, 0, sizeof(part));
	rsa_test_key(part.key);
	part.client.ops = &ops;
	part.input[RSA_TEST_SIZE - 1] = 2;
	part.fail_at = fail_at;
	CU_ASSERT_EQUAL_FATAL(engine()->ops->start(engine(), &request, &part.client), 0);
}

static int run(enum rsa_action action, unsigned fail_at)
{
	start(action, fail_at);
	machine_run(&machine, &part.dones);
	return part.result;
}

/* --- what stays behind ----------------------------------------------------------------------- */

/* The engine's own memory is one block of the heap. */
static bool holds(const uint8_t *secret, size_t size)
{
	void *block = machine.instance->engines[HIL_RSA];
	size_t length = malloc_usable_size(block);

	for (size_t at = 0; at + WINDOW <= size; at += WINDOW) {
		if (memmem(block, length, secret + at, WINDOW))
			return true;
	}
	return false;
}

/* The public half is no secret, but goes with the rest. */
static bool holds_anything(void)
{
	static const uint8_t nothing[RSA_TEST_SIZE];
	bool has_output = memcmp(part.output, nothing, sizeof(nothing)) != 0;

	return holds(part.key, sizeof(part.key)) ||
	       (has_output && holds(part.output, sizeof(part.output)));
}

static void test_no_key_stays_in_the_engine_after_success_or_failure(void)
{
	machine_open(&machine, &executions[0], NULL);
	CU_ASSERT_EQUAL(run(RSA_PRIVATE, 0), 0);
	CU_ASSERT_FALSE(holds_anything());
	for (unsigned at = 1; at <= RSA_PARTS + 2; at++) { /* input and output come last */
		CU_ASSERT_EQUAL(run(RSA_PRIVATE, at), -PLUTON_ENOACK);
		CU_ASSERT_FALSE(holds_anything());
	}
	CU_ASSERT_EQUAL(run(RSA_GENERATE, 0), 0);
	CU_ASSERT_FALSE(holds_anything());
	CU_ASSERT_EQUAL(run(RSA_GENERATE, RSA_D + 1), -PLUTON_ENOACK);
	CU_ASSERT_FALSE(holds(part.key, rsa_part_offset(RSA_P, RSA_TEST_SIZE)));
	machine_close(&machine);
}

static void test_no_key_stays_in_the_engine_after_a_cancel(void)
{
	machine_open(&machine, &executions[0], NULL);
	for (unsigned steps = 0; steps < 3; steps++) {
		start(RSA_PRIVATE, 0);
		for (unsigned i = 0; i < steps && !part.dones; i++)
			machine_step(&machine);
		if (!part.dones)
			CU_ASSERT_EQUAL(engine()->ops->cancel(engine(), &part.client), 0);
		machine_run(&machine, &part.dones);
		CU_ASSERT_FALSE(holds_anything());
	}
	machine_close(&machine);
}

/* --- errors ---------------------------------------------------------------------------------- */

/* On a worker's thread, another's operation may have left one. */
static void test_an_older_error_of_the_thread_is_not_taken_for_the_operations_own(void)
{
	static atomic_bool cancelled;
	static struct rsa_job job;

	job.cancelled = &cancelled;
	job.request = (struct rsa_request){.action = RSA_VERIFY,
					   .size = RSA_TEST_SIZE,
					   .padding = RSA_PKCS1,
					   .hash = DIGEST_SHA256,
					   .length = 32};
	rsa_test_key(job.key);
	ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
	CU_ASSERT_EQUAL(rsa_run(&job), -PLUTON_EINVAL);
	CU_ASSERT(job.why && strstr(job.why, "the signature does not match"));
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
}

static bool hides_coefficient;

/* In the place of libcrypto's: as a provider that has no coefficient, and says nothing of it. */
int EVP_PKEY_get_params(const EVP_PKEY *pkey, OSSL_PARAM params[])
{
	int (*true_one)(const EVP_PKEY *, OSSL_PARAM[]);
	size_t count = 0;

	*(void **)&true_one = dlsym(RTLD_NEXT, "EVP_PKEY_get_params");
	while (params[count].key)
		count++;
	if (hides_coefficient && count == RSA_PARTS)
		params[RSA_QINV].key = "unheard-of";
	return true_one(pkey, params);
}

static void test_a_part_that_libcrypto_does_not_give_out_makes_no_key(void)
{
	static atomic_bool cancelled;
	static struct rsa_job job;

	job.cancelled = &cancelled;
	job.request = (struct rsa_request){
		.action = RSA_GENERATE, .size = RSA_TEST_SIZE, .exponent = RSA_EXPONENT_MIN};
	hides_coefficient = true;
	CU_ASSERT_EQUAL(rsa_run(&job), -PLUTON_EINVAL);
	CU_ASSERT(job.why && strstr(job.why, "does not give out the key"));
	hides_coefficient = false;
	CU_ASSERT_EQUAL(rsa_run(&job), 0);
}

static const struct test tests[] = {
	TEST(test_no_key_stays_in_the_engine_after_success_or_failure),
	TEST(test_no_key_stays_in_the_engine_after_a_cancel),
	TEST(test_an_older_error_of_the_thread_is_not_taken_for_the_operations_own),
	TEST(test_a_part_that_libcrypto_does_not_give_out_makes_no_key),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "openssl rsa", tests, TESTS_COUNT(tests));
}
