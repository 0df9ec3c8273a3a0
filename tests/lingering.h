/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hostile clients send: a descriptor whose last close takes a minute.
 */
#ifndef PLUTON_TESTS_LINGERING_H
#define PLUTON_TESTS_LINGERING_H

/* A connected TCP socket on loopback whose close waits for *ret_peer, which must not read. */
int lingering_socket(int *ret_peer);

#endif
