/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child is the app without its main: tpm_run in its first thread, and a second one that does
 * what control.c does, against the shared memory instead of plutond.
 */
#include "tests/tpm/rig.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <fcntl.h>

#include "daemon/log.h"

#define EXIT_REFUSED 78 /* as main.c has it */

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

/* --- the link -------------------------------------------------------------------------------- */

/* A descriptor and a peer, or a descriptor and nothing (the snapshot). */
static void pass(int link, int fd, const void *bytes, size_t size)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control.space)};

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	must(sendmsg(link, &message, MSG_NOSIGNAL) == (ssize_t)size, "sendmsg");
}

/* -1: the other side is gone. */
static int take(int link, void *bytes, size_t size)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control.space)};
	int fd;

	if (recvmsg(link, &message, MSG_CMSG_CLOEXEC) != (ssize_t)size)
		return -1;
	memcpy(&fd, CMSG_DATA(&control.align), sizeof(fd));
	return fd;
}

/* --- the child: the second thread ------------------------------------------------------------ */

struct child {
	struct rig_shared *shared;
	struct tpm tpm;
	struct store store;
	int link;
	int signals;
	int quit_fd;
	bool ours; /* the clients are delegated */
	bool cancelling;
	uint64_t pending;
};

static int begin_store(void *context, const uint8_t *image, size_t size, uint64_t generation)
{
	struct child *child = context;
	struct rig_shared *shared = child->shared;
	int mode = atomic_load(&shared->store);
	int next = atomic_load(&shared->current) == 0 ? 1 : 0;

	if (mode == RIG_HOLDS)
		return -1;
	atomic_fetch_add(&shared->attempts, 1);
	child->pending = generation;
	if (mode == RIG_FAILS)
		return 0;
	memcpy(shared->areas[next], image, size);
	shared->sizes[next] = size;
	if (shared->first_size == 0) {
		memcpy(shared->first_area, image, size);
		shared->first_size = size;
	}
	atomic_store(&shared->current, next);
	atomic_fetch_add(&shared->stores, 1);
	return 0;
}

static void serve_store(struct child *child)
{
	int mode = atomic_load(&child->shared->store);

	if (!store_take(&child->store, begin_store, child))
		return;
	if (mode == RIG_LOSES_ANSWER)
		return;
	store_done(&child->store, child->pending, mode == RIG_FAILS ? -PLUTON_EFAIL : 0);
	clients_wake(child->tpm.clients);
}

static struct rig_shared *cancelled_in; /* library_cancel takes no context */

static void cancel(void)
{
	atomic_fetch_add(&cancelled_in->cancels, 1);
	library_cancel();
}

static void attend(struct child *child)
{
	enum clients_attention attention = clients_attend(child->tpm.clients, cancel);

	child->ours = attention != CLIENTS_NOT_OURS;
	child->cancelling = attention == CLIENTS_CANCEL;
}

static void drain(int fd)
{
	uint64_t count;

	(void)!read(fd, &count, sizeof(count));
}

static void *run_control(void *context)
{
	struct child *child = context;
	struct pollfd fds[] = {
		{.fd = child->quit_fd, .events = POLLIN},
		{.fd = child->store.wanted_fd, .events = POLLIN},
		{.fd = clients_delegation_fd(child->tpm.clients), .events = POLLIN},
		{.fd = child->signals, .events = POLLIN},
		{.fd = child->link, .events = POLLIN},
		{.fd = -1, .events = POLLIN},
	};

	for (;;) {
		struct pluton_app_peer peer;
		struct signalfd_siginfo info;
		int fd;

		fds[5].fd = child->ours ? clients_event_fd(child->tpm.clients) : -1;
		(void)poll(fds, 6, child->cancelling ? 1 : 2);
		if (fds[0].revents)
			return NULL;
		if (fds[1].revents)
			drain(fds[1].fd);
		if (atomic_exchange(&child->shared->expire, false)) {
			atomic_store(&child->tpm.await_until, 0);
			clients_wake(child->tpm.clients);
		}
		serve_store(child); /* also when the test has changed what is to become of it */
		if (fds[2].revents)
			drain(fds[2].fd);
		if (fds[3].revents) {
			(void)!read(child->signals, &info, sizeof(info));
			tpm_stop(&child->tpm);
		}
		if (fds[2].revents || child->ours)
			attend(child);
		if (!fds[4].revents)
			continue;
		fd = take(child->link, &peer, sizeof(peer));
		if (fd >= 0)
			clients_add(child->tpm.clients, fd, &peer);
		else
			fds[4].fd = -1;
	}
}

/* --- the child: the first thread ------------------------------------------------------------- */

static void on_ready(void *context)
{
	struct child *child = context;
	uint8_t ready = 1;

	pass(child->link, snapshot_fd(child->tpm.snapshot), &ready, sizeof(ready));
}

