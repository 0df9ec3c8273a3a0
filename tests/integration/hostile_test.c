/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process changes what it shares while the daemon works on it: after the k-th access or the k-th
 * turn of the loop, for every k until the operation ends before. What comes out is always the
 * answer to one message that the process did have there, and no plaintext leaves before its tag
 * was checked.
 *
 * hostile_threads_test.c does the same with threads and no plan.
 */
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
#include "tests/rig.h"
#include "tests/suite.h"

#define LENGTH_MAX (160u * 1024)
#define SCRATCH (64u * 1024) /* hil.aead_scratch */
#define CANARY 0xa5
#define MASK 0x10 /* the bit that is flipped */

/* The window. */
enum {
	AT_KEY = 0,
	AT_IV = 64,
	AT_TAG = 128,
	AT_DIGEST = 192,
	AT_AAD = 256,
	AT_INPUT = 4096,
	AT_OUTPUT = AT_INPUT + LENGTH_MAX,
	AT_ELSEWHERE = AT_OUTPUT + LENGTH_MAX,
	WINDOW_SIZE = AT_ELSEWHERE + LENGTH_MAX,
};
enum { AAD_SIZE = 100 };
enum { KEY, IV, AAD, INPUT, OUTPUT, TAG }; /* slots of aes */
enum kind { GCM_DECRYPT, GCM_ENCRYPT, CTR, DIGEST };

/* --- the stage ------------------------------------------------------------------------------- */

/* What a hostile process has: a connection and a window, and a private copy to fill it from. */
struct stage {
	struct rig rig;
	struct forced forced;
	int fd;
	uint32_t window;
	uint32_t input_window; /* for all input; 0: it is in the other one */
	uint8_t *memory;
	uint8_t *before; /* what the window is filled with for each run */
	uint8_t *expected;
	uint8_t *scrap;
	int memfd;
	const struct record *behind; /* sent right behind every operation; NULL */
	int behind_status;	     /* what the daemon said to that */
	/* the change */
	size_t at; /* which byte */
	unsigned after;
	unsigned accesses;
	bool done;
};

static uint8_t *allocate(size_t size)
{
	uint8_t *bytes = malloc(size);

	if (!bytes)
		abort();
	return bytes;
}

static uint32_t add_window(struct stage *stage, int memfd)
{
	const struct record add = {.header = {.type = RECORD_WINDOW_ADD}};
	struct record answer;

	rig_send(stage->fd, &add, memfd);
	CU_ASSERT_FATAL(rig_receive(&stage->rig, stage->fd, &answer));
	CU_ASSERT_EQUAL_FATAL(rig_status(&answer), 0);
	return answer.ret.words[0];
}

/* Which may be gone already. */
static void remove_window(struct stage *stage, uint32_t number)
{
	const struct record take_away = {.header = {.type = RECORD_WINDOW_REMOVE},
					 .window = {.window = number}};
	struct record answer;

	rig_send(stage->fd, &take_away, -1);
	CU_ASSERT_FATAL(rig_receive(&stage->rig, stage->fd, &answer));
	CU_ASSERT(rig_status(&answer) == 0 || rig_status(&answer) == -PLUTON_EINVAL);
}

static bool everybody_waits(void *context)
{
	(void)context;
	return true;
}

static void open_stage(struct stage *stage, enum openssl_execution execution)
{
	static const char *const settings[] = {"kernel.deferred_budget=1", "hil.aead_scratch=64K",
					       NULL};

	memset(stage, 0, sizeof(*stage));
	rig_open(&stage->rig, settings);
	if (execution == OPENSSL_EXECUTION_AUTO) /* then it takes both ways, by length */
		stage->rig.machine->engines.environment.others_wait = everybody_waits;
	forced_open(&stage->forced, &stage->rig, execution);
	stage->fd = rig_connect(&stage->rig);
	stage->memfd = wire_memory(WINDOW_SIZE, &stage->memory);
	stage->window = add_window(stage, stage->memfd);
	stage->before = allocate(WINDOW_SIZE);
	stage->expected = allocate(LENGTH_MAX);
	stage->scrap = allocate(LENGTH_MAX);
}

