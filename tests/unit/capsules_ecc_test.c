/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ecc capsule as processes see it: every curve, wrong sizes and what is none, and a process
 * that changes its message while it is signed, at every access and all the time.
 */
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "hil/ecc.h"
#include "tests/guests.h"
#include "tests/suite.h"

enum { GENERATE = 1, PUBLIC, SIGN, VERIFY, AGREE };
enum { SLOT_KEY, SLOT_PUBLIC, SLOT_INPUT, SLOT_SIGNATURE, SLOT_SECRET };

#define PAGE 4096u

/* The window: each part has a page, the message the rest. */
enum {
	AT_KEY = 0,
	AT_PUBLIC = PAGE,
	AT_SIGNATURE = 2 * PAGE,
	AT_SECRET = 3 * PAGE,
	AT_PEER = 4 * PAGE,
	AT_INPUT = 5 * PAGE,
	INPUT_MAX = 64 * PAGE,
	WINDOW_SIZE = AT_INPUT + INPUT_MAX,
};

static struct record answer;
static int fd;
static uint32_t window;
static uint8_t *memory;

static void open_stage(void)
{
	guests_open(NULL);
	fd = guest_connect();
	window = rig_window(&rig, fd, WINDOW_SIZE, &memory);
}

static void close_stage(void)
{
	guests_close();
	munmap(memory, WINDOW_SIZE);
}

static bool says(const char *words)
{
	char text[RECORD_TEXT_MAX + 1] = {0};

	if (answer.header.type == RECORD_RETURN)
		memcpy(text, answer.ret.text, answer.ret.text_length);
	else
		memcpy(text, answer.upcall.output, answer.upcall.output_length);
	return strstr(text, words) != NULL;
}

/* --- requests -------------------------------------------------------------------------------- */

static struct record request(uint32_t command, enum ecc_curve curve)
{
	struct record record = rig_operation(1, RIG_ECC, command);

	record.operation.words[0] = curve;
	return record;
}

static struct record generate_request(enum ecc_curve curve, uint32_t at_public)
{
	struct record record = request(GENERATE, curve);

	rig_range(&record, SLOT_KEY, window, AT_KEY, (uint32_t)ecc_key_size(curve));
	rig_range(&record, SLOT_PUBLIC, window, at_public, (uint32_t)ecc_public_size(curve));
	return record;
}

static struct record sign_request(enum ecc_curve curve, uint32_t length)
{
	struct record record = request(SIGN, curve);

	rig_range(&record, SLOT_KEY, window, AT_KEY, (uint32_t)ecc_key_size(curve));
	if (length)
		rig_range(&record, SLOT_INPUT, window, AT_INPUT, length);
	rig_range(&record, SLOT_SIGNATURE, window, AT_SIGNATURE,
		  (uint32_t)ecc_signature_size(curve));
	return record;
}

static struct record verify_request(enum ecc_curve curve, uint32_t length)
{
	struct record record = request(VERIFY, curve);

	rig_range(&record, SLOT_PUBLIC, window, AT_PUBLIC, (uint32_t)ecc_public_size(curve));
	if (length)
		rig_range(&record, SLOT_INPUT, window, AT_INPUT, length);
	rig_range(&record, SLOT_SIGNATURE, window, AT_SIGNATURE,
		  (uint32_t)ecc_signature_size(curve));
	return record;
}

static struct record agree_request(enum ecc_curve curve)
{
	struct record record = request(AGREE, curve);

	rig_range(&record, SLOT_KEY, window, AT_KEY, (uint32_t)ecc_key_size(curve));
	rig_range(&record, SLOT_PUBLIC, window, AT_PEER, (uint32_t)ecc_public_size(curve));
	rig_range(&record, SLOT_SECRET, window, AT_SECRET, (uint32_t)ecc_secret_size(curve));
	return record;
}

static int perform(struct record record)
{
	return rig_perform(&rig, fd, &record, &answer);
}

