/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fake daemon. It checks what a kernel would check (seals, bounds, overlaps) and stops the test
 * program where libpluton broke a promise. Its counters are read once the thread has ended, or
 * while it waits for a request.
 */
#include "tests/unit/fake_services.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <pluton/aes.h>
#include <pluton/digest.h>
#include <pluton/manager.h>
#include <pluton/random.h>

#include "client-lib/rows.h"

#define FAKE_CTR32 6u /* the aes driver's mode */
#define MUST(condition) must(condition, #condition, __LINE__)

static void must(bool holds, const char *condition, int line)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: the client broke: %s (%s)\n", __FILE__, line, condition,
		strerror(errno));
	abort();
}

/* --- by hand --------------------------------------------------------------------------------- */

void fake_daemon_init(struct fake_daemon *fake)
{
	int fds[2];

	memset(fake, 0, sizeof(*fake));
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
	fake->fd = fds[0];
	fake->client_fd = fds[1];
}

void fake_send_bytes(const struct fake_daemon *fake, const void *bytes, size_t size)
{
	ssize_t n = send(fake->fd, bytes, size, MSG_NOSIGNAL);

	MUST(n == (ssize_t)size || errno == EPIPE);
}

void fake_send(const struct fake_daemon *fake, const struct record *record)
{
	uint8_t bytes[RECORD_SIZE_MAX];
	int size = record_encode(record, bytes, sizeof(bytes));

	MUST(size > 0);
	fake_send_bytes(fake, bytes, (size_t)size);
}

