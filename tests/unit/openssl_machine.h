/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the OpenSSL backend share: a loop with the backend on it, every engine behind
 * the contract checker, and clients whose answers a test chooses.
 */
#ifndef PLUTON_TESTS_OPENSSL_MACHINE_H
#define PLUTON_TESTS_OPENSSL_MACHINE_H

#include "backends/openssl/openssl.h"
#include "hil/aes.h"
#include "hil/checker.h"
#include "hil/digest.h"
#include "hil/rng.h"

#define MACHINE_SCRATCH (1024u * 1024)
#define NEVER SIZE_MAX

struct machine {
	struct deferred_queue deferred;
	struct interrupt_queue interrupts;
	struct backend_environment environment;
	struct backend_instance *instance;
	struct hil_engine *checkers[HIL_KINDS];
	size_t calls;		 /* deferred calls run */
	size_t interrupts_taken; /* how often a worker came back */
	/* After each deferred call. */
	void (*after_call)(struct machine *machine);
	void *context;
};

/* Opens with these options; `change` may alter the environment before. Fatal if it fails. */
void machine_open(struct machine *machine, const struct openssl_options *options,
		  void (*change)(struct backend_environment *environment));

/* Asserts that nothing is under way and that no rule was broken. */
void machine_close(struct machine *machine);

/* One deferred call, or what a worker brought; false: nothing came within ten seconds. */
bool machine_step(struct machine *machine);

/* Until *flag is not 0; fails the test if it never is. */
void machine_run(struct machine *machine, const unsigned *flag);

struct rng_engine *machine_rng(struct machine *machine);
struct digest_engine *machine_digest(struct machine *machine);
struct aes_engine *machine_aes(struct machine *machine);

/* The four ways of execution, small slices in the sliced one. */
#define EXECUTIONS 4u
extern const struct openssl_options executions[EXECUTIONS];

/* --- a client ----------------------------------------------------------------------------------
 */

/* How a client of any HIL answers. Zeroed: willingly, by pulls and pushes of any length. */
struct manners {
	size_t most;	   /* bytes it moves at once; 0: all */
	bool lends_input;  /* all of it */
	bool lends_output; /* all of it */
	size_t lend_most;  /* bytes it lends at once; 0: all */
	unsigned fail_at;  /* the n-th callback fails, from 1; 0: none */
	int failure;	   /* with this */
	bool overlong;	   /* the n-th moving callback claims one byte too many instead */
	/* Before every callback; n counts from 1. */
	void (*before)(void *context, unsigned n);
	void *context;
};

/* What happened to it. */
struct outcome {
	unsigned callbacks;
	unsigned done; /* how often */
	int result;
	size_t pulled; /* or lent */
	size_t pushed; /* not counting what was lent */
};

struct rng_test_client {
	struct rng_client client;
	struct manners manners;
	struct outcome outcome;
	uint8_t *output;
};

struct digest_test_client {
	struct digest_client client;
	struct manners manners;
	struct outcome outcome;
	const uint8_t *input;
	size_t length;
	uint8_t digest[DIGEST_SIZE_MAX];
	uint8_t state[HIL_STATE_MAX];
	unsigned digests;
	unsigned states;
};

struct aes_test_client {
	struct aes_client client;
	struct manners manners;
	struct outcome outcome;
	const uint8_t *input;
	uint8_t *output;
	size_t length;
	const uint8_t *aad;
	size_t aad_length;
	uint8_t key[AES_KEY_SIZE_MAX];
	uint8_t iv[AES_BLOCK_SIZE];
	uint8_t ctr[AES_BLOCK_SIZE];
	uint8_t tag[AES_TAG_SIZE];
	uint8_t state[HIL_STATE_MAX];
	unsigned tags; /* pushed */
};

/* Sets the callbacks, after the fields: whether it lends decides which there are. */
void rng_test_client_arm(struct rng_test_client *client);
void digest_test_client_arm(struct digest_test_client *client);
void aes_test_client_arm(struct aes_test_client *client);

/* Arm, start, run until done: the result of done, or what start refused with. */
int rng_test_run(struct machine *machine, struct rng_test_client *client, size_t length);
int digest_test_run(struct machine *machine, struct digest_test_client *client,
		    enum hil_phase phase);
int aes_test_run(struct machine *machine, struct aes_test_client *client,
		 const struct aes_request *request);

/* --- an owner ----------------------------------------------------------------------------------
 */

#define OWNER_CHARGES 16u

/* Implements hil_charge_* as the kernel does, and counts. */
struct test_owner {
	struct hil_owner owner;
	size_t limit;
	size_t charged;
	struct {
		const struct hil_charge *charge;
		void *object;
	} charges[OWNER_CHARGES];
};

/* Releases all that it is charged with, as when a process dies. */
void test_owner_die(struct test_owner *owner);

/* Bytes that look like nothing in particular, the same ones each time. */
void fill(uint8_t *buf, size_t len, uint32_t seed);

#endif
