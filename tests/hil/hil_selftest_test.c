/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self test before an engine that does one algorithm wrong: OpenSSL's with tests/hil/wrong.c
 * before it.
 */
#include <poll.h>
#include <string.h>

#include "hil/selftest-core.h"
#include "tests/hil/behaviours.h"
#include "tests/hil/material.h"
#include "tests/hil/openssl_bench.h"
#include "tests/hil/wrong.h"
#include "tests/suite.h"

#define DEADLINE_MS 1000u
#define LAST_RSA 4u /* OAEP, the last to be tested */

static const enum hil_kind tested[] = {HIL_RNG, HIL_DIGEST, HIL_AES, HIL_HMAC, HIL_CMAC,
				       HIL_ECC, HIL_RSA,    HIL_KDF, HIL_HWKEY};
#define USED (TESTS_COUNT(tested) - 1) /* for which there is material; slots' uses have a test */

/* One engine of a bench behind a wrong one behind its self test. */
struct stand {
	struct bench bench;
	struct wrong *wrong;
	struct hil_engine *engine;
	struct arbiter arbiter;
	struct hil_owner own;	/* the self test's */
	struct hil_owner other; /* a process's */
	unsigned judged;
	unsigned ended;
	int timed;
	int judged_failed; /* the algorithm that failed last; -1: none */
};

static struct stand *stand_in_use;
static struct material m, other_m;
static struct client client, other;

static struct hil_owner *find_owner(void *context, uint32_t index)
{
	struct stand *stand = context;

	return index == 0 ? &stand->own : &stand->other;
}

static void judged(void *context, struct hil_engine *engine, unsigned algorithm)
{
	struct stand *stand = context;
	struct selftest_result result;

	stand->judged++;
	CU_ASSERT_TRUE_FATAL(selftest_look(engine, algorithm, &result));
	stand->judged_failed = result.state == SELFTEST_FAILED ? (int)algorithm : -1;
}

static void timed(void *context, bool is_timed)
{
	((struct stand *)context)->timed += is_timed ? 1 : -1;
}

static void ended(void *context, struct hil_engine *engine)
{
	(void)engine;
	((struct stand *)context)->ended++;
}

static void stand_open(struct stand *stand, enum hil_kind kind)
{
	struct selftest_options options = {.owner = &stand->own,
					   .judged = judged,
					   .timed = timed,
					   .ended = ended,
					   .context = stand};

	*stand = (struct stand){.other = {.index = 1, .party = 1}, .judged_failed = -1};
	stand_in_use = stand;
	bench_open(&stand->bench);
	options.deferred = &stand->bench.deferred;
	if (wrong_open(bench_engine(&stand->bench, kind), options.deferred, &stand->wrong) < 0 ||
	    selftest_open(wrong_engine(stand->wrong), &options, &stand->engine) < 0 ||
	    arbiter_init(&stand->arbiter, stand->engine, options.deferred, 2, 2, DEADLINE_MS,
			 find_owner, stand) < 0)
		CU_FAIL_FATAL("no engine");
}

static void stand_close(struct stand *stand)
{
	CU_ASSERT_FALSE(selftest_busy(stand->engine));
	CU_ASSERT_EQUAL(stand->timed, 0);
	arbiter_close(&stand->arbiter);
	selftest_close(stand->engine);
	wrong_close(stand->wrong);
	bench_close(&stand->bench);
}

static void drain(struct stand *stand)
{
	struct pollfd worker = {.fd = stand->bench.interrupts.fd, .events = POLLIN};

	do {
		while (bench_turn(&stand->bench, 64))
			;
	} while (wrong_works(stand->wrong) && poll(&worker, 1, -1) == 1);
}

static void test_all(struct stand *stand)
{
	selftest_begin(stand->engine);
	drain(stand);
}

static enum selftest_state state_of(const struct stand *stand, unsigned algorithm)
{
	struct selftest_result result;

	return selftest_look(stand->engine, algorithm, &result) ? result.state : SELFTEST_ABSENT;
}

static bool has(const struct stand *stand, unsigned algorithm)
{
	struct selftest_result result;

	return selftest_look(stand->engine, algorithm, &result);
}

static const char *why(const struct stand *stand, unsigned algorithm)
{
	struct selftest_result result = {.why = "not offered"};

	selftest_look(stand->engine, algorithm, &result);
	return result.why;
}

/* All that the engine offers, but for one, are in the state; that one in the other. */
static bool all_but(const struct stand *stand, unsigned one, enum selftest_state state,
		    enum selftest_state of_one)
{
	for (unsigned i = 0; i < SELFTEST_ALGORITHMS; i++) {
		if (has(stand, i) && state_of(stand, i) != (i == one ? of_one : state))
			return false;
	}
	return true;
}

/* A request of the algorithm, as its own test makes one. */
static void make_request(const struct stand *stand, unsigned algorithm, struct selftest_run *run)
{
	const struct selftest_kind *kind = selftest_kind_of(stand->engine->kind);
	enum known_step said = KNOWN_SKIP;

	memset(run, 0, sizeof(*run));
	for (unsigned step = 0; said == KNOWN_SKIP; step++) {
		memset(run, 0, sizeof(*run));
		said = kind->prepare(run, algorithm, step);
	}
	CU_ASSERT_EQUAL_FATAL(said, KNOWN_ASK);
}

/* What start answers; a request that is taken is cancelled again. */
static int start_one(struct stand *stand, unsigned algorithm)
{
	const struct selftest_kind *kind = selftest_kind_of(stand->engine->kind);
	static struct selftest_run run;

	make_request(stand, algorithm, &run);
	return kind->start(stand->engine, &run.request, &run.client);
}

