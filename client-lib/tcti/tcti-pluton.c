/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TCTI (TCG TSS 2.0 TPM Command Transmission Interface API Specification) on libpluton's TPM.
 * TPM errors stay in responses; what is returned here is about the way there and back.
 *
 * The rule a newcomer would break first: cancel may run on another thread while receive waits. It
 * reads what never changes and `phase`, which is atomic, and nothing else.
 */
#include "client-lib/tcti/tss2_tcti_pluton.h"

#include <endian.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <pluton/tpm.h>

#define TCTI_MAGIC 0x706c75746f6e5450u /* "plutonTP" */
#define TCTI_VERSION 2u
#define CONF_MAX 255u /* bytes; a socket's path has at most 107 */
#define MESSAGE_SIZE 320u

enum phase {
	PHASE_TRANSMIT = 0, /* a command may be sent */
	PHASE_RECEIVE = 1,  /* its response is waited for, or is there and was not taken */
};

struct tcti_pluton {
	TSS2_TCTI_CONTEXT_COMMON_V2 common;
	struct pluton_tpm *tpm;
	atomic_int phase; /* enum phase */
};

/* --- saying why ------------------------------------------------------------------------------ */

/* The level that TSS2_LOG ("all+error,tcti+none") has for `module`; NULL: none. */
static const char *log_level(const char *setting, const char *module)
{
	size_t length = strlen(module);

	for (const char *at = setting; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncasecmp(at, module, length) == 0 && at[length] == '+')
			return at + length + 1;
	}
	return NULL;
}

/* Where tpm2-tss's own libraries write. What cannot be opened is standard error. */
static FILE *open_log(void)
{
	const char *name = secure_getenv("TSS2_LOGFILE");
	FILE *file;

	if (!name || *name == '\0' || strcasecmp(name, "stderr") == 0)
		return stderr;
	if (strcmp(name, "-") == 0 || strcasecmp(name, "stdout") == 0)
		return stdout;
	file = fopen(name, "ae");
	return file ? file : stderr;
}

/* As tpm2-tss's own libraries do, and switched off the same way. */
static void explain(const char *sentence)
{
	const char *setting = secure_getenv("TSS2_LOG");
	const char *level = log_level(setting, "tcti");
	FILE *log;

	if (!level)
		level = log_level(setting, "all");
	if (level && strncasecmp(level, "none", 4) == 0)
		return;
	log = open_log();
	fprintf(log, "ERROR:tcti:pluton: %s\n", sentence);
	if (log != stderr && log != stdout)
		fclose(log);
}

static TSS2_RC code_of(int error)
{
	switch (error) {
	case 0:
		return TSS2_RC_SUCCESS;
	case -PLUTON_EOFF:
		return TSS2_TCTI_RC_NO_CONNECTION;
	case -PLUTON_EINVAL:
	case -PLUTON_ESIZE:
		return TSS2_TCTI_RC_BAD_VALUE;
	case -PLUTON_ENOMEM:
		return TSS2_TCTI_RC_MEMORY;
	case -PLUTON_ENOSUPPORT:
		return TSS2_TCTI_RC_NOT_SUPPORTED;
	case -PLUTON_EBADRVAL:
		return TSS2_TCTI_RC_MALFORMED_RESPONSE;
	default:
		return TSS2_TCTI_RC_IO_ERROR;
	}
}

static TSS2_RC explained(const struct tcti_pluton *tcti, int error)
{
	explain(pluton_tpm_error_message(tcti->tpm));
	return code_of(error);
}

/* --- the functions of the table -------------------------------------------------------------- */

/* Ours, or NULL and the code for that in *ret. */
static struct tcti_pluton *context_of(TSS2_TCTI_CONTEXT *context, TSS2_RC *ret)
{
	struct tcti_pluton *tcti = (struct tcti_pluton *)(void *)context;

	*ret = TSS2_RC_SUCCESS;
	if (!tcti)
		*ret = TSS2_TCTI_RC_BAD_REFERENCE;
	else if (tcti->common.v1.magic != TCTI_MAGIC)
		*ret = TSS2_TCTI_RC_BAD_CONTEXT;
	else if (tcti->common.v1.version != TCTI_VERSION)
		*ret = TSS2_TCTI_RC_ABI_MISMATCH;
	return *ret == TSS2_RC_SUCCESS ? tcti : NULL;
}

/* The same, and `phase` is now. */
static struct tcti_pluton *context_in(TSS2_TCTI_CONTEXT *context, enum phase phase, TSS2_RC *ret)
{
	struct tcti_pluton *tcti = context_of(context, ret);

