/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kdf capsule as processes see it: each method in records and windows, what is refused and with
 * which sentence, and others who are served while a password is stretched. Known answers: RFC 5869,
 * RFC 6070, and OpenSSL's KBKDF.
 */
#include <string.h>
#include <sys/mman.h>

#include "tests/guests.h"
#include "tests/suite.h"

enum { HKDF = 1, EXTRACT, EXPAND, COUNTER, FIXED, PBKDF2 };
enum { KEY, SALT, LABEL, INFO, OUTPUT };
enum { SHA1 = 1, SHA256 = 3, CMAC = 24 };

static const char *const checked[] = {"hil.checker=yes", NULL};
static const char *const narrow[] = {"hil.pbkdf2_rounds_max=5000", NULL};

static struct record answer;
static uint8_t inline_bytes[RECORD_INLINE_LIMIT];

/* RFC 5869, A.1. */
static const uint8_t ikm[22] = {11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
				11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11};
static const uint8_t salt[13] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const uint8_t info[10] = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9};
static const uint8_t prk[32] = {0x07, 0x77, 0x09, 0x36, 0x2c, 0x2e, 0x32, 0xdf, 0x0d, 0xdc, 0x3f,
				0x0d, 0xc4, 0x7b, 0xba, 0x63, 0x90, 0xb6, 0xc7, 0x3b, 0xb5, 0x0f,
				0x9c, 0x31, 0x22, 0xec, 0x84, 0x4a, 0xd7, 0xc2, 0xb3, 0xe5};
static const uint8_t okm[42] = {0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90, 0x43, 0x4f,
				0x64, 0xd0, 0x36, 0x2f, 0x2a, 0x2d, 0x2d, 0x0a, 0x90, 0xcf, 0x1a,
				0x5a, 0x4c, 0x5d, 0xb0, 0x2d, 0x56, 0xec, 0xc4, 0xc5, 0xbf, 0x34,
				0x00, 0x72, 0x08, 0xd5, 0xb8, 0x87, 0x18, 0x58, 0x65};
/* RFC 6070, the second. */
static const uint8_t stretched[20] = {0xea, 0x6c, 0x01, 0x4d, 0xc7, 0x2d, 0x6f, 0x8c, 0xcd, 0x1e,
				      0xd9, 0x2a, 0xce, 0x1d, 0x41, 0xf0, 0xd8, 0xde, 0x89, 0x57};
/* openssl kdf KBKDF, HMAC with SHA-256, key: ikm, salt: "a", info: "b". */
static const uint8_t counted[32] = {0xe5, 0x11, 0x6f, 0x95, 0x66, 0xf6, 0x14, 0x57,
				    0xdb, 0xdc, 0x55, 0x2b, 0x4f, 0xc8, 0x03, 0x16,
				    0x58, 0xbb, 0x62, 0x44, 0x82, 0xed, 0xe4, 0x83,
				    0x10, 0x10, 0x01, 0xb5, 0x06, 0xd4, 0x62, 0x0e};

static int perform(int fd, const struct record *record)
{
	return rig_perform(&rig, fd, record, &answer);
}

static bool answer_is(const uint8_t *bytes, size_t size)
{
	return answer.upcall.output_length == size && answer.upcall.words[1] == size &&
	       memcmp(answer.upcall.output, bytes, size) == 0;
}

/* Without its output, which comes behind everything that goes in. */
static struct record begun(uint32_t command, uint32_t prf)
{
	struct record record = rig_operation(1, RIG_KDF, command);

	record.operation.words[0] = prf;
	rig_in(&record, KEY, inline_bytes, ikm, sizeof(ikm));
	return record;
}

static struct record request(uint32_t command, uint32_t prf, uint16_t length)
{
	struct record record = begun(command, prf);

	rig_out(&record, OUTPUT, length);
	return record;
}

static struct record password_request(uint32_t iterations, uint16_t length)
{
	struct record record = rig_operation(1, RIG_KDF, PBKDF2);

	record.operation.words[0] = SHA1;
	record.operation.words[1] = iterations;
	rig_in(&record, KEY, inline_bytes, "password", 8);
	rig_in(&record, SALT, inline_bytes, "salt", 4);
	rig_out(&record, OUTPUT, length);
	return record;
}

/* --- what it gives ---------------------------------------------------------------------------- */

