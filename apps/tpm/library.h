/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TPM library, libtpms, and everything that touches it. There is one TPM in a process, so
 * there is one of this too.
 *
 * The rule a newcomer would break first: all calls come from one thread, except library_cancel.
 */
#ifndef PLUTON_TPMD_LIBRARY_H
#define PLUTON_TPMD_LIBRARY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Where the permanent state goes that the library hands over, inside library_start and
 * library_process: it is kept there until somebody has made it durable. It is never refused for a
 * disk's sake: a library that was told so would answer TPM_RC_FAILURE from then on.
 */
struct library_keeper {
	/* -PLUTON_ESIZE: over the limit of what can be stored at all. */
	int (*keep)(void *context, const uint8_t *blob, size_t size);
	/* What was kept last, or NULL. */
	const uint8_t *(*kept)(void *context, size_t *ret_size);
	void *context;
};

enum library_outcome {
	LIBRARY_MANUFACTURED, /* there was no permanent state */
	LIBRARY_POWERED_ON,   /* the permanent state was taken; TPM2_Startup comes next */
	LIBRARY_RESUMED,      /* the volatile state too: it goes on */
};

/* Blobs of the library; size 0: there is none. */
struct library_blob {
	const uint8_t *bytes;
	size_t size;
};

/*
 * Starts the TPM. -PLUTON_ENOSUPPORT: the permanent state is that of a newer library.
 * -PLUTON_EINVAL: it is damaged. -PLUTON_EFAIL: the library does not start. A volatile state that
 * the library does not take is left out; then the outcome is LIBRARY_POWERED_ON.
 */
int library_start(const struct library_keeper *keeper, struct library_blob permanent,
		  struct library_blob volatile_state, enum library_outcome *ret);
void library_stop(void);

/*
 * One command at a locality; `command` is written over. The response lies in memory of this module
 * until the next call. -PLUTON_EFAIL: no memory.
 */
int library_process(uint8_t *command, size_t size, unsigned locality, const uint8_t **ret_response,
		    size_t *ret_size);

/* The volatile state as it is now: *ret is freed with library_free. -PLUTON_EFAIL: no memory. */
int library_volatile(uint8_t **ret, uint32_t *ret_size);
void library_free(uint8_t *bytes, size_t size);

/*
 * Asks the command under way to end early. One that comes before the command has really begun is
 * lost, so it is repeated until the command has ended. Any thread, but only while a command is
 * under way.
 */
void library_cancel(void);

/* "libtpms 0.9.2" */
const char *library_name(void);

#endif
