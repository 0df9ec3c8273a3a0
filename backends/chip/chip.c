/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chip backend: octets of the line go to the protocol, its octets to the line, and what it
 * learns of the chip to the engines. A path where no chip is, is no error: one may come.
 */
#include "backends/chip/chip.h"

#include <event2/event.h>
#include <stdio.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "backends/chip/news.h"
#include "backends/chip/transport.h"
#include "daemon/config.h"

#define PATIENCE_MS 60000u /* for a chip that only says WAIT; the engine's deadline is earlier */

struct chip {
	struct backend_instance instance;
	const struct backend_environment *environment;
	char *device;
	struct link link;
	struct transport transport;
	struct news news;
	/*
	 * At the earliest deadline of all these. A descriptor, because to set it needs no memory:
	 * an event of libevent's that cannot be added would be a chip that is waited for for ever.
	 */
	struct event timer;
	int timer_fd;
};

static struct chip *of_instance(struct backend_instance *instance)
{
	return (struct chip *)(void *)instance;
}

const struct link *chip_backend_link(const struct backend_instance *instance)
{
	return &((const struct chip *)(const void *)instance)->link;
}

static uint64_t now_ms(void *context)
{
	struct timespec now;

	(void)context;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- words ----------------------------------------------------------------------------------- */

/* Which of them reach the journal: news.h. */
static void report(struct chip *chip, enum pluton_log_level level, enum news_telling telling,
		   const char *what, const char *more)
{
	char sentence[PATH_MAX + 256], note[96] = "";

	if (telling == NEWS_UNTOLD || !chip->environment->report_device)
		return;
	if (telling == NEWS_TOLD_LAST)
		snprintf(note, sizeof(note), "; it comes and goes: more of that every %u minutes",
			 NEWS_AGAIN_MS / 60000);
	if (telling == NEWS_TOLD_AGAIN)
		snprintf(note, sizeof(note), "; %u messages of it were left out",
			 news_untold(&chip->news));
	snprintf(sentence, sizeof(sentence), "the chip on %s %s%s%s", chip->device, what, more,
		 note);
	chip->environment->report_device(level, chip->device, sentence);
}

static void report_trouble(struct chip *chip, const char *what, const char *more)
{
	report(chip, PLUTON_LOG_WARNING, news_trouble(&chip->news, now_ms(NULL)), what, more);
}

static void report_presence(struct chip *chip, enum news_telling telling)
{
	bool is_there = chip->link.state == LINK_UP || chip->link.state == LINK_RESYNCING;

	if (is_there)
		report(chip, PLUTON_LOG_INFO, telling, "is there", "");
	else
		report(chip, PLUTON_LOG_WARNING, telling, "is not there", "");
}

/* --- time ------------------------------------------------------------------------------------ */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return b && (!a || b < a) ? b : a;
}

