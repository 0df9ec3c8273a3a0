/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a chip is asked for in earnest: a TPM's state, a key for it; two clients at once; and what
 * others feel while one has keys made.
 */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pluton/aes.h>
#include <pluton/digest.h>
#include <pluton/mac.h>
#include <pluton/rsa.h>

#include "bench/crypto_parts.h"
#include "bench/evp.h"
#include "bench/evp_keys.h"
#include "bench/race.h"

#define COLUMNS(columns) (columns), sizeof(columns) / sizeof((columns)[0])
#define STATE_SIZE (16u * 1024) /* of a TPM */
#define LONG_LENGTH ((size_t)1 << 20)

static const unsigned char key[EVP_KEY_SIZE] = "a key that is good for measuring";
static const unsigned char iv[PLUTON_AES_GCM_IV_SIZE] = "never twice";

static void hash(struct pluton *pluton, const void *input, size_t length, unsigned char *digest)
{
	const struct pluton_digest_request request = {.algorithm = PLUTON_SHA256,
						      .input = input,
						      .length = length,
						      .digest = digest,
						      .digest_size = 32};

	daemon_expect(pluton_digest(pluton, &request), pluton, "digest");
}

static void authenticate(struct pluton *pluton, const void *input, size_t length,
			 unsigned char *mac)
{
	const struct pluton_mac_request request = {.algorithm = PLUTON_HMAC_SHA256,
						   .key = key,
						   .key_size = sizeof(key),
						   .input = input,
						   .length = length,
						   .mac = mac,
						   .mac_size = 32};

	daemon_expect(pluton_mac(pluton, &request), pluton, "mac");
}

static void encrypt(struct pluton *pluton, const void *input, void *output, size_t length,
		    unsigned char *tag)
{
	const struct pluton_aes_gcm_request request = {.key = key,
						       .key_size = sizeof(key),
						       .iv = iv,
						       .input = input,
						       .output = output,
						       .length = length,
						       .tag = tag};

	daemon_expect(pluton_aes_gcm_encrypt(pluton, &request), pluton, "encrypt");
}

/* --- loads -------------------------------------------------------------------------------------
 */

struct load {
	struct pluton *pluton;
	struct evp digest, mac, cipher;
	unsigned char *input, *output; /* shared memory, for both ways */
	unsigned char results[3][32];
	unsigned char signature[PLUTON_RSA_SIZE_MAX];
};

static void keep_state_evp(void *context)
{
	struct load *load = context;

	evp_digest(&load->digest, load->input, STATE_SIZE, load->results[0]);
	evp_mac(&load->mac, key, load->input, STATE_SIZE, load->results[1]);
	evp_encrypt(&load->cipher, key, iv, load->input, load->output, STATE_SIZE,
		    load->results[2]);
}

static void keep_state(void *context)
{
	struct load *load = context;

	hash(load->pluton, load->input, STATE_SIZE, load->results[0]);
	authenticate(load->pluton, load->input, STATE_SIZE, load->results[1]);
	encrypt(load->pluton, load->input, load->output, STATE_SIZE, load->results[2]);
}

static void make_and_sign_evp(void *context)
{
	struct load *load = context;
	size_t size = sizeof(load->signature);

	evp_sign(evp_generate("RSA", NULL, 3072), RSA_PKCS1_PADDING, key, load->signature, &size);
}

static void make_and_sign(void *context)
{
	struct load *load = context;
	struct pluton_rsa_key made;
	const struct pluton_rsa_request request = {.key = &made,
						   .padding = PLUTON_RSA_PKCS1,
						   .hash = PLUTON_SHA256,
						   .input = key,
						   .length = 32,
						   .output = load->signature,
						   .output_size = sizeof(load->signature)};

	daemon_expect(pluton_rsa_generate(load->pluton, 3072, 65537, &made), load->pluton,
		      "generate");
	daemon_expect(pluton_rsa_sign(load->pluton, &request), load->pluton, "sign");
	pluton_rsa_key_wipe(&made);
}

static const struct column load_columns[] = {
	{"", "what", -40, 0},	  {"EVP µs", "evp_us", 12, 1},	  {"pluton µs", "pluton_us", 12, 1},
	{"ratio", "ratio", 6, 3}, {"quiet", "quiet_ratio", 6, 3}, {"calls", "calls", 7, 0},
};

static void race_load(const struct crypto_bench *bench, const struct table *table, const char *what,
		      struct load *load, void (*in_process)(void *), void (*through_pluton)(void *),
		      double seconds)
{
	struct race race = {.count = 2,
			    .samples_per_round = 1,
			    .budget_ns =
				    bench->program->quick ? 1000000 : (uint64_t)(seconds * 1e9),
			    .contestants = {{.run = in_process, .context = load},
					    {.run = through_pluton, .context = load}}};

	race_run(&race);
	TABLE_ROW(table, TEXT(what), NUMBER(race_quantile(&race, 0, 0.5) / 1e3),
		  NUMBER(race_quantile(&race, 1, 0.5) / 1e3), NUMBER(race_ratio(&race, 0, 1)),
		  NUMBER(race_quantile(&race, 0, 0.1) / race_quantile(&race, 1, 0.1)),
		  NUMBER(race.rounds));
	race_free(&race);
}

