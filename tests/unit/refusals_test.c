/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the aes and digest capsules say when they refuse: the whole sentence, with the value that
 * came and what is needed. Engines that can do less than OpenSSL's are those with less in caps.
 */
#include <string.h>
#include <sys/mman.h>

#include "hil/aes.h"
#include "hil/digest.h"
#include "tests/guests.h"
#include "tests/suite.h"

enum { ENCRYPT = 1, DECRYPT, BEGIN, UPDATE, FINISH };
enum { KEY, IV, AAD, INPUT, OUTPUT, TAG };
enum { DIGEST_WHOLE = 1, DIGEST_BEGIN, DIGEST_UPDATE };
#define CTR32 6u

#define MIB (1024u * 1024)

static struct record answer;

/* --- a client with one window ---------------------------------------------------------------- */

struct client {
	int fd;
	uint32_t window;
	size_t size;
	uint8_t *memory;
};

static struct client open_client(size_t size)
{
	struct client client = {.size = size};

	guests_open(NULL);
	client.fd = guest_connect();
	client.window = rig_window(&rig, client.fd, size, &client.memory);
	return client;
}

static void close_client(struct client *client)
{
	munmap(client->memory, client->size);
	guests_close();
}

/* The sentence of the last answer; "" if it was no refusal. */
static const char *sentence(void)
{
	static char text[RECORD_TEXT_MAX + 1];

	memset(text, 0, sizeof(text));
	if (answer.header.type == RECORD_RETURN)
		memcpy(text, answer.ret.text, answer.ret.text_length);
	return text;
}

static void assert_refused(struct client *client, const struct record *record, int error,
			   const char *words)
{
	CU_ASSERT_EQUAL(rig_perform(&rig, client->fd, record, &answer), error);
	CU_ASSERT_STRING_EQUAL(sentence(), words);
}

/* The one engine that the driver's port has. */
static struct hil_engine *engine_of(uint32_t driver)
{
	return kernel_driver(rig.kernel, driver)->ports[0].engines[0];
}

static struct aes_caps *aes_caps(void)
{
	return &((struct aes_engine *)(void *)engine_of(RIG_AES))->caps;
}

static struct digest_caps *digest_caps(void)
{
	return &((struct digest_engine *)(void *)engine_of(RIG_DIGEST))->caps;
}

/* --- aes -------------------------------------------------------------------------------------- */

struct sizes {
	uint32_t key, iv, aad, input, tag;
};

/* Outputs behind the inputs; everything may be read from the window's beginning. */
static struct record aes_request(const struct client *client, uint32_t command, uint32_t mode,
				 struct sizes sizes)
{
	struct record record = rig_operation(1, RIG_AES, command);
	uint32_t behind = (uint32_t)client->size / 2;

	record.operation.words[0] = mode;
	if (command == BEGIN)
		record.operation.words[1] = AES_ENCRYPT;
	rig_range(&record, KEY, client->window, 0, sizes.key);
	rig_range(&record, IV, client->window, 0, sizes.iv);
	rig_range(&record, AAD, client->window, 0, sizes.aad);
	if (command == BEGIN)
		return record;
	rig_range(&record, INPUT, client->window, 0, sizes.input);
	rig_range(&record, OUTPUT, client->window, behind, sizes.input);
	rig_range(&record, TAG, client->window, behind + sizes.input, sizes.tag);
	return record;
}

static void test_a_wrong_key_size_is_named_whatever_the_mode(void)
{
	struct client client = open_client(4096);
	struct record record =
		aes_request(&client, DECRYPT, AES_GCM, (struct sizes){20, 12, 0, 16, 16});

	assert_refused(&client, &record, -PLUTON_ESIZE, "key has 20 bytes, AES needs 16, 24 or 32");
	record = aes_request(&client, ENCRYPT, AES_CTR, (struct sizes){20, 16, 0, 16, 0});
	assert_refused(&client, &record, -PLUTON_ESIZE, "key has 20 bytes, AES needs 16, 24 or 32");
	record = aes_request(&client, BEGIN, AES_GCM, (struct sizes){20, 12, 0, 0, 0});
	assert_refused(&client, &record, -PLUTON_ESIZE, "key has 20 bytes, AES needs 16, 24 or 32");
	close_client(&client);
}

static void test_too_much_additional_data_is_named_with_the_most(void)
{
	struct client client = open_client(8 * MIB);
	struct record record =
		aes_request(&client, DECRYPT, AES_GCM, (struct sizes){16, 12, 2 * MIB, 16, 16});

	aes_caps()->aad_max = MIB;
	assert_refused(&client, &record, -PLUTON_ESIZE,
		       "aad has 2097152 bytes, the aes engine takes at most 1048576");
	close_client(&client);
}

