/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One window for all that a scene needs. The rule a newcomer would break first: no malloc, no
 * stdio and no OpenSSL here, the parent had threads when it forked.
 */
#include "tests/integration/scenarios.h"

#include <string.h>
#include <unistd.h>

#include "hil/aes.h"
#include "hil/digest.h"
#include "tests/rig.h"

#define MEDIUM (100u * 1024) /* one lending, several slices */
#define LONG (1280u * 1024)  /* over aead_scratch */
#define SCRATCHED (1024u * 1024)

/* Where things are in the window. */
enum {
	AT_KEY = 0,
	AT_IV = 64,
	AT_TAG = 128,
	AT_DIGEST = 192,
	AT_AAD = 4096,
	AT_INPUT = 8192,
	AT_OUTPUT = AT_INPUT + LONG,
	WINDOW_SIZE = AT_OUTPUT + LONG,
};
enum { KEY_SIZE = 32, AAD_SIZE = 100, SHA256_SIZE = 32 };
enum { RNG_GET = 1 };
enum { DIGEST_WHOLE = 1, DIGEST_BEGIN, DIGEST_UPDATE, DIGEST_FINISH, DIGEST_ABORT };
enum { AES_WHOLE_ENCRYPT = 1, AES_WHOLE_DECRYPT, AES_BEGIN, AES_UPDATE, AES_FINISH, AES_ABORT };
enum { KEY, IV, AAD, INPUT, OUTPUT, TAG }; /* slots of aes */

/* FIPS 180-4, of "abc". */
static const uint8_t abc_digest[SHA256_SIZE] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
						0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
						0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
						0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};

/* --- parts ----------------------------------------------------------------------------------- */

struct memory {
	uint8_t *bytes;
	uint32_t window;
};

static int share(struct wire *wire, struct memory *ret)
{
	int memfd = wire_memory(WINDOW_SIZE, &ret->bytes);
	int r = wire_window(wire, memfd, &ret->window);

	close(memfd);
	return r;
}

static struct record aes_record(uint32_t op_id, uint32_t command, uint32_t window, uint32_t length)
{
	struct record record = rig_operation(op_id, RIG_AES, command);

	record.operation.words[0] = AES_GCM;
	rig_range(&record, KEY, window, AT_KEY, KEY_SIZE);
	rig_range(&record, IV, window, AT_IV, AES_GCM_IV_SIZE);
	rig_range(&record, AAD, window, AT_AAD, AAD_SIZE);
	rig_range(&record, INPUT, window, AT_INPUT, length);
	rig_range(&record, OUTPUT, window, AT_OUTPUT, length);
	rig_range(&record, TAG, window, AT_TAG, AES_TAG_SIZE);
	return record;
}

/* Swaps input and output: what was encrypted is decrypted. */
static struct record aes_decrypt_record(uint32_t op_id, uint32_t window, uint32_t length)
{
	struct record record = aes_record(op_id, AES_WHOLE_DECRYPT, window, length);

	rig_range(&record, INPUT, window, AT_OUTPUT, length);
	rig_range(&record, OUTPUT, window, AT_INPUT, length);
	return record;
}

static struct record aes_begin_record(uint32_t op_id, uint32_t mode, uint32_t window)
{
	struct record record = rig_operation(op_id, RIG_AES, AES_BEGIN);

	record.operation.words[0] = mode;
	record.operation.words[1] = AES_ENCRYPT;
	rig_range(&record, KEY, window, AT_KEY, KEY_SIZE);
	rig_range(&record, IV, window, AT_IV, mode == AES_CTR ? AES_BLOCK_SIZE : AES_GCM_IV_SIZE);
	if (mode == AES_GCM)
		rig_range(&record, AAD, window, AT_AAD, AAD_SIZE);
	return record;
}

static struct record aes_update_record(uint32_t op_id, uint32_t stream, uint32_t window,
				       uint32_t length)
{
	struct record record = rig_operation(op_id, RIG_AES, AES_UPDATE);

	record.operation.words[0] = stream;
	rig_range(&record, INPUT, window, AT_INPUT, length);
	rig_range(&record, OUTPUT, window, AT_OUTPUT, length);
	return record;
}

static struct record digest_record(uint32_t op_id, uint32_t command, uint32_t word)
{
	struct record record = rig_operation(op_id, RIG_DIGEST, command);

	record.operation.words[0] = word;
	return record;
}

/* Receives `count` upcalls of status 0 in whatever order. */
static int collect(struct wire *wire, unsigned count)
{
	struct record answer;

	for (unsigned i = 0; i < count; i++) {
		int r = wire_receive(wire, &answer);

		if (r == 0)
			r = rig_status(&answer);
		if (r < 0 || answer.header.type != RECORD_UPCALL)
			return r < 0 ? r : -PLUTON_EBADRVAL;
	}
	return 0;
}

