/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a console's capabilities allow: the same answer for hil_select, for the engines and for the
 * checker. An empty line is refused like one that is too long.
 */
#include "hil/console.h"

int console_check(const struct hil_engine *engine, const void *console_request)
{
	const struct console_caps *caps =
		&((const struct console_engine *)(const void *)engine)->caps;
	const struct console_request *request = console_request;

	return request->length == 0 || request->length > caps->line_max ? -PLUTON_ESIZE : 0;
}
