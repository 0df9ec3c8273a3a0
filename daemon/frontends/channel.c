/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records in, records out, by a socket or by rings in shared memory. Flow control is the rule here:
 * a process to which a return cannot be sent is not read from, so what waits for it never takes
 * more than its own slots. And no descriptor that a process sent or was given, nor a connection
 * with such in it, is closed on this thread unless that is certain to be quick (closer.h).
 */
#include "daemon/frontends/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/frontends/peer.h"
#include "daemon/kernel/request.h"
#include "daemon/kernel/upcall.h"
#include "daemon/kernel/window.h"

#define ACCEPTS_PER_PASS 16
#define DESCRIPTORS_MAX 253 /* SCM_MAX_FD: so that Linux never has to close one here itself */
#define PASS_US 100u	    /* for one process's records in one pass, and for all who connect */
#define CLOSER_THREADS 4u   /* processes can make them hang */
#define OWN_THREADS 1u
#define WAITING_MAX 1024u /* descriptors of processes that wait to be closed, with a high limit */

enum connection_state {
	CONNECTED = 0, /* only HELLO is legal */
	READY,
	STATES,
};

/* What the channel keeps for a process, in its arena. */
struct connection {
	struct channel *channel;
	struct event event;
	struct deferred_call flush;
	int fd;
	uint8_t state;
	uint8_t variant;	 /* of what is unsent */
	bool return_pending : 1; /* unsent for want of room: nothing is read until it is gone */
	bool socket_full : 1;	 /* and it is the socket that had none, not the ring */
	bool doorbell_unsent : 1;
	bool readable : 1;	/* the socket has a record, for which the rings' barrier was made */
	bool rings_offered : 1; /* in the greeting */
	struct rings *rings;	/* NULL: none */
	uint32_t since_ms;	/* when it connected, CLOCK_MONOTONIC modulo 2^32 */
	struct {
		uint32_t op_id, driver, words[RECORD_RETURN_WORDS];
	} unsent;
};

/* One received record, with the one descriptor it may bring (-1: none). */
struct received {
	size_t size;
	bool truncated;
	int descriptors; /* how many came */
	int fd;
	bool mapped; /* as a window, which has the memory from now on */
};

static void on_ready(evutil_socket_t fd, short events, void *context);
static void on_doorbell(evutil_socket_t fd, short events, void *context);

static struct connection *connection_of(const struct process *process)
{
	return process->frontend_state;
}

/* --- output ---------------------------------------------------------------------------------- */

/* What goes along with a record. */
struct descriptors {
	int fds[RINGS_DESCRIPTORS];
	unsigned count;
};

