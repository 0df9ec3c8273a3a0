/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients, from greeting to hang-up. A client's TRANSMIT goes through the states of `enum work`;
 * everything else is answered at once.
 *
 * The rule a newcomer would break first: what a client has in the snapshot is its entry. The
 * client's own struct may go at any time, and everything that must outlive a crash is not in it.
 */
#include "apps/tpm/clients.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client-lib/rows.h"
#include "client-lib/tpm_channel.h"
#include "daemon/kernel/record.h"
#include "daemon/log.h"

#define NEW_CHANNELS_MAX 16u /* handed over and not yet looked at */
#define EVENTS_MAX 32
#define ANSWER_SIZE 512u /* bytes of any record but a TPM's response */
#define NO_ENTRY UINT32_MAX
#define WAKE_TAG UINT64_MAX

static_assert(sizeof(struct pluton_tpm_info) + RECORD_FIXED_SIZE <= ANSWER_SIZE, "Info fits");
static_assert(RECORD_FIXED_SIZE + RECORD_TEXT_MAX <= ANSWER_SIZE, "a refusal fits");
static_assert(2 * TPM_BUFFER_SIZE <= RECORD_INLINE_LIMIT, "command and response fit a record");
static_assert(TPM_TOKEN_SIZE == SNAPSHOT_TOKEN_SIZE, "the token is kept whole");

enum phase {
	PHASE_FREE = 0,
	PHASE_GREETING,	 /* HELLO comes first */
	PHASE_ATTACHING, /* then ATTACH */
	PHASE_OPEN,
};

/* Where its TRANSMIT is. */
enum work {
	WORK_NONE = 0,
	WORK_WAITS,  /* for its turn */
	WORK_RUNS,   /* is with whoever called clients_next */
	WORK_HELD,   /* has its response, which waits for durability */
	WORK_UNSENT, /* its answer waits for room in the socket */
};

struct client {
	enum phase phase;
	int fd;
	uint32_t events; /* of epoll */
	uint32_t uid;
	char name[sizeof(((struct pluton_app_peer *)NULL)->command)];
	enum snapshot_use use;
	uint8_t token[SNAPSHOT_TOKEN_SIZE]; /* of a named one */
	uint32_t entry;			    /* in the snapshot, or NO_ENTRY */
	enum work work;
	bool cancel; /* asked for, and its TRANSMIT has not ended */
	bool fresh;  /* the next TRANSMIT may repeat the last: the first, or after one of SIZE */
	uint32_t op_id;
	uint32_t sequence;
	uint32_t room; /* bytes for the response */
	uint64_t hold; /* the generation that must be durable first */
	size_t command_size;
	uint8_t command[TPM_BUFFER_SIZE];
	size_t answer_size; /* a record that waits for room in the socket; 0: none */
	uint8_t answer[ANSWER_SIZE];
};

struct new_channel {
	int fd;
	struct pluton_app_peer peer;
	enum snapshot_use use;
	uint8_t token[SNAPSHOT_TOKEN_SIZE]; /* of a named one */
};

struct clients {
	struct clients_options options;
	int epoll_fd;
	int wake_fd;
	int delegation_fd;
	pthread_mutex_t inbox_lock;
	struct new_channel inbox[NEW_CHANNELS_MAX];
	unsigned inbox_count;
	pthread_mutex_t turn;	/* held by whom attends to delegated clients */
	bool delegated;		/* under `turn`, as is all below while it is true */
	struct client *running; /* whose command runs, or NULL: nobody's, or of one that is gone */
	bool cancel_running;
	unsigned last;	   /* who had the last turn */
	atomic_uint count; /* clients; any thread may look */
	unsigned awaited;  /* entries without a client */
	bool leavers;	   /* some entry is to be left */
	enum entry_use {
		ENTRY_FREE = 0,
		ENTRY_TAKEN,
		ENTRY_AWAITED, /* in use by a connection of before the start */
		ENTRY_LEFT,
	} entries[CLIENTS_MAX];
	uint8_t in[RECORD_SIZE_MAX];
	uint8_t out[RECORD_SIZE_MAX];
	struct client list[]; /* options.connections_max */
};

/* --- start and end --------------------------------------------------------------------------- */

static int watch(struct clients *clients, int operation, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event event = {.events = events, .data.u64 = tag};

	return epoll_ctl(clients->epoll_fd, operation, fd, &event) == 0 ? 0 : -PLUTON_ENOMEM;
}

static void find_awaited(struct clients *clients)
{
	for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
		if (snapshot_entry(clients->options.snapshot, i)) {
			clients->entries[i] = ENTRY_AWAITED;
			clients->awaited++;
		}
	}
}

