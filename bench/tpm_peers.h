/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TPMs that Pluton's is compared with: swtpm, and tpm2-abrmd over another swtpm on a private
 * bus. Each has a folder of its own under one that is removed at the end, however that comes.
 */
#ifndef PLUTON_BENCH_TPM_PEERS_H
#define PLUTON_BENCH_TPM_PEERS_H

#include <stdbool.h>
#include <sys/types.h>

#define TPM_PEER_PATH_MAX 80

struct tpm_peers {
	char raw[TPM_PEER_PATH_MAX];  /* data socket of a swtpm that nobody else uses */
	char tcti[TPM_PEER_PATH_MAX]; /* that of one for its TCTI: "swtpm:path=" and this */
	pid_t abrmd;		      /* tpm2-abrmd itself */
	pid_t abrmd_swtpm;	      /* the swtpm under it */
};

/* false, and says so: a program that it takes is not installed. */
bool tpm_peers_present(void);

/* Starts all of them on a CPU (bench/cpus.h); "tabrmd:bus_type=session" then works too. */
void tpm_peers_start(struct tpm_peers *peers, int cpu);
void tpm_peers_stop(void);

#endif
