/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rsa capsule as processes see it: signatures, ciphers and keys in records, wrong sizes refused
 * before an engine runs, a sentence for each bad key, and others who are served while a key is
 * made.
 */
#include <openssl/evp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/guests.h"
#include "tests/rsa_material.h"
#include "tests/suite.h"

enum { GENERATE = 1, SIGN, VERIFY, ENCRYPT, DECRYPT, PUBLIC, PRIVATE };
enum { KEY, PARAMETERS, LABEL, INPUT, OUTPUT, SIGNATURE };
enum { PKCS1 = 1, PSS = 2, OAEP = 3 };
enum { NONE = 0, SHA1 = 1, SHA256 = 3 };

#define SIZE RSA_TEST_SIZE
#define GENERATED_MAX (512u * 9 / 2 + 8)

static const char *const wide[] = {"kernel.inline_max=8192", NULL};
static const char *const checked[] = {"kernel.inline_max=8192", "hil.checker=yes", NULL};

static struct record answer;
static uint8_t inline_bytes[RECORD_INLINE_LIMIT];
static uint8_t key[RSA_TEST_KEY_SIZE];
static uint8_t digest[32];

static int perform(int fd, const struct record *record)
{
	return rig_perform(&rig, fd, record, &answer);
}

static bool output_is(const char *hex, size_t length)
{
	uint8_t bytes[SIZE];

	rsa_hex(hex, bytes);
	return answer.upcall.words[1] == length && answer.upcall.output_length >= length &&
	       memcmp(answer.upcall.output, bytes, length) == 0;
}

static int open_rsa(const char *const *settings)
{
	guests_open(settings);
	rsa_test_key(key);
	EVP_Digest("abc", 3, digest, NULL, EVP_sha256(), NULL);
	return guest_connect();
}

static struct record request(uint32_t command, uint32_t padding, uint32_t hash)
{
	bool is_private = command == SIGN || command == DECRYPT || command == PRIVATE;
	struct record record = rig_operation(1, RIG_RSA, command);

	record.operation.words[0] = padding;
	record.operation.words[1] = hash;
	rig_in(&record, KEY, inline_bytes, key,
	       is_private ? RSA_TEST_KEY_SIZE : RSA_TEST_PUBLIC_SIZE);
	return record;
}

static struct record sign_request(uint32_t padding)
{
	struct record record = request(SIGN, padding, SHA256);

	rig_in(&record, INPUT, inline_bytes, digest, sizeof(digest));
	rig_out(&record, SIGNATURE, SIZE);
	return record;
}

static int verify(int fd, uint32_t padding, const uint8_t *signature, uint16_t size)
{
	struct record record = request(VERIFY, padding, SHA256);

	rig_in(&record, INPUT, inline_bytes, digest, sizeof(digest));
	rig_in(&record, SIGNATURE, inline_bytes, signature, size);
	return perform(fd, &record);
}

static struct record decrypt_request(uint32_t padding, uint32_t hash, const char *ciphertext)
{
	struct record record = request(DECRYPT, padding, hash);
	uint8_t bytes[SIZE];

	rsa_hex(ciphertext, bytes);
	if (padding == OAEP)
		rig_in(&record, LABEL, inline_bytes, "label", 5);
	rig_in(&record, INPUT, inline_bytes, bytes, sizeof(bytes));
	rig_out(&record, OUTPUT, SIZE);
	return record;
}

/* --- what it gives ---------------------------------------------------------------------------- */

static void test_a_signature_is_that_of_another_implementation(void)
{
	int fd = open_rsa(checked);
	struct record record = sign_request(PKCS1);

	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_TRUE(output_is(rsa_test_pkcs1_signature, SIZE));
	guests_close();
}

