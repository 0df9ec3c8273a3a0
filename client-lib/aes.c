/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES. A GCM message is one operation, however long: in pieces its tag would come too late. A long
 * CTR message is several, each with the counter where the one before left it.
 */
#include <pluton/aes.h>

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/connection.h"
#include "client-lib/stream.h"

enum {
	COMMAND_ENCRYPT = 1,
	COMMAND_DECRYPT = 2,
	COMMAND_BEGIN = 3,
	COMMAND_UPDATE = 4,
	COMMAND_FINISH = 5,
	COMMAND_ABORT = 6,
};

enum {
	SLOT_KEY = 0,
	SLOT_IV = 1,
	SLOT_AAD = 2,
	SLOT_INPUT = 3,
	SLOT_OUTPUT = 4,
	SLOT_TAG = 5,
};

/* The commands' name for CTR whose counter has 32 bits; PLUTON_AES_CTR is that with 128. */
#define MODE_CTR32 6u

#define BLOCK_SIZE 16u
#define PIECE_SIZE ((size_t)1 << 20) /* of ordinary memory in one request; whole blocks */
#define SCRATCH_USUAL PIECE_SIZE     /* aead_scratch of plutond.conf(5), if nobody changed it */

static struct pluton_slot in(const void *bytes, size_t length)
{
	return (struct pluton_slot){.in = bytes, .length = length};
}

static struct pluton_slot out(void *bytes, size_t length)
{
	return (struct pluton_slot){.out = bytes, .length = length};
}

static int check_key_size(struct pluton *pluton, size_t size)
{
	if (size == 16 || size == 24 || size == 32)
		return 0;
	return connection_refuse(pluton, -PLUTON_ESIZE, "a key of %zu bytes: AES has 16, 24 and 32",
				 size);
}

/* --- GCM ------------------------------------------------------------------------------------- */

static struct pluton_request gcm_request(uint32_t command,
					 const struct pluton_aes_gcm_request *request)
{
	struct pluton_request whole = {
		.driver = PLUTON_DRIVER_AES,
		.command = command,
		.words[0] = PLUTON_AES_GCM,
	};

	whole.slots[SLOT_KEY] = in(request->key, request->key_size);
	whole.slots[SLOT_IV] = in(request->iv, PLUTON_AES_GCM_IV_SIZE);
	whole.slots[SLOT_AAD] = in(request->aad, request->aad_length);
	whole.slots[SLOT_INPUT] = in(request->input, request->length);
	whole.slots[SLOT_OUTPUT] = out(request->output, request->length);
	whole.slots[SLOT_TAG] = command == COMMAND_ENCRYPT ? out(request->tag, PLUTON_AES_TAG_SIZE)
							   : in(request->tag, PLUTON_AES_TAG_SIZE);
	return whole;
}

/* What -PLUTON_EINVAL means when it is not a refusal. */
static const char *gcm_invalid(uint32_t command)
{
	return command == COMMAND_DECRYPT ? "the tag does not match: a wrong key, IV or AAD, or "
					    "the message was changed"
					  : NULL;
}

static int gcm(struct pluton *pluton, uint32_t command,
	       const struct pluton_aes_gcm_request *request)
{
	struct pluton_request whole = gcm_request(command, request);
	int r = check_key_size(pluton, request->key_size);

	return r < 0 ? r
		     : operation_perform_explained(pluton, &whole, REPEAT_ALWAYS,
						   gcm_invalid(command));
}

static int gcm_async(struct pluton *pluton, uint32_t command,
		     const struct pluton_aes_gcm_request *request, pluton_done_fn done,
		     void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {
		.done = done, .userdata = userdata, .invalid = gcm_invalid(command)};
	struct pluton_request whole = gcm_request(command, request);
	int r = check_key_size(pluton, request->key_size);

	return r < 0 ? r : operation_submit(pluton, &whole, &completion, ret_id);
}

int pluton_aes_gcm_encrypt(struct pluton *pluton, const struct pluton_aes_gcm_request *request)
{
	return gcm(pluton, COMMAND_ENCRYPT, request);
}

