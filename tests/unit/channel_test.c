/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bad input on the wire: every record that is not well formed, not known or not legal now gets a
 * clear answer, and the next good one is served.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/frontends/peer.h"
#include "tests/guests.h"
#include "tests/puppet.h"
#include "tests/suite.h"

static struct record answer;
static uint8_t bytes[RECORD_SIZE_MAX + 64];

static void open_machine_with(const char *const *settings)
{
	guests_open(settings);
	puppet_register(rig.kernel);
}

static void open_machine(void)
{
	open_machine_with(NULL);
}

static struct record hello(uint32_t version)
{
	return (struct record){.header = {.type = RECORD_HELLO}, .hello = {.version = version}};
}

static struct record good(uint32_t op_id)
{
	return rig_operation(op_id, PUPPET_DRIVER, PUPPET_CALL);
}

static size_t encode(const struct record *record)
{
	int size = record_encode(record, bytes, sizeof(bytes));

	CU_ASSERT_FATAL(size > 0);
	return (size_t)size;
}

/* The bytes are refused like this, and the connection lives on. */
static void assert_bytes_refused(int fd, const void *sent, size_t size, int error)
{
	struct record next = good(4242);

	rig_send_bytes(fd, sent, size);
	CU_ASSERT_TRUE_FATAL(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(answer.header.type, RECORD_RETURN);
	CU_ASSERT_EQUAL(rig_status(&answer), error);
	CU_ASSERT(answer.ret.text_length > 0);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &next, NULL), 0);
}

static void assert_record_refused(int fd, const struct record *record, int error)
{
	size_t size = encode(record);
	uint8_t copy[RECORD_SIZE_MAX];

	memcpy(copy, bytes, size);
	assert_bytes_refused(fd, copy, size, error);
}

/* --- the greeting ----------------------------------------------------------------------------- */

static void test_the_greeting_tells_who_one_is_and_what_the_limits_are(void)
{
	const struct record greeting = hello(RECORD_VERSION);
	const struct process *process;
	int fd;

	open_machine();
	fd = guest_connect_raw();
	rig_send(fd, &greeting, -1);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	process = rig_last_process(&rig);
	CU_ASSERT_EQUAL(answer.header.type, RECORD_WELCOME);
	CU_ASSERT_EQUAL(answer.welcome.version, RECORD_VERSION);
	CU_ASSERT_EQUAL(answer.welcome.features, 0);
	CU_ASSERT_EQUAL(answer.welcome.pid, (uint32_t)getpid());
	CU_ASSERT_EQUAL(answer.welcome.process_index, process->id.index);
	CU_ASSERT_EQUAL(answer.welcome.process_generation, process->id.generation);
	CU_ASSERT_EQUAL(answer.welcome.inline_max, rig.kernel->limits.inline_max);
	CU_ASSERT_EQUAL(answer.welcome.operations_max, rig.kernel->limits.operations_per_process);
	CU_ASSERT_EQUAL(answer.welcome.windows_max, rig.kernel->limits.windows_per_process);
	CU_ASSERT_EQUAL(answer.welcome.window_size_max, rig.kernel->limits.window_max);
	guests_close();
}

static void test_identity_comes_from_the_socket(void)
{
	open_machine();
	guest_connect_raw();
	CU_ASSERT_EQUAL(rig_last_process(&rig)->who.uid, geteuid());
	CU_ASSERT_EQUAL(rig_last_process(&rig)->who.pid, (uint32_t)getpid());
	guests_close();
}

static void test_an_unknown_version_is_refused_by_name_and_hung_up_on(void)
{
	static const uint32_t versions[] = {0, RECORD_VERSION + 1, UINT32_MAX};

	open_machine();
	for (unsigned i = 0; i < 3; i++) {
		const struct record greeting = hello(versions[i]);
		int fd = guest_connect_raw();

		rig_send(fd, &greeting, -1);
		CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
		CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ENOSUPPORT);
		CU_ASSERT_TRUE(rig_says(&answer, "protocol version"));
		CU_ASSERT_TRUE(rig_is_closed(&rig, fd));
	}
	CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	guests_close();
}

