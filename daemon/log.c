/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where log lines go. Whatever a client chose (its command name, say) may be in a message or a
 * field, so every byte outside printable ASCII is written as \xNN before it leaves.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "daemon/log.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE (LOG_TEXT_SIZE + LOG_FIELDS_MAX * (LOG_VALUE_SIZE + 40) + 64)

static_assert(LOG_LAST_SIZE + sizeof("18446744073709551615 more suppressed, the last: ") <=
		      LOG_MESSAGE_SIZE,
	      "the last one is told whole");

/* What a pipe takes whole, if it takes anything. */
static_assert(LINE_SIZE <= PIPE_BUF, "a line could block half way");

static const struct level {
	const char *name;
	int priority; /* of syslog(3) */
	const char *colour;
} levels[] = {
	[PLUTON_LOG_OFF] = {"off", 7, ""},
	[PLUTON_LOG_ERROR] = {"error", 3, "\x1b[1;31m"},
	[PLUTON_LOG_WARNING] = {"warning", 4, "\x1b[1;33m"},
	[PLUTON_LOG_INFO] = {"info", 6, ""},
	[PLUTON_LOG_DEBUG] = {"debug", 7, "\x1b[2m"},
	[PLUTON_LOG_TRACE] = {"trace", 7, "\x1b[2m"},
};

#define LEVEL_COUNT (sizeof(levels) / sizeof(levels[0]))
#define PRIORITY_MIN 3
#define PRIORITY_MAX 7

/* What programs' lines are called, and the level at which they are shown. */
static const struct {
	const char *name;
	enum pluton_log_level level;
} priorities[PRIORITY_MAX + 1] = {
	[3] = {"error", PLUTON_LOG_ERROR}, [4] = {"warning", PLUTON_LOG_WARNING},
	[5] = {"notice", PLUTON_LOG_INFO}, [6] = {"info", PLUTON_LOG_INFO},
	[7] = {"debug", PLUTON_LOG_DEBUG},
};

/* The process's one log. */
static struct {
	const char *program;
	atomic_int level;
	bool to_journal;
	bool in_colour;
	atomic_uint_least64_t dropped; /* lines that stderr had no room for, not yet told */
	struct log_limit *suppressing; /* call sites that held something back; loop thread only */
	char start_failure[LOG_MESSAGE_SIZE];
} output = {.program = "plutond", .level = PLUTON_LOG_INFO};

/* --- levels ---------------------------------------------------------------------------------- */

const char *log_level_name(enum pluton_log_level level)
{
	return (size_t)level < LEVEL_COUNT ? levels[level].name : NULL;
}

int log_level_parse(const char *text, enum pluton_log_level *ret)
{
	for (size_t i = 0; i < LEVEL_COUNT; i++) {
		if (strcmp(text, levels[i].name) == 0) {
			*ret = (enum pluton_log_level)i;
			return 0;
		}
	}
	return -PLUTON_EINVAL;
}

void log_set_level(enum pluton_log_level level)
{
	if ((size_t)level < LEVEL_COUNT)
		atomic_store(&output.level, (int)level);
}

enum pluton_log_level log_get_level(void)
{
	return (enum pluton_log_level)atomic_load(&output.level);
}

static bool is_wanted(enum pluton_log_level level)
{
	return level > PLUTON_LOG_OFF && level <= log_get_level();
}

/* --- text ------------------------------------------------------------------------------------ */

/* A buffer that text is added to until it is full. Always terminated. */
struct text {
	char *at;
	size_t room; /* bytes, terminator included */
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
	va_list args;
	size_t length;
	int n;

	va_start(args, format);
	n = vsnprintf(text->at, text->room, format, args);
	va_end(args);
	if (n < 0)
		return;
	length = (size_t)n < text->room ? (size_t)n : text->room - 1;
	text->at += length;
	text->room -= length;
}

/* At most `max` bytes, whatever the escapes make of it. */
static void add_clean(struct text *text, const char *raw, size_t max)
{
	const char *end = text->at + max;

	for (; *raw && text->room > 4 && text->at + 4 < end; raw++) {
		unsigned char byte = (unsigned char)*raw;

		if (byte >= 0x20 && byte < 0x7f)
			add(text, "%c", byte);
		else
			add(text, "\\x%02x", byte);
	}
}

static void add_value(struct text *text, const struct log_field *field)
{
	switch (field->kind) {
	case LOG_KIND_TEXT:
	case LOG_KIND_MESSAGE_ID:
		add_clean(text, field->text ? field->text : "", LOG_VALUE_SIZE);
		break;
	case LOG_KIND_NUMBER:
		add(text, "%" PRIu64, field->number);
		break;
	case LOG_KIND_PROCESS:
		add(text, "%" PRIu64 ".%" PRIu32, field->number, field->generation);
		break;
	}
}

/* --- the journal ----------------------------------------------------------------------------- */

