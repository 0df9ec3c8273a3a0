/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command is put together front to back; order_end writes the size into the header.
 */
#include "tests/tpm/orders.h"

#include <string.h>

#define ALG_RSA 0x0001u
#define ALG_SHA256 0x000bu
#define ALG_AES 0x0006u
#define ALG_NULL 0x0010u
#define ALG_ECC 0x0023u
#define ALG_CFB 0x0043u
#define ECC_P256 0x0003u

static void put8(struct order *order, uint8_t value)
{
	order->bytes[order->size++] = value;
}

static void put16(struct order *order, uint32_t value)
{
	tpm_put16(order->bytes + order->size, (uint16_t)value);
	order->size += 2;
}

static void put32(struct order *order, uint32_t value)
{
	tpm_put32(order->bytes + order->size, value);
	order->size += 4;
}

static void put(struct order *order, const void *bytes, size_t size)
{
	if (size > 0)
		memcpy(order->bytes + order->size, bytes, size);
	order->size += size;
}

static void fill(struct order *order, uint8_t byte, size_t size)
{
	memset(order->bytes + order->size, byte, size);
	order->size += size;
}

static void begin(struct order *order, uint32_t tag, uint32_t code)
{
	order->size = 0;
	put16(order, tag);
	put32(order, 0);
	put32(order, code);
}

static void end(struct order *order)
{
	tpm_put32(order->bytes + 2, (uint32_t)order->size);
}

/* An authorization area with one empty password. */
static void put_password(struct order *order)
{
	put32(order, 9);
	put32(order, RS_PW);
	put16(order, 0);
	put8(order, TPMA_SESSION_CONTINUE);
	put16(order, 0);
}

void order_plain(struct order *order, uint32_t code, const void *parameters, size_t size)
{
	begin(order, TPM_ST_NO_SESSIONS, code);
	put(order, parameters, size);
	end(order);
}

void order_get_random(struct order *order, uint16_t count)
{
	begin(order, TPM_ST_NO_SESSIONS, TPM_CC_GET_RANDOM);
	put16(order, count);
	end(order);
}

void order_get_capability(struct order *order, uint32_t capability, uint32_t property,
			  uint32_t count)
{
	begin(order, TPM_ST_NO_SESSIONS, TPM_CC_GET_CAPABILITY);
	put32(order, capability);
	put32(order, property);
	put32(order, count);
	end(order);
}

void order_pcr_extend(struct order *order, uint32_t pcr, uint8_t filler)
{
	begin(order, TPM_ST_SESSIONS, 0x182);
	put32(order, pcr);
	put_password(order);
	put32(order, 1);
	put16(order, ALG_SHA256);
	fill(order, filler, 32);
	end(order);
}

void order_pcr_read(struct order *order, uint32_t pcr)
{
	begin(order, TPM_ST_NO_SESSIONS, 0x17e);
	put32(order, 1);
	put16(order, ALG_SHA256);
	put8(order, 3);
	for (uint32_t byte = 0; byte < 3; byte++)
		put8(order, (uint8_t)(pcr / 8 == byte ? 1u << pcr % 8 : 0u));
	end(order);
}

/* TPMA_NV: owner and authorization write and read, no dictionary attack protection. */
#define NV_ATTRIBUTES 0x02060006u
#define NV_TYPE_COUNTER 0x10u

static void define(struct order *order, uint32_t index, uint32_t attributes, uint16_t size)
{
	begin(order, TPM_ST_SESSIONS, 0x12a);
	put32(order, RH_OWNER);
	put_password(order);
	put16(order, 0);
	put16(order, 14);
	put32(order, index);
	put16(order, ALG_SHA256);
	put32(order, attributes);
	put16(order, 0);
	put16(order, size);
	end(order);
}

static void begin_nv(struct order *order, uint32_t code, uint32_t index)
{
	begin(order, TPM_ST_SESSIONS, code);
	put32(order, RH_OWNER);
	put32(order, index);
	put_password(order);
}

static void nv_read(struct order *order, uint32_t index)
{
	begin_nv(order, 0x14e, index);
	put16(order, 8);
	put16(order, 0);
	end(order);
}

void order_nv_define_counter(struct order *order)
{
	define(order, NV_COUNTER, NV_ATTRIBUTES | NV_TYPE_COUNTER, 8);
}

void order_nv_increment(struct order *order)
{
	begin_nv(order, 0x134, NV_COUNTER);
	end(order);
}

void order_nv_read_counter(struct order *order)
{
	nv_read(order, NV_COUNTER);
}

void order_nv_define_plain(struct order *order)
{
	define(order, NV_PLAIN, NV_ATTRIBUTES, NV_PLAIN_SIZE);
}

void order_nv_write_plain(struct order *order, uint8_t filler)
{
	begin_nv(order, 0x137, NV_PLAIN);
	put16(order, NV_PLAIN_SIZE);
	fill(order, filler, NV_PLAIN_SIZE);
	put16(order, 0);
	end(order);
}

