/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing the file of one area. A file that a newer Pluton wrote is not damaged: it is
 * told apart by its version, which stands before everything else that may change.
 */
#include "backends/files/area.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t magic[8] = {'P', 'L', 'U', 'T', 'O', 'N', 'N', 'V'};

/* Where things stand in the header; numbers are little-endian. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 8,
	AT_CAPACITY = 12,
	AT_LENGTH = 16,
	AT_LOCKS = 20,
	AT_GENERATION = 24,
	AT_OWNER = 32,
	AT_NAME = 80,
	AT_DATA_DIGEST = 192,
	AT_HEADER_DIGEST = 224,
};

bool area_hash(const void *bytes, size_t size, uint8_t ret_digest[AREA_DIGEST_SIZE])
{
	if (EVP_Digest(bytes, size, ret_digest, NULL, EVP_sha256(), NULL) == 1)
		return true;
	ERR_clear_error();
	return false;
}

void scratch_use(struct scratch *scratch, size_t size)
{
	if (scratch->used < size)
		scratch->used = size;
}

static void store32(uint8_t *bytes, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t load32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

/* --- reading --------------------------------------------------------------------------------- */

/* A file under one path, while it is read. */
struct reading {
	struct disk *disk;
	const char *folder; /* for sentences */
	const char *owner;
	const char *name;
	const char *file;
	int fd;
	uint8_t header[AREA_HEADER_SIZE];
};

static int refuse(const struct reading *reading, const char *what)
{
	return disk_refuse(reading->disk, -PLUTON_EFAIL, "%.200s/nv/%s/%s: %s",
			   reading->disk->options->state, reading->folder, reading->file, what);
}

static int refuse_damaged(const struct reading *reading)
{
	return refuse(reading, "is damaged; restore it from a backup, or move it away and the area "
			       "is gone");
}

static int check_file(const struct reading *reading, struct stat *ret)
{
	if (fstat(reading->fd, ret) < 0)
		return disk_fail(reading->disk, reading->folder, reading->file,
				 "cannot be looked at");
	if (!S_ISREG(ret->st_mode))
		return refuse(reading, "is no file; put the area's file back, or move it away");
	if (ret->st_uid != geteuid())
		return disk_refuse(reading->disk, -PLUTON_EFAIL,
				   "%.200s/nv/%s/%s: belongs to uid %u, the daemon runs as uid %u; "
				   "chown it if it is still yours, or move it away",
				   reading->disk->options->state, reading->folder, reading->file,
				   (unsigned)ret->st_uid, (unsigned)geteuid());
	if (ret->st_mode & (S_IWGRP | S_IWOTH))
		return refuse(reading,
			      "others can write it; chmod 0600 it if it is still yours, or "
			      "move it away");
	return 0;
}

