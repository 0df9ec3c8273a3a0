/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading, checking, reloading and printing the configuration. Every line of every file goes
 * through one function, assign, that knows where it came from. No message may lose its FILE:LINE.
 */
#include "daemon/config.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config_keys.h"
#include "daemon/ini_file.h"

#define NAME_SIZE_MAX 48 /* bytes: inih cuts names off after 49 */

struct config_origin {
	char *file; /* NULL: the default is in force */
	unsigned line;
};

/* --- messages -------------------------------------------------------------------------------- */

__attribute__((format(printf, 4, 5))) static int fail(struct config_error *error, const char *file,
						      unsigned line, const char *format, ...)
{
	size_t used;
	va_list args;

	if (line > 0)
		snprintf(error->message, sizeof(error->message), "%.200s:%u: ", file, line);
	else
		snprintf(error->message, sizeof(error->message), "%.200s: ", file);
	used = strlen(error->message);
	va_start(args, format);
	vsnprintf(error->message + used, sizeof(error->message) - used, format, args);
	va_end(args);
	return -PLUTON_EINVAL;
}

static int fail_memory(struct config_error *error)
{
	snprintf(error->message, sizeof(error->message), "no memory for the configuration");
	return -PLUTON_ENOMEM;
}

static struct config_origin *origin_of(const struct config *config, const struct config_key *key)
{
	return &config->origins[key - config_keys];
}

int config_complain(const struct config *config, const char *section, const char *name,
		    struct config_error *ret_error, const char *format, ...)
{
	const struct config_key *key = config_key_find(section, name);
	const struct config_origin *origin = key ? origin_of(config, key) : NULL;
	char what[CONFIG_TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (origin && origin->file)
		return fail(ret_error, origin->file, origin->line, "%s.%s: %s", section, name,
			    what);
	return fail(ret_error, "default", 0, "%s.%s: %s", section, name, what);
}

/* --- one line -------------------------------------------------------------------------------- */

static int set_origin(struct config_origin *origin, const char *file, unsigned line)
{
	char *copy = strdup(file);

	if (!copy)
		return -PLUTON_ENOMEM;
	free(origin->file);
	*origin = (struct config_origin){copy, line};
	return 0;
}

static int assign_key(struct config *config, const struct config_key *key, const char *value,
		      const char *file, unsigned line, char *problem)
{
	int r = config_key_store(key, config, value, problem);

	return r < 0 ? r : set_origin(origin_of(config, key), file, line);
}

static int assign(struct config *config, const char *section, const char *name, const char *value,
		  const char *file, unsigned line, struct config_error *error)
{
	const struct config_key *key = config_key_find(section, name);
	char problem[CONFIG_TEXT_SIZE] = "";
	int r;

	if (!config_section_exists(section))
		return fail(error, file, line,
			    "there is no section [%.60s]; write %s or [access] above the line",
			    section, config_section_names(problem));
	if (strlen(name) > NAME_SIZE_MAX)
		return fail(error, file, line, "the key %.60s is too long; see plutond.conf(5)",
			    name);
	if (!key && strcmp(section, "access") != 0)
		return fail(error, file, line,
			    "there is no key %.60s in [%s]; "
			    "plutond.conf(5) lists them",
			    name, section);
	if (key)
		r = assign_key(config, key, value, file, line, problem);
	else
		r = config_access_set(config, name, value, file, line, problem);
	if (r == -PLUTON_EINVAL)
		return fail(error, file, line, "%s.%.60s: %s", section, name, problem);
	return r < 0 ? fail_memory(error) : 0;
}

/* --- one file -------------------------------------------------------------------------------- */

/* Where the lines of a file go. */
struct reading {
	struct config *config;
	struct config_error *error;
	const char *file;
};

static int fail_errno(struct config_error *error, const char *path, int number)
{
	return fail(error, path, 0, "cannot be read: %s; check the path and its permissions",
		    strerror(number));
}

static int handle_line(void *context, const char *section, const char *key, const char *value,
		       unsigned line)
{
	struct reading *reading = context;

	return assign(reading->config, section, key, value, reading->file, line, reading->error);
}

static int load_file(struct config *config, const char *path, bool may_be_missing,
		     struct config_error *error)
{
	struct reading reading = {.config = config, .error = error, .file = path};
	struct ini_problem problem = {.text = ""};
	int r = ini_file_read(path, handle_line, &reading, &problem);

