/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-tpmd's start: options, hardening, what was handed over, the TPM, the control thread. Exit
 * status: 0 stopped as asked, 1 failed, 2 wrong usage, 75 (EX_TEMPFAIL) to be started again, as
 * asked, 78 (EX_CONFIG) the state cannot be used.
 */
#include <config.h>

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <pluton/pluton.h>

#include "apps/tpm/control.h"
#include "apps/tpm/messages.h"
#include "apps/tpm/tpm.h"
#include "apps/tpm/words.h"
#include "daemon/harden.h"
#include "daemon/log.h"
#include "daemon/sparse.h"

#define EXIT_USAGE 2
#define SHUT_DOWN_MS 8000u /* to store the last state; less than an app's stop_timeout */
#define LOCALITY_HIGHEST 4u
#define KEPT_MAX 16u /* snapshots; there should be one */

__attribute__((visibility("default"))) const char *argp_program_version =
	"pluton-tpmd " PACKAGE_VERSION;

struct options {
	struct tpm_options tpm;
	const char *address;
};

/* --- options --------------------------------------------------------------------------------- */

enum {
	OPTION_CONNECTIONS_MAX = 256,
	OPTION_PER_USER,
	OPTION_LOCALITY_MAX,
	OPTION_LOG_LEVEL,
};

static const struct argp_option option_table[] = {
	{"instance", 'i', "NAME", 0, "Name of this TPM; tpm0 by default", 0},
	{"address", 'a', "ADDRESS", 0, "Where plutond listens; $PLUTON_ADDRESS by default", 0},
	{"connections-max", OPTION_CONNECTIONS_MAX, "N", 0, "Serve at most N clients; 64", 0},
	{"connections-per-user", OPTION_PER_USER, "N", 0,
	 "Serve at most N clients of one user other than root; half of --connections-max", 0},
	{"locality-max", OPTION_LOCALITY_MAX, "N", 0,
	 "Let clients use localities 0 to N; 3, as 4 is for hardware", 0},
	{"log-level", OPTION_LOG_LEVEL, "LEVEL", 0, "off, error, warning, info, debug or trace", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static unsigned parse_number(struct argp_state *state, const char *option, const char *text,
			     unsigned least, unsigned most)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno != 0 || value < least || value > most)
		argp_error(state, "%s \"%s\": give a number from %u to %u", option, text, least,
			   most);
	return (unsigned)value;
}

static const char *parse_instance(struct argp_state *state, const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_-");

	if (length == 0 || name[length] != '\0' || length > PLUTON_APP_NAME_MAX)
		argp_error(state, "--instance \"%s\": give 1 to %d letters, digits, '_' or '-'",
			   name, PLUTON_APP_NAME_MAX);
	return name;
}

static void parse_level(struct argp_state *state, const char *text)
{
	enum pluton_log_level level;

	if (log_level_parse(text, &level) < 0)
		argp_error(state, "--log-level \"%s\": there is no such level", text);
	else
		log_set_level(level);
}

/* One that is none is plutond's mistake, and no reason not to start. */
static void take_level_of_plutond(void)
{
	const char *text = getenv("PLUTON_LOG_LEVEL");
	enum pluton_log_level level;

	if (text && log_level_parse(text, &level) == 0)
		log_set_level(level);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'i':
		options->tpm.instance = parse_instance(state, argument);
		return 0;
	case 'a':
		options->address = argument;
		return 0;
	case OPTION_CONNECTIONS_MAX:
		options->tpm.connections_max =
			parse_number(state, "--connections-max", argument, 1, CLIENTS_MAX);
		return 0;
	case OPTION_PER_USER:
		options->tpm.per_user_max =
			parse_number(state, "--connections-per-user", argument, 1, CLIENTS_MAX);
		return 0;
	case OPTION_LOCALITY_MAX:
		options->tpm.locality_max =
			parse_number(state, "--locality-max", argument, 0, LOCALITY_HIGHEST);
		return 0;
	case OPTION_LOG_LEVEL:
		parse_level(state, argument);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument \"%s\"; see pluton-tpmd --help", argument);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	option_table,
	parse_option,
	NULL,
	"A TPM 2.0 as an app of plutond, which starts it and connects its clients to it."
	"\vExit status: 0 stopped as asked, 1 failed, 2 wrong usage, 78 the TPM's state cannot be "
	"used; under systemd 75 to be started again. See pluton-tpmd(8).",
	NULL,
	NULL,
	NULL};

/* --- the process ----------------------------------------------------------------------------- */

/* Seeds and keys live here: besides what harden_process sees to, nothing is gained by exec. */
static int harden(void)
{
	if (harden_process() < 0 ||
	    (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 &&
	     prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) ||
	    control_block_signals() < 0) {
		log_event(PLUTON_LOG_ERROR, LOG_NO_FIELDS, "cannot protect the process: %s",
			  strerror(errno));
		return -1;
	}
	return 0;
}

/* --- what was handed over -------------------------------------------------------------------- */

struct handed {
	int control;	    /* the socket of words.h; -1: none */
	int kept[KEPT_MAX]; /* snapshots */
	unsigned count;
};

