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

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <pluton/aes.h>
#include <pluton/digest.h>
#include <pluton/ecc.h>
#include <pluton/mac.h>
#include <pluton/manager.h>
#include <pluton/random.h>

#include "tests/integration/privately.h"

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

/* --- MACs ------------------------------------------------------------------------------------ */

static const struct {
	enum pluton_mac_algorithm algorithm;
	const char *name;
	size_t key_size;
	const char *evp;
	const char *parameter; /* and its value */
	const char *value;
} macs[] = {
	{PLUTON_HMAC_SHA1, "hmac-sha1", 1, "HMAC", OSSL_MAC_PARAM_DIGEST, "SHA1"},
	{PLUTON_HMAC_SHA224, "hmac-sha224", 28, "HMAC", OSSL_MAC_PARAM_DIGEST, "SHA224"},
	{PLUTON_HMAC_SHA256, "hmac-sha256", 32, "HMAC", OSSL_MAC_PARAM_DIGEST, "SHA256"},
	{PLUTON_HMAC_SHA384, "hmac-sha384", 129, "HMAC", OSSL_MAC_PARAM_DIGEST, "SHA384"},
	{PLUTON_HMAC_SHA512, "hmac-sha512", 1024, "HMAC", OSSL_MAC_PARAM_DIGEST, "SHA512"},
	{PLUTON_HMAC_SHA3_256, "hmac-sha3-256", 137, "HMAC", OSSL_MAC_PARAM_DIGEST, "SHA3-256"},
	{PLUTON_HMAC_SHA3_384, "hmac-sha3-384", 48, "HMAC", OSSL_MAC_PARAM_DIGEST, "SHA3-384"},
	{PLUTON_HMAC_SHA3_512, "hmac-sha3-512", 72, "HMAC", OSSL_MAC_PARAM_DIGEST, "SHA3-512"},
	{PLUTON_CMAC_AES, "cmac", 16, "CMAC", OSSL_MAC_PARAM_CIPHER, "AES-128-CBC"},
	{PLUTON_CMAC_AES, "cmac", 24, "CMAC", OSSL_MAC_PARAM_CIPHER, "AES-192-CBC"},
	{PLUTON_CMAC_AES, "cmac", 32, "CMAC", OSSL_MAC_PARAM_CIPHER, "AES-256-CBC"},
};

static uint8_t mac_key[1024];
static uint8_t mac_out[PLUTON_MAC_SIZE_MAX];

static struct pluton_mac_request mac_request(size_t i, const uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at < sizeof(mac_key); at++)
		mac_key[at] = (uint8_t)(at * 7 + i);
	return (struct pluton_mac_request){.algorithm = macs[i].algorithm,
					   .key = mac_key,
					   .key_size = macs[i].key_size,
					   .input = bytes,
					   .length = size,
					   .mac = mac_out,
					   .mac_size = pluton_mac_size(macs[i].algorithm)};
}

static void mac_by_openssl(size_t i, const uint8_t *bytes, size_t size, uint8_t *ret)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(macs[i].parameter, (char *)(uintptr_t)macs[i].value,
				       strlen(macs[i].value)),
		OSSL_PARAM_END,
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, macs[i].evp, NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
	size_t made = 0;

	CU_ASSERT_EQUAL(EVP_MAC_init(context, mac_key, macs[i].key_size, params), 1);
	CU_ASSERT_EQUAL(EVP_MAC_update(context, bytes, size), 1);
	CU_ASSERT_EQUAL(EVP_MAC_final(context, ret, &made, PLUTON_MAC_SIZE_MAX), 1);
	CU_ASSERT_EQUAL(made, pluton_mac_size(macs[i].algorithm));
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(mac);
}

