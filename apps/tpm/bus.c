/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection to the bus: made, kept in step with sd-event, lost, made again. sd-bus reads what
 * daemon/frontends/dbus_wire.h lets through, so it is not attached to sd-event as a whole: here is
 * what its own attachment would do.
 */
#include "apps/tpm/bus.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "apps/tpm/bus_state.h"
#include "daemon/log.h"

#define INTERFACE "org.pluton1.Tpm"
#define PATH "/org/pluton1/tpm/"
#define BODY_MAX                                                                                   \
	(256u << 10) /* bytes of a message: also the bus's own, as of its list of names            \
		      */
#define MESSAGES_PER_PASS 16u
#define CHOKED_MESSAGES 64u /* that wait to be written: then nothing more is read */
#define PAUSE_MIN_MS 100u
#define PAUSE_MAX_MS 30000u
#define ANSWER_WITHIN_MS 3000u
#define WATCH                                                                                      \
	"type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"                \
	"interface='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''"

static void lose(struct bus *bus);

/* --- what the bus calls ---------------------------------------------------------------------- */

/* sd-bus lets anybody say what only the bus may. */
static bool is_from_bus(sd_bus_message *message)
{
	const char *sender = sd_bus_message_get_sender(message);

	return !sender || strcmp(sender, "org.freedesktop.DBus") == 0;
}

static int on_name_owner(sd_bus_message *message, void *context, sd_bus_error *error)
{
	const char *name, *old, *new;

	(void)error;
	if (!is_from_bus(message))
		return 0;
	if (sd_bus_message_read(message, "sss", &name, &old, &new) > 0 && name[0] == ':')
		bus_vanished(context, name);
	return 0;
}

static void note_trouble(struct bus *bus, const char *what, const char *detail)
{
	snprintf(bus->trouble, sizeof(bus->trouble), "%.60s%.90s", what, detail);
}

static void note_error(struct bus *bus, const char *what, sd_bus_message *reply)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);

	note_trouble(bus, what, error && error->message ? error->message : "refused");
}

static int on_watched(sd_bus_message *reply, void *context, sd_bus_error *error)
{
	(void)error;
	/* Without it the dead would never go. */
	if (sd_bus_message_is_method_error(reply, NULL))
		note_error(context, "the bus does not tell who leaves: ", reply);
	return 1;
}

static void settle(struct bus *bus)
{
	if (bus->settled)
		return;
	bus->settled = true;
	bus->options.settled(bus->options.context);
}

static void forget_awaited(struct bus *bus)
{
	free(bus->awaited);
	bus->awaited = NULL;
	bus->awaited_count = 0;
}

/* Who leaves from here on is told; who left before is not among them. */
static int on_names(sd_bus_message *reply, void *context, sd_bus_error *error)
{
	struct bus *bus = context;
	const char *name;
	int r = sd_bus_message_enter_container(reply, 'a', "s");

	(void)error;
	if (!is_from_bus(reply))
		return 1;
	while (r > 0 && (r = sd_bus_message_read(reply, "s", &name)) > 0)
		bus_welcome_back(bus, name);
	forget_awaited(bus);
	return 1;
}

static void serving(struct bus *bus)
{
	bus->phase = BUS_SERVING;
	bus->complained = false;
	bus->pause_ms = PAUSE_MIN_MS;
	sd_event_source_set_enabled(bus->retry, SD_EVENT_OFF);
	log_event(PLUTON_LOG_INFO, LOG_FIELDS(LOG_TEXT("bus", bus->options.bus)),
		  "on the bus as %s", bus->name);
	if (bus->awaited_count)
		(void)sd_bus_call_method_async(bus->bus, NULL, "org.freedesktop.DBus",
					       "/org/freedesktop/DBus", "org.freedesktop.DBus",
					       "ListNames", on_names, bus, NULL);
	settle(bus);
}

static int on_named(sd_bus_message *reply, void *context, sd_bus_error *error)
{
	struct bus *bus = context;
	uint32_t answer = 0;

	(void)error;
	if (sd_bus_message_is_method_error(reply, NULL))
		note_error(bus, "the name is refused: ", reply);
	else if (sd_bus_message_read(reply, "u", &answer) < 0 || (answer != 1 && answer != 4))
		note_trouble(bus, "the name is taken", ": stop the other program");
	else if (!bus->trouble[0])
		serving(bus);
	return 1;
}

/* --- events ---------------------------------------------------------------------------------- */

bool bus_is_choked(const struct bus *bus)
{
	uint64_t waiting;

	return !bus->bus ||
	       (sd_bus_get_n_queued_write(bus->bus, &waiting) >= 0 && waiting >= CHOKED_MESSAGES);
}

