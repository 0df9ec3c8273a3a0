/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Built once before a race, so nothing here is fast. Numbers: TCG "TPM 2.0 Library, Part 2:
 * Structures".
 */
#include "bench/tpm_commands.h"

#include <stdlib.h>

enum { NO_SESSIONS = 0x8001, SESSIONS = 0x8002, HASHCHECK = 0x8024 };
enum { RH_OWNER = 0x40000001, RH_NULL = 0x40000007, RS_PASSWORD = 0x40000009 };
enum { CAP_TPM_PROPERTIES = 6 };
enum { ALG_RSA = 1, ALG_SHA256 = 11, ALG_NULL = 16, ALG_RSASSA = 20, ALG_ECDSA = 24, ALG_ECC = 35 };

enum {
	CC_NV_UNDEFINE = 0x122,
	CC_NV_DEFINE = 0x12a,
	CC_NV_INCREMENT = 0x134,
	CC_NV_READ = 0x14e,
	CC_CREATE_PRIMARY = 0x131,
	CC_NV_WRITE = 0x137,
	CC_SIGN = 0x15d,
	CC_GET_CAPABILITY = 0x17a,
	CC_GET_RANDOM = 0x17b,
	CC_PCR_READ = 0x17e,
	CC_PCR_EXTEND = 0x182,
};

/* fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, sign */
#define KEY_ATTRIBUTES 0x00040472u
/* owner and auth may write and read; a counter is type 1 */
#define NV_PROTECTED 0x00060006u
#define NV_NO_DA 0x02000000u /* no dictionary-attack protection */
#define NV_ATTRIBUTES (NV_PROTECTED | NV_NO_DA)
#define NV_COUNTER 0x10u
#define DIGEST_SIZE 32u

static void put(struct tpm_bytes *to, uint64_t value, unsigned bytes)
{
	if (to->size + bytes > sizeof(to->bytes))
		abort(); /* the program's own mistake: all lengths are constants */
	while (bytes--)
		to->bytes[to->size++] = (uint8_t)(value >> (8 * bytes));
}

static void put_fill(struct tpm_bytes *to, uint8_t value, unsigned count)
{
	while (count--)
		put(to, value, 1);
}

static struct tpm_bytes begin(uint16_t tag, uint32_t code)
{
	struct tpm_bytes command = {0};

	put(&command, tag, 2);
	put(&command, 0, 4); /* the size, when it is known */
	put(&command, code, 4);
	return command;
}

/* An authorization by a password of so many bytes, which follow. */
static void put_password_size(struct tpm_bytes *to, uint16_t size)
{
	put(to, 9u + size, 4);
	put(to, RS_PASSWORD, 4);
	put(to, 0, 2); /* nonce */
	put(to, 0, 1); /* attributes */
	put(to, size, 2);
}

static void put_password(struct tpm_bytes *to)
{
	put_password_size(to, 0);
}

/* A password that nothing here has. */
static void put_guess(struct tpm_bytes *to)
{
	put_password_size(to, 1);
	put(to, '?', 1);
}

static struct tpm_bytes end(struct tpm_bytes *command)
{
	size_t size = command->size;

	command->size = 2;
	put(command, size, 4);
	command->size = size;
	return *command;
}

struct tpm_bytes tpm_get_property(uint32_t property)
{
	struct tpm_bytes command = begin(NO_SESSIONS, CC_GET_CAPABILITY);

	put(&command, CAP_TPM_PROPERTIES, 4);
	put(&command, property, 4);
	put(&command, 1, 4);
	return end(&command);
}

struct tpm_bytes tpm_get_random(uint16_t bytes)
{
	struct tpm_bytes command = begin(NO_SESSIONS, CC_GET_RANDOM);

	put(&command, bytes, 2);
	return end(&command);
}

struct tpm_bytes tpm_pcr_read(unsigned pcr)
{
	struct tpm_bytes command = begin(NO_SESSIONS, CC_PCR_READ);

	put(&command, 1, 4);
	put(&command, ALG_SHA256, 2);
	put(&command, 3, 1);
	for (unsigned i = 0; i < 3; i++)
		put(&command, pcr / 8 == i ? 1u << (pcr % 8) : 0, 1);
	return end(&command);
}

struct tpm_bytes tpm_pcr_extend(unsigned pcr)
{
	struct tpm_bytes command = begin(SESSIONS, CC_PCR_EXTEND);

	put(&command, pcr, 4);
	put_password(&command);
	put(&command, 1, 4);
	put(&command, ALG_SHA256, 2);
	put_fill(&command, 0xa5, DIGEST_SIZE);
	return end(&command);
}

