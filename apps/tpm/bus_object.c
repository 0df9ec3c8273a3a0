/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The object: what it can be asked, and what it answers. A call that the TPM's thread answers goes
 * to bus_take; the rest is answered here.
 */
#include <config.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "apps/tpm/bus_state.h"
#include "daemon/frontends/dbus_answer.h"

void bus_refuse(struct bus *bus, sd_bus_message *message, int error, const char *format, ...)
{
	char sentence[DBUS_SENTENCE_SIZE];
	va_list arguments;

	/* What is refused is not counted: answers to it must not pile up where nobody reads. */
	if (bus_is_choked(bus))
		return;
	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	dbus_refuse(message, error, "%s", sentence);
}

/* --- answers --------------------------------------------------------------------------------- */

static int append_info(sd_bus_message *reply, const struct record_upcall *upcall)
{
	struct pluton_tpm_info info;

	if (upcall->output_length != row_tpm_info.size ||
	    row_decode(&row_tpm_info, upcall->output, &info) < 0)
		return -EBADMSG;
	return dbus_append_row(reply, &row_tpm_info, &info);
}

static int append_answer(sd_bus_message *reply, const struct bus_call *call,
			 const struct record_upcall *upcall)
{
	switch (call->command) {
	case TPM_TRANSMIT:
		return sd_bus_message_append_array(reply, 'y', upcall->output,
						   upcall->output_length);
	case TPM_CANCEL_RUNNING:
		return sd_bus_message_append(reply, "b", (int)upcall->words[1]);
	case TPM_INFO:
		return append_info(reply, upcall);
	default:
		return 0;
	}
}

void bus_answer(const struct bus_call *call, const struct record_upcall *upcall)
{
	sd_bus_message *reply = NULL;
	int r;

	if (sd_bus_message_get_expect_reply(call->message) <= 0)
		return;
	r = sd_bus_message_new_method_return(call->message, &reply);
	if (r >= 0)
		r = sd_bus_message_sensitive(reply);
	if (r >= 0)
		r = append_answer(reply, call, upcall);
	if (r >= 0)
		r = sd_bus_send(NULL, reply, NULL);
	if (r < 0)
		dbus_refuse(call->message, -PLUTON_ENOMEM, "the answer cannot be made");
	sd_bus_message_unref(reply);
}

/* --- methods --------------------------------------------------------------------------------- */

static int on_transmit(sd_bus_message *message, void *context, sd_bus_error *error)
{
	const void *command;
	size_t size;

	(void)error;
	if (sd_bus_message_read_array(message, 'y', &command, &size) < 0)
		bus_refuse(context, message, -PLUTON_ESIZE,
			   "the message is far longer than a TPM command, or damaged");
	else if (size < TPM_HEADER_SIZE || size > TPM_BUFFER_SIZE)
		bus_refuse(context, message, -PLUTON_ESIZE,
			   "a TPM command of %zu bytes; it has %u to %u", size, TPM_HEADER_SIZE,
			   TPM_BUFFER_SIZE);
	else
		bus_take(context, TPM_TRANSMIT, message, 0);
	return 1;
}

static int on_set_locality(sd_bus_message *message, void *context, sd_bus_error *error)
{
	uint32_t locality;
	int r = sd_bus_message_read(message, "u", &locality);

	(void)error;
	if (r < 0)
		return r;
	bus_take(context, TPM_SET_LOCALITY, message, locality);
	return 1;
}

static int on_cancel(sd_bus_message *message, void *context, sd_bus_error *error)
{
	bool cancelled = bus_cancel(context, sd_bus_message_get_sender(message));

	(void)error;
	if (!bus_is_choked(context))
		sd_bus_reply_method_return(message, "b", (int)cancelled);
	return 1;
}

static int on_cancel_running(sd_bus_message *message, void *context, sd_bus_error *error)
{
	(void)error;
	bus_take(context, TPM_CANCEL_RUNNING, message, 0);
	return 1;
}

static int on_get_info(sd_bus_message *message, void *context, sd_bus_error *error)
{
	(void)error;
	bus_take(context, TPM_INFO, message, 0);
	return 1;
}

/* --- properties ------------------------------------------------------------------------------ */

static int get_instance(sd_bus *sd_bus, const char *path, const char *interface,
			const char *property, sd_bus_message *reply, void *context,
			sd_bus_error *error)
{
	const struct bus *bus = context;

	(void)sd_bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "s", bus->options.instance);
}

static int get_version(sd_bus *sd_bus, const char *path, const char *interface,
		       const char *property, sd_bus_message *reply, void *context,
		       sd_bus_error *error)
{
	(void)sd_bus, (void)path, (void)interface, (void)property, (void)context, (void)error;
	return sd_bus_message_append(reply, "s", PACKAGE_VERSION);
}

static int get_library(sd_bus *sd_bus, const char *path, const char *interface,
		       const char *property, sd_bus_message *reply, void *context,
		       sd_bus_error *error)
{
	const struct bus *bus = context;

	(void)sd_bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "s", bus->options.library);
}

static int get_connections(sd_bus *sd_bus, const char *path, const char *interface,
			   const char *property, sd_bus_message *reply, void *context,
			   sd_bus_error *error)
{
	const struct bus *bus = context;

	(void)sd_bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "u", clients_count(bus->options.clients));
}

/* --- the interface --------------------------------------------------------------------------- */

/* Who may call is the bus's policy to say; what they can do, the TPM's. */
#define OPEN SD_BUS_VTABLE_UNPRIVILEGED

const sd_bus_vtable bus_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("Transmit", SD_BUS_ARGS("ay", command),
				SD_BUS_RESULT("ay", response), on_transmit,
				OPEN | SD_BUS_VTABLE_SENSITIVE),
	SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_NO_ARGS, SD_BUS_RESULT("b", cancelled), on_cancel,
				OPEN),
	SD_BUS_METHOD_WITH_ARGS("CancelRunning", SD_BUS_NO_ARGS, SD_BUS_RESULT("b", cancelled),
				on_cancel_running, OPEN),
	SD_BUS_METHOD_WITH_ARGS("SetLocality", SD_BUS_ARGS("u", locality), SD_BUS_NO_RESULT,
				on_set_locality, OPEN),
	SD_BUS_METHOD_WITH_ARGS("GetInfo", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", info),
				on_get_info, OPEN),
	SD_BUS_PROPERTY("Instance", "s", get_instance, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Library", "s", get_library, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Connections", "u", get_connections, 0, 0),
	SD_BUS_VTABLE_END,
};
