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
#include <time.h>

#include "backends/chip/transport.h"
#include "daemon/config.h"

#define PATIENCE_MS 60000u /* for a chip that only says WAIT; the engine's deadline is earlier */

struct chip {
	struct backend_instance instance;
	const struct backend_environment *environment;
	char *device;
	struct link link;
	struct transport transport;
	struct event timer; /* at the link's deadline */
};

static struct chip *of_instance(struct backend_instance *instance)
{
	return (struct chip *)(void *)instance;
}

const struct link *chip_backend_link(const struct backend_instance *instance)
{
	return &((const struct chip *)(const void *)instance)->link;
}

static void report(struct chip *chip, enum pluton_log_level level, const char *what,
		   const char *more)
{
	char sentence[PATH_MAX + 128];

	if (!chip->environment->report)
		return;
	snprintf(sentence, sizeof(sentence), "the chip on %s %s%s", chip->device, what, more);
	chip->environment->report(level, NULL, 0, sentence);
}

/* --- the protocol's ears and hands ----------------------------------------------------------- */

static uint64_t now_ms(void *context)
{
	struct timespec now;

	(void)context;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Numbers that nobody must have seen before, not secrets: they go over the line as they are. */
static void random_octets(void *context, uint8_t *octets, size_t length)
{
	uint64_t now = now_ms(context);

	memcpy(octets, &now, length < sizeof(now) ? length : sizeof(now));
	(void)!getrandom(octets, length, GRND_INSECURE);
}

static void set_timer(struct chip *chip)
{
	uint64_t deadline = link_deadline(&chip->link), now = now_ms(NULL);
	uint64_t left = deadline > now ? deadline - now : 0;
	const struct timeval in = {.tv_sec = (time_t)(left / 1000),
				   .tv_usec = (suseconds_t)(left % 1000 * 1000)};

	if (deadline)
		event_add(&chip->timer, &in);
	else
		event_del(&chip->timer);
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
	struct chip *chip = context;

	(void)fd;
	(void)events;
	link_tick(&chip->link);
	set_timer(chip);
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
	set_engines(context, caps);
	report(context, PLUTON_LOG_INFO, "is there", "");
}

static void down(void *context)
{
	set_engines(context, NULL);
	report(context, PLUTON_LOG_WARNING, "is gone, or was reset: what it had under way is lost",
	       "");
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
	set_timer(chip);
}

static void gone(void *context)
{
	struct chip *chip = context;

	link_disconnect(&chip->link);
	set_timer(chip);
}

static void failed(void *context, const char *why)
{
	report(context, PLUTON_LOG_WARNING, "cannot be used: ", why);
}

/* --- the backend ----------------------------------------------------------------------------- */

static void open_line(struct chip *chip, const struct chip_options *options)
{
	const struct link_options link_options = {
		.timeout_ms = options->timeout_ms,
		.retries = options->retries,
		.patience_ms = PATIENCE_MS,
		.context = chip,
		.send = send_octets,
		.now_ms = now_ms,
		.random = random_octets,
		.up = up,
		.down = down,
	};
	const struct transport_options transport_options = {
		.base = chip->environment->base,
		.path = chip->device,
		.context = chip,
		.connected = connected,
		.received = received,
		.gone = gone,
		.failed = failed,
	};

	evtimer_assign(&chip->timer, chip->environment->base, on_timer, chip);
	link_init(&chip->link, &link_options);
	transport_open(&chip->transport, &transport_options);
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

static void release(struct chip *chip)
{
	chip_digest_engine_close(chip->instance.engines[HIL_DIGEST]);
	chip_aes_engine_close(chip->instance.engines[HIL_AES]);
	free(chip->device);
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
	chip->instance.backend = backend_find("chip");
	chip->environment = environment;
	chip->device = strdup(options->device);
	r = chip->device ? open_engines(chip) : -PLUTON_ENOMEM;
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
							     .retries = config->chip_retries},
				      ret);
}

void chip_backend_close(struct backend_instance *instance)
{
	struct chip *chip = of_instance(instance);

	event_del(&chip->timer);
	transport_close(&chip->transport);
	release(chip);
}
