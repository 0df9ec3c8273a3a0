/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: structured fields where stderr is connected to the journal, one readable line on stderr
 * otherwise. Frontends and the daemon's own parts log, once per event; capsules, engines and
 * libraries do not. Never payload, keys, tags or anything else that a client's memory holds.
 *
 *	log_event(PLUTON_LOG_INFO, LOG_FIELDS(LOG_PROCESS(id.index, id.generation),
 *					      LOG_NUMBER("uid", uid)), "connected");
 *
 * prints "plutond[712] info: connected (process=3.1 uid=1000)", and in the journal sets MESSAGE,
 * PRIORITY, PLUTON_PROCESS and PLUTON_UID.
 */
#ifndef PLUTON_LOG_H
#define PLUTON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <pluton/manager.h>

#define LOG_FIELDS_MAX 8u
#define LOG_MESSAGE_SIZE 512u /* bytes of a message; more is cut off */
#define LOG_LAST_SIZE 448u    /* of one that is told of with "N more suppressed, the last: " */
#define LOG_VALUE_SIZE 128u   /* bytes of a field's value; more is cut off */
#define LOG_TEXT_SIZE 2560u   /* bytes of a program's line on stderr */
#define LOG_TEXT_MAX 4096u    /* and in the journal */

struct log_field {
	const char
		*name; /* lower case: "uid" is uid=… on a terminal, PLUTON_UID=… in the journal */
	enum {
		LOG_KIND_TEXT,
		LOG_KIND_NUMBER,
		LOG_KIND_PROCESS,    /* "index.generation" */
		LOG_KIND_MESSAGE_ID, /* MESSAGE_ID of sd-id128; only in the journal */
	} kind;
	const char *text;
	uint64_t number;
	uint32_t generation;
};

#define LOG_TEXT(name_, text_) ((struct log_field){(name_), LOG_KIND_TEXT, (text_), 0, 0})
#define LOG_NUMBER(name_, number_)                                                                 \
	((struct log_field){(name_), LOG_KIND_NUMBER, NULL, (number_), 0})
#define LOG_PROCESS(index_, generation_)                                                           \
	((struct log_field){"process", LOG_KIND_PROCESS, NULL, (index_), (generation_)})
#define LOG_MESSAGE_ID(id_) ((struct log_field){"id", LOG_KIND_MESSAGE_ID, (id_), 0, 0})

