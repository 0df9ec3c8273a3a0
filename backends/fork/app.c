/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that changes an app's state. The rule a newcomer would break first: a process is
 * gone when its pidfd says so, not when it was told to go.
 */
#include "backends/fork/app.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "backends/fork/launch.h"
#include "backends/fork/runfile.h"

#define END_MS 5000 /* how long the daemon's end waits for what it has killed */

static void start_attempt(struct app *app);

static const char *name_of(const struct app *app)
{
	return app->entry.definition->name;
}

static void tell(struct app *app, enum app_event event)
{
	roster_tell(&app->entry, event);
	app->host->changed(app->host);
}

static void arm(struct app *app, uint64_t after_ms)
{
	struct timeval after = roster_after(after_ms);

	event_add(&app->timer, &after);
}

static void disarm(struct app *app)
{
	event_del(&app->timer);
}

static void send_signal(const struct app *app, int number)
{
	(void)syscall(SYS_pidfd_send_signal, app->process.pidfd, number, NULL, 0);
}

/* From now on it is on its way out, and has stop_timeout for that. */
static void begin_end(struct app *app, enum app_cause cause, int number)
{
	app->cause = cause;
	roster_set_state(&app->entry, APP_STOPPING);
	if (number)
		send_signal(app, number);
	arm(app, app->in_force->stop_timeout_ms);
}

/* --- after a process, or without one --------------------------------------------------------- */

/* It waits for its back-off, and is then started. */
static void wait_for_back_off(struct app *app)
{
	uint64_t now = roster_now_ms();

	roster_set_state(&app->entry, APP_WAITING);
	arm(app, app->entry.not_before_ms > now ? app->entry.not_before_ms - now : 0);
}

/* What an end that nobody asked for says about the next start. */
enum end_kind {
	END_CLEAN,
	END_FAILED,
	END_HOPELESS, /* EX_CONFIG of sysexits(3): only a person can mend it */
};

static bool is_started_again(const struct app *app, bool clean)
{
	if (app->entry.roster->closing || app->entry.gone)
		return false;
	return app->again || app->entry.definition->restart == DEFINITION_RESTART_ALWAYS ||
	       (app->entry.definition->restart == DEFINITION_RESTART_ON_FAILURE && !clean);
}

static void settle_failure(struct app *app, uint32_t pid, enum end_kind kind)
{
	bool clean = kind == END_CLEAN;
	char when[40] = "";

	app->entry.failures++;
	app->entry.not_before_ms = roster_now_ms() + roster_back_off_ms(&app->entry, app->in_force);
	if (kind != END_HOPELESS && is_started_again(app, clean)) {
		wait_for_back_off(app);
		snprintf(when, sizeof(when), "; again in %llu ms",
			 (unsigned long long)roster_back_off_ms(&app->entry, app->in_force));
	} else {
		roster_set_state(&app->entry, clean ? APP_STOPPED : APP_FAILED);
	}
	app->again = false;
	roster_say(app->entry.roster, clean ? PLUTON_LOG_INFO : PLUTON_LOG_WARNING, name_of(app),
		   pid, "an app %s%s", app->entry.reason, when);
}

/* Nothing was executed, and trying again would not change that. */
static void fail_for_good(struct app *app)
{
	program_close(&app->program);
	app->entry.failures++;
	app->again = false;
	app->entry.not_before_ms = roster_now_ms() + roster_back_off_ms(&app->entry, app->in_force);
	roster_set_state(&app->entry, APP_FAILED);
	roster_say(app->entry.roster, PLUTON_LOG_ERROR, name_of(app), 0,
		   "an app cannot be started: %s", app->entry.reason);
	tell(app, APP_STARTS_NOT);
}

static void settle_stopped(struct app *app)
{
	fdstore_empty(&app->store, &app->host->closer);
	roster_forgive(&app->entry);
	app->entry.reason[0] = '\0';
	roster_set_state(&app->entry, APP_STOPPED);
	tell(app, APP_ENDED);
}