static int start_tpm(struct child *child, const struct rig *rig)
{
	struct rig_shared *shared = child->shared;
	int current = atomic_load(&shared->current);
	struct resume_area area = {0};
	struct snapshot *snapshot = NULL;
	struct resume resume;
	const char *why;
	int r;

	if (current >= 0)
		area = (struct resume_area){shared->areas[current], shared->sizes[current]};
	if (rig->snapshot >= 0 && snapshot_open(dup(rig->snapshot), &snapshot, &why) < 0)
		fprintf(stderr, "# snapshot: %s\n", why);
	r = resume_decide(area, snapshot, &resume);
	if (r < 0)
		return r;
	child->store.durable = area.size > 0 ? permanent_generation(area.bytes) : 0;
	return tpm_start(&child->tpm, &rig->options, &resume, snapshot, &child->store);
}

static int serve(struct child *child)
{
	const uint64_t one = 1;
	pthread_t control;
	int r;

	must(pthread_create(&control, NULL, run_control, child) == 0, "pthread_create");
	r = tpm_run(&child->tpm, on_ready, child);
	if (r == 0)
		r = tpm_shut_down(&child->tpm, 2000);
	(void)!write(child->quit_fd, &one, sizeof(one));
	pthread_join(control, NULL);
	return r;
}

