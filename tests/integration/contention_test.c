/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One digest engine for all: programs that hash, programs that want HMACs which stand on it, key
 * derivation that stands on those, and something in the daemon itself, as storage and self test
 * are, that hashes for its own sake. Nobody waits for ever, each is served in the order in which it
 * asked, and shares are fair, counted in turns; also where programs die and operations are
 * cancelled. PLUTON_CONTENTION_ROUNDS makes the random one longer, PLUTON_CONTENTION_SEED another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/integration/oracle.h"
#include "tests/integration/stack.h"
#include "tests/suite.h"

#define PEERS 8u
#define REQUESTS 12u
#define LENGTH_MAX 400u
#define PASSES_MAX 200000u /* of the loop; no test comes near it unless somebody waits for ever */
#define KDF_LENGTH 70u	   /* three blocks */

enum { DIGEST_WHOLE = 1, HMAC_MAC = 1 };

static struct rig rig;
static struct stack stack;

static uint8_t message[LENGTH_MAX];
static uint8_t key[ORACLE_KEY_SIZE];

/* --- what hashes, and derives, for its own sake ---------------------------------------------- */

struct background {
	struct digest_client digest;
	struct kdf_client kdf;
	struct hil_owner owner;
	struct hil_waiter waiter;
	unsigned left; /* operations to do; one after the other */
	unsigned done;
	unsigned wrong;
	unsigned cancelled;
	bool under_way;
	uint8_t result[KDF_LENGTH];
};

static struct background storage, deriver;

static void ask_again(struct background *background, enum hil_kind kind);

static struct background *of_waiter(struct hil_waiter *waiter)
{
	return (struct background *)(void *)((char *)waiter - offsetof(struct background, waiter));
}

static struct background *of_kdf(struct kdf_client *client)
{
	return (struct background *)(void *)((char *)client - offsetof(struct background, kdf));
}

static void ended(struct background *background, enum hil_kind kind, int result,
		  const uint8_t *expected, size_t size)
{
	bool right = result == 0 && memcmp(background->result, expected, size) == 0;

	background->under_way = false;
	background->done++;
	background->cancelled += result == -PLUTON_ECANCEL;
	background->wrong += !right && result != -PLUTON_ECANCEL;
	arbiter_release(&background->waiter);
	ask_again(background, kind);
}

static ssize_t digest_pull(struct digest_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	(void)client;
	memcpy(buf, message + cursor, len);
	return (ssize_t)len;
}

static int digest_push(struct digest_client *client, const uint8_t *digest, size_t len)
{
	memcpy(((struct background *)(void *)client)->result, digest, len);
	return 0;
}

static void digest_done(struct digest_client *client, int result)
{
	uint8_t expected[ORACLE_DIGEST_SIZE];

	oracle_digest(message, LENGTH_MAX, expected);
	ended((struct background *)(void *)client, HIL_DIGEST, result, expected, sizeof(expected));
}

static int kdf_pull(struct kdf_client *client, uint8_t *bytes, size_t len)
{
	(void)client;
	memcpy(bytes, key, len);
	return 0;
}

static ssize_t kdf_push(struct kdf_client *client, const uint8_t *buf, size_t len, size_t cursor)
{
	memcpy(of_kdf(client)->result + cursor, buf, len);
	return (ssize_t)len;
}

static void kdf_done(struct kdf_client *client, int result)
{
	uint8_t expected[KDF_LENGTH];

	oracle_hkdf(key, key, 10, expected, sizeof(expected));
	ended(of_kdf(client), HIL_KDF, result, expected, sizeof(expected));
}

static int start_digest(struct background *background)
{
	static const struct digest_client_ops ops = {
		.pull_input = digest_pull, .push_digest = digest_push, .done = digest_done};
	const struct digest_request request = {DIGEST_SHA256, HIL_ONE_SHOT, LENGTH_MAX};
	struct digest_engine *engine = &stack.digest;

	background->digest.ops = &ops;
	return engine->ops->start(engine, &request, &background->digest);
}

static struct kdf_engine *kdf_engine(void)
{
	return (struct kdf_engine *)(void *)stack.ports[HIL_KDF];
}

