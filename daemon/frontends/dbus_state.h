/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the D-Bus frontend share.
 *
 * The rules a newcomer would break first: nothing here waits for the bus (no sd_bus_call, no
 * sd_bus_flush), and no message of a client is kept once its caller is known: an answer needs only
 * the caller's name and the call's cookie.
 */
#ifndef PLUTON_DBUS_STATE_H
#define PLUTON_DBUS_STATE_H

#include <systemd/sd-bus.h>

#include "daemon/frontends/dbus.h"
#include "daemon/frontends/dbus_answer.h"
#include "daemon/frontends/dbus_table.h"
#include "daemon/frontends/dbus_wire.h"
#include "daemon/kernel/process.h"

#define DBUS_BUCKETS 1024u
#define DBUS_NAME_SIZE 32u /* of a unique name, terminated; buses make ":1.N" */
#define DBUS_STRANGERS_MAX 256u
#define DBUS_HELD_MAX 512u
#define DBUS_HELD_BYTES (16u << 20) /* all messages of strangers together */

enum dbus_state {
	DBUS_AWAY = 0,	 /* tried and failed; another try is timed */
	DBUS_CONNECTING, /* until the name is ours */
	DBUS_SERVING,
};

/* A call that is under way, in its process's arena. */
struct dbus_call {
	struct dbus_call *next;
	const struct dbus_method *method;
	uint64_t cookie; /* of the call, for the reply */
	uint32_t op_id;
	bool wants_reply;
	bool announced;	 /* a repeating one whose number was told */
	uint8_t windows; /* a bit per window that goes with the call: number - 1 */
	struct record_range outputs[CAPSULE_SLOTS_MAX]; /* where rw slots are; inline from 0 */
};

/* What the frontend keeps for a process, in its arena. */
struct dbus_client {
	struct dbus *dbus;
	struct process *process;
	struct dbus_client *next; /* in its bucket */
	struct dbus_client *next_choked;
	struct dbus_call *calls;
	struct deferred_call flush;
	uint64_t active_ms; /* when it was last heard of, CLOCK_MONOTONIC */
	uint32_t last_op;
	bool choked; /* has answers, for which the bus has no room */
	char name[DBUS_NAME_SIZE];
};

/* Somebody whose credentials were asked for. */
struct dbus_stranger {
	struct dbus *dbus;
	sd_bus_slot *lookup; /* NULL: the entry is free */
	uint32_t held;	     /* messages that wait */
	char name[DBUS_NAME_SIZE];
};

struct dbus_held {
	sd_bus_message *message; /* NULL: the entry is free */
	const struct dbus_method *method;
	struct dbus_stranger *stranger;
	uint64_t number; /* they are answered in the order they came in */
	uint64_t size;
	uint32_t keep; /* its descriptors, on the wire's side */
};

struct dbus {
	struct kernel *kernel;
	struct loop *loop;
	struct channel *channel; /* rules, closer; and what Connect makes is its */
	struct dbus_settings settings;
	enum dbus_state state;
	bool settled;		/* the first attempt is over */
	bool complained;	/* of its being away */
	char trouble[160];	/* why the connection ends, if it is known */
	const char *trouble_id; /* of the message that says so */
	void (*changed)(void *context, const char *trouble); /* dbus_observe */
	void *changed_context;
	uint32_t pause_ms; /* before the next attempt */
	struct event io, retry;
	bool idle; /* nothing was there at the last pass */
	sd_bus *bus;
	struct dbus_wire wire;
	struct dbus_interface interfaces[KERNEL_DRIVERS_MAX];
	unsigned interface_count;
	char *introspection; /* of all of them */
	struct dbus_client *buckets[DBUS_BUCKETS];
	struct dbus_client *choked;
	struct dbus_stranger strangers[DBUS_STRANGERS_MAX];
	struct dbus_held held[DBUS_HELD_MAX];
	uint32_t held_count;
	uint64_t held_bytes, held_number;
	uint8_t inline_bytes[RECORD_INLINE_LIMIT]; /* of one operation on its way in, wiped */
};

/* Something was sent, or may be: waits for the right events. */
void dbus_arm(struct dbus *dbus);

/* true: the bus takes its time, nothing more is sent for now. */
bool dbus_is_choked(const struct dbus *dbus);

/* A method call of somebody who is known, from a live message. Answers at once, or later. */
void dbus_call(struct dbus_client *client, const struct dbus_method *method,
	       sd_bus_message *message);

/* Answers that are there: sends what the bus has room for. */
void dbus_call_flush(struct dbus_client *client);

/* Somebody calls: found among clients, or their credentials are asked for first. */
void dbus_receive(struct dbus *dbus, const struct dbus_method *method, sd_bus_message *message);

/* The unique name is gone from the bus. */
void dbus_vanished(struct dbus *dbus, const char *name);

/* All clients and strangers go. */
void dbus_drop_all(struct dbus *dbus);

/* For the tests. */
extern const struct frontend dbus_frontend;

/* Manager's own: the property, and what no command stands behind. */
int dbus_manager_extend(struct dbus_interface *interface);
int dbus_manager_version(sd_bus *bus, const char *path, const char *interface, const char *property,
			 sd_bus_message *reply, void *context, sd_bus_error *error);
void dbus_manager_connect(struct dbus_client *client, sd_bus_message *message);

/* The fields of `count` rows at `rows`, as the view's method answers them. Negative errno. */
int dbus_append_rows(sd_bus_message *reply, const struct dbus_view *view, const uint8_t *rows,
		     uint32_t count);

#endif
