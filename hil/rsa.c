/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA requests: whether they are well formed and an engine's capabilities allow them, and the sizes
 * that follow from them. The same answers for hil_select, for the engines and for the checker.
 */
#include "hil/rsa.h"

#define SIZE_STEP 128u /* bytes: 1024 bits */

bool rsa_is_private(enum rsa_action action)
{
	return action == RSA_SIGN || action == RSA_DECRYPT || action == RSA_PRIVATE;
}

bool rsa_is_slow(const void *rsa_request)
{
	const struct rsa_request *request = rsa_request;

	return request->action == RSA_GENERATE;
}

size_t rsa_part_size(enum rsa_part part, size_t size)
{
	if (part == RSA_E)
		return RSA_EXPONENT_SIZE;
	return part < RSA_P ? size : size / 2;
}

size_t rsa_part_offset(enum rsa_part part, size_t size)
{
	size_t offset = 0;

	for (enum rsa_part before = RSA_N; before < part; before++)
		offset += rsa_part_size(before, size);
	return offset;
}

unsigned rsa_part_count(const struct rsa_request *request)
{
	if (request->key.kind != HIL_KEY_BYTES)
		return 0;
	if (request->action == RSA_GENERATE)
		return RSA_PARTS;
	if (!rsa_is_private(request->action))
		return RSA_D;
	return request->crt ? RSA_PARTS : RSA_P;
}

size_t rsa_message_max(enum rsa_padding padding, enum digest_algorithm hash, size_t size)
{
	size_t overhead = 0;

	if (padding == RSA_PKCS1) /* RFC 8017, section 7.2.1 */
		overhead = 11;
	if (padding == RSA_OAEP) /* section 7.1.1 */
		overhead = 2 * digest_size(hash) + 2;
	return overhead > size ? SIZE_MAX : size - overhead;
}

size_t rsa_output_size(const struct rsa_request *request)
{
	switch (request->action) {
	case RSA_GENERATE:
	case RSA_VERIFY:
		return 0;
	case RSA_DECRYPT:
		return rsa_message_max(request->padding, request->hash, request->size);
	default:
		return request->size;
	}
}

/* --- check ------------------------------------------------------------------------------------ */

static bool has(uint32_t bits, unsigned index)
{
	return index < 32 && bits >> index & 1;
}

static int check_action(const struct rsa_caps *caps, const struct rsa_request *request)
{
	unsigned action = request->action, padding = request->padding;

	if (action < RSA_GENERATE || action >= RSA_ACTIONS || padding >= RSA_PADDINGS)
		return -PLUTON_ENOSUPPORT;
	if (!has(caps->paddings[action], padding))
		return -PLUTON_ENOSUPPORT;
	if (request->key.kind != HIL_KEY_BYTES &&
	    (request->key.kind != HIL_KEY_SLOT || !caps->key_slots ||
	     !rsa_is_private(request->action)))
		return -PLUTON_ENOSUPPORT;
	return 0;
}

static int check_size(const struct rsa_caps *caps, const struct rsa_request *request)
{
	size_t size = request->size;

	if (size == 0 || size > RSA_SIZE_MAX || size % SIZE_STEP != 0)
		return -PLUTON_ESIZE;
	return has(caps->sizes[request->action], (unsigned)(size / SIZE_STEP)) ? 0
									       : -PLUTON_ENOSUPPORT;
}

/* PKCS #1 v1.5 encryption has no hash; everything else with a padding has. */
static bool takes_hash(const struct rsa_request *request)
{
	bool is_cipher = request->action == RSA_ENCRYPT || request->action == RSA_DECRYPT;

	return request->padding != RSA_BARE && !(request->padding == RSA_PKCS1 && is_cipher);
}

