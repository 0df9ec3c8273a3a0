/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA through libpluton and a plutond of the test's own, with the contract checker: each call,
 * synchronous and not, and what a key that is none leads to.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pluton/random.h>
#include <pluton/rsa.h>

#include "tests/integration/own_client.h"
#include "tests/rsa_material.h"
#include "tests/suite.h"

#define SIZE RSA_TEST_SIZE
#define MANY 12u

static struct pluton_rsa_key key;
static uint8_t digest[32], output[SIZE], expected[SIZE];

/* The test key, as the library has them. */
static void take_key(enum pluton_rsa_key_kind kind)
{
	uint8_t parts[RSA_TEST_KEY_SIZE];
	uint8_t *const halves[] = {key.prime1, key.prime2, key.exponent1, key.exponent2,
				   key.coefficient};

	rsa_test_key(parts);
	key = (struct pluton_rsa_key){.kind = kind, .size = SIZE, .exponent = 65537};
	memcpy(key.modulus, parts, SIZE);
	if (kind >= PLUTON_RSA_PRIVATE)
		memcpy(key.private_exponent, parts + SIZE + 8, SIZE);
	for (size_t i = 0; kind == PLUTON_RSA_CRT && i < 5; i++)
		memcpy(halves[i], parts + 2 * SIZE + 8 + i * SIZE / 2, SIZE / 2);
}

static void begin(void)
{
	own_client_begin("[hil]\nchecker = yes\n");
	take_key(PLUTON_RSA_CRT);
	CU_ASSERT_EQUAL_FATAL(
		pluton_digest(pluton, &(struct pluton_digest_request){.algorithm = PLUTON_SHA256,
								      .input = "abc",
								      .length = 3,
								      .digest = digest,
								      .digest_size = 32}),
		0);
}

static struct pluton_rsa_request signature_request(enum pluton_rsa_padding padding)
{
	memset(output, 0, sizeof(output));
	rsa_hex(rsa_test_pkcs1_signature, expected);
	return (struct pluton_rsa_request){
		.key = &key,
		.padding = padding,
		.hash = PLUTON_SHA256,
		.input = digest,
		.length = sizeof(digest),
		.output = output,
		.output_size = sizeof(output),
		.signature = padding == PLUTON_RSA_PSS ? output : expected,
		.signature_size = SIZE,
	};
}

