/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long TPM commands take through Pluton's TCTI, beside swtpm and tpm2-abrmd, and what memory
 * they all have after that.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pluton/app.h>

#include "bench/cpus.h"
#include "bench/daemon.h"
#include "bench/memory.h"
#include "bench/program.h"
#include "bench/race.h"
#include "bench/table.h"
#include "bench/tpm_link.h"
#include "bench/tpm_peers.h"

#define PCR 16u /* for debugging; anybody may extend it */
#define NV_INDEX 0x01800001u
#define NV_SIZE 64u
#define RANDOM_SIZE 16u

enum { RAW_SWTPM, TCTI_SWTPM, ABRMD, PLUTON, LINKS };

static const char *const names[LINKS] = {
	"swtpm, its socket held open",
	"swtpm through its TCTI",
	"tpm2-abrmd over swtpm",
	"pluton through its TCTI",
};

static const struct column columns[] = {
	{"", "what", -30, 0},		{"median µs", "median_us", 10, 1},
	{"p99 µs", "p99_us", 10, 1},	{"/ swtpm", "ratio_swtpm", 8, 2},
	{"/ TCTI", "ratio_tcti", 8, 2}, {"/ abrmd", "ratio_abrmd", 8, 2},
	{"calls", "calls", 8, 0},
};

struct errand {
	struct tpm_link *link;
	struct tpm_bytes command;
};

static void perform(void *context)
{
	struct errand *errand = context;

	tpm_link_perform(errand->link, &errand->command);
}

/* For a link that is closed, and is afterwards. */
static void connect_once(void *context)
{
	struct errand *errand = context;

	tpm_link_open(errand->link);
	tpm_link_perform(errand->link, &errand->command);
	tpm_link_close(errand->link);
}

static void print(const struct program *program, const struct placement *placement,
		  const char *what, const struct race *race)
{
	char title[128];
	struct table table = {program, title, columns, sizeof(columns) / sizeof(columns[0])};

	snprintf(title, sizeof(title), "%s, %s", what, placement->name);
	table_begin(&table);
	for (size_t i = 0; i < race->count; i++)
		TABLE_ROW(&table, TEXT(names[i]), NUMBER(race_quantile(race, i, 0.5) / 1e3),
			  NUMBER(race_quantile(race, i, 0.99) / 1e3),
			  NUMBER(race_ratio(race, i, RAW_SWTPM)),
			  NUMBER(race_ratio(race, i, TCTI_SWTPM)),
			  NUMBER(race_ratio(race, i, ABRMD)),
			  NUMBER(race->rounds * race->samples_per_round));
}

static void race_errands(const struct program *program, const struct placement *placement,
			 const char *what, struct errand errands[LINKS], void (*run)(void *))
{
	struct race race = {.count = LINKS,
			    .samples_per_round = program->quick ? 3 : 40,
			    .budget_ns = program->quick ? 100000000 : 3000000000};

	for (size_t i = 0; i < LINKS; i++)
		race.contestants[i] = (struct contestant){.run = run, .context = &errands[i]};
	race_run(&race);
	print(program, placement, what, &race);
	race_free(&race);
}

static void measure_same(const struct program *program, const struct placement *placement,
			 struct tpm_link links[LINKS], const char *what, struct tpm_bytes command,
			 void (*run)(void *))
{
	struct errand errands[LINKS];

	for (size_t i = 0; i < LINKS; i++)
		errands[i] = (struct errand){&links[i], command};
	race_errands(program, placement, what, errands, run);
}

static void measure_signing(const struct program *program, const struct placement *placement,
			    struct tpm_link links[LINKS], const char *what, enum tpm_key key)
{
	struct tpm_bytes create = tpm_create_primary(key);
	struct errand errands[LINKS];

	for (size_t i = 0; i < LINKS; i++) {
		tpm_link_perform(&links[i], &create);
		errands[i] = (struct errand){
			&links[i], tpm_sign(tpm_response_handle(links[i].response, links[i].size))};
	}
	race_errands(program, placement, what, errands, perform);
}

static void measure_nv(const struct program *program, const struct placement *placement,
		       struct tpm_link links[LINKS])
{
	struct tpm_bytes define = tpm_nv_define(NV_INDEX, NV_SIZE);
	struct tpm_bytes undefine = tpm_nv_undefine(NV_INDEX);

	for (size_t i = 0; i < LINKS; i++)
		tpm_link_perform(&links[i], &define);
	measure_same(program, placement, links, "NV_Write of 64 bytes",
		     tpm_nv_write(NV_INDEX, NV_SIZE), perform);
	for (size_t i = 0; i < LINKS; i++)
		tpm_link_perform(&links[i], &undefine);
}

