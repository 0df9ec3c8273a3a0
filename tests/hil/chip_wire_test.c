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

#define TYPES 0x20 /* of requests; an answer counts as its request's */
#define ITEMS (WIRE_ITEM_STATE + 1)

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
	struct tally {
		unsigned frames;
		unsigned full; /* with 256 octets of data */
		size_t bytes;
	} tallies[TYPES][ITEMS];
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
	uint8_t type = frame->type & (uint8_t)~WIRE_ANSWER;
	struct tally *tally;

	direction->frames++;
	if (frame->length > direction->longest_data)
		direction->longest_data = frame->length;
	if (type >= TYPES || frame->item >= ITEMS)
		return;
	tally = &direction->tallies[type][frame->item];
	if (frame->type == WIRE_PUT && frame->item == WIRE_ITEM_INPUT &&
	    tally->bytes + frame->length <= MATERIAL_MAX)
		memcpy(direction->input + tally->bytes, frame->data, frame->length);
	tally->frames++;
	tally->full += frame->length == 256;
	tally->bytes += frame->length;
}

static const struct tally *asked(uint8_t type, uint8_t item)
{
	return &tap.down.tallies[type][item];
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
		directions[i]->frames = 0;
		memset(directions[i]->tallies, 0, sizeof(directions[i]->tallies));
	}
}

static unsigned frames_of(size_t length)
{
	return (unsigned)((length + 255) / 256);
}

/* --- frames and pulls ------------------------------------------------------------------------ */

/* What docs/chip-link.md says that a start is on the wire: frames by item, and callbacks. */
struct talk {
	unsigned puts[ITEMS], gets[ITEMS], aborts;
	unsigned callbacks;
	size_t input; /* octets, all of which come out again if it is AES */
	bool opens;   /* authenticated decryption */
};

static void expect_digest_talk(struct talk *talk)
{
	enum hil_phase phase = client.digest_request.phase;

	talk->input = client.digest_request.length;
	talk->puts[WIRE_ITEM_STATE] = !(phase & HIL_FIRST);
	talk->gets[phase & HIL_LAST ? WIRE_ITEM_DIGEST : WIRE_ITEM_STATE] = 1;
}

static void expect_aes_talk(struct talk *talk)
{
	const struct aes_request *request = &client.aes_request;
	bool first = request->phase & HIL_FIRST, last = request->phase & HIL_LAST;
	bool gcm = request->mode == AES_GCM;

	talk->input = request->length;
	talk->opens = gcm && request->direction == AES_DECRYPT;
	talk->puts[WIRE_ITEM_KEY] = first;
	talk->puts[gcm ? WIRE_ITEM_IV : WIRE_ITEM_COUNTER] = first;
	talk->puts[WIRE_ITEM_STATE] = !first;
	talk->puts[WIRE_ITEM_AAD] = frames_of(request->aad_length);
	talk->puts[WIRE_ITEM_TAG] = talk->opens;
	talk->puts[WIRE_ITEM_AGAIN] = talk->opens ? frames_of(request->length) : 0;
	talk->gets[WIRE_ITEM_STATE] = !last;
	talk->gets[WIRE_ITEM_TAG] = last && gcm && !talk->opens;
	talk->aborts = last && !talk->gets[WIRE_ITEM_TAG]; /* nothing is to be got at its end */
	talk->callbacks = frames_of(request->length);	   /* pushes */
}

/* Each frame is one pull or push, but for what is opened: pulled whole, and on the wire twice. */
static unsigned callbacks_of(const struct talk *talk)
{
	unsigned callbacks = talk->callbacks;

	for (unsigned item = 0; item < ITEMS; item++)
		callbacks += talk->puts[item] + talk->gets[item];
	if (talk->opens)
		callbacks -= talk->puts[WIRE_ITEM_INPUT] + talk->puts[WIRE_ITEM_AGAIN] -
			     (talk->input > 0);
	return callbacks;
}

/* Of what goes in pieces each frame is full, but for the last. */
static void expect_pieces(const struct tally *tally, unsigned frames, size_t bytes)
{
	EXPECT(tally->frames == frames);
	EXPECT(frames == 0 || (tally->bytes == bytes && tally->full == bytes / 256));
}

