/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authenticated encryption of messages of any length in bounded memory: Tink's format AES-GCM-HKDF
 * Streaming, which docs/aes-gcm-stream.md gives byte for byte. Threads and common errors:
 * pluton/pluton.h.
 *
 * A message is a header and then segments, each of which is authenticated by itself, with its place
 * and with whether it is the last: what pluton_aes_gcm_stream_decrypt gives out is always what
 * stood there. Only after the last one is it certain that nothing is missing.
 *
 * The key of a message is derived from a key that may serve for many messages.
 */
#ifndef PLUTON_AES_GCM_STREAM_H
#define PLUTON_AES_GCM_STREAM_H

#include <pluton/aes.h>
#include <pluton/digest.h>
#include <pluton/pluton.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define PLUTON_AES_GCM_STREAM_HEADER_MAX 40	 /* bytes */
#define PLUTON_AES_GCM_STREAM_PREFIX_SIZE 7	 /* bytes: of the nonces */
#define PLUTON_AES_GCM_STREAM_SEGMENT_1M 1048576 /* Tink's AES256_GCM_HKDF_1MB */
#define PLUTON_AES_GCM_STREAM_SEGMENT_4K 4096	 /* Tink's AES256_GCM_HKDF_4KB */

/* All of this is agreed on beforehand: none of it is in the message. */
struct pluton_aes_gcm_stream_request {
	const void *key;
	size_t key_size; /* bytes: derived_key_size to PLUTON_KDF_KEY_MAX */
	/* Encryption: bytes of the AES key, 16 or 32. Decryption: 0, the header says it. */
	size_t derived_key_size;
	enum pluton_digest_algorithm hash; /* of HKDF: SHA1, SHA256 or SHA512; Tink's own: SHA256 */
	size_t segment_size;		   /* bytes of ciphertext: derived_key_size + 25 or more */
	const void *aad;		   /* is authenticated too */
	size_t aad_length;		   /* bytes, up to PLUTON_KDF_INFO_MAX */
};

/* A message under way. Members are the library's; it holds a key, so wipe it. */
struct pluton_aes_gcm_stream {
	uint8_t key[32];
	size_t key_size;
	uint8_t prefix[PLUTON_AES_GCM_STREAM_PREFIX_SIZE];
	size_t segment_size;
	size_t header_size;
	uint64_t next; /* segment */
	enum pluton_aes_direction direction;
	int ended;
};

/* Bytes of a header for an AES key of that size: 24 or 40; 0 for another size. */
size_t pluton_aes_gcm_stream_header_size(size_t derived_key_size);

/*
 * Begins a message: makes its header, of pluton_aes_gcm_stream_header_size() bytes, or takes it.
 * -PLUTON_ESIZE: a wrong size. -PLUTON_ENOSUPPORT: another hash. -PLUTON_EINVAL: its first byte
 * says that this is no header, or one for a longer key; all other bytes are judged with the first
 * segment.
 */
int pluton_aes_gcm_stream_encrypt_begin(struct pluton *pluton,
					const struct pluton_aes_gcm_stream_request *request,
					void *ret_header, struct pluton_aes_gcm_stream *ret);
int pluton_aes_gcm_stream_decrypt_begin(struct pluton *pluton,
					const struct pluton_aes_gcm_stream_request *request,
					const void *header, struct pluton_aes_gcm_stream *ret);

/* Overwrites it. */
void pluton_aes_gcm_stream_wipe(struct pluton_aes_gcm_stream *stream);

/* Bytes of plaintext in the next segment, unless it is the last, which may have fewer. */
size_t pluton_aes_gcm_stream_room(const struct pluton_aes_gcm_stream *stream);

/*
 * The next segment: `length` bytes of plaintext, which become PLUTON_AES_TAG_SIZE bytes more. Each
 * but the last is full; the last is empty only if it is the first too. Input and output must not
 * overlap.
 *
 * -PLUTON_ESIZE: another length. -PLUTON_EINVAL of decryption: the tag does not match, because
 * key, hash, segment_size or aad are others, or something was changed, cut off, added or put in
 * another order; nothing of the segment is given out. -PLUTON_ERESERVE: the message has ended,
 * after its last segment, or after a failure: for a nonce must not be used for something else.
 */
int pluton_aes_gcm_stream_encrypt(struct pluton *pluton, struct pluton_aes_gcm_stream *stream,
				  const void *plaintext, size_t length, int last, void *ciphertext);
int pluton_aes_gcm_stream_decrypt(struct pluton *pluton, struct pluton_aes_gcm_stream *stream,
				  const void *ciphertext, size_t length, int last, void *plaintext);

/*
 * The same without waiting, several at once: they are segments in the order of the calls. Memory
 * must stay until `done` has run, the stream need not. Whoever gets an error from `done` ends the
 * message. -PLUTON_EBUSY: operations_max are under way; the segment can be tried again.
 * -PLUTON_ESIZE of decryption as an answer: longer than `aead_scratch`.
 */
int pluton_aes_gcm_stream_encrypt_async(struct pluton *pluton, struct pluton_aes_gcm_stream *stream,
					const void *plaintext, size_t length, int last,
					void *ciphertext, pluton_done_fn done, void *userdata,
					pluton_operation_id *ret_id);
int pluton_aes_gcm_stream_decrypt_async(struct pluton *pluton, struct pluton_aes_gcm_stream *stream,
					const void *ciphertext, size_t length, int last,
					void *plaintext, pluton_done_fn done, void *userdata,
					pluton_operation_id *ret_id);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
