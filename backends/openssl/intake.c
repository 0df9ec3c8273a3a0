/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes in a message piece by piece. The rule a newcomer would break first: pulled bytes lie in a
 * chunk that all tasks share, so they are absorbed and wiped before the deferred call ends.
 */
#include "backends/openssl/intake.h"

#include <string.h>

void intake_begin(struct intake *intake, size_t length)
{
	intake->length = length;
	intake->cursor = 0;
	intake->lent = NULL;
	intake->lent_length = 0;
}

static size_t left(const struct intake *intake)
{
	return intake->length - intake->cursor;
}

/* Asks for memory at the cursor, unless some of the last is left. None: it must be pulled. */
static int borrow(struct intake *intake)
{
	size_t len = 0;

	if (intake->lent_length > 0)
		return 0;
	intake->lent = intake->type->lend(intake, intake->cursor, &len);
	if (!intake->lent)
		return 0;
	intake->lent_length = len;
	return task_check_lent(len, left(intake));
}

static int absorb_lent(struct intake *intake, size_t len)
{
	int r = intake->type->absorb(intake, intake->lent, len);

	intake->lent += len;
	intake->lent_length -= len;
	intake->cursor += len;
	return r;
}

static int absorb_pulled(struct intake *intake, size_t len)
{
	uint8_t *chunk = intake->task.host->chunk_in;
	ssize_t n = hil_count(intake->type->pull(intake, chunk, len, intake->cursor), len);
	int r = (int)n;

	if (n > 0) {
		r = intake->type->absorb(intake, chunk, (size_t)n);
		intake->cursor += (size_t)n;
	}
	explicit_bzero(chunk, len);
	return r;
}

static int absorb_on_worker(struct work *work)
{
	struct intake *intake = intake_of_task(TASK_OF_WORK(work));
	int r = absorb_lent(intake, left(intake) < WORK_SLICE ? left(intake) : WORK_SLICE);

	return work_goes_on(r, left(intake) > 0);
}

static int take_piece(struct intake *intake)
{
	struct task *task = &intake->task;
	size_t before = intake->cursor;
	int r = borrow(intake);

	if (r < 0)
		return r;
	if (intake->lent_length > 0)
		r = absorb_lent(intake, task_piece(task, intake->lent_length, WORK_SLICE));
	else
		r = absorb_pulled(intake, task_piece(task, left(intake), TASK_CHUNK));
	task_spend(task, intake->cursor - before);
	return r;
}

int intake_take(struct intake *intake)
{
	struct task *task = &intake->task;

	while (left(intake) > 0) {
		int r;

		if (task->budget == 0)
			return TASK_AGAIN;
		if (task_wants_worker(task, left(intake))) {
			r = borrow(intake);
			if (r < 0)
				return r;
			if (intake->lent_length == left(intake))
				return task_to_worker(task, absorb_on_worker);
		}
		r = take_piece(intake);
		if (r < 0)
			return r;
	}
	return TASK_DONE;
}
