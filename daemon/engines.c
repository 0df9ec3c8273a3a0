/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backend is opened once, however many HILs name it.
 */
#include "daemon/engines.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "hil/checker.h"

static const char *const names[HIL_KINDS] = {"rng", "digest", "aes",  "alarm", "console",
					     "nv",  "app",    "hmac", "cmac",  "ecc",
					     "rsa", "kdf",    "hwkey"};

const char *hil_name(enum hil_kind kind)
{
	return names[kind];
}

static const char *priorities(const struct config *config, enum hil_kind kind)
{
	const char *const lists[HIL_KINDS] = {
		config->rng, config->digest, config->aes,  config->alarm, config->console,
		config->nv,  config->app,    config->hmac, config->cmac,  config->ecc,
		config->rsa, config->kdf,    config->hwkey};

	return lists[kind];
}

static void report_violation(void *context, enum hil_rule rule, const char *engine,
			     const char *sentence)
{
	(void)context;
	log_event(PLUTON_LOG_ERROR,
		  LOG_FIELDS(LOG_MESSAGE_ID(LOG_ID_CONTRACT_BROKEN), LOG_TEXT("engine", engine),
			     LOG_TEXT("rule", checker_rule_name(rule))),
		  "an engine broke the HIL contract: %s", sentence);
}

/* With who said it; the app, and lines that were suppressed, only where there are. */
static void emit(enum console_level level, const struct console_speaker *speaker, const char *text)
{
	struct log_field fields[LOG_FIELDS_MAX] = {
		LOG_PROCESS(speaker->process_index, speaker->process_generation),
		LOG_NUMBER("uid", speaker->uid),
		LOG_NUMBER("gid", speaker->gid),
		LOG_NUMBER("pid", speaker->pid),
		LOG_TEXT("command", speaker->command),
	};
	size_t count = 5;

	if (*speaker->app)
		fields[count++] = LOG_TEXT("app", speaker->app);
	if (speaker->suppressed)
		fields[count++] = LOG_NUMBER("suppressed", speaker->suppressed);
	log_text((int)level, fields, count, text);
}

static const char *log_level(void)
{
	return log_level_name(log_get_level());
}

#define APP_LIMITS 16u

/* One that crashes in a loop fills no log, and takes (mostly) no other's allowance. */
static struct log_limit *limit_of(const char *app)
{
	static struct log_limit limits[APP_LIMITS];
	uint32_t hash = 2166136261u;

	for (; *app; app++)
		hash = (hash ^ (uint8_t)*app) * 16777619u;
	return &limits[hash % APP_LIMITS];
}

static void report_app(enum pluton_log_level level, const char *app, uint32_t pid,
		       const char *sentence)
{
	const char *id = !app ? LOG_ID_STORAGE_TROUBLE
			 : level == PLUTON_LOG_ERROR || level == PLUTON_LOG_WARNING
				 ? LOG_ID_APP_TROUBLE
				 : LOG_ID_APP;
	struct log_field fields[3] = {LOG_MESSAGE_ID(id)};
	size_t count = 1;

	if (app)
		fields[count++] = LOG_TEXT("app", app);
	if (pid)
		fields[count++] = LOG_NUMBER("pid", pid);
	if (app)
		log_event_within(limit_of(app), level, fields, count, "%s: %s", app, sentence);
	else /* a client can ask for the same damaged area again and again */
		log_event_limited(level, fields, count, "%s", sentence);
}

static void report_device(enum pluton_log_level level, const char *device, const char *sentence)
{
	const char *id = level == PLUTON_LOG_INFO ? LOG_ID_CHIP : LOG_ID_CHIP_TROUBLE;

	log_event(level, LOG_FIELDS(LOG_MESSAGE_ID(id), LOG_TEXT("device", device)), "%s",
		  sentence);
}

static int open_backend(struct engines *engines, const struct backend *backend,
			struct backend_instance **ret)
{
	int r;

	for (unsigned i = 0; i < engines->instance_count; i++) {
		if (engines->instances[i]->backend == backend) {
			*ret = engines->instances[i];
			return 0;
		}
	}
	if (engines->instance_count == BACKENDS_MAX)
		return -PLUTON_ENOMEM;
	r = backend->open(&engines->environment, ret);
	if (r == 0)
		engines->instances[engines->instance_count++] = *ret;
	return r;
}

/* What stands before a backend's engine, the outermost first. */
static void take_down(const struct engines *engines, struct hil_engine *engine)
{
	struct hil_engine *inner = engine->gate ? selftest_inner(engine) : engine;

	if (engine->gate)
		selftest_close(engine);
	if (engines->checked)
		checker_close(inner);
}

static int open_arbiter(struct engines *engines, struct hil_engine *engine, unsigned at,
			struct kernel *kernel)
{
	struct arbiter *arbiter = &engines->arbiters[engine->kind][at];
	int r = arbiter_init(arbiter, engine, &kernel->deferred, kernel_owners_max(kernel),
			     kernel_parties_max(kernel), kernel->limits.engine_deadline_ms,
			     kernel_find_owner, kernel);

	if (r < 0 || engine->slow == 0)
		return r;
	r = arbiter_init_slow(&engines->slow[engine->kind][at], arbiter);
	if (r < 0)
		arbiter_close(arbiter);
	return r;
}

