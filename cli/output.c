/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The temporary file and its renaming. Its path is also in `doomed`, the only static of
 * pluton-cli, because that is all that a signal handler can reach.
 */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/failure.h"

#define PERMISSIONS (S_IRWXU | S_IRWXG | S_IRWXO)

static const int ending_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE};
static const char *volatile doomed;

static void remove_doomed(int number)
{
	const char *path = doomed;

	if (path)
		(void)unlink(path);
	(void)raise(number); /* the default action again: SA_RESETHAND */
}

static void catch_ending_signals(void)
{
	struct sigaction action = {.sa_flags = (int)SA_RESETHAND}, old;

	action.sa_handler = remove_doomed;
	for (size_t i = 0; i < sizeof(ending_signals) / sizeof(ending_signals[0]); i++) {
		if (sigaction(ending_signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			(void)sigaction(ending_signals[i], &action, NULL);
	}
}

static int failed(const struct output *output, int error)
{
	return fail_system(error,
			   "cannot write the output, %s: %s, check the folder, your rights and "
			   "the room there",
			   output->name, strerror(error));
}

/* 0666 less the umask, which can only be read by setting it. */
static mode_t permissions_of_new_files(void)
{
	mode_t mask = umask(0);

	(void)umask(mask);
	return 0666 & ~mask;
}

static int open_temporary(struct output *output, mode_t permissions)
{
	const char *slash = strrchr(output->target, '/');
	int folder = slash ? (int)(slash + 1 - output->target) : 0;

	if (asprintf(&output->temporary, "%.*s.pluton-cli.XXXXXX", folder, output->target) < 0) {
		output->temporary = NULL;
		return failed(output, ENOMEM);
	}
	output->fd = mkostemp(output->temporary, O_CLOEXEC);
	if (output->fd < 0) {
		int error = errno;

		free(output->temporary);
		output->temporary = NULL;
		return failed(output, error);
	}
	doomed = output->temporary;
	catch_ending_signals();
	return fchmod(output->fd, permissions) < 0 ? failed(output, errno) : CLI_DONE;
}

static int open_directly(struct output *output, const char *path)
{
	output->fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
	return output->fd < 0 ? failed(output, errno) : CLI_DONE;
}

/* `permissions` of the file, or 0: those of the one that is there, or of any new one. */
static int open_file(struct output *output, const char *path, mode_t permissions)
{
	struct stat st;
	bool is_there = stat(path, &st) == 0;

	if (!is_there && errno != ENOENT)
		return failed(output, errno);
	if (is_there && !S_ISREG(st.st_mode))
		return open_directly(output, path);
	if (is_there && access(path, W_OK) < 0)
		return failed(output, errno);
	output->target = is_there ? realpath(path, NULL) : strdup(path);
	if (!output->target)
		return failed(output, errno);
	if (permissions == 0)
		permissions = is_there ? st.st_mode & PERMISSIONS : permissions_of_new_files();
	return open_temporary(output, permissions);
}

static int open_any(struct output *output, const char *path, mode_t permissions)
{
	*output = (struct output){.fd = STDOUT_FILENO, .name = path};
	return strcmp(path, "-") == 0 ? CLI_DONE : open_file(output, path, permissions);
}

int output_open(struct output *output, const char *path)
{
	return open_any(output, path, 0);
}

int output_open_secret(struct output *output, const char *path)
{
	return open_any(output, path, S_IRUSR | S_IWUSR);
}

int output_write(const struct output *output, const void *bytes, size_t length)
{
	const char *at = bytes;

	while (length > 0) {
		ssize_t n = write(output->fd, at, length);

		if (n < 0 && errno != EINTR)
			return failed(output, errno);
		at += n < 0 ? 0 : n;
		length -= n < 0 ? 0 : (size_t)n;
	}
	return CLI_DONE;
}

int output_commit(struct output *output)
{
	int fd = output->fd;

	if (fd == STDOUT_FILENO)
		return CLI_DONE;
	output->fd = -1;
	if (close(fd) < 0)
		return failed(output, errno);
	if (!output->temporary)
		return CLI_DONE;
	if (rename(output->temporary, output->target) < 0)
		return failed(output, errno);
	doomed = NULL;
	free(output->temporary);
	output->temporary = NULL;
	return CLI_DONE;
}

void output_close(struct output *output)
{
	if (output->fd > STDERR_FILENO)
		(void)close(output->fd);
	if (output->temporary)
		(void)unlink(output->temporary);
	doomed = NULL;
	free(output->temporary);
	free(output->target);
	*output = (struct output)OUTPUT_NONE;
}

static int write_and_commit(struct output *output, int opened, const void *bytes, size_t length)
{
	int status = opened;

	if (status == CLI_DONE)
		status = output_write(output, bytes, length);
	if (status == CLI_DONE)
		status = output_commit(output);
	output_close(output);
	return status;
}

int output_whole(const char *path, const void *bytes, size_t length)
{
	struct output output = OUTPUT_NONE;

	return write_and_commit(&output, output_open(&output, path), bytes, length);
}

int output_whole_secret(const char *path, const void *bytes, size_t length)
{
	struct output output = OUTPUT_NONE;

	return write_and_commit(&output, output_open_secret(&output, path), bytes, length);
}
