/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start of the hwkey engine: reads the records of all kept keys into the vault, one after the
 * other, between other work of the loop.
 */
#ifndef PLUTON_OPENSSL_HWKEY_LOAD_H
#define PLUTON_OPENSSL_HWKEY_LOAD_H

#include "backends/openssl/hwkey_record.h"
#include "backends/openssl/hwkey_store.h"
#include "daemon/kernel/deferred.h"

struct hwkey_load {
	struct store_action store; /* first */
	struct deferred_call call;
	const struct backend_environment *environment;
	struct hil_owner *owner;
	struct hil_engine *engine;
	struct vault *vault;
	uint32_t index; /* of the record, in the list of areas */
	char area[NV_NAME_MAX + 8];
	uint8_t bytes[RECORD_SIZE_MAX + 1]; /* a row of the list, then the record */
	bool crowded; /* there are records without a slot: their numbers are not known here */
	bool done;    /* or never begun */
};

/* `owner` takes the turns at NV memory, for `engine`; that is absent if it cannot be read. */
void hwkey_load_init(struct hwkey_load *load, const struct backend_environment *environment,
		     struct hil_owner *owner, struct hil_engine *engine, struct vault *vault);

/* On the loop's next round; not ended before `done`. The vault has its roots by then. */
void hwkey_load_begin(struct hwkey_load *load);

/* Nothing begins any more. Also for one that was never initialised, of zeros. */
void hwkey_load_drop(struct hwkey_load *load);

/* The engine is absent, and the log says why. Keys stay where they are, and nobody uses them. */
void hwkey_load_give_up(struct hwkey_load *load, const char *why_not);

#endif
