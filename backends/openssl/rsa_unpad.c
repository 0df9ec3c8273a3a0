/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was decrypted becomes a message. The rule a newcomer would break first: nothing here may
 * branch on a decrypted byte or use one as an index, or the time that it takes tells an attacker
 * what he needs (Bleichenbacher 1998 for PKCS #1 v1.5, Manger 2001 for OAEP).
 */
#include "backends/openssl/rsa_unpad.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

/* --- masks: all ones for true, 0 for false ---------------------------------------------------- */

typedef uint32_t mask_t;

/* Hides a value from the optimizer, which else might find out that it is a truth, and branch. */
static inline mask_t opaque(mask_t value)
{
	__asm__("" : "+r"(value));
	return value;
}

static inline mask_t mask_of_top_bit(mask_t value)
{
	return opaque(0 - (value >> 31));
}

/* Both below 2^31. */
static inline mask_t is_less(mask_t a, mask_t b)
{
	return mask_of_top_bit(a - b);
}

static inline mask_t is_zero(mask_t a)
{
	return mask_of_top_bit(~a & (a - 1));
}

static inline mask_t is_equal(mask_t a, mask_t b)
{
	return is_zero(a ^ b);
}

static inline mask_t choose(mask_t mask, mask_t a, mask_t b)
{
	return (mask & a) | (~mask & b);
}

/*
 * The `length` last of `size` bytes to the front, in log2(size) passes over all of them. The length
 * stays hidden.
 */
static void move_to_front(uint8_t *bytes, mask_t size, mask_t length)
{
	mask_t distance = size - length;

	for (mask_t step = 1; step <= size; step <<= 1) {
		mask_t wanted = ~is_zero(distance & step);

		for (mask_t i = 0; i + step < size; i++)
			bytes[i] = (uint8_t)choose(wanted, bytes[i + step], bytes[i]);
	}
}

/* --- OAEP (RFC 8017, section 7.1.2) ----------------------------------------------------------- */

/* bytes ^= MGF1(seed) (section B.2.1) */
static bool unmask(uint8_t *bytes, size_t size, const uint8_t *seed, size_t seed_size,
		   const EVP_MD *hash)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t block[EVP_MAX_MD_SIZE];
	unsigned block_size = 0;
	bool fine = context;

	for (size_t at = 0, count = 0; fine && at < size; at += block_size, count++) {
		uint8_t counter[4] = {0, 0, (uint8_t)(count >> 8), (uint8_t)count};

		fine = EVP_DigestInit_ex(context, hash, NULL) == 1 &&
		       EVP_DigestUpdate(context, seed, seed_size) == 1 &&
		       EVP_DigestUpdate(context, counter, sizeof(counter)) == 1 &&
		       EVP_DigestFinal_ex(context, block, &block_size) == 1;
		for (size_t i = 0; fine && i < block_size && at + i < size; i++)
			bytes[at + i] ^= block[i];
	}
	explicit_bzero(block, sizeof(block));
	EVP_MD_CTX_free(context);
	return fine;
}

/* Where the 1 is that ends a run of zeros; *ret_good is cleared where something else ends it. */
static mask_t find_end_of_padding(const uint8_t *block, mask_t from, mask_t size, mask_t *ret_good)
{
	mask_t found = 0, at = 0;

	for (mask_t i = from; i < size; i++) {
		mask_t is_one = is_equal(block[i], 1);

		at = choose(~found & is_one, i, at);
		found |= is_one;
		*ret_good &= found | is_zero(block[i]);
	}
	*ret_good &= found;
	return at;
}

static mask_t are_equal(const uint8_t *a, const uint8_t *b, size_t size)
{
	mask_t difference = 0;

	for (size_t i = 0; i < size; i++)
		difference |= (mask_t)(a[i] ^ b[i]);
	return is_zero(difference);
}

int rsa_unpad_oaep(struct rsa_job *job, const uint8_t *encoded)
{
	const struct rsa_request *request = &job->request;
	const EVP_MD *hash = rsa_hash(request->hash), *mgf_hash = rsa_hash(request->mgf_hash);
	size_t hash_size = digest_size(request->hash), size = request->size - hash_size - 1;
	uint8_t seed[DIGEST_SIZE_MAX], block[RSA_SIZE_MAX], label_hash[EVP_MAX_MD_SIZE];
	mask_t good, one, length;
	int r = 0;

	memcpy(seed, encoded + 1, hash_size);
	memcpy(block, encoded + 1 + hash_size, size);
	if (EVP_Digest(job->label, request->label_length, label_hash, NULL, hash, NULL) != 1 ||
	    !unmask(seed, hash_size, block, size, mgf_hash) ||
	    !unmask(block, size, seed, hash_size, mgf_hash)) {
		r = rsa_job_failed(job, "libcrypto does not hash");
		goto out;
	}
	good = is_zero(encoded[0]) & are_equal(block, label_hash, hash_size);
	one = find_end_of_padding(block, (mask_t)hash_size, (mask_t)size, &good);
	length = choose(good, (mask_t)size - one - 1, 0);
	move_to_front(block, (mask_t)size, length);
	if (good) {
		job->output_length = length;
		memcpy(job->output, block, length);
	} else {
		/* From here on everybody may know it; which of the checks failed, nobody. */
		job->why =
			"it does not decrypt; its key, hash or label is another, or it was changed";
		r = -PLUTON_EINVAL;
	}
out:
	explicit_bzero(seed, sizeof(seed));
	explicit_bzero(block, sizeof(block));
	return r;
}

