/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TPM's commands as a table: how many handles each one names and makes (TPM 2.0 Library Part 2,
 * TPMA_CC), and what we may leave out or have to expect around it. And the few fields of commands
 * and responses that lie at fixed places (Part 1 section 18).
 *
 * The rule a newcomer would break first: a flag that saves work is given only where the command
 * cannot change anything that a client could miss after a crash; one that is not listed has none.
 */
#ifndef PLUTON_TPMD_COMMANDS_H
#define PLUTON_TPMD_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TPM_HEADER_SIZE 10u   /* bytes: tag, size, code */
#define TPM_BUFFER_SIZE 4096u /* bytes of the longest command, and of the longest response */
#define TPM_HANDLES_MAX 3u    /* handles of a command's handle area */

#define TPM_ST_NO_SESSIONS 0x8001u
#define TPM_ST_SESSIONS 0x8002u

enum tpm_rc {
	TPM_RC_SUCCESS = 0x000,
	TPM_RC_FAILURE = 0x101,
	TPM_RC_INITIALIZE = 0x100,
	TPM_RC_COMMAND_SIZE = 0x142,
	TPM_RC_CANCELED = 0x909,
	TPM_RC_REFERENCE_H0 = 0x910, /* + n: the n-th handle names an object that is not loaded */
	TPM_RC_REFERENCE_S0 = 0x918, /* + n: the n-th session is not loaded */
	TPM_RC_HANDLE_P1 = 0x1cb,    /* TPM_RC_HANDLE + TPM_RC_P + TPM_RC_1 */
	TPM_RC_RETRY = 0x922,
};

enum tpm_cc {
	TPM_CC_CLEAR = 0x126,
	TPM_CC_CREATE_PRIMARY = 0x131,
	TPM_CC_SEQUENCE_COMPLETE = 0x13e,
	TPM_CC_SET_COMMAND_CODE_AUDIT_STATUS = 0x140,
	TPM_CC_STARTUP = 0x144,
	TPM_CC_SHUTDOWN = 0x145,
	TPM_CC_STIR_RANDOM = 0x146,
	TPM_CC_CREATE = 0x153,
	TPM_CC_LOAD = 0x157,
	TPM_CC_HMAC_START = 0x15b,
	TPM_CC_CONTEXT_LOAD = 0x161,
	TPM_CC_CONTEXT_SAVE = 0x162,
	TPM_CC_FLUSH_CONTEXT = 0x165,
	TPM_CC_LOAD_EXTERNAL = 0x167,
	TPM_CC_START_AUTH_SESSION = 0x176,
	TPM_CC_GET_CAPABILITY = 0x17a,
	TPM_CC_GET_RANDOM = 0x17b,
	TPM_CC_EVENT_SEQUENCE_COMPLETE = 0x185,
	TPM_CC_HASH_SEQUENCE_START = 0x186,
	TPM_CC_CREATE_LOADED = 0x191,
};

enum command_flags {
	/*
	 * Without sessions it changes nothing that may not be forgotten: no snapshot is needed
	 * before its response. TPM2_GetRandom is one of them: it changes the generator, and a
	 * resumed TPM would give the same bytes again if it were not stirred first.
	 */
	COMMAND_READS_ONLY = 1,
	/* May take so long that others notice: a prime search, a self test. */
	COMMAND_MAY_TAKE_LONG = 2,
	/* Tells what is in NV memory: its response waits until that is durable. */
	COMMAND_READS_NV = 4,
	/* A success's response begins with the handle of what was made. */
	COMMAND_MAKES_HANDLE = 8,
	/* A success flushes what the last handle of the handle area names. */
	COMMAND_FLUSHES = 16,
};

struct command {
	uint32_t code; /* TPM_CC */
	const char *name;
	uint8_t handles; /* in the handle area */
	uint8_t flags;
};

/* NULL: no such command, as far as we know. */
const struct command *command_find(uint32_t code);

/* All of them in order of their codes, for tests and documentation. */
const struct command *command_table(size_t *ret_count);

/* Big-endian, as everything in a TPM. */
uint16_t tpm_get16(const uint8_t *from);
uint32_t tpm_get32(const uint8_t *from);
void tpm_put16(uint8_t *to, uint16_t value);
void tpm_put32(uint8_t *to, uint32_t value);

/* The code of a command or response of `size` bytes; 0 if it is shorter than a header. */
uint32_t tpm_code(const uint8_t *bytes, size_t size);

/* A response that is a code and nothing else; returns its size. */
size_t tpm_error_response(uint32_t code, uint8_t response[TPM_HEADER_SIZE]);

/* The parts of a command that we look at. Nothing in it is trusted to be what the TPM will see. */
struct command_parts {
	const struct command *command; /* NULL: unknown, and nothing else is set */
	bool sessions;		       /* its tag says that there is an authorization area */
	uint32_t handles[TPM_HANDLES_MAX];
	const uint8_t *auth; /* the authorization area, behind its size */
	size_t auth_size;
	const uint8_t *parameters;
	size_t parameters_size;
};

/*
 * false: too short for what its code and tag promise, or its size field is wrong. The TPM itself
 * then refuses it before it does anything.
 */
bool command_parse(const uint8_t *bytes, size_t size, struct command_parts *ret);

/* One entry of an authorization area. */
struct command_auth {
	uint32_t handle;
	uint8_t attributes; /* TPMA_SESSION */
};
#define TPMA_SESSION_CONTINUE 1u

/* Takes the next entry from *auth, *size. false: there is none, or it is cut off. */
bool command_next_auth(const uint8_t **auth, size_t *size, struct command_auth *ret);

#endif
