/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks by open file description (F_OFD_SETLK): they end with the descriptor, whatever happens to
 * the process. The pid in the file is only for the message to whoever comes second.
 */
#include "daemon/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <pluton/error.h>

#define HOLDER_SIZE 64
#define OPEN_ATTEMPTS 8
#define COPY_ATTEMPTS 500 /* for a copy of the lock to be closed */
#define COPY_PAUSE_NS 4000000
#define PROBE_SIZE 4096 /* bytes: a block, which a full file system has not */

/* --- messages -------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static int fail(struct lock_error *error, int number,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return number;
}

/* The first line of a small file, "" if there is none. */
static void read_line(int fd, char *buf, size_t size)
{
	ssize_t n = pread(fd, buf, size - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

static void read_command(long pid, char *buf, size_t size)
{
	char path[64];
	int fd;

	buf[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	read_line(fd, buf, size);
	close(fd);
}

static int fail_held(const char *what, const char *path, int fd, struct lock_error *error)
{
	char text[HOLDER_SIZE];
	char command[HOLDER_SIZE];
	long pid;

	read_line(fd, text, sizeof(text));
	pid = strtol(text, NULL, 10);
	if (pid <= 0)
		return fail(error, -PLUTON_EBUSY,
			    "%.300s: another process holds this %s; stop it, or use another one",
			    path, what);
	read_command(pid, command, sizeof(command));
	return fail(error, -PLUTON_EBUSY,
		    "%.300s: process %ld (%s) holds this %s; stop it, or use another one", path,
		    pid, *command ? command : "unknown", what);
}

/* --- the lock file --------------------------------------------------------------------------- */

/* false: somebody removed or replaced the file between our open and our lock. */
static bool is_still_there(int fd, const char *path)
{
	struct stat opened;
	struct stat named;

	return fstat(fd, &opened) == 0 && stat(path, &named) == 0 &&
	       opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

static void write_pid(int fd)
{
	char text[HOLDER_SIZE];
	int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)length, 0) < 0)
		return; /* the lock counts; without the pid a message is less helpful */
}

static bool holder_is_dead(int fd)
{
	char text[HOLDER_SIZE];
	long pid;

	read_line(fd, text, sizeof(text));
	pid = strtol(text, NULL, 10);
	return pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

/*
 * The lock of a daemon that was killed while it started an app is still that child's, which is
 * about to execute something or to end: until then, there is somebody to wait for and nobody to
 * blame.
 */
static int lock_when_free(int fd, struct flock *whole)
{
	const struct timespec pause = {.tv_nsec = COPY_PAUSE_NS};
	int r = fcntl(fd, F_OFD_SETLK, whole);

	for (int i = 0; r < 0 && i < COPY_ATTEMPTS; i++) {
		int error = errno;

		if ((error != EAGAIN && error != EACCES) || !holder_is_dead(fd)) {
			errno = error;
			break;
		}
		nanosleep(&pause, NULL);
		r = fcntl(fd, F_OFD_SETLK, whole);
	}
	return r;
}

/* Opens and locks once. *ret_fd is -1 if the file was replaced meanwhile. */
static int try_lock(const char *what, const char *path, const char *file, int *ret_fd,
		    struct lock_error *error)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	int r = 0;

	*ret_fd = -1;
	if (fd < 0)
		return fail(error, -PLUTON_EFAIL,
			    "%.300s: cannot be opened: %s; choose a %s that uid %u may write", file,
			    strerror(errno), what, (unsigned)geteuid());
	if (lock_when_free(fd, &whole) == 0) {
		if (is_still_there(fd, file)) {
			*ret_fd = fd;
			return 0;
		}
	} else if (errno == EAGAIN || errno == EACCES) {
		r = fail_held(what, path, fd, error);
	} else {
		r = fail(error, -PLUTON_EFAIL, "%.300s: cannot be locked: %s; choose another %s",
			 file, strerror(errno), what);
	}
	close(fd);
	return r;
}

static int lock_file(const char *what, const char *path, const char *file, struct lock *ret,
		     struct lock_error *error)
{
	int fd = -1;
	int r = 0;

	for (int i = 0; r == 0 && fd < 0 && i < OPEN_ATTEMPTS; i++)
		r = try_lock(what, path, file, &fd, error);
	if (r < 0)
		return r;
	if (fd < 0)
		return fail(error, -PLUTON_EFAIL,
			    "%.300s: somebody keeps replacing this file; find out who", file);
	write_pid(fd);
	ret->fd = fd;
	return 0;
}

/* --- directories ----------------------------------------------------------------------------- */

/* The mode is given exactly, whatever the umask; one that exists stays as it is. */
static int make_directory(const char *path, mode_t mode, struct lock_error *error)
{
	if (mkdir(path, mode) == 0 && chmod(path, mode) == 0)
		return 0;
	if (errno == EEXIST)
		return 0;
	return fail(error, -PLUTON_EFAIL, "%.300s: cannot be made: %s; make it first", path,
		    strerror(errno));
}

static int check_ours(const char *path, struct lock_error *error)
{
	struct stat status;

	if (stat(path, &status) < 0 || !S_ISDIR(status.st_mode))
		return fail(error, -PLUTON_EINVAL, "%.300s: is no directory; choose another one",
			    path);
	if (status.st_uid != geteuid())
		return fail(error, -PLUTON_EINVAL,
			    "%.300s: belongs to uid %u, the daemon runs as uid %u; chown it", path,
			    (unsigned)status.st_uid, (unsigned)geteuid());
	if (status.st_mode & (S_IWGRP | S_IWOTH))
		return fail(error, -PLUTON_EINVAL,
			    "%.300s: others can write there (mode %04o); chmod go-w it", path,
			    (unsigned)status.st_mode & 07777);
	return 0;
}

static int write_probe(const char *file)
{
	static const char probe[PROBE_SIZE];
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, probe, sizeof(probe)) != sizeof(probe))
		r = errno ? -errno : -ENOSPC;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

