/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backend stacked on an engine that does only what the test says, when it says so: what it
 * leaves behind, what it can do on which engine, who has his turn between its own.
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "backends/stacked/stacked.h"
#include "hil/arbiter.h"
#include "hil/checker.h"
#include "hil/digest.h"
#include "hil/kdf.h"
#include "hil/mac.h"
#include "tests/suite.h"

#define OWNERS 8u
#define DEADLINE_MS 1000u
#define KEY_SIZE 200u /* longer than a block */

/* --- the engine below ------------------------------------------------------------------------ */

static struct below {
	struct digest_engine engine;
	struct digest_request request;
	struct digest_client *client; /* of the start under way; NULL: none */
	unsigned starts;
	unsigned cancels;
	int refusal; /* of the next start */
} below;

static int start_below(struct digest_engine *engine, const struct digest_request *request,
		       struct digest_client *client)
{
	CU_ASSERT_PTR_NULL(below.client);
	CU_ASSERT_EQUAL(digest_check(&engine->head, request), 0);
	if (below.refusal < 0)
		return below.refusal;
	below.request = *request;
	below.client = client;
	below.starts++;
	return 0;
}

static int cancel_below(struct digest_engine *engine, struct digest_client *client)
{
	(void)engine;
	CU_ASSERT_PTR_EQUAL(client, below.client);
	below.cancels++;
	return 0;
}

/* All input, in odd pieces; what comes in, and 0 or the client's error. */
static int pull_all(uint8_t *ret_input)
{
	struct digest_client *client = below.client;

	for (size_t at = 0; at < below.request.length;) {
		size_t left = below.request.length - at;
		ssize_t n =
			client->ops->pull_input(client, ret_input + at, left < 61 ? left : 61, at);

		if (n < 0)
			return (int)n;
		at += (size_t)n;
	}
	return 0;
}

static void end_below(int result)
{
	struct digest_client *client = below.client;

	below.client = NULL;
	client->ops->done(client, result);
}

/* A digest that is as good as any. */
static void complete_below(void)
{
	uint8_t input[4096], digest[DIGEST_SIZE_MAX] = {1, 2, 3};
	int r = pull_all(input);

	if (r == 0)
		r = below.client->ops->push_digest(below.client, digest,
						   digest_size(below.request.algorithm));
	end_below(r);
}

/* --- the machine ----------------------------------------------------------------------------- */

static struct deferred_queue deferred;
static struct backend_environment environment;
static struct backend_instance *stacked;
static struct hil_port ports[HIL_KINDS];
static struct arbiter arbiters[HIL_KINDS];
static struct hil_engine *checkers[HIL_KINDS];
static struct hil_owner *owners[OWNERS];
static uint32_t owner_count;
static unsigned violations;

static int add_owner(void *context, struct hil_owner *owner)
{
	(void)context;
	*owner = (struct hil_owner){.index = owner_count, .party = owner_count};
	owners[owner_count++] = owner;
	return 0;
}

static struct hil_owner *find_owner(void *context, uint32_t index)
{
	(void)context;
	return owners[index];
}

static void violated(void *context, enum hil_rule rule, const char *engine, const char *sentence)
{
	(void)context;
	printf("# %s by %s: %s\n", checker_rule_name(rule), engine, sentence);
	violations++;
}

/* An engine behind a checker and an arbiter, as plutond has them with `checker = yes`. */
static void put(struct hil_engine *inner)
{
	const struct checker_options options = {.deferred = &deferred, .report = violated};
	struct hil_engine **checker = &checkers[inner->kind];

	CU_ASSERT_EQUAL_FATAL(checker_open(inner, &options, checker), 0);
	ports[inner->kind] = (struct hil_port){inner->kind, 1, {*checker}};
	CU_ASSERT_EQUAL_FATAL(arbiter_init(&arbiters[inner->kind], *checker, &deferred, OWNERS,
					   OWNERS, DEADLINE_MS, find_owner, NULL),
			      0);
}

static uint8_t key[KEY_SIZE];