static void test_a_key_of_three_parts_signs_too(void)
{
	int fd = open_rsa(checked);
	struct record record = rig_operation(1, RIG_RSA, SIGN);

	record.operation.words[0] = PKCS1;
	record.operation.words[1] = SHA256;
	rig_in(&record, KEY, inline_bytes, key, 2 * SIZE + 8);
	rig_in(&record, INPUT, inline_bytes, digest, sizeof(digest));
	rig_out(&record, SIGNATURE, SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_TRUE(output_is(rsa_test_pkcs1_signature, SIZE));
	guests_close();
}

static void test_signatures_verify_and_changed_ones_do_not(void)
{
	int fd = open_rsa(checked);
	uint8_t signature[SIZE];

	rsa_hex(rsa_test_pss_signature, signature);
	CU_ASSERT_EQUAL(verify(fd, PSS, signature, SIZE), 0);
	CU_ASSERT_EQUAL(verify(fd, PKCS1, signature, SIZE), -PLUTON_EINVAL);
	signature[SIZE - 1] ^= 1;
	CU_ASSERT_EQUAL(verify(fd, PSS, signature, SIZE), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(rig_says(&answer, "the signature does not match"));
	guests_close();
}

static void test_parameters_name_the_hash_of_mgf1_and_the_salt(void)
{
	static const uint8_t others[8] = {SHA1, 0, 0, 0, 7, 0, 0, 0};
	static const uint8_t any[8] = {SHA1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
	struct record record;
	uint8_t signature[SIZE];
	int fd = open_rsa(checked);

	record = request(SIGN, PSS, SHA256);
	rig_in(&record, PARAMETERS, inline_bytes, others, 8);
	rig_in(&record, INPUT, inline_bytes, digest, sizeof(digest));
	rig_out(&record, SIGNATURE, SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	memcpy(signature, answer.upcall.output, SIZE);
	CU_ASSERT_EQUAL(verify(fd, PSS, signature, SIZE), -PLUTON_EINVAL);
	record = request(VERIFY, PSS, SHA256);
	rig_in(&record, PARAMETERS, inline_bytes, any, 8);
	rig_in(&record, INPUT, inline_bytes, digest, sizeof(digest));
	rig_in(&record, SIGNATURE, inline_bytes, signature, SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	guests_close();
}

static void test_decryption_gives_the_message_and_its_length(void)
{
	int fd = open_rsa(checked);
	struct record record = decrypt_request(OAEP, SHA256, rsa_test_oaep);

	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_TRUE(output_is("48656c6c6f20576f726c64", 11));
	for (size_t i = 0; i < RSA_PKCS1_VECTORS; i++) {
		record = decrypt_request(PKCS1, NONE, rsa_pkcs1_vectors[i].ciphertext);
		CU_ASSERT_EQUAL(perform(fd, &record), 0);
		CU_ASSERT_TRUE(output_is(rsa_pkcs1_vectors[i].message,
					 strlen(rsa_pkcs1_vectors[i].message) / 2));
	}
	guests_close();
}

static void test_what_oaep_does_not_decrypt_is_inval_in_one_sentence(void)
{
	int fd = open_rsa(checked);
	struct record record = decrypt_request(OAEP, SHA1, rsa_test_oaep);

	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(rig_says(&answer, "it does not decrypt"));
	record = decrypt_request(OAEP, SHA256, rsa_pkcs1_vectors[0].ciphertext);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(rig_says(&answer, "it does not decrypt"));
	guests_close();
}

static void test_exponentiation_undoes_itself(void)
{
	int fd = open_rsa(checked);
	struct record record = request(PUBLIC, 0, 0);
	uint8_t number[SIZE];

	rsa_hex(rsa_test_root_of_two, number);
	rig_in(&record, INPUT, inline_bytes, number, SIZE);
	rig_out(&record, OUTPUT, SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	memcpy(number, answer.upcall.output, SIZE);
	CU_ASSERT_EQUAL(number[SIZE - 1], 2);
	record = request(PRIVATE, 0, 0);
	rig_in(&record, INPUT, inline_bytes, number, SIZE);
	rig_out(&record, OUTPUT, SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_TRUE(output_is(rsa_test_root_of_two, SIZE));
	guests_close();
}

/* --- what it refuses -------------------------------------------------------------------------- */

static void test_wrong_sizes_are_refused_before_the_engine_runs_with_both_numbers(void)
{
	int fd = open_rsa(wide);
	struct record record = rig_operation(1, RIG_RSA, SIGN);
	uint8_t signature[SIZE] = {0};

	rig_in(&record, KEY, inline_bytes, key, RSA_TEST_KEY_SIZE - 1);
	rig_in(&record, INPUT, inline_bytes, digest, sizeof(digest));
	rig_out(&record, SIGNATURE, SIZE);
	record.operation.words[0] = PKCS1;
	record.operation.words[1] = SHA256;
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, "key has 1159 bytes, which no private key has"));
	record = request(SIGN, PSS, SHA256);
	rig_in(&record, INPUT, inline_bytes, digest, 31);
	rig_out(&record, SIGNATURE, SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, "input has 31 bytes, sha256 has 32"));
	record = request(SIGN, PSS, SHA256);
	rig_in(&record, INPUT, inline_bytes, digest, 32);
	rig_out(&record, SIGNATURE, SIZE - 1);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, "signature has 255 bytes, needs 256"));
	CU_ASSERT_EQUAL(verify(fd, PSS, signature, SIZE - 1), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, "signature has 255 bytes, the key's have 256"));
	guests_close();
}

static void test_messages_that_are_too_long_and_rooms_too_short_are_size(void)
{
	int fd = open_rsa(wide);
	struct record record = request(ENCRYPT, PKCS1, NONE);
	static const uint8_t message[SIZE];

	rig_in(&record, INPUT, inline_bytes, message, SIZE - 10);
	rig_out(&record, OUTPUT, SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, "input has 246 bytes, pkcs1 takes at most 245"));
	record = request(DECRYPT, PKCS1, NONE);
	rig_in(&record, INPUT, inline_bytes, message, SIZE);
	rig_out(&record, OUTPUT, SIZE - 12);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, "output has 244 bytes, needs 245"));
	record = request(ENCRYPT, PKCS1, NONE);
	rig_in(&record, LABEL, inline_bytes, "x", 1);
	rig_out(&record, OUTPUT, SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(rig_says(&answer, "pkcs1 has no label"));
	guests_close();
}

