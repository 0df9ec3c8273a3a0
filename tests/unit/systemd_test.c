/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine for which apps are services of systemd's. The test plays systemd: it listens on the
 * apps' sockets and says which process is in which unit. The apps are children of it that wait to
 * be killed.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/systemd/systemd.h"
#include "tests/suite.h"
#include "tests/unit/app_rig.h"

#define CHILDREN 4
#define QUEUE_LONG 16

/* --- units ----------------------------------------------------------------------------------- */

static struct child {
	pid_t pid; /* 0: none */
	const char *unit;
} children[CHILDREN];

static unsigned lookups;

static int get_unit(pid_t pid, char **ret)
{
	lookups++;
	for (int i = 0; i < CHILDREN; i++) {
		if (children[i].pid == pid && children[i].unit) {
			*ret = strdup(children[i].unit);
			return *ret ? 0 : -ENOMEM;
		}
	}
	return -ENODATA;
}

/* A process of that unit; NULL: of none. */
static struct child *start_process(const char *unit)
{
	struct child *child = children;
	int closed[2];
	char byte;

	must(pipe(closed) == 0, "pipe");
	while (child->pid)
		child++;
	child->unit = unit;
	child->pid = fork();
	must(child->pid >= 0, "fork");
	if (child->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close_range(3, ~0u, 0); /* or it would keep connections open */
		for (;;)
			(void)pause();
	}
	close(closed[1]);
	must(read(closed[0], &byte, 1) == 0, "read"); /* it has closed all that it was given */
	close(closed[0]);
	return child;
}

static void end_process(struct child *child)
{
	must(kill(child->pid, SIGKILL) == 0, "kill");
	must(waitpid(child->pid, NULL, 0) == child->pid, "waitpid");
	child->pid = 0;
}

/* --- the rig --------------------------------------------------------------------------------- */

static int open_systemd(const struct backend_environment *environment,
			struct backend_instance **ret)
{
	const char *folders[] = {rig.definitions, NULL};
	const struct systemd_options options = {.definition_folders = folders,
						.get_unit = get_unit};

	return systemd_open_with(environment, &options, ret);
}

static const char *path_of(const char *name)
{
	static char path[107];

	snprintf(path, sizeof(path), "%s/%s", rig.folder, name);
	return path;
}

/* An app with NAME.service and a socket in the folder; `more` are further lines of its file. */
static void define(const char *name, const char *more)
{
	char path[160], text[512];

	snprintf(path, sizeof(path), "%s/%s.conf", rig.definitions, name);
	snprintf(text, sizeof(text), "[app]\nunit = %s.service\nactivation = %s\n%s", name,
		 path_of(name), more);
	write_text(path, text);
}

static int bound_socket(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path_of(name));
	must(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "bind");
	return fd;
}

static int listener; /* of the app "one" */

static void begin_with(const char *more)
{
	rig_begin();
	lookups = 0;
	define("one", more);
	listener = bound_socket("one");
	must(listen(listener, QUEUE_LONG) == 0, "listen");
	rig_open(open_systemd);
}

static void stop_listening(void)
{
	must(close(listener) == 0, "close");
	listener = -1;
}

static void end_test(void)
{
	for (int i = 0; i < CHILDREN; i++) {
		if (children[i].pid)
			end_process(&children[i]);
	}
	rig_close(systemd_close);
	if (listener >= 0)
		close(listener);
	rig_remove();
}

/* --- what systemd and the app do ------------------------------------------------------------- */

static int await_connection(void)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) < 0)
		turn();
	return fd;
}

static void assert_nobody_connects(void)
{
	for (int i = 0; i < 3; i++)
		turn();
	CU_ASSERT_EQUAL(accept4(listener, NULL, NULL, SOCK_CLOEXEC), -1);
	CU_ASSERT_EQUAL(errno, EAGAIN);
}

/* The next word there; "": the other side hung up. */
static const char *hear(int fd)
{
	static char word[32];
	ssize_t n;

	while ((n = recv(fd, word, sizeof(word) - 1, 0)) < 0 && errno == EAGAIN)
		turn();
	word[n > 0 ? n : 0] = '\0';
	return word;
}

enum who {
	STRANGER,
	APP,
	OF_THE_APP,
};

static char drivers_of[64]; /* what the last one who was identified may use */

static enum who identify_by(const struct child *child, uid_t uid, bool certain)
{
	const char *name = "unset", *drivers = "";

	if (!rig.instance->apps->identify(rig.instance, child->pid, uid, certain, &name, &drivers))
		return STRANGER;
	snprintf(drivers_of, sizeof(drivers_of), "%s", drivers);
	if (name)
		CU_ASSERT_STRING_EQUAL(name, "one");
	return name ? APP : OF_THE_APP;
}

static enum who identify(const struct child *child)
{
	return identify_by(child, geteuid(), true);
}

/* The app "one" runs, without having been asked. */
static struct child *come(void)
{
	struct child *child = start_process("one.service");

	CU_ASSERT_EQUAL(identify(child), APP);
	CU_ASSERT_EQUAL(status_of("one").state, APP_RUNNING);
	CU_ASSERT_EQUAL(status_of("one").pid, (uint32_t)child->pid);
	return child;
}