	if (r == 0 || (r == -PLUTON_ENODEVICE && may_be_missing))
		return 0;
	if (r == -PLUTON_ENOMEM)
		return fail_memory(error);
	/* Of a line that could be read, handle_line has said what is wrong. */
	return problem.text[0] ? fail(error, path, problem.line, "%s", problem.text) : r;
}

/* --- conf.d ---------------------------------------------------------------------------------- */

/*
 * A file named on the command line is trusted for being named; what lies in a conf.d beside it was
 * put there by whoever may write there, which in /tmp is anybody.
 */
static int check_directory(const char *path, const char *main_path, struct config_error *error)
{
	struct stat directory;
	struct stat file;
	uid_t owner = geteuid();

	if (stat(path, &directory) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail_errno(error, path, errno);
	if (eaccess(path, R_OK | X_OK) < 0) /* glob would find nothing there, and say nothing */
		return fail_errno(error, path, errno);
	if (stat(main_path, &file) == 0)
		owner = file.st_uid;
	if (directory.st_mode & S_IWOTH)
		return fail(error, path, 0, "everybody can write there (mode %04o); chmod o-w it",
			    (unsigned)directory.st_mode & 07777);
	if (directory.st_uid != 0 && directory.st_uid != geteuid() && directory.st_uid != owner)
		return fail(error, path, 0,
			    "belongs to uid %u, who could change the configuration; "
			    "chown it",
			    (unsigned)directory.st_uid);
	return 0;
}

static int load_matches(struct config *config, const glob_t *matches, struct config_error *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < matches->gl_pathc; i++)
		r = load_file(config, matches->gl_pathv[i], false, error);
	return r;
}

static int load_directory(struct config *config, const char *main_path, struct config_error *error)
{
	const char *slash = strrchr(main_path, '/');
	int length = slash ? (int)(slash - main_path) : 1;
	char *directory = NULL;
	char *pattern = NULL;
	glob_t matches = {0};
	int r;

	if (asprintf(&directory, "%.*s/conf.d", length, slash ? main_path : ".") < 0)
		return fail_memory(error);
	r = check_directory(directory, main_path, error);
	if (r == 0 && asprintf(&pattern, "%s/*.conf", directory) < 0)
		r = fail_memory(error);
	if (r == 0 && glob(pattern, 0, NULL, &matches) == 0)
		r = load_matches(config, &matches, error);
	globfree(&matches);
	free(pattern);
	free(directory);
	return r;
}

/* --- the whole ------------------------------------------------------------------------------- */

static int set_default(struct config *config, const char *section, const char *name,
		       const char *text)
{
	const struct config_key *key = config_key_find(section, name);
	char problem[CONFIG_TEXT_SIZE];

	if (origin_of(config, key)->file)
		return 0;
	return config_key_store(key, config, text, problem);
}

static int set_defaults(struct config *config)
{
	char problem[CONFIG_TEXT_SIZE];
	int r = 0;

	for (const struct config_key *key = config_keys; r == 0 && key->name; key++) {
		const char *fallback = config_key_system_fallback(key);

		if (config->system && fallback)
			r = assign_key(config, key, fallback, CONFIG_SYSTEM_ORIGIN, 0, problem);
		else
			r = set_default(config, key->section, key->name, key->fallback);
	}
	return r;
}

/* `set` fails where the rule of a default names a user or group that this machine has not. */
static int set_access(struct config *config, int (*set)(struct config *, char *),
		      struct config_error *error)
{
	char problem[CONFIG_TEXT_SIZE] = "";
	int r = set(config, problem);

