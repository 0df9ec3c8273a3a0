/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash unit: BEGIN, [PUT state], PUT input ..., then GET digest or GET state, which ends it.
 */
#include <assert.h>
#include <string.h>

#include "backends/chip/firmware/units.h"
#include "backends/chip/firmware/wipe.h"
#include "pluton/error.h"

#define KIND 0x31484453u /* "SDH1": a state of this unit, in this layout */

static_assert(sizeof(struct digest_state) == 112, "the state has no holes");
static_assert(sizeof(struct digest_state) <= FRAME_DATA_MAX, "the state moves in one frame");

static uint8_t begin(struct digest_unit *unit, const struct frame *command)
{
	memset(unit, 0, sizeof(*unit));
	if (command->length != WIRE_BEGIN_DIGEST_SIZE)
		return PLUTON_ESIZE;
	if (command->data[0] != WIRE_SHA256 || command->data[1] > (WIRE_FIRST | WIRE_LAST))
		return PLUTON_ENOSUPPORT;
	unit->wants_state = !(command->data[1] & WIRE_FIRST);
	unit->last = command->data[1] & WIRE_LAST;
	unit->begun = true;
	sha256_begin(&unit->state.sha256);
	return 0;
}

static uint8_t put_state(struct digest_unit *unit, const struct frame *command)
{
	if (!unit->begun || !unit->wants_state)
		return PLUTON_ERESERVE;
	if (command->length != sizeof(unit->state))
		return PLUTON_ESIZE;
	memcpy(&unit->state, command->data, sizeof(unit->state));
	if (unit->state.kind != KIND)
		return PLUTON_EINVAL;
	unit->wants_state = false;
	return 0;
}

static uint8_t put_input(struct digest_unit *unit, const struct frame *command)
{
	if (!unit->begun || unit->wants_state)
		return PLUTON_ERESERVE;
	sha256_take(&unit->state.sha256, command->data, command->length);
	return 0;
}

static uint8_t get(struct digest_unit *unit, uint8_t item, struct answer *ret_answer)
{
	if (!unit->begun || unit->wants_state || unit->last != (item == WIRE_ITEM_DIGEST))
		return PLUTON_ERESERVE;
	if (item == WIRE_ITEM_DIGEST) {
		sha256_end(&unit->state.sha256, ret_answer->data);
		ret_answer->length = SHA256_SIZE;
	} else {
		unit->state.kind = KIND;
		memcpy(ret_answer->data, &unit->state, sizeof(unit->state));
		ret_answer->length = sizeof(unit->state);
	}
	firmware_wipe(unit, sizeof(*unit));
	return 0;
}

static uint8_t take(struct digest_unit *unit, const struct frame *command,
		    struct answer *ret_answer)
{
	uint8_t item = command->item;

	if (command->type == WIRE_BEGIN)
		return begin(unit, command);
	if (command->type == WIRE_PUT && item == WIRE_ITEM_STATE)
		return put_state(unit, command);
	if (command->type == WIRE_PUT && item == WIRE_ITEM_INPUT)
		return put_input(unit, command);
	if (command->type == WIRE_GET && (item == WIRE_ITEM_DIGEST || item == WIRE_ITEM_STATE))
		return get(unit, item, ret_answer);
	return PLUTON_ENOSUPPORT;
}

void digest_unit_take(struct digest_unit *unit, const struct frame *command,
		      struct answer *ret_answer)
{
	ret_answer->status = take(unit, command, ret_answer);
	if (ret_answer->status != 0)
		firmware_wipe(unit, sizeof(*unit));
}