static void test_aead_scratch_is_named_for_what_is_longer_only(void)
{
	struct client client = open_client(4 * MIB);
	struct record record =
		aes_request(&client, DECRYPT, AES_GCM, (struct sizes){16, 12, 0, MIB + 1, 16});

	assert_refused(&client, &record, -PLUTON_ESIZE,
		       "input has 1048577 bytes, aead_scratch is 1048576: seal the input against "
		       "writing, or send less");
	record = aes_request(&client, DECRYPT, AES_GCM, (struct sizes){16, 12, 0, MIB, 16});
	assert_refused(&client, &record, -PLUTON_EINVAL, ""); /* the tag's upcall */
	close_client(&client);
}

static void test_a_wrong_iv_or_tag_size_is_named_with_the_modes(void)
{
	struct client client = open_client(4096);
	struct record record =
		aes_request(&client, ENCRYPT, AES_CTR, (struct sizes){16, 12, 0, 16, 0});

	assert_refused(&client, &record, -PLUTON_ESIZE, "iv has 12 bytes, ctr needs 16");
	record = aes_request(&client, ENCRYPT, AES_CCM, (struct sizes){16, 14, 0, 16, 16});
	assert_refused(&client, &record, -PLUTON_ESIZE, "iv has 14 bytes, ccm needs 7 to 13");
	record = aes_request(&client, ENCRYPT, AES_GCM, (struct sizes){16, 12, 0, 16, 0});
	assert_refused(&client, &record, -PLUTON_ESIZE, "tag has 0 bytes, gcm needs 16");
	record = aes_request(&client, ENCRYPT, AES_GCM, (struct sizes){16, 12, 0, 16, 12});
	assert_refused(&client, &record, -PLUTON_ESIZE, "tag has 12 bytes, gcm needs 16");
	record = aes_request(&client, ENCRYPT, AES_CCM, (struct sizes){16, 12, 0, 16, 5});
	assert_refused(&client, &record, -PLUTON_ESIZE,
		       "tag has 5 bytes, ccm needs 4, 6, 8, 10, 12, 14 or 16");
	close_client(&client);
}

static void test_a_message_that_is_too_long_for_its_nonce_is_named(void)
{
	struct client client = open_client(4 * MIB);
	struct record record =
		aes_request(&client, ENCRYPT, AES_CCM, (struct sizes){16, 13, 0, 65536, 16});

	assert_refused(&client, &record, -PLUTON_ESIZE,
		       "input has 65536 bytes, ccm with an iv of 13 takes fewer than 2^16");
	record = aes_request(&client, ENCRYPT, AES_CCM, (struct sizes){16, 13, 0, 65535, 16});
	CU_ASSERT_EQUAL(rig_perform(&rig, client.fd, &record, &answer), 0);
	close_client(&client);
}

static void test_what_no_engine_does_is_named(void)
{
	struct client client = open_client(4096);
	struct record record =
		aes_request(&client, ENCRYPT, AES_CBC, (struct sizes){16, 16, 0, 16, 0});

	aes_caps()->modes &= ~(1u << AES_CBC);
	assert_refused(&client, &record, -PLUTON_ENOSUPPORT, "no aes engine does cbc");
	aes_caps()->key_sizes = 1u << 2;
	record = aes_request(&client, ENCRYPT, CTR32, (struct sizes){32, 16, 0, 16, 0});
	assert_refused(&client, &record, -PLUTON_ENOSUPPORT,
		       "no aes engine takes a key of 32 bytes");
	aes_caps()->stream_modes = 1u << AES_GCM;
	record = aes_request(&client, BEGIN, AES_CTR, (struct sizes){16, 16, 0, 0, 0});
	assert_refused(&client, &record, -PLUTON_ENOSUPPORT, "no aes engine does ctr in a stream");
	record = aes_request(&client, BEGIN, AES_GCM, (struct sizes){16, 12, 0, 0, 0});
	record.operation.words[1] = AES_DECRYPT;
	assert_refused(&client, &record, -PLUTON_ENOSUPPORT,
		       "gcm decryption is no stream: its tag comes last, use Decrypt");
	record = aes_request(&client, BEGIN, AES_CCM, (struct sizes){16, 12, 0, 0, 0});
	assert_refused(&client, &record, -PLUTON_ENOSUPPORT,
		       "ccm is no stream: its first block says how long the message is, use "
		       "Encrypt or Decrypt");
	close_client(&client);
}

static void test_blocks_that_are_not_whole_are_named(void)
{
	struct client client = open_client(4096);
	struct record record =
		aes_request(&client, ENCRYPT, AES_CBC, (struct sizes){16, 16, 0, 17, 0});

	assert_refused(&client, &record, -PLUTON_ESIZE,
		       "input has 17 bytes, cbc needs whole blocks of 16");
	record = aes_request(&client, ENCRYPT, AES_ECB, (struct sizes){16, 0, 0, 15, 0});
	assert_refused(&client, &record, -PLUTON_ESIZE,
		       "input has 15 bytes, ecb needs whole blocks of 16");
	close_client(&client);
}

