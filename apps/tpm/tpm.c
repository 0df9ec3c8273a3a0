/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One command after the other: check, accept, run, snapshot, hand over. And what surrounds them:
 * power on, leaving connections, shutdown.
 */
#include "apps/tpm/tpm.h"

#include <config.h>

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "apps/tpm/messages.h"
#include "daemon/log.h"

#define STIR_SIZE 128u /* bytes: the most that TPM2_StirRandom takes (Part 3 section 16.2) */
#define ALONE_MS 500u  /* for plutond to come back while we end */
#define SU_CLEAR 0x0000u
#define CAP_AUDIT_COMMANDS 0x00000004u
#define TPMA_SESSION_AUDIT 0x80u

uint64_t tpm_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- the permanent state's way out ----------------------------------------------------------- */

/* Into the image that nothing refers to; the last one before a snapshot counts. */
static int keep(void *context, const uint8_t *blob, size_t size)
{
	struct tpm *tpm = context;
	uint8_t *image = snapshot_permanent(tpm->snapshot, snapshot_spare(tpm->snapshot));

	if (size > PERMANENT_MAX - PERMANENT_HEADER_SIZE)
		return -PLUTON_ESIZE;
	memcpy(image + PERMANENT_HEADER_SIZE, blob, size);
	tpm->staged = true;
	tpm->staged_size = (uint32_t)size;
	return 0;
}

static const uint8_t *kept(void *context, size_t *ret_size)
{
	struct tpm *tpm = context;

	if (tpm->staged) {
		*ret_size = tpm->staged_size;
		return snapshot_permanent(tpm->snapshot, snapshot_spare(tpm->snapshot)) +
		       PERMANENT_HEADER_SIZE;
	}
	*ret_size = tpm->blob_size;
	return tpm->blob;
}

/* The image gets its header, and the next snapshot will refer to it. */
static int seal(struct tpm *tpm, uint32_t index, size_t *ret_size)
{
	tpm->permanent.generation++;
	tpm->permanent.length = tpm->staged_size;
	*ret_size = permanent_seal(snapshot_permanent(tpm->snapshot, index), &tpm->permanent);
	if (*ret_size == 0)
		return -PLUTON_EFAIL;
	tpm->state.permanent_generation = tpm->permanent.generation;
	memcpy(tpm->state.permanent_digest, tpm->permanent.digest,
	       sizeof(tpm->state.permanent_digest));
	tpm->state.permanent_index = index;
	return 0;
}

static int commit(struct tpm *tpm)
{
	uint8_t *bytes;
	uint32_t length;
	int r = library_volatile(&bytes, &length);

	if (r < 0)
		return r;
	r = snapshot_commit(tpm->snapshot, &tpm->state, bytes, length);
	library_free(bytes, length);
	return r;
}

/* Steps 2 (the header) to 5 of resume.c. */
static int publish(struct tpm *tpm)
{
	uint32_t index = snapshot_spare(tpm->snapshot);
	size_t size = 0;
	int r = tpm->staged ? seal(tpm, index, &size) : 0;

	if (r == 0)
		r = commit(tpm);
	if (r < 0) {
		log_event(PLUTON_LOG_ERROR, LOG_FIELDS(LOG_MESSAGE_ID(TPMD_ID_NO_SNAPSHOT)),
			  "the TPM's state cannot be kept (no memory); ending, to go on from the "
			  "last one");
		return r;
	}
	if (tpm->staged)
		store_offer(tpm->store, snapshot_permanent(tpm->snapshot, index), size,
			    tpm->permanent.generation);
	tpm->staged = false;
	return 0;
}

/* --- commands of our own --------------------------------------------------------------------- */

