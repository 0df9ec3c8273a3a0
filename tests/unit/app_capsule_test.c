/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The app capsule with an engine on strings: who is brought together with whom, in which order, and
 * that nobody waits for what cannot come. Which process is an app the test says, not a message.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client-lib/rows.h"
#include "daemon/kernel/expiry.h"
#include "hil/app.h"
#include "tests/guests.h"
#include "tests/suite.h"

#define APP_DRIVER 0x80000002u
#define LATER_MS 3600000u

enum { LIST = 1, STATUS, START, STOP, RESTART, CONNECT, ACCEPT };

/* --- the engine on strings ------------------------------------------------------------------- */

static struct {
	struct app_status apps[3];
	unsigned count;
	struct app_client *clients[HIL_CONCURRENCY_MAX];
	struct app_request requests[HIL_CONCURRENCY_MAX];
	unsigned asked; /* still to be answered */
	unsigned starts;
	unsigned cancels;
	int refusal; /* of start; 0: accepted */
} fake;

static int fake_start(struct app_engine *engine, const struct app_request *request,
		      struct app_client *client)
{
	(void)engine;
	fake.starts++;
	if (fake.refusal < 0)
		return fake.refusal;
	fake.requests[fake.asked] = *request;
	fake.clients[fake.asked++] = client;
	return 0;
}

static int fake_cancel(struct app_engine *engine, struct app_client *client)
{
	(void)engine;
	(void)client;
	fake.cancels++;
	return 0;
}

static int fake_status(struct app_engine *engine, uint32_t index, struct app_status *ret)
{
	(void)engine;
	if (index >= fake.count)
		return -PLUTON_ENODEVICE;
	*ret = fake.apps[index];
	return 0;
}

static int fake_find(struct app_engine *engine, const char *name, uint32_t *ret_index)
{
	(void)engine;
	for (uint32_t i = 0; i < fake.count; i++) {
		if (strcmp(fake.apps[i].name, name) == 0) {
			*ret_index = i;
			return 0;
		}
	}
	return -PLUTON_ENODEVICE;
}

static const struct app_engine_ops fake_ops = {fake_start, fake_cancel, fake_status, fake_find};

/* Answers what was asked first. */
static void engine_done(int result)
{
	struct app_client *client = fake.clients[0];

	fake.asked--;
	memmove(fake.clients, fake.clients + 1, fake.asked * sizeof(fake.clients[0]));
	memmove(fake.requests, fake.requests + 1, fake.asked * sizeof(fake.requests[0]));
	client->ops->done(client, result);
	guests_turn();
}

static void engine_starts(void)
{
	fake.apps[0].state = APP_RUNNING;
	engine_done(0);
}

/* --- who is an app --------------------------------------------------------------------------- */

static const char *next_app; /* what the next process that connects is part of */

static bool next_accepts_only;

static void identify(void *context, struct credentials *who, bool certain)
{
	(void)context;
	(void)certain;
	if (!next_app)
		return;
	strcpy(who->app, next_app);
	who->confined = true;
	who->accepts_only = next_accepts_only;
	who->allowed = ~UINT64_C(0);
}

static int app_connect(const char *name)
{
	int fd;

	next_app = name;
	fd = guest_connect();
	next_app = NULL;
	return fd;
}

/* --- the rig --------------------------------------------------------------------------------- */

static void open_apps(enum app_state state)
{
	struct app_engine *engine;

	guests_open(NULL);
	memset(&fake, 0, sizeof(fake));
	fake.count = 2;
	fake.apps[0] = (struct app_status){.name = "tpm0", .state = state, .pid = 7};
	fake.apps[1] = (struct app_status){.name = "vault",
					   .reason = "ended with status 3",
					   .state = APP_WAITING,
					   .starts = 4,
					   .failures = 2,
					   .since_ms = 5000000000u,
					   .retry_ms = 250};
	engine = (struct app_engine *)(void *)rig.machine->engines.ports[HIL_APP].engines[0];
	engine->ops = &fake_ops;
	rig.machine->channel.identify_app = identify;
}

static void send_named(int fd, uint32_t op_id, uint32_t command, const char *name)
{
	struct record record = rig_operation(op_id, APP_DRIVER, command);
	uint8_t bytes[64];

	rig_in(&record, 0, bytes, name, (uint16_t)strlen(name));
	rig_send(fd, &record, -1);
	guests_turn();
}