/* --- how a process ended --------------------------------------------------------------------- */

static void describe_status(struct app *app, const siginfo_t *info)
{
	char *reason = app->entry.reason;
	const char *limit = app->in_force->memory_max ? " (memory_max?)" : "";
	const char *what;
	int number = 0;

	what = spawn_failure(&app->process, &number);
	if (what)
		snprintf(reason, sizeof(app->entry.reason),
			 "was not executed, %s: %s; correct its file", what, strerror(number));
	else if (info->si_pid == 0)
		snprintf(reason, sizeof(app->entry.reason), "ended; its messages may say why");
	else if (info->si_code == CLD_EXITED && info->si_status == EX_CONFIG)
		snprintf(reason, sizeof(app->entry.reason),
			 "ended with status 78, its configuration or state is wrong; its messages "
			 "say more");
	else if (info->si_code == CLD_EXITED)
		snprintf(reason, sizeof(app->entry.reason),
			 "ended with status %d%s; its messages say why", info->si_status,
			 info->si_status ? limit : "");
	else
		snprintf(reason, sizeof(app->entry.reason),
			 "ended by signal %d, %s%s; see its messages", info->si_status,
			 sigdescr_np(info->si_status), limit);
}

static void describe_end(struct app *app, const siginfo_t *info)
{
	const struct definition *definition = app->in_force;

	switch (app->cause) {
	case CAUSE_LATE:
		snprintf(app->entry.reason, sizeof(app->entry.reason),
			 "did not say READY=1 in %llu ms; mend it, or raise start_timeout",
			 (unsigned long long)definition->start_timeout_ms);
		break;
	case CAUSE_HUNG:
		snprintf(app->entry.reason, sizeof(app->entry.reason),
			 "said no WATCHDOG=1 for %llu ms; mend it, or raise watchdog",
			 (unsigned long long)definition->watchdog_ms);
		break;
	default:
		describe_status(app, info);
		break;
	}
}

/* What it forked is in its session and must not outlive it. Before the pid can be another's. */
static void end_group(const struct app *app)
{
	if (!app->adopted)
		(void)kill(-app->process.pid, SIGKILL);
}

static void forget_process(struct app *app)
{
	event_del(&app->ended);
	disarm(app);
	close(app->process.pidfd);
	if (app->process.gate >= 0)
		close(app->process.gate);
	app->process = (struct spawned){.pidfd = -1, .gate = -1};
	app->adopted = false;
	runfile_remove(app->host->runs, name_of(app));
}

static void settle_end(struct app *app, uint32_t pid, const siginfo_t *info)
{
	bool exited =
		app->cause == CAUSE_ITSELF && info->si_pid != 0 && info->si_code == CLD_EXITED;
	enum end_kind kind = !exited			    ? END_FAILED
			     : info->si_status == 0	    ? END_CLEAN
			     : info->si_status == EX_CONFIG ? END_HOPELESS
							    : END_FAILED;
	bool ran_well = app->ready &&
			roster_now_ms() - app->ready_ms >= app->in_force->restart_delay_max_ms;
	bool was_ready = app->ready;

	if (ran_well)
		app->entry.failures = 0;
	settle_failure(app, pid, kind);
	if (!was_ready || app->entry.state != APP_WAITING)
		tell(app, APP_STARTS_NOT);
}

