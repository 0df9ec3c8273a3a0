/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenSSL backend: rng, digest, AES, MACs, key derivation, elliptic curves and RSA on
 * libcrypto 3.0, with what its tests may force.
 */
#ifndef PLUTON_BACKENDS_OPENSSL_H
#define PLUTON_BACKENDS_OPENSSL_H

#include "backends/table.h"

/*
 * Where an operation's data is worked on. Small messages end in one deferred call. Longer ones go
 * in slices on the loop while nobody waits for it, and to a worker thread otherwise; only what the
 * client lends can go to a worker. What cannot be cut goes there always, unless told otherwise.
 */
enum openssl_execution {
	OPENSSL_EXECUTION_AUTO = 0,
	OPENSSL_EXECUTION_INLINE, /* all in one deferred call, however long */
	OPENSSL_EXECUTION_SLICED, /* always on the loop, a slice for each deferred call */
	OPENSSL_EXECUTION_WORKER, /* on a worker, however short, if all of it is lent */
};

struct openssl_options {
	enum openssl_execution execution;
	size_t slice;		/* bytes for each deferred call; 0: each HIL's own */
	const char *properties; /* OpenSSL's property query for ciphers; NULL: none */
};

/* AUTO: from how many bytes on a worker pays. Between them others_wait decides. */
#define OPENSSL_WORKER_BYTES_WAITED_FOR (64u * 1024) /* others_wait says true */
#define OPENSSL_WORKER_BYTES_UNKNOWN (256u * 1024)   /* there is no others_wait */

/* Library objects kept for clients between starts; the costs are held by a test. */
enum openssl_charge {
	OPENSSL_CHARGE_GCM_STREAM,
	OPENSSL_CHARGES,
};
extern const struct hil_charge openssl_charges[OPENSSL_CHARGES];

/* The backend table's entry points: open is open_with no options. */
int openssl_open(const struct backend_environment *environment, struct backend_instance **ret);
void openssl_close(struct backend_instance *instance);

/*
 * -PLUTON_ENOMEM, or -PLUTON_ENODEVICE: OpenSSL has no provider for a cipher, or no seeded random
 * generator. Strings in *options stay valid until close.
 */
int openssl_open_with(const struct backend_environment *environment,
		      const struct openssl_options *options, struct backend_instance **ret);

#endif