static struct pluton_rsa_request cipher_request(enum pluton_rsa_padding padding, const void *input,
						size_t length)
{
	return (struct pluton_rsa_request){
		.key = &key,
		.padding = padding,
		.hash = padding == PLUTON_RSA_OAEP ? PLUTON_SHA256
						   : (enum pluton_digest_algorithm)0,
		.label = padding == PLUTON_RSA_OAEP ? "label" : NULL,
		.label_length = padding == PLUTON_RSA_OAEP ? 5 : 0,
		.input = input,
		.length = length,
		.output = output,
		.output_size = sizeof(output),
	};
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void test_each_kind_of_private_key_signs_and_the_public_one_verifies(void)
{
	struct pluton_rsa_request request;

	begin();
	for (enum pluton_rsa_key_kind kind = PLUTON_RSA_PRIVATE; kind <= PLUTON_RSA_CRT; kind++) {
		take_key(kind);
		request = signature_request(PLUTON_RSA_PKCS1);
		CU_ASSERT_EQUAL(pluton_rsa_sign(pluton, &request), 0);
		CU_ASSERT_EQUAL(memcmp(output, expected, SIZE), 0);
		request = signature_request(PLUTON_RSA_PSS);
		CU_ASSERT_EQUAL(pluton_rsa_sign(pluton, &request), 0);
		take_key(PLUTON_RSA_PUBLIC);
		CU_ASSERT_EQUAL(pluton_rsa_verify(pluton, &request), 0);
		output[7] ^= 1;
		CU_ASSERT_EQUAL(pluton_rsa_verify(pluton, &request), -PLUTON_EINVAL);
		CU_ASSERT_TRUE(said("the signature does not match"));
	}
	own_client_end();
}

static void test_a_salt_is_as_long_as_was_asked_for(void)
{
	static const int salts[] = {PLUTON_RSA_SALT_DIGEST, PLUTON_RSA_SALT_NONE, 5, 100};
	struct pluton_rsa_request request;

	begin();
	for (size_t i = 0; i < 4; i++) {
		request = signature_request(PLUTON_RSA_PSS);
		request.salt = salts[i];
		request.mgf_hash = PLUTON_SHA1;
		CU_ASSERT_EQUAL(pluton_rsa_sign(pluton, &request), 0);
		CU_ASSERT_EQUAL(pluton_rsa_verify(pluton, &request), 0);
		request.salt = PLUTON_RSA_SALT_ANY;
		CU_ASSERT_EQUAL(pluton_rsa_verify(pluton, &request), 0);
		request.salt = 6;
		CU_ASSERT_EQUAL(pluton_rsa_verify(pluton, &request), -PLUTON_EINVAL);
		request.salt = salts[i];
		request.mgf_hash = 0;
		CU_ASSERT_EQUAL(pluton_rsa_verify(pluton, &request), -PLUTON_EINVAL);
	}
	own_client_end();
}

static void test_what_is_encrypted_is_decrypted_with_its_length(void)
{
	uint8_t ciphertext[SIZE];
	struct pluton_rsa_request request;
	size_t length = 999;

	begin();
	for (enum pluton_rsa_padding padding = PLUTON_RSA_PKCS1; padding <= PLUTON_RSA_OAEP;
	     padding += 2) {
		for (size_t size = 0; size <= 20; size += 10) {
			request = cipher_request(padding, "twenty bytes of text", size);
			CU_ASSERT_EQUAL(pluton_rsa_encrypt(pluton, &request), 0);
			memcpy(ciphertext, output, SIZE);
			request = cipher_request(padding, ciphertext, SIZE);
			CU_ASSERT_EQUAL(pluton_rsa_decrypt(pluton, &request, &length), 0);
			CU_ASSERT_EQUAL(length, size);
			CU_ASSERT_EQUAL(memcmp(output, "twenty bytes of text", size), 0);
		}
	}
	own_client_end();
}

static void test_a_failed_decryption_leaves_output_and_length_alone(void)
{
	uint8_t ciphertext[SIZE], before[SIZE];
	struct pluton_rsa_request request;
	size_t length = 999;

	begin();
	rsa_hex(rsa_test_oaep, ciphertext);
	ciphertext[50] ^= 1;
	request = cipher_request(PLUTON_RSA_OAEP, ciphertext, SIZE);
	memset(output, 0xaa, sizeof(output));
	memset(before, 0xaa, sizeof(before));
	CU_ASSERT_EQUAL(pluton_rsa_decrypt(pluton, &request, &length), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(said("it does not decrypt"));
	CU_ASSERT_EQUAL(length, 999);
	CU_ASSERT_EQUAL(memcmp(output, before, SIZE), 0);
	request.output_size = SIZE - 2 * 32 - 3;
	CU_ASSERT_EQUAL(pluton_rsa_decrypt(pluton, &request, &length), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(said("room for 189 bytes of output, 190 needed"));
	own_client_end();
}

static void test_exponentiation_is_that_of_another_implementation(void)
{
	uint8_t number[SIZE] = {[SIZE - 1] = 2};
	struct pluton_rsa_request request = {.key = &key,
					     .input = number,
					     .length = SIZE,
					     .output = output,
					     .output_size = SIZE};

	begin();
	rsa_hex(rsa_test_root_of_two, expected);
	CU_ASSERT_EQUAL(pluton_rsa_private(pluton, &request), 0);
	CU_ASSERT_EQUAL(memcmp(output, expected, SIZE), 0);
	request.input = expected;
	CU_ASSERT_EQUAL(pluton_rsa_public(pluton, &request), 0);
	CU_ASSERT_EQUAL(memcmp(output, number, SIZE), 0);
	request.input = key.modulus;
	CU_ASSERT_EQUAL(pluton_rsa_public(pluton, &request), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(said("not smaller than the modulus"));
	own_client_end();
}

static void test_keys_that_are_none_are_refused_with_a_sentence(void)
{
	struct pluton_rsa_request request;

	begin();
	request = signature_request(PLUTON_RSA_PKCS1);
	request.key = NULL;
	CU_ASSERT_EQUAL(pluton_rsa_sign(pluton, &request), -PLUTON_EINVAL);
	request.key = &key;
	take_key(PLUTON_RSA_PUBLIC);
	CU_ASSERT_EQUAL(pluton_rsa_sign(pluton, &request), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(said("the key is public"));
	key.kind = 0;
	CU_ASSERT_EQUAL(pluton_rsa_verify(pluton, &request), -PLUTON_EINVAL);
	take_key(PLUTON_RSA_CRT);
	key.size = 255;
	CU_ASSERT_EQUAL(pluton_rsa_sign(pluton, &request), -PLUTON_ESIZE);
	take_key(PLUTON_RSA_CRT);
	key.exponent = 65536;
	CU_ASSERT_EQUAL(pluton_rsa_verify(pluton, &request), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(said("the public exponent is even"));
	take_key(PLUTON_RSA_CRT);
	key.prime1[3] ^= 1;
	CU_ASSERT_EQUAL(pluton_rsa_sign(pluton, &request), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(said("do not multiply"));
	CU_ASSERT_EQUAL(pluton_rsa_generate(pluton, 1000, 0, &key), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(pluton_rsa_generate(pluton, 2048, 65536, &key), -PLUTON_EINVAL);
	own_client_end();
}

static void test_what_a_padding_does_not_have_is_refused_and_not_ignored(void)
{
	struct pluton_rsa_request request;
	uint8_t ciphertext[SIZE];
	size_t length;

	begin();
	take_key(PLUTON_RSA_CRT);
	request = signature_request(PLUTON_RSA_PKCS1);
	request.salt = 20;
	CU_ASSERT_EQUAL(pluton_rsa_sign(pluton, &request), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(said("only PSS has one"));
	request = signature_request(PLUTON_RSA_PKCS1);
	request.mgf_hash = PLUTON_SHA256;
	CU_ASSERT_EQUAL(pluton_rsa_verify(pluton, &request), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(said("has no MGF1"));
	request = cipher_request(PLUTON_RSA_OAEP, "x", 1);
	request.salt = PLUTON_RSA_SALT_NONE;
	CU_ASSERT_EQUAL(pluton_rsa_encrypt(pluton, &request), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(said("only PSS has one"));
	request.salt = 0;
	request.mgf_hash = PLUTON_SHA1;
	CU_ASSERT_EQUAL(pluton_rsa_encrypt(pluton, &request), 0);
	memcpy(ciphertext, output, SIZE);
	request = cipher_request(PLUTON_RSA_OAEP, ciphertext, SIZE);
	CU_ASSERT_EQUAL(pluton_rsa_decrypt(pluton, &request, &length), -PLUTON_EINVAL);
	request.mgf_hash = PLUTON_SHA1;
	CU_ASSERT_EQUAL(pluton_rsa_decrypt(pluton, &request, &length), 0);
	CU_ASSERT_EQUAL(length, 1);
	own_client_end();
}

static void test_a_new_key_works_and_is_wiped(void)
{
	static const struct pluton_rsa_key nothing;
	struct pluton_rsa_request request;

	begin();
	CU_ASSERT_EQUAL(pluton_rsa_generate(pluton, 2048, 0, &key), 0);
	CU_ASSERT_TRUE(key.kind == PLUTON_RSA_CRT && key.size == 256 && key.exponent == 65537);
	request = signature_request(PLUTON_RSA_PSS);
	CU_ASSERT_EQUAL(pluton_rsa_sign(pluton, &request), 0);
	CU_ASSERT_EQUAL(pluton_rsa_verify(pluton, &request), 0);
	pluton_rsa_key_wipe(&key);
	CU_ASSERT_EQUAL(memcmp(&key, &nothing, sizeof(key)), 0);
	pluton_rsa_key_wipe(NULL);
	own_client_end();
}

/* --- not waiting ------------------------------------------------------------------------------ */

static int done_status[MANY + 2];

static void begin_async(void)
{
	begin();
	done_count = 0;
	for (unsigned i = 0; i < MANY + 2; i++)
		done_status[i] = 1;
}

static void test_asynchronous_calls_need_request_and_key_no_more(void)
{
	static uint8_t results[4][SIZE];
	uint8_t ciphertext[SIZE];
	struct pluton_rsa_request request;
	size_t length = 0;

	begin_async();
	request = signature_request(PLUTON_RSA_PKCS1);
	request.output = results[0];
	CU_ASSERT_EQUAL(pluton_rsa_sign_async(pluton, &request, note, &done_status[0], NULL), 0);
	CU_ASSERT_EQUAL(pluton_rsa_verify_async(pluton, &request, note, &done_status[1], NULL), 0);
	rsa_hex(rsa_test_oaep, ciphertext);
	request = cipher_request(PLUTON_RSA_OAEP, ciphertext, SIZE);
	request.output = results[1];
	CU_ASSERT_EQUAL(
		pluton_rsa_decrypt_async(pluton, &request, &length, note, &done_status[2], NULL),
		0);
	request = cipher_request(PLUTON_RSA_PKCS1, "abc", 3);
	request.output = results[2];
	CU_ASSERT_EQUAL(pluton_rsa_encrypt_async(pluton, &request, note, &done_status[3], NULL), 0);
	memset(&request, 0xee, sizeof(request));
	pluton_rsa_key_wipe(&key);
	wait_for(4);
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(done_status[i], 0);
	CU_ASSERT_EQUAL(memcmp(results[0], expected, SIZE), 0);
	CU_ASSERT_TRUE(length == 11 && memcmp(results[1], "Hello World", 11) == 0);
	own_client_end();
}

static void test_raw_calls_need_not_be_waited_for_either(void)
{
	static uint8_t number[SIZE] = {[SIZE - 1] = 2};
	struct pluton_rsa_request request = {.key = &key,
					     .input = number,
					     .length = SIZE,
					     .output = output,
					     .output_size = SIZE};

	begin_async();
	rsa_hex(rsa_test_root_of_two, expected);
	CU_ASSERT_EQUAL(pluton_rsa_private_async(pluton, &request, note, &done_status[0], NULL), 0);
	wait_for(1);
	CU_ASSERT_TRUE(done_status[0] == 0 && memcmp(output, expected, SIZE) == 0);
	request.input = expected;
	CU_ASSERT_EQUAL(pluton_rsa_public_async(pluton, &request, note, &done_status[1], NULL), 0);
	wait_for(2);
	CU_ASSERT_TRUE(done_status[1] == 0 && memcmp(output, number, SIZE) == 0);
	own_client_end();
}

static void test_a_key_is_made_while_many_others_are_served(void)
{
	static uint8_t signatures[MANY][SIZE];
	static struct pluton_rsa_key made;
	struct pluton_rsa_request request;
	pluton_operation_id id;

	begin_async();
	CU_ASSERT_EQUAL(
		pluton_rsa_generate_async(pluton, 4096, 0, &made, note, &done_status[MANY], &id),
		0);
	for (unsigned i = 0; i < MANY; i++) {
		request = signature_request(PLUTON_RSA_PKCS1);
		request.output = signatures[i];
		CU_ASSERT_EQUAL(
			pluton_rsa_sign_async(pluton, &request, note, &done_status[i], NULL), 0);
	}
	wait_for(MANY);
	(void)pluton_cancel(pluton, id);
	wait_for(MANY + 1);
	for (unsigned i = 0; i < MANY; i++)
		CU_ASSERT_TRUE(done_status[i] == 0 && !memcmp(signatures[i], expected, SIZE));
	CU_ASSERT_TRUE(done_status[MANY] == 0 || done_status[MANY] == -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(made.size, done_status[MANY] == 0 ? 512 : 0);
	own_client_end();
}

static void test_a_connection_closed_over_a_generation_frees_it(void)
{
	begin_async();
	CU_ASSERT_EQUAL(
		pluton_rsa_generate_async(pluton, 4096, 0, &key, note, &done_status[0], NULL), 0);
	pluton_dispatch(pluton);
	own_client_end();
	CU_ASSERT_EQUAL(done_count, 0);
}

static const struct test tests[] = {
	TEST(test_each_kind_of_private_key_signs_and_the_public_one_verifies),
	TEST(test_a_salt_is_as_long_as_was_asked_for),
	TEST(test_what_is_encrypted_is_decrypted_with_its_length),
	TEST(test_a_failed_decryption_leaves_output_and_length_alone),
	TEST(test_exponentiation_is_that_of_another_implementation),
	TEST(test_keys_that_are_none_are_refused_with_a_sentence),
	TEST(test_what_a_padding_does_not_have_is_refused_and_not_ignored),
	TEST(test_a_new_key_works_and_is_wiped),
	TEST(test_asynchronous_calls_need_request_and_key_no_more),
	TEST(test_raw_calls_need_not_be_waited_for_either),
	TEST(test_a_key_is_made_while_many_others_are_served),
	TEST(test_a_connection_closed_over_a_generation_frees_it),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "rsa", tests, TESTS_COUNT(tests));
}
