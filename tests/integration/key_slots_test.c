/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key slots through libpluton and a plutond of the test's own, with the contract checker, without
 * waiting: each asynchronous call that fills, empties, shows or uses one, how it fails, and what a
 * cancel leaves. What a slot does is compared with what its bytes do.
 */
#include <stdlib.h>
#include <string.h>

#include <pluton/aes.h>
#include <pluton/ecc.h>
#include <pluton/hwkey.h>
#include <pluton/kdf.h>
#include <pluton/mac.h>
#include <pluton/rsa.h>

#include "tests/integration/own_client.h"
#include "tests/suite.h"

#define EMPTY 77u /* a slot that nothing ever fills */
#define SIZE 100u

static const uint8_t known[32] = "a key that is known to the tests";
static const uint8_t message[SIZE] = "what is said with a key that nobody sees";
static const uint8_t iv[16] = "fifteen bytes, 0";

static void begin(void)
{
	own_client_begin("[hil]\nchecker = yes\n");
}

static struct pluton_hwkey_attributes of_type(enum pluton_hwkey_type type, uint32_t usage,
					      uint32_t policy)
{
	return (struct pluton_hwkey_attributes){
		.type = type,
		.usage = usage,
		.policy = policy,
		.size = type == PLUTON_HWKEY_SECRET ? sizeof(known) : 0,
	};
}

/* The known key in a slot of its own, until the daemon ends. */
static uint32_t import(enum pluton_hwkey_type type, uint32_t usage, uint32_t policy)
{
	const struct pluton_hwkey_attributes attributes =
		of_type(type, usage, policy | PLUTON_HWKEY_THIS_BOOT);
	uint32_t number = 0;

	CU_ASSERT_EQUAL_FATAL(
		pluton_hwkey_import(pluton, &attributes, known, sizeof(known), &number), 0);
	return number;
}

static size_t count_slots(void)
{
	struct pluton_hwkey_row *rows = NULL;
	size_t count = 0;

	CU_ASSERT_EQUAL(pluton_hwkey_list(pluton, &rows, &count), 0);
	free(rows);
	return count;
}

static bool is_all(const void *bytes, size_t size, uint8_t value)
{
	const uint8_t *at = bytes;

	while (size > 0 && at[size - 1] == value)
		size--;
	return size == 0;
}

/* --- filling, emptying, showing --------------------------------------------------------------- */

static void test_slots_are_filled_shown_and_emptied_without_waiting(void)
{
	const struct pluton_hwkey_attributes pair = of_type(PLUTON_HWKEY_P256, PLUTON_HWKEY_SIGN,
							    PLUTON_HWKEY_THIS_BOOT),
					     wraps = of_type(PLUTON_HWKEY_AES256, PLUTON_HWKEY_WRAP,
							     0),
					     secret = of_type(PLUTON_HWKEY_SECRET, PLUTON_HWKEY_MAC,
							      0);
	uint32_t generated = 0, derived = 0, imported = 9, unwrapped = 0;
	uint8_t wrapped[40], public[PLUTON_HWKEY_PUBLIC_MAX], same[64];
	struct pluton_hwkey_row row;
	size_t length = 0;

	begin();
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_generate_async, &pair, &generated), 0);
	CU_ASSERT_EQUAL(generated, 1);
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_derive_async, &wraps, "label", 5, &derived), 0);
	CU_ASSERT_EQUAL(derived, 2);
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_import_async, &secret, known, sizeof(known), &imported),
			0);
	CU_ASSERT_EQUAL(imported, 9);
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_wrap_async, imported, derived, wrapped, sizeof(wrapped),
			      &length),
			0);
	CU_ASSERT_EQUAL(length, 40);
	CU_ASSERT_EQUAL(
		ENDED(pluton_hwkey_unwrap_async, &secret, derived, wrapped, length, &unwrapped), 0);
	CU_ASSERT_EQUAL(unwrapped, 3);
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_status_async, unwrapped, &row), 0);
	CU_ASSERT_EQUAL(row.number, 3);
	CU_ASSERT_EQUAL(row.type, PLUTON_HWKEY_SECRET);
	CU_ASSERT_EQUAL(row.usage, PLUTON_HWKEY_MAC);
	CU_ASSERT_EQUAL(row.size, sizeof(known));
	CU_ASSERT_EQUAL(
		ENDED(pluton_hwkey_public_async, generated, public, sizeof(public), &length), 0);
	CU_ASSERT_EQUAL(length, 64);
	CU_ASSERT_EQUAL(pluton_hwkey_public(pluton, generated, same, sizeof(same), &length), 0);
	CU_ASSERT_EQUAL(memcmp(same, public, sizeof(same)), 0);
	for (uint32_t number = 1; number <= 3; number++)
		CU_ASSERT_EQUAL(ENDED(pluton_hwkey_delete_async, number), 0);
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_delete_async, imported), 0);
	CU_ASSERT_EQUAL(count_slots(), 0);
	own_client_end();
}

