/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpluton and plutond together, compared with OpenSSL in this process. The program starts itself
 * again under pluton-run, so that a private daemon is there and nothing else is touched.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include <pluton/aes.h>
#include <pluton/digest.h>
#include <pluton/ecc.h>
#include <pluton/manager.h>
#include <pluton/random.h>

#include "tests/suite.h"

#define MIB ((size_t)1 << 20)

static struct pluton *pluton;

static void begin(void)
{
	CU_ASSERT_EQUAL_FATAL(pluton_open(NULL, &pluton), 0);
}

static void end(void)
{
	pluton_close(pluton);
	pluton = NULL;
}

static uint8_t *bytes_of(size_t size, unsigned seed)
{
	uint8_t *bytes = malloc(size + 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 13 + i / 509 + seed);
	return bytes;
}

static bool all(const uint8_t *bytes, size_t size, uint8_t value)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != value)
			return false;
	}
	return true;
}

/* --- random ---------------------------------------------------------------------------------- */

static void test_random_bytes_differ_and_fill_the_buffer(void)
{
	uint8_t first[64] = {0}, second[64] = {0};

	begin();
	CU_ASSERT_EQUAL(pluton_random(pluton, first, sizeof(first)), 0);
	CU_ASSERT_EQUAL(pluton_random(pluton, second, sizeof(second)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(first, second, 64), 0);
	CU_ASSERT_FALSE(all(first + 32, 32, 0));
	end();
}

static void test_random_of_several_mebibytes_has_no_hole(void)
{
	uint8_t *bytes = calloc(1, 3 * MIB + 77);

	begin();
	CU_ASSERT_EQUAL(pluton_random(pluton, bytes, 3 * MIB + 77), 0);
	for (size_t at = 0; at + 16 <= 3 * MIB + 77; at += 16)
		CU_ASSERT_FALSE_FATAL(all(bytes + at, 16, 0));
	end();
	free(bytes);
}

/* --- digests --------------------------------------------------------------------------------- */

static void sha256(const uint8_t *bytes, size_t size, uint8_t *ret)
{
	CU_ASSERT_EQUAL(EVP_Digest(bytes, size, ret, NULL, EVP_sha256(), NULL), 1);
}

static void check_digest(const uint8_t *bytes, size_t size)
{
	uint8_t digest[32], wanted[32];
	const struct pluton_digest_request request = {.algorithm = PLUTON_SHA256,
						      .input = bytes,
						      .length = size,
						      .digest = digest,
						      .digest_size = sizeof(digest)};

	CU_ASSERT_EQUAL(pluton_digest(pluton, &request), 0);
	sha256(bytes, size, wanted);
	CU_ASSERT_EQUAL(memcmp(digest, wanted, 32), 0);
}

static void test_digests_of_all_lengths_are_openssls(void)
{
	static const size_t sizes[] = {0,    1,	    55,	     64,  65,	   1023,       1024,
				       4095, 70000, MIB - 1, MIB, MIB + 1, 5 * MIB + 3};
	uint8_t *bytes = bytes_of(5 * MIB + 3, 1);

	begin();
	for (size_t i = 0; i < TESTS_COUNT(sizes); i++)
		check_digest(bytes, sizes[i]);
	end();
	free(bytes);
}

static void test_a_digest_of_shared_memory_needs_no_copy(void)
{
	struct pluton_limits limits;

	begin();
	pluton_get_limits(pluton, &limits);
	uint8_t *bytes = pluton_alloc(pluton, limits.window_size_max / 8);

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	memset(bytes, 7, limits.window_size_max / 8);
	check_digest(bytes, limits.window_size_max / 8);
	check_digest(bytes + 13, 100);
	end();
}

static void test_a_digest_stream_takes_any_pieces_and_is_gone_afterwards(void)
{
	uint8_t digest[32], wanted[32], *bytes = bytes_of(2 * MIB, 5);
	struct pluton_digest_stream stream;
	size_t at = 0;

	begin();
	CU_ASSERT_EQUAL(pluton_digest_begin(pluton, PLUTON_SHA256, &stream), 0);
	for (size_t piece = 1; at + piece <= 2 * MIB; piece = piece * 3 + 1) {
		CU_ASSERT_EQUAL(pluton_digest_update(pluton, &stream, bytes + at, piece), 0);
		at += piece;
	}
	CU_ASSERT_EQUAL(pluton_digest_finish(pluton, &stream, digest, 32), 0);
	sha256(bytes, at, wanted);
	CU_ASSERT_EQUAL(memcmp(digest, wanted, 32), 0);
	CU_ASSERT_EQUAL(pluton_digest_update(pluton, &stream, bytes, 1), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(pluton_digest_finish(pluton, &stream, digest, 32), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(pluton_digest_begin(pluton, PLUTON_SHA256, &stream), 0);
	CU_ASSERT_EQUAL(pluton_digest_abort(pluton, &stream), 0);
	CU_ASSERT_EQUAL(pluton_digest_abort(pluton, &stream), -PLUTON_ERESERVE);
	end();
	free(bytes);
}

/* --- CTR ------------------------------------------------------------------------------------- */

static void evp(const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *iv, const uint8_t *in,
		size_t size, uint8_t *out)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int n;

	CU_ASSERT_EQUAL(EVP_EncryptInit_ex(context, cipher, NULL, key, iv), 1);
	CU_ASSERT_EQUAL(EVP_EncryptUpdate(context, out, &n, in, (int)size), 1);
	EVP_CIPHER_CTX_free(context);
}

static void check_ctr(const uint8_t *ctr, size_t size)
{
	uint8_t *key = bytes_of(32, 3), *in = bytes_of(size, 4);
	uint8_t *out = bytes_of(size, 5), *wanted = bytes_of(size, 6);
	const struct pluton_aes_ctr_request request = {.key = key,
						       .key_size = 32,
						       .ctr = ctr,
						       .ctr_bits = 128,
						       .input = in,
						       .output = out,
						       .length = size};

	CU_ASSERT_EQUAL(pluton_aes_ctr(pluton, &request), 0);
	evp(EVP_aes_256_ctr(), key, ctr, in, size, wanted);
	CU_ASSERT_EQUAL(memcmp(out, wanted, size), 0);
	free(key);
	free(in);
	free(out);
	free(wanted);
}

static void test_ctr_of_all_lengths_is_openssls_across_carries(void)
{
	static const size_t sizes[] = {1, 15, 16, 17, 500, 5000, MIB, MIB + 1, 3 * MIB + 5};
	const uint8_t zero[16] = {0};
	const uint8_t carry[16] = {[7] = 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0};

	begin();
	for (size_t i = 0; i < TESTS_COUNT(sizes); i++) {
		check_ctr(zero, sizes[i]);
		check_ctr(carry, sizes[i]);
	}
	end();
}

static void test_a_ctr_stream_is_openssls(void)
{
	uint8_t key[16] = {1}, ctr[16] = {2}, *in = bytes_of(MIB + 99, 4);
	uint8_t *out = bytes_of(MIB + 99, 5), *wanted = bytes_of(MIB + 99, 6);
	const struct pluton_aes_begin_request request = {.mode = PLUTON_AES_CTR,
							 .direction = PLUTON_AES_ENCRYPT,
							 .key = key,
							 .key_size = 16,
							 .iv = ctr,
							 .ctr_bits = 128};
	struct pluton_aes_stream stream;

	begin();
	CU_ASSERT_EQUAL(pluton_aes_begin(pluton, &request, &stream), 0);
	CU_ASSERT_EQUAL(pluton_aes_update(pluton, &stream, in, out, 5), 0);
	CU_ASSERT_EQUAL(pluton_aes_update(pluton, &stream, in + 5, out + 5, MIB + 94), 0);
	CU_ASSERT_EQUAL(pluton_aes_finish(pluton, &stream, NULL), 0);
	evp(EVP_aes_128_ctr(), key, ctr, in, MIB + 99, wanted);
	CU_ASSERT_EQUAL(memcmp(out, wanted, MIB + 99), 0);
	CU_ASSERT_EQUAL(pluton_aes_abort(pluton, &stream), -PLUTON_ERESERVE);
	end();
	free(in);
	free(out);
	free(wanted);
}

/* --- GCM ------------------------------------------------------------------------------------- */

struct gcm {
	uint8_t key[32], iv[12], tag[16];
	uint8_t *aad, *in, *out, *back;
	struct pluton_aes_gcm_request request;
};

static void gcm_make(struct gcm *gcm, size_t size, size_t aad_size)
{
	*gcm = (struct gcm){.key = {1, 2, 3}, .iv = {4, 5, 6}};
	gcm->aad = bytes_of(aad_size, 1);
	gcm->in = bytes_of(size, 2);
	gcm->out = bytes_of(size, 3);
	gcm->back = calloc(1, size + 1);
	gcm->request = (struct pluton_aes_gcm_request){.key = gcm->key,
						       .key_size = 32,
						       .iv = gcm->iv,
						       .aad = gcm->aad,
						       .aad_length = aad_size,
						       .input = gcm->in,
						       .output = gcm->out,
						       .length = size,
						       .tag = gcm->tag};
}

static void gcm_free(struct gcm *gcm)
{
	free(gcm->aad);
	free(gcm->in);
	free(gcm->out);
	free(gcm->back);
}

/* What OpenSSL makes of it equals `out` and `tag`. */
static void gcm_compare(const struct gcm *gcm)
{
	const struct pluton_aes_gcm_request *request = &gcm->request;
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t *wanted = bytes_of(request->length, 9), tag[16];
	int n;

	EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, gcm->key, gcm->iv);
	EVP_EncryptUpdate(context, NULL, &n, gcm->aad, (int)request->aad_length);
	EVP_EncryptUpdate(context, wanted, &n, gcm->in, (int)request->length);
	EVP_EncryptFinal_ex(context, wanted + n, &n);
	EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag);
	CU_ASSERT_EQUAL(memcmp(gcm->out, wanted, request->length), 0);
	CU_ASSERT_EQUAL(memcmp(gcm->tag, tag, 16), 0);
	EVP_CIPHER_CTX_free(context);
	free(wanted);
}

