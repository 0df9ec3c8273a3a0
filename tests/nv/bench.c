/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop is deferred calls first, then interrupts. Failures of the bench itself abort.
 */
#include "tests/nv/bench.h"

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"

/* How long a worker may take before the test gives up on it; no test depends on the value. */
#define PATIENCE_MS 60000

/* --- the bench ------------------------------------------------------------------------------- */

static struct nv_bench *bench_in_use;

static void violated(void *context, enum hil_rule rule, const char *engine, const char *sentence)
{
	struct nv_trial *trial = ((struct nv_bench *)context)->trial;

	if (trial) {
		if (trial->violations++ == 0)
			trial->first = rule;
		return;
	}
	printf("# %s by %s: %s\n", checker_rule_name(rule), engine, sentence);
	CU_FAIL("a rule of the contract is broken");
}

static void count_report(enum pluton_log_level level, const char *app, uint32_t pid,
			 const char *sentence)
{
	(void)level;
	(void)app;
	(void)pid;
	CU_ASSERT(strlen(sentence) > 10);
	bench_in_use->reports++;
}

void nv_bench_start(struct nv_bench *bench)
{
	const struct checker_options checker = {
		.deferred = &bench->deferred, .report = violated, .context = bench};
	struct hil_engine *engine;

	bench_in_use = bench;
	deferred_queue_init(&bench->deferred);
	if (interrupt_queue_init(&bench->interrupts) < 0)
		abort();
	bench->environment = (struct backend_environment){.deferred = &bench->deferred,
							  .interrupts = &bench->interrupts,
							  .report = count_report};
	if (files_open_with(&bench->environment, &bench->options, &bench->instance) < 0)
		abort();
	engine = bench->instance->engines[HIL_NV];
	if (bench->wrap)
		engine = bench->wrap(bench, (struct nv_engine *)(void *)engine);
	if (checker_open(engine, &checker, &bench->checker) < 0)
		abort();
	bench->engine = (struct nv_engine *)(void *)bench->checker;
}

void nv_bench_stop(struct nv_bench *bench)
{
	if (!bench->trial) {
		CU_ASSERT_EQUAL(checker_settle(bench->checker), 0);
		CU_ASSERT_PTR_NULL(bench->deferred.head);
	}
	files_close(bench->instance);
	checker_close(bench->checker);
	interrupt_queue_close(&bench->interrupts);
}

static void make_state(struct nv_bench *bench)
{
	const char *directory = getenv("TMPDIR");

	snprintf(bench->state, sizeof(bench->state), "%.40s/pluton-nv-XXXXXX",
		 directory ? directory : "/tmp");
	if (!mkdtemp(bench->state))
		abort();
	bench->options.state = bench->state;
	bench->quota = (struct nv_quota){64, 1024 * 1024, 4 * 1024 * 1024};
}

void nv_bench_open(struct nv_bench *bench, const struct files_hook *hook)
{
	memset(bench, 0, sizeof(*bench));
	make_state(bench);
	if (hook)
		bench->options.hook = *hook;
	nv_bench_start(bench);
}

