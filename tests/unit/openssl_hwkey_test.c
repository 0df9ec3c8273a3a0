/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key slots of the OpenSSL backend, behind the contract checker: filled, used, emptied, and with a
 * store that fails or is slow.
 */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"
#include "hil/ecc.h"
#include "hil/hwkey.h"
#include "hil/kdf.h"
#include "hil/mac.h"
#include "hil/rsa.h"
#include "tests/key_store.h"
#include "tests/suite.h"
#include "tests/unit/openssl_machine.h"

#define ALICE "uid-1000"
#define BOB "uid-1001"

/* --- libcrypto's memory ---------------------------------------------------------------------- */

static bool no_memory; /* for libcrypto, from here on */

static void *take_memory(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return no_memory ? NULL : malloc(size);
}

static void *resize_memory(void *memory, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return no_memory ? NULL : realloc(memory, size);
}

static void give_memory_back(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	free(memory);
}

/* Only while what was read is looked at. */
static void exhaust(bool has_been_read)
{
	no_memory = has_been_read;
}

/* --- the machine ----------------------------------------------------------------------------- */

static struct machine machine;
static struct key_store store;
static char reported[400]; /* the last sentence for the log */

static void report(enum pluton_log_level level, const char *app, uint32_t pid, const char *sentence)
{
	(void)level;
	(void)app;
	(void)pid;
	snprintf(reported, sizeof(reported), "%s", sentence);
}

static struct config config;
static uint32_t slots; /* 0: as many as usual */

static void change(struct backend_environment *environment)
{
	environment->report = report;
	environment->config = slots > 0 ? &config : NULL;
	config.hwkey_slots = slots;
	CU_ASSERT_EQUAL_FATAL(key_store_open(&store, environment), 0);
}

static void open_machine(const struct openssl_options *options)
{
	machine_open(&machine, options, change);
	while (deferred_queue_run(&machine.deferred, 100) > 0)
		;
	CU_ASSERT_TRUE(machine.instance->settled(machine.instance));
}

static void close_machine(void)
{
	machine_close(&machine);
	key_store_close(&store);
}

/* What was kept stays for the next. */
static void begin(const struct openssl_options *options)
{
	memset(&store, 0, sizeof(store));
	slots = 0;
	open_machine(options);
}

static struct hwkey_engine *engine_of(void)
{
	return (struct hwkey_engine *)(void *)machine.checkers[HIL_HWKEY];
}

/* --- a client -------------------------------------------------------------------------------- */

struct key_client {
	struct hwkey_client client;
	const uint8_t *input;
	uint8_t output[HWKEY_WRAPPED_MAX];
	size_t piece;	  /* bytes at once; 0: all */
	unsigned fail_at; /* the n-th callback, from 1 */
	int answer;	  /* what it answers then */
	bool cancels;	  /* in that callback, and answers well */
	unsigned callbacks;
	unsigned done;
	int result;
	char why[400];
};

static struct key_client *of_client(struct hwkey_client *client)
{
	return (struct key_client *)(void *)client;
}

static ssize_t behave(struct key_client *client, size_t *len)
{
	bool now = ++client->callbacks == client->fail_at;

	if (now && client->cancels)
		engine_of()->ops->cancel(engine_of(), &client->client);
	if (client->piece && client->piece < *len)
		*len = client->piece;
	return now && !client->cancels ? client->answer : 1;
}

static ssize_t pull(struct hwkey_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct key_client *c = of_client(client);
	ssize_t r = behave(c, &len);

	if (r <= 0)
		return r;
	memcpy(buf, c->input + cursor, len);
	return (ssize_t)len;
}

static ssize_t push(struct hwkey_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	struct key_client *c = of_client(client);
	ssize_t r = behave(c, &len);

	if (r <= 0)
		return r;
	memcpy(c->output + cursor, buf, len);
	return (ssize_t)len;
}

static void done(struct hwkey_client *client, int result)
{
	struct key_client *c = of_client(client);

	c->done++;
	c->result = result;
	snprintf(c->why, sizeof(c->why), "%s", engine_of()->ops->why(engine_of()));
}

static const struct hwkey_client_ops client_ops = {pull, push, done};

static int start(struct key_client *client, const struct hwkey_request *request)
{
	client->client.ops = &client_ops;
	client->callbacks = client->done = 0;
	return engine_of()->ops->start(engine_of(), request, &client->client);
}

static int run(struct key_client *client, const struct hwkey_request *request)
{
	int r = start(client, request);

	if (r < 0)
		return r;
	machine_run(&machine, &client->done);
	CU_ASSERT_EQUAL(client->done, 1);
	return client->result;
}

static struct hwkey_request request_for(enum hwkey_action action, const char *owner,
					uint32_t number)
{
	struct hwkey_request request = {
		.action = action, .name.number = number, .slots_per_owner = 4};

	snprintf(request.name.owner, sizeof(request.name.owner), "%s", owner);
	return request;
}

static struct hwkey_request filling(enum hwkey_action action, enum hwkey_type type, uint32_t usage,
				    uint32_t policy)
{
	struct hwkey_request request = request_for(action, ALICE, 1);

	request.attributes = (struct hwkey_attributes){type, usage, policy, hwkey_size(type)};
	if (type == HWKEY_SECRET)
		request.attributes.size = 32;
	if (action == HWKEY_IMPORT)
		request.length = request.attributes.size;
	return request;
}

static int find(const char *owner, uint32_t number, struct hwkey_about *ret)
{
	struct hwkey_name name = {.number = number};

	snprintf(name.owner, sizeof(name.owner), "%s", owner);
	return engine_of()->ops->find(engine_of(), &name, ret);
}

