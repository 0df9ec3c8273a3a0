/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a unique name to a process. The bus says who somebody is (GetConnectionCredentials), and
 * what they sent before it did is held: a bounded number of messages, in bounded memory.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/frontends/dbus_state.h"
#include "daemon/frontends/peer.h"

#define GROUPS_MAX 1024u
#define BUS_NAME "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"

/* What the bus says of somebody. */
struct bus_credentials {
	bool has_user, has_groups;
	uint32_t uid, pid;
	const uint32_t *groups;
	size_t group_count;
};

/* --- clients by name ------------------------------------------------------------------------- */

static struct dbus_client **bucket_of(struct dbus *dbus, const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return &dbus->buckets[hash % DBUS_BUCKETS];
}

static struct dbus_client *find_client(struct dbus *dbus, const char *name)
{
	struct dbus_client *client = *bucket_of(dbus, name);

	while (client && strcmp(client->name, name) != 0)
		client = client->next;
	return client;
}

static void on_flush(struct deferred_call *call)
{
	dbus_call_flush((void *)((char *)call - offsetof(struct dbus_client, flush)));
}

static void upcalls_ready(struct process *process)
{
	struct dbus_client *client = process->frontend_state;

	deferred_call_set(&client->flush);
}

static void unlink_client(struct dbus_client *client)
{
	struct dbus_client **link = bucket_of(client->dbus, client->name);

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	for (link = &client->dbus->choked; *link; link = &(*link)->next_choked) {
		if (*link == client) {
			*link = client->next_choked;
			break;
		}
	}
}

static void closing(struct process *process)
{
	struct dbus_client *client = process->frontend_state;

	process->kernel->expiry.timed--;
	deferred_call_drop(&client->flush);
	unlink_client(client);
}

/* Without anything under way a name costs memory for nothing; it is a new process at its next call.
 */
static bool expire(struct process *process, uint64_t now_ms)
{
	struct dbus_client *client = process->frontend_state;
	struct process_account account;

	if (client->active_ms + client->dbus->settings.idle_timeout_ms > now_ms || client->calls)
		return false;
	process_measure(process, &account);
	if (account.operations || account.grants)
		return false;
	process_kill(process);
	return true;
}

/* sd-bus keeps nothing for a client that is known, and nothing else is allocated for one. */
const struct frontend dbus_frontend = {
	.name = "dbus",
	.state_size = sizeof(struct dbus_client),
	.cost = 0,
	.upcalls_ready = upcalls_ready,
	.closing = closing,
	.expire = expire,
};

static int make_client(struct dbus *dbus, const char *name, const struct credentials *who,
		       struct dbus_client **ret)
{
	struct dbus_client **bucket = bucket_of(dbus, name);
	struct dbus_client *client;
	struct process *process;
	int r = process_make(dbus->kernel, &dbus_frontend, who, &process);

	if (r < 0)
		return r;
	client = process->frontend_state;
	client->dbus = dbus;
	client->process = process;
	client->next = *bucket;
	*bucket = client;
	memccpy(client->name, name, '\0', sizeof(client->name) - 1);
	deferred_call_init(&client->flush, &dbus->kernel->deferred, on_flush);
	dbus->kernel->expiry.timed++; /* idle_timeout */
	*ret = client;
	return 0;
}

static void serve(struct dbus_client *client, const struct dbus_method *method,
		  sd_bus_message *message)
{
	client->active_ms = loop_now_us() / 1000u;
	dbus_call(client, method, message);
}

/* --- credentials ----------------------------------------------------------------------------- */

static int read_entry(sd_bus_message *reply, struct bus_credentials *ret)
{
	const char *key;
	const void *groups;
	size_t size;
	int r = sd_bus_message_read(reply, "s", &key);

	if (r < 0)
		return r;
	if (strcmp(key, "UnixUserID") == 0) {
		ret->has_user = true;
		return sd_bus_message_read(reply, "v", "u", &ret->uid);
	}
	if (strcmp(key, "ProcessID") == 0)
		return sd_bus_message_read(reply, "v", "u", &ret->pid);
	if (strcmp(key, "UnixGroupIDs") != 0)
		return sd_bus_message_skip(reply, "v");
	r = sd_bus_message_enter_container(reply, 'v', "au");
	if (r > 0)
		r = sd_bus_message_read_array(reply, 'u', &groups, &size);
	if (r < 0)
		return r;
	ret->has_groups = true;
	ret->groups = groups;
	ret->group_count = size / sizeof(*ret->groups);
	return sd_bus_message_exit_container(reply);
}

