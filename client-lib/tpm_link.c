/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the channel to a TPM app comes up, as a table of phases. An attempt that fails is followed by
 * another one after a pause, which doubles, until the limit for getting a channel is over. Once
 * there is a channel no limit runs: an app that hangs is its watchdog's business, and one that is
 * busy with somebody else's key is not gone.
 *
 * Who opens the TPM waits as long as plutond does for the app to start (its connect_timeout), which
 * may be longer than the limit. So plutond has the limit for its greeting, and again and again for
 * a sign of life.
 */
#include "client-lib/tpm_link.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <pluton/tpm.h>

#include "client-lib/app.h"

#define PAUSE_FIRST_MS 10u
#define PAUSE_LAST_MS 1000u
#define CONNECT_WAIT_MS 1 /* where plutond has a queue of others; the next attempt comes soon */
#define CHANNEL_INLINE_MIN (PLUTON_TPM_COMMAND_MAX + PLUTON_TPM_RESPONSE_MAX)

uint64_t link_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int link_init(struct tpm_link *link, const char *address, const char *instance)
{
	size_t length = strlen(instance);

	*link = (struct tpm_link){.limit_ms = LINK_LIMIT_DEFAULT_MS, .answer.fd = -1};
	if (length == 0 || length > PLUTON_APP_NAME_MAX) {
		snprintf(link->message, sizeof(link->message),
			 "a TPM's name has 1 to %d bytes, not %zu", PLUTON_APP_NAME_MAX, length);
		return -PLUTON_EINVAL;
	}
	memcpy(link->instance, instance, length + 1);
	if (!address)
		return 0;
	link->address = strdup(address);
	if (link->address)
		return 0;
	snprintf(link->message, sizeof(link->message), "no memory for an address");
	return -PLUTON_ENOMEM;
}

static void drop_wire(struct tpm_link *link)
{
	if (link->answer.fd >= 0)
		close(link->answer.fd);
	link->answer.fd = -1;
	link->asked = false;
	link->answered = false;
	link->attached = false;
	pluton_close(link->wire);
	link->wire = NULL;
}

void link_close(struct tpm_link *link)
{
	drop_wire(link);
	free((void *)(uintptr_t)link->address);
	explicit_bzero(link, sizeof(*link));
}

void link_drop(struct tpm_link *link)
{
	drop_wire(link);
	link->phase = LINK_PHASE_DOWN;
}

/* --- attempts -------------------------------------------------------------------------------- */

/* A very short limit is meant for connections that are lost: opening one takes some time. */
static unsigned limit_of(const struct tpm_link *link)
{
	return link->opened || link->limit_ms > LINK_LIMIT_OPENING_MS ? link->limit_ms
								      : LINK_LIMIT_OPENING_MS;
}

void link_raise(struct tpm_link *link, uint64_t now)
{
	drop_wire(link);
	link->phase = LINK_PHASE_PAUSE;
	link->pause_end = now;
	link->pause_ms = PAUSE_FIRST_MS;
	link->deadline = now + limit_of(link);
	link->error = 0;
	link->cut_offs = 0;
	link->losses = 0;
	link->reason[0] = '\0';
}

__attribute__((format(printf, 3, 4))) static int give_up(struct tpm_link *link, int error,
							 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(link->message, sizeof(link->message), format, args);
	va_end(args);
	link_drop(link);
	return error;
}

/* Who opens it learns how the last attempt ended; -PLUTON_EOFF would tell him to start plutond. */
static int out_of_time(struct tpm_link *link)
{
	if (link->opened)
		return give_up(link, -PLUTON_EOFF,
			       "the TPM %s is gone and did not come back in %u ms: %s",
			       link->instance, link->limit_ms,
			       link->reason[0] ? link->reason : "plutond gave no channel to it");
	return give_up(link, link->error == -PLUTON_EOFF ? -PLUTON_EFAIL : link->error,
		       "the TPM %s did not come up in %u ms: %s", link->instance, limit_of(link),
		       link->reason);
}

/* plutond has said nothing for as long as the limit is. */
static int out_of_patience(struct tpm_link *link)
{
	if (link->opened)
		return out_of_time(link);
	return give_up(link, -PLUTON_EBUSY, "plutond at %s took the connection and says nothing",
		       pluton_default_address(link->address));
}

