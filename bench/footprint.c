/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon costs: sizes of its code, memory of its clients, many clients, and starting.
 */
#include <stdio.h>
#include <stdlib.h>

#include <pluton/aes.h>
#include <pluton/digest.h>
#include <pluton/manager.h>
#include <pluton/random.h>

#include "bench/cpus.h"
#include "bench/crowd.h"
#include "bench/daemon.h"
#include "bench/memory.h"
#include "bench/program.h"
#include "bench/race.h"
#include "bench/sections.h"
#include "bench/table.h"
#include "daemon/kernel/arena.h"
#include "daemon/kernel/process.h"

#define COLUMNS(columns) (columns), sizeof(columns) / sizeof((columns)[0])

/* --- sections -------------------------------------------------------------------------------- */

static const struct column section_columns[] = {
	{"bytes of", "folder", -26, 0}, {"objects", "objects", 7, 0}, {".text", "text", 8, 0},
	{".rodata", "rodata", 8, 0},	{".data", "data", 6, 0},      {".bss", "bss", 6, 0},
	{"other", "other", 8, 0},	{"total", "total", 8, 0},     {"budget", "budget", 10, 0},
};

static void print_sections(const struct table *table, const char *name,
			   const struct sections *sections, const char *budget)
{
	TABLE_ROW(table, TEXT(name), NUMBER(sections->objects), NUMBER(sections->text),
		  NUMBER(sections->rodata), NUMBER(sections->data), NUMBER(sections->bss),
		  NUMBER(sections->other), NUMBER(sections_total(sections)), TEXT(budget));
}

static void measure_sections(const struct program *program)
{
	static const char *const counted[] = {"daemon/kernel", "svc", "hil"};
	static const char *const others[] = {"daemon/frontends", "daemon", "backends/openssl"};
	const struct table table = {program, "code and static data", COLUMNS(section_columns)};
	struct sections sum = {0}, checker = {0}, capsules = {0};

	table_begin(&table);
	for (size_t i = 0; i < 3; i++) {
		struct sections sections = {0};

		sections_add_folder(&sections, counted[i], "");
		print_sections(&table, counted[i], &sections, "");
		sections_add(&sum, &sections);
	}
	print_sections(&table, "all three", &sum, "≤ 150 KB");
	sections_add_folder(&checker, "hil", "checker");
	print_sections(&table, "of it the contract checker", &checker, "");
	for (size_t i = 0; i < 3; i++) {
		struct sections sections = {0};

		sections_add_folder(&sections, others[i], "");
		print_sections(&table, others[i], &sections, "");
	}
	sections_add_folder(&capsules, "svc", "");
	capsules = (struct sections){
		.objects = capsules.objects, .data = capsules.data, .bss = capsules.bss};
	print_sections(&table, "buffers held by capsules", &capsules, "0");
}

/* --- one client ------------------------------------------------------------------------------ */

static const struct column figure_columns[] = {
	{"", "what", -52, 0},
	{"", "value", 10, 1},
	{"", "unit", -7, 0},
	{"budget", "budget", 8, 0},
};

static uint64_t taken_by(struct pluton *observer, const struct pluton *client)
{
	struct pluton_process_row *rows;
	struct pluton_limits limits;
	uint64_t taken = 0;
	size_t count;

	pluton_get_limits(client, &limits);
	daemon_expect(pluton_list_processes(observer, &rows, &count), observer, "processes");
	for (size_t i = 0; i < count; i++) {
		if (rows[i].index == limits.process_index)
			taken = rows[i].arena_taken;
	}
	free(rows);
	return taken;
}

static void be_idle(struct pluton *pluton, size_t number)
{
	(void)pluton;
	(void)number;
}

static void ask_once(struct pluton *pluton, size_t number)
{
	unsigned char bytes[32];

	(void)number;
	daemon_expect(pluton_random(pluton, bytes, sizeof(bytes)), pluton, "random");
}

static void open_digest(struct pluton *pluton, size_t number)
{
	struct pluton_digest_stream stream;

	(void)number;
	daemon_expect(pluton_digest_begin(pluton, PLUTON_SHA256, &stream), pluton, "digest begin");
	daemon_expect(pluton_digest_update(pluton, &stream, "abc", 3), pluton, "digest update");
}

