/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection to the bus: made, kept in step with libevent, lost, made again. sd-bus changes
 * what it waits for with every call of sd_bus_process or sd_bus_send, so dbus_arm follows each.
 */
#include "daemon/frontends/dbus_state.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/frontends/dbus_introspect.h"
#include "daemon/log.h"

#define PASS_US 100u
#define CHOKED_MESSAGES 16u /* that wait to be written: then nothing more is read or answered */
#define PAUSE_MIN_MS 100u
#define PAUSE_MAX_MS 30000u
#define ANSWER_WITHIN_S 5
#define FULL_PAUSE_US 100000
#define HEADROOM 4096u /* of a message over message_max: words, lengths, names */
#define WATCH                                                                                      \
	"type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"                \
	"interface='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''"

static void lose(struct dbus *dbus);

/* --- what the bus calls ---------------------------------------------------------------------- */

static int on_method(sd_bus_message *message, void *context, sd_bus_error *error)
{
	const struct dbus_method *method = context;

	(void)error;
	dbus_receive(method->interface->context, method, message);
	return 1;
}

/* Sees every message first. What is not its own goes on. */
static int on_any(sd_bus_message *message, void *context, sd_bus_error *error)
{
	const struct dbus *dbus = context;
	const char *path = sd_bus_message_get_path(message);

	(void)error;
	if (!path || strcmp(path, DBUS_PATH) != 0 ||
	    sd_bus_message_is_method_call(message, "org.freedesktop.DBus.Introspectable",
					  "Introspect") <= 0 ||
	    sd_bus_message_has_signature(message, "") <= 0)
		return 0;
	sd_bus_reply_method_return(message, "s", dbus->introspection);
	return 1;
}

static int on_name_owner(sd_bus_message *message, void *context, sd_bus_error *error)
{
	const char *sender = sd_bus_message_get_sender(message), *name, *old, *new;

	(void)error;
	/* sd-bus lets anybody say it who sends it to us alone. */
	if (!sender || strcmp(sender, "org.freedesktop.DBus") != 0)
		return 0;
	if (sd_bus_message_read(message, "sss", &name, &old, &new) > 0 && name[0] == ':')
		dbus_vanished(context, name);
	return 0;
}

static void note_trouble(struct dbus *dbus, const char *what, const char *detail)
{
	snprintf(dbus->trouble, sizeof(dbus->trouble), "%.60s%.90s", what, detail);
}

static void note_error(struct dbus *dbus, const char *what, sd_bus_message *reply)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);

	note_trouble(dbus, what, error && error->message ? error->message : "refused");
}

static int on_watched(sd_bus_message *reply, void *context, sd_bus_error *error)
{
	struct dbus *dbus = context;

	(void)error;
	/* Without it the dead would never go. */
	if (sd_bus_message_is_method_error(reply, NULL))
		note_error(dbus, "the bus does not tell who leaves: ", reply);
	return 1;
}

static void tell_change(const struct dbus *dbus, const char *trouble)
{
	if (dbus->changed)
		dbus->changed(dbus->changed_context, trouble);
}

static void serving(struct dbus *dbus)
{
	dbus->state = DBUS_SERVING;
	dbus->settled = true;
	dbus->complained = false;
	dbus->trouble_id = LOG_ID_BUS_LOST; /* whatever ends it now */
	dbus->pause_ms = PAUSE_MIN_MS;
	event_del(&dbus->retry);
	log_event(
		PLUTON_LOG_INFO,
		LOG_FIELDS(LOG_MESSAGE_ID(LOG_ID_BUS_JOINED), LOG_TEXT("bus", dbus->settings.bus)),
		"on the bus as " DBUS_PREFIX);
	tell_change(dbus, NULL);
}

static int on_named(sd_bus_message *reply, void *context, sd_bus_error *error)
{
	struct dbus *dbus = context;
	uint32_t answer = 0;

	(void)error;
	dbus->trouble_id = LOG_ID_BUS_NAME_REFUSED;
	if (sd_bus_message_is_method_error(reply, NULL))
		note_error(dbus, "the name " DBUS_PREFIX " is refused: ", reply);
	else if (sd_bus_message_read(reply, "u", &answer) < 0 || (answer != 1 && answer != 4))
		note_trouble(dbus, "the name " DBUS_PREFIX " is taken", ": stop the other plutond");
	else if (!dbus->trouble[0])
		serving(dbus);
	return 1;
}