static const uint8_t known[32] = "a key that is known to the tests";

static void import_known(enum hwkey_type type, uint32_t usage, uint32_t policy)
{
	struct key_client client = {.input = known};
	struct hwkey_request request = filling(HWKEY_IMPORT, type, usage, policy);

	CU_ASSERT_EQUAL(run(&client, &request), 0);
}

static int delete_key(uint32_t number)
{
	struct key_client client = {0};
	struct hwkey_request request = request_for(HWKEY_DELETE, ALICE, number);

	return run(&client, &request);
}

/* --- filling --------------------------------------------------------------------------------- */

static void test_every_type_is_made_in_every_way_of_execution(void)
{
	static const enum hwkey_type types[] = {HWKEY_AES128,  HWKEY_AES256, HWKEY_SECRET,
						HWKEY_P256,    HWKEY_P384,   HWKEY_P521,
						HWKEY_ED25519, HWKEY_RSA2048};

	for (size_t e = 0; e < EXECUTIONS; e++) {
		begin(&executions[e]);
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
			uint32_t usage = hwkey_public_size(types[i]) ? HWKEY_SIGN : HWKEY_MAC;
			struct hwkey_request request =
				filling(HWKEY_GENERATE, types[i], usage, HWKEY_THIS_BOOT);
			struct key_client client = {0};
			struct hwkey_about about;

			CU_ASSERT_EQUAL(run(&client, &request), 0);
			CU_ASSERT_EQUAL(find(ALICE, 1, &about), 0);
			CU_ASSERT_EQUAL(about.attributes.type, types[i]);
			CU_ASSERT_EQUAL(delete_key(1), 0);
		}
		close_machine();
	}
}

static void test_pieces_of_any_size_make_the_same_slot(void)
{
	begin(&executions[0]);
	for (size_t piece = 0; piece <= sizeof(known); piece++) {
		struct key_client client = {.input = known, .piece = piece};
		struct hwkey_request request =
			filling(HWKEY_IMPORT, HWKEY_SECRET, HWKEY_MAC, HWKEY_THIS_BOOT);

		CU_ASSERT_EQUAL(run(&client, &request), 0);
		CU_ASSERT_EQUAL(delete_key(1), 0);
	}
	close_machine();
}

static void test_trouble_in_a_callback_leaves_the_slot_empty(void)
{
	static const int answers[] = {-PLUTON_ENOACK, 0};
	struct hwkey_about about;

	begin(&executions[0]);
	for (unsigned at = 1; at <= 4; at++) {
		for (size_t i = 0; i < 2; i++) {
			struct key_client client = {
				.input = known, .piece = 8, .fail_at = at, .answer = answers[i]};
			struct hwkey_request request =
				filling(HWKEY_IMPORT, HWKEY_SECRET, HWKEY_MAC, 0);

			CU_ASSERT_EQUAL(run(&client, &request),
					answers[i] ? answers[i] : -PLUTON_ESIZE);
			CU_ASSERT_EQUAL(find(ALICE, 1, &about), -PLUTON_ENODEVICE);
		}
	}
	CU_ASSERT_PTR_NULL(key_store_find(&store, ALICE ".1"));
	close_machine();
}

static void test_a_cancel_in_a_callback_leads_to_cancel_and_an_empty_slot(void)
{
	struct hwkey_about about;

	begin(&executions[0]);
	for (unsigned at = 1; at <= 4; at++) {
		struct key_client client = {
			.input = known, .piece = 8, .fail_at = at, .cancels = true};
		struct hwkey_request request = filling(HWKEY_IMPORT, HWKEY_SECRET, HWKEY_MAC, 0);

		CU_ASSERT_EQUAL(run(&client, &request), -PLUTON_ECANCEL);
		CU_ASSERT_EQUAL(find(ALICE, 1, &about), -PLUTON_ENODEVICE);
		CU_ASSERT_PTR_NULL(key_store_find(&store, ALICE ".1"));
	}
	close_machine();
}

static void test_what_does_not_go_together_is_refused_by_start(void)
{
	struct key_client client = {.input = known};
	struct hwkey_request request;

	begin(&executions[0]);
	request = filling(HWKEY_GENERATE, HWKEY_AES128, HWKEY_SIGN, 0);
	CU_ASSERT_EQUAL(run(&client, &request), -PLUTON_EINVAL);
	request = filling(HWKEY_GENERATE, HWKEY_SECRET, HWKEY_MAC, HWKEY_ENGINE_IV);
	CU_ASSERT_EQUAL(run(&client, &request), -PLUTON_EINVAL);
	request = filling(HWKEY_GENERATE, HWKEY_AES128, 0, 0);
	CU_ASSERT_EQUAL(run(&client, &request), -PLUTON_EINVAL);
	for (uint32_t other = HWKEY_MAC; other <= HWKEY_WRAPS; other *= 2) {
		request = filling(HWKEY_GENERATE, HWKEY_AES128, HWKEY_ENCRYPT | other,
				  HWKEY_ENGINE_IV);
		CU_ASSERT_EQUAL(run(&client, &request), -PLUTON_EINVAL);
	}
	request = filling(HWKEY_DERIVE, HWKEY_P256, HWKEY_SIGN, 0);
	request.length = 1;
	CU_ASSERT_EQUAL(run(&client, &request), -PLUTON_ENOSUPPORT);
	request = filling(HWKEY_IMPORT, HWKEY_AES128, HWKEY_MAC, 0);
	request.length = 17;
	CU_ASSERT_EQUAL(run(&client, &request), -PLUTON_ESIZE);
	request = filling(HWKEY_IMPORT, HWKEY_SECRET, HWKEY_MAC, 0);
	request.length = request.attributes.size = HWKEY_SECRET_MAX + 1;
	CU_ASSERT_EQUAL(run(&client, &request), -PLUTON_ESIZE);
	close_machine();
}

