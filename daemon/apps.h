/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apps as the machine sees them: whichever backends start some. Every call is for all of them, and
 * does nothing where there are none.
 */
#ifndef PLUTON_APPS_H
#define PLUTON_APPS_H

struct machine;

/* The machine has a socket that apps can connect to. -PLUTON_ENOMEM, logged. */
int apps_open(struct machine *machine);
void apps_begin(struct machine *machine);
void apps_reload(struct machine *machine);

/* Stops them while the loop goes on serving, and then the loop. A second call kills them. */
void apps_end(struct machine *machine);

#endif
