/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One MAC under way, as the files of the two MAC engines share it:
 *
 *	mac.c	what HMAC and CMAC have in common: keys, states and MACs going in and out
 *	hmac.c	HMAC, on the hash functions of hash.h
 *	cmac.c	AES-CMAC, on EVP's AES-CBC
 */
#ifndef PLUTON_OPENSSL_MAC_OPERATION_H
#define PLUTON_OPENSSL_MAC_OPERATION_H

#include "backends/openssl/cmac.h"
#include "backends/openssl/hmac.h"
#include "backends/openssl/intake.h"
#include "backends/openssl/vault.h"
#include "hil/mac.h"

struct mac_operation {
	struct intake intake; /* first */
	const struct mac_method *method;
	struct cmac_cipher cipher; /* CMAC: its own */
	struct mac_client *client; /* from here on wiped at the end */
	struct mac_request request;
	bool begun;
	union {
		struct hmac hmac;
		struct cmac cmac;
	};
};

/* What mac.c leaves to HMAC and CMAC. All return 0 or a negative error. */
struct mac_method {
	struct mac_caps caps;
	enum hil_kind kind;
	enum hil_level level;
	size_t slice; /* bytes in one deferred call */
	int (*absorb)(struct intake *intake, const uint8_t *buf, size_t len);
	/* request.key_size bytes. */
	int (*set_key)(struct mac_operation *op, const uint8_t *key);
	/*
	 * caps.state_bytes each. -PLUTON_EINVAL: no state that write_state can have made. Of a key
	 * in a slot the state has nothing that does as well as the key: slot_key, of
	 * request.key_size bytes, is added when it comes back; else it is NULL.
	 */
	int (*read_state)(struct mac_operation *op, const uint8_t *state, const uint8_t *slot_key);
	void (*write_state)(struct mac_operation *op, uint8_t *ret_state);
	/* mac_size(request.algorithm) bytes. */
	int (*end)(struct mac_operation *op, uint8_t *ret_mac);
};

struct mac_unit {
	struct mac_engine engine;
	struct task_set tasks;
	struct mac_operation operations[TASKS_PER_ENGINE];
};

static inline struct mac_operation *mac_of_intake(struct intake *intake)
{
	return (struct mac_operation *)(void *)intake;
}

/* -PLUTON_ENOMEM. Closed by mac_engine_close. */
int mac_unit_open(struct task_host *host, const struct mac_method *method, struct mac_unit **ret);
void mac_unit_close(struct mac_unit *unit);

#endif
