/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments in the order of the table: words, then slots; answers: what was written into slots,
 * then words, then a descriptor. Names for people become names for programs on the way.
 */
#include "daemon/frontends/dbus_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UPCALL_SIGNATURE "uiuuub"
#define UPCALL_NAMES "operation\0status\0word1\0word2\0missed\0more\0"
#define WITH_MEMFD "Memfd"

bool dbus_slot_is_fixed(const struct command_slot *slot)
{
	return slot->min == slot->max && !slot->optional;
}

bool dbus_slot_of_view(const struct dbus_method *method, unsigned i)
{
	return method->view && method->view->slot == i;
}

bool dbus_takes_word(const struct dbus_method *method, unsigned i)
{
	bool whole_list = method->view && method->view->rows > 1 && !method->view->paged;

	return method->command->words[i].name && !whole_list;
}

bool dbus_answers_word(const struct dbus_method *method, unsigned i)
{
	bool list = method->view && method->view->rows > 1;

	return method->command->answers[i] && (!list || (method->view->paged && i == 1));
}

static bool is_bulk(const struct command_slot *slot)
{
	return slot->name && (slot->max == 0 || slot->max > DBUS_BULK);
}

/* --- one method ------------------------------------------------------------------------------ */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static int put(struct dbus_method *method, char c)
{
	if (method->names_size == sizeof(method->names))
		return -PLUTON_EINVAL;
	method->names[method->names_size++] = c;
	return 0;
}

/* "bytes of digest" is bytes_of_digest; what comes after a comma is an explanation. */
static int put_name(struct dbus_method *method, const char *text, const char *suffix)
{
	int r = 0;

	for (; *text && *text != ',' && *text != ':' && r == 0; text++)
		r = put(method, is_letter(*text) ? *text : '_');
	for (; *suffix && r == 0; suffix++)
		r = put(method, *suffix);
	return r < 0 ? r : put(method, '\0');
}

static int append(char *signature, size_t size, const char *type)
{
	if (strlen(signature) + strlen(type) + 1 > size)
		return -PLUTON_EINVAL;
	strcat(signature, type);
	return 0;
}

static int take(struct dbus_method *method, const char *type, const char *name, const char *suffix)
{
	int r = append(method->takes, sizeof(method->takes), type);

	return r < 0 ? r : put_name(method, name, suffix);
}

/* A slot and a word may have one name ("rows", and how many): the second becomes another. */
static int make_unique(struct dbus_method *method, size_t added)
{
	size_t at = method->first_answer;

	while (at < added && strcmp(method->names + at, method->names + added) != 0)
		at += strlen(method->names + at) + 1;
	if (at == added)
		return 0;
	method->names_size--;
	return put_name(method, "", "_2");
}

static int answer(struct dbus_method *method, const char *type, const char *name)
{
	size_t added = method->names_size;
	int r = append(method->answers, sizeof(method->answers), type);

	if (r == 0)
		r = put_name(method, name, "");
	return r < 0 ? r : make_unique(method, added);
}

static int take_slot(struct dbus_method *method, unsigned i)
{
	const struct command_slot *slot = &method->command->slots[i];

	if (!slot->name || dbus_slot_of_view(method, i))
		return 0;
	if (method->windows >> i & 1)
		return take(method, "(htt)", slot->name, "");
	if (slot->access == SLOT_RO)
		return take(method, "ay", slot->name, "");
	return dbus_slot_is_fixed(slot) ? 0 : take(method, "u", slot->name, "_length");
}

static int describe_input(struct dbus_method *method)
{
	const struct command *command = method->command;
	int r = 0;

	for (unsigned i = 0; i < CAPSULE_WORDS_MAX && r == 0; i++) {
		const struct command_word *word = &command->words[i];

		if (dbus_takes_word(method, i))
			r = take(method, word->names ? "s" : "u", word->name, "");
	}
	for (unsigned i = 0; i < CAPSULE_SLOTS_MAX && r == 0; i++)
		r = take_slot(method, i);
	return r;
}

