/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to bytes and back. The fields of a type stand in one `get` and one `put` function in the
 * order of the wire; a cursor walks both, so no offset is written twice.
 *
 * The rule a newcomer would break first: a length is checked against the bytes that are there
 * before anything behind it is looked at.
 */
#include "daemon/kernel/record.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include <pluton/error.h>

#define HELLO_SIZE 24u
#define CALL_SIZE 40u
#define BARE_SIZE RECORD_HEADER_SIZE /* of records that are a header alone */
#define WINDOW_SIZE 20u
#define WELCOME_SIZE 52u

static_assert(RECORD_SIZE_MAX <= UINT16_MAX, "lengths inside a record are 16 bits");
static_assert(RECORD_TEXT_MAX <= RECORD_INLINE_LIMIT, "a text fits where inline bytes do");

/* --- cursors --------------------------------------------------------------------------------- */

static uint16_t get16(const uint8_t **from)
{
	uint16_t value;

	memcpy(&value, *from, sizeof(value));
	*from += sizeof(value);
	return le16toh(value);
}

static uint32_t get32(const uint8_t **from)
{
	uint32_t value;

	memcpy(&value, *from, sizeof(value));
	*from += sizeof(value);
	return le32toh(value);
}

static void get_words(const uint8_t **from, uint32_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		words[i] = get32(from);
}

static void put16(uint8_t **to, uint16_t value)
{
	value = htole16(value);
	memcpy(*to, &value, sizeof(value));
	*to += sizeof(value);
}

static void put32(uint8_t **to, uint32_t value)
{
	value = htole32(value);
	memcpy(*to, &value, sizeof(value));
	*to += sizeof(value);
}

static void put_words(uint8_t **to, const uint32_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put32(to, words[i]);
}

static void put_bytes(uint8_t **to, const void *bytes, size_t size)
{
	if (size > 0)
		memcpy(*to, bytes, size);
	*to += size;
}

/* --- decoding -------------------------------------------------------------------------------- */

static void get_header(const uint8_t *from, struct record_header *ret)
{
	ret->type = get16(&from);
	ret->flags = get16(&from);
	ret->size = get32(&from);
	ret->op_id = get32(&from);
	ret->driver = get32(&from);
}

static int get_hello(const uint8_t *from, size_t size, struct record *ret)
{
	if (size != HELLO_SIZE)
		return -PLUTON_ESIZE;
	if (ret->header.op_id != 0 || ret->header.driver != 0)
		return -PLUTON_EINVAL;
	ret->hello.version = get32(&from);
	ret->hello.features = get32(&from);
	return 0;
}

static int get_welcome(const uint8_t *from, size_t size, struct record *ret)
{
	struct record_welcome *welcome = &ret->welcome;

	if (size != WELCOME_SIZE)
		return -PLUTON_ESIZE;
	if (ret->header.op_id != 0 || ret->header.driver != 0)
		return -PLUTON_EINVAL;
	welcome->version = get32(&from);
	welcome->features = get32(&from);
	welcome->pid = get32(&from);
	welcome->process_index = get32(&from);
	welcome->process_generation = get32(&from);
	welcome->inline_max = get32(&from);
	welcome->operations_max = get32(&from);
	welcome->windows_max = get32(&from);
	welcome->window_size_max = get32(&from);
	return 0;
}

static void get_ranges(const uint8_t **from, struct record_range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		ranges[i].window = get32(from);
		ranges[i].offset = get32(from);
		ranges[i].length = get32(from);
	}
}

static int get_operation(const uint8_t *from, size_t size, struct record *ret)
{
	struct record_operation *operation = &ret->operation;

	if (size < RECORD_FIXED_SIZE)
		return -PLUTON_ESIZE;
	operation->command = get32(&from);
	get_words(&from, operation->words, RECORD_WORDS);
	operation->inline_length = get16(&from);
	operation->output_length = get16(&from);
	operation->range_count = get16(&from);
	if (get16(&from) != 0 || get32(&from) != 0 || operation->range_count > RECORD_RANGES_MAX)
		return -PLUTON_EINVAL;
	if (size != RECORD_FIXED_SIZE + operation->range_count * RECORD_RANGE_SIZE +
			    operation->inline_length ||
	    (uint32_t)operation->inline_length + operation->output_length > RECORD_INLINE_LIMIT)
		return -PLUTON_ESIZE;
	get_ranges(&from, operation->ranges, operation->range_count);
	operation->inline_bytes = from;
	return 0;
}

static int get_call(const uint8_t *from, size_t size, struct record *ret)
{
	if (size != CALL_SIZE)
		return -PLUTON_ESIZE;
	ret->call.class = get32(&from);
	ret->call.number = get32(&from);
	get_words(&from, ret->call.args, 4);
	return 0;
}