/* The two arguments `fields, count` of log_event, written in place. */
#define LOG_FIELDS(...)                                                                            \
	((const struct log_field[]){__VA_ARGS__}),                                                 \
		(sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
#define LOG_NO_FIELDS NULL, 0

/*
 * Ids of the messages that an operator or a program may look for in the journal, all of them; an id
 * is never used for another message. plutond(8) lists them, and systemd/pluton.catalog says what
 * each means and what to do: journalctl -x shows it.
 */
#define LOG_ID_STARTED "a22aa9b26ae242dd8fbc910f99b284f4"
#define LOG_ID_STOPPED "d8875bc1f98843b08d06a25e28660979"
#define LOG_ID_START_FAILED "6494878c67b745048bddb1fd53ecf905" /* log_start_failed */
#define LOG_ID_RELOADED "d29f6a7320b643f1bb642e9ba64cb756"
#define LOG_ID_RELOAD_FAILED "3829a867ca024d7181451aad6f8212dd"
#define LOG_ID_NEEDS_RESTART "54c98bdeb0ca438b9813be8d9c4c0f49"
#define LOG_ID_BUS_JOINED "8aef605a5a964c4db8891ae2a1000960"
#define LOG_ID_BUS_LOST "b55575021d34479c90dcfe5c6627063d"
#define LOG_ID_BUS_NAME_REFUSED "aaee78e94e954ae8807f1d19385095db"
#define LOG_ID_APP "b92cb3913a60460e95e9acbfb923aa87"
#define LOG_ID_APP_TROUBLE "a934c8f224f14e56a418892078588612"
#define LOG_ID_STORAGE_TROUBLE "b164c09d4cae4340b265c82822f28332"
#define LOG_ID_CHIP "a0d2c35470ce4892a9d8abeacfce06ea"
#define LOG_ID_CHIP_TROUBLE "026decfe4f8a409482ff0be874b30eb9"
#define LOG_ID_CONTRACT_BROKEN "399c9aa60dcb4d3ebfe3235e1d9c0dfc"
#define LOG_ID_SELFTEST_FAILED "8de12b0bc03e4af4beeb601079caa624"

/* What lines begin with, instead of "plutond": for apps, before anything else. Not copied. */
void log_set_program(const char *name);

/* Looks where stderr goes. Before it, lines go to stderr at level info. */
void log_open(enum pluton_log_level level);

/* Prints what is still suppressed, and how many lines were dropped. */
void log_close(void);

void log_set_level(enum pluton_log_level level);
enum pluton_log_level log_get_level(void);

/* "off".."trace"; NULL: no such level. */
const char *log_level_name(enum pluton_log_level level);

/* -PLUTON_EINVAL: no such level. */
int log_level_parse(const char *text, enum pluton_log_level *ret);

/*
 * Any thread. Keeps errno. More than LOG_FIELDS_MAX fields are left out. Does not wait for who
 * reads stderr: a line for which there is no room is dropped, and a later one says how many were.
 */
void log_event(enum pluton_log_level level, const struct log_field *fields, size_t count,
	       const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * Why the daemon cannot start: a line at level error with LOG_ID_START_FAILED, once, by who finds
 * out. The sentence is kept for those who wait to be served. Loop thread only; at most
 * LOG_FIELDS_MAX - 1 fields.
 */
void log_start_failed(const struct log_field *fields, size_t count, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The first such sentence; "" if there was none. */
const char *log_start_failure(void);

/*
 * A line that a program wrote, as it is: it must be UTF-8 without control characters. `priority` is
 * 3 (error) to 7 (debug), as syslog(3) has them; a notice counts as info. On stderr, more
 * than LOG_TEXT_SIZE bytes are cut off.
 */
void log_text(int priority, const struct log_field *fields, size_t count, const char *text);

/* --- what a client can cause again and again ------------------------------------------------- */

#define LOG_BURST 10u	    /* lines of one call site at once */
#define LOG_REFILL_MS 5000u /* then one more per so much time */

/* One call site's allowance: zeroed memory is a full one. */
struct log_limit {
	struct log_limit *next;
	bool listed; /* has suppressed lines that log_tick will tell of */
	enum pluton_log_level level;
	char last[LOG_LAST_SIZE]; /* the message that was suppressed last */
	uint64_t spent_ms;	  /* what its lines cost, at LOG_REFILL_MS each, not yet refilled */
	uint64_t asked_ms;	  /* when that was true */
	uint64_t suppressed;
};

/* true: the line may be printed now. Pure: the time is the caller's. */
bool log_limit_take(struct log_limit *limit, uint64_t now_ms);

/* log_event with an allowance for this call site. Loop thread only. */
#define log_event_limited(level, ...)                                                              \
	do {                                                                                       \
		static struct log_limit log_limit_here;                                            \
		log_event_within(&log_limit_here, (level), __VA_ARGS__);                           \
	} while (0)
void log_event_within(struct log_limit *limit, enum pluton_log_level level,
		      const struct log_field *fields, size_t count, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Prints "N more suppressed" of call sites that may print again; the loop calls it now and then. */
void log_tick(void);

/* --- for the tests --------------------------------------------------------------------------- */

/* An entry as the journal gets it: "NAME=value" in iov[0..count-1]. */
struct log_entry {
	char message[LOG_TEXT_MAX + sizeof("MESSAGE=")];
	char values[LOG_FIELDS_MAX][LOG_VALUE_SIZE + 48];
	char priority[16];
	struct iovec iov[LOG_FIELDS_MAX + 2];
	int count;
};
void log_compose(struct log_entry *entry, enum pluton_log_level level,
		 const struct log_field *fields, size_t count, const char *message);
void log_compose_text(struct log_entry *entry, int priority, const struct log_field *fields,
		      size_t count, const char *text);

#endif