static void check_gcm(size_t size, size_t aad_size)
{
	struct gcm gcm;

	gcm_make(&gcm, size, aad_size);
	CU_ASSERT_EQUAL(pluton_aes_gcm_encrypt(pluton, &gcm.request), 0);
	gcm_compare(&gcm);
	gcm.request.input = gcm.out;
	gcm.request.output = gcm.back;
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &gcm.request), 0);
	CU_ASSERT_EQUAL(memcmp(gcm.in, gcm.back, size), 0);
	gcm_free(&gcm);
}

static void test_gcm_of_all_lengths_is_openssls_and_comes_back(void)
{
	static const size_t sizes[][2] = {{0, 0},	{0, 20},	 {1, 0},
					  {16, 16},	{100, 300},	 {2000, 0},
					  {5000, 5000}, {100000, 70000}, {MIB, 13}};

	begin();
	for (size_t i = 0; i < TESTS_COUNT(sizes); i++)
		check_gcm(sizes[i][0], sizes[i][1]);
	end();
}

static void test_gcm_encrypts_a_message_of_many_mebibytes(void)
{
	struct gcm gcm;

	gcm_make(&gcm, 20 * MIB, 0);
	begin();
	CU_ASSERT_EQUAL(pluton_aes_gcm_encrypt(pluton, &gcm.request), 0);
	gcm_compare(&gcm);
	end();
	gcm_free(&gcm);
}

