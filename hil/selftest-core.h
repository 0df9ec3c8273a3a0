/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the self test: what the typed halves (selftest-digest.c …, one for each HIL) share. A half
 * is its known answers, in the order in which they are asked, and the glue to the HIL's callbacks.
 *
 * The rule a newcomer would break first: known answers are constants with their source named, and
 * a test that no constant can make (signatures with a random part) keeps what came out in `kept`
 * and asks for the way back.
 */
#ifndef PLUTON_HIL_SELFTEST_CORE_H
#define PLUTON_HIL_SELFTEST_CORE_H

#include "hil/aes.h"
#include "hil/digest.h"
#include "hil/ecc.h"
#include "hil/hwkey.h"
#include "hil/kdf.h"
#include "hil/mac.h"
#include "hil/rng-health.h"
#include "hil/rng.h"
#include "hil/rsa.h"
#include "hil/selftest.h"

struct known {
	const uint8_t *bytes;
	size_t length;
};
#define KNOWN(array)                                                                               \
	{                                                                                          \
		(array), sizeof(array)                                                             \
	}

/* What moves in one operation; outputs are what must come out. */
enum known_item {
	KNOWN_KEY = 0,
	KNOWN_IV,  /* or the counter block, or a salt */
	KNOWN_AAD, /* or a label: RSA's, a derivation's */
	KNOWN_INPUT,
	KNOWN_PUBLIC,
	KNOWN_TAG,    /* in: a tag, MAC or signature to be verified */
	KNOWN_OUTPUT, /* the first of the outputs */
	KNOWN_TAG_OUTPUT,
	KNOWN_ITEMS,
};

#define KEPT_MAX 256u /* an RSA-2048 signature */

/* Random bytes have no answer that is known. */
struct known_random {
	struct rng_health health;
	bool second;   /* request: it must not begin as the first did */
	unsigned same; /* bytes that did */
};

union selftest_request {
	struct rng_request rng;
	struct digest_request digest;
	struct aes_request aes;
	struct mac_request mac;
	struct ecc_request ecc;
	struct rsa_request rsa;
	struct kdf_request kdf;
	struct hwkey_request hwkey;
};

/* One operation of a test. The engine knows it as its client, so that comes first. */
struct selftest_run {
	union {
		struct rng_client rng;
		struct digest_client digest;
		struct aes_client aes;
		struct mac_client mac;
		struct ecc_client ecc;
		struct rsa_client rsa;
		struct kdf_client kdf;
		struct hwkey_client hwkey;
	} client;
	union selftest_request request;
	struct known items[KNOWN_ITEMS];
	size_t moved[KNOWN_ITEMS]; /* bytes of outputs that came */
	int expected;		   /* what done must say */
	bool keeps; /* KNOWN_OUTPUT is not compared, but kept for the next operation */
	bool wrong;
	const char *why; /* wrong: in which way; NULL: the answer is another one */
	size_t kept_length;
	uint8_t kept[KEPT_MAX];
	struct known_random random;
};

/* What `prepare` says of one step of a test. */
enum known_step {
	KNOWN_ASK,  /* the request is made: ask, unless caps do not offer it */
	KNOWN_SKIP, /* not this one */
	KNOWN_END,  /* there are no more */
};

struct selftest;

/* The typed half. */
struct selftest_kind {
	const char *const *names; /* by number; NULL where there is none */
	unsigned (*algorithm_of)(const void *request);
	uint32_t (*offered)(const struct hil_engine *engine); /* bit 1 << number */
	bool (*in_slot)(const void *request); /* its key is the engine's; NULL: there are no keys */
	int (*check)(const struct hil_engine *engine, const void *request);
	size_t request_size;
	/* `run` is empty but for what the steps before left in `kept` and `random`. */
	enum known_step (*prepare)(struct selftest_run *run, unsigned algorithm, unsigned step);
	void (*open)(struct selftest *selftest); /* gives its engine inner's caps, and ops */
	int (*start)(struct hil_engine *inner, const void *request, void *client);
	int (*cancel)(struct hil_engine *inner, void *client);
	void (*done)(void *client, int result);
	/* In place of start and cancel, for clients that are none of the test's; or both NULL. */
	int (*serve)(struct selftest *selftest, const void *request, void *client);
	int (*withdraw)(struct selftest *selftest, void *client);
};