/* --- starting -------------------------------------------------------------------------------- */

static void test_a_start_connects_to_its_socket_and_is_done_when_its_process_comes(void)
{
	struct asked asked;
	int fd;

	begin_with("");
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	CU_ASSERT_EQUAL(ask(&asked, APP_START, "one"), 0);
	fd = await_connection();
	CU_ASSERT_EQUAL(status_of("one").state, APP_STARTING);
	CU_ASSERT_EQUAL(status_of("one").pid, 0);
	CU_ASSERT_EQUAL(asked.answers, 0);
	come();
	CU_ASSERT_EQUAL(await_answer(&asked), 0);
	CU_ASSERT_EQUAL(status_of("one").starts, 1);
	CU_ASSERT_EQUAL(status_of("one").failures, 0);
	CU_ASSERT_STRING_EQUAL(status_of("one").reason, "");
	CU_ASSERT_STRING_EQUAL(hear(fd), ""); /* no word was said, and nobody waits there */
	assert_contains(rig.log, "one: an app has come");
	close(fd);
	end_test();
}

static void test_who_asks_for_one_that_runs_or_is_being_started_starts_nothing(void)
{
	struct asked first, second;

	begin_with("");
	CU_ASSERT_EQUAL(ask(&first, APP_DEMAND, "one"), 0);
	CU_ASSERT_EQUAL(ask(&second, APP_START, "one"), 0);
	close(await_connection());
	come();
	CU_ASSERT_EQUAL(await_answer(&first), 0);
	CU_ASSERT_EQUAL(await_answer(&second), 0);
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	CU_ASSERT_EQUAL(perform(APP_DEMAND, "one"), 0);
	assert_nobody_connects();
	end_test();
}

static void test_only_those_that_start_at_boot_are_started_unasked(void)
{
	begin_with("");
	define("boot", "start = boot\n");
	define("manual", "start = manual\n");
	CU_ASSERT_EQUAL(rig.instance->apps->reload(rig.instance), 0);
	stop_listening();
	(void)unlink(path_of("one"));
	listener = bound_socket("boot");
	must(listen(listener, QUEUE_LONG) == 0, "listen");
	rig.instance->apps->begin(rig.instance);
	close(await_connection());
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	CU_ASSERT_EQUAL(status_of("manual").state, APP_STOPPED);
	CU_ASSERT_EQUAL(perform(APP_DEMAND, "manual"), -PLUTON_EFAIL);
	assert_contains(status_of("manual").reason, "by an administrator only");
	end_test();
}

static void test_where_nobody_listens_it_has_failed_at_once_with_what_to_do(void)
{
	begin_with("start_timeout = 1h\n");
	stop_listening();
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(status_of("one").state, APP_FAILED);
	CU_ASSERT_EQUAL(status_of("one").failures, 1);
	CU_ASSERT_STRING_EQUAL(status_of("one").reason,
			       "nobody listens: systemctl start one.socket");
	(void)unlink(path_of("one"));
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	CU_ASSERT_STRING_EQUAL(status_of("one").reason,
			       "nobody listens: systemctl start one.socket");
	assert_contains(rig.log, "one: an app cannot be started: nobody listens");
	end_test();
}

static void test_what_is_no_such_socket_is_told_with_the_error(void)
{
	begin_with("");
	(void)unlink(path_of("one"));
	close(socket(AF_UNIX, SOCK_STREAM, 0));
	write_text(path_of("one"), "");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	assert_contains(status_of("one").reason, "one.socket");
	end_test();
}

