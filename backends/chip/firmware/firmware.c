/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions, sequence numbers and the answer that is kept. The rule a newcomer would break first: a
 * command is executed when its number follows the last one, answered again when it is the last one,
 * and not heard otherwise. So nothing runs twice.
 */
#include "backends/chip/firmware/firmware.h"

#include <string.h>

#include "backends/chip/firmware/wipe.h"
#include "pluton/error.h"

#define LENGTH_MAX (1u << 20)
#define STACK_MAX 1024u /* more than anything below take_frame needs */

void firmware_reset(struct firmware *firmware, const uint8_t boot[WIRE_NONCE_SIZE])
{
	firmware_wipe(firmware, sizeof(*firmware));
	memcpy(firmware->boot, boot, WIRE_NONCE_SIZE);
}

static void forget_all(struct firmware *firmware)
{
	firmware_wipe(&firmware->digest, sizeof(firmware->digest));
	firmware_wipe(&firmware->aes, sizeof(firmware->aes));
}

/* --- answers --------------------------------------------------------------------------------- */

static size_t notify(struct firmware *firmware, uint8_t type, uint16_t sequence,
		     const uint8_t **ret_octets)
{
	const struct frame frame = {.type = type,
				    .sequence = sequence,
				    .length = WIRE_NONCE_SIZE,
				    .data = firmware->boot};

	*ret_octets = firmware->notice;
	return frame_encode(&frame, firmware->notice);
}

static size_t answer_again(struct firmware *firmware, const uint8_t **ret_octets)
{
	*ret_octets = firmware->stored;
	return firmware->stored_length;
}

/* From here on this is the last command, and this its answer. */
static size_t answer(struct firmware *firmware, const struct frame *command,
		     const uint8_t **ret_octets)
{
	struct answer *made = &firmware->answer;
	const struct frame frame = {
		.type = command->type | WIRE_ANSWER,
		.unit = command->unit,
		.item = command->item,
		.status = made->status,
		.sequence = command->sequence,
		.length = made->length,
		.data = made->data,
	};

	firmware->sequence = command->sequence;
	firmware_wipe(firmware->stored, sizeof(firmware->stored));
	firmware->stored_length = frame_encode(&frame, firmware->stored);
	firmware_wipe(made, sizeof(*made));
	return answer_again(firmware, ret_octets);
}

size_t firmware_wait(struct firmware *firmware, const uint8_t **ret_octets)
{
	return notify(firmware, WIRE_WAIT, firmware->sequence, ret_octets);
}

/* --- sessions -------------------------------------------------------------------------------- */

static void tell_capabilities(const struct firmware *firmware, struct answer *made)
{
	uint8_t *data = made->data;

	memcpy(data, WIRE_MAGIC, WIRE_MAGIC_SIZE);
	data[WIRE_CAPS_VERSION] = WIRE_VERSION;
	frame_put16(data + WIRE_CAPS_BUFFER, FRAME_DATA_MAX);
	memcpy(data + WIRE_CAPS_SESSION, firmware->session, WIRE_NONCE_SIZE);
	memcpy(data + WIRE_CAPS_BOOT, firmware->boot, WIRE_NONCE_SIZE);
	frame_put32(data + WIRE_CAPS_DIGESTS, 1u << WIRE_SHA256);
	frame_put32(data + WIRE_CAPS_AES_MODES, 1u << WIRE_AES_CTR | 1u << WIRE_AES_GCM);
	frame_put32(data + WIRE_CAPS_AES_STREAMS, 1u << WIRE_AES_CTR | 1u << WIRE_AES_GCM);
	frame_put32(data + WIRE_CAPS_AES_KEYS, 1u << 2 | 1u << 3 | 1u << 4);
	frame_put32(data + WIRE_CAPS_LENGTH_MAX, LENGTH_MAX);
	frame_put32(data + WIRE_CAPS_AAD_MAX, LENGTH_MAX);
	frame_put16(data + WIRE_CAPS_DIGEST_STATE, sizeof(struct digest_state));
	frame_put16(data + WIRE_CAPS_AES_STATE, sizeof(struct aes_state));
	made->length = WIRE_CAPS_SIZE;
}

static bool is_hello(const struct frame *command)
{
	return command->length >= WIRE_HELLO_SIZE &&
	       memcmp(command->data, WIRE_MAGIC, WIRE_MAGIC_SIZE) == 0;
}

