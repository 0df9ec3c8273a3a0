/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same service twice, in the same kernel: capsules that own static buffers for every client
 * that they are built for (static_service.c), and plutond's own, which hold none and let the engine
 * pull and push. Memory, copies and speed from 1 to 1000 clients; docs/lazy-vs-static.md shows it.
 */
#include <stdlib.h>
#include <string.h>

#include "backends/openssl/task.h"
#include "bench/cpus.h"
#include "bench/race.h"
#include "bench/residents.h"
#include "bench/static_service.h"
#include "bench/table.h"
#include "daemon/kernel/arena.h"
#include "hil/aes.h"
#include "hil/digest.h"

#define COLUMNS(columns) (columns), sizeof(columns) / sizeof((columns)[0])
#define AES 0x40006u
#define DIGEST 0x40005u
#define ENGINE_CHUNKS (2.0 * TASK_CHUNK) /* the lazy engine's only buffers, shared by all */
#define TOSTHREADS "22 % (TOSThreads)"

static const uint8_t key_and_iv[AES_KEY_SIZE_MAX + AES_GCM_IV_SIZE] =
	"a key that is good for measuring, and iv";

/* --- requests ----------------------------------------------------------------------------------
 */

static void inline_range(struct record *record, unsigned slot, uint32_t offset, uint32_t length)
{
	record->operation.inline_bytes = key_and_iv;
	record->operation.inline_length = sizeof(key_and_iv);
	record->operation.ranges[slot] =
		(struct record_range){RECORD_WINDOW_INLINE, offset, length};
	if (record->operation.range_count <= slot)
		record->operation.range_count = (uint16_t)(slot + 1);
}

static void ask_encrypt(uint32_t driver, const struct resident *client, struct record *record)
{
	record->header.driver = driver;
	record->operation.command = 1;
	record->operation.words[0] = AES_GCM;
	inline_range(record, 0, 0, AES_KEY_SIZE_MAX);
	inline_range(record, 1, AES_KEY_SIZE_MAX, AES_GCM_IV_SIZE);
	residents_range(record, 3, client, RESIDENT_INPUT, RESIDENT_MESSAGE);
	residents_range(record, 4, client, RESIDENT_OUTPUT, RESIDENT_MESSAGE);
	residents_range(record, 5, client, RESIDENT_RESULT, AES_TAG_SIZE);
}

static void ask_digest(uint32_t driver, const struct resident *client, struct record *record)
{
	record->header.driver = driver;
	record->operation.command = 1;
	record->operation.words[0] = DIGEST_SHA256;
	residents_range(record, 0, client, RESIDENT_INPUT, RESIDENT_MESSAGE);
	residents_range(record, 1, client, RESIDENT_RESULT, 32);
}

#define REQUEST(name, ask, driver)                                                                 \
	static void name(const struct resident *client, struct record *record)                     \
	{                                                                                          \
		ask(driver, client, record);                                                       \
	}
REQUEST(large_encrypt, ask_encrypt, STATIC_LARGE_AES)
REQUEST(small_encrypt, ask_encrypt, STATIC_SMALL_AES)
REQUEST(lazy_encrypt, ask_encrypt, AES)
REQUEST(large_digest, ask_digest, STATIC_LARGE_DIGEST)
REQUEST(small_digest, ask_digest, STATIC_SMALL_DIGEST)
REQUEST(lazy_digest, ask_digest, DIGEST)

/* A message that goes on: what the clients of the memory table have. */
static void begin_digest(const struct resident *client, struct record *record)
{
	(void)client;
	record->header.driver = DIGEST;
	record->operation.command = 2;
	record->operation.words[0] = DIGEST_SHA256;
}

static void begin_encrypt(const struct resident *client, struct record *record)
{
	(void)client;
	record->header.driver = AES;
	record->operation.command = 3;
	record->operation.words[0] = AES_CTR;
	record->operation.words[1] = AES_ENCRYPT;
	inline_range(record, 0, 0, AES_KEY_SIZE_MAX);
	inline_range(record, 1, 16, AES_BLOCK_SIZE);
}

static void abort_digest(const struct resident *client, struct record *record)
{
	record->header.driver = DIGEST;
	record->operation.command = 5;
	record->operation.words[0] = client->stream;
}

/* --- the three ways ----------------------------------------------------------------------------
 */