/*
 * A message that is longer than the private memory of who decrypts it is read twice, to check and
 * to decrypt, and so must not change in between: a copy of it is sealed.
 */
static int seal(struct pluton *pluton, const struct pluton_aes_gcm_request *request,
		struct pluton_aes_gcm_request *ret_sealed, struct memory_block **ret)
{
	int r = check_key_size(pluton, request->key_size);

	if (r == 0)
		r = memory_take_sealed(pluton, request->input, request->length, ret);
	if (r < 0)
		return r;
	*ret_sealed = *request;
	ret_sealed->input = memory_bytes(*ret);
	return 0;
}

static int decrypt_sealed(struct pluton *pluton, const struct pluton_aes_gcm_request *request)
{
	struct pluton_aes_gcm_request sealed;
	struct memory_block *block;
	int r = reconnect_wait(pluton);

	if (r == 0)
		r = seal(pluton, request, &sealed, &block);
	if (r < 0)
		return r;
	r = gcm(pluton, COMMAND_DECRYPT, &sealed);
	memory_give(pluton, block);
	return r;
}

static bool worth_sealing(const struct pluton_aes_gcm_request *request)
{
	return request->input && request->length > 0;
}

int pluton_aes_gcm_decrypt(struct pluton *pluton, const struct pluton_aes_gcm_request *request)
{
	uint32_t connection = pluton->reconnect.connection;
	int r = -PLUTON_ESIZE;

	if (request->length <= SCRATCH_USUAL)
		r = gcm(pluton, COMMAND_DECRYPT, request);
	if (r != -PLUTON_ESIZE || !worth_sealing(request))
		return r;
	r = decrypt_sealed(pluton, request);
	if (r == -PLUTON_EOFF && reconnect_since(pluton, connection))
		r = decrypt_sealed(pluton, request);
	return r;
}

int pluton_aes_gcm_encrypt_async(struct pluton *pluton,
				 const struct pluton_aes_gcm_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id)
{
	return gcm_async(pluton, COMMAND_ENCRYPT, request, done, userdata, ret_id);
}

/* A decryption of sealed input under way. */
struct decryption {
	struct memory_block *block;
	pluton_done_fn done;
	void *userdata;
};

static void decrypted(struct pluton *pluton, const struct answer *answer, void *userdata)
{
	struct decryption decryption = *(struct decryption *)userdata;

	free(userdata);
	memory_give(pluton, decryption.block);
	if (decryption.done)
		decryption.done(pluton, answer->status, decryption.userdata);
}

static int decrypt_sealed_async(struct pluton *pluton, const struct pluton_aes_gcm_request *request,
				struct decryption *decryption, pluton_operation_id *ret_id)
{
	const struct completion completion = {.told = decrypted,
					      .drop = free,
					      .userdata = decryption,
					      .invalid = gcm_invalid(COMMAND_DECRYPT)};
	struct pluton_aes_gcm_request sealed;
	struct pluton_request whole;
	int r = reconnect_try(pluton);

	if (r == 0)
		r = seal(pluton, request, &sealed, &decryption->block);
	if (r < 0)
		return r;
	whole = gcm_request(COMMAND_DECRYPT, &sealed);
	r = operation_submit(pluton, &whole, &completion, ret_id);
	if (r < 0)
		memory_give(pluton, decryption->block);
	return r;
}

int pluton_aes_gcm_decrypt_async(struct pluton *pluton,
				 const struct pluton_aes_gcm_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id)
{
	struct decryption *decryption;
	int r;

	if (request->length <= SCRATCH_USUAL || !worth_sealing(request))
		return gcm_async(pluton, COMMAND_DECRYPT, request, done, userdata, ret_id);
	decryption = malloc(sizeof(*decryption));
	if (!decryption)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for a decryption");
	*decryption = (struct decryption){.done = done, .userdata = userdata};
	r = decrypt_sealed_async(pluton, request, decryption, ret_id);
	if (r < 0)
		free(decryption);
	return r;
}

/* --- CTR ------------------------------------------------------------------------------------- */

/* The counter block as two big-endian halves; with 32 bits only the end of the second counts. */
struct counter {
	uint64_t high, low;
};

