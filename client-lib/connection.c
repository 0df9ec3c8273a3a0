/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket: records out, records in, and what is due. The socket itself blocks; every call that
 * must not wait says so, which makes a synchronous request one send and one receive.
 *
 * The rule a newcomer would break first: everything the daemon sends is checked here or by the
 * function it is handed to, and what the protocol does not allow ends the connection.
 */
#include "client-lib/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RECORDS_PER_TURN 64 /* a daemon that floods does not keep us in a turn for ever */

/* --- messages -------------------------------------------------------------------------------- */

int connection_refuse(struct pluton *pluton, int error, const char *format, ...)
{
	va_list args;

	if (pluton->error != 0 && !reconnect_wanted(pluton))
		return pluton->error; /* what ended it says more than what follows from that */
	va_start(args, format);
	vsnprintf(pluton->message, sizeof(pluton->message), format, args);
	va_end(args);
	return error;
}

int connection_check_slot(struct pluton *pluton, const void *key, size_t key_size)
{
	if (!key && key_size == 0)
		return 0;
	return connection_refuse(pluton, -PLUTON_EINVAL, "two keys, of %zu bytes and in a slot",
				 key_size);
}

void connection_quote(struct pluton *pluton, int error, const char *text, size_t length)
{
	char line[RECORD_TEXT_MAX + 1];

	if (length >= sizeof(line))
		length = sizeof(line) - 1;
	for (size_t i = 0; i < length; i++) {
		/* it may end on a terminal */
		bool control = (unsigned char)text[i] < 0x20 || text[i] == 0x7f;

		line[i] = control ? '?' : text[i];
	}
	line[length] = '\0';
	(void)connection_refuse(pluton, error, "%s", length > 0 ? line : pluton_error_text(error));
}

const char *pluton_error_message(const struct pluton *pluton)
{
	return pluton ? pluton->message : "";
}

/* --- what is due ----------------------------------------------------------------------------- */

void due_push(struct pluton *pluton, struct due *due)
{
	due->next = NULL;
	*pluton->due.tail = due;
	pluton->due.tail = &due->next;
}

bool due_run(struct pluton *pluton, bool *ret_ran)
{
	struct due *due = pluton->due.head;

	if (!due)
		return false;
	pluton->due.head = due->next;
	if (!due->next)
		pluton->due.tail = &pluton->due.head;
	*ret_ran = due->run(pluton, due);
	return true;
}

/* --- the end --------------------------------------------------------------------------------- */

static void drop_outgoing(struct pluton *pluton)
{
	while (pluton->outgoing) {
		struct outgoing *first = pluton->outgoing;

		pluton->outgoing = first->next;
		explicit_bzero(first->bytes, first->size);
		free(first);
	}
	pluton->outgoing_count = 0;
}

int connection_fail(struct pluton *pluton, int error, const char *format, ...)
{
	va_list args;

	if (pluton->error != 0)
		return pluton->error;
	va_start(args, format);
	vsnprintf(pluton->message, sizeof(pluton->message), format, args);
	va_end(args);
	pluton->error = error;
	/* The descriptor stays: an event loop may be polling it. */
	shutdown(pluton->fd, SHUT_RDWR);
	drop_outgoing(pluton);
	operation_fail_all(pluton, error);
	rings_forget(&pluton->rings);
	reconnect_lost(pluton);
	loop_settle(pluton);
	return error;
}

void pluton_close(struct pluton *pluton)
{
	if (!pluton)
		return;
	loop_free(pluton->loop);
	rings_close(&pluton->rings);
	close(pluton->fd);
	drop_outgoing(pluton);
	free(pluton->timers);
	reconnect_close(pluton);
	trd104_close(pluton); /* looks through what is due, some of which the next one owns */
	operation_close(pluton);
	memory_close(pluton);
	explicit_bzero(pluton, sizeof(*pluton));
	free(pluton);
}

/* --- sending --------------------------------------------------------------------------------- */