static enum wrong_how fault_of(enum hil_kind kind)
{
	return kind == HIL_RNG ? WRONG_STUCK : WRONG_BYTES;
}

static const char *how_wrong(enum hil_kind kind)
{
	return kind == HIL_RNG ? "repeats one byte (SP 800-90B, 4.4.1)" : "gave a wrong answer";
}

/* --- what is found --------------------------------------------------------------------------- */

static void test_every_algorithm_of_every_engine_of_openssl_passes(void)
{
	unsigned algorithms = 0;

	for (size_t i = 0; i < TESTS_COUNT(tested); i++) {
		struct stand stand;

		stand_open(&stand, tested[i]);
		test_all(&stand);
		for (unsigned a = 0; a < SELFTEST_ALGORITHMS; a++)
			algorithms += state_of(&stand, a) == SELFTEST_PASSED;
		CU_ASSERT_TRUE(all_but(&stand, UINT32_MAX, SELFTEST_PASSED, 0));
		CU_ASSERT_EQUAL(stand.judged, 0);
		CU_ASSERT_EQUAL(stand.ended, 1);
		stand_close(&stand);
	}
	CU_ASSERT_EQUAL(algorithms, 1 + 8 + 5 + 8 + 1 + 5 + 5 + 3 * 8 + 1 + 1);
}

static void check_found(struct stand *stand, unsigned algorithm, enum wrong_how how)
{
	wrong_set(stand->wrong, how, algorithm);
	test_all(stand);
	CU_ASSERT_TRUE(all_but(stand, algorithm, SELFTEST_PASSED, SELFTEST_FAILED));
	CU_ASSERT_EQUAL(stand->judged_failed, (int)algorithm);
}

static void check_refused_alone(struct stand *stand, unsigned algorithm)
{
	const struct selftest_kind *kind = selftest_kind_of(stand->engine->kind);
	unsigned starts = wrong_starts(stand->wrong);
	struct selftest_run run;

	CU_ASSERT_EQUAL(start_one(stand, algorithm), -PLUTON_EFAIL);
	drain(stand);
	CU_ASSERT_EQUAL(wrong_starts(stand->wrong), starts);
	for (unsigned i = 0; i < SELFTEST_ALGORITHMS; i++) {
		if (!has(stand, i))
			continue;
		make_request(stand, i, &run);
		CU_ASSERT_EQUAL(stand->engine->gate->admit(stand->engine, &run.request),
				i == algorithm ? -PLUTON_EFAIL : 0);
		CU_ASSERT_EQUAL(kind->check(stand->engine, &run.request), 0);
	}
}

static void test_a_wrong_answer_of_any_algorithm_fails_it_and_no_other_until_it_is_right(void)
{
	for (size_t i = 0; i < TESTS_COUNT(tested); i++) {
		struct stand stand;

		stand_open(&stand, tested[i]);
		for (unsigned a = 0; a < SELFTEST_ALGORITHMS; a++) {
			if (!has(&stand, a))
				continue;
			check_found(&stand, a, fault_of(tested[i]));
			CU_ASSERT_STRING_EQUAL(why(&stand, a), how_wrong(tested[i]));
			check_refused_alone(&stand, a);
		}
		wrong_set(stand.wrong, WRONG_NOT, 0);
		test_all(&stand);
		CU_ASSERT_TRUE(all_but(&stand, UINT32_MAX, SELFTEST_PASSED, 0));
		CU_ASSERT_EQUAL(stand.judged_failed, -1);
		stand_close(&stand);
	}
}

static void test_an_answer_that_lacks_its_end_is_found(void)
{
	for (size_t i = 1; i < TESTS_COUNT(tested); i++) {
		struct stand stand;

		stand_open(&stand, tested[i]);
		for (unsigned a = 0; a < SELFTEST_ALGORITHMS; a++) {
			/* The checker sees it first, and then it is an error. */
			if (has(&stand, a))
				check_found(&stand, a, WRONG_SHORT);
		}
		stand_close(&stand);
	}
}

static void test_an_error_of_any_algorithm_fails_it(void)
{
	for (size_t i = 0; i < TESTS_COUNT(tested); i++) {
		struct stand stand;

		stand_open(&stand, tested[i]);
		for (unsigned a = 0; a < SELFTEST_ALGORITHMS; a++) {
			if (!has(&stand, a))
				continue;
			check_found(&stand, a, WRONG_ERROR);
			CU_ASSERT_STRING_EQUAL(why(&stand, a), "failed where it must not");
		}
		stand_close(&stand);
	}
}

static void check_forged(enum hil_kind kind, unsigned algorithm)
{
	struct stand stand;

	stand_open(&stand, kind);
	check_found(&stand, algorithm, WRONG_VERDICT);
	CU_ASSERT_STRING_EQUAL(why(&stand, algorithm), "took what is forged for genuine");
	stand_close(&stand);
}

static void test_an_engine_that_takes_what_is_forged_for_genuine_is_found(void)
{
	check_forged(HIL_HMAC, MAC_HMAC_SHA1);
	check_forged(HIL_HMAC, MAC_HMAC_SHA3_512);
	check_forged(HIL_CMAC, MAC_CMAC_AES);
	check_forged(HIL_AES, AES_GCM);
	check_forged(HIL_AES, AES_CCM);
	check_forged(HIL_ECC, ECC_P256);
	check_forged(HIL_ECC, ECC_P384);
	check_forged(HIL_ECC, ECC_P521);
	check_forged(HIL_ECC, ECC_ED25519);
	check_forged(HIL_RSA, 1); /* PKCS #1 signatures, PSS, OAEP */
	check_forged(HIL_RSA, 3);
	check_forged(HIL_RSA, 4);
	check_forged(HIL_HWKEY, 0); /* what was wrapped, records */
}