static int read_credentials(sd_bus_message *reply, struct bus_credentials *ret)
{
	int r = sd_bus_message_enter_container(reply, 'a', "{sv}");

	*ret = (struct bus_credentials){0};
	while (r > 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
		r = read_entry(reply, ret);
		if (r >= 0)
			r = sd_bus_message_exit_container(reply);
	}
	return r;
}

/*
 * The bus does not say which group is the primary one. Linux does, of a process that may have
 * ended: so it is believed only within what the bus said, and nothing is decided by it.
 */
static uint32_t primary_group(const struct bus_credentials *told)
{
	char path[32];
	struct stat st;
	bool known;

	snprintf(path, sizeof(path), "/proc/%u", told->pid);
	known = stat(path, &st) == 0;
	for (size_t i = 0; known && i < told->group_count; i++) {
		if (told->groups[i] == st.st_gid)
			return st.st_gid;
	}
	return told->group_count ? told->groups[0] : UINT32_MAX;
}

static int identify(struct dbus *dbus, sd_bus_message *reply, struct credentials *ret)
{
	struct bus_credentials told;

	if (read_credentials(reply, &told) < 0 || !told.has_user)
		return kernel_refuse(dbus->kernel, -PLUTON_EFAIL,
				     "the bus does not say who you are");
	if (!told.has_groups || told.group_count > GROUPS_MAX)
		return kernel_refuse(
			dbus->kernel, -PLUTON_EFAIL,
			"user %u is in more than %u groups, or the bus does not say in "
			"which: dbus-daemon 1.14 and later do",
			told.uid, GROUPS_MAX);
	*ret = (struct credentials){.uid = told.uid,
				    .gid = primary_group(&told),
				    .pid = told.pid,
				    .allowed = access_mask(dbus->channel->rules,
							   dbus->channel->rule_count, told.uid,
							   told.groups, told.group_count)};
	peer_command_name((pid_t)told.pid, ret->command);
	if (told.pid && dbus->channel->identify_app)
		dbus->channel->identify_app(dbus->channel->app_context, ret, false);
	return peer_check_access(dbus->kernel, dbus->channel->rules, dbus->channel->rule_count,
				 dbus->channel->advice, ret);
}

/* --- strangers ------------------------------------------------------------------------------- */

static struct dbus_held *next_held(struct dbus *dbus, const struct dbus_stranger *stranger)
{
	struct dbus_held *oldest = NULL;

	for (unsigned i = 0; i < DBUS_HELD_MAX; i++) {
		struct dbus_held *held = &dbus->held[i];

		if (held->message && held->stranger == stranger &&
		    (!oldest || held->number < oldest->number))
			oldest = held;
	}
	return oldest;
}

static void release(struct dbus *dbus, struct dbus_held *held)
{
	held->message = sd_bus_message_unref(held->message);
	dbus_wire_release(&dbus->wire, held->keep);
	dbus->held_count--;
	dbus->held_bytes -= held->size;
	held->stranger->held--;
}

static void forget(struct dbus *dbus, struct dbus_stranger *stranger)
{
	while (stranger->held)
		release(dbus, next_held(dbus, stranger));
	stranger->lookup = sd_bus_slot_unref(stranger->lookup);
}

/* Everything that was held is served in order; the client may go at any of them. */
static void admit(struct dbus *dbus, struct dbus_stranger *stranger, const struct credentials *who)
{
	struct dbus_client *client;
	int r = make_client(dbus, stranger->name, who, &client);
	struct dbus_held *held;

	if (r < 0)
		kernel_report(dbus->kernel, NULL, "D-Bus client refused: %s", dbus->kernel->why);
	while (stranger->held) {
		held = next_held(dbus, stranger);
		client = find_client(dbus, stranger->name);
		if (client)
			serve(client, held->method, held->message);
		else
			dbus_refuse(held->message, r < 0 ? r : -PLUTON_EOFF, "%s",
				    dbus->kernel->why);
		release(dbus, held);
	}
}

static void reject(struct dbus *dbus, struct dbus_stranger *stranger, int error)
{
	const char *why = dbus->kernel->why;

	kernel_report(dbus->kernel, NULL, "D-Bus client refused: %s", why);
	dbus->kernel->counters.processes_refused++;
	while (stranger->held) {
		struct dbus_held *held = next_held(dbus, stranger);

		dbus_refuse(held->message, error, "%s", why);
		release(dbus, held);
	}
}

static int ask(struct dbus_stranger *stranger);

