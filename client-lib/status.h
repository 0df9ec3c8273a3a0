/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of one thing, asked for by waiting or not: the answer is one row, which the caller has
 * in its own layout then.
 */
#ifndef PLUTON_CLIENT_STATUS_H
#define PLUTON_CLIENT_STATUS_H

#include <pluton/pluton.h>

#include "client-lib/rows.h"

#define STATUS_SLOT_ROW 1 /* of every command that tells a state */

/* Where the row goes. */
struct status {
	const struct row_layout *layout;
	void *ret; /* written with status 0 only */
	pluton_done_fn done;
	void *userdata;
};

/* `request` has all but the row's slot; *ret is written with status 0 only. */
int status_perform(struct pluton *pluton, const struct pluton_request *request,
		   const struct row_layout *layout, void *ret);
int status_submit(struct pluton *pluton, const struct pluton_request *request,
		  const struct status *status, pluton_operation_id *ret_id);

#endif
