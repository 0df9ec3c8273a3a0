/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fake plutond and TPM app: a thread that brokers and a thread for each channel. It keeps what
 * client-lib/tpm_channel.h says an app keeps, and checks what it says a client does.
 */
#include "tests/unit/fake_tpm.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <pluton/app.h>
#include <pluton/tpm.h>

#include "client-lib/rows.h"
#include "client-lib/tpm_channel.h"
#include "daemon/kernel/record.h"

#define APP_CONNECT 6u
#define MUST(condition) must(condition, #condition, __LINE__)

static void must(bool holds, const char *condition, int line)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: the client broke: %s (%s)\n", __FILE__, line, condition,
		strerror(errno));
	abort();
}

/* --- commands and responses ------------------------------------------------------------------ */

static void put32(uint8_t *to, uint32_t value)
{
	value = htobe32(value);
	memcpy(to, &value, sizeof(value));
}

static uint32_t get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return be32toh(value);
}

static void put_header(uint8_t *to, uint32_t size, uint32_t code)
{
	to[0] = 0x80;
	to[1] = 0x01;
	put32(to + 2, size);
	put32(to + 6, code);
}

void fake_tpm_command(uint8_t *command, uint32_t size, uint32_t wanted)
{
	memset(command, 0x5a, size);
	put_header(command, size, 0x20000000);
	if (size >= 14)
		put32(command + 10, wanted);
}

uint32_t fake_tpm_rc(const uint8_t *response)
{
	return get32(response + 6);
}

uint32_t fake_tpm_count(const uint8_t *response)
{
	return get32(response + 10);
}

uint32_t fake_tpm_locality(const uint8_t *response)
{
	return get32(response + 14);
}

static void store_failure(struct fake_world *world, uint32_t code)
{
	put_header(world->response, 10, code);
	world->size = 10;
}

static void execute(struct fake_tpm *fake, struct fake_world *world, const uint8_t *command,
		    size_t size)
{
	uint32_t wanted = size >= 14 ? get32(command + 10) : 0;

	MUST(get32(command + 2) == size);
	if (wanted < FAKE_TPM_RESPONSE_MIN || wanted > sizeof(world->response))
		wanted = FAKE_TPM_RESPONSE_MIN;
	fake->executed++;
	memset(world->response, 0xc3, sizeof(world->response));
	put_header(world->response, wanted, 0);
	put32(world->response + 10, fake->executed);
	put32(world->response + 14, world->locality);
	world->size = wanted;
}

/* --- records --------------------------------------------------------------------------------- */

/* What is sent to a client that is gone is lost. */
static void send_bytes(int to, const void *bytes, size_t size, int fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {.align = {.cmsg_len = CMSG_LEN(sizeof(int)),
			       .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.space);
	}
	n = sendmsg(to, &message, MSG_NOSIGNAL);
	MUST(n == (ssize_t)size || errno == EPIPE || errno == ECONNRESET);
}

static void send_record(int to, const struct record *record, int fd)
{
	uint8_t bytes[RECORD_SIZE_MAX];
	int size = record_encode(record, bytes, sizeof(bytes));

	MUST(size > 0);
	send_bytes(to, bytes, (size_t)size, fd);
}

static void welcome(struct fake_tpm *fake, int to)
{
	const struct record record = {
		.header = {.type = RECORD_WELCOME},
		.welcome = {.version = RECORD_VERSION,
			    .pid = 4711,
			    .inline_max = fake->inline_max,
			    .operations_max = TPM_CHANNEL_OPERATIONS},
	};

	send_record(to, &record, -1);
}

static void answer(int to, uint32_t op_id, uint32_t word1, uint32_t word2, const void *output,
		   size_t size)
{
	const struct record upcall = {
		.header = {.type = RECORD_UPCALL, .op_id = op_id},
		.upcall = {.words = {0, word1, word2},
			   .output_length = (uint16_t)size,
			   .output = output},
	};

	send_record(to, &upcall, -1);
}

static void fail(int to, uint32_t op_id, uint32_t error)
{
	const struct record upcall = {
		.header = {.type = RECORD_UPCALL, .op_id = op_id},
		.upcall = {.words = {error}},
	};

	send_record(to, &upcall, -1);
}

