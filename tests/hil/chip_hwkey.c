/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chip's key slots: few, for short keys. One callback or one piece of work in each step; a key
 * that comes in stays in the buffer until it is known to be one, and goes into its slot, and into
 * flash memory, in the last step, which cannot be cancelled any more.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hil/authenticator.h"
#include "tests/hil/chip_unit.h"
#include "tests/hil/curves.h"
#include "tests/hil/key_wrap.h"

#define CHIP_KEY_TYPES                                                                             \
	(1u << HWKEY_AES128 | 1u << HWKEY_AES192 | 1u << HWKEY_AES256 | 1u << HWKEY_SECRET |       \
	 1u << HWKEY_P256 | 1u << HWKEY_ED25519 | 1u << HWKEY_X25519)
#define CHIP_DERIVED_TYPES                                                                         \
	(1u << HWKEY_AES128 | 1u << HWKEY_AES192 | 1u << HWKEY_AES256 | 1u << HWKEY_SECRET)
#define STAGES_MAX 4u

static_assert(HWKEY_INPUT_MAX <= CHIP_BUFFER_SIZE, "what a key is derived from has room");
static_assert(KEY_WRAP_SIZE(CHIP_KEY_SIZE_MAX) <= CHIP_BUFFER_SIZE, "a wrapped key has room");

static const uint8_t device_secret[32] = "burnt into the chip at its birth";

struct slot {
	enum { FREE = 0, FILLING, FULL, EMPTYING, DAMAGED } state;
	uint32_t id;
	struct chip_kept_key kept; /* also where it is not */
};

struct operation {
	struct hwkey_client *client;
	struct hwkey_request request;
	unsigned stage;
	struct slot *slot; /* that is being filled or emptied */
	int before;	   /* its state, of one that is being emptied */
	int failure;
	size_t moved;
	char why[100];
	uint8_t buffer[CHIP_BUFFER_SIZE];
};
static_assert(sizeof(struct operation) <= CHIP_OPERATION_MAX, "an operation is too big for a chip");

struct chip_hwkey {
	struct hwkey_engine engine;
	struct chip_unit unit;
	struct operation operation;
	struct hil_vault vault;
	struct slot slots[CHIP_KEY_SLOTS];
	uint32_t last_id;
	uint32_t generated;
	const char *why; /* inside done */
};

static struct chip_hwkey *of_unit(struct chip_unit *unit)
{
	return (struct chip_hwkey *)(void *)((char *)unit - offsetof(struct chip_hwkey, unit));
}

static struct chip_hwkey *of_engine(struct hwkey_engine *engine)
{
	return (struct chip_hwkey *)(void *)engine;
}

__attribute__((format(printf, 3, 4))) static int refuse(struct chip_hwkey *hwkey, int error,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(hwkey->operation.why, sizeof(hwkey->operation.why), format, args);
	va_end(args);
	return error;
}

/* --- slots ------------------------------------------------------------------------------------ */

static struct slot *find_slot(struct chip_hwkey *hwkey, const char *owner, uint32_t number)
{
	for (unsigned i = 0; i < CHIP_KEY_SLOTS; i++) {
		struct slot *slot = &hwkey->slots[i];

		if (slot->state != FREE && slot->kept.name.number == number &&
		    strcmp(slot->kept.name.owner, owner) == 0)
			return slot;
	}
	return NULL;
}

/* NULL, with a sentence: there is no key. */
static const struct slot *find_key(struct chip_hwkey *hwkey, uint32_t number)
{
	const struct slot *slot = find_slot(hwkey, hwkey->operation.request.name.owner, number);

	if (slot && slot->state == FULL)
		return slot;
	refuse(hwkey, 0, "slot %u is empty", number);
	return NULL;
}

static void empty_slot(struct slot *slot)
{
	explicit_bzero(slot, sizeof(*slot));
}

static unsigned count_slots(const struct chip_hwkey *hwkey, const char *owner)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CHIP_KEY_SLOTS; i++)
		count += hwkey->slots[i].state != FREE &&
			 strcmp(hwkey->slots[i].kept.name.owner, owner) == 0;
	return count;
}

