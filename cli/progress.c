/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line, drawn again at most ten times a second.
 */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define FIRST_AFTER_MS 300
#define AGAIN_AFTER_MS 100
#define MIB (1024.0 * 1024.0)
#define FIGURES_WIDTH 42 /* columns of everything but the bar */
#define BAR_MAX 60	 /* columns */

struct bar {
	bool wanted;
	bool drawn;
	uint64_t total; /* bytes; 0: unknown */
	uint64_t started_ms;
	uint64_t drawn_ms;
};

static struct bar bar;

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool is_terminal(int fd)
{
	const char *kind = getenv("TERM");

	return isatty(fd) && kind && strcmp(kind, "dumb") != 0;
}

void progress_begin(bool wanted, uint64_t total)
{
	bar = (struct bar){.wanted = wanted && is_terminal(STDERR_FILENO),
			   .total = total,
			   .started_ms = now_ms()};
}

/* Columns for the bar itself. */
static int bar_width(void)
{
	struct winsize size;
	int columns = 80;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		columns = size.ws_col;
	columns -= FIGURES_WIDTH;
	return columns > BAR_MAX ? BAR_MAX : columns;
}

static void draw(uint64_t done, uint64_t elapsed_ms)
{
	double mib = (double)done / MIB, total_mib = (double)bar.total / MIB;
	double part = bar.total && done < bar.total ? (double)done / (double)bar.total : 1;
	char marks[BAR_MAX + 1] = "";
	int width = bar_width();

	fprintf(stderr, "\r");
	if (bar.total && width > 0) {
		memset(marks, '#', (size_t)(part * width));
		fprintf(stderr, "[%-*s] ", width, marks);
	}
	if (bar.total)
		fprintf(stderr, "%3d %%  %.0f of %.0f MiB", (int)(part * 100), mib, total_mib);
	else
		fprintf(stderr, "%.0f MiB", mib);
	fprintf(stderr, "  %.0f MiB/s\033[K", mib * 1000 / (double)elapsed_ms);
	fflush(stderr);
}

/* true: it is time to draw. */
static bool is_due(uint64_t *ret_elapsed_ms)
{
	uint64_t now;

	if (!bar.wanted)
		return false;
	now = now_ms();
	*ret_elapsed_ms = now - bar.started_ms;
	if (*ret_elapsed_ms < FIRST_AFTER_MS || now - bar.drawn_ms < AGAIN_AFTER_MS)
		return false;
	bar.drawn = true;
	bar.drawn_ms = now;
	return true;
}

void progress_show(uint64_t done)
{
	uint64_t elapsed_ms;

	if (is_due(&elapsed_ms))
		draw(done, elapsed_ms);
}

void progress_wait(const char *what)
{
	uint64_t elapsed_ms;

	if (!is_due(&elapsed_ms))
		return;
	fprintf(stderr, "\r%s  %" PRIu64 " s\033[K", what, elapsed_ms / 1000);
	fflush(stderr);
}

void progress_end(void)
{
	if (bar.drawn)
		fprintf(stderr, "\r\033[K");
	bar = (struct bar){0};
}
