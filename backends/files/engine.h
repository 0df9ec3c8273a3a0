/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nv engine "files", as files.c opens and closes it.
 */
#ifndef PLUTON_FILES_ENGINE_H
#define PLUTON_FILES_ENGINE_H

#include "backends/files/files.h"

/* 0 or -PLUTON_ENOMEM. Completes what an earlier run left unfinished. */
int files_engine_open(const struct backend_environment *environment,
		      const struct files_options *options, struct hil_engine **ret_engine);

/* Nothing may be under way; NULL is fine. */
void files_engine_close(struct hil_engine *engine);

#endif
