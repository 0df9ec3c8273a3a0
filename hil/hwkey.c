/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hardware keys: which attributes go together, whether a request is well formed, and how a capsule
 * comes from a number to a slot. The same answers for hil_select, the engines and the checker.
 */
#include "hil/hwkey.h"

#include <assert.h>
#include <string.h>

#include "client-lib/rows.h"
#include "hil/nv.h"
#include "hil/rsa.h"

static_assert(HWKEY_OWNER_MAX == NV_OWNER_MAX, "whom areas belong to, slots can");
static_assert(HWKEY_KEY_SIZE_MAX == 4 * RSA_SIZE_MAX + RSA_SIZE_MAX / 2 + RSA_EXPONENT_SIZE,
	      "all parts of the largest RSA key");

#define AES_USAGES (HWKEY_ENCRYPT | HWKEY_DECRYPT | HWKEY_MAC | HWKEY_AGREE | HWKEY_WRAPS)

/* What there is to say of each type; `size` 0: any. */
static const struct {
	enum hwkey_family family;
	size_t size;
	size_t public_size;
	uint32_t usages;
} types[HWKEY_TYPES] = {
	[HWKEY_AES128] = {HWKEY_OF_AES, 16, 0, AES_USAGES},
	[HWKEY_AES192] = {HWKEY_OF_AES, 24, 0, AES_USAGES},
	[HWKEY_AES256] = {HWKEY_OF_AES, 32, 0, AES_USAGES},
	[HWKEY_SECRET] = {HWKEY_OF_SECRET, 0, 0, HWKEY_MAC | HWKEY_AGREE},
	[HWKEY_P256] = {HWKEY_OF_ECC, 32, 64, HWKEY_SIGN | HWKEY_AGREE},
	[HWKEY_P384] = {HWKEY_OF_ECC, 48, 96, HWKEY_SIGN | HWKEY_AGREE},
	[HWKEY_P521] = {HWKEY_OF_ECC, 66, 132, HWKEY_SIGN | HWKEY_AGREE},
	[HWKEY_ED25519] = {HWKEY_OF_ECC, 32, 32, HWKEY_SIGN},
	[HWKEY_X25519] = {HWKEY_OF_ECC, 32, 32, HWKEY_AGREE},
	[HWKEY_RSA2048] = {HWKEY_OF_RSA, 1160, 264, HWKEY_SIGN | HWKEY_DECRYPT},
	[HWKEY_RSA3072] = {HWKEY_OF_RSA, 1736, 392, HWKEY_SIGN | HWKEY_DECRYPT},
	[HWKEY_RSA4096] = {HWKEY_OF_RSA, 2312, 520, HWKEY_SIGN | HWKEY_DECRYPT},
};

static bool is_type(enum hwkey_type type)
{
	return (unsigned)type < HWKEY_TYPES && types[type].family;
}

size_t hwkey_size(enum hwkey_type type)
{
	return is_type(type) ? types[type].size : 0;
}

size_t hwkey_public_size(enum hwkey_type type)
{
	return is_type(type) ? types[type].public_size : 0;
}

enum hwkey_family hwkey_family(enum hwkey_type type)
{
	return is_type(type) ? types[type].family : (enum hwkey_family)0;
}

enum ecc_curve hwkey_curve(enum hwkey_type type)
{
	static const enum ecc_curve curves[HWKEY_TYPES] = {
		[HWKEY_P256] = ECC_P256,       [HWKEY_P384] = ECC_P384,	    [HWKEY_P521] = ECC_P521,
		[HWKEY_ED25519] = ECC_ED25519, [HWKEY_X25519] = ECC_X25519,
	};

	return is_type(type) ? curves[type] : (enum ecc_curve)0;
}

bool hwkey_is_slow(const void *hwkey_request)
{
	const struct hwkey_request *request = hwkey_request;

	return request->action == HWKEY_GENERATE &&
	       hwkey_family(request->attributes.type) == HWKEY_OF_RSA;
}

/* Whole half-blocks of 8 bytes, and one more. */
size_t hwkey_wrapped_size(size_t key_size)
{
	return (key_size + 7) / 8 * 8 + 8;
}

bool hwkey_fills(enum hwkey_action action)
{
	return action == HWKEY_GENERATE || action == HWKEY_IMPORT || action == HWKEY_DERIVE ||
	       action == HWKEY_UNWRAP;
}

