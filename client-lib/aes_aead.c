/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-GCM and AES-CCM. A message is one operation, however long: in pieces its tag would come too
 * late.
 */
#include <stdlib.h>
#include <string.h>

#include "client-lib/aes_request.h"

#define SCRATCH_USUAL AES_PIECE_SIZE /* aead_scratch of plutond.conf(5), if nobody changed it */

/* A request of either mode. */
struct message {
	enum pluton_aes_mode mode;
	const void *key;
	size_t key_size;
	uint32_t key_slot;
	void *ret_iv; /* in place of iv, where the daemon makes it */
	const void *iv;
	size_t iv_size;
	const void *aad;
	size_t aad_length;
	const void *input;
	void *output;
	size_t length;
	void *tag;
	size_t tag_size;
};

static struct message gcm_message(const struct pluton_aes_gcm_request *request)
{
	return (struct message){
		.mode = PLUTON_AES_GCM,
		.key = request->key,
		.key_size = request->key_size,
		.key_slot = request->key_slot,
		.iv = request->iv,
		.iv_size = PLUTON_AES_GCM_IV_SIZE,
		.aad = request->aad,
		.aad_length = request->aad_length,
		.input = request->input,
		.output = request->output,
		.length = request->length,
		.tag = request->tag,
		.tag_size = PLUTON_AES_TAG_SIZE,
	};
}

static struct message ccm_message(const struct pluton_aes_ccm_request *request)
{
	return (struct message){
		.mode = PLUTON_AES_CCM,
		.key = request->key,
		.key_size = request->key_size,
		.key_slot = request->key_slot,
		.iv = request->nonce,
		.iv_size = request->nonce_size,
		.aad = request->aad,
		.aad_length = request->aad_length,
		.input = request->input,
		.output = request->output,
		.length = request->length,
		.tag = request->tag,
		.tag_size = request->tag_size,
	};
}

static struct pluton_request request_of(uint32_t command, const struct message *message)
{
	struct pluton_request request = {
		.driver = PLUTON_DRIVER_AES,
		.command = command,
		.words = {message->mode, message->key_slot},
	};

	request.slots[AES_SLOT_KEY] = aes_in(message->key, message->key_size);
	request.slots[AES_SLOT_IV] = command == AES_COMMAND_ENCRYPT_FRESH
					     ? aes_out(message->ret_iv, message->iv_size)
					     : aes_in(message->iv, message->iv_size);
	request.slots[AES_SLOT_AAD] = aes_in(message->aad, message->aad_length);
	request.slots[AES_SLOT_INPUT] = aes_in(message->input, message->length);
	request.slots[AES_SLOT_OUTPUT] = aes_out(message->output, message->length);
	request.slots[AES_SLOT_TAG] = command == AES_COMMAND_DECRYPT
					      ? aes_in(message->tag, message->tag_size)
					      : aes_out(message->tag, message->tag_size);
	return request;
}

/* What -PLUTON_EINVAL means when it is not a refusal. */
static const char *invalid(uint32_t command)
{
	return command == AES_COMMAND_DECRYPT ? "the tag does not match: a wrong key, IV or AAD, "
						"or the message was changed"
					      : NULL;
}

static int check(struct pluton *pluton, uint32_t command, const struct message *message)
{
	int r = aes_check_key(pluton, message->key, message->key_size, message->key_slot);

	if (r == 0 && command == AES_COMMAND_ENCRYPT_FRESH && (message->iv || !message->ret_iv))
		r = connection_refuse(pluton, -PLUTON_EINVAL,
				      message->iv ? "an iv, where one is to be made"
						  : "nowhere to put the iv");
	return r;
}

static int perform(struct pluton *pluton, uint32_t command, const struct message *message)
{
	struct pluton_request request = request_of(command, message);
	int r = check(pluton, command, message);

	return r < 0 ? r
		     : operation_perform_explained(pluton, &request, REPEAT_ALWAYS,
						   invalid(command));
}

static int submit(struct pluton *pluton, uint32_t command, const struct message *message,
		  pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {
		.done = done, .userdata = userdata, .invalid = invalid(command)};
	struct pluton_request request = request_of(command, message);
	int r = check(pluton, command, message);

	return r < 0 ? r : operation_submit(pluton, &request, &completion, ret_id);
}

/* --- decryption of what is longer than the scratch -------------------------------------------- */

/*
 * A message that is longer than the private memory of who decrypts it is read twice, to check and
 * to decrypt, and so must not change in between: a copy of it is sealed.
 */
static int seal(struct pluton *pluton, const struct message *message, struct message *ret_sealed,
		struct memory_block **ret)
{
	int r = check(pluton, AES_COMMAND_DECRYPT, message);

	if (r == 0)
		r = memory_take_sealed(pluton, message->input, message->length, ret);
	if (r < 0)
		return r;
	*ret_sealed = *message;
	ret_sealed->input = memory_bytes(*ret);
	return 0;
}

