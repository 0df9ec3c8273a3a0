/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alarm, console, NV memory and apps as a client sees them. They follow the command tables of
 * docs/protocol.md with the least that shows whether libpluton does.
 */
#include "tests/unit/fake_services.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pluton/alarm.h>
#include <pluton/app.h>
#include <pluton/console.h>
#include <pluton/nv.h>

#include "client-lib/rows.h"

/* --- alarm ----------------------------------------------------------------------------------- */

/* Every: as many upcalls as its period has milliseconds, the n-th with n missed ones. */
static void serve_every(struct fake_daemon *fake, struct fake_request *request)
{
	for (uint32_t i = 0; i < request->record->operation.words[0]; i++) {
		const struct record upcall = {
			.header = {.type = RECORD_UPCALL,
				   .flags = RECORD_MORE,
				   .op_id = request->record->header.op_id},
			.upcall = {.words = {0, i, FAKE_TIME_HIGH}, .missed = i},
		};

		fake_send(fake, &upcall);
	}
}

static void serve_alarm(struct fake_daemon *fake, struct fake_request *request)
{
	uint32_t ms = request->record->operation.words[0];

	request->words[0] = ms;
	request->words[1] = FAKE_TIME_HIGH;
	switch (request->record->operation.command) {
	case 2:
		if (ms >= FAKE_NEVER_MS)
			return;
		/* fall through */
	case 1:
		fake_answer(fake, request, 0);
		break;
	default:
		serve_every(fake, request);
	}
}

/* --- console --------------------------------------------------------------------------------- */

static void serve_console(struct fake_daemon *fake, struct fake_request *request)
{
	uint32_t length = fake_slot_length(request, 0);

	if (length > sizeof(fake->line)) {
		fake_refuse(fake, request, PLUTON_ESIZE);
		return;
	}
	if (fake->lines++ >= fake->lines_max) {
		fake_refuse(fake, request, PLUTON_EBUSY);
		return;
	}
	memcpy(fake->line, fake_slot(fake, request, 0), length);
	fake->line_length = length;
	fake->line_level = request->record->operation.words[0];
	fake_answer(fake, request, 0);
}

/* --- NV memory ------------------------------------------------------------------------------- */

static struct fake_area *find_area(struct fake_daemon *fake, const char *name)
{
	for (unsigned i = 0; i < FAKE_AREAS_MAX; i++) {
		if (strcmp(fake->areas[i].row.name, name) == 0)
			return &fake->areas[i];
	}
	return NULL;
}

static void area_put(struct fake_area *area, uint32_t offset, const uint8_t *data, uint32_t length)
{
	memcpy(area->data + offset, data, length);
	if (area->row.length < offset + length)
		area->row.length = offset + length;
	area->row.generation++;
}

static uint32_t area_define(struct fake_daemon *fake, const char *name, uint32_t capacity)
{
	struct fake_area *area = find_area(fake, "");

	if (find_area(fake, name))
		return PLUTON_EALREADY;
	if (!area || capacity > sizeof(area->data))
		return PLUTON_ENOMEM;
	*area = (struct fake_area){.row = {.capacity = capacity}};
	snprintf(area->row.name, sizeof(area->row.name), "%s", name);
	return 0;
}

/* A put: the whole data, of an area that may have to be made. */
static uint32_t area_replace(struct fake_daemon *fake, const char *name, const uint8_t *data,
			     uint32_t length)
{
	struct fake_area *area = find_area(fake, name);
	uint32_t error = 0;

	if (!area) {
		error = area_define(fake, name, length);
		area = find_area(fake, name);
	}
	if (error != 0)
		return error;
	if (length > sizeof(area->data))
		return PLUTON_ESIZE;
	area->row.length = 0;
	if (area->row.capacity < length)
		area->row.capacity = length;
	area_put(area, 0, data, length);
	return 0;
}

/* Somebody else writes after this read or status: another generation, another length, other bytes.
 */
static void disturb(struct fake_daemon *fake, struct fake_area *area)
{
	if (fake->disturbances == 0)
		return;
	fake->disturbances--;
	area->row.generation++;
	area->row.length = fake->disturbed_length;
	memset(area->data, (int)(area->row.generation & 0xff), area->row.length);
}

