/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nvmem capsule as processes see it: who owns what, limits, sentences, ranges that change under
 * way, and processes that die in the middle.
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hil/arbiter.h"
#include "hil/nv.h"
#include "tests/guests.h"
#include "tests/suite.h"

#define DRIVER 0x50001u
#define WINDOW (64u * 1024)

enum { DEFINE = 1, DELETE, READ, WRITE, PUT, COMMIT, LOCK, STATUS, LIST };

static struct record answer;
static uint8_t inline_bytes[RECORD_INLINE_LIMIT];
static char state[64];

/* --- the machine ----------------------------------------------------------------------------- */

static void start(const char *const *more)
{
	static char setting[96];
	const char *settings[8] = {setting, "hil.checker=yes"};

	snprintf(setting, sizeof(setting), "daemon.state=%s", state);
	for (unsigned i = 0; more && more[i]; i++)
		settings[2 + i] = more[i];
	guests_open(settings);
}

static void open_with(const char *const *more)
{
	const char *directory = getenv("TMPDIR");

	snprintf(state, sizeof(state), "%.40s/pluton-nvmem-XXXXXX", directory ? directory : "/tmp");
	if (!mkdtemp(state))
		abort();
	start(more);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void close_all(void)
{
	guests_close();
	CU_ASSERT_EQUAL(nftw(state, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void restart(void)
{
	guests_close();
	start(NULL);
}

/* A process of some app or user. */
static int connect_as(uint32_t uid, const char *app)
{
	int fd = guest_connect();
	struct process *process = rig_last_process(&rig);
	struct users *parties = &rig.kernel->parties;

	process->who.uid = uid;
	snprintf(process->who.app, sizeof(process->who.app), "%s", app);
	users_leave(&parties->entries[process->owner.party]);
	process->owner.party = users_place(parties, users_enter(parties, uid, app));
	return fd;
}

/* --- commands -------------------------------------------------------------------------------- */

static struct record command(uint32_t number, const char *name, uint32_t word)
{
	struct record record = rig_operation(1, DRIVER, number);

	record.operation.words[0] = word;
	if (name)
		rig_in(&record, 0, inline_bytes, name, (uint16_t)strlen(name));
	return record;
}

static int perform(int fd, const struct record *record)
{
	return rig_perform(&rig, fd, record, &answer);
}

static int act(int fd, uint32_t number, const char *name, uint32_t word)
{
	struct record record = command(number, name, word);

	return perform(fd, &record);
}

static int put(int fd, const char *name, const char *text)
{
	struct record record = command(PUT, name, 0);

	if (*text)
		rig_in(&record, 1, inline_bytes, text, (uint16_t)strlen(text));
	return perform(fd, &record);
}

static int write_at(int fd, const char *name, uint32_t offset, const char *text)
{
	struct record record = command(WRITE, name, offset);

	rig_in(&record, 1, inline_bytes, text, (uint16_t)strlen(text));
	return perform(fd, &record);
}

static int read_at(int fd, const char *name, uint32_t offset, uint16_t length)
{
	struct record record = command(READ, name, offset);

	rig_out(&record, 1, length);
	return perform(fd, &record);
}

static bool holds(int fd, const char *name, const char *text)
{
	size_t length = strlen(text);

	return read_at(fd, name, 0, 512) == 0 && answer.upcall.words[1] == length &&
	       memcmp(answer.upcall.output, text, length) == 0;
}

static int status(int fd, const char *name)
{
	struct record record = command(STATUS, name, 0);

	rig_out(&record, 1, NV_ROW_SIZE);
	return perform(fd, &record);
}

static int list(int fd, uint32_t first, uint16_t bytes)
{
	struct record record = command(LIST, NULL, first);

	rig_out(&record, 0, bytes);
	return perform(fd, &record);
}

static uint32_t row_number(unsigned row, unsigned at)
{
	const uint8_t *bytes = answer.upcall.output + (size_t)row * NV_ROW_SIZE + 72 + at * 4u;

	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static const char *row_name(unsigned row)
{
	return (const char *)answer.upcall.output + (size_t)row * NV_ROW_SIZE;
}

static bool refusal_says(const char *words)
{
	char text[RECORD_TEXT_MAX + 1] = {0};

	if (answer.header.type != RECORD_RETURN)
		return false;
	memcpy(text, answer.ret.text, answer.ret.text_length);
	return strstr(text, words) != NULL;
}

/* --- what it does ---------------------------------------------------------------------------- */

static void test_an_area_from_definition_to_deletion(void)
{
	uint32_t generation;
	int fd;

	open_with(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(act(fd, DEFINE, "a", 100), 0);
	CU_ASSERT_EQUAL(act(fd, DEFINE, "a", 100), -PLUTON_EALREADY);
	CU_ASSERT_EQUAL(write_at(fd, "a", 2, "xyz"), 0);
	CU_ASSERT_EQUAL(read_at(fd, "a", 0, 50), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 5);
	CU_ASSERT_EQUAL(memcmp(answer.upcall.output, "\0\0xyz", 5), 0);
	generation = answer.upcall.words[2];
	CU_ASSERT_EQUAL(status(fd, "a"), 0);
	CU_ASSERT_STRING_EQUAL(row_name(0), "a");
	CU_ASSERT_EQUAL(row_number(0, 0), 100);
	CU_ASSERT_EQUAL(row_number(0, 1), 5);
	CU_ASSERT_EQUAL(row_number(0, 2), 0);
	CU_ASSERT_EQUAL(row_number(0, 3), generation);
	CU_ASSERT_EQUAL(act(fd, DELETE, "a", 0), 0);
	CU_ASSERT_EQUAL(status(fd, "a"), -PLUTON_ENODEVICE);
	close_all();
}

static void test_put_makes_an_area_also_of_no_bytes(void)
{
	int fd;

	open_with(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(put(fd, "a", "value"), 0);
	CU_ASSERT_TRUE(holds(fd, "a", "value"));
	CU_ASSERT_EQUAL(put(fd, "empty", ""), 0);
	CU_ASSERT_TRUE(holds(fd, "empty", ""));
	CU_ASSERT_EQUAL(put(fd, "a", ""), 0);
	CU_ASSERT_TRUE(holds(fd, "a", ""));
	close_all();
}

static void test_areas_outlive_the_program_and_the_daemon(void)
{
	int fd;

	open_with(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(put(fd, "a", "kept"), 0);
	guest_leave(fd);
	fd = guest_connect();
	CU_ASSERT_TRUE(holds(fd, "a", "kept"));
	restart();
	fd = guest_connect();
	CU_ASSERT_TRUE(holds(fd, "a", "kept"));
	close_all();
}

static void test_locks_until_restart_and_for_good(void)
{
	int fd;

	open_with(NULL);
	fd = guest_connect();
	for (const char *name = "abc"; *name; name++)
		CU_ASSERT_EQUAL(put(fd, (char[]){*name, '\0'}, "x"), 0);
	CU_ASSERT_EQUAL(act(fd, LOCK, "a", NV_LOCK_WRITE_BOOT), 0);
	CU_ASSERT_EQUAL(act(fd, LOCK, "b", NV_LOCK_WRITE), 0);
	CU_ASSERT_EQUAL(act(fd, LOCK, "c", NV_LOCK_READ_BOOT), 0);
	CU_ASSERT_EQUAL(act(fd, LOCK, "c", 3), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(act(fd, LOCK, "c", 0), -PLUTON_EINVAL);
	CU_ASSERT_EQUAL(put(fd, "a", "y"), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(put(fd, "b", "y"), -PLUTON_ERESERVE);
	CU_ASSERT_EQUAL(read_at(fd, "c", 0, 1), -PLUTON_ERESERVE);
	restart();
	fd = guest_connect();
	CU_ASSERT_EQUAL(put(fd, "a", "y"), 0);
	CU_ASSERT_EQUAL(put(fd, "b", "y"), -PLUTON_ERESERVE);
	CU_ASSERT_TRUE(holds(fd, "c", "x"));
	close_all();
}

static void test_a_list_goes_on_where_it_ended(void)
{
	char name[8];
	int fd;

	open_with(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(list(fd, 0, 512), 0);
	CU_ASSERT(answer.upcall.words[1] == 0 && answer.upcall.words[2] == 0);
	for (unsigned i = 0; i < 7; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		CU_ASSERT_EQUAL(put(fd, name, name), 0);
	}
	CU_ASSERT_EQUAL(list(fd, 0, 512), 0); /* five rows fit */
	CU_ASSERT(answer.upcall.words[1] == 5 && answer.upcall.words[2] == 5);
	CU_ASSERT_STRING_EQUAL(row_name(4), "n4");
	CU_ASSERT_EQUAL(list(fd, 5, 512), 0);
	CU_ASSERT(answer.upcall.words[1] == 2 && answer.upcall.words[2] == 0);
	CU_ASSERT_STRING_EQUAL(row_name(1), "n6");
	CU_ASSERT_EQUAL(list(fd, 0, NV_ROW_SIZE - 1), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(refusal_says("one row has 88 bytes, there is room for 87"));
	CU_ASSERT_EQUAL(list(fd, 0, NV_ROW_SIZE), 0);
	close_all();
}

static void test_a_long_list_comes_in_64_rows(void)
{
	struct record record = rig_operation(1, DRIVER, LIST);
	uint8_t *memory;
	char name[8];
	int fd;

	open_with((const char *const[]){"nvmem.areas_per_owner=65", NULL});
	fd = guest_connect();
	for (unsigned i = 0; i < 65; i++) {
		snprintf(name, sizeof(name), "n%02u", i);
		CU_ASSERT_EQUAL(act(fd, DEFINE, name, 1), 0);
	}
	rig_range(&record, 0, rig_window(&rig, fd, WINDOW, &memory), 0, WINDOW);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT(answer.upcall.words[1] == 64 && answer.upcall.words[2] == 64);
	record.operation.words[0] = 64;
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	CU_ASSERT(answer.upcall.words[1] == 1 && answer.upcall.words[2] == 0);
	CU_ASSERT_STRING_EQUAL((const char *)memory, "n64");
	munmap(memory, WINDOW);
	close_all();
}

/* A late failure is an upcall, and its sentence stands where output would. */
static bool failure_says(const char *words)
{
	char text[RECORD_TEXT_MAX + 1] = {0};

	if (answer.header.type != RECORD_UPCALL || answer.upcall.output_length > RECORD_TEXT_MAX)
		return false;
	memcpy(text, answer.upcall.output, answer.upcall.output_length);
	return strstr(text, words) != NULL;
}

static void test_what_the_engine_refuses_comes_back_with_its_sentence(void)
{
	char path[128];
	int fd;

	open_with((const char *const[]){"nvmem.areas_per_owner=1", NULL});
	fd = connect_as(1000, "");
	CU_ASSERT_EQUAL(status(fd, "a"), -PLUTON_ENODEVICE);
	CU_ASSERT_TRUE(failure_says("area a of uid-1000 does not exist"));
	CU_ASSERT_EQUAL(put(fd, "a", "x"), 0);
	CU_ASSERT_EQUAL(put(fd, "b", "x"), -PLUTON_ENOMEM);
	CU_ASSERT_TRUE(failure_says("areas_per_owner allows 1"));
	snprintf(path, sizeof(path), "%s/nv/uid-1000/a", state);
	CU_ASSERT_EQUAL(truncate(path, 100), 0);
	CU_ASSERT_EQUAL(status(fd, "a"), -PLUTON_EFAIL);
	CU_ASSERT_TRUE(failure_says(path));
	CU_ASSERT_TRUE(failure_says("is damaged"));
	close_all();
}

/* --- owners ---------------------------------------------------------------------------------- */

static void test_users_cannot_see_each_others_areas_nor_that_they_exist(void)
{
	static const uint32_t commands[] = {DELETE, LOCK};
	int alice, bob;

	open_with(NULL);
	alice = connect_as(1000, "");
	bob = connect_as(1001, "");
	CU_ASSERT_EQUAL(put(alice, "secret", "hers"), 0);
	CU_ASSERT_EQUAL(act(alice, LOCK, "secret", NV_LOCK_WRITE), 0);
	for (unsigned i = 0; i < 2; i++) {
		/* The same answers for what is there and what is not. */
		const char *name = i ? "nothing" : "secret";

		CU_ASSERT_EQUAL(read_at(bob, name, 0, 10), -PLUTON_ENODEVICE);
		CU_ASSERT_EQUAL(write_at(bob, name, 0, "x"), -PLUTON_ENODEVICE);
		CU_ASSERT_EQUAL(status(bob, name), -PLUTON_ENODEVICE);
		for (unsigned c = 0; c < TESTS_COUNT(commands); c++)
			CU_ASSERT_EQUAL(act(bob, commands[c], name,
					    commands[c] == LOCK ? NV_LOCK_WRITE : 0),
					-PLUTON_ENODEVICE);
		CU_ASSERT_EQUAL(act(bob, DEFINE, name, 10), 0);
		CU_ASSERT_EQUAL(act(bob, DELETE, name, 0), 0);
	}
	CU_ASSERT_EQUAL(list(bob, 0, 512), 0);
	CU_ASSERT_EQUAL(answer.upcall.words[1], 0);
	CU_ASSERT_TRUE(holds(alice, "secret", "hers"));
	close_all();
}

static void test_an_app_and_its_user_have_their_own_areas(void)
{
	int app, user, other_app, same_app;

	open_with(NULL);
	app = connect_as(1000, "tpm0");
	user = connect_as(1000, "");
	other_app = connect_as(1000, "tpm1");
	same_app = connect_as(1001, "tpm0");
	CU_ASSERT_EQUAL(put(app, "permanent", "the app's"), 0);
	CU_ASSERT_EQUAL(status(user, "permanent"), -PLUTON_ENODEVICE);
	CU_ASSERT_EQUAL(status(other_app, "permanent"), -PLUTON_ENODEVICE);
	CU_ASSERT_TRUE(holds(same_app, "permanent", "the app's"));
	CU_ASSERT_EQUAL(put(user, "permanent", "the user's"), 0);
	CU_ASSERT_TRUE(holds(app, "permanent", "the app's"));
	close_all();
}

static void test_users_of_every_number_have_their_own(void)
{
	static const uint32_t uids[] = {0, 1, 9, 10, 100, 1000, 65534, 4294967294u};
	char text[16];

	open_with(NULL);
	for (unsigned i = 0; i < TESTS_COUNT(uids); i++) {
		snprintf(text, sizeof(text), "%u", uids[i]);
		CU_ASSERT_EQUAL(put(connect_as(uids[i], ""), "a", text), 0);
	}
	for (unsigned i = 0; i < TESTS_COUNT(uids); i++) {
		char path[128];

		snprintf(text, sizeof(text), "%u", uids[i]);
		CU_ASSERT_TRUE(holds(connect_as(uids[i], ""), "a", text));
		snprintf(path, sizeof(path), "%s/nv/uid-%u/a", state, uids[i]);
		CU_ASSERT_EQUAL(access(path, F_OK), 0);
	}
	close_all();
}

/* --- limits ---------------------------------------------------------------------------------- */

static void test_quotas_hold_at_the_limit_and_not_beyond(void)
{
	int alice, bob;

	open_with((const char *const[]){"nvmem.areas_per_owner=2", "nvmem.bytes_per_owner=1K",
					"nvmem.area_max=1000", NULL});
	alice = connect_as(1000, "");
	bob = connect_as(1001, "");
	CU_ASSERT_EQUAL(act(alice, DEFINE, "a", 1001), -PLUTON_ESIZE);
	CU_ASSERT_TRUE(refusal_says("1001 bytes are too many for one area, area_max is 1000"));
	CU_ASSERT_EQUAL(act(alice, DEFINE, "a", 1000), 0);
	CU_ASSERT_EQUAL(act(alice, DEFINE, "b", 25), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(act(alice, DEFINE, "b", 24), 0);
	CU_ASSERT_EQUAL(act(alice, DEFINE, "c", 0), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(put(alice, "c", ""), -PLUTON_ENOMEM);
	CU_ASSERT_EQUAL(act(bob, DEFINE, "a", 1000), 0);
	close_all();
}

static void test_sizes_of_slots_at_the_limit_and_beyond(void)
{
	struct record record;
	uint8_t *memory;
	uint32_t window;
	int fd;

	open_with(NULL);
	fd = guest_connect();
	window = rig_window(&rig, fd, WINDOW, &memory);
	CU_ASSERT_EQUAL(put(fd, "a", "x"), 0);
	record = command(READ, "a", 0);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	rig_range(&record, 1, window, 0, 4096);
	CU_ASSERT_EQUAL(perform(fd, &record), 0);
	rig_range(&record, 1, window, 0, 4097);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	record = command(WRITE, "a", 0);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	record = command(COMMIT, NULL, 0);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	record = command(STATUS, "a", 0);
	rig_out(&record, 1, NV_ROW_SIZE - 1);
	CU_ASSERT_EQUAL(perform(fd, &record), -PLUTON_ESIZE);
	munmap(memory, WINDOW);
	close_all();
}

static void test_names_at_the_limit_and_what_is_none(void)
{
	static const char *const wrong[] = {"..", ".a", "a/b", "../a", "a b", "\xff"};
	char name[NV_NAME_MAX + 2];
	int fd;

	open_with(NULL);
	fd = guest_connect();
	memset(name, 'n', sizeof(name));
	name[NV_NAME_MAX] = '\0';
	CU_ASSERT_EQUAL(put(fd, name, "x"), 0);
	CU_ASSERT_TRUE(holds(fd, name, "x"));
	name[NV_NAME_MAX] = 'n';
	name[NV_NAME_MAX + 1] = '\0';
	CU_ASSERT_EQUAL(put(fd, name, "x"), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(act(fd, DEFINE, "", 1), -PLUTON_ESIZE);
	for (unsigned i = 0; i < TESTS_COUNT(wrong); i++) {
		CU_ASSERT_EQUAL(put(fd, wrong[i], "x"), -PLUTON_EINVAL);
		CU_ASSERT_TRUE(refusal_says("no name of an area"));
		CU_ASSERT_EQUAL(status(fd, wrong[i]), -PLUTON_EINVAL);
	}
	close_all();
}

/* --- commits --------------------------------------------------------------------------------- */

static size_t add_change(uint8_t *to, uint8_t kind, const char *name, const char *text)
{
	size_t name_length = strlen(name), length = strlen(text);

	memset(to, 0, NV_CHANGE_HEADER_SIZE);
	to[0] = kind;
	to[1] = (uint8_t)name_length;
	to[4] = (uint8_t)length;
	memcpy(to + NV_CHANGE_HEADER_SIZE, name, name_length);
	memcpy(to + NV_CHANGE_HEADER_SIZE + name_length, text, length);
	return NV_CHANGE_HEADER_SIZE + name_length + length;
}

static int commit(int fd, const uint8_t *changes, size_t length)
{
	struct record record = command(COMMIT, NULL, 0);

	rig_in(&record, 0, inline_bytes, changes, (uint16_t)length);
	return perform(fd, &record);
}

static void test_a_commit_is_all_or_nothing(void)
{
	uint8_t changes[256];
	size_t length;
	int fd;

	open_with(NULL);
	fd = guest_connect();
	CU_ASSERT_EQUAL(put(fd, "a", "old a"), 0);
	CU_ASSERT_EQUAL(put(fd, "b", "old b"), 0);
	length = add_change(changes, NV_CHANGE_PUT, "a", "new a");
	length += add_change(changes + length, NV_CHANGE_DELETE, "b", "");
	CU_ASSERT_EQUAL(commit(fd, changes, length - 1), -PLUTON_EINVAL);
	CU_ASSERT_TRUE(holds(fd, "a", "old a"));
	CU_ASSERT_EQUAL(act(fd, LOCK, "b", NV_LOCK_WRITE_BOOT), 0);
	CU_ASSERT_EQUAL(commit(fd, changes, length), -PLUTON_ERESERVE);
	CU_ASSERT_TRUE(holds(fd, "a", "old a"));
	restart();
	fd = guest_connect();
	CU_ASSERT_EQUAL(commit(fd, changes, length), 0);
	CU_ASSERT_TRUE(holds(fd, "a", "new a"));
	CU_ASSERT_EQUAL(status(fd, "b"), -PLUTON_ENODEVICE);
	close_all();
}

/* --- ranges under way ------------------------------------------------------------------------ */

static struct record windowed(uint32_t number, uint32_t window, uint32_t length)
{
	struct record record = command(number, "a", 0);

	rig_range(&record, 1, window, 0, length);
	return record;
}

static struct record allow(uint32_t class, uint32_t window, uint32_t length)
{
	return (struct record){.header = {.type = RECORD_CALL, .op_id = 1, .driver = DRIVER},
			       .call = {.class = class, .number = 1, .args = {window, 0, length}}};
}

/* The data is withdrawn or shortened before the engine has taken it. */
static void test_data_that_is_withdrawn_changes_nothing(void)
{
	static const uint32_t commands[] = {PUT, WRITE};
	uint8_t *memory;
	uint32_t window;
	int fd;

	open_with((const char *const[]){"kernel.deferred_budget=1", NULL});
	fd = guest_connect();
	window = rig_window(&rig, fd, WINDOW, &memory);
	CU_ASSERT_EQUAL(act(fd, DEFINE, "a", WINDOW), 0);
	CU_ASSERT_EQUAL(put(fd, "a", "before"), 0);
	for (unsigned i = 0; i < 2; i++) {
		for (uint32_t left = 0; left < 200; left += 100) {
			struct record record = windowed(commands[i], window, WINDOW);
			struct record change = allow(CLASS_ALLOW_RO, left ? window : 0, left);

			rig_send(fd, &record, -1);
			rig_send(fd, &change, -1);
			CU_ASSERT(rig_receive(&rig, fd, &answer));
			CU_ASSERT_EQUAL(answer.header.type, RECORD_RETURN);
			CU_ASSERT(rig_receive(&rig, fd, &answer));
			CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ESIZE);
			CU_ASSERT_TRUE(holds(fd, "a", "before"));
		}
	}
	munmap(memory, WINDOW);
	close_all();
}

static void test_room_that_is_withdrawn_before_it_is_filled_is_size(void)
{
	struct record record, change;
	uint8_t *memory;
	uint32_t window;
	int fd;

	open_with(NULL);
	fd = guest_connect();
	window = rig_window(&rig, fd, WINDOW, &memory);
	CU_ASSERT_EQUAL(put(fd, "a", "0123456789"), 0);
	record = windowed(READ, window, 100);
	change = allow(CLASS_ALLOW_RW, window, 4);
	rig_send(fd, &record, -1);
	rig_send(fd, &change, -1);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_RETURN);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_UPCALL);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(memory[4], 0);
	record = windowed(STATUS, window, 100);
	rig_send(fd, &record, -1);
	rig_send(fd, &change, -1);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_RETURN);
	CU_ASSERT(rig_receive(&rig, fd, &answer) && answer.header.type == RECORD_UPCALL);
	CU_ASSERT_EQUAL(rig_status(&answer), -PLUTON_ESIZE);
	munmap(memory, WINDOW);
	close_all();
}

/* Whatever a list of changes says when it is taken, its copy is what is parsed and committed. */
static void test_a_list_of_changes_that_changes_under_way_is_taken_once(void)
{
	struct record record = rig_operation(1, DRIVER, COMMIT);
	uint8_t *memory;
	size_t length;
	uint32_t window;
	int fd, r;

	open_with((const char *const[]){"kernel.deferred_budget=1", NULL});
	fd = guest_connect();
	window = rig_window(&rig, fd, WINDOW, &memory);
	for (unsigned passes = 0; passes < 8; passes++) {
		CU_ASSERT_EQUAL(put(fd, "a", "old"), 0);
		length = add_change(memory, NV_CHANGE_PUT, "a", "new");
		rig_range(&record, 0, window, 0, (uint32_t)length);
		rig_send(fd, &record, -1);
		for (unsigned i = 0; i < passes; i++)
			loop_pass(&rig.machine->loop, false);
		memset(memory, 0xff, length);
		CU_ASSERT(rig_receive(&rig, fd, &answer));
		r = rig_status(&answer);
		CU_ASSERT(r == 0 || r == -PLUTON_EINVAL);
		CU_ASSERT_TRUE(holds(fd, "a", r == 0 ? "new" : "old"));
	}
	munmap(memory, WINDOW);
	close_all();
}

/* --- dying and cancelling -------------------------------------------------------------------- */

static void pass(unsigned count)
{
	while (count--)
		loop_pass(&rig.machine->loop, false);
}

static bool area_is(int fd, uint32_t length)
{
	CU_ASSERT_EQUAL(status(fd, "a"), 0);
	return row_number(0, 1) == length;
}

static void test_a_process_that_dies_in_the_middle_leaves_before_or_after(void)
{
	open_with((const char *const[]){"kernel.deferred_budget=1", NULL});
	for (unsigned passes = 0; passes < 12; passes++) {
		int fd = guest_connect(), witness = guest_connect();
		struct record record;
		uint8_t *memory;

		CU_ASSERT_EQUAL(put(witness, "a", "before"), 0);
		record = windowed(PUT, rig_window(&rig, fd, WINDOW, &memory), WINDOW);
		rig_send(fd, &record, -1);
		pass(passes);
		guest_leave(fd);
		rig_settle(&rig);
		CU_ASSERT(area_is(witness, 6) || area_is(witness, WINDOW));
		CU_ASSERT_EQUAL(rig.kernel->processes, 1);
		munmap(memory, WINDOW);
		guest_leave(witness);
	}
	close_all();
}

static void test_a_put_that_is_cancelled_has_one_answer_that_is_true(void)
{
	const struct record cancel = {.header = {.type = RECORD_CANCEL, .op_id = 1}};
	unsigned passes;

	open_with((const char *const[]){"kernel.deferred_budget=1", NULL});
	for (passes = 0; passes < 12; passes++) {
		int fd = guest_connect();
		struct record record;
		uint8_t *memory;
		int r;

		CU_ASSERT_EQUAL(put(fd, "a", "before"), 0);
		record = windowed(PUT, rig_window(&rig, fd, WINDOW, &memory), WINDOW);
		rig_send(fd, &record, -1);
		pass(passes);
		rig_send(fd, &cancel, -1);
		rig_settle(&rig);
		CU_ASSERT_TRUE(guest_read(fd, &answer));
		r = rig_status(&answer);
		CU_ASSERT(r == 0 || r == -PLUTON_ECANCEL);
		CU_ASSERT_FALSE(guest_has_answer(fd));
		CU_ASSERT_TRUE(area_is(fd, r == 0 ? WINDOW : 6));
		munmap(memory, WINDOW);
		guest_leave(fd);
	}
	close_all();
}

static void test_every_command_at_once_from_several_processes(void)
{
	int fds[4];

	open_with(NULL);
	for (unsigned i = 0; i < 4; i++) {
		fds[i] = connect_as(1000 + i % 2, "");
		for (uint32_t op_id = 1; op_id <= 16; op_id++) {
			struct record record = command(PUT, "a", 0);

			record.header.op_id = op_id;
			rig_in(&record, 1, inline_bytes, "some text", (uint16_t)(1 + op_id % 9));
			rig_send(fds[i], &record, -1);
		}
	}
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned n = 0; n < 16; n++) {
			CU_ASSERT_TRUE(rig_receive(&rig, fds[i], &answer));
			CU_ASSERT_EQUAL(rig_status(&answer), 0);
		}
	}
	close_all();
}

/* --- one owner beside many connections of another --------------------------------------------- */

#define FLOOD 60
#define FLOOD_EACH 8

/* Turns at the engine, from the moment when the victim asks for one. */
static struct {
	struct process_id victim;
	struct arbiter *arbiter;
	bool asked;
	bool served;
	unsigned before; /* turns of others while it waited */
	unsigned most;	 /* places of the flood's, ever */
} turns;

static void count_turns(void *context, enum kernel_step step, const struct step *about)
{
	bool is_victim = about->process.index == turns.victim.index;

	(void)context;
	if (is_victim && step == STEP_ENGINE_REQUESTED)
		turns.asked = true;
	if (step != STEP_ENGINE_GRANTED)
		return;
	if (is_victim)
		turns.served = true;
	else if (turns.asked && !turns.served)
		turns.before++;
	if (!turns.asked && turns.arbiter->holders > turns.most)
		turns.most = turns.arbiter->holders;
}

static void send_puts(int fd, unsigned count)
{
	for (uint32_t op_id = 1; op_id <= count; op_id++) {
		struct record record = command(PUT, "a", 0);

		record.header.op_id = op_id;
		rig_in(&record, 1, inline_bytes, "some text", 9);
		rig_send(fd, &record, -1);
	}
}

static void answer_puts(int fd, unsigned count)
{
	while (count--) {
		CU_ASSERT_TRUE(rig_receive(&rig, fd, &answer));
		CU_ASSERT_EQUAL(rig_status(&answer), 0);
	}
}

/* 60 connections of a user wait with all they can; then one of somebody else asks. */
static void flood_and_ask(uint32_t uid, const char *app)
{
	int fds[FLOOD], victim;

	open_with(NULL);
	memset(&turns, 0, sizeof(turns));
	turns.arbiter = kernel_driver(rig.kernel, DRIVER)->ports[0].engines[0]->arbiter;
	for (unsigned i = 0; i < FLOOD; i++)
		fds[i] = connect_as(1000, "");
	victim = connect_as(uid, app);
	turns.victim = rig_last_process(&rig)->id;
	rig.kernel->step = (struct step_hook){.run = count_turns};
	for (unsigned i = 0; i < FLOOD; i++)
		send_puts(fds[i], FLOOD_EACH);
	for (unsigned i = 0; i < 20; i++)
		rig_turn(&rig);
	CU_ASSERT(turns.arbiter->marked > FLOOD / 2);
	send_puts(victim, 1);
	answer_puts(victim, 1);
	CU_ASSERT_TRUE(turns.served);
	for (unsigned i = 0; i < FLOOD; i++)
		answer_puts(fds[i], FLOOD_EACH);
	rig.kernel->step = (struct step_hook){.run = NULL};
	close_all();
}

static void test_one_owners_many_connections_hold_two_places_and_another_is_served_next(void)
{
	flood_and_ask(1001, "");
	CU_ASSERT_EQUAL(turns.most, 2);
	CU_ASSERT(turns.before <= 2);
}

static void test_an_app_is_served_next_although_its_own_user_floods(void)
{
	flood_and_ask(1000, "tpm0");
	CU_ASSERT_EQUAL(turns.most, 2);
	CU_ASSERT(turns.before <= 2);
}

static const struct test tests[] = {
	TEST(test_an_area_from_definition_to_deletion),
	TEST(test_put_makes_an_area_also_of_no_bytes),
	TEST(test_areas_outlive_the_program_and_the_daemon),
	TEST(test_locks_until_restart_and_for_good),
	TEST(test_a_list_goes_on_where_it_ended),
	TEST(test_a_long_list_comes_in_64_rows),
	TEST(test_what_the_engine_refuses_comes_back_with_its_sentence),
	TEST(test_users_cannot_see_each_others_areas_nor_that_they_exist),
	TEST(test_an_app_and_its_user_have_their_own_areas),
	TEST(test_users_of_every_number_have_their_own),
	TEST(test_quotas_hold_at_the_limit_and_not_beyond),
	TEST(test_sizes_of_slots_at_the_limit_and_beyond),
	TEST(test_names_at_the_limit_and_what_is_none),
	TEST(test_a_commit_is_all_or_nothing),
	TEST(test_data_that_is_withdrawn_changes_nothing),
	TEST(test_room_that_is_withdrawn_before_it_is_filled_is_size),
	TEST(test_a_list_of_changes_that_changes_under_way_is_taken_once),
	TEST(test_a_process_that_dies_in_the_middle_leaves_before_or_after),
	TEST(test_a_put_that_is_cancelled_has_one_answer_that_is_true),
	TEST(test_every_command_at_once_from_several_processes),
	TEST(test_one_owners_many_connections_hold_two_places_and_another_is_served_next),
	TEST(test_an_app_is_served_next_although_its_own_user_floods),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "nv capsule", tests, TESTS_COUNT(tests));
}
