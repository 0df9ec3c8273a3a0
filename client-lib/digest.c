/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash functions. A message that fits one request is hashed by one command; a longer one is a
 * stream that nobody sees.
 */
#include <pluton/digest.h>

#include <string.h>

#include "client-lib/connection.h"
#include "client-lib/stream.h"

enum {
	COMMAND_DIGEST = 1,
	COMMAND_BEGIN = 2,
	COMMAND_UPDATE = 3,
	COMMAND_FINISH = 4,
	COMMAND_ABORT = 5,
};

enum {
	SLOT_INPUT = 0,
	SLOT_DIGEST = 1,
};

struct algorithm {
	enum pluton_digest_algorithm number;
	const char *name;
	size_t size;
};

static const struct algorithm algorithms[] = {
	{PLUTON_SHA1, "sha1", 20},	   {PLUTON_SHA224, "sha224", 28},
	{PLUTON_SHA256, "sha256", 32},	   {PLUTON_SHA384, "sha384", 48},
	{PLUTON_SHA512, "sha512", 64},	   {PLUTON_SHA3_256, "sha3-256", 32},
	{PLUTON_SHA3_384, "sha3-384", 48}, {PLUTON_SHA3_512, "sha3-512", 64},
};

size_t pluton_digest_size(enum pluton_digest_algorithm algorithm)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (algorithms[i].number == algorithm)
			return algorithms[i].size;
	}
	return 0;
}

enum pluton_digest_algorithm pluton_digest_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (strcmp(algorithms[i].name, name) == 0)
			return algorithms[i].number;
	}
	return (enum pluton_digest_algorithm)0;
}

static int check_size(struct pluton *pluton, enum pluton_digest_algorithm algorithm, size_t size)
{
	size_t needed = pluton_digest_size(algorithm);

	if (needed == 0)
		return connection_refuse(pluton, -PLUTON_ENOSUPPORT, "there is no algorithm %d",
					 (int)algorithm);
	if (size < needed)
		return connection_refuse(pluton, -PLUTON_ESIZE,
					 "room for %zu bytes, the digest has %zu", size, needed);
	return 0;
}

/* --- in one operation ------------------------------------------------------------------------ */

static struct pluton_request digest_request(const struct pluton_digest_request *request)
{
	return (struct pluton_request){
		.driver = PLUTON_DRIVER_DIGEST,
		.command = COMMAND_DIGEST,
		.words[0] = request->algorithm,
		.slots[SLOT_INPUT] = {.in = request->input, .length = request->length},
		.slots[SLOT_DIGEST] = {.out = request->digest,
				       .length = pluton_digest_size(request->algorithm)},
	};
}

static struct pluton_request stream_request(uint32_t command, uint32_t stream)
{
	return (struct pluton_request){
		.driver = PLUTON_DRIVER_DIGEST,
		.command = command,
		.words[0] = stream,
	};
}

static void drop(struct pluton *pluton, const struct pluton_digest_stream *stream, uint32_t begun)
{
	struct pluton_request request = stream_request(COMMAND_ABORT, stream->id);

	stream_drop(pluton, &request, stream->connection, begun);
}

static int digest_in_pieces(struct pluton *pluton, const struct pluton_digest_request *request,
			    struct pluton_digest_stream *ret_stream)
{
	int r = pluton_digest_begin(pluton, request->algorithm, ret_stream);
	uint32_t begun = pluton->streams_begun;

	if (r < 0)
		return r;
	r = pluton_digest_update(pluton, ret_stream, request->input, request->length);
	if (r == 0)
		r = pluton_digest_finish(pluton, ret_stream, request->digest, request->digest_size);
	if (r < 0)
		drop(pluton, ret_stream, begun);
	return r;
}

int pluton_digest(struct pluton *pluton, const struct pluton_digest_request *request)
{
	struct pluton_request whole = digest_request(request);
	struct pluton_digest_stream stream = {0};
	int r = check_size(pluton, request->algorithm, request->digest_size);

	if (r < 0)
		return r;
	if (stream_is_needless(pluton, request->input, request->length))
		return operation_perform(pluton, &whole, REPEAT_ALWAYS, NULL);
	r = digest_in_pieces(pluton, request, &stream);
	if (r < 0 && stream.connection != 0 && reconnect_since(pluton, stream.connection))
		r = digest_in_pieces(pluton, request, &stream);
	return r;
}

int pluton_digest_async(struct pluton *pluton, const struct pluton_digest_request *request,
			pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {.done = done, .userdata = userdata};
	struct pluton_request whole = digest_request(request);
	int r = check_size(pluton, request->algorithm, request->digest_size);

	return r < 0 ? r : operation_submit(pluton, &whole, &completion, ret_id);
}

/* --- streams --------------------------------------------------------------------------------- */

int pluton_digest_begin(struct pluton *pluton, enum pluton_digest_algorithm algorithm,
			struct pluton_digest_stream *ret)
{
	struct pluton_request request = stream_request(COMMAND_BEGIN, algorithm);
	struct pluton_digest_stream stream = {.algorithm = algorithm};
	int r = check_size(pluton, algorithm, PLUTON_DIGEST_SIZE_MAX);

	if (r == 0)
		r = stream_begin(pluton, &request, &stream.id, &stream.connection);
	if (r == 0)
		*ret = stream;
	return r;
}

int pluton_digest_update(struct pluton *pluton, const struct pluton_digest_stream *stream,
			 const void *input, size_t length)
{
	struct pluton_request request = stream_request(COMMAND_UPDATE, stream->id);

	return stream_take_in(pluton, &request, SLOT_INPUT, input, length, stream->connection);
}

int pluton_digest_update_async(struct pluton *pluton, const struct pluton_digest_stream *stream,
			       const void *input, size_t length, pluton_done_fn done,
			       void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {.done = done, .userdata = userdata};
	struct pluton_request request = stream_request(COMMAND_UPDATE, stream->id);

	request.slots[SLOT_INPUT] = (struct pluton_slot){.in = input, .length = length};
	return stream_submit(pluton, &request, stream->connection, &completion, ret_id);
}

int pluton_digest_finish(struct pluton *pluton, const struct pluton_digest_stream *stream,
			 void *digest, size_t digest_size)
{
	struct pluton_request request = stream_request(COMMAND_FINISH, stream->id);
	int r = check_size(pluton, stream->algorithm, digest_size);

	if (r < 0)
		return r;
	request.slots[SLOT_DIGEST] = (struct pluton_slot){
		.out = digest, .length = pluton_digest_size(stream->algorithm)};
	return stream_perform(pluton, &request, stream->connection);
}

int pluton_digest_abort(struct pluton *pluton, const struct pluton_digest_stream *stream)
{
	struct pluton_request request = stream_request(COMMAND_ABORT, stream->id);

	return stream_perform(pluton, &request, stream->connection);
}