static void refuse(int to, const struct record *record, uint32_t error)
{
	static const char text[] = "the fake does not want to";
	const struct record ret = {
		.header = {.type = RECORD_RETURN,
			   .op_id = record->header.op_id,
			   .driver = record->header.driver},
		.ret = {.variant = VARIANT_FAILURE,
			.words = {error},
			.text_length = sizeof(text) - 1,
			.text = text},
	};

	send_record(to, &ret, -1);
}

/* 0: the client is gone. *record points into bytes. */
static bool take_record(int from, uint8_t *bytes, size_t size, struct record *record)
{
	ssize_t n;

	do {
		n = recv(from, bytes, size, 0);
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n <= 0)
		return false;
	MUST(record_decode(bytes, (size_t)n, record) == 0);
	return true;
}

static const uint8_t *input(const struct record *record, unsigned slot, size_t *ret_size)
{
	const struct record_operation *operation = &record->operation;
	const struct record_range *range = &operation->ranges[slot];

	*ret_size = slot < operation->range_count ? range->length : 0;
	if (*ret_size == 0)
		return NULL;
	MUST(range->window == RECORD_WINDOW_INLINE);
	MUST(range->offset + range->length <= operation->inline_length);
	return operation->inline_bytes + range->offset;
}

static size_t room(const struct record *record, unsigned slot)
{
	const struct record_range *range = &record->operation.ranges[slot];

	MUST(slot < record->operation.range_count);
	MUST(range->window == RECORD_WINDOW_INLINE);
	MUST(range->offset == record->operation.inline_length);
	return range->length;
}

/* --- the app: what is not a command ---------------------------------------------------------- */

static struct fake_world *find_world(struct fake_tpm *fake, const uint8_t *token)
{
	for (unsigned i = 0; i < FAKE_TPM_WORLDS; i++) {
		if (fake->worlds[i].used && memcmp(fake->worlds[i].token, token, 16) == 0)
			return &fake->worlds[i];
	}
	return NULL;
}

static struct fake_world *new_world(struct fake_tpm *fake)
{
	static unsigned serial;

	for (unsigned i = 0; i < FAKE_TPM_WORLDS; i++) {
		if (fake->worlds[i].used)
			continue;
		fake->worlds[i] = (struct fake_world){.used = true};
		memset(fake->worlds[i].token, 0xee, 16);
		put32(fake->worlds[i].token, ++serial);
		return &fake->worlds[i];
	}
	abort();
}

/* false: the channel ends here. */
static bool serve_attach(struct fake_channel *channel, const struct record *record)
{
	struct fake_tpm *fake = channel->fake;
	size_t size;
	const uint8_t *token = input(record, TPM_SLOT_TOKEN, &size);
	struct fake_world *world = NULL;
	uint32_t last;

	MUST(size == 0 || size == TPM_TOKEN_SIZE);
	MUST(room(record, TPM_SLOT_NEW_TOKEN) == TPM_TOKEN_SIZE);
	MUST(!channel->attached);
	if (token)
		world = find_world(fake, token);
	if (fake->refuses_attach != 0) {
		refuse(channel->fd, record, fake->refuses_attach);
		return true;
	}
	channel->attached = true;
	channel->world = world ? world : new_world(fake);
	if (fake->attach_deaths > 0) {
		fake->attach_deaths--;
		return false;
	}
	last = fake->attach_last ? fake->attach_last : channel->world->last;
	fake->attach_last = 0;
	answer(channel->fd, record->header.op_id, world != NULL, last, channel->world->token,
	       TPM_TOKEN_SIZE);
	return true;
}

/* false: the channel ends here. */
static bool serve_locality(struct fake_channel *channel, const struct record *record)
{
	struct fake_tpm *fake = channel->fake;
	uint32_t locality = record->operation.words[0];

	if (locality > FAKE_TPM_LOCALITY_MAX) {
		refuse(channel->fd, record, PLUTON_EINVAL);
		return true;
	}
	channel->world->locality = locality;
	if (fake->locality_deaths > 0) {
		fake->locality_deaths--;
		return false;
	}
	answer(channel->fd, record->header.op_id, 0, 0, NULL, 0);
	if (fake->locality_last_words > 0) {
		fake->locality_last_words--;
		shutdown(channel->fd, SHUT_RDWR); /* while it has the lock */
		return false;
	}
	return true;
}

