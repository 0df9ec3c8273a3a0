/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of what this backend keeps for clients, and the one kind there is.
 */
#include "backends/openssl/gcm_stream.h"

#include <openssl/crypto.h>

#include "backends/openssl/failure.h"
#include "backends/openssl/openssl.h"

static void stream_free(struct gcm_stream *stream)
{
	vault_let_go(&stream->hold);
	EVP_CIPHER_CTX_free(stream->cipher);
	OPENSSL_clear_free(stream, sizeof(*stream));
}

/* Called by the kernel, or by gcm_stream_close through it. */
static void stream_release(void *object)
{
	struct gcm_stream *stream = object;

	if (stream->busy)
		stream->abandoned = true;
	else
		stream_free(stream);
}

/* The object, OpenSSL's EVP_CIPHER_CTX and its provider's context; malloc's overhead included. */
const struct hil_charge openssl_charges[OPENSSL_CHARGES] = {
	[OPENSSL_CHARGE_GCM_STREAM] = {"GCM stream", 1280, stream_release},
};

static const struct hil_charge *const charge = &openssl_charges[OPENSSL_CHARGE_GCM_STREAM];

int gcm_stream_open(struct hil_owner *owner, uint64_t serial, size_t key_size,
		    struct gcm_stream **ret_stream)
{
	struct gcm_stream *stream = OPENSSL_zalloc(sizeof(*stream));

	if (!stream)
		return crypto_failed(-PLUTON_ENOMEM);
	stream->cipher = EVP_CIPHER_CTX_new();
	if (!stream->cipher || hil_charge_take(owner, charge, stream, &stream->handle) < 0) {
		stream_free(stream);
		return crypto_failed(-PLUTON_ENOMEM);
	}
	stream->serial = serial;
	stream->key_size = key_size;
	stream->busy = true;
	*ret_stream = stream;
	return 0;
}

static void forget_key(struct vault_hold *hold)
{
	struct gcm_stream *stream =
		(struct gcm_stream *)(void *)((char *)hold - offsetof(struct gcm_stream, hold));

	stream->forgotten = true;
	if (!stream->busy)
		EVP_CIPHER_CTX_reset(stream->cipher);
}

void gcm_stream_hold(struct gcm_stream *stream, struct vault *vault, const struct hil_key_ref *key)
{
	stream->hold.forget = forget_key;
	vault_hold(vault, key, &stream->hold);
}

static struct gcm_stream *find(struct hil_owner *owner, uint32_t handle, uint64_t serial)
{
	struct gcm_stream *stream = hil_charge_find(owner, charge, handle);

	return stream && stream->serial == serial ? stream : NULL;
}

int gcm_stream_resume(struct hil_owner *owner, uint32_t handle, uint64_t serial,
		      const struct aes_request *request, struct gcm_stream **ret_stream)
{
	struct gcm_stream *stream = find(owner, handle, serial);

	if (!stream)
		return -PLUTON_ERESERVE;
	if (stream->forgotten)
		return -PLUTON_ENODEVICE;
	if (stream->busy || stream->key_size != request->key_size)
		return -PLUTON_EINVAL;
	if (request->length > GCM_MESSAGE_MAX - stream->length)
		return -PLUTON_ESIZE;
	stream->busy = true;
	*ret_stream = stream;
	return 0;
}

void gcm_stream_forget(struct hil_owner *owner, uint32_t handle, uint64_t serial)
{
	struct gcm_stream *stream = find(owner, handle, serial);

	if (stream && !stream->busy)
		hil_charge_drop(owner, charge, handle);
}

void gcm_stream_park(struct gcm_stream *stream)
{
	stream->busy = false;
	if (stream->abandoned)
		stream_free(stream);
	else if (stream->forgotten)
		EVP_CIPHER_CTX_reset(stream->cipher);
}

void gcm_stream_close(struct hil_owner *owner, struct gcm_stream *stream)
{
	/* The owner of an abandoned stream is gone, and with it the charge. */
	stream->busy = false;
	if (stream->abandoned)
		stream_free(stream);
	else
		hil_charge_drop(owner, charge, stream->handle);
}
