/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HIL for hardware keys: slots with keys that are used by name and never seen. A slot belongs to
 * an owner and has a number of the owner's; nobody else can tell that it is there. What a slot's
 * key may be used for, and how, is said when it comes into the slot, and never changes.
 *
 * Contract: hil/contract.h. Callbacks, by action:
 *
 *   HWKEY_GENERATE, HWKEY_DELETE               done
 *   HWKEY_IMPORT, HWKEY_DERIVE, HWKEY_UNWRAP   pull_input until request.length bytes are in, done
 *   HWKEY_WRAP, HWKEY_PUBLIC                   push_output of request.length bytes, done
 *   HWKEY_TRY                                  pull_input until request.length bytes are in,
 *                                              push_output of request.output_length bytes, done
 *
 * done(0) of what fills or empties a slot means that it survives a power cut, unless the key is of
 * this boot only; with an error nothing was changed. The bytes of a key cross these callbacks only
 * on their way into a slot, or wrapped. What slots there are is read like registers, by find and
 * next.
 */
#ifndef PLUTON_HIL_HWKEY_H
#define PLUTON_HIL_HWKEY_H

#include "hil/contract.h"
#include "hil/ecc.h"

/* Numbers are part of the channel protocol and of records on the disk: never renumber. */
enum hwkey_type {
	HWKEY_AES128 = 1,
	HWKEY_AES192 = 2,
	HWKEY_AES256 = 3,
	HWKEY_SECRET = 4, /* bytes without a structure, for HMAC and derivation */
	HWKEY_P256 = 5,
	HWKEY_P384 = 6,
	HWKEY_P521 = 7,
	HWKEY_ED25519 = 8,
	HWKEY_X25519 = 9,
	HWKEY_RSA2048 = 10,
	HWKEY_RSA3072 = 11,
	HWKEY_RSA4096 = 12,
	HWKEY_TYPES,
};

enum hwkey_usage {
	HWKEY_ENCRYPT = 1,
	HWKEY_DECRYPT = 2,
	HWKEY_SIGN = 4,
	HWKEY_MAC = 8,	   /* made and verified */
	HWKEY_AGREE = 16,  /* "derive": agreements, and a KDF's key */
	HWKEY_WRAPS = 32,  /* other slots' keys, and unwraps them */
	HWKEY_USAGES = 63, /* all of them */
};

enum hwkey_policy {
	HWKEY_NEVER_EXPORTED = 1, /* it is not wrapped either */
	HWKEY_THIS_BOOT = 2,	  /* not kept: gone when the daemon ends */
	/* AES only in GCM, and encryption with IVs that the engine makes; no other usage. */
	HWKEY_ENGINE_IV = 4,
	HWKEY_POLICIES = 7, /* all of them */
};

enum hwkey_action {
	HWKEY_GENERATE = 1,
	/*
	 * The key comes in: AES's and a secret as they are, a curve's as hil/ecc.h has private
	 * keys, RSA's all parts of hil/rsa.h one behind the other.
	 */
	HWKEY_IMPORT,
	/* From the device secret, the owner, the attributes and the input: always the same key. */
	HWKEY_DERIVE,
	HWKEY_WRAP,   /* another slot's key, by AES-KWP (NIST SP 800-38F, RFC 5649) */
	HWKEY_UNWRAP, /* what was wrapped so, into this slot; the attributes are the request's */
	HWKEY_DELETE,
	HWKEY_PUBLIC, /* as hil/ecc.h has public keys; RSA: n e, as in hil/rsa.h */
	/*
	 * What the engine does to keys, done to one that comes with the request, and is in no slot
	 * before or after: for the self test. No capsule asks for it.
	 */
	HWKEY_TRY,
	HWKEY_ACTIONS,
};

/*
 * What is tried, and what of. A secret is a device secret, HWKEY_TRY_SECRET bytes; a record is that
 * of the slot `name` with a key of the attributes, by docs/hwkey-format.md.
 */
enum hwkey_trial {
	HWKEY_TRY_WRAP = 1, /* in: AES key of the attributes, any bytes; out: these wrapped */
	HWKEY_TRY_UNWRAP,   /* in: AES key of the attributes, what was wrapped; out: the bytes */
	HWKEY_TRY_DERIVE,   /* in: secret, input as of HWKEY_DERIVE; out: the derived key */
	HWKEY_TRY_SEAL,	    /* in: secret, nonce, key; out: the record */
	HWKEY_TRY_OPEN,	    /* in: secret, record; out: the key in it */
	HWKEY_TRIALS,
};

