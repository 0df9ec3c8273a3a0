/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call from message to operation, and from upcall to reply or signal.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/frontends/dbus_request.h"
#include "daemon/kernel/request.h"
#include "daemon/kernel/upcall.h"
#include "daemon/kernel/window.h"

#define FLUSH_US 100u /* answers to one client in one go */

/* --- refusing -------------------------------------------------------------------------------- */

/* For what the kernel did not see, and so did not count. */
#define reject(client, message, ...)                                                               \
	do {                                                                                       \
		request_refused((client)->process, NULL);                                          \
		dbus_refuse((message), __VA_ARGS__);                                               \
	} while (0)

/* --- running it ------------------------------------------------------------------------------ */

static uint32_t next_op(struct dbus_client *client)
{
	do {
		client->last_op++;
	} while (!client->last_op || operation_find(client->process, client->last_op));
	return client->last_op;
}

static unsigned count_calls(const struct dbus_client *client)
{
	unsigned count = 0;

	for (const struct dbus_call *call = client->calls; call; call = call->next)
		count++;
	return count;
}

static int make_call(struct dbus_client *client, const struct dbus_method *method,
		     sd_bus_message *message, struct dbus_call **ret)
{
	struct kernel *kernel = client->dbus->kernel;
	struct dbus_call *call;

	if (count_calls(client) >= client->dbus->settings.calls_per_client)
		return kernel_refuse(kernel, -PLUTON_EBUSY,
				     "%u calls are under way, calls_per_client",
				     client->dbus->settings.calls_per_client);
	call = arena_take(&client->process->arena, BLOCK_FRONTEND, sizeof(*call));
	if (!call)
		return kernel_refuse(kernel, -PLUTON_ENOMEM,
				     "no memory for the call under arena_limit (%zu)",
				     client->process->arena.limit);
	call->method = method;
	call->op_id = next_op(client);
	call->wants_reply = sd_bus_message_get_expect_reply(message) > 0;
	sd_bus_message_get_cookie(message, &call->cookie);
	call->next = client->calls;
	client->calls = call;
	*ret = call;
	return 0;
}

static void end_call(struct dbus_client *client, struct dbus_call *call)
{
	struct dbus_call **link = &client->calls;

	while (*link != call)
		link = &(*link)->next;
	*link = call->next;
	for (uint32_t number = 1; call->windows >> (number - 1); number++) {
		if (call->windows >> (number - 1) & 1)
			window_remove(client->process, number);
	}
	arena_give(&client->process->arena, call);
}

static int submit(struct dbus_client *client, const struct dbus_request *request,
		  struct dbus_call *call)
{
	const struct dbus_method *method = call->method;
	struct record record = {
		.header = {.type = RECORD_OPERATION,
			   .op_id = call->op_id,
			   .driver = method->interface->capsule->driver},
		.operation = {.command = method->command->number,
			      .words = {request->words[0], request->words[1]}},
	};
	struct driver *driver;
	int r = request_driver(client->process, record.header.driver, &driver);

	/* Who may not use it makes us copy nothing. */
	if (r == 0)
		r = dbus_request_place(client, request, &record.operation, call);
	if (r < 0)
		request_refused(client->process, NULL);
	else
		r = request_submit(client->process, &record);
	explicit_bzero(client->dbus->inline_bytes, record.operation.inline_length);
	return r;
}

/* A repeating command: its number is the reply, and what follows are signals. */
static void announce(struct dbus_call *call, sd_bus_message *message)
{
	call->announced = true;
	sd_bus_reply_method_return(message, "u", call->op_id);
}

static void run(struct dbus_client *client, const struct dbus_method *method,
		sd_bus_message *message)
{
	struct kernel *kernel = client->dbus->kernel;
	struct dbus_request request = {0};
	struct dbus_call *call = NULL;
	int r;

	kernel->why[0] = '\0';
	r = dbus_request_read(kernel, method, message, &request);
	if (r <= 0) {
		reject(client, message, kernel->why[0] ? r : -PLUTON_ESIZE, "%s",
		       kernel->why[0] ? kernel->why
				      : "the message is longer than message_max, or damaged: use "
					"memfds, or a channel (Manager.Connect)");
		return;
	}
	r = make_call(client, method, message, &call);
	if (r < 0) {
		reject(client, message, r, "%s", kernel->why);
		return;
	}
	r = submit(client, &request, call);
	if (r < 0) {
		dbus_refuse(message, r, "%s", kernel->why);
		end_call(client, call);
	} else if (method->command->repeats) {
		announce(call, message);
	}
}