static void test_random_bytes_that_begin_as_the_last_ones_did_are_found(void)
{
	struct stand stand;

	stand_open(&stand, HIL_RNG);
	check_found(&stand, 0, WRONG_REPEATS);
	CU_ASSERT_STRING_EQUAL(why(&stand, 0), "begins as it did before");
	stand_close(&stand);
}

static void test_a_gate_says_which_algorithm_of_which_engine_failed_and_how_once(void)
{
	struct stand stand;
	const char *sentence;

	stand_open(&stand, HIL_DIGEST);
	check_found(&stand, DIGEST_SHA256, WRONG_BYTES);
	CU_ASSERT_EQUAL(start_one(&stand, DIGEST_SHA256), -PLUTON_EFAIL);
	sentence = stand.engine->gate->refusal(stand.engine);
	CU_ASSERT_PTR_NOT_NULL_FATAL(sentence);
	CU_ASSERT_STRING_EQUAL(sentence, "sha256 of engine openssl failed its self test: it gave a "
					 "wrong answer");
	CU_ASSERT_PTR_NULL(stand.engine->gate->refusal(stand.engine));
	stand_close(&stand);
}

static void test_no_memory_for_a_test_leaves_the_algorithm_untested_and_not_failed(void)
{
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	wrong_set(stand.wrong, WRONG_NOMEM, DIGEST_SHA256);
	test_all(&stand);
	CU_ASSERT_TRUE(all_but(&stand, DIGEST_SHA256, SELFTEST_PASSED, SELFTEST_UNTESTED));
	CU_ASSERT_EQUAL(stand.ended, 1);
	material_digest(&m, &client, 100);
	CU_ASSERT_EQUAL(client_start(&client, stand.engine), 0);
	drain(&stand);
	CU_ASSERT_EQUAL(client.result, -PLUTON_ENOMEM);
	wrong_set(stand.wrong, WRONG_NOT, 0);
	CU_ASSERT_EQUAL(client_start(&client, stand.engine), 0);
	drain(&stand);
	CU_ASSERT_EQUAL(client.result, 0);
	stand_close(&stand);
}

/* --- the first use --------------------------------------------------------------------------- */

static void test_the_first_use_waits_for_its_own_test_and_then_is_done(void)
{
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	wrong_set(stand.wrong, WRONG_HANGS, DIGEST_SHA256);
	material_digest(&m, &client, 100);
	CU_ASSERT_EQUAL(client_start(&client, stand.engine), 0);
	drain(&stand);
	CU_ASSERT_EQUAL(client.callbacks + client.dones, 0);
	CU_ASSERT_EQUAL(state_of(&stand, DIGEST_SHA256), SELFTEST_RUNNING);
	CU_ASSERT_EQUAL(wrong_starts(stand.wrong), 1);
	wrong_set(stand.wrong, WRONG_NOT, 0);
	drain(&stand);
	CU_ASSERT_EQUAL(client.dones, 1);
	CU_ASSERT_EQUAL(client.result, 0);
	CU_ASSERT_EQUAL(memcmp(client.result_digest, m.expected, 32), 0);
	CU_ASSERT_TRUE(all_but(&stand, DIGEST_SHA256, SELFTEST_UNTESTED, SELFTEST_PASSED));
	stand_close(&stand);
}

/* A request of the HIL, and which algorithm that is. */
static unsigned want(enum hil_kind kind, struct material *material, struct client *ret)
{
	switch (kind) {
	case HIL_RNG:
		material_random(material, ret, 100);
		return 0;
	case HIL_DIGEST:
		material_digest(material, ret, 100);
		return DIGEST_SHA256;
	case HIL_AES:
		material_gcm_encrypt(material, ret, 20, 100);
		return AES_GCM;
	case HIL_HMAC:
		material_mac(material, ret, MAC_HMAC_SHA384, 100);
		return MAC_HMAC_SHA384;
	case HIL_CMAC:
		material_mac(material, ret, MAC_CMAC_AES, 100);
		return MAC_CMAC_AES;
	case HIL_ECC:
		material_ecc(material, ret, ECC_P256, ECC_SIGN, 32);
		return ECC_P256;
	case HIL_KDF:
		material_kdf(material, ret, KDF_COUNTER, MAC_HMAC_SHA256, 100);
		return selftest_kind_of(kind)->algorithm_of(&ret->kdf_request);
	default:
		material_rsa(material, ret, RSA_SIGN, RSA_PKCS1);
		return 1;
	}
}

static void test_the_first_use_of_what_passes_is_served_on_every_hil(void)
{
	for (size_t i = 0; i < USED; i++) {
		struct stand stand;
		unsigned a;

		stand_open(&stand, tested[i]);
		a = want(tested[i], &m, &client);
		CU_ASSERT_EQUAL(client_start(&client, stand.engine), 0);
		CU_ASSERT_EQUAL(client.callbacks, 0);
		drain(&stand);
		CU_ASSERT_EQUAL(client.dones, 1);
		CU_ASSERT_EQUAL(client.result, 0);
		CU_ASSERT_TRUE(all_but(&stand, a, SELFTEST_UNTESTED, SELFTEST_PASSED));
		stand_close(&stand);
	}
}

