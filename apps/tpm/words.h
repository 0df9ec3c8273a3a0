/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket `control` that systemd listens at for us: plutond connects there to have us come, and
 * says `stop` or `restart`. Who may connect is the socket's mode.
 */
#ifndef PLUTON_TPMD_WORDS_H
#define PLUTON_TPMD_WORDS_H

#include <systemd/sd-event.h>

#define WORDS_SOCKET "control" /* FileDescriptorName= */
#define WORDS_CALLERS_MAX 16u  /* with one more, the oldest is hung up on */

enum word {
	WORD_COME, /* a connection: plutond is there, and asks for us */
	WORD_STOP,
	WORD_RESTART,
};

struct words;

/*
 * Accepts whoever connects and keeps the connection until the other side ends it, or we end: that
 * is how it sees that we have. `said` runs for every word, in the event loop. Takes `listener`,
 * also on failure. A negative errno.
 */
int words_new(sd_event *event, int listener, void (*said)(void *context, enum word word),
	      void *context, struct words **ret);
void words_free(struct words *words); /* NULL is allowed */

#endif