static void close_stage(struct stage *stage)
{
	close(stage->fd);
	rig_settle(&stage->rig);
	CU_ASSERT_EQUAL(stage->rig.kernel->pool.taken, 0);
	forced_close(&stage->forced);
	rig_close(&stage->rig);
	munmap(stage->memory, WINDOW_SIZE);
	close(stage->memfd);
	free(stage->before);
	free(stage->expected);
	free(stage->scrap);
}

static void flip(struct stage *stage)
{
	stage->memory[stage->at] ^= MASK;
	stage->done = true;
}

/* After the k-th access. */
static void on_step(void *context, enum kernel_step step, const struct step *about)
{
	struct stage *stage = context;

	(void)about;
	if (step != STEP_PULL && step != STEP_LEND && step != STEP_PUSH)
		return;
	if (++stage->accesses == stage->after)
		flip(stage);
}

/* --- requests -------------------------------------------------------------------------------- */

/* A message under a tag that fits, in `before`; plaintext or ciphertext is in its input. */
static void write_message(struct stage *stage, enum kind kind, size_t length)
{
	struct oracle_gcm gcm = {.aad_length = AAD_SIZE};
	uint8_t *before = stage->before;

	memset(before, CANARY, WINDOW_SIZE);
	oracle_fill(before, AT_INPUT + length, (uint32_t)length);
	if (kind != GCM_DECRYPT)
		return;
	memcpy(gcm.key, before + AT_KEY, sizeof(gcm.key));
	memcpy(gcm.iv, before + AT_IV, sizeof(gcm.iv));
	memcpy(gcm.aad, before + AT_AAD, AAD_SIZE);
	oracle_gcm_encrypt(&gcm, before + AT_INPUT, length, stage->scrap);
	memcpy(before + AT_INPUT, stage->scrap, length);
	memcpy(before + AT_TAG, gcm.tag, sizeof(gcm.tag));
}

static struct record request(const struct stage *stage, enum kind kind, size_t length)
{
	struct record record = rig_operation(1, kind == DIGEST ? RIG_DIGEST : RIG_AES,
					     kind == GCM_DECRYPT ? 2 : 1);
	uint32_t window = stage->window, size = (uint32_t)length;

	if (kind == DIGEST) {
		record.operation.words[0] = DIGEST_SHA256;
		rig_range(&record, 0, window, AT_INPUT, size);
		if (stage->input_window)
			rig_range(&record, 0, stage->input_window, 0, size);
		rig_range(&record, 1, window, AT_DIGEST, ORACLE_DIGEST_SIZE);
		return record;
	}
	record.operation.words[0] = kind == CTR ? AES_CTR : AES_GCM;
	rig_range(&record, KEY, window, AT_KEY, ORACLE_KEY_SIZE);
	rig_range(&record, IV, window, AT_IV, kind == CTR ? ORACLE_BLOCK_SIZE : ORACLE_IV_SIZE);
	rig_range(&record, INPUT, window, AT_INPUT, size);
	if (stage->input_window)
		rig_range(&record, INPUT, stage->input_window, 0, size);
	rig_range(&record, OUTPUT, window, AT_OUTPUT, size);
	if (kind != CTR) {
		rig_range(&record, AAD, window, AT_AAD, AAD_SIZE);
		rig_range(&record, TAG, window, AT_TAG, ORACLE_TAG_SIZE);
	}
	return record;
}

/* The operation's answer is there; what was sent behind it is answered too, and that is dropped. */
static bool answered(struct stage *stage, struct record *ret)
{
	uint8_t *received = stage->rig.received;
	ssize_t n;

	while ((n = rig_take(stage->fd, received, RECORD_SIZE_MAX)) > 0) {
		if (record_decode(received, (size_t)n, ret) < 0)
			return false;
		if (ret->header.type == RECORD_UPCALL || !stage->behind)
			return true;
		stage->behind_status = rig_status(ret);
	}
	return false;
}

