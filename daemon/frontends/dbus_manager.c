/* SPDX-License-Identifier: Apache-2.0 */
/*
 * org.pluton1.Manager: the one interface with something of its own. Connect hands out a channel.
 */
#include <config.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/frontends/dbus_state.h"
#include "daemon/kernel/request.h"

#define ROW_SIZE_MAX 512u
#define ROWS                                                                                       \
	64u /* the most that the capsule gives at once; of all but processes there are fewer       \
	     */

int dbus_manager_extend(struct dbus_interface *interface)
{
	static const char names[] = "channel";

	return dbus_interface_add(interface, DBUS_CONNECT, "Connect", "", "h", names,
				  sizeof(names));
}

int dbus_manager_version(sd_bus *bus, const char *path, const char *interface, const char *property,
			 sd_bus_message *reply, void *context, sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)context;
	(void)error;
	return sd_bus_message_append(reply, "s", PACKAGE_VERSION);
}

/* The process at the channel's other end is whoever the bus says, as the caller is. */
void dbus_manager_connect(struct dbus_client *client, sd_bus_message *message)
{
	struct dbus *dbus = client->dbus;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		dbus_refuse(message, -PLUTON_EBUSY, "no descriptors left, try again later");
		return;
	}
	r = channel_adopt_as(dbus->channel, pair[0], &client->process->who);
	if (r < 0) {
		request_refused(client->process, NULL);
		dbus_refuse(message, r, "%s", dbus->kernel->why);
	} else {
		sd_bus_reply_method_return(message, "h", pair[1]);
	}
	close(pair[1]);
}