static void generate(enum ecc_curve curve)
{
	CU_ASSERT_EQUAL_FATAL(perform(generate_request(curve, AT_PUBLIC)), 0);
}

/* --- what it does ---------------------------------------------------------------------------- */

static void test_a_generated_key_signs_and_its_public_key_verifies_on_every_curve(void)
{
	open_stage();
	for (enum ecc_curve curve = ECC_P256; curve <= ECC_ED25519; curve++) {
		generate(curve);
		memset(memory + AT_INPUT, (int)curve, 48);
		CU_ASSERT_EQUAL(perform(sign_request(curve, 48)), 0);
		CU_ASSERT_EQUAL(perform(verify_request(curve, 48)), 0);
		memory[AT_INPUT] ^= 1;
		CU_ASSERT_EQUAL(perform(verify_request(curve, 48)), -PLUTON_EINVAL);
		CU_ASSERT_TRUE(says("does not match"));
	}
	close_stage();
}

static void test_public_key_gives_what_generate_gave(void)
{
	open_stage();
	for (enum ecc_curve curve = ECC_P256; curve < ECC_CURVES; curve++) {
		size_t size = ecc_public_size(curve);
		struct record record = request(PUBLIC, curve);

		generate(curve);
		rig_range(&record, SLOT_KEY, window, AT_KEY, (uint32_t)ecc_key_size(curve));
		rig_range(&record, SLOT_PUBLIC, window, AT_PEER, (uint32_t)size);
		CU_ASSERT_EQUAL(perform(record), 0);
		CU_ASSERT_EQUAL(memcmp(memory + AT_PUBLIC, memory + AT_PEER, size), 0);
	}
	close_stage();
}

static void test_two_processes_agree_on_one_secret_on_every_curve_that_can(void)
{
	uint8_t own_key[ECC_KEY_SIZE_MAX], own_public[ECC_PUBLIC_SIZE_MAX];
	uint8_t secret[ECC_SECRET_SIZE_MAX];

	open_stage();
	for (enum ecc_curve curve = ECC_P256; curve < ECC_CURVES; curve++) {
		if (curve == ECC_ED25519)
			continue;
		generate(curve);
		memcpy(own_key, memory + AT_KEY, sizeof(own_key));
		memcpy(own_public, memory + AT_PUBLIC, sizeof(own_public));
		CU_ASSERT_EQUAL(perform(generate_request(curve, AT_PEER)), 0);
		memcpy(secret, memory + AT_KEY, sizeof(secret)); /* the peer's key */
		memcpy(memory + AT_KEY, own_key, sizeof(own_key));
		memcpy(own_key, secret, sizeof(own_key));
		CU_ASSERT_EQUAL(perform(agree_request(curve)), 0);
		memcpy(secret, memory + AT_SECRET, sizeof(secret));
		memcpy(memory + AT_KEY, own_key, sizeof(own_key));
		memcpy(memory + AT_PEER, own_public, sizeof(own_public));
		CU_ASSERT_EQUAL(perform(agree_request(curve)), 0);
		CU_ASSERT_EQUAL(memcmp(memory + AT_SECRET, secret, ecc_secret_size(curve)), 0);
	}
	close_stage();
}

static void test_the_parts_may_be_inline_and_a_message_may_be_empty(void)
{
	uint8_t bytes[RECORD_INLINE_LIMIT], signature[64];
	struct record record;

	open_stage();
	generate(ECC_ED25519);
	record = request(SIGN, ECC_ED25519);
	rig_in(&record, SLOT_KEY, bytes, memory + AT_KEY, 32);
	rig_out(&record, SLOT_SIGNATURE, 64);
	CU_ASSERT_EQUAL(perform(record), 0);
	CU_ASSERT_EQUAL_FATAL(answer.upcall.output_length, 64);
	memcpy(signature, answer.upcall.output, sizeof(signature));
	memcpy(memory + AT_SIGNATURE, signature, sizeof(signature));
	CU_ASSERT_EQUAL(perform(verify_request(ECC_ED25519, 0)), 0);
	CU_ASSERT_EQUAL(perform(verify_request(ECC_ED25519, 1)), -PLUTON_EINVAL);
	close_stage();
}

