/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots' keys on their way to and from NV memory, and keys from keys. docs/hwkey-format.md is this
 * written out.
 */
#ifndef PLUTON_OPENSSL_HWKEY_RECORD_H
#define PLUTON_OPENSSL_HWKEY_RECORD_H

#include "backends/openssl/vault.h"
#include "hil/fuses.h"

#define RECORD_HEADER_SIZE 68u
#define RECORD_NONCE_SIZE 12u
#define RECORD_OVERHEAD (RECORD_HEADER_SIZE + RECORD_NONCE_SIZE + 16u) /* tag */
#define RECORD_SIZE_MAX (RECORD_OVERHEAD + HWKEY_KEY_SIZE_MAX)

/* The vault's roots from the device secret. -PLUTON_ENOMEM. -PLUTON_EFAIL: OpenSSL's refusal. */
int record_make_roots(struct vault *vault, const uint8_t secret[FUSES_SECRET_SIZE]);

/* A key of slot->attributes, from the root, the slot's owner, the attributes and the input. */
int record_derive(const struct vault *vault, struct vault_slot *slot, const uint8_t *input,
		  size_t length);

/* The slot's record; RECORD_OVERHEAD + attributes.size bytes. */
int record_seal(const struct vault *vault, const struct vault_slot *slot,
		uint8_t ret_record[RECORD_SIZE_MAX]);

/* The same, with a nonce that is given. */
int record_seal_with(const struct vault *vault, const struct vault_slot *slot,
		     const uint8_t nonce[RECORD_NONCE_SIZE], uint8_t ret_record[RECORD_SIZE_MAX]);

/*
 * Key and attributes of a slot that has a name. -PLUTON_EINVAL: this is not what was sealed for a
 * slot of that name; then the slot has no key.
 */
int record_open(const struct vault *vault, struct vault_slot *slot, const uint8_t *record,
		size_t length);

/* "uid-1000.7", an area's name, and back; false: no such name. */
void record_name(const struct hwkey_name *name, char *ret_text, size_t size);
bool record_parse_name(const char *text, struct hwkey_name *ret);

/* AES-KWP. ret_out has hwkey_wrapped_size(size) bytes; unwrapping gives exactly `size` bytes, or
 * -PLUTON_EINVAL. */
int record_wrap(const struct vault_slot *wrapping, const uint8_t *key, size_t size,
		uint8_t *ret_out);
int record_unwrap(const struct vault_slot *wrapping, const uint8_t *wrapped, uint8_t *ret_key,
		  size_t size);

#endif