static void open_aes(struct pluton *pluton, enum pluton_aes_mode mode)
{
	static const unsigned char key[32], iv[16];
	const struct pluton_aes_begin_request request = {
		.mode = mode,
		.direction = PLUTON_AES_ENCRYPT,
		.key = key,
		.key_size = sizeof(key),
		.iv = iv,
		.ctr_bits = mode == PLUTON_AES_CTR ? 128 : 0,
	};
	struct pluton_aes_stream stream;
	unsigned char out[3];

	daemon_expect(pluton_aes_begin(pluton, &request, &stream), pluton, "aes begin");
	daemon_expect(pluton_aes_update(pluton, &stream, "abc", out, 3), pluton, "aes update");
}

static void open_ctr(struct pluton *pluton, size_t number)
{
	(void)number;
	open_aes(pluton, PLUTON_AES_CTR);
}

static void open_gcm(struct pluton *pluton, size_t number)
{
	(void)number;
	open_aes(pluton, PLUTON_AES_GCM);
}

static void share_window(struct pluton *pluton, size_t number)
{
	(void)number;
	if (!pluton_alloc(pluton, 4096))
		program_fail("pluton_alloc: %s", pluton_error_message(pluton));
}

static const struct {
	const char *name;
	crowd_habit habit;
	const char *budget;
} clients[] = {
	{"client, connected and idle", be_idle, "≤ 512"},
	{"client after a request", ask_once, ""},
	{"client with a SHA-256 stream", open_digest, ""},
	{"client with an AES-CTR stream", open_ctr, ""},
	{"client with an AES-GCM stream", open_gcm, ""},
	{"client with a window", share_window, ""},
};

static void measure_clients(const struct program *program)
{
	const struct table table = {program, "what the daemon keeps for one client",
				    COLUMNS(figure_columns)};
	struct daemon daemon;
	struct pluton *observer;

	daemon_start(&daemon, CPU_ANY);
	observer = daemon_connect(&daemon);
	table_begin(&table);
	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		struct pluton *client = daemon_connect(&daemon);

		clients[i].habit(client, 0);
		TABLE_ROW(&table, TEXT(clients[i].name), NUMBER(taken_by(observer, client)),
			  TEXT("bytes"), TEXT(clients[i].budget));
		pluton_close(client);
	}
	pluton_close(observer);
	daemon_stop(&daemon);
}

/* --- the system's view ----------------------------------------------------------------------- */

static void measure_growth(const struct program *program)
{
	size_t step = program->quick ? 100 : 1000;
	const struct table table = {program, "what the daemon grows by, for each idle client",
				    COLUMNS(figure_columns)};
	struct memory before, first, second;
	struct crowd crowds[2];
	struct daemon daemon;
	char name[64];

	if (!crowd_fits(2 * step)) {
		program_skip("growth is not measured: RLIMIT_NOFILE is too low for %zu clients",
			     2 * step);
		return;
	}
	daemon_start(&daemon, CPU_ANY);
	before = memory_of(daemon.run.pid);
	crowd_start(&crowds[0], daemon.address, step, be_idle);
	first = memory_of(daemon.run.pid);
	crowd_start(&crowds[1], daemon.address, step, be_idle);
	second = memory_of(daemon.run.pid);
	table_begin(&table);
	snprintf(name, sizeof(name), "%s of it with nobody connected", before.kind);
	TABLE_ROW(&table, TEXT(name), NUMBER(before.kib), TEXT("KiB"), TEXT(""));
	snprintf(name, sizeof(name), "%s by each of the first %zu", before.kind, step);
	TABLE_ROW(&table, TEXT(name),
		  NUMBER(1024.0 * (double)(first.kib - before.kib) / (double)step), TEXT("bytes"),
		  TEXT(""));
	snprintf(name, sizeof(name), "%s by each of the next %zu", before.kind, step);
	TABLE_ROW(&table, TEXT(name),
		  NUMBER(1024.0 * (double)(second.kib - first.kib) / (double)step), TEXT("bytes"),
		  TEXT(""));
	crowd_end(&crowds[1]);
	crowd_end(&crowds[0]);
	daemon_stop(&daemon);
}

/* --- mixed clients --------------------------------------------------------------------------- */

