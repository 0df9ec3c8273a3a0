/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assembly and its reverse. Each open_… step has its close_… in machine_close, in reverse order.
 */
#include "daemon/machine.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/apps.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/rules.h"
#include "svc/table.h"

static_assert(RECORD_TEXT_MAX + sizeof("connection refused: ") <= LOG_LAST_SIZE,
	      "a refusal that is suppressed is still told whole");

static void read_limits(const struct config *config, struct kernel_limits *ret)
{
	*ret = (struct kernel_limits){
		.pool = config->pool,
		.processes_max = config->processes_max + 1, /* index 0 is the daemon itself */
		.processes_per_user = config->processes_per_user,
		.arena_min = config->arena_min,
		.arena_limit = config->arena_limit,
		.operations_per_process = config->operations_per_process,
		.grants_per_capsule = config->grants_per_capsule,
		.windows_per_process = config->windows_per_process,
		.window_max = config->window_max,
		.windows_per_user = config->windows_per_user,
		.ring_size = ring_size_within(config->ring_size),
		.inline_max = config->inline_max,
		.deferred_budget = config->deferred_budget,
		.engine_deadline_ms = config->engine_deadline_ms,
		.greeting_timeout_ms = config->greeting_timeout_ms,
	};
}

static void on_suppressed(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	(void)context;
	log_tick();
}

static void report(void *context, const struct process_id *process, const char *message)
{
	struct machine *machine = context;
	static const struct timeval later = {10, 0};

	/* A line may be held back from now on; an idle daemon has no timer. */
	if (!event_pending(&machine->suppressed, EV_TIMEOUT, NULL))
		event_add(&machine->suppressed, &later);
	if (process)
		log_event_limited(PLUTON_LOG_WARNING,
				  LOG_FIELDS(LOG_PROCESS(process->index, process->generation)),
				  "%s", message);
	else
		log_event_limited(PLUTON_LOG_WARNING, LOG_NO_FIELDS, "%s", message);
}

/* --- capsules -------------------------------------------------------------------------------- */

/* What the configuration says for the names in the capsule's table. */
static int read_parameters(const struct config *config, const struct capsule *capsule,
			   uint64_t values[CAPSULE_PARAMETERS_MAX])
{
	for (unsigned i = 0; i < kernel_count_parameters(capsule); i++) {
		const char *name = capsule->parameters[i];
		int r = config_number(config, capsule->name, name, &values[i]);

		if (r < 0) {
			log_start_failed(
				LOG_FIELDS(LOG_TEXT("capsule", capsule->name)),
				"the configuration has no number [%s] %s, which the capsule wants",
				capsule->name, name);
			return r;
		}
	}
	return 0;
}

int machine_register(struct machine *machine, const struct capsule *capsule)
{
	uint64_t parameters[CAPSULE_PARAMETERS_MAX] = {0};
	struct hil_port ports[4] = {0};
	struct driver *driver;
	int r = read_parameters(machine->config, capsule, parameters);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < capsule->ports; i++)
		ports[i] = machine->engines.ports[capsule->port_kinds[i]];
	r = kernel_register(&machine->kernel, capsule, ports, &driver);
	if (r < 0)
		log_start_failed(LOG_FIELDS(LOG_TEXT("capsule", capsule->name)),
				 "the capsule %s cannot be registered (%s)", capsule->name,
				 pluton_error_name(r));
	else
		kernel_set_parameters(driver, parameters);
	return r;
}

static int register_capsules(struct machine *machine)
{
	int r = machine_register(machine, &manager_capsule);

	for (const struct capsule *const *c = capsule_table; *c && r == 0; c++)
		r = machine_register(machine, *c);
	return r;
}

static void use_rules(struct machine *machine, struct access_entry *entries, size_t count)
{
	free(machine->rules);
	machine->rules = entries;
	machine->channel.rules = entries;
	machine->channel.rule_count = count;
	rules_advise(machine->config, machine->channel.advice, sizeof(machine->channel.advice));
}

static int make_rules(struct machine *machine)
{
	struct access_entry *entries;
	struct config_error error;
	size_t count;
	int r = rules_make(machine->config, &machine->kernel, &entries, &count, &error);

	if (r < 0)
		log_start_failed(LOG_NO_FIELDS, "%s", error.message);
	else
		use_rules(machine, entries, count);
	return r;
}

/* --- signals --------------------------------------------------------------------------------- */

