/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many processes at once on one daemon: each gets its own answers, in turn, whatever another one
 * does: dies, takes all the memory there is, or floods.
 *
 * Nothing here looks at a clock; where something must happen soon, passes of the loop are counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hil/aes.h"
#include "hil/digest.h"
#include "tests/integration/forced.h"
#include "tests/integration/oracle.h"
#include "tests/integration/wire.h"
#include "tests/suite.h"

#define PEERS 200u
#define MESSAGE_SIZE 300u
#define LONG (256u * 1024)

enum { KEY, IV, AAD, INPUT, OUTPUT, TAG }; /* slots of aes */
enum { AES_WHOLE_ENCRYPT = 1, AES_WHOLE_DECRYPT, AES_BEGIN, AES_UPDATE, AES_FINISH };
enum { DIGEST_WHOLE = 1, DIGEST_BEGIN, DIGEST_UPDATE, DIGEST_FINISH };

/* --- peers, each with a message of its own --------------------------------------------------- */

struct peer {
	int fd;
	unsigned phase;
	uint32_t stream;
	struct oracle_gcm gcm;
	uint8_t counter[ORACLE_BLOCK_SIZE];
	uint8_t message[MESSAGE_SIZE];
	uint8_t sealed[MESSAGE_SIZE]; /* by GCM */
	uint8_t streamed[MESSAGE_SIZE];
	uint8_t digest[ORACLE_DIGEST_SIZE];
};

static void make_peer(struct rig *rig, struct peer *peer, uint32_t number)
{
	*peer = (struct peer){.fd = rig_connect(rig), .gcm = {.aad_length = 20}};
	oracle_fill(peer->message, MESSAGE_SIZE, number);
	oracle_fill(peer->gcm.key, ORACLE_KEY_SIZE, number + 1000);
	oracle_fill(peer->gcm.iv, ORACLE_IV_SIZE, number + 2000);
	oracle_fill(peer->gcm.aad, peer->gcm.aad_length, number + 3000);
	oracle_fill(peer->counter, ORACLE_BLOCK_SIZE, number + 4000);
	oracle_gcm_encrypt(&peer->gcm, peer->message, MESSAGE_SIZE, peer->sealed);
	oracle_ctr(peer->gcm.key, peer->counter, peer->message, MESSAGE_SIZE, peer->streamed);
	oracle_digest(peer->message, MESSAGE_SIZE, peer->digest);
}

/* --- what a peer does, one request after the other ------------------------------------------- */

/* The sender fills in the record, whose inline bytes go to the buffer. */
struct phase {
	void (*ask)(const struct peer *peer, struct record *record, uint8_t *inline_bytes);
	bool (*is_right)(struct peer *peer, const struct record_upcall *answer);
};

static bool opens_stream(struct peer *peer, const struct record_upcall *answer)
{
	peer->stream = answer->words[1];
	return true;
}

static bool is_digest(struct peer *peer, const struct record_upcall *answer)
{
	return answer->output_length == ORACLE_DIGEST_SIZE &&
	       memcmp(answer->output, peer->digest, ORACLE_DIGEST_SIZE) == 0;
}

static bool is_sealed(struct peer *peer, const struct record_upcall *answer)
{
	return answer->output_length == MESSAGE_SIZE + ORACLE_TAG_SIZE &&
	       memcmp(answer->output, peer->sealed, MESSAGE_SIZE) == 0 &&
	       memcmp(answer->output + MESSAGE_SIZE, peer->gcm.tag, ORACLE_TAG_SIZE) == 0;
}

static bool is_sealed_part(struct peer *peer, const struct record_upcall *answer)
{
	return answer->output_length == MESSAGE_SIZE &&
	       memcmp(answer->output, peer->sealed, MESSAGE_SIZE) == 0;
}

static bool is_tag(struct peer *peer, const struct record_upcall *answer)
{
	return answer->output_length == ORACLE_TAG_SIZE &&
	       memcmp(answer->output, peer->gcm.tag, ORACLE_TAG_SIZE) == 0;
}

static bool is_message(struct peer *peer, const struct record_upcall *answer)
{
	return answer->output_length == MESSAGE_SIZE &&
	       memcmp(answer->output, peer->message, MESSAGE_SIZE) == 0;
}

