/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One sd-event loop in a thread of its own. The bus (bus.c) is on it too, from the TPM's being
 * ready to control_free.
 */
#include "apps/tpm/control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include <pluton/app.h>
#include <pluton/nv.h>
#include <pluton/pluton.h>

#include "apps/tpm/bus.h"
#include "apps/tpm/messages.h"
#include "apps/tpm/tpm.h"
#include "apps/tpm/words.h"
#include "client-lib/connection.h"
#include "daemon/log.h"

#define ACCEPTS 4u		/* under way at once */
#define STORE_TIMEOUT_MS 10000u /* then plutond hangs, and the connection is made anew */
#define OPEN_TIMEOUT_MS 1000	/* for one try to connect again */
#define RETRY_FIRST_MS 50u	/* doubled up to RETRY_LAST_MS */
#define RETRY_LAST_MS 2000u
#define RETRY_REFUSED_MS 30000u
#define CANCEL_INTERVAL_US 1000u    /* between two calls that ask libtpms to stop */
#define LONG_COMMAND_MAX_MS 120000u /* one that takes longer hangs */

struct control {
	pthread_t thread;
	sd_event *event;
	const char *address;
	struct tpm *tpm;
	struct pluton *pluton; /* NULL: not connected */
	struct bus *bus;       /* NULL: none is configured */
	bool greeted;	       /* and plutond has answered */
	bool refused;	       /* it did not take us in, the last time */
	sd_event_source *connection;
	sd_event_source *clients;   /* enabled while they are delegated */
	sd_event_source *canceller; /* a timer */
	sd_event_source *retry;	    /* a timer: connect, store or accept again */
	sd_event_source *hung;	    /* a timer: the store under way takes too long */
	sd_event_source *orphan;    /* a timer: plutond has been gone for too long */
	sd_event_source *watchdog;  /* a timer */
	uint64_t watchdog_us;
	uint64_t turns_seen;
	unsigned retry_ms;
	uint64_t storing; /* generation of the store under way; 0: none */
	bool store_fails;
	bool is_ready;	 /* the TPM is */
	bool told_ready; /* and the service manager knows */
	bool stopping;
	atomic_bool restart; /* and is to begin anew */
	struct words *words; /* NULL: whoever started it has no socket for words, as plutond */
	unsigned accepts;
	int ready_fd; /* eventfd, from the TPM's thread */
	int stop_fd;  /* eventfd */
};

/* --- timers ---------------------------------------------------------------------------------- */

static void arm(sd_event_source *timer, uint64_t delay_us)
{
	sd_event_source_set_time_relative(timer, delay_us);
	sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static void disarm(sd_event_source *timer)
{
	sd_event_source_set_enabled(timer, SD_EVENT_OFF);
}

static void retry_later(struct control *control)
{
	arm(control->retry, (uint64_t)control->retry_ms * 1000);
	control->retry_ms *= 2;
	if (control->retry_ms > RETRY_LAST_MS)
		control->retry_ms = RETRY_LAST_MS;
}

static void drain(int fd)
{
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	(void)n;
}

static void signal_fd(int fd)
{
	const uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof(one));

	(void)n;
}

/* --- storing --------------------------------------------------------------------------------- */

static void store_next(struct control *control);

static void tell_failing(struct control *control, const char *why)
{
	if (!control->store_fails)
		log_event(PLUTON_LOG_ERROR, LOG_FIELDS(LOG_MESSAGE_ID(TPMD_ID_STORE_FAILS)),
			  "the permanent state cannot be stored: %s; trying on, and responses that "
			  "depend on it wait",
			  why);
	control->store_fails = true;
}

static void tell_working(struct control *control)
{
	if (control->store_fails)
		log_event(PLUTON_LOG_INFO, LOG_FIELDS(LOG_MESSAGE_ID(TPMD_ID_STORE_WORKS)),
			  "the permanent state is stored again");
	control->store_fails = false;
	control->retry_ms = RETRY_FIRST_MS;
}

