/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is at our path on D-Bus, as XML: the answer to Introspectable.Introspect. It never
 * changes, so it is written once; sd-bus would write it for every call, on the loop.
 */
#ifndef PLUTON_DBUS_INTROSPECT_H
#define PLUTON_DBUS_INTROSPECT_H

#include "daemon/frontends/dbus_table.h"

/* All interfaces, built. To be freed. NULL: no memory. */
char *dbus_introspect(const struct dbus_interface *interfaces, unsigned count);

#endif
