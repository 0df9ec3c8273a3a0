/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HIL for a console: lines of text for the people who run the machine (Tock's
 * kernel/src/hil/uart.rs, Transmit; here a log with fields). Contract: hil/contract.h. Callbacks:
 * pull_text until request.length bytes are in, then done.
 */
#ifndef PLUTON_HIL_CONSOLE_H
#define PLUTON_HIL_CONSOLE_H

#include "hil/contract.h"

#define CONSOLE_LINE_MAX 1024u /* bytes of one line, any engine */

/* Numbered as syslog's (RFC 5424 section 6.2.1). */
enum console_level {
	CONSOLE_ERROR = 3,
	CONSOLE_WARNING = 4,
	CONSOLE_NOTICE = 5,
	CONSOLE_INFO = 6,
	CONSOLE_DEBUG = 7,
};

/* Who says it, as the kernel knows it. */
struct console_speaker {
	uint32_t uid;
	uint32_t gid;
	uint32_t pid;
	uint32_t process_index;
	uint32_t process_generation;
	char command[16];
	char app[32]; /* "": no app */
	/* Lines of this speaker that were held back before this one. The engine's own to fill in.
	 */
	uint32_t suppressed;
};

/* How much each speaker may write: an app, or all programs of one user that are none. */
struct console_rate {
	uint64_t now_us;	   /* of a clock that never goes back */
	uint64_t burst;		   /* lines at once, at least 1 */
	uint64_t lines_per_minute; /* in the long run, at least 1 */
};

struct console_request {
	enum console_level level;
	size_t length; /* bytes, 1..CONSOLE_LINE_MAX */
	struct console_speaker speaker;
};

struct console_client;

struct console_client_ops {
	ssize_t (*pull_text)(struct console_client *client, uint8_t *buf, size_t len,
			     size_t cursor);
	/* 0: it is in the log. Or the negative error that ended it; nothing was logged then. */
	void (*done)(struct console_client *client, int result);
};

/* Embedded in what the client keeps; stays put until done. */
struct console_client {
	const struct console_client_ops *ops;
};

struct console_caps {
	size_t line_max; /* bytes */
};

struct console_engine {
	struct hil_engine head;
	struct console_caps caps;
	const struct console_engine_ops *ops;
};

struct console_engine_ops {
	/*
	 * 0: done will come. -PLUTON_ESIZE: length 0 or over caps.line_max. -PLUTON_EBUSY:
	 * concurrency used up. *request is copied. Text from outside is made harmless by the
	 * engine: control bytes and what is not UTF-8 are escaped.
	 */
	int (*start)(struct console_engine *engine, const struct console_request *request,
		     struct console_client *client);
	/* 0: done is on its way. -PLUTON_EINVAL: this client has nothing under way. */
	int (*cancel)(struct console_engine *engine, struct console_client *client);
	/*
	 * Whether the speaker may write one more line, asked once before each start. The engine
	 * remembers across connections what was spent. 0: the line is paid for. -PLUTON_EBUSY: over
	 * the rate; it is counted, and told with the speaker's next line. -PLUTON_ENOMEM: so many
	 * others have spent some that there is no room to remember one more.
	 */
	int (*admit)(struct console_engine *engine, const struct console_speaker *speaker,
		     const struct console_rate *rate);
};

/* 0 or -PLUTON_ESIZE. For hil_select and for engines. */
int console_check(const struct hil_engine *engine, const void *console_request);

#endif