/* `code` with parameters and without sessions; the response's code, or TPM_RC_FAILURE. */
static uint32_t run_own(uint32_t code, const void *parameters, size_t size,
			const uint8_t **ret_response, size_t *ret_size)
{
	uint8_t command[TPM_HEADER_SIZE + 2 + STIR_SIZE];
	uint32_t result = TPM_RC_FAILURE;

	*ret_size = 0;
	tpm_put16(command, TPM_ST_NO_SESSIONS);
	tpm_put32(command + 2, (uint32_t)(TPM_HEADER_SIZE + size));
	tpm_put32(command + 6, code);
	memcpy(command + TPM_HEADER_SIZE, parameters, size);
	if (library_process(command, TPM_HEADER_SIZE + size, 0, ret_response, ret_size) == 0 &&
	    *ret_size >= TPM_HEADER_SIZE)
		result = tpm_code(*ret_response, *ret_size);
	explicit_bzero(command, sizeof(command));
	return result;
}

static uint32_t run_simple(uint32_t code, const void *parameters, size_t size)
{
	const uint8_t *response;
	size_t response_size;

	return run_own(code, parameters, size, &response, &response_size);
}

static uint32_t start_up(void)
{
	uint8_t type[2];

	tpm_put16(type, SU_CLEAR);
	return run_simple(TPM_CC_STARTUP, type, sizeof(type));
}

static uint32_t stir(void)
{
	uint8_t parameters[2 + STIR_SIZE];
	uint32_t result = TPM_RC_FAILURE;

	tpm_put16(parameters, STIR_SIZE);
	if (getrandom(parameters + 2, STIR_SIZE, 0) == STIR_SIZE)
		result = run_simple(TPM_CC_STIR_RANDOM, parameters, sizeof(parameters));
	explicit_bzero(parameters, sizeof(parameters));
	return result;
}

static uint32_t flush(uint32_t handle)
{
	uint8_t parameters[4];

	tpm_put32(parameters, handle);
	return run_simple(TPM_CC_FLUSH_CONTEXT, parameters, sizeof(parameters));
}

/*
 * An audited command changes a digest, even one that only reads. The list of them has
 * TPM2_SetCommandCodeAuditStatus from the beginning; more than that, and no command is taken for
 * reading only any more.
 */
static void look_at_audit(struct tpm *tpm)
{
	uint8_t parameters[12];
	const uint8_t *response;
	size_t size;

	tpm_put32(parameters, CAP_AUDIT_COMMANDS);
	tpm_put32(parameters + 4, 0x11f); /* TPM_CC_FIRST */
	tpm_put32(parameters + 8, 2);
	if (run_own(TPM_CC_GET_CAPABILITY, parameters, sizeof(parameters), &response, &size) !=
		    TPM_RC_SUCCESS ||
	    size < TPM_HEADER_SIZE + 9 || tpm_get32(response + TPM_HEADER_SIZE + 5) > 1)
		tpm->state.audited = 1;
}

/* --- power on -------------------------------------------------------------------------------- */

static int refuse_state(int error)
{
	if (error == -PLUTON_ENOSUPPORT)
		log_event(PLUTON_LOG_ERROR, LOG_FIELDS(LOG_MESSAGE_ID(TPMD_ID_REFUSED)),
			  "the permanent state needs a newer libtpms than %s: install that again, "
			  "or restore a backup of the area \"" PERMANENT_AREA "\"; nothing was "
			  "changed",
			  library_name());
	else if (error == -PLUTON_EINVAL)
		log_event(PLUTON_LOG_ERROR, LOG_FIELDS(LOG_MESSAGE_ID(TPMD_ID_REFUSED)),
			  "%s cannot read the permanent state: restore a backup of the area "
			  "\"" PERMANENT_AREA "\", or delete the area for a new TPM; nothing was "
			  "changed",
			  library_name());
	else
		log_event(PLUTON_LOG_ERROR, LOG_NO_FIELDS, "%s does not start", library_name());
	return error;
}

