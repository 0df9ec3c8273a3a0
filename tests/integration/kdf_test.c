/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key derivation through libpluton and a plutond of the test's own, with the contract checker: each
 * method, synchronous and not, and what the library refuses itself. Known answers: RFC 5869 and
 * RFC 6070.
 */
#include <stdlib.h>
#include <string.h>

#include <pluton/kdf.h>

#include "tests/integration/own_client.h"
#include "tests/suite.h"

static uint8_t output[PLUTON_KDF_LENGTH_MAX];

static const uint8_t okm[42] = {0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90, 0x43, 0x4f,
				0x64, 0xd0, 0x36, 0x2f, 0x2a, 0x2d, 0x2d, 0x0a, 0x90, 0xcf, 0x1a,
				0x5a, 0x4c, 0x5d, 0xb0, 0x2d, 0x56, 0xec, 0xc4, 0xc5, 0xbf, 0x34,
				0x00, 0x72, 0x08, 0xd5, 0xb8, 0x87, 0x18, 0x58, 0x65};
static const uint8_t stretched[20] = {0x4b, 0x00, 0x79, 0x01, 0xb7, 0x65, 0x48, 0x9a, 0xbe, 0xad,
				      0x49, 0xd9, 0x26, 0xf7, 0x21, 0xd0, 0x65, 0xa4, 0x29, 0xc1};

static void begin(void)
{
	own_client_begin("[hil]\nchecker = yes\n");
	memset(output, 0, sizeof(output));
}

/* RFC 5869, A.1. */
static struct pluton_kdf_request hkdf_request(void)
{
	return (struct pluton_kdf_request){
		.method = PLUTON_KDF_HKDF,
		.prf = PLUTON_HMAC_SHA256,
		.key = "\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v",
		.key_size = 22,
		.salt = "\0\1\2\3\4\5\6\7\10\t\n\v\f",
		.salt_size = 13,
		.info = "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9",
		.info_size = 10,
		.output = output,
		.length = sizeof(okm),
	};
}