static void test_features_nobody_knows_are_not_agreed_on(void)
{
	struct record greeting = hello(RECORD_VERSION);
	int fd;

	open_machine();
	fd = guest_connect_raw();
	greeting.hello.features = UINT32_MAX;
	rig_send(fd, &greeting, -1);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(answer.header.type, RECORD_WELCOME);
	CU_ASSERT_EQUAL(answer.welcome.features, FEATURE_RINGS);
	guests_close();
}

static void test_no_other_record_is_legal_before_the_greeting(void)
{
	const struct record greeting = hello(RECORD_VERSION);
	const struct record records[] = {
		good(1),
		{.header = {.type = RECORD_CALL, .driver = PUPPET_DRIVER},
		 .call = {.class = CLASS_COMMAND}},
		{.header = {.type = RECORD_CANCEL, .op_id = 1}},
		{.header = {.type = RECORD_WINDOW_ADD, .op_id = 1}},
		{.header = {.type = RECORD_WINDOW_REMOVE, .op_id = 1}, .window = {1}},
	};
	int fd;

	open_machine();
	fd = guest_connect_raw();
	for (unsigned i = 0; i < TESTS_COUNT(records); i++) {
		rig_send(fd, &records[i], -1);
		CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
		CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_EINVAL);
		CU_ASSERT_TRUE(rig_says(&answer, "before the greeting"));
	}
	CU_ASSERT_EQUAL(puppet.runs, 0);
	rig_send(fd, &greeting, -1);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_WELCOME);
	guests_close();
}

static void test_a_second_greeting_is_refused_and_changes_nothing(void)
{
	const struct record greeting = hello(RECORD_VERSION);
	int fd;

	open_machine();
	fd = guest_connect();
	assert_record_refused(fd, &greeting, -PLUTON_EINVAL);
	guests_close();
}

static void test_who_never_greets_holds_only_its_promise(void)
{
	open_machine();
	guest_connect_raw();
	guests_turn();
	CU_ASSERT(rig_last_process(&rig)->arena.taken <= 512);
	guests_close();
}

/* --- malformed records ------------------------------------------------------------------------ */

static void test_every_truncation_of_every_record_is_refused(void)
{
	uint8_t inline_bytes[8], whole[RECORD_SIZE_MAX];
	struct record operation = good(1);
	struct record samples[5];
	int fd;

	rig_in(&operation, PUPPET_IN, inline_bytes, "12345678", 8);
	samples[0] = operation;
	samples[1] = (struct record){.header = {.type = RECORD_CALL, .driver = PUPPET_DRIVER}};
	samples[2] = (struct record){.header = {.type = RECORD_CANCEL, .op_id = 1}};
	samples[3] = (struct record){.header = {.type = RECORD_WINDOW_REMOVE}, .window = {1}};
	samples[4] = hello(RECORD_VERSION);
	open_machine();
	fd = guest_connect();
	for (unsigned i = 0; i < 5; i++) {
		size_t size = encode(&samples[i]);

		memcpy(whole, bytes, size);
		for (size_t cut = 1; cut < size; cut++)
			assert_bytes_refused(fd, whole, cut, -PLUTON_ESIZE);
	}
	guests_close();
}

static void test_a_record_with_bytes_behind_it_is_refused(void)
{
	struct record record = good(1);
	uint8_t longer[RECORD_SIZE_MAX] = {0};
	size_t size;
	int fd;

	open_machine();
	fd = guest_connect();
	size = encode(&record);
	memcpy(longer, bytes, size);
	assert_bytes_refused(fd, longer, size + 1, -PLUTON_ESIZE);
	longer[4] = (uint8_t)(longer[4] + 1); /* and says so in its own size field */
	assert_bytes_refused(fd, longer, size + 1, -PLUTON_ESIZE);
	guests_close();
}

static void test_a_record_over_the_largest_is_refused_not_cut(void)
{
	static uint8_t huge[65536];
	int fd;

	open_machine();
	fd = guest_connect();
	memset(huge, 0x41, sizeof(huge));
	assert_bytes_refused(fd, huge, RECORD_SIZE_MAX + 1, -PLUTON_ESIZE);
	assert_bytes_refused(fd, huge, sizeof(huge), -PLUTON_ESIZE);
	guests_close();
}