static int start_library(struct tpm *tpm, const struct resume *resume)
{
	const struct library_keeper keeper = {keep, kept, tpm};
	struct library_blob permanent = {0};
	struct library_blob volatile_state = {0};
	uint32_t length;
	int r;

	if (resume->kind != RESUME_MANUFACTURE) {
		permanent.bytes = resume->image + PERMANENT_HEADER_SIZE;
		permanent.size = resume->permanent.length;
	}
	if (resume->kind == RESUME_GO_ON) {
		volatile_state.bytes = snapshot_volatile(tpm->snapshot, &length);
		volatile_state.size = length;
	}
	tpm->permanent = resume->permanent;
	tpm->blob = permanent.bytes;
	tpm->blob_size = permanent.size;
	r = library_start(&keeper, permanent, volatile_state, &tpm->outcome);
	return r < 0 ? refuse_state(r) : 0;
}

static void log_start(const struct tpm *tpm, const struct resume *resume)
{
	static const char *const words[] = {
		[LIBRARY_MANUFACTURED] = "manufactured and powered on",
		[LIBRARY_POWERED_ON] = "powered on",
		[LIBRARY_RESUMED] = "resumed where it was",
	};
	static const char *const ids[] = {
		[LIBRARY_MANUFACTURED] = TPMD_ID_MANUFACTURED,
		[LIBRARY_POWERED_ON] = TPMD_ID_POWERED_ON,
		[LIBRARY_RESUMED] = TPMD_ID_RESUMED,
	};

	if (tpm->outcome != LIBRARY_RESUMED && resume->kind == RESUME_GO_ON)
		log_event(PLUTON_LOG_WARNING, LOG_FIELDS(LOG_MESSAGE_ID(TPMD_ID_POWER_LOST)),
			  "power loss: %s does not take the volatile state of the one before",
			  library_name());
	if (resume->dropped)
		log_event(PLUTON_LOG_WARNING, LOG_FIELDS(LOG_MESSAGE_ID(TPMD_ID_POWER_LOST)),
			  "power loss: the snapshot is not used, %s", resume->dropped);
	log_event(PLUTON_LOG_INFO,
		  LOG_FIELDS(LOG_MESSAGE_ID(ids[tpm->outcome]),
			     LOG_TEXT("instance", tpm->options.instance),
			     LOG_NUMBER("generation", tpm->permanent.generation),
			     LOG_NUMBER("resumes", tpm->state.resumes)),
		  "the TPM is %s", words[tpm->outcome]);
}

/* A TPM that does not go on has no connections, sessions or counts of before. */
static int begin_anew(struct tpm *tpm)
{
	struct snapshot *fresh;
	int r = snapshot_create(&fresh);

	if (r < 0)
		return r;
	if (tpm->staged)
		memcpy(snapshot_permanent(fresh, snapshot_spare(fresh)) + PERMANENT_HEADER_SIZE,
		       snapshot_permanent(tpm->snapshot, snapshot_spare(tpm->snapshot)) +
			       PERMANENT_HEADER_SIZE,
		       tpm->staged_size);
	snapshot_set_durable(fresh, tpm->store->durable);
	snapshot_close(tpm->snapshot);
	tpm->snapshot = fresh;
	tpm->blob = NULL;
	tpm->state = (struct snapshot_state){.powered_on_ms = tpm_now_ms()};
	return 0;
}

static int power_on(struct tpm *tpm)
{
	uint32_t result;
	int r = begin_anew(tpm);

	if (r < 0)
		return r;
	if (tpm->outcome == LIBRARY_MANUFACTURED) {
		tpm->permanent = (struct permanent){.manufactured = (uint64_t)time(NULL)};
		if (getrandom(tpm->permanent.lineage, sizeof(tpm->permanent.lineage), 0) !=
		    sizeof(tpm->permanent.lineage))
			return -PLUTON_EFAIL;
	}
	result = start_up();
	if (result == TPM_RC_SUCCESS)
		return 0;
	log_event(PLUTON_LOG_ERROR, LOG_NO_FIELDS, "TPM2_Startup fails with 0x%x", result);
	return -PLUTON_EFAIL;
}