int clients_new(const struct clients_options *options, struct clients **ret)
{
	struct clients *clients =
		calloc(1, sizeof(*clients) + options->connections_max * sizeof(struct client));

	if (!clients)
		return -PLUTON_ENOMEM;
	clients->options = *options;
	pthread_mutex_init(&clients->inbox_lock, NULL);
	pthread_mutex_init(&clients->turn, NULL);
	clients->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	clients->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	clients->delegation_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (clients->epoll_fd < 0 || clients->wake_fd < 0 || clients->delegation_fd < 0 ||
	    watch(clients, EPOLL_CTL_ADD, clients->wake_fd, EPOLLIN, WAKE_TAG) < 0) {
		clients_free(clients);
		return -PLUTON_ENOMEM;
	}
	find_awaited(clients);
	*ret = clients;
	return 0;
}

void clients_free(struct clients *clients)
{
	if (!clients)
		return;
	for (unsigned i = 0; i < clients->options.connections_max; i++) {
		if (clients->list[i].phase != PHASE_FREE)
			close(clients->list[i].fd);
	}
	for (unsigned i = 0; i < clients->inbox_count; i++)
		close(clients->inbox[i].fd);
	close(clients->epoll_fd);
	close(clients->wake_fd);
	close(clients->delegation_fd);
	pthread_mutex_destroy(&clients->inbox_lock);
	pthread_mutex_destroy(&clients->turn);
	explicit_bzero(clients,
		       sizeof(*clients) + clients->options.connections_max * sizeof(struct client));
	free(clients);
}

static void signal_fd(int fd)
{
	const uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof(one));

	(void)n;
}

static void drain_fd(int fd)
{
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	(void)n;
}

void clients_wake(struct clients *clients)
{
	signal_fd(clients->wake_fd);
}

/* --- sending --------------------------------------------------------------------------------- */

static void drop(struct clients *clients, struct client *client);

static void set_events(struct clients *clients, struct client *client)
{
	bool sending = client->answer_size > 0 || client->work == WORK_UNSENT;
	uint32_t events = sending ? EPOLLOUT : EPOLLIN;

	if (events == client->events)
		return;
	client->events = events;
	(void)watch(clients, EPOLL_CTL_MOD, client->fd, events, (uint64_t)(client - clients->list));
}