/* --- events ---------------------------------------------------------------------------------- */

bool dbus_is_choked(const struct dbus *dbus)
{
	uint64_t waiting;

	return !dbus->bus ||
	       (sd_bus_get_n_queued_write(dbus->bus, &waiting) >= 0 && waiting >= CHOKED_MESSAGES);
}

static void on_io(evutil_socket_t fd, short events, void *context);

static struct timeval *time_left(const struct dbus *dbus, struct timeval *ret)
{
	uint64_t at = UINT64_MAX, now = loop_now_us();

	if (!dbus->idle)
		at = 0;
	else if (sd_bus_get_timeout(dbus->bus, &at) < 0 || at == UINT64_MAX)
		return NULL;
	at = at > now ? at - now : 0;
	*ret = (struct timeval){(time_t)(at / 1000000u), (suseconds_t)(at % 1000000u)};
	return ret;
}

/* Descriptors that strangers sent hang in closing: nothing is read until there is room for more. */
static void wait_for_closers(struct dbus *dbus, bool writes)
{
	static const struct timeval pause = {0, FULL_PAUSE_US};

	event_assign(&dbus->io, dbus->loop->base, dbus->wire.bus_fd, writes ? EV_WRITE : 0, on_io,
		     dbus);
	event_add(&dbus->io, &pause);
}

void dbus_arm(struct dbus *dbus)
{
	bool choked = dbus_is_choked(dbus);
	struct timeval left;
	short events = choked ? 0 : EV_READ;

	if (!dbus->bus)
		return;
	if (choked || sd_bus_get_events(dbus->bus) & POLLOUT)
		events |= EV_WRITE;
	event_del(&dbus->io);
	if (channel_is_full(dbus->channel)) {
		wait_for_closers(dbus, events & EV_WRITE);
		return;
	}
	event_assign(&dbus->io, dbus->loop->base, dbus->wire.bus_fd, events, on_io, dbus);
	event_add(&dbus->io, choked ? NULL : time_left(dbus, &left));
}

/* One step. 1: go on. 0: nothing is there. Negative errno: the bus is gone. */
static int step(struct dbus *dbus)
{
	int r = sd_bus_process(dbus->bus, NULL);

	if (r < 0)
		return r;
	if (sd_bus_is_open(dbus->bus) <= 0 || dbus->trouble[0])
		return -ECONNRESET;
	if (r > 0)
		return 1;
	dbus_wire_settle(&dbus->wire);
	if (channel_is_full(dbus->channel))
		return 0; /* for what may come with the next message */
	return dbus_wire_relay(&dbus->wire);
}

/* Those whose answers found no room, while there is some. */
static void unchoke(struct dbus *dbus)
{
	while (dbus->choked && !dbus_is_choked(dbus)) {
		struct dbus_client *client = dbus->choked;

		dbus->choked = client->next_choked;
		client->choked = false;
		deferred_call_set(&client->flush);
	}
}

static void on_io(evutil_socket_t fd, short events, void *context)
{
	struct dbus *dbus = context;
	uint64_t start = loop_now_us();
	int r = 1;

	(void)fd;
	(void)events;
	for (uint32_t i = 0; r == 1 && i < dbus->settings.messages_per_pass; i++) {
		if (loop_now_us() - start >= PASS_US || (i && dbus_is_choked(dbus)))
			break;
		r = step(dbus);
	}
	dbus->idle = r != 1;
	if (r < 0) {
		if (!dbus->trouble[0])
			note_trouble(dbus, "the connection ended: ", strerror(-r));
		lose(dbus);
	} else {
		unchoke(dbus);
		dbus_arm(dbus);
	}
	loop_note_handler(dbus->loop, "dbus", start);
}

/* --- connecting ------------------------------------------------------------------------------ */

