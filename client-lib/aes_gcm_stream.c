/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tink's AES-GCM-HKDF Streaming on the services that there are: random numbers, key derivation,
 * GCM. docs/aes-gcm-stream.md has the format. The rule a newcomer would break first: a segment's
 * number is used up by the attempt, for the same nonce must never meet another plaintext.
 */
#include <pluton/aes_gcm_stream.h>

#include <pluton/kdf.h>
#include <pluton/random.h>
#include <stdbool.h>
#include <string.h>

#include "client-lib/connection.h"

#define PREFIX_SIZE PLUTON_AES_GCM_STREAM_PREFIX_SIZE
#define TAG_SIZE PLUTON_AES_TAG_SIZE
#define SEGMENTS_MAX ((uint64_t)1 << 32)

/* Where things are in a header: its length, a salt as long as the AES key, the nonces' prefix. */
enum { HEADER_LENGTH_AT = 0, HEADER_SALT_AT = 1 };

/* And in a nonce: the prefix, the segment's number, whether it is the last. */
enum { NONCE_NUMBER_AT = PREFIX_SIZE, NONCE_LAST_AT = PREFIX_SIZE + 4 };

size_t pluton_aes_gcm_stream_header_size(size_t derived_key_size)
{
	if (derived_key_size != 16 && derived_key_size != 32)
		return 0;
	return HEADER_SALT_AT + derived_key_size + PREFIX_SIZE;
}

void pluton_aes_gcm_stream_wipe(struct pluton_aes_gcm_stream *stream)
{
	explicit_bzero(stream, sizeof(*stream));
}

size_t pluton_aes_gcm_stream_room(const struct pluton_aes_gcm_stream *stream)
{
	size_t before = stream->next == 0 ? stream->header_size : 0;

	return stream->segment_size - before - TAG_SIZE;
}

/* --- the header ------------------------------------------------------------------------------- */

static int find_prf(struct pluton *pluton, enum pluton_digest_algorithm hash,
		    enum pluton_mac_algorithm *ret)
{
	if (hash != PLUTON_SHA1 && hash != PLUTON_SHA256 && hash != PLUTON_SHA512)
		return connection_refuse(pluton, -PLUTON_ENOSUPPORT,
					 "the format has SHA1, SHA256 and SHA512, not hash %d",
					 (int)hash);
	*ret = (enum pluton_mac_algorithm)hash; /* the same numbers */
	return 0;
}

static int check_sizes(struct pluton *pluton, const struct pluton_aes_gcm_stream_request *request,
		       size_t key_size)
{
	size_t header = pluton_aes_gcm_stream_header_size(key_size);

	if (header == 0)
		return connection_refuse(pluton, -PLUTON_ESIZE,
					 "an AES key of %zu bytes: the format has 16 and 32",
					 key_size);
	if (request->key_size < key_size || request->key_size > PLUTON_KDF_KEY_MAX)
		return connection_refuse(pluton, -PLUTON_ESIZE,
					 "a key of %zu bytes: it can have %zu to %d",
					 request->key_size, key_size, PLUTON_KDF_KEY_MAX);
	if (request->segment_size <= header + TAG_SIZE)
		return connection_refuse(pluton, -PLUTON_ESIZE,
					 "segments of %zu bytes: they have at least %zu",
					 request->segment_size, header + TAG_SIZE + 1);
	return 0;
}

/* HKDF(key, salt, info: aad) is the message's own key. */
static int begin(struct pluton *pluton, const struct pluton_aes_gcm_stream_request *request,
		 const uint8_t *header, size_t key_size, struct pluton_aes_gcm_stream *ret)
{
	struct pluton_kdf_request derivation = {
		.method = PLUTON_KDF_HKDF,
		.key = request->key,
		.key_size = request->key_size,
		.salt = header + HEADER_SALT_AT,
		.salt_size = key_size,
		.info = request->aad,
		.info_size = request->aad_length,
		.output = ret->key,
		.length = key_size,
	};
	int r = find_prf(pluton, request->hash, &derivation.prf);

	if (r == 0)
		r = pluton_kdf(pluton, &derivation);
	if (r < 0)
		return r;
	ret->key_size = key_size;
	ret->segment_size = request->segment_size;
	ret->header_size = pluton_aes_gcm_stream_header_size(key_size);
	memcpy(ret->prefix, header + HEADER_SALT_AT + key_size, PREFIX_SIZE);
	return 0;
}