static void send_accept(int fd, uint32_t op_id)
{
	struct record record = rig_operation(op_id, APP_DRIVER, ACCEPT);

	rig_out(&record, 0, sizeof(struct pluton_app_peer));
	rig_send(fd, &record, -1);
	guests_turn();
}

static void send_cancel(int fd, uint32_t op_id)
{
	const struct record record = {.header = {.type = RECORD_CANCEL, .op_id = op_id}};

	rig_send(fd, &record, -1);
	guests_turn();
}

static struct record answer;

/* The answer's status, which must be there; the descriptor that came along, or -1. */
static int fetch(int fd, int *ret_channel)
{
	*ret_channel = -1;
	if (!guest_has_answer(fd) || !rig_receive_with(&rig, fd, &answer, ret_channel))
		return -PLUTON_EBADRVAL;
	return rig_status(&answer);
}

static int fetch_status(int fd)
{
	int channel, r = fetch(fd, &channel);

	CU_ASSERT_EQUAL(channel, -1);
	return r;
}

static void assert_says(const char *sentence)
{
	char said[RECORD_TEXT_MAX + 1];

	snprintf(said, sizeof(said), "%.*s", (int)answer.upcall.output_length,
		 (const char *)answer.upcall.output);
	CU_ASSERT_STRING_EQUAL(said, sentence);
}

/* Whether what is said at one end is heard at the other. */
static bool is_pair(int a, int b)
{
	char heard[8] = "";

	return send(a, "hello", 5, MSG_NOSIGNAL) == 5 &&
	       recv(b, heard, sizeof(heard), MSG_DONTWAIT) == 5 && strcmp(heard, "hello") == 0;
}

static void read_peer(struct pluton_app_peer *ret)
{
	CU_ASSERT_EQUAL_FATAL(answer.upcall.output_length, row_app_peer.size);
	CU_ASSERT_EQUAL(row_decode(&row_app_peer, answer.upcall.output, ret), 0);
}

static void assert_brought_together(int client, int app)
{
	int ours, theirs;

	CU_ASSERT_EQUAL(fetch(client, &ours), 0);
	CU_ASSERT_EQUAL(fetch(app, &theirs), 0);
	CU_ASSERT_TRUE(is_pair(ours, theirs));
	CU_ASSERT_TRUE(is_pair(theirs, ours));
	close(ours);
	close(theirs);
}

/* --- pairs ----------------------------------------------------------------------------------- */

static void test_a_client_waits_until_the_app_takes_its_channel(void)
{
	int client, app;

	open_apps(APP_RUNNING);
	client = guest_connect();
	app = app_connect("tpm0");
	send_named(client, 1, CONNECT, "tpm0");
	CU_ASSERT_FALSE(guest_has_answer(client));
	send_accept(app, 1);
	assert_brought_together(client, app);
	CU_ASSERT_EQUAL(fake.starts, 0);
	guests_close();
}

static void test_an_app_waits_until_a_client_asks_for_it(void)
{
	int client, app;

	open_apps(APP_RUNNING);
	app = app_connect("tpm0");
	client = guest_connect();
	send_accept(app, 1);
	CU_ASSERT_FALSE(guest_has_answer(app));
	send_named(client, 1, CONNECT, "tpm0");
	assert_brought_together(client, app);
	guests_close();
}

static void test_the_app_is_told_who_the_client_is(void)
{
	struct process *process;
	struct pluton_app_peer peer;
	int client, app, channel;

	open_apps(APP_RUNNING);
	app = app_connect("tpm0");
	client = guest_connect();
	process = rig_last_process(&rig);
	send_accept(app, 1);
	send_named(client, 1, CONNECT, "tpm0");
	CU_ASSERT_EQUAL(fetch(app, &channel), 0);
	read_peer(&peer);
	CU_ASSERT_EQUAL(peer.pid, (uint32_t)getpid());
	CU_ASSERT_EQUAL(peer.uid, getuid());
	CU_ASSERT_EQUAL(peer.gid, getgid());
	CU_ASSERT_EQUAL(peer.process_index, process->id.index);
	CU_ASSERT_EQUAL(peer.process_generation, process->id.generation);
	CU_ASSERT_STRING_EQUAL(peer.app, "");
	CU_ASSERT_STRING_EQUAL(peer.command, process->who.command);
	close(channel);
	guests_close();
}

