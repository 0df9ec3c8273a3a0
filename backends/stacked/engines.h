/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engines of the backend, as stacked.c opens, joins and closes them.
 */
#ifndef PLUTON_STACKED_ENGINES_H
#define PLUTON_STACKED_ENGINES_H

#include "backends/stacked/stacked.h"

/* -PLUTON_ENOMEM. The engine is absent until it has joined one below. */
int mac_on_digest_open(const struct backend_environment *environment,
		       struct hil_engine **ret_engine);
/* `below` is a digest engine, for as long as this one is open. */
void mac_on_digest_join(struct hil_engine *engine, struct hil_engine *below);
/* Nothing may be under way; NULL is fine. */
void mac_on_digest_close(struct hil_engine *engine);

/* The same on an engine of HMAC. */
int kdf_on_mac_open(const struct backend_environment *environment, struct hil_engine **ret_engine);
void kdf_on_mac_join(struct hil_engine *engine, struct hil_engine *below);
void kdf_on_mac_close(struct hil_engine *engine);

#endif
