/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hardware keys: slots in the daemon whose keys are used by number and never seen. A slot belongs
 * to its owner, that is the app that filled it, or else the user; to anybody else it is empty. What
 * takes a key_slot (pluton/aes.h, mac.h, ecc.h, rsa.h, kdf.h) uses the caller's own.
 *
 * Whatever fills or empties a slot returns only when that survives a power cut, unless the key is
 * of this boot only; a failure means that nothing was changed. Threads and common errors:
 * pluton/pluton.h.
 *
 * Functions that end in _async do not wait: `done` (NULL: none) runs when it is done, with the
 * status that the function without _async returns. What they take is copied, or must stay, as
 * pluton/pluton.h says of requests; where a result goes must stay until `done` runs, and is written
 * with status 0 only. What the daemon's end cuts off is never made again.
 *
 * Errors of all calls: -PLUTON_ENODEVICE: the slot is empty, or there are no hardware keys.
 * -PLUTON_EINVAL: attributes that do not go together, or what the slot's usage or policy forbids.
 * -PLUTON_EFAIL: the disk, or the slot's record is damaged: it can only be deleted, or if NV memory
 * cannot even read it, restored.
 * pluton_error_message says which.
 */
#ifndef PLUTON_HWKEY_H
#define PLUTON_HWKEY_H

#include <pluton/pluton.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define PLUTON_DRIVER_HWKEY 0x80000007u

enum pluton_hwkey_type {
	PLUTON_HWKEY_AES128 = 1,
	PLUTON_HWKEY_AES192 = 2,
	PLUTON_HWKEY_AES256 = 3,
	PLUTON_HWKEY_SECRET = 4, /* of any size, for HMAC and derivation */
	PLUTON_HWKEY_P256 = 5,
	PLUTON_HWKEY_P384 = 6,
	PLUTON_HWKEY_P521 = 7,
	PLUTON_HWKEY_ED25519 = 8,
	PLUTON_HWKEY_X25519 = 9,
	PLUTON_HWKEY_RSA2048 = 10,
	PLUTON_HWKEY_RSA3072 = 11,
	PLUTON_HWKEY_RSA4096 = 12,
};

enum pluton_hwkey_usage {
	PLUTON_HWKEY_ENCRYPT = 1, /* AES */
	PLUTON_HWKEY_DECRYPT = 2, /* AES, RSA; in CTR this is as good as ENCRYPT */
	PLUTON_HWKEY_SIGN = 4,	  /* curves but X25519, RSA */
	PLUTON_HWKEY_MAC = 8,	  /* AES: CMAC; a secret: HMAC. Made and verified */
	PLUTON_HWKEY_DERIVE = 16, /* a secret or AES: a KDF's key; curves but Ed25519: agreements */
	PLUTON_HWKEY_WRAP = 32,	  /* AES: other slots' keys, both ways */
};

enum pluton_hwkey_policy {
	PLUTON_HWKEY_NEVER_EXPORTED = 1, /* not even wrapped */
	PLUTON_HWKEY_THIS_BOOT = 2,	 /* gone when the daemon ends */
	PLUTON_HWKEY_ENGINE_IV = 4,	 /* AES: GCM only, with IVs that the daemon makes */
};

#define PLUTON_HWKEY_SECRET_MAX 128   /* bytes */
#define PLUTON_HWKEY_INPUT_MAX 256    /* bytes that a key is derived from */
#define PLUTON_HWKEY_SIZE_MAX 2312    /* bytes of any key */
#define PLUTON_HWKEY_PUBLIC_MAX 520   /* bytes of any public key */
#define PLUTON_HWKEY_WRAPPED_MAX 2320 /* bytes of any wrapped key */
#define PLUTON_HWKEY_NUMBER_MAX 65535

/* "aes256" to PLUTON_HWKEY_AES256; 0 for an unknown name. And back; NULL for an unknown type. */
enum pluton_hwkey_type pluton_hwkey_type_by_name(const char *name);
const char *pluton_hwkey_type_name(enum pluton_hwkey_type type);

/* What a key is and may be used for; it never changes. */
struct pluton_hwkey_attributes {
	enum pluton_hwkey_type type;
	uint32_t usage;	 /* enum pluton_hwkey_usage, or-ed, at least one */
	uint32_t policy; /* enum pluton_hwkey_policy, or-ed */
	uint32_t size;	 /* bytes: of a secret 1 to PLUTON_HWKEY_SECRET_MAX; else 0 will do */
};

/* A slot as it is. */
struct pluton_hwkey_row {
	uint32_t number;
	uint32_t type;	 /* enum pluton_hwkey_type */
	uint32_t usage;	 /* enum pluton_hwkey_usage, or-ed */
	uint32_t policy; /* enum pluton_hwkey_policy, or-ed */
	uint32_t size;	 /* bytes of the key */
	/* 1: nothing but the number is known: see -PLUTON_EFAIL above, or plutond had no memory to
	 * read it when it started. */
	uint32_t damaged;
};

