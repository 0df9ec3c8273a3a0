/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The aes capsule as processes see it: CTR and GCM, one-shot and streams, wrong sizes, tags, sealed
 * and unsealed input, charged contexts to the byte, and what a client may not swap under an engine.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/bare.h"
#include "tests/guests.h"
#include "tests/suite.h"

enum { ENCRYPT = 1, DECRYPT, BEGIN, UPDATE, FINISH, ABORT };
enum { KEY, IV, AAD, INPUT, OUTPUT, TAG };
enum { ECB = 1, CBC, CTR, GCM, CCM, CTR32 };

#define TAG_SIZE 16u
#define SCRATCH 4096u /* aead_scratch where a test needs more than it */
#define LONG_SIZE (64u * 1024)
#define WINDOW_SIZE (2u * LONG_SIZE)

static const char *const small_scratch[] = {"hil.aead_scratch=4K", NULL};

static struct record answer;
static uint8_t inline_bytes[RECORD_INLINE_LIMIT];

/* NIST SP 800-38A, F.5.1. */
static const uint8_t ctr_key[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
				    0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
static const uint8_t ctr_block[16] = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
				      0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};
static const uint8_t ctr_plain[32] = {0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96,
				      0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a,
				      0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03, 0xac, 0x9c,
				      0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51};
static const uint8_t ctr_cipher[32] = {0x87, 0x4d, 0x61, 0x91, 0xb6, 0x20, 0xe3, 0x26,
				       0x1b, 0xef, 0x68, 0x64, 0x99, 0x0d, 0xb6, 0xce,
				       0x98, 0x06, 0xf6, 0x6b, 0x79, 0x70, 0xfd, 0xff,
				       0x86, 0x17, 0x18, 0x7b, 0xb9, 0xff, 0xfd, 0xff};

/* McGrew and Viega, The Galois/Counter Mode of Operation, test case 4. */
static const uint8_t gcm_key[16] = {0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
				    0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08};
static const uint8_t gcm_iv[12] = {0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce,
				   0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88};
static const uint8_t gcm_aad[20] = {0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed,
				    0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2};
static const uint8_t gcm_plain[60] = {
	0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5, 0xaf, 0xf5, 0x26,
	0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda, 0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31,
	0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95, 0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49,
	0xa6, 0xb5, 0x25, 0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39};
static const uint8_t gcm_cipher[60] = {
	0x42, 0x83, 0x1e, 0xc2, 0x21, 0x77, 0x74, 0x24, 0x4b, 0x72, 0x21, 0xb7, 0x84, 0xd0, 0xd4,
	0x9c, 0xe3, 0xaa, 0x21, 0x2f, 0x2c, 0x02, 0xa4, 0xe0, 0x35, 0xc1, 0x7e, 0x23, 0x29, 0xac,
	0xa1, 0x2e, 0x21, 0xd5, 0x14, 0xb2, 0x54, 0x66, 0x93, 0x1c, 0x7d, 0x8f, 0x6a, 0x5a, 0xac,
	0x84, 0xaa, 0x05, 0x1b, 0xa3, 0x0b, 0x39, 0x6a, 0x0a, 0xac, 0x97, 0x3d, 0x58, 0xe0, 0x91};
static const uint8_t gcm_tag[TAG_SIZE] = {0x5b, 0xc9, 0x4f, 0xbc, 0x32, 0x21, 0xa5, 0xdb,
					  0x94, 0xfa, 0xe9, 0x5a, 0xe7, 0x12, 0x1a, 0x47};

static int perform(int fd, const struct record *record)
{
	return rig_perform(&rig, fd, record, &answer);
}

static bool output_is(const void *bytes, size_t length)
{
	return answer.upcall.output_length == length &&
	       memcmp(answer.upcall.output, bytes, length) == 0;
}

static bool all_equal(const uint8_t *bytes, size_t size, uint8_t value)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != value)
			return false;
	}
	return true;
}

/* --- requests --------------------------------------------------------------------------------- */

static struct record ctr_request(uint32_t command, const uint8_t *block, unsigned bits)
{
	struct record record = rig_operation(1, RIG_AES, command);

	record.operation.words[0] = bits == 32 ? CTR32 : CTR;
	if (command == BEGIN)
		record.operation.words[1] = 1; /* encrypt */
	rig_in(&record, KEY, inline_bytes, ctr_key, sizeof(ctr_key));
	rig_in(&record, IV, inline_bytes, block, 16);
	return record;
}

static int ctr(int fd, const uint8_t *block, unsigned bits, const uint8_t *input, uint16_t length)
{
	struct record record = ctr_request(ENCRYPT, block, bits);

	rig_in(&record, INPUT, inline_bytes, input, length);
	rig_out(&record, OUTPUT, length);
	return perform(fd, &record);
}

static struct record gcm_request(uint32_t command)
{
	struct record record = rig_operation(1, RIG_AES, command);

	record.operation.words[0] = GCM;
	if (command == BEGIN)
		record.operation.words[1] = 1;
	rig_in(&record, KEY, inline_bytes, gcm_key, sizeof(gcm_key));
	rig_in(&record, IV, inline_bytes, gcm_iv, sizeof(gcm_iv));
	rig_in(&record, AAD, inline_bytes, gcm_aad, sizeof(gcm_aad));
	return record;
}

static int gcm_encrypt(int fd, const uint8_t *input, uint16_t length)
{
	struct record record = gcm_request(ENCRYPT);

	if (length) {
		rig_in(&record, INPUT, inline_bytes, input, length);
		rig_out(&record, OUTPUT, length);
	}
	rig_out(&record, TAG, TAG_SIZE);
	return perform(fd, &record);
}