/* --- scenes ---------------------------------------------------------------------------------- */

static int play_nothing(struct wire *wire)
{
	(void)wire;
	return 0;
}

static int play_random_inline(struct wire *wire)
{
	struct record record = rig_operation(1, RIG_RNG, RNG_GET);

	rig_out(&record, 0, 32);
	return wire_perform(wire, &record, NULL);
}

static int play_random_window(struct wire *wire)
{
	struct record record = rig_operation(1, RIG_RNG, RNG_GET);
	struct memory memory;
	int r = share(wire, &memory);

	rig_range(&record, 0, memory.window, AT_OUTPUT, MEDIUM);
	return r < 0 ? r : wire_perform(wire, &record, NULL);
}

static int play_digest_inline(struct wire *wire)
{
	struct record record = digest_record(1, DIGEST_WHOLE, DIGEST_SHA256), answer;
	uint8_t inline_bytes[8];
	int r;

	rig_in(&record, 0, inline_bytes, "abc", 3);
	rig_out(&record, 1, SHA256_SIZE);
	r = wire_perform(wire, &record, &answer);
	if (r == 0 && memcmp(answer.upcall.output, abc_digest, SHA256_SIZE) != 0)
		r = -PLUTON_EBADRVAL;
	return r;
}

static int play_digest_window(struct wire *wire)
{
	struct record record = digest_record(1, DIGEST_WHOLE, DIGEST_SHA256);
	struct memory memory;
	int r = share(wire, &memory);

	rig_range(&record, 0, memory.window, AT_INPUT, MEDIUM);
	rig_range(&record, 1, memory.window, AT_DIGEST, SHA256_SIZE);
	return r < 0 ? r : wire_perform(wire, &record, NULL);
}

static int play_digest_stream(struct wire *wire)
{
	struct record begin = digest_record(1, DIGEST_BEGIN, DIGEST_SHA256), answer;
	struct record update = digest_record(2, DIGEST_UPDATE, 0);
	struct record finish = digest_record(3, DIGEST_FINISH, 0);
	struct memory memory;
	uint8_t inline_bytes[8];
	int r = share(wire, &memory);

	if (r == 0)
		r = wire_perform(wire, &begin, &answer);
	if (r < 0)
		return r;
	update.operation.words[0] = finish.operation.words[0] = answer.upcall.words[1];
	rig_in(&update, 0, inline_bytes, "a", 1);
	r = wire_perform(wire, &update, NULL);
	memcpy(memory.bytes + AT_INPUT, "bc", 2);
	rig_range(&update, 0, memory.window, AT_INPUT, 2);
	update.operation.inline_length = 0;
	if (r == 0)
		r = wire_perform(wire, &update, NULL);
	rig_out(&finish, 1, SHA256_SIZE);
	if (r == 0)
		r = wire_perform(wire, &finish, &answer);
	if (r == 0 && memcmp(answer.upcall.output, abc_digest, SHA256_SIZE) != 0)
		r = -PLUTON_EBADRVAL;
	return r;
}

static int play_digest_abort(struct wire *wire)
{
	struct record begin = digest_record(1, DIGEST_BEGIN, DIGEST_SHA256), answer;
	struct record abort_it = digest_record(2, DIGEST_ABORT, 0);
	int r = wire_perform(wire, &begin, &answer);

	if (r < 0)
		return r;
	abort_it.operation.words[0] = answer.upcall.words[1];
	return wire_perform(wire, &abort_it, NULL);
}

static int encrypt_and_decrypt(struct wire *wire, uint32_t length)
{
	struct record record;
	struct memory memory;
	int r = share(wire, &memory);

	if (r < 0)
		return r;
	record = aes_record(1, AES_WHOLE_ENCRYPT, memory.window, length);
	r = wire_perform(wire, &record, NULL);
	if (r < 0)
		return r;
	memory.bytes[AT_INPUT] = 1; /* to be replaced by the first byte of the message, 0 */
	record = aes_decrypt_record(2, memory.window, length);
	r = wire_perform(wire, &record, NULL);
	return r == 0 && memory.bytes[AT_INPUT] != 0 ? -PLUTON_EBADRVAL : r;
}

static int play_gcm_short(struct wire *wire)
{
	return encrypt_and_decrypt(wire, 40);
}

static int play_gcm_medium(struct wire *wire)
{
	return encrypt_and_decrypt(wire, MEDIUM);
}

static int play_gcm_long(struct wire *wire)
{
	return encrypt_and_decrypt(wire, SCRATCHED);
}

