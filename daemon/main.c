/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plutond's start: options, what the service manager passed, configuration, log, hardening, locks,
 * then the machine, which runs until it is told to stop. Nothing here knows a service. Exit status:
 * 0 stopped as asked, 1 failed, 2 wrong usage, 73 (EX_CANTCREAT) state or socket cannot be made or
 * written, 75 (EX_TEMPFAIL) another process holds it, 78 (EX_CONFIG) wrong configuration. Every
 * start that fails leaves one line by log_start_failed, and nobody waiting in a passed socket.
 */
#include <config.h>

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/frontends/passed.h"
#include "daemon/harden.h"
#include "daemon/lock.h"
#include "daemon/log.h"
#include "daemon/machine.h"
#include "daemon/sparse.h"

#define EXIT_USAGE 2
#define TROUBLE_SIZE 256
#define STATUS_SIZE (2 * TROUBLE_SIZE + 64)
#define PINGS_PER_PERIOD 3 /* of the watchdog: one may come late */
#define PING_MIN_US 1000

/* libc looks it up, so it must not be hidden. */
__attribute__((visibility("default"))) const char *argp_program_version =
	"plutond " PACKAGE_VERSION;

struct options {
	const char *config;
	char *state;
	char *listen;
	const char *bus;
	const char *log_level;
	bool system;
	bool dump_config;
};

struct daemon {
	struct options options;
	struct passed passed;
	struct config *config;
	struct lock state_lock;
	struct lock socket_lock;
	struct machine *machine;
	bool serving;		  /* the service manager was told READY=1, and not yet STOPPING=1 */
	char status[STATUS_SIZE]; /* for its STATUS= */
	char off_bus[TROUBLE_SIZE]; /* why it is not on the bus; "": it is, or need not be */
	char failing[TROUBLE_SIZE]; /* which self tests failed; "": none */
};

/* --- options --------------------------------------------------------------------------------- */

enum {
	OPTION_LOG_LEVEL = 256,
	OPTION_BUS,
	OPTION_SYSTEM,
	OPTION_DUMP_CONFIG,
};