static uint32_t area_read(struct fake_daemon *fake, struct fake_area *area,
			  struct fake_request *request)
{
	uint32_t offset = request->record->operation.words[0];
	uint32_t length = fake_slot_length(request, 1);

	if (length == 0 || length > PLUTON_NV_READ_MAX || offset > area->row.length)
		return PLUTON_ESIZE;
	if (length > area->row.length - offset)
		length = area->row.length - offset;
	memcpy(fake_slot(fake, request, 1), area->data + offset, length);
	request->words[0] = length;
	request->words[1] = area->row.generation;
	disturb(fake, area);
	return 0;
}

static uint32_t area_write(struct fake_daemon *fake, struct fake_area *area,
			   struct fake_request *request)
{
	uint32_t offset = request->record->operation.words[0];
	uint32_t length = fake_slot_length(request, 1);

	if (length == 0 || (uint64_t)offset + length > area->row.capacity)
		return PLUTON_ESIZE;
	area_put(area, offset, fake_slot(fake, request, 1), length);
	return 0;
}

/* The bytes of a commit as hil/nv.h has them. All are looked at before the first is done. */
static uint32_t commit(struct fake_daemon *fake, const uint8_t *at, uint32_t left, bool apply)
{
	while (left > 0) {
		char name[256] = {0};
		uint32_t length, error = 0;

		if (left < 8 || at[2] != 0 || at[3] != 0)
			return PLUTON_EINVAL;
		memcpy(&length, at + 4, sizeof(length));
		length = le32toh(length);
		if ((uint64_t)at[1] + length > left - 8)
			return PLUTON_EINVAL;
		memcpy(name, at + 8, at[1]);
		if (at[0] == 2 && !find_area(fake, name))
			return PLUTON_ENODEVICE;
		if (apply && at[0] == 1)
			error = area_replace(fake, name, at + 8 + at[1], length);
		if (apply && at[0] == 2)
			*find_area(fake, name) = (struct fake_area){0};
		if (error != 0)
			return error;
		left -= 8u + at[1] + length;
		at += 8u + at[1] + length;
	}
	return 0;
}

static uint32_t serve_areas(struct fake_daemon *fake, struct fake_request *request)
{
	uint32_t first = request->record->operation.words[0], count = 0, next = 0;
	uint32_t fit = fake_slot_length(request, 0) / (uint32_t)row_nv.size;
	uint8_t *wire = fake_slot(fake, request, 0);

	for (uint32_t i = 0; i < FAKE_AREAS_MAX; i++) {
		if (!fake->areas[i].row.name[0] || next++ < first || count == fit)
			continue;
		row_encode(&row_nv, &fake->areas[i].row, wire + count++ * row_nv.size);
	}
	request->words[0] = count;
	request->words[1] = first + count < next ? first + count : 0;
	return 0;
}

static uint32_t serve_area(struct fake_daemon *fake, struct fake_request *request)
{
	const struct record_operation *operation = &request->record->operation;
	char name[PLUTON_NV_NAME_MAX + 8] = {0};
	struct fake_area *area;

	if (fake_slot_length(request, 0) > PLUTON_NV_NAME_MAX)
		return PLUTON_ESIZE;
	memcpy(name, fake_slot(fake, request, 0), fake_slot_length(request, 0));
	area = find_area(fake, name);
	if (operation->command == 1)
		return area_define(fake, name, operation->words[0]);
	if (operation->command == 5)
		return area_replace(fake, name, fake_slot(fake, request, 1),
				    fake_slot_length(request, 1));
	if (!area)
		return PLUTON_ENODEVICE;
	switch (operation->command) {
	case 2:
		*area = (struct fake_area){0};
		return 0;
	case 3:
		return area_read(fake, area, request);
	case 4:
		return area_write(fake, area, request);
	case 7:
		area->row.locks |= operation->words[0];
		return 0;
	default:
		row_encode(&row_nv, &area->row, fake_slot(fake, request, 1));
		disturb(fake, area);
		return 0;
	}
}