/* One operation on what `before` says, with one change at some moment. Its status. */
static int run(struct stage *stage, const struct record *record, bool at_access, size_t at,
	       unsigned after)
{
	struct record answer;

	memcpy(stage->memory, stage->before, WINDOW_SIZE);
	stage->at = at;
	stage->after = after;
	stage->accesses = 0;
	stage->done = false;
	if (at_access)
		stage->rig.kernel->step = (struct step_hook){on_step, stage};
	rig_send(stage->fd, record, -1);
	if (stage->behind)
		rig_send(stage->fd, stage->behind, -1);
	for (unsigned turns = 1; !answered(stage, &answer); turns++) {
		if (turns == after && !at_access)
			flip(stage);
		rig_turn(&stage->rig);
	}
	stage->rig.kernel->step = (struct step_hook){0};
	return rig_status(&answer);
}

/* --- judges ---------------------------------------------------------------------------------- */

/* What the engine may have read: `before`, or that with the one bit changed. */
static const uint8_t *view(struct stage *stage, bool changed)
{
	if (changed)
		stage->before[stage->at] ^= MASK;
	return stage->before;
}

static void end_view(struct stage *stage, bool changed)
{
	if (changed)
		stage->before[stage->at] ^= MASK;
}

static struct oracle_gcm gcm_of(const uint8_t *seen)
{
	struct oracle_gcm gcm = {.aad_length = AAD_SIZE};

	memcpy(gcm.key, seen + AT_KEY, sizeof(gcm.key));
	memcpy(gcm.iv, seen + AT_IV, sizeof(gcm.iv));
	memcpy(gcm.aad, seen + AT_AAD, AAD_SIZE);
	memcpy(gcm.tag, seen + AT_TAG, sizeof(gcm.tag));
	return gcm;
}

static bool untouched(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != CANARY)
			return false;
	}
	return true;
}

static bool decrypted_as(struct stage *stage, const uint8_t *seen, size_t length)
{
	const struct oracle_gcm gcm = gcm_of(seen);

	return oracle_gcm_decrypt(&gcm, seen + AT_INPUT, length, stage->expected) &&
	       memcmp(stage->memory + AT_OUTPUT, stage->expected, length) == 0;
}

/*
 * Output that was changed behind the engine's back belongs to the message that would have been
 * encrypted to it: backends/openssl/aes_data.c says why that is another legal request.
 */
static bool encrypted_as(struct stage *stage, const uint8_t *seen, size_t length)
{
	struct oracle_gcm gcm = gcm_of(seen);
	size_t changed = stage->at - AT_OUTPUT;
	bool output_changed = stage->at >= AT_OUTPUT && changed < length;

	oracle_gcm_encrypt(&gcm, seen + AT_INPUT, length, stage->expected);
	if (output_changed && stage->memory[stage->at] != stage->expected[changed]) {
		memcpy(stage->scrap, seen + AT_INPUT, length);
		stage->expected[changed] ^= MASK;
		if (memcmp(stage->memory + AT_TAG, gcm.tag, sizeof(gcm.tag)) != 0) {
			stage->scrap[changed] ^= MASK;
			oracle_gcm_encrypt(&gcm, stage->scrap, length, stage->expected);
		}
	}
	return memcmp(stage->memory + AT_OUTPUT, stage->expected, length) == 0 &&
	       memcmp(stage->memory + AT_TAG, gcm.tag, sizeof(gcm.tag)) == 0;
}

static bool streamed_as(struct stage *stage, const uint8_t *seen, size_t length)
{
	oracle_ctr(seen + AT_KEY, seen + AT_IV, seen + AT_INPUT, length, stage->expected);
	if (stage->at >= AT_OUTPUT && stage->at < AT_OUTPUT + length)
		stage->expected[stage->at - AT_OUTPUT] = stage->memory[stage->at];
	return memcmp(stage->memory + AT_OUTPUT, stage->expected, length) == 0;
}

static bool digested_as(struct stage *stage, const uint8_t *seen, size_t length)
{
	oracle_digest(seen + AT_INPUT, length, stage->expected);
	return memcmp(stage->memory + AT_DIGEST, stage->expected, ORACLE_DIGEST_SIZE) == 0;
}

static bool matches(struct stage *stage, enum kind kind, const uint8_t *seen, size_t length)
{
	switch (kind) {
	case GCM_DECRYPT:
		return decrypted_as(stage, seen, length);
	case GCM_ENCRYPT:
		return encrypted_as(stage, seen, length);
	case CTR:
		return streamed_as(stage, seen, length);
	case DIGEST:
		return digested_as(stage, seen, length);
	}
	return false;
}