static void set_timer(struct chip *chip)
{
	uint64_t at =
		earlier(earlier(link_deadline(&chip->link), transport_deadline(&chip->transport)),
			news_deadline(&chip->news));
	const struct itimerspec when = {.it_value = {.tv_sec = (time_t)(at / 1000),
						     .tv_nsec = (long)(at % 1000) * 1000000}};

	timerfd_settime(chip->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
	struct chip *chip = context;
	uint64_t expirations;

	(void)events;
	(void)!read(fd, &expirations, sizeof(expirations));
	link_tick(&chip->link);
	transport_tick(&chip->transport);
	if (news_tick(&chip->news, now_ms(NULL)))
		report_presence(chip, NEWS_TOLD);
	set_timer(chip);
}

/* --- the protocol's ears and hands ----------------------------------------------------------- */

/* Numbers that nobody must have seen before, not secrets: they go over the line as they are. */
static void random_octets(void *context, uint8_t *octets, size_t length)
{
	uint64_t now = now_ms(context);

	memcpy(octets, &now, length < sizeof(now) ? length : sizeof(now));
	(void)!getrandom(octets, length, GRND_INSECURE);
}

static void send_octets(void *context, const uint8_t *octets, size_t length)
{
	struct chip *chip = context;

	transport_send(&chip->transport, octets, length);
	set_timer(chip);
}

static void set_engines(struct chip *chip, const struct chip_caps *caps)
{
	chip_digest_engine_set(chip->instance.engines[HIL_DIGEST], caps);
	chip_aes_engine_set(chip->instance.engines[HIL_AES], caps);
}

static void up(void *context, const struct chip_caps *caps)
{
	struct chip *chip = context;

	set_engines(chip, caps);
	report_presence(chip, news_good(&chip->news, now_ms(NULL)));
}

static void down(void *context, const char *why)
{
	set_engines(context, NULL);
	report_trouble(context, why, ": what it had under way is lost");
}

static void trouble(void *context, const char *what)
{
	report_trouble(context, what, "");
}

/* --- the line's ------------------------------------------------------------------------------ */

static void connected(void *context)
{
	link_connect(&((struct chip *)context)->link);
}

static void received(void *context, const uint8_t *octets, size_t length)
{
	struct chip *chip = context;

	link_receive(&chip->link, octets, length);
	if (link_babbles(&chip->link))
		transport_lose(&chip->transport);
	set_timer(chip);
}

static void gone(void *context)
{
	struct chip *chip = context;

	if (link_babbles(&chip->link))
		report_trouble(chip, "sends octets without end: its line is opened anew", "");
	else if (chip->link.state == LINK_GREETING)
		report_trouble(chip, "hung up before it said anything", "");
	link_disconnect(&chip->link);
	set_timer(chip);
}

static void failed(void *context, const char *why)
{
	struct chip *chip = context;

	report(chip, PLUTON_LOG_WARNING, news_good(&chip->news, now_ms(NULL)),
	       "cannot be used: ", why);
}

/* --- the backend ----------------------------------------------------------------------------- */

static void open_line(struct chip *chip, const struct chip_options *options)
{
	const struct link_options link_options = {
		.timeout_ms = options->timeout_ms,
		.retries = options->retries,
		.patience_ms = PATIENCE_MS,
		.backoff_max_ms = options->backoff_max_ms,
		.context = chip,
		.send = send_octets,
		.now_ms = now_ms,
		.random = random_octets,
		.up = up,
		.down = down,
		.trouble = trouble,
	};
	const struct transport_options transport_options = {
		.base = chip->environment->base,
		.path = chip->device,
		.backoff_max_ms = options->backoff_max_ms,
		.context = chip,
		.now_ms = now_ms,
		.connected = connected,
		.received = received,
		.gone = gone,
		.failed = failed,
	};

	link_init(&chip->link, &link_options);
	transport_open(&chip->transport, &transport_options);
	set_timer(chip);
}

static int open_timer(struct chip *chip)
{
	chip->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	event_assign(&chip->timer, chip->environment->base, chip->timer_fd, EV_READ | EV_PERSIST,
		     on_timer, chip);
	if (chip->timer_fd >= 0 && event_add(&chip->timer, NULL) == 0)
		return 0;
	if (chip->timer_fd >= 0)
		close(chip->timer_fd);
	chip->timer_fd = -1;
	return -PLUTON_ENOMEM;
}

static void close_timer(struct chip *chip)
{
	if (chip->timer_fd < 0)
		return;
	event_del(&chip->timer);
	close(chip->timer_fd);
}

static int open_engines(struct chip *chip)
{
	struct deferred_queue *deferred = chip->environment->deferred;
	struct hil_engine **engines = chip->instance.engines;
	int r = chip_digest_engine_open(&chip->link, deferred, &engines[HIL_DIGEST]);

	if (r == 0)
		r = chip_aes_engine_open(&chip->link, deferred, chip->environment->aead_scratch,
					 &engines[HIL_AES]);
	return r;
}

/* Its last frame can be somebody's key. */
static void release(struct chip *chip)
{
	close_timer(chip);
	chip_digest_engine_close(chip->instance.engines[HIL_DIGEST]);
	chip_aes_engine_close(chip->instance.engines[HIL_AES]);
	free(chip->device);
	explicit_bzero(chip, sizeof(*chip));
	free(chip);
}

int chip_backend_open_with(const struct backend_environment *environment,
			   const struct chip_options *options, struct backend_instance **ret)
{
	struct chip *chip;
	int r;

	if (!environment->base)
		return -PLUTON_ENODEVICE;
	chip = calloc(1, sizeof(*chip));
	if (!chip)
		return -PLUTON_ENOMEM;
	chip->timer_fd = -1;
	chip->instance.backend = backend_find("chip");
	chip->environment = environment;
	chip->device = strdup(options->device);
	r = chip->device ? open_engines(chip) : -PLUTON_ENOMEM;
	if (r == 0)
		r = open_timer(chip);
	if (r < 0) {
		release(chip);
		return r;
	}
	open_line(chip, options);
	*ret = &chip->instance;
	return 0;
}

int chip_backend_open(const struct backend_environment *environment, struct backend_instance **ret)
{
	const struct config *config = environment->config;

	if (!config)
		return -PLUTON_ENODEVICE;
	return chip_backend_open_with(environment,
				      &(struct chip_options){.device = config->chip_device,
							     .timeout_ms = config->chip_timeout_ms,
							     .retries = config->chip_retries,
							     .backoff_max_ms = BACKOFF_MAX_MS},
				      ret);
}

void chip_backend_close(struct backend_instance *instance)
{
	struct chip *chip = of_instance(instance);

	transport_close(&chip->transport);
	release(chip);
}
