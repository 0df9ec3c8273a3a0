/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Error numbers of Pluton, on both sides of the channel.
 *
 * Every function that can fail returns 0 (or a count) or a negative one of these, as in
 * `return -PLUTON_EINVAL`. Numbers and meanings are Tock's: TRD104 section 3.2. Numbers above
 * 1023 belong to the library and never come from the daemon.
 */
#ifndef PLUTON_ERROR_H
#define PLUTON_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum pluton_error {
	PLUTON_EFAIL = 1,	  /* failed for a reason that no other number names */
	PLUTON_EBUSY = 2,	  /* in use or no room now: try again after an answer came */
	PLUTON_EALREADY = 3,	  /* already done or already under way */
	PLUTON_EOFF = 4,	  /* powered down: nobody listens, or the connection is gone */
	PLUTON_ERESERVE = 5,	  /* nothing is reserved: a stream or subscription is missing */
	PLUTON_EINVAL = 6,	  /* a wrong value; also a tag that does not match */
	PLUTON_ESIZE = 7,	  /* a wrong size, or over a limit */
	PLUTON_ECANCEL = 8,	  /* cancelled */
	PLUTON_ENOMEM = 9,	  /* the memory of this process or of the pool is used up */
	PLUTON_ENOSUPPORT = 10,	  /* no such command, mode, algorithm or version */
	PLUTON_ENODEVICE = 11,	  /* no such driver, not allowed to use it, or its engine is gone */
	PLUTON_EUNINSTALLED = 12, /* the device is not physically there */
	PLUTON_ENOACK = 13,	  /* the device did not answer */
	PLUTON_EBADRVAL = 1024,	  /* the daemon sent something that the protocol does not allow */
};

/*
 * The short name of an error ("INVAL" for 6 or -6, "SUCCESS" for 0), or "UNKNOWN". Never NULL; a
 * constant string; callable from any thread.
 */
const char *pluton_error_name(int error);

/* One lower-case sentence fragment for a person ("a wrong value"). Rules as above. */
const char *pluton_error_text(int error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
