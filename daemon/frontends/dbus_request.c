/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a message to an operation's words and ranges. Data that fits goes in the record; more goes
 * through a window: the caller's memfd in place, or, for a plain call, one that is made for it and
 * that nobody else has.
 */
#include "daemon/frontends/dbus_request.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/kernel/window.h"

#define CARRIER_ALIGN 64u /* of slots that share a window */
#define NAMES_SIZE 200u	  /* of the list in a refusal */

/* --- reading a call -------------------------------------------------------------------------- */

/* The sentence lists what there is: a person at busctl sees it. */
static int refuse_name(struct kernel *kernel, const struct command_word *word, const char *text)
{
	char names[NAMES_SIZE];
	size_t at = 0;

	names[0] = '\0';
	for (const struct enum_name *name = word->names; name->name; name++) {
		int n = snprintf(names + at, sizeof(names) - at, "%s%s", at ? ", " : "",
				 name->name);

		at += (size_t)n;
		if (at >= sizeof(names))
			break;
	}
	return kernel_refuse(kernel, -PLUTON_EINVAL, "\"%.32s\" is no %s; write %s", text,
			     word->name, names);
}

static int read_word(struct kernel *kernel, const struct command_word *word,
		     sd_bus_message *message, uint32_t *ret)
{
	const char *text;
	int r = word->names ? sd_bus_message_read(message, "s", &text)
			    : sd_bus_message_read(message, "u", ret);

	if (r <= 0 || !word->names)
		return r;
	for (const struct enum_name *name = word->names; name->name; name++) {
		if (strcmp(name->name, text) == 0) {
			*ret = name->value;
			return 1;
		}
	}
	return refuse_name(kernel, word, text);
}

static int read_window(struct kernel *kernel, sd_bus_message *message,
		       struct dbus_request_slot *ret)
{
	uint64_t offset, length;
	int r = sd_bus_message_read(message, "(htt)", &ret->fd, &offset, &length);

	if (r <= 0)
		return r;
	if (offset > UINT32_MAX || length > UINT32_MAX)
		return kernel_refuse(kernel, -PLUTON_ESIZE,
				     "%llu bytes at %llu are not inside any window",
				     (unsigned long long)length, (unsigned long long)offset);
	ret->offset = (uint32_t)offset;
	ret->length = (uint32_t)length;
	return 1;
}

static int read_bytes(sd_bus_message *message, struct dbus_request_slot *ret)
{
	const void *data;
	size_t size;
	int r = sd_bus_message_read_array(message, 'y', &data, &size);

	if (r < 0)
		return r;
	ret->data = data;
	ret->length = (uint32_t)size;
	return 1;
}

static int read_slot(struct kernel *kernel, const struct dbus_method *method, unsigned i,
		     sd_bus_message *message, struct dbus_request *request)
{
	const struct command_slot *slot = &method->command->slots[i];
	struct dbus_request_slot *ret = &request->slots[i];
	int r = 1;

	ret->fd = -1;
	if (!slot->name)
		return 1;
	if (method->windows >> i & 1)
		return read_window(kernel, message, ret);
	if (slot->access == SLOT_RO)
		r = read_bytes(message, ret);
	else if (dbus_slot_of_view(method, i))
		ret->length = (uint32_t)(method->view->rows * method->view->layout->size);
	else if (dbus_slot_is_fixed(slot))
		ret->length = slot->max;
	else
		r = sd_bus_message_read(message, "u", &ret->length);
	*(slot->access == SLOT_RO ? &request->plain_in : &request->plain_out) += ret->length;
	return r;
}

int dbus_request_read(struct kernel *kernel, const struct dbus_method *method,
		      sd_bus_message *message, struct dbus_request *request)
{
	const struct command *command = method->command;
	int r = 1;

	for (unsigned i = 0; i < CAPSULE_WORDS_MAX && r > 0; i++) {
		if (dbus_takes_word(method, i))
			r = read_word(kernel, &command->words[i], message, &request->words[i]);
	}
	for (unsigned i = 0; i < CAPSULE_SLOTS_MAX && r > 0; i++)
		r = read_slot(kernel, method, i, message, request);
	return r;
}

/* --- where the data goes --------------------------------------------------------------------- */

static void set_range(struct record_operation *operation, unsigned slot, uint32_t window,
		      uint32_t offset, uint32_t length)
{
	operation->ranges[slot] = (struct record_range){window, offset, length};
}

/* What comes first, then what goes back, as in every record. */
static void place_inline(struct dbus *dbus, const struct dbus_method *method,
			 const struct dbus_request *request, struct record_operation *operation)
{
	uint32_t in = 0, out = (uint32_t)request->plain_in;

	for (unsigned i = 0; i < CAPSULE_SLOTS_MAX; i++) {
		const struct dbus_request_slot *slot = &request->slots[i];

		if (!slot->length || slot->fd >= 0)
			continue;
		if (method->command->slots[i].access == SLOT_RO) {
			memcpy(dbus->inline_bytes + in, slot->data, slot->length);
			set_range(operation, i, RECORD_WINDOW_INLINE, in, slot->length);
			in += slot->length;
		} else {
			set_range(operation, i, RECORD_WINDOW_INLINE, out, slot->length);
			out += slot->length;
		}
	}
	operation->inline_bytes = dbus->inline_bytes;
	operation->inline_length = (uint16_t)request->plain_in;
	operation->output_length = (uint16_t)request->plain_out;
}

