/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stream exports, little-endian:
 *
 *   0 version (1)   1 mode   2 key size   3 counter bits   4 offset in the block   5..7 zero
 *   CTR: 8 counter block   24 key, then zeros; of a slot's key only zeros
 *   CBC: 8 last block of ciphertext, at first the IV   24 as CTR
 *   ECB: 8 zeros   24 as CTR
 *   GCM: 8 handle, 32 bits   12 zero   16 serial, 64 bits   24 zeros: names a gcm_stream
 *
 * It comes back from kernel memory, yet every field is checked: a wrong one must not become a
 * repeated key stream.
 */
#include <assert.h>
#include <endian.h>
#include <string.h>

#include "backends/openssl/aes_operation.h"

#define STATE_VERSION 1u

enum state_field {
	STATE_VERSION_AT = 0,
	STATE_MODE_AT = 1,
	STATE_KEY_SIZE_AT = 2,
	STATE_CTR_BITS_AT = 3,
	STATE_OFFSET_AT = 4,
	STATE_ZERO_AT = 5,
	STATE_BLOCK_AT = 8,
	STATE_KEY_AT = 24,
	STATE_GCM_HANDLE_AT = 8,
	STATE_GCM_ZERO_AT = 12,
	STATE_GCM_SERIAL_AT = 16,
	STATE_GCM_END = 24,
};
static_assert(STATE_KEY_AT + AES_KEY_SIZE_MAX == AES_STATE_SIZE, "layout of a state");
static_assert(AES_STATE_SIZE <= AES_STATE_MAX, "a state fits a grant's field");

static bool all_zero(const uint8_t *state, size_t from, size_t to)
{
	uint8_t any = 0;

	while (from < to)
		any |= state[from++];
	return any == 0;
}

static unsigned ctr_bits(const struct aes_request *request)
{
	return request->mode == AES_CTR ? request->ctr_bits : 0;
}

static bool header_matches(const struct aes_request *request, const uint8_t *state)
{
	return state[STATE_VERSION_AT] == STATE_VERSION && state[STATE_MODE_AT] == request->mode &&
	       state[STATE_KEY_SIZE_AT] == request->key_size &&
	       state[STATE_CTR_BITS_AT] == ctr_bits(request) &&
	       all_zero(state, STATE_ZERO_AT, STATE_BLOCK_AT);
}

/* EVP begins at a block's start: what the last start used of it is made again and thrown away. */
static int skip_used(struct aes_operation *op)
{
	uint8_t used[AES_BLOCK_SIZE] = {0};
	int r = 0;

	if (op->ctr.offset > 0)
		r = aes_update(op, used, used, op->ctr.offset);
	explicit_bzero(used, sizeof(used));
	return r;
}

/* false: behind the key there is something else. */
static bool read_key(struct aes_operation *op, const uint8_t *state)
{
	if (op->request.key.kind == HIL_KEY_SLOT) /* op has it already */
		return all_zero(state, STATE_KEY_AT, AES_STATE_SIZE);
	memcpy(op->key, state + STATE_KEY_AT, op->request.key_size);
	return all_zero(state, STATE_KEY_AT + op->request.key_size, AES_STATE_SIZE);
}

static int resume_blocks(struct aes_operation *op, const uint8_t *state)
{
	if (!read_key(op, state) || state[STATE_OFFSET_AT] != 0)
		return -PLUTON_EINVAL;
	if (op->request.mode == AES_ECB && !all_zero(state, STATE_BLOCK_AT, STATE_KEY_AT))
		return -PLUTON_EINVAL;
	memcpy(op->iv, state + STATE_BLOCK_AT, AES_BLOCK_SIZE);
	return aes_begin(op);
}

static int resume_ctr(struct aes_operation *op, const uint8_t *state)
{
	bool has_key = read_key(op, state);
	int r;

	memcpy(op->ctr.block, state + STATE_BLOCK_AT, AES_BLOCK_SIZE);
	op->ctr.bits = op->request.ctr_bits;
	op->ctr.offset = state[STATE_OFFSET_AT];
	if (!ctr_position_is_sound(&op->ctr) || !has_key)
		return -PLUTON_EINVAL;
	if (!ctr_position_has_room(&op->ctr, op->request.length))
		return -PLUTON_ESIZE;
	r = aes_begin(op);
	return r < 0 ? r : skip_used(op);
}

