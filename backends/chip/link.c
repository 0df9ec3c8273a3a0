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
#define GREETING_MAX_MS 8000u /* but no more seldom than this, or a `timeout` */
#define GREETINGS_TOLD 3u     /* so many without an answer are worth a word */
#define UNASKED_MAX ((size_t)64 * 1024) /* more than a hundred times what one answer takes */
#define BUFFER_MIN 64u
/* With the boot it belongs to, a state must fit what a capsule keeps of its HIL's. */
#define CHIP_DIGEST_STATE_MAX (DIGEST_STATE_MAX - WIRE_NONCE_SIZE)
#define CHIP_AES_STATE_MAX (AES_STATE_MAX - WIRE_NONCE_SIZE)

#define WAS_RESET "was reset"

void link_init(struct link *link, const struct link_options *options)
{
	*link = (struct link){.options = *options, .backoff.max_ms = options->backoff_max_ms};
	link->tail = &link->head;
}

/* --- the frame on the line ------------------------------------------------------------------- */

static uint64_t now_ms(const struct link *link)
{
	return link->options.now_ms(link->options.context);
}

static uint64_t greeting_interval(const struct link *link)
{
	uint64_t timeout = link->options.timeout_ms;
	uint64_t interval = timeout
			    << (link->sent < GREETING_DOUBLINGS ? link->sent : GREETING_DOUBLINGS);

	if (interval > GREETING_MAX_MS)
		interval = timeout > GREETING_MAX_MS ? timeout : GREETING_MAX_MS;
	return interval;
}

static void put_on_line(struct link *link)
{
	uint64_t now = now_ms(link);

	link->deadline_ms = now + (link->state == LINK_GREETING ? greeting_interval(link)
								: link->options.timeout_ms);
	if (link->sent++ == 0)
		link->since_ms = now;
	link->counters.frames_out++;
	link->options.send(link->options.context, link->wire, link->wire_length);
}

static void compose(struct link *link, uint8_t type, const struct link_request *request)
{
	const struct frame frame = {.type = type,
				    .unit = request->unit,
				    .item = request->item,
				    .sequence = ++link->sequence,
				    .length = request->length,
				    .data = request->data};

	link->wire_length = frame_encode(&frame, link->wire);
	link->sent = 0;
	link->unasked = 0;
}

static void say(struct link *link, uint8_t type, const struct link_request *request)
{
	compose(link, type, request);
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

static void take_down(struct link *link, enum link_state state, const char *why)
{
	bool was_up = link->state == LINK_UP || link->state == LINK_RESYNCING;

	link->state = state;
	fail_all(link, -PLUTON_ENODEVICE);
	if (was_up)
		link->options.down(link->options.context, why);
}

/* --- greeting -------------------------------------------------------------------------------- */

static void compose_hello(struct link *link)
{
	uint8_t data[WIRE_HELLO_SIZE] = WIRE_MAGIC;
	const struct link_request hello = {.data = data, .length = sizeof(data)};

	link->options.random(link->options.context, link->session, sizeof(link->session));
	link->options.random(link->options.context, (uint8_t *)&link->sequence,
			     sizeof(link->sequence));
	data[WIRE_HELLO_VERSION_MIN] = data[WIRE_HELLO_VERSION_MAX] = WIRE_VERSION;
	memset(data + WIRE_MAGIC_SIZE + 2, 0, 2);
	memcpy(data + WIRE_HELLO_SESSION, link->session, sizeof(link->session));
	compose(link, WIRE_HELLO, &hello);
	link->heard = LINK_HEARD_NOTHING;
}

void link_connect(struct link *link)
{
	memset(&link->parser, 0, sizeof(link->parser));
	link->state = LINK_GREETING;
	compose_hello(link);
	put_on_line(link);
}

void link_disconnect(struct link *link)
{
	explicit_bzero(&link->parser, sizeof(link->parser)); /* half an answer may be in it */
	take_down(link, LINK_CLOSED, "is gone, its line was closed");
}

/* With one that is reset again and again, more slowly each time. */
static void begin_anew(struct link *link, const char *why)
{
	uint64_t now = now_ms(link), when = backoff_lost(&link->backoff, now);

	take_down(link, LINK_GREETING, why);
	compose_hello(link);
	if (when <= now)
		put_on_line(link);
	else
		link->deadline_ms = when;
}

static bool is_answer_to(const struct frame *answer, uint8_t type, uint8_t unit, uint8_t item)
{
	return answer->type == (type | WIRE_ANSWER) && answer->unit == unit && answer->item == item;
}

static bool is_refusal(const struct frame *answer)
{
	return is_answer_to(answer, WIRE_HELLO, WIRE_UNIT_LINK, WIRE_ITEM_NONE) &&
	       answer->status == PLUTON_ENOSUPPORT;
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

	if (is_refusal(answer))
		link->heard = LINK_HEARD_REFUSAL;
	if (!is_ours(link, answer))
		return;
	link->heard = LINK_HEARD_UNFIT;
	if (!read_caps(answer->data, &caps))
		return;
	link->caps = caps;
	leave_line(link);
	backoff_came(&link->backoff, now_ms(link));
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
		begin_anew(link, WAS_RESET);
		return;
	}
	leave_line(link);
	link->state = LINK_UP;
	ask_next(link);
}