/* 1: sent, or there is nobody, which *ret_gone tells. 0: no room now. */
static int send_bytes(int socket_fd, const void *bytes, size_t size, int fd, bool *ret_gone)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	/* sendmsg takes a pointer to writable bytes and does not write */
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.space);
	}
	*ret_gone = false;
	for (;;) {
		if (sendmsg(socket_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 1;
		if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS)
			return 0;
		if (errno != EINTR)
			break; /* receiving finds that out as well, after its last words */
	}
	*ret_gone = true;
	return 1;
}

/* What is in the ring of requests, for the daemon to see. */
static void show(struct pluton *pluton)
{
	if (pluton->rings.unseen && rings_open(&pluton->rings))
		rings_push(&pluton->rings);
}

/* Keeps a copy behind those that already wait. */
static int keep(struct pluton *pluton, const void *bytes, size_t size, int fd)
{
	struct outgoing **tail = &pluton->outgoing;
	struct outgoing *copy;

	if (pluton->outgoing_count >= OUTGOING_MAX)
		return connection_refuse(pluton, -PLUTON_EBUSY,
					 "%u records wait for the daemon to read: dispatch first",
					 OUTGOING_MAX);
	copy = malloc(sizeof(*copy) + size);
	if (!copy)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for a record");
	*copy = (struct outgoing){.fd = fd, .size = size};
	memcpy(copy->bytes, bytes, size);
	while (*tail)
		tail = &(*tail)->next;
	*tail = copy;
	pluton->outgoing_count++;
	loop_settle(pluton);
	return 0;
}

/*
 * 1: sent. 0: no room now, and the daemon says when there is some. Negative: what ended the
 * connection.
 */
static int send_by_ring(struct pluton *pluton, const void *bytes, size_t size)
{
	int r;

	do
		r = rings_put(pluton, bytes, size, &pluton->ring_end);
	while (r == 0 && rings_await_room(&pluton->rings, size));
	pluton->by_ring = r == 1;
	return r;
}

/* The same by the way that it has to go. Descriptors go by the socket only. */
static int send_one(struct pluton *pluton, const void *bytes, size_t size, int fd)
{
	pluton->unsent = false;
	pluton->by_ring = false;
	if (rings_open(&pluton->rings) && fd < 0)
		return send_by_ring(pluton, bytes, size);
	return send_bytes(pluton->fd, bytes, size, fd, &pluton->unsent);
}

static int post(struct pluton *pluton, const struct record *record, int fd)
{
	int size, r;

	if (pluton->error != 0)
		return pluton->error;
	size = record_encode(record, pluton->out, sizeof(pluton->out));
	if (size < 0)
		return connection_refuse(pluton, size, "the request does not fit into a record");
	r = pluton->outgoing ? 0 : send_one(pluton, pluton->out, (size_t)size, fd);
	if (r == 0)
		r = keep(pluton, pluton->out, (size_t)size, fd);
	explicit_bzero(pluton->out, (size_t)size);
	if (!pluton->rings.corked)
		show(pluton);
	return r < 0 ? r : 0;
}

int connection_send(struct pluton *pluton, const struct record *record)
{
	return post(pluton, record, -1);
}

static void send_kept(struct pluton *pluton)
{
	while (pluton->outgoing) {
		struct outgoing *first = pluton->outgoing;

		/* What ended the connection has taken them away. */
		if (send_one(pluton, first->bytes, first->size, first->fd) <= 0)
			break;
		pluton->outgoing = first->next;
		pluton->outgoing_count--;
		explicit_bzero(first->bytes, first->size);
		free(first);
	}
	show(pluton);
}

/* --- receiving ------------------------------------------------------------------------------- */

