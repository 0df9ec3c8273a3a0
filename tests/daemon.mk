# SPDX-License-Identifier: Apache-2.0
# Unit tests of the daemon's own parts: configuration, log, locks.
DAEMON_TESTS = tests/unit/test_config tests/unit/test_lock tests/unit/test_log
check_PROGRAMS += $(DAEMON_TESTS)
TESTS += $(DAEMON_TESTS)

DAEMON_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_config_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_test_config_LDADD = libplutond.la libsuite.la
tests_unit_test_lock_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_test_lock_LDADD = libplutond.la libsuite.la
tests_unit_test_log_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_log_LDADD = libplutond.la libsuite.la