static int start_kdf(struct background *background)
{
	static const struct kdf_client_ops ops = {.pull_key = kdf_pull,
						  .pull_info = kdf_pull,
						  .push_output = kdf_push,
						  .done = kdf_done};
	const struct kdf_request request = {.method = KDF_HKDF,
					    .prf = MAC_HMAC_SHA256,
					    .key_size = sizeof(key),
					    .info_length = 10,
					    .length = KDF_LENGTH};

	background->kdf.ops = &ops;
	return kdf_engine()->ops->start(kdf_engine(), &request, &background->kdf);
}

static void granted(struct hil_waiter *waiter)
{
	struct background *background = of_waiter(waiter);
	int r = background == &storage ? start_digest(background) : start_kdf(background);

	background->under_way = r == 0;
	background->wrong += r < 0;
}

static void ask_again(struct background *background, enum hil_kind kind)
{
	if (background->left == 0)
		return;
	background->left--;
	CU_ASSERT_EQUAL(
		arbiter_request(stack.ports[kind], &background->waiter, &background->owner, NULL),
		0);
}

static void background_begin(struct background *background, enum hil_kind kind, unsigned count)
{
	*background = (struct background){.waiter.granted = granted, .left = count};
	CU_ASSERT_EQUAL_FATAL(kernel_add_owner(rig.kernel, &background->owner), 0);
	ask_again(background, kind);
}

static bool is_idle(const struct background *background)
{
	return background->left == 0 && background->waiter.state == HIL_IDLE;
}

/* --- programs -------------------------------------------------------------------------------- */

struct request {
	bool is_mac;
	bool cancelled;
	bool answered;
	uint16_t length;
};

struct peer {
	int fd; /* -1: gone */
	unsigned sent;
	unsigned answered;
	unsigned last[2]; /* answered, of digests and MACs; from 1 */
	struct request requests[REQUESTS];
};

static struct peer peers[PEERS];

static void open_all(size_t slice, unsigned peer_count)
{
	oracle_fill(message, sizeof(message), 1);
	oracle_fill(key, sizeof(key), 2);
	rig_open(&rig, NULL);
	stack_open(&stack, &rig, slice);
	for (unsigned i = 0; i < PEERS; i++)
		peers[i] = (struct peer){.fd = i < peer_count ? rig_connect(&rig) : -1};
}

static void ask(struct peer *peer, bool is_mac, uint16_t length)
{
	struct request *request = &peer->requests[peer->sent++];
	uint8_t inline_bytes[1024];
	struct record record = rig_operation(peer->sent, is_mac ? RIG_HMAC : RIG_DIGEST,
					     is_mac ? HMAC_MAC : DIGEST_WHOLE);

	*request = (struct request){.is_mac = is_mac, .length = length};
	record.operation.words[0] = DIGEST_SHA256; /* HMAC's number is the same */
	if (is_mac)
		rig_in(&record, 0, inline_bytes, key, sizeof(key));
	rig_in(&record, is_mac ? 1 : 0, inline_bytes, message, length);
	rig_out(&record, is_mac ? 2 : 1, ORACLE_DIGEST_SIZE);
	rig_send(peer->fd, &record, -1);
}

static void cancel(struct peer *peer, unsigned number)
{
	const struct record record = {.header = {.type = RECORD_CANCEL, .op_id = number + 1}};

	peer->requests[number].cancelled = true;
	rig_send(peer->fd, &record, -1);
}

static void leave(struct peer *peer)
{
	close(peer->fd);
	peer->fd = -1;
}

static bool is_right(const struct request *request, const struct record *answer)
{
	uint8_t expected[ORACLE_DIGEST_SIZE];

	if (request->cancelled && rig_status(answer) == -PLUTON_ECANCEL)
		return true;
	if (request->is_mac)
		oracle_hmac(key, message, request->length, expected);
	else
		oracle_digest(message, request->length, expected);
	return rig_status(answer) == 0 && answer->upcall.output_length == sizeof(expected) &&
	       memcmp(answer->upcall.output, expected, sizeof(expected)) == 0;
}