/* As send, and the descriptors go along. */
static ssize_t send_with(int fd, const void *bytes, size_t size,
			 const struct descriptors *descriptors)
{
	struct iovec vector = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(RINGS_DESCRIPTORS * sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	size_t size_of_fds = descriptors->count * sizeof(int);

	if (descriptors->count > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(size_of_fds);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(size_of_fds);
		memcpy(CMSG_DATA(&control.align), descriptors->fds, size_of_fds);
	}
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int send_by_socket(struct connection *connection, const uint8_t *bytes, int size,
			  const struct descriptors *descriptors)
{
	ssize_t sent = send_with(connection->fd, bytes, (size_t)size, descriptors);

	if (sent == size)
		return 1;
	if (sent < 0 && errno == ETOOMANYREFS)
		return -PLUTON_EBUSY;
	if (sent >= 0 || (errno != EAGAIN && errno != EINTR && errno != ENOBUFS))
		return -PLUTON_EOFF;
	connection->socket_full = true;
	return 0;
}

/* By the ring; the process is woken when this pass is done with it. */
static int send_by_ring(const struct connection *connection, const uint8_t *bytes, int size)
{
	struct rings *rings = connection->rings;
	int r = ring_put(&rings->answers, bytes, (size_t)size);

	if (r == 0 && ring_await_room(&rings->answers, (size_t)size))
		r = ring_put(&rings->answers, bytes, (size_t)size);
	if (r == 1) {
		ring_publish(&rings->answers);
		rings->published = true;
	}
	return r;
}

/*
 * 1: sent. 0: no room now. -PLUTON_EBUSY: too many descriptors are on their way to processes that
 * do not read. Other negative: the process is gone.
 */
static int send_record_with(struct connection *connection, const struct record *record,
			    const struct descriptors *descriptors)
{
	struct channel *channel = connection->channel;
	int size = record_encode(record, channel->buffer, sizeof(channel->buffer));
	int r;

	if (size < 0)
		return size;
	r = connection->rings && descriptors->count == 0
		    ? send_by_ring(connection, channel->buffer, size)
		    : send_by_socket(connection, channel->buffer, size, descriptors);
	explicit_bzero(channel->buffer, (size_t)size);
	return r;
}

static int send_record(struct connection *connection, const struct record *record)
{
	static const struct descriptors none;

	return send_record_with(connection, record, &none);
}

/*
 * Wakes a process that sleeps and has something new in its rings: an answer, or room. A socket
 * without room for this holds other records, which wake it as well; but when it has read those it
 * shall find this one.
 */
static void ring_doorbell(struct connection *connection)
{
	static const struct record doorbell = {.header = {.type = RECORD_DOORBELL}};
	static const struct descriptors none;
	struct rings *rings = connection->rings;
	uint8_t bytes[RECORD_HEADER_SIZE];
	bool wake = connection->doorbell_unsent;
	int size, r;

	if (rings->published && ring_must_wake_consumer(&rings->answers))
		wake = true;
	rings->published = false;
	if (ring_must_wake_producer(&rings->requests))
		wake = true;
	if (!wake)
		return;
	size = record_encode(&doorbell, bytes, sizeof(bytes));
	r = send_by_socket(connection, bytes, size, &none);
	connection->doorbell_unsent = r == 0;
	if (r < 0) /* nobody reads there any more: the socket's handler finds the end */
		shutdown(connection->fd, SHUT_RDWR);
}

/*
 * With rings, what waits may wait for the ring, and then it is the doorbell that says so. Until
 * then the socket is read by nobody, and only tells once of what happens to it: it may be the end.
 */
static short socket_events(const struct process *process)
{
	const struct connection *connection = connection_of(process);
	bool unsent = connection->return_pending || process->upcalls;
	short events = EV_PERSIST;

	if (!connection->return_pending)
		events |= EV_READ;
	if (connection->rings)
		unsent = (unsent && connection->socket_full) || connection->doorbell_unsent;
	if (unsent)
		events |= EV_WRITE;
	return events == EV_PERSIST ? EV_PERSIST | EV_READ | EV_ET : events;
}

/* Listens for what can go on now: room to write if something waits, else records. */
static void want(struct process *process)
{
	struct connection *connection = connection_of(process);
	short events;

	if (connection->rings) {
		ring_doorbell(connection);
		if (connection->rings->blocked && !connection->return_pending) {
			connection->rings->blocked = false;
			rings_turn_again(connection->rings);
		}
	}
	events = socket_events(process);
	if (event_get_events(&connection->event) == events)
		return;
	event_del(&connection->event);
	event_assign(&connection->event, connection->channel->loop->base, connection->fd, events,
		     on_ready, process);
	event_add(&connection->event, NULL);
}

/* Sends a RETURN, or keeps its numbers (not its sentence) until there is room. */
static int send_return(struct process *process, const struct record_header *asked,
		       const struct record_return *ret)
{
	struct connection *connection = connection_of(process);
	struct record record = {
		.header = {.type = RECORD_RETURN, .op_id = asked->op_id, .driver = asked->driver},
		.ret = *ret};
	int r;

	if (ret->variant < VARIANT_SUCCESS) {
		record.ret.text = process->kernel->why;
		record.ret.text_length = (uint16_t)strlen(process->kernel->why);
	}
	r = send_record(connection, &record);
	if (r != 0)
		return r < 0 ? r : 0;
	connection->return_pending = true;
	connection->unsent.op_id = asked->op_id;
	connection->unsent.driver = asked->driver;
	connection->variant = (uint8_t)ret->variant;
	memcpy(connection->unsent.words, ret->words, sizeof(ret->words));
	return 0;
}

static int refuse(struct process *process, const struct record_header *asked, int error)
{
	const struct record_return ret = {.variant = VARIANT_FAILURE, .words = {(uint32_t)-error}};

	return send_return(process, asked, &ret);
}

/* The same for what the kernel did not see, and so did not count. */
static int reject(struct process *process, const struct record_header *asked, int error)
{
	request_refused(process, NULL);
	return refuse(process, asked, error);
}

static int flush_return(struct connection *connection)
{
	struct record record = {.header = {.type = RECORD_RETURN,
					   .op_id = connection->unsent.op_id,
					   .driver = connection->unsent.driver},
				.ret = {.variant = connection->variant}};
	int r;

	if (!connection->return_pending)
		return 1;
	memcpy(record.ret.words, connection->unsent.words, sizeof(record.ret.words));
	r = send_record(connection, &record);
	if (r == 1)
		connection->return_pending = false;
	return r;
}

/*
 * The upcall that was sent is over. A descriptor that went with it may be the last one to its
 * socket already, and close all that the other side put into that.
 */
static void finish_upcall(struct process *process)
{
	struct channel *channel = connection_of(process)->channel;
	int fd = upcall_take_descriptor(process);

	upcall_sent(process);
	if (fd >= 0)
		closer_take(&channel->own, fd);
}

static int flush_upcalls(struct process *process)
{
	struct record record;
	int r = 1;

	while (r == 1 && upcall_peek(process, &record)) {
		const int fd = upcall_descriptor(process);
		const struct descriptors with = {.fds = {fd}, .count = fd >= 0};

		r = send_record_with(connection_of(process), &record, &with);
		if (r == 1)
			finish_upcall(process);
		if (r == -PLUTON_EBUSY) {
			upcall_withhold(process);
			r = 1;
		}
	}
	return r;
}

/* Sends what waits. false: the process is gone, and so is `process`. */
static bool flush(struct process *process)
{
	int r;

	connection_of(process)->socket_full = false;
	r = flush_return(connection_of(process));
	if (r == 1)
		r = flush_upcalls(process);
	if (r < 0) {
		process_kill(process);
		return false;
	}
	want(process);
	return true;
}

static void on_flush(struct deferred_call *call)
{
	struct connection *connection = (void *)((char *)call - offsetof(struct connection, flush));

	flush(event_get_callback_arg(&connection->event));
}

static void upcalls_ready(struct process *process)
{
	deferred_call_set(&connection_of(process)->flush);
}

/* --- input ----------------------------------------------------------------------------------- */

/* One that has greeted may stay as long as it likes. */
static void end_greeting(struct process *process)
{
	struct connection *connection = connection_of(process);

	if (connection->state == CONNECTED)
		process->kernel->expiry.timed--;
	connection->state = READY;
}

/* Of those that the process asks for. */
static uint32_t features_for(const struct process *process, uint32_t wanted)
{
	const struct event_base *base = connection_of(process)->channel->loop->base;
	bool rings = process->kernel->limits.ring_size > 0 && rings_possible(base);

	return wanted & (rings ? FEATURE_RINGS : 0);
}

static int hello(struct process *process, const struct record *record)
{
	const struct kernel_limits *limits = &process->kernel->limits;
	struct connection *connection = connection_of(process);
	const struct record welcome = {
		.header = {.type = RECORD_WELCOME},
		.welcome = {.version = RECORD_VERSION,
			    .features = features_for(process, record->hello.features),
			    .pid = (uint32_t)getpid(),
			    .process_index = process->id.index,
			    .process_generation = process->id.generation,
			    .inline_max = limits->inline_max,
			    .operations_max = limits->operations_per_process,
			    .windows_max = limits->windows_per_process,
			    .window_size_max = (uint32_t)limits->window_max}};

	if (record->hello.version != RECORD_VERSION) {
		reject(process, &record->header,
		       kernel_refuse(process->kernel, -PLUTON_ENOSUPPORT,
				     "protocol version %u is not spoken here, %u is",
				     record->hello.version, RECORD_VERSION));
		return -PLUTON_ENOSUPPORT; /* nothing more to say to each other */
	}
	end_greeting(process);
	connection->rings_offered = welcome.welcome.features & FEATURE_RINGS;
	return send_record(connection, &welcome) == 1 ? 0 : -PLUTON_EOFF;
}

static int operation(struct process *process, const struct record *record)
{
	int r = request_submit(process, record);

	return r < 0 ? refuse(process, &record->header, r) : 0;
}

static int call(struct process *process, const struct record *record)
{
	struct record_return ret;

	if (record->call.class == CLASS_EXIT)
		return -PLUTON_EOFF;
	trd104_call(process, record, &ret);
	return send_return(process, &record->header, &ret);
}

static int cancel(struct process *process, const struct record *record)
{
	struct operation *op = request_find(process, &record->header);

	if (op)
		operation_cancel(op);
	return 0; /* an operation that just ended has its answer on the way */
}

static int window_remove_record(struct process *process, const struct record *record)
{
	const struct record_return removed = {.variant = VARIANT_SUCCESS};
	int r = window_remove(process, record->window.window);

	return r < 0 ? reject(process, &record->header, r)
		     : send_return(process, &record->header, &removed);
}

/* Says where the rings are. From the next record on all that has no descriptor goes by them. */
static int give_rings(struct process *process, const struct record *record, struct rings *rings,
		      int memory)
{
	const struct record given = {
		.header = {.type = RECORD_RETURN, .op_id = record->header.op_id},
		.ret = {.variant = VARIANT_SUCCESS_U32, .words = {rings->requests.size}}};
	const struct descriptors with = {.fds = {memory, rings->doorbell},
					 .count = RINGS_DESCRIPTORS};
	int r = send_record_with(connection_of(process), &given, &with);

	if (r == 1) {
		connection_of(process)->rings = rings;
		return 0;
	}
	rings_free(rings);
	return r == 0 || r == -PLUTON_EBUSY
		       ? reject(process, &record->header,
				kernel_refuse(process->kernel, -PLUTON_EBUSY,
					      "there is no room for descriptors on the way to you"))
		       : r;
}

static int rings_open(struct process *process, const struct record *record)
{
	struct connection *connection = connection_of(process);
	struct rings *rings = NULL;
	int memory = -1, r;

	if (!connection->rings_offered)
		return reject(process, &record->header,
			      kernel_refuse(process->kernel, -PLUTON_ENOSUPPORT,
					    "rings were not agreed on in the greeting"));
	if (connection->rings)
		return reject(process, &record->header,
			      kernel_refuse(process->kernel, -PLUTON_EALREADY,
					    "the rings are open already"));
	r = rings_make(process, connection->channel->loop->base, on_doorbell, &rings, &memory);
	if (r < 0)
		return reject(process, &record->header, r);
	r = give_rings(process, record, rings, memory);
	close(memory); /* not the last: it is mapped */
	return r;
}

static int window_add_record(struct process *process, const struct record *record,
			     struct received *received)
{
	struct record_return added = {.variant = VARIANT_SUCCESS_U32};
	int r;

	if (received->descriptors != 1)
		return reject(process, &record->header,
			      kernel_refuse(process->kernel, -PLUTON_EINVAL,
					    "a window needs exactly one descriptor"));
	r = window_add(process, received->fd, &added.words[0]);
	received->mapped = r == 0;
	return r < 0 ? reject(process, &record->header, r)
		     : send_return(process, &record->header, &added);
}

typedef int (*record_handler)(struct process *process, const struct record *record);

/* Which records are legal when, and who handles them. WINDOW_ADD is the one with a descriptor. */
static const record_handler handlers[STATES][RECORD_RINGS_OPEN + 1] = {
	[CONNECTED] = {[RECORD_HELLO] = hello},
	[READY] = {[RECORD_OPERATION] = operation,
		   [RECORD_CALL] = call,
		   [RECORD_CANCEL] = cancel,
		   [RECORD_WINDOW_REMOVE] = window_remove_record,
		   [RECORD_RINGS_OPEN] = rings_open},
};

static int handle(struct process *process, const struct record *record, struct received *received)
{
	struct connection *connection = connection_of(process);
	uint16_t type = record->header.type;

	if (connection->state == READY && type == RECORD_WINDOW_ADD)
		return window_add_record(process, record, received);
	if (received->descriptors)
		return reject(process, &record->header,
			      kernel_refuse(process->kernel, -PLUTON_EINVAL,
					    "only a window comes with a descriptor"));
	if (type > RECORD_RINGS_OPEN || !handlers[connection->state][type])
		return reject(process, &record->header,
			      kernel_refuse(process->kernel, -PLUTON_EINVAL,
					    connection->state == READY
						    ? "record type %u is not for the daemon now"
						    : "record type %u before the greeting",
					    type));
	return handlers[connection->state][type](process, record);
}

static int handle_bytes(struct process *process, struct received *received)
{
	struct connection *connection = connection_of(process);
	struct record record;
	int r = record_decode(connection->channel->buffer, received->size, &record);

	step_reached(&process->kernel->step, STEP_RECORD_RECEIVED, process->id);
	if (received->truncated)
		r = -PLUTON_ESIZE;
	if (r < 0)
		return reject(process, &record.header,
			      kernel_refuse(process->kernel, r,
					    "a record of type %u and %zu bytes is not well formed",
					    record.header.type, received->size));
	return handle(process, &record, received);
}

/* Keeps the first descriptor and disposes of all others. */
static void take_descriptors(struct channel *channel, struct msghdr *message, struct received *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (ret->descriptors++ == 0)
				ret->fd = fd;
			else
				closer_take(&channel->closer, fd);
		}
	}
	if (message->msg_flags & MSG_CTRUNC)
		ret->descriptors = DESCRIPTORS_MAX + 1;
}

