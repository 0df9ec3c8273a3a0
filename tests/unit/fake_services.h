/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the fake daemon: a request while it is being served, and the services that hand
 * out times, lines, areas and channels.
 */
#ifndef PLUTON_TESTS_FAKE_SERVICES_H
#define PLUTON_TESTS_FAKE_SERVICES_H

#include "tests/unit/fake_daemon.h"

/* Output that goes into the answer's record lies in `output`. */
struct fake_request {
	const struct record *record;
	uint8_t output[RECORD_INLINE_LIMIT];
	uint32_t words[2];
};

/* The memory behind a slot; the test program ends if it is not the client's to name. */
uint8_t *fake_slot(struct fake_daemon *fake, struct fake_request *request, unsigned slot);
uint32_t fake_slot_length(const struct fake_request *request, unsigned slot);

/* By an upcall; error 0 is success. */
void fake_answer(struct fake_daemon *fake, const struct fake_request *request, uint32_t error);

/* By a return, with a text. */
void fake_refuse(struct fake_daemon *fake, const struct fake_request *request, uint32_t error);

/* false: no service here has this driver. */
bool fake_serve_service(struct fake_daemon *fake, struct fake_request *request);

#endif