static int gcm_decrypt(int fd, const uint8_t *input, uint16_t length, const uint8_t *tag)
{
	struct record record = gcm_request(DECRYPT);

	if (length)
		rig_in(&record, INPUT, inline_bytes, input, length);
	rig_in(&record, TAG, inline_bytes, tag, TAG_SIZE);
	if (length)
		rig_out(&record, OUTPUT, length);
	return perform(fd, &record);
}

/* --- CTR -------------------------------------------------------------------------------------- */

static void test_ctr_gives_the_published_bytes(void)
{
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(ctr(fd, ctr_block, 128, ctr_plain, 32), 0);
	CU_ASSERT_TRUE(output_is(ctr_cipher, 32));
	CU_ASSERT_EQUAL(ctr(fd, ctr_block, 128, ctr_cipher, 32), 0);
	CU_ASSERT_TRUE(output_is(ctr_plain, 32));
	guests_close();
}

static void test_ctr_takes_lengths_that_are_no_blocks(void)
{
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	for (uint16_t length = 1; length <= 32; length++) {
		CU_ASSERT_EQUAL(ctr(fd, ctr_block, 128, ctr_plain, length), 0);
		CU_ASSERT_TRUE(output_is(ctr_cipher, length));
	}
	guests_close();
}

static void test_ctr_of_no_data_is_no_data(void)
{
	struct record record;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	record = ctr_request(ENCRYPT, ctr_block, 128);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_EQUAL(answer.upcall.output_length, 0);
	guests_close();
}

static void test_a_counter_never_wraps(void)
{
	static const struct {
		uint8_t last; /* of the counter; all others 0xff */
		unsigned bits;
		uint16_t length;
		int answer;
	} cases[] = {
		{0xff, 128, 16, 0}, {0xff, 128, 17, -PLUTON_ESIZE},
		{0xfe, 128, 32, 0}, {0xfe, 128, 33, -PLUTON_ESIZE},
		{0xff, 32, 16, 0},  {0xff, 32, 17, -PLUTON_ESIZE},
	};
	uint8_t zeroes[48] = {0}, block[16];
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	for (unsigned i = 0; i < TESTS_COUNT(cases); i++) {
		memset(block, 0xff, sizeof(block));
		block[15] = cases[i].last;
		CU_ASSERT_EQUAL(ctr(fd, block, cases[i].bits, zeroes, cases[i].length),
				cases[i].answer);
	}
	guests_close();
}

static void test_ctr32_carries_in_its_last_32_bits_only(void)
{
	uint8_t zeroes[33] = {0}, high[16], both[32];
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	memset(high, 0xff, sizeof(high));
	high[15] = 0xfe;
	CU_ASSERT_EQUAL(ctr(fd, high, 32, zeroes, 32), 0);
	memcpy(both, answer.upcall.output, 32);
	CU_ASSERT_EQUAL(ctr(fd, high, 128, zeroes, 32), 0);
	CU_ASSERT_TRUE(output_is(both, 32));
	memset(high, 0, 11); /* so that 128 bits have where to carry to */
	CU_ASSERT_EQUAL(ctr(fd, high, 128, zeroes, 32 + 1), 0);
	CU_ASSERT_EQUAL(ctr(fd, high, 32, zeroes, 32 + 1), -PLUTON_ESIZE);
	guests_close();
}

/* --- GCM -------------------------------------------------------------------------------------- */

static void test_gcm_gives_the_published_bytes_and_tag(void)
{
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(gcm_encrypt(fd, gcm_plain, 60), 0);
	CU_ASSERT_EQUAL_FATAL(answer.upcall.output_length, 60 + TAG_SIZE);
	CU_ASSERT_EQUAL(memcmp(answer.upcall.output, gcm_cipher, 60), 0);
	CU_ASSERT_EQUAL(memcmp(answer.upcall.output + 60, gcm_tag, TAG_SIZE), 0);
	CU_ASSERT_EQUAL(gcm_decrypt(fd, gcm_cipher, 60, gcm_tag), 0);
	CU_ASSERT_TRUE(output_is(gcm_plain, 60));
	guests_close();
}

static void test_gcm_of_no_data_authenticates_what_is_added(void)
{
	uint8_t tag[TAG_SIZE];
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(gcm_encrypt(fd, NULL, 0), 0);
	CU_ASSERT_EQUAL_FATAL(answer.upcall.output_length, TAG_SIZE);
	memcpy(tag, answer.upcall.output, TAG_SIZE);
	CU_ASSERT_EQUAL(gcm_decrypt(fd, NULL, 0, tag), 0);
	tag[15] ^= 1;
	CU_ASSERT_EQUAL(gcm_decrypt(fd, NULL, 0, tag), -PLUTON_EINVAL);
	guests_close();
}

static void test_any_changed_bit_of_the_tag_is_inval_and_gives_nothing(void)
{
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	for (unsigned bit = 0; bit < 8 * TAG_SIZE; bit++) {
		uint8_t tag[TAG_SIZE];

		memcpy(tag, gcm_tag, TAG_SIZE);
		tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CU_ASSERT_EQUAL(gcm_decrypt(fd, gcm_cipher, 60, tag), -PLUTON_EINVAL);
		CU_ASSERT_EQUAL(answer.upcall.output_length, 0);
	}
	guests_close();
}

