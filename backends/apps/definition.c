/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of an app's file are a table. A file that is wrong makes a definition all the same, with
 * the first problem in it: the app is listed, cannot be started, and says why.
 */
#include "backends/apps/definition.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/ini_file.h"
#include "daemon/ini_value.h"

enum key_type {
	KEY_TEXT,      /* char * */
	KEY_ARGUMENTS, /* char ** */
	KEY_HASH,      /* the hash and whether there is one */
	KEY_LIST,      /* char * */
	KEY_NUMBER,    /* uint64_t */
	KEY_SIZE,      /* uint64_t bytes */
	KEY_DURATION,  /* uint64_t milliseconds */
	KEY_RESTART,   /* enum definition_restart */
	KEY_START,     /* enum definition_start */
	KEY_UNIT,      /* char * */
	KEY_SOCKET,    /* char * */
};

struct key {
	const char *name;
	enum key_type type;
	size_t offset;
	uint64_t min, max;
	bool or_zero; /* 0 is a value too, whatever min says */
	const char *range;
};

#define FIELD(field) offsetof(struct definition, field)
#define HOUR_MS 3600000u

/* clang-format off */
static const struct key keys[] = {
	{"description", KEY_TEXT, FIELD(description), 0, 0, false, "a sentence"},
	{"exec", KEY_ARGUMENTS, FIELD(arguments), 0, 0, false,
	 "a program, which has no / or begins with one, and its arguments, at most 64 in all"},
	{"sha256", KEY_HASH, FIELD(sha256), 0, 0, false, "64 hexadecimal digits, as sha256sum prints"},
	{"security_version", KEY_NUMBER, FIELD(security_version), 0, UINT32_MAX, false,
	 "a number from 0 to 4294967295"},
	{"drivers", KEY_LIST, FIELD(drivers), 0, 0, false,
	 "names of capsules with commas between, as pluton-cli capsules shows them"},
	{"user", KEY_TEXT, FIELD(user), 0, 0, false, "a user's name"},
	{"restart", KEY_RESTART, FIELD(restart), 0, 0, false, "always, on-failure or no"},
	{"start", KEY_START, FIELD(start), 0, 0, false, "boot, on-demand or manual"},
	{"memory_max", KEY_SIZE, FIELD(memory_max), 1 << 20, (uint64_t)1 << 44, true,
	 "bytes, K, M or G, at least 1M, or 0 for no limit"},
	{"start_timeout", KEY_DURATION, FIELD(start_timeout_ms), 10, HOUR_MS, false,
	 "ms, s, m or h, from 10ms to 1h"},
	{"stop_timeout", KEY_DURATION, FIELD(stop_timeout_ms), 10, HOUR_MS, false,
	 "ms, s, m or h, from 10ms to 1h"},
	{"watchdog", KEY_DURATION, FIELD(watchdog_ms), 10, HOUR_MS, true,
	 "ms, s, m or h, from 10ms to 1h, or 0 for none"},
	{"restart_delay", KEY_DURATION, FIELD(restart_delay_ms), 1, HOUR_MS, false,
	 "ms, s, m or h, from 1ms to 1h"},
	{"restart_delay_max", KEY_DURATION, FIELD(restart_delay_max_ms), 1, HOUR_MS, false,
	 "ms, s, m or h, from 1ms to 1h"},
	{"fd_store_max", KEY_NUMBER, FIELD(fd_store_max), 0, DEFINITION_STORE_MAX, false,
	 "a number from 0 to 16"},
	{"unit", KEY_UNIT, FIELD(unit), 0, 0, false,
	 "the name of a unit of systemd's that ends in .service"},
	{"activation", KEY_SOCKET, FIELD(activation), 0, 0, false,
	 "the path of a socket, which begins with / and has at most 107 bytes"},
	{NULL, 0, 0, 0, 0, false, NULL},
};
/* clang-format on */

static const struct definition defaults = {
	.holders = 1,
	.restart = DEFINITION_RESTART_ON_FAILURE,
	.start = DEFINITION_START_ON_DEMAND,
	.start_timeout_ms = 10000,
	.stop_timeout_ms = 10000,
	.restart_delay_ms = 100,
	.restart_delay_max_ms = 30000,
	.fd_store_max = 4,
};

