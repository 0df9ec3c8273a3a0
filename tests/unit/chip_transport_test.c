/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line to a chip, on a pseudo-terminal whose other end the test holds; time is a number. And
 * what is told of a chip that comes and goes.
 */
#include <CUnit/CUnit.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "backends/chip/news.h"
#include "backends/chip/transport.h"
#include "tests/suite.h"

static struct rig {
	struct transport transport;
	struct event_base *base;
	char folder[32];
	char path[64];
	int master; /* -1: there is no line */
	uint64_t now;
	unsigned connects, losses, failures;
	const char *why;
	size_t received;
} rig;

/* --- libevent, which the linker sends here first --------------------------------------------- */

static bool refuses; /* for want of memory */

int __real_event_add(struct event *event, const struct timeval *timeout);
int __wrap_event_add(struct event *event, const struct timeval *timeout);
int __wrap_event_add(struct event *event, const struct timeval *timeout)
{
	return refuses ? -1 : __real_event_add(event, timeout);
}

/* --- the rig --------------------------------------------------------------------------------- */

static uint64_t now_ms(void *context)
{
	(void)context;
	return rig.now;
}

static void connected(void *context)
{
	(void)context;
	rig.connects++;
}

static void received(void *context, const uint8_t *octets, size_t length)
{
	(void)context;
	(void)octets;
	rig.received += length;
}

static void gone(void *context)
{
	(void)context;
	rig.losses++;
}

static void failed(void *context, const char *why)
{
	(void)context;
	rig.failures++;
	rig.why = why;
}

/* A line of that name; who had it open keeps the old one. */
static void plug_in(void)
{
	char name[64];

	rig.master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	CU_ASSERT_FATAL(rig.master >= 0 && unlockpt(rig.master) == 0);
	CU_ASSERT_FATAL(ptsname_r(rig.master, name, sizeof(name)) == 0);
	CU_ASSERT_FATAL(symlink(name, rig.path) == 0);
}

static void unplug(void)
{
	unlink(rig.path);
	close(rig.master);
	rig.master = -1;
}

static void set_up(void)
{
	static const struct transport_options options = {
		.path = rig.path,
		.backoff_max_ms = BACKOFF_MAX_MS,
		.now_ms = now_ms,
		.connected = connected,
		.received = received,
		.gone = gone,
		.failed = failed,
	};
	struct transport_options mine = options;

	memset(&rig, 0, sizeof(rig));
	rig.now = 1000;
	rig.master = -1;
	rig.base = event_base_new();
	strcpy(rig.folder, "/tmp/pluton-line-XXXXXX");
	CU_ASSERT_FATAL(mkdtemp(rig.folder) != NULL);
	snprintf(rig.path, sizeof(rig.path), "%s/line", rig.folder);
	mine.base = rig.base;
	transport_open(&rig.transport, &mine);
}

static void tear_down(void)
{
	refuses = false;
	transport_close(&rig.transport);
	if (rig.master >= 0)
		unplug();
	unlink(rig.path);
	rmdir(rig.folder);
	event_base_free(rig.base);
}

/* The next deadline passes. How long that was. */
static uint64_t pass_time(void)
{
	uint64_t before = rig.now;

	CU_ASSERT_FATAL(transport_deadline(&rig.transport) >= rig.now);
	rig.now = transport_deadline(&rig.transport);
	transport_tick(&rig.transport);
	return rig.now - before;
}

/* What has come or gone is noticed. */
static void turn(void)
{
	event_base_loop(rig.base, EVLOOP_NONBLOCK);
}

/* --- looking for it -------------------------------------------------------------------------- */

static void test_a_path_is_looked_for_ever_more_seldom_and_its_absence_told_once(void)
{
	static const uint64_t waits[] = {50, 100, 200, 400, 800, 1600, 3000, 3000, 3000};

	set_up();
	for (size_t i = 0; i < TESTS_COUNT(waits); i++)
		CU_ASSERT_EQUAL(pass_time(), waits[i]);
	CU_ASSERT_EQUAL(rig.failures, 1);
	CU_ASSERT_STRING_EQUAL(rig.why, "No such file or directory");
	plug_in();
	CU_ASSERT_EQUAL(pass_time(), 3000);
	CU_ASSERT_EQUAL(rig.connects, 1);
	CU_ASSERT_EQUAL(transport_deadline(&rig.transport), 0);
	tear_down();
}

static void test_another_reason_is_told_too(void)
{
	set_up();
	CU_ASSERT_FATAL(symlink("/dev/null", rig.path) == 0);
	pass_time();
	pass_time();
	CU_ASSERT_EQUAL(rig.failures, 2);
	CU_ASSERT_STRING_EQUAL(rig.why, "it is no tty");
	tear_down();
}

static void test_a_tick_before_its_time_does_not_look(void)
{
	set_up();
	plug_in();
	rig.now = transport_deadline(&rig.transport) - 1;
	transport_tick(&rig.transport);
	CU_ASSERT_EQUAL(rig.connects, 0);
	tear_down();
}