static void measure_chip_loads(const struct crypto_bench *bench)
{
	struct load load = {.pluton = daemon_connect(bench->daemon)};
	struct crypto_table table;

	if (!crypto_begin(bench, &table, "loads of a chip", COLUMNS(load_columns))) {
		pluton_close(load.pluton);
		return;
	}
	evp_open_hash(&load.digest, "SHA256");
	evp_open_mac(&load.mac, "HMAC", OSSL_MAC_PARAM_DIGEST, "SHA256");
	evp_open_cipher(&load.cipher, "AES-256-GCM");
	load.input = pluton_alloc(load.pluton, STATE_SIZE);
	load.output = pluton_alloc(load.pluton, STATE_SIZE);
	if (!load.input || !load.output)
		program_fail("no memory: %s", pluton_error_message(load.pluton));
	memset(load.input, 0x5a, STATE_SIZE);
	race_load(bench, &table.table, "hash, HMAC and encrypt 16 KiB", &load, keep_state_evp,
		  keep_state, 2);
	if (!bench->program->quick)
		race_load(bench, &table.table, "make an RSA-3072 key and sign", &load,
			  make_and_sign_evp, make_and_sign, 20);
	evp_close(&load.cipher);
	evp_close(&load.mac);
	evp_close(&load.digest);
	pluton_close(load.pluton);
}

/* --- another process ---------------------------------------------------------------------------
 */

/* Does its work over and over, and counts; stopped while it is not wanted. */
struct other {
	pid_t pid;
	atomic_ulong *calls; /* shared with it */
};

typedef void (*habit_fn)(struct pluton *pluton);

/* Of the one connection that this process asks by. */
static unsigned char *shared;

/* Connects, with memory for the longest request. */
static struct pluton *arrive(const struct crypto_bench *bench)
{
	struct pluton *pluton = daemon_connect(bench->daemon);

	shared = pluton_alloc(pluton, 2 * LONG_LENGTH);
	if (!shared)
		program_fail("no memory: %s", pluton_error_message(pluton));
	memset(shared, 0x5a, 2 * LONG_LENGTH);
	return pluton;
}

static void live(const struct crypto_bench *bench, habit_fn habit, atomic_ulong *calls)
{
	struct pluton *pluton = arrive(bench);

	for (;;) {
		habit(pluton);
		atomic_fetch_add(calls, 1);
	}
}

