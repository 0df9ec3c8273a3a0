/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slots of this backend: who has which, and their keys, in memory that is locked, in no dump,
 * and wiped when a slot is emptied. The engines of the backend copy a key out of it for one
 * operation; nothing gives one to a callback. Loop thread only.
 */
#ifndef PLUTON_OPENSSL_VAULT_H
#define PLUTON_OPENSSL_VAULT_H

#include "hil/hwkey.h"

#define VAULT_ROOT_SIZE 32u

enum vault_state {
	VAULT_FREE = 0,
	VAULT_FILLING, /* has a name, and no key yet */
	VAULT_FULL,
	VAULT_EMPTYING, /* is being deleted: cannot be found any more */
	VAULT_DAMAGED,	/* kept, but its record makes no sense */
	VAULT_CLOSED,	/* kept, but its record could not be opened; perhaps by the next start */
};

/*
 * Who keeps a slot's key from one operation to the next, in a form of its own, and forgets it when
 * the slot is emptied. Zeroed memory holds nothing.
 */
struct vault_hold {
	struct vault_hold *next;
	struct vault_hold **link;
	void (*forget)(struct vault_hold *hold); /* once; it is let go already */
};

struct vault_slot {
	enum vault_state state;
	uint32_t id;	      /* never used twice */
	bool kept;	      /* has a record */
	bool is_number_taken; /* the number that is this one's place from 1 on: for vault_unused */
	struct hwkey_name name;
	struct hwkey_attributes attributes;
	uint8_t *key; /* attributes.size bytes of HWKEY_KEY_SIZE_MAX */
	struct vault_hold *holds;
};

struct vault {
	struct hil_vault vault;
	uint32_t last_id;
	uint32_t slots_max;
	uint8_t *store_root;  /* what records are encrypted with */
	uint8_t *derive_root; /* what derived keys come from; each VAULT_ROOT_SIZE bytes */
	struct scratch *memory;
	struct vault_slot slots[];
};

/* -PLUTON_ENOMEM. */
int vault_open(uint32_t slots_max, struct vault **ret);
void vault_close(struct vault *vault);

/* NULL: there is none of that name, in whatever state. */
struct vault_slot *vault_find(struct vault *vault, const struct hwkey_name *name);

/* The owner's lowest number above `after`; 0: none. */
uint32_t vault_next(const struct vault *vault, const char *owner, uint32_t after);

/* The lowest number that none of the owner's slots has. */
uint32_t vault_unused(struct vault *vault, const char *owner);

/* How many slots the owner has; NULL: all owners. */
uint32_t vault_count(const struct vault *vault, const char *owner);

/* A free slot gets a name and FILLING. NULL: there is none left. */
struct vault_slot *vault_reserve(struct vault *vault, const struct hwkey_name *name);

/* Wiped, also where it is held, and free. */
void vault_empty(struct vault_slot *slot);

/*
 * A copy of the slot's key, which the caller wipes. -PLUTON_ENODEVICE: the slot was emptied since.
 * -PLUTON_EINVAL: it is for something else, or of another size than 1..`size`.
 */
int vault_take(struct vault *vault, const struct hil_key_ref *ref, enum hwkey_family family,
	       uint32_t usage, uint8_t *ret_key, size_t size, struct hwkey_attributes *ret);

/* After vault_take of the same key, before anybody else had a turn: its `forget` is set. */
void vault_hold(struct vault *vault, const struct hil_key_ref *ref, struct vault_hold *hold);

/* The key is not there any more. Does nothing for a hold that holds nothing. */
void vault_let_go(struct vault_hold *hold);

#endif
