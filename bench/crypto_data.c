/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages from 16 bytes to 16 MiB: digests, MACs and AES with keys of 32 bytes, with memory shared
 * with the daemon (no copy), and with ordinary memory.
 */
#include <openssl/core_names.h>
#include <stdlib.h>
#include <string.h>

#include <pluton/aes.h>
#include <pluton/digest.h>
#include <pluton/mac.h>
#include <pluton/manager.h>

#include "bench/crypto_parts.h"
#include "bench/evp.h"
#include "bench/race.h"

#define COLUMNS(columns) (columns), sizeof(columns) / sizeof((columns)[0])
#define RESULT_SIZE 64u /* a tag, a MAC or a digest */

enum way {
	WAY_EVP,
	WAY_SHARED, /* memory from pluton_alloc */
	WAY_COPIED, /* ordinary memory */
};

struct work;

/* One message in one way: where its bytes are. */
struct message {
	const struct work *work;
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
	const char *evp; /* OpenSSL's name of the algorithm, or of a MAC's hash */
	int algorithm;	 /* libpluton's */
	bool decrypts;
	bool has_tag;
	bool has_output;
	bool within_scratch; /* as long as aead_scratch; CCM with this nonce ends before 16 MiB */
	void (*open)(struct evp *evp, const struct work *work);
	void (*in_process)(void *message);
	void (*through_pluton)(void *message);
	struct {
		size_t length;
		const char *ratio;
	} budgets[2]; /* design, section 10 */
};

static const unsigned char key[EVP_KEY_SIZE] = "a key that is good for measuring";
static const unsigned char iv[16] = "never twice";

/* --- OpenSSL -----------------------------------------------------------------------------------
 */

static void open_hash(struct evp *evp, const struct work *work)
{
	evp_open_hash(evp, work->evp);
}

static void open_hmac(struct evp *evp, const struct work *work)
{
	evp_open_mac(evp, "HMAC", OSSL_MAC_PARAM_DIGEST, work->evp);
}

static void open_cmac(struct evp *evp, const struct work *work)
{
	evp_open_mac(evp, "CMAC", OSSL_MAC_PARAM_CIPHER, work->evp);
}

static void open_cipher(struct evp *evp, const struct work *work)
{
	evp_open_cipher(evp, work->evp);
}

static void digest_in_process(void *context)
{
	struct message *m = context;

	evp_digest(m->evp, m->input, m->length, m->result);
}

static void mac_in_process(void *context)
{
	struct message *m = context;

	evp_mac(m->evp, key, m->input, m->length, m->result);
}

static unsigned char *tag_of(struct message *m)
{
	return m->work->has_tag ? m->result : NULL;
}

static void encrypt_in_process(void *context)
{
	struct message *m = context;

	evp_encrypt(m->evp, key, iv, m->input, m->output, m->length, tag_of(m));
}

static void decrypt_in_process(void *context)
{
	struct message *m = context;

	evp_decrypt(m->evp, key, iv, m->input, m->output, m->length, tag_of(m));
}

/* --- libpluton ---------------------------------------------------------------------------------
 */

static void expect(const struct message *m, int r)
{
	daemon_expect(r, m->pluton, m->work->name);
}

static void digest_through_pluton(void *context)
{
	struct message *m = context;
	const struct pluton_digest_request request = {
		.algorithm = (enum pluton_digest_algorithm)m->work->algorithm,
		.input = m->input,
		.length = m->length,
		.digest = m->result,
		.digest_size = sizeof(m->result),
	};

	expect(m, pluton_digest(m->pluton, &request));
}

static void mac_through_pluton(void *context)
{
	struct message *m = context;
	enum pluton_mac_algorithm algorithm = (enum pluton_mac_algorithm)m->work->algorithm;
	const struct pluton_mac_request request = {
		.algorithm = algorithm,
		.key = key,
		.key_size = sizeof(key),
		.input = m->input,
		.length = m->length,
		.mac = m->result,
		.mac_size = pluton_mac_size(algorithm),
	};

	expect(m, pluton_mac(m->pluton, &request));
}

static void gcm_through_pluton(void *context)
{
	struct message *m = context;
	const struct pluton_aes_gcm_request request = {
		.key = key,
		.key_size = sizeof(key),
		.iv = iv,
		.input = m->input,
		.output = m->output,
		.length = m->length,
		.tag = m->result,
	};

	expect(m, m->work->decrypts ? pluton_aes_gcm_decrypt(m->pluton, &request)
				    : pluton_aes_gcm_encrypt(m->pluton, &request));
}

