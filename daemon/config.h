/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of plutond: one ini file, then conf.d/ *.conf beside it in the order of their
 * names; a later line wins. What keys there are is a table in config.c; plutond.conf(5) explains
 * them and `plutond --dump-config` prints them as they are in force.
 *
 * A struct config never changes once it is loaded, except by config_reloadable_changes.
 */
#ifndef PLUTON_CONFIG_H
#define PLUTON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <pluton/manager.h>

#define CONFIG_DEFAULT_PATH SYSCONFDIR "/pluton/plutond.conf"
#define CONFIG_MESSAGE_SIZE 512
#define CONFIG_APP_FOLDERS_MAX 8u

/* Who a line of [access] speaks of. */
enum access_kind {
	ACCESS_DEFAULT, /* everybody whom no other line names */
	ACCESS_USER,
	ACCESS_GROUP,
};

/*
 * One line of [access]. There is always exactly one ACCESS_DEFAULT, the first; a user or group is
 * named at most once. Which capsules exist, config does not know: who reads `text` checks it and
 * says FILE:LINE of what is wrong.
 */
struct access_rule {
	enum access_kind kind;
	uint32_t id; /* uid or gid; 0 for ACCESS_DEFAULT; UINT32_MAX: nobody's */
	char *key;   /* as it was written: "user.alice" */
	char *text;  /* "all", "none", or capsule names with commas between, no blanks */
	char *file;  /* where it stands, or the option that it comes from, with line 0 */
	unsigned line;
};

enum config_profile {
	CONFIG_PROFILE_DEFAULT,
	CONFIG_PROFILE_PLUTON, /* the memory of the chip: 512K for 64 processes */
};

struct config {
	bool system; /* whose defaults hold: those of the system's service */

	/* [daemon] */
	char *socket;
	mode_t socket_mode;
	char *state;
	enum pluton_log_level log_level;

	/* [kernel] */
	enum config_profile profile;
	size_t pool; /* bytes */
	uint32_t processes_max;
	uint32_t processes_per_user;
	size_t arena_min;   /* bytes */
	size_t arena_limit; /* bytes */
	uint32_t operations_per_process;
	uint32_t grants_per_capsule; /* per process */
	uint32_t windows_per_process;
	size_t window_max;	   /* bytes */
	size_t windows_per_user;   /* bytes */
	size_t ring_size;	   /* bytes; under RING_SIZE_MIN: no rings */
	uint32_t inline_max;	   /* bytes */
	uint32_t records_per_pass; /* of one process */
	uint32_t deferred_budget;  /* calls per loop pass */
	uint64_t engine_deadline_ms;
	uint64_t greeting_timeout_ms;

	/* [hil] names of backends, first is asked first, commas between, no blanks */
	char *rng;
	char *digest;
	char *aes;
	char *hmac;
	char *cmac;
	char *ecc;
	char *rsa;
	char *kdf;
	char *hwkey;
	char *alarm;
	char *console;
	char *nv;
	char *app;
	size_t aead_scratch; /* bytes per worker */
	uint32_t pbkdf2_rounds_max;
	uint32_t workers;
	bool checker;

	/* [chip] */
	char *chip_device;	  /* absolute path */
	uint64_t chip_timeout_ms; /* for one answer */
	uint32_t chip_retries;

	/* [console] of each program */
	uint32_t console_burst; /* lines at once */
	uint32_t console_lines_per_minute;

	/* [nvmem] of each app or user */
	uint32_t nvmem_areas_per_owner;
	size_t nvmem_bytes_per_owner;
	size_t nvmem_area_max; /* bytes */

	/* [hwkey] */
	uint32_t hwkey_slots;
	uint32_t hwkey_slots_per_owner;

	/* [app] */
	/* Together at most CONFIG_APP_FOLDERS_MAX, of which each default is two. */
	char *app_folders; /* absolute paths, "default" among them, commas between, no blanks */
	uint64_t app_connect_timeout_ms;

	/* [dbus] */
	char *bus; /* "off", "session", "system" or an address */
	size_t dbus_message_max;
	uint32_t dbus_calls_per_client;
	uint64_t dbus_idle_timeout_ms;

	/* [access] */
	struct access_rule *access_rules;
	size_t access_rule_count;

	/* config.c's own: where each key of the table was set. */
	struct config_origin *origins;
};

/* What went wrong: "FILE:LINE: what, value, what to do". */
struct config_error {
	char message[CONFIG_MESSAGE_SIZE];
};

/*
 * Reads `path`, or CONFIG_DEFAULT_PATH if that is NULL, which may be missing then. `system` (the
 * option --system) gives what no file sets the defaults of the system's service. -PLUTON_EINVAL (a
 * line is wrong, a file cannot be read, or there is no group pluton for those defaults) or
 * -PLUTON_ENOMEM, with *ret_error saying which. The caller owns *ret and frees it with config_free.
 */
int config_load(const char *path, bool system, struct config **ret, struct config_error *ret_error);
void config_free(struct config *config);

/*
 * Sets one key as a line of a file would; `origin` stands in messages where a file would
 * ("--state"), and must stay. Errors as above; the configuration is then unchanged.
 */
int config_set(struct config *config, const char *section, const char *key, const char *value,
	       const char *origin, struct config_error *ret_error);

/*
 * For those who check what config cannot: puts "FILE:LINE: " of the line that set the key, or
 * "default: ", and the formatted rest into *ret_error. Returns -PLUTON_EINVAL.
 */
int config_complain(const struct config *config, const char *section, const char *key,
		    struct config_error *ret_error, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/*
 * The value of a key that is a number: a size in bytes, a duration in ms, a switch as 0 or 1.
 * -PLUTON_EINVAL: there is no such key, or it is no number.
 */
int config_number(const struct config *config, const char *section, const char *key, uint64_t *ret);

/*
 * After the files were read again: moves from `fresh` into `config` every key that may change
 * while the daemon runs and does, and calls `restart` (may be NULL) with the name of every other
 * key that differs ("kernel.pool"). Returns how many keys were moved. `fresh` is then good only
 * for config_free. Whom a moved key reaches, all or only who connects from now on, the table in
 * config_keys.c says; [access] is judged at connect. Cannot fail: whatever can, comes before it.
 */
size_t config_reloadable_changes(struct config *config, struct config *fresh,
				 void (*restart)(const char *key, void *context), void *context);

/*
 * The configuration in force as an ini file, with what each key means, its range and its default
 * as comments. -PLUTON_EFAIL: it could not be written.
 */
int config_dump(const struct config *config, FILE *out);

/*
 * Steps through a list of names as rng, digest, aes and access_rule.text are: sets *ret_name to
 * the next name, which is not terminated, and returns its length; 0 at the end. Begin with
 * *cursor at the start of the list.
 */
size_t config_list_next(const char **cursor, const char **ret_name);

#endif
