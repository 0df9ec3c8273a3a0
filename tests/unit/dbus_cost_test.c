/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client on the bus costs: the declared cost of the frontend against what sd-bus and
 * libevent really keep for one, with a dbus-daemon and clients that are other processes.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "daemon/frontends/dbus_state.h"
#include "tests/rig.h"
#include "tests/suite.h"

#define CLIENTS 40u
#define IDLE_BUDGET 640u /* bytes of one without anything under way that has had a window */

static struct rig rig;
static char folder[] = "/tmp/pluton-cost-XXXXXX", address[64];
static pid_t bus_pid, crowd_pid;
static int crowd_said;

static const char configuration[] =
	"<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
	" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
	"<busconfig><type>session</type><listen>%s</listen><auth>EXTERNAL</auth>\n"
	"<policy context=\"default\"><allow send_destination=\"*\"/><allow receive_sender=\"*\"/>\n"
	"<allow own=\"*\"/></policy></busconfig>\n";

static void write_configuration(const char *path)
{
	FILE *file = fopen(path, "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fprintf(file, configuration, address);
	fclose(file);
}

static void start_bus(void)
{
	char path[64], byte;
	int ends[2];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(strcpy(folder, "/tmp/pluton-cost-XXXXXX")));
	snprintf(address, sizeof(address), "unix:path=%s/bus", folder);
	snprintf(path, sizeof(path), "%s/conf", folder);
	write_configuration(path);
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	bus_pid = fork();
	if (bus_pid == 0) {
		if (dup2(ends[1], 3) == 3 && close_range(4, ~0u, 0) == 0 &&
		    !freopen("/dev/null", "w", stderr))
			_exit(1);
		execlp("dbus-daemon", "dbus-daemon", "--nofork", "--nopidfile", "--nosyslog",
		       "--print-address=3", "--config-file", path, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		suite_skip("there is no dbus-daemon");
	close(ends[0]);
}

static void stop_bus(void)
{
	char path[64];

	kill(bus_pid, SIGKILL);
	waitpid(bus_pid, NULL, 0);
	snprintf(path, sizeof(path), "%s/conf", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/bus", folder);
	unlink(path);
	rmdir(folder);
}

/* In a process of its own: every client makes one call, says so with a byte, and stays. */
static void be_a_crowd(unsigned count, int say)
{
	for (unsigned i = 0; i < count; i++) {
		sd_bus *bus = NULL;
		sd_bus_error error = SD_BUS_ERROR_NULL;
		int r = sd_bus_new(&bus);

		if (r >= 0)
			r = sd_bus_set_address(bus, address);
		if (r >= 0)
			r = sd_bus_set_bus_client(bus, true);
		if (r >= 0)
			r = sd_bus_start(bus);
		if (r >= 0)
			r = sd_bus_call_method(bus, DBUS_PREFIX, DBUS_PATH, DBUS_PREFIX ".Random",
					       "Get", &error, NULL, "u", 2000);
		if (r < 0 || write(say, "", 1) != 1)
			_exit(1);
	}
	for (;;)
		pause();
}

/* How many there are. */
static unsigned processes(void)
{
	return rig.kernel->processes;
}

static void bring(unsigned count)
{
	unsigned heard = 0;
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	crowd_pid = fork();
	if (crowd_pid == 0)
		be_a_crowd(count, ends[1]);
	close(ends[1]);
	crowd_said = ends[0];
	while (heard < count) {
		char byte;
		fd_set set;
		struct timeval none = {0, 0};

		loop_pass(&rig.machine->loop, false);
		FD_ZERO(&set);
		FD_SET(crowd_said, &set);
		if (select(crowd_said + 1, &set, NULL, NULL, &none) == 1)
			CU_ASSERT_EQUAL_FATAL(read(crowd_said, &byte, 1), 1);
		heard += FD_ISSET(crowd_said, &set) != 0;
	}
	rig_settle(&rig);
}

static void send_away(void)
{
	kill(crowd_pid, SIGKILL);
	waitpid(crowd_pid, NULL, 0);
	close(crowd_said);
	while (processes())
		loop_pass(&rig.machine->loop, true);
}

static void open_all(void)
{
	static char setting[96];
	const char *const settings[] = {setting, NULL};

	if (mallinfo2().uordblks == 0)
		suite_skip("a sanitizer's malloc keeps no count");
	start_bus();
	snprintf(setting, sizeof(setting), "dbus.bus=%s", address);
	rig_open(&rig, settings);
	while (!dbus_settled(rig.machine->dbus))
		loop_pass(&rig.machine->loop, true);
	/* Everything that grows once has grown; malloc's caches, which count as in use, the second
	 * time. */
	for (unsigned i = 0; i < 2; i++) {
		bring(CLIENTS);
		send_away();
	}
}

static void close_all(void)
{
	rig_close(&rig);
	stop_bus();
}

static void test_sd_bus_keeps_no_more_for_a_client_than_the_declared_cost(void)
{
	size_t before, after;

	open_all();
	before = mallinfo2().uordblks;
	bring(CLIENTS);
	after = mallinfo2().uordblks;
	CU_ASSERT_EQUAL(processes(), CLIENTS);
	CU_ASSERT(after <= before + CLIENTS * dbus_frontend.cost);
	if (after > before + CLIENTS * dbus_frontend.cost)
		printf("# %zu bytes more for %u clients\n", after - before, CLIENTS);
	send_away();
	CU_ASSERT(mallinfo2().uordblks <= before);
	close_all();
}

static void test_an_idle_client_is_within_its_budget_and_all_of_it_comes_back(void)
{
	size_t before;

	open_all();
	before = rig.kernel->pool.taken;
	bring(CLIENTS);
	kernel_for_each_process (rig.kernel, process) {
		struct process_account account;

		process_measure(process, &account);
		CU_ASSERT_EQUAL(account.taken, process->arena.taken);
		CU_ASSERT(account.taken <= IDLE_BUDGET);
	}
	send_away();
	CU_ASSERT_EQUAL(rig.kernel->pool.taken, before);
	close_all();
}

static const struct test tests[] = {
	TEST(test_sd_bus_keeps_no_more_for_a_client_than_the_declared_cost),
	TEST(test_an_idle_client_is_within_its_budget_and_all_of_it_comes_back),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "dbus_cost", tests, TESTS_COUNT(tests));
}
