/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to a TPM app and back to it: ask plutond for a channel, greet, attach with the token, and
 * all of it again when the channel is lost. Nothing here waits; whoever waits polls
 * link_fd/link_events until link_time and then calls link_turn.
 *
 * The rule a newcomer would break first: `wire` is another connection after every link_turn that
 * did not return LINK_UP, and what was under way on the old one is gone without an answer.
 */
#ifndef PLUTON_CLIENT_TPM_LINK_H
#define PLUTON_CLIENT_TPM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pluton/app.h>

#include "client-lib/connection.h"
#include "client-lib/tpm_channel.h"

#define LINK_LIMIT_DEFAULT_MS 10000u /* for getting a channel again */
#define LINK_LIMIT_OPENING_MS 1000u  /* for the first one at least */
#define LINK_NEVER UINT64_MAX	     /* a time that does not come */

enum link_phase {
	LINK_PHASE_DOWN = 0,  /* nobody wants it, or it was given up */
	LINK_PHASE_PAUSE,     /* no connection; until `pause_end` */
	LINK_PHASE_ASKING,    /* wire is a connection to plutond: greeting, then the channel */
	LINK_PHASE_GREETING,  /* from here on wire is the channel */
	LINK_PHASE_ATTACHING, /* the token, then the locality */
	LINK_PHASE_UP,
	LINK_PHASES,
};

enum link_state {
	LINK_COMING = 0, /* wait for it */
	LINK_UP = 1,
	LINK_LOST = 2, /* was up; link_raise begins to bring it back */
};

struct tpm_link {
	enum link_phase phase;
	struct pluton *wire; /* NULL in DOWN and PAUSE */
	const char *address; /* owned; NULL: the default */
	char instance[PLUTON_APP_NAME_MAX + 1];
	unsigned limit_ms;
	bool opened; /* was up once */

	uint64_t deadline; /* for getting a channel */
	uint64_t patience; /* ASKING: until then plutond must have said something */
	uint64_t pause_end;
	unsigned pause_ms;
	unsigned cut_offs, losses;	       /* by plutond: before its greeting, and after it */
	int error;			       /* of the last attempt; 0: none has failed */
	char reason[CONNECTION_MESSAGE_SIZE];  /* why it failed */
	char message[CONNECTION_MESSAGE_SIZE]; /* about a negative result */

	/* what the one operation under way has come to */
	bool asked;
	bool answered;
	struct answer answer;
	bool attached; /* the ATTACH is answered; the locality may not be */

	bool has_token;
	uint8_t token[TPM_TOKEN_SIZE];
	uint8_t new_token[TPM_TOKEN_SIZE];
	unsigned locality; /* set after every ATTACH that needs it */

	/* of the last ATTACH */
	unsigned epoch; /* counts them; 0: none yet */
	bool continues; /* the earlier connection went on */
	uint32_t last_sequence;
};

/* `address` may be NULL. -PLUTON_ENOMEM, or -PLUTON_EINVAL: no name of an instance. */
int link_init(struct tpm_link *link, const char *address, const char *instance);
void link_close(struct tpm_link *link);

/* Closes what is open; it is down. */
void link_drop(struct tpm_link *link);

/* Begins to bring it up, at once. `now` as link_now. */
void link_raise(struct tpm_link *link, uint64_t now);

/*
 * Does what can be done without waiting: an enum link_state, or a negative error with a sentence in
 * `message`, after which link_raise begins anew. In LINK_UP it is the caller who uses `wire`; its
 * callbacks run here. What was up is closed by link_raise, link_drop and link_close alone, so that
 * the caller can first see to it that nobody else uses it.
 */
int link_turn(struct tpm_link *link, uint64_t now);

/* What to wait for: -1 and 0 where there is no descriptor, LINK_NEVER where there is no time. */
int link_fd(const struct tpm_link *link);
short link_events(const struct tpm_link *link);
uint64_t link_time(const struct tpm_link *link);

/* Milliseconds of the clock that the other times are of. */
uint64_t link_now(void);

#endif