static void test_hkdf_is_that_of_the_standard_whole_and_in_two_steps(void)
{
	struct record record;
	int fd;

	guests_open(checked);
	fd = guest_connect();
	record = begun(HKDF, SHA256);
	rig_in(&record, SALT, inline_bytes, salt, sizeof(salt));
	rig_in(&record, INFO, inline_bytes, info, sizeof(info));
	rig_out(&record, OUTPUT, sizeof(okm));
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_TRUE(answer_is(okm, sizeof(okm)));
	record = begun(EXTRACT, SHA256);
	rig_in(&record, SALT, inline_bytes, salt, sizeof(salt));
	rig_out(&record, OUTPUT, sizeof(prk));
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_TRUE(answer_is(prk, sizeof(prk)));
	record = rig_operation(1, RIG_KDF, EXPAND);
	record.operation.words[0] = SHA256;
	rig_in(&record, KEY, inline_bytes, prk, sizeof(prk));
	rig_in(&record, INFO, inline_bytes, info, sizeof(info));
	rig_out(&record, OUTPUT, sizeof(okm));
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_TRUE(answer_is(okm, sizeof(okm)));
	guests_close();
}

static void test_the_counter_mode_is_openssls_and_its_fixed_input_can_be_ones_own(void)
{
	static const uint8_t fixed[] = {'a', 0, 'b', 0, 0, 1, 0};
	struct record record;
	int fd;

	guests_open(checked);
	fd = guest_connect();
	record = begun(COUNTER, SHA256);
	rig_in(&record, LABEL, inline_bytes, "a", 1);
	rig_in(&record, INFO, inline_bytes, "b", 1);
	rig_out(&record, OUTPUT, sizeof(counted));
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_TRUE(answer_is(counted, sizeof(counted)));
	record = begun(FIXED, SHA256);
	rig_in(&record, INFO, inline_bytes, fixed, sizeof(fixed));
	rig_out(&record, OUTPUT, sizeof(counted));
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_TRUE(answer_is(counted, sizeof(counted)));
	guests_close();
}

static void test_a_password_is_stretched_as_the_standard_says(void)
{
	struct record record;
	int fd;

	guests_open(checked);
	fd = guest_connect();
	record = password_request(2, sizeof(stretched));
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_TRUE(answer_is(stretched, sizeof(stretched)));
	guests_close();
}

static void test_a_key_goes_from_window_to_window(void)
{
	struct record record = rig_operation(1, RIG_KDF, HKDF);
	uint8_t *memory;
	uint32_t window;
	int fd;

	guests_open(checked);
	fd = guest_connect();
	window = rig_window(&rig, fd, 4096, &memory);
	memcpy(memory + 3, ikm, sizeof(ikm));
	memcpy(memory + 100, salt, sizeof(salt));
	memcpy(memory + 200, info, sizeof(info));
	record.operation.words[0] = SHA256;
	rig_range(&record, KEY, window, 3, sizeof(ikm));
	rig_range(&record, SALT, window, 100, sizeof(salt));
	rig_range(&record, INFO, window, 200, sizeof(info));
	rig_range(&record, OUTPUT, window, 4096 - sizeof(okm), sizeof(okm));
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_EQUAL(memcmp(memory + 4096 - sizeof(okm), okm, sizeof(okm)), 0);
	munmap(memory, 4096);
	guests_close();
}

/* --- what it refuses -------------------------------------------------------------------------- */

static void expect_size(int fd, struct record record, const char *sentence)
{
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, sentence));
}

static void test_wrong_sizes_are_size_with_a_sentence(void)
{
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	expect_size(fd, request(EXTRACT, SHA256, 31),
		    "output has 31 bytes, an extraction with sha256 gives 32");
	expect_size(fd, request(COUNTER, CMAC, 16), "key has 22 bytes, AES needs 16, 24 or 32");
	expect_size(fd, password_request(0, 20), "0 iterations, PBKDF2 needs at least 1");
	guests_close();
}

static void test_an_output_that_hkdf_cannot_have_is_size_with_the_most_it_has(void)
{
	struct record record = request(HKDF, SHA1, 1);
	uint8_t *memory;
	uint32_t window;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	window = rig_window(&rig, fd, 8192, &memory);
	rig_range(&record, OUTPUT, window, 0, 255 * 20);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	rig_range(&record, OUTPUT, window, 0, 255 * 20 + 1);
	expect_size(fd, record, "output has 5101 bytes, HKDF gives at most 5100");
	munmap(memory, 8192);
	guests_close();
}

static void test_more_rounds_than_the_configuration_allows_are_size_with_its_key(void)
{
	struct record record;
	int fd;

	guests_open(narrow);
	fd = guest_connect();
	record = password_request(2500, 40);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	expect_size(fd, password_request(2501, 40),
		    "5002 iterations for all blocks of output, the limit is 5000 "
		    "(pbkdf2_rounds_max)");
	guests_close();
}

