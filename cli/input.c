/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain reads, without stdio: its buffers would keep copies of secrets.
 */
#include "cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/failure.h"

int input_check(const char *const *paths, size_t count)
{
	unsigned standard = 0;

	for (size_t i = 0; i < count; i++)
		standard += paths[i] && strcmp(paths[i], "-") == 0;
	if (standard <= 1)
		return CLI_DONE;
	return fail_usage("more than one input on standard input, -, name files");
}

static uint64_t bytes_to_come(int fd, const struct stat *st)
{
	off_t position;

	if (!S_ISREG(st->st_mode))
		return 0;
	position = lseek(fd, 0, SEEK_CUR);
	return position >= 0 && position < st->st_size ? (uint64_t)(st->st_size - position) : 0;
}

static int open_failed(const char *path, int error)
{
	return fail_system(error, "cannot open the input, %s: %s, check its name and your rights",
			   path, strerror(error));
}

int input_open(struct input *input, const char *path)
{
	struct stat st;
	int fd = STDIN_FILENO;

	if (strcmp(path, "-") != 0)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return open_failed(path, errno);
	*input = (struct input){.fd = fd, .name = path};
	if (fstat(fd, &st) < 0)
		return open_failed(path, errno);
	if (S_ISDIR(st.st_mode))
		return open_failed(path, EISDIR);
	input->size = bytes_to_come(fd, &st);
	if (input->size)
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return CLI_DONE;
}

void input_close(struct input *input)
{
	if (input->fd > STDERR_FILENO)
		(void)close(input->fd);
	input->fd = -1;
}

int input_read(const struct input *input, void *buffer, size_t size, size_t *ret_length)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(input->fd, (char *)buffer + length, size - length);

		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return fail_system(errno, "cannot read the input, %s: %s, try another copy",
					   input->name, strerror(errno));
		length += n < 0 ? 0 : (size_t)n;
	}
	*ret_length = length;
	return CLI_DONE;
}
