/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message authentication codes. HMAC and CMAC are two drivers with the same commands. A message
 * that fits one request takes one command; a longer one is a stream that nobody sees.
 */
#include <pluton/mac.h>

#include <string.h>

#include "client-lib/connection.h"
#include "client-lib/stream.h"

enum {
	COMMAND_MAC = 1,
	COMMAND_VERIFY = 2,
	COMMAND_BEGIN = 3,
	COMMAND_UPDATE = 4,
	COMMAND_FINISH = 5,
	COMMAND_FINISH_VERIFY = 6,
	COMMAND_ABORT = 7,
};

enum {
	SLOT_KEY = 0,
	SLOT_INPUT = 1,
	SLOT_MAC = 2,
};

struct algorithm {
	enum pluton_mac_algorithm number;
	const char *name;
	size_t size;
};

static const struct algorithm algorithms[] = {
	{PLUTON_HMAC_SHA1, "hmac-sha1", 20},
	{PLUTON_HMAC_SHA224, "hmac-sha224", 28},
	{PLUTON_HMAC_SHA256, "hmac-sha256", 32},
	{PLUTON_HMAC_SHA384, "hmac-sha384", 48},
	{PLUTON_HMAC_SHA512, "hmac-sha512", 64},
	{PLUTON_HMAC_SHA3_256, "hmac-sha3-256", 32},
	{PLUTON_HMAC_SHA3_384, "hmac-sha3-384", 48},
	{PLUTON_HMAC_SHA3_512, "hmac-sha3-512", 64},
	{PLUTON_CMAC_AES, "cmac", 16},
};

static const char wrong_mac[] = "the MAC does not match: a wrong key, or the message was changed";

size_t pluton_mac_size(enum pluton_mac_algorithm algorithm)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (algorithms[i].number == algorithm)
			return algorithms[i].size;
	}
	return 0;
}

enum pluton_mac_algorithm pluton_mac_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (strcmp(algorithms[i].name, name) == 0)
			return algorithms[i].number;
	}
	return (enum pluton_mac_algorithm)0;
}

/* --- checks ---------------------------------------------------------------------------------- */

static int check_algorithm(struct pluton *pluton, enum pluton_mac_algorithm algorithm)
{
	if (pluton_mac_size(algorithm) > 0)
		return 0;
	return connection_refuse(pluton, -PLUTON_ENOSUPPORT, "there is no algorithm %d",
				 (int)algorithm);
}

static int check_key(struct pluton *pluton, enum pluton_mac_algorithm algorithm, size_t size)
{
	int r = check_algorithm(pluton, algorithm);

	if (r < 0)
		return r;
	if (algorithm != PLUTON_CMAC_AES && (size == 0 || size > PLUTON_HMAC_KEY_SIZE_MAX))
		return connection_refuse(pluton, -PLUTON_ESIZE,
					 "a key of %zu bytes: HMAC takes 1 to %d", size,
					 PLUTON_HMAC_KEY_SIZE_MAX);
	if (algorithm == PLUTON_CMAC_AES && size != 16 && size != 24 && size != 32)
		return connection_refuse(pluton, -PLUTON_ESIZE,
					 "a key of %zu bytes: AES has 16, 24 and 32", size);
	return 0;
}

static int check_mac(struct pluton *pluton, enum pluton_mac_algorithm algorithm, size_t size)
{
	size_t whole = pluton_mac_size(algorithm);

	if (size >= PLUTON_MAC_SIZE_MIN && size <= whole)
		return 0;
	return connection_refuse(pluton, -PLUTON_ESIZE,
				 "a MAC of %zu bytes: this one can have %d to %zu", size,
				 PLUTON_MAC_SIZE_MIN, whole);
}

static int check(struct pluton *pluton, const struct pluton_mac_request *request)
{
	int r = request->key_slot == 0
			? check_key(pluton, request->algorithm, request->key_size)
			: connection_check_slot(pluton, request->key, request->key_size);

	if (r == 0)
		r = check_algorithm(pluton, request->algorithm);
	return r < 0 ? r : check_mac(pluton, request->algorithm, request->mac_size);
}

