/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands whose bytes are rows (client-lib/rows.h): on D-Bus their fields have names. A capsule
 * with rows has its lines here; without them its methods show the bytes.
 */
#include <errno.h>

#include "daemon/frontends/dbus_state.h"

#define ROWS 64u /* the most that capsules give at once */

/* clang-format off */
const struct dbus_view dbus_views[] = {
	{"Manager", "Status", "GetStatus", "status", &row_status, 0, 1, false},
	{"Manager", "Capsules", "ListCapsules", "capsules", &row_capsule, 0, ROWS, false},
	{"Manager", "Engines", "ListEngines", "engines", &row_engine, 0, ROWS, false},
	{"Manager", "Processes", "ListProcesses", "processes", &row_process, 0, ROWS, true},
	{"Manager", "Limits", "ListLimits", "limits", &row_limit, 0, ROWS, false},
	{"Manager", "Handlers", "ListHandlers", "handlers", &row_handler, 0, ROWS, false},
	{"Manager", "Commands", "ListCommands", "commands", &row_command, 0, ROWS, true},
	{"Manager", "SelfTests", "ListSelfTests", "tests", &row_selftest, 0, ROWS, true},
	{"NvMem", "Status", "Status", "area", &row_nv, 1, 1, false},
	{"NvMem", "List", "List", "areas", &row_nv, 0, ROWS, true},
	{"HwKey", "Status", "Status", "key", &row_hwkey, 1, 1, false},
	{"HwKey", "List", "List", "keys", &row_hwkey, 0, ROWS, true},
	{"App", "Status", "Status", "app", &row_app, 1, 1, false},
	{"App", "List", "List", "apps", &row_app, 0, ROWS, true},
	{"App", "Accept", "Accept", "peer", &row_app_peer, 0, 1, false},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, false},
};
/* clang-format on */

int dbus_append_rows(sd_bus_message *reply, const struct dbus_view *view, const uint8_t *rows,
		     uint32_t count)
{
	_Alignas(uint64_t) uint8_t row[DBUS_ROW_SIZE_MAX];
	const struct row_layout *layout = view->layout;
	bool listed = view->rows > 1;
	int r = layout->size > sizeof(row) ? -E2BIG : 0;

	if (!listed || count > view->rows)
		count = view->rows;
	if (r >= 0 && listed)
		r = sd_bus_message_open_container(reply, 'a', "a{sv}");

	for (uint32_t i = 0; i < count && r >= 0; i++) {
		r = row_decode(layout, rows + i * layout->size, row);
		if (r >= 0)
			r = dbus_append_row(reply, layout, row);
	}
	return r >= 0 && listed ? sd_bus_message_close_container(reply) : r;
}