static void serve_nv(struct fake_daemon *fake, struct fake_request *request)
{
	uint32_t error;

	if (request->record->operation.command == 6) {
		const uint8_t *changes = fake_slot(fake, request, 0);
		uint32_t length = fake_slot_length(request, 0);

		error = commit(fake, changes, length, false);
		error = error ? error : commit(fake, changes, length, true);
	} else if (request->record->operation.command == 9) {
		error = serve_areas(fake, request);
	} else {
		error = serve_area(fake, request);
	}
	fake_answer(fake, request, error);
}

/* --- apps ------------------------------------------------------------------------------------ */

static void fill_app(uint32_t index, uint8_t *wire)
{
	struct pluton_app_row row = {.state = PLUTON_APP_RUNNING, .pid = 100 + index};

	snprintf(row.name, sizeof(row.name), "app%u", index);
	snprintf(row.reason, sizeof(row.reason), "exit status %u", index);
	row_encode(&row_app, &row, wire);
}

static void serve_apps(struct fake_daemon *fake, struct fake_request *request)
{
	uint32_t first = request->record->operation.words[0], count = 0;
	uint32_t fit = fake_slot_length(request, 0) / (uint32_t)row_app.size;
	uint8_t *wire = fake_slot(fake, request, 0);

	while (count < fit && first + count < FAKE_APPS) {
		fill_app(first + count, wire + count * row_app.size);
		count++;
	}
	request->words[0] = count;
	request->words[1] = first + count < FAKE_APPS ? first + count : 0;
	fake_answer(fake, request, 0);
}

/* With `descriptors` ends of channels; the other ends say "hello" and are closed. */
static void answer_giving(struct fake_daemon *fake, const struct fake_request *request)
{
	const struct record upcall = {
		.header = {.type = RECORD_UPCALL, .op_id = request->record->header.op_id},
		.upcall = {.output_length = request->record->operation.output_length,
			   .output = request->output},
	};
	int ends[FAKE_FDS_MAX], pair[2];

	for (unsigned i = 0; i < fake->descriptors; i++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			abort();
		ends[i] = pair[0];
		if (send(pair[1], "hello", 5, MSG_NOSIGNAL) != 5)
			abort();
		close(pair[1]);
	}
	if (fake->descriptors == 0)
		fake_send(fake, &upcall);
	else
		fake_send_fds(fake, &upcall, ends, fake->descriptors);
	for (unsigned i = 0; i < fake->descriptors; i++)
		close(ends[i]);
}

static void serve_accept(struct fake_daemon *fake, struct fake_request *request)
{
	const struct pluton_app_peer peer = {.command = "tpm2_getrandom", .uid = 1000, .pid = 77};
	uint8_t *wire = fake_slot(fake, request, 0);

	row_encode(&row_app_peer, &peer, wire);
	if (fake->endless_rows)
		memset(wire, 'x', sizeof(peer.command));
	answer_giving(fake, request);
}

static void serve_named_app(struct fake_daemon *fake, struct fake_request *request)
{
	const char *name = (const char *)fake_slot(fake, request, 0);

	if (fake_slot_length(request, 0) != 4 || memcmp(name, "app1", 4) != 0) {
		fake_refuse(fake, request, PLUTON_ENODEVICE);
		return;
	}
	fake->controlled = request->record->operation.command;
	if (fake->controlled == 6) {
		answer_giving(fake, request);
		return;
	}
	if (fake->controlled == 2)
		fill_app(1, fake_slot(fake, request, 1));
	if (fake->controlled == 2 && fake->endless_rows)
		memset(fake_slot(fake, request, 1), 'x', PLUTON_APP_NAME_MAX + 1);
	fake_answer(fake, request, 0);
}

static void serve_app(struct fake_daemon *fake, struct fake_request *request)
{
	if (request->record->operation.command == 1)
		serve_apps(fake, request);
	else if (request->record->operation.command == 7)
		serve_accept(fake, request);
	else
		serve_named_app(fake, request);
}

bool fake_serve_service(struct fake_daemon *fake, struct fake_request *request)
{
	switch (request->record->header.driver) {
	case PLUTON_DRIVER_ALARM:
		serve_alarm(fake, request);
		return true;
	case PLUTON_DRIVER_CONSOLE:
		serve_console(fake, request);
		return true;
	case PLUTON_DRIVER_NV:
		serve_nv(fake, request);
		return true;
	case PLUTON_DRIVER_APP:
		serve_app(fake, request);
		return true;
	default:
		return false;
	}
}