/* With the daemon's sentence; what was to be written is as it was. */
static void test_what_fails_in_the_daemon_comes_with_the_answer(void)
{
	const struct pluton_hwkey_attributes secret = of_type(PLUTON_HWKEY_SECRET, PLUTON_HWKEY_MAC,
							      PLUTON_HWKEY_THIS_BOOT),
					     senseless =
						     of_type(PLUTON_HWKEY_SECRET, PLUTON_HWKEY_SIGN,
							     PLUTON_HWKEY_THIS_BOOT);
	uint32_t taken, wraps, number = 0;
	uint8_t out[PLUTON_HWKEY_PUBLIC_MAX];
	struct pluton_hwkey_row row;
	size_t length = 5;

	begin();
	memset(out, 0xee, sizeof(out));
	memset(&row, 0xee, sizeof(row));
	taken = import(PLUTON_HWKEY_SECRET, PLUTON_HWKEY_MAC, PLUTON_HWKEY_NEVER_EXPORTED);
	wraps = import(PLUTON_HWKEY_AES256, PLUTON_HWKEY_WRAP, 0);
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_generate_async, &secret, &taken), -PLUTON_EALREADY);
	CU_ASSERT_TRUE(said("key slot 1 is taken"));
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_import_async, &secret, known, 32, &taken),
			-PLUTON_EALREADY);
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_import_async, &secret, known, 31, &number),
			-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_derive_async, &secret, "x", 1, &taken),
			-PLUTON_EALREADY);
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_generate_async, &senseless, &number), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_unwrap_async, &secret, wraps, out, 40, &number),
			-PLUTON_EINVAL);
	CU_ASSERT_TRUE(said("was not wrapped by key slot 2"));
	CU_ASSERT_EQUAL(taken, 1);
	CU_ASSERT_EQUAL(number, 0);
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_wrap_async, taken, wraps, out, sizeof(out), &length),
			-PLUTON_EINVAL);
	CU_ASSERT_TRUE(said("never exported"));
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_wrap_async, wraps, wraps, out, 39, &length),
			-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_public_async, taken, out, sizeof(out), &length),
			-PLUTON_EINVAL);
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_public_async, EMPTY, out, sizeof(out), &length),
			-PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_status_async, EMPTY, &row), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(ENDED(pluton_hwkey_delete_async, EMPTY), -PLUTON_ENODEVICE);
	CU_ASSERT_TRUE(said("key slot 77 is empty"));
	CU_ASSERT_EQUAL(length, 5);
	CU_ASSERT_TRUE(is_all(out, sizeof(out), 0xee));
	CU_ASSERT_TRUE(is_all(&row, sizeof(row), 0xee));
	CU_ASSERT_EQUAL(count_slots(), 2);
	own_client_end();
}

