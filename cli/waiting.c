/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/waiting.h"

#include <poll.h>

#include "cli/progress.h"

#define SHOW_EVERY_MS 100

void waiting_done(struct pluton *pluton, int status, void *waiting)
{
	(void)pluton;
	*(struct waiting *)waiting = (struct waiting){.done = true, .result = status};
}

int waiting_end(const struct session *session, const struct waiting *waiting, int started,
		const char *what)
{
	struct pluton *pluton = session->pluton;
	struct pollfd pollfd = {.fd = pluton_get_fd(pluton), .events = pluton_get_events(pluton)};
	int r = started;

	progress_begin(!session->quiet, 0);
	while (r >= 0 && !waiting->done) {
		(void)poll(&pollfd, 1, SHOW_EVERY_MS);
		r = pluton_dispatch(pluton);
		progress_wait(what);
	}
	progress_end();
	return waiting->done ? waiting->result : r;
}