static int get_cancel(const uint8_t *from, size_t size, struct record *ret)
{
	(void)from;
	if (size != BARE_SIZE)
		return -PLUTON_ESIZE;
	/* Only a standing operation is named by its driver. */
	return ret->header.op_id == 0 || ret->header.driver == 0 ? 0 : -PLUTON_EINVAL;
}

/* No field but op_id is theirs, and a doorbell has not even that. */
static int get_bare(size_t size, const struct record_header *header)
{
	if (size != BARE_SIZE)
		return -PLUTON_ESIZE;
	if (header->driver != 0 || (header->type == RECORD_DOORBELL && header->op_id != 0))
		return -PLUTON_EINVAL;
	return 0;
}

static int get_window(const uint8_t *from, size_t size, struct record *ret)
{
	if (size != WINDOW_SIZE)
		return -PLUTON_ESIZE;
	ret->window.window = get32(&from);
	if (ret->header.driver != 0)
		return -PLUTON_EINVAL;
	if (ret->header.type == RECORD_WINDOW_ADD && ret->window.window != 0)
		return -PLUTON_EINVAL;
	return 0;
}

static int get_return(const uint8_t *from, size_t size, struct record *ret)
{
	if (size < RECORD_FIXED_SIZE)
		return -PLUTON_ESIZE;
	ret->ret.variant = get32(&from);
	get_words(&from, ret->ret.words, RECORD_RETURN_WORDS);
	ret->ret.text_length = get16(&from);
	if (get16(&from) != 0 || get32(&from) != 0 || get32(&from) != 0 || get32(&from) != 0)
		return -PLUTON_EINVAL;
	if (size != RECORD_FIXED_SIZE + (size_t)ret->ret.text_length ||
	    ret->ret.text_length > RECORD_TEXT_MAX)
		return -PLUTON_ESIZE;
	ret->ret.text = (const char *)from;
	return 0;
}

static int get_upcall(const uint8_t *from, size_t size, struct record *ret)
{
	struct record_upcall *upcall = &ret->upcall;

	if (size < RECORD_FIXED_SIZE)
		return -PLUTON_ESIZE;
	upcall->number = get32(&from);
	get_words(&from, upcall->words, RECORD_RETURN_WORDS);
	upcall->missed = get32(&from);
	upcall->subscription = get32(&from);
	upcall->output_length = get16(&from);
	if (get16(&from) != 0 || get32(&from) != 0)
		return -PLUTON_EINVAL;
	if (size != RECORD_FIXED_SIZE + (size_t)upcall->output_length ||
	    upcall->output_length > RECORD_INLINE_LIMIT)
		return -PLUTON_ESIZE;
	upcall->output = from;
	return 0;
}

static int get_body(const uint8_t *from, size_t size, struct record *ret)
{
	switch (ret->header.type) {
	case RECORD_HELLO:
		return get_hello(from, size, ret);
	case RECORD_OPERATION:
		return get_operation(from, size, ret);
	case RECORD_CALL:
		return get_call(from, size, ret);
	case RECORD_CANCEL:
		return get_cancel(from, size, ret);
	case RECORD_RINGS_OPEN:
	case RECORD_DOORBELL:
		return get_bare(size, &ret->header);
	case RECORD_WINDOW_ADD:
	case RECORD_WINDOW_REMOVE:
		return get_window(from, size, ret);
	case RECORD_WELCOME:
		return get_welcome(from, size, ret);
	case RECORD_RETURN:
		return get_return(from, size, ret);
	case RECORD_UPCALL:
		return get_upcall(from, size, ret);
	default:
		return -PLUTON_ENOSUPPORT;
	}
}

static uint16_t flags_of_type(uint16_t type)
{
	return type == RECORD_UPCALL ? RECORD_MORE : 0;
}

int record_decode(const void *bytes, size_t size, struct record *ret)
{
	struct record_header header;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (size < RECORD_HEADER_SIZE)
		return -PLUTON_ESIZE;
	get_header(bytes, &header);
	ret->header = header;
	if (header.size != size)
		return -PLUTON_ESIZE;
	r = get_body((const uint8_t *)bytes + RECORD_HEADER_SIZE, size, ret);
	if (r == 0 && (header.flags & ~flags_of_type(header.type)) != 0)
		r = -PLUTON_EINVAL;
	if (r < 0)
		*ret = (struct record){.header = header};
	return r;
}

/* --- encoding -------------------------------------------------------------------------------- */