static void test_an_owner_has_as_many_slots_as_the_request_says(void)
{
	struct key_client client = {0};
	struct hwkey_request request =
		filling(HWKEY_GENERATE, HWKEY_SECRET, HWKEY_MAC, HWKEY_THIS_BOOT);

	begin(&executions[0]);
	for (uint32_t number = 1; number <= 5; number++) {
		request.name.number = number;
		CU_ASSERT_EQUAL(run(&client, &request), number <= 4 ? 0 : -PLUTON_ENOMEM);
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(client.why, "slots_per_owner"));
	CU_ASSERT_EQUAL(hwkey_unused(engine_of(), ALICE), 5);
	CU_ASSERT_EQUAL(delete_key(2), 0);
	CU_ASSERT_EQUAL(hwkey_unused(engine_of(), ALICE), 2);
	CU_ASSERT_EQUAL(hwkey_unused(engine_of(), BOB), 1);
	close_machine();
}

/* Some generations take seconds: the arbiter leaves places to others by what the engine says. */
static void test_one_party_cannot_hold_all_places(void)
{
	begin(&executions[0]);
	CU_ASSERT(engine_of()->head.share > 0);
	CU_ASSERT(engine_of()->head.share < engine_of()->head.concurrency);
	close_machine();
}

/* --- the store ------------------------------------------------------------------------------- */

static void test_a_key_is_there_when_its_record_is_and_not_before(void)
{
	struct key_client client = {.input = known}, second = {.input = known};
	struct hwkey_request request = filling(HWKEY_IMPORT, HWKEY_SECRET, HWKEY_MAC, 0);
	struct hwkey_about about;

	begin(&executions[0]);
	store.holds = true;
	CU_ASSERT_EQUAL(start(&client, &request), 0);
	while (deferred_queue_run(&machine.deferred, 100) > 0)
		;
	CU_ASSERT_EQUAL(client.done, 0);
	CU_ASSERT_EQUAL(find(ALICE, 1, &about), -PLUTON_EBUSY);
	CU_ASSERT_EQUAL(start(&second, &request), 0);
	/* a cancel now cannot take back what the disk may have */
	CU_ASSERT_EQUAL(engine_of()->ops->cancel(engine_of(), &client.client), 0);
	key_store_let_go(&store);
	machine_run(&machine, &client.done);
	CU_ASSERT_EQUAL(client.result, 0);
	CU_ASSERT_EQUAL(find(ALICE, 1, &about), 0);
	CU_ASSERT_PTR_NOT_NULL(key_store_find(&store, ALICE ".1"));
	while (deferred_queue_run(&machine.deferred, 100) > 0)
		;
	CU_ASSERT_EQUAL(second.result, -PLUTON_EALREADY); /* the number was taken at once */
	close_machine();
}

