/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands to a TPM app, each run once or reported. There is one job at a time; its bytes are kept
 * until its answer is there, because the connection may have to be made again first.
 *
 * Why a command is never run twice unseen. Commands of a connection are numbered; the app stores,
 * before it answers, the last number used and its response. When a channel was lost, the app says
 * at ATTACH either
 *  - that the connection goes on, and its last number L. The command under way was sent as S, and L
 *    is S (it was accepted) or S - 1 (it was not; what was lost with the channel cannot be accepted
 *    any more). In both cases it is sent again as S: an accepted number gets its stored response or
 *    TPM_RC_RETRY and runs nothing, a new one runs now; or
 *  - that there is no such connection, because the TPM was switched off. Nothing can be known of
 *    S then: the job fails with -PLUTON_EOFF and is not sent again.
 * A job that gave up waiting leaves S open; the next job takes L + 1 at its first sending, which is
 * S only if the app says that S was never used. A number is chosen at the first sending and at no
 * other time, and the bytes of a job never change.
 *
 * The rule a newcomer would break first: pluton_tpm_cancel may touch `stopper` and read `process`,
 * which never changes, and nothing else.
 */
#include <pluton/tpm.h>

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client-lib/rows.h"
#include "client-lib/tpm_link.h"
#include "client-lib/tpm_watch.h"

#define SENDINGS_MAX 8u /* of one job: more losses than that are the command's own doing */
#define JOB_NONE 0u	/* in place of an enum tpm_channel_command */

struct job {
	uint32_t command;  /* JOB_NONE, or enum tpm_channel_command */
	uint32_t word;	   /* TPM_TRANSMIT: its number, once `numbered` */
	unsigned epoch;	   /* the link's when it was sent; 0: not yet */
	unsigned sendings; /* each on another channel */
	uint32_t op_id;	   /* of the last sending */
	bool numbered;
	bool done;
	bool delivered; /* the caller has the result */
	int status;
	uint32_t words[RECORD_RETURN_WORDS];
	void *out; /* room for its output, not TPM_TRANSMIT's */
	size_t out_size;
	size_t size;
	uint8_t bytes[PLUTON_TPM_COMMAND_MAX];
};

/* What a second thread may do: send CANCEL on the channel, or leave word for the first thread. */
struct stopper {
	pthread_mutex_t lock; /* never held while anything waits */
	bool under_way;	      /* a command is */
	bool wanted;	      /* its end is; it stays so when the channel is lost */
	bool sent;	      /* CANCEL is, on this channel */
	int fd;		      /* the channel onto which the command has gone; -1: none now */
	uint32_t op_id;	      /* and its operation there */
};

struct pluton_tpm {
	pid_t process; /* who opened it, and nobody else's */
	struct tpm_link link;
	struct tpm_watch watch;
	struct stopper stopper;
	struct job job;
	uint32_t sequence; /* the last number sent on this connection; it wraps */
	bool numbers_sent; /* there was one */
	bool world_lost;   /* the TPM was switched off, and no command has failed for it yet */
	int broken;	   /* 0, or -PLUTON_EBADRVAL: nothing works any more */
	size_t response_size;
	uint8_t response[PLUTON_TPM_RESPONSE_MAX];
	char message[CONNECTION_MESSAGE_SIZE];
};

__attribute__((format(printf, 3, 4))) static int refuse(struct pluton_tpm *tpm, int error,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(tpm->message, sizeof(tpm->message), format, args);
	va_end(args);
	return error;
}

/*
 * After fork(2) both processes have the channel and the last number. Two commands with one number
 * are one command to the app: both would get one response, and the same random bytes.
 */
static int check_process(struct pluton_tpm *tpm)
{
	if (tpm->process == getpid())
		return 0;
	return refuse(tpm, -PLUTON_EOFF,
		      "this connection to the TPM is process %ld's; process %ld must open its own",
		      (long)tpm->process, (long)getpid());
}

/* --- cancel ---------------------------------------------------------------------------------- */

