/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The AES unit: CTR and GCM. BEGIN, PUT of key and IV or counter (or of state), PUT aad ..., PUT
 * tag, PUT input ..., and GET tag or GET state, which ends it.
 *
 * The rule a newcomer would break first: the chip keeps no message. Authenticated decryption hashes
 * the input as it comes and answers nothing; only once the tag was found right does it decrypt what
 * the host sends AGAIN. There is no unverified plaintext anywhere.
 */
#include <assert.h>
#include <string.h>

#include "backends/chip/firmware/units.h"
#include "backends/chip/firmware/wipe.h"
#include "pluton/error.h"

#define GCM_LENGTH_MAX ((UINT64_C(1) << 36) - 32) /* SP 800-38D, section 5.2.1.1 */
#define WANTS(item) (1u << (item))

static const uint8_t kind[3] = {'S', 'A', '1'}; /* a state of this unit, in this layout */

static_assert(sizeof(struct aes_state) == 128, "the state has no holes");
static_assert(sizeof(struct aes_state) <= FRAME_DATA_MAX, "the state moves in one frame");

static bool is_gcm(const struct aes_unit *unit)
{
	return unit->state.mode == WIRE_AES_GCM;
}

static bool verifies(const struct aes_unit *unit)
{
	return is_gcm(unit) && unit->state.direction == WIRE_DECRYPT;
}

/* In a later start all of it came in the first one, and is counted in the state. */
static bool has_all_aad(const struct aes_unit *unit)
{
	return unit->state.aad_taken >= unit->aad_length;
}

/* Whether input may come: all else is there. */
static bool is_ready(const struct aes_unit *unit)
{
	return unit->begun && unit->wants == 0 && has_all_aad(unit);
}

/* --- the counter ----------------------------------------------------------------------------- */

static uint64_t low_bits(const uint8_t counter[16], size_t octets)
{
	uint64_t value = 0;

	for (size_t i = 16 - octets; i < 16; i++)
		value = value << 8 | counter[i];
	return value;
}

static void count_up(struct aes_state *state)
{
	unsigned octets = state->counter_bits / 8;

	for (unsigned i = 16; i > 16 - octets; i--) {
		if (++state->counter[i - 1] != 0)
			return;
	}
	state->spent = 1;
}

/* How many blocks of key stream the counter still has, UINT64_MAX for more than can be asked for.
 */
static uint64_t blocks_left(const struct aes_state *state)
{
	uint64_t low = low_bits(state->counter, 8);

	if (state->spent)
		return 0;
	if (state->counter_bits == 32)
		return (UINT64_C(1) << 32) - low_bits(state->counter, 4);
	for (unsigned i = 0; i < 8; i++) {
		if (state->counter[i] != 0xff)
			return UINT64_MAX;
	}
	return low == 0 ? UINT64_MAX : 0 - low;
}

static uint8_t check_room(const struct aes_unit *unit)
{
	const struct aes_state *state = &unit->state;
	uint64_t begun = (16 - state->crypted % 16) % 16; /* left of the last block */
	uint64_t needed;

	if (is_gcm(unit))
		return state->hashed > GCM_LENGTH_MAX ||
				       unit->length > GCM_LENGTH_MAX - state->hashed
			       ? PLUTON_ESIZE
			       : 0;
	if (unit->length <= begun)
		return 0;
	needed = (unit->length - begun - 1) / 16 + 1;
	return needed > blocks_left(state) ? PLUTON_ESIZE : 0;
}

/* --- doing it -------------------------------------------------------------------------------- */

static void crypt_octets(struct aes_unit *unit, uint8_t *out, const uint8_t *in, size_t length)
{
	struct aes_state *state = &unit->state;

	for (size_t i = 0; i < length; i++) {
		if (state->crypted % 16 == 0) {
			aes_encrypt_block(&unit->schedule, state->stream, state->counter);
			count_up(state);
		}
		out[i] = in[i] ^ state->stream[state->crypted++ % 16];
	}
}

static void hash_octets(struct aes_unit *unit, uint64_t *taken, const uint8_t *octets,
			size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unit->state.hash[(*taken)++ % 16] ^= octets[i];
		if (*taken % 16 == 0)
			ghash_multiply(unit->state.hash, unit->subkey);
	}
}

/* AAD and data are each filled up with zeros to whole blocks. */
static void hash_padding(struct aes_unit *unit, uint64_t taken)
{
	if (taken % 16 != 0)
		ghash_multiply(unit->state.hash, unit->subkey);
}

static void make_tag(struct aes_unit *unit, uint8_t tag[16])
{
	uint8_t *hash = unit->state.hash;

	hash_padding(unit, unit->state.hashed);
	for (unsigned i = 0; i < 8; i++) {
		hash[i] ^= (uint8_t)(8 * unit->state.aad_taken >> (56 - 8 * i));
		hash[8 + i] ^= (uint8_t)(8 * unit->state.hashed >> (56 - 8 * i));
	}
	ghash_multiply(hash, unit->subkey);
	aes_encrypt_block(&unit->schedule, tag, unit->state.iv);
	for (unsigned i = 0; i < 16; i++)
		tag[i] ^= hash[i];
}

