/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-run: COMMAND with a secure processor of its own. Standard input, output and the working
 * directory are COMMAND's: pluton-run prints to stderr only, and nothing when all goes well.
 */
#include "config.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/level.h"
#include "cli/run_bus.h"
#include "cli/run_daemon.h"
#include "cli/run_folder.h"
#include "cli/run_rest.h"
#include "cli/run_signals.h"

/* As env(1) and timeout(1) have them: what is not COMMAND's own status. */
enum {
	EXIT_USAGE = 2,
	EXIT_OURSELVES = 125,
	EXIT_NOT_EXECUTABLE = 126,
	EXIT_NOT_FOUND = 127,
	EXIT_BY_SIGNAL = 128,
};

enum { OPTION_STATE = 0x100, OPTION_DBUS, OPTION_CONFIG, OPTION_KEEP, OPTION_LOG_LEVEL };

struct arguments {
	char *state;	       /* absolute; NULL: a fresh one */
	char *config;	       /* absolute; NULL: an empty one */
	const char *log_level; /* NULL: not given */
	bool keep;
	bool dbus;
	char **command;
};

/* Where we are and what is there. */
struct place {
	char *folder;	 /* of our own program */
	char *libraries; /* NULL: libpluton is installed */
};

static const struct argp_option options[] = {
	{"state", OPTION_STATE, "DIR", 0,
	 "Keep the secure processor's state in DIR, and use what is there (default: fresh state, "
	 "removed at the end)",
	 0},
	{"dbus", OPTION_DBUS, NULL, 0,
	 "Start a private D-Bus bus too, which has the daemon as org.pluton1", 0},
	{"config", OPTION_CONFIG, "FILE", 0, "Configure plutond by FILE (default: its defaults)",
	 0},
	{"keep", OPTION_KEEP, NULL, 0, "Leave the temporary folder and say where it is", 0},
	{"log-level", OPTION_LOG_LEVEL, "LEVEL", 0,
	 "What plutond writes to stderr: " LEVEL_NAMES " (default: error)", 0},
	{0},
};

static void usage_error(const char *what, const char *value, const char *advice)
	__attribute__((noreturn));

static void usage_error(const char *what, const char *value, const char *advice)
{
	fprintf(stderr, "pluton-run: %s, %s, %s (EINVAL)\n", what, value, advice);
	exit(EXIT_USAGE);
}

/* The same where the system refused, for which errno says why. */
static void path_error(const char *what, const char *path, const char *advice)
	__attribute__((noreturn));

static void path_error(const char *what, const char *path, const char *advice)
{
	const char *name = strerrorname_np(errno);

	fprintf(stderr, "pluton-run: %s, %s: %s, %s (%s)\n", what, path, strerror(errno), advice,
		name ? name : "EFAIL");
	exit(EXIT_USAGE);
}

/* plutond works elsewhere, so paths must be absolute. */
static char *absolute(const char *path, const char *what, const char *advice)
{
	char *full = realpath(path, NULL);

	if (!full)
		path_error(what, path, advice);
	return full;
}