static void test_a_bad_tag_leaves_the_output_window_as_it_was(void)
{
	struct record record = gcm_request(DECRYPT);
	uint8_t *memory, bad[TAG_SIZE] = {0};
	uint32_t window;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	window = rig_window(&rig, fd, 4096, &memory);
	memcpy(memory, gcm_cipher, 60);
	memset(memory + 100, 0xaa, 1000);
	rig_range(&record, INPUT, window, 0, 60);
	rig_range(&record, OUTPUT, window, 100, 60);
	rig_in(&record, TAG, inline_bytes, bad, TAG_SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(all_equal(memory + 100, 1000, 0xaa));
	munmap(memory, 4096);
	guests_close();
}

static void test_additional_data_is_authenticated(void)
{
	struct record record;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	record = rig_operation(1, RIG_AES, DECRYPT);
	record.operation.words[0] = GCM;
	rig_in(&record, KEY, inline_bytes, gcm_key, 16);
	rig_in(&record, IV, inline_bytes, gcm_iv, 12);
	rig_in(&record, AAD, inline_bytes, gcm_aad, 19);
	rig_in(&record, INPUT, inline_bytes, gcm_cipher, 60);
	rig_in(&record, TAG, inline_bytes, gcm_tag, TAG_SIZE);
	rig_out(&record, OUTPUT, 60);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
	guests_close();
}

/* --- what is refused -------------------------------------------------------------------------- */

struct shape {
	uint32_t mode;
	uint16_t key, iv, input, output, tag;
	int answer;
	const char *words;
};

static int encrypt_shape(int fd, const struct shape *shape)
{
	static const uint8_t zeroes[64];
	struct record record = rig_operation(1, RIG_AES, ENCRYPT);

	record.operation.words[0] = shape->mode;
	rig_in(&record, KEY, inline_bytes, zeroes, shape->key);
	rig_in(&record, IV, inline_bytes, zeroes, shape->iv);
	rig_in(&record, INPUT, inline_bytes, zeroes, shape->input);
	rig_out(&record, OUTPUT, shape->output);
	if (shape->tag)
		rig_out(&record, TAG, shape->tag);
	return perform(fd, &record);
}

static void assert_shapes(const struct shape *shapes, size_t count)
{
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	for (size_t i = 0; i < count; i++) {
		CU_ASSERT_EQUAL(encrypt_shape(fd, &shapes[i]), shapes[i].answer);
		CU_ASSERT(!shapes[i].words || rig_says(&answer, shapes[i].words));
	}
	guests_close();
}

static void test_wrong_key_sizes_are_size(void)
{
	static const struct shape shapes[] = {
		{CTR, 16, 16, 5, 5, 0, 0, NULL},
		{CTR, 24, 16, 5, 5, 0, 0, NULL},
		{CTR, 32, 16, 5, 5, 0, 0, NULL},
		{CTR, 0, 16, 5, 5, 0, -PLUTON_ESIZE, "key"},
		{CTR, 15, 16, 5, 5, 0, -PLUTON_ESIZE, "key"},
		{CTR, 17, 16, 5, 5, 0, -PLUTON_ESIZE, "key has 17 bytes"},
		{CTR, 31, 16, 5, 5, 0, -PLUTON_ESIZE, "key has 31 bytes"},
		{CTR, 33, 16, 5, 5, 0, -PLUTON_ESIZE, "key"},
	};

	assert_shapes(shapes, TESTS_COUNT(shapes));
}

static void test_wrong_iv_sizes_are_size(void)
{
	static const struct shape shapes[] = {
		{CTR, 16, 15, 5, 5, 0, -PLUTON_ESIZE, "iv has 15"},
		{CTR, 16, 12, 5, 5, 0, -PLUTON_ESIZE, "needs 16"},
		{CTR, 16, 0, 5, 5, 0, -PLUTON_ESIZE, "iv has 0"},
		{GCM, 16, 11, 5, 5, 16, -PLUTON_ESIZE, "needs 12"},
		{GCM, 16, 13, 5, 5, 16, -PLUTON_ESIZE, "needs 12"},
		{GCM, 16, 16, 5, 5, 16, -PLUTON_ESIZE, "needs 12"},
		{GCM, 16, 0, 5, 5, 16, -PLUTON_ESIZE, "iv has 0"},
		{GCM, 16, 17, 5, 5, 16, -PLUTON_ESIZE, "iv"},
	};

	assert_shapes(shapes, TESTS_COUNT(shapes));
}

static void test_wrong_tag_sizes_are_size(void)
{
	static const struct shape shapes[] = {
		{GCM, 16, 12, 5, 5, 16, 0, NULL},
		{GCM, 16, 12, 5, 5, 0, -PLUTON_ESIZE, "tag has 0"},
		{GCM, 16, 12, 5, 5, 15, -PLUTON_ESIZE, "tag"},
		{GCM, 16, 12, 5, 5, 17, -PLUTON_ESIZE, "tag"},
		{CTR, 16, 16, 5, 5, 16, 0, NULL}, /* has none: as a standing operation keeps it */
	};

	assert_shapes(shapes, TESTS_COUNT(shapes));
}

static void test_input_and_output_must_be_of_one_length(void)
{
	static const struct shape shapes[] = {
		{CTR, 16, 16, 5, 4, 0, -PLUTON_ESIZE, "input has 5 bytes and output 4"},
		{CTR, 16, 16, 5, 6, 0, -PLUTON_ESIZE, "output 6"},
		{CTR, 16, 16, 5, 0, 0, -PLUTON_ESIZE, "output 0"},
		{GCM, 16, 12, 0, 5, 16, -PLUTON_ESIZE, "input has 0"},
	};

	assert_shapes(shapes, TESTS_COUNT(shapes));
}

static void test_unknown_modes_are_inval(void)
{
	static const struct shape shapes[] = {
		{0, 16, 12, 16, 16, 16, -PLUTON_EINVAL, "mode"},
		{7, 16, 12, 16, 16, 16, -PLUTON_EINVAL, "mode"},
		{UINT32_MAX, 16, 12, 16, 16, 16, -PLUTON_EINVAL, "mode"},
	};

	assert_shapes(shapes, TESTS_COUNT(shapes));
}

static void test_input_and_output_may_not_overlap(void)
{
	struct record record = ctr_request(ENCRYPT, ctr_block, 128);
	uint8_t *memory;
	uint32_t window;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	window = rig_window(&rig, fd, 4096, &memory);
	rig_range(&record, INPUT, window, 0, 100);
	rig_range(&record, OUTPUT, window, 50, 100);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(rig_says(&answer, "overlap"));
	munmap(memory, 4096);
	guests_close();
}

static void test_gcm_decryption_is_no_stream(void)
{
	struct record record = gcm_request(BEGIN);
	size_t before;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	before = rig_last_process(&rig)->arena.taken;
	record.operation.words[1] = 2; /* decrypt */
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(rig_last_process(&rig)->arena.taken, before);
	guests_close();
}

/* --- streams ---------------------------------------------------------------------------------- */

static int begin(int fd, const struct record *record, uint32_t *ret_stream)
{
	int r = perform(fd, record);

	if (r == 0)
		*ret_stream = answer.upcall.words[1];
	return r;
}

static int begin_ctr(int fd, const uint8_t *block, uint32_t *ret_stream)
{
	const struct record record = ctr_request(BEGIN, block, 128);

	return begin(fd, &record, ret_stream);
}

static int begin_gcm(int fd, uint32_t *ret_stream)
{
	const struct record record = gcm_request(BEGIN);

	return begin(fd, &record, ret_stream);
}

static struct record update_request(uint32_t op_id, uint32_t stream, const uint8_t *input,
				    uint16_t length)
{
	struct record record = rig_operation(op_id, RIG_AES, UPDATE);

	record.operation.words[0] = stream;
	if (length) {
		rig_in(&record, INPUT, inline_bytes, input, length);
		rig_out(&record, OUTPUT, length);
	}
	return record;
}

static int update(int fd, uint32_t stream, const uint8_t *input, uint16_t length)
{
	const struct record record = update_request(1, stream, input, length);

	return perform(fd, &record);
}

static int finish(int fd, uint32_t stream, uint16_t tag)
{
	struct record record = rig_operation(1, RIG_AES, FINISH);

	record.operation.words[0] = stream;
	if (tag)
		rig_out(&record, TAG, tag);
	return perform(fd, &record);
}

static int abort_stream(int fd, uint32_t stream)
{
	struct record record = rig_operation(1, RIG_AES, ABORT);

	record.operation.words[0] = stream;
	return perform(fd, &record);
}

static size_t taken(void)
{
	return rig_last_process(&rig)->arena.taken;
}

static void test_a_ctr_stream_in_uneven_pieces_is_the_whole(void)
{
	static const uint16_t pieces[] = {1, 0, 14, 1, 7, 9};
	uint32_t stream = 99;
	size_t at = 0;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(begin_ctr(fd, ctr_block, &stream), 0);
	for (unsigned i = 0; i < TESTS_COUNT(pieces); i++) {
		CU_ASSERT_EQUAL(update(fd, stream, ctr_plain + at, pieces[i]), 0);
		CU_ASSERT_TRUE(output_is(ctr_cipher + at, pieces[i]));
		at += pieces[i];
	}
	CU_ASSERT_EQUAL(at, 32);
	CU_ASSERT_EQUAL(finish(fd, stream, 0), 0);
	guests_close();
}

static void test_a_gcm_stream_in_uneven_pieces_is_the_whole(void)
{
	static const uint16_t pieces[] = {16, 1, 0, 30, 13};
	uint32_t stream = 99;
	size_t at = 0;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(begin_gcm(fd, &stream), 0);
	for (unsigned i = 0; i < TESTS_COUNT(pieces); i++) {
		CU_ASSERT_EQUAL(update(fd, stream, gcm_plain + at, pieces[i]), 0);
		CU_ASSERT_TRUE(output_is(gcm_cipher + at, pieces[i]));
		at += pieces[i];
	}
	CU_ASSERT_EQUAL(at, 60);
	CU_ASSERT_EQUAL(finish(fd, stream, TAG_SIZE), 0);
	CU_ASSERT_TRUE(output_is(gcm_tag, TAG_SIZE));
	guests_close();
}

static void test_a_counter_does_not_wrap_from_update_to_update(void)
{
	uint8_t zeroes[32] = {0}, block[16];
	uint32_t stream = 99;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	memset(block, 0xff, sizeof(block));
	block[15] = 0xfe;
	CU_ASSERT_EQUAL(begin_ctr(fd, block, &stream), 0);
	CU_ASSERT_EQUAL(update(fd, stream, zeroes, 31), 0);
	CU_ASSERT_EQUAL(update(fd, stream, zeroes, 1), 0);
	CU_ASSERT_EQUAL(update(fd, stream, zeroes, 1), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(update(fd, stream, zeroes, 1), -PLUTON_ERESERVE);
	guests_close();
}

static void test_a_gcm_streams_context_is_charged_while_it_is_open(void)
{
	uint32_t stream = 99;
	size_t before;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	before = taken();
	begin_gcm(fd, &stream);
	CU_ASSERT(taken() > before + 1280);
	guests_check_books();
	CU_ASSERT_EQUAL(abort_stream(fd, stream), 0);
	CU_ASSERT_EQUAL(taken(), before);
	guests_close();
}

static void test_a_gcm_streams_context_is_released_at_finish(void)
{
	uint32_t stream = 99;
	size_t before;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	before = taken();
	begin_gcm(fd, &stream);
	update(fd, stream, gcm_plain, 60);
	CU_ASSERT_EQUAL(finish(fd, stream, TAG_SIZE), 0);
	CU_ASSERT_EQUAL(taken(), before);
	guests_close();
}

static void test_a_gcm_streams_context_is_released_at_death(void)
{
	uint32_t stream = 99;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	for (unsigned i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(begin_gcm(fd, &stream), 0);
	guest_leave(fd);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig.kernel->pool.taken, 0);
	guests_close();
}

/* The input is withdrawn before the engine reads it. */
static void fail_update(int fd, uint32_t stream, uint32_t window)
{
	struct record record = rig_operation(1, RIG_AES, UPDATE);
	const struct record withdraw = {
		.header = {.type = RECORD_CALL, .op_id = 1, .driver = RIG_AES},
		.call = {.class = CLASS_ALLOW_RO, .number = INPUT}};

	record.operation.words[0] = stream;
	rig_range(&record, INPUT, window, 0, 100);
	rig_range(&record, OUTPUT, window, 100, 100);
	rig_send(fd, &record, -1);
	rig_send(fd, &withdraw, -1);
	rig_hear(&rig, fd);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_RETURN);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_UPCALL);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ESIZE);
}