/* Of one kind and not cancelled, in the order in which they were asked for. */
static void take_answer(struct peer *peer, const struct record *answer)
{
	unsigned number = answer->header.op_id;
	struct request *request = &peer->requests[number - 1];
	unsigned *last = &peer->last[request->is_mac];

	if (answer->header.type != RECORD_UPCALL) /* to a cancel of what is over already */
		return;
	CU_ASSERT_FATAL(number >= 1 && number <= peer->sent && !request->answered);
	request->answered = true;
	peer->answered++;
	CU_ASSERT(is_right(request, answer));
	if (request->cancelled)
		return;
	CU_ASSERT(number > *last);
	*last = number;
}

static void take_answers(struct peer *peer)
{
	struct record answer;
	ssize_t n;

	while ((n = recv(peer->fd, rig.received, sizeof(rig.received), MSG_DONTWAIT)) > 0) {
		CU_ASSERT_EQUAL_FATAL(record_decode(rig.received, (size_t)n, &answer), 0);
		take_answer(peer, &answer);
	}
}

static bool all_is_done(void)
{
	for (unsigned i = 0; i < PEERS; i++) {
		if (peers[i].fd >= 0 && peers[i].answered < peers[i].sent)
			return false;
	}
	return is_idle(&storage) && is_idle(&deriver);
}

static void pass(void)
{
	rig_turn(&rig);
	for (unsigned i = 0; i < PEERS; i++) {
		if (peers[i].fd >= 0)
			take_answers(&peers[i]);
	}
}

static void finish_all(void)
{
	unsigned passes = 0;

	while (!all_is_done() && passes++ < PASSES_MAX)
		pass();
	CU_ASSERT(all_is_done());
	CU_ASSERT_EQUAL(storage.wrong, 0);
	CU_ASSERT_EQUAL(deriver.wrong, 0);
	for (unsigned i = 0; i < PEERS; i++) {
		if (peers[i].fd >= 0)
			leave(&peers[i]);
	}
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig.kernel->pool.taken, 0);
}

static void close_all(void)
{
	stack_close(&stack);
	rig_close(&rig);
}

/* --- all at once ----------------------------------------------------------------------------- */

static void ask_for_everything(void)
{
	for (unsigned n = 0; n < REQUESTS; n++) {
		for (unsigned i = 0; i < PEERS; i++)
			ask(&peers[i], (n + i) % 2, (uint16_t)(1 + 31 * n + i));
	}
}

static void test_one_engine_serves_hashes_macs_keys_and_storage_in_turn(void)
{
	open_all(100, PEERS);
	background_begin(&storage, HIL_DIGEST, 100);
	background_begin(&deriver, HIL_KDF, 5);
	ask_for_everything();
	finish_all();
	CU_ASSERT_EQUAL(storage.done, 100);
	CU_ASSERT_EQUAL(deriver.done, 5);
	/* two turns for a MAC; HKDF of three blocks is four MACs, the first of a salt of zeros */
	CU_ASSERT_EQUAL(stack.parties.now, 100 + 5 * 8 + PEERS * REQUESTS * 3 / 2);
	CU_ASSERT(stack.contended >= 120);
	close_all();
}

/* Who has nothing to do with HMAC has no fewer turns because of those who have. */
static void test_many_macs_leave_every_other_party_its_share(void)
{
	open_all(100, PEERS);
	background_begin(&storage, HIL_DIGEST, 60);
	background_begin(&deriver, HIL_KDF, 0);
	for (unsigned n = 0; n < REQUESTS; n++) {
		for (unsigned i = 1; i < PEERS; i++)
			ask(&peers[i], true, 300);
		ask(&peers[0], false, (uint16_t)(1 + n));
	}
	for (unsigned passes = 0; peers[0].answered < REQUESTS && passes < PASSES_MAX; passes++)
		pass();
	/* each of its turns waits for one of storage's and one of all the MACs together */
	CU_ASSERT(stack.parties.now <= 3 * (REQUESTS + 1));
	CU_ASSERT(stack.parties.turns[storage.owner.party] <= REQUESTS + 1);
	finish_all();
	close_all();
}