static void lose_it(void)
{
	unplug();
	turn();
}

/* It is there again before anybody looks. */
static uint64_t come_and_go(void)
{
	lose_it();
	plug_in();
	return pass_time();
}

static void test_a_line_that_comes_and_goes_is_opened_ever_more_seldom(void)
{
	static const uint64_t waits[] = {0, 50, 100, 200, 400, 800, 1600, 3000, 3000};

	set_up();
	plug_in();
	pass_time();
	for (unsigned i = 0; i < TESTS_COUNT(waits); i++) {
		CU_ASSERT_EQUAL(come_and_go(), waits[i]);
		CU_ASSERT_EQUAL(rig.losses, i + 1);
		CU_ASSERT_EQUAL(rig.connects, i + 2);
	}
	tear_down();
}

static void test_a_line_that_had_stayed_for_a_minute_is_opened_at_once(void)
{
	set_up();
	plug_in();
	pass_time();
	for (unsigned i = 0; i < 9; i++)
		come_and_go();
	rig.now += BACKOFF_STEADY_MS - 1;
	CU_ASSERT_EQUAL(come_and_go(), 3000);
	rig.now += BACKOFF_STEADY_MS;
	CU_ASSERT_EQUAL(come_and_go(), 0);
	tear_down();
}

static void test_a_line_that_is_given_up_is_opened_anew(void)
{
	set_up();
	plug_in();
	pass_time();
	transport_lose(&rig.transport);
	CU_ASSERT_EQUAL(rig.losses, 1);
	transport_lose(&rig.transport); /* there is none */
	CU_ASSERT_EQUAL(rig.losses, 1);
	pass_time();
	CU_ASSERT_EQUAL(rig.connects, 2);
	tear_down();
}

/* --- without memory -------------------------------------------------------------------------- */