static int answer_slot(struct dbus_method *method, unsigned i)
{
	const struct command_slot *slot = &method->command->slots[i];

	if (dbus_slot_of_view(method, i))
		return answer(method, method->view->rows == 1 ? "a{sv}" : "aa{sv}",
			      method->view->name);
	if (!slot->name || slot->access == SLOT_RO || method->windows >> i & 1)
		return 0;
	return answer(method, "ay", slot->name);
}

static int answer_word(struct dbus_method *method, unsigned i)
{
	if (!dbus_answers_word(method, i))
		return 0;
	return answer(method, "u", method->view ? "next" : method->command->answers[i]);
}

static int describe_output(struct dbus_method *method)
{
	const struct command *command = method->command;
	int r = 0;

	method->first_answer = method->names_size;
	if (command->repeats)
		return answer(method, "u", "operation");
	for (unsigned i = 0; i < CAPSULE_SLOTS_MAX && r == 0; i++)
		r = answer_slot(method, i);
	for (unsigned i = 0; i < 2 && r == 0; i++)
		r = answer_word(method, i);
	return r == 0 && command->gives ? answer(method, "h", command->gives) : r;
}

/* --- the interface --------------------------------------------------------------------------- */

static struct dbus_method *next_method(struct dbus_interface *interface, enum dbus_kind kind,
				       const char *name, const char *suffix)
{
	struct dbus_method *method = &interface->methods[interface->method_count];
	int n;

	if (interface->method_count == interface->method_room)
		return NULL;
	method->interface = interface;
	method->kind = kind;
	n = snprintf(method->name, sizeof(method->name), "%s%s", name, suffix);
	if ((size_t)n >= sizeof(method->name) || !sd_bus_member_name_is_valid(method->name))
		return NULL;
	interface->method_count++;
	return method;
}

static int add_command(struct dbus_interface *interface, const struct command *command,
		       const struct dbus_view *view, uint8_t windows)
{
	struct dbus_method *method =
		next_method(interface, DBUS_COMMAND, view ? view->method : command->name,
			    windows ? WITH_MEMFD : "");
	int r;

	if (!method)
		return -PLUTON_EINVAL;
	method->command = command;
	method->view = view;
	method->windows = windows;
	r = describe_input(method);
	return r < 0 ? r : describe_output(method);
}

static const struct dbus_view *find_view(const struct dbus_view *views, const char *interface,
					 const char *command)
{
	for (; views && views->interface; views++) {
		if (strcmp(views->interface, interface) == 0 &&
		    strcmp(views->command, command) == 0)
			return views;
	}
	return NULL;
}

static int add_methods(struct dbus_interface *interface, const struct command *command,
		       const struct dbus_view *views)
{
	const struct dbus_view *view =
		find_view(views, interface->capsule->interface, command->name);
	uint8_t bulk = 0;
	int r;

	for (unsigned i = 0; i < CAPSULE_SLOTS_MAX && !view; i++)
		bulk |= (uint8_t)(is_bulk(&command->slots[i]) << i);
	r = add_command(interface, command, view, 0);
	interface->repeats = interface->repeats || command->repeats;
	return r == 0 && bulk ? add_command(interface, command, NULL, bulk) : r;
}

static int fill(struct dbus_interface *interface, const struct dbus_view *views)
{
	static const char names[] = "operation";
	int r = 0;

	for (size_t i = 0; i < interface->capsule->command_count && r == 0; i++)
		r = add_methods(interface, &interface->capsule->commands[i], views);
	if (r == 0 && interface->repeats)
		r = dbus_interface_add(interface, DBUS_CANCEL, "Cancel", "u", "", names,
				       sizeof(names));
	return r;
}

