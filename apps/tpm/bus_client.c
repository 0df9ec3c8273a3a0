/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unique names: found or met, asked for at the bus, served, gone. Their calls wait here, a few of
 * each, so a message is kept no longer than its call is under way.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "apps/tpm/bus_state.h"

#define BUS_NAME "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"

static struct bus_client *find_client(struct bus *bus, const char *name)
{
	for (unsigned i = 0; i < bus->client_count; i++) {
		if (bus->clients[i].bus && strcmp(bus->clients[i].name, name) == 0)
			return &bus->clients[i];
	}
	return NULL;
}

/* --- the end --------------------------------------------------------------------------------- */

void bus_end_call(struct bus_client *client, struct bus_call *call)
{
	struct bus_call *end = client->calls + --client->call_count;

	sd_bus_message_unref(call->message);
	dbus_wire_release(&client->bus->wire, call->keep);
	memmove(call, call + 1, (size_t)(end - call) * sizeof(*call));
}

static void drop(struct bus_client *client)
{
	while (client->call_count)
		bus_end_call(client, &client->calls[client->call_count - 1]);
	sd_bus_slot_unref(client->lookup);
	sd_event_source_disable_unref(client->source);
	if (client->fd >= 0)
		close(client->fd);
	client->bus = NULL;
}

void bus_end_client(struct bus_client *client, int error, const char *text)
{
	for (unsigned i = 0; i < client->call_count; i++)
		bus_refuse(client->bus, client->calls[i].message, error, "%s", text);
	drop(client);
}

void bus_vanished(struct bus *bus, const char *name)
{
	struct bus_client *client = find_client(bus, name);

	if (client)
		drop(client);
}

void bus_drop_all(struct bus *bus)
{
	for (unsigned i = 0; i < bus->client_count; i++) {
		if (bus->clients[i].bus)
			drop(&bus->clients[i]);
	}
}

/* --- credentials ----------------------------------------------------------------------------- */

struct identity {
	bool known;
	uint32_t uid;
	uint32_t pid;
};

static int read_entry(sd_bus_message *reply, struct identity *ret)
{
	const char *key;
	int r = sd_bus_message_read(reply, "s", &key);

	if (r < 0)
		return r;
	if (strcmp(key, "ProcessID") == 0)
		return sd_bus_message_read(reply, "v", "u", &ret->pid);
	if (strcmp(key, "UnixUserID") != 0)
		return sd_bus_message_skip(reply, "v");
	r = sd_bus_message_read(reply, "v", "u", &ret->uid);
	ret->known = r > 0;
	return r;
}

static int read_identity(sd_bus_message *reply, struct identity *ret)
{
	int r = sd_bus_message_enter_container(reply, 'a', "{sv}");

	*ret = (struct identity){0};
	while (r > 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
		r = read_entry(reply, ret);
		if (r >= 0)
			r = sd_bus_message_exit_container(reply);
	}
	return r;
}

static int ask(struct bus_client *client);

static int on_credentials(sd_bus_message *reply, void *context, sd_bus_error *error)
{
	struct bus_client *client = context;
	const char *sender = sd_bus_message_get_sender(reply);
	struct identity who;

	(void)error;
	client->lookup = sd_bus_slot_unref(client->lookup);
	if (sender && strcmp(sender, BUS_NAME) != 0) {
		/* Some buses let anybody send what looks like a reply. */
		if (ask(client) < 0)
			drop(client);
	} else if (sd_bus_message_is_method_error(reply, NULL)) {
		drop(client); /* it has left the bus: nobody waits for an answer */
	} else if (read_identity(reply, &who) < 0 || !who.known) {
		bus_end_client(client, -PLUTON_EFAIL, "the bus does not say who you are");
	} else {
		bus_channel_open(client, who.uid, who.pid);
	}
	return 1;
}

static int ask(struct bus_client *client)
{
	return sd_bus_call_method_async(client->bus->bus, &client->lookup, BUS_NAME, BUS_PATH,
					BUS_NAME, "GetConnectionCredentials", on_credentials,
					client, "s", client->name);
}

/* NULL: too many are there already, or there is no memory. */
static struct bus_client *meet(struct bus *bus, const char *name)
{
	struct bus_client *client = bus->clients;

	while (client < bus->clients + bus->client_count && client->bus)
		client++;
	if (client == bus->clients + bus->client_count)
		return NULL;
	*client = (struct bus_client){.bus = bus, .fd = -1};
	memccpy(client->name, name, '\0', sizeof(client->name) - 1);
	if (ask(client) >= 0)
		return client;
	drop(client);
	return NULL;
}

void bus_welcome_back(struct bus *bus, const char *name)
{
	if (name[0] == ':' && !find_client(bus, name) && bus_channel_is_awaited(bus, name))
		(void)meet(bus, name);
}

/* --- calls ----------------------------------------------------------------------------------- */

static unsigned count_like(const struct bus_client *client, enum tpm_channel_command command)
{
	unsigned count = 0;

	for (unsigned i = 0; i < client->call_count; i++)
		count += bus_is_ordered(client->calls[i].command) == bus_is_ordered(command);
	return count;
}

static void keep(struct bus_client *client, enum tpm_channel_command command,
		 sd_bus_message *message, uint32_t word)
{
	struct bus_call call = {.command = command, .message = message, .word = word};

	if (!dbus_wire_keep(&client->bus->wire, &call.keep)) {
		bus_refuse(client->bus, message, -PLUTON_EBUSY,
			   "calls with descriptors are under way; send none, they are not used");
		return;
	}
	sd_bus_message_ref(message);
	client->calls[client->call_count++] = call;
	bus_channel_send(client);
}

void bus_take(struct bus *bus, enum tpm_channel_command command, sd_bus_message *message,
	      uint32_t word)
{
	const char *name = sd_bus_message_get_sender(message);
	unsigned max = bus_is_ordered(command) ? 1 + BUS_QUEUE_MAX : BUS_ASIDE_MAX;
	struct bus_client *client = NULL;

	if (!name || strlen(name) >= BUS_NAME_SIZE) {
		bus_refuse(bus, message, -PLUTON_EINVAL, "a unique name of 1 to %u bytes is needed",
			   BUS_NAME_SIZE - 1);
		return;
	}
	client = find_client(bus, name);
	if (!client)
		client = meet(bus, name);
	if (!client)
		bus_refuse(bus, message, -PLUTON_EBUSY,
			   "%u programs on the bus use this TPM, the most there may be; close one",
			   bus->client_count);
	else if (count_like(client, command) == max)
		bus_refuse(bus, message, -PLUTON_EBUSY,
			   "%u calls are under way, the most one program may have; wait for one",
			   max);
	else
		keep(client, command, message, word);
}

bool bus_cancel(struct bus *bus, const char *name)
{
	struct bus_client *client = name ? find_client(bus, name) : NULL;

	for (unsigned i = 0; client && i < client->call_count; i++) {
		if (client->calls[i].command != TPM_TRANSMIT)
			continue;
		bus_channel_cancel(client, &client->calls[i]);
		return true;
	}
	return false;
}