/* With the lock held. -PLUTON_EBUSY: no room in the socket. A peer that is gone is no error. */
static int send_cancel(struct stopper *stopper)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = stopper->op_id}};
	uint8_t bytes[RECORD_HEADER_SIZE];
	int size = record_encode(&cancel, bytes, sizeof(bytes));

	for (;;) {
		if (send(stopper->fd, bytes, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
			return -PLUTON_EBUSY;
		if (errno != EINTR)
			return 0;
	}
}

/* With the lock held: sends CANCEL if one is wanted here. -PLUTON_EBUSY as above. */
static int send_wish(struct stopper *stopper)
{
	int r;

	if (!stopper->wanted || stopper->sent || stopper->fd < 0)
		return 0;
	r = send_cancel(stopper);
	stopper->sent = r == 0;
	return r;
}

int pluton_tpm_cancel(struct pluton_tpm *tpm)
{
	struct stopper *stopper = &tpm->stopper;
	int r = 0;

	if (tpm->process != getpid())
		return -PLUTON_EOFF; /* nor is the lock ours: its holder may not have been forked */
	pthread_mutex_lock(&stopper->lock);
	if (!stopper->under_way) {
		r = -PLUTON_EALREADY;
	} else if (!stopper->wanted) {
		stopper->wanted = true;
		r = send_wish(stopper);
		stopper->wanted = r == 0; /* without a channel yet, it is kept till it is sent */
	}
	pthread_mutex_unlock(&stopper->lock);
	return r;
}

/* A command begins, or has ended. */
static void stopper_set(struct stopper *stopper, bool under_way)
{
	pthread_mutex_lock(&stopper->lock);
	stopper->under_way = under_way;
	stopper->wanted = false;
	stopper->sent = false;
	stopper->fd = -1;
	pthread_mutex_unlock(&stopper->lock);
}

/* The command has gone onto this channel; -1: it is on none. A wish that waits goes after it. */
static void stopper_move(struct stopper *stopper, int fd, uint32_t op_id)
{
	pthread_mutex_lock(&stopper->lock);
	if (stopper->fd != fd) {
		stopper->fd = fd;
		stopper->op_id = op_id;
		stopper->sent = false;
	}
	(void)send_wish(stopper); /* no room: it is kept, and the next turn tries again */
	pthread_mutex_unlock(&stopper->lock);
}

/* A wish waits for room in the socket. */
static bool stopper_waits(struct stopper *stopper)
{
	bool waits;

	pthread_mutex_lock(&stopper->lock);
	waits = stopper->wanted && !stopper->sent && stopper->fd >= 0;
	pthread_mutex_unlock(&stopper->lock);
	return waits;
}

/* --- the job --------------------------------------------------------------------------------- */

/* -PLUTON_EBUSY is what receive says of a response that is not there yet, and of nothing else. */
static void finish(struct pluton_tpm *tpm, int status)
{
	struct job *job = &tpm->job;

	if (job->command == TPM_TRANSMIT)
		stopper_set(&tpm->stopper, false);
	explicit_bzero(job->bytes, job->size);
	job->done = true;
	job->status = status == -PLUTON_EBUSY ? -PLUTON_EFAIL : status;
}

static void finish_broken(struct pluton_tpm *tpm)
{
	tpm->broken = -PLUTON_EBADRVAL;
	finish(tpm, tpm->broken);
}

static uint32_t be32_at(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return be32toh(value);
}

/* The response's length, of which the answer and the response's own header (TPM 2.0 Part 1, 18) say
 * the same. */
static void take_response(struct pluton_tpm *tpm)
{
	uint32_t length = tpm->job.words[1];

	if (length < PLUTON_TPM_COMMAND_MIN || length > PLUTON_TPM_RESPONSE_MAX ||
	    be32_at(tpm->response + 2) != length) {
		refuse(tpm, -PLUTON_EBADRVAL,
		       "the TPM %s sent a response of %u bytes whose header says %u",
		       tpm->link.instance, length, be32_at(tpm->response + 2));
		finish_broken(tpm);
		return;
	}
	tpm->response_size = length;
	finish(tpm, 0);
}

/* The last number used, where the job uses none. Sent again, it may have had one before. */
static uint32_t number_without_job(const struct pluton_tpm *tpm)
{
	return tpm->job.sendings == 1 ? tpm->job.word - 1 : tpm->link.last_sequence;
}

static void answered(struct pluton *wire, const struct answer *answer, void *userdata)
{
	struct pluton_tpm *tpm = userdata;
	struct job *job = &tpm->job;

	if (answer->status < 0 && answer->status == wire->error)
		return; /* no answer: the channel is gone, which the link tells */
	memcpy(job->words, answer->words, sizeof(job->words));
	if (answer->status == 0 && job->command == TPM_TRANSMIT) {
		take_response(tpm);
		return;
	}
	if (answer->status < 0)
		refuse(tpm, answer->status, "%s", pluton_error_message(wire));
	if (answer->status < 0 && job->command == TPM_TRANSMIT)
		tpm->sequence = number_without_job(tpm); /* what is refused uses none */
	finish(tpm, answer->status);
}

static int submit(struct pluton_tpm *tpm)
{
	struct job *job = &tpm->job;
	const struct completion completion = {
		.told = answered, .userdata = tpm, .short_output = job->command == TPM_TRANSMIT};
	struct pluton_request request = {
		.driver = PLUTON_DRIVER_TPM,
		.command = job->command,
		.words[0] = job->word,
	};

	if (job->command == TPM_TRANSMIT) {
		request.slots[TPM_SLOT_COMMAND].in = job->bytes;
		request.slots[TPM_SLOT_COMMAND].length = job->size;
		request.slots[TPM_SLOT_RESPONSE].out = tpm->response;
		request.slots[TPM_SLOT_RESPONSE].length = sizeof(tpm->response);
	} else {
		request.slots[TPM_SLOT_INFO].out = job->out;
		request.slots[TPM_SLOT_INFO].length = job->out_size;
	}
	return operation_submit(tpm->link.wire, &request, &completion, &job->op_id);
}

/* What the last ATTACH means for numbers. */
static int take_world(struct pluton_tpm *tpm)
{
	const struct tpm_link *link = &tpm->link;
	uint32_t last = link->last_sequence;

	if (!link->continues) {
		tpm->world_lost = tpm->world_lost || tpm->numbers_sent;
		tpm->numbers_sent = false;
		tpm->sequence = 0;
		return 0;
	}
	if (last != tpm->sequence && (!tpm->numbers_sent || last != tpm->sequence - 1))
		return refuse(tpm, -PLUTON_EBADRVAL,
			      "the TPM %s goes on after command %u; the last one sent was %u",
			      link->instance, last, tpm->sequence);
	if (!tpm->job.numbered)
		tpm->sequence = last;
	return 0;
}

/* 0, or why the job does not go onto the channel that there is now. */
static int may_send(struct pluton_tpm *tpm)
{
	const struct job *job = &tpm->job;

	if (job->sendings == SENDINGS_MAX) {
		tpm->sequence = tpm->link.last_sequence;
		return refuse(tpm, -PLUTON_EOFF,
			      "the TPM %s was lost %u times while it ran this command",
			      tpm->link.instance, job->sendings);
	}
	if (job->command != TPM_TRANSMIT || !tpm->world_lost)
		return 0;
	tpm->world_lost = false;
	return refuse(tpm, -PLUTON_EOFF,
		      "the TPM %s was switched off meanwhile: this connection's objects and "
		      "sessions are gone%s",
		      tpm->link.instance,
		      job->numbered ? ", and whether the command was run is not known" : "");
}

/* The job meets a channel that it was not sent on. */
static int send_job(struct pluton_tpm *tpm)
{
	struct job *job = &tpm->job;
	int r = may_send(tpm);

	if (r < 0)
		return r;
	if (job->command == TPM_TRANSMIT && !job->numbered) {
		job->numbered = true;
		job->word = ++tpm->sequence;
		tpm->numbers_sent = true;
	}
	job->epoch = tpm->link.epoch;
	job->sendings++;
	r = submit(tpm);
	if (r == 0)
		return 0;
	if (job->command == TPM_TRANSMIT)
		tpm->sequence = number_without_job(tpm);
	return refuse(tpm, r, "%s", pluton_error_message(tpm->link.wire));
}

/* A CANCEL must not overtake its command, which may still wait for room in the socket. */
static void let_cancel(struct pluton_tpm *tpm)
{
	const struct job *job = &tpm->job;
	const struct tpm_link *link = &tpm->link;

	if (job->command == TPM_TRANSMIT && job->epoch == link->epoch && !link->wire->outgoing)
		stopper_move(&tpm->stopper, pluton_get_fd(link->wire), job->op_id);
}

/* --- turns ----------------------------------------------------------------------------------- */

static void fail_job(struct pluton_tpm *tpm, int error)
{
	if (error == -PLUTON_EBADRVAL)
		finish_broken(tpm);
	else
		finish(tpm, error);
}

/* The link is up: the job goes onto it, if it is not there yet. */
static void use_link(struct pluton_tpm *tpm, unsigned epoch_before)
{
	int r = 0;

	if (tpm->job.done)
		return;
	if (tpm->link.epoch != epoch_before)
		r = take_world(tpm);
	if (r == 0 && tpm->job.epoch != tpm->link.epoch)
		r = send_job(tpm);
	if (r < 0)
		fail_job(tpm, r);
	else
		let_cancel(tpm);
}

/* Brings the job as far as it gets without waiting. */
static void turn(struct pluton_tpm *tpm)
{
	uint64_t now = link_now();
	unsigned epoch = tpm->link.epoch;
	int r = link_turn(&tpm->link, now);

	if (r == LINK_LOST && !tpm->job.done) {
		stopper_move(&tpm->stopper, -1, 0);
		link_raise(&tpm->link, now);
		r = link_turn(&tpm->link, now);
	}
	if (r < 0 && !tpm->job.done)
		fail_job(tpm, refuse(tpm, r, "%s", tpm->link.message));
	else if (r == LINK_UP)
		use_link(tpm, epoch);
	if (tpm->broken != 0)
		link_drop(&tpm->link); /* nobody cancels on it any more: the job is done */
}

static short events(struct pluton_tpm *tpm)
{
	short room = stopper_waits(&tpm->stopper) ? POLLOUT : (short)0;

	return (short)(link_events(&tpm->link) | room);
}

static void watch_job(struct pluton_tpm *tpm)
{
	bool waits = tpm->job.command != JOB_NONE && !tpm->job.done;
	uint64_t now = link_now(), when = link_time(&tpm->link);
	uint64_t after = LINK_NEVER;

	if (waits && when != LINK_NEVER)
		after = when > now ? when - now : 0;
	if (tpm->job.done && !tpm->job.delivered)
		after = 0;
	/* Without room for it the poller misses its wake-up: receive tells him. */
	if (watch_set(&tpm->watch, waits ? link_fd(&tpm->link) : -1, events(tpm), after) < 0)
		watch_forget(&tpm->watch);
}

/* Sleeps until the link gets further, or `until` has come. */
static void wait_for_link(struct pluton_tpm *tpm, uint64_t until)
{
	struct pollfd poll_fd = {.fd = link_fd(&tpm->link), .events = events(tpm)};
	uint64_t now = link_now(), next = link_time(&tpm->link);
	int timeout = -1;

	if (next > until)
		next = until;
	if (next <= now)
		timeout = 0;
	else if (next != LINK_NEVER)
		timeout = next - now < INT32_MAX ? (int)(next - now) : INT32_MAX;
	(void)poll(&poll_fd, 1, timeout); /* interrupted: the caller looks again */
}

/* false: `until` has come first. */
static bool wait_for_job(struct pluton_tpm *tpm, uint64_t until)
{
	watch_forget(&tpm->watch);
	turn(tpm);
	while (!tpm->job.done && link_now() < until) {
		wait_for_link(tpm, until);
		turn(tpm);
	}
	watch_job(tpm);
	return tpm->job.done;
}

/* --- beginning a job ------------------------------------------------------------------------- */

static int begin_job(struct pluton_tpm *tpm, uint32_t command, uint32_t word)
{
	struct job *job = &tpm->job;
	int r = check_process(tpm);

	if (r < 0)
		return r;
	if (tpm->broken != 0)
		return tpm->broken;
	if (job->command != JOB_NONE && !job->delivered)
		return refuse(tpm, -PLUTON_EBUSY,
			      "a command is under way, or its response was not received");
	memset(job, 0, offsetof(struct job, bytes)); /* its bytes are wiped already */
	job->command = command;
	job->word = word;
	tpm->message[0] = '\0';
	return 0;
}

/* A job that is no TPM command, from its beginning to its end. A kept response stays. */
static int perform(struct pluton_tpm *tpm, uint32_t command, uint32_t word, void *out,
		   size_t out_size)
{
	const bool had_response = tpm->job.command == TPM_TRANSMIT && tpm->job.delivered;
	const int had_status = tpm->job.status;
	int r = begin_job(tpm, command, word);

	if (r < 0)
		return r;
	tpm->job.out = out;
	tpm->job.out_size = out_size;
	(void)wait_for_job(tpm, LINK_NEVER);
	tpm->job.delivered = true;
	r = tpm->job.status;
	tpm->job.out = NULL;
	tpm->job.command = had_response ? (uint32_t)TPM_TRANSMIT : JOB_NONE;
	tpm->job.status = had_response ? had_status : 0;
	return r;
}

int pluton_tpm_send(struct pluton_tpm *tpm, const void *command, size_t command_size)
{
	int r;

	if (command_size < PLUTON_TPM_COMMAND_MIN || command_size > PLUTON_TPM_COMMAND_MAX)
		return refuse(tpm, -PLUTON_ESIZE, "a command has %d to %d bytes, not %zu",
			      PLUTON_TPM_COMMAND_MIN, PLUTON_TPM_COMMAND_MAX, command_size);
	r = begin_job(tpm, TPM_TRANSMIT, 0);
	if (r < 0)
		return r;
	explicit_bzero(tpm->response, sizeof(tpm->response));
	memcpy(tpm->job.bytes, command, command_size);
	tpm->job.size = command_size;
	stopper_set(&tpm->stopper, true);
	(void)wait_for_job(tpm, 0);
	return 0;
}

int pluton_tpm_receive(struct pluton_tpm *tpm, int timeout_ms, const void **ret_response,
		       size_t *ret_size)
{
	struct job *job = &tpm->job;
	uint64_t until = timeout_ms < 0 ? LINK_NEVER : link_now() + (uint64_t)timeout_ms;
	int r = check_process(tpm);

	if (r < 0)
		return r;
	if (job->command != TPM_TRANSMIT)
		return tpm->broken != 0 ? tpm->broken
					: refuse(tpm, -PLUTON_EALREADY, "no command was sent");
	if (!job->done && !wait_for_job(tpm, until))
		return -PLUTON_EBUSY;
	if (!job->delivered) {
		job->delivered = true;
		watch_job(tpm);
	}
	if (job->status < 0)
		return job->status;
	*ret_response = tpm->response;
	*ret_size = tpm->response_size;
	return 0;
}

int pluton_tpm_transmit(struct pluton_tpm *tpm, const void *command, size_t command_size,
			void *response, size_t *response_size)
{
	const void *bytes;
	size_t size;
	int r = pluton_tpm_send(tpm, command, command_size);

	if (r == 0)
		r = pluton_tpm_receive(tpm, PLUTON_TPM_FOREVER, &bytes, &size);
	if (r < 0)
		return r;
	if (size > *response_size)
		return refuse(tpm, -PLUTON_ESIZE, "a response of %zu bytes, there is room for %zu",
			      size, *response_size);
	memcpy(response, bytes, size);
	*response_size = size;
	return 0;
}

/* --- what is not a TPM command --------------------------------------------------------------- */

int pluton_tpm_set_locality(struct pluton_tpm *tpm, unsigned locality)
{
	int r = perform(tpm, TPM_SET_LOCALITY, locality, NULL, 0);

	if (r == 0)
		tpm->link.locality = locality;
	return r;
}

int pluton_tpm_get_info(struct pluton_tpm *tpm, struct pluton_tpm_info *ret)
{
	uint8_t wire[sizeof(*ret)] = {0};
	struct pluton_tpm_info info;
	int r = perform(tpm, TPM_INFO, 0, wire, sizeof(wire));

	if (r < 0)
		return r;
	if (row_decode(&row_tpm_info, wire, &info) < 0)
		return tpm->broken = refuse(tpm, -PLUTON_EBADRVAL,
					    "the TPM %s says of itself what makes no sense",
					    tpm->link.instance);
	*ret = info;
	return 0;
}

int pluton_tpm_cancel_running(struct pluton_tpm *tpm, bool *ret_cancelled)
{
	int r = perform(tpm, TPM_CANCEL_RUNNING, 0, NULL, 0);

	if (r == 0)
		*ret_cancelled = tpm->job.words[1] == 1;
	return r;
}

void pluton_tpm_set_reconnect_limit(struct pluton_tpm *tpm, unsigned limit_ms)
{
	tpm->link.limit_ms = limit_ms;
}

int pluton_tpm_get_fd(struct pluton_tpm *tpm)
{
	int fd = check_process(tpm);

	if (fd < 0)
		return fd;
	fd = watch_open(&tpm->watch);
	if (fd < 0)
		return refuse(tpm, fd, "no descriptor to poll: %s", strerror(errno));
	watch_job(tpm);
	return fd;
}

short pluton_tpm_get_events(const struct pluton_tpm *tpm)
{
	(void)tpm;
	return POLLIN;
}

const char *pluton_tpm_error_message(const struct pluton_tpm *tpm)
{
	return tpm ? tpm->message : "";
}

/* --- opening and closing --------------------------------------------------------------------- */

/* 0 and *ret as it is, if the environment says nothing. */
static int limit_from_environment(struct pluton_tpm *tpm, unsigned *ret)
{
	const char *text = secure_getenv("PLUTON_TPM_RECONNECT_MS");
	unsigned long value;
	char *end;

	if (!text || *text == '\0')
		return 0;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || *text < '0' || *text > '9' || value > INT32_MAX)
		return refuse(tpm, -PLUTON_EINVAL,
			      "PLUTON_TPM_RECONNECT_MS is \"%s\"; write milliseconds, 0 to %d",
			      text, INT32_MAX);
	*ret = (unsigned)value;
	return 0;
}