static void ccm_through_pluton(void *context)
{
	struct message *m = context;
	const struct pluton_aes_ccm_request request = {
		.key = key,
		.key_size = sizeof(key),
		.nonce = iv,
		.nonce_size = 12,
		.input = m->input,
		.output = m->output,
		.length = m->length,
		.tag = m->result,
		.tag_size = 16,
	};

	expect(m, m->work->decrypts ? pluton_aes_ccm_decrypt(m->pluton, &request)
				    : pluton_aes_ccm_encrypt(m->pluton, &request));
}

static void cbc_through_pluton(void *context)
{
	struct message *m = context;
	const struct pluton_aes_cbc_request request = {
		.key = key,
		.key_size = sizeof(key),
		.iv = iv,
		.input = m->input,
		.output = m->output,
		.length = m->length,
	};

	expect(m, m->work->decrypts ? pluton_aes_cbc_decrypt(m->pluton, &request)
				    : pluton_aes_cbc_encrypt(m->pluton, &request));
}

static void ecb_through_pluton(void *context)
{
	struct message *m = context;
	const struct pluton_aes_ecb_request request = {
		.key = key,
		.key_size = sizeof(key),
		.input = m->input,
		.output = m->output,
		.length = m->length,
	};

	expect(m, pluton_aes_ecb_encrypt(m->pluton, &request));
}

static void ctr_through_pluton(void *context)
{
	struct message *m = context;
	const struct pluton_aes_ctr_request request = {
		.key = key,
		.key_size = sizeof(key),
		.ctr = iv,
		.ctr_bits = 128,
		.input = m->input,
		.output = m->output,
		.length = m->length,
	};

	expect(m, pluton_aes_ctr(m->pluton, &request));
}

/* --- what there is -----------------------------------------------------------------------------
 */

#define DIGEST(string, openssl, number)                                                            \
	{                                                                                          \
		.name = (string), .evp = (openssl), .algorithm = (number), .open = open_hash,      \
		.in_process = digest_in_process, .through_pluton = digest_through_pluton           \
	}
#define HMAC(string, openssl, number)                                                              \
	{                                                                                          \
		.name = (string), .evp = (openssl), .algorithm = (number), .open = open_hmac,      \
		.in_process = mac_in_process, .through_pluton = mac_through_pluton                 \
	}
#define ENCRYPT(string, openssl, function)                                                         \
	.name = (string), .evp = (openssl), .has_output = true, .open = open_cipher,               \
	.in_process = encrypt_in_process, .through_pluton = (function)
#define DECRYPT(string, openssl, function)                                                         \
	.name = (string), .evp = (openssl), .has_output = true, .open = open_cipher,               \
	.decrypts = true, .in_process = decrypt_in_process, .through_pluton = (function)

static const struct work works[] = {
	{ENCRYPT("AES-256-GCM encrypt", "AES-256-GCM", gcm_through_pluton), .has_tag = true,
	 .budgets = {{1u << 20, "≥ 0.95"}, {16u << 10, "≥ 0.75"}}},
	{DECRYPT("AES-256-GCM decrypt", "AES-256-GCM", gcm_through_pluton), .has_tag = true,
	 .within_scratch = true, .budgets = {{1u << 20, "≥ 0.70"}}},
	{ENCRYPT("AES-256-CTR", "AES-256-CTR", ctr_through_pluton)},
	{ENCRYPT("AES-256-CBC encrypt", "AES-256-CBC", cbc_through_pluton)},
	{DECRYPT("AES-256-CBC decrypt", "AES-256-CBC", cbc_through_pluton)},
	{ENCRYPT("AES-256-ECB", "AES-256-ECB", ecb_through_pluton)},
	{ENCRYPT("AES-256-CCM encrypt", "AES-256-CCM", ccm_through_pluton), .has_tag = true,
	 .within_scratch = true},
	{DECRYPT("AES-256-CCM decrypt", "AES-256-CCM", ccm_through_pluton), .has_tag = true,
	 .within_scratch = true},
	DIGEST("SHA-1", "SHA1", PLUTON_SHA1),
	DIGEST("SHA-224", "SHA224", PLUTON_SHA224),
	DIGEST("SHA-256", "SHA256", PLUTON_SHA256),
	DIGEST("SHA-384", "SHA384", PLUTON_SHA384),
	DIGEST("SHA-512", "SHA512", PLUTON_SHA512),
	DIGEST("SHA3-256", "SHA3-256", PLUTON_SHA3_256),
	DIGEST("SHA3-384", "SHA3-384", PLUTON_SHA3_384),
	DIGEST("SHA3-512", "SHA3-512", PLUTON_SHA3_512),
	HMAC("HMAC-SHA-1", "SHA1", PLUTON_HMAC_SHA1),
	HMAC("HMAC-SHA-224", "SHA224", PLUTON_HMAC_SHA224),
	HMAC("HMAC-SHA-256", "SHA256", PLUTON_HMAC_SHA256),
	HMAC("HMAC-SHA-384", "SHA384", PLUTON_HMAC_SHA384),
	HMAC("HMAC-SHA-512", "SHA512", PLUTON_HMAC_SHA512),
	HMAC("HMAC-SHA3-256", "SHA3-256", PLUTON_HMAC_SHA3_256),
	HMAC("HMAC-SHA3-384", "SHA3-384", PLUTON_HMAC_SHA3_384),
	HMAC("HMAC-SHA3-512", "SHA3-512", PLUTON_HMAC_SHA3_512),
	{.name = "CMAC-AES-256",
	 .evp = "AES-256-CBC",
	 .algorithm = PLUTON_CMAC_AES,
	 .open = open_cmac,
	 .in_process = mac_in_process,
	 .through_pluton = mac_through_pluton},
};