/* The first RECORD_SIZE_MAX bytes alone would be well formed. */
static void test_a_good_record_that_goes_on_past_the_largest_is_refused(void)
{
	static const char *const settings[] = {"kernel.inline_max=8192", NULL};
	static uint8_t inline_bytes[RECORD_INLINE_LIMIT], huge[RECORD_SIZE_MAX + 1];
	struct record record = good(1);
	int fd;

	open_machine_with(settings);
	fd = guest_connect();
	rig_range(&record, 7, 0, 0, 0);
	record.operation.inline_length = RECORD_INLINE_LIMIT;
	record.operation.inline_bytes = inline_bytes;
	CU_ASSERT_EQUAL(encode(&record), RECORD_SIZE_MAX);
	memcpy(huge, bytes, RECORD_SIZE_MAX);
	assert_bytes_refused(fd, huge, sizeof(huge), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(puppet.runs, 1); /* the good one that asserts that life goes on */
	guests_close();
}

static void test_an_empty_record_is_the_end(void)
{
	int fd;

	open_machine();
	fd = guest_connect();
	rig_send_bytes(fd, "", 0);
	CU_ASSERT_TRUE(rig_is_closed(&rig, fd));
	CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	guests_close();
}

static void test_unknown_types_are_refused(void)
{
	static const uint16_t types[] = {0, 8, 9, 64, 127, 132, 255, 256, 257, 0x7fff, 0xffff};
	int fd;

	open_machine();
	fd = guest_connect();
	for (unsigned i = 0; i < TESTS_COUNT(types); i++) {
		uint8_t header[16] = {0};

		header[0] = (uint8_t)types[i];
		header[1] = (uint8_t)(types[i] >> 8);
		header[4] = 16;
		assert_bytes_refused(fd, header, sizeof(header), -PLUTON_ENOSUPPORT);
	}
	guests_close();
}

static void test_records_that_only_the_kernel_sends_are_refused(void)
{
	const struct record records[] = {
		{.header = {.type = RECORD_WELCOME}},
		{.header = {.type = RECORD_RETURN}, .ret = {.variant = VARIANT_SUCCESS}},
		{.header = {.type = RECORD_UPCALL}},
	};
	int fd;

	open_machine();
	fd = guest_connect();
	for (unsigned i = 0; i < TESTS_COUNT(records); i++)
		assert_record_refused(fd, &records[i], -PLUTON_EINVAL);
	guests_close();
}

static void test_flags_that_have_no_meaning_are_refused(void)
{
	struct record record = good(1);
	uint8_t copy[RECORD_SIZE_MAX];
	size_t size;
	int fd;

	open_machine();
	fd = guest_connect();
	size = encode(&record);
	memcpy(copy, bytes, size);
	copy[2] = 1;
	assert_bytes_refused(fd, copy, size, -PLUTON_EINVAL);
	guests_close();
}

static void test_too_many_ranges_are_refused(void)
{
	uint8_t raw[RECORD_FIXED_SIZE + 9 * RECORD_RANGE_SIZE] = {RECORD_OPERATION};
	int fd;

	open_machine();
	fd = guest_connect();
	raw[4] = sizeof(raw);
	raw[40] = 9; /* range_count */
	assert_bytes_refused(fd, raw, sizeof(raw), -PLUTON_EINVAL);
	guests_close();
}

static void test_a_refusal_names_the_operation_that_it_is_about(void)
{
	struct record record = good(777);
	int fd;

	open_machine();
	fd = guest_connect();
	record.operation.command = 9;
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, &answer), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(answer.header.op_id, 777);
	CU_ASSERT_EQUAL(answer.header.driver, PUPPET_DRIVER);
	CU_ASSERT_TRUE(rig_says(&answer, "puppet has no command 9"));
	guests_close();
}