static void test_a_failed_update_ends_its_stream_and_releases_what_it_had(void)
{
	uint32_t stream = 99, window;
	uint8_t *memory;
	size_t before;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	window = rig_window(&rig, fd, 4096, &memory);
	before = taken();
	begin_gcm(fd, &stream);
	fail_update(fd, stream, window);
	CU_ASSERT_EQUAL(taken(), before);
	CU_ASSERT_EQUAL(update(fd, stream, gcm_plain, 1), -PLUTON_ERESERVE);
	begin_ctr(fd, ctr_block, &stream);
	fail_update(fd, stream, window);
	CU_ASSERT_EQUAL(taken(), before);
	munmap(memory, 4096);
	guests_close();
}

static void test_a_refused_update_leaves_its_stream_as_it_was(void)
{
	struct record record;
	uint32_t stream = 99;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	begin_gcm(fd, &stream);
	record = update_request(1, stream, gcm_plain, 60);
	record.operation.ranges[OUTPUT].length = 59;
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(finish(fd, stream, 0), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(update(fd, stream, gcm_plain, 60), 0);
	CU_ASSERT_EQUAL(finish(fd, stream, TAG_SIZE), 0);
	CU_ASSERT_TRUE(output_is(gcm_tag, TAG_SIZE));
	guests_close();
}

static void test_an_update_of_a_busy_stream_is_busy(void)
{
	struct record record;
	uint32_t stream = 99;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	begin_gcm(fd, &stream);
	record = update_request(1, stream, gcm_plain, 60);
	rig_send(fd, &record, -1);
	record.header.op_id = 2;
	rig_send(fd, &record, -1);
	rig_hear(&rig, fd);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(answer.header.op_id, 2);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EBUSY);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(finish(fd, stream, TAG_SIZE), 0);
	CU_ASSERT_TRUE(output_is(gcm_tag, TAG_SIZE));
	guests_close();
}