static void test_a_message_that_was_changed_is_not_opened_and_nothing_is_written(void)
{
	static const size_t sizes[] = {10, 5000, 300000};
	struct gcm gcm;

	begin();
	for (size_t i = 0; i < TESTS_COUNT(sizes); i++) {
		gcm_make(&gcm, sizes[i], 5);
		CU_ASSERT_EQUAL(pluton_aes_gcm_encrypt(pluton, &gcm.request), 0);
		gcm.out[sizes[i] - 1] ^= 1;
		gcm.request.input = gcm.out;
		gcm.request.output = gcm.back;
		CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &gcm.request), -PLUTON_EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "tag does not match"));
		CU_ASSERT(all(gcm.back, sizes[i], 0));
		gcm_free(&gcm);
	}
	end();
}

static void test_nothing_is_written_to_shared_memory_before_the_tag_is_right(void)
{
	struct gcm gcm;

	begin();
	uint8_t *in = pluton_alloc(pluton, 100000), *out = pluton_alloc(pluton, 100000);

	gcm_make(&gcm, 100000, 0);
	CU_ASSERT_EQUAL(pluton_aes_gcm_encrypt(pluton, &gcm.request), 0);
	memcpy(in, gcm.out, 100000);
	gcm.tag[15] ^= 0x80;
	gcm.request.input = in;
	gcm.request.output = out;
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &gcm.request), -PLUTON_EINVAL);
	CU_ASSERT(all(out, 100000, 0));
	gcm.tag[15] ^= 0x80;
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &gcm.request), 0);
	CU_ASSERT_EQUAL(memcmp(out, gcm.in, 100000), 0);
	gcm_free(&gcm);
	end();
}

/* 4 MiB and the default scratch: a sealed copy is decrypted, whatever memory the message is in. */
static void check_long_decryption(uint8_t *in)
{
	struct gcm gcm;

	gcm_make(&gcm, 4 * MIB, 20);
	CU_ASSERT_EQUAL(pluton_aes_gcm_encrypt(pluton, &gcm.request), 0);
	memcpy(in, gcm.out, 4 * MIB);
	gcm.request.input = in;
	gcm.request.output = gcm.out;
	memset(gcm.out, 0x55, 4 * MIB);
	gcm.tag[0] ^= 1;
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &gcm.request), -PLUTON_EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "tag"));
	CU_ASSERT(all(gcm.out, 4 * MIB, 0x55));
	gcm.tag[0] ^= 1;
	CU_ASSERT_EQUAL(pluton_aes_gcm_decrypt(pluton, &gcm.request), 0);
	CU_ASSERT_EQUAL(memcmp(gcm.out, gcm.in, 4 * MIB), 0);
	gcm_free(&gcm);
}

static void test_decryption_of_more_than_the_scratch_uses_a_sealed_copy(void)
{
	uint8_t *ordinary = malloc(4 * MIB);
	uint32_t before, after;

	begin();
	check_long_decryption(ordinary);
	CU_ASSERT_EQUAL(pluton_memop(pluton, PLUTON_MEMOP_WINDOWS, 0, &before), 0);
	for (unsigned i = 0; i < 10; i++)
		check_long_decryption(ordinary);
	CU_ASSERT_EQUAL(pluton_memop(pluton, PLUTON_MEMOP_WINDOWS, 0, &after), 0);
	CU_ASSERT_EQUAL(after, before);
	check_long_decryption(pluton_alloc(pluton, 4 * MIB));
	end();
	free(ordinary);
}

static void test_gcm_cannot_be_decrypted_in_pieces(void)
{
	uint8_t key[16] = {0}, iv[12] = {0};
	struct pluton_aes_begin_request request = {.mode = PLUTON_AES_GCM,
						   .direction = PLUTON_AES_DECRYPT,
						   .key = key,
						   .key_size = 16,
						   .iv = iv};
	struct pluton_aes_stream stream;

	begin();
	CU_ASSERT_EQUAL(pluton_aes_begin(pluton, &request, &stream), -PLUTON_ENOSUPPORT);
	end();
}

