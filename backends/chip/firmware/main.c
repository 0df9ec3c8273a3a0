/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pluton-chipd: the firmware, hosted. The line is a pseudo-terminal; the core does not know.
 *
 * The rule a newcomer would break first: the line outlives who is on it. While nobody has the other
 * end open our end is hung up all the time, so it is watched for edges, not for levels.
 */
#include <config.h>

#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "backends/chip/firmware/faults.h"
#include "backends/chip/firmware/firmware.h"
#include "backends/chip/firmware/pty.h"
#include "backends/chip/firmware/wipe.h"

#define EXIT_USAGE 2
#define READ_SIZE 4096u

/* libc looks it up, so it must not be hidden. */
__attribute__((visibility("default"))) const char *argp_program_version =
	"pluton-chipd " PACKAGE_VERSION;

struct chipd {
	const char *link;
	struct faults faults;
	struct pty pty;
	struct firmware firmware;
	uint8_t frame[FRAME_WIRE_MAX]; /* what has come of one, its flags with it */
	size_t frame_length;
};

/* --- options --------------------------------------------------------------------------------- */

static const struct argp_option option_table[] = {
	{"pty", 'p', "LINK", 0, "Serve on a pseudo-terminal that LINK then points to", 0},
	{"faults", 'f', "SPEC", 0,
	 "Do wrong on purpose: drop, corrupt, duplicate, garbage, delay, reboot=N once in N "
	 "frames; delay_ms=MS; seed=N",
	 0},
	{0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct chipd *chipd = state->input;

	switch (key) {
	case 'p':
		chipd->link = argument;
		return 0;
	case 'f':
		if (!faults_parse(argument, &chipd->faults))
			argp_error(state, "no such faults, %s, write drop=50,seed=7", argument);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "one argument too many, %s, it takes options only", argument);
		return 0;
	case ARGP_KEY_END:
		if (!chipd->link)
			argp_error(state, "the path is missing, --pty=LINK, see --help");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse,
	.doc = "A chip for plutond's backend `chip' where there is none: the firmware of the "
	       "native "
	       "link, on a pseudo-terminal.",
};

/* --- the line -------------------------------------------------------------------------------- */

/* What the line does not take is lost, as on any line. */
static void put(struct chipd *chipd, const uint8_t *octets, size_t length)
{
	(void)!write(chipd->pty.fd, octets, length);
}

static void put_garbage(struct chipd *chipd)
{
	uint8_t octets[24];

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)faults_random(&chipd->faults, 256);
	put(chipd, octets, sizeof(octets));
}

/* Busy: it says so four times, or each tenth of a second, and does not listen meanwhile. */
static void dawdle(struct chipd *chipd)
{
	uint32_t pause_ms = chipd->faults.delay_ms / 4 < 100 ? chipd->faults.delay_ms / 4 : 100;
	const uint8_t *octets;

	for (uint32_t past_ms = 0; past_ms < chipd->faults.delay_ms; past_ms += pause_ms + 1) {
		size_t length = firmware_wait(&chipd->firmware, &octets);

		put(chipd, octets, length);
		poll(NULL, 0, (int)pause_ms);
	}
}

static void answer(struct chipd *chipd, const uint8_t *octets, size_t length)
{
	uint8_t sent[FRAME_WIRE_MAX];
	bool twice = faults_roll(&chipd->faults, FAULT_DUPLICATE);

	if (faults_roll(&chipd->faults, FAULT_DELAY))
		dawdle(chipd);
	if (faults_roll(&chipd->faults, FAULT_DROP))
		return;
	if (faults_roll(&chipd->faults, FAULT_GARBAGE))
		put_garbage(chipd);
	memcpy(sent, octets, length);
	if (faults_roll(&chipd->faults, FAULT_CORRUPT))
		sent[faults_random(&chipd->faults, (uint32_t)length)] ^= 0x04;
	put(chipd, sent, length);
	if (twice)
		put(chipd, sent, length);
	firmware_wipe(sent, sizeof(sent));
}