static void add_journal_name(struct text *text, const struct log_field *field)
{
	if (field->kind == LOG_KIND_MESSAGE_ID) {
		add(text, "MESSAGE_ID=");
		return;
	}
	add(text, "PLUTON_");
	for (const char *c = field->name; *c; c++)
		add(text, "%c", isalnum((unsigned char)*c) ? toupper((unsigned char)*c) : '_');
	add(text, "=");
}

static void add_iov(struct log_entry *entry, char *value)
{
	entry->iov[entry->count++] = (struct iovec){value, strlen(value)};
}

/* Everything but the message, which stands in the entry already. */
static void compose(struct log_entry *entry, int priority, const struct log_field *fields,
		    size_t count)
{
	entry->count = 0;
	add_iov(entry, entry->message);
	snprintf(entry->priority, sizeof(entry->priority), "PRIORITY=%d", priority);
	add_iov(entry, entry->priority);
	for (size_t i = 0; i < count && i < LOG_FIELDS_MAX; i++) {
		struct text text = {entry->values[i], sizeof(entry->values[i])};

		add_journal_name(&text, &fields[i]);
		add_value(&text, &fields[i]);
		add_iov(entry, entry->values[i]);
	}
}

void log_compose(struct log_entry *entry, enum pluton_log_level level,
		 const struct log_field *fields, size_t count, const char *message)
{
	struct text text = {entry->message, sizeof(entry->message)};

	add(&text, "MESSAGE=");
	add_clean(&text, message, LOG_MESSAGE_SIZE);
	compose(entry, levels[level].priority, fields, count);
}

/* Bytes of `text`, at most `max`, that are whole characters. */
static int cut(const char *text, size_t max)
{
	size_t length = strnlen(text, max + 1);

	if (length > max) {
		for (length = max; length > 0 && (text[length] & 0xc0) == 0x80;)
			length--;
	}
	return (int)length;
}

void log_compose_text(struct log_entry *entry, int priority, const struct log_field *fields,
		      size_t count, const char *text)
{
	snprintf(entry->message, sizeof(entry->message), "MESSAGE=%.*s", cut(text, LOG_TEXT_MAX),
		 text);
	compose(entry, priority, fields, count);
}

/* --- the terminal ---------------------------------------------------------------------------- */

static void add_fields(struct text *text, const struct log_field *fields, size_t count)
{
	const char *before = " (";

	for (size_t i = 0; i < count && i < LOG_FIELDS_MAX; i++) {
		if (fields[i].kind == LOG_KIND_MESSAGE_ID)
			continue;
		add(text, "%s%s=", before, fields[i].name);
		add_value(text, &fields[i]);
		before = " ";
	}
	if (*before == ' ' && before[1] == '\0')
		add(text, ")");
}

/*
 * Whoever reads stderr may stop reading, and must not stop us. O_NONBLOCK would be set for all who
 * share stderr, so we ask before we write. What remains: another process that writes into the same
 * pipe can take the room in between, and then we wait for the reader after all.
 */
static bool write_ready(const char *line)
{
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) &&
	       write(STDERR_FILENO, line, strlen(line)) >= 0;
}

static void tell_dropped(void)
{
	uint64_t lines = atomic_exchange(&output.dropped, 0);
	char line[LINE_SIZE];

	if (lines == 0)
		return;
	snprintf(line, sizeof(line),
		 "%s[%d] %s: %" PRIu64 " lines are missing here: stderr did not take them\n",
		 output.program, (int)getpid(), levels[PLUTON_LOG_WARNING].name, lines);
	if (!write_ready(line))
		atomic_fetch_add(&output.dropped, lines);
}

static void begin_line(struct text *text, enum pluton_log_level level, const char *name)
{
	const char *colour = output.in_colour ? levels[level].colour : "";

	add(text, "%s[%d] %s%s:%s ", output.program, (int)getpid(), colour, name,
	    *colour ? "\x1b[0m" : "");
}

static void end_line(struct text *text, const char *line, const struct log_field *fields,
		     size_t count)
{
	add_fields(text, fields, count);
	add(text, "\n");
	tell_dropped();
	if (!write_ready(line))
		atomic_fetch_add(&output.dropped, 1);
}

static void write_line(enum pluton_log_level level, const struct log_field *fields, size_t count,
		       const char *message)
{
	char line[LINE_SIZE];
	struct text text = {line, sizeof(line)};

	begin_line(&text, level, levels[level].name);
	add_clean(&text, message, LOG_MESSAGE_SIZE);
	end_line(&text, line, fields, count);
}

static void write_text(int priority, const struct log_field *fields, size_t count, const char *said)
{
	char line[LINE_SIZE];
	struct text text = {line, sizeof(line)};

	begin_line(&text, priorities[priority].level, priorities[priority].name);
	add(&text, "%.*s", cut(said, LOG_TEXT_SIZE), said);
	end_line(&text, line, fields, count);
}

/* --- entry points ---------------------------------------------------------------------------- */

/* systemd.exec(5): JOURNAL_STREAM is the device and inode of what stderr was connected to. */
static bool is_journal(const struct stat *stderr_stat)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uint64_t device;
	uint64_t inode;

	if (!stream || sscanf(stream, "%" SCNu64 ":%" SCNu64, &device, &inode) != 2)
		return false;
	return device == stderr_stat->st_dev && inode == stderr_stat->st_ino;
}