static void serve_info(struct fake_channel *channel, const struct record *record)
{
	const struct pluton_tpm_info info = {.instance = "tpm0",
					     .library = "fake 1",
					     .commands = channel->fake->executed,
					     .locality_max = FAKE_TPM_LOCALITY_MAX};
	uint8_t wire[sizeof(info)];

	MUST(room(record, TPM_SLOT_INFO) == sizeof(wire));
	row_encode(&row_tpm_info, &info, wire);
	answer(channel->fd, record->header.op_id, 0, 0, wire, sizeof(wire));
}

/* --- the app: commands ----------------------------------------------------------------------- */

static enum fake_act next_act(struct fake_tpm *fake)
{
	return fake->act_next < fake->act_count ? fake->acts[fake->act_next++] : ACT_RUN;
}

static void answer_stored(const struct fake_channel *channel, uint32_t op_id)
{
	const struct fake_world *world = channel->world;

	answer(channel->fd, op_id, (uint32_t)world->size, 0, world->response, world->size);
}

static void forget_worlds(struct fake_tpm *fake)
{
	for (unsigned i = 0; i < FAKE_TPM_WORLDS; i++)
		fake->worlds[i].used = false;
}

static void say_oversized(const struct fake_channel *channel)
{
	uint8_t *bytes = calloc(1, RECORD_SIZE_MAX + 1);

	MUST(bytes != NULL);
	send_bytes(channel->fd, bytes, RECORD_SIZE_MAX + 1, -1);
	free(bytes);
}

static void say(struct fake_channel *channel, uint32_t op_id, enum fake_act act)
{
	static const uint8_t zeroes[4100];
	struct fake_world *world = channel->world;
	const struct record upcall = {
		.header = {.type = RECORD_UPCALL, .op_id = op_id},
		.upcall = {.words = {0, 10}, .output_length = 10, .output = world->response},
	};

	switch (act) {
	case ACT_SAY_LONG:
		answer(channel->fd, op_id, sizeof(zeroes), 0, zeroes, sizeof(zeroes));
		break;
	case ACT_SAY_SHORT:
		put32(world->response + 2, 9);
		answer(channel->fd, op_id, 9, 0, world->response, 9);
		break;
	case ACT_SAY_OTHERWISE:
		put32(world->response + 2, (uint32_t)world->size + 1);
		answer_stored(channel, op_id);
		break;
	case ACT_SAY_TWICE:
		answer_stored(channel, op_id);
		answer_stored(channel, op_id);
		break;
	case ACT_SAY_NOISE:
		send_bytes(channel->fd, "noise", 5, -1);
		break;
	case ACT_SAY_OVERSIZED:
		say_oversized(channel);
		break;
	default: /* ACT_SAY_DESCRIPTOR */
		send_record(channel->fd, &upcall, channel->fd);
		break;
	}
}

/* Reads on until the operation is cancelled. The lock is free meanwhile. */
static bool hold(struct fake_channel *channel, uint32_t op_id)
{
	struct fake_tpm *fake = channel->fake;
	uint8_t bytes[RECORD_SIZE_MAX];
	struct record record;
	bool there;

	pthread_mutex_unlock(&fake->lock);
	there = take_record(channel->fd, bytes, sizeof(bytes), &record);
	pthread_mutex_lock(&fake->lock);
	if (!there)
		return false;
	MUST(record.header.type == RECORD_CANCEL && record.header.op_id == op_id);
	fake->cancels++;
	store_failure(channel->world, FAKE_RC_CANCELED);
	answer_stored(channel, op_id);
	return true;
}

