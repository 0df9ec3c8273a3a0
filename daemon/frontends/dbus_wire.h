/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way from the bus to sd-bus. sd-bus writes to the bus's socket itself, but what comes from
 * there passes through here first, because sd-bus would close on the loop's thread whatever
 * descriptors strangers send, and would take 128 MiB for a message of that length.
 *
 * The rule a newcomer would break first: a step of the relay never reads past the end of a message,
 * or descriptors would end up with the wrong one.
 */
#ifndef PLUTON_DBUS_WIRE_H
#define PLUTON_DBUS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/frontends/closer.h"

#define DBUS_WIRE_HEADER 16u
#define DBUS_WIRE_CHUNK 32768u
#define DBUS_WIRE_LATER 256u
#define DBUS_WIRE_FIELDS_MAX 65536u /* bytes of header fields: names, a path, a signature */

struct dbus_wire {
	int bus_fd;  /* the bus's socket */
	int feed_fd; /* what came from there goes in here; -1: closed */
	struct closer *closer;
	size_t body_max;   /* bytes of a body; a longer one is left out */
	unsigned lines;	   /* of the authentication that are still to come */
	uint64_t size;	   /* bytes of the message that was begun last */
	uint64_t left;	   /* bytes of it that are still to come */
	uint64_t left_out; /* of these, what is not handed on: the end */
	unsigned later_count;
	int later[DBUS_WIRE_LATER]; /* memory that sd-bus has too: it must not close it last */
	uint64_t abandoned;	    /* descriptors that stay open, because too many hang */
	uint8_t have;		    /* bytes of the next message's header */
	uint8_t header[DBUS_WIRE_HEADER];
	uint8_t chunk[DBUS_WIRE_CHUNK]; /* wiped after use */
};

/*
 * The address of "session" or "system" as the environment says, where need be made in `buffer`;
 * any other text is an address itself.
 */
const char *dbus_wire_address(const char *bus, char *buffer, size_t size);

/*
 * Connects to the address ("unix:path=…" or "unix:abstract=…", of a list the first that works)
 * without waiting. *ret_read_fd and *ret_write_fd are the caller's: for sd_bus_set_fd. A negative
 * errno; -EPROTONOSUPPORT: another kind of address.
 */
int dbus_wire_open(struct dbus_wire *wire, const char *address, struct closer *closer,
		   int *ret_read_fd, int *ret_write_fd);
void dbus_wire_close(struct dbus_wire *wire);

/* No message that came is kept any more: descriptors of theirs are closed for good. */
void dbus_wire_settle(struct dbus_wire *wire);

/*
 * Hands on what is there, at most one message and never more than a chunk; only when sd-bus has
 * read everything before it. 1: something. 0: nothing is there. Negative: the bus is gone.
 */
int dbus_wire_relay(struct dbus_wire *wire);

#endif