/* 1: a record. 0: none now. Negative: the process is gone. */
static int receive(struct channel *channel, int fd, struct iovec bytes, struct received *ret)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int)) +
			   CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct msghdr message = {.msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -PLUTON_EOFF;
	*ret = (struct received){
		.size = (size_t)n, .truncated = message.msg_flags & MSG_TRUNC, .fd = -1};
	take_descriptors(channel, &message, ret);
	/* An empty record that brings nothing looks like the end, and is treated as that. */
	return n == 0 && message.msg_controllen == 0 ? -PLUTON_EOFF : 1;
}

/* true: there are records that nobody read, or it cannot be known. */
static bool holds_records(int fd)
{
	static const int on = 1;
	char credentials[CMSG_SPACE(sizeof(struct ucred))];
	struct msghdr message = {.msg_control = credentials, .msg_controllen = sizeof(credentials)};
	int error;
	socklen_t size = sizeof(error);

	/* What the other side left unread when it closed is an error here, told once. */
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	/* With credentials even an empty record brings something, and only the end does not. */
	setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	return recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT) != 0 || message.msg_controllen;
}

/*
 * Closes a connection. In records that nobody read there may be descriptors, and they are closed
 * with it, so a thread does that. After the shutdown no record can follow.
 */
static void hang_up(struct channel *channel, int fd)
{
	shutdown(fd, SHUT_RDWR);
	if (holds_records(fd))
		closer_take(&channel->closer, fd);
	else
		close(fd);
}