static void test_an_app_that_is_a_client_is_told_as_one(void)
{
	struct pluton_app_peer peer;
	int client, app, channel;

	open_apps(APP_RUNNING);
	app = app_connect("tpm0");
	client = app_connect("vault");
	send_accept(app, 1);
	send_named(client, 1, CONNECT, "tpm0");
	CU_ASSERT_EQUAL(fetch(app, &channel), 0);
	read_peer(&peer);
	CU_ASSERT_STRING_EQUAL(peer.app, "vault");
	close(channel);
	guests_close();
}

static void test_who_waited_longest_is_taken_first_whatever_process_it_is(void)
{
	int app, clients[3];

	open_apps(APP_RUNNING);
	app = app_connect("tpm0");
	for (unsigned i = 0; i < 3; i++)
		clients[i] = guest_connect();
	send_named(clients[2], 1, CONNECT, "tpm0");
	send_named(clients[0], 1, CONNECT, "tpm0");
	send_named(clients[2], 2, CONNECT, "tpm0");
	send_named(clients[1], 1, CONNECT, "tpm0");
	send_accept(app, 1);
	assert_brought_together(clients[2], app);
	send_accept(app, 2);
	assert_brought_together(clients[0], app);
	send_accept(app, 3);
	assert_brought_together(clients[2], app);
	send_accept(app, 4);
	assert_brought_together(clients[1], app);
	guests_close();
}

static void test_an_app_takes_only_its_own_clients(void)
{
	int client, other;

	open_apps(APP_RUNNING);
	fake.apps[1].state = APP_RUNNING;
	other = app_connect("vault");
	client = guest_connect();
	send_named(client, 1, CONNECT, "tpm0");
	send_accept(other, 1);
	CU_ASSERT_FALSE(guest_has_answer(client));
	CU_ASSERT_FALSE(guest_has_answer(other));
	guests_close();
}

static void test_a_client_that_left_is_not_taken(void)
{
	int app, gone, client;

	open_apps(APP_RUNNING);
	app = app_connect("tpm0");
	gone = guest_connect();
	client = guest_connect();
	send_named(gone, 1, CONNECT, "tpm0");
	send_named(client, 1, CONNECT, "tpm0");
	guest_leave(gone);
	guests_turn();
	send_accept(app, 1);
	assert_brought_together(client, app);
	guests_close();
}

static void test_an_app_that_left_takes_nobody(void)
{
	int gone, app, client;

	open_apps(APP_RUNNING);
	gone = app_connect("tpm0");
	app = app_connect("tpm0");
	client = guest_connect();
	send_accept(gone, 1);
	guest_leave(gone);
	guests_turn();
	send_named(client, 1, CONNECT, "tpm0");
	CU_ASSERT_FALSE(guest_has_answer(client));
	send_accept(app, 1);
	assert_brought_together(client, app);
	guests_close();
}

static void test_cancelled_waiting_ends_on_both_sides(void)
{
	int app, client;

	open_apps(APP_RUNNING);
	app = app_connect("tpm0");
	client = guest_connect();
	send_named(client, 5, CONNECT, "tpm0");
	send_cancel(client, 5);
	CU_ASSERT_EQUAL(fetch_status(client), -PLUTON_ECANCEL);
	send_accept(app, 6);
	send_cancel(app, 6);
	CU_ASSERT_EQUAL(fetch_status(app), -PLUTON_ECANCEL);
	guests_close();
}

static void test_an_app_that_took_its_memory_back_loses_its_turn_and_no_client(void)
{
	const uint32_t withdrawn[4] = {0};
	struct record allow;
	int app, other, client;

	open_apps(APP_RUNNING);
	app = app_connect("tpm0");
	other = app_connect("tpm0");
	client = guest_connect();
	send_accept(app, 1);
	send_accept(other, 1);
	allow = (struct record){.header = {.type = RECORD_CALL, .op_id = 1, .driver = APP_DRIVER},
				.call = {.class = CLASS_ALLOW_RW, .number = 0}};
	memcpy(allow.call.args, withdrawn, sizeof(withdrawn));
	CU_ASSERT_EQUAL(rig_perform(&rig, app, &allow, NULL), 0);
	send_named(client, 1, CONNECT, "tpm0");
	CU_ASSERT_EQUAL(fetch_status(app), -PLUTON_ESIZE);
	assert_brought_together(client, other);
	guests_close();
}