static void on_stop(evutil_socket_t number, short events, void *context)
{
	struct machine *machine = context;
	const struct machine_observer *observer = &machine->observer;

	(void)number;
	(void)events;
	if (!machine->ending && observer->stopping)
		observer->stopping(observer->context);
	apps_end(machine);
}

static void on_hangup(evutil_socket_t number, short events, void *context)
{
	const struct machine *machine = context;
	const struct machine_observer *observer = &machine->observer;

	(void)number;
	(void)events;
	if (observer->reload)
		observer->reload(observer->context);
}

static void watch_signals(struct machine *machine)
{
	struct event_base *base = machine->loop.base;

	evsignal_assign(&machine->terminate, base, SIGTERM, on_stop, machine);
	evsignal_assign(&machine->interrupt, base, SIGINT, on_stop, machine);
	evsignal_assign(&machine->hangup, base, SIGHUP, on_hangup, machine);
	evsignal_add(&machine->terminate, NULL);
	evsignal_add(&machine->interrupt, NULL);
	evsignal_add(&machine->hangup, NULL);
}

/* One that comes while we close must not end us half way. */
static void unwatch_signals(struct machine *machine)
{
	sigset_t ours;

	if (!event_initialized(&machine->terminate))
		return;
	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &ours, NULL);
	evsignal_del(&machine->terminate);
	evsignal_del(&machine->interrupt);
	evsignal_del(&machine->hangup);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

/* --- opening --------------------------------------------------------------------------------- */

static int fail(const char *what, int error)
{
	log_start_failed(LOG_NO_FIELDS, "%s (%s)", what, pluton_error_name(error));
	return error;
}

static struct dbus_settings dbus_settings(const struct config *config)
{
	return (struct dbus_settings){
		.bus = config->bus,
		.message_max = config->dbus_message_max,
		.calls_per_client = config->dbus_calls_per_client,
		.idle_timeout_ms = config->dbus_idle_timeout_ms,
		.messages_per_pass = config->records_per_pass,
	};
}

static int open_dbus(struct machine *machine)
{
	const struct dbus_settings settings = dbus_settings(machine->config);

	return dbus_open(&machine->loop, &machine->channel, &settings, &machine->dbus);
}

static int open_services(struct machine *machine, int listen_fd)
{
	int r = channel_open(&machine->channel, &machine->loop, listen_fd,
			     machine->config->records_per_pass);

	if (r < 0)
		return fail("the event loop takes no socket", r);
	r = register_capsules(machine);
	if (r == 0)
		r = make_rules(machine);
	if (r == 0)
		r = open_dbus(machine);
	if (r < 0)
		channel_close(&machine->channel);
	return r;
}

static bool are_engines_unsettled(const void *context)
{
	return !engines_settled(&((const struct machine *)context)->engines);
}

static int open_engines(struct machine *machine, int listen_fd)
{
	int r = engines_open(&machine->engines, machine->config, &machine->kernel,
			     &machine->selftests.options, machine->loop.base);

	if (r < 0)
		return r;
	/* Nobody is served before. */
	loop_run_while(&machine->loop, are_engines_unsettled, machine);
	r = open_services(machine, listen_fd);
	if (r < 0)
		engines_close(&machine->engines);
	return r;
}

static int open_kernel(struct machine *machine, int listen_fd)
{
	struct kernel_limits limits;
	int r;

	read_limits(machine->config, &limits);
	r = kernel_open(&machine->kernel, &limits);
	if (r < 0)
		return fail("no address space for the pool", r);
	r = loop_open(&machine->loop, &machine->kernel);
	if (r < 0) {
		kernel_close(&machine->kernel);
		return fail("no event loop", r);
	}
	event_assign(&machine->suppressed, machine->loop.base, -1, 0, on_suppressed, machine);
	trace_open(&machine->trace, &machine->kernel, &machine->engines, &machine->loop);
	machine->kernel.report = report;
	machine->kernel.report_context = machine;
	r = selftests_init(machine);
	if (r == 0)
		r = open_engines(machine, listen_fd);
	if (r < 0) {
		loop_close(&machine->loop);
		kernel_close(&machine->kernel);
	}
	return r;
}

static int open_with(struct config *config, int listen_fd, struct machine **ret)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	int r;

	if (!machine)
		return -PLUTON_ENOMEM;
	machine->config = config;
	machine->started_ms = loop_now_us() / 1000;
	r = open_kernel(machine, listen_fd);
	if (r < 0) {
		free(machine->rules);
		free(machine);
		return r;
	}
	*ret = machine;
	return 0;
}

