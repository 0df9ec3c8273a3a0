/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairing. libtpms takes any volatile state with any permanent one, and what comes out of two that
 * do not belong together is a TPM that never was: a counter that went back, a session bound to an
 * authorization value of another time. So they are paired here.
 *
 * The argument, for a command that changes permanent state N into N+1. In this order:
 *
 *	1. the entry's `accepted` becomes the command's number
 *	2. libtpms runs it; N+1 is written into the snapshot's image that is not in use
 *	3. the connection's other half gets the response, valid with the next slot
 *	4. the next slot is written: volatile state, "belongs to N+1", where N+1 lies; it is in use
 *	5. nvmem stores N+1 and says that it is durable
 *	6. the header's `durable` becomes N+1
 *	7. the response is sent
 *
 * Killed before 4 is complete, the slot in use says N, and its image of N was not touched: the TPM
 * goes on as if the command had never come, and its client, which has no response, is told
 * TPM_RC_RETRY because of 1. Killed after 4, the slot says N+1 and has it: the TPM goes on after
 *the command. Whether nvmem has N or N+1 by then does not matter, as long as it has nothing else;
 *it is stored again, and nobody is served before that. The client gets the response from its half.
 * There is no third case, and none in which a client holds a response that nvmem lacks.
 *
 * Several changes may be between 4 and 5, since commands that only touch volatile state go on
 * meanwhile, and their slots are of N+1, N+2 ... too; nvmem then has any state from `durable` to
 *the slot's. Outside of that range somebody else has written or restored the area: the snapshot is
 *of another history, and dropping it is what a power cut does to a TPM.
 *
 * Losing power loses the snapshot. Then nvmem has N or N+1, each of them whole, and whoever got a
 * response to the change finds N+1.
 */
#include "apps/tpm/resume.h"

#include <string.h>

#include <pluton/error.h>

/* Why the snapshot's states cannot go on from what nvmem has; NULL: they can. */
static const char *what_parts(const struct permanent *area, const struct permanent *kept,
			      uint64_t durable)
{
	if (area->generation == 0)
		return durable == 0 ? NULL : "its permanent state was deleted";
	if (memcmp(area->lineage, kept->lineage, sizeof(area->lineage)) != 0)
		return "the permanent state is another TPM's";
	if (area->generation < durable)
		return "the permanent state is older than what had been stored";
	if (area->generation > kept->generation)
		return "the permanent state is newer: somebody else has used it";
	if (area->generation == kept->generation &&
	    memcmp(area->digest, kept->digest, sizeof(area->digest)) != 0)
		return "the permanent state is not the one that had been stored";
	return NULL;
}

/* The permanent state that the slot in use belongs to. */
static const char *open_kept(struct snapshot *snapshot, struct permanent *ret,
			     const uint8_t **ret_image)
{
	const struct snapshot_state *state = snapshot_state(snapshot);
	const uint8_t *image = snapshot_permanent(snapshot, state->permanent_index);
	const char *why;

	if (permanent_open(image, permanent_size(image), ret, &why) < 0 ||
	    ret->generation != state->permanent_generation ||
	    memcmp(ret->digest, state->permanent_digest, sizeof(ret->digest)) != 0)
		return "its copy of the permanent state is damaged";
	*ret_image = image;
	return NULL;
}

static const char *pair(struct snapshot *snapshot, const struct permanent *area,
			struct resume *resume)
{
	struct permanent kept;
	const uint8_t *image;
	const char *why = open_kept(snapshot, &kept, &image);

	if (!why)
		why = what_parts(area, &kept, snapshot_durable(snapshot));
	if (why)
		return why;
	resume->kind = RESUME_GO_ON;
	resume->permanent = kept;
	resume->image = image;
	return NULL;
}

int resume_decide(struct resume_area area, struct snapshot *snapshot, struct resume *ret)
{
	int r;

	*ret = (struct resume){.kind = RESUME_MANUFACTURE};
	if (area.size > 0) {
		r = permanent_open(area.bytes, area.size, &ret->permanent, &ret->refused);
		if (r < 0)
			return r;
		ret->kind = RESUME_POWER_ON;
		ret->image = area.bytes;
	}
	if (snapshot) {
		const struct permanent found = ret->permanent;

		ret->dropped = pair(snapshot, &found, ret);
	}
	return 0;
}