/* The engine's most shrinks while the stream is open: no sentence was the finding. */
static void test_an_update_that_is_too_long_says_so_and_leaves_the_stream_open(void)
{
	struct client client = open_client(4096);
	struct record record =
		aes_request(&client, BEGIN, AES_CTR, (struct sizes){16, 16, 0, 0, 0});

	CU_ASSERT_EQUAL(rig_perform(&rig, client.fd, &record, &answer), 0);
	aes_caps()->length_max = 100;
	record = rig_operation(1, RIG_AES, UPDATE);
	record.operation.words[0] = answer.upcall.words[1];
	rig_range(&record, INPUT, client.window, 0, 101);
	rig_range(&record, OUTPUT, client.window, 1000, 101);
	assert_refused(&client, &record, -PLUTON_ESIZE,
		       "input has 101 bytes, the aes engine takes at most 100 at once");
	record.operation.ranges[INPUT].length = record.operation.ranges[OUTPUT].length = 100;
	CU_ASSERT_EQUAL(rig_perform(&rig, client.fd, &record, &answer), 0);
	close_client(&client);
}

static void test_words_behind_the_second_are_refused(void)
{
	struct client client = open_client(4096);
	struct record record =
		aes_request(&client, BEGIN, AES_CTR, (struct sizes){16, 16, 0, 0, 0});

	record.operation.words[2] = 128;
	assert_refused(&client, &record, -PLUTON_EINVAL, "word 2 of Begin is 128, must be 0");
	record = aes_request(&client, ENCRYPT, AES_GCM, (struct sizes){16, 12, 0, 16, 16});
	record.operation.words[2] = 128;
	assert_refused(&client, &record, -PLUTON_EINVAL, "word 2 of Encrypt is 128, must be 0");
	close_client(&client);
}

static void test_without_an_engine_that_is_what_is_said(void)
{
	struct client client = open_client(4096);
	struct record record =
		aes_request(&client, ENCRYPT, AES_CTR, (struct sizes){16, 16, 0, 16, 0});

	kernel_driver(rig.kernel, RIG_AES)->ports[0].count = 0;
	kernel_driver(rig.kernel, RIG_DIGEST)->ports[0].count = 0;
	assert_refused(&client, &record, -PLUTON_ENODEVICE, "there is no aes engine");
	record = rig_operation(1, RIG_DIGEST, DIGEST_BEGIN);
	record.operation.words[0] = DIGEST_SHA256;
	assert_refused(&client, &record, -PLUTON_ENODEVICE, "there is no digest engine");
	close_client(&client);
}

/* --- digest ----------------------------------------------------------------------------------- */

static void test_an_algorithm_that_no_engine_does_is_named(void)
{
	struct client client = open_client(4096);
	struct record record = rig_operation(1, RIG_DIGEST, DIGEST_WHOLE);

	digest_caps()->algorithms &= ~(1u << DIGEST_SHA512);
	record.operation.words[0] = DIGEST_SHA512;
	rig_range(&record, 1, client.window, 0, DIGEST_SIZE_MAX);
	assert_refused(&client, &record, -PLUTON_ENOSUPPORT, "no digest engine does sha512");
	digest_caps()->state_bytes = 0;
	record = rig_operation(1, RIG_DIGEST, DIGEST_BEGIN);
	record.operation.words[0] = DIGEST_SHA3_256;
	assert_refused(&client, &record, -PLUTON_ENOSUPPORT,
		       "no digest engine does sha3-256 in a stream");
	close_client(&client);
}

static void test_a_piece_that_is_too_long_for_the_digest_engine_says_so(void)
{
	struct client client = open_client(4096);
	struct record record = rig_operation(1, RIG_DIGEST, DIGEST_BEGIN);

	record.operation.words[0] = DIGEST_SHA256;
	CU_ASSERT_EQUAL(rig_perform(&rig, client.fd, &record, &answer), 0);
	digest_caps()->length_max = 100;
	record = rig_operation(1, RIG_DIGEST, DIGEST_UPDATE);
	record.operation.words[0] = answer.upcall.words[1];
	rig_range(&record, 0, client.window, 0, 101);
	assert_refused(&client, &record, -PLUTON_ESIZE,
		       "input has 101 bytes, the digest engine takes at most 100 at once");
	record.operation.ranges[0].length = 100;
	CU_ASSERT_EQUAL(rig_perform(&rig, client.fd, &record, &answer), 0);
	close_client(&client);
}

static const struct test tests[] = {
	TEST(test_a_wrong_key_size_is_named_whatever_the_mode),
	TEST(test_too_much_additional_data_is_named_with_the_most),
	TEST(test_aead_scratch_is_named_for_what_is_longer_only),
	TEST(test_a_wrong_iv_or_tag_size_is_named_with_the_modes),
	TEST(test_a_message_that_is_too_long_for_its_nonce_is_named),
	TEST(test_what_no_engine_does_is_named),
	TEST(test_blocks_that_are_not_whole_are_named),
	TEST(test_an_update_that_is_too_long_says_so_and_leaves_the_stream_open),
	TEST(test_words_behind_the_second_are_refused),
	TEST(test_without_an_engine_that_is_what_is_said),
	TEST(test_an_algorithm_that_no_engine_does_is_named),
	TEST(test_a_piece_that_is_too_long_for_the_digest_engine_says_so),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "refusals", tests, TESTS_COUNT(tests));
}