static char *state_folder(const char *path)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		path_error("cannot make the folder for --state", path,
			   "name one whose parent is there and writable");
	return absolute(path, "cannot use --state", "name a folder that you can open");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	enum pluton_log_level level;

	switch (key) {
	case OPTION_STATE:
		free(arguments->state);
		arguments->state = state_folder(argument);
		return 0;
	case OPTION_DBUS:
		arguments->dbus = true;
		return 0;
	case OPTION_CONFIG:
		free(arguments->config);
		arguments->config = absolute(argument, "cannot use --config",
					     "name a file that is there and readable");
		return 0;
	case OPTION_KEEP:
		arguments->keep = true;
		return 0;
	case OPTION_LOG_LEVEL:
		if (!level_by_name(argument, &level))
			usage_error("no such log level", argument, "use " LEVEL_NAMES);
		arguments->log_level = argument;
		return 0;
	case ARGP_KEY_ARG:
		arguments->command = &state->argv[state->next - 1];
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_state_help(state, stderr,
				ARGP_HELP_SHORT_USAGE | ARGP_HELP_SEE | ARGP_HELP_EXIT_ERR);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Leaves out what argp says about short options, of which there are none. */
static char *filter_help(int key, const char *text, void *input)
{
	(void)input;
	return key == ARGP_KEY_HELP_DUP_ARGS_NOTE ? NULL : (char *)(uintptr_t)text;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "-- COMMAND [ARGUMENT...]",
	.doc = "Runs COMMAND with a private secure processor.\v"
	       "Starts plutond, sets PLUTON_ADDRESS, TPM2TOOLS_TCTI and PATH for COMMAND, and ends "
	       "plutond\n"
	       "when COMMAND ends. Nothing is printed but COMMAND's output.\n"
	       "\n"
	       "Exit status: COMMAND's; 128 + N if signal N ended it; 127 if it is not there,\n"
	       "126 if it cannot be run, 125 if plutond cannot, 2 for a wrong command line.\n"
	       "\n"
	       "Examples:\n"
	       "  pluton-run -- pluton-cli random 32\n"
	       "  pluton-run --state DIR -- make check\n",
	.help_filter = filter_help,
};

/* argp, in libc, must find it. */
__attribute__((visibility("default"))) const char *argp_program_version =
	"pluton-run (" PACKAGE_NAME ") " PACKAGE_VERSION;

/* Our program's folder; of a build tree's .libs, the folder above. */
static char *own_folder(void)
{
	char *path = realpath("/proc/self/exe", NULL);

	for (char *slash = path ? strrchr(path, '/') : NULL; slash; slash = strrchr(path, '/')) {
		*slash = '\0';
		if (strcmp(strrchr(path, '/') ? strrchr(path, '/') : "", "/.libs") != 0)
			break;
	}
	return path;
}

static bool find_place(struct place *place)
{
	char *library = NULL;

	place->folder = own_folder();
	if (!place->folder || asprintf(&library, "%s/.libs/libpluton.so", place->folder) < 0) {
		fprintf(stderr, "pluton-run: cannot find itself, /proc/self/exe, mount /proc "
				"(ENOENT)\n");
		return false;
	}
	place->libraries = NULL;
	if (access(library, F_OK) == 0 &&
	    asprintf(&place->libraries, "%s/.libs", place->folder) < 0)
		place->libraries = NULL;
	free(library);
	return true;
}

/* Puts `folder` first into a list of folders like PATH, unless it is there. */
static bool prepend(const char *variable, const char *folder)
{
	const char *old = getenv(variable);
	size_t length = strlen(folder);
	char *list;
	int r;

	for (const char *at = old; at && *at; at = strchrnul(at, ':'), at += *at == ':') {
		if (strncmp(at, folder, length) == 0 && (at[length] == ':' || !at[length]))
			return true;
	}
	if (asprintf(&list, "%s%s%s", folder, old && *old ? ":" : "", old ? old : "") < 0)
		return false;
	r = setenv(variable, list, 1);
	free(list);
	return r == 0;
}

static bool set_environment(const struct place *place, const char *socket)
{
	char *address;
	bool set;

	if (asprintf(&address, "unix:%s", socket) < 0)
		return false;
	set = setenv("PLUTON_ADDRESS", address, 1) == 0 &&
	      setenv("TPM2TOOLS_TCTI", "pluton", 1) == 0 && prepend("PATH", place->folder) &&
	      (!place->libraries || prepend("LD_LIBRARY_PATH", place->libraries));
	free(address);
	return set;
}

static const char *advice_for_command(int error)
{
	switch (error) {
	case ENOENT:
		return "check its name, PATH, and the interpreter in its first line";
	case EACCES:
		return "name a program, or make it executable";
	case ENOTDIR:
		return "check its path";
	case E2BIG:
		return "give it fewer arguments";
	case ENOMEM:
		return "free some memory";
	default:
		return "try it without pluton-run";
	}
}

static pid_t start_command(char **command, const struct place *place, const char *socket,
			   const struct run_bus *bus, const struct run_signals *signals)
{
	pid_t pid = fork();
	int error;

	if (pid != 0)
		return pid;
	run_signals_give_back(signals);
	if (set_environment(place, socket) && run_bus_set_environment(bus))
		execvp(command[0], command);
	error = errno;
	fprintf(stderr, "pluton-run: cannot run, %s: %s, %s (%s)\n", command[0], strerror(error),
		advice_for_command(error), strerrorname_np(error));
	_exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

static bool command_ended(pid_t pid, int *ret_status)
{
	int status;

	if (waitpid(pid, &status, WNOHANG) != pid)
		return false;
	*ret_status = WIFSIGNALED(status) ? EXIT_BY_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
	return true;
}

static int await_command(pid_t pid, struct run_daemon *daemon, const struct run_bus *bus,
			 const struct run_signals *signals)
{
	struct run_signal signal;
	int status = 0;

	while (!command_ended(pid, &status)) {
		run_daemon_wait(daemon, signals, -1);
		while (run_signals_next(signals, &signal)) {
			if (signal.number != SIGCHLD && !signal.by_terminal)
				(void)kill(pid, signal.number);
		}
		run_daemon_reap(daemon, "while COMMAND ran");
		run_rest_reap((const pid_t[]){pid, daemon->pid, bus->pid}, 3);
	}
	return status;
}

static int run_command(const struct arguments *arguments, const struct place *place,
		       struct run_daemon *daemon, const struct run_bus *bus,
		       const struct run_signals *signals)
{
	int signal;
	pid_t pid;

	if (!run_daemon_start(daemon, signals))
		return EXIT_OURSELVES;
	if (!run_daemon_await(daemon, signals, &signal))
		return signal ? EXIT_BY_SIGNAL + signal : EXIT_OURSELVES;
	pid = start_command(arguments->command, place, daemon->socket, bus, signals);
	if (pid < 0) {
		fprintf(stderr, "pluton-run: cannot start, %s: %s, try again (%s)\n",
			arguments->command[0], strerror(errno), strerrorname_np(errno));
		return EXIT_OURSELVES;
	}
	return await_command(pid, daemon, bus, signals);
}

static int run_in_folder(const struct arguments *arguments, const struct place *place,
			 const struct run_folder *folder, char *program)
{
	struct run_daemon daemon = {
		.program = program,
		.socket = folder->socket,
		.notify = folder->notify,
		.config = arguments->config ? arguments->config : folder->config,
		.state = arguments->state ? arguments->state : folder->state,
		.log_level =
			arguments->log_level ? arguments->log_level : level_name(PLUTON_LOG_ERROR),
		.notify_fd = -1,
	};
	struct run_signals signals;
	struct run_bus bus = {0};
	int status = EXIT_OURSELVES;

	if (!run_signals_take(&signals)) {
		fprintf(stderr, "pluton-run: no signals, signalfd: %s, try again (%s)\n",
			strerror(errno), strerrorname_np(errno));
		return EXIT_OURSELVES;
	}
	run_rest_adopt();
	if (!arguments->dbus || run_bus_start(&bus, folder->path, &signals)) {
		daemon.bus = bus.address;
		status = run_command(arguments, place, &daemon, &bus, &signals);
		run_daemon_stop(&daemon, &signals);
	}
	run_bus_stop(&bus);
	run_rest_end(&signals);
	return status;
}

static int run(const struct arguments *arguments)
{
	struct place place = {0};
	struct run_folder folder = {0};
	char *program = NULL;
	int status = EXIT_OURSELVES;

	if (find_place(&place))
		program = run_daemon_find(place.folder);
	if (program && run_folder_make(&folder))
		status = run_in_folder(arguments, &place, &folder, program);
	if (folder.path && arguments->keep)
		fprintf(stderr, "pluton-run: kept %s\n", folder.path);
	else
		run_folder_remove(&folder);
	run_folder_free(&folder);
	free(program);
	free(place.folder);
	free(place.libraries);
	return status;
}

int main(int argc, char **argv)
{
	static char name[] = "pluton-run";
	struct arguments arguments = {0};
	error_t error;
	int status;

	argp_err_exit_status = EXIT_USAGE;
	if (argc > 0)
		argv[0] = name;
	error = argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &arguments);
	if (error)
		usage_error("cannot read the command line", strerror(error), "see --help");
	status = run(&arguments);
	free(arguments.state);
	free(arguments.config);
	return status;
}