/* --- memory ------------------------------------------------------------------------------------
 */

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
		.work = work,
		.way = way,
		.pluton = pluton,
		.evp = evp,
		.length = length,
		.input = take(pluton, way, length),
		.output = work->has_output ? take(pluton, way, length) : NULL,
	};

	if (work->decrypts) /* the input shall have a right tag */
		evp_encrypt(evp, key, iv, message.output, message.input, length, tag_of(&message));
	return message;
}

static void drop_message(const struct message *message)
{
	give(message->pluton, message->way, message->input);
	if (message->output)
		give(message->pluton, message->way, message->output);
}

/* --- measuring ---------------------------------------------------------------------------------
 */

/* Both must come to the same result. */
static void compare(const struct message *right, const struct message *m)
{
	if (memcmp(m->result, right->result, sizeof(m->result)) != 0 ||
	    (m->output && memcmp(m->output, right->output, m->length) != 0))
		program_fail("%s of %zu bytes differs from OpenSSL's", m->work->name, m->length);
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
static void race_one(const struct crypto_bench *bench, const struct work *work, struct evp *evp,
		     size_t length, enum way way, struct speeds *ret)
{
	struct pluton *pluton = daemon_connect(bench->daemon);
	struct message messages[] = {make_message(work, WAY_EVP, pluton, evp, length),
				     make_message(work, way, pluton, evp, length)};
	struct race race = {
		.count = 2,
		.samples_per_round = 1,
		.sample_ns = bench->program->quick ? 20000 : 1000000,
		.budget_ns = bench->program->quick ? 1000000 : 150000000,
		.contestants = {{.run = work->in_process, .context = &messages[0]},
				{.run = work->through_pluton, .context = &messages[1]}}};

	race_run(&race);
	compare(&messages[0], &messages[1]);
	*ret = (struct speeds){
		.evp = mb_per_s(&race, 0, length),
		.pluton = mb_per_s(&race, 1, length),
		.ratio = race_ratio(&race, 0, 1),
		.quiet = race_quantile(&race, 0, 0.1) / race_quantile(&race, 1, 0.1),
	};
	race_free(&race);
	drop_message(&messages[0]);
	drop_message(&messages[1]);
	pluton_close(pluton);
}

static void measure(const struct crypto_bench *bench, const struct table *table,
		    const struct work *work, struct evp *evp, size_t length)
{
	struct speeds shared, copied;

	race_one(bench, work, evp, length, WAY_SHARED, &shared);
	race_one(bench, work, evp, length, WAY_COPIED, &copied);
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

static void measure_work(const struct crypto_bench *bench, const struct work *work)
{
	static const size_t all[] = {16,	256,	    1u << 10, 4u << 10, 16u << 10,
				     64u << 10, 256u << 10, 1u << 20, 16u << 20};
	static const size_t few[] = {16, 16u << 10, 1u << 20};
	const size_t *lengths = bench->program->quick ? few : all;
	size_t count =
		bench->program->quick ? sizeof(few) / sizeof(*few) : sizeof(all) / sizeof(*all);
	size_t longest = work->within_scratch ? aead_scratch(bench->daemon) : SIZE_MAX;
	struct crypto_table table;
	struct evp evp;

	if (!crypto_begin(bench, &table, work->name, COLUMNS(columns)))
		return;
	work->open(&evp, work);
	for (size_t i = 0; i < count && lengths[i] <= longest; i++)
		measure(bench, &table.table, work, &evp, lengths[i]);
	evp_close(&evp);
}

void crypto_measure_data(const struct crypto_bench *bench)
{
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		measure_work(bench, &works[i]);
}