static void measure_all(const struct program *program, const struct placement *placement,
			struct tpm_link links[LINKS])
{
	for (size_t i = 0; i < LINKS; i++)
		tpm_link_open(&links[i]);
	measure_same(program, placement, links, "GetRandom(16)", tpm_get_random(RANDOM_SIZE),
		     perform);
	measure_same(program, placement, links, "PCR_Read", tpm_pcr_read(PCR), perform);
	measure_same(program, placement, links, "PCR_Extend", tpm_pcr_extend(PCR), perform);
	measure_signing(program, placement, links, "Sign, ECDSA P-256", TPM_KEY_P256);
	measure_signing(program, placement, links, "Sign, RSA-2048", TPM_KEY_RSA2048);
	measure_nv(program, placement, links);
	for (size_t i = 0; i < LINKS; i++)
		tpm_link_close(&links[i]);
	measure_same(program, placement, links, "connect, GetRandom(16), close",
		     tpm_get_random(RANDOM_SIZE), connect_once);
}

/* --- memory ---------------------------------------------------------------------------------- */

static const struct column memory_columns[] = {
	{"", "what", -30, 0},
	{"KiB", "kib", 8, 0},
	{"/ abrmd", "ratio_abrmd", 8, 2},
	{"budget", "budget", 8, 0},
};

static pid_t tpmd_of(const struct daemon *daemon)
{
	struct pluton *pluton = daemon_connect(daemon);
	struct pluton_app_row row;

	daemon_expect(pluton_app_status(pluton, "tpm0", &row), pluton, "status of tpm0");
	pluton_close(pluton);
	return (pid_t)row.pid;
}

/* Without the bus that tpm2-abrmd needs, and Pluton does not. */
static void measure_memory(const struct program *program, const struct tpm_peers *peers,
			   const struct daemon *daemon)
{
	struct memory ours = memory_of(daemon->run.pid), tpmd = memory_of(tpmd_of(daemon));
	long theirs = memory_of(peers->abrmd).kib + memory_of(peers->abrmd_swtpm).kib;
	char title[64];
	const struct table table = {program, title, memory_columns,
				    sizeof(memory_columns) / sizeof(memory_columns[0])};

	snprintf(title, sizeof(title), "memory after that, %s", ours.kind);
	table_begin(&table);
	TABLE_ROW(&table, TEXT("tpm2-abrmd + swtpm"), NUMBER(theirs), NUMBER(1), TEXT(""));
	TABLE_ROW(&table, TEXT("plutond"), NUMBER(ours.kib),
		  NUMBER((double)ours.kib / (double)theirs), TEXT(""));
	TABLE_ROW(&table, TEXT("plutond + pluton-tpmd"), NUMBER(ours.kib + tpmd.kib),
		  NUMBER((double)(ours.kib + tpmd.kib) / (double)theirs), TEXT("≤ 1.0"));
}

static void name_link(struct tpm_link *link, size_t which, const char *scheme, const char *path)
{
	*link = (struct tpm_link){.name = names[which], .raw = which == RAW_SWTPM, .fd = -1};
	snprintf(link->address, sizeof(link->address), "%s%s", scheme, path);
}

static void name_links(struct tpm_link links[LINKS], const struct tpm_peers *peers,
		       const struct daemon *daemon)
{
	name_link(&links[RAW_SWTPM], RAW_SWTPM, "", peers->raw);
	name_link(&links[TCTI_SWTPM], TCTI_SWTPM, "swtpm:path=", peers->tcti);
	name_link(&links[ABRMD], ABRMD, "tabrmd:bus_type=session", "");
	name_link(&links[PLUTON], PLUTON,
		  BUILD_FOLDER "/.libs/libtss2-tcti-pluton.so.0:address=", daemon->address);
}

static void measure(const struct program *program, const struct placement *placement)
{
	static struct tpm_link links[LINKS];
	struct tpm_peers peers;
	struct daemon daemon;

	if (!cpus_possible(placement)) {
		program_skip("not measured: %s, there is but one", placement->name);
		return;
	}
	tpm_peers_start(&peers, placement->server);
	daemon_start(&daemon, placement->server);
	name_links(links, &peers, &daemon);
	cpus_pin(placement->client);
	measure_all(program, placement, links);
	measure_memory(program, &peers, &daemon);
	cpus_pin(CPU_ANY);
	daemon_stop(&daemon);
	tpm_peers_stop();
}

/* GLib, in tpm2-abrmd's TCTI, keeps a process's first connection to a bus, though the bus ends. */
static int measure_in_child(const struct program *program, const struct placement *placement)
{
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		program_fail("fork: %s", strerror(errno));
	if (pid == 0) {
		measure(program, placement);
		exit(EXIT_SUCCESS);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	int status = EXIT_SUCCESS;

	struct placement placements[PLACEMENTS];
	struct program program;

	program_start(&program, "tpm-roundtrip",
		      "Times of TPM commands through Pluton's TCTI, beside swtpm and tpm2-abrmd."
		      "\v/ X: time over X's, median over the rounds.",
		      argc, argv);
	if (!tpm_peers_present())
		return EXIT_SUCCESS;
	cpus_placements(placements);
	for (size_t i = 0; i < PLACEMENTS && status == EXIT_SUCCESS; i++)
		status = measure_in_child(&program, &placements[i]);
	return status;
}
