/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that is killed with SIGKILL, at every step of everything it can ask for, leaves nothing
 * behind: the pool is back to the exact byte, no window is mapped, no descriptor open, no engine
 * held. The process is real, the steps are the table in daemon/kernel/steps.c, and each has a test
 * of its own here.
 */
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hil/aes.h"
#include "tests/integration/scenarios.h"
#include "tests/rig.h"
#include "tests/suite.h"

#define OCCURRENCES_MAX 4u /* the first ones of a step in a scene are killed at, and the last */
#define NEVER 0u
#define CHILD_PATIENCE 20u /* s: a child that waits for ever is a failure, not a hang */
#define TURNS_MAX 20000u
#define WITNESS_BYTES 8192u

/* --- what a process could leave behind ------------------------------------------------------- */

struct footprint {
	size_t taken;
	size_t committed;
	uint32_t processes;
	uint32_t running;
	unsigned holders;
	unsigned mapped;
	unsigned descriptors;
};

static unsigned count_mapped(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned count = 0;

	while (fgets(line, sizeof(line), maps))
		count += strstr(line, "/memfd:") != NULL;
	fclose(maps);
	return count;
}

static unsigned count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

/* What its threads are still closing or unmapping is not left behind. */
static void wait_for_closers(void)
{
	while (closer_under_way())
		sched_yield();
}

static struct footprint measure(const struct rig *rig)
{
	const struct kernel *kernel = rig->kernel;
	struct footprint footprint;

	wait_for_closers();
	footprint = (struct footprint){.taken = kernel->pool.taken,
				       .committed = kernel->pool.committed,
				       .processes = kernel->processes,
				       .running = kernel->running,
				       .mapped = count_mapped(),
				       .descriptors = count_descriptors()};

	for (unsigned kind = 0; kind < HIL_KINDS; kind++)
		footprint.holders += rig->machine->engines.arbiters[kind][0].holders;
	return footprint;
}

/* --- the victim ------------------------------------------------------------------------------ */

struct victim {
	const struct scenario *scenario;
	enum kernel_step step; /* where it is killed: */
	unsigned occurrence;   /* the n-th time, from 1; or NEVER */
	pid_t pid;
	int status;
	bool gone;
	bool killed;
	unsigned seen[KERNEL_STEPS];
};

static __attribute__((noreturn)) void live(const struct scenario *scenario, struct wire *wire)
{
	int r;

	alarm(CHILD_PATIENCE);
	r = wire_greet(wire);
	if (r == 0)
		r = scenario->play(wire);
	wire_exit(wire); /* so it lives at every step before this one */
	_exit(-r);
}

static void on_step(void *context, enum kernel_step step, const struct step *about)
{
	struct victim *victim = context;

	(void)about;
	victim->seen[step]++;
	if (victim->gone || step != victim->step || victim->seen[step] != victim->occurrence)
		return;
	kill(victim->pid, SIGKILL);
	waitpid(victim->pid, &victim->status, 0); /* now its descriptors are closed */
	victim->gone = true;
	victim->killed = true;
}

static void bear(struct rig *rig, struct victim *victim)
{
	static struct wire wire;
	int daemon_end;

	wire_open(&wire, &daemon_end);
	victim->pid = fork();
	if (victim->pid < 0)
		abort();
	if (victim->pid == 0) {
		close(daemon_end);
		live(victim->scenario, &wire);
	}
	close(wire.fd);
	rig->kernel->step = (struct step_hook){on_step, victim};
	CU_ASSERT_EQUAL(channel_adopt(&rig->machine->channel, daemon_end), 0);
}

/* Serves until it is gone, and then until the daemon has noticed. */
static void serve(struct rig *rig, struct victim *victim, uint32_t processes_before)
{
	while (!victim->gone && rig->kernel->processes > processes_before)
		loop_pass(&rig->machine->loop, true); /* it does something, or dies */
	if (!victim->gone)
		waitpid(victim->pid, &victim->status, 0);
	victim->gone = true;
	for (unsigned i = 0; i < TURNS_MAX && rig->kernel->processes > processes_before; i++)
		rig_turn(rig);
	rig->kernel->step = (struct step_hook){0};
}

/* --- the other one --------------------------------------------------------------------------- */

/* A process that is connected all the time and must not notice anything. */
struct witness {
	int fd;
	uint32_t window;
	uint8_t *memory;
};

