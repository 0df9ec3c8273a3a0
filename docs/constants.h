/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits that nothing sets, for docs/operations-tables.c. Those of the TPM are in a file of their
 * own, as its headers and the daemon's have names in common.
 */
#ifndef PLUTON_DOCS_CONSTANTS_H
#define PLUTON_DOCS_CONSTANTS_H

#include <stdint.h>

enum constant_unit {
	COUNT,
	BYTES,
	DURATION, /* milliseconds */
};

struct constant {
	uint64_t value;
	enum constant_unit unit;
	const char *doc;
};

/* Ends with a NULL doc. */
extern const struct constant tpm_constants[];

#endif
