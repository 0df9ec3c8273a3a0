/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conversation: one operation under way in one unit of the chip, of whichever HIL. It goes on in
 * steps; each makes at most one callback to the client or puts one request to the chip, and the
 * next comes from a deferred call. The HIL's file says what the steps are.
 *
 * The rule a newcomer would break first: an operation that ends early is not over before the chip
 * has been told to forget it, and only then comes the client's done.
 */
#ifndef PLUTON_CHIP_CONVERSATION_H
#define PLUTON_CHIP_CONVERSATION_H

#include "backends/chip/link.h"
#include "daemon/kernel/deferred.h"

/* What a step answers, besides a negative error. */
enum conversation_progress {
	CONVERSATION_DONE = 0,
	CONVERSATION_AGAIN, /* in the next deferred call */
	CONVERSATION_ASKED, /* when the chip has answered */
};

struct conversation {
	struct link *link;
	uint8_t unit; /* enum wire_unit */
	int (*step)(struct conversation *conversation);
	void (*finish)(struct conversation *conversation, int result);

	struct deferred_call tick;
	struct link_request request;
	uint32_t generation; /* the link's, when it began */
	bool busy;
	bool cancelled;
	bool asked;  /* the request is with the link */
	bool begun;  /* the chip keeps something of it */
	bool ending; /* the chip is being told to forget it */
	int result;  /* valid if ending */
	int answer;  /* of the request before: 0 or an error */
	size_t in_length;
	uint8_t in[FRAME_DATA_MAX]; /* what came with it */
	size_t out_length;
	uint8_t out[FRAME_DATA_MAX]; /* what goes to the chip next, as far as it is here */
};

void conversation_init(struct conversation *conversation, struct link *link,
		       struct deferred_queue *deferred, uint8_t unit,
		       int (*step)(struct conversation *conversation),
		       void (*finish)(struct conversation *conversation, int result));

/* No step comes any more, and nothing that can be secret stays. */
void conversation_close(struct conversation *conversation);

/* Its first step comes from a deferred call. */
void conversation_begin(struct conversation *conversation);

/* -PLUTON_EINVAL: nothing is under way. Leads to finish(-PLUTON_ECANCEL) or to the result. */
int conversation_cancel(struct conversation *conversation);

/* Sends the out_length octets of `out`, then empties it. CONVERSATION_ASKED or an error. */
int conversation_ask(struct conversation *conversation, uint8_t type, uint8_t item);

/*
 * An exported state, as the client keeps it: the boot that it belongs to, then what the chip gave.
 * Put: gives it back to the chip; -PLUTON_ENODEVICE if that was reset since. Get: makes one of the
 * chip's answer.
 */
int conversation_put_state(struct conversation *conversation, const uint8_t *state, size_t size);
int conversation_get_state(const struct conversation *conversation, uint8_t *ret_state,
			   size_t size);

#endif
