/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HIL contract for consoles: behaviours of the journal engine through the checker, and the
 * checker's word on engines that break a rule.
 */
#include <stdio.h>
#include <string.h>

#include "backends/journal/journal.h"
#include "hil/console.h"
#include "tests/hil/behaviours.h"
#include "tests/hil/broken_console.h"

/* --- engines ---------------------------------------------------------------------------------- */

static struct {
	unsigned lines;
	enum console_level level;
	struct console_speaker speaker;
	char text[CONSOLE_LINE_MAX * 4 + 1];
} caught;

static void catch_line(enum console_level level, const struct console_speaker *speaker,
		       const char *text)
{
	caught.lines++;
	caught.level = level;
	caught.speaker = *speaker;
	snprintf(caught.text, sizeof(caught.text), "%s", text);
}

static struct backend_environment environment;
static struct backend_instance *journal;

static int open_journal(struct bench *bench)
{
	int r;

	environment =
		(struct backend_environment){.deferred = &bench->deferred, .emit = catch_line};
	r = journal_open(&environment, &journal);
	if (r == 0)
		bench->inner[HIL_CONSOLE] = journal->engines[HIL_CONSOLE];
	return r;
}

static void close_journal(struct bench *bench)
{
	(void)bench;
	journal_close(journal);
}

static enum hil_rule rule_in_use;

static int open_broken(struct bench *bench)
{
	struct broken_console *broken;
	int r = open_journal(bench);

	if (r < 0)
		return r;
	r = broken_console_open(rule_in_use,
				(struct console_engine *)(void *)journal->engines[HIL_CONSOLE],
				&bench->deferred, &broken);
	if (r < 0)
		return r;
	bench->backend = broken;
	bench->inner[HIL_CONSOLE] = broken_console_engine(broken);
	return 0;
}

static void close_broken(struct bench *bench)
{
	broken_console_close(bench->backend);
	close_journal(bench);
}

/* --- the client ------------------------------------------------------------------------------- */

struct writer {
	struct console_client client;
	struct console_request request;
	size_t chunk; /* bytes it gives at once; 0: what is asked for */
	/* at the pull of this number, from 1: */
	unsigned trouble_at;
	ssize_t trouble_answer;
	bool cancels;
	struct writer *starts; /* from done */
	/* what happened */
	unsigned pulls;
	unsigned dones;
	int result;
	size_t pulled;
};

static struct bench bench;
static struct console_engine *engine;
static struct writer writer;
static uint8_t text[CONSOLE_LINE_MAX + 1];

static void open_bench(void)
{
	memset(&caught, 0, sizeof(caught));
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)('a' + i % 26);
	bench_open(&bench);
	engine = (struct console_engine *)(void *)bench_engine(&bench, HIL_CONSOLE);
}

static void close_bench(void)
{
	bench_close(&bench);
}

/* What has no done when nothing is left to do, will have none. */
static void turn(void)
{
	while (bench_turn(&bench, 64))
		;
	checker_settle(&engine->head);
}

static int start(struct writer *some)
{
	return engine->ops->start(engine, &some->request, &some->client);
}

static int cancel(struct writer *some)
{
	return engine->ops->cancel(engine, &some->client);
}

static ssize_t pull_text(struct console_client *client, uint8_t *buf, size_t len, size_t cursor)
{
	struct writer *some = (struct writer *)(void *)client;
	size_t given = some->chunk && some->chunk < len ? some->chunk : len;

	EXPECT(cursor == some->pulled && cursor + len <= some->request.length);
	if (++some->pulls == some->trouble_at) {
		if (!some->cancels)
			return some->trouble_answer;
		EXPECT(cancel(some) == 0);
	}
	memcpy(buf, text + cursor, given);
	some->pulled += given;
	return (ssize_t)given;
}

static void done(struct console_client *client, int result)
{
	struct writer *some = (struct writer *)(void *)client;

	some->dones++;
	some->result = result;
	if (some->starts)
		EXPECT(start(some->starts) == 0);
}

static void write_of(struct writer *some, size_t length)
{
	static const struct console_client_ops ops = {.pull_text = pull_text, .done = done};

	*some = (struct writer){.client = {&ops},
				.request = {.level = CONSOLE_NOTICE,
					    .length = length,
					    .speaker = {.uid = 7, .app = "tpm0"}}};
}

/* What start returned, or what done said: once, and not from inside start. */
static int run(struct writer *some)
{
	int r = start(some);

	EXPECT(some->pulls == 0 && some->dones == 0);
	turn();
	EXPECT(some->dones == (r == 0 ? 1 : 0));
	EXPECT(r == 0 || some->pulls == 0);
	return r < 0 ? r : some->result;
}

