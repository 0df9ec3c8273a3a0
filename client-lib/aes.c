/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES: streams, and what the files of the modes have in common.
 */
#include "client-lib/aes_request.h"
#include "client-lib/stream.h"

int aes_check_key(struct pluton *pluton, const void *key, size_t size, uint32_t key_slot)
{
	if (key_slot != 0)
		return connection_check_slot(pluton, key, size);
	if (size == 16 || size == 24 || size == 32)
		return 0;
	return connection_refuse(pluton, -PLUTON_ESIZE, "a key of %zu bytes: AES has 16, 24 and 32",
				 size);
}

int aes_check_ctr_bits(struct pluton *pluton, unsigned bits)
{
	if (bits == 32 || bits == 128)
		return 0;
	return connection_refuse(pluton, -PLUTON_EINVAL, "a counter of %u bits: 32 or 128", bits);
}

uint32_t aes_ctr_mode(unsigned bits)
{
	return bits == 32 ? AES_MODE_CTR32 : PLUTON_AES_CTR;
}

size_t aes_piece(const struct pluton *pluton, const void *input, const void *output, size_t length)
{
	struct pluton_range range;

	if (pluton_range_of(pluton, input, length, &range) == 0 &&
	    pluton_range_of(pluton, output, length, &range) == 0)
		return length;
	return length < AES_PIECE_SIZE ? length : AES_PIECE_SIZE;
}

/* --- streams --------------------------------------------------------------------------------- */

static size_t iv_size(enum pluton_aes_mode mode)
{
	switch (mode) {
	case PLUTON_AES_CBC:
	case PLUTON_AES_CTR:
		return AES_BLOCK_SIZE;
	case PLUTON_AES_GCM:
		return PLUTON_AES_GCM_IV_SIZE;
	default:
		return 0;
	}
}

static struct pluton_request stream_request(uint32_t command,
					    const struct pluton_aes_stream *stream)
{
	return (struct pluton_request){
		.driver = PLUTON_DRIVER_AES,
		.command = command,
		.words[0] = stream->id,
	};
}

/* The daemon ignores what a mode has no use for; here it is a mistake. */
static int check_begin(struct pluton *pluton, const struct pluton_aes_begin_request *request)
{
	int r = aes_check_key(pluton, request->key, request->key_size, request->key_slot);

	if (r < 0)
		return r;
	if (request->mode == PLUTON_AES_CCM)
		return connection_refuse(pluton, -PLUTON_ENOSUPPORT,
					 "CCM in pieces: its first block says how long the message "
					 "is");
	if (request->mode == PLUTON_AES_CTR)
		r = aes_check_ctr_bits(pluton, request->ctr_bits);
	else if (request->ctr_bits != 0)
		r = connection_refuse(pluton, -PLUTON_EINVAL, "only CTR has ctr_bits");
	if (r == 0 && request->aad_length > 0 && request->mode != PLUTON_AES_GCM)
		r = connection_refuse(pluton, -PLUTON_EINVAL, "only GCM takes an aad");
	return r;
}

int pluton_aes_begin(struct pluton *pluton, const struct pluton_aes_begin_request *request,
		     struct pluton_aes_stream *ret)
{
	struct pluton_request begin = {
		.driver = PLUTON_DRIVER_AES,
		.command = AES_COMMAND_BEGIN,
		.words = {request->mode, request->direction},
	};
	struct pluton_aes_stream stream;
	int r = check_begin(pluton, request);

	if (r < 0)
		return r;
	if (request->mode == PLUTON_AES_CTR)
		begin.words[0] = aes_ctr_mode(request->ctr_bits);
	if (request->key_slot != 0) {
		begin.command = request->direction == PLUTON_AES_ENCRYPT
					? AES_COMMAND_BEGIN_ENCRYPT
					: AES_COMMAND_BEGIN_DECRYPT;
		begin.words[1] = request->key_slot;
	}
	begin.slots[AES_SLOT_KEY] = aes_in(request->key, request->key_size);
	begin.slots[AES_SLOT_IV] = aes_in(request->iv, iv_size(request->mode));
	begin.slots[AES_SLOT_AAD] = aes_in(request->aad, request->aad_length);
	r = stream_begin(pluton, &begin, &stream.id, &stream.connection);
	if (r == 0)
		*ret = stream;
	return r;
}

int pluton_aes_update(struct pluton *pluton, const struct pluton_aes_stream *stream,
		      const void *input, void *output, size_t length)
{
	struct pluton_request request = stream_request(AES_COMMAND_UPDATE, stream);
	const uint8_t *from = input;
	uint8_t *to = output;
	int r = 0;

	while (length > 0 && r == 0) {
		size_t piece = length < AES_PIECE_SIZE ? length : AES_PIECE_SIZE;

		request.slots[AES_SLOT_INPUT] = aes_in(from, piece);
		request.slots[AES_SLOT_OUTPUT] = aes_out(to, piece);
		r = stream_perform(pluton, &request, stream->connection);
		from += piece;
		to += piece;
		length -= piece;
	}
	return r;
}

int pluton_aes_update_async(struct pluton *pluton, const struct pluton_aes_stream *stream,
			    const void *input, void *output, size_t length, pluton_done_fn done,
			    void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {.done = done, .userdata = userdata};
	struct pluton_request request = stream_request(AES_COMMAND_UPDATE, stream);

	request.slots[AES_SLOT_INPUT] = aes_in(input, length);
	request.slots[AES_SLOT_OUTPUT] = aes_out(output, length);
	return stream_submit(pluton, &request, stream->connection, &completion, ret_id);
}

int pluton_aes_finish(struct pluton *pluton, const struct pluton_aes_stream *stream, void *tag)
{
	struct pluton_request request = stream_request(AES_COMMAND_FINISH, stream);

	if (tag)
		request.slots[AES_SLOT_TAG] = aes_out(tag, PLUTON_AES_TAG_SIZE);
	return stream_perform(pluton, &request, stream->connection);
}

int pluton_aes_abort(struct pluton *pluton, const struct pluton_aes_stream *stream)
{
	struct pluton_request request = stream_request(AES_COMMAND_ABORT, stream);

	return stream_perform(pluton, &request, stream->connection);
}
