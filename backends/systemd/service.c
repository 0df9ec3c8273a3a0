/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that changes a service's state. The rule a newcomer would break first: whether it
 * runs is not what was asked of systemd, but whether a process of its unit has come to us and its
 * pidfd says that it lives.
 */
#include "backends/systemd/service.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/systemd/activation.h"

/*
 * With FlushPending= systemd hangs up on all who wait at the socket each time that it listens there
 * again. After one end of the service these are, at most: final-sigterm, final-sigkill, and dead or
 * auto-restart (socket_trigger_notify of systemd). Who connects after the last one stays until the
 * next process takes it. So that many are counted, however long systemd takes for them; a further
 * one was not because of that end.
 */
#define FLUSHES_MAX 3u
#define RETRY_MS 20u /* dead and auto-restart follow each other at once, and count as one */

static void start_attempt(struct service *service);
static void reach_or_fail(struct service *service);

static struct service *of_entry(struct roster_entry *entry)
{
	return (struct service *)(void *)entry;
}

static const char *name_of(const struct service *service)
{
	return service->entry.definition->name;
}

static const char *unit_of(const struct service *service)
{
	return service->in_force->unit;
}

static void tell(struct service *service, enum app_event event)
{
	roster_tell(&service->entry, event);
}

static void log_line(const struct service *service, enum pluton_log_level level, const char *what)
{
	roster_say(service->entry.roster, level, name_of(service), (uint32_t)service->pid, "%s%s",
		   what, service->entry.reason);
}

__attribute__((format(printf, 2, 3))) static void set_reason(struct service *service,
							     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(service->entry.reason, sizeof(service->entry.reason), format, args);
	va_end(args);
}

static void enforce(struct service *service, struct definition *definition)
{
	definition_hold(definition);
	definition_release(service->in_force);
	service->in_force = definition;
}

static void arm(struct event *timer, uint64_t after_ms)
{
	struct timeval after = roster_after(after_ms);

	event_add(timer, &after);
}

/* "10 s" or "250 ms". */
static const char *duration(uint64_t ms, char *buf, size_t size)
{
	if (ms % 1000 == 0)
		snprintf(buf, size, "%llu s", (unsigned long long)ms / 1000);
	else
		snprintf(buf, size, "%llu ms", (unsigned long long)ms);
	return buf;
}

/* --- its socket ------------------------------------------------------------------------------ */

static void hang_up(struct service *service)
{
	event_del(&service->retry);
	if (service->connection < 0)
		return;
	event_del(&service->hung_up);
	close(service->connection);
	service->connection = -1;
}

static bool nobody_listens(int error)
{
	return error == -ENOENT || error == -ECONNREFUSED;
}

static void describe_unreachable(struct service *service, int error)
{
	int stem = (int)(strlen(unit_of(service)) - strlen(".service"));

	if (nobody_listens(error))
		set_reason(service, "nobody listens: systemctl start %.*s.socket", stem,
			   unit_of(service));
	else
		set_reason(service, "its activation socket: %.40s: systemctl status %.*s.socket",
			   strerror(-error), stem, unit_of(service));
}

static int say(struct service *service)
{
	if (service->entry.state != APP_STOPPING)
		return 0;
	return activation_say(service->connection,
			      service->wish == WISH_RESTART ? ACTIVATION_RESTART : ACTIVATION_STOP);
}

static void on_hung_up(evutil_socket_t fd, short events, void *context);

/* Asks it to come, or says what is wished. Negative: the reason says why that cannot be. */
static int reach(struct service *service)
{
	int r = activation_connect(service->in_force->activation);

	hang_up(service);
	if (r >= 0 || r == -EAGAIN)
		service->due = true;
	/* So many wait there that systemd knows, or the app will when it looks. */
	if (r == -EAGAIN && service->entry.state == APP_STARTING)
		return 0;
	if (r >= 0) {
		service->connection = r;
		event_assign(&service->hung_up, service->entry.roster->environment->base, r,
			     EV_READ | EV_PERSIST, on_hung_up, service);
		event_add(&service->hung_up, NULL);
		r = say(service);
	}
	if (r < 0) {
		hang_up(service);
		describe_unreachable(service, r);
	}
	return r;
}

/* --- what becomes of it ---------------------------------------------------------------------- */