static struct slot *free_slot(struct chip_hwkey *hwkey)
{
	for (unsigned i = 0; i < CHIP_KEY_SLOTS; i++) {
		if (hwkey->slots[i].state == FREE)
			return &hwkey->slots[i];
	}
	return NULL;
}

static int reserve(struct chip_hwkey *hwkey)
{
	const struct hwkey_request *request = &hwkey->operation.request;
	struct slot *slot = free_slot(hwkey);

	if (find_slot(hwkey, request->name.owner, request->name.number))
		return refuse(hwkey, -PLUTON_EALREADY, "slot %u is taken", request->name.number);
	if (count_slots(hwkey, request->name.owner) >= request->slots_per_owner)
		return refuse(hwkey, -PLUTON_ENOMEM, "you have %u keys, and may have no more",
			      request->slots_per_owner);
	if (!slot)
		return refuse(hwkey, -PLUTON_ENOMEM, "all %u slots are taken", CHIP_KEY_SLOTS);
	slot->state = FILLING;
	slot->id = ++hwkey->last_id;
	slot->kept.name = request->name;
	slot->kept.attributes = request->attributes;
	hwkey->operation.slot = slot;
	return 0;
}

/* --- flash ------------------------------------------------------------------------------------ */

static void seal(const struct chip_kept_key *key, uint8_t ret_seal[32])
{
	struct authenticator mac;
	uint8_t result[MAC_SIZE_MAX];

	authenticator_begin(&mac, MAC_HMAC_SHA256, device_secret, sizeof(device_secret));
	authenticator_add(&mac, (const uint8_t *)key, offsetof(struct chip_kept_key, seal));
	authenticator_end(&mac, result);
	memcpy(ret_seal, result, sizeof(key->seal));
}

static struct chip_kept_key *find_kept(struct chip_flash *flash, const struct hwkey_name *name)
{
	for (unsigned i = 0; i < CHIP_KEY_SLOTS; i++) {
		struct chip_kept_key *key = &flash->keys[i];

		if (key->name.number == name->number && strcmp(key->name.owner, name->owner) == 0)
			return key;
	}
	return NULL;
}

static int write_flash(struct chip_hwkey *hwkey, struct chip_kept_key *key)
{
	static const struct hwkey_name none;
	struct chip_flash *flash = hwkey->unit.chip->options.flash;

	if (!flash)
		return refuse(hwkey, -PLUTON_ENODEVICE, "there is nothing to keep keys in");
	if (flash->failure)
		return refuse(hwkey, -PLUTON_EFAIL, "the flash memory is worn out");
	seal(key, key->seal);
	memcpy(find_kept(flash, &none), key, sizeof(*key));
	return 0;
}

static int erase_flash(struct chip_hwkey *hwkey, const struct slot *slot)
{
	struct chip_flash *flash = hwkey->unit.chip->options.flash;
	struct chip_kept_key *key = flash ? find_kept(flash, &slot->kept.name) : NULL;

	if (!key)
		return 0;
	if (flash->failure)
		return refuse(hwkey, -PLUTON_EFAIL, "the flash memory is worn out");
	explicit_bzero(key, sizeof(*key));
	return 0;
}

static void load(struct chip_hwkey *hwkey, const struct chip_flash *flash)
{
	uint8_t right[32];

	for (unsigned i = 0; i < CHIP_KEY_SLOTS; i++) {
		if (flash->keys[i].name.number == 0)
			continue;
		memcpy(&hwkey->slots[i].kept, &flash->keys[i], sizeof(flash->keys[i]));
		hwkey->slots[i].id = ++hwkey->last_id;
		seal(&flash->keys[i], right);
		hwkey->slots[i].state =
			memcmp(right, flash->keys[i].seal, sizeof(right)) == 0 ? FULL : DAMAGED;
	}
}

/* --- stages: 0 goes on to the next one, CHIP_GOES_ON comes back --------------------------------
 */

static int take(struct chip_hwkey *hwkey)
{
	struct operation *op = &hwkey->operation;
	size_t len = op->request.length - op->moved;
	ssize_t n = chip_count(
		op->client->ops->pull_input(op->client, op->buffer + op->moved, len, op->moved),
		len);

	if (n < 0)
		return (int)n;
	op->moved += (size_t)n;
	return op->moved < op->request.length ? CHIP_GOES_ON : 0;
}