/* Nobody has a use for descriptors that are no memory: who goes on sending them is let go. */
static int check_waiting(struct process *process, uint64_t handed_over_before)
{
	struct channel *channel = connection_of(process)->channel;

	if (channel->closer.handed_over == handed_over_before ||
	    closer_waiting(&channel->closer) <= channel->waiting_max)
		return 1;
	kernel_report(
		channel->kernel, &process->id,
		"connection closed: it sends descriptors that take long to close, and %u wait",
		closer_waiting(&channel->closer));
	return -PLUTON_EBUSY;
}

/* One record in from the socket. 1: go on. 0: enough. Negative: the process is over. */
static int serve_socket(struct process *process)
{
	struct connection *connection = connection_of(process);
	struct channel *channel = connection->channel;
	struct iovec buffer = {channel->buffer, sizeof(channel->buffer)};
	uint64_t handed_over = channel->closer.handed_over;
	struct received received;
	int r;

	r = receive(channel, connection->fd, buffer, &received);
	connection->readable = false; /* whether there is another one, its event tells */
	if (r <= 0)
		return r;
	r = handle_bytes(process, &received);
	explicit_bzero(channel->buffer, received.size);
	if (received.mapped)
		close(received.fd); /* not the last: the process lives, and with it the window */
	else if (received.fd >= 0)
		closer_take(&channel->closer, received.fd);
	return r < 0 ? r : check_waiting(process, handed_over);
}