static bool is_streamed(struct peer *peer, const struct record_upcall *answer)
{
	return answer->output_length == MESSAGE_SIZE &&
	       memcmp(answer->output, peer->streamed, MESSAGE_SIZE) == 0;
}

static void ask_digest(const struct peer *peer, struct record *record, uint8_t *inline_bytes)
{
	*record = rig_operation(1, RIG_DIGEST, DIGEST_WHOLE);
	record->operation.words[0] = DIGEST_SHA256;
	rig_in(record, 0, inline_bytes, peer->message, MESSAGE_SIZE);
	rig_out(record, 1, ORACLE_DIGEST_SIZE);
}

static void ask_digest_begin(const struct peer *peer, struct record *record, uint8_t *inline_bytes)
{
	(void)peer;
	(void)inline_bytes;
	*record = rig_operation(2, RIG_DIGEST, DIGEST_BEGIN);
	record->operation.words[0] = DIGEST_SHA256;
}

/* 100 bytes, then the rest. */
static void ask_digest_first(const struct peer *peer, struct record *record, uint8_t *inline_bytes)
{
	*record = rig_operation(3, RIG_DIGEST, DIGEST_UPDATE);
	record->operation.words[0] = peer->stream;
	rig_in(record, 0, inline_bytes, peer->message, 100);
}

static void ask_digest_rest(const struct peer *peer, struct record *record, uint8_t *inline_bytes)
{
	*record = rig_operation(3, RIG_DIGEST, DIGEST_UPDATE);
	record->operation.words[0] = peer->stream;
	rig_in(record, 0, inline_bytes, peer->message + 100, MESSAGE_SIZE - 100);
}

static void ask_digest_finish(const struct peer *peer, struct record *record, uint8_t *inline_bytes)
{
	(void)inline_bytes;
	*record = rig_operation(4, RIG_DIGEST, DIGEST_FINISH);
	record->operation.words[0] = peer->stream;
	rig_out(record, 1, ORACLE_DIGEST_SIZE);
}

static void put_gcm_head(const struct peer *peer, struct record *record, uint8_t *inline_bytes)
{
	record->operation.words[0] = AES_GCM;
	rig_in(record, KEY, inline_bytes, peer->gcm.key, ORACLE_KEY_SIZE);
	rig_in(record, IV, inline_bytes, peer->gcm.iv, ORACLE_IV_SIZE);
	rig_in(record, AAD, inline_bytes, peer->gcm.aad, (uint16_t)peer->gcm.aad_length);
}

static void ask_gcm(const struct peer *peer, struct record *record, uint8_t *inline_bytes)
{
	*record = rig_operation(5, RIG_AES, AES_WHOLE_ENCRYPT);
	put_gcm_head(peer, record, inline_bytes);
	rig_in(record, INPUT, inline_bytes, peer->message, MESSAGE_SIZE);
	rig_out(record, OUTPUT, MESSAGE_SIZE);
	rig_out(record, TAG, ORACLE_TAG_SIZE);
}

static void ask_gcm_decrypt(const struct peer *peer, struct record *record, uint8_t *inline_bytes)
{
	*record = rig_operation(6, RIG_AES, AES_WHOLE_DECRYPT);
	put_gcm_head(peer, record, inline_bytes);
	rig_in(record, INPUT, inline_bytes, peer->sealed, MESSAGE_SIZE);
	rig_in(record, TAG, inline_bytes, peer->gcm.tag, ORACLE_TAG_SIZE);
	rig_out(record, OUTPUT, MESSAGE_SIZE);
}

static void ask_gcm_begin(const struct peer *peer, struct record *record, uint8_t *inline_bytes)
{
	*record = rig_operation(7, RIG_AES, AES_BEGIN);
	put_gcm_head(peer, record, inline_bytes);
	record->operation.words[1] = AES_ENCRYPT;
}

static void ask_gcm_update(const struct peer *peer, struct record *record, uint8_t *inline_bytes)
{
	*record = rig_operation(8, RIG_AES, AES_UPDATE);
	record->operation.words[0] = peer->stream;
	rig_in(record, INPUT, inline_bytes, peer->message, MESSAGE_SIZE);
	rig_out(record, OUTPUT, MESSAGE_SIZE);
}