static struct counter counter_get(const uint8_t *block)
{
	uint64_t halves[2];

	memcpy(halves, block, sizeof(halves));
	return (struct counter){be64toh(halves[0]), be64toh(halves[1])};
}

static void counter_put(struct counter counter, uint8_t *block)
{
	const uint64_t halves[2] = {htobe64(counter.high), htobe64(counter.low)};

	memcpy(block, halves, sizeof(halves));
}

static uint64_t counter_mask(unsigned bits)
{
	return bits == 32 ? UINT32_MAX : UINT64_MAX;
}

/* true: `blocks` blocks, of which there is at least one, can be counted without starting over. */
static bool counter_lasts(struct counter counter, unsigned bits, uint64_t blocks)
{
	uint64_t mask = counter_mask(bits);

	if (bits != 32 && counter.high != UINT64_MAX)
		return true;
	return blocks - 1 <= mask - (counter.low & mask);
}

static struct counter counter_advance(struct counter counter, unsigned bits, uint64_t blocks)
{
	uint64_t mask = counter_mask(bits);
	uint64_t low = (counter.low + blocks) & mask;

	if (bits != 32 && low < blocks)
		counter.high++;
	counter.low = (counter.low & ~mask) | low;
	return counter;
}

static uint32_t ctr_mode(unsigned bits)
{
	return bits == 32 ? MODE_CTR32 : PLUTON_AES_CTR;
}

static int check_ctr_bits(struct pluton *pluton, unsigned bits)
{
	if (bits == 32 || bits == 128)
		return 0;
	return connection_refuse(pluton, -PLUTON_EINVAL, "a counter of %u bits: 32 or 128", bits);
}

static struct pluton_request ctr_request(const struct pluton_aes_ctr_request *request)
{
	struct pluton_request whole = {
		.driver = PLUTON_DRIVER_AES,
		.command = COMMAND_ENCRYPT,
		.words[0] = ctr_mode(request->ctr_bits),
	};

	whole.slots[SLOT_KEY] = in(request->key, request->key_size);
	whole.slots[SLOT_IV] = in(request->ctr, BLOCK_SIZE);
	whole.slots[SLOT_INPUT] = in(request->input, request->length);
	whole.slots[SLOT_OUTPUT] = out(request->output, request->length);
	return whole;
}

static int check_ctr(struct pluton *pluton, const struct pluton_aes_ctr_request *request)
{
	uint64_t blocks = request->length / BLOCK_SIZE + (request->length % BLOCK_SIZE != 0);
	int r = check_key_size(pluton, request->key_size);

	if (r == 0)
		r = check_ctr_bits(pluton, request->ctr_bits);
	if (r < 0)
		return r;
	if (!request->ctr)
		return connection_refuse(pluton, -PLUTON_EINVAL, "no counter block");
	if (blocks > 0 && !counter_lasts(counter_get(request->ctr), request->ctr_bits, blocks))
		return connection_refuse(pluton, -PLUTON_ESIZE,
					 "the %u-bit counter would start over within %zu bytes",
					 request->ctr_bits, request->length);
	return 0;
}

/* How much goes into one request: all of it where nothing is copied. */
static size_t ctr_piece(const struct pluton *pluton, const struct pluton_aes_ctr_request *request)
{
	struct pluton_range range;

	if (pluton_range_of(pluton, request->input, request->length, &range) == 0 &&
	    pluton_range_of(pluton, request->output, request->length, &range) == 0)
		return request->length;
	return request->length < PIECE_SIZE ? request->length : PIECE_SIZE;
}

int pluton_aes_ctr(struct pluton *pluton, const struct pluton_aes_ctr_request *request)
{
	struct pluton_aes_ctr_request rest = *request;
	struct pluton_request part;
	uint8_t block[BLOCK_SIZE];
	int r = check_ctr(pluton, request);

	if (r < 0)
		return r;
	memcpy(block, request->ctr, sizeof(block));
	rest.ctr = block;
	do {
		size_t piece = ctr_piece(pluton, &rest);
		size_t left = rest.length - piece;

		rest.length = piece;
		part = ctr_request(&rest);
		r = operation_perform(pluton, &part, REPEAT_ALWAYS, NULL);
		rest.length = left;
		if (left == 0)
			break;
		rest.input = (const uint8_t *)rest.input + piece;
		rest.output = (uint8_t *)rest.output + piece;
		counter_put(counter_advance(counter_get(block), rest.ctr_bits, piece / BLOCK_SIZE),
			    block);
	} while (r == 0);
	return r;
}