/* Backends, the rounds that are done and what is said of one more. */
static void check_rounds(const char *backends, const char *configured, uint32_t limit,
			 const char *sentence)
{
	const char *const settings[] = {backends, configured, NULL};
	struct record record = password_request(limit, 20);
	int fd;

	guests_open(settings);
	fd = guest_connect();
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	expect_size(fd, password_request(limit + 1, 20), sentence);
	guests_close();
}

static void test_the_limit_of_rounds_that_is_named_is_the_one_that_holds(void)
{
	check_rounds("hil.kdf=stacked", NULL, 10000,
		     "10001 iterations for all blocks of output, the kdf engine stacked does 10000 "
		     "at most");
	check_rounds("hil.kdf=stacked", "hil.pbkdf2_rounds_max=5000", 5000,
		     "the limit is 5000 (pbkdf2_rounds_max)");
	check_rounds("hil.kdf=openssl,stacked", "hil.pbkdf2_rounds_max=20000", 20000,
		     "20001 iterations for all blocks of output, the limit is 20000 "
		     "(pbkdf2_rounds_max)");
}

static void test_a_prf_that_a_method_has_not_is_inval(void)
{
	static const uint32_t wrong[] = {0, 9, 23, 25, UINT32_MAX};
	struct record record;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		record = request(COUNTER, wrong[i], 16);
		CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
		CU_ASSERT_TRUE(rig_says(&answer, "prf"));
	}
	record = request(HKDF, CMAC, 16);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(rig_says(&answer, "hash"));
	guests_close();
}

static void test_a_slot_that_a_method_has_not_is_refused(void)
{
	struct record record;
	int fd;

	guests_open(NULL);
	fd = guest_connect();
	record = begun(COUNTER, SHA256);
	rig_in(&record, SALT, inline_bytes, salt, sizeof(salt));
	rig_out(&record, OUTPUT, 16);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
	record = begun(HKDF, SHA256);
	rig_in(&record, LABEL, inline_bytes, "x", 1);
	rig_out(&record, OUTPUT, 16);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
	guests_close();
}

/* --- many rounds ------------------------------------------------------------------------------ */

static void cancel(int fd, uint32_t op_id)
{
	const struct record record = {.header = {.type = RECORD_CANCEL, .op_id = op_id}};

	rig_send(fd, &record, -1);
}

static void test_others_are_served_while_a_password_is_stretched_and_it_can_be_cancelled(void)
{
	struct record record = password_request(10000000, 20), other;
	int fd, others;

	guests_open(NULL);
	fd = guest_connect();
	others = guest_connect();
	record.header.op_id = 9;
	rig_send(fd, &record, -1);
	for (unsigned i = 0; i < 10; i++) {
		other = password_request(2, sizeof(stretched));
		CU_ASSERT_EQUAL(perform(others, &other), 0);
		CU_ASSERT_TRUE(answer_is(stretched, sizeof(stretched)));
	}
	cancel(fd, 9);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(answer.header.op_id, 9);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ECANCEL);
	guests_close();
}

static void test_a_client_that_dies_over_a_password_leaves_nothing(void)
{
	struct record record = password_request(10000000, 20);
	int fd;

	guests_open(checked);
	fd = guest_connect();
	rig_send(fd, &record, -1);
	for (unsigned i = 0; i < 10; i++)
		rig_turn(&rig);
	guests_close(); /* the process dies meanwhile: all is accounted for */
}

static const struct test tests[] = {
	TEST(test_hkdf_is_that_of_the_standard_whole_and_in_two_steps),
	TEST(test_the_counter_mode_is_openssls_and_its_fixed_input_can_be_ones_own),
	TEST(test_a_password_is_stretched_as_the_standard_says),
	TEST(test_a_key_goes_from_window_to_window),
	TEST(test_wrong_sizes_are_size_with_a_sentence),
	TEST(test_an_output_that_hkdf_cannot_have_is_size_with_the_most_it_has),
	TEST(test_more_rounds_than_the_configuration_allows_are_size_with_its_key),
	TEST(test_the_limit_of_rounds_that_is_named_is_the_one_that_holds),
	TEST(test_a_prf_that_a_method_has_not_is_inval),
	TEST(test_a_slot_that_a_method_has_not_is_refused),
	TEST(test_others_are_served_while_a_password_is_stretched_and_it_can_be_cancelled),
	TEST(test_a_client_that_dies_over_a_password_leaves_nothing),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "capsules kdf", tests, TESTS_COUNT(tests));
}