static void end_store(struct control *control, int result)
{
	uint64_t generation = control->storing;

	control->storing = 0;
	disarm(control->hung);
	store_done(control->tpm->store, generation, result);
	clients_wake(control->tpm->clients);
}

static void on_stored(struct pluton *pluton, int status, void *userdata)
{
	struct control *control = userdata;

	end_store(control, status);
	if (status == -PLUTON_EOFF)
		return; /* offered again once plutond is back */
	if (status < 0) {
		tell_failing(control, pluton_error_message(pluton));
		retry_later(control);
		return;
	}
	tell_working(control);
	store_next(control);
}

static int begin_store(void *context, const uint8_t *image, size_t size, uint64_t generation)
{
	struct control *control = context;
	int r = pluton_nv_put_async(control->pluton, PERMANENT_AREA, image, size, on_stored,
				    control, NULL);

	if (r == -PLUTON_EOFF)
		return r;
	if (r < 0) {
		tell_failing(control, pluton_error_message(control->pluton));
		retry_later(control);
		return r;
	}
	control->storing = generation;
	arm(control->hung, (uint64_t)STORE_TIMEOUT_MS * 1000);
	return 0;
}

static void store_next(struct control *control)
{
	if (control->greeted)
		(void)store_take(control->tpm->store, begin_store, control);
}

static int on_wanted(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	(void)revents;
	drain(fd);
	store_next(userdata);
	return 0;
}

/* --- new channels ---------------------------------------------------------------------------- */

static void accept_more(struct control *control);

static void on_accepted(struct pluton *pluton, int status, int fd,
			const struct pluton_app_peer *peer, void *userdata)
{
	struct control *control = userdata;

	control->accepts--;
	if (status == 0) {
		clients_add(control->tpm->clients, fd, peer);
		accept_more(control);
		return;
	}
	if (status == -PLUTON_EOFF)
		return;
	log_event(PLUTON_LOG_WARNING, LOG_NO_FIELDS, "no new clients: %s",
		  pluton_error_message(pluton));
	retry_later(control);
}

static void accept_more(struct control *control)
{
	int r = 0;

	if (!control->is_ready || !control->greeted || control->stopping)
		return;
	while (r == 0 && control->accepts < ACCEPTS) {
		r = pluton_app_accept_async(control->pluton, on_accepted, control, NULL);
		if (r == 0)
			control->accepts++;
	}
	if (r < 0 && r != -PLUTON_EOFF)
		retry_later(control);
}

/* --- the service manager --------------------------------------------------------------------- */

/*
 * The snapshot into the store of descriptors, where one that is there already is not added again.
 * That of a life before must go: two of them, and the next start had to guess.
 */
static void notify_kept(struct control *control)
{
	int fd = snapshot_fd(control->tpm->snapshot);

	if (control->tpm->outcome != LIBRARY_RESUMED && !control->is_ready)
		(void)sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=" SNAPSHOT_NAME);
	(void)sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=" SNAPSHOT_NAME, &fd, 1);
}

/* Whoever waits for the app finds its name on the bus, if it can be there at all. */
static void notify_ready(void *context)
{
	struct control *control = context;

	if (!control->is_ready || control->stopping || !bus_is_settled(control->bus))
		return;
	(void)sd_notify(0, "READY=1\nSTATUS=powered on");
	control->told_ready = true;
}

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct control *control = userdata;

	(void)source;
	(void)revents;
	drain(fd);
	notify_kept(control);
	control->is_ready = true;
	accept_more(control);
	if (control->bus)
		bus_start(control->bus);
	else
		notify_ready(control);
	return 0;
}

void control_ready(void *context)
{
	struct control *control = context;

	signal_fd(control->ready_fd);
}

/*
 * Alive is a TPM whose loop turns when it is woken, or that has a long command for not too long.
 * One that ends turns no more, and has a deadline of its own (TimeoutStopSec=, stop_timeout).
 */