/* The same from the ring. */
static int serve_ring(struct process *process)
{
	struct channel *channel = connection_of(process)->channel;
	struct rings *rings = connection_of(process)->rings;
	int size = ring_take(&rings->requests, channel->buffer, sizeof(channel->buffer));
	struct received received = {.size = (size_t)size, .fd = -1};
	int r;

	/* Something was to come before the socket: their index has gone back. */
	if (size == 0 && connection_of(process)->readable)
		size = -PLUTON_EINVAL;
	if (size < 0)
		kernel_report(channel->kernel, &process->id,
			      "connection closed: what it wrote into its ring makes no sense");
	if (size <= 0)
		return size;
	r = handle_bytes(process, &received);
	explicit_bzero(channel->buffer, (size_t)size);
	return r < 0 ? r : 1;
}

/* What is in the ring now: never more than fits, whatever their index says. */
static void set_barrier(struct rings *rings)
{
	uint32_t tail = atomic_load_explicit(rings->requests.tail, memory_order_relaxed);
	bool fits = tail - rings->requests.mine <= rings->requests.size;

	rings->barrier = fits ? tail : rings->requests.mine;
}

/*
 * What was in the ring before a record came by the socket goes before it, and no more than that: so
 * neither waits for the other for ever. That needs one look at the ring for each record, after it
 * is known to be there.
 */
