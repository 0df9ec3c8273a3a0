/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What app engines and who asks them agree on besides calls: names, and rows as libpluton reads
 * them.
 */
#include "hil/app.h"

#include <assert.h>
#include <string.h>

#include "client-lib/rows.h"

static_assert(sizeof(struct pluton_app_row) == APP_ROW_SIZE, "the row of List and Status");
static_assert(sizeof(struct pluton_app_peer) == APP_PEER_SIZE, "the row of Accept");
static_assert(PLUTON_APP_NAME_MAX == APP_NAME_MAX && PLUTON_APP_REASON_MAX == APP_REASON_MAX,
	      "libpluton has room for what engines say");

bool app_name_valid(const char *name, size_t length)
{
	for (size_t i = 0; i < length && i < APP_NAME_MAX; i++) {
		char c = name[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!is_letter && !(c >= '0' && c <= '9') && (i == 0 || (c != '-' && c != '_')))
			return false;
	}
	return length > 0 && length <= APP_NAME_MAX;
}

void app_status_encode(const struct app_status *status, uint8_t ret_row[APP_ROW_SIZE])
{
	struct pluton_app_row row = {.state = status->state,
				     .pid = status->pid,
				     .starts = status->starts,
				     .failures = status->failures,
				     .since_ms = status->since_ms,
				     .retry_ms = status->retry_ms};

	memcpy(row.name, status->name, sizeof(row.name));
	memcpy(row.reason, status->reason, sizeof(row.reason));
	row_encode(&row_app, &row, ret_row);
}

void app_peer_encode(const struct app_peer *peer, uint8_t ret_row[APP_PEER_SIZE])
{
	struct pluton_app_peer row = {.uid = peer->uid,
				      .gid = peer->gid,
				      .pid = peer->pid,
				      .process_index = peer->process_index,
				      .process_generation = peer->process_generation};

	memcpy(row.command, peer->command, sizeof(row.command));
	memcpy(row.app, peer->app, sizeof(row.app));
	row_encode(&row_app_peer, &row, ret_row);
}
