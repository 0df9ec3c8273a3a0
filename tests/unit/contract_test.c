/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hil/ says about requests without any engine at work: which engine is selected, what caps
 * allow, and which callbacks a request leads to, in every mode there is a number for.
 */
#include "hil/aes.h"
#include "hil/digest.h"
#include "hil/rng.h"
#include "tests/suite.h"

/* An engine that has everything; no ops, it is never started. */
static struct aes_engine everything(void)
{
	return (struct aes_engine){
		.head = {.name = "everything", .kind = HIL_AES, .concurrency = 1},
		.caps = {.modes = 0x3e,
			 .stream_modes = 0x3e,
			 .key_sizes = 0x1c,
			 .key_slots = true,
			 .engine_iv = true,
			 .length_max = SIZE_MAX,
			 .aad_max = SIZE_MAX,
			 .aead_scratch = 1000,
			 .state_bytes = 64},
	};
}

static struct aes_request request_of(enum aes_mode mode, size_t iv_size, size_t length)
{
	return (struct aes_request){.mode = mode,
				    .direction = AES_ENCRYPT,
				    .phase = HIL_ONE_SHOT,
				    .key_size = 16,
				    .iv_size = iv_size,
				    .tag_size = aes_is_aead(mode) ? AES_TAG_SIZE : 0,
				    .ctr_bits = mode == AES_CTR ? 128 : 0,
				    .length = length};
}

static int check(const struct aes_request *request)
{
	struct aes_engine engine = everything();

	return aes_check(&engine.head, request);
}

static int check_of(enum aes_mode mode, size_t iv_size, size_t length)
{
	struct aes_request request = request_of(mode, iv_size, length);

	return check(&request);
}

/* --- selecting ------------------------------------------------------------------------------- */

static struct rng_engine small = {.head = {.name = "small"}, .caps = {.request_max = 10}};
static struct rng_engine large = {.head = {.name = "large"}, .caps = {.request_max = 100}};

static void test_the_first_engine_that_can_is_selected(void)
{
	const struct hil_port port = {HIL_RNG, 2, {&small.head, &large.head}};
	struct rng_request request = {.length = 10};
	struct hil_engine *engine = NULL;

	CU_ASSERT_EQUAL(hil_select(&port, &request, rng_check, &engine), 0);
	CU_ASSERT_PTR_EQUAL(engine, &small.head);
	request.length = 11;
	CU_ASSERT_EQUAL(hil_select(&port, &request, rng_check, &engine), 0);
	CU_ASSERT_PTR_EQUAL(engine, &large.head);
}

static void test_if_none_can_the_last_ones_error_is_told_and_nothing_selected(void)
{
	const struct hil_port port = {HIL_RNG, 2, {&small.head, &large.head}};
	const struct rng_request request = {.length = 101};
	struct hil_engine *engine = NULL;

	CU_ASSERT_EQUAL(hil_select(&port, &request, rng_check, &engine), -PLUTON_ESIZE);
	CU_ASSERT_PTR_NULL(engine);
}

