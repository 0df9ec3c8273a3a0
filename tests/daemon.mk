# SPDX-License-Identifier: Apache-2.0
# Unit tests of the daemon's own parts, configuration, log and locks, and of the suite itself.
DAEMON_TESTS = config_test lock_test log_test suite_test
check_PROGRAMS += $(DAEMON_TESTS)
TESTS += $(DAEMON_TESTS)

DAEMON_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
DAEMON_TEST_LIBS = libplutond.la libsuite.la

config_test_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
config_test_SOURCES = tests/unit/config_test.c
config_test_LDADD = $(DAEMON_TEST_LIBS)

lock_test_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
lock_test_SOURCES = tests/unit/lock_test.c
lock_test_LDADD = $(DAEMON_TEST_LIBS)

log_test_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
log_test_SOURCES = tests/unit/log_test.c
log_test_LDADD = $(DAEMON_TEST_LIBS)

suite_test_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
suite_test_SOURCES = tests/unit/suite_test.c
suite_test_LDADD = libsuite.la
