/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of engines for apps share: a folder of definitions, a loop, an engine behind the
 * checker, and requests. Nothing here sleeps: the loop turns until what is waited for is so, and
 * hangs, which the suite ends, if not.
 */
#ifndef PLUTON_TESTS_APP_RIG_H
#define PLUTON_TESTS_APP_RIG_H

#include "backends/table.h"
#include "hil/app.h"

struct app_rig {
	char folder[64], definitions[96];
	struct event_base *base;
	struct deferred_queue deferred;
	struct backend_environment environment;
	struct backend_instance *instance;
	struct app_engine *engine; /* the checker before it */
	char log[65536];
	bool ended; /* rig_on_ended was called */
};

extern struct app_rig rig;

/* Ends the program, with errno and what it was about, unless the condition holds. */
void must(bool condition, const char *what);

void rig_begin(void);  /* an empty folder, which everybody may enter */
void rig_remove(void); /* the folder */

/* An engine on the folder as it is now. */
void rig_open(int (*open)(const struct backend_environment *environment,
			  struct backend_instance **ret));
void rig_close(void (*close)(struct backend_instance *instance));
void rig_on_ended(void *context);

void turn(void);
void write_text(const char *path, const char *text);
void assert_contains(const char *text, const char *part);

struct asked {
	struct app_client client;
	unsigned answers;
	int result;
};

int ask(struct asked *asked, enum app_action action, const char *name);
int await_answer(struct asked *asked);
int perform(enum app_action action, const char *name); /* both */

struct app_status status_of(const char *name);
void await_state(const char *name, enum app_state state);
void await_starts(const char *name, uint32_t starts);

#endif