int pluton_aes_ctr_async(struct pluton *pluton, const struct pluton_aes_ctr_request *request,
			 pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {.done = done, .userdata = userdata};
	struct pluton_request whole = ctr_request(request);
	int r = check_ctr(pluton, request);

	return r < 0 ? r : operation_submit(pluton, &whole, &completion, ret_id);
}

/* --- streams --------------------------------------------------------------------------------- */

static size_t iv_size(enum pluton_aes_mode mode)
{
	switch (mode) {
	case PLUTON_AES_CBC:
	case PLUTON_AES_CTR:
		return BLOCK_SIZE;
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
	int r = check_key_size(pluton, request->key_size);

	if (r < 0)
		return r;
	if (request->mode == PLUTON_AES_CTR)
		r = check_ctr_bits(pluton, request->ctr_bits);
	else if (request->ctr_bits != 0)
		r = connection_refuse(pluton, -PLUTON_EINVAL, "only CTR has ctr_bits");
	if (r == 0 && request->aad_length > 0 && request->mode != PLUTON_AES_GCM &&
	    request->mode != PLUTON_AES_CCM)
		r = connection_refuse(pluton, -PLUTON_EINVAL, "only GCM and CCM take an aad");
	return r;
}

int pluton_aes_begin(struct pluton *pluton, const struct pluton_aes_begin_request *request,
		     struct pluton_aes_stream *ret)
{
	struct pluton_request begin = {
		.driver = PLUTON_DRIVER_AES,
		.command = COMMAND_BEGIN,
		.words = {request->mode, request->direction},
	};
	struct pluton_aes_stream stream;
	int r = check_begin(pluton, request);

	if (r < 0)
		return r;
	if (request->mode == PLUTON_AES_CTR)
		begin.words[0] = ctr_mode(request->ctr_bits);
	begin.slots[SLOT_KEY] = in(request->key, request->key_size);
	begin.slots[SLOT_IV] = in(request->iv, iv_size(request->mode));
	begin.slots[SLOT_AAD] = in(request->aad, request->aad_length);
	r = stream_begin(pluton, &begin, &stream.id, &stream.connection);
	if (r == 0)
		*ret = stream;
	return r;
}

int pluton_aes_update(struct pluton *pluton, const struct pluton_aes_stream *stream,
		      const void *input, void *output, size_t length)
{
	struct pluton_request request = stream_request(COMMAND_UPDATE, stream);
	const uint8_t *from = input;
	uint8_t *to = output;
	int r = 0;

	while (length > 0 && r == 0) {
		size_t piece = length < PIECE_SIZE ? length : PIECE_SIZE;

		request.slots[SLOT_INPUT] = in(from, piece);
		request.slots[SLOT_OUTPUT] = out(to, piece);
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
	struct pluton_request request = stream_request(COMMAND_UPDATE, stream);

	request.slots[SLOT_INPUT] = in(input, length);
	request.slots[SLOT_OUTPUT] = out(output, length);
	return stream_submit(pluton, &request, stream->connection, &completion, ret_id);
}

int pluton_aes_finish(struct pluton *pluton, const struct pluton_aes_stream *stream, void *tag)
{
	struct pluton_request request = stream_request(COMMAND_FINISH, stream);

	if (tag)
		request.slots[SLOT_TAG] = out(tag, PLUTON_AES_TAG_SIZE);
	return stream_perform(pluton, &request, stream->connection);
}

int pluton_aes_abort(struct pluton *pluton, const struct pluton_aes_stream *stream)
{
	struct pluton_request request = stream_request(COMMAND_ABORT, stream);

	return stream_perform(pluton, &request, stream->connection);
}