static void test_a_message_longer_than_can_be_signed_is_verified_in_a_window(void)
{
	static uint8_t message[INPUT_MAX];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t length = 64;
	EVP_PKEY *key;

	open_stage();
	generate(ECC_ED25519);
	memset(memory + AT_INPUT, 0x77, INPUT_MAX);
	memcpy(message, memory + AT_INPUT, INPUT_MAX);
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, memory + AT_KEY, 32);
	CU_ASSERT_EQUAL(EVP_DigestSignInit(context, NULL, NULL, NULL, key), 1);
	CU_ASSERT_EQUAL(EVP_DigestSign(context, memory + AT_SIGNATURE, &length, message, INPUT_MAX),
			1);
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(context);
	CU_ASSERT_EQUAL(perform(verify_request(ECC_ED25519, INPUT_MAX)), 0);
	CU_ASSERT_EQUAL(perform(verify_request(ECC_ED25519, INPUT_MAX - 1)), -PLUTON_EINVAL);
	close_stage();
}

/* --- what it refuses ------------------------------------------------------------------------- */

static unsigned accesses, lends;

static void count_accesses(void *context, enum kernel_step step, const struct step *what)
{
	(void)context;
	(void)what;
	accesses += step == STEP_PULL || step == STEP_LEND;
	lends += step == STEP_LEND;
}