/* --- the chip -------------------------------------------------------------------------------- */

static void reset(struct chipd *chipd)
{
	uint8_t boot[WIRE_NONCE_SIZE];

	if (getrandom(boot, sizeof(boot), 0) != (ssize_t)sizeof(boot))
		abort();
	firmware_reset(&chipd->firmware, boot);
}

static void execute(struct chipd *chipd)
{
	const uint8_t *octets;

	for (size_t i = 0; i < chipd->frame_length; i++) {
		size_t length = firmware_take(&chipd->firmware, chipd->frame[i], &octets);

		if (length)
			answer(chipd, octets, length);
	}
}

static void take_frame(struct chipd *chipd)
{
	if (faults_roll(&chipd->faults, FAULT_REBOOT))
		reset(chipd);
	if (faults_roll(&chipd->faults, FAULT_DROP))
		return;
	if (faults_roll(&chipd->faults, FAULT_CORRUPT))
		chipd->frame[faults_random(&chipd->faults, (uint32_t)chipd->frame_length)] ^= 0x20;
	execute(chipd);
	if (faults_roll(&chipd->faults, FAULT_DUPLICATE))
		execute(chipd);
}

/* Faults come in frames, so what comes is gathered up to each flag that ends one. */
static void take_octet(struct chipd *chipd, uint8_t octet)
{
	bool ends = octet == FRAME_FLAG && chipd->frame_length > 1;

	chipd->frame[chipd->frame_length++] = octet;
	if (!ends && chipd->frame_length < sizeof(chipd->frame))
		return;
	take_frame(chipd);
	firmware_wipe(chipd->frame, chipd->frame_length);
	chipd->frame_length = 0;
}

/* false: the line has no more for now. */
static bool take_some(struct chipd *chipd)
{
	uint8_t octets[READ_SIZE];
	ssize_t n = read(chipd->pty.fd, octets, sizeof(octets));

	for (ssize_t i = 0; i < n; i++)
		take_octet(chipd, octets[i]);
	firmware_wipe(octets, n > 0 ? (size_t)n : 0);
	return n > 0;
}

/* --- the program ----------------------------------------------------------------------------- */

static int watch(int epoll, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Signals are looked for between any two reads: a line may never be empty. */
static int serve(struct chipd *chipd, int epoll, int signals)
{
	struct epoll_event event;
	bool more = false;

	for (;;) {
		int n = epoll_wait(epoll, &event, 1, more ? 0 : -1);

		if (n < 0 && errno != EINTR)
			return EXIT_FAILURE;
		if (n == 1 && event.data.fd == signals)
			return EXIT_SUCCESS;
		if (n == 1 || more)
			more = take_some(chipd);
	}
}

static int run(struct chipd *chipd)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), signals, status;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (epoll < 0 || signals < 0 || watch(epoll, signals, EPOLLIN) < 0 ||
	    watch(epoll, chipd->pty.fd, EPOLLIN | EPOLLET) < 0) {
		perror("pluton-chipd: cannot wait for the line");
		return EXIT_FAILURE;
	}
	printf("%s -> %s\n", chipd->pty.link, chipd->pty.name);
	fflush(stdout);
	status = serve(chipd, epoll, signals);
	close(signals);
	close(epoll);
	return status;
}

int main(int argc, char **argv)
{
	static struct chipd chipd;
	int status;

	argp_err_exit_status = EXIT_USAGE;
	faults_parse(NULL, &chipd.faults);
	if (argp_parse(&argp, argc, argv, 0, NULL, &chipd) != 0)
		return EXIT_USAGE;
	reset(&chipd);
	if (pty_open(&chipd.pty, chipd.link) < 0) {
		fprintf(stderr, "pluton-chipd: cannot make the pseudo-terminal, %s: %s\n",
			chipd.link, strerror(errno));
		return EXIT_FAILURE;
	}
	status = run(&chipd);
	pty_close(&chipd.pty);
	firmware_wipe(&chipd, sizeof(chipd));
	return status;
}