/*
 * Who waits for READY=1 may rely on the bus name. Sockets are served meanwhile: so who is an app is
 * known by now, and asked to stop, apps are stopped first.
 */
static void await_bus(struct machine *machine)
{
	while (!dbus_settled(machine->dbus) && !machine->loop.stopping)
		loop_pass(&machine->loop, true);
}

/* Signals first: who stops us while we begin is heard. */
static int open_public(struct machine *machine, const struct machine_observer *observer)
{
	machine->listening = true;
	machine->observer = *observer;
	watch_signals(machine);
	dbus_observe(machine->dbus, observer->bus_changed, observer->context);
	return apps_open(machine);
}

int machine_open(struct config *config, struct machine_socket socket,
		 const struct machine_observer *observer, struct machine **ret)
{
	int r = open_with(config, socket.fd, ret);

	if (r < 0) {
		if (socket.ours)
			unlink(config->socket);
		return r;
	}
	(*ret)->owns_socket = socket.ours;
	r = open_public(*ret, observer);
	if (r < 0) {
		machine_close(*ret);
		return r;
	}
	await_bus(*ret);
	return 0;
}

int machine_open_private(struct config *config, struct machine **ret)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -PLUTON_EFAIL : open_with(config, fd, ret);
}

/* --- running and closing --------------------------------------------------------------------- */

void machine_run(struct machine *machine)
{
	if (machine->listening && !machine->ending)
		apps_begin(machine);
	if (!machine->ending)
		selftests_begin(machine);
	loop_run(&machine->loop);
}

void machine_stop(struct machine *machine)
{
	loop_stop(&machine->loop);
}

static void warn_of_restart(const char *key, void *context)
{
	(void)context;
	log_event(PLUTON_LOG_WARNING,
		  LOG_FIELDS(LOG_MESSAGE_ID(LOG_ID_NEEDS_RESTART), LOG_TEXT("key", key)),
		  "%s changed in the configuration, but needs a restart", key);
}

static void apply_limits(struct machine *machine)
{
	const struct dbus_settings settings = dbus_settings(machine->config);
	struct kernel_limits limits;

	/* Sizes of tables stay what they are; the rest holds from now on. */
	read_limits(machine->config, &limits);
	limits.pool = machine->kernel.limits.pool;
	limits.processes_max = machine->kernel.limits.processes_max;
	machine->kernel.limits = limits;
	machine->channel.records_per_pass = machine->config->records_per_pass;
	dbus_set_limits(machine->dbus, &settings);
}

/* They were all found when the capsules were registered. */
static void apply_parameters(struct machine *machine)
{
	uint64_t parameters[CAPSULE_PARAMETERS_MAX];

	for (unsigned i = 0; i < machine->kernel.driver_count; i++) {
		struct driver *driver = &machine->kernel.drivers[i];

		if (read_parameters(machine->config, driver->capsule, parameters) == 0)
			kernel_set_parameters(driver, parameters);
	}
}

int machine_reload(struct machine *machine, struct config *fresh, size_t *ret_changes,
		   struct config_error *ret_error)
{
	struct access_entry *entries;
	size_t count;
	int r = rules_make(fresh, &machine->kernel, &entries, &count, ret_error);

	if (r < 0)
		return r;
	/* Nothing below can fail. */
	*ret_changes = config_reloadable_changes(machine->config, fresh, warn_of_restart, NULL);
	apply_limits(machine);
	apply_parameters(machine);
	use_rules(machine, entries, count);
	if (machine->listening)
		apps_reload(machine);
	return 0;
}

int machine_connect(struct machine *machine)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -1;
	if (channel_adopt(&machine->channel, pair[0]) < 0) {
		close(pair[1]);
		return -1;
	}
	return pair[1];
}

static bool has_processes(const void *context)
{
	return ((const struct machine *)context)->kernel.processes > 0;
}

void machine_close(struct machine *machine)
{
	unwatch_signals(machine);
	if (machine->owns_socket)
		unlink(machine->config->socket); /* the lock is held */
	dbus_close(machine->dbus);
	channel_close(&machine->channel);
	/* What a worker still has in its hands is cancelled and comes back soon. */
	machine->loop.stopping = false;
	loop_run_while(&machine->loop, has_processes, machine);
	selftests_end(machine);
	trace_close(&machine->trace);
	engines_close(&machine->engines);
	event_del(&machine->suppressed);
	loop_close(&machine->loop);
	kernel_close(&machine->kernel);
	free(machine->rules);
	free(machine);
}