/* The lock file may be there already where nothing more can be written. */
static int check_writable(const char *directory, struct lock_error *error)
{
	char *file;
	int r;

	if (asprintf(&file, "%s/probe", directory) < 0)
		return fail(error, -PLUTON_ENOMEM, "no memory");
	unlink(file); /* of one that was killed here */
	errno = 0;
	r = write_probe(file);
	unlink(file);
	free(file);
	if (r == 0)
		return 0;
	return fail(error, -PLUTON_EFAIL,
		    "%.300s: nothing can be written there: %s; make room and make it writable, or "
		    "choose another state directory",
		    directory, strerror(-r));
}

/* --- entry points ---------------------------------------------------------------------------- */

int lock_state(const char *directory, struct lock *ret, struct lock_error *ret_error)
{
	char *file;
	int r = make_directory(directory, 0700, ret_error);

	if (r == 0)
		r = check_ours(directory, ret_error);
	if (r < 0)
		return r;
	if (asprintf(&file, "%s/lock", directory) < 0)
		return fail(ret_error, -PLUTON_ENOMEM, "no memory");
	r = lock_file("state directory", directory, file, ret, ret_error);
	free(file);
	if (r == 0) {
		r = check_writable(directory, ret_error);
		if (r < 0)
			lock_release(ret);
	}
	return r;
}

static int make_parent(const char *path, struct lock_error *error)
{
	const char *slash = strrchr(path, '/');
	char *parent;
	int r;

	if (!slash || slash == path)
		return 0;
	parent = strndup(path, (size_t)(slash - path));
	if (!parent)
		return fail(error, -PLUTON_ENOMEM, "no memory");
	r = make_directory(parent, 0755, error);
	free(parent);
	return r;
}

int lock_socket(const char *path, struct lock *ret, struct lock_error *ret_error)
{
	char *file;
	int r = make_parent(path, ret_error);

	if (r < 0)
		return r;
	if (asprintf(&file, "%s.lock", path) < 0)
		return fail(ret_error, -PLUTON_ENOMEM, "no memory");
	r = lock_file("socket", path, file, ret, ret_error);
	free(file);
	return r;
}

void lock_release(struct lock *lock)
{
	if (lock->fd >= 0)
		close(lock->fd);
	*lock = LOCK_NONE;
}