/* One of the two versions must explain the answer. */
static bool is_explained(struct stage *stage, enum kind kind, size_t length, int status)
{
	bool explained = false;

	if (status < 0)
		return kind == GCM_DECRYPT && untouched(stage->memory + AT_OUTPUT, length);
	for (int changed = 0; changed < 2 && !explained; changed++) {
		explained = matches(stage, kind, view(stage, changed), length);
		end_view(stage, changed);
	}
	return explained;
}

/* --- one flipped bit ------------------------------------------------------------------------- */

/* The bytes that are flipped, in each of the places that the kind of operation reads or writes. */
static size_t places_of(enum kind kind, size_t length, size_t ret[12])
{
	size_t count = 0;

	ret[count++] = AT_INPUT;
	ret[count++] = AT_INPUT + length / 2;
	ret[count++] = AT_INPUT + length - 1;
	if (kind == DIGEST)
		return count;
	ret[count++] = AT_KEY + 5;
	ret[count++] = AT_IV + 3;
	if (kind == GCM_DECRYPT || kind == GCM_ENCRYPT) {
		ret[count++] = AT_AAD;
		ret[count++] = AT_AAD + AAD_SIZE - 1;
	}
	if (kind == GCM_DECRYPT)
		ret[count++] = AT_TAG + 15;
	if (kind == GCM_ENCRYPT || kind == CTR) {
		ret[count++] = AT_OUTPUT;
		ret[count++] = AT_OUTPUT + length / 2;
	}
	return count;
}

/* For every k. In the last run the change comes too late: its status is the undisturbed one. */
static int flip_at_every_moment(struct stage *stage, enum kind kind, size_t length, bool at_access,
				size_t at)
{
	const struct record record = request(stage, kind, length);

	for (unsigned k = 1;; k++) {
		int status = run(stage, &record, at_access, at, k);

		CU_ASSERT(is_explained(stage, kind, length, status));
		if (!stage->done) {
			CU_ASSERT(k > 1);
			return status;
		}
	}
}

/* Valid to begin with; and invalid, to become valid under way. */
static void flip_everywhere(struct stage *stage, enum kind kind, size_t length, bool at_access)
{
	size_t places[12], count = places_of(kind, length, places);

	for (size_t i = 0; i < count; i++) {
		int status;

		write_message(stage, kind, length);
		status = flip_at_every_moment(stage, kind, length, at_access, places[i]);
		CU_ASSERT_EQUAL(status, 0);
		if (kind != GCM_DECRYPT)
			continue;
		stage->before[places[i]] ^= MASK;
		status = flip_at_every_moment(stage, kind, length, at_access, places[i]);
		CU_ASSERT(status == -PLUTON_EINVAL || stage->input_window);
	}
}

/* Below and above one chunk; and the longest that fits scratch, which a worker takes. */
static void flip_in_all_lengths(enum kind kind, enum openssl_execution execution)
{
	static const size_t lengths[] = {48, 5000, SCRATCH};
	struct stage stage;

	open_stage(&stage, execution);
	for (size_t i = 0; i < TESTS_COUNT(lengths); i++) {
		flip_everywhere(&stage, kind, lengths[i], true);
		flip_everywhere(&stage, kind, lengths[i], false);
	}
	close_stage(&stage);
}

/* --- sealed input ---------------------------------------------------------------------------- */

static void open_sealed_stage(struct stage *stage, enum openssl_execution execution)
{
	int memfd;

	open_stage(stage, execution);
	write_message(stage, GCM_DECRYPT, LENGTH_MAX);
	memfd = wire_sealed(stage->before + AT_INPUT, LENGTH_MAX);
	stage->input_window = add_window(stage, memfd);
	close(memfd);
}

/* Key, IV, tag and additional data can change, the input cannot. */
static void flip_around_sealed(enum openssl_execution execution)
{
	struct stage stage;

	open_sealed_stage(&stage, execution);
	flip_everywhere(&stage, GCM_DECRYPT, LENGTH_MAX, true);
	flip_everywhere(&stage, GCM_DECRYPT, LENGTH_MAX, false);
	close_stage(&stage);
}

