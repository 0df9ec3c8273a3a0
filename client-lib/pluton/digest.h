/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash functions: FIPS 180-4, FIPS 202. Threads and common errors: pluton/pluton.h.
 */
#ifndef PLUTON_DIGEST_H
#define PLUTON_DIGEST_H

#include <pluton/pluton.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define PLUTON_DRIVER_DIGEST 0x40005u

enum pluton_digest_algorithm {
	PLUTON_SHA1 = 1,
	PLUTON_SHA224 = 2,
	PLUTON_SHA256 = 3,
	PLUTON_SHA384 = 4,
	PLUTON_SHA512 = 5,
	PLUTON_SHA3_256 = 6,
	PLUTON_SHA3_384 = 7,
	PLUTON_SHA3_512 = 8,
};

#define PLUTON_DIGEST_SIZE_MAX 64

/* Bytes of a digest; 0 for an unknown algorithm. */
size_t pluton_digest_size(enum pluton_digest_algorithm algorithm);

/* "sha256" to PLUTON_SHA256; 0 for an unknown name. */
enum pluton_digest_algorithm pluton_digest_by_name(const char *name);

struct pluton_digest_request {
	enum pluton_digest_algorithm algorithm;
	const void *input;
	size_t length;	    /* bytes; 0 is the empty message */
	void *digest;	    /* out */
	size_t digest_size; /* bytes there; at least pluton_digest_size(algorithm) */
};

/*
 * Hashes a message of any length. -PLUTON_ENOSUPPORT: no engine has the algorithm.
 * -PLUTON_ESIZE: digest_size is too small.
 */
int pluton_digest(struct pluton *pluton, const struct pluton_digest_request *request);

/*
 * The same in one operation: the memory that the request points to must stay until `done` has run
 * (the request itself need not). -PLUTON_ESIZE also: longer than window_size_max.
 * -PLUTON_EBUSY: operations_max are under way.
 */
int pluton_digest_async(struct pluton *pluton, const struct pluton_digest_request *request,
			pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);

/*
 * A message in pieces. The state lives in the daemon, in memory charged to this process; at most
 * `grants_per_capsule` streams at once (-PLUTON_EBUSY). A failed or cancelled update or finish may
 * have ended the stream or not (one that was refused before its turn has not): abort it, before
 * another is begun, which may get its number. Update, finish and abort of a stream that is not
 * there return -PLUTON_ERESERVE; after a failure that says no more than that it had ended.
 */
struct pluton_digest_stream {
	uint32_t id;
	enum pluton_digest_algorithm algorithm;
	uint32_t connection; /* the library's own */
};
int pluton_digest_begin(struct pluton *pluton, enum pluton_digest_algorithm algorithm,
			struct pluton_digest_stream *ret);
int pluton_digest_update(struct pluton *pluton, const struct pluton_digest_stream *stream,
			 const void *input, size_t length);
int pluton_digest_update_async(struct pluton *pluton, const struct pluton_digest_stream *stream,
			       const void *input, size_t length, pluton_done_fn done,
			       void *userdata, pluton_operation_id *ret_id);
/* Gives the digest and ends the stream. */
int pluton_digest_finish(struct pluton *pluton, const struct pluton_digest_stream *stream,
			 void *digest, size_t digest_size);
/* Ends the stream without a digest. */
int pluton_digest_abort(struct pluton *pluton, const struct pluton_digest_stream *stream);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