/* false: this names no stream. */
static bool read_gcm(const uint8_t *state, uint32_t *ret_handle, uint64_t *ret_serial)
{
	if (state[STATE_OFFSET_AT] != 0 ||
	    !all_zero(state, STATE_GCM_ZERO_AT, STATE_GCM_SERIAL_AT) ||
	    !all_zero(state, STATE_GCM_END, AES_STATE_SIZE))
		return false;
	memcpy(ret_handle, state + STATE_GCM_HANDLE_AT, sizeof(*ret_handle));
	memcpy(ret_serial, state + STATE_GCM_SERIAL_AT, sizeof(*ret_serial));
	*ret_handle = le32toh(*ret_handle);
	*ret_serial = le64toh(*ret_serial);
	return true;
}

static int resume_gcm(struct aes_operation *op, const uint8_t *state)
{
	uint32_t handle;
	uint64_t serial;
	int r;

	if (!read_gcm(state, &handle, &serial))
		return -PLUTON_EINVAL;
	r = gcm_stream_resume(op->request.owner, handle, serial, &op->request, &op->stream);
	if (r == 0)
		op->cipher = op->stream->cipher;
	return r;
}

static int resume(struct aes_operation *op, const uint8_t *state)
{
	switch (op->request.mode) {
	case AES_CTR:
		return resume_ctr(op, state);
	case AES_GCM:
		return resume_gcm(op, state);
	default:
		return resume_blocks(op, state);
	}
}

int aes_step_state_in(struct aes_operation *op)
{
	uint8_t state[AES_STATE_SIZE];
	int r = aes_take_slot(op);

	if (r == 0)
		r = hil_answer(op->client->ops->pull_state(op->client, state, sizeof(state)));
	if (r == 0 && !header_matches(&op->request, state))
		r = -PLUTON_EINVAL;
	if (r == 0)
		r = resume(op, state);
	explicit_bzero(state, sizeof(state));
	return r;
}

/* A slot's key never leaves: whoever goes on with the state fetches it again. */
static void write_key(const struct aes_operation *op, uint8_t *state)
{
	if (op->request.key.kind == HIL_KEY_BYTES)
		memcpy(state + STATE_KEY_AT, op->key, op->request.key_size);
}

static int write_blocks(struct aes_operation *op, uint8_t *state)
{
	write_key(op, state);
	return op->request.mode == AES_CBC ? aes_evp_chain(op->cipher, state + STATE_BLOCK_AT) : 0;
}

static void write_ctr(struct aes_operation *op, uint8_t *state)
{
	ctr_position_advance(&op->ctr, op->request.length);
	state[STATE_OFFSET_AT] = (uint8_t)op->ctr.offset;
	memcpy(state + STATE_BLOCK_AT, op->ctr.block, AES_BLOCK_SIZE);
	write_key(op, state);
}

static void write_gcm(struct aes_operation *op, uint8_t *state)
{
	uint32_t handle = htole32(op->stream->handle);
	uint64_t serial = htole64(op->stream->serial);

	op->stream->length += op->request.length;
	memcpy(state + STATE_GCM_HANDLE_AT, &handle, sizeof(handle));
	memcpy(state + STATE_GCM_SERIAL_AT, &serial, sizeof(serial));
}

int aes_step_state_out(struct aes_operation *op)
{
	uint8_t state[AES_STATE_SIZE] = {STATE_VERSION};
	int r = 0;

	state[STATE_MODE_AT] = (uint8_t)op->request.mode;
	state[STATE_KEY_SIZE_AT] = (uint8_t)op->request.key_size;
	state[STATE_CTR_BITS_AT] = (uint8_t)ctr_bits(&op->request);
	if (op->request.mode == AES_CTR)
		write_ctr(op, state);
	else if (op->request.mode == AES_GCM)
		write_gcm(op, state);
	else
		r = write_blocks(op, state);
	if (r == 0)
		r = hil_answer(op->client->ops->push_state(op->client, state, sizeof(state)));
	explicit_bzero(state, sizeof(state));
	return r;
}

void aes_forget(struct aes_engine *engine, struct hil_owner *owner, const uint8_t *state,
		size_t len)
{
	uint32_t handle;
	uint64_t serial;

	(void)engine;
	if (len == AES_STATE_SIZE && state[STATE_VERSION_AT] == STATE_VERSION &&
	    state[STATE_MODE_AT] == AES_GCM && read_gcm(state, &handle, &serial))
		gcm_stream_forget(owner, handle, serial);
}