/* A command with a new number. false: the channel ends here. */
static bool serve_new(struct fake_channel *channel, const struct record *record,
		      const uint8_t *command, size_t size)
{
	struct fake_tpm *fake = channel->fake;
	struct fake_world *world = channel->world;
	uint32_t op_id = record->header.op_id;
	enum fake_act act = next_act(fake);

	switch (act) {
	case ACT_DIE_BEFORE:
		return false;
	case ACT_OFF_BEFORE:
		forget_worlds(fake);
		return false;
	case ACT_REFUSE:
		refuse(channel->fd, record, PLUTON_ENOMEM);
		return true;
	case ACT_REFUSE_BUSY:
		refuse(channel->fd, record, PLUTON_EBUSY);
		return true;
	case ACT_FAIL:
		fail(channel->fd, op_id, PLUTON_ENOMEM);
		return true;
	default:
		break;
	}
	world->last++;
	if (act == ACT_HOLD)
		return hold(channel, op_id);
	if (act == ACT_DIE_MIDWAY) {
		store_failure(world, FAKE_RC_RETRY);
		return false;
	}
	execute(fake, world, command, size);
	if (act == ACT_OFF_AFTER)
		forget_worlds(fake);
	if (act == ACT_DIE_AFTER || act == ACT_OFF_AFTER)
		return false;
	if (act >= ACT_SAY_LONG)
		say(channel, op_id, act);
	else
		answer_stored(channel, op_id);
	return act != ACT_ANSWER_AND_DIE;
}

static bool serve_transmit(struct fake_channel *channel, const struct record *record)
{
	struct fake_world *world = channel->world;
	uint32_t number = record->operation.words[0];
	size_t size;
	const uint8_t *command = input(record, TPM_SLOT_COMMAND, &size);

	MUST(size >= PLUTON_TPM_COMMAND_MIN && size <= PLUTON_TPM_COMMAND_MAX);
	MUST(room(record, TPM_SLOT_RESPONSE) == PLUTON_TPM_RESPONSE_MAX);
	channel->fake->served++;
	if (number == world->last && number > 0 && channel->fake->repeat_refusals > 0) {
		channel->fake->repeat_refusals--;
		refuse(channel->fd, record, PLUTON_ENOMEM);
		return true;
	}
	if (number == world->last && number > 0) {
		answer_stored(channel, record->header.op_id);
		return true;
	}
	MUST(number == world->last + 1);
	return serve_new(channel, record, command, size);
}

/* --- the app: channels ----------------------------------------------------------------------- */

static bool serve_operation(struct fake_channel *channel, const struct record *record)
{
	MUST(record->header.driver == PLUTON_DRIVER_TPM);
	MUST(channel->attached || record->operation.command == TPM_ATTACH);
	switch (record->operation.command) {
	case TPM_ATTACH:
		return serve_attach(channel, record);
	case TPM_TRANSMIT:
		return serve_transmit(channel, record);
	case TPM_SET_LOCALITY:
		return serve_locality(channel, record);
	case TPM_INFO:
		serve_info(channel, record);
		return true;
	case TPM_CANCEL_RUNNING:
		answer(channel->fd, record->header.op_id, 1, 0, NULL, 0);
		return true;
	default:
		abort();
	}
}

static bool serve_channel_record(struct fake_channel *channel, const struct record *record)
{
	switch (record->header.type) {
	case RECORD_HELLO:
		welcome(channel->fake, channel->fd);
		return true;
	case RECORD_OPERATION:
		return serve_operation(channel, record);
	default:
		MUST(record->header.type == RECORD_CANCEL); /* of what is answered already */
		return true;
	}
}

/* Looks at what comes next, and leaves it in the socket while the test wants that. */
static void wait_to_read(struct fake_channel *channel, uint8_t *bytes, size_t size)
{
	struct fake_tpm *fake = channel->fake;
	struct record record;
	ssize_t n = recv(channel->fd, bytes, size, MSG_PEEK);

	if (n <= 0)
		return;
	MUST(record_decode(bytes, (size_t)n, &record) == 0);
	if (record.header.type != RECORD_CANCEL &&
	    (record.header.type != RECORD_OPERATION || record.operation.command != TPM_TRANSMIT))
		return;
	pthread_mutex_lock(&fake->lock);
	if (fake->reads_not)
		fake->unread++;
	while (fake->reads_not)
		pthread_cond_wait(&fake->told, &fake->lock);
	pthread_mutex_unlock(&fake->lock);
}