/* More than scratch, so from a window that cannot change. */
static int play_gcm_sealed(struct wire *wire)
{
	struct record record;
	struct memory memory;
	uint32_t sealed;
	int memfd, r = share(wire, &memory);

	if (r < 0)
		return r;
	record = aes_record(1, AES_WHOLE_ENCRYPT, memory.window, LONG);
	r = wire_perform(wire, &record, NULL);
	if (r < 0)
		return r;
	memfd = wire_sealed(memory.bytes + AT_OUTPUT, LONG);
	r = wire_window(wire, memfd, &sealed);
	close(memfd);
	if (r < 0)
		return r;
	record = aes_record(2, AES_WHOLE_DECRYPT, memory.window, LONG);
	rig_range(&record, INPUT, sealed, 0, LONG);
	return wire_perform(wire, &record, NULL);
}

static int stream(struct wire *wire, uint32_t mode, uint32_t length)
{
	struct record record, answer;
	struct memory memory;
	uint32_t number;
	int r = share(wire, &memory);

	if (r < 0)
		return r;
	record = aes_begin_record(1, mode, memory.window);
	r = wire_perform(wire, &record, &answer);
	if (r < 0)
		return r;
	number = answer.upcall.words[1];
	for (unsigned i = 0; i < 2 && r == 0; i++) {
		record = aes_update_record(2, number, memory.window, length);
		r = wire_perform(wire, &record, NULL);
	}
	record = rig_operation(3, RIG_AES, AES_FINISH);
	record.operation.words[0] = number;
	if (mode == AES_GCM)
		rig_out(&record, TAG, AES_TAG_SIZE);
	return r < 0 ? r : wire_perform(wire, &record, NULL);
}

static int play_ctr_stream(struct wire *wire)
{
	return stream(wire, AES_CTR, 1000);
}

static int play_gcm_stream(struct wire *wire)
{
	return stream(wire, AES_GCM, MEDIUM);
}

/* Dies with streams open: digest, CTR, and GCM with what it is charged for. */
static int play_streams_left_open(struct wire *wire)
{
	struct record record = digest_record(1, DIGEST_BEGIN, DIGEST_SHA256);
	struct memory memory;
	int r = share(wire, &memory);

	if (r == 0)
		r = wire_perform(wire, &record, NULL);
	record = aes_begin_record(2, AES_CTR, memory.window);
	if (r == 0)
		r = wire_perform(wire, &record, NULL);
	record = aes_begin_record(3, AES_GCM, memory.window);
	return r < 0 ? r : wire_perform(wire, &record, NULL);
}

static int play_windows(struct wire *wire)
{
	struct memory first, second;
	struct record remove = {.header = {.type = RECORD_WINDOW_REMOVE}}, answer;
	int r = share(wire, &first);

	if (r == 0)
		r = share(wire, &second);
	if (r < 0)
		return r;
	remove.window.window = first.window;
	wire_send(wire, &remove, -1);
	r = wire_receive(wire, &answer);
	return r < 0 ? r : rig_status(&answer);
}

/* A command by raw system calls, twice: the standing operation is used again. */
static int play_raw_calls(struct wire *wire)
{
	struct memory memory;
	int r = share(wire, &memory);
	const uint32_t input[4] = {memory.window, AT_INPUT, MEDIUM};
	const uint32_t digest[4] = {memory.window, AT_DIGEST, SHA256_SIZE};
	const uint32_t token[4] = {77}, algorithm[4] = {DIGEST_SHA256}, none[4] = {0};

	if (r == 0)
		r = wire_call(wire, RIG_DIGEST, CLASS_SUBSCRIBE, 0, token);
	if (r == 0)
		r = wire_call(wire, RIG_DIGEST, CLASS_ALLOW_RO, 0, input);
	if (r == 0)
		r = wire_call(wire, RIG_DIGEST, CLASS_ALLOW_RW, 1, digest);
	for (unsigned i = 0; i < 2 && r == 0; i++) {
		r = wire_call(wire, RIG_DIGEST, CLASS_COMMAND, DIGEST_WHOLE, algorithm);
		if (r == 0)
			r = collect(wire, 1);
	}
	if (r == 0)
		r = wire_call(wire, RIG_DIGEST, CLASS_ALLOW_RO, 0, none);
	return r;
}

/* As many operations as there may be, answers unread until all are sent. */
static int play_crowd(struct wire *wire)
{
	struct record record;
	struct memory memory;
	int r = share(wire, &memory);

	for (unsigned i = 0; i < 15 && r == 0; i++) {
		record = aes_record(1 + i, AES_WHOLE_ENCRYPT, memory.window, 2000);
		if (i % 3 == 1)
			record = rig_operation(1 + i, RIG_RNG, RNG_GET);
		if (i % 3 == 1)
			rig_out(&record, 0, 32);
		if (i % 3 == 2)
			record = aes_begin_record(1 + i, AES_GCM, memory.window);
		wire_send(wire, &record, -1);
	}
	return r < 0 ? r : collect(wire, 15);
}