void log_set_program(const char *name)
{
	output.program = name;
}

void log_open(enum pluton_log_level level)
{
	struct stat stderr_stat;

	log_set_level(level);
	atomic_store(&output.dropped, 0); /* of another stderr */
	output.to_journal = fstat(STDERR_FILENO, &stderr_stat) == 0 && is_journal(&stderr_stat);
	output.in_colour = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
}

static void emit(enum pluton_log_level level, const struct log_field *fields, size_t count,
		 const char *message)
{
	struct log_entry entry;
	int before = errno;

	if (output.to_journal) {
		log_compose(&entry, level, fields, count, message);
		sd_journal_sendv(entry.iov, entry.count);
	} else {
		write_line(level, fields, count, message);
	}
	errno = before;
}

void log_event(enum pluton_log_level level, const struct log_field *fields, size_t count,
	       const char *format, ...)
{
	char message[LOG_MESSAGE_SIZE];
	va_list args;

	if (!is_wanted(level))
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	emit(level, fields, count, message);
}

void log_start_failed(const struct log_field *fields, size_t count, const char *format, ...)
{
	struct log_field marked[LOG_FIELDS_MAX] = {LOG_MESSAGE_ID(LOG_ID_START_FAILED)};
	char message[LOG_MESSAGE_SIZE];
	va_list args;

	if (count > LOG_FIELDS_MAX - 1)
		count = LOG_FIELDS_MAX - 1;
	if (count > 0)
		memcpy(&marked[1], fields, count * sizeof(*fields));
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (!output.start_failure[0])
		memcpy(output.start_failure, message, sizeof(message));
	log_event(PLUTON_LOG_ERROR, marked, count + 1, "%s", message);
}

const char *log_start_failure(void)
{
	return output.start_failure;
}

void log_text(int priority, const struct log_field *fields, size_t count, const char *text)
{
	struct log_entry entry;
	int before = errno;

	if (priority < PRIORITY_MIN || priority > PRIORITY_MAX ||
	    !is_wanted(priorities[priority].level))
		return;
	if (output.to_journal) {
		log_compose_text(&entry, priority, fields, count, text);
		sd_journal_sendv(entry.iov, entry.count);
	} else {
		write_text(priority, fields, count, text);
	}
	errno = before;
}

/* --- allowances ------------------------------------------------------------------------------ */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool log_limit_take(struct log_limit *limit, uint64_t now)
{
	uint64_t refilled = now - limit->asked_ms;

	limit->spent_ms = limit->spent_ms > refilled ? limit->spent_ms - refilled : 0;
	limit->asked_ms = now;
	if (limit->spent_ms + LOG_REFILL_MS > (uint64_t)LOG_BURST * LOG_REFILL_MS)
		return false;
	limit->spent_ms += LOG_REFILL_MS;
	return true;
}

static void tell_suppressed(struct log_limit *limit)
{
	char message[LOG_MESSAGE_SIZE];

	if (limit->suppressed == 0)
		return;
	snprintf(message, sizeof(message), "%" PRIu64 " more suppressed, the last: %s",
		 limit->suppressed, limit->last);
	limit->suppressed = 0;
	if (is_wanted(limit->level))
		emit(limit->level, LOG_NO_FIELDS, message);
}

static void suppress(struct log_limit *limit, enum pluton_log_level level, const char *message)
{
	limit->suppressed++;
	limit->level = level;
	snprintf(limit->last, sizeof(limit->last), "%.*s", (int)sizeof(limit->last) - 1, message);
	if (limit->listed)
		return;
	limit->listed = true;
	limit->next = output.suppressing;
	output.suppressing = limit;
}

void log_event_within(struct log_limit *limit, enum pluton_log_level level,
		      const struct log_field *fields, size_t count, const char *format, ...)
{
	char message[LOG_MESSAGE_SIZE];
	va_list args;

	if (!is_wanted(level))
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (!log_limit_take(limit, now_ms())) {
		suppress(limit, level, message);
		return;
	}
	tell_suppressed(limit);
	emit(level, fields, count, message);
}

/* Tells of every call site that `may_tell` lets through and takes it out of the list. */
static void tell_all(bool (*may_tell)(struct log_limit *limit))
{
	struct log_limit **link = &output.suppressing;

	while (*link) {
		struct log_limit *limit = *link;

		if (!may_tell(limit)) {
			link = &limit->next;
			continue;
		}
		*link = limit->next;
		limit->listed = false;
		tell_suppressed(limit);
	}
}

static bool may_tell_again(struct log_limit *limit)
{
	return log_limit_take(limit, now_ms());
}

static bool may_tell_always(struct log_limit *limit)
{
	(void)limit;
	return true;
}

void log_tick(void)
{
	tell_all(may_tell_again);
	tell_dropped();
}

void log_close(void)
{
	tell_all(may_tell_always);
	tell_dropped();
}