static int take_welcome(struct pluton *pluton, const struct record_welcome *welcome)
{
	uint32_t asked = pluton->rings.forbidden ? 0 : FEATURE_RINGS;

	if (welcome->version != RECORD_VERSION || (welcome->features & ~asked) ||
	    welcome->inline_max > RECORD_INLINE_LIMIT || welcome->operations_max == 0)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "the greeting makes no sense");
	pluton->limits = (struct pluton_limits){
		.daemon_pid = welcome->pid,
		.inline_max = welcome->inline_max,
		.operations_max = welcome->operations_max,
		.windows_max = welcome->windows_max,
		.window_size_max = welcome->window_size_max,
		.process_index = welcome->process_index,
		.process_generation = welcome->process_generation,
	};
	pluton->rings.offered = welcome->features & FEATURE_RINGS;
	pluton->greeted = true;
	return 0;
}

/* The negative error in a failure; -PLUTON_EBADRVAL if there is none that the kernel has. */
static int failure_of(const uint32_t *words)
{
	return words[0] > 0 && words[0] < PLUTON_EBADRVAL ? -(int)words[0] : -PLUTON_EBADRVAL;
}

/* Before WELCOME there is WELCOME, or a refusal and then the end. */
static int take_greeting(struct pluton *pluton, const struct record *record)
{
	int error;

	if (record->header.type == RECORD_WELCOME)
		return take_welcome(pluton, &record->welcome);
	if (record->header.type != RECORD_RETURN || record->ret.variant != VARIANT_FAILURE)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "the daemon sent no greeting");
	error = failure_of(record->ret.words);
	connection_quote(pluton, error, record->ret.text, record->ret.text_length);
	pluton->error = error;
	return error;
}

/* This process may have had no numbers for them, and then there is no way back. */
static int take_rings(struct pluton *pluton, const struct record_return *ret)
{
	int *fds = pluton->in_fds;
	int memory = fds[0], doorbell = fds[1];

	if (doorbell >= 0 && !rings_open(&pluton->rings)) {
		fds[0] = fds[1] = -1;
		return rings_take_over(pluton, ret->words[0], memory, doorbell);
	}
	if (!pluton->in_lost)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "rings without their descriptors");
	pluton->rings.off = true;
	return connection_fail(pluton, -PLUTON_EOFF, "no descriptors left for rings");
}

/* The RETURN that connection_exchange waits for. */
static int take_answer(struct pluton *pluton, const struct record *record)
{
	struct exchange *exchange = &pluton->exchange;
	const struct record_return *ret = &record->ret;

	if (!exchange->waiting || record->header.driver != exchange->driver)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "a return that nobody waits for");
	exchange->waiting = false;
	exchange->answer.variant = ret->variant;
	memcpy(exchange->answer.words, ret->words, sizeof(exchange->answer.words));
	if (ret->variant < VARIANT_SUCCESS)
		connection_quote(pluton, failure_of(ret->words), ret->text, ret->text_length);
	else if (exchange->rings)
		return take_rings(pluton, ret);
	return 0;
}

static int take_return(struct pluton *pluton, const struct record *record)
{
	if (record->header.op_id == 0)
		return take_answer(pluton, record);
	if (!(record->header.op_id & MEMORY_REMOVAL_ID))
		return operation_refused(pluton, record);
	if (!memory_removed(pluton, record->header.op_id, record->ret.variant >= VARIANT_SUCCESS))
		return connection_fail(pluton, -PLUTON_EBADRVAL, "a return that nobody waits for");
	return 0;
}

static int take_in(struct pluton *pluton, const struct record *record)
{
	if (!pluton->greeted)
		return take_greeting(pluton, record);
	switch (record->header.type) {
	case RECORD_RETURN:
		return take_return(pluton, record);
	case RECORD_UPCALL:
		if (record->header.op_id == 0)
			return trd104_upcall(pluton, record);
		return operation_answered(pluton, record);
	case RECORD_DOORBELL:
		if (!rings_open(&pluton->rings))
			return connection_fail(pluton, -PLUTON_EBADRVAL,
					       "a doorbell, and no rings");
		rings_rung(&pluton->rings);
		return 0;
	default:
		return connection_fail(pluton, -PLUTON_EBADRVAL,
				       "a record of type %u, which only processes send",
				       record->header.type);
	}
}

