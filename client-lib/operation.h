/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations under way: a table of as many as the daemon allows, made with the first one.
 *
 * The rule a newcomer would break first: outputs are copied to the user when the answer is taken
 * in, and an entry is free again before its function runs, which may need it for the next one.
 */
#ifndef PLUTON_CLIENT_OPERATION_H
#define PLUTON_CLIENT_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pluton/pluton.h>

#include "daemon/kernel/record.h"

struct pending;

struct pending_table {
	struct pending *entries; /* NULL until the first operation */
	uint32_t count;
	uint32_t serial; /* of the last id given out */
};

/* What is known of an operation without an answer. */
enum fate {
	FATE_ANSWERED = 0,
	FATE_UNKNOWN, /* the daemon had it and went away: done, or half done, or not */
	FATE_UNSENT,  /* the daemon never saw it */
};

/* All that an answer says. */
struct answer {
	int status; /* 0 or a negative error */
	uint32_t words[RECORD_RETURN_WORDS];
	uint32_t missed; /* answers of a repeating operation that this one stands for */
	bool more;	 /* others follow */
	int fd;		 /* with `gives` and status 0: the descriptor, whoever is told owns it */
	uint32_t connection; /* by which it came */
	enum fate fate;	     /* why the status is -PLUTON_EOFF */
};

typedef void (*operation_told_fn)(struct pluton *pluton, const struct answer *answer,
				  void *userdata);

/* Who wants to know; at most one of the functions. */
struct completion {
	pluton_answer_fn answer;
	pluton_done_fn done;
	operation_told_fn told;
	/* Instead of the last call of the function, when the connection is closed; may be NULL. */
	void (*drop)(void *userdata);
	void *userdata;
	const char *invalid; /* what -PLUTON_EINVAL as an answer means; NULL: nothing special */
	bool gives;	     /* a success comes with a descriptor; only with `told` */
	bool short_output;   /* a success tells its output's length, and may send less */
};

/* pluton_submit with any kind of function. */
int operation_submit(struct pluton *pluton, const struct pluton_request *request,
		     const struct completion *completion, pluton_operation_id *ret_id);

/* When a synchronous call may be made again, once, because the daemon went away during it. */
enum repeat {
	REPEAT_UNSENT = 0, /* if the daemon never saw it */
	REPEAT_ALWAYS,	   /* twice is as good as once */
	REPEAT_NEVER,	   /* it says something about this connection, as a stream's number does */
};

/* pluton_perform that may be repeated. */
int operation_perform(struct pluton *pluton, const struct pluton_request *request,
		      enum repeat repeat, uint32_t ret_words[3]);

/* The same with all that the answer says. */
int operation_perform_answer(struct pluton *pluton, const struct pluton_request *request,
			     enum repeat repeat, struct answer *ret);

/* The same; `invalid` says what -PLUTON_EINVAL means, or is NULL. */
int operation_perform_explained(struct pluton *pluton, const struct pluton_request *request,
				enum repeat repeat, const char *invalid);

/* The same of a command that gives a descriptor; *ret_fd is the caller's. */
int operation_perform_giving(struct pluton *pluton, const struct pluton_request *request,
			     int *ret_fd);

/* A RETURN failure, or an UPCALL, with the op_id of an operation. 0 or what ended the connection.
 */
int operation_refused(struct pluton *pluton, const struct record *record);
int operation_answered(struct pluton *pluton, const struct record *record);

/* Makes all that are under way due with `error`. */
void operation_fail_all(struct pluton *pluton, int error);

/* For a new connection, which may allow another number of operations. None is under way. */
void operation_renew(struct pluton *pluton);

void operation_close(struct pluton *pluton);

#endif