static void *serve_channel(void *arg)
{
	struct fake_channel *channel = arg;
	struct fake_tpm *fake = channel->fake;
	uint8_t bytes[RECORD_SIZE_MAX];
	struct record record;
	bool on = true;

	while (on) {
		wait_to_read(channel, bytes, sizeof(bytes));
		if (!take_record(channel->fd, bytes, sizeof(bytes), &record))
			break;
		pthread_mutex_lock(&fake->lock);
		on = serve_channel_record(channel, &record);
		pthread_mutex_unlock(&fake->lock);
	}
	/* closed only at the end: a test may still shut it down */
	shutdown(channel->fd, SHUT_RDWR);
	return NULL;
}

/* --- plutond --------------------------------------------------------------------------------- */

static void begin_channel(struct fake_tpm *fake, int fd, int client_end)
{
	struct fake_channel *channel = &fake->channels[fake->channel_count];
	int room = (int)fake->client_room;

	MUST(fake->channel_count < FAKE_TPM_CHANNELS);
	MUST(room == 0 || setsockopt(client_end, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) == 0);
	if (fake->keeps_client_end) {
		MUST(fake->client_end < 0);
		fake->client_end = dup(client_end);
	}
	*channel = (struct fake_channel){.fake = fake, .fd = fd, .started = true};
	fake->channel_count++;
	MUST(pthread_create(&channel->thread, NULL, serve_channel, channel) == 0);
}

/* One whose app's end says no more than this. */
static void end_channel(int fd, enum fake_broker how)
{
	const struct record nothing = {0};

	if (how == BROKER_GIVES_FULL)
		refuse(fd, &nothing, PLUTON_EBUSY);
	else if (how == BROKER_GIVES_NOISE)
		send_bytes(fd, "noise", 5, -1);
	close(fd);
}

static void give_channel(struct fake_tpm *fake, int to, uint32_t op_id, enum fake_broker how)
{
	const struct record upcall = {.header = {.type = RECORD_UPCALL, .op_id = op_id}};
	int fds[2];

	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
	if (how == BROKER_GIVES)
		begin_channel(fake, fds[0], fds[1]);
	else
		end_channel(fds[0], how);
	send_record(to, &upcall, fds[1]);
	close(fds[1]);
}

static void broker(struct fake_tpm *fake, int to, const struct record *record)
{
	enum fake_broker how = fake->broker;
	uint32_t op_id = record->header.op_id;

	if (fake->broker_times > 0 && --fake->broker_times == 0)
		fake->broker = BROKER_GIVES;
	switch (how) {
	case BROKER_GIVES:
	case BROKER_GIVES_DEAD:
	case BROKER_GIVES_FULL:
	case BROKER_GIVES_NOISE:
		give_channel(fake, to, op_id, how);
		break;
	case BROKER_NO_DEVICE:
		refuse(to, record, PLUTON_ENODEVICE);
		break;
	case BROKER_FAILS:
		fail(to, op_id, PLUTON_EFAIL);
		break;
	case BROKER_IS_BUSY:
		fail(to, op_id, PLUTON_EBUSY);
		break;
	case BROKER_GIVES_NONE:
		answer(to, op_id, 0, 0, NULL, 0);
		break;
	case BROKER_NOISE:
		send_bytes(to, "noise", 5, -1);
		break;
	case BROKER_HANGS_UP:
		shutdown(to, SHUT_RDWR);
		break;
	default: /* BROKER_SILENT, BROKER_SLOW */
		break;
	}
}

static void serve_connect(struct fake_tpm *fake, int fd, const struct record *record)
{
	const uint8_t *name;
	size_t size;

	MUST(record->operation.command == APP_CONNECT);
	fake->asked++;
	name = input(record, 0, &size);
	if (size == 4 && memcmp(name, "tpm0", 4) == 0)
		broker(fake, fd, record);
	else
		refuse(fd, record, PLUTON_ENODEVICE);
}