static void test_every_refused_record_is_counted(void)
{
	const struct record greeting = hello(RECORD_VERSION);
	const struct record remove = {.header = {.type = RECORD_WINDOW_REMOVE}, .window = {3}};
	struct record unknown = good(1);
	uint64_t before;
	int fd;

	open_machine();
	fd = guest_connect();
	before = rig.kernel->counters.refusals;
	unknown.operation.command = 99;
	assert_record_refused(fd, &unknown, -PLUTON_ENOSUPPORT);
	assert_record_refused(fd, &greeting, -PLUTON_EINVAL);
	assert_record_refused(fd, &remove, -PLUTON_EINVAL);
	assert_bytes_refused(fd, "short", 5, -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(rig.kernel->counters.refusals - before, 4);
	CU_ASSERT_EQUAL(rig_last_process(&rig)->refusals, 4);
	guests_close();
}

static uint32_t next_number(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* One in eight is longer than any record. */
static size_t make_garbage(uint32_t *chance, uint8_t *garbage)
{
	size_t longest = next_number(chance) % 8 ? 200 : 5000;
	size_t size = 1 + next_number(chance) % longest;

	for (size_t i = 0; i < size; i++)
		garbage[i] = (uint8_t)next_number(chance);
	if (size >= RECORD_HEADER_SIZE && next_number(chance) % 2) {
		garbage[0] =
			(uint8_t)(next_number(chance) % 8); /* a type that is near a real one */
		garbage[1] = garbage[2] = garbage[3] = 0;
		garbage[4] = (uint8_t)size;
		garbage[5] = (uint8_t)(size >> 8);
		garbage[6] = garbage[7] = 0;
	}
	return size;
}

/* Each gets one answer, but a CANCEL, which has none, and an EXIT, which ends it all. */
static void test_garbage_harms_nobody(void)
{
	uint8_t garbage[5200];
	uint32_t chance = 7;
	int other, fd;

	open_machine();
	other = guest_connect();
	fd = guest_connect();
	for (unsigned i = 0; i < 3000; i++) {
		size_t size = make_garbage(&chance, garbage);

		if (send(fd, garbage, size, MSG_NOSIGNAL) < 0)
			fd = guest_connect();
		while (rig_receive(&rig, fd, &answer))
			CU_ASSERT(answer.header.type == RECORD_RETURN ||
				  answer.header.type == RECORD_UPCALL);
	}
	CU_ASSERT(rig.kernel->counters.refusals > 0);
	assert_record_refused(other, &(struct record){.header = {.type = RECORD_HELLO}},
			      -PLUTON_EINVAL);
	guests_close();
}

/* Real records with a few bytes changed reach deeper than noise. */
static void test_records_with_changed_bytes_harm_nobody(void)
{
	uint8_t inline_bytes[32] = {0}, changed[RECORD_SIZE_MAX];
	uint32_t chance = 11;
	int fd;

	open_machine();
	puppet.run = puppet_copy;
	fd = guest_connect();
	for (unsigned i = 0; i < 3000; i++) {
		struct record record = good(1 + i % 3);
		size_t size;

		rig_in(&record, PUPPET_IN, inline_bytes, inline_bytes, 16);
		rig_out(&record, PUPPET_OUT, 16);
		size = encode(&record);
		memcpy(changed, bytes, size);
		for (unsigned n = next_number(&chance) % 4; n > 0; n--) {
			size_t at = 8 + next_number(&chance) % (size - 8);

			changed[at] = (uint8_t)next_number(&chance);
		}
		rig_send_bytes(fd, changed, size);
		CU_ASSERT_TRUE_FATAL(rig_receive(&rig, fd, &answer));
	}
	CU_ASSERT(puppet.runs > 100);
	guests_close();
}

/* --- what ends a connection ------------------------------------------------------------------- */

static void test_exit_ends_the_connection(void)
{
	const struct record leave = {.header = {.type = RECORD_CALL},
				     .call = {.class = CLASS_EXIT}};
	int fd;

	open_machine();
	fd = guest_connect();
	rig_send(fd, &leave, -1);
	CU_ASSERT_TRUE(rig_is_closed(&rig, fd));
	CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	guests_close();
}

/* An answer is on its way out when the process ends. */
static void test_exit_right_after_an_operation_that_ended_at_once(void)
{
	const struct record leave = {.header = {.type = RECORD_CALL},
				     .call = {.class = CLASS_EXIT}};
	struct record record = good(1);
	int fd;

	open_machine();
	fd = guest_connect();
	rig_send(fd, &record, -1);
	rig_send(fd, &leave, -1);
	guests_turn();
	CU_ASSERT_EQUAL(puppet.runs, 1);
	CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	CU_ASSERT_PTR_NULL(rig.kernel->deferred.head);
	guests_close();
}

static void test_hanging_up_ends_the_process_whatever_it_has(void)
{
	struct record record = good(1);
	uint8_t *memory;
	int fd;

	open_machine();
	puppet.run = puppet_hold;
	puppet.cancel = puppet_end_cancelled;
	fd = guest_connect();
	rig_window(&rig, fd, 4096, &memory);
	rig_send(fd, &record, -1);
	guests_turn();
	CU_ASSERT_EQUAL(puppet.held_count, 1);
	guest_leave(fd);
	guests_turn();
	CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	CU_ASSERT_EQUAL(rig.kernel->pool.taken, 0);
	guests_close();
}

static void test_records_sent_before_hanging_up_are_not_served_for_the_dead_for_ever(void)
{
	int fd;

	open_machine();
	puppet.run = puppet_hold;
	puppet.cancel = puppet_end_cancelled;
	fd = guest_connect();
	for (uint32_t i = 1; i <= 10; i++) {
		struct record record = good(i);

		rig_send(fd, &record, -1);
	}
	guest_leave(fd);
	guests_turn();
	CU_ASSERT_EQUAL(rig.kernel->processes, 0);
	CU_ASSERT_EQUAL(puppet.held_count, 0);
	guests_close();
}

static void test_cancelling_what_is_not_under_way_has_no_answer_and_no_effect(void)
{
	static const uint32_t ids[] = {0, 1, UINT32_MAX};
	struct record next = good(5);
	int fd;

	open_machine();
	fd = guest_connect();
	for (unsigned i = 0; i < 3; i++) {
		const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = ids[i]}};

		rig_send(fd, &cancel, -1);
	}
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &next, &answer), 0);
	CU_ASSERT_EQUAL(answer.header.op_id, 5);
	guests_close();
}