int pluton_aes_gcm_stream_encrypt_begin(struct pluton *pluton,
					const struct pluton_aes_gcm_stream_request *request,
					void *ret_header, struct pluton_aes_gcm_stream *ret)
{
	size_t key_size = request->derived_key_size;
	uint8_t header[PLUTON_AES_GCM_STREAM_HEADER_MAX];
	size_t size = pluton_aes_gcm_stream_header_size(key_size);
	int r = check_sizes(pluton, request, key_size);

	if (r < 0)
		return r;
	*ret = (struct pluton_aes_gcm_stream){.direction = PLUTON_AES_ENCRYPT};
	header[HEADER_LENGTH_AT] = (uint8_t)size;
	r = pluton_random(pluton, header + HEADER_SALT_AT, size - HEADER_SALT_AT);
	if (r == 0)
		r = begin(pluton, request, header, key_size, ret);
	if (r == 0)
		memcpy(ret_header, header, size);
	else
		pluton_aes_gcm_stream_wipe(ret);
	return r;
}

/* 0: no header begins with this byte. */
static size_t key_size_of(uint8_t first)
{
	for (size_t size = 16; size <= 32; size += 16) {
		if (first == pluton_aes_gcm_stream_header_size(size))
			return size;
	}
	return 0;
}

int pluton_aes_gcm_stream_decrypt_begin(struct pluton *pluton,
					const struct pluton_aes_gcm_stream_request *request,
					const void *header, struct pluton_aes_gcm_stream *ret)
{
	uint8_t first = *(const uint8_t *)header;
	size_t key_size = key_size_of(first);
	int r;

	if (key_size == 0)
		return connection_refuse(pluton, -PLUTON_EINVAL,
					 "a header begins with 24 or 40, not with %u", first);
	if (key_size > request->key_size)
		return connection_refuse(pluton, -PLUTON_EINVAL,
					 "the header is that of a longer key: it needs %zu bytes",
					 key_size);
	r = check_sizes(pluton, request, key_size);
	if (r < 0)
		return r;
	*ret = (struct pluton_aes_gcm_stream){.direction = PLUTON_AES_DECRYPT};
	r = begin(pluton, request, header, key_size, ret);
	if (r < 0)
		pluton_aes_gcm_stream_wipe(ret);
	return r;
}

/* --- segments --------------------------------------------------------------------------------- */

struct segment {
	uint8_t nonce[PLUTON_AES_GCM_IV_SIZE];
	struct pluton_aes_gcm_request request;
};

static int check_segment(struct pluton *pluton, const struct pluton_aes_gcm_stream *stream,
			 enum pluton_aes_direction direction, size_t length, bool last)
{
	size_t room = pluton_aes_gcm_stream_room(stream);
	size_t least = last ? stream->next > 0 : room;

	if (stream->ended || stream->direction != direction)
		return connection_refuse(pluton, -PLUTON_ERESERVE,
					 stream->ended ? "the message has ended"
						       : "the message goes the other way");
	if (length < least || length > room)
		return connection_refuse(pluton, -PLUTON_ESIZE,
					 "a segment with %zu bytes of plaintext: this one has %zu "
					 "to %zu",
					 length, least, room);
	if (stream->next >= SEGMENTS_MAX)
		return connection_refuse(pluton, -PLUTON_ESIZE,
					 "a message has at most 2^32 segments");
	return 0;
}