static const uint8_t salty[8] = {SHA1, 0, 0, 0, 20, 0, 0, 0};

static void test_parameters_of_pkcs1_are_refused_and_not_ignored(void)
{
	static const uint8_t message[SIZE];
	int fd = open_rsa(wide);
	struct record record = request(SIGN, PKCS1, SHA256);

	rig_in(&record, PARAMETERS, inline_bytes, salty, 8);
	rig_in(&record, INPUT, inline_bytes, digest, sizeof(digest));
	rig_out(&record, SIGNATURE, SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(rig_says(&answer, "pkcs1 has no parameters: leave them out"));
	record = request(VERIFY, PKCS1, SHA256);
	rig_in(&record, PARAMETERS, inline_bytes, salty, 8);
	rig_in(&record, INPUT, inline_bytes, digest, sizeof(digest));
	rig_in(&record, SIGNATURE, inline_bytes, message, SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(rig_says(&answer, "pkcs1 has no parameters"));
	record = request(ENCRYPT, PKCS1, NONE);
	rig_in(&record, PARAMETERS, inline_bytes, salty, 8);
	rig_out(&record, OUTPUT, SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(rig_says(&answer, "pkcs1 has no parameters"));
	guests_close();
}

static void test_a_salt_for_oaep_is_refused_and_its_hash_of_mgf1_is_used(void)
{
	static const uint8_t unsalted[8] = {SHA1};
	int fd = open_rsa(wide);
	struct record record = request(ENCRYPT, OAEP, SHA256);
	uint8_t ciphertext[SIZE];

	rig_in(&record, PARAMETERS, inline_bytes, salty, 8);
	rig_out(&record, OUTPUT, SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(rig_says(&answer, "a salt of 20 bytes, oaep has none: write 0"));
	rsa_hex(rsa_test_oaep, ciphertext);
	record = request(DECRYPT, OAEP, SHA256);
	rig_in(&record, PARAMETERS, inline_bytes, unsalted, 8);
	rig_in(&record, LABEL, inline_bytes, "label", 5);
	rig_in(&record, INPUT, inline_bytes, ciphertext, SIZE);
	rig_out(&record, OUTPUT, SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(rig_says(&answer, "it does not decrypt"));
	guests_close();
}

static void test_words_that_do_not_go_together_are_nosupport_with_a_sentence(void)
{
	int fd = open_rsa(wide);
	struct record record = request(ENCRYPT, PKCS1, SHA256);

	rig_out(&record, OUTPUT, SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ENOSUPPORT);
	CU_ASSERT_TRUE(rig_says(&answer, "pkcs1 encryption has no hash"));
	record = request(SIGN, PSS, NONE);
	rig_in(&record, INPUT, inline_bytes, digest, 32);
	rig_out(&record, SIGNATURE, SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ENOSUPPORT);
	CU_ASSERT_TRUE(rig_says(&answer, "pss needs a hash"));
	record = rig_operation(1, RIG_RSA, GENERATE);
	record.operation.words[0] = 1024;
	rig_out(&record, KEY, RSA_TEST_KEY_SIZE);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ENOSUPPORT);
	CU_ASSERT_TRUE(rig_says(&answer, "no rsa engine makes keys of 1024 bits"));
	record.operation.words[0] = 2048;
	record.operation.words[1] = 3;
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(
		rig_says(&answer, "a public exponent of 3: it must be odd and at least 65537"));
	record.operation.words[0] = 2049;
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	guests_close();
}

static void test_each_bad_key_is_inval_with_its_own_sentence(void)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *sentence;
	} bad[] = {
		{SIZE - 1, 0x68, "the modulus is even"},
		{0, 0x48, "its highest bit is not set"},
		{SIZE + 7, 0, "the public exponent is even"},
		{SIZE + 7, 3, "the parts of the key do not belong together"},
		{2 * SIZE + 8, 0x11, "the primes of the key do not multiply to its modulus"},
	};
	int fd = open_rsa(checked);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct record record;

		rsa_test_key(key);
		key[bad[i].at] = bad[i].value;
		record = sign_request(PKCS1);
		CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_EINVAL);
		CU_ASSERT_TRUE(rig_says(&answer, bad[i].sentence));
	}
	guests_close();
}