static int bring_up(struct pluton_tpm *tpm)
{
	int r;

	link_raise(&tpm->link, link_now());
	r = link_turn(&tpm->link, link_now());
	while (r == LINK_COMING) {
		wait_for_link(tpm, LINK_NEVER);
		r = link_turn(&tpm->link, link_now());
	}
	return r < 0 ? refuse(tpm, r, "%s", tpm->link.message) : 0;
}

static int open_up(struct pluton_tpm *tpm, const char *address, const char *instance)
{
	int r = link_init(&tpm->link, address, instance ? instance : PLUTON_TPM_DEFAULT_INSTANCE);

	if (r < 0)
		return refuse(tpm, r, "%s", tpm->link.message);
	r = limit_from_environment(tpm, &tpm->link.limit_ms);
	return r < 0 ? r : bring_up(tpm);
}

int pluton_tpm_open(const char *address, const char *instance, struct pluton_tpm **ret,
		    char *message, size_t message_size)
{
	struct pluton_tpm *tpm = calloc(1, sizeof(*tpm));
	int r;

	*ret = NULL;
	if (!tpm) {
		if (message_size > 0)
			snprintf(message, message_size, "no memory for a connection");
		return -PLUTON_ENOMEM;
	}
	pthread_mutex_init(&tpm->stopper.lock, NULL);
	tpm->process = getpid();
	tpm->stopper.fd = -1;
	watch_init(&tpm->watch);
	r = open_up(tpm, address, instance);
	if (r < 0) {
		if (message_size > 0)
			snprintf(message, message_size, "%s", tpm->message);
		pluton_tpm_close(tpm);
		return r;
	}
	*ret = tpm;
	return 0;
}

/* In another process than the opener's this gives back what is that process's, and says nothing. */
void pluton_tpm_close(struct pluton_tpm *tpm)
{
	if (!tpm)
		return;
	watch_close(&tpm->watch);
	link_close(&tpm->link);
	if (tpm->process == getpid()) /* else a thread that was not forked may hold it */
		pthread_mutex_destroy(&tpm->stopper.lock);
	explicit_bzero(tpm, sizeof(*tpm));
	free(tpm);
}
