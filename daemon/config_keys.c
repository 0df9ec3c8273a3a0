/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every key there is, and the types. A new key is a field of struct config, a line here and a
 * paragraph in docs/man/plutond.conf.5; a default is written here and nowhere else.
 */
#include "daemon/config_keys.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "daemon/kernel/record.h"
#include "daemon/kernel/window.h"
#include "daemon/log.h"
#include "hil/contract.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)
#define SOCKET_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

#define FIELD(field) offsetof(struct config, field)
#define RESTART CONFIG_REACH_RESTART
#define CONNECT CONFIG_REACH_CONNECT
#define AT_ONCE CONFIG_REACH_AT_ONCE

/* clang-format off */
const struct config_key config_keys[] = {
	{"daemon", "socket", KEY_PATH, FIELD(socket), 2, SOCKET_PATH_MAX,
	 "/run/pluton/pluton.sock", RESTART,
	 "The socket that programs connect to."},
	{"daemon", "socket_mode", KEY_MODE, FIELD(socket_mode), 0, 0777, "0666", RESTART,
	 "Permissions of the socket, octal; [access] says what a program may use once connected."},
	{"daemon", "state", KEY_PATH, FIELD(state), 2, PATH_MAX - 64, "/var/lib/pluton", RESTART,
	 "The directory of everything that outlives the daemon; only its own user may write there."},
	{"daemon", "log_level", KEY_LEVEL, FIELD(log_level), 0, 0, "info", AT_ONCE,
	 "The least important messages that are still logged."},

	{"kernel", "profile", KEY_PROFILE, FIELD(profile), 0, 0, "default", RESTART,
	 "pluton sets the memory of the chip, pool = 512K and processes_max = 64, where the "
	 "configuration does not set them itself."},
	{"kernel", "pool", KEY_SIZE, FIELD(pool), 64 * KIB, 4 * GIB, "64M", RESTART,
	 "Memory for everything that the daemon keeps for connected processes."},
	{"kernel", "processes_max", KEY_NUMBER, FIELD(processes_max), 1, 65536, "16384", RESTART,
	 "Processes that can be connected at once."},
	{"kernel", "processes_per_user", KEY_NUMBER, FIELD(processes_per_user), 1, 65536, "10240",
	 CONNECT, "Processes that one user can have connected at once."},
	{"kernel", "arena_min", KEY_SIZE, FIELD(arena_min), 1 * KIB, 1 * MIB, "4K", RESTART,
	 "Memory that a process is promised when it connects."},
	{"kernel", "arena_limit", KEY_SIZE, FIELD(arena_limit), 4 * KIB, 64 * MIB, "64K", CONNECT,
	 "Memory that one process can take."},
	{"kernel", "operations_per_process", KEY_NUMBER, FIELD(operations_per_process), 1, 64, "16",
	 AT_ONCE, "Operations that one process can have under way at once."},
	{"kernel", "grants_per_capsule", KEY_NUMBER, FIELD(grants_per_capsule), 1, 64, "16", AT_ONCE,
	 "Grants, such as open streams, that one process can have in one capsule."},
	{"kernel", "windows_per_process", KEY_NUMBER, FIELD(windows_per_process), 1,
	 WINDOWS_MAX, "8", AT_ONCE,
	 "Windows of memory that one process can share at once."},
	{"kernel", "window_max", KEY_SIZE, FIELD(window_max), 4 * KIB, 1 * GIB, "64M", AT_ONCE,
	 "The largest window."},
	{"kernel", "windows_per_user", KEY_SIZE, FIELD(windows_per_user), 4 * KIB, 1024 * GIB, "1G",
	 AT_ONCE, "Window memory of all processes of one user together."},
	{"kernel", "inline_max", KEY_NUMBER, FIELD(inline_max), 64, RECORD_INLINE_LIMIT, "1024", RESTART,
	 "Bytes of data that one record can carry itself."},
	{"kernel", "records_per_pass", KEY_NUMBER, FIELD(records_per_pass), 1, 1024, "16", AT_ONCE,
	 "Records that are taken from one process before it is the next one's turn."},
	{"kernel", "deferred_budget", KEY_NUMBER, FIELD(deferred_budget), 1, 65536, "64", AT_ONCE,
	 "Deferred calls that run before the event loop looks at descriptors again."},
	{"kernel", "engine_deadline", KEY_DURATION, FIELD(engine_deadline_ms), 100, 3600000, "30s",
	 RESTART, "How long one operation may keep an engine before it is cancelled."},

	{"hil", "rng", KEY_LIST, FIELD(rng), 0, 0, "openssl", RESTART,
	 "Backends for random numbers, the preferred one first."},
	{"hil", "digest", KEY_LIST, FIELD(digest), 0, 0, "openssl", RESTART,
	 "Backends for digests, the preferred one first."},
	{"hil", "aes", KEY_LIST, FIELD(aes), 0, 0, "openssl", RESTART,
	 "Backends for AES, the preferred one first."},
	{"hil", "aead_scratch", KEY_SIZE, FIELD(aead_scratch), 4 * KIB, 64 * MIB, "1M", RESTART,
	 "The longest message that authenticated decryption takes, unless its memory is sealed; "
	 "each worker keeps so much private memory."},
	{"hil", "workers", KEY_NUMBER, FIELD(workers), 1, HIL_CONCURRENCY_MAX, "2", RESTART,
	 "Threads for work that would hold up the event loop."},
	{"hil", "checker", KEY_BOOL, FIELD(checker), 0, 0, "no", RESTART,
	 "Checks every engine against the HIL contract while it works."},
	{NULL, NULL, 0, 0, 0, 0, NULL, false, NULL},
};
/* clang-format on */

