/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both ends of the native link on whatever comes from the line. The first octet chooses: the chip,
 * greeted or not, or the host in each of its states; and whether the rest are octets of the line or
 * frames, whose CRC no fuzzer would guess. Found: crashes, what sanitizers see, answers that come
 * twice, and a request that is never answered.
 */
#include <stdlib.h>
#include <string.h>

#include "backends/chip/firmware/firmware.h"
#include "backends/chip/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct link line;
static struct firmware chip;
static uint64_t now;
static unsigned answers;
static uint8_t sent[FRAME_WIRE_MAX];
static size_t sent_length;

static void send_octets(void *context, const uint8_t *octets, size_t length)
{
	(void)context;
	memcpy(sent, octets, length);
	sent_length = length;
}

static uint64_t now_ms(void *context)
{
	(void)context;
	return now;
}

/* All zeros, so that a fuzzer can find the number and the nonce. */
static void random_octets(void *context, uint8_t *octets, size_t length)
{
	(void)context;
	memset(octets, 0, length);
}

static void up(void *context, const struct chip_caps *caps)
{
	(void)context;
	if (caps->buffer > FRAME_DATA_MAX)
		abort();
}

static void down(void *context, const char *why)
{
	(void)context;
	(void)why;
}

static void answered(struct link_request *request, int result, const uint8_t *data, size_t length)
{
	(void)request;
	(void)result;
	if (++answers > 1 || length > FRAME_DATA_MAX || (length && !data))
		abort();
}

/* What the host says reaches a real chip, whose answer comes back. */
static void let_chip_answer(void)
{
	const uint8_t *octets;

	for (size_t i = 0; i < sent_length; i++) {
		size_t length = firmware_take(&chip, sent[i], &octets);

		if (length)
			link_receive(&line, octets, length);
	}
}

static void to_host(const uint8_t *octets, size_t length)
{
	link_receive(&line, octets, length);
}

static void to_chip(const uint8_t *octets, size_t length)
{
	const uint8_t *answer;

	for (size_t i = 0; i < length; i++) {
		if (firmware_take(&chip, octets[i], &answer) > FRAME_WIRE_MAX)
			abort();
	}
}

/*
 * The octets as they are, or as frames: type, unit, item, status, number (from the one that is
 * waited for on), length, data.
 */
static void feed(bool frames, const uint8_t *data, size_t size, const uint16_t *expected,
		 void (*to)(const uint8_t *octets, size_t length))
{
	uint8_t wire[FRAME_WIRE_MAX];

	if (!frames) {
		to(data, size);
		return;
	}
	while (size >= 6) {
		struct frame frame = {data[0], data[1], data[2], data[3], 0, data[5], data + 6};

		if (frame.length > size - 6)
			frame.length = (uint16_t)(size - 6);
		frame.sequence = (uint16_t)(*expected + data[4]);
		to(wire, frame_encode(&frame, wire));
		data += 6 + frame.length;
		size -= 6u + frame.length;
	}
}

static void fuzz_host(unsigned state, bool frames, const uint8_t *data, size_t size)
{
	static const struct link_options options = {
		.timeout_ms = 10,
		.retries = 1,
		.patience_ms = 100,
		.send = send_octets,
		.now_ms = now_ms,
		.random = random_octets,
		.up = up,
		.down = down,
	};
	struct link_request request = {.type = WIRE_PUT,
				       .unit = WIRE_UNIT_DIGEST,
				       .item = WIRE_ITEM_INPUT,
				       .length = 3,
				       .data = (const uint8_t *)"abc",
				       .answered = answered};
	bool asked = false;

	now = 1;
	answers = 0;
	link_init(&line, &options);
	link_connect(&line);
	if (state > 0)
		let_chip_answer();
	if (state > 1)
		asked = link_submit(&line, &request, line.generation) == 0;
	for (size_t i = 0; state > 2 && i < 2; i++) {
		now += 10;
		link_tick(&line); /* asked again, then given up: RESYNC is on the line */
	}
	feed(frames, data, size, &line.sequence, to_host);
	link_disconnect(&line);
	if (asked && answers != 1)
		abort();
}

static void fuzz_chip(bool greeted, bool frames, const uint8_t *data, size_t size)
{
	chip.greeted = greeted;
	feed(frames, data, size, &chip.sequence, to_chip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t boot[WIRE_NONCE_SIZE] = "bootboo";

	if (size == 0)
		return 0;
	firmware_reset(&chip, boot);
	if (data[0] & 1)
		fuzz_chip(data[0] & 2, data[0] & 8, data + 1, size - 1);
	else
		fuzz_host(data[0] >> 1 & 3, data[0] & 8, data + 1, size - 1);
	return 0;
}
