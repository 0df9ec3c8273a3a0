/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole file is in memory before its first line is looked at: a file that grows, or that is
 * half written, cannot make a line look different from what it says.
 */
#include "daemon/ini_file.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pluton/error.h>

#define FILE_SIZE_MAX ((size_t)1 << 20) /* bytes: more is not a configuration */

/* A file while inih goes through it. */
struct reading {
	ini_file_fn fn;
	void *context;
	struct ini_problem *problem;
	const char *next; /* the text that inih has not seen yet */
	unsigned line;	  /* of the text it saw last */
	unsigned failed_line;
	int failed; /* the first error; what follows is ignored */
};

__attribute__((format(printf, 3, 4))) static int fail(struct ini_problem *problem, unsigned line,
						      const char *format, ...)
{
	va_list args;

	problem->line = line;
	va_start(args, format);
	vsnprintf(problem->text, sizeof(problem->text), format, args);
	va_end(args);
	return -PLUTON_EINVAL;
}

static int fail_errno(struct ini_problem *problem, int number)
{
	fail(problem, 0, "cannot be read: %s; check the path and its permissions",
	     strerror(number));
	return number == ENOENT ? -PLUTON_ENODEVICE : -PLUTON_EINVAL;
}

static int read_whole(int fd, char *buf, struct ini_problem *problem)
{
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, buf + used, FILE_SIZE_MAX - used)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(problem, errno);
		used += (size_t)n;
		if (used == FILE_SIZE_MAX)
			return fail(problem, 0, "is larger than 1M; that is no configuration");
	}
	buf[used] = '\0';
	if (strlen(buf) != used)
		return fail(problem, 0, "contains a zero byte; that is no configuration");
	return 0;
}

static int load_text(int fd, char **ret, struct ini_problem *problem)
{
	char *buf = malloc(FILE_SIZE_MAX + 1);
	int r = buf ? read_whole(fd, buf, problem) : -PLUTON_ENOMEM;

	if (r < 0)
		free(buf);
	else
		*ret = buf;
	return r;
}

/*
 * inih's way to get a line. A comment arrives empty, and no line begins with a blank: inih would
 * take it for the continuation of the value above.
 */
static char *read_line(char *str, int size, void *stream)
{
	struct reading *reading = stream;
	const char *start = reading->next + strspn(reading->next, " \t");
	size_t length = strcspn(start, "\n");

	if (*reading->next == '\0' || reading->failed < 0)
		return NULL;
	reading->line++;
	reading->next = start[length] == '\n' ? start + length + 1 : start + length;
	if (*start == '#' || *start == ';')
		length = 0;
	if (length + 2 > (size_t)size) {
		reading->failed =
			fail(reading->problem, reading->line,
			     "the line is longer than %d bytes; make it shorter", size - 2);
		reading->failed_line = reading->line;
		return NULL;
	}
	memcpy(str, start, length);
	memcpy(str + length, "\n", 2);
	return str;
}

static int handle_line(void *user, const char *section, const char *name, const char *value)
{
	struct reading *reading = user;

	if (reading->failed < 0)
		return 1;
	reading->failed = reading->fn(reading->context, section, name, value, reading->line);
	reading->failed_line = reading->line;
	return reading->failed == 0;
}

static int parse_text(struct reading *reading)
{
	int wrong = ini_parse_stream(read_line, reading, handle_line, reading);

	if (wrong < 0)
		return -PLUTON_ENOMEM;
	if (wrong > 0 && (reading->failed == 0 || (unsigned)wrong < reading->failed_line))
		return fail(reading->problem, (unsigned)wrong,
			    "the line is neither [SECTION] nor KEY = VALUE; write one of them, "
			    "or # before a comment");
	return reading->failed;
}

int ini_file_read(const char *path, ini_file_fn fn, void *context, struct ini_problem *ret_problem)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return fail_errno(ret_problem, errno);
	r = ini_file_read_open(fd, fn, context, ret_problem);
	close(fd);
	return r;
}

int ini_file_read_open(int fd, ini_file_fn fn, void *context, struct ini_problem *ret_problem)
{
	struct reading reading = {.fn = fn, .context = context, .problem = ret_problem};
	char *text;
	int r = load_text(fd, &text, ret_problem);

	if (r < 0)
		return r;
	reading.next = text;
	r = parse_text(&reading);
	free(text);
	return r;
}