/* Whether this driver exists. `op_id` is the Connect's that waits. */
static void serve_call(struct fake_tpm *fake, int fd, const struct record *record, uint32_t op_id)
{
	const struct record exists = {
		.header = {.type = RECORD_RETURN, .driver = PLUTON_DRIVER_APP},
		.ret = {.variant = VARIANT_SUCCESS},
	};

	MUST(record->header.type == RECORD_CALL);
	MUST(record->call.class == CLASS_COMMAND && record->call.number == 0);
	fake->calls++;
	if (fake->broker != BROKER_SLOW)
		return;
	send_record(fd, &exists, -1);
	if (fake->calls == FAKE_TPM_SLOWNESS)
		give_channel(fake, fd, op_id, BROKER_GIVES);
}

/* false: plutond stops, before or after it. */
static bool greet(struct fake_tpm *fake, int fd)
{
	if (fake->cut_offs > 0) {
		fake->cut_offs--;
		return false;
	}
	welcome(fake, fd);
	if (fake->departures == 0)
		return true;
	fake->departures--;
	return false;
}

static void serve_client(struct fake_tpm *fake, int fd)
{
	uint8_t bytes[RECORD_SIZE_MAX];
	struct record record;
	uint32_t op_id = 0;
	bool stays = true;

	while (stays && take_record(fd, bytes, sizeof(bytes), &record)) {
		pthread_mutex_lock(&fake->lock);
		if (record.header.type == RECORD_HELLO) {
			stays = greet(fake, fd);
		} else {
			MUST(record.header.driver == PLUTON_DRIVER_APP);
			if (record.header.type == RECORD_OPERATION)
				serve_connect(fake, fd, &record);
			else
				serve_call(fake, fd, &record, op_id);
			op_id = record.header.op_id ? record.header.op_id : op_id;
		}
		pthread_mutex_unlock(&fake->lock);
	}
	close(fd);
}

/* One client after the other: each has gone when it has its channel. */
static void *serve(void *arg)
{
	struct fake_tpm *fake = arg;
	int fd;

	while ((fd = accept(fake->listen_fd, NULL, NULL)) >= 0)
		serve_client(fake, fd);
	return NULL;
}

/* --- the test's side ------------------------------------------------------------------------- */

void fake_tpm_hear(struct fake_tpm *fake)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket", fake->directory);
	fake->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	MUST(fake->listen_fd >= 0);
	MUST(bind(fake->listen_fd, (const struct sockaddr *)&name, sizeof(name)) == 0);
	MUST(listen(fake->listen_fd, 16) == 0);
	MUST(pthread_create(&fake->thread, NULL, serve, fake) == 0);
}

void fake_tpm_deafen(struct fake_tpm *fake)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/socket", fake->directory);
	MUST(unlink(path) == 0);
	shutdown(fake->listen_fd, SHUT_RDWR);
	pthread_join(fake->thread, NULL);
	close(fake->listen_fd);
	fake->listen_fd = -1;
}

void fake_tpm_begin(struct fake_tpm *fake)
{
	memset(fake, 0, sizeof(*fake));
	fake->inline_max = RECORD_INLINE_LIMIT;
	fake->client_end = -1;
	pthread_mutex_init(&fake->lock, NULL);
	pthread_cond_init(&fake->told, NULL);
	snprintf(fake->directory, sizeof(fake->directory), "/tmp/pluton-fake-tpm-XXXXXX");
	MUST(mkdtemp(fake->directory) != NULL);
	snprintf(fake->address, sizeof(fake->address), "unix:%s/socket", fake->directory);
	fake_tpm_hear(fake);
}

static void end_channels(struct fake_tpm *fake)
{
	pthread_mutex_lock(&fake->lock);
	for (unsigned i = 0; i < fake->channel_count; i++)
		shutdown(fake->channels[i].fd, SHUT_RDWR);
	pthread_mutex_unlock(&fake->lock);
}

void fake_tpm_end(struct fake_tpm *fake)
{
	if (fake->listen_fd >= 0)
		fake_tpm_deafen(fake);
	fake_tpm_set(fake, &fake->reads_not, 0);
	end_channels(fake);
	for (unsigned i = 0; i < fake->channel_count; i++) {
		pthread_join(fake->channels[i].thread, NULL);
		close(fake->channels[i].fd);
	}
	if (fake->client_end >= 0)
		close(fake->client_end);
	rmdir(fake->directory);
	pthread_cond_destroy(&fake->told);
	pthread_mutex_destroy(&fake->lock);
}