/* More decryptions at once than there is scratch for: some wait inside the engine. */
static int play_line_for_scratch(struct wire *wire)
{
	struct record record;
	struct memory memory;
	int r = share(wire, &memory);

	if (r < 0)
		return r;
	record = aes_record(1, AES_WHOLE_ENCRYPT, memory.window, MEDIUM);
	r = wire_perform(wire, &record, NULL);
	for (unsigned i = 0; i < 6 && r == 0; i++) {
		record = aes_decrypt_record(2 + i, memory.window, MEDIUM);
		rig_range(&record, OUTPUT, memory.window, AT_INPUT + i * MEDIUM, MEDIUM);
		wire_send(wire, &record, -1);
	}
	return r < 0 ? r : collect(wire, 6);
}

/* Three long ones at once: while others wait, long work is a worker's. */
static int play_long_ones(struct wire *wire)
{
	struct record record;
	struct memory memory;
	int r = share(wire, &memory);

	if (r < 0)
		return r;
	record = aes_record(1, AES_WHOLE_ENCRYPT, memory.window, LONG);
	wire_send(wire, &record, -1);
	record = digest_record(2, DIGEST_WHOLE, DIGEST_SHA256);
	rig_range(&record, 0, memory.window, AT_INPUT, LONG);
	rig_range(&record, 1, memory.window, AT_DIGEST, SHA256_SIZE);
	wire_send(wire, &record, -1);
	record = aes_begin_record(3, AES_GCM, memory.window);
	wire_send(wire, &record, -1);
	return collect(wire, 3);
}

/* Every operation is cancelled right after it was asked for; it may have been done by then. */
static int play_cancels(struct wire *wire)
{
	struct record record, cancel = {.header = {.type = RECORD_CANCEL}}, answer;
	struct memory memory;
	int r = share(wire, &memory);

	for (unsigned i = 0; i < 3 && r == 0; i++) {
		record = i == 2 ? aes_begin_record(3, AES_GCM, memory.window)
				: aes_record(1 + i, AES_WHOLE_ENCRYPT, memory.window, LONG / 2);
		if (i == 1)
			rig_range(&record, OUTPUT, memory.window, AT_OUTPUT + LONG / 2, LONG / 2);
		cancel.header.op_id = 1 + i;
		wire_send(wire, &record, -1);
		wire_send(wire, &cancel, -1);
	}
	for (unsigned i = 0; i < 3 && r == 0; i++)
		r = wire_receive(wire, &answer);
	return r;
}

/* What is refused must leave nothing behind either. */
static int play_refusals(struct wire *wire)
{
	struct record record = rig_operation(1, RIG_AES, AES_WHOLE_DECRYPT), answer;
	struct memory memory;
	int r = share(wire, &memory);

	if (r < 0)
		return r;
	if (wire_perform(wire, &record, &answer) != -PLUTON_EINVAL &&
	    rig_status(&answer) != -PLUTON_ESIZE)
		return -PLUTON_EBADRVAL;
	record = aes_record(2, AES_WHOLE_DECRYPT, memory.window, 5000); /* and a wrong tag */
	if (wire_perform(wire, &record, NULL) != -PLUTON_EINVAL)
		return -PLUTON_EBADRVAL;
	record = aes_begin_record(3, AES_GCM, memory.window);
	record.operation.words[1] = AES_DECRYPT;
	return wire_perform(wire, &record, NULL) == -PLUTON_ENOSUPPORT ? 0 : -PLUTON_EBADRVAL;
}

const struct scenario scenarios[] = {
	{"nothing", play_nothing},
	{"random, inline", play_random_inline},
	{"random, in a window", play_random_window},
	{"digest, inline", play_digest_inline},
	{"digest, in a window", play_digest_window},
	{"digest stream", play_digest_stream},
	{"digest stream, aborted", play_digest_abort},
	{"gcm, short", play_gcm_short},
	{"gcm, medium", play_gcm_medium},
	{"gcm, long", play_gcm_long},
	{"gcm, sealed", play_gcm_sealed},
	{"ctr stream", play_ctr_stream},
	{"gcm stream", play_gcm_stream},
	{"streams left open", play_streams_left_open},
	{"windows", play_windows},
	{"raw calls", play_raw_calls},
	{"a crowd of operations", play_crowd},
	{"a line for scratch", play_line_for_scratch},
	{"long ones at once", play_long_ones},
	{"cancels", play_cancels},
	{"refusals", play_refusals},
};
_Static_assert(sizeof(scenarios) / sizeof(scenarios[0]) <= SCENARIOS_MAX, "room in the tests");
const unsigned scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);