static void ask_gcm_finish(const struct peer *peer, struct record *record, uint8_t *inline_bytes)
{
	(void)inline_bytes;
	*record = rig_operation(9, RIG_AES, AES_FINISH);
	record->operation.words[0] = peer->stream;
	rig_out(record, TAG, ORACLE_TAG_SIZE);
}

static void ask_ctr(const struct peer *peer, struct record *record, uint8_t *inline_bytes)
{
	*record = rig_operation(10, RIG_AES, AES_WHOLE_ENCRYPT);
	record->operation.words[0] = AES_CTR;
	rig_in(record, KEY, inline_bytes, peer->gcm.key, ORACLE_KEY_SIZE);
	rig_in(record, IV, inline_bytes, peer->counter, ORACLE_BLOCK_SIZE);
	rig_in(record, INPUT, inline_bytes, peer->message, MESSAGE_SIZE);
	rig_out(record, OUTPUT, MESSAGE_SIZE);
}

static const struct phase phases[] = {
	{ask_digest, is_digest},	  {ask_digest_begin, opens_stream},
	{ask_digest_first, opens_stream}, {ask_gcm, is_sealed},
	{ask_digest_rest, opens_stream},  {ask_digest_finish, is_digest},
	{ask_gcm_begin, opens_stream},	  {ask_gcm_update, is_sealed_part},
	{ask_ctr, is_streamed},		  {ask_gcm_finish, is_tag},
	{ask_gcm_decrypt, is_message},
};
#define PHASES TESTS_COUNT(phases)

static void ask_next(const struct peer *peer)
{
	uint8_t inline_bytes[1024];
	struct record record;

	phases[peer->phase].ask(peer, &record, inline_bytes);
	rig_send(peer->fd, &record, -1);
}

static bool answered_right(struct rig *rig, struct peer *peer)
{
	struct record answer;

	return rig_receive(rig, peer->fd, &answer) && answer.header.type == RECORD_UPCALL &&
	       rig_status(&answer) == 0 && phases[peer->phase++].is_right(peer, &answer.upcall);
}

static bool has_nothing_more(int fd)
{
	return !rig_has_answer(fd);
}

/* What every process is charged with is what it has, counted block by block. */
static bool books_are_right(struct kernel *kernel)
{
	struct process_account account;
	size_t sum = 0;

	kernel_for_each_process (kernel, process) {
		process_measure(process, &account);
		if (account.taken != process->arena.taken)
			return false;
		sum += account.taken;
	}
	return sum == kernel->pool.taken;
}

/* Peers begin in different rounds, so that everything there is runs at the same time. */
static void play_all(struct rig *rig, struct peer *peers, unsigned count)
{
	for (unsigned round = 0; round < PHASES + 7; round++) {
		for (unsigned i = 0; i < count; i++) {
			if (round >= i % 7 && peers[i].phase < PHASES)
				ask_next(&peers[i]);
		}
		for (unsigned i = 0; i < count; i++) {
			if (round >= i % 7 && peers[i].phase < PHASES)
				CU_ASSERT(answered_right(rig, &peers[i]));
		}
		CU_ASSERT(books_are_right(rig->kernel));
	}
	rig_settle(rig);
	for (unsigned i = 0; i < count; i++) {
		CU_ASSERT_EQUAL(peers[i].phase, PHASES);
		CU_ASSERT(has_nothing_more(peers[i].fd));
	}
}

static void hang_up(struct rig *rig, struct peer *peers, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		close(peers[i].fd);
	rig_settle(rig);
	CU_ASSERT_EQUAL(rig->kernel->pool.taken, 0);
	CU_ASSERT_EQUAL(rig->kernel->pool.committed, 0);
}

static void test_200_processes_get_right_answers_exactly_once(void)
{
	static struct peer peers[PEERS];
	struct rig rig;

	rig_open(&rig, NULL);
	for (unsigned i = 0; i < PEERS; i++)
		make_peer(&rig, &peers[i], i);
	play_all(&rig, peers, PEERS);
	hang_up(&rig, peers, PEERS);
	rig_close(&rig);
}