/* 1: sent. 0: no room now. -1: nobody is there. */
static int send_now(int fd, const void *bytes, size_t size)
{
	for (;;) {
		if (send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 1;
		if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
			return 0;
		if (errno != EINTR)
			return -1;
	}
}

static void send_record(struct clients *clients, struct client *client, const struct record *record)
{
	int size = record_encode(record, client->answer, sizeof(client->answer));
	int r = size < 0 ? -1 : send_now(client->fd, client->answer, (size_t)size);

	if (r < 0) {
		drop(clients, client);
		return;
	}
	client->answer_size = r == 0 ? (size_t)size : 0;
	set_events(clients, client);
}

__attribute__((format(printf, 5, 6))) static void refuse(struct clients *clients,
							 struct client *client,
							 const struct record_header *header,
							 int error, const char *format, ...)
{
	char text[RECORD_TEXT_MAX];
	struct record record = {.header = {.type = RECORD_RETURN,
					   .op_id = header->op_id,
					   .driver = header->driver}};
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	record.ret.variant = VARIANT_FAILURE;
	record.ret.words[0] = (uint32_t)-error;
	record.ret.text = text;
	record.ret.text_length =
		(uint16_t)(length < (int)sizeof(text) ? length : (int)sizeof(text) - 1);
	send_record(clients, client, &record);
}

/* The answer to an operation; `output` may be NULL. */
static void answer(struct clients *clients, struct client *client, uint32_t op_id,
		   const uint32_t words[3], const void *output, size_t output_size)
{
	struct record record = {
		.header = {.type = RECORD_UPCALL, .op_id = op_id, .driver = PLUTON_DRIVER_TPM}};

	memcpy(record.upcall.words, words, sizeof(record.upcall.words));
	record.upcall.output = output;
	record.upcall.output_length = (uint16_t)output_size;
	send_record(clients, client, &record);
}

/* The record that ends a TRANSMIT: the entry's response, unless there is no room for it. */
static int encode_response(struct clients *clients, const struct client *client,
			   const uint8_t *response, size_t size)
{
	struct record record = {.header = {.type = RECORD_UPCALL,
					   .op_id = client->op_id,
					   .driver = PLUTON_DRIVER_TPM}};

	if (size > client->room) {
		record.upcall.words[0] = PLUTON_ESIZE;
	} else {
		record.upcall.words[1] = (uint32_t)size;
		record.upcall.output = response;
		record.upcall.output_length = (uint16_t)size;
	}
	return record_encode(&record, clients->out, sizeof(clients->out));
}

/*
 * The response to a sequence number that was accepted: the stored one if it is that command's, or
 * else TPM_RC_RETRY, since nobody knows how far that command came.
 */
static void send_response(struct clients *clients, struct client *client)
{
	struct snapshot *snapshot = clients->options.snapshot;
	const struct snapshot_entry *entry = snapshot_entry(snapshot, client->entry);
	uint8_t retry[TPM_HEADER_SIZE];
	const uint8_t *response = snapshot_response(snapshot, client->entry);
	size_t response_size = entry->response_size;
	int size;
	int r;

	if (entry->sequence != client->sequence || response_size == 0) {
		response_size = tpm_error_response(TPM_RC_RETRY, retry);
		response = retry;
	}
	client->fresh = response_size > client->room;
	size = encode_response(clients, client, response, response_size);
	r = send_now(client->fd, clients->out, (size_t)size);
	explicit_bzero(clients->out, (size_t)size);
	if (r < 0) {
		drop(clients, client);
		return;
	}
	client->work = r == 0 ? WORK_UNSENT : WORK_NONE;
	set_events(clients, client);
}

/* There may be room again. */
static void send_rest(struct clients *clients, struct client *client)
{
	int r;

	if (client->answer_size > 0) {
		r = send_now(client->fd, client->answer, client->answer_size);
		if (r < 0)
			drop(clients, client);
		if (r <= 0)
			return;
		explicit_bzero(client->answer, client->answer_size);
		client->answer_size = 0;
	}
	if (client->work == WORK_UNSENT)
		send_response(clients, client);
	else
		set_events(clients, client);
}

/* --- connections ----------------------------------------------------------------------------- */

/* Its struct is free from here on; what it has in the TPM is left to clients_next_leaver. */
static void drop(struct clients *clients, struct client *client)
{
	if (client->entry != NO_ENTRY) {
		clients->entries[client->entry] = ENTRY_LEFT;
		clients->leavers = true;
	}
	if (clients->running == client) {
		clients->running = NULL;
		clients->cancel_running = true;
	}
	close(client->fd);
	explicit_bzero(client, sizeof(*client));
	clients->count--;
}

static void drop_hostile(struct clients *clients, struct client *client, const char *what)
{
	log_event_limited(
		PLUTON_LOG_WARNING,
		LOG_FIELDS(LOG_TEXT("command", client->name), LOG_NUMBER("uid", client->uid)),
		"a client broke the protocol (%s) and was disconnected", what);
	drop(clients, client);
}

static unsigned count_of_user(const struct clients *clients, uint32_t uid)
{
	unsigned count = 0;

	for (unsigned i = 0; i < clients->options.connections_max; i++)
		count += clients->list[i].phase != PHASE_FREE && clients->list[i].uid == uid;
	return count;
}

/* For a peer who does not become a client. */
static void turn_away(struct clients *clients, const struct new_channel *channel, int error,
		      const char *text)
{
	struct record record = {.header.type = RECORD_RETURN};
	int size;

	record.ret.variant = VARIANT_FAILURE;
	record.ret.words[0] = (uint32_t)-error;
	record.ret.text = text;
	record.ret.text_length = (uint16_t)strnlen(text, RECORD_TEXT_MAX);
	size = record_encode(&record, clients->out, sizeof(clients->out));
	if (size > 0)
		(void)send_now(channel->fd, clients->out, (size_t)size);
	log_event_limited(PLUTON_LOG_WARNING,
			  LOG_FIELDS(LOG_TEXT("command", channel->peer.command),
				     LOG_NUMBER("uid", channel->peer.uid)),
			  "refused a client: %s", text);
	close(channel->fd);
}

static bool has_room(struct clients *clients, const struct new_channel *channel)
{
	const struct clients_options *options = &clients->options;
	char text[RECORD_TEXT_MAX];

	if (clients->count >= options->connections_max) {
		snprintf(text, sizeof(text),
			 "this TPM has %u clients, the most it takes (--connections-max)",
			 clients->count);
		turn_away(clients, channel, -PLUTON_EBUSY, text);
		return false;
	}
	if (channel->peer.uid != 0 &&
	    count_of_user(clients, channel->peer.uid) >= options->per_user_max) {
		snprintf(text, sizeof(text),
			 "user %u has %u connections to this TPM, the most one user may have "
			 "(--connections-per-user)",
			 channel->peer.uid, options->per_user_max);
		turn_away(clients, channel, -PLUTON_EBUSY, text);
		return false;
	}
	return true;
}

static struct client *free_client(struct clients *clients)
{
	for (unsigned i = 0;; i++) {
		if (clients->list[i].phase == PHASE_FREE)
			return &clients->list[i];
	}
}

static void begin(struct clients *clients, const struct new_channel *channel)
{
	struct client *client;

	if (!has_room(clients, channel))
		return;
	client = free_client(clients);
	*client = (struct client){
		.phase = PHASE_GREETING,
		.fd = channel->fd,
		.events = EPOLLIN,
		.uid = channel->peer.uid,
		.use = channel->use,
		.entry = NO_ENTRY,
	};
	memcpy(client->token, channel->token, sizeof(client->token));
	snprintf(client->name, sizeof(client->name), "%.*s", (int)sizeof(client->name) - 1,
		 channel->peer.command);
	clients->count++;
	if (watch(clients, EPOLL_CTL_ADD, client->fd, EPOLLIN, (uint64_t)(client - clients->list)) <
	    0)
		drop(clients, client);
}

static void add(struct clients *clients, const struct new_channel *channel)
{
	bool full;

	pthread_mutex_lock(&clients->inbox_lock);
	full = clients->inbox_count == NEW_CHANNELS_MAX;
	if (!full)
		clients->inbox[clients->inbox_count++] = *channel;
	pthread_mutex_unlock(&clients->inbox_lock);
	if (full)
		close(channel->fd);
	else
		clients_wake(clients);
}

void clients_add(struct clients *clients, int fd, const struct pluton_app_peer *peer)
{
	add(clients, &(struct new_channel){.fd = fd, .peer = *peer, .use = SNAPSHOT_CHANNEL});
}

void clients_add_named(struct clients *clients, int fd, const struct pluton_app_peer *peer,
		       const uint8_t token[SNAPSHOT_TOKEN_SIZE])
{
	struct new_channel channel = {.fd = fd, .peer = *peer, .use = SNAPSHOT_NAMED};

	memcpy(channel.token, token, sizeof(channel.token));
	add(clients, &channel);
}

static void take_new(struct clients *clients)
{
	struct new_channel taken[NEW_CHANNELS_MAX];
	unsigned count;

	drain_fd(clients->wake_fd);
	pthread_mutex_lock(&clients->inbox_lock);
	count = clients->inbox_count;
	memcpy(taken, clients->inbox, count * sizeof(taken[0]));
	clients->inbox_count = 0;
	pthread_mutex_unlock(&clients->inbox_lock);
	for (unsigned i = 0; i < count; i++)
		begin(clients, &taken[i]);
}

/* --- operations ------------------------------------------------------------------------------ */

/* What a command needs of its record: ranges within the record's own bytes. */
struct slots {
	const uint8_t *in; /* NULL: absent */
	uint32_t in_length;
	uint32_t out_offset; /* into the output */
	uint32_t out_length; /* 0: absent */
};

/* Which slot is read and which is written; NO_SLOT: there is none. */
#define NO_SLOT RECORD_RANGES_MAX

static bool is_within(const struct record_range *range, uint32_t first, uint32_t end)
{
	return range->window == RECORD_WINDOW_INLINE && range->offset >= first &&
	       range->offset <= end && range->length <= end - range->offset;
}

static int find_slots(const struct record_operation *operation, unsigned in, unsigned out,
		      struct slots *ret)
{
	uint32_t sent = operation->inline_length;
	uint32_t end = sent + operation->output_length;

	*ret = (struct slots){0};
	for (unsigned i = 0; i < operation->range_count; i++) {
		const struct record_range *range = &operation->ranges[i];

		if (range->length == 0)
			continue;
		if (i == in && is_within(range, 0, sent)) {
			ret->in = operation->inline_bytes + range->offset;
			ret->in_length = range->length;
		} else if (i == out && is_within(range, sent, end)) {
			ret->out_offset = range->offset - sent;
			ret->out_length = range->length;
		} else {
			return -PLUTON_EINVAL;
		}
	}
	return 0;
}

/*
 * Known sequence numbers: the next one; and the last one again, but only first after ATTACH. Later
 * it is a second program that uses the same connection, a child after fork say, and must not be
 * given the response to another's command.
 */
static bool is_repeated(const struct clients *clients, const struct client *client,
			uint32_t sequence)
{
	const struct snapshot *snapshot = clients->options.snapshot;
	uint32_t accepted = snapshot_accepted(snapshot, client->entry);

	return sequence == accepted &&
	       (accepted != 0 || snapshot_entry(snapshot, client->entry)->response_size > 0);
}

static void take_transmit(struct clients *clients, struct client *client,
			  const struct record *record)
{
	const struct record_operation *operation = &record->operation;
	uint32_t sequence = operation->words[0];
	struct slots slots;

	if (client->work != WORK_NONE) {
		refuse(clients, client, &record->header, -PLUTON_EBUSY,
		       "a command of this connection is under way");
		return;
	}
	if (find_slots(operation, TPM_SLOT_COMMAND, TPM_SLOT_RESPONSE, &slots) < 0 ||
	    slots.out_length == 0 || slots.out_offset != 0) {
		refuse(clients, client, &record->header, -PLUTON_EINVAL,
		       "Transmit takes a command and room for a response in the record itself");
		return;
	}
	client->op_id = record->header.op_id;
	client->sequence = sequence;
	client->room = slots.out_length;
	if (client->fresh && is_repeated(clients, client, sequence)) {
		send_response(clients, client);
		return;
	}
	if (sequence != snapshot_accepted(clients->options.snapshot, client->entry) + 1) {
		refuse(clients, client, &record->header, -PLUTON_EINVAL,
		       "sequence number %u, and the last one was %u", sequence,
		       snapshot_accepted(clients->options.snapshot, client->entry));
		return;
	}
	if (slots.in_length < TPM_HEADER_SIZE || slots.in_length > TPM_BUFFER_SIZE) {
		refuse(clients, client, &record->header, -PLUTON_ESIZE,
		       "a TPM command of %u bytes; it has %u to %u", slots.in_length,
		       TPM_HEADER_SIZE, TPM_BUFFER_SIZE);
		return;
	}
	memcpy(client->command, slots.in, slots.in_length);
	client->command_size = slots.in_length;
	client->fresh = false;
	client->cancel = false;
	client->work = WORK_WAITS;
}

static void take_cancel_running(struct clients *clients, struct client *client,
				const struct record *record)
{
	struct client *running = clients->running;
	bool may = running && (running->uid == client->uid || client->uid == 0);

	if (may)
		clients->cancel_running = true;
	answer(clients, client, record->header.op_id, (const uint32_t[3]){0, may, 0}, NULL, 0);
}

static void take_set_locality(struct clients *clients, struct client *client,
			      const struct record *record)
{
	struct snapshot *snapshot = clients->options.snapshot;
	struct snapshot_entry entry = *snapshot_entry(snapshot, client->entry);
	uint32_t locality = record->operation.words[0];

	if (locality > clients->options.locality_max) {
		refuse(clients, client, &record->header, -PLUTON_EINVAL,
		       "locality %u; this TPM gives its clients 0 to %u", locality,
		       clients->options.locality_max);
		return;
	}
	if (client->work != WORK_NONE) {
		refuse(clients, client, &record->header, -PLUTON_EBUSY,
		       "a command of this connection is under way");
		return;
	}
	entry.locality = locality;
	snapshot_put_entry(snapshot, client->entry, SNAPSHOT_NOW, &entry,
			   snapshot_response(snapshot, client->entry));
	answer(clients, client, record->header.op_id, (const uint32_t[3]){0}, NULL, 0);
}

static void take_info(struct clients *clients, struct client *client, const struct record *record)
{
	struct pluton_tpm_info info = {0};
	uint8_t row[sizeof(info)];
	struct slots slots;

	if (find_slots(&record->operation, NO_SLOT, TPM_SLOT_INFO, &slots) < 0 ||
	    slots.out_length < sizeof(row) || slots.out_offset != 0) {
		refuse(clients, client, &record->header, -PLUTON_ESIZE,
		       "Info needs room for its %zu bytes in the record itself", sizeof(row));
		return;
	}
	info.connections = clients->count;
	info.connections_max = clients->options.connections_max;
	info.locality_max = clients->options.locality_max;
	clients->options.fill_info(clients->options.context, &info);
	row_encode(&row_tpm_info, &info, row);
	answer(clients, client, record->header.op_id, (const uint32_t[3]){0}, row, sizeof(row));
}

/* --- attaching ------------------------------------------------------------------------------- */

/* The entry that awaits this token of such a client of the same user, or NO_ENTRY. */
static uint32_t find_token(const struct clients *clients, const struct client *client,
			   const uint8_t *token)
{
	for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
		const struct snapshot_entry *entry;

		if (clients->entries[i] != ENTRY_AWAITED)
			continue;
		entry = snapshot_entry(clients->options.snapshot, i);
		if (entry->uid == client->uid && entry->in_use == client->use &&
		    CRYPTO_memcmp(entry->token, token, sizeof(entry->token)) == 0)
			return i;
	}
	return NO_ENTRY;
}