static void machine_open(void)
{
	static const struct digest_engine_ops ops = {start_below, cancel_below};

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(0x81 + 7 * i);

	deferred_queue_init(&deferred);
	environment = (struct backend_environment){
		.deferred = &deferred, .add_owner = add_owner, .pbkdf2_rounds_max = 100};
	owner_count = violations = 0;
	below = (struct below){
		.engine = {.head = {.name = "below",
				    .kind = HIL_DIGEST,
				    .level = HIL_LEVEL_DIGEST,
				    .concurrency = 1},
			   .caps = {.algorithms = 1u << DIGEST_SHA256 | 1u << DIGEST_SHA3_256,
				    .length_max = 1u << 20,
				    .state_bytes = 100},
			   .ops = &ops},
	};
	put(&below.engine.head);
	CU_ASSERT_EQUAL_FATAL(stacked_open(&environment, &stacked), 0);
	for (enum hil_kind kind = 0; kind < HIL_KINDS; kind++) {
		if (!stacked->engines[kind])
			continue;
		put(stacked->engines[kind]); /* before it has joined: as plutond does */
		CU_ASSERT_TRUE(checkers[kind]->absent);
		stacked->join(stacked, kind, ports);
	}
}

static void machine_close(void)
{
	for (unsigned kind = 0; kind < HIL_KINDS; kind++) {
		if (!ports[kind].count)
			continue;
		CU_ASSERT_EQUAL(arbiters[kind].holders, 0);
		CU_ASSERT_EQUAL(arbiters[kind].marked, 0);
		CU_ASSERT_EQUAL(checker_settle(checkers[kind]), 0);
		arbiter_close(&arbiters[kind]);
		checker_close(checkers[kind]);
		ports[kind].count = 0;
	}
	stacked_close(stacked);
	CU_ASSERT_PTR_NULL(deferred.head);
	CU_ASSERT_EQUAL(violations, 0);
}

static void run_loop(void)
{
	while (deferred_queue_run(&deferred, 16))
		;
}

static struct mac_engine *hmac_engine(void)
{
	return (struct mac_engine *)(void *)checkers[HIL_HMAC];
}

static struct kdf_engine *kdf_engine(void)
{
	return (struct kdf_engine *)(void *)checkers[HIL_KDF];
}

/* --- clients --------------------------------------------------------------------------------- */

static int input_error; /* that pulls of a message answer, if not 0 */
static unsigned dones;
static int result;

static ssize_t pull_message(struct mac_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	(void)client;
	(void)cursor;
	memset(buf, 'm', len);
	return input_error ? input_error : (ssize_t)len;
}

static int pull_mac_key(struct mac_client *client, uint8_t *bytes, size_t len)
{
	(void)client;
	memcpy(bytes, key, len);
	return 0;
}

static int push_mac(struct mac_client *client, const uint8_t *mac, size_t len)
{
	(void)client;
	(void)mac;
	CU_ASSERT_EQUAL(len, 32);
	return 0;
}

static void mac_done(struct mac_client *client, int r)
{
	(void)client;
	dones++;
	result = r;
}

static const struct mac_client_ops mac_ops = {.pull_input = pull_message,
					      .pull_key = pull_mac_key,
					      .push_mac = push_mac,
					      .done = mac_done};
static struct mac_client mac_client = {&mac_ops};

static void start_mac(size_t key_size)
{
	const struct mac_request request = {.algorithm = MAC_HMAC_SHA256,
					    .phase = HIL_ONE_SHOT,
					    .key_size = key_size,
					    .length = 300,
					    .mac_size = 32};

	dones = 0;
	CU_ASSERT_EQUAL_FATAL(hmac_engine()->ops->start(hmac_engine(), &request, &mac_client), 0);
}

static int pull_kdf(struct kdf_client *client, uint8_t *bytes, size_t len)
{
	(void)client;
	memcpy(bytes, key, len);
	return 0;
}

static ssize_t push_kdf(struct kdf_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	(void)client;
	(void)buf;
	(void)cursor;
	return (ssize_t)len;
}

static void kdf_done(struct kdf_client *client, int r)
{
	(void)client;
	dones++;
	result = r;
}

static const struct kdf_client_ops kdf_ops = {.pull_salt = pull_kdf,
					      .pull_key = pull_kdf,
					      .pull_info = pull_kdf,
					      .push_output = push_kdf,
					      .done = kdf_done};
static struct kdf_client kdf_client = {&kdf_ops};

static void start_kdf(void)
{
	const struct kdf_request request = {.method = KDF_HKDF,
					    .prf = MAC_HMAC_SHA256,
					    .key_size = 100,
					    .salt_length = 60,
					    .info_length = 40,
					    .length = 70};

	dones = 0;
	CU_ASSERT_EQUAL_FATAL(kdf_engine()->ops->start(kdf_engine(), &request, &kdf_client), 0);
}

