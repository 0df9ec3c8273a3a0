/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of the steps.
 */
#include "daemon/kernel/steps.h"

static const char *const names[KERNEL_STEPS] = {
	[STEP_PROCESS_MADE] = "process-made",
	[STEP_RECORD_RECEIVED] = "record-received",
	[STEP_WINDOW_ADDED] = "window-added",
	[STEP_OPERATION_MADE] = "operation-made",
	[STEP_OPERATION_ACCEPTED] = "operation-accepted",
	[STEP_ENGINE_REQUESTED] = "engine-requested",
	[STEP_ENGINE_GRANTED] = "engine-granted",
	[STEP_GRANT_MADE] = "grant-made",
	[STEP_GRANT_ENTERED] = "grant-entered",
	[STEP_PULL] = "pull",
	[STEP_PUSH] = "push",
	[STEP_LEND] = "lend",
	[STEP_CHARGE_TAKEN] = "charge-taken",
	[STEP_ENGINE_RELEASED] = "engine-released",
	[STEP_OPERATION_DONE] = "operation-done",
	[STEP_UPCALL_POSTED] = "upcall-posted",
	[STEP_UPCALL_SENT] = "upcall-sent",
	[STEP_GRANT_FREED] = "grant-freed",
	[STEP_OPERATION_REFUSED] = "operation-refused",
	[STEP_PROCESS_GONE] = "process-gone",
	[STEP_HANDLER_RAN] = "handler-ran",
};

const char *kernel_step_name(enum kernel_step step)
{
	return step < KERNEL_STEPS ? names[step] : NULL;
}