static void test_without_descriptors_left_the_client_is_told_and_the_app_waits_on(void)
{
	struct rlimit limit, none;
	int app, client, again;

	open_apps(APP_RUNNING);
	app = app_connect("tpm0");
	client = guest_connect();
	again = guest_connect();
	send_accept(app, 1);
	getrlimit(RLIMIT_NOFILE, &limit);
	none = limit;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	send_named(client, 1, CONNECT, "tpm0");
	setrlimit(RLIMIT_NOFILE, &limit);
	CU_ASSERT_EQUAL(fetch_status(client), -PLUTON_EBUSY);
	CU_ASSERT_FALSE(guest_has_answer(app));
	send_named(again, 1, CONNECT, "tpm0");
	assert_brought_together(again, app);
	guests_close();
}

/* --- starting -------------------------------------------------------------------------------- */

static void test_an_app_that_does_not_run_is_asked_for(void)
{
	int app, client;

	open_apps(APP_STOPPED);
	client = guest_connect();
	send_named(client, 1, CONNECT, "tpm0");
	CU_ASSERT_EQUAL_FATAL(fake.asked, 1);
	CU_ASSERT_EQUAL(fake.requests[0].action, APP_DEMAND);
	CU_ASSERT_STRING_EQUAL(fake.requests[0].name, "tpm0");
	engine_starts();
	CU_ASSERT_FALSE(guest_has_answer(client));
	app = app_connect("tpm0");
	send_accept(app, 1);
	assert_brought_together(client, app);
	guests_close();
}

static void test_an_app_that_takes_channels_before_it_is_ready_gets_them_then(void)
{
	int app, client;

	open_apps(APP_STARTING);
	app = app_connect("tpm0");
	client = guest_connect();
	send_accept(app, 1);
	send_named(client, 1, CONNECT, "tpm0");
	CU_ASSERT_FALSE(guest_has_answer(client));
	engine_starts();
	assert_brought_together(client, app);
	guests_close();
}

static void test_while_one_has_the_app_started_the_others_keep_their_order(void)
{
	int app, first, second;

	open_apps(APP_STARTING);
	app = app_connect("tpm0");
	first = guest_connect();
	second = guest_connect();
	send_named(first, 1, CONNECT, "tpm0");
	send_named(second, 1, CONNECT, "tpm0");
	send_accept(app, 1);
	CU_ASSERT_FALSE(guest_has_answer(second));
	engine_starts();
	assert_brought_together(first, app);
	send_accept(app, 2);
	assert_brought_together(second, app);
	guests_close();
}

static void test_many_clients_ask_the_engine_once_and_fail_together(void)
{
	int clients[40], other;

	open_apps(APP_STOPPED);
	for (unsigned i = 0; i < 40; i++) {
		clients[i] = guest_connect();
		send_named(clients[i], 1, CONNECT, "tpm0");
	}
	other = guest_connect();
	send_named(other, 1, CONNECT, "vault");
	CU_ASSERT_EQUAL(fake.asked, 2); /* one for each app, however many wait */
	strcpy(fake.apps[0].reason, "did not say READY=1 in 10000 ms");
	engine_done(-PLUTON_EFAIL);
	for (unsigned i = 0; i < 40; i++) {
		CU_ASSERT_EQUAL(fetch_status(clients[i]), -PLUTON_EFAIL);
		assert_says("the app tpm0: did not say READY=1 in 10000 ms");
	}
	CU_ASSERT_FALSE(guest_has_answer(other));
	fake.apps[1].reason[0] = '\0';
	engine_done(-PLUTON_ECANCEL); /* somebody stopped it */
	CU_ASSERT_EQUAL(fetch_status(other), -PLUTON_EFAIL);
	assert_says("the app vault does not run now; try again");
	guests_close();
}

