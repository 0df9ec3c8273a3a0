/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For capsules whose commands take a key or the number of a key slot: from the number, in a word,
 * to the slot. The number is the owner's, and whose operation it is the kernel says.
 */
#ifndef PLUTON_HIL_HWKEY_SLOT_H
#define PLUTON_HIL_HWKEY_SLOT_H

#include <string.h>

#include "daemon/kernel/capsule.h"
#include "hil/hwkey.h"

#define KEY_SLOT_NOT_REACHED                                                                       \
	"the engine that this key slot is in is not among hil.%s of plutond.conf; add it"
#define KEY_SLOT_WORD_DOC "number of a key slot in place of key; 0: none"

/* Whether this is why an engine that has no sentences of its own is done with an error. */
static inline bool hwkey_slot_is_gone(const struct hil_engine *engine,
				      const struct hil_key_ref *key, int result)
{
	return result == -PLUTON_ENODEVICE && key->kind == HIL_KEY_SLOT && !engine->absent;
}

/* What such a command says about its key. */
struct hwkey_wish {
	uint32_t number; /* 0: its bytes come in the slot `bytes` */
	unsigned bytes;	 /* a slot of the command */
	unsigned port;	 /* the capsule's for HIL_HWKEY */
	enum hwkey_family family;
	uint32_t usage;
};

/*
 * 0 with *ret_key, and for a slot with *ret; of bytes only the kind is said. Refusals, with a
 * sentence: as hwkey_resolve; -PLUTON_ESIZE: neither of the two; -PLUTON_EINVAL: both.
 */
static inline int hwkey_take_wish(struct operation *op, const struct hwkey_wish *wish,
				  struct hil_key_ref *ret_key, struct hwkey_attributes *ret)
{
	struct hwkey_name name = {.number = wish->number};
	size_t bytes = op_length(op, wish->bytes);
	struct hwkey_about about;
	const char *why;
	int r;

	*ret = (struct hwkey_attributes){0};
	*ret_key = (struct hil_key_ref){.kind = HIL_KEY_BYTES};
	if (wish->number == 0 && bytes > 0)
		return 0;
	if (wish->number == 0)
		return op_refuse(op, -PLUTON_ESIZE,
				 "key is missing: give one, or the number of a key slot");
	if (bytes > 0)
		return op_refuse(op, -PLUTON_EINVAL, "two keys, key and slot %u: give one of them",
				 wish->number);
	op_owner_name(op, name.owner);
	r = hwkey_resolve(op_port(op, wish->port), &name, wish->family, wish->usage, &about, &why);
	if (r < 0)
		return op_refuse(op, r, "key slot %u %s", wish->number, why);
	*ret_key = about.ref;
	*ret = about.attributes;
	return 0;
}

#endif