/* Whatever is still to be done below is done, until the client is told. */
static void finish(void)
{
	run_loop();
	while (below.client) {
		complete_below();
		run_loop();
	}
	CU_ASSERT_EQUAL(dones, 1);
}

/* --- what is left behind --------------------------------------------------------------------- */

/* Some bytes of the key, as they are and padded, anywhere in what the backend has. */
static bool holds_key(const void *memory)
{
	static const uint8_t pads[] = {0, 0x36, 0x5c};
	size_t size = malloc_usable_size((void *)(uintptr_t)memory);
	uint8_t some[12];

	for (size_t at = 0; at + sizeof(some) <= KEY_SIZE; at += sizeof(some)) {
		for (size_t pad = 0; pad < sizeof(pads); pad++) {
			for (size_t i = 0; i < sizeof(some); i++)
				some[i] = key[at + i] ^ pads[pad];
			if (memmem(memory, size, some, sizeof(some)))
				return true;
		}
	}
	return false;
}

static void expect_nothing_left(int expected)
{
	finish();
	CU_ASSERT_EQUAL(result, expected);
	CU_ASSERT_FALSE(holds_key(stacked->engines[HIL_HMAC]));
	CU_ASSERT_FALSE(holds_key(stacked->engines[HIL_KDF]));
}

/* Ends after so many starts below: by a cancel while one is under way, or before the next. */
static void cancel_at(unsigned starts, bool under_way)
{
	uint8_t input[4096];

	start_mac(KEY_SIZE);
	run_loop();
	for (unsigned i = 0; i < starts; i++) {
		complete_below();
		if (i + 1 < starts || under_way)
			run_loop();
	}
	if (under_way)
		CU_ASSERT_EQUAL(pull_all(input), 0);
	CU_ASSERT_TRUE(holds_key(stacked->engines[HIL_HMAC]) || starts > 0);
	CU_ASSERT_EQUAL(hmac_engine()->ops->cancel(hmac_engine(), &mac_client), 0);
	if (under_way)
		end_below(-PLUTON_ECANCEL);
	expect_nothing_left(-PLUTON_ECANCEL);
}

static void test_nothing_of_a_key_is_left_behind_however_a_mac_ends(void)
{
	machine_open();
	start_mac(KEY_SIZE);
	expect_nothing_left(0);
	start_mac(30);
	expect_nothing_left(0);
	for (unsigned starts = 0; starts < 3; starts++) {
		cancel_at(starts, true);
		if (starts > 0)
			cancel_at(starts, false);
	}
	input_error = -PLUTON_ENOACK;
	start_mac(KEY_SIZE);
	expect_nothing_left(-PLUTON_ENOACK);
	input_error = 0;
	below.refusal = -PLUTON_ENODEVICE;
	start_mac(KEY_SIZE);
	expect_nothing_left(-PLUTON_ENODEVICE);
	machine_close();
}

static void test_nothing_of_a_key_is_left_behind_when_one_was_derived(void)
{
	machine_open();
	start_kdf();
	run_loop();
	CU_ASSERT_TRUE(holds_key(stacked->engines[HIL_KDF]));
	expect_nothing_left(0);
	start_kdf();
	run_loop();
	complete_below();
	run_loop();
	CU_ASSERT_EQUAL(kdf_engine()->ops->cancel(kdf_engine(), &kdf_client), 0);
	run_loop();
	end_below(-PLUTON_ECANCEL);
	expect_nothing_left(-PLUTON_ECANCEL);
	machine_close();
}

/* --- on which engine ------------------------------------------------------------------------- */

static void change_below(struct digest_caps caps, bool absent)
{
	below.engine.caps = caps;
	hil_engine_set_absent(&below.engine.head, absent);
}

static void test_what_stands_on_an_engine_goes_and_comes_with_it_on_all_levels(void)
{
	struct digest_caps caps;

	machine_open();
	caps = below.engine.caps;
	CU_ASSERT_FALSE(checkers[HIL_HMAC]->absent || checkers[HIL_KDF]->absent);
	CU_ASSERT_EQUAL(hmac_engine()->caps.algorithms, caps.algorithms);
	CU_ASSERT_EQUAL(kdf_engine()->caps.prfs[KDF_HKDF], caps.algorithms);
	change_below(caps, true);
	CU_ASSERT_TRUE(checkers[HIL_HMAC]->absent && checkers[HIL_KDF]->absent);
	caps.algorithms = 1u << DIGEST_SHA512;
	change_below(caps, false);
	CU_ASSERT_FALSE(checkers[HIL_HMAC]->absent || checkers[HIL_KDF]->absent);
	CU_ASSERT_EQUAL(hmac_engine()->caps.algorithms, 1u << MAC_HMAC_SHA512);
	CU_ASSERT_EQUAL(kdf_engine()->caps.prfs[KDF_PBKDF2], 1u << MAC_HMAC_SHA512);
	machine_close();
}

