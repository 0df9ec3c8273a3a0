/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the contract checker: what the typed halves (checker-rng.c, checker-aes.c …, one for
 * each HIL) share. checker.c keeps the operations, checker-rules.c judges callbacks.
 */
#ifndef PLUTON_HIL_CHECKER_CORE_H
#define PLUTON_HIL_CHECKER_CORE_H

#include <assert.h>
#include <pthread.h>

#include "hil/aes.h"
#include "hil/alarm.h"
#include "hil/app.h"
#include "hil/checker.h"
#include "hil/console.h"
#include "hil/digest.h"
#include "hil/ecc.h"
#include "hil/hwkey.h"
#include "hil/kdf.h"
#include "hil/mac.h"
#include "hil/nv.h"
#include "hil/rng.h"
#include "hil/rsa.h"

/* What an operation goes through; the steps of hil/aes.h, hil/ecc.h and hil/rsa.h, a digest's,
 * a MAC's and a key derivation's. */
enum checker_step {
	STEP_END = 0,
	STEP_KEY,
	STEP_IV_IN,
	STEP_IV_OUT,
	STEP_CTR,
	STEP_AAD,
	STEP_TAG_IN,
	STEP_DATA,
	STEP_INPUT,
	STEP_OUTPUT,
	STEP_TAG_OUT,
	STEP_DIGEST,
	STEP_MAC_IN,
	STEP_MAC_OUT,
	STEP_STATE_IN,
	STEP_STATE_OUT,
	STEP_KEY_OUT,
	STEP_PUBLIC_IN,
	STEP_PUBLIC_OUT,
	STEP_SIGNATURE_IN,
	STEP_SIGNATURE_OUT,
	STEP_SECRET_OUT,
	STEP_PART_IN, /* one for each part of an RSA key */
	STEP_PART_OUT,
	STEP_LABEL, /* of RSA, at a cursor */
	STEP_SALT,
	STEP_WHOLE_LABEL,
	STEP_INFO,
};

#define CHECKER_STEPS_MAX (RSA_PARTS + 4u) /* its label, input and output, and the end */
static_assert(CHECKER_STEPS_MAX >= AES_STEPS_MAX, "AES has fewer");

enum checker_call {
	CALL_PULL_KEY = 0,
	CALL_PULL_IV,
	CALL_PUSH_IV,
	CALL_PULL_CTR,
	CALL_PULL_AAD,
	CALL_PULL_TAG,
	CALL_PULL_INPUT,
	CALL_PULL_TEXT,
	CALL_LEND_INPUT,
	CALL_PUSH_OUTPUT,
	CALL_LEND_OUTPUT,
	CALL_PUSH_TAG,
	CALL_PUSH_DIGEST,
	CALL_PULL_MAC,
	CALL_PUSH_MAC,
	CALL_PULL_STATE,
	CALL_PUSH_STATE,
	CALL_PUSH_KEY,
	CALL_PULL_PUBLIC,
	CALL_PUSH_PUBLIC,
	CALL_PULL_SIGNATURE,
	CALL_PUSH_SIGNATURE,
	CALL_PUSH_SECRET,
	CALL_PULL_PART,
	CALL_PUSH_PART,
	CALL_PULL_LABEL,
	CALL_PULL_SALT,
	CALL_PULL_INFO,
	CALL_DONE,
	CHECKER_CALLS,
};

/* How far the input, output or AAD of one operation has come. */
struct checker_stream {
	size_t length;
	size_t cursor;	  /* the next byte */
	size_t lent_from; /* the last range that was lent */
	size_t lent_to;
};

/* One operation. The engine knows it as its client, so that comes first. */
struct checker_slot {
	union {
		struct rng_client rng;
		struct digest_client digest;
		struct aes_client aes;
		struct kdf_client kdf;
		struct mac_client mac;
		struct app_client app;
		struct console_client console;
		struct ecc_client ecc;
		struct hwkey_client hwkey;
		struct nv_client nv;
		struct rsa_client rsa;
		struct { /* what an alarm was set with */
			const struct alarm_client_ops *client_ops;
			void *driver;
			uint64_t when_us;
		} alarm;
	} client;
	union {
		struct rng_client_ops rng;
		struct digest_client_ops digest;
		struct aes_client_ops aes;
		struct kdf_client_ops kdf;
		struct mac_client_ops mac;
		struct app_client_ops app;
		struct console_client_ops console;
		struct ecc_client_ops ecc;
		struct hwkey_client_ops hwkey;
		struct nv_client_ops nv;
		struct rsa_client_ops rsa;
	} ops; /* NULL where the client has NULL */
	struct checker *checker;
	void *outer; /* the client */
	/* ORPHANED: the client was told that start failed, but the engine accepted. */
	enum { SLOT_FREE = 0, SLOT_STARTING, SLOT_RUNNING, SLOT_ORPHANED } state;
	bool start_failed; /* of a free slot: how its last operation ended */
	enum checker_step steps[CHECKER_STEPS_MAX];
	unsigned at; /* the current step */
	struct checker_stream input;
	struct checker_stream output;
	struct checker_stream aad;   /* or an RSA label */
	size_t whole[CHECKER_CALLS]; /* bytes of what moves whole */
	uint32_t seen;		     /* bit per call: moved whole already */
	bool slow;		     /* has a place for slow work */
	bool slot_key;
	bool verifies;	 /* authenticated decryption */
	bool signs;	 /* by a secret: its input is read once */
	bool open_ended; /* it gives as much output as it has, up to its length */
	unsigned part;	 /* RSA: the part of the key that comes next */
	size_t rsa_size; /* RSA: bytes of the modulus */
	bool cancelled;
	bool poisoned; /* a violation was reported: nothing passes any more */
	int owed;      /* what done must report, 0: free to choose */
	enum hil_rule owed_rule;
	bool done_waits; /* came when it could not be delivered; result is valid */
	int result;
	struct nv_answer answer; /* NV memory: what done says besides */
	struct {		 /* hwkey: the key slot, and what find said of it before */
		struct hwkey_request request;
		int before;
		struct hwkey_about about;
		bool shared; /* another operation fills or empties it meanwhile */
	} keys;
};