/* The range is replaced, while the operation waits, by one with the same bytes that can change. */
static void flip_behind_sealed(enum openssl_execution execution)
{
	static const size_t places[] = {0, LENGTH_MAX / 2, LENGTH_MAX - 1};
	struct record swap;
	struct stage stage;

	open_sealed_stage(&stage, execution);
	swap = wire_call_record(1, RIG_AES, CLASS_ALLOW_RO, INPUT,
				(const uint32_t[4]){stage.window, AT_INPUT, LENGTH_MAX});
	stage.behind = &swap;
	for (size_t i = 0; i < TESTS_COUNT(places); i++) {
		flip_at_every_moment(&stage, GCM_DECRYPT, LENGTH_MAX, true, AT_INPUT + places[i]);
		flip_at_every_moment(&stage, GCM_DECRYPT, LENGTH_MAX, false, AT_INPUT + places[i]);
	}
	close_stage(&stage);
}

static void test_input_over_scratch_that_can_change_is_refused(void)
{
	struct record record;
	struct stage stage;

	open_stage(&stage, OPENSSL_EXECUTION_AUTO);
	write_message(&stage, GCM_DECRYPT, LENGTH_MAX);
	record = request(&stage, GCM_DECRYPT, LENGTH_MAX);
	CU_ASSERT_EQUAL(run(&stage, &record, true, AT_INPUT, 1), -PLUTON_ESIZE);
	CU_ASSERT_FALSE(stage.done);
	CU_ASSERT(untouched(stage.memory + AT_OUTPUT, LENGTH_MAX));
	close_stage(&stage);
}

/* --- ranges that are taken away or moved ----------------------------------------------------- */

static struct record allow(enum kind kind, bool output, uint32_t window, size_t at, size_t length)
{
	const uint32_t range[4] = {window, (uint32_t)at, (uint32_t)length};
	uint32_t slot = output ? OUTPUT : INPUT;

	if (kind == DIGEST)
		slot = output;
	return wire_call_record(1, kind == DIGEST ? RIG_DIGEST : RIG_AES,
				output ? CLASS_ALLOW_RW : CLASS_ALLOW_RO, slot, range);
}

/* What a process sends while its operation runs. */
static struct record disturbance(const struct stage *stage, enum kind kind, unsigned number,
				 size_t length)
{
	uint32_t window = stage->window;

	switch (number) {
	case 0:
		return allow(kind, false, 0, 0, 0);
	case 1:
		return allow(kind, true, 0, 0, 0);
	case 2:
		return allow(kind, false, window, AT_ELSEWHERE, length);
	case 3:
		return allow(kind, true, window, AT_ELSEWHERE, length);
	case 4:
		return allow(kind, true, window, AT_OUTPUT, length / 2);
	case 5: /* over the output: now they overlap */
		return allow(kind, false, window, AT_OUTPUT + 16, length);
	case 6: /* the key */
		return wire_call_record(1, RIG_AES, CLASS_ALLOW_RO, KEY, (const uint32_t[4]){0});
	case 7:
		return (struct record){.header = {.type = RECORD_CANCEL, .op_id = 1}};
	default:
		return (struct record){.header = {.type = RECORD_WINDOW_REMOVE},
				       .window = {.window = window}};
	}
}
#define DISTURBANCES 9u

/* The operation, and after `after` turns of the loop the disturbance. Its status. */
static int run_disturbed(struct stage *stage, const struct record *record,
			 const struct record *disturbing, unsigned after)
{
	struct record answer;
	int status;

	memcpy(stage->memory, stage->before, WINDOW_SIZE);
	stage->behind = disturbing;
	stage->behind_status = -PLUTON_EBUSY;
	stage->done = false;
	rig_send(stage->fd, record, -1);
	for (unsigned turns = 0; !answered(stage, &answer); turns++) {
		if (turns == after) {
			rig_send(stage->fd, disturbing, -1);
			stage->done = true;
		}
		rig_turn(&stage->rig);
	}
	status = rig_status(&answer);
	rig_settle(&stage->rig);
	answered(stage, &answer);
	stage->behind = NULL;
	if (disturbing->header.type == RECORD_WINDOW_REMOVE && stage->behind_status == 0)
		stage->window = add_window(stage, stage->memfd); /* it had ended */
	return status;
}

