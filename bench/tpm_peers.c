/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each peer is ready when what it makes is there: a socket, or a line with the bus's address.
 * swtpm wants absolute paths; with others every command fails and nothing says why.
 */
#include "bench/tpm_peers.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include "bench/cpus.h"
#include "bench/program.h"
#include "bench/race.h"

#define READY_NS (20ull * 1000000000)
#define PAUSE_US 5000
#define PROCESSES 5
#define ARGUMENTS_MAX 16

static struct {
	char folder[32];
	pid_t pids[PROCESSES]; /* in the order in which they were started */
	size_t count;
	pid_t owner;
} running;

static bool installed(const char *program)
{
	const char *const folders[] = {"/usr/bin", "/usr/sbin", "/usr/local/bin"};
	char path[64];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	program_skip("not measured: %s is not installed", program);
	return false;
}

bool tpm_peers_present(void)
{
	return installed("swtpm") && installed("tpm2-abrmd") && installed("dbus-daemon");
}

/* --- processes ------------------------------------------------------------------------------- */

/* What it prints goes to `output`, its complaints to `log`. */
static pid_t spawn(char *const arguments[], int output, int log)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		program_fail("fork: %s", strerror(errno));
	if (pid > 0) {
		running.pids[running.count++] = pid;
		return pid;
	}
	run_signals_give_back(program_signals());
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
	    dup2(output, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0)
		execvp(arguments[0], arguments);
	_exit(127);
}

static int log_file(const char *folder)
{
	char path[TPM_PEER_PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/log", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		program_fail("%s: %s", path, strerror(errno));
	return fd;
}

static void wait_a_moment(pid_t pid, uint64_t until_ns, const char *what)
{
	if (race_now_ns() > until_ns || waitpid(pid, NULL, WNOHANG) == pid)
		program_fail("%s does not start", what);
	program_check_signals();
	usleep(PAUSE_US);
}

/* --- swtpm ----------------------------------------------------------------------------------- */

static bool connects(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected;

	memcpy(name.sun_path, path, strlen(path));
	connected = fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0;
	close(fd);
	return connected;
}

static pid_t start_swtpm(const char *name, char ret_path[TPM_PEER_PATH_MAX])
{
	static char program[] = "swtpm", socket_word[] = "socket", tpm2[] = "--tpm2",
		    server_word[] = "--server", ctrl_word[] = "--ctrl", state_word[] = "--tpmstate",
		    flags_word[] = "--flags", flags[] = "not-need-init,startup-clear";
	char server[128], control[128], state[128], folder[64];
	char *arguments[] = {program, socket_word, tpm2,  server_word, server, ctrl_word,
			     control, state_word,  state, flags_word,  flags,  NULL};
	uint64_t until = race_now_ns() + READY_NS;
	int log;
	pid_t pid;

	snprintf(folder, sizeof(folder), "%s/%s", running.folder, name);
	if (mkdir(folder, 0700) < 0)
		program_fail("%s: %s", folder, strerror(errno));
	snprintf(ret_path, TPM_PEER_PATH_MAX, "%s/s", folder);
	snprintf(server, sizeof(server), "type=unixio,path=%s", ret_path);
	snprintf(control, sizeof(control), "type=unixio,path=%s.ctrl", ret_path);
	snprintf(state, sizeof(state), "dir=%s", folder);
	log = log_file(folder);
	pid = spawn(arguments, log, log);
	close(log);
	while (!connects(ret_path))
		wait_a_moment(pid, until, "swtpm");
	return pid;
}

/* --- tpm2-abrmd on a bus --------------------------------------------------------------------- */

static void start_bus(void)
{
	static char program[] = "dbus-daemon", session[] = "--session", nofork[] = "--nofork",
		    nopidfile[] = "--nopidfile", print[] = "--print-address";
	char *arguments[] = {program, session, nofork, nopidfile, print, NULL};
	char address[256];
	int pipes[2], log;
	ssize_t n;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		program_fail("pipe: %s", strerror(errno));
	log = log_file(running.folder);
	spawn(arguments, pipes[1], log);
	close(log);
	close(pipes[1]);
	n = read(pipes[0], address, sizeof(address) - 1);
	close(pipes[0]);
	if (n <= 0)
		program_fail("dbus-daemon does not start");
	address[n] = '\0';
	address[strcspn(address, "\n")] = '\0';
	setenv("DBUS_SESSION_BUS_ADDRESS", address, 1);
}

/* While it is not there, GLib and the TCTI complain; nobody wants to know. */
static bool answers(int log)
{
	TSS2_TCTI_CONTEXT *context = NULL;
	int complaints = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	bool good;

	dup2(log, STDERR_FILENO);
	good = Tss2_TctiLdr_Initialize("tabrmd:bus_type=session", &context) == TSS2_RC_SUCCESS;
	Tss2_TctiLdr_Finalize(&context);
	dup2(complaints, STDERR_FILENO);
	close(complaints);
	return good;
}

static pid_t start_abrmd(const char *swtpm_path)
{
	static char program[] = "tpm2-abrmd", session[] = "--session", root[] = "--allow-root";
	char tcti[128];
	char *arguments[] = {program, session, tcti, geteuid() == 0 ? root : NULL, NULL};
	uint64_t until = race_now_ns() + READY_NS;
	int log = log_file(running.folder);
	pid_t pid;

	snprintf(tcti, sizeof(tcti), "--tcti=swtpm:path=%s", swtpm_path);
	pid = spawn(arguments, log, log);
	while (!answers(log))
		wait_a_moment(pid, until, "tpm2-abrmd");
	close(log);
	return pid;
}

/* --- all of them ----------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

void tpm_peers_stop(void)
{
	if (running.owner != getpid())
		return;
	while (running.count > 0) {
		pid_t pid = running.pids[--running.count];

		kill(pid, SIGTERM);
		waitpid(pid, NULL, 0);
	}
	nftw(running.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	running.owner = 0;
}

void tpm_peers_start(struct tpm_peers *peers, int cpu)
{
	static bool registered;
	char third[TPM_PEER_PATH_MAX];

	if (!registered && atexit(tpm_peers_stop) != 0)
		program_fail("atexit");
	registered = true;
	strcpy(running.folder, "/tmp/tpm-peers.XXXXXX");
	if (!mkdtemp(running.folder))
		program_fail("%s: %s", running.folder, strerror(errno));
	running.owner = getpid();
	cpus_pin(cpu);
	start_swtpm("raw", peers->raw);
	start_swtpm("tcti", peers->tcti);
	peers->abrmd_swtpm = start_swtpm("abrmd", third);
	start_bus();
	peers->abrmd = start_abrmd(third);
	cpus_pin(CPU_ANY);
}
