/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each mode is to OpenSSL. CCM is put together in ccm.c.
 */
#include <openssl/crypto.h>
#include <string.h>

#include "backends/openssl/aes_operation.h"
#include "backends/openssl/failure.h"

int aes_begin(struct aes_operation *op)
{
	bool encrypt = op->request.direction == AES_ENCRYPT;

	switch (op->request.mode) {
	case AES_ECB:
		return aes_evp_begin(op, op->cipher, AES_CIPHER_ECB, encrypt, NULL);
	case AES_CBC:
		return aes_evp_begin(op, op->cipher, AES_CIPHER_CBC, encrypt, op->iv);
	case AES_CTR:
		return aes_evp_begin(op, op->cipher, AES_CIPHER_CTR, true, op->ctr.block);
	case AES_GCM:
		return aes_evp_begin(op, op->cipher, AES_CIPHER_GCM, encrypt, op->iv);
	case AES_CCM:
		return ccm_begin(op);
	default:
		return -PLUTON_ENOSUPPORT;
	}
}

static bool is_block_mode(const struct aes_operation *op)
{
	return op->request.mode == AES_ECB || op->request.mode == AES_CBC;
}

/* CCM's second pass is for the plaintext alone, whose tag was checked in the first. */
static bool is_unverified_ccm(const struct aes_operation *op)
{
	return op->request.mode == AES_CCM && !op->verified;
}

bool aes_needs_private_memory(const struct aes_operation *op)
{
	return is_block_mode(op) || is_unverified_ccm(op);
}

size_t aes_cost(const struct aes_operation *op, size_t len)
{
	bool chains = op->request.mode == AES_CBC && op->request.direction == AES_ENCRYPT;

	return chains || is_unverified_ccm(op) ? 4 * len : len;
}

int aes_update(struct aes_operation *op, uint8_t *out, const uint8_t *in, size_t len)
{
	if (is_unverified_ccm(op))
		return ccm_update(op, out, in, len);
	return aes_evp_update(op->cipher, out, in, len) == (ssize_t)len ? 0 : -PLUTON_EFAIL;
}

ssize_t aes_transform(struct aes_operation *op, uint8_t *out, const uint8_t *in, size_t len)
{
	int r;

	if (is_block_mode(op))
		return aes_evp_update(op->cipher, out, in, len);
	r = aes_update(op, out, in, len);
	return r < 0 ? r : (ssize_t)len;
}

int aes_authenticate(struct aes_operation *op, const uint8_t *aad, size_t len)
{
	if (op->request.mode == AES_CCM)
		return ccm_absorb(op, aad, len);
	return aes_update(op, NULL, aad, len);
}

int aes_end_of_aad(struct aes_operation *op)
{
	return op->request.mode == AES_CCM ? ccm_close_block(op) : 0;
}

/* --- tags ------------------------------------------------------------------------------------- */

static int make_gcm_tag(struct aes_operation *op)
{
	uint8_t nothing[AES_BLOCK_SIZE];
	int len = 0;

	if (EVP_EncryptFinal_ex(op->cipher, nothing, &len) == 1 &&
	    EVP_CIPHER_CTX_ctrl(op->cipher, EVP_CTRL_AEAD_GET_TAG, AES_TAG_SIZE, op->tag) == 1)
		return 0;
	return crypto_failed(-PLUTON_EFAIL);
}

int aes_make_tag(struct aes_operation *op)
{
	return op->request.mode == AES_CCM ? ccm_make_tag(op, op->tag) : make_gcm_tag(op);
}

static int check_gcm_tag(struct aes_operation *op)
{
	uint8_t nothing[AES_BLOCK_SIZE];
	int len = 0;

	crypto_forget_failures();
	if (EVP_CIPHER_CTX_ctrl(op->cipher, EVP_CTRL_AEAD_SET_TAG, AES_TAG_SIZE, op->tag) != 1)
		return crypto_failed(-PLUTON_EFAIL);
	if (EVP_DecryptFinal_ex(op->cipher, nothing, &len) != 1)
		return crypto_failed(-PLUTON_EINVAL);
	return 0;
}

static int check_ccm_tag(struct aes_operation *op)
{
	uint8_t tag[AES_TAG_SIZE];
	int r = ccm_make_tag(op, tag);

	if (r == 0 && CRYPTO_memcmp(tag, op->tag, op->request.tag_size) != 0)
		r = -PLUTON_EINVAL;
	explicit_bzero(tag, sizeof(tag));
	return r;
}

int aes_check_tag(struct aes_operation *op)
{
	return op->request.mode == AES_CCM ? check_ccm_tag(op) : check_gcm_tag(op);
}