static int add_engine(struct engines *engines, struct hil_engine *engine,
		      const struct config *config, struct kernel *kernel)
{
	const struct checker_options options = {.deferred = &kernel->deferred,
						.report = report_violation};
	struct hil_port *port = &engines->ports[engine->kind];
	unsigned at = port->count;
	int r;

	if (at == HIL_ENGINES_MAX)
		return -PLUTON_ENOMEM;
	r = config->checker ? checker_open(engine, &options, &engine) : 0;
	if (r < 0)
		return r;
	r = selftest_open(engine, engines->selftests, &engine);
	if (r == 0 || r == -PLUTON_ENOSUPPORT)
		r = open_arbiter(engines, engine, at, kernel);
	if (r < 0) {
		take_down(engines, engine);
		return r;
	}
	port->engines[port->count++] = engine;
	return 0;
}

static int complain(const struct config *config, enum hil_kind kind, const char *name, int length,
		    const char *what)
{
	struct config_error error;
	int r = config_complain(config, "hil", names[kind], &error, "%.*s %s", length, name, what);

	log_start_failed(LOG_NO_FIELDS, "%s", error.message);
	return r;
}

static int add_by_name(struct engines *engines, enum hil_kind kind, const char *name, size_t length,
		       const struct config *config, struct kernel *kernel)
{
	char text[32];
	const struct backend *backend = NULL;
	struct backend_instance *instance;
	int r;

	if (length < sizeof(text)) {
		memcpy(text, name, length);
		text[length] = '\0';
		backend = backend_find(text);
	}
	if (!backend)
		return complain(config, kind, name, (int)length,
				"is no backend; see plutond.conf(5) for those there are");
	r = open_backend(engines, backend, &instance);
	if (r < 0) {
		log_start_failed(LOG_FIELDS(LOG_TEXT("backend", text)),
				 "the backend %s does not open (%s)", text, pluton_error_name(r));
		return r;
	}
	if (!instance->engines[kind])
		return complain(config, kind, text, (int)length, "has no engine for this HIL");
	r = add_engine(engines, instance->engines[kind], config, kernel);
	if (r == 0)
		engines->sources[kind][engines->ports[kind].count - 1] = instance;
	return r;
}

static int open_port(struct engines *engines, enum hil_kind kind, const struct config *config,
		     struct kernel *kernel)
{
	const char *cursor = priorities(config, kind), *name;
	size_t length;
	int r = 0;

	engines->ports[kind].kind = kind;
	while (r == 0 && (length = config_list_next(&cursor, &name)))
		r = add_by_name(engines, kind, name, length, config, kernel);
	return r;
}

/* What stands on other engines: these are all there now. */
static void join_port(struct engines *engines, enum hil_kind kind)
{
	for (unsigned i = 0; i < engines->ports[kind].count; i++) {
		struct backend_instance *instance = engines->sources[kind][i];

		if (instance->join)
			instance->join(instance, kind, engines->ports);
	}
}

int engines_open(struct engines *engines, const struct config *config, struct kernel *kernel,
		 const struct selftest_options *selftests, struct event_base *base)
{
	int r = 0;

	*engines = (struct engines){
		.environment = {.deferred = &kernel->deferred,
				.interrupts = &kernel->interrupts,
				.aead_scratch = config->aead_scratch,
				.pbkdf2_rounds_max = config->pbkdf2_rounds_max,
				.workers = config->workers,
				.others_wait = kernel_others_wait,
				.add_owner = kernel_add_owner,
				.context = kernel,
				.base = base,
				.config = config,
				.emit = emit,
				.log_level = log_level,
				.report = report_app,
				.report_device = report_device,
				.ports = engines->ports,
				.fuses = *config->hwkey ? &engines->fuses.fuses : NULL},
		.selftests = selftests,
		.checked = config->checker,
	};
	fuses_file_init(&engines->fuses, config->state, getenv("CREDENTIALS_DIRECTORY"));
	for (unsigned kind = 0; kind < HIL_KINDS && r == 0; kind++)
		r = open_port(engines, kind, config, kernel);
	for (unsigned kind = 0; kind < HIL_KINDS && r == 0; kind++)
		join_port(engines, kind);
	if (r < 0)
		engines_close(engines);
	return r;
}

bool engines_settled(const struct engines *engines)
{
	for (unsigned i = 0; i < engines->instance_count; i++) {
		const struct backend_instance *instance = engines->instances[i];

		if (instance->settled && !instance->settled(instance))
			return false;
	}
	return true;
}

static void close_port(struct engines *engines, struct hil_port *port)
{
	for (unsigned i = 0; i < port->count; i++) {
		arbiter_close(&engines->arbiters[port->kind][i]);
		take_down(engines, port->engines[i]);
	}
	port->count = 0;
}

void engines_close(struct engines *engines)
{
	for (unsigned kind = 0; kind < HIL_KINDS; kind++)
		close_port(engines, &engines->ports[kind]);
	for (unsigned i = 0; i < engines->instance_count; i++)
		engines->instances[i]->backend->close(engines->instances[i]);
	engines->instance_count = 0;
}