/* It ended before it was asked, or while it was; the next one may have the channel. */
static bool plutond_left(const struct tpm_link *link)
{
	const struct pluton *wire = link->phase == LINK_PHASE_ASKING ? link->wire : NULL;

	return wire && (wire->cut_off || (wire->greeted && wire->error == -PLUTON_EOFF));
}

static void count_loss(struct tpm_link *link)
{
	if (!plutond_left(link))
		return;
	if (link->wire->cut_off)
		link->cut_offs++;
	else
		link->losses++;
}

/* What no second attempt would change, or not soon. */
static bool is_final(const struct tpm_link *link, int error)
{
	switch (error) {
	case -PLUTON_EBADRVAL:
	case -PLUTON_EINVAL:
	case -PLUTON_ENODEVICE:
	case -PLUTON_ENOSUPPORT:
		return true;
	default:
		break;
	}
	if (link->opened)
		return false;
	/* who opens it wants to know at once that there is no plutond, or no room */
	if (link->phase == LINK_PHASE_PAUSE)
		return error != -PLUTON_EBUSY; /* that is plutond with a queue of others */
	if (plutond_left(link))
		return link->cut_offs >= OPEN_TRIES || link->losses > 1;
	/* an app that goes away as it is greeted starts again */
	return link->phase == LINK_PHASE_ASKING || error != -PLUTON_EOFF;
}

/* The attempt failed with link->reason. */
static int failed(struct tpm_link *link, int error, uint64_t now)
{
	count_loss(link);
	if (is_final(link, error)) {
		if (link->opened && error != -PLUTON_EBADRVAL)
			return give_up(link, -PLUTON_EOFF, "the TPM %s is gone: %s", link->instance,
				       link->reason);
		return give_up(link, error, "%s", link->reason);
	}
	drop_wire(link);
	link->error = error;
	link->phase = LINK_PHASE_PAUSE;
	link->pause_end = now + link->pause_ms;
	link->pause_ms = link->pause_ms < PAUSE_LAST_MS / 2 ? link->pause_ms * 2 : PAUSE_LAST_MS;
	return LINK_COMING;
}

/* The same, with the sentence that the connection has. */
static int wire_failed(struct tpm_link *link, int error, uint64_t now)
{
	const char *sentence = pluton_error_message(link->wire);

	snprintf(link->reason, sizeof(link->reason), "%s",
		 *sentence ? sentence : pluton_error_text(error));
	return failed(link, error, now);
}

/* plutond gives no channel, and may have said no more than a number. */
static int no_channel(struct tpm_link *link, int error, uint64_t now)
{
	const char *what = error == -PLUTON_EFAIL   ? "did not start"
			   : error == -PLUTON_EBUSY ? "took no connection in time"
						    : NULL;

	if (!what || strcmp(pluton_error_message(link->wire), pluton_error_text(error)) != 0)
		return wire_failed(link, error, now);
	snprintf(link->reason, sizeof(link->reason), "the app %s %s; see pluton-cli app status %s",
		 link->instance, what, link->instance);
	return failed(link, error, now);
}

/* What the app's channel failed with. Its sentences speak of the daemon, as channels to it do. */
static const char *of_app(const struct tpm_link *link)
{
	static const char daemon[] = "the daemon ";
	const char *sentence = pluton_error_message(link->wire);

	if (strncmp(sentence, daemon, sizeof(daemon) - 1) == 0)
		return sentence + sizeof(daemon) - 1;
	return sentence;
}

/* The app's channel failed before it was attached, or before its locality was set. */
static int channel_failed(struct tpm_link *link, int error, uint64_t now)
{
	const char *rest = of_app(link);
	bool alien = !link->attached && (error == -PLUTON_EBADRVAL || error == -PLUTON_EINVAL ||
					 error == -PLUTON_ENODEVICE || error == -PLUTON_ENOSUPPORT);
	bool it = rest != pluton_error_message(link->wire);

	if (alien)
		snprintf(link->reason, sizeof(link->reason), "%s is no TPM: %s%.200s",
			 link->instance, it ? "it " : "", rest);
	else if (it)
		snprintf(link->reason, sizeof(link->reason), "the TPM %s %.200s", link->instance,
			 rest);
	else
		return wire_failed(link, error, now);
	return failed(link, error, now);
}