static bool caught_is(size_t length)
{
	return strlen(caught.text) == length && memcmp(caught.text, text, length) == 0;
}

/* --- behaviours ------------------------------------------------------------------------------- */

static void test_a_line_arrives_whole_at_every_chunking(void)
{
	static const size_t lengths[] = {1, 2, 15, 16, 17, 255, 256, 1000};

	open_bench();
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		static const size_t chunks[] = {1, 2, 3, 16, 255, 0};

		for (size_t chunk = 0; chunk < sizeof(chunks) / sizeof(chunks[0]); chunk++) {
			write_of(&writer, lengths[i]);
			writer.chunk = chunks[chunk];
			EXPECT(run(&writer) == 0);
			EXPECT(caught_is(lengths[i]));
		}
	}
	close_bench();
}

static void test_level_and_speaker_are_those_of_the_start(void)
{
	open_bench();
	write_of(&writer, 5);
	EXPECT(start(&writer) == 0);
	writer.request.level = CONSOLE_ERROR;
	writer.request.speaker.uid = 0;
	turn();
	EXPECT(writer.dones == 1 && caught.lines == 1);
	EXPECT(caught.level == CONSOLE_NOTICE && caught.speaker.uid == 7);
	EXPECT(strcmp(caught.speaker.app, "tpm0") == 0);
	close_bench();
}

static void test_a_line_of_no_bytes_or_over_the_limit_is_size_and_at_the_limit_is_served(void)
{
	size_t max;

	open_bench();
	max = engine->caps.line_max;
	write_of(&writer, max);
	EXPECT(run(&writer) == 0);
	EXPECT(caught_is(max));
	write_of(&writer, 0);
	EXPECT(run(&writer) == -PLUTON_ESIZE);
	write_of(&writer, max + 1);
	EXPECT(run(&writer) == -PLUTON_ESIZE);
	EXPECT(caught.lines == 1);
	close_bench();
}

static void test_an_error_of_any_pull_ends_it_and_nothing_is_logged(void)
{
	open_bench();
	for (unsigned at = 1; at <= 4; at++) {
		write_of(&writer, 40);
		writer.chunk = 10;
		writer.trouble_at = at;
		writer.trouble_answer = -PLUTON_ENOACK;
		EXPECT(run(&writer) == -PLUTON_ENOACK);
		EXPECT(writer.pulls == at);
	}
	EXPECT(caught.lines == 0);
	write_of(&writer, 40);
	EXPECT(run(&writer) == 0);
	close_bench();
}

static void test_an_answer_of_no_or_too_many_bytes_is_size(void)
{
	static const ssize_t wrong[] = {0, 41, 1000000};

	open_bench();
	for (unsigned i = 0; i < 3; i++) {
		write_of(&writer, 40);
		writer.trouble_at = 1;
		writer.trouble_answer = wrong[i];
		EXPECT(run(&writer) == -PLUTON_ESIZE);
	}
	EXPECT(caught.lines == 0);
	close_bench();
}

static void test_cancel_leads_to_one_done_and_nothing_is_logged(void)
{
	open_bench();
	write_of(&writer, 40);
	EXPECT(start(&writer) == 0);
	EXPECT(cancel(&writer) == 0);
	EXPECT(writer.dones == 0);
	turn();
	EXPECT(writer.dones == 1 && writer.result == -PLUTON_ECANCEL);
	for (unsigned at = 1; at <= 4; at++) {
		write_of(&writer, 40);
		writer.chunk = 10;
		writer.trouble_at = at;
		writer.cancels = true;
		EXPECT(run(&writer) == -PLUTON_ECANCEL);
		EXPECT(writer.pulls == at);
	}
	EXPECT(caught.lines == 0);
	close_bench();
}

static void test_cancel_of_what_is_not_under_way_is_inval(void)
{
	struct writer other;

	open_bench();
	write_of(&writer, 40);
	write_of(&other, 40);
	EXPECT(cancel(&writer) == -PLUTON_EINVAL);
	EXPECT(start(&writer) == 0);
	EXPECT(cancel(&other) == -PLUTON_EINVAL);
	turn();
	EXPECT(writer.result == 0);
	EXPECT(cancel(&writer) == -PLUTON_EINVAL);
	close_bench();
}

static void test_more_than_its_concurrency_is_busy_and_done_makes_room(void)
{
	struct writer other;

	open_bench();
	write_of(&writer, 40);
	write_of(&other, 20);
	EXPECT(start(&writer) == 0);
	EXPECT(start(&other) == -PLUTON_EBUSY);
	writer.starts = &other;
	turn();
	EXPECT(writer.dones == 1 && other.dones == 1);
	EXPECT(caught.lines == 2 && caught_is(20));
	close_bench();
}

