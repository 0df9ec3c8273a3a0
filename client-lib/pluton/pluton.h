/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpluton: the connection to plutond, its system calls, and memory shared with it.
 *
 * Threads: a `struct pluton` and everything made from it belongs to one thread at a time; use one
 * connection per thread. There is no global state. Unless a comment says otherwise, functions
 * return 0 or a negative PLUTON_E… (pluton/error.h) and leave outputs untouched on failure.
 *
 * Errors that any call can return besides its own: -PLUTON_EOFF (the daemon is gone, see
 * "Reconnecting"), -PLUTON_EBADRVAL (the daemon broke the protocol; the connection is closed, and
 * only pluton_close is useful then), -PLUTON_ENOMEM (malloc failed here, or the daemon has no room
 * for this process).
 */
#ifndef PLUTON_PLUTON_H
#define PLUTON_PLUTON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pluton/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct pluton;

/*
 * Connects. `address` is "unix:PATH"; NULL means $PLUTON_ADDRESS, and where that is unset
 * or empty unix:/run/pluton/pluton.sock. The caller owns *ret and frees it with pluton_close. Waits
 * for the greeting as long as it takes; a daemon that stops just then is followed by a few more
 * tries. -PLUTON_EINVAL: not an address. -PLUTON_EOFF: nobody listens there. -PLUTON_EFAIL: the
 * daemon cannot start. -PLUTON_ENODEVICE: this user may not connect, or may use nothing there.
 * -PLUTON_ENOSUPPORT: the daemon speaks no version of the protocol that we do. -PLUTON_ENOMEM: it
 * has no room.
 * *ret is NULL after every failure.
 */
int pluton_open(const char *address, struct pluton **ret);

/*
 * The same; `message` (of `message_size` bytes, terminator included) gets a sentence about a
 * failure, such as "nobody listens at unix:/run/pluton/pluton.sock".
 */
int pluton_open_explained(const char *address, struct pluton **ret, char *message,
			  size_t message_size);

/*
 * Ends the connection; operations under way are cancelled and their callbacks never run. NULL is
 * allowed. Memory from pluton_alloc is unmapped.
 */
void pluton_close(struct pluton *pluton);

/*
 * A sentence about the last error of this connection, from the daemon where it sent one, naming
 * limit and value; "" if there is none. Valid until the next call. Never NULL.
 */
const char *pluton_error_message(const struct pluton *pluton);

/* The address that is, or would be, used for `address` (see pluton_open). Constant or argument. */
const char *pluton_default_address(const char *address);

/* What the daemon said at the greeting, the last one. */
struct pluton_limits {
	uint32_t daemon_pid;
	uint32_t inline_max;	  /* bytes carried in a record itself */
	uint32_t operations_max;  /* operations under way at once */
	uint32_t windows_max;	  /* windows of shared memory */
	uint32_t window_size_max; /* bytes of one window */
	uint32_t process_index;	  /* as `pluton-cli ps` shows it */
	uint32_t process_generation;
};
void pluton_get_limits(const struct pluton *pluton, struct pluton_limits *ret);

/* --- reconnecting ---------------------------------------------------------------------------- */
/*
 * When the daemon goes away (it was restarted, or it crashed), operations under way end with
 * -PLUTON_EOFF, and the next call connects to the same address again. A synchronous call waits for
 * that, trying with growing pauses, for up to 5 seconds or what pluton_set_reconnect says; an
 * asynchronous one tries once. Who the caller is, and what it may do, is then decided anew: whom
 * the daemon lets use nothing any more stays away, and gets -PLUTON_ENODEVICE from every call.
 *
 * What becomes of
 *  - synchronous calls: one that the daemon had not seen is made again. So is, once, one whose
 *    repetition is harmless: random numbers, digests and ciphers in one call, lists, states, the
 *    time, reading and putting NV data, asking for and taking channels, pluton_alloc. Any other
 *    returns -PLUTON_EOFF; pluton_error_message then says that it may or may not have been done.
 *    pluton_perform and the calls of a stream are never made again.
 *  - streams: they are gone, and their calls return -PLUTON_ERESERVE;
 *  - memory of pluton_alloc: it stays, with its contents, under another window number
 *    (pluton_range_of). For that, one descriptor for each window stays open (a window serves many
 *    allocations; windows_max bounds them);
 *  - subscriptions and allows of raw calls: they are gone. The next raw call returns -PLUTON_EOFF
 *    once for that, then raw calls work again;
 *  - upcalls and answers that came before: their functions still run.
 */

/*
 * How long synchronous calls wait for a daemon that went away. 0: not at all, once lost the
 * connection stays lost, and no window that is made then keeps a descriptor. -PLUTON_EINVAL: < 0.
 */
int pluton_set_reconnect(struct pluton *pluton, int timeout_ms);

/*
 * `function` (NULL: none) runs, as other callbacks do, each time a lost connection was made again:
 * the place to subscribe, to start alarms and to accept clients anew.
 */
typedef void (*pluton_reconnected_fn)(struct pluton *pluton, void *userdata);
void pluton_on_reconnect(struct pluton *pluton, pluton_reconnected_fn function, void *userdata);