/* --- turns ----------------------------------------------------------------------------------- */

#define QUEUERS 24u /* three times as many as an engine takes at once */
#define TURNS_EACH 4u

/* Watches one kind of event: nobody has two before another one, who waits all the while, has one.
 */
struct turns {
	enum kernel_step what;
	uint64_t now;
	unsigned unfair;
	unsigned given;
	struct {
		unsigned waiting;
		uint64_t since; /* it waits, or had its last turn and waits again */
		uint64_t last;	/* turn; 0: none yet */
	} of[QUEUERS + 2];
};

static void on_turn(void *context, enum kernel_step step, const struct step *about)
{
	struct turns *turns = context;
	uint32_t me = about->process.index;

	turns->now++;
	if (step == STEP_ENGINE_REQUESTED && turns->of[me].waiting++ == 0)
		turns->of[me].since = turns->now;
	if (step != turns->what)
		return;
	for (uint32_t i = 0; i < QUEUERS + 2; i++)
		turns->unfair += i != me && turns->of[me].last > 0 && turns->of[i].waiting > 0 &&
				 turns->of[i].since < turns->of[me].last;
	turns->of[me].waiting--;
	turns->of[me].last = turns->of[me].since = turns->now;
	turns->given++;
}

static uint32_t add_window(struct rig *rig, int fd, int memfd)
{
	const struct record add = {.header = {.type = RECORD_WINDOW_ADD}};
	struct record answer;

	rig_send(fd, &add, memfd);
	CU_ASSERT_FATAL(rig_receive(rig, fd, &answer));
	CU_ASSERT_EQUAL_FATAL(rig_status(&answer), 0);
	return answer.ret.words[0];
}

/* A long message that all may read, and its digest. */
struct reading {
	int memfd;
	uint8_t digest[ORACLE_DIGEST_SIZE];
};

static void open_reading(struct reading *reading)
{
	uint8_t *message = malloc(LONG);

	if (!message)
		abort();
	oracle_fill(message, LONG, 5);
	oracle_digest(message, LONG, reading->digest);
	reading->memfd = wire_sealed(message, LONG);
	free(message);
}

static int connect_reader(struct rig *rig, const struct reading *reading)
{
	int fd = rig_connect(rig);

	CU_ASSERT_EQUAL(add_window(rig, fd, reading->memfd), 1);
	return fd;
}

static void ask_long(int fd, uint32_t op_id)
{
	struct record record = rig_operation(op_id, RIG_DIGEST, DIGEST_WHOLE);

	record.operation.words[0] = DIGEST_SHA256;
	rig_range(&record, 0, 1, 0, LONG);
	rig_out(&record, 1, ORACLE_DIGEST_SIZE);
	rig_send(fd, &record, -1);
}

static bool answered_long(struct rig *rig, int fd, const struct reading *reading)
{
	struct record answer;

	return rig_receive(rig, fd, &answer) && answer.header.type == RECORD_UPCALL &&
	       rig_status(&answer) == 0 &&
	       memcmp(answer.upcall.output, reading->digest, ORACLE_DIGEST_SIZE) == 0;
}

static void queue_up(struct rig *rig, struct turns *turns)
{
	struct reading reading;
	int fds[QUEUERS];

	open_reading(&reading);
	for (unsigned i = 0; i < QUEUERS; i++)
		fds[i] = connect_reader(rig, &reading);
	rig->kernel->step = (struct step_hook){on_turn, turns};
	for (unsigned i = 0; i < QUEUERS; i++) {
		for (uint32_t n = 0; n < TURNS_EACH; n++)
			ask_long(fds[i], 1 + n);
	}
	for (unsigned i = 0; i < QUEUERS; i++) /* all ask before anybody has a turn */
		rig_hear(rig, fds[i]);
	for (unsigned i = 0; i < QUEUERS; i++) {
		for (uint32_t n = 0; n < TURNS_EACH; n++)
			CU_ASSERT(answered_long(rig, fds[i], &reading));
	}
	rig->kernel->step = (struct step_hook){0};
	CU_ASSERT_EQUAL(turns->given, QUEUERS * TURNS_EACH);
	CU_ASSERT_EQUAL(turns->unfair, 0);
	for (unsigned i = 0; i < QUEUERS; i++)
		close(fds[i]);
	close(reading.memfd);
	rig_settle(rig);
}