static void test_a_gcm_stream_gives_what_one_message_gives(void)
{
	struct pluton_aes_begin_request request = {.mode = PLUTON_AES_GCM,
						   .direction = PLUTON_AES_ENCRYPT,
						   .key_size = 32,
						   .aad_length = 33};
	struct pluton_aes_stream stream;
	struct gcm gcm;

	gcm_make(&gcm, 50000, 33);
	request.key = gcm.key;
	request.iv = gcm.iv;
	request.aad = gcm.aad;
	begin();
	CU_ASSERT_EQUAL(pluton_aes_begin(pluton, &request, &stream), 0);
	CU_ASSERT_EQUAL(pluton_aes_update(pluton, &stream, gcm.in, gcm.out, 100), 0);
	CU_ASSERT_EQUAL(pluton_aes_update(pluton, &stream, gcm.in + 100, gcm.out + 100, 49900), 0);
	CU_ASSERT_EQUAL(pluton_aes_finish(pluton, &stream, gcm.tag), 0);
	gcm_compare(&gcm);
	end();
	gcm_free(&gcm);
}

/* --- asynchronous ---------------------------------------------------------------------------- */

static unsigned done_count;
static int done_status;

static void note_done(struct pluton *of, int status, void *userdata)
{
	(void)of;
	(void)userdata;
	done_count++;
	done_status = status;
}

static void wait_done(unsigned count)
{
	while (done_count < count) {
		struct pollfd fd = {.fd = pluton_get_fd(pluton),
				    .events = pluton_get_events(pluton)};

		CU_ASSERT_EQUAL_FATAL(poll(&fd, 1, 60000), 1);
		CU_ASSERT_FATAL(pluton_dispatch(pluton) >= 0);
	}
}

static void test_as_many_operations_as_allowed_run_at_once_and_one_more_is_busy(void)
{
	struct pluton_limits limits;
	struct gcm gcm[64];
	unsigned count;

	begin();
	done_count = 0;
	pluton_get_limits(pluton, &limits);
	count = limits.operations_max < 63 ? limits.operations_max : 63;
	for (unsigned i = 0; i <= count; i++) {
		int wanted = i == limits.operations_max ? -PLUTON_EBUSY : 0;

		gcm_make(&gcm[i], 10000 + i, i);
		CU_ASSERT_EQUAL(pluton_aes_gcm_encrypt_async(pluton, &gcm[i].request, note_done,
							     NULL, NULL),
				wanted);
	}
	wait_done(count);
	CU_ASSERT_EQUAL(done_status, 0);
	for (unsigned i = 0; i <= count; i++) {
		if (i < count)
			gcm_compare(&gcm[i]);
		gcm_free(&gcm[i]);
	}
	end();
}

static void test_a_cancelled_operation_still_calls_back(void)
{
	uint8_t digest[32];
	struct pluton_digest_request request = {.algorithm = PLUTON_SHA256,
						.length = 32 * MIB,
						.digest = digest,
						.digest_size = 32};
	pluton_operation_id id;

	begin();
	done_count = 0;
	request.input = pluton_alloc(pluton, 32 * MIB);
	CU_ASSERT_PTR_NOT_NULL_FATAL(request.input);
	CU_ASSERT_EQUAL(pluton_digest_async(pluton, &request, note_done, NULL, &id), 0);
	CU_ASSERT_EQUAL(pluton_cancel(pluton, id), 0);
	wait_done(1);
	CU_ASSERT(done_status == 0 || done_status == -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(pluton_cancel(pluton, id), -PLUTON_EINVAL);
	end();
}

static void test_closing_in_the_middle_harms_nobody_else(void)
{
	struct gcm gcm;

	for (unsigned i = 0; i < 20; i++) {
		gcm_make(&gcm, 200000, 0);
		begin();
		CU_ASSERT_EQUAL(
			pluton_aes_gcm_encrypt_async(pluton, &gcm.request, note_done, NULL, NULL),
			0);
		end();
		gcm_free(&gcm);
	}
	begin();
	check_gcm(1000, 0);
	end();
}

/* --- elliptic curves ------------------------------------------------------------------------- */

/* A key pair and what comes of it, for one curve. */
struct pair {
	struct pluton_ecc_private key;
	struct pluton_ecc_public public, again;
	uint8_t message[48];
	uint8_t signature[PLUTON_ECC_SIGNATURE_MAX];
	uint8_t secret[PLUTON_ECC_SECRET_MAX];
};

static struct pluton_ecc_sign_request sign_of(struct pair *pair)
{
	return (struct pluton_ecc_sign_request){.key = &pair->key,
						.input = pair->message,
						.length = sizeof(pair->message),
						.signature = pair->signature,
						.signature_size = sizeof(pair->signature)};
}

static struct pluton_ecc_verify_request verify_of(const struct pair *pair)
{
	return (struct pluton_ecc_verify_request){
		.key = &pair->public,
		.input = pair->message,
		.length = sizeof(pair->message),
		.signature = pair->signature,
		.signature_size = pluton_ecc_signature_size(pair->key.curve)};
}

static struct pluton_ecc_agree_request agree_of(struct pair *own, const struct pair *peer)
{
	return (struct pluton_ecc_agree_request){.key = &own->key,
						 .peer = &peer->public,
						 .secret = own->secret,
						 .secret_size = sizeof(own->secret)};
}

static void make_pair(struct pair *pair, enum pluton_ecc_curve curve)
{
	*pair = (struct pair){.message = "what is signed"};
	CU_ASSERT_EQUAL(pluton_ecc_generate(pluton, curve, &pair->key, &pair->public), 0);
	CU_ASSERT_EQUAL(pair->key.curve, curve);
	CU_ASSERT_EQUAL(pluton_ecc_public_of(pluton, &pair->key, &pair->again), 0);
	CU_ASSERT_EQUAL(memcmp(&pair->public, &pair->again, sizeof(pair->public)), 0);
}

static void check_signing(struct pair *pair)
{
	struct pluton_ecc_sign_request sign = sign_of(pair);
	struct pluton_ecc_verify_request verify = verify_of(pair);

	CU_ASSERT_EQUAL(pluton_ecc_sign(pluton, &sign), 0);
	CU_ASSERT_EQUAL(pluton_ecc_verify(pluton, &verify), 0);
	pair->message[3] ^= 1;
	CU_ASSERT_EQUAL(pluton_ecc_verify(pluton, &verify), -PLUTON_EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "does not match"));
}