static void expect_frames(const struct talk *talk)
{
	unsigned frames = 1 + talk->aborts;

	EXPECT(asked(WIRE_BEGIN, WIRE_ITEM_NONE)->frames == 1);
	EXPECT(asked(WIRE_ABORT, WIRE_ITEM_NONE)->frames == talk->aborts);
	for (uint8_t item = 0; item < ITEMS; item++) {
		EXPECT(asked(WIRE_PUT, item)->frames == talk->puts[item]);
		EXPECT(asked(WIRE_GET, item)->frames == talk->gets[item]);
		EXPECT(asked(WIRE_GET, item)->bytes == 0);
		frames += talk->puts[item] + talk->gets[item];
	}
	EXPECT(tap.down.frames == frames && tap.up.frames == frames);
	EXPECT(tap.down.longest_data <= 256 && tap.up.longest_data <= 256);
}

/* What has just run, on the wire and for the client, to the frame and to the callback. */
static void expect_exact_talk(void)
{
	const struct tally *out = &tap.up.tallies[WIRE_PUT][WIRE_ITEM_INPUT];
	const struct tally *again = &tap.up.tallies[WIRE_PUT][WIRE_ITEM_AGAIN];
	struct talk talk = {0};
	unsigned frames;

	if (client.kind == HIL_DIGEST)
		expect_digest_talk(&talk);
	else
		expect_aes_talk(&talk);
	frames = frames_of(talk.input);
	talk.puts[WIRE_ITEM_INPUT] = frames;
	expect_frames(&talk);
	expect_pieces(asked(WIRE_PUT, WIRE_ITEM_INPUT), frames, talk.input);
	expect_pieces(asked(WIRE_PUT, WIRE_ITEM_AGAIN), talk.puts[WIRE_ITEM_AGAIN], talk.input);
	expect_pieces(asked(WIRE_PUT, WIRE_ITEM_AAD), talk.puts[WIRE_ITEM_AAD],
		      client.aes_request.aad_length);
	EXPECT(memcmp(tap.down.input, client.input, talk.input) == 0);
	EXPECT(client.callbacks == callbacks_of(&talk));
	EXPECT(client.pulled == talk.input && !client.read_twice);
	EXPECT(out->bytes == (client.kind == HIL_AES && !talk.opens ? talk.input : 0));
	EXPECT(again->bytes == (talk.opens ? talk.input : 0));
}

static void make_digest(size_t length)
{
	material_digest(&m, &client, length);
}

static void make_ctr(size_t length)
{
	material_ctr(&m, &client, length);
}

static void make_gcm(size_t length)
{
	material_gcm_encrypt(&m, &client, 300, length);
}

static void make_gcm_to_open(size_t length)
{
	material_gcm_decrypt(&m, &client, 512, length);
}

static bool came_out(void)
{
	return client.kind == HIL_DIGEST ? memcmp(client.result_digest, m.expected, 32) == 0
					 : material_came_out(&m, &client);
}

static void in_one(void (*make)(size_t length), size_t length_max)
{
	static const size_t lengths[] = {0, 1, 255, 256, 257, 511, 512, 513, 768, 4095, 4096, 8192};
	struct bench bench;

	bench_use(&tapped);
	bench_open(&bench);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]) && lengths[i] <= length_max;
	     i++) {
		make(lengths[i]);
		forget_frames();
		EXPECT(bench_run(&bench, &client) == 0);
		EXPECT(came_out());
		expect_exact_talk();
	}
	bench_close(&bench);
}

static void test_a_digest_pulls_and_sends_each_byte_once_256_at_a_time(void)
{
	in_one(make_digest, 8192);
}

static void test_ctr_sends_each_byte_once_and_pushes_what_comes_back(void)
{
	in_one(make_ctr, 8192);
}

static void test_gcm_sends_each_byte_once_and_pushes_what_comes_back(void)
{
	in_one(make_gcm, 8192);
}

