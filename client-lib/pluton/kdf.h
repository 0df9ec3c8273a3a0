/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key derivation: HKDF (RFC 5869), SP 800-108r1 in counter mode, PBKDF2 (RFC 8018). Threads and
 * common errors: pluton/pluton.h.
 */
#ifndef PLUTON_KDF_H
#define PLUTON_KDF_H

#include <pluton/mac.h>
#include <pluton/pluton.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define PLUTON_DRIVER_KDF 0x80000006u

/*
 * What each takes besides a key and a PRF, and how much output it gives; a "block" is as long as
 * pluton_mac_size() of the PRF:
 *
 *   HKDF                 salt, info       1 to 255 blocks
 *   HKDF_EXTRACT         salt             one block, the pseudorandom key
 *   HKDF_EXPAND          info             1 to 255 blocks; the key is a pseudorandom key
 *   SP800_108            label, info      1 to PLUTON_KDF_LENGTH_MAX bytes
 *   SP800_108_FIXED      info             1 to PLUTON_KDF_LENGTH_MAX bytes
 *   PBKDF2               salt, iterations 1 to PLUTON_KDF_LENGTH_MAX bytes; the key is a password
 *
 * Block i of SP800_108 is PRF(key, i || label || 0x00 || info || L): i and the length L of the
 * whole output in bits have 32 bits each, big-endian; info is what the standard calls context. Of
 * SP800_108_FIXED it is PRF(key, i || info).
 */
enum pluton_kdf_method {
	PLUTON_KDF_HKDF = 1,
	PLUTON_KDF_HKDF_EXTRACT = 2,
	PLUTON_KDF_HKDF_EXPAND = 3,
	PLUTON_KDF_SP800_108 = 4,
	PLUTON_KDF_SP800_108_FIXED = 5,
	PLUTON_KDF_PBKDF2 = 6,
};

/* Bytes. */
#define PLUTON_KDF_KEY_MAX 1024
#define PLUTON_KDF_SALT_MAX 1024
#define PLUTON_KDF_LABEL_MAX 256
#define PLUTON_KDF_INFO_MAX 1024
#define PLUTON_KDF_LENGTH_MAX 65536

/* The longest output; 0 for an unknown method or algorithm. */
size_t pluton_kdf_length_max(enum pluton_kdf_method method, enum pluton_mac_algorithm prf);

struct pluton_kdf_request {
	enum pluton_kdf_method method;
	enum pluton_mac_algorithm prf; /* HMAC; SP800_108 also PLUTON_CMAC_AES */
	const void *key;
	size_t key_size; /* bytes: 1 to PLUTON_KDF_KEY_MAX; CMAC 16, 24 or 32 */
	/* In place of key: the caller's slot of that number (pluton/hwkey.h), with a secret or,
	 * for CMAC, an AES key. */
	uint32_t key_slot;
	/* Sizes of what the method has not are 0; those of what it has may be. */
	const void *salt;
	size_t salt_size;
	const void *label;
	size_t label_size;
	const void *info;
	size_t info_size;
	uint32_t iterations; /* PBKDF2: at least 1; else 0 */
	void *output;
	size_t length; /* bytes of output */
};

/*
 * Derives a key. -PLUTON_ENOSUPPORT: no engine has the method with this PRF. -PLUTON_ESIZE: a size
 * that is not as above, or more iterations times blocks of output than the daemon allows
 * (pbkdf2_rounds_max in plutond.conf(5)).
 */
int pluton_kdf(struct pluton *pluton, const struct pluton_kdf_request *request);

/*
 * The same; the memory that the request points to must stay until `done` has run (the request
 * itself need not). -PLUTON_EBUSY: operations_max are under way. PBKDF2 takes its time: it can be
 * cancelled.
 */
int pluton_kdf_async(struct pluton *pluton, const struct pluton_kdf_request *request,
		     pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