static void check_agreeing(struct pair *one, struct pair *other)
{
	struct pluton_ecc_agree_request here = agree_of(one, other), there = agree_of(other, one);

	CU_ASSERT_EQUAL(pluton_ecc_agree(pluton, &here), 0);
	CU_ASSERT_EQUAL(pluton_ecc_agree(pluton, &there), 0);
	CU_ASSERT_EQUAL(memcmp(one->secret, other->secret, sizeof(one->secret)), 0);
	CU_ASSERT_FALSE(all(one->secret, pluton_ecc_secret_size(one->key.curve), 0));
}

static void test_keys_of_every_curve_sign_and_agree(void)
{
	struct pair one, other;

	begin();
	for (enum pluton_ecc_curve curve = PLUTON_P256; curve <= PLUTON_X25519; curve++) {
		make_pair(&one, curve);
		make_pair(&other, curve);
		CU_ASSERT_NOT_EQUAL(memcmp(one.key.bytes, other.key.bytes, 32), 0);
		if (pluton_ecc_signature_size(curve))
			check_signing(&one);
		if (pluton_ecc_secret_size(curve))
			check_agreeing(&one, &other);
		pluton_ecc_wipe(&one.key);
		CU_ASSERT_TRUE(all(one.key.bytes, sizeof(one.key.bytes), 0));
	}
	end();
}

static void test_keys_are_made_and_used_in_callbacks_too(void)
{
	struct pair one = {.message = "what is signed"}, other = {.message = ""};
	struct pluton_ecc_agree_request agree = agree_of(&one, &other);
	struct pluton_ecc_sign_request sign = sign_of(&one);
	struct pluton_ecc_verify_request verify;
	unsigned count = 0;

	begin();
	done_count = 0;
	CU_ASSERT_EQUAL(pluton_ecc_generate_async(pluton, PLUTON_P384, &one.key, &one.public,
						  note_done, NULL, NULL),
			0);
	CU_ASSERT_EQUAL(pluton_ecc_generate_async(pluton, PLUTON_P384, &other.key, &other.public,
						  note_done, NULL, NULL),
			0);
	wait_done(count += 2);
	CU_ASSERT_EQUAL(
		pluton_ecc_public_of_async(pluton, &one.key, &one.again, note_done, NULL, NULL), 0);
	CU_ASSERT_EQUAL(pluton_ecc_sign_async(pluton, &sign, note_done, NULL, NULL), 0);
	CU_ASSERT_EQUAL(pluton_ecc_agree_async(pluton, &agree, note_done, NULL, NULL), 0);
	wait_done(count += 3);
	CU_ASSERT_EQUAL(memcmp(&one.public, &one.again, sizeof(one.public)), 0);
	verify = verify_of(&one);
	CU_ASSERT_EQUAL(pluton_ecc_verify_async(pluton, &verify, note_done, NULL, NULL), 0);
	wait_done(count += 1);
	CU_ASSERT_EQUAL(done_status, 0);
	one.message[0] ^= 1;
	CU_ASSERT_EQUAL(pluton_ecc_verify_async(pluton, &verify, note_done, NULL, NULL), 0);
	wait_done(count += 1);
	CU_ASSERT_EQUAL(done_status, -PLUTON_EINVAL);
	check_agreeing(&one, &other);
	end();
}