static struct pluton_kdf_request password_request(uint32_t iterations)
{
	return (struct pluton_kdf_request){
		.method = PLUTON_KDF_PBKDF2,
		.prf = PLUTON_HMAC_SHA1,
		.key = "password",
		.key_size = 8,
		.salt = "salt",
		.salt_size = 4,
		.iterations = iterations,
		.output = output,
		.length = sizeof(stretched),
	};
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void test_hkdf_whole_is_hkdf_in_two_steps(void)
{
	struct pluton_kdf_request request = hkdf_request();
	uint8_t prk[32];

	begin();
	CU_ASSERT_EQUAL(pluton_kdf(pluton, &request), 0);
	CU_ASSERT_EQUAL(memcmp(output, okm, sizeof(okm)), 0);
	memset(output, 0, sizeof(output));
	request.method = PLUTON_KDF_HKDF_EXTRACT;
	request.info_size = 0;
	request.output = prk;
	request.length = sizeof(prk);
	CU_ASSERT_EQUAL(pluton_kdf(pluton, &request), 0);
	request = hkdf_request();
	request.method = PLUTON_KDF_HKDF_EXPAND;
	request.key = prk;
	request.key_size = sizeof(prk);
	request.salt_size = 0;
	CU_ASSERT_EQUAL(pluton_kdf(pluton, &request), 0);
	CU_ASSERT_EQUAL(memcmp(output, okm, sizeof(okm)), 0);
	own_client_end();
}

static void test_the_longest_output_of_each_method_is_given(void)
{
	begin();
	for (enum pluton_kdf_method method = PLUTON_KDF_HKDF; method <= PLUTON_KDF_PBKDF2;
	     method++) {
		struct pluton_kdf_request request = hkdf_request();
		size_t max = pluton_kdf_length_max(method, PLUTON_HMAC_SHA512);

		request.method = method;
		request.prf = PLUTON_HMAC_SHA512;
		request.salt_size = request.info_size = 0;
		request.iterations = method == PLUTON_KDF_PBKDF2;
		request.length = max;
		CU_ASSERT_EQUAL(pluton_kdf(pluton, &request), 0);
		request.length = max + 1;
		CU_ASSERT_EQUAL(pluton_kdf(pluton, &request), -PLUTON_ESIZE);
	}
	CU_ASSERT_EQUAL(pluton_kdf_length_max(PLUTON_KDF_HKDF, PLUTON_HMAC_SHA1), 5100);
	CU_ASSERT_EQUAL(pluton_kdf_length_max(PLUTON_KDF_HKDF_EXTRACT, PLUTON_HMAC_SHA384), 48);
	CU_ASSERT_EQUAL(pluton_kdf_length_max(0, PLUTON_HMAC_SHA1), 0);
	CU_ASSERT_EQUAL(pluton_kdf_length_max(7, PLUTON_HMAC_SHA1), 0);
	CU_ASSERT_EQUAL(pluton_kdf_length_max(PLUTON_KDF_HKDF, 99), 0);
	own_client_end();
}

/* --- refusals --------------------------------------------------------------------------------- */

static void expect(const struct pluton_kdf_request *request, int error, const char *sentence)
{
	CU_ASSERT_EQUAL(pluton_kdf(pluton, request), error);
	CU_ASSERT_TRUE(said(sentence));
}

static void test_methods_and_prfs_that_there_are_not_are_nosupport(void)
{
	struct pluton_kdf_request request = hkdf_request();

	begin();
	request.method = 7;
	expect(&request, -PLUTON_ENOSUPPORT, "there is no key derivation 7");
	request = hkdf_request();
	request.prf = 9;
	expect(&request, -PLUTON_ENOSUPPORT, "there is no algorithm 9");
	request.prf = PLUTON_CMAC_AES;
	expect(&request, -PLUTON_ENOSUPPORT, "CMAC is for SP 800-108");
	own_client_end();
}

static void test_sizes_that_a_method_has_not_are_size(void)
{
	static const uint8_t long_text[1025];
	struct pluton_kdf_request request = hkdf_request();

	begin();
	request.label = "x";
	request.label_size = 1;
	expect(&request, -PLUTON_ESIZE, "this method has no label");
	request = hkdf_request();
	request.iterations = 1;
	expect(&request, -PLUTON_ESIZE, "iterations are for PBKDF2 only");
	request = hkdf_request();
	request.salt = long_text;
	request.salt_size = sizeof(long_text);
	expect(&request, -PLUTON_ESIZE, "salt of 1025 bytes: at most 1024");
	request = hkdf_request();
	request.key_size = 0;
	expect(&request, -PLUTON_ESIZE, "a key of 0 bytes");
	request = hkdf_request();
	request.method = PLUTON_KDF_SP800_108;
	request.prf = PLUTON_CMAC_AES;
	request.salt_size = 0;
	expect(&request, -PLUTON_ESIZE, "AES has 16, 24 and 32");
	request = hkdf_request();
	request.length = 0;
	expect(&request, -PLUTON_ESIZE, "output of 0 bytes");
	request = password_request(0);
	expect(&request, -PLUTON_ESIZE, "at least 1 iteration");
	request = password_request(10000001);
	expect(&request, -PLUTON_ESIZE, "pbkdf2_rounds_max");
	own_client_end();
}

/* --- not waiting ------------------------------------------------------------------------------ */

static void test_an_asynchronous_call_needs_its_request_no_more(void)
{
	struct pluton_kdf_request request = password_request(4096);
	int status = 1;

	begin();
	done_count = 0;
	CU_ASSERT_EQUAL(pluton_kdf_async(pluton, &request, note, &status, NULL), 0);
	memset(&request, 0xee, sizeof(request));
	wait_for(1);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_EQUAL(memcmp(output, stretched, sizeof(stretched)), 0);
	request = hkdf_request();
	request.length = 0;
	CU_ASSERT_EQUAL(pluton_kdf_async(pluton, &request, note, &status, NULL), -PLUTON_ESIZE);
	own_client_end();
}

static void test_many_iterations_can_be_cancelled_and_others_go_on_meanwhile(void)
{
	struct pluton_kdf_request request = password_request(10000000), other = hkdf_request();
	static uint8_t key[sizeof(okm)];
	pluton_operation_id id;
	int status = 1;

	begin();
	done_count = 0;
	CU_ASSERT_EQUAL(pluton_kdf_async(pluton, &request, note, &status, &id), 0);
	other.output = key;
	CU_ASSERT_EQUAL(pluton_kdf(pluton, &other), 0);
	CU_ASSERT_EQUAL(memcmp(key, okm, sizeof(okm)), 0);
	CU_ASSERT_EQUAL(done_count, 0);
	CU_ASSERT_EQUAL(pluton_cancel(pluton, id), 0);
	wait_for(1);
	CU_ASSERT_EQUAL(status, -PLUTON_ECANCEL);
	own_client_end();
}

static const struct test tests[] = {
	TEST(test_hkdf_whole_is_hkdf_in_two_steps),
	TEST(test_the_longest_output_of_each_method_is_given),
	TEST(test_methods_and_prfs_that_there_are_not_are_nosupport),
	TEST(test_sizes_that_a_method_has_not_are_size),
	TEST(test_an_asynchronous_call_needs_its_request_no_more),
	TEST(test_many_iterations_can_be_cancelled_and_others_go_on_meanwhile),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "kdf", tests, TESTS_COUNT(tests));
}
