/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names, lists of changes and rows of NV memory, and what an engine's capabilities allow. The same
 * answer for hil_select, for the engines and for the checker.
 *
 * The rule a newcomer would break first: a valid name is also a file name that stays in its folder,
 * so no '/' and no '.' in front may ever become valid.
 */
#include "hil/nv.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(struct nv_status) == NV_ROW_SIZE &&
		      offsetof(struct nv_status, locks) == NV_ROW_LOCKS,
	      "a row is a status");

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

bool nv_name_valid(const char *name, size_t length)
{
	if (length < 1 || length > NV_NAME_MAX || name[0] == '.')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!is_name_byte(name[i]))
			return false;
	}
	return true;
}

/* --- requests -------------------------------------------------------------------------------- */

/* A terminated name inside an array of that size. */
static bool is_named(const char *name, size_t size, size_t most)
{
	size_t length = strnlen(name, size);

	return length <= most && nv_name_valid(name, length);
}

static bool has_name(const struct nv_request *request)
{
	return request->action != NV_COMMIT && request->action != NV_LIST;
}

static bool is_lock(enum nv_lock lock)
{
	return lock == NV_LOCK_WRITE_BOOT || lock == NV_LOCK_WRITE || lock == NV_LOCK_READ_BOOT;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool fits(const struct nv_caps *caps, const struct nv_request *request)
{
	size_t area_max = smaller(caps->area_max, request->quota.area_bytes);

	switch (request->action) {
	case NV_DEFINE:
		return request->size <= area_max;
	case NV_READ:
		return request->length <= caps->read_max;
	case NV_WRITE: /* into an area that may be from before the quota was lowered */
		return request->length <= caps->area_max;
	case NV_PUT:
		return request->length <= area_max;
	case NV_COMMIT:
		return request->length <= caps->commit_max;
	default:
		return true;
	}
}

int nv_check(const struct hil_engine *engine, const void *nv_request)
{
	const struct nv_caps *caps = &((const struct nv_engine *)engine)->caps;
	const struct nv_request *request = nv_request;

	if (request->action < NV_DEFINE || request->action > NV_LIST)
		return -PLUTON_EINVAL;
	if (!is_named(request->owner, sizeof(request->owner), NV_OWNER_MAX))
		return -PLUTON_EINVAL;
	if (has_name(request) && !is_named(request->name, sizeof(request->name), NV_NAME_MAX))
		return -PLUTON_EINVAL;
	if (request->action == NV_LOCK && !is_lock(request->lock))
		return -PLUTON_EINVAL;
	return fits(caps, request) ? 0 : -PLUTON_ESIZE;
}

/* --- changes --------------------------------------------------------------------------------- */

static uint32_t load32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static bool is_named_before(const struct nv_change *changes, unsigned count, const char *name)
{
	for (unsigned i = 0; i < count; i++) {
		if (strcmp(changes[i].name, name) == 0)
			return true;
	}
	return false;
}

/* One change at *at, which moves behind it. */
static int parse_change(const uint8_t *list, size_t length, size_t *at, struct nv_change *ret)
{
	uint8_t header[NV_CHANGE_HEADER_SIZE];
	size_t left = length - *at;

	if (left < sizeof(header))
		return -PLUTON_EINVAL;
	memcpy(header, list + *at, sizeof(header));
	left -= sizeof(header);
	*ret = (struct nv_change){.kind = header[0], .length = load32(header + 4)};
	if ((ret->kind != NV_CHANGE_PUT && ret->kind != NV_CHANGE_DELETE) || header[2] || header[3])
		return -PLUTON_EINVAL;
	if (header[1] > NV_NAME_MAX || header[1] > left || ret->length > left - header[1])
		return -PLUTON_EINVAL;
	memcpy(ret->name, list + *at + sizeof(header), header[1]);
	if (!nv_name_valid(ret->name, header[1]))
		return -PLUTON_EINVAL;
	if (ret->kind == NV_CHANGE_DELETE && ret->length)
		return -PLUTON_EINVAL;
	ret->data = *at + sizeof(header) + header[1];
	*at = ret->data + ret->length;
	return 0;
}

int nv_changes_parse(const uint8_t *list, size_t length, uint32_t area_bytes,
		     struct nv_change ret_changes[NV_CHANGES_MAX], unsigned *ret_count)
{
	unsigned count = 0;
	size_t at = 0;

	do {
		struct nv_change change;
		int r = count < NV_CHANGES_MAX ? parse_change(list, length, &at, &change)
					       : -PLUTON_EINVAL;

		if (r < 0)
			return r;
		if (is_named_before(ret_changes, count, change.name))
			return -PLUTON_EINVAL;
		if (change.length > area_bytes)
			return -PLUTON_ESIZE;
		ret_changes[count++] = change;
	} while (at < length);
	*ret_count = count;
	return 0;
}

/* --- rows ------------------------------------------------------------------------------------ */

static void store32(uint8_t *bytes, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

void nv_status_encode(const struct nv_status *status, uint8_t ret_row[NV_ROW_SIZE])
{
	const uint32_t numbers[] = {status->capacity, status->length, status->locks,
				    status->generation};

	memcpy(ret_row, status->name, sizeof(status->name));
	for (size_t i = 0; i < 4; i++)
		store32(ret_row + sizeof(status->name) + 4 * i, numbers[i]);
}