/* Bytes of the record on the wire, or a negative error. */
static int encoded_size(const struct record *record)
{
	const struct record_operation *operation = &record->operation;

	switch (record->header.type) {
	case RECORD_HELLO:
		return HELLO_SIZE;
	case RECORD_CALL:
		return CALL_SIZE;
	case RECORD_CANCEL:
	case RECORD_RINGS_OPEN:
	case RECORD_DOORBELL:
		return BARE_SIZE;
	case RECORD_WINDOW_ADD:
	case RECORD_WINDOW_REMOVE:
		return WINDOW_SIZE;
	case RECORD_WELCOME:
		return WELCOME_SIZE;
	case RECORD_OPERATION:
		if (operation->range_count > RECORD_RANGES_MAX ||
		    operation->inline_length + operation->output_length > (int)RECORD_INLINE_LIMIT)
			return -PLUTON_ESIZE;
		return (int)(RECORD_FIXED_SIZE + operation->range_count * RECORD_RANGE_SIZE +
			     operation->inline_length);
	case RECORD_RETURN:
		if (record->ret.text_length > RECORD_TEXT_MAX)
			return -PLUTON_ESIZE;
		return (int)RECORD_FIXED_SIZE + record->ret.text_length;
	case RECORD_UPCALL:
		if (record->upcall.output_length > RECORD_INLINE_LIMIT)
			return -PLUTON_ESIZE;
		return (int)RECORD_FIXED_SIZE + record->upcall.output_length;
	default:
		return -PLUTON_ENOSUPPORT;
	}
}

static void put_operation(uint8_t *to, const struct record_operation *operation)
{
	put32(&to, operation->command);
	put_words(&to, operation->words, RECORD_WORDS);
	put16(&to, operation->inline_length);
	put16(&to, operation->output_length);
	put16(&to, operation->range_count);
	put16(&to, 0);
	put32(&to, 0);
	for (size_t i = 0; i < operation->range_count; i++) {
		put32(&to, operation->ranges[i].window);
		put32(&to, operation->ranges[i].offset);
		put32(&to, operation->ranges[i].length);
	}
	put_bytes(&to, operation->inline_bytes, operation->inline_length);
}

static void put_welcome(uint8_t *to, const struct record_welcome *welcome)
{
	put32(&to, welcome->version);
	put32(&to, welcome->features);
	put32(&to, welcome->pid);
	put32(&to, welcome->process_index);
	put32(&to, welcome->process_generation);
	put32(&to, welcome->inline_max);
	put32(&to, welcome->operations_max);
	put32(&to, welcome->windows_max);
	put32(&to, welcome->window_size_max);
}

static void put_call(uint8_t *to, const struct record_call *call)
{
	put32(&to, call->class);
	put32(&to, call->number);
	put_words(&to, call->args, 4);
}

static void put_return(uint8_t *to, const struct record_return *ret)
{
	put32(&to, ret->variant);
	put_words(&to, ret->words, RECORD_RETURN_WORDS);
	put16(&to, ret->text_length);
	put16(&to, 0);
	put_words(&to, (const uint32_t[3]){0}, 3);
	put_bytes(&to, ret->text, ret->text_length);
}

static void put_upcall(uint8_t *to, const struct record_upcall *upcall)
{
	put32(&to, upcall->number);
	put_words(&to, upcall->words, RECORD_RETURN_WORDS);
	put32(&to, upcall->missed);
	put32(&to, upcall->subscription);
	put16(&to, upcall->output_length);
	put16(&to, 0);
	put32(&to, 0);
	put_bytes(&to, upcall->output, upcall->output_length);
}

static void put_body(uint8_t *to, const struct record *record)
{
	switch (record->header.type) {
	case RECORD_HELLO:
		put32(&to, record->hello.version);
		put32(&to, record->hello.features);
		break;
	case RECORD_WELCOME:
		put_welcome(to, &record->welcome);
		break;
	case RECORD_OPERATION:
		put_operation(to, &record->operation);
		break;
	case RECORD_CALL:
		put_call(to, &record->call);
		break;
	case RECORD_WINDOW_ADD:
	case RECORD_WINDOW_REMOVE:
		put32(&to, record->window.window);
		break;
	case RECORD_RETURN:
		put_return(to, &record->ret);
		break;
	case RECORD_UPCALL:
		put_upcall(to, &record->upcall);
		break;
	default: /* the header is all */
		break;
	}
}

int record_encode(const struct record *record, void *bytes, size_t capacity)
{
	uint8_t *to = bytes;
	int size = encoded_size(record);

	if (size < 0)
		return size;
	if ((size_t)size > capacity)
		return -PLUTON_ESIZE;
	put16(&to, record->header.type);
	put16(&to, record->header.flags);
	put32(&to, (uint32_t)size);
	put32(&to, record->header.op_id);
	put32(&to, record->header.driver);
	put_body(to, record);
	return size;
}
