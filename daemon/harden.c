/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every step looks first: under a seccomp filter, asking for what is there already can be refused.
 */
#include "daemon/harden.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"

int harden_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -1;
	return close(fd);
}

static int forbid_core(void)
{
	static const struct rlimit none = {0, 0};
	struct rlimit limit;

	if (getrlimit(RLIMIT_CORE, &limit) < 0)
		return -1;
	return limit.rlim_cur == 0 && limit.rlim_max == 0 ? 0 : setrlimit(RLIMIT_CORE, &none);
}

static int forbid_tracing(void)
{
	return prctl(PR_GET_DUMPABLE) == 0 ? 0 : prctl(PR_SET_DUMPABLE, 0);
}

/* With fewer there is less room, and no danger. */
static int raise_descriptor_limit(void)
{
	struct rlimit limit;
	struct rlimit raised;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -1;
	raised = (struct rlimit){limit.rlim_max, limit.rlim_max};
	if (limit.rlim_cur != limit.rlim_max && setrlimit(RLIMIT_NOFILE, &raised) < 0)
		log_event(PLUTON_LOG_WARNING, LOG_NO_FIELDS,
			  "no more than %llu descriptors: raising the limit is refused (%s); set "
			  "LimitNOFILE",
			  (unsigned long long)limit.rlim_cur, strerror(errno));
	return 0;
}

int harden_process(void)
{
	umask(077);
	if (forbid_tracing() < 0 || forbid_core() < 0 || raise_descriptor_limit() < 0)
		return -1;
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -1 : 0;
}