static int add_interfaces(struct dbus *dbus)
{
	int r = sd_bus_add_filter(dbus->bus, NULL, on_any, dbus);

	for (unsigned i = 0; i < dbus->interface_count && r >= 0; i++) {
		struct dbus_interface *interface = &dbus->interfaces[i];

		r = sd_bus_add_object_vtable(dbus->bus, NULL, DBUS_PATH, interface->name,
					     interface->vtable, interface->methods);
	}
	return r;
}

static int start_bus(struct dbus *dbus, int read_fd, int write_fd)
{
	int r = sd_bus_set_fd(dbus->bus, read_fd, write_fd);

	if (r < 0) {
		close(read_fd);
		close(write_fd);
		return r;
	}
	r = sd_bus_set_bus_client(dbus->bus, true);
	if (r >= 0)
		r = add_interfaces(dbus);
	if (r >= 0)
		r = sd_bus_start(dbus->bus);
	if (r >= 0)
		r = sd_bus_add_match_async(dbus->bus, NULL, WATCH, on_name_owner, on_watched, dbus);
	if (r >= 0)
		r = sd_bus_request_name_async(dbus->bus, NULL, DBUS_PREFIX, 0, on_named, dbus);
	return r;
}

static int connect_bus(struct dbus *dbus)
{
	char buffer[128];
	int read_fd, write_fd;
	int r = dbus_wire_open(&dbus->wire,
			       dbus_wire_address(dbus->settings.bus, buffer, sizeof(buffer)),
			       &dbus->channel->closer, &read_fd, &write_fd);

	if (r < 0)
		return r;
	r = sd_bus_new(&dbus->bus);
	if (r < 0) {
		close(read_fd);
		close(write_fd);
		return r;
	}
	return start_bus(dbus, read_fd, write_fd);
}

static void disconnect(struct dbus *dbus)
{
	event_del(&dbus->io);
	dbus_drop_all(dbus);
	if (dbus->bus)
		sd_bus_close(dbus->bus);
	dbus->bus = sd_bus_unref(dbus->bus);
	dbus_wire_close(&dbus->wire);
}

/* Says so once; everything on the bus is gone, channels go on. */
static void lose(struct dbus *dbus)
{
	struct timeval pause = {dbus->pause_ms / 1000, (suseconds_t)(dbus->pause_ms % 1000) * 1000};

	disconnect(dbus);
	if (!dbus->complained)
		log_event(PLUTON_LOG_ERROR,
			  LOG_FIELDS(LOG_MESSAGE_ID(dbus->trouble_id),
				     LOG_TEXT("bus", dbus->settings.bus)),
			  "not on the bus: %s; sockets are served, the bus is tried again",
			  dbus->trouble);
	dbus->complained = true;
	dbus->settled = true;
	dbus->state = DBUS_AWAY;
	tell_change(dbus, dbus->trouble);
	event_add(&dbus->retry, &pause);
	dbus->pause_ms = dbus->pause_ms * 2 < PAUSE_MAX_MS ? dbus->pause_ms * 2 : PAUSE_MAX_MS;
}

static void attempt(struct dbus *dbus)
{
	static const struct timeval patience = {ANSWER_WITHIN_S, 0};
	int r;

	dbus->trouble[0] = '\0';
	dbus->trouble_id = LOG_ID_BUS_LOST;
	dbus->state = DBUS_CONNECTING;
	dbus->idle = true;
	r = connect_bus(dbus);
	if (r >= 0) {
		dbus_arm(dbus);
		event_add(&dbus->retry, &patience);
		return;
	}
	note_trouble(dbus, r == -EPROTONOSUPPORT ? "its address is none of a Unix socket: " : "",
		     strerror(-r));
	lose(dbus);
}

static void on_retry(evutil_socket_t fd, short events, void *context)
{
	struct dbus *dbus = context;

	(void)fd;
	(void)events;
	if (dbus->state == DBUS_CONNECTING) {
		note_trouble(dbus, "it accepted the connection, but does not answer", "");
		lose(dbus);
	} else {
		attempt(dbus);
	}
}

/* --- opening and closing --------------------------------------------------------------------- */