	if (r == -PLUTON_EINVAL)
		return fail(error, CONFIG_SYSTEM_ORIGIN, 0, "[access] by default: %s", problem);
	return r < 0 ? fail_memory(error) : 0;
}

static int apply_profile(struct config *config)
{
	int r;

	if (config->profile != CONFIG_PROFILE_PLUTON)
		return 0;
	r = set_default(config, "kernel", "pool", "512K");
	return r < 0 ? r : set_default(config, "kernel", "processes_max", "64");
}

static bool lists(const char *list, const char *name)
{
	const char *entry;
	size_t length;

	while ((length = config_list_next(&list, &entry)) > 0) {
		if (length == strlen(name) && memcmp(entry, name, length) == 0)
			return true;
	}
	return false;
}

/* The one of them that somebody wrote into a file. */
static const struct config_key *written_of(const struct config *config,
					   const struct config_key *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (origin_of(config, keys[i])->file)
			return keys[i];
	}
	return keys[0];
}

/* A chip that is given up only after its operation was cancelled is never found to be dead. */
static int check_chip(const struct config *config, struct config_error *error)
{
	const struct config_key *const keys[] = {config_key_find("chip", "timeout"),
						 config_key_find("chip", "retries"),
						 config_key_find("kernel", "engine_deadline")};
	const struct config_key *key = written_of(config, keys, sizeof(keys) / sizeof(keys[0]));
	uint64_t silence_ms = config->chip_timeout_ms * (config->chip_retries + UINT64_C(1));

	if (silence_ms < config->engine_deadline_ms ||
	    (!lists(config->digest, "chip") && !lists(config->aes, "chip")))
		return 0;
	return config_complain(config, key->section, key->name, error,
			       "a silent chip is given up after its timeout, %" PRIu64
			       "ms, and %" PRIu32 " retries as long: make these %" PRIu64
			       "ms less than engine_deadline, %" PRIu64 "ms",
			       config->chip_timeout_ms, config->chip_retries, silence_ms,
			       config->engine_deadline_ms);
}

static int check_relations(const struct config *config, struct config_error *error)
{
	if (config->arena_min > config->arena_limit)
		return config_complain(config, "kernel", "arena_limit", error,
				       "%zu bytes are less than arena_min, %zu; raise it",
				       config->arena_limit, config->arena_min);
	if (config->arena_limit > config->pool)
		return config_complain(config, "kernel", "pool", error,
				       "%zu bytes are less than arena_limit, %zu; raise it",
				       config->pool, config->arena_limit);
	if (config->window_max > config->windows_per_user)
		return config_complain(config, "kernel", "windows_per_user", error,
				       "%zu bytes are less than window_max, %zu; raise it",
				       config->windows_per_user, config->window_max);
	return check_chip(config, error);
}

static int fill(struct config *config, const char *path, struct config_error *error)
{
	const char *main_path = path ? path : CONFIG_DEFAULT_PATH;
	int r;

	config->origins = calloc(config_key_count(), sizeof(struct config_origin));
	if (!config->origins || set_defaults(config) < 0)
		return fail_memory(error);
	r = set_access(config, config_access_set_defaults, error);
	if (r == 0)
		r = load_file(config, main_path, !path, error);
	if (r == 0)
		r = load_directory(config, main_path, error);
	if (r == 0)
		r = set_access(config, config_access_set_group, error);
	if (r == 0 && apply_profile(config) < 0)
		r = fail_memory(error);
	return r < 0 ? r : check_relations(config, error);
}

int config_load(const char *path, bool system, struct config **ret, struct config_error *ret_error)
{
	struct config *config = calloc(1, sizeof(*config));
	int r;

	if (!config)
		return fail_memory(ret_error);
	config->system = system;
	r = fill(config, path, ret_error);
	if (r < 0) {
		config_free(config);
		return r;
	}
	*ret = config;
	return 0;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (const struct config_key *key = config_keys; key->name; key++) {
		config_key_free(key, config);
		if (config->origins)
			free(origin_of(config, key)->file);
	}
	config_access_free(config);
	free(config->origins);
	free(config);
}

int config_set(struct config *config, const char *section, const char *key, const char *value,
	       const char *origin, struct config_error *ret_error)
{
	return assign(config, section, key, value, origin, 0, ret_error);
}