static int write_all(int fd, const uint8_t *data, size_t length, uint32_t offset)
{
	while (length) {
		ssize_t n = pwrite(fd, data, length, offset);

		if (n <= 0)
			return -PLUTON_ENOMEM;
		data += n;
		length -= (size_t)n;
		offset += (uint32_t)n;
	}
	return 0;
}

static int fill_carrier(int fd, const struct dbus_method *method,
			const struct dbus_request *request, struct record_operation *operation)
{
	uint32_t at = 0;
	int r = 0;

	for (unsigned i = 0; i < CAPSULE_SLOTS_MAX && r == 0; i++) {
		const struct dbus_request_slot *slot = &request->slots[i];

		if (!slot->length || slot->fd >= 0)
			continue;
		set_range(operation, i, 0, at, slot->length);
		if (method->command->slots[i].access == SLOT_RO)
			r = write_all(fd, slot->data, slot->length, at);
		at += (slot->length + CARRIER_ALIGN - 1) / CARRIER_ALIGN * CARRIER_ALIGN;
	}
	if (r == 0 && (ftruncate(fd, at) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0))
		r = -PLUTON_ENOMEM;
	return r;
}

/* Memory of its own for one call, counted as the caller's window. */
static int place_in_carrier(struct process *process, const struct dbus_method *method,
			    const struct dbus_request *request, struct record_operation *operation,
			    struct dbus_call *call)
{
	int fd = memfd_create("pluton-dbus", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint32_t number;
	int r = fd < 0 ? -PLUTON_ENOMEM : fill_carrier(fd, method, request, operation);

	if (r < 0)
		kernel_refuse(process->kernel, r, "no memory for %llu bytes of data",
			      (unsigned long long)(request->plain_in + request->plain_out));
	else
		r = window_add(process, fd, &number);
	if (fd >= 0)
		close(fd);
	if (r < 0)
		return r;
	call->windows |= (uint8_t)(1u << (number - 1));
	for (unsigned i = 0; i < CAPSULE_SLOTS_MAX; i++) {
		if (request->slots[i].fd < 0 && operation->ranges[i].length)
			operation->ranges[i].window = number;
	}
	return 0;
}

/* The window of an earlier slot that names the same descriptor; 0: none. */
static uint32_t shared_window(const struct dbus_request *request, unsigned i,
			      const struct record_operation *operation)
{
	for (unsigned j = 0; j < i; j++) {
		if (request->slots[j].fd == request->slots[i].fd && operation->ranges[j].length)
			return operation->ranges[j].window;
	}
	return 0;
}

static int place_windows(struct process *process, const struct dbus_request *request,
			 struct record_operation *operation, struct dbus_call *call)
{
	int r = 0;

	for (unsigned i = 0; i < CAPSULE_SLOTS_MAX && r == 0; i++) {
		const struct dbus_request_slot *slot = &request->slots[i];
		uint32_t number;

		if (slot->fd < 0 || !slot->length)
			continue;
		number = shared_window(request, i, operation);
		if (!number)
			r = window_add(process, slot->fd, &number);
		if (r < 0)
			break;
		call->windows |= (uint8_t)(1u << (number - 1));
		set_range(operation, i, number, slot->offset, slot->length);
	}
	return r;
}

static void note_outputs(struct dbus_call *call, const struct record_operation *operation)
{
	for (unsigned i = 0; i < CAPSULE_SLOTS_MAX; i++) {
		struct record_range *output = &call->outputs[i];

		*output = operation->ranges[i];
		if (output->length && output->window == RECORD_WINDOW_INLINE)
			output->offset -= operation->inline_length;
	}
}

int dbus_request_place(struct dbus_client *client, const struct dbus_request *request,
		       struct record_operation *operation, struct dbus_call *call)
{
	const struct dbus_method *method = call->method;
	uint64_t plain = request->plain_in + request->plain_out;
	struct dbus *dbus = client->dbus;
	int r = 0;

	operation->range_count = CAPSULE_SLOTS_MAX;
	if (plain > dbus->settings.message_max)
		return kernel_refuse(dbus->kernel, -PLUTON_ESIZE,
				     "%llu bytes of data, message_max is %zu: use memfds, or a "
				     "channel (Manager.Connect)",
				     (unsigned long long)plain, dbus->settings.message_max);
	if (plain <= dbus->kernel->limits.inline_max)
		place_inline(dbus, method, request, operation);
	else
		r = place_in_carrier(client->process, method, request, operation, call);
	if (r == 0)
		r = place_windows(client->process, request, operation, call);
	note_outputs(call, operation);
	return r;
}