void order_nv_read_plain(struct order *order)
{
	nv_read(order, NV_PLAIN);
}

/* inSensitive, then the size of inPublic, which is filled in by end_public. */
static size_t begin_create(struct order *order, uint32_t type, uint32_t attributes)
{
	size_t public_size;

	begin(order, TPM_ST_SESSIONS, TPM_CC_CREATE_PRIMARY);
	put32(order, RH_NULL);
	put_password(order);
	put16(order, 4);
	put16(order, 0);
	put16(order, 0);
	public_size = order->size;
	put16(order, 0);
	put16(order, type);
	put16(order, ALG_SHA256);
	put32(order, attributes);
	put16(order, 0);
	return public_size;
}

static void end_create(struct order *order, size_t public_size)
{
	tpm_put16(order->bytes + public_size, (uint16_t)(order->size - public_size - 2));
	put16(order, 0);
	put32(order, 0);
	end(order);
}

/* fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth; and sign, or sign and decrypt. */
#define KEY_ATTRIBUTES 0x00000072u
#define KEY_SIGNS 0x00040000u
#define KEY_DECRYPTS 0x00020000u

void order_create_rsa(struct order *order, uint16_t bits)
{
	size_t public_size =
		begin_create(order, ALG_RSA, KEY_ATTRIBUTES | KEY_SIGNS | KEY_DECRYPTS);

	put16(order, ALG_NULL);
	put16(order, ALG_NULL);
	put16(order, bits);
	put32(order, 0);
	put16(order, 0);
	end_create(order, public_size);
}

void order_create_ecc(struct order *order)
{
	size_t public_size = begin_create(order, ALG_ECC, KEY_ATTRIBUTES | KEY_SIGNS);

	put16(order, ALG_NULL);
	put16(order, ALG_NULL);
	put16(order, ECC_P256);
	put16(order, ALG_NULL);
	put16(order, 0);
	put16(order, 0);
	end_create(order, public_size);
}

void order_start_session(struct order *order)
{
	begin(order, TPM_ST_NO_SESSIONS, TPM_CC_START_AUTH_SESSION);
	put32(order, RH_NULL);
	put32(order, RH_NULL);
	put16(order, 16);
	fill(order, 0x5a, 16);
	put16(order, 0);
	put8(order, 0);
	put16(order, ALG_NULL);
	put16(order, ALG_SHA256);
	end(order);
}

void order_hash_start(struct order *order)
{
	begin(order, TPM_ST_NO_SESSIONS, TPM_CC_HASH_SEQUENCE_START);
	put16(order, 0);
	put16(order, ALG_SHA256);
	end(order);
}

void order_sequence_complete(struct order *order, uint32_t handle)
{
	begin(order, TPM_ST_SESSIONS, TPM_CC_SEQUENCE_COMPLETE);
	put32(order, handle);
	put_password(order);
	put16(order, 0);
	put32(order, RH_NULL);
	end(order);
}

void order_flush(struct order *order, uint32_t handle)
{
	begin(order, TPM_ST_NO_SESSIONS, TPM_CC_FLUSH_CONTEXT);
	put32(order, handle);
	end(order);
}

void order_read_public(struct order *order, uint32_t handle)
{
	begin(order, TPM_ST_NO_SESSIONS, 0x173);
	put32(order, handle);
	end(order);
}

void order_context_save(struct order *order, uint32_t handle)
{
	begin(order, TPM_ST_NO_SESSIONS, TPM_CC_CONTEXT_SAVE);
	put32(order, handle);
	end(order);
}

void order_context_load(struct order *order, const uint8_t *context, size_t size)
{
	begin(order, TPM_ST_NO_SESSIONS, TPM_CC_CONTEXT_LOAD);
	put(order, context, size);
	end(order);
}

void order_random_with_session(struct order *order, uint32_t session, uint8_t attributes)
{
	begin(order, TPM_ST_SESSIONS, TPM_CC_GET_RANDOM);
	put32(order, 9 + 16);
	put32(order, session);
	put16(order, 16);
	fill(order, 0x33, 16);
	put8(order, attributes);
	put16(order, 0);
	put16(order, 8);
	end(order);
}

void order_send(struct rig_client *client, const struct order *order)
{
	rig_transmit(client, order->bytes, order->size);
}

uint32_t order_run(struct rig_client *client, const struct order *order)
{
	return rig_run(client, order->bytes, order->size);
}

uint32_t order_handle(const struct rig_client *client)
{
	return tpm_get32(client->bytes + TPM_HEADER_SIZE);
}

/* NV_Read's response: header, size of the parameters, size of the data, data. */
uint64_t order_counter(const struct rig_client *client)
{
	const uint8_t *at = client->bytes + TPM_HEADER_SIZE + 6;

	return (uint64_t)tpm_get32(at) << 32 | tpm_get32(at + 4);
}
