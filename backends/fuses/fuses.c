/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads fuses, and burns the device secret where there is none yet.
 *
 * The rule a newcomer would break first: what is there is never written over. A file that is not
 * as it should be may be the only copy of a secret that everything kept is encrypted with.
 */
#include "backends/fuses/fuses.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pluton/error.h"

#define MAGIC "PLFUSES1"
#define MAGIC_SIZE 8u
#define NEW_FILE FUSES_FILE ".new"

enum field {
	SECRET_AT = 32,
	INVERTED_AT = SECRET_AT + FUSES_SECRET_SIZE,
	COUNTERS_AT = INVERTED_AT + FUSES_SECRET_SIZE,
};

static struct fuses_file *of_fuses(struct fuses *fuses)
{
	return (struct fuses_file *)(void *)fuses;
}

__attribute__((format(printf, 2, 3))) static int refuse(struct fuses_file *file, const char *format,
							...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(file->why, sizeof(file->why), format, args);
	va_end(args);
	return -PLUTON_EFAIL;
}

/* A system call failed: errno says how. */
static int fail(struct fuses_file *file, const char *what)
{
	return refuse(file, "%.300s/" FUSES_FILE ": %s (%s)", file->state, what, strerror(errno));
}

/* As many bytes as there are, at most `size`. */
static ssize_t read_up_to(int fd, uint8_t *buf, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(fd, buf + length, size - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	return (ssize_t)length;
}

/* --- the credential -------------------------------------------------------------------------- */

static int read_credential(struct fuses_file *file, int fd, uint8_t *ret_secret)
{
	uint8_t bytes[FUSES_SECRET_SIZE + 1];
	ssize_t length = read_up_to(fd, bytes, sizeof(bytes));
	int r = 0;

	if (length < 0)
		r = refuse(file, "the credential " FUSES_CREDENTIAL " cannot be read (%s)",
			   strerror(errno));
	else if (length != FUSES_SECRET_SIZE)
		r = refuse(file,
			   "the credential " FUSES_CREDENTIAL
			   " has %s%u bytes instead of %u: give the "
			   "32 bytes that were there before, see operations.md",
			   length > (ssize_t)FUSES_SECRET_SIZE ? "at least " : "", (unsigned)length,
			   FUSES_SECRET_SIZE);
	else
		memcpy(ret_secret, bytes, FUSES_SECRET_SIZE);
	explicit_bzero(bytes, sizeof(bytes));
	return r;
}

/*
 * *ret_fd -1: there is none. A service manager made it: whose it is and who may read it, is its
 * business. One that is there and cannot be opened is not replaced by what the file has.
 */
static int open_credential(struct fuses_file *file, int *ret_fd)
{
	char path[PATH_MAX];
	int length;

	*ret_fd = -1;
	if (!file->credentials)
		return 0;
	length = snprintf(path, sizeof(path), "%s/" FUSES_CREDENTIAL, file->credentials);
	if (length < (int)sizeof(path))
		*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	else
		errno = ENAMETOOLONG;
	if (*ret_fd >= 0 || errno == ENOENT)
		return 0;
	return refuse(file, "the credential " FUSES_CREDENTIAL " cannot be opened (%s)",
		      strerror(errno));
}

/* --- the file -------------------------------------------------------------------------------- */

static bool all_zero(const uint8_t *bytes, size_t from, size_t to)
{
	while (from < to && bytes[from] == 0)
		from++;
	return from == to;
}

static bool is_sound(const uint8_t image[FUSES_FILE_SIZE])
{
	uint8_t pairs = 0xff;

	for (size_t i = 0; i < FUSES_SECRET_SIZE; i++)
		pairs &= image[SECRET_AT + i] ^ image[INVERTED_AT + i];
	return pairs == 0xff && memcmp(image, MAGIC, MAGIC_SIZE) == 0 &&
	       all_zero(image, MAGIC_SIZE, SECRET_AT) &&
	       all_zero(image, COUNTERS_AT, FUSES_FILE_SIZE);
}

static int check_private(struct fuses_file *file, int fd, nlink_t *ret_links)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return fail(file, "cannot be looked at");
	*ret_links = status.st_nlink;
	if (!S_ISREG(status.st_mode))
		return refuse(file,
			      "%.300s/" FUSES_FILE ": is no file; put the one that was there "
			      "back from a backup",
			      file->state);
	if (status.st_uid != geteuid())
		return refuse(file,
			      "%.300s/" FUSES_FILE
			      ": belongs to uid %u, the daemon runs as uid %u; "
			      "chown it",
			      file->state, (unsigned)status.st_uid, (unsigned)geteuid());
	if (status.st_mode & 077)
		return refuse(file,
			      "%.300s/" FUSES_FILE
			      ": others can get at it (mode %04o); chmod 0600 it, "
			      "and think of the secret in it as known to them",
			      file->state, (unsigned)status.st_mode & 07777);
	return 0;
}