static void test_the_longest_reason_reaches_the_client_whole(void)
{
	char sentence[APP_NAME_MAX + APP_REASON_MAX + 16];
	int client;

	open_apps(APP_STOPPED);
	memset(fake.apps[0].name, 'n', APP_NAME_MAX);
	memset(fake.apps[0].reason, 'r', APP_REASON_MAX);
	snprintf(sentence, sizeof(sentence), "the app %s: %s", fake.apps[0].name,
		 fake.apps[0].reason);
	client = guest_connect();
	send_named(client, 1, CONNECT, fake.apps[0].name);
	engine_done(-PLUTON_EFAIL);
	CU_ASSERT_EQUAL(fetch_status(client), -PLUTON_EFAIL);
	assert_says(sentence);
	guests_close();
}

static void test_who_starts_an_app_that_does_not_start_is_told_why(void)
{
	int admin;

	open_apps(APP_STOPPED);
	admin = guest_connect();
	send_named(admin, 1, START, "vault");
	engine_done(-PLUTON_EFAIL);
	CU_ASSERT_EQUAL(fetch_status(admin), -PLUTON_EFAIL);
	assert_says("the app vault: ended with status 3");
	guests_close();
}

static void test_an_engine_that_refuses_fails_who_asked(void)
{
	int client;

	open_apps(APP_STOPPED);
	fake.refusal = -PLUTON_ENODEVICE;
	client = guest_connect();
	send_named(client, 1, CONNECT, "tpm0");
	CU_ASSERT_EQUAL(fetch_status(client), -PLUTON_EFAIL);
	guests_close();
}