static void test_a_cancel_record_reaches_its_operation(void)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = 3}};
	struct record record = good(3);
	int fd;

	open_machine();
	puppet.run = puppet_hold;
	puppet.cancel = puppet_end_cancelled;
	fd = guest_connect();
	rig_send(fd, &record, -1);
	rig_send(fd, &cancel, -1);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(answer.header.op_id, 3);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ECANCEL);
	guests_close();
}

static void test_one_process_cannot_cancel_the_operation_of_another(void)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = 3}};
	struct record record = good(3);
	int fd, other;

	open_machine();
	puppet.run = puppet_hold;
	fd = guest_connect();
	other = guest_connect();
	rig_send(fd, &record, -1);
	guests_turn();
	rig_send(other, &cancel, -1);
	guests_turn();
	CU_ASSERT_EQUAL(puppet.cancels, 0);
	puppet_end_all();
	guests_close();
}

static void hold_standing(int fd)
{
	const uint32_t args[4] = {1, 2};

	puppet.run = puppet_hold;
	puppet.cancel = puppet_end_cancelled;
	CU_ASSERT_EQUAL(rig_call(&rig, fd, PUPPET_DRIVER, CLASS_COMMAND, PUPPET_CALL, args, NULL),
			0);
	CU_ASSERT_EQUAL(puppet.held_count, 1);
}

static void test_cancelling_a_driver_ends_its_standing_operation(void)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .driver = PUPPET_DRIVER}};
	int fd;

	open_machine();
	fd = guest_connect();
	hold_standing(fd);
	rig_send(fd, &cancel, -1);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	CU_ASSERT_EQUAL(answer.header.type, RECORD_UPCALL);
	CU_ASSERT_EQUAL(answer.header.op_id, 0);
	CU_ASSERT_EQUAL(answer.header.driver, PUPPET_DRIVER);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ECANCEL);
	/* It is idle now: again there is nothing to cancel, and the next command runs. */
	rig_send(fd, &cancel, -1);
	hold_standing(fd);
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	puppet_end_all();
	guests_close();
}