static void take_descriptor(struct handed *handed, int fd, const char *name)
{
	if (strcmp(name, SNAPSHOT_NAME) == 0 && handed->count < KEPT_MAX) {
		handed->kept[handed->count++] = fd;
	} else if (strcmp(name, WORDS_SOCKET) == 0 && handed->control < 0 &&
		   sd_is_socket_unix(fd, SOCK_SEQPACKET, 1, NULL, 0) > 0) {
		handed->control = fd;
	} else {
		log_event(PLUTON_LOG_WARNING, LOG_FIELDS(LOG_TEXT("name", name)),
			  "a descriptor was handed over that is not known: closed");
		close(fd);
	}
}

/* Sorts the descriptors of the service manager, and takes them out of the environment. */
static void take_handed(struct handed *ret)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(1, &names);

	*ret = (struct handed){.control = -1};
	for (int i = 0; i < count; i++) {
		take_descriptor(ret, SD_LISTEN_FDS_START + i, names[i]);
		free(names[i]);
	}
	free(names);
}

/* One that cannot be read is as none; of two, left by a crash at the start, the one that pairs. */
static void consider(struct snapshot *found, struct resume_area area, struct snapshot **best)
{
	struct resume resume;

	if (resume_decide(area, found, &resume) == 0 && resume.kind == RESUME_GO_ON) {
		snapshot_close(*best);
		*best = found;
	} else if (!*best) {
		*best = found;
	} else {
		snapshot_close(found);
	}
}

/* NULL: none was kept. */
static struct snapshot *choose_snapshot(const struct handed *handed, struct resume_area area)
{
	struct snapshot *best = NULL, *found;
	const char *why;

	for (unsigned i = 0; i < handed->count; i++) {
		if (snapshot_open(handed->kept[i], &found, &why) == 0)
			consider(found, area, &best);
		else
			log_event(PLUTON_LOG_WARNING,
				  LOG_FIELDS(LOG_MESSAGE_ID(TPMD_ID_POWER_LOST)),
				  "power loss: the kept snapshot cannot be used, %s", why);
	}
	return best;
}

static int decide(struct resume_area area, struct snapshot *snapshot, struct resume *resume)
{
	int r = resume_decide(area, snapshot, resume);

	if (r < 0)
		log_event(PLUTON_LOG_ERROR, LOG_FIELDS(LOG_MESSAGE_ID(TPMD_ID_REFUSED)),
			  "the permanent state in the area \"" PERMANENT_AREA "\" cannot be used: "
			  "%s; restore a backup%s; nothing was changed",
			  resume->refused,
			  r == -PLUTON_ENOSUPPORT ? ", or install that Pluton again"
						  : ", or delete the area for a new TPM");
	return r;
}

/* --- life ------------------------------------------------------------------------------------ */

/* From the TPM's start to its end. 0: as asked. */
static int serve(struct tpm *tpm, struct pluton *pluton, int listener,
		 const struct options *options, bool *ret_again)
{
	struct control *control;
	int r = control_start(pluton, listener, options->address, tpm, &control);

	if (r < 0)
		return r;
	r = tpm_run(tpm, control_ready, control);
	if (r == 0)
		r = tpm_shut_down(tpm, SHUT_DOWN_MS);
	*ret_again = control_is_to_restart(control);
	control_stop(control);
	return r;
}

static int start(struct tpm *tpm, const struct options *options, struct resume_area area,
		 const struct handed *handed, struct store *store)
{
	struct snapshot *snapshot = choose_snapshot(handed, area);
	struct resume resume;
	int r = decide(area, snapshot, &resume);

	if (r == 0) {
		store->durable = area.size > 0 ? permanent_generation(area.bytes) : 0;
		r = tpm_start(tpm, &options->tpm, &resume, snapshot, store);
	}
	return r;
}

static int run_with(const struct handed *handed, struct store *store, const struct options *options,
		    bool *ret_again)
{
	static struct tpm tpm;
	struct resume_area area = {0};
	struct pluton *pluton;
	uint8_t *bytes = NULL;
	int r = control_connect(options->address, &pluton, &bytes, &area.size);

	if (r < 0)
		return r == -PLUTON_ECANCEL ? 0 : r;
	area.bytes = bytes;
	r = start(&tpm, options, area, handed, store);
	if (bytes)
		explicit_bzero(bytes, area.size);
	free(bytes);
	if (r < 0) {
		pluton_close(pluton);
		return r;
	}
	r = serve(&tpm, pluton, handed->control, options, ret_again);
	tpm_free(&tpm);
	return r;
}

static int run(const struct options *options)
{
	struct handed handed;
	struct store store;
	bool again = false;
	int r;

	take_handed(&handed);
	if (harden() < 0 || store_open(&store) < 0)
		return EXIT_FAILURE;
	r = run_with(&handed, &store, options, &again);
	store_close(&store);
	if (r == 0)
		return again ? EX_TEMPFAIL : EXIT_SUCCESS;
	return r == -PLUTON_EINVAL || r == -PLUTON_ENOSUPPORT ? EX_CONFIG : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct options options = {.tpm = {.instance = PLUTON_TPM_DEFAULT_INSTANCE,
					  .connections_max = 64,
					  .locality_max = 3}};
	int status;

	sparse_tables();
	argp_err_exit_status = EXIT_USAGE;
	if (harden_descriptors() < 0)
		return EXIT_FAILURE;
	log_set_program("pluton-tpmd");
	log_open(PLUTON_LOG_INFO);
	take_level_of_plutond();
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	if (options.tpm.per_user_max == 0)
		options.tpm.per_user_max = (options.tpm.connections_max + 1) / 2;
	status = run(&options);
	log_close();
	return status;
}
