/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that slots' keys go through are called with a vault and a slot that are made up
 * here: what is tried is what is used.
 */
#include "backends/openssl/hwkey_trial.h"

#include <assert.h>
#include <string.h>

#include "hil/aes.h"

static_assert(HWKEY_TRY_SECRET == FUSES_SECRET_SIZE && HWKEY_TRY_NONCE == RECORD_NONCE_SIZE &&
		      HWKEY_TRY_RECORD == RECORD_OVERHEAD,
	      "records are as hil/hwkey.h says");

/* --- wrapping --------------------------------------------------------------------------------- */

/* The wrapping key is what the attributes describe, and comes first. */
static int try_wrapping(const struct hwkey_request *request, const uint8_t *input, uint8_t *output)
{
	uint8_t key[AES_KEY_SIZE_MAX];
	const struct vault_slot wrapping = {.attributes = request->attributes, .key = key};
	size_t size = request->attributes.size;

	memcpy(key, input, size);
	if (request->trial == HWKEY_TRY_WRAP)
		return record_wrap(&wrapping, input + size, request->length - size, output);
	return record_unwrap(&wrapping, input + size, output, request->output_length);
}

/* --- what a device secret is for -------------------------------------------------------------- */

static int derive(const struct vault *vault, struct vault_slot *slot, const uint8_t *input,
		  size_t length, uint8_t *output)
{
	int r = record_derive(vault, slot, input, length);

	if (r == 0)
		memcpy(output, slot->key, slot->attributes.size);
	return r;
}

static int seal(const struct vault *vault, struct vault_slot *slot, const uint8_t *input,
		uint8_t *output)
{
	memcpy(slot->key, input + RECORD_NONCE_SIZE, slot->attributes.size);
	return record_seal_with(vault, slot, input, output);
}

/* A record brings attributes of its own, whose size goes with its length. */
static int open(const struct vault *vault, struct vault_slot *slot, const uint8_t *input,
		size_t length, uint8_t *output)
{
	int r = record_open(vault, slot, input, length);

	if (r == 0)
		memcpy(output, slot->key, slot->attributes.size);
	return r;
}

static int try_secret(const struct hwkey_request *request, const uint8_t *input, uint8_t *output)
{
	uint8_t roots[2][VAULT_ROOT_SIZE], key[HWKEY_KEY_SIZE_MAX];
	struct vault vault = {.store_root = roots[0], .derive_root = roots[1]};
	struct vault_slot slot = {
		.name = request->name, .attributes = request->attributes, .key = key};
	size_t length = request->length - HWKEY_TRY_SECRET;
	int r = record_make_roots(&vault, input);

	input += HWKEY_TRY_SECRET;
	if (r < 0)
		return r;
	if (request->trial == HWKEY_TRY_DERIVE)
		return derive(&vault, &slot, input, length, output);
	if (request->trial == HWKEY_TRY_SEAL)
		return seal(&vault, &slot, input, output);
	return open(&vault, &slot, input, length, output);
}

int trial_run(const struct hwkey_request *request, const uint8_t *input,
	      uint8_t ret_output[RECORD_SIZE_MAX])
{
	if (request->trial == HWKEY_TRY_WRAP || request->trial == HWKEY_TRY_UNWRAP)
		return try_wrapping(request, input, ret_output);
	return try_secret(request, input, ret_output);
}