static void test_one_whose_socket_fails_has_failed_at_once(void)
{
	struct asked asked;

	begin_with("start_timeout = 1h\n");
	CU_ASSERT_EQUAL(ask(&asked, APP_DEMAND, "one"), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STARTING);
	stop_listening(); /* systemd has given up: who waits there is hung up on */
	CU_ASSERT_EQUAL(await_answer(&asked), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(status_of("one").state, APP_FAILED);
	CU_ASSERT_STRING_EQUAL(
		status_of("one").reason,
		"ended before it came, or systemd gave up: journalctl -u one.service");
	end_test();
}

static void test_one_that_does_not_come_in_time_has_failed(void)
{
	begin_with("start_timeout = 50ms\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(status_of("one").state, APP_FAILED);
	CU_ASSERT_STRING_EQUAL(status_of("one").reason,
			       "did not come within 50 ms: journalctl -u one.service");
	CU_ASSERT_STRING_EQUAL(hear(await_connection()), ""); /* nobody waits any more */
	end_test();
}

static void test_a_time_of_whole_seconds_is_told_in_seconds(void)
{
	begin_with("start_timeout = 1s\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	assert_contains(status_of("one").reason, "within 1 s:");
	end_test();
}

static void test_one_that_comes_too_late_or_unasked_runs_all_the_same(void)
{
	begin_with("start_timeout = 50ms\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	come();
	CU_ASSERT_STRING_EQUAL(status_of("one").reason, "");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), 0);
	end_test();
}

static void test_one_at_whose_socket_too_many_wait_is_waited_for(void)
{
	struct asked asked;
	int waiting[QUEUE_LONG], count = 0;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	begin_with("");
	must(listen(listener, 0) == 0, "listen");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path_of("one"));
	do {
		waiting[count] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	} while (connect(waiting[count++], (struct sockaddr *)&address, sizeof(address)) == 0);
	CU_ASSERT_EQUAL(errno, EAGAIN);
	CU_ASSERT_EQUAL(ask(&asked, APP_DEMAND, "one"), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STARTING);
	come();
	CU_ASSERT_EQUAL(await_answer(&asked), 0);
	while (count > 0)
		close(waiting[--count]);
	end_test();
}

static void test_what_is_said_on_the_connection_means_nothing(void)
{
	struct asked asked;
	int fd;

	begin_with("");
	CU_ASSERT_EQUAL(ask(&asked, APP_START, "one"), 0);
	fd = await_connection();
	for (int i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(send(fd, "ready", 5, MSG_NOSIGNAL), 5);
	for (int i = 0; i < 10; i++)
		turn();
	CU_ASSERT_EQUAL(status_of("one").state, APP_STARTING);
	come();
	CU_ASSERT_EQUAL(await_answer(&asked), 0);
	close(fd);
	end_test();
}

static void test_clients_wait_for_the_back_off_and_an_administrator_does_not(void)
{
	begin_with("start_timeout = 50ms\nrestart_delay = 1h\nrestart_delay_max = 1h\n");
	CU_ASSERT_EQUAL(perform(APP_DEMAND, "one"), -PLUTON_EFAIL);
	close(await_connection());
	CU_ASSERT_EQUAL(perform(APP_DEMAND, "one"), -PLUTON_EFAIL);
	assert_nobody_connects();
	assert_contains(status_of("one").reason, "did not come");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	close(await_connection());
	end_test();
}

/* --- who is the app -------------------------------------------------------------------------- */

static void test_a_process_of_another_unit_or_of_none_is_not_the_app(void)
{
	static const char *const others[] = {
		"two.service",	"one.socket",	     "one.servic",    "one.services",
		"xone.service", "user@1000.service", "one@x.service", "session-1.scope",
	};
	struct child *stranger;

	begin_with("");
	stranger = start_process(NULL);
	CU_ASSERT_EQUAL(identify(stranger), STRANGER);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		stranger->unit = others[i];
		CU_ASSERT_EQUAL(identify(stranger), STRANGER);
	}
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	end_test();
}

static void test_a_second_process_of_the_unit_is_not_the_app_and_may_use_the_same(void)
{
	struct child *first, *second;

	begin_with("drivers = nvmem,rng\n");
	first = come();
	CU_ASSERT_STRING_EQUAL(drivers_of, "nvmem,rng");
	second = start_process("one.service");
	CU_ASSERT_EQUAL(identify(second), OF_THE_APP);
	CU_ASSERT_STRING_EQUAL(drivers_of, "nvmem,rng");
	CU_ASSERT_EQUAL(status_of("one").pid, (uint32_t)first->pid);
	CU_ASSERT_EQUAL(status_of("one").starts, 1);
	end_test();
}

static void test_the_app_is_the_app_however_often_it_connects(void)
{
	struct child *child;

	begin_with("");
	child = come();
	CU_ASSERT_EQUAL(identify(child), APP);
	CU_ASSERT_EQUAL(identify(child), APP);
	CU_ASSERT_EQUAL(status_of("one").starts, 1);
	end_test();
}

/* Its pid was that of the app's process before, or is now: it may have ended long ago. */
static void test_who_connected_as_another_user_than_the_process_is_nobody(void)
{
	struct child *child;

	begin_with("");
	child = start_process("one.service");
	CU_ASSERT_EQUAL(identify_by(child, geteuid() + 1, true), STRANGER);
	CU_ASSERT_EQUAL(identify_by(child, geteuid() + 1, false), STRANGER);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	CU_ASSERT_EQUAL(identify(child), APP);
	CU_ASSERT_EQUAL(identify_by(child, geteuid() + 1, true), STRANGER);
	end_test();
}

static void test_a_pid_that_is_not_certain_is_no_app_s_and_starts_none(void)
{
	struct child *child;

	begin_with("drivers = rng\n");
	child = start_process("one.service");
	CU_ASSERT_EQUAL(identify_by(child, geteuid(), false), OF_THE_APP);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	CU_ASSERT_EQUAL(identify(child), APP);
	CU_ASSERT_EQUAL(identify_by(child, geteuid(), false), OF_THE_APP);
	end_test();
}

static void test_a_process_that_has_ended_is_nobody(void)
{
	struct child *child;
	siginfo_t info;

	begin_with("");
	child = start_process("one.service");
	must(kill(child->pid, SIGKILL) == 0, "kill");
	must(waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT) == 0, "waitid");
	CU_ASSERT_EQUAL(identify(child), STRANGER);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	end_test();
}

static void test_where_there_is_no_app_no_unit_is_looked_up(void)
{
	struct child *stranger;

	begin_with("");
	(void)unlink(path_of("app.d/one.conf"));
	CU_ASSERT_EQUAL(rig.instance->apps->reload(rig.instance), 0);
	stranger = start_process("one.service");
	CU_ASSERT_EQUAL(identify(stranger), STRANGER);
	CU_ASSERT_EQUAL(lookups, 0);
	end_test();
}

/* --- its end --------------------------------------------------------------------------------- */