static void test_the_first_use_of_what_fails_is_refused_and_nothing_of_it_is_touched(void)
{
	for (size_t i = 0; i < USED; i++) {
		struct stand stand;
		unsigned a;

		stand_open(&stand, tested[i]);
		a = want(tested[i], &m, &client);
		wrong_set(stand.wrong, fault_of(tested[i]), a);
		CU_ASSERT_EQUAL(client_start(&client, stand.engine), 0);
		drain(&stand);
		CU_ASSERT_EQUAL(client.dones, 1);
		CU_ASSERT_EQUAL(client.result, -PLUTON_EFAIL);
		CU_ASSERT_EQUAL(client.callbacks, 0);
		CU_ASSERT_EQUAL(client_start(&client, stand.engine), -PLUTON_EFAIL);
		stand_close(&stand);
	}
}

/* --- key slots -------------------------------------------------------------------------------- */

static struct {
	struct hwkey_client client;
	unsigned dones;
	int result;
} keeper;

static void kept(struct hwkey_client *slot_client, int result)
{
	(void)slot_client;
	keeper.dones++;
	keeper.result = result;
}

/* A key of this boot into slot 1, or out of it. */
static int change_slot(const struct stand *stand, enum hwkey_action action)
{
	static const struct hwkey_client_ops client_ops = {.done = kept};
	struct hwkey_engine *engine = (struct hwkey_engine *)(void *)stand->engine;
	const struct hwkey_request request = {
		.action = action,
		.name = {.owner = "uid-1000", .number = 1},
		.attributes = {HWKEY_AES256, HWKEY_WRAPS, HWKEY_THIS_BOOT, 32},
		.slots_per_owner = 1,
	};

	keeper.client.ops = &client_ops;
	keeper.dones = 0;
	keeper.result = 1;
	return engine->ops->start(engine, &request, &keeper.client);
}

static bool has_slot(const struct stand *stand)
{
	const struct hwkey_name name = {.owner = "uid-1000", .number = 1};
	struct hwkey_engine *inner = (struct hwkey_engine *)(void *)stand->bench.inner[HIL_HWKEY];
	struct hwkey_about about;

	return inner->ops->find(inner, &name, &about) == 0;
}

static void test_the_first_key_slot_waits_for_the_test_and_every_action_is_refused_if_it_fails(void)
{
	struct stand stand;

	stand_open(&stand, HIL_HWKEY);
	CU_ASSERT_EQUAL(change_slot(&stand, HWKEY_GENERATE), 0);
	CU_ASSERT_FALSE(has_slot(&stand));
	drain(&stand);
	CU_ASSERT_EQUAL(keeper.dones, 1);
	CU_ASSERT_EQUAL(keeper.result, 0);
	CU_ASSERT_EQUAL(state_of(&stand, 0), SELFTEST_PASSED);
	CU_ASSERT_TRUE(has_slot(&stand));
	check_found(&stand, 0, WRONG_BYTES);
	CU_ASSERT_EQUAL(change_slot(&stand, HWKEY_DELETE), -PLUTON_EFAIL);
	CU_ASSERT_STRING_EQUAL(stand.engine->gate->refusal(stand.engine),
			       "key-slots of engine openssl failed its self test: it gave a wrong "
			       "answer");
	CU_ASSERT_TRUE(has_slot(&stand));
	wrong_set(stand.wrong, WRONG_NOT, 0);
	test_all(&stand);
	CU_ASSERT_EQUAL(change_slot(&stand, HWKEY_DELETE), 0);
	drain(&stand);
	CU_ASSERT_FALSE(has_slot(&stand));
	stand_close(&stand);
}