	if (tcti && atomic_load(&tcti->phase) != (int)phase) {
		*ret = TSS2_TCTI_RC_BAD_SEQUENCE;
		return NULL;
	}
	return tcti;
}

/* The length that a command's header (TPM 2.0 Part 1, 18) says. */
static uint32_t length_in_header(const uint8_t *command)
{
	uint32_t length;

	memcpy(&length, command + 2, sizeof(length));
	return be32toh(length);
}

static TSS2_RC transmit(TSS2_TCTI_CONTEXT *context, size_t size, const uint8_t *command)
{
	TSS2_RC code;
	struct tcti_pluton *tcti;
	int r;

	if (!command)
		return TSS2_TCTI_RC_BAD_REFERENCE;
	tcti = context_in(context, PHASE_TRANSMIT, &code);
	if (!tcti)
		return code;
	if (size >= PLUTON_TPM_COMMAND_MIN && length_in_header(command) != size) {
		explain("the command's header has another length than the command");
		return TSS2_TCTI_RC_BAD_VALUE;
	}
	r = pluton_tpm_send(tcti->tpm, command, size);
	if (r < 0)
		return explained(tcti, r);
	atomic_store(&tcti->phase, PHASE_RECEIVE);
	return TSS2_RC_SUCCESS;
}

static TSS2_RC receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response, int32_t timeout)
{
	const void *bytes;
	size_t length;
	TSS2_RC code;
	struct tcti_pluton *tcti;
	int r;

	if (!size)
		return TSS2_TCTI_RC_BAD_REFERENCE;
	tcti = context_in(context, PHASE_RECEIVE, &code);
	if (!tcti)
		return code;
	if (timeout < TSS2_TCTI_TIMEOUT_BLOCK)
		return TSS2_TCTI_RC_BAD_VALUE;
	r = pluton_tpm_receive(tcti->tpm, timeout, &bytes, &length);
	if (r == -PLUTON_EBUSY)
		return TSS2_TCTI_RC_TRY_AGAIN;
	if (r < 0) {
		atomic_store(&tcti->phase, PHASE_TRANSMIT);
		return explained(tcti, r);
	}
	code = response && *size < length ? TSS2_TCTI_RC_INSUFFICIENT_BUFFER : TSS2_RC_SUCCESS;
	*size = length;
	if (!response || code != TSS2_RC_SUCCESS)
		return code; /* it can still be taken */
	memcpy(response, bytes, length);
	atomic_store(&tcti->phase, PHASE_TRANSMIT);
	return TSS2_RC_SUCCESS;
}

static void finalize(TSS2_TCTI_CONTEXT *context)
{
	TSS2_RC code;
	struct tcti_pluton *tcti = context_of(context, &code);

	if (!tcti)
		return;
	pluton_tpm_close(tcti->tpm);
	tcti->tpm = NULL;
	tcti->common.v1.magic = 0; /* whoever uses it again is told */
}

static TSS2_RC cancel(TSS2_TCTI_CONTEXT *context)
{
	TSS2_RC code;
	struct tcti_pluton *tcti = context_in(context, PHASE_RECEIVE, &code);
	int r;

	if (!tcti)
		return code;
	r = pluton_tpm_cancel(tcti->tpm);
	if (r == -PLUTON_EOFF)
		explain("cancel in another process than the one that made this context");
	/* the response is there and was not taken yet: there is nothing left to cancel */
	if (r == -PLUTON_EALREADY)
		return TSS2_RC_SUCCESS;
	return r == -PLUTON_EBUSY ? TSS2_TCTI_RC_TRY_AGAIN : code_of(r);
}

static TSS2_RC get_poll_handles(TSS2_TCTI_CONTEXT *context, TSS2_TCTI_POLL_HANDLE *handles,
				size_t *count)
{
	TSS2_RC code;
	struct tcti_pluton *tcti;
	int fd;

	if (!count)
		return TSS2_TCTI_RC_BAD_REFERENCE;
	tcti = context_of(context, &code);
	if (!tcti)
		return code;
	if (handles && *count < 1)
		return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	if (handles) {
		fd = pluton_tpm_get_fd(tcti->tpm);
		if (fd < 0)
			return explained(tcti, fd);
		*handles = (TSS2_TCTI_POLL_HANDLE){.fd = fd,
						   .events = pluton_tpm_get_events(tcti->tpm)};
	}
	*count = 1;
	return TSS2_RC_SUCCESS;
}

