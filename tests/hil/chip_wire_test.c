/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes over the wire to a chip with a buffer of 256 bytes: a tap between the backend and
 * pluton-chipd passes all octets on, and counts frames. And what a chip that goes does to its
 * operations, and a line that does wrong.
 */
#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "tests/hil/chip_line.h"
#include "tests/hil/material.h"

static struct material m;
static struct client client;
static struct chipd chipd;
static struct bench_maker plain, tapped; /* its line, and its line behind the tap */

/* --- the tap --------------------------------------------------------------------------------- */

struct direction {
	struct event event;
	int from;
	int to;
	struct frame_parser parser;
	size_t since_flag;   /* octets */
	size_t longest;	     /* of them between two flags */
	size_t longest_data; /* of any frame */
	unsigned frames;
	unsigned aborts;
	unsigned puts[16]; /* by item */
	size_t put_bytes[16];
	uint8_t input[MATERIAL_MAX]; /* the data of all PUTs of input, in a row */
};

static struct tap {
	int master;
	int slave; /* so that the line is never hung up */
	int chip;
	char path[64];
	struct direction down, up;
} tap;

static void note(struct direction *direction, const struct frame *frame)
{
	size_t *bytes = &direction->put_bytes[frame->item % 16];

	direction->frames++;
	if (frame->length > direction->longest_data)
		direction->longest_data = frame->length;
	direction->aborts += frame->type == WIRE_ABORT;
	if (frame->type != WIRE_PUT)
		return;
	if (frame->item == WIRE_ITEM_INPUT && *bytes + frame->length <= MATERIAL_MAX)
		memcpy(direction->input + *bytes, frame->data, frame->length);
	direction->puts[frame->item % 16]++;
	*bytes += frame->length;
}

static void pass(evutil_socket_t fd, short events, void *context)
{
	struct direction *direction = context;
	uint8_t octets[512];
	ssize_t n = read(fd, octets, sizeof(octets));
	struct frame frame;

	(void)events;
	for (ssize_t i = 0; i < n; i++) {
		direction->since_flag = octets[i] == FRAME_FLAG ? 0 : direction->since_flag + 1;
		if (direction->since_flag > direction->longest)
			direction->longest = direction->since_flag;
		if (frame_parse(&direction->parser, octets[i], &frame))
			note(direction, &frame);
	}
	CU_ASSERT(n <= 0 || write(direction->to, octets, (size_t)n) == n);
}

static void watch(struct direction *direction, int from, int to)
{
	memset(direction, 0, sizeof(*direction));
	direction->from = from;
	direction->to = to;
	event_assign(&direction->event, chip_line_base(), from, EV_READ | EV_PERSIST, pass,
		     direction);
	event_add(&direction->event, NULL);
}

static void make_raw(int fd)
{
	struct termios termios;

	CU_ASSERT_FATAL(tcgetattr(fd, &termios) == 0);
	cfmakeraw(&termios);
	CU_ASSERT_FATAL(tcsetattr(fd, TCSANOW, &termios) == 0);
}