static void fail_attempt(struct service *service)
{
	struct roster_entry *entry = &service->entry;

	hang_up(service);
	event_del(&service->deadline);
	service->again = false;
	entry->failures++;
	entry->not_before_ms = roster_now_ms() + roster_back_off_ms(entry, service->in_force);
	roster_set_state(entry, APP_FAILED);
	log_line(service, PLUTON_LOG_ERROR, "an app cannot be started: ");
	tell(service, APP_STARTS_NOT);
}

/* It was asked to stop, and goes on. */
static void fail_stop(struct service *service)
{
	struct roster_entry *entry = &service->entry;

	hang_up(service);
	event_del(&service->deadline);
	service->again = false;
	service->wish = WISH_NONE;
	roster_set_state(entry, service->pid ? APP_RUNNING : APP_FAILED);
	log_line(service, PLUTON_LOG_ERROR, "an app does not stop: ");
	tell(service, APP_ENDS_NOT);
	tell(service, service->pid ? APP_RUNS : APP_STARTS_NOT); /* who wanted it afterwards */
}

static void settle_stopped(struct service *service)
{
	service->due = false;
	service->wish = WISH_NONE;
	roster_forgive(&service->entry);
	service->entry.reason[0] = '\0';
	roster_set_state(&service->entry, APP_STOPPED);
	tell(service, APP_ENDED);
}

/* systemd starts it again, and it comes by itself. */
static void await_return(struct service *service)
{
	if (service->entry.roster->closing || service->entry.gone) {
		settle_stopped(service);
		tell(service, APP_STARTS_NOT);
		return;
	}
	tell(service, APP_ENDED);
	enforce(service, service->entry.definition);
	roster_set_state(&service->entry, APP_STARTING);
	arm(&service->deadline, service->in_force->start_timeout_ms);
}

static void settle_stop(struct service *service)
{
	hang_up(service);
	event_del(&service->deadline);
	service->entry.reason[0] = '\0';
	log_line(service, PLUTON_LOG_INFO, "an app stopped, as asked");
	settle_stopped(service);
	if (service->again)
		start_attempt(service);
}

static void settle_restart(struct service *service)
{
	hang_up(service);
	event_del(&service->deadline);
	service->wish = WISH_NONE;
	service->entry.reason[0] = '\0';
	log_line(service, PLUTON_LOG_INFO, "an app ended, to be restarted");
	await_return(service);
}

/* Which word it heeded is not known: the next process, if need be one for that, hears the last. */
static void stop_the_next(struct service *service)
{
	service->entry.reason[0] = '\0';
	log_line(service, PLUTON_LOG_INFO, "an app ended, perhaps to be restarted: stopping that");
	reach_or_fail(service);
}

static void settle_asked_end(struct service *service)
{
	bool restarts = service->restart_said && !service->entry.roster->closing;

	service->restart_said = false;
	if (service->wish == WISH_RESTART)
		settle_restart(service);
	else if (restarts)
		stop_the_next(service);
	else
		settle_stop(service);
}

static void settle_unasked_end(struct service *service)
{
	struct roster_entry *entry = &service->entry;

	service->restart_said = false;
	if (roster_now_ms() - service->came_ms >= service->in_force->restart_delay_max_ms)
		entry->failures = 0;
	entry->failures++;
	set_reason(service, "it ended; systemd may start it again: journalctl -u %s",
		   unit_of(service));
	roster_set_state(entry, APP_STOPPED);
	log_line(service, PLUTON_LOG_INFO, ""); /* whoever did it: systemctl does, too */
}

static void on_ended(evutil_socket_t fd, short events, void *context)
{
	struct service *service = context;

	(void)fd;
	(void)events;
	event_del(&service->ended);
	close(service->pidfd);
	service->pidfd = -1;
	service->pid = 0;
	service->flushes = FLUSHES_MAX;
	service->due = true;
	if (service->entry.state == APP_STOPPING)
		settle_asked_end(service);
	else
		settle_unasked_end(service);
}

/* --- time and the other side ----------------------------------------------------------------- */