/* Everything between the library's start and the first client. */
static int bring_up(struct tpm *tpm)
{
	uint32_t result;
	int r = 0;

	if (tpm->outcome == LIBRARY_RESUMED) {
		tpm->state = *snapshot_state(tpm->snapshot);
		tpm->state.resumes++;
	} else {
		r = power_on(tpm);
	}
	if (r < 0)
		return r;
	result = stir();
	if (result != TPM_RC_SUCCESS) {
		log_event(PLUTON_LOG_ERROR, LOG_NO_FIELDS, "TPM2_StirRandom fails with 0x%x",
			  result);
		return -PLUTON_EFAIL;
	}
	look_at_audit(tpm);
	r = publish(tpm);
	tpm->begin_at = tpm->permanent.generation;
	tpm->blob = NULL;
	return r;
}

static void fill_info(void *context, struct pluton_tpm_info *info)
{
	const struct tpm *tpm = context;

	snprintf(info->instance, sizeof(info->instance), "%.*s", (int)sizeof(info->instance) - 1,
		 tpm->options.instance);
	snprintf(info->version, sizeof(info->version), "%s", PACKAGE_VERSION);
	snprintf(info->library, sizeof(info->library), "%s", library_name());
	info->pid = (uint32_t)getpid();
	info->commands = tpm->state.commands;
	info->cancelled = tpm->state.cancelled;
	info->uptime_ms = tpm_now_ms() - tpm->state.powered_on_ms;
	info->resumes = tpm->state.resumes;
	info->nv_commits = tpm->permanent.generation;
	info->nv_bytes = tpm->permanent.length;
	info->manufactured = tpm->permanent.manufactured;
}

static int open_clients(struct tpm *tpm)
{
	const struct clients_options options = {
		.connections_max = tpm->options.connections_max,
		.per_user_max = tpm->options.per_user_max,
		.locality_max = tpm->options.locality_max,
		.snapshot = tpm->snapshot,
		.fill_info = fill_info,
		.context = tpm,
	};

	atomic_store(&tpm->await_until, tpm_now_ms() + TPM_AWAIT_MS);
	return clients_new(&options, &tpm->clients);
}

int tpm_start(struct tpm *tpm, const struct tpm_options *options, const struct resume *resume,
	      struct snapshot *snapshot, struct store *store)
{
	int r = 0;

	*tpm = (struct tpm){.options = *options, .snapshot = snapshot, .store = store};
	if (!snapshot)
		r = snapshot_create(&tpm->snapshot);
	if (r == 0)
		r = start_library(tpm, resume);
	if (r < 0) {
		if (!snapshot)
			snapshot_close(tpm->snapshot);
		return r;
	}
	r = bring_up(tpm);
	if (r == 0)
		r = open_clients(tpm);
	if (r == 0)
		log_start(tpm, resume);
	return r;
}

/* --- one command ----------------------------------------------------------------------------- */

struct response {
	const uint8_t *bytes;
	size_t size;
	uint8_t error[TPM_HEADER_SIZE]; /* `bytes`, where we answer ourselves */
};

static void answer_code(struct response *response, uint32_t code)
{
	response->size = tpm_error_response(code, response->error);
	response->bytes = response->error;
}

/* Puts the response beside the connection's last one: step 3. */
static void put_response(struct tpm *tpm, const struct response *response, enum snapshot_when when)
{
	struct snapshot_entry entry = *snapshot_entry(tpm->snapshot, tpm->work.entry);

	entry.sequence = tpm->work.sequence;
	entry.response_size = (uint32_t)response->size;
	snapshot_put_entry(tpm->snapshot, tpm->work.entry, when, &entry, response->bytes);
}

static bool uses_audit_session(const struct command_parts *parts)
{
	const uint8_t *at = parts->auth;
	size_t left = parts->auth_size;
	struct command_auth auth;

	while (command_next_auth(&at, &left, &auth)) {
		if (auth.attributes & TPMA_SESSION_AUDIT)
			return true;
	}
	return false;
}