static void test_what_a_curve_has_not_is_refused_before_the_daemon_is_asked(void)
{
	struct pair ed, x, p;
	struct pluton_ecc_sign_request sign;
	struct pluton_ecc_verify_request verify;
	struct pluton_ecc_agree_request agree;

	begin();
	make_pair(&ed, PLUTON_ED25519);
	make_pair(&x, PLUTON_X25519);
	make_pair(&p, PLUTON_P256);
	sign = sign_of(&x);
	CU_ASSERT_EQUAL(pluton_ecc_sign(pluton, &sign), -PLUTON_ENOSUPPORT);
	agree = agree_of(&ed, &ed);
	CU_ASSERT_EQUAL(pluton_ecc_agree(pluton, &agree), -PLUTON_ENOSUPPORT);
	agree = agree_of(&p, &x);
	CU_ASSERT_EQUAL(pluton_ecc_agree(pluton, &agree), -PLUTON_EINVAL);
	sign = sign_of(&p);
	sign.signature_size = 63;
	CU_ASSERT_EQUAL(pluton_ecc_sign(pluton, &sign), -PLUTON_ESIZE);
	verify = verify_of(&p);
	verify.signature_size = 65;
	CU_ASSERT_EQUAL(pluton_ecc_verify(pluton, &verify), -PLUTON_ESIZE);
	p.key.curve = 9;
	CU_ASSERT_EQUAL(pluton_ecc_public_of(pluton, &p.key, &p.again), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(pluton_ecc_generate(pluton, 0, &p.key, &p.public), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(pluton_ecc_by_name("p384"), PLUTON_P384);
	CU_ASSERT_EQUAL(pluton_ecc_by_name("P-384"), 0);
	CU_ASSERT_STRING_EQUAL(pluton_ecc_name(PLUTON_X25519), "x25519");
	CU_ASSERT_PTR_NULL(pluton_ecc_name((enum pluton_ecc_curve)6));
	end();
}

/* --- refusals -------------------------------------------------------------------------------- */

static void test_refusals_come_with_the_daemons_sentence(void)
{
	uint8_t byte;
	struct pluton_request request = {.driver = 0x12345, .command = 1};

	begin();
	CU_ASSERT_EQUAL(pluton_perform(pluton, &request, NULL), -PLUTON_ENODEVICE);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "0x12345"));
	request.driver = PLUTON_DRIVER_RANDOM;
	request.command = 99;
	CU_ASSERT_EQUAL(pluton_perform(pluton, &request, NULL), -PLUTON_ENOSUPPORT);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "99"));
	request.command = 1;
	CU_ASSERT_EQUAL(pluton_perform(pluton, &request, NULL), -PLUTON_ESIZE);
	request.words[0] = 5;
	request.slots[0] = (struct pluton_slot){.out = &byte, .length = 1};
	CU_ASSERT_EQUAL(pluton_perform(pluton, &request, NULL), -PLUTON_EINVAL);
	request.words[0] = 0;
	CU_ASSERT_EQUAL(pluton_perform(pluton, &request, NULL), 0);
	end();
}

/* --- raw calls ------------------------------------------------------------------------------- */

static void note_upcall(struct pluton *of, const uint32_t words[3], void *userdata)
{
	(void)of;
	memcpy(userdata, words, 3 * sizeof(*words));
}

static void test_allow_subscribe_command_yield_as_on_the_chip(void)
{
	uint32_t words[3] = {9, 9, 9};
	struct pluton_return answer;
	struct pluton_range range, old;

	begin();
	uint8_t *memory = pluton_alloc(pluton, 32);

	CU_ASSERT_EQUAL(pluton_range_of(pluton, memory, 32, &range), 0);
	CU_ASSERT_EQUAL(pluton_command(pluton, PLUTON_DRIVER_RANDOM, 0, 0, 0, &answer), 0);
	CU_ASSERT_EQUAL(pluton_allow_rw(pluton, PLUTON_DRIVER_RANDOM, 0, &range, &old), 0);
	CU_ASSERT_EQUAL(old.length, 0);
	CU_ASSERT_EQUAL(pluton_subscribe(pluton, PLUTON_DRIVER_RANDOM, 0, note_upcall, words), 0);
	CU_ASSERT_EQUAL(pluton_command(pluton, PLUTON_DRIVER_RANDOM, 1, 0, 0, &answer), 0);
	CU_ASSERT_EQUAL(words[0], 9);
	CU_ASSERT_EQUAL(pluton_yield_wait(pluton), 0);
	CU_ASSERT_EQUAL(words[0], 0);
	CU_ASSERT_FALSE(all(memory, 32, 0));
	range.length = 0;
	CU_ASSERT_EQUAL(pluton_allow_rw(pluton, PLUTON_DRIVER_RANDOM, 0, &range, &old), 0);
	CU_ASSERT_EQUAL(old.length, 32);
	CU_ASSERT_EQUAL(pluton_command(pluton, PLUTON_DRIVER_RANDOM, 1, 0, 0, &answer),
			-PLUTON_ESIZE);
	end();
}

