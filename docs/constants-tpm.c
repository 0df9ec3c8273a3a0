/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What limits the clients of a TPM, whatever its options say.
 */
#include "docs/constants.h"

#include "apps/tpm/bus_state.h"
#include "apps/tpm/clients.h"

const struct constant tpm_constants[] = {
	{CLIENTS_MAX, COUNT, "clients of one TPM, whatever `--connections-max` is"},
	{PLUTON_TPM_COMMAND_MAX, BYTES, "a TPM's command"},
	{PLUTON_TPM_RESPONSE_MAX, BYTES, "a TPM's response"},
	{PERMANENT_MAX, BYTES, "a TPM's permanent state"},
	{BUS_QUEUE_MAX, COUNT,
	 "TPM commands of one name on the bus that wait behind the one under way"},
	{BUS_ASIDE_MAX, COUNT, "its calls of GetInfo and CancelRunning under way"},
	{BUS_STRANGERS_MAX, COUNT,
	 "names on the bus of which a TPM does not know yet who they are"},
	{0, COUNT, NULL},
};
