/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which engine of a HIL serves a request. The order of the port is the configuration's: the first
 * engine whose capabilities allow the request gets it, also where a later one would be faster.
 */
#include "hil/contract.h"

int hil_select(const struct hil_port *port, const void *request,
	       int (*check)(const struct hil_engine *engine, const void *request),
	       struct hil_engine **ret_engine)
{
	int r = -PLUTON_ENODEVICE;

	for (unsigned i = 0; i < port->count; i++) {
		r = check(port->engines[i], request);
		if (r == 0) {
			*ret_engine = port->engines[i];
			return 0;
		}
	}
	return r;
}
