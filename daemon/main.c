/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plutond's start: options, configuration, log, hardening, locks, then the machine, which runs
 * until it is told to stop. Nothing here knows a service. Exit status: 0 stopped as asked,
 * 1 failed, 2 wrong usage, 78 (EX_CONFIG) wrong configuration.
 */
#include <config.h>

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/lock.h"
#include "daemon/log.h"
#include "daemon/machine.h"

#define EXIT_USAGE 2

/* libc looks it up, so it must not be hidden. */
__attribute__((visibility("default"))) const char *argp_program_version =
	"plutond " PACKAGE_VERSION;

struct options {
	const char *config;
	char *state;
	char *listen;
	const char *bus;
	const char *log_level;
	bool dump_config;
};

struct daemon {
	struct options options;
	struct config *config;
	struct lock state_lock;
	struct lock socket_lock;
	struct machine *machine;
};

/* --- options --------------------------------------------------------------------------------- */

enum {
	OPTION_LOG_LEVEL = 256,
	OPTION_BUS,
	OPTION_DUMP_CONFIG,
};

static const struct argp_option option_table[] = {
	{"config", 'c', "FILE", 0,
	 "Read FILE, and conf.d/*.conf beside it, instead of " CONFIG_DEFAULT_PATH, 0},
	{"state", 's', "DIR", 0, "Keep state in DIR; made if it is missing", 0},
	{"listen", 'l', "PATH", 0, "Make the socket at PATH", 0},
	{"bus", OPTION_BUS, "BUS", 0,
	 "Be on a D-Bus bus too: off, session, system or an address (unix:path=...)", 0},
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
	"configuration again.\vExit status: 0 stopped as asked, 1 failed, 2 wrong usage, 78 wrong "
	"configuration. See plutond(8) and plutond.conf(5).",
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

static int load(const struct options *options, struct config **ret, struct config_error *error)
{
	struct config *config;
	int r = config_load(options->config, &config, error);

	if (r < 0)
		return r;
	r = apply_options(config, options, error);
	if (r < 0)
		config_free(config);
	else
		*ret = config;
	return r;
}

static void notify_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
		   (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
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

/* SIGHUP. A configuration that is wrong changes nothing. */
static void reload(void *context)
{
	struct daemon *daemon = context;
	struct config *fresh = NULL;
	struct config_error error;
	int r;

	notify_reloading();
	r = load(&daemon->options, &fresh, &error);
	if (r == 0)
		r = take_over(daemon, fresh, &error);
	if (r < 0)
		log_event(PLUTON_LOG_ERROR, LOG_FIELDS(LOG_MESSAGE_ID(LOG_ID_RELOAD_FAILED)),
			  "%s (the configuration stays as it was)", error.message);
	config_free(fresh);
	sd_notify(0, "READY=1");
}

/* --- the process ----------------------------------------------------------------------------- */

/* A socket that got number 2 because it was free would receive the log. */
static int open_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -1;
	return close(fd);
}

static int raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -1;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit);
}

/* Keys live in this process: no core file, no debugger of the same user, no files for others. */
static int harden(void)
{
	static const struct rlimit no_core = {0, 0};

	umask(077);
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0 ||
	    raise_descriptor_limit() < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
		log_event(PLUTON_LOG_ERROR, LOG_NO_FIELDS, "cannot protect the process: %s",
			  strerror(errno));
		return -1;
	}
	return 0;
}

static int take_locks(struct daemon *daemon)
{
	struct lock_error error;
	int r = lock_state(daemon->config->state, &daemon->state_lock, &error);

	if (r == 0)
		r = lock_socket(daemon->config->socket, &daemon->socket_lock, &error);
	if (r < 0)
		log_event(PLUTON_LOG_ERROR, LOG_NO_FIELDS, "%s", error.message);
	return r;
}

/* From READY to the end. */
static int serve(struct daemon *daemon)
{
	int r;

	machine_on_reload(daemon->machine, reload, daemon);
	log_event(PLUTON_LOG_INFO,
		  LOG_FIELDS(LOG_MESSAGE_ID(LOG_ID_STARTED),
			     LOG_TEXT("socket", daemon->config->socket),
			     LOG_TEXT("state", daemon->config->state)),
		  "plutond " PACKAGE_VERSION " is ready");
	sd_notify(0, "READY=1");
	r = machine_run(daemon->machine);
	sd_notify(0, "STOPPING=1");
	log_event(PLUTON_LOG_INFO, LOG_FIELDS(LOG_MESSAGE_ID(LOG_ID_STOPPED)), "stopped");
	return r;
}

static int run(struct daemon *daemon)
{
	int r;

	if (harden() < 0 || take_locks(daemon) < 0)
		return EXIT_FAILURE;
	r = machine_open(daemon->config, &daemon->machine);
	if (r < 0) /* it has logged why */
		return r == -PLUTON_EINVAL ? EX_CONFIG : EXIT_FAILURE;
	r = serve(daemon);
	machine_close(daemon->machine);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int configure_and_run(struct daemon *daemon)
{
	struct config_error error;
	int r = load(&daemon->options, &daemon->config, &error);

	if (r < 0) {
		log_event(PLUTON_LOG_ERROR, LOG_NO_FIELDS, "%s", error.message);
		return EX_CONFIG;
	}
	if (daemon->options.dump_config)
		return config_dump(daemon->config, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	log_set_level(daemon->config->log_level);
	return run(daemon);
}

int main(int argc, char **argv)
{
	struct daemon daemon = {.state_lock = LOCK_NONE, .socket_lock = LOCK_NONE};
	int status;

	argp_err_exit_status = EXIT_USAGE;
	if (open_standard_descriptors() < 0)
		return EXIT_FAILURE;
	argp_parse(&argp, argc, argv, 0, NULL, &daemon.options);
	log_open(PLUTON_LOG_INFO);
	status = configure_and_run(&daemon);
	log_close();
	lock_release(&daemon.socket_lock);
	lock_release(&daemon.state_lock);
	config_free(daemon.config);
	free(daemon.options.state);
	free(daemon.options.listen);
	return status;
}