static void test_engines_are_granted_in_turn(void)
{
	struct turns turns = {.what = STEP_ENGINE_GRANTED};
	struct rig rig;

	rig_open(&rig, NULL);
	queue_up(&rig, &turns);
	rig_close(&rig);
}

/* Sliced, equally long operations end in the order in which they began. */
static void test_long_operations_end_in_turn(void)
{
	struct turns turns = {.what = STEP_OPERATION_DONE};
	struct forced forced;
	struct rig rig;

	rig_open(&rig, NULL);
	forced_open(&forced, &rig, OPENSSL_EXECUTION_SLICED);
	queue_up(&rig, &turns);
	forced_close(&forced);
	rig_close(&rig);
}

/* One with a hundred requests under way waits behind one with a single request only once. */
static void test_the_busiest_process_gets_one_turn_at_a_time(void)
{
	static const char *const settings[] = {"kernel.operations_per_process=64", NULL};
	struct turns turns = {.what = STEP_ENGINE_GRANTED};
	struct reading reading;
	struct rig rig;
	int busy, other;

	rig_open(&rig, settings);
	open_reading(&reading);
	busy = connect_reader(&rig, &reading);
	other = connect_reader(&rig, &reading);
	rig.kernel->step = (struct step_hook){on_turn, &turns};
	for (uint32_t n = 0; n < 60; n++)
		ask_long(busy, 1 + n);
	for (uint32_t n = 0; n < 20; n++) {
		ask_long(other, 1);
		CU_ASSERT(answered_long(&rig, other, &reading));
	}
	CU_ASSERT_EQUAL(turns.unfair, 0);
	rig.kernel->step = (struct step_hook){0};
	close(busy);
	close(other);
	close(reading.memfd);
	rig_settle(&rig);
	rig_close(&rig);
}

/* --- death under way ------------------------------------------------------------------------- */

#define HOLDERS 4u	 /* what an engine takes of one user at once */
#define PASSES_MAX 1000u /* of the loop, long before the work is done */

static unsigned holders(const struct forced *forced)
{
	return forced->arbiters[HIL_DIGEST].holders;
}

/* A pass runs as many deferred calls as its time allows, so how many it takes is not known. */
static void await_holders(struct rig *rig, const struct forced *forced)
{
	for (unsigned i = 0; i < PASSES_MAX && holders(forced) < HOLDERS; i++)
		rig_turn(rig);
	CU_ASSERT_EQUAL(holders(forced), HOLDERS);
}

/* All places at the engine are taken, one more waits, and `deaths` of the holders die. */
static void die_under_way(enum openssl_execution execution, unsigned deaths)
{
	struct forced forced;
	struct reading reading;
	struct rig rig;
	int fds[HOLDERS + 1];

	rig_open(&rig, NULL);
	forced_open(&forced, &rig, execution);
	open_reading(&reading);
	for (unsigned i = 0; i <= HOLDERS; i++)
		fds[i] = connect_reader(&rig, &reading);
	for (unsigned i = 0; i <= HOLDERS; i++)
		ask_long(fds[i], 1);
	if (execution == OPENSSL_EXECUTION_SLICED)
		await_holders(&rig, &forced);
	else /* a worker may be done with some before all are asked for */
		rig_turn(&rig);
	for (unsigned i = 0; i < deaths; i++)
		close(fds[i]);
	for (unsigned i = deaths; i <= HOLDERS; i++)
		CU_ASSERT(answered_long(&rig, fds[i], &reading));
	rig_settle(&rig);
	CU_ASSERT_EQUAL(holders(&forced), 0);
	CU_ASSERT_EQUAL(rig.kernel->processes, HOLDERS + 1 - deaths);
	for (unsigned i = deaths; i <= HOLDERS; i++)
		close(fds[i]);
	close(reading.memfd);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig.kernel->pool.taken, 0);
	forced_close(&forced);
	rig_close(&rig);
}

static void test_one_dying_under_way_frees_the_engine(void)
{
	die_under_way(OPENSSL_EXECUTION_SLICED, 1);
	die_under_way(OPENSSL_EXECUTION_WORKER, 1);
}