/* Exactly `size` bytes at `offset`; fewer mean that the file is too short. */
static int read_exactly(const struct reading *reading, uint8_t *to, size_t size, off_t offset)
{
	while (size) {
		ssize_t n = pread(reading->fd, to, size, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return disk_fail(reading->disk, reading->folder, reading->file,
					 "cannot be read");
		if (n == 0)
			return refuse_damaged(reading);
		to += n;
		size -= (size_t)n;
		offset += n;
	}
	return 0;
}

static bool says(const uint8_t *field, size_t size, const char *text)
{
	uint8_t expected[NV_NAME_MAX + 8] = {0};

	memcpy(expected, text, strlen(text));
	return memcmp(field, expected, size) == 0;
}

static int check_version(const struct reading *reading)
{
	uint32_t version = load32(reading->header + AT_VERSION);

	if (memcmp(reading->header + AT_MAGIC, magic, sizeof(magic)) != 0)
		return refuse_damaged(reading);
	if (version > AREA_VERSION)
		return disk_refuse(
			reading->disk, -PLUTON_EFAIL,
			"%.200s/nv/%s/%s: was written by a newer Pluton (format %u, this "
			"one knows %u); install that one, or move the file away",
			reading->disk->options->state, reading->folder, reading->file, version,
			AREA_VERSION);
	return version == AREA_VERSION ? 0 : refuse_damaged(reading);
}

static int check_header(const struct reading *reading, off_t file_size, struct area *ret)
{
	const uint8_t *header = reading->header;
	int r = check_version(reading);

	if (r < 0)
		return r;
	if (!area_hash(header, AT_HEADER_DIGEST, ret->digest))
		return refuse(reading, "cannot be checked: no SHA-256; see the OpenSSL set-up");
	if (memcmp(header + AT_HEADER_DIGEST, ret->digest, AREA_DIGEST_SIZE) != 0)
		return refuse_damaged(reading);
	if (!says(header + AT_OWNER, AT_NAME - AT_OWNER, reading->owner) ||
	    !says(header + AT_NAME, NV_NAME_MAX + 8, reading->name))
		return refuse(reading, "is another area's file; put the right one back, or move it "
				       "away");
	ret->capacity = load32(header + AT_CAPACITY);
	ret->length = load32(header + AT_LENGTH);
	ret->locks = load32(header + AT_LOCKS);
	ret->generation = load32(header + AT_GENERATION);
	if (ret->length > ret->capacity || ret->capacity > FILES_AREA_MAX ||
	    file_size != (off_t)(AREA_HEADER_SIZE + ret->length))
		return refuse_damaged(reading);
	return 0;
}

static int read_data(const struct reading *reading, const struct area *area, uint8_t *data)
{
	uint8_t digest[AREA_DIGEST_SIZE];
	int r = read_exactly(reading, data, area->length, AREA_HEADER_SIZE);

	if (r < 0)
		return r;
	if (!area_hash(data, area->length, digest))
		return refuse(reading, "cannot be checked: no SHA-256; see the OpenSSL set-up");
	if (memcmp(digest, reading->header + AT_DATA_DIGEST, sizeof(digest)) != 0)
		return refuse_damaged(reading);
	return 0;
}

static int read_all(struct reading *reading, struct area *ret, struct scratch *data)
{
	struct stat status;
	int r = check_file(reading, &status);

	if (r == 0)
		r = read_exactly(reading, reading->header, AREA_HEADER_SIZE, 0);
	if (r == 0)
		r = check_header(reading, status.st_size, ret);
	if (r < 0 || !data)
		return r;
	scratch_use(data, ret->length);
	return read_data(reading, ret, data->bytes);
}

int area_load(struct disk *disk, int folder, const char *file, const char *owner, const char *name,
	      struct area *ret, struct scratch *data)
{
	struct reading reading = {.disk = disk,
				  .folder = strcmp(file, name) == 0 ? owner : PLACE_NEW,
				  .owner = owner,
				  .name = name,
				  .file = file,
				  .fd = -1};
	int r;

	if (folder >= 0)
		reading.fd = openat(folder, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (folder < 0 || (reading.fd < 0 && errno == ENOENT))
		return -PLUTON_ENODEVICE;
	if (reading.fd < 0)
		return disk_fail(disk, reading.folder, file, "cannot be opened");
	r = read_all(&reading, ret, data);
	close(reading.fd);
	return r;
}

/* --- all of them ----------------------------------------------------------------------------- */

struct areas_visit {
	int (*visit)(void *context, const char *name);
	void *context;
};

static int visit_area(void *context, const char *name)
{
	const struct areas_visit *visit = context;

	return nv_name_valid(name, strlen(name)) ? visit->visit(visit->context, name) : 0;
}

int areas_each(struct disk *disk, int folder, const char *owner,
	       int (*visit)(void *context, const char *name), void *context)
{
	struct areas_visit areas = {visit, context};

	return folder < 0 ? 0 : place_each(disk, folder, owner, visit_area, &areas);
}

/* --- writing --------------------------------------------------------------------------------- */

static bool make_header(uint8_t header[AREA_HEADER_SIZE], const char *owner, const char *name,
			struct area *area, const uint8_t *data)
{
	memset(header, 0, AREA_HEADER_SIZE);
	memcpy(header + AT_MAGIC, magic, sizeof(magic));
	store32(header + AT_VERSION, AREA_VERSION);
	store32(header + AT_CAPACITY, area->capacity);
	store32(header + AT_LENGTH, area->length);
	store32(header + AT_LOCKS, area->locks);
	store32(header + AT_GENERATION, area->generation);
	memcpy(header + AT_OWNER, owner, strlen(owner));
	memcpy(header + AT_NAME, name, strlen(name));
	if (!area_hash(data, area->length, header + AT_DATA_DIGEST) ||
	    !area_hash(header, AT_HEADER_DIGEST, area->digest))
		return false;
	memcpy(header + AT_HEADER_DIGEST, area->digest, AREA_DIGEST_SIZE);
	return true;
}

int area_store(struct disk *disk, int folder, const char *file, const char *owner, const char *name,
	       struct area *area, const uint8_t *data)
{
	uint8_t header[AREA_HEADER_SIZE];
	int fd, r = 0;

	if (!make_header(header, owner, name, area, data))
		return disk_refuse(disk, -PLUTON_EFAIL,
				   "no SHA-256 for the file of an area; see the OpenSSL set-up");
	fd = disk_make_file(disk, folder, file);
	if (fd < 0)
		return disk_fail(disk, owner, name, "cannot be prepared");
	if (disk_write(disk, fd, header, sizeof(header)) < 0 ||
	    disk_write(disk, fd, data, area->length) < 0 || disk_sync_file(disk, fd) < 0) {
		r = disk_fail(disk, owner, name, "cannot be written");
		disk_remove(disk, folder, file);
	}
	close(fd);
	return r;
}
