/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One action on NV memory for the hwkey engine: waits for its turn at the NV engine as any client
 * does, and tells when it is done. Records are areas of an owner that no program can be.
 */
#ifndef PLUTON_OPENSSL_HWKEY_STORE_H
#define PLUTON_OPENSSL_HWKEY_STORE_H

#include "backends/table.h"
#include "hil/nv.h"

#define HWKEY_STORE_OWNER "hwkey"

struct store_action {
	struct nv_client client; /* first */
	struct hil_waiter waiter;
	struct nv_engine *engine; /* NULL: nothing is under way */
	struct nv_request request;
	uint8_t *bytes; /* of the record or the row, in or out */
	size_t length;	/* how many came out */
	char why[256];	/* after a failure */
	/* On the loop, and never from inside store_begin. */
	void (*done)(struct store_action *action, int result);
};

/*
 * What request.action and the fields that go with it say; the rest of the request is filled in.
 * `owner` takes the turn, for the engine `above`.
 * 0: done will come. -PLUTON_ENODEVICE: there is no NV memory. Others as nv_check.
 */
int store_begin(struct store_action *action, const struct backend_environment *environment,
		struct hil_owner *owner, const struct hil_engine *above, uint32_t records_max);

#endif