/* --- PKCS #1 v1.5 (draft-irtf-cfrg-rsa-guidance, implicit rejection) -------------------------- */

#define SECRET_SIZE 32u /* of SHA-256, which the algorithm is fixed to */
#define LENGTH_CANDIDATES 128u
#define PADDING_MIN (2u + 8u) /* 0, 2, and eight bytes that are not 0 */

static bool mac(const uint8_t *key, const uint8_t *message, size_t length, uint8_t ret[SECRET_SIZE])
{
	size_t size = 0;

	return EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, SECRET_SIZE, message, length, ret,
			 SECRET_SIZE, &size) &&
	       size == SECRET_SIZE;
}

/* The key derivation key: HMAC of the ciphertext under the hash of d. */
static bool derive_secret(struct rsa_job *job, uint8_t ret[SECRET_SIZE])
{
	uint8_t key[SECRET_SIZE];
	bool fine = EVP_Digest(rsa_job_part(job, RSA_D), job->request.size, key, NULL,
			       rsa_hash(DIGEST_SHA256), NULL) == 1 &&
		    mac(key, job->input, job->request.size, ret);

	explicit_bzero(key, sizeof(key));
	return fine;
}

/* Bytes from the secret: HMAC(secret, count || label || bits), one block after the other. */
static bool expand(const uint8_t *secret, const char *label, uint8_t *ret, size_t size)
{
	size_t label_length = strlen(label);
	uint8_t message[16] = {0}, block[SECRET_SIZE];
	bool fine = true;

	memcpy(message + 2, label, label_length);
	message[2 + label_length] = (uint8_t)(size * 8 >> 8);
	message[3 + label_length] = (uint8_t)(size * 8);
	for (size_t at = 0; fine && at < size; at += SECRET_SIZE) {
		size_t piece = size - at < SECRET_SIZE ? size - at : SECRET_SIZE;

		message[0] = (uint8_t)(at / SECRET_SIZE >> 8);
		message[1] = (uint8_t)(at / SECRET_SIZE);
		fine = mac(secret, message, 4 + label_length, block);
		memcpy(ret + at, block, piece);
	}
	explicit_bzero(block, sizeof(block));
	return fine;
}

/* The last candidate that a message can have as its length. */
static mask_t choose_length(const uint8_t *candidates, mask_t size)
{
	mask_t max = size - PADDING_MIN, bits = max, length = 0;

	for (unsigned shift = 1; shift < 16; shift *= 2)
		bits |= bits >> shift;
	for (unsigned i = 0; i < LENGTH_CANDIDATES; i++) {
		mask_t candidate = ((mask_t)candidates[2 * i] << 8 | candidates[2 * i + 1]) & bits;

		length = choose(is_less(candidate, max), candidate, length);
	}
	return length;
}

/* A message of the secret's making, at the end of `ret`; its length, or -PLUTON_ENOMEM. */
static int make_message(struct rsa_job *job, uint8_t *ret, mask_t *ret_length)
{
	uint8_t secret[SECRET_SIZE], candidates[2 * LENGTH_CANDIDATES];
	bool fine = derive_secret(job, secret) &&
		    expand(secret, "message", ret, job->request.size) &&
		    expand(secret, "length", candidates, sizeof(candidates));

	if (fine)
		*ret_length = choose_length(candidates, (mask_t)job->request.size);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(candidates, sizeof(candidates));
	return fine ? 0 : rsa_job_failed(job, "libcrypto makes no HMAC");
}

int rsa_unpad_pkcs1(struct rsa_job *job, const uint8_t *encoded)
{
	mask_t size = (mask_t)job->request.size, zero_at = 0, found = 0, good, length;
	uint8_t message[RSA_SIZE_MAX];
	mask_t made_length = 0;
	int r = make_message(job, message, &made_length);

	if (r < 0)
		goto out;
	good = is_zero(encoded[0]) & is_equal(encoded[1], 2);
	for (mask_t i = 2; i < size; i++) {
		mask_t zero = is_zero(encoded[i]);

		zero_at = choose(~found & zero, i, zero_at);
		found |= zero;
	}
	good &= ~is_less(zero_at, PADDING_MIN);
	length = choose(good, size - zero_at - 1, made_length);
	for (mask_t i = 0; i < size; i++)
		message[i] = (uint8_t)choose(good, encoded[i], message[i]);
	move_to_front(message, size, length);
	/* The client sees this length, which tells nothing of whether the padding was right. */
	job->output_length = length;
	memcpy(job->output, message, length);
out:
	explicit_bzero(message, sizeof(message));
	return r;
}