/* The typed half. */
struct checker_type {
	int (*check)(const struct hil_engine *engine, const void *request);
	/* Fills the slot for a request that passed check. */
	void (*prepare)(struct checker_slot *slot, const void *request);
	/* Gives the slot its client half, whatever the request. */
	void (*attach)(struct checker_slot *slot);
	int (*start)(struct checker_slot *slot, const void *request);
	int (*cancel)(struct checker_slot *slot);
	void (*done)(void *outer, int result);
	/* In its place where done says more: slot->outer and the answer must be copied first. */
	void (*done_with_answer)(struct checker_slot *slot, int result);
	/* true: what is under way here may rightly go on for ever. NULL: nothing may. */
	bool (*owes_nothing)(const struct checker_slot *slot);
};

struct checker {
	union {
		struct hil_engine head;
		struct rng_engine rng;
		struct digest_engine digest;
		struct aes_engine aes;
		struct kdf_engine kdf;
		struct mac_engine mac;
		struct alarm_engine alarm;
		struct app_engine app;
		struct console_engine console;
		struct ecc_engine ecc;
		struct hwkey_engine hwkey;
		struct nv_engine nv;
		struct rsa_engine rsa;
	} engine;
	struct hil_engine *inner;
	struct hil_watcher watcher; /* of the inner engine's */
	const struct checker_type *type;
	struct checker_options options;
	struct deferred_call deliver;
	pthread_t thread; /* the loop's */
	unsigned calling; /* inside the engine's start or cancel */
	enum { INSIDE_NOTHING = 0, INSIDE_MOVE, INSIDE_DONE } inside;
	unsigned last_slot; /* taken in turn, so that a late callback finds its own slot */
	uint64_t violations;
	uint64_t clock_us; /* the latest time that an alarm engine told */
	struct checker_slot slots[HIL_CONCURRENCY_MAX];
};

extern const struct checker_type checker_rng_type;
extern const struct checker_type checker_digest_type;
extern const struct checker_type checker_aes_type;
extern const struct checker_type checker_kdf_type;
extern const struct checker_type checker_mac_type;
extern const struct checker_type checker_alarm_type;
extern const struct checker_type checker_app_type;
extern const struct checker_type checker_console_type;
extern const struct checker_type checker_ecc_type;
extern const struct checker_type checker_hwkey_type;
extern const struct checker_type checker_nv_type;
extern const struct checker_type checker_rsa_type;

/* Gives the checker's own engine the caps of the inner one, and ops. */
void checker_rng_open(struct checker *checker);
void checker_digest_open(struct checker *checker);
void checker_aes_open(struct checker *checker);
void checker_kdf_open(struct checker *checker);
void checker_mac_open(struct checker *checker);
void checker_alarm_open(struct checker *checker);
void checker_app_open(struct checker *checker);
void checker_console_open(struct checker *checker);
void checker_ecc_open(struct checker *checker);
void checker_hwkey_open(struct checker *checker);
void checker_nv_open(struct checker *checker);
void checker_rsa_open(struct checker *checker);

/* checker.c: an engine's start and cancel, and the end of an operation. */
int checker_start(struct checker *checker, const void *request, void *outer);
int checker_cancel(struct checker *checker, const void *outer);
void checker_done(struct checker_slot *slot, int result);
void checker_violation(struct checker_slot *slot, enum hil_rule rule, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * checker-rules.c: each callback asks first, and tells the answer afterwards. false: it is not
 * passed on, and the engine gets -PLUTON_EFAIL (or NULL for a lend).
 */
bool checker_may_move(struct checker_slot *slot, enum checker_call call, size_t len, size_t cursor);
ssize_t checker_moved(struct checker_slot *slot, enum checker_call call, size_t len, ssize_t n);
bool checker_may_move_whole(struct checker_slot *slot, enum checker_call call, size_t len);
int checker_moved_whole(struct checker_slot *slot, enum checker_call call, int r);
bool checker_may_lend(struct checker_slot *slot, enum checker_call call, size_t cursor);
void checker_lent(struct checker_slot *slot, enum checker_call call, size_t cursor,
		  const void *memory, const size_t *len);

/* Whether this callback may come at all now; true for one that is judged further. */
bool checker_admit(struct checker_slot *slot, enum checker_call call);
void checker_judge_done(struct checker_slot *slot, int result);

#endif
