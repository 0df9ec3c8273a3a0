/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every key there is, and the types. A new key is a field of struct config, a line here and a
 * paragraph in docs/man/plutond.conf.5; a default is written here and nowhere else.
 */
#include "daemon/config_keys.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "daemon/ini_value.h"
#include "daemon/kernel/record.h"
#include "daemon/kernel/ring.h"
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
	{"kernel", "ring_size", KEY_SIZE, FIELD(ring_size), 0, RING_SIZE_MAX, "16K", RESTART,
	 "Each of the two rings that a busy process shares with the daemon, rounded down to a power "
	 "of two; less than 16K: nobody has rings."},
	{"kernel", "inline_max", KEY_NUMBER, FIELD(inline_max), 64, RECORD_INLINE_LIMIT, "1024", RESTART,
	 "Bytes of data that one record can carry itself."},
	{"kernel", "records_per_pass", KEY_NUMBER, FIELD(records_per_pass), 1, 1024, "16", AT_ONCE,
	 "Records that are taken from one process before it is the next one's turn."},
	{"kernel", "deferred_budget", KEY_NUMBER, FIELD(deferred_budget), 1, 65536, "64", AT_ONCE,
	 "Deferred calls that run before the event loop looks at descriptors again."},
	{"kernel", "engine_deadline", KEY_DURATION, FIELD(engine_deadline_ms), 100, 3600000, "30s",
	 RESTART,
	 "How long one operation may keep an engine before it is cancelled; its wait for a turn does "
	 "not count."},
	{"kernel", "greeting_timeout", KEY_DURATION, FIELD(greeting_timeout_ms), 1000, 3600000, "10s",
	 AT_ONCE, "How long a program may be connected without having greeted."},

	{"hil", "rng", KEY_LIST, FIELD(rng), 0, 0, "openssl", RESTART,
	 "Backends for random numbers, the preferred one first."},
	{"hil", "digest", KEY_LIST, FIELD(digest), 0, 0, "openssl", RESTART,
	 "Backends for digests, the preferred one first."},
	{"hil", "aes", KEY_LIST, FIELD(aes), 0, 0, "openssl", RESTART,
	 "Backends for AES, the preferred one first."},
	{"hil", "hmac", KEY_LIST, FIELD(hmac), 0, 0, "openssl", RESTART,
	 "Backends for HMAC, the preferred one first."},
	{"hil", "cmac", KEY_LIST, FIELD(cmac), 0, 0, "openssl", RESTART,
	 "Backends for AES-CMAC, the preferred one first."},
	{"hil", "ecc", KEY_LIST, FIELD(ecc), 0, 0, "openssl", RESTART,
	 "Backends for elliptic curves, the preferred one first."},
	{"hil", "rsa", KEY_LIST, FIELD(rsa), 0, 0, "openssl", RESTART,
	 "Backends for RSA, the preferred one first."},
	{"hil", "kdf", KEY_LIST, FIELD(kdf), 0, 0, "openssl", RESTART,
	 "Backends for key derivation, the preferred one first."},
	{"hil", "hwkey", KEY_LIST, FIELD(hwkey), 0, 0, "openssl", RESTART,
	 "Backends for hardware keys, the preferred one first."},
	{"hil", "alarm", KEY_LIST, FIELD(alarm), 0, 0, "clock", RESTART,
	 "Backends for the clock and its alarm, the preferred one first."},
	{"hil", "console", KEY_LIST, FIELD(console), 0, 0, "journal", RESTART,
	 "Backends for programs' log lines, the preferred one first."},
	{"hil", "nv", KEY_LIST, FIELD(nv), 0, 0, "files", RESTART,
	 "Backends for NV memory, the preferred one first."},
	{"hil", "app", KEY_LIST, FIELD(app), 0, 0, "fork", RESTART,
	 "Backends that start apps, the preferred one first."},
	{"hil", "aead_scratch", KEY_SIZE, FIELD(aead_scratch), 4 * KIB, 64 * MIB, "1M", RESTART,
	 "The longest message that authenticated decryption takes, unless its memory is sealed; "
	 "each worker keeps so much private memory."},
	{"hil", "pbkdf2_rounds_max", KEY_NUMBER, FIELD(pbkdf2_rounds_max), 1000, UINT32_MAX,
	 "10000000", RESTART,
	 "The most iterations that one request of PBKDF2 can ask for, times the blocks of its "
	 "output; a million keep a worker busy for 0.2 to 2 seconds."},
	{"hil", "workers", KEY_NUMBER, FIELD(workers), 1, HIL_CONCURRENCY_MAX, "2", RESTART,
	 "Threads for work that would hold up the event loop."},
	{"hil", "checker", KEY_BOOL, FIELD(checker), 0, 0, "no", RESTART,
	 "Checks every engine against the HIL contract while it works."},

	{"chip", "device", KEY_PATH, FIELD(chip_device), 2, PATH_MAX - 1, "/dev/pluton-chip", RESTART,
	 "The tty of the chip that the backend chip speaks with; it may come and go."},
	{"chip", "timeout", KEY_DURATION, FIELD(chip_timeout_ms), 20, 60000, "1s", RESTART,
	 "How long the chip has for one answer before it is asked again."},
	{"chip", "retries", KEY_NUMBER, FIELD(chip_retries), 0, 100, "3", RESTART,
	 "How often the chip is asked again before its operation fails."},

	{"console", "burst", KEY_NUMBER, FIELD(console_burst), 1, 10000, "20", AT_ONCE,
	 "Lines that one app or user can write to the log at once."},
	{"console", "lines_per_minute", KEY_NUMBER, FIELD(console_lines_per_minute), 1, 1000000,
	 "120", AT_ONCE,
	 "Lines that one app or user can write to the log in a minute, in the long run."},

	{"nvmem", "areas_per_owner", KEY_NUMBER, FIELD(nvmem_areas_per_owner), 1, 4096, "64", AT_ONCE,
	 "Areas that one app or user can have."},
	{"nvmem", "bytes_per_owner", KEY_SIZE, FIELD(nvmem_bytes_per_owner), 1 * KIB, 1 * GIB, "4M",
	 AT_ONCE, "Capacity of all areas of one app or user together."},
	{"nvmem", "area_max", KEY_SIZE, FIELD(nvmem_area_max), 1, 4 * MIB, "1M", AT_ONCE,
	 "Capacity of one area."},

	{"hwkey", "slots", KEY_NUMBER, FIELD(hwkey_slots), 1, 4096, "256", RESTART,
	 "Slots for hardware keys, of all apps and users together."},
	{"hwkey", "slots_per_owner", KEY_NUMBER, FIELD(hwkey_slots_per_owner), 1, 4096, "32", AT_ONCE,
	 "Slots for hardware keys that one app or user can have."},

	{"app", "folders", KEY_FOLDERS, FIELD(app_folders), 0, 0, "default", RESTART,
	 "Where apps are defined; of two with one name that of the first folder is used. default "
	 "stands for the installation's own folders."},
	{"app", "connect_timeout", KEY_DURATION, FIELD(app_connect_timeout_ms), 100, 3600000, "10s",
	 AT_ONCE, "How long a program waits for an app to take its channel."},

	{"dbus", "bus", KEY_BUS, FIELD(bus), 0, 0, "off", RESTART,
	 "The bus that the daemon is on as org.pluton1, besides its socket."},
	{"dbus", "message_max", KEY_SIZE, FIELD(dbus_message_max), 4 * KIB, 16 * MIB, "64K", AT_ONCE,
	 "Data of one call that comes in no memfd, in both directions together; it is copied at once, "
	 "while nobody else is served."},
	{"dbus", "calls_per_client", KEY_NUMBER, FIELD(dbus_calls_per_client), 1, 64, "16", AT_ONCE,
	 "Calls that one program on the bus can have under way at once."},
	{"dbus", "idle_timeout", KEY_DURATION, FIELD(dbus_idle_timeout_ms), 1000, 86400000, "1m",
	 AT_ONCE,
	 "How long the daemon remembers a program on the bus that has nothing under way."},
	{NULL, NULL, 0, 0, 0, 0, NULL, false, NULL},
};
/* clang-format on */

