/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fork_app.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STORED_TEXT "kept through it all"

int fork_app_notify(const char *socket_path, const void *message, unsigned long length, int fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec bytes = {(void *)(unsigned long)message, length};
	struct msghdr header = {.msg_name = &address,
				.msg_namelen = sizeof(address),
				.msg_iov = &bytes,
				.msg_iovlen = 1};
	int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t n;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	if (fd >= 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(int));
	}
	n = sendmsg(sender, &header, MSG_NOSIGNAL);
	close(sender);
	return n < 0 ? -errno : 0;
}

static void say(const char *text, int fd)
{
	if (fork_app_notify(getenv("NOTIFY_SOCKET"), text, strlen(text), fd) < 0)
		_exit(99);
}

static void wait_for_the_end(void) __attribute__((noreturn));
static void wait_for_the_end(void)
{
	for (;;)
		pause();
}

static void store(const char *name, const char *text)
{
	int fd = memfd_create(name, MFD_CLOEXEC);
	char message[96];

	if (write(fd, text, strlen(text)) < 0)
		_exit(98);
	snprintf(message, sizeof(message), "FDSTORE=1\nFDNAME=%s", name);
	say(message, fd);
	close(fd);
}

/* --- ways to behave -------------------------------------------------------------------------- */

static void be_ready(char **arguments)
{
	(void)arguments;
	say("READY=1", -1);
	wait_for_the_end();
}

/* Everything that an app is given, one line each, in the file that is named. */
static void report(char **arguments)
{
	FILE *file = fopen(arguments[0], "we");
	char path[64], line[256];
	FILE *status;

	for (char **variable = environ; *variable; variable++)
		fprintf(file, "%s\n", *variable);
	for (int fd = 0; fd < 1024; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (fd != fileno(file) && fcntl(fd, F_GETFD) >= 0)
			fprintf(file, "fd=%d\n", fd);
	}
	status = fopen("/proc/self/status", "re");
	while (fgets(line, sizeof(line), status))
		fputs(line, file);
	fclose(status);
	fprintf(file, "session=%d\ncwd=%s\n", getsid(0) == getpid(), getcwd(path, sizeof(path)));
	fprintf(file, "pid=%d\n", (int)getpid());
	fclose(file);
	be_ready(arguments);
}

static void end_with(char **arguments)
{
	_exit(atoi(arguments[0]));
}

static void end_after_ready(char **arguments)
{
	say("READY=1", -1);
	_exit(atoi(arguments[0]));
}

/* Fails, until the file that is named is there. */
static void end_unless(char **arguments)
{
	if (access(arguments[0], F_OK) != 0)
		_exit(4);
	be_ready(arguments);
}

static void never_be_ready(char **arguments)
{
	(void)arguments;
	wait_for_the_end();
}

static void be_deaf(char **arguments)
{
	signal(SIGTERM, SIG_IGN);
	signal(SIGABRT, SIG_IGN);
	be_ready(arguments);
}

static void eat(char **arguments)
{
	(void)arguments;
	say("READY=1", -1);
	for (;;) {
		char *memory = malloc(1 << 20);

		if (!memory)
			abort();
		memset(memory, 1, 1 << 20);
	}
}

static void flood(char **arguments)
{
	(void)arguments;
	say("READY=1", -1);
	for (;;)
		say("STATUS=busy\nWATCHDOG=1", -1);
}

static void talk_nonsense(char **arguments)
{
	static unsigned char noise[6000];
	const char *path = getenv("NOTIFY_SOCKET");

	for (unsigned seed = 1, i = 0; i < 200; i++) {
		for (size_t at = 0; at < sizeof(noise); at++)
			noise[at] = (unsigned char)((seed = seed * 1103515245u + 12345u) >> 16);
		fork_app_notify(path, noise, i * 30, -1);
	}
	fork_app_notify(path, "", 0, -1);
	fork_app_notify(path, "READY=1x\nREADY\n=\n\n\0FDSTORE=1", 28, 0);
	fork_app_notify(path, "FDSTORE=1\nFDNAME=a:b", 20, 0);
	fork_app_notify(path, "READY=1\nWATCHDOG=trigger=no", 27, -1);
	(void)arguments;
	wait_for_the_end();
}

/* Stores as many as it is told and says how many it was given, in the file that is named. */
static void use_store(char **arguments)
{
	FILE *file = fopen(arguments[0], "we");
	const char *given = getenv("LISTEN_FDS");
	char text[64] = "", name[32];

	fprintf(file, "given=%s names=%s\n", given ? given : "0",
		given ? getenv("LISTEN_FDNAMES") : "");
	if (given && atoi(getenv("LISTEN_PID")) != (int)getpid())
		fprintf(file, "a wrong LISTEN_PID\n");
	if (given && pread(3, text, sizeof(text) - 1, 0) > 0)
		fprintf(file, "%s\n", text);
	fclose(file);
	for (int i = 0; i < atoi(arguments[1]); i++) {
		snprintf(name, sizeof(name), "state%d", i);
		store(name, STORED_TEXT);
	}
	if (atoi(arguments[1]) < 0)
		say("FDSTOREREMOVE=1\nFDNAME=state0", -1);
	be_ready(arguments);
}

static void watch(char **arguments)
{
	say("READY=1", -1);
	for (int i = 0; i < atoi(arguments[0]); i++)
		say("WATCHDOG=1", -1);
	wait_for_the_end();
}

static void ask_to_be_taken_for_hanging(char **arguments)
{
	(void)arguments;
	say("READY=1\nWATCHDOG=trigger", -1);
	wait_for_the_end();
}

/* Says that it stops, and does not. */
static void stop_for_ever(char **arguments)
{
	say("READY=1\nSTOPPING=1", -1);
	be_deaf(arguments);
}

/* With a child that would outlive it; its pid goes to the file that is named. */
static void have_a_child(char **arguments)
{
	pid_t child = fork();
	FILE *file;

	if (child == 0) {
		signal(SIGTERM, SIG_IGN);
		wait_for_the_end();
	}
	file = fopen(arguments[0], "we");
	fprintf(file, "%d", (int)child);
	fclose(file);
	be_ready(arguments);
}

static const struct {
	const char *name;
	void (*behave)(char **arguments);
} ways[] = {
	{"ready", be_ready},
	{"report", report},
	{"end", end_with},
	{"ready-end", end_after_ready},
	{"end-unless", end_unless},
	{"never-ready", never_be_ready},
	{"deaf", be_deaf},
	{"eat", eat},
	{"flood", flood},
	{"nonsense", talk_nonsense},
	{"store", use_store},
	{"watch", watch},
	{"trigger", ask_to_be_taken_for_hanging},
	{"stop-for-ever", stop_for_ever},
	{"child", have_a_child},
};

int fork_app(int argc, char **argv)
{
	for (size_t i = 0; argc > 2 && i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(ways[i].name, argv[2]) == 0)
			ways[i].behave(argv + 3);
	}
	return 97;
}