static void open_tap(void)
{
	tap.chip = open(chipd.path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	tap.master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	CU_ASSERT_FATAL(tap.chip >= 0 && tap.master >= 0);
	CU_ASSERT_FATAL(unlockpt(tap.master) == 0);
	CU_ASSERT_FATAL(ptsname_r(tap.master, tap.path, sizeof(tap.path)) == 0);
	tap.slave = open(tap.path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	make_raw(tap.chip);
	make_raw(tap.slave);
	watch(&tap.down, tap.master, tap.chip);
	watch(&tap.up, tap.chip, tap.master);
}

static void close_tap(void)
{
	event_del(&tap.down.event);
	event_del(&tap.up.event);
	close(tap.slave);
	close(tap.master);
	close(tap.chip);
}

static int open_tapped(struct bench *bench)
{
	open_tap();
	return chip_line_open(bench, tap.path);
}

static void close_tapped(struct bench *bench)
{
	chip_line_close(bench);
	close_tap();
}

/* Frames from here on are counted anew. */
static void forget_frames(void)
{
	struct direction *const directions[] = {&tap.down, &tap.up};

	for (size_t i = 0; i < 2; i++) {
		directions[i]->frames = directions[i]->aborts = 0;
		memset(directions[i]->puts, 0, sizeof(directions[i]->puts));
		memset(directions[i]->put_bytes, 0, sizeof(directions[i]->put_bytes));
	}
}

static unsigned frames_of(size_t length)
{
	return (unsigned)((length + 255) / 256);
}

/* --- frames and pulls ------------------------------------------------------------------------ */

static const size_t lengths[] = {0, 1, 255, 256, 257, 511, 512, 513, 4095, 4096, 8192};
#define LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

static void test_a_digest_pulls_and_sends_each_byte_once_256_at_a_time(void)
{
	struct bench bench;

	bench_use(&tapped);
	bench_open(&bench);
	for (size_t i = 0; i < LENGTHS; i++) {
		material_digest(&m, &client, lengths[i]);
		forget_frames();
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(memcmp(client.result_digest, m.expected, 32) == 0);
		EXPECT(client.callbacks == frames_of(lengths[i]) + 1); /* pulls, and the push */
		EXPECT(client.pulled == lengths[i] && !client.read_twice);
		EXPECT(tap.down.puts[WIRE_ITEM_INPUT] == frames_of(lengths[i]));
		EXPECT(tap.down.put_bytes[WIRE_ITEM_INPUT] == lengths[i]);
		EXPECT(memcmp(tap.down.input, m.input, lengths[i]) == 0);
		EXPECT(tap.down.frames == frames_of(lengths[i]) + 2); /* BEGIN, GET */
		EXPECT(tap.up.frames == tap.down.frames);
	}
	bench_close(&bench);
}

static void test_short_answers_of_the_client_still_fill_frames(void)
{
	struct bench bench;

	bench_use(&tapped);
	bench_open(&bench);
	for (size_t chunk = 1; chunk < 300; chunk += 37) {
		material_digest(&m, &client, 1000);
		client.pull_chunk = chunk;
		forget_frames();
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(tap.down.puts[WIRE_ITEM_INPUT] == 4);
		EXPECT(memcmp(tap.down.input, m.input, 1000) == 0);
	}
	bench_close(&bench);
}

static void test_encryption_sends_each_byte_once_and_pushes_what_comes_back(void)
{
	struct bench bench;

	bench_use(&tapped);
	bench_open(&bench);
	for (size_t i = 0; i < LENGTHS; i++) {
		unsigned frames = frames_of(lengths[i]);

		material_gcm_encrypt(&m, &client, 300, lengths[i]);
		forget_frames();
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(material_came_out(&m, &client));
		/* key, IV, two pulls of AAD, a pull and a push for each frame, the tag */
		EXPECT(client.callbacks == 5 + 2 * frames);
		EXPECT(tap.down.puts[WIRE_ITEM_AAD] == 2);
		EXPECT(tap.down.puts[WIRE_ITEM_INPUT] == frames);
		EXPECT(tap.down.put_bytes[WIRE_ITEM_INPUT] == lengths[i]);
		EXPECT(memcmp(tap.down.input, m.input, lengths[i]) == 0);
		EXPECT(tap.down.puts[WIRE_ITEM_KEY] == 1 && tap.down.puts[WIRE_ITEM_IV] == 1);
	}
	bench_close(&bench);
}

/* The price of a chip that keeps no message: the wire carries it twice, the client gives it once.
 */
static void test_authenticated_decryption_sends_the_message_twice_and_pulls_it_once(void)
{
	struct bench bench;

	bench_use(&tapped);
	bench_open(&bench);
	material_gcm_decrypt(&m, &client, 20, 4000);
	forget_frames();
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(material_came_out(&m, &client));
	EXPECT(client.pulled == 4000 && !client.read_twice);
	EXPECT(tap.down.put_bytes[WIRE_ITEM_INPUT] == 4000);
	EXPECT(tap.down.put_bytes[WIRE_ITEM_AGAIN] == 4000);
	bench_close(&bench);
}

static void test_a_wrong_tag_sends_nothing_a_second_time(void)
{
	struct bench bench;

	bench_use(&tapped);
	bench_open(&bench);
	material_gcm_decrypt(&m, &client, 20, 4000);
	client.tag[0] ^= 1;
	forget_frames();
	EXPECT(bench_run(&bench, &client) == -PLUTON_EINVAL);
	EXPECT(tap.down.puts[WIRE_ITEM_AGAIN] == 0 && material_is_untouched(&m));
	bench_close(&bench);
}

/* Its key must not stay in the chip, however it ends. */
static void test_the_chip_is_told_to_forget_whatever_it_did_not_finish(void)
{
	struct bench bench;

	bench_use(&tapped);
	bench_open(&bench);
	for (unsigned callback = 1; callback <= 6; callback++) {
		for (int cancels = 0; cancels < 2; cancels++) {
			material_gcm_encrypt(&m, &client, 20, 600);
			client.trouble = cancels ? TROUBLE_CANCEL : TROUBLE_ERROR;
			client.trouble_error = -PLUTON_ENOACK;
			client.trouble_at = callback;
			forget_frames();
			EXPECT(bench_run(&bench, &client) < 0);
			EXPECT(tap.down.aborts == 1);
		}
	}
	material_ctr(&m, &client, 100);
	forget_frames();
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(tap.down.aborts == 1); /* nothing is to be got at its end */
	material_gcm_encrypt(&m, &client, 20, 600);
	forget_frames();
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(tap.down.aborts == 0); /* the tag was its end */
	bench_close(&bench);
}

static void test_no_frame_is_over_the_maximum_whatever_the_octets(void)
{
	struct bench bench;

	bench_use(&tapped);
	bench_open(&bench);
	material_gcm_encrypt(&m, &client, 1000, 8192);
	memset(m.input, FRAME_FLAG, sizeof(m.input)); /* all are stuffed */
	memset(m.aad, FRAME_ESCAPE, sizeof(m.aad));
	material_expect_aead(&m, &client);
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(material_came_out(&m, &client));
	EXPECT(tap.down.longest_data == 256 && tap.up.longest_data == 256);
	EXPECT(tap.down.longest > 2 * 256 && tap.down.longest <= FRAME_WIRE_MAX - 2);
	EXPECT(tap.up.longest <= FRAME_WIRE_MAX - 2);
	EXPECT(tap.down.parser.refused == 0 && tap.up.parser.refused == 0);
	bench_close(&bench);
}

static void test_no_secret_goes_out_before_the_chip_has_said_hello(void)
{
	struct bench bench;
	unsigned hellos;

	bench_use(&tapped);
	bench_open(&bench);
	hellos = tap.down.frames;
	EXPECT(hellos >= 1 && tap.up.frames >= 1);
	for (unsigned item = 0; item < 16; item++)
		EXPECT(tap.down.puts[item] == 0);
	bench_close(&bench);
}

/* --- a chip that goes, and comes back -------------------------------------------------------- */

static bool drive_until_pulled(struct bench *bench, size_t bytes)
{
	while (client.pulled < bytes && client.dones == 0)
		bench_turn(bench, 1);
	return client.dones == 0;
}

static void test_a_chip_that_vanishes_ends_its_operation_with_nodevice_and_is_taken_back(void)
{
	struct bench bench;

	bench_use(&plain);
	bench_open(&bench);
	material_digest(&m, &client, 4000);
	EXPECT(client_start(&client, bench_engine(&bench, HIL_DIGEST)) == 0);
	EXPECT(drive_until_pulled(&bench, 1000));
	chipd_kill(&chipd);
	while (client.dones == 0)
		bench_turn(&bench, 1);
	EXPECT(client.result == -PLUTON_ENODEVICE && client.digests == 0);
	chip_line_until(&bench, false);
	EXPECT(bench_run(&bench, &client) == -PLUTON_ENODEVICE);
	chipd_start(&chipd, NULL);
	chip_line_until(&bench, true);
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(memcmp(client.result_digest, m.expected, 32) == 0);
	bench_close(&bench);
}

static void test_a_stream_does_not_outlive_the_boot_of_its_chip(void)
{
	struct bench bench;

	bench_use(&plain);
	bench_open(&bench);
	material_digest(&m, &client, 100);
	client.digest_request.phase = HIL_FIRST;
	EXPECT(bench_run(&bench, &client) == 0);
	chipd_kill(&chipd);
	chipd_start(&chipd, NULL);
	chip_line_until(&bench, false);
	chip_line_until(&bench, true);
	client.digest_request.phase = HIL_LAST;
	EXPECT(bench_run(&bench, &client) == -PLUTON_ENODEVICE);
	EXPECT(client.digests == 0);
	bench_close(&bench);
}

/* hil_select reads the checker's copy of the head: it must know what the engine knows. */
static void test_the_next_engine_is_selected_while_the_chip_is_away(void)
{
	struct hil_port port = {.kind = HIL_DIGEST, .count = 1};
	const struct digest_request request = {DIGEST_SHA256, HIL_ONE_SHOT, 10};
	struct hil_engine *engine;
	struct bench bench;

	bench_use(&plain);
	bench_open(&bench);
	port.engines[0] = bench_engine(&bench, HIL_DIGEST);
	EXPECT(hil_select(&port, &request, digest_check, &engine) == 0);
	chipd_kill(&chipd);
	chip_line_until(&bench, false);
	EXPECT(hil_select(&port, &request, digest_check, &engine) == -PLUTON_ENODEVICE);
	chipd_start(&chipd, NULL);
	chip_line_until(&bench, true);
	EXPECT(hil_select(&port, &request, digest_check, &engine) == 0);
	bench_close(&bench);
}

/* --- the tty --------------------------------------------------------------------------------- */

static char reported[512];

static void report(enum pluton_log_level level, const char *device, const char *sentence)
{
	(void)level;
	EXPECT(strstr(sentence, device) != NULL);
	snprintf(reported, sizeof(reported), "%s", sentence);
}

/* A second backend beside the bench's own. */
static struct backend_instance *open_second(struct bench *bench, const char *device)
{
	static struct backend_environment environment;
	const struct chip_options options = {.device = device,
					     .timeout_ms = 5000,
					     .retries = 3,
					     .backoff_max_ms = BACKOFF_MAX_MS};
	struct backend_instance *instance = NULL;

	environment = (struct backend_environment){.deferred = &bench->deferred,
						   .interrupts = &bench->interrupts,
						   .aead_scratch = CHIP_LINE_SCRATCH,
						   .workers = 1,
						   .base = chip_line_base(),
						   .report_device = report};
	*reported = '\0';
	EXPECT(chip_backend_open_with(&environment, &options, &instance) == 0);
	return instance;
}

static void test_a_path_that_cannot_be_used_is_named_with_the_reason_and_no_engine_is_there(void)
{
	static const struct {
		const char *path, *why;
	} paths[] = {
		{"/dev/null", "it is no tty"},
		{"/nowhere/tty", "No such file or directory"},
		{"/", "Is a directory"},
	};
	struct bench bench;

	bench_use(&plain);
	bench_open(&bench);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct backend_instance *second = open_second(&bench, paths[i].path);

		EXPECT(strstr(reported, paths[i].path) && strstr(reported, paths[i].why));
		EXPECT(second->engines[HIL_DIGEST]->absent && second->engines[HIL_AES]->absent);
		chip_backend_close(second);
	}
	bench_close(&bench);
}

static void test_a_tty_that_another_has_is_left_alone_until_it_is_free(void)
{
	struct backend_instance *second;
	struct bench bench;

	bench_use(&plain);
	bench_open(&bench);
	second = open_second(&bench, chipd.path);
	EXPECT(strstr(reported, "another program has it") != NULL);
	material_digest(&m, &client, 1000);
	EXPECT(bench_run(&bench, &client) == 0);
	bench_close(&bench);
	while (second->engines[HIL_DIGEST]->absent)
		event_base_loop(chip_line_base(), EVLOOP_ONCE);
	EXPECT(strstr(reported, "is there") != NULL);
	chip_backend_close(second);
}

static void test_a_line_is_taken_over_from_one_that_died_in_the_middle_of_a_frame(void)
{
	struct bench bench;
	int fd = open(chipd.path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	make_raw(fd);
	EXPECT(write(fd, "\x7e\x10\x01\x00\x00half a frame", 17) == 17);
	close(fd);
	bench_use(&plain);
	bench_open(&bench);
	material_digest(&m, &client, 1000);
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(memcmp(client.result_digest, m.expected, 32) == 0);
	bench_close(&bench);
}

/* --- a line that does wrong ------------------------------------------------------------------ */

/* Half a dozen messages each way: right, or FAIL or NODEVICE, and right again at last. */
static unsigned run_many(struct bench *bench)
{
	unsigned right = 0;

	for (unsigned i = 0; i < 40; i++) {
		int r;

		if (bench->inner[HIL_AES]->absent)
			chip_line_until(bench, true);
		material_gcm_encrypt(&m, &client, i, 700 + i);
		r = bench_run(bench, &client);
		EXPECT(r == 0 || r == -PLUTON_EFAIL || r == -PLUTON_ENODEVICE);
		EXPECT(r < 0 || material_came_out(&m, &client));
		right += r == 0;
	}
	return right;
}

static void with_faults(const char *faults, unsigned right_min)
{
	struct chipd other = {.pid = 0};
	struct bench_maker faulty;
	struct bench bench;

	chipd_start(&other, faults);
	faulty = chip_line_maker("chip wire, faults", &other);
	chip_line_hurry(true);
	bench_use(&faulty);
	bench_open(&bench);
	EXPECT(run_many(&bench) >= right_min);
	bench_close(&bench);
	chip_line_hurry(false);
	chipd_end(&other);
	plain = chip_line_maker("chip wire", &chipd);
}

static void test_lost_frames_are_asked_for_again(void)
{
	with_faults("drop=15,seed=1", 40);
}

static void test_corrupted_frames_are_asked_for_again(void)
{
	with_faults("corrupt=15,seed=2", 40);
}

static void test_frames_that_come_twice_change_nothing(void)
{
	with_faults("duplicate=2,seed=3", 40);
}

static void test_garbage_between_frames_changes_nothing(void)
{
	with_faults("garbage=2,seed=4", 40);
}

static void test_a_chip_that_says_wait_is_waited_for(void)
{
	with_faults("delay=20,delay_ms=40,seed=5", 40);
}

static void test_a_chip_that_is_reset_now_and_then_does_the_rest(void)
{
	with_faults("reboot=60,seed=6", 10);
}

static void test_all_that_together_gives_right_answers_or_errors(void)
{
	with_faults("drop=40,corrupt=40,duplicate=20,garbage=20,delay=50,delay_ms=8,reboot=200,"
		    "seed=7",
		    10);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(test_a_digest_pulls_and_sends_each_byte_once_256_at_a_time),
		TEST(test_short_answers_of_the_client_still_fill_frames),
		TEST(test_encryption_sends_each_byte_once_and_pushes_what_comes_back),
		TEST(test_authenticated_decryption_sends_the_message_twice_and_pulls_it_once),
		TEST(test_a_wrong_tag_sends_nothing_a_second_time),
		TEST(test_the_chip_is_told_to_forget_whatever_it_did_not_finish),
		TEST(test_no_frame_is_over_the_maximum_whatever_the_octets),
		TEST(test_no_secret_goes_out_before_the_chip_has_said_hello),
		TEST(test_a_chip_that_vanishes_ends_its_operation_with_nodevice_and_is_taken_back),
		TEST(test_a_stream_does_not_outlive_the_boot_of_its_chip),
		TEST(test_the_next_engine_is_selected_while_the_chip_is_away),
		TEST(test_a_path_that_cannot_be_used_is_named_with_the_reason_and_no_engine_is_there),
		TEST(test_a_tty_that_another_has_is_left_alone_until_it_is_free),
		TEST(test_a_line_is_taken_over_from_one_that_died_in_the_middle_of_a_frame),
		TEST(test_lost_frames_are_asked_for_again),
		TEST(test_corrupted_frames_are_asked_for_again),
		TEST(test_frames_that_come_twice_change_nothing),
		TEST(test_garbage_between_frames_changes_nothing),
		TEST(test_a_chip_that_says_wait_is_waited_for),
		TEST(test_a_chip_that_is_reset_now_and_then_does_the_rest),
		TEST(test_all_that_together_gives_right_answers_or_errors),
	};
	int status;

	chipd_start(&chipd, NULL);
	plain = tapped = chip_line_maker("chip wire", &chipd);
	tapped.open = open_tapped;
	tapped.close = close_tapped;
	status = suite_main(argc, argv, "chip wire", tests, TESTS_COUNT(tests));
	chipd_end(&chipd);
	return status;
}