static void meet_witness(struct rig *rig, struct witness *witness)
{
	witness->fd = rig_connect(rig);
	witness->window = rig_window(rig, witness->fd, WITNESS_BYTES, &witness->memory);
}

/* One request to every engine. */
static bool witness_is_served(struct rig *rig, const struct witness *witness)
{
	struct record random = rig_operation(1, RIG_RNG, 1);
	struct record digest = rig_operation(2, RIG_DIGEST, 1);
	struct record encrypt = rig_operation(3, RIG_AES, 1);

	rig_out(&random, 0, 32);
	digest.operation.words[0] = 3;
	rig_range(&digest, 0, witness->window, 0, 4096);
	rig_out(&digest, 1, 32);
	encrypt.operation.words[0] = AES_GCM;
	rig_range(&encrypt, 0, witness->window, 0, 32);
	rig_range(&encrypt, 1, witness->window, 32, AES_GCM_IV_SIZE);
	rig_range(&encrypt, 3, witness->window, 64, 1000);
	rig_range(&encrypt, 4, witness->window, 4096, 1000);
	rig_range(&encrypt, 5, witness->window, 8000, AES_TAG_SIZE);
	return rig_perform(rig, witness->fd, &random, NULL) == 0 &&
	       rig_perform(rig, witness->fd, &digest, NULL) == 0 &&
	       rig_perform(rig, witness->fd, &encrypt, NULL) == 0;
}

/* --- trials ---------------------------------------------------------------------------------- */

static bool everybody_waits(void *context)
{
	(void)context;
	return true;
}

static void open_trial(struct rig *rig, struct witness *witness, bool others_wait)
{
	rig_open(rig, NULL);
	if (others_wait)
		rig->machine->engines.environment.others_wait = everybody_waits;
	meet_witness(rig, witness);
}

static void close_trial(struct rig *rig, struct witness *witness)
{
	munmap(witness->memory, WITNESS_BYTES);
	close(witness->fd);
	rig_close(rig);
}

static void expect(bool condition, const struct victim *victim, const char *what)
{
	if (!condition)
		fprintf(stderr, "# %s, killed at %s, occurrence %u: %s\n", victim->scenario->name,
			kernel_step_name(victim->step), victim->occurrence, what);
	CU_ASSERT(condition);
}

static void run_trial(struct rig *rig, const struct witness *witness, struct victim *victim)
{
	struct footprint before = measure(rig), after;

	bear(rig, victim);
	serve(rig, victim, before.processes);
	after = measure(rig);
	expect(after.processes == before.processes, victim, "the process is still there");
	expect(after.taken == before.taken, victim, "bytes of the pool are missing");
	expect(after.committed == before.committed, victim, "the promise was not taken back");
	expect(after.running == before.running, victim, "an operation still counts");
	expect(after.holders == before.holders, victim, "an engine is held");
	expect(after.mapped == before.mapped, victim, "a window is still mapped");
	expect(after.descriptors == before.descriptors, victim, "a descriptor is still open");
	expect(witness_is_served(rig, witness), victim, "another process is not served");
	if (victim->killed)
		expect(WIFSIGNALED(victim->status) && WTERMSIG(victim->status) == SIGKILL, victim,
		       "it did not live until then");
	else /* or the step came less often this time: cancelling is a race */
		expect(WIFEXITED(victim->status) && WEXITSTATUS(victim->status) == 0, victim,
		       "a wrong answer");
}

/* How often each step comes when nobody is killed, found out once. */
static const unsigned *count_steps(struct rig *rig, const struct witness *witness, unsigned scene,
				   bool others_wait)
{
	static struct {
		bool known;
		unsigned seen[KERNEL_STEPS];
	} counts[2][SCENARIOS_MAX], *count;

	count = &counts[others_wait][scene];
	if (!count->known) {
		struct victim victim = {.scenario = &scenarios[scene], .occurrence = NEVER};

		run_trial(rig, witness, &victim);
		memcpy(count->seen, victim.seen, sizeof(victim.seen));
		count->known = true;
	}
	return count->seen;
}

/* Every scene, killed at the first occurrences of the step and at the last. */
static void kill_at(enum kernel_step step, bool others_wait)
{
	unsigned kills = 0;
	struct witness witness;
	struct rig rig;

	open_trial(&rig, &witness, others_wait);
	for (unsigned s = 0; s < scenario_count; s++) {
		unsigned last = count_steps(&rig, &witness, s, others_wait)[step];

		for (unsigned n = 1; n <= last; n++) {
			struct victim victim = {
				.scenario = &scenarios[s], .step = step, .occurrence = n};

			if (n > OCCURRENCES_MAX)
				n = victim.occurrence = last;
			run_trial(&rig, &witness, &victim);
			kills += victim.killed;
		}
	}
	CU_ASSERT(kills > 0);
	close_trial(&rig, &witness);
}