static void test_the_stream_of_another_process_or_capsule_is_not_open(void)
{
	struct record record = rig_operation(1, RIG_DIGEST, 3);
	uint32_t stream = 99;
	int fd, other;

	guests_open(NULL);
	fd = guest_connect();
	other = guest_connect();
	begin_gcm(fd, &stream);
	CU_ASSERT_EQUAL(update(other, stream, gcm_plain, 60), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(finish(other, stream, TAG_SIZE), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(abort_stream(other, stream), -PLUTON_ERESERVE);
	record.operation.words[0] = stream;
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(update(fd, stream, gcm_plain, 60), 0);
	guests_close();
}

static void test_a_stream_over_the_arena_limit_is_nomem_and_leaves_nothing(void)
{
	struct process *process;
	uint32_t stream = 99;
	size_t before;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	process = rig_last_process(&rig);
	before = process->arena.taken;
	process->arena.limit = before + 1800; /* operation and grant fit, the context does not */
	CU_ASSERT_EQUAL(begin_gcm(fd, &stream), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(process->arena.taken, before);
	CU_ASSERT_EQUAL(begin_ctr(fd, ctr_block, &stream), 0);
	guests_close();
}

/* --- raw calls -------------------------------------------------------------------------------- */

struct raw {
	int fd;
	uint32_t window;
	uint8_t *memory;
};

static struct raw open_raw(void)
{
	const uint32_t token[4] = {7};
	struct raw raw;

	guests_open(NULL);
	raw.fd = guest_connect();
	raw.window = rig_window(&rig, raw.fd, 4096, &raw.memory);
	CU_ASSERT_EQUAL(rig_call(&rig, raw.fd, RIG_AES, CLASS_SUBSCRIBE, 0, token, NULL), 0);
	return raw;
}

static void close_raw(struct raw *raw)
{
	munmap(raw->memory, 4096);
	guests_close();
}

/* Each slot has its place in the window: 256 bytes behind the one before. */
static uint8_t *raw_place(const struct raw *raw, unsigned slot)
{
	return raw->memory + 256u * slot;
}

static void raw_allow(const struct raw *raw, unsigned slot, uint32_t length)
{
	const uint32_t range[4] = {raw->window, 256u * slot, length};
	uint32_t class = slot == OUTPUT || slot == TAG ? CLASS_ALLOW_RW : CLASS_ALLOW_RO;

	CU_ASSERT_EQUAL(rig_call(&rig, raw->fd, RIG_AES, class, slot, range, NULL), 0);
}

static void raw_give(const struct raw *raw, unsigned slot, const void *bytes, uint32_t length)
{
	memcpy(raw_place(raw, slot), bytes, length);
	raw_allow(raw, slot, length);
}

static void raw_give_ctr(const struct raw *raw)
{
	raw_give(raw, KEY, ctr_key, sizeof(ctr_key));
	raw_give(raw, IV, ctr_block, sizeof(ctr_block));
	raw_give(raw, INPUT, ctr_plain, 32);
	memset(raw_place(raw, OUTPUT), 0, 60);
	raw_allow(raw, OUTPUT, 32);
}

static int raw_command(const struct raw *raw, uint32_t command, uint32_t word0, uint32_t word1)
{
	const uint32_t words[4] = {word0, word1};
	int r = rig_call(&rig, raw->fd, RIG_AES, CLASS_COMMAND, command, words, NULL);

	if (r < 0)
		return r;
	CU_ASSERT(rig_receive(&rig, raw->fd, &answer) && answer.header.type == RECORD_UPCALL);
	return rig_status(&answer);
}

/* What GCM needs stays allowed: CTR has no use for it. */
static void test_raw_calls_do_gcm_then_ctr_then_a_ctr_stream(void)
{
	struct raw raw = open_raw();
	uint32_t stream;

	raw_give(&raw, KEY, gcm_key, sizeof(gcm_key));
	raw_give(&raw, IV, gcm_iv, sizeof(gcm_iv));
	raw_give(&raw, AAD, gcm_aad, sizeof(gcm_aad));
	raw_give(&raw, INPUT, gcm_plain, 60);
	raw_allow(&raw, OUTPUT, 60);
	raw_allow(&raw, TAG, TAG_SIZE);
	CU_ASSERT_EQUAL(raw_command(&raw, ENCRYPT, GCM, 0), 0);
	CU_ASSERT_EQUAL(memcmp(raw_place(&raw, OUTPUT), gcm_cipher, 60), 0);
	CU_ASSERT_EQUAL(memcmp(raw_place(&raw, TAG), gcm_tag, TAG_SIZE), 0);

	raw_give_ctr(&raw);
	CU_ASSERT_EQUAL(raw_command(&raw, ENCRYPT, CTR, 0), 0);
	CU_ASSERT_EQUAL(memcmp(raw_place(&raw, OUTPUT), ctr_cipher, 32), 0);

	raw_give_ctr(&raw);
	CU_ASSERT_EQUAL(raw_command(&raw, BEGIN, CTR, 1), 0);
	stream = answer.upcall.words[1];
	CU_ASSERT_EQUAL(raw_command(&raw, UPDATE, stream, 0), 0);
	CU_ASSERT_EQUAL(memcmp(raw_place(&raw, OUTPUT), ctr_cipher, 32), 0);
	CU_ASSERT_EQUAL(raw_command(&raw, FINISH, stream, 0), 0);
	CU_ASSERT_EQUAL(memcmp(raw_place(&raw, TAG), gcm_tag, TAG_SIZE), 0);
	close_raw(&raw);
}

static void test_raw_calls_begin_a_stream_with_a_counter_of_32_bits(void)
{
	struct raw raw = open_raw();
	uint8_t last[16];
	uint32_t stream;

	memset(last, 0xff, sizeof(last));
	memset(last, 0, 4); /* 128 bits would have where to carry to */
	raw_give_ctr(&raw);
	raw_give(&raw, IV, last, sizeof(last));
	CU_ASSERT_EQUAL(raw_command(&raw, BEGIN, CTR32, 1), 0);
	stream = answer.upcall.words[1];
	CU_ASSERT_EQUAL(raw_command(&raw, UPDATE, stream, 0), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(raw_command(&raw, BEGIN, CTR, 1), 0);
	stream = answer.upcall.words[1];
	CU_ASSERT_EQUAL(raw_command(&raw, UPDATE, stream, 0), 0);
	CU_ASSERT_EQUAL(raw_command(&raw, ABORT, stream, 0), 0);
	close_raw(&raw);
}

/* --- long messages ---------------------------------------------------------------------------- */

/* A window of its own memfd, with the message encrypted in it. */
struct message {
	uint32_t window;
	int memfd;
	uint8_t tag[TAG_SIZE];
};

static uint32_t give_window(int fd, int memfd)
{
	const struct record add = {.header = {.type = RECORD_WINDOW_ADD}};

	rig_send(fd, &add, memfd);
	CU_ASSERT_TRUE_FATAL(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL_FATAL(rig_status(&answer), 0);
	return answer.ret.words[0];
}

/* LONG_SIZE zeroes, encrypted by the capsule itself, in a memfd with these seals. */
static struct message make_message(int fd, int seals)
{
	struct record record = gcm_request(ENCRYPT);
	struct message message = {.memfd = bare_memfd(LONG_SIZE, 0)};
	uint8_t *memory;
	uint32_t window = rig_window(&rig, fd, WINDOW_SIZE, &memory);
	const struct record drop = {.header = {.type = RECORD_WINDOW_REMOVE}, .window = {window}};

	rig_range(&record, INPUT, window, 0, LONG_SIZE);
	rig_range(&record, OUTPUT, window, LONG_SIZE, LONG_SIZE);
	rig_out(&record, TAG, TAG_SIZE);
	CU_ASSERT_EQUAL_FATAL(perform(fd, &record), 0);
	memcpy(message.tag, answer.upcall.output, TAG_SIZE);
	CU_ASSERT_EQUAL(pwrite(message.memfd, memory + LONG_SIZE, LONG_SIZE, 0), LONG_SIZE);
	munmap(memory, WINDOW_SIZE);
	CU_ASSERT_EQUAL(perform(fd, &drop), 0);
	CU_ASSERT_EQUAL(fcntl(message.memfd, F_ADD_SEALS, F_SEAL_SHRINK | seals), 0);
	message.window = give_window(fd, message.memfd);
	return message;
}

static struct record decrypt_request(const struct message *message, uint32_t output,
				     uint32_t length)
{
	struct record record = gcm_request(DECRYPT);

	rig_range(&record, INPUT, message->window, 0, length);
	rig_range(&record, OUTPUT, output, 0, length);
	rig_in(&record, TAG, inline_bytes, message->tag, TAG_SIZE);
	return record;
}

static void test_sealed_input_over_aead_scratch_is_decrypted(void)
{
	struct record record;
	struct message message;
	uint8_t *memory;
	uint32_t output;
	int fd;

	guests_open(small_scratch);
	fd = guest_connect();
	message = make_message(fd, F_SEAL_WRITE);
	output = rig_window(&rig, fd, LONG_SIZE, &memory);
	memset(memory, 0xaa, LONG_SIZE);
	record = decrypt_request(&message, output, LONG_SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_TRUE(all_equal(memory, LONG_SIZE, 0));
	close(message.memfd);
	munmap(memory, LONG_SIZE);
	guests_close();
}

static void test_sealed_input_over_aead_scratch_with_a_bad_tag_gives_nothing(void)
{
	struct record record;
	struct message message;
	uint8_t *memory;
	uint32_t output;
	int fd;

	guests_open(small_scratch);
	fd = guest_connect();
	message = make_message(fd, F_SEAL_WRITE);
	output = rig_window(&rig, fd, LONG_SIZE, &memory);
	memset(memory, 0xaa, LONG_SIZE);
	message.tag[0] ^= 1;
	record = decrypt_request(&message, output, LONG_SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(all_equal(memory, LONG_SIZE, 0xaa));
	close(message.memfd);
	munmap(memory, LONG_SIZE);
	guests_close();
}

static void test_unsealed_input_over_aead_scratch_is_size_and_names_the_limit(void)
{
	struct record record;
	struct message message;
	uint8_t *memory;
	uint32_t output;
	int fd;

	guests_open(small_scratch);
	fd = guest_connect();
	message = make_message(fd, 0);
	output = rig_window(&rig, fd, LONG_SIZE, &memory);
	record = decrypt_request(&message, output, SCRATCH + 1);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, "aead_scratch"));
	record = decrypt_request(&message, output, SCRATCH);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL); /* fits; half a message has no tag */
	close(message.memfd);
	munmap(memory, LONG_SIZE);
	guests_close();
}

/*
 * The range was sealed when the request was checked; before the engine begins, the client puts one
 * in its place that it can still write. Two passes over that would release what no tag vouches for.
 */
static void test_sealed_input_that_is_swapped_for_unsealed_is_not_decrypted(void)
{
	struct record record, swap;
	struct message sealed, unsealed;
	uint8_t *memory;
	uint32_t output;
	int fd;

	guests_open(small_scratch);
	fd = guest_connect();
	sealed = make_message(fd, F_SEAL_WRITE);
	unsealed = make_message(fd, 0);
	output = rig_window(&rig, fd, LONG_SIZE, &memory);
	memset(memory, 0xaa, LONG_SIZE);
	record = decrypt_request(&sealed, output, LONG_SIZE);
	swap = (struct record){.header = {.type = RECORD_CALL, .op_id = 1, .driver = RIG_AES},
			       .call = {.class = CLASS_ALLOW_RO,
					.number = INPUT,
					.args = {unsealed.window, 0, LONG_SIZE}}};
	rig_send(fd, &record, -1);
	rig_send(fd, &swap, -1);
	rig_hear(&rig, fd);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_RETURN);
	CU_ASSERT_EQUAL(rig_status(&answer), 0);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_UPCALL);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(all_equal(memory, LONG_SIZE, 0xaa));
	close(sealed.memfd);
	close(unsealed.memfd);
	munmap(memory, LONG_SIZE);
	guests_close();
}

/* --- cancelling and dying at every moment ----------------------------------------------------- */

#define PASSES_MAX 100u

static const char *const one_call_a_pass[] = {"kernel.deferred_budget=1", "hil.aead_scratch=4K",
					      NULL};

struct moment {
	int fd;
	uint32_t stream;
	uint32_t output;
	uint8_t *memory;
	struct message message;
};

/* Everything there is, under way at once: a decryption in two passes, an encryption, a stream. */
static void open_moment(struct moment *moment)
{
	struct record record;

	guests_open(one_call_a_pass);
	moment->fd = guest_connect();
	moment->message = make_message(moment->fd, F_SEAL_WRITE);
	moment->output = rig_window(&rig, moment->fd, 4 * LONG_SIZE, &moment->memory);
	CU_ASSERT_EQUAL(begin_gcm(moment->fd, &moment->stream), 0);
	record = decrypt_request(&moment->message, moment->output, LONG_SIZE);
	rig_send(moment->fd, &record, -1);
	record = gcm_request(ENCRYPT);
	record.header.op_id = 2;
	rig_range(&record, INPUT, moment->message.window, 0, LONG_SIZE);
	rig_range(&record, OUTPUT, moment->output, LONG_SIZE, LONG_SIZE);
	rig_out(&record, TAG, TAG_SIZE);
	rig_send(moment->fd, &record, -1);
	record = rig_operation(3, RIG_AES, UPDATE);
	record.operation.words[0] = moment->stream;
	rig_range(&record, INPUT, moment->message.window, 0, LONG_SIZE);
	rig_range(&record, OUTPUT, moment->output, 2 * LONG_SIZE, LONG_SIZE);
	rig_send(moment->fd, &record, -1);
}

static void close_moment(struct moment *moment)
{
	close(moment->message.memfd);
	munmap(moment->memory, 4 * LONG_SIZE);
	guests_close();
}

static void pass(unsigned count)
{
	while (count--)
		loop_pass(&rig.machine->loop, false);
}

/* true: all was over before. */
static bool cancel_all_after(unsigned passes)
{
	struct moment moment;
	bool before;

	open_moment(&moment);
	pass(passes);
	before = passes > 3 && rig.kernel->running == 0;
	for (uint32_t i = 1; i <= 3; i++) {
		const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = i}};

		rig_send(moment.fd, &cancel, -1);
	}
	rig_settle(&rig);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_TRUE(guest_read(moment.fd, &answer));
		CU_ASSERT(rig_status(&answer) == 0 || rig_status(&answer) == -PLUTON_ECANCEL);
	}
	CU_ASSERT_FALSE(guest_has_answer(moment.fd));
	CU_ASSERT_EQUAL(ctr(moment.fd, ctr_block, 128, ctr_plain, 32), 0);
	CU_ASSERT_TRUE(output_is(ctr_cipher, 32));
	close_moment(&moment);
	return before;
}