/*
 * What can be forgotten in a crash without anybody missing it. An audit session makes even that
 * matter: whatever comes in between ends its being exclusive.
 */
static bool may_be_forgotten(const struct tpm *tpm, const struct command_parts *parts)
{
	return parts->command && (parts->command->flags & COMMAND_READS_ONLY) && !parts->sessions &&
	       !tpm->state.audited && !tpm->staged;
}

/* Runs with the clients in the control thread's hands. */
static int process_long(struct tpm *tpm, struct response *response)
{
	bool cancelled;
	int r;

	atomic_store(&tpm->long_since, tpm_now_ms());
	clients_delegate(tpm->clients);
	r = library_process(tpm->work.command, tpm->work.size, tpm->work.locality, &response->bytes,
			    &response->size);
	cancelled = clients_reclaim(tpm->clients);
	atomic_store(&tpm->long_since, 0);
	if (r == 0 && cancelled && tpm_code(response->bytes, response->size) == TPM_RC_CANCELED)
		tpm->state.cancelled++;
	return r;
}

static int process(struct tpm *tpm, const struct command_parts *parts, struct response *response)
{
	if (parts->command && (parts->command->flags & COMMAND_MAY_TAKE_LONG))
		return process_long(tpm, response);
	return library_process(tpm->work.command, tpm->work.size, tpm->work.locality,
			       &response->bytes, &response->size);
}

/* A command may answer TPM_RC_FAILURE for a reason of its own; in failure mode this one does too.
 */
static bool is_in_failure_mode(void)
{
	uint8_t read_clock[] = {0x80, 0x01, 0, 0, 0, TPM_HEADER_SIZE, 0, 0, 0x01, 0x81};
	const uint8_t *response;
	size_t size;

	return library_process(read_clock, sizeof(read_clock), 0, &response, &size) == 0 &&
	       tpm_code(response, size) == TPM_RC_FAILURE;
}

/* libtpms stays in failure mode until it is started again; say so once. */
static void look_at_failure(struct tpm *tpm)
{
	if (tpm->failed || !is_in_failure_mode())
		return;
	tpm->failed = true;
	log_event(PLUTON_LOG_ERROR, LOG_FIELDS(LOG_MESSAGE_ID(TPMD_ID_FAILED)),
		  "the TPM is in failure mode: stop and start the app \"%s\" to switch it off and "
		  "on",
		  tpm->options.instance);
}

/* The generation that must be durable before the response may leave. */
static uint64_t hold_of(const struct tpm *tpm, const struct command_parts *parts, bool changed)
{
	bool tells = parts->command && (parts->command->flags & COMMAND_READS_NV);
	uint64_t hold = changed || tells ? tpm->permanent.generation : 0;

	return hold > tpm->durable ? hold : 0;
}

/* Whoever lists handles is told of their own. */
static void hide_handles(struct tpm *tpm, struct object_user user, struct response *response)
{
	if (response->size > sizeof(tpm->own_handles))
		return;
	memcpy(tpm->own_handles, response->bytes, response->size);
	response->bytes = tpm->own_handles;
	response->size = objects_hide(&tpm->state.objects, user, tpm->own_handles, response->size);
}

/* After libtpms has run it: steps 2 to 5, and 7 as soon as 6 is true. */
static int finish(struct tpm *tpm, const struct command_parts *parts, struct response *response)
{
	const struct object_user user = {(uint16_t)tpm->work.entry, tpm->work.uid};
	bool suspicious = tpm_code(response->bytes, response->size) == TPM_RC_FAILURE;
	bool changed = tpm->staged;
	int r = 0;

	if (parts->command && parts->command->code == TPM_CC_GET_CAPABILITY)
		hide_handles(tpm, user, response);
	objects_note(&tpm->state.objects, user, parts, response->bytes, response->size);
	if (parts->sessions && uses_audit_session(parts))
		tpm->state.audited = 1;
	if (may_be_forgotten(tpm, parts)) {
		put_response(tpm, response, SNAPSHOT_NOW);
	} else {
		put_response(tpm, response, SNAPSHOT_COMMIT);
		r = publish(tpm);
	}
	if (r < 0)
		return r;
	clients_answer(tpm->clients, hold_of(tpm, parts, changed));
	if (parts->command && parts->command->code == TPM_CC_SET_COMMAND_CODE_AUDIT_STATUS)
		look_at_audit(tpm);
	if (suspicious) /* the response has been taken: its memory may be used again */
		look_at_failure(tpm);
	return 0;
}