static void test_a_client_that_dies_over_a_signature_leaves_nothing(void)
{
	struct record record = rig_operation(1, RIG_RSA, SIGN);
	uint8_t *memory;
	uint32_t window;
	int fd = open_rsa(wide);

	window = rig_window(&rig, fd, 4096, &memory);
	memcpy(memory, key, sizeof(key));
	record.operation.words[0] = PKCS1;
	record.operation.words[1] = SHA256;
	rig_range(&record, KEY, window, 0, RSA_TEST_KEY_SIZE);
	rig_in(&record, INPUT, inline_bytes, digest, 32);
	rig_out(&record, SIGNATURE, SIZE);
	rig_send(fd, &record, -1);
	munmap(memory, 4096);
	guests_close(); /* the process dies meanwhile: all is accounted for */
}

/* --- keys that are made ----------------------------------------------------------------------- */

static struct record generate_request(uint32_t op_id, uint32_t bits)
{
	struct record record = rig_operation(op_id, RIG_RSA, GENERATE);

	record.operation.words[0] = bits;
	rig_out(&record, KEY, (uint16_t)(bits / 8 * 9 / 2 + 8));
	return record;
}

static void test_a_key_that_was_made_signs_and_verifies(void)
{
	int fd = open_rsa(checked);
	struct record record = generate_request(1, 2048);
	uint8_t signature[SIZE];

	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], RSA_TEST_KEY_SIZE);
	memcpy(key, answer.upcall.output, sizeof(key));
	record = sign_request(PSS);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	memcpy(signature, answer.upcall.output, SIZE);
	CU_ASSERT_EQUAL(verify(fd, PSS, signature, SIZE), 0);
	guests_close();
}

