/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message authentication codes: HMAC (FIPS 198-1) and AES-CMAC (NIST SP 800-38B). Threads and
 * common errors: pluton/pluton.h.
 */
#ifndef PLUTON_MAC_H
#define PLUTON_MAC_H

#include <pluton/pluton.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define PLUTON_DRIVER_HMAC 0x40003u
#define PLUTON_DRIVER_CMAC 0x80000003u

enum pluton_mac_algorithm {
	PLUTON_HMAC_SHA1 = 1,
	PLUTON_HMAC_SHA224 = 2,
	PLUTON_HMAC_SHA256 = 3,
	PLUTON_HMAC_SHA384 = 4,
	PLUTON_HMAC_SHA512 = 5,
	PLUTON_HMAC_SHA3_256 = 6,
	PLUTON_HMAC_SHA3_384 = 7,
	PLUTON_HMAC_SHA3_512 = 8,
	PLUTON_CMAC_AES = 24,
};

#define PLUTON_MAC_SIZE_MAX 64
#define PLUTON_MAC_SIZE_MIN 4 /* NIST SP 800-107, section 5.3.3 */
#define PLUTON_HMAC_KEY_SIZE_MAX 1024

/* Bytes of a whole MAC; 0 for an unknown algorithm. */
size_t pluton_mac_size(enum pluton_mac_algorithm algorithm);

/* "hmac-sha256" to PLUTON_HMAC_SHA256, "cmac" to PLUTON_CMAC_AES; 0 for an unknown name. */
enum pluton_mac_algorithm pluton_mac_by_name(const char *name);

struct pluton_mac_request {
	enum pluton_mac_algorithm algorithm;
	const void *key;
	size_t key_size; /* bytes: HMAC 1 to PLUTON_HMAC_KEY_SIZE_MAX; CMAC 16, 24 or 32 */
	const void *input;
	size_t length; /* bytes; 0 is the empty message */
	void *mac;     /* out for pluton_mac, in for pluton_mac_verify */
	/* bytes of it, the leftmost: PLUTON_MAC_SIZE_MIN to pluton_mac_size(algorithm) */
	size_t mac_size;
	uint32_t key_slot; /* in place of key: the caller's slot of that number (pluton/hwkey.h) */
};

/*
 * The MAC of a message of any length. -PLUTON_ENOSUPPORT: no engine has the algorithm.
 * -PLUTON_ESIZE: a wrong size of the key or the MAC.
 */
int pluton_mac(struct pluton *pluton, const struct pluton_mac_request *request);

/* Checks one, in a time that does not tell where it is wrong. -PLUTON_EINVAL: it is wrong. */
int pluton_mac_verify(struct pluton *pluton, const struct pluton_mac_request *request);

/*
 * The same in one operation: the memory that the request points to must stay until `done` has run
 * (the request itself need not). -PLUTON_ESIZE also: longer than window_size_max.
 * -PLUTON_EBUSY: operations_max are under way.
 */
int pluton_mac_async(struct pluton *pluton, const struct pluton_mac_request *request,
		     pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);
int pluton_mac_verify_async(struct pluton *pluton, const struct pluton_mac_request *request,
			    pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);

/*
 * A message in pieces. The state, and with it the key, lives in the daemon, in memory charged to
 * this process, and is wiped with the stream. Limits and loss of a stream as in pluton/digest.h.
 */
struct pluton_mac_stream {
	uint32_t id;
	enum pluton_mac_algorithm algorithm;
	uint32_t connection; /* the library's own */
};
int pluton_mac_begin(struct pluton *pluton, enum pluton_mac_algorithm algorithm, const void *key,
		     size_t key_size, struct pluton_mac_stream *ret);
/* The same with the key in a slot; that key is never in the stream's state. */
int pluton_mac_begin_slot(struct pluton *pluton, enum pluton_mac_algorithm algorithm,
			  uint32_t key_slot, struct pluton_mac_stream *ret);
int pluton_mac_update(struct pluton *pluton, const struct pluton_mac_stream *stream,
		      const void *input, size_t length);
int pluton_mac_update_async(struct pluton *pluton, const struct pluton_mac_stream *stream,
			    const void *input, size_t length, pluton_done_fn done, void *userdata,
			    pluton_operation_id *ret_id);
/* Gives the MAC and ends the stream. */
int pluton_mac_finish(struct pluton *pluton, const struct pluton_mac_stream *stream, void *mac,
		      size_t mac_size);
/* Checks the MAC and ends the stream, also if it is wrong: -PLUTON_EINVAL. */
int pluton_mac_finish_verify(struct pluton *pluton, const struct pluton_mac_stream *stream,
			     const void *mac, size_t mac_size);
/* Ends the stream without a MAC. */
int pluton_mac_abort(struct pluton *pluton, const struct pluton_mac_stream *stream);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
