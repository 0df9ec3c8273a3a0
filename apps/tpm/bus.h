/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TPM on a D-Bus bus: org.pluton1.Tpm.INSTANCE, object /org/pluton1/tpm/INSTANCE. Every unique
 * name that calls a method is a client of the TPM, with a channel as any other client has one, only
 * that we hold its far end. docs/man/org.pluton1.Tpm.5 is the manual.
 *
 * The rule a newcomer would break first: everything here is the control thread's, and the TPM's
 * thread is reached by channels only.
 */
#ifndef PLUTON_TPMD_BUS_H
#define PLUTON_TPMD_BUS_H

#include <systemd/sd-event.h>

#include "apps/tpm/clients.h"

struct bus;

struct bus_options {
	const char *bus; /* NULL or "off": none; "session", "system" or an address; must stay */
	const char *instance;
	const char *library; /* both must stay */
	unsigned names_max;  /* clients that the TPM serves */
	struct clients *clients;
	sd_event *event;
	void (*settled)(void *context); /* once, as soon as bus_is_settled; in bus_start or after */
	void *context;
};

/*
 * Before the TPM's thread serves anybody. *ret is NULL where no bus is configured, which the other
 * functions take. -PLUTON_ENOMEM.
 */
int bus_new(const struct bus_options *options, struct bus **ret);

/* Goes on the bus, and tries for ever: that there is none is no error. */
void bus_start(struct bus *bus);

/* The name is there, or it was said why not yet. */
bool bus_is_settled(const struct bus *bus);
void bus_free(struct bus *bus);

#endif