static int give(struct chip_hwkey *hwkey)
{
	struct operation *op = &hwkey->operation;
	size_t len = op->request.length - op->moved;
	ssize_t n = chip_count(
		op->client->ops->push_output(op->client, op->buffer + op->moved, len, op->moved),
		len);

	if (n < 0)
		return (int)n;
	op->moved += (size_t)n;
	return op->moved < op->request.length ? CHIP_GOES_ON : 0;
}

/* As many bytes as the key has, from a key and some text. */
static void expand(struct operation *op, const void *text, size_t length)
{
	uint8_t made[4 * 32];

	for (uint8_t i = 0; i < sizeof(made) / 32; i++) {
		struct authenticator mac;
		uint8_t result[MAC_SIZE_MAX];

		authenticator_begin(&mac, MAC_HMAC_SHA256, device_secret, sizeof(device_secret));
		authenticator_add(&mac, &i, 1);
		authenticator_add(&mac, text, length);
		authenticator_end(&mac, result);
		memcpy(made + 32 * i, result, 32);
	}
	memcpy(op->buffer, made, op->request.attributes.size);
	explicit_bzero(made, sizeof(made));
}

/* A counter under a secret: as good as random, for a test. */
static int make(struct chip_hwkey *hwkey)
{
	struct operation *op = &hwkey->operation;
	enum hwkey_type type = op->request.attributes.type;

	hwkey->generated++;
	if (hwkey_family(type) == HWKEY_OF_ECC)
		curves_generate(hwkey_curve(type), op->buffer);
	else
		expand(op, &hwkey->generated, sizeof(hwkey->generated));
	return 0;
}

static int derive(struct chip_hwkey *hwkey)
{
	struct operation *op = &hwkey->operation;
	const struct hwkey_attributes *attributes = &op->request.attributes;
	const uint32_t numbers[] = {(uint32_t)attributes->type, attributes->usage,
				    attributes->policy, (uint32_t)attributes->size};
	uint8_t text[sizeof(op->request.name.owner) + sizeof(numbers) + HWKEY_INPUT_MAX];
	size_t length = 0;

	memcpy(text, op->request.name.owner, sizeof(op->request.name.owner));
	length += sizeof(op->request.name.owner);
	memcpy(text + length, numbers, sizeof(numbers));
	length += sizeof(numbers);
	memcpy(text + length, op->buffer, op->request.length);
	expand(op, text, length + op->request.length);
	return 0;
}

static int find_wrapping(struct chip_hwkey *hwkey, const struct slot **ret)
{
	uint32_t number = hwkey->operation.request.wrapping;

	*ret = find_key(hwkey, number);
	if (!*ret)
		return -PLUTON_ENODEVICE;
	if (hwkey_family((*ret)->kept.attributes.type) != HWKEY_OF_AES ||
	    !((*ret)->kept.attributes.usage & HWKEY_WRAPS))
		return refuse(hwkey, -PLUTON_EINVAL, "slot %u is not for wrapping", number);
	return 0;
}

static int wrap(struct chip_hwkey *hwkey)
{
	struct operation *op = &hwkey->operation;
	const struct slot *slot = find_key(hwkey, op->request.name.number), *wrapping;
	int r = slot ? find_wrapping(hwkey, &wrapping) : -PLUTON_ENODEVICE;

	if (r < 0)
		return r;
	if (slot->kept.attributes.policy & HWKEY_NEVER_EXPORTED)
		return refuse(hwkey, -PLUTON_EINVAL, "the key is never exported");
	if (KEY_WRAP_SIZE(slot->kept.attributes.size) != op->request.length)
		return refuse(hwkey, -PLUTON_ESIZE, "the wrapped key has another size");
	key_wrap(wrapping->kept.key, wrapping->kept.attributes.size, slot->kept.key,
		 slot->kept.attributes.size, op->buffer);
	return 0;
}