/* --- event loop ------------------------------------------------------------------------------ */

/*
 * The descriptor to poll, and the poll(2) events to poll it for, which is POLLIN. It is an epoll(7)
 * and so fit for every kind of loop: it is the same until pluton_close, whatever becomes of the
 * connection, and is readable whenever pluton_dispatch has something to do. The first call makes
 * it; -PLUTON_ENOMEM: it could not be made.
 */
int pluton_get_fd(const struct pluton *pluton);
short pluton_get_events(const struct pluton *pluton);

/*
 * Sends and receives what can be without waiting and runs callbacks of what finished. Returns how
 * many callbacks ran, or a negative error.
 *
 * When the connection is lost it runs what callbacks are due and then, once, returns -PLUTON_EOFF.
 * From then on it tries to connect again; the descriptor becomes readable when the next try is due,
 * and when there is a function of pluton_on_reconnect to run.
 */
int pluton_dispatch(struct pluton *pluton);

/* --- operations ------------------------------------------------------------------------------ */

/* Memory that the daemon can reach: part of a window. window 0 with length 0 is "no range". */
struct pluton_range {
	uint32_t window;
	uint32_t offset; /* bytes */
	uint32_t length; /* bytes */
};

/*
 * Runs on the connection's own thread from pluton_dispatch, a yield or a synchronous call.
 * `status` is 0 or a negative error. It may start operations but must not close the connection.
 */
typedef void (*pluton_done_fn)(struct pluton *pluton, int status, void *userdata);

/*
 * An asynchronous call fills in an id, never 0, by which it can be cancelled until its callback
 * runs. Cancelling is a request: the callback still comes, with -PLUTON_ECANCEL or as it ended.
 * -PLUTON_EINVAL: no such operation (any more).
 */
typedef uint32_t pluton_operation_id;
int pluton_cancel(struct pluton *pluton, pluton_operation_id id);

/* --- many at once ---------------------------------------------------------------------------- */
/*
 * A connection that is busy shares two rings of memory with the daemon, and then requests and
 * answers take no system call while both sides are awake. libpluton asks for them with the 16th
 * operation, and goes on without them where the daemon has none to give or its limits are reached:
 * nothing but speed depends on it. PLUTON_RINGS=0 in the environment: no connection of this program
 * has any; PLUTON_RINGS=1: it asks with its first operation. Who waits for an answer may look for
 * it for up to 50 microseconds before it sleeps, if that was worth it before, and only if it and
 * the daemon may run on two CPUs.
 */
enum pluton_rings {
	PLUTON_RINGS_OFF = 0,	    /* none, also not after reconnecting */
	PLUTON_RINGS_WHEN_BUSY = 1, /* as described; so it is from the beginning */
	PLUTON_RINGS_NOW = 2,	    /* the same, but this connection's at once */
};

/*
 * -PLUTON_EALREADY: OFF, and they are in use. -PLUTON_EINVAL: no such choice. With NOW also
 * -PLUTON_ENOSUPPORT: the daemon has none, or the environment forbids them; -PLUTON_EBUSY,
 * -PLUTON_ENOMEM: a limit is reached. The connection works on after every failure but -PLUTON_EOFF.
 */
int pluton_set_rings(struct pluton *pluton, enum pluton_rings rings);

/* true: this connection's records go by rings. */
bool pluton_has_rings(const struct pluton *pluton);

/*
 * Between the two, the operations that asynchronous calls start are gathered, and the daemon is
 * woken once for all of them: at pluton_uncork, or before that by whatever waits or dispatches, or
 * when the ring is full. Without rings each is sent at once, and nothing else changes. They do not
 * nest.
 */
void pluton_cork(struct pluton *pluton);
void pluton_uncork(struct pluton *pluton);

/*
 * Waits until none of these operations is under way: the functions of all have run, as those of
 * others that ended meanwhile. 0, or what ended the connection, of which the functions were told as
 * well. An id that is not under way is ignored. A repeating operation ends when it is cancelled.
 *
 *     pluton_operation_id ids[16];
 *
 *     pluton_cork(pluton);
 *     for (int i = 0; i < 16; i++)
 *             pluton_digest_async(pluton, &requests[i], done, &results[i], &ids[i]);
 *     pluton_uncork(pluton);
 *     pluton_wait_all(pluton, ids, 16);
 */
int pluton_wait_all(struct pluton *pluton, const pluton_operation_id *ids, size_t count);

/* --- memory ---------------------------------------------------------------------------------- */

/*
 * `size` bytes, 64-byte aligned, shared with the daemon: inputs and outputs that lie in it are
 * used in place, without a copy. Zeroed. Every call also takes ordinary memory and copies then.
 * The daemon sees what is in it at any time until pluton_free. NULL: see pluton_alloc_error.
 */
void *pluton_alloc(struct pluton *pluton, size_t size);

/*
 * Why the last pluton_alloc returned NULL; 0 if it did not. -PLUTON_ESIZE: 0, or more than
 * window_size_max. -PLUTON_ENOMEM: no room (windows_max, a limit of the daemon, or memory here).
 */
int pluton_alloc_error(const struct pluton *pluton);