static void write_nonce(const struct pluton_aes_gcm_stream *stream, bool last,
			uint8_t ret_nonce[PLUTON_AES_GCM_IV_SIZE])
{
	memcpy(ret_nonce, stream->prefix, PREFIX_SIZE);
	for (unsigned i = 0; i < 4; i++)
		ret_nonce[NONCE_NUMBER_AT + i] = (uint8_t)(stream->next >> (24 - 8 * i));
	ret_nonce[NONCE_LAST_AT] = last;
}

/*
 * The next segment as a message of GCM. `length` is that of the plaintext; the tag stands behind
 * the ciphertext.
 */
static int next_segment(struct pluton *pluton, const struct pluton_aes_gcm_stream *stream,
			enum pluton_aes_direction direction, const void *input, size_t length,
			bool last, void *output, struct segment *ret)
{
	bool encrypts = direction == PLUTON_AES_ENCRYPT;
	uint8_t *ciphertext = encrypts ? output : (void *)(uintptr_t)input;
	int r = check_segment(pluton, stream, direction, length, last);

	if (r < 0)
		return r;
	write_nonce(stream, last, ret->nonce);
	ret->request = (struct pluton_aes_gcm_request){
		.key = stream->key,
		.key_size = stream->key_size,
		.iv = ret->nonce,
		.input = input,
		.output = output,
		.length = length,
		.tag = ciphertext + length,
	};
	return 0;
}

static void go_on(struct pluton_aes_gcm_stream *stream, bool last)
{
	stream->next++;
	stream->ended |= last;
}

/* Bytes of plaintext in so many of ciphertext; SIZE_MAX, which is too many, where there is no tag.
 */
static size_t without_tag(size_t length)
{
	return length < TAG_SIZE ? SIZE_MAX : length - TAG_SIZE;
}

int pluton_aes_gcm_stream_encrypt(struct pluton *pluton, struct pluton_aes_gcm_stream *stream,
				  const void *plaintext, size_t length, int last, void *ciphertext)
{
	struct segment segment;
	int r = next_segment(pluton, stream, PLUTON_AES_ENCRYPT, plaintext, length, last,
			     ciphertext, &segment);

	if (r < 0)
		return r;
	r = pluton_aes_gcm_encrypt(pluton, &segment.request);
	go_on(stream, last || r < 0);
	return r;
}

int pluton_aes_gcm_stream_decrypt(struct pluton *pluton, struct pluton_aes_gcm_stream *stream,
				  const void *ciphertext, size_t length, int last, void *plaintext)
{
	struct segment segment;
	int r = next_segment(pluton, stream, PLUTON_AES_DECRYPT, ciphertext, without_tag(length),
			     last, plaintext, &segment);

	if (r < 0)
		return r;
	r = pluton_aes_gcm_decrypt(pluton, &segment.request);
	go_on(stream, last || r < 0);
	return r;
}

/* What could not be submitted was not seen by anybody: its number is still free. */
int pluton_aes_gcm_stream_encrypt_async(struct pluton *pluton, struct pluton_aes_gcm_stream *stream,
					const void *plaintext, size_t length, int last,
					void *ciphertext, pluton_done_fn done, void *userdata,
					pluton_operation_id *ret_id)
{
	struct segment segment;
	int r = next_segment(pluton, stream, PLUTON_AES_ENCRYPT, plaintext, length, last,
			     ciphertext, &segment);

	if (r == 0)
		r = pluton_aes_gcm_encrypt_async(pluton, &segment.request, done, userdata, ret_id);
	if (r == 0)
		go_on(stream, last);
	return r;
}

int pluton_aes_gcm_stream_decrypt_async(struct pluton *pluton, struct pluton_aes_gcm_stream *stream,
					const void *ciphertext, size_t length, int last,
					void *plaintext, pluton_done_fn done, void *userdata,
					pluton_operation_id *ret_id)
{
	struct segment segment;
	int r = next_segment(pluton, stream, PLUTON_AES_DECRYPT, ciphertext, without_tag(length),
			     last, plaintext, &segment);

	if (r == 0)
		r = pluton_aes_gcm_decrypt_async(pluton, &segment.request, done, userdata, ret_id);
	if (r == 0)
		go_on(stream, last);
	return r;
}