static bool is_alive(struct control *control)
{
	uint64_t turns = atomic_load(&control->tpm->turns);
	uint64_t since = atomic_load(&control->tpm->long_since);
	bool turned = turns != control->turns_seen;

	control->turns_seen = turns;
	return turned || control->stopping ||
	       (since != 0 && tpm_now_ms() - since < LONG_COMMAND_MAX_MS);
}

static int on_watchdog(sd_event_source *source, uint64_t now, void *userdata)
{
	struct control *control = userdata;

	(void)now;
	if (is_alive(control))
		(void)sd_notify(0, "WATCHDOG=1");
	clients_wake(control->tpm->clients);
	arm(source, control->watchdog_us / 4);
	return 0;
}

static void end(struct control *control)
{
	control->stopping = true;
	tpm_stop(control->tpm);
}

/* The last who asks says whether it is to begin anew. */
static void end_as_asked(struct control *control, bool restart)
{
	if (!control->stopping)
		(void)sd_notify(0, "STOPPING=1\nSTATUS=powering off");
	atomic_store(&control->restart, restart);
	end(control);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)source;
	(void)info;
	end_as_asked(userdata, false);
	return 0;
}

/* Whoever asks for us is up: no need to wait. */
static void come(struct control *control)
{
	if (!control->pluton)
		arm(control->retry, 0);
}

/*
 * To systemd an end before READY=1 is a failed start whatever the status (Result=protocol), and it
 * would start us again. Of READY=1 and STOPPING=1 in one message it takes the last only.
 */
static void end_by_word(struct control *control, bool restart)
{
	if (!control->told_ready)
		(void)sd_notify(0, "READY=1");
	control->told_ready = true;
	end_as_asked(control, restart);
}

static void on_word(void *context, enum word word)
{
	if (word == WORD_COME)
		come(context);
	else
		end_by_word(context, word == WORD_RESTART);
}

/* --- plutond --------------------------------------------------------------------------------- */

/* Callbacks of what was under way have run, or never will. */
static void disconnect(struct control *control)
{
	sd_event_source_disable_unref(control->connection);
	control->connection = NULL;
	pluton_close(control->pluton);
	control->pluton = NULL;
	control->greeted = false;
	control->accepts = 0;
	if (control->storing != 0)
		end_store(control, -PLUTON_EOFF);
}

static void take_greeting(struct control *control)
{
	control->greeted = true;
	atomic_store(&control->tpm->alone_since, 0);
	disarm(control->orphan);
	log_event(PLUTON_LOG_INFO, LOG_NO_FIELDS, "plutond is back");
	if (control->is_ready && !control->stopping)
		notify_kept(control); /* before READY: who waits for that may kill us then */
	notify_ready(control);
	accept_more(control);
	store_next(control);
}

static void lose_connection(struct control *control, int error)
{
	bool refused = error != -PLUTON_EOFF;

	if (refused && !control->refused)
		log_event(PLUTON_LOG_WARNING, LOG_NO_FIELDS,
			  "plutond does not take this TPM in: %s (asked again in %u s, or when it "
			  "calls)",
			  pluton_error_message(control->pluton), RETRY_REFUSED_MS / 1000);
	control->refused = refused;
	if (control->greeted) {
		log_event(PLUTON_LOG_INFO, LOG_NO_FIELDS, "plutond is gone: %s",
			  pluton_error_message(control->pluton));
		atomic_store(&control->tpm->alone_since, tpm_now_ms());
		if (!control->words) /* else systemd says when to end */
			arm(control->orphan, (uint64_t)CONTROL_ORPHAN_MS * 1000);
		control->retry_ms = RETRY_FIRST_MS;
	}
	disconnect(control);
	if (refused) /* each try can be a start of plutond's, in vain */
		arm(control->retry, (uint64_t)RETRY_REFUSED_MS * 1000);
	else
		retry_later(control);
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct control *control = userdata;
	int r = pluton_dispatch(control->pluton);

	(void)source;
	(void)fd;
	(void)revents;
	if (r < 0)
		lose_connection(control, r);
	else if (!control->greeted && control->pluton->greeted)
		take_greeting(control);
	return 0;
}