/* --- reloading ------------------------------------------------------------------------------- */

static void swap_access(struct config *a, struct config *b)
{
	struct access_rule *rules = a->access_rules;
	size_t count = a->access_rule_count;

	a->access_rules = b->access_rules;
	a->access_rule_count = b->access_rule_count;
	b->access_rules = rules;
	b->access_rule_count = count;
}

static void swap_key(const struct config_key *key, struct config *a, struct config *b)
{
	struct config_origin origin = *origin_of(a, key);

	config_key_swap(key, a, b);
	*origin_of(a, key) = *origin_of(b, key);
	*origin_of(b, key) = origin;
}

static void report(const struct config_key *key, void (*restart)(const char *, void *),
		   void *context)
{
	char name[CONFIG_TEXT_SIZE];

	if (!restart)
		return;
	snprintf(name, sizeof(name), "%s.%s", key->section, key->name);
	restart(name, context);
}

size_t config_reloadable_changes(struct config *config, struct config *fresh,
				 void (*restart)(const char *key, void *context), void *context)
{
	size_t moved = 0;

	for (const struct config_key *key = config_keys; key->name; key++) {
		if (config_key_equal(key, config, fresh))
			continue;
		if (key->reach == CONFIG_REACH_RESTART) {
			report(key, restart, context);
			continue;
		}
		swap_key(key, config, fresh);
		moved++;
	}
	if (!config_access_equal(config, fresh)) {
		swap_access(config, fresh);
		moved++;
	}
	return moved;
}

/* --- printing -------------------------------------------------------------------------------- */

static void dump_default(const struct config *config, const struct config_key *key, FILE *out)
{
	const char *fallback = config_key_system_fallback(key);

	if (config->system && fallback)
		fprintf(out, "# Default: %s; %s without " CONFIG_SYSTEM_ORIGIN "\n", fallback,
			key->fallback);
	else
		fprintf(out, "# Default: %s\n", key->fallback);
}

static void dump_key(const struct config *config, const struct config_key *key, FILE *out)
{
	const struct config_origin *origin = origin_of(config, key);
	char buf[CONFIG_TEXT_SIZE];

	fprintf(out, "\n# %s\n# Write %s. %s\n", key->doc, config_key_range(key, buf),
		config_key_reach(key));
	dump_default(config, key, out);
	if (origin->file && origin->line)
		fprintf(out, "# Set at %s:%u\n", origin->file, origin->line);
	else if (origin->file)
		fprintf(out, "# Set by %s\n", origin->file);
	fprintf(out, "%s = %s\n", key->name, config_key_text(key, config, buf));
}

static void dump_access(const struct config *config, FILE *out)
{
	fprintf(out,
		"\n[access]\n"
		"\n# Which capsules programs may use: those of a user, of a group, all others.\n"
		"# Write all, none, or names of capsules with commas between. A change holds for\n"
		"# who connects from then on: a program that is connected keeps what it may use.\n"
		"%s\n",
		config->system ? "# Default: none; all for user.root and group.pluton"
			       : "# Default: all");
	for (size_t i = 0; i < config->access_rule_count; i++) {
		const struct access_rule *rule = &config->access_rules[i];

		if (rule->line)
			fprintf(out, "# Set at %s:%u\n", rule->file, rule->line);
		else if (config->system)
			fprintf(out, "# Set by %s\n", rule->file);
		fprintf(out, "%s = %s\n", rule->key, rule->text);
	}
}

int config_dump(const struct config *config, FILE *out)
{
	const char *section = "";

	fprintf(out, "# The configuration of plutond as it is in force; see plutond.conf(5).\n");
	for (const struct config_key *key = config_keys; key->name; key++) {
		if (strcmp(section, key->section) != 0)
			fprintf(out, "\n[%s]\n", key->section);
		section = key->section;
		dump_key(config, key, out);
	}
	dump_access(config, out);
	return fflush(out) == 0 && !ferror(out) ? 0 : -PLUTON_EFAIL;
}