static void test_cancelling_a_driver_leaves_all_else_alone(void)
{
	static const uint32_t drivers[] = {0, 1, RIG_RNG, UINT32_MAX};
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .driver = PUPPET_DRIVER}};
	struct record record = good(3);
	int fd, other;

	open_machine();
	fd = guest_connect();
	other = guest_connect();
	hold_standing(fd);
	rig_send(fd, &record, -1);
	for (unsigned i = 0; i < 4; i++) {
		const struct record wrong = {
			.header = {.type = RECORD_CANCEL, .driver = drivers[i]}};

		rig_send(fd, &wrong, -1);
	}
	rig_send(other, &cancel, -1);
	guests_turn();
	CU_ASSERT_EQUAL(puppet.cancels, 0);
	rig_send(fd, &cancel, -1);
	guests_turn();
	CU_ASSERT_EQUAL(puppet.cancels, 1);
	CU_ASSERT_EQUAL(puppet.held_count, 1); /* the record's */
	puppet_end_all();
	guests_close();
}

/* --- apps ------------------------------------------------------------------------------------- */

static struct {
	bool is_app;
	unsigned asked;
	pid_t pid;
	uid_t uid;
	void *context;
} engine;

static void identify_app(void *context, struct credentials *who, bool certain)
{
	engine.asked += certain;
	engine.context = context;
	engine.pid = (pid_t)who->pid;
	engine.uid = who->uid;
	if (!engine.is_app)
		return;
	strcpy(who->app, "tpm0");
	who->confined = true;
	who->allowed = UINT64_C(1) << puppet.driver->index;
}

static struct op_identity identity;
static bool administers;

static int note_identity(struct operation *op)
{
	op_identity(op, &identity);
	administers = op_administers(op);
	return puppet_answer(op);
}

static void open_with_apps(bool is_app)
{
	open_machine();
	memset(&engine, 0, sizeof(engine));
	memset(&identity, 0xff, sizeof(identity));
	engine.is_app = is_app;
	rig.machine->channel.identify_app = identify_app;
	rig.machine->channel.app_context = &engine;
	puppet.run = note_identity;
}

static void test_an_app_is_known_by_its_name_and_may_use_its_own_drivers(void)
{
	struct record record = good(1), random = rig_operation(2, RIG_RNG, 1);
	int fd;

	open_with_apps(true);
	fd = guest_connect();
	CU_ASSERT_EQUAL(engine.asked, 1);
	CU_ASSERT_PTR_EQUAL(engine.context, &engine);
	CU_ASSERT_EQUAL(engine.pid, getpid());
	CU_ASSERT_EQUAL(engine.uid, geteuid());
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, NULL), 0);
	CU_ASSERT_STRING_EQUAL(identity.app, "tpm0");
	CU_ASSERT_FALSE(administers); /* though it runs as the daemon's own user */
	rig_out(&random, 0, 8);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &random, NULL), -PLUTON_ENODEVICE);
	guests_close();
}

static void test_who_is_no_app_has_no_name_and_what_the_rules_say(void)
{
	struct record record = good(1), random = rig_operation(2, RIG_RNG, 1);
	int fd;

	open_with_apps(false);
	fd = guest_connect();
	CU_ASSERT_EQUAL(engine.asked, 1);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, NULL), 0);
	CU_ASSERT_STRING_EQUAL(identity.app, "");
	rig_out(&random, 0, 8);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &random, NULL), 0);
	guests_close();
}

static void test_a_capsule_learns_who_asks(void)
{
	struct record record = good(1);
	struct process *process;
	int fd;

	open_with_apps(false);
	fd = guest_connect();
	process = rig_last_process(&rig);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, NULL), 0);
	CU_ASSERT_EQUAL(identity.pid, (uint32_t)getpid());
	CU_ASSERT_EQUAL(identity.uid, geteuid());
	CU_ASSERT_EQUAL(identity.gid, getegid());
	CU_ASSERT_STRING_EQUAL(identity.command, process->who.command);
	CU_ASSERT_TRUE(administers);
	process->who.uid = geteuid() + 1;
	record = good(2);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, NULL), 0);
	CU_ASSERT_FALSE(administers);
	process->who.uid = 0;
	record = good(3);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, NULL), 0);
	CU_ASSERT_TRUE(administers);
	guests_close();
}

