/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine that starts apps by fork, with real processes: what they are given, what becomes of
 * those that fail, hang, lie or shout, and that one plutond takes over another's.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/fork/fork.h"
#include "backends/fork/spawn.h"
#include "daemon/kernel/poison.h"
#include "tests/suite.h"
#include "tests/unit/app_rig.h"
#include "tests/unit/fork_app.h"

#define NOBODY 65534

/* --- the rig --------------------------------------------------------------------------------- */

static struct {
	char socket[128], notify[144], program[256];
} paths;

static void begin_test(void)
{
	ssize_t n;

	rig_begin();
	memset(&paths, 0, sizeof(paths));
	n = readlink("/proc/self/exe", paths.program, sizeof(paths.program) - 1);
	must(n > 0, "readlink");
	snprintf(paths.socket, sizeof(paths.socket), "%s/sock", rig.folder);
	snprintf(paths.notify, sizeof(paths.notify), "%s.notify", paths.socket);
}

static int open_fork(const struct backend_environment *environment, struct backend_instance **ret)
{
	const char *folders[] = {rig.definitions, NULL};
	const struct fork_options options = {.socket = paths.socket,
					     .state = rig.folder,
					     .bus = "off",
					     .definition_folders = folders};

	return fork_open_with(environment, &options, ret);
}

static void open_engine(void)
{
	rig_open(open_fork);
}

static void close_engine(void)
{
	rig_close(fork_close);
}

static void end_test(void)
{
	close_engine();
	rig_remove();
}

/* An app that behaves in that way; `more` are further lines of its file. */
static void define(const char *name, const char *way, const char *more)
{
	char path[160], text[1024];

	snprintf(path, sizeof(path), "%s/%s.conf", rig.definitions, name);
	snprintf(text, sizeof(text),
		 "[app]\nexec = %s --app %s\nrestart_delay = 10ms\nrestart_delay_max = 100ms\n"
		 "stop_timeout = 200ms\n%s",
		 paths.program, way, more);
	write_text(path, text);
}

static const char *path_of(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", rig.folder, name);
	return path;
}

/* A way with the path of a file in the folder after it. */
static void define_with_file(const char *name, const char *way, const char *file, const char *rest,
			     const char *more)
{
	char text[320];

	snprintf(text, sizeof(text), "%s %s %s", way, path_of(file), rest);
	define(name, text, more);
}

static void read_text(const char *name, char *buf, size_t size)
{
	FILE *file = fopen(path_of(name), "re");
	size_t n = file ? fread(buf, 1, size - 1, file) : 0;

	buf[n] = '\0';
	if (file)
		fclose(file);
}

static bool is_alive(pid_t pid)
{
	return pid > 0 && kill(pid, 0) == 0;
}

static void open_with_one(const char *way, const char *more)
{
	begin_test();
	define("one", way, more);
	open_engine();
}

/* --- starting and stopping ------------------------------------------------------------------- */

static void test_an_app_runs_when_it_says_that_it_is_ready(void)
{
	struct app_status status;

	open_with_one("ready", "");
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	status = status_of("one");
	CU_ASSERT_EQUAL(status.state, APP_RUNNING);
	CU_ASSERT_EQUAL(status.starts, 1);
	CU_ASSERT_EQUAL(status.failures, 0);
	CU_ASSERT_STRING_EQUAL(status.reason, "");
	CU_ASSERT_TRUE(is_alive((pid_t)status.pid));
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	CU_ASSERT_EQUAL(perform(APP_DEMAND, "one"), 0);
	CU_ASSERT_EQUAL(status_of("one").pid, status.pid);
	CU_ASSERT_EQUAL(status_of("one").starts, 1);
	assert_contains(rig.log, "one: an app was started");
	end_test();
	CU_ASSERT_FALSE(is_alive((pid_t)status.pid));
}