__attribute__((noreturn)) static void run_child(const struct rig *rig, int link)
{
	static struct child child;
	sigset_t signals;
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(0);
	if (rig->quiet)
		log_set_level(PLUTON_LOG_OFF);
	child = (struct child){.shared = rig->shared, .link = link};
	cancelled_in = rig->shared;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	child.signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	child.quit_fd = eventfd(0, EFD_CLOEXEC);
	must(store_open(&child.store) == 0, "store_open");
	r = start_tpm(&child, rig);
	if (r == -PLUTON_EINVAL || r == -PLUTON_ENOSUPPORT)
		_exit(EXIT_REFUSED);
	if (r == 0)
		r = serve(&child);
	if (r == 0)
		tpm_free(&child.tpm);
	store_close(&child.store);
	_exit(r == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* --- the test's side ------------------------------------------------------------------------- */

void rig_open(struct rig *rig)
{
	*rig = (struct rig){
		.options = {.instance = "test",
			    .connections_max = 8,
			    .per_user_max = 8,
			    .locality_max = 3},
		.link = -1,
		.snapshot = -1,
		.quiet = !getenv("RIG_LOG"),
	};
	rig->shared = mmap(NULL, sizeof(*rig->shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(rig->shared != MAP_FAILED, "mmap");
	atomic_store(&rig->shared->current, -1);
}

static int await_end(struct rig *rig)
{
	int status = 0;

	must(waitpid(rig->child, &status, 0) == rig->child, "waitpid");
	rig->child = 0;
	close(rig->link);
	rig->link = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void rig_begin(struct rig *rig)
{
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	fflush(NULL);
	rig->child = fork();
	must(rig->child >= 0, "fork");
	if (rig->child == 0) {
		close(pair[0]);
		run_child(rig, pair[1]);
	}
	close(pair[1]);
	rig->link = pair[0];
}

void rig_await_ready(struct rig *rig)
{
	uint8_t ready = 0;
	int fd = take(rig->link, &ready, sizeof(ready));
	must(fd >= 0, "the app did not start");
	rig_lose_snapshot(rig);
	rig->snapshot = fd;
}

void rig_start(struct rig *rig)
{
	rig_begin(rig);
	rig_await_ready(rig);
}

int rig_start_refused(struct rig *rig)
{
	rig_begin(rig);
	return await_end(rig);
}

void rig_kill(struct rig *rig)
{
	kill(rig->child, SIGKILL);
	(void)await_end(rig);
}

int rig_stop(struct rig *rig)
{
	kill(rig->child, SIGTERM);
	return await_end(rig);
}

void rig_lose_snapshot(struct rig *rig)
{
	if (rig->snapshot >= 0)
		close(rig->snapshot);
	rig->snapshot = -1;
}

void rig_restore_first_area(struct rig *rig)
{
	struct rig_shared *shared = rig->shared;

	memcpy(shared->areas[0], shared->first_area, shared->first_size);
	shared->sizes[0] = shared->first_size;
	atomic_store(&shared->current, 0);
}

void rig_close(struct rig *rig)
{
	if (rig->child > 0)
		rig_kill(rig);
	rig_lose_snapshot(rig);
	munmap(rig->shared, sizeof(*rig->shared));
}

void rig_await(const atomic_uint *counter, unsigned value)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	while (atomic_load(counter) < value)
		nanosleep(&pause, NULL);
}

/* --- clients --------------------------------------------------------------------------------- */

void rig_connect(struct rig *rig, struct rig_client *client, uint32_t uid)
{
	struct pluton_app_peer peer = {.command = "test", .uid = uid, .pid = (uint32_t)getpid()};
	int pair[2];

	*client = (struct rig_client){.op_id = 100};
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	pass(rig->link, pair[1], &peer, sizeof(peer));
	close(pair[1]);
	client->fd = pair[0];
}

void rig_hang_up(struct rig_client *client)
{
	close(client->fd);
	client->fd = -1;
}

void rig_send(struct rig_client *client, const void *bytes, size_t size)
{
	(void)!send(client->fd, bytes, size, MSG_NOSIGNAL);
}

static void send_record(struct rig_client *client, const struct record *record)
{
	uint8_t bytes[RECORD_SIZE_MAX];
	int size = record_encode(record, bytes, sizeof(bytes));

	must(size > 0, "record_encode");
	rig_send(client, bytes, (size_t)size);
}

static int take_return(struct rig_client *client, const struct record_return *ret)
{
	memcpy(client->text, ret->text, ret->text_length);
	client->text[ret->text_length] = '\0';
	return -(int)ret->words[0];
}

int rig_receive(struct rig_client *client)
{
	uint8_t bytes[RECORD_SIZE_MAX];
	struct record record;
	ssize_t n = recv(client->fd, bytes, sizeof(bytes), 0);

	if (n <= 0)
		return -PLUTON_EOFF;
	must(record_decode(bytes, (size_t)n, &record) == 0, "record_decode");
	client->size = 0;
	if (record.header.type == RECORD_WELCOME)
		return 1;
	if (record.header.type == RECORD_RETURN)
		return take_return(client, &record.ret);
	must(record.header.type == RECORD_UPCALL, "an upcall");
	client->size = record.upcall.output_length;
	memcpy(client->bytes, record.upcall.output, client->size);
	memcpy(client->words, record.upcall.words, sizeof(client->words));
	return -(int)record.upcall.words[0];
}

bool rig_has_answer(const struct rig_client *client)
{
	struct pollfd fd = {.fd = client->fd, .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

void rig_submit(struct rig_client *client, uint32_t command, uint32_t word, const void *in,
		size_t in_size, size_t room)
{
	struct record record = {.header = {.type = RECORD_OPERATION,
					   .op_id = ++client->op_id,
					   .driver = PLUTON_DRIVER_TPM}};
	struct record_operation *operation = &record.operation;
	bool only_out = command == TPM_INFO;

	operation->command = command;
	operation->words[0] = word;
	operation->inline_length = (uint16_t)in_size;
	operation->inline_bytes = in;
	operation->output_length = (uint16_t)room;
	operation->range_count = only_out ? 1 : 2;
	if (!only_out)
		operation->ranges[0] = (struct record_range){0, 0, (uint32_t)in_size};
	operation->ranges[only_out ? 0 : 1] =
		(struct record_range){0, room ? (uint32_t)in_size : 0, (uint32_t)room};
	send_record(client, &record);
}

void rig_cancel(struct rig_client *client, uint32_t op_id)
{
	const struct record record = {.header = {.type = RECORD_CANCEL, .op_id = op_id}};

	send_record(client, &record);
}

bool rig_attach(struct rig *rig, struct rig_client *client, uint32_t uid, const uint8_t *token)
{
	const struct record hello = {.header.type = RECORD_HELLO, .hello.version = RECORD_VERSION};
	uint8_t old[TPM_TOKEN_SIZE] = {0};

	if (token)
		memcpy(old, token, sizeof(old)); /* it may be the client's own */
	rig_connect(rig, client, uid);
	send_record(client, &hello);
	must(rig_receive(client) == 1, "WELCOME");
	rig_submit(client, TPM_ATTACH, 0, old, token ? sizeof(old) : 0, TPM_TOKEN_SIZE);
	must(rig_receive(client) == 0 && client->size == TPM_TOKEN_SIZE, "Attach");
	memcpy(client->token, client->bytes, sizeof(client->token));
	client->sequence = client->words[2];
	return client->words[1] == 1;
}

void rig_transmit(struct rig_client *client, const void *command, size_t size)
{
	rig_submit(client, TPM_TRANSMIT, ++client->sequence, command, size, TPM_BUFFER_SIZE);
}

uint32_t rig_response(struct rig_client *client)
{
	must(rig_receive(client) == 0, "a response");
	must(client->size >= TPM_HEADER_SIZE && client->words[1] == client->size, "its length");
	return tpm_code(client->bytes, client->size);
}

uint32_t rig_run(struct rig_client *client, const void *command, size_t size)
{
	rig_transmit(client, command, size);
	return rig_response(client);
}