static void other_start(const struct crypto_bench *bench, struct other *other, habit_fn habit)
{
	pid_t parent = getpid();

	other->calls = mmap(NULL, sizeof(*other->calls), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (other->calls == MAP_FAILED)
		program_fail("no shared memory");
	other->pid = fork();
	if (other->pid < 0)
		program_fail("fork: %s", strerror(errno));
	if (other->pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
			_exit(1);
		live(bench, habit, other->calls);
	}
}

static void other_end(struct other *other)
{
	(void)kill(other->pid, SIGKILL);
	(void)waitpid(other->pid, NULL, 0);
	munmap(other->calls, sizeof(*other->calls));
}

/* --- two clients -------------------------------------------------------------------------------
 */

static const struct column pair_columns[] = {
	{"", "what", -28, 0},
	{"one, 1/s", "one_per_s", 10, 0},
	{"two, 1/s", "two_per_s", 10, 0},
	{"ratio", "ratio", 6, 3},
};

static void ask_short(struct pluton *pluton)
{
	unsigned char digest[32];

	hash(pluton, key, sizeof(key), digest);
}

static void ask_of(struct pluton *pluton, size_t length)
{
	unsigned char tag[16];

	encrypt(pluton, shared, shared + LONG_LENGTH, length, tag);
}

static void ask_state(struct pluton *pluton)
{
	ask_of(pluton, STATE_SIZE);
}

static void ask_long(struct pluton *pluton)
{
	ask_of(pluton, LONG_LENGTH);
}

/* Calls a second of ours, and of the other's, in this much time. */
static double rate(struct pluton *pluton, habit_fn habit, const struct other *other, uint64_t ns)
{
	unsigned long theirs = atomic_load(other->calls), calls = 0;
	uint64_t start = race_now_ns(), now = start;

	for (; now - start < ns; now = race_now_ns()) {
		habit(pluton);
		calls++;
	}
	return (double)(calls + atomic_load(other->calls) - theirs) * 1e9 / (double)(now - start);
}

/* Alone and together, in turns. */
static void measure_pair(const struct crypto_bench *bench, const struct table *table,
			 const char *what, habit_fn habit)
{
	struct pluton *pluton = arrive(bench);
	size_t rounds = bench->program->quick ? 2 : 11;
	uint64_t ns = bench->program->quick ? 5000000 : 150000000;
	double one[11], two[11], ratios[11];
	struct other other;

	other_start(bench, &other, habit);
	for (size_t i = 0; i < rounds; i++) {
		(void)kill(other.pid, SIGSTOP);
		one[i] = rate(pluton, habit, &other, ns);
		(void)kill(other.pid, SIGCONT);
		two[i] = rate(pluton, habit, &other, ns);
		ratios[i] = two[i] / one[i];
		program_check_signals();
	}
	other_end(&other);
	TABLE_ROW(table, TEXT(what), NUMBER(median_of(one, rounds)), NUMBER(median_of(two, rounds)),
		  NUMBER(median_of(ratios, rounds)));
	pluton_close(pluton);
}

static void measure_pairs(const struct crypto_bench *bench)
{
	struct crypto_table table;

	if (!crypto_begin(bench, &table, "two clients beside one", COLUMNS(pair_columns)))
		return;
	measure_pair(bench, &table.table, "SHA-256 of 32 bytes", ask_short);
	measure_pair(bench, &table.table, "AES-256-GCM of 16 KiB", ask_state);
	measure_pair(bench, &table.table, "AES-256-GCM of 1 MiB", ask_long);
}

/* --- one who makes others wait -----------------------------------------------------------------
 */

static const struct column wait_columns[] = {
	{"", "what", -28, 0},
	{"quiet p50", "quiet_p50_us", 9, 1},
	{"p99 µs", "quiet_p99_us", 9, 1},
	{"then p50", "busy_p50_us", 9, 1},
	{"p99 µs", "busy_p99_us", 9, 1},
	{"ratio p99", "ratio", 9, 2},
	{"budget", "budget", 7, 0},
};

#define WAIT_CALLS_MAX 200000u

static void have_keys_made(struct pluton *pluton)
{
	static struct pluton_rsa_key made;

	daemon_expect(pluton_rsa_generate(pluton, 4096, 65537, &made), pluton, "generate");
}

/* How long each call took, for this long. */
static size_t time_calls(struct pluton *pluton, habit_fn habit, uint64_t ns, double *times,
			 size_t count)
{
	uint64_t end = race_now_ns() + ns;

	for (uint64_t start = race_now_ns(); start < end && count < WAIT_CALLS_MAX;) {
		uint64_t now;

		habit(pluton);
		now = race_now_ns();
		times[count++] = (double)(now - start) / 1e3;
		start = now;
	}
	return count;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(double *times, size_t count, double at)
{
	qsort(times, count, sizeof(*times), compare);
	return times[(size_t)((double)(count - 1) * at)];
}

static void measure_wait(const struct crypto_bench *bench, const struct table *table,
			 const char *what, habit_fn habit)
{
	struct pluton *pluton = arrive(bench);
	double *quiet = calloc(WAIT_CALLS_MAX, sizeof(*quiet));
	double *busy = calloc(WAIT_CALLS_MAX, sizeof(*busy));
	size_t quiet_count = 0, busy_count = 0, rounds = bench->program->quick ? 1 : 6;
	uint64_t ns = bench->program->quick ? 20000000 : 1000000000;

	if (!quiet || !busy)
		program_fail("no memory for times");
	for (size_t i = 0; i < rounds; i++) {
		struct other other;

		quiet_count = time_calls(pluton, habit, ns, quiet, quiet_count);
		other_start(bench, &other, have_keys_made);
		(void)time_calls(pluton, habit, 20000000, busy, busy_count); /* it has begun */
		busy_count = time_calls(pluton, habit, ns, busy, busy_count);
		other_end(&other);
		program_check_signals();
	}
	TABLE_ROW(table, TEXT(what), NUMBER(quantile(quiet, quiet_count, 0.5)),
		  NUMBER(quantile(quiet, quiet_count, 0.99)),
		  NUMBER(quantile(busy, busy_count, 0.5)), NUMBER(quantile(busy, busy_count, 0.99)),
		  NUMBER(quantile(busy, busy_count, 0.99) / quantile(quiet, quiet_count, 0.99)),
		  TEXT("≤ 2"));
	free(busy);
	free(quiet);
	pluton_close(pluton);
}

static void measure_waits(const struct crypto_bench *bench)
{
	struct crypto_table table;

	if (!crypto_begin(bench, &table, "others while one makes RSA-4096 keys",
			  COLUMNS(wait_columns)))
		return;
	measure_wait(bench, &table.table, "SHA-256 of 32 bytes", ask_short);
	measure_wait(bench, &table.table, "AES-256-GCM of 16 KiB", ask_state);
}

void crypto_measure_loads(const struct crypto_bench *bench)
{
	measure_chip_loads(bench);
	measure_pairs(bench);
	measure_waits(bench);
}
