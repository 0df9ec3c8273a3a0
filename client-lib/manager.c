/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon is and does: requests to the manager, and rows taken from its answers.
 */
#include <pluton/manager.h>

#include <string.h>

#include "client-lib/connection.h"
#include "client-lib/list.h"
#include "client-lib/rows.h"

enum {
	COMMAND_STATUS = 1,
	COMMAND_CAPSULES = 2,
	COMMAND_ENGINES = 3,
	COMMAND_PROCESSES = 4,
	COMMAND_LIMITS = 5,
	COMMAND_SET_LOG_LEVEL = 6,
	COMMAND_HANDLERS = 7,
	COMMAND_SELF_TESTS = 12,
	COMMAND_SELF_TEST = 13,
};

#define SLOT_ROWS 0
#define SLOT_ENGINE 0

static struct pluton_request manager_request(uint32_t command, uint32_t word)
{
	return (struct pluton_request){
		.driver = PLUTON_DRIVER_MANAGER,
		.command = command,
		.words[0] = word,
	};
}

int pluton_get_status(struct pluton *pluton, struct pluton_status *ret)
{
	struct pluton_request request = manager_request(COMMAND_STATUS, 0);
	uint8_t wire[sizeof(struct pluton_status)];
	struct pluton_status status;
	int r;

	request.slots[SLOT_ROWS] = (struct pluton_slot){.out = wire, .length = sizeof(wire)};
	r = operation_perform(pluton, &request, REPEAT_ALWAYS, NULL);
	if (r < 0)
		return r;
	if (row_decode(&row_status, wire, &status) < 0)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "the status makes no sense");
	*ret = status;
	return 0;
}

int pluton_set_log_level(struct pluton *pluton, enum pluton_log_level level)
{
	struct pluton_request request = manager_request(COMMAND_SET_LOG_LEVEL, level);

	return operation_perform(pluton, &request, REPEAT_ALWAYS, NULL);
}

int pluton_selftest(struct pluton *pluton, const char *engine, uint32_t *ret_passed,
		    uint32_t *ret_failed)
{
	struct pluton_request request = manager_request(COMMAND_SELF_TEST, 0);
	uint32_t words[3]; /* the first is the status */
	int r;

	if (engine)
		request.slots[SLOT_ENGINE] =
			(struct pluton_slot){.in = engine, .length = strlen(engine)};
	r = operation_perform(pluton, &request, REPEAT_ALWAYS, words);
	if (r < 0)
		return r;
	if (ret_passed)
		*ret_passed = words[1];
	if (ret_failed)
		*ret_failed = words[2];
	return 0;
}

/* --- lists ----------------------------------------------------------------------------------- */

int pluton_list_capsules(struct pluton *pluton, struct pluton_capsule_row **ret_rows,
			 size_t *ret_count)
{
	struct list list = {.layout = &row_capsule};
	int r = list_get(pluton, PLUTON_DRIVER_MANAGER, COMMAND_CAPSULES, &list);

	if (r < 0)
		return r;
	*ret_rows = (struct pluton_capsule_row *)(void *)list.rows;
	*ret_count = list.count;
	return 0;
}

int pluton_list_engines(struct pluton *pluton, struct pluton_engine_row **ret_rows,
			size_t *ret_count)
{
	struct list list = {.layout = &row_engine};
	int r = list_get(pluton, PLUTON_DRIVER_MANAGER, COMMAND_ENGINES, &list);

	if (r < 0)
		return r;
	*ret_rows = (struct pluton_engine_row *)(void *)list.rows;
	*ret_count = list.count;
	return 0;
}

int pluton_list_processes(struct pluton *pluton, struct pluton_process_row **ret_rows,
			  size_t *ret_count)
{
	struct list list = {.layout = &row_process};
	int r = list_get(pluton, PLUTON_DRIVER_MANAGER, COMMAND_PROCESSES, &list);

	if (r < 0)
		return r;
	*ret_rows = (struct pluton_process_row *)(void *)list.rows;
	*ret_count = list.count;
	return 0;
}

int pluton_list_handlers(struct pluton *pluton, struct pluton_handler_row **ret_rows,
			 size_t *ret_count)
{
	struct list list = {.layout = &row_handler};
	int r = list_get(pluton, PLUTON_DRIVER_MANAGER, COMMAND_HANDLERS, &list);

	if (r < 0)
		return r;
	*ret_rows = (struct pluton_handler_row *)(void *)list.rows;
	*ret_count = list.count;
	return 0;
}

int pluton_list_selftests(struct pluton *pluton, struct pluton_selftest_row **ret_rows,
			  size_t *ret_count)
{
	struct list list = {.layout = &row_selftest};
	int r = list_get(pluton, PLUTON_DRIVER_MANAGER, COMMAND_SELF_TESTS, &list);

	if (r < 0)
		return r;
	*ret_rows = (struct pluton_selftest_row *)(void *)list.rows;
	*ret_count = list.count;
	return 0;
}

int pluton_list_limits(struct pluton *pluton, struct pluton_limit_row **ret_rows, size_t *ret_count)
{
	struct list list = {.layout = &row_limit};
	int r = list_get(pluton, PLUTON_DRIVER_MANAGER, COMMAND_LIMITS, &list);

	if (r < 0)
		return r;
	*ret_rows = (struct pluton_limit_row *)(void *)list.rows;
	*ret_count = list.count;
	return 0;
}
