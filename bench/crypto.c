/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-256-GCM and SHA-256 through libpluton beside OpenSSL in process, from 16 bytes to 64 MiB:
 * with memory shared with the daemon (no copy), and with ordinary memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pluton/aes.h>
#include <pluton/digest.h>
#include <pluton/manager.h>

#include "bench/cpus.h"
#include "bench/daemon.h"
#include "bench/evp.h"
#include "bench/program.h"
#include "bench/race.h"
#include "bench/table.h"

#define DIGEST_SIZE 32u
#define RESULT_SIZE 32u /* a tag or a digest */

enum way {
	WAY_EVP,
	WAY_SHARED, /* memory from pluton_alloc */
	WAY_COPIED, /* ordinary memory */
};

/* One message in one way: where its bytes are. */
struct message {
	enum way way;
	struct pluton *pluton;
	struct evp *evp;
	size_t length;
	unsigned char *input;
	unsigned char *output;
	unsigned char result[RESULT_SIZE];
};

/* Of one way beside EVP. */
struct speeds {
	double evp, pluton; /* MB/s */
	double ratio;
	double quiet; /* ratio of the tenth fastest */
};

struct work {
	const char *name;
	void (*in_process)(void *message);
	void (*through_pluton)(void *message);
	bool has_output;
	bool within_scratch; /* only as long as aead_scratch */
	struct {
		size_t length;
		const char *ratio;
	} budgets[2]; /* design, section 10 */
};

static const unsigned char key[32] = "a key that is good for measuring";
static const unsigned char iv[PLUTON_AES_GCM_IV_SIZE] = "never twice";

/* --- the work -------------------------------------------------------------------------------- */

static void encrypt_in_process(void *context)
{
	struct message *m = context;

	evp_encrypt(m->evp, key, iv, m->input, m->output, m->length, m->result);
}

static void decrypt_in_process(void *context)
{
	struct message *m = context;

	evp_decrypt(m->evp, key, iv, m->input, m->output, m->length, m->result);
}

static void digest_in_process(void *context)
{
	struct message *m = context;

	evp_digest(m->evp, m->input, m->length, m->result);
}

static struct pluton_aes_gcm_request gcm_request(struct message *m)
{
	return (struct pluton_aes_gcm_request){
		.key = key,
		.key_size = sizeof(key),
		.iv = iv,
		.input = m->input,
		.output = m->output,
		.length = m->length,
		.tag = m->result,
	};
}

static void encrypt_through_pluton(void *context)
{
	struct message *m = context;
	struct pluton_aes_gcm_request request = gcm_request(m);

	daemon_expect(pluton_aes_gcm_encrypt(m->pluton, &request), m->pluton, "encrypt");
}

static void decrypt_through_pluton(void *context)
{
	struct message *m = context;
	struct pluton_aes_gcm_request request = gcm_request(m);

	daemon_expect(pluton_aes_gcm_decrypt(m->pluton, &request), m->pluton, "decrypt");
}

static void digest_through_pluton(void *context)
{
	struct message *m = context;
	const struct pluton_digest_request request = {
		.algorithm = PLUTON_SHA256,
		.input = m->input,
		.length = m->length,
		.digest = m->result,
		.digest_size = DIGEST_SIZE,
	};

	daemon_expect(pluton_digest(m->pluton, &request), m->pluton, "digest");
}

static const struct work works[] = {
	{"AES-256-GCM encrypt",
	 encrypt_in_process,
	 encrypt_through_pluton,
	 true,
	 false,
	 {{1u << 20, "≥ 0.95"}, {16u << 10, "≥ 0.75"}}},
	{"AES-256-GCM decrypt",
	 decrypt_in_process,
	 decrypt_through_pluton,
	 true,
	 true,
	 {{1u << 20, "≥ 0.70"}}},
	{"SHA-256", digest_in_process, digest_through_pluton, false, false, {{0}}},
};

/* --- memory ---------------------------------------------------------------------------------- */

static unsigned char *take(struct pluton *pluton, enum way way, size_t length)
{
	unsigned char *memory = way == WAY_SHARED ? pluton_alloc(pluton, length) : malloc(length);

	if (!memory)
		program_fail("no memory for %zu bytes: %s", length, pluton_error_message(pluton));
	memset(memory, 0x5a, length);
	return memory;
}

static void give(struct pluton *pluton, enum way way, unsigned char *memory)
{
	if (way == WAY_SHARED)
		pluton_free(pluton, memory);
	else
		free(memory);
}

static struct message make_message(const struct work *work, enum way way, struct pluton *pluton,
				   struct evp *evp, size_t length)
{
	struct message message = {
		.way = way,
		.pluton = pluton,
		.evp = evp,
		.length = length,
		.input = take(pluton, way, length),
		.output = work->has_output ? take(pluton, way, length) : NULL,
	};

	if (work->in_process == decrypt_in_process) /* the input shall have a right tag */
		evp_encrypt(evp, key, iv, message.output, message.input, length, message.result);
	return message;
}

static void drop_message(const struct message *message)
{
	give(message->pluton, message->way, message->input);
	if (message->output)
		give(message->pluton, message->way, message->output);
}

/* --- measuring ------------------------------------------------------------------------------- */

/* Both must come to the same result. */
static void compare(const struct work *work, const struct message *right, const struct message *m)
{
	if (memcmp(m->result, right->result, sizeof(m->result)) != 0 ||
	    (m->output && memcmp(m->output, right->output, m->length) != 0))
		program_fail("%s of %zu bytes differs from OpenSSL's", work->name, m->length);
}

