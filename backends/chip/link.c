/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stop and wait. The rule a newcomer would break first: a frame is repeated exactly as it was, with
 * the same sequence number; the chip then answers again and executes nothing. A new number is only
 * given when the old one was answered or given up.
 */
#include "backends/chip/link.h"

#include <string.h>

#include "hil/aes.h"
#include "hil/digest.h"
#include "pluton/error.h"

#define GREETING_DOUBLINGS 3u /* an unanswered HELLO is repeated after 1, 2, 4, 8, 8 … timeouts */
#define BUFFER_MIN 64u
/* With the boot it belongs to, a state must fit what a capsule keeps of its HIL's. */
#define CHIP_DIGEST_STATE_MAX (DIGEST_STATE_MAX - WIRE_NONCE_SIZE)
#define CHIP_AES_STATE_MAX (AES_STATE_MAX - WIRE_NONCE_SIZE)

void link_init(struct link *link, const struct link_options *options)
{
	*link = (struct link){.options = *options};
	link->tail = &link->head;
}

/* --- the frame on the line ------------------------------------------------------------------- */

static void put_on_line(struct link *link)
{
	uint64_t now = link->options.now_ms(link->options.context);
	uint64_t interval = link->options.timeout_ms;

	if (link->state == LINK_GREETING)
		interval <<= link->sent < GREETING_DOUBLINGS ? link->sent : GREETING_DOUBLINGS;
	if (link->sent++ == 0)
		link->since_ms = now;
	link->deadline_ms = now + interval;
	link->counters.frames_out++;
	link->options.send(link->options.context, link->wire, link->wire_length);
}

static void say(struct link *link, uint8_t type, const struct link_request *request)
{
	const struct frame frame = {.type = type,
				    .unit = request->unit,
				    .item = request->item,
				    .sequence = ++link->sequence,
				    .length = request->length,
				    .data = request->data};

	link->wire_length = frame_encode(&frame, link->wire);
	link->sent = 0;
	put_on_line(link);
}

static void leave_line(struct link *link)
{
	explicit_bzero(link->wire, sizeof(link->wire));
	link->wire_length = 0;
	link->deadline_ms = 0;
	link->asking = false;
}

static void ask_next(struct link *link)
{
	if (link->state != LINK_UP || link->asking || !link->head)
		return;
	link->asking = true;
	say(link, link->head->type, link->head);
}

/* --- the ends of requests -------------------------------------------------------------------- */

static struct link_request *take_head(struct link *link)
{
	struct link_request *request = link->head;

	link->head = request->next;
	if (!link->head)
		link->tail = &link->head;
	return request;
}

/* From here on another generation: what its clients had under way in the chip is lost. */
static void fail_all(struct link *link, int error)
{
	struct link_request *request = link->head;

	leave_line(link);
	link->generation++;
	link->head = NULL;
	link->tail = &link->head;
	while (request) {
		struct link_request *next = request->next;

		request->answered(request, error, NULL, 0);
		request = next;
	}
}

static void take_down(struct link *link, enum link_state state)
{
	bool was_up = link->state == LINK_UP || link->state == LINK_RESYNCING;

	link->state = state;
	fail_all(link, -PLUTON_ENODEVICE);
	if (was_up)
		link->options.down(link->options.context);
}

/* --- greeting -------------------------------------------------------------------------------- */

static void greet(struct link *link)
{
	uint8_t data[WIRE_HELLO_SIZE] = WIRE_MAGIC;
	const struct link_request hello = {.data = data, .length = sizeof(data)};

	link->options.random(link->options.context, link->session, sizeof(link->session));
	link->options.random(link->options.context, (uint8_t *)&link->sequence,
			     sizeof(link->sequence));
	data[WIRE_HELLO_VERSION_MIN] = data[WIRE_HELLO_VERSION_MAX] = WIRE_VERSION;
	memset(data + WIRE_MAGIC_SIZE + 2, 0, 2);
	memcpy(data + WIRE_HELLO_SESSION, link->session, sizeof(link->session));
	say(link, WIRE_HELLO, &hello);
}

void link_connect(struct link *link)
{
	memset(&link->parser, 0, sizeof(link->parser));
	link->state = LINK_GREETING;
	greet(link);
}

void link_disconnect(struct link *link)
{
	explicit_bzero(&link->parser, sizeof(link->parser)); /* half an answer may be in it */
	take_down(link, LINK_CLOSED);
}

static void begin_anew(struct link *link)
{
	take_down(link, LINK_GREETING);
	greet(link);
}

static bool is_answer_to(const struct frame *answer, uint8_t type, uint8_t unit, uint8_t item)
{
	return answer->type == (type | WIRE_ANSWER) && answer->unit == unit && answer->item == item;
}

static bool is_ours(const struct link *link, const struct frame *answer)
{
	const uint8_t *data = answer->data;

	return is_answer_to(answer, WIRE_HELLO, WIRE_UNIT_LINK, WIRE_ITEM_NONE) &&
	       answer->status == 0 && answer->length >= WIRE_CAPS_SIZE &&
	       memcmp(data, WIRE_MAGIC, WIRE_MAGIC_SIZE) == 0 &&
	       data[WIRE_CAPS_VERSION] == WIRE_VERSION &&
	       memcmp(data + WIRE_CAPS_SESSION, link->session, WIRE_NONCE_SIZE) == 0;
}

