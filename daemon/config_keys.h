/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of configuration keys, and how a value of each type is read, stored, compared and
 * written. config.c's own: nobody else includes this, but docs/operations-tables.c, which prints
 * the table.
 */
#ifndef PLUTON_CONFIG_KEYS_H
#define PLUTON_CONFIG_KEYS_H

#include "daemon/config.h"

enum key_type {
	KEY_SIZE,     /* size_t; bytes, or with K, M, G */
	KEY_NUMBER,   /* uint32_t */
	KEY_MODE,     /* mode_t; octal */
	KEY_BOOL,     /* bool */
	KEY_DURATION, /* uint64_t milliseconds; with ms, s, m or h */
	KEY_PATH,     /* char *; absolute, min..max bytes */
	KEY_LIST,     /* char *; names with commas between */
	KEY_FOLDERS,  /* char *; absolute paths or "default" with commas between */
	KEY_BUS,      /* char *; off, session, system or an address */
	KEY_LEVEL,    /* enum pluton_log_level */
	KEY_PROFILE,  /* enum config_profile */
};

/* Whom a changed value reaches when the configuration is read again. */
enum config_reach {
	CONFIG_REACH_RESTART, /* nobody: it needs a restart */
	CONFIG_REACH_CONNECT, /* processes that connect from then on */
	CONFIG_REACH_AT_ONCE, /* everybody, also who is connected */
};

struct config_key {
	const char *section;
	const char *name;
	enum key_type type;
	size_t offset; /* in struct config */
	uint64_t min;
	uint64_t max;
	const char *fallback; /* the default, as it would be written */
	enum config_reach reach;
	const char *doc; /* a sentence */
};

/* Ends with a NULL name. */
extern const struct config_key config_keys[];
size_t config_key_count(void);

/* The default with --system, where it is another one; else NULL. */
const char *config_key_system_fallback(const struct config_key *key);

/* NULL: there is none. */
const struct config_key *config_key_find(const char *section, const char *name);
bool config_section_exists(const char *section);

/* Enough for every value but a path or list of unusual length, which is cut off. */
#define CONFIG_TEXT_SIZE 256

/* "[daemon], [kernel], …": all but [access]. */
const char *config_section_names(char buf[CONFIG_TEXT_SIZE]);

/*
 * Reads `text` as the key's type and stores it in `config`, freeing what was there. -PLUTON_EINVAL
 * with a phrase in `problem`: what is wrong and what to write. -PLUTON_ENOMEM.
 */
int config_key_store(const struct config_key *key, struct config *config, const char *text,
		     char problem[CONFIG_TEXT_SIZE]);

void config_key_free(const struct config_key *key, struct config *config);
bool config_key_equal(const struct config_key *key, const struct config *a, const struct config *b);
void config_key_swap(const struct config_key *key, struct config *a, struct config *b);

/* The value as it would be written: never longer than CONFIG_TEXT_SIZE, except strings. */
const char *config_key_text(const struct config_key *key, const struct config *config,
			    char buf[CONFIG_TEXT_SIZE]);

/* The key's range for a person ("64K to 4G"). */
const char *config_key_range(const struct config_key *key, char buf[CONFIG_TEXT_SIZE]);

/* The same for a person, a sentence: when a changed value holds. */
const char *config_key_reach(const struct config_key *key);

/* --- [access] -------------------------------------------------------------------------------- */

/* Where a message or a dump says what a value came from. */
#define CONFIG_SYSTEM_ORIGIN "--system"

/*
 * The defaults of [access]: those that files replace, before the files; and group pluton after
 * them, which must exist only if they do not say that it may use nothing. Errors as in _store.
 */
int config_access_set_defaults(struct config *config, char problem[CONFIG_TEXT_SIZE]);
int config_access_set_group(struct config *config, char problem[CONFIG_TEXT_SIZE]);

/* Sets or replaces the rule that `key` ("default", "user.NAME") names. Errors as in _store. */
int config_access_set(struct config *config, const char *key, const char *text, const char *file,
		      unsigned line, char problem[CONFIG_TEXT_SIZE]);
void config_access_free(struct config *config);
bool config_access_equal(const struct config *a, const struct config *b);

#endif
