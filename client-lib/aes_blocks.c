/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-ECB and AES-CBC. A long message is several operations; in CBC each begins with the last block
 * of ciphertext of the one before.
 */
#include <string.h>

#include "client-lib/aes_request.h"

/* A request of either mode; in ECB there is no iv. */
struct message {
	enum pluton_aes_mode mode;
	enum aes_command command;
	const void *key;
	size_t key_size;
	uint32_t key_slot;
	const void *iv;
	const uint8_t *input;
	uint8_t *output;
	size_t length;
};

static struct message cbc_message(enum aes_command command,
				  const struct pluton_aes_cbc_request *request)
{
	return (struct message){
		.mode = PLUTON_AES_CBC,
		.command = command,
		.key = request->key,
		.key_size = request->key_size,
		.key_slot = request->key_slot,
		.iv = request->iv,
		.input = request->input,
		.output = request->output,
		.length = request->length,
	};
}

static struct message ecb_message(enum aes_command command,
				  const struct pluton_aes_ecb_request *request)
{
	return (struct message){
		.mode = PLUTON_AES_ECB,
		.command = command,
		.key = request->key,
		.key_size = request->key_size,
		.key_slot = request->key_slot,
		.input = request->input,
		.output = request->output,
		.length = request->length,
	};
}

static struct pluton_request request_of(const struct message *message)
{
	struct pluton_request request = {
		.driver = PLUTON_DRIVER_AES,
		.command = message->command,
		.words = {message->mode, message->key_slot},
	};

	request.slots[AES_SLOT_KEY] = aes_in(message->key, message->key_size);
	if (message->mode == PLUTON_AES_CBC)
		request.slots[AES_SLOT_IV] = aes_in(message->iv, AES_BLOCK_SIZE);
	request.slots[AES_SLOT_INPUT] = aes_in(message->input, message->length);
	request.slots[AES_SLOT_OUTPUT] = aes_out(message->output, message->length);
	return request;
}

static int check(struct pluton *pluton, const struct message *message)
{
	int r = aes_check_key(pluton, message->key, message->key_size, message->key_slot);

	if (r < 0)
		return r;
	if (message->mode == PLUTON_AES_CBC && !message->iv)
		return connection_refuse(pluton, -PLUTON_EINVAL, "no iv");
	if (message->length % AES_BLOCK_SIZE != 0)
		return connection_refuse(pluton, -PLUTON_ESIZE,
					 "a message of %zu bytes: %s takes whole blocks of 16",
					 message->length,
					 message->mode == PLUTON_AES_CBC ? "CBC" : "ECB");
	return 0;
}

static const uint8_t *last_block(const struct message *piece)
{
	const uint8_t *ciphertext =
		piece->command == AES_COMMAND_ENCRYPT ? piece->output : piece->input;

	return ciphertext + piece->length - AES_BLOCK_SIZE;
}

static int perform(struct pluton *pluton, const struct message *message)
{
	struct message piece = *message;
	uint8_t chain[AES_BLOCK_SIZE];
	size_t left = message->length;
	int r = check(pluton, message);

	if (r < 0)
		return r;
	do {
		struct pluton_request request;

		piece.length = aes_piece(pluton, piece.input, piece.output, left);
		request = request_of(&piece);
		r = operation_perform(pluton, &request, REPEAT_ALWAYS, NULL);
		left -= piece.length;
		if (r < 0 || left == 0)
			break;
		memcpy(chain, last_block(&piece), sizeof(chain));
		piece.iv = chain;
		piece.input += piece.length;
		piece.output += piece.length;
	} while (true);
	return r;
}

static int submit(struct pluton *pluton, const struct message *message, pluton_done_fn done,
		  void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {.done = done, .userdata = userdata};
	struct pluton_request request = request_of(message);
	int r = check(pluton, message);

	return r < 0 ? r : operation_submit(pluton, &request, &completion, ret_id);
}

int pluton_aes_cbc_encrypt(struct pluton *pluton, const struct pluton_aes_cbc_request *request)
{
	const struct message message = cbc_message(AES_COMMAND_ENCRYPT, request);

	return perform(pluton, &message);
}

int pluton_aes_cbc_decrypt(struct pluton *pluton, const struct pluton_aes_cbc_request *request)
{
	const struct message message = cbc_message(AES_COMMAND_DECRYPT, request);

	return perform(pluton, &message);
}

int pluton_aes_ecb_encrypt(struct pluton *pluton, const struct pluton_aes_ecb_request *request)
{
	const struct message message = ecb_message(AES_COMMAND_ENCRYPT, request);

	return perform(pluton, &message);
}

int pluton_aes_ecb_decrypt(struct pluton *pluton, const struct pluton_aes_ecb_request *request)
{
	const struct message message = ecb_message(AES_COMMAND_DECRYPT, request);

	return perform(pluton, &message);
}

int pluton_aes_cbc_encrypt_async(struct pluton *pluton,
				 const struct pluton_aes_cbc_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id)
{
	const struct message message = cbc_message(AES_COMMAND_ENCRYPT, request);

	return submit(pluton, &message, done, userdata, ret_id);
}

int pluton_aes_cbc_decrypt_async(struct pluton *pluton,
				 const struct pluton_aes_cbc_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id)
{
	const struct message message = cbc_message(AES_COMMAND_DECRYPT, request);

	return submit(pluton, &message, done, userdata, ret_id);
}

int pluton_aes_ecb_encrypt_async(struct pluton *pluton,
				 const struct pluton_aes_ecb_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id)
{
	const struct message message = ecb_message(AES_COMMAND_ENCRYPT, request);

	return submit(pluton, &message, done, userdata, ret_id);
}

int pluton_aes_ecb_decrypt_async(struct pluton *pluton,
				 const struct pluton_aes_ecb_request *request, pluton_done_fn done,
				 void *userdata, pluton_operation_id *ret_id)
{
	const struct message message = ecb_message(AES_COMMAND_DECRYPT, request);

	return submit(pluton, &message, done, userdata, ret_id);
}