static int unwrap(struct chip_hwkey *hwkey)
{
	struct operation *op = &hwkey->operation;
	uint8_t key[CHIP_BUFFER_SIZE];
	const struct slot *wrapping;
	size_t size = 0;
	int r = find_wrapping(hwkey, &wrapping);

	if (r < 0)
		return r;
	if (!key_unwrap(wrapping->kept.key, wrapping->kept.attributes.size, op->buffer,
			op->request.length, key, &size) ||
	    size != op->request.attributes.size)
		return refuse(hwkey, -PLUTON_EINVAL, "this was wrapped by another key, or changed");
	memcpy(op->buffer, key, size);
	explicit_bzero(key, sizeof(key));
	return 0;
}

static int judge(struct chip_hwkey *hwkey)
{
	struct operation *op = &hwkey->operation;
	enum ecc_curve curve = hwkey_curve(op->request.attributes.type);

	if (curve == 0 || curves_key_is_valid(curve, op->buffer))
		return 0;
	return refuse(hwkey, -PLUTON_EINVAL, "this is no key of the curve");
}

static int keep(struct chip_hwkey *hwkey)
{
	struct operation *op = &hwkey->operation;
	struct slot *slot = op->slot;
	int r = 0;

	memcpy(slot->kept.key, op->buffer, slot->kept.attributes.size);
	if (!(slot->kept.attributes.policy & HWKEY_THIS_BOOT))
		r = write_flash(hwkey, &slot->kept);
	if (r == 0) {
		slot->state = FULL;
		op->slot = NULL;
	}
	return r;
}

static int find_old(struct chip_hwkey *hwkey)
{
	struct operation *op = &hwkey->operation;
	struct slot *slot = find_slot(hwkey, op->request.name.owner, op->request.name.number);

	if (!slot || (slot->state != FULL && slot->state != DAMAGED))
		return refuse(hwkey, -PLUTON_ENODEVICE, "the slot is empty");
	op->slot = slot;
	op->before = (int)slot->state;
	slot->state = EMPTYING;
	return 0;
}

static int erase(struct chip_hwkey *hwkey)
{
	struct operation *op = &hwkey->operation;
	int r = erase_flash(hwkey, op->slot);

	if (r == 0) {
		empty_slot(op->slot);
		op->slot = NULL;
	}
	return r;
}

static int public(struct chip_hwkey *hwkey)
{
	struct operation *op = &hwkey->operation;
	const struct slot *slot = find_key(hwkey, op->request.name.number);
	size_t size;

	if (!slot)
		return -PLUTON_ENODEVICE;
	size = hwkey_public_size(slot->kept.attributes.type);
	if (size == 0)
		return refuse(hwkey, -PLUTON_EINVAL, "the key has no public part");
	if (size != op->request.length)
		return refuse(hwkey, -PLUTON_ESIZE, "the public key has another size");
	curves_public(hwkey_curve(slot->kept.attributes.type), slot->kept.key, op->buffer);
	return 0;
}

/* --- the unit --------------------------------------------------------------------------------- */

static int step(struct chip_unit *unit)
{
	static int (*const stages[HWKEY_ACTIONS][STAGES_MAX + 1])(struct chip_hwkey * hwkey) = {
		[HWKEY_GENERATE] = {make, keep},
		[HWKEY_IMPORT] = {take, judge, keep},
		[HWKEY_DERIVE] = {take, derive, keep},
		[HWKEY_WRAP] = {wrap, give},
		[HWKEY_UNWRAP] = {take, unwrap, judge, keep},
		[HWKEY_DELETE] = {find_old, erase},
		[HWKEY_PUBLIC] = {public, give},
	};
	struct chip_hwkey *hwkey = of_unit(unit);
	struct operation *op = &hwkey->operation;
	int r = op->failure;

	if (r == 0)
		r = stages[op->request.action][op->stage](hwkey);
	if (r != 0)
		return r;
	op->stage++;
	return stages[op->request.action][op->stage] ? CHIP_GOES_ON : CHIP_DONE;
}

static void leave_slot(struct operation *op)
{
	if (!op->slot)
		return;
	if (op->request.action == HWKEY_DELETE)
		op->slot->state = op->before == (int)FULL ? FULL : DAMAGED;
	else
		empty_slot(op->slot);
}