static void check_mac(size_t i, const uint8_t *bytes, size_t size)
{
	struct pluton_mac_request request = mac_request(i, bytes, size);
	uint8_t wanted[PLUTON_MAC_SIZE_MAX];

	mac_by_openssl(i, bytes, size, wanted);
	CU_ASSERT_EQUAL(pluton_mac(pluton, &request), 0);
	CU_ASSERT_EQUAL(memcmp(mac_out, wanted, request.mac_size), 0);
	CU_ASSERT_EQUAL(pluton_mac_verify(pluton, &request), 0);
	mac_out[request.mac_size - 1] ^= 1;
	CU_ASSERT_EQUAL(pluton_mac_verify(pluton, &request), -PLUTON_EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "does not match"));
	request.mac_size = 7;
	CU_ASSERT_EQUAL(pluton_mac_verify(pluton, &request), 0);
}

static void test_macs_of_all_algorithms_and_lengths_are_openssls(void)
{
	static const size_t sizes[] = {0, 1, 16, 17, 64, 1024, 4095, 70000, 3 * MIB + 3};
	uint8_t *bytes = bytes_of(3 * MIB + 3, 1), *shared;

	begin();
	for (size_t i = 0; i < TESTS_COUNT(macs); i++) {
		CU_ASSERT_EQUAL(pluton_mac_by_name(macs[i].name), macs[i].algorithm);
		for (size_t j = 0; j < TESTS_COUNT(sizes); j++)
			check_mac(i, bytes, sizes[j]);
	}
	shared = pluton_alloc(pluton, 3 * MIB);
	CU_ASSERT_PTR_NOT_NULL_FATAL(shared);
	memcpy(shared, bytes, 3 * MIB);
	for (size_t i = 0; i < TESTS_COUNT(macs); i++)
		check_mac(i, shared + 5, 3 * MIB - 5);
	end();
	free(bytes);
}

static size_t begin_mac_stream(size_t i, const uint8_t *bytes, struct pluton_mac_stream *ret)
{
	size_t at = 0;

	CU_ASSERT_EQUAL(pluton_mac_begin(pluton, macs[i].algorithm, mac_key, macs[i].key_size, ret),
			0);
	for (size_t piece = 1; at + piece <= 2 * MIB; piece = piece * 3 + 1) {
		CU_ASSERT_EQUAL(pluton_mac_update(pluton, ret, bytes + at, piece), 0);
		at += piece;
	}
	return at;
}

static void check_mac_stream(size_t i, const uint8_t *bytes)
{
	struct pluton_mac_request request = mac_request(i, bytes, 0);
	struct pluton_mac_stream stream;
	uint8_t wanted[PLUTON_MAC_SIZE_MAX];
	size_t size = begin_mac_stream(i, bytes, &stream);

	mac_by_openssl(i, bytes, size, wanted);
	CU_ASSERT_EQUAL(pluton_mac_finish(pluton, &stream, mac_out, 3), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_mac_finish(pluton, &stream, mac_out, request.mac_size), 0);
	CU_ASSERT_EQUAL(memcmp(mac_out, wanted, request.mac_size), 0);
	CU_ASSERT_EQUAL(pluton_mac_update(pluton, &stream, bytes, 1), -PLUTON_ERESERVE);
	begin_mac_stream(i, bytes, &stream);
	CU_ASSERT_EQUAL(pluton_mac_finish_verify(pluton, &stream, wanted, request.mac_size), 0);
	begin_mac_stream(i, bytes, &stream);
	wanted[0] ^= 1;
	CU_ASSERT_EQUAL(pluton_mac_finish_verify(pluton, &stream, wanted, 4), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_mac_abort(pluton, &stream), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(
		pluton_mac_begin(pluton, macs[i].algorithm, mac_key, macs[i].key_size, &stream), 0);
	CU_ASSERT_EQUAL(pluton_mac_abort(pluton, &stream), 0);
}

static void test_a_mac_stream_takes_any_pieces_and_is_gone_afterwards(void)
{
	uint8_t *bytes = bytes_of(2 * MIB, 5);

	begin();
	for (size_t i = 0; i < TESTS_COUNT(macs); i++)
		check_mac_stream(i, bytes);
	end();
	free(bytes);
}

/* Takes all windows, and what is in them down to less than a piece of a stream. */
static void use_up_windows(void)
{
	while (pluton_alloc(pluton, MIB / 2))
		;
	CU_ASSERT_EQUAL(pluton_alloc_error(pluton), -PLUTON_ENOMEM);
}

static void check_no_memory(int r)
{
	CU_ASSERT_EQUAL(r, -PLUTON_ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "windows are in use"));
}

