/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the apps of fork_test do: the test program runs itself with --app and the name of a way to
 * behave, or to misbehave.
 */
#ifndef PLUTON_TESTS_FORK_APP_H
#define PLUTON_TESTS_FORK_APP_H

/* argv as main got it, argv[1] being "--app". */
int fork_app(int argc, char **argv);

/* sd_notify(3) by hand, so that wrong things can be said too. fd -1: none goes along. */
int fork_app_notify(const char *socket_path, const void *message, unsigned long length, int fd);

#endif