/* --- phases ---------------------------------------------------------------------------------- */

static void note(struct pluton *pluton, const struct answer *answer, void *userdata)
{
	struct tpm_link *link = userdata;

	(void)pluton;
	link->answered = true;
	link->answer = *answer;
}

/* 1: the wire has greeted. 0: not yet. */
static int take_greeting(struct tpm_link *link)
{
	int r = pluton_dispatch(link->wire);

	if (r < 0)
		return r;
	return link->wire->greeted;
}

static int turn_down(struct tpm_link *link, uint64_t now)
{
	(void)link;
	(void)now;
	return LINK_LOST;
}

static int turn_pause(struct tpm_link *link, uint64_t now)
{
	int fd, r;

	if (now >= link->deadline && (link->opened || link->error != 0))
		return out_of_time(link);
	if (now < link->pause_end)
		return LINK_COMING;
	fd = open_socket(pluton_default_address(link->address), CONNECT_WAIT_MS, link->reason,
			 sizeof(link->reason));
	if (fd == -PLUTON_ENODEVICE && link->opened)
		fd = -PLUTON_EOFF; /* one that plutond makes anew has other permissions first */
	if (fd < 0)
		return failed(link, fd, now);
	link->phase = LINK_PHASE_ASKING;
	link->patience = link->deadline;
	r = connection_begin(fd, &link->wire, link->reason, sizeof(link->reason));
	return r < 0 ? failed(link, r, now) : LINK_COMING;
}

/* plutond's answer took the place of the connection to it. */
static int take_channel(struct tpm_link *link, uint64_t now)
{
	int fd = link->answer.fd;
	int r;

	if (link->answer.status < 0)
		return no_channel(link, link->answer.status, now);
	link->answer.fd = -1;
	drop_wire(link);
	link->phase = LINK_PHASE_GREETING;
	r = connection_begin(fd, &link->wire, link->reason, sizeof(link->reason));
	return r < 0 ? failed(link, r, now) : LINK_COMING;
}

/* Tock's command 0, "does this driver exist?", costs nothing and needs no operation. */
static int ask_for_life(struct tpm_link *link)
{
	const struct record exists = {
		.header = {.type = RECORD_CALL, .driver = PLUTON_DRIVER_APP},
		.call = {.class = CLASS_COMMAND},
	};

	link->wire->exchange = (struct exchange){.waiting = true, .driver = PLUTON_DRIVER_APP};
	return connection_send(link->wire, &exists);
}

/* The limit is over. While plutond lives, it is plutond who says when the app is not coming. */
static int turn_impatient(struct tpm_link *link, uint64_t now)
{
	int r;

	if (link->opened || !link->asked || link->wire->exchange.waiting)
		return out_of_patience(link);
	r = ask_for_life(link);
	if (r < 0)
		return wire_failed(link, r, now);
	link->patience = now + limit_of(link);
	return LINK_COMING;
}

static int turn_asking(struct tpm_link *link, uint64_t now)
{
	int r = take_greeting(link);

	if (link->answered)
		return take_channel(link, now);
	if (r > 0 && !link->asked) {
		link->asked = true;
		if (!link->opened)
			link->patience = now + limit_of(link);
		r = app_connect_begin(link->wire, link->instance, note, link);
	}
	if (r < 0)
		return wire_failed(link, r, now);
	return now >= link->patience ? turn_impatient(link, now) : LINK_COMING;
}

static int send_attach(struct tpm_link *link)
{
	const struct completion completion = {.told = note, .userdata = link};
	const struct pluton_request request = {
		.driver = PLUTON_DRIVER_TPM,
		.command = TPM_ATTACH,
		.slots[TPM_SLOT_TOKEN] = {.in = link->token,
					  .length = link->has_token ? TPM_TOKEN_SIZE : 0},
		.slots[TPM_SLOT_NEW_TOKEN] = {.out = link->new_token, .length = TPM_TOKEN_SIZE},
	};

	explicit_bzero(link->new_token, sizeof(link->new_token));
	return operation_submit(link->wire, &request, &completion, NULL);
}