/* --- in one operation ------------------------------------------------------------------------ */

static uint32_t driver_of(enum pluton_mac_algorithm algorithm)
{
	return algorithm == PLUTON_CMAC_AES ? PLUTON_DRIVER_CMAC : PLUTON_DRIVER_HMAC;
}

static struct pluton_slot mac_slot(bool verify, const void *mac, size_t size)
{
	if (verify)
		return (struct pluton_slot){.in = mac, .length = size};
	return (struct pluton_slot){.out = (void *)(uintptr_t)mac, .length = size};
}

static struct pluton_request mac_request(const struct pluton_mac_request *request, bool verify)
{
	return (struct pluton_request){
		.driver = driver_of(request->algorithm),
		.command = verify ? COMMAND_VERIFY : COMMAND_MAC,
		.words = {request->algorithm, request->key_slot},
		.slots[SLOT_KEY] = {.in = request->key, .length = request->key_size},
		.slots[SLOT_INPUT] = {.in = request->input, .length = request->length},
		.slots[SLOT_MAC] = mac_slot(verify, request->mac, request->mac_size),
	};
}

static int finish(struct pluton *pluton, const struct pluton_mac_stream *stream, bool verify,
		  const void *mac, size_t mac_size);

static int begin(struct pluton *pluton, enum pluton_mac_algorithm algorithm, struct pluton_slot key,
		 uint32_t key_slot, struct pluton_mac_stream *ret);

static struct pluton_request stream_request(uint32_t command,
					    const struct pluton_mac_stream *stream)
{
	return (struct pluton_request){
		.driver = driver_of(stream->algorithm),
		.command = command,
		.words[0] = stream->id,
	};
}

static void drop(struct pluton *pluton, const struct pluton_mac_stream *stream, uint32_t begun)
{
	struct pluton_request request = stream_request(COMMAND_ABORT, stream);

	stream_drop(pluton, &request, stream->connection, begun);
}

static int in_pieces(struct pluton *pluton, const struct pluton_mac_request *request, bool verify,
		     struct pluton_mac_stream *ret_stream)
{
	int r = begin(pluton, request->algorithm,
		      (struct pluton_slot){.in = request->key, .length = request->key_size},
		      request->key_slot, ret_stream);
	uint32_t begun = pluton->streams_begun;

	if (r < 0)
		return r;
	r = pluton_mac_update(pluton, ret_stream, request->input, request->length);
	if (r == 0)
		r = finish(pluton, ret_stream, verify, request->mac, request->mac_size);
	if (r < 0)
		drop(pluton, ret_stream, begun);
	return r;
}

static int perform(struct pluton *pluton, const struct pluton_mac_request *request, bool verify)
{
	struct pluton_request whole = mac_request(request, verify);
	struct pluton_mac_stream stream = {0};
	int r = check(pluton, request);

	if (r < 0)
		return r;
	if (stream_is_needless(pluton, request->input, request->length))
		return operation_perform_explained(pluton, &whole, REPEAT_ALWAYS,
						   verify ? wrong_mac : NULL);
	r = in_pieces(pluton, request, verify, &stream);
	if (r < 0 && stream.connection != 0 && reconnect_since(pluton, stream.connection))
		r = in_pieces(pluton, request, verify, &stream);
	return r;
}

static int submit(struct pluton *pluton, const struct pluton_mac_request *request, bool verify,
		  pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {
		.done = done, .userdata = userdata, .invalid = verify ? wrong_mac : NULL};
	struct pluton_request whole = mac_request(request, verify);
	int r = check(pluton, request);

	return r < 0 ? r : operation_submit(pluton, &whole, &completion, ret_id);
}

int pluton_mac(struct pluton *pluton, const struct pluton_mac_request *request)
{
	return perform(pluton, request, false);
}

int pluton_mac_verify(struct pluton *pluton, const struct pluton_mac_request *request)
{
	return perform(pluton, request, true);
}