static void put_key(struct tpm_bytes *to, enum tpm_key key)
{
	put(to, key == TPM_KEY_P256 ? ALG_ECC : ALG_RSA, 2);
	put(to, ALG_SHA256, 2);
	put(to, KEY_ATTRIBUTES, 4);
	put(to, 0, 2);	      /* policy */
	put(to, ALG_NULL, 2); /* symmetric */
	put(to, key == TPM_KEY_P256 ? ALG_ECDSA : ALG_RSASSA, 2);
	put(to, ALG_SHA256, 2);
	if (key == TPM_KEY_P256) {
		put(to, 3, 2);	      /* TPM_ECC_NIST_P256 */
		put(to, ALG_NULL, 2); /* kdf */
		put(to, 0, 2);
	} else {
		put(to, 2048, 2);
		put(to, 0, 4); /* the default exponent */
	}
	put(to, 0, 2); /* unique */
}

struct tpm_bytes tpm_create_primary(enum tpm_key key)
{
	struct tpm_bytes command = begin(SESSIONS, CC_CREATE_PRIMARY), area = {0};

	put(&command, RH_OWNER, 4);
	put_password(&command);
	put(&command, 4, 2); /* inSensitive: */
	put(&command, 0, 4); /* neither password nor data */
	put_key(&area, key);
	put(&command, area.size, 2);
	for (size_t i = 0; i < area.size; i++)
		put(&command, area.bytes[i], 1);
	put(&command, 0, 2); /* outsideInfo */
	put(&command, 0, 4); /* creationPCR */
	return end(&command);
}

struct tpm_bytes tpm_sign(uint32_t handle)
{
	struct tpm_bytes command = begin(SESSIONS, CC_SIGN);

	put(&command, handle, 4);
	put_password(&command);
	put(&command, DIGEST_SIZE, 2);
	put_fill(&command, 0x5a, DIGEST_SIZE);
	put(&command, ALG_NULL, 2); /* the key's own scheme */
	put(&command, HASHCHECK, 2);
	put(&command, RH_NULL, 4);
	put(&command, 0, 2);
	return end(&command);
}

static struct tpm_bytes nv_define(uint32_t index, uint16_t size, uint32_t attributes)
{
	struct tpm_bytes command = begin(SESSIONS, CC_NV_DEFINE);

	put(&command, RH_OWNER, 4);
	put_password(&command);
	put(&command, 0, 2);  /* its password */
	put(&command, 14, 2); /* publicInfo: */
	put(&command, index, 4);
	put(&command, ALG_SHA256, 2);
	put(&command, attributes, 4);
	put(&command, 0, 2); /* policy */
	put(&command, size, 2);
	return end(&command);
}

struct tpm_bytes tpm_nv_define(uint32_t index, uint16_t size)
{
	return nv_define(index, size, NV_ATTRIBUTES);
}

struct tpm_bytes tpm_nv_define_counter(uint32_t index)
{
	return nv_define(index, 8, NV_ATTRIBUTES | NV_COUNTER);
}

struct tpm_bytes tpm_nv_define_protected(uint32_t index, uint16_t size)
{
	return nv_define(index, size, NV_PROTECTED);
}

/* Authorized by the index's own password. */
static struct tpm_bytes begin_on_index(uint32_t code, uint32_t index)
{
	struct tpm_bytes command = begin(SESSIONS, code);

	put(&command, index, 4);
	put(&command, index, 4);
	return command;
}

static struct tpm_bytes on_index(uint32_t code, uint32_t index)
{
	struct tpm_bytes command = begin_on_index(code, index);

	put_password(&command);
	return command;
}

struct tpm_bytes tpm_nv_increment(uint32_t index)
{
	struct tpm_bytes command = on_index(CC_NV_INCREMENT, index);

	return end(&command);
}

struct tpm_bytes tpm_nv_read(uint32_t index, uint16_t size)
{
	struct tpm_bytes command = on_index(CC_NV_READ, index);

	put(&command, size, 2);
	put(&command, 0, 2); /* offset */
	return end(&command);
}

struct tpm_bytes tpm_nv_read_guessing(uint32_t index, uint16_t size)
{
	struct tpm_bytes command = begin_on_index(CC_NV_READ, index);

	put_guess(&command);
	put(&command, size, 2);
	put(&command, 0, 2); /* offset */
	return end(&command);
}

struct tpm_bytes tpm_nv_undefine(uint32_t index)
{
	struct tpm_bytes command = begin(SESSIONS, CC_NV_UNDEFINE);

	put(&command, RH_OWNER, 4);
	put(&command, index, 4);
	put_password(&command);
	return end(&command);
}

struct tpm_bytes tpm_nv_write(uint32_t index, uint16_t size)
{
	struct tpm_bytes command = on_index(CC_NV_WRITE, index);

	put(&command, size, 2);
	put_fill(&command, 0x3c, size);
	put(&command, 0, 2); /* offset */
	return end(&command);
}

static uint32_t number_at(const uint8_t *response, size_t size, size_t offset)
{
	uint32_t value = 0;

	if (size < offset + 4)
		return UINT32_MAX;
	for (size_t i = offset; i < offset + 4; i++)
		value = value << 8 | response[i];
	return value;
}

uint32_t tpm_response_code(const uint8_t *response, size_t size)
{
	return number_at(response, size, 6);
}

uint32_t tpm_response_handle(const uint8_t *response, size_t size)
{
	return number_at(response, size, 10);
}