/* --- the tests ------------------------------------------------------------------------------- */

/* clang-format off */
/* Steps at which a process can be killed; at the others it has gone, or is nobody's. */
#define FOR_EACH_STEP(at)                               \
	at(process_made, STEP_PROCESS_MADE)             \
	at(record_received, STEP_RECORD_RECEIVED)       \
	at(window_added, STEP_WINDOW_ADDED)             \
	at(operation_made, STEP_OPERATION_MADE)         \
	at(operation_accepted, STEP_OPERATION_ACCEPTED) \
	at(engine_requested, STEP_ENGINE_REQUESTED)     \
	at(engine_granted, STEP_ENGINE_GRANTED)         \
	at(grant_made, STEP_GRANT_MADE)                 \
	at(grant_entered, STEP_GRANT_ENTERED)           \
	at(pull, STEP_PULL)        \
	at(push, STEP_PUSH)   \
	at(lend, STEP_LEND)       \
	at(charge_taken, STEP_CHARGE_TAKEN)             \
	at(engine_released, STEP_ENGINE_RELEASED)       \
	at(operation_done, STEP_OPERATION_DONE)         \
	at(upcall_posted, STEP_UPCALL_POSTED)           \
	at(upcall_sent, STEP_UPCALL_SENT)               \
	at(grant_freed, STEP_GRANT_FREED)               \
	at(operation_refused, STEP_OPERATION_REFUSED)

#define FOR_EACH_OTHER_STEP(at)             \
	at(process_gone, STEP_PROCESS_GONE) \
	at(handler_ran, STEP_HANDLER_RAN)

#define DEFINE_TESTS(name, step)                                  \
	static void test_kill_at_##name(void)                     \
	{                                                         \
		kill_at(step, false);                             \
	}                                                         \
	static void test_kill_at_##name##_with_workers(void)      \
	{                                                         \
		kill_at(step, true);                              \
	}
#define LIST_TESTS(name, step) TEST(test_kill_at_##name), TEST(test_kill_at_##name##_with_workers),
#define LIST_STEP(name, step) {step, #name},
/* clang-format on */

FOR_EACH_STEP(DEFINE_TESTS)

static const struct {
	enum kernel_step step;
	const char *name;
} listed[] = {FOR_EACH_STEP(LIST_STEP) FOR_EACH_OTHER_STEP(LIST_STEP)};

static bool same_name(const char *here, const char *in_kernel)
{
	for (; *here && *in_kernel; here++, in_kernel++) {
		if (*here != (*in_kernel == '-' ? '_' : *in_kernel))
			return false;
	}
	return *here == *in_kernel;
}

static void test_every_step_of_the_table_has_its_tests(void)
{
	CU_ASSERT_EQUAL(TESTS_COUNT(listed), KERNEL_STEPS);
	for (unsigned i = 0; i < TESTS_COUNT(listed); i++) {
		CU_ASSERT_EQUAL(listed[i].step, i);
		CU_ASSERT(same_name(listed[i].name, kernel_step_name(listed[i].step)));
	}
	CU_ASSERT_PTR_NULL(kernel_step_name(KERNEL_STEPS));
}

static void test_every_step_is_reached(void)
{
	unsigned total[KERNEL_STEPS] = {0};
	struct witness witness;
	struct rig rig;

	open_trial(&rig, &witness, false);
	for (unsigned s = 0; s < scenario_count; s++) {
		const unsigned *seen = count_steps(&rig, &witness, s, false);

		for (unsigned step = 0; step < KERNEL_STEPS; step++)
			total[step] += seen[step];
	}
	for (unsigned step = 0; step < KERNEL_STEPS; step++) {
		if (total[step] == 0)
			fprintf(stderr, "# no scene reaches %s\n", kernel_step_name(step));
		CU_ASSERT(total[step] > 0);
	}
	close_trial(&rig, &witness);
}

static const struct test tests[] = {
	FOR_EACH_STEP(LIST_TESTS) TEST(test_every_step_of_the_table_has_its_tests),
	TEST(test_every_step_is_reached),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "kill", tests, TESTS_COUNT(tests));
}