/* --- in the middle --------------------------------------------------------------------------- */

/* Half of the programs go after so many passes; what is under way for them ends into nothing. */
static void die_after(unsigned passes)
{
	open_all(100, PEERS);
	background_begin(&storage, HIL_DIGEST, 40);
	background_begin(&deriver, HIL_KDF, 4);
	ask_for_everything();
	for (unsigned i = 0; i < passes; i++)
		pass();
	for (unsigned i = 0; i < PEERS; i += 2)
		leave(&peers[i]);
	finish_all();
	close_all();
}

static void test_owners_that_die_at_any_time_leave_the_others_their_turns(void)
{
	for (unsigned passes = 0; passes < 12; passes++)
		die_after(passes);
}

static void cancel_after(unsigned passes)
{
	open_all(100, PEERS);
	background_begin(&storage, HIL_DIGEST, 40);
	background_begin(&deriver, HIL_KDF, 4);
	ask_for_everything();
	for (unsigned i = 0; i < passes; i++)
		pass();
	for (unsigned i = 0; i < PEERS; i++) {
		for (unsigned n = i % 3; n < REQUESTS; n += 3)
			cancel(&peers[i], n);
	}
	if (deriver.under_way)
		CU_ASSERT_EQUAL(kdf_engine()->ops->cancel(kdf_engine(), &deriver.kdf), 0);
	finish_all();
	close_all();
}

static void test_what_is_cancelled_at_any_time_leaves_the_others_their_turns(void)
{
	for (unsigned passes = 0; passes < 12; passes++)
		cancel_after(passes);
}

/* --- at random ------------------------------------------------------------------------------- */

static uint32_t random_state;

static unsigned pick(unsigned below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % below;
}

static void do_something(void)
{
	struct peer *peer = &peers[pick(PEERS)];
	unsigned what = pick(20);

	if (peer->fd < 0) {
		if (what < 5)
			*peer = (struct peer){.fd = rig_connect(&rig)};
		return;
	}
	if (what == 0)
		leave(peer);
	else if (what < 3 && peer->sent > 0)
		cancel(peer, pick(peer->sent));
	else if (what < 4 && deriver.under_way)
		kdf_engine()->ops->cancel(kdf_engine(), &deriver.kdf);
	else if (what < 14 && peer->sent < REQUESTS)
		ask(peer, pick(2), (uint16_t)(1 + pick(LENGTH_MAX)));
	else
		pass();
}

static void play(uint32_t seed)
{
	random_state = seed;
	open_all(16 + pick(500), pick(PEERS + 1));
	background_begin(&storage, HIL_DIGEST, pick(60));
	background_begin(&deriver, HIL_KDF, pick(6));
	for (unsigned i = pick(400); i > 0; i--)
		do_something();
	finish_all();
	close_all();
}

static uint32_t number_of(const char *variable, uint32_t otherwise)
{
	const char *text = getenv(variable);

	return text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

static void test_any_mixture_of_all_that_is_served_in_turn(void)
{
	uint32_t first = number_of("PLUTON_CONTENTION_SEED", 1) * 100000u;
	uint32_t rounds = number_of("PLUTON_CONTENTION_ROUNDS", 40);

	for (uint32_t seed = first; seed < first + rounds; seed++) {
		unsigned before = CU_get_number_of_failures();

		play(seed);
		if (CU_get_number_of_failures() != before) {
			printf("# PLUTON_CONTENTION_SEED, times 100000, plus round: %u\n", seed);
			return;
		}
	}
}

static const struct test tests[] = {
	TEST(test_one_engine_serves_hashes_macs_keys_and_storage_in_turn),
	TEST(test_many_macs_leave_every_other_party_its_share),
	TEST(test_owners_that_die_at_any_time_leave_the_others_their_turns),
	TEST(test_what_is_cancelled_at_any_time_leaves_the_others_their_turns),
	TEST(test_any_mixture_of_all_that_is_served_in_turn),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "contention", tests, TESTS_COUNT(tests));
}