static void test_a_long_message_that_no_memory_is_left_for_leaves_no_stream(void)
{
	uint8_t digest[32], *bytes = bytes_of(2 * MIB, 5);
	const struct pluton_digest_request hash = {.algorithm = PLUTON_SHA256,
						   .input = bytes,
						   .length = 2 * MIB,
						   .digest = digest,
						   .digest_size = sizeof(digest)};
	const struct pluton_mac_request hmac = mac_request(2, bytes, 2 * MIB);
	const struct pluton_mac_request cmac = mac_request(8, bytes, 2 * MIB);
	struct pluton_digest_stream digest_stream;
	struct pluton_mac_stream stream;

	begin();
	use_up_windows();
	for (unsigned i = 0; i < 20; i++) { /* grants_per_capsule is 16 */
		check_no_memory(pluton_digest(pluton, &hash));
		check_no_memory(pluton_mac(pluton, &hmac));
		check_no_memory(pluton_mac_verify(pluton, &cmac));
	}
	CU_ASSERT_EQUAL(pluton_digest_begin(pluton, PLUTON_SHA256, &digest_stream), 0);
	CU_ASSERT_EQUAL(digest_stream.id, 0);
	CU_ASSERT_EQUAL(pluton_mac_begin(pluton, PLUTON_HMAC_SHA256, mac_key, 32, &stream), 0);
	CU_ASSERT_EQUAL(stream.id, 0);
	CU_ASSERT_EQUAL(pluton_mac_begin(pluton, PLUTON_CMAC_AES, mac_key, 16, &stream), 0);
	CU_ASSERT_EQUAL(stream.id, 0);
	end();
	free(bytes);
}