static void test_cancelled_at_any_moment_each_has_exactly_one_answer(void)
{
	unsigned passes = 0;

	while (passes < PASSES_MAX && !cancel_all_after(passes))
		passes++;
	CU_ASSERT(passes > 5); /* where a worker has it, how many depends on the machine */
}

static bool leave_after(unsigned passes)
{
	struct moment moment;
	bool before;

	open_moment(&moment);
	pass(passes);
	before = passes > 3 && rig.kernel->running == 0;
	guest_leave(moment.fd);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	CU_ASSERT_EQUAL(rig.kernel->pool.taken, 0);
	close_moment(&moment);
	return before;
}

static void test_dying_at_any_moment_leaves_nothing(void)
{
	unsigned passes = 0;

	while (passes < PASSES_MAX && !leave_after(passes))
		passes++;
	CU_ASSERT(passes > 5); /* where a worker has it, how many depends on the machine */
}

static void test_a_cancelled_begin_of_gcm_opens_no_stream_and_keeps_no_context(void)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = 1}};
	const struct record record = gcm_request(BEGIN);

	for (unsigned passes = 0; passes < 8; passes++) {
		size_t before;
		int fd;

		guests_open(one_call_a_pass);
		fd = guest_connect();
		before = taken();
		rig_send(fd, &record, -1);
		pass(passes);
		rig_send(fd, &cancel, -1);
		rig_hear(&rig, fd);
		CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
		if (rig_status(&answer) == 0)
			CU_ASSERT_EQUAL(abort_stream(fd, answer.upcall.words[1]), 0);
		CU_ASSERT_EQUAL(taken(), before);
		guests_close();
	}
}

