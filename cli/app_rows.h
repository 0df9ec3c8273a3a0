/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How apps are shown, by `app` and by `status`.
 */
#ifndef PLUTON_CLI_APP_ROWS_H
#define PLUTON_CLI_APP_ROWS_H

#include "cli/table.h"

extern const struct table app_rows;

#endif
