/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signalfd(2). A signal that the caller ignores (nohup) stays ignored.
 */
#include "cli/run_signals.h"

#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

static bool is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool run_signals_take(struct run_signals *signals)
{
	sigset_t taken;

	sigemptyset(&taken);
	sigaddset(&taken, SIGCHLD);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++) {
		if (!is_ignored(forwarded[i]))
			sigaddset(&taken, forwarded[i]);
	}
	/* Children that are ignored cannot be waited for. */
	if (is_ignored(SIGCHLD))
		(void)signal(SIGCHLD, SIG_DFL);
	if (sigprocmask(SIG_BLOCK, &taken, &signals->inherited) < 0)
		return false;
	signals->fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals->fd >= 0;
}

void run_signals_give_back(const struct run_signals *signals)
{
	(void)sigprocmask(SIG_SETMASK, &signals->inherited, NULL);
}

bool run_signals_next(const struct run_signals *signals, struct run_signal *ret)
{
	struct signalfd_siginfo info;

	if (read(signals->fd, &info, sizeof(info)) != sizeof(info))
		return false;
	ret->number = (int)info.ssi_signo;
	/* The terminal sends SIGINT and SIGQUIT to its whole foreground group, SIGHUP to one. */
	ret->by_terminal = info.ssi_code == SI_KERNEL && ret->number != SIGHUP;
	return true;
}

uint64_t run_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