static int on_credentials(sd_bus_message *reply, void *context, sd_bus_error *error)
{
	struct dbus_stranger *stranger = context;
	struct dbus *dbus = stranger->dbus;
	const char *sender = sd_bus_message_get_sender(reply);
	struct credentials who;
	int r;

	(void)error;
	/* Some buses let anybody send what looks like a reply. */
	if (sender && strcmp(sender, BUS_NAME) != 0) {
		stranger->lookup = sd_bus_slot_unref(stranger->lookup);
		if (ask(stranger) == 0)
			return 1;
	} else if (!sd_bus_message_is_method_error(reply, NULL)) {
		r = identify(dbus, reply, &who);
		if (r == 0)
			admit(dbus, stranger, &who);
		else
			reject(dbus, stranger, r);
	} /* else it has left the bus, and nobody waits for an answer */
	forget(dbus, stranger);
	return 1;
}

static int ask(struct dbus_stranger *stranger)
{
	int r = sd_bus_call_method_async(stranger->dbus->bus, &stranger->lookup, BUS_NAME, BUS_PATH,
					 BUS_NAME, "GetConnectionCredentials", on_credentials,
					 stranger, "s", stranger->name);

	return r < 0 ? -PLUTON_ENOMEM : 0;
}

static struct dbus_stranger *find_stranger(struct dbus *dbus, const char *name,
					   struct dbus_stranger **ret_free)
{
	*ret_free = NULL;
	for (unsigned i = 0; i < DBUS_STRANGERS_MAX; i++) {
		struct dbus_stranger *stranger = &dbus->strangers[i];

		if (!stranger->lookup)
			*ret_free = stranger;
		else if (strcmp(stranger->name, name) == 0)
			return stranger;
	}
	return NULL;
}

static struct dbus_stranger *meet(struct dbus *dbus, const char *name)
{
	struct dbus_stranger *empty, *stranger = find_stranger(dbus, name, &empty);

	if (stranger || !empty)
		return stranger;
	*empty = (struct dbus_stranger){.dbus = dbus};
	memccpy(empty->name, name, '\0', sizeof(empty->name) - 1);
	return ask(empty) == 0 ? empty : NULL;
}

/* false: with its descriptors there would be too many. */
static bool hold(struct dbus *dbus, struct dbus_stranger *stranger,
		 const struct dbus_method *method, sd_bus_message *message)
{
	struct dbus_held *held = dbus->held;
	uint32_t keep;

	if (!dbus_wire_keep(&dbus->wire, &keep))
		return false;
	while (held->message)
		held++;
	*held = (struct dbus_held){.message = sd_bus_message_ref(message),
				   .method = method,
				   .stranger = stranger,
				   .number = dbus->held_number++,
				   .size = dbus->wire.size,
				   .keep = keep};
	dbus->held_count++;
	dbus->held_bytes += held->size;
	stranger->held++;
	return true;
}

static void refuse_crowd(sd_bus_message *message)
{
	dbus_refuse(message, -PLUTON_EBUSY, "too many programs come at once, try again");
}

void dbus_receive(struct dbus *dbus, const struct dbus_method *method, sd_bus_message *message)
{
	const char *name = sd_bus_message_get_sender(message);
	struct dbus_client *client = name ? find_client(dbus, name) : NULL;
	struct dbus_stranger *stranger;

	if (client) {
		serve(client, method, message);
		return;
	}
	if (!name || strlen(name) >= DBUS_NAME_SIZE) {
		dbus_refuse(message, -PLUTON_EINVAL, "a unique name of 1 to %u bytes is needed",
			    DBUS_NAME_SIZE - 1);
		return;
	}
	if (dbus->held_count == DBUS_HELD_MAX ||
	    dbus->held_bytes + dbus->wire.size > DBUS_HELD_BYTES)
		stranger = NULL;
	else
		stranger = meet(dbus, name);
	if (!stranger)
		refuse_crowd(message);
	else if (stranger->held == dbus->settings.calls_per_client)
		dbus_refuse(message, -PLUTON_EBUSY, "%u calls are under way, calls_per_client",
			    stranger->held);
	else if (!hold(dbus, stranger, method, message))
		refuse_crowd(message);
}

void dbus_vanished(struct dbus *dbus, const char *name)
{
	struct dbus_client *client = find_client(dbus, name);
	struct dbus_stranger *empty, *stranger = find_stranger(dbus, name, &empty);

	if (client)
		process_kill(client->process);
	if (stranger)
		forget(dbus, stranger);
}

void dbus_drop_all(struct dbus *dbus)
{
	for (unsigned i = 0; i < DBUS_STRANGERS_MAX; i++) {
		if (dbus->strangers[i].lookup)
			forget(dbus, &dbus->strangers[i]);
	}
	for (unsigned i = 0; i < DBUS_BUCKETS; i++) {
		while (dbus->buckets[i])
			process_kill(dbus->buckets[i]->process);
	}
}