/* Through the checker as without it. */
static void test_a_speaker_over_the_rate_is_busy_and_told_with_its_next_line(void)
{
	struct console_rate rate = {.now_us = 5, .burst = 2, .lines_per_minute = 60};
	struct console_speaker other = {.uid = 8};

	open_bench();
	write_of(&writer, 5);
	EXPECT(engine->ops->admit(engine, &writer.request.speaker, &rate) == 0);
	EXPECT(engine->ops->admit(engine, &writer.request.speaker, &rate) == 0);
	EXPECT(engine->ops->admit(engine, &writer.request.speaker, &rate) == -PLUTON_EBUSY);
	EXPECT(engine->ops->admit(engine, &other, &rate) == 0);
	rate.now_us += 1000000;
	EXPECT(engine->ops->admit(engine, &writer.request.speaker, &rate) == 0);
	writer.request.speaker.suppressed = 77; /* not the client's to say */
	EXPECT(run(&writer) == 0);
	EXPECT(caught.speaker.suppressed == 1);
	write_of(&writer, 5);
	EXPECT(run(&writer) == 0);
	EXPECT(caught.speaker.suppressed == 0);
	close_bench();
}

/* clang-format off */
#define BEHAVIOURS                                                                                 \
	TEST(test_a_line_arrives_whole_at_every_chunking),                                         \
	TEST(test_level_and_speaker_are_those_of_the_start),                                       \
	TEST(test_a_line_of_no_bytes_or_over_the_limit_is_size_and_at_the_limit_is_served),        \
	TEST(test_an_error_of_any_pull_ends_it_and_nothing_is_logged),                             \
	TEST(test_an_answer_of_no_or_too_many_bytes_is_size),                                      \
	TEST(test_cancel_leads_to_one_done_and_nothing_is_logged),                                 \
	TEST(test_cancel_of_what_is_not_under_way_is_inval),                                       \
	TEST(test_more_than_its_concurrency_is_busy_and_done_makes_room),                          \
	TEST(test_a_speaker_over_the_rate_is_busy_and_told_with_its_next_line)
/* clang-format on */

/* --- broken engines --------------------------------------------------------------------------- */

static const struct bench_maker journal_maker = {
	.name = "hil console", .open = open_journal, .close = close_journal};
static const struct bench_maker broken_maker = {
	.name = "broken", .open = open_broken, .close = close_broken};

static void run_all(enum hil_rule rule, struct bench_trial *trial)
{
	static const struct test behaviours[] = {BEHAVIOURS};

	rule_in_use = rule;
	bench_use(&broken_maker);
	bench_trial_begin(trial);
	for (size_t i = 0; i < TESTS_COUNT(behaviours) && trial->violations == 0; i++)
		behaviours[i].run();
	bench_trial_end();
	bench_use(&journal_maker);
}

static void expect_caught(enum hil_rule rule)
{
	struct bench_trial trial;

	run_all(rule, &trial);
	CU_ASSERT(trial.violations > 0);
	CU_ASSERT_STRING_EQUAL(checker_rule_name(trial.first), checker_rule_name(rule));
	CU_ASSERT_EQUAL(trial.violations, trial.of_first);
}

/* clang-format off */
#define RULES(apply)                                                                               \
	apply(SYNCHRONOUS_CALLBACK) apply(WRONG_THREAD) apply(START_FAILED_CALLBACK)               \
	apply(DONE_TWICE) apply(CALLBACK_AFTER_DONE) apply(OVERLONG_COUNT) apply(WRONG_CURSOR)     \
	apply(EMPTY_PULL) apply(PULLED_TWICE) apply(PULLED_TOO_MUCH) apply(INCOMPLETE)             \
	apply(ERROR_NOT_REPORTED) apply(BAD_SIZE) apply(DONE_MISSING)
#define CATCHES(rule)                                                                              \
	static void test_a_console_that_breaks_##rule##_is_caught_by_that_name(void)               \
	{                                                                                          \
		expect_caught(HIL_##rule);                                                         \
	}
RULES(CATCHES)
#define CATCHES_TEST(rule) TEST(test_a_console_that_breaks_##rule##_is_caught_by_that_name),
/* clang-format on */

static void test_the_same_engine_passes_when_it_breaks_nothing(void)
{
	struct bench_trial trial;

	run_all(HIL_RULES, &trial);
	CU_ASSERT_EQUAL(trial.violations, 0);
	CU_ASSERT_EQUAL(trial.failures, 0);
}

static const struct test tests[] = {
	BEHAVIOURS,
	RULES(CATCHES_TEST) TEST(test_the_same_engine_passes_when_it_breaks_nothing),
};

int main(int argc, char **argv)
{
	bench_use(&journal_maker);
	return suite_main(argc, argv, journal_maker.name, tests, TESTS_COUNT(tests));
}