/* One that nobody uses. Those who may come back have theirs until they are expired. */
static uint32_t free_entry(const struct clients *clients)
{
	for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
		if (clients->entries[i] == ENTRY_FREE)
			return i;
	}
	return NO_ENTRY;
}

static bool make_token(const struct client *client, uint8_t token[SNAPSHOT_TOKEN_SIZE])
{
	if (client->use != SNAPSHOT_NAMED)
		return getrandom(token, SNAPSHOT_TOKEN_SIZE, 0) == SNAPSHOT_TOKEN_SIZE;
	memcpy(token, client->token, SNAPSHOT_TOKEN_SIZE);
	return true;
}

static bool make_entry(struct clients *clients, struct client *client)
{
	struct snapshot_entry entry = {.in_use = client->use, .uid = client->uid};
	uint32_t index = free_entry(clients);

	if (index == NO_ENTRY || !make_token(client, entry.token))
		return false;
	client->entry = index;
	clients->entries[index] = ENTRY_TAKEN;
	snapshot_accept(clients->options.snapshot, index, 0);
	snapshot_put_entry(clients->options.snapshot, index, SNAPSHOT_NOW, &entry, NULL);
	return true;
}

static bool goes_on(struct clients *clients, struct client *client, const struct slots *slots)
{
	if (client->use == SNAPSHOT_NAMED)
		client->entry = find_token(clients, client, client->token);
	else if (slots->in_length == SNAPSHOT_TOKEN_SIZE)
		client->entry = find_token(clients, client, slots->in);
	if (client->entry == NO_ENTRY)
		return false;
	clients->entries[client->entry] = ENTRY_TAKEN;
	clients->awaited--;
	return true;
}