static void cancel(int fd, uint32_t op_id)
{
	const struct record record = {.header = {.type = RECORD_CANCEL, .op_id = op_id}};

	rig_send(fd, &record, -1);
}

/* Random numbers, digests and signatures: none waits for the key. */
static void test_requests_are_answered_while_another_clients_key_is_made(void)
{
	int maker = open_rsa(wide), other = guest_connect();
	struct record generation = generate_request(9, 4096);
	struct record random = rig_operation(2, RIG_RNG, 1), record;

	rig_send(maker, &generation, -1);
	rig_out(&random, 0, 32);
	for (unsigned i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(perform(other, &random), 0);
		record = sign_request(PKCS1);
		CU_ASSERT_EQUAL(perform(other, &record), 0);
		CU_ASSERT_TRUE(output_is(rsa_test_pkcs1_signature, SIZE));
	}
	cancel(maker, 9);
	CU_ASSERT_TRUE(rig_receive(&rig, maker, &answer));
	CU_ASSERT_EQUAL(answer.header.op_id, 9);
	CU_ASSERT_TRUE(rig_status(&answer) == -PLUTON_ECANCEL || rig_status(&answer) == 0);
	guests_close();
}

static void test_a_generation_is_cancelled_and_by_its_clients_death_too(void)
{
	int fd = open_rsa(wide);
	struct record record = generate_request(5, 4096);

	rig_send(fd, &record, -1);
	for (unsigned i = 0; i < 10; i++)
		rig_turn(&rig);
	cancel(fd, 5);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ECANCEL);
	rig_send(fd, &record, -1);
	for (unsigned i = 0; i < 10; i++)
		rig_turn(&rig);
	guests_close();
}

static void test_two_clients_make_keys_at_once(void)
{
	int fds[2] = {open_rsa(checked), guest_connect()};
	struct record record = generate_request(1, 2048);
	uint8_t moduli[2][SIZE];

	for (unsigned i = 0; i < 2; i++)
		rig_send(fds[i], &record, -1);
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT_TRUE(rig_receive(&rig, fds[i], &answer));
		CU_ASSERT_EQUAL(rig_status(&answer), 0);
		memcpy(moduli[i], answer.upcall.output, SIZE);
	}
	CU_ASSERT_NOT_EQUAL(memcmp(moduli[0], moduli[1], SIZE), 0);
	guests_close();
}

static const struct test tests[] = {
	TEST(test_a_signature_is_that_of_another_implementation),
	TEST(test_a_key_of_three_parts_signs_too),
	TEST(test_signatures_verify_and_changed_ones_do_not),
	TEST(test_parameters_name_the_hash_of_mgf1_and_the_salt),
	TEST(test_decryption_gives_the_message_and_its_length),
	TEST(test_what_oaep_does_not_decrypt_is_inval_in_one_sentence),
	TEST(test_exponentiation_undoes_itself),
	TEST(test_wrong_sizes_are_refused_before_the_engine_runs_with_both_numbers),
	TEST(test_messages_that_are_too_long_and_rooms_too_short_are_size),
	TEST(test_parameters_of_pkcs1_are_refused_and_not_ignored),
	TEST(test_a_salt_for_oaep_is_refused_and_its_hash_of_mgf1_is_used),
	TEST(test_words_that_do_not_go_together_are_nosupport_with_a_sentence),
	TEST(test_each_bad_key_is_inval_with_its_own_sentence),
	TEST(test_a_client_that_dies_over_a_signature_leaves_nothing),
	TEST(test_a_key_that_was_made_signs_and_verifies),
	TEST(test_requests_are_answered_while_another_clients_key_is_made),
	TEST(test_a_generation_is_cancelled_and_by_its_clients_death_too),
	TEST(test_two_clients_make_keys_at_once),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "capsules rsa", tests, TESTS_COUNT(tests));
}