/* Constant time: how much of a tag is right is nobody's business. */
static uint8_t verify(struct aes_unit *unit)
{
	uint8_t tag[16], difference = 0;

	make_tag(unit, tag);
	for (unsigned i = 0; i < 16; i++)
		difference |= tag[i] ^ unit->tag[i];
	firmware_wipe(tag, sizeof(tag));
	unit->verified = difference == 0;
	return unit->verified ? 0 : PLUTON_EINVAL;
}

static void use_key(struct aes_unit *unit)
{
	static const uint8_t zeros[16];

	aes_expand(&unit->schedule, unit->state.key, unit->state.key_size);
	aes_encrypt_block(&unit->schedule, unit->subkey, zeros);
}

/* --- commands -------------------------------------------------------------------------------- */

static uint32_t wanted_of(const struct aes_unit *unit, uint8_t phase)
{
	uint32_t wants = WANTS(WIRE_ITEM_STATE);

	if (phase & WIRE_FIRST)
		wants = WANTS(WIRE_ITEM_KEY) |
			WANTS(is_gcm(unit) ? WIRE_ITEM_IV : WIRE_ITEM_COUNTER);
	if (verifies(unit))
		wants |= WANTS(WIRE_ITEM_TAG);
	return wants;
}

static uint8_t check_begin(const struct aes_unit *unit, uint8_t phase)
{
	const struct aes_state *state = &unit->state;
	bool whole = phase == (WIRE_FIRST | WIRE_LAST);

	if (state->mode != WIRE_AES_CTR && state->mode != WIRE_AES_GCM)
		return PLUTON_ENOSUPPORT;
	if (state->direction != WIRE_ENCRYPT && state->direction != WIRE_DECRYPT)
		return PLUTON_ENOSUPPORT;
	if (phase > (WIRE_FIRST | WIRE_LAST) || (!whole && verifies(unit)))
		return PLUTON_ENOSUPPORT;
	if (state->key_size != 16 && state->key_size != 24 && state->key_size != 32)
		return PLUTON_ESIZE;
	if (!is_gcm(unit) && state->counter_bits != 32 && state->counter_bits != 128)
		return PLUTON_ESIZE;
	if (unit->aad_length != 0 && (!is_gcm(unit) || !(phase & WIRE_FIRST)))
		return PLUTON_ESIZE;
	return 0;
}

static uint8_t begin(struct aes_unit *unit, const struct frame *command)
{
	const uint8_t *data = command->data;
	uint8_t status;

	firmware_wipe(unit, sizeof(*unit));
	if (command->length != WIRE_BEGIN_AES_SIZE)
		return PLUTON_ESIZE;
	unit->state.mode = data[0];
	unit->state.direction = data[1];
	unit->state.key_size = data[3];
	unit->state.counter_bits = is_gcm(unit) ? 32 : data[4];
	unit->aad_length = frame_get64(data + WIRE_BEGIN_AES_AAD_LENGTH);
	unit->length = frame_get64(data + WIRE_BEGIN_AES_LENGTH);
	status = check_begin(unit, data[2]);
	if (status != 0)
		return status;
	unit->wants = wanted_of(unit, data[2]);
	unit->last = data[2] & WIRE_LAST;
	unit->begun = true;
	return 0;
}

static uint8_t put_key(struct aes_unit *unit, const struct frame *command)
{
	if (command->length != unit->state.key_size)
		return PLUTON_ESIZE;
	memcpy(unit->state.key, command->data, command->length);
	use_key(unit);
	return 0;
}

/* J0 is the IV and a counter of 1, which makes the tag; the data begin at 2. */
static uint8_t put_iv(struct aes_unit *unit, const struct frame *command)
{
	if (command->length != 12)
		return PLUTON_ESIZE;
	memcpy(unit->state.iv, command->data, 12);
	unit->state.iv[15] = 1;
	memcpy(unit->state.counter, unit->state.iv, 16);
	unit->state.counter[15] = 2;
	return check_room(unit);
}

static uint8_t put_counter(struct aes_unit *unit, const struct frame *command)
{
	if (command->length != 16)
		return PLUTON_ESIZE;
	memcpy(unit->state.counter, command->data, 16);
	return check_room(unit);
}

/* The request says again what the state says: they must agree. */
static uint8_t put_state(struct aes_unit *unit, const struct frame *command)
{
	struct aes_state asked = unit->state;
	const struct aes_state *state = &unit->state;

	if (command->length != sizeof(unit->state))
		return PLUTON_ESIZE;
	memcpy(&unit->state, command->data, sizeof(unit->state));
	if (memcmp(state->kind, kind, sizeof(kind)) != 0 || state->mode != asked.mode ||
	    state->direction != asked.direction || state->key_size != asked.key_size ||
	    state->counter_bits != asked.counter_bits)
		return PLUTON_EINVAL;
	use_key(unit);
	return check_room(unit);
}