static void take_attach(struct clients *clients, struct client *client, const struct record *record)
{
	struct snapshot *snapshot = clients->options.snapshot;
	struct slots slots;
	bool again;

	if (find_slots(&record->operation, TPM_SLOT_TOKEN, TPM_SLOT_NEW_TOKEN, &slots) < 0 ||
	    slots.out_length < TPM_TOKEN_SIZE || slots.out_offset != 0 ||
	    (slots.in && slots.in_length != TPM_TOKEN_SIZE)) {
		refuse(clients, client, &record->header, -PLUTON_EINVAL,
		       "Attach takes a token or none, and room for one, of %u bytes each",
		       TPM_TOKEN_SIZE);
		return;
	}
	again = goes_on(clients, client, &slots);
	if (!again && !make_entry(clients, client)) {
		refuse(clients, client, &record->header, -PLUTON_EBUSY,
		       "all connections are taken, or kept for those who were cut off");
		return;
	}
	client->phase = PHASE_OPEN;
	client->fresh = true;
	answer(clients, client, record->header.op_id,
	       (const uint32_t[3]){0, again, snapshot_accepted(snapshot, client->entry)},
	       snapshot_entry(snapshot, client->entry)->token, TPM_TOKEN_SIZE);
}

/* --- records --------------------------------------------------------------------------------- */

