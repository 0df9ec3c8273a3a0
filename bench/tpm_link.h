/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A way to a TPM: a TCTI of tpm2-tss, loaded by name, or swtpm's raw socket held open.
 */
#ifndef PLUTON_BENCH_TPM_LINK_H
#define PLUTON_BENCH_TPM_LINK_H

#include <stdbool.h>
#include <tss2/tss2_tcti.h>

#include "bench/tpm_commands.h"

#define TPM_RESPONSE_MAX 4096u

struct tpm_link {
	const char *name;
	char address[512];	    /* a TCTI string; or a socket's path */
	bool raw;		    /* a socket */
	int fd;			    /* raw: -1 while closed */
	TSS2_TCTI_CONTEXT *context; /* else; NULL while closed */
	size_t size;		    /* of the last response */
	uint8_t response[TPM_RESPONSE_MAX];
};

/* All of them fail the program if it does not work. */
void tpm_link_open(struct tpm_link *link);
void tpm_link_close(struct tpm_link *link);
void tpm_link_transmit(struct tpm_link *link, const struct tpm_bytes *command);

/* The same, until the TPM says something else than "try again"; and that must be success. */
void tpm_link_perform(struct tpm_link *link, const struct tpm_bytes *command);

#endif