int dbus_interface_open(struct dbus_interface *interface, const struct capsule *capsule,
			const struct dbus_view *views, void *context)
{
	int n, r;

	*interface = (struct dbus_interface){
		.capsule = capsule,
		.context = context,
		.method_room = 2 * capsule->command_count + 2, /* Memfd; Cancel, Connect */
	};
	n = snprintf(interface->name, sizeof(interface->name), DBUS_PREFIX ".%s",
		     capsule->interface);
	if ((size_t)n >= sizeof(interface->name) ||
	    !sd_bus_interface_name_is_valid(interface->name))
		return -PLUTON_EINVAL;
	interface->methods = calloc(interface->method_room, sizeof(*interface->methods));
	if (!interface->methods)
		return -PLUTON_ENOMEM;
	r = fill(interface, views);
	if (r < 0)
		dbus_interface_close(interface);
	return r;
}

int dbus_interface_add(struct dbus_interface *interface, enum dbus_kind kind, const char *name,
		       const char *takes, const char *answers, const char *names, size_t names_size)
{
	struct dbus_method *method = next_method(interface, kind, name, "");
	int r;

	if (!method || names_size > sizeof(method->names))
		return -PLUTON_EINVAL;
	memcpy(method->names, names, names_size);
	method->names_size = names_size;
	r = append(method->takes, sizeof(method->takes), takes);
	return r < 0 ? r : append(method->answers, sizeof(method->answers), answers);
}

/*
 * sd-bus's macros want literals; this is what they expand to. Payload is secret in both directions,
 * so sd-bus wipes its messages. Who may call what [access] says, not sd-bus's idea of a privilege.
 */
static sd_bus_vtable method_entry(const struct dbus_method *method, size_t offset,
				  sd_bus_message_handler_t handler)
{
	sd_bus_vtable entry;

	memset(&entry, 0, sizeof(entry));
	entry.type = _SD_BUS_VTABLE_METHOD;
	entry.flags = SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE;
	entry.x.method.member = method->name;
	entry.x.method.signature = method->takes;
	entry.x.method.result = method->answers;
	entry.x.method.handler = handler;
	entry.x.method.offset = offset;
	entry.x.method.names = method->names;
	return entry;
}

static void add_signal(sd_bus_vtable **entry)
{
	(*entry)->type = _SD_BUS_VTABLE_SIGNAL;
	(*entry)->x.signal.member = "Upcall";
	(*entry)->x.signal.signature = UPCALL_SIGNATURE;
	(*entry)->x.signal.names = UPCALL_NAMES;
	(*entry)++;
}

static void add_version(sd_bus_vtable **entry, sd_bus_property_get_t version)
{
	(*entry)->type = _SD_BUS_VTABLE_PROPERTY;
	(*entry)->flags = SD_BUS_VTABLE_PROPERTY_CONST;
	(*entry)->x.property.member = "Version";
	(*entry)->x.property.signature = "s";
	(*entry)->x.property.get = version;
	(*entry)++;
}

int dbus_interface_build(struct dbus_interface *interface, sd_bus_message_handler_t handler,
			 sd_bus_property_get_t version)
{
	static const sd_bus_vtable start = SD_BUS_VTABLE_START(0), end = SD_BUS_VTABLE_END;
	sd_bus_vtable *entry = calloc(interface->method_count + 4, sizeof(*entry));

	if (!entry)
		return -PLUTON_ENOMEM;
	interface->vtable = entry;
	*entry++ = start;
	for (size_t i = 0; i < interface->method_count; i++)
		*entry++ = method_entry(&interface->methods[i], i * sizeof(struct dbus_method),
					handler);
	if (interface->repeats)
		add_signal(&entry);
	if (version)
		add_version(&entry, version);
	*entry = end;
	return 0;
}

void dbus_interface_close(struct dbus_interface *interface)
{
	free(interface->methods);
	free(interface->vtable);
	interface->methods = NULL;
	interface->vtable = NULL;
}
