/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Written from the vtable that sd-bus gets, so both say the same (the D-Bus specification,
 * "Introspection Data Format"). The rule a newcomer would break first: nothing is escaped, because
 * names and signatures on D-Bus have no character that XML minds.
 */
#include "daemon/frontends/dbus_introspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char begin[] =
	"<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
	"\"https://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"
	"<node>\n";

/* "Standard Interfaces": sd-bus answers these. */
static const char standard[] = " <interface name=\"org.freedesktop.DBus.Peer\">\n"
			       "  <method name=\"Ping\"/>\n"
			       "  <method name=\"GetMachineId\">\n"
			       "   <arg type=\"s\" name=\"machine_uuid\" direction=\"out\"/>\n"
			       "  </method>\n"
			       " </interface>\n"
			       " <interface name=\"org.freedesktop.DBus.Introspectable\">\n"
			       "  <method name=\"Introspect\">\n"
			       "   <arg type=\"s\" name=\"xml_data\" direction=\"out\"/>\n"
			       "  </method>\n"
			       " </interface>\n"
			       " <interface name=\"org.freedesktop.DBus.Properties\">\n"
			       "  <method name=\"Get\">\n"
			       "   <arg type=\"s\" name=\"interface_name\" direction=\"in\"/>\n"
			       "   <arg type=\"s\" name=\"property_name\" direction=\"in\"/>\n"
			       "   <arg type=\"v\" name=\"value\" direction=\"out\"/>\n"
			       "  </method>\n"
			       "  <method name=\"GetAll\">\n"
			       "   <arg type=\"s\" name=\"interface_name\" direction=\"in\"/>\n"
			       "   <arg type=\"a{sv}\" name=\"props\" direction=\"out\"/>\n"
			       "  </method>\n"
			       "  <method name=\"Set\">\n"
			       "   <arg type=\"s\" name=\"interface_name\" direction=\"in\"/>\n"
			       "   <arg type=\"s\" name=\"property_name\" direction=\"in\"/>\n"
			       "   <arg type=\"v\" name=\"value\" direction=\"in\"/>\n"
			       "  </method>\n"
			       "  <signal name=\"PropertiesChanged\">\n"
			       "   <arg type=\"s\" name=\"interface_name\"/>\n"
			       "   <arg type=\"a{sv}\" name=\"changed_properties\"/>\n"
			       "   <arg type=\"as\" name=\"invalidated_properties\"/>\n"
			       "  </signal>\n"
			       " </interface>\n";

/* Of the first complete type ("Type System"): a letter, or a container with what is in it. */
static size_t type_length(const char *signature)
{
	size_t length = strspn(signature, "a");
	unsigned depth = 0;

	do {
		char c = signature[length++];

		depth += c == '(' || c == '{';
		depth -= c == ')' || c == '}';
	} while (depth);
	return length;
}

/* Returns the name after the last one that was used. */
static const char *write_arguments(FILE *file, const char *signature, const char *name,
				   const char *direction)
{
	for (; *signature; signature += type_length(signature)) {
		fprintf(file, "   <arg type=\"%.*s\" name=\"%s\"%s/>\n",
			(int)type_length(signature), signature, name, direction);
		name += strlen(name) + 1;
	}
	return name;
}

static void write_entry(FILE *file, const sd_bus_vtable *entry)
{
	const char *name;

	switch (entry->type) {
	case _SD_BUS_VTABLE_METHOD:
		fprintf(file, "  <method name=\"%s\">\n", entry->x.method.member);
		name = write_arguments(file, entry->x.method.signature, entry->x.method.names,
				       " direction=\"in\"");
		write_arguments(file, entry->x.method.result, name, " direction=\"out\"");
		fputs("  </method>\n", file);
		break;
	case _SD_BUS_VTABLE_SIGNAL:
		fprintf(file, "  <signal name=\"%s\">\n", entry->x.signal.member);
		write_arguments(file, entry->x.signal.signature, entry->x.signal.names, "");
		fputs("  </signal>\n", file);
		break;
	case _SD_BUS_VTABLE_PROPERTY: /* ours never change */
		fprintf(file,
			"  <property name=\"%s\" type=\"%s\" access=\"read\">\n"
			"   <annotation name=\"org.freedesktop.DBus.Property.EmitsChangedSignal\""
			" value=\"const\"/>\n"
			"  </property>\n",
			entry->x.property.member, entry->x.property.signature);
		break;
	}
}

static void write_interface(FILE *file, const struct dbus_interface *interface)
{
	fprintf(file, " <interface name=\"%s\">\n", interface->name);
	for (const sd_bus_vtable *entry = interface->vtable; entry->type != _SD_BUS_VTABLE_END;
	     entry++)
		write_entry(file, entry);
	fputs(" </interface>\n", file);
}

char *dbus_introspect(const struct dbus_interface *interfaces, unsigned count)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	bool failed;

	if (!file)
		return NULL;
	fputs(begin, file);
	fputs(standard, file);
	for (unsigned i = 0; i < count; i++)
		write_interface(file, &interfaces[i]);
	fputs("</node>\n", file);
	failed = ferror(file) != 0;
	if (fclose(file) == 0 && !failed)
		return text;
	free(text);
	return NULL;
}