static void on_deadline(evutil_socket_t fd, short events, void *context)
{
	struct service *service = context;
	const struct definition *definition = service->in_force;
	char buf[32];

	(void)fd;
	(void)events;
	if (service->entry.state == APP_STARTING) {
		set_reason(service, "did not come within %s: journalctl -u %s",
			   duration(definition->start_timeout_ms, buf, sizeof(buf)),
			   unit_of(service));
		fail_attempt(service);
	} else if (service->entry.state == APP_STOPPING) {
		set_reason(service, "did not end within %s: systemctl %s %s",
			   duration(definition->stop_timeout_ms, buf, sizeof(buf)),
			   service->pid ? "kill" : "stop", unit_of(service));
		fail_stop(service);
	}
}

static void reach_or_fail(struct service *service)
{
	int r = reach(service);

	if (r == 0)
		return;
	if (service->entry.state != APP_STOPPING)
		fail_attempt(service);
	else if (!service->pid && nobody_listens(r))
		settle_stop(service); /* its socket is stopped, or hit a limit, and it with that */
	else
		fail_stop(service);
}

static void on_retry(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	reach_or_fail(context);
}

static void settle_hung_up(struct service *service)
{
	if (service->pid)
		return; /* the pidfd tells when it has ended */
	if (service->entry.state == APP_STOPPING) {
		set_reason(service, "ended before it heard that it is to stop: systemctl stop %s",
			   unit_of(service));
		fail_stop(service);
	} else {
		set_reason(service, "ended before it came, or systemd gave up: journalctl -u %s",
			   unit_of(service));
		fail_attempt(service);
	}
}

static void on_hung_up(evutil_socket_t fd, short events, void *context)
{
	struct service *service = context;
	bool stops = service->entry.state == APP_STOPPING;
	enum activation_end end = activation_look(fd);

	(void)events;
	if (end == ACTIVATION_GOES_ON)
		return;
	hang_up(service);
	if (stops && end == ACTIVATION_HUNG_UP) {
		if (!service->pid)
			settle_asked_end(service); /* it has heard, and never came */
	} else if (service->flushes > 0) {
		service->flushes--;
		arm(&service->retry, RETRY_MS);
	} else {
		settle_hung_up(service);
	}
}

/* --- what is asked for ----------------------------------------------------------------------- */

static void start_attempt(struct service *service)
{
	service->again = false;
	enforce(service, service->entry.definition);
	roster_set_state(&service->entry, APP_STARTING);
	if (!roster_may_start(&service->entry)) {
		fail_attempt(service);
		return;
	}
	service->entry.reason[0] = '\0';
	arm(&service->deadline, service->in_force->start_timeout_ms);
	reach_or_fail(service);
}

static void start(struct roster_entry *entry)
{
	struct service *service = of_entry(entry);

	roster_forgive(entry);
	if (entry->state == APP_RUNNING)
		tell(service, APP_RUNS);
	else if (entry->roster->closing || entry->gone)
		tell(service, APP_STARTS_NOT);
	else if (entry->state == APP_STOPPING)
		service->again = true;
	else if (entry->state != APP_STARTING)
		start_attempt(service);
}

/* Each attempt that fails costs of systemd's start limit: clients use it up no faster than so. */
static bool backs_off(const struct service *service)
{
	return service->entry.state == APP_FAILED && service->entry.not_before_ms > roster_now_ms();
}

static void demand(struct roster_entry *entry)
{
	struct service *service = of_entry(entry);

	if (entry->state == APP_RUNNING)
		tell(service, APP_RUNS);
	else if (entry->state == APP_STARTING)
		return;
	else if (!roster_may_demand(entry) || backs_off(service))
		tell(service, APP_STARTS_NOT);
	else if (entry->state == APP_STOPPING)
		service->again = true;
	else
		start_attempt(service);
}

static void begin_end(struct service *service, enum service_wish wish)
{
	service->wish = wish;
	if (wish == WISH_RESTART)
		service->restart_said = true;
	if (!service->pid)
		service->flushes = FLUSHES_MAX; /* it may just have ended, unseen */
	roster_set_state(&service->entry, APP_STOPPING);
	arm(&service->deadline, service->in_force->stop_timeout_ms);
	/* One that is being started finds the word on the connection that it comes for. */
	if (service->connection < 0 || say(service) < 0)
		reach_or_fail(service);
}

