/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that is to be hashed must not be writable for others: they could change it in place
 * between the hash and the start, which no descriptor protects from.
 */
#include "backends/fork/program.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/fork/host.h"

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* NULL: not found, or no memory. */
static char *look_up(const char *name, const char *const *folders)
{
	char *path;

	if (name[0] == '/')
		return strdup(name);
	for (; *folders; folders++) {
		if (asprintf(&path, "%s/%s", *folders, name) < 0)
			return NULL;
		if (is_program(path))
			return path;
		free(path);
	}
	return NULL;
}

/* The end of a path says more than its beginning where there is no room for all. */
static const char *tail(const char *path, size_t room)
{
	size_t length = strlen(path);

	return length <= room ? path : path + length - room;
}

static int check_file(const struct program *program, const struct definition *definition,
		      char *reason, size_t size)
{
	struct stat st;

	if (fstat(program->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return host_fail(reason, size, "%s is no file; correct exec",
				 tail(program->path, 60));
	if (definition->hashed && (st.st_mode & (S_IWGRP | S_IWOTH)))
		return host_fail(reason, size, "others can write %s; chmod go-w it",
				 tail(program->path, 60));
	return 0;
}

static int start_hash(struct program *program)
{
	program->hash = EVP_MD_CTX_new();
	return program->hash && EVP_DigestInit_ex(program->hash, EVP_sha256(), NULL) == 1
		       ? 0
		       : -PLUTON_ENOMEM;
}

int program_open(struct program *program, const struct definition *definition,
		 const char *const *folders, char *reason, size_t size)
{
	/* Without a hash it need not be readable, and a fifo or device is not touched. */
	int flags = definition->hashed ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH;
	int r;

	*program = (struct program){.fd = -1, .path = look_up(definition->arguments[0], folders)};
	if (!program->path)
		return host_fail(reason, size,
				 "there is no program %.40s; install it, or correct exec",
				 definition->arguments[0]);
	program->fd = open(program->path, flags | O_CLOEXEC);
	if (program->fd < 0)
		r = host_fail(reason, size, "%s: %s; correct exec", tail(program->path, 50),
			      strerror(errno));
	else
		r = check_file(program, definition, reason, size);
	if (r == 0 && definition->hashed && start_hash(program) < 0)
		r = host_fail(reason, size, "no memory for the hash of its program");
	if (r < 0)
		program_close(program);
	return r;
}

static int compare(struct program *program, const struct definition *definition, char *reason,
		   size_t size)
{
	uint8_t found[EVP_MAX_MD_SIZE];

	if (EVP_DigestFinal_ex(program->hash, found, NULL) == 1 &&
	    memcmp(found, definition->sha256, sizeof(definition->sha256)) == 0)
		return 0;
	return host_fail(reason, size,
			 "%s is not what sha256 says; reinstall it, or correct sha256",
			 tail(program->path, 45));
}

int program_check(struct program *program, const struct definition *definition, char *reason,
		  size_t size)
{
	static uint8_t piece[PROGRAM_PIECE];
	ssize_t n = read(program->fd, piece, sizeof(piece));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 1;
	if (n < 0)
		return host_fail(reason, size, "%s cannot be read: %s", tail(program->path, 45),
				 strerror(errno));
	if (n == 0)
		return compare(program, definition, reason, size);
	if (EVP_DigestUpdate(program->hash, piece, (size_t)n) != 1)
		return host_fail(reason, size, "the hash of its program failed");
	return 1;
}

void program_close(struct program *program)
{
	EVP_MD_CTX_free(program->hash);
	if (program->path && program->fd >= 0)
		close(program->fd);
	free(program->path);
	*program = (struct program){.fd = -1};
}
