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
#define DBUS_WIRE_DESCRIPTORS 253u /* of one message, SCM_MAX_FD: Linux never has to close one */
#define DBUS_WIRE_KEPT 512u	   /* of messages that are kept, all together */
#define DBUS_WIRE_LATER (DBUS_WIRE_KEPT + DBUS_WIRE_DESCRIPTORS)
#define DBUS_WIRE_FIELDS_MAX 65536u /* bytes of header fields: names, a path, a signature */

/* Memory that sd-bus has too, which must not close it last: that is done when the message is over.
 */
struct dbus_wire_later {
	int fd;
	uint32_t keep; /* by what dbus_wire_keep knows it; 0: it goes with the message */
};

struct dbus_wire {
	int bus_fd;  /* the bus's socket */
	int feed_fd; /* what came from there goes in here; -1: closed */
	struct closer *closer;
	size_t body_max;   /* bytes of a body; a longer one is left out */
	unsigned lines;	   /* of the authentication that are still to come */
	uint64_t size;	   /* bytes of the message that was begun last */
	uint64_t left;	   /* bytes of it that are still to come */
	uint64_t left_out; /* of these, what is not handed on: the end */
	unsigned later_count, kept_count;
	uint32_t last_keep;
	struct dbus_wire_later later[DBUS_WIRE_LATER];
	uint8_t have; /* bytes of the next message's header */
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

/*
 * sd-bus has handled all that came. The descriptors of the last message are closed for good unless
 * it is kept, or has not come as a whole.
 */
void dbus_wire_settle(struct dbus_wire *wire);

/*
 * The message that is being handled will be needed: its descriptors stay until dbus_wire_release
 * with *ret_keep. false: with them more than DBUS_WIRE_KEPT would be kept.
 */
bool dbus_wire_keep(struct dbus_wire *wire, uint32_t *ret_keep);
void dbus_wire_release(struct dbus_wire *wire, uint32_t keep);

/*
 * Hands on what is there, at most one message and never more than a chunk; only when sd-bus has
 * read everything before it. 1: something. 0: nothing is there. Negative: the bus is gone.
 */
int dbus_wire_relay(struct dbus_wire *wire);

#endif
