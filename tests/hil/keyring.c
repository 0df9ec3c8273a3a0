/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Its own operations are made by a client of its own, so that the one under test keeps what
 * happened to it.
 */
#include "tests/hil/keyring.h"

#include <openssl/evp.h>
#include <string.h>

#include "tests/hil/key_wrap.h"
#include "tests/hil/material.h"
#include "tests/rsa_material.h"

static const uint8_t wrapping_key[32] = "the key that wraps all the rest";
static uint8_t bytes_in[HWKEY_WRAPPED_MAX];
static struct client own;

/* --- requests --------------------------------------------------------------------------------- */

void keyring_set_owner(struct client *client, const char *owner)
{
	struct hwkey_name *name = &client->hwkey_request.name;

	memset(name->owner, 0, sizeof(name->owner));
	memcpy(name->owner, owner, strnlen(owner, sizeof(name->owner) - 1));
}

void keyring_wants(struct client *client, enum hwkey_action action, uint32_t number)
{
	client_init(client);
	client_wants_hwkey(client, action);
	keyring_set_owner(client, ALICE);
	client->hwkey_request.name.number = number;
	client->hwkey_request.wrapping = KEYRING_WRAPPING;
	client->hwkey_request.slots_per_owner = HWKEY_NUMBER_MAX;
}

static uint32_t usage_of(enum hwkey_type type)
{
	switch (hwkey_family(type)) {
	case HWKEY_OF_AES:
		return HWKEY_ENCRYPT;
	case HWKEY_OF_SECRET:
		return HWKEY_MAC;
	default:
		return type == HWKEY_X25519 ? HWKEY_AGREE : HWKEY_SIGN;
	}
}

struct hwkey_attributes keyring_attributes(enum hwkey_type type, uint32_t policy)
{
	size_t size = type == HWKEY_SECRET ? KEYRING_SECRET_SIZE : hwkey_size(type);

	return (struct hwkey_attributes){type, usage_of(type), policy, size};
}

size_t keyring_key(enum hwkey_type type, uint8_t ret_key[HWKEY_KEY_SIZE_MAX])
{
	size_t size = keyring_attributes(type, 0).size;

	switch (hwkey_family(type)) {
	case HWKEY_OF_ECC:
		material_ecc_key(hwkey_curve(type), 21, ret_key);
		return size;
	case HWKEY_OF_RSA:
		if (size != RSA_TEST_KEY_SIZE)
			return 0;
		rsa_test_key(ret_key);
		return size;
	default:
		for (size_t i = 0; i < size; i++)
			ret_key[i] = (uint8_t)(0x31 + 7 * i + (unsigned)type);
		return size;
	}
}

void keyring_wrap(const uint8_t *key, size_t size, uint8_t *ret_wrapped)
{
	key_wrap(wrapping_key, sizeof(wrapping_key), key, size, ret_wrapped);
}

void keyring_wants_fill(struct bench *bench, struct client *client, enum hwkey_action action,
			uint32_t number, struct hwkey_attributes attributes)
{
	uint8_t key[HWKEY_KEY_SIZE_MAX];
	size_t length = 0;

	keyring_wants(client, action, number);
	client->hwkey_request.attributes = attributes;
	if (action == HWKEY_IMPORT)
		length = keyring_key(attributes.type, bytes_in);
	if (action == HWKEY_UNWRAP) {
		keyring_need_wrapping(bench, ALICE);
		keyring_wrap(key, keyring_key(attributes.type, key), bytes_in);
		length = hwkey_wrapped_size(attributes.size);
	}
	if (action == HWKEY_DERIVE) {
		length = 30;
		memset(bytes_in, 'd', length);
	}
	client->input = bytes_in;
	client->hwkey_request.length = length;
}

/* --- slots ------------------------------------------------------------------------------------ */

static struct hwkey_engine *engine_of(const struct bench *bench)
{
	return (struct hwkey_engine *)(void *)bench_engine(bench, HIL_HWKEY);
}

int keyring_find(const struct bench *bench, const char *owner, uint32_t number,
		 struct hwkey_about *ret)
{
	struct hwkey_name name = {.number = number};

	memcpy(name.owner, owner, strnlen(owner, sizeof(name.owner) - 1));
	return engine_of(bench)->ops->find(engine_of(bench), &name, ret);
}

uint32_t keyring_next(const struct bench *bench, const char *owner, uint32_t after)
{
	return engine_of(bench)->ops->next(engine_of(bench), owner, after);
}

uint32_t keyring_unused(const struct bench *bench, const char *owner)
{
	return engine_of(bench)->ops->unused(engine_of(bench), owner);
}