extern const struct selftest_kind selftest_rng_kind;
extern const struct selftest_kind selftest_digest_kind;
extern const struct selftest_kind selftest_aes_kind;
extern const struct selftest_kind selftest_mac_kind; /* HMAC and CMAC */
extern const struct selftest_kind selftest_ecc_kind;
extern const struct selftest_kind selftest_rsa_kind;
extern const struct selftest_kind selftest_kdf_kind;
extern const struct selftest_kind selftest_hwkey_kind;

/* NULL: nothing is known of this kind. */
const struct selftest_kind *selftest_kind_of(enum hil_kind kind);

/* A request that waits for its algorithm's test. */
struct selftest_parked {
	void *client; /* NULL: nobody */
	unsigned algorithm;
	bool cancelled;
	union selftest_request request;
};

struct selftest_algorithm {
	enum selftest_state state; /* UNTESTED, PASSED or FAILED */
	bool wanted;		   /* its test is to be made in a turn of our own */
	bool told;		   /* that it fails; not yet that it passes again */
	bool untold;		   /* failed outside of a test */
	uint32_t runs;
	uint32_t failures;
	const char *why;
};

/* A client of HIL rng whose bytes are looked at on their way; the engine knows this one. */
struct selftest_watch {
	struct rng_client client;
	struct rng_client *outer; /* NULL: nobody */
	struct selftest *selftest;
	const char *fault; /* found in its bytes; NULL: none */
};

struct selftest {
	union {
		struct hil_engine head;
		struct rng_engine rng;
		struct digest_engine digest;
		struct aes_engine aes;
		struct mac_engine mac;
		struct ecc_engine ecc;
		struct rsa_engine rsa;
		struct kdf_engine kdf;
		struct hwkey_engine hwkey;
	} engine;
	struct hil_engine *inner;
	struct hil_watcher watcher; /* of the inner engine's */
	const struct selftest_kind *kind;
	struct selftest_options options;
	struct deferred_call work;
	struct hil_waiter turn;
	struct selftest_algorithm algorithms[SELFTEST_ALGORITHMS];
	struct selftest_parked parked[HIL_CONCURRENCY_MAX];
	bool asked; /* selftest_begin: `ended` is owed */
	bool stopped;
	unsigned
		refused; /* 1 + the algorithm that was refused last; 0: hil_gate.refusal was told */
	char why[128];	 /* what refusal returned */
	/* The test under way. */
	enum { TEST_NONE = 0, TEST_ASKED, TEST_ANSWERED } test; /* ASKED: the engine has it */
	unsigned algorithm;
	unsigned step;
	unsigned answers;	       /* of this test, right ones */
	struct selftest_parked *place; /* in whose turn; NULL: our own */
	bool stale;		       /* the device came or went meanwhile */
	bool expired;
	int outcome;	      /* a negative error: the test could not be made */
	const char *fault;    /* NULL: no wrong answer so far */
	uint64_t deadline_ms; /* 0: none */
	struct selftest_run run;
	/* HIL rng's. */
	struct rng_health health; /* of all that clients were given */
	struct selftest_watch watches[HIL_CONCURRENCY_MAX];
};

/* selftest.c: the engine's start and cancel, and the end of an operation of the test. */
int selftest_start(struct hil_engine *engine, const void *request, void *client);
int selftest_cancel(struct hil_engine *engine, void *client);
void selftest_done(struct selftest_run *run, int result);

/* An algorithm is found to fail while it serves: from now on it is refused. */
void selftest_fail(struct selftest *selftest, unsigned algorithm, const char *why);

/* -PLUTON_EFAIL, of which gate->refusal will say that the algorithm fails. */
int selftest_refuse(struct selftest *selftest, unsigned algorithm);

/* Callbacks: whole, or from a cursor on. */
int known_pull(struct selftest_run *run, enum known_item item, uint8_t *buf, size_t len);
ssize_t known_pull_at(struct selftest_run *run, enum known_item item, uint8_t *buf, size_t len,
		      size_t cursor);
int known_push(struct selftest_run *run, enum known_item item, const uint8_t *buf, size_t len);
ssize_t known_push_at(struct selftest_run *run, enum known_item item, const uint8_t *buf,
		      size_t len, size_t cursor);

#endif
