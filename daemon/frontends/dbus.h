/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The D-Bus frontend: every unique name that calls a method is a process, every call an operation.
 * docs/man/org.pluton1.5 is the manual.
 */
#ifndef PLUTON_DBUS_H
#define PLUTON_DBUS_H

#include <pluton/manager.h>

#include "daemon/frontends/channel.h"

struct dbus;

struct dbus_settings {
	const char *bus; /* "off", "session", "system" or an address; stays the caller's */
	size_t message_max;
	uint32_t calls_per_client;
	uint64_t idle_timeout_ms;
	uint32_t messages_per_pass;
};

/*
 * Interfaces for all drivers, and the first attempt to connect. Needs the drivers registered and
 * the channel open, and ends before them. *ret is NULL where no bus is configured, which the other
 * functions take. -PLUTON_ENOMEM; -PLUTON_EINVAL: a command table cannot be shown on D-Bus. That
 * there is no bus is no error: it is logged, and tried again later.
 */
int dbus_open(struct loop *loop, struct channel *channel, const struct dbus_settings *settings,
	      struct dbus **ret);
void dbus_close(struct dbus *dbus);

/* For all but `bus`, while it runs. */
void dbus_set_limits(struct dbus *dbus, const struct dbus_settings *settings);

/*
 * Calls `changed` whenever the name was got (with NULL), or could not be got or was lost: with why.
 * At once where it is away already, then at most once for each attempt to connect.
 */
void dbus_observe(struct dbus *dbus, void (*changed)(void *context, const char *trouble),
		  void *context);

enum pluton_bus_state dbus_bus_state(const struct dbus *dbus);

/* true: the name is there, or it has been said why not yet. */
bool dbus_settled(const struct dbus *dbus);

#endif