void nv_bench_open_wrapped(struct nv_bench *bench)
{
	make_state(bench);
	nv_bench_start(bench);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

void nv_bench_close(struct nv_bench *bench)
{
	nv_bench_stop(bench);
	if (nftw(bench->state, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
		CU_FAIL("the state folder cannot be removed");
}

bool nv_bench_step(struct nv_bench *bench)
{
	struct pollfd fd = {.fd = bench->interrupts.fd, .events = POLLIN};

	if (deferred_queue_run(&bench->deferred, 1) > 0)
		return true;
	return poll(&fd, 1, 0) == 1 && interrupt_queue_run(&bench->interrupts) > 0;
}

void nv_bench_wait(struct nv_bench *bench)
{
	struct pollfd fd = {.fd = bench->interrupts.fd, .events = POLLIN};

	if (poll(&fd, 1, PATIENCE_MS) != 1)
		CU_FAIL_FATAL("nothing is under way, and not done");
}

const char *nv_bench_path(const struct nv_bench *bench, const char *owner, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/nv%s%s%s%s", bench->state, owner ? "/" : "",
		 owner ? owner : "", name ? "/" : "", name ? name : "");
	return path;
}

/* --- the client ------------------------------------------------------------------------------ */

static struct nv_test_client *of_client(struct nv_client *client)
{
	return (struct nv_test_client *)(void *)client;
}

/* true: this callback answers *ret instead of moving bytes. */
static bool misbehaves(struct nv_test_client *client, ssize_t *ret)
{
	struct nv_engine *engine = client->bench->engine;

	client->callbacks++;
	if (client->callbacks == client->cancel_at)
		CU_ASSERT_EQUAL(engine->ops->cancel(engine, &client->client), 0);
	*ret = client->failure;
	return client->callbacks == client->fail_at;
}

static size_t portion(const struct nv_test_client *client, size_t len)
{
	return client->piece && client->piece < len ? client->piece : len;
}

static ssize_t pull_input(struct nv_client *nv, uint8_t *buf, size_t len, size_t cursor)
{
	struct nv_test_client *client = of_client(nv);
	size_t n = portion(client, len);
	ssize_t answer;

	if (misbehaves(client, &answer))
		return answer;
	memcpy(buf, client->input + cursor, n);
	return (ssize_t)n;
}

static ssize_t push_output(struct nv_client *nv, const uint8_t *buf, size_t len, size_t cursor)
{
	struct nv_test_client *client = of_client(nv);
	size_t n = portion(client, len);
	ssize_t answer;

	if (misbehaves(client, &answer))
		return answer;
	memcpy(client->output + cursor, buf, n);
	return (ssize_t)n;
}

static void done(struct nv_client *nv, int result, const struct nv_answer *answer)
{
	struct nv_test_client *client = of_client(nv);
	struct nv_engine *engine = client->bench->engine;

	client->dones++;
	client->result = result;
	CU_ASSERT_EQUAL(answer != NULL, result == 0);
	if (answer)
		client->answer = *answer;
	snprintf(client->bench->why, sizeof(client->bench->why), "%s", engine->ops->why(engine));
}

int nv_client_start(struct nv_bench *bench, struct nv_test_client *client,
		    const struct nv_request *request)
{
	static const struct nv_client_ops ops = {pull_input, push_output, done};

	client->client.ops = &ops;
	client->bench = bench;
	client->callbacks = 0;
	client->dones = 0;
	return bench->engine->ops->start(bench->engine, request, &client->client);
}

int nv_client_finish(struct nv_test_client *client)
{
	while (client->dones == 0) {
		if (!nv_bench_step(client->bench))
			nv_bench_wait(client->bench);
	}
	CU_ASSERT_EQUAL(client->dones, 1);
	return client->result;
}

struct nv_request nv_request(const struct nv_bench *bench, enum nv_action action, const char *owner,
			     const char *name)
{
	struct nv_request request = {.action = action, .quota = bench->quota};

	snprintf(request.owner, sizeof(request.owner), "%s", owner);
	if (name)
		snprintf(request.name, sizeof(request.name), "%s", name);
	return request;
}

/* --- whole actions --------------------------------------------------------------------------- */

static int perform(struct nv_bench *bench, struct nv_test_client *client,
		   const struct nv_request *request)
{
	int r = nv_client_start(bench, client, request);

	return r < 0 ? r : nv_client_finish(client);
}

int nv_define(struct nv_bench *bench, const char *owner, const char *name, uint32_t capacity)
{
	struct nv_request request = nv_request(bench, NV_DEFINE, owner, name);
	struct nv_test_client client = {0};

	request.size = capacity;
	return perform(bench, &client, &request);
}

int nv_delete(struct nv_bench *bench, const char *owner, const char *name)
{
	struct nv_request request = nv_request(bench, NV_DELETE, owner, name);
	struct nv_test_client client = {0};

	return perform(bench, &client, &request);
}

int nv_put(struct nv_bench *bench, const char *owner, const char *name, const void *data,
	   size_t length)
{
	struct nv_request request = nv_request(bench, NV_PUT, owner, name);
	struct nv_test_client client = {.input = data};

	request.length = length;
	return perform(bench, &client, &request);
}

int nv_write(struct nv_bench *bench, const char *owner, const char *name, uint32_t offset,
	     const void *data, size_t length)
{
	struct nv_request request = nv_request(bench, NV_WRITE, owner, name);
	struct nv_test_client client = {.input = data};

	request.offset = offset;
	request.length = length;
	return perform(bench, &client, &request);
}

ssize_t nv_read(struct nv_bench *bench, const char *owner, const char *name, uint32_t offset,
		void *data, size_t size)
{
	struct nv_request request = nv_request(bench, NV_READ, owner, name);
	struct nv_test_client client = {.output = data};
	int r;

	request.offset = offset;
	request.length = size;
	r = perform(bench, &client, &request);
	return r < 0 ? r : (ssize_t)client.answer.length;
}

int nv_lock(struct nv_bench *bench, const char *owner, const char *name, enum nv_lock lock)
{
	struct nv_request request = nv_request(bench, NV_LOCK, owner, name);
	struct nv_test_client client = {0};

	request.lock = lock;
	return perform(bench, &client, &request);
}

int nv_status(struct nv_bench *bench, const char *owner, const char *name, struct nv_status *ret)
{
	struct nv_request request = nv_request(bench, NV_STATUS, owner, name);
	struct nv_test_client client = {0};
	int r = perform(bench, &client, &request);

	if (r == 0)
		*ret = client.answer.status;
	return r;
}

static uint32_t load32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static struct nv_status decode_row(const uint8_t *row)
{
	struct nv_status status = {.capacity = load32(row + 72),
				   .length = load32(row + 76),
				   .locks = load32(row + 80),
				   .generation = load32(row + 84)};

	memcpy(status.name, row, sizeof(status.name));
	return status;
}

int nv_list(struct nv_bench *bench, const char *owner, uint32_t first, struct nv_status *rows,
	    unsigned count)
{
	static uint8_t bytes[8192 * NV_ROW_SIZE];
	struct nv_request request = nv_request(bench, NV_LIST, owner, NULL);
	struct nv_test_client client = {.output = bytes};
	int r;

	request.offset = first;
	request.length = (size_t)count * NV_ROW_SIZE;
	r = perform(bench, &client, &request);
	if (r < 0)
		return r;
	CU_ASSERT_EQUAL(client.answer.length % NV_ROW_SIZE, 0);
	for (size_t i = 0; i < client.answer.length / NV_ROW_SIZE; i++)
		rows[i] = decode_row(bytes + i * NV_ROW_SIZE);
	return (int)(client.answer.length / NV_ROW_SIZE);
}

int nv_put_text(struct nv_bench *bench, const char *owner, const char *name, const char *text)
{
	return nv_put(bench, owner, name, text, strlen(text));
}

bool nv_holds(struct nv_bench *bench, const char *owner, const char *name, const char *text)
{
	char data[4096];
	ssize_t n = nv_read(bench, owner, name, 0, data, sizeof(data));

	return n == (ssize_t)strlen(text) && memcmp(data, text, (size_t)n) == 0;
}

/* --- changes --------------------------------------------------------------------------------- */

static void append(struct nv_list_of_changes *changes, uint8_t kind, const char *name,
		   const char *text)
{
	uint8_t header[NV_CHANGE_HEADER_SIZE] = {kind, (uint8_t)strlen(name)};
	size_t length = text ? strlen(text) : 0;
	uint8_t *to = changes->bytes + changes->length;

	for (unsigned i = 0; i < 4; i++)
		header[4 + i] = (uint8_t)(length >> 8 * i);
	memcpy(to, header, sizeof(header));
	memcpy(to + sizeof(header), name, strlen(name));
	if (length)
		memcpy(to + sizeof(header) + strlen(name), text, length);
	changes->length += sizeof(header) + strlen(name) + length;
}

void nv_changes_put(struct nv_list_of_changes *changes, const char *name, const char *text)
{
	append(changes, NV_CHANGE_PUT, name, text);
}

void nv_changes_delete(struct nv_list_of_changes *changes, const char *name)
{
	append(changes, NV_CHANGE_DELETE, name, NULL);
}

int nv_commit(struct nv_bench *bench, const char *owner, const struct nv_list_of_changes *changes)
{
	struct nv_request request = nv_request(bench, NV_COMMIT, owner, NULL);
	struct nv_test_client client = {.input = changes->bytes};

	request.length = changes->length;
	return perform(bench, &client, &request);
}