static struct dbus_call *find_call(struct dbus_client *client, uint32_t op_id)
{
	struct dbus_call *call = client->calls;

	while (call && call->op_id != op_id)
		call = call->next;
	return call;
}

static void cancel(struct dbus_client *client, const struct dbus_method *method,
		   sd_bus_message *message)
{
	struct operation *op = NULL;
	struct dbus_call *call;
	uint32_t op_id = 0;

	if (sd_bus_message_read(message, "u", &op_id) > 0)
		op = operation_find(client->process, op_id);
	call = find_call(client, op_id);
	if (!op || !call || !call->announced || call->method->interface != method->interface) {
		reject(client, message, -PLUTON_EINVAL, "operation %u is not under way at %s",
		       op_id, method->interface->capsule->interface);
		return;
	}
	operation_cancel(op);
	sd_bus_reply_method_return(message, "");
}

void dbus_call(struct dbus_client *client, const struct dbus_method *method,
	       sd_bus_message *message)
{
	switch (method->kind) {
	case DBUS_COMMAND:
		run(client, method, message);
		break;
	case DBUS_CANCEL:
		cancel(client, method, message);
		break;
	case DBUS_CONNECT:
		dbus_manager_connect(client, message);
		break;
	}
}

/* --- answers --------------------------------------------------------------------------------- */

/* sd-bus makes replies to calls: this is as much of one as a reply needs. */
static int rebuild_call(const struct dbus_client *client, const struct dbus_call *call,
			sd_bus_message **ret)
{
	sd_bus_message *stub;
	int r = sd_bus_message_new_method_call(client->dbus->bus, &stub, DBUS_PREFIX, DBUS_PATH,
					       NULL, call->method->name);

	if (r < 0)
		return r;
	r = sd_bus_message_set_sender(stub, client->name);
	if (r >= 0)
		r = sd_bus_message_seal(stub, call->cookie, 0);
	if (r < 0)
		sd_bus_message_unref(stub);
	else
		*ret = stub;
	return r;
}

static const uint8_t *output_at(const struct dbus_client *client, const struct record *upcall,
				const struct record_range *output)
{
	const struct window *window;

	if (output->window == RECORD_WINDOW_INLINE)
		return upcall->upcall.output + output->offset;
	window = window_find(client->process, output->window);
	return window ? window->memory + output->offset : NULL;
}

static int append_slot(const struct dbus_client *client, const struct dbus_call *call, unsigned i,
		       const struct record *upcall, sd_bus_message *reply)
{
	const struct dbus_method *method = call->method;
	const struct command_slot *slot = &method->command->slots[i];
	const uint8_t *bytes = output_at(client, upcall, &call->outputs[i]);

	if (dbus_slot_of_view(method, i))
		return dbus_append_rows(reply, method->view, bytes, upcall->upcall.words[1]);
	if (!slot->name || slot->access == SLOT_RO || method->windows >> i & 1)
		return 0;
	return sd_bus_message_append_array(reply, 'y', bytes, call->outputs[i].length);
}

static int append_answer(const struct dbus_client *client, const struct dbus_call *call,
			 const struct record *upcall, sd_bus_message *reply)
{
	int r = 0;

	for (unsigned i = 0; i < CAPSULE_SLOTS_MAX && r >= 0; i++)
		r = append_slot(client, call, i, upcall, reply);
	for (unsigned i = 0; i < 2 && r >= 0; i++) {
		if (dbus_answers_word(call->method, i))
			r = sd_bus_message_append(reply, "u", upcall->upcall.words[1 + i]);
	}
	if (r >= 0 && call->method->command->gives)
		r = sd_bus_message_append(reply, "h", upcall_descriptor(client->process));
	return r;
}