/* What plutond --system has instead of the fallbacks above. */
static const struct {
	const char *section;
	const char *name;
	const char *fallback;
} system_fallbacks[] = {
	{"hil", "app", "systemd"},
	{"dbus", "bus", "system"},
};

static const char *const profile_names[] = {"default", "pluton"};

/* A value on its way from text into the struct. */
union config_value {
	uint64_t number;
	char *text;
};

size_t config_key_count(void)
{
	return sizeof(config_keys) / sizeof(config_keys[0]) - 1;
}

const char *config_key_system_fallback(const struct config_key *key)
{
	for (size_t i = 0; i < sizeof(system_fallbacks) / sizeof(system_fallbacks[0]); i++) {
		if (strcmp(key->section, system_fallbacks[i].section) == 0 &&
		    strcmp(key->name, system_fallbacks[i].name) == 0)
			return system_fallbacks[i].fallback;
	}
	return NULL;
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

const char *config_section_names(char buf[CONFIG_TEXT_SIZE])
{
	const char *last = "";
	size_t used = 0;

	for (const struct config_key *key = config_keys; key->name && used < CONFIG_TEXT_SIZE;
	     key++) {
		if (strcmp(key->section, last) == 0)
			continue;
		used += (size_t)snprintf(buf + used, CONFIG_TEXT_SIZE - used, "%s[%s]",
					 used ? ", " : "", key->section);
		last = key->section;
	}
	return buf;
}

/* --- reading --------------------------------------------------------------------------------- */

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

size_t config_list_next(const char **cursor, const char **ret_name)
{
	size_t length;

	*ret_name = *cursor + strspn(*cursor, ",");
	length = strcspn(*ret_name, ",");
	*cursor = *ret_name + length;
	return length;
}

/* How many it stands for; 0: it is none. */
static unsigned count_folders(const char *text, size_t length)
{
	if (length == 7 && memcmp(text, "default", 7) == 0)
		return 2;
	return length > 1 && text[0] == '/';
}

/* Without the blanks around commas; a path may hold them elsewhere. */
static int parse_folders(const char *text, char **ret)
{
	char *copy = malloc(strlen(text) + 1), *to = copy;
	unsigned count = 0, more;

	if (!copy)
		return -PLUTON_ENOMEM;
	for (;;) {
		size_t length;

		text += strspn(text, " \t");
		length = strcspn(text, ",");
		while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
			length--;
		more = count_folders(text, length);
		count += more;
		if (!more || count > CONFIG_APP_FOLDERS_MAX)
			break;
		memcpy(to, text, length);
		to += length;
		text += strcspn(text, ",");
		*to++ = *text;
		if (*text++ == '\0') {
			*ret = copy;
			return 0;
		}
	}
	free(copy);
	return -PLUTON_EINVAL;
}

static int parse_bus(const char *text, char **ret)
{
	bool word = strcmp(text, "off") == 0 || strcmp(text, "session") == 0 ||
		    strcmp(text, "system") == 0;

	if (!word && strncmp(text, "unix:", 5) != 0)
		return -PLUTON_EINVAL;
	*ret = strdup(text);
	return *ret ? 0 : -PLUTON_ENOMEM;
}

static int parse(const struct config_key *key, const char *text, union config_value *ret)
{
	switch (key->type) {
	case KEY_SIZE:
		return ini_size(text, &ret->number);
	case KEY_NUMBER:
		return ini_number(text, 10, &ret->number);
	case KEY_MODE:
		return ini_number(text, 8, &ret->number);
	case KEY_BOOL:
		return parse_bool(text, &ret->number);
	case KEY_DURATION:
		return ini_duration(text, &ret->number);
	case KEY_PATH:
		return parse_path(key, text, &ret->text);
	case KEY_LIST:
		return ini_list_copy(text, &ret->text);
	case KEY_FOLDERS:
		return parse_folders(text, &ret->text);
	case KEY_BUS:
		return parse_bus(text, &ret->text);
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
	return key->type == KEY_PATH || key->type == KEY_LIST || key->type == KEY_FOLDERS ||
	       key->type == KEY_BUS;
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
		[KEY_FOLDERS] = sizeof(char *),
		[KEY_BUS] = sizeof(char *),
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
	case KEY_FOLDERS:
	case KEY_BUS:
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

static const char *number_text(const struct config_key *key, uint64_t number, char *buf)
{
	switch (key->type) {
	case KEY_SIZE:
		return ini_size_text(number, buf);
	case KEY_DURATION:
		return ini_duration_text(number, buf);
	case KEY_MODE:
		snprintf(buf, CONFIG_TEXT_SIZE, "%04" PRIo64, number);
		return buf;
	default:
		snprintf(buf, CONFIG_TEXT_SIZE, "%" PRIu64, number);
		return buf;
	}
}

int config_number(const struct config *config, const char *section, const char *name, uint64_t *ret)
{
	const struct config_key *key = config_key_find(section, name);
	const void *field = key ? field_in(key, config) : NULL;

	switch (key ? key->type : KEY_PATH) {
	case KEY_SIZE:
		*ret = *(const size_t *)field;
		return 0;
	case KEY_NUMBER:
		*ret = *(const uint32_t *)field;
		return 0;
	case KEY_DURATION:
		*ret = *(const uint64_t *)field;
		return 0;
	case KEY_BOOL:
		*ret = *(const bool *)field;
		return 0;
	default:
		return -PLUTON_EINVAL;
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
	case KEY_FOLDERS:
	case KEY_BUS:
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
	case KEY_FOLDERS:
		return "paths that begin with /, or default, with commas between, at most 8, of "
		       "which default is two";
	case KEY_BUS:
		return "off, session, system or an address that begins with unix:";
	case KEY_LEVEL:
		return "off, error, warning, info, debug or trace";
	case KEY_PROFILE:
		return "default or pluton";
	}
	return "";
}
