/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection that nobody accepts would have systemd start us again when we end. The rule a
 * newcomer would break first: one without a word says nothing, and is no reason to hang up.
 */
#include "apps/tpm/words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/log.h"

#define ACCEPT_AGAIN_US 100000u /* where there are no descriptors left */
#define WORD_SIZE 16u

struct caller {
	struct words *words;
	sd_event_source *source; /* NULL: free */
	int fd;
	uint64_t number;
};

struct words {
	void (*said)(void *context, enum word word);
	void *context;
	int listener;
	sd_event_source *listening;
	sd_event_source *again; /* a timer */
	struct caller callers[WORDS_CALLERS_MAX];
	uint64_t accepted;
};

/* --- a caller -------------------------------------------------------------------------------- */

static void hang_up(struct caller *caller)
{
	if (!caller->source)
		return;
	caller->source = sd_event_source_disable_unref(caller->source);
	close(caller->fd);
}

static void take_word(struct words *words, const char *word, size_t length)
{
	if (length == 4 && memcmp(word, "stop", length) == 0)
		words->said(words->context, WORD_STOP);
	else if (length == 7 && memcmp(word, "restart", length) == 0)
		words->said(words->context, WORD_RESTART);
	else
		log_event_limited(PLUTON_LOG_WARNING, LOG_NO_FIELDS,
				  "what was said on the socket \"" WORDS_SOCKET
				  "\" is not understood: say stop or restart, without a newline");
}

static int on_caller(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct caller *caller = userdata;
	char word[WORD_SIZE];
	ssize_t n = recv(fd, word, sizeof(word), MSG_DONTWAIT);

	(void)source;
	(void)revents;
	if (n > 0)
		take_word(caller->words, word, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		hang_up(caller);
	return 0;
}

/* A free place, or that of the oldest caller. */
static struct caller *make_place(struct words *words)
{
	struct caller *oldest = &words->callers[0];

	for (size_t i = 0; i < WORDS_CALLERS_MAX; i++) {
		struct caller *caller = &words->callers[i];

		if (!caller->source)
			return caller;
		if (caller->number < oldest->number)
			oldest = caller;
	}
	hang_up(oldest);
	return oldest;
}

static void keep(struct words *words, int fd)
{
	struct caller *caller = make_place(words);
	sd_event *event = sd_event_source_get_event(words->listening);

	*caller = (struct caller){.words = words, .fd = fd, .number = words->accepted++};
	if (sd_event_add_io(event, &caller->source, fd, EPOLLIN, on_caller, caller) < 0) {
		caller->source = NULL;
		close(fd);
		return;
	}
	words->said(words->context, WORD_COME);
}

/* --- the socket ------------------------------------------------------------------------------ */

static int on_listening(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct words *words = userdata;
	int caller = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)revents;
	if (caller >= 0) {
		keep(words, caller);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
		sd_event_source_set_time_relative(words->again, ACCEPT_AGAIN_US);
		sd_event_source_set_enabled(words->again, SD_EVENT_ONESHOT);
	}
	return 0;
}

static int on_again(sd_event_source *source, uint64_t now, void *userdata)
{
	struct words *words = userdata;

	(void)source;
	(void)now;
	return sd_event_source_set_enabled(words->listening, SD_EVENT_ON);
}

static int listen_on(struct words *words, sd_event *event)
{
	int flags = fcntl(words->listener, F_GETFL), r;

	if (flags < 0 || fcntl(words->listener, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	r = sd_event_add_time_relative(event, &words->again, CLOCK_MONOTONIC, 0, 0, on_again,
				       words);
	if (r >= 0)
		r = sd_event_source_set_enabled(words->again, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_io(event, &words->listening, words->listener, EPOLLIN,
				    on_listening, words);
	return r;
}

int words_new(sd_event *event, int listener, void (*said)(void *context, enum word word),
	      void *context, struct words **ret)
{
	struct words *words = calloc(1, sizeof(*words));
	int r;

	if (!words) {
		close(listener);
		return -ENOMEM;
	}
	*words = (struct words){.said = said, .context = context, .listener = listener};
	r = listen_on(words, event);
	if (r < 0) {
		words_free(words);
		return r;
	}
	*ret = words;
	return 0;
}

void words_free(struct words *words)
{
	if (!words)
		return;
	for (size_t i = 0; i < WORDS_CALLERS_MAX; i++)
		hang_up(&words->callers[i]);
	sd_event_source_disable_unref(words->listening);
	sd_event_source_disable_unref(words->again);
	close(words->listener);
	free(words);
}