static void test_a_mac_request_of_wrong_sizes_is_refused_before_it_is_sent(void)
{
	struct pluton_mac_request request = mac_request(2, NULL, 0);
	struct pluton_mac_stream stream;

	begin();
	request.key_size = 0;
	CU_ASSERT_EQUAL(pluton_mac(pluton, &request), -PLUTON_ESIZE);
	request.key_size = 1025;
	CU_ASSERT_EQUAL(pluton_mac(pluton, &request), -PLUTON_ESIZE);
	request.key_size = 32;
	request.mac_size = 33;
	CU_ASSERT_EQUAL(pluton_mac(pluton, &request), -PLUTON_ESIZE);
	request.mac_size = 3;
	CU_ASSERT_EQUAL(pluton_mac_verify(pluton, &request), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_mac_async(pluton, &request, NULL, NULL, NULL), -PLUTON_ESIZE);
	request.algorithm = (enum pluton_mac_algorithm)9;
	CU_ASSERT_EQUAL(pluton_mac(pluton, &request), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(pluton_mac_begin(pluton, PLUTON_CMAC_AES, mac_key, 20, &stream),
			-PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_mac_by_name("hmac-md5"), 0);
	end();
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

static void test_macs_are_made_and_verified_asynchronously(void)
{
	uint8_t *bytes = bytes_of(300000, 3), wanted[PLUTON_MAC_SIZE_MAX];
	struct pluton_mac_request request = mac_request(8, bytes, 300000);
	struct pluton_mac_stream stream;

	begin();
	mac_by_openssl(8, bytes, 300000, wanted);
	done_count = 0;
	CU_ASSERT_EQUAL(pluton_mac_async(pluton, &request, note_done, NULL, NULL), 0);
	wait_done(1);
	CU_ASSERT_EQUAL(done_status, 0);
	CU_ASSERT_EQUAL(memcmp(mac_out, wanted, 16), 0);
	CU_ASSERT_EQUAL(pluton_mac_verify_async(pluton, &request, note_done, NULL, NULL), 0);
	wait_done(2);
	CU_ASSERT_EQUAL(done_status, 0);
	mac_out[3] ^= 1;
	CU_ASSERT_EQUAL(pluton_mac_verify_async(pluton, &request, note_done, NULL, NULL), 0);
	wait_done(3);
	CU_ASSERT_EQUAL(done_status, -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(pluton_mac_begin(pluton, PLUTON_CMAC_AES, mac_key, 16, &stream), 0);
	CU_ASSERT_EQUAL(
		pluton_mac_update_async(pluton, &stream, bytes, 300000, note_done, NULL, NULL), 0);
	wait_done(4);
	CU_ASSERT_EQUAL(pluton_mac_finish_verify(pluton, &stream, wanted, 16), 0);
	end();
	free(bytes);
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
		found += strcmp(capsules[i].name, "aes") == 0 && capsules[i].commands == 9;
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

/* --- ECB, CBC and CCM ------------------------------------------------------------------------- */

static void note(struct pluton *of, int status, void *userdata)
{
	(void)of;
	*(int *)userdata = status;
}

/* Waits for an asynchronous call that was accepted. */
static int settled(int accepted, const int *status)
{
	while (accepted == 0 && *status > 0)
		CU_ASSERT_FATAL(pluton_yield_wait(pluton) >= 0);
	return accepted < 0 ? accepted : *status;
}

struct blocks {
	uint8_t key[32], iv[16];
	uint8_t *in, *out, *back, *wanted;
	size_t size;
};

/* `wanted` is OpenSSL's. */
static void blocks_make(struct blocks *blocks, const EVP_CIPHER *cipher, size_t size)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int n = 0;

	*blocks = (struct blocks){.key = {1, 2, 3}, .iv = {4, 5, 6}, .size = size};
	blocks->in = bytes_of(size, 2);
	blocks->out = bytes_of(size, 3);
	blocks->back = bytes_of(size, 4);
	blocks->wanted = malloc(size + 16);
	EVP_EncryptInit_ex(context, cipher, NULL, blocks->key, blocks->iv);
	EVP_EncryptUpdate(context, blocks->wanted, &n, blocks->in, (int)size);
	CU_ASSERT_EQUAL((size_t)n, size);
	EVP_CIPHER_CTX_free(context);
}

static void blocks_check(struct blocks *blocks)
{
	CU_ASSERT_EQUAL(memcmp(blocks->out, blocks->wanted, blocks->size), 0);
	CU_ASSERT_EQUAL(memcmp(blocks->back, blocks->in, blocks->size), 0);
	free(blocks->in);
	free(blocks->out);
	free(blocks->back);
	free(blocks->wanted);
}

static struct pluton_aes_cbc_request cbc_request(const struct blocks *blocks, const uint8_t *from,
						 uint8_t *to)
{
	return (struct pluton_aes_cbc_request){.key = blocks->key,
					       .key_size = 32,
					       .iv = blocks->iv,
					       .input = from,
					       .output = to,
					       .length = blocks->size};
}

static struct pluton_aes_ecb_request ecb_request(const struct blocks *blocks, const uint8_t *from,
						 uint8_t *to)
{
	return (struct pluton_aes_ecb_request){.key = blocks->key,
					       .key_size = 32,
					       .input = from,
					       .output = to,
					       .length = blocks->size};
}

static const size_t block_sizes[] = {0,	   16,	   32,	496,	  4096,
				     4112, 100000, MIB, MIB + 16, 3 * MIB + 32};

static void test_cbc_of_all_lengths_is_openssls_and_comes_back(void)
{
	begin();
	for (size_t i = 0; i < TESTS_COUNT(block_sizes); i++) {
		struct pluton_aes_cbc_request there, back;
		struct blocks blocks;

		blocks_make(&blocks, EVP_aes_256_cbc(), block_sizes[i]);
		there = cbc_request(&blocks, blocks.in, blocks.out);
		back = cbc_request(&blocks, blocks.wanted, blocks.back);
		CU_ASSERT_EQUAL(pluton_aes_cbc_encrypt(pluton, &there), 0);
		CU_ASSERT_EQUAL(pluton_aes_cbc_decrypt(pluton, &back), 0);
		blocks_check(&blocks);
	}
	end();
}

static void test_ecb_of_all_lengths_is_openssls_and_comes_back(void)
{
	begin();
	for (size_t i = 0; i < TESTS_COUNT(block_sizes); i++) {
		struct pluton_aes_ecb_request there, back;
		struct blocks blocks;

		blocks_make(&blocks, EVP_aes_256_ecb(), block_sizes[i]);
		there = ecb_request(&blocks, blocks.in, blocks.out);
		back = ecb_request(&blocks, blocks.wanted, blocks.back);
		CU_ASSERT_EQUAL(pluton_aes_ecb_encrypt(pluton, &there), 0);
		CU_ASSERT_EQUAL(pluton_aes_ecb_decrypt(pluton, &back), 0);
		blocks_check(&blocks);
	}
	end();
}

static void test_ecb_and_cbc_can_be_waited_for(void)
{
	struct pluton_aes_cbc_request cbc, cbc_back;
	struct pluton_aes_ecb_request ecb, ecb_back;
	struct blocks one, other;
	int a = 1, b = 1, c = 1, d = 1, r;

	begin();
	blocks_make(&one, EVP_aes_256_cbc(), 100000);
	blocks_make(&other, EVP_aes_256_ecb(), 100000);
	cbc = cbc_request(&one, one.in, one.out);
	cbc_back = cbc_request(&one, one.wanted, one.back);
	ecb = ecb_request(&other, other.in, other.out);
	ecb_back = ecb_request(&other, other.wanted, other.back);
	r = pluton_aes_cbc_encrypt_async(pluton, &cbc, note, &a, NULL);
	CU_ASSERT_EQUAL(pluton_aes_cbc_decrypt_async(pluton, &cbc_back, note, &b, NULL), 0);
	CU_ASSERT_EQUAL(pluton_aes_ecb_encrypt_async(pluton, &ecb, note, &c, NULL), 0);
	CU_ASSERT_EQUAL(pluton_aes_ecb_decrypt_async(pluton, &ecb_back, note, &d, NULL), 0);
	CU_ASSERT_EQUAL(settled(r, &a), 0);
	CU_ASSERT_EQUAL(settled(0, &b), 0);
	CU_ASSERT_EQUAL(settled(0, &c), 0);
	CU_ASSERT_EQUAL(settled(0, &d), 0);
	blocks_check(&one);
	blocks_check(&other);
	end();
}

static void test_cbc_of_many_mebibytes_in_shared_memory_is_openssls(void)
{
	uint8_t key[16] = {1}, iv[16] = {2}, *wanted = malloc(3 * MIB + 16);
	struct pluton_aes_cbc_request request = {
		.key = key, .key_size = 16, .iv = iv, .length = 3 * MIB};
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t *in;
	int n;

	begin();
	request.input = in = pluton_alloc(pluton, 3 * MIB);
	request.output = pluton_alloc(pluton, 3 * MIB);
	for (size_t i = 0; i < 3 * MIB; i++)
		in[i] = (uint8_t)(i * i >> 5);
	CU_ASSERT_EQUAL(pluton_aes_cbc_encrypt(pluton, &request), 0);
	EVP_EncryptInit_ex(context, EVP_aes_128_cbc(), NULL, key, iv);
	EVP_EncryptUpdate(context, wanted, &n, in, 3 * MIB);
	CU_ASSERT_EQUAL(memcmp(request.output, wanted, 3 * MIB), 0);
	EVP_CIPHER_CTX_free(context);
	end();
	free(wanted);
}

static void test_blocks_that_are_not_whole_are_refused_with_a_sentence(void)
{
	struct pluton_aes_cbc_request cbc;
	struct pluton_aes_ecb_request ecb;
	struct blocks blocks;

	begin();
	blocks_make(&blocks, EVP_aes_256_cbc(), 32);
	cbc = cbc_request(&blocks, blocks.in, blocks.out);
	ecb = ecb_request(&blocks, blocks.in, blocks.out);
	cbc.length = ecb.length = 17;
	CU_ASSERT_EQUAL(pluton_aes_cbc_encrypt(pluton, &cbc), -PLUTON_ESIZE);
	CU_ASSERT_STRING_EQUAL(pluton_error_message(pluton),
			       "a message of 17 bytes: CBC takes whole blocks of 16");
	CU_ASSERT_EQUAL(pluton_aes_ecb_decrypt_async(pluton, &ecb, NULL, NULL, NULL),
			-PLUTON_ESIZE);
	cbc.length = 16;
	cbc.iv = NULL;
	CU_ASSERT_EQUAL(pluton_aes_cbc_decrypt(pluton, &cbc), -PLUTON_EINVAL);
	end();
	memcpy(blocks.out, blocks.wanted, 32);
	memcpy(blocks.back, blocks.in, 32);
	blocks_check(&blocks);
}

static void check_block_stream(enum pluton_aes_mode mode, enum pluton_aes_direction direction,
			       const struct blocks *blocks, const uint8_t *from, uint8_t *to)
{
	const struct pluton_aes_begin_request request = {.mode = mode,
							 .direction = direction,
							 .key = blocks->key,
							 .key_size = 32,
							 .iv = blocks->iv};
	struct pluton_aes_stream stream;

	CU_ASSERT_EQUAL(pluton_aes_begin(pluton, &request, &stream), 0);
	CU_ASSERT_EQUAL(pluton_aes_update(pluton, &stream, from, to, 48), 0);
	CU_ASSERT_EQUAL(pluton_aes_update(pluton, &stream, from, to, 0), 0);
	CU_ASSERT_EQUAL(pluton_aes_update(pluton, &stream, from, to, 7), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(pluton_aes_update(pluton, &stream, from + 48, to + 48, blocks->size - 48),
			0);
	CU_ASSERT_EQUAL(pluton_aes_finish(pluton, &stream, NULL), 0);
}

static void test_streams_of_blocks_are_openssls_and_come_back(void)
{
	struct blocks blocks;

	begin();
	blocks_make(&blocks, EVP_aes_256_cbc(), 2 * MIB + 64);
	check_block_stream(PLUTON_AES_CBC, PLUTON_AES_ENCRYPT, &blocks, blocks.in, blocks.out);
	check_block_stream(PLUTON_AES_CBC, PLUTON_AES_DECRYPT, &blocks, blocks.wanted, blocks.back);
	blocks_check(&blocks);
	blocks_make(&blocks, EVP_aes_256_ecb(), 2 * MIB + 64);
	check_block_stream(PLUTON_AES_ECB, PLUTON_AES_ENCRYPT, &blocks, blocks.in, blocks.out);
	check_block_stream(PLUTON_AES_ECB, PLUTON_AES_DECRYPT, &blocks, blocks.wanted, blocks.back);
	blocks_check(&blocks);
	end();
}

struct ccm {
	uint8_t key[32], nonce[13], tag[16];
	uint8_t *aad, *in, *out, *back;
	struct pluton_aes_ccm_request request;
};

static void ccm_make(struct ccm *ccm, size_t size, size_t aad_size, size_t tag_size)
{
	*ccm = (struct ccm){.key = {1, 2, 3}, .nonce = {4, 5, 6}};
	ccm->aad = bytes_of(aad_size, 1);
	ccm->in = bytes_of(size, 2);
	ccm->out = bytes_of(size, 3);
	ccm->back = calloc(1, size + 1);
	ccm->request = (struct pluton_aes_ccm_request){.key = ccm->key,
						       .key_size = 32,
						       .nonce = ccm->nonce,
						       .nonce_size = size < 65536 ? 13 : 11,
						       .aad = ccm->aad,
						       .aad_length = aad_size,
						       .input = ccm->in,
						       .output = ccm->out,
						       .length = size,
						       .tag = ccm->tag,
						       .tag_size = tag_size};
}

static void ccm_free(struct ccm *ccm)
{
	free(ccm->aad);
	free(ccm->in);
	free(ccm->out);
	free(ccm->back);
}

/* What OpenSSL makes of it equals `out` and `tag`. */
static void ccm_compare(const struct ccm *ccm)
{
	const struct pluton_aes_ccm_request *request = &ccm->request;
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t *wanted = bytes_of(request->length, 9), tag[16];
	int n;

	EVP_EncryptInit_ex(context, EVP_aes_256_ccm(), NULL, NULL, NULL);
	EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, (int)request->nonce_size, NULL);
	EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, (int)request->tag_size, NULL);
	EVP_EncryptInit_ex(context, NULL, NULL, ccm->key, ccm->nonce);
	EVP_EncryptUpdate(context, NULL, &n, NULL, (int)request->length);
	if (request->aad_length > 0)
		EVP_EncryptUpdate(context, NULL, &n, ccm->aad, (int)request->aad_length);
	EVP_EncryptUpdate(context, wanted, &n, ccm->in, (int)request->length);
	EVP_EncryptFinal_ex(context, wanted + n, &n);
	EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, (int)request->tag_size, tag);
	CU_ASSERT_EQUAL(memcmp(ccm->out, wanted, request->length), 0);
	CU_ASSERT_EQUAL(memcmp(ccm->tag, tag, request->tag_size), 0);
	EVP_CIPHER_CTX_free(context);
	free(wanted);
}

static void test_ccm_of_all_lengths_and_tags_is_openssls_and_comes_back(void)
{
	static const size_t sizes[][2] = {{0, 0},	{0, 20},	 {1, 0},
					  {16, 16},	{100, 300},	 {2000, 0},
					  {5000, 5000}, {100000, 70000}, {MIB, 13}};

	begin();
	for (size_t i = 0; i < TESTS_COUNT(sizes); i++) {
		struct ccm ccm;

		ccm_make(&ccm, sizes[i][0], sizes[i][1], 4 + 2 * (i % 7));
		CU_ASSERT_EQUAL(pluton_aes_ccm_encrypt(pluton, &ccm.request), 0);
		ccm_compare(&ccm);
		ccm.request.input = ccm.out;
		ccm.request.output = ccm.back;
		CU_ASSERT_EQUAL(pluton_aes_ccm_decrypt(pluton, &ccm.request), 0);
		CU_ASSERT_EQUAL(memcmp(ccm.in, ccm.back, sizes[i][0]), 0);
		ccm_free(&ccm);
	}
	end();
}

static void test_a_ccm_message_that_was_changed_is_not_opened_and_nothing_is_written(void)
{
	static const size_t sizes[] = {10, 5000, 300000, 4 * MIB};
	struct ccm ccm;

	begin();
	for (size_t i = 0; i < TESTS_COUNT(sizes); i++) {
		int status = 1;

		ccm_make(&ccm, sizes[i], 5, 8);
		CU_ASSERT_EQUAL(pluton_aes_ccm_encrypt(pluton, &ccm.request), 0);
		ccm.out[sizes[i] - 1] ^= 1;
		ccm.request.input = ccm.out;
		ccm.request.output = ccm.back;
		CU_ASSERT_EQUAL(pluton_aes_ccm_decrypt(pluton, &ccm.request), -PLUTON_EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "tag does not match"));
		CU_ASSERT_EQUAL(settled(pluton_aes_ccm_decrypt_async(pluton, &ccm.request, note,
								     &status, NULL),
					&status),
				-PLUTON_EINVAL);
		CU_ASSERT(all(ccm.back, sizes[i], 0));
		ccm_free(&ccm);
	}
	end();
}