/* Every byte is as it was before, or the plaintext's; nothing else is ever let out. */
static bool only_plaintext(const struct stage *stage, size_t at, size_t length)
{
	const uint8_t *now = stage->memory + at;

	for (size_t i = 0; i < length; i++) {
		if (now[i] != CANARY && now[i] != stage->expected[i])
			return false;
	}
	return true;
}

static void disturb_at_every_moment(struct stage *stage, size_t length, unsigned number, bool valid)
{
	const struct record record = request(stage, GCM_DECRYPT, length);
	const struct record disturbing = disturbance(stage, GCM_DECRYPT, number, length);
	struct oracle_gcm gcm;

	write_message(stage, GCM_DECRYPT, length);
	gcm = gcm_of(stage->before);
	CU_ASSERT(oracle_gcm_decrypt(&gcm, stage->before + AT_INPUT, length, stage->expected));
	if (!valid)
		stage->before[AT_TAG] ^= MASK;
	stage->done = true;
	for (unsigned k = 0; stage->done; k++) {
		int status = run_disturbed(stage, &record, &disturbing, k);

		CU_ASSERT(valid || status < 0);
		CU_ASSERT(valid || memcmp(stage->memory, stage->before, WINDOW_SIZE) == 0);
		CU_ASSERT(only_plaintext(stage, AT_OUTPUT, length));
		CU_ASSERT(only_plaintext(stage, AT_ELSEWHERE, length));
		CU_ASSERT(stage->done || status == (valid ? 0 : -PLUTON_EINVAL));
	}
}

static void disturb(enum openssl_execution execution, bool valid)
{
	static const size_t lengths[] = {48, 5000, SCRATCH};
	struct stage stage;

	open_stage(&stage, execution);
	for (unsigned number = 0; number < DISTURBANCES; number++) {
		for (size_t i = 0; i < TESTS_COUNT(lengths); i++)
			disturb_at_every_moment(&stage, lengths[i], number, valid);
	}
	close_stage(&stage);
}

/* The other kinds have no plaintext to guard: they must end, in whatever way. */
static void disturb_another(enum kind kind, enum openssl_execution execution)
{
	struct stage stage;

	open_stage(&stage, execution);
	write_message(&stage, kind, LENGTH_MAX);
	for (unsigned number = 0; number < DISTURBANCES; number++) {
		const struct record record = request(&stage, kind, LENGTH_MAX);
		const struct record disturbing = disturbance(&stage, kind, number, LENGTH_MAX);

		stage.done = true;
		for (unsigned k = 0; stage.done; k++)
			run_disturbed(&stage, &record, &disturbing, k);
	}
	close_stage(&stage);
}

/* Withdraws the input, which may be lent, and then takes its window away. Its status. */
static int run_without_window(struct stage *stage, enum kind kind, const struct record *record,
			      unsigned after)
{
	const struct record withdraw = allow(kind, false, 0, 0, 0);
	const struct record take_away = {.header = {.type = RECORD_WINDOW_REMOVE},
					 .window = {.window = stage->input_window}};
	struct record answer;
	int status;

	memcpy(stage->memory, stage->before, WINDOW_SIZE);
	stage->behind = &take_away;
	stage->done = false;
	rig_send(stage->fd, record, -1);
	for (unsigned turns = 0; !answered(stage, &answer); turns++) {
		if (turns == after) {
			rig_send(stage->fd, &withdraw, -1);
			rig_send(stage->fd, &take_away, -1);
			stage->done = true;
		}
		rig_turn(&stage->rig);
	}
	status = rig_status(&answer);
	rig_settle(&stage->rig);
	answered(stage, &answer);
	stage->behind = NULL;
	return status;
}

/* What was lent stays mapped until the engine is done: either all was read, or the range was gone.
 */
