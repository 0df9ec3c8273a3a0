/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-CTR. A long message is several operations, each with the counter where the one before left
 * it.
 */
#include <endian.h>
#include <string.h>

#include "client-lib/aes_request.h"

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

static struct pluton_request ctr_request(const struct pluton_aes_ctr_request *request)
{
	struct pluton_request whole = {
		.driver = PLUTON_DRIVER_AES,
		.command = AES_COMMAND_ENCRYPT,
		.words = {aes_ctr_mode(request->ctr_bits), request->key_slot},
	};

	whole.slots[AES_SLOT_KEY] = aes_in(request->key, request->key_size);
	whole.slots[AES_SLOT_IV] = aes_in(request->ctr, AES_BLOCK_SIZE);
	whole.slots[AES_SLOT_INPUT] = aes_in(request->input, request->length);
	whole.slots[AES_SLOT_OUTPUT] = aes_out(request->output, request->length);
	return whole;
}

static int check_ctr(struct pluton *pluton, const struct pluton_aes_ctr_request *request)
{
	uint64_t blocks =
		request->length / AES_BLOCK_SIZE + (request->length % AES_BLOCK_SIZE != 0);
	int r = aes_check_key(pluton, request->key, request->key_size, request->key_slot);

	if (r == 0)
		r = aes_check_ctr_bits(pluton, request->ctr_bits);
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

int pluton_aes_ctr(struct pluton *pluton, const struct pluton_aes_ctr_request *request)
{
	struct pluton_aes_ctr_request rest = *request;
	struct pluton_request part;
	uint8_t block[AES_BLOCK_SIZE];
	int r = check_ctr(pluton, request);

	if (r < 0)
		return r;
	memcpy(block, request->ctr, sizeof(block));
	rest.ctr = block;
	do {
		size_t piece = aes_piece(pluton, rest.input, rest.output, rest.length);
		size_t left = rest.length - piece;

		rest.length = piece;
		part = ctr_request(&rest);
		r = operation_perform(pluton, &part, REPEAT_ALWAYS, NULL);
		rest.length = left;
		if (left == 0)
			break;
		rest.input = (const uint8_t *)rest.input + piece;
		rest.output = (uint8_t *)rest.output + piece;
		counter_put(
			counter_advance(counter_get(block), rest.ctr_bits, piece / AES_BLOCK_SIZE),
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