/* --- requests -------------------------------------------------------------------------------- */

const char *hwkey_fault(const struct hwkey_attributes *attributes)
{
	if (!is_type(attributes->type))
		return "there is no such type of key";
	if (attributes->usage == 0)
		return "a key without a usage could not be used";
	if (attributes->usage & ~types[attributes->type].usages)
		return "a key of this type has no such usage";
	if (attributes->policy & ~(uint32_t)HWKEY_POLICIES)
		return "there is no such policy";
	if (attributes->policy & HWKEY_ENGINE_IV && hwkey_family(attributes->type) != HWKEY_OF_AES)
		return "only AES keys have IVs that an engine could make";
	if (attributes->policy & HWKEY_ENGINE_IV &&
	    attributes->usage & ~(uint32_t)(HWKEY_ENCRYPT | HWKEY_DECRYPT))
		return "a key for IVs that the engine makes is for GCM and nothing else";
	return NULL;
}

static bool has_size(const struct hwkey_attributes *attributes)
{
	if (attributes->type == HWKEY_SECRET)
		return attributes->size >= 1 && attributes->size <= HWKEY_SECRET_MAX;
	return attributes->size == hwkey_size(attributes->type);
}

/* What is wrapped with is an AES key, however that is to be used. */
static int check_trial(const struct hwkey_caps *caps, const struct hwkey_request *request)
{
	bool wraps = request->trial == HWKEY_TRY_WRAP || request->trial == HWKEY_TRY_UNWRAP;

	if ((unsigned)request->trial >= HWKEY_TRIALS || !(caps->trials >> request->trial & 1))
		return -PLUTON_ENOSUPPORT;
	if (wraps && hwkey_family(request->attributes.type) != HWKEY_OF_AES)
		return -PLUTON_EINVAL;
	return 0;
}

static int check_attributes(const struct hwkey_caps *caps, const struct hwkey_request *request)
{
	const struct hwkey_attributes *attributes = &request->attributes;
	uint32_t offered = request->action == HWKEY_DERIVE ? caps->derived_types : caps->types;

	if (!is_type(attributes->type) || !(offered >> attributes->type & 1))
		return -PLUTON_ENOSUPPORT;
	if (hwkey_fault(attributes))
		return -PLUTON_EINVAL;
	return has_size(attributes) ? 0 : -PLUTON_ESIZE;
}

/* Of how many bytes the input is, behind those before; 0: it is too short. */
static size_t behind(const struct hwkey_request *request, size_t before)
{
	return request->length > before ? request->length - before : 0;
}

static bool fits_trial(const struct hwkey_request *request)
{
	size_t size = request->attributes.size, out = request->output_length, in;

	switch (request->trial) {
	case HWKEY_TRY_WRAP:
		in = behind(request, size);
		return in >= 1 && in <= HWKEY_KEY_SIZE_MAX && out == hwkey_wrapped_size(in);
	case HWKEY_TRY_UNWRAP:
		in = behind(request, size);
		return out >= 1 && out <= HWKEY_KEY_SIZE_MAX && in == hwkey_wrapped_size(out);
	case HWKEY_TRY_DERIVE:
		in = behind(request, HWKEY_TRY_SECRET);
		return in >= 1 && in <= HWKEY_INPUT_MAX && out == size;
	case HWKEY_TRY_SEAL:
		in = behind(request, HWKEY_TRY_SECRET + HWKEY_TRY_NONCE);
		return in == size && out == size + HWKEY_TRY_RECORD;
	default:
		in = behind(request, HWKEY_TRY_SECRET);
		return in == size + HWKEY_TRY_RECORD && out == size;
	}
}

static bool fits(const struct hwkey_request *request)
{
	size_t length = request->length;

	switch (request->action) {
	case HWKEY_IMPORT:
		return length == request->attributes.size;
	case HWKEY_DERIVE:
		return length >= 1 && length <= HWKEY_INPUT_MAX;
	case HWKEY_UNWRAP:
		return length == hwkey_wrapped_size(request->attributes.size);
	case HWKEY_WRAP:
		return length >= hwkey_wrapped_size(1) && length <= HWKEY_WRAPPED_MAX;
	case HWKEY_PUBLIC:
		return length >= 1 && length <= HWKEY_KEY_SIZE_MAX;
	case HWKEY_TRY:
		return fits_trial(request);
	default:
		return length == 0;
	}
}

