/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table that is searched from end to end: there are hundreds of slots, not more.
 */
#include "backends/openssl/vault.h"

#include <stdlib.h>
#include <string.h>

#include "backends/openssl/scratch.h"

int vault_open(uint32_t slots_max, struct vault **ret)
{
	struct vault *vault = calloc(1, sizeof(*vault) + slots_max * sizeof(vault->slots[0]));
	struct scratch *memory = calloc(1, sizeof(*memory));
	size_t size = 2 * VAULT_ROOT_SIZE + (size_t)slots_max * HWKEY_KEY_SIZE_MAX;

	if (!vault || !memory || scratch_open(memory, size) < 0) {
		free(memory);
		free(vault);
		return -PLUTON_ENOMEM;
	}
	memory->used = size;
	vault->vault.name = "openssl";
	vault->slots_max = slots_max;
	vault->memory = memory;
	vault->store_root = memory->memory;
	vault->derive_root = memory->memory + VAULT_ROOT_SIZE;
	for (uint32_t i = 0; i < slots_max; i++)
		vault->slots[i].key =
			memory->memory + 2 * VAULT_ROOT_SIZE + (size_t)i * HWKEY_KEY_SIZE_MAX;
	*ret = vault;
	return 0;
}

/* Not scratch_wipe, which would touch every page: slots that were never filled have none. */
void vault_close(struct vault *vault)
{
	if (!vault)
		return;
	for (uint32_t i = 0; i < vault->slots_max; i++) {
		if (vault->slots[i].state != VAULT_FREE)
			vault_empty(&vault->slots[i]);
	}
	vault->memory->used = 2 * VAULT_ROOT_SIZE;
	scratch_close(vault->memory);
	free(vault->memory);
	free(vault);
}

struct vault_slot *vault_find(struct vault *vault, const struct hwkey_name *name)
{
	for (uint32_t i = 0; i < vault->slots_max; i++) {
		struct vault_slot *slot = &vault->slots[i];

		if (slot->state != VAULT_FREE && slot->name.number == name->number &&
		    strcmp(slot->name.owner, name->owner) == 0)
			return slot;
	}
	return NULL;
}

uint32_t vault_next(const struct vault *vault, const char *owner, uint32_t after)
{
	uint32_t lowest = 0;

	for (uint32_t i = 0; i < vault->slots_max; i++) {
		const struct vault_slot *slot = &vault->slots[i];
		uint32_t number = slot->name.number;

		if (slot->state == VAULT_FREE || number <= after ||
		    strcmp(slot->name.owner, owner) != 0)
			continue;
		if (lowest == 0 || number < lowest)
			lowest = number;
	}
	return lowest;
}

/* Two passes whatever there is: so many slots have no number beyond their count and one. */
uint32_t vault_unused(struct vault *vault, const char *owner)
{
	uint32_t number = 1;

	for (uint32_t i = 0; i < vault->slots_max; i++)
		vault->slots[i].is_number_taken = false;
	for (uint32_t i = 0; i < vault->slots_max; i++) {
		const struct vault_slot *slot = &vault->slots[i];

		if (slot->state != VAULT_FREE && slot->name.number <= vault->slots_max &&
		    strcmp(slot->name.owner, owner) == 0)
			vault->slots[slot->name.number - 1].is_number_taken = true;
	}
	while (number <= vault->slots_max && vault->slots[number - 1].is_number_taken)
		number++;
	return number;
}

uint32_t vault_count(const struct vault *vault, const char *owner)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < vault->slots_max; i++) {
		const struct vault_slot *slot = &vault->slots[i];

		count += slot->state != VAULT_FREE &&
			 (!owner || strcmp(slot->name.owner, owner) == 0);
	}
	return count;
}

struct vault_slot *vault_reserve(struct vault *vault, const struct hwkey_name *name)
{
	if (vault->last_id == UINT32_MAX)
		return NULL; /* no id may come again; after four billion keys, a restart helps */
	for (uint32_t i = 0; i < vault->slots_max; i++) {
		struct vault_slot *slot = &vault->slots[i];

		if (slot->state != VAULT_FREE)
			continue;
		slot->state = VAULT_FILLING;
		slot->id = ++vault->last_id;
		slot->name = *name;
		return slot;
	}
	return NULL;
}

void vault_let_go(struct vault_hold *hold)
{
	if (!hold->link)
		return;
	*hold->link = hold->next;
	if (hold->next)
		hold->next->link = hold->link;
	hold->next = NULL;
	hold->link = NULL;
}

void vault_empty(struct vault_slot *slot)
{
	uint8_t *key = slot->key;

	while (slot->holds) {
		struct vault_hold *hold = slot->holds;

		vault_let_go(hold);
		hold->forget(hold);
	}
	explicit_bzero(key, HWKEY_KEY_SIZE_MAX);
	*slot = (struct vault_slot){.key = key};
}

static struct vault_slot *find_id(struct vault *vault, uint32_t id)
{
	for (uint32_t i = 0; i < vault->slots_max; i++) {
		if (vault->slots[i].state == VAULT_FULL && vault->slots[i].id == id)
			return &vault->slots[i];
	}
	return NULL;
}

int vault_take(struct vault *vault, const struct hil_key_ref *ref, enum hwkey_family family,
	       uint32_t usage, uint8_t *ret_key, size_t size, struct hwkey_attributes *ret)
{
	const struct vault_slot *slot = find_id(vault, ref->slot);

	if (!slot)
		return -PLUTON_ENODEVICE;
	if (hwkey_family(slot->attributes.type) != family ||
	    (slot->attributes.usage & usage) != usage || slot->attributes.size > size)
		return -PLUTON_EINVAL;
	memcpy(ret_key, slot->key, slot->attributes.size);
	*ret = slot->attributes;
	return 0;
}

void vault_hold(struct vault *vault, const struct hil_key_ref *ref, struct vault_hold *hold)
{
	struct vault_slot *slot = find_id(vault, ref->slot);

	if (!slot)
		return;
	hold->next = slot->holds;
	hold->link = &slot->holds;
	if (hold->next)
		hold->next->link = &hold->next;
	slot->holds = hold;
}