static void test_ccm_over_the_scratch_comes_back_from_a_sealed_copy(void)
{
	struct ccm ccm;
	int status = 1;

	begin();
	ccm_make(&ccm, 4 * MIB, 20, 16);
	CU_ASSERT_EQUAL(
		settled(pluton_aes_ccm_encrypt_async(pluton, &ccm.request, note, &status, NULL),
			&status),
		0);
	ccm_compare(&ccm);
	ccm.request.input = ccm.out;
	ccm.request.output = ccm.back;
	CU_ASSERT_EQUAL(pluton_aes_ccm_decrypt(pluton, &ccm.request), 0);
	CU_ASSERT_EQUAL(memcmp(ccm.in, ccm.back, 4 * MIB), 0);
	memset(ccm.back, 0, 4 * MIB);
	status = 1;
	CU_ASSERT_EQUAL(
		settled(pluton_aes_ccm_decrypt_async(pluton, &ccm.request, note, &status, NULL),
			&status),
		0);
	CU_ASSERT_EQUAL(memcmp(ccm.in, ccm.back, 4 * MIB), 0);
	ccm_free(&ccm);
	end();
}

static void test_sizes_that_ccm_has_not_are_refused_with_a_sentence(void)
{
	struct ccm ccm;

	begin();
	ccm_make(&ccm, 65536, 0, 5);
	CU_ASSERT_EQUAL(pluton_aes_ccm_encrypt(pluton, &ccm.request), -PLUTON_ESIZE);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "tag has 5 bytes"));
	ccm.request.tag_size = 16;
	ccm.request.nonce_size = 13;
	CU_ASSERT_EQUAL(pluton_aes_ccm_encrypt(pluton, &ccm.request), -PLUTON_ESIZE);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "fewer than 2^16"));
	ccm.request.nonce_size = 14;
	CU_ASSERT_EQUAL(pluton_aes_ccm_encrypt(pluton, &ccm.request), -PLUTON_ESIZE);
	CU_ASSERT_PTR_NOT_NULL(strstr(pluton_error_message(pluton), "iv has 14 bytes"));
	ccm_free(&ccm);
	end();
}