static void test_all_holders_dying_under_way_free_the_engine(void)
{
	die_under_way(OPENSSL_EXECUTION_SLICED, HOLDERS);
	die_under_way(OPENSSL_EXECUTION_WORKER, HOLDERS);
}

/* --- one that takes all the memory ----------------------------------------------------------- */

#define VICTIMS 20u

/* The pool is small, and a process's limit above it: only the promises stand in the way. */
static const char *const small_pool[] = {"kernel.pool=256K", "kernel.arena_limit=1M",
					 "kernel.operations_per_process=64",
					 "kernel.grants_per_capsule=64", NULL};

/* Opens streams until the daemon has no more for it; the status that ended it. */
static int open_all(struct rig *rig, const struct peer *hog, uint32_t driver, unsigned *opened)
{
	uint8_t inline_bytes[1024];
	struct record record;
	int status = 0;

	while (status == 0) {
		if (driver == RIG_AES)
			ask_gcm_begin(hog, &record, inline_bytes);
		else
			ask_digest_begin(hog, &record, inline_bytes);
		record.header.op_id = 1;
		status = rig_perform(rig, hog->fd, &record, NULL);
		*opened += status == 0;
	}
	return status;
}

/* Leaves its answers unread until there is no operation left for it, or no memory. */
static void hoard_answers(struct rig *rig, const struct peer *hog)
{
	uint8_t inline_bytes[1024];
	struct record record;

	for (uint32_t i = 0; i < 80; i++) {
		ask_gcm(hog, &record, inline_bytes);
		record.header.op_id = 100 + i;
		rig_send(hog->fd, &record, -1);
		rig_turn(rig);
	}
	rig_settle(rig);
}

static void take_all(struct rig *rig, const struct peer *hog, int memfd)
{
	const struct record add = {.header = {.type = RECORD_WINDOW_ADD}};
	struct record answer;
	unsigned opened = 0;
	int status = 0;

	while (status == 0) {
		rig_send(hog->fd, &add, memfd);
		CU_ASSERT_FATAL(rig_receive(rig, hog->fd, &answer));
		status = rig_status(&answer);
	}
	CU_ASSERT_EQUAL(status, -PLUTON_EBUSY);
	status = open_all(rig, hog, RIG_AES, &opened);
	CU_ASSERT(status == -PLUTON_ENOMEM || status == -PLUTON_EBUSY);
	status = open_all(rig, hog, RIG_DIGEST, &opened);
	CU_ASSERT(status == -PLUTON_ENOMEM || status == -PLUTON_EBUSY);
	CU_ASSERT(opened > 64);
	hoard_answers(rig, hog);
}

/* A peer whose answers pile up in the daemon soon, not in the socket. */
static void make_narrow_peer(struct rig *rig, struct peer *peer, uint32_t number)
{
	const struct record hello = {.header = {.type = RECORD_HELLO},
				     .hello = {.version = RECORD_VERSION}};
	const int smallest = 1;
	struct record answer;
	struct wire wire;
	int daemon_end;

	make_peer(rig, peer, number);
	close(peer->fd);
	rig_settle(rig);
	wire_open(&wire, &daemon_end);
	setsockopt(daemon_end, SOL_SOCKET, SO_SNDBUF, &smallest, sizeof(smallest));
	CU_ASSERT_EQUAL_FATAL(channel_adopt(&rig->machine->channel, daemon_end), 0);
	peer->fd = wire.fd;
	rig_send(peer->fd, &hello, -1);
	CU_ASSERT_FATAL(rig_receive(rig, peer->fd, &answer));
}

