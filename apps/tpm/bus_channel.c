/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bus client's side of its channel: client-lib/tpm_channel.h from the far end. The first to be
 * sent are HELLO and ATTACH; then one command after the other, and beside it what need not wait.
 *
 * The rule a newcomer would break first: a number is used by a command that was answered with a
 * response; an error has used none.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apps/tpm/bus_state.h"

#define ATTACH_OP 1u
#define RESPONSE_ROOM 4096u /* bytes */

static const char too_many[] = "too many programs come at once; try again";

/* --- sending --------------------------------------------------------------------------------- */

/*
 * false: the client is gone. The TPM reads on, and few operations are under way: there is room. A
 * channel that was closed has a reason in it, which is read first.
 */
static bool send_record(struct bus_client *client, const struct record *record)
{
	struct bus *bus = client->bus;
	int size = record_encode(record, bus->record, sizeof(bus->record));
	bool sent = size > 0 && (send(client->fd, bus->record, (size_t)size,
				      MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ||
				 errno == EPIPE);

	if (size > 0)
		explicit_bzero(bus->record, (size_t)size);
	if (!sent)
		bus_end_client(client, -PLUTON_EBUSY, too_many);
	return sent;
}

static bool send_operation(struct bus_client *client, uint32_t op_id,
			   const struct record_operation *operation)
{
	const struct record record = {
		.header = {.type = RECORD_OPERATION, .op_id = op_id, .driver = PLUTON_DRIVER_TPM},
		.operation = *operation};

	return send_record(client, &record);
}

/* Slot `slot` is room for `size` bytes of the answer. */
static struct record_operation with_room(enum tpm_channel_command command, unsigned slot,
					 uint16_t size)
{
	struct record_operation operation = {
		.command = command, .output_length = size, .range_count = (uint16_t)(slot + 1)};

	operation.ranges[slot].length = size;
	return operation;
}

static bool send_transmit(struct bus_client *client, const struct bus_call *call)
{
	struct record_operation operation =
		with_room(TPM_TRANSMIT, TPM_SLOT_RESPONSE, RESPONSE_ROOM);
	const void *command = NULL;
	size_t size = 0;

	/* It was read before: it is there, and not too long. */
	(void)sd_bus_message_rewind(call->message, true);
	(void)sd_bus_message_read_array(call->message, 'y', &command, &size);
	operation.words[0] = client->sequence + 1;
	operation.inline_bytes = command;
	operation.inline_length = (uint16_t)size;
	operation.ranges[TPM_SLOT_COMMAND].length = (uint32_t)size;
	operation.ranges[TPM_SLOT_RESPONSE].offset = (uint32_t)size;
	return send_operation(client, call->op_id, &operation);
}

static bool send_call(struct bus_client *client, struct bus_call *call)
{
	struct record_operation operation = {.command = call->command};

	call->op_id = ++client->op_id;
	if (call->command == TPM_TRANSMIT)
		return send_transmit(client, call);
	if (call->command == TPM_INFO)
		operation = with_room(TPM_INFO, TPM_SLOT_INFO, sizeof(struct pluton_tpm_info));
	operation.words[0] = call->word;
	return send_operation(client, call->op_id, &operation);
}

static bool send_cancel(struct bus_client *client, const struct bus_call *call)
{
	const struct record record = {.header = {.type = RECORD_CANCEL, .op_id = call->op_id}};

	return send_record(client, &record);
}

bool bus_is_ordered(enum tpm_channel_command command)
{
	return command == TPM_TRANSMIT || command == TPM_SET_LOCALITY;
}

void bus_channel_send(struct bus_client *client)
{
	bool busy = false;

	if (!client->attached)
		return;
	for (unsigned i = 0; i < client->call_count; i++) {
		struct bus_call *call = &client->calls[i];
		bool is_ordered = bus_is_ordered(call->command);
		bool is_next = call->op_id == 0 && !(is_ordered && busy);

		busy = busy || is_ordered;
		if (is_next && !send_call(client, call))
			return;
		if (is_next && call->cancel && !send_cancel(client, call))
			return;
	}
}

void bus_channel_cancel(struct bus_client *client, struct bus_call *call)
{
	bool asked = call->cancel;

	call->cancel = true;
	if (call->op_id != 0 && !asked)
		(void)send_cancel(client, call);
}

/* --- answers --------------------------------------------------------------------------------- */

static struct bus_call *find_call(struct bus_client *client, uint32_t op_id)
{
	for (unsigned i = 0; i < client->call_count; i++) {
		if (client->calls[i].op_id == op_id)
			return &client->calls[i];
	}
	return NULL;
}

static void take_attached(struct bus_client *client, const struct record_upcall *upcall)
{
	client->attached = true;
	client->sequence = upcall->words[2];
	bus_channel_send(client);
}

static void take_upcall(struct bus_client *client, const struct record *record)
{
	const struct record_upcall *upcall = &record->upcall;
	struct bus_call *call = find_call(client, record->header.op_id);

	if (record->header.op_id == ATTACH_OP && !client->attached) {
		take_attached(client, upcall);
		return;
	}
	if (!call)
		return;
	if (upcall->words[0] != 0) {
		bus_refuse(client->bus, call->message, -(int)upcall->words[0], "%s",
			   pluton_error_text(-(int)upcall->words[0]));
	} else {
		client->sequence += call->command == TPM_TRANSMIT;
		bus_answer(call, upcall);
	}
	bus_end_call(client, call);
	bus_channel_send(client);
}

/* A refusal of one call, or, before it was attached, of the client. */
static void take_return(struct bus_client *client, const struct record *record)
{
	struct bus_call *call = find_call(client, record->header.op_id);
	int error = -(int)record->ret.words[0];
	char text[RECORD_TEXT_MAX + 1];

	snprintf(text, sizeof(text), "%.*s", (int)record->ret.text_length, record->ret.text);
	if (!client->attached) {
		bus_end_client(client, error, text);
	} else if (call) {
		bus_refuse(client->bus, call->message, error, "%s", text);
		bus_end_call(client, call);
		bus_channel_send(client);
	}
}

static void take_record(struct bus_client *client, const void *bytes, size_t size)
{
	struct record record;

	if (record_decode(bytes, size, &record) < 0)
		return;
	if (record.header.type == RECORD_UPCALL)
		take_upcall(client, &record);
	else if (record.header.type == RECORD_RETURN)
		take_return(client, &record);
}

/* Linux tells once that what we sent was never read, before it gives what was said instead. */
static ssize_t receive(int fd, void *bytes, size_t size)
{
	ssize_t n = recv(fd, bytes, size, MSG_DONTWAIT);

	return n < 0 && errno == ECONNRESET ? recv(fd, bytes, size, MSG_DONTWAIT) : n;
}

static int on_channel(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct bus_client *client = userdata;
	uint8_t bytes[RECORD_SIZE_MAX];
	ssize_t n = receive(fd, bytes, sizeof(bytes));

	(void)source;
	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		bus_end_client(client, -PLUTON_EBUSY, too_many);
		return 0;
	}
	take_record(client, bytes, (size_t)n);
	explicit_bzero(bytes, (size_t)n);
	return 0;
}