static int decrypt_sealed(struct pluton *pluton, const struct message *message)
{
	struct memory_block *block;
	struct message sealed;
	int r = reconnect_wait(pluton);

	if (r == 0)
		r = seal(pluton, message, &sealed, &block);
	if (r < 0)
		return r;
	r = perform(pluton, AES_COMMAND_DECRYPT, &sealed);
	memory_give(pluton, block);
	return r;
}

static bool worth_sealing(const struct message *message)
{
	return message->input && message->length > 0;
}

static int decrypt(struct pluton *pluton, const struct message *message)
{
	uint32_t connection = pluton->reconnect.connection;
	int r = -PLUTON_ESIZE;

	if (message->length <= SCRATCH_USUAL)
		r = perform(pluton, AES_COMMAND_DECRYPT, message);
	if (r != -PLUTON_ESIZE || !worth_sealing(message))
		return r;
	r = decrypt_sealed(pluton, message);
	if (r == -PLUTON_EOFF && reconnect_since(pluton, connection))
		r = decrypt_sealed(pluton, message);
	return r;
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

static int submit_sealed(struct pluton *pluton, const struct message *message,
			 struct decryption *decryption, pluton_operation_id *ret_id)
{
	const struct completion completion = {.told = decrypted,
					      .drop = free,
					      .userdata = decryption,
					      .invalid = invalid(AES_COMMAND_DECRYPT)};
	struct pluton_request request;
	struct message sealed;
	int r = reconnect_try(pluton);

	if (r == 0)
		r = seal(pluton, message, &sealed, &decryption->block);
	if (r < 0)
		return r;
	request = request_of(AES_COMMAND_DECRYPT, &sealed);
	r = operation_submit(pluton, &request, &completion, ret_id);
	if (r < 0)
		memory_give(pluton, decryption->block);
	return r;
}

static int decrypt_async(struct pluton *pluton, const struct message *message, pluton_done_fn done,
			 void *userdata, pluton_operation_id *ret_id)
{
	struct decryption *decryption;
	int r;

	if (message->length <= SCRATCH_USUAL || !worth_sealing(message))
		return submit(pluton, AES_COMMAND_DECRYPT, message, done, userdata, ret_id);
	decryption = malloc(sizeof(*decryption));
	if (!decryption)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for a decryption");
	*decryption = (struct decryption){.done = done, .userdata = userdata};
	r = submit_sealed(pluton, message, decryption, ret_id);
	if (r < 0)
		free(decryption);
	return r;
}

/* --- GCM ------------------------------------------------------------------------------------- */

int pluton_aes_gcm_encrypt(struct pluton *pluton, const struct pluton_aes_gcm_request *request)
{
	const struct message message = gcm_message(request);

	return perform(pluton, AES_COMMAND_ENCRYPT, &message);
}

int pluton_aes_gcm_decrypt(struct pluton *pluton, const struct pluton_aes_gcm_request *request)
{
	const struct message message = gcm_message(request);

	return decrypt(pluton, &message);
}

int pluton_aes_gcm_encrypt_async(struct pluton *pluton,
				 const struct pluton_aes_gcm_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id)
{
	const struct message message = gcm_message(request);

	return submit(pluton, AES_COMMAND_ENCRYPT, &message, done, userdata, ret_id);
}

int pluton_aes_gcm_decrypt_async(struct pluton *pluton,
				 const struct pluton_aes_gcm_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id)
{
	const struct message message = gcm_message(request);

	return decrypt_async(pluton, &message, done, userdata, ret_id);
}

int pluton_aes_gcm_encrypt_fresh(struct pluton *pluton,
				 const struct pluton_aes_gcm_request *request, void *ret_iv)
{
	struct message message = gcm_message(request);

	message.ret_iv = ret_iv;
	return perform(pluton, AES_COMMAND_ENCRYPT_FRESH, &message);
}

int pluton_aes_gcm_encrypt_fresh_async(struct pluton *pluton,
				       const struct pluton_aes_gcm_request *request, void *ret_iv,
				       pluton_done_fn done, void *userdata,
				       pluton_operation_id *ret_id)
{
	struct message message = gcm_message(request);

	message.ret_iv = ret_iv;
	return submit(pluton, AES_COMMAND_ENCRYPT_FRESH, &message, done, userdata, ret_id);
}

/* --- CCM ------------------------------------------------------------------------------------- */

int pluton_aes_ccm_encrypt(struct pluton *pluton, const struct pluton_aes_ccm_request *request)
{
	const struct message message = ccm_message(request);

	return perform(pluton, AES_COMMAND_ENCRYPT, &message);
}

int pluton_aes_ccm_decrypt(struct pluton *pluton, const struct pluton_aes_ccm_request *request)
{
	const struct message message = ccm_message(request);

	return decrypt(pluton, &message);
}

int pluton_aes_ccm_encrypt_async(struct pluton *pluton,
				 const struct pluton_aes_ccm_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id)
{
	const struct message message = ccm_message(request);

	return submit(pluton, AES_COMMAND_ENCRYPT, &message, done, userdata, ret_id);
}

int pluton_aes_ccm_decrypt_async(struct pluton *pluton,
				 const struct pluton_aes_ccm_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id)
{
	const struct message message = ccm_message(request);

	return decrypt_async(pluton, &message, done, userdata, ret_id);
}