/* A quarter each: idle; a digest stream; a CTR stream; a digest and a GCM stream. */
static void live_mixed(struct pluton *pluton, size_t number)
{
	if (number % 4 == 1 || number % 4 == 3)
		open_digest(pluton, number);
	if (number % 4 == 2)
		open_ctr(pluton, number);
	if (number % 4 == 3)
		open_gcm(pluton, number);
}

struct account {
	double grants;
	double grant_bytes; /* as the capsules asked for them */
	double grant_taken; /* with heads and rounding */
	double total;	    /* all of the crowd */
};

static struct account account_of(struct pluton *observer)
{
	struct pluton_capsule_row *rows;
	struct pluton_status status;
	struct account account = {0};
	size_t count;

	daemon_expect(pluton_list_capsules(observer, &rows, &count), observer, "capsules");
	daemon_expect(pluton_get_status(observer, &status), observer, "status");
	for (size_t i = 0; i < count; i++) {
		size_t cost = pool_block_size(sizeof(struct block) + rows[i].grant_size);

		account.grants += rows[i].grants;
		account.grant_bytes += (double)rows[i].grants * rows[i].grant_size;
		account.grant_taken += (double)rows[i].grants * (double)cost;
	}
	account.total = (double)status.pool_taken;
	free(rows);
	return account;
}

static void print_mixed(const struct program *program, const struct account *account, size_t count,
			double idle)
{
	const struct table table = {program, "memory of mixed clients", COLUMNS(figure_columns)};
	double heads = account->grant_taken - account->grant_bytes +
		       (double)count * 2.0 * sizeof(struct block);
	double connected = (double)count * idle;
	double pool = account->grant_taken + connected;

	table_begin(&table);
	TABLE_ROW(&table, TEXT("clients"), NUMBER(count), TEXT(""), TEXT(""));
	TABLE_ROW(&table, TEXT("live grants"), NUMBER(account->grants), TEXT(""), TEXT(""));
	TABLE_ROW(&table, TEXT("live grant bytes"), NUMBER(account->grant_bytes), TEXT("bytes"),
		  TEXT(""));
	TABLE_ROW(&table, TEXT("taken for grants, with heads and rounding"),
		  NUMBER(account->grant_taken), TEXT("bytes"), TEXT(""));
	TABLE_ROW(&table, TEXT("taken for being connected"), NUMBER(connected), TEXT("bytes"),
		  TEXT(""));
	TABLE_ROW(&table, TEXT("all that is taken from the pool"), NUMBER(pool), TEXT("bytes"),
		  TEXT(""));
	TABLE_ROW(&table, TEXT("charged for objects of OpenSSL, not of the pool"),
		  NUMBER(account->total - pool), TEXT("bytes"), TEXT(""));
	TABLE_ROW(&table, TEXT("all that is on the book"), NUMBER(account->total), TEXT("bytes"),
		  TEXT(""));
	TABLE_ROW(&table, TEXT("live grant bytes / pool bytes taken for grants"),
		  NUMBER(100.0 * account->grant_bytes / account->grant_taken), TEXT("%"),
		  TEXT("≥ 90"));
	TABLE_ROW(&table, TEXT("live grant bytes / all bytes taken from the pool"),
		  NUMBER(100.0 * account->grant_bytes / pool), TEXT("%"), TEXT(""));
	TABLE_ROW(&table, TEXT("live grant bytes / all that is on the book"),
		  NUMBER(100.0 * account->grant_bytes / account->total), TEXT("%"), TEXT(""));
	TABLE_ROW(&table, TEXT("all but heads and rounding / all on the book"),
		  NUMBER(100.0 * (account->total - heads) / account->total), TEXT("%"), TEXT(""));
}

static void measure_mixed(const struct program *program)
{
	size_t count = program->quick ? 100 : 1000;
	struct daemon daemon;
	struct pluton *observer, *idle;
	struct account empty, account;
	struct crowd crowd;

	if (!crowd_fits(count)) {
		program_skip("mixed clients are not measured: RLIMIT_NOFILE is too low");
		return;
	}
	daemon_start(&daemon, CPU_ANY);
	observer = daemon_connect(&daemon);
	idle = daemon_connect(&daemon);
	empty = account_of(observer);
	crowd_start(&crowd, daemon.address, count, live_mixed);
	account = account_of(observer);
	account.total -= empty.total;
	print_mixed(program, &account, count, (double)taken_by(observer, idle));
	crowd_end(&crowd);
	pluton_close(idle);
	pluton_close(observer);
	daemon_stop(&daemon);
}

