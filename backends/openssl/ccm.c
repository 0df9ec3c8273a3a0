/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CCM (NIST SP 800-38C) out of CTR and CBC-MAC. OpenSSL's own needs the whole message at once and
 * reads it twice, so a client who changes it in between would get the tag of one message and the
 * ciphertext of another. Here both parts work on the same private piece.
 *
 * The CBC-MAC is an encryption in CBC whose output is thrown away: what it chains with is the MAC.
 */
#include <endian.h>
#include <string.h>

#include "backends/openssl/aes_operation.h"

/* Appendix A.2: what says how long the additional data is, before it. */
#define AAD_PREFIX_MAX 10u
#define AAD_SHORT_END ((1u << 16) - (1u << 8)) /* from here on 2 bytes are too few */

#define SINK_SIZE 1024u /* of ciphertext that nobody wants */

static int absorb(struct aes_operation *op, const uint8_t *buf, size_t len)
{
	uint8_t sink[SINK_SIZE + AES_BLOCK_SIZE];
	ssize_t r = 0;

	op->mac_filled = (op->mac_filled + len) % AES_BLOCK_SIZE;
	while (r >= 0 && len > 0) {
		size_t piece = len < SINK_SIZE ? len : SINK_SIZE;

		r = aes_evp_update(op->mac, sink, buf, piece);
		buf += piece;
		len -= piece;
	}
	explicit_bzero(sink, sizeof(sink));
	return r < 0 ? (int)r : 0;
}

int ccm_close_block(struct aes_operation *op)
{
	static const uint8_t zeros[AES_BLOCK_SIZE];

	return op->mac_filled == 0 ? 0 : absorb(op, zeros, AES_BLOCK_SIZE - op->mac_filled);
}

/* Bytes that the message's length has in the first block, and the counter in the others: q. */
static size_t length_size(const struct aes_request *request)
{
	return 15 - request->iv_size;
}

/* Flags, nonce and, big-endian behind it, a number: appendices A.2.1 and A.3. */
static void format_block(const struct aes_operation *op, uint8_t flags, uint64_t number,
			 uint8_t block[AES_BLOCK_SIZE])
{
	size_t q = length_size(&op->request);

	block[0] = (uint8_t)(flags | (q - 1));
	memcpy(block + 1, op->iv, op->request.iv_size);
	for (size_t i = 0; i < q; i++) {
		block[AES_BLOCK_SIZE - 1 - i] = (uint8_t)number;
		number >>= 8;
	}
}

static int absorb_first_block(struct aes_operation *op)
{
	const struct aes_request *request = &op->request;
	size_t flags = (request->aad_length ? 64 : 0) + 8 * ((request->tag_size - 2) / 2);
	uint8_t block[AES_BLOCK_SIZE];

	format_block(op, (uint8_t)flags, request->length, block);
	return absorb(op, block, sizeof(block));
}

static int absorb_aad_length(struct aes_operation *op)
{
	uint8_t prefix[AAD_PREFIX_MAX] = {0xff, 0xff};
	uint64_t number = htobe64(op->request.aad_length);
	const uint8_t *last = (const uint8_t *)(&number + 1);

	if (op->request.aad_length == 0)
		return 0;
	if (op->request.aad_length < AAD_SHORT_END)
		return absorb(op, last - 2, 2);
	if (op->request.aad_length <= UINT32_MAX) {
		prefix[1] = 0xfe;
		memcpy(prefix + 2, last - 4, 4);
		return absorb(op, prefix, 6);
	}
	memcpy(prefix + 2, last - 8, 8);
	return absorb(op, prefix, 10);
}

/* The key stream's first block masks the tag, the rest is for the data. */
static int begin_ctr(struct aes_operation *op)
{
	static const uint8_t zeros[AES_BLOCK_SIZE];
	uint8_t counter[AES_BLOCK_SIZE];
	int r;

	format_block(op, 0, 0, counter);
	r = aes_evp_begin(op, op->cipher, AES_CIPHER_CTR, true, counter);
	if (r == 0 && aes_evp_update(op->cipher, op->mask, zeros, sizeof(zeros)) < 0)
		r = -PLUTON_EFAIL;
	return r;
}

int ccm_begin(struct aes_operation *op)
{
	static const uint8_t zeros[AES_BLOCK_SIZE];
	int r = begin_ctr(op);

	op->mac_filled = 0;
	if (r == 0)
		r = aes_evp_begin(op, op->mac, AES_CIPHER_CBC, true, zeros);
	if (r == 0)
		r = absorb_first_block(op);
	if (r == 0)
		r = absorb_aad_length(op);
	return r;
}

int ccm_absorb(struct aes_operation *op, const uint8_t *buf, size_t len)
{
	return absorb(op, buf, len);
}

int ccm_update(struct aes_operation *op, uint8_t *out, const uint8_t *in, size_t len)
{
	int r = 0;

	if (op->request.direction == AES_ENCRYPT)
		r = absorb(op, in, len);
	if (r == 0 && aes_evp_update(op->cipher, out, in, len) != (ssize_t)len)
		r = -PLUTON_EFAIL;
	if (r == 0 && op->request.direction == AES_DECRYPT)
		r = absorb(op, out, len);
	return r;
}

int ccm_make_tag(struct aes_operation *op, uint8_t ret_tag[AES_TAG_SIZE])
{
	int r = ccm_close_block(op);

	if (r < 0)
		return r;
	r = aes_evp_chain(op->mac, ret_tag);
	for (size_t i = 0; r == 0 && i < AES_TAG_SIZE; i++)
		ret_tag[i] ^= op->mask[i];
	return r;
}