static void finish(struct chip_unit *unit, int result)
{
	struct chip_hwkey *hwkey = of_unit(unit);
	struct operation *op = &hwkey->operation;
	struct hwkey_client *client = op->client;
	char why[sizeof(op->why)];

	memcpy(why, op->why, sizeof(why));
	leave_slot(op);
	explicit_bzero(op, sizeof(*op));
	hwkey->why = result < 0 ? why : NULL;
	client->ops->done(client, result);
	hwkey->why = NULL;
}

/* --- the engine ------------------------------------------------------------------------------- */

static int start(struct hwkey_engine *engine, const struct hwkey_request *request,
		 struct hwkey_client *client)
{
	struct chip_hwkey *hwkey = of_engine(engine);
	int r = hwkey_check(&engine->head, request);

	if (r < 0)
		return r;
	if (hwkey->unit.busy)
		return -PLUTON_EBUSY;
	hwkey->operation = (struct operation){.client = client, .request = *request};
	if (hwkey_fills(request->action))
		hwkey->operation.failure = reserve(hwkey);
	chip_unit_begin(&hwkey->unit);
	return 0;
}

static int cancel(struct hwkey_engine *engine, struct hwkey_client *client)
{
	struct chip_hwkey *hwkey = of_engine(engine);

	return hwkey->operation.client == client ? chip_unit_cancel(&hwkey->unit) : -PLUTON_EINVAL;
}

static const char *why(struct hwkey_engine *engine)
{
	const struct chip_hwkey *hwkey = of_engine(engine);

	return hwkey->why ? hwkey->why : "";
}

static int find(struct hwkey_engine *engine, const struct hwkey_name *name, struct hwkey_about *ret)
{
	struct chip_hwkey *hwkey = of_engine(engine);
	const struct slot *slot = find_slot(hwkey, name->owner, name->number);

	if (!slot)
		return -PLUTON_ENODEVICE;
	if (slot->state != FULL)
		return slot->state == DAMAGED ? -PLUTON_EFAIL : -PLUTON_EBUSY;
	*ret = (struct hwkey_about){
		.ref = {.kind = HIL_KEY_SLOT, .slot = slot->id, .vault = &hwkey->vault},
		.attributes = slot->kept.attributes,
	};
	return 0;
}

static uint32_t next(struct hwkey_engine *engine, const char *owner, uint32_t after)
{
	const struct chip_hwkey *hwkey = of_engine(engine);
	uint32_t lowest = UINT32_MAX;

	for (unsigned i = 0; i < CHIP_KEY_SLOTS; i++) {
		const struct slot *slot = &hwkey->slots[i];

		if (slot->state != FREE && slot->kept.name.number > after &&
		    slot->kept.name.number < lowest && strcmp(slot->kept.name.owner, owner) == 0)
			lowest = slot->kept.name.number;
	}
	return lowest == UINT32_MAX ? 0 : lowest;
}

static uint32_t unused(struct hwkey_engine *engine, const char *owner)
{
	uint32_t number = 1;

	while (find_slot(of_engine(engine), owner, number))
		number++;
	return number;
}

struct chip_hwkey *chip_hwkey_open(struct chip *chip)
{
	static const struct hwkey_engine_ops ops = {start, cancel, why, find, next, unused};
	struct chip_hwkey *hwkey = calloc(1, sizeof(*hwkey));

	if (!hwkey)
		return NULL;
	hwkey->vault.name = "chip";
	hwkey->engine = (struct hwkey_engine){
		.head = {.name = "chip",
			 .kind = HIL_HWKEY,
			 .level = HIL_LEVEL_HWKEY,
			 .concurrency = 1,
			 .vault = &hwkey->vault},
		.caps = {.types = CHIP_KEY_TYPES,
			 .derived_types = CHIP_DERIVED_TYPES,
			 .slots_max = CHIP_KEY_SLOTS},
		.ops = &ops,
	};
	if (chip->options.flash)
		load(hwkey, chip->options.flash);
	chip_unit_init(&hwkey->unit, chip, step, finish);
	return hwkey;
}

struct hil_engine *chip_hwkey_engine(struct chip_hwkey *hwkey)
{
	return &hwkey->engine.head;
}

void chip_hwkey_close(struct chip_hwkey *hwkey)
{
	if (hwkey) {
		deferred_call_drop(&hwkey->unit.tick);
		explicit_bzero(hwkey, sizeof(*hwkey));
	}
	free(hwkey);
}