static bool is_named(const struct hwkey_name *name)
{
	size_t length = strnlen(name->owner, sizeof(name->owner));

	return length <= HWKEY_OWNER_MAX && nv_name_valid(name->owner, length) &&
	       name->number >= 1 && name->number <= HWKEY_NUMBER_MAX;
}

int hwkey_check(const struct hil_engine *engine, const void *hwkey_request)
{
	const struct hwkey_caps *caps = &((const struct hwkey_engine *)(const void *)engine)->caps;
	const struct hwkey_request *request = hwkey_request;
	int r = 0;

	if (engine->absent)
		return -PLUTON_ENODEVICE;
	if (request->action < HWKEY_GENERATE || request->action >= HWKEY_ACTIONS)
		return -PLUTON_ENOSUPPORT;
	if (!is_named(&request->name))
		return -PLUTON_EINVAL;
	if (request->action == HWKEY_TRY)
		r = check_trial(caps, request);
	if (r == 0 && (hwkey_fills(request->action) || request->action == HWKEY_TRY))
		r = check_attributes(caps, request);
	if (r == 0 && !fits(request))
		r = -PLUTON_ESIZE;
	return r;
}

/* --- from a number to a slot ------------------------------------------------------------------ */

uint32_t hwkey_unused(struct hwkey_engine *engine, const char *owner)
{
	uint32_t number = engine->ops->unused(engine, owner);

	return number <= HWKEY_NUMBER_MAX ? number : 0;
}

static int find(const struct hil_port *port, const struct hwkey_name *name, struct hwkey_about *ret)
{
	int r = -PLUTON_ENODEVICE;

	for (unsigned i = 0; i < port->count && r == -PLUTON_ENODEVICE; i++) {
		struct hwkey_engine *engine = (struct hwkey_engine *)(void *)port->engines[i];

		if (!engine->head.absent)
			r = engine->ops->find(engine, name, ret);
	}
	return r;
}

const char *hwkey_find_failure(int error)
{
	switch (error) {
	case -PLUTON_ENODEVICE:
		return "is empty: there is no such key of yours";
	case -PLUTON_EFAIL:
		return "is damaged: its record was changed on the disk; restore it from a backup, "
		       "or, if the file itself is whole, delete the slot";
	case -PLUTON_ENOMEM:
		return "was not opened when plutond started, but it is kept; see plutond's log, "
		       "and start it again";
	default:
		return "is being filled or emptied: try again";
	}
}

int hwkey_resolve(const struct hil_port *port, const struct hwkey_name *name,
		  enum hwkey_family family, uint32_t usage, struct hwkey_about *ret,
		  const char **ret_why)
{
	struct hwkey_about about;
	int r = find(port, name, &about);

	if (r < 0) {
		*ret_why = hwkey_find_failure(r);
		return r;
	}
	if (hwkey_family(about.attributes.type) != family) {
		*ret_why = "holds a key of another type";
		return -PLUTON_EINVAL;
	}
	if ((about.attributes.usage & usage) != usage) {
		*ret_why = "is not for this: its usage forbids it";
		return -PLUTON_EINVAL;
	}
	*ret = about;
	return 0;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static uint32_t load32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

void hwkey_row_encode(uint32_t number, const struct hwkey_attributes *attributes, bool damaged,
		      uint8_t ret_row[HWKEY_ROW_SIZE])
{
	const struct pluton_hwkey_row row = {
		.number = number,
		.type = attributes->type,
		.usage = attributes->usage,
		.policy = attributes->policy,
		.size = (uint32_t)attributes->size,
		.damaged = damaged,
	};

	static_assert(sizeof(row) == HWKEY_ROW_SIZE, "a row is what libpluton makes of it");
	row_encode(&row_hwkey, &row, ret_row);
}

void hwkey_attributes_decode(const uint8_t bytes[HWKEY_ATTRIBUTES_SIZE],
			     struct hwkey_attributes *ret)
{
	*ret = (struct hwkey_attributes){
		.type = load32(bytes),
		.usage = load32(bytes + 4),
		.policy = load32(bytes + 8),
		.size = load32(bytes + 12),
	};
}