static int check_hash(const struct rsa_caps *caps, const struct rsa_request *request)
{
	bool takes_mgf = request->padding == RSA_PSS || request->padding == RSA_OAEP;
	uint32_t hashes = caps->hashes[request->padding];

	if (takes_hash(request) ? !has(hashes, request->hash) : request->hash != 0)
		return -PLUTON_ENOSUPPORT;
	if (takes_mgf ? !has(hashes, request->mgf_hash) : request->mgf_hash != 0)
		return -PLUTON_ENOSUPPORT;
	if (takes_mgf && request->mgf_hash != request->hash && !caps->any_mgf_hash)
		return -PLUTON_ENOSUPPORT;
	return 0;
}

/* RFC 8017, section 9.1.1: the encoded message is as long as the modulus, less a bit. */
static int check_salt(const struct rsa_caps *caps, const struct rsa_request *request)
{
	size_t hash_size = digest_size(request->hash);

	if (request->padding != RSA_PSS)
		return request->salt_size == 0 ? 0 : -PLUTON_ESIZE;
	if (request->salt_size == RSA_SALT_ANY)
		return request->action == RSA_VERIFY && caps->salt_any ? 0 : -PLUTON_ENOSUPPORT;
	if (request->salt_size > caps->salt_max ||
	    request->salt_size > request->size - hash_size - 2)
		return -PLUTON_ESIZE;
	return 0;
}

static int check_label(const struct rsa_caps *caps, const struct rsa_request *request)
{
	if (request->label_length == 0)
		return 0;
	return request->padding == RSA_OAEP && request->label_length <= caps->label_max
		       ? 0
		       : -PLUTON_ESIZE;
}

static bool fits(const struct rsa_request *request)
{
	size_t max = rsa_message_max(request->padding, request->hash, request->size);

	switch (request->action) {
	case RSA_GENERATE:
		return request->length == 0;
	case RSA_SIGN:
	case RSA_VERIFY:
		return request->length == digest_size(request->hash);
	case RSA_ENCRYPT:
		return max != SIZE_MAX && request->length <= max;
	case RSA_DECRYPT:
		return max != SIZE_MAX && request->length == request->size;
	default:
		return request->length == request->size;
	}
}

static int check_length(const struct rsa_caps *caps, const struct rsa_request *request)
{
	(void)caps;
	return fits(request) ? 0 : -PLUTON_ESIZE;
}

static int check_exponent(const struct rsa_caps *caps, const struct rsa_request *request)
{
	(void)caps;
	if (request->action != RSA_GENERATE)
		return 0;
	return request->exponent >= RSA_EXPONENT_MIN && request->exponent & 1 ? 0 : -PLUTON_EINVAL;
}

int rsa_check(const struct hil_engine *engine, const void *rsa_request)
{
	const struct rsa_caps *caps = &((const struct rsa_engine *)engine)->caps;
	int (*const checks[])(const struct rsa_caps *, const struct rsa_request *) = {
		check_action, check_size,   check_hash,	    check_salt,
		check_label,  check_length, check_exponent,
	};
	const struct rsa_request *request = rsa_request;
	int r = engine->absent ? -PLUTON_ENODEVICE : 0;

	if (r == 0 && !hil_reaches(engine, &request->key))
		r = -PLUTON_ENOSUPPORT;
	for (size_t i = 0; r == 0 && i < sizeof(checks) / sizeof(checks[0]); i++)
		r = checks[i](caps, rsa_request);
	return r;
}

/* --- keys ------------------------------------------------------------------------------------- */

static uint64_t get64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

const char *rsa_public_fault(const uint8_t *modulus, size_t size, const uint8_t *exponent)
{
	uint64_t e = get64(exponent);

	if (!(modulus[0] & 0x80))
		return "the modulus is shorter than its size says: its highest bit is not set";
	if (!(modulus[size - 1] & 1))
		return "the modulus is even";
	if (!(e & 1))
		return "the public exponent is even";
	if (e < 3)
		return "the public exponent is 1, it must be at least 3";
	return NULL;
}