/* There is room for two; the kernel closes all others and says MSG_CTRUNC. How many came. */
static size_t take_descriptors(struct pluton *pluton, struct msghdr *message)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	size_t count;

	if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS ||
	    control->cmsg_len < CMSG_LEN(sizeof(int)))
		return 0;
	count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (count > CONNECTION_FDS_MAX)
		count = CONNECTION_FDS_MAX;
	memcpy(pluton->in_fds, CMSG_DATA(control), count * sizeof(int));
	return count;
}

static void drop_descriptors(struct pluton *pluton)
{
	for (size_t i = 0; i < CONNECTION_FDS_MAX; i++) {
		if (pluton->in_fds[i] >= 0)
			close(pluton->in_fds[i]);
		pluton->in_fds[i] = -1;
	}
}

/*
 * One message into pluton->in: its size, 0 if none is there. The kernel says MSG_CTRUNC when a
 * descriptor came for which there was no room, here or in the process's table.
 */
static ssize_t receive_bytes(struct pluton *pluton, int flags)
{
	union {
		char space[CMSG_SPACE(CONNECTION_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = pluton->in, .iov_len = sizeof(pluton->in)};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_LEN(CONNECTION_FDS_MAX * sizeof(int))};
	size_t descriptors;
	bool cut;
	ssize_t n;

	do {
		/* ECONNRESET comes once, before the records that the peer had sent */
		n = recvmsg(pluton->fd, &message, flags | MSG_CMSG_CLOEXEC);
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0)
		return connection_fail(pluton, -PLUTON_EOFF, "the connection failed: %s",
				       strerror(errno));
	descriptors = take_descriptors(pluton, &message);
	cut = message.msg_flags & MSG_CTRUNC;
	pluton->in_lost = cut && (descriptors == 0 || pluton->exchange.rings);
	if (n == 0 && rings_open(&pluton->rings)) {
		/* its last words */
		n = rings_take(pluton);
		if (n != 0)
			return n;
	}
	if (n == 0) {
		pluton->cut_off = !pluton->greeted;
		return connection_fail(pluton, -PLUTON_EOFF, "the daemon closed the connection");
	}
	if ((message.msg_flags & MSG_TRUNC) || (cut && !pluton->in_lost))
		return connection_fail(pluton, -PLUTON_EBADRVAL, "%s",
				       message.msg_flags & MSG_TRUNC
					       ? "the daemon sent an oversized record"
					       : "the daemon sent more than one descriptor");
	return n;
}

/* The record in pluton->in. What came with it must have been wanted. */
static int take_bytes(struct pluton *pluton, size_t size)
{
	struct record record;
	int r = record_decode(pluton->in, size, &record);

	if (r < 0)
		return connection_fail(pluton, -PLUTON_EBADRVAL, "the daemon sent garbage (%s)",
				       pluton_error_name(r));
	r = take_in(pluton, &record);
	if (r == 0 && (pluton->in_fds[0] >= 0 || pluton->in_fds[1] >= 0 || pluton->in_lost))
		r = connection_fail(pluton, -PLUTON_EBADRVAL, "the daemon sent a descriptor");
	return r;
}

/* 1: a record was taken in. 0: none is there. What is in the ring comes before the socket's. */
static int receive(struct pluton *pluton, int flags)
{
	ssize_t n = 0;
	int r;

	if (pluton->error != 0)
		return pluton->error;
	pluton->in_lost = false;
	if (rings_open(&pluton->rings))
		n = rings_take(pluton);
	if (n == 0)
		n = receive_bytes(pluton, flags);
	r = n > 0 ? take_bytes(pluton, (size_t)n) : (int)n;
	drop_descriptors(pluton);
	if (n <= 0)
		return r;
	explicit_bzero(pluton->in, (size_t)n);
	return r < 0 ? r : 1;
}

/* --- turns ----------------------------------------------------------------------------------- */

int connection_turn(struct pluton *pluton)
{
	int r = 1;

	if (pluton->error != 0)
		return pluton->error;
	send_kept(pluton);
	for (int i = 0; i < RECORDS_PER_TURN && r > 0; i++)
		r = receive(pluton, MSG_DONTWAIT);
	if (rings_open(&pluton->rings))
		(void)rings_rest(&pluton->rings);
	return r < 0 ? r : 0;
}

uint64_t connection_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Once the time is over, what we wait for counts as gone. */
static int keep_deadline(struct pluton *pluton)
{
	if (pluton->deadline_ms == 0 || connection_now_ms() < pluton->deadline_ms)
		return 0;
	return connection_fail(pluton, -PLUTON_EOFF,
			       "the daemon took the connection and is silent");
}

/*
 * With rings: looks for an answer where that is worth it, else sleeps at the socket, by which the
 * daemon wakes us for answers and for room.
 */
static int wait_by_rings(struct pluton *pluton)
{
	struct rings *rings = &pluton->rings;
	bool sleeps = !rings_look(rings) && !rings_rest(rings);
	uint64_t start = sleeps && rings->may_spin ? rings_now_us() : 0;
	int r = receive(pluton, 0);

	if (rings_open(rings)) {
		if (start > 0)
			spin_slept(&rings->spin, rings_now_us() - start);
		(void)rings_rest(rings);
	}
	return r;
}

int connection_wait(struct pluton *pluton)
{
	struct pollfd poll_fd = {.fd = pluton->fd, .events = POLLIN | POLLOUT};
	int r;

	if (pluton->error != 0)
		return pluton->error;
	send_kept(pluton);
	if (pluton->error == 0 && rings_open(&pluton->rings) &&
	    (!pluton->outgoing || pluton->outgoing->fd < 0)) {
		r = wait_by_rings(pluton);
	} else if (!pluton->outgoing) {
		r = receive(pluton, 0);
	} else {
		(void)poll(&poll_fd, 1, pluton->deadline_ms == 0 ? -1 : 1);
		r = connection_turn(pluton);
	}
	return r == 0 ? keep_deadline(pluton) : r < 0 ? r : 0;
}

int connection_flush(struct pluton *pluton)
{
	int r = pluton->error;

	while (r == 0 && pluton->outgoing)
		r = connection_wait(pluton);
	return r;
}

static int post_and_wait(struct pluton *pluton, const struct record *record, int fd,
			 struct pluton_return *ret)
{
	struct exchange *exchange = &pluton->exchange;
	int r = connection_flush(pluton);

	if (r < 0)
		return r;
	r = post(pluton, record, fd);
	if (r < 0)
		return r;
	*exchange = (struct exchange){.waiting = true,
				      .rings = record->header.type == RECORD_RINGS_OPEN,
				      .driver = record->header.driver};
	while (exchange->waiting) {
		r = connection_wait(pluton);
		if (r < 0)
			return r;
	}
	*ret = exchange->answer;
	if (ret->variant >= VARIANT_SUCCESS)
		return 0;
	r = failure_of(ret->words);
	if (r == -PLUTON_EBADRVAL)
		return connection_fail(pluton, r, "the daemon failed with error %u, which is none",
				       ret->words[0]);
	return r;
}

int connection_exchange(struct pluton *pluton, const struct record *record, int fd,
			struct pluton_return *ret)
{
	int r = post_and_wait(pluton, record, fd, ret);

	loop_settle(pluton); /* callbacks may have become due meanwhile */
	return r;
}

/* --- for users and for loops ----------------------------------------------------------------- */

void pluton_get_limits(const struct pluton *pluton, struct pluton_limits *ret)
{
	*ret = pluton->limits;
}

int connection_run_due(struct pluton *pluton)
{
	struct due *last = NULL;
	bool more = true;
	int count = 0;

	for (struct due *due = pluton->due.head; due; due = due->next)
		last = due;
	while (last && more) {
		bool ran = false;

		more = pluton->due.head != last;
		if (!due_run(pluton, &ran))
			break;
		count += ran;
	}
	return count;
}