static void test_a_line_that_nobody_can_wait_for_is_closed_told_of_and_tried_again(void)
{
	int fd;

	set_up();
	plug_in();
	refuses = true;
	pass_time();
	CU_ASSERT_EQUAL(rig.connects, 0);
	CU_ASSERT_STRING_EQUAL(rig.why, "no memory to wait for it");
	fd = open(rig.path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	CU_ASSERT(fd >= 0); /* it is nobody's meanwhile */
	CU_ASSERT_EQUAL(ioctl(fd, TIOCGEXCL, &(int){0}), 0);
	close(fd);
	pass_time();
	refuses = false;
	pass_time();
	CU_ASSERT_EQUAL(rig.connects, 1);
	CU_ASSERT_EQUAL(write(rig.master, "abc", 3), 3);
	while (rig.received < 3)
		event_base_loop(rig.base, EVLOOP_ONCE);
	tear_down();
}

/* Until the line takes no more. What was sent last. */
static void fill(uint8_t octet)
{
	uint8_t octets[1000];

	memset(octets, octet, sizeof(octets));
	for (unsigned i = 0; i < 1000 && rig.transport.out_length == 0; i++)
		transport_send(&rig.transport, octets, sizeof(octets));
}

/* Something that came out at the other end; whether this octet was its last. */
static bool reads(uint8_t last)
{
	uint8_t octets[4096];
	ssize_t n;

	turn();
	n = read(rig.master, octets, sizeof(octets));
	return n > 0 && octets[n - 1] == last;
}

static void test_what_a_stuck_line_does_not_take_waits_and_goes_out_later(void)
{
	size_t waiting;

	set_up();
	plug_in();
	pass_time();
	fill(1);
	waiting = rig.transport.out_length;
	CU_ASSERT(waiting > 0);
	transport_send(&rig.transport, (const uint8_t[TRANSPORT_OUT_MAX]){0}, TRANSPORT_OUT_MAX);
	CU_ASSERT_EQUAL(rig.transport.out_length, waiting); /* no room: none of it */
	rig.transport.out[waiting - 1] = 2;
	while (!reads(2))
		;
	CU_ASSERT_EQUAL(rig.transport.out_length, 0);
	tear_down();
}

static bool has_unsent(uint8_t octet)
{
	return memchr(rig.transport.out, octet, sizeof(rig.transport.out)) != NULL;
}

static void test_what_cannot_wait_for_a_stuck_line_is_lost_wiped_and_the_next_goes_out(void)
{
	set_up();
	plug_in();
	pass_time();
	refuses = true;
	for (unsigned i = 0; i < 100; i++)
		transport_send(&rig.transport, (const uint8_t[1000]){7}, 1000);
	CU_ASSERT_EQUAL(rig.transport.out_length, 0);
	CU_ASSERT_FALSE(has_unsent(7));
	refuses = false;
	while (!reads(9)) /* as soon as there is room */
		transport_send(&rig.transport, (const uint8_t[]){9}, 1);
	CU_ASSERT_EQUAL(rig.losses, 0);
	tear_down();
}

static void test_nothing_unsent_outlives_its_line(void)
{
	set_up();
	plug_in();
	pass_time();
	fill(7);
	CU_ASSERT_TRUE(has_unsent(7));
	lose_it();
	CU_ASSERT_FALSE(has_unsent(7));
	tear_down();
}

/* --- who else has it ------------------------------------------------------------------------- */

/* Its lock and its exclusive mode are the other's, and stay. */
static void test_a_line_that_another_has_stays_the_others(void)
{
	struct transport other = {.fd = -1};
	int exclusive = 0;

	set_up();
	plug_in();
	pass_time();
	rig.failures = 0;
	transport_open(&other, &rig.transport.options);
	CU_ASSERT_STRING_EQUAL(rig.why, "another program has it");
	CU_ASSERT(ioctl(rig.transport.fd, TIOCGEXCL, &exclusive) == 0 && exclusive);
	transport_close(&other);
	CU_ASSERT(ioctl(rig.transport.fd, TIOCGEXCL, &exclusive) == 0 && exclusive);
	tear_down();
}

/* --- news ------------------------------------------------------------------------------------ */

static void test_a_chip_that_comes_and_goes_is_told_of_until_it_is_clear_and_then_rarely(void)
{
	struct news news = {0};
	uint64_t now = 5000;
	unsigned told = 0;

	CU_ASSERT_EQUAL(news_good(&news, now), NEWS_TOLD);
	for (unsigned i = 1; i < NEWS_BURST; i++, now += 100) {
		CU_ASSERT_EQUAL(news_trouble(&news, now), NEWS_TOLD);
		CU_ASSERT_EQUAL(news_good(&news, now), NEWS_TOLD);
	}
	CU_ASSERT_EQUAL(news_trouble(&news, now), NEWS_TOLD_LAST);
	for (unsigned i = 0; i < 36000; i++, now += 100) { /* an hour */
		enum news_telling telling =
			i % 2 ? news_good(&news, now) : news_trouble(&news, now);

		CU_ASSERT(telling == NEWS_UNTOLD || telling == NEWS_TOLD_AGAIN);
		if (telling == NEWS_TOLD_AGAIN) {
			CU_ASSERT_EQUAL(news_untold(&news), told++ ? 5999 : 6000);
		}
		CU_ASSERT_FALSE(news_tick(&news, now + 100));
	}
	CU_ASSERT_EQUAL(told, 5);
}

static void test_when_it_is_quiet_again_its_state_is_told_and_all_that_follows(void)
{
	struct news news = {0};

	for (unsigned i = 0; i < NEWS_BURST; i++)
		news_trouble(&news, 5000);
	CU_ASSERT_EQUAL(news_good(&news, 5000), NEWS_UNTOLD);
	CU_ASSERT_EQUAL(news_deadline(&news), 5000 + NEWS_QUIET_MS);
	CU_ASSERT_FALSE(news_tick(&news, 5000 + NEWS_QUIET_MS - 1));
	CU_ASSERT_TRUE(news_tick(&news, 5000 + NEWS_QUIET_MS));
	CU_ASSERT_EQUAL(news_deadline(&news), 0);
	CU_ASSERT_FALSE(news_tick(&news, 5000 + 2 * NEWS_QUIET_MS));
	CU_ASSERT_EQUAL(news_trouble(&news, 5000 + 2 * NEWS_QUIET_MS), NEWS_TOLD);
	CU_ASSERT_EQUAL(news_good(&news, 5000 + 2 * NEWS_QUIET_MS), NEWS_TOLD);
}

static void test_where_all_was_told_nothing_is_told_when_it_is_quiet(void)
{
	struct news news = {0};

	news_trouble(&news, 5000);
	CU_ASSERT_FALSE(news_tick(&news, 5000 + NEWS_QUIET_MS));
	CU_ASSERT_EQUAL(news_deadline(&news), 0);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(test_a_path_is_looked_for_ever_more_seldom_and_its_absence_told_once),
		TEST(test_another_reason_is_told_too),
		TEST(test_a_tick_before_its_time_does_not_look),
		TEST(test_a_line_that_comes_and_goes_is_opened_ever_more_seldom),
		TEST(test_a_line_that_had_stayed_for_a_minute_is_opened_at_once),
		TEST(test_a_line_that_is_given_up_is_opened_anew),
		TEST(test_a_line_that_nobody_can_wait_for_is_closed_told_of_and_tried_again),
		TEST(test_what_a_stuck_line_does_not_take_waits_and_goes_out_later),
		TEST(test_what_cannot_wait_for_a_stuck_line_is_lost_wiped_and_the_next_goes_out),
		TEST(test_nothing_unsent_outlives_its_line),
		TEST(test_a_line_that_another_has_stays_the_others),
		TEST(test_a_chip_that_comes_and_goes_is_told_of_until_it_is_clear_and_then_rarely),
		TEST(test_when_it_is_quiet_again_its_state_is_told_and_all_that_follows),
		TEST(test_where_all_was_told_nothing_is_told_when_it_is_quiet),
	};

	return suite_main(argc, argv, "chip transport", tests, TESTS_COUNT(tests));
}
