/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an app is, as its file app.d/NAME.conf says (pluton-app.conf(5)). A definition never changes
 * once it is read: an app that runs holds the one it was started with.
 */
#ifndef PLUTON_APPS_DEFINITION_H
#define PLUTON_APPS_DEFINITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hil/app.h"

#define DEFINITION_PROBLEM_SIZE 256
#define DEFINITION_STORE_MAX 16u /* descriptors that the largest fd_store_max allows */
#define DEFINITION_ARGUMENTS_MAX 64u
#define DEFINITION_HASH_SIZE 32u

enum definition_restart {
	DEFINITION_RESTART_ALWAYS,
	DEFINITION_RESTART_ON_FAILURE,
	DEFINITION_RESTART_NO,
};

enum definition_start {
	DEFINITION_START_BOOT,	    /* with the daemon, and on demand */
	DEFINITION_START_ON_DEMAND, /* when the first client asks for it */
	DEFINITION_START_MANUAL,    /* only when somebody says so */
};

struct definition {
	unsigned holders;
	char name[APP_NAME_MAX + 1];
	char *file;
	/* "": it is good. Else what is wrong with it, for the log, and in which line (0: none). */
	char problem[DEFINITION_PROBLEM_SIZE];
	unsigned problem_line;

	char *description;
	/* Of exec, ended by NULL, the first as it was written; NULL: it was not. */
	char **arguments;
	bool hashed;
	uint8_t sha256[DEFINITION_HASH_SIZE];
	uint64_t security_version;
	char *drivers; /* names with commas between, no blanks; "": none */
	char *user;    /* "": the daemon's own */
	enum definition_restart restart;
	enum definition_start start;
	uint64_t memory_max; /* bytes; 0: no limit */
	uint64_t start_timeout_ms;
	uint64_t stop_timeout_ms;
	uint64_t watchdog_ms; /* 0: none */
	uint64_t restart_delay_ms;
	uint64_t restart_delay_max_ms;
	uint64_t fd_store_max;
	char *unit;	  /* of systemd's, ends in .service; "": none */
	char *activation; /* the path of the socket that starts it; "": none */
};

/* Whom to believe, besides root and the user whom we run as. */
bool definition_trusts(uint32_t owner, uint32_t trusted);

/*
 * Reads `file` as the definition of `name`. What is wrong with the file is in the definition, of
 * which nothing is believed if others than root, we and uid `trusted` can write it. NULL: no
 * memory. The caller holds it.
 */
struct definition *definition_read(const char *name, const char *file, uint32_t trusted);

/* For those who check what is not checked here: notes a problem of the whole, if there is none. */
void definition_complain(struct definition *definition, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What an engine cannot do without: complains if it is missing. */
void definition_require_program(struct definition *definition); /* exec */
void definition_require_unit(struct definition *definition);	/* unit and activation */

struct definition *definition_hold(struct definition *definition);
void definition_release(struct definition *definition); /* NULL is fine */

/* true: both say the same. */
bool definition_equal(const struct definition *a, const struct definition *b);

#endif
