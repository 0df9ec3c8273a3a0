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

struct pending;
struct record;

struct pending_table {
	struct pending *entries; /* NULL until the first operation */
	uint32_t count;
	uint32_t serial; /* of the last id given out */
};

/* Who wants to know; at most one of the functions. */
struct completion {
	pluton_answer_fn answer;
	pluton_done_fn done;
	void *userdata;
	const char *invalid; /* what -PLUTON_EINVAL as an answer means; NULL: nothing special */
};

/* pluton_submit with either kind of function. */
int operation_submit(struct pluton *pluton, const struct pluton_request *request,
		     const struct completion *completion, pluton_operation_id *ret_id);

/* pluton_perform with the meaning of -PLUTON_EINVAL as an answer, or NULL. */
int operation_perform(struct pluton *pluton, const struct pluton_request *request,
		      const char *invalid, uint32_t ret_words[3]);

/* A RETURN failure, or an UPCALL, with the op_id of an operation. 0 or what ended the connection.
 */
int operation_refused(struct pluton *pluton, const struct record *record);
int operation_answered(struct pluton *pluton, const struct record *record);

/* Makes all that are under way due with `error`. */
void operation_fail_all(struct pluton *pluton, int error);

void operation_close(struct pluton *pluton);

#endif