/* Wipes and gives it back. Not while an operation or an allow uses it. NULL is allowed. */
void pluton_free(struct pluton *pluton, void *memory);

/* The range that `size` bytes at `memory` are. -PLUTON_EINVAL: not inside one pluton_alloc. */
int pluton_range_of(const struct pluton *pluton, const void *memory, size_t size,
		    struct pluton_range *ret);

/* --- raw system calls: Tock's TRD104 --------------------------------------------------------- */
/*
 * Per driver there is one standing operation with one allow table. These calls block until the
 * daemon answered, which it does at once. They return 0 with the call's return values in *ret, or
 * the negative error the call failed with (also in ret->words[0] as a positive number).
 */

struct pluton_return {
	uint32_t variant; /* TRD104 section 3.3: 0..2 failure, 128.. success */
	uint32_t words[3];
};

/* Command 0 asks whether the driver exists. -PLUTON_EBUSY: the standing operation is running. */
int pluton_command(struct pluton *pluton, uint32_t driver, uint32_t command, uint32_t arg0,
		   uint32_t arg1, struct pluton_return *ret);

/*
 * Shares a range under allow number `slot`; *ret_old (may be NULL) gets the one it replaces.
 * -PLUTON_EINVAL: no such slot, or the wrong access for it, or outside the window.
 */
int pluton_allow_ro(struct pluton *pluton, uint32_t driver, uint32_t slot,
		    const struct pluton_range *range, struct pluton_range *ret_old);
int pluton_allow_rw(struct pluton *pluton, uint32_t driver, uint32_t slot,
		    const struct pluton_range *range, struct pluton_range *ret_old);

/* An upcall: number's three words. */
typedef void (*pluton_upcall_fn)(struct pluton *pluton, const uint32_t words[3], void *userdata);

/*
 * Names the function that the driver's upcall `number` runs; NULL for none. Upcalls that are
 * pending for it are cancelled: neither the old nor the new function sees them.
 */
int pluton_subscribe(struct pluton *pluton, uint32_t driver, uint32_t number,
		     pluton_upcall_fn function, void *userdata);

/* Read-only accounting. -PLUTON_ENOSUPPORT: no such number. */
enum pluton_memop {
	PLUTON_MEMOP_LIMIT = 0x100,   /* bytes the daemon lets this process take */
	PLUTON_MEMOP_USED = 0x101,    /* bytes it has taken */
	PLUTON_MEMOP_WINDOWS = 0x102, /* windows it has */
};
int pluton_memop(struct pluton *pluton, uint32_t number, uint32_t argument, uint32_t *ret_value);

/* Ends the process on the daemon's side; the connection is closed. */
int pluton_exit(struct pluton *pluton, uint32_t completion_code);

/*
 * The three yields. no_wait runs at most one upcall and says whether it did. wait returns after
 * one has run (an upcall nobody subscribed to does not count). wait_for runs no function: it
 * returns the words of the next upcall of (driver, number) and leaves all others queued in order.
 * Callbacks of asynchronous operations count as upcalls.
 */
int pluton_yield_no_wait(struct pluton *pluton, bool *ret_ran);
int pluton_yield_wait(struct pluton *pluton);
int pluton_yield_wait_for(struct pluton *pluton, uint32_t driver, uint32_t number,
			  uint32_t ret_words[3]);

/* --- raw operations -------------------------------------------------------------------------- */
/* The working call behind every service: one record that carries command and allow table. */

#define PLUTON_SLOTS_MAX 8
#define PLUTON_WORDS_MAX 4

/* One slot's memory, ours or from pluton_alloc. Reading (in) or writing (out), never both. */
struct pluton_slot {
	const void *in;
	void *out;
	size_t length; /* bytes; 0: absent */
};

struct pluton_request {
	uint32_t driver;
	uint32_t command;
	uint32_t words[PLUTON_WORDS_MAX];
	struct pluton_slot slots[PLUTON_SLOTS_MAX];
};

/*
 * words[0] is 0; the meaning of 1 and 2 stands in the command table (docs/protocol.md). A repeating
 * operation's function runs with status 0 for each upcall, until it is cancelled.
 */
typedef void (*pluton_answer_fn)(struct pluton *pluton, int status, const uint32_t words[3],
				 void *userdata);

/*
 * Starts it. Inputs are taken before it returns, unless they lie in pluton_alloc memory; outputs
 * must stay until the answer and are written only when it is 0 (in pluton_alloc memory: any time).
 * -PLUTON_EBUSY: operations_max are under way. -PLUTON_ENOMEM: no shared memory left for it.
 * A refusal by the daemon arrives as an answer. ret_id may be NULL. Not for commands that give a
 * descriptor: only their own functions take one.
 */
int pluton_submit(struct pluton *pluton, const struct pluton_request *request,
		  pluton_answer_fn function, void *userdata, pluton_operation_id *ret_id);

/*
 * The same, waiting for the answer, of a repeating operation the last. ret_words may be NULL. Other
 * callbacks run meanwhile.
 */
int pluton_perform(struct pluton *pluton, const struct pluton_request *request,
		   uint32_t ret_words[3]);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
