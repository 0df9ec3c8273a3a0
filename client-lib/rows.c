/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of fields behind the rows of answers, and the one encoder and decoder for all of them.
 * Layouts are part of the protocol: a new field goes where `reserved` is or into a new command.
 */
#include "client-lib/rows.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

/* clang-format off */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FIELD(type, member, kind, doc) \
	{#member, doc, offsetof(struct type, member), sizeof(((struct type *)NULL)->member), kind}
#define LAYOUT(label, type, fields) {label, sizeof(struct type), fields, COUNT(fields)}
/* clang-format on */

static_assert(sizeof(struct pluton_status) == 144, "the row of Status");
static_assert(sizeof(struct pluton_capsule_row) == 104, "the row of Capsules");
static_assert(sizeof(struct pluton_engine_row) == 96, "the row of Engines");
static_assert(sizeof(struct pluton_process_row) == 112, "the row of Processes");
static_assert(sizeof(struct pluton_limit_row) == 40, "the row of Limits");
static_assert(sizeof(struct pluton_selftest_row) == 160, "the row of SelfTests");
static_assert(sizeof(struct pluton_nv_row) == 88, "the row of an NV area");
static_assert(sizeof(struct pluton_app_row) == 160, "the row of an app");
static_assert(sizeof(struct pluton_app_peer) == 72, "the row of an app's client");
static_assert(sizeof(struct pluton_tpm_info) == 168, "the row of a TPM app's Info");
static_assert(sizeof(struct pluton_command_row) == 40, "the row of Commands");
static_assert(sizeof(struct pluton_trace_row) == 64, "the row of TraceRead");

/* clang-format off */
#define STATUS(member, kind, doc) FIELD(pluton_status, member, kind, doc)
static const struct row_field status_fields[] = {
	STATUS(version, ROW_TEXT, "of the daemon"),
	STATUS(pid, ROW_U32, "the daemon's process id"),
	STATUS(log_level, ROW_U32, "0 off, 1 error, 2 warning, 3 info, 4 debug, 5 trace"),
	STATUS(uptime_ms, ROW_U64, "milliseconds since start"),
	STATUS(processes, ROW_U32, "connected processes"),
	STATUS(processes_max, ROW_U32, "the most that may be connected"),
	STATUS(pool_size, ROW_U64, "bytes of the pool"),
	STATUS(pool_taken, ROW_U64, "bytes in use by processes"),
	STATUS(pool_committed, ROW_U64, "bytes taken or promised"),
	STATUS(operations, ROW_U64, "operations accepted since start"),
	STATUS(refusals, ROW_U64, "operations refused since start"),
	STATUS(upcalls, ROW_U64, "upcalls delivered since start"),
	STATUS(grant_reentries, ROW_U64, "second enters of a grant: each one a bug in a capsule"),
	STATUS(processes_refused, ROW_U64, "connections refused since start"),
	STATUS(loop_passes, ROW_U64, "passes of the event loop"),
	STATUS(handler_longest_us, ROW_U64, "microseconds that the longest handler took"),
	STATUS(system, ROW_U32, "1: the system's service (--system), 0: somebody's own"),
	STATUS(bus, ROW_U32, "the D-Bus bus: 0 off, 1 away (tried again), 2 connecting, 3 serving"),
};

#define CAPSULE(member, kind, doc) FIELD(pluton_capsule_row, member, kind, doc)
static const struct row_field capsule_fields[] = {
	CAPSULE(name, ROW_TEXT, "of the capsule"),
	CAPSULE(interface, ROW_TEXT, "its D-Bus interface, without org.pluton1"),
	CAPSULE(driver, ROW_U32, "driver number"),
	CAPSULE(commands, ROW_U32, "how many commands it has"),
	CAPSULE(grant_size, ROW_U32, "bytes of a live grant, on average; without one, the most it can have"),
	CAPSULE(grants, ROW_U32, "live grants"),
	CAPSULE(state_size, ROW_U32, "bytes of an operation's state"),
	CAPSULE(allowed, ROW_U32, "1: the asking process may use it"),
	CAPSULE(operations, ROW_U64, "operations accepted since start"),
	CAPSULE(refusals, ROW_U64, "operations refused since start"),
};

#define HANDLER(member, kind, doc) FIELD(pluton_handler_row, member, kind, doc)
static const struct row_field handler_fields[] = {
	HANDLER(name, ROW_TEXT, "what the loop called"),
	HANDLER(calls, ROW_U64, "calls since start"),
	HANDLER(total_us, ROW_U64, "microseconds of all calls"),
	HANDLER(longest_us, ROW_U64, "microseconds of the longest call"),
	HANDLER(late, ROW_U64, "calls that took over 100 microseconds"),
};

#define ENGINE(member, kind, doc) FIELD(pluton_engine_row, member, kind, doc)
static const struct row_field engine_fields[] = {
	ENGINE(name, ROW_TEXT, "of the engine"),
	ENGINE(hil, ROW_TEXT, "the interface it implements"),
	ENGINE(priority, ROW_U32, "0 is asked first"),
	ENGINE(concurrency, ROW_U32, "operations it takes at once; 0: its device is not there"),
	ENGINE(busy, ROW_U32, "operations under way"),
	ENGINE(waiting, ROW_U32, "processes that wait for it"),
	ENGINE(grants, ROW_U64, "turns given since start"),
	ENGINE(expirations, ROW_U64, "turns that passed their deadline"),
};

#define PROCESS(member, kind, doc) FIELD(pluton_process_row, member, kind, doc)
static const struct row_field process_fields[] = {
	PROCESS(command, ROW_TEXT, "the program's name, /proc/PID/comm"),
	PROCESS(index, ROW_U32, "index of its id"),
	PROCESS(generation, ROW_U32, "generation of its id"),
	PROCESS(pid, ROW_U32, "Linux process id"),
	PROCESS(uid, ROW_U32, "Linux user id"),
	PROCESS(gid, ROW_U32, "Linux group id"),
	PROCESS(operations, ROW_U32, "operations under way"),
	PROCESS(grants, ROW_U32, "live grants"),
	PROCESS(windows, ROW_U32, "windows"),
	PROCESS(window_bytes, ROW_U64, "bytes of all its windows"),
	PROCESS(arena_taken, ROW_U64, "bytes the daemon keeps for it"),
	PROCESS(arena_limit, ROW_U64, "the most bytes it may take"),
	PROCESS(requests, ROW_U64, "operations accepted since it connected"),
	PROCESS(refusals, ROW_U64, "operations refused since it connected"),
	PROCESS(dying, ROW_U32, "1: gone, waits for an engine to let go of its memory"),
	PROCESS(ring_bytes, ROW_U32, "bytes of its rings; 0: it has none"),
};

#define LIMIT(member, kind, doc) FIELD(pluton_limit_row, member, kind, doc)
static const struct row_field limit_fields[] = {
	LIMIT(name, ROW_TEXT, "of the limit, as in plutond.conf(5)"),
	LIMIT(value, ROW_U64, "its value"),
};

#define SELFTEST(member, kind, doc) FIELD(pluton_selftest_row, member, kind, doc)
static const struct row_field selftest_fields[] = {
	SELFTEST(engine, ROW_TEXT, "name of the engine"),
	SELFTEST(hil, ROW_TEXT, "the interface it implements"),
	SELFTEST(algorithm, ROW_TEXT, "what one test covers"),
	SELFTEST(why, ROW_TEXT, "what a failed one did"),
	SELFTEST(state, ROW_U32, "0 untested, 1 running, 2 passed, 3 failed, 4 absent"),
	SELFTEST(runs, ROW_U32, "tests since start"),
	SELFTEST(failures, ROW_U32, "tests that failed since start"),
};

#define NV(member, kind, doc) FIELD(pluton_nv_row, member, kind, doc)
static const struct row_field nv_fields[] = {
	NV(name, ROW_TEXT, "of the area"),
	NV(capacity, ROW_U32, "bytes it has room for"),
	NV(length, ROW_U32, "bytes of data"),
	NV(locks, ROW_U32, "1 write until restart, 2 write, 4 read until restart, or-ed; 256 damaged"),
	NV(generation, ROW_U32, "another one after every change of the data"),
};

#define APP(member, kind, doc) FIELD(pluton_app_row, member, kind, doc)
static const struct row_field app_fields[] = {
	APP(name, ROW_TEXT, "of the app"),
	APP(reason, ROW_TEXT, "how it ended last, or why it cannot run"),
	APP(state, ROW_U32, "0 stopped, 1 starting, 2 running, 3 stopping, 4 waiting, 5 failed"),
	APP(pid, ROW_U32, "Linux process id; 0: none"),
	APP(starts, ROW_U32, "starts since the daemon started"),
	APP(failures, ROW_U32, "ends in a row that nobody asked for"),
	APP(since_ms, ROW_U64, "milliseconds in this state"),
	APP(retry_ms, ROW_U64, "waiting: milliseconds until it is started again"),
};

#define PEER(member, kind, doc) FIELD(pluton_app_peer, member, kind, doc)
static const struct row_field app_peer_fields[] = {
	PEER(command, ROW_TEXT, "the client's name, /proc/PID/comm"),
	PEER(app, ROW_TEXT, "the app that it is; empty: none"),
	PEER(uid, ROW_U32, "Linux user id"),
	PEER(gid, ROW_U32, "Linux group id"),
	PEER(pid, ROW_U32, "Linux process id"),
	PEER(process_index, ROW_U32, "index of its id"),
	PEER(process_generation, ROW_U32, "generation of its id"),
};

#define TPM(member, kind, doc) FIELD(pluton_tpm_info, member, kind, doc)
static const struct row_field tpm_info_fields[] = {
	TPM(instance, ROW_TEXT, "name of the TPM"),
	TPM(version, ROW_TEXT, "of the app"),
	TPM(library, ROW_TEXT, "the TPM's own code and its version"),
	TPM(pid, ROW_U32, "the app's Linux process id"),
	TPM(connections, ROW_U32, "clients now"),
	TPM(connections_max, ROW_U32, "the most that may be connected"),
	TPM(locality_max, ROW_U32, "the highest locality a client may use"),
	TPM(commands, ROW_U64, "since the TPM was switched on"),
	TPM(cancelled, ROW_U64, "of the commands"),
	TPM(uptime_ms, ROW_U64, "milliseconds since the TPM was switched on"),
	TPM(resumes, ROW_U64, "times it went on after a crash or restart"),
	TPM(nv_commits, ROW_U64, "times the permanent state was stored since manufacture"),
	TPM(nv_bytes, ROW_U64, "bytes of the permanent state"),
	TPM(manufactured, ROW_U64, "seconds since 1970; 0: unknown"),
};

#define HWKEY(member, kind, doc) FIELD(pluton_hwkey_row, member, kind, doc)
static const struct row_field hwkey_fields[] = {
	HWKEY(number, ROW_U32, "of the slot, its owner's"),
	HWKEY(type, ROW_U32, "1 aes128, 2 aes192, 3 aes256, 4 secret, 5 p256, 6 p384, 7 p521, "
			     "8 ed25519, 9 x25519, 10 rsa2048, 11 rsa3072, 12 rsa4096"),
	HWKEY(usage, ROW_U32, "1 encrypt, 2 decrypt, 4 sign, 8 mac, 16 derive, 32 wrap; or-ed"),
	HWKEY(policy, ROW_U32, "1 never exported, 2 this boot only, 4 engine's IVs only; or-ed"),
	HWKEY(size, ROW_U32, "bytes of the key"),
	HWKEY(damaged, ROW_U32, "1: nothing but the number is known"),
};

#define COMMAND(member, kind, doc) FIELD(pluton_command_row, member, kind, doc)
static const struct row_field command_fields[] = {
	COMMAND(name, ROW_TEXT, "of the command"),
	COMMAND(driver, ROW_U32, "driver number of its capsule"),
	COMMAND(number, ROW_U32, "its number in the capsule"),
};

#define TRACE(member, kind, doc) FIELD(pluton_trace_row, member, kind, doc)
static const struct row_field trace_fields[] = {
	TRACE(time_ns, ROW_U64, "nanoseconds of CLOCK_MONOTONIC"),
	TRACE(length, ROW_U64, "bytes that were moved or lent; microseconds that a handler ran"),
	TRACE(offset, ROW_U64, "bytes into the slot"),
	TRACE(step, ROW_U32, "0 process-made, 1 record-received, ... (daemon/kernel/steps.h)"),
	TRACE(process_index, ROW_U32, "index of the process's id; 0: the daemon itself"),
	TRACE(process_generation, ROW_U32, "generation of its id"),
	TRACE(driver, ROW_U32, "driver number of the capsule; 0: none"),
	TRACE(command, ROW_U32, "number of the command"),
	TRACE(op_id, ROW_U32, "of the operation"),
	TRACE(slot, ROW_U32, "whose memory it was"),
	TRACE(engine, ROW_U32, "place among the engine rows, from 1, of what it waits for or has"),
	TRACE(status, ROW_U32, "an error number, where an operation is done or refused"),
	TRACE(handler, ROW_U32, "place among the handler rows, from 1; 0: none"),
};

const struct row_layout row_status = LAYOUT("status", pluton_status, status_fields);
const struct row_layout row_capsule = LAYOUT("capsule", pluton_capsule_row, capsule_fields);
const struct row_layout row_handler = LAYOUT("handler", pluton_handler_row, handler_fields);
const struct row_layout row_engine = LAYOUT("engine", pluton_engine_row, engine_fields);
const struct row_layout row_process = LAYOUT("process", pluton_process_row, process_fields);
const struct row_layout row_limit = LAYOUT("limit", pluton_limit_row, limit_fields);
const struct row_layout row_selftest = LAYOUT("selftest", pluton_selftest_row, selftest_fields);
const struct row_layout row_nv = LAYOUT("area", pluton_nv_row, nv_fields);
const struct row_layout row_hwkey = LAYOUT("key", pluton_hwkey_row, hwkey_fields);
const struct row_layout row_app = LAYOUT("app", pluton_app_row, app_fields);
const struct row_layout row_app_peer = LAYOUT("peer", pluton_app_peer, app_peer_fields);
const struct row_layout row_tpm_info = LAYOUT("tpm", pluton_tpm_info, tpm_info_fields);
const struct row_layout row_command = LAYOUT("command", pluton_command_row, command_fields);
const struct row_layout row_trace = LAYOUT("trace", pluton_trace_row, trace_fields);
/* clang-format on */

/* The bytes of one field from one order to the other; both directions are the same for numbers. */
static void swap_number(const struct row_field *field, const uint8_t *from, uint8_t *to)
{
	uint32_t u32;
	uint64_t u64;

	if (field->type == ROW_U32) {
		memcpy(&u32, from, sizeof(u32));
		u32 = htole32(u32);
		memcpy(to, &u32, sizeof(u32));
	} else {
		memcpy(&u64, from, sizeof(u64));
		u64 = htole64(u64);
		memcpy(to, &u64, sizeof(u64));
	}
}

void row_encode(const struct row_layout *layout, const void *row, void *wire)
{
	const uint8_t *from = row;
	uint8_t *to = wire;

	memset(to, 0, layout->size);
	for (size_t i = 0; i < layout->field_count; i++) {
		const struct row_field *field = &layout->fields[i];

		if (field->type == ROW_TEXT)
			memcpy(to + field->offset, from + field->offset,
			       strnlen((const char *)from + field->offset, field->size - 1u));
		else
			swap_number(field, from + field->offset, to + field->offset);
	}
}

int row_decode(const struct row_layout *layout, const void *wire, void *row)
{
	const uint8_t *from = wire;
	uint8_t *to = row;

	memset(to, 0, layout->size);
	for (size_t i = 0; i < layout->field_count; i++) {
		const struct row_field *field = &layout->fields[i];

		if (field->type != ROW_TEXT) {
			swap_number(field, from + field->offset, to + field->offset);
			continue;
		}
		if (!memchr(from + field->offset, 0, field->size))
			return -PLUTON_EBADRVAL;
		memcpy(to + field->offset, from + field->offset, field->size);
	}
	return 0;
}

uint64_t row_number(const struct row_field *field, const void *row)
{
	const uint8_t *at = (const uint8_t *)row + field->offset;
	uint32_t u32 = 0;
	uint64_t u64 = 0;

	if (field->type == ROW_U32) {
		memcpy(&u32, at, sizeof(u32));
		return u32;
	}
	if (field->type == ROW_U64)
		memcpy(&u64, at, sizeof(u64));
	return u64;
}

const char *row_text(const struct row_field *field, const void *row)
{
	return field->type == ROW_TEXT ? (const char *)row + field->offset : NULL;
}