static uint8_t put_tag(struct aes_unit *unit, const struct frame *command)
{
	if (command->length != 16)
		return PLUTON_ESIZE;
	if (unit->wants != WANTS(WIRE_ITEM_TAG) || !has_all_aad(unit))
		return PLUTON_ERESERVE;
	memcpy(unit->tag, command->data, 16);
	return unit->length == 0 ? verify(unit) : 0;
}

static uint8_t put_wanted(struct aes_unit *unit, const struct frame *command)
{
	static const struct {
		uint8_t item;
		uint8_t (*put)(struct aes_unit *unit, const struct frame *command);
	} puts[] = {
		{WIRE_ITEM_KEY, put_key},	  {WIRE_ITEM_IV, put_iv},
		{WIRE_ITEM_COUNTER, put_counter}, {WIRE_ITEM_STATE, put_state},
		{WIRE_ITEM_TAG, put_tag},
	};

	for (size_t i = 0; i < sizeof(puts) / sizeof(puts[0]); i++) {
		uint8_t status;

		if (puts[i].item != command->item)
			continue;
		if (!(unit->wants & WANTS(command->item)))
			return PLUTON_ERESERVE;
		status = puts[i].put(unit, command);
		unit->wants &= ~WANTS(command->item);
		return status;
	}
	return PLUTON_ENOSUPPORT;
}

static uint8_t put_aad(struct aes_unit *unit, const struct frame *command)
{
	if (unit->wants & ~WANTS(WIRE_ITEM_TAG))
		return PLUTON_ERESERVE;
	if (command->length == 0)
		return 0;
	if (has_all_aad(unit) || command->length > unit->aad_length - unit->state.aad_taken)
		return PLUTON_ESIZE;
	hash_octets(unit, &unit->state.aad_taken, command->data, command->length);
	if (unit->state.aad_taken == unit->aad_length)
		hash_padding(unit, unit->aad_length);
	return 0;
}

static uint8_t take_sealed(struct aes_unit *unit, const struct frame *command)
{
	hash_octets(unit, &unit->state.hashed, command->data, command->length);
	unit->taken += command->length;
	return unit->taken == unit->length ? verify(unit) : 0;
}

static uint8_t put_input(struct aes_unit *unit, const struct frame *command,
			 struct answer *ret_answer)
{
	if (!is_ready(unit))
		return PLUTON_ERESERVE;
	if (command->length == 0)
		return 0;
	if (command->length > unit->length - unit->taken)
		return PLUTON_ESIZE;
	if (verifies(unit))
		return take_sealed(unit, command);
	crypt_octets(unit, ret_answer->data, command->data, command->length);
	if (is_gcm(unit))
		hash_octets(unit, &unit->state.hashed, ret_answer->data, command->length);
	unit->taken += command->length;
	ret_answer->length = command->length;
	return 0;
}

static uint8_t put_again(struct aes_unit *unit, const struct frame *command,
			 struct answer *ret_answer)
{
	if (!unit->verified)
		return PLUTON_ERESERVE;
	if (command->length > unit->length - unit->given)
		return PLUTON_ESIZE;
	crypt_octets(unit, ret_answer->data, command->data, command->length);
	unit->given += command->length;
	ret_answer->length = command->length;
	return 0;
}

static uint8_t put(struct aes_unit *unit, const struct frame *command, struct answer *ret_answer)
{
	if (!unit->begun)
		return PLUTON_ERESERVE;
	switch (command->item) {
	case WIRE_ITEM_AAD:
		return put_aad(unit, command);
	case WIRE_ITEM_INPUT:
		return put_input(unit, command, ret_answer);
	case WIRE_ITEM_AGAIN:
		return put_again(unit, command, ret_answer);
	default:
		return put_wanted(unit, command);
	}
}

static uint8_t get(struct aes_unit *unit, uint8_t item, struct answer *ret_answer)
{
	bool whole = is_ready(unit) && unit->taken == unit->length;

	if (item == WIRE_ITEM_TAG && whole && unit->last && is_gcm(unit) && !verifies(unit)) {
		make_tag(unit, ret_answer->data);
		ret_answer->length = 16;
	} else if (item == WIRE_ITEM_STATE && whole && !unit->last) {
		memcpy(unit->state.kind, kind, sizeof(kind));
		memcpy(ret_answer->data, &unit->state, sizeof(unit->state));
		ret_answer->length = sizeof(unit->state);
	} else {
		return PLUTON_ERESERVE;
	}
	firmware_wipe(unit, sizeof(*unit));
	return 0;
}

static uint8_t take(struct aes_unit *unit, const struct frame *command, struct answer *ret_answer)
{
	switch (command->type) {
	case WIRE_BEGIN:
		return begin(unit, command);
	case WIRE_PUT:
		return put(unit, command, ret_answer);
	case WIRE_GET:
		return get(unit, command->item, ret_answer);
	default:
		return PLUTON_ENOSUPPORT;
	}
}

void aes_unit_take(struct aes_unit *unit, const struct frame *command, struct answer *ret_answer)
{
	ret_answer->status = take(unit, command, ret_answer);
	if (ret_answer->status != 0) {
		ret_answer->length = 0;
		firmware_wipe(unit, sizeof(*unit));
	}
}