/* The end of a pair that a process made which is gone by now. */
static int orphaned_end(void)
{
	int way[2], ends[2], fd;
	pid_t child;
	char byte;

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, way), 0);
	child = fork();
	if (child == 0) {
		const struct record any = {.header = {.type = RECORD_CANCEL}};

		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
			_exit(1);
		rig_send(way[1], &any, ends[0]);
		pause();
	}
	CU_ASSERT_FATAL(child > 0);
	CU_ASSERT_EQUAL_FATAL(recv(way[0], &byte, 1, MSG_PEEK), 1); /* waits */
	CU_ASSERT_TRUE_FATAL(rig_receive_with(&rig, way[0], &answer, &fd));
	CU_ASSERT_TRUE(peer_lives(fd));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(way[0]);
	close(way[1]);
	return fd;
}

/* Its pid may be an app's by now. */
static void test_who_connected_and_ended_is_no_app(void)
{
	int fd, pidfd;
	socklen_t size = sizeof(pidfd);

	open_with_apps(true);
	fd = guest_connect();
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) < 0) {
		guests_close();
		suite_skip("Linux before 6.5 does not tell whether a peer has ended");
		return;
	}
	close(pidfd);
	fd = orphaned_end();
	CU_ASSERT_FALSE(peer_lives(fd));
	engine.asked = 0;
	channel_adopt(&rig.machine->channel, fd);
	CU_ASSERT_EQUAL(engine.asked, 0);
	guests_close();
}

/* --- raw calls and operations over the wire --------------------------------------------------- */

static void test_a_raw_call_is_answered_in_tocks_variants(void)
{
	struct record_return ret;
	int fd;

	open_machine();
	fd = guest_connect();
	CU_ASSERT_EQUAL(rig_call(&rig, fd, PUPPET_DRIVER, CLASS_COMMAND, 0, NULL, &ret), 0);
	CU_ASSERT_EQUAL(ret.variant, VARIANT_SUCCESS);
	CU_ASSERT_EQUAL(rig_call(&rig, fd, 0x1234, CLASS_COMMAND, 0, NULL, &ret),
			-PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(ret.variant, VARIANT_FAILURE);
	CU_ASSERT_EQUAL(rig_call(&rig, fd, 0, CLASS_MEMOP, MEMOP_USED, NULL, &ret), 0);
	CU_ASSERT_EQUAL(ret.words[0], rig_last_process(&rig)->arena.taken);
	guests_close();
}

static void test_a_raw_command_is_answered_before_its_upcall(void)
{
	const struct record command = {
		.header = {.type = RECORD_CALL, .driver = PUPPET_DRIVER},
		.call = {.class = CLASS_COMMAND, .number = PUPPET_CALL, .args = {5, 6}}};
	const uint32_t token[4] = {99};
	int fd;

	open_machine();
	fd = guest_connect();
	rig_call(&rig, fd, PUPPET_DRIVER, CLASS_SUBSCRIBE, 0, token, NULL);
	rig_send(fd, &command, -1);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_RETURN);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_UPCALL);
	CU_ASSERT_EQUAL(answer.upcall.subscription, 99);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 5);
	guests_close();
}

static void test_no_bytes_of_a_record_stay_in_the_daemons_buffer(void)
{
	const struct channel *channel;
	struct record record = good(1);
	uint8_t inline_bytes[16];
	int fd;

	open_machine();
	puppet.run = puppet_copy;
	channel = &rig.machine->channel;
	fd = guest_connect();
	rig_send_bytes(fd, "a secret that is no record", 26);
	CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
	rig_in(&record, PUPPET_IN, inline_bytes, "a secret, or two", 16);
	rig_out(&record, PUPPET_OUT, 16);
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, NULL), 0);
	for (size_t i = 0; i < sizeof(channel->buffer); i++)
		CU_ASSERT_EQUAL_FATAL(channel->buffer[i], 0);
	guests_close();
}