/* What is wanted of the socket depends on what was called since the last time. */
static int before_waiting(sd_event_source *source, void *userdata)
{
	struct control *control = userdata;
	short events = pluton_get_events(control->pluton);

	return sd_event_source_set_io_events(source, (uint32_t)((events & POLLIN ? EPOLLIN : 0) |
								(events & POLLOUT ? EPOLLOUT : 0)));
}

static int attach_connection(struct control *control)
{
	int r = sd_event_add_io(control->event, &control->connection,
				pluton_get_fd(control->pluton), EPOLLIN, on_connection, control);

	if (r >= 0)
		r = sd_event_source_set_prepare(control->connection, before_waiting);
	return r;
}

/*
 * Begins to connect; on_connection sees the greeting. A connection over a descriptor of ours stays
 * lost when it is lost: when to try again, and what to send first then, is decided here.
 */
static int begin_connection(const char *address, struct pluton **ret)
{
	char message[256];
	int fd = open_socket(pluton_default_address(address), OPEN_TIMEOUT_MS, message,
			     sizeof(message));
	int r = fd < 0 ? fd : connection_begin(fd, ret, message, sizeof(message));

	if (r < 0)
		return r;
	r = open_settled(*ret);
	if (r < 0)
		pluton_close(*ret);
	return r;
}

static void reconnect(struct control *control)
{
	if (begin_connection(control->address, &control->pluton) < 0) {
		control->pluton = NULL;
		retry_later(control);
	} else if (attach_connection(control) < 0) {
		disconnect(control);
		retry_later(control);
	}
}

static int on_orphan(sd_event_source *source, uint64_t now, void *userdata)
{
	struct control *control = userdata;

	(void)source;
	(void)now;
	log_event(PLUTON_LOG_ERROR, LOG_NO_FIELDS,
		  "no plutond at %s for %u seconds: ending, as nobody can reach this TPM",
		  pluton_default_address(control->address), CONTROL_ORPHAN_MS / 1000);
	end(control);
	return 0;
}

/* Whatever did not work is tried again. */
static int on_retry(sd_event_source *source, uint64_t now, void *userdata)
{
	struct control *control = userdata;

	(void)source;
	(void)now;
	if (!control->pluton)
		reconnect(control);
	accept_more(control);
	store_next(control);
	return 0;
}

/* The answer will come, or the connection will end; until then others are to know. */
static int on_hung(sd_event_source *source, uint64_t now, void *userdata)
{
	(void)source;
	(void)now;
	tell_failing(userdata, "plutond does not answer");
	return 0;
}

/* --- long commands --------------------------------------------------------------------------- */

static void attend(struct control *control)
{
	if (control->stopping)
		clients_cancel_all(control->tpm->clients);
	switch (clients_attend(control->tpm->clients, library_cancel)) {
	case CLIENTS_NOT_OURS:
		sd_event_source_set_enabled(control->clients, SD_EVENT_OFF);
		disarm(control->canceller);
		break;
	case CLIENTS_ATTENDED:
		sd_event_source_set_enabled(control->clients, SD_EVENT_ON);
		break;
	case CLIENTS_CANCEL:
		sd_event_source_set_enabled(control->clients, SD_EVENT_ON);
		arm(control->canceller, CANCEL_INTERVAL_US);
		break;
	}
}

static int on_delegation(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	(void)revents;
	drain(fd);
	attend(userdata);
	return 0;
}

static int on_clients(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	(void)fd;
	(void)revents;
	attend(userdata);
	return 0;
}

static int on_canceller(sd_event_source *source, uint64_t now, void *userdata)
{
	(void)source;
	(void)now;
	attend(userdata);
	return 0;
}

/* --- start and end --------------------------------------------------------------------------- */

