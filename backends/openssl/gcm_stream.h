/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A GCM encryption in several starts. OpenSSL cannot write its state down, so the context is kept
 * between the starts, charged to its owner (hil/contract.h); exported state only names it.
 *
 * The rule a newcomer would break first: the owner may die, and its charges be released, while a
 * start is under way. `busy` keeps the object alive until that start is over, and the key in it too
 * where its slot is emptied meanwhile.
 */
#ifndef PLUTON_OPENSSL_GCM_STREAM_H
#define PLUTON_OPENSSL_GCM_STREAM_H

#include <openssl/evp.h>

#include "backends/openssl/vault.h"
#include "hil/aes.h"

/* NIST SP 800-38D, section 5.2.1.1: 2^39 - 256 bits. */
#define GCM_MESSAGE_MAX (((uint64_t)1 << 36) - 32)

struct gcm_stream {
	EVP_CIPHER_CTX *cipher;
	uint64_t serial; /* handles are used again, serials are not: an old state names nothing */
	uint64_t length; /* bytes encrypted so far */
	size_t key_size;
	uint32_t handle;
	bool busy;	/* a start is under way */
	bool abandoned; /* its owner died meanwhile */
	bool forgotten; /* its slot was emptied: no other start has the key */
	struct vault_hold hold;
};

/* -PLUTON_ENOMEM: over the owner's limit, or none at all. The new stream is busy. */
int gcm_stream_open(struct hil_owner *owner, uint64_t serial, size_t key_size,
		    struct gcm_stream **ret_stream);

/* Its key is a slot's, and goes with it. */
void gcm_stream_hold(struct gcm_stream *stream, struct vault *vault, const struct hil_key_ref *key);

/*
 * The stream by the name that an exported state carries, for one more start of `length` bytes; it
 * is busy then. -PLUTON_ERESERVE: it is no more. -PLUTON_ENODEVICE: its slot was emptied.
 * -PLUTON_EINVAL: it has another key size, or is busy. -PLUTON_ESIZE: the message gets longer than
 * GCM allows; the stream is as it was.
 */
int gcm_stream_resume(struct hil_owner *owner, uint32_t handle, uint64_t serial,
		      const struct aes_request *request, struct gcm_stream **ret_stream);

/* Between two starts: no other will come. A name that names nothing is ignored. */
void gcm_stream_forget(struct hil_owner *owner, uint32_t handle, uint64_t serial);

/* The start is over and another may come. */
void gcm_stream_park(struct gcm_stream *stream);

/* The message is over, or has failed. */
void gcm_stream_close(struct hil_owner *owner, struct gcm_stream *stream);

#endif