/* With the capsule's sentence, or what the error means. */
static int make_error(const struct dbus_call *call, const struct record *upcall,
		      sd_bus_message *stub, sd_bus_message **ret)
{
	const struct record_upcall *answer = &upcall->upcall;
	char name[DBUS_ERROR_SIZE], sentence[DBUS_SENTENCE_SIZE];
	int status = -(int)answer->words[0];

	if (answer->output_length)
		snprintf(sentence, sizeof(sentence), "%.*s", (int)answer->output_length,
			 (const char *)answer->output);
	else
		snprintf(sentence, sizeof(sentence), "%s: %s", call->method->name,
			 pluton_error_text(status));
	dbus_clean_text(sentence);
	dbus_error_name(status, name);
	return sd_bus_message_new_method_errorf(stub, ret, name, "%s", sentence);
}

static int make_reply(const struct dbus_client *client, const struct dbus_call *call,
		      const struct record *upcall, sd_bus_message *stub, sd_bus_message **ret)
{
	int r;

	if (upcall->upcall.words[0])
		return make_error(call, upcall, stub, ret);
	r = sd_bus_message_new_method_return(stub, ret);
	if (r < 0)
		return r;
	sd_bus_message_sensitive(*ret);
	return append_answer(client, call, upcall, *ret);
}

static int make_signal(const struct dbus_client *client, const struct dbus_call *call,
		       const struct record *upcall, sd_bus_message **ret)
{
	const uint32_t *words = upcall->upcall.words;
	int r = sd_bus_message_new_signal(client->dbus->bus, ret, DBUS_PATH,
					  call->method->interface->name, "Upcall");

	if (r >= 0)
		r = sd_bus_message_set_destination(*ret, client->name);
	if (r < 0)
		return r;
	return sd_bus_message_append(*ret, "uiuuub", call->op_id, (int32_t)words[0], words[1],
				     words[2], upcall->upcall.missed,
				     (int)((upcall->header.flags & RECORD_MORE) != 0));
}

/* What cannot be sent is lost with the bus, which is noticed elsewhere. */
static void send_answer(const struct dbus_client *client, const struct dbus_call *call,
			const struct record *upcall)
{
	sd_bus_message *stub = NULL, *message = NULL;
	int r = 0;

	if (call->announced)
		r = make_signal(client, call, upcall, &message);
	else if (call->wants_reply)
		r = rebuild_call(client, call, &stub);
	if (stub)
		r = make_reply(client, call, upcall, stub, &message);
	if (r >= 0 && message)
		r = sd_bus_send(client->dbus->bus, message, NULL);
	if (r < 0 && stub)
		dbus_refuse(stub, -PLUTON_ENOMEM, "the answer cannot be made: %s", strerror(-r));
	sd_bus_message_unref(message);
	sd_bus_message_unref(stub);
}

static void close_given(struct dbus_client *client)
{
	int fd = upcall_take_descriptor(client->process);

	if (fd >= 0)
		closer_take(&client->dbus->channel->own, fd);
}

/* false: there is none. */
static bool flush_one(struct dbus_client *client)
{
	struct process *process = client->process;
	struct dbus_call *call;
	struct record upcall;

	if (!upcall_peek(process, &upcall))
		return false;
	call = find_call(client, upcall.header.op_id);
	client->active_ms = loop_now_us() / 1000u;
	if (call)
		send_answer(client, call, &upcall);
	close_given(client);
	upcall_sent(process);
	if (call && !(upcall.header.flags & RECORD_MORE))
		end_call(client, call);
	return true;
}

static void wait_for_room(struct dbus_client *client)
{
	if (client->choked)
		return;
	client->choked = true;
	client->next_choked = client->dbus->choked;
	client->dbus->choked = client;
}

void dbus_call_flush(struct dbus_client *client)
{
	uint64_t start = loop_now_us();

	while (!dbus_is_choked(client->dbus) && flush_one(client)) {
		if (loop_now_us() - start >= FLUSH_US) {
			deferred_call_set(&client->flush);
			break;
		}
	}
	if (dbus_is_choked(client->dbus) && client->process->upcalls)
		wait_for_room(client);
	dbus_arm(client->dbus);
}
