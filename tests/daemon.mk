# SPDX-License-Identifier: Apache-2.0
# Unit tests of the daemon's own parts: configuration, log, locks.
DAEMON_TESTS = tests/unit/config_test tests/unit/lock_test tests/unit/log_test
check_PROGRAMS += $(DAEMON_TESTS)
TESTS += $(DAEMON_TESTS)

DAEMON_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS)
tests_unit_config_test_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_config_test_LDADD = libplutond.la libsuite.la
tests_unit_lock_test_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_lock_test_LDADD = libplutond.la libsuite.la
tests_unit_log_test_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_log_test_LDADD = libplutond.la libsuite.la