static TSS2_RC set_locality(TSS2_TCTI_CONTEXT *context, uint8_t locality)
{
	TSS2_RC code;
	struct tcti_pluton *tcti = context_in(context, PHASE_TRANSMIT, &code);
	int r;

	if (!tcti)
		return code;
	r = pluton_tpm_set_locality(tcti->tpm, locality);
	return r < 0 ? explained(tcti, r) : TSS2_RC_SUCCESS;
}

/* For transports that manage what is loaded in a TPM; here the TPM app does, by itself. */
static TSS2_RC make_sticky(TSS2_TCTI_CONTEXT *context, TPM2_HANDLE *handle, uint8_t sticky)
{
	TSS2_RC code;

	(void)handle;
	(void)sticky;
	return context_of(context, &code) ? TSS2_TCTI_RC_NOT_IMPLEMENTED : code;
}

/* --- configuration --------------------------------------------------------------------------- */

struct conf {
	char text[CONF_MAX + 1]; /* what the others point into */
	const char *address;	 /* NULL: the default */
	const char *instance;
};

/* "key=value" into where it belongs. */
static int take_pair(struct conf *conf, char *pair, char *message)
{
	char *value = strchr(pair, '=');
	const char **where = NULL;

	if (value)
		*value++ = '\0';
	if (strcmp(pair, "address") == 0)
		where = &conf->address;
	else if (strcmp(pair, "instance") == 0)
		where = &conf->instance;
	if (where && !*where && value && *value) {
		*where = value;
		return 0;
	}
	if (where)
		snprintf(message, MESSAGE_SIZE, "the configuration's %s %s", pair,
			 *where ? "is there twice" : "has no value");
	else
		snprintf(message, MESSAGE_SIZE,
			 "\"%s\" is no key of the configuration; write address=unix:PATH, "
			 "instance=NAME or both with a comma",
			 pair);
	return -PLUTON_EINVAL;
}

static int parse(struct conf *conf, const char *text, char *message)
{
	char *rest = conf->text, *pair;
	int r = 0;

	*conf = (struct conf){0};
	if (!text || *text == '\0')
		return 0;
	if (strlen(text) > CONF_MAX) {
		snprintf(message, MESSAGE_SIZE, "a configuration of %zu bytes; it has at most %u",
			 strlen(text), CONF_MAX);
		return -PLUTON_EINVAL;
	}
	memcpy(conf->text, text, strlen(text) + 1);
	while (r == 0 && (pair = strsep(&rest, ",")))
		r = take_pair(conf, pair, message);
	return r;
}

/* --- the beginning --------------------------------------------------------------------------- */

static const TSS2_TCTI_CONTEXT_COMMON_V2 table = {
	.v1 =
		{
			.magic = TCTI_MAGIC,
			.version = TCTI_VERSION,
			.transmit = transmit,
			.receive = receive,
			.finalize = finalize,
			.cancel = cancel,
			.getPollHandles = get_poll_handles,
			.setLocality = set_locality,
		},
	.makeSticky = make_sticky,
};

TSS2_RC Tss2_Tcti_Pluton_Init(TSS2_TCTI_CONTEXT *tctiContext, size_t *size, const char *conf)
{
	struct tcti_pluton *tcti = (struct tcti_pluton *)(void *)tctiContext;
	struct pluton_tpm *tpm = NULL;
	char message[MESSAGE_SIZE] = "";
	struct conf parsed;
	int r;

	if (!tctiContext && !size)
		return TSS2_TCTI_RC_BAD_VALUE;
	if (!tctiContext) {
		*size = sizeof(*tcti);
		return TSS2_RC_SUCCESS;
	}
	if (size && *size < sizeof(*tcti))
		return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	r = parse(&parsed, conf, message);
	if (r == 0)
		r = pluton_tpm_open(parsed.address, parsed.instance, &tpm, message,
				    sizeof(message));
	if (r < 0) {
		explain(message);
		return code_of(r);
	}
	tcti->common = table;
	tcti->tpm = tpm;
	atomic_init(&tcti->phase, PHASE_TRANSMIT);
	return TSS2_RC_SUCCESS;
}

__attribute__((visibility("default"))) const TSS2_TCTI_INFO *Tss2_Tcti_Info(void);

const TSS2_TCTI_INFO *Tss2_Tcti_Info(void)
{
	static const TSS2_TCTI_INFO info = {
		.version = TCTI_VERSION,
		.name = "tcti-pluton",
		.description = "TCTI module for the TPM of Pluton, a secure processor in software.",
		.config_help = "address=unix:PATH,instance=NAME, each part optional: where plutond "
			       "listens (else PLUTON_ADDRESS, else /run/pluton/pluton.sock), and "
			       "which of its TPMs (else tpm0).",
		.init = Tss2_Tcti_Pluton_Init,
	};

	return &info;
}