static const struct way {
	const char *name;
	size_t buffer; /* 0: none */
	request_fn encrypt, digest;
} ways[] = {
	{"static buffers of 4096", STATIC_LARGE, large_encrypt, large_digest},
	{"static buffers of 256", STATIC_SMALL, small_encrypt, small_digest},
	{"lazy HIL", 0, lazy_encrypt, lazy_digest},
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static const size_t crowds[] = {1, 10, 100, 1000};
#define CROWDS (sizeof(crowds) / sizeof(crowds[0]))

/* --- memory ------------------------------------------------------------------------------------
 */

static const struct column memory_columns[] = {
	{"clients", "clients", 7, 0},
	{"", "way", -22, 0},
	{"all idle", "idle_bytes", 10, 0},
	{"+ streams, each", "streams_bytes", 15, 0},
	{"+ asking, each", "asking_bytes", 14, 0},
	{"all asking", "most_bytes", 10, 0},
	{"ratio idle", "idle_ratio", 10, 2},
	{"asking", "most_ratio", 7, 2},
};

/* Bytes a client beyond what the kernel has of a process in any case. */
struct use {
	double streams; /* two messages that go on */
	double asking;	/* and a request under way */
};

static double taken_each(const struct residents *residents)
{
	return (double)residents_measure(residents).taken / (double)residents->count;
}

static struct use measure_use(struct residents *residents, size_t count, const struct way *way)
{
	struct use use;
	double idle;

	residents_settle(residents, count);
	idle = taken_each(residents);
	if (!way->buffer) {
		residents_ask(residents, 0, count, begin_digest);
		residents_ask(residents, 0, count, begin_encrypt);
	}
	use.streams = taken_each(residents) - idle;
	residents_submit(residents, 0, count, way->encrypt);
	use.asking = taken_each(residents) - idle;
	residents_answer(residents, 0, count);
	residents_settle(residents, 0);
	return use;
}

static double static_bytes(const struct way *way, size_t count)
{
	return way->buffer ? (double)static_service_per_client(way->buffer) * (double)count
			   : ENGINE_CHUNKS;
}

static void compare_memory(const struct program *program, struct residents *residents)
{
	struct table table = {program,
			      "memory of the service in an image for so many clients, bytes",
			      COLUMNS(memory_columns)};

	table_begin(&table);
	for (size_t i = 0; i < CROWDS; i++) {
		double count = (double)crowds[i], lazy_idle = 0, lazy_most = 0;

		for (size_t w = WAYS; w-- > 0;) { /* the lazy one is the measure */
			const struct way *way = &ways[w];
			struct use use = measure_use(residents, crowds[i], way);
			double reserved = static_bytes(way, crowds[i]);
			double most = reserved + count * use.asking;

			lazy_idle = way->buffer ? lazy_idle : reserved;
			lazy_most = way->buffer ? lazy_most : most;
			TABLE_ROW(&table, NUMBER(count), TEXT(way->name), NUMBER(reserved),
				  NUMBER(use.streams), NUMBER(use.asking), NUMBER(most),
				  NUMBER(reserved / lazy_idle), NUMBER(most / lazy_most));
		}
	}
}

/* --- speed -------------------------------------------------------------------------------------
 */

static const struct column speed_columns[] = {
	{"clients", "clients", 7, 0},
	{"", "way", -22, 0},
	{"copies/byte", "copies_per_byte", 11, 2},
	{"MB/s", "mb_s", 8, 1},
	{"ratio", "ratio", 6, 3},
};

struct turn {
	struct residents *residents;
	request_fn request;
};

static void take_turn(void *context)
{
	const struct turn *turn = context;

	residents_ask(turn->residents, 0, turn->residents->count, turn->request);
}

static double copies_per_byte(struct residents *residents, request_fn request)
{
	double bytes = (double)residents->count * RESIDENT_MESSAGE;

	residents_count(residents, true);
	(void)residents_copied(residents);
	residents_ask(residents, 0, residents->count, request);
	residents_count(residents, false);
	return (double)residents_copied(residents) / bytes;
}

/* What the last client gets: output, and a tag or a digest. */
static void results_of(struct residents *residents, request_fn request, uint8_t *ret_results)
{
	struct resident *client = &residents->clients[residents->count - 1];

	memset(client->window + RESIDENT_OUTPUT, 0, 2 * RESIDENT_MESSAGE);
	residents_ask(residents, 0, residents->count, request);
	memcpy(ret_results, client->window + RESIDENT_OUTPUT, 2 * RESIDENT_MESSAGE);
}

/* All ways must come to the same bytes. */
static void check_results(struct residents *residents, request_fn right, request_fn other)
{
	uint8_t expected[2 * RESIDENT_MESSAGE], results[2 * RESIDENT_MESSAGE];

	results_of(residents, right, expected);
	results_of(residents, other, results);
	if (memcmp(expected, results, sizeof(expected)) != 0)
		program_fail("the ways differ in what they come to");
}

static void race_crowd(const struct table *table, struct residents *residents,
		       const request_fn requests[WAYS])
{
	double bytes = (double)residents->count * RESIDENT_MESSAGE;
	struct turn turns[WAYS];
	struct race race = {.count = WAYS,
			    .samples_per_round = 1,
			    .sample_ns = table->program->quick ? 100000 : 2000000,
			    .budget_ns = table->program->quick ? 10000000 : 1000000000};

	for (size_t w = 0; w < WAYS; w++) {
		turns[w] = (struct turn){residents, requests[w]};
		race.contestants[w] = (struct contestant){.run = take_turn, .context = &turns[w]};
	}
	race_run(&race);
	for (size_t w = 0; w < WAYS; w++)
		TABLE_ROW(table, NUMBER(residents->count), TEXT(ways[w].name),
			  NUMBER(copies_per_byte(residents, requests[w])),
			  NUMBER(bytes * 1e3 / race_quantile(&race, w, 0.5)),
			  NUMBER(1 / race_ratio(&race, w, 0)));
	race_free(&race);
}

static void compare_speed(const struct program *program, struct residents *residents,
			  const char *title, const request_fn requests[WAYS])
{
	struct table table = {program, title, COLUMNS(speed_columns)};

	table_begin(&table);
	for (size_t i = 0; i < CROWDS; i++) {
		residents_settle(residents, crowds[i]);
		for (size_t w = 1; w < WAYS; w++)
			check_results(residents, requests[0], requests[w]);
		race_crowd(&table, residents, requests);
	}
	residents_settle(residents, 0);
}

/* --- utilisation -------------------------------------------------------------------------------
 */

static const struct column use_columns[] = {
	{"1000 clients: ¼ idle, ¼ hash, ¼ encrypt, ¼ both", "way", -52, 0},
	{"in use", "used_bytes", 9, 0},
	{"taken", "taken_bytes", 9, 0},
	{"%", "percent", 5, 1},
	{"beside", "beside", -18, 0},
};

static void print_use(const struct table *table, const char *name, double used, double taken,
		      const char *beside)
{
	TABLE_ROW(table, TEXT(name), NUMBER(used), NUMBER(taken), NUMBER(100 * used / taken),
		  TEXT(beside));
}

/* While one client is encrypted: there is one engine. */
static void print_static_use(const struct table *table, const char *name, size_t buffer)
{
	double between = RESIDENTS_MAX / 2.0 *
			 (double)(static_service_hash_context() + static_service_aes_context());
	double during = (double)static_service_during(buffer);

	print_use(table, name, between + during,
		  (double)static_service_per_client(buffer) * RESIDENTS_MAX, TOSTHREADS);
}

static void compare_use(const struct program *program, struct residents *residents)
{
	const struct table table = {program, "utilisation", COLUMNS(use_columns)};
	size_t quarter = RESIDENTS_MAX / 4;
	struct residents_memory memory;
	double idle;

	table_begin(&table);
	print_static_use(&table, "static buffers of 4096, one request under way", STATIC_LARGE);
	print_static_use(&table, "static buffers of 256, one request under way", STATIC_SMALL);
	residents_settle(residents, RESIDENTS_MAX);
	idle = (double)residents_measure(residents).taken;
	residents_ask(residents, quarter, quarter, begin_digest);
	residents_ask(residents, 2 * quarter, 2 * quarter, begin_encrypt);
	residents_ask(residents, 3 * quarter, quarter, begin_digest);
	memory = residents_measure(residents);
	print_use(&table, "lazy HIL: grants in use, of the pool taken for them",
		  (double)memory.grants_used, (double)memory.grants_taken, TOSTHREADS);
	print_use(&table, "lazy HIL: the same, of all that is the service's",
		  (double)memory.grants_used, (double)memory.taken - idle + ENGINE_CHUNKS,
		  TOSTHREADS);
	residents_ask(residents, quarter, quarter, abort_digest);
	residents_settle(residents, 0);
}

int main(int argc, char **argv)
{
	static struct residents residents;
	static const request_fn encrypts[WAYS] = {large_encrypt, small_encrypt, lazy_encrypt};
	static const request_fn digests[WAYS] = {large_digest, small_digest, lazy_digest};
	struct placement placements[PLACEMENTS];
	struct program program;

	program_start(&program, "lazy-vs-static",
		      "A service with static buffers for each client beside the same one on the "
		      "lazy HIL.\vEverything is in this process, on one CPU: no sockets.\n"
		      "ratio: memory over the lazy service's; speed over that with the large "
		      "buffers.",
		      argc, argv);
	cpus_placements(placements);
	cpus_pin(placements[0].client);
	static_service_open();
	residents_open(&residents, static_capsules);
	compare_memory(&program, &residents);
	compare_speed(&program, &residents, "AES-256-GCM of 4096 bytes, every client in turn",
		      encrypts);
	compare_speed(&program, &residents, "SHA-256 of 4096 bytes, every client in turn", digests);
	compare_use(&program, &residents);
	residents_close(&residents);
	static_service_close();
	return EXIT_SUCCESS;
}