/* The price of a chip that keeps no message: the wire carries it twice, the client gives it once.
 */
static void test_gcm_that_is_opened_is_sent_twice_and_pulled_once(void)
{
	in_one(make_gcm_to_open, CHIP_LINE_SCRATCH);
}

static void test_gcm_that_is_opened_from_sealed_memory_is_sent_twice_and_lent_once(void)
{
	struct bench bench;

	bench_use(&tapped);
	bench_open(&bench);
	make_gcm_to_open(8000);
	client.aes_request.input_sealed = true;
	client.lends_input = true;
	forget_frames();
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(came_out());
	EXPECT(client.lends == 1);
	expect_pieces(asked(WIRE_PUT, WIRE_ITEM_INPUT), 32, 8000);
	expect_pieces(asked(WIRE_PUT, WIRE_ITEM_AGAIN), 32, 8000);
	bench_close(&bench);
}

/* Three starts of one stream; between them nothing of it is in the chip. */
static void in_three(void (*make)(size_t length))
{
	static const size_t lengths[] = {0, 1, 255, 256, 257, 513, 2048};
	static const enum hil_phase phases[] = {HIL_FIRST, HIL_MIDDLE, HIL_LAST};
	struct bench bench;

	bench_use(&tapped);
	bench_open(&bench);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		make(3 * lengths[i]);
		for (size_t phase = 0; phase < 3; phase++) {
			forget_frames();
			EXPECT(material_start_of_stream(&bench, &client, phases[phase],
							lengths[i]) == 0);
			expect_exact_talk();
			if (phase < 2)
				material_go_on(&client, lengths[i]);
		}
		EXPECT(client.kind != HIL_DIGEST || came_out());
		EXPECT(client.kind != HIL_AES || memcmp(m.output, m.expected, 3 * lengths[i]) == 0);
	}
	bench_close(&bench);
}

static void test_each_start_of_a_digest_s_stream_moves_its_state_and_input_and_no_more(void)
{
	in_three(make_digest);
}

static void test_each_start_of_a_ctr_stream_moves_its_state_and_input_and_no_more(void)
{
	in_three(make_ctr);
}

static void test_each_start_of_a_gcm_stream_moves_its_state_and_input_and_no_more(void)
{
	in_three(make_gcm);
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
		EXPECT(asked(WIRE_PUT, WIRE_ITEM_INPUT)->frames == 4);
		EXPECT(memcmp(tap.down.input, m.input, 1000) == 0);
	}
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
	EXPECT(asked(WIRE_PUT, WIRE_ITEM_AGAIN)->frames == 0 && material_is_untouched(&m));
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
			EXPECT(asked(WIRE_ABORT, WIRE_ITEM_NONE)->frames == 1);
		}
	}
	material_ctr(&m, &client, 100);
	forget_frames();
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(asked(WIRE_ABORT, WIRE_ITEM_NONE)->frames ==
	       1); /* nothing is to be got at its end */
	material_gcm_encrypt(&m, &client, 20, 600);
	forget_frames();
	EXPECT(bench_run(&bench, &client) == 0);
	EXPECT(asked(WIRE_ABORT, WIRE_ITEM_NONE)->frames == 0); /* the tag was its end */
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
	for (uint8_t item = 0; item < ITEMS; item++)
		EXPECT(asked(WIRE_PUT, item)->frames == 0);
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
		TEST(test_ctr_sends_each_byte_once_and_pushes_what_comes_back),
		TEST(test_gcm_sends_each_byte_once_and_pushes_what_comes_back),
		TEST(test_gcm_that_is_opened_is_sent_twice_and_pulled_once),
		TEST(test_gcm_that_is_opened_from_sealed_memory_is_sent_twice_and_lent_once),
		TEST(test_each_start_of_a_digest_s_stream_moves_its_state_and_input_and_no_more),
		TEST(test_each_start_of_a_ctr_stream_moves_its_state_and_input_and_no_more),
		TEST(test_each_start_of_a_gcm_stream_moves_its_state_and_input_and_no_more),
		TEST(test_short_answers_of_the_client_still_fill_frames),
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
