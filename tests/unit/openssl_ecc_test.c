/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ECC engine on OpenSSL, apart from what every engine must do (tests/hil): that arithmetic is a
 * worker's, and that no key stays behind however an operation ends.
 */
#include <malloc.h>
#include <string.h>

#include "hil/ecc.h"
#include "tests/suite.h"
#include "tests/unit/openssl_machine.h"

#define WINDOW 12u /* bytes of a key in a row that nothing else has */

/* A client that moves one part again and again, and fails at a chosen callback. */
static struct part_client {
	struct ecc_client client;
	uint8_t key[ECC_KEY_SIZE_MAX];
	uint8_t public[ECC_PUBLIC_SIZE_MAX];
	uint8_t signature[ECC_SIGNATURE_SIZE_MAX];
	uint8_t secret[ECC_SECRET_SIZE_MAX];
	uint8_t message[200];
	unsigned callbacks;
	unsigned fail_at;
	unsigned dones;
	int result;
} part;

static struct machine machine;

static int next(void)
{
	return ++part.callbacks == part.fail_at ? -PLUTON_ENOACK : 0;
}

static ssize_t pull_input(struct ecc_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	(void)client;
	memcpy(buf, part.message + cursor, len);
	return next() < 0 ? -PLUTON_ENOACK : (ssize_t)len;
}

#define PULL(name, from)                                                                           \
	static int name(struct ecc_client *client, uint8_t *bytes, size_t len)                     \
	{                                                                                          \
		(void)client;                                                                      \
		memcpy(bytes, part.from, len);                                                     \
		return next();                                                                     \
	}
#define PUSH(name, to)                                                                             \
	static int name(struct ecc_client *client, const uint8_t *bytes, size_t len)               \
	{                                                                                          \
		(void)client;                                                                      \
		memcpy(part.to, bytes, len);                                                       \
		return next();                                                                     \
	}

PULL(pull_key, key)
PULL(pull_public, public)
PULL(pull_signature, signature)
PUSH(push_key, key)
PUSH(push_public, public)
PUSH(push_signature, signature)
PUSH(push_secret, secret)

static void done(struct ecc_client *client, int result)
{
	(void)client;
	part.dones++;
	part.result = result;
}

static const struct ecc_client_ops ops = {
	.pull_input = pull_input,
	.pull_key = pull_key,
	.pull_public = pull_public,
	.pull_signature = pull_signature,
	.push_key = push_key,
	.push_public = push_public,
	.push_signature = push_signature,
	.push_secret = push_secret,
	.done = done,
};

static struct ecc_engine *engine(void)
{
	return (struct ecc_engine *)(void *)machine.checkers[HIL_ECC];
}

static void start(enum ecc_curve curve, enum ecc_action action, unsigned fail_at)
{
	struct ecc_request request = {.curve = curve, .action = action};

	if (action == ECC_SIGN || action == ECC_VERIFY)
		request.length = curve == ECC_ED25519 ? sizeof(part.message) : 32;
	part.client.ops = &ops;
	memset(part.secret, 0x5c, sizeof(part.secret)); /* zeros are everywhere */
	part.callbacks = part.dones = 0;
	part.fail_at = fail_at;
	CU_ASSERT_EQUAL_FATAL(engine()->ops->start(engine(), &request, &part.client), 0);
}

static int run(enum ecc_curve curve, enum ecc_action action, unsigned fail_at)
{
	start(curve, action, fail_at);
	machine_run(&machine, &part.dones);
	return part.result;
}

/* --- what stays behind ----------------------------------------------------------------------- */

/* The engine's own memory is one block of the heap. */
static bool holds(const uint8_t *secret, size_t size)
{
	void *block = machine.instance->engines[HIL_ECC];
	size_t length = malloc_usable_size(block);

	for (size_t at = 0; at + WINDOW <= size; at += WINDOW) {
		if (memmem(block, length, secret + at, WINDOW))
			return true;
	}
	return false;
}

static bool holds_anything(enum ecc_curve curve)
{
	return holds(part.key, ecc_key_size(curve)) || holds(part.secret, ecc_secret_size(curve));
}

