/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The streaming format through libpluton and a plutond of the test's own: segment by segment,
 * several at once, and what the library refuses itself. The format is held against another
 * implementation in test_cli_aes_gcm_stream.py.
 */
#include <stdlib.h>
#include <string.h>

#include <pluton/aes_gcm_stream.h>

#include "tests/integration/own_client.h"
#include "tests/suite.h"

#define SEGMENT 100u
#define SEGMENTS 6u
#define FIRST (SEGMENT - 40 - 16) /* bytes of plaintext */
#define NEXT (SEGMENT - 16)

static struct pluton_aes_gcm_stream stream;
static uint8_t header[PLUTON_AES_GCM_STREAM_HEADER_MAX];
static uint8_t message[FIRST + (SEGMENTS - 1) * NEXT];
static uint8_t sealed[SEGMENTS][SEGMENT], opened[SEGMENTS][SEGMENT];

static const struct pluton_aes_gcm_stream_request usual = {
	.key = "a key of thirty-two bytes, so so",
	.key_size = 32,
	.derived_key_size = 32,
	.hash = PLUTON_SHA256,
	.segment_size = SEGMENT,
	.aad = "about",
	.aad_length = 5,
};

static void begin(void)
{
	own_client_begin("[hil]\nchecker = yes\n");
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(7 * i);
	memset(sealed, 0, sizeof(sealed));
	memset(opened, 0, sizeof(opened));
}

static void end(void)
{
	pluton_aes_gcm_stream_wipe(&stream);
	own_client_end();
}

static size_t from(size_t i)
{
	return i == 0 ? 0 : FIRST + (i - 1) * NEXT;
}

static size_t length_of(size_t i)
{
	return i == 0 ? FIRST : NEXT;
}

static void begin_encryption(void)
{
	CU_ASSERT_EQUAL(pluton_aes_gcm_stream_encrypt_begin(pluton, &usual, header, &stream), 0);
	CU_ASSERT_EQUAL(header[0], 40);
}

static void begin_decryption(void)
{
	CU_ASSERT_EQUAL(pluton_aes_gcm_stream_decrypt_begin(pluton, &usual, header, &stream), 0);
}

static int encrypt(size_t i, bool last)
{
	return pluton_aes_gcm_stream_encrypt(pluton, &stream, message + from(i), length_of(i), last,
					     sealed[i]);
}

static int decrypt(size_t i, bool last)
{
	return pluton_aes_gcm_stream_decrypt(pluton, &stream, sealed[i], length_of(i) + 16, last,
					     opened[i]);
}

static void encrypt_all(void)
{
	begin_encryption();
	for (size_t i = 0; i < SEGMENTS; i++)
		CU_ASSERT_EQUAL(encrypt(i, i == SEGMENTS - 1), 0);
}

