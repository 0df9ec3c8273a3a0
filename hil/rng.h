/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HIL for a random number generator (NIST SP 800-90A to C; Tock's kernel/src/hil/rng.rs).
 * Contract: hil/contract.h. Callbacks: push_output until request.length bytes are out, then done.
 */
#ifndef PLUTON_HIL_RNG_H
#define PLUTON_HIL_RNG_H

#include "hil/contract.h"

struct rng_request {
	size_t length; /* bytes wanted; 0 is done at once, with no push */
};

struct rng_client;

struct rng_client_ops {
	ssize_t (*push_output)(struct rng_client *client, const uint8_t *buf, size_t len,
			       size_t cursor);
	/* 0, or the negative error that ended it. Bytes pushed before an error are void. */
	void (*done)(struct rng_client *client, int result);
};

/* Embedded in what the client keeps; stays put until done. */
struct rng_client {
	const struct rng_client_ops *ops;
};

struct rng_caps {
	size_t request_max; /* bytes of one request */
};

struct rng_engine {
	struct hil_engine head;
	struct rng_caps caps;
	const struct rng_engine_ops *ops;
};

struct rng_engine_ops {
	/*
	 * 0: done will come. -PLUTON_ESIZE: over caps.request_max. -PLUTON_EBUSY: concurrency
	 * used up. -PLUTON_ENODEVICE: the device is gone. *request is copied.
	 */
	int (*start)(struct rng_engine *engine, const struct rng_request *request,
		     struct rng_client *client);
	/* 0: done is on its way. -PLUTON_EINVAL: this client has nothing under way. */
	int (*cancel)(struct rng_engine *engine, struct rng_client *client);
};

/* Whether caps allow the request: 0 or -PLUTON_ESIZE. For hil_select and for engines. */
int rng_check(const struct hil_engine *engine, const void *rng_request);

#endif
