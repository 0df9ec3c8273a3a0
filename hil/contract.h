/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of every hardware interface layer (HIL) of Pluton.
 *
 * A HIL is `start(engine, request, client)`; then the engine calls the client; then exactly one
 * `done`. The client never hands the engine a buffer: the engine pulls and pushes as much as it
 * can use at once. The model is the lazy data movement of Pluton's own firmware, Tock World 8.
 *
 * The rules, by the names that hil/checker.c reports them with:
 *
 *  SYNCHRONOUS_CALLBACK  1  No callback runs before start or cancel has returned.
 *  NESTED_CALLBACK       1  No callback runs inside another one. From done a client may start
 *                           again; from a pull or push it may start nothing.
 *  WRONG_THREAD          1  Every callback runs on the loop's thread.
 *  START_FAILED_CALLBACK 2  start returned an error: no done, no pull, no push.
 *  DONE_TWICE            2  start returned 0: exactly one done.
 *  CALLBACK_AFTER_DONE   2  and nothing after it.
 *  OVERLONG_COUNT        4  A pull or push answers 1..len or a negative error. Anything else ends
 *                           the operation with SIZE.
 *  WRONG_CURSOR          4  The engine goes on exactly where the last answer ended.
 *  NOT_WHOLE             4  Key, IV, counter, tag, digest, MAC, state, and a key derivation's
 *                           salt, label and info move whole, at their size.
 *  WRONG_STEP            4  The callbacks come in the order of the HIL's header.
 *  EMPTY_PULL            5  An empty message, or a callback of no bytes, is never asked for.
 *  PULLED_TWICE          5  Input is pulled forward, each byte once.
 *  PULLED_TOO_MUCH       5  Never more than the request's length in total, in or out.
 *  INCOMPLETE            5  done(0) only when all input was taken and all output was given.
 *  ERROR_NOT_REPORTED    6  A callback's error aborts at once and is what done reports.
 *  LENT_AND_PULLED       7  Bytes that were lent are not pulled or pushed as well.
 *  UNVERIFIED_PLAINTEXT  8  Authenticated decryption gives nothing before the tag is checked.
 *  READ_TWICE            8  An operation with a secret reads each of the client's bytes once: no
 *                           key, IV, tag, MAC or salt is pulled again, nothing is lent again;
 *                           what is signed is not pulled again, and never lent. An authenticated
 *                           decryption in two passes has its sealed input lent whole, for both.
 *  KEY_CROSSED           9  A slot's key is never pulled.
 *  STATE_MISSING        10  Streaming: state comes in unless first, goes out unless last.
 *  CAPS_IGNORED         11  What caps does not offer is refused with NOSUPPORT, more operations
 *                           than `concurrency`, or slow ones than `slow`, with BUSY, and what caps
 *                           offers is not refused.
 *  BAD_SIZE             12  Sizes are checked in start: SIZE, before any callback.
 *  DONE_MISSING         13  cancel leads to done(CANCEL) or to the normal done, never to none.
 *
 * A chip's view of it: an engine may take its time between any two callbacks, and between cancel
 * (or a callback's error) and done. It may come and go (`absent` below).
 *
 * Threads: everything here runs on the loop's thread; a worker thread of an engine touches only
 * lent memory and its own.
 */
#ifndef PLUTON_HIL_CONTRACT_H
#define PLUTON_HIL_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pluton/error.h"

enum hil_kind {
	HIL_RNG = 0,
	HIL_DIGEST,
	HIL_AES,
	HIL_ALARM,
	HIL_CONSOLE,
	HIL_NV,
	HIL_APP,
	HIL_HMAC,
	HIL_CMAC,
	HIL_ECC,
	HIL_RSA,
	HIL_KDF,
	HIL_HWKEY,
	HIL_KINDS,
};

/* Who may ask for what while holding what: only for a lower level. Storage will be the highest. */
enum hil_level {
	HIL_LEVEL_RNG = 1,
	HIL_LEVEL_ALARM = 1,
	HIL_LEVEL_CONSOLE = 1,
	HIL_LEVEL_APP = 1,
	HIL_LEVEL_AES = 2,
	HIL_LEVEL_DIGEST = 2,
	HIL_LEVEL_ECC = 2,
	HIL_LEVEL_RSA = 2,
	HIL_LEVEL_HMAC = 3,
	HIL_LEVEL_CMAC = 3,
	HIL_LEVEL_KDF = 4,
	HIL_LEVEL_STORAGE = 5,
	HIL_LEVEL_NV = 6,
	HIL_LEVEL_HWKEY = 7, /* its keys are kept in NV memory */
};

#define HIL_CONCURRENCY_MAX 16u /* operations one engine can have under way */
#define HIL_ENGINES_MAX 4u	/* engines in one HIL's priority list */
#define HIL_STATE_MAX 408u	/* bytes of exported streaming state, any HIL; each has its own */

/* Which part of a stream one start is; a one-shot operation is both. */
enum hil_phase {
	HIL_MIDDLE = 0,
	HIL_FIRST = 1,
	HIL_LAST = 2,
	HIL_ONE_SHOT = HIL_FIRST | HIL_LAST,
};

/* Where slots are: engines with the same vault can use the same ones. */
struct hil_vault {
	const char *name;
};

/*
 * Where a key is: bytes that the engine pulls, or a hardware slot that it alone can read
 * (hil/hwkey.h finds them). A slot's id is never given to another one while the daemon runs.
 */
struct hil_key_ref {
	enum { HIL_KEY_BYTES = 0, HIL_KEY_SLOT = 1 } kind;
	uint32_t slot;
	const struct hil_vault *vault; /* the slot's: no engine of another can use it */
};

struct arbiter;

/*
 * Who keeps a copy of an engine's head and capabilities (the checker), or stands on it (the
 * stacked engines), is told when they change. It stays as long as the engine.
 */
struct hil_watcher {
	void (*changed)(struct hil_watcher *watcher);
	struct hil_watcher *next; /* of the same engine */
};

struct hil_engine;

/*
 * What refuses work that its engine does wrong (hil/selftest.h stands before every engine that has
 * known answers). One for all engines.
 */
struct hil_gate {
	/* 0, also where it is not known yet: start will wait. -PLUTON_EFAIL: the engine fails. */
	int (*admit)(struct hil_engine *engine, const void *request);
	/* true: the request's key lies in this engine, so that no other can do it (rule 9). */
	bool (*binds)(const struct hil_engine *engine, const void *request);
	/* Why admit, start or done said -PLUTON_EFAIL just now; once. NULL: it was not the gate. */
	const char *(*refusal)(struct hil_engine *engine);
	/* Now and then, for its own time limits. CLOCK_MONOTONIC. */
	void (*expire)(struct hil_engine *engine, uint64_t now_ms);
};

/* The head of every engine. Typed engines (struct aes_engine …) begin with it. */
struct hil_engine {
	const char *name; /* "openssl" */
	enum hil_kind kind;
	enum hil_level level;
	unsigned concurrency; /* operations it accepts at once, 1..HIL_CONCURRENCY_MAX */
	unsigned share;	      /* of those not for slow work one party's at most; 0: all (arbiter) */
	/*
	 * Of `concurrency` those for slow work, of seconds (rsa_is_slow and its like), which has
	 * no others: one too many is BUSY. Who waits for one waits at the arbiter, where no
	 * deadline runs yet, and parties have them in turn. 0: nothing it does is slow.
	 */
	unsigned slow;
	struct arbiter *arbiter; /* shares it; set where the engine is registered */
	/*
	 * Its device is not there: caps mean nothing, and every request is refused with NODEVICE,
	 * so that hil_select asks the next engine. Only hil_engine_set_absent changes it.
	 */
	bool absent;
	struct hil_watcher *watchers;
	struct hil_engine *below;      /* on which it stands, with turns there; NULL: on none */
	const struct hil_vault *vault; /* whose slots it can use; NULL: none */
	const struct hil_gate *gate;   /* or NULL */
};

/* Whether the request needs one of the engine's places for slow work. */
bool hil_is_slow(const struct hil_engine *engine, const void *request);

/* Whether the key is bytes, or in a slot that this engine can use (rule 9). */
static inline bool hil_reaches(const struct hil_engine *engine, const struct hil_key_ref *key)
{
	return key->kind != HIL_KEY_SLOT || engine->vault == key->vault;
}

/*
 * What an engine takes a callback's answer for: the count, where 1..asked is legal, or the
 * client's own error (rule 6); -PLUTON_ESIZE for anything else (rule 4).
 */
ssize_t hil_count(ssize_t answer, size_t asked);

/* The same where 0 or a negative error is legal. */
int hil_answer(int answer);

/*
 * Its device went, or came and caps are what it said. Only on the loop's thread, and not from
 * start or cancel. What is under way ends by itself, with NODEVICE where the device went.
 */
void hil_engine_set_absent(struct hil_engine *engine, bool absent);

/* For an engine that copies another's head and caps: it has them now. */
void hil_engine_changed(struct hil_engine *engine);

/* From now on the watcher, whose `changed` is set, is told. */
void hil_engine_watch(struct hil_engine *engine, struct hil_watcher *watcher);

/* What a capsule is handed for one HIL: its engines, best first. */
struct hil_port {
	enum hil_kind kind;
	unsigned count;
	struct hil_engine *engines[HIL_ENGINES_MAX];
};

/*
 * The first engine of the port for which `check(engine, request)` returns 0 and whose gate admits
 * it; absent ones are not asked, and none after the one that has the request's key. Else
 * -PLUTON_EFAIL where a gate was the reason, or the error of the last engine asked (so a lone
 * engine's SIZE is seen), or -PLUTON_ENODEVICE if there is none.
 */
int hil_select(const struct hil_port *port, const void *request,
	       int (*check)(const struct hil_engine *engine, const void *request),
	       struct hil_engine **ret_engine);

/* Whose error that was, to say what its capabilities are; NULL: nobody was asked. */
const struct hil_engine *hil_last_asked(const struct hil_port *port);

/* --- turns at an engine (hil/arbiter.h says how they are given) ------------------------------ */

/* One request for an engine; embedded in what waits. Zeroed memory is an idle waiter. */
struct hil_waiter {
	struct hil_waiter *next; /* in its owner's list, oldest first */
	struct hil_owner *owner;
	struct arbiter *arbiter;
	enum { HIL_IDLE = 0, HIL_WAITING, HIL_HOLDING } state;
	uint32_t party;	      /* the owner's, who may be gone before the engine is done */
	uint64_t deadline_ms; /* of the holder, CLOCK_MONOTONIC; 0: none */
	/* The engine is the waiter's now: start it, or release it. Runs on the loop. */
	void (*granted)(struct hil_waiter *waiter);
	/* The holder passed its deadline: cancel the engine. It stays the holder until released. */
	void (*expired)(struct hil_waiter *waiter);
};

/* An owner's list of waiters, for all arbiters together. */
struct hil_owner {
	uint32_t index; /* unique among live owners */
	uint32_t party; /* whom it belongs to: the same of all who share one party's turns */
	struct hil_waiter *waiting;
};

/*
 * Asks for the engine. 0: granted() will come, unless withdrawn. -PLUTON_EALREADY: this waiter
 * waits or holds already. `above` is the engine that the caller holds meanwhile, or is itself, or
 * NULL; asking for a level that is not lower than its is a bug and aborts.
 */
int arbiter_request(struct hil_engine *engine, struct hil_waiter *waiter, struct hil_owner *owner,
		    const struct hil_engine *above);

/* The same for work that is slow, where the engine has places for that; else just the same. */
int arbiter_request_slow(struct hil_engine *engine, struct hil_waiter *waiter,
			 struct hil_owner *owner, const struct hil_engine *above);

/* Takes back a request that was not granted yet. false: it holds the engine, or never asked. */
bool arbiter_withdraw(struct hil_waiter *waiter);

/* The engine is done: gives it to the next owner in turn. Does nothing for an idle waiter. */
void arbiter_release(struct hil_waiter *waiter);

/* Calls expired() of holders whose deadline has passed; the loop does this about once a second. */
void arbiter_expire(struct arbiter *arbiter, uint64_t now_ms);

/* --- charges --------------------------------------------------------------------------------- */

/*
 * A library object that an engine must keep for a client between calls (contract rule 10, and
 * "charged" in docs/architecture.md). The kernel implements these two. `owner` comes with the
 * request. `release` runs once: in hil_charge_drop, or when the owner dies, and frees the object.
 */
struct hil_charge {
	const char *name;
	size_t cost; /* bytes charged to the owner's limit */
	void (*release)(void *object);
};
/* -PLUTON_ENOMEM: over the owner's limit. On success *ret_handle is never 0. */
int hil_charge_take(struct hil_owner *owner, const struct hil_charge *charge, void *object,
		    uint32_t *ret_handle);
void *hil_charge_find(struct hil_owner *owner, const struct hil_charge *charge, uint32_t handle);
void hil_charge_drop(struct hil_owner *owner, const struct hil_charge *charge, uint32_t handle);

#endif