/* It may put off its answer, but not for ever; and whoever wants to stop cannot wait so long. */
static void take_wait(struct link *link)
{
	uint64_t now = now_ms(link);

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
		begin_anew(link, WAS_RESET);
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

	link->unasked += length;
	if (link->heard == LINK_HEARD_NOTHING && length > 0)
		link->heard = LINK_HEARD_OCTETS;
	for (size_t i = 0; i < length && link->state != LINK_CLOSED; i++) {
		if (!frame_parse(&link->parser, octets[i], &frame))
			continue;
		take_frame(link, &frame);
		explicit_bzero(link->parser.octets, sizeof(link->parser.octets));
	}
}

/* --- time ------------------------------------------------------------------------------------ */

static void tell(const struct link *link, const char *what)
{
	if (link->options.trouble)
		link->options.trouble(link->options.context, what);
}

/* The chip may have executed it or not: nobody can tell, so it is not asked once more. */
static void give_up(struct link *link)
{
	const struct link_request resync = {.data = link->session, .length = sizeof(link->session)};

	link->counters.resyncs++;
	link->state = LINK_RESYNCING;
	fail_all(link, -PLUTON_EFAIL);
	say(link, WIRE_RESYNC, &resync);
	tell(link, "did not answer: what it had under way has failed");
}

static void greet_again(struct link *link)
{
	static const char *const said[] = {
		[LINK_HEARD_NOTHING] = "says nothing: it has no power, or its line leads elsewhere",
		[LINK_HEARD_OCTETS] = "says nothing that is of the native link (115200 baud, 8N1)",
		[LINK_HEARD_REFUSAL] = "speaks another version of the native link",
		[LINK_HEARD_UNFIT] = "says of itself what cannot be: its firmware is wrong",
	};

	if (link->sent == GREETINGS_TOLD)
		tell(link, said[link->heard]);
	put_on_line(link);
}

void link_tick(struct link *link)
{
	if (link->deadline_ms == 0 || now_ms(link) < link->deadline_ms)
		return;
	link->counters.repeats += link->sent > 0;
	if (link->state == LINK_GREETING)
		greet_again(link);
	else if (link->sent <= link->options.retries)
		put_on_line(link);
	else if (link->state == LINK_UP)
		give_up(link);
	else
		begin_anew(link, "does not answer any more");
}

uint64_t link_deadline(const struct link *link)
{
	return link->deadline_ms;
}

bool link_babbles(const struct link *link)
{
	return link->unasked > UNASKED_MAX;
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