struct handler {
	uint8_t words; /* that may be other than 0 */
	bool attached; /* only after ATTACH; the others only before */
	void (*take)(struct clients *clients, struct client *client, const struct record *record);
};

static const struct handler handlers[] = {
	[TPM_TRANSMIT] = {1, true, take_transmit},
	[TPM_CANCEL_RUNNING] = {0, true, take_cancel_running},
	[TPM_SET_LOCALITY] = {1, true, take_set_locality},
	[TPM_ATTACH] = {0, false, take_attach},
	[TPM_INFO] = {0, true, take_info},
};

#define HANDLERS_COUNT (sizeof(handlers) / sizeof(handlers[0]))

static bool has_stray_words(const struct record_operation *operation, unsigned words)
{
	for (unsigned i = words; i < RECORD_WORDS; i++) {
		if (operation->words[i] != 0)
			return true;
	}
	return false;
}

static void take_operation(struct clients *clients, struct client *client,
			   const struct record *record)
{
	uint32_t command = record->operation.command;
	const struct handler *handler = command < HANDLERS_COUNT ? &handlers[command] : NULL;

	if (record->header.driver != PLUTON_DRIVER_TPM)
		refuse(clients, client, &record->header, -PLUTON_ENODEVICE,
		       "a TPM's channel has driver 0x%x only", PLUTON_DRIVER_TPM);
	else if (!handler || !handler->take)
		refuse(clients, client, &record->header, -PLUTON_ENOSUPPORT,
		       "a TPM's channel has no command %u", command);
	else if (record->header.op_id == 0 || has_stray_words(&record->operation, handler->words))
		refuse(clients, client, &record->header, -PLUTON_EINVAL,
		       "an operation without op_id, or with words that its command does not have");
	else if (handler->attached != (client->phase == PHASE_OPEN))
		refuse(clients, client, &record->header, -PLUTON_EINVAL,
		       handler->attached ? "Attach comes first" : "this connection is attached");
	else if (client->work != WORK_NONE && record->header.op_id == client->op_id)
		refuse(clients, client, &record->header, -PLUTON_EALREADY,
		       "operation %u is under way", record->header.op_id);
	else
		handler->take(clients, client, record);
}