/* Its parameters, decrypted in place by libtpms, and its authorization values. */
static void wipe_work(struct tpm *tpm)
{
	explicit_bzero(tpm->work.command, tpm->work.size);
}

/* A command that never reaches libtpms. */
static int answer_ourselves(struct tpm *tpm, uint32_t code)
{
	struct response response;

	answer_code(&response, code);
	put_response(tpm, &response, SNAPSHOT_NOW);
	clients_answer(tpm->clients, 0);
	return 0;
}

static int run_work(struct tpm *tpm)
{
	const struct object_user user = {(uint16_t)tpm->work.entry, tpm->work.uid};
	struct command_parts parts;
	struct response response;
	uint8_t copy[TPM_BUFFER_SIZE];
	uint32_t code = TPM_RC_SUCCESS;
	int r;

	/* libtpms writes over the command, and what it says is needed afterwards */
	memcpy(copy, tpm->work.command, tpm->work.size);
	tpm->state.commands++;
	snapshot_accept(tpm->snapshot, tpm->work.entry, tpm->work.sequence);
	if (command_parse(copy, tpm->work.size, &parts))
		code = objects_check(&tpm->state.objects, user, &parts);
	else
		parts = (struct command_parts){0};
	if (tpm->work.cancelled) {
		tpm->state.cancelled++;
		code = TPM_RC_CANCELED;
	}
	if (code != TPM_RC_SUCCESS)
		r = answer_ourselves(tpm, code);
	else
		r = process(tpm, &parts, &response);
	if (r == 0 && code == TPM_RC_SUCCESS)
		r = finish(tpm, &parts, &response);
	explicit_bzero(copy, tpm->work.size);
	wipe_work(tpm);
	return r;
}

/* --- leaving --------------------------------------------------------------------------------- */

/* What the connection had loaded is flushed, and its entry is free: in one snapshot. */
static int let_leave(struct tpm *tpm, uint32_t index)
{
	const struct snapshot_entry none = {0};
	uint32_t handle;

	while (objects_next(&tpm->state.objects, (uint16_t)index, &handle)) {
		(void)flush(handle); /* it fails if the TPM has let go of it already */
		objects_forget(&tpm->state.objects, handle);
	}
	objects_leave(&tpm->state.objects, (uint16_t)index);
	snapshot_put_entry(tpm->snapshot, index, SNAPSHOT_COMMIT, &none, NULL);
	return publish(tpm);
}

static int let_all_leave(struct tpm *tpm)
{
	uint32_t index;
	int r = 0;

	while (r == 0 && clients_next_leaver(tpm->clients, &index))
		r = let_leave(tpm, index);
	return r;
}

/* --- the loop -------------------------------------------------------------------------------- */

static void look_at_store(struct tpm *tpm)
{
	uint64_t durable = store_durable(tpm->store);

	if (durable == tpm->durable)
		return;
	tpm->durable = durable;
	snapshot_set_durable(tpm->snapshot, durable);
	clients_release(tpm->clients, durable);
}

/* Those who were cut off by a crash and do not come back. */
static void look_at_awaited(struct tpm *tpm)
{
	unsigned count;

	if (clients_awaited(tpm->clients) == 0 || tpm_now_ms() < atomic_load(&tpm->await_until))
		return;
	count = clients_expire(tpm->clients);
	log_event(PLUTON_LOG_INFO, LOG_FIELDS(LOG_NUMBER("connections", count)),
		  "clients of before the restart did not come back: what they had is flushed");
}

