/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the TPM's D-Bus object share.
 *
 * The rules a newcomer would break first: nothing here waits for the bus (no sd_bus_call, no
 * sd_bus_flush); and a client may be gone after anything that sends or ends, so that is the last
 * that is done with it.
 */
#ifndef PLUTON_TPMD_BUS_STATE_H
#define PLUTON_TPMD_BUS_STATE_H

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "apps/tpm/bus.h"
#include "client-lib/tpm_channel.h"
#include "daemon/frontends/dbus_wire.h"
#include "daemon/kernel/record.h"

#define BUS_QUEUE_MAX 4u /* calls of one name that wait behind the one under way */
#define BUS_ASIDE_MAX 4u /* calls of one name that need not wait for the others */
#define BUS_CALLS_MAX (1u + BUS_QUEUE_MAX + BUS_ASIDE_MAX)
#define BUS_STRANGERS_MAX 32u /* names of which it is not known yet whether they are served */
#define BUS_NAME_SIZE 32u     /* of a unique name, terminated; buses make ":1.N" */
#define BUS_NAME_MAX 64u      /* of our name and of our path, terminated */

struct bus_call {
	enum tpm_channel_command command;
	sd_bus_message *message;
	uint32_t keep;	/* of its descriptors, which nobody uses: dbus_wire_keep */
	uint32_t word;	/* its argument */
	uint32_t op_id; /* 0: not sent yet */
	bool cancel;	/* asked for */
};

/* A unique name. */
struct bus_client {
	struct bus *bus; /* NULL: this place is free */
	char name[BUS_NAME_SIZE];
	sd_bus_slot *lookup;	 /* its credentials, on the way; or NULL */
	sd_event_source *source; /* of its channel */
	int fd;			 /* of its channel; -1: none yet */
	bool attached;
	uint32_t op_id;	   /* the last one used */
	uint32_t sequence; /* of the last command */
	unsigned call_count;
	struct bus_call calls[BUS_CALLS_MAX]; /* in the order they came in */
};

enum bus_phase {
	BUS_IDLE = 0,	/* not started, or another attempt is timed */
	BUS_CONNECTING, /* until the name is ours */
	BUS_SERVING,
};

struct bus {
	struct bus_options options;
	enum bus_phase phase;
	bool settled;
	bool complained;   /* of its being away */
	char trouble[160]; /* why the connection ends, if it is known */
	uint32_t pause_ms; /* before the next attempt */
	char name[BUS_NAME_MAX];
	char path[BUS_NAME_MAX];
	sd_bus *bus;
	struct dbus_wire wire;
	struct closer closer;
	sd_event_source *io;
	sd_event_source *tick;			 /* a timer: sd-bus has something to do */
	sd_event_source *retry;			 /* a timer: connect again, or give up waiting */
	bool idle;				 /* nothing was there at the last pass */
	uint8_t (*awaited)[SNAPSHOT_TOKEN_SIZE]; /* of names that were served before a crash */
	unsigned awaited_count;
	uint8_t record[RECORD_SIZE_MAX]; /* one on its way, wiped */
	unsigned client_count;		 /* places in `clients` */
	struct bus_client clients[];
};

/* --- bus.c ----------------------------------------------------------------------------------- */

/* true: the bus takes its time; what need not be said is not said. */
bool bus_is_choked(const struct bus *bus);

/* --- bus_object.c ---------------------------------------------------------------------------- */

extern const sd_bus_vtable bus_vtable[];

/* Refuses a live message, where the bus has room for that. */
void bus_refuse(struct bus *bus, sd_bus_message *message, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Answers a call that was sent to the TPM and succeeded: what came back. */
void bus_answer(const struct bus_call *call, const struct record_upcall *upcall);

/* --- bus_client.c ---------------------------------------------------------------------------- */

/* A call for the TPM of whoever sent the message: kept, and answered now or later. */
void bus_take(struct bus *bus, enum tpm_channel_command command, sd_bus_message *message,
	      uint32_t word);

/* The command under way of the name, or its first that waits. false: there is none. */
bool bus_cancel(struct bus *bus, const char *name);

/* Somebody on the bus: gets back what the TPM keeps of them since before a crash. */
void bus_welcome_back(struct bus *bus, const char *name);

/* The unique name is gone from the bus. */
void bus_vanished(struct bus *bus, const char *name);

/* All go; what they had in the TPM is flushed. */
void bus_drop_all(struct bus *bus);

/* The client ends with an error for each of its calls. */
void bus_end_client(struct bus_client *client, int error, const char *text);

/* The call is answered. */
void bus_end_call(struct bus_client *client, struct bus_call *call);

/* --- bus_channel.c --------------------------------------------------------------------------- */

/* Calls of one name that come one after the other; the rest are asides. */
bool bus_is_ordered(enum tpm_channel_command command);

/* true: before a crash the TPM had something of this name, and nobody has come for it yet. */
bool bus_channel_is_awaited(struct bus *bus, const char *name);

/* Gives the TPM's thread a channel to the client. It may be gone afterwards. */
void bus_channel_open(struct bus_client *client, uint32_t uid, uint32_t pid);

/* Sends what may be sent now. It may be gone afterwards. */
void bus_channel_send(struct bus_client *client);

/* Asks for an early end of a command that was sent, or is to be. */
void bus_channel_cancel(struct bus_client *client, struct bus_call *call);

#endif