void fake_tpm_next(struct fake_tpm *fake, enum fake_act act)
{
	pthread_mutex_lock(&fake->lock);
	MUST(fake->act_count < FAKE_TPM_ACTS);
	fake->acts[fake->act_count++] = act;
	pthread_mutex_unlock(&fake->lock);
}

void fake_tpm_broker(struct fake_tpm *fake, enum fake_broker how, unsigned times)
{
	pthread_mutex_lock(&fake->lock);
	fake->broker = how;
	fake->broker_times = times;
	pthread_mutex_unlock(&fake->lock);
}

void fake_tpm_set(struct fake_tpm *fake, uint32_t *setting, uint32_t value)
{
	pthread_mutex_lock(&fake->lock);
	*setting = value;
	pthread_cond_broadcast(&fake->told);
	pthread_mutex_unlock(&fake->lock);
}

/* Greeted, if it is the first. -1: there is no room for it. */
static int occupy(struct fake_tpm *fake, bool first)
{
	const struct record hello = {.header = {.type = RECORD_HELLO},
				     .hello = {.version = RECORD_VERSION}};
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | (first ? 0 : SOCK_NONBLOCK), 0);
	uint8_t bytes[RECORD_SIZE_MAX];
	struct record greeting;

	MUST(fd >= 0);
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket", fake->directory);
	if (connect(fd, (const struct sockaddr *)&name, sizeof(name)) < 0) {
		MUST(errno == EAGAIN);
		close(fd);
		return -1;
	}
	if (first) {
		send_record(fd, &hello, -1);
		MUST(take_record(fd, bytes, sizeof(bytes), &greeting));
	}
	return fd;
}

unsigned fake_tpm_occupy(struct fake_tpm *fake, int *fds, unsigned count)
{
	unsigned done = 0;

	while (done < count && (fds[done] = occupy(fake, done == 0)) >= 0)
		done++;
	return done;
}

void fake_tpm_fill(struct fake_tpm *fake)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = UINT32_MAX}};
	uint8_t bytes[RECORD_SIZE_MAX];
	int size = record_encode(&cancel, bytes, sizeof(bytes));

	MUST(size > 0);
	pthread_mutex_lock(&fake->lock);
	while (send(fake->client_end, bytes, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		continue;
	MUST(errno == EAGAIN);
	pthread_mutex_unlock(&fake->lock);
}

void fake_tpm_wait_for_room(struct fake_tpm *fake)
{
	struct pollfd poll_fd = {.events = POLLOUT};

	pthread_mutex_lock(&fake->lock);
	poll_fd.fd = fake->client_end;
	pthread_mutex_unlock(&fake->lock);
	MUST(poll(&poll_fd, 1, -1) == 1);
}

void fake_tpm_crash(struct fake_tpm *fake)
{
	end_channels(fake);
}

void fake_tpm_power_off(struct fake_tpm *fake)
{
	pthread_mutex_lock(&fake->lock);
	forget_worlds(fake);
	pthread_mutex_unlock(&fake->lock);
	end_channels(fake);
}

static unsigned read_counter(struct fake_tpm *fake, const unsigned *counter)
{
	unsigned value;

	pthread_mutex_lock(&fake->lock);
	value = *counter;
	pthread_mutex_unlock(&fake->lock);
	return value;
}

unsigned fake_tpm_executed(struct fake_tpm *fake)
{
	return read_counter(fake, &fake->executed);
}

unsigned fake_tpm_served(struct fake_tpm *fake)
{
	return read_counter(fake, &fake->served);
}

unsigned fake_tpm_asked(struct fake_tpm *fake)
{
	return read_counter(fake, &fake->asked);
}

unsigned fake_tpm_cancels(struct fake_tpm *fake)
{
	return read_counter(fake, &fake->cancels);
}

unsigned fake_tpm_calls(struct fake_tpm *fake)
{
	return read_counter(fake, &fake->calls);
}

unsigned fake_tpm_unread(struct fake_tpm *fake)
{
	return read_counter(fake, &fake->unread);
}