static void test_yield_wait_for_needs_no_subscription(void)
{
	struct pluton_return answer;
	struct pluton_range range;
	uint32_t words[3] = {9, 9, 9};

	begin();
	uint8_t *memory = pluton_alloc(pluton, 32);

	CU_ASSERT_EQUAL(pluton_range_of(pluton, memory, 32, &range), 0);
	CU_ASSERT_EQUAL(pluton_allow_rw(pluton, PLUTON_DRIVER_RANDOM, 0, &range, NULL), 0);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(pluton_command(pluton, PLUTON_DRIVER_RANDOM, 1, 0, 0, &answer), 0);
		CU_ASSERT_EQUAL(pluton_yield_wait_for(pluton, PLUTON_DRIVER_RANDOM, 0, words), 0);
		CU_ASSERT_EQUAL(words[0], 0);
	}
	CU_ASSERT_FALSE(all(memory, 32, 0));
	end();
}

static void test_raw_calls_that_are_wrong_are_refused(void)
{
	const struct pluton_range outside = {200, 0, 1}, none = {0};
	struct pluton_return answer;
	uint32_t value;

	begin();
	CU_ASSERT_EQUAL(pluton_command(pluton, 0x777, 0, 0, 0, &answer), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(pluton_command(pluton, PLUTON_DRIVER_RANDOM, 77, 0, 0, &answer),
			-PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(pluton_allow_rw(pluton, PLUTON_DRIVER_RANDOM, 0, &outside, NULL),
			-PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_allow_ro(pluton, PLUTON_DRIVER_RANDOM, 0, &none, NULL),
			-PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_allow_rw(pluton, PLUTON_DRIVER_RANDOM, 8, &none, NULL),
			-PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_memop(pluton, 1, 0, &value), -PLUTON_ENOSUPPORT);
	end();
}

static void test_memop_accounts_for_this_process(void)
{
	uint32_t limit, used, windows;

	begin();
	CU_ASSERT_EQUAL(pluton_memop(pluton, PLUTON_MEMOP_LIMIT, 0, &limit), 0);
	CU_ASSERT_EQUAL(pluton_memop(pluton, PLUTON_MEMOP_USED, 0, &used), 0);
	CU_ASSERT_EQUAL(pluton_memop(pluton, PLUTON_MEMOP_WINDOWS, 0, &windows), 0);
	CU_ASSERT(used > 0 && used < limit);
	CU_ASSERT_EQUAL(windows, 0);
	check_gcm(5000, 0);
	CU_ASSERT_EQUAL(pluton_memop(pluton, PLUTON_MEMOP_WINDOWS, 0, &windows), 0);
	CU_ASSERT_EQUAL(windows, 1);
	end();
}

static void test_windows_of_large_requests_are_given_back(void)
{
	uint32_t windows;
	struct gcm gcm;

	gcm_make(&gcm, 20 * MIB, 0);
	begin();
	for (unsigned i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(pluton_aes_gcm_encrypt(pluton, &gcm.request), 0);
	CU_ASSERT_EQUAL(pluton_memop(pluton, PLUTON_MEMOP_WINDOWS, 0, &windows), 0);
	CU_ASSERT(windows <= 1);
	end();
	gcm_free(&gcm);
}

static void test_exit_ends_the_process_over_there(void)
{
	struct pluton_process_row *rows = NULL;
	struct pluton_limits gone;
	struct pluton *other;
	size_t count = 0;

	begin();
	CU_ASSERT_EQUAL_FATAL(pluton_open(NULL, &other), 0);
	pluton_get_limits(other, &gone);
	CU_ASSERT_EQUAL(pluton_exit(other, 0), 0);
	CU_ASSERT_EQUAL(pluton_dispatch(other), -PLUTON_EOFF);
	CU_ASSERT_EQUAL(pluton_list_processes(pluton, &rows, &count), 0);
	for (size_t i = 0; i < count; i++)
		CU_ASSERT(rows[i].index != gone.process_index ||
			  rows[i].generation != gone.process_generation);
	free(rows);
	pluton_close(other);
	end();
}

/* --- manager --------------------------------------------------------------------------------- */

static void test_status_is_that_of_the_daemon_that_greeted(void)
{
	struct pluton_status status;
	struct pluton_limits limits;

	begin();
	pluton_get_limits(pluton, &limits);
	CU_ASSERT_EQUAL(pluton_get_status(pluton, &status), 0);
	CU_ASSERT_EQUAL(status.pid, limits.daemon_pid);
	CU_ASSERT(status.processes >= 1);
	CU_ASSERT(status.pool_taken > 0 && status.pool_taken <= status.pool_size);
	CU_ASSERT(strlen(status.version) > 0);
	end();
}

static void test_capsules_engines_and_limits_are_listed(void)
{
	struct pluton_capsule_row *capsules = NULL;
	struct pluton_engine_row *engines = NULL;
	struct pluton_limit_row *limits = NULL;
	unsigned found = 0;
	size_t count = 0;

	begin();
	CU_ASSERT_EQUAL_FATAL(pluton_list_capsules(pluton, &capsules, &count), 0);
	for (size_t i = 0; i < count; i++) {
		found += strcmp(capsules[i].name, "rng") == 0 && capsules[i].driver == 0x40001;
		found += strcmp(capsules[i].name, "aes") == 0 && capsules[i].commands == 6;
	}
	CU_ASSERT_EQUAL(found, 2);
	CU_ASSERT_EQUAL_FATAL(pluton_list_engines(pluton, &engines, &count), 0);
	CU_ASSERT(count >= 3);
	CU_ASSERT_EQUAL_FATAL(pluton_list_limits(pluton, &limits, &count), 0);
	CU_ASSERT(count >= 5);
	free(capsules);
	free(engines);
	free(limits);
	end();
}

static void test_every_connection_of_ours_is_listed_with_its_id(void)
{
	struct pluton *others[40];
	struct pluton_process_row *rows = NULL;
	struct pluton_limits mine;
	size_t count = 0;
	unsigned found = 0;

	begin();
	pluton_get_limits(pluton, &mine);
	for (size_t i = 0; i < 40; i++)
		CU_ASSERT_EQUAL_FATAL(pluton_open(NULL, &others[i]), 0);
	CU_ASSERT_EQUAL_FATAL(pluton_list_processes(pluton, &rows, &count), 0);
	CU_ASSERT(count >= 41);
	for (size_t i = 0; i < count; i++)
		found += rows[i].index == mine.process_index &&
			 rows[i].generation == mine.process_generation &&
			 rows[i].pid == (uint32_t)getpid() && rows[i].uid == getuid();
	CU_ASSERT_EQUAL(found, 1);
	free(rows);
	for (size_t i = 0; i < 40; i++)
		pluton_close(others[i]);
	end();
}

static void test_the_log_level_can_be_set(void)
{
	struct pluton_status before, after;

	begin();
	CU_ASSERT_EQUAL(pluton_get_status(pluton, &before), 0);
	CU_ASSERT_EQUAL(pluton_set_log_level(pluton, PLUTON_LOG_ERROR), 0);
	CU_ASSERT_EQUAL(pluton_get_status(pluton, &after), 0);
	CU_ASSERT_EQUAL(after.log_level, PLUTON_LOG_ERROR);
	CU_ASSERT_EQUAL(pluton_set_log_level(pluton, (enum pluton_log_level)99), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_set_log_level(pluton, (enum pluton_log_level)before.log_level), 0);
	end();
}

static const struct test tests[] = {
	TEST(test_random_bytes_differ_and_fill_the_buffer),
	TEST(test_random_of_several_mebibytes_has_no_hole),
	TEST(test_digests_of_all_lengths_are_openssls),
	TEST(test_a_digest_of_shared_memory_needs_no_copy),
	TEST(test_a_digest_stream_takes_any_pieces_and_is_gone_afterwards),
	TEST(test_ctr_of_all_lengths_is_openssls_across_carries),
	TEST(test_a_ctr_stream_is_openssls),
	TEST(test_gcm_of_all_lengths_is_openssls_and_comes_back),
	TEST(test_gcm_encrypts_a_message_of_many_mebibytes),
	TEST(test_a_message_that_was_changed_is_not_opened_and_nothing_is_written),
	TEST(test_nothing_is_written_to_shared_memory_before_the_tag_is_right),
	TEST(test_decryption_of_more_than_the_scratch_uses_a_sealed_copy),
	TEST(test_gcm_cannot_be_decrypted_in_pieces),
	TEST(test_a_gcm_stream_gives_what_one_message_gives),
	TEST(test_as_many_operations_as_allowed_run_at_once_and_one_more_is_busy),
	TEST(test_a_cancelled_operation_still_calls_back),
	TEST(test_closing_in_the_middle_harms_nobody_else),
	TEST(test_keys_of_every_curve_sign_and_agree),
	TEST(test_keys_are_made_and_used_in_callbacks_too),
	TEST(test_what_a_curve_has_not_is_refused_before_the_daemon_is_asked),
	TEST(test_refusals_come_with_the_daemons_sentence),
	TEST(test_allow_subscribe_command_yield_as_on_the_chip),
	TEST(test_yield_wait_for_needs_no_subscription),
	TEST(test_raw_calls_that_are_wrong_are_refused),
	TEST(test_memop_accounts_for_this_process),
	TEST(test_windows_of_large_requests_are_given_back),
	TEST(test_exit_ends_the_process_over_there),
	TEST(test_status_is_that_of_the_daemon_that_greeted),
	TEST(test_capsules_engines_and_limits_are_listed),
	TEST(test_every_connection_of_ours_is_listed_with_its_id),
	TEST(test_the_log_level_can_be_set),
};

/* Becomes this program once more, with a daemon of its own. */
static int run_privately(char **argv, int argc)
{
	const char *build = getenv("PLUTON_BUILD");
	char path[4096], self[4096], **arguments = calloc((size_t)argc + 3, sizeof(*arguments));
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (!build || !arguments || n < 0) {
		fprintf(stderr, "PLUTON_BUILD must name the build tree\n");
		return EXIT_FAILURE;
	}
	snprintf(path, sizeof(path), "%s/pluton-run", build);
	arguments[0] = path;
	arguments[1] = (char *)(uintptr_t) "--";
	memcpy(arguments + 2, argv, (size_t)argc * sizeof(*argv));
	self[n] = '\0'; /* not argv[0], which may be relative */
	arguments[2] = self;
	execv(path, arguments);
	perror(path);
	free(arguments);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	if (!getenv("PLUTON_ADDRESS"))
		return run_privately(argv, argc);
	return suite_main(argc, argv, "library", tests, TESTS_COUNT(tests));
}