void fake_send_fds(const struct fake_daemon *fake, const struct record *record, const int *fds,
		   size_t count)
{
	uint8_t bytes[RECORD_SIZE_MAX];
	int size = record_encode(record, bytes, sizeof(bytes));
	union {
		char space[CMSG_SPACE(FAKE_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control = {.align = {.cmsg_len = CMSG_LEN(count * sizeof(int)),
			       .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {.iov_base = bytes, .iov_len = (size_t)size};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_SPACE(count * sizeof(int))};

	MUST(count <= FAKE_FDS_MAX);
	memcpy(CMSG_DATA(&control.align), fds, count * sizeof(int));
	MUST(sendmsg(fake->fd, &message, MSG_NOSIGNAL) == size);
}

void fake_send_fd(const struct fake_daemon *fake, const struct record *record, int fd)
{
	fake_send_fds(fake, record, &fd, 1);
}

void fake_welcome(const struct fake_daemon *fake)
{
	const struct record welcome = {
		.header = {.type = RECORD_WELCOME},
		.welcome = {.version = 1,
			    .pid = 4711 + fake->restarts,
			    .process_index = 3,
			    .process_generation = 5,
			    .inline_max = FAKE_INLINE_MAX,
			    .operations_max = fake->operations_max ? fake->operations_max
								   : FAKE_OPERATIONS_MAX,
			    .windows_max = FAKE_WINDOWS_MAX,
			    .window_size_max = FAKE_WINDOW_SIZE_MAX},
	};

	fake_send(fake, &welcome);
}

/* --- what a request names -------------------------------------------------------------------- */

uint8_t *fake_slot(struct fake_daemon *fake, struct fake_request *request, unsigned slot)
{
	const struct record_operation *operation = &request->record->operation;
	const struct record_range *range = &operation->ranges[slot];
	uint32_t end = range->offset + range->length;

	MUST(end >= range->offset);
	if (range->window != 0) {
		MUST(range->window < 256 && fake->windows[range->window].bytes);
		MUST(end <= fake->windows[range->window].size);
		return fake->windows[range->window].bytes + range->offset;
	}
	if (range->offset >= operation->inline_length && range->length > 0) {
		MUST(end <= (uint32_t)operation->inline_length + operation->output_length);
		return request->output + range->offset - operation->inline_length;
	}
	MUST(end <= operation->inline_length);
	/* the copy of the record belongs to this thread */
	return (uint8_t *)(uintptr_t)operation->inline_bytes + range->offset;
}

uint32_t fake_slot_length(const struct fake_request *request, unsigned slot)
{
	return request->record->operation.ranges[slot].length;
}

void fake_answer(struct fake_daemon *fake, const struct fake_request *request, uint32_t error)
{
	const struct record upcall = {
		.header = {.type = RECORD_UPCALL, .op_id = request->record->header.op_id},
		.upcall = {.words = {error, request->words[0], request->words[1]},
			   .output_length = error ? 0 : request->record->operation.output_length,
			   .output = request->output},
	};

	fake_send(fake, &upcall);
}

static void refuse(struct fake_daemon *fake, uint32_t op_id, uint32_t driver, uint32_t error)
{
	static const char text[] = "the fake daemon\ndoes not want to";
	const struct record ret = {
		.header = {.type = RECORD_RETURN, .op_id = op_id, .driver = driver},
		.ret = {.variant = VARIANT_FAILURE,
			.words = {error},
			.text_length = sizeof(text) - 1,
			.text = text},
	};

	fake_send(fake, &ret);
}

void fake_refuse(struct fake_daemon *fake, const struct fake_request *request, uint32_t error)
{
	refuse(fake, request->record->header.op_id, request->record->header.driver, error);
}

/* --- drivers --------------------------------------------------------------------------------- */

static void do_invert(struct fake_daemon *fake, struct fake_request *request)
{
	const uint8_t *in = fake_slot(fake, request, 0);
	uint8_t *out = fake_slot(fake, request, 1);

	MUST(fake_slot_length(request, 0) == fake_slot_length(request, 1));
	for (uint32_t i = 0; i < fake_slot_length(request, 0); i++)
		out[i] = (uint8_t)~in[i];
	for (unsigned i = 0; i < request->record->operation.range_count; i++) {
		const struct record_range *range = &request->record->operation.ranges[i];
		uint32_t place = range->length == 0   ? FAKE_ABSENT
				 : range->window == 0 ? FAKE_INLINE
						      : FAKE_WINDOW;

		request->words[0] |= place << (4 * i);
	}
	fake_answer(fake, request, 0);
}

static void do_more(struct fake_daemon *fake, struct fake_request *request)
{
	for (uint32_t i = 0; i < request->record->operation.words[0]; i++) {
		const struct record upcall = {
			.header = {.type = RECORD_UPCALL,
				   .flags = RECORD_MORE,
				   .op_id = request->record->header.op_id},
			.upcall = {.words = {0, i + 1, 0}},
		};

		fake_send(fake, &upcall);
	}
	fake_answer(fake, request, 0);
}

static void serve_fake(struct fake_daemon *fake, struct fake_request *request)
{
	const struct record_operation *operation = &request->record->operation;

	switch (operation->command) {
	case FAKE_INVERT:
		do_invert(fake, request);
		break;
	case FAKE_ERROR:
		fake_answer(fake, request, operation->words[0]);
		break;
	case FAKE_REFUSE:
		refuse(fake, request->record->header.op_id, FAKE_DRIVER, operation->words[0]);
		break;
	case FAKE_MORE:
		do_more(fake, request);
		break;
	default: /* FAKE_HOLD */
		break;
	}
}

static void serve_random(struct fake_daemon *fake, struct fake_request *request)
{
	uint32_t length = fake_slot_length(request, 0);

	if (length == 0 || length > 1u << 20) {
		refuse(fake, request->record->header.op_id, PLUTON_DRIVER_RANDOM, PLUTON_ESIZE);
		return;
	}
	memset(fake_slot(fake, request, 0), 0xa5, length);
	fake_answer(fake, request, 0);
}

static uint32_t sum(const uint8_t *bytes, uint32_t length, uint32_t start)
{
	for (uint32_t i = 0; i < length; i++)
		start = start * 31 + bytes[i];
	return start;
}

/* A "digest" is the sum in its first bytes. */
static void serve_digest(struct fake_daemon *fake, struct fake_request *request)
{
	uint32_t command = request->record->operation.command;
	const uint8_t *in = fake_slot(fake, request, 0);

	if (command == 2)
		fake->stream_sum = 0;
	if (command == 1 || command == 3)
		fake->stream_sum =
			sum(in, fake_slot_length(request, 0), command == 1 ? 0 : fake->stream_sum);
	if (command == 1 || command == 4) {
		memset(fake_slot(fake, request, 1), 0, fake_slot_length(request, 1));
		memcpy(fake_slot(fake, request, 1), &fake->stream_sum, 4);
	}
	request->words[0] = command == 2 ? 77 : fake_slot_length(request, 1);
	fake_answer(fake, request, 0);
}

static void count_up(uint8_t *block, uint32_t bits)
{
	for (unsigned i = 15; i >= 16 - bits / 8; i--) {
		if (++block[i] != 0)
			return;
		if (i == 0)
			return;
	}
}

/* As the capsule does, before anything is read. */
static bool must_be_sealed(struct fake_daemon *fake, const struct fake_request *request)
{
	const struct record_operation *operation = &request->record->operation;
	uint32_t scratch = fake->scratch ? fake->scratch : FAKE_SCRATCH_MAX;
	uint32_t window = operation->ranges[3].window;

	if (operation->command != 2 || operation->words[0] != PLUTON_AES_GCM)
		return false;
	if (window != 0 && fake->windows[window].sealed)
		fake->sealed_messages++;
	return operation->ranges[3].length > scratch &&
	       (window == 0 || !fake->windows[window].sealed);
}

/* CTR with the identity as its cipher; GCM inverts, its tag is the sum. */
static void serve_aes(struct fake_daemon *fake, struct fake_request *request)
{
	const struct record_operation *operation = &request->record->operation;
	const uint8_t *in = fake_slot(fake, request, 3);
	uint8_t *out = fake_slot(fake, request, 4);
	uint32_t tag = sum(in, fake_slot_length(request, 3), 0);
	uint8_t block[16];

	MUST(fake_slot_length(request, 3) == fake_slot_length(request, 4));
	if (must_be_sealed(fake, request)) {
		fake_refuse(fake, request, PLUTON_ESIZE);
		return;
	}
	if (operation->words[0] == PLUTON_AES_CTR || operation->words[0] == FAKE_CTR32) {
		memcpy(block, fake_slot(fake, request, 1), 16);
		for (uint32_t i = 0; i < fake_slot_length(request, 3); i++) {
			out[i] = in[i] ^ block[i % 16];
			if (i % 16 == 15)
				count_up(block, operation->words[0] == FAKE_CTR32 ? 32 : 128);
		}
		fake_answer(fake, request, 0);
		return;
	}
	for (uint32_t i = 0; i < fake_slot_length(request, 3); i++)
		out[i] = (uint8_t)~in[i];
	if (operation->command == 1) {
		memset(fake_slot(fake, request, 5), 0, 16);
		memcpy(fake_slot(fake, request, 5), &tag, 4);
		fake_answer(fake, request, 0);
	} else {
		tag = sum(out, fake_slot_length(request, 3), 0);
		fake_answer(fake, request,
			    memcmp(fake_slot(fake, request, 5), &tag, 4) ? PLUTON_EINVAL : 0);
	}
}

/* Only Limits: as many rows as it was told, in pages. */
static void serve_manager(struct fake_daemon *fake, struct fake_request *request)
{
	uint32_t first = request->record->operation.words[0];
	uint32_t fit = fake_slot_length(request, 0) / (uint32_t)row_limit.size;
	uint8_t *wire = fake_slot(fake, request, 0);
	uint32_t i;

	for (i = 0; i < fit && first + i < fake->lists; i++) {
		struct pluton_limit_row row = {.value = 1000 * fake->restarts + first + i};

		snprintf(row.name, sizeof(row.name), "limit %u", first + i);
		row_encode(&row_limit, &row, wire + i * row_limit.size);
	}
	request->words[0] = i;
	request->words[1] = first + i < fake->lists ? first + i : 0;
	fake_answer(fake, request, 0);
}

static void serve_operation(struct fake_daemon *fake, const struct record *record)
{
	struct fake_request request = {.record = record};

	fake->operations++;
	if (fake->crash_every || (fake->crash_at != 0 && --fake->crash_at == 0)) {
		shutdown(fake->fd, SHUT_RDWR);
		return;
	}
	if (record->header.driver == PLUTON_DRIVER_RANDOM)
		serve_random(fake, &request);
	else if (record->header.driver == PLUTON_DRIVER_DIGEST)
		serve_digest(fake, &request);
	else if (record->header.driver == PLUTON_DRIVER_AES)
		serve_aes(fake, &request);
	else if (record->header.driver == PLUTON_DRIVER_MANAGER)
		serve_manager(fake, &request);
	else if (record->header.driver == FAKE_DRIVER)
		serve_fake(fake, &request);
	else if (!fake_serve_service(fake, &request))
		fake_refuse(fake, &request, PLUTON_ENODEVICE);
}

/* --- windows and calls ----------------------------------------------------------------------- */

static void return_to(struct fake_daemon *fake, const struct record *record, uint32_t variant,
		      const uint32_t words[3])
{
	struct record ret = {
		.header = {.type = RECORD_RETURN,
			   .op_id = record->header.op_id,
			   .driver = record->header.driver},
		.ret = {.variant = variant, .words = {words[0], words[1], words[2]}},
	};

	fake_send(fake, &ret);
}

static void add_window(struct fake_daemon *fake, const struct record *record, int fd)
{
	const uint32_t number = fake->windows_added + 1;
	struct stat st;

	MUST(fd >= 0 && fstat(fd, &st) == 0);
	MUST((fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK) != 0);
	MUST(st.st_size > 0 && st.st_size <= (off_t)FAKE_WINDOW_SIZE_MAX);
	if (fake->window_refusal != 0 || fake->windows_live == FAKE_WINDOWS_MAX) {
		close(fd);
		refuse(fake, record->header.op_id, 0,
		       fake->window_refusal ? fake->window_refusal : PLUTON_EBUSY);
		return;
	}
	fake->windows[number].size = (uint32_t)st.st_size;
	fake->windows[number].sealed = fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE;
	fake->windows[number].bytes =
		fake->windows[number].sealed
			? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
			: mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(fake->windows[number].bytes != MAP_FAILED);
	close(fd);
	fake->windows_added++;
	fake->windows_live++;
	return_to(fake, record, VARIANT_SUCCESS_U32, (const uint32_t[3]){number});
}

static void forget_window(struct fake_daemon *fake, uint32_t number)
{
	struct fake_window *window = &fake->windows[number];

	munmap(window->bytes, window->size);
	*window = (struct fake_window){0};
}

/* As the kernel does, it keeps what its standing operation has a range in. */
static void remove_window(struct fake_daemon *fake, const struct record *record)
{
	uint32_t number = record->window.window;

	MUST(number < 256 && fake->windows[number].bytes);
	if (fake->allow.length && fake->allow.window == number) {
		fake->windows_kept++;
		refuse(fake, record->header.op_id, 0, PLUTON_EBUSY);
		return;
	}
	forget_window(fake, number);
	fake->windows_live--;
	return_to(fake, record, VARIANT_SUCCESS, (const uint32_t[3]){0});
}

static void send_subscribed(struct fake_daemon *fake, uint32_t token, uint32_t word)
{
	const struct record upcall = {
		.header = {.type = RECORD_UPCALL, .driver = FAKE_DRIVER},
		.upcall = {.words = {0, word, 0}, .subscription = token},
	};

	fake_send(fake, &upcall);
}

/* Command n of the standing operation: n upcalls, then the RETURN, then one upcall. */
static void serve_call(struct fake_daemon *fake, const struct record *record)
{
	const struct record_call *call = &record->call;
	uint32_t old[3] = {fake->allow.window, fake->allow.offset, fake->allow.length};

	switch (call->class) {
	case CLASS_SUBSCRIBE:
		send_subscribed(fake, fake->subscription, 99);
		return_to(fake, record, VARIANT_SUCCESS_U32,
			  (const uint32_t[3]){fake->subscription});
		fake->subscription = call->args[0];
		break;
	case CLASS_ALLOW_RO:
	case CLASS_ALLOW_RW:
		fake->allow = (struct record_range){call->args[0], call->args[1], call->args[2]};
		return_to(fake, record, VARIANT_SUCCESS_3U32, old);
		break;
	case CLASS_COMMAND:
		if (record->header.driver != FAKE_DRIVER) {
			refuse(fake, 0, record->header.driver, PLUTON_ENODEVICE);
			break;
		}
		for (uint32_t i = 0; i < call->number; i++)
			send_subscribed(fake, fake->subscription, i);
		return_to(fake, record, VARIANT_SUCCESS_2U32, call->args);
		if (call->number > 0)
			send_subscribed(fake, fake->subscription, call->number);
		break;
	case CLASS_MEMOP:
		return_to(fake, record, VARIANT_SUCCESS_U32, (const uint32_t[3]){call->number});
		break;
	default:
		break;
	}
}

static void serve_cancel(struct fake_daemon *fake, const struct record *record)
{
	const struct record upcall = {
		.header = {.type = RECORD_UPCALL, .op_id = record->header.op_id},
		.upcall = {.words = {PLUTON_ECANCEL}},
	};

	fake_send(fake, &upcall);
}

/* --- the thread ------------------------------------------------------------------------------ */

static ssize_t receive(struct fake_daemon *fake, uint8_t *bytes, size_t size, int *ret_fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fake->fd, &message, MSG_CMSG_CLOEXEC);

	*ret_fd = -1;
	if (n > 0 && CMSG_FIRSTHDR(&message))
		memcpy(ret_fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(*ret_fd));
	return n;
}

static void serve_record(struct fake_daemon *fake, const struct record *record, int fd)
{
	MUST((fd >= 0) == (record->header.type == RECORD_WINDOW_ADD));
	switch (record->header.type) {
	case RECORD_HELLO:
		if (fake->greeting_refusal != 0)
			refuse(fake, 0, 0, fake->greeting_refusal);
		else
			fake_welcome(fake);
		break;
	case RECORD_OPERATION:
		serve_operation(fake, record);
		break;
	case RECORD_CALL:
		serve_call(fake, record);
		break;
	case RECORD_CANCEL:
		serve_cancel(fake, record);
		break;
	case RECORD_WINDOW_ADD:
		if (fake->window_crashes > 0) {
			fake->window_crashes--;
			close(fd);
			fake_hang_up(fake);
			break;
		}
		add_window(fake, record, fd);
		break;
	case RECORD_WINDOW_REMOVE:
		remove_window(fake, record);
		break;
	default:
		MUST(record->header.type <= RECORD_WINDOW_REMOVE); /* what processes send */
	}
}

static void serve_connection(struct fake_daemon *fake)
{
	uint8_t bytes[RECORD_SIZE_MAX];
	struct record record;
	ssize_t n;
	int fd;

	while ((n = receive(fake, bytes, sizeof(bytes), &fd)) > 0) {
		MUST(record_decode(bytes, (size_t)n, &record) == 0);
		serve_record(fake, &record, fd);
	}
	for (uint32_t i = 0; i < 256; i++) {
		if (fake->windows[i].bytes)
			forget_window(fake, i);
	}
}

static void *serve(void *arg)
{
	struct fake_daemon *fake = arg;

	serve_connection(fake);
	return NULL;
}

/* What a daemon that was restarted does not know any more. */
static void forget_client(struct fake_daemon *fake)
{
	fake->windows_live = 0;
	fake->stream_sum = 0;
	fake->subscription = 0;
	fake->allow = (struct record_range){0};
	fake->restarts++;
}

/* Closed before HELLO came or with it unread, in turn: EPIPE or the end, and ECONNRESET. */
static bool cut_off(struct fake_daemon *fake, int fd)
{
	struct pollfd hello = {.fd = fd, .events = POLLIN};

	if (fake->cut_offs == 0)
		return false;
	if (fake->cut_offs-- % 2)
		MUST(poll(&hello, 1, -1) == 1);
	close(fd);
	return true;
}

static void *serve_listening(void *arg)
{
	struct fake_daemon *fake = arg;
	int fd;

	while ((fd = accept4(fake->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		fake->connections++;
		if (cut_off(fake, fd))
			continue;
		fake->fd = fd;
		serve_connection(fake);
		close(fd);
		forget_client(fake);
	}
	return NULL;
}

void fake_daemon_serve(struct fake_daemon *fake)
{
	fake->serving = true;
	MUST(pthread_create(&fake->thread, NULL, serve, fake) == 0);
}

void fake_daemon_listen(struct fake_daemon *fake, const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	MUST(strlen(path) < sizeof(name.sun_path));
	memcpy(name.sun_path, path, strlen(path) + 1);
	unlink(path);
	fake->fd = -1;
	fake->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	MUST(bind(fake->listen_fd, (struct sockaddr *)&name, sizeof(name)) == 0);
	MUST(listen(fake->listen_fd, 8) == 0);
	fake->serving = true;
	MUST(pthread_create(&fake->thread, NULL, serve_listening, fake) == 0);
}

void fake_hang_up(struct fake_daemon *fake)
{
	shutdown(fake->fd, SHUT_RDWR);
}

void fake_daemon_end(struct fake_daemon *fake)
{
	if (fake->listen_fd > 0)
		shutdown(fake->listen_fd, SHUT_RDWR);
	if (fake->serving) {
		shutdown(fake->fd, SHUT_RDWR);
		pthread_join(fake->thread, NULL);
	}
	if (fake->listen_fd > 0)
		close(fake->listen_fd);
	else
		close(fake->fd);
	fake->serving = false;
	fake->listen_fd = 0;
}