static void test_one_taking_all_memory_leaves_every_promise(void)
{
	static struct peer victims[VICTIMS], hog;
	uint8_t *memory;
	int memfd = wire_memory(4096, &memory);
	struct rig rig;

	rig_open(&rig, small_pool);
	for (unsigned i = 0; i < VICTIMS; i++)
		make_peer(&rig, &victims[i], i);
	make_narrow_peer(&rig, &hog, 1000);
	take_all(&rig, &hog, memfd);
	CU_ASSERT(rig.kernel->pool.committed > rig.kernel->pool.size - 2048);
	CU_ASSERT_EQUAL(machine_connect(rig.machine), -1); /* one more cannot be promised enough */
	play_all(&rig, victims, VICTIMS);
	CU_ASSERT_EQUAL(rig.kernel->processes, VICTIMS + 1);
	close(hog.fd);
	rig_settle(&rig);
	CU_ASSERT_EQUAL(rig.kernel->pool.committed, VICTIMS * rig.kernel->limits.arena_min);
	hang_up(&rig, victims, VICTIMS);
	munmap(memory, 4096);
	close(memfd);
	rig_close(&rig);
}

/* --- floods ---------------------------------------------------------------------------------- */

#define FLOODERS 10u
#define FLOODED_PASSES 20u /* that a flood may cost a request; see flood() */

/* As much as the socket or the ring takes. */
static void pour(const struct peer *flooder, uint32_t *op_id)
{
	uint8_t inline_bytes[1024];
	struct record record;

	do {
		ask_gcm(flooder, &record, inline_bytes);
		record.header.op_id = ++*op_id;
	} while (rig_try_send(flooder->fd, &record));
}

static void drain(const struct peer *flooder)
{
	uint8_t bytes[RECORD_SIZE_MAX];

	while (rig_take(flooder->fd, bytes, sizeof(bytes)) > 0)
		continue;
}

/* Passes of the loop from a peer's request to its answer. */
static unsigned passes_for_all_phases(struct rig *rig, struct peer *peer, struct peer *flooders,
				      unsigned flooder_count, bool drains)
{
	uint32_t op_id = 1000;
	unsigned most = 0;

	while (peer->phase < PHASES) {
		unsigned passes = 0;

		ask_next(peer);
		for (; !rig_has_answer(peer->fd) && passes < 10000; passes++) {
			for (unsigned i = 0; i < flooder_count; i++) {
				pour(&flooders[i], &op_id);
				if (drains)
					drain(&flooders[i]);
			}
			rig_turn(rig);
		}
		CU_ASSERT(answered_right(rig, peer));
		most = passes > most ? passes : most;
	}
	return most;
}

/*
 * Per pass, every flooder gets 16 records in, has 16 operations at most, and has one turn at the
 * engine for one turn of the peer: what stands in front of a request is a few hundred deferred
 * calls, 64 of them in a pass.
 */
static void flood(bool drains)
{
	static struct peer flooders[FLOODERS], peer;
	unsigned quiet, flooded;
	struct rig rig;

	rig_open(&rig, NULL);
	for (unsigned i = 0; i < FLOODERS; i++)
		make_peer(&rig, &flooders[i], i);
	make_peer(&rig, &peer, 77);
	quiet = passes_for_all_phases(&rig, &peer, NULL, 0, false);
	for (unsigned i = 0; i < 20; i++) {
		peer.phase = 0;
		flooded = passes_for_all_phases(&rig, &peer, flooders, FLOODERS, drains);
		CU_ASSERT(flooded <= quiet + FLOODED_PASSES);
	}
	/* Who does not read is soon not read: sooner where answers wait in a ring. */
	CU_ASSERT(rig.kernel->counters.operations + rig.kernel->counters.refusals >
		  (drains || !rig_rings_wanted() ? 2000 : 200));
	close(peer.fd);
	hang_up(&rig, flooders, FLOODERS);
	rig_close(&rig);
}

static void test_floods_that_never_read_stop_nobody(void)
{
	flood(false);
}

static void test_floods_that_read_stop_nobody(void)
{
	flood(true);
}

static const struct test tests[] = {
	TEST(test_200_processes_get_right_answers_exactly_once),
	TEST(test_engines_are_granted_in_turn),
	TEST(test_long_operations_end_in_turn),
	TEST(test_the_busiest_process_gets_one_turn_at_a_time),
	TEST(test_one_dying_under_way_frees_the_engine),
	TEST(test_all_holders_dying_under_way_free_the_engine),
	TEST(test_one_taking_all_memory_leaves_every_promise),
	TEST(test_floods_that_never_read_stop_nobody),
	TEST(test_floods_that_read_stop_nobody),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "sharing", tests, TESTS_COUNT(tests));
}