static int on_stop(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)fd;
	(void)revents;
	(void)userdata;
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int add_timer(struct control *control, sd_event_source **ret, sd_event_time_handler_t run)
{
	int r = sd_event_add_time_relative(control->event, ret, CLOCK_MONOTONIC, 0, 1, run,
					   control);

	return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

static int add_descriptor(struct control *control, sd_event_source **ret, int fd,
			  sd_event_io_handler_t run)
{
	return sd_event_add_io(control->event, ret, fd, EPOLLIN, run, control);
}

static int add_timers(struct control *control)
{
	int r = add_timer(control, &control->canceller, on_canceller);

	if (r >= 0)
		r = add_timer(control, &control->retry, on_retry);
	if (r >= 0)
		r = add_timer(control, &control->hung, on_hung);
	if (r >= 0)
		r = add_timer(control, &control->orphan, on_orphan);
	if (r >= 0)
		r = add_timer(control, &control->watchdog, on_watchdog);
	return r;
}

static int add_descriptors(struct control *control)
{
	struct tpm *tpm = control->tpm;
	int r = add_descriptor(control, NULL, clients_delegation_fd(tpm->clients), on_delegation);

	if (r >= 0)
		r = add_descriptor(control, &control->clients, clients_event_fd(tpm->clients),
				   on_clients);
	if (r >= 0)
		r = sd_event_source_set_enabled(control->clients, SD_EVENT_OFF);
	if (r >= 0)
		r = add_descriptor(control, NULL, tpm->store->wanted_fd, on_wanted);
	if (r >= 0)
		r = add_descriptor(control, NULL, control->ready_fd, on_ready);
	if (r >= 0)
		r = add_descriptor(control, NULL, control->stop_fd, on_stop);
	if (r >= 0)
		r = sd_event_add_signal(control->event, NULL, SIGTERM, on_signal, control);
	if (r >= 0)
		r = sd_event_add_signal(control->event, NULL, SIGINT, on_signal, control);
	return r;
}

static int open_bus(struct control *control)
{
	const struct tpm *tpm = control->tpm;
	const struct bus_options options = {
		.bus = getenv("PLUTON_BUS"),
		.instance = tpm->options.instance,
		.library = library_name(),
		.names_max = tpm->options.connections_max,
		.clients = tpm->clients,
		.event = control->event,
		.settled = notify_ready,
		.context = control,
	};

	return bus_new(&options, &control->bus);
}

static int prepare(struct control *control, int listener)
{
	int r = sd_event_new(&control->event);

	if (r >= 0 && listener >= 0)
		r = words_new(control->event, listener, on_word, control, &control->words);
	else if (listener >= 0)
		close(listener);
	if (r >= 0)
		r = add_timers(control);
	if (r >= 0)
		r = add_descriptors(control);
	if (r >= 0)
		r = attach_connection(control);
	if (r >= 0)
		r = open_bus(control);
	if (r >= 0 && sd_watchdog_enabled(0, &control->watchdog_us) > 0)
		arm(control->watchdog, control->watchdog_us / 4);
	return r;
}

static void *run(void *context)
{
	struct control *control = context;
	int r = sd_event_loop(control->event);

	if (r < 0)
		log_event(PLUTON_LOG_ERROR, LOG_NO_FIELDS, "the control thread failed: %s",
			  strerror(-r));
	return NULL;
}

static void control_free(struct control *control)
{
	sd_event_source_disable_unref(control->connection);
	sd_event_source_disable_unref(control->clients);
	sd_event_source_disable_unref(control->canceller);
	sd_event_source_disable_unref(control->retry);
	sd_event_source_disable_unref(control->hung);
	sd_event_source_disable_unref(control->orphan);
	sd_event_source_disable_unref(control->watchdog);
	words_free(control->words);
	bus_free(control->bus);
	sd_event_unref(control->event);
	pluton_close(control->pluton);
	if (control->ready_fd >= 0)
		close(control->ready_fd);
	if (control->stop_fd >= 0)
		close(control->stop_fd);
	free(control);
}

int control_start(struct pluton *pluton, int listener, const char *address, struct tpm *tpm,
		  struct control **ret)
{
	struct control *control = calloc(1, sizeof(*control));

	if (!control) {
		if (listener >= 0)
			close(listener);
		pluton_close(pluton);
		return -PLUTON_ENOMEM;
	}
	*control = (struct control){
		.address = address,
		.tpm = tpm,
		.pluton = pluton,
		.greeted = true,
		.retry_ms = RETRY_FIRST_MS,
		.ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	if (prepare(control, listener) < 0 || control->ready_fd < 0 || control->stop_fd < 0 ||
	    pthread_create(&control->thread, NULL, run, control) != 0) {
		log_event(PLUTON_LOG_ERROR, LOG_NO_FIELDS, "the control thread does not start");
		control_free(control);
		return -PLUTON_ENOMEM;
	}
	*ret = control;
	return 0;
}

bool control_is_to_restart(struct control *control)
{
	return atomic_load(&control->restart);
}

void control_stop(struct control *control)
{
	if (!control)
		return;
	signal_fd(control->stop_fd);
	pthread_join(control->thread, NULL);
	control_free(control);
}

static void fill_with_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGINT);
}

