/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TPM 2.0 (TCG Trusted Platform Module Library, Family 2.0): commands and responses as bytes.
 *
 * A `struct pluton_tpm` is a connection straight to a TPM app. The transient objects and loaded
 * sessions that it makes are its own and are flushed when it closes. It survives restarts and
 * crashes of app and daemon: it connects again by itself, and a command whose response was lost
 * is not run a second time. Where the app crashed in the middle of a command, the response is
 * TPM_RC_RETRY. Where the TPM was switched off meanwhile, one command fails with -PLUTON_EOFF, so
 * that the caller learns that objects and sessions are gone; the next goes on.
 *
 * Threads: as a `struct pluton`, one thread at a time, but for pluton_tpm_cancel. Common errors:
 * pluton/pluton.h; after -PLUTON_EOFF the next command tries to connect again.
 *
 * Processes: a connection is of the process that opened it. In a child of fork(2) all calls fail
 * with -PLUTON_EOFF, but for close, which gives back what the child has of it and leaves the
 * parent's connection alone. The child opens one of its own.
 */
#ifndef PLUTON_TPM_H
#define PLUTON_TPM_H

#include <pluton/pluton.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The driver that a TPM app serves on its channels; bit 31: not one of Tock's numbers. */
#define PLUTON_DRIVER_TPM 0x80000010u

#define PLUTON_TPM_DEFAULT_INSTANCE "tpm0"
#define PLUTON_TPM_COMMAND_MIN 10    /* bytes: tag, size, code */
#define PLUTON_TPM_COMMAND_MAX 4096  /* bytes, as TPM2_PT_MAX_COMMAND_SIZE */
#define PLUTON_TPM_RESPONSE_MAX 4096 /* bytes */

struct pluton_tpm;

/*
 * Connects to the TPM called `instance` (NULL: PLUTON_TPM_DEFAULT_INSTANCE) of the plutond at
 * `address` (NULL: as pluton_open). The TPM is ready: manufactured, started. `message` (may be
 * NULL, with size 0) gets a sentence about a failure. -PLUTON_EOFF: nobody listens there.
 * -PLUTON_ENODEVICE: no such instance. -PLUTON_EFAIL: it does not start, or goes away again and
 * again. -PLUTON_EBUSY: it has all the clients that it takes, or plutond does not answer. Else as
 * pluton_open and pluton_app_connect. -PLUTON_EINVAL: also a $PLUTON_TPM_RECONNECT_MS that is no
 * number.
 *
 * It waits as long as plutond waits for the app to start, and for the limit below, or a second if
 * that is shorter, where plutond gives no sign of life, has a queue, or the app goes away.
 */
int pluton_tpm_open(const char *address, const char *instance, struct pluton_tpm **ret,
		    char *message, size_t message_size);

/* Flushes what is its own. A command under way is cancelled. NULL is allowed. */
void pluton_tpm_close(struct pluton_tpm *tpm);

/*
 * For how long a command waits for a lost connection to come back; 0: not at all. The default is
 * $PLUTON_TPM_RECONNECT_MS, and where that is unset or empty PLUTON_TPM_RECONNECT_MS.
 */
#define PLUTON_TPM_RECONNECT_MS 10000
void pluton_tpm_set_reconnect_limit(struct pluton_tpm *tpm, unsigned limit_ms);

/* A sentence about the last error; "" if there is none. Valid until the next call. Never NULL. */
const char *pluton_tpm_error_message(const struct pluton_tpm *tpm);

/*
 * One command, one response; TPM_RC codes are in the response, not in the return value.
 * `response` has room for *response_size bytes, and *response_size becomes the response's length.
 * -PLUTON_ESIZE: command under PLUTON_TPM_COMMAND_MIN or over PLUTON_TPM_COMMAND_MAX bytes, or the
 * response does not fit (it is lost then). -PLUTON_EBUSY: a command is under way.
 * -PLUTON_EOFF: the connection is lost and did not come back in time.
 */
int pluton_tpm_transmit(struct pluton_tpm *tpm, const void *command, size_t command_size,
			void *response, size_t *response_size);

/*
 * The same in two steps. The command is taken before send returns, which does not wait. Until the
 * response was received, all but receive and cancel are -PLUTON_EBUSY.
 */
int pluton_tpm_send(struct pluton_tpm *tpm, const void *command, size_t command_size);

#define PLUTON_TPM_FOREVER (-1)
/*
 * Waits up to `timeout_ms` for the response (0: does not wait; PLUTON_TPM_FOREVER) and keeps it:
 * *ret_size is its length, *ret_response points to it until the next send or close, and the same
 * comes again if it is asked for again. -PLUTON_EBUSY: not there yet, and nothing else: a TPM that
 * refuses the command because it is busy is -PLUTON_EFAIL. -PLUTON_EALREADY: no command was sent.
 */
int pluton_tpm_receive(struct pluton_tpm *tpm, int timeout_ms, const void **ret_response,
		       size_t *ret_size);

/*
 * For poll(2) while a command is under way: when the descriptor shows the events, a receive with
 * timeout 0 gets further. It stays the same until close, also while the connection is lost. The
 * first call makes it: -PLUTON_ENOMEM.
 */
int pluton_tpm_get_fd(struct pluton_tpm *tpm);
short pluton_tpm_get_events(const struct pluton_tpm *tpm);

/*
 * Asks for an early end of the command under way: its response comes all the same, TPM_RC_CANCELED
 * or what it would have been. The one call that another thread may make meanwhile; it leaves
 * pluton_tpm_error_message alone. 0: the TPM is asked, or will be once it has the command.
 * -PLUTON_EALREADY: no command is under way. -PLUTON_EBUSY: no room for it now, try again.
 */
int pluton_tpm_cancel(struct pluton_tpm *tpm);

/* Locality of the commands that follow, 0..4. -PLUTON_EINVAL: higher than this TPM allows. */
int pluton_tpm_set_locality(struct pluton_tpm *tpm, unsigned locality);

struct pluton_tpm_info {
	char instance[32];
	char version[32]; /* of the app */
	char library[32]; /* "libtpms 0.9.2" */
	uint32_t pid;
	uint32_t connections; /* clients now */
	uint32_t connections_max;
	uint32_t locality_max;
	uint64_t commands;     /* since the TPM was switched on */
	uint64_t cancelled;    /* of them */
	uint64_t uptime_ms;    /* since the TPM was switched on; crashes do not count */
	uint64_t resumes;      /* times it went on after a crash or restart */
	uint64_t nv_commits;   /* times the permanent state was stored since manufacture */
	uint64_t nv_bytes;     /* of the permanent state */
	uint64_t manufactured; /* seconds since 1970; 0: unknown */
};
int pluton_tpm_get_info(struct pluton_tpm *tpm, struct pluton_tpm_info *ret);

/*
 * Cancels whatever command of the calling user's this TPM runs, from any connection (root: of any
 * user). *ret_cancelled: there was one.
 */
int pluton_tpm_cancel_running(struct pluton_tpm *tpm, bool *ret_cancelled);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