static const char *budget(const struct work *work, size_t length)
{
	for (size_t i = 0; i < 2; i++) {
		if (work->budgets[i].length == length)
			return work->budgets[i].ratio;
	}
	return "";
}

static double mb_per_s(const struct race *race, size_t contestant, size_t length)
{
	return (double)length * 1e3 / race_quantile(race, contestant, 0.5);
}

/* A connection of its own for each race: what the one keeps is not in the other's way. */
static void race_one(const struct program *program, const struct work *work,
		     const struct daemon *daemon, struct evp *evp, size_t length, enum way way,
		     struct speeds *ret)
{
	struct pluton *pluton = daemon_connect(daemon);
	struct message messages[] = {make_message(work, WAY_EVP, pluton, evp, length),
				     make_message(work, way, pluton, evp, length)};
	struct race race = {
		.count = 2,
		.samples_per_round = 1,
		.sample_ns = program->quick ? 100000 : 1000000,
		.budget_ns = program->quick ? 10000000 : 400000000,
		.contestants = {{.run = work->in_process, .context = &messages[0]},
				{.run = work->through_pluton, .context = &messages[1]}}};

	race_run(&race);
	compare(work, &messages[0], &messages[1]);
	/* speeds are compared, so that 1 is as fast as OpenSSL */
	*ret = (struct speeds){.evp = mb_per_s(&race, 0, length),
			       .pluton = mb_per_s(&race, 1, length),
			       .ratio = race_ratio(&race, 0, 1),
			       .quiet =
				       race_quantile(&race, 0, 0.1) / race_quantile(&race, 1, 0.1)};
	race_free(&race);
	drop_message(&messages[0]);
	drop_message(&messages[1]);
	pluton_close(pluton);
}

static void measure(const struct table *table, const struct work *work, const struct daemon *daemon,
		    struct evp *evp, size_t length)
{
	struct speeds shared, copied;

	race_one(table->program, work, daemon, evp, length, WAY_SHARED, &shared);
	race_one(table->program, work, daemon, evp, length, WAY_COPIED, &copied);
	TABLE_ROW(table, NUMBER(length), NUMBER(shared.evp), NUMBER(shared.pluton),
		  NUMBER(shared.ratio), NUMBER(shared.quiet), NUMBER(copied.pluton),
		  NUMBER(copied.ratio), NUMBER(copied.quiet), TEXT(budget(work, length)));
}

static const struct column columns[] = {
	{"bytes", "bytes", 9, 0},
	{"EVP MB/s", "evp_mb_s", 9, 1},
	{"shared MB/s", "shared_mb_s", 11, 1},
	{"ratio", "shared_ratio", 6, 3},
	{"quiet", "shared_quiet_ratio", 6, 3},
	{"copied MB/s", "copied_mb_s", 11, 1},
	{"ratio", "copied_ratio", 6, 3},
	{"quiet", "copied_quiet_ratio", 6, 3},
	{"budget", "budget", 7, 0},
};

static size_t aead_scratch(const struct daemon *daemon)
{
	struct pluton *pluton = daemon_connect(daemon);
	struct pluton_limit_row *rows;
	size_t count, size = 0;

	daemon_expect(pluton_list_limits(pluton, &rows, &count), pluton, "limits");
	for (size_t i = 0; i < count; i++) {
		if (strcmp(rows[i].name, "aead_scratch") == 0)
			size = rows[i].value;
	}
	free(rows);
	pluton_close(pluton);
	return size;
}

static void measure_work(const struct program *program, const struct work *work,
			 const struct placement *placement, const struct daemon *daemon,
			 struct evp *evp)
{
	static const size_t all[] = {16,	256,	   1u << 10,   4u << 10,
				     16u << 10, 64u << 10, 256u << 10, 1u << 20,
				     4u << 20,	16u << 20, 64u << 20};
	static const size_t few[] = {16, 16u << 10, 1u << 20};
	const size_t *lengths = program->quick ? few : all;
	size_t count = program->quick ? sizeof(few) / sizeof(*few) : sizeof(all) / sizeof(*all);
	size_t longest = work->within_scratch ? aead_scratch(daemon) : SIZE_MAX;
	char title[128];
	struct table table = {program, title, columns, sizeof(columns) / sizeof(columns[0])};

	snprintf(title, sizeof(title), "%s, %s", work->name, placement->name);
	table_begin(&table);
	for (size_t i = 0; i < count && lengths[i] <= longest; i++)
		measure(&table, work, daemon, evp, lengths[i]);
}

static void measure_placement(const struct program *program, const struct placement *placement,
			      struct evp *evp)
{
	struct daemon daemon;

	if (!cpus_possible(placement)) {
		program_skip("not measured: %s, there is but one", placement->name);
		return;
	}
	daemon_start(&daemon, placement->server);
	cpus_pin(placement->client);
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		measure_work(program, &works[i], placement, &daemon, evp);
	cpus_pin(CPU_ANY);
	daemon_stop(&daemon);
}

int main(int argc, char **argv)
{
	struct placement placements[PLACEMENTS];
	struct program program;
	struct evp evp;

	program_start(&program, "crypto",
		      "Speed of encryption and hashing through libpluton, beside OpenSSL in "
		      "process.\vratio: speed over EVP's, the median over all rounds.\n"
		      "quiet: the same from each one's fastest tenth.\n"
		      "shared: memory from pluton_alloc. copied: ordinary memory.",
		      argc, argv);
	evp_open(&evp);
	cpus_placements(placements);
	for (size_t i = 0; i < PLACEMENTS; i++)
		measure_placement(&program, &placements[i], &evp);
	evp_close(&evp);
	return EXIT_SUCCESS;
}