/* The slot's range has one byte too many or too few. */
static void expect_wrong_size(struct record record, unsigned slot, int more)
{
	accesses = 0;
	rig.kernel->step = (struct step_hook){count_accesses, NULL};
	record.operation.ranges[slot].length += (uint32_t)more;
	CU_ASSERT_EQUAL(perform(record), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(says("needs "));
	rig.kernel->step = (struct step_hook){0};
	CU_ASSERT_EQUAL(accesses, 0);
}

static void test_every_part_has_the_size_of_its_curve_or_nothing_is_read(void)
{
	open_stage();
	for (enum ecc_curve curve = ECC_P256; curve < ECC_CURVES; curve++) {
		for (int more = -1; more <= 1; more += 2) {
			expect_wrong_size(generate_request(curve, AT_PUBLIC), SLOT_KEY, more);
			expect_wrong_size(generate_request(curve, AT_PUBLIC), SLOT_PUBLIC, more);
			if (ecc_signature_size(curve)) {
				expect_wrong_size(sign_request(curve, 32), SLOT_KEY, more);
				expect_wrong_size(sign_request(curve, 32), SLOT_SIGNATURE, more);
				expect_wrong_size(verify_request(curve, 32), SLOT_PUBLIC, more);
				expect_wrong_size(verify_request(curve, 32), SLOT_SIGNATURE, more);
			}
			if (!ecc_secret_size(curve))
				continue;
			expect_wrong_size(agree_request(curve), SLOT_KEY, more);
			expect_wrong_size(agree_request(curve), SLOT_PUBLIC, more);
			expect_wrong_size(agree_request(curve), SLOT_SECRET, more);
		}
	}
	close_stage();
}

static void test_a_message_over_the_limit_is_size_and_the_limit_is_named(void)
{
	open_stage();
	generate(ECC_ED25519);
	CU_ASSERT_EQUAL(perform(sign_request(ECC_ED25519, 16384)), 0);
	CU_ASSERT_EQUAL(perform(verify_request(ECC_ED25519, 16384)), 0);
	CU_ASSERT_EQUAL(perform(sign_request(ECC_ED25519, 16385)), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(says("input has 16385 bytes, ed25519 signs at most 16384"));
	close_stage();
}

static void test_lengths_that_no_digest_has_are_size_and_those_it_has_are_named(void)
{
	open_stage();
	generate(ECC_P384);
	CU_ASSERT_EQUAL(perform(sign_request(ECC_P384, 33)), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(says("input has 33 bytes, a digest has 28, 32, 48 or 64"));
	CU_ASSERT_EQUAL(perform(sign_request(ECC_P384, 20)), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(perform(sign_request(ECC_P384, 0)), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(perform(verify_request(ECC_P384, 20)), -PLUTON_EINVAL);
	close_stage();
}

static void test_what_a_curve_cannot_do_is_nosupport(void)
{
	struct record record;

	open_stage();
	record = sign_request(ECC_P256, 32);
	record.operation.words[0] = ECC_X25519;
	CU_ASSERT_EQUAL(perform(record), -PLUTON_ENOSUPPORT);
	CU_ASSERT_TRUE(says("no ecc engine signs with x25519"));
	record = agree_request(ECC_P256);
	record.operation.words[0] = ECC_ED25519;
	CU_ASSERT_EQUAL(perform(record), -PLUTON_ENOSUPPORT);
	CU_ASSERT_TRUE(says("no ecc engine agrees on secrets with ed25519"));
	record.operation.words[0] = 6;
	CU_ASSERT_EQUAL(perform(record), -PLUTON_EINVAL);
	close_stage();
}

static void expect_invalid(struct record record, const char *words)
{
	CU_ASSERT_EQUAL(perform(record), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(says(words));
}

static void test_what_is_no_key_point_or_signature_is_inval_and_says_which(void)
{
	open_stage();
	for (enum ecc_curve curve = ECC_P256; curve <= ECC_P521; curve++) {
		generate(curve);
		CU_ASSERT_EQUAL(perform(sign_request(curve, 32)), 0);
		memcpy(memory + AT_PEER, memory + AT_PUBLIC, ECC_PUBLIC_SIZE_MAX);
		memory[AT_PEER + 3] ^= 4;
		expect_invalid(agree_request(curve), "no point of the curve");
		memset(memory + AT_PEER, 0, ECC_PUBLIC_SIZE_MAX);
		expect_invalid(agree_request(curve), "no point of the curve");
		memset(memory + AT_SIGNATURE, 0, ecc_key_size(curve));
		expect_invalid(verify_request(curve, 32), "r or s of the signature is 0");
		memset(memory + AT_SIGNATURE, 0xff, ecc_key_size(curve));
		expect_invalid(verify_request(curve, 32), "not below the order");
		memset(memory + AT_KEY, 0, ECC_KEY_SIZE_MAX);
		expect_invalid(sign_request(curve, 32), "the private key is 0");
		memset(memory + AT_KEY, 0xff, ECC_KEY_SIZE_MAX);
		expect_invalid(sign_request(curve, 32), "not below the order");
	}
	generate(ECC_ED25519);
	memset(memory + AT_PUBLIC, 0xff, 32);
	expect_invalid(verify_request(ECC_ED25519, 32), "canonical");
	generate(ECC_X25519);
	memset(memory + AT_PEER, 0, 32);
	expect_invalid(agree_request(ECC_X25519), "all zeros");
	close_stage();
}

static void test_bad_input_of_one_process_leaves_another_alone(void)
{
	struct record good, bad;
	int other;

	open_stage();
	other = guest_connect();
	for (int i = 0; i < 10; i++) {
		generate(ECC_P256);
		memset(memory + AT_PEER, 0x31, 64);
		bad = agree_request(ECC_P256);
		good = request(GENERATE, ECC_P521);
		rig_out(&good, SLOT_KEY, 66);
		rig_out(&good, SLOT_PUBLIC, 132);
		rig_send(fd, &bad, -1);
		rig_send(other, &good, -1);
		CU_ASSERT_TRUE(rig_receive(&rig, other, &answer));
		CU_ASSERT_EQUAL(rig_status(&answer), 0);
		CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
		CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EINVAL);
	}
	close_stage();
}

/* --- leaving --------------------------------------------------------------------------------- */

static void test_a_cancelled_operation_ends_once_and_the_next_works(void)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = 1}};
	struct record record;

	open_stage();
	generate(ECC_P384);
	for (unsigned turns = 0; turns < 12; turns++) {
		record = sign_request(ECC_P384, 48);
		rig_send(fd, &record, -1);
		for (unsigned i = 0; i < turns; i++)
			guests_turn();
		rig_send(fd, &cancel, -1);
		CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
		while (answer.header.type != RECORD_UPCALL)
			CU_ASSERT_TRUE_FATAL(rig_receive(&rig, fd, &answer));
		CU_ASSERT(rig_status(&answer) == 0 || rig_status(&answer) == -PLUTON_ECANCEL);
		rig_settle(&rig);
		while (guest_has_answer(fd))
			CU_ASSERT_TRUE(guest_read(fd, &answer));
	}
	CU_ASSERT_EQUAL(perform(sign_request(ECC_P384, 48)), 0);
	close_stage();
}

static void test_a_process_may_die_while_a_worker_calculates_for_it(void)
{
	open_stage();
	for (int i = 0; i < 20; i++) {
		int other = guest_connect();
		struct record record = request(GENERATE, ECC_P521);

		rig_out(&record, SLOT_KEY, 66);
		rig_out(&record, SLOT_PUBLIC, 132);
		rig_send(other, &record, -1);
		for (int turns = 0; turns < i; turns++)
			guests_turn();
		guest_leave(other);
	}
	rig_settle(&rig);
	generate(ECC_P256);
	close_stage();
}

/* --- a message that changes ------------------------------------------------------------------ */

#define MESSAGE 5000u
#define MASK 0x10

static struct {
	size_t at;
	unsigned after;
	unsigned count;
	bool done;
} change;

static void flip(void)
{
	memory[change.at] ^= MASK;
	change.done = true;
}

static void flip_at_access(void *context, enum kernel_step step, const struct step *what)
{
	(void)context;
	(void)what;
	if (step != STEP_PULL && step != STEP_LEND && step != STEP_PUSH)
		return;
	if (++change.count == change.after)
		flip();
}

/*
 * Whether it is the one signature that Ed25519 gives for this message: a valid one is not enough,
 * for one whose nonce comes from another message than its challenge is valid too, and two of those
 * give the key away. By OpenSSL itself, of private memory.
 */
static bool is_signature_of(const uint8_t *message, size_t length)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, memory + AT_KEY, 32);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t signature[64];
	size_t size = sizeof(signature);
	bool same = EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestSign(context, signature, &size, message, length) == 1 &&
		    memcmp(memory + AT_SIGNATURE, signature, sizeof(signature)) == 0;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return same;
}