static void test_what_is_no_request_is_refused_at_once_and_nobody_called(void)
{
	const struct pluton_hwkey_attributes secret =
		of_type(PLUTON_HWKEY_SECRET, PLUTON_HWKEY_MAC, 0);
	const struct pluton_aes_gcm_request with_iv = {.key = known, .key_size = 32, .iv = iv},
					    without = {.key = known, .key_size = 32};
	struct pluton_ecc_public public;
	uint32_t number = 0;
	uint8_t out[64];
	size_t length;
	int status;

	begin();
#define REFUSED(call, ...) call(pluton, __VA_ARGS__, note, &status, NULL)
	CU_ASSERT_EQUAL(REFUSED(pluton_hwkey_generate_async, NULL, &number), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(REFUSED(pluton_hwkey_generate_async, &secret, NULL), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(REFUSED(pluton_hwkey_import_async, &secret, known, 0, &number),
			-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(REFUSED(pluton_hwkey_derive_async, &secret, NULL, 0, &number),
			-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(REFUSED(pluton_hwkey_unwrap_async, &secret, 1, NULL, 0, &number),
			-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(REFUSED(pluton_hwkey_wrap_async, 1, 2, NULL, 40, &length), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(REFUSED(pluton_hwkey_public_async, 1, out, sizeof(out), NULL),
			-PLUTON_EINVAL);
	CU_ASSERT_EQUAL(REFUSED(pluton_ecc_public_of_slot_async, 9, 1, &public),
			-PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(REFUSED(pluton_aes_gcm_encrypt_fresh_async, &with_iv, out), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(REFUSED(pluton_aes_gcm_encrypt_fresh_async, &without, NULL),
			-PLUTON_EINVAL);
#undef REFUSED
	CU_ASSERT_EQUAL(pluton_dispatch(pluton), 0);
	CU_ASSERT_EQUAL(done_count, 0);
	CU_ASSERT_EQUAL(count_slots(), 0);
	own_client_end();
}

/* --- cancelling ------------------------------------------------------------------------------- */

/* Request and cancel arrive together; either may win. Exactly one answer. */
static int cancelled(int r, const pluton_operation_id *id)
{
	int *status = ended_status();
	unsigned before = done_count;

	CU_ASSERT_EQUAL_FATAL(r, 0);
	CU_ASSERT_EQUAL(pluton_cancel(pluton, *id), 0);
	pluton_uncork(pluton);
	CU_ASSERT_EQUAL(ended(0), *status);
	CU_ASSERT_EQUAL(done_count, before + 1);
	CU_ASSERT_EQUAL(pluton_cancel(pluton, *id), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(*status == 0 || *status == -PLUTON_ECANCEL);
	return *status;
}

#define CANCELLED(call, ...)                                                                       \
	(pluton_cork(pluton),                                                                      \
	 cancelled(call(pluton, __VA_ARGS__, note, ended_status(), &operation), &operation))

static void test_a_cancelled_generation_leaves_its_slot_empty(void)
{
	const struct pluton_hwkey_attributes attributes =
		of_type(PLUTON_HWKEY_RSA4096, PLUTON_HWKEY_SIGN, PLUTON_HWKEY_THIS_BOOT);
	pluton_operation_id operation;
	uint32_t number = 0;

	begin();
	CU_ASSERT_EQUAL(CANCELLED(pluton_hwkey_generate_async, &attributes, &number),
			-PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(number, 0);
	CU_ASSERT_EQUAL(count_slots(), 0);
	own_client_end();
}

/* Of what fills a slot: it is there if and only if the answer says so. */
static void check_filled(int status, uint32_t number)
{
	struct pluton_hwkey_row row;

	CU_ASSERT_EQUAL(number != 0, status == 0);
	CU_ASSERT_EQUAL(count_slots(), status == 0 ? 2 : 1);
	if (status == 0) {
		CU_ASSERT_EQUAL(pluton_hwkey_status(pluton, number, &row), 0);
		CU_ASSERT_EQUAL(pluton_hwkey_delete(pluton, number), 0);
	}
}

static void test_what_was_cancelled_is_done_or_it_is_not(void)
{
	const struct pluton_hwkey_attributes secret =
		of_type(PLUTON_HWKEY_SECRET, PLUTON_HWKEY_MAC, 0);
	uint8_t wrapped[40], out[40] = {0};
	pluton_operation_id operation;
	struct pluton_hwkey_row row;
	uint32_t number, wraps;
	size_t length = 0;
	int r;

	begin();
	wraps = import(PLUTON_HWKEY_AES256, PLUTON_HWKEY_WRAP, 0);
	CU_ASSERT_EQUAL(pluton_hwkey_wrap(pluton, wraps, wraps, wrapped, 40, &length), 0);
	number = 0;
	r = CANCELLED(pluton_hwkey_generate_async, &secret, &number);
	check_filled(r, number);
	number = 0;
	r = CANCELLED(pluton_hwkey_import_async, &secret, known, sizeof(known), &number);
	check_filled(r, number);
	number = 0;
	r = CANCELLED(pluton_hwkey_derive_async, &secret, "label", 5, &number);
	check_filled(r, number);
	number = 0;
	r = CANCELLED(pluton_hwkey_unwrap_async, &secret, wraps, wrapped, sizeof(wrapped), &number);
	check_filled(r, number);
	length = 0;
	r = CANCELLED(pluton_hwkey_wrap_async, wraps, wraps, out, sizeof(out), &length);
	CU_ASSERT_EQUAL(length, r == 0 ? sizeof(wrapped) : 0);
	CU_ASSERT_TRUE(r != 0 || memcmp(out, wrapped, sizeof(out)) == 0);
	r = CANCELLED(pluton_hwkey_status_async, wraps, &row);
	CU_ASSERT_TRUE(r != 0 || row.number == wraps);
	r = CANCELLED(pluton_hwkey_delete_async, wraps);
	CU_ASSERT_EQUAL(count_slots(), r == 0 ? 0 : 1);
	own_client_end();
}

static void test_a_cancelled_use_of_a_slot_leaves_the_slot(void)
{
	struct pluton_ecc_public public;
	struct pluton_kdf_request slow = {
		.method = PLUTON_KDF_PBKDF2, .prf = PLUTON_HMAC_SHA512, .iterations = 10000000};
	struct pluton_aes_gcm_request gcm = {.input = message, .length = SIZE};
	uint8_t out[SIZE], tag[16], made[12];
	pluton_operation_id operation;
	uint32_t pair;

	begin();
	slow.key_slot = import(PLUTON_HWKEY_SECRET, PLUTON_HWKEY_DERIVE, 0);
	slow.output = out;
	slow.length = 32;
	CU_ASSERT_EQUAL(CANCELLED(pluton_kdf_async, &slow), -PLUTON_ECANCEL);
	gcm.key_slot = import(PLUTON_HWKEY_AES256, PLUTON_HWKEY_ENCRYPT, 0);
	gcm.output = out;
	gcm.tag = tag;
	(void)CANCELLED(pluton_aes_gcm_encrypt_fresh_async, &gcm, made);
	pair = import(PLUTON_HWKEY_P256, PLUTON_HWKEY_SIGN, 0);
	(void)CANCELLED(pluton_ecc_public_of_slot_async, PLUTON_P256, pair, &public);
	CU_ASSERT_EQUAL(count_slots(), 3);
	slow.iterations = 1;
	CU_ASSERT_EQUAL(pluton_kdf(pluton, &slow), 0);
	CU_ASSERT_EQUAL(pluton_aes_gcm_encrypt_fresh(pluton, &gcm, made), 0);
	CU_ASSERT_EQUAL(pluton_ecc_public_of_slot(pluton, PLUTON_P256, pair, &public), 0);
	own_client_end();
}

static void test_a_connection_closed_over_all_of_them_leaks_nothing(void)
{
	const struct pluton_hwkey_attributes secret =
		of_type(PLUTON_HWKEY_SECRET, PLUTON_HWKEY_MAC, 0);
	static uint32_t number;
	static struct pluton_hwkey_row row;
	static uint8_t out[64];
	static size_t length;
	static int status;

	begin();
	pluton_cork(pluton);
	CU_ASSERT_EQUAL(pluton_hwkey_generate_async(pluton, &secret, &number, note, &status, NULL),
			0);
	CU_ASSERT_EQUAL(
		pluton_hwkey_wrap_async(pluton, 1, 1, out, 64, &length, note, &status, NULL), 0);
	CU_ASSERT_EQUAL(pluton_hwkey_status_async(pluton, 1, &row, note, &status, NULL), 0);
	CU_ASSERT_EQUAL(pluton_hwkey_delete_async(pluton, EMPTY, note, &status, NULL), 0);
	own_client_end();
	CU_ASSERT_EQUAL(done_count, 0);
}

/* --- using ------------------------------------------------------------------------------------ */

static void test_macs_and_derivations_of_a_slot_are_those_of_its_bytes(void)
{
	uint8_t out[64], wanted[64];
	struct pluton_mac_request mac = {.algorithm = PLUTON_HMAC_SHA256,
					 .key = known,
					 .key_size = 32,
					 .input = message,
					 .length = SIZE,
					 .mac = wanted,
					 .mac_size = 32};
	struct pluton_kdf_request kdf = {.method = PLUTON_KDF_PBKDF2,
					 .prf = PLUTON_HMAC_SHA256,
					 .key = known,
					 .key_size = 32,
					 .salt = iv,
					 .salt_size = 16,
					 .iterations = 300,
					 .output = wanted,
					 .length = 64};
	uint32_t slot;

	begin();
	slot = import(PLUTON_HWKEY_SECRET, PLUTON_HWKEY_MAC | PLUTON_HWKEY_DERIVE, 0);
	CU_ASSERT_EQUAL(pluton_mac(pluton, &mac), 0);
	mac.key = NULL;
	mac.key_size = 0;
	mac.key_slot = slot;
	CU_ASSERT_EQUAL(ENDED(pluton_mac_verify_async, &mac), 0);
	mac.mac = out;
	CU_ASSERT_EQUAL(ENDED(pluton_mac_async, &mac), 0);
	CU_ASSERT_EQUAL(memcmp(out, wanted, 32), 0);
	out[0] ^= 1;
	CU_ASSERT_EQUAL(ENDED(pluton_mac_verify_async, &mac), -PLUTON_EINVAL);
	mac.key_slot = EMPTY;
	CU_ASSERT_EQUAL(ENDED(pluton_mac_async, &mac), -PLUTON_ENODEVICE);
	for (unsigned i = 0; i < 2; i++) {
		kdf.key = known;
		kdf.key_size = 32;
		kdf.key_slot = 0;
		kdf.output = wanted;
		CU_ASSERT_EQUAL(pluton_kdf(pluton, &kdf), 0);
		kdf.key = NULL;
		kdf.key_size = 0;
		kdf.key_slot = slot;
		kdf.output = out;
		CU_ASSERT_EQUAL(ENDED(pluton_kdf_async, &kdf), 0);
		CU_ASSERT_EQUAL(memcmp(out, wanted, 64), 0);
		kdf.key_slot = EMPTY;
		CU_ASSERT_EQUAL(ENDED(pluton_kdf_async, &kdf), -PLUTON_ENODEVICE);
		CU_ASSERT_TRUE(said("key slot 77 is empty"));
		kdf.method = PLUTON_KDF_HKDF;
		kdf.iterations = 0;
	}
	own_client_end();
}

/* GCM and CCM out and in again; what came out is what the bytes make. */
static void check_aead(uint32_t slot)
{
	uint8_t sealed[2][SIZE], tags[2][16], plain[SIZE];
	struct pluton_aes_gcm_request gcm = {
		.key = known, .key_size = 32, .iv = iv, .input = message, .length = SIZE};
	struct pluton_aes_ccm_request ccm = {.key = known,
					     .key_size = 32,
					     .nonce = iv,
					     .nonce_size = 13,
					     .input = message,
					     .length = SIZE,
					     .tag_size = 16};

	for (unsigned i = 0; i < 2; i++) {
		gcm.output = ccm.output = sealed[i];
		gcm.tag = ccm.tag = tags[i];
		CU_ASSERT_EQUAL(ENDED(pluton_aes_gcm_encrypt_async, &gcm), 0);
		gcm.key = NULL;
		gcm.key_size = 0;
		gcm.key_slot = slot;
	}
	CU_ASSERT_EQUAL(memcmp(sealed[0], sealed[1], SIZE) | memcmp(tags[0], tags[1], 16), 0);
	gcm.input = sealed[0];
	gcm.output = plain;
	CU_ASSERT_EQUAL(ENDED(pluton_aes_gcm_decrypt_async, &gcm), 0);
	CU_ASSERT_EQUAL(memcmp(plain, message, SIZE), 0);
	for (unsigned i = 0; i < 2; i++) {
		ccm.output = sealed[i];
		ccm.tag = tags[i];
		CU_ASSERT_EQUAL(ENDED(pluton_aes_ccm_encrypt_async, &ccm), 0);
		ccm.key = NULL;
		ccm.key_size = 0;
		ccm.key_slot = slot;
	}
	CU_ASSERT_EQUAL(memcmp(sealed[0], sealed[1], SIZE) | memcmp(tags[0], tags[1], 16), 0);
	ccm.input = sealed[0];
	ccm.output = plain;
	CU_ASSERT_EQUAL(ENDED(pluton_aes_ccm_decrypt_async, &ccm), 0);
	CU_ASSERT_EQUAL(memcmp(plain, message, SIZE), 0);
	gcm.key_slot = ccm.key_slot = EMPTY;
	CU_ASSERT_EQUAL(ENDED(pluton_aes_gcm_decrypt_async, &gcm), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(ENDED(pluton_aes_ccm_decrypt_async, &ccm), -PLUTON_ENODEVICE);
}

static void check_blocks(uint32_t slot)
{
	uint8_t sealed[2][96], plain[96];
	struct pluton_aes_cbc_request cbc = {
		.key = known, .key_size = 32, .iv = iv, .input = message, .length = 96};
	struct pluton_aes_ecb_request ecb = {
		.key = known, .key_size = 32, .input = message, .length = 96};
	struct pluton_aes_ctr_request ctr = {.key = known,
					     .key_size = 32,
					     .ctr = iv,
					     .ctr_bits = 128,
					     .input = message,
					     .length = 96};

	for (unsigned i = 0; i < 2; i++) {
		cbc.output = sealed[i];
		CU_ASSERT_EQUAL(ENDED(pluton_aes_cbc_encrypt_async, &cbc), 0);
		cbc.key = ecb.key = ctr.key = NULL;
		cbc.key_size = ecb.key_size = ctr.key_size = 0;
		cbc.key_slot = ecb.key_slot = ctr.key_slot = slot;
	}
	CU_ASSERT_EQUAL(memcmp(sealed[0], sealed[1], 96), 0);
	cbc.input = sealed[0];
	cbc.output = plain;
	CU_ASSERT_EQUAL(ENDED(pluton_aes_cbc_decrypt_async, &cbc), 0);
	CU_ASSERT_EQUAL(memcmp(plain, message, 96), 0);
	ecb.output = sealed[0];
	CU_ASSERT_EQUAL(ENDED(pluton_aes_ecb_encrypt_async, &ecb), 0);
	ecb.input = sealed[0];
	ecb.output = plain;
	CU_ASSERT_EQUAL(ENDED(pluton_aes_ecb_decrypt_async, &ecb), 0);
	CU_ASSERT_EQUAL(memcmp(plain, message, 96), 0);
	ctr.output = sealed[0];
	CU_ASSERT_EQUAL(ENDED(pluton_aes_ctr_async, &ctr), 0);
	ctr.input = sealed[0];
	ctr.output = plain;
	CU_ASSERT_EQUAL(ENDED(pluton_aes_ctr_async, &ctr), 0);
	CU_ASSERT_EQUAL(memcmp(plain, message, 96), 0);
	cbc.key_slot = ecb.key_slot = ctr.key_slot = EMPTY;
	CU_ASSERT_EQUAL(ENDED(pluton_aes_cbc_encrypt_async, &cbc), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(ENDED(pluton_aes_ecb_encrypt_async, &ecb), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(ENDED(pluton_aes_ctr_async, &ctr), -PLUTON_ENODEVICE);
}

static void test_aes_with_a_slot_is_that_with_its_bytes_in_every_mode(void)
{
	uint32_t slot;

	begin();
	slot = import(PLUTON_HWKEY_AES256, PLUTON_HWKEY_ENCRYPT | PLUTON_HWKEY_DECRYPT, 0);
	check_aead(slot);
	check_blocks(slot);
	own_client_end();
}

static void test_curve_keys_in_a_slot_show_their_public_key_sign_and_agree(void)
{
	struct pluton_ecc_private key = {.curve = PLUTON_P256};
	struct pluton_ecc_public public, wanted;
	uint8_t signature[64], secrets[2][32];
	struct pluton_ecc_sign_request sign = {.curve = PLUTON_P256,
					       .input = known,
					       .length = 32,
					       .signature = signature,
					       .signature_size = 64};
	struct pluton_ecc_verify_request verify = {.key = &wanted,
						   .input = known,
						   .length = 32,
						   .signature = signature,
						   .signature_size = 64};
	struct pluton_ecc_agree_request agree = {.key = &key, .peer = &wanted, .secret_size = 32};
	uint32_t slot;

	begin();
	memcpy(key.bytes, known, 32);
	slot = import(PLUTON_HWKEY_P256, PLUTON_HWKEY_SIGN | PLUTON_HWKEY_DERIVE, 0);
	CU_ASSERT_EQUAL(pluton_ecc_public_of(pluton, &key, &wanted), 0);
	CU_ASSERT_EQUAL(ENDED(pluton_ecc_public_of_slot_async, PLUTON_P256, slot, &public), 0);
	CU_ASSERT_EQUAL(public.curve, PLUTON_P256);
	CU_ASSERT_EQUAL(memcmp(public.bytes, wanted.bytes, 64), 0);
	sign.key_slot = slot;
	CU_ASSERT_EQUAL(ENDED(pluton_ecc_sign_async, &sign), 0);
	CU_ASSERT_EQUAL(pluton_ecc_verify(pluton, &verify), 0);
	agree.secret = secrets[0];
	CU_ASSERT_EQUAL(pluton_ecc_agree(pluton, &agree), 0);
	agree.key = NULL;
	agree.key_slot = slot;
	agree.secret = secrets[1];
	CU_ASSERT_EQUAL(ENDED(pluton_ecc_agree_async, &agree), 0);
	CU_ASSERT_EQUAL(memcmp(secrets[0], secrets[1], 32), 0);
	CU_ASSERT_EQUAL(ENDED(pluton_ecc_public_of_slot_async, PLUTON_P384, slot, &public),
			-PLUTON_EINVAL);
	CU_ASSERT_TRUE(said("another curve than p384"));
	CU_ASSERT_EQUAL(ENDED(pluton_ecc_public_of_slot_async, PLUTON_P256, EMPTY, &public),
			-PLUTON_ENODEVICE);
	sign.key_slot = agree.key_slot = EMPTY;
	CU_ASSERT_EQUAL(ENDED(pluton_ecc_sign_async, &sign), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(ENDED(pluton_ecc_agree_async, &agree), -PLUTON_ENODEVICE);
	own_client_end();
}

/* The public half of an RSA key in a slot. */
static void take_public(uint32_t slot, struct pluton_rsa_key *ret)
{
	uint8_t public[264];
	size_t length;

	CU_ASSERT_EQUAL(pluton_hwkey_public(pluton, slot, public, sizeof(public), &length), 0);
	*ret = (struct pluton_rsa_key){.kind = PLUTON_RSA_PUBLIC, .size = 256, .exponent = 65537};
	memcpy(ret->modulus, public, 256);
}

static void test_rsa_keys_in_a_slot_sign_decrypt_and_are_raised_to(void)
{
	const struct pluton_hwkey_attributes attributes =
		of_type(PLUTON_HWKEY_RSA2048, PLUTON_HWKEY_SIGN | PLUTON_HWKEY_DECRYPT,
			PLUTON_HWKEY_THIS_BOOT);
	uint8_t output[256], back[256];
	struct pluton_rsa_key public;
	struct pluton_rsa_request sign = {.padding = PLUTON_RSA_PSS,
					  .hash = PLUTON_SHA256,
					  .input = known,
					  .length = 32,
					  .output = output,
					  .output_size = 256};
	struct pluton_rsa_request verify = sign, seal = sign, unseal;
	uint32_t slot = 0;
	size_t length = 0;

	begin();
	CU_ASSERT_EQUAL(pluton_hwkey_generate(pluton, &attributes, &slot), 0);
	take_public(slot, &public);
	sign.key_slot = slot;
	CU_ASSERT_EQUAL(ENDED(pluton_rsa_sign_async, &sign), 0);
	verify.key = &public;
	verify.output = NULL;
	verify.output_size = 0;
	verify.signature = output;
	verify.signature_size = 256;
	CU_ASSERT_EQUAL(pluton_rsa_verify(pluton, &verify), 0);
	seal.key = &public;
	seal.padding = PLUTON_RSA_OAEP;
	CU_ASSERT_EQUAL(pluton_rsa_encrypt(pluton, &seal), 0);
	unseal = seal;
	unseal.key = NULL;
	unseal.key_slot = slot;
	unseal.input = output;
	unseal.length = unseal.output_size = 256;
	unseal.output = back;
	CU_ASSERT_EQUAL(ENDED(pluton_rsa_decrypt_async, &unseal, &length), 0);
	CU_ASSERT_EQUAL(length, 32);
	CU_ASSERT_EQUAL(memcmp(back, known, 32), 0);
	unseal.padding = 0;
	unseal.hash = 0;
	CU_ASSERT_EQUAL(ENDED(pluton_rsa_private_async, &unseal), 0);
	CU_ASSERT_EQUAL(back[0], 0); /* OAEP's first byte */
	sign.key_slot = unseal.key_slot = EMPTY;
	CU_ASSERT_EQUAL(ENDED(pluton_rsa_sign_async, &sign), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(ENDED(pluton_rsa_private_async, &unseal), -PLUTON_ENODEVICE);
	own_client_end();
}

/* --- fresh IVs -------------------------------------------------------------------------------- */

#define MANY 16u /* under way at once */
#define ROUNDS 20u

static uint8_t ivs[MANY * ROUNDS][12];

static int compare_ivs(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(ivs[0]));
}

/* MANY messages at once; each opens with the IV that came with it. */
static void encrypt_many(const struct pluton_aes_gcm_request *seal, uint8_t (*made)[12])
{
	uint8_t sealed[MANY][SIZE], tags[MANY][16], plain[SIZE];
	struct pluton_aes_gcm_request request = *seal;
	int status[MANY];

	done_count = 0;
	for (unsigned i = 0; i < MANY; i++) {
		request.output = sealed[i];
		request.tag = tags[i];
		CU_ASSERT_EQUAL(pluton_aes_gcm_encrypt_fresh_async(pluton, &request, made[i], note,
								   &status[i], NULL),
				0);
	}
	memset(&request, 0, sizeof(request));
	wait_for(MANY);
	for (unsigned i = 0; i < MANY; i++) {
		request = *seal;
		request.iv = made[i];
		request.input = sealed[i];
		request.tag = tags[i];
		request.output = plain;
		CU_ASSERT_EQUAL(status[i], 0);
		CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &request), 0);
		CU_ASSERT_EQUAL(memcmp(plain, message, SIZE), 0);
	}
}

static void check_fresh(const struct pluton_aes_gcm_request *seal)
{
	for (unsigned i = 0; i < ROUNDS; i++)
		encrypt_many(seal, &ivs[i * MANY]);
	qsort(ivs, MANY * ROUNDS, sizeof(ivs[0]), compare_ivs);
	for (unsigned i = 1; i < MANY * ROUNDS; i++)
		CU_ASSERT_NOT_EQUAL(memcmp(ivs[i - 1], ivs[i], sizeof(ivs[0])), 0);
}

static void test_no_two_messages_of_many_at_once_have_one_iv(void)
{
	struct pluton_aes_gcm_request seal = {.key = known,
					      .key_size = 32,
					      .aad = iv,
					      .aad_length = 16,
					      .input = message,
					      .length = SIZE};

	begin();
	check_fresh(&seal);
	seal.key = NULL;
	seal.key_size = 0;
	seal.key_slot = import(PLUTON_HWKEY_AES256, PLUTON_HWKEY_ENCRYPT | PLUTON_HWKEY_DECRYPT,
			       PLUTON_HWKEY_ENGINE_IV);
	check_fresh(&seal);
	own_client_end();
}

static void test_a_slot_for_fresh_ivs_says_how_and_one_that_may_not_encrypt_does_not(void)
{
	uint8_t out[SIZE], tag[16], made[12];
	struct pluton_aes_gcm_request request = {
		.iv = iv, .input = message, .output = out, .length = SIZE, .tag = tag};

	begin();
	request.key_slot =
		import(PLUTON_HWKEY_AES256, PLUTON_HWKEY_ENCRYPT, PLUTON_HWKEY_ENGINE_IV);
	memset(made, 0xee, sizeof(made));
	CU_ASSERT_EQUAL(ENDED(pluton_aes_gcm_encrypt_async, &request), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(said("takes no iv from outside: let the engine make it (EncryptFresh)"));
	request.iv = NULL;
	request.key_slot = import(PLUTON_HWKEY_AES256, PLUTON_HWKEY_DECRYPT, 0);
	CU_ASSERT_EQUAL(ENDED(pluton_aes_gcm_encrypt_fresh_async, &request, made), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(said("its usage forbids it"));
	request.key_slot = EMPTY;
	CU_ASSERT_EQUAL(ENDED(pluton_aes_gcm_encrypt_fresh_async, &request, made),
			-PLUTON_ENODEVICE);
	CU_ASSERT_TRUE(is_all(made, sizeof(made), 0xee));
	own_client_end();
}

static const struct test tests[] = {
	TEST(test_slots_are_filled_shown_and_emptied_without_waiting),
	TEST(test_what_fails_in_the_daemon_comes_with_the_answer),
	TEST(test_what_is_no_request_is_refused_at_once_and_nobody_called),
	TEST(test_a_cancelled_generation_leaves_its_slot_empty),
	TEST(test_what_was_cancelled_is_done_or_it_is_not),
	TEST(test_a_cancelled_use_of_a_slot_leaves_the_slot),
	TEST(test_a_connection_closed_over_all_of_them_leaks_nothing),
	TEST(test_macs_and_derivations_of_a_slot_are_those_of_its_bytes),
	TEST(test_aes_with_a_slot_is_that_with_its_bytes_in_every_mode),
	TEST(test_curve_keys_in_a_slot_show_their_public_key_sign_and_agree),
	TEST(test_rsa_keys_in_a_slot_sign_decrypt_and_are_raised_to),
	TEST(test_no_two_messages_of_many_at_once_have_one_iv),
	TEST(test_a_slot_for_fresh_ivs_says_how_and_one_that_may_not_encrypt_does_not),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "key slots", tests, TESTS_COUNT(tests));
}
