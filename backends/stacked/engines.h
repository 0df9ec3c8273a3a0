/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engines of the backend, as stacked.c opens them; the rest it does with their stands.
 */
#ifndef PLUTON_STACKED_ENGINES_H
#define PLUTON_STACKED_ENGINES_H

#include "backends/stacked/stand.h"

/* HMAC on an engine of digests. -PLUTON_ENOMEM; *ret is to be closed all the same, or NULL. */
int mac_on_digest_open(const struct backend_environment *environment, struct stand **ret);

/* The same on an engine of HMAC. */
int kdf_on_mac_open(const struct backend_environment *environment, struct stand **ret);

#endif