static int serve_one(struct process *process)
{
	struct connection *connection = connection_of(process);
	struct rings *rings = connection->rings;
	int r;

	if (connection->return_pending)
		return 0;
	if (!rings)
		return serve_socket(process);
	if (!connection->readable || (int32_t)(rings->requests.mine - rings->barrier) < 0)
		return serve_ring(process);
	r = serve_socket(process);
	return r < 0 ? r : 1;
}

/* Who wakes us for the next request. */
static void rest(struct process *process)
{
	struct connection *connection = connection_of(process);
	struct spinner *spinner = &connection->channel->spinner;
	struct rings *rings = connection->rings;
	uint64_t now = loop_now_us();

	if (connection->return_pending) {
		spinner_leave(spinner, rings);
		rings->blocked = true;
		return;
	}
	if (spinner_join(spinner, rings, now))
		return;
	if (ring_await_record(&rings->requests))
		rings_turn_again(rings);
	else if (rings->may_spin)
		spinner_rested(spinner, now);
}

/* Records in, for as long as it is this process's turn. */
static void serve(struct process *process, const char *handler, uint64_t start)
{
	struct channel *channel = connection_of(process)->channel;
	int r = 1;

	for (unsigned i = 0; r == 1 && i < channel->records_per_pass; i++)
		r = loop_now_us() - start < PASS_US ? serve_one(process) : 0;
	if (r < 0) {
		process_kill(process);
	} else {
		if (connection_of(process)->rings)
			rest(process);
		want(process);
	}
	loop_note_handler(channel->loop, handler, start);
}

/* Records that came by the socket while others were in the ring come after those. */
static void note_readable(struct connection *connection)
{
	struct rings *rings = connection->rings;

	/* One that was promised its turn in an earlier pass keeps it. */
	if (rings && !connection->readable)
		set_barrier(rings);
	connection->readable = true;
}

static bool has_hung_up(int fd)
{
	struct pollfd poll_fd = {.fd = fd};

	return poll(&poll_fd, 1, 0) == 1;
}

static void on_ready(evutil_socket_t fd, short events, void *context)
{
	struct process *process = context;
	uint64_t start = loop_now_us();

	if (events & EV_WRITE && !flush(process))
		return;
	if (connection_of(process)->rings && connection_of(process)->return_pending &&
	    has_hung_up(fd)) {
		process_kill(process);
		return;
	}
	if (events & EV_READ)
		note_readable(connection_of(process));
	serve(process, "channel", start);
}

/* A request, or room for answers; or it rings for nothing, as anybody may. */
static void on_doorbell(evutil_socket_t fd, short events, void *context)
{
	struct process *process = context;
	struct connection *connection = connection_of(process);
	uint64_t start = loop_now_us();

	(void)fd;
	(void)events;
	if (connection->rings->may_spin && ring_has_record(&connection->rings->requests))
		spinner_woken(&connection->channel->spinner, start);
	if ((connection->return_pending || process->upcalls) && !flush(process))
		return;
	serve(process, "rings", start);
}

/* Everybody whom we looked at rings from now on. true: one of them has a request already. */
static bool rest_all(struct spinner *spinner)
{
	bool any = false;

	while (spinner->count > 0) {
		struct rings *rings = spinner->rings[0];

		spinner_leave(spinner, rings);
		if (ring_await_record(&rings->requests)) {
			rings_turn_again(rings);
			any = true;
		}
	}
	spinner_rested(spinner, loop_now_us());
	return any;
}

/* The loop's question whether to sleep. */
static bool linger(void *context)
{
	struct spinner *spinner = context;
	struct rings *found;
	bool over;

	if (spinner->count == 0)
		return false;
	found = spinner_look(spinner, &over);
	if (found)
		serve(found->process, "rings", loop_now_us());
	return over ? rest_all(spinner) : true;
}