static void test_a_store_that_fails_changes_nothing(void)
{
	struct key_client client = {.input = known};
	struct hwkey_request request = filling(HWKEY_IMPORT, HWKEY_SECRET, HWKEY_MAC, 0);
	struct hwkey_about about;

	begin(&executions[0]);
	store.failure = -PLUTON_EFAIL;
	CU_ASSERT_EQUAL(run(&client, &request), -PLUTON_EFAIL);
	CU_ASSERT_STRING_EQUAL(client.why, "the disk is full");
	CU_ASSERT_EQUAL(find(ALICE, 1, &about), -PLUTON_ENODEVICE);
	store.failure = 0;
	CU_ASSERT_EQUAL(run(&client, &request), 0);
	store.failure = -PLUTON_EFAIL;
	CU_ASSERT_EQUAL(delete_key(1), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(find(ALICE, 1, &about), 0);
	close_machine();
}

/* Three are kept, and there is room for two; then one of these goes. */
static void test_a_kept_key_that_got_no_slot_is_not_replaced(void)
{
	struct key_client client = {.input = known};
	struct hwkey_request request = filling(HWKEY_IMPORT, HWKEY_SECRET, HWKEY_MAC, 0);
	struct hwkey_about about;

	begin(&executions[0]);
	for (; request.name.number <= 3; request.name.number++)
		CU_ASSERT_EQUAL(run(&client, &request), 0);
	close_machine();
	slots = 2;
	open_machine(&executions[0]);
	CU_ASSERT_EQUAL(find(ALICE, 3, &about), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(delete_key(1), 0);
	request = filling(HWKEY_GENERATE, HWKEY_SECRET, HWKEY_AGREE, 0);
	request.name.number = 3;
	CU_ASSERT_EQUAL(run(&client, &request), -PLUTON_ENOMEM);
	CU_ASSERT_STRING_EQUAL(client.why,
			       "more keys are kept than there are slots, see hwkey.slots");
	close_machine();
	open_machine(&executions[0]);
	CU_ASSERT_EQUAL(find(ALICE, 3, &about), 0);
	CU_ASSERT_EQUAL(about.attributes.usage, HWKEY_MAC);
	CU_ASSERT_EQUAL(run(&client, &request), -PLUTON_EALREADY);
	close_machine();
}

static void test_a_record_has_no_key_in_it_and_opens_for_its_slot_alone(void)
{
	struct key_area *area;
	struct hwkey_about about;

	begin(&executions[0]);
	import_known(HWKEY_SECRET, HWKEY_MAC, 0);
	area = key_store_find(&store, ALICE ".1");
	CU_ASSERT_PTR_NOT_NULL_FATAL(area);
	for (size_t i = 0; i + 8 <= area->length; i++)
		CU_ASSERT_FATAL(memcmp(area->bytes + i, known, 8) != 0);
	/* the same bytes as another slot's, another owner's, and with a bit changed */
	store.areas[1] = store.areas[2] = store.areas[3] = *area;
	strcpy(store.areas[1].name, ALICE ".2");
	strcpy(store.areas[2].name, BOB ".1");
	strcpy(store.areas[3].name, ALICE ".3");
	store.areas[3].bytes[100] ^= 1;
	strcpy(store.areas[4].name, "no slot's name");
	store.areas[4].length = 10;
	close_machine();
	open_machine(&executions[0]);
	CU_ASSERT_EQUAL(find(ALICE, 1, &about), 0);
	CU_ASSERT_EQUAL(about.attributes.usage, HWKEY_MAC);
	CU_ASSERT_EQUAL(find(ALICE, 2, &about), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(find(BOB, 1, &about), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(find(ALICE, 3, &about), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(delete_key(3), 0);
	CU_ASSERT_EQUAL(find(ALICE, 3, &about), -PLUTON_ENODEVICE);
	close_machine();
}

static void test_a_record_that_could_not_be_opened_for_lack_of_memory_is_whole(void)
{
	struct key_client client = {.input = known};
	struct hwkey_request request = filling(HWKEY_IMPORT, HWKEY_SECRET, HWKEY_MAC, 0);
	struct hwkey_about about;

	begin(&executions[0]);
	import_known(HWKEY_SECRET, HWKEY_MAC, 0);
	close_machine();
	store.on_read = exhaust;
	open_machine(&executions[0]);
	store.on_read = NULL;
	CU_ASSERT_STRING_EQUAL(reported, "the key " ALICE ".1 could not be opened, for lack of "
					 "memory: it is kept, start plutond again");
	CU_ASSERT_EQUAL(find(ALICE, 1, &about), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(hwkey_unused(engine_of(), ALICE), 2);
	CU_ASSERT_EQUAL(run(&client, &request), -PLUTON_EALREADY);
	CU_ASSERT_EQUAL(delete_key(1), -PLUTON_ENODEVICE);
	close_machine();
	open_machine(&executions[0]);
	CU_ASSERT_EQUAL(find(ALICE, 1, &about), 0);
	CU_ASSERT_EQUAL(about.attributes.usage, HWKEY_MAC);
	close_machine();
}

/* Only of what cannot be read for good it is said that it can be deleted. */
static void test_a_record_that_nv_memory_could_not_read_for_now_is_whole(void)
{
	struct hwkey_about about;

	begin(&executions[0]);
	import_known(HWKEY_SECRET, HWKEY_MAC, 0);
	close_machine();
	store.read_failure = -PLUTON_ENOMEM;
	open_machine(&executions[0]);
	CU_ASSERT_STRING_EQUAL(reported, "the key " ALICE ".1 cannot be read: the disk is full");
	CU_ASSERT_EQUAL(find(ALICE, 1, &about), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(delete_key(1), -PLUTON_ENODEVICE);
	close_machine();
	store.read_failure = -PLUTON_EFAIL;
	open_machine(&executions[0]);
	CU_ASSERT_EQUAL(find(ALICE, 1, &about), -PLUTON_EFAIL);
	close_machine();
	store.read_failure = 0;
	open_machine(&executions[0]);
	CU_ASSERT_EQUAL(find(ALICE, 1, &about), 0);
	close_machine();
}

/* Somebody else's, long ago: what is wrong now is what was unwrapped, or a record. */
static void test_an_older_failure_of_libcrypto_is_nobodys_reason(void)
{
	static const uint8_t not_wrapped[40];
	struct key_client client = {.input = not_wrapped};
	struct hwkey_request request = filling(HWKEY_UNWRAP, HWKEY_SECRET, HWKEY_MAC, 0);
	struct hwkey_about about;

	begin(&executions[0]);
	import_known(HWKEY_AES256, HWKEY_WRAPS, 0);
	request.name.number = 2;
	request.wrapping = 1;
	request.length = sizeof(not_wrapped);
	ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
	CU_ASSERT_EQUAL(run(&client, &request), -PLUTON_EINVAL);
	key_store_find(&store, ALICE ".1")->bytes[100] ^= 1;
	close_machine();
	ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
	open_machine(&executions[0]);
	CU_ASSERT_PTR_NOT_NULL(strstr(reported, "is damaged"));
	CU_ASSERT_EQUAL(find(ALICE, 1, &about), -PLUTON_EFAIL);
	close_machine();
}

static void test_without_the_secret_the_engine_is_absent_and_nothing_is_written(void)
{
	struct key_client client = {0};
	struct hwkey_request request =
		filling(HWKEY_GENERATE, HWKEY_SECRET, HWKEY_MAC, HWKEY_THIS_BOOT);

	begin(&executions[0]);
	import_known(HWKEY_SECRET, HWKEY_MAC, 0);
	close_machine();
	store.secret_failure = -PLUTON_EFAIL;
	open_machine(&executions[0]);
	CU_ASSERT_TRUE(engine_of()->head.absent);
	CU_ASSERT_EQUAL(start(&client, &request), -PLUTON_ENODEVICE);
	CU_ASSERT_PTR_NOT_NULL(key_store_find(&store, ALICE ".1"));
	close_machine();
}

/* --- use ------------------------------------------------------------------------------------- */

struct mac_user {
	struct mac_client client;
	const uint8_t *input;
	uint8_t mac[MAC_SIZE_MAX];
	uint8_t state[HIL_STATE_MAX];
	unsigned done;
	int result;
};

static ssize_t mac_pull(struct mac_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	memcpy(buf, ((struct mac_user *)(void *)client)->input + cursor, len);
	return (ssize_t)len;
}

static int mac_key(struct mac_client *client, uint8_t *key, size_t len)
{
	(void)client;
	memcpy(key, known, len);
	return 0;
}

static int mac_push(struct mac_client *client, const uint8_t *mac, size_t len)
{
	memcpy(((struct mac_user *)(void *)client)->mac, mac, len);
	return 0;
}

static int mac_state_in(struct mac_client *client, uint8_t *state, size_t len)
{
	memcpy(state, ((struct mac_user *)(void *)client)->state, len);
	return 0;
}

static int mac_state_out(struct mac_client *client, const uint8_t *state, size_t len)
{
	memcpy(((struct mac_user *)(void *)client)->state, state, len);
	return 0;
}

static void mac_done(struct mac_client *client, int result)
{
	((struct mac_user *)(void *)client)->done = 1;
	((struct mac_user *)(void *)client)->result = result;
}

static int mac_run(struct mac_user *user, enum hil_kind kind, const struct mac_request *request)
{
	static const struct mac_client_ops ops = {.pull_input = mac_pull,
						  .pull_key = mac_key,
						  .push_mac = mac_push,
						  .pull_state = mac_state_in,
						  .push_state = mac_state_out,
						  .done = mac_done};
	struct mac_engine *engine = (struct mac_engine *)(void *)machine.checkers[kind];
	int r;

	user->client.ops = &ops;
	user->done = 0;
	r = engine->ops->start(engine, request, &user->client);
	if (r < 0)
		return r;
	machine_run(&machine, &user->done);
	return user->result;
}

/* Of both MACs: in a stream, the state says nothing of the key, and the MAC is the key's. */
static void stream_by_slot(enum hil_kind kind, enum mac_algorithm algorithm, enum hwkey_type type)
{
	static const uint8_t message[100] = "a message in two pieces";
	struct mac_user user = {.input = message}, with_bytes = {.input = message};
	struct mac_request request = {.algorithm = algorithm,
				      .phase = HIL_ONE_SHOT,
				      .key_size = 32,
				      .length = sizeof(message),
				      .mac_size = 16};
	struct hwkey_about about;

	import_known(type, HWKEY_MAC, HWKEY_THIS_BOOT);
	CU_ASSERT_EQUAL(find(ALICE, 1, &about), 0);
	CU_ASSERT_EQUAL(mac_run(&with_bytes, kind, &request), 0);
	request.key = about.ref;
	CU_ASSERT_EQUAL(mac_run(&user, kind, &request), 0);
	CU_ASSERT_EQUAL(memcmp(user.mac, with_bytes.mac, 16), 0);

	request.phase = HIL_FIRST;
	request.length = 70;
	CU_ASSERT_EQUAL(mac_run(&user, kind, &request), 0);
	for (size_t i = 0; i + 8 <= sizeof(user.state); i++)
		CU_ASSERT_FATAL(memcmp(user.state + i, known, 8) != 0);
	if (kind == HIL_HMAC) /* the outer half would do to make MACs */
		CU_ASSERT_EQUAL(user.state[HMAC_STATE_MAX - 1] | user.state[HMAC_STATE_MAX / 2 + 9],
				0);
	request.phase = HIL_LAST;
	request.length = 30;
	user.input = message + 70;
	memset(user.mac, 0, sizeof(user.mac));
	CU_ASSERT_EQUAL(mac_run(&user, kind, &request), 0);
	CU_ASSERT_EQUAL(memcmp(user.mac, with_bytes.mac, 16), 0);
	CU_ASSERT_EQUAL(delete_key(1), 0);
	CU_ASSERT_EQUAL(mac_run(&user, kind, &request), -PLUTON_ENODEVICE);
}

static void test_a_stream_by_slot_exports_no_key_and_ends_with_its_slot(void)
{
	begin(&executions[0]);
	stream_by_slot(HIL_CMAC, MAC_CMAC_AES, HWKEY_AES256);
	stream_by_slot(HIL_HMAC, MAC_HMAC_SHA256, HWKEY_SECRET);
	stream_by_slot(HIL_HMAC, MAC_HMAC_SHA3_512, HWKEY_SECRET);
	close_machine();
}

static void test_a_slot_that_was_filled_anew_is_not_the_one_that_was_found(void)
{
	struct mac_user user = {.input = known};
	struct mac_request request = {
		.algorithm = MAC_HMAC_SHA256, .phase = HIL_ONE_SHOT, .mac_size = 32};
	struct hwkey_about before, after;

	begin(&executions[0]);
	import_known(HWKEY_SECRET, HWKEY_MAC, HWKEY_THIS_BOOT);
	CU_ASSERT_EQUAL(find(ALICE, 1, &before), 0);
	CU_ASSERT_EQUAL(delete_key(1), 0);
	import_known(HWKEY_SECRET, HWKEY_MAC, HWKEY_THIS_BOOT);
	CU_ASSERT_EQUAL(find(ALICE, 1, &after), 0);
	CU_ASSERT_NOT_EQUAL(before.ref.slot, after.ref.slot);
	request.key = before.ref;
	CU_ASSERT_EQUAL(mac_run(&user, HIL_HMAC, &request), -PLUTON_ENODEVICE);
	request.key = after.ref;
	CU_ASSERT_EQUAL(mac_run(&user, HIL_HMAC, &request), 0);
	close_machine();
}

static void test_the_engine_itself_refuses_usages_types_and_other_vaults(void)
{
	static const struct hil_vault elsewhere = {"elsewhere"};
	struct mac_user user = {.input = known};
	struct mac_request request = {
		.algorithm = MAC_HMAC_SHA256, .phase = HIL_ONE_SHOT, .mac_size = 16};
	struct hwkey_about about;

	begin(&executions[0]);
	import_known(HWKEY_AES256, HWKEY_ENCRYPT, HWKEY_THIS_BOOT);
	CU_ASSERT_EQUAL(find(ALICE, 1, &about), 0);
	request.key = about.ref;
	CU_ASSERT_EQUAL(mac_run(&user, HIL_HMAC, &request), -PLUTON_EINVAL);
	request.algorithm = MAC_CMAC_AES;
	CU_ASSERT_EQUAL(mac_run(&user, HIL_CMAC, &request), -PLUTON_EINVAL);
	request.key.vault = &elsewhere;
	CU_ASSERT_EQUAL(mac_run(&user, HIL_CMAC, &request), -PLUTON_ENOSUPPORT);
	close_machine();
}

static void test_a_key_for_fresh_ivs_encrypts_with_no_other(void)
{
	uint8_t out[32];
	struct aes_test_client client = {.input = known, .output = out, .length = 32};
	struct aes_request request = {.mode = AES_GCM,
				      .direction = AES_ENCRYPT,
				      .phase = HIL_ONE_SHOT,
				      .key_size = 32,
				      .iv_size = AES_GCM_IV_SIZE,
				      .tag_size = AES_TAG_SIZE,
				      .length = 32};
	struct hwkey_about about;

	begin(&executions[0]);
	import_known(HWKEY_AES256, HWKEY_ENCRYPT | HWKEY_DECRYPT,
		     HWKEY_ENGINE_IV | HWKEY_THIS_BOOT);
	CU_ASSERT_EQUAL(find(ALICE, 1, &about), 0);
	request.key = about.ref;
	CU_ASSERT_EQUAL(aes_test_run(&machine, &client, &request), -PLUTON_EINVAL);
	request.engine_iv = true;
	CU_ASSERT_EQUAL(aes_test_run(&machine, &client, &request), 0);
	request = (struct aes_request){.mode = AES_CTR,
				       .direction = AES_DECRYPT,
				       .phase = HIL_ONE_SHOT,
				       .key = about.ref,
				       .key_size = 32,
				       .ctr_bits = 128,
				       .length = 32};
	CU_ASSERT_EQUAL(aes_test_run(&machine, &client, &request), -PLUTON_EINVAL);
	request.mode = AES_ECB;
	request.ctr_bits = 0;
	CU_ASSERT_EQUAL(aes_test_run(&machine, &client, &request), -PLUTON_EINVAL);
	close_machine();
}

/* --- key pairs and derivation ----------------------------------------------------------------- */

/* One client for all three; a key in a slot is never asked for, so there is nothing to give one. */
struct user {
	union {
		struct ecc_client ecc;
		struct rsa_client rsa;
		struct kdf_client kdf;
	} client;
	uint8_t public[ECC_PUBLIC_SIZE_MAX]; /* out of ECC_PUBLIC, into ECC_AGREE */
	size_t pushed;
	unsigned done;
	int result;
	char why[100];
};

static struct user user;

static ssize_t give_input(uint8_t *buf, size_t len)
{
	memset(buf, 1, len);
	return (ssize_t)len;
}

static void finish(int result, const char *why)
{
	user.done++;
	user.result = result;
	snprintf(user.why, sizeof(user.why), "%s", why);
}

static int wait_for(int started)
{
	if (started < 0)
		return started;
	machine_run(&machine, &user.done);
	CU_ASSERT_EQUAL(user.done, 1);
	return user.result;
}

static ssize_t ecc_input(struct ecc_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	(void)client;
	(void)cursor;
	return give_input(buf, len);
}

static int ecc_public_in(struct ecc_client *client, uint8_t *public, size_t len)
{
	(void)client;
	memcpy(public, user.public, len);
	return 0;
}

static int ecc_public_out(struct ecc_client *client, const uint8_t *public, size_t len)
{
	(void)client;
	memcpy(user.public, public, len);
	user.pushed = len;
	return 0;
}

static int ecc_out(struct ecc_client *client, const uint8_t *bytes, size_t len)
{
	(void)client;
	(void)bytes;
	user.pushed = len;
	return 0;
}

static struct ecc_engine *ecc_engine(void)
{
	return (struct ecc_engine *)(void *)machine.checkers[HIL_ECC];
}

static void ecc_done(struct ecc_client *client, int result)
{
	(void)client;
	finish(result, ecc_engine()->ops->why(ecc_engine()));
}

static int ecc_run(enum ecc_action action, enum ecc_curve curve, struct hil_key_ref key)
{
	static const struct ecc_client_ops ops = {.pull_input = ecc_input,
						  .pull_public = ecc_public_in,
						  .push_public = ecc_public_out,
						  .push_signature = ecc_out,
						  .push_secret = ecc_out,
						  .done = ecc_done};
	const struct ecc_request request = {.curve = curve,
					    .action = action,
					    .key = key,
					    .length = action == ECC_SIGN ? 32 : 0};

	user.client.ecc.ops = &ops;
	user.done = 0;
	user.pushed = 0;
	return wait_for(ecc_engine()->ops->start(ecc_engine(), &request, &user.client.ecc));
}

static struct hil_key_ref found(void)
{
	struct hwkey_about about = {0};

	CU_ASSERT_EQUAL(find(ALICE, 1, &about), 0);
	return about.ref;
}

static struct hil_key_ref elsewhere(struct hil_key_ref key)
{
	static const struct hil_vault other = {"elsewhere"};

	key.vault = &other;
	return key;
}

static void test_a_curve_key_is_used_as_its_usage_its_curve_and_its_vault_allow(void)
{
	struct hil_key_ref key;

	for (size_t e = 0; e < EXECUTIONS; e++) {
		begin(&executions[e]);
		import_known(HWKEY_P256, HWKEY_SIGN, HWKEY_THIS_BOOT);
		key = found();
		CU_ASSERT_EQUAL(ecc_run(ECC_SIGN, ECC_P256, key), 0);
		CU_ASSERT_EQUAL(user.pushed, 64);
		CU_ASSERT_EQUAL(ecc_run(ECC_PUBLIC, ECC_P256, key), 0);
		CU_ASSERT_EQUAL(ecc_run(ECC_AGREE, ECC_P256, key), -PLUTON_EINVAL);
		CU_ASSERT_EQUAL(ecc_run(ECC_SIGN, ECC_ED25519, key), -PLUTON_EINVAL);
		CU_ASSERT_EQUAL(ecc_run(ECC_SIGN, ECC_P256, elsewhere(key)), -PLUTON_ENOSUPPORT);
		CU_ASSERT_EQUAL(delete_key(1), 0);
		import_known(HWKEY_P256, HWKEY_AGREE, HWKEY_THIS_BOOT);
		CU_ASSERT_EQUAL(ecc_run(ECC_SIGN, ECC_P256, key), -PLUTON_ENODEVICE);
		CU_ASSERT_STRING_EQUAL(user.why, "the key slot was emptied meanwhile");
		CU_ASSERT_EQUAL(user.pushed, 0);
		CU_ASSERT_EQUAL(ecc_run(ECC_AGREE, ECC_P256, found()), 0);
		CU_ASSERT_EQUAL(user.pushed, 32);
		CU_ASSERT_EQUAL(ecc_run(ECC_SIGN, ECC_P256, found()), -PLUTON_EINVAL);
		close_machine();
	}
}

static ssize_t rsa_input(struct rsa_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	(void)client;
	(void)cursor;
	return give_input(buf, len);
}

static ssize_t rsa_output(struct rsa_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	(void)client;
	(void)buf;
	user.pushed = cursor + len;
	return (ssize_t)len;
}

static struct rsa_engine *rsa_engine(void)
{
	return (struct rsa_engine *)(void *)machine.checkers[HIL_RSA];
}

static void rsa_done(struct rsa_client *client, int result)
{
	(void)client;
	finish(result, rsa_engine()->ops->why(rsa_engine()));
}

static int rsa_run(enum rsa_action action, size_t size, struct hil_key_ref key)
{
	static const struct rsa_client_ops ops = {
		.pull_input = rsa_input, .push_output = rsa_output, .done = rsa_done};
	bool signs = action == RSA_SIGN || action == RSA_VERIFY;
	const struct rsa_request request = {
		.action = action,
		.size = size,
		.key = key,
		.crt = true,
		.padding = action == RSA_PRIVATE || action == RSA_PUBLIC ? RSA_BARE : RSA_PKCS1,
		.hash = signs ? DIGEST_SHA256 : 0,
		.length = signs ? 32 : size,
	};

	user.client.rsa.ops = &ops;
	user.done = 0;
	user.pushed = 0;
	return wait_for(rsa_engine()->ops->start(rsa_engine(), &request, &user.client.rsa));
}

static void generate_rsa(uint32_t usage)
{
	struct key_client client = {0};
	struct hwkey_request request =
		filling(HWKEY_GENERATE, HWKEY_RSA2048, usage, HWKEY_THIS_BOOT);

	CU_ASSERT_EQUAL(run(&client, &request), 0);
}

static void test_an_rsa_key_is_used_as_its_usage_its_size_and_its_vault_allow(void)
{
	struct hil_key_ref key;

	begin(&executions[0]);
	generate_rsa(HWKEY_SIGN);
	key = found();
	CU_ASSERT_EQUAL(rsa_run(RSA_SIGN, 256, key), 0);
	CU_ASSERT_EQUAL(user.pushed, 256);
	CU_ASSERT_EQUAL(rsa_run(RSA_SIGN, 384, key), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(rsa_run(RSA_DECRYPT, 256, key), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(rsa_run(RSA_PRIVATE, 256, key), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(rsa_run(RSA_PUBLIC, 256, key), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(rsa_run(RSA_VERIFY, 256, key), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(rsa_run(RSA_SIGN, 256, elsewhere(key)), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(delete_key(1), 0);
	CU_ASSERT_EQUAL(rsa_run(RSA_SIGN, 256, key), -PLUTON_ENODEVICE);
	CU_ASSERT_STRING_EQUAL(user.why, "the key slot was emptied meanwhile");
	generate_rsa(HWKEY_SIGN | HWKEY_DECRYPT);
	CU_ASSERT_EQUAL(rsa_run(RSA_DECRYPT, 256, found()), 0);
	CU_ASSERT_EQUAL(rsa_run(RSA_PRIVATE, 256, found()), 0);
	close_machine();
}

static ssize_t kdf_output(struct kdf_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	(void)client;
	(void)buf;
	user.pushed = cursor + len;
	return (ssize_t)len;
}

static void kdf_done(struct kdf_client *client, int result)
{
	(void)client;
	finish(result, "");
}

static int kdf_run(enum kdf_method method, enum mac_algorithm prf, struct hil_key_ref key)
{
	static const struct kdf_client_ops ops = {.push_output = kdf_output, .done = kdf_done};
	struct kdf_engine *engine = (struct kdf_engine *)(void *)machine.checkers[HIL_KDF];
	const struct kdf_request request = {.method = method,
					    .prf = prf,
					    .key = key,
					    .key_size = 32,
					    .iterations = method == KDF_PBKDF2,
					    .length = 32};

	user.client.kdf.ops = &ops;
	user.done = 0;
	user.pushed = 0;
	return wait_for(engine->ops->start(engine, &request, &user.client.kdf));
}

static void test_a_secret_is_derived_from_as_its_usage_its_type_and_its_vault_allow(void)
{
	static const enum kdf_method methods[] = {KDF_HKDF,    KDF_HKDF_EXTRACT,  KDF_HKDF_EXPAND,
						  KDF_COUNTER, KDF_COUNTER_FIXED, KDF_PBKDF2};
	struct hil_key_ref key;

	begin(&executions[0]);
	import_known(HWKEY_SECRET, HWKEY_AGREE, HWKEY_THIS_BOOT);
	key = found();
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		CU_ASSERT_EQUAL(kdf_run(methods[i], MAC_HMAC_SHA256, key), 0);
		CU_ASSERT_EQUAL(user.pushed, 32);
	}
	CU_ASSERT_EQUAL(kdf_run(KDF_COUNTER, MAC_CMAC_AES, key), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(kdf_run(KDF_HKDF, MAC_HMAC_SHA256, elsewhere(key)), -PLUTON_ENOSUPPORT);
	CU_ASSERT_EQUAL(delete_key(1), 0);
	import_known(HWKEY_SECRET, HWKEY_MAC, HWKEY_THIS_BOOT);
	CU_ASSERT_EQUAL(kdf_run(KDF_HKDF, MAC_HMAC_SHA256, key), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(kdf_run(KDF_HKDF, MAC_HMAC_SHA256, found()), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(kdf_run(KDF_PBKDF2, MAC_HMAC_SHA256, found()), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(delete_key(1), 0);
	import_known(HWKEY_AES256, HWKEY_ENCRYPT, HWKEY_THIS_BOOT | HWKEY_ENGINE_IV);
	CU_ASSERT_EQUAL(kdf_run(KDF_COUNTER, MAC_CMAC_AES, found()), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(delete_key(1), 0);
	import_known(HWKEY_AES256, HWKEY_AGREE, HWKEY_THIS_BOOT);
	CU_ASSERT_EQUAL(kdf_run(KDF_COUNTER, MAC_CMAC_AES, found()), 0);
	CU_ASSERT_EQUAL(kdf_run(KDF_HKDF, MAC_HMAC_SHA256, found()), -PLUTON_EINVAL);
	close_machine();
}

static const struct test tests[] = {
	TEST(test_a_curve_key_is_used_as_its_usage_its_curve_and_its_vault_allow),
	TEST(test_an_rsa_key_is_used_as_its_usage_its_size_and_its_vault_allow),
	TEST(test_a_secret_is_derived_from_as_its_usage_its_type_and_its_vault_allow),
	TEST(test_every_type_is_made_in_every_way_of_execution),
	TEST(test_pieces_of_any_size_make_the_same_slot),
	TEST(test_trouble_in_a_callback_leaves_the_slot_empty),
	TEST(test_a_cancel_in_a_callback_leads_to_cancel_and_an_empty_slot),
	TEST(test_what_does_not_go_together_is_refused_by_start),
	TEST(test_an_owner_has_as_many_slots_as_the_request_says),
	TEST(test_one_party_cannot_hold_all_places),
	TEST(test_a_key_is_there_when_its_record_is_and_not_before),
	TEST(test_a_store_that_fails_changes_nothing),
	TEST(test_a_kept_key_that_got_no_slot_is_not_replaced),
	TEST(test_a_record_has_no_key_in_it_and_opens_for_its_slot_alone),
	TEST(test_a_record_that_could_not_be_opened_for_lack_of_memory_is_whole),
	TEST(test_a_record_that_nv_memory_could_not_read_for_now_is_whole),
	TEST(test_an_older_failure_of_libcrypto_is_nobodys_reason),
	TEST(test_without_the_secret_the_engine_is_absent_and_nothing_is_written),
	TEST(test_a_stream_by_slot_exports_no_key_and_ends_with_its_slot),
	TEST(test_a_slot_that_was_filled_anew_is_not_the_one_that_was_found),
	TEST(test_the_engine_itself_refuses_usages_types_and_other_vaults),
	TEST(test_a_key_for_fresh_ivs_encrypts_with_no_other),
};

int main(int argc, char **argv)
{
	if (CRYPTO_set_mem_functions(take_memory, resize_memory, give_memory_back) != 1)
		return 1;
	return suite_main(argc, argv, "openssl hwkey", tests, TESTS_COUNT(tests));
}