static int read_image(struct fuses_file *file, int fd, uint8_t *ret_secret)
{
	uint8_t image[FUSES_FILE_SIZE + 1];
	ssize_t length = read_up_to(fd, image, sizeof(image));
	int r = 0;

	if (length < 0)
		r = fail(file, "cannot be read");
	else if (length != FUSES_FILE_SIZE || !is_sound(image))
		r = refuse(file,
			   "%.300s/" FUSES_FILE ": is damaged (%s); put it back from a backup, "
			   "nothing that was kept can be read with another one",
			   file->state,
			   length < (ssize_t)FUSES_FILE_SIZE   ? "it is too short"
			   : length > (ssize_t)FUSES_FILE_SIZE ? "it is too long"
							       : "bits were changed");
	else
		memcpy(ret_secret, image + SECRET_AT, FUSES_SECRET_SIZE);
	explicit_bzero(image, sizeof(image));
	return r;
}

/* --- burning --------------------------------------------------------------------------------- */

/* Without their fuses, keys that were kept are lost: nobody wants to learn that from new ones. */
static int check_nothing_is_kept(struct fuses_file *file, int state)
{
	struct stat status;

	if (fstatat(state, "nv/hwkey", &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail(file, "cannot be looked for");
	return refuse(file,
		      "%.300s/" FUSES_FILE
		      ": is gone, but keys are kept in %.200s/nv/hwkey; put it "
		      "back from a backup, or remove nv/hwkey to begin anew",
		      file->state, file->state);
}

static int make_image(struct fuses_file *file, uint8_t ret_image[FUSES_FILE_SIZE])
{
	memset(ret_image, 0, FUSES_FILE_SIZE);
	memcpy(ret_image, MAGIC, MAGIC_SIZE);
	if (getrandom(ret_image + SECRET_AT, FUSES_SECRET_SIZE, 0) != FUSES_SECRET_SIZE)
		return fail(file, "cannot be made: there is no entropy");
	for (size_t i = 0; i < FUSES_SECRET_SIZE; i++)
		ret_image[INVERTED_AT + i] = (uint8_t)~ret_image[SECRET_AT + i];
	return 0;
}

static int write_new(struct fuses_file *file, int state, const uint8_t image[FUSES_FILE_SIZE])
{
	int fd, r = 0;

	/* What is left of an earlier attempt was never in use. */
	if (unlinkat(state, NEW_FILE, 0) < 0 && errno != ENOENT)
		return fail(file, "an old " NEW_FILE " cannot be removed");
	fd = openat(state, NEW_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(file, "cannot be made");
	if (write(fd, image, FUSES_FILE_SIZE) != (ssize_t)FUSES_FILE_SIZE || fdatasync(fd) < 0)
		r = fail(file, "cannot be written");
	close(fd);
	if (r < 0)
		unlinkat(state, NEW_FILE, 0);
	return r;
}

/* The second name is there as long as it is not known that the first one lasts. */
static int make_last(struct fuses_file *file, int state)
{
	if (fsync(state) < 0)
		return fail(file, "cannot be made to last");
	unlinkat(state, NEW_FILE, 0);
	return 0;
}

/* link, and not rename: what has come there meanwhile stays. */
static int put_in_place(struct fuses_file *file, int state)
{
	if (linkat(state, NEW_FILE, state, FUSES_FILE, 0) == 0)
		return make_last(file, state);
	fail(file, "cannot be put in place");
	unlinkat(state, NEW_FILE, 0);
	return -PLUTON_EFAIL;
}

static int burn(struct fuses_file *file, int state, uint8_t *ret_secret)
{
	uint8_t image[FUSES_FILE_SIZE];
	int r = check_nothing_is_kept(file, state);

	if (r == 0)
		r = make_image(file, image);
	if (r == 0)
		r = write_new(file, state, image);
	if (r == 0)
		r = put_in_place(file, state);
	if (r == 0)
		memcpy(ret_secret, image + SECRET_AT, FUSES_SECRET_SIZE);
	explicit_bzero(image, sizeof(image));
	return r;
}

/* --- fuses ------------------------------------------------------------------------------------ */

static int read_or_burn(struct fuses_file *file, int state, uint8_t *ret_secret)
{
	int fd = openat(state, FUSES_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	nlink_t links = 0;
	int r;

	if (fd < 0)
		return errno == ENOENT ? burn(file, state, ret_secret)
				       : fail(file, "cannot be opened");
	r = check_private(file, fd, &links);
	if (r == 0)
		r = read_image(file, fd, ret_secret);
	/* Who burnt them did not come to the end: keys may be made by them only when they last. */
	if (r == 0 && links > 1)
		r = make_last(file, state);
	close(fd);
	return r;
}

static int read_secret(struct fuses *fuses, uint8_t ret_secret[FUSES_SECRET_SIZE])
{
	struct fuses_file *file = of_fuses(fuses);
	int fd, r;

	file->why[0] = '\0';
	r = open_credential(file, &fd);
	if (r < 0)
		return r;
	if (fd >= 0) {
		r = read_credential(file, fd, ret_secret);
		close(fd);
		return r;
	}
	fd = open(file->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(file, "the folder above cannot be opened");
	r = read_or_burn(file, fd, ret_secret);
	close(fd);
	return r;
}

static const char *why(const struct fuses *fuses)
{
	return ((const struct fuses_file *)(const void *)fuses)->why;
}

static const struct fuses_ops ops = {read_secret, why};

void fuses_file_init(struct fuses_file *file, const char *state, const char *credentials)
{
	*file = (struct fuses_file){.fuses = {&ops}, .state = state, .credentials = credentials};
}