#define HWKEY_TRY_SECRET 32u
#define HWKEY_TRY_NONCE 12u
#define HWKEY_TRY_RECORD 96u /* bytes of a record besides the key's */

#define HWKEY_OWNER_MAX 40u	 /* bytes: "uid-1000", "app-tpm0"; letters as hil/nv.h has them */
#define HWKEY_SECRET_MAX 128u	 /* bytes of HWKEY_SECRET */
#define HWKEY_INPUT_MAX 256u	 /* bytes of what a key is derived from, besides */
#define HWKEY_KEY_SIZE_MAX 2312u /* bytes of any key, RSA-4096's with all its parts */
#define HWKEY_WRAPPED_MAX (HWKEY_KEY_SIZE_MAX + 8u)
#define HWKEY_NUMBER_MAX 65535u

/* Why an operation whose key was in a slot ended with -PLUTON_ENODEVICE. */
#define KEY_SLOT_EMPTIED "the key slot was emptied meanwhile"

struct hwkey_name {
	char owner[HWKEY_OWNER_MAX + 8]; /* terminated, rest zero */
	uint32_t number;		 /* 1..HWKEY_NUMBER_MAX */
};

struct hwkey_attributes {
	enum hwkey_type type;
	uint32_t usage;	 /* enum hwkey_usage, or-ed, at least one */
	uint32_t policy; /* enum hwkey_policy, or-ed */
	size_t size;	 /* bytes of the key: what hwkey_size says, HWKEY_SECRET: 1..the maximum */
};

struct hwkey_request {
	enum hwkey_action action;
	struct hwkey_name name;
	struct hwkey_attributes attributes; /* of what comes into a slot; else not looked at */
	uint32_t wrapping;	  /* HWKEY_WRAP, HWKEY_UNWRAP: number of the owner's AES key */
	uint32_t slots_per_owner; /* the most that the owner may have with this one */
	size_t length;		  /* bytes to be pulled, or to be pushed */
	enum hwkey_trial trial;	  /* HWKEY_TRY: which; its attributes are looked at */
	size_t output_length;	  /* HWKEY_TRY: bytes to be pushed */
};

/* A slot as find sees it. */
struct hwkey_about {
	struct hil_key_ref ref;
	struct hwkey_attributes attributes;
};

struct hwkey_client;

struct hwkey_client_ops {
	ssize_t (*pull_input)(struct hwkey_client *client, uint8_t *buf, size_t len, size_t cursor);
	ssize_t (*push_output)(struct hwkey_client *client, const uint8_t *buf, size_t len,
			       size_t cursor);
	/*
	 * -PLUTON_ENODEVICE: no such slot (of this owner's), or nothing to keep keys in.
	 * -PLUTON_EALREADY: the number is taken. -PLUTON_ENOMEM: over slots_per_owner, or the
	 * engine has no slot left. -PLUTON_EINVAL: no key of this type, something wrapped or a
	 * record that was changed, a slot whose usage or policy forbids it. -PLUTON_ESIZE: another
	 * length than the key in the slot has. -PLUTON_EFAIL: it could not be stored, or the slot's
	 * record is damaged. why() says which.
	 */
	void (*done)(struct hwkey_client *client, int result);
};

struct hwkey_client {
	const struct hwkey_client_ops *ops;
};

struct hwkey_caps {
	uint32_t types;		/* bit 1 << type: what slots there can be */
	uint32_t derived_types; /* of them, what can be derived */
	uint32_t slots_max;	/* of all owners together */
	uint32_t trials;	/* bit 1 << trial: what HWKEY_TRY does */
};

struct hwkey_engine {
	struct hil_engine head; /* with the vault that its slots are in */
	struct hwkey_caps caps;
	const struct hwkey_engine_ops *ops;
};

