/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-cli: the table of nouns, and what holds for the whole program: its descriptors, its exit
 * status, and that output which could not be written is a failure.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/failure.h"
#include "cli/noun.h"
#include "cli/verbs.h"

static const struct verb nouns[] = {
	{"status", "", "What the daemon is and does", noun_status},
	{"capsules", "", "The services in it", noun_capsules},
	{"engines", "", "What the services are made with", noun_engines},
	{"selftest", "[ENGINE...]", "Whether engines give the answers that are known",
	 noun_selftest},
	{"ps", "", "The programs connected to it", noun_ps},
	{"top", "", "What held the daemon's event loop, and how long", noun_top},
	{"limits", "", "The limits it holds them to", noun_limits},
	{"trace", "", "Every step of every operation, as it happens", noun_trace},
	{"random", "N", "N random bytes", noun_random},
	{"hash", "ALGORITHM [FILE]", "The digest of a file", noun_hash},
	{"key", "generate|import|list...", "Keys in slots that are never seen", noun_key},
	{"mac", "ALGORITHM [FILE]", "The message authentication code of a file", noun_mac},
	{"kdf", "hkdf|pbkdf2...", "A key derived from a key or a password", noun_kdf},
	{"aes", "encrypt|decrypt", "A file encrypted or decrypted", noun_aes},
	{"ecc", "sign|verify...", "Keys and signatures on elliptic curves", noun_ecc},
	{"rsa", "generate|sign...", "RSA keys, and what is done with them", noun_rsa},
	{"tpm", "send|info|cancel", "A TPM 2.0", noun_tpm},
	{"nv", "put|get|list...", "Data that outlives program and daemon", noun_nv},
	{"app", "list|status...", "The programs that the daemon runs", noun_app},
	{"alarm", "MS", "Waits", noun_alarm},
	{"log", "TEXT", "A line into the log", noun_log},
	{"log-level", "[LEVEL]", "How much the daemon writes into its log", noun_log_level},
};

static const struct verbs cli = {
	.kind = "command",
	.doc = "Uses the secure processor that plutond provides.\v"
	       "`pluton-cli COMMAND --help' explains a command.\n"
	       "\n"
	       "Exit status: 0 done, 1 refused or failed, 2 wrong command line, 3 no daemon.\n"
	       "\n"
	       "Examples:\n"
	       "  pluton-cli status\n"
	       "  pluton-cli random 32\n"
	       "  pluton-cli hash sha256 FILE\n"
	       "  pluton-cli ps --json\n"
	       "  pluton-run -- pluton-cli status      with a private daemon\n",
	.table = nouns,
	.count = sizeof(nouns) / sizeof(nouns[0]),
};

/* argp, in libc, must find it. */
__attribute__((visibility("default"))) const char *argp_program_version =
	"pluton-cli (" PACKAGE_NAME ") " PACKAGE_VERSION;

/* A file of ours must not become descriptor 0, 1 or 2: an error message would land in it. */
static void occupy_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
	}
}

static int flush_output(void)
{
	if (fflush(stdout) == 0)
		return CLI_DONE;
	return fail_system(errno,
			   "cannot write the answer, standard output: %s, make room or send it "
			   "elsewhere",
			   strerror(errno));
}

int main(int argc, char **argv)
{
	static char name[] = "pluton-cli";
	struct session session = {0};
	int status, flushed;

	occupy_standard_descriptors();
	argp_err_exit_status = CLI_USAGE;
	(void)setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
	if (argc > 0)
		argv[0] = name;
	status = verbs_run(&cli, &session, argc, argv);
	session_close(&session);
	flushed = flush_output();
	return status ? status : flushed;
}