static bool is_signature_of_one_message(uint8_t *message, size_t changed)
{
	bool valid = is_signature_of(message, MESSAGE);

	message[changed] ^= MASK;
	valid = valid || is_signature_of(message, MESSAGE);
	message[changed] ^= MASK;
	return valid;
}

/* Signs with one change after the k-th access or turn; false: it came too late. */
static bool sign_with_a_change(uint8_t *message, bool at_access, unsigned after)
{
	struct record record = sign_request(ECC_ED25519, MESSAGE);
	size_t changed = change.at - AT_INPUT;

	memcpy(memory + AT_INPUT, message, MESSAGE);
	change.after = after;
	change.count = 0;
	change.done = false;
	if (at_access)
		rig.kernel->step = (struct step_hook){flip_at_access, NULL};
	rig_send(fd, &record, -1);
	for (unsigned turns = 1; !guest_has_answer(fd); turns++) {
		if (turns == after && !at_access)
			flip();
		rig_turn(&rig);
	}
	rig.kernel->step = (struct step_hook){0};
	CU_ASSERT_TRUE(guest_read(fd, &answer));
	CU_ASSERT_EQUAL(rig_status(&answer), 0);
	CU_ASSERT_TRUE(is_signature_of_one_message(message, changed));
	return change.done;
}