/* Of an operation that is not under way: its answer is on the way. */
static void take_cancel(struct clients *clients, struct client *client, uint32_t op_id)
{
	if (op_id != client->op_id)
		return;
	if (client->work == WORK_WAITS)
		client->cancel = true;
	if (clients->running == client)
		clients->cancel_running = true;
}

static void take_hello(struct clients *clients, struct client *client, const struct record *record)
{
	struct record welcome = {.header.type = RECORD_WELCOME};

	if (record->hello.version != RECORD_VERSION || record->hello.features != 0) {
		refuse(clients, client, &record->header, -PLUTON_ENOSUPPORT,
		       "protocol version %u with features 0x%x; this TPM speaks version %u",
		       record->hello.version, record->hello.features, RECORD_VERSION);
		if (client->phase != PHASE_FREE)
			drop(clients, client);
		return;
	}
	client->phase = PHASE_ATTACHING;
	welcome.welcome = (struct record_welcome){
		.version = RECORD_VERSION,
		.pid = (uint32_t)getpid(),
		.process_index = (uint32_t)(client - clients->list),
		.inline_max = RECORD_INLINE_LIMIT,
		.operations_max = TPM_CHANNEL_OPERATIONS,
	};
	send_record(clients, client, &welcome);
}

static void take_record(struct clients *clients, struct client *client, const void *bytes,
			size_t size)
{
	struct record record;

	if (record_decode(bytes, size, &record) < 0) {
		drop_hostile(clients, client, "a record that is none");
		return;
	}
	if (client->phase == PHASE_GREETING && record.header.type == RECORD_HELLO) {
		take_hello(clients, client, &record);
		return;
	}
	if (client->phase == PHASE_GREETING) {
		drop_hostile(clients, client, "no greeting");
		return;
	}
	switch (record.header.type) {
	case RECORD_OPERATION:
		take_operation(clients, client, &record);
		break;
	case RECORD_CANCEL:
		take_cancel(clients, client, record.header.op_id);
		break;
	case RECORD_CALL:
	case RECORD_WINDOW_ADD:
	case RECORD_WINDOW_REMOVE:
		refuse(clients, client, &record.header, -PLUTON_ENOSUPPORT,
		       "a TPM's channel has operations only: no raw calls, no windows");
		break;
	default:
		drop_hostile(clients, client, "a record that only daemons send");
		break;
	}
}

/* --- events ---------------------------------------------------------------------------------- */

static void receive(struct clients *clients, struct client *client)
{
	struct iovec iov = {.iov_base = clients->in, .iov_len = sizeof(clients->in)};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n = recvmsg(client->fd, &message, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(clients, client);
		return;
	}
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		drop_hostile(clients, client, "a record with a descriptor, or an oversized one");
	else
		take_record(clients, client, clients->in, (size_t)n);
	explicit_bzero(clients->in, (size_t)n);
}

static void take_event(struct clients *clients, const struct epoll_event *event)
{
	struct client *client;

	if (event->data.u64 == WAKE_TAG) {
		take_new(clients);
		return;
	}
	client = &clients->list[event->data.u64];
	if (client->phase == PHASE_FREE)
		return; /* dropped by an event before this one */
	if (event->events & EPOLLOUT)
		send_rest(clients, client);
	else if (event->events & EPOLLIN)
		receive(clients, client);
	else if (event->events & (EPOLLHUP | EPOLLERR))
		drop(clients, client);
}

void clients_wait(struct clients *clients, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(clients->epoll_fd, events, EVENTS_MAX, timeout_ms);

	for (int i = 0; i < count; i++)
		take_event(clients, &events[i]);
}

/* --- the TPM's side -------------------------------------------------------------------------- */

