/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel of the machine says who is at the other end; nothing here is read from a message.
 */
#include "daemon/frontends/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUPS_MAX 1024

/* The groups besides the primary one; a negative error if they cannot be told. */
static int read_groups(int fd, gid_t groups[GROUPS_MAX], gid_t primary)
{
	socklen_t size = (GROUPS_MAX - 1) * sizeof(*groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return -PLUTON_EFAIL;
	groups[size / sizeof(*groups)] = primary;
	return (int)(size / sizeof(*groups)) + 1;
}

void peer_command_name(pid_t pid, char text[16])
{
	char path[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, 15);
	if (fd >= 0)
		close(fd);
	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n > 0 ? n : 0] = '\0';
}

int peer_identify(struct kernel *kernel, const struct access_entry *rules, size_t rule_count,
		  int fd, struct credentials *ret)
{
	struct ucred peer;
	gid_t groups[GROUPS_MAX];
	socklen_t peer_size = sizeof(peer);
	int count;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) < 0)
		return kernel_refuse(kernel, -PLUTON_EFAIL, "the socket does not say who you are");
	count = read_groups(fd, groups, peer.gid);
	if (count < 0)
		return kernel_refuse(kernel, -PLUTON_EFAIL,
				     "user %u is in more than %d groups, or they are unknown",
				     peer.uid, GROUPS_MAX - 1);
	*ret = (struct credentials){
		.uid = peer.uid,
		.gid = peer.gid,
		.pid = (uint32_t)peer.pid,
		.allowed = access_mask(rules, rule_count, peer.uid, groups, (size_t)count)};
	peer_command_name(peer.pid, ret->command);
	return 0;
}

/* Then no group helps. */
static bool has_own_rule(const struct access_entry *rules, size_t rule_count, uint32_t uid)
{
	for (size_t i = 0; i < rule_count; i++) {
		if (rules[i].kind == ACCESS_ONE_USER && rules[i].id == uid)
			return true;
	}
	return false;
}

int peer_check_access(struct kernel *kernel, const struct access_entry *rules, size_t rule_count,
		      const char *advice, const struct credentials *who)
{
	if (who->allowed)
		return 0;
	if (has_own_rule(rules, rule_count, who->uid))
		advice = "change its line in [access] of plutond.conf(5)";
	return kernel_refuse(kernel, -PLUTON_ENODEVICE, "user %u may use nothing here: %s",
			     who->uid, advice);
}

bool peer_lives(int fd)
{
	struct pollfd process = {.events = POLLIN};
	socklen_t size = sizeof(process.fd);
	bool ended;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &process.fd, &size) < 0)
		return errno == ENOPROTOOPT;
	ended = poll(&process, 1, 0) != 0;
	close(process.fd);
	return !ended;
}
