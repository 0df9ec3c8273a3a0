/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call on its way from a message to the kernel's record. dbus_call.c's own.
 */
#ifndef PLUTON_DBUS_REQUEST_H
#define PLUTON_DBUS_REQUEST_H

#include "daemon/frontends/dbus_state.h"

/* A call as it was read; pointers are into the message. */
struct dbus_request {
	uint32_t words[CAPSULE_WORDS_MAX];
	struct dbus_request_slot {
		const uint8_t *data; /* ro */
		uint32_t length;
		uint32_t offset; /* in the window */
		int fd;		 /* of a memfd; -1: plain */
	} slots[CAPSULE_SLOTS_MAX];
	uint64_t plain_in, plain_out; /* bytes of all plain slots */
};

/*
 * 1; or a negative Pluton error with a sentence in kernel->why, or, without one, a negative errno
 * of a message that is damaged.
 */
int dbus_request_read(struct kernel *kernel, const struct dbus_method *method,
		      sd_bus_message *message, struct dbus_request *request);

/*
 * Fills in the operation's ranges and inline bytes (which are the frontend's), and in the call its
 * windows, also on failure, and where its outputs will be. With a sentence: -PLUTON_ESIZE: over
 * message_max. -PLUTON_ENOMEM; errors of window_add.
 */
int dbus_request_place(struct dbus_client *client, const struct dbus_request *request,
		       struct record_operation *operation, struct dbus_call *call);

#endif