/* --- opening --------------------------------------------------------------------------------- */

/*
 * A bus never gives a unique name twice, and a bus that is started again is another one: so what
 * the two make is the same after our own crash, and only then.
 */
static bool make_token(struct bus *bus, const char *name, uint8_t ret[SNAPSHOT_TOKEN_SIZE])
{
	uint8_t bytes[sizeof(sd_id128_t) + BUS_NAME_SIZE] = {0};
	uint8_t digest[32];
	sd_id128_t id;

	if (sd_bus_get_bus_id(bus->bus, &id) < 0)
		return false;
	memcpy(bytes, &id, sizeof(id));
	memcpy(bytes + sizeof(id), name, strnlen(name, BUS_NAME_SIZE - 1));
	if (EVP_Digest(bytes, sizeof(bytes), digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	memcpy(ret, digest, SNAPSHOT_TOKEN_SIZE);
	return true;
}

bool bus_channel_is_awaited(struct bus *bus, const char *name)
{
	uint8_t token[SNAPSHOT_TOKEN_SIZE];

	if (strlen(name) >= BUS_NAME_SIZE || !make_token(bus, name, token))
		return false;
	for (unsigned i = 0; i < bus->awaited_count; i++) {
		if (memcmp(bus->awaited[i], token, sizeof(token)) == 0)
			return true;
	}
	return false;
}

static void greet(struct bus_client *client)
{
	const struct record hello = {.header.type = RECORD_HELLO,
				     .hello = {.version = RECORD_VERSION}};
	struct record_operation attach = with_room(TPM_ATTACH, TPM_SLOT_NEW_TOKEN, TPM_TOKEN_SIZE);

	client->op_id = ATTACH_OP;
	if (send_record(client, &hello))
		(void)send_operation(client, ATTACH_OP, &attach);
}

void bus_channel_open(struct bus_client *client, uint32_t uid, uint32_t pid)
{
	struct pluton_app_peer peer = {.uid = uid, .pid = pid};
	struct bus *bus = client->bus;
	uint8_t token[SNAPSHOT_TOKEN_SIZE];
	int pair[2];

	if (!make_token(bus, client->name, token) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		bus_end_client(client, -PLUTON_ENOMEM, "no descriptors for a connection");
		return;
	}
	snprintf(peer.command, sizeof(peer.command), "%.*s", (int)sizeof(peer.command) - 1,
		 client->name);
	client->fd = pair[0];
	clients_add_named(bus->options.clients, pair[1], &peer, token);
	if (sd_event_add_io(bus->options.event, &client->source, client->fd, EPOLLIN, on_channel,
			    client) < 0) {
		bus_end_client(client, -PLUTON_ENOMEM, "no memory for a connection");
		return;
	}
	greet(client);
}
