/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header layout, little-endian:
 *
 *	 0  8  "PltnTPM2"
 *	 8  4  format: 1
 *	12  4  bytes of this header: 96
 *	16  8  generation
 *	24  8  time of manufacture, seconds since 1970
 *	32 16  lineage
 *	48  4  bytes of the blob
 *	52 12  0
 *	64 32  SHA-256 of the first 64 bytes and the blob
 *
 * A change that an older Pluton must not read over gets a new format number.
 */
#include "apps/tpm/permanent.h"

#include <endian.h>
#include <openssl/evp.h>
#include <string.h>

#include <pluton/error.h>

#define FORMAT 1u
#define DIGESTED_SIZE 64u

static const char magic[8] = {'P', 'l', 't', 'n', 'T', 'P', 'M', '2'};

static void put32(uint8_t *to, uint32_t value)
{
	value = htole32(value);
	memcpy(to, &value, sizeof(value));
}

static void put64(uint8_t *to, uint64_t value)
{
	value = htole64(value);
	memcpy(to, &value, sizeof(value));
}

static uint32_t get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return le32toh(value);
}

static uint64_t get64(const uint8_t *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return le64toh(value);
}

static int digest(const uint8_t *image, size_t blob_size, uint8_t ret[PERMANENT_DIGEST_SIZE])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int ok = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
		 EVP_DigestUpdate(context, image, DIGESTED_SIZE) == 1 &&
		 EVP_DigestUpdate(context, image + PERMANENT_HEADER_SIZE, blob_size) == 1 &&
		 EVP_DigestFinal_ex(context, ret, NULL) == 1;

	EVP_MD_CTX_free(context);
	return ok ? 0 : -PLUTON_EFAIL;
}

size_t permanent_seal(uint8_t *image, struct permanent *permanent)
{
	memset(image, 0, PERMANENT_HEADER_SIZE);
	memcpy(image, magic, sizeof(magic));
	put32(image + 8, FORMAT);
	put32(image + 12, PERMANENT_HEADER_SIZE);
	put64(image + 16, permanent->generation);
	put64(image + 24, permanent->manufactured);
	memcpy(image + 32, permanent->lineage, sizeof(permanent->lineage));
	put32(image + 48, permanent->length);
	if (digest(image, permanent->length, permanent->digest) < 0)
		return 0;
	memcpy(image + DIGESTED_SIZE, permanent->digest, sizeof(permanent->digest));
	return PERMANENT_HEADER_SIZE + permanent->length;
}

static int refuse(int error, const char **ret_why, const char *why)
{
	*ret_why = why;
	return error;
}

int permanent_open(const uint8_t *image, size_t size, struct permanent *ret, const char **ret_why)
{
	uint8_t actual[PERMANENT_DIGEST_SIZE];
	struct permanent found;

	if (size < PERMANENT_HEADER_SIZE || memcmp(image, magic, sizeof(magic)) != 0)
		return refuse(-PLUTON_EINVAL, ret_why, "it does not begin like one");
	if (get32(image + 8) != FORMAT)
		return refuse(-PLUTON_ENOSUPPORT, ret_why, "its format is that of a newer Pluton");
	found = (struct permanent){
		.generation = get64(image + 16),
		.manufactured = get64(image + 24),
		.length = get32(image + 48),
	};
	if (get32(image + 12) != PERMANENT_HEADER_SIZE || size > PERMANENT_MAX ||
	    found.length != size - PERMANENT_HEADER_SIZE)
		return refuse(-PLUTON_EINVAL, ret_why, "its length is not what its header says");
	memcpy(found.lineage, image + 32, sizeof(found.lineage));
	memcpy(found.digest, image + DIGESTED_SIZE, sizeof(found.digest));
	if (digest(image, found.length, actual) < 0 ||
	    memcmp(actual, found.digest, sizeof(actual)) != 0)
		return refuse(-PLUTON_EINVAL, ret_why, "its checksum is wrong");
	*ret = found;
	return 0;
}

size_t permanent_size(const uint8_t image[PERMANENT_HEADER_SIZE])
{
	uint32_t length = get32(image + 48);

	if (length > PERMANENT_MAX - PERMANENT_HEADER_SIZE)
		return PERMANENT_MAX;
	return PERMANENT_HEADER_SIZE + length;
}

uint64_t permanent_generation(const uint8_t image[PERMANENT_HEADER_SIZE])
{
	return get64(image + 16);
}