/*
 * Fill slot *number, or the lowest empty one if *number is 0; *number then says which.
 * -PLUTON_EALREADY: it is taken. -PLUTON_ENOMEM: the caller has hwkey.slots_per_owner, or all of
 * hwkey.slots are taken. -PLUTON_ENOSUPPORT: no engine has the type.
 */
int pluton_hwkey_generate(struct pluton *pluton, const struct pluton_hwkey_attributes *attributes,
			  uint32_t *number);

/*
 * AES and a secret: the bytes; a curve: the private key as pluton/ecc.h has it; RSA: all its parts
 * in their order, n e d p q dP dQ qInv, e in 8 bytes, each big-endian and of its full width.
 * -PLUTON_ESIZE: no key of the type has so many bytes. The caller wipes its own copy.
 */
int pluton_hwkey_import(struct pluton *pluton, const struct pluton_hwkey_attributes *attributes,
			const void *key, size_t size, uint32_t *number);

/*
 * AES or a secret, from the device secret, the owner, the attributes and 1 to
 * PLUTON_HWKEY_INPUT_MAX bytes of input: on this machine always the same key. Not the number of the
 * slot: it may be any.
 */
int pluton_hwkey_derive(struct pluton *pluton, const struct pluton_hwkey_attributes *attributes,
			const void *input, size_t length, uint32_t *number);

/*
 * The key of slot `number`, encrypted with the AES key in slot `wrapping`: AES-KWP (RFC 5649). Who
 * knows that key knows this one then. *ret_length says how many of `size` bytes it took, which is
 * the key's size rounded up to 8, and 8 more. -PLUTON_ESIZE: more.
 */
int pluton_hwkey_wrap(struct pluton *pluton, uint32_t number, uint32_t wrapping, void *wrapped,
		      size_t size, size_t *ret_length);

/* Fills a slot with what was wrapped so. Usage and policy do not travel: the attributes say them.
 */
int pluton_hwkey_unwrap(struct pluton *pluton, const struct pluton_hwkey_attributes *attributes,
			uint32_t wrapping, const void *wrapped, size_t length, uint32_t *number);

int pluton_hwkey_delete(struct pluton *pluton, uint32_t number);

/*
 * The public part of a key pair, as pluton/ecc.h has it; RSA: n, then e in 8 bytes. *ret_length as
 * above, with PLUTON_HWKEY_PUBLIC_MAX at most.
 */
int pluton_hwkey_public(struct pluton *pluton, uint32_t number, void *public_key, size_t size,
			size_t *ret_length);

int pluton_hwkey_status(struct pluton *pluton, uint32_t number, struct pluton_hwkey_row *ret);

/* The caller's slots by number; the caller frees *ret_rows with free(). */
int pluton_hwkey_list(struct pluton *pluton, struct pluton_hwkey_row **ret_rows, size_t *ret_count);

/* The same without waiting; *number and *ret_length must stay until `done` runs. */
int pluton_hwkey_generate_async(struct pluton *pluton,
				const struct pluton_hwkey_attributes *attributes, uint32_t *number,
				pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);
int pluton_hwkey_import_async(struct pluton *pluton,
			      const struct pluton_hwkey_attributes *attributes, const void *key,
			      size_t size, uint32_t *number, pluton_done_fn done, void *userdata,
			      pluton_operation_id *ret_id);
int pluton_hwkey_derive_async(struct pluton *pluton,
			      const struct pluton_hwkey_attributes *attributes, const void *input,
			      size_t length, uint32_t *number, pluton_done_fn done, void *userdata,
			      pluton_operation_id *ret_id);
int pluton_hwkey_wrap_async(struct pluton *pluton, uint32_t number, uint32_t wrapping,
			    void *wrapped, size_t size, size_t *ret_length, pluton_done_fn done,
			    void *userdata, pluton_operation_id *ret_id);
int pluton_hwkey_unwrap_async(struct pluton *pluton,
			      const struct pluton_hwkey_attributes *attributes, uint32_t wrapping,
			      const void *wrapped, size_t length, uint32_t *number,
			      pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);
int pluton_hwkey_delete_async(struct pluton *pluton, uint32_t number, pluton_done_fn done,
			      void *userdata, pluton_operation_id *ret_id);
int pluton_hwkey_public_async(struct pluton *pluton, uint32_t number, void *public_key, size_t size,
			      size_t *ret_length, pluton_done_fn done, void *userdata,
			      pluton_operation_id *ret_id);
int pluton_hwkey_status_async(struct pluton *pluton, uint32_t number, struct pluton_hwkey_row *ret,
			      pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