static void take_window_away(enum kind kind, enum openssl_execution execution)
{
	uint8_t *memory;
	int memfd = wire_memory(SCRATCH, &memory);
	struct stage stage;

	open_stage(&stage, execution);
	write_message(&stage, kind, SCRATCH);
	memcpy(memory, stage.before + AT_INPUT, SCRATCH);
	stage.done = true;
	for (unsigned k = 0; stage.done; k++) {
		struct record record;
		int status;

		stage.input_window = add_window(&stage, memfd);
		record = request(&stage, kind, SCRATCH);
		status = run_without_window(&stage, kind, &record, k);
		CU_ASSERT(status == -PLUTON_ESIZE || matches(&stage, kind, stage.before, SCRATCH));
		CU_ASSERT(status == 0 || status == -PLUTON_ESIZE);
		remove_window(&stage, stage.input_window);
	}
	munmap(memory, SCRATCH);
	close(memfd);
	close_stage(&stage);
}

/* --- the tests ------------------------------------------------------------------------------- */

/* clang-format off */
#define FOR_EACH_EXECUTION(at)                       \
	at(while_others_wait, OPENSSL_EXECUTION_AUTO)\
	at(in_one_go, OPENSSL_EXECUTION_INLINE)      \
	at(in_slices, OPENSSL_EXECUTION_SLICED)      \
	at(on_workers, OPENSSL_EXECUTION_WORKER)

#define DEFINE_TESTS(how, execution)                                              \
	static void test_flips_while_gcm_decrypts_##how(void)                     \
	{                                                                         \
		flip_in_all_lengths(GCM_DECRYPT, execution);                      \
	}                                                                         \
	static void test_flips_while_gcm_encrypts_##how(void)                     \
	{                                                                         \
		flip_in_all_lengths(GCM_ENCRYPT, execution);                      \
	}                                                                         \
	static void test_flips_while_ctr_runs_##how(void)                         \
	{                                                                         \
		flip_in_all_lengths(CTR, execution);                              \
	}                                                                         \
	static void test_flips_while_a_digest_runs_##how(void)                    \
	{                                                                         \
		flip_in_all_lengths(DIGEST, execution);                           \
	}                                                                         \
	static void test_flips_around_sealed_input_##how(void)                    \
	{                                                                         \
		flip_around_sealed(execution);                                    \
	}                                                                         \
	static void test_sealed_input_is_not_replaced_by_what_can_change_##how(void) \
	{                                                                         \
		flip_behind_sealed(execution);                                    \
	}                                                                         \
	static void test_ranges_move_while_gcm_decrypts_##how(void)               \
	{                                                                         \
		disturb(execution, true);                                         \
	}                                                                         \
	static void test_ranges_move_while_gcm_refuses_##how(void)                \
	{                                                                         \
		disturb(execution, false);                                        \
	}                                                                         \
	static void test_a_lent_window_stays_to_the_end_##how(void)               \
	{                                                                         \
		take_window_away(GCM_DECRYPT, execution);                         \
		take_window_away(GCM_ENCRYPT, execution);                         \
		take_window_away(CTR, execution);                                 \
		take_window_away(DIGEST, execution);                              \
	}                                                                         \
	static void test_ranges_move_while_others_run_##how(void)                 \
	{                                                                         \
		disturb_another(GCM_ENCRYPT, execution);                          \
		disturb_another(CTR, execution);                                  \
		disturb_another(DIGEST, execution);                               \
	}
#define LIST_TESTS(how, execution)                                         \
	TEST(test_flips_while_gcm_decrypts_##how),                         \
	TEST(test_flips_while_gcm_encrypts_##how),                         \
	TEST(test_flips_while_ctr_runs_##how),                             \
	TEST(test_flips_while_a_digest_runs_##how),                        \
	TEST(test_flips_around_sealed_input_##how),                        \
	TEST(test_sealed_input_is_not_replaced_by_what_can_change_##how),  \
	TEST(test_ranges_move_while_gcm_decrypts_##how),                   \
	TEST(test_ranges_move_while_gcm_refuses_##how),                    \
	TEST(test_a_lent_window_stays_to_the_end_##how),                   \
	TEST(test_ranges_move_while_others_run_##how),
/* clang-format on */

FOR_EACH_EXECUTION(DEFINE_TESTS)

static const struct test tests[] = {
	FOR_EACH_EXECUTION(LIST_TESTS) TEST(test_input_over_scratch_that_can_change_is_refused),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "hostile", tests, TESTS_COUNT(tests));
}