/* --- many clients ---------------------------------------------------------------------------- */

static void ask(void *context)
{
	ask_once(context, 0);
}

static const struct column crowd_columns[] = {
	{"clients connected", "connected", 18, 0},
	{"median µs", "median_us", 10, 2},
	{"p99 µs", "p99_us", 10, 2},
	{"ratio", "ratio", 7, 3},
	{"budget", "budget", 8, 0},
};

static void print_many(const struct program *program, const struct race *race, size_t count)
{
	const struct table table = {
		program, "pluton_random(32) of one client, others idle after a request each",
		COLUMNS(crowd_columns)};

	table_begin(&table);
	for (size_t i = 0; i < race->count; i++)
		TABLE_ROW(&table, NUMBER(i ? count : 1), NUMBER(race_quantile(race, i, 0.5) / 1e3),
			  NUMBER(race_quantile(race, i, 0.99) / 1e3),
			  NUMBER(race_ratio(race, i, 0)), TEXT(i ? "≤ 1.05" : ""));
}

/* Two daemons, one of them with a crowd, in turns. All on one CPU: that is the steadier place. */
static void measure_many(const struct program *program)
{
	size_t count = program->quick ? 200 : 10000;
	struct race race = {.count = 2,
			    .samples_per_round = program->quick ? 50 : 500,
			    .budget_ns = program->quick ? 200000000 : 6000000000};
	struct placement placements[PLACEMENTS];
	struct daemon daemons[2];
	struct pluton *active[2];
	struct crowd crowd;

	if (!crowd_fits(count)) {
		program_skip("%zu clients are not measured: RLIMIT_NOFILE is too low", count);
		return;
	}
	cpus_placements(placements);
	for (size_t i = 0; i < 2; i++) {
		daemon_start(&daemons[i], placements[0].server);
		active[i] = daemon_connect(&daemons[i]);
		race.contestants[i] = (struct contestant){.run = ask, .context = active[i]};
	}
	crowd_start(&crowd, daemons[1].address, count - 1, ask_once);
	cpus_pin(placements[0].client);
	race_run(&race);
	print_many(program, &race, count);
	race_free(&race);
	cpus_pin(CPU_ANY);
	crowd_end(&crowd);
	for (size_t i = 0; i < 2; i++) {
		pluton_close(active[i]);
		daemon_stop(&daemons[i]);
	}
}

/* --- starting -------------------------------------------------------------------------------- */

#define STARTS_MAX 21

static void measure_start(const struct program *program)
{
	const struct table table = {program, "starting", COLUMNS(figure_columns)};
	size_t count = program->quick ? 3 : STARTS_MAX;
	double ready_ms[STARTS_MAX], kib[STARTS_MAX];
	struct memory memory = {0};
	char name[64];

	for (size_t i = 0; i < count; i++) {
		struct daemon daemon;

		daemon_start(&daemon, CPU_ANY);
		memory = memory_of(daemon.run.pid);
		ready_ms[i] = daemon.ready_ms;
		kib[i] = (double)memory.kib;
		daemon_stop(&daemon);
		program_check_signals();
	}
	table_begin(&table);
	TABLE_ROW(&table, TEXT("plutond, start to ready, median"),
		  NUMBER(median_of(ready_ms, count)), TEXT("ms"), TEXT("≤ 10"));
	snprintf(name, sizeof(name), "plutond, %s when ready, median", memory.kind);
	TABLE_ROW(&table, TEXT(name), NUMBER(median_of(kib, count)), TEXT("KiB"), TEXT(""));
}

int main(int argc, char **argv)
{
	struct program program;

	program_start(&program, "footprint",
		      "Sizes of the daemon's code, memory of its clients, ten thousand clients, "
		      "and starting.",
		      argc, argv);
	measure_sections(&program);
	measure_clients(&program);
	measure_growth(&program);
	measure_mixed(&program);
	measure_many(&program);
	measure_start(&program);
	return EXIT_SUCCESS;
}
