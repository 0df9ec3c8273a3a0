/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the library's own users of apps need besides pluton/app.h. Asking for a channel may take as
 * long as an app takes to start, so this does not wait for the answer.
 */
#ifndef PLUTON_CLIENT_APP_H
#define PLUTON_CLIENT_APP_H

#include <pluton/app.h>

#include "client-lib/operation.h"

/* pluton_app_connect that does not wait: `told` owns the descriptor in the answer. */
int app_connect_begin(struct pluton *pluton, const char *name, operation_told_fn told,
		      void *userdata);

#endif