static void on_ended(evutil_socket_t fd, short events, void *context)
{
	struct app *app = context;
	siginfo_t info = {0};
	uint32_t pid = (uint32_t)app->process.pid;

	(void)events;
	app->host->listen(app->host); /* its last words came before its end */
	end_group(app);
	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) < 0)
		info.si_pid = 0; /* an adopted one is not ours to wait for */
	describe_end(app, &info);
	forget_process(app);
	if (app->cause == CAUSE_RESTARTED && !app->entry.roster->closing) {
		roster_say(app->entry.roster, PLUTON_LOG_INFO, name_of(app), pid,
			   "an app ended, to be restarted");
		tell(app, APP_ENDED);
		start_attempt(app);
	} else if (app->cause == CAUSE_STOPPED || app->entry.roster->closing) {
		roster_say(app->entry.roster, PLUTON_LOG_INFO, name_of(app), pid,
			   "an app stopped, as asked");
		settle_stopped(app);
		if (app->again)
			start_attempt(app);
	} else {
		settle_end(app, pid, &info);
	}
}

/* --- starting -------------------------------------------------------------------------------- */

static int watch(struct app *app)
{
	event_assign(&app->ended, app->entry.roster->environment->base, app->process.pidfd, EV_READ,
		     on_ended, app);
	return event_add(&app->ended, NULL);
}

static void begin(struct app *app)
{
	program_close(&app->program);
	app->cause = CAUSE_ITSELF;
	app->ready = false;
	app->store_was_full = false;
	if (watch(app) < 0)
		roster_say(app->entry.roster, PLUTON_LOG_ERROR, name_of(app),
			   (uint32_t)app->process.pid,
			   "the end of an app will not be seen: no memory");
	arm(app, app->in_force->start_timeout_ms);
}

static void start_process(struct app *app)
{
	int r = launch(app->host, app->in_force, &app->program, &app->store, &app->process,
		       app->entry.reason, sizeof(app->entry.reason));

	if (r < 0) {
		/* For want of something that may be there again in a moment. */
		app->process = (struct spawned){.pidfd = -1, .gate = -1};
		program_close(&app->program);
		settle_failure(app, 0, END_FAILED);
		tell(app, APP_STARTS_NOT);
		return;
	}
	begin(app);
	app->entry.starts++;
	roster_say(app->entry.roster, PLUTON_LOG_INFO, name_of(app), (uint32_t)app->process.pid,
		   "an app was started");
}

static void on_check(struct deferred_call *call)
{
	struct app *app = (struct app *)(void *)((char *)call - offsetof(struct app, check));
	int r = program_check(&app->program, app->in_force, app->entry.reason,
			      sizeof(app->entry.reason));

	if (r > 0)
		deferred_call_set(call);
	else if (r < 0 || (app->entry.gone && !roster_may_start(&app->entry)))
		fail_for_good(app);
	else
		start_process(app);
}

static void adopt(struct app *app, const struct runfile_process *found)
{
	app->process = (struct spawned){
		.pid = found->pid, .pidfd = found->pidfd, .gate = -1, .uid = found->uid};
	app->adopted = true;
	app->entry.reason[0] = '\0';
	roster_set_state(&app->entry, APP_STARTING);
	begin(app);
	roster_say(app->entry.roster, PLUTON_LOG_INFO, name_of(app), (uint32_t)found->pid,
		   "an app of an earlier plutond was taken over");
}

/* 0: nothing of an earlier plutond runs. Negative: that is not known, so nothing is started. */
static int try_to_adopt(struct app *app)
{
	struct runfile_process found;
	int r = runfile_find(app->host->runs, name_of(app), &found);

	app->unsure = r < 0;
	if (r > 0) {
		adopt(app, &found);
	} else if (r < 0) {
		snprintf(app->entry.reason, sizeof(app->entry.reason),
			 "may still run, its run file cannot tell: %.28s; mend that, then start",
			 strerror(-r));
		fail_for_good(app);
	}
	return r;
}

static void start_attempt(struct app *app)
{
	disarm(app);
	app->again = false;
	if (app->unsure && try_to_adopt(app) != 0)
		return;
	definition_release(app->in_force);
	app->in_force = definition_hold(app->entry.definition);
	roster_set_state(&app->entry, APP_STARTING);
	if (!roster_may_start(&app->entry) ||
	    program_open(&app->program, app->in_force,
			 (const char *const *)app->host->program_folders, app->entry.reason,
			 sizeof(app->entry.reason)) < 0)
		fail_for_good(app);
	else if (app->in_force->hashed)
		deferred_call_set(&app->check);
	else
		start_process(app);
}