/* What sd-bus waits for changes with everything that is sent. */
static int before_waiting(sd_event_source *source, void *userdata)
{
	struct bus *bus = userdata;
	bool choked = bus_is_choked(bus);
	uint32_t events = choked ? 0 : EPOLLIN;
	uint64_t at = UINT64_MAX;

	if (choked || sd_bus_get_events(bus->bus) & POLLOUT)
		events |= EPOLLOUT;
	sd_event_source_set_io_events(source, events);
	if (!choked && !bus->idle)
		at = 0;
	else if (!choked && sd_bus_get_timeout(bus->bus, &at) < 0)
		at = UINT64_MAX;
	if (at != UINT64_MAX)
		sd_event_source_set_time(bus->tick, at);
	sd_event_source_set_enabled(bus->tick, at != UINT64_MAX ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	return 0;
}

/* One step. 1: go on. 0: nothing is there. Negative errno: the bus is gone. */
static int step(struct bus *bus)
{
	int r = sd_bus_process(bus->bus, NULL);

	if (r < 0)
		return r;
	if (sd_bus_is_open(bus->bus) <= 0 || bus->trouble[0])
		return -ECONNRESET;
	if (r > 0)
		return 1;
	dbus_wire_settle(&bus->wire);
	return dbus_wire_relay(&bus->wire);
}

static void pass(struct bus *bus)
{
	int r = 1;

	for (unsigned i = 0; r == 1 && i < MESSAGES_PER_PASS; i++) {
		if (i && bus_is_choked(bus))
			break;
		r = step(bus);
	}
	bus->idle = r != 1;
	if (r >= 0)
		return;
	if (!bus->trouble[0])
		note_trouble(bus, "the connection ended: ", strerror(-r));
	lose(bus);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	(void)fd;
	(void)revents;
	pass(userdata);
	return 0;
}

static int on_tick(sd_event_source *source, uint64_t now, void *userdata)
{
	struct bus *bus = userdata;

	(void)source;
	(void)now;
	if (bus->bus)
		pass(bus);
	return 0;
}

/* --- connecting ------------------------------------------------------------------------------ */

static int start_bus(struct bus *bus, int read_fd, int write_fd)
{
	int r = sd_bus_set_fd(bus->bus, read_fd, write_fd);

	if (r < 0) {
		close(read_fd);
		close(write_fd);
		return r;
	}
	r = sd_bus_set_bus_client(bus->bus, true);
	if (r >= 0)
		r = sd_bus_add_object_vtable(bus->bus, NULL, bus->path, INTERFACE, bus_vtable, bus);
	if (r >= 0)
		r = sd_bus_start(bus->bus);
	if (r >= 0)
		r = sd_bus_add_match_async(bus->bus, NULL, WATCH, on_name_owner, on_watched, bus);
	if (r >= 0)
		r = sd_bus_request_name_async(bus->bus, NULL, bus->name, 0, on_named, bus);
	return r;
}

static int watch_wire(struct bus *bus)
{
	int r = sd_event_add_io(bus->options.event, &bus->io, bus->wire.bus_fd, EPOLLIN, on_io,
				bus);

	return r < 0 ? r : sd_event_source_set_prepare(bus->io, before_waiting);
}

static int connect_bus(struct bus *bus)
{
	char buffer[128];
	int read_fd, write_fd;
	int r = dbus_wire_open(&bus->wire,
			       dbus_wire_address(bus->options.bus, buffer, sizeof(buffer)),
			       &bus->closer, &read_fd, &write_fd);

	if (r < 0)
		return r;
	r = sd_bus_new(&bus->bus);
	if (r < 0) {
		close(read_fd);
		close(write_fd);
		return r;
	}
	r = start_bus(bus, read_fd, write_fd);
	return r < 0 ? r : watch_wire(bus);
}

static void disconnect(struct bus *bus)
{
	bus_drop_all(bus);
	bus->io = sd_event_source_disable_unref(bus->io);
	if (bus->tick)
		sd_event_source_set_enabled(bus->tick, SD_EVENT_OFF);
	if (bus->bus)
		sd_bus_close(bus->bus);
	bus->bus = sd_bus_unref(bus->bus);
	dbus_wire_close(&bus->wire);
}

static void arm_retry(struct bus *bus, uint32_t after_ms)
{
	sd_event_source_set_time_relative(bus->retry, (uint64_t)after_ms * 1000);
	sd_event_source_set_enabled(bus->retry, SD_EVENT_ONESHOT);
}

/* Says so once; what names on the bus had is flushed, channels go on. */
static void lose(struct bus *bus)
{
	disconnect(bus);
	if (!bus->complained)
		log_event(PLUTON_LOG_WARNING, LOG_FIELDS(LOG_TEXT("bus", bus->options.bus)),
			  "not on the bus as %s: %s; channels are served, the bus is tried again",
			  bus->name, bus->trouble);
	bus->complained = true;
	bus->phase = BUS_IDLE;
	arm_retry(bus, bus->pause_ms);
	bus->pause_ms = bus->pause_ms * 2 < PAUSE_MAX_MS ? bus->pause_ms * 2 : PAUSE_MAX_MS;
	settle(bus);
}

static void attempt(struct bus *bus)
{
	int r;

	bus->trouble[0] = '\0';
	bus->phase = BUS_CONNECTING;
	bus->idle = false; /* sd-bus begins to talk in its first step */
	r = connect_bus(bus);
	if (r >= 0) {
		arm_retry(bus, ANSWER_WITHIN_MS);
		return;
	}
	note_trouble(bus, r == -EPROTONOSUPPORT ? "its address is none of a Unix socket: " : "",
		     strerror(-r));
	lose(bus);
}

static int on_retry(sd_event_source *source, uint64_t now, void *userdata)
{
	struct bus *bus = userdata;

	(void)source;
	(void)now;
	if (bus->phase == BUS_CONNECTING) {
		note_trouble(bus, "it accepted the connection, but does not answer", "");
		lose(bus);
	} else {
		attempt(bus);
	}
	return 0;
}

/* --- start and end --------------------------------------------------------------------------- */

/* Letters, digits and '_' are what a path may have; and a bus name must not begin with a digit. */
static void make_names(struct bus *bus)
{
	const char *instance = bus->options.instance;
	char element[BUS_NAME_MAX];
	int at = 0;

	if (isdigit((unsigned char)*instance))
		element[at++] = '_';
	snprintf(element + at, sizeof(element) - (size_t)at, "%s", instance);
	for (char *c = element; *c; c++) {
		if (!isalnum((unsigned char)*c))
			*c = '_';
	}
	snprintf(bus->name, sizeof(bus->name), INTERFACE ".%.*s", PLUTON_APP_NAME_MAX + 1, element);
	snprintf(bus->path, sizeof(bus->path), PATH "%.*s", PLUTON_APP_NAME_MAX + 1, element);
}

static int add_timer(struct bus *bus, sd_event_source **ret, sd_event_time_handler_t run)
{
	int r = sd_event_add_time(bus->options.event, ret, CLOCK_MONOTONIC, 0, 1, run, bus);

	return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

/* While the TPM's thread does not serve yet, which is why it is looked at here. */
static int note_awaited(struct bus *bus)
{
	unsigned max = clients_awaited(bus->options.clients);

	if (max == 0)
		return 0;
	bus->awaited = calloc(max, sizeof(*bus->awaited));
	if (!bus->awaited)
		return -PLUTON_ENOMEM;
	bus->awaited_count = clients_awaited_names(bus->options.clients, bus->awaited, max);
	return 0;
}

static int prepare(struct bus *bus)
{
	bus->pause_ms = PAUSE_MIN_MS;
	bus->wire.feed_fd = bus->wire.bus_fd = -1;
	bus->wire.body_max = BODY_MAX;
	bus->closer = CLOSER_WITH(1);
	make_names(bus);
	if (add_timer(bus, &bus->tick, on_tick) < 0 || add_timer(bus, &bus->retry, on_retry) < 0)
		return -PLUTON_ENOMEM;
	return note_awaited(bus);
}

int bus_new(const struct bus_options *options, struct bus **ret)
{
	unsigned count = options->names_max + BUS_STRANGERS_MAX;
	struct bus *bus;
	int r;

	*ret = NULL;
	if (!options->bus || !*options->bus || strcmp(options->bus, "off") == 0)
		return 0;
	bus = calloc(1, sizeof(*bus) + count * sizeof(struct bus_client));
	if (!bus)
		return -PLUTON_ENOMEM;
	bus->options = *options;
	bus->client_count = count;
	r = prepare(bus);
	if (r < 0)
		bus_free(bus);
	else
		*ret = bus;
	return r;
}

void bus_start(struct bus *bus)
{
	if (bus)
		attempt(bus);
}

bool bus_is_settled(const struct bus *bus)
{
	return !bus || bus->settled;
}

void bus_free(struct bus *bus)
{
	if (!bus)
		return;
	disconnect(bus);
	sd_event_source_disable_unref(bus->tick);
	sd_event_source_disable_unref(bus->retry);
	closer_close(&bus->closer);
	forget_awaited(bus);
	free(bus);
}