static void test_an_end_that_nobody_asked_for_is_noticed_and_it_may_come_again(void)
{
	struct child *child;

	begin_with("");
	child = come();
	end_process(child);
	await_state("one", APP_STOPPED);
	CU_ASSERT_EQUAL(status_of("one").pid, 0);
	CU_ASSERT_EQUAL(status_of("one").failures, 1);
	CU_ASSERT_STRING_EQUAL(status_of("one").reason,
			       "it ended; systemd may start it again: journalctl -u one.service");
	assert_nobody_connects();
	come();
	CU_ASSERT_EQUAL(status_of("one").starts, 2);
	CU_ASSERT_STRING_EQUAL(status_of("one").reason, "");
	end_test();
}

static void test_the_next_process_is_the_app_though_the_loop_has_not_seen_the_last_ones_end(void)
{
	begin_with("");
	end_process(come());
	come();
	CU_ASSERT_EQUAL(status_of("one").starts, 2);
	end_test();
}

static void test_more_hang_ups_than_systemd_makes_after_one_end_are_a_failure(void)
{
	struct asked asked;

	begin_with("start_timeout = 1h\n");
	end_process(come());
	await_state("one", APP_STOPPED);
	CU_ASSERT_EQUAL(ask(&asked, APP_DEMAND, "one"), 0);
	for (int i = 0; i < 3; i++)
		close(await_connection()); /* FlushPending= */
	close(await_connection());
	CU_ASSERT_EQUAL(await_answer(&asked), -PLUTON_EFAIL); /* no flush of that end any more */
	assert_contains(status_of("one").reason, "ended before it came");
	assert_nobody_connects();
	end_test();
}

static void test_it_can_be_asked_for_however_late_systemd_hangs_up(void)
{
	struct asked asked;
	int fd;

	begin_with("start_timeout = 1h\n");
	end_process(come());
	await_state("one", APP_STOPPED);
	CU_ASSERT_EQUAL(ask(&asked, APP_DEMAND, "one"), 0);
	for (int i = 0; i < 3; i++)
		close(await_connection());
	fd = await_connection();
	come();
	CU_ASSERT_EQUAL(await_answer(&asked), 0);
	close(fd);
	end_test();
}

static void test_an_end_s_hang_ups_do_not_lengthen_the_start_timeout(void)
{
	struct asked asked;

	begin_with("start_timeout = 50ms\n");
	end_process(come());
	await_state("one", APP_STOPPED);
	CU_ASSERT_EQUAL(ask(&asked, APP_DEMAND, "one"), 0);
	close(await_connection());
	CU_ASSERT_EQUAL(await_answer(&asked), -PLUTON_EFAIL);
	assert_contains(status_of("one").reason, "did not come within 50 ms");
	end_test();
}

/* --- stop and restart ------------------------------------------------------------------------ */

static void test_a_stop_is_a_word_and_is_done_when_the_process_has_ended(void)
{
	struct asked asked;
	struct child *child;
	int fd;

	begin_with("");
	child = come();
	CU_ASSERT_EQUAL(ask(&asked, APP_STOP, "one"), 0);
	fd = await_connection();
	CU_ASSERT_STRING_EQUAL(hear(fd), "stop");
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPING);
	close(fd); /* that is not its end */
	for (int i = 0; i < 3; i++)
		turn();
	CU_ASSERT_EQUAL(asked.answers, 0);
	end_process(child);
	CU_ASSERT_EQUAL(await_answer(&asked), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	CU_ASSERT_STRING_EQUAL(status_of("one").reason, "");
	CU_ASSERT_EQUAL(status_of("one").failures, 0);
	CU_ASSERT_EQUAL(perform(APP_STOP, "one"), 0);
	assert_nobody_connects();
	end_test();
}

static void test_a_restart_is_a_word_and_is_done_when_the_next_process_comes(void)
{
	struct asked asked;
	struct child *child;
	int fd;

	begin_with("");
	child = come();
	CU_ASSERT_EQUAL(ask(&asked, APP_RESTART, "one"), 0);
	fd = await_connection();
	CU_ASSERT_STRING_EQUAL(hear(fd), "restart");
	end_process(child);
	await_state("one", APP_STARTING);
	assert_nobody_connects(); /* systemd starts it by itself */
	CU_ASSERT_EQUAL(asked.answers, 0);
	come();
	CU_ASSERT_EQUAL(await_answer(&asked), 0);
	CU_ASSERT_EQUAL(status_of("one").starts, 2);
	CU_ASSERT_EQUAL(status_of("one").failures, 0);
	close(fd);
	end_test();
}

