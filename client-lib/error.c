/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and sentences of the error numbers, for both sides of the channel. Constant data only:
 * whoever calls these may be any thread of any program.
 */
#include <pluton/error.h>

#include <stddef.h>

struct error_entry {
	int number;
	const char *name;
	const char *text;
};

static const struct error_entry entries[] = {
	{0, "SUCCESS", "done"},
	{PLUTON_EFAIL, "FAIL", "it failed"},
	{PLUTON_EBUSY, "BUSY", "in use, or no room now: try again later"},
	{PLUTON_EALREADY, "ALREADY", "already done or under way"},
	{PLUTON_EOFF, "OFF", "nobody listens, or the connection is gone"},
	{PLUTON_ERESERVE, "RESERVE", "no such stream or subscription"},
	{PLUTON_EINVAL, "INVAL", "a wrong value"},
	{PLUTON_ESIZE, "SIZE", "a wrong size, or over a limit"},
	{PLUTON_ECANCEL, "CANCEL", "cancelled"},
	{PLUTON_ENOMEM, "NOMEM", "no memory left for it"},
	{PLUTON_ENOSUPPORT, "NOSUPPORT", "not supported"},
	{PLUTON_ENODEVICE, "NODEVICE", "no such driver, not allowed, or its engine is gone"},
	{PLUTON_EUNINSTALLED, "UNINSTALLED", "the device is not there"},
	{PLUTON_ENOACK, "NOACK", "the device did not answer"},
	{PLUTON_EBADRVAL, "BADRVAL", "the daemon broke the protocol"},
};

static const struct error_entry *find(int error)
{
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		if (entries[i].number == error || entries[i].number == -(long)error)
			return &entries[i];
	}
	return NULL;
}

const char *pluton_error_name(int error)
{
	const struct error_entry *entry = find(error);

	return entry ? entry->name : "UNKNOWN";
}

const char *pluton_error_text(int error)
{
	const struct error_entry *entry = find(error);

	return entry ? entry->text : "an unknown error";
}