/* --- time ------------------------------------------------------------------------------------ */

static void on_timer(evutil_socket_t fd, short events, void *context)
{
	struct app *app = context;

	(void)fd;
	(void)events;
	switch (app->entry.state) {
	case APP_STARTING:
		begin_end(app, CAUSE_LATE, SIGTERM);
		break;
	case APP_RUNNING:
		begin_end(app, CAUSE_HUNG, SIGABRT);
		break;
	case APP_STOPPING:
		roster_say(app->entry.roster, PLUTON_LOG_WARNING, name_of(app),
			   (uint32_t)app->process.pid,
			   "an app did not end within stop_timeout: killed");
		send_signal(app, SIGKILL);
		break;
	case APP_WAITING:
		start_attempt(app);
		break;
	case APP_STOPPED:
	case APP_FAILED:
		break;
	}
}

/* --- what is asked for ----------------------------------------------------------------------- */

void app_start(struct app *app)
{
	roster_forgive(&app->entry);
	if (app->entry.state == APP_RUNNING)
		tell(app, APP_RUNS);
	else if (app->entry.roster->closing || app->entry.gone)
		tell(app, APP_STARTS_NOT);
	else if (app->entry.state == APP_STOPPING)
		app->again = true;
	else if (app->entry.state != APP_STARTING)
		start_attempt(app);
}

void app_demand(struct app *app)
{
	if (app->entry.state == APP_RUNNING)
		tell(app, APP_RUNS);
	else if (app->entry.state == APP_STARTING || app->entry.state == APP_WAITING)
		return;
	else if (!roster_may_demand(&app->entry))
		tell(app, APP_STARTS_NOT);
	else if (app->entry.state == APP_STOPPING)
		app->again = true;
	else if (app->entry.not_before_ms > roster_now_ms())
		wait_for_back_off(app);
	else
		start_attempt(app);
}

static void give_up_start(struct app *app)
{
	disarm(app);
	deferred_call_drop(&app->check);
	program_close(&app->program);
}

void app_stop(struct app *app)
{
	bool asked = app->entry.state == APP_STOPPING && app->cause == CAUSE_STOPPED;

	app->again = false;
	tell(app, APP_OVERTAKEN);
	if (asked)
		return;
	if (app->unsure)
		(void)try_to_adopt(app);
	if (app->process.pid) {
		begin_end(app, CAUSE_STOPPED, SIGTERM);
		return;
	}
	give_up_start(app);
	settle_stopped(app);
}

/* Who has been told that it stops must find it stopped: what it stored goes all the same. */
static void restart_after_end(struct app *app)
{
	if (app->cause == CAUSE_STOPPED)
		app->again = true;
	else
		app->cause = CAUSE_RESTARTED;
}

void app_restart(struct app *app)
{
	roster_forgive(&app->entry);
	app->again = false;
	if (app->entry.roster->closing) {
		tell(app, APP_STARTS_NOT);
		return;
	}
	if (app->entry.gone) { /* what runs is all there will be: a stop can still end it */
		tell(app, APP_STARTS_NOT);
		return;
	}
	if (app->entry.state == APP_STOPPING) {
		restart_after_end(app);
		return;
	}
	if (app->process.pid) {
		begin_end(app, CAUSE_RESTARTED, SIGTERM);
		return;
	}
	give_up_start(app);
	roster_set_state(&app->entry, APP_STOPPED);
	app_start(app);
}

void app_kill(struct app *app)
{
	if (app->process.pid)
		send_signal(app, SIGKILL);
}

/* --- what it says ---------------------------------------------------------------------------- */