static void use_key(enum ecc_curve curve, unsigned fail_at)
{
	for (enum ecc_action action = ECC_PUBLIC; action < ECC_ACTIONS; action++) {
		if (action == ECC_SIGN && !ecc_signature_size(curve))
			continue;
		if (action == ECC_VERIFY || (action == ECC_AGREE && !ecc_secret_size(curve)))
			continue;
		CU_ASSERT_EQUAL(run(curve, action, fail_at), fail_at ? -PLUTON_ENOACK : 0);
		CU_ASSERT_FALSE(holds_anything(curve));
	}
}

static void test_no_key_stays_in_the_engine_after_success_or_failure(void)
{
	for (size_t i = 0; i < EXECUTIONS; i++) {
		machine_open(&machine, &executions[i], NULL);
		for (enum ecc_curve curve = ECC_P256; curve < ECC_CURVES; curve++) {
			CU_ASSERT_EQUAL(run(curve, ECC_GENERATE, 0), 0);
			CU_ASSERT_FALSE(holds_anything(curve));
			use_key(curve, 0);
			use_key(curve, 1);
			use_key(curve, 2);
		}
		machine_close(&machine);
	}
}

static void test_no_key_stays_in_the_engine_after_a_cancel(void)
{
	for (unsigned steps = 0; steps < 4; steps++) {
		machine_open(&machine, &executions[0], NULL);
		CU_ASSERT_EQUAL(run(ECC_P256, ECC_GENERATE, 0), 0);
		start(ECC_P256, ECC_SIGN, 0);
		for (unsigned i = 0; i < steps && part.dones == 0; i++)
			machine_step(&machine);
		if (part.dones == 0)
			CU_ASSERT_EQUAL(engine()->ops->cancel(engine(), &part.client), 0);
		machine_run(&machine, &part.dones);
		CU_ASSERT(part.result == 0 || part.result == -PLUTON_ECANCEL);
		CU_ASSERT_FALSE(holds_anything(ECC_P256));
		machine_close(&machine);
	}
}

/* --- where it happens ------------------------------------------------------------------------ */

static void test_arithmetic_is_a_workers_unless_a_test_says_otherwise(void)
{
	static const struct {
		enum ecc_action action;
		size_t visits; /* to a worker */
	} cases[] = {
		{ECC_GENERATE, 1}, {ECC_PUBLIC, 1}, {ECC_SIGN, 1}, {ECC_VERIFY, 1}, {ECC_AGREE, 2}};

	for (size_t i = 0; i < EXECUTIONS; i++) {
		bool inline_only = executions[i].execution == OPENSSL_EXECUTION_INLINE ||
				   executions[i].execution == OPENSSL_EXECUTION_SLICED;

		machine_open(&machine, &executions[i], NULL);
		for (size_t c = 0; c < TESTS_COUNT(cases); c++) {
			size_t before = machine.interrupts_taken;

			CU_ASSERT_EQUAL(run(ECC_P256, cases[c].action, 0), 0);
			CU_ASSERT_EQUAL(machine.interrupts_taken - before,
					inline_only ? 0 : cases[c].visits);
		}
		machine_close(&machine);
	}
}

static void test_the_reason_is_there_inside_done_and_nowhere_else(void)
{
	machine_open(&machine, &executions[0], NULL);
	CU_ASSERT_EQUAL(run(ECC_P256, ECC_GENERATE, 0), 0);
	memset(part.public, 0, sizeof(part.public));
	CU_ASSERT_EQUAL(run(ECC_P256, ECC_AGREE, 0), -PLUTON_EINVAL);
	CU_ASSERT_STRING_EQUAL(engine()->ops->why(engine()), "");
	machine_close(&machine);
}

static const struct test tests[] = {
	TEST(test_no_key_stays_in_the_engine_after_success_or_failure),
	TEST(test_no_key_stays_in_the_engine_after_a_cancel),
	TEST(test_arithmetic_is_a_workers_unless_a_test_says_otherwise),
	TEST(test_the_reason_is_there_inside_done_and_nowhere_else),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "openssl ecc", tests, TESTS_COUNT(tests));
}
