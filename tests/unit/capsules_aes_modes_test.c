/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The aes capsule in ECB, CBC and CCM: published bytes, sizes, streams of blocks, tags. What holds
 * for every mode is in capsules_aes_test.c.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/bare.h"
#include "tests/guests.h"
#include "tests/suite.h"

enum { ENCRYPT = 1, DECRYPT, BEGIN, UPDATE, FINISH };
enum { KEY, IV, AAD, INPUT, OUTPUT, TAG };
enum { ECB = 1, CBC, CTR, GCM, CCM };

#define TEXT_SIZE 32u

static struct record answer;
static uint8_t inline_bytes[RECORD_INLINE_LIMIT];

/* NIST SP 800-38A, F.1.1 and F.2.1: the first two blocks. */
static const uint8_t key[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
				0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
static const uint8_t iv[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const uint8_t plain[TEXT_SIZE] = {0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96,
					 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a,
					 0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03, 0xac, 0x9c,
					 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51};
static const uint8_t ciphers[][TEXT_SIZE] = {
	[ECB] = {0x3a, 0xd7, 0x7b, 0xb4, 0x0d, 0x7a, 0x36, 0x60, 0xa8, 0x9e, 0xca,
		 0xf3, 0x24, 0x66, 0xef, 0x97, 0xf5, 0xd3, 0xd5, 0x85, 0x03, 0xb9,
		 0x69, 0x9d, 0xe7, 0x85, 0x89, 0x5a, 0x96, 0xfd, 0xba, 0xaf},
	[CBC] = {0x76, 0x49, 0xab, 0xac, 0x81, 0x19, 0xb2, 0x46, 0xce, 0xe9, 0x8e,
		 0x9b, 0x12, 0xe9, 0x19, 0x7d, 0x50, 0x86, 0xcb, 0x9b, 0x50, 0x72,
		 0x19, 0xee, 0x95, 0xdb, 0x11, 0x3a, 0x91, 0x76, 0x78, 0xb2},
};

/* NIST SP 800-38C, C.2. */
static const uint8_t ccm_key[16] = {0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
				    0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f};
static const uint8_t ccm_nonce[8] = {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17};
static const uint8_t ccm_aad[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const uint8_t ccm_plain[16] = {0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27,
				      0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f};
static const uint8_t ccm_cipher[16] = {0xd2, 0xa1, 0xf0, 0xe0, 0x51, 0xea, 0x5f, 0x62,
				       0x08, 0x1a, 0x77, 0x92, 0x07, 0x3d, 0x59, 0x3d};
static const uint8_t ccm_tag[6] = {0x1f, 0xc6, 0x4f, 0xbf, 0xac, 0xcd};

static int perform(int fd, const struct record *record)
{
	return rig_perform(&rig, fd, record, &answer);
}

static bool output_is(const void *bytes, size_t length)
{
	return answer.upcall.output_length == length &&
	       memcmp(answer.upcall.output, bytes, length) == 0;
}

/* --- ECB and CBC ------------------------------------------------------------------------------ */

static struct record blocks_request(uint32_t command, uint32_t mode)
{
	struct record record = rig_operation(1, RIG_AES, command);

	record.operation.words[0] = mode;
	rig_in(&record, KEY, inline_bytes, key, sizeof(key));
	rig_in(&record, IV, inline_bytes, iv, mode == CBC ? sizeof(iv) : 0);
	return record;
}

static int blocks(int fd, uint32_t command, uint32_t mode, const uint8_t *input, uint16_t length)
{
	struct record record = blocks_request(command, mode);

	rig_in(&record, INPUT, inline_bytes, input, length);
	rig_out(&record, OUTPUT, length);
	return perform(fd, &record);
}

static void test_ecb_and_cbc_give_the_published_bytes_both_ways(void)
{
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	for (uint32_t mode = ECB; mode <= CBC; mode++) {
		CU_ASSERT_EQUAL(blocks(fd, ENCRYPT, mode, plain, TEXT_SIZE), 0);
		CU_ASSERT_TRUE(output_is(ciphers[mode], TEXT_SIZE));
		CU_ASSERT_EQUAL(blocks(fd, DECRYPT, mode, ciphers[mode], TEXT_SIZE), 0);
		CU_ASSERT_TRUE(output_is(plain, TEXT_SIZE));
	}
	guests_close();
}

static void test_ecb_ignores_an_iv_that_a_standing_operation_may_have_kept(void)
{
	struct record record;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	record = blocks_request(ENCRYPT, ECB);
	rig_in(&record, IV, inline_bytes, iv, sizeof(iv));
	rig_in(&record, INPUT, inline_bytes, plain, TEXT_SIZE);
	rig_out(&record, OUTPUT, TEXT_SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_TRUE(output_is(ciphers[ECB], TEXT_SIZE));
	guests_close();
}

static void test_blocks_that_are_not_whole_are_size(void)
{
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	for (uint16_t length = 1; length < TEXT_SIZE; length++) {
		int expected = length % 16 ? -PLUTON_ESIZE : 0;

		CU_ASSERT_EQUAL(blocks(fd, ENCRYPT, ECB, plain, length), expected);
		CU_ASSERT_EQUAL(blocks(fd, DECRYPT, CBC, plain, length), expected);
		CU_ASSERT(expected == 0 || rig_says(&answer, "cbc needs whole blocks of 16"));
	}
	guests_close();
}

static int begin_blocks(int fd, uint32_t mode, uint32_t direction, uint32_t *ret_stream)
{
	struct record record = blocks_request(BEGIN, mode);
	int r;

	record.operation.words[1] = direction;
	r = perform(fd, &record);
	if (r == 0)
		*ret_stream = answer.upcall.words[1];
	return r;
}

static int update(int fd, uint32_t stream, const uint8_t *input, uint16_t length)
{
	struct record record = rig_operation(1, RIG_AES, UPDATE);

	record.operation.words[0] = stream;
	if (length) {
		rig_in(&record, INPUT, inline_bytes, input, length);
		rig_out(&record, OUTPUT, length);
	}
	return perform(fd, &record);
}

static int finish(int fd, uint32_t stream)
{
	struct record record = rig_operation(1, RIG_AES, FINISH);

	record.operation.words[0] = stream;
	return perform(fd, &record);
}

static void run_stream(int fd, uint32_t mode, uint32_t direction, const uint8_t *from,
		       const uint8_t *to)
{
	uint32_t stream = 99;

	CU_ASSERT_EQUAL(begin_blocks(fd, mode, direction, &stream), 0);
	CU_ASSERT_EQUAL(update(fd, stream, from, 16), 0);
	CU_ASSERT_TRUE(output_is(to, 16));
	CU_ASSERT_EQUAL(update(fd, stream, NULL, 0), 0);
	CU_ASSERT_EQUAL(update(fd, stream, from + 16, 16), 0);
	CU_ASSERT_TRUE(output_is(to + 16, 16));
	CU_ASSERT_EQUAL(finish(fd, stream), 0);
}

static void test_streams_of_blocks_are_the_whole_both_ways_and_leave_nothing(void)
{
	size_t before;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	before = rig_last_process(&rig)->arena.taken;
	for (uint32_t mode = ECB; mode <= CBC; mode++) {
		run_stream(fd, mode, 1, plain, ciphers[mode]);
		run_stream(fd, mode, 2, ciphers[mode], plain);
	}
	CU_ASSERT_EQUAL(rig_last_process(&rig)->arena.taken, before);
	guests_close();
}

static void test_two_streams_chain_each_its_own(void)
{
	uint32_t one = 98, other = 99;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(begin_blocks(fd, CBC, 1, &one), 0);
	CU_ASSERT_EQUAL(update(fd, one, plain, 16), 0);
	CU_ASSERT_EQUAL(begin_blocks(fd, CBC, 2, &other), 0);
	CU_ASSERT_EQUAL(update(fd, other, ciphers[CBC], 16), 0);
	CU_ASSERT_TRUE(output_is(plain, 16));
	CU_ASSERT_EQUAL(update(fd, one, plain + 16, 16), 0);
	CU_ASSERT_TRUE(output_is(ciphers[CBC] + 16, 16));
	CU_ASSERT_EQUAL(update(fd, other, ciphers[CBC] + 16, 16), 0);
	CU_ASSERT_TRUE(output_is(plain + 16, 16));
	guests_close();
}

static void test_an_update_of_half_a_block_is_size_and_leaves_the_stream_as_it_was(void)
{
	uint32_t stream = 99;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(begin_blocks(fd, CBC, 1, &stream), 0);
	CU_ASSERT_EQUAL(update(fd, stream, plain, 16), 0);
	CU_ASSERT_EQUAL(update(fd, stream, plain + 16, 8), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, "input has 8 bytes, cbc needs whole blocks of 16"));
	CU_ASSERT_EQUAL(update(fd, stream, plain + 16, 16), 0);
	CU_ASSERT_TRUE(output_is(ciphers[CBC] + 16, 16));
	guests_close();
}

/* --- CCM -------------------------------------------------------------------------------------- */

static struct record ccm_request(uint32_t command)
{
	struct record record = rig_operation(1, RIG_AES, command);

	record.operation.words[0] = CCM;
	rig_in(&record, KEY, inline_bytes, ccm_key, sizeof(ccm_key));
	rig_in(&record, IV, inline_bytes, ccm_nonce, sizeof(ccm_nonce));
	rig_in(&record, AAD, inline_bytes, ccm_aad, sizeof(ccm_aad));
	return record;
}

static int ccm_encrypt(int fd)
{
	struct record record = ccm_request(ENCRYPT);

	rig_in(&record, INPUT, inline_bytes, ccm_plain, sizeof(ccm_plain));
	rig_out(&record, OUTPUT, sizeof(ccm_plain));
	rig_out(&record, TAG, sizeof(ccm_tag));
	return perform(fd, &record);
}

static int ccm_decrypt(int fd, const uint8_t *tag, uint16_t tag_size)
{
	struct record record = ccm_request(DECRYPT);

	rig_in(&record, INPUT, inline_bytes, ccm_cipher, sizeof(ccm_cipher));
	rig_in(&record, TAG, inline_bytes, tag, tag_size);
	rig_out(&record, OUTPUT, sizeof(ccm_cipher));
	return perform(fd, &record);
}

static void test_ccm_gives_the_published_bytes_and_tag(void)
{
	uint8_t sealed[sizeof(ccm_cipher) + sizeof(ccm_tag)];
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	memcpy(sealed, ccm_cipher, sizeof(ccm_cipher));
	memcpy(sealed + sizeof(ccm_cipher), ccm_tag, sizeof(ccm_tag));
	CU_ASSERT_EQUAL(ccm_encrypt(fd), 0);
	CU_ASSERT_TRUE(output_is(sealed, sizeof(sealed)));
	CU_ASSERT_EQUAL(ccm_decrypt(fd, ccm_tag, sizeof(ccm_tag)), 0);
	CU_ASSERT_TRUE(output_is(ccm_plain, sizeof(ccm_plain)));
	guests_close();
}

static void test_any_changed_bit_of_a_ccm_tag_or_a_shorter_one_is_inval_and_gives_nothing(void)
{
	uint8_t tag[sizeof(ccm_tag)];
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	for (unsigned bit = 0; bit < 8 * sizeof(tag); bit++) {
		memcpy(tag, ccm_tag, sizeof(tag));
		tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CU_ASSERT_EQUAL(ccm_decrypt(fd, tag, sizeof(tag)), -PLUTON_EINVAL);
		CU_ASSERT_EQUAL(answer.upcall.output_length, 0);
	}
	/* The size of the tag is part of what it is of. */
	CU_ASSERT_EQUAL(ccm_decrypt(fd, ccm_tag, 4), -PLUTON_EINVAL);
	guests_close();
}

static int ccm_shape(int fd, uint16_t nonce_size, uint16_t tag_size)
{
	static const uint8_t zeros[16];
	struct record record = rig_operation(1, RIG_AES, ENCRYPT);

	record.operation.words[0] = CCM;
	rig_in(&record, KEY, inline_bytes, ccm_key, sizeof(ccm_key));
	rig_in(&record, IV, inline_bytes, zeros, nonce_size);
	rig_in(&record, INPUT, inline_bytes, zeros, 5);
	rig_out(&record, OUTPUT, 5);
	if (tag_size)
		rig_out(&record, TAG, tag_size);
	return perform(fd, &record);
}

static void test_ccm_takes_the_sizes_of_nonce_and_tag_that_it_has(void)
{
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	for (uint16_t size = 0; size <= 16; size++) {
		CU_ASSERT_EQUAL(ccm_shape(fd, size, 16),
				size >= 7 && size <= 13 ? 0 : -PLUTON_ESIZE);
		CU_ASSERT_EQUAL(ccm_shape(fd, 12, size),
				size >= 4 && size % 2 == 0 ? 0 : -PLUTON_ESIZE);
	}
	guests_close();
}

static void test_ccm_is_no_stream_and_costs_nothing_there(void)
{
	struct record record;
	size_t before;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	before = rig_last_process(&rig)->arena.taken;
	for (uint32_t direction = 1; direction <= 2; direction++) {
		record = ccm_request(BEGIN);
		record.operation.words[1] = direction;
		CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ENOSUPPORT);
		CU_ASSERT_TRUE(rig_says(&answer, "ccm is no stream"));
	}
	CU_ASSERT_EQUAL(rig_last_process(&rig)->arena.taken, before);
	guests_close();
}

/* --- windows ---------------------------------------------------------------------------------- */

#define LONG_SIZE (64u * 1024)

static struct record window_request(uint32_t command, uint32_t mode, uint32_t window, uint32_t from,
				    uint32_t to)
{
	struct record record = rig_operation(1, RIG_AES, command);

	record.operation.words[0] = mode;
	rig_in(&record, KEY, inline_bytes, key, sizeof(key));
	rig_in(&record, IV, inline_bytes, iv, mode == CCM ? 12 : mode == CBC ? 16 : 0);
	rig_range(&record, INPUT, window, from, LONG_SIZE);
	rig_range(&record, OUTPUT, window, to, LONG_SIZE);
	if (mode == CCM)
		rig_range(&record, TAG, window, 3 * LONG_SIZE, 8);
	return record;
}

static void test_a_window_of_each_mode_comes_back_as_it_was(void)
{
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	for (uint32_t mode = ECB; mode <= CCM; mode += mode == CBC ? 3 : 1) {
		struct record there, back;
		uint8_t *memory;
		uint32_t window = rig_window(&rig, fd, 4 * LONG_SIZE, &memory);

		there = window_request(ENCRYPT, mode, window, 0, LONG_SIZE);
		back = window_request(DECRYPT, mode, window, LONG_SIZE, 2 * LONG_SIZE);
		for (size_t i = 0; i < LONG_SIZE; i++)
			memory[i] = (uint8_t)(i * i >> 3);
		CU_ASSERT_EQUAL(perform(fd, &there), 0);
		CU_ASSERT_NOT_EQUAL(memcmp(memory, memory + LONG_SIZE, LONG_SIZE), 0);
		CU_ASSERT_EQUAL(perform(fd, &back), 0);
		CU_ASSERT_EQUAL(memcmp(memory, memory + 2 * LONG_SIZE, LONG_SIZE), 0);
		munmap(memory, 4 * LONG_SIZE);
	}
	guests_close();
}

static const struct test tests[] = {
	TEST(test_ecb_and_cbc_give_the_published_bytes_both_ways),
	TEST(test_ecb_ignores_an_iv_that_a_standing_operation_may_have_kept),
	TEST(test_blocks_that_are_not_whole_are_size),
	TEST(test_streams_of_blocks_are_the_whole_both_ways_and_leave_nothing),
	TEST(test_two_streams_chain_each_its_own),
	TEST(test_an_update_of_half_a_block_is_size_and_leaves_the_stream_as_it_was),
	TEST(test_ccm_gives_the_published_bytes_and_tag),
	TEST(test_any_changed_bit_of_a_ccm_tag_or_a_shorter_one_is_inval_and_gives_nothing),
	TEST(test_ccm_takes_the_sizes_of_nonce_and_tag_that_it_has),
	TEST(test_ccm_is_no_stream_and_costs_nothing_there),
	TEST(test_a_window_of_each_mode_comes_back_as_it_was),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "capsules aes modes", tests, TESTS_COUNT(tests));
}
