/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plutond that knows one app, and the TPM app behind it, for tests of what clients do when these
 * two come and go. A "TPM command" here counts: its response says how many have run, so a test
 * sees what ran twice and what did not. It stops the test program where libpluton broke a promise.
 */
#ifndef PLUTON_TESTS_FAKE_TPM_H
#define PLUTON_TESTS_FAKE_TPM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_TPM_ACTS 32u
#define FAKE_TPM_CHANNELS 64u
#define FAKE_TPM_WORLDS 16u
#define FAKE_TPM_RESPONSE_MIN 18u /* bytes: header, commands run, locality */
#define FAKE_TPM_LOCALITY_MAX 3u
#define FAKE_TPM_SLOWNESS 2u

#define FAKE_RC_CANCELED 0x909u
#define FAKE_RC_RETRY 0x922u

/* What becomes of the next command; those that were not told run. */
enum fake_act {
	ACT_RUN = 0,
	ACT_DIE_BEFORE, /* the app is gone before it accepted the command */
	ACT_DIE_MIDWAY, /* ... after it accepted it, and nobody knows whether it ran */
	ACT_DIE_AFTER,	/* ... after it ran it and stored the response */
	ACT_OFF_BEFORE, /* it is gone for good: nothing is kept */
	ACT_OFF_AFTER,	/* likewise, and the command did run */
	ACT_ANSWER_AND_DIE,
	ACT_HOLD,	   /* until it is cancelled */
	ACT_REFUSE,	   /* -PLUTON_ENOMEM with a text; uses no number */
	ACT_FAIL,	   /* the same by an upcall */
	ACT_REFUSE_BUSY,   /* as ACT_REFUSE, with -PLUTON_EBUSY */
	ACT_SAY_LONG,	   /* answers with more than any response has */
	ACT_SAY_SHORT,	   /* a response without a whole header */
	ACT_SAY_OTHERWISE, /* the response's header has another length */
	ACT_SAY_TWICE,	   /* two answers */
	ACT_SAY_NOISE,	   /* no record */
	ACT_SAY_OVERSIZED, /* a record that is longer than records are */
	ACT_SAY_DESCRIPTOR,
};

/* What plutond answers when it is asked for a channel. */
enum fake_broker {
	BROKER_GIVES = 0,
	BROKER_GIVES_DEAD,  /* a channel that is closed already */
	BROKER_GIVES_FULL,  /* ... on which the app has said that it takes no more clients */
	BROKER_GIVES_NOISE, /* ... on which it has said what is no record */
	BROKER_NO_DEVICE,
	BROKER_FAILS,
	BROKER_IS_BUSY,
	BROKER_SILENT,	   /* as if stopped: answers nothing more on this connection */
	BROKER_SLOW,	   /* gives, once it was asked for a sign of life FAKE_TPM_SLOWNESS times */
	BROKER_GIVES_NONE, /* success without a descriptor */
	BROKER_HANGS_UP,
	BROKER_NOISE,
};

/* A connection as the app keeps it. */
struct fake_world {
	bool used;
	uint8_t token[16];
	uint32_t last;
	uint32_t locality;
	size_t size;
	uint8_t response[4096];
};

struct fake_channel {
	struct fake_tpm *fake;
	int fd;
	bool started;
	pthread_t thread;
	struct fake_world *world;
	bool attached;
};

struct fake_tpm {
	char directory[64];
	char address[96]; /* for pluton_tpm_open */
	int listen_fd;
	int stop_fds[2];
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t told;  /* a setting has changed */
	struct fake_channel channels[FAKE_TPM_CHANNELS];
	unsigned channel_count;
	struct fake_world worlds[FAKE_TPM_WORLDS];
	enum fake_act acts[FAKE_TPM_ACTS];
	unsigned act_count, act_next;
	enum fake_broker broker;
	unsigned broker_times;	/* so often; then it gives; 0: for ever */
	uint32_t attach_deaths; /* so many ATTACHes are done and not answered */
	uint32_t attach_last;	/* instead of the last number in the next ATTACH's answer; 0: no */
	unsigned asked;		/* for a channel */
	unsigned executed;	/* commands */
	unsigned served;	/* TRANSMITs that came, each time */
	unsigned cancels;	/* CANCELs of a command that was held */
	unsigned calls;		/* for a sign of life */
	unsigned unread;	/* records that came while it does not read */
	uint32_t inline_max;
	uint32_t refuses_attach;      /* with this error; 0: no */
	uint32_t locality_deaths;     /* so many SET_LOCALITYs are done and not answered */
	uint32_t locality_last_words; /* so many are answered, and that is the last of it */
	uint32_t repeat_refusals;     /* so many numbers that come again are refused */
	uint32_t reads_not;	      /* commands and CANCELs, as long as it is 1 */
	uint32_t cut_offs;	      /* of plutond's clients, so many are hung up on at HELLO */
	uint32_t departures;	      /* ... and so many once they are greeted */
	uint32_t client_room;	      /* bytes the client's end may send unread; 0: as it is */
	uint32_t keeps_client_end;    /* of channels, for fake_tpm_fill */
	int client_end;
};

void fake_tpm_begin(struct fake_tpm *fake);
void fake_tpm_end(struct fake_tpm *fake);

/* Nobody listens any more, or somebody does again. */
void fake_tpm_deafen(struct fake_tpm *fake);
void fake_tpm_hear(struct fake_tpm *fake);

void fake_tpm_next(struct fake_tpm *fake, enum fake_act act);
void fake_tpm_broker(struct fake_tpm *fake, enum fake_broker broker, unsigned times);

/* Sets one of the uint32_t above. */
void fake_tpm_set(struct fake_tpm *fake, uint32_t *setting, uint32_t value);

/* The app dies while nothing is under way: as after a crash, or switched off. */
void fake_tpm_crash(struct fake_tpm *fake);
void fake_tpm_power_off(struct fake_tpm *fake);

/*
 * Connects up to `count` clients to plutond, which takes one at a time and has a queue: the first
 * is greeted and the others wait. Returns how many there was room for; the test closes them.
 */
unsigned fake_tpm_occupy(struct fake_tpm *fake, int *fds, unsigned count);

/* What the client sends next finds no room, until the app reads again (reads_not). */
void fake_tpm_fill(struct fake_tpm *fake);
void fake_tpm_wait_for_room(struct fake_tpm *fake);

/* Counters. */
unsigned fake_tpm_executed(struct fake_tpm *fake);
unsigned fake_tpm_served(struct fake_tpm *fake);
unsigned fake_tpm_asked(struct fake_tpm *fake);
unsigned fake_tpm_cancels(struct fake_tpm *fake);
unsigned fake_tpm_calls(struct fake_tpm *fake);
unsigned fake_tpm_unread(struct fake_tpm *fake);

/* A command of `size` bytes whose response shall have `wanted` (0: FAKE_TPM_RESPONSE_MIN). */
void fake_tpm_command(uint8_t *command, uint32_t size, uint32_t wanted);

/* What a response says. */
uint32_t fake_tpm_rc(const uint8_t *response);
uint32_t fake_tpm_count(const uint8_t *response);
uint32_t fake_tpm_locality(const uint8_t *response);

#endif
