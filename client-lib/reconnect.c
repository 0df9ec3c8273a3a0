/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a lost connection again. A new socket is greeted and given the shared memory before it
 * takes the place of the old one, under the same descriptor; until then nothing has changed.
 */
#include "client-lib/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRY_TIMEOUT_MS 1000 /* of a try that must not wait: for the greeting of who listens */
#define PAUSE_FIRST_MS 1u
#define PAUSE_MAX_MS 250u

bool reconnect_wanted(const struct pluton *pluton)
{
	return pluton->error == -PLUTON_EOFF && pluton->reconnect.address &&
	       pluton->reconnect.timeout_ms > 0 && !pluton->reconnect.trying;
}

void reconnect_lost(struct pluton *pluton)
{
	struct reconnect *reconnect = &pluton->reconnect;

	if (reconnect->trying)
		return;
	reconnect->told = false;
	reconnect->raw_lost = reconnect->raw_lost || reconnect->raw_used;
	reconnect->raw_used = false;
	reconnect->pause_ms = PAUSE_FIRST_MS;
	reconnect->next_try_ms = 0;
	trd104_lost(pluton);
}

void reconnect_close(struct pluton *pluton)
{
	free(pluton->reconnect.address);
	pluton->reconnect.address = NULL;
}

/* --- one try --------------------------------------------------------------------------------- */

static bool run_again(struct pluton *pluton, struct due *due)
{
	pluton_reconnected_fn function = pluton->reconnect.function;

	(void)due;
	pluton->reconnect.again_due = false;
	if (function)
		function(pluton, pluton->reconnect.userdata);
	return function != NULL;
}

/* The new socket is greeted and takes the old one's place. */
static int replace(struct pluton *pluton, int fd, int before)
{
	struct reconnect *reconnect = &pluton->reconnect;

	loop_forget(pluton);
	if (dup3(fd, before, O_CLOEXEC) < 0)
		return connection_fail(pluton, -PLUTON_EOFF, "dup3: %s", strerror(errno));
	reconnect->connection++;
	operation_renew(pluton);
	if (reconnect->function && !reconnect->again_due) {
		reconnect->again_due = true;
		reconnect->again.run = run_again;
		due_push(pluton, &reconnect->again);
	}
	return 0;
}

/* A queue that is full, and a socket whose permissions are not set yet, are so for a moment. */
static bool may_pass(int error)
{
	return error == -PLUTON_EBUSY || error == -PLUTON_ENODEVICE;
}

static int try_once(struct pluton *pluton, int timeout_ms)
{
	char message[CONNECTION_MESSAGE_SIZE];
	int before = pluton->fd;
	int fd = open_socket(pluton->reconnect.address, timeout_ms, message, sizeof(message));
	bool denied;
	int r;

	pluton->cut_off = false;
	if (fd < 0)
		return connection_refuse(pluton, may_pass(fd) ? -PLUTON_EOFF : fd, "%s", message);
	pluton->reconnect.trying = true;
	pluton->fd = fd;
	pluton->error = 0;
	pluton->exchange.waiting = false;
	r = connection_greet(pluton, timeout_ms);
	denied = r == -PLUTON_ENODEVICE; /* who may use nothing has no use for another try */
	if (r == 0)
		r = memory_share_again(pluton);
	if (r == 0)
		r = open_settled(pluton);
	if (r == 0)
		r = replace(pluton, fd, before);
	else
		pluton->error = denied ? r : -PLUTON_EOFF; /* as it was, else */
	close(fd);
	pluton->fd = before;
	pluton->reconnect.trying = false;
	loop_settle(pluton);
	return r;
}

/* --- who tries ------------------------------------------------------------------------------- */

int reconnect_try(struct pluton *pluton)
{
	unsigned tries = 0;
	int r;

	if (!reconnect_wanted(pluton))
		return pluton->error;
	do
		r = try_once(pluton, TRY_TIMEOUT_MS);
	while (open_again(pluton->cut_off, ++tries));
	return r;
}

static unsigned longer(unsigned pause_ms)
{
	return pause_ms < PAUSE_MAX_MS / 2 ? pause_ms * 2 : PAUSE_MAX_MS;
}

int reconnect_wait(struct pluton *pluton)
{
	uint64_t end_ms;
	unsigned pause_ms = PAUSE_FIRST_MS;
	int r;

	if (!reconnect_wanted(pluton))
		return pluton->error;
	end_ms = connection_now_ms() + (uint64_t)pluton->reconnect.timeout_ms;
	for (;;) {
		uint64_t now_ms = connection_now_ms();

		r = try_once(pluton, now_ms < end_ms ? (int)(end_ms - now_ms) : 1);
		if (r != -PLUTON_EOFF || connection_now_ms() + pause_ms >= end_ms)
			return r;
		(void)poll(NULL, 0, (int)pause_ms);
		pause_ms = longer(pause_ms);
	}
}

static void pause_tries(struct reconnect *reconnect)
{
	reconnect->next_try_ms = connection_now_ms() + reconnect->pause_ms;
}

int reconnect_dispatch(struct pluton *pluton)
{
	struct reconnect *reconnect = &pluton->reconnect;

	if (!reconnect_wanted(pluton))
		return pluton->error;
	if (!reconnect->told) {
		reconnect->told = true;
		pause_tries(reconnect);
		return -PLUTON_EOFF;
	}
	if (connection_now_ms() < reconnect->next_try_ms)
		return 0;
	if (try_once(pluton, TRY_TIMEOUT_MS) < 0) {
		reconnect->pause_ms = longer(reconnect->pause_ms);
		pause_tries(reconnect);
	}
	return pluton->error == -PLUTON_EOFF ? 0 : pluton->error;
}

int reconnect_yield(struct pluton *pluton, bool wait)
{
	struct reconnect *reconnect = &pluton->reconnect;

	if (reconnect_wanted(pluton) && !reconnect->told) {
		reconnect->told = true;
		reconnect->raw_lost = false;
		return -PLUTON_EOFF;
	}
	return wait ? reconnect_wait(pluton) : reconnect_try(pluton);
}

int reconnect_raw(struct pluton *pluton)
{
	struct reconnect *reconnect = &pluton->reconnect;
	int r;

	if (reconnect->raw_lost) {
		reconnect->raw_lost = false;
		reconnect->told = true;
		return connection_refuse(pluton, -PLUTON_EOFF,
					 "the daemon was restarted: subscribe and allow again");
	}
	r = reconnect_wait(pluton);
	reconnect->raw_used = r == 0;
	return r;
}

int reconnect_raw_lost(struct pluton *pluton)
{
	pluton->reconnect.raw_lost = false;
	pluton->reconnect.told = true;
	return connection_refuse(pluton, -PLUTON_EOFF,
				 "the daemon went away: this call may or may not have been done; "
				 "subscribe and allow again");
}

bool reconnect_since(const struct pluton *pluton, uint32_t connection)
{
	return reconnect_wanted(pluton) || pluton->reconnect.connection != connection;
}

/* --- for users ------------------------------------------------------------------------------- */

int pluton_set_reconnect(struct pluton *pluton, int timeout_ms)
{
	if (timeout_ms < 0)
		return connection_refuse(pluton, -PLUTON_EINVAL, "a time of %d ms", timeout_ms);
	pluton->reconnect.timeout_ms = timeout_ms;
	loop_settle(pluton);
	return 0;
}

void pluton_on_reconnect(struct pluton *pluton, pluton_reconnected_fn function, void *userdata)
{
	pluton->reconnect.function = function;
	pluton->reconnect.userdata = userdata;
}