static void test_a_stopped_app_is_gone_and_stays_so(void)
{
	pid_t pid;

	open_with_one("ready", "restart = always\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	pid = (pid_t)status_of("one").pid;
	CU_ASSERT_EQUAL(perform(APP_STOP, "one"), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	CU_ASSERT_EQUAL(status_of("one").pid, 0);
	CU_ASSERT_FALSE(is_alive(pid));
	CU_ASSERT_EQUAL(perform(APP_STOP, "one"), 0);
	assert_contains(rig.log, "one: an app stopped, as asked");
	end_test();
}

static void test_a_restarted_app_is_another_process(void)
{
	uint32_t pid;

	open_with_one("ready", "restart = no\n");
	CU_ASSERT_EQUAL(perform(APP_RESTART, "one"), 0); /* starts it */
	pid = status_of("one").pid;
	CU_ASSERT_EQUAL(perform(APP_RESTART, "one"), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_RUNNING);
	CU_ASSERT_NOT_EQUAL(status_of("one").pid, pid);
	CU_ASSERT_EQUAL(status_of("one").starts, 2);
	end_test();
}

static void test_an_app_there_is_not_is_no_device(void)
{
	struct asked asked;
	uint32_t index;

	open_with_one("ready", "");
	CU_ASSERT_EQUAL(ask(&asked, APP_START, "two"), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(rig.engine->ops->find(rig.engine, "two", &index), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(rig.engine->ops->status(rig.engine, 1, &(struct app_status){0}),
			-PLUTON_ENODEVICE);
	end_test();
}

static void test_a_stop_overtakes_a_start(void)
{
	struct asked start, demand, stop;

	open_with_one("never-ready", "");
	CU_ASSERT_EQUAL(ask(&start, APP_START, "one"), 0);
	CU_ASSERT_EQUAL(ask(&demand, APP_DEMAND, "one"), 0);
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	CU_ASSERT_EQUAL(await_answer(&start), -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(await_answer(&demand), -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(await_answer(&stop), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	end_test();
}

static void test_who_asks_while_it_is_being_stopped_gets_it_afterwards(void)
{
	struct asked stop, start;
	uint32_t pid;

	open_with_one("ready", "");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	pid = status_of("one").pid;
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPING);
	CU_ASSERT_EQUAL(ask(&start, APP_DEMAND, "one"), 0);
	CU_ASSERT_EQUAL(await_answer(&stop), 0);
	CU_ASSERT_EQUAL(await_answer(&start), 0);
	CU_ASSERT_NOT_EQUAL(status_of("one").pid, pid);
	end_test();
}

static void test_a_restart_while_it_is_being_stopped_is_a_start_after_that(void)
{
	struct asked stop, restart;
	char given[64];

	begin_test();
	define_with_file("one", "store", "given", "1", "");
	open_engine();
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	CU_ASSERT_EQUAL(ask(&restart, APP_RESTART, "one"), 0);
	CU_ASSERT_EQUAL(await_answer(&stop), 0);
	CU_ASSERT_EQUAL(await_answer(&restart), 0);
	read_text("given", given, sizeof(given));
	assert_contains(given, "given=0"); /* who was told that it stopped was told the truth */
	CU_ASSERT_EQUAL(status_of("one").starts, 2);
	end_test();
}

static void test_a_restart_while_it_is_being_restarted_is_the_same_one(void)
{
	struct asked first, second;

	open_with_one("ready", "");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	CU_ASSERT_EQUAL(ask(&first, APP_RESTART, "one"), 0);
	CU_ASSERT_EQUAL(ask(&second, APP_RESTART, "one"), 0);
	CU_ASSERT_EQUAL(await_answer(&first), 0);
	CU_ASSERT_EQUAL(await_answer(&second), 0);
	CU_ASSERT_EQUAL(status_of("one").starts, 2);
	end_test();
}

static void test_a_request_can_be_cancelled_and_the_app_goes_on(void)
{
	struct asked asked;

	open_with_one("never-ready", "");
	CU_ASSERT_EQUAL(ask(&asked, APP_START, "one"), 0);
	CU_ASSERT_EQUAL(rig.engine->ops->cancel(rig.engine, &asked.client), 0);
	CU_ASSERT_EQUAL(asked.answers, 0);
	CU_ASSERT_EQUAL(await_answer(&asked), -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STARTING);
	CU_ASSERT_EQUAL(rig.engine->ops->cancel(rig.engine, &asked.client), -PLUTON_EINVAL);
	end_test();
}

static void test_sixteen_may_wait_and_not_seventeen(void)
{
	struct asked asked[HIL_CONCURRENCY_MAX], one_more;

	open_with_one("never-ready", "start_timeout = 50ms\nrestart = no\n");
	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++)
		CU_ASSERT_EQUAL(ask(&asked[i], APP_DEMAND, "one"), 0);
	CU_ASSERT_EQUAL(ask(&one_more, APP_DEMAND, "one"), -PLUTON_EBUSY);
	for (unsigned i = 0; i < HIL_CONCURRENCY_MAX; i++)
		CU_ASSERT_EQUAL(await_answer(&asked[i]), -PLUTON_EFAIL);
	end_test();
}

static void test_begin_starts_those_that_start_at_boot(void)
{
	begin_test();
	define("boot", "ready", "start = boot\n");
	define("demand", "ready", "");
	define("manual", "ready", "start = manual\n");
	open_engine();
	CU_ASSERT_EQUAL(status_of("boot").state, APP_STOPPED);
	rig.instance->apps->begin(rig.instance);
	await_state("boot", APP_RUNNING);
	CU_ASSERT_EQUAL(status_of("demand").state, APP_STOPPED);
	CU_ASSERT_EQUAL(status_of("manual").state, APP_STOPPED);
	CU_ASSERT_EQUAL(perform(APP_DEMAND, "manual"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(status_of("manual").starts, 0);
	assert_contains(status_of("manual").reason, "by an administrator only");
	CU_ASSERT_EQUAL(perform(APP_START, "manual"), 0);
	CU_ASSERT_EQUAL(perform(APP_DEMAND, "manual"), 0);
	end_test();
}

static void test_the_end_stops_all_and_starts_none(void)
{
	struct asked start;

	begin_test();
	define("one", "ready", "restart = always\n");
	define("two", "deaf", "restart = always\n");
	define("three", "end 1", "restart = always\n");
	open_engine();
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	CU_ASSERT_EQUAL(perform(APP_START, "two"), 0);
	CU_ASSERT_EQUAL(perform(APP_START, "three"), -PLUTON_EFAIL);
	rig.instance->apps->end(rig.instance, rig_on_ended, NULL);
	CU_ASSERT_FALSE(rig.ended);
	CU_ASSERT_EQUAL(ask(&start, APP_START, "three"), 0);
	CU_ASSERT_EQUAL(await_answer(&start), -PLUTON_EFAIL);
	while (!rig.ended)
		turn();
	CU_ASSERT_EQUAL(status_of("one").pid, 0);
	CU_ASSERT_EQUAL(status_of("two").pid, 0);
	CU_ASSERT_EQUAL(status_of("three").pid, 0);
	assert_contains(rig.log, "two: an app did not end within stop_timeout: killed");
	end_test();
}

static void test_the_end_of_nothing_is_at_once(void)
{
	open_with_one("ready", "");
	rig.instance->apps->end(rig.instance, rig_on_ended, NULL);
	CU_ASSERT_TRUE(rig.ended);
	end_test();
}

/* --- what an app is given -------------------------------------------------------------------- */

static char text[16384];

static void report_of(const char *more)
{
	begin_test();
	define_with_file("one", "report", "report", "", more);
	setenv("SECRET_OF_PLUTOND", "1", 1);
	open_engine();
	CU_ASSERT_EQUAL_FATAL(perform(APP_START, "one"), 0);
	read_text("report", text, sizeof(text));
}

static void test_an_app_is_given_what_it_needs_and_nothing_else(void)
{
	char line[256];
	int leaked = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */

	report_of("watchdog = 5s\n");
	snprintf(line, sizeof(line), "PLUTON_ADDRESS=unix:%s\n", paths.socket);
	assert_contains(text, line);
	snprintf(line, sizeof(line), "NOTIFY_SOCKET=%s\n", paths.notify);
	assert_contains(text, line);
	assert_contains(text, "PLUTON_APP=one\n");
	assert_contains(text, "PLUTON_BUS=off\n");
	assert_contains(text, "PLUTON_LOG_LEVEL=warning\n");
	assert_contains(text, "PATH=/");
	assert_contains(text, "WATCHDOG_USEC=5000000\n");
	snprintf(line, sizeof(line), "WATCHDOG_PID=%u\n", status_of("one").pid);
	assert_contains(text, line);
	CU_ASSERT_PTR_NULL(strstr(text, "SECRET_OF_PLUTOND"));
	CU_ASSERT_PTR_NULL(strstr(text, "LISTEN_FDS"));
	CU_ASSERT_PTR_NULL(strstr(text, "HOME="));
	assert_contains(text, "fd=0\nfd=1\nfd=2\n");
	CU_ASSERT_PTR_NULL(strstr(text, "fd=3\n"));
	CU_ASSERT_PTR_NULL(strstr(text, "fd=4\n"));
	assert_contains(text, "NoNewPrivs:\t1\n");
	assert_contains(text, "Umask:\t0077\n");
	assert_contains(text, "SigBlk:\t0000000000000000\n");
	assert_contains(text, "SigIgn:\t0000000000000000\n");
	assert_contains(text, "session=1\ncwd=/\n");
	end_test();
	close(leaked);
}

static void test_signals_that_plutond_ignores_or_blocks_reach_the_app(void)
{
	sigset_t all;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&all);
	sigaddset(&all, SIGUSR1);
	sigprocmask(SIG_BLOCK, &all, NULL);
	report_of("");
	assert_contains(text, "SigBlk:\t0000000000000000\n");
	assert_contains(text, "SigIgn:\t0000000000000000\n");
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	signal(SIGPIPE, SIG_DFL);
	end_test();
}

static void test_an_app_runs_as_its_user(void)
{
	if (geteuid() != 0)
		suite_skip("only root can run an app as another user");
	begin_test();
	must(mkdir(path_of("out"), 0777) == 0 && chmod(path_of("out"), 0777) == 0, "mkdir");
	define_with_file("one", "report", "out/report", "", "user = nobody\n");
	open_engine();
	CU_ASSERT_EQUAL_FATAL(perform(APP_START, "one"), 0);
	read_text("out/report", text, sizeof(text));
	assert_contains(text, "Uid:\t65534\t65534\t65534\t65534\n");
	assert_contains(text, "CapEff:\t0000000000000000\n");
	assert_contains(text, "CapPrm:\t0000000000000000\n");
	end_test();
}

/* As somebody else if we are root; true: the app was refused, and told why. */
static bool is_refused_another_user(void)
{
	bool told;

	if (geteuid() == 0)
		must(setuid(NOBODY) == 0, "setuid");
	open_engine();
	told = perform(APP_START, "one") == -PLUTON_EFAIL &&
	       strstr(status_of("one").reason, "only root can run it as root");
	close_engine();
	return told;
}

static void test_without_root_another_user_is_refused_with_advice(void)
{
	int status;
	pid_t pid;

	begin_test();
	define("one", "ready", "user = root\nrestart = no\n");
	must(geteuid() != 0 || chown(rig.folder, NOBODY, NOBODY) == 0, "chown");
	pid = fork();
	if (pid == 0)
		_exit(is_refused_another_user() ? EXIT_SUCCESS : EXIT_FAILURE);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
	rig_remove();
}

static void test_a_user_there_is_not_is_told(void)
{
	open_with_one("ready", "user = no-such-user\nrestart = no\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	assert_contains(status_of("one").reason, "there is no user no-such-user");
	end_test();
}

/* --- those that fail ------------------------------------------------------------------------- */

static void test_one_that_ends_at_once_is_tried_again_ever_more_slowly(void)
{
	uint64_t longest = 0;

	open_with_one("end 3", "restart = always\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	assert_contains(status_of("one").reason, "ended with status 3; its messages say why");
	while (status_of("one").starts < 7) {
		struct app_status status = status_of("one");

		if (status.state == APP_WAITING && status.retry_ms > longest)
			longest = status.retry_ms;
		turn();
	}
	CU_ASSERT_TRUE(longest <= 100); /* restart_delay_max */
	CU_ASSERT_TRUE(status_of("one").failures >= 6);
	assert_contains(rig.log, "again in 10 ms\n");
	assert_contains(rig.log, "again in 20 ms\n");
	assert_contains(rig.log, "again in 40 ms\n");
	assert_contains(rig.log, "again in 80 ms\n");
	assert_contains(rig.log, "again in 100 ms\n");
	end_test();
}

static void test_one_that_crashes_is_started_again_by_itself(void)
{
	struct app_status status;

	open_with_one("ready", "");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	kill((pid_t)status_of("one").pid, SIGKILL);
	await_starts("one", 2);
	await_state("one", APP_RUNNING);
	status = status_of("one");
	CU_ASSERT_EQUAL(status.failures, 1);
	assert_contains(rig.log, "one: an app ended by signal 9, Killed");
	end_test();
}

static void test_its_policy_says_whether_it_is_started_again(void)
{
	begin_test();
	define("never", "ready-end 1", "restart = no\n");
	define("clean", "ready-end 0", "restart = on-failure\n");
	define("failed", "ready-end 1", "restart = on-failure\n");
	define("always", "ready-end 0", "restart = always\n");
	open_engine();
	CU_ASSERT_EQUAL(perform(APP_START, "never"), 0);
	CU_ASSERT_EQUAL(perform(APP_START, "clean"), 0);
	CU_ASSERT_EQUAL(perform(APP_START, "failed"), 0);
	CU_ASSERT_EQUAL(perform(APP_START, "always"), 0);
	await_starts("always", 3);
	await_starts("failed", 3);
	CU_ASSERT_EQUAL(status_of("never").state, APP_FAILED);
	CU_ASSERT_EQUAL(status_of("never").starts, 1);
	assert_contains(status_of("never").reason, "ended with status 1");
	CU_ASSERT_EQUAL(status_of("clean").state, APP_STOPPED);
	CU_ASSERT_EQUAL(status_of("clean").starts, 1);
	assert_contains(status_of("clean").reason, "ended with status 0");
	end_test();
}

/* Living or dead. */
static bool has_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void test_one_that_cannot_be_noted_is_not_run_and_leaves_no_child(void)
{
	open_with_one("ready", "restart = no\n");
	write_text(path_of("apps"), "is no folder"); /* where its run file would be */
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	assert_contains(status_of("one").reason, "its run file cannot be written: Not a dir");
	CU_ASSERT_FALSE(has_children());
	end_test();
}

static void test_one_that_cannot_be_watched_leaves_no_child(void)
{
	static char *nothing[] = {NULL};
	static const int none;
	const struct spawn spawn = {.program = -1,
				    .path = "",
				    .arguments = nothing,
				    .environment = nothing,
				    .stored = &none};
	struct spawned spawned;
	struct rlimit before = {0}, few;
	int next = dup(STDERR_FILENO);

	must(next >= 0 && getrlimit(RLIMIT_NOFILE, &before) == 0, "getrlimit");
	close(next);
	few = before;
	few.rlim_cur = (rlim_t)next + 2; /* enough for the gate alone */
	must(setrlimit(RLIMIT_NOFILE, &few) == 0, "setrlimit");
	CU_ASSERT_EQUAL(spawn_start(&spawn, &spawned), -EMFILE);
	must(setrlimit(RLIMIT_NOFILE, &before) == 0, "setrlimit");
	CU_ASSERT_FALSE(has_children());
	CU_ASSERT_EQUAL(dup(STDERR_FILENO), next); /* nor a descriptor */
	close(next);
}

static void test_one_that_cannot_do_with_its_configuration_is_not_tried_again(void)
{
	open_with_one("end 78", "restart = always\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(status_of("one").state, APP_FAILED);
	assert_contains(status_of("one").reason, "configuration or state is wrong");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL); /* unless somebody asks */
	CU_ASSERT_EQUAL(status_of("one").starts, 2);
	end_test();
}

static void test_demand_waits_for_the_back_off_and_an_administrator_does_not(void)
{
	struct asked demand;

	begin_test();
	define_with_file("one", "end-unless", "open", "",
			 "restart = no\nrestart_delay = 1h\nrestart_delay_max = 1h\n");
	open_engine();
	CU_ASSERT_EQUAL(perform(APP_DEMAND, "one"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(status_of("one").state, APP_FAILED);
	write_text(path_of("open"), "");
	CU_ASSERT_EQUAL(ask(&demand, APP_DEMAND, "one"), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_WAITING);
	CU_ASSERT_TRUE(status_of("one").retry_ms > 0);
	turn();
	CU_ASSERT_EQUAL(demand.answers, 0);
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	CU_ASSERT_EQUAL(await_answer(&demand), 0);
	end_test();
}

static void test_one_that_is_never_ready_is_killed_after_start_timeout(void)
{
	open_with_one("never-ready", "start_timeout = 30ms\nrestart = no\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(status_of("one").state, APP_FAILED);
	CU_ASSERT_STRING_EQUAL(status_of("one").reason,
			       "did not say READY=1 in 30 ms; mend it, or raise start_timeout");
	end_test();
}

static void test_one_that_does_not_stop_is_killed_after_stop_timeout(void)
{
	open_with_one("deaf", "stop_timeout = 30ms\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	CU_ASSERT_EQUAL(perform(APP_STOP, "one"), 0);
	assert_contains(rig.log, "one: an app did not end within stop_timeout: killed");
	end_test();
}

static void test_one_that_says_that_it_stops_must(void)
{
	open_with_one("stop-for-ever", "stop_timeout = 30ms\nrestart = no\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	await_state("one", APP_FAILED);
	assert_contains(status_of("one").reason, "ended by signal 9");
	end_test();
}

static void test_one_that_hangs_is_killed_by_its_watchdog(void)
{
	open_with_one("watch 3", "watchdog = 50ms\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	await_starts("one", 2);
	assert_contains(rig.log, "one: an app said no WATCHDOG=1 for 50 ms; mend it, or raise");
	end_test();
}

static void test_one_that_hangs_and_is_deaf_is_killed_too(void)
{
	open_with_one("deaf", "watchdog = 30ms\nstop_timeout = 30ms\nrestart = no\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	await_state("one", APP_FAILED);
	assert_contains(status_of("one").reason, "said no WATCHDOG=1");
	end_test();
}

static void test_one_that_asks_for_its_watchdog_gets_it(void)
{
	open_with_one("trigger", "watchdog = 1h\nrestart = no\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	await_state("one", APP_FAILED);
	assert_contains(status_of("one").reason, "said no WATCHDOG=1");
	end_test();
}

static void test_one_that_eats_memory_ends_at_memory_max(void)
{
#ifdef MEMORY_POISON_WORKS
	suite_skip("a sanitizer takes terabytes of address space");
#elif defined(__SANITIZE_THREAD__)
	suite_skip("a sanitizer takes terabytes of address space");
#else
	open_with_one("eat", "memory_max = 64M\nrestart = no\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	await_state("one", APP_FAILED);
	assert_contains(status_of("one").reason, "ended by signal 6, Aborted (memory_max?)");
	end_test();
#endif
}

static void test_what_an_app_forked_ends_with_it(void)
{
	const char *name = "", *drivers = NULL;
	char child[32];
	pid_t pid;

	prctl(PR_SET_CHILD_SUBREAPER, 1); /* so that we see it end */
	begin_test();
	define_with_file("one", "child", "child", "", "drivers = rng\n");
	open_engine();
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	read_text("child", child, sizeof(child));
	pid = (pid_t)atoi(child);
	CU_ASSERT_TRUE(is_alive(pid));
	CU_ASSERT_TRUE(
		rig.instance->apps->identify(rig.instance, pid, geteuid(), true, &name, &drivers));
	CU_ASSERT_PTR_NULL(name); /* it is not the app, and may not use more than the app */
	CU_ASSERT_STRING_EQUAL(drivers, "rng");
	CU_ASSERT_EQUAL(perform(APP_STOP, "one"), 0);
	CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	end_test();
}

/* --- programs and files ---------------------------------------------------------------------- */

static void assert_cannot_start(const char *name, const char *why)
{
	CU_ASSERT_EQUAL(perform(APP_START, name), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(status_of(name).state, APP_FAILED);
	CU_ASSERT_EQUAL(status_of(name).pid, 0);
	assert_contains(status_of(name).reason, why);
}

static void write_definition(const char *name, const char *lines)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s.conf", rig.definitions, name);
	write_text(path, lines);
}

static void test_a_program_that_cannot_run_says_why(void)
{
	begin_test();
	write_definition("missing", "[app]\nexec = /nonexistent/program\n");
	write_definition("unknown", "[app]\nexec = no-such-program-anywhere\n");
	write_definition("folder", "[app]\nexec = /tmp\n");
	write_definition("device", "[app]\nexec = /dev/zero\n");
	open_engine();
	assert_cannot_start("missing", "/nonexistent/program: No such file or directory");
	assert_cannot_start("unknown", "there is no program no-such-program-anywhere; install it");
	assert_cannot_start("folder", "/tmp is no file; correct exec");
	assert_cannot_start("device", "/dev/zero is no file; correct exec");
	end_test();
}

/* The app of a name is the program of that name in the folder. */
static void define_program(const char *name)
{
	char lines[256];

	snprintf(lines, sizeof(lines), "[app]\nrestart = no\nexec = %s\n", path_of(name));
	write_definition(name, lines);
}

static void test_what_is_no_program_fails_and_is_told_by_the_child(void)
{
	begin_test();
	write_text(path_of("plain"), "this is no program\n");
	write_text(path_of("broken"), "#!/nonexistent/interpreter\n");
	chmod(path_of("broken"), 0755);
	define_program("plain");
	define_program("broken");
	open_engine();
	assert_cannot_start("plain", "was not executed, exec: Permission denied");
	assert_cannot_start("broken", "was not executed, exec: No such file or directory");
	end_test();
}

static void test_a_script_runs(void)
{
	char body[512];

	begin_test();
	snprintf(body, sizeof(body), "#!/bin/sh\nexec %s --app ready\n", paths.program);
	write_text(path_of("script"), body);
	chmod(path_of("script"), 0755);
	define_program("script");
	open_engine();
	CU_ASSERT_EQUAL(perform(APP_START, "script"), 0);
	end_test();
}

static void hash_program(char hex[65])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char piece[4096], hash[32];
	FILE *file = fopen(paths.program, "re");
	size_t length;

	must(file && context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1, "hash");
	while ((length = fread(piece, 1, sizeof(piece), file)) > 0)
		EVP_DigestUpdate(context, piece, length);
	EVP_DigestFinal_ex(context, hash, NULL);
	EVP_MD_CTX_free(context);
	fclose(file);
	for (int i = 0; i < 32; i++)
		sprintf(hex + 2 * i, "%02x", hash[i]);
}

static void copy_program(void)
{
	char command[512];

	snprintf(command, sizeof(command), "cp %s %s/copy", paths.program, rig.folder);
	must(system(command) == 0, "cp");
	snprintf(paths.program, sizeof(paths.program), "%s/copy", rig.folder);
}

static void test_a_program_with_the_right_hash_runs(void)
{
	char more[128] = "sha256 = ";

	begin_test();
	copy_program();
	chmod(paths.program, 0755);
	hash_program(more + strlen(more));
	strcat(more, "\n");
	define("one", "ready", more);
	open_engine();
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	end_test();
}

static void test_a_program_with_another_hash_does_not_run(void)
{
	char more[128] = "sha256 = ";

	begin_test();
	copy_program();
	chmod(paths.program, 0755);
	hash_program(more + strlen(more));
	more[20] = more[20] == '0' ? '1' : '0';
	strcat(more, "\nrestart = always\n");
	define("one", "ready", more);
	open_engine();
	assert_cannot_start("one", "copy is not what sha256 says; reinstall it, or correct sha256");
	CU_ASSERT_EQUAL(status_of("one").starts, 0);
	end_test();
}

static void test_a_program_with_a_hash_that_others_can_write_does_not_run(void)
{
	char more[128] = "sha256 = ";

	begin_test();
	copy_program();
	chmod(paths.program, 0775);
	hash_program(more + strlen(more));
	strcat(more, "\n");
	define("one", "ready", more);
	open_engine();
	assert_cannot_start("one", "/copy; chmod go-w it");
	end_test();
}

static void test_a_stop_while_the_hash_is_made_is_a_stop(void)
{
	struct asked start, stop;
	char more[128] = "sha256 = ";

	begin_test();
	hash_program(more + strlen(more));
	strcat(more, "\n");
	define("one", "ready", more);
	open_engine();
	CU_ASSERT_EQUAL(ask(&start, APP_START, "one"), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STARTING);
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	CU_ASSERT_EQUAL(await_answer(&start), -PLUTON_ECANCEL);
	CU_ASSERT_EQUAL(await_answer(&stop), 0);
	CU_ASSERT_EQUAL(status_of("one").starts, 0);
	end_test();
}

static void test_a_wrong_file_is_that_apps_failure_and_no_others(void)
{
	char line[160];

	begin_test();
	define("good", "ready", "");
	define("wrong", "ready", "restart = maybe\n");
	define("stranger", "ready", "drivers = rng, bogus\n");
	open_engine();
	snprintf(line, sizeof(line), "wrong: %s/wrong.conf:6: restart: \"maybe\"", rig.definitions);
	assert_contains(rig.log, line);
	CU_ASSERT_EQUAL(status_of("wrong").state, APP_FAILED);
	assert_contains(status_of("wrong").reason, "wrong.conf:6: restart: \"maybe\"");
	CU_ASSERT_EQUAL(status_of("stranger").state, APP_FAILED);
	assert_contains(status_of("stranger").reason, "drivers: \"bogus\" is no capsule");
	CU_ASSERT_EQUAL(perform(APP_DEMAND, "wrong"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(perform(APP_START, "wrong"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(perform(APP_START, "good"), 0);
	end_test();
}

static void test_a_reload_finds_new_apps_and_forgets_old_ones(void)
{
	uint32_t index;
	char command[160];
	pid_t pid;

	begin_test();
	define("kept", "ready", "");
	define("gone", "ready", "");
	define("running", "ready", "restart = always\n");
	define("wrong", "ready", "restart = maybe\n");
	open_engine();
	CU_ASSERT_EQUAL(perform(APP_START, "kept"), 0);
	CU_ASSERT_EQUAL(perform(APP_START, "running"), 0);
	pid = (pid_t)status_of("kept").pid;
	define("another", "ready", "");
	define("kept", "deaf", "");
	define("wrong", "ready", "");
	snprintf(command, sizeof(command), "cd %s && rm gone.conf running.conf", rig.definitions);
	must(system(command) == 0, "rm");
	CU_ASSERT_EQUAL(rig.instance->apps->reload(rig.instance), 0);
	CU_ASSERT_EQUAL(perform(APP_START, "another"), 0);
	CU_ASSERT_EQUAL(perform(APP_START, "wrong"), 0);
	CU_ASSERT_EQUAL((pid_t)status_of("kept").pid, pid);
	CU_ASSERT_EQUAL(rig.engine->ops->find(rig.engine, "gone", &index), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(status_of("running").state, APP_RUNNING);
	CU_ASSERT_EQUAL(perform(APP_START, "running"), 0); /* it runs already */
	CU_ASSERT_EQUAL(perform(APP_RESTART, "running"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(status_of("running").state, APP_RUNNING);
	kill((pid_t)status_of("running").pid, SIGKILL);
	while (rig.engine->ops->find(rig.engine, "running", &index) == 0)
		turn();
	/* The new way holds from the next start on. */
	CU_ASSERT_EQUAL(perform(APP_RESTART, "kept"), 0);
	CU_ASSERT_EQUAL(perform(APP_STOP, "kept"), 0);
	assert_contains(rig.log, "kept: an app did not end within stop_timeout: killed");
	end_test();
}

static void test_one_whose_file_is_gone_is_not_started_for_who_waits_either(void)
{
	struct asked demand;
	char path[160];

	open_with_one("end 1", "restart = always\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	await_state("one", APP_WAITING);
	CU_ASSERT_EQUAL(ask(&demand, APP_DEMAND, "one"), 0);
	snprintf(path, sizeof(path), "%s/one.conf", rig.definitions);
	must(unlink(path) == 0, "unlink");
	CU_ASSERT_EQUAL(rig.instance->apps->reload(rig.instance), 0);
	CU_ASSERT_EQUAL(await_answer(&demand), -PLUTON_EFAIL);
	assert_contains(rig.log, "one: an app cannot be started: its file is gone");
	end_test();
}

/* --- notifications --------------------------------------------------------------------------- */

static bool has_hung_up(int fd)
{
	struct pollfd end = {.fd = fd, .events = POLLIN};

	return poll(&end, 1, 0) == 1;
}

static void test_what_a_stranger_says_is_nothing_and_its_descriptors_are_closed(void)
{
	struct asked asked;
	int ends[2];

	open_with_one("never-ready", "");
	CU_ASSERT_EQUAL(ask(&asked, APP_START, "one"), 0);
	must(pipe(ends) == 0, "pipe");
	CU_ASSERT_EQUAL(fork_app_notify(paths.notify, "READY=1\nFDSTORE=1", 17, ends[1]), 0);
	close(ends[1]);
	while (!has_hung_up(ends[0]))
		turn();
	CU_ASSERT_EQUAL(status_of("one").state, APP_STARTING);
	close(ends[0]);
	end_test();
}

static void test_nonsense_is_not_listened_to(void)
{
	open_with_one("nonsense", "");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_RUNNING);
	end_test();
}

static void test_one_that_shouts_does_not_drown_the_others(void)
{
	begin_test();
	define("loud", "flood", "watchdog = 1h\n");
	define("quiet", "ready", "");
	open_engine();
	CU_ASSERT_EQUAL(perform(APP_START, "loud"), 0);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(perform(APP_RESTART, "quiet"), 0);
	CU_ASSERT_EQUAL(status_of("loud").state, APP_RUNNING);
	CU_ASSERT_EQUAL(perform(APP_STOP, "loud"), 0);
	end_test();
}

static bool identify(pid_t pid, uid_t uid, const char **ret_name, const char **ret_drivers)
{
	return rig.instance->apps->identify(rig.instance, pid, uid, true, ret_name, ret_drivers);
}

static void test_only_a_living_process_that_was_started_is_an_app(void)
{
	const char *name = NULL, *drivers = NULL;
	pid_t pid;

	open_with_one("ready", "drivers = rng, nvmem\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	pid = (pid_t)status_of("one").pid;
	CU_ASSERT_TRUE_FATAL(identify(pid, geteuid(), &name, &drivers));
	CU_ASSERT_STRING_EQUAL(name, "one");
	CU_ASSERT_STRING_EQUAL(drivers, "rng,nvmem");
	CU_ASSERT_FALSE(identify(pid, geteuid() + 1, &name, &drivers)); /* it had that pid before */
	CU_ASSERT_FALSE(identify(getpid(), geteuid(), &name, &drivers));
	CU_ASSERT_FALSE(identify(0, geteuid(), &name, &drivers));
	CU_ASSERT_EQUAL(perform(APP_STOP, "one"), 0);
	CU_ASSERT_FALSE(identify(pid, geteuid(), &name, &drivers));
	end_test();
}

static void test_a_pid_that_is_not_certain_is_that_of_no_app(void)
{
	const char *name = "one", *drivers = NULL;
	pid_t pid;

	open_with_one("ready", "drivers = rng\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	pid = (pid_t)status_of("one").pid;
	CU_ASSERT_TRUE(
		rig.instance->apps->identify(rig.instance, pid, geteuid(), false, &name, &drivers));
	CU_ASSERT_PTR_NULL(name);
	CU_ASSERT_STRING_EQUAL(drivers, "rng");
	end_test();
}

static void test_a_socket_whose_name_is_too_long_leaves_apps_that_say_so(void)
{
	begin_test();
	define("one", "ready", "");
	memset(paths.socket + strlen(paths.socket), 'k', 107 - strlen(paths.socket));
	open_engine();
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	assert_contains(status_of("one").reason, "plutond has no socket for it");
	assert_contains(rig.log, "File name too long; correct daemon.socket");
	end_test();
}

/* --- the store ------------------------------------------------------------------------------- */

static void assert_given(const char *expected)
{
	read_text("given", text, sizeof(text));
	assert_contains(text, expected);
}

static void test_what_is_stored_comes_back_after_a_crash_and_a_restart(void)
{
	begin_test();
	define_with_file("one", "store", "given", "2", "");
	open_engine();
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	assert_given("given=0");
	kill((pid_t)status_of("one").pid, SIGKILL);
	await_starts("one", 2);
	await_state("one", APP_RUNNING);
	assert_given("given=2 names=state0:state1\nkept through it all\n");
	CU_ASSERT_EQUAL(perform(APP_RESTART, "one"), 0);
	/* It stored two more of these names. */
	assert_given("given=4 names=state0:state1:state0:state1\nkept through it all\n");
	CU_ASSERT_PTR_NULL(strstr(text, "wrong"));
	end_test();
}

static void test_a_stop_forgets_what_is_stored(void)
{
	begin_test();
	define_with_file("one", "store", "given", "1", "");
	open_engine();
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	CU_ASSERT_EQUAL(perform(APP_STOP, "one"), 0);
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	assert_given("given=0");
	end_test();
}

static void test_as_many_are_stored_as_fd_store_max_says(void)
{
	begin_test();
	define_with_file("one", "store", "given", "4", "fd_store_max = 3\n");
	define_with_file("two", "store", "given2", "1", "fd_store_max = 0\n");
	open_engine();
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	assert_contains(rig.log, "one: an app stores more than 3 descriptors");
	CU_ASSERT_EQUAL(perform(APP_RESTART, "one"), 0);
	assert_given("given=3 names=state0:state1:state2\n");
	CU_ASSERT_EQUAL(perform(APP_START, "two"), 0);
	assert_contains(rig.log, "two: an app stores more than 0 descriptors");
	end_test();
}

static void test_what_is_removed_does_not_come_back(void)
{
	begin_test();
	define_with_file("one", "store", "given", "2", "");
	open_engine();
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	define_with_file("one", "store", "given", "-1", "");
	CU_ASSERT_EQUAL(rig.instance->apps->reload(rig.instance), 0);
	CU_ASSERT_EQUAL(perform(APP_RESTART, "one"), 0);
	assert_given("given=2 names=state0:state1\n");
	CU_ASSERT_EQUAL(perform(APP_RESTART, "one"), 0);
	assert_given("given=1 names=state1\n");
	end_test();
}

/* --- after a plutond that was killed --------------------------------------------------------- */

/* A plutond that starts the app and is killed; returns the app's pid. */
static pid_t be_killed_with_an_app(void)
{
	int ends[2], status;
	pid_t plutond, app = 0;

	must(pipe(ends) == 0, "pipe");
	plutond = fork();
	if (plutond == 0) {
		open_engine();
		perform(APP_START, "one");
		app = (pid_t)status_of("one").pid;
		must(write(ends[1], &app, sizeof(app)) == sizeof(app), "write");
		kill(getpid(), SIGKILL);
	}
	must(read(ends[0], &app, sizeof(app)) == sizeof(app), "read");
	close(ends[0]);
	close(ends[1]);
	must(waitpid(plutond, &status, 0) == plutond, "waitpid");
	return app;
}

static void test_an_app_that_outlived_its_plutond_is_taken_over(void)
{
	const char *name, *drivers;
	pid_t app;

	begin_test();
	define("one", "ready", "restart = always\nstart = boot\nstart_timeout = 1h\n");
	app = be_killed_with_an_app();
	CU_ASSERT_TRUE(is_alive(app));
	open_engine();
	rig.instance->apps->begin(rig.instance);
	CU_ASSERT_EQUAL((pid_t)status_of("one").pid, app);
	CU_ASSERT_EQUAL(status_of("one").starts, 0);
	CU_ASSERT_TRUE(identify(app, geteuid(), &name, &drivers));
	CU_ASSERT_STRING_EQUAL(name, "one");
	CU_ASSERT_FALSE(identify(app, geteuid() + 1, &name, &drivers));
	assert_contains(rig.log, "one: an app of an earlier plutond was taken over");
	kill(app, SIGKILL);
	await_state("one", APP_RUNNING);
	CU_ASSERT_NOT_EQUAL((pid_t)status_of("one").pid, app);
	CU_ASSERT_EQUAL(status_of("one").starts, 1);
	end_test();
}

static void test_an_app_that_was_taken_over_can_be_stopped(void)
{
	pid_t app;

	begin_test();
	define("one", "ready", "");
	app = be_killed_with_an_app();
	open_engine();
	CU_ASSERT_EQUAL((pid_t)status_of("one").pid, app);
	CU_ASSERT_EQUAL(perform(APP_STOP, "one"), 0);
	CU_ASSERT_EQUAL(status_of("one").pid, 0);
	end_test();
}

static void test_one_that_was_taken_over_and_never_speaks_is_started_anew(void)
{
	pid_t app;

	begin_test();
	define("one", "ready", "");
	app = be_killed_with_an_app();
	define("one", "ready", "restart = always\nstart_timeout = 30ms\n");
	open_engine();
	await_starts("one", 1);
	CU_ASSERT_NOT_EQUAL((pid_t)status_of("one").pid, app);
	end_test();
}

static void move_run_file(const char *from, const char *to)
{
	char old[160], new[160];

	snprintf(old, sizeof(old), "%s/apps/%s", rig.folder, from);
	snprintf(new, sizeof(new), "%s/apps/%s", rig.folder, to);
	must(rename(old, new) == 0, "rename");
}

static void test_while_it_is_not_known_whether_one_still_runs_no_second_is_started(void)
{
	char link[160];
	pid_t app;

	begin_test();
	define("one", "ready", "start = boot\nrestart_delay = 1h\nrestart_delay_max = 1h\n");
	app = be_killed_with_an_app();
	move_run_file("one.run", "kept");
	snprintf(link, sizeof(link), "%s/apps/one.run", rig.folder);
	must(symlink("kept", link) == 0, "symlink"); /* is not followed, and so an error */
	open_engine();
	rig.instance->apps->begin(rig.instance);
	CU_ASSERT_EQUAL(status_of("one").state, APP_FAILED);
	assert_contains(status_of("one").reason, "may still run, its run file cannot tell: Too");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(status_of("one").starts, 0);
	CU_ASSERT_TRUE(is_alive(app));
	move_run_file("kept", "one.run");
	CU_ASSERT_EQUAL(perform(APP_STOP, "one"), 0);
	while (is_alive(app) && waitpid(app, NULL, WNOHANG) == 0)
		turn();
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	CU_ASSERT_EQUAL(status_of("one").starts, 1);
	end_test();
}

static void assert_not_taken_over(const char *line)
{
	char path[160];

	begin_test();
	define("one", "ready", "");
	must(mkdir(path_of("apps"), 0700) == 0, "mkdir");
	snprintf(path, sizeof(path), "%s/apps/one.run", rig.folder);
	write_text(path, line);
	open_engine();
	CU_ASSERT_EQUAL(status_of("one").pid, 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	end_test();
}

static void test_another_process_with_that_pid_is_not_taken_over(void)
{
	char boot[64], line[160];
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	must(file && fgets(boot, sizeof(boot), file), "boot_id");
	fclose(file);
	boot[strcspn(boot, "\n")] = '\0';
	snprintf(line, sizeof(line), "%d 1 %s %u\n", (int)getpid(), boot, (unsigned)geteuid());
	assert_not_taken_over(line);
	assert_not_taken_over("1 1 x\n");
	assert_not_taken_over("0 0 0\n");
	assert_not_taken_over("-1 0 0\n");
	assert_not_taken_over("99999999 5 0\n");
	assert_not_taken_over("");
	assert_not_taken_over("one two three\n");
}

static const struct test tests[] = {
	TEST(test_an_app_runs_when_it_says_that_it_is_ready),
	TEST(test_a_stopped_app_is_gone_and_stays_so),
	TEST(test_a_restarted_app_is_another_process),
	TEST(test_an_app_there_is_not_is_no_device),
	TEST(test_a_stop_overtakes_a_start),
	TEST(test_who_asks_while_it_is_being_stopped_gets_it_afterwards),
	TEST(test_a_restart_while_it_is_being_stopped_is_a_start_after_that),
	TEST(test_a_restart_while_it_is_being_restarted_is_the_same_one),
	TEST(test_a_request_can_be_cancelled_and_the_app_goes_on),
	TEST(test_sixteen_may_wait_and_not_seventeen),
	TEST(test_begin_starts_those_that_start_at_boot),
	TEST(test_the_end_stops_all_and_starts_none),
	TEST(test_the_end_of_nothing_is_at_once),
	TEST(test_an_app_is_given_what_it_needs_and_nothing_else),
	TEST(test_signals_that_plutond_ignores_or_blocks_reach_the_app),
	TEST(test_an_app_runs_as_its_user),
	TEST(test_without_root_another_user_is_refused_with_advice),
	TEST(test_a_user_there_is_not_is_told),
	TEST(test_one_that_ends_at_once_is_tried_again_ever_more_slowly),
	TEST(test_one_that_crashes_is_started_again_by_itself),
	TEST(test_its_policy_says_whether_it_is_started_again),
	TEST(test_one_that_cannot_be_noted_is_not_run_and_leaves_no_child),
	TEST(test_one_that_cannot_be_watched_leaves_no_child),
	TEST(test_one_that_cannot_do_with_its_configuration_is_not_tried_again),
	TEST(test_demand_waits_for_the_back_off_and_an_administrator_does_not),
	TEST(test_one_that_is_never_ready_is_killed_after_start_timeout),
	TEST(test_one_that_does_not_stop_is_killed_after_stop_timeout),
	TEST(test_one_that_says_that_it_stops_must),
	TEST(test_one_that_hangs_is_killed_by_its_watchdog),
	TEST(test_one_that_hangs_and_is_deaf_is_killed_too),
	TEST(test_one_that_asks_for_its_watchdog_gets_it),
	TEST(test_one_that_eats_memory_ends_at_memory_max),
	TEST(test_what_an_app_forked_ends_with_it),
	TEST(test_a_program_that_cannot_run_says_why),
	TEST(test_what_is_no_program_fails_and_is_told_by_the_child),
	TEST(test_a_script_runs),
	TEST(test_a_program_with_the_right_hash_runs),
	TEST(test_a_program_with_another_hash_does_not_run),
	TEST(test_a_program_with_a_hash_that_others_can_write_does_not_run),
	TEST(test_a_stop_while_the_hash_is_made_is_a_stop),
	TEST(test_a_wrong_file_is_that_apps_failure_and_no_others),
	TEST(test_a_reload_finds_new_apps_and_forgets_old_ones),
	TEST(test_one_whose_file_is_gone_is_not_started_for_who_waits_either),
	TEST(test_what_a_stranger_says_is_nothing_and_its_descriptors_are_closed),
	TEST(test_nonsense_is_not_listened_to),
	TEST(test_one_that_shouts_does_not_drown_the_others),
	TEST(test_only_a_living_process_that_was_started_is_an_app),
	TEST(test_a_pid_that_is_not_certain_is_that_of_no_app),
	TEST(test_a_socket_whose_name_is_too_long_leaves_apps_that_say_so),
	TEST(test_what_is_stored_comes_back_after_a_crash_and_a_restart),
	TEST(test_a_stop_forgets_what_is_stored),
	TEST(test_as_many_are_stored_as_fd_store_max_says),
	TEST(test_what_is_removed_does_not_come_back),
	TEST(test_an_app_that_outlived_its_plutond_is_taken_over),
	TEST(test_an_app_that_was_taken_over_can_be_stopped),
	TEST(test_one_that_was_taken_over_and_never_speaks_is_started_anew),
	TEST(test_while_it_is_not_known_whether_one_still_runs_no_second_is_started),
	TEST(test_another_process_with_that_pid_is_not_taken_over),
};

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--app") == 0)
		return fork_app(argc, argv);
	return suite_main(argc, argv, "fork", tests, TESTS_COUNT(tests));
}