struct hwkey_engine_ops {
	/*
	 * 0: done will come. What hwkey_check returns. -PLUTON_EBUSY: concurrency used up.
	 * *request is copied. A slot that is to be filled is taken at once, so two starts in a row
	 * never get one number.
	 */
	int (*start)(struct hwkey_engine *engine, const struct hwkey_request *request,
		     struct hwkey_client *client);
	/* 0: done is on its way; what is being stored or deleted completes. -PLUTON_EINVAL: this
	 * client has nothing under way. */
	int (*cancel)(struct hwkey_engine *engine, struct hwkey_client *client);
	/* A sentence about the failure that done just reported; "" if there is none. In done. */
	const char *(*why)(struct hwkey_engine *engine);
	/*
	 * The slot of that name, at once. -PLUTON_ENODEVICE: there is none. -PLUTON_EFAIL: its
	 * record is damaged: it can only be deleted. -PLUTON_ENOMEM: there was no memory to open
	 * its record, which is whole. -PLUTON_EBUSY: it is being filled or emptied.
	 */
	int (*find)(struct hwkey_engine *engine, const struct hwkey_name *name,
		    struct hwkey_about *ret);
	/* The owner's lowest number above `after`, whatever state its slot is in; 0: no more. */
	uint32_t (*next)(struct hwkey_engine *engine, const char *owner, uint32_t after);
	/* The lowest number, from 1 on, that none of the owner's slots has. */
	uint32_t (*unused)(struct hwkey_engine *engine, const char *owner);
};

/*
 * 0. -PLUTON_ENOSUPPORT: an action, trial or type that the engine has not. -PLUTON_ESIZE: a length
 * or size that no key of the type has. -PLUTON_EINVAL: no name, or attributes that do not go
 * together. -PLUTON_ENODEVICE: the engine is absent.
 */
int hwkey_check(const struct hil_engine *engine, const void *hwkey_request);

/* NULL: these go together; else a sentence that says what does not. */
const char *hwkey_fault(const struct hwkey_attributes *attributes);

/* true: the action puts a key into a slot. */
bool hwkey_fills(enum hwkey_action action);

/* Bytes of a key of the type; 0 for HWKEY_SECRET, which has any, and for what is no type. */
size_t hwkey_size(enum hwkey_type type);

/* Bytes of a public key; 0: the type has none. */
size_t hwkey_public_size(enum hwkey_type type);

/* Bytes of a wrapped key of so many. */
size_t hwkey_wrapped_size(size_t key_size);

/* What a key is for, whatever its size: which HIL's. */
enum hwkey_family {
	HWKEY_OF_AES = 1,
	HWKEY_OF_SECRET,
	HWKEY_OF_ECC,
	HWKEY_OF_RSA,
};
enum hwkey_family hwkey_family(enum hwkey_type type);

/* An RSA key is made: that takes seconds (hil/contract.h, slow). */
bool hwkey_is_slow(const void *hwkey_request);

/* The curve of a key of HWKEY_OF_ECC; 0 for any other. */
enum ecc_curve hwkey_curve(enum hwkey_type type);

/* The lowest number that none of the owner's slots has; 0: all are taken. */
uint32_t hwkey_unused(struct hwkey_engine *engine, const char *owner);

/* What an error of find means: the end of a sentence that begins "key slot N". */
const char *hwkey_find_failure(int error);

/*
 * For capsules: the owner's slot of that number, for something of that family and usage. Asks the
 * port's engines in turn. 0, or an error with *ret_why, the end of such a sentence:
 * -PLUTON_ENODEVICE, -PLUTON_EFAIL, -PLUTON_ENOMEM and -PLUTON_EBUSY as find, -PLUTON_EINVAL: it is
 * for something else.
 */
int hwkey_resolve(const struct hil_port *port, const struct hwkey_name *name,
		  enum hwkey_family family, uint32_t usage, struct hwkey_about *ret,
		  const char **ret_why);

/* A slot as a row of Pluton's protocol (struct pluton_hwkey_row), little-endian. */
#define HWKEY_ROW_SIZE 24u
void hwkey_row_encode(uint32_t number, const struct hwkey_attributes *attributes, bool damaged,
		      uint8_t ret_row[HWKEY_ROW_SIZE]);

/* Attributes as they come in a request: type, usage, policy, size, each a u32, little-endian. */
#define HWKEY_ATTRIBUTES_SIZE 16u
void hwkey_attributes_decode(const uint8_t bytes[HWKEY_ATTRIBUTES_SIZE],
			     struct hwkey_attributes *ret);

#endif
