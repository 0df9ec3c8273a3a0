/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key slots for behaviours: requests for them, keys that are known, and a way to see which key is
 * in one from outside: it is wrapped by a known one, and unwrapped here, by nettle and by OpenSSL.
 */
#ifndef PLUTON_TESTS_HIL_KEYRING_H
#define PLUTON_TESTS_HIL_KEYRING_H

#include "tests/hil/bench.h"

#define ALICE "uid-1000"
#define BOB "uid-1001"
#define KEYRING_WRAPPING                                                                           \
	900u /* number of the slot of the key that wraps; there when it is needed */
#define KEYRING_SECRET_SIZE 40u

/* A request of Alice's; attributes and bytes are to be set. */
void keyring_wants(struct client *client, enum hwkey_action action, uint32_t number);
void keyring_set_owner(struct client *client, const char *owner);

/* The first usage that the type has, for a key that is kept unless the policy says otherwise. */
struct hwkey_attributes keyring_attributes(enum hwkey_type type, uint32_t policy);

/* A key of this type that is always the same; 0: none is known. */
size_t keyring_key(enum hwkey_type type, uint8_t ret_key[HWKEY_KEY_SIZE_MAX]);

/*
 * One of the actions that fill slots, with keyring_attributes; what goes in is known: for imports
 * and unwrapping keyring_key, which until the next call of this is in the keyring.
 */
void keyring_wants_fill(struct bench *bench, struct client *client, enum hwkey_action action,
			uint32_t number, struct hwkey_attributes attributes);

/* The wrapping key into its slot, if it is not there. */
void keyring_need_wrapping(struct bench *bench, const char *owner);
void keyring_wrap(const uint8_t *key, size_t size, uint8_t *ret_wrapped);

/* What find says. */
int keyring_find(const struct bench *bench, const char *owner, uint32_t number,
		 struct hwkey_about *ret);
uint32_t keyring_next(const struct bench *bench, const char *owner, uint32_t after);
uint32_t keyring_unused(const struct bench *bench, const char *owner);

/* keyring_wants_fill by import, and run: what done said. */
int keyring_import(struct bench *bench, uint32_t number, enum hwkey_type type, uint32_t policy);
int keyring_delete(struct bench *bench, const char *owner, uint32_t number);

/* All slots of Alice and Bob. */
void keyring_empty(struct bench *bench);

/* The key in the slot; 0: it could not be seen. */
size_t keyring_read(struct bench *bench, const char *owner, uint32_t number,
		    uint8_t ret_key[HWKEY_KEY_SIZE_MAX]);

/* Whether Alice's slot has these attributes and keyring_key. */
bool keyring_holds(struct bench *bench, uint32_t number, struct hwkey_attributes attributes);

/* Whether the slot of an action that is done is as `result` says: full, empty, or as it was. */
bool keyring_is_as_said(struct bench *bench, const struct client *client, int result);

#endif