static void test_an_engine_below_whose_state_is_too_large_or_none_has_macs_in_one_shot(void)
{
	struct digest_caps caps;

	machine_open();
	caps = below.engine.caps;
	CU_ASSERT_EQUAL(hmac_engine()->caps.state_bytes, 200);
	caps.state_bytes = HMAC_STATE_MAX / 2 + 1;
	change_below(caps, false);
	CU_ASSERT_EQUAL(hmac_engine()->caps.state_bytes, 0);
	caps.state_bytes = 0;
	change_below(caps, false);
	CU_ASSERT_EQUAL(hmac_engine()->caps.state_bytes, 0);
	start_mac(30);
	finish();
	CU_ASSERT_EQUAL(result, 0);
	machine_close();
}

static void test_an_engine_below_that_takes_too_little_at_once_has_nothing_on_it(void)
{
	struct digest_caps caps;

	machine_open();
	caps = below.engine.caps;
	caps.length_max = 600;
	change_below(caps, false);
	CU_ASSERT_EQUAL(hmac_engine()->caps.algorithms, 0);
	CU_ASSERT_EQUAL(kdf_engine()->caps.prfs[KDF_COUNTER], 0);
	machine_close();
}

/* The longest message and the padded key before it are what the engine below takes at once. */
static void test_the_longest_message_leaves_room_for_the_padded_key(void)
{
	machine_open();
	CU_ASSERT_EQUAL(hmac_engine()->caps.length_max,
			below.engine.caps.length_max - DIGEST_BLOCK_SIZE_MAX);
	for (uint32_t i = 0; i <= DIGEST_ALGORITHMS; i++)
		CU_ASSERT(digest_block_size(i) <= DIGEST_BLOCK_SIZE_MAX);
	machine_close();
}

/* --- turns ----------------------------------------------------------------------------------- */

static unsigned starts_at_grant;

static void note_grant(struct hil_waiter *waiter)
{
	starts_at_grant = below.starts;
	arbiter_release(waiter);
}

static void test_another_has_its_turn_between_two_starts_of_one_mac(void)
{
	struct hil_waiter waiter = {.granted = note_grant};
	struct hil_owner other;

	machine_open();
	add_owner(NULL, &other);
	start_mac(30);
	run_loop();
	CU_ASSERT_EQUAL(below.starts, 1);
	CU_ASSERT_EQUAL(arbiter_request(checkers[HIL_DIGEST], &waiter, &other, NULL), 0);
	finish();
	CU_ASSERT_EQUAL(starts_at_grant, 1);
	CU_ASSERT_EQUAL(below.starts, 2);
	machine_close();
}

static void test_a_start_below_that_takes_too_long_is_cancelled_and_its_client_told_busy(void)
{
	machine_open();
	start_mac(30);
	run_loop();
	arbiter_expire(&arbiters[HIL_DIGEST], UINT64_MAX);
	CU_ASSERT_EQUAL(below.cancels, 1);
	CU_ASSERT_EQUAL(dones, 0);
	end_below(-PLUTON_ECANCEL);
	finish();
	CU_ASSERT_EQUAL(result, -PLUTON_EBUSY);
	machine_close();
}

static const struct test tests[] = {
	TEST(test_nothing_of_a_key_is_left_behind_however_a_mac_ends),
	TEST(test_nothing_of_a_key_is_left_behind_when_one_was_derived),
	TEST(test_what_stands_on_an_engine_goes_and_comes_with_it_on_all_levels),
	TEST(test_an_engine_below_whose_state_is_too_large_or_none_has_macs_in_one_shot),
	TEST(test_an_engine_below_that_takes_too_little_at_once_has_nothing_on_it),
	TEST(test_the_longest_message_leaves_room_for_the_padded_key),
	TEST(test_another_has_its_turn_between_two_starts_of_one_mac),
	TEST(test_a_start_below_that_takes_too_long_is_cancelled_and_its_client_told_busy),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "stacked", tests, TESTS_COUNT(tests));
}