static void store_one(struct app *app, int fd, const char *name)
{
	int r = fdstore_add(&app->store, fd, name, (unsigned)app->in_force->fd_store_max,
			    &app->host->closer);

	if (r == 0 || app->store_was_full)
		return;
	app->store_was_full = true;
	roster_say(app->entry.roster, PLUTON_LOG_WARNING, name_of(app), (uint32_t)app->process.pid,
		   "an app stores more than %llu descriptors: they are closed; raise fd_store_max",
		   (unsigned long long)app->in_force->fd_store_max);
}

static void take_descriptors(struct app *app, struct notification *notification)
{
	if (!notification->store || !notification->name[0])
		return;
	for (unsigned i = 0; i < notification->count; i++) {
		store_one(app, notification->descriptors[i], notification->name);
		notification->descriptors[i] = -1;
	}
}

static void note_ready(struct app *app)
{
	app->ready = true;
	app->ready_ms = roster_now_ms();
	app->entry.reason[0] = '\0';
	roster_set_state(&app->entry, APP_RUNNING);
	if (app->in_force->watchdog_ms)
		arm(app, app->in_force->watchdog_ms);
	else
		disarm(app);
	roster_say(app->entry.roster, PLUTON_LOG_DEBUG, name_of(app), (uint32_t)app->process.pid,
		   "an app is ready");
	tell(app, APP_RUNS);
}

void app_notified(struct app *app, struct notification *notification)
{
	take_descriptors(app, notification);
	if (notification->remove && notification->name[0])
		fdstore_remove(&app->store, notification->name, &app->host->closer);
	if (notification->ready && app->entry.state == APP_STARTING)
		note_ready(app);
	if (notification->alive && app->entry.state == APP_RUNNING && app->in_force->watchdog_ms)
		arm(app, app->in_force->watchdog_ms);
	if (notification->trigger && app->entry.state == APP_RUNNING)
		begin_end(app, CAUSE_HUNG, SIGABRT);
	else if (notification->stopping &&
		 (app->entry.state == APP_RUNNING || app->entry.state == APP_STARTING))
		begin_end(app, CAUSE_ITSELF, 0);
}

/* --- itself ---------------------------------------------------------------------------------- */

struct app *app_make(struct fork_host *host, struct definition *definition)
{
	struct app *app = calloc(1, sizeof(*app));

	if (!app)
		return NULL;
	app->host = host;
	roster_enter(&app->entry, &host->roster, definition);
	app->in_force = definition_hold(definition);
	app->process = (struct spawned){.pidfd = -1, .gate = -1};
	app->program.fd = -1;
	deferred_call_init(&app->check, host->roster.environment->deferred, on_check);
	event_assign(&app->timer, host->roster.environment->base, -1, 0, on_timer, app);
	return app;
}

static void await_killed(struct app *app)
{
	struct pollfd ended = {.fd = app->process.pidfd, .events = POLLIN};
	siginfo_t info;

	app_kill(app);
	(void)poll(&ended, 1, END_MS);
	end_group(app);
	(void)waitid(P_PIDFD, (id_t)app->process.pidfd, &info, WEXITED | WNOHANG);
	forget_process(app);
}

void app_free(struct app *app)
{
	if (app->process.pid)
		await_killed(app);
	give_up_start(app);
	fdstore_empty(&app->store, &app->host->closer);
	definition_release(app->in_force);
	roster_leave(&app->entry);
	free(app);
}

void app_adopt(struct app *app)
{
	(void)try_to_adopt(app);
}

bool app_is(const struct app *app, pid_t pid)
{
	struct pollfd ended = {.fd = app->process.pidfd, .events = POLLIN};

	/* The pid of a child is its own until we have waited for it. */
	return pid > 0 && app->process.pid == pid && (!app->adopted || poll(&ended, 1, 0) == 0);
}

bool app_has_in_session(const struct app *app, pid_t pid)
{
	return pid > 0 && app->process.pid && app_is(app, getsid(pid));
}
