/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bench: the engines under test, the contract checker before each, and the loop that drives
 * them. Behaviours (behaviours.h) say what they expect with EXPECT; in a trial, that is on an
 * engine that is broken on purpose, what goes wrong is noted instead of failing the test.
 */
#ifndef PLUTON_TESTS_HIL_BENCH_H
#define PLUTON_TESTS_HIL_BENCH_H

#include "daemon/kernel/deferred.h"
#include "daemon/kernel/interrupt.h"
#include "hil/arbiter.h"
#include "hil/checker.h"
#include "tests/hil/client.h"

struct bench;

/* What survives a power cut of what is in key slots. */
struct bench_store {
	void (*format)(void); /* nothing is kept any more */
	/* What is kept of that slot is changed by somebody else. */
	void (*damage)(const char *owner, uint32_t number);
	void (*fail)(int error); /* what changes it fails from now on; 0: no more */
};

/* What makes the engines. */
struct bench_maker {
	const char *name; /* of the test program's suite: "hil chip" */
	/* Fills bench->inner; NULL for a HIL that it has not. 0 or a negative error. */
	int (*open)(struct bench *bench);
	void (*close)(struct bench *bench);
	uint32_t lacks;	      /* bit 1 << kind, of HILs with behaviours */
	uint32_t lacks_modes; /* of AES, bit 1 << mode */
	bool has_workers;     /* results may come from other threads */
	bool lends;	      /* asks for lent memory */
	bool opens_sealed;    /* decrypts more than its scratch from sealed memory */
	/*
	 * Waits until something happens outside that the engines wait for, and lets them know;
	 * false: they wait for nothing. NULL: they never do.
	 */
	bool (*wait)(struct bench *bench);
	/* The step-th step from now on fails; NULL: it cannot be told to. */
	void (*fail_at)(struct bench *bench, unsigned step, int error);
	const struct bench_store
		*store; /* of an engine with key slots; empty for each bench_open */
};

struct bench {
	const struct bench_maker *maker;
	struct deferred_queue deferred;
	struct interrupt_queue interrupts;
	void *backend;
	struct hil_engine *inner[HIL_KINDS];
	struct hil_engine *engines[HIL_KINDS]; /* checked */
};

/* What a trial saw. */
struct bench_trial {
	unsigned violations;
	enum hil_rule first; /* valid if there was a violation */
	unsigned of_first;   /* violations of that rule */
	unsigned failures;   /* unmet expectations */
};

/* Whom bench_open uses; set once by the test program. */
void bench_use(const struct bench_maker *maker);

/* From here to the end of the trial nothing fails the running test. */
void bench_trial_begin(struct bench_trial *trial);
void bench_trial_end(void);

/* It saw a violation, and of this rule first. */
void bench_trial_expect(const struct bench_trial *trial, enum hil_rule rule);

void bench_open(struct bench *bench);
void bench_close(struct bench *bench);

/* The power fails and comes back: the engines are new, what they kept is there. */
void bench_restart(struct bench *bench);

/* A checker before an engine that the bench does not show; whoever made it closes it. */
int bench_check_engine(struct bench *bench, struct hil_engine *inner,
		       struct hil_engine **ret_engine);

struct hil_engine *bench_engine(const struct bench *bench, enum hil_kind kind);
const struct aes_caps *bench_aes_caps(const struct bench *bench);
const struct digest_caps *bench_digest_caps(const struct bench *bench);
const struct mac_caps *bench_mac_caps(const struct bench *bench, enum hil_kind kind);
const struct rng_caps *bench_rng_caps(const struct bench *bench);
const struct ecc_caps *bench_ecc_caps(const struct bench *bench);
const struct rsa_caps *bench_rsa_caps(const struct bench *bench);
const struct kdf_caps *bench_kdf_caps(const struct bench *bench);
const struct hwkey_caps *bench_hwkey_caps(const struct bench *bench);

/* One pass of the loop with at most `budget` deferred calls; false: nothing was to be done. */
bool bench_turn(struct bench *bench, size_t budget);

/* Drives the loop until the client's operation is done and nothing is left to run. */
void bench_finish(struct bench *bench, const struct client *client);

/* client_start and bench_finish; what start returned, or else what done said. */
int bench_run(struct bench *bench, struct client *client);

/* The owner that requests are charged to (charges.h); its charges are released at close. */
struct hil_owner *bench_owner(void);

void bench_expect(bool met, const char *what, const char *file, unsigned line);
#define EXPECT(condition) bench_expect((condition), #condition, __FILE__, __LINE__)

#endif