int pluton_mac_async(struct pluton *pluton, const struct pluton_mac_request *request,
		     pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	return submit(pluton, request, false, done, userdata, ret_id);
}

int pluton_mac_verify_async(struct pluton *pluton, const struct pluton_mac_request *request,
			    pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	return submit(pluton, request, true, done, userdata, ret_id);
}

/* --- streams --------------------------------------------------------------------------------- */

static int begin(struct pluton *pluton, enum pluton_mac_algorithm algorithm, struct pluton_slot key,
		 uint32_t key_slot, struct pluton_mac_stream *ret)
{
	const struct pluton_request request = {
		.driver = driver_of(algorithm),
		.command = COMMAND_BEGIN,
		.words = {algorithm, key_slot},
		.slots[SLOT_KEY] = key,
	};
	struct pluton_mac_stream stream = {.algorithm = algorithm};
	int r = stream_begin(pluton, &request, &stream.id, &stream.connection);

	if (r == 0)
		*ret = stream;
	return r;
}

int pluton_mac_begin(struct pluton *pluton, enum pluton_mac_algorithm algorithm, const void *key,
		     size_t key_size, struct pluton_mac_stream *ret)
{
	int r = check_key(pluton, algorithm, key_size);

	if (r < 0)
		return r;
	return begin(pluton, algorithm, (struct pluton_slot){.in = key, .length = key_size}, 0,
		     ret);
}

int pluton_mac_begin_slot(struct pluton *pluton, enum pluton_mac_algorithm algorithm,
			  uint32_t key_slot, struct pluton_mac_stream *ret)
{
	int r = check_algorithm(pluton, algorithm);

	if (r == 0 && key_slot == 0)
		r = connection_refuse(pluton, -PLUTON_EINVAL, "key slots have numbers from 1");
	return r < 0 ? r : begin(pluton, algorithm, (struct pluton_slot){0}, key_slot, ret);
}

int pluton_mac_update(struct pluton *pluton, const struct pluton_mac_stream *stream,
		      const void *input, size_t length)
{
	struct pluton_request request = stream_request(COMMAND_UPDATE, stream);

	return stream_take_in(pluton, &request, SLOT_INPUT, input, length, stream->connection);
}

int pluton_mac_update_async(struct pluton *pluton, const struct pluton_mac_stream *stream,
			    const void *input, size_t length, pluton_done_fn done, void *userdata,
			    pluton_operation_id *ret_id)
{
	const struct completion completion = {.done = done, .userdata = userdata};
	struct pluton_request request = stream_request(COMMAND_UPDATE, stream);

	request.slots[SLOT_INPUT] = (struct pluton_slot){.in = input, .length = length};
	return stream_submit(pluton, &request, stream->connection, &completion, ret_id);
}

static int finish(struct pluton *pluton, const struct pluton_mac_stream *stream, bool verify,
		  const void *mac, size_t mac_size)
{
	struct pluton_request request =
		stream_request(verify ? COMMAND_FINISH_VERIFY : COMMAND_FINISH, stream);
	int r = check_mac(pluton, stream->algorithm, mac_size);

	if (r < 0)
		return r;
	request.slots[SLOT_MAC] = mac_slot(verify, mac, mac_size);
	return stream_perform_explained(pluton, &request, stream->connection,
					verify ? wrong_mac : NULL);
}

int pluton_mac_finish(struct pluton *pluton, const struct pluton_mac_stream *stream, void *mac,
		      size_t mac_size)
{
	return finish(pluton, stream, false, mac, mac_size);
}

int pluton_mac_finish_verify(struct pluton *pluton, const struct pluton_mac_stream *stream,
			     const void *mac, size_t mac_size)
{
	return finish(pluton, stream, true, mac, mac_size);
}

int pluton_mac_abort(struct pluton *pluton, const struct pluton_mac_stream *stream)
{
	struct pluton_request request = stream_request(COMMAND_ABORT, stream);

	return stream_perform(pluton, &request, stream->connection);
}