int keyring_import(struct bench *bench, uint32_t number, enum hwkey_type type, uint32_t policy)
{
	keyring_wants_fill(bench, &own, HWKEY_IMPORT, number, keyring_attributes(type, policy));
	return bench_run(bench, &own);
}

int keyring_delete(struct bench *bench, const char *owner, uint32_t number)
{
	keyring_wants(&own, HWKEY_DELETE, number);
	keyring_set_owner(&own, owner);
	return bench_run(bench, &own);
}

/* Of an engine that is broken, some may stay. */
static void empty(struct bench *bench, const char *owner)
{
	uint32_t last = 0;

	for (uint32_t number = keyring_next(bench, owner, 0); number > last;
	     number = keyring_next(bench, owner, last)) {
		EXPECT(keyring_delete(bench, owner, number) == 0);
		last = number;
	}
}

void keyring_empty(struct bench *bench)
{
	empty(bench, ALICE);
	empty(bench, BOB);
}

void keyring_need_wrapping(struct bench *bench, const char *owner)
{
	struct hwkey_about about;

	if (keyring_find(bench, owner, KEYRING_WRAPPING, &about) == 0)
		return;
	keyring_wants(&own, HWKEY_IMPORT, KEYRING_WRAPPING);
	keyring_set_owner(&own, owner);
	own.hwkey_request.attributes =
		(struct hwkey_attributes){HWKEY_AES256, HWKEY_WRAPS, HWKEY_THIS_BOOT, 32};
	own.hwkey_request.length = sizeof(wrapping_key);
	own.input = wrapping_key;
	EXPECT(bench_run(bench, &own) == 0);
}

/* --- what is in one --------------------------------------------------------------------------- */

static size_t unwrap_by_openssl(const uint8_t *wrapped, size_t length, uint8_t *ret_key)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-WRAP-PAD", NULL);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int made = 0;

	EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (EVP_DecryptInit_ex2(context, cipher, wrapping_key, NULL, NULL) != 1 ||
	    EVP_DecryptUpdate(context, ret_key, &made, wrapped, (int)length) != 1)
		made = 0;
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(cipher);
	return (size_t)made;
}

size_t keyring_read(struct bench *bench, const char *owner, uint32_t number,
		    uint8_t ret_key[HWKEY_KEY_SIZE_MAX])
{
	uint8_t wrapped[HWKEY_WRAPPED_MAX], again[HWKEY_WRAPPED_MAX];
	struct hwkey_about about;
	size_t length, size = 0;

	keyring_need_wrapping(bench, owner);
	if (keyring_find(bench, owner, number, &about) < 0)
		return 0;
	length = hwkey_wrapped_size(about.attributes.size);
	keyring_wants(&own, HWKEY_WRAP, number);
	keyring_set_owner(&own, owner);
	own.hwkey_request.length = length;
	own.output = wrapped;
	if (bench_run(bench, &own) < 0 ||
	    !key_unwrap(wrapping_key, sizeof(wrapping_key), wrapped, length, ret_key, &size))
		return 0;
	EXPECT(unwrap_by_openssl(wrapped, length, again) == size);
	EXPECT(memcmp(again, ret_key, size) == 0);
	return size == about.attributes.size ? size : 0;
}

bool keyring_holds(struct bench *bench, uint32_t number, struct hwkey_attributes attributes)
{
	uint8_t key[HWKEY_KEY_SIZE_MAX], right[HWKEY_KEY_SIZE_MAX];
	struct hwkey_about about;

	if (keyring_find(bench, ALICE, number, &about) < 0 ||
	    about.attributes.type != attributes.type ||
	    about.attributes.usage != attributes.usage ||
	    about.attributes.policy != attributes.policy ||
	    about.attributes.size != attributes.size)
		return false;
	return keyring_read(bench, ALICE, number, key) == attributes.size &&
	       keyring_key(attributes.type, right) == attributes.size &&
	       memcmp(key, right, attributes.size) == 0;
}

bool keyring_is_as_said(struct bench *bench, const struct client *client, int result)
{
	const struct hwkey_request *request = &client->hwkey_request;
	bool is_known = request->action == HWKEY_IMPORT || request->action == HWKEY_UNWRAP;
	bool is_full = hwkey_fills(request->action) == (result == 0);
	uint8_t key[HWKEY_KEY_SIZE_MAX];
	struct hwkey_about about;
	int found = keyring_find(bench, ALICE, request->name.number, &about);

	if (!hwkey_fills(request->action) && request->action != HWKEY_DELETE)
		is_full = true;
	if (!is_full)
		return found == -PLUTON_ENODEVICE;
	if (is_known)
		return keyring_holds(bench, request->name.number, request->attributes);
	return found == 0 &&
	       keyring_read(bench, ALICE, request->name.number, key) == about.attributes.size;
}
