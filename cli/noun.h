/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nouns of pluton-cli, one file each. main.c has the table.
 */
#ifndef PLUTON_CLI_NOUN_H
#define PLUTON_CLI_NOUN_H

#include "cli/session.h"

int noun_alarm(struct session *session, int argc, char **argv);
int noun_app(struct session *session, int argc, char **argv);
int noun_key(struct session *session, int argc, char **argv);
int noun_log(struct session *session, int argc, char **argv);
int noun_nv(struct session *session, int argc, char **argv);
int noun_tpm(struct session *session, int argc, char **argv);
int noun_trace(struct session *session, int argc, char **argv);
int noun_aes(struct session *session, int argc, char **argv);
int noun_ecc(struct session *session, int argc, char **argv);
int noun_capsules(struct session *session, int argc, char **argv);
int noun_top(struct session *session, int argc, char **argv);
int noun_engines(struct session *session, int argc, char **argv);
int noun_hash(struct session *session, int argc, char **argv);
int noun_kdf(struct session *session, int argc, char **argv);
int noun_mac(struct session *session, int argc, char **argv);
int noun_limits(struct session *session, int argc, char **argv);
int noun_log_level(struct session *session, int argc, char **argv);
int noun_ps(struct session *session, int argc, char **argv);
int noun_random(struct session *session, int argc, char **argv);
int noun_rsa(struct session *session, int argc, char **argv);
int noun_selftest(struct session *session, int argc, char **argv);
int noun_status(struct session *session, int argc, char **argv);

#endif