/* --- connections ----------------------------------------------------------------------------- */

static void closing(struct process *process)
{
	struct connection *connection = connection_of(process);

	end_greeting(process);
	event_del(&connection->event);
	deferred_call_drop(&connection->flush);
	if (connection->rings) {
		spinner_leave(&connection->channel->spinner, connection->rings);
		rings_free(connection->rings);
		connection->rings = NULL;
	}
	hang_up(connection->channel, connection->fd);
}

static bool expire(struct process *process, uint64_t now_ms)
{
	static const struct record_header nothing_asked = {0};
	struct connection *connection = connection_of(process);
	struct kernel *kernel = process->kernel;
	uint64_t timeout_ms = kernel->limits.greeting_timeout_ms;

	if (connection->state != CONNECTED || (uint32_t)now_ms - connection->since_ms < timeout_ms)
		return false;
	reject(process, &nothing_asked,
	       kernel_refuse(kernel, -PLUTON_ECANCEL, "no greeting within %llu ms",
			     (unsigned long long)timeout_ms));
	kernel_report(kernel, &process->id, "connection closed: %s", kernel->why);
	process_kill(process);
	return true;
}

static uint32_t ring_bytes(const struct process *process)
{
	const struct rings *rings = connection_of(process)->rings;

	return rings ? (uint32_t)rings->size : 0;
}

static const struct frontend frontend = {
	.name = "channel",
	.state_size = sizeof(struct connection),
	.cost = 64, /* libevent's map entry for a descriptor; tests/unit/costs_test.c */
	.upcalls_ready = upcalls_ready,
	.closing = closing,
	.expire = expire,
	.ring_bytes = ring_bytes,
};

/* Tells somebody who cannot have a process why. */
static void turn_away(struct channel *channel, int fd, int error)
{
	struct connection stranger = {.channel = channel, .fd = fd};
	struct record record = {.header = {.type = RECORD_RETURN},
				.ret = {.variant = VARIANT_FAILURE,
					.words = {(uint32_t)-error},
					.text = channel->kernel->why,
					.text_length = (uint16_t)strlen(channel->kernel->why)}};

	send_record(&stranger, &record);
	kernel_report(channel->kernel, NULL, "connection refused: %s", channel->kernel->why);
	hang_up(channel, fd);
}

static void identify_app(const struct channel *channel, int fd, struct credentials *who)
{
	if (channel->identify_app && peer_lives(fd))
		channel->identify_app(channel->app_context, who, true);
}

int channel_adopt(struct channel *channel, int fd)
{
	struct credentials who;
	int r = peer_identify(channel->kernel, channel->rules, channel->rule_count, fd, &who);

	if (r == 0) {
		identify_app(channel, fd, &who);
		r = peer_check_access(channel->kernel, channel->rules, channel->rule_count,
				      channel->advice, &who);
	}
	if (r < 0) {
		channel->kernel->counters.processes_refused++;
		turn_away(channel, fd, r);
		return r;
	}
	return channel_adopt_as(channel, fd, &who);
}

int channel_adopt_as(struct channel *channel, int fd, const struct credentials *who)
{
	struct connection *connection;
	struct process *process;
	int r = process_make(channel->kernel, &frontend, who, &process);

	if (r < 0) {
		turn_away(channel, fd, r);
		return r;
	}
	connection = connection_of(process);
	connection->channel = channel;
	connection->fd = fd;
	connection->since_ms = (uint32_t)(loop_now_us() / 1000u);
	channel->kernel->expiry.timed++; /* until it has greeted */
	deferred_call_init(&connection->flush, &channel->kernel->deferred, on_flush);
	event_assign(&connection->event, channel->loop->base, fd, EV_READ | EV_PERSIST, on_ready,
		     process);
	if (event_add(&connection->event, NULL) < 0) {
		process_kill(process);
		return -PLUTON_ENOMEM;
	}
	return 0;
}

bool channel_is_full(const struct channel *channel)
{
	return closer_waiting(&channel->closer) >= channel->waiting_full;
}

/* Whoever comes waits in front of the socket, and the loop is not woken. */
static void stop_listening(struct channel *channel)
{
	static const struct timeval pause = {0, 100000};

	event_del(&channel->listening);
	event_add(&channel->resume, &pause);
}