static void test_the_next_in_line_sees_to_the_start_when_the_first_gives_up(void)
{
	int first, second, app;

	open_apps(APP_STOPPED);
	first = guest_connect();
	second = guest_connect();
	send_named(first, 1, CONNECT, "tpm0");
	send_named(second, 1, CONNECT, "tpm0");
	send_cancel(first, 1);
	CU_ASSERT_EQUAL(fake.cancels, 1);
	engine_done(-PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(fetch_status(first), -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL_FATAL(fake.asked, 1);
	engine_starts();
	app = app_connect("tpm0");
	send_accept(app, 1);
	assert_brought_together(second, app);
	guests_close();
}

static void test_the_next_in_line_is_taken_when_the_first_gives_up_too_late(void)
{
	int first, second, app;

	open_apps(APP_STARTING);
	app = app_connect("tpm0");
	first = guest_connect();
	second = guest_connect();
	send_named(first, 1, CONNECT, "tpm0");
	send_named(second, 1, CONNECT, "tpm0");
	send_accept(app, 1);
	send_cancel(first, 1);
	fake.apps[0].state = APP_RUNNING;
	engine_done(-PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(fetch_status(first), -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(fake.asked, 0);
	assert_brought_together(second, app);
	guests_close();
}

static void test_the_next_in_line_sees_to_the_start_when_the_first_dies(void)
{
	int first, second;

	open_apps(APP_STOPPED);
	first = guest_connect();
	second = guest_connect();
	send_named(first, 1, CONNECT, "tpm0");
	send_named(second, 1, CONNECT, "tpm0");
	guest_leave(first);
	guests_turn();
	CU_ASSERT_EQUAL(fake.cancels, 1);
	engine_done(-PLUTON_ECANCEL);
	CU_ASSERT_EQUAL_FATAL(fake.asked, 1);
	engine_done(-PLUTON_EFAIL);
	CU_ASSERT_EQUAL(fetch_status(second), -PLUTON_EFAIL);
	guests_close();
}

/* --- time ------------------------------------------------------------------------------------ */

static void let_expire(void)
{
	expiry_look(rig.kernel, loop_now_us() / 1000 + LATER_MS);
	guests_turn();
}

static void test_a_running_app_that_takes_no_channel_is_busy_after_connect_timeout(void)
{
	int client;

	open_apps(APP_RUNNING);
	client = guest_connect();
	send_named(client, 1, CONNECT, "tpm0");
	expiry_look(rig.kernel, loop_now_us() / 1000 + 9000); /* of 10 s */
	guests_turn();
	CU_ASSERT_FALSE(guest_has_answer(client));
	let_expire();
	CU_ASSERT_EQUAL(fetch_status(client), -PLUTON_EBUSY);
	assert_says("the app tpm0 did not take the channel within 10000 ms");
	guests_close();
}

static void test_an_app_that_is_down_after_connect_timeout_failed(void)
{
	int client;

	open_apps(APP_RUNNING);
	client = guest_connect();
	send_named(client, 1, CONNECT, "tpm0");
	fake.apps[0].state = APP_WAITING;
	strcpy(fake.apps[0].reason, "ended by signal 9");
	let_expire();
	CU_ASSERT_EQUAL(fetch_status(client), -PLUTON_EFAIL);
	assert_says("the app tpm0: ended by signal 9");
	guests_close();
}

static void test_an_app_that_starts_for_too_long_failed(void)
{
	int client;

	open_apps(APP_STARTING);
	client = guest_connect();
	send_named(client, 1, CONNECT, "tpm0");
	let_expire();
	CU_ASSERT_EQUAL(fake.cancels, 1);
	CU_ASSERT_FALSE(guest_has_answer(client));
	engine_done(-PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(fetch_status(client), -PLUTON_EFAIL);
	guests_close();
}

static void test_taking_channels_has_no_time_limit(void)
{
	int app;

	open_apps(APP_RUNNING);
	app = app_connect("tpm0");
	send_accept(app, 1);
	let_expire();
	CU_ASSERT_FALSE(guest_has_answer(app));
	guests_close();
}

/* --- refusals -------------------------------------------------------------------------------- */

static void assert_refusal_says(const char *sentence)
{
	char said[RECORD_TEXT_MAX + 1];

	CU_ASSERT_EQUAL_FATAL(answer.header.type, RECORD_RETURN);
	snprintf(said, sizeof(said), "%.*s", (int)answer.ret.text_length, answer.ret.text);
	CU_ASSERT_STRING_EQUAL(said, sentence);
}

static void name_into(struct record *record, const char *name)
{
	static uint8_t bytes[64];

	rig_in(record, 0, bytes, name, (uint16_t)strlen(name));
}

static int perform_named(int fd, uint32_t command, const char *name)
{
	send_named(fd, 1, command, name);
	return fetch_status(fd);
}

static void test_who_is_no_app_takes_no_channels(void)
{
	int stranger;

	open_apps(APP_RUNNING);
	stranger = guest_connect();
	send_accept(stranger, 1);
	CU_ASSERT_EQUAL(fetch_status(stranger), -PLUTON_ENOSUPPORT);
	guests_close();
}

static void test_an_app_there_is_not_is_no_device_and_a_wrong_name_invalid(void)
{
	int client;

	open_apps(APP_RUNNING);
	client = guest_connect();
	CU_ASSERT_EQUAL(perform_named(client, CONNECT, "tpm1"), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(perform_named(client, STATUS, "tpm1"), -PLUTON_ESIZE); /* no room */
	CU_ASSERT_EQUAL(perform_named(client, CONNECT, "../tpm0"), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(perform_named(client, CONNECT, "tpm0\n"), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(perform_named(client, CONNECT, "-tpm0"), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(perform_named(client, CONNECT, "a23456789012345678901234567890x"),
			-PLUTON_ENODEVICE); /* 31 */
	CU_ASSERT_EQUAL(perform_named(client, CONNECT, "a23456789012345678901234567890xy"),
			-PLUTON_ESIZE); /* 32 */
	guests_close();
}

static void test_a_process_waits_for_as_many_channels_as_it_may_have_operations(void)
{
	unsigned max;
	int client;

	open_apps(APP_RUNNING);
	client = guest_connect();
	max = rig.kernel->limits.operations_per_process;
	for (unsigned i = 1; i <= max; i++)
		send_named(client, i, CONNECT, "tpm0");
	CU_ASSERT_FALSE(guest_has_answer(client));
	send_named(client, max + 1, CONNECT, "tpm0");
	CU_ASSERT_EQUAL(fetch_status(client), -PLUTON_EBUSY);
	guests_close();
}

/* --- administration -------------------------------------------------------------------------- */

static void test_an_administrator_starts_stops_and_restarts(void)
{
	static const enum app_action actions[] = {APP_START, APP_STOP, APP_RESTART};
	int admin;

	open_apps(APP_STOPPED);
	admin = guest_connect();
	for (uint32_t i = 0; i < 3; i++) {
		send_named(admin, i + 1, START + i, "vault");
		CU_ASSERT_EQUAL_FATAL(fake.asked, 1);
		CU_ASSERT_EQUAL(fake.requests[0].action, actions[i]);
		CU_ASSERT_STRING_EQUAL(fake.requests[0].name, "vault");
		CU_ASSERT_FALSE(guest_has_answer(admin));
		engine_done(i == 1 ? -PLUTON_ECANCEL : 0);
		CU_ASSERT_EQUAL(fetch_status(admin), i == 1 ? -PLUTON_ECANCEL : 0);
	}
	guests_close();
}

static void test_a_request_that_is_cancelled_is_cancelled_at_the_engine(void)
{
	int admin;

	open_apps(APP_STOPPED);
	admin = guest_connect();
	send_named(admin, 9, START, "vault");
	send_cancel(admin, 9);
	CU_ASSERT_EQUAL(fake.cancels, 1);
	CU_ASSERT_FALSE(guest_has_answer(admin));
	engine_done(-PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(fetch_status(admin), -PLUTON_ECANCEL);
	guests_close();
}

static void test_somebody_else_does_not_start_or_stop(void)
{
	int user;

	open_apps(APP_RUNNING);
	user = guest_connect();
	rig_last_process(&rig)->who.uid = 54321;
	for (uint32_t command = START; command <= RESTART; command++)
		CU_ASSERT_EQUAL(perform_named(user, command, "tpm0"), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(fake.starts, 0);
	guests_close();
}

static void test_an_app_does_not_start_or_stop_whoever_it_runs_as(void)
{
	int app;

	open_apps(APP_RUNNING);
	app = app_connect("vault");
	for (uint32_t command = START; command <= RESTART; command++)
		CU_ASSERT_EQUAL(perform_named(app, command, "tpm0"), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(fake.starts, 0);
	guests_close();
}

static void test_an_app_whose_file_does_not_name_the_capsule_only_takes_channels(void)
{
	struct record record = rig_operation(1, APP_DRIVER, LIST);
	int app, client;

	open_apps(APP_RUNNING);
	next_accepts_only = true;
	app = app_connect("vault");
	next_accepts_only = false;
	rig_out(&record, 0, (uint16_t)row_app.size);
	CU_ASSERT_EQUAL(rig_perform(&rig, app, &record, &answer), -PLUTON_ENOSUPPORT);
	assert_refusal_says("the app vault only takes channels: app is not in its file's drivers");
	record = rig_operation(2, APP_DRIVER, STATUS);
	name_into(&record, "tpm0");
	rig_out(&record, 1, (uint16_t)row_app.size);
	CU_ASSERT_EQUAL(rig_perform(&rig, app, &record, &answer), -PLUTON_ENOSUPPORT);
	for (uint32_t command = START; command <= CONNECT; command++)
		CU_ASSERT_EQUAL(perform_named(app, command, "tpm0"), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(fake.starts, 0);
	client = guest_connect();
	fake.apps[1].state = APP_RUNNING;
	send_named(client, 1, CONNECT, "vault");
	send_accept(app, 9);
	assert_brought_together(client, app);
	guests_close();
}

/* --- lists ----------------------------------------------------------------------------------- */

static void assert_vault(const void *wire)
{
	struct pluton_app_row row;

	CU_ASSERT_EQUAL(row_decode(&row_app, wire, &row), 0);
	CU_ASSERT_STRING_EQUAL(row.name, "vault");
	CU_ASSERT_STRING_EQUAL(row.reason, "ended with status 3");
	CU_ASSERT_EQUAL(row.state, PLUTON_APP_WAITING);
	CU_ASSERT_EQUAL(row.pid, 0);
	CU_ASSERT_EQUAL(row.starts, 4);
	CU_ASSERT_EQUAL(row.failures, 2);
	CU_ASSERT_EQUAL(row.since_ms, 5000000000u);
	CU_ASSERT_EQUAL(row.retry_ms, 250);
}

static int perform_list(int fd, uint32_t first, uint16_t room)
{
	struct record record = rig_operation(1, APP_DRIVER, LIST);

	record.operation.words[0] = first;
	rig_out(&record, 0, room);
	return rig_perform(&rig, fd, &record, &answer);
}

static void test_a_list_comes_in_as_many_pieces_as_there_is_room_for(void)
{
	uint16_t row = (uint16_t)row_app.size;
	int client;

	open_apps(APP_RUNNING);
	client = guest_connect();
	CU_ASSERT_EQUAL(perform_list(client, 0, (uint16_t)(row * 3)), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 2);
	CU_ASSERT_EQUAL(answer.upcall.words[2], 0);
	assert_vault(answer.upcall.output + row);
	CU_ASSERT_EQUAL(perform_list(client, 0, (uint16_t)(row * 2 - 1)), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 1);
	CU_ASSERT_NOT_EQUAL(answer.upcall.words[2], 0);
	CU_ASSERT_EQUAL(perform_list(client, answer.upcall.words[2], row), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 1);
	assert_vault(answer.upcall.output);
	CU_ASSERT_EQUAL(perform_list(client, 0, (uint16_t)(row - 1)), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(perform_list(client, ~0u, row), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 0);
	guests_close();
}

static void test_the_status_of_one_is_one_row(void)
{
	struct record record = rig_operation(1, APP_DRIVER, STATUS);
	uint8_t bytes[16];
	int client;

	open_apps(APP_RUNNING);
	client = guest_connect();
	rig_in(&record, 0, bytes, "vault", 5);
	rig_out(&record, 1, (uint16_t)row_app.size);
	CU_ASSERT_EQUAL(rig_perform(&rig, client, &record, &answer), 0);
	assert_vault(answer.upcall.output);
	guests_close();
}

static const struct test tests[] = {
	TEST(test_a_client_waits_until_the_app_takes_its_channel),
	TEST(test_an_app_waits_until_a_client_asks_for_it),
	TEST(test_the_app_is_told_who_the_client_is),
	TEST(test_an_app_that_is_a_client_is_told_as_one),
	TEST(test_who_waited_longest_is_taken_first_whatever_process_it_is),
	TEST(test_an_app_takes_only_its_own_clients),
	TEST(test_a_client_that_left_is_not_taken),
	TEST(test_an_app_that_left_takes_nobody),
	TEST(test_cancelled_waiting_ends_on_both_sides),
	TEST(test_an_app_that_took_its_memory_back_loses_its_turn_and_no_client),
	TEST(test_without_descriptors_left_the_client_is_told_and_the_app_waits_on),
	TEST(test_an_app_that_does_not_run_is_asked_for),
	TEST(test_an_app_that_takes_channels_before_it_is_ready_gets_them_then),
	TEST(test_while_one_has_the_app_started_the_others_keep_their_order),
	TEST(test_many_clients_ask_the_engine_once_and_fail_together),
	TEST(test_the_longest_reason_reaches_the_client_whole),
	TEST(test_who_starts_an_app_that_does_not_start_is_told_why),
	TEST(test_an_engine_that_refuses_fails_who_asked),
	TEST(test_the_next_in_line_sees_to_the_start_when_the_first_gives_up),
	TEST(test_the_next_in_line_is_taken_when_the_first_gives_up_too_late),
	TEST(test_the_next_in_line_sees_to_the_start_when_the_first_dies),
	TEST(test_a_running_app_that_takes_no_channel_is_busy_after_connect_timeout),
	TEST(test_an_app_that_is_down_after_connect_timeout_failed),
	TEST(test_an_app_that_starts_for_too_long_failed),
	TEST(test_taking_channels_has_no_time_limit),
	TEST(test_who_is_no_app_takes_no_channels),
	TEST(test_an_app_there_is_not_is_no_device_and_a_wrong_name_invalid),
	TEST(test_a_process_waits_for_as_many_channels_as_it_may_have_operations),
	TEST(test_an_administrator_starts_stops_and_restarts),
	TEST(test_a_request_that_is_cancelled_is_cancelled_at_the_engine),
	TEST(test_somebody_else_does_not_start_or_stop),
	TEST(test_an_app_does_not_start_or_stop_whoever_it_runs_as),
	TEST(test_an_app_whose_file_does_not_name_the_capsule_only_takes_channels),
	TEST(test_a_list_comes_in_as_many_pieces_as_there_is_room_for),
	TEST(test_the_status_of_one_is_one_row),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "app capsule", tests, TESTS_COUNT(tests));
}