static const char *const profile_names[] = {"default", "pluton"};

struct unit {
	const char *name;
	uint64_t factor;
};

/* Largest first: the first that divides a value evenly is the one it is written with. */
static const struct unit size_units[] = {{"G", GIB}, {"M", MIB}, {"K", KIB}, {"", 1}, {NULL, 0}};
static const struct unit duration_units[] = {
	{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};

/* A value on its way from text into the struct. */
union config_value {
	uint64_t number;
	char *text;
};

size_t config_key_count(void)
{
	return sizeof(config_keys) / sizeof(config_keys[0]) - 1;
}

const struct config_key *config_key_find(const char *section, const char *name)
{
	for (const struct config_key *key = config_keys; key->name; key++) {
		if (strcmp(key->section, section) == 0 && strcmp(key->name, name) == 0)
			return key;
	}
	return NULL;
}

bool config_section_exists(const char *section)
{
	for (const struct config_key *key = config_keys; key->name; key++) {
		if (strcmp(key->section, section) == 0)
			return true;
	}
	return strcmp(section, "access") == 0;
}

/* --- reading --------------------------------------------------------------------------------- */

static int parse_number(const char *text, int base, const char **ret_rest, uint64_t *ret)
{
	char *end;

	if (*text < '0' || *text > '9') /* strtoull takes blanks and signs */
		return -PLUTON_EINVAL;
	errno = 0;
	*ret = strtoull(text, &end, base);
	*ret_rest = end;
	return errno == 0 && end != text ? 0 : -PLUTON_EINVAL;
}

/* A number with one of the units, or alone, which is unit "" or, for durations, "ms". */
static int parse_with_unit(const char *text, const struct unit *units, uint64_t *ret)
{
	uint64_t number;
	const char *rest;
	int r = parse_number(text, 10, &rest, &number);

	if (r < 0)
		return r;
	if (*rest == '\0') {
		*ret = number;
		return 0;
	}
	for (; units->name; units++) {
		if (strcmp(units->name, rest) == 0)
			return __builtin_mul_overflow(number, units->factor, ret) ? -PLUTON_EINVAL
										  : 0;
	}
	return -PLUTON_EINVAL;
}

static int parse_plain(const char *text, int base, uint64_t *ret)
{
	const char *rest;
	int r = parse_number(text, base, &rest, ret);

	return r < 0 || *rest != '\0' ? -PLUTON_EINVAL : 0;
}

static int parse_bool(const char *text, uint64_t *ret)
{
	static const char *const names[] = {"no", "yes", "off", "on", "false", "true", "0", "1"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = i % 2;
			return 0;
		}
	}
	return -PLUTON_EINVAL;
}

static int parse_level(const char *text, uint64_t *ret)
{
	enum pluton_log_level level;
	int r = log_level_parse(text, &level);

	if (r == 0)
		*ret = level;
	return r;
}