int control_block_signals(void)
{
	sigset_t signals;

	fill_with_signals(&signals);
	return pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0 ? 0 : -PLUTON_EFAIL;
}

/* --- the first connection -------------------------------------------------------------------- */

/* true: a signal came, which nobody else waits for yet. */
static bool pause_or_end(void)
{
	const struct timespec pause = {.tv_nsec = 100000000};
	sigset_t signals;

	fill_with_signals(&signals);
	return sigtimedwait(&signals, NULL, &pause) > 0;
}

static bool is_worth_waiting(int error)
{
	return error == -PLUTON_EOFF || error == -PLUTON_EBUSY || error == -PLUTON_ENOMEM ||
	       error == -PLUTON_EFAIL;
}

static int open_first(const char *address, struct pluton **ret)
{
	uint64_t deadline = tpm_now_ms() + CONTROL_ORPHAN_MS;
	char message[256];
	int r = 0;

	for (;;) {
		/* One that cannot start is not asked to over and over again. */
		if (r != -PLUTON_EFAIL)
			r = pluton_open_explained(address, ret, message, sizeof(message));
		if (!is_worth_waiting(r) || tpm_now_ms() >= deadline)
			break;
		if (pause_or_end())
			return -PLUTON_ECANCEL;
	}
	if (r == -PLUTON_ENODEVICE)
		log_event(
			PLUTON_LOG_ERROR, LOG_FIELDS(LOG_MESSAGE_ID(TPMD_ID_REFUSED)),
			"plutond knows of no app that this program is: mend its file in app.d, or "
			"stop and disable this unit; plutond said: %s",
			message);
	else if (r < 0)
		log_event(PLUTON_LOG_ERROR, LOG_NO_FIELDS, "no plutond: %s", message);
	return r;
}

/* Only "no such area" means that there is none; nothing is made in its place for anything else. */
static int refuse_area(const struct pluton *pluton, int error)
{
	log_event(PLUTON_LOG_ERROR, LOG_FIELDS(LOG_MESSAGE_ID(TPMD_ID_REFUSED)),
		  "the area \"" PERMANENT_AREA "\" with the permanent state cannot be read: %s; "
		  "mend that, or restore a backup; nothing was changed",
		  pluton_error_message(pluton));
	return error == -PLUTON_EOFF || error == -PLUTON_ENOMEM ? -PLUTON_EOFF : -PLUTON_EINVAL;
}

int control_connect(const char *address, struct pluton **ret, uint8_t **ret_area, size_t *ret_size)
{
	void *area = NULL;
	size_t size = 0;
	int r = open_first(address, ret);

	if (r == -PLUTON_ENODEVICE)
		return -PLUTON_EINVAL;
	if (r < 0)
		return r == -PLUTON_ECANCEL ? r : -PLUTON_EOFF;
	r = pluton_nv_get(*ret, PERMANENT_AREA, &area, &size);
	if (r < 0 && r != -PLUTON_ENODEVICE) {
		r = refuse_area(*ret, r);
		pluton_close(*ret);
		return r;
	}
	(void)pluton_set_reconnect(*ret, 0);
	*ret_area = area;
	*ret_size = size;
	return 0;
}