static void test_a_slot_is_taken_while_what_will_fill_it_waits_for_the_test(void)
{
	const struct hwkey_name name = {.owner = "uid-1000", .number = 1};
	struct hwkey_engine *engine;
	struct hwkey_about about;
	struct stand stand;

	stand_open(&stand, HIL_HWKEY);
	engine = (struct hwkey_engine *)(void *)stand.engine;
	CU_ASSERT_EQUAL(engine->ops->unused(engine, "uid-1000"), 1);
	CU_ASSERT_EQUAL(change_slot(&stand, HWKEY_GENERATE), 0);
	CU_ASSERT_EQUAL(engine->ops->find(engine, &name, &about), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(engine->ops->next(engine, "uid-1000", 0), 1);
	CU_ASSERT_EQUAL(engine->ops->next(engine, "uid-1000", 1), 0);
	CU_ASSERT_EQUAL(engine->ops->unused(engine, "uid-1000"), 2);
	CU_ASSERT_EQUAL(engine->ops->unused(engine, "uid-1001"), 1);
	drain(&stand);
	CU_ASSERT_EQUAL(engine->ops->find(engine, &name, &about), 0);
	CU_ASSERT_EQUAL(engine->ops->unused(engine, "uid-1000"), 2);
	stand_close(&stand);
}

/* What the engine does with each answer of the test is seen in the engine's own tests. */
static void test_each_trial_of_key_slots_alone_is_enough_to_be_found(void)
{
	for (unsigned trial = 1; trial < HWKEY_TRIALS; trial++) {
		struct stand stand;

		stand_open(&stand, HIL_HWKEY);
		((struct hwkey_engine *)(void *)wrong_engine(stand.wrong))->caps.trials = 1u
											  << trial;
		test_all(&stand);
		CU_ASSERT_EQUAL(state_of(&stand, 0), SELFTEST_PASSED);
		check_found(&stand, 0, WRONG_BYTES);
		stand_close(&stand);
	}
}

static void test_an_engine_of_key_slots_that_can_be_tried_in_no_way_fails(void)
{
	struct stand stand;

	stand_open(&stand, HIL_HWKEY);
	((struct hwkey_engine *)(void *)wrong_engine(stand.wrong))->caps.trials = 0;
	test_all(&stand);
	CU_ASSERT_EQUAL(state_of(&stand, 0), SELFTEST_FAILED);
	CU_ASSERT_EQUAL(change_slot(&stand, HWKEY_GENERATE), -PLUTON_EFAIL);
	stand_close(&stand);
}

static unsigned state_in_done;

static void note_state(struct client *done)
{
	(void)done;
	state_in_done = state_of(stand_in_use, LAST_RSA);
}

static void test_the_test_that_somebody_waits_for_comes_before_those_that_nobody_does(void)
{
	struct stand stand;

	stand_open(&stand, HIL_RSA);
	CU_ASSERT_TRUE(has(&stand, LAST_RSA));
	selftest_begin(stand.engine);
	material_rsa(&m, &client, RSA_SIGN, RSA_PSS);
	client.on_done = note_state;
	CU_ASSERT_EQUAL(client_start(&client, stand.engine), 0);
	drain(&stand);
	CU_ASSERT_EQUAL(client.result, 0);
	CU_ASSERT_EQUAL(state_in_done, SELFTEST_UNTESTED);
	CU_ASSERT_TRUE(all_but(&stand, UINT32_MAX, SELFTEST_PASSED, 0));
	stand_close(&stand);
}

static void test_two_that_wait_for_one_test_are_both_served_after_it(void)
{
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	material_digest(&m, &client, 100);
	material_digest(&other_m, &other, 200);
	CU_ASSERT_EQUAL(client_start(&client, stand.engine), 0);
	CU_ASSERT_EQUAL(client_start(&other, stand.engine), 0);
	drain(&stand);
	CU_ASSERT_EQUAL(client.dones + other.dones, 2);
	CU_ASSERT_EQUAL(client.result + other.result, 0);
	CU_ASSERT_EQUAL(wrong_starts(stand.wrong), 3);
	stand_close(&stand);
}

static void test_who_waits_can_cancel_and_then_nothing_is_left_of_the_test(void)
{
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	wrong_set(stand.wrong, WRONG_HANGS, DIGEST_SHA256);
	material_digest(&m, &client, 100);
	CU_ASSERT_EQUAL(client_start(&client, stand.engine), 0);
	drain(&stand);
	CU_ASSERT_EQUAL(client_cancel(&client), 0);
	CU_ASSERT_EQUAL(client.dones, 0);
	drain(&stand);
	CU_ASSERT_EQUAL(client.dones, 1);
	CU_ASSERT_EQUAL(client.result, -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(state_of(&stand, DIGEST_SHA256), SELFTEST_UNTESTED);
	stand_close(&stand);
}

static void test_what_a_cancel_ends_is_tested_again_in_our_own_turn_if_we_want_it(void)
{
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	wrong_set(stand.wrong, WRONG_HANGS, DIGEST_SHA256);
	material_digest(&m, &client, 100);
	CU_ASSERT_EQUAL(client_start(&client, stand.engine), 0);
	selftest_begin(stand.engine);
	drain(&stand);
	CU_ASSERT_EQUAL(wrong_starts(stand.wrong), 1);
	CU_ASSERT_EQUAL(client_cancel(&client), 0);
	drain(&stand);
	CU_ASSERT_EQUAL(client.dones, 1);
	CU_ASSERT_EQUAL(client.result, -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(stand.ended, 0);
	wrong_set(stand.wrong, WRONG_NOT, 0);
	drain(&stand);
	CU_ASSERT_TRUE(all_but(&stand, UINT32_MAX, SELFTEST_PASSED, 0));
	CU_ASSERT_EQUAL(stand.ended, 1);
	/* eight algorithms, one of them twice */
	CU_ASSERT_EQUAL(wrong_starts(stand.wrong), 9);
	stand_close(&stand);
}

/* The test has ended for one when the next one comes, and ends for him as well. */
static void test_however_many_cancel_one_after_the_other_what_we_want_is_tested(void)
{
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	wrong_set(stand.wrong, WRONG_HANGS, DIGEST_SHA256);
	material_digest(&m, &client, 100);
	material_digest(&other_m, &other, 200);
	CU_ASSERT_EQUAL(client_start(&client, stand.engine), 0);
	selftest_begin(stand.engine);
	drain(&stand);
	CU_ASSERT_EQUAL(client_cancel(&client), 0);
	CU_ASSERT_EQUAL(client_start(&other, stand.engine), 0);
	drain(&stand);
	CU_ASSERT_EQUAL(client.result, -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(other.dones, 0);
	CU_ASSERT_EQUAL(client_cancel(&other), 0);
	drain(&stand);
	CU_ASSERT_EQUAL(other.result, -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(stand.ended, 0);
	wrong_set(stand.wrong, WRONG_NOT, 0);
	drain(&stand);
	CU_ASSERT_TRUE(all_but(&stand, UINT32_MAX, SELFTEST_PASSED, 0));
	CU_ASSERT_EQUAL(stand.ended, 1);
	stand_close(&stand);
}

static void test_when_one_of_two_cancels_the_test_goes_on_for_the_other(void)
{
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	wrong_set(stand.wrong, WRONG_HANGS, DIGEST_SHA256);
	material_digest(&m, &client, 100);
	material_digest(&other_m, &other, 200);
	CU_ASSERT_EQUAL(client_start(&client, stand.engine), 0);
	CU_ASSERT_EQUAL(client_start(&other, stand.engine), 0);
	drain(&stand);
	CU_ASSERT_EQUAL(client_cancel(&client), 0);
	drain(&stand);
	CU_ASSERT_EQUAL(client.result, -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(client.dones, 1);
	CU_ASSERT_EQUAL(other.dones, 0);
	wrong_set(stand.wrong, WRONG_NOT, 0);
	drain(&stand);
	CU_ASSERT_EQUAL(other.dones, 1);
	CU_ASSERT_EQUAL(other.result, 0);
	CU_ASSERT_EQUAL(wrong_starts(stand.wrong), 2);
	stand_close(&stand);
}

static void test_cancel_of_what_is_tested_reaches_the_engine(void)
{
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	test_all(&stand);
	wrong_set(stand.wrong, WRONG_HANGS, DIGEST_SHA256);
	material_digest(&m, &client, 100);
	CU_ASSERT_EQUAL(client_start(&client, stand.engine), 0);
	CU_ASSERT_EQUAL(client_cancel(&client), 0);
	drain(&stand);
	CU_ASSERT_EQUAL(client.result, -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(state_of(&stand, DIGEST_SHA256), SELFTEST_PASSED);
	stand_close(&stand);
}

/* --- turns ----------------------------------------------------------------------------------- */

struct turn {
	struct hil_waiter waiter;
	struct client *client;
};
static struct turn turn;

static void start_in_turn(struct hil_waiter *waiter)
{
	const struct turn *of = (const struct turn *)(const void *)waiter;

	CU_ASSERT_EQUAL(client_start(of->client, stand_in_use->engine), 0);
}

static void end_turn(struct client *done)
{
	(void)done;
	arbiter_release(&turn.waiter);
}

static void cancel_in_turn(struct hil_waiter *waiter)
{
	client_cancel(((const struct turn *)(const void *)waiter)->client);
}

static void ask_turn(struct stand *stand)
{
	turn = (struct turn){.waiter = {.granted = start_in_turn, .expired = cancel_in_turn},
			     .client = &client};
	client.on_done = end_turn;
	CU_ASSERT_EQUAL(arbiter_request(stand->engine, &turn.waiter, &stand->other, NULL), 0);
}

static void test_an_engine_that_does_one_thing_at_a_time_is_tested_in_the_turn_of_who_waits(void)
{
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	wrong_engine(stand.wrong)->concurrency = stand.engine->concurrency = 1;
	material_digest(&m, &client, 100);
	ask_turn(&stand);
	selftest_begin(stand.engine);
	drain(&stand);
	CU_ASSERT_EQUAL(client.result, 0);
	CU_ASSERT_EQUAL(client.dones, 1);
	CU_ASSERT_TRUE(all_but(&stand, UINT32_MAX, SELFTEST_PASSED, 0));
	CU_ASSERT_EQUAL(stand.arbiter.holders, 0);
	stand_close(&stand);
}

static void test_what_passed_is_served_while_it_is_tested_again(void)
{
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	test_all(&stand);
	wrong_set(stand.wrong, WRONG_HANGS, DIGEST_SHA1);
	test_all(&stand);
	CU_ASSERT_EQUAL(state_of(&stand, DIGEST_SHA1), SELFTEST_PASSED);
	CU_ASSERT_TRUE(selftest_pending(stand.engine));
	material_digest(&m, &client, 100);
	CU_ASSERT_EQUAL(client_start(&client, stand.engine), 0);
	drain(&stand);
	CU_ASSERT_EQUAL(client.result, 0);
	CU_ASSERT_EQUAL(stand.ended, 1);
	wrong_set(stand.wrong, WRONG_NOT, 0);
	drain(&stand);
	CU_ASSERT_EQUAL(stand.ended, 2);
	stand_close(&stand);
}

static void test_who_hangs_in_its_test_is_failed_at_the_deadline_and_others_go_on(void)
{
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	wrong_set(stand.wrong, WRONG_HANGS, DIGEST_SHA1);
	test_all(&stand);
	CU_ASSERT_EQUAL(stand.timed, 1);
	arbiter_expire(&stand.arbiter, 1);
	CU_ASSERT_EQUAL(state_of(&stand, DIGEST_SHA1), SELFTEST_RUNNING);
	arbiter_expire(&stand.arbiter, UINT64_MAX);
	CU_ASSERT_EQUAL(state_of(&stand, DIGEST_SHA1), SELFTEST_FAILED);
	drain(&stand);
	CU_ASSERT_TRUE(all_but(&stand, DIGEST_SHA1, SELFTEST_PASSED, SELFTEST_FAILED));
	CU_ASSERT_STRING_EQUAL(why(&stand, DIGEST_SHA1), "did not answer in time");
	CU_ASSERT_EQUAL(stand.judged_failed, DIGEST_SHA1);
	stand_close(&stand);
}

static void test_who_waits_for_a_test_that_hangs_is_told_of_that_before_its_own_turn_ends(void)
{
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	wrong_set(stand.wrong, WRONG_HANGS, DIGEST_SHA256);
	material_digest(&m, &client, 100);
	ask_turn(&stand);
	drain(&stand);
	CU_ASSERT_EQUAL(client.dones, 0);
	arbiter_expire(&stand.arbiter, turn.waiter.deadline_ms - DEADLINE_MS / 4);
	drain(&stand);
	CU_ASSERT_EQUAL(client.dones, 1);
	CU_ASSERT_EQUAL(client.result, -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(state_of(&stand, DIGEST_SHA256), SELFTEST_FAILED);
	CU_ASSERT_EQUAL(stand.arbiter.expirations, 0);
	stand_close(&stand);
}

static void test_an_engine_that_does_not_even_end_when_cancelled_keeps_only_its_place(void)
{
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	wrong_set(stand.wrong, WRONG_LEFT_ALONE, DIGEST_SHA1);
	test_all(&stand);
	arbiter_expire(&stand.arbiter, UINT64_MAX);
	drain(&stand);
	CU_ASSERT_EQUAL(state_of(&stand, DIGEST_SHA1), SELFTEST_FAILED);
	CU_ASSERT_EQUAL(start_one(&stand, DIGEST_SHA1), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(stand.arbiter.holders, 1);
	wrong_set(stand.wrong, WRONG_NOT, 0);
	drain(&stand);
	CU_ASSERT_EQUAL(stand.arbiter.holders, 0);
	stand_close(&stand);
}

static void test_stopped_nothing_is_judged_by_half_a_test_and_none_is_begun(void)
{
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	wrong_set(stand.wrong, WRONG_HANGS, DIGEST_SHA1);
	test_all(&stand);
	selftest_stop(stand.engine);
	drain(&stand);
	CU_ASSERT_FALSE(selftest_busy(stand.engine));
	CU_ASSERT_TRUE(all_but(&stand, UINT32_MAX, SELFTEST_UNTESTED, 0));
	CU_ASSERT_EQUAL(stand.judged, 0);
	stand_close(&stand);
}

/* --- devices that come and go ---------------------------------------------------------------- */

static void set_absent(const struct stand *stand, bool absent)
{
	hil_engine_set_absent(stand->bench.inner[stand->engine->kind], absent);
}

static void test_an_engine_that_returns_is_tested_anew_by_itself(void)
{
	struct stand stand;

	stand_open(&stand, HIL_AES);
	test_all(&stand);
	set_absent(&stand, true);
	CU_ASSERT_TRUE(all_but(&stand, UINT32_MAX, SELFTEST_ABSENT, 0));
	CU_ASSERT_TRUE(stand.engine->absent);
	drain(&stand);
	wrong_set(stand.wrong, WRONG_BYTES, AES_CBC);
	set_absent(&stand, false);
	CU_ASSERT_TRUE(all_but(&stand, UINT32_MAX, SELFTEST_UNTESTED, 0));
	drain(&stand);
	CU_ASSERT_TRUE(all_but(&stand, AES_CBC, SELFTEST_PASSED, SELFTEST_FAILED));
	stand_close(&stand);
}

static void test_a_device_that_returns_in_the_middle_of_a_test_is_not_judged_by_it(void)
{
	struct selftest_result result;
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	wrong_set(stand.wrong, WRONG_HANGS, DIGEST_SHA1);
	test_all(&stand);
	set_absent(&stand, true);
	set_absent(&stand, false);
	wrong_set(stand.wrong, WRONG_NOT, 0);
	drain(&stand);
	CU_ASSERT_TRUE(all_but(&stand, UINT32_MAX, SELFTEST_PASSED, 0));
	/* two of SHA-1, of which one counts for nothing */
	CU_ASSERT_EQUAL(wrong_starts(stand.wrong), 9);
	CU_ASSERT_TRUE_FATAL(selftest_look(stand.engine, DIGEST_SHA1, &result));
	CU_ASSERT_EQUAL(result.runs, 1);
	stand_close(&stand);
}

static void test_who_waits_for_the_test_of_a_device_that_goes_is_told_so(void)
{
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	material_digest(&m, &client, 100);
	CU_ASSERT_EQUAL(client_start(&client, stand.engine), 0);
	set_absent(&stand, true);
	drain(&stand);
	CU_ASSERT_EQUAL(client.dones, 1);
	CU_ASSERT_EQUAL(client.result, -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(client_start(&client, stand.engine), -PLUTON_ENODEVICE);
	stand_close(&stand);
}

/* --- the next engine ------------------------------------------------------------------------- */

static void test_the_next_engine_serves_what_the_first_one_fails_in(void)
{
	struct digest_request request = {
		.algorithm = DIGEST_SHA256, .phase = HIL_ONE_SHOT, .length = 3};
	struct hil_port port = {.kind = HIL_DIGEST, .count = 2};
	struct hil_engine *chosen = NULL;
	struct stand stand;

	stand_open(&stand, HIL_DIGEST);
	port.engines[0] = stand.engine;
	port.engines[1] = stand.bench.inner[HIL_DIGEST];
	check_found(&stand, DIGEST_SHA256, WRONG_BYTES);
	CU_ASSERT_EQUAL(hil_select(&port, &request, digest_check, &chosen), 0);
	CU_ASSERT_PTR_EQUAL(chosen, port.engines[1]);
	CU_ASSERT_PTR_NULL(stand.engine->gate->refusal(stand.engine));
	request.algorithm = DIGEST_SHA512;
	CU_ASSERT_EQUAL(hil_select(&port, &request, digest_check, &chosen), 0);
	CU_ASSERT_PTR_EQUAL(chosen, stand.engine);
	request.algorithm = DIGEST_SHA256;
	port.count = 1;
	CU_ASSERT_EQUAL(hil_select(&port, &request, digest_check, &chosen), -PLUTON_EFAIL);
	CU_ASSERT_PTR_NOT_NULL(stand.engine->gate->refusal(stand.engine));
	stand_close(&stand);
}

static void test_a_key_in_a_slot_is_never_taken_to_the_next_engine(void)
{
	struct mac_request request = {.algorithm = MAC_HMAC_SHA256,
				      .phase = HIL_ONE_SHOT,
				      .key = {.kind = HIL_KEY_SLOT, .slot = 1},
				      .mac_size = 32};
	struct hil_port port = {.kind = HIL_HMAC, .count = 2};
	struct hil_engine *chosen = NULL;
	struct mac_engine first, second;
	struct stand stand;

	stand_open(&stand, HIL_HMAC);
	check_found(&stand, MAC_HMAC_SHA256, WRONG_BYTES);
	((struct mac_engine *)(void *)stand.engine)->caps.key_slots = true;
	first = *(struct mac_engine *)(void *)stand.engine;
	second = *(struct mac_engine *)(void *)stand.bench.inner[HIL_HMAC];
	second.caps.key_slots = true;
	CU_ASSERT_TRUE(first.caps.key_slots);
	CU_ASSERT_PTR_EQUAL(first.head.vault, stand.bench.inner[HIL_HMAC]->vault);
	CU_ASSERT_PTR_NOT_NULL(first.head.vault);
	request.key.vault = first.head.vault;
	port.engines[0] = stand.engine;
	port.engines[1] = &second.head;
	CU_ASSERT_EQUAL(hil_select(&port, &request, mac_check, &chosen), -PLUTON_EFAIL);
	request.algorithm = MAC_HMAC_SHA384;
	CU_ASSERT_EQUAL(hil_select(&port, &request, mac_check, &chosen), 0);
	CU_ASSERT_PTR_EQUAL(chosen, stand.engine);
	stand_close(&stand);
}

static void test_an_engine_without_known_answers_has_no_self_test(void)
{
	const struct selftest_options options = {0};
	struct hil_engine clock = {.kind = HIL_ALARM}, *engine;

	CU_ASSERT_EQUAL(selftest_open(&clock, &options, &engine), -PLUTON_ENOSUPPORT);
	clock.kind = HIL_KINDS;
	CU_ASSERT_EQUAL(selftest_open(&clock, &options, &engine), -PLUTON_ENOSUPPORT);
}

static void test_what_an_engine_offers_in_no_tested_way_fails(void)
{
	struct stand stand;

	stand_open(&stand, HIL_AES);
	((struct aes_engine *)(void *)wrong_engine(stand.wrong))->caps.key_sizes = 0;
	test_all(&stand);
	CU_ASSERT_TRUE(all_but(&stand, UINT32_MAX, SELFTEST_FAILED, 0));
	CU_ASSERT_STRING_EQUAL(why(&stand, AES_GCM),
			       "is offered in no way that there is a known answer for");
	stand_close(&stand);
}

static const struct test tests[] = {
	TEST(test_every_algorithm_of_every_engine_of_openssl_passes),
	TEST(test_a_wrong_answer_of_any_algorithm_fails_it_and_no_other_until_it_is_right),
	TEST(test_an_answer_that_lacks_its_end_is_found),
	TEST(test_an_error_of_any_algorithm_fails_it),
	TEST(test_an_engine_that_takes_what_is_forged_for_genuine_is_found),
	TEST(test_random_bytes_that_begin_as_the_last_ones_did_are_found),
	TEST(test_a_gate_says_which_algorithm_of_which_engine_failed_and_how_once),
	TEST(test_no_memory_for_a_test_leaves_the_algorithm_untested_and_not_failed),
	TEST(test_the_first_use_waits_for_its_own_test_and_then_is_done),
	TEST(test_the_first_use_of_what_passes_is_served_on_every_hil),
	TEST(test_the_first_use_of_what_fails_is_refused_and_nothing_of_it_is_touched),
	TEST(test_the_first_key_slot_waits_for_the_test_and_every_action_is_refused_if_it_fails),
	TEST(test_a_slot_is_taken_while_what_will_fill_it_waits_for_the_test),
	TEST(test_each_trial_of_key_slots_alone_is_enough_to_be_found),
	TEST(test_an_engine_of_key_slots_that_can_be_tried_in_no_way_fails),
	TEST(test_the_test_that_somebody_waits_for_comes_before_those_that_nobody_does),
	TEST(test_two_that_wait_for_one_test_are_both_served_after_it),
	TEST(test_who_waits_can_cancel_and_then_nothing_is_left_of_the_test),
	TEST(test_what_a_cancel_ends_is_tested_again_in_our_own_turn_if_we_want_it),
	TEST(test_however_many_cancel_one_after_the_other_what_we_want_is_tested),
	TEST(test_when_one_of_two_cancels_the_test_goes_on_for_the_other),
	TEST(test_cancel_of_what_is_tested_reaches_the_engine),
	TEST(test_an_engine_that_does_one_thing_at_a_time_is_tested_in_the_turn_of_who_waits),
	TEST(test_what_passed_is_served_while_it_is_tested_again),
	TEST(test_who_hangs_in_its_test_is_failed_at_the_deadline_and_others_go_on),
	TEST(test_who_waits_for_a_test_that_hangs_is_told_of_that_before_its_own_turn_ends),
	TEST(test_an_engine_that_does_not_even_end_when_cancelled_keeps_only_its_place),
	TEST(test_stopped_nothing_is_judged_by_half_a_test_and_none_is_begun),
	TEST(test_an_engine_that_returns_is_tested_anew_by_itself),
	TEST(test_a_device_that_returns_in_the_middle_of_a_test_is_not_judged_by_it),
	TEST(test_who_waits_for_the_test_of_a_device_that_goes_is_told_so),
	TEST(test_the_next_engine_serves_what_the_first_one_fails_in),
	TEST(test_a_key_in_a_slot_is_never_taken_to_the_next_engine),
	TEST(test_an_engine_without_known_answers_has_no_self_test),
	TEST(test_what_an_engine_offers_in_no_tested_way_fails),
};

int main(int argc, char **argv)
{
	static const struct openssl_options in_place = {OPENSSL_EXECUTION_INLINE, 0, NULL};
	const struct bench_maker maker = openssl_bench_maker("hil selftest", &in_place);

	bench_use(&maker);
	return suite_main(argc, argv, "hil selftest", tests, TESTS_COUNT(tests));
}