static bool is_session(const struct firmware *firmware, const uint8_t *nonce)
{
	return firmware->greeted && memcmp(firmware->session, nonce, WIRE_NONCE_SIZE) == 0;
}

/* A HELLO of this very session that was on its way for long must not end what runs in it. */
static size_t hello(struct firmware *firmware, const struct frame *command,
		    const uint8_t **ret_octets)
{
	const uint8_t *data = command->data;

	if (!is_hello(command))
		return 0;
	if (is_session(firmware, data + WIRE_HELLO_SESSION))
		return command->sequence == firmware->sequence ? answer_again(firmware, ret_octets)
							       : 0;
	forget_all(firmware);
	memcpy(firmware->session, data + WIRE_HELLO_SESSION, WIRE_NONCE_SIZE);
	tell_capabilities(firmware, &firmware->answer);
	firmware->greeted = data[WIRE_HELLO_VERSION_MIN] <= WIRE_VERSION &&
			    data[WIRE_HELLO_VERSION_MAX] >= WIRE_VERSION;
	firmware->answer.status = firmware->greeted ? 0 : PLUTON_ENOSUPPORT;
	return answer(firmware, command, ret_octets);
}

/* --- commands -------------------------------------------------------------------------------- */

static size_t resync(struct firmware *firmware, const struct frame *command,
		     const uint8_t **ret_octets)
{
	if (command->length != WIRE_NONCE_SIZE || !is_session(firmware, command->data))
		return notify(firmware, WIRE_STRANGER, command->sequence, ret_octets);
	forget_all(firmware);
	memcpy(firmware->answer.data, firmware->boot, WIRE_NONCE_SIZE);
	firmware->answer.length = WIRE_NONCE_SIZE;
	return answer(firmware, command, ret_octets);
}

static void abort_unit(struct firmware *firmware, uint8_t unit)
{
	if (unit == WIRE_UNIT_DIGEST)
		firmware_wipe(&firmware->digest, sizeof(firmware->digest));
	else if (unit == WIRE_UNIT_AES)
		firmware_wipe(&firmware->aes, sizeof(firmware->aes));
	else
		firmware->answer.status = PLUTON_ENODEVICE;
}

static void execute(struct firmware *firmware, const struct frame *command)
{
	firmware->executed++;
	if (command->type == WIRE_ABORT)
		abort_unit(firmware, command->unit);
	else if (command->unit == WIRE_UNIT_DIGEST)
		digest_unit_take(&firmware->digest, command, &firmware->answer);
	else if (command->unit == WIRE_UNIT_AES)
		aes_unit_take(&firmware->aes, command, &firmware->answer);
	else
		firmware->answer.status = PLUTON_ENODEVICE;
}

static size_t take_frame(struct firmware *firmware, const struct frame *command,
			 const uint8_t **ret_octets)
{
	if (command->type & WIRE_ANSWER || command->type == WIRE_WAIT ||
	    command->type == WIRE_STRANGER)
		return 0; /* an echo of what we said ourselves */
	if (command->type == WIRE_HELLO)
		return hello(firmware, command, ret_octets);
	if (!firmware->greeted)
		return notify(firmware, WIRE_STRANGER, command->sequence, ret_octets);
	if (command->sequence == firmware->sequence)
		return answer_again(firmware, ret_octets);
	if (command->type == WIRE_RESYNC)
		return resync(firmware, command, ret_octets);
	if (command->sequence != (uint16_t)(firmware->sequence + 1))
		return 0;
	execute(firmware, command);
	return answer(firmware, command, ret_octets);
}

/* Keys and messages went through the stack: rounds of AES, SHA-256's schedule. */
static __attribute__((noinline)) void wipe_stack(void)
{
	uint8_t octets[STACK_MAX];

	firmware_wipe(octets, sizeof(octets));
}

size_t firmware_take(struct firmware *firmware, uint8_t octet, const uint8_t **ret_octets)
{
	struct frame command;
	size_t length;

	if (!frame_parse(&firmware->parser, octet, &command))
		return 0;
	length = take_frame(firmware, &command, ret_octets);
	wipe_stack();
	firmware_wipe(firmware->parser.octets, sizeof(firmware->parser.octets));
	return length;
}