static void test_a_message_changed_at_any_moment_of_its_signing_is_one_message(void)
{
	static const size_t places[] = {0, MESSAGE / 2, MESSAGE - 1};
	static uint8_t message[MESSAGE];

	open_stage();
	generate(ECC_ED25519);
	memset(message, 0x21, sizeof(message));
	for (size_t i = 0; i < TESTS_COUNT(places); i++) {
		change.at = AT_INPUT + places[i];
		for (int at_access = 0; at_access < 2; at_access++) {
			unsigned k = 1;

			while (sign_with_a_change(message, at_access, k))
				k++;
			CU_ASSERT(k > 1);
		}
	}
	close_stage();
}

static void test_the_message_is_read_from_the_clients_memory_once_and_never_lent(void)
{
	struct record record;

	open_stage();
	generate(ECC_ED25519);
	accesses = lends = 0;
	rig.kernel->step = (struct step_hook){count_accesses, NULL};
	record = sign_request(ECC_ED25519, MESSAGE);
	CU_ASSERT_EQUAL(perform(record), 0);
	rig.kernel->step = (struct step_hook){0};
	CU_ASSERT_EQUAL(accesses, 2); /* the key and the message */
	CU_ASSERT_EQUAL(lends, 0);
	close_stage();
}

static atomic_bool attack;

static void *flip_all_the_time(void *argument)
{
	volatile uint8_t *byte = argument;

	while (atomic_load(&attack))
		*byte ^= MASK;
	return NULL;
}

static void test_a_message_that_another_thread_changes_all_the_time_is_one_message(void)
{
	static uint8_t message[MESSAGE];
	pthread_t thread;

	open_stage();
	generate(ECC_ED25519);
	memset(message, 0x42, sizeof(message));
	memcpy(memory + AT_INPUT, message, MESSAGE);
	atomic_store(&attack, true);
	CU_ASSERT_EQUAL_FATAL(
		pthread_create(&thread, NULL, flip_all_the_time, memory + AT_INPUT + 2500), 0);
	for (int i = 0; i < 200; i++) {
		CU_ASSERT_EQUAL(perform(sign_request(ECC_ED25519, MESSAGE)), 0);
		CU_ASSERT_TRUE(is_signature_of_one_message(message, 2500));
	}
	atomic_store(&attack, false);
	pthread_join(thread, NULL);
	close_stage();
}

static const struct test tests[] = {
	TEST(test_a_generated_key_signs_and_its_public_key_verifies_on_every_curve),
	TEST(test_public_key_gives_what_generate_gave),
	TEST(test_two_processes_agree_on_one_secret_on_every_curve_that_can),
	TEST(test_the_parts_may_be_inline_and_a_message_may_be_empty),
	TEST(test_a_message_longer_than_can_be_signed_is_verified_in_a_window),
	TEST(test_every_part_has_the_size_of_its_curve_or_nothing_is_read),
	TEST(test_a_message_over_the_limit_is_size_and_the_limit_is_named),
	TEST(test_lengths_that_no_digest_has_are_size_and_those_it_has_are_named),
	TEST(test_what_a_curve_cannot_do_is_nosupport),
	TEST(test_what_is_no_key_point_or_signature_is_inval_and_says_which),
	TEST(test_bad_input_of_one_process_leaves_another_alone),
	TEST(test_a_cancelled_operation_ends_once_and_the_next_works),
	TEST(test_a_process_may_die_while_a_worker_calculates_for_it),
	TEST(test_a_message_changed_at_any_moment_of_its_signing_is_one_message),
	TEST(test_the_message_is_read_from_the_clients_memory_once_and_never_lent),
	TEST(test_a_message_that_another_thread_changes_all_the_time_is_one_message),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "capsules ecc", tests, TESTS_COUNT(tests));
}