static void hand_out(struct clients *clients, struct client *client, struct clients_work *ret)
{
	const struct snapshot_entry *entry =
		snapshot_entry(clients->options.snapshot, client->entry);

	client->work = WORK_RUNS;
	ret->entry = client->entry;
	ret->uid = client->uid;
	ret->locality = entry->locality;
	ret->sequence = client->sequence;
	ret->cancelled = client->cancel;
	ret->size = client->command_size;
	memcpy(ret->command, client->command, client->command_size);
	explicit_bzero(client->command, client->command_size);
}

bool clients_next(struct clients *clients, struct clients_work *ret)
{
	for (unsigned i = 1; i <= clients->options.connections_max; i++) {
		unsigned index = (clients->last + i) % clients->options.connections_max;
		struct client *client = &clients->list[index];

		if (client->phase == PHASE_FREE || client->work != WORK_WAITS)
			continue;
		clients->last = index;
		clients->running = client;
		clients->cancel_running = false;
		hand_out(clients, client, ret);
		return true;
	}
	return false;
}

void clients_answer(struct clients *clients, uint64_t hold)
{
	struct client *client = clients->running;

	clients->running = NULL;
	clients->cancel_running = false;
	if (!client)
		return;
	client->hold = hold;
	client->work = WORK_HELD;
	if (hold == 0)
		send_response(clients, client);
}

void clients_release(struct clients *clients, uint64_t durable)
{
	for (unsigned i = 0; i < clients->options.connections_max; i++) {
		struct client *client = &clients->list[i];

		if (client->phase != PHASE_FREE && client->work == WORK_HELD &&
		    client->hold <= durable)
			send_response(clients, client);
	}
}

bool clients_next_leaver(struct clients *clients, uint32_t *ret_entry)
{
	if (!clients->leavers)
		return false;
	for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
		if (clients->entries[i] == ENTRY_LEFT) {
			clients->entries[i] = ENTRY_FREE;
			*ret_entry = i;
			return true;
		}
	}
	clients->leavers = false;
	return false;
}

unsigned clients_expire(struct clients *clients)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
		if (clients->entries[i] == ENTRY_AWAITED) {
			clients->entries[i] = ENTRY_LEFT;
			clients->leavers = true;
			count++;
		}
	}
	clients->awaited = 0;
	return count;
}

unsigned clients_awaited(const struct clients *clients)
{
	return clients->awaited;
}

unsigned clients_count(const struct clients *clients)
{
	return atomic_load(&clients->count);
}

unsigned clients_awaited_names(const struct clients *clients,
			       uint8_t (*ret_tokens)[SNAPSHOT_TOKEN_SIZE], unsigned max)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < CLIENTS_MAX && count < max; i++) {
		const struct snapshot_entry *entry;

		if (clients->entries[i] != ENTRY_AWAITED)
			continue;
		entry = snapshot_entry(clients->options.snapshot, i);
		if (entry->in_use == SNAPSHOT_NAMED)
			memcpy(ret_tokens[count++], entry->token, SNAPSHOT_TOKEN_SIZE);
	}
	return count;
}

/* --- delegation ------------------------------------------------------------------------------ */

void clients_delegate(struct clients *clients)
{
	pthread_mutex_lock(&clients->turn);
	clients->delegated = true;
	pthread_mutex_unlock(&clients->turn);
	signal_fd(clients->delegation_fd);
}

bool clients_reclaim(struct clients *clients)
{
	bool cancelled;

	pthread_mutex_lock(&clients->turn);
	clients->delegated = false;
	cancelled = clients->cancel_running;
	pthread_mutex_unlock(&clients->turn);
	signal_fd(clients->delegation_fd);
	return cancelled;
}

int clients_delegation_fd(const struct clients *clients)
{
	return clients->delegation_fd;
}

int clients_event_fd(const struct clients *clients)
{
	return clients->epoll_fd;
}

enum clients_attention clients_attend(struct clients *clients, void (*cancel)(void))
{
	enum clients_attention attention = CLIENTS_NOT_OURS;

	pthread_mutex_lock(&clients->turn);
	if (clients->delegated) {
		clients_wait(clients, 0);
		attention = clients->cancel_running ? CLIENTS_CANCEL : CLIENTS_ATTENDED;
		if (clients->cancel_running)
			cancel();
	}
	pthread_mutex_unlock(&clients->turn);
	return attention;
}

void clients_cancel_all(struct clients *clients)
{
	pthread_mutex_lock(&clients->turn);
	if (clients->delegated)
		clients->cancel_running = true;
	pthread_mutex_unlock(&clients->turn);
}