static int wait_ms(struct tpm *tpm)
{
	uint64_t until = atomic_load(&tpm->await_until);
	uint64_t now;

	if (clients_awaited(tpm->clients) == 0)
		return -1;
	now = tpm_now_ms();
	return now < until ? (int)(until - now) : 0;
}

static int turn(struct tpm *tpm)
{
	int r;

	clients_wait(tpm->clients, wait_ms(tpm));
	atomic_fetch_add(&tpm->turns, 1);
	look_at_store(tpm);
	look_at_awaited(tpm);
	r = let_all_leave(tpm);
	while (r == 0 && !atomic_load(&tpm->stopping) && clients_next(tpm->clients, &tpm->work)) {
		r = run_work(tpm);
		if (r == 0)
			r = let_all_leave(tpm);
	}
	return r;
}

int tpm_run(struct tpm *tpm, void (*ready)(void *context), void *context)
{
	bool is_ready = false;
	int r = 0;

	while (r == 0 && !atomic_load(&tpm->stopping)) {
		r = turn(tpm);
		if (!is_ready && tpm->durable >= tpm->begin_at) {
			is_ready = true;
			ready(context);
		}
	}
	return r;
}

void tpm_stop(struct tpm *tpm)
{
	atomic_store(&tpm->stopping, true);
	clients_cancel_all(tpm->clients);
	clients_wake(tpm->clients);
}

/* --- the end --------------------------------------------------------------------------------- */

/* A plutond that is gone while we are to end may wait for that: systemd stops us before it starts
 * it. */
static bool is_left_alone(struct tpm *tpm, uint64_t began, uint64_t now)
{
	uint64_t since = atomic_load(&tpm->alone_since);

	return since != 0 && now - (since > began ? since : began) >= ALONE_MS;
}

static bool await_durable(struct tpm *tpm, unsigned timeout_ms)
{
	uint64_t began = tpm_now_ms(), deadline = began + timeout_ms;
	uint64_t now;

	for (;;) {
		look_at_store(tpm);
		now = tpm_now_ms();
		if (tpm->durable >= tpm->permanent.generation)
			return true;
		if (now >= deadline || is_left_alone(tpm, began, now))
			return false;
		clients_wait(tpm->clients,
			     (int)(deadline - now < ALONE_MS / 5 ? deadline - now : ALONE_MS / 5));
	}
}

int tpm_shut_down(struct tpm *tpm, unsigned timeout_ms)
{
	uint8_t type[2];
	uint32_t result;
	int r;

	tpm_put16(type, SU_CLEAR);
	result = run_simple(TPM_CC_SHUTDOWN, type, sizeof(type));
	r = publish(tpm);
	if (r < 0)
		return r;
	if (!await_durable(tpm, timeout_ms)) {
		log_event(PLUTON_LOG_ERROR, LOG_FIELDS(LOG_MESSAGE_ID(TPMD_ID_NOT_STORED)),
			  "the last permanent state could not be stored: %s",
			  atomic_load(&tpm->alone_since) ? "plutond is gone"
							 : "plutond does not do it");
		return -PLUTON_EFAIL;
	}
	log_event(PLUTON_LOG_INFO,
		  LOG_FIELDS(LOG_MESSAGE_ID(TPMD_ID_POWERED_OFF),
			     LOG_TEXT("instance", tpm->options.instance),
			     LOG_NUMBER("generation", tpm->permanent.generation)),
		  "the TPM was shut down, its state is stored%s",
		  result == TPM_RC_SUCCESS ? "" : ", but refused that");
	return 0;
}

void tpm_free(struct tpm *tpm)
{
	clients_free(tpm->clients);
	library_stop();
	snapshot_close(tpm->snapshot);
	explicit_bzero(tpm, sizeof(*tpm));
}