/* The word would start one that systemd leaves alone. */
static bool needs_no_word(const struct service *service)
{
	const struct roster_entry *entry = &service->entry;

	return (entry->state == APP_STOPPED || entry->state == APP_FAILED) &&
	       (!service->due || entry->roster->closing);
}

static void stop(struct roster_entry *entry)
{
	struct service *service = of_entry(entry);

	if (entry->state == APP_RUNNING)
		service_notice_end(service); /* or an end from before would be taken for its own */
	service->again = false;
	tell(service, APP_OVERTAKEN);
	if (entry->state == APP_STOPPING && service->wish == WISH_STOP)
		return;
	if (needs_no_word(service))
		settle_stopped(service);
	else
		begin_end(service, WISH_STOP);
}

static void restart(struct roster_entry *entry)
{
	struct service *service = of_entry(entry);

	roster_forgive(entry);
	service->again = false;
	if (entry->roster->closing || entry->gone)
		tell(service, APP_STARTS_NOT);
	else if (entry->state == APP_RUNNING)
		begin_end(service, WISH_RESTART);
	else if (entry->state == APP_STOPPING)
		/* Who has been told that it stops must find it stopped. */
		service->again = service->wish == WISH_STOP;
	else if (entry->state != APP_STARTING)
		start_attempt(service);
}

/* --- who comes ------------------------------------------------------------------------------- */

const char *service_unit(const struct service *service)
{
	const struct roster_entry *entry = &service->entry;

	if (service->pid || entry->state == APP_STARTING || entry->state == APP_STOPPING)
		return unit_of(service);
	return entry->gone || entry->definition->problem[0] ? NULL : entry->definition->unit;
}

bool service_process_lives(int pidfd)
{
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};

	return poll(&ended, 1, 0) == 0;
}

void service_notice_end(struct service *service)
{
	if (service->pid && !service_process_lives(service->pidfd))
		on_ended(-1, 0, service);
}

static void come(struct service *service, pid_t pid, uid_t uid, int pidfd)
{
	struct roster_entry *entry = &service->entry;

	service->pid = pid;
	service->uid = uid;
	service->pidfd = pidfd;
	service->came_ms = roster_now_ms();
	event_assign(&service->ended, entry->roster->environment->base, pidfd, EV_READ, on_ended,
		     service);
	event_add(&service->ended, NULL);
	entry->starts++;
	if (entry->state == APP_STOPPING)
		return; /* what it is to do waits for it */
	if (entry->state != APP_STARTING)
		enforce(service, entry->definition);
	hang_up(service);
	event_del(&service->deadline);
	entry->reason[0] = '\0';
	roster_set_state(entry, APP_RUNNING);
	log_line(service, PLUTON_LOG_INFO, "an app has come");
	tell(service, APP_RUNS);
}

bool service_meet(struct service *service, pid_t pid, uid_t uid, int pidfd)
{
	bool is_app;

	if (!service->pid) {
		come(service, pid, uid, pidfd);
		return true;
	}
	is_app = service->pid == pid && service->uid == uid;
	close(pidfd);
	return is_app;
}

/* --- itself ---------------------------------------------------------------------------------- */

static struct roster_entry *make(struct roster *roster, struct definition *definition)
{
	struct event_base *base = roster->environment->base;
	struct service *service = calloc(1, sizeof(*service));

	if (!service)
		return NULL;
	roster_enter(&service->entry, roster, definition);
	service->in_force = definition_hold(definition);
	service->connection = -1;
	service->pidfd = -1;
	event_assign(&service->deadline, base, -1, 0, on_deadline, service);
	event_assign(&service->retry, base, -1, 0, on_retry, service);
	return &service->entry;
}

static void unmake(struct roster_entry *entry)
{
	struct service *service = of_entry(entry);

	hang_up(service);
	event_del(&service->deadline);
	if (service->pid) {
		event_del(&service->ended);
		close(service->pidfd);
	}
	definition_release(service->in_force);
	roster_leave(entry);
	free(service);
}

static uint32_t pid_of(const struct roster_entry *entry)
{
	return (uint32_t)((const struct service *)(const void *)entry)->pid;
}

const struct roster_ops service_ops = {
	.make = make,
	.free = unmake,
	.check = definition_require_unit,
	.start = start,
	.demand = demand,
	.stop = stop,
	.restart = restart,
	.pid = pid_of,
};