static void test_an_empty_message_goes_in_and_comes_back(void)
{
	struct record record = good(1);
	int fd;

	open_machine();
	fd = guest_connect();
	CU_ASSERT_EQUAL(rig_perform(&rig, fd, &record, &answer), 0);
	CU_ASSERT_EQUAL(answer.upcall.output_length, 0);
	guests_close();
}

/* --- listening ------------------------------------------------------------------------------- */

static void test_listening_where_a_file_is_leaves_the_file_alone(void)
{
	char path[] = "/tmp/channel_test.XXXXXX";
	int fd = mkstemp(path);
	char byte = 0;

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(pwrite(fd, "x", 1, 0), 1);
	CU_ASSERT_EQUAL(channel_listen(path, 0600), -EEXIST);
	CU_ASSERT_EQUAL(access(path, F_OK), 0);
	CU_ASSERT_EQUAL(pread(fd, &byte, 1, 0), 1);
	CU_ASSERT_EQUAL(byte, 'x');
	close(fd);
	unlink(path);
}

static void test_listening_replaces_a_stale_socket_and_sets_the_mode(void)
{
	char folder[] = "/tmp/channel_test.XXXXXX", path[64];
	struct stat st;
	int first, second;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	first = channel_listen(path, 0600);
	CU_ASSERT_FATAL(first >= 0);
	close(first);
	second = channel_listen(path, 0660);
	CU_ASSERT_FATAL(second >= 0);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0660);
	close(second);
	unlink(path);
	rmdir(folder);
}

static const struct test tests[] = {
	TEST(test_listening_where_a_file_is_leaves_the_file_alone),
	TEST(test_listening_replaces_a_stale_socket_and_sets_the_mode),
	TEST(test_the_greeting_tells_who_one_is_and_what_the_limits_are),
	TEST(test_identity_comes_from_the_socket),
	TEST(test_an_unknown_version_is_refused_by_name_and_hung_up_on),
	TEST(test_features_nobody_knows_are_not_agreed_on),
	TEST(test_no_other_record_is_legal_before_the_greeting),
	TEST(test_a_second_greeting_is_refused_and_changes_nothing),
	TEST(test_who_never_greets_holds_only_its_promise),
	TEST(test_every_truncation_of_every_record_is_refused),
	TEST(test_a_record_with_bytes_behind_it_is_refused),
	TEST(test_a_record_over_the_largest_is_refused_not_cut),
	TEST(test_a_good_record_that_goes_on_past_the_largest_is_refused),
	TEST(test_an_empty_record_is_the_end),
	TEST(test_unknown_types_are_refused),
	TEST(test_records_that_only_the_kernel_sends_are_refused),
	TEST(test_flags_that_have_no_meaning_are_refused),
	TEST(test_too_many_ranges_are_refused),
	TEST(test_a_refusal_names_the_operation_that_it_is_about),
	TEST(test_every_refused_record_is_counted),
	TEST(test_garbage_harms_nobody),
	TEST(test_records_with_changed_bytes_harm_nobody),
	TEST(test_exit_ends_the_connection),
	TEST(test_exit_right_after_an_operation_that_ended_at_once),
	TEST(test_hanging_up_ends_the_process_whatever_it_has),
	TEST(test_records_sent_before_hanging_up_are_not_served_for_the_dead_for_ever),
	TEST(test_cancelling_what_is_not_under_way_has_no_answer_and_no_effect),
	TEST(test_a_cancel_record_reaches_its_operation),
	TEST(test_one_process_cannot_cancel_the_operation_of_another),
	TEST(test_a_raw_call_is_answered_in_tocks_variants),
	TEST(test_a_raw_command_is_answered_before_its_upcall),
	TEST(test_no_bytes_of_a_record_stay_in_the_daemons_buffer),
	TEST(test_an_empty_message_goes_in_and_comes_back),
	TEST(test_cancelling_a_driver_ends_its_standing_operation),
	TEST(test_cancelling_a_driver_leaves_all_else_alone),
	TEST(test_an_app_is_known_by_its_name_and_may_use_its_own_drivers),
	TEST(test_who_is_no_app_has_no_name_and_what_the_rules_say),
	TEST(test_a_capsule_learns_who_asks),
	TEST(test_who_connected_and_ended_is_no_app),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "channel", tests, TESTS_COUNT(tests));
}