static void test_an_absent_engine_is_passed_over_and_its_error_hides_no_other(void)
{
	static struct rng_engine away = {.head = {.name = "away", .absent = true},
					 .caps = {.request_max = 1000}};
	const struct hil_port port = {HIL_RNG, 3, {&away.head, &large.head, &away.head}};
	const struct hil_port alone = {HIL_RNG, 1, {&away.head}};
	struct rng_request request = {.length = 100};
	struct hil_engine *engine = NULL;

	CU_ASSERT_EQUAL(rng_check(&away.head, &request), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(hil_select(&port, &request, rng_check, &engine), 0);
	CU_ASSERT_PTR_EQUAL(engine, &large.head);
	request.length = 101;
	CU_ASSERT_EQUAL(hil_select(&port, &request, rng_check, &engine), -PLUTON_ESIZE);
	CU_ASSERT_PTR_EQUAL(hil_last_asked(&port), &large.head);
	CU_ASSERT_EQUAL(hil_select(&alone, &request, rng_check, &engine), -PLUTON_ENODEVICE);
	CU_ASSERT_PTR_NULL(hil_last_asked(&alone));
}

static void test_an_absent_engine_refuses_every_digest_and_cipher(void)
{
	struct aes_engine aes = everything();
	const struct aes_request aes_request = request_of(AES_CTR, 0, 10);
	struct digest_engine digest = {.head = {.absent = true},
				       .caps = {.algorithms = ~0u, .length_max = 100}};
	const struct digest_request digest_request = {DIGEST_SHA256, HIL_ONE_SHOT, 10};

	aes.head.absent = true;
	CU_ASSERT_EQUAL(aes_check(&aes.head, &aes_request), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(digest_check(&digest.head, &digest_request), -PLUTON_ENODEVICE);
	digest.head.absent = false;
	CU_ASSERT_EQUAL(digest_check(&digest.head, &digest_request), 0);
}

static void test_a_port_without_engines_is_nodevice(void)
{
	const struct hil_port port = {.kind = HIL_RNG};
	const struct rng_request request = {.length = 1};
	struct hil_engine *engine = NULL;

	CU_ASSERT_EQUAL(hil_select(&port, &request, rng_check, &engine), -PLUTON_ENODEVICE);
	CU_ASSERT_PTR_NULL(engine);
}

/* --- digests --------------------------------------------------------------------------------- */

static void test_digest_sizes_are_those_of_fips_180_and_202(void)
{
	static const size_t sizes[] = {0, 20, 28, 32, 48, 64, 32, 48, 64, 0};

	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		CU_ASSERT_EQUAL(digest_size(i), sizes[i]);
	CU_ASSERT_EQUAL(digest_size(UINT32_MAX), 0);
}

static void test_an_engine_without_exported_state_takes_one_shots_only(void)
{
	struct digest_engine engine = {
		.caps = {.algorithms = 1u << DIGEST_SHA256, .length_max = 100}};
	struct digest_request request = {DIGEST_SHA256, HIL_ONE_SHOT, 100};

	CU_ASSERT_EQUAL(digest_check(&engine.head, &request), 0);
	for (unsigned phase = HIL_MIDDLE; phase < HIL_ONE_SHOT; phase++) {
		request.phase = (enum hil_phase)phase;
		CU_ASSERT_EQUAL(digest_check(&engine.head, &request), -PLUTON_ENOSUPPORT);
	}
}

/* --- sizes of each mode ---------------------------------------------------------------------- */

static void test_ecb_takes_whole_blocks_and_no_iv(void)
{
	CU_ASSERT_EQUAL(check_of(AES_ECB, 0, 32), 0);
	CU_ASSERT_EQUAL(check_of(AES_ECB, 0, 0), 0);
	CU_ASSERT_EQUAL(check_of(AES_ECB, 0, 31), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(check_of(AES_ECB, 16, 32), -PLUTON_ESIZE);
}

static void test_cbc_takes_whole_blocks_and_an_iv_of_one_block(void)
{
	CU_ASSERT_EQUAL(check_of(AES_CBC, 16, 32), 0);
	CU_ASSERT_EQUAL(check_of(AES_CBC, 16, 33), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(check_of(AES_CBC, 12, 32), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(check_of(AES_CBC, 0, 32), -PLUTON_ESIZE);
}

static void test_ccm_takes_an_iv_of_7_to_13_bytes(void)
{
	for (size_t iv_size = 0; iv_size < 20; iv_size++)
		CU_ASSERT_EQUAL(check_of(AES_CCM, iv_size, 10),
				iv_size >= 7 && iv_size <= 13 ? 0 : -PLUTON_ESIZE);
}

static void test_ccm_takes_what_its_length_field_can_say(void)
{
	CU_ASSERT_EQUAL(check_of(AES_CCM, 13, 65535), 0);
	CU_ASSERT_EQUAL(check_of(AES_CCM, 13, 65536), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(check_of(AES_CCM, 12, 65536), 0);
	CU_ASSERT_EQUAL(check_of(AES_CCM, 12, 1u << 24), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(check_of(AES_CCM, 7, SIZE_MAX), 0);
}

static void test_gcm_takes_up_to_2_to_the_39_less_256_bits(void)
{
	CU_ASSERT_EQUAL(check_of(AES_GCM, 12, (size_t)(UINT64_C(1) << 36) - 32), 0);
	CU_ASSERT_EQUAL(check_of(AES_GCM, 12, (size_t)(UINT64_C(1) << 36) - 31), -PLUTON_ESIZE);
}

static void test_only_gcm_encryption_has_an_iv_of_the_engine(void)
{
	struct aes_request request = request_of(AES_GCM, 12, 16);

	request.engine_iv = true;
	CU_ASSERT_EQUAL(check(&request), 0);
	request.direction = AES_DECRYPT;
	CU_ASSERT_EQUAL(check(&request), -PLUTON_ENOSUPPORT);
	request = request_of(AES_CBC, 16, 16);
	request.engine_iv = true;
	CU_ASSERT_EQUAL(check(&request), -PLUTON_ENOSUPPORT);
}

static void test_a_key_is_bytes_or_a_slot_where_there_are_slots(void)
{
	struct aes_engine engine = everything();
	struct aes_request request = request_of(AES_CTR, 0, 16);

	request.key.kind = HIL_KEY_SLOT;
	CU_ASSERT_EQUAL(aes_check(&engine.head, &request), 0);
	engine.caps.key_slots = false;
	CU_ASSERT_EQUAL(aes_check(&engine.head, &request), -PLUTON_ENOSUPPORT);
}

static void test_aead_decryption_over_the_scratch_must_be_sealed(void)
{
	struct aes_request request = request_of(AES_GCM, 12, 1000);

	request.direction = AES_DECRYPT;
	CU_ASSERT_EQUAL(check(&request), 0);
	request.length = 1001;
	CU_ASSERT_EQUAL(check(&request), -PLUTON_ESIZE);
	request.input_sealed = true;
	CU_ASSERT_EQUAL(check(&request), 0);
	request.input_sealed = false;
	request.direction = AES_ENCRYPT;
	CU_ASSERT_EQUAL(check(&request), 0);
}

static void test_aead_decryption_never_streams(void)
{
	for (unsigned phase = HIL_MIDDLE; phase < HIL_ONE_SHOT; phase++) {
		struct aes_request request = request_of(AES_GCM, phase & HIL_FIRST ? 12 : 0, 16);

		request.phase = (enum hil_phase)phase;
		CU_ASSERT_EQUAL(check(&request), 0);
		request.direction = AES_DECRYPT;
		CU_ASSERT_EQUAL(check(&request), -PLUTON_ENOSUPPORT);
	}
}

/* Whatever caps say: its first block needs the length of all of it. */
static void test_ccm_never_streams(void)
{
	for (unsigned phase = HIL_MIDDLE; phase < HIL_ONE_SHOT; phase++) {
		struct aes_request request = request_of(AES_CCM, 12, 16);

		request.phase = (enum hil_phase)phase;
		CU_ASSERT_EQUAL(check(&request), -PLUTON_ENOSUPPORT);
	}
}

static void test_tags_have_16_bytes_in_gcm_and_even_sizes_from_4_in_ccm(void)
{
	for (size_t size = 0; size < 20; size++) {
		struct aes_request gcm = request_of(AES_GCM, 12, 16);
		struct aes_request ccm = request_of(AES_CCM, 12, 16);
		struct aes_request cbc = request_of(AES_CBC, 16, 16);

		gcm.tag_size = ccm.tag_size = cbc.tag_size = size;
		CU_ASSERT_EQUAL(check(&gcm), size == 16 ? 0 : -PLUTON_ESIZE);
		CU_ASSERT_EQUAL(check(&ccm),
				size >= 4 && size <= 16 && size % 2 == 0 ? 0 : -PLUTON_ESIZE);
		CU_ASSERT_EQUAL(check(&cbc), size == 0 ? 0 : -PLUTON_ESIZE);
	}
}

/* --- the order of the callbacks -------------------------------------------------------------- */

static void expect_steps(const struct aes_request *request, const enum aes_step *expected)
{
	enum aes_step steps[AES_STEPS_MAX];
	size_t i = 0;

	aes_steps(request, steps);
	do {
		CU_ASSERT_EQUAL(steps[i], expected[i]);
	} while (expected[i++] != AES_STEP_END);
}

#define EXPECT_STEPS(request, ...)                                                                 \
	expect_steps(request, (const enum aes_step[]){__VA_ARGS__, AES_STEP_END})

static void test_the_steps_of_ecb_cbc_and_ctr_are_the_same_both_ways(void)
{
	for (enum aes_direction way = AES_ENCRYPT; way <= AES_DECRYPT; way++) {
		struct aes_request ecb = request_of(AES_ECB, 0, 16);
		struct aes_request cbc = request_of(AES_CBC, 16, 16);
		struct aes_request ctr = request_of(AES_CTR, 0, 16);

		ecb.direction = cbc.direction = ctr.direction = way;
		EXPECT_STEPS(&ecb, AES_STEP_KEY, AES_STEP_DATA);
		EXPECT_STEPS(&cbc, AES_STEP_KEY, AES_STEP_IV_IN, AES_STEP_DATA);
		EXPECT_STEPS(&ctr, AES_STEP_KEY, AES_STEP_CTR, AES_STEP_DATA);
	}
}

static void test_the_steps_of_gcm_and_ccm_check_before_they_give(void)
{
	for (enum aes_mode mode = AES_GCM; mode <= AES_CCM; mode++) {
		struct aes_request request = request_of(mode, 12, 16);

		request.aad_length = 4;
		EXPECT_STEPS(&request, AES_STEP_KEY, AES_STEP_IV_IN, AES_STEP_AAD, AES_STEP_DATA,
			     AES_STEP_TAG_OUT);
		request.direction = AES_DECRYPT;
		EXPECT_STEPS(&request, AES_STEP_KEY, AES_STEP_IV_IN, AES_STEP_AAD, AES_STEP_TAG_IN,
			     AES_STEP_INPUT, AES_STEP_OUTPUT);
	}
}

static void test_what_is_empty_or_kept_by_the_engine_has_no_step(void)
{
	struct aes_request request = request_of(AES_GCM, 12, 0);

	EXPECT_STEPS(&request, AES_STEP_KEY, AES_STEP_IV_IN, AES_STEP_TAG_OUT);
	request.engine_iv = true;
	EXPECT_STEPS(&request, AES_STEP_KEY, AES_STEP_IV_OUT, AES_STEP_TAG_OUT);
	request.key.kind = HIL_KEY_SLOT;
	EXPECT_STEPS(&request, AES_STEP_IV_OUT, AES_STEP_TAG_OUT);
	request = request_of(AES_GCM, 12, 0);
	request.direction = AES_DECRYPT;
	EXPECT_STEPS(&request, AES_STEP_KEY, AES_STEP_IV_IN, AES_STEP_TAG_IN);
}

static void test_a_stream_has_state_in_place_of_its_ends(void)
{
	struct aes_request request = request_of(AES_GCM, 12, 16);

	request.phase = HIL_FIRST;
	EXPECT_STEPS(&request, AES_STEP_KEY, AES_STEP_IV_IN, AES_STEP_DATA, AES_STEP_STATE_OUT);
	request.phase = HIL_MIDDLE;
	EXPECT_STEPS(&request, AES_STEP_STATE_IN, AES_STEP_DATA, AES_STEP_STATE_OUT);
	request.phase = HIL_LAST;
	EXPECT_STEPS(&request, AES_STEP_STATE_IN, AES_STEP_DATA, AES_STEP_TAG_OUT);
	request = request_of(AES_CTR, 0, 0);
	request.phase = HIL_LAST;
	EXPECT_STEPS(&request, AES_STEP_STATE_IN);
}

static const struct test tests[] = {
	TEST(test_the_first_engine_that_can_is_selected),
	TEST(test_an_absent_engine_is_passed_over_and_its_error_hides_no_other),
	TEST(test_an_absent_engine_refuses_every_digest_and_cipher),
	TEST(test_if_none_can_the_last_ones_error_is_told_and_nothing_selected),
	TEST(test_a_port_without_engines_is_nodevice),
	TEST(test_digest_sizes_are_those_of_fips_180_and_202),
	TEST(test_an_engine_without_exported_state_takes_one_shots_only),
	TEST(test_ecb_takes_whole_blocks_and_no_iv),
	TEST(test_cbc_takes_whole_blocks_and_an_iv_of_one_block),
	TEST(test_ccm_takes_an_iv_of_7_to_13_bytes),
	TEST(test_ccm_takes_what_its_length_field_can_say),
	TEST(test_gcm_takes_up_to_2_to_the_39_less_256_bits),
	TEST(test_only_gcm_encryption_has_an_iv_of_the_engine),
	TEST(test_a_key_is_bytes_or_a_slot_where_there_are_slots),
	TEST(test_aead_decryption_over_the_scratch_must_be_sealed),
	TEST(test_aead_decryption_never_streams),
	TEST(test_ccm_never_streams),
	TEST(test_tags_have_16_bytes_in_gcm_and_even_sizes_from_4_in_ccm),
	TEST(test_the_steps_of_ecb_cbc_and_ctr_are_the_same_both_ways),
	TEST(test_the_steps_of_gcm_and_ccm_check_before_they_give),
	TEST(test_what_is_empty_or_kept_by_the_engine_has_no_step),
	TEST(test_a_stream_has_state_in_place_of_its_ends),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "contract", tests, TESTS_COUNT(tests));
}