static const struct test tests[] = {
	TEST(test_random_bytes_differ_and_fill_the_buffer),
	TEST(test_random_of_several_mebibytes_has_no_hole),
	TEST(test_digests_of_all_lengths_are_openssls),
	TEST(test_a_digest_of_shared_memory_needs_no_copy),
	TEST(test_a_digest_stream_takes_any_pieces_and_is_gone_afterwards),
	TEST(test_macs_of_all_algorithms_and_lengths_are_openssls),
	TEST(test_a_mac_stream_takes_any_pieces_and_is_gone_afterwards),
	TEST(test_a_long_message_that_no_memory_is_left_for_leaves_no_stream),
	TEST(test_a_mac_request_of_wrong_sizes_is_refused_before_it_is_sent),
	TEST(test_macs_are_made_and_verified_asynchronously),
	TEST(test_ctr_of_all_lengths_is_openssls_across_carries),
	TEST(test_a_ctr_stream_is_openssls),
	TEST(test_gcm_of_all_lengths_is_openssls_and_comes_back),
	TEST(test_gcm_encrypts_a_message_of_many_mebibytes),
	TEST(test_a_message_that_was_changed_is_not_opened_and_nothing_is_written),
	TEST(test_nothing_is_written_to_shared_memory_before_the_tag_is_right),
	TEST(test_decryption_of_more_than_the_scratch_uses_a_sealed_copy),
	TEST(test_gcm_cannot_be_decrypted_in_pieces),
	TEST(test_a_gcm_stream_gives_what_one_message_gives),
	TEST(test_cbc_of_all_lengths_is_openssls_and_comes_back),
	TEST(test_ecb_of_all_lengths_is_openssls_and_comes_back),
	TEST(test_ecb_and_cbc_can_be_waited_for),
	TEST(test_cbc_of_many_mebibytes_in_shared_memory_is_openssls),
	TEST(test_blocks_that_are_not_whole_are_refused_with_a_sentence),
	TEST(test_streams_of_blocks_are_openssls_and_come_back),
	TEST(test_ccm_of_all_lengths_and_tags_is_openssls_and_comes_back),
	TEST(test_a_ccm_message_that_was_changed_is_not_opened_and_nothing_is_written),
	TEST(test_ccm_over_the_scratch_comes_back_from_a_sealed_copy),
	TEST(test_sizes_that_ccm_has_not_are_refused_with_a_sentence),
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

int main(int argc, char **argv)
{
	return privately_main(argc, argv, "library", tests, TESTS_COUNT(tests));
}