static int open_interface(struct dbus *dbus, const struct capsule *capsule, bool is_manager)
{
	struct dbus_interface *interface = &dbus->interfaces[dbus->interface_count];
	int r = dbus_interface_open(interface, capsule, dbus_views, dbus);

	if (r < 0)
		return r;
	dbus->interface_count++;
	if (is_manager)
		r = dbus_manager_extend(interface);
	return r < 0 ? r
		     : dbus_interface_build(interface, on_method,
					    is_manager ? dbus_manager_version : NULL);
}

static int open_interfaces(struct dbus *dbus)
{
	const struct kernel *kernel = dbus->kernel;
	int r = 0;

	for (unsigned i = 0; i < kernel->driver_count && r == 0; i++) {
		const struct capsule *capsule = kernel->drivers[i].capsule;

		r = open_interface(dbus, capsule, capsule->driver == PLUTON_DRIVER_MANAGER);
		if (r < 0)
			log_event(PLUTON_LOG_ERROR, LOG_FIELDS(LOG_TEXT("capsule", capsule->name)),
				  "the capsule's commands cannot be methods on D-Bus (%s)",
				  pluton_error_name(r));
	}
	if (r < 0)
		return r;
	dbus->introspection = dbus_introspect(dbus->interfaces, dbus->interface_count);
	return dbus->introspection ? 0 : -PLUTON_ENOMEM;
}

static void close_interfaces(struct dbus *dbus)
{
	while (dbus->interface_count)
		dbus_interface_close(&dbus->interfaces[--dbus->interface_count]);
	free(dbus->introspection);
}

void dbus_set_limits(struct dbus *dbus, const struct dbus_settings *settings)
{
	const char *bus;

	if (!dbus)
		return;
	bus = dbus->settings.bus;
	dbus->settings = *settings;
	dbus->settings.bus = bus;
	dbus->wire.body_max = settings->message_max + HEADROOM;
}

static struct dbus *make(struct loop *loop, struct channel *channel,
			 const struct dbus_settings *settings)
{
	struct dbus *dbus = calloc(1, sizeof(*dbus));

	if (!dbus)
		return NULL;
	dbus->kernel = loop->kernel;
	dbus->loop = loop;
	dbus->channel = channel;
	dbus->settings.bus = settings->bus;
	dbus->pause_ms = PAUSE_MIN_MS;
	dbus->wire.feed_fd = dbus->wire.bus_fd = -1;
	dbus_set_limits(dbus, settings);
	event_assign(&dbus->io, loop->base, -1, 0, on_io, dbus);
	event_assign(&dbus->retry, loop->base, -1, 0, on_retry, dbus);
	return dbus;
}

int dbus_open(struct loop *loop, struct channel *channel, const struct dbus_settings *settings,
	      struct dbus **ret)
{
	struct dbus *dbus = NULL;
	int r = 0;

	if (strcmp(settings->bus, "off") != 0) {
		dbus = make(loop, channel, settings);
		r = dbus ? open_interfaces(dbus) : -PLUTON_ENOMEM;
	}
	if (r < 0) {
		dbus_close(dbus);
		return r;
	}
	if (dbus)
		attempt(dbus);
	*ret = dbus;
	return 0;
}

void dbus_observe(struct dbus *dbus, void (*changed)(void *context, const char *trouble),
		  void *context)
{
	if (!dbus)
		return;
	dbus->changed = changed;
	dbus->changed_context = context;
	if (dbus->state == DBUS_AWAY)
		changed(context, dbus->trouble);
}

enum pluton_bus_state dbus_bus_state(const struct dbus *dbus)
{
	static const enum pluton_bus_state states[] = {
		[DBUS_AWAY] = PLUTON_BUS_AWAY,
		[DBUS_CONNECTING] = PLUTON_BUS_CONNECTING,
		[DBUS_SERVING] = PLUTON_BUS_SERVING,
	};

	return dbus ? states[dbus->state] : PLUTON_BUS_OFF;
}

bool dbus_settled(const struct dbus *dbus)
{
	return !dbus || dbus->settled;
}

void dbus_close(struct dbus *dbus)
{
	if (!dbus)
		return;
	disconnect(dbus);
	event_del(&dbus->retry);
	close_interfaces(dbus);
	free(dbus);
}