static void check_opened(void)
{
	for (size_t i = 0; i < SEGMENTS; i++)
		CU_ASSERT_EQUAL(memcmp(opened[i], message + from(i), length_of(i)), 0);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void test_a_message_comes_back_segment_by_segment(void)
{
	begin();
	encrypt_all();
	begin_decryption();
	for (size_t i = 0; i < SEGMENTS; i++) {
		CU_ASSERT_EQUAL(pluton_aes_gcm_stream_room(&stream), length_of(i));
		CU_ASSERT_EQUAL(decrypt(i, i == SEGMENTS - 1), 0);
	}
	check_opened();
	end();
}

static void test_a_segment_in_another_place_gives_nothing_and_ends_the_message(void)
{
	static const uint8_t nothing[NEXT];

	begin();
	encrypt_all();
	begin_decryption();
	CU_ASSERT_EQUAL(decrypt(0, false), 0);
	CU_ASSERT_EQUAL(decrypt(2, false), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(said("the tag does not match"));
	CU_ASSERT_EQUAL(memcmp(opened[2], nothing, NEXT), 0);
	CU_ASSERT_EQUAL(decrypt(1, false), -PLUTON_ERESERVE);
	CU_ASSERT_TRUE(said("the message has ended"));
	end();
}

static void test_the_last_segment_is_the_last_and_no_other_is(void)
{
	begin();
	encrypt_all();
	begin_decryption();
	CU_ASSERT_EQUAL(decrypt(0, true), -PLUTON_EINVAL);
	begin_decryption();
	for (size_t i = 0; i < SEGMENTS - 1; i++)
		CU_ASSERT_EQUAL(decrypt(i, false), 0);
	CU_ASSERT_EQUAL(decrypt(SEGMENTS - 1, false), -PLUTON_EINVAL);
	end();
}

/* --- refusals --------------------------------------------------------------------------------- */

static void expect_encryption(struct pluton_aes_gcm_stream_request request, int error,
			      const char *sentence)
{
	CU_ASSERT_EQUAL(pluton_aes_gcm_stream_encrypt_begin(pluton, &request, header, &stream),
			error);
	CU_ASSERT_TRUE(said(sentence));
}

static void test_what_the_format_has_not_is_refused(void)
{
	struct pluton_aes_gcm_stream_request request = usual;

	begin();
	request.derived_key_size = 24;
	expect_encryption(request, -PLUTON_ESIZE, "the format has 16 and 32");
	request = usual;
	request.key_size = 31;
	expect_encryption(request, -PLUTON_ESIZE, "it can have 32 to 1024");
	request = usual;
	request.segment_size = 56;
	expect_encryption(request, -PLUTON_ESIZE, "they have at least 57");
	request = usual;
	request.hash = PLUTON_SHA384;
	expect_encryption(request, -PLUTON_ENOSUPPORT, "SHA1, SHA256 and SHA512");
	request = usual;
	request.aad_length = 1025;
	expect_encryption(request, -PLUTON_ESIZE, "1025");
	CU_ASSERT_EQUAL(pluton_aes_gcm_stream_header_size(16), 24);
	CU_ASSERT_EQUAL(pluton_aes_gcm_stream_header_size(32), 40);
	CU_ASSERT_EQUAL(pluton_aes_gcm_stream_header_size(24), 0);
	end();
}

static void test_a_header_that_is_none_is_inval(void)
{
	struct pluton_aes_gcm_stream_request request = usual;

	begin();
	begin_encryption();
	header[0] = 41;
	CU_ASSERT_EQUAL(pluton_aes_gcm_stream_decrypt_begin(pluton, &request, header, &stream),
			-PLUTON_EINVAL);
	CU_ASSERT_TRUE(said("not with 41"));
	header[0] = 40;
	request.key_size = 16;
	CU_ASSERT_EQUAL(pluton_aes_gcm_stream_decrypt_begin(pluton, &request, header, &stream),
			-PLUTON_EINVAL);
	CU_ASSERT_TRUE(said("a longer key"));
	end();
}

static void test_segments_of_wrong_sizes_are_size_and_can_be_tried_again(void)
{
	begin();
	begin_encryption();
	for (size_t length = 0; length <= FIRST + 1; length += FIRST / 2)
		CU_ASSERT_EQUAL(length == FIRST
					? -PLUTON_ESIZE
					: pluton_aes_gcm_stream_encrypt(pluton, &stream, message,
									length, false, sealed[0]),
				-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(
		pluton_aes_gcm_stream_encrypt(pluton, &stream, message, FIRST + 1, true, sealed[0]),
		-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(encrypt(0, false), 0);
	CU_ASSERT_EQUAL(pluton_aes_gcm_stream_encrypt(pluton, &stream, message, 0, true, sealed[1]),
			-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(decrypt(0, false), -PLUTON_ERESERVE);
	CU_ASSERT_TRUE(said("the other way"));
	begin_decryption();
	CU_ASSERT_EQUAL(
		pluton_aes_gcm_stream_decrypt(pluton, &stream, sealed[0], 15, true, opened[0]),
		-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(decrypt(0, false), 0);
	end();
}

static void test_a_wiped_stream_has_no_key(void)
{
	static const struct pluton_aes_gcm_stream nothing;

	begin();
	begin_encryption();
	pluton_aes_gcm_stream_wipe(&stream);
	CU_ASSERT_EQUAL(memcmp(&stream, &nothing, sizeof(stream)), 0);
	end();
}

/* --- not waiting ------------------------------------------------------------------------------ */

static void test_many_segments_are_under_way_at_once(void)
{
	int status[SEGMENTS];

	begin();
	done_count = 0;
	begin_encryption();
	for (size_t i = 0; i < SEGMENTS; i++)
		CU_ASSERT_EQUAL(pluton_aes_gcm_stream_encrypt_async(
					pluton, &stream, message + from(i), length_of(i),
					i == SEGMENTS - 1, sealed[i], note, &status[i], NULL),
				0);
	pluton_aes_gcm_stream_wipe(&stream);
	wait_for(SEGMENTS);
	begin_decryption();
	for (size_t i = 0; i < SEGMENTS; i++)
		CU_ASSERT_EQUAL(pluton_aes_gcm_stream_decrypt_async(
					pluton, &stream, sealed[i], length_of(i) + 16,
					i == SEGMENTS - 1, opened[i], note, &status[i], NULL),
				0);
	CU_ASSERT_EQUAL(pluton_aes_gcm_stream_decrypt_async(pluton, &stream, sealed[0], 16, true,
							    opened[0], note, &status[0], NULL),
			-PLUTON_ERESERVE);
	wait_for(2 * SEGMENTS);
	for (size_t i = 0; i < SEGMENTS; i++)
		CU_ASSERT_EQUAL(status[i], 0);
	check_opened();
	end();
}

static const struct test tests[] = {
	TEST(test_a_message_comes_back_segment_by_segment),
	TEST(test_a_segment_in_another_place_gives_nothing_and_ends_the_message),
	TEST(test_the_last_segment_is_the_last_and_no_other_is),
	TEST(test_what_the_format_has_not_is_refused),
	TEST(test_a_header_that_is_none_is_inval),
	TEST(test_segments_of_wrong_sizes_are_size_and_can_be_tried_again),
	TEST(test_a_wiped_stream_has_no_key),
	TEST(test_many_segments_are_under_way_at_once),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "gcm stream", tests, TESTS_COUNT(tests));
}