static void on_resume(evutil_socket_t none, short events, void *context)
{
	struct channel *channel = context;

	(void)none;
	(void)events;
	if (channel->spare_fd < 0)
		channel->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (channel->spare_fd < 0 || channel_is_full(channel))
		stop_listening(channel);
	else
		event_add(&channel->listening, NULL);
}

/* No descriptors left: accept with the spare one and hang up, so that nobody spins. */
static void shed(struct channel *channel)
{
	int fd;

	close(channel->spare_fd);
	fd = accept4(channel->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		hang_up(channel, fd);
	channel->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (channel->spare_fd < 0) /* what was hung up on waits to be closed */
		stop_listening(channel);
	channel->kernel->counters.processes_refused++;
	kernel_report(channel->kernel, NULL,
		      "connection refused: no descriptors left, raise LimitNOFILE");
}

/* false: nobody else waits, or there is no descriptor for them. */
static bool accept_one(struct channel *channel)
{
	int fd = accept4(channel->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		channel_adopt(channel, fd);
	else if (errno == EMFILE || errno == ENFILE)
		shed(channel);
	return fd >= 0;
}

static void on_connect(evutil_socket_t listen_fd, short events, void *context)
{
	struct channel *channel = context;
	uint64_t start = loop_now_us();
	unsigned accepts = 0;
	bool more;

	(void)listen_fd;
	(void)events;
	if (channel_is_full(channel)) {
		kernel_report(
			channel->kernel, NULL,
			"connections wait: %u descriptors that processes sent hang in closing",
			closer_waiting(&channel->closer));
		stop_listening(channel);
		return;
	}
	/* To know who somebody is takes long, and others wait for their answers. */
	do
		more = accept_one(channel) && ++accepts < ACCEPTS_PER_PASS;
	while (more && loop_now_us() - start < PASS_US);
	loop_note_handler(channel->loop, "accept", start);
}

static void hang_up_for_kernel(void *context, int fd)
{
	hang_up(context, fd);
}

static void unmap_for_kernel(void *context, void *memory, size_t size)
{
	struct channel *channel = context;

	closer_unmap(&channel->own, memory, size);
}

static void take_disposal(struct channel *channel)
{
	channel->kernel->hang_up = hang_up_for_kernel;
	channel->kernel->unmap = unmap_for_kernel;
	channel->kernel->disposal_context = channel;
}

static void set_limits(struct channel *channel)
{
	struct rlimit descriptors = {0};

	getrlimit(RLIMIT_NOFILE, &descriptors);
	channel->waiting_full = descriptors.rlim_cur < UINT32_MAX
					? (uint32_t)(descriptors.rlim_cur / 2)
					: UINT32_MAX / 2;
	channel->waiting_max =
		channel->waiting_full / 4 < WAITING_MAX ? channel->waiting_full / 4 : WAITING_MAX;
}

int channel_open(struct channel *channel, struct loop *loop, int listen_fd,
		 unsigned records_per_pass)
{
	*channel = (struct channel){.kernel = loop->kernel,
				    .loop = loop,
				    .listen_fd = listen_fd,
				    .spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC),
				    .closer = CLOSER_WITH(CLOSER_THREADS),
				    .own = CLOSER_WITH(OWN_THREADS),
				    .records_per_pass = records_per_pass};
	set_limits(channel);
	event_assign(&channel->resume, loop->base, -1, 0, on_resume, channel);
	event_assign(&channel->listening, loop->base, listen_fd, EV_READ | EV_PERSIST, on_connect,
		     channel);
	if (event_add(&channel->listening, NULL) == 0) {
		take_disposal(channel);
		loop->linger = linger;
		loop->linger_context = &channel->spinner;
		return 0;
	}
	close(channel->spare_fd);
	close(listen_fd);
	return -PLUTON_ENOMEM;
}

void channel_close(struct channel *channel)
{
	event_del(&channel->listening);
	event_del(&channel->resume);
	kernel_for_each_process (channel->kernel, process) {
		if (process->frontend == &frontend)
			process_kill(process);
	}
	channel->loop->linger = NULL;
	/* What an engine still works on for the dead ends without us. */
	channel->kernel->hang_up = NULL;
	channel->kernel->unmap = NULL;
	closer_close(&channel->closer);
	closer_close(&channel->own);
	close(channel->listen_fd);
	close(channel->spare_fd);
}