static int send_locality(struct tpm_link *link)
{
	const struct completion completion = {.told = note, .userdata = link};
	const struct pluton_request request = {
		.driver = PLUTON_DRIVER_TPM,
		.command = TPM_SET_LOCALITY,
		.words[0] = link->locality,
	};

	return operation_submit(link->wire, &request, &completion, NULL);
}

static int turn_greeting(struct tpm_link *link, uint64_t now)
{
	int r = take_greeting(link);

	if (r > 0 && link->wire->limits.inline_max < CHANNEL_INLINE_MIN)
		r = connection_fail(link->wire, -PLUTON_EBADRVAL,
				    "the daemon takes records of %u bytes; %d are needed",
				    link->wire->limits.inline_max, CHANNEL_INLINE_MIN);
	if (r > 0)
		r = send_attach(link);
	else if (r == 0)
		return LINK_COMING;
	if (r < 0)
		return channel_failed(link, r, now);
	link->phase = LINK_PHASE_ATTACHING;
	return LINK_COMING;
}

static void take_attach(struct tpm_link *link)
{
	link->continues = link->has_token && link->answer.words[1] == 1;
	link->last_sequence = link->continues ? link->answer.words[2] : 0;
	memcpy(link->token, link->new_token, sizeof(link->token));
	link->has_token = true;
	link->attached = true;
}

static int turn_attaching(struct tpm_link *link, uint64_t now)
{
	int r = pluton_dispatch(link->wire);

	if (!link->answered)
		return r < 0 ? channel_failed(link, r, now) : LINK_COMING;
	if (link->answer.status < 0)
		return channel_failed(link, link->answer.status, now);
	link->answered = false;
	if (!link->attached) {
		take_attach(link);
		/* one that goes on may have another, by a SET_LOCALITY whose answer was lost */
		if (link->continues || link->locality > 0) {
			r = send_locality(link);
			return r < 0 ? channel_failed(link, r, now) : LINK_COMING;
		}
	}
	if (link->wire->error != 0) /* its last words */
		return channel_failed(link, link->wire->error, now);
	link->phase = LINK_PHASE_UP;
	link->opened = true;
	link->epoch++;
	return LINK_UP;
}

static int turn_up(struct tpm_link *link, uint64_t now)
{
	int r;

	(void)now;
	(void)pluton_dispatch(link->wire);
	r = link->wire->error;
	if (r == 0)
		return LINK_UP;
	if (r != -PLUTON_EBADRVAL)
		return LINK_LOST;
	snprintf(link->message, sizeof(link->message), "the TPM %s broke the protocol: %.180s",
		 link->instance, of_app(link));
	return r;
}

static int (*const turns[LINK_PHASES])(struct tpm_link *link, uint64_t now) = {
	[LINK_PHASE_DOWN] = turn_down,		 [LINK_PHASE_PAUSE] = turn_pause,
	[LINK_PHASE_ASKING] = turn_asking,	 [LINK_PHASE_GREETING] = turn_greeting,
	[LINK_PHASE_ATTACHING] = turn_attaching, [LINK_PHASE_UP] = turn_up,
};

int link_turn(struct tpm_link *link, uint64_t now)
{
	enum link_phase before;
	int r;

	/* a phase that begins may have all it needs already */
	do {
		before = link->phase;
		r = turns[before](link, now);
	} while (r == LINK_COMING && link->phase != before);
	return r;
}

/* --- what to wait for ------------------------------------------------------------------------ */

int link_fd(const struct tpm_link *link)
{
	return link->wire ? pluton_get_fd(link->wire) : -1;
}

short link_events(const struct tpm_link *link)
{
	return link->wire ? pluton_get_events(link->wire) : (short)0;
}

uint64_t link_time(const struct tpm_link *link)
{
	if (link->phase == LINK_PHASE_PAUSE)
		return link->pause_end < link->deadline ? link->pause_end : link->deadline;
	if (link->phase == LINK_PHASE_ASKING)
		return link->patience;
	return LINK_NEVER;
}