static void test_a_restart_after_which_it_does_not_come_has_failed(void)
{
	struct asked asked;
	struct child *child;

	begin_with("start_timeout = 50ms\n");
	child = come();
	CU_ASSERT_EQUAL(ask(&asked, APP_RESTART, "one"), 0);
	end_process(child);
	CU_ASSERT_EQUAL(await_answer(&asked), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(status_of("one").state, APP_FAILED);
	assert_contains(status_of("one").reason, "did not come within 50 ms");
	end_test();
}

static void test_a_restart_of_a_stopped_one_is_a_start(void)
{
	struct asked asked;
	int fd;

	begin_with("");
	CU_ASSERT_EQUAL(ask(&asked, APP_RESTART, "one"), 0);
	fd = await_connection();
	come();
	CU_ASSERT_EQUAL(await_answer(&asked), 0);
	CU_ASSERT_STRING_EQUAL(hear(fd), "");
	close(fd);
	end_test();
}

static void test_one_that_does_not_stop_runs_on_and_the_stop_has_failed(void)
{
	struct asked stop, demand;

	begin_with("stop_timeout = 50ms\n");
	come();
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	CU_ASSERT_EQUAL(ask(&demand, APP_DEMAND, "one"), 0);
	CU_ASSERT_EQUAL(await_answer(&stop), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(await_answer(&demand), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_RUNNING);
	CU_ASSERT_STRING_EQUAL(status_of("one").reason,
			       "did not end within 50 ms: systemctl kill one.service");
	end_test();
}

static void test_one_that_nobody_can_tell_to_stop_runs_on(void)
{
	begin_with("stop_timeout = 1h\n");
	come();
	stop_listening();
	CU_ASSERT_EQUAL(perform(APP_STOP, "one"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(perform(APP_RESTART, "one"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(status_of("one").state, APP_RUNNING);
	assert_contains(status_of("one").reason, "nobody listens");
	end_test();
}

static void test_a_stop_overtakes_a_start_and_is_heard_on_its_connection(void)
{
	struct asked start, stop;
	int fd;

	begin_with("");
	CU_ASSERT_EQUAL(ask(&start, APP_START, "one"), 0);
	fd = await_connection();
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	CU_ASSERT_EQUAL(await_answer(&start), -PLUTON_ECANCEL);
	CU_ASSERT_STRING_EQUAL(hear(fd), "stop");
	CU_ASSERT_EQUAL(stop.answers, 0);
	close(fd); /* it has ended without ever coming */
	CU_ASSERT_EQUAL(await_answer(&stop), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	assert_nobody_connects();
	end_test();
}

static void test_one_that_comes_while_it_is_to_stop_is_awaited_to_end(void)
{
	struct asked start, stop;
	struct child *child;

	begin_with("");
	CU_ASSERT_EQUAL(ask(&start, APP_START, "one"), 0);
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	child = start_process("one.service");
	CU_ASSERT_EQUAL(identify(child), APP);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPING);
	end_process(child);
	CU_ASSERT_EQUAL(await_answer(&stop), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	end_test();
}

static void test_who_asks_while_it_is_being_stopped_gets_it_afterwards(void)
{
	struct asked stop, start;
	struct child *child;

	begin_with("");
	child = come();
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	close(await_connection());
	CU_ASSERT_EQUAL(ask(&start, APP_DEMAND, "one"), 0);
	end_process(child);
	CU_ASSERT_EQUAL(await_answer(&stop), 0);
	close(await_connection());
	come();
	CU_ASSERT_EQUAL(await_answer(&start), 0);
	end_test();
}

static void test_a_stop_overtakes_a_restart_and_is_said_to_who_was_started_by_that(void)
{
	struct asked restart, stop;
	struct child *child;
	int fd, next;

	begin_with("");
	child = come();
	CU_ASSERT_EQUAL(ask(&restart, APP_RESTART, "one"), 0);
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	fd = await_connection();
	CU_ASSERT_STRING_EQUAL(hear(fd), "restart");
	CU_ASSERT_STRING_EQUAL(hear(fd), "stop"); /* the last word counts */
	CU_ASSERT_EQUAL(await_answer(&restart), -PLUTON_ECANCEL);
	end_process(child);
	close(fd);
	next = await_connection();
	CU_ASSERT_STRING_EQUAL(hear(next), "stop");
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPING);
	CU_ASSERT_EQUAL(stop.answers, 0);
	child = start_process("one.service");
	CU_ASSERT_EQUAL(identify(child), APP);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPING);
	end_process(child);
	CU_ASSERT_EQUAL(await_answer(&stop), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	close(next);
	assert_nobody_connects();
	end_test();
}

static void test_who_asks_while_a_stop_overtakes_a_restart_gets_it_after_the_last_end(void)
{
	struct asked restart, stop, start;
	struct child *child;
	int fd;

	begin_with("");
	child = come();
	CU_ASSERT_EQUAL(ask(&restart, APP_RESTART, "one"), 0);
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	CU_ASSERT_EQUAL(ask(&start, APP_START, "one"), 0);
	fd = await_connection();
	end_process(child);
	close(fd);
	fd = await_connection();
	CU_ASSERT_STRING_EQUAL(hear(fd), "stop");
	CU_ASSERT_EQUAL(start.answers, 0);
	close(fd); /* it has heard that, and ended without ever coming */
	CU_ASSERT_EQUAL(await_answer(&stop), 0);
	close(await_connection());
	come();
	CU_ASSERT_EQUAL(await_answer(&start), 0);
	end_test();
}

static void test_a_stop_that_overtakes_a_restart_fails_if_the_next_does_not_end(void)
{
	struct asked restart, stop;
	struct child *child;

	begin_with("stop_timeout = 50ms\n");
	child = come();
	CU_ASSERT_EQUAL(ask(&restart, APP_RESTART, "one"), 0);
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	end_process(child);
	CU_ASSERT_EQUAL(await_answer(&stop), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(status_of("one").state, APP_FAILED);
	CU_ASSERT_STRING_EQUAL(status_of("one").reason,
			       "did not end within 50 ms: systemctl stop one.service");
	end_test();
}

static void test_once_plutond_ends_a_stop_says_nothing_to_the_next(void)
{
	struct asked restart, stop;
	struct child *child;
	int fd;

	begin_with("");
	child = come();
	CU_ASSERT_EQUAL(ask(&restart, APP_RESTART, "one"), 0);
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	fd = await_connection();
	rig.instance->apps->end(rig.instance, rig_on_ended, NULL);
	end_process(child);
	CU_ASSERT_EQUAL(await_answer(&stop), 0);
	assert_nobody_connects();
	close(fd);
	end_test();
}

/* --- a stop of one that is not there, and may be again --------------------------------------- */

/* The app "one" has ended unasked, and been seen to. */
static void crash(void)
{
	end_process(come());
	await_state("one", APP_STOPPED);
}

static void test_one_that_crashed_is_told_to_stop_and_has_when_the_next_process_ends(void)
{
	struct asked stop;
	struct child *child;
	int fd;

	begin_with("");
	crash();
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPING);
	fd = await_connection();
	CU_ASSERT_STRING_EQUAL(hear(fd), "stop");
	child = start_process("one.service"); /* by systemd, after the crash */
	CU_ASSERT_EQUAL(identify(child), APP);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPING);
	CU_ASSERT_EQUAL(stop.answers, 0);
	end_process(child);
	CU_ASSERT_EQUAL(await_answer(&stop), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	CU_ASSERT_EQUAL(status_of("one").failures, 0);
	CU_ASSERT_STRING_EQUAL(status_of("one").reason, "");
	close(fd);
	CU_ASSERT_EQUAL(perform(APP_STOP, "one"), 0); /* as asked: that one makes no start */
	assert_nobody_connects();
	end_test();
}

static void test_a_crash_that_the_loop_has_not_seen_is_no_end_as_asked(void)
{
	struct asked stop;
	int fd;

	begin_with("");
	end_process(come());
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	fd = await_connection();
	CU_ASSERT_STRING_EQUAL(hear(fd), "stop");
	CU_ASSERT_EQUAL(stop.answers, 0);
	close(fd);
	CU_ASSERT_EQUAL(await_answer(&stop), 0);
	end_test();
}

static void test_one_that_crashed_is_stopped_when_it_has_heard_and_never_came(void)
{
	struct asked stop;
	int fd;

	begin_with("");
	crash();
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	close(await_connection()); /* systemd, before it starts the next one: nobody has heard */
	fd = await_connection();
	CU_ASSERT_EQUAL(stop.answers, 0);
	CU_ASSERT_STRING_EQUAL(hear(fd), "stop");
	close(fd);
	CU_ASSERT_EQUAL(await_answer(&stop), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	assert_nobody_connects();
	end_test();
}

static void test_one_that_came_before_it_could_hear_is_told_once_more(void)
{
	struct asked stop;
	struct child *child;
	int fd;

	begin_with("");
	crash();
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	fd = await_connection();
	child = start_process("one.service");
	CU_ASSERT_EQUAL(identify(child), APP);
	close(fd); /* that it was flushed is seen only now */
	fd = await_connection();
	CU_ASSERT_STRING_EQUAL(hear(fd), "stop");
	end_process(child);
	CU_ASSERT_EQUAL(await_answer(&stop), 0);
	close(fd);
	end_test();
}

static void test_a_stop_that_nobody_hears_has_failed_and_not_stopped_it(void)
{
	struct asked stop;

	begin_with("stop_timeout = 1h\n");
	crash();
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	for (int i = 0; i < 4; i++)
		close(await_connection());
	CU_ASSERT_EQUAL(await_answer(&stop), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(status_of("one").state, APP_FAILED);
	CU_ASSERT_STRING_EQUAL(
		status_of("one").reason,
		"ended before it heard that it is to stop: systemctl stop one.service");
	assert_nobody_connects();
	end_test();
}

static void test_one_that_crashed_and_does_not_end_in_time_is_not_stopped(void)
{
	begin_with("stop_timeout = 50ms\n");
	crash();
	CU_ASSERT_EQUAL(perform(APP_STOP, "one"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(status_of("one").state, APP_FAILED);
	assert_contains(status_of("one").reason, "did not end within 50 ms");
	end_test();
}

static void test_one_that_crashed_and_at_whose_socket_nobody_listens_is_stopped(void)
{
	begin_with("stop_timeout = 1h\n");
	crash();
	stop_listening();
	CU_ASSERT_EQUAL(perform(APP_STOP, "one"), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	CU_ASSERT_STRING_EQUAL(status_of("one").reason, "");
	end_test();
}

static void test_one_that_failed_to_come_is_told_to_stop(void)
{
	struct asked stop;
	int fd;

	begin_with("start_timeout = 50ms\n");
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	close(await_connection());
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	fd = await_connection();
	CU_ASSERT_STRING_EQUAL(hear(fd), "stop");
	close(fd);
	CU_ASSERT_EQUAL(await_answer(&stop), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	end_test();
}

static void test_a_stop_starts_none_that_failed_without_having_been_asked_to_come(void)
{
	begin_with("");
	stop_listening();
	CU_ASSERT_EQUAL(perform(APP_START, "one"), -PLUTON_EFAIL);
	(void)unlink(path_of("one"));
	listener = bound_socket("one");
	must(listen(listener, QUEUE_LONG) == 0, "listen");
	CU_ASSERT_EQUAL(perform(APP_STOP, "one"), 0);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	assert_nobody_connects();
	end_test();
}

static void test_who_asks_for_one_that_crashed_while_it_is_told_to_stop_gets_it_afterwards(void)
{
	struct asked stop, start;
	int fd;

	begin_with("");
	crash();
	CU_ASSERT_EQUAL(ask(&stop, APP_STOP, "one"), 0);
	CU_ASSERT_EQUAL(ask(&start, APP_DEMAND, "one"), 0);
	fd = await_connection();
	CU_ASSERT_STRING_EQUAL(hear(fd), "stop");
	close(fd);
	CU_ASSERT_EQUAL(await_answer(&stop), 0);
	fd = await_connection();
	come();
	CU_ASSERT_EQUAL(await_answer(&start), 0);
	CU_ASSERT_STRING_EQUAL(hear(fd), "");
	close(fd);
	end_test();
}

/* --- plutond's own life ---------------------------------------------------------------------- */

static void test_the_next_plutond_finds_it_when_it_connects_again(void)
{
	struct child *child;

	begin_with("");
	child = come();
	rig_close(systemd_close);
	CU_ASSERT_EQUAL(kill(child->pid, 0), 0);
	rig_open(open_systemd);
	CU_ASSERT_EQUAL(status_of("one").state, APP_STOPPED);
	CU_ASSERT_EQUAL(identify(child), APP);
	CU_ASSERT_EQUAL(status_of("one").state, APP_RUNNING);
	CU_ASSERT_EQUAL(perform(APP_DEMAND, "one"), 0);
	assert_nobody_connects();
	end_test();
}

static void test_the_end_is_at_once_stops_none_and_starts_none(void)
{
	struct child *child;
	struct asked asked;

	begin_with("");
	child = come();
	rig.instance->apps->end(rig.instance, rig_on_ended, NULL);
	CU_ASSERT_TRUE(rig.ended);
	rig.instance->apps->kill(rig.instance);
	assert_nobody_connects();
	CU_ASSERT_EQUAL(kill(child->pid, 0), 0);
	CU_ASSERT_EQUAL(identify(child), APP); /* and it is served to the last */
	end_process(child);
	await_state("one", APP_STOPPED);
	for (enum app_action action = APP_START; action <= APP_DEMAND; action++) {
		if (action == APP_STOP)
			continue;
		CU_ASSERT_EQUAL(ask(&asked, action, "one"), 0);
		CU_ASSERT_EQUAL(await_answer(&asked), -PLUTON_EFAIL);
	}
	assert_nobody_connects();
	end_test();
}

/* --- its file -------------------------------------------------------------------------------- */

static void reload(void)
{
	CU_ASSERT_EQUAL(rig.instance->apps->reload(rig.instance), 0);
}

static void test_what_a_reload_changes_holds_for_the_next_process(void)
{
	struct child *child;

	begin_with("drivers = rng\n");
	child = come();
	write_text(path_of("app.d/one.conf"),
		   "[app]\nunit = other.service\nactivation = /x\ndrivers = aes\n");
	reload();
	CU_ASSERT_EQUAL(identify(child), APP);
	CU_ASSERT_STRING_EQUAL(drivers_of, "rng");
	end_process(child);
	child = start_process("one.service");
	CU_ASSERT_EQUAL(identify(child), STRANGER);
	child->unit = "other.service";
	CU_ASSERT_EQUAL(identify(child), APP);
	CU_ASSERT_STRING_EQUAL(drivers_of, "aes");
	end_test();
}

static void test_one_whose_file_is_gone_is_there_until_it_ends(void)
{
	struct child *child;
	uint32_t index;

	begin_with("");
	child = come();
	(void)unlink(path_of("app.d/one.conf"));
	reload();
	CU_ASSERT_EQUAL(status_of("one").state, APP_RUNNING);
	CU_ASSERT_EQUAL(identify(child), APP);
	end_process(child);
	child = start_process("one.service");
	CU_ASSERT_EQUAL(identify(child), STRANGER);
	CU_ASSERT_EQUAL(rig.engine->ops->find(rig.engine, "one", &index), -PLUTON_ENODEVICE);
	end_test();
}

static void test_one_without_its_keys_has_failed_and_its_reason_names_them(void)
{
	struct child *child;

	begin_with("");
	write_text(path_of("app.d/forked.conf"), "[app]\nexec = /bin/true\nstart = boot\n");
	write_text(path_of("app.d/half.conf"), "[app]\nunit = half.service\n");
	write_text(path_of("app.d/wrong.conf"),
		   "[app]\nunit = wrong.service\nactivation = /x\ndrivers = bogus\n");
	reload();
	rig.instance->apps->begin(rig.instance);
	CU_ASSERT_EQUAL(status_of("forked").state, APP_FAILED);
	assert_contains(status_of("forked").reason, "unit and activation are missing");
	CU_ASSERT_EQUAL(status_of("half").state, APP_FAILED);
	assert_contains(status_of("half").reason, "activation is missing");
	CU_ASSERT_EQUAL(perform(APP_DEMAND, "forked"), -PLUTON_EFAIL);
	CU_ASSERT_EQUAL(perform(APP_START, "half"), -PLUTON_EFAIL);
	child = start_process("half.service");
	CU_ASSERT_EQUAL(identify(child), STRANGER);
	child->unit = "wrong.service"; /* of a wrong file nothing is believed */
	CU_ASSERT_EQUAL(identify(child), STRANGER);
	come();
	end_test();
}

static const struct test tests[] = {
	TEST(test_a_start_connects_to_its_socket_and_is_done_when_its_process_comes),
	TEST(test_who_asks_for_one_that_runs_or_is_being_started_starts_nothing),
	TEST(test_only_those_that_start_at_boot_are_started_unasked),
	TEST(test_where_nobody_listens_it_has_failed_at_once_with_what_to_do),
	TEST(test_what_is_no_such_socket_is_told_with_the_error),
	TEST(test_one_whose_socket_fails_has_failed_at_once),
	TEST(test_one_that_does_not_come_in_time_has_failed),
	TEST(test_a_time_of_whole_seconds_is_told_in_seconds),
	TEST(test_one_that_comes_too_late_or_unasked_runs_all_the_same),
	TEST(test_one_at_whose_socket_too_many_wait_is_waited_for),
	TEST(test_what_is_said_on_the_connection_means_nothing),
	TEST(test_clients_wait_for_the_back_off_and_an_administrator_does_not),
	TEST(test_a_process_of_another_unit_or_of_none_is_not_the_app),
	TEST(test_a_second_process_of_the_unit_is_not_the_app_and_may_use_the_same),
	TEST(test_the_app_is_the_app_however_often_it_connects),
	TEST(test_who_connected_as_another_user_than_the_process_is_nobody),
	TEST(test_a_pid_that_is_not_certain_is_no_app_s_and_starts_none),
	TEST(test_a_process_that_has_ended_is_nobody),
	TEST(test_where_there_is_no_app_no_unit_is_looked_up),
	TEST(test_an_end_that_nobody_asked_for_is_noticed_and_it_may_come_again),
	TEST(test_the_next_process_is_the_app_though_the_loop_has_not_seen_the_last_ones_end),
	TEST(test_more_hang_ups_than_systemd_makes_after_one_end_are_a_failure),
	TEST(test_it_can_be_asked_for_however_late_systemd_hangs_up),
	TEST(test_an_end_s_hang_ups_do_not_lengthen_the_start_timeout),
	TEST(test_a_stop_is_a_word_and_is_done_when_the_process_has_ended),
	TEST(test_a_restart_is_a_word_and_is_done_when_the_next_process_comes),
	TEST(test_a_restart_after_which_it_does_not_come_has_failed),
	TEST(test_a_restart_of_a_stopped_one_is_a_start),
	TEST(test_one_that_does_not_stop_runs_on_and_the_stop_has_failed),
	TEST(test_one_that_nobody_can_tell_to_stop_runs_on),
	TEST(test_a_stop_overtakes_a_start_and_is_heard_on_its_connection),
	TEST(test_one_that_comes_while_it_is_to_stop_is_awaited_to_end),
	TEST(test_who_asks_while_it_is_being_stopped_gets_it_afterwards),
	TEST(test_a_stop_overtakes_a_restart_and_is_said_to_who_was_started_by_that),
	TEST(test_who_asks_while_a_stop_overtakes_a_restart_gets_it_after_the_last_end),
	TEST(test_a_stop_that_overtakes_a_restart_fails_if_the_next_does_not_end),
	TEST(test_once_plutond_ends_a_stop_says_nothing_to_the_next),
	TEST(test_one_that_crashed_is_told_to_stop_and_has_when_the_next_process_ends),
	TEST(test_a_crash_that_the_loop_has_not_seen_is_no_end_as_asked),
	TEST(test_one_that_crashed_is_stopped_when_it_has_heard_and_never_came),
	TEST(test_one_that_came_before_it_could_hear_is_told_once_more),
	TEST(test_a_stop_that_nobody_hears_has_failed_and_not_stopped_it),
	TEST(test_one_that_crashed_and_does_not_end_in_time_is_not_stopped),
	TEST(test_one_that_crashed_and_at_whose_socket_nobody_listens_is_stopped),
	TEST(test_one_that_failed_to_come_is_told_to_stop),
	TEST(test_a_stop_starts_none_that_failed_without_having_been_asked_to_come),
	TEST(test_who_asks_for_one_that_crashed_while_it_is_told_to_stop_gets_it_afterwards),
	TEST(test_the_next_plutond_finds_it_when_it_connects_again),
	TEST(test_the_end_is_at_once_stops_none_and_starts_none),
	TEST(test_what_a_reload_changes_holds_for_the_next_process),
	TEST(test_one_whose_file_is_gone_is_there_until_it_ends),
	TEST(test_one_without_its_keys_has_failed_and_its_reason_names_them),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "systemd", tests, TESTS_COUNT(tests));
}