/* --- problems -------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 0))) static void note(struct definition *definition, unsigned line,
						       const char *format, va_list args)
{
	if (definition->problem[0])
		return;
	definition->problem_line = line;
	vsnprintf(definition->problem, sizeof(definition->problem), format, args);
}

void definition_complain(struct definition *definition, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(definition, 0, format, args);
	va_end(args);
}

__attribute__((format(printf, 3, 4))) static int fail(struct definition *definition, unsigned line,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(definition, line, format, args);
	va_end(args);
	return -PLUTON_EINVAL;
}

/* --- values ---------------------------------------------------------------------------------- */

static int set_text(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -PLUTON_ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

static void free_arguments(char **arguments)
{
	for (char **argument = arguments; argument && *argument; argument++)
		free(*argument);
	free(arguments);
}

/* Copies the next word, which blanks end unless they stand in quotes, and goes behind it. */
static int next_word(const char **cursor, char *word)
{
	char quote = '\0';
	const char *at = *cursor + strspn(*cursor, " \t");

	for (; *at && (quote || (*at != ' ' && *at != '\t')); at++) {
		if (quote && *at == quote)
			quote = '\0';
		else if (!quote && (*at == '"' || *at == '\''))
			quote = *at;
		else
			*word++ = *at;
	}
	*word = '\0';
	*cursor = at;
	return quote ? -PLUTON_EINVAL : 0;
}

static int split(const char *value, char **arguments, char *word)
{
	const char *cursor = value;
	size_t count = 0;

	while (cursor[strspn(cursor, " \t")]) {
		if (count == DEFINITION_ARGUMENTS_MAX || next_word(&cursor, word) < 0)
			return -PLUTON_EINVAL;
		arguments[count] = strdup(word);
		if (!arguments[count++])
			return -PLUTON_ENOMEM;
	}
	return count && arguments[0][0] && (arguments[0][0] == '/' || !strchr(arguments[0], '/'))
		       ? 0
		       : -PLUTON_EINVAL;
}

static int set_arguments(struct definition *definition, const char *value)
{
	char **arguments = calloc(DEFINITION_ARGUMENTS_MAX + 1, sizeof(*arguments));
	char *word = malloc(strlen(value) + 1);
	int r = arguments && word ? split(value, arguments, word) : -PLUTON_ENOMEM;

	free(word);
	if (r < 0) {
		free_arguments(arguments);
		return r;
	}
	free_arguments(definition->arguments);
	definition->arguments = arguments;
	return 0;
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

static int set_hash(struct definition *definition, const char *value)
{
	if (strlen(value) != 2 * sizeof(definition->sha256))
		return -PLUTON_EINVAL;
	for (size_t i = 0; i < sizeof(definition->sha256); i++) {
		int high = digit(value[2 * i]), low = digit(value[2 * i + 1]);

		if (high < 0 || low < 0)
			return -PLUTON_EINVAL;
		definition->sha256[i] = (uint8_t)(high << 4 | low);
	}
	definition->hashed = true;
	return 0;
}

static int set_list(char **field, const char *value)
{
	char *copy;
	int r = *value ? ini_list_copy(value, &copy) : 0;

	if (r < 0 || !*value)
		return r < 0 ? r : set_text(field, "");
	free(*field);
	*field = copy;
	return 0;
}

/* As systemd.unit(5) has it: NAME.service or NAME@INSTANCE.service, an instance and no template. */
static int set_unit(char **field, const char *value)
{
	static const char suffix[] = ".service";
	static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789:-_.\\";
	size_t length = strlen(value), prefix = strspn(value, characters);
	size_t stem = length > strlen(suffix) ? length - strlen(suffix) : 0;
	const char *instance = value + prefix + 1;

	if (stem == 0 || strcmp(value + stem, suffix) != 0)
		return -PLUTON_EINVAL;
	if (prefix == length)
		return set_text(field, value);
	if (prefix == 0 || value[prefix] != '@' || prefix + 1 == stem)
		return -PLUTON_EINVAL;
	while (*instance == '@' || (*instance && strchr(characters, *instance)))
		instance++;
	return *instance ? -PLUTON_EINVAL : set_text(field, value);
}

static int set_socket(char **field, const char *value)
{
	struct sockaddr_un address;

	if (value[0] != '/' || strlen(value) >= sizeof(address.sun_path))
		return -PLUTON_EINVAL;
	return set_text(field, value);
}

static int parse_number(const struct key *key, const char *value, uint64_t *ret)
{
	if (key->type == KEY_SIZE)
		return ini_size(value, ret);
	if (key->type == KEY_DURATION)
		return ini_duration(value, ret);
	return ini_number(value, 10, ret);
}

static int set_number(const struct key *key, uint64_t *field, const char *value)
{
	uint64_t number;

	if (parse_number(key, value, &number) < 0)
		return -PLUTON_EINVAL;
	if ((number < key->min || number > key->max) && !(key->or_zero && number == 0))
		return -PLUTON_EINVAL;
	*field = number;
	return 0;
}

static int find_word(const char *value, const char *const words[3])
{
	for (int i = 0; i < 3; i++) {
		if (strcmp(value, words[i]) == 0)
			return i;
	}
	return -PLUTON_EINVAL;
}

static int set_restart(struct definition *definition, const char *value)
{
	static const char *const words[3] = {"always", "on-failure", "no"};
	int found = find_word(value, words);

	if (found >= 0)
		definition->restart = (enum definition_restart)found;
	return found < 0 ? found : 0;
}

static int set_start(struct definition *definition, const char *value)
{
	static const char *const words[3] = {"boot", "on-demand", "manual"};
	int found = find_word(value, words);

	if (found >= 0)
		definition->start = (enum definition_start)found;
	return found < 0 ? found : 0;
}

static int store(const struct key *key, struct definition *definition, const char *value)
{
	void *field = (char *)definition + key->offset;

	switch (key->type) {
	case KEY_TEXT:
		return set_text(field, value);
	case KEY_ARGUMENTS:
		return set_arguments(definition, value);
	case KEY_HASH:
		return set_hash(definition, value);
	case KEY_LIST:
		return set_list(field, value);
	case KEY_NUMBER:
	case KEY_SIZE:
	case KEY_DURATION:
		return set_number(key, field, value);
	case KEY_RESTART:
		return set_restart(definition, value);
	case KEY_START:
		return set_start(definition, value);
	case KEY_UNIT:
		return set_unit(field, value);
	case KEY_SOCKET:
		return set_socket(field, value);
	}
	return -PLUTON_EINVAL;
}

/* --- a file ---------------------------------------------------------------------------------- */

static int handle_line(void *context, const char *section, const char *name, const char *value,
		       unsigned line)
{
	struct definition *definition = context;
	const struct key *key = keys;
	int r;

	if (strcmp(section, "app") != 0)
		return fail(definition, line,
			    "there is no section [%.40s]; write [app] above the line", section);
	while (key->name && strcmp(key->name, name) != 0)
		key++;
	if (!key->name)
		return fail(definition, line,
			    "there is no key %.40s; pluton-app.conf(5) lists them", name);
	r = store(key, definition, value);
	if (r == -PLUTON_EINVAL)
		return fail(definition, line, "%s: \"%.60s\" is not a value of it; write %s", name,
			    value, key->range);
	return r;
}

static void check_whole(struct definition *definition)
{
	if (definition->restart_delay_ms > definition->restart_delay_max_ms)
		definition_complain(definition,
				    "restart_delay is over restart_delay_max; lower it");
}

void definition_require_program(struct definition *definition)
{
	if (!definition->arguments)
		definition_complain(definition,
				    "exec is missing; write exec = PROGRAM below [app]");
}

void definition_require_unit(struct definition *definition)
{
	bool no_unit = !*definition->unit, no_activation = !*definition->activation;

	if (no_unit && no_activation)
		definition_complain(definition, "unit and activation are missing, so systemd "
						"cannot run it; pluton-app.conf(5)");
	else if (no_unit)
		definition_complain(definition,
				    "unit is missing; write unit = NAME.service below [app]");
	else if (no_activation)
		definition_complain(definition, "activation is missing; write activation = PATH, "
						"of the unit's socket");
}

bool definition_trusts(uint32_t owner, uint32_t trusted)
{
	return owner == 0 || owner == geteuid() || owner == trusted;
}

/* Asked of the opened file: it cannot be another one when it is read. */
static int check_owner(struct definition *definition, int fd, uint32_t trusted)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(definition, 0, "cannot be looked at: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(definition, 0, "is no file; write one");
	if (!definition_trusts(st.st_uid, trusted))
		return fail(definition, 0, "belongs to uid %u, who could change it; chown it",
			    (unsigned)st.st_uid);
	if (st.st_mode & S_IWOTH || (st.st_mode & S_IWGRP && st.st_gid != 0))
		return fail(definition, 0, "others can write it (mode %04o); chmod go-w it",
			    (unsigned)st.st_mode & 07777);
	return 0;
}

static int read_open(struct definition *definition, int fd)
{
	struct ini_problem problem;
	int r = ini_file_read_open(fd, handle_line, definition, &problem);

	if (r == -PLUTON_ENOMEM)
		return r;
	if (r < 0 && !definition->problem[0])
		fail(definition, problem.line, "%s", problem.text);
	check_whole(definition);
	return 0;
}

static int read_file(struct definition *definition, uint32_t trusted)
{
	/* A fifo does not hold us up. */
	int fd = open(definition->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r = 0;

	if (fd < 0) {
		fail(definition, 0, "cannot be read: %s; check its permissions", strerror(errno));
		return 0;
	}
	if (check_owner(definition, fd, trusted) == 0)
		r = read_open(definition, fd);
	close(fd);
	return r;
}

struct definition *definition_read(const char *name, const char *file, uint32_t trusted)
{
	struct definition *definition = malloc(sizeof(*definition));

	if (!definition)
		return NULL;
	*definition = defaults;
	snprintf(definition->name, sizeof(definition->name), "%s", name);
	definition->file = strdup(file);
	if (definition->file && set_text(&definition->description, "") == 0 &&
	    set_text(&definition->drivers, "") == 0 && set_text(&definition->user, "") == 0 &&
	    set_text(&definition->unit, "") == 0 && set_text(&definition->activation, "") == 0 &&
	    read_file(definition, trusted) == 0)
		return definition;
	definition_release(definition);
	return NULL;
}

struct definition *definition_hold(struct definition *definition)
{
	definition->holders++;
	return definition;
}

void definition_release(struct definition *definition)
{
	if (!definition || --definition->holders > 0)
		return;
	free(definition->file);
	free(definition->description);
	free_arguments(definition->arguments);
	free(definition->drivers);
	free(definition->user);
	free(definition->unit);
	free(definition->activation);
	free(definition);
}

/* --- comparing ------------------------------------------------------------------------------- */

static bool arguments_equal(char *const *a, char *const *b)
{
	if (!a || !b)
		return a == b;
	for (; *a && *b; a++, b++) {
		if (strcmp(*a, *b) != 0)
			return false;
	}
	return *a == *b;
}

static bool field_equal(const struct key *key, const struct definition *a,
			const struct definition *b)
{
	const void *left = (const char *)a + key->offset;
	const void *right = (const char *)b + key->offset;

	switch (key->type) {
	case KEY_TEXT:
	case KEY_LIST:
	case KEY_UNIT:
	case KEY_SOCKET:
		return strcmp(*(char *const *)left, *(char *const *)right) == 0;
	case KEY_ARGUMENTS:
		return arguments_equal(a->arguments, b->arguments);
	case KEY_HASH:
		return a->hashed == b->hashed && memcmp(left, right, DEFINITION_HASH_SIZE) == 0;
	case KEY_RESTART:
		return a->restart == b->restart;
	case KEY_START:
		return a->start == b->start;
	default:
		return *(const uint64_t *)left == *(const uint64_t *)right;
	}
}

bool definition_equal(const struct definition *a, const struct definition *b)
{
	for (const struct key *key = keys; key->name; key++) {
		if (!field_equal(key, a, b))
			return false;
	}
	return strcmp(a->file, b->file) == 0 && strcmp(a->problem, b->problem) == 0;
}
