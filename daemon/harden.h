/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the process asks of Linux for its own safety, before it opens anything.
 */
#ifndef PLUTON_HARDEN_H
#define PLUTON_HARDEN_H

/*
 * Makes 0, 1 and 2 something: a socket that got number 2 because it was free would receive the
 * log. -1.
 */
int harden_descriptors(void);

/*
 * Keys live in this process: no core file, no debugger of the same user, no files for others. And
 * as many descriptors as the hard limit allows. What is right already is not asked for: a service
 * manager's filter may forbid to. -1 with errno.
 */
int harden_process(void);

#endif
