/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a capsule's command table to a D-Bus interface: what methods there are, their signatures and
 * the names of their arguments. docs/man/org.pluton1.5 has the rules. Nothing here knows a bus.
 */
#ifndef PLUTON_DBUS_TABLE_H
#define PLUTON_DBUS_TABLE_H

#include <systemd/sd-bus.h>

#include "client-lib/rows.h"
#include "daemon/kernel/capsule.h"

#define DBUS_PREFIX "org.pluton1"
#define DBUS_PATH "/org/pluton1"
#define DBUS_BULK 4096u /* a slot that may be longer can also be given as a memfd */

/*
 * A command that puts rows into a slot, as a method that answers with their fields. A list's word
 * says where to begin, its answers are how many rows there are and where to go on.
 */
struct dbus_view {
	const char *interface; /* "Manager" */
	const char *command;   /* "Processes" */
	const char *method;    /* "ListProcesses" */
	const char *name;      /* of the answer */
	const struct row_layout *layout;
	unsigned slot;
	unsigned rows; /* for how many there is room; 1: a{sv}, no list */
	bool paged;    /* a list of which one command may not give all */
};

/* All of them; ends with one that has no interface. */
extern const struct dbus_view dbus_views[];

enum dbus_kind {
	DBUS_COMMAND = 0,
	DBUS_CANCEL,
	DBUS_CONNECT,
};

struct dbus_interface;

struct dbus_method {
	const struct dbus_interface *interface;
	enum dbus_kind kind;
	const struct command *command; /* DBUS_COMMAND */
	const struct dbus_view *view;  /* NULL: the slots as they are */
	uint8_t windows;	       /* a bit per slot that comes as (htt) */
	char name[64];
	char takes[64];	  /* signature of what comes */
	char answers[32]; /* and of what goes back */
	char names[1024]; /* of all arguments, each terminated */
	size_t names_size;
	size_t first_answer; /* where in names */
};

struct dbus_interface {
	char name[64];
	const struct capsule *capsule;
	void *context; /* the frontend */
	struct dbus_method *methods;
	size_t method_count, method_room;
	bool repeats; /* some command does: there is a signal */
	sd_bus_vtable *vtable;
};

/*
 * All methods of a capsule; `views` (as dbus_views; or NULL) take the place of the commands they
 * show. Freed by dbus_interface_close. -PLUTON_ENOMEM; -PLUTON_EINVAL: a name is too
 * long, or is no name on D-Bus.
 */
int dbus_interface_open(struct dbus_interface *interface, const struct capsule *capsule,
			const struct dbus_view *views, void *context);

/* One more that no command stands behind. -PLUTON_EINVAL: there is no room. */
int dbus_interface_add(struct dbus_interface *interface, enum dbus_kind kind, const char *name,
		       const char *takes, const char *answers, const char *names,
		       size_t names_size);

/*
 * The vtable, to be used with interface->methods: a handler gets its struct dbus_method. With a
 * property `version` where that is not NULL. -PLUTON_ENOMEM.
 */
int dbus_interface_build(struct dbus_interface *interface, sd_bus_message_handler_t handler,
			 sd_bus_property_get_t version);
void dbus_interface_close(struct dbus_interface *interface);

/* true: the slot's length is no argument because there is only one. */
bool dbus_slot_is_fixed(const struct command_slot *slot);

/* true: the slot's rows are shown field by field. */
bool dbus_slot_of_view(const struct dbus_method *method, unsigned i);

/* Which words are arguments, and which answers. */
bool dbus_takes_word(const struct dbus_method *method, unsigned i);
bool dbus_answers_word(const struct dbus_method *method, unsigned i);

#endif