static const struct argp_option option_table[] = {
	{"config", 'c', "FILE", 0,
	 "Read FILE, and conf.d/*.conf beside it, instead of " CONFIG_DEFAULT_PATH, 0},
	{"state", 's', "DIR", 0, "Keep state in DIR; made if it is missing", 0},
	{"listen", 'l', "PATH", 0, "Make the socket at PATH", 0},
	{"bus", OPTION_BUS, "BUS", 0,
	 "Be on a D-Bus bus too: off, session, system or an address (unix:path=...)", 0},
	{"system", OPTION_SYSTEM, NULL, 0, "Run as the system's service: changes defaults", 0},
	{"log-level", OPTION_LOG_LEVEL, "LEVEL", 0, "off, error, warning, info, debug or trace", 0},
	{"dump-config", OPTION_DUMP_CONFIG, NULL, 0,
	 "Print the configuration in force, every key with its meaning and default, and exit", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

/* A path from the command line is meant from where the command was typed. */
static char *absolute_path(const char *path)
{
	char *here;
	char *joined = NULL;

	if (path[0] == '/')
		return strdup(path);
	here = get_current_dir_name();
	if (here && asprintf(&joined, "%s/%s", here, path) < 0)
		joined = NULL;
	free(here);
	return joined;
}

/* An empty one, as an unset variable makes it, would be the folder where we stand. */
static void refuse_empty(struct argp_state *state, const char *option, const char *path)
{
	if (*path == '\0')
		argp_error(state, "%s \"\": the path is empty; write one, or leave out %s", option,
			   option);
}

static void set_path(struct argp_state *state, char **ret, const char *option, const char *path)
{
	refuse_empty(state, option, path);
	free(*ret);
	*ret = absolute_path(path);
	if (!*ret)
		argp_failure(state, EXIT_FAILURE, errno, "%s", path);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'c':
		refuse_empty(state, "--config", argument);
		options->config = argument;
		return 0;
	case 's':
		set_path(state, &options->state, "--state", argument);
		return 0;
	case 'l':
		set_path(state, &options->listen, "--listen", argument);
		return 0;
	case OPTION_BUS:
		options->bus = argument;
		return 0;
	case OPTION_SYSTEM:
		options->system = true;
		return 0;
	case OPTION_LOG_LEVEL:
		options->log_level = argument;
		return 0;
	case OPTION_DUMP_CONFIG:
		options->dump_config = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument \"%s\"; see plutond --help", argument);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	option_table,
	parse_option,
	NULL,
	"The secure processor: serves programs on a socket until it gets SIGTERM. SIGHUP reads the "
	"configuration again.\vExit status: 0 stopped as asked, 1 failed, 2 wrong usage, 73 state "
	"or "
	"socket cannot be made or written, 75 another process holds it, 78 wrong configuration. "
	"See "
	"plutond(8) and plutond.conf(5).",
	NULL,
	NULL,
	NULL};

/* --- configuration --------------------------------------------------------------------------- */

static int set_option(struct config *config, const char *section, const char *key,
		      const char *value, const char *origin, struct config_error *error)
{
	return value ? config_set(config, section, key, value, origin, error) : 0;
}

static int apply_options(struct config *config, const struct options *options,
			 struct config_error *error)
{
	int r = set_option(config, "daemon", "state", options->state, "--state", error);

	if (r == 0)
		r = set_option(config, "daemon", "socket", options->listen, "--listen", error);
	if (r == 0)
		r = set_option(config, "dbus", "bus", options->bus, "--bus", error);
	if (r == 0)
		r = set_option(config, "daemon", "log_level", options->log_level, "--log-level",
			       error);
	return r;
}

/* Where the socket is, the service manager has decided: whoever wrote something else is told. */
static int apply_passed(struct config *config, const struct passed *passed,
			struct config_error *error)
{
	if (!passed->path[0])
		return 0;
	if (strcmp(config->socket, passed->path) != 0) {
		config_complain(config, "daemon", "socket", error,
				"%.150s is not used: the service manager's socket is at %.150s",
				config->socket, passed->path);
		log_event(PLUTON_LOG_INFO, LOG_NO_FIELDS, "%s", error->message);
	}
	return config_set(config, "daemon", "socket", passed->path, "the service manager", error);
}

static int load(const struct daemon *daemon, struct config **ret, struct config_error *error)
{
	const struct options *options = &daemon->options;
	struct config *config;
	int r = config_load(options->config, options->system, &config, error);

	if (r < 0)
		return r;
	r = apply_options(config, options, error);
	if (r == 0)
		r = apply_passed(config, &daemon->passed, error);
	if (r < 0)
		config_free(config);
	else
		*ret = config;
	return r;
}

static int take_over(struct daemon *daemon, struct config *fresh, struct config_error *error)
{
	enum pluton_log_level before = daemon->config->log_level;
	size_t changes;
	int r = machine_reload(daemon->machine, fresh, &changes, error);

	if (r < 0)
		return r;
	/* One that pluton-cli set in the meantime stays until the file says something new. */
	if (daemon->config->log_level != before)
		log_set_level(daemon->config->log_level);
	log_event(PLUTON_LOG_INFO,
		  LOG_FIELDS(LOG_MESSAGE_ID(LOG_ID_RELOADED), LOG_NUMBER("changes", changes)),
		  "configuration reloaded");
	return 0;
}

/* A configuration that is wrong changes nothing. */
static void read_again(struct daemon *daemon)
{
	struct config *fresh = NULL;
	struct config_error error;
	int r = load(daemon, &fresh, &error);

	if (r == 0)
		r = take_over(daemon, fresh, &error);
	if (r < 0)
		log_event(PLUTON_LOG_ERROR, LOG_FIELDS(LOG_MESSAGE_ID(LOG_ID_RELOAD_FAILED)),
			  "%s (the configuration stays as it was)", error.message);
	config_free(fresh);
}

/* --- what the service manager is told -------------------------------------------------------- */

static void notify_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
		   (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

/* SIGHUP. Before READY=1 the configuration has just been read, and apps have not begun. */
static void on_reload(void *context)
{
	struct daemon *daemon = context;

	if (!daemon->serving)
		return;
	notify_reloading();
	read_again(daemon);
	sd_notify(0, "READY=1");
}

static void on_stopping(void *context)
{
	struct daemon *daemon = context;

	daemon->serving = false;
	sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}

/* Part of it the bus may have said: a line of its own would be another notification. */
static void tell_status(struct daemon *daemon)
{
	bool fine = !*daemon->failing && !*daemon->off_bus;
	char status[STATUS_SIZE];

	snprintf(status, sizeof(status), "%s%s%s%s%s",
		 fine ? "serving" : "degraded: ", daemon->failing,
		 *daemon->failing && *daemon->off_bus ? "; " : "",
		 *daemon->off_bus ? "not on the bus: " : "", daemon->off_bus);
	for (char *c = status; *c; c++) {
		if ((unsigned char)*c < 0x20)
			*c = '?';
	}
	if (strcmp(status, daemon->status) == 0)
		return;
	memcpy(daemon->status, status, sizeof(status));
	if (daemon->serving)
		sd_notifyf(0, "STATUS=%s", status);
}

static void on_bus_changed(void *context, const char *trouble)
{
	struct daemon *daemon = context;

	snprintf(daemon->off_bus, sizeof(daemon->off_bus), "%s", trouble ? trouble : "");
	tell_status(daemon);
}

static void on_selftest_judged(void *context, const char *trouble)
{
	struct daemon *daemon = context;

	snprintf(daemon->failing, sizeof(daemon->failing), "%s", trouble ? trouble : "");
	tell_status(daemon);
}

static void ping(void *context)
{
	(void)context;
	sd_notify(0, "WATCHDOG=1");
}

/* Proves that the loop turns, so that all who are served can be: nothing else calls ping. */
static int start_watchdog(struct daemon *daemon)
{
	uint64_t period_us;
	int r = sd_watchdog_enabled(1, &period_us);

	if (r < 0)
		log_start_failed(LOG_NO_FIELDS, "WATCHDOG_USEC cannot be read: %s", strerror(-r));
	if (r <= 0)
		return r < 0 ? -PLUTON_EINVAL : 0;
	period_us /= PINGS_PER_PERIOD;
	return loop_every(&daemon->machine->loop, period_us > PING_MIN_US ? period_us : PING_MIN_US,
			  ping, NULL);
}

/* --- the process ----------------------------------------------------------------------------- */

/* Of a lock that was not got, or of what it stands for. */
static int status_of(int error)
{
	switch (error) {
	case -PLUTON_EBUSY:
		return EX_TEMPFAIL;
	case -PLUTON_EINVAL:
		return EX_CONFIG;
	case -PLUTON_ENOMEM:
		return EXIT_FAILURE;
	default:
		return EX_CANTCREAT;
	}
}

static int take_locks(struct daemon *daemon)
{
	struct lock_error error;
	int r = lock_state(daemon->config->state, &daemon->state_lock, &error);

	/* A socket that was passed is the service manager's to lock. */
	if (r == 0 && daemon->passed.count == 0)
		r = lock_socket(daemon->config->socket, &daemon->socket_lock, &error);
	if (r < 0)
		log_start_failed(LOG_NO_FIELDS, "%s", error.message);
	return r;
}

static int open_socket(const struct daemon *daemon, struct machine_socket *ret)
{
	const struct config *config = daemon->config;

	ret->ours = daemon->passed.count == 0;
	ret->fd = ret->ours ? channel_listen(config->socket, config->socket_mode)
			    : passed_open(&daemon->passed);
	if (ret->fd >= 0)
		return 0;
	log_start_failed(LOG_FIELDS(LOG_TEXT("socket", config->socket)),
			 "cannot listen: %s; remove what is there and make its folder writable, "
			 "or choose another path with --listen",
			 strerror(ret->ours ? -ret->fd : errno));
	return -PLUTON_EFAIL;
}

/* Asked to stop in the meantime, it was never ready. */
static void tell_ready(struct daemon *daemon)
{
	if (daemon->machine->ending)
		return;
	daemon->serving = true;
	passed_close(&daemon->passed);
	log_event(PLUTON_LOG_INFO,
		  LOG_FIELDS(LOG_MESSAGE_ID(LOG_ID_STARTED),
			     LOG_TEXT("socket", daemon->config->socket),
			     LOG_TEXT("state", daemon->config->state)),
		  "plutond " PACKAGE_VERSION " is ready");
	sd_notifyf(0, "READY=1\nSTATUS=%s", daemon->status);
}

static int serve(struct daemon *daemon)
{
	int r = start_watchdog(daemon);

	if (r == 0) {
		tell_ready(daemon);
		machine_run(daemon->machine);
		log_event(PLUTON_LOG_INFO, LOG_FIELDS(LOG_MESSAGE_ID(LOG_ID_STOPPED)), "stopped");
	}
	machine_close(daemon->machine);
	return r;
}

static int open_machine(struct daemon *daemon)
{
	const struct machine_observer observer = {.reload = on_reload,
						  .stopping = on_stopping,
						  .bus_changed = on_bus_changed,
						  .selftest_judged = on_selftest_judged,
						  .context = daemon};
	struct machine_socket socket;
	int r = open_socket(daemon, &socket);

	if (r < 0)
		return status_of(r);
	on_bus_changed(daemon, NULL);
	r = machine_open(daemon->config, socket, &observer, &daemon->machine);
	if (r == 0)
		r = serve(daemon);
	if (r == 0)
		return EXIT_SUCCESS;
	if (!*log_start_failure()) /* there was no memory even to say what for */
		log_start_failed(LOG_NO_FIELDS, "it fails (%s)", pluton_error_name(r));
	return r == -PLUTON_EINVAL ? EX_CONFIG : EXIT_FAILURE;
}

static int run(struct daemon *daemon)
{
	int r;

	if (harden_process() < 0) {
		log_start_failed(LOG_NO_FIELDS, "cannot protect the process: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	r = take_locks(daemon);
	return r < 0 ? status_of(r) : open_machine(daemon);
}

/* Of one socket, two can say different things; what is not meant should not be there. */
static int take_passed(struct daemon *daemon)
{
	char why[LOG_MESSAGE_SIZE];
	int r = passed_take(&daemon->passed, why, sizeof(why));

	if (r < 0) {
		log_start_failed(LOG_NO_FIELDS, "%s", why);
		return r;
	}
	if (daemon->passed.count == 0 || !daemon->options.listen)
		return 0;
	log_start_failed(LOG_NO_FIELDS,
			 "--listen %.200s: the service manager passed its socket at %.108s; leave "
			 "out --listen, or start plutond without its socket",
			 daemon->options.listen, daemon->passed.path);
	return -PLUTON_EINVAL;
}

static int configure_and_run(struct daemon *daemon)
{
	struct config_error error;
	int r = take_passed(daemon);

	if (r < 0)
		return EX_CONFIG;
	r = load(daemon, &daemon->config, &error);
	if (r < 0) {
		log_start_failed(LOG_NO_FIELDS, "%s", error.message);
		return r == -PLUTON_EINVAL ? EX_CONFIG : EXIT_FAILURE;
	}
	if (daemon->options.dump_config)
		return config_dump(daemon->config, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	log_set_level(daemon->config->log_level);
	return run(daemon);
}

/* argp has told whoever reads stderr, and ends the process. */
static void on_usage(int status, void *context)
{
	struct passed passed;
	char why[LOG_MESSAGE_SIZE];

	(void)context;
	if (status != EXIT_USAGE)
		return;
	(void)passed_take(&passed, why, sizeof(why));
	if (passed.count == 0)
		return;
	log_start_failed(LOG_NO_FIELDS, "the command line is wrong; mend ExecStart=");
	passed_turn_away(&passed, log_start_failure());
}

int main(int argc, char **argv)
{
	struct daemon daemon = {.state_lock = LOCK_NONE, .socket_lock = LOCK_NONE};
	int status;

	sparse_tables();
	argp_err_exit_status = EXIT_USAGE;
	if (harden_descriptors() < 0)
		return EXIT_FAILURE;
	log_open(PLUTON_LOG_INFO);
	if (on_exit(on_usage, NULL) != 0)
		return EXIT_FAILURE;
	argp_parse(&argp, argc, argv, 0, NULL, &daemon.options);
	status = configure_and_run(&daemon);
	if (*log_start_failure())
		passed_turn_away(&daemon.passed, log_start_failure());
	passed_close(&daemon.passed);
	log_close();
	lock_release(&daemon.socket_lock);
	lock_release(&daemon.state_lock);
	config_free(daemon.config);
	free(daemon.options.state);
	free(daemon.options.listen);
	return status;
}