static int parse_profile(const char *text, uint64_t *ret)
{
	for (size_t i = 0; i < sizeof(profile_names) / sizeof(profile_names[0]); i++) {
		if (strcmp(text, profile_names[i]) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -PLUTON_EINVAL;
}

static int parse_path(const struct config_key *key, const char *text, char **ret)
{
	size_t length = strlen(text);

	if (text[0] != '/' || length < key->min || length > key->max)
		return -PLUTON_EINVAL;
	*ret = strdup(text);
	return *ret ? 0 : -PLUTON_ENOMEM;
}

static bool is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

int config_list_copy(const char *text, char **ret)
{
	char *copy = malloc(strlen(text) + 1);
	size_t length = 0;
	bool in_name = false;
	bool ended = false; /* by a blank: only a comma may follow */

	if (!copy)
		return -PLUTON_ENOMEM;
	for (; *text; text++) {
		if (*text == ' ' || *text == '\t') {
			ended = in_name;
			continue;
		}
		if (*text == ',' ? !in_name : ended || !is_name_character(*text))
			break;
		in_name = *text != ',';
		ended = false;
		copy[length++] = *text;
	}
	copy[length] = '\0';
	if (*text != '\0' || !in_name) {
		free(copy);
		return -PLUTON_EINVAL;
	}
	*ret = copy;
	return 0;
}

size_t config_list_next(const char **cursor, const char **ret_name)
{
	size_t length;

	*ret_name = *cursor + strspn(*cursor, ",");
	length = strcspn(*ret_name, ",");
	*cursor = *ret_name + length;
	return length;
}

static int parse(const struct config_key *key, const char *text, union config_value *ret)
{
	switch (key->type) {
	case KEY_SIZE:
		return parse_with_unit(text, size_units, &ret->number);
	case KEY_NUMBER:
		return parse_plain(text, 10, &ret->number);
	case KEY_MODE:
		return parse_plain(text, 8, &ret->number);
	case KEY_BOOL:
		return parse_bool(text, &ret->number);
	case KEY_DURATION:
		return parse_with_unit(text, duration_units, &ret->number);
	case KEY_PATH:
		return parse_path(key, text, &ret->text);
	case KEY_LIST:
		return config_list_copy(text, &ret->text);
	case KEY_LEVEL:
		return parse_level(text, &ret->number);
	case KEY_PROFILE:
		return parse_profile(text, &ret->number);
	}
	return -PLUTON_EINVAL;
}

static bool is_ranged(const struct config_key *key)
{
	return key->type == KEY_SIZE || key->type == KEY_NUMBER || key->type == KEY_MODE ||
	       key->type == KEY_DURATION;
}

static bool is_text(const struct config_key *key)
{
	return key->type == KEY_PATH || key->type == KEY_LIST;
}

static void describe(const struct config_key *key, const char *text, const char *what,
		     char problem[CONFIG_TEXT_SIZE])
{
	char range[CONFIG_TEXT_SIZE];

	snprintf(problem, CONFIG_TEXT_SIZE, "\"%.60s\" %s; write %s", text, what,
		 config_key_range(key, range));
}

/* --- storing --------------------------------------------------------------------------------- */

static void *field_of(const struct config_key *key, struct config *config)
{
	return (char *)config + key->offset;
}

static const void *field_in(const struct config_key *key, const struct config *config)
{
	return (const char *)config + key->offset;
}

static size_t width_of(const struct config_key *key)
{
	static const size_t widths[] = {
		[KEY_SIZE] = sizeof(size_t),
		[KEY_NUMBER] = sizeof(uint32_t),
		[KEY_MODE] = sizeof(mode_t),
		[KEY_BOOL] = sizeof(bool),
		[KEY_DURATION] = sizeof(uint64_t),
		[KEY_PATH] = sizeof(char *),
		[KEY_LIST] = sizeof(char *),
		[KEY_LEVEL] = sizeof(enum pluton_log_level),
		[KEY_PROFILE] = sizeof(enum config_profile),
	};

	return widths[key->type];
}

static void store(const struct config_key *key, struct config *config,
		  const union config_value *value)
{
	void *field = field_of(key, config);

	switch (key->type) {
	case KEY_SIZE:
		*(size_t *)field = (size_t)value->number;
		break;
	case KEY_NUMBER:
		*(uint32_t *)field = (uint32_t)value->number;
		break;
	case KEY_MODE:
		*(mode_t *)field = (mode_t)value->number;
		break;
	case KEY_BOOL:
		*(bool *)field = value->number != 0;
		break;
	case KEY_DURATION:
		*(uint64_t *)field = value->number;
		break;
	case KEY_PATH:
	case KEY_LIST:
		config_key_free(key, config);
		*(char **)field = value->text;
		break;
	case KEY_LEVEL:
		*(enum pluton_log_level *)field = (enum pluton_log_level)value->number;
		break;
	case KEY_PROFILE:
		*(enum config_profile *)field = (enum config_profile)value->number;
		break;
	}
}

int config_key_store(const struct config_key *key, struct config *config, const char *text,
		     char problem[CONFIG_TEXT_SIZE])
{
	union config_value value = {0};
	int r = parse(key, text, &value);

	if (r == -PLUTON_EINVAL)
		describe(key, text, "is not a value of this key", problem);
	if (r < 0)
		return r;
	if (is_ranged(key) && (value.number < key->min || value.number > key->max)) {
		describe(key, text, "is out of range", problem);
		return -PLUTON_EINVAL;
	}
	store(key, config, &value);
	return 0;
}

void config_key_free(const struct config_key *key, struct config *config)
{
	char **text;

	if (!is_text(key))
		return;
	text = field_of(key, config);
	free(*text);
	*text = NULL;
}

bool config_key_equal(const struct config_key *key, const struct config *a, const struct config *b)
{
	const void *left = field_in(key, a);
	const void *right = field_in(key, b);

	if (is_text(key))
		return strcmp(*(char *const *)left, *(char *const *)right) == 0;
	return memcmp(left, right, width_of(key)) == 0;
}

void config_key_swap(const struct config_key *key, struct config *a, struct config *b)
{
	char kept[sizeof(uint64_t)];

	memcpy(kept, field_of(key, a), width_of(key));
	memcpy(field_of(key, a), field_of(key, b), width_of(key));
	memcpy(field_of(key, b), kept, width_of(key));
}

/* --- writing --------------------------------------------------------------------------------- */

static const char *text_with_unit(uint64_t number, const struct unit *units, char *buf)
{
	while (units[1].name && (number == 0 || number % units->factor != 0))
		units++;
	snprintf(buf, CONFIG_TEXT_SIZE, "%" PRIu64 "%s", number / units->factor, units->name);
	return buf;
}

static const char *number_text(const struct config_key *key, uint64_t number, char *buf)
{
	switch (key->type) {
	case KEY_SIZE:
		return text_with_unit(number, size_units, buf);
	case KEY_DURATION:
		return text_with_unit(number, duration_units, buf);
	case KEY_MODE:
		snprintf(buf, CONFIG_TEXT_SIZE, "%04" PRIo64, number);
		return buf;
	default:
		snprintf(buf, CONFIG_TEXT_SIZE, "%" PRIu64, number);
		return buf;
	}
}

const char *config_key_text(const struct config_key *key, const struct config *config,
			    char buf[CONFIG_TEXT_SIZE])
{
	const void *field = field_in(key, config);

	switch (key->type) {
	case KEY_SIZE:
		return number_text(key, *(const size_t *)field, buf);
	case KEY_NUMBER:
		return number_text(key, *(const uint32_t *)field, buf);
	case KEY_MODE:
		return number_text(key, *(const mode_t *)field, buf);
	case KEY_DURATION:
		return number_text(key, *(const uint64_t *)field, buf);
	case KEY_BOOL:
		return *(const bool *)field ? "yes" : "no";
	case KEY_PATH:
	case KEY_LIST:
		return *(char *const *)field;
	case KEY_LEVEL:
		return log_level_name(*(const enum pluton_log_level *)field);
	case KEY_PROFILE:
		return profile_names[*(const enum config_profile *)field];
	}
	return "";
}

const char *config_key_reach(const struct config_key *key)
{
	static const char *const sentences[] = {
		[CONFIG_REACH_RESTART] = "A change needs a restart.",
		[CONFIG_REACH_CONNECT] = "A change holds for who connects from then on.",
		[CONFIG_REACH_AT_ONCE] = "A change holds at once.",
	};

	return sentences[key->reach];
}

static const char *ranged_text(const struct config_key *key, const char *what, char *buf)
{
	char min[CONFIG_TEXT_SIZE];
	char max[CONFIG_TEXT_SIZE];

	snprintf(buf, CONFIG_TEXT_SIZE, "%s from %.40s to %.40s", what,
		 number_text(key, key->min, min), number_text(key, key->max, max));
	return buf;
}

const char *config_key_range(const struct config_key *key, char buf[CONFIG_TEXT_SIZE])
{
	switch (key->type) {
	case KEY_SIZE:
		return ranged_text(key, "bytes, K, M or G,", buf);
	case KEY_NUMBER:
		return ranged_text(key, "a number", buf);
	case KEY_MODE:
		return ranged_text(key, "octal digits", buf);
	case KEY_DURATION:
		return ranged_text(key, "ms, s, m or h,", buf);
	case KEY_BOOL:
		return "yes or no";
	case KEY_PATH:
		snprintf(buf, CONFIG_TEXT_SIZE,
			 "a path that begins with /, of at most %" PRIu64 " bytes", key->max);
		return buf;
	case KEY_LIST:
		return "names with commas between";
	case KEY_LEVEL:
		return "off, error, warning, info, debug or trace";
	case KEY_PROFILE:
		return "default or pluton";
	}
	return "";
}