static const struct test tests[] = {
	TEST(test_ctr_gives_the_published_bytes),
	TEST(test_ctr_takes_lengths_that_are_no_blocks),
	TEST(test_ctr_of_no_data_is_no_data),
	TEST(test_a_counter_never_wraps),
	TEST(test_ctr32_carries_in_its_last_32_bits_only),
	TEST(test_gcm_gives_the_published_bytes_and_tag),
	TEST(test_gcm_of_no_data_authenticates_what_is_added),
	TEST(test_any_changed_bit_of_the_tag_is_inval_and_gives_nothing),
	TEST(test_a_bad_tag_leaves_the_output_window_as_it_was),
	TEST(test_additional_data_is_authenticated),
	TEST(test_wrong_key_sizes_are_size),
	TEST(test_wrong_iv_sizes_are_size),
	TEST(test_wrong_tag_sizes_are_size),
	TEST(test_input_and_output_must_be_of_one_length),
	TEST(test_unknown_modes_are_inval),
	TEST(test_input_and_output_may_not_overlap),
	TEST(test_gcm_decryption_is_no_stream),
	TEST(test_a_ctr_stream_in_uneven_pieces_is_the_whole),
	TEST(test_a_gcm_stream_in_uneven_pieces_is_the_whole),
	TEST(test_a_counter_does_not_wrap_from_update_to_update),
	TEST(test_a_gcm_streams_context_is_charged_while_it_is_open),
	TEST(test_a_gcm_streams_context_is_released_at_finish),
	TEST(test_a_gcm_streams_context_is_released_at_death),
	TEST(test_a_failed_update_ends_its_stream_and_releases_what_it_had),
	TEST(test_a_refused_update_leaves_its_stream_as_it_was),
	TEST(test_an_update_of_a_busy_stream_is_busy),
	TEST(test_the_stream_of_another_process_or_capsule_is_not_open),
	TEST(test_a_stream_over_the_arena_limit_is_nomem_and_leaves_nothing),
	TEST(test_raw_calls_do_gcm_then_ctr_then_a_ctr_stream),
	TEST(test_raw_calls_begin_a_stream_with_a_counter_of_32_bits),
	TEST(test_sealed_input_over_aead_scratch_is_decrypted),
	TEST(test_sealed_input_over_aead_scratch_with_a_bad_tag_gives_nothing),
	TEST(test_unsealed_input_over_aead_scratch_is_size_and_names_the_limit),
	TEST(test_sealed_input_that_is_swapped_for_unsealed_is_not_decrypted),
	TEST(test_cancelled_at_any_moment_each_has_exactly_one_answer),
	TEST(test_dying_at_any_moment_leaves_nothing),
	TEST(test_a_cancelled_begin_of_gcm_opens_no_stream_and_keeps_no_context),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "capsules aes", tests, TESTS_COUNT(tests));
}