static bool read_caps(const uint8_t *data, struct chip_caps *ret)
{
	memcpy(ret->boot, data + WIRE_CAPS_BOOT, WIRE_NONCE_SIZE);
	ret->buffer = frame_get16(data + WIRE_CAPS_BUFFER);
	ret->digests = frame_get32(data + WIRE_CAPS_DIGESTS);
	ret->aes_modes = frame_get32(data + WIRE_CAPS_AES_MODES);
	ret->aes_stream_modes = frame_get32(data + WIRE_CAPS_AES_STREAMS);
	ret->aes_key_sizes = frame_get32(data + WIRE_CAPS_AES_KEYS);
	ret->length_max = frame_get32(data + WIRE_CAPS_LENGTH_MAX);
	ret->aad_max = frame_get32(data + WIRE_CAPS_AAD_MAX);
	ret->digest_state = frame_get16(data + WIRE_CAPS_DIGEST_STATE);
	ret->aes_state = frame_get16(data + WIRE_CAPS_AES_STATE);
	return ret->buffer >= BUFFER_MIN && ret->buffer <= FRAME_DATA_MAX &&
	       ret->digest_state <= CHIP_DIGEST_STATE_MAX && ret->aes_state <= CHIP_AES_STATE_MAX &&
	       ret->digest_state <= ret->buffer && ret->aes_state <= ret->buffer;
}

/* Who answers with anything else is not spoken to; the HELLO is repeated, ever more seldom. */
static void take_hello(struct link *link, const struct frame *answer)
{
	struct chip_caps caps;

	if (!is_ours(link, answer) || !read_caps(answer->data, &caps))
		return;
	link->caps = caps;
	leave_line(link);
	link->state = LINK_UP;
	link->options.up(link->options.context, &link->caps);
	ask_next(link);
}

/* --- receiving ------------------------------------------------------------------------------- */

static int error_of(uint8_t status)
{
	return status <= PLUTON_ENOACK ? -status : -PLUTON_EFAIL;
}

static void take_answer(struct link *link, const struct frame *answer)
{
	struct link_request *request = link->head;

	if (!link->asking || !is_answer_to(answer, request->type, request->unit, request->item)) {
		link->counters.stale++;
		return;
	}
	take_head(link);
	leave_line(link);
	request->answered(request, error_of(answer->status), answer->data, answer->length);
	ask_next(link);
}

static void take_resynced(struct link *link, const struct frame *answer)
{
	if (!is_answer_to(answer, WIRE_RESYNC, WIRE_UNIT_LINK, WIRE_ITEM_NONE) ||
	    answer->status != 0 || answer->length < WIRE_NONCE_SIZE)
		return;
	if (memcmp(answer->data, link->caps.boot, WIRE_NONCE_SIZE) != 0) {
		begin_anew(link);
		return;
	}
	leave_line(link);
	link->state = LINK_UP;
	ask_next(link);
}

/* It may put off its answer, but not for ever; and whoever wants to stop cannot wait so long. */
static void take_wait(struct link *link)
{
	uint64_t now = link->options.now_ms(link->options.context);

	if (link->asking && !link->head->hurried &&
	    now - link->since_ms < link->options.patience_ms)
		link->deadline_ms = now + link->options.timeout_ms;
}

static void take_frame(struct link *link, const struct frame *frame)
{
	link->counters.frames_in++;
	if (link->deadline_ms == 0 || frame->sequence != link->sequence) {
		link->counters.stale++;
		return;
	}
	if (frame->type == WIRE_WAIT)
		take_wait(link);
	else if (frame->type == WIRE_STRANGER && link->state != LINK_GREETING)
		begin_anew(link);
	else if (link->state == LINK_GREETING)
		take_hello(link, frame);
	else if (link->state == LINK_RESYNCING)
		take_resynced(link, frame);
	else if (link->state == LINK_UP)
		take_answer(link, frame);
}

void link_receive(struct link *link, const uint8_t *octets, size_t length)
{
	struct frame frame;

	for (size_t i = 0; i < length && link->state != LINK_CLOSED; i++) {
		if (!frame_parse(&link->parser, octets[i], &frame))
			continue;
		take_frame(link, &frame);
		explicit_bzero(link->parser.octets, sizeof(link->parser.octets));
	}
}

/* --- time ------------------------------------------------------------------------------------ */

/* The chip may have executed it or not: nobody can tell, so it is not asked once more. */
static void give_up(struct link *link)
{
	const struct link_request resync = {.data = link->session, .length = sizeof(link->session)};

	link->counters.resyncs++;
	link->state = LINK_RESYNCING;
	fail_all(link, -PLUTON_EFAIL);
	say(link, WIRE_RESYNC, &resync);
}

void link_tick(struct link *link)
{
	uint64_t now = link->options.now_ms(link->options.context);
	bool out_of_patience;

	if (link->deadline_ms == 0 || now < link->deadline_ms)
		return;
	out_of_patience = link->sent > link->options.retries ||
			  now - link->since_ms >= link->options.patience_ms;
	if (link->state == LINK_GREETING || !out_of_patience) {
		link->counters.repeats++;
		put_on_line(link);
	} else if (link->state == LINK_UP) {
		give_up(link);
	} else {
		begin_anew(link);
	}
}

uint64_t link_deadline(const struct link *link)
{
	return link->deadline_ms;
}

bool link_busy(const struct link *link)
{
	return link->head != NULL || link->deadline_ms != 0;
}

int link_submit(struct link *link, struct link_request *request, uint32_t generation)
{
	if ((link->state != LINK_UP && link->state != LINK_RESYNCING) ||
	    generation != link->generation)
		return -PLUTON_ENODEVICE;
	request->next = NULL;
	*link->tail = request;
	link->tail = &request->next;
	ask_next(link);
	return 0;
}
